from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecourt.ocpp.core import (
    AuthorizeRequest,
    ClearCacheRequest,
    HeartbeatRequest,
    ResetResponse,
    ResetStatus,
    StatusNotificationResponse,
)
from forecourt.ocpp.errors import ErrorCode, FrameFault
from forecourt.ocpp.frames import (
    Call,
    CallError,
    CallResult,
    Frame,
    decode_frame,
    encode_call,
    encode_call_error,
    encode_call_result,
)

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=300)
LONGEST_ID = "0123456789abcdef0123456789abcdef0123"
CALL = b'[2,"19223201","Authorize",{"idTag":"B4F6\\"2C"}]'
RESULT = b'[3,"19223201",{"status":"Accepted"}]'
ERROR = '[4,"19223201","GenericError","Größe",{"path":"idTag"}]'.encode()


def fault_of(frame: bytes) -> FrameFault:
    with pytest.raises(FrameFault) as caught:
        decode_frame(frame)
    return caught.value


@pytest.mark.requirement("J-4.1.3-1", "J-4.2.1-1")
def test_a_call_is_type_2_with_id_action_and_payload() -> None:
    frame = encode_call("19223201", AuthorizeRequest(idTag="B4F62C"))
    assert json.loads(frame) == [2, "19223201", "Authorize", {"idTag": "B4F62C"}]
    call = decode_frame(frame)
    assert isinstance(call, Call)
    assert (call.messageId, call.action, bytes(call.payload)) == ("19223201", "Authorize", b'{"idTag":"B4F62C"}')


@pytest.mark.requirement("J-4.1.3-1", "J-4.2.2-1")
def test_a_call_result_is_type_3_with_id_and_payload() -> None:
    frame = encode_call_result("19223201", ResetResponse(status=ResetStatus.Accepted))
    assert json.loads(frame) == [3, "19223201", {"status": "Accepted"}]
    result = decode_frame(frame)
    assert isinstance(result, CallResult)
    assert (result.messageId, bytes(result.payload)) == ("19223201", b'{"status":"Accepted"}')


@pytest.mark.requirement("J-4.1.3-1", "J-4.2.3-1")
def test_a_call_error_is_type_4_with_id_code_description_and_details() -> None:
    frame = encode_call_error("19223201", ErrorCode.InternalError, "no meter", {"meter": "A"})
    assert json.loads(frame) == [4, "19223201", "InternalError", "no meter", {"meter": "A"}]
    assert decode_frame(frame) == CallError("19223201", "InternalError", "no meter", {"meter": "A"})


@pytest.mark.requirement("J-4.2.3-1")
def test_a_call_error_with_nothing_to_say_has_an_empty_text_and_an_empty_object() -> None:
    assert json.loads(encode_call_error("7", ErrorCode.GenericError)) == [4, "7", "GenericError", "", {}]


def test_a_long_error_description_is_cut_to_255_characters() -> None:
    assert json.loads(encode_call_error("7", ErrorCode.GenericError, "é" * 300))[3] == "é" * 255


@pytest.mark.parametrize("request_", [HeartbeatRequest(), ClearCacheRequest()])
def test_an_empty_request_is_sent_as_an_empty_object(request_: HeartbeatRequest | ClearCacheRequest) -> None:
    assert json.loads(encode_call("7", request_))[3] == {}


def test_an_empty_response_is_sent_as_an_empty_object() -> None:
    assert encode_call_result("7", StatusNotificationResponse()) == b'[3,"7",{}]'


def test_a_message_id_of_36_characters_may_be_sent_and_a_longer_one_may_not() -> None:
    assert json.loads(encode_call(LONGEST_ID, HeartbeatRequest()))[1] == LONGEST_ID
    with pytest.raises(AssertionError):
        encode_call(LONGEST_ID + "4", HeartbeatRequest())


def test_a_call_with_an_id_of_37_characters_is_owed_an_answer_with_that_id() -> None:
    accepted = decode_frame(f'[2,"{LONGEST_ID}","Heartbeat",{{}}]'.encode())
    assert accepted.messageId == LONGEST_ID
    fault = fault_of(f'[2,"{LONGEST_ID}4","Heartbeat",{{}}]'.encode())
    assert fault.answerable
    assert fault.message_id == LONGEST_ID + "4"
    assert "at most 36 characters, came 37" in fault.description


