"""The picture of the tariff: TariffDownload of com.se.tariff, its download, and what it is on the screen (A37)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import DataTransferResponse, DataTransferStatus
from forecourt.station import events
from forecourt.station.display import TariffPage
from forecourt.station.effects import FetchFile
from forecourt.station.events import TransferProblem
from forecourt.supervision.outcomes import Answered
from forecourt.supervision.price_messages import tariff_download

if TYPE_CHECKING:
    from forecourt.station.effects import LogEvent
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

URL = "http://cpo.example/tariff.png"
DOWNLOADED = {"status": "Accepted", "data": '{"downloadStatus":"Downloaded"}'}
FAILED = {"status": "Rejected", "data": '{"downloadStatus":"DownloadFailed"}'}
MOST_BYTES = 2_097_152


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int = 94, height: int = 52, of_bytes: int | None = None) -> bytes:
    """A picture of greys, filled up with a comment to a size."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    tail = chunk(b"IDAT", zlib.compress(bytes((width + 1) * height))) + chunk(b"IEND", b"")
    if of_bytes is None:
        return head + tail
    return head + chunk(b"tEXt", bytes(of_bytes - len(head) - len(tail) - 12)) + tail


def request(location: str = URL, **changes: object) -> dict[str, Any]:
    """A good TariffDownload, but for some fields of its data; None leaves one out."""
    fields = {"fileType": "Tariff", "type": "file", "location": location, "size": 10_000} | changes
    text = msgspec.json.encode({name: value for name, value in fields.items() if value is not None}).decode()
    return {"vendorId": "com.se.tariff", "messageId": "TariffDownload", "data": text}


def send(central: ScriptedSupervision, **changes: Any) -> dict[str, Any]:
    return central.ask("DataTransfer", request(**changes))


def fetched(station: SimulatedStation) -> list[FetchFile]:
    return [effect for effect in station.effects if isinstance(effect, FetchFile)]


def last_line(station: SimulatedStation) -> LogEvent:
    return station.log[-1]


def stored(station: SimulatedStation) -> bytes | None:
    return station.records.get(("tariff", "picture"))


# The request.


@pytest.mark.requirement("GUIDE-TARIFF-01", "GUIDE-TARIFF-02", "GUIDE-TARIFF-08", "GUIDE-CSOP-04")
def test_supervision_sends_the_tariff_and_hears_that_it_was_downloaded(site: World, served: SimulatedStation) -> None:
    site.files.served[URL] = png()
    outcome = site.supervision.ask(served.identity, tariff_download(URL, len(png())))
    assert outcome == Answered(
        DataTransferResponse(status=DataTransferStatus.Accepted, data='{"downloadStatus":"Downloaded"}')
    )
    call = served.wire.calls("DataTransfer", "<")[-1]
    assert (call.payload["vendorId"], call.payload["messageId"]) == ("com.se.tariff", "TariffDownload")
    assert msgspec.json.decode(call.payload["data"]) == {
        "fileType": "Tariff",
        "type": "file",
        "location": URL,
        "size": len(png()),
    }
    assert stored(served) == png()


WRONG = {
    "another fileType": ({"fileType": "Firmware"}, "fileType Tariff"),
    "no fileType": ({"fileType": None}, "came no fileType"),
    "another type": ({"type": "url"}, "type file"),
    "no type": ({"type": None}, "came no type"),
}


@pytest.mark.requirement("GUIDE-TARIFF-03")
@pytest.mark.parametrize(("change", "why"), WRONG.values(), ids=WRONG)
def test_tariff_of_another_filetype_or_type_is_refused_without_a_download(
    world: World, central: ScriptedSupervision, station: SimulatedStation, change: dict[str, Any], why: str
) -> None:
    world.files.served[URL] = png()
    assert send(central, **change) == FAILED
    assert (last_line(station).name, why in last_line(station).detail) == ("TariffDownload refused", True)
    assert fetched(station) == []
    assert stored(station) is None


