"""Commands: sent one at a time, ended once each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.actions import ACTIONS, Sender
from forecourt.ocpp.core import (
    ChangeConfigurationRequest,
    ClearCacheRequest,
    HeartbeatRequest,
    RemoteStartTransactionRequest,
    ResetRequest,
    ResetType,
)
from forecourt.supervision.commands import WAITING_COMMANDS
from forecourt.supervision.effects import EndCommand, SendFrame, Store
from forecourt.supervision.events import CommandGiven
from forecourt.supervision.facts import (
    AuthorizationKeySet,
    CommandEnded,
    CommandRecorded,
    FrameDiscarded,
    Policy,
    PolicySet,
)
from forecourt.supervision.outcomes import (
    Answered,
    BadlyAnswered,
    ConnectionLost,
    ErrorAnswered,
    NotConnected,
    Refused,
    TimedOut,
)
from forecourt.supervision.tabletop import IDENTITY, Tabletop

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record

AT = "2025-06-15T15:00:00Z"
PROFILE: dict[str, Any] = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 50000.5}]},
}
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "ab", "issuerKeyHash": "cd", "serialNumber": "01"}
FIRMWARE = {"location": "https://x/f", "retrieveDateTime": AT, "signingCertificate": "PEM", "signature": "c2ln"}
RESET = ResetRequest(type=ResetType.Soft)
KEY = "00112233445566778899AABBCCDDEEFF"

EXCHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ChangeAvailability": ({"connectorId": 0, "type": "Inoperative"}, {"status": "Scheduled"}),
    "ChangeConfiguration": ({"key": "HeartbeatInterval", "value": "60"}, {"status": "Accepted"}),
    "ClearCache": ({}, {"status": "Rejected"}),
    "DataTransfer": ({"vendorId": "com.se.cost", "messageId": "CostUpdated", "data": "{}"}, {"status": "Rejected"}),
    "GetConfiguration": ({}, {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]}),
    "RemoteStartTransaction": ({"idTag": "TAG", "connectorId": 1}, {"status": "Rejected"}),
    "RemoteStopTransaction": ({"transactionId": 5}, {"status": "Rejected"}),
    "Reset": ({"type": "Hard"}, {"status": "Rejected"}),
    "UnlockConnector": ({"connectorId": 1}, {"status": "NotSupported"}),
    "GetDiagnostics": ({"location": "ftp://x/"}, {"fileName": "d.zip"}),
    "UpdateFirmware": ({"location": "ftp://x/f", "retrieveDate": AT}, {}),
    "GetLocalListVersion": ({}, {"listVersion": 0}),
    "SendLocalList": ({"listVersion": 1, "updateType": "Full"}, {"status": "Accepted"}),
    "CancelReservation": ({"reservationId": 1}, {"status": "Rejected"}),
    "ReserveNow": (
        {"connectorId": 1, "expiryDate": AT, "idTag": "TAG", "reservationId": 1},
        {"status": "Occupied"},
    ),
    "GetCompositeSchedule": ({"connectorId": 1, "duration": 60}, {"status": "Rejected"}),
    "ClearChargingProfile": ({}, {"status": "Unknown"}),
    "SetChargingProfile": ({"connectorId": 1, "csChargingProfiles": PROFILE}, {"status": "Accepted"}),
    "TriggerMessage": ({"requestedMessage": "Heartbeat"}, {"status": "Accepted"}),
    "CertificateSigned": ({"certificateChain": "PEM"}, {"status": "Accepted"}),
    "DeleteCertificate": ({"certificateHashData": HASH}, {"status": "NotFound"}),
    "GetInstalledCertificateIds": ({"certificateType": "ManufacturerRootCertificate"}, {"status": "NotFound"}),
    "ExtendedTriggerMessage": ({"requestedMessage": "Heartbeat"}, {"status": "Accepted"}),
    "GetLog": ({"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "x"}}, {"status": "Accepted"}),
    "InstallCertificate": (
        {"certificateType": "ManufacturerRootCertificate", "certificate": "PEM"},
        {"status": "Failed"},
    ),
    "SignedUpdateFirmware": ({"requestId": 1, "firmware": FIRMWARE}, {"status": "InvalidCertificate"}),
}


@pytest.fixture
def table() -> Tabletop:
    """A supervision with one accepted station on link 1."""
    table = Tabletop()
    table.boot()
    return table


def test_exchanges_name_all_operations_of_the_central_system() -> None:
    assert set(EXCHANGES) == {name for name, action in ACTIONS.items() if action.sender is not Sender.STATION}
    assert len(EXCHANGES) == 26


@pytest.mark.parametrize("name", EXCHANGES)
def test_command_of_every_operation_goes_out_and_comes_back_answered(table: Tabletop, name: str) -> None:
    request, response = EXCHANGES[name]
    command_id = table.command(ACTIONS[name].decode_request(msgspec.json.encode(request)))
    table.tell()
    kind, _, action, payload = table.calls()[-1]
    assert (kind, action, payload) == (2, name, request)
    table.answer(response)
    outcome = table.outcomes[command_id]
    assert isinstance(outcome, Answered)
    assert msgspec.json.decode(msgspec.json.encode(outcome.response)) == response
    ended = table.store.outcomes[command_id]
    assert (ended.outcome, msgspec.json.decode(ended.detail)) == ("Answered", response)


def test_command_is_recorded_before_it_is_sent_and_ended_after_its_end_is_recorded(table: Tabletop) -> None:
    table.effects.clear()
    table.command(RESET)
    table.answer({"status": "Accepted"})
    kinds = [type(effect.fact if isinstance(effect, Store) else effect) for effect in table.effects]
    assert kinds == [CommandRecorded, SendFrame, CommandEnded, EndCommand]


def test_commands_wait_for_the_answer_of_the_one_before(table: Tabletop) -> None:
    ids = [table.command(RESET), table.command(ClearCacheRequest()), table.command(RESET)]
    assert [call[2] for call in table.calls()] == ["Reset"]
    table.answer({"status": "Rejected"})
    assert [call[2] for call in table.calls()] == ["Reset", "ClearCache"]
    table.answer({"status": "Accepted"})
    table.answer({"status": "Rejected"})
    assert list(table.outcomes) == ids


@pytest.mark.requirement("J-4.1.1-4")
def test_command_to_one_station_does_not_wait_for_the_answer_of_another(table: Tabletop) -> None:
    other = table.boot("EVD-2")
    first, second = table.command(RESET), table.command(RESET, "EVD-2")
    assert len(table.calls(1)) == len(table.calls(other)) == 1
    table.answer({"status": "Accepted"}, other)
    assert list(table.outcomes) == [second]
    table.answer({"status": "Accepted"}, 1)
    assert list(table.outcomes) == [second, first]


def test_a_call_of_the_station_is_answered_while_a_command_waits_for_its_answer(table: Tabletop) -> None:
    table.command(RESET)
    assert "currentTime" in table.result("Heartbeat", {})
    table.answer({"status": "Accepted"})
    assert isinstance(table.outcomes["command-1"], Answered)


def test_command_times_out_after_thirty_seconds_and_the_next_goes_out(table: Tabletop) -> None:
    first, second = table.command(RESET), table.command(ClearCacheRequest())
    table.wait(29.9)
    assert table.outcomes == {}
    table.wait(0.1)
    outcome = table.outcomes[first]
    assert isinstance(outcome, TimedOut)
    assert "did not answer Reset within 30 s" in outcome.sentence
    assert [call[2] for call in table.calls()] == ["Reset", "ClearCache"]
    table.wait(30)
    assert isinstance(table.outcomes[second], TimedOut)
    assert table.core.next_deadline() == float("inf")


def test_deadlines_of_many_stations_come_in_order() -> None:
    table = Tabletop(answer_timeout_s=10)
    for number in range(5):
        table.boot(f"S{number}")
        table.command(RESET, f"S{number}")
        table.wait(1)
    table.answer({"status": "Accepted"}, 1)
    assert table.core.next_deadline() == table.now - 4 + 10
    table.wait(7)
    assert [type(outcome) for outcome in table.outcomes.values()] == [Answered, TimedOut, TimedOut]


@pytest.mark.parametrize("kind", [3, 4])
def test_an_answer_after_the_timeout_is_ignored_and_logged(table: Tabletop, kind: int) -> None:
    command_id = table.command(RESET)
    table.wait(30)
    message_id = table.calls()[0][1]
    rest = [{"status": "Accepted"}] if kind == 3 else ["GenericError", "", {}]
    assert table.receive(msgspec.json.encode([kind, message_id, *rest])) == []
    assert isinstance(table.outcomes[command_id], TimedOut)
    assert message_id in table.kept(FrameDiscarded)[0].reason


@pytest.mark.parametrize("kind", [3, 4])
def test_an_answer_with_another_id_is_ignored_while_a_command_waits(table: Tabletop, kind: int) -> None:
    command_id = table.command(RESET)
    rest = [{"status": "Rejected"}] if kind == 3 else ["GenericError", "", {}]
    assert table.receive(msgspec.json.encode([kind, "another", *rest])) == []
    assert table.outcomes == {}
    table.answer({"status": "Accepted"})
    assert isinstance(table.outcomes[command_id], Answered)


def test_a_second_answer_is_ignored(table: Tabletop) -> None:
    command_id = table.command(RESET)
    table.answer({"status": "Rejected"})
    table.answer({"status": "Accepted"})
    outcome = table.outcomes[command_id]
    assert isinstance(outcome, Answered)
    assert outcome.response.status == "Rejected"  # type: ignore[attr-defined]


def test_command_answered_with_a_call_error_says_so(table: Tabletop) -> None:
    command_id = table.command(RESET)
    message_id = table.calls()[0][1]
    table.receive(msgspec.json.encode([4, message_id, "FormatViolation", "says a sloppy peer", {}]))
    assert table.outcomes[command_id] == ErrorAnswered("FormatViolation", "says a sloppy peer")


@pytest.mark.parametrize("payload", [{}, {"status": "Perhaps"}, [], {"status": "Accepted", "more": 1}])
def test_command_answered_with_nonsense_says_so_and_the_next_goes_out(table: Tabletop, payload: Any) -> None:
    command_id = table.command(RESET)
    table.command(ClearCacheRequest())
    table.answer(payload)
    assert isinstance(table.outcomes[command_id], BadlyAnswered)
    assert [call[2] for call in table.calls()] == ["Reset", "ClearCache"]


def test_command_to_a_station_without_connection_ends_at_once(table: Tabletop) -> None:
    table.disconnect()
    for identity in (IDENTITY, "never seen"):
        command_id = table.command(RESET, identity)
        assert table.outcomes[command_id] == NotConnected(f"{identity} is not connected.")
        assert table.store.outcomes[command_id].outcome == "NotConnected"
    assert table.core.view("never seen") is None


def test_commands_end_when_the_connection_is_lost(table: Tabletop) -> None:
    first, second = table.command(RESET), table.command(ClearCacheRequest())
    table.disconnect()
    outcomes = [table.outcomes[first], table.outcomes[second]]
    assert all(isinstance(outcome, ConnectionLost) for outcome in outcomes)
    assert "before it answered Reset" in outcomes[0].sentence  # type: ignore[union-attr]
    assert "before ClearCache was sent" in outcomes[1].sentence  # type: ignore[union-attr]
    table.wait(60)
    link = table.connect()
    assert table.calls(link) == []
    assert table.command(RESET) not in table.outcomes


def test_commands_beyond_what_may_wait_are_refused(table: Tabletop) -> None:
    ids = [table.command(RESET) for _ in range(WAITING_COMMANDS + 2)]
    assert list(table.outcomes) == ids[-1:]
    assert isinstance(table.outcomes[ids[-1]], Refused)
    assert table.core.view(IDENTITY).waiting_commands == WAITING_COMMANDS + 1  # type: ignore[union-attr]


def test_message_ids_never_repeat_over_stations_reconnects_and_restarts(table: Tabletop) -> None:
    seen: list[str] = []
    for link in (1, 2, 3):
        for _ in range(3):
            table.command(RESET)
            table.answer({"status": "Rejected"}, link)
        seen.extend(call[1] for call in table.calls(link))
        table.restart()
        table.boot()
    assert len(seen) == len({*seen}) == 9
    assert all(len(message_id) <= 36 for message_id in seen)


@pytest.mark.requirement("WP-A01.FR.02")
@pytest.mark.parametrize(("status", "taken"), [("Accepted", True), ("Rejected", False), ("NotSupported", False)])
def test_a_new_password_is_sent_and_taken_over_once_the_station_took_it(
    table: Tabletop, status: str, taken: bool
) -> None:
    table.command(ChangeConfigurationRequest(key="AuthorizationKey", value=KEY))
    assert table.calls()[-1][2:] == ["ChangeConfiguration", {"key": "AuthorizationKey", "value": KEY}]
    given = [effect.fact for effect in table.effects if isinstance(effect, Store)]
    assert not [fact for fact in given if isinstance(fact, AuthorizationKeySet)]
    table.answer({"status": status})
    given = [effect.fact for effect in table.effects if isinstance(effect, Store)]
    keys = [fact.authorizationKey for fact in given if isinstance(fact, AuthorizationKeySet)]
    assert keys == ([KEY] if taken else [])


@pytest.mark.requirement("WP-A00.FR.806")
def test_a_pending_station_can_be_given_another_password(table: Tabletop) -> None:
    table.edit(PolicySet(Policy(boot_status="Pending")))
    link = table.boot()
    table.command(ChangeConfigurationRequest(key="authorizationkey", value=KEY))
    table.answer({"status": "Accepted"}, link)
    assert isinstance(table.outcomes["command-1"], Answered)
    kept = [effect.fact for effect in table.effects if isinstance(effect, Store)]
    assert AuthorizationKeySet(IDENTITY, KEY) in kept
    assert table.core.view(IDENTITY).boot_status == "Pending"  # type: ignore[union-attr]
    assert link not in table.closed


def test_a_password_is_in_no_log_and_no_record_of_the_command() -> None:
    table = Tabletop(wire_log=True)
    table.boot()
    table.command(ChangeConfigurationRequest(key="AUTHORIZATIONKEY", value=KEY))
    table.answer({"status": "Accepted"})
    assert len(table.store.facts) > 5
    assert KEY not in repr(table.store.facts)
    assert KEY not in repr([effect for effect in table.effects if isinstance(effect, Store)])
    assert KEY in repr([effect for effect in table.effects if isinstance(effect, SendFrame)])


def test_a_request_only_a_station_may_send_is_a_mistake_of_ours(table: Tabletop) -> None:
    with pytest.raises(AssertionError, match="Heartbeat"):
        table.handle(CommandGiven("c", IDENTITY, HeartbeatRequest()))


def test_commands_of_a_forgetful_operator_start_nothing_after_a_restart(table: Tabletop) -> None:
    """What was under way when the supervision died has no outcome; nothing is sent again by itself."""
    table.command(RemoteStartTransactionRequest(idTag="TAG"))
    table.restart()
    link = table.connect()
    assert table.calls(link) == []


def _records(names: list[str]) -> list[Record]:
    return [ACTIONS[name].decode_request(msgspec.json.encode(EXCHANGES[name][0])) for name in names]


def test_a_rejected_station_gets_none_of_the_operations(table: Tabletop) -> None:
    table.edit(PolicySet(Policy(boot_status="Rejected")))
    link = table.boot()
    for request in _records(list(EXCHANGES)):
        assert isinstance(table.outcomes[table.command(request)], Refused)
    assert table.calls(link) == []
