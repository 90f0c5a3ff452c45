"""The simulated cabinet: the guns, what they share, and the cars that come and go.

It stands on both sides of a port. The station reads it as `Hardware`; the driver carries the station's effects to it
and its events back. Like the station it has no clock: `now` comes in, `expire` gives what has happened of its own
accord, `next_deadline` says when that will next be so.

**Sharing** is told in `forecourt.cabinet.modules`. Since the powers are constant between moments of change, dealing
anew at each such moment is enough to keep every limit at every instant.

**A setpoint of 0** leaves the residual current of the gun's modules flowing, and offers nothing.

**All limits** are DC power at the outlets; what the modules lose comes from the grid on top (`grid_w`).

**After a power cut** the contactors are open, no limit is set and all modules are in service, until the station says
otherwise; registers and cars are as they were.
"""

from __future__ import annotations

from math import fsum, inf, isfinite
from typing import TYPE_CHECKING

import msgspec

from forecourt.cabinet.gun import NEVER, Closed, Gun
from forecourt.cabinet.modules import NO_EVENTS, deal, deal_again, whole_supply
from forecourt.errors import ForecourtError
from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor, TakeModulesOut
from forecourt.station.events import CablePlugged, CableUnplugged
from forecourt.station.hardware import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from forecourt.cabinet.car import Car
    from forecourt.cabinet.figures import CabinetFigures
    from forecourt.cabinet.modules import Supply
    from forecourt.station.events import Event

    Order: TypeAlias = CloseContactor | OpenContactor | LimitPower | TakeModulesOut


CHANGES_MOST = 10_000
"""Guns have some hundred changes before them at most; those that change more often do not move: our mistake."""


class GunError(ForecourtError):
    """Somebody did to a gun what cannot be done: one sentence."""


