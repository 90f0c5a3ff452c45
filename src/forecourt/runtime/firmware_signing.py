"""Signatures for firmware, as SignedUpdateFirmware carries them: RSA-PSS or ECDSA over the file with SHA-256."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from forecourt.errors import ForecourtError
from forecourt.station.firmware_signature import require_signature, require_signing_certificate
from forecourt.station.x509 import LEAST_EC_BITS, LEAST_RSA_BITS, public_key_of, read_one

if TYPE_CHECKING:
    from collections.abc import Sequence

PEM_MOST_LENGTH = 5500
"""Of signingCertificate."""
SIGNATURE_MOST_LENGTH = 800


class SigningRefused(ForecourtError):  # noqa: N818  the word of the domain
    """Nothing is signed with this; one sentence that says what was expected and what came."""


def require_signed_firmware(
    data: bytes, signature: str, certificate: str, roots: Sequence[str], clock_s: float
) -> None:
    """Raise `ForecourtError` unless a station that trusts these roots would install a file (white paper A00.FR.706).

    `roots` are the manufacturer's and `certificate` the signer's, PEM; `clock_s` is epoch seconds.
    """
    require_signing_certificate(certificate, roots, "", clock_s)
    require_signature(certificate, data, signature, accepts_pkcs1=False)


class FirmwareSigner:
    """A private key and its certificate."""

    def __init__(self, key: bytes, certificate: bytes) -> None:
        """Both PEM, the key without a password. Raises `ForecourtError` for what no station would take."""
        self._key = _private_key(key)
        try:
            self.pem = certificate.decode("ascii")
        except UnicodeDecodeError as error:
            raise SigningRefused("A certificate in PEM was expected, something else came.") from error
        if len(self.pem) > PEM_MOST_LENGTH:
            raise SigningRefused(
                f"A certificate of at most {PEM_MOST_LENGTH} characters was expected, {len(self.pem)} came."
            )
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        if public_key_of(read_one(self.pem)) != public:
            raise SigningRefused("The certificate of the key was expected, that of another came.")

    def sign(self, data: bytes, *, pkcs1: bool = False) -> str:
        """The signature in base64. `pkcs1` pads RSA as PKCS #1 v1.5 does, which stations take by an option only."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            if pkcs1:
                raise SigningRefused("An RSA key was expected for PKCS #1 v1.5, an EC key came.")
            given = self._key.sign(data, ec.ECDSA(hashes.SHA256()))
        else:
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            given = self._key.sign(data, padding.PKCS1v15() if pkcs1 else pss, hashes.SHA256())
        signature = b64encode(given).decode()
        if len(signature) > SIGNATURE_MOST_LENGTH:
            raise SigningRefused(
                f"A signature of at most {SIGNATURE_MOST_LENGTH} characters was expected, that of this key has "
                f"{len(signature)}."
            )
        require_signature(self.pem, data, signature, accepts_pkcs1=pkcs1)
        return signature


def _private_key(pem: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningRefused("A private key in PEM without a password was expected, something else came.") from error
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size >= LEAST_EC_BITS:
        return key
    raise SigningRefused(
        f"An RSA key of {LEAST_RSA_BITS} bits or an EC key of {LEAST_EC_BITS} bits at least was expected, another came."
    )
