"""The keys that the stations of a world make: the same seed gives the same keys and the same requests.

They are as good as real ones in form and worthless as secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from forecourt.station.events import CertificateRequestMade

if TYPE_CHECKING:
    from forecourt.station.effects import MakeCertificateRequest


def key_of(station: str, key: str) -> ec.EllipticCurvePrivateKey:
    """The private key that a station of this identity has made under this id."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(f"{station}\n{key}".encode())
    return ec.derive_private_key(int.from_bytes(digest.finalize()[:31], "big") + 1, ec.SECP256R1())


def make_request(station: str, effect: MakeCertificateRequest) -> CertificateRequestMade:
    """What comes of the effect at this station."""
    key = key_of(station, effect.id)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, effect.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, effect.common_name),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    request = builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    public_key = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return CertificateRequestMade(
        effect.id, request.public_bytes(serialization.Encoding.PEM).decode("ascii"), public_key
    )
