"""The ledger of what the supervision will never hear of."""

from __future__ import annotations

import json

from forecourt.station.clock import Clock
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.given_up import KIND, LIMIT, Cause, GivenUps

NOW = 1_772_438_400.0
"""The clock of these tests has no offset."""


class Bench:
    """A ledger and what it wanted kept."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None) -> None:
        self.records = dict(records or {})
        self.effects: list[Effect] = []
        self.ledger = GivenUps(self.records, Clock(), self.effects)

    def add(self, transaction: str, action: str = "StopTransaction") -> None:
        self.ledger.add(action, transaction, b'{"meterStop":7}', Cause.ATTEMPTS, "two failed", NOW)

    def kept(self) -> dict[tuple[str, str], bytes]:
        kept = dict(self.records)
        for effect in self.effects:
            if isinstance(effect, SaveRecord):
                kept[effect.kind, effect.key] = effect.data
            elif isinstance(effect, DeleteRecord):
                kept.pop((effect.kind, effect.key), None)
        return kept


def test_row_holds_what_the_message_would_have_said_without_its_lists() -> None:
    bench = Bench()
    payload = json.dumps(
        {"transactionId": 4, "meterStop": 77, "timestamp": "then", "reason": "Local", "transactionData": [{}]}
    ).encode()
    bench.ledger.add("StopTransaction", "1-1-0", payload, Cause.ATTEMPTS, "two failed", NOW)
    (row,) = bench.ledger.all
    assert row.said == {"transactionId": 4, "meterStop": 77, "timestamp": "then", "reason": "Local"}
    assert (row.number, row.transaction, row.givenUpAt) == (1, "1-1-0", "2026-03-02T08:00:00Z")


def test_rows_outlive_a_life_in_their_order_and_numbers_go_on() -> None:
    bench = Bench()
    for number in range(12):
        bench.add(f"{12 - number}-1-0")
    again = Bench(bench.kept())
    assert again.ledger.all == bench.ledger.all
    again.add("99-1-0")
    assert [row.number for row in again.ledger.all] == list(range(1, 14))


def test_full_ledger_drops_meter_values_first_and_then_the_oldest() -> None:
    bench = Bench()
    bench.add("start")
    bench.ledger.add_thinned("values", b'{"meterValue":[{"timestamp":"late"}]}', 9, NOW)
    for number in range(LIMIT - 2):
        bench.add(f"{number}")
    assert len(bench.ledger.all) == LIMIT
    bench.add("one more")
    assert "values" not in {row.transaction for row in bench.ledger.all}
    assert bench.ledger.all[0].transaction == "start"
    bench.add("and another")
    assert bench.ledger.all[0].number == 3, "the numbers tell that rows are missing"
    assert len(bench.kept()) == LIMIT
    assert Bench(bench.kept()).ledger.all == bench.ledger.all


def test_values_of_one_transaction_share_a_row_for_each_cause() -> None:
    bench = Bench()
    bench.ledger.add_thinned("one", b'{"meterValue":[{"timestamp":"early"}]}', 9, NOW)
    bench.ledger.add_thinned("one", b'{"meterValue":[{"timestamp":"late"}]}', 4, NOW + 60)
    bench.ledger.add("MeterValues", "one", b'{"transactionId":1}', Cause.ATTEMPTS, "two failed", NOW)
    thinned, failed = bench.ledger.all
    assert (thinned.cause, thinned.count, thinned.said) == (Cause.ROOM, 13, {"timestamp": "late"})
    assert (failed.cause, failed.count) == (Cause.ATTEMPTS, 1)


def test_row_of_a_message_that_was_delivered_after_all_is_withdrawn() -> None:
    bench = Bench()
    bench.add("one")
    bench.add("two")
    bench.ledger.withdraw("StopTransaction", "one")
    bench.ledger.withdraw("StartTransaction", "two")
    assert [row.transaction for row in bench.ledger.all] == ["two"]
    assert Bench(bench.kept()).ledger.all == bench.ledger.all


def test_record_that_can_not_be_read_is_named_and_noted_and_gone() -> None:
    bench = Bench({("queue", "000000000007"): b"\xff"})
    bench.ledger.add_unreadable("queue", "000000000007", ValueError("nonsense"))
    (row,) = bench.ledger.all
    assert (row.action, row.transaction, row.cause, row.detail) == (
        "queue",
        "000000000007",
        Cause.UNREADABLE,
        "nonsense",
    )
    assert row.givenUpAt is None
    assert ("queue", "000000000007") not in bench.kept()
    assert LogEvent("Record ignored", "queue 000000000007: nonsense") in bench.effects


def test_row_that_can_not_be_read_is_ignored_and_named() -> None:
    bench = Bench()
    bench.add("one")
    records = bench.kept() | {(KIND, "bad"): b"\xff\x00"}
    again = Bench(records)
    assert again.ledger.all == bench.ledger.all
    assert [effect.name for effect in again.effects if isinstance(effect, LogEvent)] == ["Record ignored"]
