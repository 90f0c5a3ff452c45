"""The ledger in memory, and what it recalls."""

from __future__ import annotations

from datetime import UTC, datetime

from forecourt.ocpp.core import StartTransactionRequest
from forecourt.supervision.facts import (
    AuthorizationKeySet,
    IdTagSet,
    Policy,
    PolicySet,
    StationSet,
    TransactionStarted,
)
from forecourt.supervision.memory import MemoryStore
from forecourt.supervision.ports import RECENT_TRANSACTIONS, Recollection
from forecourt.supervision.tabletop import Tabletop

AT = datetime(2025, 6, 15, 15, tzinfo=UTC)


def test_an_empty_ledger_recalls_an_empty_supervision() -> None:
    assert MemoryStore().recall() == Recollection()


def test_the_ledger_recalls_what_the_operator_decided() -> None:
    store = MemoryStore()
    tag, station, policy = IdTagSet("TAG"), StationSet("EVD-1", boot_status="Pending"), Policy(open_enrolment=False)
    store.keep([tag, station, PolicySet(policy)])
    recalled = store.recall()
    assert (recalled.id_tags, recalled.stations, recalled.policy) == ((tag,), (station,), policy)


def test_the_ledger_recalls_open_transactions_and_the_latest_of_a_station() -> None:
    table = Tabletop()
    table.boot()
    start = {"connectorId": 1, "idTag": "TAG", "timestamp": "2025-06-15T15:00:00Z"}
    for meter in range(40):
        number = table.result("StartTransaction", {**start, "meterStart": meter})["transactionId"]
        if meter != 3:
            stop = {"transactionId": number, "meterStop": meter + 5, "timestamp": "2025-06-15T16:00:00Z"}
            table.result("StopTransaction", stop)
    recalled = table.store.recall()
    assert [told.transactionId for told in recalled.transactions] == [4, *range(41 - RECENT_TRANSACTIONS, 41)]
    assert recalled.next_transaction_id == 41
    assert recalled.boot_statuses == (("EVD-1", "Accepted"),)
    first, last = recalled.transactions[0], recalled.transactions[-1]
    assert (first.stopped_s, first.meterStop) == (None, None)
    assert (last.stopped_s, last.meterStop) == (datetime(2025, 6, 15, 16, tzinfo=UTC).timestamp(), 44)


def test_the_ledger_keeps_no_password() -> None:
    store = MemoryStore()
    store.keep([AuthorizationKeySet("EVD-1", "0011223344556677")])
    assert store.facts == []


def test_a_password_is_not_shown_by_its_fact() -> None:
    assert "0011223344556677" not in repr(AuthorizationKeySet("EVD-1", "0011223344556677"))


def test_the_energy_of_a_transaction_is_known_once_it_has_ended() -> None:
    store = MemoryStore()
    request = StartTransactionRequest(connectorId=1, idTag="TAG", meterStart=5, timestamp=AT)
    store.keep([TransactionStarted("EVD-1", 0.0, 1, "Accepted", request)])
    assert store.energy_wh(1) is None
