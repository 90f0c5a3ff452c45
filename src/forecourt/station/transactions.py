"""Transactions: StartTransaction and StopTransaction, and what is kept of a session (OCPP 1.6 §2.1-2.4 of the facts).

Theory of operation. A transaction exists from the moment energy is allowed, not from the supervision's answer. It is
named by the station (`local`) until the answer brings its transactionId, and is a durable record all that time and
until its StopTransaction has been answered or given up: so a message in the queue can always find its id. After a
power cut the record is what tells the next life that a session was running.

Records are saved one after the other, and power may go between any two. The order makes each such point legal: a
beginning saves the transaction before its StartTransaction, so one without id whose StartTransaction is not in the
queue never gave energy; an end saves the StopTransaction before the transaction, so the queue says what has ended.

A transaction is *running* while it is in `_running`; stopped ones stay in `_known` for their queued messages. The
contactor is opened before StopTransaction is made, and closed only after the records of the start.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec

from forecourt.ocpp.core import (
    AuthorizationStatus,
    IdTagInfo,
    MeterValue,
    StartTransactionRequest,
    StartTransactionResponse,
    StopReason,
    StopTransactionRequest,
)
from forecourt.ocpp.types import to_epoch
from forecourt.station.clock import Moment, timestamp
from forecourt.station.effects import CloseContactor, DeleteRecord, Effect, OpenContactor, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forecourt.station.calls import Answer
    from forecourt.station.clock import Clock
    from forecourt.station.hardware import Hardware
    from forecourt.station.queue import Entry, Queue

KIND = "transaction"

GIVEN_UP = -1
"""The transactionId of a transaction whose StartTransaction was never answered (errata 3.18)."""

GUNS_MOST = 2
"""No model of the guide has more; a record that says otherwise is damaged."""


def register_wh(energy_wh: float) -> int:
    """A meter register as OCPP sends it: whole Wh that have really flowed."""
    return floor(energy_wh + 1e-6)


class Transaction(msgspec.Struct, gc=False):
    """One session on one gun."""

    local: str
    connector: Annotated[int, msgspec.Meta(ge=1, le=GUNS_MOST)]
    idTag: str
    meter_start: int
    started_clock_s: Moment
    started_at: float
    """The start on the time line of the life in which it began, for the sampling times."""
    transactionId: int | None = None
    """None until StartTransaction is answered; -1 when it was given up."""
    parentIdTag: str | None = None
    is_stopped: bool = False
    is_deauthorized: bool = False
    """The supervision refused the idTag and StopTransactionOnInvalidId is false: no more energy."""
    first_values: MeterValue | None = None
    """What `transactionData` begins with; kept here so that a power cut does not drop it."""


class Ended(msgspec.Struct, frozen=True, gc=False):
    """How a session ended."""

    transaction: Transaction
    """Its transactionId may come later."""
    meter_stop: int
    """Wh."""
    clock_s: float
    """When, in seconds since the epoch as the station's clock."""
    reason: StopReason


_NOTHING_KNOWN: dict[str, Transaction] = {}
_NOTHING_RUNNING: dict[int, Transaction] = {}
"""What every station has that never had a session; never changed."""

_decoder = msgspec.json.Decoder(Transaction)
_start_decoder = msgspec.json.Decoder(StartTransactionRequest)
_encode = msgspec.json.Encoder().encode


class TransactionsListener(Protocol):
    """Who hears of sessions, and measures them."""

    def refused(self, transaction: Transaction, now: float) -> None:
        """The supervision refused the idTag."""
        ...

    def begun(self, transaction: Transaction, now: float) -> MeterValue | None:
        """A session begins; return its first values, if they are asked for."""
        ...

    def ended(self, transaction: Transaction, clock_s: float, now: float) -> tuple[MeterValue, ...]:
        """A session ended at the wall time `clock_s`; return what its StopTransaction is to carry."""
        ...


