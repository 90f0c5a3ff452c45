"""Each kind of car behaves as its kind does."""

from __future__ import annotations

from itertools import pairwise

import pytest

from forecourt.cabinet.archetypes import ARCHETYPES, CHADEMO_CAR, FAMILY_CAR, LONG_DISTANCE_CAR
from forecourt.cabinet.car import Car, OutputType


@pytest.mark.parametrize("car", ARCHETYPES.values(), ids=ARCHETYPES.keys())
def test_every_car_tapers_from_its_middle_to_a_trickle(car: Car) -> None:
    asked = [car.asked_w(step) for step in range(60, 100)]
    assert all(later < earlier for earlier, later in pairwise(asked))
    peak = max(car.asked_w(step) for step in range(100))
    assert asked[20] < 0.6 * peak
    assert asked[-1] < 0.15 * peak


def test_voltages_are_those_of_a_400_and_an_800_volt_pack() -> None:
    assert 340 < FAMILY_CAR.voltage_v(0) < FAMILY_CAR.voltage_v(99) < 410
    assert 630 < LONG_DISTANCE_CAR.voltage_v(0) < LONG_DISTANCE_CAR.voltage_v(99) < 760


def test_only_the_chademo_car_has_that_inlet_and_no_mac() -> None:
    assert [name for name, car in ARCHETYPES.items() if OutputType.CHADEMO in car.inlets] == ["chademo"]
    assert [name for name, car in ARCHETYPES.items() if car.mac is None] == ["chademo"]
    assert CHADEMO_CAR.inlets == (OutputType.CHADEMO,)


def test_macs_are_different_and_locally_administered() -> None:
    macs = [car.mac for car in ARCHETYPES.values() if car.mac is not None]
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs)
