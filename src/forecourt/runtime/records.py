"""The durable records of any number of stations in one file.

Theory of operation
-------------------
Records live in one SQLite file in WAL mode with `synchronous=FULL`: what is committed survives a power cut. One
connection in one writer thread does everything; a second one could meet SQLite's WAL-reset defect, and a lock beside
the file keeps other processes out.

`commit` puts a batch of writes on the thread's queue and returns. The thread takes all that is waiting, makes one
transaction of it and tells every batch's `done` on the event loop, in the order of the commits. While a sync runs the
next batches gather, so the group grows with the load and with the slowness of the disk, and nothing ever waits for a
group to fill. Within a group only the last write to a record reaches the file, which comes to the same.

When a transaction fails nothing of it is in the file, every batch of the group is told why, and the next group is tried
anew: whoever needs the records commits them again.

Every row has a checksum, so that a row that something else has changed is not taken for what was written: whoever loads
it gets `UNREADABLE` in its place. A file that is damaged as a whole is put aside when it is opened, and what can be
read of it goes on in a new one (`runtime.salvage`). After that no message id may be used twice, so the count of lives
is unreadable as well, and the station draws a number instead. What was found is told in sentences.

Without a path the records live in memory: the same calls, for fleets and tests that do not need a disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from forecourt.errors import ForecourtError
from forecourt.runtime.lock import take_lock
from forecourt.runtime.salvage import checksum, find_damage, finish, put_aside
from forecourt.station.boot import KIND as BOOT_KIND
from forecourt.station.effects import DeleteRecord, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCHEMA_VERSION = 2
_APPLICATION_ID = 0x466F7265
"""Says to whom the file belongs; `Fore` in ASCII."""
_GROUP_LIMIT = 10_000
"""Batches in one transaction; bounds the memory it takes."""
_SCHEMA = """
CREATE TABLE record (
    station TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    data BLOB NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (station, kind, key)
) WITHOUT ROWID
"""
_SAVE = "INSERT OR REPLACE INTO record (station, kind, key, data, sum) VALUES (?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM record WHERE station = ? AND kind = ? AND key = ?"
_STATIONS = "SELECT DISTINCT station FROM record ORDER BY station"
_LOAD = "SELECT kind, key, data, sum FROM record WHERE station = ? ORDER BY kind, key"

UNREADABLE = b"\xff"
"""What `load` gives for a record that is damaged: nothing that any kind of record could be."""

Records: TypeAlias = dict[tuple[str, str], bytes]
"""The records of one station by kind and key."""
Done: TypeAlias = Callable[[str | None], None]
"""Hears None when a batch is durable, or a sentence saying why it is not."""
Writes: TypeAlias = "Sequence[SaveRecord | DeleteRecord]"


class RecordStoreError(ForecourtError):
    """A record file that cannot be opened, read or used now."""


class _Batch:
    """The writes of one `commit`."""

    __slots__ = ("done", "station", "writes")

    def __init__(self, station: str, writes: Writes, done: Done) -> None:
        self.station = station
        self.writes = writes
        self.done = done


class _Query:
    """Something that the thread is to read in its turn."""

    __slots__ = ("answer", "arguments", "statement")

    def __init__(self, statement: str, *arguments: str) -> None:
        self.statement = statement
        self.arguments = arguments
        self.answer: Future[list[Any]] = Future()


class RecordStore:
    """See the top of the file. `commit` belongs to one event loop; the rest may be called without one."""

    def __init__(self, path: Path | None, tell: Callable[[str], None] = lambda sentence: None) -> None:
        """Open the file at `path`, make it and its folder where missing, readable by their owner only; None: memory.

        `tell` hears a sentence about everything that is found damaged, now or in a `load`.

        Raises `FolderRefused` when another process has it or the folder cannot be, and `RecordStoreError` when it is
        not of Forecourt, of a newer version, or the disk will not have it.
        """
        self._file = None if path is None else _RecordFile(path, tell)
        self._memory: dict[str, Records] = {}

    def load(self, station: str) -> Records:
        """All records of a station, with every earlier `commit` that succeeds in them, sorted by kind and key.

        Blocks while a commit is under way. Raises `RecordStoreError` when the file cannot be read.
        """
        if self._file is not None:
            return self._file.load(station)
        return dict(sorted(self._memory.get(station, {}).items()))

    def stations(self) -> list[str]:
        """The identities that have records, sorted. Blocks and raises as `load` does."""
        if self._file is not None:
            return self._file.stations()
        return sorted(station for station, records in self._memory.items() if records)

    def commit(self, station: str, writes: Writes, done: Done) -> None:
        """Make a batch of writes durable, all or none. Returns at once; `done` is called on the running loop.

        Calls of `done` come in the order of the commits, never from inside this call. Leave `writes` unchanged then on.
        """
        loop = asyncio.get_running_loop()
        if self._file is not None:
            self._file.commit(loop, _Batch(station, writes, done))
            return
        records = self._memory.setdefault(station, {})
        for write in writes:
            if isinstance(write, SaveRecord):
                records[write.kind, write.key] = write.data
            else:
                records.pop((write.kind, write.key), None)
        loop.call_soon(done, None)

    async def keep(self, station: str, writes: Writes) -> None:
        """As `commit`, and return when the writes are durable. Raises `RecordStoreError` when they cannot be."""
        failure: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.commit(station, writes, failure.set_result)
        if (reason := await failure) is not None:
            raise RecordStoreError(reason)

    @property
    def transactions(self) -> int:
        """How many transactions have been committed to the file; 0 in memory."""
        return 0 if self._file is None else self._file.transactions

    @property
    def begun(self) -> int:
        """How many groups the thread has begun to write; 0 in memory."""
        return 0 if self._file is None else self._file.begun

    @property
    def waiting(self) -> int:
        """How many batches the thread has not taken yet; 0 in memory."""
        return 0 if self._file is None else self._file.waiting

    def setting(self, name: str, value: int | None = None) -> int | str:
        """What the file's connection says to `PRAGMA name`, after setting it to `value` if there is one."""
        assert self._file is not None, "memory has no settings"
        return self._file.setting(name, value)

    def close(self) -> None:
        """Finish what was committed, then let go of the file. Blocks until then; a second call does nothing."""
        if self._file is not None:
            self._file.close()


