"""Files, addresses and names that lead elsewhere or are too much, at a real station and at a real supervision."""

from __future__ import annotations

import asyncio
import io
import struct
import tracemalloc
import zipfile
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import pytest

from forecourt.evlink.keys import require_key
from forecourt.runtime.files import Files
from forecourt.runtime.loop import run
from forecourt.runtime.station_log import StationLog
from forecourt.station.commissioning import Commissioning
from tests.file_peers import ENCODED, FtpScript, ftp_server, http_server, scripted
from tests.hosted_rig import Rig, until
from tests.supervision_peers import play as play_supervision
from tests.supervision_peers import running

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

SECRET = b"what no station may send"
FAILURES = {"UploadFailure", "NotSupportedOperation", "BadMessage"}
MOST_MEMORY = 24 * 2**20


def play(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario

    run(bounded())


def statuses(rig: Rig, kind: str) -> list[str]:
    return [payload["status"] for payload in rig.supervision.payloads(f"{kind}StatusNotification")]


async def tariff(rig: Rig, location: str) -> Any:
    """What comes of a TariffDownload."""
    fields = {"fileType": "Tariff", "type": "file", "location": location, "size": 10_000}
    data = msgspec.json.encode(fields).decode()
    payload = {"vendorId": "com.se.tariff", "messageId": "TariffDownload", "data": data}
    return await rig.supervision.call("DataTransfer", payload)


async def update(rig: Rig, location: str, *ends: str) -> str:
    """How an UpdateFirmware ends that is tried once."""
    seen = len(statuses(rig, "Firmware"))
    asked = {"location": location, "retrieveDate": "2026-01-01T00:00:00Z", "retries": 0}
    assert await rig.supervision.call("UpdateFirmware", asked) == {}
    await until(lambda: set(statuses(rig, "Firmware")[seen:]) & set(ends))
    return statuses(rig, "Firmware")[-1]


def addresses(file: Path) -> list[str]:
    """Addresses of a file of this machine in every spelling that some library takes."""
    return [
        f"file://{file}",
        f"file://localhost{file}",
        f"FILE:{file}",
        str(file),
        f"local_file:{file}",
        f"netdoc:{file}",
    ]


# Addresses.


def test_station_reads_no_file_of_its_own_machine_whoever_asks_and_however(tmp_path: Path) -> None:
    """By an address, by a redirect, as firmware and as a picture; and it says no more than that it has failed.

    The file is a picture that the station takes at once from a server.
    """
    secret = tmp_path / "tariff.png"
    secret.write_bytes(picture(94, 52, zlib.compress(bytes((1 + 4 * 94) * 52))))

    async def scenario() -> None:
        with http_server() as server:
            async with Rig(files=Files(), log=StationLog()) as rig:
                await rig.station()
                for number, address in enumerate(addresses(secret)):
                    server.redirect(f"/{number}/tariff.png", address)
                    redirecting = f"{server.address}/{number}/tariff.png"
                    for location in (address, redirecting):
                        answer = await tariff(rig, location)
                        assert answer["status"] == "Rejected", location
                        assert await update(rig, location, "DownloadFailed", "Downloaded") == "DownloadFailed", location
                server.serve("/tariff.png", secret.read_bytes())
                assert (await tariff(rig, f"{server.address}/tariff.png"))["status"] == "Accepted"
                assert await rig.supervision.call("GetLocalListVersion", {}) == {"listVersion": -1}

    play(scenario())


def test_station_writes_no_file_of_its_own_machine_and_sends_nothing_of_it(tmp_path: Path) -> None:
    """GetDiagnostics and GetLog to addresses of files; whatever the scheme, no file appears."""
    folder = tmp_path / "here"
    folder.mkdir()

    async def scenario() -> None:
        async with Rig(files=Files(), log=StationLog()) as rig:
            await rig.station()
            for number, address in enumerate(addresses(folder)):
                seen = len(statuses(rig, "Diagnostics"))
                await rig.supervision.call("GetDiagnostics", {"location": address, "retries": 0})
                await until(lambda seen=seen: "UploadFailed" in statuses(rig, "Diagnostics")[seen:])  # type: ignore[misc]
                log = {"logType": "SecurityLog", "requestId": number, "log": {"remoteLocation": address}, "retries": 0}
                seen = len(statuses(rig, "Log"))
                await rig.supervision.call("GetLog", log)
                await until(lambda seen=seen: FAILURES & set(statuses(rig, "Log")[seen:]))  # type: ignore[misc]
        assert list(folder.iterdir()) == []

    play(scenario())


@pytest.mark.parametrize("path", ["/../../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/tariff.png"])
def test_path_that_climbs_in_an_address_is_the_servers_affair_and_names_nothing_here(tmp_path: Path, path: str) -> None:
    """What the server gives is judged by its content; no file with such a name comes about."""

    async def scenario() -> None:
        with http_server() as server:
            server.routes["*"] = lambda handler, _: handler.answer(200, SECRET)
            async with Rig(folder=tmp_path, files=Files()) as rig:
                await rig.station()
                before = {file.name for file in tmp_path.rglob("*")}
                end = await update(rig, f"{server.address}{path}", "DownloadFailed", "InstallationFailed", "Installed")
                assert end == "InstallationFailed"
                assert (await tariff(rig, f"{server.address}{path}"))["status"] == "Rejected"
                assert {file.name for file in tmp_path.rglob("*")} == before

    play(scenario())


def test_identity_that_is_a_path_names_no_file_outside_the_folder_of_the_upload(tmp_path: Path) -> None:
    """The name of a log has the identity in it."""
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)

    async def scenario() -> None:
        with ftp_server(tmp_path) as ftp:
            async with Rig(files=Files(), log=StationLog()) as rig:
                url = f"ws://127.0.0.1:{rig.listener.port}"
                evil = Commissioning("../../x\\..\\y", url, "EVD1S180THB", "1", "3.5.8803")
                station = await rig.host.add(evil, rig.options, [(require_key("HeartbeatInterval"), "60")], log=rig.log)
                station.power(True)
                await until(lambda: rig.supervision.payloads("BootNotification"))
                await until(lambda: rig.status(station, 1) == "Available")
                location = f"ftp://{ENCODED}@{ftp}/a/b/"
                answer = await rig.supervision.call("GetDiagnostics", {"location": location})
                await until(lambda: "Uploaded" in statuses(rig, "Diagnostics"))
                log = {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": location}}
                second = await rig.supervision.call("GetLog", log)
                await until(lambda: "Uploaded" in statuses(rig, "Log"))
        names = {answer["fileName"], second["filename"]}
        assert {file.name for file in inside.iterdir()} == names
        assert not any(mark in name for name in names for mark in ("/", "\\", ".."))
        assert {file for file in tmp_path.rglob("*") if file.is_file()} == {inside / name for name in names}

    play(scenario())


# Bounces.


def test_ftp_server_cannot_send_the_upload_of_a_station_to_somebody_else(tmp_path: Path) -> None:
    """The answer to PASV names another host, where somebody listens: the log goes to the server or nowhere."""
    hit: list[bytes] = []
    came: list[bytes] = []

    async def victim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hit.append(await reader.read())

    async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read())

    async def scenario() -> None:
        async with scripted(data) as port, scripted(victim, "127.0.0.2", port):
            where = f"227 go (127,0,0,2,{port // 256},{port % 256})"
            script = FtpScript({"PASV": where, "STOR": "150 go on\r\n226 done", "CWD": "250 in"})
            async with scripted(script) as control, Rig(files=Files(), log=StationLog()) as rig:
                await rig.station()
                await rig.supervision.call("GetDiagnostics", {"location": f"ftp://127.0.0.1:{control}/", "retries": 0})
                await until(lambda: statuses(rig, "Diagnostics")[1:])
        assert hit == []
        assert statuses(rig, "Diagnostics") == ["Uploading", "Uploaded"]
        assert came[0].startswith(b"PK")

    play(scenario())


