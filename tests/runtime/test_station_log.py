"""The log of one station, in memory and in its files."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.runtime import station_log
from forecourt.runtime.station_log import LOST, FollowedWireLog, StationLog
from forecourt.runtime.wire_log import HIDDEN, without_credentials
from forecourt.station.effects import FetchFile, FilePart, LogEvent, OpenLink, SaveRecord, SendFile
from forecourt.station.events import BadgeShown, FileFetched, FrameReceived, KeySet, TransferFailed, TransferProblem

if TYPE_CHECKING:
    from pathlib import Path

FOREVER = (0.0, 4e9, 0.0)


def lines(log: StationLog, from_s: float = 0.0, until_s: float = 4e9, ahead_s: float = 0.0) -> list[tuple[str, str]]:
    found: list[dict[str, Any]] = [
        msgspec.json.decode(line) for line in log.extract(from_s, until_s, ahead_s).splitlines()
    ]
    return [(line["kind"], line["text"]) for line in found]


def texts(log: StationLog) -> list[str]:
    return [text for _, text in lines(log)]


@pytest.fixture(params=["memory", "file"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = StationLog(None if request.param == "memory" else tmp_path / "log.jsonl")
    yield made
    made.close()


def test_a_line_has_time_kind_and_text_and_comes_back_between_its_times(log: StationLog) -> None:
    for second in range(5):
        log.add(1_000.0 + second, "tick", f"number {second}")
    assert log.extract(1_002.0, 1_002.5, 0.0) == b'{"time":"1970-01-01T00:16:42Z","kind":"tick","text":"number 2"}\n'
    assert [text for _, text in lines(log, 1_001.0, 1_003.0)] == ["number 1", "number 2", "number 3"]
    assert lines(log, 2_000.0) == []


def test_the_times_are_those_of_the_clock_that_asks(log: StationLog) -> None:
    """The station's clock is an hour ahead of the one that the log was written with."""
    log.add(1_000.0, "tick", "")
    assert lines(log, 4_000.0, 5_000.0) == []
    (line,) = log.extract(4_000.0, 5_000.0, 3_600.0).splitlines()
    assert datetime.fromisoformat(msgspec.json.decode(line)["time"]) == datetime.fromtimestamp(4_600.0, UTC)


def test_events_effects_and_messages_are_written_as_a_person_reads_them(log: StationLog) -> None:
    wire = FollowedWireLog(log, 10, 1.0)
    wire.add(1.0, "<", b'[2,"a","Reset",{"type":"Soft"}]')
    wire.add(2.0, ">", b'[3,"a",{"status":"Accepted"}]')
    for what in (
        BadgeShown("TAG"),
        FileFetched("f1", bytes(1000)),
        TransferFailed("f1", TransferProblem.STALLED, "it took longer than 5 s"),
        LogEvent("Record ignored", "queue 1"),
    ):
        log.hear(what, 3.0)
    assert lines(log) == [
        ("Received", '[2,"a","Reset",{"type":"Soft"}]'),
        ("Sent", '[3,"a",{"status":"Accepted"}]'),
        ("BadgeShown", '{"idTag":"TAG"}'),
        ("FileFetched", "f1: 1000 bytes"),
        ("TransferFailed", "f1: stalled: it took longer than 5 s"),
        ("Record ignored", "queue 1"),
    ]
    assert len(wire) == 2


