"""No kWh is lost or made: the cabinet against an integrator that goes through the same story in fine steps.

The integrator shares no code with the cabinet. It knows the same physics (steps of 1 %, the sharing rule, the limits)
but holds no anchors and no deadlines: each quarter of a second it works out the power from nothing and adds it up.
Its tables of phases are typed here, and it deals modules one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Literal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.cabinet.archetypes import FAMILY_CAR, LONG_DISTANCE_CAR, SMALL_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.car import Car, OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures
from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor, TakeModulesOut
from forecourt.station.events import (
    Event,
    PowerGranted,
    PowerWithheld,
    VehicleDrawing,
    VehicleFailed,
    VehiclePaused,
)
from forecourt.station.hardware import Phase

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
MODULE_W, MODULES = 30_000, 6

CHECK_ENDS_S = (0.5, 3.0, 4.5)
"""Seconds since the contactor was ordered closed: locked, insulation checked, precharged."""
RAMP = (0.2, 0.4, 0.6, 0.8)
"""Shares of the gun's power in the first seconds of a flow."""

Deed = Literal["plug", "unplug", "close", "open", "limit", "limit of all", "modules", "pause", "resume", "cut"]


class Act(msgspec.Struct, frozen=True):
    """Something that is done to a gun, so many seconds after what was done before."""

    wait_s: float
    deed: Deed
    connector: int
    car: Car
    limit_w: float | None
    modules_out: int


@dataclass
class Side:
    """What the integrator knows of one gun."""

    cable_a: float
    most_w: float
    car: Car | None = None
    soc: float = 0.0
    state: Literal["open", "checks", "draws", "rests", "silent"] = "open"
    since_s: float = 0.0
    """How long it has been in this state."""
    rest_s: float = inf
    """How long the car means to rest."""
    paused: bool = False
    limit_w: float | None = None
    wh: float = 0.0

    def go(self, state: Literal["open", "checks", "draws", "rests", "silent"], rest_s: float = inf) -> None:
        if state != self.state:
            self.state, self.since_s, self.rest_s = state, 0.0, rest_s

    def on_line(self, points: tuple[tuple[float, float], ...]) -> float:
        x = min(floor(self.soc), 99) + 0.5
        for (x1, y1), (x2, y2) in pairwise(points):
            if x1 <= x <= x2:
                return y1 * (x2 - x) / (x2 - x1) + y2 * (x - x1) / (x2 - x1)
        raise AssertionError(x)

    def is_content(self) -> bool:
        return self.paused or self.car is None or self.soc >= self.car.stop_at_soc_percent - 1e-9

    def decide(self) -> None:
        """Go from one state to the next when it is time."""
        if self.state == "checks" and self.since_s >= CHECK_ENDS_S[-1] - 1e-9:
            assert self.car is not None
            self.go("silent" if self.car.fails_in else "rests" if self.is_content() else "draws")
        elif self.state == "draws" and self.is_content():
            self.go("rests")
        elif self.state == "draws" and self.car is not None and self.car.pauses:
            (at, rest_s), *others = self.car.pauses
            if self.soc >= at - 1e-9:
                self.car = msgspec.structs.replace(self.car, pauses=tuple(others))
                self.go("rests", rest_s)
        elif self.state == "rests" and self.since_s >= self.rest_s - 1e-9:
            self.rest_s = inf
            if not self.is_content():
                self.go("draws")

    def next_change_s(self) -> float:
        ends = {"checks": CHECK_ENDS_S, "draws": (1.0, 2.0, 3.0, 4.0), "rests": (self.rest_s,)}
        return min((end - self.since_s for end in ends.get(self.state, ()) if end > self.since_s + 1e-9), default=inf)

    def volts(self) -> float:
        return 0.0 if self.car is None else self.on_line(self.car.pack_voltage)

    def asked_w(self) -> float:
        assert self.car is not None
        amps = min(self.cable_a, self.car.max_current_a)
        return min(self.most_w, amps * self.volts(), 1000 * self.on_line(self.car.curve))

    def wish_w(self) -> float:
        """What flows into the car were it alone."""
        if self.state != "draws" or self.limit_w == 0:
            return 0.0
        second = int(self.since_s + 1e-9)
        rising_w = RAMP[second] * self.most_w if second < len(RAMP) else inf
        return min(self.asked_w(), rising_w, inf if self.limit_w is None else self.limit_w)

    def need(self, modules: int, limit_w: float) -> int:
        """How many modules it could use."""
        if self.state == "draws":
            return min(modules, 1 if self.limit_w == 0 else ceil(min(self.wish_w(), limit_w) / MODULE_W))
        is_under_voltage = self.state == "checks" and self.since_s >= CHECK_ENDS_S[0] - 1e-9
        return min(modules, 1) if is_under_voltage else 0


