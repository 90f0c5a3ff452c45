"""Who is let in at the handshake: the security profile of a connection, passwords and certificates (white paper A00).

Theory of operation. What a station shows says which profile it uses: a password is profile 1 without and 2 with TLS, a
client certificate without a password is profile 3, and neither of both is profile 0, be it over ws or wss. The operator
may expect one profile of a station, or have a port that takes only one; then any other is refused. Without that, a
station that has once proved itself with profile 2 or 3 is never let in with a lower one again (A05.FR.09). While a
station is being led to another profile, both are welcome until it has come with the new one.

A certificate of a manufacturer that the operator trusts lets a station in *provisionally*: it is this station, but it
is to get the operator's certificate before anything else (A00.FR.406).

Nobody is locked out: the right password is always let in, however many wrong ones came before. Wrong ones above
`WRONG_A_MINUTE` for a station are answered 429, and told of once a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.supervision.passwords import KeyDigest
from forecourt.supervision.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable


WRONG_A_MINUTE = 10

FAILED_TO_AUTHENTICATE = "FailedToAuthenticateAtCentralSystem"
INVALID_CERTIFICATE = "InvalidChargePointCertificate"


class CertificateSubject(msgspec.Struct, frozen=True, gc=False):
    """Whom a certificate, or a request for one, is about."""

    common_name: str
    """Of a station: its serial number."""
    organization: str
    """Of a station: the name of the operator (CpoName)."""
    serial: str = ""
    """The certificate's own serial number as hex digits; empty for a request."""
    by_manufacturer: bool = False
    """Whether a trusted manufacturer and not the operator has issued it."""


class Knock(msgspec.Struct, frozen=True):
    """A station that wants to be let in."""

    identity: str
    remote: str
    """Where it comes from, as `address:port`."""
    secured: bool
    """Whether over TLS."""
    user: str | None = None
    """The user name of Basic authentication; None without it."""
    password: bytes = b""
    certificate: CertificateSubject | None = None
    """Whom its client certificate, of a trusted chain, is about."""
    door: int | None = None
    """The only profile that the port takes it came to; None for any."""

    def __repr__(self) -> str:
        """Without the password."""
        return f"Knock(identity={self.identity!r}, remote={self.remote!r})"

    @property
    def profile(self) -> int:
        """The security profile that it uses."""
        if self.user is not None:
            return 2 if self.secured else 1
        return 3 if self.certificate is not None else 0


class Admission(msgspec.Struct, frozen=True, gc=False):
    """The station is let in."""

    profile: int
    proven: bool
    """Whether it showed that it is this station; profile 0 proves nothing, nor does a password nobody knows."""
    by_candidate: bool = False
    """Whether by the password that is to replace the present one."""
    provisional: bool = False
    """Whether by a manufacturer's certificate, which the operator's is to replace before anything else."""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """It is not."""

    status: int
    """Of HTTP."""
    sentence: str
    event: str = FAILED_TO_AUTHENTICATE
    """The security event."""
    told: int = 1
    """How many refusals this event stands for; 0 when it is not to be told of."""


class Expectation(msgspec.Struct, frozen=True, gc=False):
    """What is expected of a station at the handshake."""

    profile: int | None = None
    """The one the operator decided on; None for any."""
    target: int | None = None
    """The one it is being led to."""
    proven: int = 0
    """The highest one, of 2 and 3, that it has proved itself with."""
    key: KeyDigest | None = None
    candidate: KeyDigest | None = None
    """A password that the station may or may not have taken already."""
    serial_number: str = ""
    """Empty while it is not known."""


