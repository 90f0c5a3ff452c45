"""The WebSocket link, for both sides: the one file that knows the WebSocket library.

Theory of operation
-------------------
`Links` is the link layer of one event loop. It opens links to a supervision (`connect`), lets stations in (`serve`),
and owns what all its links share: one receive buffer, one timer, one TLS context. A `Link` is one connection. It is
asyncio's protocol object itself, with the sans-IO protocol of `websockets` inside, so that an idle link costs no task,
no timer and no buffer of its own.

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
import socket
import ssl
from enum import IntEnum
from types import GeneratorType
from typing import TYPE_CHECKING, TypeAlias, cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidURI, PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from forecourt.ocpp.address import SUBPROTOCOL, AddressError, basic_authorization
from forecourt.runtime.handshake import (
    Credentials,
    Handshake,
    Refuse,
    Welcome,
    read_handshake,
    why_gone,
    why_no_subprotocol,
    why_not_upgraded,
    why_unreachable,
)
from forecourt.runtime.link_owner import ConnectingOwner, LinkOwner
from forecourt.runtime.patience import Patience
from forecourt.runtime.ports import host_and_port, port_unavailable
from forecourt.runtime.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from websockets.http11 import Request, Response

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
CONGESTED = 2**16
_BUFFER_SIZE = 2**18
_BACKLOG = 4096
_NOWHERE = WebSocketURI(False, "", 0, "", "")


Decide: TypeAlias = "Callable[[Handshake], Welcome | Refuse]"
"""What a server is asked before each upgrade; it must not block."""


class _Stage(IntEnum):
    OPENING = 0
    OPEN = 1
    CLOSING = 2
    ENDED = 3


OPENING, OPEN, CLOSING, ENDED = _Stage


class Link(asyncio.BufferedProtocol):
    """One WebSocket. Made by `Links`; the theory is at the top of the file."""

    __slots__ = (
        "_links",
        "_owner",
        "_partial",
        "_pings",
        "_pong_due",
        "_protocol",
        "_stage",
        "_transport",
        "_why",
        "is_congested",
    )

    def __init__(self, links: Links, protocol: Protocol, owner: LinkOwner | None) -> None:
        self._links = links
        self._protocol = protocol
        self._owner = owner  # None before a server has decided and after the end was told
        self._transport: asyncio.Transport | None = None
        self._stage = OPENING
        self._partial: bytearray | None = None
        self._pings = 0
        self._pong_due = False
        self._why = ""  # of an abort
        self.is_congested = False

    # What the owner calls.

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent: it has opened, and neither side has begun to close."""
        return self._stage is OPEN and self._protocol.state is State.OPEN

    @property
    def remote(self) -> str:
        """The peer's `address:port`; empty when there is no connection."""
        return _address(self._transport)

    @property
    def unread(self) -> int:
        """How many bytes wait here for the peer to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, frame: bytes) -> None:
        """Send one text message, given as UTF-8. On a link that is not open it is lost; `link_closed` tells."""
        if self._stage is OPEN and self._protocol.state is State.OPEN:
            self._protocol.send_text(frame)
            self._flush()

    def ping(self) -> None:
        """Send a ping; `pong_received` tells when it is answered. Only the latest ping counts."""
        if self.is_open:
            self._pings = (self._pings + 1) & 0xFFFFFFFF
            self._pong_due = True
            self._protocol.send_ping(self._pings.to_bytes(4, "big"))
            self._flush()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close after what was sent before. Ends by itself, at the latest when `close_timeout_s` has passed.

        `code` is one that RFC 6455 lets be sent; of `reason` up to 123 bytes are sent. While opening, this is `abort`.
        """
        if self._stage is OPENING:
            self.abort(reason)
        elif self._stage is OPEN:
            self._begin_closing()
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(code, _short(reason))
                self._flush()

    def abort(self, reason: str = "") -> None:
        """Drop the connection at once, without a close frame and without what still waits to be sent.

        `reason` is the sentence that comes back with `link_closed` (1006) or `link_refused`.
        """
        if self._stage is not ENDED and not self._why:
            self._why = reason or "The connection was given up on this side."
            if self._stage is OPEN:
                self._stage = CLOSING
            self._drop()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(CONGESTED)
        if self._why:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._links.buffer

    def buffer_updated(self, nbytes: int) -> None:
        protocol = self._protocol
        protocol.receive_data(bytes(self._links.buffer[:nbytes]))
        events = protocol.events_received()
        if protocol.writes:
            self._flush()
        for event in events:
            if type(event) is Frame:
                self._take(event)
            else:
                self._shake_hands(cast("Request | Response", event))
        if protocol.parser_exc is not None:
            self._give_up(protocol.parser_exc)
        elif protocol.handshake_exc is not None and self._stage is OPENING:
            self._not_opened(None)

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        protocol = self._protocol
        protocol.receive_eof()
        protocol.parser.close()  # its frame refers to the protocol that refers to it
        was_opening = self._stage is OPENING
        self._stage = ENDED
        self._transport = None
        self._links.forget(self)
        if was_opening:
            self._not_opened(exc)
        elif self._why:
            self._tell_closed(1006, self._why)
        elif exc is not None:
            self._tell_closed(1006, f"The connection broke: {exc}.")
        else:
            self._tell_closed(1006, "The peer ended the connection without closing.")

    def pause_writing(self) -> None:
        self.is_congested = True

    def resume_writing(self) -> None:
        self.is_congested = False

    # What the two sides do in their own way.

    def _shake_hands(self, event: Request | Response) -> None:
        """Go on after the peer's half of the handshake."""
        raise NotImplementedError

    def _not_opened(self, error: Exception | None) -> None:
        """The handshake has failed for lack of a half that can be read."""
        raise NotImplementedError

    def _drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # Within.

    def _take(self, frame: Frame) -> None:
        opcode = frame.opcode
        if self._stage is not OPEN and opcode is not Opcode.CLOSE:
            return
        if opcode is Opcode.TEXT and frame.fin:
            self._deliver(bytes(frame.data))
        elif opcode is Opcode.TEXT:
            self._partial = bytearray(frame.data)
        elif opcode is Opcode.CONT:
            assert self._partial is not None, "the library lets no continuation through without a beginning"
            self._partial += frame.data
            if frame.fin:
                whole, self._partial = bytes(self._partial), None
                self._deliver(whole)
        elif opcode is Opcode.BINARY:
            self._fail(1003, "OCPP messages are text, and a binary message came.")
        elif opcode is Opcode.PONG:
            if self._pong_due and frame.data == self._pings.to_bytes(4, "big"):
                self._pong_due = False
                assert self._owner is not None, "an open link has an owner"
                self._owner.pong_received(self)
        elif opcode is Opcode.CLOSE:
            self._peer_closes()

    def _deliver(self, frame: bytes) -> None:
        if not frame.isascii():
            try:
                frame.decode()
            except UnicodeDecodeError as error:
                self._fail(1007, f"A text message is UTF-8, and one came that is not at byte {error.start}.")
                return
        assert self._owner is not None, "an open link has an owner"
        self._owner.frame_received(self, frame)

    def _peer_closes(self) -> None:
        protocol = self._protocol
        first = protocol.close_rcvd if protocol.close_rcvd_then_sent else protocol.close_sent
        assert first is not None, "a close frame was received, and perhaps one sent before"
        self._begin_closing()
        self._tell_closed(first.code, first.reason)

    def _fail(self, code: int, reason: str) -> None:
        """Close because of what the peer sent, and listen to it no longer."""
        self._begin_closing()
        self._protocol.fail(code, _short(reason))
        self._flush()
        self._tell_closed(code, reason)

    def _give_up(self, error: Exception) -> None:
        """The library has failed the connection, and sent the close frame for it."""
        sent = self._protocol.close_sent
        if self._stage is OPEN and sent is not None:
            self._begin_closing()
            reason = f"A message has at most {self._links.max_size} bytes, and a longer one came."
            self._tell_closed(sent.code, reason if isinstance(error, PayloadTooBig) else sent.reason)

    def _open(self) -> None:
        assert self._owner is not None, "a link opens for an owner"
        if _between_messages(self._protocol):
            shaken, self._protocol = self._protocol, self._bare_protocol()
            shaken.parser.close()  # as in connection_lost()
        self._stage = OPEN
        self._owner.link_opened(self)

    def _bare_protocol(self) -> Protocol:
        return Protocol(self._protocol.side, state=State.OPEN, max_size=self._links.max_size)

    def _begin_closing(self) -> None:
        if self._stage < CLOSING:
            self._stage = CLOSING
            self._links.patience.after(self._links.close_timeout_s, self._closing_took_too_long)

    def _closing_took_too_long(self) -> None:
        self.abort(f"The peer did not finish closing within {self._links.close_timeout_s:g} s.")

    def _opening_took_too_long(self) -> None:
        if self._stage is OPENING:
            limit_s = self._links.open_timeout_s
            self.abort(f"The connection did not open within {limit_s:g} s: check the address and the network.")

    def _tell_closed(self, code: int, reason: str) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.link_closed(self, code, reason)

    def _flush(self) -> None:
        """Hand to the transport what the library wants sent, within bounds."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self.is_congested and transport.get_write_buffer_size() > self._links.max_unread:
            self.abort(f"The peer does not read: more than {self._links.max_unread} bytes waited for it.")
            return
        for data in self._protocol.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()
            else:
                transport.close()


class _StationLink(Link):
    """The side of the station: the WebSocket client."""

    __slots__ = ("_attempt", "_authorization", "_client", "_identity")

    _owner: ConnectingOwner | None

    def __init__(
        self, links: Links, uri: WebSocketURI, owner: ConnectingOwner, identity: str, password: bytes | None
    ) -> None:
        protocol = ClientProtocol(uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=links.max_size)
        super().__init__(links, protocol, owner)
        self._client: ClientProtocol | None = protocol  # until it has shaken hands
        self._identity = identity
        self._authorization = None if password is None else basic_authorization(identity, password)
        self._attempt: asyncio.Task[None] | None = None
        links.remember(self)

    def begin(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None) -> None:
        """Start to connect."""
        self._attempt = loop.create_task(self._reach(loop, context))
        self._attempt.add_done_callback(self._reached)
        self._links.patience.after(self._links.open_timeout_s, self._opening_took_too_long)

    def refuse(self, reason: str, http_status: int | None = None) -> None:
        """Tell the owner, once, that the link does not open."""
        self._begin_closing()
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.link_refused(self, reason, http_status)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        request = self._shaker.connect()
        if self._authorization is not None:
            request.headers.pop("Authorization", None)
            request.headers["Authorization"] = self._authorization
            self._authorization = None
        self._shaker.send_request(request)
        self._flush()

    @property
    def _shaker(self) -> ClientProtocol:
        assert self._client is not None, "the link is still opening"
        return self._client

    async def _reach(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None) -> None:
        """Connect to the first address of the host that answers. Raises the last one's error; one of TLS ends it."""
        uri = self._shaker.uri
        name = uri.host if context is not None else None
        failure: OSError = socket.gaierror(f"{uri.host} has no address")
        for address in await _addresses(loop, uri):
            try:
                await loop.create_connection(lambda: self, address, uri.port, ssl=context, server_hostname=name)
            except OSError as error:
                failure = error
                if isinstance(error, ssl.SSLError):
                    break
            else:
                return
        raise failure

    def _reached(self, attempt: asyncio.Task[None]) -> None:
        self._attempt = None
        if attempt.cancelled():
            self._unreached(self._why)
        elif (error := attempt.exception()) is not None:
            if not isinstance(error, OSError):
                raise error
            self._unreached(self._why or why_unreachable(error, self._shaker.uri))

    def _unreached(self, reason: str) -> None:
        self.refuse(reason)
        self._stage = ENDED
        self._transport = None  # uvloop forgets connection_lost() when it is cancelled as the connection is made
        self._links.forget(self)

    def _drop(self) -> None:
        if self._transport is None and self._attempt is not None:
            self._attempt.cancel()
        super()._drop()

    def _shake_hands(self, event: Request | Response) -> None:
        response = cast("Response", event)
        protocol = self._shaker
        if protocol.handshake_exc is not None:
            status = response.status_code if response.status_code != 101 else None
            self.refuse(why_not_upgraded(protocol.handshake_exc, response, protocol.uri, self._identity), status)
        elif self._why:
            return
        elif protocol.subprotocol is None:
            protocol.send_close(1002, f"the subprotocol must be {SUBPROTOCOL}")
            self._flush()
            self.refuse(why_no_subprotocol("none", protocol.uri))
        else:
            self._client = None
            self._open()

    def _not_opened(self, error: Exception | None) -> None:
        protocol = self._shaker
        failure = protocol.handshake_exc
        if self._why:
            self.refuse(self._why)
        elif error is not None or failure is None or isinstance(failure.__cause__, EOFError):
            self.refuse(why_gone(protocol.uri))
        else:
            self.refuse(why_not_upgraded(failure, None, protocol.uri, self._identity))


