"""The two modes without TLS between our halves on real sockets: without and with Basic authentication (reading A10)."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
import websockets
from websockets.typing import Subprotocol

from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.server import ServerConnection
KEY = "0001020304050607FFFFFFFFFFFFFFFF"
OTHER_KEY = "AA" * 16
HEADER = "Basic " + b64encode(b"CP 1:" + bytes.fromhex(KEY)).decode()


def seen_headers(station_at: Callable[..., Any], authorization_key: str | None) -> list[str]:
    """The Authorization headers of our station's handshake, as a server of the package `websockets` reads them."""
    headers: list[list[str]] = []

    async def knock() -> None:
        seen = asyncio.Event()

        async def serve(connection: ServerConnection) -> None:
            assert connection.request is not None
            headers.append(connection.request.headers.get_all("Authorization"))
            seen.set()

        async with (
            websockets.serve(serve, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]) as server,
            station_at(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp", authorization_key),
        ):
            await asyncio.wait_for(seen.wait(), 20)

    asyncio.run(knock())
    return headers[0]


def is_connected(stations: Any) -> bool:
    """Whether the supervision has a connection with our station."""
    return any(found["identity"] == "CP 1" and found["connected"] for found in stations)


@pytest.mark.requirement("GUIDE-SEC-01")
def test_station_without_a_key_sends_no_header_and_is_let_in_if_the_supervision_allows_it(
    station_at: Callable[..., Any],
) -> None:
    assert seen_headers(station_at, None) == []

    async def scenario() -> None:
        async with (
            running() as ours,
            station_at(f"ws://127.0.0.1:{ours.supervision.ocpp_port}", None),
        ):
            await ours.until("/api/stations", is_connected)

    play(scenario())


@pytest.mark.requirement("GUIDE-SEC-03", "WP-A00.FR.202")
def test_station_with_a_key_sends_it_and_the_supervision_lets_in_only_the_right_one(
    station_at: Callable[..., Any], until: Callable[[Callable[[], object]], Awaitable[None]]
) -> None:
    """A wrong one, or none, gets HTTP 401 in place of the upgrade, and no message of that station is ever seen."""
    assert seen_headers(station_at, KEY) == [HEADER]

    async def scenario() -> None:
        async with running() as ours:
            await ours.http.put("/api/stations/CP%201", json={"authorizationKey": KEY})
            url = f"ws://127.0.0.1:{ours.supervision.ocpp_port}"
            for wrong in (OTHER_KEY, None):
                async with station_at(url, wrong) as station:
                    await until(lambda: "401" in station.snapshot().link.problem)
                    assert not is_connected(await ours.get("/api/stations"))
                    assert await ours.get("/api/stations/CP%201/messages") == []
            async with station_at(url, KEY):
                await ours.until("/api/stations", is_connected)
                await ours.until("/api/stations/CP%201/messages", bool)

    play(scenario())
