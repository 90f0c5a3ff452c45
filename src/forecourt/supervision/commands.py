"""Commands to stations: one CALL at a time to each, the others wait; each ends in exactly one outcome.

Theory of operation. A station has at most one CALL awaiting its answer (`Station.awaited`); further commands wait in
its queue. A command's duties are checked when its turn comes, because the station may have changed since. Deadlines are
all equally far away, so they stand in one line for all stations, in order; those that were met are skipped when they
reach its head.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from forecourt.ocpp.actions import ACTION_OF, Sender
from forecourt.ocpp.core import ChangeConfigurationRequest, ConfigurationStatus, GetConfigurationRequest
from forecourt.ocpp.errors import PayloadFault
from forecourt.ocpp.frames import CallError, CallResult, encode_call
from forecourt.ocpp.types import same_text
from forecourt.supervision.consequences import expect
from forecourt.supervision.duties import objection
from forecourt.supervision.effects import EndCommand, SendFrame, Store
from forecourt.supervision.facts import (
    AuthorizationKeySet,
    CommandEnded,
    CommandRecorded,
    FrameDiscarded,
    MessageLogged,
)
from forecourt.supervision.limits import asked_for, learn, limits_to_read
from forecourt.supervision.outcomes import (
    Answered,
    BadlyAnswered,
    ConnectionLost,
    ErrorAnswered,
    NotConnected,
    Refused,
    TimedOut,
)
from forecourt.supervision.stations import Awaited

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record
    from forecourt.supervision.effects import Effect
    from forecourt.supervision.outcomes import Outcome
    from forecourt.supervision.stations import Giver, Station

WAITING_COMMANDS = 32
"""So many commands of a station may wait for their turn."""
DISCARDED_BYTES = 1000
PASSWORD_KEY = "AuthorizationKey"  # nosec B105
"""The name of the key whose values are hidden."""
HIDDEN = "********"
_IN_ADDRESS = re.compile(r'(:(?:\\*/){2}[^/?#\s"\\:@]*:)[^/?#\s"]*@')
"""What stands before the password of an address, and the password; slashes may be escaped, as in JSON within JSON."""
_TAKEN = frozenset({ConfigurationStatus.Accepted, ConfigurationStatus.RebootRequired})

_R = TypeVar("_R", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode


class Commands:
    """All commands under way. `message_id_prefix` and a counter make ids that never come again."""

    def __init__(self, message_id_prefix: str, answer_timeout_s: float, wire_log: bool) -> None:
        self._prefix = message_id_prefix
        self._sequence = 0
        self._answer_timeout_s = answer_timeout_s
        self._wire_log = wire_log
        self._deadlines: deque[tuple[float, Station, str]] = deque()

    def give(self, station: Station, command_id: str, request: Record, now: float, effects: list[Effect]) -> None:
        """Record a command and send it, or let it wait for its turn."""
        action = ACTION_OF[type(request)]
        assert action.sender is not Sender.STATION, f"{action.name} is sent by a station"
        self.record(station, command_id, action.name, _without_password(request), now, effects)
        if self.is_open(station, command_id, now, effects):
            self.enqueue(station, command_id, request, now, effects)

    def record(
        self, station: Station, command_id: str, name: str, request: Record, now: float, effects: list[Effect]
    ) -> None:
        """Keep that a command was given."""
        effects.append(Store(CommandRecorded(command_id, station.identity, now, name, _encode(request))))

    def is_open(self, station: Station, command_id: str, now: float, effects: list[Effect]) -> bool:
        """Whether the station can take one more; otherwise the command ends here."""
        if not station.connected:
            self.end(station, command_id, NotConnected(f"{station.identity} is not connected."), now, effects)
        elif station.waiting is not None and len(station.waiting) >= WAITING_COMMANDS:
            sentence = f"{WAITING_COMMANDS} commands wait for {station.identity} already; try again later."
            self.end(station, command_id, Refused(sentence), now, effects)
        else:
            return True
        return False

    def enqueue(self, station: Station, giver: Giver, request: Record, now: float, effects: list[Effect]) -> None:
        """Let a request wait for its turn, which may be now."""
        if station.waiting is None:
            station.waiting = deque()
        station.waiting.append((giver, request))
        self.send_next(station, now, effects)

    def send_next(self, station: Station, now: float, effects: list[Effect]) -> None:
        """Send what waits, up to the first that is to be answered."""
        while station.awaited is None and station.waiting:
            giver, request = station.waiting.popleft()
            sentence = objection(station, request)
            if sentence is not None:
                self._end(station, giver, request, Refused(sentence), now, effects)
                continue
            names = limits_to_read(station, request)
            if names:
                asked_for(station, names)
                station.waiting.appendleft((giver, request))
                self._send(station, None, GetConfigurationRequest(key=names), now, effects)
            else:
                self._send(station, giver, request, now, effects)

    def answered(self, station: Station, answer: CallResult | CallError, now: float, effects: list[Effect]) -> bool:
        """Take the answer to the awaited CALL; False for one that nobody waits for."""
        awaited = station.awaited
        if awaited is None or awaited.message_id != answer.messageId:
            return False
        station.awaited = None
        outcome: Outcome
        if isinstance(answer, CallError):
            outcome = ErrorAnswered(answer.errorCode, answer.errorDescription or "")
        else:
            outcome = self._read(station, awaited, answer, now, effects)
        self._end(station, awaited.giver, awaited.request, outcome, now, effects)
        self.send_next(station, now, effects)
        return True

    def link_lost(self, station: Station, now: float, effects: list[Effect]) -> None:
        """End everything that was under way over the link."""
        awaited, waiting = station.awaited, station.waiting or ()
        station.awaited = station.waiting = None
        if awaited is not None:
            name = ACTION_OF[type(awaited.request)].name
            sentence = f"The connection of {station.identity} ended before it answered {name}."
            self._end(station, awaited.giver, awaited.request, ConnectionLost(sentence), now, effects)
        for giver, request in waiting:
            name = ACTION_OF[type(request)].name
            sentence = f"The connection of {station.identity} ended before {name} was sent."
            self._end(station, giver, request, ConnectionLost(sentence), now, effects)

    def next_deadline(self) -> float:
        """When the next CALL gives up waiting; infinity when none waits."""
        while self._deadlines:
            deadline_s, station, message_id = self._deadlines[0]
            if station.awaited is not None and station.awaited.message_id == message_id:
                return deadline_s
            self._deadlines.popleft()
        return float("inf")

    def expire(self, now: float, effects: list[Effect]) -> None:
        """End the CALLs that have waited long enough."""
        while self.next_deadline() <= now:
            _, station, _ = self._deadlines.popleft()
            awaited, station.awaited = station.awaited, None
            assert awaited is not None, "next_deadline leaves only awaited calls at the head"
            name = ACTION_OF[type(awaited.request)].name
            sentence = f"{station.identity} did not answer {name} within {self._answer_timeout_s:g} s."
            self._end(station, awaited.giver, awaited.request, TimedOut(sentence), now, effects)
            self.send_next(station, now, effects)

    def _send(self, station: Station, giver: Giver, request: Record, now: float, effects: list[Effect]) -> None:
        self._sequence += 1
        message_id = f"{self._prefix}{self._sequence}"
        station.awaited = Awaited(message_id, giver, request, now + self._answer_timeout_s)
        self._deadlines.append((now + self._answer_timeout_s, station, message_id))
        if self._wire_log:
            shown = encode_call(message_id, _without_password(request))
            effects.append(Store(MessageLogged(station.identity, now, True, shown)))
        effects.append(SendFrame(station.link, station.identity, encode_call(message_id, request)))

    def _read(
        self, station: Station, awaited: Awaited, answer: CallResult, now: float, effects: list[Effect]
    ) -> Outcome:
        action = ACTION_OF[type(awaited.request)]
        try:
            response = action.decode_response(answer.payload)
        except PayloadFault as fault:
            return BadlyAnswered(f"{station.identity} answered {action.name} with what is no answer to it: {fault}")
        expect(station, awaited.giver if isinstance(awaited.giver, str) else None, awaited.request, response, now)
        learn(station, awaited.request, response)
        request = awaited.request
        if _sets_password(request) and getattr(response, "status", None) in _TAKEN:
            assert isinstance(request, ChangeConfigurationRequest)
            effects.append(Store(AuthorizationKeySet(station.identity, request.value)))
        return Answered(response)

    def _end(
        self, station: Station, giver: Giver, request: Record, outcome: Outcome, now: float, effects: list[Effect]
    ) -> None:
        """Tell whoever wanted the request what came of it."""
        if isinstance(giver, str):
            self.end(station, giver, outcome, now, effects)
        elif giver is not None:
            giver.ended(request, outcome, now, effects)

    def end(self, station: Station, command_id: str, outcome: Outcome, now: float, effects: list[Effect]) -> None:
        """A command has come to this."""
        detail = _encode(outcome.response if isinstance(outcome, Answered) else outcome)
        effects.append(Store(CommandEnded(command_id, station.identity, now, type(outcome).__name__, detail)))
        effects.append(EndCommand(command_id, station.identity, outcome))


def discarded(station: Station, reason: str, frame: bytes, now: float) -> Store:
    """The fact of a frame that is not answered."""
    return Store(FrameDiscarded(station.identity, now, reason, frame[:DISCARDED_BYTES]))


def _without_password(request: Record) -> Record:
    """The request as it may be logged."""
    if _sets_password(request):
        return ChangeConfigurationRequest(key=PASSWORD_KEY, value=HIDDEN)
    return _without_credentials(request)


def _without_credentials(record: _R) -> _R:
    """A record without passwords in the addresses in it, at whatever depth; nothing of it is checked anew."""
    changed: dict[str, Any] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        shown = value
        if type(value) is str:
            shown = _IN_ADDRESS.sub(rf"\1{HIDDEN}@", value)
        elif isinstance(value, msgspec.Struct):
            shown = _without_credentials(value)
        if shown is not value and shown != value:
            changed[name] = shown
    return msgspec.structs.replace(record, **changed) if changed else record


def _sets_password(request: Record) -> bool:
    return isinstance(request, ChangeConfigurationRequest) and same_text(request.key, PASSWORD_KEY)
