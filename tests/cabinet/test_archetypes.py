"""The cars that ship with the package: each is a car, says where its values are from, and behaves as its kind does."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from forecourt.cabinet import archetypes
from forecourt.cabinet.archetypes import (
    ALIASES,
    ARCHETYPES,
    CATALOGUE,
    CHADEMO_CAR,
    FAMILY_CAR,
    LONG_DISTANCE_CAR,
    SMALL_CAR,
    find_car,
)
from forecourt.cabinet.car import Car, OutputType

EVERY_VALUE_SAID = {
    "battery_kwh",
    "curve",
    "pack_voltage",
    "max_current_a",
    "efficiency",
    "inlets",
    "temperature_shares",
    "warming_c_per_percent",
}


def test_every_file_of_the_folder_is_a_kind_of_car_and_every_kind_has_a_file() -> None:
    folder = Path(archetypes.__file__).parent / "cars"
    assert {path.name for path in folder.iterdir()} == {f"{name}.toml" for name in ARCHETYPES}
    assert len({file.title for file in CATALOGUE.values()}) == len(CATALOGUE) == 7


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_car_gives_its_figures_itself_and_says_where_each_is_from(name: str) -> None:
    assert CATALOGUE[name].sources.keys() >= EVERY_VALUE_SAID
    assert all(sentence.endswith(".") for sentence in CATALOGUE[name].sources.values())


@pytest.mark.parametrize("car", ARCHETYPES.values(), ids=ARCHETYPES.keys())
def test_every_car_tapers_to_a_trickle(car: Car) -> None:
    asked = [car.asked_w(step) for step in range(80, 100)]
    assert all(later < earlier for earlier, later in pairwise(asked))
    peak = max(car.asked_w(step) for step in range(100))
    assert asked[-1] < 0.15 * peak


@pytest.mark.parametrize("name", [name for name in ARCHETYPES if name != "truck"])
def test_every_car_but_the_truck_tapers_from_its_middle(name: str) -> None:
    car = ARCHETYPES[name]
    asked = [car.asked_w(step) for step in range(60, 100)]
    assert all(later < earlier for earlier, later in pairwise(asked))
    assert asked[20] < 0.6 * max(car.asked_w(step) for step in range(100))


def test_truck_asks_for_more_than_a_gun_gives_until_late() -> None:
    truck = ARCHETYPES["truck"]
    assert all(truck.asked_w(step) >= 180_000 for step in range(80))
    assert truck.battery_kwh > 4 * FAMILY_CAR.battery_kwh


@pytest.mark.parametrize("name", ARCHETYPES)
def test_current_of_every_car_carries_most_of_its_curve(name: str) -> None:
    """The current limit is there for cables and packs, not to hide a curve that is too high."""
    car = ARCHETYPES[name]
    for step in range(10, 100):
        assert car.asked_w(step) <= 1.03 * car.max_current_a * car.voltage_v(step)


@pytest.mark.parametrize("name", ARCHETYPES)
def test_cold_battery_takes_half_of_the_curve_or_less_and_warms(name: str) -> None:
    car = ARCHETYPES[name]
    frozen = Car(**{field: getattr(car, field) for field in Car.__struct_fields__} | {"battery_temperature_c": 0.0})
    first = int(car.soc_percent)
    assert frozen.asked_w(first) <= 0.5 * car.asked_w(first)
    assert frozen.asked_w(60) / car.asked_w(60) > frozen.asked_w(first) / car.asked_w(first)


def test_voltages_are_those_of_a_400_and_an_800_volt_pack() -> None:
    assert 340 < FAMILY_CAR.voltage_v(0) < FAMILY_CAR.voltage_v(99) < 410
    assert 630 < LONG_DISTANCE_CAR.voltage_v(0) < LONG_DISTANCE_CAR.voltage_v(99) < 760
    assert ARCHETYPES["truck"].voltage_v(0) > 600
    for name in ("city", "long-range", "van", "chademo"):
        assert 290 < ARCHETYPES[name].voltage_v(0) < ARCHETYPES[name].voltage_v(99) < 410


def test_only_the_chademo_car_has_that_inlet_and_no_mac() -> None:
    assert [name for name, car in ARCHETYPES.items() if OutputType.CHADEMO in car.inlets] == ["chademo"]
    assert [name for name, car in ARCHETYPES.items() if car.mac is None] == ["chademo"]
    assert CHADEMO_CAR.inlets == (OutputType.CHADEMO,)


def test_macs_are_different_and_locally_administered() -> None:
    macs = [car.mac for car in ARCHETYPES.values() if car.mac is not None]
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs)


def test_car_is_found_by_its_name_its_older_name_or_among_others() -> None:
    assert find_car("family", {}) is FAMILY_CAR
    assert find_car("small", {}) is find_car("city", {}) is SMALL_CAR
    assert find_car("long-distance", {}) is find_car("800-volt", {}) is LONG_DISTANCE_CAR
    assert find_car("tank", {}) is None
    assert find_car("tank", {"tank": CHADEMO_CAR}) is CHADEMO_CAR
    assert not ALIASES.keys() & ARCHETYPES.keys()
