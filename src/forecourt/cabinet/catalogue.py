"""A car as a file: TOML with the values of a `Car`, a title, and a sentence for each value that says where it is from.

The loader is strict. A value that no car has, one that cannot be, and one that does not say where it is from are
refused, each by its name and with what was expected: a misspelt value that was left out silently would charge another
car than the one that was meant.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

import msgspec

from forecourt.cabinet.car import FAILING, Car, CarError, OutputType
from forecourt.errors import ForecourtError
from forecourt.evlink.nearest import nearest

SIZE_MAX = 65_536
"""Bytes; a car takes about two thousand."""
VALUES = Car.__struct_fields__
"""What a file may say of a car, besides `title` and `sources`."""
_PLACE = re.compile(r" - at `\$\.?(.*)`$")


class CarFileError(ForecourtError):
    """A file that describes no car: one sentence with the file, the value and what was expected."""

    def __init__(self, file: str, sentence: str) -> None:
        super().__init__(f"{file}: {sentence}")
        self.file = file


class CarFile(msgspec.Struct, frozen=True):
    """What a file says."""

    title: str
    """What kind of car it is, for people."""
    car: Car
    sources: dict[str, str]
    """For each value that the file gives, where it is from."""


def read_car(data: bytes, file: str) -> CarFile:
    """The car that a file describes; `file` is its name, for the refusal. Raises `CarFileError`."""
    values = _table(data, file)
    title, sources = values.pop("title", None), values.pop("sources", None)
    if not isinstance(title, str) or not title.strip():
        raise CarFileError(file, f"title is a text, what kind of car it is, but {_short(title)} came.")
    if not isinstance(sources, dict):
        raise CarFileError(file, f"sources is a table with a sentence for each value, but {_short(sources)} came.")
    for name in values:
        if name not in VALUES:
            meant = nearest(name, VALUES) or VALUES
            raise CarFileError(file, f"a car has no {name}; expected {' or '.join(meant)}.")
    _check_sources(file, values, sources)
    return CarFile(title, _car(file, values), sources)


def _table(data: bytes, file: str) -> dict[str, Any]:
    if len(data) > SIZE_MAX:
        raise CarFileError(file, f"a car's file has at most {SIZE_MAX} bytes, but {len(data)} came.")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CarFileError(file, f"expected UTF-8, but the byte at {error.start} is none.") from error
    except (ValueError, RecursionError) as error:  # a ValueError of int() too, for a number of thousands of digits
        raise CarFileError(file, f"expected TOML, but it is none: {str(error).rstrip('.')}.") from error


def _check_sources(file: str, values: dict[str, Any], sources: dict[str, Any]) -> None:
    for name in values:
        if name not in sources:
            raise CarFileError(file, f"sources has no {name}; expected a sentence that says where the value is from.")
    for name, sentence in sources.items():
        if name not in values:
            raise CarFileError(file, f"sources has {name}, but the file gives no such value; expected it, or neither.")
        if not isinstance(sentence, str) or not sentence.strip():
            raise CarFileError(file, f"sources.{name} is a sentence, but {_short(sentence)} came.")


def _car(file: str, values: dict[str, Any]) -> Car:
    try:
        return msgspec.convert(values, Car)
    except OverflowError as error:
        raise CarFileError(file, "a number is larger than any value of a car may be.") from error
    except msgspec.ValidationError as refusal:
        if isinstance(refusal.__cause__, CarError):
            raise CarFileError(file, str(refusal.__cause__)) from refusal
        said, place = str(refusal), ""
        if found := _PLACE.search(said):
            said, place = said[: found.start()], found[1].replace("[...]", "")
        if said.startswith("Invalid enum value"):
            said = f"{said}; expected {' or '.join(OutputType if place.startswith('inlets') else FAILING)}"
        raise CarFileError(file, f"{f'{place}: ' if place else ''}{said.replace('`', '')}.") from refusal


def _short(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
