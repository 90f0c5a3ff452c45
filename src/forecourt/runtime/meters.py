"""What a simulated meter and the clock beside it keep over the end of the process, in a file of their own.

A real meter has its own memory: it loses nothing when the station's computer is switched off. Here the registers are
written about once a real second while anything is to be measured, and at once with every record that the station
saves, so that no register which a message has told of is forgotten: a record waits for the registers of its moment
(`RecordsBehindMeters`), and messages wait for records. The time of the last write is when power was last known to be
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from forecourt.errors import ForecourtError
from forecourt.runtime.records import UNREADABLE
from forecourt.station.effects import CloseContactor, OpenContactor, SaveRecord
from forecourt.station.events import PowerLost

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from forecourt.runtime.driver import Driver, Store
    from forecourt.runtime.seat import Records, Seat, Write
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event

INTERVAL_S = 1.0
"""Real seconds between two looks at the registers."""
IDLE_LOOKS = 10
"""While no register moves, every so many looks still write the time."""
KIND, KEY = "meter", "registers"
_MOMENTS = (SaveRecord, CloseContactor, OpenContactor, PowerLost)


class MeterError(ForecourtError):
    """The file of the meters holds something else."""


class MeterState(msgspec.Struct, frozen=True, gc=False):
    """What the meter and the clock showed together."""

    registers_wh: tuple[float, ...]
    clock_s: float
    """The station's own clock, in seconds since the epoch."""
    wall_s: float
    """The wall clock of the process at the same moment."""


class Registers(Protocol):
    """The meters of a cabinet."""

    def registers(self, now: float) -> tuple[float, ...]: ...


_decode = msgspec.json.Decoder(MeterState).decode
_encode = msgspec.json.Encoder().encode


def load_meter(store: Store, identity: str) -> MeterState | None:
    """What was kept for a station; None for a new meter. Raises `MeterError` for what cannot be read.

    A record that the store has found damaged is a meter that had to be replaced: a new one, which begins at 0.
    """
    data = store.load(identity).get((KIND, KEY))
    if data is None or data == UNREADABLE:
        return None
    try:
        return _decode(data)
    except msgspec.MsgspecError as error:
        raise MeterError(f"The meter of {identity} holds no registers that can be read: {error}.") from error


class MeterKeeper:
    """Keeps the meters of the stations it watches. One write a station is under way at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, driver: Driver, store: Store) -> None:
        self._loop = loop
        self._driver = driver
        self._store = store
        self._meters: dict[str, _Meter] = {}
        self._timer: asyncio.TimerHandle | None = loop.call_later(INTERVAL_S, self._look)

    def watch(self, seat: Seat, cabinet: Registers) -> None:
        """Keep the registers of this cabinet from now on."""
        meter = _Meter(seat, cabinet, self._store)
        seat.listen(meter.hear)
        self._meters[seat.identity] = meter

    def after_registers(self, identity: str, then: Callable[[], None]) -> None:
        """Do this once the registers of a station are kept as they are now; at once when they are."""
        meter = self._meters.get(identity)
        if meter is None:
            then()
        else:
            meter.after_write(then)

    def write_all(self) -> None:
        """Write every meter as it stands now; durable once the store is closed."""
        for meter in self._meters.values():
            meter.write(self._driver.observe(meter.seat))

    def stop(self) -> None:
        """Look no more, and let nothing wait any longer."""
        for meter in self._meters.values():
            meter.release()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        for meter in self._meters.values():
            if meter.seat.power_on:
                meter.look(self._driver.observe(meter.seat))
        self._timer = self._loop.call_later(INTERVAL_S, self._look)


class RecordsBehindMeters:
    """The records of stations, of which none is durable before the registers of its moment are."""

    def __init__(self, records: Store) -> None:
        self._records = records
        self.keeper: MeterKeeper | None = None
        """Who keeps the registers; None lets every record pass."""

    def load(self, station: str) -> Records:
        """What is kept for a station."""
        return self._records.load(station)

    def commit(self, station: str, writes: list[Write], done: Callable[[str | None], None]) -> None:
        """As the store's own."""
        if self.keeper is None:
            self._records.commit(station, writes, done)
        else:
            self.keeper.after_registers(station, lambda: self._records.commit(station, writes, done))


class _Meter:
    """The registers of one station on their way to the file."""

    def __init__(self, seat: Seat, cabinet: Registers, store: Store) -> None:
        self.seat = seat
        self._cabinet = cabinet
        self._store = store
        self._written: tuple[float, ...] | None = None
        """As given to the store last, whether it is durable yet or not."""
        self._durable: tuple[float, ...] | None = None
        self._waiting: list[Callable[[], None]] = []
        """What waits for the next write, and below for the one under way."""
        self._covered: list[Callable[[], None]] = []
        self._idle_looks = 0
        self._is_writing = False
        self._is_stale = False

    def hear(self, what: Event | Effect, now: float) -> None:
        if isinstance(what, _MOMENTS):
            self.write(now)

    def look(self, now: float) -> None:
        self._idle_looks += 1
        if self._cabinet.registers(now) != self._written or self._idle_looks >= IDLE_LOOKS:
            self.write(now)

    def after_write(self, then: Callable[[], None]) -> None:
        """A write that fails holds nothing up: the disk that refuses registers may refuse the record too."""
        registers = self._cabinet.registers(self.seat.at)
        if registers == self._durable:
            then()
        elif self._is_writing and registers == self._written:
            self._covered.append(then)
        else:
            self._waiting.append(then)
            self.write(self.seat.at)

    def release(self) -> None:
        """Let go on what waits, come what may."""
        waiting = [*self._covered, *self._waiting]
        self._covered, self._waiting = [], []
        for then in waiting:
            then()

    def write(self, now: float) -> None:
        if self._is_writing:
            self._is_stale = True
            return
        self._is_writing = True
        self._is_stale = False
        self._idle_looks = 0
        self._covered, self._waiting = self._waiting, []
        self._written = self._cabinet.registers(now)
        driver = self.seat.driver
        state = MeterState(self._written, driver.clock_s(self.seat, now), driver.clock.wall_at(now))
        self._store.commit(self.seat.identity, [SaveRecord(KIND, KEY, _encode(state))], self._done)

    def _done(self, failure: str | None) -> None:
        self._is_writing = False
        self._durable = self._written if failure is None else None
        if failure is not None:
            self._written = None
        covered, self._covered = self._covered, []
        for then in covered:
            then()
        if self._waiting or (failure is None and self._is_stale and self.seat.power_on):
            self.write(self.seat.driver.observe(self.seat))
