"""Files over FTP: anybody may fetch what stations fetch; who holds a ticket may put the one file it stands for.

The user of an upload is named in the address that the station was given; its password is the ticket's token. Such a
user sees one empty folder. Nothing can be listed into, renamed, appended to or deleted.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aioftp
from aioftp.pathio import AsyncPathIOContext

from forecourt.evlink.price_messages import TARIFF_FILE_NAME
from forecourt.runtime.ports import port_unavailable
from forecourt.supervision.files_store import FileRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.supervision.files_store import FileStore, Incoming, Ticket

ANYBODY = frozenset({"anonymous", "ftp"})
NOTHING = Path("/nothing")
"""What an uploader sees as its root; it stands for no folder of this machine."""
FORBIDDEN = ("appe", "dele", "mkd", "rest", "rmd", "rnfr", "rnto")
IDLE_S = 300.0
SOCKET_S = 60.0

logging.getLogger("aioftp").addHandler(logging.NullHandler())  # what a peer does wrong is no news on stderr


class _User(aioftp.User):
    """Who is logged in, or about to be."""

    def __init__(self, login: str, folder: Path, ticket: Ticket | None) -> None:
        uploads = ticket is not None or login not in ANYBODY
        permission = aioftp.Permission("/", readable=not uploads, writable=uploads)
        super().__init__(login, base_path=folder, permissions=[permission])
        self.ticket = ticket


class _Users(aioftp.AbstractUserManager):
    def __init__(self, store: FileStore) -> None:
        super().__init__()
        self._store = store
        self.forget: Callable[[aioftp.User], object] = id
        """Is told who has gone."""

    async def notify_logout(self, user: aioftp.User) -> None:
        self.forget(user)

    async def get_user(self, login: str) -> tuple[Any, aioftp.User | None, str]:
        """Whoever asks is asked for a password, so that nobody learns which tickets there are."""
        folder = self._store.files if login in ANYBODY else NOTHING
        return self.GetUserResponse.PASSWORD_REQUIRED, _User(login, folder, None), "password required"

    async def authenticate(self, user: aioftp.User, password: str) -> bool:
        assert isinstance(user, _User)
        if user.login in ANYBODY:
            return True
        user.ticket = self._store.ticket_of_login(user.login or "", password)
        return user.ticket is not None


class _Upload(AsyncPathIOContext):
    """The file that is put: kept when all of it came, else nothing is left."""

    def __init__(self, store: FileStore, ticket: Ticket, name: str) -> None:
        self._store = store
        self._ticket = ticket
        self._name = name
        self._incoming: Incoming | None = None

    async def __aenter__(self) -> _Upload:
        try:
            self._incoming = await self._store.receive(self._ticket).__aenter__()
        except FileRefused as refusal:
            raise aioftp.PathIOError(reason=None) from refusal
        return self

    async def write(self, data: bytes) -> int:  # type: ignore[override]
        """Add a piece."""
        assert self._incoming is not None
        try:
            await self._incoming.write(data)
        except FileRefused as refusal:
            raise aioftp.PathIOError(reason=None) from refusal
        return len(data)

    async def __aexit__(self, kind: object, *rest: object) -> None:
        assert self._incoming is not None
        try:
            if kind is None:
                await self._store.keep_upload(self._incoming, self._ticket, self._name)
        except FileRefused as refusal:
            raise aioftp.PathIOError(reason=None) from refusal
        finally:
            await self._incoming.__aexit__(kind, *rest)


def _path_io(store: FileStore) -> type[aioftp.AsyncPathIO]:
    """The folders as users see them."""

    class Folders(aioftp.AsyncPathIO):
        def _file(self, path: Path) -> Path:
            """A file may be fetched by another name below its own: stations look at the end of a tariff's address."""
            return path.parent if path.name == TARIFF_FILE_NAME and path.parent.parent == store.files else path

        def _sees(self, path: Path) -> bool:
            return path == store.files or (path.parent == store.files and not path.name.startswith("."))

        async def exists(self, path: Path) -> bool:
            path = self._file(path)
            return path == NOTHING or (self._sees(path) and await super().exists(path))

        async def is_dir(self, path: Path) -> bool:
            return path in (NOTHING, store.files)

        async def is_file(self, path: Path) -> bool:
            path = self._file(path)
            return self._sees(path) and await super().is_file(path)

        def open(self, path: Path, mode: str = "rb") -> AsyncPathIOContext:  # type: ignore[override]
            assert self.connection is not None
            user = self.connection.user
            if mode == "rb" and self._sees(self._file(path)):
                return super().open(self._file(path), mode=mode)
            if mode != "wb" or not isinstance(user, _User) or user.ticket is None:
                raise aioftp.PathIOError(reason=None)
            return _Upload(store, user.ticket, path.name)

    return Folders


class _Server(aioftp.Server):
    async def parse_command(self, *arguments: Any, **options: Any) -> tuple[str, str]:
        """The end of a connection is an exception, which the library leaves for the event loop to complain about."""
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await super().parse_command(*arguments, **options)


class FtpServer:
    """An FTP server over the file store. `start` raises `PortUnavailableError` with a sentence."""

    def __init__(self, store: FileStore, host: str, port: int) -> None:
        self._host = host
        self.port = port
        """The port; the one found when 0 was asked for, once started."""
        users = _Users(store)
        self._server = _Server(
            users,
            path_io_factory=_path_io(store),
            socket_timeout=SOCKET_S,
            idle_timeout=IDLE_S,
            maximum_connections=64,
            welcome_message="Forecourt",
        )
        users.forget = lambda user: self._server.throttle_per_user.pop(user, None)  # it would keep everybody
        for command in FORBIDDEN:
            self._server.commands_mapping.pop(command, None)

    async def start(self) -> None:
        """Listen."""
        try:
            await self._server.start(self._host, self.port)
        except OSError as fault:
            raise port_unavailable(fault, self._host, self.port) from fault
        self.port = self._server.server_port

    async def stop(self) -> None:
        """End what is under way and close the port."""
        await self._server.close()
