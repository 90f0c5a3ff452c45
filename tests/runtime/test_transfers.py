"""Files on their way in a driver: one event each, and nothing of what was dropped."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

from forecourt.runtime.clock import Clock
from forecourt.runtime.driver import Driver
from forecourt.runtime.seat import Site
from forecourt.station.effects import Effect, FetchFile, LogEvent, Reboot, SendFile, StopTransfer
from forecourt.station.events import (
    BadgeShown,
    Event,
    FileFetched,
    FileSent,
    PowerLost,
    PowerRestored,
    TransferFailed,
    TransferProblem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from forecourt.runtime.seat import Records, Seat
    from forecourt.runtime.transfers import ReadLog

    Play = Callable[[Coroutine[Any, Any, None]], None]

FETCH = FetchFile("f1", "ftp://host/f", 100, 5.0)
SEND = SendFile("s1", "ftp://host/", "a.zip", (), 5.0, 60.0, 5.0)


class Carrier:
    """Files come and go when the test says so."""

    def __init__(self) -> None:
        self.answers: dict[str, asyncio.Future[Any]] = {}
        self.logs: list[bytes | None] = []
        self.cancelled: list[str] = []

    async def _wait(self, transfer_id: str) -> Any:
        answer = self.answers[transfer_id] = asyncio.get_running_loop().create_future()
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancelled.append(transfer_id)
            raise

    async def fetch(self, effect: FetchFile) -> FileFetched | TransferFailed:
        event: FileFetched | TransferFailed = await self._wait(effect.id)
        return event

    async def send(self, effect: SendFile, read_log: ReadLog | None) -> FileSent | TransferFailed:
        self.logs.append(None if read_log is None else read_log())
        event: FileSent | TransferFailed = await self._wait(effect.id)
        return event


class Brain:
    """A station that answers a badge with the effects of the test."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def handle(self, event: Event, now: float) -> list[Effect]:
        del now
        if not isinstance(event, PowerRestored | PowerLost):
            self.rig.heard.append(event)
        return self.rig.wanted.pop(0) if isinstance(event, BadgeShown) else []

    def expire(self, now: float) -> list[Effect]:
        raise AssertionError("it has no timers")

    def next_deadline(self) -> float:
        return inf


class Cabinet:
    """Nothing electrical happens."""

    def handle(self, effect: object, now: float) -> list[Event]:
        raise AssertionError("nothing is asked of it")

    def expire(self, now: float) -> list[Event]:
        raise AssertionError("it has no timers")

    def next_deadline(self) -> float:
        return inf

    def cut_power(self, now: float) -> None:
        pass


class Log:
    """Says what it was asked for."""

    def extract(self, from_s: float, until_s: float, ahead_s: float) -> bytes:
        return f"{from_s:g} to {until_s:g}, ahead {ahead_s:g}".encode()


class Links:
    """No link is opened here."""

    def connect(self, url: str, owner: Seat, *, identity: str, password: bytes | None, context: Any = None) -> Any:
        raise AssertionError("no link is asked for")


class Rig:
    """A driver with one station that is on."""

    def __init__(self, log: Log | None = None) -> None:
        self.carrier = Carrier()
        self.heard: list[Event] = []
        self.wanted: list[list[Effect]] = []
        self.driver = Driver(asyncio.get_running_loop(), Clock(), Links(), None, self.carrier)
        site = Site(self.build, read_clock=lambda brain, now: self.driver.clock.wall_at(now) + 2.5, log=log)
        self.seat = self.driver.add("A", site, Cabinet())
        self.driver.power(self.seat, True)

    def build(self, records: Records) -> Brain:
        del records
        return Brain(self)

    async def want(self, *effects: Effect) -> None:
        """The station wants this, and the tasks have begun."""
        self.wanted.append(list(effects))
        self.driver.happen(self.seat, BadgeShown("TAG"))
        self.heard.pop()
        await settled()

    async def answer(self, transfer_id: str, event: Event) -> None:
        self.carrier.answers[transfer_id].set_result(event)
        await settled()


