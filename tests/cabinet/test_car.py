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
    ("inlets", (OutputType.CCS2, OutputType.CCS2)),
    ("curve", tuple((number / 10, 50.0) for number in range(1001))),
    ("curve", ((0.0, 5000.0), (100.0, 10.0))),
    ("battery_temperature_c", -41.0),
    ("battery_temperature_c", nan),
    ("warming_c_per_percent", -0.1),
    ("warming_c_per_percent", 11.0),
    ("temperature_shares", ((0.0, 0.5), (25.0, 0.9))),
    ("temperature_shares", ((25.0, 1.0), (0.0, 0.5))),
    ("temperature_shares", ((0.0, 0.0), (25.0, 1.0))),
    ("temperature_shares", ((0.0, 1.1), (25.0, 1.0))),
    ("temperature_shares", ((-273.0, 0.5), (25.0, 1.0))),
    ("temperature_shares", ((nan, 0.5), (25.0, 1.0))),
    ("pauses", ((60.0, 30.0), (40.0, 30.0))),
    ("pauses", ((60.0, 0.0),)),
    ("pauses", ((60.0, 1e6),)),
    ("pauses", ((101.0, 30.0),)),
    ("pauses", tuple((float(at), 30.0) for at in range(21))),
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


COLD: dict[str, Any] = POSSIBLE | {
    "curve": ((0.0, 100.0), (100.0, 100.0)),
    "soc_percent": 20.0,
    "temperature_shares": ((-10.0, 0.2), (10.0, 0.6), (30.0, 1.0), (45.0, 1.0), (60.0, 0.5)),
}


@pytest.mark.parametrize(
    ("temperature_c", "power_kw"),
    [(-40, 20), (-10, 20), (0, 40), (20, 80), (30, 100), (40, 100), (50, 83.333), (70, 50)],
)
def test_battery_that_is_not_at_its_best_temperature_takes_a_share_of_its_curve(
    temperature_c: float, power_kw: float
) -> None:
    car = Car(**(COLD | {"battery_temperature_c": temperature_c}))
    asked_w = [car.asked_w(step) for step in range(100)]
    assert asked_w == pytest.approx([power_kw * 1000] * 100, rel=1e-4)


def test_cold_battery_warms_with_each_percent_until_the_whole_curve_is_open() -> None:
    car = Car(**(COLD | {"battery_temperature_c": 10.0, "warming_c_per_percent": 0.5}))
    assert car.asked_w(20) == pytest.approx(60_000)
    assert car.asked_w(40) == pytest.approx(80_000)
    assert car.asked_w(60) == car.asked_w(99) == 100_000
    assert [car.temperature_c(soc_percent) for soc_percent in (0, 20, 40, 60, 100)] == [10, 10, 20, 30, 30]


def test_battery_at_its_best_temperature_or_above_warms_no_further() -> None:
    for temperature_c in (30.0, 50.0):
        car = Car(**(COLD | {"battery_temperature_c": temperature_c, "warming_c_per_percent": 0.5}))
        assert car.temperature_c(100.0) == temperature_c
        assert car.asked_w(99) == car.asked_w(20)


def test_car_that_has_been_charged_goes_on_where_it_was() -> None:
    """Unplugged and plugged in again half-way it asks for the same: its battery is as warm as it was."""
    whole = Car(**(COLD | {"battery_temperature_c": 10.0, "warming_c_per_percent": 0.5}))
    rest = whole.charged_to(40.0)
    assert (rest.soc_percent, rest.battery_temperature_c) == (40.0, 20.0)
    assert [rest.asked_w(step) for step in range(40, 100)] == [whole.asked_w(step) for step in range(40, 100)]


def test_car_without_temperature_shares_asks_for_its_curve_in_the_cold() -> None:
    warm, cold = Car(**POSSIBLE), Car(**(POSSIBLE | {"battery_temperature_c": -20.0, "warming_c_per_percent": 1.0}))
    assert [cold.asked_w(step) for step in range(100)] == [warm.asked_w(step) for step in range(100)]
    assert cold.temperature_c(100.0) == -20.0


def test_cars_with_other_values_do_not_share_what_they_ask() -> None:
    car = Car(**POSSIBLE)
    before = car.asked_w(10)
    stronger = msgspec.structs.replace(car, curve=((0.0, 200.0), (100.0, 20.0)))
    assert stronger.asked_w(10) == pytest.approx(181_100)
    assert car.asked_w(10) == before
    assert msgspec.json.decode(msgspec.json.encode(car), type=Car) == car
