"""Reset and reboot: sessions end properly, their messages are not lost, and a new life begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.ocpp.core import ResetRequest, ResetResponse, ResetStatus, ResetType
from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import OpenContactor, Reboot
from forecourt.supervision.outcomes import Answered

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

KINDS = [("Soft", "SoftReset"), ("Hard", "HardReset")]


def charge_on_both(world: World, station: SimulatedStation) -> None:
    for number, id_tag in ((1, "ONE"), (2, "TWO")):
        station.plug(number)
        station.show(number)
        station.badge(id_tag)
        world.run(60)
    assert [station.status(1), station.status(2)] == ["Charging", "Charging"]


@pytest.mark.requirement("OCPP-5.14-1")
@pytest.mark.parametrize("kind", [ResetType.Soft, ResetType.Hard])
@pytest.mark.parametrize("charging", [False, True])
def test_station_answers_a_reset_before_it_carries_it_out(
    site: World, served: SimulatedStation, kind: ResetType, charging: bool
) -> None:
    if charging:
        served.plug(1)
        served.badge("TAG1")
        site.run(30)
    outcome = site.supervision.ask(served.identity, ResetRequest(type=kind))
    assert outcome == Answered(ResetResponse(status=ResetStatus.Accepted))
    site.run(100)
    assert served.lives == 2
    kinds = [f"{message.kind} {message.action}" for message in served.wire.messages]
    answered = kinds.index("CALLRESULT Reset")
    assert "CALL StopTransaction" not in kinds[:answered]
    assert ("CALL StopTransaction" in kinds[answered:]) == charging
    assert "CALL BootNotification" in kinds[answered:]


@pytest.mark.requirement("OCPP-5.14-2")
@pytest.mark.parametrize(("kind", "reason"), KINDS)
@pytest.mark.parametrize("answered", [True, False])
def test_station_stops_every_transaction_before_a_reset_and_queues_what_was_not_answered(
    world: World, central: ScriptedSupervision, station: SimulatedStation, kind: str, reason: str, answered: bool
) -> None:
    charge_on_both(world, station)
    if not answered:
        central.silent.add("StopTransaction")
    asked = world.now
    assert central.ask("Reset", {"type": kind}) == {"status": "Accepted"}
    world.run_until(lambda: any(isinstance(effect, Reboot) for effect in station.effects))
    ended = world.now
    before = station.wire.payloads("StopTransaction")
    assert len(before) == (2 if answered else 1), "the second waits for the answer to the first"
    assert ended - asked < (1 if answered else 31)
    central.silent.clear()
    world.run(150)
    stops = station.wire.payloads("StopTransaction")
    assert {stop["transactionId"] for stop in stops} == {1, 2}
    assert {stop["reason"] for stop in stops} == {reason}
    if not answered:
        resent = [m for m in station.wire.calls() if m.at > ended]
        assert resent[0].action == "BootNotification"
        assert [m.payload["transactionId"] for m in resent if m.action == "StopTransaction"] == [1, 2]
    assert station.snapshot().queuedMessages == 0


@pytest.mark.requirement("OCPP-5.14-3")
def test_soft_reset_ends_sessions_gracefully_and_restarts_the_application(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The energy is cut, the meter read and the message answered before the new life begins."""
    charge_on_both(world, station)
    central.ask("Reset", {"type": "Soft"})
    world.run(1)
    delivered_wh = [station.reading(number).energy_wh for number in (1, 2)]
    ends = [type(effect) for effect in station.effects if isinstance(effect, OpenContactor | Reboot)]
    assert ends == [OpenContactor, OpenContactor, Reboot]
    assert [effect.hard for effect in station.effects if isinstance(effect, Reboot)] == [False]
    stops = station.wire.payloads("StopTransaction")
    assert [stop["reason"] for stop in stops] == ["SoftReset", "SoftReset"]
    assert [stop["meterStop"] for stop in stops] == pytest.approx(delivered_wh, abs=1)
    assert all("idTag" not in stop for stop in stops)
    world.run(100)
    assert station.lives == 2
    assert station.snapshot().boot == "Accepted"
    assert [station.connector(number).transaction for number in (1, 2)] == [None, None]
    assert [station.reading(number).energy_wh for number in (1, 2)] == delivered_wh


@pytest.mark.requirement("OCPP-5.14-4")
@pytest.mark.parametrize("reachable", [True, False])
def test_hard_reset_restarts_the_hardware_and_stops_what_was_open_with_hard_reset(
    world: World, central: ScriptedSupervision, station: SimulatedStation, reachable: bool
) -> None:
    charge_on_both(world, station)
    if not reachable:
        central.silent.add("StopTransaction")
    central.ask("Reset", {"type": "Hard"})
    world.run_until(lambda: any(isinstance(effect, Reboot) for effect in station.effects))
    ended = world.now
    assert [effect.hard for effect in station.effects if isinstance(effect, Reboot)] == [True]
    central.silent.clear()
    central.boot_status, central.interval_s = "Pending", 30
    world.run(100)
    assert station.lives == 2
    late = [message for message in station.wire.calls("StopTransaction") if message.at > ended]
    assert late == [], "not before the boot is accepted"
    central.boot_status = "Accepted"
    world.run(60)
    late = [message for message in station.wire.calls("StopTransaction") if message.at > ended]
    assert len(late) == (0 if reachable else 2)
    stops = station.wire.payloads("StopTransaction")
    assert {(stop["transactionId"], stop["reason"]) for stop in stops} == {(1, "HardReset"), (2, "HardReset")}


