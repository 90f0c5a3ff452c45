"""One gun: its meter, its contactor, and the car that hangs on it.

Between two moments of change a gun gives constant power at constant voltage. What it was at the last such moment is
kept (the anchor); everything since is a product of power and time. A gun changes at four kinds of moment: when
somebody does something to the cabinet, when a phase ends, when the power rises by a step of the ramp, and when the
car's battery reaches the next step of 1 % (or the SoC at which the car stops). All but the first are `due_s`, known in
advance, and `pass_due` carries the gun over them. Asking never moves the anchor, so it makes no difference how often
one asks.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import TYPE_CHECKING

from forecourt.station.events import VehicleDrawing, VehicleFailed, VehiclePaused
from forecourt.station.hardware import Phase

if TYPE_CHECKING:
    from forecourt.cabinet.car import Car
    from forecourt.cabinet.figures import CabinetFigures
    from forecourt.cabinet.modules import Supply
    from forecourt.station.events import Event

SECONDS_AN_HOUR = 3600.0
STEPS = 100
NOTHING: tuple[float, ...] = ()
NEVER = -inf
"""Before all time; one for all guns, since an expression makes a new one."""


class Closed(Enum):
    """What the contactor is to the sharing of modules."""

    NO = "the station has it open"
    WITHOUT_NEED = "a session, but nothing to give now"
    UNDER_VOLTAGE = "a check that needs voltage"
    DRAWING = "the car takes what it gets"


_CLOSED = {
    Phase.IDLE: Closed.NO,
    Phase.LOCKING: Closed.WITHOUT_NEED,
    Phase.INSULATION_CHECK: Closed.UNDER_VOLTAGE,
    Phase.PRECHARGE: Closed.UNDER_VOLTAGE,
    Phase.RAMP: Closed.DRAWING,
    Phase.CONSTANT: Closed.DRAWING,
    Phase.PAUSED: Closed.WITHOUT_NEED,
    Phase.FAILED: Closed.WITHOUT_NEED,
    Phase.STOPPING: Closed.NO,
    Phase.WELD_CHECK: Closed.NO,
    Phase.UNLOCKING: Closed.NO,
}
"""By the phase that a gun is in; TAPER and HELD are CONSTANT as others see it."""


class Gun:
    """The state of one gun. Only the cabinet touches it; all times are the cabinet's `now`."""

    __slots__ = (
        "anchor_s",
        "asked_table_w",
        "asked_w",
        "cabinet",
        "car",
        "closed",
        "connector",
        "current_a",
        "energy_wh",
        "figures",
        "lacks_modules",
        "limit_w",
        "modules",
        "need",
        "next_pause",
        "offered_w",
        "paused",
        "peak_step",
        "phase",
        "phase_end_s",
        "place",
        "power_w",
        "soc_percent",
        "step",
        "step_end_percent",
        "step_end_s",
        "step_wh",
        "voltage_table_v",
        "voltage_v",
        "wanted_w",
        "was_told",
    )

    def __init__(self, connector: int, cabinet: CabinetFigures, energy_wh: float) -> None:
        self.connector = connector
        self.cabinet = cabinet
        self.figures = cabinet.guns[connector - 1]
        self.car: Car | None = None
        self.asked_table_w = self.voltage_table_v = NOTHING  # of the car, by step
        self.peak_step = 0  # of the car's curve
        self.next_pause = 0  # of those that the car makes of its own accord
        self.phase = Phase.IDLE
        self.closed = Closed.NO
        self.place = 0  # in the table of stages or of the ramp
        self.phase_end_s = inf
        self.paused = False
        self.limit_w: float | None = None

        # At the anchor; what happened since follows from the flow.
        self.anchor_s = NEVER
        self.energy_wh = energy_wh
        self.soc_percent = 0.0

        # The flow since the anchor, until the step of the battery ends.
        self.modules = 0  # that are the gun's
        self.need = -1  # modules that it could use, when two guns last shared them
        self.lacks_modules = self.was_told = False
        self.voltage_v = 0.0
        self.current_a = 0.0
        self.power_w = 0.0
        self.asked_w = 0.0  # by the battery
        self.wanted_w = 0.0  # what the car would take were it alone at the cabinet
        self.offered_w = 0.0  # what it may take
        self.step = 0
        self.step_wh = 0.0
        self.step_end_percent = 0.0
        self.step_end_s = inf

    def copy(self) -> Gun:
        """Another gun in the same state, to look ahead with."""
        other = Gun.__new__(Gun)
        for name in Gun.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    # What may be asked at any time up to `due_s`.

    @property
    def due_s(self) -> float:
        """When the gun changes of its own accord; inf for never."""
        return self.phase_end_s if self.phase_end_s < self.step_end_s else self.step_end_s

    def shown_phase(self) -> Phase:
        """The phase as others see it."""
        if self.phase is not Phase.CONSTANT and self.phase is not Phase.RAMP:
            return self.phase
        if self.limit_w == 0.0 or self.lacks_modules:
            return Phase.HELD
        is_battery_deciding = self.power_w >= self.asked_w * (1.0 - 1e-9)
        if self.phase is Phase.CONSTANT and self.step > self.peak_step and is_battery_deciding:
            return Phase.TAPER
        return self.phase

    def energy_at(self, now: float) -> float:
        """The meter's register in Wh."""
        return self.energy_wh + self._given_wh(now)

    def soc_at(self, now: float) -> float:
        """The car's state of charge in percent."""
        if now >= self.step_end_s:
            return self.step_end_percent
        return self._soc_after(self._given_wh(now))

    def energy_and_soc_at(self, now: float) -> tuple[float, float]:
        """The register and the state of charge, as `energy_at` and `soc_at` say; a sample needs both."""
        given_wh = self._given_wh(now)
        soc_percent = self.step_end_percent if now >= self.step_end_s else self._soc_after(given_wh)
        return self.energy_wh + given_wh, soc_percent

    def _soc_after(self, given_wh: float) -> float:
        if self.car is None or self.power_w == 0.0:
            return self.soc_percent
        soc_percent = self.soc_percent + self.car.rise_percent(given_wh)
        return soc_percent if soc_percent < self.step_end_percent else self.step_end_percent

    def _given_wh(self, now: float) -> float:
        # Never more than the step holds: the register must not fall back by a last digit when the step ends.
        if self.power_w == 0.0:
            return 0.0
        if now >= self.step_end_s:
            return self.step_wh
        return min(self.power_w * (now - self.anchor_s) / SECONDS_AN_HOUR, self.step_wh)

    # What limits the flow from here on.

    def most_w(self) -> float:
        """What the gun, its cable and the station's orders allow; 0 with the contactor open."""
        if self.closed is Closed.NO:
            return 0.0
        figures = self.figures
        most_w = figures.cable_current_a * self.voltage_v
        if most_w > figures.limit_w:
            most_w = figures.limit_w
        return most_w if self.limit_w is None or self.limit_w > most_w else self.limit_w

    def limited_w(self) -> float:
        """The same with the contactor open or closed; the cable counts where there is a voltage."""
        if self.closed is not Closed.NO:
            return self.most_w()
        return self.figures.limit_w if self.limit_w is None else min(self.limit_w, self.figures.limit_w)

    def _wish_w(self, car: Car) -> float:
        """What the car would take were it alone, at a limit that lets it take anything."""
        wish_w, carried_w = self.most_w(), car.max_current_a * self.voltage_v
        if wish_w > carried_w:
            wish_w = carried_w
        if wish_w > self.asked_w:
            wish_w = self.asked_w
        if self.phase is Phase.RAMP:
            return min(wish_w, self.cabinet.ramp[self.place].share * self.figures.limit_w)
        return wish_w

    def take(self, supply: Supply, modules: int) -> float:
        """Have so many modules: what the car takes of them, in W.

        At a setpoint of 0 they are at most the gun's home share, and each leaks its residual current.
        """
        is_drawing = self.closed is Closed.DRAWING
        self.lacks_modules = is_drawing and modules == 0
        if is_drawing and self.limit_w == 0.0:
            guns = len(self.cabinet.guns)
            self.modules = modules = min(modules, (supply.modules + guns - self.connector) // guns)
            assert self.car is not None, "only a car draws"
            most_a = min(supply.residual_a * modules, self.figures.cable_current_a, self.car.max_current_a)
            return min(most_a * self.voltage_v, self.figures.limit_w, self.asked_w)
        self.modules = modules
        modules_w = modules * supply.module_w
        return self.wanted_w if self.wanted_w < modules_w else modules_w

    # What changes the gun. The cabinet deals anew after each.

    def plug(self, car: Car) -> None:
        """Hang a car on it."""
        self.car, self.soc_percent, self.paused = car, float(car.soc_percent), False
        self.asked_table_w, self.voltage_table_v = asked_table_w, _ = car.tables()
        self.peak_step = max(range(STEPS), key=lambda step: (asked_table_w[step], step))
        self.next_pause = sum(soc_percent <= self.soc_percent for soc_percent, _ in car.pauses)

    def unplug(self, now: float) -> None:
        """Take the car away; what goes on ends at once."""
        self.go_dark()
        self.settle(now)
        self.car, self.soc_percent = None, 0.0
        self.asked_table_w = self.voltage_table_v = NOTHING

    def close(self, now: float) -> None:
        """Begin a session, or begin it anew after it was opened. Nothing without a car or in a session."""
        if self.car is not None and self.closed is Closed.NO:
            self._begin_stage(0, now)

    def open(self, now: float) -> None:
        """End the session: the power is off at once, the checks follow."""
        if self.closed is not Closed.NO:
            self._end_stage(0, now)

    def go_dark(self) -> None:
        """Without power or without a plug there is nothing to check."""
        self._enter(Phase.IDLE)
        self.phase_end_s = inf

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.closed = _CLOSED[phase]
        if self.closed is not Closed.DRAWING:
            self.lacks_modules = self.was_told = False

    def _begin_stage(self, place: int, now: float) -> None:
        stage = self.cabinet.start[place]
        self._enter(stage.phase)
        self.place, self.phase_end_s = place, now + stage.duration_s

    def _end_stage(self, place: int, now: float) -> None:
        stage = self.cabinet.end[place]
        self._enter(stage.phase)
        self.place, self.phase_end_s = place, now + stage.duration_s

    def _ramp_step(self, place: int, now: float) -> None:
        ramp = self.cabinet.ramp
        if place < len(ramp):
            self._enter(Phase.RAMP)
            self.place, self.phase_end_s = place, now + ramp[place].duration_s
        else:
            self._enter(Phase.CONSTANT)
            self.phase_end_s = inf

    def pass_due(self) -> Event | None:
        """Go through the change at `due_s`; the event if there is one."""
        if self.phase_end_s <= self.step_end_s:
            return self._pass_phase(self.phase_end_s)
        self.settle(self.step_end_s)
        assert self.car is not None, "only a car's battery has steps"
        if self.soc_percent >= self.car.stop_at_soc_percent:
            return self.ask(self.anchor_s)
        if self.next_pause < len(self.car.pauses) and self.soc_percent >= self.car.pauses[self.next_pause][0]:
            return self._pause_by_itself(self.car.pauses[self.next_pause][1])
        return None

    def _pause_by_itself(self, duration_s: float) -> Event:
        """The car takes nothing for a while, as cars do to look after their batteries."""
        self.next_pause += 1
        self._enter(Phase.PAUSED)
        self.phase_end_s = self.anchor_s + duration_s
        return VehiclePaused(self.connector)

    def _pass_phase(self, now: float) -> Event | None:
        """A phase, or a step of the ramp, is over."""
        self.settle(now)
        ended, place = self.phase, self.place + 1
        if self.closed is Closed.NO:
            if place < len(self.cabinet.end):
                self._end_stage(place, now)
            else:
                self.go_dark()
            return None
        if self.car is not None and self.car.fails_in is ended:
            self._enter(Phase.FAILED)
            self.phase_end_s = inf
            return VehicleFailed(self.connector)
        if ended is Phase.RAMP:
            self._ramp_step(place, now)
            return None
        if ended is not Phase.PAUSED and place < len(self.cabinet.start):
            self._begin_stage(place, now)
            return None
        self.phase_end_s = inf
        return self.ask(now)

    @property
    def is_past_checks(self) -> bool:
        """Whether it is for the car to take energy or not."""
        return self.closed is Closed.DRAWING or self.phase is Phase.PAUSED

    def ask(self, now: float) -> Event | None:
        """Let the car decide again, checks being over, whether it takes energy; the event if that is new."""
        assert self.car is not None, "only a car decides"
        if not self.paused and self.soc_percent < self.car.stop_at_soc_percent:
            if self.closed is Closed.DRAWING:
                return None
            self._ramp_step(0, now)
            return VehicleDrawing(self.connector)
        if self.phase is Phase.PAUSED:
            return None
        self._enter(Phase.PAUSED)
        self.phase_end_s = inf
        return VehiclePaused(self.connector)

    def settle(self, now: float) -> None:
        """Move the anchor to `now`, end the flow, and see what the car would take from here on."""
        if self.power_w != 0.0:
            if now >= self.step_end_s:
                self.energy_wh += self.step_wh
                self.soc_percent = self.step_end_percent
            else:
                self.energy_wh, self.soc_percent = self.energy_and_soc_at(now)
            self.power_w = self.current_a = self.step_wh = 0.0
            self.step_end_s = inf
        self.anchor_s = now
        self.wanted_w = 0.0
        if self.car is None or self.closed is Closed.NO:
            self.voltage_v = 0.0
            return
        step = int(self.soc_percent)
        self.step = step = step if step < STEPS else STEPS - 1
        self.voltage_v = self.voltage_table_v[step]
        if self.closed is Closed.DRAWING:
            self.asked_w = self.asked_table_w[step]
            self.wanted_w = self._wish_w(self.car)

    def flow(self, power_w: float) -> None:
        """From the anchor on let this much flow, at most what is wanted."""
        if power_w <= 0.0:
            return
        assert self.car is not None, "only a car wants power"
        self.current_a = power_w / self.voltage_v
        self.power_w = self.voltage_v * self.current_a
        self._begin_step(self.car)

    def _begin_step(self, car: Car) -> None:
        """Say when the step of the battery ends that begins at the anchor, with the power that flows."""
        end_percent = int(self.soc_percent) + 1.0
        if end_percent > car.stop_at_soc_percent:
            end_percent = car.stop_at_soc_percent
        if self.next_pause < len(car.pauses) and end_percent > car.pauses[self.next_pause][0]:
            end_percent = car.pauses[self.next_pause][0]
        self.step_end_percent = end_percent
        self.step_wh = car.inlet_wh(end_percent - self.soc_percent)
        self.step_end_s = self.anchor_s + self.step_wh * SECONDS_AN_HOUR / self.power_w

    def pass_plain_step(self, supply: Supply, is_alone: bool) -> bool:
        """Go over the end of a step as `settle`, `take` and `flow` would, where only the battery's wish changes by it.

        That is nearly all that a long charge consists of. False, and nothing has happened, where more may change: at
        the end of the charge or before a pause of the car, in another phase, at a setpoint of 0, or when the gun could
        use another number of modules than before and is not alone. The station's limit must not bite.
        """
        car, soc_percent = self.car, self.step_end_percent
        if (
            car is None
            or self.phase is not Phase.CONSTANT
            or self.phase_end_s <= self.step_end_s
            or not self.modules
            or self.limit_w == 0.0
            or soc_percent >= car.stop_at_soc_percent
            or (self.next_pause < len(car.pauses) and soc_percent >= car.pauses[self.next_pause][0])
        ):
            return False
        step = int(soc_percent)
        figures, voltage_v, asked_w = self.figures, self.voltage_table_v[step], self.asked_table_w[step]
        most_w, carried_w = figures.cable_current_a * voltage_v, car.max_current_a * voltage_v
        if most_w > figures.limit_w:
            most_w = figures.limit_w
        if self.limit_w is not None and most_w > self.limit_w:
            most_w = self.limit_w
        wanted_w = most_w if most_w < carried_w else carried_w
        if wanted_w > asked_w:
            wanted_w = asked_w
        if wanted_w <= 0.0 or not (is_alone or self.need == int(-(-wanted_w // supply.module_w))):
            return False
        modules_w = self.modules * supply.module_w
        self.anchor_s, self.soc_percent, self.step = self.step_end_s, soc_percent, step
        self.energy_wh += self.step_wh
        self.voltage_v, self.asked_w, self.wanted_w = voltage_v, asked_w, wanted_w
        self.offered_w = most_w if most_w < modules_w else modules_w
        self.current_a = (wanted_w if wanted_w < modules_w else modules_w) / voltage_v
        self.power_w = voltage_v * self.current_a
        self._begin_step(car)
        return True
