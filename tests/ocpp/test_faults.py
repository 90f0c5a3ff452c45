from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.ocpp.actions import ACTIONS, Action
from forecourt.ocpp.errors import ErrorCode, PayloadFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.ocpp.types import Record

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=40)


def fault_of(name: str, payload: bytes) -> PayloadFault:
    with pytest.raises(PayloadFault) as caught:
        ACTIONS[name].decode_request(payload)
    return caught.value


@pytest.mark.parametrize(
    ("name", "payload", "code", "description"),
    [
        ("Authorize", b"{}", "ProtocolError", "idTag: expected a value, came nothing"),
        ("Authorize", b'{"idTag":"A","tag":1}', "FormationViolation", "tag: expected no such field, came a number"),
        ("Authorize", b"[]", "FormationViolation", "payload: expected an object, came an array"),
        ("Authorize", b'{"idTag":null}', "TypeConstraintViolation", "idTag: expected text, came null"),
        ("Reset", b'{"type":1}', "TypeConstraintViolation", "type: expected text, came a number"),
        ("Reset", b'{"type":"Warm"}', "PropertyConstraintViolation", "type: expected one of Hard, Soft, came 'Warm'"),
        (
            "Authorize",
            b'{"idTag":"123456789012345678901"}',
            "PropertyConstraintViolation",
            "idTag: expected text of at most 20 characters, came 21 characters",
        ),
        (
            "MeterValues",
            b'{"connectorId":1,"meterValue":[]}',
            "OccurenceConstraintViolation",
            "meterValue: expected at least 1 items, came 0",
        ),
        (
            "MeterValues",
            b'{"connectorId":1,"meterValue":[{"timestamp":"2026-11-22T12:00:00Z","sampledValue":[{"value":"1"},{}]}]}',
            "ProtocolError",
            "meterValue[0].sampledValue[1].value: expected a value, came nothing",
        ),
        (
            "UnlockConnector",
            b'{"connectorId":1.5}',
            "TypeConstraintViolation",
            "connectorId: expected an integer, came a number with a fraction",
        ),
    ],
)
def test_a_refusal_says_where_what_was_expected_and_what_came(
    name: str, payload: bytes, code: str, description: str
) -> None:
    fault = fault_of(name, payload)
    assert (fault.code, fault.description) == (code, description)
    assert f"{fault.details['path']}: expected {fault.details['expected']}, came {fault.details['came']}" == description


def test_of_several_faults_the_one_told_is_the_first_of_the_fixed_order() -> None:
    faults: list[tuple[str, dict[str, object]]] = [
        ("ProtocolError", {"meterStop": None}),
        ("FormationViolation", {"extra": 1}),
        ("TypeConstraintViolation", {"idTag": 5}),
        (
            "OccurenceConstraintViolation",
            {"transactionData": [{"timestamp": "2026-11-22T12:00:00Z", "sampledValue": []}]},
        ),
        ("PropertyConstraintViolation", {"reason": "Boredom"}),
    ]
    for first in range(len(faults)):
        payload: dict[str, object] = {"transactionId": 1, "meterStop": 2, "timestamp": "2026-11-22T12:00:00Z"}
        for _, wrong in faults[first:]:
            payload |= wrong
        if first == 0:
            del payload["meterStop"]
        assert fault_of("StopTransaction", json.dumps(payload).encode()).code == faults[first][0]


def test_a_value_that_may_be_a_secret_is_not_repeated() -> None:
    payload = json.dumps({"key": "AuthorizationKey", "value": "secret" * 100}).encode()
    assert "secret" not in fault_of("ChangeConfiguration", payload).description


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'{"transactionId":' + b"9" * 5000 + b"}", ErrorCode.PropertyConstraintViolation),
        (b'{"transactionId":' + b"9" * 400 + b"}", ErrorCode.PropertyConstraintViolation),
        (b'{"transactionId":1e999}', ErrorCode.TypeConstraintViolation),
        (b'{"transactionId":true}', ErrorCode.TypeConstraintViolation),
        (b'{"transactionId":1', ErrorCode.FormationViolation),
        (b'{"transactionId":NaN}', ErrorCode.FormationViolation),
        (b'{"transactionId":"\xff"}', ErrorCode.FormationViolation),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ErrorCode.FormationViolation),
        (b"", ErrorCode.FormationViolation),
    ],
    ids=["5000 digits", "400 digits", "exponent", "boolean", "truncated", "NaN", "no UTF-8", "deep", "nothing"],
)
def test_awkward_numbers_and_broken_json_are_payload_faults(payload: bytes, code: ErrorCode) -> None:
    assert fault_of("RemoteStopTransaction", payload).code is code


@pytest.mark.parametrize(("limit", "came"), [(b"1e999", "one beyond"), (b"9" * 400, "one beyond"), (b"0.25", "0.25")])
def test_a_limit_out_of_range_is_told_as_such(limit: bytes, came: str) -> None:
    payload = (
        b'{"idTag":"A","chargingProfile":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile",'
        b'"chargingProfileKind":"Relative","chargingSchedule":{"chargingRateUnit":"W","chargingSchedulePeriod":'
        b'[{"startPeriod":0,"limit":%s}]}}}' % limit
    )
    fault = fault_of("RemoteStartTransaction", payload)
    assert fault.code is ErrorCode.PropertyConstraintViolation
    assert fault.details["path"] == "chargingProfile.chargingSchedule.chargingSchedulePeriod[0].limit"
    assert fault.details["came"] == came


FIELDS = ["connectorId", "idTag", "status", "meterValue", "timestamp", "value", "sampledValue", "key", "type", "limit"]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=25),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=10,
)


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
@REPEATABLE
@given(payload=st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_payload_holds_it_is_a_record_or_a_fault_with_a_reason(action: Action, payload: bytes) -> None:
    """GenericError would mean that the decoder refused what the classifier finds nothing wrong with."""
    for decode in (action.decode_request, action.decode_response):
        outcome = outcome_of(decode, payload)
        if isinstance(outcome, PayloadFault):
            assert outcome.code is not ErrorCode.GenericError
        else:
            assert type(outcome) in (action.request, action.response)


def outcome_of(decode: Callable[[bytes], Record], payload: bytes) -> Record | PayloadFault:
    try:
        return decode(payload)
    except PayloadFault as fault:
        return fault
