"""What the supervision will never hear of: a ledger that people can read (facts §2.1, reading A41).

Theory of operation. A message of a transaction leaves the queue without having been delivered in three cases only: its
last attempt failed (TransactionMessageAttempts), it was one of the MeterValues that are thinned out when the queue is
full, or its record could not be read when a life began. Each time a row is written here, and is durable before the
message is gone. StartTransaction and StopTransaction have a row each, with what they would have said; the MeterValues
of a transaction share one, which counts them. A row is withdrawn when its message is delivered after all, as when power
went just before the message was gone.

Rows are numbered and bounded: beyond `LIMIT` those of MeterValues go first, then the oldest. A number that is missing
between others is a row that had to go.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from forecourt.station.clock import Clock

KIND = "given-up"

LIMIT = 100
"""Rows kept."""


class Cause(StrEnum):
    """Why a message is given up."""

    ATTEMPTS = "attempts"
    """TransactionMessageAttempts transmissions failed."""
    ROOM = "room"
    """The queue was full."""
    UNREADABLE = "unreadable"
    """Its record could not be read."""


class GivenUp(msgspec.Struct, frozen=True, gc=False):
    """One row."""

    number: int
    """Rises by one a row."""
    action: str
    """Of the message; for a record that could not be read its kind."""
    cause: Cause
    count: int
    """How many messages; more than one only of MeterValues."""
    transaction: str
    """The station's own name of the transaction, or the key of a record that could not be read."""
    said: dict[str, str | int]
    """What the latest message would have said: its plain fields, and `timestamp` also for MeterValues."""
    detail: str
    """For people: what happened."""
    givenUpAt: str | None
    """When the latest was given up, by the station's clock; None for what a life found when it began."""


_NO_ROWS: dict[str, GivenUp] = {}
"""The ledger of nearly every station; never written to."""

_decoder = msgspec.json.Decoder(GivenUp)
_encode = msgspec.json.Encoder().encode


class GivenUps:
    """The ledger of one station."""

    __slots__ = ("_clock", "_effects", "_number", "_rows")

    def __init__(self, records: Mapping[tuple[str, str], bytes], clock: Clock, effects: list[Effect]) -> None:
        self._clock = clock
        self._effects = effects
        self._number = 0
        self._rows = _NO_ROWS
        """By the key of their record, the one with the lowest number first."""
        read = [(key, self._restored(key, data)) for (kind, key), data in records.items() if kind == KIND]
        rows = sorted(((key, row) for key, row in read if row is not None), key=lambda each: each[1].number)
        if rows:
            self._rows = dict(rows)
            self._number = rows[-1][1].number

    def _restored(self, key: str, data: bytes) -> GivenUp | None:
        try:
            return _decoder.decode(data)
        except ValueError as error:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {key}: {error}"))
            return None

    @property
    def all(self) -> tuple[GivenUp, ...]:
        """The rows, lowest number first."""
        return tuple(self._rows.values())

    def add(
        self, action: str, transaction: str, payload: bytes | msgspec.Raw, cause: Cause, detail: str, now: float
    ) -> None:
        """A message is given up now; `detail` says how."""
        self._note(action, transaction, payload, cause, 1, detail, self._clock.timestamp(now))

    def add_thinned(self, transaction: str, payload: bytes | msgspec.Raw, count: int, now: float) -> None:
        """So many MeterValues of a transaction, the last with this payload, make room for others."""
        detail = "the queue was full, and values between the first and the last of a transaction made room"
        self._note("MeterValues", transaction, payload, Cause.ROOM, count, detail, self._clock.timestamp(now))

    def add_unreadable(self, kind: str, key: str, error: Exception) -> None:
        """The record of a message or transaction cannot be read: it is noted, and deleted."""
        self._effects.append(LogEvent("Record ignored", f"{kind} {key}: {error}"))
        self._note(kind, key, b"{}", Cause.UNREADABLE, 1, str(error), None)
        self._effects.append(DeleteRecord(kind, key))

    def withdraw(self, action: str, transaction: str) -> None:
        """This StartTransaction or StopTransaction was delivered after all."""
        key = _key(action, transaction, Cause.ATTEMPTS)
        if key in self._rows:
            del self._rows[key]
            self._effects.append(DeleteRecord(KIND, key))

    def _note(
        self,
        action: str,
        transaction: str,
        payload: bytes | msgspec.Raw,
        cause: Cause,
        count: int,
        detail: str,
        at: datetime | None,
    ) -> None:
        key = _key(action, transaction, cause)
        earlier = self._rows.get(key)
        if earlier is None:
            self._number += 1
        elif action == "MeterValues":
            count += earlier.count
        row = GivenUp(
            number=self._number if earlier is None else earlier.number,
            action=action,
            cause=cause,
            count=count,
            transaction=transaction,
            said=_plain_fields(payload),
            detail=detail,
            givenUpAt=None if at is None else at.isoformat().replace("+00:00", "Z"),
        )
        if self._rows is _NO_ROWS:
            self._rows = {}
        self._rows[key] = row
        self._effects.append(SaveRecord(KIND, key, _encode(row), gates=False))
        if len(self._rows) > LIMIT:
            self._evict(key)

    def _evict(self, newest: str) -> None:
        others = [key for key in self._rows if key != newest]
        victim = next((key for key in others if self._rows[key].action == "MeterValues"), others[0])
        del self._rows[victim]
        self._effects.append(DeleteRecord(KIND, victim))


def _key(action: str, transaction: str, cause: Cause) -> str:
    return f"{transaction} {action} {cause.value}"


def _plain_fields(payload: bytes | msgspec.Raw) -> dict[str, str | int]:
    """What stands in a request beside its lists; of MeterValues also the time of the last."""
    fields: dict[str, Any] = msgspec.json.decode(payload)
    plain = {name: value for name, value in fields.items() if isinstance(value, str | int)}
    values = fields.get("meterValue")
    if isinstance(values, list) and values and isinstance(values[-1], dict) and "timestamp" in values[-1]:
        plain["timestamp"] = str(values[-1]["timestamp"])
    return plain
