"""A site in one process without sockets: stations, cars and a supervision on one virtual clock and one seed.

Theory of operation. The world owns time. It keeps what is to happen in one heap and asks every station, cabinet and the
supervision for its next deadline; `run` jumps from the earliest to the next, never past one, and gives each its own due
time. Nothing sleeps, and the same seed gives the same bytes. Frames take `latency_s` and stay in order; a frame of a
connection that has ended meanwhile is lost, as on a real one.

Scenarios are written with it: a line a thing that happens (`station.plug(1)`, `world.run(60)`), then what must be true
(`station.wire.payloads("MeterValues")`, `world.supervision.started`).
"""

from __future__ import annotations

import heapq
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Protocol

from forecourt.errors import ForecourtError
from forecourt.evlink.firmware import DEFAULT_FIRMWARE_VERSION
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.world.chance import SeededChance
from forecourt.world.files import Files
from forecourt.world.simulated_station import SimulatedStation
from forecourt.world.simulated_supervision import SimulatedSupervision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""When a world begins unless it is told otherwise: a Monday morning."""

STEPS_LIMIT = 1_000_000
"""Deadlines one `run` may pass; more is a loop that goes nowhere."""


class WorldError(ForecourtError):
    """What was waited for did not happen."""


class Central(Protocol):
    """The other end of the stations' connections."""

    def admit(self, identity: str, password: bytes | None) -> int | None:
        """The HTTP status with which a handshake is refused, or None to accept it."""
        ...

    def link_opened(self, link: int, station: SimulatedStation) -> None:
        """A station has connected."""
        ...

    def link_closed(self, link: int, code: int, reason: str) -> None:
        """A connection has ended."""
        ...

    def frame_received(self, link: int, frame: bytes) -> None:
        """A frame of a station arrived."""
        ...

    def expire(self) -> None:
        """Fire what is due at the world's present moment."""
        ...

    def next_deadline(self) -> float:
        """When `expire` has something to do, in seconds of the world."""
        ...


class World:
    """Everything there is. `now` is seconds since its beginning at `start`."""

    def __init__(
        self,
        seed: int = 1,
        *,
        start: datetime = START,
        latency_s: float = 0.02,
        central: Callable[[World], Central] | None = None,
        supervision: Callable[[World], SimulatedSupervision] = SimulatedSupervision,
    ) -> None:
        self.now = 0.0
        self.seed = seed
        self.latency_s = latency_s
        self.chance = SeededChance(seed)
        self.files = Files()
        self._start_s = start.timestamp()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0
        self._links = 0
        self._stations: list[SimulatedStation] = []
        self.supervision = supervision(self)
        self.central: Central = self.supervision if central is None else central(self)

    @property
    def clock_s(self) -> float:
        """Wall time: seconds since the epoch."""
        return self._start_s + self.now

    # Setting the scene.

    def add_station(
        self,
        identity: str = "CP-1",
        model: str = "EVD1S180THB",
        *,
        firmware: str = DEFAULT_FIRMWARE_VERSION,
        serial: str = "1S2447000017",
        authorization_key: str | None = None,
        options: StationOptions | None = None,
        keys: Mapping[str, str] | None = None,
        powered: bool = True,
    ) -> SimulatedStation:
        """A station that is commissioned for the supervision, with `keys` set by the installer, and powered."""
        commissioning = Commissioning(
            identity=identity,
            supervision_url="ws://supervision.example/ocpp",
            model=model,
            serial_number=serial,
            firmware_version=firmware,
            authorization_key=authorization_key,
        )
        station = SimulatedStation(self, commissioning, options or StationOptions(), dict(keys or {}))
        self._stations.append(station)
        if powered:
            station.power_on()
        return station

    def later(self, after_s: float, happen: Callable[[], None]) -> None:
        """Have something happen `after_s` from now; what is due at the same moment happens in the order given."""
        self._sequence += 1
        heapq.heappush(self._agenda, (self.now + after_s, self._sequence, happen))

    def next_link(self) -> int:
        """A number for a connection that no other ever had."""
        self._links += 1
        return self._links

    # Time.

    def run(self, seconds: float) -> None:
        """Let this much time pass."""
        self.run_until(lambda: False, within_s=seconds, must=False)

    def run_until(self, condition: Callable[[], bool], *, within_s: float = 600.0, must: bool = True) -> None:
        """Let time pass until something is true; `WorldError` when it is not within `within_s` (unless not `must`)."""
        end = self.now + within_s
        for _ in range(STEPS_LIMIT):
            if condition():
                return
            dues = [station.next_deadline() for station in self._stations]
            at = min(*dues, self.central.next_deadline(), self._agenda[0][0] if self._agenda else inf, inf)
            if at > end:
                break
            self.now = max(self.now, at)
            self._step(dues)
        else:
            raise WorldError(f"{STEPS_LIMIT} deadlines passed before {end - self.now:.1f} s were over")
        self.now = end
        for station in self._stations:
            station.look()
        if must and not condition():
            raise WorldError(f"what was waited for did not happen within {within_s} s")

    def _step(self, dues: list[float]) -> None:
        """Do everything that is due now: what was arranged, then the stations, then the supervision."""
        arranged = self._sequence  # what comes on top is for the next step, so that steps can be counted
        something = False
        while self._agenda and self._agenda[0][0] <= self.now and self._agenda[0][1] <= arranged:
            heapq.heappop(self._agenda)[2]()
            something = True
        for station, due in zip(self._stations, dues, strict=False):  # one that was added just now comes next time
            if something or due <= self.now:
                station.expire()
        if something or self.central.next_deadline() <= self.now:
            self.central.expire()
