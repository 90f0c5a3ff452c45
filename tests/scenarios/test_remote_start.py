"""RemoteStartTransaction and RemoteStopTransaction (guide, "Remote Authentication"; OCPP 1.6 5.11, 5.12; A28, A29)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.cabinet.archetypes import CHADEMO_CAR

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

GROUND_ERROR = "0x100206"


def change(central: ScriptedSupervision, name: str, value: str) -> None:
    assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}


def remote_start(central: ScriptedSupervision, connector: int | None = None, id_tag: str = "REMOTE") -> str:
    asked: dict[str, object] = {"idTag": id_tag}
    if connector is not None:
        asked["connectorId"] = connector
    return str(central.ask("RemoteStartTransaction", asked)["status"])


def started(station: SimulatedStation) -> list[tuple[int, str]]:
    """Connector and idTag of every StartTransaction, oldest first."""
    return [(payload["connectorId"], payload["idTag"]) for payload in station.wire.payloads("StartTransaction")]


# With connector id: the guide's first table.


@pytest.mark.requirement("GUIDE-RSID-01", "OCPP-5.11-4")
@pytest.mark.parametrize("connector", [1, 2])
def test_remote_start_on_a_plugged_connector_is_accepted_and_charges_there(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int
) -> None:
    station.plug(1)
    station.plug(2)
    world.run(5)
    assert remote_start(central, connector, "T-4711") == "Accepted"
    world.run(30)
    assert started(station) == [(connector, "T-4711")]
    assert station.status(connector) == "Charging"
    assert station.reading(connector).power_w > 0
    assert station.status(3 - connector) == "Preparing"


@pytest.mark.requirement("OCPP-5.11-1")
@pytest.mark.parametrize("authorize", ["true", "false"])
def test_remote_start_is_answered_before_starttransaction_goes_out(
    world: World, central: ScriptedSupervision, station: SimulatedStation, authorize: str
) -> None:
    change(central, "AuthorizeRemoteTxRequests", authorize)
    station.plug()
    world.run(5)
    assert remote_start(central, 1) == "Accepted"
    world.run(5)
    sent = [
        message.action
        for message in station.wire.messages
        if message.direction == ">" and message.action in ("RemoteStartTransaction", "StartTransaction")
    ]
    assert sent == ["RemoteStartTransaction", "StartTransaction"]


@pytest.mark.requirement("OCPP-5.11-1")
def test_remote_start_is_accepted_for_a_tag_that_the_supervision_then_refuses(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The answer says whether the station will try."""
    central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    station.plug()
    world.run(5)
    assert remote_start(central, 1) == "Accepted"
    world.run(60)
    assert started(station) == []
    assert station.status() == "Preparing"


@pytest.mark.requirement("GUIDE-RSID-02", "GUIDE-RSNO-04", "GUIDE-VKEY-13")
def test_remote_start_without_a_plug_is_rejected_while_enableremotestartnoconnectedev_is_false(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "EnableRemoteStartNoConnectedEV", "false")
    assert remote_start(central, 1) == "Rejected"
    assert remote_start(central, 2) == "Rejected"
    assert remote_start(central) == "Rejected"
    station.plug(1)
    world.run(200)
    assert started(station) == []
    assert remote_start(central, 2) == "Rejected"
    assert remote_start(central) == "Accepted"


@pytest.mark.requirement("GUIDE-RSID-03", "GUIDE-VKEY-13")
@pytest.mark.parametrize("after_s", [1, 119])
def test_remote_start_without_a_plug_begins_when_its_connector_is_plugged_in_time(
    world: World, central: ScriptedSupervision, station: SimulatedStation, after_s: float
) -> None:
    assert remote_start(central, 2) == "Accepted"
    world.run(after_s)
    assert started(station) == []
    station.plug(2)
    world.run(30)
    assert started(station) == [(2, "REMOTE")]
    assert station.status(2) == "Charging"


