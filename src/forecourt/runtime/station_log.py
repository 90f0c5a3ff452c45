"""What happened to one station, for its diagnostics: messages, events and effects, a line each.

Theory of operation. A line is a JSON object with `time`, `kind` and `text`. What is written is a table, `_TEXTS`: what
is not in it, such as a record or a key, never gets into the log. Messages are written as on the wire, but for the value
of AuthorizationKey and for user and password in addresses.

With a file, every line is handed to the system at once and outlives the process, also `kill -9`. When the file is full
it takes the place of the one before, so that the log is bounded by two files. A line that a crash or a full disk cut
short is skipped when read. A disk that is full never stops the station: lines are lost, and counted by a line of the
log when there is room again. Without a file the last lines stay in memory.

Times are those of the process's clock. A reader says how far the station's own clock is ahead of it: so a correction of
that clock moves the whole log, and lines stay in order.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.runtime.wire_log import WireLog, without_credentials, without_secrets
from forecourt.station import effects, events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

FILE_BYTES = 1_000_000
"""The file is full beyond this; there are two."""
LINES = 2_000
"""Without a file so many lines are kept."""
GRAIN_S = 0.001
"""The station's clock tells milliseconds: what happens at the very beginning or end is in the log."""
RECEIVED, SENT = "Received", "Sent"
LOST = "Lines lost"


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of the log."""

    time: datetime
    kind: str
    """What it is: Received, Sent, or the name of an event, effect or entry."""
    text: str


def _plain(what: Any) -> str:
    """The fields of something that holds no secret and no file."""
    return msgspec.json.encode(what).decode()


def _address_only(what: effects.OpenLink) -> str:
    return without_credentials(what.url)


_TEXTS: dict[type[Any], Callable[[Any], str]] = {
    events.PowerRestored: _plain,
    events.PowerLost: _plain,
    events.LinkOpened: _plain,
    events.LinkRefused: _plain,
    events.LinkClosed: _plain,
    events.CablePlugged: _plain,
    events.CableUnplugged: _plain,
    events.BadgeShown: _plain,
    events.ConnectorShown: _plain,
    events.VehicleDrawing: _plain,
    events.VehiclePaused: _plain,
    events.FaultRaised: _plain,
    events.FaultCleared: _plain,
    events.KeySet: lambda what: what.key,
    events.RebootRequested: _plain,
    events.FileFetched: lambda what: f"{what.id}: {len(what.data)} bytes",
    events.FileSent: lambda what: what.id,
    events.TransferFailed: lambda what: f"{what.id}: {what.problem}: {what.reason}",
    events.SaveFailed: _plain,
    events.SaveRecovered: _plain,
    effects.OpenLink: _address_only,
    effects.CloseLink: _plain,
    effects.CloseContactor: _plain,
    effects.OpenContactor: _plain,
    effects.LimitPower: _plain,
    effects.FetchFile: lambda what: f"{what.id}: {without_credentials(what.url)}",
    effects.SendFile: lambda what: f"{what.id}: {what.name} to {without_credentials(what.url)}",
    effects.StopTransfer: _plain,
    effects.Reboot: _plain,
}
"""What is written of events and effects; a LogEvent has a kind of its own."""


class StationLog:
    """The log of one station, in `path` and a file beside it, or in memory when that is None."""

    def __init__(self, path: Path | None = None, file_bytes: int = FILE_BYTES, lines: int = LINES) -> None:
        """Nothing is opened before the first line."""
        self._path = path
        self._file_bytes = file_bytes
        self._ring: deque[bytes] = deque(maxlen=lines)
        self._file: int | None = None
        self._size = 0
        self._lost = 0
        self._lock = threading.Lock()
        """Held while the files change places or are read."""

    def add(self, wall_s: float, kind: str, text: str) -> None:
        """Write one line. Never raises for a disk that is full or broken."""
        line = _encoded(wall_s, kind, text)
        if self._path is None:
            self._ring.append(line)
            return
        if self._lost:
            line = _encoded(wall_s, LOST, f"{self._lost} lines could not be written") + line
        try:
            self._write(line)
            self._lost = 0
        except OSError:
            self._lost += 1

    def hear(self, what: events.Event | effects.Effect, wall_s: float) -> None:
        """Write down an event or effect, if it is one that is written."""
        if type(what) is effects.LogEvent:
            self.add(wall_s, what.name, without_credentials(what.detail))
            return
        text = _TEXTS.get(type(what))
        if text is not None:
            self.add(wall_s, type(what).__name__, text(what))

    def frame(self, wall_s: float, direction: str, frame: bytes) -> None:
        """Write down a message; `direction` as in a wire log."""
        self.add(wall_s, RECEIVED if direction == "<" else SENT, without_secrets(frame.decode("utf-8", "replace")))

    def extract(self, from_s: float, until_s: float, ahead_s: float) -> bytes:
        """The lines between two times, oldest first, as JSON lines; on any thread.

        The times, also those of the lines that are returned, are of a clock that is `ahead_s` ahead of the process's.
        """
        wanted = bytearray()
        for line in _decoded(self._lines()):
            time_s = line.time.timestamp() + ahead_s
            if from_s - GRAIN_S <= time_s <= until_s + GRAIN_S:
                wanted += _encoded(time_s, line.kind, line.text)
        return bytes(wanted)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lines(self) -> Iterable[bytes]:
        with self._lock:
            if self._path is None:
                return list(self._ring)
            return [line for path in (_before(self._path), self._path) for line in _read(path).splitlines()]

    def _write(self, line: bytes) -> None:
        assert self._path is not None, "a log in memory writes nothing"
        if self._file is None:
            self._open()
        elif self._size + len(line) > self._file_bytes:
            self.close()
            with self._lock:
                self._path.replace(_before(self._path))
            self._open()
        assert self._file is not None, "it has just been opened"
        written = write(self._file, line)
        self._size += written
        if written != len(line):
            self.close()  # opened again, a new line begins
            raise OSError(f"{written} of {len(line)} bytes were written")

    def _open(self) -> None:
        assert self._path is not None, "a log in memory has no file"
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o600)
        try:
            self._size = os.fstat(file).st_size
            if self._size and os.pread(file, 1, self._size - 1) != b"\n":
                self._size += write(file, b"\n")
        except OSError:
            os.close(file)
            raise
        self._file = file


def write(file: int, data: bytes) -> int:
    """Hand bytes to the system; returns how many it took. A seam for tests of a full disk."""
    return os.write(file, data)


class FollowedWireLog(WireLog):
    """A wire log whose messages also go to the station's log."""

    __slots__ = ("_log",)

    def __init__(self, log: StationLog, length: int, speed: float) -> None:
        super().__init__(length, speed)
        self._log = log

    def add(self, wall_s: float, direction: str, frame: bytes) -> None:
        """Keep one frame here and there."""
        super().add(wall_s, direction, frame)
        self._log.frame(wall_s, direction, frame)


def _encoded(time_s: float, kind: str, text: str) -> bytes:
    return msgspec.json.encode(Line(datetime.fromtimestamp(time_s, UTC), kind, text)) + b"\n"


def _decoded(lines: Iterable[bytes]) -> Iterator[Line]:
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # cut short


def _before(path: Path) -> Path:
    return path.with_name(f"{path.stem}.1{path.suffix}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
