"""A cable pulled on the vehicle's side during a session, by StopTransactionOnEVSideDisconnect (reading A45)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.world.world import START

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

INFO = "EV side disconnected"


@pytest.fixture
def charging(world: World, station: SimulatedStation) -> SimulatedStation:
    """A session that charges on gun 1; statuses wait for MinimumStatusDuration as by default."""
    station.set_key("MinimumStatusDuration", "10")
    station.plug(1)
    station.badge("TAG")
    world.run(60)
    assert station.reported(1)[-1] == "Charging"
    return station


def change(central: ScriptedSupervision, value: str) -> None:
    """Have the supervision set StopTransactionOnEVSideDisconnect."""
    payload = {"key": "StopTransactionOnEVSideDisconnect", "value": value}
    assert central.ask("ChangeConfiguration", payload) == {"status": "Accepted"}


def reports(station: SimulatedStation) -> list[dict[str, Any]]:
    """The StatusNotifications of gun 1."""
    return [note for note in station.wire.payloads("StatusNotification") if note["connectorId"] == 1]


def moment(text: str) -> float:
    """A timestamp in seconds of the world."""
    return (datetime.fromisoformat(text) - START).total_seconds()


@pytest.mark.requirement("OCPP-4.9-22")
def test_session_ends_with_its_cable_and_says_why(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    change(central, "false")
    change(central, "true")
    at = world.now
    charging.unplug(1)
    world.run(1)
    note = reports(charging)[-1]
    assert (note["status"], note["errorCode"], note["info"]) == ("Finishing", "NoError", INFO)
    assert moment(note["timestamp"]) == pytest.approx(at, abs=0.01)
    (stop,) = charging.wire.payloads("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (1, "EVDisconnected")
    assert stop["meterStop"] == int(charging.reading(1).energy_wh)
    world.run(30)
    assert [note["status"] for note in reports(charging)[-2:]] == ["Finishing", "Available"]
    assert "info" not in reports(charging)[-1]


@pytest.mark.requirement("OCPP-4.10-6")
def test_cable_of_an_ended_session_gives_no_energy_until_a_new_one(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    change(central, "true")
    charging.unplug(1)
    world.run(5)
    register_wh = charging.reading(1).energy_wh
    charging.plug(1)
    world.run(300)
    assert charging.reading(1).energy_wh == register_wh
    assert charging.status(1) == "Preparing"
    charging.badge("TAG")
    world.run(60)
    assert charging.reading(1).energy_wh > register_wh + 1000
    assert len(charging.wire.payloads("StartTransaction")) == 2


@pytest.mark.requirement("OCPP-4.9-21")
def test_session_goes_on_without_its_cable_and_says_why(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    change(central, "false")
    at = world.now
    charging.unplug(1)
    world.run(1)
    note = reports(charging)[-1]
    assert (note["status"], note["errorCode"], note["info"]) == ("SuspendedEV", "NoError", INFO)
    assert moment(note["timestamp"]) == pytest.approx(at, abs=0.01)
    world.run(600)
    assert not charging.wire.payloads("StopTransaction")
    late = [message for message in charging.wire.calls("MeterValues") if message.at > at + 30]
    assert len(late) > 5
    assert {message.payload["transactionId"] for message in late} == {1}
    assert central.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Accepted"}
    world.run(30)
    (stop,) = charging.wire.payloads("StopTransaction")
    assert stop["reason"] == "Remote"
    assert reports(charging)[-1]["status"] == "Available"


@pytest.mark.requirement("OCPP-4.10-5")
def test_session_without_cable_stays_open_and_energy_flows_again_with_it(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    change(central, "false")
    charging.unplug(1)
    world.run(120)
    register_wh = charging.reading(1).energy_wh
    world.run(120)
    assert charging.reading(1).energy_wh == register_wh
    charging.plug(1)
    world.run(120)
    assert charging.reading(1).energy_wh > register_wh + 3000
    assert reports(charging)[-1]["status"] == "Charging"
    assert "info" not in reports(charging)[-1]
    assert len(charging.wire.payloads("StartTransaction")) == 1
    assert not charging.wire.payloads("StopTransaction")
    charging.badge("TAG")
    world.run(5)
    (stop,) = charging.wire.payloads("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (1, "Local")
    assert stop["meterStop"] == int(charging.reading(1).energy_wh)


def test_session_without_cable_is_not_ended_by_a_badge(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    """With nothing plugged the screen is locked (reading A27)."""
    change(central, "false")
    charging.unplug(1)
    charging.badge("TAG")
    world.run(60)
    assert not charging.wire.payloads("StopTransaction")


def test_session_without_cable_is_suspended_without_info_when_a_new_car_does_not_take(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    change(central, "false")
    charging.unplug(1)
    world.run(30)
    charging.plug(1)
    charging.pause_car(1)
    world.run(60)
    assert reports(charging)[-1]["status"] == "SuspendedEV"
    assert "info" not in reports(charging)[-1]
