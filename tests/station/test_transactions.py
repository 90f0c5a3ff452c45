"""The block of the transactions: what is saved before what is sent, what outlives a life, and which id messages get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import MeterValue, StopReason
from forecourt.station.effects import CloseContactor, DeleteRecord, Effect, LogEvent, OpenContactor, SaveRecord
from forecourt.station.transactions import GIVEN_UP, Transaction, Transactions, register_wh
from tests.station_bench import EPOCH_S, NOTHING, Bench

if TYPE_CHECKING:
    from collections.abc import Sequence


class Made:
    """The transactions of a station on a bench, and who was told of refusals."""

    def __init__(self, bench: Bench, life: str = "1") -> None:
        self.bench = bench
        self.refusals: list[tuple[str, float]] = []
        self.data: tuple[MeterValue, ...] = ()
        self.ended_at: list[float] = []
        self.block = Transactions(life, bench.records, bench.queue, bench.clock, bench.hardware, bench.effects)
        self.block.connect(self)
        bench.queue.connect(self.block)

    def refused(self, transaction: Transaction, now: float) -> None:
        self.refusals.append((transaction.idTag, now))

    def begun(self, transaction: Transaction, now: float) -> None:
        """No values."""

    def ended(self, transaction: Transaction, clock_s: float, now: float) -> tuple[MeterValue, ...]:
        self.ended_at.append(clock_s)
        return self.data


@pytest.fixture
def bench() -> Bench:
    """A bench whose queue may send."""
    bench = Bench()
    bench.queue.release(0.0)
    return bench


def meter(bench: Bench, energy_wh: float, connector: int = 1) -> None:
    """Let the meter of a gun show this."""
    bench.hardware.readings[connector] = msgspec.structs.replace(NOTHING, energy_wh=energy_wh)


def accept(bench: Bench, transaction_id: int, now: float, **info: Any) -> None:
    """Answer the StartTransaction that was sent."""
    bench.answer({"transactionId": transaction_id, "idTagInfo": {"status": "Accepted", **info}}, now)


def kinds(effects: Sequence[Effect]) -> list[str]:
    """What kind of effects, with the kind of record."""
    return [f"save {e.kind}" if isinstance(e, SaveRecord) else type(e).__name__ for e in effects]


@pytest.mark.parametrize(
    ("energy_wh", "register"), [(0.0, 0), (0.999, 0), (1.0, 1), (2.9999999999, 3), (1e6 + 0.5, 1_000_000)]
)
def test_register_is_whole_watt_hours_that_have_flowed(energy_wh: float, register: int) -> None:
    assert register_wh(energy_wh) == register


def test_start_is_durable_before_it_is_sent_and_energy_comes_last(bench: Bench) -> None:
    made = Made(bench)
    meter(bench, 1234.7)
    made.block.begin(1, "TAG", "GROUP", 10.0)
    assert kinds(bench.effects) == ["save transaction", "save queue", "SendFrame", "CloseContactor"]
    assert all(effect.gates for effect in bench.effects if isinstance(effect, SaveRecord))
    assert bench.effects[-1] == CloseContactor(1)
    assert bench.frames("StartTransaction") == [
        {"connectorId": 1, "idTag": "TAG", "meterStart": 1234, "timestamp": "2026-03-02T08:00:10Z"}
    ]


def test_second_start_on_a_gun_is_our_own_mistake(bench: Bench) -> None:
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    with pytest.raises(AssertionError, match="connector 1 runs a transaction already"):
        made.block.begin(1, "TAG", None, 11.0)


def test_stop_cuts_energy_first_and_is_durable_before_it_is_sent(bench: Bench) -> None:
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    accept(bench, 41, 11.0)
    bench.effects.clear()
    meter(bench, 900.0)
    made.block.end(1, StopReason.Local, "TAG", 70.0)
    assert kinds(bench.effects) == ["OpenContactor", "save queue", "save transaction", "SendFrame"]
    assert bench.effects[0] == OpenContactor(1)
    assert bench.frames("StopTransaction") == [
        {
            "transactionId": 41,
            "meterStop": 900,
            "timestamp": "2026-03-02T08:01:10Z",
            "reason": "Local",
            "idTag": "TAG",
        }
    ]
    assert made.block.on(1) is None
    bench.answer({}, 71.0)
    assert [kind for kind, _ in bench.kept()] == []


@pytest.mark.requirement("OCPP-6-5")
def test_meterstop_is_never_below_meterstart(bench: Bench) -> None:
    made = Made(bench)
    meter(bench, 5000.0)
    made.block.begin(1, "TAG", None, 10.0)
    accept(bench, 1, 11.0)
    meter(bench, 17.0)
    made.block.end(1, StopReason.Local, None, 70.0)
    assert bench.frames("StopTransaction")[0]["meterStop"] == 5000


def test_messages_of_a_session_without_answer_get_its_id_when_it_comes(bench: Bench) -> None:
    made = Made(bench)
    transaction = made.block.begin(1, "TAG", None, 10.0)
    assert made.block.transaction_id(transaction.local) == GIVEN_UP
    made.block.end(1, StopReason.Local, None, 70.0)
    assert not bench.frames("StopTransaction")
    accept(bench, 77, 71.0, parentIdTag="GROUP")
    assert bench.frames("StopTransaction")[0]["transactionId"] == 77
    assert transaction.parentIdTag == "GROUP"


def test_start_that_is_given_up_leaves_the_id_minus_1(bench: Bench) -> None:
    bench.set_key("TransactionMessageAttempts", "1")
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    bench.calls.timed_out(40.0)
    assert made.block.with_id(GIVEN_UP) is None
    made.block.end(1, StopReason.Local, None, 70.0)
    assert bench.frames("StopTransaction")[0]["transactionId"] == -1


def test_running_session_is_found_by_gun_and_by_id(bench: Bench) -> None:
    made = Made(bench)
    second = made.block.begin(2, "B", None, 10.0)
    accept(bench, 8, 11.0)
    first = made.block.begin(1, "A", None, 12.0)
    accept(bench, 9, 13.0)
    assert made.block.running == (first, second)
    assert (made.block.with_id(8), made.block.with_id(9), made.block.with_id(10)) == (second, first, None)
    assert (made.block.on(1), made.block.on(2)) == (first, second)
    assert made.block.transaction_id("nobody's") == GIVEN_UP


@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_refusal_is_told_while_the_session_runs(bench: Bench, status: str) -> None:
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    bench.answer({"transactionId": 5, "idTagInfo": {"status": status}}, 11.0)
    assert made.refusals == [("TAG", 11.0)]


def test_refusal_of_a_session_that_is_over_is_told_to_nobody(bench: Bench) -> None:
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    made.block.end(1, StopReason.Local, None, 10.5)
    bench.answer({"transactionId": 5, "idTagInfo": {"status": "Invalid"}}, 11.0)
    assert made.refusals == []


def test_deauthorized_session_stays_open_without_energy_and_is_kept_so(bench: Bench) -> None:
    made = Made(bench)
    transaction = made.block.begin(1, "TAG", None, 10.0)
    accept(bench, 5, 11.0)
    made.block.deauthorize(transaction)
    assert bench.effects[-1] == OpenContactor(1)
    bench.records = bench.kept()
    restored = Made(bench, life="2").block.on(1)
    assert restored is not None
    assert (restored.is_deauthorized, restored.transactionId, restored.idTag) == (True, 5, "TAG")


def next_life(bench: Bench) -> tuple[Bench, Made]:
    """The same station after a power cut."""
    after = Bench(bench.kept())
    after.queue.release(0.0)
    after.hardware.readings = bench.hardware.readings
    return after, Made(after, life="2")


def test_power_cut_ends_a_session_at_its_time_and_register(bench: Bench) -> None:
    made = Made(bench)
    meter(bench, 100.0)
    made.block.begin(1, "TAG", None, 10.0)
    accept(bench, 5, 11.0)
    meter(bench, 4321.9)
    after, restored = next_life(bench)
    restored.block.end_lost(1, EPOCH_S + 99.0, 500.0)
    (stop,) = after.frames("StopTransaction")
    assert (stop["transactionId"], stop["meterStop"], stop["reason"]) == (5, 4321, "PowerLoss")
    assert stop["timestamp"] == "2026-03-02T08:01:39Z"
    assert "idTag" not in stop
    assert restored.ended_at == [EPOCH_S + 99.0]


def test_power_cut_before_the_start_is_no_end_before_the_start(bench: Bench) -> None:
    """A clock that was set back between the start and the cut."""
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    accept(bench, 5, 11.0)
    after, restored = next_life(bench)
    restored.block.end_lost(1, EPOCH_S - 3600.0, 500.0)
    assert after.frames("StopTransaction")[0]["timestamp"] == "2026-03-02T08:00:10Z"


def test_start_that_was_never_answered_is_sent_by_the_next_life(bench: Bench) -> None:
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    after, restored = next_life(bench)
    assert len(after.frames("StartTransaction")) == 1
    restored.block.end_lost(1, EPOCH_S + 20.0, 500.0)
    accept(after, 6, 501.0)
    assert after.frames("StopTransaction")[0]["transactionId"] == 6


def test_start_that_was_given_up_and_is_still_in_the_queue_gets_its_id_in_the_next_life(bench: Bench) -> None:
    """Power went between the record that says so and the end of the message: the message is sent once more."""
    made = Made(bench)
    local = made.block.begin(1, "TAG", None, 10.0).local
    record = json.loads(bench.kept()[("transaction", local)])
    kept = {**bench.kept(), ("transaction", local): json.dumps({**record, "transactionId": GIVEN_UP}).encode()}
    after = Bench(kept)
    after.queue.release(0.0)
    restored = Made(after, life="2")
    restored.block.end_lost(1, EPOCH_S + 20.0, 500.0)
    accept(after, 6, 501.0)
    assert after.frames("StopTransaction")[0]["transactionId"] == 6


def test_record_that_cannot_be_read_is_put_aside_with_a_word(bench: Bench) -> None:
    bench.records = {("transaction", "1-1-10"): b"{nonsense", ("key", "x"): b"1"}
    made = Made(bench)
    assert made.block.running == ()
    (event,) = [effect for effect in bench.effects if isinstance(effect, LogEvent)]
    assert event.name == "Record ignored"
    assert "1-1-10" in event.detail


def test_record_of_a_session_whose_stop_was_taken_is_forgotten(bench: Bench) -> None:
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    accept(bench, 5, 11.0)
    made.block.end(1, StopReason.Local, None, 70.0)
    kept = {key: data for key, data in bench.kept().items() if key[0] == "transaction"}
    after = Bench(kept)
    assert Made(after, life="2").block.running == ()
    assert [type(effect) for effect in after.effects] == [DeleteRecord]


def test_stop_that_is_durable_counts_though_the_record_does_not_say_so(bench: Bench) -> None:
    """A cut between the two saves of a stop: the session must not be stopped twice."""
    made = Made(bench)
    made.block.begin(1, "TAG", None, 10.0)
    accept(bench, 5, 11.0)
    running = bench.kept()
    made.block.end(1, StopReason.Local, None, 70.0)
    queued = {key: data for key, data in bench.kept().items() if key[0] == "queue"}
    after = Bench({**running, **queued})
    restored = Made(after, life="2")
    assert restored.block.running == ()
    after.queue.release(0.0)
    assert after.frames("StopTransaction")[0]["transactionId"] == 5


def test_block_that_nobody_joined_is_our_own_mistake(bench: Bench) -> None:
    block = Transactions("1", {}, bench.queue, bench.clock, bench.hardware, bench.effects)
    with pytest.raises(AttributeError, match="_listener"):
        block.begin(1, "TAG", None, 10.0)
