"""Stations with their pages, for the benchmark of the pages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bench.role import Role
from forecourt.cabinet.archetypes import ARCHETYPES
from forecourt.evlink.keys import require_key
from forecourt.runtime.clock import Clock
from forecourt.runtime.data_folder import Wishes, commission
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.screen.api import ControlApi
from forecourt.station.commissioning import StationOptions
from forecourt.supervision.server import Supervision

if TYPE_CHECKING:
    from forecourt.runtime.hosted import HostedStation

MODEL = "EVD1S180THB"
FREE = (("FreeCharging", "true"), ("DefaultIdTag", "BENCH"))

PATIENCE_S = 60.0
ENOUGH_W = 50_000.0


class PageHost(Role):
    """Stations and a supervision in one process, in real time; with `charging`, the first has a truck plugged."""

    def __init__(self, stations: int, charging: bool) -> None:
        self._count, self._charging = stations, charging
        self.messages = 0

    async def start(self) -> dict[str, Any]:
        """Open the stations and their pages."""
        self._supervision = Supervision(ocpp_port=0, http_port=0, accept_unknown_tags=True, wire_log=False)
        await self._supervision.start()
        self._links = Links(close_timeout_s=0.5)
        self._host = Host(Clock(), self._links)
        url = f"ws://127.0.0.1:{self._supervision.ocpp_port}"
        chosen = [(require_key(name), value) for name, value in FREE]
        for number in range(1, self._count + 1):
            station = await self._host.add(
                commission(Wishes(f"BENCH-{number}", url, MODEL)), StationOptions(), chosen if self._charging else ()
            )
            station.power(True)
            if self._charging:
                await self._charge(station)
        self._api = ControlApi(self._host, port=0)
        await self._api.start()
        return {"url": f"http://127.0.0.1:{self._api.port}", "stations": self._count}

    @staticmethod
    async def _charge(station: HostedStation) -> None:
        """Plug a truck in once the station may begin, and wait for its energy."""
        async with asyncio.timeout(PATIENCE_S):
            while (seen := station.snapshot()) is None or seen.boot != "Accepted":
                await asyncio.sleep(0.05)
            station.plug(1, ARCHETYPES["truck"])
            while (seen := station.snapshot()) is None or seen.connectors[0].power_w < ENOUGH_W:
                await asyncio.sleep(0.05)

    async def stop(self) -> dict[str, Any]:
        """End it."""
        await self._api.stop()
        await self._host.stop()
        await self._links.close(within_s=0.5)
        await self._supervision.stop()
        return {}
