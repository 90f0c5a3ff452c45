"""Charging profiles over time, against an interpreter that knows only the rules and is asked for every second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.ocpp.smart_charging import ChargingProfile
from forecourt.station.composite import Limit, capped, first_millisecond, limits, milliseconds, periods, total

BASE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BASE_MS = 1_772_438_400_000
DAY_S, WEEK_S = 86_400, 604_800
RECURRENCE_S = {None: 0, "Daily": DAY_S, "Weekly": WEEK_S}


def moment(seconds: float) -> str:
    return (BASE + timedelta(seconds=seconds)).isoformat()


def profile(
    rows: list[tuple[int, float]],
    *,
    level: int = 0,
    purpose: str = "TxDefaultProfile",
    kind: str = "Absolute",
    recurrency: str | None = None,
    start_s: float | None = 0.0,
    duration_s: int | None = None,
    valid_from_s: float | None = None,
    valid_to_s: float | None = None,
) -> ChargingProfile:
    """A profile whose times are seconds since `BASE`."""
    schedule: dict[str, Any] = {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": start, "limit": limit} for start, limit in rows],
    }
    fields: dict[str, Any] = {
        "chargingProfileId": 1,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
    }
    if start_s is not None and kind != "Relative":
        schedule["startSchedule"] = moment(start_s)
    if duration_s is not None:
        schedule["duration"] = duration_s
    if recurrency is not None:
        fields["recurrencyKind"] = recurrency
    if valid_from_s is not None:
        fields["validFrom"] = moment(valid_from_s)
    if valid_to_s is not None:
        fields["validTo"] = moment(valid_to_s)
    return msgspec.convert(fields, ChargingProfile)


def swept(profiles: list[ChargingProfile], begin_s: float, end_s: float, started_s: float = 0.0) -> list[Any]:
    """The limits as (seconds since BASE, limit)."""
    found = limits(profiles, ms(started_s), ms(begin_s), ms(end_s))
    return [((limit.at_ms - BASE_MS) / 1000, limit.limit_w) for limit in found]


def ms(seconds: float) -> int:
    return BASE_MS + round(seconds * 1000)


# The interpreter: one moment at a time, in whole microseconds, as facts §7.3 say it.


def limit_at(profiles: list[ChargingProfile], at: datetime, started: datetime) -> float | None:
    for purpose in ("TxProfile", "TxDefaultProfile"):
        giving = [
            (one.stackLevel, limit)
            for one in profiles
            if one.chargingProfilePurpose == purpose and (limit := own_limit(one, at, started)) is not None
        ]
        if giving:
            return max(giving)[1]
    return None


def own_limit(one: ChargingProfile, at: datetime, started: datetime) -> float | None:
    if isinstance(one.validFrom, datetime) and at < one.validFrom:
        return None
    if isinstance(one.validTo, datetime) and at >= one.validTo:
        return None
    schedule = one.chargingSchedule
    start = schedule.startSchedule if isinstance(schedule.startSchedule, datetime) else started
    offset = at - start
    if offset < timedelta(0):
        return None
    recurrence_s = RECURRENCE_S[one.recurrencyKind if isinstance(one.recurrencyKind, str) else None]
    if recurrence_s:
        offset = offset % timedelta(seconds=recurrence_s)
    if isinstance(schedule.duration, int) and offset >= timedelta(seconds=schedule.duration):
        return None
    passed = [row.limit for row in schedule.chargingSchedulePeriod if timedelta(seconds=row.startPeriod) <= offset]
    return passed[-1]


NEAR = st.one_of(st.integers(-40, 60).map(float), st.integers(-40_000_000, 60_000_000).map(lambda us: us / 1e6))
"""A moment near the window, in seconds since BASE, often not a whole one."""

ROWS = st.lists(st.integers(1, 90), unique=True, max_size=6).flatmap(
    lambda starts: st.lists(
        st.sampled_from([0.0, 1000.0, 2000.5, 30_000.0, 180_000.0]), min_size=len(starts) + 1, max_size=len(starts) + 1
    ).map(lambda watts: list(zip([0, *sorted(starts)], watts, strict=True)))
)


@st.composite
def profiles(draw: st.DrawFn) -> ChargingProfile:
    kind = draw(st.sampled_from(["Absolute", "Relative", "Recurring"]))
    recurrency = draw(st.sampled_from(["Daily", "Weekly"])) if kind == "Recurring" else None
    recurrence_s = RECURRENCE_S[recurrency]
    before = draw(st.integers(-1, 3)) * recurrence_s
    rows = draw(ROWS)
    if recurrence_s and draw(st.booleans()):
        rows += [(recurrence_s - 20, 4000.0), (recurrence_s + 10, 5000.0)]
    return profile(
        rows,
        level=draw(st.integers(0, 20)),
        purpose=draw(st.sampled_from(["TxProfile", "TxDefaultProfile"])),
        kind=kind,
        recurrency=recurrency,
        start_s=draw(NEAR) - before,
        duration_s=draw(st.one_of(st.none(), st.integers(1, 100), st.integers(recurrence_s, recurrence_s + 100)))
        or None,
        valid_from_s=draw(st.one_of(st.none(), NEAR)),
        valid_to_s=draw(st.one_of(st.none(), NEAR)),
    )


STACKS = st.lists(profiles(), max_size=6, unique_by=lambda one: (one.chargingProfilePurpose, one.stackLevel))


@settings(deadline=None, max_examples=60)
@given(STACKS, NEAR, st.integers(1, 80), st.integers(-5_000, 5_000).map(lambda ms: ms / 1000))
def test_schedule_is_at_each_of_its_seconds_what_the_rules_give_then(
    stack: list[ChargingProfile], started_s: float, duration_s: int, begin_s: float
) -> None:
    begin = BASE + timedelta(seconds=begin_s)
    started = BASE + timedelta(milliseconds=round(started_s * 1000))
    found = limits(stack, ms(started_s), ms(begin_s), ms(begin_s + duration_s))
    rows = periods(capped(found, 150_000.0), duration_s)
    written = dict.fromkeys(range(duration_s), 0.0)
    for row, following in zip(rows, [*(row.startPeriod for row in rows[1:]), duration_s], strict=True):
        written.update(dict.fromkeys(range(row.startPeriod, following), row.limit))
    for second in range(duration_s):
        limit_w = limit_at(stack, begin + timedelta(seconds=second), started)
        assert written[second] == (150_000.0 if limit_w is None else min(limit_w, 150_000.0)), second


@settings(deadline=None, max_examples=60)
@given(STACKS, NEAR, st.integers(1, 80))
def test_limit_changes_at_the_very_millisecond_and_at_no_other(
    stack: list[ChargingProfile], started_s: float, duration_s: int
) -> None:
    started = BASE + timedelta(milliseconds=round(started_s * 1000))
    found = limits(stack, ms(started_s), BASE_MS, ms(duration_s))
    assert found[0].at_ms == BASE_MS
    for one, following in pairwise([*found, Limit(ms(duration_s), None)]):
        assert one.at_ms < following.at_ms
        for at_ms in (one.at_ms, following.at_ms - 1):
            at = BASE + timedelta(milliseconds=at_ms - BASE_MS)
            assert limit_at(stack, at, started) == one.limit_w
    assert all(one.limit_w != following.limit_w for one, following in pairwise(found))


@settings(deadline=None, max_examples=60)
@given(st.lists(STACKS, min_size=2, max_size=2), NEAR)
def test_total_is_at_each_moment_the_sum_of_its_parts(stacks: list[list[ChargingProfile]], started_s: float) -> None:
    parts = [capped(limits(stack, ms(started_s), BASE_MS, ms(80)), 62_000.0) for stack in stacks]
    whole = periods(total(parts), 80)
    each = [periods(part, 80) for part in parts]
    for second in range(80):
        shares = [[row.limit for row in rows if row.startPeriod <= second][-1] for rows in each]
        assert [row.limit for row in whole if row.startPeriod <= second][-1] == pytest.approx(sum(shares), abs=0.05)


# What the rules say, one by one.


def test_without_profiles_there_is_no_limit() -> None:
    assert swept([], 0, 100) == [(0, None)]


def test_last_period_of_a_schedule_without_duration_lasts_for_ever() -> None:
    assert swept([profile([(0, 5000), (60, 7000)])], 30, 10**9) == [(30, 5000), (60, 7000)]


def test_periods_beyond_the_duration_are_not_executed() -> None:
    assert swept([profile([(0, 5000), (60, 7000), (90, 9000)], duration_s=90)], 0, 200) == [
        (0, 5000),
        (60, 7000),
        (90, None),
    ]


def test_absolute_schedule_gives_nothing_before_its_start() -> None:
    assert swept([profile([(0, 5000)], start_s=20)], 0, 60) == [(0, None), (20, 5000)]


def test_relative_schedule_counts_from_the_start_of_the_transaction() -> None:
    assert swept([profile([(0, 5000), (30, 7000)], kind="Relative")], 0, 60, started_s=-10) == [(0, 5000), (20, 7000)]


@pytest.mark.parametrize(("recurrency", "recurrence_s"), [("Daily", DAY_S), ("Weekly", WEEK_S)])
def test_recurring_schedule_begins_anew_and_leaves_a_gap_after_its_duration(recurrency: str, recurrence_s: int) -> None:
    recurring = profile([(0, 5000), (30, 7000)], kind="Recurring", recurrency=recurrency, duration_s=60)
    cycle = [(0, 5000), (30, 7000), (60, None)]
    expected = [(n * recurrence_s + at, limit) for n in (5, 6) for at, limit in cycle]
    assert swept([recurring], 5 * recurrence_s, 7 * recurrence_s) == expected
    assert swept([recurring], -2 * recurrence_s, 10)[:2] == [(-2 * recurrence_s, None), (0, 5000)]


def test_recurring_schedule_ends_with_its_recurrence_whatever_its_periods_say() -> None:
    endless = profile([(0, 5000), (DAY_S - 10, 6000), (DAY_S, 7000)], kind="Recurring", recurrency="Daily")
    assert swept([endless], DAY_S - 20, DAY_S + 20) == [(DAY_S - 20, 5000), (DAY_S - 10, 6000), (DAY_S, 5000)]


def test_highest_level_prevails_and_a_lower_one_fills_its_gaps() -> None:
    low, high = profile([(0, 3000)], level=1), profile([(0, 9000)], level=2, start_s=20, duration_s=20)
    assert swept([high, low], 0, 60) == [(0, 3000), (20, 9000), (40, 3000)]


def test_transactions_profile_overrules_defaults_of_any_level() -> None:
    default, own = profile([(0, 3000)], level=20), profile([(0, 9000)], purpose="TxProfile", start_s=20, duration_s=20)
    assert swept([default, own], 0, 60) == [(0, 3000), (20, 9000), (40, 3000)]


def test_validity_cuts_a_profile_at_both_ends() -> None:
    assert swept([profile([(0, 3000)], start_s=-100, valid_from_s=10, valid_to_s=30)], 0, 60) == [
        (0, None),
        (10, 3000),
        (30, None),
    ]


def test_equal_neighbours_are_one() -> None:
    assert swept([profile([(0, 3000), (10, 3000), (20, 4000)])], 0, 60) == [(0, 3000), (20, 4000)]


def test_end_of_the_window_is_no_change() -> None:
    assert swept([profile([(0, 3000)], duration_s=60)], 0, 60) == [(0, 3000)]


def test_change_within_a_second_shows_at_the_next_whole_one() -> None:
    found = [Limit(BASE_MS, 5000.0), Limit(BASE_MS + 1, 4000.0), Limit(BASE_MS + 999, 3000.0)]
    assert [(row.startPeriod, row.limit) for row in periods(found, 60)] == [(0, 5000.0), (1, 3000.0)]
    assert [(row.startPeriod, row.limit) for row in periods(found, 1)] == [(0, 5000.0)]


def test_finer_moment_than_a_millisecond_is_rounded_up() -> None:
    assert first_millisecond(BASE) == BASE_MS == milliseconds(BASE.timestamp())
    assert first_millisecond(BASE + timedelta(microseconds=1)) == BASE_MS + 1
    assert first_millisecond(BASE - timedelta(microseconds=1)) == BASE_MS


def test_sum_has_one_decimal() -> None:
    parts = [[Limit(0, 8100.1)], [Limit(0, 21400.2), Limit(1000, 0.0)]]
    assert total(parts) == [Limit(0, 29500.3), Limit(1000, 8100.1)]


def test_far_moments_cost_nothing() -> None:
    far = profile([(0, 3000), (2**62, 4000)], kind="Recurring", recurrency="Daily", duration_s=2**62)
    ancient = msgspec.structs.replace(
        far, chargingSchedule=msgspec.structs.replace(far.chargingSchedule, startSchedule=datetime(1, 1, 2, tzinfo=UTC))
    )
    assert [limit.limit_w for limit in limits([ancient], BASE_MS, BASE_MS, BASE_MS + 1000)] == [3000]
