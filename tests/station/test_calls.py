from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.errors import ForecourtError
from forecourt.ocpp.core import (
    ClearCacheRequest,
    ClearCacheResponse,
    ClearCacheStatus,
    HeartbeatRequest,
    HeartbeatResponse,
)
from forecourt.station.calls import LOST, TIMED_OUT, WAITING_LIMIT, Answer, Calls, Failure, Handler, Later, Reply
from forecourt.station.effects import Effect, LogEvent, SendFrame
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record


class Peer:
    """The blocks around `Calls`: what it sent, what its requests came to."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.timers = Timers()
        self.calls = Calls("a", 30.0, self.timers, self.effects)
        self.calls.connect(self)
        self.answers: list[Answer] = []
        self.fed_at: list[float] = []
        self.failure: Exception | None = None
        self.followed_at: list[float] = []
        self.takes_time = False
        self.owed: list[Later] = []

    def clear_cache(self, request: ClearCacheRequest, now: float) -> Record | Reply | Later:
        if self.failure is not None:
            raise self.failure
        if self.takes_time:
            self.owed.append(Later())
            return self.owed[-1]
        return Reply(ClearCacheResponse(status=ClearCacheStatus.Rejected), self.followed_at.append)

    def handler_of(self, action: str) -> Handler | None:
        return self.clear_cache if action == "ClearCache" else None

    def feed(self, now: float) -> None:
        self.fed_at.append(now)

    def beat(self, now: float) -> None:
        self.calls.request(HeartbeatRequest(), lambda answer, at: self.answers.append(answer), now)

    def receive(self, *frame: Any, now: float = 1.0) -> None:
        self.calls.receive(json.dumps(frame).encode(), now)

    def sent(self) -> list[Any]:
        return [json.loads(effect.frame) for effect in self.effects if isinstance(effect, SendFrame)]

    def logged(self) -> list[str]:
        return [effect.name for effect in self.effects if isinstance(effect, LogEvent)]


@pytest.fixture
def peer() -> Peer:
    peer = Peer()
    peer.calls.opened()
    return peer


TIME = {"currentTime": "2026-03-02T08:00:00Z"}


def test_request_is_sent_at_once_when_nothing_is_open(peer: Peer) -> None:
    peer.beat(0.0)
    assert peer.sent() == [[2, "a-1", "Heartbeat", {}]]
    assert peer.timers.next() == 30.0
    assert not peer.calls.is_free


def test_request_waits_for_the_answer_to_the_one_before(peer: Peer) -> None:
    peer.beat(0.0)
    peer.beat(0.0)
    assert len(peer.sent()) == 1
    peer.receive(3, "a-1", TIME)
    assert [frame[1] for frame in peer.sent()] == ["a-1", "a-2"]
    assert peer.fed_at == []
    peer.receive(3, "a-2", TIME, now=2.0)
    assert peer.fed_at == [2.0], "when nothing waits the queue is asked"
    assert [type(answer) for answer in peer.answers] == [HeartbeatResponse, HeartbeatResponse]
    assert not peer.timers.is_set(Timer.CALL_TIMEOUT)


def test_request_that_follows_an_answer_stands_behind_those_that_waited(peer: Peer) -> None:
    peer.calls.request(
        HeartbeatRequest(), lambda _answer, at: peer.calls.request(ClearCacheRequest(), ignored, at), 0.0
    )
    peer.beat(0.0)
    for number in (1, 2, 3):
        peer.receive(3, f"a-{number}", TIME)
    assert [frame[2] for frame in peer.sent()] == ["Heartbeat", "Heartbeat", "ClearCache"]


def ignored(answer: Answer, now: float) -> None:
    pass


def test_request_ends_with_the_code_of_the_error_that_answered_it(peer: Peer) -> None:
    peer.beat(0.0)
    peer.receive(4, "a-1", "FormatViolation", "no", {})
    assert peer.answers == [Failure("FormatViolation", "no")]
    assert peer.logged() == ["CALLERROR received"]


def test_request_ends_as_a_failure_when_its_answer_is_none_of_its_action(peer: Peer) -> None:
    peer.beat(0.0)
    peer.receive(3, "a-1", {"currentTime": "soon"})
    (answer,) = peer.answers
    assert isinstance(answer, Failure)
    assert answer.code == "PropertyConstraintViolation"
    assert peer.logged() == ["InvalidMessages"]


def test_request_ends_when_its_time_is_up_and_a_late_answer_is_ignored(peer: Peer) -> None:
    peer.beat(0.0)
    peer.calls.timed_out(30.0)
    assert peer.answers == [TIMED_OUT]
    peer.receive(3, "a-1", TIME)
    peer.receive(4, "a-1", "GenericError", "", {})
    assert peer.answers == [TIMED_OUT]
    assert peer.logged() == ["Answer ignored", "Answer ignored"]


def test_requests_are_lost_with_the_connection_and_without_one(peer: Peer) -> None:
    for _ in range(3):
        peer.beat(0.0)
    peer.calls.closed(5.0)
    assert peer.answers == [LOST] * 3
    assert not peer.timers.is_set(Timer.CALL_TIMEOUT)
    peer.beat(6.0)
    assert peer.answers == [LOST] * 4
    peer.calls.opened()
    peer.beat(7.0)
    assert [frame[1] for frame in peer.sent()] == ["a-1", "a-2"], "an id is never used again"


def test_requests_beyond_the_limit_are_dropped_and_logged(peer: Peer) -> None:
    for _ in range(WAITING_LIMIT + 2):
        peer.beat(0.0)
    assert peer.answers == [LOST]
    assert peer.logged() == ["CALL discarded"]


def test_request_of_the_supervision_is_answered_before_what_follows_it_is_done(peer: Peer) -> None:
    peer.beat(0.0)
    peer.receive(2, "c-1", "ClearCache", {}, now=3.0)
    assert peer.sent()[-1] == [3, "c-1", {"status": "Rejected"}]
    assert peer.followed_at == [3.0]


def test_request_of_the_supervision_gets_no_answer_while_nothing_is_to_be_answered(peer: Peer) -> None:
    peer.calls.is_answering = False
    peer.receive(2, "c-1", "ClearCache", {})
    assert peer.sent() == []
    assert peer.logged() == ["CALL ignored"]


@pytest.mark.requirement("J-4.2.3-8")
def test_station_answers_internal_error_when_it_fails_and_goes_on(peer: Peer) -> None:
    """The supervision's half of this is in tests/supervision."""
    peer.failure = ForecourtError("The reader does not answer.")
    peer.receive(2, "c-1", "ClearCache", {})
    assert peer.sent() == [[4, "c-1", "InternalError", "The reader does not answer.", {}]]
    assert peer.followed_at == []
    peer.failure = None
    peer.receive(2, "c-2", "ClearCache", {})
    assert peer.sent()[-1] == [3, "c-2", {"status": "Rejected"}]
    assert peer.calls.is_open


