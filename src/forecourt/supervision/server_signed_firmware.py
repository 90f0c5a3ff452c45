"""Firmware and its signature before a station hears of it (white paper A00.FR.706, L01).

Theory of operation. A signature is kept beside its file, and is taken only when the signing certificate hangs on a root
of the manufacturer and the signature is that of the file. Both are looked at again right before SignedUpdateFirmware is
sent, as a file may have been replaced and a certificate may have expired. Where the operator has named a manufacturer,
that also holds for a SignedUpdateFirmware given as a plain command: its file must be one that is served here, because
nobody can look at another. Without a manufacturer there is nothing to look for, and plain commands pass as they are.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Meta

from forecourt.errors import ForecourtError
from forecourt.ocpp.types import Record
from forecourt.supervision.files_store import FileRefused

if TYPE_CHECKING:
    from forecourt.ocpp.security_extension import SignedUpdateFirmwareRequest
    from forecourt.supervision.server import Supervision


class FirmwareSignature(Record, frozen=True, gc=False):
    """Who signed a file and how, as `forecourt firmware sign --json` prints it."""

    signature: Annotated[str, Meta(min_length=1, max_length=800)]
    """Base64."""
    signingCertificate: Annotated[str, Meta(min_length=1, max_length=5500)]
    """PEM."""


async def keep_signature(supervision: Supervision, name: str, given: FirmwareSignature) -> None:
    """Keep the signature of a file. Raises `FileRefused`: 404 no such file, 409 not its signature."""
    await require_signed(supervision, name, given)
    store = supervision.files.store
    async with store.put() as incoming:
        await incoming.write(msgspec.json.encode(given))
        await incoming.keep(store.signatures, name, replace=True)


async def kept_signature(supervision: Supervision, name: str) -> FirmwareSignature:
    """The signature of a file, which is right at this moment. Raises `FileRefused`: 404, 409."""
    store = supervision.files.store
    store.find(name)
    path = store.signatures / name
    try:
        found = msgspec.json.decode(await asyncio.to_thread(path.read_bytes), type=FirmwareSignature)
    except (FileNotFoundError, msgspec.MsgspecError) as error:
        raise FileRefused(409, f"{name} has no signature here: PUT it to /api/files/{name}/signature first.") from error
    await require_signed(supervision, name, found)
    return found


async def require_signed(supervision: Supervision, name: str, given: FirmwareSignature) -> None:
    """Raise `FileRefused` (409) unless the manufacturer has signed this file."""
    from forecourt.runtime.firmware_signing import require_signed_firmware

    manufacturer = supervision.manufacturer
    if manufacturer is None:
        raise FileRefused(
            409, "No manufacturer is known whose firmware could be trusted: start with --manufacturer-authority."
        )
    path = supervision.files.store.find(name)
    data = await asyncio.to_thread(path.read_bytes)
    try:
        await asyncio.to_thread(
            require_signed_firmware,
            data,
            given.signature,
            given.signingCertificate,
            manufacturer.roots,
            supervision.now(),
        )
    except ForecourtError as refused:
        raise FileRefused(409, f"{name} is not sent as signed firmware: {refused}.") from refused


async def require_valid_request(supervision: Supervision, request: SignedUpdateFirmwareRequest) -> None:
    """Look at a SignedUpdateFirmware that was given as a command. Raises `FileRefused` (409)."""
    if supervision.manufacturer is None:
        return
    firmware = request.firmware
    name = _served_name(supervision, firmware.location)
    if name is None:
        raise FileRefused(
            409,
            "Signed firmware is looked at before it is sent, so its location must be that of a file of GET "
            "/api/files; another came.",
        )
    given = FirmwareSignature(signature=firmware.signature, signingCertificate=firmware.signingCertificate)
    await require_signed(supervision, name, given)


def _served_name(supervision: Supervision, location: str) -> str | None:
    """The file of ours that is at an address; None for any other address."""
    try:
        name = unquote(urlsplit(location).path.rpartition("/")[2])
    except ValueError:
        return None
    files = supervision.files
    addresses = [files.file_url(name, protocol) for protocol in files.served]
    return name if name and location in addresses else None
