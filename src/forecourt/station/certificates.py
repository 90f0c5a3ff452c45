"""The certificates of one station: roots of both kinds, and its own (white paper M03 to M05, §2.6; facts §10.8).

Theory of operation. A *root* is installed and deleted by the supervision, one record each. Those of the supervision say
whom the station connects to: before the first one it trusts what its driver trusts; from then on what is installed and
nothing else, also when that is nothing. Those of the manufacturer say who signs firmware. A root is signed by itself or
by one that is installed; in the latter case its record carries that one, since the hashes that name it need its key.

While AdditionalRootCertificateCheck is true there is one root of the supervision. A new one has to be signed by it and
takes its place; the old one stays as *fallback* until a connection with the new one was made. Each attempt to connect
trusts one of the two: first the new one, and the fallback at once when the server's certificate failed with that.

The station's own certificates (`Own`) are made by `station.certificate_requests`. Several may be there: the valid one
that became valid last is in use; until it has worked, every other attempt to connect is made with the one before it.

A station that never had a certificate has no such block at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from forecourt.errors import ForecourtError
from forecourt.evlink.keys import ValueRefused
from forecourt.ocpp.security_extension import (
    CertificateHashData,
    CertificateUse,
    DeleteCertificateRequest,
    DeleteCertificateResponse,
    DeleteCertificateStatus,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
    GetInstalledCertificateStatus,
    HashAlgorithm,
    InstallCertificateRequest,
    InstallCertificateResponse,
    InstallCertificateStatus,
)
from forecourt.station.clock import Moment
from forecourt.station.effects import DeleteRecord, Effect, ForgetKey, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography.x509 import Certificate

    from forecourt.station.configuration import Configuration

KIND_OF_ROOTS = "root"
KIND_OF_OWN = "certificate"
KIND_OF_TRUST = "trust"
KINDS = frozenset({KIND_OF_ROOTS, KIND_OF_OWN, KIND_OF_TRUST})

KEY_ID = r"[0-9a-z-]{1,60}"
"""What the id of a private key looks like."""

KEPT_S = 30 * 86_400.0
"""How long a certificate of the station's own is kept after a later one has worked: a month."""

SUPERVISION, MANUFACTURER = CertificateUse.CentralSystemRootCertificate, CertificateUse.ManufacturerRootCertificate


