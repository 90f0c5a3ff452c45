"""Which CALLERROR code a refused payload gets (OCPP-J 1.6 section 4.2.3).

The decoder is fast and says in one sentence of English what it did not like; the code that the peer is owed cannot be
read from that. So a refused payload is decoded again as plain JSON and walked beside the record's type, field by field:

    missing required field                                          ProtocolError
    field that the message does not have; payload not an object     FormationViolation
    wrong JSON type, null included                                  TypeConstraintViolation
    list too short or too long                                      OccurenceConstraintViolation
    bad enum value, date, number of decimals; text too long;
    number out of range                                             PropertyConstraintViolation

Of several faults the one is told that stands first in this list, and of those of one code the first in the order of the
record's fields. Values are not repeated in the description unless they belong to an enum: they may be secrets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import inspect

from forecourt.ocpp.errors import ErrorCode, PayloadFault
from forecourt.ocpp.types import DateTime, has_one_decimal, to_utc

if TYPE_CHECKING:
    from enum import Enum

    from forecourt.ocpp.types import Record

_ORDER: Final = (
    ErrorCode.ProtocolError,
    ErrorCode.FormationViolation,
    ErrorCode.TypeConstraintViolation,
    ErrorCode.OccurenceConstraintViolation,
    ErrorCode.PropertyConstraintViolation,
)
_SHOWN_CHARACTERS: Final = 40
_SHOWN_VALUES: Final = 8


class _Fault(NamedTuple):
    code: ErrorCode
    path: str
    expected: str
    came: str


_Walk: TypeAlias = Callable[[Any, Any, str], Iterator[_Fault]]

# A float too large for Python becomes infinite here, and is told as out of range rather than as bad JSON.
_plain: Final = msgspec.json.Decoder(float_hook=float).decode


def payload_fault(payload: bytes, record: type[Record], refusal: Exception) -> PayloadFault:
    """Why `payload` is no `record`. `refusal` is what the decoder said when it refused."""
    try:
        value = _plain(payload)
    except msgspec.ValidationError as out_of_range:
        return _told(_Fault(ErrorCode.PropertyConstraintViolation, "payload", "numbers in range", str(out_of_range)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        return _told(_Fault(ErrorCode.FormationViolation, "payload", "valid JSON in UTF-8", str(broken)))
    if not isinstance(value, dict):
        return _told(_Fault(ErrorCode.FormationViolation, "payload", "an object", json_kind(value)))
    faults = _faults(value, _type_info(record), "")
    worst = min(faults, key=lambda fault: _ORDER.index(fault.code), default=None)
    if worst is None:
        return PayloadFault(ErrorCode.GenericError, str(refusal))
    return _told(worst)


def _told(fault: _Fault) -> PayloadFault:
    description = f"{fault.path}: expected {fault.expected}, came {fault.came}"
    return PayloadFault(fault.code, description, {"path": fault.path, "expected": fault.expected, "came": fault.came})


@cache
def _type_info(record: type[Record]) -> inspect.Type:
    return inspect.type_info(record)


def _faults(value: object, kind: inspect.Type, path: str) -> Iterator[_Fault]:
    if isinstance(kind, inspect.Metadata):
        yield from _faults(value, kind.type, path)
        if not isinstance(value, bool) and isinstance(value, int | float):
            yield from _decimals(value, (kind.extra or {}).get("decimals"), path)
        return
    yield from _WALKS[type(kind)](value, kind, path)


def _object(value: object, kind: inspect.StructType, path: str) -> Iterator[_Fault]:
    if not isinstance(value, dict):
        yield _wrong_type(path, "an object", value)
        return
    names = {field.encode_name for field in kind.fields}
    for name in value:
        if name not in names:
            where = _below(path, name[:_SHOWN_CHARACTERS])
            yield _Fault(ErrorCode.FormationViolation, where, "no such field", json_kind(value[name]))
    for field in kind.fields:
        where = _below(path, field.encode_name)
        if field.encode_name in value:
            yield from _faults(value[field.encode_name], field.type, where)
        elif field.required:
            yield _Fault(ErrorCode.ProtocolError, where, "a value", "nothing")


def _list(value: object, kind: inspect.VarTupleType, path: str) -> Iterator[_Fault]:
    if not isinstance(value, list):
        yield _wrong_type(path, "an array", value)
        return
    if kind.min_length is not None and len(value) < kind.min_length:
        yield _wrong_count(path, f"at least {kind.min_length} items", value)
    if kind.max_length is not None and len(value) > kind.max_length:
        yield _wrong_count(path, f"at most {kind.max_length} items", value)
    for index, item in enumerate(value):
        yield from _faults(item, kind.item_type, f"{path}[{index}]")


def _text(value: object, kind: inspect.StrType, path: str) -> Iterator[_Fault]:
    if not isinstance(value, str):
        yield _wrong_type(path, "text", value)
    elif kind.max_length is not None and len(value) > kind.max_length:
        yield _bad_value(path, f"text of at most {kind.max_length} characters", f"{len(value)} characters")


def _enum(value: object, kind: inspect.EnumType, path: str) -> Iterator[_Fault]:
    if not isinstance(value, str):
        yield _wrong_type(path, "text", value)
    elif value not in _values(kind.cls):
        allowed = _values(kind.cls)
        named = ", ".join(allowed) if len(allowed) <= _SHOWN_VALUES else f"the {len(allowed)} of {kind.cls.__name__}"
        yield _bad_value(path, f"one of {named}", repr(value[:_SHOWN_CHARACTERS]))


def _integer(value: object, kind: inspect.IntType, path: str) -> Iterator[_Fault]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield _wrong_type(path, "an integer", value)
    elif (kind.ge is not None and value < kind.ge) or (kind.le is not None and value > kind.le):
        yield _bad_value(path, f"an integer from {kind.ge} to {kind.le}", "one beyond")


def _number(value: object, kind: inspect.FloatType, path: str) -> Iterator[_Fault]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield _wrong_type(path, "a number", value)
    elif not _finite(value):
        yield _bad_value(path, "a number that a double can hold", "one beyond")


def _decimals(value: float, decimals: int | None, path: str) -> Iterator[_Fault]:
    if decimals is not None and _finite(value) and not has_one_decimal(float(value)):
        yield _bad_value(path, "a number with at most one decimal", str(value))


def _boolean(value: object, kind: inspect.BoolType, path: str) -> Iterator[_Fault]:
    if not isinstance(value, bool):
        yield _wrong_type(path, "true or false", value)


def _moment(value: object, kind: inspect.DateTimeType, path: str) -> Iterator[_Fault]:
    if not isinstance(value, str):
        yield _wrong_type(path, "text with a date and time", value)
        return
    try:
        to_utc(msgspec.convert(value, DateTime))
    except ValueError:  # msgspec's ValidationError is one
        yield _bad_value(path, "a date and time with a zone, such as 2026-11-22T13:37:00Z", "other text")


_WALKS: Final[dict[type[inspect.Type], _Walk]] = {
    inspect.StructType: _object,
    inspect.VarTupleType: _list,
    inspect.StrType: _text,
    inspect.EnumType: _enum,
    inspect.IntType: _integer,
    inspect.FloatType: _number,
    inspect.BoolType: _boolean,
    inspect.DateTimeType: _moment,
}


@cache
def _values(kind: type[Enum]) -> tuple[str, ...]:
    return tuple(str(member.value) for member in kind)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _wrong_type(path: str, expected: str, value: object) -> _Fault:
    return _Fault(ErrorCode.TypeConstraintViolation, path, expected, json_kind(value))


def _wrong_count(path: str, expected: str, value: list[object]) -> _Fault:
    return _Fault(ErrorCode.OccurenceConstraintViolation, path, expected, str(len(value)))


def _bad_value(path: str, expected: str, came: str) -> _Fault:
    return _Fault(ErrorCode.PropertyConstraintViolation, path, expected, came)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


_KINDS: Final[dict[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "text",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def json_kind(value: object) -> str:
    """What a decoded JSON value is, in words."""
    if isinstance(value, float) and not value.is_integer():
        return "a number with a fraction"
    return _KINDS[type(value)]
