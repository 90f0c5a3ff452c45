from __future__ import annotations

import pytest

from forecourt.station.clock import Clock
from forecourt.station.effects import Effect, LogEvent, SaveRecord
from forecourt.station.error_history import KEY, KIND, LIMIT, NO_ERRORS, ErrorHistory, PastError


class Bench:
    """The memory of errors on a clock that shows 1000 s at 0."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None) -> None:
        self.effects: list[Effect] = []
        clock = Clock()
        clock.start(1000.0, 0.0)
        self.history = ErrorHistory(records or {}, clock, self.effects)

    def kept(self) -> dict[tuple[str, str], bytes]:
        return {(one.kind, one.key): one.data for one in self.effects if isinstance(one, SaveRecord)}


def test_error_is_remembered_with_its_times_and_over_a_power_cut() -> None:
    bench = Bench()
    bench.history.raised("0x100205", 1, 5.0)
    bench.history.raised("0x100202", 0, 6.0)
    bench.history.cleared("0x100205", 1, 9.0)
    remembered = (PastError("0x100205", 1, 1005.0, 1009.0), PastError("0x100202", 0, 1006.0))
    assert bench.history.all == remembered
    assert Bench(bench.kept()).history.all == remembered
    assert not any(one.gates for one in bench.effects if isinstance(one, SaveRecord))


def test_error_that_is_there_already_is_not_counted_twice() -> None:
    bench = Bench()
    bench.history.raised("0x100205", 1, 5.0)
    bench.history.raised("0x100205", 1, 6.0)
    bench.history.raised("0x100205", 2, 6.0)
    assert [(one.connector, one.raised_s) for one in bench.history.all] == [(1, 1005.0), (2, 1006.0)]


def test_error_of_the_station_is_remembered_without_a_gun_and_as_it_is_printed() -> None:
    bench = Bench()
    bench.history.raised("0x10020c", 2, 5.0)
    bench.history.cleared("0x10020C", 1, 6.0)
    assert bench.history.all == (PastError("0x10020C", 0, 1005.0, 1006.0),)


def test_error_that_goes_without_having_come_changes_nothing() -> None:
    bench = Bench()
    bench.history.cleared("0x100205", 1, 5.0)
    assert bench.effects == []
    assert bench.history.all is NO_ERRORS


def test_oldest_errors_are_forgotten_first() -> None:
    bench = Bench()
    for number in range(LIMIT + 3):
        bench.history.raised("0x100205", 1, float(number))
        bench.history.cleared("0x100205", 1, float(number))
    assert len(bench.history.all) == LIMIT
    assert bench.history.all[0].raised_s == 1003.0


@pytest.mark.parametrize(
    ("from_s", "until_s", "connectors"),
    [(0.0, 1004.0, []), (1007.0, 1008.0, [1, 2]), (1010.0, 2000.0, [2]), (1009.0, 1009.0, [1, 2])],
)
def test_window_shows_what_was_there_in_it(from_s: float, until_s: float, connectors: list[int]) -> None:
    bench = Bench()
    bench.history.raised("0x100205", 1, 5.0)
    bench.history.raised("0x100205", 2, 6.0)
    bench.history.cleared("0x100205", 1, 9.0)
    assert [one.connector for one in bench.history.within(from_s, until_s)] == connectors


def test_record_that_can_not_be_read_is_put_aside() -> None:
    bench = Bench({(KIND, KEY): b"nonsense"})
    assert bench.history.all is NO_ERRORS
    (line,) = bench.effects
    assert isinstance(line, LogEvent)
    assert line.name == "Record ignored"
