"""How a station comes by a certificate of its own (white paper A02 and A03; facts §10.7).

Theory of operation. One request is under way at a time: a trigger of the supervision begins it, or the station itself
does a month before its last certificate expires, and by option for its first one too, as soon as it has a CpoName and a
root of the supervision. The key pair is made outside, under an id; what comes back is the
request to be signed (PKCS#10). It is sent with SignCertificate once it can be, and again after CertSigningWaitMinimum,
then after twice as long each time, CertSigningRepeatTimes times; a wait of 0 means never. The supervision's Rejected
ends it. The certificate comes as CertificateSigned, also much later and after reboots: the request is a record. What
is wrong with it is told as InvalidChargePointCertificate, and the request goes on. A new request takes the place of one
under way, whose key is destroyed. A life that finds a request whose key was still being made begins it anew.
"""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING

import msgspec

from forecourt.errors import ForecourtError
from forecourt.ocpp.security_extension import (
    CertificateSignedRequest,
    CertificateSignedResponse,
    CertificateSignedStatus,
    GenericStatus,
    SignCertificateRequest,
    SignCertificateResponse,
)
from forecourt.station.calls import LOST, Answer, Calls, Failure, Reply
from forecourt.station.certificates import KEY_ID, Own
from forecourt.station.effects import DeleteRecord, Effect, ForgetKey, LogEvent, MakeCertificateRequest, SaveRecord
from forecourt.station.security_events import SecurityEvent
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forecourt.station.certificates import Certificates
    from forecourt.station.clock import Clock
    from forecourt.station.configuration import Configuration
    from forecourt.station.events import CertificateRequestFailed, CertificateRequestMade
    from forecourt.station.security_events import Witness

KIND = "certificate-request"
KEY = "pending"

RENEWAL_S = 30 * 86_400.0
"""How long before its last certificate expires a station asks for another: a month."""
YEAR_S = 365 * 86_400.0
"""The longest wait; it is begun again when it is over."""
RETRY_RENEWAL_S = 86_400.0
"""How long after a renewal that came to nothing it asks again."""


