"""Whom the tests of the supervision talk to: a running one with its API, and stations on somebody else's WebSocket."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from forecourt.runtime.loop import new_event_loop
from forecourt.supervision.facts import Policy
from forecourt.supervision.server import Supervision

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

ANYBODY = Policy(accept_unknown_id_tags=True)
BOOT = {"chargePointVendor": "Schneider Electric", "chargePointModel": "EVD1S180THB"}

LIMITS = {
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "GetConfigurationMaxKeys",
    "MaxChargingProfilesInstalled",
    "SendLocalListMaxLength",
}
"""Keys that the supervision asks for by itself, before the command they limit; a peer knows none of them."""


def play(scenario: Coroutine[Any, Any, None], within_s: float = 20.0) -> None:
    """Run a scenario to its end, for so long at most."""

    async def bounded() -> None:
        async with asyncio.timeout(within_s):
            await scenario

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(bounded())


def clock_from(moment: str) -> Callable[[], float]:
    """A clock for a supervision that goes on from a moment; what stations state is believed for some weeks only."""
    begun_s = datetime.fromisoformat(moment).timestamp() - time.monotonic()
    return lambda: begun_s + time.monotonic()


class Peer:
    """A station that says what a test tells it to; a CALL of the supervision waits until the test takes it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.calls: asyncio.Queue[list[Any]] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._next = 0
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        async for text in self.socket:
            frame = json.loads(text)
            if frame[0] == 2 and set(frame[3].get("key", "?")) <= LIMITS:
                await self.socket.send(json.dumps([3, frame[1], {"unknownKey": frame[3]["key"]}]))
            elif frame[0] == 2:
                self.calls.put_nowait(frame)
            else:
                self._answers[frame[1]].set_result(frame)

    async def call(self, action: str, payload: dict[str, Any]) -> list[Any]:
        """The whole frame that answers a CALL."""
        self._next += 1
        message_id = f"{action}-{self._next}"
        self._answers[message_id] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps([2, message_id, action, payload]))
        return await self._answers[message_id]

    async def ask(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload of a CALLRESULT."""
        kind, _, answer = await self.call(action, payload)
        assert kind == 3
        assert isinstance(answer, dict)
        return answer

    async def boot(self) -> dict[str, Any]:
        """BootNotification, and its answer."""
        return await self.ask("BootNotification", BOOT)

    async def start(self, **changes: Any) -> int:
        """StartTransaction; its transactionId."""
        request = {"connectorId": 1, "idTag": "BADGE", "meterStart": 1000, "timestamp": "2026-11-22T08:30:00Z"}
        number = (await self.ask("StartTransaction", request | changes))["transactionId"]
        assert isinstance(number, int)
        return number

    async def answer(self, payload: dict[str, Any] | None = None, error: tuple[str, str] | None = None) -> list[Any]:
        """Take the next CALL of the supervision and answer it; the CALL."""
        call = await self.calls.get()
        frame = [4, call[1], *error, {}] if error else [3, call[1], payload or {}]
        await self.socket.send(json.dumps(frame))
        return call

    async def answer_by(self, reply: Callable[[str, dict[str, Any]], dict[str, Any]]) -> list[Any]:
        """Take the next CALL of the supervision and answer it with what `reply` gives for it; the CALL."""
        call = await self.calls.get()
        await self.socket.send(json.dumps([3, call[1], reply(call[2], call[3])]))
        return call

    async def close(self) -> None:
        """End the connection."""
        await self.socket.close()
        await self._reader


class Running:
    """A supervision that runs, and the client of its API."""

    def __init__(self, supervision: Supervision, http: httpx2.AsyncClient) -> None:
        self.supervision = supervision
        self.http = http

    @asynccontextmanager
    async def station(self, identity: str = "EVD-1", *, booted: bool = True, **options: Any) -> AsyncIterator[Peer]:
        """A station that is connected, and has booted."""
        url = f"ws://127.0.0.1:{self.supervision.ocpp_port}/ocpp/{quote(identity, safe='')}"
        socket = await connect(url, subprotocols=[Subprotocol("ocpp1.6")], **options)
        peer = Peer(socket)
        try:
            if booted:
                await peer.boot()
            yield peer
        finally:
            await peer.close()

    async def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a reading; parameters take the place of those in the path."""
        response = await self.http.get(path, params=parameters or None)
        assert response.status_code == 200, response.text
        return response.json()

    async def command(self, action: str, payload: Any = None, identity: str = "EVD-1") -> httpx2.Response:
        """The response of the API to a command."""
        path = f"/api/stations/{quote(identity, safe='')}/commands/{action}"
        return await self.http.post(path, json={} if payload is None else payload)

    async def until(self, path: str, holds: Callable[[Any], bool], **parameters: Any) -> Any:
        """The JSON of a reading as soon as it is so; what is not awaited on the wire shows a moment later."""
        while True:
            found = await self.get(path, **parameters)
            if holds(found):
                return found
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Running]:
    """A supervision on free ports, in memory unless `data` is given, that takes every badge unless told otherwise."""
    options = {"policy": ANYBODY} | options
    supervision = Supervision(ocpp_port=0, http_port=0, **options)
    await supervision.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{supervision.http_port}") as http:
            yield Running(supervision, http)
    finally:
        await supervision.stop()
