"""Files over FTP, with pyftpdlib and with servers made of bytes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.runtime.files import Files
from forecourt.station.effects import FetchFile, FilePart, SendFile
from forecourt.station.events import FileFetched, FileSent, TransferFailed, TransferProblem
from tests.file_peers import ENCODED, FtpScript, ftp_server, scripted

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    Play = Callable[[Coroutine[Any, Any, None]], None]

LIMIT = 2048 * 1024
COMES = {"RETR": "150 comes\r\n226 came"}


async def fetch(url: str, most_bytes: int = LIMIT, timeout_s: float = 10.0) -> FileFetched | TransferFailed:
    return await Files().fetch(FetchFile("d1", url, most_bytes, timeout_s))


async def send(url: str, data: bytes = b"[]", name: str = "CP1.json") -> FileSent | TransferFailed:
    return await Files().send(SendFile("u1", url, name, (FilePart("a", data),), None, 0.0, 10.0), None)


def problem(event: Any) -> TransferProblem:
    assert isinstance(event, TransferFailed)
    assert event.reason
    return event.problem


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server that lets the user do everything and others read."""
    with ftp_server(tmp_path) as serving:
        yield serving


def pasv(port: int, host: str = "127,0,0,1") -> str:
    return f"227 at ({host},{port >> 8},{port & 255})"


@pytest.mark.requirement("OCPP-8-2")
def test_a_file_comes_with_user_password_and_port_of_the_address(play: Play, tmp_path: Path, address: str) -> None:
    """pyftpdlib listens on a port of its own and refuses any other password."""
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "image.bin").write_bytes(bytes(range(256)) * 4096)

    async def scenario() -> None:
        url = f"{address}/a%20b/image.bin"
        whole = FileFetched("d1", bytes(range(256)) * 4096)
        assert await fetch(f"ftp://{ENCODED}@{url}") == whole
        assert await fetch(f"ftp://{ENCODED}@{url};type=i") == whole
        assert await fetch(f"ftp://{url}") == whole, "anonymous may read"
        for wrong in (f"ftp://fleet:other-secret@{url}", f"ftp://nobody:other-secret@{url}"):
            event = await fetch(wrong)
            assert problem(event) is TransferProblem.REFUSED
            assert "other-secret" not in str(event)

    play(scenario())


@pytest.mark.requirement("OCPP-8-2")
def test_a_file_goes_into_its_folder_with_user_password_and_port_of_the_address(
    play: Play, tmp_path: Path, address: str
) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)

    async def scenario() -> None:
        data = bytes(range(256)) * 4096
        for folder in ("", "/", "/in", "/in/deep/", "//in"):
            assert await send(f"ftp://{ENCODED}@{address}{folder}", data) == FileSent("u1")
        for folder in ("", "in", "in/deep"):
            assert (tmp_path / folder / "CP1.json").read_bytes() == data
        wrong = await send(f"ftp://fleet:other-secret@{address}/", data)
        assert problem(wrong) is TransferProblem.REFUSED
        assert "other-secret" not in str(wrong)

    play(scenario())


def test_a_file_of_exactly_the_limit_comes_and_2049_kb_do_not(play: Play, tmp_path: Path, address: str) -> None:
    (tmp_path / "most").write_bytes(bytes(LIMIT))
    (tmp_path / "more").write_bytes(bytes(2049 * 1024))

    async def scenario() -> None:
        assert await fetch(f"ftp://{address}/most") == FileFetched("d1", bytes(LIMIT))
        too_large = await fetch(f"ftp://{address}/more")
        assert problem(too_large) is TransferProblem.TOO_LARGE
        assert "announces 2098176" in str(too_large)

    play(scenario())


def test_what_is_not_there_is_not_found_and_what_is_forbidden_is_refused(
    play: Play, tmp_path: Path, address: str
) -> None:
    async def scenario() -> None:
        assert problem(await fetch(f"ftp://{address}/missing")) is TransferProblem.NOT_FOUND
        assert problem(await send(f"ftp://{ENCODED}@{address}/missing")) is TransferProblem.NOT_FOUND
        assert problem(await send(f"ftp://{address}/")) is TransferProblem.REFUSED, "anonymous may not write"

    play(scenario())
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_sends_more_than_it_announced_is_cut_off(play: Play) -> None:
    async def scenario() -> None:
        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(200_000))
            await writer.drain()

        async with scripted(data) as port:
            script = FtpScript(COMES | {"SIZE": "213 10", "PASV": pasv(port)})
            async with scripted(script) as control:
                assert problem(await fetch(f"ftp://127.0.0.1:{control}/f")) is TransferProblem.TOO_LARGE
            script.answers["SIZE"] = "502 no"
            async with scripted(script) as control:
                event = await fetch(f"ftp://127.0.0.1:{control}/f", 199_999)
                assert problem(event) is TransferProblem.TOO_LARGE
                assert await fetch(f"ftp://127.0.0.1:{control}/f", 200_000) == FileFetched("d1", bytes(200_000))

    play(scenario())


