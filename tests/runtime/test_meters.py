"""What the meters keep, with a store that answers when the test says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.runtime.clock import Clock
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.runtime.meters import KEY, KIND, MeterError, MeterState, load_meter
from forecourt.runtime.records import RecordStore
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.effects import CloseContactor, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    Play = Callable[[Coroutine[Any, Any, None]], None]

SPEED = 3600.0
COMMISSIONING = Commissioning("A", "ws://127.0.0.1:9", "EVD1S180THB", "1", "3.5.8803")


class Rig:
    """A host whose station has nobody to talk to; contactors are closed by hand."""

    def __init__(self, folder: Path, wall_origin: float) -> None:
        self.records, self.meters = (RecordStore(folder / f"{name}.sqlite") for name in ("records", "meters"))
        self.links = Links(close_timeout_s=0.5)
        self.host = Host(Clock(SPEED, wall_origin=wall_origin), self.links, self.records, self.meters)

    async def start(self) -> None:
        self.station = await self.host.add(COMMISSIONING, StationOptions(speed=SPEED))
        self.station.power(True)

    async def stop(self) -> None:
        await self.host.stop()
        await self.links.close(within_s=0.5)

    def charge(self) -> None:
        self.station.plug(1, FAMILY_CAR)
        self.station.seat.driver.act(self.station.seat, lambda now: self.station.cabinet.handle(CloseContactor(1), now))


def test_registers_are_written_while_energy_flows_and_go_on_after_a_restart(play: Play, tmp_path: Path) -> None:
    async def scenario() -> None:
        first = Rig(tmp_path, wall_origin=1_000_000.0)
        await first.start()
        first.charge()
        seen: set[float] = set()
        async with asyncio.timeout(10):
            while len(seen) < 3:
                state = load_meter(first.meters, "A")
                seen |= {0.0 if state is None else state.registers_wh[0]}
                await asyncio.sleep(0.05)
        await first.stop()
        register_wh = first.station.connectors()[0].meter_wh
        assert register_wh >= max(seen) > 0.0

        second = Rig(tmp_path, wall_origin=2_000_000.0)
        await second.start()
        assert second.station.connectors()[0].meter_wh == register_wh
        assert second.station.seat.lost_clock_s is not None
        assert 1_000_000.0 < second.station.seat.lost_clock_s < 1_100_000.0
        await second.stop()

    play(scenario())


def test_a_meter_that_cannot_be_read_is_refused_with_a_sentence(play: Play) -> None:
    async def scenario() -> None:
        store = RecordStore(None)
        failure: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        store.commit("A", [SaveRecord(KIND, KEY, b'{"registers_wh":"lost"}')], failure.set_result)
        assert await failure is None
        with pytest.raises(MeterError, match="meter of A"):
            load_meter(store, "A")
        assert load_meter(store, "B") is None

    play(scenario())


class SlowMeters(RecordStore):
    """A file of meters whose writes are durable when a test says so."""

    def __init__(self) -> None:
        super().__init__(None)
        self.held: list[tuple[str, Any, Callable[[str | None], None]]] = []

    def commit(self, station: str, writes: Any, done: Callable[[str | None], None]) -> None:
        self.held.append((station, writes, done))

    def let_go(self) -> None:
        station, writes, done = self.held.pop(0)
        super().commit(station, writes, done)

    def fail(self) -> None:
        self.held.pop(0)[2]("the disk is full")


async def settled(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize("fails", [False, True])
def test_no_record_is_durable_before_the_registers_of_its_moment(play: Play, fails: bool) -> None:
    """A kill between the two would find a meter that stands lower than a StopTransaction has told."""

    async def scenario() -> None:
        rig = Rig.__new__(Rig)
        meters = SlowMeters()
        rig.records, rig.meters, rig.links = RecordStore(None), meters, Links(close_timeout_s=0.5)
        rig.host = Host(Clock(SPEED, wall_origin=1_000_000.0), rig.links, rig.records, meters)
        await rig.start()
        await settled(lambda: rig.station.seat.station is not None)
        rig.charge()
        await settled(lambda: rig.station.connectors()[0].meter_wh > 100.0 and meters.held)
        rig.station.set_key("HeartbeatInterval", "77")  # a write of the meter is under way, and is older
        told_wh = rig.station.connectors()[0].meter_wh
        kept = ("key", "HeartbeatInterval")
        assert kept not in rig.records.load("A"), "the record waits for the meter"
        for _ in range(5):
            if kept in rig.records.load("A"):
                break
            meters.fail() if fails else meters.let_go()
            await settled(lambda: meters.held or kept in rig.records.load("A"))
        assert kept in rig.records.load("A")
        state = load_meter(meters, "A")
        assert fails or (state is not None and state.registers_wh[0] >= told_wh)
        while meters.held:
            meters.fail()
        rig.host.driver.remove(rig.station.seat)
        await rig.links.close(within_s=0.5)

    play(scenario())


def test_what_a_meter_keeps_survives_being_written_down() -> None:
    state = MeterState((0.1 + 0.2, 1e9 / 3), 1.25, 2.5)
    assert msgspec.json.decode(msgspec.json.encode(state), type=MeterState) == state
