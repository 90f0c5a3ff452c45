"""What a WebSocket carries between the halves, as a library of others sees it: text messages of JSON in UTF-8."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import websockets
from websockets.typing import Subprotocol

from forecourt.ocpp.core import DataTransferRequest, GetConfigurationRequest
from forecourt.supervision.server import Supervision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.server import ServerConnection

SUBPROTOCOLS = [Subprotocol("ocpp1.6")]
FOREIGN = "caf\u00e9 \u5145\u96fb \U0001f50c"
"""Letters of two, three and four bytes."""


def _check(messages: list[str | bytes]) -> list[list[Any]]:
    """The frames, each of which came as one text message (a library gives bytes for a binary one)."""
    frames = []
    for message in messages:
        assert isinstance(message, str), f"a binary message came: {message!r}"
        frame = json.loads(message)
        assert isinstance(frame, list)
        assert frame[0] in (2, 3, 4)
        frames.append(frame)
    return frames


@pytest.mark.requirement("J-4.1.2-1")
def test_station_sends_nothing_but_text_of_json(
    station_at: Callable[[str], Any], until: Callable[[Callable[[], object]], Awaitable[None]]
) -> None:
    """Boot, statuses, a badge, a session, an answer and an error, to a server of the package `websockets`."""
    came: list[str | bytes] = []

    def answer(frame: list[Any]) -> str:
        info = {"idTagInfo": {"status": "Accepted"}}
        now = datetime.now(UTC).isoformat()
        payloads: dict[str, dict[str, Any]] = {
            "BootNotification": {"status": "Accepted", "currentTime": now, "interval": 300},
            "Heartbeat": {"currentTime": now},
            "Authorize": info,
            "StartTransaction": {"transactionId": 1, **info},
        }
        return json.dumps([3, frame[1], payloads.get(frame[2], {})])

    async def serve(connection: ServerConnection) -> None:
        await connection.send(json.dumps([2, "a", "ChangeConfiguration", {"key": "QRcode1", "value": FOREIGN}]))
        await connection.send(json.dumps([2, "b", "GetConfiguration", {"key": ["QRcode1"]}], ensure_ascii=False))
        await connection.send(json.dumps([2, "c", FOREIGN, {}], ensure_ascii=False))
        async for message in connection:
            came.append(message)
            frame = json.loads(message)
            if frame[0] == 2:
                await connection.send(answer(frame))

    def actions() -> list[str]:
        return [frame[2] for frame in map(json.loads, came) if frame[0] == 2]

    async def charge() -> None:
        async with (
            websockets.serve(serve, "127.0.0.1", 0, subprotocols=SUBPROTOCOLS) as server,
            station_at(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as station,
        ):
            await until(lambda: actions().count("StatusNotification") >= 3)
            station.plug()
            station.badge("AB12")
            await until(lambda: "MeterValues" in actions())
            station.unplug()
            await until(lambda: "StopTransaction" in actions())

    asyncio.run(charge())
    frames = {frame[1]: frame for frame in _check(came)}
    assert frames["a"] == [3, "a", {"status": "Accepted"}]
    assert frames["b"][2]["configurationKey"][0]["value"] == FOREIGN
    assert frames["c"][:3] == [4, "c", "NotImplemented"]
    assert FOREIGN in frames["c"][3]


@pytest.mark.requirement("J-4.1.2-1")
def test_supervision_sends_nothing_but_text_of_json() -> None:
    """An answer, an error and two commands, to a client of the package `websockets`."""
    came: list[str | bytes] = []

    async def talk() -> None:
        supervision = Supervision(ocpp_port=0, http_port=0)
        await supervision.start()
        try:
            url = f"ws://127.0.0.1:{supervision.ocpp_port}/CP%203"
            async with websockets.connect(url, subprotocols=SUBPROTOCOLS) as connection:
                boot = {"chargePointVendor": FOREIGN, "chargePointModel": "EVD1S180THB"}
                for frame in ([2, "a", "BootNotification", boot], [2, "b", FOREIGN, {}]):
                    await connection.send(json.dumps(frame, ensure_ascii=False))
                    came.append(await connection.recv())
                for request in (DataTransferRequest(vendorId="v", data=FOREIGN), GetConfigurationRequest()):
                    command = asyncio.create_task(supervision.command("CP 3", request, supervision.new_command_id()))
                    came.append(await connection.recv())
                    sent = json.loads(came[-1])
                    await connection.send(json.dumps([4, sent[1], "GenericError", FOREIGN, {}], ensure_ascii=False))
                    await command
        finally:
            await supervision.stop()

    asyncio.run(asyncio.wait_for(talk(), 20))
    frames = _check(came)
    assert [frame[0] for frame in frames] == [3, 4, 2, 2]
    assert FOREIGN in frames[1][3]
    assert frames[2][3]["data"] == FOREIGN