def test_supervisions_ftp_server_connects_to_nobody(tmp_path: Path) -> None:
    """PORT and EPRT would make it throw bytes at whoever the client names."""

    async def scenario() -> None:
        hit: list[bytes] = []

        async def victim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            hit.append(b"hit")

        async with running(data=tmp_path, files_port=0, ftp_port=0) as ours, ours.station() as station:
            order = asyncio.create_task(ours.http.post("/api/stations/EVD-1/diagnostics", json={"protocol": "ftp"}))
            call = await station.answer({"fileName": "log.zip"})
            assert (await order).status_code == 202
            location = urlsplit(call[3]["location"])
            async with scripted(victim) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", location.port)
                await reader.readline()
                for command in (
                    f"USER {location.username}",
                    f"PASS {location.password}",
                    f"PORT 127,0,0,1,{port // 256},{port % 256}",
                    f"EPRT |1|127.0.0.1|{port}|",
                    "STOR log.zip",
                ):
                    writer.write(f"{command}\r\n".encode())
                    answer = await reader.readline()
                    while answer[3:4] == b"-":
                        answer = await reader.readline()
                    if command[:4] in {"PORT", "EPRT", "STOR"}:
                        assert answer[:1] in (b"4", b"5"), (command, answer)
                writer.close()
            assert hit == []

    play_supervision(scenario())


# Bombs.


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def picture(width: int, height: int, data: bytes) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zeros(megabytes: int) -> bytes:
    deflater = zlib.compressobj(9)
    return b"".join(deflater.compress(bytes(2**20)) for _ in range(megabytes)) + deflater.flush()


def zip_bomb(megabytes: int) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("firmware.bin", bytes(megabytes * 2**20))
    return whole.getvalue()


def test_picture_and_firmware_that_blow_up_are_refused_and_the_memory_of_the_station_stays(tmp_path: Path) -> None:
    """Pictures of 65,535 and of 2^31 - 1 pixels in a square, one of 8 with 400 MB in it, and 300 MB in a zip."""
    deep = zeros(400)
    pictures = {
        "huge": picture(65_535, 65_535, deep),
        "largest": picture(2**31 - 1, 2**31 - 1, deep),
        "small": picture(8, 8, deep),
    }
    archive = zip_bomb(300)
    assert max(len(one) for one in (archive, *pictures.values())) < 600_000

    async def scenario() -> None:
        with http_server() as server:
            for name, data in pictures.items():
                server.serve(f"/{name}/tariff.png", data)
            server.serve("/firmware.zip", archive)
            async with Rig(files=Files()) as rig:
                station = await rig.station()
                tracemalloc.start()
                try:
                    before = tracemalloc.get_traced_memory()[0]
                    for name in pictures:
                        assert (await tariff(rig, f"{server.address}/{name}/tariff.png"))["status"] == "Rejected", name
                    ends = ("DownloadFailed", "InstallationFailed", "Installed")
                    assert await update(rig, f"{server.address}/firmware.zip", *ends) == "InstallationFailed"
                    peak = tracemalloc.get_traced_memory()[1] - before
                finally:
                    tracemalloc.stop()
                assert peak < MOST_MEMORY
                brain = station.brain()
                assert brain is not None
                assert brain.tariff_picture is None
                assert await rig.supervision.call("GetLocalListVersion", {}) == {"listVersion": -1}

    play(scenario())
