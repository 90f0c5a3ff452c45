"""The WebSocket link, for both sides.

Theory of operation
-------------------
`Links` is the link layer of one event loop. It opens links to a supervision (`connect`), lets stations in (`serve`),
and owns what all its links share: one receive buffer, one timer, one TLS context. A `Link` is one connection. It is
asyncio's protocol object itself, with the sans-IO protocol of `websockets` inside, so that an idle link costs no task,
no timer and no buffer of its own. What both sides do is in `websocket.py`, how each connects and shakes hands in
`link_sides.py`, the words of the handshake in `handshake.py`; nothing else knows the WebSocket library.

Bytes come in through `get_buffer`, which hands out the shared buffer, and `buffer_updated`, which copies them into the
library's parser before anything else can run. The buffer is handed out as a memoryview because asyncio's TLS corrupts
what it writes into a bytearray. The library checks framing, masking, sizes and close codes and answers pings; it leaves
to us that text is UTF-8, that a binary message is refused, and that fragments are put together. Its objects that shake
hands keep the other side's headers for ever, so an open link goes on with a bare one: 6 KB become 3.

A link goes through OPENING, OPEN, CLOSING and ENDED, never back. Its owner hears, always from the loop and never from
inside a call of its own: `link_opened`, then frames and pongs, then `link_closed`, once; or only `link_refused`. It
hears `link_closed` as soon as the link is of no more use, which may be before the TCP connection has gone. Nothing
comes after that, and nothing but that after the owner's own `close()` or `abort()`.

Opening and closing are bounded without a timer a link: `Patience` is one heap and one loop timer for all links. Those
still opening after `open_timeout_s` or still closing after `close_timeout_s` are aborted. An owner that cannot wait so
long calls `abort()`.

Writing never blocks. What the peer does not read waits in the transport; `is_congested` says that it is over 64 KiB.
When more than `max_unread` bytes wait and there is more to send, be it only pongs, the link is aborted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidURI
from websockets.uri import WebSocketURI, parse_uri

from forecourt.runtime.handshake import Credentials, Handshake, Refuse, Welcome
from forecourt.runtime.link_owner import ConnectingOwner, LinkOwner
from forecourt.runtime.link_sides import StationLink, SupervisionLink
from forecourt.runtime.patience import Patience
from forecourt.runtime.ports import port_unavailable
from forecourt.runtime.tls import client_context
from forecourt.runtime.websocket import Link

if TYPE_CHECKING:
    import ssl

    from forecourt.runtime.link_sides import Decide

__all__ = [
    "ConnectingOwner",
    "Credentials",
    "Handshake",
    "Link",
    "LinkOwner",
    "Links",
    "Listener",
    "Refuse",
    "Welcome",
]

MAX_SIZE = 2**20
"""The largest message taken, in bytes. A full local list (400 entries) is about 70 KB, a certificate chain 10 KB."""
MAX_UNREAD = 2**20
"""How many bytes may wait for a peer that does not read."""
_BUFFER_SIZE = 2**18
"""As much as asyncio itself takes at once."""
_BACKLOG = 4096
"""Connections that may wait to be accepted: all stations of a fleet come back at once. The system may cut it."""
_NOWHERE = WebSocketURI(False, "", 0, "", "")


class Listener:
    """A port that stations connect to."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.port: int = server.sockets[0].getsockname()[1]
        """The port listened on; a free one was found when 0 was asked for."""

    def close(self) -> None:
        """Let no more stations in; those that are in stay."""
        self._server.close()


class Links:
    """The link layer of one event loop: one receive buffer, one timer and one TLS context for all its links."""

    def __init__(
        self,
        *,
        max_size: int = MAX_SIZE,
        max_unread: int = MAX_UNREAD,
        open_timeout_s: float = 10.0,
        close_timeout_s: float = 10.0,
        certificate_authorities: str | None = None,
    ) -> None:
        """Sizes are in bytes; authorities are PEM, None for those of the system. Must be made while the loop runs."""
        self.max_size = max_size
        self.max_unread = max_unread
        self.open_timeout_s = open_timeout_s
        self.close_timeout_s = close_timeout_s
        self.buffer = memoryview(bytearray(_BUFFER_SIZE))
        self._loop = asyncio.get_running_loop()
        self.patience = Patience(self._loop)
        self._authorities = certificate_authorities
        self._context: ssl.SSLContext | None = None
        self._listeners: list[Listener] = []
        self._live: set[Link] = set()
        self._empty = asyncio.Event()

    def __len__(self) -> int:
        """How many connections there are, opening and closing ones included."""
        return len(self._live)

    def connect(
        self,
        url: str,
        owner: ConnectingOwner,
        *,
        identity: str,
        password: bytes | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Link:
        """Begin to open a link to `url`, the whole address with the percent-encoded identity; returns at once.

        `identity` is the user name for Basic authentication with `password`, and is named in sentences. For wss,
        `context` is the TLS context, or None for the shared one that trusts those authorities.
        The owner hears `link_opened` or `link_refused` from the loop.
        """
        try:
            uri = parse_uri(url)
        except (InvalidURI, ValueError) as error:
            link = StationLink(self, _NOWHERE, owner, identity, None)
            self._loop.call_soon(link.unreached, f"The address {url!r} cannot be used: {error}.")
            return link
        link = StationLink(self, uri, owner, identity, password)
        if uri.secure and context is None:
            context = self._context = self._context or client_context(self._authorities)
        link.begin(self._loop, context if uri.secure else None)
        return link

    async def serve(self, host: str, port: int, decide: Decide, *, context: ssl.SSLContext | None = None) -> Listener:
        """Listen for stations and ask `decide` about each before its upgrade; with `context` over TLS.

        Raises `PortUnavailableError` with a sentence.
        """
        try:
            server = await self._loop.create_server(
                lambda: SupervisionLink(self, decide), host, port, ssl=context, backlog=_BACKLOG
            )
        except OSError as error:
            raise port_unavailable(error, host, port) from error
        listener = Listener(server)
        self._listeners.append(listener)
        return listener

    async def close(self, code: int = 1001, reason: str = "", *, within_s: float = 2.0) -> None:
        """Stop listening, close every link, abort those not done `within_s` seconds, and return when all have ended."""
        for listener in self._listeners:
            listener.close()
        for link in tuple(self._live):
            link.close(code, reason)
        self.patience.after(within_s, self, Links._abort_all)
        while self._live:
            self._empty.clear()
            await self._empty.wait()
        self.patience.stop()

    def _abort_all(self) -> None:
        for link in tuple(self._live):
            link.abort("This side has ended.")

    def remember(self, link: Link) -> None:
        """Count a connection."""
        self._live.add(link)

    def forget(self, link: Link) -> None:
        """A connection has gone."""
        self._live.discard(link)
        if not self._live:
            self._empty.set()
