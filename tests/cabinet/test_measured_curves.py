"""The family car against published measurements: what `docs/cars.md` states is what the cabinet does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docs.make_car_curves_picture import PAGE, PICTURE, charge, compare, draw, measurements, page, table
from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cabinet.car import Car
from forecourt.cabinet.catalogue import read_car

if TYPE_CHECKING:
    from docs.make_car_curves_picture import Measurement

AGAIN = "run `python docs/make_car_curves_picture.py`, look at the picture, and read the page again"


def test_page_states_the_deviations_that_the_cabinet_has_now() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert table() in text, AGAIN
    assert page(text) == text, AGAIN


def test_picture_shows_what_the_cabinet_does_now() -> None:
    assert PICTURE.read_text(encoding="utf-8") == draw(), AGAIN


def test_measurements_name_their_sources_and_are_in_order() -> None:
    measured = measurements()
    assert len(measured) == 2
    assert len({each.source for each in measured}) == 2
    for each in measured:
        assert "InsideEVs" in each.source or "EVKX" in each.source
        assert [soc_percent for soc_percent, _ in each.power] == sorted(soc_percent for soc_percent, _ in each.power)
        assert [minutes for _, minutes in each.minutes] == sorted(minutes for _, minutes in each.minutes)


@pytest.mark.parametrize("measured", measurements(), ids=lambda each: each.label)
def test_published_power_fits_the_published_times(measured: Measurement) -> None:
    """Each publication is checked against itself: its power, filled in, takes about as long as it says."""
    points = dict(measured.power)
    hours = 0.0
    for (low, low_kw), (high, high_kw) in zip(measured.power, measured.power[1:], strict=False):
        if low >= 10 and high <= 80:
            hours += FAMILY_CAR.battery_kwh * (high - low) / 100 / ((low_kw + high_kw) / 2)
    assert {10.0, 80.0} <= points.keys()
    assert hours * 60 == pytest.approx(compare(measured).measured_minutes, rel=0.1)


@pytest.mark.parametrize("measured", measurements(), ids=lambda each: each.label)
def test_family_car_is_within_a_fifth_of_what_was_measured(measured: Measurement) -> None:
    """The claim of the page: wrong in the middle, but by less than a fifth of the peak anywhere."""
    off = compare(measured)
    assert abs(off.worst_kw) < 0.2 * off.peak_kw
    assert off.mean_kw < 0.15 * off.peak_kw
    assert abs(off.ours_minutes - off.measured_minutes) < 0.15 * off.measured_minutes


def test_charge_of_the_comparison_is_one_from_the_start_to_the_end() -> None:
    rows = charge(FAMILY_CAR, 2.0)
    assert rows[0] == (0.0, 2.0, 0.0)
    assert rows[-1][1] == 100.0
    assert max(power_kw for _, _, power_kw in rows) == pytest.approx(150, abs=1)


def test_car_of_ones_own_in_the_page_is_a_car() -> None:
    text = PAGE.read_text(encoding="utf-8")
    file = text.split("```toml\n")[1].split("```")[0]
    assert read_car(file.encode(), "mine.toml").car.pauses == ((60, 45),)


@pytest.mark.parametrize("name", Car.__struct_fields__)
def test_page_explains_every_value_of_a_car(name: str) -> None:
    assert f"| `{name}` |" in PAGE.read_text(encoding="utf-8")
