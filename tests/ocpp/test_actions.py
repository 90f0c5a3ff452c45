from __future__ import annotations

import json
from typing import Any

import pytest

from forecourt.ocpp.actions import ACTION_OF, ACTIONS, FeatureProfile, Sender
from forecourt.ocpp.core import (
    ClearCacheRequest,
    HeartbeatRequest,
    MeterValuesRequest,
    StatusNotificationResponse,
    StopTransactionRequest,
    UnitOfMeasure,
)
from forecourt.ocpp.errors import ErrorCode, PayloadFault
from forecourt.ocpp.frames import Call, CallResult, decode_frame, encode_call, encode_call_result
from forecourt.ocpp.types import Record

NOW = "2026-11-22T12:00:00Z"


def test_the_guide_names_13_operations_of_the_station_and_26_of_the_central_system() -> None:
    by_sender = [action.sender for action in ACTIONS.values()]
    assert len(by_sender) == 39
    assert by_sender.count(Sender.STATION) == 13
    assert by_sender.count(Sender.CENTRAL_SYSTEM) + by_sender.count(Sender.BOTH) == 26
    assert [action.name for action in ACTIONS.values() if action.sender is Sender.BOTH] == ["DataTransfer"]


def test_each_profile_has_the_operations_that_the_guide_counts() -> None:
    counts = dict.fromkeys(FeatureProfile, 0)
    for action in ACTIONS.values():
        counts[action.profile] += 1
    assert counts == {
        FeatureProfile.Core: 16,
        FeatureProfile.FirmwareManagement: 4,
        FeatureProfile.LocalAuthListManagement: 2,
        FeatureProfile.Reservation: 2,
        FeatureProfile.SmartCharging: 3,
        FeatureProfile.RemoteTrigger: 1,
        FeatureProfile.SecurityExtension: 11,
    }


def test_the_table_finds_an_action_by_its_name_in_its_own_case_and_by_its_request() -> None:
    assert "heartbeat" not in ACTIONS
    for name, action in ACTIONS.items():
        assert action.name == name
        assert ACTION_OF[action.request] is action


@pytest.mark.requirement("J-4.2.1-3")
@pytest.mark.parametrize("null", [b"null", b" null "])
def test_an_empty_payload_is_sent_as_an_object_and_null_is_accepted_as_one(null: bytes) -> None:
    assert encode_call("7", HeartbeatRequest()) == b'[2,"7","Heartbeat",{}]'
    assert encode_call_result("7", StatusNotificationResponse()) == b'[3,"7",{}]'
    call = decode_frame(b'[2,"7","ClearCache",%s]' % null)
    result = decode_frame(b'[3,"7",%s]' % null)
    assert isinstance(call, Call)
    assert isinstance(result, CallResult)
    assert ACTIONS[call.action].decode_request(call.payload) == ClearCacheRequest()
    assert ACTIONS["StatusNotification"].decode_response(result.payload) == StatusNotificationResponse()


def test_null_for_a_payload_with_required_fields_is_an_incomplete_payload() -> None:
    with pytest.raises(PayloadFault) as caught:
        ACTIONS["Authorize"].decode_request(b"null")
    assert caught.value.code is ErrorCode.ProtocolError


def meter_values(**sampled: str) -> bytes:
    return json.dumps({"connectorId": 1, "meterValue": [{"timestamp": NOW, "sampledValue": [sampled]}]}).encode()


@pytest.mark.requirement("J-4.2.4-2")
@pytest.mark.parametrize("unit", ["Celsius", "Celcius"])
def test_both_spellings_of_celsius_are_accepted(unit: str) -> None:
    request = ACTIONS["MeterValues"].decode_request(meter_values(value="21", measurand="Temperature", unit=unit))
    assert isinstance(request, MeterValuesRequest)
    assert request.meterValue[0].sampledValue[0].unit is UnitOfMeasure(unit)


