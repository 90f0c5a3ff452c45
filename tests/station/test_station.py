from __future__ import annotations

import json
from math import inf

import pytest

from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.models import find_model
from forecourt.station import effects as do
from forecourt.station import events as happened
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.station import _EXPIRIES, _HANDLERS, Station
from forecourt.station.timers import Timer
from forecourt.world.chance import SeededChance

MODEL = find_model("EVD1S180TBB")
COMMISSIONING = Commissioning("CP-1", "ws://supervision.example", MODEL.reference, "S-1", "3.5.8803")


def test_station_has_a_handler_for_every_event_and_an_expiry_for_every_timer() -> None:
    kinds = {kind for kind in vars(happened).values() if isinstance(kind, type) and issubclass(kind, happened.Event)}
    assert set(_HANDLERS) == kinds - {happened.Event}
    assert set(_EXPIRIES) == set(Timer)


def test_station_that_sleeps_has_no_deadline_until_power_is_there() -> None:
    station = Station(COMMISSIONING, StationOptions(), SimulatedCabinet(figures_of(MODEL)), {}, SeededChance(1))
    assert station.next_deadline() == inf
    effects = station.handle(happened.PowerRestored(1e9), 0.0)
    assert isinstance(effects[-1], do.OpenLink)
    assert isinstance(effects[0], do.SaveRecord)


def test_expiring_early_does_nothing() -> None:
    station = Station(COMMISSIONING, StationOptions(), SimulatedCabinet(figures_of(MODEL)), {}, SeededChance(1))
    station.handle(happened.PowerRestored(1e9), 0.0)
    station.handle(happened.LinkRefused("nobody there"), 0.0)
    due = station.next_deadline()
    assert 3 <= due <= 13
    assert station.expire(due - 0.001) == []
    assert [type(effect) for effect in station.expire(due)] == [do.OpenLink]


BROKEN = {
    ("boot", "count"): b"many",
    ("boot", "accepted"): b"\xff\xfe",
    ("key", "HeartbeatInterval"): b"\xff",
    ("key", "MeterValueSampleInterval"): b"often",
    ("key", "Colour"): b"red",
    ("queue", "000000000007"): b"[]",
    ("queue", "seven"): b'["StopTransaction",{},"1-1-1",true,0,"seven"]',
    ("transaction", "1-1-1"): b"{",
}


@pytest.mark.parametrize("record", [*BROKEN, None], ids=str)
def test_station_puts_a_record_aside_that_can_not_be_read_and_starts(record: tuple[str, str] | None) -> None:
    """None stands for all of them at once. What is wrong is logged; an address is simply not the accepted one."""
    records = BROKEN if record is None else {record: BROKEN[record]}
    station = Station(COMMISSIONING, StationOptions(), SimulatedCabinet(figures_of(MODEL)), records, SeededChance(1))
    effects = station.handle(happened.PowerRestored(1e9), 0.0)
    logged = [effect for effect in effects if isinstance(effect, do.LogEvent)]
    assert [event.name for event in logged] == ["Record ignored"] * (len(records) - (("boot", "accepted") in records))
    assert isinstance(effects[-1], do.OpenLink)
    assert station.configuration.integer("HeartbeatInterval") == 60
    assert station.configuration.integer("MeterValueSampleInterval") == 60
    assert station.snapshot(0.0).queuedMessages == 0


def test_station_uses_no_id_again_when_its_boot_count_is_lost() -> None:
    prefixes = set()
    chance = SeededChance(1)
    for _ in range(20):
        cabinet = SimulatedCabinet(figures_of(MODEL))
        station = Station(COMMISSIONING, StationOptions(), cabinet, {("boot", "count"): b"?"}, chance)
        station.handle(happened.PowerRestored(1e9), 0.0)
        (frame,) = [
            effect.frame for effect in station.handle(happened.LinkOpened(), 1.0) if isinstance(effect, do.SendFrame)
        ]
        message_id = json.loads(frame)[1]
        assert len(message_id) <= 36
        prefixes.add(message_id)
    assert len(prefixes) == 20
