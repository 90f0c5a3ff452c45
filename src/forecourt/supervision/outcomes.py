"""What a command can come to: exactly one of these, given by `EndCommand`."""

from __future__ import annotations

import msgspec

from forecourt.ocpp.types import Record


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The station answered with a CALLRESULT, whatever its status says."""

    response: Record
    """The response record of the action."""


class ErrorAnswered(msgspec.Struct, frozen=True, gc=False):
    """The station answered with a CALLERROR."""

    code: str
    """As it came; sloppy peers send codes that are in no table."""
    description: str


class BadlyAnswered(msgspec.Struct, frozen=True, gc=False):
    """The station answered with a payload that is not the response of this action."""

    sentence: str


class Refused(msgspec.Struct, frozen=True, gc=False):
    """Not sent: the supervision's own duty forbids it, or too many commands wait for this station."""

    sentence: str


class NotConnected(msgspec.Struct, frozen=True, gc=False):
    """Not sent: the station has no connection."""

    sentence: str


class ConnectionLost(msgspec.Struct, frozen=True, gc=False):
    """The connection ended before an answer came. Whether the station acted on it is not known."""

    sentence: str


class TimedOut(msgspec.Struct, frozen=True, gc=False):
    """No answer came in time. Whether the station acted on it is not known."""

    sentence: str


Outcome = Answered | ErrorAnswered | BadlyAnswered | Refused | NotConnected | ConnectionLost | TimedOut
