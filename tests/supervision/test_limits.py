"""Keys that limit what may be sent: read first, then kept to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.actions import ACTIONS
from forecourt.supervision.facts import CommandRecorded
from forecourt.supervision.outcomes import Answered, Refused
from forecourt.supervision.tabletop import Tabletop

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record

LIMITS = {
    "GetConfigurationMaxKeys": "3",
    "ChargeProfileMaxStackLevel": "20",
    "ChargingScheduleAllowedChargingRateUnit": "Power",
    "ChargingScheduleMaxPeriods": "2",
    "MaxChargingProfilesInstalled": "2",
    "SendLocalListMaxLength": "2",
}
AT = "2025-06-15T15:06:30Z"


@pytest.fixture
def table() -> Tabletop:
    """A supervision with one accepted station on link 1."""
    table = Tabletop()
    table.boot()
    return table


def request(name: str, **payload: Any) -> Record:
    return ACTIONS[name].decode_request(msgspec.json.encode(payload))


def set_profile(number: int = 1, *, connector: int = 1, stack: int = 0, periods: int = 1, unit: str = "W") -> Record:
    limits = [{"startPeriod": 60 * count, "limit": 5000} for count in range(periods)]
    profile = {
        "chargingProfileId": number,
        "stackLevel": stack,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": unit, "chargingSchedulePeriod": limits},
    }
    return request("SetChargingProfile", connectorId=connector, csChargingProfiles=profile)


def outcome(table: Tabletop, record: Record, answer: dict[str, Any] | None = None) -> str:
    """The sentence of a refusal, or the class of another outcome."""
    command_id = table.command(record)
    if command_id not in table.outcomes and type(record).__name__ != "GetConfigurationRequest":
        table.tell(LIMITS)
    if command_id not in table.outcomes:
        table.answer(answer if answer is not None else {"status": "Accepted"})
    ended = table.outcomes[command_id]
    return ended.sentence if isinstance(ended, Refused) else type(ended).__name__


@pytest.mark.requirement("OCPP-3.13.5-2")
def test_profiles_are_kept_within_the_four_keys_that_are_read_first(table: Tabletop) -> None:
    command_id = table.command(set_profile(1))
    assert [call[2] for call in table.calls()] == ["GetConfiguration"]
    asked = table.tell(LIMITS)
    assert asked == [["GetConfigurationMaxKeys"], list(LIMITS)[1:4], list(LIMITS)[4:5]]
    table.answer({"status": "Accepted"})
    assert isinstance(table.outcomes[command_id], Answered)
    assert "stackLevel 0 to 20; 21 came" in outcome(table, set_profile(2, stack=21))
    assert "at most 2 periods in a schedule; 3 came" in outcome(table, set_profile(2, periods=3))
    assert "Power; A came" in outcome(table, set_profile(2, unit="A"))
    assert outcome(table, set_profile(2, stack=20, periods=2)) == "Answered"
    assert "holds 2 profiles" in outcome(table, set_profile(3, stack=5))


def test_a_profile_that_replaces_another_needs_no_room(table: Tabletop) -> None:
    for number in (1, 2):
        assert outcome(table, set_profile(number, connector=number)) == "Answered"
    assert outcome(table, set_profile(1, stack=7)) == "Answered"
    assert outcome(table, set_profile(9, connector=2)) == "Answered"
    assert "holds 2 profiles" in outcome(table, set_profile(3, stack=5))


@pytest.mark.parametrize("clear", [{}, {"id": 1}, {"connectorId": 1}, {"stackLevel": 0, "id": 2}, {"stackLevel": 0}])
def test_clearing_profiles_makes_room(table: Tabletop, clear: dict[str, Any]) -> None:
    for number in (1, 2):
        assert outcome(table, set_profile(number, connector=number)) == "Answered"
    assert outcome(table, request("ClearChargingProfile", **clear)) == "Answered"
    assert outcome(table, set_profile(3, stack=5)) == "Answered"


@pytest.mark.parametrize("clear", [{"id": 3}, {"connectorId": 3}, {"chargingProfilePurpose": "TxProfile"}])
def test_clearing_other_profiles_makes_no_room(table: Tabletop, clear: dict[str, Any]) -> None:
    for number in (1, 2):
        assert outcome(table, set_profile(number, connector=number)) == "Answered"
    assert outcome(table, request("ClearChargingProfile", **clear)) == "Answered"
    assert "holds 2 profiles" in outcome(table, set_profile(3, stack=5))


def test_a_refused_profile_takes_no_room(table: Tabletop) -> None:
    for number in range(5):
        assert outcome(table, set_profile(number, stack=number), {"status": "Rejected"}) == "Answered"


def test_the_profiles_of_a_transaction_end_with_it(table: Tabletop) -> None:
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": AT}
    number = table.result("StartTransaction", start)["transactionId"]
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "transactionId": number,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000}]},
    }
    table.now = 1_750_000_000.0
    assert outcome(table, request("SetChargingProfile", connectorId=1, csChargingProfiles=profile)) == "Answered"
    assert outcome(table, set_profile(2)) == "Answered"
    assert "holds 2 profiles" in outcome(table, set_profile(3, stack=5))
    table.result("StopTransaction", {"transactionId": number, "meterStop": 5, "timestamp": AT})
    assert outcome(table, set_profile(3, stack=5)) == "Answered"


@pytest.mark.requirement("OCPP-5.8-4")
def test_no_more_names_are_asked_for_than_the_station_takes(table: Tabletop) -> None:
    """The limit itself is asked for, alone, before the first question with several names."""
    first = table.command(request("GetConfiguration", key=["A", "B", "C", "D"]))
    assert table.calls()[-1][3] == {"key": ["GetConfigurationMaxKeys"]}
    table.answer({"configurationKey": [{"key": "getConfigurationMaxKeys", "readonly": True, "value": "3"}]})
    refused = table.outcomes[first]
    assert isinstance(refused, Refused)
    assert "at most 3 names in one GetConfiguration; 4 came" in refused.sentence
    table.command(request("GetConfiguration", key=["A", "B", "C"]))
    assert table.calls()[-1][3] == {"key": ["A", "B", "C"]}
    assert all(len(call[3].get("key", ())) <= 3 for call in table.calls())


def test_one_name_or_all_are_asked_for_at_once(table: Tabletop) -> None:
    table.command(request("GetConfiguration"))
    table.answer({})
    table.command(request("GetConfiguration", key=["A"]))
    assert [call[3] for call in table.calls()] == [{}, {"key": ["A"]}]


def test_a_local_list_is_no_longer_than_the_station_takes(table: Tabletop) -> None:
    entries = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in ("A", "B", "C")]
    update = {"listVersion": 1, "updateType": "Full"}
    record = request("SendLocalList", **update, localAuthorizationList=entries)
    assert "at most 2 entries in one SendLocalList; 3 came" in outcome(table, record)
    record = request("SendLocalList", **update, localAuthorizationList=entries[:2])
    assert outcome(table, record) == "Answered"


@pytest.mark.parametrize("reply", ["error", "nothing", "nonsense"])
def test_a_station_that_does_not_tell_its_limits_is_asked_once_and_has_none(table: Tabletop, reply: str) -> None:
    command_id = table.command(set_profile(1, stack=99))
    for _ in range(2):
        message_id = table.calls()[-1][1]
        assert table.calls()[-1][2] == "GetConfiguration"
        if reply == "error":
            table.receive(msgspec.json.encode([4, message_id, "NotImplemented", "", {}]))
        elif reply == "nothing":
            table.wait(30)
        else:
            table.answer({"configurationKey": 5})
    assert table.calls()[-1][2] == "SetChargingProfile"
    table.answer({"status": "Accepted"})
    assert isinstance(table.outcomes[command_id], Answered)
    table.command(set_profile(2, stack=99))
    assert [call[2] for call in table.calls()] == ["GetConfiguration"] * 2 + ["SetChargingProfile"] * 2


def test_limits_are_read_again_after_another_boot(table: Tabletop) -> None:
    assert outcome(table, set_profile(1)) == "Answered"
    table.result("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"})
    table.command(set_profile(1))
    assert table.calls()[-1][2] == "GetConfiguration"


def test_the_supervisions_own_questions_are_no_commands_of_the_operator(table: Tabletop) -> None:
    assert outcome(table, set_profile(1)) == "Answered"
    assert [fact.action for fact in table.kept(CommandRecorded)] == ["SetChargingProfile"]
    assert len(table.outcomes) == 1
