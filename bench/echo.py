"""The bare echo: the same bytes over the product's own link file, and nothing else on either side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bench.role import Role
from forecourt.runtime.link import Links, Welcome

if TYPE_CHECKING:
    from forecourt.runtime.link import Handshake, Link

AT_ONCE = 100


class Answering:
    """The server's end of a link: the same answer to everything."""

    def __init__(self, server: EchoServer) -> None:
        self._server = server
        self._answer = server.answer

    def link_opened(self, link: Link) -> None:
        """Nothing to do."""

    def frame_received(self, link: Link, frame: bytes) -> None:
        """Answer."""
        self._server.messages += 1
        link.send(self._answer)

    def pong_received(self, link: Link) -> None:
        """Nothing to do."""

    def link_closed(self, link: Link, code: int, reason: str) -> None:
        """Nothing to do."""


class EchoServer(Role):
    """Answers every frame with the bytes of an empty CALLRESULT."""

    def __init__(self, answer: str) -> None:
        self.answer = answer.encode()
        self.messages = 0
        self._links = Links()

    async def start(self) -> dict[str, Any]:
        """Listen."""
        listener = await self._links.serve("127.0.0.1", 0, self._decide)
        return {"url": f"ws://127.0.0.1:{listener.port}"}

    def _decide(self, handshake: Handshake) -> Welcome:
        return Welcome(Answering(self))

    async def stop(self) -> dict[str, Any]:
        """End it."""
        await self._links.close()
        return {}


class Calling:
    """The client's end of a link: sends again when the answer came."""

    def __init__(self, client: EchoClient) -> None:
        self._client = client
        self._frame = client.frame
        self.link: Link | None = None

    def link_opened(self, link: Link) -> None:
        """Connected."""
        self.link = link

    def link_refused(self, link: Link, reason: str, http_status: int | None) -> None:
        """Cannot be."""
        raise AssertionError(reason)

    def frame_received(self, link: Link, frame: bytes) -> None:
        """The answer."""
        client = self._client
        client.messages += 1
        if client.is_running:
            link.send(self._frame)
        else:
            client.under_way -= 1

    def pong_received(self, link: Link) -> None:
        """Nothing to do."""

    def link_closed(self, link: Link, code: int, reason: str) -> None:
        """Nothing to do."""


class EchoClient(Role):
    """Sends one frame a link, and the next when the answer came."""

    def __init__(self, url: str, count: int, frame: str) -> None:
        self.frame = frame.encode()
        self.messages = 0
        self.under_way = 0
        self.is_running = False
        self._url = url
        self._links = Links()
        self._callers = [Calling(self) for _ in range(count)]

    async def start(self) -> dict[str, Any]:
        """Connect."""
        for number, caller in enumerate(self._callers):
            self._links.connect(f"{self._url}/EVLINK-{number:05d}", caller, identity=f"EVLINK-{number:05d}")
            if number % AT_ONCE == AT_ONCE - 1:
                await self._connected(number + 1)
        await self._connected(len(self._callers))
        return {}

    async def _connected(self, count: int) -> None:
        async with asyncio.timeout(60):
            while any(caller.link is None for caller in self._callers[:count]):
                await asyncio.sleep(0.01)

    async def run(self) -> dict[str, Any]:
        """Send on every link."""
        self.is_running = True
        self.under_way = len(self._callers)
        for caller in self._callers:
            assert caller.link is not None, "all are connected"
            caller.link.send(self.frame)
        return {}

    async def pause(self) -> dict[str, Any]:
        """Send no more, and wait for the last answers."""
        self.is_running = False
        async with asyncio.timeout(60):
            while self.under_way:
                await asyncio.sleep(0.01)
        return {}

    async def stop(self) -> dict[str, Any]:
        """End it."""
        await self._links.close()
        return {}