@pytest.mark.parametrize("last", ["226 that was it", "426 broken", ""], ids=["226", "426", "closed"])
def test_a_server_that_closes_early_has_interrupted_the_file(play: Play, last: str) -> None:
    """`last` is what it says of it; "" for a control connection that ends, too."""

    async def scenario() -> None:
        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"12345")

        async with scripted(data) as port:
            script = FtpScript({"SIZE": "213 10", "PASV": pasv(port), "RETR": f"150 comes\r\n{last}"})
            if not last:
                script.answers["RETR"] = "150 comes"
                script.last_verb = "RETR"
            async with scripted(script) as control:
                assert problem(await fetch(f"ftp://127.0.0.1:{control}/f")) is TransferProblem.INTERRUPTED

    play(scenario())


def test_an_upload_that_breaks_off_is_deleted(play: Play) -> None:
    async def scenario() -> None:
        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1000)
            writer.transport.abort()

        async with scripted(data) as port:
            script = FtpScript({"PASV": pasv(port), "STOR": "150 go on\r\n426 broken", "DELE": "250 gone"})
            async with scripted(script) as control:
                event = await send(f"ftp://127.0.0.1:{control}/", bytes(5_000_000))
                assert problem(event) is TransferProblem.INTERRUPTED
            assert "DELE CP1.json" in script.heard

    play(scenario())


def test_a_server_without_room_is_told_and_the_partial_file_is_deleted(play: Play) -> None:
    async def scenario() -> None:
        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with scripted(data) as port:
            script = FtpScript({"PASV": pasv(port), "STOR": "150 go on\r\n552 full", "DELE": "250 gone"})
            async with scripted(script) as control:
                event = await send(f"ftp://127.0.0.1:{control}/")
            assert problem(event) is TransferProblem.SERVER
            assert "552" in str(event)
            assert "DELE CP1.json" in script.heard

    play(scenario())


def test_a_server_cannot_lead_the_station_to_another_host(play: Play) -> None:
    """The answer to PASV names 127.0.0.2, where somebody listens on the same port; nobody comes there."""

    async def scenario() -> None:
        victims: list[str] = []

        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"12345")

        async def victim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            victims.append("hit")

        async with AsyncExitStack() as opened:
            port = await opened.enter_async_context(scripted(data))
            await opened.enter_async_context(scripted(victim, "127.0.0.2", port))
            script = FtpScript(COMES | {"PASV": pasv(port, "127,0,0,2")})
            control = await opened.enter_async_context(scripted(script))
            assert await fetch(f"ftp://127.0.0.1:{control}/f") == FileFetched("d1", b"12345")
        assert victims == []

    play(scenario())


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"USER": "530 no"}, TransferProblem.REFUSED),
        ({"USER": "421 too many"}, TransferProblem.SERVER),
        ({"USER": "331 pass", "PASS": "430 no"}, TransferProblem.REFUSED),
        ({"USER": ""}, TransferProblem.INTERRUPTED),
        ({"PASV": "227 somewhere"}, TransferProblem.SERVER),
        ({"PASV": "227 (1,2,3)"}, TransferProblem.SERVER),
        ({"PASV": "502 no"}, TransferProblem.SERVER),
        ({"TYPE": "\r\n".join(["200-more"] * 2000)}, TransferProblem.SERVER),
        ({"TYPE": "200 " + "x" * 100_000}, TransferProblem.SERVER),
        ({"TYPE": "200 \N{POUND SIGN}"}, TransferProblem.SERVER),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_server_that_answers_oddly_ends_the_transfer_with_a_problem(
    play: Play, answers: dict[str, str], expected: TransferProblem
) -> None:
    async def scenario() -> None:
        script = FtpScript(answers)
        async with scripted(script) as control:
            assert problem(await fetch(f"ftp://bob:s3cret@127.0.0.1:{control}/f")) is expected

    play(scenario())


def test_a_server_that_stalls_on_the_data_connection_ends_the_attempt_at_its_time_limit(play: Play) -> None:
    async def scenario() -> None:
        ended = asyncio.Event()

        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"12345")
            assert await reader.read() == b""
            ended.set()

        async with scripted(data) as port, scripted(FtpScript(COMES | {"PASV": pasv(port)})) as control:
            event = await fetch(f"ftp://127.0.0.1:{control}/f", timeout_s=0.2)
            assert problem(event) is TransferProblem.STALLED
            await ended.wait()  # the connection was closed

    play(scenario())
