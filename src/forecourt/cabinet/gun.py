"""One gun: its meter, its contactor, and the car that hangs on it.

Between two moments of change a gun gives constant power at constant voltage. What it was at the last such moment is
kept (the anchor); everything since is a product of power and time. A gun changes at three kinds of moment: when
somebody does something to the cabinet, when its checks end, and when the car's battery reaches the next step of 1 %
(or the SoC at which the car stops). The last two are `due_s`, known in advance, and `pass_due` carries the gun over
them. Asking never moves the anchor, so it makes no difference how often one asks.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import TYPE_CHECKING

from forecourt.station.events import VehicleDrawing, VehiclePaused

if TYPE_CHECKING:
    from forecourt.cabinet.car import Car
    from forecourt.cabinet.figures import CabinetFigures
    from forecourt.station.events import Event

SECONDS_AN_HOUR = 3600.0


class Phase(Enum):
    """Where a gun is in its session; all but OPEN have the contactor closed."""

    OPEN = "contactor open"
    CHECKING = "before the first energy"
    DRAWING = "the car takes what it gets"
    PAUSED = "the car takes nothing"


class Gun:
    """The state of one gun. Only the cabinet touches it; all times are the cabinet's `now`."""

    __slots__ = (
        "anchor_s",
        "car",
        "checked_s",
        "connector",
        "current_a",
        "energy_wh",
        "figures",
        "limit_w",
        "offered_w",
        "paused",
        "phase",
        "power_w",
        "residual_a",
        "soc_percent",
        "step_end_percent",
        "step_end_s",
        "step_wh",
        "voltage_v",
        "wanted_w",
    )

    def __init__(self, connector: int, cabinet: CabinetFigures, energy_wh: float) -> None:
        self.connector = connector
        self.figures = cabinet.guns[connector - 1]
        self.residual_a = cabinet.residual_a * cabinet.modules(connector)
        self.car: Car | None = None
        self.phase = Phase.OPEN
        self.paused = False
        self.limit_w: float | None = None
        self.checked_s = inf

        # At the anchor; what happened since follows from the flow.
        self.anchor_s = -inf
        self.energy_wh = energy_wh
        self.soc_percent = 0.0

        # The flow since the anchor, until the step of the battery ends.
        self.voltage_v = 0.0
        self.current_a = 0.0
        self.power_w = 0.0
        self.wanted_w = 0.0  # what the car would take were it alone at the cabinet
        self.offered_w = 0.0  # what it may take
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
        return self.checked_s if self.phase is Phase.CHECKING else self.step_end_s

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
        if now >= self.step_end_s:
            return self.step_wh
        if self.power_w == 0.0:
            return 0.0
        return min(self.power_w * (now - self.anchor_s) / SECONDS_AN_HOUR, self.step_wh)

    # What limits the flow from here on.

    def cap_w(self) -> float:
        """What the gun, its cable and the station's limit allow; 0 with the contactor open."""
        if self.phase is Phase.OPEN:
            return 0.0
        cap_w = min(self.figures.limit_w, self.figures.cable_current_a * self.voltage_v)
        return cap_w if self.limit_w is None else min(cap_w, self.limit_w)

    def _wish_w(self, car: Car, step: int) -> float:
        if self.phase is not Phase.DRAWING:
            return 0.0
        allowed_w = self.residual_a * self.voltage_v if self.limit_w == 0.0 else self.cap_w()
        return min(allowed_w, self.figures.limit_w, car.asked_w(step), car.max_current_a * self.voltage_v)

    # What changes the gun. The cabinet deals anew after each.

    def pass_due(self) -> Event | None:
        """Go through the change at `due_s`; the event if there is one."""
        now = self.due_s
        if self.phase is Phase.CHECKING:
            self.checked_s = inf
            return self.ask()
        self.settle(now)
        assert self.car is not None, "only a car's battery has steps"
        return None if self.soc_percent < self.car.stop_at_soc_percent else self.ask()

    def ask(self) -> Event | None:
        """Let the car decide again, checks being over, whether it takes energy; the event if that is new."""
        assert self.car is not None, "only a car decides"
        takes = not self.paused and self.soc_percent < self.car.stop_at_soc_percent
        phase = Phase.DRAWING if takes else Phase.PAUSED
        if phase is self.phase:
            return None
        self.phase = phase
        return VehicleDrawing(self.connector) if takes else VehiclePaused(self.connector)

    def open(self) -> None:
        """Open the contactor."""
        self.phase = Phase.OPEN
        self.checked_s = inf

    def settle(self, now: float) -> None:
        """Move the anchor to `now`, end the flow, and see what the car would take from here on."""
        self.energy_wh, self.soc_percent = self.energy_at(now), self.soc_at(now)
        self.anchor_s = now
        self.power_w = self.current_a = self.voltage_v = self.wanted_w = self.step_wh = 0.0
        self.step_end_s = inf
        if self.car is not None and self.phase is not Phase.OPEN:
            step = min(int(self.soc_percent), 99)
            self.voltage_v = self.car.voltage_v(step)
            self.wanted_w = self._wish_w(self.car, step)

    def deal(self, power_w: float) -> None:
        """From the anchor on let this much flow, at most what is wanted."""
        if power_w <= 0.0:
            return
        assert self.car is not None, "only a car wants power"
        self.current_a = power_w / self.voltage_v
        self.power_w = self.voltage_v * self.current_a
        self.step_end_percent = min(float(int(self.soc_percent) + 1), self.car.stop_at_soc_percent)
        self.step_wh = self.car.inlet_wh(self.step_end_percent - self.soc_percent)
        self.step_end_s = self.anchor_s + self.step_wh * SECONDS_AN_HOUR / self.power_w
