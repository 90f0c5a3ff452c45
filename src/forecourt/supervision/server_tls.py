"""Ports that speak TLS: what the supervision shows and asks for, and what it does when a handshake fails.

Theory of operation. A `SecureListener` looks at the first byte that comes: 0x16 begins a TLS handshake, anything else
is HTTP. So one port takes ws and wss, and a station that changes only the scheme of its SupervisionUrl, as the change
of the security profile does, finds its supervision; a port that is for TLS only refuses the rest. What fails before
the WebSocket's own handshake ends here and is told of with the white paper's name for it. Event loops drop the alert
that OpenSSL has made for the peer then; so it is sent from here, through a second descriptor of the connection, where
it can be sent in the clear.

The context asks for a client certificate without insisting on one: a station of profile 2 has none. One that is shown
must hang on the authority, or the handshake fails. New certificates are loaded into the context that is in use: they
hold for the next handshake, and nobody is disconnected.

Stations that know nothing newer than TLS 1.1 are let in only where the operator has asked for it (A00.FR.324). They
meet a context of their own, with the one suite the white paper leaves them and nothing newer: which context it is, the
version in the ClientHello says. So a newer station can neither be talked down to it nor choose that suite.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import warnings
from typing import TYPE_CHECKING

from forecourt.runtime.link_sides import SupervisionLink
from forecourt.runtime.ports import host_and_port, port_unavailable
from forecourt.supervision.doors import INVALID_CERTIFICATE
from forecourt.supervision.server_key_files import AuthorityRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from forecourt.runtime.link import Links
    from forecourt.runtime.link_sides import Decide

CIPHERS = ":".join(
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384")
)
"""The four suites of TLS 1.2 that the white paper wants (A00.FR.317, 421); those of TLS 1.3 are always there."""
LEGACY_CIPHERS = "AES128-SHA:@SECLEVEL=0"
"""TLS_RSA_WITH_AES_128_CBC_SHA; OpenSSL has TLS 1.0 and 1.1 at its lowest level only."""
HANDSHAKE_S = 10.0
"""How long the first byte, and then the TLS handshake, may take."""
GREETED_AT_ONCE = 4096
"""So many connections at most are before their WebSocket handshake; more wait to be accepted."""
_BACKLOG = 4096
_TLS_RECORD = 0x16
_TLS_1_2 = b"\x03\x03"
_VERSION_AT, _HELLO_BYTES = 9, 11
"""Where the ClientHello has the newest version its sender knows (of TLS 1.3, that of 1.2), and where that ends."""

_EVENTS = {
    "UNSUPPORTED_PROTOCOL": "InvalidTLSVersion",
    "VERSION_TOO_LOW": "InvalidTLSVersion",
    "WRONG_VERSION_NUMBER": "InvalidTLSVersion",
    "WRONG_SSL_VERSION": "InvalidTLSVersion",
    "NO_SHARED_CIPHER": "InvalidTLSCipherSuite",
    "CERTIFICATE_VERIFY_FAILED": INVALID_CERTIFICATE,
}
"""Security events by OpenSSL's reason. What is in no row, such as a peer that goes away, is none."""
_PROTOCOL_VERSION, _HANDSHAKE_FAILURE = 70, 40
_ALERTS = {
    "UNSUPPORTED_PROTOCOL": _PROTOCOL_VERSION,
    "VERSION_TOO_LOW": _PROTOCOL_VERSION,
    "NO_SHARED_CIPHER": _HANDSHAKE_FAILURE,
}
"""What a peer is told (RFC 8446, 6) of failures that come before anything is encrypted."""
ALERTED_AT_ONCE = 256
"""In a greater crowd nobody is told: each costs a descriptor more while it is greeted."""


