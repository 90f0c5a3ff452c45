"""A supervision and stations on an event loop in a thread of their own, while the test waits for a browser."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

import httpx2

from forecourt.evlink.keys import require_key
from forecourt.runtime.clock import Clock
from forecourt.runtime.data_folder import Wishes, commission
from forecourt.runtime.files import Files
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.runtime.loop import new_event_loop
from forecourt.screen.api import ControlApi
from forecourt.station.commissioning import StationOptions
from forecourt.supervision.facts import IdTagSet
from forecourt.supervision.server import Supervision

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from forecourt.runtime.hosted import HostedStation

T = TypeVar("T")

IDENTITY = "FORECOURT-1"
MODEL = "EVD1S180THB"
BADGE = "CAFE0001"
PATIENCE_S = 20.0


class BrowserSite:
    """A running site: `url` has the pages and the control API, `supervision_url` the supervision's API."""

    def __init__(self, speed: float = 60.0, data: Path | None = None) -> None:
        self.clock = Clock(speed)
        self.data = data
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="site", daemon=True)
        self._opened = AsyncExitStack()

    def __enter__(self) -> Self:
        """Open everything but a station."""
        self._thread.start()
        self.run(self._open())
        self.url = f"http://127.0.0.1:{self.api.port}"
        self.supervision_url = f"http://127.0.0.1:{self.supervision.http_port}"
        self._client = httpx2.Client(timeout=PATIENCE_S)
        return self

    def __exit__(self, *error: object) -> None:
        """Close it all."""
        self._client.close()
        self.run(self._opened.aclose())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    async def _open(self) -> None:
        self.supervision = Supervision(
            ocpp_port=0,
            http_port=0,
            files_port=0,
            data=self.data,
            clock=self.clock.wall,
            speed=self.clock.speed,
        )
        await self.supervision.start()
        self._opened.push_async_callback(self.supervision.stop)
        await self.supervision.edit(IdTagSet(BADGE, status="Accepted"))
        links = Links(close_timeout_s=0.5)
        self._opened.push_async_callback(links.close, within_s=0.5)
        self.host = Host(self.clock, links, files=Files(None))
        self._opened.push_async_callback(self.host.stop)
        self.api = ControlApi(self.host, port=0)
        await self.api.start()
        self._opened.push_async_callback(lambda: self.api.stop())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Have the site's loop run something to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_S)

    def add_station(
        self, identity: str = IDENTITY, model: str = MODEL, *, power: bool = True, network: bool = True, **keys: str
    ) -> str:
        """A station that knows the supervision, accepted where it can reach it; the address of its page."""

        async def add() -> HostedStation:
            wishes = Wishes(identity, f"ws://127.0.0.1:{self.supervision.ocpp_port}", model)
            chosen = [(require_key(name), value) for name, value in keys.items()]
            station = await self.host.add(commission(wishes), StationOptions(speed=self.clock.speed), chosen)
            station.network(network)
            station.power(power)
            return station

        self.run(add())
        if power:
            self.await_view(lambda view: view["boot"] == "Accepted" if network else view["screen"], identity)
        return f"{self.url}/stations/{quote(identity, safe='')}"

    def stop_api(self) -> None:
        """End the pages' server; the stations live on."""
        self.run(self.api.stop())

    def start_api(self) -> None:
        """Open it again on the same port."""
        self.api = ControlApi(self.host, port=self.api.port)
        self.run(self.api.start())

    # The control API.

    def ask(self, method: str, path: str, body: Any = None, identity: str = IDENTITY) -> Any:
        """The JSON of an answer of the station's control API."""
        answer = self._client.request(method, f"{self.url}/api/stations/{quote(identity, safe='')}{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, identity: str = IDENTITY, **body: Any) -> Any:
        """Do something at the station."""
        return self.ask("POST", path, body, identity)

    def set_keys(self, identity: str = IDENTITY, /, **keys: str) -> None:
        """Set keys with the installer's access."""
        for name, value in keys.items():
            self.ask("PUT", f"/keys/{name}", {"value": value}, identity)

    def view(self, identity: str = IDENTITY) -> Any:
        """The station as JSON."""
        return self.ask("GET", "", None, identity)

    def await_view(self, condition: Callable[[Any], object], identity: str = IDENTITY) -> Any:
        """Wait until the view of a station is so; that view."""
        end = time.monotonic() + PATIENCE_S
        while not condition(view := self.view(identity)):
            assert time.monotonic() < end, f"it did not come about in time: {view}"
            time.sleep(0.02)
        return view

    # The supervision's API.

    def supervise(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer of the supervision's API."""
        answer = self._client.request(method, f"{self.supervision_url}/api{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def put_file(self, name: str, content: bytes) -> None:
        """Give the supervision a file that stations may fetch."""
        answer = self._client.put(f"{self.supervision_url}/api/files/{name}", content=content)
        assert answer.status_code == 201, answer.text

    def command(self, action: str, identity: str = IDENTITY, /, **payload: Any) -> Any:
        """Have the supervision ask the station for something; the station's answer."""
        return self.supervise("POST", f"/stations/{quote(identity, safe='')}/commands/{action}", payload)