class Doors:
    """Judges knocks. `organization` is the operator's name that client certificates must carry.

    `issued_to` tells to which station the authority gave a certificate, by the certificate's serial number: None for
    one that it did not give, empty for a revoked one.
    """

    def __init__(self, organization: str, issued_to: Callable[[str], str | None]) -> None:
        self._organization = organization
        self._issued_to = issued_to
        self._throttle = Throttle()

    def judge(self, knock: Knock, expected: Expectation, now: float) -> Admission | Refusal:
        """Whether to let a registered station in."""
        verdict = self._profile_refused(knock, expected) or self._judge_proof(knock, expected)
        if isinstance(verdict, Refusal):
            # By the address too, so that a stranger does not hide what the station itself does wrong.
            place = (knock.identity, knock.remote.rpartition(":")[0], verdict.event)
            count, told = self._throttle.count(place, now)
            status = 429 if verdict.status == 401 and count > WRONG_A_MINUTE else verdict.status
            verdict = msgspec.structs.replace(verdict, status=status, told=told)
        return verdict

    def _judge_proof(self, knock: Knock, expected: Expectation) -> Admission | Refusal:
        if knock.profile == 3:
            return self._judge_certificate(knock, expected)
        if knock.profile == 0:
            if expected.key is not None and expected.profile is None:
                return _wrong_password(knock)
            return Admission(0, proven=False)
        return _judge_password(knock, expected)

    def _profile_refused(self, knock: Knock, expected: Expectation) -> Refusal | None:
        """A00.FR.002, 006, A05.FR.09."""
        profile = knock.profile
        if knock.door is not None and profile != knock.door:
            if profile == 0 and knock.door in (1, 2) and knock.secured is (knock.door == 2):
                return _wrong_password(knock)
            return Refusal(403, f"This port takes security profile {knock.door}; {knock.identity} came with {profile}.")
        if profile == expected.target:
            return None
        if expected.profile is not None:
            if profile == expected.profile:
                return None
            wanted = f"security profile {expected.profile}"
        elif profile < expected.proven:
            wanted = f"security profile {expected.proven}, with which it has connected before,"
        else:
            return None
        if profile == 0 and expected.profile in (1, 2) and knock.secured is (expected.profile == 2):
            return _wrong_password(knock)
        return Refusal(403, f"Of station {knock.identity} {wanted} is expected; it came with {profile}.")

    def _judge_certificate(self, knock: Knock, expected: Expectation) -> Admission | Refusal:
        """A00.FR.404, 405, 407, 702, 704: the operator's name, the station's serial number, issued and not revoked."""
        subject = knock.certificate
        assert subject is not None, "profile 3 has a certificate"
        issued_to = self._issued_to(subject.serial)
        if subject.by_manufacturer:
            return self._judge_first_certificate(subject, knock, expected)
        if subject.organization != self._organization:
            why = f"O={self._organization} was expected in it; {subject.organization!r} came"
        elif not expected.serial_number:
            why = "the serial number of the station is not known here: register it"
        elif subject.common_name != expected.serial_number:
            why = f"CN={expected.serial_number}, its serial number, was expected; {subject.common_name!r} came"
        elif issued_to == "":
            why = "it was revoked"
        elif issued_to is not None and issued_to != knock.identity:
            why = "it was issued to another station"
        else:
            return Admission(3, proven=True)
        return Refusal(403, f"The certificate of station {knock.identity} is refused: {why}.", INVALID_CERTIFICATE)

    def _judge_first_certificate(
        self, subject: CertificateSubject, knock: Knock, expected: Expectation
    ) -> Admission | Refusal:
        """A00.FR.804: by the manufacturer's word it has this serial number, which must be that of the station."""
        if expected.serial_number and subject.common_name == expected.serial_number:
            return Admission(3, proven=True, provisional=True)
        wanted = f"CN={expected.serial_number}" if expected.serial_number else "a station whose serial number is known"
        return Refusal(
            403,
            f"The manufacturer's certificate of station {knock.identity} is refused: {wanted} was expected; "
            f"{subject.common_name!r} came.",
            INVALID_CERTIFICATE,
        )


def _judge_password(knock: Knock, expected: Expectation) -> Admission | Refusal:
    key, candidate = expected.key, expected.candidate
    profile = knock.profile
    if key is None and candidate is None:
        if expected.profile is None and expected.target is None:
            return Admission(profile, proven=False)
        return Refusal(401, f"No password of station {knock.identity} is known here: set one first.")
    if knock.user == knock.identity:
        if key is not None and key.matches(knock.password):
            return Admission(profile, proven=True)
        if candidate is not None and candidate.matches(knock.password):
            return Admission(profile, proven=True, by_candidate=True)
        if key is None and expected.profile is None and expected.target is None:
            return Admission(profile, proven=False)
    return _wrong_password(knock)


def _wrong_password(knock: Knock) -> Refusal:
    return Refusal(401, f"Station {knock.identity} must give its AuthorizationKey as Basic password, and did not.")
