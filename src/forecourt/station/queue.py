"""The transaction messages that the supervision still has to take (OCPP 1.6 §3.7).

Theory of operation. StartTransaction, StopTransaction and MeterValues enter at the end, each with a durable record,
and leave at the front: when answered, or when `TransactionMessageAttempts` transmissions have failed. A failure is a
CALLERROR or no answer in time; a lost connection is none, and the message is simply sent again after the reconnect.
Before the (n+1)-th transmission the queue waits n times `TransactionMessageRetryInterval`, and everything behind waits
too, so that the order stands. Other messages do not wait for the queue: they are sent first whenever both could be.

A message whose transaction has no transactionId yet is stored without one. By the time it reaches the front, the
StartTransaction before it has been answered or given up, so the id is known: it is put in just before sending.

The queue is bounded. Beyond `queue_limit` messages it thins out: of the MeterValues of every transaction each second
one goes, but never the first and the last of a transaction that are in the queue; where only those are left the newest
takes the place of the last. StartTransaction and StopTransaction always have room. What goes, for want of room or
because its attempts are used up, is written into the ledger of `station.given_up`.

While OfflineTxMsgQueueEnable is false (A21) the MeterValues that a reconnect finds in the queue are set aside, and take
turns with the others. What begins and ends transactions keeps its order.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

import msgspec

from forecourt.ocpp.actions import ACTIONS
from forecourt.station.calls import LOST, Answer, Calls, Failure, Open, encode_payload
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.given_up import Cause
from forecourt.station.security_events import NOBODY, SecurityEvent
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.ocpp.types import Record
    from forecourt.station.configuration import Configuration
    from forecourt.station.given_up import GivenUps
    from forecourt.station.security_events import Witness

KIND = "queue"

OF_TRANSACTIONS = frozenset({"StartTransaction", "StopTransaction", "MeterValues"})
"""What stands in a queue."""


class Entry(msgspec.Struct, gc=False, array_like=True):
    """One message in the queue. Everything but `attempts` stays as it was made."""

    action: str
    payload: msgspec.Raw
    local: str
    """The station's own name for the transaction."""
    complete: bool
    """Whether the payload already holds the transactionId, or needs none."""
    attempts: int = 0
    """Transmissions that failed."""
    key: str = ""
    """The key of its record: its place in the queue as text."""


_EMPTY: deque[Entry] = deque(maxlen=0)
"""The queue of every station that never had a message; an empty deque of its own weighs 760 bytes."""

_decoder = msgspec.json.Decoder(Entry)
_encode = msgspec.json.Encoder().encode


class QueueListener(Protocol):
    """Who knows of the transactions."""

    def transaction_id(self, local: str) -> int:
        """The id for a queued message of this transaction."""
        ...

    def settled(self, entry: Entry, answer: Answer, now: float) -> None:
        """A StartTransaction or StopTransaction was answered or given up."""
        ...


