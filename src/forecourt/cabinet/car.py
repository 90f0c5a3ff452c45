"""An electric car as the cabinet sees it: a battery that asks for power, less and less as it fills.

Power and voltage are given as points over the state of charge, straight lines between them. The cabinet does not
integrate along those lines: it goes up in steps of 1 %, and within a step takes power and voltage of the step's middle.
So the time and the energy of a charge are sums of a hundred exact quotients, the same on every machine, and a day costs
no more than a minute. Against the lines themselves the error is below what a charging curve is known to.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from itertools import pairwise

import msgspec

from forecourt.errors import ForecourtError


class OutputType(StrEnum):
    """The plug of a gun or the inlet of a car, spelled as in the catalogue."""

    CCS2 = "CCS2"
    CHADEMO = "CHAdeMO"


class CarError(ForecourtError, ValueError):
    """A car that cannot be. `field` is the value concerned, `expected` and `came` are phrases.

    It is a ValueError too, which a decoder turns into its own refusal.
    """

    def __init__(self, field: str, expected: str, came: object) -> None:
        super().__init__(f"A car's {field} is {expected}, but {came!r} came.")
        self.field = field
        self.expected = expected
        self.came = came


class Car(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A car at the moment that it is plugged in. An impossible value raises `CarError`."""

    battery_kwh: float
    """Usable capacity, from 0 % to 100 %."""
    curve: tuple[tuple[float, float], ...]
    """The power asked for: points of SoC in percent and kW at the DC inlet, from 0 % to 100 %."""
    pack_voltage: tuple[tuple[float, float], ...]
    """Battery voltage: points of SoC in percent and V, from 0 % to 100 %, never falling."""
    max_current_a: float
    """The most that the car's inlet and battery take."""
    soc_percent: float = 20.0
    """State of charge on arrival."""
    stop_at_soc_percent: float = 100.0
    """The driver's wish: at this state of charge the car stops asking."""
    mac: str | None = None
    """EVCCID as 12 upper-case hex digits; None for a car that tells none."""
    efficiency: float = 0.95
    """The share of the energy at the gun that ends up in the battery."""
    inlets: tuple[OutputType, ...] = (OutputType.CCS2,)
    """The guns that fit."""

    def __post_init__(self) -> None:
        _within("battery_kwh", self.battery_kwh, 1, 2000, "kWh")
        _within("max_current_a", self.max_current_a, 1, 3000, "A")
        _within("soc_percent", self.soc_percent, 0, 100, "percent")
        _within("stop_at_soc_percent", self.stop_at_soc_percent, 0, 100, "percent")
        _within("efficiency", self.efficiency, 0.5, 1, "(a share)")
        _points("curve", self.curve, 0, 4000, "kW")
        _points("pack_voltage", self.pack_voltage, 100, 1500, "V")
        if any(power_kw == 0 for _, power_kw in self.curve[:-1]):
            raise CarError("curve", "above 0 kW below 100 %", self.curve)
        volts = [voltage_v for _, voltage_v in self.pack_voltage]
        if volts != sorted(volts):
            raise CarError("pack_voltage", "a list of points that never falls", self.pack_voltage)
        if self.mac is not None and (len(self.mac) != 12 or not set(self.mac) <= set("0123456789ABCDEF")):
            raise CarError("mac", "12 upper-case hex digits", self.mac)
        if not self.inlets:
            raise CarError("inlets", "at least one of CCS2 and CHAdeMO", self.inlets)

    def asked_w(self, step: int) -> float:
        """The power asked for, in W, from `step` percent to one percent more."""
        return _on_line(self.curve, step + 0.5) * 1000.0

    def voltage_v(self, step: int) -> float:
        """The battery's voltage from `step` percent to one percent more."""
        return _on_line(self.pack_voltage, step + 0.5)

    def inlet_wh(self, soc_percent: float) -> float:
        """The energy at the gun, in Wh, that raises the state of charge by so many percent."""
        return self.battery_kwh * 10.0 * soc_percent / self.efficiency

    def rise_percent(self, inlet_wh: float) -> float:
        """By how many percent so much energy at the gun raises the state of charge."""
        return inlet_wh * self.efficiency / (self.battery_kwh * 10.0)


def _within(field: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise CarError(field, f"between {low} and {high} {unit}", value)


def _points(field: str, points: tuple[tuple[float, float], ...], low: float, high: float, unit: str) -> None:
    positions = [soc_percent for soc_percent, _ in points]
    rising = all(left < right for left, right in pairwise(positions))
    if len(points) < 2 or positions[0] != 0 or positions[-1] != 100 or not rising:
        raise CarError(field, "a list of two or more points, from 0 % up to 100 %", points)
    for _, value in points:
        _within(field, value, low, high, unit)


def _on_line(points: tuple[tuple[float, float], ...], position: float) -> float:
    right = bisect_right(points, position, key=lambda point: point[0])
    left_x, left_y = points[right - 1]
    right_x, right_y = points[right]
    return left_y + (right_y - left_y) * (position - left_x) / (right_x - left_x)
