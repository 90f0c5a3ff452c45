"""The record store on real files, with real kills; on both loops."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from forecourt.runtime.lock import FolderRefused
from forecourt.runtime.records import SCHEMA_VERSION, RecordStore, RecordStoreError
from forecourt.station.effects import DeleteRecord, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Write = SaveRecord | DeleteRecord


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[RecordStore]:
    opened = RecordStore(path)
    yield opened
    opened.close()


async def commit(store: RecordStore, station: str, *writes: Write) -> str | None:
    """Commit a batch and wait for what came of it."""
    told: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    store.commit(station, list(writes), told.set_result)
    return await told


def save(key: str, data: bytes = b"x", kind: str = "queue") -> SaveRecord:
    return SaveRecord(kind, key, data)


def rows(path: Path) -> int:
    """How many records another program finds in the file."""
    with sqlite3.connect(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM record").fetchone()
    connection.close()
    return int(count)


@pytest.mark.parametrize("on_disk", [True, False], ids=["file", "memory"])
def test_store_keeps_the_last_write_of_each_record_and_stations_apart(
    play: Callable[..., None], tmp_path: Path, on_disk: bool
) -> None:
    async def scenario() -> None:
        store = RecordStore(tmp_path / "records.sqlite" if on_disk else None)
        assert store.load("A") == {}
        assert await commit(store, "A", save("2", b"two"), save("1", b"one"), save("1", b"ONE", "meter")) is None
        assert await commit(store, "B", save("1", b"\0\xff")) is None
        writes: list[Write] = [
            DeleteRecord("queue", "2"),
            save("3"),
            DeleteRecord("queue", "3"),
            DeleteRecord("queue", "4"),
        ]
        assert await commit(store, "A", *writes, save("5", b""), DeleteRecord("queue", "1"), save("1", b"new")) is None
        assert list(store.load("A").items()) == [
            (("meter", "1"), b"ONE"),
            (("queue", "1"), b"new"),
            (("queue", "5"), b""),
        ]
        assert store.load("B") == {("queue", "1"): b"\0\xff"}
        assert store.stations() == ["A", "B"]
        assert await commit(store, "B", DeleteRecord("queue", "1")) is None
        assert store.stations() == ["A"]
        store.close()
        store.close()

    play(scenario())


@pytest.mark.parametrize("on_disk", [True, False], ids=["file", "memory"])
def test_callbacks_come_in_order_on_the_loop_and_never_within_the_call(
    play: Callable[..., None], tmp_path: Path, on_disk: bool
) -> None:
    async def scenario() -> None:
        store = RecordStore(tmp_path / "records.sqlite" if on_disk else None)
        heard: list[int] = []
        threads: set[threading.Thread] = set()
        done = asyncio.Event()

        def listen(number: int) -> Callable[[str | None], None]:
            def hear(failure: str | None) -> None:
                assert failure is None
                heard.append(number)
                threads.add(threading.current_thread())
                if number == 99:
                    done.set()

            return hear

        for number in range(100):
            store.commit(f"station {number % 7}", [save(f"{number:03}")], listen(number))
            assert len(heard) <= number
        await done.wait()
        assert heard == list(range(100))
        assert threads == {threading.main_thread()}
        store.close()

    play(scenario())


def test_loaded_records_are_a_copy(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        store = RecordStore(None)
        await commit(store, "A", save("1"))
        store.load("A").clear()
        assert len(store.load("A")) == 1

    play(scenario())


def test_records_are_there_after_the_store_was_closed_and_opened_again(play: Callable[..., None], path: Path) -> None:
    async def scenario() -> None:
        store = RecordStore(path)
        store.commit("A", [save("1")], lambda _: None)
        store.close()  # finishes what was committed
        store = RecordStore(path)
        assert store.load("A") == {("queue", "1"): b"x"}
        assert await commit(store, "A", DeleteRecord("queue", "1")) is None
        store.close()
        store = RecordStore(path)
        assert store.load("A") == {}
        store.close()
        with pytest.raises(RecordStoreError, match="has been closed"):
            store.load("A")
        with pytest.raises(RecordStoreError, match="has been closed"):
            await commit(store, "A", save("1"))

    play(scenario())


def test_load_sees_what_was_committed_before_it(play: Callable[..., None], store: RecordStore) -> None:
    async def scenario() -> None:
        for number in range(50):
            store.commit("A", [save(f"{number:02}")], lambda _: None)
        assert len(store.load("A")) == 50

    play(scenario())


def test_commits_that_wait_for_the_disk_go_into_one_transaction(
    play: Callable[..., None], path: Path, store: RecordStore
) -> None:
    """While somebody else holds the file the thread is stuck with its first group; the rest becomes the second."""

    async def scenario() -> None:
        begun = store.begun
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        first = asyncio.ensure_future(commit(store, "first", save("1")))
        await asyncio.sleep(0)  # lets it commit
        while store.begun == begun:
            await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(commit(store, f"station {number}", save("1"))) for number in range(1000)]
        while store.waiting < 1000:
            await asyncio.sleep(0.001)
        assert store.transactions == 0
        blocker.execute("COMMIT")
        blocker.close()
        assert await first is None
        assert set(await asyncio.gather(*others)) == {None}
        assert store.transactions == 2
        assert rows(path) == 1001

    play(scenario())


CHILD = """
import asyncio, os, sys
from pathlib import Path
from forecourt.runtime.records import RecordStore
from forecourt.station.effects import SaveRecord

