"""The simulated cabinet: the guns, what they share, and the cars that come and go.

It stands on both sides of a port. The station reads it as `Hardware`; the driver carries the station's effects to it
and its events back. Like the station it has no clock: `now` comes in, `expire` gives what has happened of its own
accord, `next_deadline` says when that will next be so.

**Sharing.** Each gun may have half of the station's power; what one gun does not take the other may have, at once.
Since the powers are constant between moments of change, dealing anew at each such moment is enough to keep every limit
at every instant. Whole modules that are switched between guns are not modelled; `_share_w` is where they would be.

**A setpoint of 0** leaves the residual current of the gun's modules flowing, and offers nothing.

**After a power cut** the contactors are open and no limit is set; registers and cars are as they were.
"""

from __future__ import annotations

from math import fsum, inf, isfinite
from typing import TYPE_CHECKING

import msgspec

from forecourt.cabinet.gun import Gun, Phase
from forecourt.errors import ForecourtError
from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor
from forecourt.station.events import CablePlugged, CableUnplugged
from forecourt.station.hardware import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecourt.cabinet.car import Car
    from forecourt.cabinet.figures import CabinetFigures
    from forecourt.station.events import Event


class GunError(ForecourtError):
    """Somebody did to a gun what cannot be done: one sentence."""


class SimulatedCabinet:
    """A cabinet with its cars. Implements `forecourt.station.hardware.Hardware`.

    `registers_wh` is what the meters showed when they were last seen, one figure a gun; zeros for a new cabinet.
    """

    __slots__ = ("_deadline", "_due_s", "_guns", "_happened", "_limited", "_now", "figures")

    def __init__(self, figures: CabinetFigures, registers_wh: Sequence[float] | None = None) -> None:
        registers = [0.0] * len(figures.guns) if registers_wh is None else list(registers_wh)
        if len(registers) != len(figures.guns) or not all(isfinite(value) and value >= 0.0 for value in registers):
            raise GunError(f"Expected {len(figures.guns)} registers in Wh, none below 0, but {registers} came.")
        self.figures = figures
        self._limited = figures
        self._guns = [Gun(number, figures, value) for number, value in enumerate(registers, start=1)]
        self._now = -inf
        self._due_s = inf  # of the first gun to change of its own accord
        self._happened: list[tuple[float, Event]] = []
        self._deadline: float | None = None

    # Hardware: what the station reads.

    def reading(self, connector: int, now: float) -> Reading:
        """The meter and the car of one gun at `now`."""
        gun = self._gun(connector)
        self._advance(now)
        energy_wh, soc_percent = gun.energy_and_soc_at(now)
        return Reading(
            energy_wh=energy_wh,
            power_w=gun.power_w,
            voltage_v=gun.voltage_v,
            current_a=gun.current_a,
            offered_w=gun.offered_w,
            offered_a=gun.offered_w / gun.voltage_v if gun.offered_w else 0.0,
            soc_percent=None if gun.car is None else soc_percent,
        )

    def plugged(self, connector: int) -> bool:
        """Whether a car hangs on this gun."""
        return self._gun(connector).car is not None

    def vehicle_mac(self, connector: int) -> str | None:
        """The EVCCID of the car on this gun."""
        car = self._gun(connector).car
        return None if car is None else car.mac

    # What the station does, carried here by the driver.

    def handle(self, effect: CloseContactor | OpenContactor | LimitPower, now: float) -> list[Event]:
        """Carry out an effect of the station; what has happened up to `now`.

        A contactor without a car stays open: the car may have been unplugged while the effect was on its way.
        """
        self._advance(now)
        if isinstance(effect, LimitPower) and effect.connector == 0:
            self._limit_station(effect.limit_w)
            return self._changed(now)
        gun = self._gun(effect.connector)
        match effect:
            case CloseContactor():
                if gun.car is not None and gun.phase is Phase.OPEN:
                    gun.phase = Phase.CHECKING
                    gun.checked_s = now + self.figures.checks_s
            case OpenContactor():
                gun.open()
            case LimitPower(limit_w=limit_w):
                assert limit_w is None or limit_w >= 0.0, f"no such limit: {limit_w}"
                gun.limit_w = limit_w
        return self._changed(now)

    def cut_power(self, now: float) -> list[Event]:
        """Mains power goes: the contactors open. What happened before is returned."""
        self._advance(now)
        for gun in self._guns:
            gun.open()
            gun.limit_w = None
        self._limited = self.figures
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
        gun.car, gun.soc_percent, gun.paused = car, float(car.soc_percent), False
        self._happened.append((now, CablePlugged(connector)))
        return self._changed(now)

    def unplug(self, connector: int, now: float) -> list[Event]:
        """Take the gun out of its car; a closed contactor opens. `GunError` for a gun in no car."""
        gun = self._occupied(connector)
        self._advance(now)
        gun.open()
        gun.settle(now)
        gun.car, gun.soc_percent = None, 0.0
        self._happened.append((now, CableUnplugged(connector)))
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
        return None if gun.car is None else msgspec.structs.replace(gun.car, soc_percent=gun.soc_at(now))

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
            self._deadline = _next_event_s(self._limited, [gun.copy() for gun in self._guns])
        return self._deadline

    def _advance(self, now: float) -> None:
        assert now >= self._now, f"time went back from {self._now} to {now}"
        self._now = now
        while self._due_s <= now:
            happened = _pass_next(self._limited, self._guns)
            self._due_s = min(gun.due_s for gun in self._guns)
            if happened is not None:
                self._happened.append(happened)
                self._deadline = None

    def _changed(self, now: float) -> list[Event]:
        _deal(self._limited, self._guns, now)
        self._due_s = min(gun.due_s for gun in self._guns)
        self._deadline = None
        return self._take()

    def _take(self) -> list[Event]:
        events = [event for _, event in self._happened]
        self._happened.clear()
        return events

    def _limit_station(self, limit_w: float | None) -> None:
        most_w = self.figures.station_limit_w
        limit_w = most_w if limit_w is None else min(limit_w, most_w)
        assert limit_w > 0.0, f"no such limit of the whole cabinet: {limit_w}"
        self._limited = msgspec.structs.replace(self.figures, station_limit_w=limit_w)

    def _set_paused(self, connector: int, paused: bool, now: float) -> list[Event]:
        gun = self._occupied(connector)
        self._advance(now)
        gun.settle(now)
        gun.paused = paused
        if gun.phase in (Phase.DRAWING, Phase.PAUSED) and (event := gun.ask()) is not None:
            self._happened.append((now, event))
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


