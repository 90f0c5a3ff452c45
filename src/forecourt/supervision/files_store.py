"""The files of the supervision on disk: what stations fetch (`files/`), what they uploaded (`uploads/<identity>/`).

Theory of operation. A station may put only what it was asked for: `issue` gives a ticket for one command, whose token
stands in the address the station is given. The token is the permission: it is random, holds for one whole file and for
a day, and names the station's folder, so nothing in a name can lead elsewhere. What comes in is written beside, in
`.incoming/`, and takes its name only when it is whole and on the disk; otherwise nothing of it is left. A name that is
taken already stays whose it is: the newcomer gets a number.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import os
import secrets
import shutil
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

import msgspec

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MEBIBYTE = 2**20
TICKET_S = 24 * 3600.0
"""How long a station has for the upload it was asked for; retries and queues may take hours."""
TICKETS = 10_000
"""So many unused tickets at most; the oldest is taken back first."""
NAME_LENGTH = 200
"""Bytes of a file name."""
FOLDER_LENGTH = 200
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileRefused(ForecourtError):  # noqa: N818
    """A file is not taken or not given. `status` is the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class FileLimits(msgspec.Struct, frozen=True):
    """How much is taken."""

    upload_bytes: int = 64 * MEBIBYTE
    """One upload of a station."""
    uploads_bytes: int = 2048 * MEBIBYTE
    """All uploads together."""
    file_bytes: int = 512 * MEBIBYTE
    """One file that the operator puts for stations to fetch."""


class Ticket:
    """The permission to put one file."""

    __slots__ = ("command_id", "expires_s", "identity", "is_spent", "is_taken", "token")

    def __init__(self, token: str, identity: str, command_id: str, expires_s: float) -> None:
        self.token = token
        self.identity = identity
        self.command_id = command_id
        self.expires_s = expires_s
        self.is_taken = False
        """While a file comes in on it."""
        self.is_spent = False

    @property
    def login(self) -> str:
        """The user under which FTP knows it."""
        return f"upload-{self.command_id}"


class StoredFile(msgspec.Struct, frozen=True):
    """A file in `files/`."""

    name: str
    size_bytes: int
    modified_s: float
    is_signed: bool


class Incoming:
    """A file that comes in: `write` its pieces, then `keep` it; leaving the context without that leaves nothing."""

    def __init__(self, store: FileStore, most_bytes: int, ticket: Ticket | None) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._ticket = ticket
        self.size_bytes = 0

    async def __aenter__(self) -> Incoming:
        if self._ticket is not None:
            self._ticket.is_taken = True
        try:
            self._file, self._path = await asyncio.to_thread(self._store.open_incoming)
        except OSError as fault:
            self._let_go()
            raise storage_refused(fault) from fault
        return self

    async def __aexit__(self, *_: object) -> None:
        self._let_go()
        await asyncio.to_thread(self._discard)

    async def write(self, piece: bytes) -> None:
        """Add a piece. Raises `FileRefused` (413, 507)."""
        self.size_bytes += len(piece)
        if self._ticket is not None:
            self._store.used_bytes += len(piece)
        if self.size_bytes > self._most_bytes:
            raise FileRefused(413, f"A file may hold at most {self._most_bytes} bytes; more came.")
        if self._store.used_bytes > self._store.limits.uploads_bytes:
            quota = self._store.limits.uploads_bytes
            raise FileRefused(507, f"All uploads together may hold {quota} bytes: delete some.")
        try:
            await asyncio.to_thread(self._file.write, piece)
        except OSError as fault:
            raise storage_refused(fault) from fault

    async def keep(self, folder: Path, name: str, *, replace: bool = False) -> str:
        """Give the whole file its place, durably; the name it got. Raises `FileRefused` (507)."""
        try:
            kept = await asyncio.to_thread(self._keep, folder, name, replace)
        except OSError as fault:
            raise storage_refused(fault) from fault
        if self._ticket is not None:
            self._ticket.is_spent = True
        return kept

    def _keep(self, folder: Path, name: str, replace: bool) -> str:
        self._file.flush()
        os.fsync(self._file.fileno())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = name if replace else _reserve(folder, name)
        self._path.replace(folder / kept)
        _sync_folder(folder)
        return kept

    def _discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _let_go(self) -> None:
        if self._ticket is not None:
            self._ticket.is_taken = False
            if not self._ticket.is_spent:
                self._store.used_bytes -= self.size_bytes


