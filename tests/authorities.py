"""Authorities of an operator for tests: roots, those between, the certificates of stations, and the hashes of all."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from forecourt.world.world import START

DAY = timedelta(days=1)
SUPERVISION, MANUFACTURER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
OPERATOR = "Volt & Söhne"
SERIAL = "1S2447000017"
"""The serial number of the world's stations."""


@cache
def key_of(name: str, kind: str = "ec") -> Any:
    """A key with a name of its own: `ec` (P-256), `ec192`, or `rsa` with its bits, such as `rsa2048`."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
    return ec.generate_private_key(ec.SECP192R1() if kind == "ec192" else ec.SECP256R1())


def subject(common_name: str, organization: str) -> x509.Name:
    """A name of the two parts that matter."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def pem_of(*certificates: x509.Certificate) -> str:
    """A chain."""
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


class Authority:
    """A certificate that may sign others, signed by itself or by `above`."""

    def __init__(
        self,
        name: str = "Root",
        above: Authority | None = None,
        *,
        kind: str = "ec",
        valid: tuple[datetime, datetime] = (START - 365 * DAY, START + 3650 * DAY),
        serial: int | None = None,
        is_authority: bool = True,
        may_sign: bool = True,
        digest: Any = None,
    ) -> None:
        self.name = subject(name, OPERATOR)
        self.key = key_of(f"authority {name}", kind)
        signer = above or self
        built = _built(self.name, signer.name, self.key.public_key(), valid, serial)
        built = built.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        built = built.add_extension(_usage(may_sign), critical=True)
        built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        if above is not None:
            known = x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key())
            built = built.add_extension(known, critical=False)
        self.certificate = built.sign(signer.key, digest or hashes.SHA256())

    @property
    def pem(self) -> str:
        """Its certificate."""
        return pem_of(self.certificate)

    def issue(
        self,
        public_key: Any,
        *,
        common_name: str = SERIAL,
        organization: str = OPERATOR,
        valid: tuple[datetime, datetime] = (START - DAY, START + 365 * DAY),
        extensions: tuple[x509.ExtensionType, ...] = (),
    ) -> x509.Certificate:
        """The certificate of a station, or of whoever has this key."""
        built = _built(subject(common_name, organization), self.name, public_key, valid, None)
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        for extension in (x509.SubjectKeyIdentifier.from_public_key(public_key), known, *extensions):
            built = built.add_extension(extension, critical=False)
        return built.sign(self.key, hashes.SHA256())

    def sign(self, csr: str, **how: Any) -> str:
        """What the operator makes of a request, in PEM."""
        return pem_of(self.issue(x509.load_pem_x509_csr(csr.encode()).public_key(), **how))


def _built(
    name: x509.Name, issuer: x509.Name, public_key: Any, valid: tuple[datetime, datetime], serial: int | None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
    )


def _usage(may_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=may_sign,
        crl_sign=may_sign,
        encipher_only=False,
        decipher_only=False,
    )
