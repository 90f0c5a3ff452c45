"""Where one station sits in the driver: the brain, its cabinet, its link, and what is not carried out yet."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from forecourt.station.effects import DeleteRecord, Effect, SaveRecord
from forecourt.station.events import Event, FrameReceived, LinkClosed, LinkOpened, LinkRefused, PongReceived

if TYPE_CHECKING:
    import asyncio
    from collections import deque

    from forecourt.runtime.driver import Driver
    from forecourt.runtime.wire_log import WireLog
    from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor, TakeModulesOut
    from forecourt.station.events import LinkProblem

Records: TypeAlias = dict[tuple[str, str], bytes]
"""(kind, key) -> data, as the record store loads them."""
Write: TypeAlias = SaveRecord | DeleteRecord
Listener: TypeAlias = Callable[[Event | Effect, float], None]
"""Hears every event and effect of a station, with the station time."""


class Brain(Protocol):
    """The three doors of a station. One object is one life."""

    def handle(self, event: Event, now: float) -> list[Effect]: ...

    def expire(self, now: float) -> list[Effect]: ...

    def next_deadline(self) -> float: ...


class Electricity(Protocol):
    """The cabinet as the driver sees it; the brain sees it as `Hardware`."""

    def handle(
        self, effect: CloseContactor | OpenContactor | LimitPower | TakeModulesOut, now: float
    ) -> list[Event]: ...

    def expire(self, now: float) -> list[Event]: ...

    def next_deadline(self) -> float: ...

    def cut_power(self, now: float) -> object: ...


class OpenedLink(Protocol):
    """One WebSocket, as `runtime.link` makes it. It ends closing by itself."""

    @property
    def problem(self) -> LinkProblem | None: ...

    @property
    def root(self) -> str: ...

    def send(self, frame: bytes) -> None: ...

    def ping(self) -> None: ...

    def close(self, code: int, reason: str) -> None: ...

    def abort(self, reason: str = "") -> None: ...


class Log(Protocol):
    """What happened to a station; `runtime.station_log.StationLog` is one."""

    def extract(self, from_s: float, until_s: float, ahead_s: float) -> bytes:
        """The lines between two times of a clock that is `ahead_s` ahead of the process's; on any thread."""
        ...


class Site(msgspec.Struct, frozen=True):
    """What holds for every life of a station."""

    build: Callable[[Records], Brain]
    """A brain from its records, to be given PowerRestored."""
    boot_s: float = 0.0
    """From a reboot to PowerRestored, in seconds of the station."""
    hold_up_s: float = 0.0
    """How long the electronics live on after PowerLost, in real seconds."""
    read_clock: Callable[[Brain, float], float] | None = None
    """What the brain's own clock shows at a station time, in seconds since the epoch; None: as the process's."""
    log: Log | None = None
    """The station's log, for an upload that asks for it."""


