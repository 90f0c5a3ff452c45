"""The wall clock, at its own pace or sped up.

A station's time is `now()`: monotonic seconds from the clock's start. Wall time is `wall()`: seconds since the epoch
on the same line, so that ten sped-up minutes are ten minutes in every record. Only this file reads the real clocks.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from collections.abc import Callable

SPEED_MAXIMUM = 10_000.0
"""Beyond this a millisecond of the host is ten seconds of the station, and nothing that is read makes sense."""


class SpeedError(ForecourtError):
    """A clock was asked for with a speed that it cannot run at."""


class Clock:
    """Station time and wall time that both run `speed` times as fast as the host's clock.

    `wall_origin` is what the wall clock shows at the start, in seconds since the epoch; None for the host's own.
    """

    __slots__ = ("_monotonic", "_origin_s", "_wall_origin_s", "speed")

    def __init__(
        self,
        speed: float = 1.0,
        *,
        wall_origin: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if not (math.isfinite(speed) and 0.0 < speed <= SPEED_MAXIMUM):
            raise SpeedError(f"A speed above 0 and up to {SPEED_MAXIMUM:g} was expected, {speed:g} came.")
        self.speed = speed
        self._monotonic = monotonic
        self._origin_s = monotonic()
        self._wall_origin_s = wall() if wall_origin is None else wall_origin

    def now(self) -> float:
        """Station seconds since the clock's start. Never goes back."""
        return (self._monotonic() - self._origin_s) * self.speed

    def wall(self) -> float:
        """Seconds since the epoch at this moment."""
        return self._wall_origin_s + self.now()

    def wall_at(self, now: float) -> float:
        """Seconds since the epoch at the station time `now`."""
        return self._wall_origin_s + now

    def real_delay_s(self, deadline: float) -> float:
        """Real seconds until the station time `deadline`; 0 when it has passed."""
        return max(0.0, (deadline - self.now()) / self.speed)

    def after_real(self, now: float, delay_s: float) -> float:
        """The station time that is `delay_s` real seconds after the station time `now`."""
        return now + delay_s * self.speed
