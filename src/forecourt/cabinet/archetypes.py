"""Kinds of cars to plug in, from the files in `cars/`, which ship with the package. None is a car on sale.

Each file says where its kind of figure comes from; `docs/cars.md` compares one with published measurements.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

from forecourt.cabinet.catalogue import CarFile, read_car

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.cabinet.car import Car

NAMES = ("family", "city", "long-range", "800-volt", "van", "truck", "chademo")
"""The first that fits a gun hangs on it when no other is said."""
ALIASES = {"small": "city", "long-distance": "800-volt"}
"""Older names."""


def _shipped(name: str) -> CarFile:
    data = pkgutil.get_data("forecourt.cabinet", f"cars/{name}.toml")
    assert data is not None, "the files of the cars ship with the package"
    return read_car(data, f"{name}.toml")


CATALOGUE: dict[str, CarFile] = {name: _shipped(name) for name in NAMES}
"""What the files say, by the name that a command or a request uses."""
ARCHETYPES: dict[str, Car] = {name: file.car for name, file in CATALOGUE.items()}
"""The cars alone."""

FAMILY_CAR = ARCHETYPES["family"]
LONG_DISTANCE_CAR = ARCHETYPES["800-volt"]
SMALL_CAR = ARCHETYPES["city"]
CHADEMO_CAR = ARCHETYPES["chademo"]


def find_car(name: str, others: Mapping[str, Car]) -> Car | None:
    """The car of a name: one of `others`, an archetype, or an archetype by its older name; None for none."""
    return others.get(name) or ARCHETYPES.get(ALIASES.get(name, name))