@pytest.mark.requirement("GUIDE-RSID-04", "OCPP-9.1-1", "OCPP-9.1-2")
def test_remote_start_is_dropped_when_nobody_plugs_in_within_120_s(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert remote_start(central, 1) == "Accepted"
    world.run(119)
    assert station.reported(1)[-1] == "Preparing"
    world.run(2)
    assert station.reported(1)[-1] == "Available"
    (preparing, available) = station.wire.calls("StatusNotification")[-2:]
    assert available.at - preparing.at == pytest.approx(120, abs=0.1)
    station.plug(1)
    world.run(60)
    assert started(station) == []
    assert station.status(1) == "Preparing"


@pytest.mark.requirement("OCPP-9.1-2")
def test_connectiontimeout_leaves_a_plugged_connector_that_waits_for_a_badge_alone(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "ConnectionTimeOut", "20")
    station.plug(2)
    assert remote_start(central, 1) == "Accepted"
    world.run(100)
    assert (station.status(1), station.status(2)) == ("Available", "Preparing")
    station.badge("TAG1")
    world.run(5)
    assert started(station) == [(2, "TAG1")]


@pytest.mark.requirement("GUIDE-RSID-04")
def test_plug_in_another_connector_does_not_satisfy_a_remote_start_with_connector_id(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert remote_start(central, 1) == "Accepted"
    station.plug(2)
    world.run(130)
    assert started(station) == []
    assert (station.status(1), station.status(2)) == ("Available", "Preparing")


@pytest.mark.requirement("GUIDE-RSID-05")
@pytest.mark.parametrize("connector", [3, 7, 1000])
def test_remote_start_on_a_connector_that_is_not_there_is_rejected(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int
) -> None:
    station.plug(1)
    world.run(5)
    assert remote_start(central, connector) == "Rejected"
    world.run(5)
    assert started(station) == []


@pytest.mark.parametrize("connector", [0, -1])
def test_remote_start_on_connector_0_or_below_starts_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int
) -> None:
    """6.33 wants a connector above 0."""
    station.plug(1)
    world.run(5)
    answer = central.call("RemoteStartTransaction", {"idTag": "T", "connectorId": connector})
    assert answer.payload == {"status": "Rejected"} or answer.kind == "CALLERROR"
    world.run(5)
    assert started(station) == []


@pytest.mark.requirement("GUIDE-RSID-06")
def test_remote_start_with_connector_id_reports_preparing_at_once(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "MinimumStatusDuration", "30")
    asked_at = world.now
    assert remote_start(central, 2) == "Accepted"
    world.run(1)
    report = station.wire.calls("StatusNotification")[-1]
    assert (report.payload["connectorId"], report.payload["status"]) == (2, "Preparing")
    assert report.at == pytest.approx(asked_at, abs=0.1)


# Without connector id: the guide's second table.


@pytest.mark.requirement("GUIDE-RSNO-01")
@pytest.mark.parametrize("connector", [1, 2])
def test_remote_start_without_connector_id_begins_on_the_only_plugged_one(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int
) -> None:
    station.plug(connector)
    world.run(5)
    assert remote_start(central) == "Accepted"
    world.run(5)
    assert started(station) == [(connector, "REMOTE")]


@pytest.mark.requirement("GUIDE-RSNO-02")
def test_remote_start_without_connector_id_begins_on_1_when_both_are_plugged(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(2)
    world.run(5)
    station.plug(1)
    station.show(2)
    world.run(5)
    assert remote_start(central) == "Accepted"
    world.run(5)
    assert started(station) == [(1, "REMOTE")]


@pytest.mark.requirement("GUIDE-RSNO-03")
@pytest.mark.parametrize("why", ["busy", "Faulted", "Unavailable"])
def test_remote_start_without_connector_id_begins_on_2_when_1_can_not(
    world: World, central: ScriptedSupervision, station: SimulatedStation, why: str
) -> None:
    station.plug(1)
    station.plug(2)
    world.run(5)
    if why == "busy":
        assert remote_start(central, 1, "FIRST") == "Accepted"
    elif why == "Faulted":
        station.fault(GROUND_ERROR, 1)
    else:
        out_of_service = {"connectorId": 1, "type": "Inoperative"}
        assert central.ask("ChangeAvailability", out_of_service) == {"status": "Accepted"}
    world.run(5)
    before = station.status(1)
    assert before == ("Charging" if why == "busy" else why)
    assert remote_start(central) == "Accepted"
    world.run(30)
    assert started(station)[-1] == (2, "REMOTE")
    assert (station.status(1), station.status(2)) == (before, "Charging")


@pytest.mark.requirement("GUIDE-RSNO-05", "GUIDE-VKEY-13")
@pytest.mark.parametrize(("connector", "after_s"), [(1, 119), (2, 1), (2, 119)])
def test_remote_start_without_connector_id_begins_on_the_first_one_plugged_in_time(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int, after_s: float
) -> None:
    assert remote_start(central) == "Accepted"
    world.run(after_s)
    station.plug(connector)
    station.plug(3 - connector)
    world.run(30)
    assert started(station) == [(connector, "REMOTE")]
    assert station.status(connector) == "Charging"


@pytest.mark.requirement("GUIDE-RSNO-06")
def test_remote_start_without_connector_id_is_dropped_unseen_after_120_s(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reports = len(station.wire.calls("StatusNotification"))
    assert remote_start(central) == "Accepted"
    world.run(121)
    assert len(station.wire.calls("StatusNotification")) == reports
    station.plug(1)
    world.run(60)
    assert started(station) == []


@pytest.mark.requirement("GUIDE-RSNO-07")
@pytest.mark.parametrize("first", [None, 1])
@pytest.mark.parametrize("second", [None, 1, 2])
def test_second_remote_start_is_rejected_while_one_waits_for_a_plug(
    world: World, central: ScriptedSupervision, station: SimulatedStation, first: int | None, second: int | None
) -> None:
    assert remote_start(central, first, "FIRST") == "Accepted"
    assert remote_start(central, second, "SECOND") == "Rejected"
    world.run(60)
    assert remote_start(central, second, "SECOND") == "Rejected"
    station.plug(1)
    world.run(5)
    assert started(station) == [(1, "FIRST")]


# What may be in the way.


def test_remote_start_on_a_connector_that_is_faulted_or_in_a_transaction_is_rejected(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.plug(2)
    world.run(5)
    assert remote_start(central, 1, "FIRST") == "Accepted"
    world.run(5)
    assert remote_start(central, 1) == "Rejected"
    station.fault(GROUND_ERROR, 2)
    world.run(5)
    assert remote_start(central, 2) == "Rejected"
    assert remote_start(central) == "Rejected"
    world.run(5)
    assert started(station) == [(1, "FIRST")]


@pytest.mark.requirement("OCPP-5.11-8")
def test_remote_start_on_a_finishing_connector_opens_a_new_transaction(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug()
    world.run(5)
    assert remote_start(central, 1, "FIRST") == "Accepted"
    world.run(60)
    assert central.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Accepted"}
    world.run(5)
    assert station.status() == "Finishing"
    assert remote_start(central, 1, "SECOND") == "Accepted"
    world.run(30)
    assert started(station) == [(1, "FIRST"), (1, "SECOND")]
    assert station.status() == "Charging"
    transaction = station.connector().transaction
    assert transaction is not None
    assert transaction.transactionId == 2


def test_fault_on_the_awaited_connector_drops_the_remote_start(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert remote_start(central, 1) == "Accepted"
    station.fault(GROUND_ERROR, 1)
    world.run(5)
    station.clear(GROUND_ERROR, 1)
    world.run(5)
    assert station.status(1) == "Available"
    assert remote_start(central, 2) == "Accepted"


def test_remote_start_for_any_connector_is_not_spent_on_a_faulted_one(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert remote_start(central) == "Accepted"
    station.fault(GROUND_ERROR, 1)
    station.plug(1)
    world.run(10)
    station.plug(2)
    world.run(10)
    assert started(station) == [(2, "REMOTE")]


def test_remote_start_for_any_connector_leaves_nothing_behind_when_the_cable_is_pulled_before_the_answer(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Authorize of the first is still open when the second comes; its answer must not be taken for the second's."""
    change(central, "AllowOfflineTxForUnknownId", "false")  # the first, never answered, is refused
    central.silent.add("Authorize")
    assert remote_start(central, id_tag="FIRST") == "Accepted"
    station.plug(1)
    world.run(1)
    station.unplug(1)
    central.silent.clear()
    assert remote_start(central, id_tag="SECOND") == "Accepted"
    world.run(5)
    station.plug(1)
    world.run(60)
    assert started(station) == [(1, "SECOND")]
    station.plug(2)
    world.run(5)
    assert remote_start(central, 2, "THIRD") == "Accepted"


def test_cable_pulled_again_before_the_answer_drops_the_remote_start(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add("Authorize")
    station.plug(1)
    world.run(1)
    assert remote_start(central, 1) == "Accepted"
    station.unplug(1)
    world.run(60)
    station.plug(1)
    world.run(60)
    assert started(station) == []


@pytest.mark.parametrize("boot_status", ["Pending"])
def test_remote_start_is_rejected_before_the_boot_is_accepted(
    world: World, central: ScriptedSupervision, boot_status: str
) -> None:
    central.boot_status = boot_status
    station = world.add_station()
    world.run(5)
    station.plug(1)
    assert remote_start(central, 1) == "Rejected"


# With a charging profile.

PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000.0}],
    },
}
"""At most 5 kW."""


@pytest.mark.requirement("OCPP-5.11-6")
@pytest.mark.parametrize("named", [True, False])
def test_profile_in_a_remote_start_for_the_chademo_connector_is_ignored(
    world: World, central: ScriptedSupervision, named: bool
) -> None:
    station = world.add_station(model="EVD1S180THB")
    world.run(5)
    station.plug(2, CHADEMO_CAR)
    world.run(5)
    asked = {"idTag": "REMOTE", "chargingProfile": PROFILE, **({"connectorId": 2} if named else {})}
    assert central.ask("RemoteStartTransaction", asked) == {"status": "Accepted"}
    world.run(60)
    assert started(station) == [(2, "REMOTE")]
    assert station.reading(2).power_w > 30_000


# RemoteStopTransaction.


@pytest.mark.requirement("OCPP-5.12-1", "OCPP-5.12-2")
def test_remote_stop_ends_the_transaction_of_its_id_and_no_other(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for connector in (1, 2):
        station.plug(connector)
        world.run(1)
        assert remote_start(central, connector) == "Accepted"
        world.run(10)
    for other in (3, 0, -1):
        assert central.ask("RemoteStopTransaction", {"transactionId": other}) == {"status": "Rejected"}
    assert not station.wire.calls("StopTransaction")
    assert central.ask("RemoteStopTransaction", {"transactionId": 2}) == {"status": "Accepted"}
    world.run(1)
    (stop,) = station.wire.payloads("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (2, "Remote")
    assert (station.status(1), station.status(2)) == ("Charging", "Finishing")
    assert central.ask("RemoteStopTransaction", {"transactionId": 2}) == {"status": "Rejected"}
