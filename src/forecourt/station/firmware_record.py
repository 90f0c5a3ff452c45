"""What of the firmware outlives a power cut: the version that runs, and the update that is not over.

Both are one record, so that no power cut finds the one without the other. It holds for the firmware version that the
station was commissioned with: who commissions it with another one has put that on it, and the record is void.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.commissioning import Commissioning

KIND = "firmware"
KEY = "state"


class Step(StrEnum):
    """How far an update is."""

    SCHEDULED = "scheduled"
    """Its retrieveDate has not come."""
    DOWNLOADING = "downloading"
    CHECKING = "checking"
    """The file is there and is looked at."""
    WAITING = "waiting"
    """It is good, and transactions are still running."""
    INSTALLING = "installing"
    INSTALLED = "installed"
    """The next life runs it."""


class Update(msgspec.Struct, frozen=True, gc=False):
    """An update that is not over."""

    step: Step
    location: str
    """As the supervision wrote it, credentials included."""
    retrieve_s: float
    """Seconds since the epoch."""
    retries: int
    retry_interval_s: float
    version: str = ""
    """Of the image; empty until it was looked at."""
    action: str = "FirmwareStatusNotification"
    """The message that tells of it."""
    requestId: int | None = None


class Kept(msgspec.Struct, frozen=True, gc=False):
    """The record."""

    commissioned: str
    """The version for which it holds."""
    version: str
    """The version that runs."""
    update: Update | None = None


_decoder = msgspec.json.Decoder(Kept)
_encode = msgspec.json.Encoder().encode


def kept_in(
    records: Mapping[tuple[str, str], bytes], commissioning: Commissioning, effects: list[Effect]
) -> Kept | None:
    """The record, if there is one and it holds for this commissioning."""
    data = records.get((KIND, KEY))
    if data is None:
        return None
    try:
        kept = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: {error}"))
        return None
    if kept.commissioned == commissioning.firmware_version:
        return kept
    effects.append(DeleteRecord(KIND, KEY))
    return None


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
