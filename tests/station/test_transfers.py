"""The block of transfers on a bench: its effects and the outcomes that a block is told."""

from __future__ import annotations

from math import inf

import pytest

from forecourt.station.effects import Effect, FetchFile, FilePart, LogEvent, SendFile, StopTransfer
from forecourt.station.events import FileFetched, FileSent, TransferFailed, TransferProblem
from forecourt.station.timers import Timer, Timers
from forecourt.station.transfers import LEAST_INTERVAL_S, Outcome, Transfers, wrong_address

URL = "http://files.example/firmware.bin"
REFUSED = TransferProblem.REFUSED


class Bench:
    """Transfers whose ends are written down."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.timers = Timers()
        self.transfers = Transfers("a", self.timers, self.effects)
        self.ends: list[tuple[Outcome, float]] = []

    def done(self, outcome: Outcome, now: float) -> None:
        self.ends.append((outcome, now))

    def fetch(self, url: str = URL, retries: int = 0, interval_s: float = 10.0, now: float = 0.0) -> str:
        return self.transfers.fetch(url, 1000, 60.0, retries, interval_s, self.done, now)

    def attempts(self) -> list[FetchFile]:
        return [effect for effect in self.effects if isinstance(effect, FetchFile)]

    def fail(self, problem: TransferProblem = REFUSED, now: float = 0.0) -> None:
        """The latest attempt fails."""
        self.transfers.failed(TransferFailed(self.attempts()[-1].id, problem, "no"), now)

    def expire(self, now: float) -> None:
        while self.timers.next() <= now:
            due = self.timers.next()
            assert self.timers.pop(due) == Timer.TRANSFER
            self.transfers.due(due)


def test_file_that_comes_is_told_once_with_its_bytes() -> None:
    bench = Bench()
    bench.fetch()
    (attempt,) = bench.attempts()
    assert (attempt.url, attempt.most_bytes, attempt.timeout_s) == (URL, 1000, 60.0)
    bench.transfers.fetched(FileFetched(attempt.id, b"bytes"), 3.0)
    bench.transfers.fetched(FileFetched(attempt.id, b"bytes"), 4.0)
    bench.transfers.failed(TransferFailed(attempt.id, REFUSED, "no"), 4.0)
    assert bench.ends == [(Outcome(b"bytes", attempts=1), 3.0)]
    assert bench.timers.next() == inf


def test_archive_that_is_sent_is_asked_for_as_it_was_given() -> None:
    bench = Bench()
    parts = (FilePart("a.json", b"{}"),)
    bench.transfers.send("ftp://u:p@h/d/", "x.zip", parts, 1.0, 2.0, 30.0, 0, 5.0, bench.done, 0.0)
    (effect,) = bench.effects
    assert isinstance(effect, SendFile)
    assert (effect.url, effect.name, effect.parts) == ("ftp://u:p@h/d/", "x.zip", parts)
    assert (effect.log_from_s, effect.log_until_s, effect.timeout_s) == (1.0, 2.0, 30.0)
    bench.transfers.fetched(FileFetched(effect.id, b""), 1.0)
    assert bench.ends == [], "what is sent can not come"
    bench.transfers.sent(FileSent(effect.id), 1.0)
    assert bench.ends == [(Outcome(attempts=1), 1.0)]


def test_attempts_are_one_more_than_the_retries_and_wait_the_interval() -> None:
    bench = Bench()
    bench.fetch(retries=2)
    bench.fail(now=1.0)
    assert bench.timers.next() == 11.0
    bench.expire(11.0)
    bench.fail(now=12.0)
    bench.expire(22.0)
    assert len(bench.attempts()) == 3
    assert bench.ends == []
    bench.fail(TransferProblem.STALLED, now=23.0)
    assert bench.ends == [(Outcome(None, TransferProblem.STALLED, "no", 3), 23.0)]
    assert bench.timers.next() == inf
    lines = [effect.detail for effect in bench.effects if isinstance(effect, LogEvent)]
    assert lines == [
        "attempt 1 of 3: refused: no",
        "attempt 2 of 3: refused: no",
        "attempt 3 of 3: stalled: no",
    ]


def test_every_attempt_has_an_id_of_its_own_and_only_the_latest_counts() -> None:
    bench = Bench()
    bench.fetch(retries=1)
    bench.fail()
    bench.expire(10.0)
    first, second = bench.attempts()
    assert first.id != second.id
    bench.transfers.fetched(FileFetched(first.id, b"old"), 11.0)
    assert bench.ends == []
    bench.transfers.fetched(FileFetched(second.id, b"new"), 11.0)
    assert bench.ends == [(Outcome(b"new", attempts=2), 11.0)]


@pytest.mark.parametrize("problem", [TransferProblem.SCHEME, TransferProblem.ADDRESS, TransferProblem.TOO_LARGE])
def test_what_another_attempt_does_not_change_is_not_repeated(problem: TransferProblem) -> None:
    bench = Bench()
    bench.fetch(retries=5)
    bench.fail(problem)
    assert bench.ends == [(Outcome(None, problem, "no", 1), 0.0)]


@pytest.mark.parametrize("interval_s", [0.0, -5.0])
def test_no_server_is_asked_in_a_loop(interval_s: float) -> None:
    bench = Bench()
    bench.fetch(retries=1, interval_s=interval_s)
    bench.fail()
    assert bench.timers.next() == LEAST_INTERVAL_S


def test_negative_retries_count_as_none() -> None:
    bench = Bench()
    bench.fetch(retries=-3)
    bench.fail()
    assert len(bench.ends) == 1


def test_transfers_that_wait_share_a_timer_and_are_tried_at_their_own_times() -> None:
    bench = Bench()
    bench.fetch(URL + "1", retries=1, interval_s=30.0)
    bench.fail(now=0.0)
    bench.fetch(URL + "2", retries=1, interval_s=10.0)
    bench.fail(now=0.0)
    assert bench.timers.next() == 10.0
    bench.expire(10.0)
    assert [attempt.url[-1] for attempt in bench.attempts()] == ["1", "2", "2"]
    assert bench.timers.next() == 30.0
    bench.expire(30.0)
    assert [attempt.url[-1] for attempt in bench.attempts()] == ["1", "2", "2", "1"]


def test_transfer_that_is_stopped_under_way_is_heard_of_no_more() -> None:
    bench = Bench()
    one = bench.fetch()
    bench.transfers.stop(one)
    (attempt,) = bench.attempts()
    assert bench.effects[-1] == StopTransfer(attempt.id)
    bench.transfers.fetched(FileFetched(attempt.id, b"late"), 1.0)
    bench.transfers.stop(one)
    assert bench.ends == []
    assert bench.effects[-1] == StopTransfer(attempt.id)
    assert len(bench.effects) == 2


def test_transfer_that_is_stopped_while_it_waits_is_not_tried_again() -> None:
    bench = Bench()
    one = bench.fetch(retries=1)
    bench.fail()
    bench.transfers.stop(one)
    assert bench.timers.next() == inf
    assert not any(isinstance(effect, StopTransfer) for effect in bench.effects)
    assert bench.ends == []


def test_end_of_one_transfer_may_stop_another_that_is_due_with_it() -> None:
    bench = Bench()
    other: list[str] = []
    bench.transfers.fetch("file:///a", 1, 1.0, 0, 1.0, lambda outcome, now: bench.transfers.stop(other[0]), 0.0)
    other.append(bench.fetch("sftp://h/a"))
    bench.expire(0.0)
    assert bench.ends == []
    assert bench.timers.next() == inf


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", TransferProblem.ADDRESS),
        ("files.example/a", TransferProblem.SCHEME),
        ("file:///etc/passwd", TransferProblem.SCHEME),
        ("FILE:///etc/passwd", TransferProblem.SCHEME),
        ("ftps://h/a", TransferProblem.SCHEME),
        ("sftp://user:secret@h/a", TransferProblem.SCHEME),
        ("data:text/plain,a", TransferProblem.SCHEME),
        ("http://", TransferProblem.ADDRESS),
        ("http:///a", TransferProblem.ADDRESS),
        ("http://user:secret@/a", TransferProblem.ADDRESS),
        ("http://h:port/a", TransferProblem.ADDRESS),
        ("http://h:0/a", TransferProblem.ADDRESS),
        ("http://h:99999/a", TransferProblem.ADDRESS),
        ("http://[::1/a", TransferProblem.ADDRESS),
        ("ftp://user:secret/word@h/a", TransferProblem.ADDRESS),
        ("http://user:secret@ho\u2100st/a", TransferProblem.ADDRESS),
        ("http://h/a b", TransferProblem.ADDRESS),
        ("http://h/a\r\nHost: other", TransferProblem.ADDRESS),
    ],
)
def test_address_that_a_station_does_not_use_is_never_tried(url: str, problem: TransferProblem) -> None:
    """Its end is told like any other, when `fetch` has returned and not before, and no secret is in the log."""
    bench = Bench()
    bench.fetch(url, retries=3, now=7.0)
    assert bench.ends == []
    assert bench.timers.next() == 7.0
    bench.expire(7.0)
    ((outcome, now),) = bench.ends
    assert (outcome.problem, outcome.data, outcome.attempts, now) == (problem, None, 0, 7.0)
    assert bench.attempts() == []
    assert "secret" not in outcome.reason
    (line,) = bench.effects
    assert line == LogEvent("Transfer not tried", outcome.reason)


@pytest.mark.parametrize(
    "url",
    ["ftp://h", "FTP://u:p%40@h:2121/a", "http://h/a?b=c", "HTTPS://h:8443/a", "http://[::1]:80/a", "http://höst/ä"],
)
def test_addresses_that_a_station_uses(url: str) -> None:
    assert wrong_address(url) is None
    bench = Bench()
    bench.fetch(url)
    assert [attempt.url for attempt in bench.attempts()] == [url]