class Seat:
    """One station of a driver. Others read it; only the driver and the link's callbacks change it."""

    __slots__ = (
        "at",
        "attempt",
        "backlog",
        "boot_at",
        "cabinet",
        "clock_offset_s",
        "dark_at",
        "deadline",
        "driver",
        "gate_durable",
        "gate_made",
        "gate_submitted",
        "identity",
        "in_flight",
        "life",
        "link",
        "listeners",
        "lost_clock_s",
        "network_up",
        "own_due",
        "power_on",
        "queued_due",
        "records",
        "retry_at",
        "save_failed",
        "site",
        "station",
        "transfers",
        "unanswered",
        "waiting",
        "wire",
    )

    def __init__(
        self, driver: Driver, identity: str, site: Site, cabinet: Electricity, wire: WireLog | None, lost: float | None
    ) -> None:
        self.driver = driver
        self.identity = identity
        self.site = site
        self.cabinet = cabinet
        self.wire = wire
        self.listeners: list[Listener] | None = None

        self.station: Brain | None = None
        """None while dark and while it boots."""
        self.life = 0
        self.power_on = False
        self.network_up = True
        self.lost_clock_s = lost
        """Wall time at which power was last known to be there."""

        self.clock_offset_s = 0.0
        """The station's real-time clock less the wall clock of the process; it goes on in the dark."""

        self.link: OpenedLink | None = None
        self.attempt: OpenedLink | None = None

        self.records: Records | None = None
        """What is kept, when there is no store."""
        self.backlog: list[Write] | None = None
        """Writes that the store has not seen; None for none.

        One batch at a time is with it, so that a retry keeps the order.
        """
        self.in_flight: list[Write] | None = None
        self.gate_made = 0
        self.gate_submitted = 0
        self.gate_durable = 0
        self.save_failed = False
        self.waiting: deque[tuple[int, Effect]] | None = None
        """Effects that wait for the gate with that number to be durable, in order."""
        self.unanswered = 0
        """Frames sent less frames received on this link: above 0 while answers to the station's calls are awaited."""

        self.transfers: dict[str, asyncio.Task[Event]] | None = None
        """Files on their way, by the id of their effect; None while there are none."""

        self.at = 0.0
        """The last station time that the brain and the cabinet were given."""
        self.deadline = inf
        self.queued_due = inf
        """The earliest entry of this seat in the driver's heap."""
        self.own_due = inf
        """The earliest of the driver's own deadlines for this seat, which are the next three; set by `set_own`."""
        self.retry_at = inf
        self.boot_at = inf
        self.dark_at = inf

    def set_own(
        self, *, retry_at: float | None = None, boot_at: float | None = None, dark_at: float | None = None
    ) -> None:
        """Set the driver's own deadlines that are named."""
        self.retry_at = self.retry_at if retry_at is None else retry_at
        self.boot_at = self.boot_at if boot_at is None else boot_at
        self.dark_at = self.dark_at if dark_at is None else dark_at
        self.own_due = min(self.retry_at, self.boot_at, self.dark_at)

    def next_deadline(self) -> float:
        """The earliest of the brain's, the cabinet's and the driver's own. Once or twice a message, so no `min`."""
        due = self.own_due
        if (cabinet_due := self.cabinet.next_deadline()) < due:
            due = cabinet_due
        station = self.station
        if station is not None and (brain_due := station.next_deadline()) < due:
            due = brain_due
        return due

    def is_durable(self) -> bool:
        """Whether every write so far has reached the store."""
        return self.in_flight is None and not self.backlog

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Let the listener hear all that happens from now on; returns what ends that, once or again."""
        if self.listeners is None:
            self.listeners = []
        listeners = self.listeners
        listeners.append(listener)

        def leave() -> None:
            if listener in listeners:
                listeners.remove(listener)
            if not listeners and self.listeners is listeners:
                self.listeners = None

        return leave

    def forget_frames(self) -> None:
        """Drop what waits for a link that is gone."""
        if self.waiting is not None:
            self.waiting = self.driver.without_link_effects(self.waiting)

    # The link's callbacks. A link belongs to one life: what comes from another one is not heard.

    def link_opened(self, link: OpenedLink) -> None:
        """The connection that was dialled is open."""
        if link is not self.attempt:
            link.abort()
            return
        self.attempt = None
        self.link = link
        self.unanswered = 0
        self.driver.happen(self, LinkOpened(link.root))

    def link_refused(self, link: OpenedLink, reason: str, http_status: int | None) -> None:
        """The connection that was dialled could not be opened."""
        if link is self.attempt:
            self.attempt = None
            self.driver.happen(self, LinkRefused(reason, http_status, link.problem))

    def frame_received(self, link: OpenedLink, frame: bytes) -> None:
        """One text message arrived. The hot path of a fleet."""
        driver = self.driver
        now = driver.clock.now()
        if self.deadline <= now:
            driver.advance(self, now)
        if link is not self.link or self.station is None:
            return
        if self.wire is not None:
            self.wire.add(driver.clock.wall_at(now), "<", frame)
        self.unanswered -= 1
        driver.deliver(self, FrameReceived(frame), now)
        if self.dark_at < inf:
            driver.may_go_dark(self)

    def pong_received(self, link: OpenedLink) -> None:
        """The latest ping was answered."""
        if link is self.link:
            self.driver.happen(self, PongReceived())

    def link_closed(self, link: OpenedLink, code: int, reason: str) -> None:
        """The link has ended, by whomever."""
        if link is self.link:
            self.link = None
            self.forget_frames()
            self.driver.happen(self, LinkClosed(code, reason))
