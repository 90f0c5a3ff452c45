"""One driver for any number of stations: it feeds events, carries effects out and keeps time. It knows no OCPP.

Theory of operation.

*Time.* Every seat has one deadline, the earliest of its brain's, its cabinet's and the driver's own for it, and
`runtime.timeline` says when it has come. `advance` steps a seat from due time to due time, cabinet before brain where
they coincide, each at its own time: a late timer changes neither energy nor records. `seat.at` never goes back.

*Order.* What a brain returns is carried out in order. Effects on the cabinet may bring events back; these wait in
`_arisen` until the list is done. The save gate: a gating SaveRecord raises `gate_made`; a gated effect waits in
`seat.waiting` until `gate_durable` has reached the number it saw. While something waits, effects that concern the link
queue behind it. An OpenContactor never waits, and takes a waiting CloseContactor of its connector away.

*Saves.* One batch of a seat is with the store at a time; what comes meanwhile becomes the next batch. A failed batch
is merged with what came since, the last write of a key wins, and tried again every real second. The brain hears
SaveFailed once, then SaveRecovered.

*Lives.* A Reboot waits until all is durable; then the link is closed, the brain dropped, the contactors open, and
after `Site.boot_s` a new brain is built from the records. A power cut drops what is not with the store yet. A new life
waits for the answer to a batch that is with the store, so that what it loads is what it will find.

*Files.* What is on its way belongs to the life that asked for it and ends with it (`runtime.transfers`).
"""

from __future__ import annotations

from collections import deque
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from forecourt.runtime import linking
from forecourt.runtime.files import Files
from forecourt.runtime.keys import Keys, forget_key, make_key
from forecourt.runtime.seat import Records, Seat, Write
from forecourt.runtime.timeline import Timeline
from forecourt.runtime.transfers import Transfers, fetch_file, send_file, stop_transfer
from forecourt.station.effects import (
    GATED,
    CloseContactor,
    CloseLink,
    DeleteRecord,
    Effect,
    FetchFile,
    ForgetKey,
    LimitPower,
    LogEvent,
    MakeCertificateRequest,
    OpenContactor,
    OpenLink,
    Reboot,
    SaveRecord,
    SendFile,
    SendFrame,
    SendPing,
    StopTransfer,
    TakeModulesOut,
)
from forecourt.station.events import Event, LinkClosed, LinkRefused, PowerLost, PowerRestored, SaveFailed, SaveRecovered

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable, Iterable

    from forecourt.runtime.clock import Clock
    from forecourt.runtime.seat import Electricity, OpenedLink, Site
    from forecourt.runtime.transfers import Carrier
    from forecourt.runtime.wire_log import WireLog

RETRY_S = 1.0
"""Real seconds between two attempts to make the same batch durable."""
STEPS_AT_ONE_TIME = 10_000
"""A brain or cabinet that is due again at the same instant this often does not move: our mistake."""

LINK_EFFECTS = frozenset({OpenLink, CloseLink, SendFrame, SendPing})
QUEUED_BEHIND = GATED | {OpenLink, CloseLink}


class Store(Protocol):
    """The record store as the driver needs it; `runtime.records.RecordStore` is one."""

    def load(self, station: str) -> Records: ...

    def commit(self, station: str, writes: list[Write], done: Callable[[str | None], None]) -> None: ...


class Dialler(Protocol):
    """How a driver opens links; `runtime.link.Links` is one."""

    def connect(
        self, url: str, owner: Seat, *, identity: str, password: bytes | None, context: ssl.SSLContext | None = None
    ) -> OpenedLink: ...