@pytest.mark.requirement("GUIDE-TARIFF-04")
@pytest.mark.parametrize(
    "location",
    [
        "http://cpo.example/Tariff.png",
        "http://cpo.example/mytariff.png",
        "http://cpo.example/tariff.jpg",
        "http://cpo.example/tariff.png/",
        "http://cpo.example/tariff.png/v2",
        "http://cpo.example/get?name=tariff.png",
        "http://cpo.example/",
        "http://cpo.example",
    ],
)
def test_location_that_does_not_end_in_tariff_png_is_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation, location: str
) -> None:
    world.files.served[location] = png()
    assert send(central, location=location) == FAILED
    assert "ends in tariff.png" in last_line(station).detail
    assert fetched(station) == []


@pytest.mark.requirement("GUIDE-TARIFF-05")
@pytest.mark.parametrize("scheme", ["ftp", "http", "https"])
def test_picture_is_fetched_over_each_of_the_three_schemes(
    world: World, central: ScriptedSupervision, station: SimulatedStation, scheme: str
) -> None:
    location = f"{scheme}://user:secret@cpo.example:2121/a/tariff.png"
    world.files.served[location] = png()
    assert send(central, location=location) == DOWNLOADED
    (effect,) = fetched(station)
    assert (effect.url, effect.most_bytes) == (location, MOST_BYTES)
    assert stored(station) == png()


@pytest.mark.requirement("GUIDE-TARIFF-05")
@pytest.mark.parametrize(
    "location",
    [
        "sftp://cpo.example/tariff.png",
        "ftps://cpo.example/tariff.png",
        "file:///srv/tariff.png",
        "data:image/png;base64,AAAA/tariff.png",
        "//cpo.example/tariff.png",
        "cpo.example/tariff.png",
        "",
    ],
)
def test_any_other_scheme_is_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation, location: str
) -> None:
    world.files.served[location] = png()
    assert send(central, location=location) == FAILED
    assert "one of ftp, http, https" in last_line(station).detail
    assert fetched(station) == []


# Size.


@pytest.mark.requirement("GUIDE-TARIFF-06")
def test_announced_size_up_to_2048_kib_is_allowed_and_no_byte_more(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = png(of_bytes=MOST_BYTES)
    assert send(central, size=MOST_BYTES + 1) == FAILED
    assert f"<= {MOST_BYTES}" in last_line(station).detail
    assert fetched(station) == []
    assert send(central, size=MOST_BYTES) == DOWNLOADED
    assert len(stored(station) or b"") == MOST_BYTES


@pytest.mark.parametrize("size", [0, -1, "10000", 1.5, None])
def test_size_that_is_none_is_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation, size: object
) -> None:
    world.files.served[URL] = png()
    assert send(central, size=size) == FAILED
    assert "size" in last_line(station).detail
    assert fetched(station) == []


@pytest.mark.requirement("GUIDE-TARIFF-07")
@pytest.mark.parametrize("announced", [1, 10_000, MOST_BYTES])
def test_picture_that_turns_out_larger_than_2048_kib_is_discarded(
    world: World, central: ScriptedSupervision, station: SimulatedStation, announced: int
) -> None:
    world.files.served[URL] = png(of_bytes=MOST_BYTES + 1)
    assert send(central, size=announced) == FAILED
    assert (last_line(station).name, "too large" in last_line(station).detail) == ("TariffDownload failed", True)
    assert stored(station) is None
    assert not station.snapshot().screen.hasTariffButton


@pytest.mark.requirement("GUIDE-TARIFF-07")
def test_driver_that_brings_too_much_is_not_believed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """A file whose 2049th KiB was not cut off on the way."""
    world.files.delay_s = 60
    central.send(msgspec.json.encode([2, "t", "DataTransfer", request()]))
    world.run(1)
    (effect,) = fetched(station)
    station.happen(events.FileFetched(effect.id, png(of_bytes=MOST_BYTES + 1)))
    assert station.wire.messages[-1].payload == FAILED
    assert stored(station) is None


