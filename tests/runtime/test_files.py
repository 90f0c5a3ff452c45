"""What holds over every protocol: one event an attempt, the time limit, the memory, the archive."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.runtime import files
from forecourt.runtime.files import Files
from forecourt.station.effects import FetchFile, FilePart, SendFile
from forecourt.station.events import FileFetched, FileSent, TransferFailed, TransferProblem
from tests.file_peers import closed_port, ftp_server, http_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS = (FilePart("configuration.json", b'{"HeartbeatInterval":"60"}'), FilePart("statuses.json", b"[]"))


def send(url: str, name: str = "CP1.zip", parts: tuple[FilePart, ...] = PARTS, timeout_s: float = 10.0) -> SendFile:
    return SendFile("u1", url, name, parts, 0.0, 1_700_000_000.0, timeout_s)


def run(work: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(bounded())


def test_an_archive_holds_the_parts_and_the_log_over_http_and_ftp(tmp_path: Path) -> None:
    def scenario(url: str) -> None:
        assert run(Files().send(send(url), lambda: b'{"kind":"x"}\n')) == FileSent("u1")

    with http_server() as server, ftp_server(tmp_path) as ftp:
        server.routes["*"] = lambda handler, _: handler.answer(201)
        scenario(f"{server.address}/in")
        scenario(f"ftp://fleet:p%40ss%2Fw%3Ard%20%C3%BC@{ftp}/")
        for data in (server.requests[0].body, (tmp_path / "CP1.zip").read_bytes()):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                assert archive.testzip() is None
                assert {name: archive.read(name) for name in archive.namelist()} == {
                    "configuration.json": PARTS[0].data,
                    "statuses.json": PARTS[1].data,
                    "log.jsonl": b'{"kind":"x"}\n',
                }


def test_a_server_that_stalls_ends_the_attempt_at_its_time_limit() -> None:
    with http_server() as server:
        server.routes["*"] = server.stall
        expected = TransferFailed("d1", TransferProblem.STALLED, "it took longer than 0.2 s")
        assert run(Files().fetch(FetchFile("d1", f"{server.address}/f", 100, 0.2))) == expected


def test_a_server_that_takes_an_upload_and_does_not_answer_ends_it_at_its_time_limit() -> None:
    with http_server() as server:
        server.routes["*"] = server.hold
        event = run(Files().send(send(server.address, timeout_s=0.2), None))
        assert event == TransferFailed("u1", TransferProblem.STALLED, "it took longer than 0.2 s")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sftp://host/f", TransferProblem.SCHEME),
        ("file:///etc/passwd", TransferProblem.SCHEME),
        ("ftps://host/f", TransferProblem.SCHEME),
        ("", TransferProblem.ADDRESS),
        ("http:///f", TransferProblem.ADDRESS),
        ("http://host:0/f", TransferProblem.ADDRESS),
        ("http://host:99999/f", TransferProblem.ADDRESS),
        ("http://[::1/f", TransferProblem.ADDRESS),
        ("http://host/a b", TransferProblem.ADDRESS),
        ("ftp://host/%0d%0aDELE%20x", TransferProblem.ADDRESS),
        ("ftp://u%0a:p@host/", TransferProblem.ADDRESS),
        ("ftp://host/%ff", TransferProblem.ADDRESS),
    ],
)
def test_an_address_that_a_station_does_not_use_is_not_tried(url: str, problem: TransferProblem) -> None:
    fetched = run(Files().fetch(FetchFile("d1", url, 100, 5.0)))
    sent = run(Files().send(send(url), None))
    assert isinstance(fetched, TransferFailed)
    assert isinstance(sent, TransferFailed)
    assert (fetched.problem, sent.problem) == (problem, problem)
    assert "expected" in fetched.reason


@pytest.mark.parametrize("scheme", ["ftp", "http", "https"])
def test_a_server_that_is_not_there_is_unreachable_and_credentials_are_in_no_reason(scheme: str) -> None:
    event = run(
        Files().fetch(FetchFile("d1", f"{scheme}://bob:s3cret@127.0.0.1:{closed_port()}/f?key=s3cret", 100, 5.0))
    )
    assert event.problem is TransferProblem.UNREACHABLE
    assert "s3cret" not in event.reason
    assert "bob" not in event.reason


def test_a_file_for_which_there_is_no_memory_is_a_matter_of_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    def pack(effect: SendFile, read_log: Callable[[], bytes] | None) -> bytes:
        raise MemoryError

    monkeypatch.setattr(files, "pack", pack)
    event = run(Files().send(send("http://127.0.0.1:1"), None))
    assert event == TransferFailed("u1", TransferProblem.STORAGE, "there is no memory for the file")


def test_what_is_our_own_mistake_is_not_told_as_a_failed_transfer() -> None:
    with pytest.raises(AssertionError, match="can hold one part"):
        run(Files().send(send("http://127.0.0.1:1", "CP1.json"), None))


def test_a_single_part_goes_as_it_is() -> None:
    with http_server() as server:
        server.routes["*"] = lambda handler, _: handler.answer(204)
        assert run(Files().send(send(f"{server.address}/in/", "CP1.json", PARTS[:1]), None)) == FileSent("u1")
        assert [(each.method, each.path, each.body) for each in server.requests] == [
            ("PUT", "/in/CP1.json", PARTS[0].data)
        ]


def test_a_hundred_downloads_at_once_come_whole(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(bytes(range(256)) * 100)

    async def scenario(url: str) -> list[FileFetched | TransferFailed]:
        carrier = Files()
        wanted = [FetchFile(str(number), url, 25_600, 15.0) for number in range(100)]
        return await asyncio.gather(*(carrier.fetch(effect) for effect in wanted))

    with ftp_server(tmp_path) as address:
        came = run(scenario(f"ftp://{address}/image"))
    assert came == [FileFetched(str(number), bytes(range(256)) * 100) for number in range(100)]