def test_station_refuses_a_second_reset_and_new_sessions_while_one_is_coming(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge_on_both(world, station)
    central.silent.add("StopTransaction")
    central.ask("Reset", {"type": "Soft"})
    assert central.ask("Reset", {"type": "Hard"}) == {"status": "Rejected"}
    station.unplug(1)
    station.plug(1)
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "ONE"}) == {"status": "Rejected"}
    station.show(1)
    station.badge("ONE")
    world.run(20)
    assert station.connector(1).transaction is None


def test_reboot_at_the_station_stops_sessions_with_reason_reboot(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge_on_both(world, station)
    station.reboot()
    world.run(100)
    assert station.lives == 2
    assert {stop["reason"] for stop in station.wire.payloads("StopTransaction")} == {"Reboot"}


def test_station_reboots_offline_and_sends_its_stops_when_it_is_back(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge_on_both(world, station)
    station.network_down()
    station.reboot()
    world.run(100)
    assert station.lives == 2
    assert station.wire.payloads("StopTransaction") == []
    station.network_up()
    world.run(200)
    assert [stop["reason"] for stop in station.wire.payloads("StopTransaction")] == ["Reboot", "Reboot"]


def test_station_still_knows_after_a_reset_what_it_was_told(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.ask("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "17"})
    central.ask("Reset", {"type": "Hard"})
    world.run(100)
    (entry,) = central.ask("GetConfiguration", {"key": ["MeterValueSampleInterval"]})["configurationKey"]
    assert entry["value"] == "17"


# A reset that fails.


def tries(station: SimulatedStation) -> list[str]:
    """The attempts that failed, as the log has them."""
    return [line.detail for line in station.log if line.name == "Reset failed"]


def failing_station(world: World, attempts: int) -> SimulatedStation:
    """A booted station of which so many attempts to reset fail."""
    options = StationOptions(failing_resets=attempts)
    station = world.add_station(model="EVD1S180TBB", options=options, keys={"MinimumStatusDuration": "0"})
    world.run(5)
    return station


@pytest.mark.requirement("GUIDE-KEY-17")
@pytest.mark.parametrize(("retries", "failing", "resets"), [(2, 2, True), (2, 3, False), (0, 1, False), (5, 5, True)])
def test_resetretries_is_writable_and_says_how_often_a_failed_reset_is_repeated(
    world: World, central: ScriptedSupervision, retries: int, failing: int, resets: bool
) -> None:
    station = failing_station(world, failing)
    (entry,) = central.ask("GetConfiguration", {"key": ["ResetRetries"]})["configurationKey"]
    assert entry == {"key": "ResetRetries", "readonly": False, "value": "2"}
    for wrong in ("-1", "1.5", "two", ""):
        assert central.ask("ChangeConfiguration", {"key": "ResetRetries", "value": wrong}) == {"status": "Rejected"}
    change = {"key": "ResetRetries", "value": str(retries)}
    assert central.ask("ChangeConfiguration", change) == {"status": "Accepted"}
    assert central.ask("Reset", {"type": "Hard"}) == {"status": "Accepted"}
    world.run(200)
    assert station.lives == (2 if resets else 1)
    most = retries + 1
    assert tries(station) == [f"attempt {number} of {most}" for number in range(1, min(failing, most) + 1)]


@pytest.mark.requirement("OCPP-9.1-7")
@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_reset_that_fails_every_time_is_reported_as_resetfailure_and_life_goes_on(
    world: World, central: ScriptedSupervision, kind: str
) -> None:
    station = failing_station(world, 3)
    charge_on_both(world, station)
    seen = len(station.wire.payloads("StatusNotification"))
    assert central.ask("Reset", {"type": kind}) == {"status": "Accepted"}
    world.run(25)
    reports = station.wire.payloads("StatusNotification")[seen:]
    assert [report["connectorId"] for report in reports if report["errorCode"] != "NoError"] == [0]
    assert (reports[-1]["errorCode"], reports[-1]["status"]) == ("ResetFailure", "Available")
    assert tries(station) == ["attempt 1 of 3", "attempt 2 of 3", "attempt 3 of 3"]
    assert station.lives == 1
    assert len(station.wire.payloads("StopTransaction")) == 2
    station.show(1)
    station.badge("AGAIN")
    world.run(30)
    assert station.status(1) == "Charging", "the station is not lost"
    assert central.ask("Reset", {"type": kind}) == {"status": "Accepted"}
    world.run(150)
    assert station.lives == 2
    assert len(station.wire.payloads("StopTransaction")) == 3


def test_reset_is_still_pending_between_attempts(world: World, central: ScriptedSupervision) -> None:
    station = failing_station(world, 1)
    assert central.ask("Reset", {"type": "Soft"}) == {"status": "Accepted"}
    world.run(5)
    assert central.ask("Reset", {"type": "Soft"}) == {"status": "Rejected"}
    station.plug(1)
    station.badge("TAG")
    world.run(2)
    assert station.connector(1).transaction is None
    world.run(100)
    assert station.lives == 2


def test_failed_reset_that_the_link_hides_is_reported_after_the_reconnect(
    world: World, central: ScriptedSupervision
) -> None:
    station = failing_station(world, 3)
    station.network_down()
    station.reboot()
    world.run(60)
    assert tries(station) == ["attempt 1 of 3", "attempt 2 of 3", "attempt 3 of 3"]
    station.network_up()
    world.run(200)
    assert [p["errorCode"] for p in station.wire.payloads("StatusNotification")].count("ResetFailure") == 1
