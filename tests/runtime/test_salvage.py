"""Record files that something has damaged, and the first form of the file: what the next start makes of them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from forecourt.runtime.records import SCHEMA_VERSION, UNREADABLE, RecordStore, RecordStoreError
from forecourt.runtime.salvage import finish, wal_of
from forecourt.station.effects import SaveRecord

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096
ROWS = 400
LOST_LIFE = {("boot", "count"): UNREADABLE}
"""After damage the count of lives is not known."""


class Damaged:
    """A file with many records, closed, and what the next start says and finds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[str] = []
        self.records = {("queue", f"{number:012d}"): b"%d " % number * 20 for number in range(ROWS)}
        store = RecordStore(path)
        asyncio.run(store.keep("A", [SaveRecord(kind, key, data) for (kind, key), data in self.records.items()]))
        store.close()
        self.content = path.read_bytes()

    def write(self, at: int, what: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(at)
            file.write(what)

    def found(self) -> dict[tuple[str, str], bytes]:
        """What the next start loads; it must be able to keep something, too."""
        store = RecordStore(self.path, self.told.append)
        found = store.load("A")
        asyncio.run(store.keep("A", [SaveRecord("queue", "new", b"new")]))
        assert store.load("A")["queue", "new"] == b"new"
        store.close()
        return found

    def aside(self) -> list[Path]:
        return sorted(self.path.parent.glob("records.damaged-*"))


@pytest.fixture
def damaged(tmp_path: Path) -> Damaged:
    return Damaged(tmp_path / "records.sqlite")


@pytest.mark.parametrize("header", [b"\0" * 16, b"\xff" * 100, b"\0" * 100, b"This is a letter"], ids=repr)
def test_file_with_a_broken_header_loses_no_record(damaged: Damaged, header: bytes) -> None:
    damaged.write(0, header)
    assert damaged.found() == damaged.records | LOST_LIFE
    (aside,) = damaged.aside()
    assert aside.read_bytes() == header + damaged.content[len(header) :]
    (told,) = damaged.told
    assert str(damaged.path) in told
    assert aside.name in told
    assert f"{ROWS} records" in told


@pytest.mark.parametrize("page", [3, 5])
def test_file_with_garbage_for_a_page_loses_the_records_of_that_page(damaged: Damaged, page: int) -> None:
    damaged.write((page - 1) * PAGE, os.urandom(1) * PAGE)
    found = damaged.found()
    assert found.items() <= (damaged.records | LOST_LIFE).items()
    assert ROWS // 2 < len(found) < ROWS
    assert len(damaged.aside()) == 1
    assert f"{len(found) - 1} records" in damaged.told[0]


@pytest.mark.parametrize("length", [1, 99, 100, PAGE, PAGE + 1, 4 * PAGE, 6 * PAGE])
def test_file_that_was_cut_short_is_put_aside_and_what_is_left_goes_on(damaged: Damaged, length: int) -> None:
    os.truncate(damaged.path, length)
    assert damaged.found().items() <= (damaged.records | LOST_LIFE).items()
    assert [aside.read_bytes() for aside in damaged.aside()] == [damaged.content[:length]]
    assert "was damaged" in damaged.told[0]


def test_file_that_holds_something_else_altogether_is_put_aside(damaged: Damaged) -> None:
    damaged.path.write_bytes(b"This is a letter and no database, long enough to have a header. " * 200)
    assert damaged.found() == LOST_LIFE
    assert "0 records" in damaged.told[0]


def test_record_that_was_changed_behind_our_back_is_unreadable_and_named(damaged: Damaged) -> None:
    """SQLite would not notice: the pages are in order, one byte of a value is not."""
    at = damaged.content.index(b"217 217 217")
    damaged.write(at, b"8")
    assert damaged.found() == damaged.records | {("queue", f"{217:012d}"): UNREADABLE}
    (told,) = set(damaged.told)
    assert f"The record queue {217:012d} of A" in told
    assert damaged.aside() == []


def test_two_damaged_files_have_two_names(damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    for second in (0.0, 5.0):
        monkeypatch.setattr("forecourt.runtime.records.time.time", lambda now=second: 1_772_438_400.0 + now)
        damaged.write(0, b"\0" * 16)
        damaged.found()
    assert [aside.name for aside in damaged.aside()] == [
        "records.damaged-20260302T080000.sqlite",
        "records.damaged-20260302T080005.sqlite",
    ]


def test_damaged_file_takes_what_is_in_a_good_log_along(damaged: Damaged) -> None:
    """The process was killed, so that its last commit is in the log only; then the header of the file broke."""
    store = RecordStore(damaged.path)
    changed = ("queue", f"{217:012d}")
    in_the_log = b"x" * len(damaged.records[changed])
    asyncio.run(store.keep("A", [SaveRecord(*changed, in_the_log)]))
    logged = wal_of(damaged.path).read_bytes()
    store.close()
    damaged.path.write_bytes(b"\0" * 16 + damaged.content[16:])
    wal_of(damaged.path).write_bytes(logged)
    assert damaged.found() == damaged.records | {changed: in_the_log} | LOST_LIFE
    assert f"{ROWS} records" in damaged.told[0]


def test_log_that_is_garbage_is_put_aside_and_the_file_stands_as_it_was(damaged: Damaged) -> None:
    wal_of(damaged.path).write_bytes(b"garbage!" * 4096)
    assert damaged.found() == damaged.records | LOST_LIFE
    assert [aside.name.endswith("-wal") for aside in damaged.aside()] == [False, True]
    assert wal_of(damaged.aside()[0]).read_bytes() == b"garbage!" * 4096
    assert "write-ahead log" in damaged.told[0]


def test_start_finishes_what_a_crash_left_half_done(damaged: Damaged) -> None:
    """The old file has its new name and the new one not yet; the old log is still there and must not be read."""
    new = damaged.path.with_name("records.sqlite.new")
    damaged.path.replace(new)
    wal_of(damaged.path).write_bytes(b"old")
    assert damaged.found() == damaged.records
    assert not new.exists()
    assert wal_of(damaged.path.with_name("records.damaged.sqlite")).read_bytes() == b"old"


def test_start_throws_away_what_a_crash_left_half_made(damaged: Damaged) -> None:
    for name in ("records.sqlite.new", "records.sqlite.copy", "records.sqlite.copy-wal"):
        damaged.path.with_name(name).write_bytes(b"half")
    finish(damaged.path)
    assert damaged.found() == damaged.records
    assert {each.name for each in damaged.path.parent.iterdir()} == {"records.sqlite", "records.sqlite.lock"}


# The forms of the file.


def make_first_form(path: Path, rows: int) -> None:
    """A file as the first version of Forecourt wrote it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "CREATE TABLE record (station TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, data BLOB NOT NULL, "
        "PRIMARY KEY (station, kind, key)) WITHOUT ROWID"
    )
    connection.execute(f"PRAGMA application_id = {0x466F7265}")
    connection.execute("PRAGMA user_version = 1")
    given = [("A", "queue", f"{number}", b"%d" % number) for number in range(rows)]
    connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", given)
    connection.close()


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(version)


def test_file_of_the_first_form_is_migrated_with_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    make_first_form(path, 50)
    told: list[str] = []
    for _ in range(2):
        store = RecordStore(path, told.append)
        found = store.load("A")
        assert found == {("queue", f"{number}"): b"%d" % number for number in range(50)}
        store.close()
    assert version_of(path) == SCHEMA_VERSION == 2
    assert told == []


def test_damaged_file_of_the_first_form_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    make_first_form(path, 50)
    with path.open("r+b") as file:
        file.write(b"\0" * 16)
    store = RecordStore(path)
    assert store.load("A") == {("queue", f"{number}"): b"%d" % number for number in range(50)} | LOST_LIFE
    store.close()


def test_migration_that_fails_leaves_the_first_form(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    make_first_form(path, 50)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TRIGGER full BEFORE UPDATE ON record BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    connection.close()
    with pytest.raises(RecordStoreError, match="the disk is full"):
        RecordStore(path)
    assert version_of(path) == 1
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TRIGGER full")
    connection.close()
    store = RecordStore(path)
    assert len(store.load("A")) == 50
    store.close()
