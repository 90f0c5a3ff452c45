"""The supervision's durable store: one SQLite file, one connection, one thread that writes and reads.

Theory of operation. Facts arrive on the event loop's thread, many small lists of them. They are not written one by one:
they gather in the *filling* group. When the thread is free, the whole group is handed to it, written in one transaction
(each table's rows in a few many-row statements, which keeps the interpreter lock free for the event loop) and committed
with a full sync. Then the callbacks of the group run on the loop, in order, and whatever gathered meanwhile is the next
group. So the busier the supervision, the larger its groups, and nobody waits longer than two commits.

A group that cannot be written (disk full) is kept and tried again until it can: nothing that waits for it goes on, and
nothing is answered that could be lost. Readings for the API use the same connection between two groups: a second one
would risk SQLite's WAL-reset race.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy
from alembic import command as alembic_command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from forecourt.errors import ForecourtError
from forecourt.runtime.lock import take_lock
from forecourt.supervision.rows import write_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from forecourt.supervision.facts import Fact

T = TypeVar("T")

FILE_NAME = "supervision.db"
LOCK_NAME = "supervision.lock"
RETRY_S = 1.0
"""How long a group that could not be written waits for its next attempt."""


class StoreRefused(ForecourtError):  # noqa: N818
    """The database cannot be used; the sentence says which file and why."""


class _Group:
    """Facts that become durable together, and who waits for them."""

    __slots__ = ("facts", "waiting")

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.waiting: list[Callable[[], None]] = []


class Store:
    """The supervision's durable store. Every method but the constructor is called on the event loop's thread.

    `folder` None keeps everything in memory and forgets it at the end. `write` puts a group of facts into the database.
    `on_trouble` is told, in a sentence, each time a group could not be written, and None once it could.
    """

    def __init__(
        self,
        folder: Path | None,
        write: Callable[[Connection, Sequence[Fact]], None] = write_facts,
        on_trouble: Callable[[str | None], None] = lambda _sentence: None,
    ) -> None:
        self._folder = folder
        self._write = write
        self._on_trouble = on_trouble
        self._troubled = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._filling = _Group()
        self._writing = False
        self._scheduled = False
        self._lock_file: int | None = None

    async def open(self) -> None:
        """Open the file, bring its tables to the newest form and begin to serve.

        Raises `FolderRefused` for a folder that cannot be used, `StoreRefused` for what is in it.
        """
        self._loop = asyncio.get_running_loop()
        self._crash: asyncio.Future[None] = self._loop.create_future()
        if self._folder is not None:
            self._lock_file = take_lock(self._folder / LOCK_NAME, f"The data folder {self._folder}")
        self._thread = threading.Thread(target=self._work, name="supervision-store", daemon=True)
        self._thread.start()
        try:
            await self._ask(self._connect)
        except BaseException:
            await self._stop_thread()
            raise

    @property
    def crash(self) -> asyncio.Future[None]:
        """Fails with the exception of a group that no retry can write: a mistake of ours, the end of the process."""
        return self._crash

    def commit(self, facts: Sequence[Fact], done: Callable[[], None] | None = None) -> None:
        """Add facts to the filling group; once they are durable `done` is called on the loop, in the order of calls."""
        self._filling.facts.extend(facts)
        if done is not None:
            self._filling.waiting.append(done)
        if not self._writing and not self._scheduled:
            # Not at once: what else this turn of the loop brings shall share the group.
            self._scheduled = True
            self._loop.call_soon(self._hand_over)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """What `query` finds, run between two groups; facts given before are seen when they are durable."""

        def run() -> T:
            with self._connection.begin():
                return query(self._connection)

        return await self._ask(run)

    async def settled(self) -> None:
        """Return once everything given so far is durable."""
        durable = asyncio.Event()
        self.commit((), durable.set)
        await durable.wait()

    async def close(self, patience_s: float = 5.0) -> None:
        """Write what has gathered, for at most `patience_s` while the disk refuses, and release the folder."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.settled(), patience_s)
        await self._ask(self._disconnect)
        await self._stop_thread()

    # On the loop's thread.

    def _hand_over(self) -> None:
        self._scheduled = False
        group, self._filling = self._filling, _Group()
        self._writing = True
        self._jobs.put(lambda: self._write_group(group))

    def _group_written(self, group: _Group) -> None:
        self._writing = False
        if self._troubled:
            self._troubled = False
            self._on_trouble(None)
        for done in group.waiting:
            done()
        if (self._filling.facts or self._filling.waiting) and not self._scheduled:
            self._hand_over()

    def _group_refused(self, group: _Group, sentence: str) -> None:
        self._troubled = True
        self._on_trouble(sentence)
        self._loop.call_later(RETRY_S, lambda: self._jobs.put(lambda: self._write_group(group)))

    def _crashed(self, fault: BaseException) -> None:
        if not self._crash.done():
            self._crash.set_exception(fault)

    async def _ask(self, run: Callable[[], T]) -> T:
        answer: asyncio.Future[T] = self._loop.create_future()

        def settle(result: T | None, fault: BaseException | None) -> None:
            if answer.done():
                return
            if fault is not None:
                answer.set_exception(fault)
            else:
                answer.set_result(result)  # type: ignore[arg-type]

        def job() -> None:
            try:
                result = run()
            except BaseException as fault:
                self._loop.call_soon_threadsafe(settle, None, fault)
            else:
                self._loop.call_soon_threadsafe(settle, result, None)

        self._jobs.put(job)
        return await answer

    async def _stop_thread(self) -> None:
        self._jobs.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    # On the store's thread.

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _write_group(self, group: _Group) -> None:
        try:
            with self._connection.begin():
                self._write(self._connection, group.facts)
        except OperationalError as fault:
            sentence = f"{self._place} cannot be written ({fault.orig}); answers wait and it is tried again."
            self._loop.call_soon_threadsafe(self._group_refused, group, sentence)
        except BaseException as fault:
            # A mistake of ours: it ends the process, on the loop's thread.
            self._loop.call_soon_threadsafe(self._crashed, fault)
        else:
            self._loop.call_soon_threadsafe(self._group_written, group)

    @property
    def _place(self) -> str:
        return "The database in memory" if self._folder is None else f"The database {self._folder / FILE_NAME}"

    def _connect(self) -> None:
        self._engine = open_engine(None if self._folder is None else self._folder / FILE_NAME)
        with contextlib.ExitStack() as opened:
            opened.callback(self._engine.dispose)
            try:
                self._connection = opened.enter_context(self._engine.connect())
                migrate(self._connection)
            except CommandError as fault:
                raise StoreRefused(
                    f"{self._place} was written by a newer Forecourt: use that one, or another folder."
                ) from fault
            except DatabaseError as fault:
                raise StoreRefused(
                    f"{self._place} cannot be read ({fault.orig}): move the file away, or use another folder."
                ) from fault
            opened.pop_all()

    def _disconnect(self) -> None:
        self._connection.close()
        self._engine.dispose()


def open_engine(path: Path | None) -> Engine:
    """An engine with exactly one SQLite connection: WAL and a full sync at every commit."""

    def connect() -> sqlite3.Connection:
        if path is not None:
            # For its owner only; SQLite gives its other files the same mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=5.0
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.create_function("casefold", 1, str.casefold, deterministic=True)  # SQLite folds ASCII only
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    engine = sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=StaticPool)
    # The driver leaves transactions alone (isolation_level None), so that tables change inside one as well.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def migrate(connection: Connection) -> None:
    """Bring the tables to the newest form, in one transaction."""
    config = AlembicConfig()
    config.set_main_option("script_location", "forecourt.supervision:migrations")
    config.attributes["connection"] = connection
    with connection.begin():
        alembic_command.upgrade(config, "head")
