"""The 39 operations of the guide as a table: who sends them, their records, their feature profile."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from forecourt.ocpp import (
    core,
    firmware_management,
    local_auth_list_management,
    remote_trigger,
    reservation,
    security_extension,
    smart_charging,
)
from forecourt.ocpp.faults import payload_fault

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record


class Sender(StrEnum):
    """Who may send the request of an action."""

    STATION = "station"
    CENTRAL_SYSTEM = "central system"
    BOTH = "both"


class FeatureProfile(StrEnum):
    """The groups of the guide's tables of supported messages."""

    Core = "Core"
    FirmwareManagement = "Firmware Management"
    LocalAuthListManagement = "Local Authentication List Management"
    Reservation = "Reservation"
    SmartCharging = "Smart charging"
    RemoteTrigger = "Remote trigger"
    SecurityExtension = "Security Extension"


class Action:
    """One operation with its decoders."""

    __slots__ = ("_decode_request", "_decode_response", "name", "profile", "request", "response", "sender")

    def __init__(
        self, name: str, request: type[Record], response: type[Record], sender: Sender, profile: FeatureProfile
    ) -> None:
        self.name: Final = name
        """As on the wire; upper and lower case matter."""
        self.request: Final = request
        self.response: Final = response
        self.sender: Final = sender
        self.profile: Final = profile
        self._decode_request = msgspec.json.Decoder(request).decode
        self._decode_response = msgspec.json.Decoder(response).decode

    def __repr__(self) -> str:
        return f"Action({self.name})"

    def decode_request(self, payload: bytes | msgspec.Raw) -> Record:
        """The request record of an undecoded payload. Raises PayloadFault with the code for a CALLERROR."""
        try:
            return self._decode_request(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
            return _second_look(bytes(payload), self.request, refusal)

    def decode_response(self, payload: bytes | msgspec.Raw) -> Record:
        """The response record of an undecoded payload. Raises PayloadFault."""
        try:
            return self._decode_response(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
            return _second_look(bytes(payload), self.response, refusal)


def _second_look(payload: bytes, record: type[Record], refusal: Exception) -> Record:
    """A null payload counts as an empty object (OCPP-J 4.2.1); anything else refused is a fault."""
    if payload.strip() == b"null":
        payload = b"{}"
        try:
            return msgspec.json.decode(payload, type=record)
        except msgspec.ValidationError as again:
            refusal = again
    raise payload_fault(payload, record, refusal) from refusal


_S, _C, _B = Sender.STATION, Sender.CENTRAL_SYSTEM, Sender.BOTH
_PROFILES = (
    (FeatureProfile.Core, core),
    (FeatureProfile.FirmwareManagement, firmware_management),
    (FeatureProfile.LocalAuthListManagement, local_auth_list_management),
    (FeatureProfile.Reservation, reservation),
    (FeatureProfile.SmartCharging, smart_charging),
    (FeatureProfile.RemoteTrigger, remote_trigger),
    (FeatureProfile.SecurityExtension, security_extension),
)
_ORDER: tuple[tuple[str, Sender], ...] = (
    # Initiated by the charge point.
    ("Authorize", _S),
    ("BootNotification", _S),
    ("Heartbeat", _S),
    ("MeterValues", _S),
    ("StartTransaction", _S),
    ("StatusNotification", _S),
    ("StopTransaction", _S),
    ("DiagnosticsStatusNotification", _S),
    ("FirmwareStatusNotification", _S),
    ("LogStatusNotification", _S),
    ("SecurityEventNotification", _S),
    ("SignCertificate", _S),
    ("SignedFirmwareStatusNotification", _S),
    # Initiated by the central system; Plug & Charge sends DataTransfer from the station too.
    ("ChangeAvailability", _C),
    ("ChangeConfiguration", _C),
    ("ClearCache", _C),
    ("DataTransfer", _B),
    ("GetConfiguration", _C),
    ("RemoteStartTransaction", _C),
    ("RemoteStopTransaction", _C),
    ("Reset", _C),
    ("UnlockConnector", _C),
    ("GetDiagnostics", _C),
    ("UpdateFirmware", _C),
    ("GetLocalListVersion", _C),
    ("SendLocalList", _C),
    ("CancelReservation", _C),
    ("ReserveNow", _C),
    ("GetCompositeSchedule", _C),
    ("ClearChargingProfile", _C),
    ("SetChargingProfile", _C),
    ("TriggerMessage", _C),
    ("CertificateSigned", _C),
    ("DeleteCertificate", _C),
    ("GetInstalledCertificateIds", _C),
    ("ExtendedTriggerMessage", _C),
    ("GetLog", _C),
    ("InstallCertificate", _C),
    ("SignedUpdateFirmware", _C),
)


def _action(name: str, sender: Sender) -> Action:
    for profile, module in _PROFILES:
        if hasattr(module, f"{name}Request"):
            return Action(name, getattr(module, f"{name}Request"), getattr(module, f"{name}Response"), sender, profile)
    raise AssertionError(f"no module has records for {name}")


ACTIONS: Final[dict[str, Action]] = {name: _action(name, sender) for name, sender in _ORDER}
"""By the name on the wire, in the order of the guide's two tables of supported messages."""

ACTION_OF: Final[dict[type, Action]] = {action.request: action for action in ACTIONS.values()}
"""By the class of the request record."""
