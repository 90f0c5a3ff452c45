"""The security log and SecurityEventNotification (white paper A04 and §8; facts §10.4).

Theory of operation. Whatever of the white paper's list happens is *noted*: it becomes an entry of a log that keeps
the latest `LOG_LIMIT` of them over power cuts, a record an entry. What is critical, and the six events that use cases
of the white paper want told, also enters a queue: the mark `isQueued` in the same record. The queue is sent oldest
first, once the boot was accepted, and only when no transaction message could go instead; an entry leaves it when it
was answered. A lost connection is no failure. A time-out, or an error that may pass, is tried again after `RETRY_S`,
then after twice as long each time up to `RETRY_MOST_S`; any other error says that the supervision wants no such
message. The log may roll on past an entry that is still queued: its record stays until it was told.

SecurityEventsEnabled false means log only: nothing is queued, and what was queued is not told any more.

Nothing ever waits for an entry to be durable: a wait would make no record safer. In memory the log is one text, a JSON
object a line, so that a station that has little to tell costs little.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, Meta

from forecourt.ocpp.errors import ErrorCode
from forecourt.ocpp.security_extension import SecurityEventNotificationRequest
from forecourt.station.calls import LOST, TIMED_OUT, Answer, Calls, Failure
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.security_events import EVENTS, SecurityEvent
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.clock import Clock
    from forecourt.station.configuration import Configuration

KIND = "security"
"""The kind of the records of the log."""

LOG_LIMIT = 200
"""Entries that the log keeps; the oldest makes room."""

QUEUE_LIMIT = 200
"""Events that wait to be told; the oldest makes room, and the driver's log says so."""

RETRY_S, RETRY_MOST_S = 60.0, 3600.0
"""Real seconds until an event is told again that was not taken: at first, and at most."""

TECH_INFO_LENGTH = 255

MAY_PASS = frozenset({TIMED_OUT.code, ErrorCode.InternalError.value, ErrorCode.GenericError.value})
"""Failures after which an event is told again."""


class Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One event of the log; a line of the file that GetLog uploads has the same fields but the last two."""

    sequence: int
    """Rises by 1 an entry over all lives, so that a gap shows."""
    timestamp: Annotated[datetime, Meta(tz=True)]
    """Of the station's clock."""
    type: str
    techInfo: str = ""
    isQueued: bool = False
    """Whether the supervision is still to be told."""
    isLogged: bool = True
    """False once the log was cleared while the entry was queued."""


_decoder = msgspec.json.Decoder(Entry)
_encode = msgspec.json.Encoder().encode


