"""What a cabinet is made of, in plain numbers; the catalogue of models supplies them."""

from __future__ import annotations

import msgspec

from forecourt.cabinet.car import OutputType


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
    """The most that all guns give together (ChargeLimitedPower)."""
    guns: tuple[GunFigures, ...]
    checks_s: float = 3.0
    """From closing the contactor to the first energy; our assumption of what insulation check and precharge take."""
    module_w: float = 30_000.0
    """Power of one module; assumed, the guide does not say (facts A26)."""
    residual_a: float = 0.5
    """What each module of a gun still gives at a setpoint of 0 (guide, smart charging)."""

    def __post_init__(self) -> None:
        assert len(self.guns) in (1, 2), "a cabinet has one gun or two"
        positive = (self.station_limit_w, self.module_w, *(gun.limit_w for gun in self.guns))
        assert all(value > 0 for value in positive), "a cabinet's powers are above 0"
        assert self.checks_s >= 0, "checks take no negative time"

    def modules(self, connector: int) -> int:
        """How many whole modules belong to a gun: shared evenly, an odd one to the first gun."""
        modules = max(len(self.guns), int(-(-self.station_limit_w // self.module_w)))
        return (modules + len(self.guns) - connector) // len(self.guns)
