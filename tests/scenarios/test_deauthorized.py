"""A session that the supervision refuses in its answer to StartTransaction (OCPP 1.6 section 3.5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.station.effects import CloseContactor

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

REFUSALS = ["Blocked", "Expired", "Invalid", "ConcurrentTx"]


def refuse(central: ScriptedSupervision, status: str = "Invalid") -> None:
    """Answer StartTransaction with another status than Accepted."""
    central.answers["StartTransaction"] = {"transactionId": 7, "idTagInfo": {"status": status}}


@pytest.fixture
def suspended(world: World, central: ScriptedSupervision, station: SimulatedStation) -> SimulatedStation:
    """A session on gun 1 that was refused and, by the key, goes on without energy."""
    station.set_key("StopTransactionOnInvalidId", "false")
    refuse(central)
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    return station


@pytest.mark.requirement("OCPP-3.5.4-4")
@pytest.mark.parametrize("status", REFUSALS)
def test_station_stops_a_session_that_is_refused_online(
    world: World, central: ScriptedSupervision, station: SimulatedStation, status: str
) -> None:
    station.set_key("StopTransactionOnInvalidId", "true")
    refuse(central, status)
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    (stop,) = station.wire.payloads("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (7, "DeAuthorized")
    assert "idTag" not in stop
    assert station.status(1) == "Finishing"
    assert station.reading(1).energy_wh == 0


@pytest.mark.requirement("OCPP-3.5.4-4")
@pytest.mark.parametrize("status", REFUSALS)
def test_station_stops_a_session_that_began_offline_and_is_refused_after_the_reconnect(
    world: World, central: ScriptedSupervision, station: SimulatedStation, status: str
) -> None:
    refuse(central, status)
    station.network_down()
    station.plug(1)
    station.badge("TAG")
    world.run(120)
    assert station.status(1) == "Charging"
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(5)
    (stop,) = station.wire.payloads("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (7, "DeAuthorized")
    assert stop["meterStop"] > 2000
    assert station.status(1) == "Finishing"
    assert station.reading(1).power_w == 0


def test_station_does_not_stop_again_a_refused_session_that_is_over(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    refuse(central)
    station.network_down()
    station.plug(1)
    station.badge("TAG")
    world.run(60)
    station.badge("TAG")
    world.run(10)
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(5)
    assert [stop["reason"] for stop in station.wire.payloads("StopTransaction")] == ["Local"]
    assert station.status(1) == "Finishing"


@pytest.mark.requirement("OCPP-3.5.4-5", "OCPP-4.9-6")
def test_station_suspends_a_refused_session_and_keeps_it_open(
    world: World, central: ScriptedSupervision, suspended: SimulatedStation
) -> None:
    world.run(600)
    assert suspended.reported(1)[-1] == "SuspendedEVSE"
    assert suspended.reported(1)[-2] == "Preparing"
    assert suspended.reading(1).power_w == 0
    assert suspended.reading(1).energy_wh == 0
    assert not suspended.wire.payloads("StopTransaction")
    assert central.ask("RemoteStopTransaction", {"transactionId": 7}) == {"status": "Accepted"}
    world.run(5)
    assert [stop["reason"] for stop in suspended.wire.payloads("StopTransaction")] == ["Remote"]


@pytest.mark.requirement("OCPP-3.5.4-5")
def test_station_takes_the_energy_from_a_charging_session_that_is_refused_late(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("StopTransactionOnInvalidId", "false")
    refuse(central)
    station.network_down()
    station.plug(1)
    station.badge("TAG")
    world.run(120)
    assert station.reading(1).power_w > 0
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(5)
    energy_wh = station.reading(1).energy_wh
    world.run(600)
    assert station.status(1) == "SuspendedEVSE"
    assert station.reading(1).energy_wh == energy_wh
    assert not station.wire.payloads("StopTransaction")


@pytest.mark.requirement("OCPP-4.9-15")
def test_gun_without_energy_stays_suspendedevse_when_the_vehicle_suspends_too(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("StopTransactionOnInvalidId", "false")
    refuse(central)
    station.network_down()
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    station.pause_car(1)
    world.run(30)
    assert station.status(1) == "SuspendedEV"
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(5)
    assert station.status(1) == "SuspendedEVSE"
    station.resume_car(1)
    station.pause_car(1)
    world.run(60)
    assert station.status(1) == "SuspendedEVSE"
    assert station.reported(1)[-2:] == ["SuspendedEV", "SuspendedEVSE"]


@pytest.mark.requirement("OCPP-4.9-15")
def test_gun_without_energy_stays_suspendedevse_when_the_vehicle_is_disconnected(
    world: World, suspended: SimulatedStation
) -> None:
    suspended.set_key("StopTransactionOnEVSideDisconnect", "false")
    suspended.unplug(1)
    world.run(30)
    assert suspended.status(1) == "SuspendedEVSE"
    suspended.plug(1)
    world.run(60)
    assert suspended.reported(1)[-3:] == ["Preparing", "SuspendedEVSE", "SuspendedEVSE"]
    assert suspended.reading(1).energy_wh == 0
    assert sum(isinstance(effect, CloseContactor) for effect in suspended.effects) == 1


def test_power_cut_ends_a_refused_session_like_any_other(world: World, suspended: SimulatedStation) -> None:
    suspended.cut()
    world.run(60)
    suspended.power_on()
    world.run(60)
    (stop,) = suspended.wire.payloads("StopTransaction")
    assert (stop["reason"], stop["meterStop"]) == ("PowerLoss", 0)
