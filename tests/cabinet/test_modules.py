"""The sharing of whole power modules between two guns, through the cabinet's doors."""

from __future__ import annotations

from math import inf

import msgspec
import pytest

from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.car import Car, OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures
from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor, TakeModulesOut
from forecourt.station.events import PowerGranted, PowerWithheld, VehicleDrawing, VehiclePaused
from forecourt.station.hardware import Phase

GUN = GunFigures(output=OutputType.CCS2, limit_w=180_000, cable_current_a=500)
CAR = Car(
    battery_kwh=1000.0,
    curve=((0, 120), (100, 120)),
    pack_voltage=((0, 400), (100, 400)),
    max_current_a=1000.0,
    soc_percent=0.0,
)
FULL_S = 60.0
"""Whatever began before is over by then: checks and ramps."""


def site(station_kw: float, asked_kw: tuple[float, ...], module_w: float = 30_000) -> SimulatedCabinet:
    """A cabinet whose guns are all in cars that ask for so much; 0 is a gun without a car."""
    figures = CabinetFigures(station_limit_w=station_kw * 1000, guns=(GUN,) * len(asked_kw), module_w=module_w)
    cabinet = SimulatedCabinet(figures)
    for connector, power_kw in enumerate(asked_kw, start=1):
        if power_kw:
            cabinet.plug(connector, msgspec.structs.replace(CAR, curve=((0, power_kw), (100, power_kw))), 0.0)
            cabinet.handle(CloseContactor(connector), 0.0)
    cabinet.expire(FULL_S)
    return cabinet


def modules(cabinet: SimulatedCabinet, now: float = FULL_S) -> tuple[int, ...]:
    return tuple(cabinet.modules(connector, now) for connector in range(1, len(cabinet.figures.guns) + 1))


def powers_kw(cabinet: SimulatedCabinet, now: float = FULL_S) -> list[float]:
    return [cabinet.reading(number, now).power_w / 1000 for number in range(1, len(cabinet.figures.guns) + 1)]


@pytest.mark.parametrize(
    ("station_kw", "asked_kw", "has", "given_kw"),
    [
        # six modules, three of them each gun's home share
        (180, (10, 10), (3, 3), (10, 10)),
        (180, (90, 90), (3, 3), (90, 90)),
        (180, (150, 150), (3, 3), (90, 90)),
        (180, (150, 90.001), (3, 3), (90, 90)),
        (180, (150, 60), (4, 2), (120, 60)),
        (180, (150, 60.001), (3, 3), (90, 60.001)),
        (180, (150, 30), (5, 1), (150, 30)),
        (180, (100, 10), (4, 2), (100, 10)),
        (180, (91, 10), (4, 2), (91, 10)),
        (180, (30, 150), (1, 5), (30, 150)),
        (180, (60, 150), (2, 4), (60, 120)),
        (180, (150, 0), (6, 0), (150, 0)),
        (180, (0, 10), (0, 6), (0, 10)),
        (180, (0, 0), (0, 0), (0, 0)),
        # five modules: the odd one is at home with the first gun
        (150, (150, 150), (3, 2), (90, 60)),
        (150, (70, 150), (3, 2), (70, 60)),
        (150, (50, 150), (2, 3), (50, 90)),
        (150, (20, 150), (1, 4), (20, 120)),
        (150, (150, 20), (4, 1), (120, 20)),
        # two modules: nobody has more than one beside another
        (60, (150, 150), (1, 1), (30, 30)),
        (60, (20, 20), (1, 1), (20, 20)),
        (60, (150, 0), (2, 0), (60, 0)),
        # eleven modules are 330 kW, the station's limit of 320 kW bites first
        (320, (180, 180), (6, 5), (170, 150)),
        (320, (180, 100), (6, 5), (180, 100)),
        (320, (150, 180), (5, 6), (150, 170)),
        # one gun has all there is
        (90, (150,), (3,), (90,)),
    ],
)
def test_modules_go_where_they_are_needed_and_home_when_they_are_not(
    station_kw: float, asked_kw: tuple[float, ...], has: tuple[int, ...], given_kw: tuple[float, ...]
) -> None:
    cabinet = site(station_kw, asked_kw)
    assert modules(cabinet) == has
    assert powers_kw(cabinet) == pytest.approx(given_kw)
    for number, count in enumerate(has, start=1):
        assert cabinet.reading(number, FULL_S).offered_w <= count * 30_000


