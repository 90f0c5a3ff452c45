"""Firmware images: small files of ours in place of the vendor's, which nobody can have.

An image is a line that says what it is, a line of JSON (`product`, `version`, `size`, `sha256`) and the payload of
`size` bytes. The digest covers product, version and payload, so that no single changed byte goes unnoticed. `product`
is one of the guide's products: an image for another one is foreign to a station.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from forecourt.errors import ForecourtError
from forecourt.evlink.generations import Product

MAGIC = b"Forecourt firmware image 1\n"

VERSION_MAX_LENGTH = 50
"""What firmwareVersion of BootNotification may hold."""

HEADER_MAX_BYTES = 1000


class ImageError(ForecourtError):
    """A file that is no firmware image for this station; the text says what was expected and what came."""


class FirmwareImage(msgspec.Struct, frozen=True, gc=False):
    """What is in an image."""

    product: Product
    """Which stations it is for."""
    version: str
    """1 to 50 printable characters."""
    payload: bytes
    """What would be installed; its content means nothing here."""


class _Header(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    product: str
    version: str
    size: int
    sha256: str


_decoder = msgspec.json.Decoder(_Header)


def encode_image(product: Product, version: str, payload: bytes) -> bytes:
    """The bytes of an image. Raises `ImageError` for a version that no station could report."""
    _check_version(version)
    header = _Header(product.value, version, len(payload), _digest(product.value, version, payload))
    return MAGIC + msgspec.json.encode(header) + b"\n" + payload


def decode_image(data: bytes) -> FirmwareImage:
    """What is in an image. Raises `ImageError` for one that is damaged or none at all."""
    if not data.startswith(MAGIC):
        raise ImageError(f"expected a firmware image that begins with {MAGIC.decode().strip()!r}, came another file")
    line, newline, payload = data[len(MAGIC) :].partition(b"\n")
    if not newline or len(line) > HEADER_MAX_BYTES:
        raise ImageError("expected a line of JSON at the head of the firmware image, came none: it is damaged")
    try:
        header = _decoder.decode(line)
        product = Product(header.product)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise ImageError(
            f"expected product, version, size and sha256 at the head of the image, came: {error}"
        ) from None
    _check_version(header.version)
    if len(payload) != header.size:
        raise ImageError(f"expected {header.size} bytes in the firmware image, came {len(payload)}: it is damaged")
    if _digest(header.product, header.version, payload) != header.sha256:
        raise ImageError(f"expected the sha256 {header.sha256[:64]}, came another digest: the image is damaged")
    return FirmwareImage(product, header.version, payload)


def image_for(product: Product, data: bytes) -> FirmwareImage:
    """What is in an image for this product. Raises `ImageError`, also for one that is for another product."""
    image = decode_image(data)
    if image.product is not product:
        raise ImageError(f"expected a firmware image for {product}, came one for {image.product}")
    return image


def _check_version(version: str) -> None:
    if not 1 <= len(version) <= VERSION_MAX_LENGTH or not version.isprintable() or version != version.strip():
        raise ImageError(
            f"expected a version of 1 to {VERSION_MAX_LENGTH} printable characters without blanks around it, "
            f"came {len(version)} characters: {version[:VERSION_MAX_LENGTH]!r}"
        )


def _digest(product: str, version: str, payload: bytes) -> str:
    return sha256(f"{product}\n{version}\n".encode() + payload).hexdigest()