def test_picture_of_another_size_than_announced_is_taken_and_said_in_the_log(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = png()
    assert send(central, size=9_999) == DOWNLOADED
    assert "9999 bytes as announced" in last_line(station).detail
    assert stored(station) == png()


# The download.


@pytest.mark.requirement("GUIDE-TARIFF-08", "GUIDE-TARIFF-10")
@pytest.mark.parametrize("delay_s", [0.5, 3, 15])
def test_answer_comes_when_the_download_has_ended_and_not_before(
    world: World, central: ScriptedSupervision, station: SimulatedStation, delay_s: float
) -> None:
    world.files.delay_s = delay_s
    world.files.served[URL] = png()
    central.send(msgspec.json.encode([2, "tariff", "DataTransfer", request()]))
    began = world.now
    world.run(delay_s - 0.1)
    assert [message for message in station.wire.messages if message.id == "tariff"][1:] == []
    assert central.ask("GetConfiguration", {"key": ["QRcode1"]})["configurationKey"]  # others are answered meanwhile
    world.run(1)
    _, answer = (message for message in station.wire.messages if message.id == "tariff")
    assert (answer.kind, answer.payload) == ("CALLRESULT", DOWNLOADED)
    assert answer.at - began == pytest.approx(delay_s, abs=0.1)


@pytest.mark.requirement("GUIDE-TARIFF-09", "GUIDE-TARIFF-10")
def test_server_that_stalls_is_given_up_within_20_seconds(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 3_600
    central.send(msgspec.json.encode([2, "tariff", "DataTransfer", request()]))
    began = world.now
    world.run(60)
    _, answer = (message for message in station.wire.messages if message.id == "tariff")
    assert answer.payload == FAILED
    assert 15 < answer.at - began < 20
    assert len(fetched(station)) == 1
    assert "stalled" in last_line(station).detail


@pytest.mark.requirement("GUIDE-TARIFF-09")
@pytest.mark.parametrize("problem", TransferProblem)
def test_failed_download_is_answered_so_and_says_why_in_the_log(
    world: World, central: ScriptedSupervision, station: SimulatedStation, problem: TransferProblem
) -> None:
    world.files.served[URL] = problem
    assert send(central) == FAILED
    line = last_line(station)
    assert (line.name, str(problem) in line.detail) == ("TariffDownload failed", True)
    assert stored(station) is None
    assert len(fetched(station)) == 1


BAD_PICTURES = {
    "nothing": b"",
    "a web page": b"<html>Not here</html>",
    "half a picture": png()[:-20],
    "a damaged picture": png().replace(b"IDAT", b"IDAU"),
    "a bomb": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 10, 10, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(bytes(50_000_000), 9))
    + chunk(b"IEND", b""),
    "a picture of gigabytes": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(bytes(1000)))
    + chunk(b"IEND", b""),
}


