"""ChangeAvailability: out of service and back, at once or after a transaction, over reboots and power cuts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from forecourt.ocpp.core import (
    AvailabilityStatus,
    AvailabilityType,
    ChangeAvailabilityRequest,
    ChangeAvailabilityResponse,
)
from forecourt.supervision.facts import StatusReported
from forecourt.supervision.outcomes import Answered

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

GROUND_ERROR, EMERGENCY_STOP = "0x100206", "0x200202"
OUT, IN = "Inoperative", "Operative"


def change(central: ScriptedSupervision, connector: int, kind: str) -> str:
    return str(central.ask("ChangeAvailability", {"connectorId": connector, "type": kind})["status"])


def charge(world: World, station: SimulatedStation, connector: int = 1, id_tag: str = "TAG") -> None:
    station.plug(connector)
    station.show(connector)
    station.badge(id_tag)
    world.run(30)
    assert station.status(connector) == "Charging"


def statuses(station: SimulatedStation) -> list[str]:
    """Of the station and its guns, as they are."""
    return [station.status(number) for number in (0, 1, 2)]


# At once.


@pytest.mark.requirement("OCPP-5.2-1", "OCPP-5.2-4")
def test_free_gun_goes_out_of_service_at_once_and_back_and_says_so(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert change(central, 1, OUT) == "Accepted"
    world.run(1)
    assert station.reported(1) == ["Available", "Unavailable"]
    assert statuses(station) == ["Available", "Unavailable", "Available"]
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    assert not station.wire.payloads("Authorize"), "nobody can use it"
    assert station.reading(1).power_w == 0
    station.unplug(1)
    assert change(central, 1, IN) == "Accepted"
    world.run(1)
    assert station.reported(1) == ["Available", "Unavailable", "Available"]
    charge(world, station)
    assert [note["errorCode"] for note in station.wire.payloads("StatusNotification")] == ["NoError"] * 7


@pytest.mark.requirement("OCPP-5.2-1")
def test_change_is_answered_before_it_is_reported(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, 1, OUT)
    world.run(1)
    said = [m.action for m in station.wire.messages if m.direction == ">" and m.at > 4]
    assert said == ["ChangeAvailability", "StatusNotification"]


@pytest.mark.requirement("OCPP-5.2-3")
@pytest.mark.parametrize("connector", [0, 1, 2])
@pytest.mark.parametrize("kind", [OUT, IN])
def test_change_to_what_already_holds_is_accepted_and_changes_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int, kind: str
) -> None:
    change(central, connector, kind)
    world.run(5)
    before, reports = statuses(station), len(station.wire.payloads("StatusNotification"))
    assert change(central, connector, kind) == "Accepted"
    world.run(5)
    assert statuses(station) == before
    assert len(station.wire.payloads("StatusNotification")) == reports


@pytest.mark.requirement("OCPP-5.2-5")
def test_connector_0_stands_for_the_station_and_all_guns(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert change(central, 0, OUT) == "Accepted"
    world.run(1)
    assert statuses(station) == ["Unavailable"] * 3
    assert [station.reported(number)[-1] for number in (0, 1, 2)] == ["Unavailable"] * 3
    for number in (1, 2):
        station.plug(number)
        station.show(number)
        station.badge("TAG")
        world.run(5)
    assert statuses(station) == ["Unavailable"] * 3
    assert central.ask("RemoteStartTransaction", {"idTag": "TAG"}) == {"status": "Rejected"}
    assert change(central, 0, IN) == "Accepted"
    world.run(1)
    assert statuses(station) == ["Available", "Preparing", "Preparing"]
    assert [station.reported(number)[-1] for number in (0, 1, 2)] == statuses(station)


def test_gun_of_a_station_out_of_service_can_be_put_back_alone(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, 0, OUT)
    assert change(central, 2, IN) == "Accepted"
    world.run(1)
    assert statuses(station) == ["Unavailable", "Unavailable", "Available"]
    charge(world, station, 2)


@pytest.mark.requirement("OCPP-5.2-7")
@pytest.mark.parametrize("connector", [-1, 3, 2**40])
@pytest.mark.parametrize("kind", [OUT, IN])
def test_unknown_connector_is_rejected_and_nothing_changes(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int, kind: str
) -> None:
    assert change(central, connector, kind) == "Rejected"
    world.run(5)
    assert statuses(station) == ["Available"] * 3
    assert station.snapshot().inoperative == ()
    (line,) = [line for line in station.log if line.name == "ChangeAvailability refused"]
    assert line.detail == f"expected connectorId 0 to 2, came {connector}"


def test_nonsense_of_a_type_is_refused_and_nothing_changes(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    answer = central.call("ChangeAvailability", {"connectorId": 1, "type": "Broken"})
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "PropertyConstraintViolation")
    assert station.snapshot().inoperative == ()


# A cable without a transaction.


@pytest.mark.requirement("OCPP-5.2-1")
def test_plugged_gun_without_a_transaction_goes_straight_out_of_service(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The matrix has no way from Preparing to Unavailable: on the wire it passes Available, or is hidden."""
    station.plug(1)
    world.run(5)
    assert change(central, 1, OUT) == "Accepted"
    world.run(1)
    assert station.reported(1) == ["Available", "Preparing", "Available", "Unavailable"]
    station.unplug(1)
    station.plug(1)
    world.run(5)
    assert station.status(1) == "Unavailable"
    change(central, 1, IN)
    world.run(5)
    assert station.reported(1)[-1] == "Preparing", "H2: somebody is there already"
    station.badge("TAG")
    world.run(30)
    assert station.status(1) == "Charging"


