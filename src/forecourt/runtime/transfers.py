"""The files that stations of a driver have on their way: one task each, only while it runs.

A seat knows its tasks by the ids of their effects. Each gives exactly one event, unless it is dropped before, as by
`StopTransfer` or at the end of a life: then nothing comes of it, whatever the server still does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from forecourt.station.events import FileFetched, FileSent, TransferFailed, TransferProblem

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from forecourt.runtime.driver import Driver
    from forecourt.runtime.seat import Seat
    from forecourt.station.effects import FetchFile, SendFile, StopTransfer
    from forecourt.station.events import Event

ReadLog: TypeAlias = Callable[[], bytes]
"""Reads what an upload wants of a station's log; on any thread."""
NETWORK_OFF = "the network is switched off"


class Carrier(Protocol):
    """What moves a file; `runtime.files.Files` is one. Neither method raises for what a server or an address does."""

    async def fetch(self, effect: FetchFile) -> FileFetched | TransferFailed: ...

    async def send(self, effect: SendFile, read_log: ReadLog | None) -> FileSent | TransferFailed: ...


class Transfers:
    """Starts, stops and counts them. `happen(seat, event)` hears what came of each."""

    __slots__ = ("_carrier", "_happen", "_loop", "_tasks")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, carrier: Carrier, happen: Callable[[Seat, Event], None]
    ) -> None:
        self._loop = loop
        self._carrier = carrier
        self._happen = happen
        self._tasks: set[asyncio.Task[Any]] = set()
        """All that have not ended, those that were dropped included."""

    def __len__(self) -> int:
        """How many tasks have not ended."""
        return len(self._tasks)

    def fetch(self, seat: Seat, effect: FetchFile) -> None:
        """Begin a download."""
        self._start(seat, effect.id, self._carrier.fetch(effect) if seat.network_up else _refuse(effect.id))

    def send(self, seat: Seat, effect: SendFile, read_log: ReadLog | None) -> None:
        """Begin an upload; `read_log` reads the station's log, None when it has none or none is asked for."""
        self._start(seat, effect.id, self._carrier.send(effect, read_log) if seat.network_up else _refuse(effect.id))

    def drop(self, seat: Seat, transfer_id: str) -> bool:
        """Stop a transfer, nothing coming of it; whether there was one."""
        transfers = seat.transfers
        if transfers is None or transfer_id not in transfers:
            return False
        transfers.pop(transfer_id).cancel()
        if not transfers:
            seat.transfers = None
        return True

    def drop_all(self, seat: Seat) -> None:
        """Stop every transfer of a life that ends."""
        transfers, seat.transfers = seat.transfers, None
        for task in (transfers or {}).values():
            task.cancel()

    def interrupt(self, seat: Seat) -> None:
        """The network is gone: every transfer ends, and the station hears of each."""
        for transfer_id in tuple(seat.transfers or ()):
            if self.drop(seat, transfer_id):
                self._happen(seat, TransferFailed(transfer_id, TransferProblem.INTERRUPTED, NETWORK_OFF))

    async def close(self) -> None:
        """Stop what still runs, and return when the last connection is closed."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, seat: Seat, transfer_id: str, work: Coroutine[Any, Any, Event]) -> None:
        if seat.transfers is None:
            seat.transfers = {}
        assert transfer_id not in seat.transfers, f"{transfer_id} is under way already"
        task = self._loop.create_task(work)
        seat.transfers[transfer_id] = task
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, seat, transfer_id))

    def _ended(self, seat: Seat, transfer_id: str, task: asyncio.Task[Event]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        event = task.result()
        if seat.transfers is not None and seat.transfers.get(transfer_id) is task:
            self.drop(seat, transfer_id)
            self._happen(seat, event)


# What the driver does for the effects of a brain.


def fetch_file(driver: Driver, seat: Seat, effect: FetchFile, now: float) -> None:
    """Begin a download."""
    del now
    driver.transfers.fetch(seat, effect)


def send_file(driver: Driver, seat: Seat, effect: SendFile, now: float) -> None:
    """Begin an upload. The log has the times of the process; the station asks for those of its own clock."""
    log, read = seat.site.log, None
    if log is not None and effect.log_from_s is not None:
        ahead_s = driver.clock_s(seat, now) - driver.clock.wall_at(now)
        read = partial(log.extract, effect.log_from_s, effect.log_until_s, ahead_s)
    driver.transfers.send(seat, effect, read)


def stop_transfer(driver: Driver, seat: Seat, effect: StopTransfer, now: float) -> None:
    """End a transfer without a word."""
    del now
    driver.transfers.drop(seat, effect.id)


async def _refuse(transfer_id: str) -> TransferFailed:
    return TransferFailed(transfer_id, TransferProblem.UNREACHABLE, NETWORK_OFF)
