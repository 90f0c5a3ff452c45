"""TLS as a whole: the authority, the server's certificates and their renewal, and the ports."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from forecourt.supervision.server_key_files import AuthorityRefused
from forecourt.supervision.server_tls import SecureListener, legacy_context, load_certificates, server_context
from forecourt.supervision.throttle import Throttle

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from forecourt.runtime.link import Links
    from forecourt.runtime.link_sides import Decide
    from forecourt.supervision.server_authority import Authority
    from forecourt.supervision.server_certificates import Manufacturer, OutsideCertificates

ORGANIZATION = "Forecourt"
HOSTS = ("localhost", "127.0.0.1")
RENEW_S = 1800.0
"""So often it is looked whether the server's certificates are to be renewed."""


log = structlog.get_logger()


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the supervision speaks TLS."""

    port: int | None = None
    """A port for TLS only, 0 for a free one; without it, stations use wss at the port that also takes ws."""
    hosts: tuple[str, ...] = ()
    """Names and addresses that stations reach it by, the main one first: CN of its certificates.

    Without any, those in the certificates from outside, or else `HOSTS`.
    """
    organization: str = ORGANIZATION
    """The operator's name, O in all certificates: CpoName of the stations."""
    authority: tuple[Path, Path] | None = None
    """Files of the certificate and the key of another authority that is to sign, instead of its own."""
    certificates: tuple[tuple[Path, Path], ...] = ()
    """Files of the chain and the key of server certificates from outside, one of each key type at most."""
    legacy: bool = False
    """Whether stations that know nothing newer than TLS 1.1 are let in as well (A00.FR.324)."""


class Security:
    """What a supervision with TLS has more than one without."""

    def __init__(self, options: TlsOptions, data: Path | None, on_event: Callable[..., None]) -> None:
        """`data` is the folder the keys are kept in. `on_event` is told a security event and a sentence."""
        self._options = options
        self._data = data
        self._on_event = on_event
        self._throttle = Throttle()
        self._listeners: list[SecureListener] = []
        self._renewing: asyncio.Task[None] | None = None
        self._opened: Authority | None = None
        self._outside: OutsideCertificates | None = None
        self._legacy: ssl.SSLContext | None = None
        self.organization = options.organization
        self.legacy = options.legacy
        """Whether TLS 1.0 and 1.1 are let in."""
        self.tls_port: int | None = None
        """The port for TLS only, once started."""

    @property
    def authority(self) -> Authority:
        """Who signs."""
        assert self._opened is not None, "open() comes first"
        return self._opened

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names and addresses of the server."""
        outside = () if self._outside is None else self._outside.hosts
        return self._options.hosts or outside or HOSTS

    @property
    def roots(self) -> tuple[str, ...]:
        """What stations install to trust this supervision, in PEM; empty where only the operator knows it."""
        return (self.authority.root_pem,) if self._outside is None else self._outside.roots

    async def open(self, manufacturer: Manufacturer | None) -> None:
        """Make or load keys and certificates. Raises `AuthorityRefused`."""
        self.context = await asyncio.to_thread(self._prepare, () if manufacturer is None else manufacturer.roots)
        """What the ports for TLS show and ask for."""

    def _prepare(self, trusted: tuple[str, ...]) -> ssl.SSLContext:
        import time

        from forecourt.supervision.server_authority import Authority
        from forecourt.supervision.server_certificates import OutsideCertificates

        options = self._options
        # The real time: peers check certificates by theirs, however fast the supervision's own clock runs.
        if options.certificates:
            self._outside = OutsideCertificates(options.certificates, options.hosts, time.time)
        self._opened = Authority(self._data, self.hosts, options.organization, time.time, options.authority)
        authorities, files = [self._opened.root_pem, *trusted], self._server_files()
        if options.legacy:
            self._legacy = legacy_context(authorities, files)
        return server_context(authorities, files)

    def _server_files(self) -> list[tuple[Path, Path]]:
        return self.authority.server_files() if self._outside is None else self._outside.server_files()

    def begin(self, links: Links, decide: Decide, host: str, port: int) -> int:
        """Open the ports; the one for both ws and wss. Raises `PortUnavailableError`. Undone by `stop`."""
        self._loop = asyncio.get_running_loop()
        self._renewing = self._loop.create_task(self._renew())
        both = self.listen(links, decide, host, port, tls_only=False)
        if self._options.port is not None:
            self.tls_port = self.listen(links, decide, host, self._options.port, tls_only=True)
        return both

    def listen(self, links: Links, decide: Decide, host: str, port: int, *, tls_only: bool) -> int:
        """Open one more port, and tell which. Raises `PortUnavailableError`. Undone by `stop`."""
        listener = SecureListener(links, decide, self.context, self._failed, tls_only=tls_only, legacy=self._legacy)
        listener.listen(host, port)
        self._listeners.append(listener)
        return listener.port

    async def stop(self) -> None:
        """Close the ports; connections that are open stay."""
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing
        for listener in self._listeners:
            await listener.aclose()

    def close(self) -> None:
        """Forget keys that are kept in no folder."""
        if self._opened is not None:
            self._opened.close()

    async def renew(self) -> None:
        """Renew the server's certificates where it is time; who is connected stays.

        Those from outside are read anew; when they cannot be used, the ones in use stay, and that is told of.
        """
        try:
            files = await asyncio.to_thread(self._server_files)
        except AuthorityRefused as refusal:
            log.error("server certificates kept", why=str(refusal))
            return
        for context in (self.context, self._legacy):
            if context is not None:
                load_certificates(context, files)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            await self.renew()

    def _failed(self, event: str, remote: str, sentence: str) -> None:
        """A TLS handshake that failed: told of once a minute for each address and kind."""
        _, told = self._throttle.count((event, remote.rpartition(":")[0]), self._loop.time())
        if told:
            self._on_event(event, sentence, times=told)
