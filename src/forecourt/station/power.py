"""How much power each gun may give: the one owner of the limits that the cabinet is told.

Three things lower what a gun gives: its rating (ConnectorALimitedPower, ConnectorBLimitedPower), heat and fans
(`vendor_errors`), and charging profiles (`smart_charging`). Each says its figure here, the lowest goes to the cabinet,
and only when it changes. Connector 0 is all guns together (ChargeLimitedPower). A fourth takes power modules out; how
the rest is shared is the cabinet's matter. At the beginning of a life the cabinet has no limit but its hardware's.
All figures are DC power at the outlets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.evlink.faults import ASSUMED_DERATED_SHARE
from forecourt.station.effects import Effect, LimitPower, TakeModulesOut

if TYPE_CHECKING:
    from forecourt.evlink.models import Model
    from forecourt.station.configuration import Configuration

RATING_KEYS = ("ChargeLimitedPower", "ConnectorALimitedPower", "ConnectorBLimitedPower")
"""By connector: the key with its most power in kW."""

NONE: tuple[float | None, ...] = (None, None, None)
"""By connector; shared by all stations without limits."""


class Power:
    """The limits of one station."""

    __slots__ = ("_configuration", "_derated", "_effects", "_model", "_modules_out", "_profiles_w", "_told_w")

    def __init__(self, configuration: Configuration, model: Model, effects: list[Effect]) -> None:
        self._configuration = configuration
        self._model = model
        self._effects = effects
        self._profiles_w = NONE
        self._derated: tuple[int, ...] = ()
        self._told_w = NONE
        self._modules_out = 0

    # Reading.

    @property
    def derated(self) -> tuple[int, ...]:
        """The connectors with less power because of heat or a fan; 0 for the station."""
        return self._derated

    @property
    def modules_out(self) -> int:
        """How many power modules an error has taken out."""
        return self._modules_out

    def profile_w(self, connector: int) -> float | None:
        """What charging profiles allow a gun; None while none gives a limit."""
        return self._profiles_w[connector]

    def is_held(self, connector: int) -> bool:
        """Whether charging profiles allow a gun nothing (reading A26: SuspendedEVSE)."""
        return self._profiles_w[connector] == 0.0

    def most_w(self, connector: int) -> float:
        """What a gun, or with 0 the station, can give without regard to profiles."""
        own_w = self._own_w(connector)
        if connector:
            own_w = min(own_w, self._own_w(0))
        if self._modules_out:
            left = max(0, self._model.assumed_modules - self._modules_out)
            own_w = min(own_w, float(left * self._model.generation.assumed_module_w))
        return own_w

    def _own_w(self, connector: int) -> float:
        rated_w = self._configuration.integer(RATING_KEYS[connector]) * 1000.0
        return rated_w * ASSUMED_DERATED_SHARE if connector in self._derated else rated_w

    # What lowers it.

    def allow(self, connector: int, limit_w: float | None) -> None:
        """Charging profiles allow a gun this much now."""
        self._profiles_w = _with(self._profiles_w, connector, limit_w)
        self._tell(connector)

    def derate(self, connector: int, is_derated: bool) -> None:
        """A gun, or with 0 the station, is too hot for all of its power, or no longer is."""
        others = tuple(other for other in self._derated if other != connector)
        self._derated = (*others, connector) if is_derated else others
        self._tell(connector)

    def take_out(self, modules: int) -> None:
        """So many power modules deliver nothing now."""
        if modules != self._modules_out:
            self._modules_out = modules
            self._effects.append(TakeModulesOut(modules))

    def rating_changed(self) -> None:
        """The installer has set one of `RATING_KEYS`."""
        for connector in range(len(RATING_KEYS)):
            self._tell(connector)

    def begin(self) -> None:
        """A life begins: the cabinet knows of no limit."""
        self.rating_changed()

    def _tell(self, connector: int) -> None:
        limit_w = self._own_w(connector)
        profile_w = self._profiles_w[connector]
        if profile_w is not None:
            limit_w = min(limit_w, profile_w)
        model = self._model
        hardware_kw = model.connector_limited_kw[connector - 1] if connector else model.power_kw
        needed_w = limit_w if limit_w < hardware_kw * 1000.0 else None
        if needed_w != self._told_w[connector]:
            self._told_w = _with(self._told_w, connector, needed_w)
            self._effects.append(LimitPower(connector, needed_w))


def _with(values: tuple[float | None, ...], connector: int, value: float | None) -> tuple[float | None, ...]:
    if values[connector] == value:
        return values
    changed = (*values[:connector], value, *values[connector + 1 :])
    return NONE if changed == NONE else changed
