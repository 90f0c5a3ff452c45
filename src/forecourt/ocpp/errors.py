"""What can go wrong between two peers that speak OCPP-J, as a tree by whose fault it is."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """The codes of a CALLERROR, spelled as OCPP-J 1.6 section 4.2.3 spells them on the wire, oddities included."""

    NotImplemented = "NotImplemented"
    NotSupported = "NotSupported"
    InternalError = "InternalError"
    ProtocolError = "ProtocolError"
    SecurityError = "SecurityError"
    FormationViolation = "FormationViolation"
    PropertyConstraintViolation = "PropertyConstraintViolation"
    OccurenceConstraintViolation = "OccurenceConstraintViolation"
    TypeConstraintViolation = "TypeConstraintViolation"
    GenericError = "GenericError"


class OcppError(Exception):
    """Anything that went wrong in the language."""


class RemoteError(OcppError):
    """The peer did something wrong; `code` is what a CALLERROR would tell it."""

    def __init__(self, code: ErrorCode, description: str, details: dict[str, str] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        """One sentence: where, what was expected, what came."""
        self.details: dict[str, str] = details or {}
        """The same in parts (`path`, `expected`, `came`), for errorDetails of a CALLERROR."""


class FrameFault(RemoteError):  # noqa: N818
    """What arrived is no CALL, CALLRESULT or CALLERROR (OCPP-J 1.6 section 4.2)."""

    def __init__(
        self,
        message_id: str | None,
        is_call: bool,
        code: ErrorCode,
        description: str,
        ignored: bool = False,
    ) -> None:
        super().__init__(code, description)
        self.message_id = message_id
        """The message id, where one could be read."""
        self.is_call = is_call
        """Whether it begins as a CALL does."""
        self.ignored = ignored
        """Whether it is well formed but of a message type number other than 2, 3 and 4 (section 4.1.3)."""

    @property
    def answerable(self) -> bool:
        """Whether the peer is owed a CALLERROR; otherwise the frame is logged and nothing is sent."""
        return self.is_call and self.message_id is not None


class PayloadFault(RemoteError):  # noqa: N818
    """The payload of a CALL or CALLRESULT is not what its action asks for."""
