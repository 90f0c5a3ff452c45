"""What went over a simulated connection, message by message, for scenarios to look at."""

from __future__ import annotations

from typing import Any

import msgspec

SENT, RECEIVED = ">", "<"
"""Seen from the station: `>` to the supervision, `<` from it."""

_kinds = {2: "CALL", 3: "CALLRESULT", 4: "CALLERROR"}


class Message(msgspec.Struct, frozen=True):
    """One frame."""

    at: float
    """Seconds of the world at which it was sent."""
    direction: str
    kind: str
    """CALL, CALLRESULT, CALLERROR, or `text` for what is none of them."""
    id: str
    action: str
    """Of a CALL, and of the CALL that an answer belongs to."""
    payload: dict[str, Any]
    """Of a CALL or CALLRESULT; of a CALLERROR `code`, `description` and `details`."""
    text: str


class Wire:
    """The messages of one station, oldest first."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.keeps_messages = True
        self.count = 0
        self._actions: dict[tuple[str, str], str] = {}

    def pass_by(self, at: float, direction: str, frame: bytes) -> None:
        """Count a frame as it is sent and, unless only that is wanted, write it down."""
        self.count += 1
        if self.keeps_messages:
            self.note(at, direction, frame)

    def note(self, at: float, direction: str, frame: bytes) -> Message:
        """Write down a frame."""
        message = self._read(at, direction, frame)
        self.messages.append(message)
        return message

    def _read(self, at: float, direction: str, frame: bytes) -> Message:
        text = frame.decode("utf-8", "replace")
        try:
            parts = msgspec.json.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Message(at, direction, "text", "", "", {}, text)
        if not isinstance(parts, list) or len(parts) < 3 or type(parts[0]) is not int or parts[0] not in _kinds:
            return Message(at, direction, "text", "", "", {}, text)
        kind, message_id = _kinds[parts[0]], str(parts[1])
        if kind == "CALL":
            self._actions[(direction, message_id)] = str(parts[2])
            payload = parts[3] if len(parts) > 3 else {}
            return Message(at, direction, kind, message_id, str(parts[2]), payload, text)
        action = self._actions.get((RECEIVED if direction == SENT else SENT, message_id), "")
        if kind == "CALLRESULT":
            return Message(at, direction, kind, message_id, action, parts[2], text)
        error = dict(zip(("code", "description", "details"), parts[2:5], strict=False))
        return Message(at, direction, kind, message_id, action, error, text)

    def calls(self, action: str | None = None, direction: str = SENT) -> list[Message]:
        """The CALLs of one side, of one action or of all."""
        return [
            message
            for message in self.messages
            if message.kind == "CALL" and message.direction == direction and action in (None, message.action)
        ]

    def payloads(self, action: str) -> list[dict[str, Any]]:
        """The payloads of the station's requests of this action, oldest first."""
        return [message.payload for message in self.calls(action)]

    def actions(self) -> list[str]:
        """The actions that the station asked for, in order."""
        return [message.action for message in self.calls()]
