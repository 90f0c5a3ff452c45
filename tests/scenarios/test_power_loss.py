"""Mains power goes in the middle of a session (guide, note under "Supported messages"; reading A11)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from forecourt.evlink.generations import PowerLossStop
from forecourt.station.commissioning import StationOptions
from forecourt.supervision.facts import OrphanStopped, TransactionStopped

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.wire import Message
    from forecourt.world.world import World

AFTER_BOOT, BEFORE_DARK = "EVD1S180TBB", "EVD2S180TBB"
"""A model of each family."""
KEYS = {"MinimumStatusDuration": "0", "MeterValueSampleInterval": "30"}


def charge(world: World, model: str, options: StationOptions | None = None) -> SimulatedStation:
    station = world.add_station(model=model, keys=KEYS, options=options)
    world.run(5)
    station.plug(1)
    station.badge("TAG1")
    world.run(100)
    assert station.status(1) == "Charging"
    return station


def go_dark(world: World, station: SimulatedStation) -> float:
    """Power goes; the moment at which it went. A minute later the station is dark."""
    lost_s = world.clock_s
    station.power_off()
    world.run(60)
    assert not station.has_power
    return lost_s


def stops(station: SimulatedStation) -> list[Message]:
    return station.wire.calls("StopTransaction")


def assert_told_the_loss(station: SimulatedStation, lost_s: float, register_wh: float) -> None:
    """Every StopTransaction has the reason, the register and the time of the loss."""
    assert stops(station)
    for stop in stops(station):
        assert stop.payload["reason"] == "PowerLoss"
        assert stop.payload["meterStop"] == pytest.approx(register_wh, abs=1)
        told_s = datetime.fromisoformat(stop.payload["timestamp"]).timestamp()
        assert told_s == pytest.approx(lost_s, abs=0.01)
        assert "idTag" not in stop.payload


@pytest.mark.requirement("GUIDE-PWR-01")
def test_station_of_the_first_family_sends_its_stop_once_its_next_boot_was_accepted(
    world: World, central: ScriptedSupervision
) -> None:
    station = charge(world, AFTER_BOOT)
    go_dark(world, station)
    assert stops(station) == []
    central.boot_status, central.interval_s = "Pending", 30
    station.power_on()
    world.run(100)
    assert stops(station) == []
    central.boot_status = "Accepted"
    world.run(60)
    (stop,) = stops(station)
    assert stop.payload["transactionId"] == 1
    assert stop.payload["reason"] == "PowerLoss"


@pytest.mark.requirement("GUIDE-PWR-02")
def test_station_of_the_second_family_sends_its_stop_before_it_goes_dark(world: World) -> None:
    station = charge(world, BEFORE_DARK)
    station.power_off()
    assert station.has_power
    world.run(1)
    (stop,) = stops(station)
    assert (stop.payload["transactionId"], stop.payload["reason"]) == (1, "PowerLoss")
    world.run(60)
    assert not station.has_power
    station.power_on()
    world.run(60)
    assert len(stops(station)) == 1


@pytest.mark.requirement("GUIDE-PWR-03")
@pytest.mark.parametrize(
    ("model", "option"), [(AFTER_BOOT, PowerLossStop.BEFORE_DARK), (BEFORE_DARK, PowerLossStop.AFTER_BOOT)]
)
def test_station_follows_its_own_option_over_the_default_of_its_family(
    world: World, model: str, option: PowerLossStop
) -> None:
    station = charge(world, model, StationOptions(power_loss=option))
    go_dark(world, station)
    assert len(stops(station)) == (1 if option is PowerLossStop.BEFORE_DARK else 0)
    station.power_on()
    world.run(60)
    assert [stop.payload["reason"] for stop in stops(station)] == ["PowerLoss"]


@pytest.mark.requirement("GUIDE-PWR-04")
@pytest.mark.parametrize("model", [AFTER_BOOT, BEFORE_DARK])
@pytest.mark.parametrize("network", [True, False])
def test_stop_after_a_power_loss_tells_reason_register_and_time_of_the_loss(
    world: World, model: str, network: bool
) -> None:
    """Whenever it is sent: at once, after the boot, or with a supervision that was out of reach as well."""
    station = charge(world, model)
    if not network:
        station.network_down()
        world.run(40)
    register_wh = station.reading(1).energy_wh
    assert register_wh > 1000
    lost_s = go_dark(world, station)
    world.run(7200)
    station.network_up()
    station.power_on()
    world.run(60)
    assert_told_the_loss(station, lost_s, register_wh)
    assert station.reading(1).energy_wh == pytest.approx(register_wh), "nothing flowed after the loss"


def test_stop_tells_the_register_and_the_time_of_the_loss_when_the_station_died_at_once(world: World) -> None:
    station = charge(world, BEFORE_DARK)
    register_wh, lost_s = station.reading(1).energy_wh, world.clock_s
    station.cut()
    world.run(3600)
    station.power_on()
    world.run(60)
    assert_told_the_loss(station, lost_s, register_wh)
    assert len(stops(station)) == 1


@pytest.mark.requirement("GUIDE-PWR-05")
@pytest.mark.parametrize("model", [AFTER_BOOT, BEFORE_DARK])
@pytest.mark.parametrize("network", [True, False])
def test_one_stop_reaches_the_supervision_whatever_was_queued_when_power_went(
    site: World, model: str, network: bool
) -> None:
    station = charge(site, model)
    station.set_key("disconnectedMeterValueSampleInterval", "0")
    if not network:
        station.network_down()
        site.run(100)
        assert station.snapshot().queuedMessages == 3
    told = len(station.wire.payloads("MeterValues"))
    go_dark(site, station)
    station.network_up()
    station.power_on()
    site.run(60)
    ledger = site.supervision
    (started,) = ledger.started
    stopped = [fact for fact in ledger.ledger.facts if isinstance(fact, TransactionStopped | OrphanStopped)]
    assert [type(fact) for fact in stopped] == [TransactionStopped]
    assert ledger.stopped[0].transactionId == started.transactionId
    assert len(stops(station)) == 1
    assert len(station.wire.payloads("MeterValues")) == told + (0 if network else 3)
    assert station.snapshot().queuedMessages == 0
    # Another power cycle sends nothing again.
    station.cut()
    station.power_on()
    site.run(60)
    assert len(stops(station)) == 1


def test_station_starts_no_session_while_its_lights_are_going_out(world: World) -> None:
    station = charge(world, BEFORE_DARK)
    station.power_off()
    station.plug(2)
    station.show(2)
    station.badge("TAG2")
    world.run(5)
    assert station.has_power
    assert station.connector(2).transaction is None
    assert len(station.wire.payloads("StartTransaction")) == 1


def test_station_finds_its_cables_as_they_are_when_power_returns(world: World) -> None:
    """One gun was in a session, one was plugged meanwhile."""
    station = charge(world, AFTER_BOOT)
    station.cut()
    station.plug(2)
    world.run(10)
    station.power_on()
    world.run(20)
    assert [station.status(1), station.status(2)] == ["Finishing", "Preparing"]
    assert station.reported(1)[-1] == "Finishing"
    assert station.reported(2)[-1] == "Preparing"
