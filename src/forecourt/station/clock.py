"""The station's clock: its own time line plus an offset, which the supervision's `currentTime` corrects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import msgspec

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Outside of these no clock is right, and the years 1 and 9999 would leave no room for what is reckoned from them."""

Moment: TypeAlias = Annotated[float, msgspec.Meta(ge=-62_135_596_800.0, le=253_402_300_799.0)]
"""Seconds since the epoch in a record, such as a date can hold: the years 1 to 9999."""

TOLERANCE_S = 1.0
"""A difference up to this is the network's delay and does not move the clock."""


def timestamp(clock_s: float) -> datetime:
    """The wall time `clock_s`, in seconds since the epoch, to the millisecond in UTC."""
    return datetime.fromtimestamp(round(clock_s * 1000) / 1000, UTC)


class Clock:
    """Wall time for a given `now`. Nothing else owns the offset."""

    __slots__ = ("_offset_s",)

    def __init__(self) -> None:
        self._offset_s = 0.0

    def wall(self, now: float) -> float:
        """Seconds since the epoch at `now`."""
        return now + self._offset_s

    def timestamp(self, now: float) -> datetime:
        """The wall time at `now` as it is written into messages."""
        return timestamp(now + self._offset_s)

    def whole_second(self, now: float) -> datetime:
        """The wall time at `now`, which is a deadline set for a whole second, without its rounding error."""
        return timestamp(round(now + self._offset_s))

    def start(self, clock_s: float, now: float) -> None:
        """Take the time of the real-time clock when the station wakes."""
        self._offset_s = clock_s - now

    def correct(self, current_time: datetime, now: float) -> bool:
        """Take the supervision's time; return whether the clock really moved. A nonsensical time moves nothing."""
        if not EARLIEST <= current_time < LATEST:
            return False
        offset_s = current_time.timestamp() - now
        if abs(offset_s - self._offset_s) <= TOLERANCE_S:
            return False
        self._offset_s = offset_s
        return True
