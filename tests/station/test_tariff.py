"""The download of the tariff picture, event by event."""

from __future__ import annotations

import json
import struct
import zlib

from forecourt.station import events
from forecourt.station.effects import FetchFile, SaveRecord, SendFrame
from forecourt.station.tariff import DOWNLOAD_TIMEOUT_S
from tests.station_rig import Rig

URL = "https://cpo.example/tariff.png"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


PICTURE = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 47, 26, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(bytes(48 * 26)))
    + chunk(b"IEND", b"")
)


def begin(rig: Rig) -> FetchFile:
    """Send a TariffDownload; what the station wants fetched."""
    fields = {"fileType": "Tariff", "type": "file", "location": URL, "size": len(PICTURE)}
    payload = {"vendorId": "com.se.tariff", "messageId": "TariffDownload", "data": json.dumps(fields)}
    effects = rig.handle(events.FrameReceived(json.dumps([2, "tariff", "DataTransfer", payload]).encode()))
    (effect,) = (effect for effect in effects if isinstance(effect, FetchFile))
    return effect


def test_picture_is_fetched_once_saved_and_then_answered() -> None:
    rig = Rig()
    effect = begin(rig)
    assert (effect.url, effect.most_bytes, effect.timeout_s) == (URL, 2_097_152, DOWNLOAD_TIMEOUT_S)
    assert rig.station.tariff_picture is None
    save, answer = rig.handle(events.FileFetched(effect.id, PICTURE))
    assert save == SaveRecord("tariff", "picture", PICTURE)
    assert isinstance(answer, SendFrame)
    assert json.loads(answer.frame)[2] == {"status": "Accepted", "data": '{"downloadStatus":"Downloaded"}'}
    picture = rig.station.tariff_picture
    assert picture is not None
    assert (picture.width, picture.height, picture.data) == (47, 26, PICTURE)


def test_failed_attempt_is_not_repeated() -> None:
    rig = Rig()
    effect = begin(rig)
    rig.handle(events.TransferFailed(effect.id, events.TransferProblem.SERVER, "HTTP 503"))
    assert not [one for one in rig.wait(60) if isinstance(one, FetchFile)]
    assert any("HTTP 503" in line for line in rig.log())
    assert rig.station.tariff_picture is None
    begin(rig)


def test_file_that_nobody_waits_for_changes_nothing() -> None:
    rig = Rig()
    effect = begin(rig)
    assert rig.handle(events.FileFetched(f"{effect.id}x", PICTURE)) == []
    assert rig.station.tariff_picture is None


def test_same_picture_is_kept_once_for_all_stations_of_a_process() -> None:
    first, second = Rig(), Rig()
    for rig in (first, second):
        rig.handle(events.FileFetched(begin(rig).id, bytes(bytearray(PICTURE))))
    assert first.station.tariff_picture is second.station.tariff_picture is not None
