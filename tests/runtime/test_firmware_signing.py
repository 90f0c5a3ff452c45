"""Signatures that this package makes, judged by OpenSSL."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from forecourt.runtime.firmware_signing import FirmwareSigner, SigningRefused
from tests.firmware_signing import Manufacturer, Signer, key_of

if TYPE_CHECKING:
    from pathlib import Path

WORKS = Manufacturer()
DATA = b"firmware " * 10_000


def signer_of(signer: Signer) -> FirmwareSigner:
    return FirmwareSigner(signer.key_pem, signer.pem.encode())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("kind", "pkcs1"), [("ec", False), ("rsa2048", False), ("rsa3072", False), ("rsa4096", False), ("rsa2048", True)]
)
def test_openssl_takes_the_signature_for_the_file_and_for_no_other(tmp_path: Path, kind: str, pkcs1: bool) -> None:
    signer = WORKS.issue(kind, kind)
    signature = signer_of(signer).sign(DATA, pkcs1=pkcs1)
    assert len(signature) <= 800
    public = signer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "public").write_bytes(public)
    (tmp_path / "signature").write_bytes(b64decode(signature))
    pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_mgf1_md:sha256", "-sigopt", "rsa_pss_saltlen:32"]
    options = [] if kind == "ec" or pkcs1 else pss
    for data, said in ((DATA, "Verified OK\n"), (DATA[:-1], "Verification failure\n")):
        (tmp_path / "file").write_bytes(data)
        command = ["openssl", "dgst", "-sha256", "-verify", f"{tmp_path}/public", *options]
        command += ["-signature", f"{tmp_path}/signature", f"{tmp_path}/file"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.stdout == said


@pytest.mark.parametrize(
    ("key", "certificate", "sentence"),
    [
        (b"", WORKS.pem.encode(), "A private key in PEM without a password"),
        (WORKS.pem.encode(), WORKS.pem.encode(), "A private key in PEM without a password"),
        (WORKS.issue("weak", "rsa1024").key_pem, WORKS.issue("weak", "rsa1024").pem.encode(), "2048 bits"),
        (WORKS.issue("one").key_pem, WORKS.issue("two").pem.encode(), "The certificate of the key was expected"),
        (WORKS.key_pem, "é".encode(), "A certificate in PEM was expected"),
        (WORKS.key_pem, WORKS.pem.encode() * 20, "at most 5500 characters"),
    ],
)
def test_key_that_no_station_would_take_signs_nothing(key: bytes, certificate: bytes, sentence: str) -> None:
    with pytest.raises(SigningRefused, match=sentence):
        FirmwareSigner(key, certificate)


def test_key_with_a_password_is_refused() -> None:
    locked = key_of("locked").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word")
    )
    with pytest.raises(SigningRefused, match="without a password"):
        FirmwareSigner(locked, WORKS.issue("locked").pem.encode())


def test_pkcs1_wants_an_rsa_key() -> None:
    with pytest.raises(SigningRefused, match="an EC key came"):
        signer_of(WORKS.issue()).sign(DATA, pkcs1=True)