class Driver:
    """Runs stations on one asyncio loop. Everything here is called on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        links: Dialler,
        store: Store | None = None,
        files: Carrier | None = None,
        keys: Keys | None = None,
    ) -> None:
        """`files` is what carries files, None for one that trusts the authorities of the system.

        `keys` has the private keys, None for keys in memory.
        """
        self.loop = loop
        self.clock = clock
        self.seats: dict[str, Seat] = {}
        self.links = links
        self._store = store
        self.timeline = Timeline(loop, clock, self.advance)
        self.keys = keys or Keys()
        self.transfers = Transfers(loop, files or Files(), self.happen)
        self._arisen: deque[Event] = deque()
        self._busy = False

    # Stations and their switches

    def add(
        self,
        identity: str,
        site: Site,
        cabinet: Electricity,
        *,
        wire: WireLog | None = None,
        lost_clock_s: float | None = None,
    ) -> Seat:
        """A seat for a station that is still dark; `power` wakes it. `lost_clock_s` as in PowerRestored."""
        assert identity not in self.seats, f"{identity} has a seat already"
        seat = Seat(self, identity, site, cabinet, wire, lost_clock_s)
        if self._store is None:
            seat.records = {}
        self.seats[identity] = seat
        return seat

    def remove(self, seat: Seat) -> None:
        """Take a station out at once, as when its cabinet is carried away."""
        if seat.power_on or seat.station is not None:
            self._go_dark(seat, self.clock.now())
        seat.power_on = False
        seat.deadline = seat.queued_due = inf  # what it still has in the heap counts no more
        del self.seats[seat.identity]

    def power(self, seat: Seat, on: bool) -> None:
        """Switch the mains. Off: the brain may still act for `Site.hold_up_s`; on: a new life begins."""
        now = self.observe(seat)
        if on == seat.power_on:
            return
        seat.power_on = on
        if on:
            if seat.station is not None:
                self._go_dark(seat, now)
            seat.set_own(boot_at=now)
            seat.deadline = now
            self.advance(seat, now)
        else:
            self._lose_power(seat, now)
        self._rearm(seat)

    def network(self, seat: Seat, up: bool) -> None:
        """Switch the network. Down: an open link is cut without a word and attempts are refused."""
        self.observe(seat)
        if up == seat.network_up:
            return
        seat.network_up = up
        if up:
            return
        self.transfers.interrupt(seat)
        if linking.give_up_attempt(seat):
            self.happen(seat, LinkRefused(linking.NETWORK_OFF))
        link = linking.cut_link(seat)
        if link is not None:
            self.happen(seat, LinkClosed(1006, "The network was switched off."))

    def happen(self, seat: Seat, event: Event) -> None:
        """Something happened to the station now. Without power nobody notices."""
        if self._busy:  # a link that closes while it is being written to
            self.loop.call_soon(self.happen_in_life, seat, seat.life, event)
            return
        now = self.observe(seat)
        if seat.station is not None:
            self.deliver(seat, event, now)

    def happen_in_life(self, seat: Seat, life: int, event: Event) -> None:
        """Something happened that only concerns this life."""
        if seat.life == life:
            self.happen(seat, event)

    def act(self, seat: Seat, action: Callable[[float], Iterable[Event]]) -> None:
        """Do something to the cabinet now, such as plugging a car in, and tell the station what came of it."""
        now = self.observe(seat)
        self._arisen.extend(action(now))
        self._settle(seat, now)
        self._rearm(seat)

    # Time

    def clock_s(self, seat: Seat, now: float) -> float:
        """What the station's own clock shows at `now`, in seconds since the epoch."""
        wall_s = self.clock.wall_at(now)
        if seat.station is not None and seat.site.read_clock is not None:
            seat.clock_offset_s = seat.site.read_clock(seat.station, now) - wall_s
        return wall_s + seat.clock_offset_s

    def advance(self, seat: Seat, now: float) -> None:
        """Bring a seat to `now`, everything that is due happening at its own time."""
        steps = 0
        due = seat.deadline
        while due <= now:
            station, cabinet = seat.station, seat.cabinet
            steps = steps + 1 if due <= seat.at else 0
            assert steps < STEPS_AT_ONE_TIME, f"{seat.identity} stays due at {due}: {station!r}, {cabinet!r}"
            at = seat.at = max(due, seat.at)
            if due == seat.own_due:
                self._own_step(seat, at)
            elif due == cabinet.next_deadline():
                self._arisen.extend(cabinet.expire(at))
                self._settle(seat, at)
            elif station is not None:
                self._carry_out(seat, station.expire(at), at)
                if self._arisen:
                    self._settle(seat, at)
            due = seat.next_deadline()
        self.timeline.queue(seat, due)

    def observe(self, seat: Seat) -> float:
        """Bring a seat to the present, so that brain and cabinet can be read at the time that is returned."""
        now = self.clock.now()
        if seat.deadline <= now:
            self.advance(seat, now)
        seat.at = max(now, seat.at)
        return seat.at

    def _own_step(self, seat: Seat, now: float) -> None:
        if seat.dark_at <= now:
            self._go_dark(seat, now)
        if seat.retry_at <= now:
            self._submit(seat)
        if seat.boot_at <= now:
            self._begin_life(seat, now)

    def _rearm(self, seat: Seat) -> None:
        self.timeline.queue(seat, seat.next_deadline())

    # Events in, effects out

    def deliver(self, seat: Seat, event: Event, now: float) -> None:
        """Hand the event to the brain at `now`, to which the seat has been advanced, and do what it wants."""
        station = seat.station
        assert station is not None, "a station that is dark hears nothing"
        seat.at = now
        if seat.listeners is not None:
            self._tell(seat, event, now)
        self._carry_out(seat, station.handle(event, now), now)
        if self._arisen:
            self._settle(seat, now)
        self._rearm(seat)

    def _settle(self, seat: Seat, now: float) -> None:
        arisen = self._arisen
        while arisen:
            event = arisen.popleft()
            station = seat.station
            if station is None:
                continue
            if seat.listeners is not None:
                self._tell(seat, event, now)
            self._carry_out(seat, station.handle(event, now), now)

    def _carry_out(self, seat: Seat, effects: list[Effect], now: float) -> None:
        if not effects:
            return
        station = seat.station
        self._busy = True
        try:
            for effect in effects:
                if seat.listeners is not None:
                    self._tell(seat, effect, now)
                kind = type(effect)
                if (seat.waiting or seat.gate_made != seat.gate_durable) and self._must_wait(seat, kind):
                    if seat.waiting is None:
                        seat.waiting = deque()
                    seat.waiting.append((seat.gate_made, effect))
                else:
                    CARRY[kind](self, seat, effect, now)
                    if seat.station is not station:
                        break
        finally:
            self._busy = False
        if seat.backlog and seat.in_flight is None:
            self._submit(seat)

    @staticmethod
    def _must_wait(seat: Seat, kind: type[Effect]) -> bool:
        return kind in QUEUED_BEHIND if seat.waiting else kind in GATED

    def _release(self, seat: Seat, now: float) -> None:
        """Carry out what waited for saves that are durable now."""
        self._busy = True
        try:
            while seat.waiting and seat.waiting[0][0] <= seat.gate_durable:
                effect = seat.waiting[0][1]
                if type(effect) is Reboot and not seat.is_durable():
                    break
                seat.waiting.popleft()
                CARRY[type(effect)](self, seat, effect, now)
        finally:
            self._busy = False
        if not seat.waiting:
            seat.waiting = None

    def _tell(self, seat: Seat, what: Event | Effect, now: float) -> None:
        for listener in list(seat.listeners or ()):
            listener(what, now)

    @staticmethod
    def without_link_effects(waiting: deque[tuple[int, Effect]]) -> deque[tuple[int, Effect]] | None:
        """What still counts of the effects that wait, once the link is gone."""
        return deque(entry for entry in waiting if type(entry[1]) not in LINK_EFFECTS) or None

    # Saves

    def _save(self, seat: Seat, effect: Any, now: float) -> None:
        del now
        if seat.records is None:
            if seat.backlog is None:
                seat.backlog = []
            seat.backlog.append(effect)
            if type(effect) is SaveRecord and effect.gates:
                seat.gate_made += 1
        elif type(effect) is SaveRecord:
            seat.records[effect.kind, effect.key] = effect.data
        else:
            seat.records.pop((effect.kind, effect.key), None)

    def _submit(self, seat: Seat) -> None:
        assert self._store is not None, "writes without a store are kept in the seat"
        writes = seat.backlog or []
        if seat.in_flight is not None:
            writes = [*seat.in_flight, *writes]
            writes = list({(write.kind, write.key): write for write in writes}.values())
        seat.backlog = None
        seat.in_flight = writes
        seat.gate_submitted = seat.gate_made
        seat.set_own(retry_at=inf)
        self._store.commit(seat.identity, writes, partial(self._committed, seat, seat.life))

    def _committed(self, seat: Seat, life: int, failure: str | None) -> None:
        now = self.observe(seat)
        if seat.life != life:
            seat.in_flight = None
            if seat.power_on and seat.station is None and seat.boot_at == inf:
                self._begin_life(seat, now)
        elif failure is not None:
            seat.set_own(retry_at=self.clock.after_real(now, RETRY_S))
            if not seat.save_failed:
                seat.save_failed = True
                self.deliver(seat, SaveFailed(failure), now)
        else:
            seat.in_flight = None
            seat.gate_durable = seat.gate_submitted
            if seat.save_failed:
                seat.save_failed = False
                self.deliver(seat, SaveRecovered(), now)
            seat.at = now
            self._release(seat, now)
            self._settle(seat, now)
            if seat.backlog and seat.in_flight is None:
                self._submit(seat)
            if seat.dark_at < inf and self._has_no_more_to_do(seat):
                self._go_dark(seat, now)
        self._rearm(seat)

    # Effects on the cabinet

    def _close_contactor(self, seat: Seat, effect: CloseContactor, now: float) -> None:
        if seat.power_on:
            self._arisen.extend(seat.cabinet.handle(effect, now))

    def _open_contactor(self, seat: Seat, effect: OpenContactor, now: float) -> None:
        if seat.waiting is not None:
            overtaken = CloseContactor(effect.connector)
            seat.waiting = deque(entry for entry in seat.waiting if entry[1] != overtaken) or None
        self._arisen.extend(seat.cabinet.handle(effect, now))

    def _limit_power(self, seat: Seat, effect: LimitPower | TakeModulesOut, now: float) -> None:
        self._arisen.extend(seat.cabinet.handle(effect, now))

    def _log(self, seat: Seat, effect: LogEvent, now: float) -> None:
        """Listeners have heard it; nothing else is done."""

    # Lives

    def _reboot(self, seat: Seat, effect: Reboot, now: float) -> None:
        if not seat.is_durable():
            seat.waiting = deque([(seat.gate_made, effect)])
            return
        link, seat.link = seat.link, None
        if link is not None:
            link.close(1000, "The station reboots.")
        seat.lost_clock_s = self.clock_s(seat, now)
        self._end_life(seat, now)
        seat.cabinet.cut_power(now)
        seat.set_own(boot_at=now + seat.site.boot_s)

    def _lose_power(self, seat: Seat, now: float) -> None:
        seat.lost_clock_s = self.clock_s(seat, now)
        seat.set_own(boot_at=inf)
        if seat.station is None:
            seat.cabinet.cut_power(now)
            return
        seat.set_own(dark_at=self.clock.after_real(now, seat.site.hold_up_s))
        self.deliver(seat, PowerLost(), now)
        seat.cabinet.cut_power(now)
        if self._has_no_more_to_do(seat) or seat.site.hold_up_s <= 0.0:
            self._go_dark(seat, now)

    @staticmethod
    def _has_no_more_to_do(seat: Seat) -> bool:
        answered = seat.link is None or seat.unanswered <= 0
        return seat.is_durable() and not seat.waiting and answered

    def may_go_dark(self, seat: Seat) -> None:
        """A frame arrived while power is gone: it may have been the last that was awaited."""
        if self._has_no_more_to_do(seat):
            self._go_dark(seat, seat.at)
            self._rearm(seat)

    def _go_dark(self, seat: Seat, now: float) -> None:
        """The last of the energy is gone. What the store has not got is lost."""
        linking.cut_link(seat)
        seat.cabinet.cut_power(now)
        self._end_life(seat, now)

    def _end_life(self, seat: Seat, now: float) -> None:
        seat.life += 1
        seat.station = None
        seat.at = now
        seat.waiting = None
        seat.backlog = None
        if seat.retry_at < inf:
            seat.in_flight = None  # not with the store, only kept to be tried again
        seat.gate_durable = seat.gate_submitted = seat.gate_made
        seat.save_failed = False
        seat.set_own(retry_at=inf, boot_at=inf, dark_at=inf)
        linking.give_up_attempt(seat)
        self.transfers.drop_all(seat)
        self._arisen.clear()

    def _begin_life(self, seat: Seat, now: float) -> None:
        seat.set_own(boot_at=inf)
        if seat.in_flight is not None:
            return  # `_committed` calls again
        records = dict(seat.records) if seat.records is not None else self._load(seat)
        seat.station = seat.site.build(records)
        clock_s = self.clock.wall_at(now) + seat.clock_offset_s
        self.deliver(seat, PowerRestored(clock_s, seat.lost_clock_s), now)

    def _load(self, seat: Seat) -> Records:
        assert self._store is not None, "a seat without records of its own has a store"
        return self._store.load(seat.identity)


CARRY: dict[type[Effect], Callable[[Driver, Seat, Any, float], None]] = {
    SaveRecord: Driver._save,
    DeleteRecord: Driver._save,
    OpenLink: linking.open_link,
    CloseLink: linking.close_link,
    SendFrame: linking.send_frame,
    SendPing: linking.send_ping,
    CloseContactor: Driver._close_contactor,
    OpenContactor: Driver._open_contactor,
    LimitPower: Driver._limit_power,
    TakeModulesOut: Driver._limit_power,
    Reboot: Driver._reboot,
    LogEvent: Driver._log,
    MakeCertificateRequest: make_key,
    ForgetKey: forget_key,
    FetchFile: fetch_file,
    SendFile: send_file,
    StopTransfer: stop_transfer,
}