class SimulatedCabinet:
    """A cabinet with its cars. Implements `forecourt.station.hardware.Hardware`.

    `registers_wh` is what the meters showed when they were last seen, one figure a gun; zeros for a new cabinet.
    """

    __slots__ = ("_deadline", "_due_s", "_guns", "_happened", "_now", "_supply", "figures")

    def __init__(self, figures: CabinetFigures, registers_wh: Sequence[float] | None = None) -> None:
        registers = [0.0] * len(figures.guns) if registers_wh is None else list(registers_wh)
        if len(registers) != len(figures.guns) or not all(isfinite(value) and value >= 0.0 for value in registers):
            raise GunError(f"Expected {len(figures.guns)} registers in Wh, none below 0, but {registers} came.")
        self.figures = figures
        self._supply = whole_supply(figures)
        self._guns = [Gun(number, figures, value) for number, value in enumerate(registers, start=1)]
        self._now = NEVER
        self._due_s = inf  # of the first gun to change of its own accord
        self._happened: tuple[tuple[float, Event], ...] = ()
        self._deadline: float | None = None

    # Hardware: what the station reads.

    def reading(self, connector: int, now: float) -> Reading:
        """The meter and the car of one gun at `now`."""
        gun = self._gun(connector)
        self._advance(now)
        energy_wh, soc_percent = gun.energy_and_soc_at(now)
        limited_w = gun.limited_w()
        return Reading(
            energy_wh=energy_wh,
            power_w=gun.power_w,
            voltage_v=gun.voltage_v,
            current_a=gun.current_a,
            offered_w=gun.offered_w,
            offered_a=gun.offered_w / gun.voltage_v if gun.offered_w else 0.0,
            soc_percent=None if gun.car is None else soc_percent,
            phase=gun.shown_phase(),
            limited_w=limited_w if limited_w < self._supply.limit_w else self._supply.limit_w,
        )

    def plugged(self, connector: int) -> bool:
        """Whether a car hangs on this gun."""
        return self._gun(connector).car is not None

    def vehicle_mac(self, connector: int) -> str | None:
        """The EVCCID of the car on this gun."""
        car = self._gun(connector).car
        return None if car is None else car.mac

    # What the cabinet knows beside that.

    def modules(self, connector: int, now: float) -> int:
        """How many power modules a gun has at `now`."""
        gun = self._gun(connector)
        self._advance(now)
        return gun.modules

    def grid_w(self, now: float) -> float:
        """What the cabinet takes from the grid at `now`, given that there is mains: AC power, losses included."""
        self._advance(now)
        return fsum(gun.power_w for gun in self._guns) / self.figures.module_efficiency + self.figures.standby_w

    # What the station does, carried here by the driver.

    def handle(self, effect: Order, now: float) -> list[Event]:
        """Carry out an effect of the station; what has happened up to `now`.

        A contactor without a car stays open: the car may have been unplugged while the effect was on its way.
        """
        self._advance(now)
        match effect:
            case CloseContactor():
                self._gun(effect.connector).close(now)
            case OpenContactor():
                self._gun(effect.connector).open(now)
            case TakeModulesOut(modules=modules):
                self._take_out(modules)
            case LimitPower(connector=0, limit_w=limit_w):
                self._limit_station(limit_w)
            case LimitPower(connector=connector, limit_w=limit_w):
                assert limit_w is None or limit_w >= 0.0, f"no such limit: {limit_w}"
                self._gun(connector).limit_w = limit_w
        return self._changed(now)

    def cut_power(self, now: float) -> list[Event]:
        """Mains power goes: the contactors open. What happened before is returned."""
        self._advance(now)
        for gun in self._guns:
            gun.go_dark()
            gun.limit_w = None
        self._supply = whole_supply(self.figures)
        return self._changed(now)

    # What people and cars do.

    def plug(self, connector: int, car: Car, now: float) -> list[Event]:
        """Plug a car in. `GunError` for an occupied gun or one that does not fit."""
        gun = self._gun(connector)
        if gun.car is not None:
            raise GunError(f"Gun {connector} is in a car already: unplug it first.")
        if gun.figures.output not in car.inlets:
            raise GunError(f"Gun {connector} is {gun.figures.output}, but the car takes {' and '.join(car.inlets)}.")
        self._advance(now)
        gun.plug(car)
        self._tell((now, CablePlugged(connector)))
        return self._changed(now)

    def unplug(self, connector: int, now: float) -> list[Event]:
        """Take the gun out of its car; a closed contactor opens. `GunError` for a gun in no car."""
        gun = self._occupied(connector)
        self._advance(now)
        gun.unplug(now)
        self._tell((now, CableUnplugged(connector)))
        return self._changed(now)

    def pause(self, connector: int, now: float) -> list[Event]:
        """The car stops asking for energy until it is resumed or unplugged. `GunError` for a gun in no car."""
        return self._set_paused(connector, True, now)

    def resume(self, connector: int, now: float) -> list[Event]:
        """The car asks for energy again, unless it is as full as its driver wished."""
        return self._set_paused(connector, False, now)

    def car(self, connector: int, now: float) -> Car | None:
        """The car on a gun with its present state of charge, as it would drive away."""
        gun = self._gun(connector)
        self._advance(now)
        return None if gun.car is None else gun.car.charged_to(gun.soc_at(now))

    def registers(self, now: float) -> tuple[float, ...]:
        """The meters of all guns in Wh, to be kept over the end of the process."""
        self._advance(now)
        return tuple(gun.energy_at(now) for gun in self._guns)

    # Time.

    def expire(self, now: float) -> list[Event]:
        """What the cars have done up to `now`, in the order in which they did it."""
        self._advance(now)
        return self._take()

    def next_deadline(self) -> float:
        """When a car will next do something to tell of; inf for never."""
        if self._happened:
            return self._happened[0][0]
        if self._deadline is None:
            self._deadline, _ = _pass_until(inf, self._supply, [gun.copy() for gun in self._guns])
        return self._deadline

    def _advance(self, now: float) -> None:
        assert now >= self._now, f"time went back from {self._now} to {now}"
        self._now = now
        events = 0
        while self._due_s <= now:
            self._due_s, happened = _pass_until(now, self._supply, self._guns)
            if happened:
                self._tell(*((self._due_s, event) for event in happened))
                self._due_s = _first_due_s(self._guns)
                self._deadline = None
                events += 1
                assert events < CHANGES_MOST, f"events do not end at {self._due_s}"

    def _changed(self, now: float) -> list[Event]:
        if told := deal(self._supply, self._guns, now):
            self._tell(*((now, event) for event in told))
        self._due_s = _first_due_s(self._guns)
        self._deadline = None
        return self._take()

    def _take(self) -> list[Event]:
        events = [event for _, event in self._happened]
        self._happened = ()
        return events

    def _tell(self, *happened: tuple[float, Event]) -> None:
        """Keep what has happened, and when, until it is asked for."""
        self._happened += happened

    def _limit_station(self, limit_w: float | None) -> None:
        most_w = self.figures.station_limit_w
        limit_w = most_w if limit_w is None else min(limit_w, most_w)
        assert limit_w > 0.0, f"no such limit of the whole cabinet: {limit_w}"
        self._supply = msgspec.structs.replace(self._supply, limit_w=limit_w)

    def _take_out(self, modules: int) -> None:
        assert modules >= 0, f"no such number of modules: {modules}"
        left = max(0, self.figures.modules - modules)
        self._supply = msgspec.structs.replace(self._supply, modules=left)

    def _set_paused(self, connector: int, paused: bool, now: float) -> list[Event]:
        gun = self._occupied(connector)
        self._advance(now)
        gun.settle(now)
        gun.paused = paused
        if gun.is_past_checks and (event := gun.ask(now)) is not None:
            self._tell((now, event))
        return self._changed(now)

    def _gun(self, connector: int) -> Gun:
        if not 1 <= connector <= len(self._guns):
            raise GunError(f"There is no gun {connector}: this cabinet has 1 to {len(self._guns)}.")
        return self._guns[connector - 1]

    def _occupied(self, connector: int) -> Gun:
        gun = self._gun(connector)
        if gun.car is None:
            raise GunError(f"Gun {connector} is in no car.")
        return gun


