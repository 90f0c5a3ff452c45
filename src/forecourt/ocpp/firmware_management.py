"""The Firmware Management profile (OCPP 1.6 sections 6 and 7, spelled as on the wire)."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from forecourt.ocpp.types import CiString255, DateTime, Integer, Record, keep_utc


class DiagnosticsStatus(StrEnum):
    """Section 7.24."""

    Idle = "Idle"
    Uploaded = "Uploaded"
    UploadFailed = "UploadFailed"
    Uploading = "Uploading"


class FirmwareStatus(StrEnum):
    """Section 7.25."""

    Downloaded = "Downloaded"
    DownloadFailed = "DownloadFailed"
    Downloading = "Downloading"
    Idle = "Idle"
    InstallationFailed = "InstallationFailed"
    Installing = "Installing"
    Installed = "Installed"


class DiagnosticsStatusNotificationRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.17."""

    status: DiagnosticsStatus


class DiagnosticsStatusNotificationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.18."""


class FirmwareStatusNotificationRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.19."""

    status: FirmwareStatus


class FirmwareStatusNotificationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.20."""


class GetDiagnosticsRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.25."""

    location: str
    """URI of the folder to upload to; whether it is one is for the station to say."""
    retries: Integer | UnsetType = UNSET
    retryInterval: Integer | UnsetType = UNSET
    """Seconds."""
    startTime: DateTime | UnsetType = UNSET
    stopTime: DateTime | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "startTime", "stopTime")


class GetDiagnosticsResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.26."""

    fileName: CiString255 | UnsetType = UNSET
    """Absent: there is nothing to upload."""


class UpdateFirmwareRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.55."""

    location: str
    """URI of the firmware; whether it is one is for the station to say."""
    retrieveDate: DateTime
    retries: Integer | UnsetType = UNSET
    retryInterval: Integer | UnsetType = UNSET
    """Seconds."""

    def __post_init__(self) -> None:
        keep_utc(self, "retrieveDate")


class UpdateFirmwareResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.56."""
