"""What a cabinet is made of, in plain numbers; the catalogue of models supplies them."""

from __future__ import annotations

from itertools import pairwise
from math import fsum

import msgspec

from forecourt.cabinet.car import OutputType
from forecourt.cabinet.phases import ASSUMED_END, ASSUMED_RAMP, ASSUMED_START, RampStep, Stage


class GunFigures(msgspec.Struct, frozen=True, gc=False):
    """One gun and its cable."""

    output: OutputType
    limit_w: float
    """The most that this gun gives (ConnectorXLimitedPower)."""
    cable_current_a: float
    """The most that its cable carries."""


class CabinetFigures(msgspec.Struct, frozen=True, gc=False):
    """A cabinet with one gun or two."""

    station_limit_w: float
    """The most that all guns give together, at the DC outlets (ChargeLimitedPower)."""
    guns: tuple[GunFigures, ...]
    module_w: float = 30_000.0
    """Power of one module; assumed, the guide does not say (facts A26)."""
    residual_a: float = 0.5
    """What each module of a gun still gives at a setpoint of 0 (guide, smart charging)."""
    start: tuple[Stage, ...] = ASSUMED_START
    """From closing the contactor to the first energy."""
    ramp: tuple[RampStep, ...] = ASSUMED_RAMP
    """How the power rises then."""
    end: tuple[Stage, ...] = ASSUMED_END
    """From opening the contactor to the free plug."""
    module_efficiency: float = 0.95
    """DC power of a module as a share of its AC power; assumed, 94 % to 96 % are usual for this class."""
    standby_w: float = 150.0
    """What controller, screen and fans take from the grid beside the modules; assumed."""

    def __post_init__(self) -> None:
        assert len(self.guns) in (1, 2), "a cabinet has one gun or two"
        positive = (self.station_limit_w, self.module_w, *(gun.limit_w for gun in self.guns))
        assert all(value > 0 for value in positive), "a cabinet's powers are above 0"
        assert all((self.start, self.end)), "a session begins and ends with a phase"
        spans_s = [stage.duration_s for stage in (*self.start, *self.end)]
        assert all(span_s >= 0 for span_s in spans_s), "phases take no negative time"
        assert all(0 < step.share <= 1 < step.duration_s + 1 for step in self.ramp), "a ramp has shares up to 1"
        assert all(left.share < right.share for left, right in pairwise(self.ramp)), "a ramp rises"
        assert 0 < self.module_efficiency <= 1, "modules give no more than they take"

    @property
    def modules(self) -> int:
        """How many modules the cabinet holds: whole ones that make up its power, at least one a gun."""
        return max(len(self.guns), int(-(-self.station_limit_w // self.module_w)))

    @property
    def start_s(self) -> float:
        """From closing the contactor to the first energy."""
        return fsum(stage.duration_s for stage in self.start)

    @property
    def ramp_s(self) -> float:
        """From the first energy to the whole power."""
        return fsum(step.duration_s for step in self.ramp)
