"""An electric car as the cabinet sees it: a battery that asks for power, less and less as it fills.

Power and voltage are given as points over the state of charge, straight lines between them. The cabinet does not
integrate along those lines: it goes up in steps of 1 %, and within a step takes power and voltage of the step's middle.
So the time and the energy of a charge are sums of a hundred exact quotients, the same on every machine, and a day costs
no more than a minute. Against the lines themselves the error is below what a charging curve is known to.

A cold or a hot battery takes a share of its curve. While it is cold it warms by so much a percent charged, until the
full curve is open to it; what warms it is energy, not time, so that power stays constant within a step.

What a step asks for is worked out once and kept with the car. Cars with the same curve share one table.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import pairwise

import msgspec

from forecourt.errors import ForecourtError
from forecourt.station.hardware import Phase

Points = tuple[tuple[float, float], ...]
"""Points of a line: where, and how much there."""
STEPS = 100
POINTS_MAX = 201
"""More points than one every half percent say nothing more."""
PAUSES_MAX = 20
DAY_S = 86_400.0
FAILING = (Phase.INSULATION_CHECK, Phase.PRECHARGE, Phase.RAMP)
"""The phases in which a car may fail."""


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


class Car(msgspec.Struct, frozen=True, dict=True, forbid_unknown_fields=True):
    """A car at the moment that it is plugged in. An impossible value raises `CarError`.

    It has a `__dict__`, for its tables, which `gc=False` would not allow.
    """

    battery_kwh: float
    """Usable capacity, from 0 % to 100 %."""
    curve: Points
    """The power asked for: points of SoC in percent and kW at the DC inlet, from 0 % to 100 %."""
    pack_voltage: Points
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
    battery_temperature_c: float = 25.0
    """The battery's temperature on arrival."""
    temperature_shares: Points = ()
    """Which share of the curve the battery takes: points of temperature in °C and share, 1 at the best; beyond the
    first and the last point as at that point. Without points the temperature does nothing."""
    warming_c_per_percent: float = 0.0
    """How much warmer a cold battery gets with each percent that is charged, until it takes its full curve."""
    pauses: Points = ()
    """Where the car stops asking of its own accord: points of SoC in percent and how long in s, then it asks again."""
    fails_in: Phase | None = None
    """The phase at whose end the car no longer answers the station: insulation check, precharge or ramp."""

    def __post_init__(self) -> None:
        _within("battery_kwh", self.battery_kwh, 1, 2000, "kWh")
        _within("max_current_a", self.max_current_a, 1, 3000, "A")
        _within("soc_percent", self.soc_percent, 0, 100, "percent")
        _within("stop_at_soc_percent", self.stop_at_soc_percent, 0, 100, "percent")
        _within("efficiency", self.efficiency, 0.5, 1, "(a share)")
        _points_of_soc("curve", self.curve, 0, 4000, "kW")
        _points_of_soc("pack_voltage", self.pack_voltage, 100, 1500, "V")
        if any(power_kw == 0 for _, power_kw in self.curve[:-1]):
            raise CarError("curve", "above 0 kW below 100 %", self.curve)
        volts = [voltage_v for _, voltage_v in self.pack_voltage]
        if volts != sorted(volts):
            raise CarError("pack_voltage", "a list of points that never falls", self.pack_voltage)
        if self.mac is not None and (len(self.mac) != 12 or not set(self.mac) <= set("0123456789ABCDEF")):
            raise CarError("mac", "12 upper-case hex digits", self.mac)
        if not self.inlets or len(set(self.inlets)) < len(self.inlets):
            raise CarError("inlets", "CCS2, CHAdeMO or both", [str(inlet) for inlet in self.inlets])
        if self.fails_in is not None and self.fails_in not in FAILING:
            raise CarError("fails_in", "insulation check, precharge or ramp", str(self.fails_in))
        self._check_temperatures()
        self._check_pauses()

    def _check_temperatures(self) -> None:
        _within("battery_temperature_c", self.battery_temperature_c, -40, 70, "°C")
        _within("warming_c_per_percent", self.warming_c_per_percent, 0, 10, "°C a percent")
        if not self.temperature_shares:
            return
        _rising("temperature_shares", self.temperature_shares, POINTS_MAX)
        for temperature_c, share in self.temperature_shares:
            _within("temperature_shares", temperature_c, -40, 70, "°C")
            _within("temperature_shares", share, 0.01, 1, "(a share)")
        if all(share != 1 for _, share in self.temperature_shares):
            raise CarError("temperature_shares", "1 at one temperature, where the curve holds", self.temperature_shares)

    def _check_pauses(self) -> None:
        _rising("pauses", self.pauses, PAUSES_MAX)
        for at_soc_percent, duration_s in self.pauses:
            _within("pauses", at_soc_percent, 0, 100, "percent")
            _within("pauses", duration_s, 1, DAY_S, "s")

    def tables(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """By step: the power asked for in W, and the battery's voltage."""
        return self._asked_w, self._voltage_v

    def asked_w(self, step: int) -> float:
        """The power asked for, in W, from `step` percent to one percent more."""
        return self._asked_w[step]

    def voltage_v(self, step: int) -> float:
        """The battery's voltage from `step` percent to one percent more."""
        return self._voltage_v[step]

    def temperature_c(self, soc_percent: float) -> float:
        """The battery's temperature when it has been charged up to a state of charge."""
        risen_c = self.warming_c_per_percent * max(0.0, soc_percent - self.soc_percent)
        return _warmed_c(self.battery_temperature_c, risen_c, self.temperature_shares)

    def charged_to(self, soc_percent: float) -> Car:
        """The car as it is, or would drive away, when it has been charged up to a state of charge."""
        temperature_c = self.temperature_c(soc_percent)
        return msgspec.structs.replace(self, soc_percent=soc_percent, battery_temperature_c=temperature_c)

    def inlet_wh(self, soc_percent: float) -> float:
        """The energy at the gun, in Wh, that raises the state of charge by so many percent."""
        return self.battery_kwh * 10.0 * soc_percent / self.efficiency

    def rise_percent(self, inlet_wh: float) -> float:
        """By how many percent so much energy at the gun raises the state of charge."""
        return inlet_wh * self.efficiency / (self.battery_kwh * 10.0)

    @cached_property
    def _asked_w(self) -> tuple[float, ...]:
        shares, arrival_c, warming_c = self.temperature_shares, self.battery_temperature_c, self.warming_c_per_percent
        if not shares or not warming_c or arrival_c >= _best_c(shares):
            share = _share(shares, arrival_c)
            return _asked_table(self.curve, (share,) * STEPS)
        return _asked_table(self.curve, tuple(_share(shares, self.temperature_c(float(at))) for at in range(STEPS)))

    @cached_property
    def _voltage_v(self) -> tuple[float, ...]:
        return _voltage_table(self.pack_voltage)


@lru_cache(maxsize=512)
def _asked_table(curve: Points, shares: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(_on_line(curve, step + 0.5) * 1000.0 * shares[step] for step in range(STEPS))


@lru_cache(maxsize=512)
def _voltage_table(pack_voltage: Points) -> tuple[float, ...]:
    return tuple(_on_line(pack_voltage, step + 0.5) for step in range(STEPS))


def _best_c(shares: Points) -> float:
    """The lowest temperature at which the curve holds."""
    return next(temperature_c for temperature_c, share in shares if share == 1)


def _warmed_c(arrival_c: float, risen_c: float, shares: Points) -> float:
    if not shares:
        return arrival_c
    return max(arrival_c, min(arrival_c + risen_c, _best_c(shares)))


def _share(shares: Points, temperature_c: float) -> float:
    if not shares or temperature_c <= shares[0][0]:
        return shares[0][1] if shares else 1.0
    if temperature_c >= shares[-1][0]:
        return shares[-1][1]
    return _on_line(shares, temperature_c)


def _within(field: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise CarError(field, f"between {low} and {high:g} {unit}", value)


def _rising(field: str, points: Points, count_max: int) -> None:
    if len(points) > count_max:
        raise CarError(field, f"a list of at most {count_max} points", f"{len(points)} points")
    if not all(left < right for (left, _), (right, _) in pairwise(points)):
        raise CarError(field, "a list of points, each further up than the one before", points)


def _points_of_soc(field: str, points: Points, low: float, high: float, unit: str) -> None:
    positions = [soc_percent for soc_percent, _ in points]
    if len(points) < 2 or positions[0] != 0 or positions[-1] != 100:
        raise CarError(field, "a list of two or more points, from 0 % up to 100 %", points)
    _rising(field, points, POINTS_MAX)
    for _, value in points:
        _within(field, value, low, high, unit)


def _on_line(points: Points, position: float) -> float:
    right = bisect_right(points, position, key=lambda point: point[0])
    left_x, left_y = points[right - 1]
    right_x, right_y = points[right]
    return left_y + (right_y - left_y) * (position - left_x) / (right_x - left_x)
