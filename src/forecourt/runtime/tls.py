"""TLS as the security white paper wants it: TLS 1.2 or newer, no compression, strict certificates (A00.FR.312, 320)."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from pathlib import Path


class TrustError(ForecourtError):
    """A file was expected to hold certificates of authorities."""


def client_context(certificate_authorities: str | None = None) -> ssl.SSLContext:
    """What a station checks its supervision with. Make one and share it: each costs up to a megabyte.

    `certificate_authorities` is PEM text of the roots to trust instead of those of the system.
    Strict checking is switched on here because Python does so by itself only since 3.13.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=certificate_authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


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


def server_context(certificate_file: str, key_file: str | None = None) -> ssl.SSLContext:
    """What a supervision shows to its stations: a chain in PEM, and its key there or in a file of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate_file, key_file)
    return context