class FileStore:
    """The folders and the tickets. Without a folder of its own everything is temporary."""

    def __init__(self, folder: Path | None, now: Callable[[], float], limits: FileLimits | None = None) -> None:
        self._wanted = folder
        self._now = now
        self.limits = limits or FileLimits()
        self.used_bytes = 0
        """What all uploads hold, those that are coming in included."""
        self._tickets: dict[str, Ticket] = {}
        self._arrived: Callable[[Ticket, str, int], Awaitable[None]] = _nobody

    async def open(self, arrived: Callable[[Ticket, str, int], Awaitable[None]]) -> None:
        """Look at what is there. `arrived` is told of each upload, by name and size, before the station is."""
        self._arrived = arrived
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        self._folder = self._wanted or Path(tempfile.mkdtemp(prefix="forecourt-files-"))
        shutil.rmtree(self._folder / ".incoming", ignore_errors=True)
        self.used_bytes = sum(path.stat().st_size for path in self.uploads.glob("*/*") if path.is_file())

    async def close(self) -> None:
        """Forget what was temporary."""
        if self._wanted is None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def files(self) -> Path:
        """What stations fetch."""
        return self._folder / "files"

    @property
    def signatures(self) -> Path:
        """The signatures of files that are firmware, each under the name of its file."""
        return self._folder / "signatures"

    @property
    def uploads(self) -> Path:
        """What stations uploaded, a folder each."""
        return self._folder / "uploads"

    def open_incoming(self) -> tuple[BinaryIO, Path]:
        """A new file beside the others, on the same disk."""
        folder = self._folder / ".incoming"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, path = tempfile.mkstemp(dir=folder)
        return os.fdopen(number, "wb"), Path(path)

    # What stations fetch.

    def stored(self) -> list[StoredFile]:
        """The files that stations may fetch, by name."""
        return sorted(self._stored(), key=lambda file: file.name)

    def _stored(self) -> Iterator[StoredFile]:
        for path in self.files.glob("*"):
            if path.is_file() and not path.is_symlink() and is_safe_name(path.name):
                stat = path.stat()
                yield StoredFile(path.name, stat.st_size, stat.st_mtime, (self.signatures / path.name).is_file())

    def find(self, name: str) -> Path:
        """Where a file to fetch lies. Raises `FileRefused` (404)."""
        path = self.files / require_safe_name(name)
        if not path.is_file() or path.is_symlink():
            raise FileRefused(404, f"There is no file {name} here.")
        return path

    def remove(self, name: str) -> None:
        """Delete a file to fetch and its signature. Raises `FileRefused` (404)."""
        self.find(name).unlink()
        self.remove_signature(name)

    def remove_signature(self, name: str) -> None:
        """Delete the signature of a file, if it has one."""
        (self.signatures / require_safe_name(name)).unlink(missing_ok=True)

    def put(self) -> Incoming:
        """A file of the operator that comes in."""
        return Incoming(self, self.limits.file_bytes, None)

    # What stations put.

    def issue(self, identity: str, command_id: str) -> Ticket:
        """A new ticket for the upload that a command asks for."""
        now = self._now()
        for token, ticket in tuple(self._tickets.items()):
            if ticket.expires_s > now and len(self._tickets) < TICKETS:
                break
            del self._tickets[token]
        ticket = Ticket(secrets.token_urlsafe(24), identity, command_id, now + TICKET_S)
        self._tickets[ticket.token] = ticket
        return ticket

    def take_back(self, ticket: Ticket) -> None:
        """The command came to nothing: nobody is to put anything."""
        self._tickets.pop(ticket.token, None)

    def ticket(self, token: str) -> Ticket:
        """The ticket of a token. Raises `FileRefused`: 404 unknown or expired, 410 used, 409 in use."""
        ticket = self._tickets.get(token)
        if ticket is None or ticket.expires_s <= self._now():
            raise FileRefused(404, "Nobody was asked for an upload at this address, or it is too long ago.")
        return _require_free(ticket)

    def ticket_of_login(self, login: str, password: str) -> Ticket | None:
        """The same by FTP's user and password; None for a wrong one."""
        ticket = self._tickets.get(password)
        if ticket is None or ticket.expires_s <= self._now() or not hmac.compare_digest(ticket.login, login):
            return None
        return ticket

    def receive(self, ticket: Ticket, announced_bytes: int | None = None) -> Incoming:
        """An upload that comes in. Raises `FileRefused`: 409, 410 for the ticket, 413 for what is announced."""
        _require_free(ticket)
        if announced_bytes is not None and announced_bytes > self.limits.upload_bytes:
            most = self.limits.upload_bytes
            raise FileRefused(413, f"An upload may hold at most {most} bytes; {announced_bytes} were announced.")
        return Incoming(self, self.limits.upload_bytes, ticket)

    async def keep_upload(self, incoming: Incoming, ticket: Ticket, name: str) -> str:
        """Take a whole upload in, and tell; its name. Durable when this returns."""
        kept = await incoming.keep(self.uploads / folder_name(ticket.identity), require_safe_name(name))
        await self._arrived(ticket, kept, incoming.size_bytes)
        return kept

    def find_upload(self, identity: str, name: str) -> Path:
        """Where an upload lies. Raises `FileRefused` (404)."""
        path = self.uploads / folder_name(identity) / require_safe_name(name)
        if not path.is_file():
            raise FileRefused(404, f"There is no upload {name} of {identity} here.")
        return path

    def remove_upload(self, identity: str, name: str) -> None:
        """Delete one. Raises `FileRefused` (404)."""
        path = self.find_upload(identity, name)
        self.used_bytes -= path.stat().st_size
        path.unlink()


