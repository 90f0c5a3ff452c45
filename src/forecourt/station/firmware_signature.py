"""What makes a signed firmware trustworthy: its signing certificate and its signature (white paper L01; facts §9.2).

The certificate has to be issued by an installed ManufacturerRootCertificate itself, without one between, and must be
neither out of date nor, by the revocation lists that the installer gave to the station, revoked. The signature is one
over the whole file with SHA-256: RSA-PSS, or ECDSA in place of the white paper's ECSchnorr, for which there is no
common library. RSA PKCS #1 v1.5, which others send, is taken by an option only.

`cryptography` is a heavy import: whoever needs this module imports it where it is needed.
"""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from forecourt.errors import ForecourtError
from forecourt.station.x509 import (
    LEAST_EC_BITS,
    LEAST_RSA_BITS,
    CertificateRefused,
    is_issued_by,
    read_one,
    require_root,
    validity_s,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LIST_LENGTH = 1024 * 1024
"""Assumed: characters of revocation lists that a station keeps."""

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)
"""Extensions that may be critical; any other critical one makes a certificate invalid (RFC 5280 §4.2)."""
_PURPOSES = (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
_END = "-----END X509 CRL-----"


class SigningCertificateRefused(ForecourtError):  # noqa: N818  the word of the domain
    """Firmware signed with this certificate is not taken; the text says what was expected and what came."""


class SigningCertificateRevoked(SigningCertificateRefused):
    """A revocation list of its issuer names the certificate."""


class SignatureRefused(ForecourtError):  # noqa: N818  the word of the domain
    """The signature is not that of the file; the text says what was expected and what came."""


class RevocationListRefused(ForecourtError):  # noqa: N818  the word of the domain
    """What the installer gave is no revocation list; the text says what was expected and what came."""


# The certificate.


def require_signing_certificate(pem: str, roots: Sequence[str], revocation_lists: str, clock_s: float) -> None:
    """Raise `SigningCertificateRefused` unless a manufacturer's root has issued the certificate for signing firmware.

    `roots` are the installed ManufacturerRootCertificates and `revocation_lists` the installer's lists, all PEM.
    """
    try:
        certificate = read_one(pem)
        _require_signer(certificate, clock_s)
        issuer = _issuer(certificate, roots, clock_s)
    except CertificateRefused as refused:
        raise SigningCertificateRefused(str(refused)) from refused
    for revoked in read_revocation_lists(revocation_lists):
        if revoked.issuer != issuer.subject or not _has_signed(issuer, revoked):
            continue
        found = revoked.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if found is not None and found.revocation_date_utc.timestamp() <= clock_s:
            raise SigningCertificateRevoked(
                f"expected a certificate that is not revoked, came {certificate.serial_number:X}, "
                f"revoked since {found.revocation_date_utc:%Y-%m-%d %H:%M} UTC"
            )


def _issuer(certificate: x509.Certificate, roots: Sequence[str], clock_s: float) -> x509.Certificate:
    """The installed root that has issued a certificate and may be trusted now."""
    refused: CertificateRefused | None = None
    for root in map(read_one, roots):
        if is_issued_by(certificate, root):
            try:
                require_root(root, clock_s)
            except CertificateRefused as error:
                refused = error
            else:
                return root
    if refused is not None:
        raise refused
    raise SigningCertificateRefused(
        f"expected a certificate issued by one of {len(roots)} installed ManufacturerRootCertificates, came another"
    )


def _require_signer(certificate: x509.Certificate, clock_s: float) -> None:
    from_s, until_s = validity_s(certificate)
    if not from_s <= clock_s <= until_s:
        raise SigningCertificateRefused(
            f"expected a certificate that is valid now, came one valid from {_day(from_s)} to {_day(until_s)} UTC"
        )
    try:
        extensions = certificate.extensions
        key, digest = certificate.public_key(), certificate.signature_hash_algorithm
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise SigningCertificateRefused(
            f"expected a certificate that can be read, came one that can not: {error}"
        ) from error
    if digest is None or digest.digest_size < hashes.SHA256.digest_size:
        name = "none" if digest is None else digest.name
        raise SigningCertificateRefused(f"expected a certificate signed with SHA-256 or better, came {name}")
    _require_key(key)
    for extension in extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            oid = extension.oid.dotted_string
            raise SigningCertificateRefused(f"expected critical extensions that are understood, came {oid}")
        _require_purpose(extension.value)


def _require_key(key: object) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        is_strong = key.key_size >= LEAST_RSA_BITS
    elif isinstance(key, ec.EllipticCurvePublicKey):
        is_strong = key.key_size >= LEAST_EC_BITS
    else:
        is_strong = False
    if not is_strong:
        raise SigningCertificateRefused(
            f"expected an RSA key of {LEAST_RSA_BITS} bits or an EC key of {LEAST_EC_BITS} bits at least, came another"
        )


def _require_purpose(extension: x509.ExtensionType) -> None:
    if isinstance(extension, x509.BasicConstraints) and extension.ca:
        raise SigningCertificateRefused("expected the certificate of a signer, came that of an authority")
    if isinstance(extension, x509.KeyUsage) and not extension.digital_signature:
        raise SigningCertificateRefused("expected a key that may sign, came one that may not by its KeyUsage")
    if isinstance(extension, x509.ExtendedKeyUsage) and not any(purpose in extension for purpose in _PURPOSES):
        raise SigningCertificateRefused("expected a certificate that is for signing code, came one for other purposes")


def _day(clock_s: float) -> str:
    return f"{datetime.fromtimestamp(clock_s, UTC):%Y-%m-%d %H:%M}"


# Revocation lists.


def read_revocation_lists(pem: str) -> list[x509.CertificateRevocationList]:
    """The lists of a PEM text, in their order; an empty text has none. Raises `RevocationListRefused`."""
    if len(pem) > MOST_LIST_LENGTH:
        raise RevocationListRefused(f"expected at most {MOST_LIST_LENGTH} characters, came {len(pem)}")
    *parts, rest = pem.split(_END)
    if rest.strip() or not pem.isascii():
        raise RevocationListRefused("expected revocation lists in PEM and nothing after them, came something else")
    try:
        return [x509.load_pem_x509_crl(f"{part}{_END}\n".encode()) for part in parts]
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RevocationListRefused(
            f"expected revocation lists in PEM, came some that can not be read: {error}"
        ) from error


def _has_signed(issuer: x509.Certificate, revoked: x509.CertificateRevocationList) -> bool:
    key = issuer.public_key()
    try:
        return isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) and revoked.is_signature_valid(key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


# The signature.


def require_signature(pem: str, data: bytes, signature: str, *, accepts_pkcs1: bool) -> None:
    """Raise `SignatureRefused` unless the certificate's key has signed these bytes; `signature` is base64."""
    try:
        given = b64decode(signature, validate=True)
    except ValueError as error:
        raise SignatureRefused(f"expected a signature in base64, came another text: {error}") from error
    key = _key_of(pem)
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not _is_ecdsa(key, given, data):
            raise SignatureRefused("expected a signature with ECDSA and SHA-256 over the whole file, came another")
        return
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
    if _is_rsa(key, given, data, pss) or (accepts_pkcs1 and _is_rsa(key, given, data, padding.PKCS1v15())):
        return
    raise SignatureRefused("expected a signature with RSA-PSS and SHA-256 over the whole file, came another")


def _key_of(pem: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """The key of a certificate that was good when it came; what is kept of it may be damaged."""
    try:
        key = read_one(pem).public_key()
    except (CertificateRefused, ValueError, UnsupportedAlgorithm) as error:
        raise SignatureRefused(f"expected the certificate as it came, came another: {error}") from error
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise SignatureRefused("expected the certificate of an RSA or EC key, came another")


def _is_ecdsa(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_rsa(key: rsa.RSAPublicKey, signature: bytes, data: bytes, padded: padding.AsymmetricPadding) -> bool:
    try:
        key.verify(signature, data, padded, hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True
