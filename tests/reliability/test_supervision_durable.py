"""The supervision's side: an answer leaves when its record is in the file, and a torn last write loses no answer."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from forecourt.ocpp import core
from forecourt.supervision import facts
from forecourt.supervision.recall import recall
from forecourt.supervision.store import FILE_NAME, Store, open_engine
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from forecourt.supervision.ports import Recollection

SOAK = os.environ.get("FORECOURT_SOAK") == "1"
SAMPLE = 60
AT = "2026-11-22T08:30:00Z"
STARTED = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
ASKED: list[tuple[str, dict[str, Any], str]] = [
    (
        "StartTransaction",
        {"connectorId": 1, "idTag": "BADGE", "meterStart": 7, "timestamp": AT},
        "SELECT count(*) FROM transactions WHERE meter_start_wh = 7",
    ),
    (
        "MeterValues",
        {"connectorId": 1, "transactionId": 1, "meterValue": [{"timestamp": AT, "sampledValue": [{"value": "9"}]}]},
        "SELECT count(*) FROM meter_values",
    ),
    (
        "StopTransaction",
        {"transactionId": 1, "meterStop": 11, "timestamp": AT},
        "SELECT count(*) FROM transactions WHERE meter_stop_wh = 11",
    ),
    (
        "StopTransaction",
        {"transactionId": -1, "meterStop": 12, "timestamp": AT},
        "SELECT count(*) FROM orphan_stops",
    ),
]
"""What a station asks, and what finds its record in the file."""


def found(folder: Path, query: str) -> int:
    """What somebody else reads in the file at this moment."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as other:
        (count,) = other.execute(query).fetchone()
    return int(count)


def test_answer_of_every_transaction_message_leaves_when_its_record_is_in_the_file(tmp_path: Path) -> None:
    """Another process reads the file when the answer comes; before the question the record was not there."""

    async def scenario() -> None:
        async with running(data=tmp_path) as ours, ours.station() as station:
            for action, payload, query in ASKED:
                assert found(tmp_path, query) == 0, action
                await station.ask(action, payload)
                assert found(tmp_path, query) == 1, action

    play(scenario())


def test_no_answer_of_a_transaction_message_leaves_while_the_file_refuses_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer of somebody else's holds the file; the answer comes once it lets go, and never without the record."""
    monkeypatch.setattr("forecourt.supervision.store.RETRY_S", 0.01)

    async def scenario() -> None:
        async with (
            running(data=tmp_path, wire_log=False) as ours,
            ours.station() as station,
            ours.station("EVD-2") as other,
        ):
            for action, payload, query in ASKED:
                begun = asyncio.Event()
                with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as blocker:
                    blocker.execute("BEGIN IMMEDIATE")
                    watch(ours.supervision.store, begun)
                    answer = asyncio.create_task(station.ask(action, payload))
                    await begun.wait()
                    await other.ask("Heartbeat", {})  # an answer that waited for nothing would be here by now
                    assert not answer.done(), action
                    assert blocker.execute(query).fetchone() == (0,), action
                    blocker.execute("COMMIT")
                await answer
                assert found(tmp_path, query) == 1, action

    def watch(store: Store, begun: asyncio.Event) -> None:
        loop, commit = asyncio.get_running_loop(), store.commit

        def commit_and_tell(given: Any, done: Callable[[], None] | None = None) -> None:
            commit(given, done)
            loop.call_soon(begun.set)

        store.commit = commit_and_tell  # type: ignore[method-assign, assignment]

    play(scenario())


# A power cut in the middle of a write.


def start(number: int) -> facts.TransactionStarted:
    request = core.StartTransactionRequest(connectorId=1, idTag="B", meterStart=number, timestamp=STARTED)
    return facts.TransactionStarted("EVD-1", 5.0, number, "Accepted", request)


def stop(number: int) -> facts.TransactionStopped:
    request = core.StopTransactionRequest(transactionId=number, meterStop=number + 5, timestamp=STARTED)
    return facts.TransactionStopped("EVD-1", 6.0, number, request)


def torn_states(folder: Path) -> list[tuple[bytes, bytes, int]]:
    """The database and its log after each of some commits, and how long the log was before."""
    path, states = folder / FILE_NAME, []
    wal = path.with_name(f"{FILE_NAME}-wal")

    async def scenario() -> None:
        store = Store(folder)
        await store.open()
        for number in range(1, 4):
            for fact in (start(number), stop(number)):
                before = wal.stat().st_size
                store.commit([fact])
                await store.settled()
                states.append((path.read_bytes(), wal.read_bytes(), before))
        await store.close()

    asyncio.run(scenario())
    return states


def recollected(folder: Path) -> Recollection:
    """What a supervision that starts here recalls."""
    engine = open_engine(folder / FILE_NAME)
    with engine.connect() as connection, connection.begin():
        found = recall(connection)
    engine.dispose()
    return found


def test_supervision_started_on_a_torn_log_knows_all_it_had_answered(tmp_path: Path) -> None:
    """Of the commit that was torn it knows all or nothing; the ones before were answered, and are all there."""
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    torn.mkdir()
    states = torn_states(whole)
    points = [(at, length) for at, (_, log, before) in enumerate(states) for length in range(before, len(log) + 1)]
    seed = random.Random(len(points))
    for at, length in points if SOAK else [*seed.sample(points, SAMPLE), (len(states) - 1, len(states[-1][1]))]:
        database, log, _ = states[at]
        for ending, content in (("", database), ("-wal", log[:length])):
            (torn / f"{FILE_NAME}{ending}").write_bytes(content)
        (torn / f"{FILE_NAME}-shm").unlink(missing_ok=True)
        recalled = recollected(torn)
        seen = sum(1 + (each.stopped_s is not None) for each in recalled.transactions)
        assert seen in (at, at + 1), (at, length)
        assert seen == at + 1 or length < len(log), (at, length)
        assert [each.transactionId for each in recalled.transactions] == list(range(1, (seen + 1) // 2 + 1))
        assert recalled.next_transaction_id == (seen + 1) // 2 + 1
