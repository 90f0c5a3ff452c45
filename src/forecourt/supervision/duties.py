"""What the supervision owes the station before it sends a request: a rule a row, with its section of OCPP 1.6.

A rule gives the sentence why a request must not go out now, or None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from forecourt.ocpp.core import (
    GetConfigurationRequest,
    RegistrationStatus,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    UnlockConnectorRequest,
)
from forecourt.ocpp.local_auth_list_management import SendLocalListRequest
from forecourt.ocpp.remote_trigger import TriggerMessageRequest
from forecourt.ocpp.security_extension import ExtendedTriggerMessageRequest
from forecourt.ocpp.smart_charging import ChargingProfile, ChargingProfilePurpose, SetChargingProfileRequest
from forecourt.ocpp.types import Record, to_epoch
from forecourt.supervision.limits import MAX_KEYS, limit_of, number_limit, replaced_profiles
from forecourt.supervision.registry import tag_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forecourt.supervision.stations import Station

LATE_START_S = 300.0
"""A StartTransaction told later than this after its timestamp was made offline; its transaction gets no TxProfile."""

_UNITS = {"A": "current", "W": "power"}


def objection(station: Station, request: Record) -> str | None:
    """Why this request must not go to this station now, as a sentence; None when it may."""
    if station.boot_status == RegistrationStatus.Rejected:
        return f"{station.identity} is Rejected: no request may be sent until its next BootNotification is answered."
    for rule in RULES.get(type(request), ()):
        sentence = rule(station, request)
        if sentence is not None:
            return sentence
    return None


def _accepted(station: Station, _request: Record) -> str | None:
    """OCPP 4.2: no remote start and no remote stop while the station is Pending."""
    if station.boot_status != RegistrationStatus.Accepted:
        state = station.boot_status or "not booted yet"
        return f"{station.identity} is {state}: a transaction can be started or stopped only once it is Accepted."
    return None


def _remote_start_connector(_station: Station, request: RemoteStartTransactionRequest) -> str | None:
    """OCPP 6.33: connectorId above 0."""
    if request.connectorId is not UNSET and request.connectorId < 1:
        return f"connectorId of RemoteStartTransaction must be above 0, or absent; {request.connectorId} came."
    return None


def _remote_start_profile(station: Station, request: RemoteStartTransactionRequest) -> str | None:
    """OCPP 5.16.2: a TxProfile for the transaction to come, so without transactionId."""
    profile = request.chargingProfile
    if profile is UNSET:
        return None
    if profile.chargingProfilePurpose is not ChargingProfilePurpose.TxProfile:
        return f"A profile in RemoteStartTransaction must be a TxProfile; {profile.chargingProfilePurpose} came."
    if profile.transactionId is not UNSET:
        return f"A profile in RemoteStartTransaction has no transactionId yet; {profile.transactionId} came."
    return _profile_limits(station, profile)


def _no_boot_after_accepted(
    station: Station, request: TriggerMessageRequest | ExtendedTriggerMessageRequest
) -> str | None:
    """OCPP 4.2: after Accepted no BootNotification is triggered until the station sends one by itself."""
    if station.boot_status == RegistrationStatus.Accepted and request.requestedMessage == "BootNotification":
        return f"{station.identity} is Accepted: it sends BootNotification by itself when it boots again (try Reset)."
    return None


def _configuration_names(station: Station, request: GetConfigurationRequest) -> str | None:
    """OCPP 5.8: no more names at once than GetConfigurationMaxKeys."""
    most = number_limit(station, MAX_KEYS)
    if most is not None and request.key is not UNSET and len(request.key) > most:
        return f"{station.identity} takes at most {most} names in one GetConfiguration; {len(request.key)} came."
    return None


def _local_list(station: Station, request: SendLocalListRequest) -> str | None:
    """OCPP 6.41: a version above 0, no idTag twice, no more entries than SendLocalListMaxLength."""
    if request.listVersion < 1:
        return f"listVersion of SendLocalList must be above 0; {request.listVersion} came."
    entries: Sequence[object] = ()
    if request.localAuthorizationList is not UNSET:
        entries = request.localAuthorizationList
        seen: set[str] = set()
        for entry in request.localAuthorizationList:
            if tag_key(entry.idTag) in seen:
                return f"SendLocalList may name an idTag only once; {entry.idTag} came again."
            seen.add(tag_key(entry.idTag))
    most = number_limit(station, "SendLocalListMaxLength")
    if most is not None and len(entries) > most:
        return f"{station.identity} takes at most {most} entries in one SendLocalList; {len(entries)} came."
    return None


def _max_profile_connector(_station: Station, request: SetChargingProfileRequest) -> str | None:
    """OCPP 3.13.1: ChargePointMaxProfile for connector 0 only."""
    purpose = request.csChargingProfiles.chargingProfilePurpose
    if purpose is ChargingProfilePurpose.ChargePointMaxProfile and request.connectorId != 0:
        return f"A ChargePointMaxProfile is for connector 0, the whole station; connectorId {request.connectorId} came."
    return None


def _tx_profile_transaction(station: Station, request: SetChargingProfileRequest) -> str | None:
    """OCPP 5.16: a TxProfile names a running transaction, and not one whose start was told late."""
    profile = request.csChargingProfiles
    if profile.chargingProfilePurpose is not ChargingProfilePurpose.TxProfile:
        return None
    if profile.transactionId is UNSET:
        return "A TxProfile must carry the transactionId of the running transaction; none came."
    transaction = station.transactions.get(profile.transactionId)
    if transaction is None or transaction.stopped_s is not None:
        return f"Transaction {profile.transactionId} does not run on {station.identity}."
    if transaction.request.connectorId != request.connectorId:
        connector = transaction.request.connectorId
        return f"Transaction {profile.transactionId} runs on connector {connector}; {request.connectorId} came."
    if transaction.at_s - to_epoch(transaction.request.timestamp) > LATE_START_S:
        return f"Transaction {profile.transactionId} was started offline and may be over: it gets no TxProfile."
    return None


def _set_profile_limits(station: Station, request: SetChargingProfileRequest) -> str | None:
    return _profile_limits(station, request.csChargingProfiles)


def _room_for_profile(station: Station, request: SetChargingProfileRequest) -> str | None:
    """OCPP 3.13.5: no more profiles at once than MaxChargingProfilesInstalled; one that replaces another is fine."""
    most = number_limit(station, "MaxChargingProfilesInstalled")
    if most is None or not station.profiles or len(station.profiles) < most:
        return None
    if replaced_profiles(station, request):
        return None
    return f"{station.identity} holds {len(station.profiles)} profiles and takes no more; clear one first."


def _profile_limits(station: Station, profile: ChargingProfile) -> str | None:
    """OCPP 3.13.5: within what the station says of its stack, periods and units, as far as it was asked."""
    stack = number_limit(station, "ChargeProfileMaxStackLevel")
    if stack is not None and not 0 <= profile.stackLevel <= stack:
        return f"{station.identity} takes stackLevel 0 to {stack}; {profile.stackLevel} came."
    schedule = profile.chargingSchedule
    periods = number_limit(station, "ChargingScheduleMaxPeriods")
    if periods is not None and len(schedule.chargingSchedulePeriod) > periods:
        count = len(schedule.chargingSchedulePeriod)
        return f"{station.identity} takes at most {periods} periods in a schedule; {count} came."
    units = limit_of(station, "ChargingScheduleAllowedChargingRateUnit")
    if units and _UNITS[schedule.chargingRateUnit] not in units.casefold():
        return f"{station.identity} takes chargingRateUnit for {units}; {schedule.chargingRateUnit} came."
    return None


def _no_unlock_in_transaction(station: Station, request: UnlockConnectorRequest) -> str | None:
    """OCPP 5.18: UnlockConnector is no means to stop a transaction."""
    for transaction in station.transactions.values():
        if transaction.stopped_s is None and transaction.request.connectorId == request.connectorId:
            number = transaction.transaction_id
            return f"Transaction {number} runs on connector {request.connectorId}: stop it with RemoteStopTransaction."
    return None


RULES: dict[type[Record], tuple[Callable[[Station, Any], str | None], ...]] = {
    RemoteStartTransactionRequest: (_accepted, _remote_start_connector, _remote_start_profile),
    RemoteStopTransactionRequest: (_accepted,),
    TriggerMessageRequest: (_no_boot_after_accepted,),
    ExtendedTriggerMessageRequest: (_no_boot_after_accepted,),
    GetConfigurationRequest: (_configuration_names,),
    SendLocalListRequest: (_local_list,),
    SetChargingProfileRequest: (
        _max_profile_connector,
        _tx_profile_transaction,
        _set_profile_limits,
        _room_for_profile,
    ),
    UnlockConnectorRequest: (_no_unlock_in_transaction,),
}
"""The rules of each request, in the order they are tried."""
