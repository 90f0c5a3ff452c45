"""The security extension: messages and types of "Improved security for OCPP 1.6-J", sections 5 and 6."""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from forecourt.ocpp.remote_trigger import TriggerMessageStatus
from forecourt.ocpp.types import CiString50, CiString255, DateTime, Integer, Record, keep_utc

PemCertificate = Annotated[str, Meta(max_length=5500)]
PemChain = Annotated[str, Meta(max_length=10000)]
PemCsr = Annotated[str, Meta(max_length=5500)]
RemoteLocation = Annotated[str, Meta(max_length=512)]
HashText = Annotated[str, Meta(max_length=128)]
SerialNumber = Annotated[str, Meta(max_length=40)]
SignatureText = Annotated[str, Meta(max_length=800)]


class CertificateSignedStatus(StrEnum):
    """What came of a signed certificate at the station."""

    Accepted = "Accepted"
    Rejected = "Rejected"


class CertificateUse(StrEnum):
    """Which root certificates are meant."""

    CentralSystemRootCertificate = "CentralSystemRootCertificate"
    ManufacturerRootCertificate = "ManufacturerRootCertificate"


class DeleteCertificateStatus(StrEnum):
    """What came of a deletion."""

    Accepted = "Accepted"
    Failed = "Failed"
    NotFound = "NotFound"


class ExtendedMessageTrigger(StrEnum):
    """What ExtendedTriggerMessage can ask for."""

    BootNotification = "BootNotification"
    LogStatusNotification = "LogStatusNotification"
    FirmwareStatusNotification = "FirmwareStatusNotification"
    Heartbeat = "Heartbeat"
    MeterValues = "MeterValues"
    SignChargePointCertificate = "SignChargePointCertificate"
    StatusNotification = "StatusNotification"


class GenericStatus(StrEnum):
    """Whether a certificate signing request will be processed."""

    Accepted = "Accepted"
    Rejected = "Rejected"


class GetInstalledCertificateStatus(StrEnum):
    """Whether certificates of the kind are installed."""

    Accepted = "Accepted"
    NotFound = "NotFound"


class HashAlgorithm(StrEnum):
    """The digests of certificate hash data."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class InstallCertificateStatus(StrEnum):
    """What came of an installation."""

    Accepted = "Accepted"
    Failed = "Failed"
    Rejected = "Rejected"


class LogType(StrEnum):
    """Which log is asked for."""

    DiagnosticsLog = "DiagnosticsLog"
    SecurityLog = "SecurityLog"


class LogStatus(StrEnum):
    """Whether a log will be uploaded; AcceptedCanceled: yes, and a running upload was given up for it."""

    Accepted = "Accepted"
    Rejected = "Rejected"
    AcceptedCanceled = "AcceptedCanceled"


class UploadLogStatus(StrEnum):
    """How an upload of a log fares."""

    BadMessage = "BadMessage"
    Idle = "Idle"
    NotSupportedOperation = "NotSupportedOperation"
    PermissionDenied = "PermissionDenied"
    Uploaded = "Uploaded"
    UploadFailure = "UploadFailure"
    Uploading = "Uploading"


class SignedFirmwareStatus(StrEnum):
    """How a signed firmware update fares."""

    Downloaded = "Downloaded"
    DownloadFailed = "DownloadFailed"
    Downloading = "Downloading"
    DownloadScheduled = "DownloadScheduled"
    DownloadPaused = "DownloadPaused"
    Idle = "Idle"
    InstallationFailed = "InstallationFailed"
    Installing = "Installing"
    Installed = "Installed"
    InstallRebooting = "InstallRebooting"
    InstallScheduled = "InstallScheduled"
    InstallVerificationFailed = "InstallVerificationFailed"
    InvalidSignature = "InvalidSignature"
    SignatureVerified = "SignatureVerified"


class UpdateFirmwareStatus(StrEnum):
    """Whether a signed firmware update will be done."""

    Accepted = "Accepted"
    Rejected = "Rejected"
    AcceptedCanceled = "AcceptedCanceled"
    InvalidCertificate = "InvalidCertificate"
    RevokedCertificate = "RevokedCertificate"


class CertificateHashData(Record, frozen=True, gc=False, kw_only=True):
    """What names an installed certificate."""

    hashAlgorithm: HashAlgorithm
    issuerNameHash: HashText
    issuerKeyHash: HashText
    serialNumber: SerialNumber


class Firmware(Record, frozen=True, gc=False, kw_only=True):
    """A signed firmware and when to fetch and install it."""

    location: RemoteLocation
    retrieveDateTime: DateTime
    signingCertificate: PemCertificate
    signature: SignatureText
    """Base64."""
    installDateTime: DateTime | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "retrieveDateTime", "installDateTime")


class LogParameters(Record, frozen=True, gc=False, kw_only=True):
    """Where a log goes and what it is to cover."""

    remoteLocation: RemoteLocation
    oldestTimestamp: DateTime | UnsetType = UNSET
    latestTimestamp: DateTime | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "oldestTimestamp", "latestTimestamp")


class CertificateSignedRequest(Record, frozen=True, gc=False, kw_only=True):
    """The certificate that a SignCertificate asked for."""

    certificateChain: PemChain


class CertificateSignedResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to CertificateSigned."""

    status: CertificateSignedStatus


