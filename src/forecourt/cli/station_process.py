"""What `forecourt station` does once its command line is understood."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.cabinet.car import Car
from forecourt.cli.errors import port_options
from forecourt.cli.hosting import clock_after, open_folder, open_station
from forecourt.cli.words import kept_in, printable
from forecourt.evlink.keys import Key
from forecourt.ocpp.address import station_url
from forecourt.runtime.data_folder import DAMAGE, Wishes
from forecourt.runtime.ports import host_and_port
from forecourt.screen.api import ControlApi
from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import LogEvent
from forecourt.station.events import LinkClosed, LinkOpened, LinkRefused, PowerLost, PowerRestored
from forecourt.station.security_profile import warn_of

if TYPE_CHECKING:
    from forecourt.runtime.hosted import HostedStation
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event


class Plan(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    wishes: Wishes
    settings: list[tuple[Key, str]]
    """Rows of the key table and the values for them."""
    options: StationOptions
    data: Path | None
    """The folder to keep everything in; None keeps nothing."""
    http_address: str
    http_port: int
    recommission: bool
    authorities: str | None
    """Roots in PEM to trust over TLS; None for those of the system."""
    cars: dict[str, Car]
    """The user's own cars, by their names."""
    token: str | None = None
    """What whoever uses the control API must show."""
    host_names: tuple[str, ...] = ()
    """Under which this machine is reached, beside its addresses."""


class Teller:
    """Says what happens, once a change: sentences for people, or a JSON object a line."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._last: tuple[str, str] | None = None

    def started(self, station: HostedStation, api_url: str, data: Path | None) -> None:
        """The station is up and its control API answers."""
        commissioning = station.commissioning
        snapshot = station.snapshot()
        assert snapshot is not None, "it has just been switched on"
        url = station_url(snapshot.link.url, snapshot.identity)
        self._say(
            {
                "event": "started",
                "identity": station.identity,
                "model": commissioning.model,
                "firmware": snapshot.firmware,
                "httpUrl": api_url,
                "supervisionUrl": url,
                "data": None if data is None else str(data),
            },
            f"Station {station.identity}, {commissioning.model} with serial number {commissioning.serial_number} and "
            f"firmware {snapshot.firmware}.\n"
            f"It connects to       {url}\n"
            f"Its page is          {api_url}/\n"
            f"Its control API is   {api_url}/api/stations (described at /schema)\n"
            f"{kept_in(data)}\nCtrl-C ends.",
        )

    def hear(self, what: Event | Effect, now: float) -> None:
        """Tell of links that open, close or are refused, when that is news, and of what the station logs."""
        del now
        match what:
            case LinkOpened():
                self._news("connected", "", "Connected to the supervision.")
            case LinkClosed(code=code, reason=reason):
                self._news("disconnected", reason, f"Disconnected ({code}{f', {reason}' if reason else ''}).")
            case LinkRefused(reason=reason):
                self._news("refused", reason, f"Not connected: {reason} The station keeps trying.")
            case LogEvent(name=name, detail=detail):
                self._say({"event": "log", "name": name, "detail": detail}, f"{name}: {detail}")
            case PowerLost() | PowerRestored():
                self._last = None

    def _news(self, event: str, reason: str, sentence: str) -> None:
        if self._last != (event, reason):
            self._last = (event, reason)
            self._say({"event": event, "reason": reason}, sentence)

    def _say(self, data: dict[str, Any], sentence: str) -> None:
        print(json.dumps(data) if self._as_json else printable(sentence), file=sys.stdout, flush=True)


def watch_loop() -> asyncio.Future[None]:
    """What never ends, unless a callback on the loop broke: then it raises what broke."""
    loop = asyncio.get_running_loop()
    broken: asyncio.Future[None] = loop.create_future()

    def hear(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) or broken.done():
            return  # a connection that ended badly has told its owner
        broken.set_exception(error or RuntimeError(str(context.get("message"))))

    loop.set_exception_handler(hear)
    return broken


async def run_station(plan: Plan, teller: Teller) -> None:
    """Run a station until cancelled. Raises `ForecourtError` with a sentence for what cannot be."""
    async with AsyncExitStack() as opened:
        folder = open_folder(opened, plan.data)
        clock = clock_after(folder, plan.options.speed)
        host, station = await open_station(
            opened,
            clock,
            folder,
            plan.wishes,
            plan.options,
            plan.settings,
            recommission=plan.recommission,
            authorities=plan.authorities,
        )
        api = ControlApi(host, plan.http_address, plan.http_port, plan.cars, token=plan.token, names=plan.host_names)
        with port_options("The option --http sets it."):
            await api.start()
        opened.push_async_callback(api.stop)
        broken = watch_loop()
        station.power(True)
        teller.started(station, f"http://{host_and_port(plan.http_address, api.port)}", plan.data)
        for sentence in () if folder is None else folder.damage:
            teller.hear(LogEvent(DAMAGE, sentence), 0.0)
        warnings: list[Effect] = []
        warn_of(int(station.key("SecurityProfile").value or 0), warnings)
        for warning in warnings:
            teller.hear(warning, 0.0)
        station.seat.listen(teller.hear)
        await broken
