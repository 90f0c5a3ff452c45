from __future__ import annotations

import msgspec
import pytest

from forecourt.evlink.generations import PowerLossStop
from forecourt.evlink.models import UnknownModel
from forecourt.station.commissioning import Chance, Commissioning, StationOptions
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance
from tests.station_bench import BenchHardware

COMMISSIONING = Commissioning("CP-1", "ws://csms", "EVD1S180THB", "S-1", "3.5.8803")


def test_commissioning_and_options_survive_a_file() -> None:
    """Both are what a station's data folder and its TOML file hold."""
    toml = f'speed = 60.0\npower_loss = "{PowerLossStop.BEFORE_DARK}"\nstatus_timestamp_only = true\n'
    assert msgspec.toml.decode(toml, type=StationOptions) == StationOptions(
        power_loss=PowerLossStop.BEFORE_DARK, status_timestamp_only=True, speed=60.0
    )
    keyed = msgspec.structs.replace(COMMISSIONING, authorization_key="ab" * 16)
    assert msgspec.json.decode(msgspec.json.encode(keyed), type=Commissioning) == keyed


def test_options_are_off_unless_asked_for() -> None:
    options = StationOptions()
    assert (options.power_loss, options.status_timestamp_only, options.literal_authorization_key) == (
        None,
        False,
        False,
    )
    assert options.speed == 1.0


def test_commissioning_can_not_be_changed_under_a_running_station() -> None:
    with pytest.raises(AttributeError):
        COMMISSIONING.identity = "other"  # type: ignore[misc]


def test_station_of_an_unknown_model_is_refused_with_near_misses() -> None:
    wrong = msgspec.structs.replace(COMMISSIONING, model="EVD1S180TXB")
    with pytest.raises(UnknownModel, match="EVD1S180THB"):
        Station(wrong, StationOptions(), BenchHardware(), {}, SeededChance(1))


def test_seeded_chance_is_a_chance() -> None:
    chance: Chance = SeededChance(7)
    assert [chance.getrandbits(8) for _ in range(4)] == [SeededChance(7).getrandbits(8), *_next(3)]


def _next(count: int) -> list[int]:
    chance = SeededChance(7)
    chance.getrandbits(8)
    return [chance.getrandbits(8) for _ in range(count)]
