"""What handshakes are judged by, in memory: expectations, passwords' digests, serial numbers, issued certificates."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from forecourt.ocpp.core import BootNotificationRequest
from forecourt.ocpp.types import given
from forecourt.supervision.doors import Doors, Expectation, Knock, Refusal
from forecourt.supervision.facts import (
    AuthorizationKeySet,
    BootReported,
    CandidateKeyProven,
    CandidateKeySet,
    CertificateIssued,
    CertificateSettled,
    ProfileProven,
    SecuritySet,
    StationDeleted,
    UpgradeNoted,
)
from forecourt.supervision.passwords import SALT_BYTES, KeyDigest, digest_key
from forecourt.supervision.schema import CERTIFICATES, SECURITY_UPGRADES, STATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Row

    from forecourt.runtime.handshake import Handshake
    from forecourt.supervision.doors import Admission, CertificateSubject
    from forecourt.supervision.facts import Fact

_NOTHING = Expectation()


class Recalled(msgspec.Struct, frozen=True):
    """What the doors start with."""

    expectations: dict[str, Expectation]
    serial_numbers: dict[str, str]
    issued: dict[str, str]


class DoorBook:
    """What is known of every station at the door, and the judgement of a handshake by it."""

    def __init__(
        self, organization: str, recalled: Recalled, is_manufacturers: Callable[[bytes], bool] | None = None
    ) -> None:
        """`is_manufacturers` tells of a client certificate, as DER, whether a manufacturer has issued it."""
        self._is_manufacturers = is_manufacturers
        self._expectations = recalled.expectations
        self._serial_numbers = recalled.serial_numbers
        """As stations told them in BootNotification."""
        self._issued = recalled.issued
        """Identities by the serial numbers of their certificates; empty for revoked ones."""
        self._doors = Doors(organization, self._issued.get)
        self._organization = organization
        self._noters: dict[type, Callable[[Any], object]] = {
            AuthorizationKeySet: self._key_set,
            CandidateKeySet: self._candidate_set,
            CandidateKeyProven: self._candidate_proven,
            SecuritySet: self._security_set,
            ProfileProven: lambda fact: self._change(fact.identity, proven=fact.securityProfile),
            UpgradeNoted: self._upgrade_noted,
            CertificateIssued: self._certificate_issued,
            CertificateSettled: self._certificate_settled,
            BootReported: self._boot_reported,
            StationDeleted: lambda fact: self._expectations.pop(fact.identity, None),
        }
        self.noted = frozenset(self._noters)
        """The facts to tell of, from the moment they are decided."""

    def note(self, fact: Fact) -> None:
        """Take a fact into account from this moment on."""
        self._noters[type(fact)](fact)

    def expected(self, identity: str) -> Expectation:
        """What is expected of a station at the handshake."""
        return self._expectations.get(identity, _NOTHING)

    def serial_number(self, identity: str) -> str:
        """The serial number of a station: the operator's word, or else its own; empty while it is not known."""
        return self.expected(identity).serial_number or self._serial_numbers.get(identity, "")

    def judge(self, handshake: Handshake, now: float, door: int | None = None) -> Admission | Refusal:
        """Whether to let a station in; `door` is the only profile that the port takes, None for any.

        A certificate that cannot be read counts as one of nobody.
        """
        given_password = handshake.credentials
        expected = self.expected(handshake.identity)
        knock = Knock(
            handshake.identity,
            handshake.remote,
            handshake.secured,
            None if given_password is None else given_password.user,
            b"" if given_password is None else given_password.password,
            None if handshake.certificate is None else self._subject(handshake.certificate),
            door,
        )
        if knock.certificate is not None:
            serial_number = self.serial_number(handshake.identity)
            expected = msgspec.structs.replace(expected, serial_number=serial_number)
        return self._doors.judge(knock, expected, now)

    def objection_to(self, identity: str, csr: str) -> str | None:
        """Why a station's signing request is answered Rejected; None when it may be signed."""
        from forecourt.supervision.signing_requests import SigningRefused, judge_request

        serial_number = self.serial_number(identity)
        try:
            judge_request(csr, serial_number, self._organization)
        except SigningRefused as refusal:
            return str(refusal)
        other = self._other_with(identity, serial_number)
        return None if other is None else f"{serial_number} is the serial number of {other} too: register whose it is."

    def registered_with(self, serial_number: str, besides: str) -> str | None:
        """Another station to which the operator has given this serial number."""
        for identity, expected in self._expectations.items():
            if expected.serial_number == serial_number and identity != besides:
                return identity
        return None

    def _other_with(self, identity: str, serial_number: str) -> str | None:
        """Another station with the serial number of this one: the operator's word is worth more than that of others."""
        other = self.registered_with(serial_number, identity)
        if other is not None or self.expected(identity).serial_number:
            return other
        others = (name for name, told in self._serial_numbers.items() if told == serial_number and name != identity)
        return min((name for name in others if self.serial_number(name) == serial_number), default=None)

    def _subject(self, certificate: bytes) -> CertificateSubject | None:
        subject = _subject(certificate)
        if subject is None or self._is_manufacturers is None:
            return subject
        return msgspec.structs.replace(subject, by_manufacturer=self._is_manufacturers(certificate))

    # Facts.

    def _change(self, identity: str, **changes: Any) -> None:
        self._expectations[identity] = msgspec.structs.replace(self.expected(identity), **changes)

    def _key_set(self, fact: AuthorizationKeySet) -> None:
        if fact.authorizationKey is not None or fact.identity in self._expectations:
            self._change(fact.identity, key=_digest(fact.authorizationKey), candidate=None)

    def _candidate_set(self, fact: CandidateKeySet) -> None:
        self._change(fact.identity, candidate=_digest(fact.authorizationKey))

    def _candidate_proven(self, fact: CandidateKeyProven) -> None:
        self._change(fact.identity, key=self.expected(fact.identity).candidate, candidate=None)

    def _security_set(self, fact: SecuritySet) -> None:
        self._change(fact.identity, profile=fact.securityProfile, serial_number=fact.serialNumber or "")

    def _upgrade_noted(self, fact: UpgradeNoted) -> None:
        self._change(fact.identity, target=fact.target if fact.state == "running" else None)

    def _certificate_issued(self, fact: CertificateIssued) -> None:
        self._issued[fact.serialNumber] = fact.identity

    def _certificate_settled(self, fact: CertificateSettled) -> None:
        if fact.state == "revoked":
            self._issued[fact.serialNumber] = ""

    def _boot_reported(self, fact: BootReported) -> None:
        told = _told_serial_number(fact.request)
        if told != self._serial_numbers.get(fact.identity, ""):
            self._serial_numbers[fact.identity] = told