def is_safe_name(name: str) -> bool:
    """Whether a name is a plain file name that leads nowhere else and hides nothing."""
    return (
        0 < len(name.encode(errors="replace")) <= NAME_LENGTH
        and not name.startswith(".")
        and all(char.isprintable() and char not in "/\\:" for char in name)
    )


def require_safe_name(name: str) -> str:
    """The name itself. Raises `FileRefused` (400) unless it is safe."""
    if not is_safe_name(name):
        raise FileRefused(
            400,
            f"A file name has 1 to {NAME_LENGTH} printable characters, no slash, backslash or colon, "
            f"and no dot at its beginning; {name[:NAME_LENGTH]!a} came.",
        )
    return name


def folder_name(identity: str) -> str:
    """The folder of a station: its identity, with what a file system or a person could stumble over as %XX."""
    name = quote(identity, safe="").replace(".", "%2E")
    if len(name) <= FOLDER_LENGTH:
        return name
    return name[: FOLDER_LENGTH - 33] + "-" + blake2b(identity.encode(), digest_size=16).hexdigest()


def storage_refused(fault: OSError) -> FileRefused:
    """507 with the reason of the disk; nothing of this machine's paths."""
    why = "the disk is full" if fault.errno in _FULL else os.strerror(fault.errno or errno.EIO)
    return FileRefused(507, f"The file cannot be kept here: {why}.")


def _require_free(ticket: Ticket) -> Ticket:
    if ticket.is_spent:
        raise FileRefused(410, "The upload that was asked for at this address has come already.")
    if ticket.is_taken:
        raise FileRefused(409, "An upload to this address is under way.")
    return ticket


def _reserve(folder: Path, name: str) -> str:
    """Take this name, or the first free one with a number; an empty file holds it."""
    stem, dot, ending = name.rpartition(".")
    number = 1
    while True:
        numbered = f"{stem}-{number}.{ending}" if dot and stem else f"{name}-{number}"
        wanted = name if number == 1 else numbered
        try:
            os.close(os.open(folder / wanted, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            number += 1
        else:
            return wanted


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


async def _nobody(_ticket: Ticket, _name: str, _size_bytes: int) -> None:
    """Who is told of an upload while nobody wants to know."""
