"""What of the firmware outlives a power cut: the version that runs, and the update that is not over.

Both are one record, so that no power cut finds the one without the other. It holds for the firmware version that the
station was commissioned with: who commissions it with another one has put that on it, and the record is void.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.security_extension import SignedFirmwareStatus
from forecourt.station.clock import Moment
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.commissioning import Commissioning

KIND = "firmware"
KEY = "state"


PLAIN, SIGNED = "FirmwareStatusNotification", "SignedFirmwareStatusNotification"
"""The messages that tell of a plain update and of a signed one."""

SIGNED_STATUSES = frozenset(status.value for status in SignedFirmwareStatus)


class Step(StrEnum):
    """How far an update is."""

    SCHEDULED = "scheduled"
    """Its retrieveDate has not come."""
    DOWNLOADING = "downloading"
    PAUSED = "paused"
    """An attempt to download it has failed, and the next is not due. Of a signed update only, as the next two are."""
    CHECKING = "checking"
    """The file is there and is looked at."""
    VERIFIED = "verified"
    """Its signature is good, and the image in it is looked at."""
    READY = "ready"
    """It is good, and its installDateTime has not come."""
    WAITING = "waiting"
    """It is to be installed, and transactions are still running."""
    INSTALLING = "installing"
    INSTALLED = "installed"
    """The next life runs it."""
    OVER = "over"
    """It has failed, and the status that was told last may be asked for."""


class Update(msgspec.Struct, frozen=True, gc=False):
    """An update that is not over."""

    step: Step
    location: str
    """As the supervision wrote it, credentials included."""
    retrieve_s: Moment
    """Seconds since the epoch."""
    retries: int
    retry_interval_s: float
    version: str = ""
    """Of the image; empty until it was looked at."""
    action: str = PLAIN
    """The message that tells of it."""
    requestId: int | None = None


class SignedUpdate(Update, frozen=True, gc=False):
    """An update that SignedUpdateFirmware asked for; `retrieve_s` is its retrieveDateTime."""

    signingCertificate: str = ""
    """PEM, as it came; it was good when it did."""
    signature: str = ""
    """Base64."""
    install_s: Moment | None = None
    """installDateTime in seconds since the epoch; None: as soon as possible."""
    failed_attempts: int = 0
    """To download it."""
    status: str = ""
    """What was told of it last; empty for nothing yet."""
    accepts_pkcs1: bool = False
    """Whether the signature may be one with RSA PKCS #1 v1.5: the station's option when it was asked."""
    installs_in_bootloader: bool = False
    """Whether it is the bootloader that installs it: the station's option when it was asked."""


class Kept(msgspec.Struct, frozen=True, gc=False):
    """The record."""

    commissioned: str
    """The version for which it holds."""
    version: str
    """The version that runs."""
    update: Update | None = None


class _KeptSigned(msgspec.Struct, frozen=True, gc=False):
    """The record while its update is a signed one."""

    commissioned: str
    version: str
    update: SignedUpdate


_decoder = msgspec.json.Decoder(Kept)
_signed_decoder = msgspec.json.Decoder(_KeptSigned)
_encode = msgspec.json.Encoder().encode


def kept_in(
    records: Mapping[tuple[str, str], bytes], commissioning: Commissioning, effects: list[Effect]
) -> Kept | None:
    """The record, if there is one and it holds for this commissioning."""
    data = records.get((KIND, KEY))
    if data is None:
        return None
    try:
        kept = _decode(data)
    except ValueError as error:
        effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: {error}"))
        return None
    if kept.commissioned == commissioning.firmware_version:
        return kept
    effects.append(DeleteRecord(KIND, KEY))
    return None


def _decode(data: bytes) -> Kept:
    kept = _decoder.decode(data)
    if kept.update is None or kept.update.action == PLAIN:
        return kept
    update = _signed_decoder.decode(data).update
    if update.action != SIGNED or (update.status and update.status not in SIGNED_STATUSES):
        raise ValueError(f"expected an update that can be told of, came {update.action[:50]} {update.status[:50]}")
    return msgspec.structs.replace(kept, update=update)


def as_updated(commissioning: Commissioning, kept: Kept | None) -> Commissioning:
    """The commissioning with the firmware version that runs."""
    if kept is None or kept.version == commissioning.firmware_version:
        return commissioning
    return msgspec.structs.replace(commissioning, firmware_version=kept.version)


def save(kept: Kept, effects: list[Effect]) -> Kept | None:
    """Keep the record, or forget it when it says no more than the commissioning; return what is kept."""
    if kept.update is None and kept.version == kept.commissioned:
        effects.append(DeleteRecord(KIND, KEY))
        return None
    effects.append(SaveRecord(KIND, KEY, _encode(kept)))
    return kept
