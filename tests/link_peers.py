"""Whom the tests of the link talk to: owners that remember, and peers made of bytes."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from websockets.utils import accept_key

from forecourt.ocpp.address import SUBPROTOCOL
from forecourt.runtime.link import Handshake, Link, Links, Welcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
OFFER = "Sec-WebSocket-Protocol: ocpp1.6\r\n"


class Owner:
    """Remembers what a link tells, and lets a test wait for it."""

    def __init__(self, answer: Callable[[Link, bytes], None] | None = None) -> None:
        self.link: Link | None = None
        self.frames: list[bytes] = []
        self.pongs = 0
        self.refused: tuple[str, int | None] | None = None
        self.closed: tuple[int, str] | None = None
        self._answer = answer
        self._changed = asyncio.Event()

    def link_opened(self, link: Link) -> None:
        assert self.link is None
        self.link = link
        self._changed.set()

    def link_refused(self, link: Link, reason: str, http_status: int | None) -> None:
        assert self.refused is None
        assert not link.is_open
        self.refused = (reason, http_status)
        self._changed.set()

    def frame_received(self, link: Link, frame: bytes) -> None:
        assert link is self.link
        assert self.closed is None
        self.frames.append(frame)
        if self._answer is not None:
            self._answer(link, frame)
        self._changed.set()

    def pong_received(self, link: Link) -> None:
        assert link is self.link
        self.pongs += 1
        self._changed.set()

    def link_closed(self, link: Link, code: int, reason: str) -> None:
        assert link is self.link
        assert self.closed is None
        assert not link.is_open
        self.closed = (code, reason)
        self._changed.set()

    async def until(self, condition: Callable[[Owner], object]) -> None:
        """Wait for the condition; the test's time limit bounds it."""
        while not condition(self):
            self._changed.clear()
            await self._changed.wait()

    async def opened(self) -> Link:
        await self.until(lambda owner: owner.link or owner.refused)
        assert self.refused is None, self.refused
        assert self.link is not None
        return self.link

    async def refusal(self) -> tuple[str, int | None]:
        await self.until(lambda owner: owner.link or owner.refused)
        assert self.refused is not None, "the link opened"
        return self.refused

    async def end(self) -> tuple[int, str]:
        await self.until(lambda owner: owner.closed)
        assert self.closed is not None
        return self.closed


class Raw:
    """A peer that writes and reads bytes as a test wants them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> str:
        return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def frame(self) -> tuple[int, bytes]:
        """The opcode, with the FIN bit, and the payload of the next frame; unmasks it."""
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        mask = await self.reader.readexactly(4) if second & 0x80 else bytes(4)
        payload = await self.reader.readexactly(length)
        return first, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))

    async def close_code(self) -> int:
        """Read up to the close frame; its code."""
        while True:
            first, payload = await self.frame()
            if first == 0x80 | CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def rest(self) -> bytes:
        """Everything up to the end of the connection, be it a clean one or a reset."""
        data = b""
        with suppress(ConnectionResetError):
            while more := await self.reader.read(65536):
                data += more
        return data


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A frame; the mask is all zeros, so the payload shows as it is."""
    first = (0x80 if fin else 0) | reserved | opcode
    mask_bit = 0x80 if masked else 0
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", first, mask_bit | length)
    elif length < 65536:
        head = struct.pack("!BBH", first, mask_bit | 126, length)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, length)
    return head + (bytes(4) if masked else b"") + payload


def welcome_into(owners: list[Owner], answer: Callable[[Link, bytes], None] | None = None) -> Callable[[Any], Welcome]:
    def decide(_handshake: Handshake) -> Welcome:
        owners.append(Owner(answer))
        return Welcome(owners[-1])

    return decide


def echo(link: Link, data: bytes) -> None:
    link.send(data)


@asynccontextmanager
async def raw_station(port: int, path: str = "/CP1", more: str = OFFER, *, upgraded: bool = True) -> AsyncIterator[Raw]:
    """A station made of bytes, after its upgrade unless told otherwise."""
    raw = Raw(*await asyncio.open_connection("127.0.0.1", port))
    raw.write(UPGRADE.format(path=path, more=more).encode())
    if upgraded:
        assert (await raw.head()).startswith("HTTP/1.1 101 ")
    yield raw
    raw.writer.close()


@asynccontextmanager
async def raw_supervision(behave: Callable[[Raw], Coroutine[Any, Any, None]]) -> AsyncIterator[str]:
    """A server made of bytes; gives its endpoint address."""
    failures: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(Raw(reader, writer))
        except BaseException as failure:
            failures.append(failure)
            raise
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    assert not failures


def accepted(request: str, subprotocol: str | None = SUBPROTOCOL) -> bytes:
    """The answer that opens a WebSocket."""
    key = next(line.split(": ")[1] for line in request.splitlines() if line.lower().startswith("sec-websocket-key"))
    chosen = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{chosen}\r\n"
    ).encode()


@asynccontextmanager
async def pair(links: Links, answer: Callable[[Link, bytes], None] | None = None) -> AsyncIterator[tuple[Owner, Owner]]:
    """An open link: the station's owner and the supervision's."""
    owners: list[Owner] = []
    listener = await links.serve("127.0.0.1", 0, welcome_into(owners, answer))
    station = Owner()
    links.connect(f"ws://127.0.0.1:{listener.port}/CP1", station, identity="CP1")
    await station.opened()
    yield station, owners[0]
    listener.close()
    await links.close()
