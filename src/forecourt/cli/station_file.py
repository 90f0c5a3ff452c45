"""What a station is told by `--option` and by a file: three tables of TOML, each name of which must be known.

    [commissioning]
    url = "ws://127.0.0.1:9000/ocpp"    # as --url; likewise id, model, serial and firmware
    id = "CP-1"

    [keys]
    HeartbeatInterval = 60              # as --set: text, a whole number, true or false

    [options]
    accept_amperes = true               # as --option

The command line goes before the file.
"""

from __future__ import annotations

import tomllib
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import msgspec

from forecourt.errors import ForecourtError
from forecourt.evlink.keys import Key, require_key
from forecourt.evlink.nearest import nearest
from forecourt.runtime.data_folder import FLAGS
from forecourt.station.commissioning import StationOptions

if TYPE_CHECKING:
    from pathlib import Path


COUNT_MAX = 9
"""The most that an option which counts takes."""
FILE_MAX = 1 << 20
"""Bytes of a station's file."""
TABLES = ("commissioning", "keys", "options")
COMMISSIONED = {flag.removeprefix("--"): name for name, flag in FLAGS.items()}
"""The names in the file, which are those of the command line, and the fields of a commissioning."""


class OptionError(ForecourtError):
    """No option, or not what it takes."""


class StationFileError(ForecourtError):
    """A station's file that says something else than expected: its name, where, what was expected and what came."""


class StationFile(msgspec.Struct, frozen=True):
    """What a file says, checked as far as it can be without the rest."""

    commissioning: dict[str, str] = {}
    """By the field of a commissioning."""
    settings: list[tuple[Key, str]] = []
    options: dict[str, str] = {}


def read_station_file(path: Path) -> StationFile:
    """The file at a path. Raises `StationFileError`."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX + 1)
    except OSError as error:
        raise StationFileError(f"{path}: a file that can be read was expected: {error.strerror}.") from error
    if len(data) > FILE_MAX:
        raise StationFileError(f"{path}: at most {FILE_MAX} bytes were expected, more came.")
    try:
        tables = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StationFileError(f"{path}: TOML was expected: {str(error).rstrip('.')}.") from error
    try:
        return _station_file(tables)
    except ForecourtError as error:
        raise StationFileError(f"{path}: {error}") from error


def option_values() -> dict[str, tuple[str, ...]]:
    """What each option takes, from the fields of `StationOptions`, where its meaning is written."""
    values: dict[str, tuple[str, ...]] = {}
    for field in msgspec.structs.fields(StationOptions):
        kinds = [kind for kind in (field.type, *get_args(field.type)) if isinstance(kind, type)]
        if bool in kinds:
            values[field.name] = ("true", "false")
        elif int in kinds:
            values[field.name] = tuple(str(number) for number in range(COUNT_MAX + 1))
        elif get_origin(field.type) is Literal:
            values[field.name] = tuple(str(value) for value in get_args(field.type))
        for kind in kinds:
            if issubclass(kind, Enum):
                values[field.name] = tuple(str(member.value) for member in kind)
    return values


def checked_option(name: str, value: str) -> tuple[str, str]:
    """An option and its value in their own spelling. Raises `OptionError`, for a name that is none with all names."""
    values = option_values()
    found = name.strip().lower().replace("-", "_")
    if found not in values:
        near = nearest(found, list(values))
        hint = f"nearest is {near[0]} of {', '.join(values)}" if near else f"expected one of {', '.join(values)}"
        raise OptionError(f"{name.strip()!r} is no option; {hint}.")
    wanted = value.strip().lower().replace("-", " ").replace("_", " ")
    if wanted not in values[found]:
        raise OptionError(f"{found} takes {' or '.join(values[found])}; {value!r} came.")
    return found, wanted


def options_of(given: dict[str, str], speed: float) -> StationOptions:
    """The options with the values given by name, all checked before."""
    return msgspec.convert(given | {"speed": speed}, StationOptions, strict=False)


def checked_setting(name: str, value: str) -> tuple[Key, str]:
    """A row of the key table and its checked value; a password is judged by the station, which knows its options.

    Raises `UnknownKey` and `ValueRefused`.
    """
    key = require_key(name.strip())
    return key, value if key.name == "AuthorizationKey" else key.check(value)


def _station_file(tables: dict[str, Any]) -> StationFile:
    for name, table in tables.items():
        if name not in TABLES:
            raise StationFileError(f"the tables {', '.join(TABLES)} were expected, {name!r} came.")
        if not isinstance(table, dict):
            raise StationFileError(f"{name} was expected to be a table, {_said(table)} came.")
    commissioning: dict[str, str] = {}
    for name, value in tables.get("commissioning", {}).items():
        if name not in COMMISSIONED:
            raise StationFileError(f"commissioning takes {', '.join(COMMISSIONED)}; {name!r} came.")
        if not isinstance(value, str):
            raise StationFileError(f"commissioning.{name} was expected to be text, {_said(value)} came.")
        commissioning[COMMISSIONED[name]] = value
    settings: dict[str, tuple[Key, str]] = {}
    for name, value in tables.get("keys", {}).items():
        key, checked = checked_setting(name, _text(f"keys.{name}", value))
        if key.name in settings:
            raise StationFileError(f"{key.name} was expected once under keys, it came twice, also as {name!r}.")
        settings[key.name] = (key, checked)
    options = [
        checked_option(name, _text(f"options.{name}", value)) for name, value in tables.get("options", {}).items()
    ]
    return StationFile(commissioning, list(settings.values()), dict(options))


def _text(name: str, value: object) -> str:
    """A value as on the command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise StationFileError(f"{name} was expected to be text, a number, true or false; {_said(value)} came.")


def _said(value: object) -> str:
    return f"{value!r:.60}"
