"""`GET /api/stations/{identity}/events`: what happens in a station, as server-sent events, with samples each second."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from litestar.response import ServerSentEventMessage

from forecourt.evlink.keys import Visibility, find_key
from forecourt.runtime.wire_log import without_credentials, without_secrets
from forecourt.screen.views import station_view
from forecourt.station.effects import Effect, OpenLink, SaveRecord
from forecourt.station.events import Event, KeySet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from forecourt.runtime.hosted import HostedStation
    from forecourt.screen.views import StationView

SAMPLE_S = 1.0
"""Real seconds between two samples of what the driver watches."""
BEHIND_LIMIT = 2000
"""A follower that is so many events behind is let go."""
HIDDEN = {OpenLink: ("password",), SaveRecord: ("data",)}
"""What nobody is told."""


class Followers:
    """All open streams of a process."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._is_closed = False

    def __len__(self) -> int:
        """How many there are."""
        return len(self._queues)

    def close(self) -> None:
        """End every stream, so that none holds up the end."""
        self._is_closed = True
        for queue in self._queues:
            queue.put_nowait(None)

    async def follow(self, station: HostedStation) -> AsyncIterator[ServerSentEventMessage]:
        """The whole station first, then what happens, with a sample a second."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        def hear(what: Event | Effect, now: float) -> None:
            if queue.qsize() >= BEHIND_LIMIT:
                queue.put_nowait(None)
                leave()
            else:
                queue.put_nowait(told(station, what, now))

        leave = station.seat.listen(hear)
        self._queues.add(queue)
        if self._is_closed:
            queue.put_nowait(None)
        loop = asyncio.get_running_loop()
        try:
            yield _message("Station", msgspec.to_builtins(station_view(station)))
            sample_at = loop.time() + SAMPLE_S
            while True:
                try:
                    data = await asyncio.wait_for(queue.get(), max(0.0, sample_at - loop.time()))
                except TimeoutError:
                    sample_at = loop.time() + SAMPLE_S
                    yield _message("Sample", sample(station_view(station)))
                    continue
                if data is None:
                    return
                yield _message(data["name"], data)
        finally:
            leave()
            self._queues.discard(queue)


def told(station: HostedStation, what: Event | Effect, now: float) -> dict[str, Any]:
    """An event or an effect as a small object: kind, name, time, and its fields; bytes as text, no secrets."""
    clock_s = station.seat.driver.clock.wall_at(now) + station.seat.clock_offset_s
    data: dict[str, Any] = {
        "kind": "event" if isinstance(what, Event) else "effect",
        "name": type(what).__name__,
        "time": datetime.fromtimestamp(clock_s, UTC),
    }
    hidden = HIDDEN.get(type(what), ())
    for name in what.__struct_fields__:
        value = getattr(what, name)
        if name in hidden:
            continue
        if isinstance(value, bytes):
            value = without_secrets(value.decode("utf-8", "replace"))
        elif isinstance(value, str):
            value = without_credentials(value)
        data[name] = value
    if isinstance(what, KeySet) and (key := find_key(what.key)) and key.visibility is Visibility.NEVER_READ:
        data["value"] = None
    return data


def sample(view: StationView) -> dict[str, Any]:
    """What the driver in front of the station watches."""
    rows = ("connectorId", "status", "power_w", "limited_w", "voltage_v", "current_a", "soc_percent", "meter_wh")
    connectors = [{name: getattr(connector, name) for name in rows} for connector in view.connectors]
    return {"kind": "sample", "name": "Sample", "time": view.clock, "connectors": connectors}


def _message(name: str, data: dict[str, Any]) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=name, data=msgspec.json.encode(data).decode())
