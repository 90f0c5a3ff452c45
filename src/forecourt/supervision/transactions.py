"""Transactions: which are open, which message has been seen before, who may have another one.

Stations deliver at least once; here each start and each stop counts once. A start is recognised by connector, idTag,
timestamp and meterStart, a stop by its transaction, timestamp and meterStop. The last few transactions of a station
are enough for that: it repeats only the message it has no answer for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.core import AuthorizationStatus
from forecourt.ocpp.types import to_epoch
from forecourt.supervision.facts import OrphanStopped, TransactionStarted, TransactionStopped
from forecourt.supervision.ports import RECENT_TRANSACTIONS
from forecourt.supervision.registry import tag_key
from forecourt.supervision.stations import Transaction

if TYPE_CHECKING:
    from forecourt.ocpp.core import IdTagInfo, StartTransactionRequest, StopTransactionRequest
    from forecourt.supervision.facts import Fact
    from forecourt.supervision.registry import Registry
    from forecourt.supervision.stations import StartKey, Station

OPEN_TRANSACTIONS = 64
"""At most so many open transactions of a station are remembered; a station has two connectors."""
ORPHAN_STOPS = 8


def start_key(request: StartTransactionRequest) -> StartKey:
    """What makes two StartTransactions of a station the same."""
    return (request.connectorId, tag_key(request.idTag), request.timestamp, request.meterStart)


class Transactions:
    """The transactions of all stations. Ids are given out once, counting up from the recollection's next."""

    def __init__(self, registry: Registry, next_transaction_id: int) -> None:
        self._registry = registry
        self._next_transaction_id = next_transaction_id
        self._open_by_tag: dict[str, dict[int, Transaction]] = {}

    def remember(self, station: Station, transaction: Transaction) -> None:
        """Take in a transaction, new or recalled; forget the oldest beyond what is kept."""
        station.transactions[transaction.transaction_id] = transaction
        if transaction.stopped_s is None and transaction.status == AuthorizationStatus.Accepted:
            by_tag = self._open_by_tag.setdefault(transaction.start_key[1], {})
            by_tag[transaction.transaction_id] = transaction
        if len(station.transactions) > RECENT_TRANSACTIONS:
            self._forget_oldest(station)

    def started(self, station: Station, request: StartTransactionRequest, now: float) -> tuple[Transaction, bool]:
        """The transaction of a StartTransaction, and whether it is new. Its status is what to answer."""
        key = start_key(request)
        for known in station.transactions.values():
            if known.start_key == key:
                return known, False
        self._supersede(station, request.connectorId)
        info = self._id_tag_info(request.idTag, now)
        transaction = Transaction(self._next_transaction_id, now, info.status, request, key)
        self._next_transaction_id += 1
        self.remember(station, transaction)
        return transaction, True

    def _id_tag_info(self, id_tag: str, now: float) -> IdTagInfo:
        """The answer about an idTag that wants to start now."""
        concurrent = not self._registry.policy.concurrent_transactions and bool(self._open_by_tag.get(tag_key(id_tag)))
        return self._registry.id_tag_info(id_tag, now, concurrent=concurrent)

    def stopped(self, station: Station, request: StopTransactionRequest, now: float) -> Fact | None:
        """The fact a StopTransaction is; None for one that has been seen before."""
        transaction = station.transactions.get(request.transactionId)
        stopped_s = to_epoch(request.timestamp)
        if transaction is not None and transaction.stopped_s is None:
            transaction.stopped_s = stopped_s
            transaction.meter_stop = request.meterStop
            self._close(transaction)
            return TransactionStopped(station.identity, now, request.transactionId, request)
        if transaction is not None and (transaction.stopped_s, transaction.meter_stop) == (
            stopped_s,
            request.meterStop,
        ):
            return None
        orphan = (request.transactionId, request.timestamp, request.meterStop)
        if orphan in station.orphan_stops:
            return None
        station.orphan_stops = (*station.orphan_stops[1 - ORPHAN_STOPS :], orphan)
        return OrphanStopped(station.identity, now, request)

    def _supersede(self, station: Station, connector: int) -> None:
        """A connector starts again: whatever was open there is over, though its stop has not come (yet)."""
        for transaction in station.transactions.values():
            if transaction.request.connectorId == connector and transaction.stopped_s is None:
                self._close(transaction)

    def _close(self, transaction: Transaction) -> None:
        key = transaction.start_key[1]
        by_tag = self._open_by_tag.get(key)
        if by_tag is not None:
            by_tag.pop(transaction.transaction_id, None)
            if not by_tag:
                del self._open_by_tag[key]

    def _forget_oldest(self, station: Station) -> None:
        """Drop the oldest stopped one; an open one only when there are far too many of them."""
        oldest = next((t for t in station.transactions.values() if t.stopped_s is not None), None)
        if oldest is None and len(station.transactions) > OPEN_TRANSACTIONS:
            oldest = next(iter(station.transactions.values()))
        if oldest is not None:
            self._close(oldest)
            del station.transactions[oldest.transaction_id]


def started_fact(station: Station, transaction: Transaction) -> TransactionStarted:
    """The fact of a new transaction."""
    return TransactionStarted(
        station.identity, transaction.at_s, transaction.transaction_id, transaction.status, transaction.request
    )
