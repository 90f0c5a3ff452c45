"""Bad requests of a supervision, a table for all operations: the answer, why it is in the log, and nothing else.

The station has something of everything that a request could spoil. A refusal is one line in the log and one frame: no
record is saved, no contactor or limit moves, no message follows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.station.effects import LogEvent, SaveRecord, SendFrame
from forecourt.world.world import START

if TYPE_CHECKING:
    from forecourt.station.effects import Effect
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

SOON = (START + timedelta(days=1)).isoformat()
PAST = (START - timedelta(days=1)).isoformat()


def profile(number: int = 7, *, level: int = 1, count: int = 1, limit: float = 9000.0, **fields: Any) -> dict[str, Any]:
    """A TxDefaultProfile; `fields` are put over its own, `None` takes one away."""
    periods = [{"startPeriod": 60 * place, "limit": limit} for place in range(count)]
    made = {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": periods},
    }
    made |= fields
    return {name: value for name, value in made.items() if value is not None}


def entry(id_tag: str, status: str | None = "Accepted") -> dict[str, Any]:
    return {"idTag": id_tag} if status is None else {"idTag": id_tag, "idTagInfo": {"status": status}}


def full(version: int, *entries: dict[str, Any], kind: str = "Full") -> dict[str, Any]:
    return {"listVersion": version, "updateType": kind, "localAuthorizationList": list(entries)}


AMPERES = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20.0}]}
LATE_FIRST = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 5, "limit": 5000.0}]}
TX: dict[str, Any] = {"chargingProfilePurpose": "TxProfile"}

ROWS: list[tuple[str, dict[str, Any], str, str]] = [
    # Configuration.
    ("ChangeConfiguration", {"key": "Nonsense", "value": "1"}, "NotSupported", "came 'Nonsense'"),
    ("ChangeConfiguration", {"key": "CpoName", "value": "F"}, "NotSupported", "came 'CpoName'"),
    ("ChangeConfiguration", {"key": "NumberOfConnectors", "value": "3"}, "Rejected", "read-only"),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "0"}, "Rejected", "from 1 to 31536000 (s), not '0'"),
    ("ChangeConfiguration", {"key": "RFIDEnabled", "value": "maybe"}, "Rejected", "true or false, not 'maybe'"),
    ("ChangeConfiguration", {"key": "MeterValuesSampledData", "value": "SoC,RPM"}, "Rejected", "not 'SoC,RPM'"),
    ("ChangeConfiguration", {"key": "HeartbeatInterval"}, "!ProtocolError", "value"),
    ("ChangeConfiguration", {"key": "QRcode1", "value": "x" * 501}, "!PropertyConstraintViolation", "500"),
    ("GetConfiguration", {"key": [f"K{n}" for n in range(201)]}, "!OccurenceConstraintViolation", "at most 200"),
    ("GetConfiguration", {"key": "HeartbeatInterval"}, "!TypeConstraintViolation", "array"),
    # Remote start and stop: connector 1 is charging, 2 is reserved.
    ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 3}, "Rejected", "1 to 2, came 3"),
    ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 0}, "Rejected", "1 to 2, came 0"),
    ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": -1}, "Rejected", "1 to 2, came -1"),
    ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 1}, "Rejected", "1 is Charging"),
    ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 2}, "Rejected", "2 is reserved"),
    ("RemoteStartTransaction", {"idTag": "TAG"}, "Rejected", "there is none"),
    ("RemoteStartTransaction", {"idTag": ""}, "Rejected", "1 to 20 printable characters, came ''"),
    ("RemoteStartTransaction", {"idTag": "x" * 21}, "!PropertyConstraintViolation", "idTag"),
    ("RemoteStartTransaction", {"idTag": "T", "connectorId": "1"}, "!TypeConstraintViolation", "connectorId"),
    ("RemoteStartTransaction", {"connectorId": 1}, "!ProtocolError", "idTag"),
    (
        "RemoteStartTransaction",
        {"idTag": "GUEST", "connectorId": 2, "chargingProfile": profile(count=51, **TX)},
        "Rejected",
        "at most 50 periods, came 51",
    ),
    (
        "RemoteStartTransaction",
        {"idTag": "GUEST", "connectorId": 2, "chargingProfile": profile()},
        "Rejected",
        "a TxProfile, came TxDefaultProfile",
    ),
    (
        "RemoteStartTransaction",
        {"idTag": "GUEST", "connectorId": 2, "chargingProfile": profile(transactionId=1, **TX)},
        "Rejected",
        "no transactionId, came 1",
    ),
    ("RemoteStopTransaction", {"transactionId": 99}, "Rejected", "came 99"),
    ("RemoteStopTransaction", {"transactionId": -1}, "Rejected", "came -1"),
    ("RemoteStopTransaction", {"transactionId": "1"}, "!TypeConstraintViolation", "transactionId"),
    # Reservations.
    (
        "ReserveNow",
        {"reservationId": 6, "connectorId": 3, "idTag": "T", "expiryDate": SOON},
        "Rejected",
        "0 to 2, came 3",
    ),
    ("ReserveNow", {"reservationId": 6, "connectorId": 2, "idTag": "T", "expiryDate": PAST}, "Rejected", "future"),
    ("ReserveNow", {"reservationId": 6, "connectorId": 1, "idTag": "T", "expiryDate": SOON}, "Occupied", "free gun"),
    ("ReserveNow", {"reservationId": 6, "connectorId": 2, "idTag": "T", "expiryDate": SOON}, "Occupied", "free gun"),
    ("ReserveNow", {"reservationId": 6, "connectorId": 0, "idTag": "T", "expiryDate": SOON}, "Occupied", "free gun"),
    (
        "ReserveNow",
        {"reservationId": 6, "connectorId": 2, "idTag": "T", "expiryDate": "soon"},
        "!PropertyConstraintViolation",
        "expiryDate",
    ),
    ("CancelReservation", {"reservationId": 6}, "Rejected", "(5), came 6"),
    ("CancelReservation", {}, "!ProtocolError", "reservationId"),
    # Availability, unlocking, reset, triggers.
    ("ChangeAvailability", {"connectorId": 3, "type": "Inoperative"}, "Rejected", "0 to 2, came 3"),
    ("ChangeAvailability", {"connectorId": 1, "type": "Broken"}, "!PropertyConstraintViolation", "type"),
    ("UnlockConnector", {"connectorId": 1}, "NotSupported", "cables are fixed"),
    ("UnlockConnector", {"connectorId": 3}, "NotSupported", "came connectorId 3"),
    ("Reset", {"type": "Medium"}, "!PropertyConstraintViolation", "type"),
    ("TriggerMessage", {"requestedMessage": "Poem"}, "NotImplemented", "came Poem"),
    ("TriggerMessage", {"requestedMessage": "BootNotification"}, "Rejected", "accepted on this connection"),
    ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 3}, "Rejected", "1 to 2, came 3"),
    ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": -1}, "Rejected", "came -1"),
    # Local list.
    ("SendLocalList", full(9, entry("A"), entry("a")), "Failed", "each idTag once"),
    ("SendLocalList", full(9, *(entry(f"T{n}") for n in range(401))), "Failed", "at most 400 entries"),
    ("SendLocalList", full(9, entry("A", None)), "Failed", "A has none"),
    ("SendLocalList", full(0, entry("A")), "Failed", "above 0, came 0"),
    ("SendLocalList", full(3, entry("A"), kind="Differential"), "VersionMismatch", "above 3, came 3"),
    (
        "SendLocalList",
        full(9, *(entry(f"T{n}") for n in range(4)), kind="Differential"),
        "Failed",
        "at most 5 entries in the list",
    ),
    ("SendLocalList", full(9, entry("A"), kind="Half"), "!PropertyConstraintViolation", "updateType"),
    ("SendLocalList", full(9, entry("x" * 21)), "!PropertyConstraintViolation", "idTag"),
    # Charging profiles.
    (
        "SetChargingProfile",
        {"connectorId": 3, "csChargingProfiles": profile()},
        "!PropertyConstraintViolation",
        "0 to 2, came 3",
    ),
    (
        "SetChargingProfile",
        {"connectorId": 0, "csChargingProfiles": profile(chargingProfilePurpose="ChargePointMaxProfile")},
        "NotSupported",
        "came ChargePointMaxProfile",
    ),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(count=51)}, "Rejected", "came 51"),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(level=21)}, "Rejected", "came 21"),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(limit=999.9)}, "Rejected", "came 999.9"),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(limit=-1)}, "Rejected", "came -1"),
    (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": profile(chargingSchedule=AMPERES)},
        "Rejected",
        "came A",
    ),
    (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": profile(chargingSchedule=LATE_FIRST)},
        "Rejected",
        "startPeriod of 0, came 5",
    ),
    (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": profile(transactionId=9, **TX)},
        "Rejected",
        "came 9",
    ),
    ("SetChargingProfile", {"connectorId": 2, "csChargingProfiles": profile(**TX)}, "Rejected", "came connector 2"),
    (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": profile(count=0)},
        "!OccurenceConstraintViolation",
        "chargingSchedulePeriod",
    ),
    ("ClearChargingProfile", {"id": 99}, "Unknown", "none of 1 profiles"),
    ("ClearChargingProfile", {"connectorId": 2}, "Unknown", "none of 1 profiles"),
    ("GetCompositeSchedule", {"connectorId": 3, "duration": 60}, "Rejected", "0 to 2, came 3"),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": -1}, "Rejected", "came -1"),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": 60, "chargingRateUnit": "A"}, "Rejected", "came A"),
    # Anything else.
    ("DataTransfer", {"vendorId": "com.example"}, "UnknownVendorId", "came 'com.example'"),
    ("DataTransfer", {"vendorId": "com.example", "data": {"a": 1}}, "!TypeConstraintViolation", "data"),
    ("Fly", {"to": "Paris"}, "!NotImplemented", "no action of OCPP 1.6"),
    ("Heartbeat", {}, "!NotSupported", "not supported by this station"),
]
"""Action, payload, the status or after a ! the errorCode of the answer, and words of the line in the log."""


@pytest.fixture
def lived_in(world: World, central: ScriptedSupervision) -> SimulatedStation:
    """A station that charges on gun 1, with gun 2 reserved, a list, a cache and a profile, and silent by itself."""
    keys = {
        "MinimumStatusDuration": "0",
        "MeterValueSampleInterval": "0",
        "WebSocketPingInterval": "0",
        "AuthorizationCacheEnabled": "true",
        "LocalAuthListEnabled": "true",
        "LocalAuthListMaxLength": "5",
    }
    station = world.add_station(model="EVD1S180TBB", keys=keys)
    world.run(5)
    accepted = {"status": "Accepted"}
    assert central.ask("SendLocalList", full(3, entry("GUEST"), entry("OTHER"))) == accepted
    assert central.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(1, level=0)}) == accepted
    reservation = {"reservationId": 5, "connectorId": 2, "idTag": "GUEST", "expiryDate": SOON}
    assert central.ask("ReserveNow", reservation) == accepted
    station.plug(1)
    world.run(5)
    station.badge("DRIVER")
    world.run(60)
    assert (station.status(1), station.status(2)) == ("Charging", "Reserved")
    return station


def kept(station: SimulatedStation) -> dict[str, Any]:
    """What the station knows, without what moves by itself: its clock, the meter and the battery."""
    seen = msgspec.to_builtins(station.snapshot())
    assert isinstance(seen, dict)
    del seen["clock"]
    del seen["screen"]["gun"]["session"]
    seen["connectors"] = [
        {name: gun[name] for name in ("status", "reportedStatus", "dtcs", "plugged", "transaction", "limit_w")}
        for gun in seen["connectors"]
    ]
    return seen


def remembered(station: SimulatedStation) -> dict[tuple[str, str], bytes]:
    """The records but those of the security log, into which a message that is none belongs."""
    return {key: data for key, data in station.records.items() if key[0] != "security"}


def done(effects: list[Effect]) -> list[Effect]:
    """What was to be done, without what was only written down."""
    return [
        effect
        for effect in effects
        if not (isinstance(effect, LogEvent) or (isinstance(effect, SaveRecord) and effect.kind == "security"))
    ]


@pytest.mark.parametrize(
    ("action", "payload", "answer", "why"), ROWS, ids=[f"{row[0]}: {row[3]} ({row[2]})" for row in ROWS]
)
def test_bad_request_is_refused_with_its_reason_and_without_any_effect(
    world: World,
    central: ScriptedSupervision,
    lived_in: SimulatedStation,
    action: str,
    payload: dict[str, Any],
    answer: str,
    why: str,
) -> None:
    before, records, seen, lines = kept(lived_in), remembered(lived_in), len(lived_in.effects), len(lived_in.log)
    got = central.call(action, payload)
    if answer.startswith("!"):
        assert (got.kind, got.payload["code"]) == ("CALLERROR", answer[1:])
    else:
        assert (got.kind, got.payload) == ("CALLRESULT", {"status": answer})
    world.run(30)
    line = lived_in.log[-1]
    assert len(lived_in.log) > lines
    assert line.name == f"{action} refused"
    assert why in line.detail
    assert [type(effect) for effect in done(lived_in.effects[seen:])] == [SendFrame]
    assert remembered(lived_in) == records
    assert kept(lived_in) == before


def test_second_reset_is_refused_while_the_first_waits_and_says_so(
    world: World, central: ScriptedSupervision, lived_in: SimulatedStation
) -> None:
    central.silent.add("StopTransaction")  # for whose answer a reset waits
    assert central.ask("Reset", {"type": "Soft"}) == {"status": "Accepted"}
    assert central.ask("Reset", {"type": "Hard"}) == {"status": "Rejected"}
    assert (lived_in.log[-1].name, "came Hard" in lived_in.log[-1].detail) == ("Reset refused", True)
    assert central.ask("RemoteStartTransaction", {"idTag": "GUEST", "connectorId": 2}) == {"status": "Rejected"}
    assert "about to reset" in lived_in.log[-1].detail
    assert len(lived_in.wire.payloads("StopTransaction")) == 1


def test_profile_beyond_the_number_that_fits_is_refused_and_the_others_stay(
    world: World, central: ScriptedSupervision, lived_in: SimulatedStation
) -> None:
    for number in range(2, 41):
        request = {"connectorId": number % 3, "csChargingProfiles": profile(number, level=number // 3)}
        assert central.ask("SetChargingProfile", request) == {"status": "Accepted"}
    before, records = kept(lived_in), remembered(lived_in)
    request = {"connectorId": 0, "csChargingProfiles": profile(41, level=20)}
    assert central.ask("SetChargingProfile", request) == {"status": "Rejected"}
    assert "at most 40 profiles" in lived_in.log[-1].detail
    assert kept(lived_in) == before
    assert remembered(lived_in) == records