class Root(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An installed root."""

    use: CertificateUse
    certificate: str
    """PEM."""
    sequence: int
    """Rises with every installation."""
    issuer: str = ""
    """Who has signed it, in PEM; empty when it has done so itself."""
    is_fallback: bool = False


class Own(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A certificate of the station."""

    chain: str
    """It and what lies between it and its root, in PEM."""
    key: str
    """The id of its private key."""
    public_key: bytes
    """DER."""
    from_s: Moment
    until_s: Moment
    """Its validity in seconds since the epoch."""
    has_worked: bool = False
    """Whether the supervision has let the station in with it."""
    kept_until_s: Moment | None = None
    """When it may go, since a later one has worked; None while none has."""


class Refused(ForecourtError):  # noqa: N818  the word of the domain
    """A root is not installed; the text says what was expected and what came."""


_roots, _owns = msgspec.json.Decoder(Root), msgspec.json.Decoder(Own)
_encode = msgspec.json.Encoder().encode


class Certificates:
    """What one station trusts and what it shows."""

    __slots__ = ("_configuration", "_effects", "_own", "_roots", "trusts_only_installed")

    def __init__(
        self, configuration: Configuration, records: Mapping[tuple[str, str], bytes], effects: list[Effect]
    ) -> None:
        self._configuration = configuration
        self._effects = effects
        self._roots: dict[str, Root] = {}
        """By use and fingerprint, which is the key of the record."""
        self._own: dict[str, Own] = {}
        """By the id of the key."""
        self.trusts_only_installed = any(kind == KIND_OF_TRUST for kind, _ in records)
        for (kind, key), data in sorted(record for record in records.items() if record[0][0] in KINDS):
            self._restore(kind, key, data)

    def _restore(self, kind: str, key: str, data: bytes) -> None:
        from forecourt.station import x509

        try:
            if kind == KIND_OF_ROOTS:
                root = _roots.decode(data)
                _ = root.issuer and x509.read_one(root.issuer)
                if self._key_of(root) != key:
                    raise Refused(f"expected that certificate, came {self._key_of(root)}")
                self._roots[key] = root
            elif kind == KIND_OF_OWN:
                own = _owns.decode(data)
                x509.read_chain(own.chain)
                if not re.fullmatch(KEY_ID, key):
                    raise Refused("expected the id of a key")
                self._own[key] = msgspec.structs.replace(own, key=key)
        except (msgspec.MsgspecError, UnicodeDecodeError, ForecourtError) as error:
            self._effects.append(LogEvent("Record ignored", f"{kind} {key}: {error}"))

    # The roots, for others.

    def roots(self, use: CertificateUse) -> list[Root]:
        """Those of a use, the one installed last first and a fallback behind it."""
        found = [root for root in self._roots.values() if root.use is use]
        return sorted(found, key=lambda root: (root.is_fallback, -root.sequence))

    def pem(self, use: CertificateUse) -> tuple[str, ...]:
        """The certificates of a use in PEM, in that order."""
        return tuple(root.certificate for root in self.roots(use))

    def of_supervision(self) -> tuple[str, ...]:
        """The installed roots of the supervision in PEM."""
        return self.pem(SUPERVISION)

    def trusted(self, refused: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """What the next attempt to connect trusts; None: whatever the driver does.

        `refused`: with what the server's certificate failed just now.
        """
        installed = self.pem(SUPERVISION)
        if not installed:
            return () if self.trusts_only_installed else None
        if not self._configuration.boolean("AdditionalRootCertificateCheck"):
            return installed
        fallback = self._fallback()
        if fallback is not None and refused == installed[:1]:
            return (fallback.certificate,)
        return installed[:1]

    def has_root_of_supervision(self, clock_s: float) -> bool:
        """Whether there is one that is valid now."""
        from forecourt.station import x509

        spans = [x509.validity_s(x509.read_one(pem)) for pem in self.pem(SUPERVISION)]
        return any(from_s <= clock_s <= until_s for from_s, until_s in spans)

    def require_one_root(self) -> None:
        """Raise `ValueRefused` while there are several roots of the supervision, so that none of them is the one."""
        if (count := len(self.roots(SUPERVISION))) > 1:
            raise ValueRefused(f"expected one CentralSystemRootCertificate before the check of roots, came {count}")

    def connected(self, trusted: tuple[str, ...] | None) -> None:
        """A connection was made while this was trusted: with the newest root, the fallback has done its duty."""
        fallback = self._fallback()
        if fallback is not None and trusted == self.pem(SUPERVISION)[:1]:
            self._delete(fallback)

    def _fallback(self) -> Root | None:
        return next((root for root in self._roots.values() if root.is_fallback), None)

    # InstallCertificate.

    def install(
        self, request: InstallCertificateRequest, clock_s: float, *, can_save: bool
    ) -> InstallCertificateResponse:
        """Install a root, or say why not (M05)."""
        from forecourt.station import x509

        try:
            root = self._judged(request, clock_s)
        except (Refused, x509.CertificateRefused) as refused:
            return self._not_installed(InstallCertificateStatus.Rejected, str(refused))
        if root is None:
            return InstallCertificateResponse(status=InstallCertificateStatus.Accepted)
        if not can_save:
            why = "expected records that can be saved, which fails now"
            return self._not_installed(InstallCertificateStatus.Failed, why)
        if root.use is SUPERVISION and self._replaces():
            if self._fallback() is not None:
                why = "expected a connection with the root installed before, which is still to be proved"
                return self._not_installed(InstallCertificateStatus.Failed, why)
            self._retire(root)
        self._save(root)
        if root.use is SUPERVISION and not self.trusts_only_installed:
            self.trusts_only_installed = True
            self._effects.append(SaveRecord(KIND_OF_TRUST, "installed", b""))
        return InstallCertificateResponse(status=InstallCertificateStatus.Accepted)

    def _not_installed(self, status: InstallCertificateStatus, why: str) -> InstallCertificateResponse:
        self._effects.append(LogEvent("InstallCertificate refused", why))
        return InstallCertificateResponse(status=status)

    def _judged(self, request: InstallCertificateRequest, clock_s: float) -> Root | None:
        """The root to be installed; None when it is there already."""
        from forecourt.station import x509

        certificate, use = x509.read_one(request.certificate), request.certificateType
        x509.require_root(certificate, clock_s)
        if _key(use, certificate) in self._roots:
            return None
        most = self._configuration.integer("CertificateStoreMaxLength")
        if len(self._roots) >= most:
            raise Refused(f"expected fewer than {most} certificates (CertificateStoreMaxLength), one more came")
        issuer = self._issuer(certificate, use)
        sequence = max((root.sequence for root in self._roots.values()), default=0) + 1
        return Root(use, request.certificate, sequence, issuer)

    def _issuer(self, certificate: Certificate, use: CertificateUse) -> str:
        """PEM of who signed a root; empty: itself. Raises `Refused` when that is nobody it may be."""
        from forecourt.station import x509

        present = [root for root in self.roots(use) if not root.is_fallback]
        if use is SUPERVISION and present and self._replaces():
            if not x509.is_issued_by(certificate, x509.read_one(present[0].certificate)):
                raise Refused("expected a root signed by the present one (AdditionalRootCertificateCheck), it is not")
            return present[0].certificate
        if x509.is_issued_by(certificate, certificate):
            return ""
        for root in present:
            if x509.is_issued_by(certificate, x509.read_one(root.certificate)):
                return root.certificate
        raise Refused("expected a root signed by itself or by an installed one, came one signed by another")

    def _replaces(self) -> bool:
        return self._configuration.boolean("AdditionalRootCertificateCheck")

    def _retire(self, successor: Root) -> None:
        """The newest root becomes the fallback of its successor; others, from before the check was on, go."""
        for at, root in enumerate(self.roots(SUPERVISION)):
            if at == 0 and successor.issuer:
                self._save(msgspec.structs.replace(root, is_fallback=True))
            else:
                self._delete(root)

    # GetInstalledCertificateIds.

    def tell_ids(self, request: GetInstalledCertificateIdsRequest, now: float) -> GetInstalledCertificateIdsResponse:
        """The hash data of every root of a use (M03)."""
        data = tuple(self._hash_data(root, HashAlgorithm.SHA256) for root in self.roots(request.certificateType))
        if not data:
            return GetInstalledCertificateIdsResponse(status=GetInstalledCertificateStatus.NotFound)
        return GetInstalledCertificateIdsResponse(
            status=GetInstalledCertificateStatus.Accepted, certificateHashData=data or UNSET
        )

    @staticmethod
    def _hash_data(root: Root, by: HashAlgorithm) -> CertificateHashData:
        from forecourt.station import x509

        certificate = x509.read_one(root.certificate)
        issuer = x509.read_one(root.issuer) if root.issuer else certificate
        return x509.hash_data(certificate, issuer, by)

    # DeleteCertificate.

    def delete(
        self, request: DeleteCertificateRequest, root_in_use: str, *, can_save: bool
    ) -> DeleteCertificateResponse:
        """Delete a root, or say why not (M04). `root_in_use`: fingerprint of the one of the present connection."""
        meant = request.certificateHashData
        found = [root for root in self._roots.values() if _same(self._hash_data(root, meant.hashAlgorithm), meant)]
        if self._is_own(meant):
            return self._not_deleted(DeleteCertificateStatus.Failed, "expected a root, came the station's own")
        if not found:
            why = f"expected an installed certificate, came serialNumber {meant.serialNumber}"
            return self._not_deleted(DeleteCertificateStatus.NotFound, why)
        if any(root.use is SUPERVISION and self._is_in_use(root, root_in_use) for root in found):
            why = "expected a root that the present connection does not hang on, came the one that it does"
            return self._not_deleted(DeleteCertificateStatus.Failed, why)
        if not can_save:
            return self._not_deleted(DeleteCertificateStatus.Failed, "expected records that can be saved")
        for root in found:
            self._delete(root)
        fallback = self._fallback()
        if fallback is not None and len(self.roots(SUPERVISION)) == 1:
            self._save(msgspec.structs.replace(fallback, is_fallback=False))
        return DeleteCertificateResponse(status=DeleteCertificateStatus.Accepted)

    def _not_deleted(self, status: DeleteCertificateStatus, why: str) -> DeleteCertificateResponse:
        self._effects.append(LogEvent("DeleteCertificate refused", why))
        return DeleteCertificateResponse(status=status)

    @staticmethod
    def _is_in_use(root: Root, root_in_use: str) -> bool:
        from forecourt.station import x509

        return x509.fingerprint(x509.read_one(root.certificate)) == root_in_use

    def _is_own(self, meant: CertificateHashData) -> bool:
        from forecourt.station import x509

        roots = [x509.read_one(pem) for pem in self.pem(SUPERVISION)]
        for own in self._own.values():
            leaf, *between = x509.read_chain(own.chain)
            for issuer in (*between, *roots):
                data = x509.hash_data(leaf, issuer, meant.hashAlgorithm)
                if _same(data, meant) and x509.is_issued_by(leaf, issuer):
                    return True
        return False

    def _save(self, root: Root) -> None:
        key = self._key_of(root)
        self._roots[key] = root
        self._effects.append(SaveRecord(KIND_OF_ROOTS, key, _encode(root)))

    def _delete(self, root: Root) -> None:
        key = self._key_of(root)
        del self._roots[key]
        self._effects.append(DeleteRecord(KIND_OF_ROOTS, key))

    @staticmethod
    def _key_of(root: Root) -> str:
        from forecourt.station import x509

        return _key(root.use, x509.read_one(root.certificate))

    # The station's own.

    def own(self) -> Iterator[Own]:
        """All of them, the one that becomes valid last first."""
        return iter(sorted(self._own.values(), key=lambda own: -own.from_s))

    def shown(self, clock_s: float, attempt: int = 0) -> Own | None:
        """What to show at this attempt to connect, the first being 0: the newest that is valid, if there is one."""
        valid = [own for own in self.own() if own.from_s <= clock_s <= own.until_s]
        if len(valid) > 1 and attempt % 2 == 1 and not valid[0].has_worked:
            return valid[1]
        return valid[0] if valid else None

    def take(self, own: Own) -> None:
        """Keep a certificate that has been checked."""
        self._own[own.key] = own
        self._effects.append(SaveRecord(KIND_OF_OWN, own.key, _encode(own)))

    def worked(self, key: str, clock_s: float) -> None:
        """The supervision let the station in with this one: those before it have a month left."""
        own = self._own.get(key)
        if own is None or own.has_worked:
            return
        self.take(msgspec.structs.replace(own, has_worked=True))
        for other in list(self.own()):
            if other.from_s < own.from_s and other.kept_until_s is None:
                self.take(msgspec.structs.replace(other, kept_until_s=clock_s + KEPT_S))

    def prune(self, clock_s: float) -> None:
        """Forget those whose month is over, and their keys; likewise what has expired and was replaced."""
        shown = self.shown(clock_s)
        for own in list(self.own()):
            is_kept_no_more = own.kept_until_s is not None and own.kept_until_s <= clock_s
            if is_kept_no_more or (own.until_s <= clock_s and shown is not None and shown.from_s > own.from_s):
                del self._own[own.key]
                self._effects += [DeleteRecord(KIND_OF_OWN, own.key), ForgetKey(own.key)]


def _key(use: CertificateUse, certificate: Certificate) -> str:
    from forecourt.station import x509

    return f"{use.value}-{x509.fingerprint(certificate)}"


def _same(one: CertificateHashData, other: CertificateHashData) -> bool:
    return (
        one.issuerNameHash.lower() == other.issuerNameHash.lower()
        and one.issuerKeyHash.lower() == other.issuerKeyHash.lower()
        and one.serialNumber.lower() == other.serialNumber.lower().lstrip("0")
    )
