from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.ocpp.actions import ACTIONS
from forecourt.ocpp.core import HeartbeatResponse, MeterValue, SampledValue
from forecourt.ocpp.errors import ErrorCode, PayloadFault
from forecourt.ocpp.smart_charging import ChargingRateUnit, ChargingSchedule, ChargingSchedulePeriod
from forecourt.ocpp.types import Record, from_epoch, has_one_decimal, same_text, to_epoch, to_utc

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=300)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ONE_OF_EACH = [
    (action.name, side, field.name)
    for action in ACTIONS.values()
    for side, record in (("request", action.request), ("response", action.response))
    for field in msgspec.structs.fields(record)
    if "datetime" in str(field.type)
]


@pytest.mark.requirement("OCPP-3.15-2")
@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00.000Z",
        "2026-11-22T12:00:00.000000+00:00",
        "2026-11-22T14:00:00+02:00",
        "2026-11-22T06:30:00.000-05:30",
        "2026-11-23T02:00:00.0000000+14:00",
        "2026-11-22T12:00:00-00:00",
    ],
)
def test_a_timestamp_with_fraction_or_offset_is_understood_as_the_same_instant(text: str) -> None:
    response = ACTIONS["Heartbeat"].decode_response(json.dumps({"currentTime": text}).encode())
    assert response == HeartbeatResponse(currentTime=NOON)


def test_a_fraction_of_a_second_is_kept_to_the_microsecond() -> None:
    response = ACTIONS["Heartbeat"].decode_response(b'{"currentTime":"2026-11-22T12:00:00.1234567Z"}')
    assert response == HeartbeatResponse(currentTime=NOON + timedelta(microseconds=123457))


@pytest.mark.requirement("OCPP-3.15-1")
@pytest.mark.parametrize(("name", "side", "field"), ONE_OF_EACH)
def test_every_timestamp_field_leaves_in_utc_with_a_z(name: str, side: str, field: str) -> None:
    """Whatever zone the sender's code computed in, and in every message that has a timestamp at its top."""
    record = getattr(ACTIONS[name], side)
    elsewhere = datetime(2026, 11, 22, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    fields = {other.name: None for other in msgspec.structs.fields(record) if other.required}
    built: Record = record(**{**fields, field: elsewhere})
    assert json.loads(msgspec.json.encode(built))[field] == "2026-11-22T12:00:00Z"


@pytest.mark.requirement("OCPP-3.15-1")
def test_the_timestamps_inside_meter_values_and_schedules_leave_in_utc_with_a_z() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-3)))
    sampled = MeterValue(timestamp=elsewhere, sampledValue=(SampledValue(value="1"),))
    schedule = ChargingSchedule(
        chargingRateUnit=ChargingRateUnit.W,
        chargingSchedulePeriod=(ChargingSchedulePeriod(startPeriod=0, limit=1000),),
        startSchedule=elsewhere,
    )
    assert b'"timestamp":"2026-11-22T12:00:00Z"' in msgspec.json.encode(sampled)
    assert b'"startSchedule":"2026-11-22T12:00:00Z"' in msgspec.json.encode(schedule)


def test_a_timestamp_without_a_zone_cannot_be_put_into_a_record() -> None:
    with pytest.raises(ValueError, match="expected a date and time with a zone"):
        HeartbeatResponse(currentTime=datetime(2026, 11, 22, 12, 0))


def test_an_instant_that_utc_cannot_express_is_refused() -> None:
    with pytest.raises(ValueError, match="within the years 1 to 9999"):
        to_utc(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))))


@REPEATABLE
@given(clock_s=st.floats(min_value=0, max_value=4e9))
def test_seconds_since_the_epoch_become_a_timestamp_of_whole_milliseconds_and_back(clock_s: float) -> None:
    moment = from_epoch(clock_s)
    assert moment.tzinfo is UTC
    assert moment.microsecond % 1000 == 0
    assert to_epoch(moment) == pytest.approx(clock_s, abs=0.000501)


def period(limit: str) -> bytes:
    return (
        b'{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":'
        b'"TxProfile","chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"W","minChargingRate":%s,'
        b'"chargingSchedulePeriod":[{"startPeriod":0,"limit":%s}]}}}' % (limit.encode(), limit.encode())
    )


@pytest.mark.requirement("OCPP-7-7")
@pytest.mark.parametrize("limit", ["8.1", "21.4", "0.7", "0.3", "32", "0", "-0.1", "180000", "21.40", "1e3", "99999.9"])
def test_a_limit_with_at_most_one_decimal_is_accepted_as_it_is(limit: str) -> None:
    request = ACTIONS["SetChargingProfile"].decode_request(period(limit))
    encoded = json.loads(msgspec.json.encode(request))["csChargingProfiles"]["chargingSchedule"]
    assert encoded["chargingSchedulePeriod"][0]["limit"] == float(limit)
    assert encoded["minChargingRate"] == float(limit)


@pytest.mark.requirement("OCPP-7-7")
@pytest.mark.parametrize("limit", ["21.45", "0.01", "8.1000001", "-3.14", "1e-2", "99999.99"])
def test_a_limit_with_two_decimals_is_refused(limit: str) -> None:
    with pytest.raises(PayloadFault) as caught:
        ACTIONS["SetChargingProfile"].decode_request(period(limit))
    assert caught.value.code is ErrorCode.PropertyConstraintViolation


@REPEATABLE
@given(tenths=st.integers(-(10**13), 10**13))
def test_every_number_of_tenths_has_one_decimal_and_every_other_of_hundredths_has_not(tenths: int) -> None:
    assert has_one_decimal(tenths / 10)
    assert not has_one_decimal((tenths * 10 + 5) / 100)


def test_texts_of_ci_strings_compare_without_regard_to_case() -> None:
    assert same_text("B4f62cEF", "b4F62Cef")
    assert not same_text("B4F62CEF", "B4F62CEE")
