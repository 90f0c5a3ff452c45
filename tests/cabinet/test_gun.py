"""One gun alone: the anchor, the step and the rounding between them."""

from __future__ import annotations

from math import inf, nextafter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.cabinet.archetypes import FAMILY_CAR, LONG_DISTANCE_CAR
from forecourt.cabinet.car import OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures
from forecourt.cabinet.gun import Closed, Gun
from forecourt.cabinet.modules import deal, deal_again, whole_supply
from forecourt.station.events import VehicleDrawing, VehiclePaused
from forecourt.station.hardware import Phase

FIGURES = CabinetFigures(
    station_limit_w=180_000,
    guns=(GunFigures(output=OutputType.CCS2, limit_w=180_000, cable_current_a=500),),
)


def drawing(soc_percent: float, power_w: float, now: float, register_wh: float = 1000.0) -> Gun:
    gun = Gun(1, FIGURES, register_wh)
    gun.plug(msgspec.structs.replace(FAMILY_CAR, soc_percent=soc_percent))
    gun.phase, gun.closed = Phase.CONSTANT, Closed.DRAWING
    gun.settle(now)
    gun.flow(power_w)
    return gun


def test_gun_without_a_car_never_changes_of_its_own_accord() -> None:
    gun = Gun(1, FIGURES, 1000.0)
    assert gun.due_s == inf
    assert gun.energy_at(1e9) == 1000.0


def test_step_ends_when_the_battery_has_risen_by_its_rest() -> None:
    gun = drawing(20.25, 60_000.0, 100.0)
    energy_wh = 77_000 * 0.0075 / 0.95
    assert gun.due_s == pytest.approx(100 + energy_wh / 60_000 * 3600)
    assert gun.pass_due() is None
    assert gun.soc_percent == 21.0
    assert gun.energy_wh == pytest.approx(1000 + energy_wh)


def test_car_stops_asking_exactly_at_the_wish_of_its_driver() -> None:
    gun = drawing(99.5, 6_000.0, 0.0)
    assert gun.pass_due() == VehiclePaused(1)
    assert gun.soc_percent == 100.0
    assert gun.ask(1.0) is None


def test_asking_again_after_the_checks_tells_of_a_drawing_car_once() -> None:
    gun = drawing(50.0, 0.0, 0.0)
    gun.open(0.0)
    gun.close(0.0)
    assert gun.ask(0.0) == VehicleDrawing(1)
    assert gun.ask(0.0) is None


@given(
    soc_percent=st.floats(0, 99.999),
    power_w=st.floats(0.5, 500_000),
    start_s=st.floats(0, 2e9),
    parts=st.lists(st.floats(0, 1.2), max_size=20),
)
def test_register_and_soc_never_fall_and_end_exactly_at_the_step(
    soc_percent: float, power_w: float, start_s: float, parts: list[float]
) -> None:
    """Rounding near the end of a step must not let a figure fall by a last digit."""
    gun = drawing(soc_percent, power_w, start_s)
    just_before_s = max(nextafter(gun.due_s, -inf), start_s)
    moments = sorted([*(start_s + part * (gun.due_s - start_s) for part in parts), just_before_s, gun.due_s])
    registers = [gun.energy_at(now) for now in moments]
    states = [gun.soc_at(now) for now in moments]
    assert registers == sorted(registers)
    assert states == sorted(states)
    assert states[-1] == float(int(soc_percent) + 1)
    assert registers[-1] == 1000.0 + gun.step_wh


def test_register_just_before_the_end_of_a_step_is_never_above_the_register_at_its_end() -> None:
    """A thousand steps from everyday starting points; unclamped, some would fall by a last digit."""
    for number in range(1000):
        gun = drawing(number / 10.07, 1_000.0 + 137.3 * number, 0.0, register_wh=0.0)
        assert gun.energy_at(nextafter(gun.due_s, -inf)) <= gun.energy_at(gun.due_s)
        assert gun.soc_at(nextafter(gun.due_s, -inf)) <= gun.soc_at(gun.due_s)


def test_copy_lives_its_own_life() -> None:
    gun = drawing(50.0, 60_000.0, 0.0)
    other = gun.copy()
    other.pass_due()
    assert (gun.soc_percent, gun.energy_wh) == (50.0, 1000.0)
    assert other.soc_percent == 51.0


PAIR = CabinetFigures(
    station_limit_w=180_000,
    guns=(
        GunFigures(output=OutputType.CCS2, limit_w=150_000, cable_current_a=300),
        GunFigures(output=OutputType.CCS2, limit_w=180_000, cable_current_a=500),
    ),
)


class Charge:
    """One or two cars that charge up from these states of charge, carried on from change to change."""

    def __init__(self, socs_percent: list[float], limits_w: list[float | None], modules: int) -> None:
        cars = (
            msgspec.structs.replace(LONG_DISTANCE_CAR, stop_at_soc_percent=90.5, pauses=((70.25, 60.0),)),
            FAMILY_CAR,
        )
        self.supply = msgspec.structs.replace(whole_supply(PAIR), modules=modules)
        self.guns = [Gun(number, PAIR, 0.0) for number in (1, 2)]
        self.plain_steps = 0
        for gun, car, soc_percent, limit_w in zip(self.guns, cars, socs_percent, limits_w, strict=False):
            gun.plug(msgspec.structs.replace(car, soc_percent=soc_percent))
            gun.phase, gun.closed, gun.limit_w = Phase.CONSTANT, Closed.DRAWING, limit_w
        deal(self.supply, self.guns, 0.0)

    def next(self, *, plainly: bool) -> bool:
        """Pass the next change, which `plainly` may be a plain step; whether there was one."""
        first, second = self.guns
        gun, other = (second, first) if second.due_s < first.due_s else (first, second)
        if (now := gun.due_s) == inf:
            return False
        if plainly and gun.pass_plain_step(self.supply, is_alone=other.closed is Closed.NO):
            self.plain_steps += 1
            return True
        is_step = gun.step_end_s < gun.phase_end_s
        if gun.pass_due() is None and is_step:
            deal_again(self.supply, self.guns, gun, now)
        else:
            deal(self.supply, self.guns, now)
        return True

    def state(self) -> list[list[object]]:
        """Everything but what is only remembered for the next sharing."""
        return [[getattr(gun, name) for name in Gun.__slots__ if name != "need"] for gun in self.guns]


@given(
    st.lists(st.floats(0.0, 90.0), min_size=1, max_size=2),
    st.lists(st.sampled_from((None, 7_000.0, 45_000.0, 90_000.0, 0.0)), min_size=2, max_size=2),
    st.integers(1, 6),
)
@settings(deadline=None)
def test_plain_steps_lead_exactly_to_where_sharing_anew_at_each_step_leads(
    socs_percent: list[float], limits_w: list[float | None], modules: int
) -> None:
    plain, shared = (Charge(socs_percent, limits_w, modules) for _ in range(2))
    for _ in range(400):
        assert plain.next(plainly=True) is shared.next(plainly=False)
        assert plain.state() == shared.state()
    assert not plain.next(plainly=True)


def test_nearly_all_of_a_charge_is_plain_steps() -> None:
    charge = Charge([15.0, 20.0], [None, None], 6)
    changes = 0
    while charge.next(plainly=True):
        changes += 1
    assert 130 < charge.plain_steps > 0.8 * changes
