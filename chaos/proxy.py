"""A TCP proxy on loopback with weather: what a mobile network does to a connection between two processes that live."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

HOST = "127.0.0.1"
CHUNK = 65_536
TRICKLE = 24
"""Bytes that a slow line takes at once."""
TRICKLE_S = 0.005
DELAYS_S = (0.02, 0.25)


class Weather(StrEnum):
    """How the proxy treats what it forwards."""

    CLEAR = "clear"
    DELAY = "delay"
    """Whatever comes waits a while; the order stays."""
    TRICKLE = "trickle"
    """A few bytes at a time."""
    CUT = "cut"
    """Every connection is reset, in the middle of whatever was under way; new ones are let in."""
    HALF_OPEN = "half-open"
    """Every connection stays open and forwards nothing any longer, in neither direction; new ones are let in."""


class Way(StrEnum):
    """A direction."""

    UP = "message up"
    """To the supervision."""
    DOWN = "message down"
    """To the station."""


class _Line:
    """One connection: two sockets and two pumps."""

    def __init__(self, station: asyncio.StreamWriter, central: asyncio.StreamWriter) -> None:
        self.writers = (station, central)
        self.is_dead = False
        """Half-open: whatever comes is swallowed, also the end of the other side."""

    def may_carry(self, writer: asyncio.StreamWriter) -> bool:
        return not self.is_dead and not writer.is_closing()

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class ChaosProxy:
    """Listens on a port of its own and forwards to `target_port`, which may change while it runs."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._awaited: dict[Way, asyncio.Event] = {}
        self.target_port = 0
        self.port = 0
        self.weather = Weather.CLEAR
        self.counts: dict[str, int] = {}
        """How often each weather was set, and how many connections it struck."""

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End every connection."""
        assert self._server is not None, "it was started"
        self._server.close()
        for line in tuple(self._lines):
            line.abort()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def set_weather(self, weather: Weather) -> None:
        """From now on; a cut and a half-open strike the connections there are, and then it is clear."""
        self.counts[weather] = self.counts.get(weather, 0) + 1
        for line in tuple(self._lines):
            if weather is Weather.CUT:
                line.abort()
            elif weather is Weather.HALF_OPEN:
                line.is_dead = True
        self.weather = Weather.CLEAR if weather in (Weather.CUT, Weather.HALF_OPEN) else weather

    async def passing(self, way: Way) -> None:
        """Wait until something goes that way; returns just before it is forwarded."""
        await self._awaited.setdefault(way, asyncio.Event()).wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs it as one"
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond, onward = await asyncio.open_connection(HOST, self.target_port)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(writer, onward)
        self._lines.add(line)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(line, Way.UP, reader, onward))
                pumps.create_task(self._pump(line, Way.DOWN, beyond, writer))
        finally:
            line.abort()
            self._lines.discard(line)

    async def _pump(self, line: _Line, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if (awaited := self._awaited.pop(way, None)) is not None:
                    awaited.set()
                if not line.is_dead:
                    await self._carry(line, data, writer)
        if not line.is_dead:
            line.abort()

    async def _carry(self, line: _Line, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self.weather is Weather.DELAY:
            await asyncio.sleep(self._chance.uniform(*DELAYS_S))
        elif self.weather is Weather.TRICKLE:
            for start in range(0, len(data) - TRICKLE, TRICKLE):
                if line.may_carry(writer):
                    writer.write(data[start : start + TRICKLE])
                    await asyncio.sleep(TRICKLE_S)
            data = data[(len(data) - 1) // TRICKLE * TRICKLE :]
        if line.may_carry(writer):
            writer.write(data)
            await writer.drain()
