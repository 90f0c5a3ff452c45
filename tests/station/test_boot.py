from __future__ import annotations

import json
from math import inf
from typing import Any

import pytest

from forecourt.evlink.keys import find_key
from forecourt.evlink.models import find_model
from forecourt.station.boot import DAY_S, OWN_RETRY_S, Boot, BootState
from forecourt.station.calls import Calls
from forecourt.station.clock import Clock
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.configuration import Configuration
from forecourt.station.effects import Effect, SaveRecord, SendFrame
from forecourt.station.timers import Timer, Timers
from tests.station_bench import Feeder

COMMISSIONING = Commissioning("CP-1", "ws://one.example", "EVD1S180TBB", "S-1", "3.5.8803")
TIME = "2026-03-02T08:00:00Z"


class Life:
    """The boot of one life with the calls beneath it; `speed` is that of the station's clock."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None, speed: float = 1.0) -> None:
        self.effects: list[Effect] = []
        self.timers = Timers()
        kept = records or {}
        self.configuration = Configuration(
            COMMISSIONING, StationOptions(), find_model("EVD1S180TBB"), kept, self.effects
        )
        self.calls = Calls("a", 30.0 * speed, self.timers, self.effects)
        self.calls.connect(Feeder(lambda now: None))
        self.clock = Clock()
        self.clock.start(1_772_438_400.0, 0.0)  # 2026-03-02T08:00:00Z
        self.boot = Boot(
            COMMISSIONING, self.configuration, kept, self.calls, self.clock, speed, self.timers, self.effects
        )
        self.accepted_at: list[float] = []
        self.moved_at: list[float] = []
        self.boot.connect(self)

    def judged(self, now: float) -> None:
        self.accepted_at.append(now)

    def clock_moved(self, before_s: float, now: float) -> None:
        self.moved_at.append(now)

    def open(self, now: float = 0.0) -> None:
        self.calls.opened()
        self.boot.link_opened(now)

    def sent(self) -> list[str]:
        return [json.loads(effect.frame)[2] for effect in self.effects if isinstance(effect, SendFrame)]

    def answer(self, payload: dict[str, Any], now: float = 1.0) -> None:
        frames = [effect.frame for effect in self.effects if isinstance(effect, SendFrame)]
        self.calls.receive(json.dumps([3, json.loads(frames[-1])[1], payload]).encode(), now)

    def answer_boot(self, status: str, interval: int, current_time: str = TIME, now: float = 1.0) -> None:
        self.answer({"status": status, "interval": interval, "currentTime": current_time}, now)


def test_boot_asks_as_soon_as_there_is_a_link_and_only_once() -> None:
    life = Life()
    life.boot.ask(0.0)
    assert life.sent() == []
    life.open()
    life.boot.ask(0.0)
    assert life.sent() == ["BootNotification"]
    assert life.boot.state is BootState.Waiting


def test_boot_that_is_accepted_sets_interval_and_tells() -> None:
    life = Life()
    life.open()
    life.answer_boot("Accepted", 45)
    assert life.boot.is_accepted
    assert life.accepted_at == [1.0]
    assert life.configuration.text("HeartbeatInterval") == "45"
    assert life.timers.next() == 46.0
    life.open(10.0)
    assert life.sent() == ["BootNotification"]


@pytest.mark.parametrize(("interval", "kept"), [(0, "60"), (-5, "60"), (1, "1"), (2_000_000_000, "31536000")])
def test_boot_takes_an_interval_into_the_limits_of_its_key(interval: int, kept: str) -> None:
    life = Life()
    life.open()
    life.answer_boot("Accepted", interval)
    assert life.configuration.text("HeartbeatInterval") == kept


@pytest.mark.parametrize(("status", "answers"), [("Pending", True), ("Rejected", False)])
@pytest.mark.parametrize(("interval", "wait_s"), [(40, 40.0), (0, OWN_RETRY_S), (-1, OWN_RETRY_S)])
def test_boot_waits_while_it_is_not_accepted(status: str, answers: bool, interval: int, wait_s: float) -> None:
    life = Life()
    life.open()
    life.answer_boot(status, interval)
    assert not life.boot.is_accepted
    assert life.calls.is_answering == answers
    assert life.timers.next() == 1.0 + wait_s
    assert life.accepted_at == []


def test_boot_waits_in_real_seconds_when_the_wait_is_its_own() -> None:
    life = Life(speed=60.0)
    life.open()
    life.answer_boot("Pending", 0)
    assert life.timers.next() == 1.0 + OWN_RETRY_S * 60
    life = Life(speed=60.0)
    life.open()
    life.answer_boot("Pending", 40)
    assert life.timers.next() == 41.0


def test_boot_asks_after_a_lost_answer_with_the_next_link_and_after_none_by_itself() -> None:
    life = Life()
    life.open()
    life.calls.closed(5.0)
    assert life.timers.next() == inf
    life.open(9.0)
    assert life.sent() == ["BootNotification"] * 2
    life.calls.timed_out(39.0)
    assert life.timers.next() == 39.0 + OWN_RETRY_S


def test_boot_knows_whether_this_address_ever_accepted_it() -> None:
    life = Life()
    assert not life.boot.was_ever_accepted
    life.open()
    life.answer_boot("Accepted", 60)
    assert life.boot.was_ever_accepted
    saved = {(e.kind, e.key): e.data for e in life.effects if isinstance(e, SaveRecord)}
    assert Life(saved).boot.was_ever_accepted
    assert not Life({**saved, ("key", "SupervisionUrl"): b"ws://two.example"}).boot.was_ever_accepted
    assert not Life({**saved, ("key", "BoxIdentifier"): b"CP-2"}).boot.was_ever_accepted


def test_clock_follows_every_heartbeat_at_its_own_speed_and_only_the_boot_at_another() -> None:
    for speed, moved_at in ((1.0, [3.0]), (60.0, [])):
        life = Life(speed=speed)
        life.open()
        life.answer_boot("Accepted", 60)
        life.boot.heartbeat(2.0)
        life.answer({"currentTime": "2026-03-02T11:00:00Z"}, now=3.0)
        assert life.moved_at == moved_at
        assert life.sent() == ["BootNotification", "Heartbeat"]


def test_heartbeat_is_due_after_the_interval_and_once_a_day() -> None:
    life = Life()
    life.open()
    life.answer_boot("Accepted", 60)
    life.boot.exchanged(31.0)
    assert life.timers.next() == 91.0
    life.configuration.store(*_interval("0"))
    life.boot.heartbeat_interval_changed(40.0)
    assert life.timers.next() == 1.0 + DAY_S
    life.calls.closed(50.0)
    life.timers.pop(1.0 + DAY_S)
    life.boot.heartbeat(1.0 + DAY_S)
    assert life.sent() == ["BootNotification"]
    life.calls.opened()
    life.boot.resumed(2.0 + DAY_S)
    assert life.sent() == ["BootNotification", "Heartbeat"]
    assert life.timers.is_set(Timer.DAILY_HEARTBEAT)


def _interval(value: str) -> tuple[Any, str]:
    return find_key("HeartbeatInterval"), value