class Pending(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A request under way."""

    id: str
    """Of its key."""
    csr: str = ""
    """Empty while the key is being made."""
    public_key: bytes = b""
    sendings: int = 0
    """How often it was sent and not lost on the way."""


class NoRequest(ForecourtError):  # noqa: N818  the word of the domain
    """No certificate can be asked for now; the text says what was expected."""


_decoder = msgspec.json.Decoder(Pending)
_encode = msgspec.json.Encoder().encode


class CertificateRequests:
    """The request under way, and the days of the certificates that there are."""

    __slots__ = (
        "_asks_unasked",
        "_calls",
        "_certificates",
        "_clock",
        "_configuration",
        "_effects",
        "_is_sending",
        "_made",
        "_pending",
        "_prefix",
        "_renew_at",
        "_serial_number",
        "_timers",
        "_witness",
    )

    def __init__(
        self,
        certificates: Certificates,
        configuration: Configuration,
        serial_number: str,
        prefix: str,
        records: Mapping[tuple[str, str], bytes],
        calls: Calls,
        clock: Clock,
        witness: Witness,
        timers: Timers,
        effects: list[Effect],
        *,
        asks_unasked: bool = False,
    ) -> None:
        """`asks_unasked`: whether the first certificate is asked for without a trigger."""
        self._asks_unasked = asks_unasked
        self._certificates = certificates
        self._configuration = configuration
        self._serial_number = serial_number
        self._prefix = prefix
        self._calls = calls
        self._clock = clock
        self._witness = witness
        self._timers = timers
        self._effects = effects
        self._is_sending = False
        self._made = 0
        self._renew_at = -inf
        """Not before then, by the station's clock, is another renewal begun."""
        self._pending: Pending | None = None
        data = records.get((KIND, KEY))
        if data is not None:
            try:
                pending = _decoder.decode(data)
                if not re.fullmatch(KEY_ID, pending.id):
                    raise msgspec.ValidationError("expected the id of a key")
                self._pending = pending
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: {error}"))

    @property
    def is_pending(self) -> bool:
        """Whether a request is under way."""
        return self._pending is not None

    # Asking.

    def require_possible(self) -> None:
        """Raise `NoRequest` while no certificate can be asked for."""
        if not self._configuration.text("CpoName"):
            raise NoRequest("expected a CpoName for the request's subject, it is empty")

    def begin(self, now: float) -> None:
        """Have a new key pair made, and a request for its certificate."""
        old = self._pending
        self._timers.stop(Timer.CERTIFICATE_REQUEST)
        self._made += 1
        self._keep(Pending(f"{self._prefix}-{self._made}"))
        if old is not None:
            self._effects.append(ForgetKey(old.id))
        assert self._pending is not None, "it was kept"
        organization = self._configuration.text("CpoName")
        self._effects.append(MakeCertificateRequest(self._pending.id, self._serial_number, organization))

    def woken(self, now: float) -> None:
        """A life has begun."""
        if self._pending is not None and not self._pending.csr:
            self.begin(now)
        self.look(now)

    def made(self, event: CertificateRequestMade, now: float) -> None:
        """The key and the request are there."""
        pending = self._pending
        if pending is None or pending.id != event.id:
            self._effects.append(ForgetKey(event.id))
            return
        self._keep(msgspec.structs.replace(pending, csr=event.csr, public_key=event.public_key))
        self._send(now)

    def failed(self, event: CertificateRequestFailed, now: float) -> None:
        """There is no key."""
        if self._pending is not None and self._pending.id == event.id:
            self._effects.append(LogEvent("No key made", event.reason))
            self._end(now)

    def _keep(self, pending: Pending) -> None:
        self._pending = pending
        self._effects.append(SaveRecord(KIND, KEY, _encode(pending)))

    def _end(self, now: float) -> None:
        """Nothing comes of the request."""
        pending, self._pending = self._pending, None
        assert pending is not None, "a request that ends was under way"
        self._effects += [DeleteRecord(KIND, KEY), ForgetKey(pending.id)]
        self._timers.stop(Timer.CERTIFICATE_REQUEST)
        self._renew_at = self._clock.wall(now) + RETRY_RENEWAL_S
        self._rearm(now)

    # Sending.

    def resume(self, now: float) -> None:
        """The supervision listens: what it has not heard is sent, and what waits goes on waiting."""
        if self._pending is None or self._is_sending:
            return
        if self._pending.sendings == 0:
            self._send(now)
        elif not self._timers.is_set(Timer.CERTIFICATE_REQUEST):
            self._arm_repetition(self._pending, now)

    def repeat(self, now: float, *, may_send: bool) -> None:
        """The wait for CertificateSigned is over; while nobody listens, the next connection begins it again."""
        if may_send:
            self._send(now)

    def _send(self, now: float) -> None:
        pending = self._pending
        if pending is not None and pending.csr and self._calls.is_open and not self._is_sending:
            self._is_sending = True
            self._calls.request(SignCertificateRequest(csr=pending.csr), self._heard_by(pending.id), now)

    def _heard_by(self, sent: str) -> Callable[[Answer, float], None]:
        def heard(answer: Answer, now: float) -> None:
            self._is_sending = False
            if self._pending is None:
                return
            if self._pending.id != sent:
                self._send(now)
            elif answer is not LOST:
                self._answered(self._pending, answer, now)

        return heard

    def _answered(self, pending: Pending, answer: Answer, now: float) -> None:
        if isinstance(answer, SignCertificateResponse) and answer.status is GenericStatus.Rejected:
            self._effects.append(LogEvent("SignCertificate refused", "the supervision answered Rejected"))
            self._end(now)
            return
        if isinstance(answer, Failure):
            self._effects.append(LogEvent("SignCertificate failed", f"{answer.code} {answer.description}".rstrip()))
        self._keep(msgspec.structs.replace(pending, sendings=pending.sendings + 1))
        self._arm_repetition(self._pending or pending, now)

    def _arm_repetition(self, pending: Pending, now: float) -> None:
        """After the first sending the wait is the minimum; it is doubled so many times and no more."""
        wait_s = self._configuration.integer("CertSigningWaitMinimum")
        doublings = pending.sendings - 1
        if wait_s > 0 and 0 <= doublings <= self._configuration.integer("CertSigningRepeatTimes"):
            self._timers.set(Timer.CERTIFICATE_REQUEST, now + min(wait_s * 2.0 ** min(doublings, 40), YEAR_S))

    # CertificateSigned.

    def signed(
        self, request: CertificateSignedRequest, now: float, changed: Callable[[float], None]
    ) -> CertificateSignedResponse | Reply:
        """Take the certificate, or say why not. `changed` is told, after the answer, when another is to be shown."""
        from forecourt.station import x509

        clock_s = self._clock.wall(now)
        before = self._certificates.shown(clock_s)
        try:
            own = self._judged(request.certificateChain, clock_s)
        except (NoRequest, x509.CertificateRefused) as refused:
            self._effects.append(LogEvent("CertificateSigned refused", str(refused)))
            self._witness.note(SecurityEvent.InvalidChargePointCertificate, str(refused), now)
            return CertificateSignedResponse(status=CertificateSignedStatus.Rejected)
        self._certificates.take(own)
        if self._pending is not None and self._pending.id == own.key:
            self._pending = None
            self._effects.append(DeleteRecord(KIND, KEY))
            self._timers.stop(Timer.CERTIFICATE_REQUEST)
        self._rearm(now)
        response = CertificateSignedResponse(status=CertificateSignedStatus.Accepted)
        return response if self._certificates.shown(clock_s) == before else Reply(response, changed)

    def _judged(self, chain: str, clock_s: float) -> Own:
        from forecourt.station import x509
        from forecourt.station.certificates import SUPERVISION

        most = self._configuration.integer("CertificateSignedMaxChainSize")
        if len(chain) > most:
            raise NoRequest(f"expected at most {most} characters (CertificateSignedMaxChainSize), came {len(chain)}")
        leaf, *between = x509.read_chain(chain)
        public_key = x509.public_key_of(leaf)
        key = self._key_of(public_key)
        x509.require_leaf(leaf, self._serial_number, self._configuration.text("CpoName"), clock_s)
        roots = [x509.read_one(pem) for pem in self._certificates.pem(SUPERVISION)]
        x509.require_chain(leaf, between, roots, clock_s)
        from_s, until_s = x509.validity_s(leaf)
        return Own(chain, key, public_key, from_s, until_s)

    def _key_of(self, public_key: bytes) -> str:
        """The id of the private key that belongs to this one."""
        if self._pending is not None and self._pending.csr and self._pending.public_key == public_key:
            return self._pending.id
        for own in self._certificates.own():
            if own.public_key == public_key:
                return own.key
        raise NoRequest("expected a certificate for a key of this station, came one for another key")

    # The days of the certificates.

    def look(self, now: float) -> None:
        """A day of a certificate has come, or the clock was moved: forget what is over, renew what soon will be."""
        clock_s = self._clock.wall(now)
        self._certificates.prune(clock_s)
        if self._pending is None and self._renewal_s() <= clock_s:
            self._renew(now)
        self._rearm(now)

    def _renew(self, now: float) -> None:
        try:
            self.require_possible()
        except NoRequest as refused:
            self._effects.append(LogEvent("No renewal", str(refused)))
        else:
            self.begin(now)
        # Also when it is begun: an authority whose certificates live for less than a month is asked once a day.
        self._renew_at = self._clock.wall(now) + RETRY_RENEWAL_S

    def _renewal_s(self) -> float:
        """When the station asks for a certificate by itself; inf while it has none and waits to be asked."""
        from forecourt.station.certificates import SUPERVISION

        first_s = -inf if self._asks_unasked and self._certificates.pem(SUPERVISION) else inf
        last_s = max((own.until_s for own in self._certificates.own()), default=first_s)
        return max(last_s - RENEWAL_S, self._renew_at)

    def _rearm(self, now: float) -> None:
        clock_s = self._clock.wall(now)
        days = [] if self._pending is not None else [self._renewal_s()]
        for own in self._certificates.own():
            days += [own.from_s, own.kept_until_s or inf]
        due_s = min((day for day in days if day > clock_s), default=inf)
        if due_s == inf:
            self._timers.stop(Timer.CERTIFICATES)
        else:
            self._timers.set(Timer.CERTIFICATES, now + min(due_s - clock_s, YEAR_S))