@pytest.mark.parametrize("module_w", [15_000, 20_000, 25_000, 40_000, 60_000])
def test_size_of_modules_is_a_figure_and_never_lifts_the_limit(module_w: float) -> None:
    cabinet = site(180, (150, 150), module_w)
    assert sum(modules(cabinet)) == cabinet.figures.modules == -(-180_000 // module_w)
    assert sum(powers_kw(cabinet)) <= 180 + 1e-9
    for count, power_kw in zip(modules(cabinet), powers_kw(cabinet), strict=True):
        assert power_kw <= count * module_w / 1000 + 1e-9


# In the course of sessions.


def test_gun_that_begins_to_draw_takes_its_share_step_by_step() -> None:
    """The other gives back at that very instant: no moment at which both have it."""
    cabinet = site(180, (150, 0))
    cabinet.plug(2, msgspec.structs.replace(CAR, curve=((0, 150), (100, 150))), 100.0)
    cabinet.handle(CloseContactor(2), 100.0)
    assert (modules(cabinet, 100.0), powers_kw(cabinet, 100.4)) == ((5, 1), [150, 0])
    assert (modules(cabinet, 104.4), powers_kw(cabinet, 104.4)) == ((5, 1), [150, 0])
    assert (modules(cabinet, 104.5), powers_kw(cabinet, 104.5)) == ((4, 2), [120, 36])
    assert (modules(cabinet, 105.5), powers_kw(cabinet, 105.5)) == ((3, 3), [90, 72])
    assert (modules(cabinet, 109.0), powers_kw(cabinet, 109.0)) == ((3, 3), [90, 90])
    cabinet.handle(OpenContactor(2), 200.0)
    assert (modules(cabinet, 200.0), powers_kw(cabinet, 200.0)) == ((6, 0), [150, 0])


def test_car_that_pauses_leaves_its_modules_and_has_them_back_when_it_resumes() -> None:
    cabinet = site(180, (150, 150))
    assert cabinet.pause(1, 100.0) == [VehiclePaused(1)]
    assert (modules(cabinet, 100.0), powers_kw(cabinet, 100.0)) == ((1, 5), [0, 150])
    assert cabinet.resume(1, 200.0) == [VehicleDrawing(1)]
    assert (modules(cabinet, 205.0), powers_kw(cabinet, 205.0)) == ((3, 3), [90, 90])


def test_gun_at_0_keeps_what_the_other_leaves_up_to_its_home_share() -> None:
    """Half an ampere leaks through each module that it has."""
    cabinet = site(180, (150, 150))
    cabinet.handle(LimitPower(1, 0.0), 100.0)
    assert modules(cabinet, 100.0) == (1, 5)
    assert (cabinet.reading(1, 100.0).current_a, powers_kw(cabinet, 100.0)) == (0.5, [0.2, 150])
    cabinet.handle(LimitPower(2, 50_000.0), 110.0)
    assert modules(cabinet, 110.0) == (3, 3)
    assert (cabinet.reading(1, 110.0).current_a, powers_kw(cabinet, 110.0)) == (1.5, [0.6, 50])
    cabinet.unplug(2, 120.0)
    assert modules(cabinet, 120.0) == (3, 0)
    assert cabinet.reading(1, 120.0).current_a == 1.5


def test_limit_of_the_whole_cabinet_is_halved_where_both_want_more() -> None:
    cabinet = site(180, (150, 40))
    cabinet.handle(LimitPower(0, 100_000.0), 100.0)
    assert powers_kw(cabinet, 100.0) == pytest.approx([60, 40])
    cabinet.handle(LimitPower(0, 50_000.0), 110.0)
    assert powers_kw(cabinet, 110.0) == pytest.approx([25, 25])
    assert [cabinet.reading(number, 110.0).offered_w for number in (1, 2)] == [25_000, 25_000]


def test_gun_that_checks_holds_one_module_even_where_the_other_wants_all() -> None:
    cabinet = site(180, (180, 0))
    cabinet.plug(2, CAR, 100.0)
    cabinet.handle(CloseContactor(2), 100.0)
    assert (modules(cabinet, 100.4), powers_kw(cabinet, 100.4)) == ((6, 0), [180, 0])
    assert (modules(cabinet, 100.5), powers_kw(cabinet, 100.5)) == ((5, 1), [150, 0])


# Modules out of service.


@pytest.mark.parametrize(
    ("out", "has", "given_kw"),
    [(0, (3, 3), (90, 90)), (1, (3, 2), (90, 60)), (2, (2, 2), (60, 60)), (3, (2, 1), (60, 30)), (4, (1, 1), (30, 30))],
)
def test_modules_out_of_service_are_missing_as_whole_ones(
    out: int, has: tuple[int, int], given_kw: tuple[float, float]
) -> None:
    cabinet = site(180, (150, 150))
    assert cabinet.handle(TakeModulesOut(out), FULL_S) == []
    assert modules(cabinet) == has
    assert powers_kw(cabinet) == pytest.approx(given_kw)
    cabinet.handle(TakeModulesOut(0), FULL_S)
    assert (modules(cabinet), powers_kw(cabinet)) == ((3, 3), [90, 90])


def test_second_gun_is_told_that_the_last_module_is_not_its_own_and_that_it_is_again() -> None:
    cabinet = site(180, (150, 150))
    assert cabinet.handle(TakeModulesOut(5), 100.0) == [PowerWithheld(2)]
    reading = cabinet.reading(2, 100.0)
    assert (reading.power_w, reading.offered_w, reading.phase) == (0, 0, Phase.HELD)
    assert powers_kw(cabinet, 100.0) == [30, 0]
    assert cabinet.pause(1, 110.0) == [VehiclePaused(1), PowerGranted(2)]
    assert powers_kw(cabinet, 110.0) == [0, 30]
    assert cabinet.resume(1, 120.0) == [VehicleDrawing(1), PowerWithheld(2)]
    assert cabinet.handle(TakeModulesOut(9), 130.0) == [PowerWithheld(1)]
    assert (modules(cabinet, 130.0), powers_kw(cabinet, 130.0)) == ((0, 0), [0, 0])
    assert cabinet.next_deadline() == inf
    assert cabinet.handle(TakeModulesOut(4), 140.0) == [PowerGranted(1), PowerGranted(2)]


def test_power_cut_puts_modules_back_into_service() -> None:
    cabinet = site(180, (150, 150))
    cabinet.handle(TakeModulesOut(6), 100.0)
    assert cabinet.cut_power(110.0) == []
    cabinet.handle(CloseContactor(2), 200.0)
    assert modules(cabinet, 200.0) == (0, 6)


def test_fewer_than_no_modules_out_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="no such number of modules: -1"):
        site(180, (150, 150)).handle(TakeModulesOut(-1), 100.0)


# Losses.


def test_grid_gives_what_modules_lose_and_what_the_cabinet_needs_itself() -> None:
    cabinet = site(180, (150, 30))
    figures = cabinet.figures
    assert cabinet.grid_w(FULL_S) == pytest.approx(180_000 / figures.module_efficiency + figures.standby_w)
    cabinet.pause(1, 100.0)
    cabinet.pause(2, 100.0)
    assert cabinet.grid_w(100.0) == figures.standby_w