def test_no_secret_gets_into_the_log(log: StationLog) -> None:
    """Records and keys are left out, and so are user and password of every address."""
    change = '[2,"a","ChangeConfiguration",{"key":"%s","value":"5ec2e7"}]'
    for key in ("AuthorizationKey", "aUTHORIZATIONKEY", "Authorization\\u004bey", "\\u0041uthorizationKey"):
        log.frame(1.0, "<", (change % key).encode())
    log.frame(1.0, "<", b'[2,"a","ChangeConfiguration",{"key":"AuthorizationKey","value":"5ec2e7"')
    log.frame(1.0, "<", b'[2,"a","ChangeConfiguration",{"Key":"AuthorizationKey","Value":"5ec2e7"}]')
    log.frame(1.0, "<", b'[2,"a","changeConfiguration",[{"key":"AuthorizationKey","value":"5ec2e7"}]]')
    log.frame(1.0, "<", b'[2,"a","GetDiagnostics",{"location":"ftp:\\/\\/5ec2e7:5ec2e7@host\\/"}]')
    log.frame(1.0, "<", b'[2,"a","DataTransfer",{"data":"{\\"location\\":\\"ftp:\\\\/\\\\/u:5ec2e7@host/t.png\\"}"}]')
    for what in (
        OpenLink("wss://u:5ec2e7@host/CP", "CP", b"5ec2e7"),
        FetchFile("f1", "https://u:5ec2e7@host/f", 1, 1.0),
        SendFile("s1", "ftp://u:5e@5ec2e7@host/f", "a.zip", (FilePart("a", b"5ec2e7"),), None, 0.0, 1.0),
        KeySet("AuthorizationKey", "5ec2e7"),
        SaveRecord("key", "AuthorizationKey", b"5ec2e7"),
        FrameReceived(b"5ec2e7"),
        LogEvent("x", "from ftp://u:5ec2e7@host/"),
    ):
        log.hear(what, 2.0)
    assert "5ec2e7" not in log.extract(*FOREVER).decode()
    assert len(texts(log)) == 14
    assert f"ftp://{HIDDEN}@host/" in texts(log)[7]


def test_a_text_without_credentials_stays_as_it_is() -> None:
    for text in ("ftp://host/a@b", "mail a@b", '[2,"a","X",{"a":"\\u0040"}]', '{"a":"ftp://host/?at=@"}'):
        assert without_credentials(text) == text


def test_the_log_in_memory_is_bounded() -> None:
    log = StationLog(lines=3)
    for number in range(5):
        log.add(1.0, "tick", str(number))
    assert texts(log) == ["2", "3", "4"]


def test_the_log_on_disk_is_bounded_by_two_files_and_only_its_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = StationLog(path, file_bytes=1_000)
    for number in range(100):
        log.add(1.0, "tick", str(number))
    sizes = {each.name: each.stat().st_size for each in tmp_path.iterdir()}
    assert set(sizes) == {"log.jsonl", "log.1.jsonl"}
    assert max(sizes.values()) <= 1_000
    kept = texts(log)
    assert kept == [str(number) for number in range(100 - len(kept), 100)]
    assert len(kept) > 15
    assert path.stat().st_mode & 0o777 == 0o600
    log.close()


def test_a_killed_process_leaves_every_line_and_the_next_goes_on_behind_a_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    script = (
        "import os, pathlib, signal, sys\n"
        "from forecourt.runtime.station_log import StationLog\n"
        "log = StationLog(pathlib.Path(sys.argv[1]))\n"
        "for number in range(3): log.add(1.0, 'tick', str(number))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    with path.open("ab") as file:
        file.write(b'{"time":"1970-01-01T00:00:02Z","kind":"ti')
    log = StationLog(path)
    log.add(3.0, "tick", "3")
    assert texts(log) == ["0", "1", "2", "3"]
    log.close()


def test_a_full_disk_loses_lines_and_says_so_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of the three lines is cut short, as a disk does that fills up within it."""
    log = StationLog(tmp_path / "log.jsonl")
    log.add(1.0, "tick", "before")
    room = [10]

    def full(file: int, data: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(file, data[: room.pop()])

    with monkeypatch.context() as patched:
        patched.setattr(station_log, "write", full)
        for number in range(3):
            log.add(2.0, "tick", str(number))
    log.add(3.0, "tick", "after")
    assert lines(log) == [("tick", "before"), (LOST, "3 lines could not be written"), ("tick", "after")]
    log.close()


def test_a_folder_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    log = StationLog(tmp_path / "gone" / "log.jsonl")
    log.add(1.0, "tick", "0")
    assert log.extract(*FOREVER) == b""
    (tmp_path / "gone").mkdir()
    log.add(2.0, "tick", "1")
    assert texts(log) == ["1 lines could not be written", "1"]
    log.close()
