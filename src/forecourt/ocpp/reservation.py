"""The Reservation profile (OCPP 1.6 sections 6 and 7, spelled as on the wire)."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from forecourt.ocpp.types import DateTime, IdToken, Integer, Record, keep_utc


class CancelReservationStatus(StrEnum):
    """Section 7.5."""

    Accepted = "Accepted"
    Rejected = "Rejected"


class ReservationStatus(StrEnum):
    """Section 7.40."""

    Accepted = "Accepted"
    Faulted = "Faulted"
    Occupied = "Occupied"
    Rejected = "Rejected"
    Unavailable = "Unavailable"


class CancelReservationRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.5."""

    reservationId: Integer


class CancelReservationResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.6."""

    status: CancelReservationStatus


class ReserveNowRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.37."""

    connectorId: Integer
    """0 for no particular connector."""
    expiryDate: DateTime
    idTag: IdToken
    reservationId: Integer
    parentIdTag: IdToken | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "expiryDate")


class ReserveNowResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.38."""

    status: ReservationStatus
