"""A real station with a data folder and a control API, as the command runs it, at a supervision of ours."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from forecourt.cli.hosting import clock_after, open_folder, open_station
from forecourt.evlink.keys import require_key
from forecourt.runtime.data_folder import Wishes
from forecourt.screen.api import ControlApi
from forecourt.station.commissioning import StationOptions
from tests.hosted_rig import NoChance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from forecourt.runtime.hosted import HostedStation
    from tests.supervision_peers import Running

ORGANIZATION = "Forecourt"


class Standing:
    """A station that runs."""

    def __init__(self, station: HostedStation, api_port: int) -> None:
        self.station = station
        self.api = f"http://127.0.0.1:{api_port}"
        self.api_port = api_port

    @property
    def is_connected(self) -> bool:
        """Whether its link is open."""
        snapshot = self.station.snapshot()
        return snapshot is not None and snapshot.link.state == "open"


@asynccontextmanager
async def standing(
    ours: Running,
    folder: Path,
    *,
    identity: str = "EVD-1",
    key: str | None = None,
    url: str = "",
    authorities: str | None = None,
    options: StationOptions | None = None,
    **settings: str,
) -> AsyncIterator[Standing]:
    """A station that tries to connect from now on. `url` is the supervision's own unless given."""
    async with AsyncExitStack() as opened:
        kept = open_folder(opened, folder)
        wishes = Wishes(
            identity,
            url or f"ws://localhost:{ours.supervision.ocpp_port}",
            "EVD1S180THB",
            authorization_key=key,
        )
        chosen = [(require_key(name), value) for name, value in ({"CpoName": ORGANIZATION} | settings).items()]
        host, station = await open_station(
            opened,
            clock_after(kept, 1.0),
            kept,
            wishes,
            options or StationOptions(),
            chosen,
            recommission=True,
            authorities=authorities,
            chance=NoChance(),
        )
        api = ControlApi(host, "127.0.0.1", 0)
        await api.start()
        opened.push_async_callback(api.stop)
        station.power(True)
        yield Standing(station, api.port)


async def connected(ours: Running, identity: str = "EVD-1") -> Any:
    """What the supervision knows of a station, as soon as it is connected and has booted."""
    await ours.until("/api/stations", lambda found: any(one["identity"] == identity for one in found))
    return await ours.until(f"/api/stations/{identity}", lambda found: found["connected"] and found["boot"])


async def led_to(ours: Running, profile: int, identity: str = "EVD-1") -> Any:
    """What is known of the station's security once it has been led to a profile."""
    path = f"/api/stations/{identity}/security-profile"
    response = await ours.http.put(path, json={"profile": profile})
    assert response.status_code == 202, response.text
    found = await ours.until(path, lambda found: found["state"] != "running")
    assert (found["state"], found["reason"]) == ("done", None)
    await connected(ours, identity)
    return await ours.get(f"/api/stations/{identity}/security")


async def found(ours: Running, path: str, holds: Callable[[Any], bool] = bool, **parameters: Any) -> Any:
    """The JSON of a reading with parameters as soon as it is so; it is so with anything in it unless told."""
    while not holds(read := await ours.get(path, **parameters)):
        await asyncio.sleep(0.01)
    return read


async def whole_api(ours: Running, identity: str = "EVD-1") -> str:
    """Everything that the supervision's API shows of a station and of itself."""
    one = f"/api/stations/{identity}"
    paths = [
        *("/api/stations", "/api/authority", "/api/security-events", "/api/transactions", "/api/id-tags"),
        *("/api/policy", "/api/uploads", "/api/files", "/schema"),
        *(one, *(f"{one}/{what}" for what in ("messages", "notices", "statuses", "errors", "security", "commands"))),
    ]
    texts = []
    for path in paths:
        response = await ours.http.get(path)
        assert response.status_code == 200, (path, response.text)
        texts.append(response.text)
    for command in json.loads(texts[-1]):
        texts.append((await ours.http.get(f"/api/commands/{command['id']}")).text)
    return "\n".join(texts)


async def openssl_client(port: int, *options: str) -> tuple[int, str]:
    """What `openssl s_client` says of a port, without sending anything."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(errors="replace")
