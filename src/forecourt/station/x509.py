"""Certificates as a station reads and judges them (white paper §2.6, §5.1; facts §10.3, §10.8).

Only reading and verifying: no key is made and nothing is signed here. `cryptography` does the work. It is a heavy
import, so whoever needs this module imports it where it is needed: a fleet without certificates does not pay for it.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from forecourt.errors import ForecourtError
from forecourt.ocpp.security_extension import CertificateHashData, HashAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography.x509.verification import Policy

LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 224
"""112 bits of security."""
SERIAL_MOST_DIGITS = 40
"""Of `serialNumber` in CertificateHashData."""

HASHES: dict[HashAlgorithm, hashes.HashAlgorithm] = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}


class CertificateRefused(ForecourtError):  # noqa: N818  the word of the domain
    """A certificate is not what it must be; the text says what was expected and what came."""


@contextmanager
def _reading() -> Iterator[None]:
    """What the parser says of broken certificates, and of parts of them that are only read on demand."""
    try:
        yield
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise CertificateRefused(f"expected certificates that can be read, came some that can not: {error}") from error


# Reading.


def read_chain(pem: str) -> list[x509.Certificate]:
    """The certificates of a PEM text, at least one, in their order."""
    with _reading():
        return x509.load_pem_x509_certificates(pem.encode())


def read_one(pem: str) -> x509.Certificate:
    """The only certificate of a PEM text."""
    chain = read_chain(pem)
    if len(chain) != 1:
        raise CertificateRefused(f"expected one certificate, came {len(chain)}")
    return chain[0]


def fingerprint(certificate: x509.Certificate) -> str:
    """What names a certificate within a station: SHA-256 over its DER, as hex digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def validity_s(certificate: x509.Certificate) -> tuple[float, float]:
    """From when to when it is valid, in seconds since the epoch."""
    return certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()


def public_key_of(certificate: x509.Certificate) -> bytes:
    """Its public key as DER (SubjectPublicKeyInfo)."""
    with _reading():
        key = certificate.public_key()
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def subject_of(certificate: x509.Certificate) -> tuple[str, str]:
    """The commonName and the organizationName of its subject; empty when there is none."""
    return _name(certificate, NameOID.COMMON_NAME), _name(certificate, NameOID.ORGANIZATION_NAME)


def _name(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    with _reading():
        found = certificate.subject.get_attributes_for_oid(oid)
        return str(found[0].value) if found else ""


def hash_data(certificate: x509.Certificate, issuer: x509.Certificate, by: HashAlgorithm) -> CertificateHashData:
    """What names the certificate on the wire; `issuer` is itself for a self-signed one."""
    with _reading():
        asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, HASHES[by]).build()
    return CertificateHashData(
        hashAlgorithm=by,
        issuerNameHash=asked.issuer_name_hash.hex(),
        issuerKeyHash=asked.issuer_key_hash.hex(),
        serialNumber=f"{asked.serial_number:X}",
    )


# Judging.


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the one's name and key have signed the other."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def require_root(certificate: x509.Certificate, clock_s: float) -> None:
    """Raise `CertificateRefused` unless it may be trusted as a root now. Who has signed it is not looked at."""
    from_s, until_s = validity_s(certificate)
    if not from_s <= clock_s <= until_s:
        raise CertificateRefused(f"expected a certificate that is valid now, came one valid {_span(certificate)}")
    found = _extensions(certificate)
    constraints, usage = found.get(x509.BasicConstraints.oid), found.get(x509.KeyUsage.oid)
    if not isinstance(constraints, x509.BasicConstraints) or not constraints.ca:
        raise CertificateRefused("expected the certificate of an authority, came one that may sign no other")
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        raise CertificateRefused("expected a key that may sign certificates, came one that may not by its KeyUsage")
    _require_strength(certificate)
    if len(f"{certificate.serial_number:X}") > SERIAL_MOST_DIGITS:
        raise CertificateRefused(
            f"expected a serial number of at most {SERIAL_MOST_DIGITS} hex digits, came a longer one"
        )


def require_leaf(certificate: x509.Certificate, common_name: str, organization: str, clock_s: float) -> None:
    """Raise `CertificateRefused` unless it can be this station's own, now or from a later day on."""
    if validity_s(certificate)[1] < clock_s:
        raise CertificateRefused(f"expected a certificate that has not expired, came one valid {_span(certificate)}")
    came = subject_of(certificate)
    if came != (common_name, organization):
        raise CertificateRefused(
            f"expected the subject CN={common_name}, O={organization}, came CN={came[0]}, O={came[1]}"
        )
    found = _extensions(certificate)
    constraints = found.get(x509.BasicConstraints.oid)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise CertificateRefused("expected the certificate of a station, came that of an authority")
    usage = found.get(x509.KeyUsage.oid)
    if isinstance(usage, x509.KeyUsage) and not usage.digital_signature:
        raise CertificateRefused("expected a key that may sign, came one that may not by its KeyUsage")
    purposes = found.get(x509.ExtendedKeyUsage.oid)
    if isinstance(purposes, x509.ExtendedKeyUsage) and not {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    }.intersection(purposes):
        raise CertificateRefused("expected a certificate for clients of TLS, came one for other purposes")
    _require_strength(certificate)


def require_chain(
    leaf: x509.Certificate, between: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], clock_s: float
) -> None:
    """Raise `CertificateRefused` unless the leaf hangs on one of the roots, at the latest when it becomes valid."""
    if not roots:
        raise CertificateRefused("expected a chain to an installed CentralSystemRootCertificate, and none is installed")
    at = datetime.fromtimestamp(max(clock_s, validity_s(leaf)[0]), UTC).replace(tzinfo=None)
    authorities = ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority
    )
    policy = (
        PolicyBuilder()
        .store(Store(list(roots)))
        .time(at)
        .extension_policies(ca_policy=authorities, ee_policy=ExtensionPolicy.permit_all())
    )
    with _reading():
        try:
            policy.build_client_verifier().verify(leaf, list(between))
        except VerificationError as error:
            raise CertificateRefused(
                f"expected a chain to an installed CentralSystemRootCertificate, came one that fails: {error}"
            ) from error


def _is_authority(policy: Policy, certificate: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("a certificate between is not that of an authority")


def _require_strength(certificate: x509.Certificate) -> None:
    with _reading():
        key = certificate.public_key()
        digest = certificate.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        raise CertificateRefused(f"expected a key of at least {LEAST_RSA_BITS} bits, came one of {key.key_size}")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < LEAST_EC_BITS:
        raise CertificateRefused(f"expected a curve of at least {LEAST_EC_BITS} bits, came one of {key.key_size}")
    if digest is not None and digest.digest_size < hashes.SHA256.digest_size:
        raise CertificateRefused(f"expected a signature with SHA-256 or better, came one with {digest.name}")


def _extensions(certificate: x509.Certificate) -> dict[x509.ObjectIdentifier, x509.ExtensionType]:
    with _reading():
        return {extension.oid: extension.value for extension in certificate.extensions}


def _span(certificate: x509.Certificate) -> str:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
