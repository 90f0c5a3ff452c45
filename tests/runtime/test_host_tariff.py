"""The picture of the tariff over real sockets, from servers of other makes, into a station's data folder."""

from __future__ import annotations

import ssl
import struct
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trustme

from forecourt.runtime.files import Files
from tests.file_peers import ENCODED, ftp_server, http_server
from tests.hosted_rig import Rig

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    Play = Callable[[Coroutine[Any, Any, None]], None]

DOWNLOADED = {"status": "Accepted", "data": '{"downloadStatus":"Downloaded"}'}
FAILED = {"status": "Rejected", "data": '{"downloadStatus":"DownloadFailed"}'}
MOST_BYTES = 2_097_152


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, of_bytes: int) -> bytes:
    """A picture of greys, filled up with a comment to a size."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    tail = chunk(b"IDAT", zlib.compress(bytes((width + 1) * height))) + chunk(b"IEND", b"")
    return head + chunk(b"tEXt", bytes(of_bytes - len(head) - len(tail) - 12)) + tail


async def ask(rig: Rig, location: str, size: int = 10_000) -> Any:
    fields = {"fileType": "Tariff", "type": "file", "location": location, "size": size}
    payload = {"vendorId": "com.se.tariff", "messageId": "TariffDownload", "data": msgspec.json.encode(fields).decode()}
    return await rig.supervision.call("DataTransfer", payload)


@pytest.mark.requirement("GUIDE-TARIFF-05", "GUIDE-TARIFF-08", "GUIDE-TARIFF-16")
def test_picture_comes_by_each_scheme_and_is_there_after_a_restart_of_the_process(play: Play, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    pictures = [png(94, 52, 3_000), png(987, 546, MOST_BYTES), png(564, 312, 500_000)]
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "tariff.png").write_bytes(pictures[0])
    carrier = Files(authority.cert_pem.bytes().decode())

    async def scenario() -> None:
        with ftp_server(tmp_path / "served") as ftp, http_server() as plain, http_server(context) as secured:
            plain.serve("/tariff.png", pictures[1])
            secured.serve("/a/tariff.png", pictures[2])
            locations = (
                f"ftp://{ENCODED}@{ftp}/tariff.png",
                f"{plain.address}/tariff.png",
                f"{secured.address}/a/tariff.png",
            )
            async with Rig(folder=tmp_path / "data", files=carrier) as rig:
                station = await rig.station()
                for location, picture in zip(locations, pictures, strict=True):
                    assert await ask(rig, location, len(picture)) == DOWNLOADED
                    brain = station.brain()
                    assert brain is not None
                    assert brain.tariff_picture is not None
                    assert brain.tariff_picture.data == picture
        async with Rig(folder=tmp_path / "data") as rig:
            brain = (await rig.station()).brain()
            assert brain is not None
            assert brain.tariff_picture is not None
            assert brain.tariff_picture.data == pictures[2]

    play(scenario())


@pytest.mark.requirement("GUIDE-TARIFF-07", "GUIDE-TARIFF-09")
def test_what_a_server_has_instead_of_a_picture_is_a_failed_download(play: Play, tmp_path: Path) -> None:
    async def scenario() -> None:
        with http_server() as server:
            server.serve("/large/tariff.png", png(94, 52, MOST_BYTES + 1))
            server.serve("/page/tariff.png", b"<html>Not here</html>")
            async with Rig(files=Files()) as rig:
                station = await rig.station()
                for folder in ("large", "page", "missing"):
                    assert await ask(rig, f"{server.address}/{folder}/tariff.png") == FAILED
                assert await ask(rig, "http://127.0.0.1:9/tariff.png") == FAILED
                brain = station.brain()
                assert brain is not None
                assert brain.tariff_picture is None

    play(scenario())