async def main():
    store = RecordStore(Path(sys.argv[1]))
    number = 0
    def commit():
        nonlocal number
        number += 1
        store.commit("A", [SaveRecord("queue", f"{number:06}", b"x" * 100)], done)
    def done(failure):
        assert failure is None
        os.write(1, b"%d\\n" % number)
        commit()
    commit()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_record_whose_done_was_called_outlives_a_sigkill(play: Callable[..., None], path: Path) -> None:
    """The child commits one record after another and says when each is durable; it is killed in the middle of it."""
    with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(20)]
        os.kill(child.pid, signal.SIGKILL)
        said += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    durable = max(int(line) for line in said if line.endswith(b"\n"))
    assert durable >= 20

    async def scenario() -> None:
        store = RecordStore(path)
        records = store.load("A")
        assert [key for _, key in records] == [f"{number:06}" for number in range(1, len(records) + 1)]
        assert len(records) - durable in (0, 1)  # one more may have been durable before it could be said
        assert set(records.values()) == {b"x" * 100}
        assert await commit(store, "A", save("later")) is None
        store.close()

    play(scenario())


def test_every_commit_is_synced(store: RecordStore, path: Path) -> None:
    """FULL is what makes a commit survive a power cut; WAL alone does not."""
    assert store.setting("synchronous") == 2
    assert store.setting("journal_mode") == "wal"
    assert path.exists()


