"""What a station lets others see of it, at every stage of a session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.cabinet.archetypes import CHADEMO_CAR
from forecourt.station.snapshot import StationSnapshot
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import START, World

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation


@pytest.fixture
def world() -> World:
    """A world whose supervision is scripted."""
    return World(central=ScriptedSupervision)


@pytest.fixture
def station(world: World) -> SimulatedStation:
    """A station that has booted and reports statuses without delay."""
    station = world.add_station(keys={"MinimumStatusDuration": "0"})
    world.run(5)
    return station


def test_free_station_shows_who_and_how_it_is(world: World, station: SimulatedStation) -> None:
    shown = station.snapshot()
    assert (shown.identity, shown.model, shown.serial) == ("CP-1", "EVD1S180THB", "1S2447000017")
    assert shown.firmware.startswith("3.5.")
    assert shown.clock == START + timedelta(seconds=5)
    assert (shown.link.state, shown.link.problem) == ("open", "")
    assert shown.link.url == "ws://supervision.example/ocpp"
    assert (shown.boot, shown.status, shown.shownConnector, shown.queuedMessages) == ("Accepted", "Available", 1, 0)
    first, second = shown.connectors
    assert (first.connectorId, first.type, second.connectorId, second.type) == (1, "CCS2", 2, "CHAdeMO")
    for gun in shown.connectors:
        assert (gun.status, gun.reportedStatus, gun.dtcs, gun.plugged) == ("Available", "Available", (), False)
        assert (gun.soc_percent, gun.transaction, gun.meter_wh) == (None, None, 0)
        assert gun.power_w == gun.voltage_v == gun.current_a == gun.offered_w == 0


def test_charging_station_shows_the_session_and_its_power(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    station.badge("TAG")
    world.run(600)
    gun = station.connector(1)
    assert (gun.status, gun.reportedStatus, gun.plugged) == ("Charging", "Charging", True)
    assert gun.transaction is not None
    assert (gun.transaction.transactionId, gun.transaction.idTag, gun.transaction.meterStart) == (1, "TAG", 0)
    assert START < gun.transaction.startedAt < START + timedelta(seconds=6)
    assert gun.meter_wh > 15_000
    assert gun.power_w == pytest.approx(gun.voltage_v * gun.current_a)
    assert gun.power_w <= gun.offered_w <= 180_000
    assert gun.soc_percent is not None
    assert 30 < gun.soc_percent < 60


def test_session_without_answer_has_no_id_and_its_messages_are_counted(world: World, station: SimulatedStation) -> None:
    station.network_down()
    station.plug(1)
    station.badge("TAG")
    world.run(5)
    shown = station.snapshot()
    transaction = shown.connectors[0].transaction
    assert transaction is not None
    assert transaction.transactionId is None
    assert shown.queuedMessages == 1
    assert shown.link.state in ("opening", "waiting")
    assert "network down" in shown.link.problem or "network is down" in shown.link.problem


def test_actual_status_runs_ahead_of_the_reported_one(world: World, station: SimulatedStation) -> None:
    station.set_key("MinimumStatusDuration", "10")
    station.plug(1)
    world.run(5)
    assert (station.connector().status, station.connector().reportedStatus) == ("Preparing", "Available")
    world.run(6)
    assert station.connector().reportedStatus == "Preparing"


def test_errors_are_listed_and_nothing_is_reported_before_the_boot(world: World) -> None:
    assert isinstance(world.central, ScriptedSupervision)
    world.central.boot_status = "Pending"
    station = world.add_station("CP-2")
    world.run(5)
    station.fault("0x100206", 2)
    station.fault("0x100007", 2)
    shown = station.snapshot()
    assert (shown.boot, shown.connectors[1].status) == ("Pending", "Faulted")
    assert shown.connectors[1].dtcs == ("0x100206", "0x100007")
    assert shown.connectors[1].reportedStatus is None


def test_changed_keys_are_shown_but_never_the_password(world: World, station: SimulatedStation) -> None:
    station.set_key("MeterValueSampleInterval", "30")
    station.set_key("AuthorizationKey", "0123456789abcdef0123456789abcdef")
    shown = station.snapshot()
    assert shown.keysChanged["MeterValueSampleInterval"] == "30"
    assert "AuthorizationKey" not in shown.keysChanged
    assert b"0123456789abcdef" not in msgspec.json.encode(shown)


def test_snapshot_survives_json(world: World, station: SimulatedStation) -> None:
    station.plug(2, CHADEMO_CAR)
    station.show(2)
    station.badge("TAG")
    world.run(60)
    shown = station.snapshot()
    assert msgspec.json.decode(msgspec.json.encode(shown), type=StationSnapshot) == shown
    assert shown.shownConnector == 2
    assert shown.clock.tzinfo is UTC
    assert isinstance(shown.clock, datetime)
