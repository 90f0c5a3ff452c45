"""What the supervision does not send, and why it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.actions import ACTION_OF, ACTIONS
from forecourt.supervision.facts import Policy, PolicySet
from forecourt.supervision.outcomes import Answered, Refused
from forecourt.supervision.tabletop import Tabletop

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record

AT = "2025-06-15T15:06:30Z"
NOW = 1_750_000_000.0  # 2025-06-15T15:06:40Z


@pytest.fixture
def table() -> Tabletop:
    """A supervision with one accepted station on link 1."""
    table = Tabletop(NOW)
    table.boot()
    return table


def request(name: str, **payload: Any) -> Record:
    return ACTIONS[name].decode_request(msgspec.json.encode(payload))


def profile(purpose: str, **more: Any) -> dict[str, Any]:
    period = {"startPeriod": 0, "limit": 50000}
    schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
        **more,
    }


def sentence(table: Tabletop, record: Record) -> str | None:
    """Why a command was refused; None when it was sent, which is then answered with nonsense to be done with."""
    link, name = max(table.frames), ACTION_OF[type(record)].name
    before = [call[2] for call in table.calls(link)].count(name)
    command_id = table.command(record)
    if name != "GetConfiguration":
        table.tell(link=link)
    outcome = table.outcomes.get(command_id)
    sent = [call[2] for call in table.calls(link)].count(name) - before
    if isinstance(outcome, Refused):
        assert sent == 0
        return outcome.sentence
    assert sent == 1
    table.answer({}, link)
    return None


def start(table: Tabletop, at: str = AT, connector: int = 1) -> int:
    payload = {"connectorId": connector, "idTag": "TAG", "meterStart": 0, "timestamp": at}
    number = table.result("StartTransaction", payload)["transactionId"]
    assert isinstance(number, int)
    return number


@pytest.mark.requirement("OCPP-4.2-8")
@pytest.mark.parametrize(
    "record",
    [
        request("GetConfiguration"),
        request("Reset", type="Hard"),
        request("TriggerMessage", requestedMessage="BootNotification"),
        request("RemoteStartTransaction", idTag="TAG"),
    ],
)
def test_a_rejected_station_gets_no_request(table: Tabletop, record: Record) -> None:
    table.edit(PolicySet(Policy(boot_status="Rejected")))
    table.boot()
    assert "is Rejected" in str(sentence(table, record))


@pytest.mark.requirement("OCPP-4.2-12")
@pytest.mark.parametrize(
    "record", [request("RemoteStartTransaction", idTag="TAG"), request("RemoteStopTransaction", transactionId=1)]
)
def test_a_pending_station_gets_no_remote_start_or_stop(table: Tabletop, record: Record) -> None:
    table.edit(PolicySet(Policy(boot_status="Pending")))
    table.boot()
    assert "is Pending" in str(sentence(table, record))
    assert sentence(table, request("GetConfiguration")) is None
    table.edit(PolicySet(Policy()))
    table.boot()
    assert sentence(table, record) is None


@pytest.mark.requirement("OCPP-4.2-16")
@pytest.mark.parametrize("name", ["TriggerMessage", "ExtendedTriggerMessage"])
def test_an_accepted_station_is_not_asked_for_another_boot(table: Tabletop, name: str) -> None:
    trigger = request(name, requestedMessage="BootNotification")
    assert "is Accepted" in str(sentence(table, trigger))
    assert sentence(table, request(name, requestedMessage="Heartbeat")) is None
    table.edit(PolicySet(Policy(boot_status="Pending")))
    table.boot()
    assert sentence(table, trigger) is None


@pytest.mark.parametrize("connector", [0, -1])
def test_remote_start_names_a_connector_above_zero_or_none(table: Tabletop, connector: int) -> None:
    assert "above 0" in str(sentence(table, request("RemoteStartTransaction", idTag="T", connectorId=connector)))
    assert sentence(table, request("RemoteStartTransaction", idTag="T", connectorId=1)) is None
    assert sentence(table, request("RemoteStartTransaction", idTag="T")) is None


@pytest.mark.requirement("OCPP-5.16-8")
def test_a_profile_in_remote_start_is_a_tx_profile_without_transaction(table: Tabletop) -> None:
    for wrong in (profile("TxDefaultProfile"), profile("ChargePointMaxProfile"), profile("TxProfile", transactionId=1)):
        assert sentence(table, request("RemoteStartTransaction", idTag="T", chargingProfile=wrong))
    right = request("RemoteStartTransaction", idTag="T", chargingProfile=profile("TxProfile"))
    assert sentence(table, right) is None


@pytest.mark.requirement("OCPP-3.13.1-1")
def test_charge_point_max_profile_goes_to_connector_zero_only(table: Tabletop) -> None:
    wrong = request("SetChargingProfile", connectorId=1, csChargingProfiles=profile("ChargePointMaxProfile"))
    assert "connector 0" in str(sentence(table, wrong))
    right = request("SetChargingProfile", connectorId=0, csChargingProfiles=profile("ChargePointMaxProfile"))
    command_id = table.command(right)
    table.tell()
    assert table.calls()[-1][3]["connectorId"] == 0
    table.answer({"status": "NotSupported"})
    outcome = table.outcomes[command_id]
    assert isinstance(outcome, Answered)
    assert outcome.response.status == "NotSupported"  # type: ignore[attr-defined]


@pytest.mark.requirement("OCPP-5.16-1")
def test_a_tx_profile_names_a_transaction_that_runs_on_its_connector(table: Tabletop) -> None:
    number = start(table)

    def send(connector: int = 1, **more: Any) -> str | None:
        wanted = profile("TxProfile", **more)
        return sentence(table, request("SetChargingProfile", connectorId=connector, csChargingProfiles=wanted))

    assert "must carry the transactionId" in str(send())
    assert "does not run" in str(send(transactionId=number + 1))
    assert "runs on connector 1" in str(send(2, transactionId=number))
    assert send(transactionId=number) is None
    table.result("StopTransaction", {"transactionId": number, "meterStop": 5, "timestamp": AT})
    assert "does not run" in str(send(transactionId=number))


@pytest.mark.requirement("OCPP-5.16-7")
def test_a_transaction_started_offline_gets_no_tx_profile(table: Tabletop) -> None:
    number = start(table, at="2025-06-15T14:00:00Z")
    wanted = profile("TxProfile", transactionId=number)
    record = request("SetChargingProfile", connectorId=1, csChargingProfiles=wanted)
    assert "started offline" in str(sentence(table, record))


@pytest.mark.requirement("OCPP-5.18-2")
def test_unlock_connector_does_not_stop_a_transaction(table: Tabletop) -> None:
    number = start(table, connector=2)
    assert "RemoteStopTransaction" in str(sentence(table, request("UnlockConnector", connectorId=2)))
    assert sentence(table, request("UnlockConnector", connectorId=1)) is None
    table.result("StopTransaction", {"transactionId": number, "meterStop": 5, "timestamp": AT})
    assert sentence(table, request("UnlockConnector", connectorId=2)) is None


@pytest.mark.parametrize("version", [0, -1])
def test_a_local_list_has_a_version_above_zero(table: Tabletop, version: int) -> None:
    assert "above 0" in str(sentence(table, request("SendLocalList", listVersion=version, updateType="Full")))


def test_a_local_list_names_no_tag_twice(table: Tabletop) -> None:
    info = {"status": "Accepted"}
    entries = [{"idTag": tag, "idTagInfo": info} for tag in ("A", "B", "a")]
    record = request("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=entries)
    assert "only once; a came again" in str(sentence(table, record))
