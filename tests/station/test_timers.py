from __future__ import annotations

from math import inf
from random import Random

from forecourt.station.timers import Timer, Timers


def test_timers_name_the_earliest_deadline() -> None:
    timers = Timers()
    assert timers.next() == inf
    timers.set(Timer.PING, 20.0)
    timers.set(Timer.HEARTBEAT, 10.0)
    assert timers.next() == 10.0
    timers.set(Timer.HEARTBEAT, 30.0)
    assert timers.next() == 20.0


def test_timer_is_off_once_it_was_popped_or_stopped() -> None:
    timers = Timers()
    timers.set(Timer.PING, 20.0)
    timers.set(Timer.HEARTBEAT, 10.0)
    assert timers.pop(10.0) == Timer.HEARTBEAT
    assert not timers.is_set(Timer.HEARTBEAT)
    assert timers.is_set(Timer.PING)
    timers.stop(Timer.PING)
    assert timers.next() == inf


def test_timers_due_together_come_in_the_order_of_the_table() -> None:
    timers = Timers()
    for timer in (Timer.SAMPLE_2, Timer.RESET, Timer.CALL_TIMEOUT):
        timers.set(timer, 5.0)
    assert [timers.pop(timers.next()) for _ in range(3)] == [Timer.CALL_TIMEOUT, Timer.RESET, Timer.SAMPLE_2]


def test_timers_of_connectors_are_numbered_like_them() -> None:
    """Blocks reckon with it."""
    assert [Timer.STATUS_SETTLES_0 + number for number in (1, 2)] == [Timer.STATUS_SETTLES_1, Timer.STATUS_SETTLES_2]
    assert Timer.SAMPLE_1 + 1 == Timer.SAMPLE_2


def test_timers_name_the_earliest_deadline_whatever_was_done_before() -> None:
    """It is remembered; a plain table without memory says the same after every step."""
    chance, timers, plain = Random(16), Timers(), dict.fromkeys(Timer, inf)
    for _ in range(5000):
        timer = chance.choice(list(Timer))
        match chance.randrange(3):
            case 0:
                plain[timer] = float(chance.randrange(8))
                timers.set(timer, plain[timer])
            case 1:
                plain[timer] = inf
                timers.stop(timer)
            case _ if timers.next() < inf:
                plain[Timer(timers.pop(timers.next()))] = inf
        if chance.randrange(2):
            assert timers.next() == min(plain.values())
