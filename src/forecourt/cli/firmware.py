"""`forecourt firmware write|read|sign`: small firmware images for UpdateFirmware and SignedUpdateFirmware."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from forecourt.cli.errors import looked_up
from forecourt.cli.tables import print_card
from forecourt.errors import ForecourtError
from forecourt.evlink.firmware_image import FirmwareImage, decode_image, encode_image
from forecourt.evlink.models import find_model

if TYPE_CHECKING:
    from collections.abc import Callable

firmware = typer.Typer(help="Write, read and sign firmware images, which stations install.", no_args_is_help=False)

DEFAULT_SIZE_KB = 64
MOST_SIZE_KB = 32 * 1024
"""A station takes no larger file."""

FILLING = b"Nothing in here is a program: this fills a firmware image of Forecourt, so that bytes move.\n"

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The image.", dir_okay=False)]
_Json = Annotated[bool, typer.Option("--json", help="An object instead of lines.")]


def register(app: typer.Typer) -> None:
    """Add `firmware` to the command line."""
    app.add_typer(firmware, name="firmware")


@firmware.command("write")
def write(
    file: _File,
    model: Annotated[str, typer.Option("--model", help="A commercial reference; the image is for its product.")],
    version: Annotated[str, typer.Option("--version", help="What BootNotification reports once it is installed.")],
    size_kb: Annotated[
        int, typer.Option("--size-kb", help="How many KiB there are to download.", min=0, max=MOST_SIZE_KB - 1)
    ] = DEFAULT_SIZE_KB,
    as_json: _Json = False,
) -> None:
    """Write an image; a file of this name is replaced."""
    product = looked_up(find_model, model).product
    size = size_kb * 1024
    payload = (FILLING * (size // len(FILLING) + 1))[:size]
    data = looked_up(lambda text: encode_image(product, text, payload), version)
    _moved("written", file, lambda: file.write_bytes(data))
    _show(file, decode_image(data), len(data), as_json)


@firmware.command("read")
def read(file: _File, as_json: _Json = False) -> None:
    """Say what is in an image, or what is wrong with it."""
    data = _moved("read", file, file.read_bytes)
    try:
        image = decode_image(data)
    except ForecourtError as error:
        raise ForecourtError(f"{file}: {error}.") from error
    _show(file, image, len(data), as_json)


@firmware.command("sign")
def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to sign, whatever is in it.", dir_okay=False)],
    key: Annotated[Path, typer.Option("--key", help="The signer's private key: RSA or EC, PEM.", dir_okay=False)],
    certificate: Annotated[Path, typer.Option("--certificate", help="Its certificate, PEM.", dir_okay=False)],
    pkcs1: Annotated[bool, typer.Option("--pkcs1", help="Pad RSA as PKCS #1 v1.5 does and not as PSS.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="An object with signature and signingCertificate, as the request has them.")
    ] = False,
) -> None:
    """Write the signature for SignedUpdateFirmware to standard output, in base64."""
    from forecourt.runtime.firmware_signing import FirmwareSigner

    private = _moved("read", key, key.read_bytes)
    pem = _moved("read", certificate, certificate.read_bytes)
    data = _moved("read", file, file.read_bytes)
    signature = FirmwareSigner(private, pem).sign(data, pkcs1=pkcs1)
    if as_json:
        shown = {"signature": signature, "signingCertificate": pem.decode("ascii")}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n")
    else:
        sys.stdout.write(signature + "\n")


def _moved(what: str, file: Path, move: Callable[[], Any]) -> Any:
    """What `move` returns, or one sentence about why the file could not be."""
    try:
        return move()
    except OSError as error:
        raise ForecourtError(f"{file} cannot be {what}: {error.strerror}.") from error


def _show(file: Path, image: FirmwareImage, size: int, as_json: bool) -> None:
    if as_json:
        shown = {"file": str(file), "product": image.product.value, "version": image.version, "size_bytes": size}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n")
    else:
        print_card([("file", str(file)), ("product", image.product), ("version", image.version), ("bytes", str(size))])
