"""What a station asks to have signed: reading and judging PKCS#10 requests (white paper 5.3, 5.4; A02, A03).

Nothing is signed here. `cryptography` is a heavy import, so whoever needs this module imports it where it is needed.
"""

from __future__ import annotations

import ipaddress
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from forecourt.errors import ForecourtError
from forecourt.supervision.doors import CertificateSubject

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 224
"""112 bits of security (A00.FR.501 to 503)."""


class SigningRefused(ForecourtError):  # noqa: N818  the word of the domain
    """A request cannot be signed; the text says what was expected and what came."""


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise SigningRefused(f"{what} cannot be read: {error}.") from error


def load_request(csr: str) -> x509.CertificateSigningRequest:
    """The request in a PEM text, which its own key has signed. Raises `SigningRefused`."""
    with _reading("The certificate signing request"):
        request = x509.load_pem_x509_csr(csr.encode())
        key = request.public_key()
        digest = request.signature_hash_algorithm
        signed = _is_signed(request)
    if digest is None or digest.digest_size < hashes.SHA256.digest_size:
        name = "none" if digest is None else digest.name
        raise SigningRefused(f"A signature with SHA-256 or better was expected; {name} came.")
    if not signed:
        raise SigningRefused("The request is not signed by the key that it asks a certificate for.")
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            raise SigningRefused(f"An RSA key of {LEAST_RSA_BITS} bits or more was expected; {key.key_size} came.")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < LEAST_EC_BITS:
            raise SigningRefused(f"A curve of {LEAST_EC_BITS} bits or more was expected; {key.key_size} came.")
    else:
        raise SigningRefused(f"An RSA or elliptic curve key was expected; {type(key).__name__} came.")
    return request


def _is_signed(request: x509.CertificateSigningRequest) -> bool:
    """Whether the key in it made its signature; a digest the library will not use counts as none."""
    try:
        return request.is_signature_valid
    except (InvalidSignature, UnsupportedAlgorithm):
        return False


def judge_request(csr: str, serial_number: str, organization: str) -> CertificateSubject:
    """Whom a request is about, when the authority of `organization` may sign it for the station of this serial number.

    Raises `SigningRefused` with a sentence. An empty serial number is one that is not known.
    """
    subject = _subject(load_request(csr).subject)
    if not serial_number:
        raise SigningRefused(
            f"The serial number of the station is not known, so that CN={subject.common_name} cannot be checked: "
            "register it, or let the station boot."
        )
    if subject.common_name != serial_number:
        raise SigningRefused(
            f"The station's serial number {serial_number} was expected as CN; {subject.common_name!r} came."
        )
    if looks_like_address(subject.common_name):
        raise SigningRefused(f"A serial number as CN must not look like an address; {subject.common_name!r} does.")
    if subject.organization != organization:
        raise SigningRefused(f"The operator {organization!r} was expected as O; {subject.organization!r} came.")
    return subject


def looks_like_address(name: str) -> bool:
    """Whether a common name could be taken for a URL, a host name or an IP address (A00.FR.511)."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "/" in name or "." in name or ":" in name
    return True


def subject_of_der(certificate: bytes) -> CertificateSubject:
    """Whom a certificate, given as DER, is about. Raises `SigningRefused`."""
    with _reading("The certificate"):
        read = x509.load_der_x509_certificate(certificate)
        subject = _subject(read.subject)
        return msgspec.structs.replace(subject, serial=f"{read.serial_number:X}")


def _subject(name: x509.Name) -> CertificateSubject:
    def only(oid: x509.ObjectIdentifier) -> str:
        found = name.get_attributes_for_oid(oid)
        return str(found[0].value) if len(found) == 1 else ""

    return CertificateSubject(only(NameOID.COMMON_NAME), only(NameOID.ORGANIZATION_NAME))