class _SupervisionProtocol(ServerProtocol):
    """The library's server, which opens also without a common subprotocol, as OCPP-J 3.2 wants."""

    offered: tuple[str, ...] = ()

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        self.offered = tuple(subprotocols)
        return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in subprotocols else None


class _SupervisionLink(Link):
    """The side of the supervision: the WebSocket server."""

    __slots__ = ("_decide", "_server")

    def __init__(self, links: Links, decide: Decide) -> None:
        self._server: _SupervisionProtocol | None = _SupervisionProtocol(max_size=links.max_size)
        super().__init__(links, self._server, None)
        self._decide = decide

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._links.remember(self)  # not before: there is no connection_lost() after a TLS handshake that failed
        self._links.patience.after(self._links.open_timeout_s, self._opening_took_too_long)

    def _shake_hands(self, event: Request | Response) -> None:
        protocol, self._server = self._server, None
        assert protocol is not None, "a connection shakes hands once"
        if protocol.eof_sent or self._why:
            self.abort("The peer closed before the WebSocket was open.")
            return
        response = protocol.accept(cast("Request", event))
        welcome = self._judge(cast("Request", event), protocol.offered) if response.status_code == 101 else None
        if isinstance(welcome, Refuse):
            response = protocol.reject(welcome.status, welcome.sentence + "\n")
            if welcome.status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="OCPP", charset="UTF-8"'
        protocol.send_response(response)
        if not isinstance(welcome, Welcome):
            self._begin_closing()
        elif protocol.subprotocol is None:
            self._begin_closing()
            protocol.send_close(1002, f"the subprotocol must be {SUBPROTOCOL}")
        self._flush()
        if self._stage is OPENING and isinstance(welcome, Welcome):
            self._owner = welcome.owner
            self._open()

    def _judge(self, request: Request, offered: tuple[str, ...]) -> Welcome | Refuse:
        try:
            handshake = read_handshake(request, offered, self.remote)
        except AddressError as error:
            return Refuse(400, str(error))
        if not handshake.identity:
            return Refuse(404, "The last part of the address's path is the identity of the station; it is missing.")
        return self._decide(handshake)

    def _not_opened(self, error: Exception | None) -> None:
        self._begin_closing()


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
    ) -> None:
        """Sizes are in bytes. Must be made while the loop runs."""
        self.max_size = max_size
        self.max_unread = max_unread
        self.open_timeout_s = open_timeout_s
        self.close_timeout_s = close_timeout_s
        self.buffer = memoryview(bytearray(_BUFFER_SIZE))
        self._loop = asyncio.get_running_loop()
        self.patience = Patience(self._loop)
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
        `context` is the TLS context, or None for the shared one that trusts the system's authorities.
        The owner hears `link_opened` or `link_refused` from the loop.
        """
        try:
            uri = parse_uri(url)
        except (InvalidURI, ValueError) as error:
            link = _StationLink(self, _NOWHERE, owner, identity, None)
            self._loop.call_soon(link._unreached, f"The address {url!r} cannot be used: {error}.")
            return link
        link = _StationLink(self, uri, owner, identity, password)
        if uri.secure and context is None:
            context = self._context = self._context or client_context()
        link.begin(self._loop, context if uri.secure else None)
        return link

    async def serve(self, host: str, port: int, decide: Decide, *, context: ssl.SSLContext | None = None) -> Listener:
        """Listen for stations and ask `decide` about each before its upgrade; with `context` over TLS.

        Raises `PortUnavailableError` with a sentence.
        """
        try:
            server = await self._loop.create_server(
                lambda: _SupervisionLink(self, decide), host, port, ssl=context, backlog=_BACKLOG
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
        self.patience.after(within_s, self._abort_all)
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


def _between_messages(protocol: Protocol) -> bool:
    """Whether the library's parser waits for the first byte of a message, so that another can take its place.

    It is a chain of generators. Should a newer library wait elsewhere, the answer is no and only memory is lost.
    """
    if protocol.state is not State.OPEN or protocol.current_size is not None:
        return False
    waiting = protocol.parser
    while isinstance(inner := getattr(waiting, "gi_yieldfrom", None), GeneratorType):
        waiting = inner
    return isinstance(waiting, GeneratorType) and waiting.gi_code is StreamReader.at_eof.__code__


def _short(reason: str) -> str:
    return reason.encode()[:123].decode(errors="ignore")


def _address(transport: asyncio.Transport | None) -> str:
    peer = None if transport is None else transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return ""
    return host_and_port(*peer[:2])


async def _addresses(loop: asyncio.AbstractEventLoop, uri: WebSocketURI) -> list[str]:
    """The numeric addresses of a host, best first; looks up nothing when it is one itself."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, uri.host)
        except OSError:
            continue
        return [uri.host]
    try:
        found = await loop.getaddrinfo(uri.host, uri.port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(f"{uri.host!r} is no host name") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
