"""The real files of a station with anything in place of some bytes: it opens, names it, and a life goes on with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecourt.runtime.records import UNREADABLE, RecordStore
from forecourt.runtime.salvage import wal_of
from forecourt.station.effects import SaveRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

    Rich: TypeAlias = Callable[[], tuple[World, SimulatedStation]]

IDENTITY = "CP-1"
PAGE = 4096

damages = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 1 << 20), st.binary(min_size=1, max_size=200)),
    st.tuples(st.just("page"), st.integers(0, 64), st.sampled_from([b"\0", b"\xff", b"\x0a", b"\xa5"])),
    st.tuples(st.just("cut"), st.integers(0, 1 << 20), st.just(b"")),
    st.tuples(st.just("end"), st.just(0), st.binary(min_size=1, max_size=5000)),
)


def damage(content: bytes, how: tuple[str, int, bytes]) -> bytes:
    kind, place, what = how
    if kind == "page":
        at = place % (len(content) // PAGE) * PAGE
        return content[:at] + what * PAGE + content[at + PAGE :]
    at = place % len(content)
    if kind == "cut":
        return content[:at]
    return content + what if kind == "end" else content[:at] + what + content[at + len(what) :]


class Files:
    """The database and its log, with half of the records of a rich station in either, as a killed process leaves."""

    def __init__(self, folder: Path, records: dict[tuple[str, str], bytes]) -> None:
        self.path = folder / "records.sqlite"
        self.records = records
        writes = [SaveRecord(kind, key, data) for (kind, key), data in records.items()]
        store = RecordStore(self.path)
        asyncio.run(store.keep(IDENTITY, writes[::2]))
        asyncio.run(store.keep("CP-2", [SaveRecord("queue", f"{number:012d}", b"x" * 200) for number in range(100)]))
        store.close()
        store = RecordStore(self.path)
        asyncio.run(store.keep(IDENTITY, writes[1::2]))
        self.whole = {path: path.read_bytes() for path in (self.path, wal_of(self.path))}
        store.close()

    def put_back(self) -> None:
        """Make the files whole again, and nothing else in the folder."""
        for path in self.path.parent.iterdir():
            path.unlink()
        for path, content in self.whole.items():
            path.write_bytes(content)


@pytest.mark.parametrize("what", ["database", "log"])
def test_any_damage_to_the_files_never_keeps_a_station_from_its_next_life(
    tmp_path: Path, rich: Rich, what: str
) -> None:
    """No record is made up or altered: each is as it was written, in some batch, or is missing or named unreadable."""
    world, station = rich()
    station.cut()
    files = Files(tmp_path, dict(station.records))
    target = files.path if what == "database" else wal_of(files.path)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(how=damages)
    def try_damage(how: tuple[str, int, bytes]) -> None:
        files.put_back()
        target.write_bytes(damage(files.whole[target], how))
        told: list[str] = []
        store = RecordStore(files.path, told.append)
        found = store.load(IDENTITY)
        asyncio.run(store.keep(IDENTITY, [SaveRecord("queue", "999999999999", b"later")]))
        store.close()
        for name, data in found.items():
            assert data in (UNREADABLE, files.records.get(name)), name
        if UNREADABLE in found.values() or list(tmp_path.glob("*.damaged-*")):
            assert told
        station.cut()
        station.disk.records.clear()
        station.disk.records.update(found)
        station.network_up()
        station.power_on()
        world.run(30)
        station.snapshot()

    try_damage()


def test_files_that_nothing_has_damaged_are_as_they_were(tmp_path: Path, rich: Rich) -> None:
    _, station = rich()
    files = Files(tmp_path, dict(station.records))
    files.put_back()
    told: list[str] = []
    store = RecordStore(files.path, told.append)
    assert store.load(IDENTITY) == files.records
    store.close()
    assert told == []
