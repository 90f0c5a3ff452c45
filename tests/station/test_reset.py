from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, cast

import pytest

from forecourt.evlink.models import find_model
from forecourt.station.calls import CALL_TIMEOUT_S, Calls
from forecourt.station.clock import Clock
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.configuration import Configuration
from forecourt.station.effects import Effect, LogEvent, Reboot, SaveRecord
from forecourt.station.reset import RETRY_S, Reset
from forecourt.station.security_log import SecurityLog
from forecourt.station.timers import Timers

if TYPE_CHECKING:
    from forecourt.station.queue import Queue


class Bench:
    """A reset with a queue that is a list of whatever is left to send."""

    def __init__(self, speed: float = 1.0, failing: int = 0) -> None:
        self.effects: list[Effect] = []
        self.timers = Timers()
        self.left: list[str] = ["StopTransaction"]
        configuration = Configuration(
            Commissioning("CP-1", "ws://one.example", "EVD1S180TBB", "S-1", "3.5.8803"),
            StationOptions(),
            find_model("EVD1S180TBB"),
            {},
            self.effects,
        )
        calls = Calls("1", CALL_TIMEOUT_S, self.timers, self.effects)
        self.security = SecurityLog(configuration, {}, calls, Clock(), speed, self.timers, self.effects)
        self.reset = Reset(
            configuration, cast("Queue", self.left), self.security, failing, speed, self.timers, self.effects
        )

    def done(self) -> list[Effect]:
        """What was to be done, without what is written down."""
        return [effect for effect in self.effects if not isinstance(effect, SaveRecord)]


@pytest.mark.parametrize("hard", [True, False])
def test_reset_is_carried_out_once_nothing_is_left_to_send(hard: bool) -> None:
    bench = Bench()
    bench.reset.begin(hard, 10.0)
    bench.reset.proceed(11.0)
    assert bench.effects == []
    assert bench.reset.is_pending
    bench.left.clear()
    bench.reset.proceed(11.0)
    bench.reset.proceed(11.0)
    assert bench.done() == [Reboot(hard)]
    assert not bench.reset.is_pending
    assert bench.timers.next() == inf


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_reset_waits_no_longer_than_an_answer_may_take(speed: float) -> None:
    bench = Bench(speed)
    bench.reset.begin(True, 10.0)
    assert bench.timers.next() == 10.0 + CALL_TIMEOUT_S * speed
    bench.reset.carry_out(40.0)
    assert bench.done() == [Reboot(True)]


def test_nothing_is_carried_out_when_no_reset_was_asked_for() -> None:
    bench = Bench()
    bench.left.clear()
    bench.reset.proceed(11.0)
    bench.reset.carry_out(40.0)
    assert bench.effects == []


@pytest.mark.parametrize("failing", [1, 2])
def test_attempt_that_fails_is_repeated_after_a_while_until_one_works(failing: int) -> None:
    bench = Bench(failing=failing)
    bench.left.clear()
    bench.reset.begin(False, 10.0)
    assert not bench.reset.proceed(11.0)
    at = 11.0
    for number in range(1, failing + 1):
        assert bench.effects[-1] == LogEvent("Reset failed", f"attempt {number} of 3")
        assert not bench.reset.proceed(at + 1), "what is answered meanwhile hastens nothing"
        assert bench.timers.next() == at + RETRY_S
        at += RETRY_S
        assert not bench.reset.carry_out(at)
    assert bench.effects[-1] == Reboot(False)
    assert not bench.reset.is_pending


def test_reset_is_given_up_after_the_last_attempt_and_can_be_asked_for_again() -> None:
    bench = Bench(failing=4)
    bench.left.clear()
    bench.reset.begin(True, 10.0)
    given_up = [bench.reset.carry_out(20.0), bench.reset.carry_out(30.0), bench.reset.carry_out(40.0)]
    assert given_up == [False, False, True]
    assert not bench.reset.is_pending
    assert bench.timers.next() == inf
    assert not bench.reset.carry_out(50.0)
    bench.reset.begin(True, 60.0)
    assert not bench.reset.carry_out(60.0)
    assert bench.effects[-1] == LogEvent("Reset failed", "attempt 1 of 3")
    bench.reset.carry_out(70.0)
    assert bench.effects.count(Reboot(True)) == 1
