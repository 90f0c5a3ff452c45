"""The primitive types of OCPP 1.6 section 6 and 7, with their limits.

Text: a CiString is checked for its length only, as the published schemas do. The standard also asks for printable
ASCII, but a central system that refused a badge for an umlaut would lose a session over nothing. Upper and lower case
are kept as they came; who compares does so with `same_text`.

Timestamps: every `datetime` in a record is aware and in UTC. Whatever offset came in, the record holds the same instant
in UTC, so that what goes out always ends in Z (section 3.15).

Integers: the schemas set no limit. Ours is 64 bits with sign, because what arrives must also fit into a store.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

T = TypeVar("T")

CiString20 = Annotated[str, Meta(max_length=20)]
CiString25 = Annotated[str, Meta(max_length=25)]
CiString50 = Annotated[str, Meta(max_length=50)]
CiString255 = Annotated[str, Meta(max_length=255)]
CiString500 = Annotated[str, Meta(max_length=500)]
IdToken = CiString20
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
DateTime = Annotated[datetime, Meta(tz=True)]
OneDecimal = Annotated[float, Meta(extra={"decimals": 1})]
"""A number with at most one decimal; the record that holds it calls `require_one_decimal`."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A message or a part of one. Optional fields that are absent are `UNSET`; null is no value in OCPP."""


def to_utc(moment: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive one, or one that UTC cannot express."""
    if moment.tzinfo is None:
        raise ValueError(f"expected a date and time with a zone, came {moment.isoformat()}")
    try:
        return moment.astimezone(UTC)
    except OverflowError as overflow:
        raise ValueError(f"expected a date and time within the years 1 to 9999 of UTC, came {moment}") from overflow


def keep_utc(record: Record, *names: str) -> None:
    """Turn the timestamps of a record under construction to UTC. Called from `__post_init__` only."""
    for name in names:
        moment = getattr(record, name)
        if moment is not UNSET and moment.tzinfo is not UTC:
            msgspec.structs.force_setattr(record, name, to_utc(moment))


def has_one_decimal(number: float) -> bool:
    """Whether the shortest decimal text of a number has at most one decimal: 21.4 has, 21.45 has not.

    Rounding to a decimal goes over that text, so no binary remainder gets in the way.
    """
    return round(number, 1) == number


def require_one_decimal(name: str, number: float) -> None:
    """Raise ValueError unless `number` has at most one decimal (schema: a multiple of 0.1)."""
    if not has_one_decimal(number):
        raise ValueError(f"expected {name} with at most one decimal, came {number}")


def given(value: T | UnsetType) -> T | None:
    """An optional field for those who want None where it is absent."""
    return None if value is UNSET else value


def same_text(one: str, other: str) -> bool:
    """Whether two CiStrings are equal: without regard to case (section 2.2)."""
    return one.casefold() == other.casefold()


def from_epoch(clock_s: float) -> datetime:
    """A timestamp, in UTC and whole milliseconds, from seconds since the epoch."""
    return EPOCH + timedelta(milliseconds=round(clock_s * 1000))


def to_epoch(moment: datetime) -> float:
    """Seconds since the epoch of a timestamp."""
    return (moment - EPOCH).total_seconds()
