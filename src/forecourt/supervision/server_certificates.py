"""Certificates that the supervision is given from outside: of its TLS server, and the roots of the manufacturer.

A server certificate has a file with its chain, the certificate itself first; where the last one is a root, stations can
be given it. Everything is checked at the start and again each time the files are loaded, so that whoever renews them
replaces them and restarts nothing.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from forecourt.supervision.server_key_files import AuthorityRefused, load_pair, require_private
from forecourt.supervision.signing_requests import LEAST_EC_BITS, LEAST_RSA_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class OutsideCertificates:
    """Server certificates from outside, one of each key type at most. Raises `AuthorityRefused` with a sentence."""

    def __init__(self, files: Sequence[tuple[Path, Path]], hosts: Sequence[str], now: Callable[[], float]) -> None:
        """`files` are those of a certificate with its chain and of its key. `hosts` must stand in each certificate."""
        self._files = tuple(files)
        self._now = now
        self._asked_hosts = tuple(hosts)
        self.server_files()

    def server_files(self) -> list[tuple[Path, Path]]:
        """The files of certificate and key, all checked now."""
        kinds: dict[type, Path] = {}
        names: list[str] = []
        roots: list[str] = []
        for certificate_file, key_file in self._files:
            require_private(key_file)
            leaf, key = load_pair(certificate_file, key_file)
            kind = ec.EllipticCurvePrivateKey if isinstance(key, ec.EllipticCurvePrivateKey) else type(key)
            if kind in kinds:
                raise AuthorityRefused(
                    f"One certificate of each key type was expected; {kinds[kind]} and {certificate_file} have one."
                )
            kinds[kind] = certificate_file
            self._require_server(leaf, certificate_file)
            names += [name for name in _names(leaf) if name not in names]
            for host in self._asked_hosts:
                if not _covers(leaf, host):
                    raise AuthorityRefused(
                        f"{certificate_file} was expected to name {host}; it names {', '.join(_names(leaf)) or 'none'}."
                    )
            root = _root_of(certificate_file)
            if root is not None and root not in roots:
                roots.append(root)
        self.hosts = self._asked_hosts or tuple(names)
        """What stations reach the server by: what was asked for, or what the certificates name."""
        self.roots = tuple(roots)
        """The roots that the files end with, in PEM."""
        return list(self._files)

    def _require_server(self, leaf: x509.Certificate, file: Path) -> None:
        """Raise `AuthorityRefused` unless stations would take the certificate now."""
        now = datetime.fromtimestamp(self._now(), UTC)
        if now < leaf.not_valid_before_utc:
            raise AuthorityRefused(f"{file} is valid only from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on.")
        if now >= leaf.not_valid_after_utc:
            raise AuthorityRefused(
                f"{file} has expired: it was valid until {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC."
            )
        size = leaf.public_key().key_size  # type: ignore[union-attr]  # load_pair takes RSA and EC only
        least = LEAST_EC_BITS if isinstance(leaf.public_key(), ec.EllipticCurvePublicKey) else LEAST_RSA_BITS
        if size < least:
            raise AuthorityRefused(f"{file} was expected to have a key of {least} bits or more; it has {size}.")
        if not _names(leaf):
            raise AuthorityRefused(f"{file} names no server in its subjectAltName, so that no station would take it.")
        for extension in leaf.extensions:
            value = extension.value
            if isinstance(value, x509.BasicConstraints) and value.ca:
                raise AuthorityRefused(f"{file} was expected to be that of a server; it is that of an authority.")
            if isinstance(value, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.SERVER_AUTH not in value:
                raise AuthorityRefused(f"{file} was expected to be for servers; it is for other purposes.")


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _covers(leaf: x509.Certificate, host: str) -> bool:
    """Whether a certificate names this host; a star stands for one label at the beginning."""
    names = [name.casefold() for name in _names(leaf)]
    try:
        return str(ipaddress.ip_address(host)) in names
    except ValueError:
        host = host.casefold()
        return host in names or f"*.{host.partition('.')[2]}" in names


def _root_of(certificate_file: Path) -> str | None:
    """The root that a chain ends with; None where it is not in the file."""
    last = x509.load_pem_x509_certificates(certificate_file.read_bytes())[-1]
    try:
        last.verify_directly_issued_by(last)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return None
    return last.public_bytes(serialization.Encoding.PEM).decode()


class Manufacturer:
    """The roots of the manufacturer that the operator trusts: for firmware, and for stations' first certificates."""

    def __init__(self, file: Path, now: float) -> None:
        """`file` holds one or more roots in PEM. Raises `AuthorityRefused` with a sentence."""
        try:
            roots = x509.load_pem_x509_certificates(file.read_bytes())
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise AuthorityRefused(f"{file} was expected to hold roots of a manufacturer in PEM: {why}.") from error
        for root in roots:
            _require_authority(root, file, datetime.fromtimestamp(now, UTC))
        self.roots = tuple(root.public_bytes(serialization.Encoding.PEM).decode() for root in roots)
        """Each in PEM."""


def _require_authority(root: x509.Certificate, file: Path, now: datetime) -> None:
    try:
        constraints = root.extensions.get_extension_for_class(x509.BasicConstraints).value
        root.verify_directly_issued_by(root)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise AuthorityRefused(f"{file} was expected to hold roots of a manufacturer only; it does not.") from error
    if not constraints.ca:
        raise AuthorityRefused(f"{file} was expected to hold roots of a manufacturer only; it does not.")
    if not root.not_valid_before_utc <= now < root.not_valid_after_utc:
        name = root.subject.rfc4514_string()
        raise AuthorityRefused(
            f"{file} was expected to hold roots that are valid now; {name} is so from "
            f"{root.not_valid_before_utc:%Y-%m-%d} to {root.not_valid_after_utc:%Y-%m-%d}."
        )


def is_issued_by(certificate: bytes, root_pem: str) -> bool:
    """Whether a root has itself issued a certificate, which is given as DER."""
    try:
        root = x509.load_pem_x509_certificate(root_pem.encode())
        x509.load_der_x509_certificate(certificate).verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