@pytest.mark.requirement("GUIDE-TARIFF-09")
@pytest.mark.parametrize("data", BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_file_that_is_no_picture_is_a_failed_download_and_the_picture_before_stays(
    world: World, central: ScriptedSupervision, station: SimulatedStation, data: bytes
) -> None:
    world.files.served[URL] = png()
    assert send(central) == DOWNLOADED
    records = dict(station.records)
    world.files.served[URL] = data
    assert send(central) == FAILED
    assert (last_line(station).name, "expected" in last_line(station).detail) == ("TariffDownload failed", True)
    assert station.records == records


@pytest.mark.requirement("GUIDE-TARIFF-11")
@pytest.mark.parametrize("size", [(640, 480), (26, 47), (988, 546), (1, 1)])
def test_picture_of_another_ratio_is_shown_and_only_logged(
    world: World, central: ScriptedSupervision, station: SimulatedStation, size: tuple[int, int]
) -> None:
    world.files.served[URL] = png(*size)
    assert send(central) == DOWNLOADED
    warnings = [line.detail for line in station.log if line.name == "Tariff picture of another ratio"]
    assert warnings == [f"expected a ratio of 47:26, came {size[0]} x {size[1]}"]
    station.plug()
    station.happen(events.TariffShown())
    assert station.snapshot().screen.tariff == TariffPage(*size)


@pytest.mark.requirement("GUIDE-TARIFF-12")
@pytest.mark.parametrize("size", [(987, 546), (564, 312), (47, 26), (1974, 1092), (800, 600), (4096, 3)])
def test_advised_resolutions_and_others_are_taken(
    world: World, central: ScriptedSupervision, station: SimulatedStation, size: tuple[int, int]
) -> None:
    """The two that the guide advises have its ratio exactly, so that nothing is to be warned of."""
    world.files.served[URL] = png(*size)
    assert send(central) == DOWNLOADED
    has_warning = any(line.name == "Tariff picture of another ratio" for line in station.log)
    assert has_warning is (size in [(800, 600), (4096, 3)])
    assert stored(station) == png(*size)


def test_second_tariff_during_a_download_is_refused_and_the_first_is_answered(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = png()
    world.files.delay_s = 4
    central.send(msgspec.json.encode([2, "first", "DataTransfer", request()]))
    world.run(1)
    assert send(central) == FAILED
    assert "one TariffDownload at a time" in last_line(station).detail
    world.run(10)
    answers = [message.payload for message in station.wire.messages if message.id == "first"][1:]
    assert answers == [DOWNLOADED]
    assert send(central) == DOWNLOADED


@pytest.mark.requirement("J-4.2.3-9")
def test_id_of_a_call_that_still_waits_for_its_download_is_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = png()
    world.files.delay_s = 4
    for _ in range(2):
        central.send(msgspec.json.encode([2, "same", "DataTransfer", request()]))
    world.run(10)
    answers = [message for message in station.wire.messages if message.id == "same" and message.direction == ">"]
    assert [(answer.kind, answer.payload.get("code", answer.payload.get("status"))) for answer in answers] == [
        ("CALLERROR", "ProtocolError"),
        ("CALLRESULT", "Accepted"),
    ]
    assert len(fetched(station)) == 1


def test_link_that_ends_during_a_download_leaves_the_answer_out_and_the_picture_in(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = png()
    world.files.delay_s = 8
    central.send(msgspec.json.encode([2, "lost", "DataTransfer", request()]))
    world.run(1)
    station.close_link(1001, "restart")
    world.run(60)
    assert station.is_connected
    assert [message for message in station.wire.messages if message.id == "lost"][1:] == []
    assert stored(station) == png()


def test_power_cut_during_a_download_leaves_nothing_behind(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = png()
    world.files.delay_s = 8
    central.send(msgspec.json.encode([2, "lost", "DataTransfer", request()]))
    world.run(1)
    station.cut()
    station.power_on()
    world.run(60)
    assert [message for message in station.wire.messages if message.id == "lost"][1:] == []
    assert stored(station) is None
    world.files.delay_s = 1
    assert send(central) == DOWNLOADED


@pytest.mark.requirement("GUIDE-TARIFF-08")
def test_picture_is_saved_before_it_is_said_to_be_there(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = png()
    assert send(central) == DOWNLOADED
    kinds = [getattr(effect, "kind", type(effect).__name__) for effect in station.effects]
    assert kinds.index("tariff") < len(kinds) - 1 - kinds[::-1].index("SendFrame")


# Over lives.


@pytest.mark.requirement("GUIDE-TARIFF-16")
def test_new_picture_replaces_the_old_one_and_outlives_cuts_and_reboots(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for size in ((94, 52), (47, 26)):
        world.files.served[URL] = png(*size)
        assert send(central) == DOWNLOADED
        for end in (station.cut, station.reboot):
            end()
            if end == station.cut:
                station.power_on()
            world.run(400)
            assert [data for (kind, _), data in station.records.items() if kind == "tariff"] == [png(*size)]
            station.plug()
            station.happen(events.TariffShown())
            assert station.snapshot().screen.tariff == TariffPage(*size)
            station.unplug()
    assert len(fetched(station)) == 2


def test_record_that_is_no_picture_any_longer_is_put_aside(world: World, station: SimulatedStation) -> None:
    station.cut()
    station.records[("tariff", "picture")] = b"GIF89a"
    station.power_on()
    world.run(60)
    assert any(line.name == "Record ignored" and "tariff" in line.detail for line in station.log)
    station.plug()
    assert not station.snapshot().screen.hasTariffButton


# On the screen.


@pytest.mark.requirement("GUIDE-TARIFF-13", "GUIDE-TARIFF-15")
def test_tariff_button_is_there_from_the_download_until_charging_starts(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug()
    world.run(10)
    assert not station.snapshot().screen.hasTariffButton
    world.files.served[URL] = png()
    assert send(central) == DOWNLOADED
    assert station.snapshot().screen.hasTariffButton
    station.badge("TAG1")
    world.run(30)
    assert station.status() == "Charging"
    assert not station.snapshot().screen.hasTariffButton
    station.badge("TAG1")
    station.unplug()
    station.plug()
    world.run(10)
    assert station.snapshot().screen.hasTariffButton


@pytest.mark.requirement("GUIDE-TARIFF-15")
def test_there_is_no_tariff_button_and_no_page_without_a_picture(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = TransferProblem.NOT_FOUND
    assert send(central) == FAILED
    for happen in ("plug", "badge", "unplug"):
        if happen == "badge":
            station.badge("TAG1")
        else:
            getattr(station, happen)()
        world.run(20)
        station.happen(events.TariffShown())
        screen = station.snapshot().screen
        assert (screen.hasTariffButton, screen.tariff, screen.page == "tariff") == (False, None, False)


@pytest.mark.requirement("GUIDE-TARIFF-14")
def test_touching_the_button_opens_the_picture_full_screen_and_touching_that_closes_it(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = png(987, 546)
    assert send(central) == DOWNLOADED
    station.plug()
    assert station.snapshot().screen.page == "gun"
    station.happen(events.TariffShown())
    screen = station.snapshot().screen
    assert (screen.page, screen.tariff) == ("tariff", TariffPage(987, 546))
    station.happen(events.TariffHidden())
    screen = station.snapshot().screen
    assert (screen.page, screen.tariff, screen.hasTariffButton) == ("gun", None, True)


@pytest.mark.parametrize("how", ["badge", "unplug", "remote", "touch"])
def test_tariff_page_closes_when_something_else_happens_and_does_not_come_back_by_itself(
    world: World, central: ScriptedSupervision, station: SimulatedStation, how: str
) -> None:
    world.files.served[URL] = png()
    assert send(central) == DOWNLOADED
    station.plug()
    station.happen(events.TariffShown())
    if how == "badge":
        central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
        station.badge("TAG1")
    elif how == "unplug":
        station.unplug()
        station.plug()
    elif how == "remote":
        central.ask("RemoteStartTransaction", {"idTag": "TAG1"})
        world.run(30)
        charging = station.snapshot().screen
        assert (charging.page, charging.hasTariffButton) == ("gun", False)
        station.badge("TAG1")
        station.unplug()
        station.plug()
    else:
        station.plug(2)
        station.show(2)
    world.run(30)
    screen = station.snapshot().screen
    assert (screen.page, screen.hasTariffButton) == ("gun", True)


def test_button_that_is_not_there_can_not_be_touched(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Touched on the locked Welcome page and while charging; nothing is open afterwards."""
    world.files.served[URL] = png()
    assert send(central) == DOWNLOADED
    station.happen(events.TariffShown())
    assert station.snapshot().screen.page == "welcome"
    station.plug()
    assert station.snapshot().screen.page == "gun"
    station.badge("TAG1")
    world.run(30)
    station.happen(events.TariffShown())
    assert station.snapshot().screen.page == "gun"