def _share_w(figures: CabinetFigures, guns: list[Gun], gun: Gun) -> float:
    """What the station has for this gun: its even share, or more if the other leaves it."""
    others_w = fsum(other.wanted_w for other in guns if other is not gun)
    return max(figures.station_limit_w / len(guns), figures.station_limit_w - others_w)


def _deal(figures: CabinetFigures, guns: list[Gun], now: float) -> None:
    for gun in guns:
        gun.settle(now)
    for gun in guns:
        share_w = _share_w(figures, guns, gun)
        gun.offered_w = min(gun.cap_w(), share_w)
        gun.deal(min(gun.wanted_w, share_w))


def _pass_next(figures: CabinetFigures, guns: list[Gun]) -> tuple[float, Event] | None:
    """Carry the guns over the next change; of two at the same time the first gun's."""
    gun = min(guns, key=lambda each: each.due_s)
    now = gun.due_s
    event = gun.pass_due()
    _deal(figures, guns, now)
    return None if event is None else (now, event)


def _next_event_s(figures: CabinetFigures, guns: list[Gun]) -> float:
    """When the first event of these guns will be; they are used up by looking."""
    while min(gun.due_s for gun in guns) < inf:
        happened = _pass_next(figures, guns)
        if happened is not None:
            return happened[0]
    return inf
