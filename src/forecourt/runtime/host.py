"""Stations with simulated cabinets in this process: built from what was commissioned and kept, run by one driver."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.models import find_model
from forecourt.runtime.driver import Driver
from forecourt.runtime.hosted import HostedStation
from forecourt.runtime.meters import MeterKeeper, RecordsBehindMeters, load_meter
from forecourt.runtime.seat import Site
from forecourt.runtime.station_log import FollowedWireLog
from forecourt.runtime.wire_log import LENGTH_DEFAULT, WireLog
from forecourt.station.commissioning import Chance, Commissioning, StationOptions
from forecourt.station.configuration import Configuration
from forecourt.station.effects import SaveRecord
from forecourt.station.station import Station

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forecourt.evlink.keys import Key
    from forecourt.runtime.clock import Clock
    from forecourt.runtime.driver import Dialler
    from forecourt.runtime.keys import Keys
    from forecourt.runtime.records import RecordStore
    from forecourt.runtime.seat import Brain, Records
    from forecourt.runtime.station_log import StationLog
    from forecourt.runtime.transfers import Carrier
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event

STOP_S = 1.5
"""Real seconds that stopping waits for stations that still act after the power went."""
POLL_S = 0.01


class Builder(msgspec.Struct, frozen=True, gc=False):
    """Builds the brain of one station for each of its lives."""

    commissioning: Commissioning
    options: StationOptions
    cabinet: SimulatedCabinet
    chance: Chance

    def __call__(self, records: Records) -> Brain:
        """The brain of a life, on the records of those before."""
        return Station(self.commissioning, self.options, self.cabinet, records, self.chance)


class Host:
    """The stations of a process. `records` and `meters` are None when nothing is to be kept."""

    def __init__(
        self,
        clock: Clock,
        links: Dialler,
        records: RecordStore | None = None,
        meters: RecordStore | None = None,
        chance: Chance | None = None,
        files: Carrier | None = None,
        keys: Keys | None = None,
    ) -> None:
        """Must be made while the loop runs. `chance` is the system's unless given, and so are the authorities of
        HTTPS that `files` trusts; `keys` keeps private keys in memory unless given."""
        loop = asyncio.get_running_loop()
        self.clock = clock
        behind = None if records is None else RecordsBehindMeters(records)
        self.driver = Driver(loop, clock, links, behind, files, keys)
        self.stations: dict[str, HostedStation] = {}
        self._records = records
        self._meters = meters
        self._keeper = None if meters is None else MeterKeeper(loop, self.driver, meters)
        if behind is not None:
            behind.keeper = self._keeper
        self._chance = chance or random.SystemRandom()

    async def add(
        self,
        commissioning: Commissioning,
        options: StationOptions,
        settings: Iterable[tuple[Key, str]] = (),
        wire_length: int = LENGTH_DEFAULT,
        log: StationLog | None = None,
    ) -> HostedStation:
        """Build a station, without power yet. `settings` are keys that the installer sets before it wakes.

        `log` gets all that happens, for the uploads of the station; a fleet has none.

        Raises `UnknownModel`, `ValueRefused`, `MeterError`, `GunError` for registers of another cabinet, and
        `RecordStoreError` when the settings cannot be kept.
        """
        model = find_model(commissioning.model)
        identity = commissioning.identity
        kept = None if self._meters is None else load_meter(self._meters, identity)
        cabinet = SimulatedCabinet(figures_of(model), None if kept is None else kept.registers_wh)

        generation = model.generation
        build = Builder(commissioning, options, cabinet, self._chance)
        site = Site(build, generation.assumed_boot_s, generation.assumed_hold_up_s, _read_clock, log)
        wire = self._wire_log(wire_length, log)
        seat = self.driver.add(identity, site, cabinet, wire=wire, lost_clock_s=None if kept is None else kept.clock_s)
        if log is not None:
            seat.listen(partial(self._log, log))
        if kept is not None:
            seat.clock_offset_s = kept.clock_s - kept.wall_s
        if self._keeper is not None:
            self._keeper.watch(seat, cabinet)
        station = self.stations[identity] = HostedStation(seat, cabinet, commissioning, model)
        await self._set(station, options, settings)
        return station

    async def stop(self) -> None:
        """Cut the power of every station, let them do what they do then, keep their meters and close the files."""
        for station in self.stations.values():
            station.power(False)
        loop = asyncio.get_running_loop()
        until = loop.time() + STOP_S
        while loop.time() < until and any(station.seat.station is not None for station in self.stations.values()):
            await asyncio.sleep(POLL_S)
        for station in list(self.stations.values()):
            self.driver.remove(station.seat)
        await self.driver.transfers.close()
        await self.driver.keys.close()
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper.write_all()
        for store in (self._records, self._meters):
            if store is not None:
                await asyncio.to_thread(store.close)

    def _wire_log(self, length: int, log: StationLog | None) -> WireLog | None:
        if log is not None:
            return FollowedWireLog(log, length, self.clock.speed)
        return WireLog(length, self.clock.speed) if length else None

    def _log(self, log: StationLog, what: Event | Effect, now: float) -> None:
        log.hear(what, self.clock.wall_at(now))

    async def _set(self, station: HostedStation, options: StationOptions, settings: Iterable[tuple[Key, str]]) -> None:
        """Put the installer's settings among the records before a brain reads them."""
        seat = station.seat
        records = {} if self._records is None else self._records.load(seat.identity)
        effects: list[Effect] = []
        configuration = Configuration(station.commissioning, options, station.model, records, effects)
        for key, value in settings:
            configuration.store(key, configuration.check(key, value))
        writes = [effect for effect in effects if isinstance(effect, SaveRecord)]
        if self._records is not None:
            await self._records.keep(seat.identity, writes)
        elif seat.records is not None:
            seat.records.update({(write.kind, write.key): write.data for write in writes})


def _read_clock(brain: Brain, now: float) -> float:
    assert isinstance(brain, Station), "the host builds stations"
    return brain.clock_s(now)
