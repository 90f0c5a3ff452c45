"""Modules are whole and shared evenly."""

from __future__ import annotations

import pytest

from forecourt.cabinet.car import OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures

GUN = GunFigures(output=OutputType.CCS2, limit_w=150_000, cable_current_a=500)


@pytest.mark.parametrize(
    ("station_limit_w", "modules"),
    [(60_000, (1, 1)), (120_000, (2, 2)), (150_000, (3, 2)), (180_000, (3, 3)), (240_000, (4, 4)), (320_000, (6, 5))],
)
def test_modules_of_two_guns_make_up_the_station(station_limit_w: float, modules: tuple[int, int]) -> None:
    figures = CabinetFigures(station_limit_w=station_limit_w, guns=(GUN, GUN))
    assert (figures.modules(1), figures.modules(2)) == modules


def test_modules_of_a_single_gun_are_all_its_own() -> None:
    assert CabinetFigures(station_limit_w=90_000, guns=(GUN,)).modules(1) == 3


def test_cabinet_without_guns_or_power_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="one gun or two"):
        CabinetFigures(station_limit_w=90_000, guns=())
    with pytest.raises(AssertionError, match="above 0"):
        CabinetFigures(station_limit_w=0, guns=(GUN,))
