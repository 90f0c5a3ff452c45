"""What lies between one station and the supervision: a network that delays, loses, falls silent and mends itself.

Theory of operation. A connection is a number, and either end believes in one or in none. Frames of a direction never
overtake each other, as over TCP, however long each takes. A connection ends in one of three ways: its station closes it
(what was sent before still arrives), it breaks (what is under way is lost, and the supervision may notice later), or it
falls silent: neither end is told, nothing arrives any more, and both give up long after. Meanwhile the station may have
made another one, so that the supervision has two for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.station import events as happened
from forecourt.station.events import LinkProblem
from forecourt.world.chance import SeededChance
from forecourt.world.wire import RECEIVED, SENT, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.station import effects as do
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

NO_LINK = 0
SILENCE_S = 900.0
"""After so long whoever still believes in a connection that fell silent gives it up, as TCP does."""


class Line:
    """One station's way to the supervision. What it is set to holds from the next frame on."""

    def __init__(self, world: World, station: SimulatedStation, seed: int) -> None:
        self._world = world
        self._station = station
        self._chance = SeededChance(seed)
        self._link = NO_LINK
        self._silent: set[int] = set()
        self._closing: set[int] = set()
        """Links that the station has closed and the supervision does not know of yet."""
        self._there_at = self._back_at = 0.0
        """Before then nothing that is sent now arrives, there at the supervision and back at the station."""
        self.is_up = True
        self.jitter_s = 0.0
        """So much more than the world's latency a frame may take."""
        self.notice_s = 0.0
        """How much later than the station the supervision notices that a connection broke."""
        self.server_root: str | None = None
        """The root that the supervision's certificate hangs on, in PEM; None: one that every station trusts."""
        self.answers_pings = True
        self.pings = 0
        self.attempts: list[float] = []
        """When the station tried to connect."""
        self.wire = Wire()

    @property
    def link(self) -> int:
        """The connection that the station believes in; `NO_LINK` for none."""
        return self._link

    @property
    def is_sound(self) -> bool:
        """Whether there is a connection, and not a silent one."""
        return self._link != NO_LINK and self._link not in self._silent

    # What the network does.

    def set_up(self, up: bool) -> None:
        """Make connections possible, or break the one there is and let none be made."""
        self.is_up = up
        if not up:
            self.drop(1006, "network down")

    def fall_silent(self) -> None:
        """Nothing arrives any more on the present connection, and nobody is told."""
        if self._link == NO_LINK or self._link in self._silent:
            return
        link = self._link
        self._silent.add(link)
        self._world.later(SILENCE_S, lambda: self._give_up(link))

    def _give_up(self, link: int) -> None:
        self._silent.discard(link)
        if link == self._link:
            self.drop(1006, "nothing arrived for long")
        else:
            self._world.central.link_closed(link, 1006, "nothing arrived for long")

    def drop(self, code: int, reason: str) -> None:
        """The connection breaks at this moment, and what is under way is lost."""
        if self._link == NO_LINK:
            return
        link, self._link = self._link, NO_LINK
        if link not in self._silent:
            self._notice(link, code, reason)
        if self._station.has_power:
            self._station.happen(happened.LinkClosed(code, reason))

    def _notice(self, link: int, code: int, reason: str) -> None:
        if self.notice_s:
            self._world.later(self.notice_s, lambda: self._world.central.link_closed(link, code, reason))
        else:
            self._world.central.link_closed(link, code, reason)

    # What the station does.

    def dial(self, effect: do.OpenLink) -> None:
        """Connect, in place of whatever there is."""
        self.attempts.append(self._world.now)
        life = self._station.lives
        self._world.later(self._world.latency_s, lambda: self._connect(effect, life))

    def _connect(self, effect: do.OpenLink, life: int) -> None:
        station = self._station
        if not station.has_power or station.lives != life:
            return
        if not self.is_up:
            station.happen(happened.LinkRefused("the network is down"))
            return
        root = ""
        if self.server_root is not None and effect.roots is not None and effect.url.startswith("wss:"):
            if self.server_root not in effect.roots:
                station.happen(happened.LinkRefused("the certificate is not trusted", problem=LinkProblem.CERTIFICATE))
                return
            root = fingerprint_of(self.server_root)
        status = self._world.central.admit(effect.identity, effect.password)
        if status is not None:
            station.happen(happened.LinkRefused(f"the supervision answered HTTP {status}", status))
            return
        self._link = self._world.next_link()
        self._there_at = self._back_at = self._world.now
        self._world.central.link_opened(self._link, station)
        station.happen(happened.LinkOpened(root))

    def leave(self, code: int, reason: str) -> None:
        """Close the connection: what was sent before still arrives."""
        if self._link == NO_LINK:
            return
        link, self._link = self._link, NO_LINK
        if link not in self._silent:
            self._closing.add(link)
            self._send_there(lambda: self._left(link, code, reason))
        if self._station.has_power:
            self._station.happen(happened.LinkClosed(code, reason))

    def _left(self, link: int, code: int, reason: str) -> None:
        self._closing.remove(link)
        self._world.central.link_closed(link, code, reason)

    def put(self, frame: bytes) -> None:
        """Send a frame to the supervision; without a connection it is dropped."""
        if self._link == NO_LINK:
            return
        self.wire.pass_by(self._world.now, SENT, frame)
        link = self._link
        self._send_there(lambda: self._reached(link, frame))

    def _reached(self, link: int, frame: bytes) -> None:
        if link not in self._silent and (link == self._link or link in self._closing):
            self._world.central.frame_received(link, frame)

    def ping(self) -> None:
        """Send a ping."""
        self.pings += 1
        if self.answers_pings:
            link = self._link
            self._world.later(self._world.latency_s * 2, lambda: self._pong(link))

    def _pong(self, link: int) -> None:
        if link == self._link != NO_LINK and link not in self._silent:
            self._station.happen(happened.PongReceived())

    # What the supervision does.

    def deliver(self, frame: bytes, link: int) -> None:
        """Send a frame to the station over this connection."""
        self.wire.pass_by(self._world.now, RECEIVED, frame)
        self._send_back(lambda: self._arrived(link, frame))

    def _arrived(self, link: int, frame: bytes) -> None:
        if link == self._link != NO_LINK and link not in self._silent:
            self._station.happen(happened.FrameReceived(frame))

    def hang_up(self, link: int, code: int, reason: str) -> None:
        """The supervision closes this connection."""
        if link == self._link and link not in self._silent:
            self.drop(code, reason)

    # Time under way.

    def _send_there(self, arrive: Callable[[], None]) -> None:
        self._there_at = self._send(self._there_at, arrive)

    def _send_back(self, arrive: Callable[[], None]) -> None:
        self._back_at = self._send(self._back_at, arrive)

    def _send(self, not_before: float, arrive: Callable[[], None]) -> float:
        world = self._world
        if not self.jitter_s and not_before <= world.now:
            world.later(world.latency_s, arrive)
            return not_before
        takes_s = world.latency_s + self.jitter_s * self._chance.getrandbits(16) / 65536
        at = max(world.now + takes_s, not_before)
        world.later(at - world.now, arrive)
        return at


def fingerprint_of(pem: str) -> str:
    """What names a certificate in `LinkOpened`."""
    from forecourt.station import x509

    return x509.fingerprint(x509.read_one(pem))