@pytest.mark.parametrize(
    "frame",
    [
        b'[2,"7","Heartbeat"]',
        b'[2,"7","Heartbeat",{},{}]',
        b'[2,"7",null,{}]',
        b'[2,"7",5,{}]',
        b'[2,"7"]',
        b'[2,"7","Heartbeat",{]',
        b'[2,"7","Heartbeat",{}',
        b'[2,"7","Heartbeat",{}] more',
        b'[2,"7","Heartbeat",{"a":NaN}]',
        b'[2,"7","Heartbeat",' + b"[" * 100_000,
        b'  [ 2 , "7" , Heartbeat ]',
        b'[2,"7",' + b"\xff\xff",
    ],
)
def test_a_malformed_call_with_a_readable_id_is_owed_formation_violation(frame: bytes) -> None:
    fault = fault_of(frame)
    assert fault.answerable
    assert (fault.message_id, fault.code, fault.ignored) == ("7", ErrorCode.FormationViolation, False)
    assert fault.description


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"hello",
        b"{}",
        b'"text"',
        b"null",
        b"[]",
        b"[2]",
        b'[2,7,"Heartbeat",{}]',
        b'[2,null,"Heartbeat",{}]',
        b'["2","7","Heartbeat",{}]',
        b'[2.0,"7","Heartbeat",{}]',
        b'[true,"7","Heartbeat",{}]',
        b'[2,"7',
        b'[2,"\\ud800","Heartbeat",{}]',
        b'[2,"\xff","Heartbeat",{}]',
        b'[3,"7"]',
        b'[3,"7",{},{}]',
        b'[3,"7",{',
        b'[4,"7"]',
        b'[4,"7",5,"",{}]',
        b'[4,"7","GenericError","",{}, 1]',
        b"\xef\xbb\xbf[2]",
        b"[" + b"9" * 5000 + b"]",
    ],
)
def test_what_is_no_call_with_an_id_is_owed_nothing(frame: bytes) -> None:
    fault = fault_of(frame)
    assert not fault.answerable
    assert not fault.ignored
    assert fault.description.startswith("expected ")


@pytest.mark.parametrize("frame", [b'[1,"7"]', b'[5,"7","Heartbeat",{}]', b"[0]", b"[-2]", b'[6,"7",{},{},{},{}]'])
def test_another_message_type_number_is_marked_as_to_be_ignored(frame: bytes) -> None:
    fault = fault_of(frame)
    assert fault.ignored
    assert not fault.answerable


@pytest.mark.parametrize("code", ["FormatViolation", "OccurrenceConstraintViolation", "RpcFrameworkError", "Whatever"])
def test_a_call_error_with_a_code_of_a_later_or_sloppy_peer_is_understood(code: str) -> None:
    assert decode_frame(f'[4,"7","{code}","",{{}}]'.encode()) == CallError("7", code, "", {})


@pytest.mark.parametrize(
    "rest", [',"no"', ',"no",null', ',"no","details"', ",null,null", ""], ids=["4", "null", "text", "nulls", "3"]
)
def test_a_call_error_with_less_than_its_five_elements_is_understood(rest: str) -> None:
    error = decode_frame(f'[4,"7","GenericError"{rest}]'.encode())
    assert isinstance(error, CallError)
    assert (error.messageId, error.errorCode) == ("7", "GenericError")


@pytest.mark.parametrize("frame", [CALL, RESULT, ERROR], ids=["call", "result", "error"])
def test_a_frame_truncated_at_any_point_is_a_fault_and_answered_when_it_is_a_call_with_its_id(frame: bytes) -> None:
    id_ends = frame.index(b'"19223201"') + len(b'"19223201"')
    for length in range(len(frame)):
        fault = fault_of(frame[:length])
        assert fault.answerable is (frame is CALL and length >= id_ends)
        assert fault.message_id == ("19223201" if length >= id_ends else None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
near_frames = st.tuples(st.sampled_from([2, 3, 4, 5, "2", 2.0, None, True]), st.text(max_size=40), json_values).flatmap(
    lambda start: st.lists(json_values, max_size=4).map(lambda rest: json.dumps([*start, *rest]).encode())
)


@REPEATABLE
@given(frame=st.binary() | json_values.map(lambda value: json.dumps(value).encode()) | near_frames)
@example(frame=b"[2," + b'"a' * 1000)
@example(frame=b'[2,"' + b"\\" * 1001)
def test_whatever_arrives_is_a_frame_or_a_frame_fault(frame: bytes) -> None:
    outcome = outcome_of(frame)
    if isinstance(outcome, FrameFault) and outcome.answerable:
        assert outcome.message_id is not None
        answer = encode_call_error(outcome.message_id, outcome.code, outcome.description, outcome.details)
        assert json.loads(answer)[1] == outcome.message_id
    assert isinstance(outcome, Call | CallResult | CallError | FrameFault)


def outcome_of(frame: bytes) -> Frame | FrameFault:
    try:
        return decode_frame(frame)
    except FrameFault as fault:
        return fault


@REPEATABLE
@given(message_id=st.text(max_size=36), tag=st.text(max_size=20))
def test_any_text_survives_a_frame(message_id: str, tag: str) -> None:
    call = decode_frame(encode_call(message_id, AuthorizeRequest(idTag=tag)))
    assert isinstance(call, Call)
    assert call.messageId == message_id
    assert msgspec.json.decode(call.payload, type=AuthorizeRequest).idTag == tag
