"""The demo's site: a supervision and one station on one clock in this process, both APIs open."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from forecourt.cli.hosting import clock_after, open_folder, open_station
from forecourt.errors import ForecourtError
from forecourt.runtime.data_folder import Wishes
from forecourt.runtime.ports import CONTROL_PORT, HOST, OCPP_PORT, SUPERVISION_PORT
from forecourt.screen.api import ControlApi
from forecourt.station.commissioning import StationOptions
from forecourt.supervision.facts import IdTagSet, StationSet
from forecourt.supervision.server import Supervision

if TYPE_CHECKING:
    from forecourt.runtime.clock import Clock
    from forecourt.runtime.data_folder import DataFolder
    from forecourt.runtime.host import Host
    from forecourt.runtime.hosted import HostedStation

IDENTITY = "DEMO-1"
ID_TAG = "DEMO-BADGE"


class DemoPlan(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    model: str
    speed: float
    data: Path | None = None
    default_ports: bool = True
    """Take the usual ports where they are free; else any free ones."""


class DemoSite:
    """Start it, let things happen at `station`, read `supervision`, stop it."""

    def __init__(self, plan: DemoPlan) -> None:
        self._plan = plan
        self._opened = AsyncExitStack()
        self.clock: Clock
        self.supervision: Supervision
        self.host: Host
        self.station: HostedStation
        self.api: ControlApi

    async def start(self) -> None:
        """Open everything. Raises `ForecourtError` with a sentence, and then nothing is left open."""
        async with AsyncExitStack() as opened:
            plan = self._plan
            folder = open_folder(opened, None if plan.data is None else plan.data / "station")
            self.clock = clock_after(folder, plan.speed)
            await self._start_supervision(opened)
            await self._start_station(opened, folder)
            self._opened = opened.pop_all()

    async def stop(self) -> None:
        """Cut the station's power and end everything, in a few seconds at most."""
        await self._opened.aclose()

    @property
    def addresses(self) -> dict[str, str]:
        """Where everything is, by what it is."""
        return {
            "supervisionUrl": f"http://{HOST}:{self.supervision.http_port}",
            "stationUrl": f"http://{HOST}:{self.api.port}",
            "ocppUrl": f"ws://{HOST}:{self.supervision.ocpp_port}",
        }

    async def _start_supervision(self, opened: AsyncExitStack) -> None:
        try:
            self.supervision = self._make_supervision(self._port(OCPP_PORT), self._port(SUPERVISION_PORT))
            await self.supervision.start()
        except ForecourtError:  # perhaps a port was taken since it was looked at; anything else comes again
            self.supervision = self._make_supervision(0, 0)
            await self.supervision.start()
        opened.push_async_callback(self.supervision.stop)
        await self.supervision.edit(StationSet(identity=IDENTITY))
        await self.supervision.edit(IdTagSet(idTag=ID_TAG))

    def _make_supervision(self, ocpp_port: int, http_port: int) -> Supervision:
        plan = self._plan
        data = None if plan.data is None else plan.data / "supervision"
        return Supervision(ocpp_port=ocpp_port, http_port=http_port, data=data, clock=self.clock.wall, speed=plan.speed)

    async def _start_station(self, opened: AsyncExitStack, folder: DataFolder | None) -> None:
        plan = self._plan
        wishes = Wishes(IDENTITY, f"ws://{HOST}:{self.supervision.ocpp_port}", plan.model)
        options = StationOptions(speed=plan.speed)
        self.host, self.station = await open_station(opened, self.clock, folder, wishes, options, recommission=True)
        try:
            self.api = ControlApi(self.host, HOST, self._port(CONTROL_PORT))
            await self.api.start()
        except ForecourtError:
            self.api = ControlApi(self.host, HOST, 0)
            await self.api.start()
        opened.push_async_callback(self.api.stop)
        self.station.power(True)

    def _port(self, usual: int) -> int:
        """The usual port where it is free; 0, which finds another, where it is not."""
        if not self._plan.default_ports:
            return 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, usual))
            except OSError:
                return 0
            return usual
