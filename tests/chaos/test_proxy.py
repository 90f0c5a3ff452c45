"""The proxy of the chaos harness makes the weather that it is told to make."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from chaos.proxy import ChaosProxy, Way, Weather

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

MESSAGE = b"0123456789" * 30


def play(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await scenario

    asyncio.run(bounded())


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end of the connection, be it a clean one or a reset."""
    data = b""
    with suppress(ConnectionResetError):
        while more := await reader.read(1000):
            data += more
    return data


class Peer:
    """A client and the echo behind the proxy."""

    def __init__(self, proxy: ChaosProxy) -> None:
        self.proxy = proxy
        self.reached = asyncio.Event()

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached.set()
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.proxy.port)


@asynccontextmanager
async def proxied() -> AsyncIterator[Peer]:
    proxy = ChaosProxy(Random(1))
    peer = Peer(proxy)
    server = await asyncio.start_server(peer.echo, "127.0.0.1", 0)
    await proxy.start()
    proxy.target_port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        await proxy.stop()
        server.close()


@pytest.mark.parametrize("weather", [Weather.CLEAR, Weather.DELAY, Weather.TRICKLE])
def test_bytes_arrive_whole_and_in_order_in_any_weather(weather: Weather) -> None:
    async def scenario() -> None:
        async with proxied() as peer:
            peer.proxy.set_weather(weather)
            reader, writer = await peer.connect()
            writer.write(MESSAGE)
            writer.write(MESSAGE)
            assert await reader.readexactly(600) == 2 * MESSAGE
            writer.close()

    play(scenario())


def test_a_cut_ends_connections_and_lets_new_ones_in() -> None:
    async def scenario() -> None:
        async with proxied() as peer:
            reader, writer = await peer.connect()
            await peer.reached.wait()
            peer.proxy.set_weather(Weather.CUT)
            assert await rest(reader) == b""
            writer.close()
            reader, writer = await peer.connect()
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            writer.close()

    play(scenario())


def test_a_half_open_connection_stays_and_carries_nothing_while_new_ones_do() -> None:
    async def scenario() -> None:
        async with proxied() as peer:
            old_reader, old_writer = await peer.connect()
            await peer.reached.wait()
            peer.proxy.set_weather(Weather.HALF_OPEN)
            old_writer.write(b"lost")
            reader, writer = await peer.connect()
            writer.write(b"new")
            assert await reader.readexactly(3) == b"new"
            assert not old_reader.at_eof()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(old_reader.read(1), 0.05)
            old_writer.close()
            writer.close()

    play(scenario())


def test_whoever_waits_for_a_message_is_told_when_one_goes_that_way() -> None:
    async def scenario() -> None:
        async with proxied() as peer:
            reader, writer = await peer.connect()
            waiting = [asyncio.ensure_future(peer.proxy.passing(way)) for way in Way]
            await peer.reached.wait()
            assert not any(future.done() for future in waiting)
            writer.write(b"x")
            await asyncio.gather(*waiting)
            assert await reader.readexactly(1) == b"x"
            writer.close()

    play(scenario())


def test_a_connection_to_nobody_is_ended() -> None:
    async def scenario() -> None:
        proxy = ChaosProxy(Random(1))
        await proxy.start()
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        proxy.target_port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await rest(reader) == b""
        writer.close()
        await proxy.stop()

    play(scenario())