def recall_doors(connection: Connection) -> Recalled:
    """What the doors knew when the supervision ended."""
    rows = connection.execute(select(STATIONS)).all()
    running = SECURITY_UPGRADES.c.state == "running"
    upgrades = {row.identity: row.target for row in connection.execute(select(SECURITY_UPGRADES).where(running))}
    expectations = {row.identity: _recalled(row, upgrades.get(row.identity)) for row in rows}
    boots = {
        row.identity: _told_serial_number(msgspec.json.decode(row.boot, type=BootNotificationRequest))
        for row in rows
        if row.boot is not None
    }
    certificates = connection.execute(select(CERTIFICATES).where(CERTIFICATES.c.serial.is_not(None)))
    return Recalled(
        expectations={identity: found for identity, found in expectations.items() if found != _NOTHING},
        serial_numbers={identity: told for identity, told in boots.items() if told},
        issued={row.serial: "" if row.state == "revoked" else row.identity for row in certificates},
    )


def _recalled(row: Row[Any], target: int | None) -> Expectation:
    return Expectation(
        profile=row.security_profile,
        target=target,
        proven=row.proven_profile or 0,
        key=_stored(row.key_salt, row.key_digest, row.key_text_digest),
        candidate=_stored(row.candidate_salt, row.candidate_digest, row.candidate_text_digest),
        serial_number=row.serial_number or "",
    )


def _stored(salt: bytes | None, digest: bytes | None, text_digest: bytes | None) -> KeyDigest | None:
    return None if salt is None or text_digest is None else KeyDigest(salt, digest, text_digest)


def _digest(key: str | None) -> KeyDigest | None:
    return None if key is None else digest_key(key, os.urandom(SALT_BYTES))


def _told_serial_number(boot: BootNotificationRequest) -> str:
    return given(boot.chargePointSerialNumber) or given(boot.chargeBoxSerialNumber) or ""


def _subject(certificate: bytes) -> CertificateSubject | None:
    from forecourt.supervision.signing_requests import SigningRefused, subject_of_der

    try:
        return subject_of_der(certificate)
    except SigningRefused:
        return None
