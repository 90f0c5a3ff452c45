"""Imports point inwards only: the contracts of import-linter in `pyproject.toml`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house_purity import imported_modules, is_pure

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "forecourt"
SHARED = ("errors.py", "__init__.py")
"""Modules beside the rings that every ring may use."""


def _path_of(imported: str) -> str:
    """`ocpp/core/Reset` or `ocpp/core` -> `ocpp/core.py`; `ocpp` -> `ocpp/__init__.py`."""
    while imported:
        if (SOURCE / f"{imported}.py").is_file():
            return f"{imported}.py"
        if (SOURCE / imported / "__init__.py").is_file():
            return f"{imported}/__init__.py"
        imported = imported.rpartition("/")[0]
    return "__init__.py"


PURE = sorted(
    path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if is_pure(path.relative_to(SOURCE).as_posix())
)


@pytest.mark.parametrize("module", PURE)
def test_pure_module_imports_pure_modules_only(module: str) -> None:
    """So the core of the supervision does not know its store, nor does the world."""
    paths = [_path_of(name) for name in imported_modules((SOURCE / module).read_text(encoding="utf-8"))]
    impure = [path for path in paths if not is_pure(path) and path not in SHARED]
    assert not impure, f"{module} is pure, and {impure[0]} is not: turn the import around, or take a protocol."


def test_an_import_of_the_outside_is_seen_in_each_of_its_forms() -> None:
    assert imported_modules("from forecourt.supervision.store import Store") == ["supervision/store/Store"]
    assert imported_modules("import forecourt.supervision.store") == ["supervision/store"]
    assert imported_modules("from forecourt.supervision import store") == ["supervision/store"]
    assert imported_modules("if TYPE_CHECKING:\n    from forecourt.cli import main") == ["cli/main"]
    assert imported_modules("import json") == []


def test_the_import_contracts_are_kept() -> None:
    """In a process of its own: import-linter reads the tree from its working folder."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
