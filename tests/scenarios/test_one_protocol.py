"""What station and supervision speak, and what they do not, over real sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx2
import pytest
import websockets
from websockets.typing import Subprotocol

from forecourt import testing
from forecourt.runtime.loop import run

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from websockets.asyncio.server import ServerConnection

BOUND_REAL_S = 30.0
OTHERS = ("ocpp1.2", "ocpp1.5", "ocpp2.0", "ocpp2.0.1", "ocpp2.1", "soap")
SOAP = (
    '<?xml version="1.0"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:cs="urn://Ocpp/Cs/2012/06/"><soap:Body><cs:heartbeatRequest/></soap:Body></soap:Envelope>'
)


def play(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(BOUND_REAL_S):
            await scenario

    run(bounded())


@pytest.mark.requirement("GUIDE-GEN-04")
def test_station_offers_ocpp_1_6_json_alone_and_stays_away_from_who_speaks_another() -> None:
    async def scenario() -> None:
        offered: list[Sequence[Subprotocol]] = []

        def choose(_: ServerConnection, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
            offered.append(subprotocols)
            return None  # a central system that speaks no protocol of the station's

        async def listen(connection: ServerConnection) -> None:
            async for frame in connection:
                raise AssertionError(f"the station said {frame!r} to who speaks another protocol")

        async with websockets.serve(listen, "127.0.0.1", 0, select_subprotocol=choose) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with testing.station(f"ws://127.0.0.1:{port}") as station:
                await station.until(lambda seen: seen.workings().failedConnections == 1, what="a refused connection")
                assert "ocpp1.6" in station.snapshot().link.problem
                assert not station.wire.messages
        assert offered == [["ocpp1.6"]]

    play(scenario())


@pytest.mark.requirement("GUIDE-GEN-04")
def test_supervision_speaks_ocpp_1_6_json_to_stations_and_neither_another_version_nor_soap() -> None:
    async def scenario() -> None:
        async with testing.supervision() as supervision:
            for name in OTHERS:
                with pytest.raises(websockets.exceptions.WebSocketException):
                    await talk(f"{supervision.url}/CP-1", [name])
            assert await talk(f"{supervision.url}/CP-1", ["ocpp2.0.1", "ocpp1.6"]) == "ocpp1.6"
            async with httpx2.AsyncClient() as client:
                headers = {"Content-Type": "application/soap+xml"}
                url = supervision.url.replace("ws://", "http://")
                with pytest.raises(httpx2.RemoteProtocolError, match="without sending a response"):
                    await client.post(f"{url}/CP-1", content=SOAP, headers=headers)

    async def talk(url: str, offered: Sequence[str]) -> str | None:
        """Send a Heartbeat and wait for its answer; the protocol that was agreed on."""
        async with websockets.connect(url, subprotocols=[Subprotocol(name) for name in offered]) as connection:
            await connection.send('[2,"a","Heartbeat",{}]')
            await connection.recv()
            return connection.subprotocol

    play(scenario())
