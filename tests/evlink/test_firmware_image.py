from __future__ import annotations

import msgspec
import pytest

from forecourt.evlink.firmware_image import (
    MAGIC,
    VERSION_MAX_LENGTH,
    FirmwareImage,
    ImageError,
    decode_image,
    encode_image,
    image_for,
)
from forecourt.evlink.generations import Product

PAYLOAD = b"what would be installed\n" * 9
IMAGE = encode_image(Product.PRO_DC_180, "3.6.0", PAYLOAD)


@pytest.mark.parametrize("product", Product)
@pytest.mark.parametrize("payload", [b"", b"\n", PAYLOAD])
@pytest.mark.parametrize("version", ["3", "3.6.0", "v3.6.0-rc.1 (test)", "é" * VERSION_MAX_LENGTH])
def test_image_that_was_written_is_read_as_it_was(product: Product, version: str, payload: bytes) -> None:
    image = FirmwareImage(product, version, payload)
    assert decode_image(encode_image(product, version, payload)) == image
    assert image_for(product, encode_image(product, version, payload)) == image


def test_every_single_changed_byte_is_noticed() -> None:
    for position in range(len(IMAGE)):
        damaged = bytearray(IMAGE)
        damaged[position] ^= 1
        with pytest.raises(ImageError, match=r"expected .*came"):
            decode_image(bytes(damaged))


def test_every_truncated_and_every_lengthened_image_is_noticed() -> None:
    for length in range(len(IMAGE)):
        with pytest.raises(ImageError, match=r"expected .*came"):
            decode_image(IMAGE[:length])
    with pytest.raises(ImageError, match=f"expected {len(PAYLOAD)} bytes .* came {len(PAYLOAD) + 1}"):
        decode_image(IMAGE + b"x")


@pytest.mark.parametrize("version", ["", "x" * (VERSION_MAX_LENGTH + 1), "3.6\n", " 3.6", "3.6 ", "3\x006"])
def test_version_that_no_station_could_report_is_refused_in_both_directions(version: str) -> None:
    with pytest.raises(ImageError, match="expected a version of 1 to 50 printable characters"):
        encode_image(Product.PRO_DC_60, version, b"")
    header = {"product": "EVlink Pro DC 60", "version": version, "size": 0, "sha256": ""}
    with pytest.raises(ImageError, match="expected a version of 1 to 50 printable characters"):
        decode_image(MAGIC + msgspec.json.encode(header) + b"\n")


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"product":"EVlink Pro DC 180","version":"3","size":0}',
        b'{"product":"EVlink Pro DC 180","version":3,"size":0,"sha256":""}',
        b'{"product":"Somebody else","version":"3","size":0,"sha256":""}',
        b'{"product":"EVlink Pro DC 180","version":"3","size":-1,"sha256":""}',
        b'{"product":"EVlink Pro DC 180","version":"3","size":0,"sha256":"","more":1}',
        b'{"product":"\xff","version":"3","size":0,"sha256":""}',
        b" " * 2000,
    ],
)
def test_head_that_says_something_else_is_refused(header: bytes) -> None:
    with pytest.raises(ImageError, match="expected"):
        decode_image(MAGIC + header + b"\n")


def test_image_for_another_product_is_foreign() -> None:
    with pytest.raises(ImageError, match="image for EVlink Pro DC 60, came one for EVlink Pro DC 180"):
        image_for(Product.PRO_DC_60, IMAGE)
