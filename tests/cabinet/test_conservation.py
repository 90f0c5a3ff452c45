"""No kWh is lost or made: the cabinet against an integrator that goes through the same story in fine steps.

The integrator shares no code with the cabinet. It knows the same physics (steps of 1 %, the sharing rule, the limits)
but holds no anchors and no deadlines: each quarter of a second it works out the power from nothing and adds it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import floor, inf
from typing import TYPE_CHECKING, Literal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.cabinet.archetypes import FAMILY_CAR, LONG_DISTANCE_CAR, SMALL_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.car import Car, OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures
from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor
from forecourt.station.events import Event, VehicleDrawing, VehiclePaused

if TYPE_CHECKING:
    from forecourt.station.hardware import Reading

FIGURES = CabinetFigures(
    station_limit_w=180_000,
    guns=(
        GunFigures(output=OutputType.CCS2, limit_w=150_000, cable_current_a=300),
        GunFigures(output=OutputType.CCS2, limit_w=180_000, cable_current_a=500),
    ),
)
FINE_S = 0.25
TOLERANCE_W = 1e-6

Deed = Literal["plug", "unplug", "close", "open", "limit", "pause", "resume", "cut"]


class Act(msgspec.Struct, frozen=True):
    """Something that is done to a gun, so many seconds after what was done before."""

    wait_s: float
    deed: Deed
    connector: int
    car: Car
    limit_w: float | None


@dataclass
class Side:
    """What the integrator knows of one gun."""

    cable_a: float
    most_w: float
    car: Car | None = None
    soc: float = 0.0
    closed_for_s: float | None = None
    paused: bool = False
    limit_w: float | None = None
    wh: float = 0.0

    def on_line(self, points: tuple[tuple[float, float], ...], soc: float) -> float:
        x = min(floor(soc), 99) + 0.5
        for (x1, y1), (x2, y2) in pairwise(points):
            if x1 <= x <= x2:
                return y1 * (x2 - x) / (x2 - x1) + y2 * (x - x1) / (x2 - x1)
        raise AssertionError(x)

    def draws(self) -> bool:
        ready = self.closed_for_s is not None and self.closed_for_s >= FIGURES.checks_s - 1e-9
        return ready and not self.paused and self.car is not None and self.soc < self.car.stop_at_soc_percent - 1e-9

    def wish_w(self) -> float:
        if self.car is None or not self.draws():
            return 0.0
        volts = self.on_line(self.car.pack_voltage, self.soc)
        amps = min(self.cable_a, self.car.max_current_a)
        watts = min(self.most_w, amps * volts, 1000 * self.on_line(self.car.curve, self.soc))
        if self.limit_w is None:
            return watts
        return min(watts, self.limit_w if self.limit_w > 0 else 3 * 0.5 * volts)


class Integrator:
    """The same cabinet, in fine steps."""

    def __init__(self) -> None:
        self.sides = [Side(gun.cable_current_a, gun.limit_w) for gun in FIGURES.guns]

    def powers(self) -> tuple[float, float]:
        first, second = (side.wish_w() for side in self.sides)
        if first + second <= 180_000:
            return first, second
        if first < 90_000:
            return first, 180_000 - first
        if second < 90_000:
            return 180_000 - second, second
        return 90_000, 90_000

    def go_on(self, span_s: float) -> None:
        while span_s > 1e-9:
            # To the nearest of: a fine step, the end of the span, of the checks, of a step of either battery.
            powers = self.powers()
            step_s = min(FINE_S, span_s)
            for side, power_w in zip(self.sides, powers, strict=True):
                if side.closed_for_s is not None and side.closed_for_s < FIGURES.checks_s - 1e-9:
                    step_s = min(step_s, FIGURES.checks_s - side.closed_for_s)
                if side.car is not None and power_w > 0:
                    end = min(floor(side.soc + 1e-9) + 1, side.car.stop_at_soc_percent)
                    wh = (end - side.soc) / 100 * side.car.battery_kwh * 1000 / side.car.efficiency
                    step_s = min(step_s, max(wh / power_w * 3600, 1e-7))
            self.move(powers, step_s)
            span_s -= step_s

    def move(self, powers: tuple[float, float], step_s: float) -> None:
        for side, power_w in zip(self.sides, powers, strict=True):
            wh = power_w * step_s / 3600
            side.wh += wh
            if side.car is not None:
                side.soc = min(100.0, side.soc + wh * side.car.efficiency / side.car.battery_kwh / 10)
                side.soc = round(side.soc) if abs(side.soc - round(side.soc)) < 1e-9 else side.soc
            if side.closed_for_s is not None:
                side.closed_for_s += step_s

    def do(self, act: Act) -> bool:
        """Whether it can be done."""
        side = self.sides[act.connector - 1]
        if (act.deed == "plug") is not (side.car is None) and act.deed in ("plug", "unplug", "pause", "resume"):
            return False
        match act.deed:
            case "plug":
                side.car, side.soc, side.paused = act.car, act.car.soc_percent, False
            case "unplug":
                side.car, side.closed_for_s = None, None
            case "close" if side.car is not None and side.closed_for_s is None:
                side.closed_for_s = 0.0
            case "open":
                side.closed_for_s = None
            case "limit":
                side.limit_w = act.limit_w
            case "pause" | "resume":
                side.paused = act.deed == "pause"
            case "cut":
                for each in self.sides:
                    each.closed_for_s, each.limit_w = None, None
        return True


def do(cabinet: SimulatedCabinet, act: Act, now: float) -> list[Event]:
    match act.deed:
        case "plug":
            return cabinet.plug(act.connector, act.car, now)
        case "unplug":
            return cabinet.unplug(act.connector, now)
        case "close":
            return cabinet.handle(CloseContactor(act.connector), now)
        case "open":
            return cabinet.handle(OpenContactor(act.connector), now)
        case "limit":
            return cabinet.handle(LimitPower(act.connector, act.limit_w), now)
        case "pause":
            return cabinet.pause(act.connector, now)
        case "resume":
            return cabinet.resume(act.connector, now)
        case "cut":
            return cabinet.cut_power(now)


def cars() -> st.SearchStrategy[Car]:
    """Batteries of a tenth of the size, so that a story of minutes reaches the end of a charge."""
    return st.builds(
        lambda car, soc, stop: msgspec.structs.replace(
            car, battery_kwh=car.battery_kwh / 10, soc_percent=soc, stop_at_soc_percent=stop
        ),
        st.sampled_from([FAMILY_CAR, LONG_DISTANCE_CAR, SMALL_CAR]),
        st.integers(0, 1000).map(lambda tenths: tenths / 10),
        st.sampled_from([80.0, 62.5, 100.0]),
    )


def stories(longest_s: float) -> st.SearchStrategy[list[Act]]:
    """Likely and unlikely deeds; closing and plugging more often, so that energy flows."""
    deeds: list[Deed] = ["plug", "plug", "close", "close", "close", "unplug", "open", "limit", "pause", "resume", "cut"]
    act = st.builds(
        Act,
        wait_s=st.one_of(st.floats(0, longest_s), st.floats(longest_s / 4, longest_s)),
        deed=st.sampled_from(deeds),
        connector=st.sampled_from([1, 2]),
        car=cars(),
        limit_w=st.one_of(st.none(), st.just(0.0), st.floats(1000, 200_000)),
    )
    begin = [
        Act(wait_s=1.0, deed=deed, connector=connector, car=car, limit_w=None)
        for connector, car in ((1, FAMILY_CAR), (2, LONG_DISTANCE_CAR))
        for deed in ("plug", "close")
    ]
    return st.lists(act, min_size=10, max_size=30).map(lambda acts: begin + acts)


def readings(cabinet: SimulatedCabinet, now: float) -> list[Reading]:
    return [cabinet.reading(connector, now) for connector in (1, 2)]


@settings(max_examples=40, deadline=None)
@given(stories(90.0))
def test_meters_and_batteries_agree_with_a_fine_step_integrator(story: list[Act]) -> None:
    cabinet, integrator, now = SimulatedCabinet(FIGURES), Integrator(), 0.0
    for act in story:
        integrator.go_on(act.wait_s)
        now += act.wait_s
        cabinet.expire(now)
        if integrator.do(act):
            do(cabinet, act, now)
        for reading, side in zip(readings(cabinet, now), integrator.sides, strict=True):
            assert abs(reading.energy_wh - side.wh) < 1.0
            if side.car is None:
                assert reading.soc_percent is None
            else:
                assert reading.soc_percent is not None
                assert abs(reading.soc_percent - side.soc) < 0.01
            assert side.closed_for_s is not None or reading.power_w == 0


@settings(max_examples=60, deadline=None)
@given(stories(900.0))
def test_soc_rises_by_the_metered_energy_less_losses(story: list[Act]) -> None:
    """What a meter counted while a car hung on its gun is in the car's battery, but for the losses."""
    cabinet, integrator, now = SimulatedCabinet(FIGURES), Integrator(), 0.0
    arrived: dict[int, tuple[float, float]] = {}
    for act in story:
        now += act.wait_s
        before = cabinet.registers(now)
        hanging = cabinet.car(act.connector, now)
        if not integrator.do(act):
            continue
        do(cabinet, act, now)
        assert cabinet.registers(now) == before
        if act.deed == "plug":
            arrived[act.connector] = (act.car.soc_percent, before[act.connector - 1])
        if act.deed == "unplug":
            soc, energy_wh = arrived.pop(act.connector)
            assert hanging is not None
            stored_wh = (hanging.soc_percent - soc) * hanging.battery_kwh * 10
            assert abs(stored_wh - (before[act.connector - 1] - energy_wh) * hanging.efficiency) < 1e-6


