"""Signing certificates, revocation lists and signatures, judged one by one and against OpenSSL."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from forecourt.station.firmware_signature import (
    RevocationListRefused,
    SignatureRefused,
    SigningCertificateRefused,
    SigningCertificateRevoked,
    read_revocation_lists,
    require_signature,
    require_signing_certificate,
)
from tests.firmware_signing import DAY, Manufacturer, Signer, key_of, usage

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NOW_S = NOW.timestamp()
DATA = b"the whole file " * 1000
WORKS = Manufacturer()
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")


def judge(pem: str, *roots: Manufacturer, lists: str = "", clock_s: float = NOW_S) -> None:
    require_signing_certificate(pem, [root.pem for root in roots], lists, clock_s)


# The certificate.


@pytest.mark.parametrize("kind", ["ec", "rsa2048", "rsa3072"])
@pytest.mark.parametrize("root", ["ec", "rsa2048"])
def test_certificate_of_an_installed_root_is_good(root: str, kind: str) -> None:
    works = Manufacturer("Works", root)
    judge(works.issue(kind, kind).pem, Manufacturer("Others"), works)


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        ("", "can be read"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "can be read"),
        (WORKS.issue().pem + WORKS.pem, "one certificate, came 2"),
        (Manufacturer("Others").issue().pem, "installed ManufacturerRootCertificates, came another"),
        (Manufacturer("Works", key_name="thief").issue().pem, "installed ManufacturerRootCertificates, came another"),
        (WORKS.pem, "came that of an authority"),
        (WORKS.issue(valid=(NOW - 9 * DAY, NOW - DAY)).pem, "valid now"),
        (WORKS.issue(valid=(NOW + DAY, NOW + 9 * DAY)).pem, "valid now"),
        (WORKS.issue("short", "rsa1024").pem, "2048 bits"),
        (WORKS.issue("short", "ec192").pem, "224 bits"),
        (WORKS.issue(extensions=[(usage(signs=False), True)]).pem, "may not by its KeyUsage"),
        (
            WORKS.issue(extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]).pem,
            "for other purposes",
        ),
        (WORKS.issue(extensions=[(x509.BasicConstraints(ca=True, path_length=None), True)]).pem, "of an authority"),
        (WORKS.issue(extensions=[(UNKNOWN, True)]).pem, "came 1.3.6.1.4.1.99999.1"),
    ],
)
def test_certificate_that_is_not_good_is_refused_with_its_reason(pem: str, why: str) -> None:
    with pytest.raises(SigningCertificateRefused, match=why):
        judge(pem, WORKS)


def test_extension_that_is_not_critical_needs_not_be_understood() -> None:
    judge(WORKS.issue(extensions=[(UNKNOWN, False)]).pem, WORKS)


def test_certificate_behind_an_intermediate_authority_is_refused_alone_and_with_it() -> None:
    between = WORKS.issue("Between", extensions=[(x509.BasicConstraints(ca=True, path_length=None), True)])
    issued = Signer(key_of("leaf"), _issued_by(between, "leaf"))
    for pem in (issued.pem, issued.pem + between.pem):
        with pytest.raises(SigningCertificateRefused):
            judge(pem, WORKS)


def _issued_by(issuer: Signer, name: str) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key_of(name).public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(issuer.key, hashes.SHA256())
    )


def test_root_that_has_expired_trusts_nobody_and_its_successor_with_the_same_key_does() -> None:
    old, new = Manufacturer("Works", until=NOW - DAY), Manufacturer("Works")
    with pytest.raises(SigningCertificateRefused, match="valid now"):
        judge(new.issue().pem, old)
    judge(new.issue().pem, old, new)


def test_certificate_that_was_changed_is_refused() -> None:
    der = bytearray(WORKS.issue().certificate.public_bytes(serialization.Encoding.DER))
    der[-3] ^= 1
    body = b64encode(bytes(der)).decode()
    with pytest.raises(SigningCertificateRefused):
        judge(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n", WORKS)


# Revocation.


def test_certificate_on_the_list_of_its_issuer_is_revoked_from_its_date_on() -> None:
    signer, other = WORKS.issue(), WORKS.issue()
    lists = Manufacturer("Others").revoke() + WORKS.revoke(signer, at=NOW + timedelta(hours=1))
    judge(signer.pem, WORKS, lists=lists)
    judge(other.pem, WORKS, lists=lists, clock_s=NOW_S + 7200)
    with pytest.raises(SigningCertificateRevoked, match="revoked since 2026-03-02 09:00"):
        judge(signer.pem, WORKS, lists=lists, clock_s=NOW_S + 3600)


def test_list_of_somebody_else_revokes_nothing() -> None:
    """Whether it bears his name or, forged, that of the issuer."""
    signer = WORKS.issue()
    for lists in (Manufacturer("Others").revoke(signer), WORKS.revoke(signer, by=key_of("thief"))):
        judge(signer.pem, WORKS, lists=lists)


@pytest.mark.parametrize(
    "pem",
    [
        "nonsense",
        WORKS.pem,
        "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        WORKS.revoke() + "x",
        "é" + WORKS.revoke(),
    ],
)
def test_text_that_is_no_revocation_list_is_refused(pem: str) -> None:
    with pytest.raises(RevocationListRefused, match="expected revocation lists in PEM"):
        read_revocation_lists(pem)


def test_several_lists_are_read_in_their_order_and_too_long_a_text_is_not() -> None:
    others = Manufacturer("Others")
    read = read_revocation_lists(WORKS.revoke() + "\n" + others.revoke())
    assert [one.issuer for one in read] == [WORKS.certificate.subject, others.certificate.subject]
    assert read_revocation_lists("") == []
    with pytest.raises(RevocationListRefused, match="at most 1048576 characters"):
        read_revocation_lists(WORKS.revoke() * 4000)


# The signature.


@pytest.mark.parametrize("kind", ["ec", "rsa2048", "rsa3072"])
def test_signature_over_the_whole_file_is_good_and_over_any_other_is_not(kind: str) -> None:
    signer = WORKS.issue(kind, kind)
    signature = signer.sign(DATA)
    assert len(signature) <= 800
    require_signature(signer.pem, DATA, signature, accepts_pkcs1=False)
    for other in (DATA[:-1], DATA + b"x", b"x" + DATA[1:], b""):
        with pytest.raises(SignatureRefused, match="over the whole file"):
            require_signature(signer.pem, other, signature, accepts_pkcs1=True)


@pytest.mark.parametrize("kind", ["ec", "rsa2048"])
def test_signature_of_another_key_or_with_another_digest_is_refused(kind: str) -> None:
    signer, other = WORKS.issue(kind, kind), WORKS.issue(f"other {kind}", kind)
    for signature in (other.sign(DATA), signer.sign(DATA, digest=hashes.SHA384())):
        with pytest.raises(SignatureRefused):
            require_signature(signer.pem, DATA, signature, accepts_pkcs1=True)


@pytest.mark.parametrize("signature", ["", "!", "é", "AAAA", "A" * 800, "AAA"])
@pytest.mark.parametrize("kind", ["ec", "rsa2048"])
def test_text_that_is_no_signature_is_refused(kind: str, signature: str) -> None:
    with pytest.raises(SignatureRefused):
        require_signature(WORKS.issue(kind, kind).pem, DATA, signature, accepts_pkcs1=True)


@pytest.mark.parametrize("pem", ["", "nonsense", WORKS.pem + WORKS.pem])
def test_certificate_that_is_damaged_by_now_makes_no_signature_good(pem: str) -> None:
    with pytest.raises(SignatureRefused, match="the certificate as it came"):
        require_signature(pem, DATA, WORKS.sign(DATA), accepts_pkcs1=True)


def test_pkcs1_is_taken_by_option_only() -> None:
    signer = WORKS.issue("rsa2048", "rsa2048")
    signature = signer.sign(DATA, pkcs1=True)
    require_signature(signer.pem, DATA, signature, accepts_pkcs1=True)
    with pytest.raises(SignatureRefused, match="RSA-PSS"):
        require_signature(signer.pem, DATA, signature, accepts_pkcs1=False)


# OpenSSL as judge.

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_mgf1_md:sha256")


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


@needs_openssl
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ec", ()),
        ("rsa3072", (*PSS, "-sigopt", "rsa_pss_saltlen:digest")),
        ("rsa3072", (*PSS, "-sigopt", "rsa_pss_saltlen:max")),
        ("rsa3072", (*PSS, "-sigopt", "rsa_pss_saltlen:20")),
        ("rsa3072", ()),
    ],
)
def test_signature_that_openssl_makes_is_good(tmp_path: Path, kind: str, options: tuple[str, ...]) -> None:
    """Of RSA with each length of salt, and without PSS only where that is accepted."""
    signer = WORKS.issue(kind, kind)
    (tmp_path / "key").write_bytes(signer.key_pem)
    (tmp_path / "file").write_bytes(DATA)
    openssl("dgst", "-sha256", "-sign", f"{tmp_path}/key", *options, "-out", f"{tmp_path}/sig", f"{tmp_path}/file")
    signature = b64encode((tmp_path / "sig").read_bytes()).decode()
    require_signature(signer.pem, DATA, signature, accepts_pkcs1=kind == "rsa3072" and not options)


@needs_openssl
@pytest.mark.parametrize(("kind", "options"), [("ec", ()), ("rsa2048", PSS)])
def test_openssl_takes_the_signatures_and_the_chain_that_these_tests_make(
    tmp_path: Path, kind: str, options: tuple[str, ...]
) -> None:
    signer = WORKS.issue(kind, kind)
    (tmp_path / "root").write_text(WORKS.pem)
    (tmp_path / "leaf").write_text(signer.pem)
    (tmp_path / "file").write_bytes(DATA)
    (tmp_path / "sig").write_bytes(b64decode(signer.sign(DATA)))
    at = str(int(NOW_S))
    said = openssl("verify", "-attime", at, "-CAfile", f"{tmp_path}/root", f"{tmp_path}/leaf")
    assert said.endswith("leaf: OK\n")
    (tmp_path / "public").write_text(openssl("x509", "-in", f"{tmp_path}/leaf", "-noout", "-pubkey"))
    said = openssl(
        "dgst",
        "-sha256",
        "-verify",
        f"{tmp_path}/public",
        *options,
        "-signature",
        f"{tmp_path}/sig",
        f"{tmp_path}/file",
    )
    assert said == "Verified OK\n"
