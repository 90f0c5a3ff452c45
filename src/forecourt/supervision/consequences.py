"""What a command leads to after its answer: which message of the station belongs to which command.

A table by the command's request: given the request and the response, the message that is to come, when it fits, and
which statuses end it. What comes of it is the fact `CommandFollowed`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import UNSET

from forecourt.ocpp.actions import ACTION_OF, ACTIONS
from forecourt.ocpp.core import (
    BootNotificationRequest,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ResetRequest,
    StartTransactionRequest,
    StopTransactionRequest,
)
from forecourt.ocpp.firmware_management import (
    DiagnosticsStatusNotificationRequest,
    FirmwareStatusNotificationRequest,
    GetDiagnosticsRequest,
    UpdateFirmwareRequest,
)
from forecourt.ocpp.remote_trigger import TriggerMessageRequest
from forecourt.ocpp.reservation import ReserveNowRequest
from forecourt.ocpp.security_extension import (
    ExtendedTriggerMessageRequest,
    GetLogRequest,
    LogStatusNotificationRequest,
    SignCertificateRequest,
    SignedFirmwareStatusNotificationRequest,
    SignedUpdateFirmwareRequest,
)
from forecourt.supervision.effects import Effect, Store
from forecourt.supervision.facts import CommandFollowed
from forecourt.supervision.registry import tag_key
from forecourt.supervision.stations import Expectation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forecourt.ocpp.types import Record
    from forecourt.supervision.stations import Station

EXPECTATIONS = 32
"""So many commands of a station at most are followed up; the oldest is given up first."""
HOUR_S = 3600.0
FAR = float("inf")

_UPLOAD_ENDS = frozenset({"Uploaded", "UploadFailed"})
_FIRMWARE_ENDS = frozenset({"Installed", "InstallationFailed", "DownloadFailed"})
_LOG_ENDS = frozenset(
    {"Uploaded", "UploadFailure", "BadMessage", "PermissionDenied", "NotSupportedOperation"},
)
_SIGNED_FIRMWARE_ENDS = frozenset(
    {"Installed", "InstallationFailed", "InstallVerificationFailed", "DownloadFailed", "InvalidSignature"}
)


class Consequence(NamedTuple):
    """What is to come of a command."""

    message: type[Record]
    matches: Callable[[Record], bool]
    final: frozenset[str] | None
    """The statuses that end it; None: the first match does."""
    within_s: float


def _anything(_request: Record) -> bool:
    return True


def _remote_start(request: RemoteStartTransactionRequest) -> Consequence:
    tag = tag_key(request.idTag)

    def matches(start: Record) -> bool:
        assert isinstance(start, StartTransactionRequest)
        return tag_key(start.idTag) == tag and request.connectorId in (UNSET, start.connectorId)

    return Consequence(StartTransactionRequest, matches, None, HOUR_S)


def _remote_stop(request: RemoteStopTransactionRequest) -> Consequence:
    def matches(stop: Record) -> bool:
        assert isinstance(stop, StopTransactionRequest)
        return stop.transactionId == request.transactionId

    return Consequence(StopTransactionRequest, matches, None, FAR)


def _reserve(request: ReserveNowRequest) -> Consequence:
    def matches(start: Record) -> bool:
        assert isinstance(start, StartTransactionRequest)
        return start.reservationId == request.reservationId

    return Consequence(StartTransactionRequest, matches, None, FAR)


def _reset(_request: ResetRequest) -> Consequence:
    return Consequence(BootNotificationRequest, _anything, None, FAR)


def _diagnostics(_request: GetDiagnosticsRequest) -> Consequence:
    return Consequence(DiagnosticsStatusNotificationRequest, _anything, _UPLOAD_ENDS, FAR)


def _firmware(_request: UpdateFirmwareRequest) -> Consequence:
    return Consequence(FirmwareStatusNotificationRequest, _anything, _FIRMWARE_ENDS, FAR)


def _log(request: GetLogRequest) -> Consequence:
    def matches(status: Record) -> bool:
        assert isinstance(status, LogStatusNotificationRequest)
        return status.requestId == request.requestId

    return Consequence(LogStatusNotificationRequest, matches, _LOG_ENDS, FAR)


def _signed_firmware(request: SignedUpdateFirmwareRequest) -> Consequence:
    def matches(status: Record) -> bool:
        assert isinstance(status, SignedFirmwareStatusNotificationRequest)
        return status.requestId == request.requestId

    return Consequence(SignedFirmwareStatusNotificationRequest, matches, _SIGNED_FIRMWARE_ENDS, FAR)


def _trigger(request: TriggerMessageRequest) -> Consequence | None:
    action = ACTIONS.get(str(request.requestedMessage))
    return Consequence(action.request, _anything, None, HOUR_S) if action else None


_EXTENDED: dict[str, type[Record]] = {
    "FirmwareStatusNotification": SignedFirmwareStatusNotificationRequest,
    "SignChargePointCertificate": SignCertificateRequest,
}
"""Where ExtendedTriggerMessage asks for something and gets a message of another name."""


def _extended_trigger(request: ExtendedTriggerMessageRequest) -> Consequence | None:
    name = str(request.requestedMessage)
    if name in _EXTENDED:
        return Consequence(_EXTENDED[name], _anything, None, HOUR_S)
    action = ACTIONS.get(name)
    return Consequence(action.request, _anything, None, HOUR_S) if action else None


CONSEQUENCES: dict[type[Record], Callable[..., Consequence | None]] = {
    RemoteStartTransactionRequest: _remote_start,
    RemoteStopTransactionRequest: _remote_stop,
    ReserveNowRequest: _reserve,
    ResetRequest: _reset,
    GetDiagnosticsRequest: _diagnostics,
    UpdateFirmwareRequest: _firmware,
    GetLogRequest: _log,
    SignedUpdateFirmwareRequest: _signed_firmware,
    TriggerMessageRequest: _trigger,
    ExtendedTriggerMessageRequest: _extended_trigger,
}

_WILL_ACT = frozenset({"Accepted", "AcceptedCanceled", None})
"""Statuses of a response after which something is to come; None for a response without one."""

_AGREED = _WILL_ACT | {"RebootRequired", "Scheduled", "Unlocked"}
"""Statuses of a response that are no refusal."""


class Course(NamedTuple):
    """How an agreed command goes on, by the statuses of what follows it."""

    good: frozenset[str] | None
    """With which it is done; None: the first message that follows is the end."""
    bad: frozenset[str] = frozenset()
    """With which it has failed."""
    within_s: float = FAR
    """After so long without an end nothing more is to be expected."""


def _course(good: str, ends: frozenset[str]) -> Course:
    return Course(frozenset({good}), ends - {good})


COURSES: dict[str, Course] = {
    "RemoteStartTransaction": Course(None, within_s=HOUR_S),
    "RemoteStopTransaction": Course(None),
    "Reset": Course(None),
    "GetDiagnostics": _course("Uploaded", _UPLOAD_ENDS),
    "UpdateFirmware": _course("Installed", _FIRMWARE_ENDS),
    "GetLog": _course("Uploaded", _LOG_ENDS),
    "SignedUpdateFirmware": _course("Installed", _SIGNED_FIRMWARE_ENDS),
    "TriggerMessage": Course(None, within_s=HOUR_S),
    "ExtendedTriggerMessage": Course(None, within_s=HOUR_S),
}
"""The commands that are not over with their answer. A reservation is: whether anybody comes is no part of it."""


class CommandState(StrEnum):
    """How far a command has come."""

    AWAITED = "awaited"
    """No answer yet, nor the certainty that none comes."""
    RUNNING = "running"
    """The station agreed; what it leads to has not ended."""
    DONE = "done"
    FAILED = "failed"


def state_of(
    action: str,
    outcome: str | None,
    response: dict[str, Any],
    statuses: Sequence[str | None],
    elapsed_s: float,
) -> CommandState:
    """How far a command has come: by the class of its outcome, the response's fields and the follow-ups' statuses.

    `elapsed_s` is how long ago it was answered.
    """
    if outcome is None:
        return CommandState.AWAITED
    if outcome != "Answered" or response.get("status") not in _AGREED:
        return CommandState.FAILED
    course = COURSES.get(action)
    if course is None or (action == "GetDiagnostics" and "fileName" not in response and not statuses):
        return CommandState.DONE  # 5.9: without a fileName there is nothing to upload
    for status in statuses:
        if course.good is None or status in course.good:
            return CommandState.DONE
        if status in course.bad:
            return CommandState.FAILED
    return CommandState.RUNNING if elapsed_s <= course.within_s else CommandState.FAILED


def expect(station: Station, command_id: str | None, request: Record, response: Record, now: float) -> None:
    """Remember what an answered request is to lead to, if the station agreed to it."""
    make = CONSEQUENCES.get(type(request))
    if make is None or getattr(response, "status", None) not in _WILL_ACT:
        return
    consequence = make(request)
    if consequence is None:
        return
    station.triggered |= {consequence.message}
    if command_id is not None:
        expectation = Expectation(
            command_id, consequence.message, consequence.matches, consequence.final, now + consequence.within_s
        )
        station.expectations = (*station.expectations[1 - EXPECTATIONS :], expectation)


def follow(station: Station, request: Record, transaction_id: int | None, now: float, effects: list[Effect]) -> None:
    """Give the facts of the commands that this message of the station is a consequence of: one at most a kind."""
    for expectation in station.expectations:
        if type(request) is not expectation.message or now > expectation.until_s or not expectation.matches(request):
            continue
        status = getattr(request, "status", None)
        fact = CommandFollowed(
            expectation.command_id,
            station.identity,
            now,
            ACTION_OF[type(request)].name,
            None if status is None else str(status),
            transaction_id,
        )
        effects.append(Store(fact))
        if expectation.final is None or status in expectation.final:
            station.expectations = tuple(e for e in station.expectations if e is not expectation)
        return
