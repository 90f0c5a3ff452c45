"""The demo's site: a supervision and one station on one clock in this process, both APIs open."""

from __future__ import annotations

import random
import secrets
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from forecourt.cli.demo_panel import DemoPanel
from forecourt.cli.demo_tariff import set_tariff
from forecourt.cli.hosting import clock_after, open_folder, open_station
from forecourt.errors import ForecourtError
from forecourt.evlink.keys import require_key
from forecourt.runtime.data_folder import Wishes
from forecourt.runtime.ports import CONTROL_PORT, FILES_PORT, HOST, OCPP_PORT, SUPERVISION_PORT
from forecourt.screen.api import ControlApi
from forecourt.station.commissioning import StationOptions
from forecourt.supervision.facts import AuthorizationKeySet, IdTagSet, SecuritySet, StationSet
from forecourt.supervision.server import Supervision
from forecourt.supervision.server_security import ORGANIZATION, TlsOptions

if TYPE_CHECKING:
    from forecourt.evlink.keys import Key
    from forecourt.runtime.clock import Clock
    from forecourt.runtime.data_folder import DataFolder
    from forecourt.runtime.host import Host
    from forecourt.runtime.hosted import HostedStation
    from forecourt.screen.site import SiteStep

IDENTITY = "DEMO-1"
ID_TAG = "DEMO-DRIVER"
"""Of the cars that come by themselves."""
PAGE_ID_TAG = "DEMO-BADGE"
"""Of the person at the page: what its reader proposes."""
PASSWORD_BYTES = 20
FIRST_PROFILE = 1
"""The security profile that a station of `--security` is delivered with."""
SPREAD_BITS = 16
"""So many bits a station draws to spread its attempts to reconnect."""


class DemoPlan(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    model: str
    speed: float
    data: Path | None = None
    default_ports: bool = True
    """Take the usual ports where they are free; else any free ones."""
    security: int | None = None
    """The security profile to lead the station to, 2 or 3; None leaves it as it is."""


class ShortWaits:
    """Chance as the system has it, but a station alone need not wait long so as not to meet others."""

    def getrandbits(self, count: int, /) -> int:
        """A whole number of so many random bits; of those that spread waits only small ones."""
        bits = random.SystemRandom().getrandbits(count)
        return bits >> 4 if count == SPREAD_BITS else bits


class DemoSite:
    """Start it, let things happen at `station`, read `supervision`, stop it."""

    def __init__(self, plan: DemoPlan) -> None:
        self._plan = plan
        self._opened = AsyncExitStack()
        self._password: str | None = None
        """Of a station that is delivered with one."""
        self.steps: list[SiteStep] = []
        """Of the change of the security profile, as they were seen."""
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
            if plan.security is not None and (folder is None or folder.kept is None):
                self._password = secrets.token_hex(PASSWORD_BYTES).upper()
            await self._start_supervision(opened)
            await self._start_station(opened, folder)
            self._opened = opened.pop_all()

    async def stop(self) -> None:
        """Cut the station's power and end everything, in a few seconds at most."""
        await self._opened.aclose()

    @property
    def page(self) -> str:
        """The address of the page, to be opened in a browser."""
        return f"http://{HOST}:{self.api.port}/"

    @property
    def addresses(self) -> dict[str, str]:
        """Where everything is, by what it is."""
        return {
            "pageUrl": self.page,
            "supervisionUrl": f"http://{HOST}:{self.supervision.http_port}",
            "stationUrl": f"http://{HOST}:{self.api.port}",
            "ocppUrl": f"{'ws' if self.supervision.security is None else 'wss'}://{HOST}:{self.supervision.ocpp_port}",
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
        for id_tag in (ID_TAG, PAGE_ID_TAG):
            await self.supervision.edit(IdTagSet(idTag=id_tag))
        await set_tariff(self.supervision)
        if self._password is not None:
            await self.supervision.edit(AuthorizationKeySet(IDENTITY, self._password))
            await self.supervision.edit(SecuritySet(IDENTITY, FIRST_PROFILE))

    def _make_supervision(self, ocpp_port: int, http_port: int) -> Supervision:
        plan = self._plan
        data = None if plan.data is None else plan.data / "supervision"
        return Supervision(
            ocpp_port=ocpp_port,
            http_port=http_port,
            data=data,
            clock=self.clock.wall,
            speed=plan.speed,
            files_port=self._port(FILES_PORT),
            tls=TlsOptions() if plan.security is not None or _was_secured(data) else None,
        )

    async def _start_station(self, opened: AsyncExitStack, folder: DataFolder | None) -> None:
        plan = self._plan
        url = f"ws://{HOST}:{self.supervision.ocpp_port}"
        wishes = Wishes(IDENTITY, url, plan.model, authorization_key=self._password)
        options = StationOptions(speed=plan.speed)
        settings = [] if plan.security is None else self._settings()
        chance = None if plan.security is None else ShortWaits()
        self.host, self.station = await open_station(
            opened, self.clock, folder, wishes, options, settings, recommission=True, chance=chance
        )
        panel = DemoPanel(IDENTITY, self.supervision, lambda: self.addresses, lambda: self.steps)
        try:
            self.api = ControlApi(self.host, HOST, self._port(CONTROL_PORT), site=panel)
            await self.api.start()
        except ForecourtError:
            self.api = ControlApi(self.host, HOST, 0, site=panel)
            await self.api.start()
        opened.push_async_callback(self.api.stop)
        self.station.power(True)

    def _settings(self) -> list[tuple[Key, str]]:
        """What the installer sets before a station is led to another profile."""
        settings = [(require_key("CpoName"), ORGANIZATION)]
        if self._password is not None:
            settings.append((require_key("SecurityProfile"), str(FIRST_PROFILE)))
        return settings

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


def _was_secured(data: Path | None) -> bool:
    """Whether an earlier start of this data folder spoke TLS, which its station may insist on since."""
    if data is None or not data.is_dir():
        return False
    from forecourt.supervision.server_authority import FOLDER_NAME

    return (data / FOLDER_NAME).is_dir()