@settings(max_examples=60, deadline=None)
@given(stories(300.0), st.integers(2, 40))
def test_no_limit_is_exceeded_and_no_register_falls_at_any_instant(story: list[Act], looks: int) -> None:
    cabinet, integrator, now = SimulatedCabinet(FIGURES), Integrator(), 0.0
    registers = (0.0, 0.0)
    for act in story:
        for look in range(1, looks + 1):
            moment = now + act.wait_s * look / looks
            both = readings(cabinet, moment)
            assert sum(reading.power_w for reading in both) <= FIGURES.station_limit_w + TOLERANCE_W
            for reading, gun, side in zip(both, FIGURES.guns, integrator.sides, strict=True):
                assert 0 <= reading.power_w <= gun.limit_w + TOLERANCE_W
                assert 0 <= reading.current_a <= gun.cable_current_a + TOLERANCE_W
                assert reading.power_w == reading.voltage_v * reading.current_a
                assert reading.voltage_v == 0 or 290 < reading.voltage_v < 760
                residual_w = 1.5 * reading.voltage_v if side.limit_w == 0 else 0.0
                assert reading.power_w <= max(reading.offered_w, residual_w) + TOLERANCE_W
                assert reading.offered_w <= (inf if side.limit_w is None else side.limit_w) + TOLERANCE_W
                if side.car is not None:
                    assert reading.current_a <= side.car.max_current_a + TOLERANCE_W
                    assert reading.soc_percent is not None
                    highest = max(side.car.stop_at_soc_percent, side.car.soc_percent)
                    assert side.car.soc_percent <= reading.soc_percent <= highest
            now_shown = (both[0].energy_wh, both[1].energy_wh)
            assert all(later >= earlier for earlier, later in zip(registers, now_shown, strict=True))
            registers = now_shown
        now = moment
        if integrator.do(act):
            do(cabinet, act, now)


