"""The clock: one time line, at any speed."""

from __future__ import annotations

import math

import pytest

from forecourt.runtime.clock import SPEED_MAXIMUM, Clock, SpeedError


class HostClock:
    """A host whose time moves when the test says so."""

    def __init__(self) -> None:
        self.time_s = 5_000.0

    def __call__(self) -> float:
        return self.time_s


def test_station_and_wall_time_run_at_the_same_speed() -> None:
    host = HostClock()
    clock = Clock(60.0, monotonic=host, wall=lambda: 1_000_000.0)
    assert (clock.now(), clock.wall()) == (0.0, 1_000_000.0)
    host.time_s += 10.0
    assert (clock.now(), clock.wall()) == (600.0, 1_000_600.0)
    assert clock.wall_at(clock.now()) == clock.wall()


def test_a_station_deadline_becomes_a_real_delay() -> None:
    host = HostClock()
    clock = Clock(10.0, monotonic=host)
    assert clock.real_delay_s(30.0) == 3.0
    host.time_s += 4.0
    assert clock.real_delay_s(30.0) == 0.0
    assert clock.after_real(clock.now(), 1.0) == 50.0


def test_the_wall_clock_starts_where_it_is_told() -> None:
    assert Clock(wall_origin=77.0, monotonic=lambda: 1.0).wall() == 77.0


@pytest.mark.parametrize("speed", [0.0, -1.0, math.inf, math.nan, SPEED_MAXIMUM * 2])
def test_a_clock_refuses_a_speed_that_it_cannot_run_at(speed: float) -> None:
    with pytest.raises(SpeedError, match="was expected"):
        Clock(speed)
