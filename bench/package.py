"""The PyPI package `ocpp` with `websockets`, both with their default settings, as their documentation shows it."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import Any

import websockets
from ocpp.charge_point import camel_to_snake_case
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result

from bench.role import Role

AT_ONCE = 100
logging.getLogger("ocpp").setLevel(logging.WARNING)


class Answerer(ChargePoint):  # type: ignore[misc]
    """The central system's end of a connection. It stores nothing."""

    server: PackageServer

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def on_meter_values(self, connector_id: int, meter_value: list[Any], **_: Any) -> Any:
        """Answer MeterValues."""
        self.server.messages += 1
        return call_result.MeterValues()


class PackageServer(Role):
    """A central system."""

    def __init__(self) -> None:
        self.messages = 0
        self._open = AsyncExitStack()

    async def start(self) -> dict[str, Any]:
        """Listen."""
        server = await self._open.enter_async_context(
            websockets.serve(self._connected, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("ocpp1.6")])
        )
        return {"url": f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"}

    async def _connected(self, connection: websockets.ServerConnection) -> None:
        assert connection.request is not None, "a connection has been asked for"
        answerer = Answerer(connection.request.path.strip("/"), connection)
        answerer.server = self
        with suppress(websockets.ConnectionClosed):
            await answerer.start()

    async def stop(self) -> dict[str, Any]:
        """End it."""
        await self._open.aclose()
        return {}


class PackageClient(Role):
    """Charge points that send the same MeterValues, with the present time, and again when the answer came."""

    def __init__(self, url: str, count: int, frame: str) -> None:
        self.messages = 0
        self._url = url
        self._count = count
        self._payload = camel_to_snake_case(json.loads(frame)[3])
        self._go = asyncio.Event()
        self._resting = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._open = AsyncExitStack()

    async def start(self) -> dict[str, Any]:
        """Connect."""
        for first in range(0, self._count, AT_ONCE):
            await asyncio.gather(*(self._connect(number) for number in range(first, min(first + AT_ONCE, self._count))))
        return {}

    async def _connect(self, number: int) -> None:
        identity = f"EVLINK-{number:05d}"
        connection = await self._open.enter_async_context(
            websockets.connect(f"{self._url}/{identity}", subprotocols=[websockets.Subprotocol("ocpp1.6")])
        )
        charge_point = ChargePoint(identity, connection)
        self._tasks.append(asyncio.create_task(self._receive(charge_point)))
        self._tasks.append(asyncio.create_task(self._send(charge_point)))

    async def _receive(self, charge_point: ChargePoint) -> None:
        with suppress(websockets.ConnectionClosed):
            await charge_point.start()

    async def _send(self, charge_point: ChargePoint) -> None:
        transaction_id = self._payload["transaction_id"]
        while True:
            if not self._go.is_set():
                self._resting += 1
                await self._go.wait()
                self._resting -= 1
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            values = {"timestamp": now, "sampled_value": self._payload["meter_value"][0]["sampled_value"]}
            await charge_point.call(
                call.MeterValues(connector_id=1, transaction_id=transaction_id, meter_value=[values])
            )
            self.messages += 1

    async def run(self) -> dict[str, Any]:
        """Send on every connection."""
        self._go.set()
        return {}

    async def pause(self) -> dict[str, Any]:
        """Send no more, and wait for the last answers."""
        self._go.clear()
        async with asyncio.timeout(60):
            while self._resting < self._count:
                await asyncio.sleep(0.01)
        return {}

    async def stop(self) -> dict[str, Any]:
        """End it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._open.aclose()
        return {}
