"""The Remote Trigger profile (OCPP 1.6 sections 6 and 7, spelled as on the wire)."""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from forecourt.ocpp.types import Integer, Record


class MessageTrigger(StrEnum):
    """Section 7.32: what TriggerMessage can ask for."""

    BootNotification = "BootNotification"
    DiagnosticsStatusNotification = "DiagnosticsStatusNotification"
    FirmwareStatusNotification = "FirmwareStatusNotification"
    Heartbeat = "Heartbeat"
    MeterValues = "MeterValues"
    StatusNotification = "StatusNotification"


class TriggerMessageStatus(StrEnum):
    """Section 7.44."""

    Accepted = "Accepted"
    Rejected = "Rejected"
    NotImplemented = "NotImplemented"


RequestedMessage = Annotated[str, Meta(extra_json_schema={"enum": [str(trigger) for trigger in MessageTrigger]})]


class TriggerMessageRequest(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.51."""

    requestedMessage: RequestedMessage
    """A `MessageTrigger`, or anything else: that is answered NotImplemented and not with a CALLERROR."""
    connectorId: Integer | UnsetType = UNSET
    """Absent: all connectors for which the message makes sense."""


class TriggerMessageResponse(Record, frozen=True, gc=False, kw_only=True):
    """Section 6.52."""

    status: TriggerMessageStatus
