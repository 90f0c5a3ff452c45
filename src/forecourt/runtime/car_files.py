"""A user's own cars: a folder of TOML files, read once at the start. A file's name without `.toml` is the car's.

The control API takes these names and never a path: whoever can plug a car in must not be able to name any file of
the machine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forecourt.cabinet.archetypes import ALIASES, ARCHETYPES
from forecourt.cabinet.catalogue import SIZE_MAX, CarFileError, read_car

if TYPE_CHECKING:
    from pathlib import Path

    from forecourt.cabinet.car import Car

CARS_MAX = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def load_cars(folder: Path) -> dict[str, Car]:
    """The cars of a folder by their names, in the order of these. Raises `CarFileError`, a sentence with the file."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        raise CarFileError(str(folder), f"a folder with the files of cars was expected: {error.strerror}.") from error
    if not 1 <= len(paths) <= CARS_MAX:
        raise CarFileError(
            str(folder), f"expected 1 to {CARS_MAX} files that end in .toml, but {len(paths)} are there."
        )
    return {_name(path): _car(path) for path in paths}


def _name(path: Path) -> str:
    if not _NAME.fullmatch(path.stem):
        expected = "a name of 1 to 40 letters, digits, hyphens and underscores before .toml"
        raise CarFileError(str(path), f"expected {expected}, for it is the car's.")
    if path.stem in ARCHETYPES or path.stem in ALIASES:
        raise CarFileError(str(path), f"{path.stem} is the name of a car that is built in; expected another.")
    return path.stem


def _car(path: Path) -> Car:
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MAX + 1)
    except OSError as error:
        raise CarFileError(str(path), f"a file that can be read was expected: {error.strerror}.") from error
    return read_car(data, str(path)).car
