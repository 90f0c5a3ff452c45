"""TLS as the security white paper wants it: TLS 1.2 or newer, no compression, strict certificates (A00.FR.312, 320)."""

from __future__ import annotations

import ssl
from hashlib import sha256
from typing import TYPE_CHECKING

from forecourt.errors import ForecourtError
from forecourt.station.events import LinkProblem

if TYPE_CHECKING:
    from pathlib import Path


_ENCODING_DER = 2
"""What the certificates of the `ssl` module call DER."""

_PROBLEMS = {
    "UNSUPPORTED_PROTOCOL": LinkProblem.TLS_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": LinkProblem.TLS_VERSION,
    "NO_PROTOCOLS_AVAILABLE": LinkProblem.TLS_VERSION,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": LinkProblem.CIPHER_SUITE,
    "SSL/TLS_ALERT_HANDSHAKE_FAILURE": LinkProblem.CIPHER_SUITE,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": LinkProblem.CIPHER_SUITE,
    "WRONG_CIPHER_RETURNED": LinkProblem.CIPHER_SUITE,
    "DH_KEY_TOO_SMALL": LinkProblem.CIPHER_SUITE,
}
"""By the reason that OpenSSL gives. A server answers `handshake failure` when it has no suite in common with us."""


class TrustError(ForecourtError):
    """A file was expected to hold certificates of authorities."""


def client_context(certificate_authorities: str | None = None) -> ssl.SSLContext:
    """What a station checks its supervision with. Make one and share it: each costs up to a megabyte.

    `certificate_authorities` is PEM text of the roots to trust instead of those of the system.
    Strict checking is switched on here because Python does so by itself only since 3.13.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=certificate_authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def only_trusting(roots: tuple[str, ...]) -> ssl.SSLContext:
    """As `client_context`, but nothing is trusted except these certificates in PEM, whoever has signed them.

    Raises `ssl.SSLError` for what is no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    for root in roots:
        context.load_verify_locations(cadata=root)
    return context


def root_of(connection: ssl.SSLObject) -> str:
    """SHA-256 over the DER of the root that the peer's certificate hangs on, as hex digits; empty if it is not told."""
    # Public since Python 3.13; there from 3.10 on beneath.
    inner = connection if hasattr(connection, "get_verified_chain") else getattr(connection, "_sslobj", None)
    tell = getattr(inner, "get_verified_chain", None)
    chain = tell() if tell is not None else None
    if not chain:
        return ""
    root = chain[-1]
    return sha256(root if isinstance(root, bytes) else root.public_bytes(_ENCODING_DER)).hexdigest()


def problem_of(error: Exception) -> LinkProblem | None:
    """What was wrong with TLS when a connection did not come about; None when that was something else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return LinkProblem.CERTIFICATE
    reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    return _PROBLEMS.get(reason or "")


def read_authorities(path: Path) -> str:
    """The roots in a PEM file, for `client_context`. Raises `TrustError` with a sentence."""
    try:
        text = path.read_text(encoding="ascii")
        if not text.strip():
            raise ValueError("it is empty")
        client_context(text)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        why = getattr(error, "strerror", None) or error
        raise TrustError(f"{path} was expected to hold certificates in PEM; it does not: {why}.") from error
    return text