@pytest.mark.requirement("J-4.2.4-3")
@pytest.mark.parametrize(
    ("name", "side", "field", "payload"),
    [
        ("BootNotification", "response", "interval", {"status": "Accepted", "currentTime": NOW}),
        ("UpdateFirmware", "request", "retries", {"location": "ftp://host/firmware", "retrieveDate": NOW}),
    ],
)
def test_interval_and_retries_are_integers(name: str, side: str, field: str, payload: dict[str, object]) -> None:
    decode = getattr(ACTIONS[name], f"decode_{side}")
    assert getattr(decode(json.dumps(payload | {field: 300}).encode()), field) == 300
    for wrong in (300.5, "300", None, True):
        with pytest.raises(PayloadFault) as caught:
            decode(json.dumps(payload | {field: wrong}).encode())
        assert caught.value.code is ErrorCode.TypeConstraintViolation


@pytest.mark.requirement("J-4.2.4-4")
def test_a_stop_transaction_without_reason_is_valid() -> None:
    payload = json.dumps({"transactionId": 7, "meterStop": 1000, "timestamp": NOW}).encode()
    request = ACTIONS["StopTransaction"].decode_request(payload)
    assert isinstance(request, StopTransactionRequest)
    assert b"reason" not in encode_call("7", request)


# Longest text of a field: (action, request, path, characters). The rest of the payload is the smallest valid one.

HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "c"}
FIRMWARE = {"location": "https://host/f", "retrieveDateTime": NOW, "signingCertificate": "pem", "signature": "c2ln"}
BOOT = {"chargePointVendor": "Schneider Electric", "chargePointModel": "EVD1S180THB"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
GET_LOG = {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "ftp://host/"}}
EVENT = {"type": "InvalidMessages", "timestamp": NOW}
SIGNED_UPDATE = {"requestId": 1, "firmware": FIRMWARE}


def limit(requirement: str, name: str, payload: dict[str, Any], path: str, longest: int) -> object:
    marks = pytest.mark.requirement(requirement)
    return pytest.param(name, payload, path, longest, marks=marks, id=f"{name}-{path}-{longest}")


@pytest.mark.parametrize(
    ("name", "payload", "path", "longest"),
    [
        limit("OCPP-6-1", "BootNotification", BOOT, "chargePointVendor", 20),
        limit("OCPP-6-1", "BootNotification", BOOT, "chargePointModel", 20),
        limit("OCPP-6-1", "BootNotification", BOOT, "chargePointSerialNumber", 25),
        limit("OCPP-6-1", "BootNotification", BOOT, "chargeBoxSerialNumber", 25),
        limit("OCPP-6-1", "BootNotification", BOOT, "meterSerialNumber", 25),
        limit("OCPP-6-1", "BootNotification", BOOT, "firmwareVersion", 50),
        limit("OCPP-6-10", "StatusNotification", STATUS, "info", 50),
        limit("OCPP-6-10", "StatusNotification", STATUS, "vendorId", 255),
        limit("OCPP-6-10", "StatusNotification", STATUS, "vendorErrorCode", 50),
        limit("WP-5-1", "CertificateSigned", {}, "certificateChain", 10000),
        limit("WP-5-2", "InstallCertificate", {"certificateType": "CentralSystemRootCertificate"}, "certificate", 5500),
        limit("WP-5-3", "SignCertificate", {}, "csr", 5500),
        limit("WP-5-4", "SecurityEventNotification", EVENT, "type", 50),
        limit("WP-5-4", "SecurityEventNotification", EVENT, "techInfo", 255),
        limit("WP-5-5", "GetLog", GET_LOG, "log.remoteLocation", 512),
        limit(
            "WP-6-1", "DeleteCertificate", {"certificateHashData": HASHES}, "certificateHashData.issuerNameHash", 128
        ),
        limit("WP-6-1", "DeleteCertificate", {"certificateHashData": HASHES}, "certificateHashData.issuerKeyHash", 128),
        limit("WP-6-1", "DeleteCertificate", {"certificateHashData": HASHES}, "certificateHashData.serialNumber", 40),
        limit("WP-6-5", "SignedUpdateFirmware", SIGNED_UPDATE, "firmware.location", 512),
        limit("WP-6-5", "SignedUpdateFirmware", SIGNED_UPDATE, "firmware.signingCertificate", 5500),
        limit("WP-6-5", "SignedUpdateFirmware", SIGNED_UPDATE, "firmware.signature", 800),
    ],
)
def test_a_text_as_long_as_allowed_is_accepted_and_a_longer_one_refused(
    name: str, payload: dict[str, Any], path: str, longest: int
) -> None:
    value: object = ACTIONS[name].decode_request(with_text(payload, path, longest))
    for field in path.split("."):
        value = getattr(value, field)
    assert value == "x" * longest
    with pytest.raises(PayloadFault) as caught:
        ACTIONS[name].decode_request(with_text(payload, path, longest + 1))
    assert caught.value.code is ErrorCode.PropertyConstraintViolation
    assert caught.value.details["path"] == path