def test_commit_that_fails_is_told_to_its_whole_group_and_leaves_nothing(
    play: Callable[..., None], path: Path, store: RecordStore
) -> None:
    async def scenario() -> None:
        assert await commit(store, "A", save("before")) is None
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute(
            "CREATE TRIGGER full BEFORE INSERT ON record WHEN new.station = 'bad' "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        blocker.execute("BEGIN IMMEDIATE")
        begun = store.begun
        waiting = [asyncio.ensure_future(commit(store, "first", save("1")))]
        await asyncio.sleep(0)  # lets it commit
        while store.begun == begun:
            await asyncio.sleep(0.001)
        for station in ("good", "bad", "also good"):
            waiting.append(asyncio.ensure_future(commit(store, station, save("1"), DeleteRecord("queue", "before"))))
        while store.waiting < 3:
            await asyncio.sleep(0.001)
        blocker.execute("COMMIT")
        told = await asyncio.gather(*waiting)
        assert told[0] is None
        sentence = f"Nothing could be written to the record file {path}: the disk is full."
        assert told[1:] == [sentence] * 3
        assert store.stations() == ["A", "first"]
        assert await commit(store, "good", save("1")) is None
        blocker.execute("DROP TRIGGER full")
        blocker.close()
        assert await commit(store, "bad", save("1")) is None
        assert store.stations() == ["A", "bad", "first", "good"]

    play(scenario())


def test_commit_fails_while_the_disk_is_full_and_works_again_after(
    play: Callable[..., None], store: RecordStore
) -> None:
    async def scenario() -> None:
        assert await commit(store, "A", save("1")) is None
        pages = store.setting("page_count")
        assert isinstance(pages, int)
        store.setting("max_page_count", pages + 2)
        failure = await commit(store, "A", save("2", b"x" * 100_000), DeleteRecord("queue", "1"))
        assert failure is not None
        assert "full" in failure
        assert list(store.load("A")) == [("queue", "1")]
        store.setting("max_page_count", 1_000_000)
        assert await commit(store, "A", save("2", b"x" * 100_000), DeleteRecord("queue", "1")) is None
        assert list(store.load("A")) == [("queue", "2")]

    play(scenario())


def test_batch_that_cannot_be_stored_is_told_so_and_the_store_goes_on(
    play: Callable[..., None], store: RecordStore
) -> None:
    async def scenario() -> None:
        assert "surrogates not allowed" in str(await commit(store, "\udc80", save("1")))
        assert await commit(store, "A", save("1")) is None
        with pytest.raises(RecordStoreError, match="surrogates not allowed"):
            store.load("\udc80")

    play(scenario())


def test_callback_that_fails_does_not_silence_the_others(play: Callable[..., None], store: RecordStore) -> None:
    async def scenario() -> None:
        reported: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

        def fail(_failure: str | None) -> None:
            raise ZeroDivisionError

        for _ in range(3):
            store.commit("A", [save("1")], fail)
        assert await commit(store, "A", save("2")) is None
        assert [type(error) for error in reported] == [ZeroDivisionError] * 3

    play(scenario())


def test_closed_loop_does_not_keep_the_store_from_closing(path: Path) -> None:
    async def scenario() -> RecordStore:
        store = RecordStore(path)
        for number in range(100):
            store.commit("A", [save(f"{number}")], lambda _: None)
        return store

    store = asyncio.run(scenario())
    store.close()
    assert rows(path) == 100


def test_second_process_is_refused_while_the_first_has_the_file(store: RecordStore, path: Path) -> None:
    del store
    code = (
        "import sys; from pathlib import Path; from forecourt.errors import *\n"
        "from forecourt.runtime.records import *\n"
        "try: RecordStore(Path(sys.argv[1]))\n"
        "except ForecourtError as refusal: print(refusal); sys.exit(7)\n"
    )
    second = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert second.returncode == 7
    assert second.stdout.startswith(f"The record file {path} is in use by another process")
    with pytest.raises(FolderRefused, match="is in use by another process"):
        RecordStore(path)


def test_file_is_free_again_when_its_store_is_closed_or_could_not_be_opened(path: Path) -> None:
    RecordStore(path).close()
    RecordStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for _ in range(2):
        with pytest.raises(RecordStoreError, match="is of version 99"):
            RecordStore(path)


def test_file_of_a_newer_version_is_refused(path: Path) -> None:
    RecordStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(RecordStoreError, match=f"is of version {SCHEMA_VERSION + 1}, and this program knows versions"):
        RecordStore(path)


def test_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE letters (text)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(RecordStoreError, match="is the database of another program"):
        RecordStore(path)
    assert path.read_bytes() == before


def test_folder_that_cannot_be_used_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderRefused, match=f"{tmp_path / 'file'} cannot be used: a folder was expected"):
        RecordStore(tmp_path / "file" / "records.sqlite")
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(RecordStoreError, match=r"folder\.sqlite cannot be opened"):
        RecordStore(tmp_path / "folder.sqlite")


def test_files_are_readable_by_their_owner_only(play: Callable[..., None], tmp_path: Path) -> None:
    """They hold the station's password."""

    async def scenario() -> None:
        before = os.umask(0)
        try:
            store = RecordStore(tmp_path / "data" / "records.sqlite")
            assert await commit(store, "A", save("AuthorizationKey", b"secret", "key")) is None
        finally:
            os.umask(before)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "data").iterdir()}
        assert {"records.sqlite", "records.sqlite-wal", "records.sqlite.lock"} <= set(modes)
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        store.close()

    play(scenario())
