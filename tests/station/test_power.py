from __future__ import annotations

from random import Random

import pytest

from forecourt.evlink.models import find_model
from forecourt.station.effects import LimitPower
from forecourt.station.power import Power
from tests.station_bench import Bench


@pytest.fixture
def bench() -> Bench:
    """A station of 180 kW with two guns of as much."""
    return Bench()


@pytest.fixture
def power(bench: Bench) -> Power:
    """The limits of that station; the cabinet knows of none."""
    bench.effects.clear()
    power = Power(bench.configuration, bench.model, bench.effects)
    power.begin()
    assert bench.effects == []
    return power


def told(bench: Bench) -> list[LimitPower]:
    """What the cabinet was told since the last look."""
    limits = [effect for effect in bench.effects if isinstance(effect, LimitPower)]
    bench.effects.clear()
    return limits


def test_power_tells_the_cabinet_only_what_is_new(bench: Bench, power: Power) -> None:
    for limit_w in (30_000.0, 30_000.0, 20_000.0, None, None):
        power.allow(1, limit_w)
    assert told(bench) == [LimitPower(1, 30_000.0), LimitPower(1, 20_000.0), LimitPower(1, None)]


def test_power_tells_the_lowest_of_profile_heat_and_rating(bench: Bench, power: Power) -> None:
    power.allow(1, 100_000.0)
    power.derate(1, True)
    bench.set_key("ConnectorALimitedPower", "60")
    power.rating_changed()
    assert told(bench) == [LimitPower(1, 100_000.0), LimitPower(1, 90_000.0), LimitPower(1, 30_000.0)]
    power.derate(1, False)
    power.allow(1, 0.0)
    power.allow(1, None)
    assert told(bench) == [LimitPower(1, 60_000.0), LimitPower(1, 0.0), LimitPower(1, 60_000.0)]
    bench.set_key("ConnectorALimitedPower", "180")
    power.rating_changed()
    assert told(bench) == [LimitPower(1, None)]


def test_profile_above_the_hardware_is_no_limit(bench: Bench, power: Power) -> None:
    power.allow(1, 180_000.0)
    power.allow(1, 500_000.0)
    assert told(bench) == []
    assert power.profile_w(1) == 500_000.0


def test_guns_and_station_are_apart(bench: Bench, power: Power) -> None:
    power.allow(2, 0.0)
    power.derate(0, True)
    assert told(bench) == [LimitPower(2, 0.0), LimitPower(0, 90_000.0)]
    assert [power.is_held(connector) for connector in (1, 2)] == [False, True]
    assert [power.most_w(connector) for connector in (0, 1, 2)] == [90_000.0, 90_000.0, 90_000.0]


def test_most_of_a_gun_is_its_own_or_the_stations(bench: Bench) -> None:
    bench.model = find_model("EVD1S180THB")
    other = Power(bench.configuration, bench.model, bench.effects)
    other.derate(1, True)
    assert [other.most_w(connector) for connector in (0, 1)] == [180_000.0, 90_000.0]


def test_cabinet_knows_at_each_moment_the_lowest_of_all(bench: Bench, power: Power) -> None:
    """Whatever came in whatever order."""
    random = Random(5)
    profiles: dict[int, float | None] = {1: None, 2: None}
    hot: dict[int, bool] = {0: False, 1: False, 2: False}
    known: dict[int, float | None] = {0: None, 1: None, 2: None}
    for _ in range(400):
        connector = random.randrange(3)
        if connector and random.random() < 0.6:
            profiles[connector] = random.choice([None, 0.0, 1000.0, 89_999.9, 90_000.0, 120_000.0, 400_000.0])
            power.allow(connector, profiles[connector])
        else:
            hot[connector] = random.random() < 0.5
            power.derate(connector, hot[connector])
        known.update({limit.connector: limit.limit_w for limit in told(bench)})
        for number, limit_w in known.items():
            profile_w = profiles.get(number)
            lowest = min(90_000.0 if hot[number] else 180_000.0, 180_000.0 if profile_w is None else profile_w)
            assert limit_w == (None if lowest == 180_000.0 else lowest)
