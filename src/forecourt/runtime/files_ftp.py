"""Files over FTP, always passive and in binary.

The data connection goes to the address that the control connection reached, whatever the server names: an answer to
PASV cannot lead the station to another host. An upload that breaks off is deleted, if the server still listens.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import aioftp
from aioftp.errors import AIOFTPException

from forecourt.runtime.file_place import Place, TransferError
from forecourt.station.events import TransferProblem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

BLOCK_BYTES = 65_536
ANSWER_LINES = 1_000
"""More lines than this of answers are no FTP."""
DELETE_S = 2.0
"""Real seconds that the deletion of a partial upload may take."""
ANONYMOUS = ("anonymous", "forecourt@")
_ABOUT_FOLDER, _ABOUT_FETCH, _ABOUT_SEND = "the folder", "the file to fetch", "the file to send"

_ANSWER_PROBLEMS = {
    ("430", None): TransferProblem.REFUSED,
    ("530", None): TransferProblem.REFUSED,
    ("532", None): TransferProblem.REFUSED,
    ("425", None): TransferProblem.INTERRUPTED,
    ("426", None): TransferProblem.INTERRUPTED,
    ("550", _ABOUT_FOLDER): TransferProblem.NOT_FOUND,
    ("550", _ABOUT_FETCH): TransferProblem.NOT_FOUND,
    ("550", _ABOUT_SEND): TransferProblem.REFUSED,
    ("553", _ABOUT_SEND): TransferProblem.REFUSED,
}
"""What the answer of a server means, to whatever or to a command about something; any other is SERVER."""


class _Client(aioftp.Client):
    """A client that does not read answers without an end."""

    lines = 0

    async def parse_line(self) -> tuple[aioftp.Code, str]:
        """The next line of an answer. Raises `ValueError` beyond `ANSWER_LINES`."""
        self.lines += 1
        if self.lines > ANSWER_LINES:
            raise ValueError(f"expected at most {ANSWER_LINES} lines of answers")
        return await super().parse_line()


class Ftp:
    """Moves files over FTP."""

    async def fetch(self, place: Place, most_bytes: int) -> bytes:
        """Download a file of at most `most_bytes`, whatever was announced."""
        path = place.ftp_path()
        async with _session(place) as client:
            announced = await _size(client, place, path)
            if announced is not None and announced > most_bytes:
                reason = f"expected at most {most_bytes} bytes from {place}, it announces {announced}"
                raise TransferError(TransferProblem.TOO_LARGE, reason)
            most = most_bytes if announced is None else announced
            data = bytearray()
            with _told(place, _ABOUT_FETCH):
                async with _data_connection(client, f"RETR {path}") as (reader, _):
                    while block := await reader.read(BLOCK_BYTES):
                        data += block
                        if len(data) > most:
                            raise TransferError(
                                TransferProblem.TOO_LARGE, f"expected at most {most} bytes from {place}, came more"
                            )
                await client.command(None, "2xx", "1xx")
            if announced is not None and len(data) < announced:
                reason = f"expected {announced} bytes from {place}, came {len(data)}"
                raise TransferError(TransferProblem.INTERRUPTED, reason)
            return bytes(data)

    async def send(self, folder: Place, name: str, data: bytes) -> None:
        """Upload a file into a folder."""
        path = folder.ftp_path().rstrip("/") or ("/" if folder.ftp_path() else "")
        async with _session(folder) as client:
            if path:
                with _told(folder, _ABOUT_FOLDER):
                    await client.command(f"CWD {path}", "2xx")
            with _told(folder, _ABOUT_SEND):
                async with _data_connection(client, f"STOR {name}") as (_, writer):
                    try:
                        for start in range(0, len(data), BLOCK_BYTES):
                            writer.write(data[start : start + BLOCK_BYTES])
                            await writer.drain()
                        writer.close()
                        await writer.wait_closed()
                        await client.command(None, "2xx", "1xx")
                    except (OSError, AIOFTPException):
                        await _delete(client, name)
                        raise


@asynccontextmanager
async def _session(place: Place) -> AsyncIterator[_Client]:
    """A client that is logged in."""
    client = _Client()
    try:
        try:
            await client.connect(place.host, place.port)
        except OSError:
            raise TransferError(TransferProblem.UNREACHABLE, f"{place} does not answer") from None
        except (AIOFTPException, ValueError, IndexError) as error:
            raise _trouble(place, "", error) from None
        client.server_host = client.stream.writer.get_extra_info("peername")[0]
        with _told(place, ""):
            await client.login(*(ANONYMOUS if place.user is None else (place.user, place.password)))
        yield client
        with suppress(OSError):
            await client.command("QUIT")
    finally:
        client.close()


@asynccontextmanager
async def _data_connection(
    client: _Client, command: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await client.get_passive_connection("I")
    try:
        await client.command(command, "1xx")
        yield reader, writer
    finally:
        writer.close()


async def _size(client: _Client, place: Place, path: str) -> int | None:
    """How many bytes the server says that a file has; None when it does not say."""
    with _told(place, _ABOUT_FETCH):
        await client.command("TYPE I", "200")
        code, lines = await client.command(f"SIZE {path}", "xxx")
        text = lines[-1].strip()
        return int(text) if code == "213" and text.isascii() and text.isdigit() else None


async def _delete(client: _Client, name: str) -> None:
    with suppress(OSError, AIOFTPException, ValueError):
        async with asyncio.timeout(DELETE_S):
            await client.command(f"DELE {name}", "2xx", ("1xx", "4xx"))


@contextmanager
def _told(place: Place, about: str) -> Iterator[None]:
    """Turns what the library raises into a `TransferError`."""
    try:
        yield
    except (OSError, AIOFTPException, ValueError, IndexError) as error:
        raise _trouble(place, about, error) from None


def _trouble(place: Place, about: str, error: Exception) -> TransferError:
    if isinstance(error, aioftp.StatusCodeError):
        code = str(error.received_codes[-1])
        problem = _ANSWER_PROBLEMS.get((code, None)) or _ANSWER_PROBLEMS.get((code, about), TransferProblem.SERVER)
        return TransferError(problem, f"{place} answers {code}{' about ' if about else ''}{about}")
    if isinstance(error, OSError):
        return TransferError(TransferProblem.INTERRUPTED, f"{place} ended the connection before the file was through")
    return TransferError(TransferProblem.SERVER, f"{place} answers what is no FTP")
