"""What the two ends of a WebSocket do in their own way: connecting and shaking hands."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, TypeAlias, cast

from websockets.client import ClientProtocol
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from forecourt.ocpp.address import SUBPROTOCOL, AddressError, basic_authorization
from forecourt.runtime.handshake import (
    Handshake,
    Refuse,
    Welcome,
    read_handshake,
    why_gone,
    why_no_subprotocol,
    why_not_upgraded,
    why_unreachable,
)
from forecourt.runtime.tls import problem_of, root_of
from forecourt.runtime.websocket import ENDED, OPENING, Link

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from websockets.http11 import Request, Response
    from websockets.uri import WebSocketURI

    from forecourt.runtime.link import Links
    from forecourt.runtime.link_owner import ConnectingOwner
    from forecourt.station.events import LinkProblem

Decide: TypeAlias = "Callable[[Handshake], Welcome | Refuse]"
"""What a server is asked before each upgrade; it must not block."""


class StationLink(Link):
    """The side of the station: the WebSocket client."""

    __slots__ = ("_attempt", "_authorization", "_client", "_identity", "_problem")

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
        self._problem: LinkProblem | None = None
        links.remember(self)

    def begin(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None) -> None:
        """Start to connect."""
        self._attempt = loop.create_task(self._reach(loop, context))
        self._attempt.add_done_callback(self._reached)
        self._links.patience.after(self._links.open_timeout_s, self, Link._opening_took_too_long)

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
    def problem(self) -> LinkProblem | None:
        return self._problem

    @property
    def root(self) -> str:
        tls = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        return "" if tls is None else root_of(tls)

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
            self.unreached(self._why)
        elif (error := attempt.exception()) is not None:
            if not isinstance(error, OSError):
                raise error
            self._problem = problem_of(error)
            self.unreached(self._why or why_unreachable(error, self._shaker.uri))

    def unreached(self, reason: str) -> None:
        """End an attempt that came to no connection."""
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


class SupervisionLink(Link):
    """The side of the supervision: the WebSocket server."""

    __slots__ = ("_decide", "_server")

    def __init__(self, links: Links, decide: Decide) -> None:
        self._server: _SupervisionProtocol | None = _SupervisionProtocol(max_size=links.max_size)
        super().__init__(links, self._server, None)
        self._decide = decide

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._links.remember(self)  # not before: there is no connection_lost() after a TLS handshake that failed
        self._links.patience.after(self._links.open_timeout_s, self, Link._opening_took_too_long)

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
            assert self._transport is not None, "a request came over a connection"
            handshake = read_handshake(request, offered, self.remote, self._transport.get_extra_info("ssl_object"))
        except AddressError as error:
            return Refuse(400, str(error))
        if not handshake.identity:
            return Refuse(404, "The last part of the address's path is the identity of the station; it is missing.")
        return self._decide(handshake)

    def _not_opened(self, error: Exception | None) -> None:
        self._begin_closing()


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