def with_text(payload: dict[str, Any], path: str, length: int) -> bytes:
    whole = json.loads(json.dumps(payload))
    *way, last = path.split(".")
    place = whole
    for step in way:
        place = place[step]
    place[last] = "x" * length
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("name", "payload", "path"),
    [
        pytest.param(name, payload, path, marks=pytest.mark.requirement(requirement), id=f"{name}-{path}")
        for requirement, name, payload, paths in (
            (
                "WP-5-2",
                "InstallCertificate",
                {"certificateType": "ManufacturerRootCertificate", "certificate": "pem"},
                "certificateType certificate",
            ),
            ("WP-5-4", "SecurityEventNotification", EVENT, "type timestamp"),
            ("WP-5-5", "GetLog", GET_LOG, "logType requestId log log.remoteLocation"),
            (
                "WP-6-1",
                "DeleteCertificate",
                {"certificateHashData": HASHES},
                " ".join(f"certificateHashData.{field}" for field in HASHES),
            ),
            ("WP-6-5", "SignedUpdateFirmware", SIGNED_UPDATE, " ".join(f"firmware.{field}" for field in FIRMWARE)),
        )
        for path in paths.split()
    ],
)
def test_a_required_field_of_the_security_extension_may_not_be_missing(
    name: str, payload: dict[str, Any], path: str
) -> None:
    assert isinstance(ACTIONS[name].decode_request(json.dumps(payload).encode()), Record)
    whole = json.loads(json.dumps(payload))
    *way, last = path.split(".")
    place = whole
    for step in way:
        place = place[step]
    del place[last]
    with pytest.raises(PayloadFault) as caught:
        ACTIONS[name].decode_request(json.dumps(whole).encode())
    assert (caught.value.code, caught.value.details["path"]) == (ErrorCode.ProtocolError, path)


@pytest.mark.requirement("WP-6-1")
def test_certificate_hash_data_knows_three_digests() -> None:
    for digest in ("SHA256", "SHA384", "SHA512"):
        payload = {"certificateHashData": HASHES | {"hashAlgorithm": digest}}
        ACTIONS["DeleteCertificate"].decode_request(json.dumps(payload).encode())
    payload = {"certificateHashData": HASHES | {"hashAlgorithm": "SHA1"}}
    with pytest.raises(PayloadFault) as caught:
        ACTIONS["DeleteCertificate"].decode_request(json.dumps(payload).encode())
    assert caught.value.code is ErrorCode.PropertyConstraintViolation


@pytest.mark.requirement("WP-6-5")
def test_a_signed_firmware_may_say_when_to_install_it() -> None:
    payload = {"requestId": 1, "firmware": FIRMWARE | {"installDateTime": NOW}}
    request = ACTIONS["SignedUpdateFirmware"].decode_request(json.dumps(payload).encode())
    assert json.loads(encode_call("7", request))[3] == payload
