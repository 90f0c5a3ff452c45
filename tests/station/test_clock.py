from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from forecourt.station.clock import Clock, timestamp

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    """A clock that says noon at 100 s."""
    clock = Clock()
    clock.start(NOON.timestamp(), 100.0)
    return clock


def test_clock_goes_on_from_what_the_real_time_clock_showed(clock: Clock) -> None:
    assert clock.timestamp(100.0) == NOON
    assert clock.timestamp(161.5) == NOON + timedelta(seconds=61.5)
    assert clock.wall(110.0) == NOON.timestamp() + 10


def test_clock_takes_the_time_it_is_told_and_says_whether_it_moved(clock: Clock) -> None:
    assert clock.correct(NOON + timedelta(hours=1), 100.0)
    assert clock.timestamp(101.0) == NOON + timedelta(hours=1, seconds=1)
    assert clock.correct(NOON, 101.0)
    assert clock.timestamp(101.0) == NOON


@pytest.mark.parametrize("late_s", [-1.0, -0.3, 0.0, 0.3, 1.0])
def test_clock_stays_when_the_difference_is_the_delay_of_the_network(clock: Clock, late_s: float) -> None:
    assert not clock.correct(NOON + timedelta(seconds=late_s), 100.0)
    assert clock.timestamp(100.0) == NOON


@pytest.mark.parametrize("year", [1, 1969, 9000, 9999])
def test_clock_takes_no_time_of_a_year_in_which_no_clock_is_right(clock: Clock, year: int) -> None:
    assert not clock.correct(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC), 100.0)
    assert clock.timestamp(1e9) == NOON + timedelta(seconds=1e9 - 100)


def test_timestamps_are_whole_milliseconds_in_utc() -> None:
    assert timestamp(1.0004999) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert timestamp(1.0005001) == datetime(1970, 1, 1, 0, 0, 1, 1000, tzinfo=UTC)
    assert timestamp(0.0).tzinfo is UTC


def test_clock_gives_a_whole_second_when_a_deadline_was_set_for_one(clock: Clock) -> None:
    assert clock.whole_second(100.0 + 1e-9) == NOON
    assert clock.whole_second(160.0 - 1e-9) == NOON + timedelta(minutes=1)
