"""What each request of a station is answered, and what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from forecourt.supervision.facts import (
    BootReported,
    DataReceived,
    IdTagDeleted,
    IdTagSet,
    MeterValuesReported,
    Policy,
    PolicySet,
    ProgressReported,
    SecurityEventReported,
    StationSet,
    StatusReported,
)
from forecourt.supervision.tabletop import IDENTITY, Tabletop

NOW = datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)
BOOT = {"chargePointVendor": "Schneider Electric", "chargePointModel": "EVD1S180THB"}
NOTIFICATIONS = [
    ("DiagnosticsStatusNotification", {"status": "Uploading"}),
    ("FirmwareStatusNotification", {"status": "Downloading"}),
    ("LogStatusNotification", {"status": "Uploading", "requestId": 7}),
    ("SignedFirmwareStatusNotification", {"status": "Installing", "requestId": 8}),
]


@pytest.fixture
def table() -> Tabletop:
    """A supervision with one accepted station on link 1."""
    table = Tabletop(now=NOW.timestamp())
    table.boot()
    return table


def meter_values(*values: dict[str, Any], at: str = "2025-06-15T15:00:00Z", **more: Any) -> dict[str, Any]:
    return {"connectorId": 1, "meterValue": [{"timestamp": at, "sampledValue": list(values)}], **more}


@pytest.mark.parametrize(("status", "interval_s"), [("Accepted", 300), ("Pending", 60), ("Rejected", 60)])
def test_boot_is_answered_by_the_policy(table: Tabletop, status: str, interval_s: int) -> None:
    table.edit(PolicySet(Policy(boot_status=status)))
    answer = table.result("BootNotification", BOOT)
    assert answer == {"status": status, "currentTime": "2025-06-15T15:06:40Z", "interval": interval_s}
    boot = table.kept(BootReported)[-1]
    assert (boot.identity, boot.status, boot.request.chargePointModel) == (IDENTITY, status, "EVD1S180THB")


def test_boot_is_answered_by_the_rule_of_the_station_first(table: Tabletop) -> None:
    table.edit(StationSet(IDENTITY, boot_status="Pending", interval_s=17))
    answer = table.result("BootNotification", BOOT)
    assert (answer["status"], answer["interval"]) == ("Pending", 17)
    table.edit(StationSet(IDENTITY, interval_s=18))
    answer = table.result("BootNotification", BOOT)
    assert (answer["status"], answer["interval"]) == ("Accepted", 18)


@pytest.mark.requirement("OCPP-4.6-2")
def test_heartbeat_is_answered_with_the_present_time(table: Tabletop) -> None:
    assert table.result("Heartbeat", {}) == {"currentTime": "2025-06-15T15:06:40Z"}
    table.wait(2.5)
    assert table.result("Heartbeat", {}) == {"currentTime": "2025-06-15T15:06:42.500000Z"}


@pytest.mark.requirement("OCPP-4.1-4")
def test_authorize_is_answered_with_a_status_and_the_parent(table: Tabletop) -> None:
    table.edit(IdTagSet("GOOD"))
    table.edit(IdTagSet("BLOCKED", status="Blocked"))
    table.edit(IdTagSet("CHILD", parentIdTag="FLEET"))
    table.edit(IdTagSet("BLOCKEDCHILD", status="Blocked", parentIdTag="FLEET"))
    table.edit(IdTagSet("OLD", expiryDate=NOW - timedelta(seconds=1)))
    answers = {
        tag: table.result("Authorize", {"idTag": tag})["idTagInfo"]
        for tag in ("GOOD", "BLOCKED", "CHILD", "BLOCKEDCHILD", "OLD", "NOBODY")
    }
    assert answers == {
        "GOOD": {"status": "Accepted"},
        "BLOCKED": {"status": "Blocked"},
        "CHILD": {"status": "Accepted", "parentIdTag": "FLEET"},
        "BLOCKEDCHILD": {"status": "Blocked", "parentIdTag": "FLEET"},
        "OLD": {"status": "Expired", "expiryDate": "2025-06-15T15:06:39Z"},
        "NOBODY": {"status": "Invalid"},
    }


def test_authorize_turns_expired_the_moment_the_date_is_reached(table: Tabletop) -> None:
    table.edit(IdTagSet("TAG", expiryDate=NOW + timedelta(seconds=10)))
    assert table.result("Authorize", {"idTag": "TAG"})["idTagInfo"]["status"] == "Accepted"
    table.wait(10)
    assert table.result("Authorize", {"idTag": "TAG"})["idTagInfo"]["status"] == "Expired"


def test_authorize_compares_tags_without_regard_to_case(table: Tabletop) -> None:
    table.edit(IdTagSet("AbCd"))
    assert table.result("Authorize", {"idTag": "aBcD"})["idTagInfo"]["status"] == "Accepted"
    table.edit(IdTagDeleted("ABCD"))
    assert table.result("Authorize", {"idTag": "AbCd"})["idTagInfo"]["status"] == "Invalid"


def test_authorize_accepts_unknown_tags_when_the_policy_says_so(table: Tabletop) -> None:
    table.edit(PolicySet(Policy(accept_unknown_id_tags=True)))
    table.edit(IdTagSet("BLOCKED", status="Blocked"))
    assert table.result("Authorize", {"idTag": "NOBODY"})["idTagInfo"]["status"] == "Accepted"
    assert table.result("Authorize", {"idTag": "BLOCKED"})["idTagInfo"]["status"] == "Blocked"


def test_registries_hold_over_a_restart(table: Tabletop) -> None:
    table.edit(IdTagSet("TAG", status="Blocked", parentIdTag="P"))
    table.edit(IdTagSet("GONE"))
    table.edit(IdTagDeleted("GONE"))
    table.edit(PolicySet(Policy(heartbeat_interval_s=17)))
    table.restart()
    link = table.boot()
    assert table.result("Authorize", {"idTag": "TAG"}, link)["idTagInfo"] == {"status": "Blocked", "parentIdTag": "P"}
    assert table.result("Authorize", {"idTag": "GONE"}, link)["idTagInfo"] == {"status": "Invalid"}
    assert table.result("BootNotification", BOOT, link)["interval"] == 17


@pytest.mark.requirement("OCPP-7-2")
def test_concurrent_tx_is_answered_to_start_transaction_only(table: Tabletop) -> None:
    table.edit(IdTagSet("TAG"))
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2025-06-15T15:00:00Z"}
    assert table.result("StartTransaction", start)["idTagInfo"]["status"] == "Accepted"
    assert table.result("Authorize", {"idTag": "TAG"})["idTagInfo"]["status"] == "Accepted"
    second = table.result("StartTransaction", {**start, "connectorId": 2})
    assert second["idTagInfo"]["status"] == "ConcurrentTx"
    stop = {"transactionId": 2, "idTag": "TAG", "meterStop": 0, "timestamp": "2025-06-15T15:01:00Z"}
    assert table.result("StopTransaction", stop)["idTagInfo"]["status"] == "Accepted"


@pytest.mark.requirement("OCPP-4.9-25")
@pytest.mark.parametrize(
    "payload",
    [
        {"connectorId": 0, "errorCode": "NoError", "status": "Available"},
        {"connectorId": 99, "errorCode": "NoError", "status": "Charging", "timestamp": "1970-01-01T00:00:00Z"},
        {"connectorId": -5, "errorCode": "WeakSignal", "status": "Faulted", "info": "", "vendorId": "x"},
    ],
)
def test_status_notification_is_answered_and_kept(table: Tabletop, payload: dict[str, Any]) -> None:
    assert table.result("StatusNotification", payload) == {}
    kept = table.kept(StatusReported)
    assert [(fact.request.connectorId, fact.request.status) for fact in kept] == [
        (payload["connectorId"], payload["status"])
    ]


@pytest.mark.requirement("OCPP-4.7-7")
@pytest.mark.parametrize(
    "payload",
    [
        meter_values({"value": "-5"}),
        meter_values({"value": "not a number"}),
        meter_values({"value": "1", "unit": "V", "measurand": "SoC"}),
        meter_values({"value": "1"}, at="1970-01-01T00:00:00Z"),
        meter_values({"value": "1"}, transactionId=-1),
        meter_values({"value": "1"}, transactionId=4711),
        meter_values({"value": "1"}, connectorId=77),
    ],
)
def test_meter_values_are_answered_and_kept_even_when_they_look_wrong(table: Tabletop, payload: dict[str, Any]) -> None:
    assert table.result("MeterValues", payload) == {}
    assert len(table.kept(MeterValuesReported)) == 1


@pytest.mark.requirement("J-4.2.4-2")
@pytest.mark.parametrize("unit", ["Celsius", "Celcius"])
def test_both_spellings_of_celsius_are_taken(table: Tabletop, unit: str) -> None:
    payload = meter_values({"value": "21", "measurand": "Temperature", "unit": unit})
    assert table.result("MeterValues", payload) == {}
    assert table.kept(MeterValuesReported)[0].request.meterValue[0].sampledValue[0].unit == unit


def test_meter_values_repeated_are_answered_and_kept_once(table: Tabletop) -> None:
    other = meter_values({"value": "6"}, connectorId=2)
    for payload in (meter_values({"value": "5"}), other, meter_values({"value": "5"}), other):
        assert table.result("MeterValues", payload) == {}
    assert len(table.kept(MeterValuesReported)) == 2
    assert table.result("MeterValues", meter_values({"value": "7"})) == {}
    assert len(table.kept(MeterValuesReported)) == 3


@pytest.mark.requirement("GUIDE-VRULE-13")
def test_meter_values_that_come_late_are_in_order_by_their_timestamps(table: Tabletop) -> None:
    """With OfflineTxMsgQueueEnable false a station uploads what it sampled offline beside the live values."""
    for minute in (5, 6, 1, 7, 2, 3):
        at = f"2025-06-15T15:{minute:02}:00Z"
        table.result("MeterValues", meter_values({"value": str(minute)}, at=at, transactionId=1))
    read = [value.sampledValue[0].value for value in table.store.meter_values(1)]
    assert read == ["1", "2", "3", "5", "6", "7"]


@pytest.mark.requirement("OCPP-3.7-5")
@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", {"connectorId": 1, "idTag": "T", "meterStart": 5, "timestamp": "2001-01-01T00:00:00Z"}),
        ("StopTransaction", {"transactionId": 1, "meterStop": 9, "timestamp": "2001-01-01T00:00:00Z"}),
        ("MeterValues", meter_values({"value": "1"}, at="2001-01-01T00:00:00Z", transactionId=1)),
    ],
)
def test_a_message_with_an_old_timestamp_is_kept_like_any_other(
    table: Tabletop, action: str, payload: dict[str, Any]
) -> None:
    start = {"connectorId": 2, "idTag": "T", "meterStart": 5, "timestamp": "2025-06-15T15:00:00Z"}
    number = table.result("StartTransaction", start)["transactionId"]
    before = len(table.store.facts)
    table.result(action, payload)
    assert len(table.store.facts) == before + 1
    assert number == 1


@pytest.mark.requirement("OCPP-4.4-3", "OCPP-4.5-3")
@pytest.mark.parametrize(("action", "payload"), NOTIFICATIONS)
def test_progress_is_answered_and_kept(table: Tabletop, action: str, payload: dict[str, Any]) -> None:
    assert table.result(action, payload) == {}
    fact = table.kept(ProgressReported)[0]
    assert (fact.action, fact.status, fact.requestId) == (action, payload["status"], payload.get("requestId"))


@pytest.mark.requirement("WP-A04.FR.03")
@pytest.mark.parametrize("kind", ["StartupOfTheDevice", "InvalidMessages", "an event of tomorrow"])
def test_security_event_is_confirmed_and_kept(table: Tabletop, kind: str) -> None:
    event = {"type": kind, "timestamp": "2025-06-15T15:00:00Z", "techInfo": "x"}
    assert table.result("SecurityEventNotification", event) == {}
    assert [fact.request.type for fact in table.kept(SecurityEventReported)] == [kind]


@pytest.mark.requirement("WP-A02.FR.12", "WP-A03.FR.12")
def test_sign_certificate_is_rejected_while_there_is_no_authority(table: Tabletop) -> None:
    from forecourt.ocpp.security_extension import ExtendedTriggerMessageRequest

    csr = {"csr": "-----BEGIN CERTIFICATE REQUEST-----"}
    assert table.result("SignCertificate", csr) == {"status": "Rejected"}
    table.command(ExtendedTriggerMessageRequest(requestedMessage="SignChargePointCertificate"))
    table.answer({"status": "Accepted"})
    assert table.result("SignCertificate", csr) == {"status": "Rejected"}


@pytest.mark.parametrize("more", [{}, {"messageId": "m"}, {"messageId": "m", "data": "d"}])
def test_data_transfer_of_an_unknown_vendor_is_answered_so_without_data(table: Tabletop, more: dict[str, str]) -> None:
    assert table.result("DataTransfer", {"vendorId": "com.example", **more}) == {"status": "UnknownVendorId"}
    fact = table.kept(DataReceived)[0]
    assert (fact.vendorId, fact.messageId, fact.data) == ("com.example", more.get("messageId"), more.get("data"))
