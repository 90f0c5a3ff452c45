"""Counting what comes too often."""

from __future__ import annotations

from forecourt.supervision.throttle import PLACES, WINDOW_S, Throttle


def test_first_of_a_minute_is_told_of_at_once_with_those_that_were_not_told_before() -> None:
    throttle = Throttle()
    assert throttle.count(("a",), 0.0) == (1, 1)
    assert [throttle.count(("a",), 1.0 + number) for number in range(3)] == [(2, 0), (3, 0), (4, 0)]
    assert throttle.count(("b",), 5.0) == (1, 1)
    assert throttle.count(("a",), WINDOW_S) == (1, 4)
    assert throttle.count(("a",), 3 * WINDOW_S) == (1, 1)


def test_caller_that_was_quiet_longest_is_forgotten_when_there_are_too_many() -> None:
    throttle = Throttle()
    throttle.count(("first",), 0.0)
    throttle.count(("second",), 0.0)
    throttle.count(("first",), 0.0)
    for number in range(PLACES - 1):
        throttle.count((str(number),), 1.0)
    assert throttle.count(("first",), 2.0) == (3, 0)
    assert throttle.count(("second",), 2.0) == (1, 1)