# Answers that take time.

CLEARED = ClearCacheResponse(status=ClearCacheStatus.Accepted)


def test_answer_that_takes_time_is_given_later_under_its_own_id(peer: Peer) -> None:
    peer.takes_time = True
    peer.receive(2, "slow", "ClearCache", {})
    assert peer.sent() == []
    peer.takes_time = False
    peer.receive(2, "quick", "ClearCache", {})
    assert peer.sent() == [[3, "quick", {"status": "Rejected"}]]
    peer.owed[0].give(CLEARED)
    assert peer.sent()[1:] == [[3, "slow", {"status": "Accepted"}]]


def test_requests_of_the_station_go_on_while_an_answer_is_owed(peer: Peer) -> None:
    peer.takes_time = True
    peer.receive(2, "slow", "ClearCache", {})
    peer.beat(1.0)
    peer.receive(3, "a-1", TIME)
    assert peer.answers == [HeartbeatResponse(currentTime=datetime(2026, 3, 2, 8, tzinfo=UTC))]
    peer.owed[0].give(CLEARED)
    assert peer.sent()[-1] == [3, "slow", {"status": "Accepted"}]


def test_owed_answer_is_dropped_with_its_connection(peer: Peer) -> None:
    peer.takes_time = True
    peer.receive(2, "slow", "ClearCache", {})
    peer.calls.closed(2.0)
    peer.calls.opened()
    peer.owed[0].give(CLEARED)
    assert peer.sent() == []


def test_id_of_a_lost_connection_may_come_again_and_gets_its_own_answer(peer: Peer) -> None:
    peer.takes_time = True
    peer.receive(2, "slow", "ClearCache", {})
    peer.calls.closed(2.0)
    peer.calls.opened()
    peer.receive(2, "slow", "ClearCache", {})
    peer.owed[0].give(ClearCacheResponse(status=ClearCacheStatus.Rejected))
    assert peer.sent() == []
    peer.owed[1].give(CLEARED)
    assert peer.sent() == [[3, "slow", {"status": "Accepted"}]]


def test_id_whose_call_is_still_at_work_is_refused_and_the_first_call_is_answered(peer: Peer) -> None:
    peer.takes_time = True
    peer.receive(2, "slow", "ClearCache", {})
    peer.receive(2, "slow", "ClearCache", {})
    (refusal,) = peer.sent()
    assert refusal[:3] == [4, "slow", "ProtocolError"]
    peer.owed[0].give(CLEARED)
    assert peer.sent()[1:] == [[3, "slow", {"status": "Accepted"}]]
    assert len(peer.owed) == 1


def test_station_that_was_rejected_meanwhile_gives_no_owed_answer(peer: Peer) -> None:
    peer.takes_time = True
    peer.receive(2, "slow", "ClearCache", {})
    peer.calls.is_answering = False
    peer.owed[0].give(CLEARED)
    assert peer.sent() == []


def test_answer_cannot_be_given_twice(peer: Peer) -> None:
    peer.takes_time = True
    peer.receive(2, "slow", "ClearCache", {})
    peer.owed[0].give(CLEARED)
    with pytest.raises(AssertionError, match="given twice"):
        peer.owed[0].give(CLEARED)


def test_payload_can_be_mended_before_it_is_read(peer: Peer) -> None:
    peer.calls.mend = lambda action, payload: msgspec.Raw(b"{}") if action == "ClearCache" else payload
    peer.receive(2, "odd", "ClearCache", {"needless": 1})
    assert peer.sent() == [[3, "odd", {"status": "Rejected"}]]
