"""Whatever arrives, the supervision answers or closes; nothing else.

Once the core alone at many frames a second, and once all of it, with sockets, the database and the API: what was
accepted must be stored, and what is stored must be shown.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from forecourt.ocpp.actions import ACTIONS, Sender
from forecourt.ocpp.errors import ErrorCode, PayloadFault
from forecourt.supervision.memory import MemoryStore
from forecourt.supervision.tabletop import IDENTITY, Tabletop
from tests.fuzz.frames import BOMBS, URLS, Frames
from tests.supervision_peers import BOOT, Running, play, running

OF_STATION = [name for name, action in ACTIONS.items() if action.sender is not Sender.CENTRAL_SYSTEM]
OF_CENTRAL = [name for name, action in ACTIONS.items() if action.sender is not Sender.STATION]
KNOWN: dict[str, Any] = {
    "connectorId": (0, 1, 2, 3, -1, 2**31),
    "idTag": ("TAG", "tag", "ONE", ""),
    "transactionId": (1, 2, 3, 4, 5, -1, 0, 2**63 - 1),
    "meterStart": (0, 100, 2**31, 2**63 - 1, -1),
    "meterStop": (0, 100, 2**31, 2**63 - 1, -1),
    "value": ("0", "1.5", "1e3", "-0", "NaN", "inf", "1e999", "", "x", "9" * 400, "\u0000", "0x10", "1_000"),
    "vendorErrorCode": ("0x100205", "0x", "", "x"),
    "uri": URLS,
}
SHOWN = ("", "/statuses", "/errors", "/messages", "/notices", "/commands")


def read(answer: bytes | str, action: str) -> None:
    """Raises for an answer that no station could read."""
    kind, _, *rest = json.loads(answer)
    if kind == 3:
        ACTIONS[action].decode_response(json.dumps(rest[0]).encode())
    else:
        assert kind == 4
        ErrorCode(rest[0])
        assert len(rest[1]) <= 255


@pytest.mark.parametrize("seed", range(4))
def test_the_core_answers_every_call_once_and_takes_sessions_afterwards(seed: int) -> None:
    chance = Random(seed)
    frames = Frames(chance, KNOWN)
    table = Tabletop(wire_log=True)
    link = table.boot()
    for _ in range(800):
        draw = chance.random()
        if draw < 0.8:
            sent = frames.call(OF_STATION if draw < 0.75 else OF_CENTRAL)
            answers = [frame for frame in table.receive(sent.data, link) if frame[0] in (3, 4)]
            assert [frame[1] for frame in answers] == [sent.call_id], sent.data
            read(json.dumps(answers[0]), sent.action)
        elif draw < 0.88:
            answers = [frame for frame in table.receive(frames.no_frame(), link) if frame[0] in (3, 4)]
            assert len(answers) <= 1
        elif draw < 0.96:
            table.command(frames_request(frames, chance))
            if calls := table.calls(link):
                table.receive(frames.answer(calls[-1][1], calls[-1][2]), link)
        elif draw < 0.98:
            table.wait(31.0)
        else:
            table.disconnect(link)
            link = table.connect()
    table.disconnect(link)
    link = table.boot()
    started = table.result("StartTransaction", start("AFTER"), link)
    table.result("StopTransaction", {**stop(started["transactionId"])}, link)
    table.restart()
    assert table.core.view(IDENTITY) is not None


def frames_request(frames: Frames, chance: Random) -> Any:
    """A request that the operator gives, as far as it can be read."""
    while True:
        action = ACTIONS[chance.choice(OF_CENTRAL)]
        with suppress(PayloadFault):  # such as a list of profiles that contradict each other
            return action.decode_request(json.dumps(frames.payload(action.request)).encode())


def start(id_tag: str) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": id_tag, "meterStart": 5, "timestamp": "2026-03-02T10:00:00Z"}


def stop(transaction_id: int) -> dict[str, Any]:
    return {"transactionId": transaction_id, "meterStop": 9, "timestamp": "2026-03-02T11:00:00Z", "reason": "Local"}


@pytest.mark.parametrize("bomb", BOMBS)
def test_the_core_takes_a_bomb_and_answers_the_next_call(bomb: str) -> None:
    table = Tabletop()
    link = table.boot()
    answers = table.receive(BOMBS[bomb], link)
    assert len(answers) <= 1
    assert all(frame[0] in (3, 4) for frame in answers)
    assert table.result("Heartbeat", {}, link)


def test_the_core_grows_no_further_however_much_nonsense_comes() -> None:
    """The third thousand frames need no more memory than the second."""
    table = Tabletop()
    link = table.boot()
    frames = Frames(Random(1), KNOWN)
    sizes = []
    for _ in range(3):
        for _ in range(1000):
            table.receive(frames.call(OF_STATION).data, link)
            table.frames[link].clear()
            table.effects.clear()
            table.store = MemoryStore()
        gc.collect()  # what waits for the collector has not grown
        if not tracemalloc.is_tracing():
            tracemalloc.start()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[2] - sizes[1] < 200_000, sizes


class FuzzedPeer:
    """A station made of nonsense over a real WebSocket."""

    def __init__(self, ours: Running, seed: int) -> None:
        self.url = f"ws://127.0.0.1:{ours.supervision.ocpp_port}/FUZZ"
        self.chance = Random(seed)
        self.frames = Frames(self.chance, KNOWN)

    async def session(self, count: int) -> None:
        """Boot, send so many CALLs, wait for the last answer. Now and then no frame or a bomb in between."""
        async with connect(self.url, subprotocols=[Subprotocol("ocpp1.6")], max_size=None) as socket:
            await socket.send(json.dumps([2, self.frames.next_id("boot"), "BootNotification", BOOT]))
            owed: dict[str, str] = {}
            for _ in range(count):
                sent = self.frames.call(OF_STATION)
                owed[sent.call_id] = sent.action
                await socket.send(sent.data, text=True)
                if self.chance.random() < 0.1:
                    await self.send_text(socket, self.frames.no_frame())
                if self.chance.random() < 0.05:
                    await self.send_text(socket, self.chance.choice(list(BOMBS.values())))
            while owed:
                text = await socket.recv(decode=False)
                kind, message_id, *_ = json.loads(text)
                if kind == 2:
                    await socket.send(self.frames.answer(message_id, json.loads(text)[2]), text=True)
                elif message_id in owed:
                    read(text, owed.pop(message_id))

    async def send_text(self, socket: Any, data: bytes) -> None:
        """What is no UTF-8 would rightly close the connection; that is tested below."""
        if not not_utf8(data):
            await socket.send(data, text=True)


def test_what_nonsense_leaves_in_the_database_can_be_shown_and_outlives_a_restart(tmp_path: Any) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path) as ours:
            for seed in range(3):
                await FuzzedPeer(ours, seed).session(200)
            await show_all(ours)
        async with running(data=tmp_path) as ours:
            await show_all(ours)
            async with ours.station("FUZZ") as peer:
                number = await peer.start(idTag="AFTER", connectorId=2)
                await peer.ask("StopTransaction", {**stop(number), "meterStop": 2000})
            row = await ours.get(f"/api/transactions/{number}")
            assert (row["idTag"], row["open"], row["meterStop"]) == ("AFTER", False, 2000)

    play(scenario(), within_s=60.0)


async def show_all(ours: Running) -> None:
    """Every reading about the station; each must be a 200."""
    for path in SHOWN:
        await ours.get(f"/api/stations/FUZZ{path}", **({} if path == "" else {"limit": 1000}))
    await ours.get("/api/orphan-stops", limit=1000)
    for row in await ours.get("/api/transactions", limit=1000):
        await ours.get(f"/api/transactions/{row['transactionId']}")
        await ours.get(f"/api/transactions/{row['transactionId']}/meter-values")


def test_a_running_supervision_answers_or_closes_after_a_bomb_and_serves_on() -> None:
    async def scenario() -> None:
        async with running() as ours:
            for what, bomb in BOMBS.items():
                code = await drop(ours, bomb)
                assert code in (None, 1007), what
                assert (code == 1007) is not_utf8(bomb), what
            async with ours.station("FUZZ") as peer:
                assert await peer.ask("Heartbeat", {})
            await ours.get("/api/stations/FUZZ/messages", limit=1000)

    play(scenario(), within_s=60.0)


async def drop(ours: Running, bomb: bytes) -> int | None:
    """Send a bomb and then a Heartbeat: None when that is answered, the code when the connection was closed."""
    url = f"ws://127.0.0.1:{ours.supervision.ocpp_port}/FUZZ"
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as socket:
        await socket.send(json.dumps([2, "boot", "BootNotification", BOOT]))
        await socket.recv()
        with suppress(ConnectionClosed):
            await socket.send(bomb, text=True)
            await socket.send('[2,"next","Heartbeat",{}]')
            while json.loads(await socket.recv())[1] != "next":
                pass
            return None
        return socket.close_code


def not_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def test_a_frame_of_ten_megabytes_closes_with_1009_and_the_station_may_come_back() -> None:
    async def scenario() -> None:
        async with running() as ours:
            url = f"ws://127.0.0.1:{ours.supervision.ocpp_port}/FUZZ"
            async with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as socket:
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.gather(socket.send("[" + " " * 10_000_000), socket.recv())
                assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
            async with ours.station("FUZZ") as peer:
                assert await peer.ask("Heartbeat", {})

    play(scenario())
