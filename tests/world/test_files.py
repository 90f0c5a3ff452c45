"""The file servers of a world, and how a simulated station meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import FetchFile, FilePart, SendFile
from forecourt.station.events import Event, FileFetched, FileSent, TransferFailed, TransferProblem
from forecourt.world.files import Files
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

URL, FOLDER = "http://h/f", "ftp://h/up"
PART = FilePart("a.json", b"{}")


def fetch(files: Files, most_bytes: int = 10) -> Event:
    effect = FetchFile("1", URL, most_bytes, 60.0)
    return files.end(effect, files.begin(effect))


def send(files: Files, folder: str = FOLDER) -> Event:
    effect = SendFile("1", folder, "a.zip", (PART,), None, 0.0, 60.0)
    return files.end(effect, files.begin(effect))


def problem(event: Event) -> TransferProblem:
    assert isinstance(event, TransferFailed)
    return event.problem


def test_what_is_served_comes_and_what_is_not_is_not_found() -> None:
    files = Files()
    assert problem(fetch(files)) is TransferProblem.NOT_FOUND
    files.served[URL] = b"bytes"
    assert fetch(files) == FileFetched("1", b"bytes")
    assert problem(fetch(files, most_bytes=4)) is TransferProblem.TOO_LARGE
    files.served[URL] = TransferProblem.REFUSED
    assert problem(fetch(files)) is TransferProblem.REFUSED
    assert len(files.asked) == 4


def test_each_attempt_can_meet_something_else() -> None:
    files = Files()
    files.served[URL] = lambda attempt: b"x" if attempt == 2 else TransferProblem.STALLED
    assert [isinstance(fetch(files), FileFetched) for _ in range(3)] == [False, True, False]


@pytest.mark.parametrize("folder", [FOLDER, f"{FOLDER}/"])
def test_uploads_land_under_folder_and_name_unless_they_are_refused(folder: str) -> None:
    files = Files()
    files.takes[folder] = TransferProblem.STORAGE
    assert problem(send(files, folder)) is TransferProblem.STORAGE
    assert files.uploads == {}
    files.takes[folder] = None
    assert send(files, folder) == FileSent("1")
    assert files.uploads == {f"{FOLDER}/a.zip": (PART,)}


@pytest.fixture
def world() -> World:
    world = World(central=ScriptedSupervision)
    world.add_station(options=StationOptions(speed=2.0))
    world.run(5)
    return world


def ask(world: World) -> SimulatedStation:
    """Have the station upload its diagnostics, without another try."""
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    central.ask("GetDiagnostics", {"location": FOLDER, "retries": 0})
    return central.station


def told(station: SimulatedStation) -> list[str]:
    return [payload["status"] for payload in station.wire.payloads("DiagnosticsStatusNotification")]


def test_transfer_takes_the_time_of_the_world(world: World) -> None:
    world.files.delay_s = 40.0
    station = ask(world)
    world.run(39)
    assert told(station) == ["Uploading"]
    world.run(2)
    assert told(station) == ["Uploading", "Uploaded"]


def test_server_that_stalls_ends_after_the_real_seconds_of_the_timeout(world: World) -> None:
    """At speed 2 the 300 real seconds are 600 of the station's."""
    world.files.delay_s = 10_000.0
    station = ask(world)
    world.run(590)
    assert told(station) == ["Uploading"]
    world.run(20)
    assert told(station) == ["Uploading", "UploadFailed"]
    assert any("stalled" in line.detail for line in station.log)


def test_transfer_of_a_station_that_goes_dark_comes_to_nothing(world: World) -> None:
    world.files.delay_s = 10.0
    station = ask(world)
    station.cut()
    world.run(60)
    assert world.files.uploads == {}


def test_transfer_that_is_stopped_comes_to_nothing(world: World) -> None:
    world.files.delay_s = 10.0
    ask(world)
    world.run(2)
    station = ask(world)
    world.run(60)
    assert told(station) == ["Uploading", "UploadFailed", "Uploading", "Uploaded"]
    assert len(world.files.asked) == 2
    assert len(world.files.uploads) == 1
