"""The Core profile: enumerations of section 7 and messages of section 6 of OCPP 1.6, spelled as on the wire."""

from datetime import UTC
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from forecourt.ocpp.smart_charging import ChargingProfile
from forecourt.ocpp.types import (
    CiString20,
    CiString25,
    CiString50,
    CiString255,
    CiString500,
    DateTime,
    IdToken,
    Integer,
    Record,
    keep_utc,
)


class AuthorizationStatus(StrEnum):
    """Section 7.2."""

    Accepted = "Accepted"
    Blocked = "Blocked"
    Expired = "Expired"
    Invalid = "Invalid"
    ConcurrentTx = "ConcurrentTx"


class AvailabilityStatus(StrEnum):
    """Section 7.3."""

    Accepted = "Accepted"
    Rejected = "Rejected"
    Scheduled = "Scheduled"


class AvailabilityType(StrEnum):
    """Section 7.4."""

    Inoperative = "Inoperative"
    Operative = "Operative"


class ChargePointErrorCode(StrEnum):
    """Section 7.6."""

    ConnectorLockFailure = "ConnectorLockFailure"
    EVCommunicationError = "EVCommunicationError"
    GroundFailure = "GroundFailure"
    HighTemperature = "HighTemperature"
    InternalError = "InternalError"
    LocalListConflict = "LocalListConflict"
    NoError = "NoError"
    OtherError = "OtherError"
    OverCurrentFailure = "OverCurrentFailure"
    OverVoltage = "OverVoltage"
    PowerMeterFailure = "PowerMeterFailure"
    PowerSwitchFailure = "PowerSwitchFailure"
    ReaderFailure = "ReaderFailure"
    ResetFailure = "ResetFailure"
    UnderVoltage = "UnderVoltage"
    WeakSignal = "WeakSignal"


class ChargePointStatus(StrEnum):
    """Section 7.7."""

    Available = "Available"
    Preparing = "Preparing"
    Charging = "Charging"
    SuspendedEVSE = "SuspendedEVSE"
    SuspendedEV = "SuspendedEV"
    Finishing = "Finishing"
    Reserved = "Reserved"
    Unavailable = "Unavailable"
    Faulted = "Faulted"


class ClearCacheStatus(StrEnum):
    """Section 7.20."""

    Accepted = "Accepted"
    Rejected = "Rejected"


class ConfigurationStatus(StrEnum):
    """Section 7.22."""

    Accepted = "Accepted"
    Rejected = "Rejected"
    RebootRequired = "RebootRequired"
    NotSupported = "NotSupported"


class DataTransferStatus(StrEnum):
    """Section 7.23."""

    Accepted = "Accepted"
    Rejected = "Rejected"
    UnknownMessageId = "UnknownMessageId"
    UnknownVendorId = "UnknownVendorId"


class Location(StrEnum):
    """Section 7.30: where a value was measured."""

    Body = "Body"
    Cable = "Cable"
    EV = "EV"
    Inlet = "Inlet"
    Outlet = "Outlet"


class Measurand(StrEnum):
    """Section 7.31."""

    Current_Export = "Current.Export"
    Current_Import = "Current.Import"
    Current_Offered = "Current.Offered"
    Energy_Active_Export_Register = "Energy.Active.Export.Register"
    Energy_Active_Import_Register = "Energy.Active.Import.Register"
    Energy_Reactive_Export_Register = "Energy.Reactive.Export.Register"
    Energy_Reactive_Import_Register = "Energy.Reactive.Import.Register"
    Energy_Active_Export_Interval = "Energy.Active.Export.Interval"
    Energy_Active_Import_Interval = "Energy.Active.Import.Interval"
    Energy_Reactive_Export_Interval = "Energy.Reactive.Export.Interval"
    Energy_Reactive_Import_Interval = "Energy.Reactive.Import.Interval"
    Frequency = "Frequency"
    Power_Active_Export = "Power.Active.Export"
    Power_Active_Import = "Power.Active.Import"
    Power_Factor = "Power.Factor"
    Power_Offered = "Power.Offered"
    Power_Reactive_Export = "Power.Reactive.Export"
    Power_Reactive_Import = "Power.Reactive.Import"
    RPM = "RPM"
    SoC = "SoC"
    Temperature = "Temperature"
    Voltage = "Voltage"


