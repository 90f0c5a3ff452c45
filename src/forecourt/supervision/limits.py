"""What a station says it takes: the keys that limit what may be sent to it, read before the first request they limit.

Read anew after each BootNotification, because another firmware may take something else. What charging profiles a
station holds is counted from what it accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from forecourt.ocpp.core import (
    GetConfigurationRequest,
    GetConfigurationResponse,
    RemoteStartTransactionRequest,
)
from forecourt.ocpp.local_auth_list_management import SendLocalListRequest
from forecourt.ocpp.smart_charging import (
    ChargingProfilePurpose,
    ClearChargingProfileRequest,
    SetChargingProfileRequest,
)

if TYPE_CHECKING:
    from forecourt.ocpp.smart_charging import ChargingProfile
    from forecourt.ocpp.types import Record
    from forecourt.supervision.stations import Station

MAX_KEYS = "GetConfigurationMaxKeys"
PROFILE_KEYS = (
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
)
LIST_KEYS = ("SendLocalListMaxLength",)

_KEPT = frozenset(key.casefold() for key in (MAX_KEYS, *PROFILE_KEYS, *LIST_KEYS))


def limits_to_read(station: Station, request: Record) -> tuple[str, ...]:
    """Names of keys to ask the station for before this request may be judged; none when all were asked for."""
    asked = station.limits or {}
    names = tuple(name for name in _limits_of(request) if name.casefold() not in asked)
    if len(names) < 2:
        return names
    if MAX_KEYS.casefold() not in asked:
        return (MAX_KEYS,)
    most = number_limit(station, MAX_KEYS)
    return names if most is None else names[: max(1, most)]


def asked_for(station: Station, names: tuple[str, ...]) -> None:
    """Note that the station was asked for these keys, so that it is asked once, answer or none."""
    station.limits = {**(station.limits or {}), **{name.casefold(): "" for name in names}}


def limit_of(station: Station, key: str) -> str:
    """What the station said of such a key; empty while it was not asked, and where it gave none."""
    return (station.limits or {}).get(key.casefold(), "")


def number_limit(station: Station, key: str) -> int | None:
    """The same of a key that is a whole number; None where it gave none."""
    value = limit_of(station, key)
    return int(value) if value.isascii() and value.isdigit() else None


def learn(station: Station, request: Record, response: Record) -> None:
    """Take from an answer what it says about how much the station takes and holds."""
    if isinstance(response, GetConfigurationResponse):
        for entry in response.configurationKey or ():
            if entry.key.casefold() in _KEPT and entry.value:
                station.limits = {**(station.limits or {}), entry.key.casefold(): entry.value.strip()}
    elif getattr(response, "status", None) != "Accepted":
        return
    elif isinstance(request, SetChargingProfileRequest):
        for number in replaced_profiles(station, request):
            del station.profiles[number]
        station.profiles[request.csChargingProfiles.chargingProfileId] = request
    elif isinstance(request, ClearChargingProfileRequest):
        for number in [number for number, held in station.profiles.items() if _clears(request, held)]:
            del station.profiles[number]


def replaced_profiles(station: Station, request: SetChargingProfileRequest) -> list[int]:
    """Ids of the profiles that this one takes the place of: same id, or same connector, purpose and stackLevel."""
    new = request.csChargingProfiles
    return [
        number
        for number, held in station.profiles.items()
        if number == new.chargingProfileId
        or (held.connectorId == request.connectorId and _place(held.csChargingProfiles) == _place(new))
    ]


def forget_profiles_of(station: Station, transaction_id: int) -> None:
    """A transaction has ended, and its TxProfiles with it."""
    for number, held in tuple(station.profiles.items()):
        profile = held.csChargingProfiles
        if (
            profile.chargingProfilePurpose is ChargingProfilePurpose.TxProfile
            and profile.transactionId == transaction_id
        ):
            del station.profiles[number]


def _limits_of(request: Record) -> tuple[str, ...]:
    """The keys that limit a request."""
    if isinstance(request, SetChargingProfileRequest):
        return PROFILE_KEYS
    if isinstance(request, RemoteStartTransactionRequest) and request.chargingProfile is not UNSET:
        return PROFILE_KEYS
    if isinstance(request, SendLocalListRequest):
        return LIST_KEYS
    if isinstance(request, GetConfigurationRequest) and request.key is not UNSET and len(request.key) > 1:
        return (MAX_KEYS,)
    return ()


def _place(profile: ChargingProfile) -> tuple[ChargingProfilePurpose, int]:
    return profile.chargingProfilePurpose, profile.stackLevel


def _clears(request: ClearChargingProfileRequest, held: SetChargingProfileRequest) -> bool:
    profile = held.csChargingProfiles
    if request.id is not UNSET:
        return request.id == profile.chargingProfileId
    return (
        request.connectorId in (UNSET, held.connectorId)
        and request.chargingProfilePurpose in (UNSET, profile.chargingProfilePurpose)
        and request.stackLevel in (UNSET, profile.stackLevel)
    )
