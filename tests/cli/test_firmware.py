"""`forecourt firmware`: images are written and read, and what is wrong is said in one sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from forecourt.cli.firmware import DEFAULT_SIZE_KB
from forecourt.cli.main import run
from forecourt.evlink.firmware_image import decode_image
from forecourt.evlink.generations import Product

if TYPE_CHECKING:
    from pathlib import Path


def write(file: Path, *more: str, model: str = "EVD1S180THB", version: str = "3.6.0") -> int:
    return run(["firmware", "write", str(file), "--model", model, "--version", version, *more])


def test_image_that_is_written_is_for_the_models_product_and_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "image.bin"
    assert write(file, "--json") == 0
    image = decode_image(file.read_bytes())
    assert (image.product, image.version) == (Product.PRO_DC_180, "3.6.0")
    assert len(image.payload) == DEFAULT_SIZE_KB * 1024
    expected = {
        "file": str(file),
        "product": "EVlink Pro DC 180",
        "version": "3.6.0",
        "size_bytes": file.stat().st_size,
    }
    assert json.loads(capsys.readouterr().out) == expected
    assert run(["firmware", "read", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == expected


def test_card_says_what_is_in_an_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "image.bin"
    assert write(file, "--size-kb", "0", model="EVD2S60TBB") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["product  EVlink Pro DC 60 V2", "version  3.6.0"]
    assert run(["firmware", "read", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_size_says_how_much_there_is_to_download(tmp_path: Path) -> None:
    file = tmp_path / "image.bin"
    assert write(file, "--size-kb", "3") == 0
    assert len(decode_image(file.read_bytes()).payload) == 3 * 1024


@pytest.mark.parametrize(
    ("more", "model", "version", "sentence"),
    [
        ((), "EVD9", "3.6.0", "EVD9"),
        ((), "EVD1S180THB", "x" * 51, "expected a version of 1 to 50 printable characters"),
        ((), "EVD1S180THB", "", "expected a version of 1 to 50 printable characters"),
        (("--size-kb", "-1"), "EVD1S180THB", "3.6.0", "greater than or equal to 0"),
        (("--size-kb", "99999999"), "EVD1S180THB", "3.6.0", "less than or equal to 32767"),
    ],
)
def test_misuse_is_said_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    model: str,
    version: str,
    sentence: str,
) -> None:
    file = tmp_path / "image.bin"
    assert write(file, *more, model=model, version=version) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[0].startswith("Usage: forecourt firmware write ")
    assert sentence in error[-1]
    assert not file.exists()


def test_file_that_is_no_image_or_is_damaged_is_named_with_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "image.bin"
    assert write(file) == 0
    file.write_bytes(file.read_bytes()[:-1])
    capsys.readouterr()
    assert run(["firmware", "read", str(file)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"forecourt: {file}: expected 65536 bytes in the firmware image, came 65535")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("command", ["read", "write"])
def test_file_that_can_not_be_reached_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    file = tmp_path / "nowhere" / "image.bin"
    status = write(file) if command == "write" else run(["firmware", "read", str(file)])
    assert status == 1
    assert f"{file} cannot be {'written' if command == 'write' else 'read'}: No such file" in capsys.readouterr().err
