"""What a station has that deals with certificates: the store, the requests and the trust of its link, put together.

Hardly a station of a fleet needs them, so they are made when they are wanted first, or when the records hold any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.station.certificate_requests import KIND as REQUEST_KIND
from forecourt.station.certificate_requests import CertificateRequests
from forecourt.station.certificates import KINDS as CERTIFICATE_KINDS
from forecourt.station.certificates import Certificates
from forecourt.station.link_trust import CLIENT_CERTIFICATE_PROFILE, LinkTrust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.ocpp.security_extension import (
        CertificateSignedRequest,
        CertificateSignedResponse,
        DeleteCertificateRequest,
        DeleteCertificateResponse,
        InstallCertificateRequest,
        InstallCertificateResponse,
    )
    from forecourt.station.boot import Boot
    from forecourt.station.calls import Calls, Reply
    from forecourt.station.clock import Clock
    from forecourt.station.configuration import Configuration
    from forecourt.station.effects import Effect
    from forecourt.station.events import LinkOpened, LinkRefused
    from forecourt.station.link import Link
    from forecourt.station.security_events import Witness
    from forecourt.station.timers import Timers

KINDS = CERTIFICATE_KINDS | {REQUEST_KIND}


def need_credentials(records: Mapping[tuple[str, str], bytes]) -> bool:
    """Whether earlier lives have left anything that these blocks own."""
    return any(kind in KINDS for kind, _ in records)


class Credentials:
    """The blocks of certificates, and what they and the link have to do with each other."""

    __slots__ = ("_boot", "_calls", "_clock", "_configuration", "_link", "certificates", "requests", "trust")

    def __init__(
        self,
        records: Mapping[tuple[str, str], bytes],
        configuration: Configuration,
        serial_number: str,
        calls: Calls,
        clock: Clock,
        boot: Boot,
        link: Link,
        witness: Witness,
        timers: Timers,
        effects: list[Effect],
        *,
        asks_unasked: bool = False,
    ) -> None:
        """`asks_unasked`: whether the station asks for its first certificate by itself (A03.FR.01)."""
        self._boot = boot
        self._calls = calls
        self._clock = clock
        self._configuration = configuration
        self._link = link
        certificates = self.certificates = Certificates(configuration, records, effects)
        self.requests = CertificateRequests(
            certificates,
            configuration,
            serial_number,
            f"{calls.prefix}-key",
            records,
            calls,
            clock,
            witness,
            timers,
            effects,
            asks_unasked=asks_unasked,
        )
        self.trust = LinkTrust(certificates)

    # Requests of the supervision.

    def install(self, request: InstallCertificateRequest, now: float) -> InstallCertificateResponse:
        """InstallCertificate (M05)."""
        response = self.certificates.install(request, self._clock.wall(now), can_save=not self._calls.is_held)
        self.requests.look(now)
        return response

    def delete(self, request: DeleteCertificateRequest, now: float) -> DeleteCertificateResponse:
        """DeleteCertificate (M04)."""
        return self.certificates.delete(request, self.trust.root, can_save=not self._calls.is_held)

    def signed(self, request: CertificateSignedRequest, now: float) -> CertificateSignedResponse | Reply:
        """CertificateSigned (A02, A03)."""
        return self.requests.signed(request, now, self._show)

    # The link.

    def open_link(self, now: float) -> None:
        """Try to connect."""
        if not self._link.is_secure:
            self._link.open(self.trust.no_offer())
            return
        profile = self._configuration.integer("SecurityProfile")
        self._link.open(self.trust.offer(profile, self._clock.wall(now)))

    def link_opened(self, event: LinkOpened, now: float) -> None:
        """The attempt has succeeded."""
        self.trust.opened(event.root, self._clock.wall(now))
        self.requests.look(now)

    def link_refused(self, event: LinkRefused, now: float) -> bool:
        """The attempt has failed; whether another one has begun at once, with the fallback root."""
        if not self.trust.failed(event.problem):
            return False
        self.open_link(now)
        return True

    def _show(self, now: float) -> None:
        """Connect anew if another certificate is to be shown than the present connection was made with."""
        if self._configuration.integer("SecurityProfile") != CLIENT_CERTIFICATE_PROFILE:
            return
        own = self.certificates.shown(self._clock.wall(now))
        if own is not None and own.key != self.trust.key:
            self._link.reconnect("another certificate of the station")

    # Time.

    def due(self, now: float) -> None:
        """A day of a certificate has come, or the clock was moved."""
        self.requests.look(now)
        self._show(now)

    def repeat(self, now: float) -> None:
        """The wait for a CertificateSigned is over."""
        self.requests.repeat(now, may_send=self._boot.is_accepted and self._calls.is_open)