class Queue:
    """The transaction messages of one station, oldest first."""

    __slots__ = (
        "_calls",
        "_configuration",
        "_effects",
        "_entries",
        "_is_full",
        "_is_released",
        "_late",
        "_late_is_next",
        "_limit",
        "_listener",
        "_sending",
        "_sequence",
        "_timers",
        "_witness",
        "given_up",
        "is_damaged",
    )

    def __init__(
        self,
        configuration: Configuration,
        records: Mapping[tuple[str, str], bytes],
        calls: Calls,
        timers: Timers,
        given_up: GivenUps,
        limit: int,
        effects: list[Effect],
    ) -> None:
        """`limit` is how many messages the queue holds before it thins out MeterValues."""
        self._configuration = configuration
        self._limit = limit
        self.given_up = given_up
        """Where it is written down what will never be delivered."""
        self.is_damaged = False
        """Whether a message was lost because its record could not be read."""
        self._calls = calls
        self._timers = timers
        self._effects = effects
        self._is_released = False
        self._is_full = False
        self._witness: Witness = NOBODY
        self._entries: deque[Entry] = _EMPTY
        self._late: deque[Entry] = _EMPTY
        """MeterValues set aside by a reconnect, oldest first."""
        self._late_is_next = False
        self._sending: deque[Entry] | None = None
        """Where the message stands that was sent and is not answered; None while there is none."""
        self._sequence = 0
        for (kind, key), data in sorted(records.items()):
            if kind == KIND:
                self._restore(key, data)
        self._listener: QueueListener

    def _append(self, entry: Entry) -> None:
        if self._entries is _EMPTY:
            self._entries = deque()
        self._entries.append(entry)

    def _restore(self, key: str, data: bytes) -> None:
        try:
            entry = _decoder.decode(data)
            _check(entry, key)
            self._sequence = int(key)
        except ValueError as error:
            self.is_damaged = True
            self.given_up.add_unreadable(KIND, key, error)
            return
        self._append(entry)

    def connect(self, listener: QueueListener, witness: Witness = NOBODY) -> None:
        """Name who knows transactionIds and hears what became of messages; `witness` hears of a full queue."""
        self._listener = listener
        self._witness = witness

    def __len__(self) -> int:
        return len(self._entries) + len(self._late)

    def counts(self) -> dict[str, int]:
        """How many messages of each action there are, those set aside included."""
        counts: dict[str, int] = {}
        for entry in (*self._entries, *self._late):
            counts[entry.action] = counts.get(entry.action, 0) + 1
        return counts

    def holds(self, local: str, action: str) -> bool:
        """Whether such a message of this transaction is still in the queue."""
        return any(entry.local == local and entry.action == action for entry in self._entries)

    def release(self, now: float) -> None:
        """The station may send: the boot was accepted and the link is open."""
        self._is_released = True
        if not self._configuration.boolean("OfflineTxMsgQueueEnable"):
            self._set_aside()
        self._calls.advance(now)

    def _set_aside(self) -> None:
        late = [entry for entry in self._entries if entry.action == "MeterValues"]
        if late:
            self._entries = deque(entry for entry in self._entries if entry.action != "MeterValues")
            self._late = deque((*self._late, *late))

    def pause(self) -> None:
        """The boot is no longer accepted: begin no message until `release`; one that is under way ends as always."""
        self._is_released = False

    def hold(self) -> None:
        """The link was lost: keep everything until `release`."""
        self._is_released = False
        self._sending = None
        self._timers.stop(Timer.QUEUE_RETRY)

    def add(self, request: Record, action: str, local: str, complete: bool, gates: bool, now: float) -> None:
        """Put a message at the end, durably; `gates` says whether what follows waits for its record.

        It is not sent before `advance`, so that more can be saved in between.
        """
        if action == "MeterValues" and len(self._entries) + len(self._late) >= self._limit:
            self._make_room(local, now)
        self._sequence += 1
        key = f"{self._sequence:012d}"
        entry = Entry(action, encode_payload(request), local, complete, 0, key)
        self._append(entry)
        self._effects.append(SaveRecord(KIND, key, _encode(entry), gates))

    def _make_room(self, local: str, now: float) -> None:
        """MeterValues of this transaction are to be added to a queue that is full."""
        if not self._is_full:
            self._is_full = True
            self._witness.note(SecurityEvent.MemoryExhaustion, f"{len(self)} messages are queued", now)
        of_each: dict[str, list[Entry]] = {}
        for entry in (*self._entries, *self._late):
            if entry.action == "MeterValues":
                of_each.setdefault(entry.local, []).append(entry)
        gone = {entry.key: entry for entries in of_each.values() for entry in entries[1:-1:2]}
        if not gone:
            gone = {entry.key: entry for entry in of_each.get(local, ())[1:]}
        if self._sending:
            gone.pop(self._sending[0].key, None)
        if gone:
            self._drop(gone, now)

    def _drop(self, gone: dict[str, Entry], now: float) -> None:
        self._effects.append(LogEvent("MeterValues discarded", f"{len(gone)} of {len(self)} messages make room"))
        last = {entry.local: entry for entry in gone.values()}
        for local, entry in last.items():
            count = sum(1 for each in gone.values() if each.local == local)
            self.given_up.add_thinned(local, entry.payload, count, now)
        for entries in (self._entries, self._late):
            kept = [entry for entry in entries if entry.key not in gone]
            if len(kept) < len(entries):
                entries.clear()  # in place, as one of them may be where the message stands that is under way
                entries.extend(kept)
        self._effects.extend(DeleteRecord(KIND, key) for key in gone)

    def start_of(self, local: str) -> msgspec.Raw | None:
        """The StartTransaction of this transaction, while it is in the queue."""
        for entry in self._entries:
            if entry.local == local and entry.action == "StartTransaction":
                return entry.payload
        return None

    def advance(self, now: float) -> None:
        """Send what may be sent, now that what was added is saved."""
        self._calls.advance(now)

    def feed(self, now: float) -> None:
        """Send the message at the front, if it may go."""
        if not (self._entries or self._late) or self._sending is not None or not self._is_released:
            return
        if self._timers.is_set(Timer.QUEUE_RETRY):
            return
        self._sending = entries = self._late if self._late and self._is_late_next() else self._entries
        self._late_is_next = entries is self._entries
        entry = entries[0]
        if not entry.complete:
            self._complete(entry)
        self._calls.transmit(Open(ACTIONS[entry.action], entry.payload, self._ended), now)

    def _is_late_next(self) -> bool:
        if not self._late or (self._entries and not self._late_is_next):
            return False
        return self._late[0].complete or not self.holds(self._late[0].local, "StartTransaction")

    def _complete(self, entry: Entry) -> None:
        fields = msgspec.json.decode(entry.payload)
        fields["transactionId"] = self._listener.transaction_id(entry.local)
        entry.payload = msgspec.Raw(_encode(fields))
        entry.complete = True

    def _ended(self, answer: Answer, now: float) -> None:
        entries, self._sending = self._sending, None
        if answer is LOST:
            return
        assert entries is not None, "an answer needs a message that was sent"
        entry = entries[0]
        if isinstance(answer, Failure):
            entry.attempts += 1
            if entry.attempts < max(1, self._configuration.integer("TransactionMessageAttempts")):
                self._effects.append(SaveRecord(KIND, entry.key, _encode(entry), gates=False))
                wait_s = self._configuration.integer("TransactionMessageRetryInterval") * entry.attempts
                self._timers.set(Timer.QUEUE_RETRY, now + wait_s)
                return
        entries.popleft()
        if not entries:
            self._is_full = False
        # A cut may come between any two effects: StartTransaction stays until its transactionId is kept, and a
        # transaction stays until its StopTransaction is gone.
        if entry.action == "StartTransaction":
            self._listener.settled(entry, answer, now)
        if entry.action == "StopTransaction":
            self._complete_late(entry.local)
        if isinstance(answer, Failure):
            self._give_up(entry, answer, now)
        elif entry.action != "MeterValues":  # which have no row of their own
            self.given_up.withdraw(entry.action, entry.local)
        self._effects.append(DeleteRecord(KIND, entry.key))
        if entry.action == "StopTransaction":
            self._listener.settled(entry, answer, now)

    def _give_up(self, entry: Entry, answer: Failure, now: float) -> None:
        detail = f"{entry.attempts} transmissions failed, the last with {answer.code}"
        self._effects.append(LogEvent(f"{entry.action} discarded", detail))
        self.given_up.add(entry.action, entry.local, entry.payload, Cause.ATTEMPTS, detail, now)

    def _complete_late(self, local: str) -> None:
        """The transaction will be forgotten: give its MeterValues that were set aside their transactionId now."""
        for entry in self._late:
            if entry.local == local and not entry.complete:
                self._complete(entry)
                self._effects.append(SaveRecord(KIND, entry.key, _encode(entry), gates=False))


def _check(entry: Entry, key: str) -> None:
    """Raise `ValueError` for what no queue wrote under this key."""
    if entry.action not in OF_TRANSACTIONS:
        raise ValueError(f"expected a message of a transaction, came {entry.action[:50]}")
    if entry.key != key:
        raise ValueError(f"expected the key {key}, came {entry.key[:50]}")
    msgspec.json.decode(entry.payload, type=dict[str, object])  # a `Raw` is not looked into before
