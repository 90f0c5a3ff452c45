"""uvicorn in an event loop that belongs to somebody else: no signal handlers, a bounded end, a sentence for a port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from forecourt.runtime.ports import port_unavailable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from litestar.types import ASGIApp

STOP_S = 2.0
"""How long open requests may take to end."""


REQUEST_S = 10.0
"""How long the head of a request may take, and how often it is looked whether a body goes on."""
LEAST_BYTES_A_S = 1024
"""How fast a body must come."""


class _Patient(H11Protocol):
    """HTTP for peers that send what they have begun: uvicorn by itself waits for ever for the rest of a request.

    The head has `REQUEST_S` from the connection, or from its first byte on one that is kept; uvicorn bounds the wait
    between requests and the size of a head. What comes too slowly is cut off.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch: asyncio.TimerHandle | None = None
        self._begin()

    def data_received(self, data: bytes) -> None:
        self._go_on()
        self._received += len(data)
        super().data_received(data)
        if self.conn.their_state not in _UNFINISHED:
            self._rest()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:  # of a request that came together with the one before it
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def _go_on(self) -> None:
        if self._watch is None and self.conn.their_state in _UNFINISHED:
            self._begin()

    def _begin(self) -> None:
        self._since = self.loop.time()
        self._received = 0
        self._watch = self.loop.call_later(REQUEST_S, self._look)

    def _rest(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = None

    def _look(self) -> None:
        """Time is up for the head; a body may go on while it comes fast enough, or while nobody here takes it."""
        fast = self._received >= LEAST_BYTES_A_S * (self.loop.time() - self._since)
        if self.conn.their_state is h11.SEND_BODY and (fast or self.flow.read_paused):
            self._watch = self.loop.call_later(REQUEST_S, self._look)
        else:
            self.transport.abort()


_UNFINISHED = (h11.IDLE, h11.SEND_BODY)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class ApiServer:
    """An HTTP server for one application. `start` raises `PortUnavailableError` with a sentence."""

    def __init__(self, app: ASGIApp, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """`tls` makes it a server of HTTPS."""
        self._app = app
        self._host = host
        self._tls = tls
        self.port = port
        """The port; the one found when 0 was asked for, once started."""

    async def start(self) -> None:
        """Listen, and return when requests are answered."""
        listening = listen(self._host, self.port)
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            http=_Patient,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=int(STOP_S),
        )
        config.load()
        config.ssl = self._tls  # uvicorn would make a context of files; ours is renewed while it is in use
        self._server = _Server(config)
        self._task = asyncio.get_running_loop().create_task(self._server.serve([listening]))
        await self._server.ready.wait()

    async def stop(self) -> None:
        """End open requests and close the port, in a few seconds at most."""
        self._server.should_exit = True
        _, running = await asyncio.wait([self._task], timeout=2 * STOP_S)
        if running:
            self._server.force_exit = True
        await self._task


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `PortUnavailableError` with a sentence that names the port."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as fault:
        listening.close()
        raise port_unavailable(fault, host, port) from fault
    return listening
