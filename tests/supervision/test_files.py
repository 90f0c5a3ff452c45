"""Files between stations and the supervision, over real sockets: who may put what, and what is left of what failed."""

from __future__ import annotations

import asyncio
import errno
import ftplib
import io
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import httpx2
import pytest

from forecourt.runtime.tls import client_context
from forecourt.supervision.files_store import FileLimits, FileRefused, FileStore, folder_name, require_safe_name
from forecourt.supervision.server_security import TlsOptions
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.supervision_peers import Peer, Running

ARCHIVE = b"PK" + bytes(range(256)) * 300
SERVED = {"files_port": 0, "ftp_port": 0}


async def asked_for_diagnostics(
    ours: Running, station: Peer, answer: dict[str, Any] | None = None, **order: Any
) -> tuple[str, httpx2.Response]:
    """Have a station be asked for diagnostics: the location that it was given, and the API's response."""
    told = asyncio.create_task(station.answer({"fileName": "log.zip"} if answer is None else answer))
    response = await ours.http.post("/api/stations/EVD-1/diagnostics", json=order)
    call = await told
    assert call[2] == "GetDiagnostics"
    return call[3]["location"], response


def everything_in(folder: Path) -> dict[str, bytes]:
    """The files of a data folder that are not the database's."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("supervision.")
    }


def ftp_put(location: str, name: str, data: bytes, password: str | None = None) -> str:
    """Put a file with the client of the standard library; its last answer."""
    at = urlsplit(location)
    assert at.port is not None
    assert at.password is not None
    with ftplib.FTP() as ftp:
        ftp.connect("127.0.0.1", at.port, timeout=10)
        ftp.login(at.username or "", at.password if password is None else password)
        return ftp.storbinary(f"STOR {at.path}{name}", io.BytesIO(data))


@pytest.mark.requirement("GUIDE-OP-08", "GUIDE-CSOP-11")
def test_diagnostics_that_were_ordered_land_in_the_data_folder_and_the_command_tells_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station, httpx2.AsyncClient() as http:
            location, response = await asked_for_diagnostics(ours, station, retries=2, startTime="2026-01-01T00:00:00Z")
            assert response.status_code == 202
            assert (response.json()["state"], response.json()["upload"]) == ("running", None)
            command = response.headers["location"]
            assert await station.ask("DiagnosticsStatusNotification", {"status": "Uploading"}) == {}
            put = await http.put(f"{location}/log.zip", content=ARCHIVE)
            assert put.status_code == 201
            assert await station.ask("DiagnosticsStatusNotification", {"status": "Uploaded"}) == {}
            found = await ours.get(command)
            assert [follow_up["status"] for follow_up in found["followUps"]] == ["Uploading", "Uploaded"]
            assert (found["state"], found["response"]) == ("done", {"fileName": "log.zip"})
            assert found["upload"]["path"] == "/api/uploads/EVD-1/log.zip"
            assert (found["upload"]["size"], found["upload"]["command"]) == (len(ARCHIVE), command)
            assert (await ours.http.get(found["upload"]["path"])).content == ARCHIVE
            assert await ours.get("/api/uploads", identity="EVD-1") == [found["upload"]]
            assert await ours.get("/api/uploads", identity="EVD-2") == []
            assert (tmp_path / "uploads" / "EVD-1" / "log.zip").read_bytes() == ARCHIVE

    play(scenario())


@pytest.mark.parametrize("way", ["put", "form", "form with a name in the address", "ftp"])
def test_each_way_of_uploading_brings_the_same_bytes(way: str, tmp_path: Path) -> None:
    async def put(location: str) -> None:
        async with httpx2.AsyncClient() as http:
            if way == "put":
                response = await http.put(f"{location}/log.zip", content=ARCHIVE)
            else:
                form = {"note": (None, b"no file"), "file": ("log.zip", ARCHIVE), "more": ("b.zip", b"second")}
                url = location if way == "form" else f"{location}/log.zip"
                response = await http.post(url, files=form)
            assert response.status_code == 201, response.text

    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station:
            protocol = "ftp" if way == "ftp" else "http"
            location, _ = await asked_for_diagnostics(ours, station, protocol=protocol)
            assert location.startswith(f"{protocol}://")
            if way == "ftp":
                assert (await asyncio.to_thread(ftp_put, location, "log.zip", ARCHIVE)).startswith("226")
            else:
                await put(location)
            assert everything_in(tmp_path) == {"uploads/EVD-1/log.zip": ARCHIVE}

    play(scenario())


def test_permission_to_upload_holds_for_one_whole_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station, httpx2.AsyncClient() as http:
            location, _ = await asked_for_diagnostics(ours, station)
            stranger = location.rpartition("/")[0] + "/" + "A" * 32
            assert (await http.put(f"{stranger}/log.zip", content=ARCHIVE)).status_code == 404
            assert (await http.get(f"{location}/log.zip")).status_code == 405
            assert (await http.put(f"{location}/log.zip", content=ARCHIVE)).status_code == 201
            again = await http.put(f"{location}/other.zip", content=b"more")
            assert (again.status_code, "has come already" in again.json()["error"]) == (410, True)
            assert everything_in(tmp_path) == {"uploads/EVD-1/log.zip": ARCHIVE}

    play(scenario())


def test_permission_is_taken_back_when_the_station_does_not_agree_and_ends_after_a_day(tmp_path: Path) -> None:
    now = [1_790_000_000.0]

    async def scenario() -> None:
        async with (
            running(data=tmp_path, clock=lambda: now[0], **SERVED) as ours,
            ours.station() as station,
            httpx2.AsyncClient() as http,
        ):
            told = asyncio.create_task(station.answer(error=("NotSupported", "no")))
            assert (await ours.http.post("/api/stations/EVD-1/diagnostics")).status_code == 502
            location = (await told)[3]["location"]
            assert (await http.put(f"{location}/log.zip", content=ARCHIVE)).status_code == 404
            location, _ = await asked_for_diagnostics(ours, station)
            now[0] += 25 * 3600
            assert (await http.put(f"{location}/log.zip", content=ARCHIVE)).status_code == 404
            assert everything_in(tmp_path) == {}

    play(scenario())


def test_ftp_lets_nobody_put_without_the_password_of_the_location(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station:
            location, _ = await asked_for_diagnostics(ours, station, protocol="ftp")
            with pytest.raises(ftplib.error_perm, match="530"):
                await asyncio.to_thread(ftp_put, location, "log.zip", ARCHIVE, "wrong")
            anonymous = f"ftp://anonymous:me@127.0.0.1:{ours.supervision.files.ftp_port}/"
            with pytest.raises(ftplib.error_perm, match="550"):
                await asyncio.to_thread(ftp_put, anonymous, "log.zip", ARCHIVE)
            for name in ("sub/log.zip", ".hidden"):
                with pytest.raises(ftplib.Error):
                    await asyncio.to_thread(ftp_put, location, name, ARCHIVE)
            assert everything_in(tmp_path) == {}
            await asyncio.to_thread(ftp_put, location, "../../log.zip", ARCHIVE)
            assert everything_in(tmp_path) == {"uploads/EVD-1/log.zip": ARCHIVE}, "there is nothing above its root"

    play(scenario())


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fsupervision.db", "%2E%2E", ".hidden", "a%5Cb", "a%0Ab", "a%3Ab", "x" * 201]
)
def test_name_that_leads_elsewhere_is_refused_and_nothing_is_left(name: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station:
            location, _ = await asked_for_diagnostics(ours, station)
            url = urlsplit(location)
            # As it stands: clients would tidy the address up.
            head = f"PUT {url.path}/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", url.port)
            writer.write(head.encode() + b"abc")
            answer = await reader.read()
            writer.close()
            assert answer.split(b" ")[1] in (b"400", b"404"), answer
            assert everything_in(tmp_path) == {}

    play(scenario())


def test_upload_under_a_name_that_is_taken_gets_a_number_and_leaves_the_other_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station, httpx2.AsyncClient() as http:
            for piece in (b"one", b"two", b"three"):
                location, _ = await asked_for_diagnostics(ours, station)
                await http.put(f"{location}/log.zip", content=piece)
            names = [upload["name"] for upload in await ours.get("/api/uploads")]
            assert names == ["log-3.zip", "log-2.zip", "log.zip"]
            assert everything_in(tmp_path) == {
                "uploads/EVD-1/log.zip": b"one",
                "uploads/EVD-1/log-2.zip": b"two",
                "uploads/EVD-1/log-3.zip": b"three",
            }

    play(scenario())


async def too_much() -> AsyncIterator[bytes]:
    """More than the limits of the tests, without a length that would tell."""
    for _ in range(40):
        yield b"x" * 50


@pytest.mark.parametrize("announced", [True, False])
def test_upload_that_is_too_large_is_refused_and_leaves_nothing(announced: bool, tmp_path: Path) -> None:
    async def scenario() -> None:
        limits = FileLimits(upload_bytes=1000)
        async with (
            running(data=tmp_path, file_limits=limits, **SERVED) as ours,
            ours.station() as station,
            httpx2.AsyncClient() as http,
        ):
            location, _ = await asked_for_diagnostics(ours, station)
            content = b"x" * 1001 if announced else too_much()
            response = await http.put(f"{location}/log.zip", content=content)
            assert (response.status_code, "1000 bytes" in response.json()["error"]) == (413, True)
            assert everything_in(tmp_path) == {}
            assert (await http.put(f"{location}/log.zip", content=b"x" * 1000)).status_code == 201, "not spent by that"

    play(scenario())


def test_uploads_beyond_the_quota_are_refused_until_one_is_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        limits = FileLimits(uploads_bytes=1500)
        async with (
            running(data=tmp_path, file_limits=limits, **SERVED) as ours,
            ours.station() as station,
            httpx2.AsyncClient() as http,
        ):
            location, _ = await asked_for_diagnostics(ours, station)
            assert (await http.put(f"{location}/one.zip", content=b"1" * 1000)).status_code == 201
            location, _ = await asked_for_diagnostics(ours, station)
            refused = await http.put(f"{location}/two.zip", content=b"2" * 1000)
            assert (refused.status_code, "delete" in refused.json()["error"]) == (507, True)
            assert (await ours.http.delete("/api/uploads/EVD-1/one.zip")).status_code == 204
            assert (await ours.http.get("/api/uploads/EVD-1/one.zip")).status_code == 404
            assert await ours.get("/api/uploads") == []
            assert (await http.put(f"{location}/two.zip", content=b"2" * 1000)).status_code == 201
            assert everything_in(tmp_path) == {"uploads/EVD-1/two.zip": b"2" * 1000}

    play(scenario())


def test_full_disk_is_answered_507_and_nothing_partial_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station, httpx2.AsyncClient() as http:
            location, _ = await asked_for_diagnostics(ours, station)
            with monkeypatch.context() as patch:
                patch.setattr("forecourt.supervision.files_store.os.fsync", no_space)
                refused = await http.put(f"{location}/log.zip", content=ARCHIVE)
                assert refused.status_code == 507
                assert refused.json() == {"error": "The file cannot be kept here: the disk is full."}
                assert everything_in(tmp_path) == {}
                ftp_location, _ = await asked_for_diagnostics(ours, station, protocol="ftp")
                with pytest.raises(ftplib.error_temp, match="451"):
                    await asyncio.to_thread(ftp_put, ftp_location, "log.zip", ARCHIVE)
                assert everything_in(tmp_path) == {}
            assert await ours.get("/api/uploads") == []
            assert (await http.put(f"{location}/log.zip", content=ARCHIVE)).status_code == 201

    play(scenario())


def test_upload_that_breaks_off_leaves_nothing_and_may_come_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station, httpx2.AsyncClient() as http:
            location, _ = await asked_for_diagnostics(ours, station)
            url = urlsplit(location)
            _, writer = await asyncio.open_connection("127.0.0.1", url.port)
            writer.write(f"PUT {url.path}/log.zip HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc".encode())
            await writer.drain()
            while not list((tmp_path / ".incoming").glob("*")):
                await asyncio.sleep(0.005)
            during = await http.put(f"{location}/log.zip", content=ARCHIVE)
            assert (during.status_code, "under way" in during.json()["error"]) == (409, True)
            writer.transport.abort()
            while list((tmp_path / ".incoming").glob("*")):
                await asyncio.sleep(0.005)
            assert everything_in(tmp_path) == {}
            assert (await http.put(f"{location}/log.zip", content=ARCHIVE)).status_code == 201

    play(scenario())


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/zip", b"PK", 415),
        ("multipart/form-data", b"--x--", 415),
        ("multipart/form-data; boundary=x", b"no form", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
            400,
        ),
    ],
)
def test_form_that_holds_no_file_is_refused(content_type: str, body: bytes, status: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, ours.station() as station, httpx2.AsyncClient() as http:
            location, _ = await asked_for_diagnostics(ours, station)
            response = await http.post(location, content=body, headers={"Content-Type": content_type})
            assert response.status_code == status
            assert response.json()["error"].endswith(".")
            assert everything_in(tmp_path) == {}

    play(scenario())


def test_operator_puts_an_image_and_stations_fetch_it_over_http_and_ftp(tmp_path: Path) -> None:
    image = os.urandom(300_000)

    def fetch(url: str) -> tuple[bytes, list[str]]:
        at = urlsplit(url)
        pieces: list[bytes] = []
        with ftplib.FTP() as ftp:
            ftp.connect("127.0.0.1", at.port or 0, timeout=10)
            ftp.login()
            ftp.retrbinary(f"RETR {unquote(at.path)}", pieces.append)
            listed: list[str] = []
            ftp.dir(listed.append)
            return b"".join(pieces), listed

    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, httpx2.AsyncClient() as http:
            put = await ours.http.put("/api/files/EVlink%203.6.bin", content=image)
            assert put.status_code == 201
            [found] = await ours.get("/api/files")
            assert found == put.json()
            assert (found["name"], found["size"]) == ("EVlink 3.6.bin", 300_000)
            over_http, over_ftp = found["locations"]
            assert (await http.get(over_http)).content == image
            fetched, [line] = await asyncio.to_thread(fetch, over_ftp)
            assert fetched == image
            assert line.endswith(" EVlink 3.6.bin")
            await ours.http.put("/api/files/EVlink%203.6.bin", content=b"newer")
            assert (await http.get(over_http)).content == b"newer"
            assert (await ours.http.delete("/api/files/EVlink%203.6.bin")).status_code == 204
            assert (await http.get(over_http)).status_code == 404
            assert await ours.get("/api/files") == []

    play(scenario())


def test_nothing_but_the_files_is_served(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours:
            (tmp_path / "files" / ".secret").write_bytes(b"s")
            (tmp_path / "files" / "link").symlink_to(tmp_path / "supervision.db")
            for path in (
                "/files/.secret",
                "/files/link",
                "/files/%2E%2E%2Fsupervision.db",
                "/files/",
                "/uploads/EVD-1",
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", ours.supervision.files.http_port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read()
                writer.close()
                assert answer.split(b" ")[1] in (b"400", b"404", b"405"), path
            assert await ours.get("/api/files") == []
            for name in (".secret", "a%2Fb", "%2E%2E"):
                assert (await ours.http.put(f"/api/files/{name}", content=b"x")).status_code in (400, 404, 405)
            assert set(everything_in(tmp_path)) == {"files/.secret", "files/link"}

    play(scenario())


@pytest.mark.requirement("GUIDE-OP-09", "GUIDE-CSOP-12")
def test_firmware_order_names_a_served_file_and_follows_the_update_over_the_reboot(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, **SERVED) as ours, httpx2.AsyncClient() as http:
            await ours.http.put("/api/files/new.bin", content=b"image")
            async with ours.station() as station:
                told = asyncio.create_task(station.answer({}))
                order = {"file": "new.bin", "retrieveDate": "2026-11-22T08:30:00Z", "retries": 1}
                response = await ours.http.post("/api/stations/EVD-1/firmware", json=order)
                assert (response.status_code, response.json()["state"]) == (202, "running")
                _, _, action, payload = await told
                assert (action, payload["retries"]) == ("UpdateFirmware", 1)
                assert payload["retrieveDate"] == "2026-11-22T08:30:00Z"
                assert (await http.get(payload["location"])).content == b"image"
                for status in ("Downloading", "Downloaded", "Installing"):
                    assert await station.ask("FirmwareStatusNotification", {"status": status}) == {}
                assert (await ours.get(response.headers["location"]))["state"] == "running"
            async with ours.station() as rebooted:
                assert await rebooted.ask("FirmwareStatusNotification", {"status": "Installed"}) == {}
                found = await ours.get(response.headers["location"])
            statuses = [follow_up["status"] for follow_up in found["followUps"]]
            assert statuses == ["Downloading", "Downloaded", "Installing", "Installed"]
            times = [follow_up["at"] for follow_up in found["followUps"]]
            assert times == sorted(times)
            assert found["state"] == "done"

    play(scenario())


@pytest.mark.parametrize(
    ("order", "status", "word"),
    [
        ({}, 400, "file"),
        ({"file": "none.bin"}, 404, "none.bin"),
        ({"file": "../x"}, 400, "slash"),
        ({"file": "new.bin", "protocol": "sftp"}, 400, "protocol"),
        ({"file": "new.bin", "retrieveDate": "tomorrow"}, 400, "retrieveDate"),
        ({"file": "new.bin", "retries": -1}, 400, "retries"),
    ],
)
def test_firmware_order_that_cannot_be_meant_is_refused_before_the_station_hears_of_it(
    order: dict[str, Any], status: int, word: str
) -> None:
    async def scenario() -> None:
        async with running(**SERVED) as ours, ours.station() as station:
            await ours.http.put("/api/files/new.bin", content=b"image")
            response = await ours.http.post("/api/stations/EVD-1/firmware", json=order)
            assert (response.status_code, word in response.text) == (status, True), response.text
            assert station.calls.empty()

    play(scenario())


def test_supervision_without_file_servers_says_so_and_keeps_to_locations_of_others() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            response = await ours.http.post("/api/stations/EVD-1/diagnostics")
            assert (response.status_code, "No file server" in response.json()["error"]) == (409, True)
            assert (await ours.http.post("/api/stations/nobody/diagnostics")).status_code == 404
            told = asyncio.create_task(station.answer({}))
            own = {"location": "ftp://files.example/logs"}
            response = await ours.command("GetDiagnostics", own)
            assert ((await told)[3], response.json()) == (own, {})
            assert (await ours.get(response.headers["location"]))["state"] == "done", "there is nothing to upload"

    play(scenario())


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("ftp://me:secret@files.example/logs", "ftp://me:********@files.example/logs"),
        ("ftp://me:sec:re@t@files.example", "ftp://me:********@files.example"),
        ("https://me@files.example/a:b@c", "https://me@files.example/a:b@c"),
        ("http://files.example:80/a", "http://files.example:80/a"),
    ],
)
def test_password_in_a_location_goes_to_the_station_and_shows_nowhere_else(location: str, shown: str) -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            told = asyncio.create_task(station.answer({}))
            response = await ours.command("GetDiagnostics", {"location": location})
            assert (await told)[3] == {"location": location}
            assert (await ours.get(response.headers["location"]))["request"] == {"location": shown}
            logged = await ours.get("/api/stations/EVD-1/messages")
            assert any(shown in message["frame"] for message in logged)
            assert location == shown or not any(location in message["frame"] for message in logged)

    play(scenario())


def test_files_without_a_data_folder_are_gone_at_the_end() -> None:
    async def scenario() -> None:
        async with running(**SERVED) as ours:
            await ours.http.put("/api/files/new.bin", content=b"image")
            folder = ours.supervision.files.store.files
            assert (folder / "new.bin").read_bytes() == b"image"
        assert not folder.parent.exists()

    play(scenario())


def test_restart_forgets_what_was_coming_in_and_counts_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "uploads" / "EVD-1").mkdir(parents=True)
    (tmp_path / "uploads" / "EVD-1" / "log.zip").write_bytes(ARCHIVE)
    (tmp_path / ".incoming").mkdir()
    (tmp_path / ".incoming" / "half").write_bytes(b"half")

    async def scenario() -> None:
        store = FileStore(tmp_path, lambda: 0.0)
        async with asyncio.timeout(10):
            await store.open(_nothing)
            assert store.used_bytes == len(ARCHIVE)
            assert everything_in(tmp_path) == {"uploads/EVD-1/log.zip": ARCHIVE}
            await store.close()
        assert everything_in(tmp_path) == {"uploads/EVD-1/log.zip": ARCHIVE}

    play(scenario())


async def _nothing(*_: object) -> None:
    """Nobody wants to know."""


def test_identities_have_folders_of_their_own_whatever_they_are_called() -> None:
    identities = [".", "..", "a/b", "a%2Fb", "é" * 200, "é" * 199 + "e", "EVD-1", "a\\b"]
    folders = [folder_name(identity) for identity in identities]
    assert len(set(folders)) == len(identities)
    for folder in folders:
        assert require_safe_name(folder) == folder
    with pytest.raises(FileRefused, match=r"file name"):
        require_safe_name("a/b")


def test_files_go_over_https_both_ways_where_the_supervision_speaks_tls(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running(data=tmp_path, tls=TlsOptions(), files_tls_port=0, files_port=0) as ours,
            ours.station() as station,
        ):
            put = (await ours.http.put("/api/files/new.bin", content=ARCHIVE)).json()
            (encrypted,) = (url for url in put["locations"] if url.startswith("https://localhost:"))
            trusting = client_context((await ours.http.get("/api/authority")).text)
            async with httpx2.AsyncClient(verify=trusting) as http:
                assert (await http.get(encrypted)).content == ARCHIVE
                location, _ = await asked_for_diagnostics(ours, station, protocol="https")
                assert location.startswith("https://localhost:")
                assert (await http.put(f"{location}/log.zip", content=ARCHIVE)).status_code == 201
            assert (tmp_path / "uploads" / "EVD-1" / "log.zip").read_bytes() == ARCHIVE
            async with httpx2.AsyncClient(verify=client_context()) as stranger:
                with pytest.raises(httpx2.ConnectError, match="certificate verify failed"):
                    await stranger.get(encrypted)
        async with running(files_tls_port=0) as ours, ours.station():
            refused = await ours.http.post("/api/stations/EVD-1/diagnostics", json={"protocol": "https"})
            assert (refused.status_code, "No file server for https" in refused.json()["error"]) == (409, True)

    play(scenario())