class _RecordFile:
    """The file, its lock and its writer thread."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self.transactions = 0
        self.begun = 0
        self._path = path
        self._tell = tell
        self._was_damaged = False
        self._queue: SimpleQueue[_Batch | _Query | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._lock = take_lock(path.with_name(f"{path.name}.lock"), f"The record file {path}")
        try:
            self._connection = self._open()
        except BaseException:
            os.close(self._lock)
            raise
        self._thread = threading.Thread(target=self._run, name=f"records {path.name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def load(self, station: str) -> Records:
        records: Records = {}
        for kind, key, data, written in self._ask(_Query(_LOAD, station)):
            if checksum(station, kind, key, data) == written:
                records[kind, key] = data
            else:
                records[kind, key] = UNREADABLE
                self._tell(f"The record {kind} {key} of {station} in {self._path} is damaged and is not used.")
        if self._was_damaged:
            records[BOOT_KIND, "count"] = UNREADABLE
        return records

    def stations(self) -> list[str]:
        return [station for (station,) in self._ask(_Query(_STATIONS))]

    def setting(self, name: str, value: int | None) -> int | str:
        ((answer,),) = self._ask(_Query(f"PRAGMA {name}" if value is None else f"PRAGMA {name} = {value:d}"))
        assert isinstance(answer, int | str), "settings are numbers and words"
        return answer

    def commit(self, loop: asyncio.AbstractEventLoop, batch: _Batch) -> None:
        self._check_open()
        self._loop = loop
        self._queue.put(batch)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()
            os.close(self._lock)

    def _check_open(self) -> None:
        if self._closed:
            raise RecordStoreError(f"The record file {self._path} has been closed.")

    def _ask(self, query: _Query) -> list[Any]:
        self._check_open()
        self._queue.put(query)
        return query.answer.result()

    def _open(self) -> sqlite3.Connection:
        path = self._path
        try:
            finish(path)
            self._put_damage_aside()
            # SQLite gives its other files this mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise RecordStoreError(f"The record file {path} cannot be opened: {error}.") from error
        try:
            _prepare(connection, path)
        except sqlite3.Error as error:
            connection.close()
            raise RecordStoreError(f"{path} cannot be used as a record file: {error}.") from error
        except RecordStoreError:
            connection.close()
            raise
        return connection

    def _put_damage_aside(self) -> None:
        wrong = find_damage(self._path)
        if wrong is None:
            return
        aside, rows = put_aside(self._path, _make_tables, time.time())
        self._was_damaged = True
        self._tell(
            f"The record file {self._path} was damaged ({wrong}): it was put aside as {aside.name}, and {rows} records "
            "that could be read go on."
        )

    # In the thread.

    def _run(self) -> None:
        ended = False
        while not ended:
            waiting = [self._queue.get()]
            with contextlib.suppress(Empty):
                while len(waiting) < _GROUP_LIMIT:
                    waiting.append(self._queue.get_nowait())
            group: list[_Batch] = []
            for item in waiting:
                if isinstance(item, _Batch):
                    group.append(item)
                    continue
                self._finish(group)
                group = []
                if item is None:
                    ended = True
                else:
                    self._answer(item)
            self._finish(group)
        self._connection.close()

    def _finish(self, group: list[_Batch]) -> None:
        """Commit a group and tell of it."""
        if not group:
            return
        self.begun += 1
        failure = self._write(group)
        loop = self._loop
        assert loop is not None, "commit() set it"
        with contextlib.suppress(RuntimeError):  # the loop has been closed, and nobody listens any more
            loop.call_soon_threadsafe(_tell, loop, group, failure)

    def _write(self, group: list[_Batch]) -> str | None:
        last: dict[tuple[str, str, str], bytes | None] = {}
        for batch in group:
            for write in batch.writes:
                data = write.data if isinstance(write, SaveRecord) else None
                last[batch.station, write.kind, write.key] = data
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                _SAVE, ((*name, data, checksum(*name, data)) for name, data in last.items() if data is not None)
            )
            connection.executemany(_DELETE, (name for name, data in last.items() if data is None))
            connection.execute("COMMIT")
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return f"Nothing could be written to the record file {self._path}: {error}."
        self.transactions += 1
        return None

    def _answer(self, query: _Query) -> None:
        try:
            query.answer.set_result(self._connection.execute(query.statement, query.arguments).fetchall())
        except (sqlite3.Error, UnicodeEncodeError) as error:
            query.answer.set_exception(RecordStoreError(f"The record file {self._path} cannot be read: {error}."))


def _tell(loop: asyncio.AbstractEventLoop, group: list[_Batch], failure: str | None) -> None:
    for batch in group:
        loop.call_soon(batch.done, failure)  # one by one, so that one that fails does not silence the others


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """See that the file is ours and of this version; make what is in it when it is new."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if owner != _APPLICATION_ID and (owner or version or tables):
        raise RecordStoreError(f"{path} is the database of another program: choose another folder.")
    if version > SCHEMA_VERSION:
        raise RecordStoreError(
            f"The record file {path} is of version {version}, and this program knows versions up to {SCHEMA_VERSION}: "
            "use the newer program that wrote it."
        )
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise RecordStoreError(
            f"The record file {path} is on a disk without write-ahead logging: choose a local folder."
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: else its disks may keep it in a cache
    if version == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if version == 0:
        _make_tables(connection)
    for form in range(version or SCHEMA_VERSION, SCHEMA_VERSION):
        _MIGRATIONS[form](connection)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _make_tables(connection: sqlite3.Connection) -> None:
    """Make an empty file one of the present form."""
    connection.execute(_SCHEMA)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _add_checksums(connection: sqlite3.Connection) -> None:
    """The first form had none."""
    connection.create_function("checksum", 4, checksum, deterministic=True)
    connection.execute("ALTER TABLE record ADD COLUMN sum INTEGER NOT NULL DEFAULT 0")
    connection.execute("UPDATE record SET sum = checksum(station, kind, key, data)")


_MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _add_checksums}
"""By the version of a file: what makes it one of the next."""
