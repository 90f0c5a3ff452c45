"""Our own stations: the product's, many in one process.

The stations are the product's `Host`: brains, cabinets, save gate, link. Only time is not the wall's: a station of a
fleet sends a MeterValues when its interval is over, and here the interval is over as soon as the answer came. A
`Metronome` stands where the driver asks the loop for the time and for its one timer. When a station's answer has been
dealt with, time moves on to the station's next deadline, and the driver brings the station to the present: what happens
then is its own doing, down to the bytes on the socket. At the end of each turn of the loop the driver's timer fires and
the heap is put in order, for many stations at once as in any fleet. As the stations' phases are spread over the
interval, a round of answers moves time on by about one interval.
"""

from __future__ import annotations

import asyncio
import gc
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from bench.child import resident_kb
from bench.role import Role
from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.evlink.keys import require_key
from forecourt.runtime.clock import Clock
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.runtime.loop import collect_seldom
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.effects import SendFrame

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from forecourt.runtime.link import Link
    from forecourt.runtime.seat import OpenedLink, Seat
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event

MODEL, FIRMWARE = "EVD1S180THB", "3.5.8803"
AT_ONCE = 100
"""Stations that connect at the same time."""
CAR = msgspec.structs.replace(FAMILY_CAR, battery_kwh=400.0)
"""A lorry's battery, so that no session ends while it is measured."""
ROUNDING_S = 1e-5
"""Time that passes by itself, so that a timer due now but for a rounding error or the driver's shortest delay fires."""
START_S = 8.0
"""Station seconds from the badge to the first energy, checks included."""


class Metronome:
    """The time of all stations of the process, and the driver's one timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.call_soon = loop.call_soon
        self.answers = 0
        self.is_running = False
        self._now = 0.0
        self._is_scheduled = False
        self._when = inf
        self._callback: Callable[[], None] = self.cancel

    def time(self) -> float:
        """Seconds since the start."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], None]) -> Metronome:
        """Set the driver's timer; it has one at a time, so the handle is the metronome itself."""
        self._when, self._callback = when, callback
        return self

    def cancel(self) -> None:
        """Take the timer back."""
        self._when = inf

    def answered(self, seat: Seat) -> None:
        """A frame came and was dealt with: let time go on to the station's next message."""
        self.answers += 1
        while self.is_running and seat.unanswered <= 0:
            if seat.deadline > self._now:
                self._now = seat.deadline
            seat.driver.observe(seat)
        if not self._is_scheduled:
            self._is_scheduled = True
            self.call_soon(self._end_turn)

    def move(self, seconds: float) -> None:
        """Let time pass at once."""
        self._now += seconds
        self._fire()

    def _end_turn(self) -> None:
        self._is_scheduled = False
        self._fire()

    def _fire(self) -> None:
        while self._when <= self._now + ROUNDING_S:
            if self._when > self._now:
                self._now = self._when
            self._when = inf
            self._callback()


class Paced:
    """The link layer as the driver sees it, with the metronome told of every frame that came."""

    def __init__(self, links: Links, metronome: Metronome) -> None:
        self._links = links
        self._metronome = metronome

    def connect(
        self, url: str, owner: Seat, *, identity: str, password: bytes | None, context: ssl.SSLContext | None = None
    ) -> OpenedLink:
        """Open a link for a seat."""
        told = Told(owner, self._metronome)
        return self._links.connect(url, told, identity=identity, password=password, context=context)


class Told:
    """Passes on what a link tells."""

    __slots__ = ("_metronome", "_owner", "link_closed", "link_opened", "link_refused", "pong_received")

    def __init__(self, owner: Seat, metronome: Metronome) -> None:
        self._owner = owner
        self._metronome = metronome
        self.link_opened = owner.link_opened
        self.link_refused = owner.link_refused
        self.link_closed = owner.link_closed
        self.pong_received = owner.pong_received

    def frame_received(self, link: Link, frame: bytes) -> None:
        """A frame came."""
        self._owner.frame_received(link, frame)
        self._metronome.answered(self._owner)