class DeleteCertificateRequest(Record, frozen=True, gc=False, kw_only=True):
    """Delete one installed certificate."""

    certificateHashData: CertificateHashData


class DeleteCertificateResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to DeleteCertificate."""

    status: DeleteCertificateStatus


RequestedMessage = Annotated[
    str, Meta(extra_json_schema={"enum": [str(trigger) for trigger in ExtendedMessageTrigger]})
]


class ExtendedTriggerMessageRequest(Record, frozen=True, gc=False, kw_only=True):
    """Ask for a message, those of the security extension included."""

    requestedMessage: RequestedMessage
    """An `ExtendedMessageTrigger`, or anything else: that is answered NotImplemented and not with a CALLERROR."""
    connectorId: Integer | UnsetType = UNSET


class ExtendedTriggerMessageResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to ExtendedTriggerMessage."""

    status: TriggerMessageStatus


class GetInstalledCertificateIdsRequest(Record, frozen=True, gc=False, kw_only=True):
    """Ask which root certificates are installed."""

    certificateType: CertificateUse


class GetInstalledCertificateIdsResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to GetInstalledCertificateIds."""

    status: GetInstalledCertificateStatus
    certificateHashData: Annotated[tuple[CertificateHashData, ...], Meta(min_length=1)] | UnsetType = UNSET


class GetLogRequest(Record, frozen=True, gc=False, kw_only=True):
    """Ask for an upload of a log."""

    logType: LogType
    requestId: Integer
    log: LogParameters
    retries: Integer | UnsetType = UNSET
    retryInterval: Integer | UnsetType = UNSET
    """Seconds."""


class GetLogResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to GetLog."""

    status: LogStatus
    filename: CiString255 | UnsetType = UNSET
    """Absent: there is no log."""


class InstallCertificateRequest(Record, frozen=True, gc=False, kw_only=True):
    """Install a root certificate."""

    certificateType: CertificateUse
    certificate: PemCertificate


class InstallCertificateResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to InstallCertificate."""

    status: InstallCertificateStatus


class LogStatusNotificationRequest(Record, frozen=True, gc=False, kw_only=True):
    """How an upload of a log fares."""

    status: UploadLogStatus
    requestId: Integer | UnsetType = UNSET


class LogStatusNotificationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to LogStatusNotification."""


class SecurityEventNotificationRequest(Record, frozen=True, gc=False, kw_only=True):
    """Something that matters for security happened."""

    type: CiString50
    timestamp: DateTime
    techInfo: CiString255 | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "timestamp")


class SecurityEventNotificationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to SecurityEventNotification."""


class SignCertificateRequest(Record, frozen=True, gc=False, kw_only=True):
    """Ask for a certificate."""

    csr: PemCsr


class SignCertificateResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to SignCertificate."""

    status: GenericStatus


class SignedFirmwareStatusNotificationRequest(Record, frozen=True, gc=False, kw_only=True):
    """How a signed firmware update fares."""

    status: SignedFirmwareStatus
    requestId: Integer | UnsetType = UNSET


class SignedFirmwareStatusNotificationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to SignedFirmwareStatusNotification."""


class SignedUpdateFirmwareRequest(Record, frozen=True, gc=False, kw_only=True):
    """Fetch, verify and install a signed firmware."""

    requestId: Integer
    firmware: Firmware
    retries: Integer | UnsetType = UNSET
    retryInterval: Integer | UnsetType = UNSET
    """Seconds."""


class SignedUpdateFirmwareResponse(Record, frozen=True, gc=False, kw_only=True):
    """Answer to SignedUpdateFirmware."""

    status: UpdateFirmwareStatus