def test_minimumstatusduration_hides_what_a_plugged_gun_passes_on_its_way(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("MinimumStatusDuration", "10")
    station.plug(1)
    world.run(20)
    change(central, 1, OUT)
    world.run(9)
    assert station.reported(1) == ["Available", "Preparing"]
    world.run(2)
    assert station.reported(1) == ["Available", "Preparing", "Unavailable"]


def test_gun_that_waits_for_its_driver_to_leave_goes_out_of_service_at_once(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    station.badge("TAG")
    world.run(5)
    assert station.status(1) == "Finishing"
    assert change(central, 1, OUT) == "Accepted"
    world.run(1)
    assert station.reported(1)[-2:] == ["Finishing", "Unavailable"]


def test_free_charging_starts_when_a_plugged_gun_comes_back_into_service(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("FreeCharging", "true")
    change(central, 1, OUT)
    station.plug(1)
    world.run(10)
    assert station.connector(1).transaction is None
    change(central, 1, IN)
    world.run(30)
    assert station.status(1) == "Charging"


@pytest.mark.parametrize("connector", [0, 1])
def test_remote_start_that_waits_for_a_cable_is_dropped_with_the_service(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int
) -> None:
    asked = {"connectorId": 1, "idTag": "TAG"} if connector else {"idTag": "TAG"}
    assert central.ask("RemoteStartTransaction", asked) == {"status": "Accepted"}
    assert change(central, connector, OUT) == "Accepted"
    world.run(1)
    assert station.status(1) == "Unavailable"
    change(central, connector, IN)
    station.plug(1)
    world.run(30)
    assert station.status(1) == "Preparing"
    assert not station.wire.payloads("StartTransaction")


def test_authorize_that_is_answered_after_the_gun_went_out_of_service_starts_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add("Authorize")
    station.plug(1)
    station.badge("TAG")
    world.run(1)
    change(central, 1, OUT)
    (asked,) = station.wire.calls("Authorize")
    station.deliver(f'[3,"{asked.id}",{{"idTagInfo":{{"status":"Accepted"}}}}]'.encode())
    world.run(30)
    assert station.status(1) == "Unavailable"
    assert not station.wire.payloads("StartTransaction")
    change(central, 1, IN)
    central.silent.clear()
    station.badge("TAG")
    world.run(30)
    assert station.status(1) == "Charging"


# During a transaction.


def pull_the_cable(central: ScriptedSupervision, station: SimulatedStation) -> None:
    station.unplug(1)


def stop_and_leave(central: ScriptedSupervision, station: SimulatedStation) -> None:
    station.badge("TAG")
    station.unplug(1)


def stop_from_afar_and_leave(central: ScriptedSupervision, station: SimulatedStation) -> None:
    central.ask("RemoteStopTransaction", {"transactionId": 1})
    station.unplug(1)


@pytest.mark.requirement("OCPP-5.2-2", "OCPP-5.2-4")
@pytest.mark.parametrize("end", [pull_the_cable, stop_and_leave, stop_from_afar_and_leave])
def test_busy_gun_goes_out_of_service_after_its_transaction(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    end: Callable[[ScriptedSupervision, SimulatedStation], None],
) -> None:
    charge(world, station)
    assert change(central, 1, OUT) == "Scheduled"
    world.run(120)
    assert station.reported(1) == ["Available", "Preparing", "Charging"]
    assert station.reading(1).power_w > 0, "it charges on"
    assert station.snapshot().inoperative == (1,)
    end(central, station)
    world.run(5)
    assert len(station.wire.payloads("StopTransaction")) == 1
    assert station.reported(1) == ["Available", "Preparing", "Charging", "Finishing", "Unavailable"]


@pytest.mark.requirement("OCPP-4.9-10")
@pytest.mark.parametrize(("scheduled", "status"), [(False, "Available"), (True, "Unavailable")])
def test_unplugging_a_finished_gun_frees_it_or_takes_it_out_of_service(
    world: World, central: ScriptedSupervision, station: SimulatedStation, scheduled: bool, status: str
) -> None:
    charge(world, station)
    if scheduled:
        change(central, 1, OUT)
    station.badge("TAG")
    world.run(60)
    assert station.reported(1)[-1] == "Finishing"
    station.unplug(1)
    world.run(1)
    assert station.reported(1)[-2:] == ["Finishing", status]


def test_nothing_starts_on_a_finished_gun_that_will_go_out_of_service(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    change(central, 1, OUT)
    station.badge("TAG")
    world.run(5)
    station.badge("NEXT")
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "TAG"}) == {"status": "Rejected"}
    world.run(30)
    assert station.status(1) == "Finishing"
    assert len(station.wire.payloads("StartTransaction")) == 1
    assert change(central, 1, OUT) == "Accepted", "its transaction is over"
    world.run(1)
    assert station.status(1) == "Unavailable"


@pytest.mark.requirement("OCPP-5.2-8")
def test_station_with_one_busy_gun_goes_out_of_service_in_two_steps(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    assert change(central, 0, OUT) == "Scheduled"
    world.run(5)
    assert statuses(station) == ["Unavailable", "Charging", "Unavailable"]
    assert station.reported(2) == ["Available", "Unavailable"]
    assert station.snapshot().inoperative == (0, 1, 2)
    world.run(60)
    assert station.reading(1).power_w > 0
    station.unplug(1)
    world.run(5)
    assert statuses(station) == ["Unavailable"] * 3
    assert station.reported(1)[-1] == "Unavailable"


def test_operative_cancels_what_was_scheduled(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    change(central, 1, OUT)
    assert change(central, 1, IN) == "Accepted"
    world.run(5)
    assert station.status(1) == "Charging"
    station.unplug(1)
    world.run(5)
    assert station.reported(1)[-1] == "Available"
    assert "Unavailable" not in station.reported(1)


def test_second_request_during_a_transaction_is_scheduled_again(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    assert [change(central, 1, OUT), change(central, 1, OUT)] == ["Scheduled", "Scheduled"]


# What outlives a life.


def reset_soft(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    central.ask("Reset", {"type": "Soft"})


def reset_hard(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    central.ask("Reset", {"type": "Hard"})


def cut_power(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    station.cut()
    world.run(60)
    station.power_on()


ENDS = [reset_soft, reset_hard, cut_power]


@pytest.mark.requirement("OCPP-4.9-16", "OCPP-5.2-6", "OCPP-5.14-5")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("connector", "plugged"), [(1, False), (1, True), (0, False)])
def test_unavailable_outlives_every_kind_of_reboot(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    end: Callable[[World, ScriptedSupervision, SimulatedStation], None],
    connector: int,
    plugged: bool,
) -> None:
    if plugged:
        station.plug(1)
    change(central, connector, OUT)
    world.run(5)
    expected = statuses(station)
    assert expected == (["Unavailable"] * 3 if connector == 0 else ["Available", "Unavailable", "Available"])
    before = len(station.wire.messages)
    end(world, central, station)
    world.run(150)
    assert station.lives == 2
    assert statuses(station) == expected
    told = {
        m.payload["connectorId"]: m.payload["status"]
        for m in station.wire.messages[before:]
        if m.kind == "CALL" and m.action == "StatusNotification"
    }
    assert [told[number] for number in (0, 1, 2)] == expected
    change(central, connector, IN)
    end(world, central, station)
    world.run(150)
    assert statuses(station) == ["Available", "Preparing" if plugged else "Available", "Available"]


@pytest.mark.parametrize("end", ENDS)
def test_what_was_scheduled_holds_after_a_reboot_that_ended_the_transaction(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    end: Callable[[World, ScriptedSupervision, SimulatedStation], None],
) -> None:
    charge(world, station)
    change(central, 1, OUT)
    end(world, central, station)
    world.run(200)
    assert len(station.wire.payloads("StopTransaction")) == 1
    assert station.status(1) == "Unavailable"


@pytest.mark.parametrize("kind", [OUT, IN])
@pytest.mark.parametrize("after", range(1, 6))
def test_change_that_was_promised_holds_after_a_power_cut_anywhere(
    world: World, central: ScriptedSupervision, station: SimulatedStation, kind: str, after: int
) -> None:
    if kind == IN:
        change(central, 1, OUT)
        world.run(5)
    station.cut_after = after
    station.deliver(f'[2,"a","ChangeAvailability",{{"connectorId":1,"type":"{kind}"}}]'.encode())
    world.run(5)
    if not station.has_power:
        station.power_on()
    station.cut_after = None
    world.run(10)
    assert station.status(1) == ("Unavailable" if kind == OUT else "Available"), "it was saved first of all"


# Faults.


@pytest.mark.parametrize("plugged", [False, True])
@pytest.mark.parametrize("dtc", [GROUND_ERROR, EMERGENCY_STOP])
def test_gun_that_went_out_of_service_under_a_fault_is_unavailable_after_it(
    world: World, central: ScriptedSupervision, station: SimulatedStation, plugged: bool, dtc: str
) -> None:
    if plugged:
        station.plug(1)
    station.fault(dtc, 1)
    assert change(central, 1, OUT) == "Accepted"
    world.run(5)
    assert station.reported(1)[-1] == "Faulted"
    station.clear(dtc, 1)
    world.run(5)
    assert station.reported(1)[-2:] == ["Faulted", "Unavailable"]
    station.fault(dtc, 1)
    change(central, 1, IN)
    station.clear(dtc, 1)
    world.run(5)
    assert station.reported(1)[-1] == ("Preparing" if plugged else "Available")


def test_fault_that_ends_a_transaction_leaves_what_was_scheduled(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    change(central, 1, OUT)
    station.fault(GROUND_ERROR, 1)
    station.unplug(1)
    station.clear(GROUND_ERROR, 1)
    world.run(5)
    assert station.reported(1)[-3:] == ["Finishing", "Faulted", "Unavailable"]


def test_station_out_of_service_says_so_after_a_fault_of_its_own(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, 0, OUT)
    station.fault(EMERGENCY_STOP, 0)
    world.run(5)
    assert statuses(station) == ["Faulted"] * 3
    station.clear(EMERGENCY_STOP, 0)
    world.run(5)
    assert statuses(station) == ["Unavailable"] * 3


# While nothing can be told.


def test_change_that_came_just_before_the_link_broke_is_told_after_the_reconnect(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    change(central, 1, OUT)
    station.network_down()
    station.unplug(1)
    world.run(60)
    assert station.status(1) == "Unavailable"
    station.network_up()
    world.run(200)
    assert station.reported(1)[-1] == "Unavailable"


# Both sides.


@pytest.mark.requirement("GUIDE-CSOP-01")
def test_supervision_changes_availability_and_learns_what_comes_of_it(site: World, served: SimulatedStation) -> None:
    def ask(connector: int, kind: AvailabilityType) -> AvailabilityStatus:
        outcome = site.supervision.ask(served.identity, ChangeAvailabilityRequest(connectorId=connector, type=kind))
        assert isinstance(outcome, Answered)
        assert isinstance(outcome.response, ChangeAvailabilityResponse)
        return outcome.response.status

    charge(site, served, 1, "TAG1")
    assert ask(1, AvailabilityType.Inoperative) is AvailabilityStatus.Scheduled
    assert ask(2, AvailabilityType.Inoperative) is AvailabilityStatus.Accepted
    assert ask(2, AvailabilityType.Operative) is AvailabilityStatus.Accepted
    assert ask(7, AvailabilityType.Operative) is AvailabilityStatus.Rejected
    served.unplug(1)
    site.run(5)
    assert [served.status(number) for number in (1, 2)] == ["Unavailable", "Available"]


@pytest.mark.requirement("OCPP-3.8-2")
def test_connector_0_is_the_whole_station_when_asked_and_its_main_controller_when_told(
    site: World, served: SimulatedStation
) -> None:
    """A request for 0 reaches all guns. A report of 0 says nothing of the guns, in the supervision's ledger neither."""

    def known() -> dict[int, str]:
        reports = [fact for fact in site.supervision.facts(StatusReported) if isinstance(fact, StatusReported)]
        return {fact.request.connectorId: fact.request.status.value for fact in reports}

    request = ChangeAvailabilityRequest(connectorId=0, type=AvailabilityType.Inoperative)
    site.supervision.ask(served.identity, request)
    site.run(1)
    assert known() == {0: "Unavailable", 1: "Unavailable", 2: "Unavailable"}
    request = ChangeAvailabilityRequest(connectorId=0, type=AvailabilityType.Operative)
    site.supervision.ask(served.identity, request)
    served.plug(1)
    served.fault(GROUND_ERROR, 2)
    site.run(1)
    assert known() == {0: "Available", 1: "Preparing", 2: "Faulted"}, "it is no sum of the guns"
    served.fault("0x200104", 0)
    site.run(1)
    assert served.status(0) == "Available"
    last = site.supervision.facts(StatusReported)[-1]
    assert isinstance(last, StatusReported)
    assert (last.request.connectorId, last.request.vendorErrorCode) == (0, "0x200104")


def test_reports_obey_the_matrix_throughout(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Out of service from wherever a gun is, and back."""
    allowed = {
        ("Available", "Unavailable"),
        ("Available", "Preparing"),
        ("Preparing", "Available"),
        ("Preparing", "Charging"),
        ("Charging", "Finishing"),
        ("Finishing", "Unavailable"),
        ("Unavailable", "Preparing"),
        ("Unavailable", "Available"),
    }
    for step in ("plug", "badge", "badge", "unplug"):
        if step == "badge":
            station.badge("TAG")
        elif step == "plug":
            station.plug(1)
        else:
            station.unplug(1)
        world.run(20)
        change(central, 1, OUT)
        world.run(2)
        change(central, 1, IN)
        world.run(2)
    walked = set(pairwise(station.reported(1)))
    assert walked <= allowed
    assert ("Preparing", "Unavailable") not in walked
