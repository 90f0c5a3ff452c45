"""Power is cut at every effect of a full session, and the last write is torn at every byte: nothing is lost or doubled.

`make soak` tears at every byte; otherwise a sample is drawn from the commit, and printed with every failure.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forecourt.runtime.records import RecordStore
from forecourt.runtime.salvage import wal_of
from forecourt.station.effects import SaveRecord
from tests.full_session import IDENTITY, KEPT, FullSession, batches_of, replayed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from tests.full_session import Batch, Records

    Count: TypeAlias = Callable[[str, object], None]

SOAK = os.environ.get("FORECOURT_SOAK") == "1"
SAMPLE = 150
"""Bytes to tear at where not all are."""
BOTH = pytest.mark.parametrize("stops_offline", [False, True], ids=["remote stop", "offline stop"])


def drawn(points: list[tuple[int, int]], what: str) -> list[tuple[int, int]]:
    """All points in a soak; else a sample that differs with the commit."""
    if SOAK or len(points) <= SAMPLE:
        return points
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return sorted(random.Random(f"{head.stdout.strip()} {what}").sample(points, SAMPLE))


# At every effect.


@BOTH
def test_power_cut_after_any_effect_of_a_full_session(stops_offline: bool, record_property: Count) -> None:
    session = FullSession(stops_offline=stops_offline).live()
    session.check("uncut")
    assert session.station.reading(1).energy_wh > 100
    actions = session.station.wire.actions()
    assert {"StartTransaction", "MeterValues", "StopTransaction"} <= set(actions)
    effects = list(session.station.effects)
    for number, effect in enumerate(effects, start=1):
        cut = FullSession(stops_offline=stops_offline)
        cut.station.cut_after = number
        cut.live().recover().check(f"cut after effect {number} of {len(effects)}, {effect}")
    record_property("power cuts", len(effects))
    print(f"power was cut at {len(effects)} effects")
    assert len(effects) > 60


# At every byte, of a record.


def torn_records(batch: Batch) -> list[tuple[tuple[str, str], bytes]]:
    """The new record that the last write of a batch makes, if it makes one: a store that tears leaves its beginning."""
    last = batch.writes[-1]
    is_new = isinstance(last, SaveRecord) and (last.kind, last.key) not in replay_before_last(batch)
    return [((last.kind, last.key), last.data)] if is_new and isinstance(last, SaveRecord) else []


def replay_before_last(batch: Batch) -> Records:
    return replayed(batch.before, batch.writes[:-1])


@BOTH
def test_last_record_torn_at_any_byte(stops_offline: bool, record_property: Count) -> None:
    """The station that reads half a record acts as if it had none, and says so."""
    batches = batches_of(stops_offline=stops_offline)
    points = [
        (number, length)
        for number, batch in enumerate(batches)
        for _, data in torn_records(batch)
        for length in range(len(data))
    ]
    chosen = drawn(points, "records")
    for number, length in chosen:
        batch = batches[number]
        ((name, data),) = torn_records(batch)
        session = FullSession(stops_offline=stops_offline)
        session.station.cut_after = batch.effects
        session.live().recover(replay_before_last(batch) | {name: data[:length]})
        where = f"batch {number}, {name} torn after {length} of {len(data)} bytes"
        session.check(where, kept=KEPT | {"given-up"})
    record_property("records torn", len(chosen))
    print(f"the last record was torn at {len(chosen)} of {len(points)} bytes")


# At every byte, of the store's files.


class Torn:
    """The files of a store as a killed process leaves them after each batch."""

    def __init__(self, folder: Path, batches: list[Batch]) -> None:
        self.folder = folder
        self.states: list[tuple[bytes, bytes, int]] = []
        """By batch: the database, its log with the batch, and how long the log was without."""
        store = RecordStore(folder / "whole.sqlite")
        for batch in batches:
            before = wal_of(folder / "whole.sqlite").stat().st_size
            asyncio.run(store.keep(IDENTITY, batch.writes))
            log = wal_of(folder / "whole.sqlite").read_bytes()
            self.states.append(((folder / "whole.sqlite").read_bytes(), log, before))
            assert len(log) > before, "a log that begins anew would need another reckoning"
        store.close()

    def load(self, number: int, length: int, rest: Callable[[int], bytes]) -> Records:
        """What the next process reads when the log ends after so many bytes and `rest` follows."""
        database, log, _ = self.states[number]
        path = self.folder / "torn.sqlite"
        path.write_bytes(database)
        wal_of(path).write_bytes(log[:length] + rest(len(log) - length))
        path.with_name("torn.sqlite-shm").unlink(missing_ok=True)
        told: list[str] = []
        store = RecordStore(path, told.append)
        try:
            found = store.load(IDENTITY)
        finally:
            store.close()
        assert told == [], "a torn write is no damage"
        return found


RESTS: dict[str, Callable[[int], bytes]] = {
    "cut": lambda length: b"",
    "zeros": bytes,
    "garbage": lambda length: b"\xa5" * length,
}


@pytest.mark.parametrize("rest", RESTS)
@BOTH
def test_log_of_the_store_torn_at_any_byte_of_its_last_write(
    tmp_path: Path, stops_offline: bool, rest: str, record_property: Count
) -> None:
    """The whole batch is there or nothing of it; whichever, the session is in the ledger once."""
    batches = batches_of(stops_offline=stops_offline)
    torn = Torn(tmp_path, batches)
    points = [
        (number, length)
        for number, (_, log, before) in enumerate(torn.states)
        for length in range(before, len(log) + 1)
    ]
    chosen = drawn(points, rest)
    outcomes: dict[tuple[int, bool], str] = {}
    for number, length in chosen:
        batch = batches[number]
        found = torn.load(number, length, RESTS[rest])
        where = f"batch {number}, log torn after {length} bytes"
        is_whole = found == batch.after
        assert is_whole or found == batch.before, where
        assert is_whole or length < len(torn.states[number][1]), where
        outcomes.setdefault((number, is_whole), where)
    for (number, is_whole), where in outcomes.items():
        batch = batches[number]
        session = FullSession(stops_offline=stops_offline)
        session.station.cut_after = batch.effects
        session.live().recover(batch.after if is_whole else batch.before).check(where)
    record_property("logs torn", len(chosen))
    print(f"the log was torn at {len(chosen)} of {len(points)} bytes, {rest}")


def test_sample_differs_with_what_it_is_drawn_for_and_is_the_same_each_time() -> None:
    points = [(0, length) for length in range(10_000)]
    if not SOAK:
        assert drawn(points, "a") == drawn(points, "a") != drawn(points, "b")
    assert set(drawn(points, "a")) <= set(points)