async def settled() -> None:
    """Let everything run that can run now."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_transfer_is_one_task_while_it_runs_and_one_event_at_its_end(play: Play) -> None:
    async def scenario() -> None:
        rig = Rig()
        assert rig.seat.transfers is None
        await rig.want(FETCH, SEND)
        assert set(rig.seat.transfers or ()) == {"f1", "s1"}
        await rig.answer("f1", FileFetched("f1", b"data"))
        failed = TransferFailed("s1", TransferProblem.REFUSED, "no")
        await rig.answer("s1", failed)
        assert rig.heard == [FileFetched("f1", b"data"), failed]
        assert rig.seat.transfers is None
        assert len(rig.driver.transfers) == 0

    play(scenario())


def test_nothing_comes_of_a_transfer_that_the_station_stops(play: Play) -> None:
    async def scenario() -> None:
        rig = Rig()
        await rig.want(FETCH, SEND)
        await rig.want(StopTransfer("f1"), StopTransfer("unknown"))
        assert rig.carrier.cancelled == ["f1"]
        await rig.answer("s1", FileSent("s1"))
        await rig.want(StopTransfer("s1"))
        assert rig.heard == [FileSent("s1")]

    play(scenario())


def test_a_stop_in_the_moment_of_the_end_wins(play: Play) -> None:
    async def scenario() -> None:
        rig = Rig()
        await rig.want(FETCH)
        rig.carrier.answers["f1"].set_result(FileFetched("f1", b"data"))
        await rig.want(StopTransfer("f1"))
        assert rig.heard == []

    play(scenario())


def test_a_reboot_a_power_cut_and_a_removal_drop_what_is_on_its_way(play: Play) -> None:
    async def scenario() -> None:
        rig = Rig()
        await rig.want(FETCH)
        await rig.want(Reboot(hard=False))
        assert rig.carrier.cancelled == ["f1"]
        await rig.want(FETCH, SEND)
        rig.driver.power(rig.seat, False)
        await settled()
        assert rig.carrier.cancelled == ["f1", "f1", "s1"]
        rig.driver.power(rig.seat, True)
        await rig.want(FETCH)
        rig.driver.remove(rig.seat)
        await settled()
        assert len(rig.carrier.cancelled) == 4
        assert rig.heard == []
        assert len(rig.driver.transfers) == 0

    play(scenario())


def test_the_switched_off_network_interrupts_transfers_and_lets_none_begin(play: Play) -> None:
    async def scenario() -> None:
        rig = Rig()
        await rig.want(FETCH)
        rig.driver.network(rig.seat, False)
        reason = "the network is switched off"
        assert rig.heard == [TransferFailed("f1", TransferProblem.INTERRUPTED, reason)]
        await rig.want(SEND)
        assert rig.heard[1:] == [TransferFailed("s1", TransferProblem.UNREACHABLE, reason)]
        rig.driver.network(rig.seat, True)
        await rig.want(FETCH)
        await rig.answer("f1", FileFetched("f1", b""))
        assert rig.heard[2:] == [FileFetched("f1", b"")]

    play(scenario())


def test_the_log_is_asked_for_by_the_stations_clock_and_only_when_it_is_wanted(play: Play) -> None:
    async def scenario() -> None:
        rig = Rig(Log())
        without = SendFile("s2", "ftp://host/", "a.zip", (), None, 60.0, 5.0)
        await rig.want(SEND, without)
        assert rig.carrier.logs == [b"5 to 60, ahead 2.5", None]
        unlogged = Rig()
        await unlogged.want(SEND)
        assert unlogged.carrier.logs == [None]
        for each in (rig, unlogged):
            await each.driver.transfers.close()

    play(scenario())


def test_closing_ends_every_task(play: Play) -> None:
    async def scenario() -> None:
        rig = Rig()
        await rig.want(FETCH, SEND, LogEvent("x", "y"))
        await rig.driver.transfers.close()
        assert sorted(rig.carrier.cancelled) == ["f1", "s1"]
        assert len(rig.driver.transfers) == 0
        assert rig.heard == []

    play(scenario())
