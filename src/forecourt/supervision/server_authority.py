"""The supervision's certificate authority and its server certificates, in files only their owner can read.

Theory of operation. One self-signed root (ECDSA P-256) signs everything: two short-lived certificates for the TLS
server, one of each key type that the white paper's cipher suites need, and the certificates of stations. It is made at
the first start. An outside authority takes its place when its certificate and key are given. The certificates of the
server live for less than a day, so that nobody has to revoke them, and are renewed while the supervision runs.

Private keys are files of mode 0600 in a folder of mode 0700. One of ours that others can read is mended and told of;
one that was handed in is refused, because whoever could read it may have done so.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from forecourt.supervision.server_key_files import AuthorityRefused, load_pair, mend, require_private, write_private
from forecourt.supervision.signing_requests import load_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forecourt.supervision.server_key_files import PrivateKey, PublicKey

E = TypeVar("E", bound=x509.ExtensionType)

FOLDER_NAME = "authority"
ROOT_DAYS = 3650
STATION_DAYS = 365
SERVER_HOURS = 20
"""The white paper advises less than 24 (A00.FR.701)."""
BACKDATED_S = 300.0
"""Certificates are valid from a little earlier on, for peers whose clock is behind."""
RSA_BITS = 2048
"""The certificate stays below 2,048 bytes with it (OCPP-J 6.2.1)."""


class IssuedCertificate(msgspec.Struct, frozen=True, gc=False):
    """A certificate that was just signed."""

    chain: str
    """PEM, the leaf first; there is no authority between it and the root."""
    serial: str
    """Its serial number as hex digits."""
    not_after_s: float
    """Until when it is valid, epoch seconds."""


class Authority:
    """The keys and certificates of one supervision."""

    def __init__(
        self,
        folder: Path | None,
        hosts: Sequence[str],
        organization: str,
        now: Callable[[], float],
        outside: tuple[Path, Path] | None = None,
    ) -> None:
        """Open the authority in a data folder, or make it; without a folder it is forgotten at the end.

        `hosts` are the names and addresses that the server is reached by, the main one first. `outside` are the files
        of the certificate and the key of another authority. Raises `AuthorityRefused`.
        """
        self._temporary = tempfile.TemporaryDirectory(prefix="forecourt-") if folder is None else None
        self._folder = Path(self._temporary.name) if self._temporary else _own_folder(cast("Path", folder))
        self._hosts = tuple(hosts)
        self._now = now
        self.organization = organization
        """The operator's name: O in all certificates (CpoName)."""
        try:
            self._root, self._key = self._outside(*outside) if outside else self._own_root()
        except AuthorityRefused:
            self.close()
            raise

    @property
    def root_pem(self) -> str:
        """The certificate of the authority, which stations install as CentralSystemRootCertificate."""
        return _pem(self._root)

    def issue(self, csr: str) -> IssuedCertificate:
        """Sign a station's request, which was judged before. Raises `SigningRefused`."""
        request = load_request(csr)
        until = self._from_now(timedelta(days=STATION_DAYS))
        builder = self._signed_by_us(request.subject, cast("PublicKey", request.public_key()), until)
        builder = builder.add_extension(_key_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        leaf = builder.sign(self._key, hashes.SHA256(), rsa_padding=_pss(self._key))
        return IssuedCertificate(_pem(leaf), f"{leaf.serial_number:X}", leaf.not_valid_after_utc.timestamp())

    def server_files(self) -> list[tuple[Path, Path]]:
        """Files of certificate and key for the TLS server, one of each key type; made or renewed where it is time."""
        return [self._server_file("ecdsa", _new_ec_key), self._server_file("rsa", _new_rsa_key)]

    def close(self) -> None:
        """Forget what was kept in no data folder."""
        if self._temporary is not None:
            self._temporary.cleanup()

    # What is in the folder.

    def _own_root(self) -> tuple[x509.Certificate, PrivateKey]:
        certificate_file, key_file = self._folder / "root.pem", self._folder / "root.key"
        if key_file.exists() and certificate_file.exists():
            mend(key_file)
            return load_pair(certificate_file, key_file)
        key = _new_ec_key()
        root = self._make_root(key)
        write_private(key_file, _key_pem(key))
        write_private(certificate_file, _pem(root).encode())
        return root, key

    def _outside(self, certificate_file: Path, key_file: Path) -> tuple[x509.Certificate, PrivateKey]:
        require_private(key_file)
        certificate, key = load_pair(certificate_file, key_file)
        constraints = _extension(certificate, x509.BasicConstraints)
        if constraints is None or not constraints.ca or certificate.issuer != certificate.subject:
            raise AuthorityRefused(f"{certificate_file} was expected to hold the root of an authority; it does not.")
        return certificate, key

    def _server_file(self, name: str, new_key: Callable[[], PrivateKey]) -> tuple[Path, Path]:
        certificate_file, key_file = self._folder / f"server-{name}.pem", self._folder / f"server-{name}.key"
        if key_file.exists():
            mend(key_file)
        if not self._still_good(certificate_file, key_file):
            key = new_key()
            leaf = self._make_server_leaf(key)
            write_private(key_file, _key_pem(key))
            write_private(certificate_file, _pem(leaf).encode())
        return certificate_file, key_file

    def _still_good(self, certificate_file: Path, key_file: Path) -> bool:
        """Whether a server certificate is ours, for these hosts, and has more than half of its time before it."""
        try:
            leaf, _ = load_pair(certificate_file, key_file)
            leaf.verify_directly_issued_by(self._root)
        except (AuthorityRefused, InvalidSignature, ValueError, TypeError):
            return False
        left = leaf.not_valid_after_utc - datetime.fromtimestamp(self._now(), UTC)
        same = _extension(leaf, x509.SubjectAlternativeName) == _names(self._hosts) and leaf.subject == self._name(
            self._hosts[0]
        )
        return same and timedelta(hours=SERVER_HOURS / 2) < left <= timedelta(hours=SERVER_HOURS)

    # What is signed.

    def _make_root(self, key: PrivateKey) -> x509.Certificate:
        public = key.public_key()
        name = self._name(f"{self.organization} root {os.urandom(4).hex()}")
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        return (
            self._builder(name, name, public, self._from_now(timedelta(days=ROOT_DAYS)))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
            .sign(key, hashes.SHA256(), rsa_padding=_pss(key))
        )

    def _make_server_leaf(self, key: PrivateKey) -> x509.Certificate:
        until = self._from_now(timedelta(hours=SERVER_HOURS))
        usage = _key_usage(digital_signature=True, key_encipherment=isinstance(key, rsa.RSAPrivateKey))
        return (
            self._signed_by_us(self._name(self._hosts[0]), key.public_key(), until)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_names(self._hosts), critical=False)
            .sign(self._key, hashes.SHA256(), rsa_padding=_pss(self._key))
        )

    def _signed_by_us(self, subject: x509.Name, key: PublicKey, until: datetime) -> x509.CertificateBuilder:
        """The start of a certificate of somebody else."""
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(cast("PublicKey", self._root.public_key()))
        identifier = _extension(self._root, x509.SubjectKeyIdentifier)
        if identifier is not None:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        until = min(until, self._root.not_valid_after_utc)
        return (
            self._builder(subject, self._root.subject, key, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(issuer, critical=False)
        )

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: PublicKey, until: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(self._now() - BACKDATED_S, UTC))
            .not_valid_after(until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )

    def _from_now(self, span: timedelta) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC) + span

    def _name(self, common_name: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )


# Keys and certificates.


def root_hashes(pem: str) -> tuple[str, str, str]:
    """What names a root on the wire: issuerNameHash, issuerKeyHash and serialNumber, SHA256, lower case."""
    root = x509.load_pem_x509_certificate(pem.encode())
    asked = ocsp.OCSPRequestBuilder().add_certificate(root, root, hashes.SHA256()).build()
    return asked.issuer_name_hash.hex(), asked.issuer_key_hash.hex(), f"{asked.serial_number:x}"


def _new_ec_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _new_rsa_key() -> PrivateKey:
    return rsa.generate_private_key(65537, RSA_BITS)


def _pss(key: PrivateKey) -> padding.PSS | None:
    """How an RSA key signs: RSA-PSS (A00.FR.505)."""
    if isinstance(key, rsa.RSAPrivateKey):
        return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    return None


def _key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_encipherment=key_encipherment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    """Names and addresses of a server: strict peers look for them here, not in CN."""
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: PrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


# Files.


def _own_folder(data: Path) -> Path:
    folder = data / FOLDER_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise AuthorityRefused(f"The folder {folder} for keys cannot be made: {error.strerror}.") from error
    return folder
