"""CALLs in both directions over one connection (OCPP-J §4).

Theory of operation. One CALL of ours is open at a time; the others wait in `_waiting`, and when nothing waits the
transaction queue is asked for its next message (`feed`). An open CALL ends in exactly one of four ways: its answer
came, the supervision answered CALLERROR (or nonsense), its time ran out, or the connection was lost. Each ends in the
function that was given with the request, which is told which by an `Answer`. CALLs of the supervision are answered at
once, also while one of ours is open; a handler may name what is to follow its answer, which is done after it was sent.
A handler that does not know its answer yet returns a `Later` and gives it when it does. Meanwhile everything else goes
on; an answer that is still owed when the connection is lost is dropped, since nobody waits for it on another.

While records can not be saved the driver holds frames back, so no answer is overdue: time begins anew afterwards.

While CallMsgInOrder is false (A21) a request that is no transaction message waits for nobody: it is sent *beside*
whatever is open, and the transaction messages go on among themselves one at a time.

Message ids are the station's boot count and a sequence, so that none ever repeats for an identity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from forecourt.errors import ForecourtError
from forecourt.ocpp.actions import ACTION_OF, ACTIONS, Action, Sender
from forecourt.ocpp.errors import ErrorCode, FrameFault, PayloadFault, RemoteError
from forecourt.ocpp.frames import (
    CALL,
    Call,
    CallError,
    CallResult,
    decode_frame,
    encode_call_error,
    encode_call_result,
)
from forecourt.station.effects import Effect, LogEvent, SendFrame
from forecourt.station.security_events import NOBODY, SecurityEvent
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record
    from forecourt.station.security_events import Witness

CALL_TIMEOUT_S = 30.0
"""Real seconds that an answer may take. The guide has no key for it (facts §1.1)."""

WAITING_LIMIT = 200
"""CALLs that may wait besides the transaction queue; what comes on top is dropped and logged."""

ANSWERED_LIMIT = 8
"""Message ids of the supervision's latest CALLs that are remembered while the connection lasts, to tell replays."""

BESIDE_LIMIT = 20
"""CALLs that may be open beside the one whose turn it is; what comes on top waits."""


class Failure(msgspec.Struct, frozen=True, gc=False):
    """Why a CALL has no answer that can be used."""

    code: str
    """The errorCode of a CALLERROR, `TimedOut`, or `ConnectionLost`."""
    description: str = ""


_encode = msgspec.json.Encoder().encode


def encode_payload(request: Record) -> msgspec.Raw:
    """A record as the payload of a frame."""
    return msgspec.Raw(_encode(request))


LOST = Failure("ConnectionLost")
TIMED_OUT = Failure("TimedOut")

Answer = Any
"""A response record of the action, or a `Failure`."""


class Open(NamedTuple):
    """A CALL of ours that waits: first for its turn, then for its answer."""

    action: Action
    payload: msgspec.Raw
    ended: Callable[[Answer, float], None]


class Reply(NamedTuple):
    """What a handler of the supervision's CALL returns when something is to follow its answer."""

    response: Record
    then: Callable[[float], None]


class Later:
    """What a handler of the supervision's CALL returns when its answer takes time."""

    __slots__ = ("_pay",)

    def __init__(self) -> None:
        self._pay: Callable[[Record], None] | None = None

    def owe(self, pay: Callable[[Record], None]) -> None:
        """Name what sends the answer; the calls' own matter."""
        self._pay = pay

    def give(self, response: Record) -> None:
        """Answer the CALL, once; nothing happens when the connection that it came on is gone."""
        assert self._pay is not None, "an answer that is known at once is returned, and no other is given twice"
        pay, self._pay = self._pay, None
        pay(response)


_NOTHING_OWED: dict[str, Later] = {}
"""The owed answers of every station that owes none; never changed."""

_NOTHING_BESIDE: dict[str, tuple[Open, float]] = {}
"""The CALLs beside others of every station that has none; never changed."""

Handler = Callable[[Any, float], "Record | Reply | Later"]
"""What answers a request of the supervision: given its record and `now`."""


