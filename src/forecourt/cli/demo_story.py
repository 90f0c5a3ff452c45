"""What happens in the demo: cars arrive, their drivers show a badge, charge, and leave again.

Whoever uses the page or the API has the station to himself: from a person's first act on, the story does nothing until
no car of a person is plugged in and a minute has passed. A car of the story that charges meanwhile goes on charging.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.cabinet.archetypes import ARCHETYPES
from forecourt.cli.demo_site import ID_TAG, IDENTITY
from forecourt.errors import ForecourtError
from forecourt.runtime.hosted import NotNowError
from forecourt.station import events as happened
from forecourt.supervision import readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from forecourt.cabinet.car import Car
    from forecourt.cli.demo_site import DemoSite
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event
    from forecourt.station.snapshot import ConnectorSnapshot
    from forecourt.supervision.views import TransactionDetail

ARRIVAL_S, BADGE_S, LEAVE_S = 3.0, 2.0, 8.0
"""Seconds of the story before a car comes, its driver finds the badge, and the next one follows."""
STORY_SPEED = 20.0
"""The story's own pauses run at most so much faster, so that a person can follow a sped-up demo."""
ARRIVAL_SOC, TARGET_SOC = 20.0, 50.0
"""The car of `--once` charges from one to the other, in about ten minutes of the station."""
ONCE_LIMIT_S = 30.0
"""Real seconds that `--once` waits beyond the charge itself."""
CHARGE_LIMIT_S = 7200.0
"""Seconds of the station that a charge may take."""
CARS = ("family", "800-volt", "city", "chademo")
"""Who comes by: cars that are ready before a spectator has gone."""
MESSAGE_PAGE = 1000
LOOK_S = 1.0
"""Real seconds between two looks whether a person has gone."""
ALONE_S = 60.0
"""Real seconds that the story keeps away after somebody has done something."""
ACTS = frozenset(
    {
        happened.BadgeShown,
        happened.CablePlugged,
        happened.CableUnplugged,
        happened.ConnectorShown,
        happened.FaultCleared,
        happened.FaultRaised,
        happened.KeySet,
        happened.PowerLost,
        happened.RebootRequested,
        happened.TariffHidden,
        happened.TariffShown,
    }
)
"""What people do, where it is not the story's doing."""


class StoryError(ForecourtError):
    """The story did not go on."""


