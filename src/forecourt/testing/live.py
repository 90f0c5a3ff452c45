"""Stations and a supervision over real sockets, on the event loop of the test.

A wait is woken by what happens: every event and effect of the station and every message. What changes without an event,
such as a meter's register, is looked at once a second of the station.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

from forecourt.runtime.clock import Clock
from forecourt.runtime.data_folder import Wishes, commission
from forecourt.runtime.host import Host
from forecourt.runtime.hosted import NotNowError, NotThereError
from forecourt.runtime.link import Links
from forecourt.runtime.ports import HOST
from forecourt.station.commissioning import StationOptions
from forecourt.supervision.facts import IdTagSet
from forecourt.testing.bench import LedgerRow, Site, Station, Supervision, car_for, checked_keys
from forecourt.world.wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from forecourt.cabinet.car import Car
    from forecourt.ocpp.types import Record
    from forecourt.runtime.hosted import HostedStation
    from forecourt.station.snapshot import StationSnapshot
    from forecourt.station.workings import Workings
    from forecourt.supervision.outcomes import Outcome
    from forecourt.supervision.server import Supervision as RunningSupervision

T = TypeVar("T")

CLOSE_S = 1.0
"""Real seconds that links get to close at the end."""
LOOK_S = 1.0
LOOK_REAL_S = 0.02
"""However fast the clock, nothing is looked at more often than so many real seconds."""
PATIENCE_REAL_S = 30.0
"""With a fast clock a wait of so long or longer lasts so many real seconds: answers and back-off take theirs."""
LEDGER_LIMIT = 10_000


class LiveStation(Station):
    """A station on this loop that connects to a real address."""

    def __init__(self, hosted: HostedStation) -> None:
        super().__init__(hosted.identity, Wire())
        self.hosted = hosted
        self._clock = hosted.seat.driver.clock
        self._loop = asyncio.get_running_loop()
        self._waits: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self._is_stirred = False
        wire_log = hosted.seat.wire
        assert wire_log is not None, "the host was asked for a wire log"
        wire_log.hear = self._hear_frame
        hosted.seat.listen(self._hear)

    # What people do.

    def plug(self, connector: int = 1, car: Car | str | None = None) -> None:
        """Plug a car in."""
        self._require_gun(connector)
        self.hosted.plug(connector, car_for(car, self.hosted.cabinet.figures.guns[connector - 1].output))

    def unplug(self, connector: int = 1) -> None:
        """Take the gun out of its car."""
        self.hosted.unplug(connector)

    def pause(self, connector: int = 1) -> None:
        """Let the car stop asking for energy."""
        self.hosted.pause(connector)

    def resume(self, connector: int = 1) -> None:
        """Let the car ask for energy again."""
        self.hosted.resume(connector)

    def badge(self, badge: str | bytes) -> None:
        """Hold a badge to the reader."""
        self.hosted.show_badge(badge)

    def show(self, connector: int) -> None:
        """Touch the screen to see a connector."""
        self.hosted.show(connector)

    def tariff(self, shown: bool = True) -> None:
        """Touch the Tariff button, or leave its page."""
        self.hosted.show_tariff(shown)

    def fault(self, dtc: str, connector: int | None = None) -> None:
        """Let a vendor error appear."""
        self.hosted.raise_fault(dtc, connector)

    def clear_fault(self, dtc: str, connector: int | None = None) -> None:
        """Let a vendor error go away."""
        self.hosted.clear_fault(dtc, connector)

    def power(self, on: bool) -> None:
        """Switch the mains."""
        self.hosted.power(on)
        self._stir()

    def network(self, up: bool) -> None:
        """Switch the network."""
        self.hosted.network(up)

    def reboot(self) -> None:
        """Ask the station to reboot."""
        self.hosted.reboot()

    def set_key(self, name: str, value: str) -> None:
        """Set a key."""
        self.hosted.set_key(name, value)

    # What can be seen.

    def key(self, name: str) -> str | None:
        """The value of a key."""
        return self.hosted.key(name)[1]

    def snapshot(self) -> StationSnapshot:
        """What the station knows of itself."""
        return self._there(self.hosted.snapshot())

    def workings(self) -> Workings:
        """What goes on inside."""
        return self._there(self.hosted.workings())

    def meter_wh(self, connector: int = 1) -> float:
        """The register of a gun."""
        self._require_gun(connector)
        return self.hosted.connectors()[connector - 1].meter_wh

    @property
    def is_running(self) -> bool:
        """Whether it has a brain."""
        return self.hosted.brain() is not None

    def now(self) -> float:
        """Seconds of the station."""
        return self._clock.now()

    async def elapse(self, seconds: float) -> None:
        """Let time pass, `speed` times as fast as it does."""
        end = self.now() + seconds
        while (rest_s := self._clock.real_delay_s(end)) > 0:  # a loop may wake a little early
            await asyncio.sleep(rest_s)

    # Within.

    def _there(self, seen: T | None) -> T:
        if seen is None:
            is_booting = self.hosted.seat.power_on
            state = "boots; try again when it is up" if is_booting else "has no power; switch it on first"
            raise NotNowError(f"{self.identity} {state}.")
        return seen

    def _hear_frame(self, wall_s: float, direction: str, frame: bytes) -> None:
        del wall_s
        self.wire.note(self.now(), direction, frame)
        self._stir()

    def _hear(self, what: object, now: float) -> None:
        del what, now
        self._stir()

    def _stir(self) -> None:
        """Look at what is awaited once the station has done what it does."""
        if self._waits and not self._is_stirred:
            self._is_stirred = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._is_stirred = False
        for wait, condition in list(self._waits.items()):
            if wait.done():
                continue
            try:
                if condition():
                    wait.set_result(None)
            except Exception as error:  # the test's own condition broke: the test hears of it
                wait.set_exception(error)

    async def _hold(self, condition: Callable[[], bool], within: float) -> bool:
        if condition():
            return True
        real_s = max(within / self._clock.speed, min(within, PATIENCE_REAL_S))
        wait = self._loop.create_future()
        self._waits[wait] = condition
        if len(self._waits) == 1:
            self._tick()
        try:
            async with asyncio.timeout(real_s):
                await wait
        except TimeoutError:
            return condition()
        finally:
            del self._waits[wait]
        return True

    def _tick(self) -> None:
        self._stir()
        if self._waits:
            self._loop.call_later(max(LOOK_S / self._clock.speed, LOOK_REAL_S), self._tick)

    def _require_connector(self, connector: int) -> None:
        if connector != 0:
            self._require_gun(connector)

    def _require_gun(self, connector: int) -> None:
        guns = len(self.hosted.model.outputs)
        if not 1 <= connector <= guns:
            raise NotThereError(f"{self.identity} has the connectors 1 to {guns}, no {connector}.")


class Stand:
    """The stations of one clock."""

    def __init__(self, host: Host) -> None:
        self.host = host

    async def put(self, wishes: Wishes, keys: Mapping[str, str] | None, options: StationOptions | None) -> LiveStation:
        """A station with power."""
        chosen = msgspec.structs.replace(options or StationOptions(), speed=self.host.clock.speed)
        settings = checked_keys(keys)
        station = LiveStation(await self.host.add(commission(wishes), chosen, settings))
        station.power(True)
        return station


@asynccontextmanager
async def _open_stand(clock: Clock) -> AsyncIterator[Stand]:
    async with AsyncExitStack() as opened:
        links = Links(close_timeout_s=CLOSE_S)
        opened.push_async_callback(links.close, within_s=CLOSE_S)
        host = Host(clock, links)
        opened.push_async_callback(host.stop)
        yield Stand(host)


@asynccontextmanager
async def open_station(
    url: str,
    *,
    model: str,
    identity: str,
    serial: str | None,
    firmware: str | None,
    authorization_key: str | None,
    keys: Mapping[str, str] | None,
    options: StationOptions | None,
    speed: float,
) -> AsyncIterator[Station]:
    """One station."""
    wishes = Wishes(identity, url, model, serial, firmware, authorization_key)
    async with _open_stand(Clock(speed)) as stand:
        yield await stand.put(wishes, keys, options)


@asynccontextmanager
async def open_stations(
    url: str,
    count: int,
    *,
    model: str,
    identity: str,
    keys: Mapping[str, str] | None,
    options: StationOptions | None,
    speed: float,
) -> AsyncIterator[list[Station]]:
    """A few stations."""
    async with _open_stand(Clock(speed)) as stand:
        names = [identity.replace("{}", str(number)) for number in range(1, count + 1)]
        if len(set(names)) != len(names):
            raise NotThereError(f"An identity with {{}} in it was expected for {count} stations, {identity!r} came.")
        yield [await stand.put(Wishes(name, url, model), keys, options) for name in names]


class LiveSupervision(Supervision):
    """A supervision with real ports."""

    def __init__(self, running: RunningSupervision) -> None:
        self.running = running
        self.url = f"ws://{HOST}:{running.ocpp_port}"

    async def register(self, *id_tags: str, status: str = "Accepted", parent: str | None = None) -> None:
        """Make idTags known."""
        for id_tag in id_tags:
            await self.running.edit(IdTagSet(id_tag, status=status, parentIdTag=parent))

    async def transactions(self, identity: str | None = None) -> list[LedgerRow]:
        """The ledger."""
        from forecourt.supervision.readings import TransactionFilter, transactions

        await self.running.store.settled()
        wanted = TransactionFilter(identity=identity)
        views = await self.running.store.read(lambda connection: transactions(connection, wanted, LEDGER_LIMIT))
        names = LedgerRow.__struct_fields__
        return [LedgerRow(**{name: getattr(view, name) for name in names}) for view in reversed(views)]

    async def _command(self, identity: str, request: Record) -> Outcome:
        return await self.running.command(identity, request, self.running.new_command_id())


@asynccontextmanager
async def open_supervision(
    speed: float, accept_unknown_tags: bool, clock: Clock | None = None
) -> AsyncIterator[LiveSupervision]:
    """A supervision on free ports."""
    from forecourt.supervision.server import Supervision as RunningSupervision

    running = RunningSupervision(
        ocpp_port=0,
        http_port=0,
        accept_unknown_tags=accept_unknown_tags,
        clock=(clock or Clock(speed)).wall,
        speed=speed,
    )
    await running.start()
    try:
        yield LiveSupervision(running)
    finally:
        await running.stop()


class LiveSite(Site):
    """A supervision and stations over real sockets."""

    def __init__(self, supervision: LiveSupervision, stand: Stand) -> None:
        self.supervision = supervision
        self.stand = stand

    async def add_station(
        self,
        identity: str = "FORECOURT-1",
        model: str = "EVD1S180THB",
        *,
        keys: Mapping[str, str] | None = None,
        options: StationOptions | None = None,
    ) -> Station:
        """A station with power."""
        return await self.stand.put(Wishes(identity, self.supervision.url, model), keys, options)


@asynccontextmanager
async def open_site(speed: float) -> AsyncIterator[Site]:
    """A supervision and stations on one clock."""
    clock = Clock(speed)
    async with open_supervision(speed, False, clock) as supervision, _open_stand(clock) as stand:
        yield LiveSite(supervision, stand)
