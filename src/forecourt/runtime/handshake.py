"""What both sides say to each other before a WebSocket is open, and the sentences for when it does not open."""

from __future__ import annotations

import binascii
import socket
import ssl
from base64 import b64decode
from typing import TYPE_CHECKING

import msgspec
from websockets.exceptions import InvalidMessage, InvalidStatus, InvalidUpgrade, NegotiationError

from forecourt.ocpp.address import SUBPROTOCOL, identity_of
from forecourt.runtime.link_owner import LinkOwner
from forecourt.runtime.ports import host_and_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.http11 import Request, Response
    from websockets.uri import WebSocketURI


class Credentials(msgspec.Struct, frozen=True, gc=False):
    """The user name and password of Basic authentication."""

    user: str
    """What is not UTF-8 in it shows as replacement characters."""
    password: bytes
    """The bytes as they came; keys of stations are not UTF-8."""

    def __repr__(self) -> str:
        """Without the password, which belongs in no log."""
        return f"Credentials(user={self.user!r})"


class Handshake(msgspec.Struct, frozen=True, gc=False):
    """A station's request to be let in, before the upgrade."""

    identity: str
    """The last segment of the path, percent-decoded; never empty."""
    path: str
    """The request's target as it came, with its query."""
    credentials: Credentials | None
    """None when there is no Authorization header or none of Basic authentication that can be read."""
    subprotocols: tuple[str, ...]
    """What the station offers, best first; without ocpp1.6 the link is closed as soon as it opens (3.2)."""
    remote: str
    """Where it comes from, as `address:port`."""
    secured: bool = False
    """Whether it comes over TLS."""
    certificate: bytes | None = None
    """The client's certificate as DER, its chain verified; None without TLS, and when the client showed none."""


class Welcome(msgspec.Struct, frozen=True):
    """Let the station in; its link belongs to `owner`."""

    owner: LinkOwner


class Refuse(msgspec.Struct, frozen=True, gc=False):
    """Answer the request with an HTTP status and a sentence; no WebSocket opens."""

    status: int
    """404 for an unknown identity, 401 for missing or wrong credentials (3.2, 6.2.2)."""
    sentence: str


def read_handshake(
    request: Request, subprotocols: Sequence[str], remote: str, tls: ssl.SSLObject | None = None
) -> Handshake:
    """Turn an upgrade request into a `Handshake`. Raises `AddressError` for an identity that is not UTF-8."""
    identity = identity_of(request.path)
    headers = request.headers.get_all("Authorization")
    credentials = read_credentials(headers[0], identity) if len(headers) == 1 else None
    certificate = None if tls is None else tls.getpeercert(binary_form=True)
    return Handshake(
        identity, request.path, credentials, tuple(subprotocols), remote, tls is not None, certificate or None
    )


def read_credentials(header: str, identity: str) -> Credentials | None:
    """Read an Authorization header; None when it is not Basic or cannot be read.

    The user name ends at the first colon, except where it is `identity` itself and that holds colons.
    """
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    expected = identity.encode() + b":"
    if decoded.startswith(expected):
        return Credentials(identity, decoded[len(expected) :])
    user, colon, password = decoded.partition(b":")
    return Credentials(user.decode(errors="replace"), password) if colon else None


def why_unreachable(error: OSError, uri: WebSocketURI) -> str:
    """One sentence for a connection that did not come about, below HTTP."""
    place = host_and_port(uri.host, uri.port)
    if isinstance(error, socket.gaierror):
        return f"The host name {uri.host} was not found: check the address of the supervision and the name server."
    if isinstance(error, ConnectionRefusedError):
        return (
            f"Nothing listens at {place} (connection refused): check address and port, and that the supervision runs."
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {place} was not accepted: {error.verify_message.rstrip('.')}."
    if isinstance(error, ssl.SSLError):
        said = (error.reason or "no reason given").replace("_", " ").lower()
        return f"No TLS connection to {place} ({said}): check that wss and this port are right and what TLS it offers."
    if isinstance(error, TimeoutError):
        return f"No answer from {place}: check the address and the network."
    if isinstance(error, ConnectionError):
        return f"{place} ended the connection while it was being set up: check that ws or wss and the port are right."
    return f"No connection to {place}: {error.strerror or error}."


def why_not_upgraded(error: Exception, response: Response | None, uri: WebSocketURI, identity: str) -> str:
    """One sentence for an HTTP answer that opened no WebSocket."""
    place = host_and_port(uri.host, uri.port)
    if isinstance(error, InvalidStatus):
        return _why_status(error.response, place, identity)
    if isinstance(error, NegotiationError) and response is not None:
        chosen = ", ".join(response.headers.get_all("Sec-WebSocket-Protocol")) or "none"
        return why_no_subprotocol(chosen, uri)
    if isinstance(error, InvalidUpgrade | InvalidMessage):
        return f"{place} does not answer as a WebSocket server does: check the address and the port."
    return f"{place} did not open the WebSocket as it must: {error}."


def why_no_subprotocol(chosen: str, uri: WebSocketURI) -> str:
    """One sentence for an upgrade without ocpp1.6."""
    return (
        f"{host_and_port(uri.host, uri.port)} did not agree on the subprotocol {SUBPROTOCOL} (it chose {chosen}): "
        "check that it speaks OCPP 1.6 JSON."
    )


def why_gone(uri: WebSocketURI) -> str:
    """One sentence for a peer that ended the connection without an HTTP answer."""
    return (
        f"{host_and_port(uri.host, uri.port)} ended the connection before the WebSocket was open: "
        "check that ws or wss and the port are right."
    )


def _why_status(response: Response, place: str, identity: str) -> str:
    status = response.status_code
    if status == 404:
        advice = "register the station there, or check the identity and the path of the address"
        return f"{place} does not know {identity!r} (HTTP 404): {advice}."
    if status in (401, 403):
        advice = "check the AuthorizationKey on both sides"
        return f"{place} did not accept the credentials of {identity!r} (HTTP {status}): {advice}."
    if 300 <= status < 400:
        elsewhere = response.headers.get("Location", "nowhere")
        return f"{place} points elsewhere (HTTP {status}, {elsewhere[:200]}): use that address."
    said = f"HTTP {status} {response.reason_phrase[:100]}".rstrip()
    return f"{place} refused the connection ({said}): look at the supervision's own log."