@settings(max_examples=60, deadline=None)
@given(stories(86_400.0), st.lists(st.floats(0, 1), max_size=30))
def test_figures_are_the_same_to_the_last_digit_however_often_one_asks(story: list[Act], parts: list[float]) -> None:
    """One step, many steps, or from deadline to deadline: the same registers and the same events at the same times."""
    once, often, woken = (SimulatedCabinet(FIGURES) for _ in range(3))
    integrator, now = Integrator(), 0.0
    for act in story:
        then = now + act.wait_s
        told: list[Event] = []
        for part in sorted(parts):
            moment = min(now + act.wait_s * part, then)
            readings(often, moment)
            told += often.expire(moment)
        rung: list[Event] = []
        while (due_s := woken.next_deadline()) <= then:
            events = woken.expire(due_s)
            assert events, "a deadline is when something happens"
            rung += events
        expected = once.expire(then)
        assert told + often.expire(then) == expected
        assert rung == expected
        assert woken.expire(then) == []
        assert all(isinstance(event, VehicleDrawing | VehiclePaused) for event in expected)
        now = then
        if integrator.do(act):
            assert do(once, act, now) == do(often, act, now) == do(woken, act, now)
        assert readings(once, now) == readings(often, now) == readings(woken, now)
        assert once.next_deadline() == often.next_deadline() == woken.next_deadline()
