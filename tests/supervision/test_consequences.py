"""What came of a command after its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.actions import ACTIONS
from forecourt.supervision.facts import IdTagSet
from forecourt.supervision.tabletop import Tabletop

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record

AT = "2025-06-15T15:06:30Z"
FIRMWARE = {"location": "https://x/f", "retrieveDateTime": AT, "signingCertificate": "PEM", "signature": "c2ln"}


@pytest.fixture
def table() -> Tabletop:
    """A supervision with one accepted station on link 1, and a good tag."""
    table = Tabletop()
    table.boot()
    table.edit(IdTagSet("TAG"))
    return table


def request(name: str, **payload: Any) -> Record:
    return ACTIONS[name].decode_request(msgspec.json.encode(payload))


def start(table: Tabletop, connector: int = 1, tag: str = "TAG", meter: int = 0, **more: Any) -> int:
    payload = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": AT, **more}
    number = table.result("StartTransaction", payload)["transactionId"]
    assert isinstance(number, int)
    return number


def came(table: Tabletop, command_id: str) -> list[tuple[str, str | None, int | None]]:
    return [(fact.action, fact.status, fact.transactionId) for fact in table.store.followed.get(command_id, [])]


def test_remote_start_leads_to_the_transaction_of_its_tag_once(table: Tabletop) -> None:
    command_id = table.command(request("RemoteStartTransaction", idTag="tag"))
    table.answer({"status": "Accepted"})
    start(table, tag="OTHER", connector=2)
    number = start(table)
    start(table, meter=5)
    assert came(table, command_id) == [("StartTransaction", None, number)]


def test_remote_start_with_a_connector_waits_for_that_connector(table: Tabletop) -> None:
    command_id = table.command(request("RemoteStartTransaction", idTag="TAG", connectorId=2))
    table.answer({"status": "Accepted"})
    start(table, connector=1)
    number = start(table, connector=2)
    assert came(table, command_id) == [("StartTransaction", None, number)]


def test_two_remote_starts_lead_to_a_transaction_each(table: Tabletop) -> None:
    ids = []
    for _ in range(2):
        ids.append(table.command(request("RemoteStartTransaction", idTag="TAG")))
        table.answer({"status": "Accepted"})
    numbers = [start(table, connector=1), start(table, connector=2)]
    assert [came(table, command_id)[0][2] for command_id in ids] == numbers


def test_remote_start_refused_leads_to_nothing(table: Tabletop) -> None:
    command_id = table.command(request("RemoteStartTransaction", idTag="TAG"))
    table.answer({"status": "Rejected"})
    start(table)
    assert came(table, command_id) == []


def test_remote_start_long_ago_has_nothing_to_do_with_a_start_now(table: Tabletop) -> None:
    command_id = table.command(request("RemoteStartTransaction", idTag="TAG"))
    table.answer({"status": "Accepted"})
    table.wait(3601)
    start(table)
    assert came(table, command_id) == []


def test_a_repeated_start_is_no_second_consequence(table: Tabletop) -> None:
    start(table)
    command_id = table.command(request("RemoteStartTransaction", idTag="TAG"))
    table.answer({"status": "Accepted"})
    start(table)
    assert came(table, command_id) == []


def test_remote_stop_leads_to_the_end_of_its_transaction(table: Tabletop) -> None:
    one, two = start(table), start(table, connector=2)
    command_id = table.command(request("RemoteStopTransaction", transactionId=two))
    table.answer({"status": "Accepted"})
    for number in (one, two):
        table.result("StopTransaction", {"transactionId": number, "meterStop": 9, "timestamp": AT, "reason": "Remote"})
    assert came(table, command_id) == [("StopTransaction", None, two)]


def test_reserve_now_leads_to_the_transaction_that_uses_it(table: Tabletop) -> None:
    record = request("ReserveNow", connectorId=1, expiryDate=AT, idTag="TAG", reservationId=7)
    command_id = table.command(record)
    table.answer({"status": "Accepted"})
    start(table, connector=2)
    number = start(table, reservationId=7)
    assert came(table, command_id) == [("StartTransaction", None, number)]


def test_reset_leads_to_a_boot(table: Tabletop) -> None:
    command_id = table.command(request("Reset", type="Hard"))
    table.answer({"status": "Accepted"})
    table.disconnect()
    table.boot()
    assert came(table, command_id) == [("BootNotification", None, None)]


@pytest.mark.parametrize(
    ("command", "response", "message", "steps", "after"),
    [
        (
            request("GetDiagnostics", location="ftp://x"),
            {"fileName": "d"},
            "DiagnosticsStatusNotification",
            [{"status": "Uploading"}, {"status": "Uploaded"}],
            {"status": "Idle"},
        ),
        (
            request("UpdateFirmware", location="ftp://x", retrieveDate=AT),
            {},
            "FirmwareStatusNotification",
            [{"status": "Downloading"}, {"status": "Downloaded"}, {"status": "Installing"}, {"status": "Installed"}],
            {"status": "Idle"},
        ),
        (
            request("GetLog", logType="SecurityLog", requestId=7, log={"remoteLocation": "x"}),
            {"status": "AcceptedCanceled"},
            "LogStatusNotification",
            [{"status": "Uploading", "requestId": 7}, {"status": "UploadFailure", "requestId": 7}],
            {"status": "Uploaded", "requestId": 7},
        ),
        (
            request("SignedUpdateFirmware", requestId=8, firmware=FIRMWARE),
            {"status": "Accepted"},
            "SignedFirmwareStatusNotification",
            [{"status": "Downloading", "requestId": 8}, {"status": "InvalidSignature", "requestId": 8}],
            {"status": "Installed", "requestId": 8},
        ),
    ],
)
def test_an_upload_or_update_is_followed_to_its_end(
    table: Tabletop,
    command: Record,
    response: dict[str, Any],
    message: str,
    steps: list[dict[str, Any]],
    after: dict[str, Any],
) -> None:
    command_id = table.command(command)
    table.answer(response)
    for step in [*steps, after]:
        table.result(message, step)
    assert came(table, command_id) == [(message, step["status"], None) for step in steps]


def test_a_log_upload_of_another_request_is_not_followed(table: Tabletop) -> None:
    record = request("GetLog", logType="SecurityLog", requestId=7, log={"remoteLocation": "x"})
    command_id = table.command(record)
    table.answer({"status": "Accepted"})
    table.result("LogStatusNotification", {"status": "Uploaded", "requestId": 6})
    assert came(table, command_id) == []


@pytest.mark.parametrize(
    ("record", "message", "payload"),
    [
        (request("TriggerMessage", requestedMessage="Heartbeat"), "Heartbeat", {}),
        (
            request("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification"),
            "SignedFirmwareStatusNotification",
            {"status": "Idle"},
        ),
        (
            request("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate"),
            "SignCertificate",
            {"csr": "PEM"},
        ),
    ],
)
def test_a_trigger_leads_to_its_message(table: Tabletop, record: Record, message: str, payload: dict[str, Any]) -> None:
    command_id = table.command(record)
    table.answer({"status": "Accepted"})
    table.result(message, payload)
    table.result(message, payload)
    assert came(table, command_id) == [(message, payload.get("status"), None)]


def test_an_unknown_trigger_leads_to_nothing(table: Tabletop) -> None:
    command_id = table.command(request("TriggerMessage", requestedMessage="Nonsense"))
    table.answer({"status": "Accepted"})
    table.result("Heartbeat", {})
    assert came(table, command_id) == []


def test_what_is_followed_is_bounded(table: Tabletop) -> None:
    for _ in range(100):
        table.command(request("RemoteStartTransaction", idTag="NOBODY"))
        table.answer({"status": "Accepted"})
    assert len(table.core._stations["EVD-1"].expectations) == 32