def split(modules: int, needs: tuple[int, int], homes: tuple[int, int]) -> tuple[int, int]:
    """The sharing rule said otherwise: first what each needs, then what is over, one by one, home."""
    first, second = needs
    if first + second > modules:
        if second <= homes[1]:
            return modules - second, second
        if first <= homes[0]:
            return first, modules - first
        return homes
    for _ in range(modules - first - second):
        if first < homes[0]:
            first += 1
        else:
            second += 1
    return first, second


class Integrator:
    """The same cabinet, in fine steps."""

    def __init__(self) -> None:
        self.sides = [Side(gun.cable_current_a, gun.limit_w) for gun in FIGURES.guns]
        self.modules = MODULES
        self.limit_w = 180_000.0

    def modules_of_sides(self) -> tuple[int, int]:
        homes = (self.modules - self.modules // 2, self.modules // 2)
        at_work = [side.state != "open" for side in self.sides]
        needs = [side.need(self.modules, self.limit_w) for side in self.sides]
        first, second = (self.modules * at_work[0], self.modules * at_work[1])
        if all(at_work):
            first, second = split(self.modules, (needs[0], needs[1]), homes)
        is_held = [side.state == "draws" and side.limit_w == 0 for side in self.sides]
        return min(first, homes[0]) if is_held[0] else first, min(second, homes[1]) if is_held[1] else second

    def powers(self) -> tuple[float, float]:
        flows = []
        for side, modules in zip(self.sides, self.modules_of_sides(), strict=True):
            if side.state == "draws" and side.limit_w == 0:
                flows.append(min(side.asked_w(), 0.5 * modules * side.volts()))
            else:
                flows.append(min(side.wish_w(), modules * MODULE_W))
        first, second = flows
        if first + second <= self.limit_w:
            return first, second
        if first < self.limit_w / 2:
            return first, self.limit_w - first
        if second < self.limit_w / 2:
            return self.limit_w - second, second
        return self.limit_w / 2, self.limit_w / 2

    def go_on(self, span_s: float) -> None:
        steps, steps_most = 0, 1000 + 20 * span_s / FINE_S
        while span_s > 1e-9:
            steps += 1
            assert steps < steps_most, f"the integrator stands still {span_s} s before the end"
            # To the nearest of: a fine step, the end of the span, of a phase, of a step of either battery.
            for side in self.sides:
                side.decide()
            powers = self.powers()
            step_s = min(FINE_S, span_s, *(side.next_change_s() for side in self.sides))
            for side, power_w in zip(self.sides, powers, strict=True):
                if side.car is not None and power_w > 0:
                    ends = [floor(side.soc + 1e-9) + 1, side.car.stop_at_soc_percent]
                    end = min(ends + [at for at, _ in side.car.pauses if at > side.soc + 1e-9])
                    wh = (end - side.soc) / 100 * side.car.battery_kwh * 1000 / side.car.efficiency
                    step_s = min(step_s, max(wh / power_w * 3600, 1e-7))
            self.move(powers, step_s)
            span_s -= step_s
        for side in self.sides:
            side.decide()

    def move(self, powers: tuple[float, float], step_s: float) -> None:
        for side, power_w in zip(self.sides, powers, strict=True):
            wh = power_w * step_s / 3600
            side.wh += wh
            if side.car is not None:
                side.soc = min(100.0, side.soc + wh * side.car.efficiency / side.car.battery_kwh / 10)
                side.soc = round(side.soc) if abs(side.soc - round(side.soc)) < 1e-9 else side.soc
            side.since_s += step_s

    def do(self, act: Act) -> bool:
        """Whether it can be done."""
        side = self.sides[act.connector - 1]
        if (act.deed == "plug") is not (side.car is None) and act.deed in ("plug", "unplug", "pause", "resume"):
            return False
        match act.deed:
            case "plug":
                late = tuple(pause for pause in act.car.pauses if pause[0] > act.car.soc_percent)
                side.car, side.soc = msgspec.structs.replace(act.car, pauses=late), act.car.soc_percent
                side.paused = False
            case "unplug":
                side.car = None
                side.go("open")
            case "close" if side.car is not None and side.state == "open":
                side.go("checks")
            case "open":
                side.go("open")
            case "limit":
                side.limit_w = act.limit_w
            case "limit of all":
                self.limit_w = 180_000.0 if act.limit_w is None else min(180_000.0, max(act.limit_w, 1000.0))
            case "modules":
                self.modules = max(0, MODULES - act.modules_out)
            case "pause" | "resume":
                side.paused = act.deed == "pause"
                if side.paused and side.state == "draws":
                    side.go("rests")
                elif side.state == "rests" and not side.is_content():
                    side.go("draws")
            case "cut":
                self.modules, self.limit_w = MODULES, 180_000.0
                for each in self.sides:
                    each.go("open")
                    each.limit_w = None
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
        case "limit of all":
            limit_w = None if act.limit_w is None else max(act.limit_w, 1000.0)
            return cabinet.handle(LimitPower(0, limit_w), now)
        case "modules":
            return cabinet.handle(TakeModulesOut(act.modules_out), now)
        case "pause":
            return cabinet.pause(act.connector, now)
        case "resume":
            return cabinet.resume(act.connector, now)
        case "cut":
            return cabinet.cut_power(now)


def cars() -> st.SearchStrategy[Car]:
    """Batteries of a tenth of the size, so that a story of minutes reaches the end of a charge."""
    return st.builds(
        lambda car, soc, stop, pauses, fails_in: msgspec.structs.replace(
            car,
            battery_kwh=car.battery_kwh / 10,
            soc_percent=soc,
            stop_at_soc_percent=stop,
            pauses=pauses,
            fails_in=fails_in,
        ),
        st.sampled_from([FAMILY_CAR, LONG_DISTANCE_CAR, SMALL_CAR]),
        st.integers(0, 1000).map(lambda tenths: tenths / 10),
        st.sampled_from([80.0, 62.5, 100.0]),
        st.sampled_from([(), (), ((55.5, 20.0), (70.0, 7.7))]),
        st.sampled_from([None] * 8 + [Phase.PRECHARGE]),
    )


def stories(longest_s: float) -> st.SearchStrategy[list[Act]]:
    """Likely and unlikely deeds; closing and plugging more often, so that energy flows."""
    likely: list[Deed] = ["plug", "plug", "close", "close", "close", "limit", "limit", "modules", "limit of all"]
    deeds: list[Deed] = [*likely, "unplug", "open", "pause", "resume", "cut"]
    act = st.builds(
        Act,
        wait_s=st.one_of(st.floats(0, longest_s), st.floats(longest_s / 4, longest_s)),
        deed=st.sampled_from(deeds),
        connector=st.sampled_from([1, 2]),
        car=cars(),
        limit_w=st.one_of(st.none(), st.just(0.0), st.floats(1000, 200_000)),
        modules_out=st.sampled_from([0, 0, 1, 2, 3, 5, 6, 7]),
    )
    begin = [
        Act(wait_s=1.0, deed=deed, connector=connector, car=car, limit_w=None, modules_out=0)
        for connector, car in ((1, FAMILY_CAR), (2, LONG_DISTANCE_CAR))
        for deed in ("plug", "close")
    ]
    return st.lists(act, min_size=10, max_size=30).map(lambda acts: begin + acts)


OF_ITS_OWN_ACCORD = (VehicleDrawing, VehiclePaused, VehicleFailed, PowerWithheld, PowerGranted)
FLOWING = (Phase.RAMP, Phase.CONSTANT, Phase.TAPER, Phase.HELD)


def modules_of(cabinet: SimulatedCabinet, now: float) -> tuple[int, int]:
    return cabinet.modules(1, now), cabinet.modules(2, now)


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
            assert side.state == "draws" or reading.power_w == 0
        assert modules_of(cabinet, now) == integrator.modules_of_sides()


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


@settings(max_examples=50, deadline=None)
@given(stories(300.0), st.integers(2, 30))
def test_no_limit_is_exceeded_and_no_register_falls_at_any_instant(story: list[Act], looks: int) -> None:
    cabinet, integrator, now = SimulatedCabinet(FIGURES), Integrator(), 0.0
    registers = (0.0, 0.0)
    for act in story:
        for look in range(1, looks + 1):
            moment = now + act.wait_s * look / looks
            both = readings(cabinet, moment)
            assert sum(reading.power_w for reading in both) <= integrator.limit_w + TOLERANCE_W
            assert sum(modules_of(cabinet, moment)) <= integrator.modules
            for connector, reading in enumerate(both, start=1):
                look_at(cabinet, connector, reading, integrator.sides[connector - 1], moment)
            now_shown = (both[0].energy_wh, both[1].energy_wh)
            assert all(later >= earlier for earlier, later in zip(registers, now_shown, strict=True))
            registers = now_shown
        now = moment
        if integrator.do(act):
            do(cabinet, act, now)


def look_at(cabinet: SimulatedCabinet, connector: int, reading: Reading, side: Side, now: float) -> None:
    """What holds for a gun at any instant. Of the integrator only the last orders are used, no power."""
    gun, modules = FIGURES.guns[connector - 1], cabinet.modules(connector, now)
    most_w = inf if side.limit_w is None else side.limit_w
    assert 0 <= reading.power_w <= min(gun.limit_w, modules * MODULE_W) + TOLERANCE_W
    assert 0 <= reading.current_a <= gun.cable_current_a + TOLERANCE_W
    assert reading.power_w == reading.voltage_v * reading.current_a
    assert reading.voltage_v == 0 or 290 < reading.voltage_v < 760
    residual_w = 0.5 * min(modules, 3) * reading.voltage_v if side.limit_w == 0 else 0.0
    assert reading.power_w <= max(reading.offered_w, residual_w) + TOLERANCE_W
    assert reading.offered_w <= min(reading.limited_w, modules * MODULE_W) + TOLERANCE_W
    assert reading.limited_w <= min(most_w, gun.limit_w) + TOLERANCE_W
    assert (reading.power_w > 0) <= (reading.phase in FLOWING), reading.phase
    if side.car is not None:
        assert reading.current_a <= side.car.max_current_a + TOLERANCE_W
        assert reading.soc_percent is not None
        highest = max(side.car.stop_at_soc_percent, side.car.soc_percent)
        assert side.car.soc_percent <= reading.soc_percent <= highest


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
        assert all(isinstance(event, OF_ITS_OWN_ACCORD) for event in expected)
        now = then
        if integrator.do(act):
            assert do(once, act, now) == do(often, act, now) == do(woken, act, now)
        assert readings(once, now) == readings(often, now) == readings(woken, now)
        assert once.next_deadline() == often.next_deadline() == woken.next_deadline()