class Phase(StrEnum):
    """Section 7.34."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    N = "N"
    L1_N = "L1-N"
    L2_N = "L2-N"
    L3_N = "L3-N"
    L1_L2 = "L1-L2"
    L2_L3 = "L2-L3"
    L3_L1 = "L3-L1"


class ReadingContext(StrEnum):
    """Section 7.35: why a value was taken."""

    Interruption_Begin = "Interruption.Begin"
    Interruption_End = "Interruption.End"
    Other = "Other"
    Sample_Clock = "Sample.Clock"
    Sample_Periodic = "Sample.Periodic"
    Transaction_Begin = "Transaction.Begin"
    Transaction_End = "Transaction.End"
    Trigger = "Trigger"


class RegistrationStatus(StrEnum):
    """Section 7.38."""

    Accepted = "Accepted"
    Pending = "Pending"
    Rejected = "Rejected"


class RemoteStartStopStatus(StrEnum):
    """Section 7.39."""

    Accepted = "Accepted"
    Rejected = "Rejected"


class ResetStatus(StrEnum):
    """Section 7.41."""

    Accepted = "Accepted"
    Rejected = "Rejected"


class ResetType(StrEnum):
    """Section 7.42."""

    Hard = "Hard"
    Soft = "Soft"


class StopReason(StrEnum):
    """Section 7.36 (there named Reason): why a transaction ended."""

    DeAuthorized = "DeAuthorized"
    EmergencyStop = "EmergencyStop"
    EVDisconnected = "EVDisconnected"
    HardReset = "HardReset"
    Local = "Local"
    Other = "Other"
    PowerLoss = "PowerLoss"
    Reboot = "Reboot"
    Remote = "Remote"
    SoftReset = "SoftReset"
    UnlockCommand = "UnlockCommand"


class UnitOfMeasure(StrEnum):
    """Section 7.45. Both spellings of Celsius are valid, and Hertz, which some peers send, is understood."""

    Wh = "Wh"
    kWh = "kWh"
    varh = "varh"
    kvarh = "kvarh"
    W = "W"
    kW = "kW"
    VA = "VA"
    kVA = "kVA"
    var = "var"
    kvar = "kvar"
    A = "A"
    V = "V"
    Celcius = "Celcius"
    Celsius = "Celsius"
    Fahrenheit = "Fahrenheit"
    K = "K"
    Percent = "Percent"
    Hertz = "Hertz"


class UnlockStatus(StrEnum):
    """Section 7.46."""

    Unlocked = "Unlocked"
    UnlockFailed = "UnlockFailed"
    NotSupported = "NotSupported"


class ValueFormat(StrEnum):
    """Section 7.47."""

    Raw = "Raw"
    SignedData = "SignedData"


class IdTagInfo(Record, frozen=True, gc=False, kw_only=True):
    """Section 7.27: what a central system says about a badge."""

    status: AuthorizationStatus
    expiryDate: DateTime | UnsetType = UNSET
    """Until when the status holds; absent: without end."""
    parentIdTag: IdToken | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "expiryDate")


class KeyValue(Record, frozen=True, gc=False, kw_only=True):
    """Section 7.29: one configuration key."""

    key: CiString50
    readonly: bool
    value: CiString500 | UnsetType = UNSET


class SampledValue(Record, frozen=True, gc=False, kw_only=True):
    """Section 7.43: one figure of a meter. Absent: Sample.Periodic, Raw, Energy.Active.Import.Register, Outlet, Wh."""

    value: str
    """Decimal text, or signed data in text form."""
    context: ReadingContext | UnsetType = UNSET
    format: ValueFormat | UnsetType = UNSET
    measurand: Measurand | UnsetType = UNSET
    phase: Phase | UnsetType = UNSET
    location: Location | UnsetType = UNSET
    unit: UnitOfMeasure | UnsetType = UNSET


class MeterValue(Record, frozen=True, gc=False, kw_only=True):
    """Section 7.33: figures taken at one time."""

    timestamp: DateTime
    sampledValue: Annotated[tuple[SampledValue, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        if self.timestamp.tzinfo is not UTC:
            keep_utc(self, "timestamp")


class AuthorizeRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.1."""

    idTag: IdToken


class AuthorizeResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.2."""

    idTagInfo: IdTagInfo


class BootNotificationRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.3."""

    chargePointVendor: CiString20
    chargePointModel: CiString20
    chargePointSerialNumber: CiString25 | UnsetType = UNSET
    chargeBoxSerialNumber: CiString25 | UnsetType = UNSET
    firmwareVersion: CiString50 | UnsetType = UNSET
    iccid: CiString20 | UnsetType = UNSET
    imsi: CiString20 | UnsetType = UNSET
    meterType: CiString25 | UnsetType = UNSET
    meterSerialNumber: CiString25 | UnsetType = UNSET


class BootNotificationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.4."""

    status: RegistrationStatus
    currentTime: DateTime
    interval: Integer
    """Seconds: between heartbeats when Accepted, else the least wait before the next BootNotification."""

    def __post_init__(self) -> None:
        keep_utc(self, "currentTime")


class ChangeAvailabilityRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.7."""

    connectorId: Integer
    """0 for the station with all its connectors."""
    type: AvailabilityType


class ChangeAvailabilityResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.8."""

    status: AvailabilityStatus


class ChangeConfigurationRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.9."""

    key: CiString50
    value: CiString500


class ChangeConfigurationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.10."""

    status: ConfigurationStatus


class ClearCacheRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.11."""


class ClearCacheResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.12."""

    status: ClearCacheStatus


class DataTransferRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.15."""

    vendorId: CiString255
    messageId: CiString50 | UnsetType = UNSET
    data: str | UnsetType = UNSET


class DataTransferResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.16."""

    status: DataTransferStatus
    data: str | UnsetType = UNSET


class GetConfigurationRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.23."""

    key: tuple[CiString50, ...] | UnsetType = UNSET
    """Absent or empty: all keys."""


class GetConfigurationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.24."""

    configurationKey: tuple[KeyValue, ...] | UnsetType = UNSET
    unknownKey: tuple[CiString50, ...] | UnsetType = UNSET


class HeartbeatRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.29."""


class HeartbeatResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.30."""

    currentTime: DateTime

    def __post_init__(self) -> None:
        keep_utc(self, "currentTime")


class MeterValuesRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.31."""

    connectorId: Integer
    meterValue: Annotated[tuple[MeterValue, ...], Meta(min_length=1)]
    transactionId: Integer | UnsetType = UNSET


class MeterValuesResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.32."""


class RemoteStartTransactionRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.33."""

    idTag: IdToken
    connectorId: Integer | UnsetType = UNSET
    chargingProfile: ChargingProfile | UnsetType = UNSET


class RemoteStartTransactionResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.34."""

    status: RemoteStartStopStatus


class RemoteStopTransactionRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.35."""

    transactionId: Integer


class RemoteStopTransactionResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.36."""

    status: RemoteStartStopStatus


class ResetRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.39."""

    type: ResetType


class ResetResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.40."""

    status: ResetStatus


class StartTransactionRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.45."""

    connectorId: Integer
    idTag: IdToken
    meterStart: Integer
    """Wh."""
    timestamp: DateTime
    reservationId: Integer | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "timestamp")


class StartTransactionResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.46."""

    idTagInfo: IdTagInfo
    transactionId: Integer


class StatusNotificationRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.47."""

    connectorId: Integer
    """0 for the station's main controller."""
    errorCode: ChargePointErrorCode
    status: ChargePointStatus
    info: CiString50 | UnsetType = UNSET
    timestamp: DateTime | UnsetType = UNSET
    vendorId: CiString255 | UnsetType = UNSET
    vendorErrorCode: CiString50 | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "timestamp")


class StatusNotificationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.48."""


class StopTransactionRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.49."""

    transactionId: Integer
    meterStop: Integer
    """Wh."""
    timestamp: DateTime
    idTag: IdToken | UnsetType = UNSET
    reason: StopReason | UnsetType = UNSET
    """Absent means Local."""
    transactionData: tuple[MeterValue, ...] | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "timestamp")


class StopTransactionResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.50."""

    idTagInfo: IdTagInfo | UnsetType = UNSET


class UnlockConnectorRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.53."""

    connectorId: Integer


class UnlockConnectorResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.54."""

    status: UnlockStatus
