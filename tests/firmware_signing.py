"""A manufacturer for tests: roots, certificates for signing firmware, revocation lists and signatures."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from forecourt.world.world import START

if TYPE_CHECKING:
    from collections.abc import Sequence

Key: TypeAlias = "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey"

DAY = timedelta(days=1)
SALT_BYTES = 32


@cache
def key_of(name: str, kind: str = "ec") -> Key:
    """A key with a name of its own: `ec` (P-256), `ec192`, or `rsa` with its bits, such as `rsa2048`."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
    return ec.generate_private_key(ec.SECP192R1() if kind == "ec192" else ec.SECP256R1())


class Signer:
    """A key and its certificate."""

    def __init__(self, key: Key, certificate: x509.Certificate) -> None:
        self.key = key
        self.certificate = certificate

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        """The key."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, data: bytes, *, pkcs1: bool = False, digest: hashes.HashAlgorithm | None = None) -> str:
        """The signature of these bytes in base64, with RSA-PSS or ECDSA unless it is to be PKCS #1 v1.5."""
        by = digest or hashes.SHA256()
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return b64encode(self.key.sign(data, ec.ECDSA(by))).decode()
        pss = padding.PSS(padding.MGF1(by), SALT_BYTES)
        return b64encode(self.key.sign(data, padding.PKCS1v15() if pkcs1 else pss, by)).decode()


class Manufacturer(Signer):
    """A root, and whatever it issues."""

    def __init__(
        self, name: str = "Works", kind: str = "ec", *, key_name: str = "", until: datetime | None = None
    ) -> None:
        key = key_of(f"root of {key_name or name}", kind)
        self.name = name
        until = until or START + 3650 * DAY
        built = _builder(name, name, key, START - 365 * DAY, until)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        super().__init__(key, built.sign(key, hashes.SHA256()))

    def issue(
        self,
        name: str = "Firmware Signing",
        kind: str = "ec",
        *,
        valid: tuple[datetime, datetime] = (START - DAY, START + 365 * DAY),
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
        digest: Any = None,
    ) -> Signer:
        """A certificate for signing firmware, with further extensions and whether each is critical."""
        key = key_of(name, kind)
        built = _builder(name, self.name, key, *valid)
        for extension, is_critical in extensions or CODE_SIGNING:
            built = built.add_extension(extension, critical=is_critical)
        return Signer(key, built.sign(self.key, digest or hashes.SHA256()))

    def certify(self, request: x509.CertificateSigningRequest) -> str:
        """What a root makes of the request of a station."""
        built = x509.CertificateBuilder().subject_name(request.subject).issuer_name(_named(self.name))
        built = built.public_key(request.public_key()).serial_number(x509.random_serial_number())
        built = built.not_valid_before(START - DAY).not_valid_after(START + 365 * DAY)
        signed = built.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def revoke(self, *revoked: Signer, at: datetime = START - DAY, by: Key | None = None) -> str:
        """A revocation list that names these, signed with the own key unless it is to be another."""
        built = x509.CertificateRevocationListBuilder().issuer_name(_named(self.name))
        built = built.last_update(START - DAY).next_update(START + 30 * DAY)
        for signer in revoked:
            one = x509.RevokedCertificateBuilder().serial_number(signer.certificate.serial_number)
            built = built.add_revoked_certificate(one.revocation_date(at).build())
        return built.sign(by or self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def usage(*, signs: bool = True) -> x509.KeyUsage:
    """A KeyUsage that allows to sign, or only to agree on keys."""
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not signs,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


CODE_SIGNING: tuple[tuple[x509.ExtensionType, bool], ...] = (
    (x509.BasicConstraints(ca=False, path_length=None), True),
    (usage(), True),
    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
)


def _named(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Makers"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


def _builder(name: str, issuer: str, key: Key, since: datetime, until: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )
