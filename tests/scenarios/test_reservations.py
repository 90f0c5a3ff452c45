"""ReserveNow and CancelReservation: who is kept a gun, what the guns show, and how a reservation ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.ocpp.core import RemoteStartTransactionRequest
from forecourt.ocpp.reservation import (
    CancelReservationRequest,
    CancelReservationResponse,
    ReserveNowRequest,
    ReserveNowResponse,
)
from forecourt.supervision.outcomes import Answered
from tests.reserving import cancel, come, moment, reserve, reserved, statuses, why

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

GROUND_ERROR, EMERGENCY_STOP = "0x100206", "0x200202"


# Making one.


@pytest.mark.requirement("OCPP-5.13-2", "OCPP-4.9-12")
def test_free_gun_is_reserved_and_says_so_until_it_is_cancelled(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert reserve(world, central) == "Accepted"
    world.run(1)
    assert station.reported(1) == ["Available", "Reserved"]
    assert statuses(station) == ["Reserved", "Available"]
    said = [m.action for m in station.wire.messages if m.direction == ">" and m.at > 4]
    assert said == ["ReserveNow", "StatusNotification"]
    (one,) = station.snapshot().reservations
    assert (one.reservationId, one.connectorId, one.idTag, one.parentIdTag) == (7, 1, "MINE", None)
    assert one.expiryDate == datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)
    assert cancel(central) == "Accepted"
    world.run(1)
    assert station.reported(1) == ["Available", "Reserved", "Available"]


@pytest.mark.requirement("OCPP-5.1-1")
def test_cancelled_reservation_frees_the_gun_for_anyone(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central)
    assert cancel(central) == "Accepted"
    world.run(1)
    assert station.reported(1)[-1] == "Available"
    assert reserved(station) == []
    come(world, station, "OTHER")
    assert station.status(1) == "Charging"
    assert "reservationId" not in station.wire.payloads("StartTransaction")[0]


@pytest.mark.requirement("OCPP-5.1-2")
@pytest.mark.parametrize("number", [8, -7, 0])
def test_cancelling_an_unknown_reservation_is_rejected_and_changes_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation, number: int
) -> None:
    assert cancel(central, number) == "Rejected"
    reserve(world, central)
    assert cancel(central, number) == "Rejected"
    world.run(1)
    assert (station.status(1), reserved(station)) == ("Reserved", [7])
    assert why(station, "CancelReservation refused") == [
        f"expected the id of a reservation (none), came {number}",
        f"expected the id of a reservation (7), came {number}",
    ]
    assert cancel(central) == "Accepted"
    assert cancel(central) == "Rejected", "once"


@pytest.mark.requirement("OCPP-5.13-1")
def test_known_reservationid_replaces_the_reservation(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 1, "MINE", after_s=60)
    assert reserve(world, central, 2, "YOURS", after_s=600) == "Accepted"
    world.run(1)
    assert statuses(station) == ["Available", "Reserved"]
    assert [(one.connectorId, one.idTag) for one in station.snapshot().reservations] == [(2, "YOURS")]
    world.run(120)
    assert statuses(station) == ["Available", "Reserved"], "the first expiryDate holds no longer"
    come(world, station, "MINE", 2)
    assert not station.wire.payloads("StartTransaction")
    station.badge("YOURS")
    world.run(30)
    assert station.wire.payloads("StartTransaction")[0]["reservationId"] == 7


@pytest.mark.requirement("OCPP-5.13-1")
def test_reservation_of_the_same_gun_is_replaced_also_when_its_driver_is_there(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 1, "MINE")
    station.plug(1)
    assert reserve(world, central, 1, "YOURS") == "Accepted"
    world.run(1)
    assert station.reported(1) == ["Available", "Reserved"]
    station.badge("MINE")
    world.run(10)
    assert not station.wire.payloads("StartTransaction")
    station.badge("YOURS")
    world.run(10)
    assert station.wire.payloads("StartTransaction")[0]["idTag"] == "YOURS"


def test_replacement_that_is_refused_leaves_the_reservation_as_it_was(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 1, "MINE")
    station.plug(2)
    assert reserve(world, central, 2, "YOURS") == "Occupied"
    assert reserve(world, central, 9, "YOURS") == "Rejected"
    assert [(one.connectorId, one.idTag) for one in station.snapshot().reservations] == [(1, "MINE")]


# Refusals.


def plugged(world: World, station: SimulatedStation) -> None:
    station.plug(1)


def charging(world: World, station: SimulatedStation) -> None:
    come(world, station, "OTHER")


def finishing(world: World, station: SimulatedStation) -> None:
    come(world, station, "OTHER")
    station.badge("OTHER")
    world.run(5)


def expected_from_afar(world: World, station: SimulatedStation) -> None:
    station.deliver(b'[2,"r","RemoteStartTransaction",{"connectorId":1,"idTag":"OTHER"}]')
    world.run(1)


@pytest.mark.requirement("OCPP-5.13-3")
@pytest.mark.parametrize(
    ("way", "status"),
    [
        (plugged, "Preparing"),
        (charging, "Charging"),
        (finishing, "Finishing"),
        (expected_from_afar, "Preparing"),
    ],
)
def test_gun_in_use_is_occupied(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    way: Callable[[World, SimulatedStation], None],
    status: str,
) -> None:
    way(world, station)
    assert station.status(1) == status
    assert reserve(world, central) == "Occupied"
    world.run(5)
    assert (station.status(1), reserved(station)) == (status, [])
    assert why(station, "ReserveNow refused") == [
        "reservation 7: expected a free gun for connectorId 1, came Occupied",
    ]


@pytest.mark.requirement("OCPP-5.13-3")
@pytest.mark.parametrize("id_tag", ["MINE", "OTHER"])
def test_gun_that_is_reserved_already_is_occupied_for_whomever(
    world: World, central: ScriptedSupervision, station: SimulatedStation, id_tag: str
) -> None:
    reserve(world, central)
    assert reserve(world, central, 1, id_tag, number=8) == "Occupied"
    assert reserved(station) == [7]
    assert reserve(world, central, 2, id_tag, number=8) == "Accepted"


@pytest.mark.requirement("OCPP-5.13-4")
@pytest.mark.parametrize(
    ("dtc", "connector", "answers"),
    [
        (GROUND_ERROR, 1, ["Accepted", "Faulted", "Accepted"]),
        (EMERGENCY_STOP, 0, ["Faulted", "Faulted", "Faulted"]),
    ],
)
def test_faulted_gun_or_station_is_faulted(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    dtc: str,
    connector: int,
    answers: list[str],
) -> None:
    station.fault(dtc, connector)
    for number, answer in enumerate(answers):
        assert reserve(world, central, number) == answer
        assert reserved(station) == ([7] if answer == "Accepted" else [])
        cancel(central)


def test_station_of_which_every_gun_is_faulted_is_faulted(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.fault(GROUND_ERROR, 1)
    station.fault(GROUND_ERROR, 2)
    assert reserve(world, central, 0) == "Faulted"
    assert reserved(station) == []


@pytest.mark.requirement("OCPP-5.13-5")
@pytest.mark.parametrize(
    ("withdrawn", "answers"),
    [
        ((1,), ["Accepted", "Unavailable", "Accepted"]),
        ((1, 2), ["Unavailable", "Unavailable", "Unavailable"]),
        ((0,), ["Unavailable", "Unavailable", "Unavailable"]),
    ],
)
def test_gun_or_station_out_of_service_is_unavailable(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    withdrawn: tuple[int, ...],
    answers: list[str],
) -> None:
    for number in withdrawn:
        central.ask("ChangeAvailability", {"connectorId": number, "type": "Inoperative"})
    for number, answer in enumerate(answers):
        assert reserve(world, central, number) == answer
        assert reserved(station) == ([7] if answer == "Accepted" else [])
        cancel(central)


@pytest.mark.requirement("OCPP-5.13-11")
@pytest.mark.parametrize("connector", [-1, 3, 2**40])
def test_unknown_connector_is_rejected(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int
) -> None:
    assert reserve(world, central, connector) == "Rejected"
    world.run(5)
    assert (statuses(station), reserved(station)) == (["Available"] * 2, [])
    assert why(station, "ReserveNow refused") == [f"reservation 7: expected connectorId 0 to 2, came {connector}"]


@pytest.mark.requirement("OCPP-5.13-11")
@pytest.mark.parametrize("after_s", [-1, -86_400, 0])
def test_expirydate_in_the_past_is_rejected(
    world: World, central: ScriptedSupervision, station: SimulatedStation, after_s: float
) -> None:
    assert reserve(world, central, 1, after_s=after_s) == "Rejected"
    assert (statuses(station), reserved(station)) == (["Available"] * 2, [])
    assert why(station, "ReserveNow refused") == [
        "reservation 7: expected an expiryDate in the future, came one that has passed"
    ]


@pytest.mark.parametrize("id_tag", ["", "\u00fcber", "A\nB"])
def test_idtag_that_no_badge_can_have_is_rejected(
    world: World, central: ScriptedSupervision, station: SimulatedStation, id_tag: str
) -> None:
    assert reserve(world, central, 1, id_tag) == "Rejected"
    assert reserved(station) == []
    assert len(why(station, "ReserveNow refused")) == 1


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"connectorId": 1, "idTag": "MINE", "reservationId": 7}, "ProtocolError"),
        ({"connectorId": 1, "idTag": "x" * 21, "reservationId": 7, "expiryDate": "X"}, "PropertyConstraintViolation"),
        ({"connectorId": "1", "idTag": "MINE", "reservationId": 7, "expiryDate": "X"}, "TypeConstraintViolation"),
    ],
)
def test_malformed_reservation_is_refused_and_nothing_is_kept(
    world: World, central: ScriptedSupervision, station: SimulatedStation, payload: dict[str, Any], code: str
) -> None:
    if "expiryDate" in payload:
        payload = {**payload, "expiryDate": moment(world, 60)}
    answer = central.call("ReserveNow", payload)
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", code)
    assert reserved(station) == []


# Connector 0.


@pytest.mark.requirement("OCPP-5.13-7")
def test_reservation_for_connector_0_keeps_the_last_free_gun_whichever_it_is(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert reserve(world, central, 0) == "Accepted"
    world.run(5)
    assert statuses(station) == ["Available", "Available"], "two are free, and one is enough"
    come(world, station, "FIRST", 2)
    assert statuses(station) == ["Reserved", "Charging"]
    come(world, station, "SECOND", 1)
    assert statuses(station) == ["Reserved", "Charging"]
    station.unplug(1)
    station.unplug(2)
    world.run(5)
    assert statuses(station) == ["Available", "Available"], "the first has left"
    come(world, station, "THIRD", 1)
    assert statuses(station) == ["Charging", "Reserved"]
    come(world, station, "MINE", 2)
    assert statuses(station) == ["Charging", "Charging"]
    assert [start.get("reservationId") for start in station.wire.payloads("StartTransaction")] == [None, None, 7]
    station.unplug(1)
    world.run(5)
    assert statuses(station) == ["Available", "Charging"], "it has ended"


@pytest.mark.requirement("OCPP-5.13-7")
@pytest.mark.parametrize("connector", [1, 2])
def test_tag_with_a_reservation_for_connector_0_may_take_any_gun(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int
) -> None:
    reserve(world, central, 0)
    come(world, station, "MINE", connector)
    assert station.wire.payloads("StartTransaction")[0]["reservationId"] == 7
    assert (station.status(3 - connector), reserved(station)) == ("Available", [])


def test_last_free_gun_is_given_back_when_its_keeper_is_cancelled(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 0)
    come(world, station, "FIRST", 1)
    station.plug(2)
    world.run(5)
    assert station.status(2) == "Reserved"
    cancel(central)
    world.run(5)
    assert station.reported(2)[-3:] == ["Reserved", "Available", "Preparing"], "somebody waits there"
    station.show(2)
    station.badge("OTHER")
    world.run(30)
    assert station.status(2) == "Charging"


def test_gun_with_a_stranger_at_it_is_given_back_when_an_empty_one_can_be_kept(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 0)
    come(world, station, "FIRST", 1)
    station.plug(2)
    world.run(5)
    station.unplug(1)
    world.run(5)
    assert statuses(station) == ["Reserved", "Preparing"]


@pytest.mark.parametrize(
    ("connectors", "answers"),
    [
        ((0, 0, 0), ["Accepted", "Accepted", "Occupied"]),
        ((0, 1, 2), ["Accepted", "Accepted", "Occupied"]),
        ((1, 0, 2), ["Accepted", "Accepted", "Occupied"]),
        ((1, 2, 0), ["Accepted", "Accepted", "Occupied"]),
    ],
)
def test_no_more_is_reserved_than_there_are_free_guns(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    connectors: tuple[int, ...],
    answers: list[str],
) -> None:
    assert [
        reserve(world, central, connector, f"TAG{number}", number=number) for number, connector in enumerate(connectors)
    ] == answers
    world.run(5)
    assert statuses(station) == ["Reserved", "Reserved"]
    assert reserved(station) == [0, 1]
    come(world, station, "TAG2", 1)
    assert station.status(1) == "Reserved"


def test_nothing_is_reserved_for_connector_0_while_every_gun_is_in_use(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    come(world, station, "FIRST", 1)
    station.plug(2)
    assert reserve(world, central, 0) == "Occupied"
    station.unplug(2)
    assert reserve(world, central, 0) == "Accepted"
    world.run(5)
    assert statuses(station) == ["Charging", "Reserved"]


@pytest.mark.requirement("GUIDE-KEY-33")
def test_reserveconnectorzerosupported_is_read_only_and_allows_connector_0(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    name = "ReserveConnectorZeroSupported"
    read = {"configurationKey": [{"key": name, "readonly": True, "value": "true"}]}
    assert central.ask("GetConfiguration", {"key": [name]}) == read
    for value in ("false", "true"):
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Rejected"}
    assert central.ask("GetConfiguration", {"key": [name]}) == read
    assert reserve(world, central, 0) == "Accepted"
    cancel(central)
    station.set_key(name, "false")
    assert reserve(world, central, 0) == "Rejected"
    assert reserved(station) == []
    assert why(station, "ReserveNow refused") == [
        "reservation 7: expected connectorId 1 to 2, came 0, and ReserveConnectorZeroSupported is false"
    ]
    assert reserve(world, central, 1) == "Accepted"


# How it ends.


@pytest.mark.requirement("OCPP-5.13-9", "OCPP-5.13-10", "OCPP-4.9-12")
def test_reservation_ends_at_its_expirydate_and_the_gun_is_available_again(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    begun = world.now
    reserve(world, central, after_s=120.25)
    world.run(begun + 120 - world.now)
    assert (station.status(1), reserved(station)) == ("Reserved", [7])
    world.run(1)
    assert reserved(station) == []
    assert station.reported(1) == ["Available", "Reserved", "Available"]
    told = [m for m in station.wire.calls("StatusNotification") if m.payload["connectorId"] == 1][-1]
    assert told.at == pytest.approx(begun + 120.25, abs=0.01)
    assert why(station, "Reservation ended") == ["reservation 7: its expiryDate has passed"]
    come(world, station, "OTHER")
    assert station.status(1) == "Charging"


@pytest.mark.requirement("OCPP-5.13-9")
def test_reservation_ends_with_the_start_of_its_transaction(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, after_s=600)
    come(world, station, "MINE")
    assert reserved(station) == []
    assert cancel(central) == "Rejected"
    station.badge("MINE")
    station.unplug(1)
    world.run(10)
    assert station.status(1) == "Available"
    come(world, station, "MINE")
    assert [s.get("reservationId") for s in station.wire.payloads("StartTransaction")] == [7, None]
    world.run(900)
    assert station.status(1) == "Charging", "nothing is left that could expire"


def fault_the_gun(central: ScriptedSupervision, station: SimulatedStation) -> None:
    station.fault(GROUND_ERROR, 1)


def fault_the_station(central: ScriptedSupervision, station: SimulatedStation) -> None:
    station.fault(EMERGENCY_STOP, 0)


def withdraw_the_gun(central: ScriptedSupervision, station: SimulatedStation) -> None:
    central.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})


def withdraw_the_station(central: ScriptedSupervision, station: SimulatedStation) -> None:
    central.ask("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})


@pytest.mark.requirement("OCPP-5.13-9")
@pytest.mark.parametrize("plugged", [False, True])
@pytest.mark.parametrize("end", [fault_the_gun, fault_the_station, withdraw_the_gun, withdraw_the_station])
def test_reservation_ends_when_its_gun_is_faulted_or_unavailable(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    end: Callable[[ScriptedSupervision, SimulatedStation], None],
    plugged: bool,
) -> None:
    reserve(world, central)
    if plugged:
        station.plug(1)
    end(central, station)
    world.run(5)
    status = "Unavailable" if end in (withdraw_the_gun, withdraw_the_station) else "Faulted"
    assert station.reported(1) == ["Available", "Reserved", status]
    assert reserved(station) == []
    assert why(station, "Reservation ended") == ["reservation 7: its connector is Faulted or Unavailable"]
    station.clear(GROUND_ERROR, 1)
    station.clear(EMERGENCY_STOP, 0)
    central.ask("ChangeAvailability", {"connectorId": 0, "type": "Operative"})
    world.run(5)
    assert station.reported(1)[-1] == ("Preparing" if plugged else "Available")
    assert cancel(central) == "Rejected"


@pytest.mark.requirement("OCPP-5.13-9")
@pytest.mark.parametrize("end", [fault_the_station, withdraw_the_station])
def test_reservation_for_connector_0_ends_with_the_station(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    end: Callable[[ScriptedSupervision, SimulatedStation], None],
) -> None:
    reserve(world, central, 0)
    end(central, station)
    world.run(5)
    assert reserved(station) == []
    assert why(station, "Reservation ended") == ["reservation 7: no connector is left for it"]


def test_reservation_for_connector_0_outlives_one_gun_and_ends_with_the_last(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 0)
    station.fault(GROUND_ERROR, 1)
    world.run(5)
    assert statuses(station) == ["Faulted", "Reserved"]
    station.clear(GROUND_ERROR, 1)
    world.run(5)
    assert statuses(station) == ["Available", "Available"]
    come(world, station, "OTHER", 1)
    station.fault(GROUND_ERROR, 2)
    world.run(5)
    assert reserved(station) == [7], "the first gun comes free again"
    station.unplug(1)
    world.run(5)
    assert statuses(station) == ["Reserved", "Faulted"]
    station.fault(GROUND_ERROR, 1)
    world.run(5)
    assert reserved(station) == []


def test_later_of_two_reservations_for_connector_0_ends_when_only_one_gun_is_left(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 0, "ONE", number=1)
    reserve(world, central, 0, "TWO", number=2)
    station.fault(GROUND_ERROR, 1)
    world.run(5)
    assert reserved(station) == [1]
    assert station.status(2) == "Reserved"


def test_warning_ends_no_reservation(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    reserve(world, central)
    station.fault("0x100007", 1)
    world.run(5)
    assert (station.status(1), reserved(station)) == ("Reserved", [7])


@pytest.mark.parametrize("shift_s", [7200, -7200])
def test_expirydate_follows_the_clock_of_the_supervision(
    world: World, central: ScriptedSupervision, station: SimulatedStation, shift_s: int
) -> None:
    reserve(world, central, after_s=3600)
    central.answers["Heartbeat"] = {"currentTime": moment(world, shift_s)}
    central.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    world.run(1)
    assert reserved(station) == ([] if shift_s > 0 else [7])
    world.run(3700)
    assert reserved(station) == ([] if shift_s > 0 else [7])


def test_minimumstatusduration_holds_for_reserved_too(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("MinimumStatusDuration", "10")
    reserve(world, central)
    world.run(5)
    cancel(central)
    world.run(20)
    assert station.reported(1) == ["Available"]
    reserve(world, central)
    world.run(11)
    assert station.reported(1) == ["Available", "Reserved"]


# What outlives a life.


@pytest.mark.parametrize("plugged", [False, True])
@pytest.mark.parametrize("end", ["reset", "power cut"])
def test_reservation_outlives_a_reboot(
    world: World, central: ScriptedSupervision, station: SimulatedStation, end: str, plugged: bool
) -> None:
    reserve(world, central, after_s=900, parent="FAMILY")
    if plugged:
        station.plug(1)
    kept = station.snapshot().reservations
    if end == "reset":
        central.ask("Reset", {"type": "Hard"})
    else:
        station.cut()
        world.run(30)
        station.power_on()
    world.run(150)
    assert station.lives == 2
    assert station.snapshot().reservations == kept
    assert station.reported(1)[-1] == "Reserved"
    if not plugged:
        station.plug(1)
    station.badge("OTHER")
    world.run(10)
    assert station.status(1) == "Reserved"
    world.run(900)
    assert (station.status(1), reserved(station)) == ("Preparing", [])


@pytest.mark.parametrize("after", range(1, 7))
def test_reservation_that_was_promised_is_there_after_a_power_cut_anywhere(
    world: World, central: ScriptedSupervision, station: SimulatedStation, after: int
) -> None:
    station.cut_after = after
    station.deliver(
        b'[2,"r","ReserveNow",{"connectorId":1,"idTag":"MINE","reservationId":7,"expiryDate":"2026-03-02T12:00:00Z"}]'
    )
    world.run(5)
    if not station.has_power:
        station.power_on()
    station.cut_after = None
    world.run(10)
    promised = [m.payload for m in station.wire.messages if m.kind == "CALLRESULT" and m.action == "ReserveNow"]
    assert after == 1 or promised == [{"status": "Accepted"}]
    assert reserved(station) == [7], "it was saved first of all"
    assert station.reported(1)[-1] == "Reserved"


@pytest.mark.parametrize("after", range(1, 12))
def test_reservation_that_was_used_is_not_there_again_after_a_power_cut_anywhere(
    world: World, central: ScriptedSupervision, station: SimulatedStation, after: int
) -> None:
    """It may be lost just before its transaction, when its driver is there already, but never be used twice."""
    reserve(world, central)
    station.plug(1)
    world.run(5)
    station.cut_after = after
    station.badge("MINE")
    world.run(5)
    if not station.has_power:
        station.power_on()
    station.cut_after = None
    world.run(30)
    starts = station.wire.payloads("StartTransaction")
    is_left = reserved(station) == [7]
    assert not (is_left and starts)
    assert station.status(1) in (("Reserved",) if is_left else ("Preparing", "Finishing", "Charging"))


def test_reservation_that_expired_in_the_dark_is_gone(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, after_s=60)
    station.cut()
    world.run(120)
    station.power_on()
    world.run(10)
    assert reserved(station) == []
    assert station.reported(1)[-1] == "Available"


def test_reservation_for_connector_0_is_kept_again_as_soon_as_a_gun_is_free_after_a_power_cut(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 0)
    come(world, station, "FIRST", 1)
    station.plug(2)
    world.run(5)
    station.cut()
    world.run(30)
    station.power_on()
    world.run(10)
    assert statuses(station) == ["Finishing", "Preparing"]
    station.unplug(1)
    world.run(5)
    assert statuses(station) == ["Reserved", "Preparing"]


def test_statuses_obey_the_matrix_whatever_reservations_do(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central)
    come(world, station, "MINE")
    station.unplug(1)
    world.run(5)
    reserve(world, central, 0)
    station.plug(1)
    world.run(5)
    station.plug(2)
    world.run(5)
    cancel(central)
    world.run(5)
    for number in (1, 2):
        for before, after in pairwise(station.reported(number)):
            assert (before, after) != ("Reserved", "Charging")
            assert (before, after) != ("Preparing", "Reserved")
            assert (before, after) != ("Finishing", "Reserved")


# Both sides.


def outcome_of(site: World, served: SimulatedStation, request: ReserveNowRequest | CancelReservationRequest) -> str:
    outcome = site.supervision.ask(served.identity, request)
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.response, ReserveNowResponse | CancelReservationResponse)
    return outcome.response.status.value


@pytest.mark.requirement("GUIDE-CSOP-15", "GUIDE-CSOP-16")
def test_supervision_reserves_and_cancels_and_hears_every_answer(site: World, served: SimulatedStation) -> None:
    def reserve_now(connector: int, number: int) -> str:
        expiry = datetime.fromtimestamp(site.clock_s, UTC) + timedelta(hours=1)
        request = ReserveNowRequest(connectorId=connector, expiryDate=expiry, idTag="TAG1", reservationId=number)
        return outcome_of(site, served, request)

    assert reserve_now(1, 11) == "Accepted"
    assert reserve_now(1, 12) == "Occupied"
    assert reserve_now(5, 12) == "Rejected"
    served.fault(GROUND_ERROR, 2)
    assert reserve_now(2, 12) == "Faulted"
    served.clear(GROUND_ERROR, 2)
    served.deliver(b'[2,"a","ChangeAvailability",{"connectorId":2,"type":"Inoperative"}]')
    site.run(1)
    assert reserve_now(2, 12) == "Unavailable"
    assert outcome_of(site, served, CancelReservationRequest(reservationId=99)) == "Rejected"
    assert outcome_of(site, served, CancelReservationRequest(reservationId=11)) == "Accepted"
    site.run(1)
    assert served.reported(1)[-1] == "Available"


def test_supervision_sees_the_reservation_in_the_transaction_that_used_it(
    site: World, served: SimulatedStation
) -> None:
    expiry = datetime.fromtimestamp(site.clock_s, UTC) + timedelta(hours=1)
    reserve_now = ReserveNowRequest(connectorId=1, expiryDate=expiry, idTag="TAG2", reservationId=11)
    assert outcome_of(site, served, reserve_now) == "Accepted"
    start = RemoteStartTransactionRequest(idTag="TAG2", connectorId=1)
    assert isinstance(site.supervision.ask(served.identity, start), Answered)
    served.plug(1)
    site.run(30)
    (started,) = site.supervision.started
    assert started.request.reservationId == 11
