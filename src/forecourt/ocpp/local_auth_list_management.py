"""The Local Auth List Management profile (OCPP 1.6 sections 6 and 7, spelled as on the wire)."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from forecourt.ocpp.core import IdTagInfo
from forecourt.ocpp.types import IdToken, Integer, Record


class UpdateStatus(StrEnum):
    """Section 7.48."""

    Accepted = "Accepted"
    Failed = "Failed"
    NotSupported = "NotSupported"
    VersionMismatch = "VersionMismatch"


class UpdateType(StrEnum):
    """Section 7.49."""

    Differential = "Differential"
    Full = "Full"


class AuthorizationData(Record, frozen=True, gc=False, kw_only=True):
    """Section 7.1: an entry of the list."""

    idTag: IdToken
    idTagInfo: IdTagInfo | UnsetType = UNSET
    """Absent in a Differential update: the entry is deleted."""


class GetLocalListVersionRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.27."""


class GetLocalListVersionResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.28."""

    listVersion: Integer
    """0: the list is empty; -1: local lists are not supported."""


class SendLocalListRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.41."""

    listVersion: Integer
    updateType: UpdateType
    localAuthorizationList: tuple[AuthorizationData, ...] | UnsetType = UNSET


class SendLocalListResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.42."""

    status: UpdateStatus