def server_context(authorities: Iterable[str], files: Iterable[tuple[Path, Path]]) -> ssl.SSLContext:
    """The server's side of TLS: certificates with their keys, and the PEM of those who may sign stations'."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    _complete(context, authorities, files)
    return context


def legacy_context(authorities: Iterable[str], files: Iterable[tuple[Path, Path]]) -> ssl.SSLContext:
    """The server's side for stations that know TLS 1.0 or 1.1 only. Raises `AuthorityRefused` without them."""
    if not (ssl.HAS_TLSv1 and ssl.HAS_TLSv1_1):
        raise AuthorityRefused(f"TLS 1.0 and 1.1 were expected of the library for legacy TLS; {ssl.OPENSSL_VERSION}.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what the operator has asked for
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers(LEGACY_CIPHERS)
    _complete(context, authorities, files)
    return context


def _complete(context: ssl.SSLContext, authorities: Iterable[str], files: Iterable[tuple[Path, Path]]) -> None:
    """What holds for every version: how peers are checked, and what they are shown."""
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_TRUSTED_FIRST
    context.load_verify_locations(cadata="".join(authorities))
    load_certificates(context, files)


def load_certificates(context: ssl.SSLContext, files: Iterable[tuple[Path, Path]]) -> None:
    """Show these certificates from the next handshake on, one of each key type."""
    for certificate_file, key_file in files:
        context.load_cert_chain(certificate_file, key_file)


class SecureListener:
    """A port for stations that speaks TLS, and HTTP as well unless it is for TLS only."""

    def __init__(
        self,
        links: Links,
        decide: Decide,
        context: ssl.SSLContext,
        on_failure: Callable[[str, str, str], None],
        *,
        tls_only: bool,
        legacy: ssl.SSLContext | None = None,
    ) -> None:
        """`on_failure` is told the event of the white paper, the peer's address and a sentence.

        `legacy` is for stations that know TLS 1.0 or 1.1 only; without it they are refused.
        """
        self._links = links
        self._decide = decide
        self._context = context
        self._on_failure = on_failure
        self._tls_only = tls_only
        self._legacy = legacy
        self._greeting: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(GREETED_AT_ONCE)
        self.port = 0
        """The port listened on, once it does."""

    def listen(self, host: str, port: int) -> None:
        """Begin. Raises `PortUnavailableError` with a sentence."""
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self._socket.listen(_BACKLOG)
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            raise port_unavailable(error, host, port) from error
        self.port = self._socket.getsockname()[1]
        self._accepting = self._loop.create_task(self._accept())

    async def aclose(self) -> None:
        """Let no more stations in, and drop those that are not yet at the WebSocket's handshake."""
        self._accepting.cancel()
        for task in (*self._greeting,):
            task.cancel()
        await asyncio.gather(self._accepting, *self._greeting, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        while True:
            await self._room.acquire()
            try:
                connection, address = await self._loop.sock_accept(self._socket)
            except OSError:
                # Out of descriptors, or the peer went away before it was accepted: others may have more luck.
                self._room.release()
                await asyncio.sleep(0.1)
                continue
            greeting = self._loop.create_task(self._greet(connection, host_and_port(*address[:2])))
            self._greeting.add(greeting)
            greeting.add_done_callback(self._greeted)

    def _greeted(self, greeting: asyncio.Task[None]) -> None:
        self._greeting.discard(greeting)
        self._room.release()
        if not greeting.cancelled() and greeting.exception() is not None:
            raise greeting.exception()  # type: ignore[misc]

    async def _greet(self, connection: socket.socket, remote: str) -> None:
        """Bring a connection to the point where the WebSocket's own handshake begins."""
        handed_over = False
        spare: socket.socket | None = None
        try:
            context = await self._context_for(connection)
            if context is not None and len(self._greeting) <= ALERTED_AT_ONCE:
                spare = connection.dup()
            handed_over = True
            await self._loop.connect_accepted_socket(
                lambda: SupervisionLink(self._links, self._decide),
                connection,
                ssl=context,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_S,
            )
        except ssl.SSLError as error:
            reason = error.reason or ""
            if spare is not None and (alert := _ALERTS.get(reason)):
                with contextlib.suppress(OSError):  # it may be gone already
                    spare.send(_fatal(alert))
            if event := _EVENTS.get(reason):
                detail = getattr(error, "verify_message", None) or reason.replace("_", " ").lower()
                self._on_failure(event, remote, f"The TLS handshake of {remote} failed: {detail}.")
        except (OSError, TimeoutError):
            pass  # it went away, or said nothing: the network's business
        finally:
            if spare is not None:
                spare.close()
            if not handed_over:
                connection.close()

    async def _context_for(self, connection: socket.socket) -> ssl.SSLContext | None:
        """What a connection is to be met with, by its first bytes; None for HTTP. Raises `TimeoutError`."""
        if self._tls_only and self._legacy is None:
            return self._context
        first = await self._first_bytes(connection, 1 if self._legacy is None else _HELLO_BYTES)
        if first[:1] != bytes([_TLS_RECORD]):
            return self._context if self._tls_only else None
        version = first[_VERSION_AT:_HELLO_BYTES]
        if self._legacy is not None and version and version < _TLS_1_2:
            return self._legacy
        return self._context

    async def _first_bytes(self, connection: socket.socket, count: int) -> bytes:
        """Look at so many bytes and leave them where they are. Raises `TimeoutError` when they do not come."""
        # The system wakes us once they are there, or nothing more will come.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
        readable = asyncio.Event()
        self._loop.add_reader(connection, readable.set)
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                await readable.wait()
        finally:
            self._loop.remove_reader(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return connection.recv(count, socket.MSG_PEEK)


def _fatal(description: int) -> bytes:
    """A fatal alert in the clear, as a record of the version that every peer takes at the beginning."""
    return bytes([0x15, 3, 1, 0, 2, 2, description])
