"""Real stations with simulated cabinets, over real sockets, against a supervision that says yes to everything."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.runtime.hosted import BadValueError, NotNowError, NotThereError
from forecourt.runtime.meters import load_meter
from forecourt.runtime.records import RecordStore
from tests.hosted_rig import Rig, until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from forecourt.runtime.hosted import HostedStation

    Play = Callable[[Coroutine[Any, Any, None]], None]


def test_a_car_charges_and_the_energy_on_the_wire_is_that_of_the_meter(play: Play) -> None:
    async def scenario() -> None:
        async with Rig(speed=600.0) as rig:
            station = await rig.station()
            await rig.charge(station)
            await until(lambda: len(rig.supervision.payloads("MeterValues")) >= 3)
            station.show_badge("TAG")
            await until(lambda: rig.supervision.payloads("StopTransaction"))
            assert rig.supervision.identities == ["STATION 1"]
            (start,), (stop,) = (rig.supervision.payloads(f"{name}Transaction") for name in ("Start", "Stop"))
            assert start["meterStart"] == 0
            assert stop["meterStop"] == int(station.connectors()[0].meter_wh) > 1000
            car = station.connectors()[0].vehicle
            assert car is not None
            stored_wh = (car.soc_percent - FAMILY_CAR.soc_percent) / 100 * FAMILY_CAR.battery_kwh * 1000
            assert stop["meterStop"] * FAMILY_CAR.efficiency == pytest.approx(stored_wh, abs=1.0)

    play(scenario())


def test_settings_of_the_installer_are_there_before_the_station_first_connects(play: Play) -> None:
    async def scenario() -> None:
        async with Rig() as rig:
            station = await rig.station(BoxIdentifier="NEW NAME", HeartbeatInterval="77")
            assert rig.supervision.identities == ["NEW NAME"]
            assert station.key("heartbeatinterval")[1] is not None

    play(scenario())


@pytest.mark.requirement("GUIDE-PWR-04")
def test_a_killed_station_ends_its_session_with_the_register_and_the_time_of_the_loss(
    play: Play, tmp_path: Path
) -> None:
    """The host is dropped without a word, as SIGKILL does; what another one finds in the files is all there is."""

    async def scenario() -> None:
        async with Rig(speed=60.0, folder=tmp_path) as rig:
            station = await rig.station()
            await rig.charge(station)
            await until(lambda: rig.supervision.payloads("MeterValues"))
            kill(rig, station)
            stored = RecordStore(tmp_path / "meters.sqlite")
            meter = load_meter(stored, "STATION 1")
            stored.close()
            assert meter is not None
            rig.host = rig.make_host()
            again = await rig.station()
            await until(lambda: rig.supervision.payloads("StopTransaction"))
            (stop,) = rig.supervision.payloads("StopTransaction")
            assert stop["reason"] == "PowerLoss"
            assert stop["meterStop"] == int(meter.registers_wh[0]) > 0
            assert datetime.fromisoformat(stop["timestamp"]).timestamp() == pytest.approx(meter.clock_s, abs=0.01)
            assert again.connectors()[0].meter_wh == meter.registers_wh[0]
            values = rig.supervision.payloads("MeterValues")[-1]["meterValue"][0]["sampledValue"]
            told = next(row["value"] for row in values if row.get("measurand", "Energy").startswith("Energy"))
            assert stop["meterStop"] >= float(told)

    play(scenario())


def kill(rig: Rig, station: HostedStation) -> None:
    """Drop a host as SIGKILL does, as far as one process can: nothing more is done or written."""
    rig.host.driver.remove(station.seat)
    keeper = rig.host._keeper
    assert keeper is not None
    keeper.stop()
    for store in (rig.host._records, rig.host._meters):
        assert store is not None
        store.close()


def test_a_reboot_keeps_the_register_and_the_keys(play: Play) -> None:
    async def scenario() -> None:
        async with Rig(speed=600.0) as rig:
            station = await rig.station()
            await rig.charge(station)
            station.set_key("HeartbeatInterval", "123")
            station.reboot()
            await until(lambda: len(rig.supervision.payloads("BootNotification")) == 2)
            (stop,) = rig.supervision.payloads("StopTransaction")
            assert stop["reason"] == "Reboot"
            await until(lambda: station.key("HeartbeatInterval")[1] == "600")  # the answer to BootNotification set it
            assert station.connectors()[0].meter_wh >= stop["meterStop"] > 0

    play(scenario())


@pytest.mark.parametrize(
    ("model", "calls_to_the_end"),
    [
        pytest.param(
            "EVD1S180THB",
            ["BootNotification", "StopTransaction"],
            marks=pytest.mark.requirement("GUIDE-PWR-01", "GUIDE-PWR-04"),
        ),
        pytest.param(
            "EVD2S180TBB",
            ["StopTransaction", "BootNotification"],
            marks=pytest.mark.requirement("GUIDE-PWR-02", "GUIDE-PWR-04"),
        ),
    ],
)
def test_a_power_cut_ends_the_session_after_boot_or_before_dark(
    play: Play, model: str, calls_to_the_end: list[str]
) -> None:
    async def scenario() -> None:
        async with Rig(speed=60.0) as rig:
            station = await rig.station(model)
            await rig.charge(station)
            before = len(rig.supervision.calls)
            station.power(False)
            lost_s = rig.clock.wall()
            register = int(station.connectors()[0].meter_wh)
            await until(lambda: station.seat.station is None)
            assert station.snapshot() is None
            with pytest.raises(NotNowError, match="power"):
                station.show_badge("TAG")
            station.power(True)
            await until(lambda: len(rig.supervision.payloads("BootNotification")) == 2)
            await until(lambda: rig.supervision.payloads("StopTransaction"))
            wanted = [action for action, _ in rig.supervision.calls[before:] if action in calls_to_the_end]
            assert wanted == calls_to_the_end
            (stop,) = rig.supervision.payloads("StopTransaction")
            assert (stop["reason"], stop["meterStop"]) == ("PowerLoss", register)
            assert datetime.fromisoformat(stop["timestamp"]).timestamp() == pytest.approx(lost_s, abs=1.0)

    play(scenario())


def test_the_network_switch_cuts_and_restores_the_link(play: Play) -> None:
    async def scenario() -> None:
        async with Rig(speed=60.0) as rig:
            station = await rig.station()
            station.network(False)
            snapshot = station.snapshot()
            assert snapshot is not None
            assert snapshot.link.state == "waiting"
            assert "switched off" in snapshot.link.problem
            await until(lambda: not rig.supervision.links)
            station.network(True)
            await until(lambda: len(rig.supervision.identities) == 2)

    play(scenario())


def test_what_is_broken_stays_broken_over_a_reboot_until_it_is_mended(play: Play) -> None:
    async def scenario() -> None:
        async with Rig(speed=600.0) as rig:
            station = await rig.station()
            station.raise_fault("0x100205", 2)
            await until(lambda: rig.status(station, 2) == "Faulted")
            with pytest.raises(NotNowError, match="already"):
                station.raise_fault("100205", 2)
            station.reboot()
            await until(lambda: len(rig.supervision.payloads("BootNotification")) == 2)
            await until(lambda: rig.status(station, 2) == "Faulted")
            station.clear_fault("0x100205")
            await until(lambda: rig.status(station, 2) == "Available")
            with pytest.raises(NotThereError, match="not there"):
                station.clear_fault("0x100205")

    play(scenario())


def test_what_cannot_be_is_refused_with_a_sentence(play: Play) -> None:
    async def scenario() -> None:
        async with Rig() as rig:
            station = await rig.station()
            with pytest.raises(NotThereError, match="connectors 1 to 2"):
                station.plug(3, FAMILY_CAR)
            with pytest.raises(NotNowError, match="CHAdeMO"):
                station.plug(2, FAMILY_CAR)
            with pytest.raises(NotNowError, match="no car"):
                station.unplug(1)
            with pytest.raises(BadValueError, match="1 to 20"):
                station.show_badge("")
            with pytest.raises(NotThereError, match="HeartbeatInterval"):
                station.key("HeartbeatIntervall")
            with pytest.raises(BadValueError, match="whole station"):
                station.raise_fault("0x100202", 2)

    play(scenario())