class CallsListener(Protocol):
    """Whom the calls ask. One object, here as in other blocks: each bound method would weigh 64 bytes a station."""

    def handler_of(self, action: str) -> Handler | None:
        """Who answers this action of the supervision; None for one that this station does not know."""
        ...

    def feed(self, now: float) -> None:
        """Nothing waits to be sent: send what is next, if there is anything."""
        ...


class Calls:
    """The CALLs of one station, in both directions."""

    __slots__ = (
        "_answered_ids",
        "_beside",
        "_current",
        "_current_id",
        "_effects",
        "_is_held",
        "_is_open",
        "_listener",
        "_owed",
        "_prefix",
        "_sequence",
        "_timeout_s",
        "_timers",
        "_waiting",
        "_witness",
        "is_answering",
        "is_in_order",
        "mend",
    )

    def __init__(self, prefix: str, timeout_s: float, timers: Timers, effects: list[Effect]) -> None:
        self._prefix = prefix
        self._sequence = 0
        self._timeout_s = timeout_s
        self._timers = timers
        self._effects = effects
        self._is_open = False
        self._is_held = False
        self.is_answering = True
        """False while the boot is Rejected: the supervision's CALLs get no answer then (§4.2)."""
        self.is_in_order = True
        """CallMsgInOrder: whether every CALL waits until the one before it has ended."""
        self.mend: Callable[[str, msgspec.Raw], msgspec.Raw] | None = None
        """By option: makes of an action's payload what it should have been, before it is read; None leaves it."""
        self._owed = _NOTHING_OWED
        """By message id: CALLs of the supervision that are not answered yet."""
        self._answered_ids: tuple[str, ...] = ()
        self._current: Open | None = None
        self._current_id = ""
        self._beside = _NOTHING_BESIDE
        """By message id: a CALL sent beside others, and when its answer is overdue; oldest first."""
        self._waiting: tuple[Open, ...] = ()  # not a deque: an empty one weighs 760 bytes
        self._listener: CallsListener
        self._witness: Witness = NOBODY

    def connect(self, listener: CallsListener, witness: Witness = NOBODY) -> None:
        """Name who answers and has more to send; `witness` hears of messages that are none."""
        self._listener = listener
        self._witness = witness

    # The connection.

    def opened(self) -> None:
        """The connection is there; CALLs may be sent."""
        self._is_open = True

    def closed(self, now: float) -> None:
        """The connection is gone: whatever waited is lost."""
        self._is_open = False
        self._timers.stop(Timer.CALL_TIMEOUT)
        self._timers.stop(Timer.BESIDE_TIMEOUT)
        lost = [call for call, _ in self._beside.values()]
        if self._current is not None:
            lost.append(self._current)
        lost.extend(self._waiting)
        self._beside = _NOTHING_BESIDE
        self._current = None
        self._waiting = ()
        self._owed = _NOTHING_OWED
        self._answered_ids = ()
        for call in lost:
            call.ended(LOST, now)

    def hold(self) -> None:
        """Records can not be saved, so what is sent may not leave: no answer is overdue until `resume`."""
        self._is_held = True
        self._timers.stop(Timer.CALL_TIMEOUT)
        self._timers.stop(Timer.BESIDE_TIMEOUT)

    def resume(self, now: float) -> None:
        """Frames leave again: the time of every open CALL begins anew."""
        self._is_held = False
        if self._current is not None:
            self._timers.set(Timer.CALL_TIMEOUT, now + self._timeout_s)
        self._beside = {name: (call, now + self._timeout_s) for name, (call, _) in self._beside.items()}
        self._arm_beside()

    @property
    def is_held(self) -> bool:
        """Whether nothing that is sent may leave, as records can not be saved."""
        return self._is_held

    @property
    def prefix(self) -> str:
        """What no other life of this station begins its ids with."""
        return self._prefix

    @property
    def is_open(self) -> bool:
        """Whether the connection is there."""
        return self._is_open

    @property
    def is_free(self) -> bool:
        """Whether a transaction message would be sent at once."""
        return self._is_open and self._current is None and not (self._beside and self.is_in_order)

    @property
    def awaited(self) -> tuple[str, ...]:
        """The actions of the CALLs of ours that were sent and not answered yet."""
        beside = [call.action.name for call, _ in self._beside.values()]
        return tuple(beside if self._current is None else [*beside, self._current.action.name])

    @property
    def waiting(self) -> tuple[str, ...]:
        """The actions of the CALLs of ours that wait for their turn, oldest first."""
        return tuple(call.action.name for call in self._waiting)

    # CALLs of ours.

    def request(self, request: Record, ended: Callable[[Answer, float], None], now: float) -> None:
        """Send a request as soon as its turn comes; `ended(answer, now)` is called once."""
        call = Open(ACTION_OF[type(request)], encode_payload(request), ended)
        if self._is_open and not self.is_in_order and len(self._beside) < BESIDE_LIMIT:
            self._send_beside(call, now)
        else:
            self.transmit(call, now)

    def transmit(self, call: Open, now: float) -> None:
        """Send a transaction message, encoded already, as soon as its turn comes."""
        if self.is_free and not self._waiting:
            self._send(call, now)
        elif not self._is_open:
            call.ended(LOST, now)
        elif len(self._waiting) < WAITING_LIMIT:
            self._waiting = (*self._waiting, call)
        else:
            self._effects.append(LogEvent("CALL discarded", f"{call.action.name}: {WAITING_LIMIT} others wait already"))
            call.ended(LOST, now)

    def _send(self, call: Open, now: float) -> None:
        self._current_id = self._frame(call)
        self._current = call
        if not self._is_held:
            self._timers.set(Timer.CALL_TIMEOUT, now + self._timeout_s)

    def _send_beside(self, call: Open, now: float) -> None:
        if not self._beside:
            self._beside = {}
        self._beside[self._frame(call)] = (call, now + self._timeout_s)
        self._arm_beside()

    def _frame(self, call: Open) -> str:
        self._sequence += 1
        message_id = f"{self._prefix}-{self._sequence}"
        self._effects.append(SendFrame(_encode((CALL, message_id, call.action.name, call.payload))))
        return message_id

    def _arm_beside(self) -> None:
        if self._is_held:
            return
        for _, overdue in self._beside.values():
            self._timers.set(Timer.BESIDE_TIMEOUT, overdue)
            return
        self._timers.stop(Timer.BESIDE_TIMEOUT)

    def timed_out(self, now: float) -> None:
        """The answer to the open CALL did not come in time; a late one is ignored."""
        self._end(self._current_id, TIMED_OUT, now)

    def beside_timed_out(self, now: float) -> None:
        """As `timed_out`, for the oldest of the CALLs sent beside."""
        self._end(next(iter(self._beside)), TIMED_OUT, now)

    def _open_call(self, message_id: str) -> Open | None:
        if self._current is not None and message_id == self._current_id:
            return self._current
        beside = self._beside.get(message_id)
        if beside is None:
            self._effects.append(LogEvent("Answer ignored", f"no CALL {message_id} is open"))
            return None
        return beside[0]

    def _end(self, message_id: str, answer: Answer, now: float) -> None:
        if self._beside and message_id in self._beside:
            call, _ = self._beside.pop(message_id)
            self._arm_beside()
        else:
            assert self._current is not None, "an answer needs an open CALL"
            call, self._current = self._current, None
            self._timers.stop(Timer.CALL_TIMEOUT)
        call.ended(answer, now)
        self.advance(now)

    def advance(self, now: float) -> None:
        """Send what is next, if it is its turn."""
        if self.is_free:
            if self._waiting:
                call, *others = self._waiting
                self._waiting = (*others,)
                self._send(call, now)
            else:
                self._listener.feed(now)

    # What arrives.

    def receive(self, frame: bytes, now: float) -> None:
        """Take one frame of the supervision (facts §1.2 for what is wrong with it)."""
        try:
            message = decode_frame(frame)
        except FrameFault as fault:
            self._invalid(str(fault), now)
            if fault.answerable and fault.message_id is not None:
                self._refuse(fault.message_id, fault.code, fault.description)
            return
        if isinstance(message, CallResult):
            self._result(message, now)
        elif isinstance(message, Call):
            self._answer(message, now)
        else:
            self._error(message, now)

    def _invalid(self, why: str, now: float) -> None:
        self._effects.append(LogEvent("InvalidMessages", why))
        self._witness.note(SecurityEvent.InvalidMessages, why, now)

    def _result(self, message: CallResult, now: float) -> None:
        call = self._open_call(message.messageId)
        if call is None:
            return
        try:
            response: Answer = call.action.decode_response(message.payload)
        except PayloadFault as fault:
            self._invalid(f"{call.action.name}: {fault.description}", now)
            response = Failure(fault.code, fault.description)
        self._end(message.messageId, response, now)

    def _error(self, message: CallError, now: float) -> None:
        call = self._open_call(message.messageId)
        if call is None:
            return
        self._effects.append(
            LogEvent("CALLERROR received", f"{call.action.name}: {message.errorCode} {message.errorDescription}")
        )
        self._end(message.messageId, Failure(message.errorCode, message.errorDescription or ""), now)

    def _answer(self, message: Call, now: float) -> None:
        if not self.is_answering:
            self._effects.append(LogEvent("CALL ignored", f"{message.action}: the supervision rejected this station"))
            return
        self._look_for_replay(message, now)
        try:
            reply = self._handle(message, now)
        except (RemoteError, ForecourtError) as error:
            code = error.code if isinstance(error, RemoteError) else ErrorCode.InternalError
            self._effects.append(LogEvent(f"{message.action[:50]} refused", f"{code}: {error}"))
            if isinstance(error, PayloadFault):
                self._witness.note(SecurityEvent.InvalidMessages, f"{message.action}: {error}", now)
            self._refuse(message.messageId, code, str(error))
            return
        if isinstance(reply, Later):
            self._owe(message.messageId, reply)
            return
        response = reply.response if isinstance(reply, Reply) else reply
        self._effects.append(SendFrame(encode_call_result(message.messageId, response)))
        if isinstance(reply, Reply):
            reply.then(now)

    def _look_for_replay(self, message: Call, now: float) -> None:
        """Nobody sends a CALL again that was answered on this very connection; after a reconnect it may be wanted."""
        if message.messageId in self._answered_ids:
            if message.messageId not in self._owed:
                what = f"{message.action}: message id {message.messageId} was answered on this connection before"
                self._witness.note(SecurityEvent.AttemptedReplayAttacks, what, now)
        else:
            self._answered_ids = (*self._answered_ids[1 - ANSWERED_LIMIT :], message.messageId)

    def _owe(self, message_id: str, later: Later) -> None:
        if not self._owed:
            self._owed = {}
        self._owed[message_id] = later

        def pay(response: Record) -> None:
            if self._owed.get(message_id) is later:
                del self._owed[message_id]
                if self.is_answering:
                    self._effects.append(SendFrame(encode_call_result(message_id, response)))

        later.owe(pay)

    def _handle(self, message: Call, now: float) -> Record | Reply | Later:
        if message.messageId in self._owed:
            raise RemoteError(ErrorCode.ProtocolError, "expected a new message id, came that of a CALL still at work")
        action = ACTIONS.get(message.action)
        if action is None:
            raise RemoteError(ErrorCode.NotImplemented, f"{message.action} is no action of OCPP 1.6 known here")
        handler = self._listener.handler_of(message.action)
        if handler is None or action.sender is Sender.STATION:
            raise RemoteError(ErrorCode.NotSupported, f"{message.action} is not supported by this station")
        payload = message.payload if self.mend is None else self.mend(message.action, message.payload)
        return handler(action.decode_request(payload), now)

    def _refuse(self, message_id: str, code: ErrorCode, description: str) -> None:
        self._effects.append(SendFrame(encode_call_error(message_id, code, description)))