class Transactions:
    """The sessions of one station."""

    __slots__ = (
        "_clock",
        "_effects",
        "_hardware",
        "_known",
        "_life",
        "_listener",
        "_queue",
        "_running",
    )

    def __init__(
        self,
        life: str,
        records: Mapping[tuple[str, str], bytes],
        queue: Queue,
        clock: Clock,
        hardware: Hardware,
        effects: list[Effect],
    ) -> None:
        self._life = life
        self._queue = queue
        self._clock = clock
        self._hardware = hardware
        self._effects = effects
        self._known = _NOTHING_KNOWN
        self._running = _NOTHING_RUNNING
        for (kind, key), data in sorted(records.items()):
            if kind == KIND and (transaction := self._read(key, data)) is not None:
                self._restore(key, transaction)
        self._listener: TransactionsListener

    def _read(self, key: str, data: bytes) -> Transaction | None:
        try:
            transaction = _decoder.decode(data)
            if transaction.local != key:
                raise ValueError(f"expected the transaction {key}, came {transaction.local[:50]}")
        except ValueError as error:
            self._queue.given_up.add_unreadable(KIND, key, error)
            return self._read_start(key)
        return transaction

    def _read_start(self, key: str) -> Transaction | None:
        """A transaction whose record is lost, as its StartTransaction has it; None when that is gone as well."""
        payload = self._queue.start_of(key)
        if payload is None:
            return None
        try:
            request = _start_decoder.decode(payload)
        except ValueError:
            return None
        started_s = to_epoch(request.timestamp)
        transaction = Transaction(key, request.connectorId, request.idTag, request.meterStart, started_s, 0.0)
        self._save(transaction)
        return transaction

    def _restore(self, key: str, transaction: Transaction) -> None:
        has_stop = self._queue.holds(key, "StopTransaction")
        has_begun = transaction.transactionId is not None or self._queue.holds(key, "StartTransaction")
        if not has_begun and not has_stop and self._queue.is_damaged:
            transaction.transactionId = GIVEN_UP  # its StartTransaction may be what could not be read
            self._save(transaction)
        elif not has_begun or (transaction.is_stopped and not has_stop):
            self._effects.append(DeleteRecord(KIND, key))
            return
        if transaction.transactionId == GIVEN_UP and self._queue.holds(key, "StartTransaction"):
            transaction.transactionId = None  # power went before it was taken out of the queue: it is sent once more
        self._add(transaction, is_running=not has_stop)
        if not has_stop:
            return
        if not transaction.is_stopped:
            transaction.is_stopped = True
            self._save(transaction)

    def _add(self, transaction: Transaction, *, is_running: bool) -> None:
        if not self._known:
            self._known = {}
        self._known[transaction.local] = transaction
        if is_running:
            if not self._running:
                self._running = {}
            self._running[transaction.connector] = transaction

    def connect(self, listener: TransactionsListener) -> None:
        """Name who hears of sessions."""
        self._listener = listener

    # Reading.

    def on(self, connector: int) -> Transaction | None:
        """The transaction running on a connector."""
        return self._running.get(connector)

    @property
    def running(self) -> tuple[Transaction, ...]:
        """All running transactions, lowest connector first."""
        return tuple(self._running[connector] for connector in sorted(self._running))

    def with_id(self, transaction_id: int) -> Transaction | None:
        """The running transaction that the supervision gave this id."""
        for transaction in self._running.values():
            if transaction.transactionId == transaction_id and transaction_id != GIVEN_UP:
                return transaction
        return None

    def transaction_id(self, local: str) -> int:
        """The id for a queued message of this transaction."""
        transaction = self._known.get(local)
        if transaction is None or transaction.transactionId is None:
            return GIVEN_UP
        return transaction.transactionId

    # The course of a session.

    def begin(
        self,
        connector: int,
        id_tag: str,
        parent_id_tag: str | None,
        now: float,
        reservation_id: int | None = None,
        use: Callable[[int, float], None] | None = None,
    ) -> Transaction:
        """Start a session: durable records, StartTransaction, then energy.

        `use(reservation_id, now)` ends the reservation when the StartTransaction that names it is kept.
        """
        assert connector not in self._running, f"connector {connector} runs a transaction already"
        transaction = Transaction(
            local=f"{self._life}-{connector}-{round(now * 1000)}",
            connector=connector,
            idTag=id_tag,
            meter_start=register_wh(self._hardware.reading(connector, now).energy_wh),
            started_clock_s=self._clock.wall(now),
            started_at=now,
            parentIdTag=parent_id_tag,
        )
        self._add(transaction, is_running=True)
        transaction.first_values = self._listener.begun(transaction, now)
        self._save(transaction)
        request = StartTransactionRequest(
            connectorId=connector,
            idTag=id_tag,
            meterStart=transaction.meter_start,
            timestamp=self._clock.timestamp(now),
            reservationId=msgspec.UNSET if reservation_id is None else reservation_id,
        )
        self._queue.add(request, "StartTransaction", transaction.local, complete=True, gates=True, now=now)
        if use is not None and reservation_id is not None:
            use(reservation_id, now)
        self._queue.advance(now)
        self._effects.append(CloseContactor(connector))
        return transaction

    def end(self, connector: int, reason: StopReason, id_tag: str | None, now: float) -> Ended:
        """Stop a session: no more energy, durable records, StopTransaction."""
        meter_stop = register_wh(self._hardware.reading(connector, now).energy_wh)
        self._effects.append(OpenContactor(connector))
        return self._stop(connector, reason, id_tag, meter_stop, self._clock.wall(now), now)

    def end_lost(self, connector: int, lost_clock_s: float, now: float) -> Ended | None:
        """Stop a session that a power cut ended, with the time and the register of the cut (reading A11).

        None for one of which nobody has heard and that gave nothing: its StartTransaction is not readable, and may not
        have been written as a whole.
        """
        meter_stop = register_wh(self._hardware.reading(connector, now).energy_wh)
        transaction = self._running[connector]
        started_s = transaction.started_clock_s
        is_unheard_of = self._queue.is_damaged and transaction.transactionId == GIVEN_UP
        if is_unheard_of and meter_stop <= transaction.meter_start:
            del self._running[connector], self._known[transaction.local]
            self._effects.append(DeleteRecord(KIND, transaction.local))
            return None
        return self._stop(connector, StopReason.PowerLoss, None, meter_stop, max(lost_clock_s, started_s), now)

    def _stop(
        self, connector: int, reason: StopReason, id_tag: str | None, meter_stop: int, clock_s: float, now: float
    ) -> Ended:
        data = self._listener.ended(self._running[connector], clock_s, now)
        transaction = self._running.pop(connector)
        transaction.is_stopped = True
        known = transaction.transactionId
        optional: dict[str, object] = {"reason": reason}
        if id_tag is not None:
            optional["idTag"] = id_tag
        if data:
            optional["transactionData"] = data
        request = StopTransactionRequest(
            transactionId=GIVEN_UP if known is None else known,
            meterStop=max(meter_stop, transaction.meter_start),
            timestamp=timestamp(clock_s),
            **optional,  # type: ignore[arg-type]
        )
        self._queue.add(request, "StopTransaction", transaction.local, known is not None, gates=True, now=now)
        self._save(transaction)
        self._queue.advance(now)
        return Ended(transaction, request.meterStop, clock_s, reason)

    def deauthorize(self, transaction: Transaction) -> None:
        """The session stays open without energy (StopTransactionOnInvalidId false)."""
        transaction.is_deauthorized = True
        self._save(transaction)
        self._effects.append(OpenContactor(transaction.connector))

    # What became of the messages.

    def settled(self, entry: Entry, answer: Answer, now: float) -> None:
        """The queue is done with a StartTransaction or StopTransaction."""
        transaction = self._known.get(entry.local)
        if transaction is None:
            return
        if entry.action == "StartTransaction":
            self._start_settled(transaction, answer, now)
        else:
            del self._known[transaction.local]
            self._effects.append(DeleteRecord(KIND, transaction.local))

    def _start_settled(self, transaction: Transaction, answer: Answer, now: float) -> None:
        if not isinstance(answer, StartTransactionResponse):
            transaction.transactionId = GIVEN_UP
            self._save(transaction)
            return
        transaction.transactionId = answer.transactionId
        info: IdTagInfo = answer.idTagInfo
        if isinstance(info.parentIdTag, str):
            transaction.parentIdTag = info.parentIdTag
        self._save(transaction)
        if info.status is not AuthorizationStatus.Accepted and not transaction.is_stopped:
            self._listener.refused(transaction, now)

    def _save(self, transaction: Transaction) -> None:
        self._effects.append(SaveRecord(KIND, transaction.local, _encode(transaction)))
