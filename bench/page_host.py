"""Stations with their pages, for the benchmark of the pages."""

from __future__ import annotations

from typing import Any

from forecourt.cabinet.archetypes import ARCHETYPES
from forecourt.evlink.keys import require_key
from forecourt.runtime.clock import Clock
from forecourt.runtime.data_folder import Wishes, commission
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.screen.api import ControlApi
from forecourt.station.commissioning import StationOptions
from forecourt.supervision.server import Supervision

MODEL = "EVD1S180THB"
FREE = (("FreeCharging", "true"), ("DefaultIdTag", "BENCH"))


class PageHost:
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
                station.plug(1, ARCHETYPES["truck"])
        self._api = ControlApi(self._host, port=0)
        await self._api.start()
        return {"url": f"http://127.0.0.1:{self._api.port}", "stations": self._count}

    async def run(self) -> dict[str, Any]:
        """It runs, always."""
        return {}

    async def pause(self) -> dict[str, Any]:
        """Nothing is to be waited for."""
        return {}

    async def charge(self) -> dict[str, Any]:
        """Nothing: the truck is plugged."""
        return {}

    async def stop(self) -> dict[str, Any]:
        """End it."""
        await self._api.stop()
        await self._host.stop()
        await self._links.close(within_s=0.5)
        await self._supervision.stop()
        return {}
