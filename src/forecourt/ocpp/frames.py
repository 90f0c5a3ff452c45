"""Frames of OCPP-J 1.6 section 4.2: CALL, CALLRESULT and CALLERROR.

Decoding looks only at the frame; the payload stays undecoded until the action that it belongs to is known. When a frame
is refused, a slow second look finds out what to answer: a CALL whose id can still be read is owed a CALLERROR, whatever
else is wrong with it; everything else is only logged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec

from forecourt.ocpp.actions import ACTION_OF
from forecourt.ocpp.errors import ErrorCode, FrameFault
from forecourt.ocpp.faults import json_kind

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record

CALL: Final = 2
CALL_RESULT: Final = 3
CALL_ERROR: Final = 4
MESSAGE_ID_MAX_LENGTH: Final = 36
ERROR_DESCRIPTION_MAX_LENGTH: Final = 255


class Call(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=CALL, forbid_unknown_fields=True):
    """A request."""

    messageId: Annotated[str, msgspec.Meta(max_length=MESSAGE_ID_MAX_LENGTH)]
    action: str
    payload: msgspec.Raw


class CallResult(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=CALL_RESULT, forbid_unknown_fields=True):
    """An answer."""

    messageId: str
    payload: msgspec.Raw


class CallError(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=CALL_ERROR, forbid_unknown_fields=True):
    """The refusal of a request. What sloppy peers leave out is empty, and their codes are kept as they came."""

    messageId: str
    errorCode: str
    errorDescription: str | None = ""
    errorDetails: Any = None


Frame: TypeAlias = Call | CallResult | CallError

_decoder: Final[msgspec.json.Decoder[Frame]] = msgspec.json.Decoder(Frame)
_decode: Final = _decoder.decode
_encode: Final = msgspec.json.Encoder().encode
_NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BEGINNING = re.compile(rb'\s*\[\s*([234])\s*,\s*("(?:[^"\\\x00-\x1f]|\\.)*")')


def decode_frame(frame: bytes) -> Frame:
    """The frame in a text message (UTF-8). Raises FrameFault, which says whether and what to answer."""
    try:
        return _decode(frame)
    except _NOT_DECODED as refusal:
        raise _frame_fault(frame, refusal) from refusal


def encode_call(message_id: str, request: Record) -> bytes:
    """The text message of a request; `message_id` has at most 36 characters."""
    assert len(message_id) <= MESSAGE_ID_MAX_LENGTH, f"message id {message_id!r} is too long"
    return _encode((CALL, message_id, ACTION_OF[request.__class__].name, request))


def encode_call_result(message_id: str, response: Record) -> bytes:
    """The text message of an answer to the CALL with `message_id`."""
    return _encode((CALL_RESULT, message_id, response))


def encode_call_error(
    message_id: str, code: ErrorCode, description: str = "", details: dict[str, Any] | None = None
) -> bytes:
    """The text message that refuses the CALL with `message_id`; a description over 255 characters is cut."""
    return _encode((CALL_ERROR, message_id, code, description[:ERROR_DESCRIPTION_MAX_LENGTH], details or {}))


def _frame_fault(frame: bytes, refusal: Exception) -> FrameFault:
    try:
        elements = msgspec.json.decode(frame)
    except _NOT_DECODED:
        return _unreadable(frame, refusal)
    if not isinstance(elements, list) or not elements:
        return _fault(None, False, f"expected a JSON array of 3 to 5 elements, came {json_kind(elements)}")
    number = elements[0]
    message_id = elements[1] if len(elements) > 1 and isinstance(elements[1], str) else None
    if type(number) is int and number not in (CALL, CALL_RESULT, CALL_ERROR):
        said = f"expected message type number 2, 3 or 4, came {str(number)[:20]}"
        return FrameFault(message_id, False, ErrorCode.FormationViolation, said, ignored=True)
    is_call = type(number) is int and number == CALL
    if is_call and message_id is not None and len(message_id) > MESSAGE_ID_MAX_LENGTH:
        said = f"expected a message id of at most {MESSAGE_ID_MAX_LENGTH} characters, came {len(message_id)}"
        return _fault(message_id, is_call, said)
    return _fault(message_id, is_call, f"expected {_expected(number)}, came {_shape(elements)}")


def _unreadable(frame: bytes, refusal: Exception) -> FrameFault:
    """No JSON as a whole. Its beginning may still be that of a frame."""
    said = f"expected valid JSON in UTF-8, came {len(frame)} bytes that are not: {refusal}"
    beginning = _BEGINNING.match(frame)
    if beginning is None:
        return _fault(None, False, said)
    try:
        message_id = msgspec.json.decode(beginning[2], type=str)
    except _NOT_DECODED:
        return _fault(None, False, said)
    return _fault(message_id, int(beginning[1]) == CALL, said)


def _fault(message_id: str | None, is_call: bool, description: str) -> FrameFault:
    return FrameFault(message_id, is_call, ErrorCode.FormationViolation, description)


_SHAPES: Final = {
    CALL: "[2, text, text, object]",
    CALL_RESULT: "[3, text, object]",
    CALL_ERROR: "[4, text, text, text, object]",
}


def _expected(number: object) -> str:
    if type(number) is int:
        return _SHAPES[number]
    return "2, 3 or 4 as first element"


def _shape(elements: list[object]) -> str:
    shown = ", ".join([str(elements[0])[:20], *(json_kind(element) for element in elements[1:6])])
    return f"[{shown}{', ...' if len(elements) > 6 else ''}]"
