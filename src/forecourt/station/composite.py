"""What charging profiles amount to over time (OCPP 1.6 §3.13, §5.16.4; facts §7.1, §7.3). Pure functions of profiles.

Theory of operation. A profile is a rule that gives a limit at some moments and none at others. Of the profiles of one
purpose that give one, that with the highest stackLevel prevails; a TxProfile that gives one prevails over every
TxDefaultProfile. So profiles have an order, and the limit at a moment is that of the highest one that gives one.

`limits` sweeps a window once. Every profile is unrolled into *steps* (from this moment on, this limit or none), the
steps are sorted by time, and after each the highest profile with a limit is the highest bit of a mask. With n steps
that is n log n. Times are whole milliseconds since the epoch, as timestamps are written; a finer one is rounded up,
which for moments on the grid is the same. Beginnings are inclusive, ends exclusive. A recurring profile counts from its
startSchedule on, not before, and never past its recurrence.

`periods` writes limits down for GetCompositeSchedule, in whole seconds: a change within a second shows at the next
whole one, so that the schedule is right at each of its seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from forecourt.ocpp.smart_charging import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingSchedulePeriod,
    RecurrencyKind,
)
from forecourt.ocpp.types import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forecourt.ocpp.smart_charging import ChargingProfile, ChargingSchedule

RECURRENCE_MS = {RecurrencyKind.Daily: 86_400_000, RecurrencyKind.Weekly: 604_800_000}

FOREVER_MS = 1 << 80
"""Later than anything that 64-bit seconds can express."""

MILLISECOND = timedelta(milliseconds=1)

Step: TypeAlias = tuple[int, int, float | None]
"""From a moment on, which profile (its place in the order) gives which limit; None: it gives none."""


class Limit(msgspec.Struct, frozen=True, gc=False):
    """From a moment on, until the next one."""

    at_ms: int
    limit_w: float | None
    """None: no profile gives a limit."""


def milliseconds(clock_s: float) -> int:
    """Seconds since the epoch as whole milliseconds, as a timestamp is written."""
    return round(clock_s * 1000)


def first_millisecond(moment: datetime) -> int:
    """The first whole millisecond since the epoch that is not before a moment."""
    return -((EPOCH - moment) // MILLISECOND)


def limits(profiles: Sequence[ChargingProfile], started_ms: int, begin_ms: int, end_ms: int) -> list[Limit]:
    """The limit over `[begin_ms, end_ms)`: the first at `begin_ms`, then every change.

    `started_ms` is the start of the transaction, from which Relative profiles count. At most one profile of a purpose
    and stackLevel may be given: choosing among those of several connectors is the caller's.
    """
    steps = sorted(
        chain.from_iterable(
            _steps(profile, place, started_ms, begin_ms, end_ms)
            for place, profile in enumerate(sorted(profiles, key=_order))
        ),
        key=itemgetter(0),  # of one moment they stay in order: the end of one recurrence, then the begin of the next
    )
    present = [0.0] * len(profiles)
    giving = 0
    found = [Limit(begin_ms, None)]
    for at_ms, place, limit_w in steps:
        if limit_w is None:
            giving &= ~(1 << place)
        else:
            giving |= 1 << place
            present[place] = limit_w
        _note(found, at_ms, present[giving.bit_length() - 1] if giving else None)
    return found


def _order(profile: ChargingProfile) -> tuple[bool, int]:
    """The higher prevails: TxProfile over TxDefaultProfile, then by stackLevel."""
    return profile.chargingProfilePurpose is ChargingProfilePurpose.TxProfile, profile.stackLevel


def _note(found: list[Limit], at_ms: int, limit_w: float | None) -> None:
    """Put a limit at the end; it takes the place of one of the same moment and vanishes into an equal one."""
    if found and found[-1].at_ms == at_ms:
        found.pop()
    if not found or found[-1].limit_w != limit_w:
        found.append(Limit(at_ms, limit_w))


def _steps(profile: ChargingProfile, place: int, started_ms: int, begin_ms: int, end_ms: int) -> Iterator[Step]:
    """One profile unrolled over a window, in order of time."""
    first_ms = max(begin_ms, _moment_ms(profile.validFrom, begin_ms))
    last_ms = min(end_ms, _moment_ms(profile.validTo, end_ms))
    for start_ms, stop_ms in _runs(profile, started_ms, first_ms, last_ms):
        from_ms, to_ms = max(start_ms, first_ms), min(stop_ms, last_ms)
        if from_ms < to_ms:
            for at_ms, limit_w in _pieces(profile.chargingSchedule, start_ms, from_ms, to_ms):
                yield at_ms, place, limit_w
            if to_ms < end_ms:
                yield to_ms, place, None


def _runs(profile: ChargingProfile, started_ms: int, first_ms: int, last_ms: int) -> Iterator[tuple[int, int]]:
    """From when to when the schedule runs, for each time that could touch the window."""
    schedule = profile.chargingSchedule
    lasts_ms = schedule.duration * 1000 if isinstance(schedule.duration, int) else FOREVER_MS
    if profile.chargingProfileKind is ChargingProfileKind.Relative:
        yield started_ms, started_ms + lasts_ms
        return
    start_ms = _moment_ms(schedule.startSchedule, started_ms)
    if not isinstance(profile.recurrencyKind, RecurrencyKind):
        yield start_ms, start_ms + lasts_ms
        return
    recurrence_ms = RECURRENCE_MS[profile.recurrencyKind]
    lasts_ms = min(lasts_ms, recurrence_ms)
    start_ms += max(0, (first_ms - start_ms) // recurrence_ms) * recurrence_ms
    while start_ms < last_ms:
        yield start_ms, start_ms + lasts_ms
        start_ms += recurrence_ms


def _pieces(schedule: ChargingSchedule, start_ms: int, from_ms: int, to_ms: int) -> Iterator[tuple[int, float]]:
    """The periods of one run within `[from_ms, to_ms)`, the first one cut to it."""
    rows = schedule.chargingSchedulePeriod
    running = bisect_right(rows, from_ms - start_ms, key=_start_ms) - 1
    yield from_ms, rows[running].limit
    for index in range(running + 1, len(rows)):
        at_ms = start_ms + _start_ms(rows[index])
        if at_ms >= to_ms:
            return
        yield at_ms, rows[index].limit


def _start_ms(period: ChargingSchedulePeriod) -> int:
    return period.startPeriod * 1000


def _moment_ms(moment: object, otherwise: int) -> int:
    return first_millisecond(moment) if isinstance(moment, datetime) else otherwise


# What is made of limits.


def capped(found: Sequence[Limit], most_w: float) -> list[Limit]:
    """The same with no limit above `most_w`, which also stands where there is none."""
    lower: list[Limit] = []
    for limit in found:
        _note(lower, limit.at_ms, most_w if limit.limit_w is None else min(limit.limit_w, most_w))
    return lower


def total(parts: Sequence[Sequence[Limit]]) -> list[Limit]:
    """The sum of several, each with a limit all the time, that begin at the same moment."""
    present = [0.0] * len(parts)
    found: list[Limit] = []
    changes = sorted((limit.at_ms, index, limit.limit_w) for index, part in enumerate(parts) for limit in part)
    for at_ms, index, limit_w in changes:
        assert limit_w is not None, "a sum needs a limit of each part"
        present[index] = limit_w
        _note(found, at_ms, round(sum(present), 1))
    return found


def periods(found: Sequence[Limit], duration_s: int) -> tuple[ChargingSchedulePeriod, ...]:
    """The limits, none of them absent, in whole seconds from the first one's moment; each with one decimal."""
    begin_ms = found[0].at_ms
    rows: list[tuple[int, float]] = []
    for limit in found:
        start_s = -((begin_ms - limit.at_ms) // 1000)
        if start_s >= duration_s:
            break
        assert limit.limit_w is not None, "a schedule needs a limit all the time"
        if rows and rows[-1][0] == start_s:
            rows.pop()
        if not rows or rows[-1][1] != limit.limit_w:
            rows.append((start_s, limit.limit_w))
    return tuple(ChargingSchedulePeriod(startPeriod=start_s, limit=limit_w) for start_s, limit_w in rows)
