"""The pure rings take in nothing ambient, and the ban itself is tested on small bad modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house_purity import ALLOWED_IMPORTS, BANNED_IMPORTS, OUTER_RINGS, PURE_RINGS, complaints, is_pure

SOURCE = Path(__file__).parents[2] / "src" / "forecourt"
PURE = sorted(
    path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if is_pure(path.relative_to(SOURCE).as_posix())
)


@pytest.mark.parametrize("module", PURE)
def test_pure_module_takes_in_nothing_ambient(module: str) -> None:
    found = complaints((SOURCE / module).read_text(encoding="utf-8"), module)
    assert not found, f"{module} belongs to a pure ring:\n" + "\n".join(found)


@pytest.mark.parametrize("module", ALLOWED_IMPORTS)
def test_an_exception_is_still_needed_and_is_one_of_its_module_alone(module: str) -> None:
    source = (SOURCE / module).read_text(encoding="utf-8")
    excused = [line for line in complaints(source) if line not in complaints(source, module)]
    assert len(excused) == len(ALLOWED_IMPORTS[module])
    assert complaints(source, "cabinet/another.py") == complaints(source)


def test_every_folder_is_a_pure_or_an_outer_ring() -> None:
    """A new ring must say which of the two it is."""
    folders = {path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.glob("*/__init__.py")}
    assert folders <= {*PURE_RINGS, *OUTER_RINGS}


@pytest.mark.parametrize(
    ("module", "pure"),
    [
        ("station/station.py", True),
        ("supervision/core.py", True),
        ("supervision/store.py", False),
        ("supervision/api_registries.py", False),
        ("supervision/schema.py", False),
        ("supervision/migrations/env.py", False),
        ("runtime/link.py", False),
        ("cli/main.py", False),
        ("errors.py", False),
    ],
)
def test_the_ban_knows_which_modules_are_pure(module: str, pure: bool) -> None:
    assert is_pure(module) is pure


@pytest.mark.parametrize("module", BANNED_IMPORTS)
def test_a_banned_import_is_found_in_each_of_its_forms(module: str) -> None:
    instead = BANNED_IMPORTS[module]
    parent, _, child = module.rpartition(".")
    forms = [f"import {module}", f"import {module} as other", f"from {module} import thing"]
    forms += [f"from {parent} import {child}"] if parent else [f"import {module}.deeper"]
    for form in forms:
        assert complaints(form) == [f"line 1: imports {module}; {instead}"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("open('f')", "SaveRecord"),
        ("print(1)", "driver logs"),
        ("x = datetime.now(UTC)", "take `now` as an argument"),
        ("x = datetime.datetime.utcnow()", "take `now` as an argument"),
        ("x = date.today()", "take `now` as an argument"),
        ("x = datetime.fromtimestamp(now)", "pass UTC"),
        ("x = moment.astimezone()", "pass UTC"),
        ("x = hash(name)", "differs from process to process"),
        ("async def run() -> None: ...", "next deadline"),
        ("def f() -> None:\n    import time", "take `now` as an argument"),
        ("for x in {1, 2}: pass", "iterates over a set"),
        ("for x in set(y): pass", "iterates over a set"),
        ("z = [x for x in frozenset(y)]", "iterates over a set"),
        ("z = list({1, 2})", "list() on a set"),
        ("z = ','.join(set(y))", "joins a set"),
        ("z = [*{1, 2}]", "unpacks a set"),
        ("z: set[int] = f()\nfor x in z: pass", "iterates over a set"),
        ("def f(z: frozenset[str]) -> None:\n    for x in z: pass", "iterates over a set"),
        ("Z = frozenset({1})\nfor x in Z: pass", "iterates over a set"),
        ("class C:\n  z: set[int]\n  def f(self) -> int:\n    return self.z.pop()", "pops from a set"),
    ],
)
def test_the_ban_finds_a_small_bad_module_and_names_the_replacement(source: str, words: str) -> None:
    found = complaints(source)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC, datetime\nx = datetime.fromtimestamp(now, UTC)",
        "from . import random_walk",
        "from forecourt.station.time_table import T",
        "from urllib.parse import quote",
        "x = clock.now()",
        "for x in sorted({1, 2}): pass",
        "x = 3 in {1, 2}",
        "x = queue.pop()",
    ],
)
def test_the_ban_leaves_a_good_module_alone(source: str) -> None:
    assert complaints(source) == []