class Story:
    """Lets things happen at the station of a site, and waits for what comes of them."""

    def __init__(self, site: DemoSite, alone_s: float = ALONE_S) -> None:
        """`alone_s`: so many real seconds it keeps away after somebody has done something."""
        self.site = site
        self._alone_s = alone_s
        self._changed = asyncio.Event()
        self._is_acting = False
        self._own: set[int] = set()
        """Connectors with cars of the story."""
        self._persons: set[int] = set()
        """Connectors with cars of somebody else."""
        self._last_act_s = float("-inf")
        """When somebody else did something, in the loop's time."""
        self._leave = site.station.seat.listen(self._hear)

    def close(self) -> None:
        """Listen no more."""
        self._leave()

    async def charge(self, connector: int, car: Car) -> None:
        """One whole visit: arrive, plug, badge, charge until the car wants no more, badge, unplug.

        Raises `StoryError` when somebody else unplugs the car meanwhile.
        """
        await self._wait_for(lambda: self.is_alone and self._is_free(connector))
        self._plug(connector, car)
        try:
            await self._visit(connector)
        finally:
            if not self.site.station.cabinet.plugged(connector):
                self._own.discard(connector)

    async def _visit(self, connector: int) -> None:
        await self.stays(connector, lambda row: row.reportedStatus == "Preparing")
        await self.pause(BADGE_S)
        await self._stays_until_alone(connector)
        if self.connector(connector).transaction is None:
            self._show_badge(connector)
        await self.stays(connector, _charges_or_never_will)
        await self.stays(connector, lambda row: row.reportedStatus == "SuspendedEV" or row.transaction is None)
        await self.pause(BADGE_S)
        await self._stays_until_alone(connector)
        if self.connector(connector).transaction is not None:
            self._show_badge(connector)
            await self.stays(connector, lambda row: row.transaction is None)
        self._unplug(connector)
        await self.until(lambda: self._is_free(connector))

    @property
    def is_alone(self) -> bool:
        """Whether nobody else uses the station."""
        self._persons = {connector for connector in self._persons if self.site.station.cabinet.plugged(connector)}
        return not self._persons and asyncio.get_running_loop().time() - self._last_act_s >= self._alone_s

    async def _stays_until_alone(self, connector: int) -> None:
        await self._wait_for(lambda: self._so_of_plugged(connector, lambda _row: self.is_alone))

    def _plug(self, connector: int, car: Car) -> None:
        with self._acting():
            self._own.add(connector)
            try:
                self.site.station.plug(connector, car)
            except NotNowError:
                self._own.discard(connector)
                raise

    def _unplug(self, connector: int) -> None:
        with self._acting():
            self.site.station.unplug(connector)

    @contextlib.contextmanager
    def _acting(self) -> Iterator[None]:
        """What happens within is the story's own doing."""
        self._is_acting = True
        try:
            yield
        finally:
            self._is_acting = False

    def _is_free(self, connector: int) -> bool:
        row = self.connector(connector)
        return row.reportedStatus == "Available" and not row.plugged

    def _show_badge(self, connector: int) -> None:
        with self._acting():
            self.site.station.show(connector)
            self.site.station.show_badge(ID_TAG)

    async def once(self) -> dict[str, Any]:
        """One session, as the supervision's ledger has it."""
        number = await self._last_message()
        car = msgspec.structs.replace(ARCHETYPES["family"], soc_percent=ARRIVAL_SOC, stop_at_soc_percent=TARGET_SOC)
        limit_s = ONCE_LIMIT_S + CHARGE_LIMIT_S / self.site.clock.speed
        try:
            async with asyncio.timeout(limit_s):
                await self.charge(1, car)
                ended = await self._ended()
        except TimeoutError as error:
            raise StoryError(f"The session was not over within {limit_s:g} s.") from error
        return {
            "identity": IDENTITY,
            "model": self.site.station.model.reference,
            "transactionId": ended.transactionId,
            "idTag": ended.idTag,
            "energyWh": ended.energyWh,
            "meterStart": ended.meterStart,
            "meterStop": ended.meterStop,
            "reason": ended.reason,
            "startedAt": ended.startedAt,
            "stoppedAt": ended.stoppedAt,
            "cost": None if ended.cost is None else msgspec.to_builtins(ended.cost),
            "messages": await self._messages_since(number),
        }

    async def cars_come_and_go(self) -> None:
        """One car after another, until cancelled."""
        for connector, car in self._arrivals():
            await self.pause(ARRIVAL_S)
            with contextlib.suppress(StoryError, NotNowError):  # somebody uses the control API: the next car, then
                await self.charge(connector, car)
            await self.pause(LEAVE_S)

    def _arrivals(self) -> Iterator[tuple[int, Car]]:
        """A connector and a car that fits, for ever."""
        guns = self.site.station.cabinet.figures.guns
        while True:
            for car in (ARCHETYPES[name] for name in CARS):
                fitting = [number for number, gun in enumerate(guns, start=1) if gun.output in car.inlets]
                if fitting:
                    yield fitting[0], msgspec.structs.replace(car, stop_at_soc_percent=80.0)

    # Waiting

    def connector(self, number: int) -> ConnectorSnapshot:
        """What the station knows of a connector. Raises `_NotRunningError` while it knows nothing."""
        snapshot = self.site.station.snapshot()
        if snapshot is None:
            raise _NotRunningError
        return snapshot.connectors[number - 1]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to be so; each event and effect of the station is an occasion to look."""
        while True:
            self._changed.clear()
            with contextlib.suppress(_NotRunningError):
                if condition():
                    return
            await self._changed.wait()

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        """As `until`, for what also becomes so as time passes."""
        while True:
            self._changed.clear()
            with contextlib.suppress(_NotRunningError):
                if condition():
                    return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(LOOK_S, self._alone_s))

    async def stays(self, connector: int, condition: Callable[[ConnectorSnapshot], bool]) -> None:
        """Wait for something to be so of a connector with a car. Raises `StoryError` when the car is gone."""
        await self.until(lambda: self._so_of_plugged(connector, condition))

    def _so_of_plugged(self, connector: int, condition: Callable[[ConnectorSnapshot], bool]) -> bool:
        if not self.site.station.cabinet.plugged(connector):
            raise StoryError(f"The car at connector {connector} was unplugged by somebody else.")
        return condition(self.connector(connector))

    async def pause(self, seconds: float) -> None:
        """Let some time of the story pass."""
        await asyncio.sleep(seconds / min(self.site.clock.speed, STORY_SPEED))

    def _hear(self, what: Event | Effect, now: float) -> None:
        del now
        if type(what) in ACTS:
            self._take_note(what)
        self._changed.set()

    def _take_note(self, act: Event | Effect) -> None:
        """Somebody did something, perhaps the story itself. A new life finds a car that was plugged before."""
        again = isinstance(act, happened.CablePlugged) and act.connector in self._own | self._persons
        if isinstance(act, happened.CablePlugged) and not again:
            self._persons.add(act.connector)
        elif isinstance(act, happened.CableUnplugged):
            self._own.discard(act.connector)
            self._persons.discard(act.connector)
        if not self._is_acting and not again:
            self._last_act_s = asyncio.get_running_loop().time()

    # The ledger

    async def _ended(self) -> TransactionDetail:
        """The latest transaction of the ledger, once its end is there and nothing can change its cost any more."""
        while True:
            found = await self.site.supervision.store.read(self._latest)
            if found is not None and not found.open and (found.cost is None or found.cost.final):
                return found
            await asyncio.sleep(0.02)

    def _latest(self, connection: Connection) -> TransactionDetail | None:
        found = readings.transactions(connection, readings.TransactionFilter(identity=IDENTITY), 1)
        now = self.site.supervision.now()
        return readings.transaction(connection, found[0].transactionId, now) if found else None

    async def _last_message(self) -> int:
        store = self.site.supervision.store
        latest = await store.read(lambda connection: readings.messages(connection, IDENTITY, before=None, limit=1))
        return latest[0].id if latest else 0

    async def _messages_since(self, number: int) -> dict[str, int]:
        """How many CALLs of each action the ledger has, in both directions, after the message of this number."""
        await self.site.supervision.store.settled()
        counts: dict[str, int] = {}
        before: int | None = None
        while True:
            page = await self.site.supervision.store.read(
                partial(readings.messages, identity=IDENTITY, before=before, limit=MESSAGE_PAGE)
            )
            for message in page:
                if message.id > number and (action := _action(message.frame)) is not None:
                    counts[action] = counts.get(action, 0) + 1
            if len(page) < MESSAGE_PAGE or page[-1].id <= number:
                return dict(sorted(counts.items()))
            before = page[-1].id


def _charges_or_never_will(row: ConnectorSnapshot) -> bool:
    return row.reportedStatus == "Charging" or (row.reportedStatus != "Preparing" and row.transaction is None)


class _NotRunningError(NotNowError):
    """The station is dark or boots: somebody uses its control API."""


def _action(frame: str) -> str | None:
    match msgspec.json.decode(frame):
        case [2, _, str(action), *_]:
            return action
        case _:
            return None
