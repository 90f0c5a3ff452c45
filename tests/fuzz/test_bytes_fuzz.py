"""Broken WebSocket frames over real sockets, to both sides: the link goes on or closes with a code, and nothing else.

Each case is a few frames with something wrong: reserved bits, opcodes that are none, lengths that lie, masks where none
belong, fragments out of order, control frames that are too long, close frames with bad codes, or noise.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest

from forecourt.runtime.link import Links
from tests.link_peers import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Owner,
    Raw,
    accepted,
    frame,
    raw_station,
    raw_supervision,
)
from tests.supervision_peers import play, running

NO_CODE = 1005
"""The answer to a close frame without a code has none either."""
CODES = {1000, 1002, 1003, 1007, 1009, NO_CODE}
"""What is sent: normal, protocol error, no text, no UTF-8, too big; an 1011 would be an error of our own."""
CASES = 60
GOOD = b'[2,"x","Heartbeat",{}]'
PAYLOADS = (
    b"",
    b"x",
    GOOD,
    b"\xff\xfe",
    b"x" * 126,
    b"\x03\xe8bye",
    b"\x00\x00",
    b"\x03\xed",
    b"\x0b\xb8\xff",
    b"x" * 70_000,
)


def broken(chance: Random, masked: bool) -> bytes:
    """One to three frames, of which any may be wrong."""
    made = bytearray()
    for _ in range(chance.randrange(1, 4)):
        opcode = chance.choice((TEXT, TEXT, TEXT, CONTINUATION, CLOSE, PING, PONG, 0x2, chance.randrange(16)))
        made += frame(
            opcode,
            chance.choice(PAYLOADS),
            fin=chance.random() < 0.8,
            masked=masked if chance.random() < 0.9 else not masked,
            reserved=chance.choice((0, 0, 0, 0, 0x40, 0x20, 0x10)),
        )
    draw = chance.random()
    if draw < 0.2:
        made[chance.randrange(min(len(made), 14))] = chance.randrange(256)
    elif draw < 0.3:
        made = made[: chance.randrange(1, len(made) + 1)]
    elif draw < 0.4:
        made += chance.randbytes(chance.randrange(1, 200))
    return bytes(made)


async def end_of(raw: Raw) -> int | None:
    """The code of the close frame, once the peer of a connection that sends no more has ended it; None without one."""
    if raw.writer.can_write_eof():
        with suppress(OSError):
            raw.writer.write_eof()
    with suppress(asyncio.IncompleteReadError, ConnectionResetError):
        while True:
            first, payload = await raw.frame()
            if first == 0x80 | CLOSE:
                return int.from_bytes(payload[:2], "big") if payload else NO_CODE
    return None


@pytest.mark.parametrize("seed", range(3))
def test_a_supervision_ends_every_broken_connection_and_serves_the_next(seed: int) -> None:
    async def scenario() -> None:
        chance = Random(seed)
        codes: set[int | None] = set()
        async with running() as ours:
            for _ in range(CASES):
                async with raw_station(ours.supervision.ocpp_port, "/FUZZ") as raw:
                    raw.write(broken(chance, masked=True))
                    codes.add(await end_of(raw))
            async with ours.station("FUZZ") as peer:
                assert await peer.ask("Heartbeat", {})
        assert codes <= CODES | {None}, codes
        assert {1002, 1007} <= codes, codes

    play(scenario(), within_s=40.0)


@pytest.mark.parametrize("seed", range(3))
def test_a_station_link_ends_every_broken_connection_with_a_code_and_opens_the_next(seed: int) -> None:
    async def scenario() -> None:
        chance = Random(seed)
        links = Links(close_timeout_s=1.0)
        codes: set[int | None] = set()

        async def behave(raw: Raw) -> None:
            raw.write(accepted(await raw.head()))
            raw.write(broken(chance, masked=False))
            codes.add(await end_of(raw))

        async with raw_supervision(behave) as url:
            for _ in range(CASES):
                owner = Owner()
                links.connect(f"{url}/FUZZ", owner, identity="FUZZ")
                await owner.opened()
                code, reason = await owner.end()
                assert 1000 <= code <= 4999
                assert reason or code in (1000, 1005)
        await links.close()
        assert len(links) == 0
        assert codes <= CODES | {None}, codes
        assert {1002, 1007} <= codes, codes

    play(scenario(), within_s=40.0)


@pytest.mark.parametrize("seed", range(2))
def test_a_supervision_that_is_sent_noise_for_a_handshake_refuses_and_serves_the_next(seed: int) -> None:
    async def scenario() -> None:
        chance = Random(seed)
        upgrade = (
            b"GET /FUZZ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        )
        async with running() as ours:
            for _ in range(CASES):
                head = bytearray(
                    upgrade + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
                )
                for _ in range(chance.randrange(1, 4)):
                    head[chance.randrange(len(head))] = chance.randrange(256)
                async with raw_station(ours.supervision.ocpp_port, upgraded=False) as raw:
                    raw.write(bytes(head) + chance.choice((b"\r\n", b"", b"X: " + b"y" * 20_000 + b"\r\n\r\n")))
                    raw.writer.write_eof()
                    answer = await raw.rest()
                assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.1 101")), answer
            async with ours.station("FUZZ") as peer:
                assert await peer.ask("Heartbeat", {})

    play(scenario(), within_s=40.0)
