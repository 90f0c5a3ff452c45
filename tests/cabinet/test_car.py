"""Cars that cannot be are refused; those that can ask along their curve."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import msgspec
import pytest

from forecourt.cabinet.car import Car, CarError, OutputType

POSSIBLE: dict[str, Any] = {
    "battery_kwh": 50.0,
    "curve": ((0.0, 100.0), (50.0, 100.0), (100.0, 10.0)),
    "pack_voltage": ((0.0, 350.0), (100.0, 400.0)),
    "max_current_a": 300.0,
}

IMPOSSIBLE: list[tuple[str, Any]] = [
    ("battery_kwh", 0.0),
    ("battery_kwh", -50.0),
    ("battery_kwh", nan),
    ("battery_kwh", inf),
    ("max_current_a", 0.0),
    ("soc_percent", -0.1),
    ("soc_percent", 100.1),
    ("stop_at_soc_percent", 101.0),
    ("efficiency", 0.0),
    ("efficiency", 1.01),
    ("curve", ()),
    ("curve", ((0.0, 50.0),)),
    ("curve", ((10.0, 50.0), (100.0, 10.0))),
    ("curve", ((0.0, 50.0), (90.0, 10.0))),
    ("curve", ((0.0, 50.0), (60.0, 40.0), (50.0, 30.0), (100.0, 10.0))),
    ("curve", ((0.0, 50.0), (50.0, 40.0), (50.0, 30.0), (100.0, 10.0))),
    ("curve", ((0.0, -1.0), (100.0, 10.0))),
    ("curve", ((0.0, nan), (100.0, 10.0))),
    ("curve", ((0.0, 50.0), (90.0, 0.0), (100.0, 10.0))),
    ("pack_voltage", ((0.0, 20.0), (100.0, 400.0))),
    ("pack_voltage", ((0.0, 400.0), (100.0, 350.0))),
    ("mac", "02f0c0000077"),
    ("mac", "02F0C000007"),
    ("mac", "02:F0:C0:00:00:77"),
    ("inlets", ()),
]


@pytest.mark.parametrize(("field", "value"), IMPOSSIBLE)
def test_car_with_an_impossible_value_is_refused_by_field_expectation_and_value(field: str, value: object) -> None:
    with pytest.raises(CarError) as caught:
        Car(**(POSSIBLE | {field: value}))
    assert caught.value.field == field
    assert caught.value.expected in str(caught.value)
    assert field in str(caught.value)
    assert repr(caught.value.came) in str(caught.value)


def test_car_from_a_request_is_refused_with_the_same_sentence() -> None:
    """A decoder reports the refusal as bad input, not as a crash."""
    with pytest.raises(msgspec.ValidationError, match="soc_percent is between 0 and 100 percent, but 140"):
        msgspec.convert(POSSIBLE | {"soc_percent": 140.0}, Car)


def test_car_from_a_request_with_an_unknown_value_is_refused_by_its_name() -> None:
    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.convert(POSSIBLE | {"colour": "red"}, Car)


def test_car_from_a_request_is_the_car_that_was_meant() -> None:
    plain = msgspec.json.decode(msgspec.json.encode(POSSIBLE | {"inlets": ["CHAdeMO"]}))
    assert msgspec.convert(plain, Car) == Car(**(POSSIBLE | {"inlets": (OutputType.CHADEMO,)}))


def test_car_asks_along_the_straight_lines_of_its_curve() -> None:
    car = Car(**POSSIBLE)
    assert car.asked_w(0) == 100_000.0
    assert car.asked_w(49) == 100_000.0
    assert car.asked_w(75) == pytest.approx(100_000 - 25.5 / 50 * 90_000)
    assert car.asked_w(99) == pytest.approx(10_900)


def test_pack_voltage_rises_along_its_points() -> None:
    car = Car(**POSSIBLE)
    assert [car.voltage_v(step) for step in (0, 50, 99)] == pytest.approx([350.25, 375.25, 399.75])


def test_car_that_asks_for_nothing_only_when_full_is_possible() -> None:
    car = Car(**(POSSIBLE | {"curve": ((0.0, 50.0), (100.0, 0.0))}))
    assert car.asked_w(99) == pytest.approx(250.0)


def test_battery_takes_less_than_the_gun_gives_by_its_losses() -> None:
    car = Car(**(POSSIBLE | {"efficiency": 0.9}))
    assert car.inlet_wh(10.0) == pytest.approx(5000 / 0.9)
    assert car.rise_percent(car.inlet_wh(10.0)) == pytest.approx(10.0)
