from __future__ import annotations

import json
from typing import Any

import pytest

from forecourt.evlink.keys import require_key
from forecourt.evlink.models import find_model
from forecourt.ocpp.core import AuthorizationStatus, IdTagInfo, StartTransactionRequest, StartTransactionResponse
from forecourt.ocpp.types import Record
from forecourt.station.calls import Answer, Calls, Failure
from forecourt.station.clock import Clock
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.configuration import Configuration
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord, SendFrame
from forecourt.station.given_up import KIND as LEDGER
from forecourt.station.given_up import GivenUps
from forecourt.station.queue import KIND, Entry, Queue
from forecourt.station.timers import Timer, Timers
from tests.station_bench import Feeder

COMMISSIONING = Commissioning("CP-1", "ws://one.example", "EVD1S180TBB", "S-1", "3.5.8803")


class Message(Record, frozen=True, gc=False, kw_only=True):
    """A transaction message as far as the queue cares."""

    number: int
    transactionId: int = -1


class Bench:
    """A queue with the calls beneath it; transactionIds are told by `known`."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None, limit: int = 100) -> None:
        self.found = records or {}
        self.effects: list[Effect] = []
        self.timers = Timers()
        self.configuration = Configuration(COMMISSIONING, StationOptions(), find_model("EVD1S180TBB"), {}, self.effects)
        self.calls = Calls("a", 30.0, self.timers, self.effects)
        self.given_up = GivenUps(self.found, Clock(), self.effects)
        self.queue = Queue(self.configuration, self.found, self.calls, self.timers, self.given_up, limit, self.effects)
        self.calls.connect(Feeder(self.queue.feed))
        self.known = {"one": 7}
        self.outcomes: list[tuple[str, str, Answer]] = []
        self.queue.connect(self)

    def transaction_id(self, local: str) -> int:
        return self.known[local]

    def settled(self, entry: Entry, answer: Answer, now: float) -> None:
        self.outcomes.append((entry.action, entry.local, answer))
        self.effects.append(LogEvent("settled", entry.action))

    def add(self, number: int, action: str = "MeterValues", *, complete: bool = True, now: float = 0.0) -> None:
        self.queue.add(Message(number=number), action, "one", complete, gates=True, now=now)
        self.queue.advance(now)

    def listen(self, now: float = 0.0) -> None:
        self.calls.opened()
        self.queue.release(now)

    def sent(self) -> list[Any]:
        return [json.loads(effect.frame) for effect in self.effects if isinstance(effect, SendFrame)]

    def numbers(self) -> list[int]:
        return [frame[3]["number"] for frame in self.sent()]

    def answer(self, payload: dict[str, Any] | None = None, now: float = 1.0) -> None:
        self.calls.receive(json.dumps([3, self.sent()[-1][1], payload or {}]).encode(), now)

    def refuse(self, now: float = 1.0) -> None:
        self.calls.receive(json.dumps([4, self.sent()[-1][1], "InternalError", "", {}]).encode(), now)

    def records(self) -> dict[tuple[str, str], bytes]:
        kept = dict(self.found)
        for effect in self.effects:
            if isinstance(effect, SaveRecord):
                kept[(effect.kind, effect.key)] = effect.data
            elif isinstance(effect, DeleteRecord):
                del kept[(effect.kind, effect.key)]
        return kept


def test_queue_saves_a_message_before_it_sends_it_and_forgets_it_once_it_is_answered() -> None:
    bench = Bench()
    bench.listen()
    bench.add(1)
    assert [type(effect) for effect in bench.effects] == [SaveRecord, SendFrame]
    bench.answer()
    assert bench.records() == {}
    assert len(bench.queue) == 0


def test_queue_sends_nothing_before_it_is_told_that_all_is_saved() -> None:
    bench = Bench()
    bench.listen()
    bench.queue.add(Message(number=1), "MeterValues", "one", True, gates=True, now=0.0)
    assert bench.sent() == []
    bench.queue.advance(0.0)
    assert bench.numbers() == [1]


def test_queue_sends_one_after_the_other_in_order() -> None:
    bench = Bench()
    for number in (1, 2, 3):
        bench.add(number)
    assert bench.sent() == []
    bench.listen()
    for expected in ([1], [1, 2], [1, 2, 3]):
        assert bench.numbers() == expected
        bench.answer()
    assert bench.numbers() == [1, 2, 3]


def test_queue_of_the_next_life_goes_on_where_the_last_one_ended() -> None:
    bench = Bench()
    for number in range(1, 12):
        bench.add(number)
    bench.listen()
    bench.answer()
    again = Bench(bench.records())
    again.add(12)
    again.listen()
    for _ in range(11):
        again.answer()
    assert again.numbers() == list(range(2, 13))
    assert again.records() == {}


def test_queue_puts_the_transaction_id_in_when_it_is_known() -> None:
    bench = Bench()
    bench.add(1, "StartTransaction")
    bench.add(2, complete=False)
    bench.listen()
    bench.known["one"] = 42
    response = {"transactionId": 42, "idTagInfo": {"status": "Accepted"}}
    bench.answer(response)
    assert [frame[3]["transactionId"] for frame in bench.sent()] == [-1, 42]
    info = IdTagInfo(status=AuthorizationStatus.Accepted)
    assert bench.outcomes == [("StartTransaction", "one", StartTransactionResponse(transactionId=42, idTagInfo=info))]


@pytest.mark.parametrize(
    ("action", "order"),
    [("StartTransaction", [LogEvent, DeleteRecord]), ("StopTransaction", [DeleteRecord, LogEvent])],
)
def test_queue_forgets_a_start_after_its_transaction_id_is_kept_and_a_stop_before_its_transaction_goes(
    action: str, order: list[type]
) -> None:
    """Whoever hears of it writes its own record then; a cut in between must be harmless."""
    bench = Bench()
    bench.listen()
    bench.add(1, action)
    bench.configuration.store(require_key("TransactionMessageAttempts"), "1")
    before = len(bench.effects)
    bench.refuse()
    of_ledger = [e for e in bench.effects if isinstance(e, SaveRecord) and e.kind == LEDGER]
    noise = [e for e in bench.effects[before:] if isinstance(e, LogEvent) and e.name != "settled"]
    tail = [e for e in bench.effects[before:] if e not in noise and e not in of_ledger]
    assert [type(effect) for effect in tail] == order
    (row,) = of_ledger
    gone = next(e for e in bench.effects if isinstance(e, DeleteRecord) and e.kind == KIND)
    assert bench.effects.index(row) < bench.effects.index(gone), "it is in the ledger before it is gone"


def test_queue_waits_longer_before_each_repeat_and_saves_how_often_it_failed() -> None:
    bench = Bench()
    bench.configuration.store(require_key("TransactionMessageAttempts"), "3")
    bench.configuration.store(require_key("TransactionMessageRetryInterval"), "60")
    bench.listen()
    bench.add(1)
    bench.add(2)
    bench.refuse(now=1.0)
    assert bench.timers.next() == 61.0
    assert bench.timers.pop(61.0) == Timer.QUEUE_RETRY
    bench.calls.advance(61.0)
    bench.refuse(now=62.0)
    assert bench.timers.next() == 62.0 + 120.0
    assert bench.numbers() == [1, 1]
    again = Bench({key: data for key, data in bench.records().items() if key[0] == KIND})
    again.configuration.store(require_key("TransactionMessageAttempts"), "3")
    again.listen()
    again.refuse()
    assert again.numbers() == [1, 2], "two failures before, one now"


def test_queue_keeps_everything_when_the_connection_is_lost() -> None:
    bench = Bench()
    bench.add(1, "StopTransaction")
    bench.listen()
    bench.queue.hold()
    bench.calls.closed(1.0)
    assert len(bench.queue) == 1
    assert bench.outcomes == []
    bench.listen(5.0)
    assert bench.numbers() == [1, 1]


def test_queue_knows_what_it_holds() -> None:
    bench = Bench()
    bench.add(1, "StartTransaction")
    assert bench.queue.holds("one", "StartTransaction")
    assert not bench.queue.holds("one", "StopTransaction")
    assert not bench.queue.holds("two", "StartTransaction")


def test_queue_tells_of_a_start_that_was_given_up() -> None:
    bench = Bench()
    bench.configuration.store(require_key("TransactionMessageAttempts"), "1")
    bench.listen()
    request = StartTransactionRequest.__name__.removesuffix("Request")
    bench.add(1, request)
    bench.refuse()
    assert bench.outcomes == [("StartTransaction", "one", Failure("InternalError", ""))]
