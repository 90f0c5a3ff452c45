"""Files of certificates and private keys: read with a sentence for what is wrong, written for their owner only."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, TypeAlias

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from pathlib import Path

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

log = structlog.get_logger()


class AuthorityRefused(ForecourtError):  # noqa: N818  the word of the domain
    """Keys or certificates that cannot be used; the sentence says which file and why."""


def load_pair(certificate_file: Path, key_file: Path) -> tuple[x509.Certificate, PrivateKey]:
    """A certificate and its key. Raises `AuthorityRefused`."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        why = getattr(error, "strerror", None) or error
        raise AuthorityRefused(
            f"{certificate_file} and {key_file} were expected to hold a certificate and its key in PEM: {why}."
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise AuthorityRefused(f"{key_file} was expected to hold an RSA or elliptic curve key; it holds another kind.")
    if key.public_key() != certificate.public_key():
        raise AuthorityRefused(f"{key_file} was expected to be the key of {certificate_file}; it is that of another.")
    return certificate, key


def write_private(file: Path, content: bytes) -> None:
    """Replace a file as a whole, readable by its owner only."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)


def _is_private(file: Path) -> bool:
    return not stat.S_IMODE(file.stat().st_mode) & 0o077


def mend(key_file: Path) -> None:
    """Take a key of ours away from others who could read it, and say so."""
    if not _is_private(key_file):
        key_file.chmod(0o600)
        log.warning("key file mended", file=str(key_file), why="others could read it; now only its owner can")


def require_private(key_file: Path) -> None:
    """Raise `AuthorityRefused` for a key that others can read."""
    try:
        private = _is_private(key_file)
    except OSError as error:
        raise AuthorityRefused(f"{key_file} cannot be read: {error.strerror}.") from error
    if not private:
        raise AuthorityRefused(f"{key_file} can be read by others than its owner: make it 0600 (chmod 600) first.")
