"""Our records against the JSON schemas that the PyPI package `ocpp` ships, for requests and responses of all actions.

Whatever a schema allows, ours decodes; a payload with one thing wrong, anywhere, is refused by both, ours with the code
of OCPP-J 4.2.3. Where ours differs on purpose stands in `DIFFERENCES`, and nowhere else.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.ocpp.actions import ACTIONS
from forecourt.ocpp.errors import ErrorCode, PayloadFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forecourt.ocpp.types import Record

Schema: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]

MESSAGES = [f"{name}{side}" for name in ACTIONS for side in ("Request", "Response")]
REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=50)


@cache
def schema_of(message: str) -> Schema:
    name = message.removesuffix("Request") + ".json"
    text = (resources.files("ocpp") / "v16" / "schemas" / name).read_text(encoding="utf-8-sig")
    schema: Schema = json.loads(text, parse_float=Decimal)
    return schema


@cache
def judge_of(message: str) -> Any:
    schema = schema_of(message)
    return jsonschema.validators.validator_for(schema)(schema)


def schema_accepts(message: str, payload: str) -> bool:
    return bool(judge_of(message).is_valid(json.loads(payload, parse_float=Decimal)))


def decode(message: str, payload: str) -> Record:
    action = ACTIONS[message.removesuffix("Request").removesuffix("Response")]
    return (action.decode_request if message.endswith("Request") else action.decode_response)(payload.encode())


def refusal(message: str, payload: str) -> ErrorCode | None:
    """The code with which ours refuses; None if it accepts."""
    try:
        decode(message, payload)
    except PayloadFault as fault:
        return fault.code
    return None


# What a schema allows.

MOMENTS = (
    "2026-11-22T13:37:00Z",
    "2026-11-22T13:37:00.5Z",
    "2026-11-22T13:37:00.123Z",
    "2026-11-22T15:37:00.123456+02:00",
    "2026-02-28T23:59:59-05:30",
    "2028-02-29T00:00:00+00:00",
)
LARGEST = 2**63 - 1
ONE_AT_LEAST = ("chargingSchedulePeriod", "sampledValue")  # of which the schemas allow none; see DIFFERENCES


def resolved(schema: Schema, root: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = root["definitions"][schema["$ref"].rpartition("/")[2]]
    return found


def texts(longest: int) -> st.SearchStrategy[str]:
    lengths = st.sampled_from(sorted({0, 1, longest - 1, longest}))
    letters = st.sampled_from(["a", "Z", "0", " ", "~", '"', "\\", "/", "\n", "é", "好", "🚗"])
    return st.builds(lambda length, letter: letter * length, lengths, letters)


def payloads(schema: Schema, root: Schema, least: int = 0) -> st.SearchStrategy[Any]:
    schema = resolved(schema, root)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("format") == "date-time":
        return st.sampled_from(MOMENTS)
    if schema["type"] == "string":
        return texts(schema.get("maxLength", 3000))
    if schema["type"] == "boolean":
        return st.booleans()
    if schema["type"] == "integer":
        return st.one_of(st.sampled_from([0, 1, -1, LARGEST, -LARGEST - 1]), st.integers(-LARGEST - 1, LARGEST))
    if schema["type"] == "number":
        return st.one_of(st.sampled_from([8.1, 21.4, 0.7, 0.3, 32]), st.integers(-(10**7), 10**7).map(lambda n: n / 10))
    if schema["type"] == "array":
        least = max(least, schema.get("minItems", 0))
        return st.lists(payloads(schema["items"], root), min_size=least, max_size=least + 2)
    return objects(schema, root)


def objects(schema: Schema, root: Schema) -> st.SearchStrategy[Any]:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    fields = {name: payloads(field, root, int(name in ONE_AT_LEAST)) for name, field in properties.items()}
    return st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )


def canonical(value: Any) -> Any:
    """The same payload with every timestamp as an instant, to compare what went in with what comes out."""
    if isinstance(value, dict):
        return {name: canonical(item) for name, item in value.items()}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, str) and value[:5] in ("2026-", "2028-"):
        return datetime.fromisoformat(value).astimezone(UTC)
    return value


@pytest.mark.parametrize("message", MESSAGES)
@REPEATABLE
@given(data=st.data())
def test_what_a_schema_allows_is_decoded_and_encoded_to_the_same(message: str, data: st.DataObject) -> None:
    payload = data.draw(payloads(schema_of(message), schema_of(message)))
    text = json.dumps(payload)
    assert schema_accepts(message, text)

    record = decode(message, text)

    encoded = msgspec.json.encode(record).decode()
    assert canonical(json.loads(encoded)) == canonical(payload)
    assert schema_accepts(message, encoded)
    assert decode(message, encoded) == record


# One thing wrong.


class Mutation(NamedTuple):
    what: str
    path: Path
    value: Any
    code: ErrorCode


class _Gone:
    """Stands for a field that is taken away."""


GONE = _Gone()
SAMPLES: dict[str, tuple[Any, ...]] = {
    "string": ("text",),
    "number": (7, 7.5),
    "boolean": (True,),
    "array": ([],),
    "object": ({},),
}
OPEN_ENUMS = {"TriggerMessageRequest", "ExtendedTriggerMessageRequest"}
ENUM_MUTATIONS = {"bad enum", "other case", "empty enum"}


def wrong_types(kind: str) -> Iterator[Any]:
    for other, samples in SAMPLES.items():
        if other != kind and not (kind == "integer" and other == "number"):
            yield from samples
    if kind == "integer":
        yield 7.5


def mutations(schema: Schema, root: Schema, value: Any, path: Path = ()) -> Iterator[Mutation]:
    schema = resolved(schema, root)
    if path:
        for other in wrong_types(schema["type"]):
            yield Mutation("wrong type", path, other, ErrorCode.TypeConstraintViolation)
        yield Mutation("null", path, None, ErrorCode.TypeConstraintViolation)
    yield from OWN_MUTATIONS[schema["type"]](schema, root, value, path)


def of_object(schema: Schema, root: Schema, value: Any, path: Path) -> Iterator[Mutation]:
    for name in schema.get("required", []):
        yield Mutation("missing", (*path, name), GONE, ErrorCode.ProtocolError)
    yield Mutation("extra", (*path, "notInTheSchema"), "text", ErrorCode.FormationViolation)
    for name, item in value.items():
        yield from mutations(schema["properties"][name], root, item, (*path, name))


def of_array(schema: Schema, root: Schema, value: Any, path: Path) -> Iterator[Mutation]:
    if schema.get("minItems", 0) > 0:
        yield Mutation("too few", path, [], ErrorCode.OccurenceConstraintViolation)
    for index, item in enumerate(value):
        yield from mutations(schema["items"], root, item, (*path, index))


def of_string(schema: Schema, root: Schema, value: Any, path: Path) -> Iterator[Mutation]:
    bad = ErrorCode.PropertyConstraintViolation
    if "enum" in schema:
        yield Mutation("bad enum", path, "NotInTheSchema", bad)
        yield Mutation("other case", path, value.swapcase(), bad)
        yield Mutation("empty enum", path, "", bad)
    elif "maxLength" in schema:
        yield Mutation("too long", path, "é" * (schema["maxLength"] + 1), bad)


def of_number(schema: Schema, root: Schema, value: Any, path: Path) -> Iterator[Mutation]:
    if "multipleOf" in schema:
        for other in (21.45, 0.01, -3.14159, 8.100000001):
            yield Mutation("two decimals", path, other, ErrorCode.PropertyConstraintViolation)


def nothing(schema: Schema, root: Schema, value: Any, path: Path) -> Iterator[Mutation]:
    yield from ()


OWN_MUTATIONS: dict[str, Callable[[Schema, Schema, Any, Path], Iterator[Mutation]]] = {
    "object": of_object,
    "array": of_array,
    "string": of_string,
    "number": of_number,
    "integer": nothing,
    "boolean": nothing,
}


def mutated(payload: Any, mutation: Mutation) -> str:
    whole = json.loads(json.dumps(payload))
    *way, last = mutation.path
    place = whole
    for step in way:
        place = place[step]
    if mutation.value is GONE:
        del place[last]
    else:
        place[last] = mutation.value
    return json.dumps(whole)


@pytest.mark.requirement("J-4.2.4-1")
@pytest.mark.parametrize("message", MESSAGES)
@settings(REPEATABLE, max_examples=6)
@given(data=st.data())
def test_one_thing_wrong_anywhere_is_refused_with_its_code(message: str, data: st.DataObject) -> None:
    """Missing, extra at every level, wrong type, null, too long, bad enum, too few, too many decimals."""
    schema = schema_of(message)
    payload = data.draw(payloads(schema, schema))
    for mutation in mutations(schema, schema, payload):
        text = mutated(payload, mutation)
        if message in OPEN_ENUMS and mutation.path == ("requestedMessage",) and mutation.what in ENUM_MUTATIONS:
            continue  # see DIFFERENCES
        assert not schema_accepts(message, text), mutation
        assert refusal(message, text) is mutation.code, mutation


def fullest(schema: Schema, root: Schema) -> Any:
    """A payload with every field that the schema knows, and one item in every list."""
    schema = resolved(schema, root)
    if schema["type"] == "object":
        return {name: fullest(field, root) for name, field in schema.get("properties", {}).items()}
    if schema["type"] == "array":
        return [fullest(schema["items"], root)]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return MOMENTS[0]
    return {"string": "text", "integer": 7, "number": 21.4, "boolean": True}[schema["type"]]


@pytest.mark.parametrize("message", MESSAGES)
def test_every_field_and_every_enum_value_of_a_schema_is_known(message: str) -> None:
    schema = schema_of(message)
    payload = fullest(schema, schema)
    decode(message, json.dumps(payload))
    for path, values in enums(schema, schema):
        for value in values:
            decode(message, mutated(payload, Mutation("enum", path, value, ErrorCode.GenericError)))


def enums(schema: Schema, root: Schema, path: Path = ()) -> Iterator[tuple[Path, list[str]]]:
    schema = resolved(schema, root)
    if "enum" in schema:
        yield path, schema["enum"]
    for name, field in schema.get("properties", {}).items():
        yield from enums(field, root, (*path, name))
    if "items" in schema:
        yield from enums(schema["items"], root, (*path, 0))


@pytest.mark.parametrize("message", MESSAGES)
def test_every_field_of_a_record_is_in_its_schema_with_the_same_obligation(message: str) -> None:
    schema = schema_of(message)
    action = ACTIONS[message.removesuffix("Request").removesuffix("Response")]
    record = action.request if message.endswith("Request") else action.response
    fields = msgspec.structs.fields(record)
    assert {field.name for field in fields} == set(schema.get("properties", {}))
    assert {field.name for field in fields if field.required} == set(schema.get("required", []))


@pytest.mark.parametrize("payload", ["[]", '"text"', "7", "true", "[{}]"])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_payload_that_is_no_object_is_refused(message: str, payload: str) -> None:
    assert not schema_accepts(message, payload)
    assert refusal(message, payload) is ErrorCode.FormationViolation


# Where ours differs from the schemas on purpose.

STOP = '{"transactionId":1,"meterStop":2,"timestamp":"2026-11-22T13:37:00Z","transactionData":%s}'
SAMPLE = '[{"timestamp":"2026-11-22T13:37:00Z","sampledValue":%s}]'
PROFILE = (
    '{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile",'
    '"chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"W","chargingSchedulePeriod":%s}}}'
)
BOOT = '{"status":"Accepted","currentTime":"%s","interval":%s}'
TOO_FEW = ErrorCode.OccurenceConstraintViolation
BAD = ErrorCode.PropertyConstraintViolation


class Difference(NamedTuple):
    why: str
    message: str
    payload: str
    ours: ErrorCode | None
    """None: ours accepts what the schema refuses; a code: ours refuses what the schema accepts."""


DIFFERENCES = [
    Difference(
        "an unknown trigger is answered NotImplemented, not a CALLERROR",
        "TriggerMessageRequest",
        '{"requestedMessage":"LogStatusNotification"}',
        None,
    ),
    Difference(
        "an unknown trigger is answered NotImplemented, not a CALLERROR",
        "ExtendedTriggerMessageRequest",
        '{"requestedMessage":"heartbeat"}',
        None,
    ),
    Difference("peers send Hertz, the schema knows it only in MeterValues", "StopTransactionRequest",
               STOP % (SAMPLE % '[{"value":"50","unit":"Hertz"}]'), None),
    Difference("a null payload counts as an empty object (OCPP-J 4.2.1)", "HeartbeatRequest", "null", None),
    Difference("a null payload counts as an empty object (OCPP-J 4.2.1)", "MeterValuesResponse", "null", None),
    Difference("sampledValue holds 1..* (1.6 section 7.33)", "StopTransactionRequest", STOP % (SAMPLE % "[]"), TOO_FEW),
    Difference("chargingSchedulePeriod holds 1..* (1.6 section 7.13)", "SetChargingProfileRequest", PROFILE % "[]",
               TOO_FEW),
    Difference("an integer has 64 bits", "BootNotificationResponse",
               BOOT % (MOMENTS[0], "9223372036854775808"), BAD),
    Difference("an integer has 64 bits", "RemoteStopTransactionRequest", '{"transactionId":-9223372036854775809}', BAD),
    Difference("a timestamp is a date and time", "BootNotificationResponse", BOOT % ("yesterday", "300"), BAD),
    Difference("a timestamp exists", "BootNotificationResponse", BOOT % ("2026-02-29T00:00:00Z", "300"), BAD),
    Difference("a timestamp has a zone", "BootNotificationResponse", BOOT % ("2026-11-22T13:37:00", "300"), BAD),
    Difference("an instant has a year in UTC", "BootNotificationResponse",
               BOOT % ("0001-01-01T00:00:00+02:00", "300"), BAD),
]  # fmt: skip


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.why.replace(" ", "-"))
def test_ours_differs_from_a_schema_on_purpose(difference: Difference) -> None:
    assert schema_accepts(difference.message, difference.payload) is (difference.ours is not None)
    assert refusal(difference.message, difference.payload) is difference.ours


def test_neither_checks_whether_a_location_is_a_uri() -> None:
    """`format: uri` is a note of the schema; a location that cannot be fetched is told by the file transfer."""
    payload = '{"location":"no uri at all","retrieveDate":"2026-11-22T13:37:00Z"}'
    assert schema_accepts("UpdateFirmwareRequest", payload)
    assert refusal("UpdateFirmwareRequest", payload) is None
