"""Stations of this process with their control API and pages on a real port, and a client."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2
import msgspec

from forecourt.runtime.clock import Clock
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.runtime.loop import run
from forecourt.screen.api import ControlApi
from forecourt.station.commissioning import Commissioning, StationOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from forecourt.runtime.hosted import HostedStation

SPEED = 60.0
BOUND_S = 20


class PageRig:
    """A host with stations that find no supervision, their API and a client."""

    def __init__(self, host: Host, api: ControlApi, client: httpx2.AsyncClient) -> None:
        self.host, self.api, self.client = host, api, client

    @property
    def station(self) -> HostedStation:
        """The first one."""
        return next(iter(self.host.stations.values()))

    async def html(self, path: str, status: int = 200, **headers: str) -> str:
        """A page as a browser gets it."""
        answer = await self.client.get(path, headers={"accept": "text/html,*/*", **headers})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), answer.text
        return answer.text

    async def act(self, path: str, body: Any = None, status: int = 200) -> Any:
        """What is done at the first station, as JSON."""
        content = b"" if body is None else msgspec.json.encode(body)
        url = f"/api/stations/{quote(self.station.identity, safe='')}{path}"
        headers = {"content-type": "application/json"}
        answer = await self.client.request("POST", url, content=content, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """The events of a stream as names and data."""
        async with self.client.stream("GET", path) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            yield events_of(answer.aiter_lines())


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str]]:
    """Server-sent events as names and data."""
    name, data = "", []
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data.append(line.removeprefix("data: "))
        elif not line:
            yield name, "\n".join(data)
            name, data = "", []


@asynccontextmanager
async def open_pages(*identities: str, powered: bool = True, **given: Any) -> AsyncIterator[PageRig]:
    """Stations with these identities, one named A1 unless said otherwise; `given` is for `ControlApi`."""
    links = Links(close_timeout_s=0.5)
    host = Host(Clock(SPEED), links)
    for identity in identities or ("A1",):
        # Port 9 of this machine: nothing listens there, so the station goes on trying.
        commissioning = Commissioning(identity, "ws://127.0.0.1:9", "EVD1S180THB", "1S2447000017", "3.5.8803")
        station = await host.add(commissioning, StationOptions(speed=SPEED))
        station.power(powered)
    api = ControlApi(host, port=0, **given)
    await api.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{api.port}", timeout=BOUND_S) as client:
            yield PageRig(host, api, client)
    finally:
        await api.stop()
        await host.stop()
        await links.close(within_s=0.5)


def play(scenario: Callable[[PageRig], Coroutine[Any, Any, None]], *identities: str, **given: Any) -> None:
    """Run a scenario on its own loop, bounded."""

    async def bounded() -> None:
        async with asyncio.timeout(BOUND_S), open_pages(*identities, **given) as rig:
            await scenario(rig)

    run(bounded())


async def until(condition: Callable[[], object]) -> None:
    """Wait for what is on its way; the scenario is bounded."""
    while not condition():
        await asyncio.sleep(0.005)