class SecurityLog:
    """What happened to one station that matters for its security."""

    __slots__ = (
        "_calls",
        "_clock",
        "_configuration",
        "_effects",
        "_failures",
        "_is_released",
        "_lines",
        "_sending",
        "_sequence",
        "_speed",
        "_timers",
        "queue",
    )

    def __init__(
        self,
        configuration: Configuration,
        records: Mapping[tuple[str, str], bytes],
        calls: Calls,
        clock: Clock,
        speed: float,
        timers: Timers,
        effects: list[Effect],
    ) -> None:
        self._configuration = configuration
        self._calls = calls
        self._clock = clock
        self._speed = speed
        self._timers = timers
        self._effects = effects
        self._is_released = False
        self._failures = 0
        """How often in a row the oldest event was not taken."""
        self._sending: Entry | None = None
        self._sequence = 0
        self._lines = b""
        """The log, oldest first, each line ended."""
        self.queue: tuple[Entry, ...] = ()
        """What the supervision is still to be told, oldest first. Others read it."""
        entries = [entry for entry in map(self._restored, sorted(records.items())) if entry is not None]
        if entries:
            self._sequence = entries[-1].sequence
            self._lines = b"".join(map(_line, [entry for entry in entries if entry.isLogged][-LOG_LIMIT:]))
            self.queue = (*(entry for entry in entries if entry.isQueued),)

    def _restored(self, record: tuple[tuple[str, str], bytes]) -> Entry | None:
        (kind, key), data = record
        if kind != KIND:
            return None
        try:
            entry = _decoder.decode(data)
            if _key(entry.sequence) != key:
                raise msgspec.ValidationError(f"expected the sequence {key}, came {entry.sequence}")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {key}: {error}"))
            return None
        return entry

    # What happens.

    def note(self, event: SecurityEvent, tech_info: str, now: float) -> None:
        """Put an event into the log, and tell the supervision of it if that is due. Older firmware has no log.

        `tech_info` says in a few words what happened, without secrets; it is cut to 255 characters.
        """
        if not self._configuration.has("SecurityEventsEnabled"):
            return
        is_queued = EVENTS[event].is_told and self._configuration.boolean("SecurityEventsEnabled")
        self._sequence += 1
        entry = Entry(
            self._sequence, self._clock.timestamp(now), event.value, tech_info[:TECH_INFO_LENGTH], isQueued=is_queued
        )
        self._append(entry)
        self._save(entry)
        if is_queued:
            self._enqueue(entry)
            if self._calls.is_free:
                self.feed(now)

    def _save(self, entry: Entry) -> None:
        self._effects.append(SaveRecord(KIND, _key(entry.sequence), _encode(entry), gates=False))

    def _append(self, entry: Entry) -> None:
        if entry.sequence > LOG_LIMIT and self._lines.count(b"\n") >= LOG_LIMIT:
            oldest = self._oldest()
            self._lines = self._lines[self._lines.index(b"\n") + 1 :]
            if all(queued.sequence != oldest for queued in self.queue):
                self._effects.append(DeleteRecord(KIND, _key(oldest)))
        self._lines += _line(entry)

    def _oldest(self) -> int:
        """The sequence of the first line."""
        return _decoder.decode(self._lines[: self._lines.index(b"\n")]).sequence

    def _enqueue(self, entry: Entry) -> None:
        if len(self.queue) >= QUEUE_LIMIT:
            lost = self.queue[0]
            self._effects.append(
                LogEvent("SecurityEventNotification discarded", f"{lost.type}: {QUEUE_LIMIT} later ones wait")
            )
            self._told(lost)
        self.queue = (*self.queue, entry)

    def clear(self, now: float) -> None:
        """The installer empties the log; what the supervision is still to be told stays queued."""
        queued = {entry.sequence for entry in self.queue}
        for entry in self.entries():
            if entry.sequence not in queued:
                self._effects.append(DeleteRecord(KIND, _key(entry.sequence)))
        self._lines = b""
        self.queue = (*(msgspec.structs.replace(entry, isLogged=False) for entry in self.queue),)
        for entry in self.queue:
            self._save(entry)
        self.note(SecurityEvent.SecurityLogWasCleared, "by the installer", now)

    def switched(self) -> None:
        """SecurityEventsEnabled has a new value: when it is false, what is queued is not told any more."""
        if not self._configuration.boolean("SecurityEventsEnabled"):
            for entry in self.queue:
                self._told(entry)

    # Telling the supervision.

    def release(self, now: float) -> None:
        """The station may send: the boot was accepted and the link is open."""
        self._is_released = True
        if self._calls.is_free:
            self.feed(now)

    def hold(self) -> None:
        """The link was lost, or the boot is no longer accepted: keep everything until `release`."""
        self._is_released = False
        self._failures = 0
        self._timers.stop(Timer.SECURITY_RETRY)

    @property
    def waiting(self) -> int:
        """How many events the supervision is still to be told."""
        return len(self.queue)

    def feed(self, now: float) -> None:
        """Send the oldest event that waits, if it may go."""
        if not self.queue or not self._is_released or self._sending or self._timers.is_set(Timer.SECURITY_RETRY):
            return
        self._sending = entry = self.queue[0]
        request = SecurityEventNotificationRequest(
            type=entry.type, timestamp=entry.timestamp, techInfo=entry.techInfo or UNSET
        )
        self._calls.request(request, self._answered, now)

    def _answered(self, answer: Answer, now: float) -> None:
        entry, self._sending = self._sending, None
        assert entry is not None, "an answer needs an event that was sent"
        entry = next((queued for queued in self.queue if queued.sequence == entry.sequence), None)
        if answer is LOST or entry is None:
            return
        if isinstance(answer, Failure) and answer.code in MAY_PASS:
            wait_s = min(RETRY_S * 2**self._failures, RETRY_MOST_S)
            self._failures += 1
            self._timers.set(Timer.SECURITY_RETRY, now + wait_s * self._speed)
            return
        self._failures = 0
        if isinstance(answer, Failure):
            self._effects.append(LogEvent("SecurityEventNotification discarded", f"{entry.type}: {answer.code}"))
        self._told(entry)

    def _told(self, entry: Entry) -> None:
        """The supervision knows of it, or never will: it leaves the queue, and stays in the log while that has room."""
        self.queue = (*(other for other in self.queue if other is not entry),)
        if entry.isLogged and self._lines and entry.sequence >= self._oldest():
            self._save(msgspec.structs.replace(entry, isQueued=False))
        else:
            self._effects.append(DeleteRecord(KIND, _key(entry.sequence)))

    # Reading.

    def entries(self) -> list[Entry]:
        """The log, oldest first, without the mark of the queue."""
        return [_decoder.decode(line) for line in self._lines.splitlines()]

    def between(self, oldest: datetime | None, latest: datetime | None) -> bytes:
        """The lines of the log with timestamps in [oldest, latest]; None leaves that end open."""
        return b"".join(
            _line(entry)
            for entry in self.entries()
            if (oldest is None or entry.timestamp >= oldest) and (latest is None or entry.timestamp <= latest)
        )


def _key(sequence: int) -> str:
    return f"{sequence:010d}"


def _line(entry: Entry) -> bytes:
    return _encode(msgspec.structs.replace(entry, isQueued=False) if entry.isQueued else entry) + b"\n"
