"""The Smart Charging profile (OCPP 1.6 sections 6 and 7, spelled as on the wire)."""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from forecourt.ocpp.types import DateTime, Integer, OneDecimal, Record, keep_utc, require_one_decimal


class ChargingProfileKind(StrEnum):
    """Section 7.9."""

    Absolute = "Absolute"
    Recurring = "Recurring"
    Relative = "Relative"


class ChargingProfilePurpose(StrEnum):
    """Section 7.10."""

    ChargePointMaxProfile = "ChargePointMaxProfile"
    TxDefaultProfile = "TxDefaultProfile"
    TxProfile = "TxProfile"


class ChargingProfileStatus(StrEnum):
    """Section 7.11."""

    Accepted = "Accepted"
    Rejected = "Rejected"
    NotSupported = "NotSupported"


class ChargingRateUnit(StrEnum):
    """Section 7.12."""

    A = "A"
    W = "W"


class ClearChargingProfileStatus(StrEnum):
    """Section 7.21."""

    Accepted = "Accepted"
    Unknown = "Unknown"


class GetCompositeScheduleStatus(StrEnum):
    """Section 7.26."""

    Accepted = "Accepted"
    Rejected = "Rejected"


class RecurrencyKind(StrEnum):
    """Section 7.37."""

    Daily = "Daily"
    Weekly = "Weekly"


class ChargingSchedulePeriod(Record, frozen=True, gc=False, kw_only=True):
    """Section 7.14: a limit from a moment on."""

    startPeriod: Integer
    """Seconds from the start of the schedule."""
    limit: OneDecimal
    """In the schedule's chargingRateUnit, with at most one decimal."""
    numberPhases: Integer | UnsetType = UNSET

    def __post_init__(self) -> None:
        require_one_decimal("limit", self.limit)


class ChargingSchedule(Record, frozen=True, gc=False, kw_only=True):
    """Section 7.13."""

    chargingRateUnit: ChargingRateUnit
    chargingSchedulePeriod: Annotated[tuple[ChargingSchedulePeriod, ...], Meta(min_length=1)]
    duration: Integer | UnsetType = UNSET
    """Seconds; absent: without end."""
    startSchedule: DateTime | UnsetType = UNSET
    minChargingRate: OneDecimal | UnsetType = UNSET
    """In chargingRateUnit, with at most one decimal."""

    def __post_init__(self) -> None:
        keep_utc(self, "startSchedule")
        if self.minChargingRate is not UNSET:
            require_one_decimal("minChargingRate", self.minChargingRate)


class ChargingProfile(Record, frozen=True, gc=False, kw_only=True):
    """Section 7.8."""

    chargingProfileId: Integer
    stackLevel: Integer
    chargingProfilePurpose: ChargingProfilePurpose
    chargingProfileKind: ChargingProfileKind
    chargingSchedule: ChargingSchedule
    transactionId: Integer | UnsetType = UNSET
    recurrencyKind: RecurrencyKind | UnsetType = UNSET
    validFrom: DateTime | UnsetType = UNSET
    validTo: DateTime | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "validFrom", "validTo")


class ClearChargingProfileRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.13. What is absent matches everything."""

    id: Integer | UnsetType = UNSET
    connectorId: Integer | UnsetType = UNSET
    chargingProfilePurpose: ChargingProfilePurpose | UnsetType = UNSET
    stackLevel: Integer | UnsetType = UNSET


class ClearChargingProfileResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.14."""

    status: ClearChargingProfileStatus


class GetCompositeScheduleRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.21."""

    connectorId: Integer
    """0 for the whole station."""
    duration: Integer
    """Seconds."""
    chargingRateUnit: ChargingRateUnit | UnsetType = UNSET


class GetCompositeScheduleResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.22."""

    status: GetCompositeScheduleStatus
    connectorId: Integer | UnsetType = UNSET
    scheduleStart: DateTime | UnsetType = UNSET
    chargingSchedule: ChargingSchedule | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "scheduleStart")


class SetChargingProfileRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.43."""

    connectorId: Integer
    csChargingProfiles: ChargingProfile


class SetChargingProfileResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.44."""

    status: ChargingProfileStatus
