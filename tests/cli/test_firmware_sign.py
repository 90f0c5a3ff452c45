"""`forecourt firmware sign`: what it writes is what a station takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from forecourt.cli.main import run
from forecourt.station.firmware_signature import SignatureRefused, require_signature
from tests.firmware_signing import Manufacturer

if TYPE_CHECKING:
    from pathlib import Path

WORKS = Manufacturer()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image, and keys of both kinds with their certificates."""
    image = ["firmware", "write", str(tmp_path / "image"), "--model", "EVD1S180THB", "--version", "3.6.0"]
    assert run(image) == 0
    for kind in ("ec", "rsa2048"):
        signer = WORKS.issue(kind, kind)
        (tmp_path / f"{kind}.key").write_bytes(signer.key_pem)
        (tmp_path / f"{kind}.pem").write_text(signer.pem)
    return tmp_path


def sign(folder: Path, kind: str, *more: str) -> int:
    files = ["--key", str(folder / f"{kind}.key"), "--certificate", str(folder / f"{kind}.pem")]
    return run(["firmware", "sign", str(folder / "image"), *files, *more])


@pytest.mark.parametrize("kind", ["ec", "rsa2048"])
def test_line_is_a_signature_that_a_station_takes(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    capsys.readouterr()
    assert sign(folder, kind) == 0
    (line,) = capsys.readouterr().out.splitlines()
    pem, data = (folder / f"{kind}.pem").read_text(), (folder / "image").read_bytes()
    require_signature(pem, data, line, accepts_pkcs1=False)
    with pytest.raises(SignatureRefused):
        require_signature(pem, data + b"x", line, accepts_pkcs1=False)


def test_json_has_the_fields_of_the_request(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert sign(folder, "rsa2048", "--json", "--pkcs1") == 0
    shown = json.loads(capsys.readouterr().out)
    assert sorted(shown) == ["signature", "signingCertificate"]
    assert shown["signingCertificate"] == (folder / "rsa2048.pem").read_text()
    data = (folder / "image").read_bytes()
    require_signature(shown["signingCertificate"], data, shown["signature"], accepts_pkcs1=True)
    with pytest.raises(SignatureRefused):
        require_signature(shown["signingCertificate"], data, shown["signature"], accepts_pkcs1=False)


def test_what_is_wrong_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mixed.key").write_bytes((folder / "ec.key").read_bytes())
    (folder / "mixed.pem").write_bytes((folder / "rsa2048.pem").read_bytes())
    (folder / "none.key").write_bytes((folder / "ec.key").read_bytes())
    for kind, sentence in (
        ("mixed", "forecourt: The certificate of the key was expected, that of another came."),
        ("none", f"forecourt: {folder / 'none.pem'} cannot be read: No such file or directory."),
    ):
        capsys.readouterr()
        assert sign(folder, kind) == 1
        written = capsys.readouterr()
        assert (written.out, written.err.splitlines()) == ("", [sentence])