class Stations(Role):
    """Many stations, connected, idle or with a running session on their first connector."""

    def __init__(self, url: str, count: int, paced: bool, interval_s: int, root: str | None = None) -> None:
        self._url = url
        self._count = count
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._links = Links(certificate_authorities=root)
        self._metronome = Metronome(self._loop)
        self._host = Host(
            Clock(monotonic=self._metronome.time), Paced(self._links, self._metronome) if paced else self._links
        )
        self._host.driver.timeline.loop = self._metronome  # type: ignore[assignment]

    @property
    def messages(self) -> int:  # type: ignore[override] # it is only read
        """Frames that came."""
        return self._metronome.answers

    async def start(self) -> dict[str, Any]:
        """Connect all of them and wait until each has told its statuses."""
        settings = [
            (require_key("MeterValueSampleInterval"), str(self._interval_s)),
            (require_key("WebSocketPingInterval"), "0"),
        ]
        options = StationOptions()
        for number in range(self._count):
            identity = f"EVLINK-{number:05d}"
            commissioning = Commissioning(identity, self._url, MODEL, f"3N26450{number:05d}", FIRMWARE)
            station = await self._host.add(commissioning, options, settings, wire_length=0)
            station.power(True)
            if number % AT_ONCE == AT_ONCE - 1:
                await self._until(self._is_quiet)
        await self._until(self._is_quiet)
        collect_seldom()
        return {}

    async def charge(self) -> dict[str, Any]:
        """Begin a session on every station, spread over one interval; returns a MeterValues as it went out."""
        for number, station in enumerate(self._host.stations.values()):
            station.plug(1, CAR)
            station.show_badge(f"BENCH-{number:05d}")
            self._metronome.move(self._interval_s / self._count)
            if number % AT_ONCE == AT_ONCE - 1:
                await self._until(self._is_quiet)
        await self._until(self._is_quiet)
        sample = await self._sample()
        return {"frame": sample.decode()}

    async def settle(self) -> dict[str, Any]:
        """Let some samples go out where sessions run, then say what the process holds."""
        for _ in range(3):
            self._metronome.move(self._interval_s)
            await self._until(self._is_quiet)
        gc.collect()
        return {"resident_kb": resident_kb()}

    async def _sample(self) -> bytes:
        """Let the checks and a few intervals pass; the last MeterValues of the last station."""
        seat = list(self._host.stations.values())[-1].seat
        frames: list[bytes] = []

        def listen(what: Event | Effect, now: float) -> None:
            if type(what) is SendFrame and b'"MeterValues"' in what.frame:
                frames.append(what.frame)

        leave = seat.listen(listen)
        for _ in range(int(START_S / self._interval_s) + 3):
            self._metronome.move(self._interval_s)
            await self._until(self._is_quiet)
        leave()
        return frames[-1]

    async def run(self) -> dict[str, Any]:
        """Send MeterValues as fast as the answers come."""
        self._metronome.is_running = True
        self._metronome.move(self._interval_s)
        return {}

    async def pause(self) -> dict[str, Any]:
        """Send no more; returns when every answer has come."""
        self._metronome.is_running = False
        await self._until(self._is_quiet)
        return {}

    async def stop(self) -> dict[str, Any]:
        """End all stations at once; returns the energy that the meters counted."""
        now = self._metronome.time()
        energy_wh = sum(station.cabinet.registers(now)[0] for station in self._host.stations.values())
        for station in list(self._host.stations.values()):
            self._host.driver.remove(station.seat)
        await self._links.close()
        return {"energy_wh": energy_wh}

    def _is_quiet(self) -> bool:
        """Whether all are connected and none waits for an answer."""
        seats = [station.seat for station in self._host.stations.values()]
        return all(seat.link is not None and seat.unanswered <= 0 and seat.waiting is None for seat in seats)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)