def _first_due_s(guns: Sequence[Gun]) -> float:
    due_s = guns[0].due_s
    if len(guns) == 2 and (other_s := guns[1].due_s) < due_s:
        return other_s
    return due_s


def _pass_until(until_s: float, supply: Supply, guns: Sequence[Gun]) -> tuple[float, Sequence[Event]]:
    """Carry the guns over their changes up to a moment, or to the first that brings something to tell.

    Returns that moment and what is to be told; or nothing, and when the next change will be.
    """
    is_ample, passed = supply.limit_w >= supply.modules_w, 0
    while (due_s := _first_due_s(guns)) <= until_s and due_s < inf:
        gun = guns[0]
        other = guns[1] if len(guns) == 2 else None
        if other is not None and other.due_s < gun.due_s:  # of two at the same time the first gun's
            gun, other = other, gun
        is_alone = other is None or other.closed is Closed.NO
        if not (is_ample and gun.pass_plain_step(supply, is_alone)) and (told := _pass_next(supply, guns, gun)):
            return due_s, told
        passed += 1
        assert passed < CHANGES_MOST, f"the guns do not get beyond {due_s}"
    return due_s, NO_EVENTS


def _pass_next(supply: Supply, guns: Sequence[Gun], gun: Gun) -> Sequence[Event]:
    """Carry the guns over the next change, which is this gun's. What came of it."""
    now, is_step = gun.due_s, gun.step_end_s < gun.phase_end_s
    event = gun.pass_due()
    told = deal_again(supply, guns, gun, now) if is_step and event is None else deal(supply, guns, now)
    return told if event is None else (event, *told)
