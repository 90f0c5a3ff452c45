"""The vendor errors of the past, for the diagnostics: when each came and went.

Errors that are there now are with the connectors (`station.connector`); this is only a memory of the last `LIMIT`. It
outlives a power cut, as the errors before one are those that a technician asks for. What was there when the power went
has no end of its own: it is not known when it went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.evlink.faults import Scope, find_fault
from forecourt.station.clock import Moment
from forecourt.station.effects import Effect, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.clock import Clock

KIND = "errors"
KEY = "past"

LIMIT = 50
"""Errors kept; the oldest is dropped first."""


class PastError(msgspec.Struct, frozen=True, gc=False):
    """One vendor error."""

    dtc: str
    connector: int
    """0 for the station."""
    raised_s: Moment
    """Seconds since the epoch, by the station's clock."""
    cleared_s: Moment | None = None
    """None while it has not gone, as far as is known."""


NO_ERRORS: tuple[PastError, ...] = ()

_decoder = msgspec.json.Decoder(tuple[PastError, ...])
_encode = msgspec.json.Encoder().encode


class ErrorHistory:
    """The last errors of one station."""

    __slots__ = ("_clock", "_effects", "all")

    def __init__(self, records: Mapping[tuple[str, str], bytes], clock: Clock, effects: list[Effect]) -> None:
        self._clock = clock
        self._effects = effects
        self.all = self._restored(records.get((KIND, KEY)))
        """Oldest first."""

    def _restored(self, data: bytes | None) -> tuple[PastError, ...]:
        if data is None:
            return NO_ERRORS
        try:
            return _decoder.decode(data)
        except ValueError as error:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: {error}"))
            return NO_ERRORS

    def raised(self, dtc: str, connector: int, now: float) -> None:
        """An error appeared; one that is not known to have gone since is still the same."""
        fault = find_fault(dtc)
        number = connector if fault.scope is Scope.CONNECTOR else 0
        if not any((one.dtc, one.connector, one.cleared_s) == (fault.dtc, number, None) for one in self.all):
            self._keep((*self.all, PastError(fault.dtc, number, self._clock.wall(now)))[-LIMIT:])

    def cleared(self, dtc: str, connector: int, now: float) -> None:
        """An error went away."""
        fault, gone_s = find_fault(dtc), self._clock.wall(now)
        number = connector if fault.scope is Scope.CONNECTOR else 0

        def as_it_is(one: PastError) -> PastError:
            is_meant = (one.dtc, one.connector, one.cleared_s) == (fault.dtc, number, None)
            return msgspec.structs.replace(one, cleared_s=gone_s) if is_meant else one

        self._keep(tuple(as_it_is(one) for one in self.all))

    def within(self, from_s: float, until_s: float) -> tuple[PastError, ...]:
        """Those that were there at some time between two moments, in seconds since the epoch."""
        return tuple(
            one for one in self.all if one.raised_s <= until_s and (one.cleared_s is None or one.cleared_s >= from_s)
        )

    def _keep(self, errors: tuple[PastError, ...]) -> None:
        if errors != self.all:
            self.all = errors
            self._effects.append(SaveRecord(KIND, KEY, _encode(errors), gates=False))
