"""Hosted stations over real sockets, and a supervision that says yes to everything."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.evlink.keys import require_key
from forecourt.runtime.clock import Clock
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links, Welcome
from forecourt.runtime.records import RecordStore
from forecourt.station.commissioning import Commissioning, StationOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from forecourt.runtime.hosted import HostedStation
    from forecourt.runtime.link import Handshake, Link, Listener
    from forecourt.runtime.station_log import StationLog
    from forecourt.runtime.transfers import Carrier


class YesSayer:
    """A supervision that accepts everything and writes down what it was told."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.identities: list[str] = []
        self.transactions = 0
        self.links: list[Link] = []
        self.answers: dict[str, asyncio.Future[tuple[Any, ...]]] = {}

    async def start(self, links: Links) -> Listener:
        return await links.serve("127.0.0.1", 0, self.decide)

    def decide(self, handshake: Handshake) -> Welcome:
        self.identities.append(handshake.identity)
        return Welcome(self)

    def link_opened(self, link: Link) -> None:
        self.links.append(link)

    def pong_received(self, link: Link) -> None:
        pass

    def link_closed(self, link: Link, code: int, reason: str) -> None:
        self.links.remove(link)

    def frame_received(self, link: Link, frame: bytes) -> None:
        kind, unique_id, *rest = msgspec.json.decode(frame)
        if kind == 2:
            self.calls.append((rest[0], rest[1]))
            link.send(msgspec.json.encode([3, unique_id, self.answer(rest[0])]))
        else:
            self.answers[unique_id].set_result((kind, *rest))

    def answer(self, action: str) -> dict[str, Any]:
        now = datetime.fromtimestamp(self.clock.wall(), UTC).isoformat().replace("+00:00", "Z")
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": now, "interval": 600}
        if action == "Heartbeat":
            return {"currentTime": now}
        if action == "StartTransaction":
            self.transactions += 1
            return {"transactionId": self.transactions, "idTagInfo": {"status": "Accepted"}}
        return {"idTagInfo": {"status": "Accepted"}} if action == "Authorize" else {}

    async def call(self, action: str, payload: dict[str, Any]) -> Any:
        """Ask the station for something; the payload of its CALLRESULT."""
        unique_id = str(len(self.answers))
        self.answers[unique_id] = asyncio.get_running_loop().create_future()
        self.links[-1].send(msgspec.json.encode([2, unique_id, action, payload]))
        kind, *rest = await self.answers[unique_id]
        assert kind == 3, rest
        return rest[0]

    def count(self) -> Counter[str]:
        return Counter(action for action, _ in self.calls)

    def payloads(self, action: str) -> list[dict[str, Any]]:
        return [payload for name, payload in self.calls if name == action]


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until something is so, and say so when it never is."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.005)


class NoChance:
    """The shortest back-off there is."""

    def getrandbits(self, count: int, /) -> int:
        return 0 * count


class Rig:
    """A host and a supervision that says yes, on one clock."""

    def __init__(
        self,
        speed: float = 60.0,
        folder: Path | None = None,
        wall_origin: float | None = None,
        files: Carrier | None = None,
        log: StationLog | None = None,
    ) -> None:
        self.files = files
        self.log = log
        self.clock = Clock(speed, wall_origin=wall_origin)
        self.supervision = YesSayer(self.clock)
        self.folder = folder
        self.options = StationOptions(speed=speed)

    async def __aenter__(self) -> Rig:
        self.links = Links(close_timeout_s=0.5)
        self.listener = await self.supervision.start(self.links)
        self.host = self.make_host()
        return self

    def make_host(self) -> Host:
        if self.folder is None:
            return Host(self.clock, self.links, chance=NoChance(), files=self.files)
        records, meters = (RecordStore(self.folder / f"{name}.sqlite") for name in ("records", "meters"))
        return Host(self.clock, self.links, records, meters, files=self.files)

    async def __aexit__(self, *error: object) -> None:
        await self.host.stop()
        self.listener.close()
        await self.links.close(within_s=0.5)

    async def station(self, model: str = "EVD1S180THB", **settings: str) -> HostedStation:
        url = f"ws://127.0.0.1:{self.listener.port}"
        commissioning = Commissioning("STATION 1", url, model, "1S2447000017", "3.5.8803")
        chosen = [(require_key(name), value) for name, value in settings.items()]
        station = await self.host.add(commissioning, self.options, chosen, log=self.log)
        station.power(True)
        await until(lambda: self.status(station, 1) == "Available")
        return station

    def status(self, station: HostedStation, connector: int) -> str | None:
        snapshot = station.snapshot()
        return None if snapshot is None else snapshot.connectors[connector - 1].reportedStatus

    async def charge(self, station: HostedStation) -> None:
        """Plug a car in, show a badge and wait for energy."""
        station.plug(1, FAMILY_CAR)
        await until(lambda: self.status(station, 1) == "Preparing")
        station.show_badge("TAG")
        await until(lambda: self.status(station, 1) == "Charging")
