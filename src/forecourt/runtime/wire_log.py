"""The last messages of one station as they went over the wire, for a person to read. Bounded; a fleet has none.

Recording a frame costs an append; what a reader wants to know (action, time to the answer) is worked out when read.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LENGTH_DEFAULT = 500
"""A session of an hour with a MeterValues a minute and its surroundings is about 150 messages."""


HIDDEN = "(not shown)"
"""In place of a secret."""
_KEY = "authorizationkey"
_CREDENTIALS = re.compile(r"(:(?:\\*/){2})[^/?#\s]*@")
"""User and password in an address, also in one whose slashes are escaped, as in JSON within JSON."""
_MASKED = rf"\1{HIDDEN}@"


class WireMessage(msgspec.Struct, frozen=True, gc=False):
    """One message of the log."""

    time: float
    """Wall time in seconds since the epoch."""
    direction: str
    """`<` came in, `>` went out."""
    text: str
    """The message as on the wire; bytes that are no UTF-8 are replaced, and secrets are not shown."""
    action: str | None
    """The action of a CALL, also for its answer; None where none can be told."""
    latency_ms: float | None
    """For an answer, the time since its CALL in real ms."""
    number: int = 0
    """Its place among all messages of this process, from 1; what is before the first kept one has fallen out."""
    unique_id: str | None = None
    """Of the CALL and its answer; None where none can be told."""


class WireLog:
    """The last `length` messages, oldest first. `speed` is that of the clock the times are from."""

    __slots__ = ("_entries", "_number", "_speed", "hear")

    def __init__(self, length: int = LENGTH_DEFAULT, speed: float = 1.0) -> None:
        self._entries: deque[tuple[float, str, bytes]] = deque(maxlen=length)
        self._number = 0
        self._speed = speed
        self.hear: Callable[[float, str, bytes], None] | None = None
        """Is told of every frame as it is added: wall time, direction, frame."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def latest(self) -> int:
        """The number of the latest message; 0 before the first."""
        return self._number

    def add(self, wall_s: float, direction: str, frame: bytes) -> None:
        """Keep one frame; the oldest falls out when the log is full."""
        self._entries.append((wall_s, direction, frame))
        self._number += 1
        if self.hear is not None:
            self.hear(wall_s, direction, frame)

    def messages(self) -> Iterator[WireMessage]:
        """The log, oldest first, answers matched to their calls."""
        calls: dict[tuple[str, str], tuple[str, float]] = {}
        first = self._number - len(self._entries) + 1
        for number, (wall_s, direction, frame) in enumerate(self._entries, first):
            action, latency_s, unique_id = _describe(calls, wall_s, direction, frame)
            latency_ms = None if latency_s is None else round(latency_s / self._speed * 1000.0, 3)
            text = without_secrets(frame.decode("utf-8", "replace"))
            yield WireMessage(wall_s, direction, text, action, latency_ms, number, unique_id)


def _describe(
    calls: dict[tuple[str, str], tuple[str, float]], wall_s: float, direction: str, frame: bytes
) -> tuple[str | None, float | None, str | None]:
    """Action, seconds since the CALL, and the id of both."""
    try:
        parts: Any = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, None, None
    match parts:
        case [2, str(unique_id), str(action), *_]:
            calls[direction, unique_id] = (action, wall_s)
            return action, None, unique_id
        case [3 | 4, str(unique_id), *_]:
            caller = "<" if direction == ">" else ">"
            call = calls.get((caller, unique_id))
            return (None, None, unique_id) if call is None else (call[0], wall_s - call[1], unique_id)
        case _:
            return None, None, None


def without_secrets(text: str) -> str:
    """A message as it may be shown: without the AuthorizationKey that is set, and without passwords in addresses."""
    return without_credentials(_without_key(text))


def _without_key(text: str) -> str:
    """A message without the value that a ChangeConfiguration gives to AuthorizationKey.

    What names the key in a form that no station takes is left out as a whole: its peer may have meant it.
    """
    is_named = _KEY in text.lower()
    if not is_named and "\\" not in text:  # JSON may spell any letter as an escape
        return text
    try:
        parts: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return f"{HIDDEN}: no JSON, and it names AuthorizationKey" if is_named else text
    match parts:
        case [2, _, str(action), {"key": str(key), "value": _} as payload] if _may_set(action):
            if key.lower() != _KEY:
                return text
            payload["value"] = HIDDEN
            return msgspec.json.encode(parts).decode()
        case [2, _, str(action), *payloads] if _may_set(action) and _KEY in str(payloads).lower():
            return msgspec.json.encode([*parts[:3], HIDDEN]).decode()
        case _:
            return text


def _may_set(action: str) -> bool:
    return action.lower() == "changeconfiguration"


def without_credentials(text: str) -> str:
    """A text without user and password in the addresses in it, JSON with its escapes included."""
    if "@" not in text and "\\" not in text:
        return text
    try:
        decoded = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return _CREDENTIALS.sub(_MASKED, text)
    masked = _masked(decoded)
    return text if masked == decoded else msgspec.json.encode(masked).decode()


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _CREDENTIALS.sub(_MASKED, value)
    if isinstance(value, list):
        return [_masked(each) for each in value]
    if isinstance(value, dict):
        return {key: _masked(each) for key, each in value.items()}
    return value
