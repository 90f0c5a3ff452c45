"""Files stay small and hold nothing that belongs to one machine or to another day."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

FUNCTION_LINES = 70
MODULE_LINES = 800

LONGER_FUNCTIONS: frozenset[str] = frozenset()
"""`path::name` of functions that may be longer. This list may only shrink."""

LONGER_MODULES: frozenset[str] = frozenset()
"""Tables of data that may be longer. This list may only shrink."""

TEXT_SUFFIXES = {".cfg", ".css", ".html", ".ini", ".js", ".json", ".mako", ".md", ".py", ".sh", ".sql", ".toml", ".txt"}
TEXT_NAMES = {"LICENSE", "Makefile", "NOTICE", "run", "venv", ".gitignore"}
SKIPPED_FOLDERS = re.compile(
    r"\.git|\.venv.*|node_modules|__pycache__|\..*_cache|\.hypothesis|htmlcov|build|.*\.egg-info"
)

# Written in pieces, so that this file does not find itself.
FORBIDDEN = {
    "a note to do it later": re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b"),
    "a path of one machine": re.compile(r"(?<![\w.$)}])/(wo" + r"rk|ro" + r"ot|home/\w+|tmp/\w+)/"),
    "the host of a package registry": re.compile(r"py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.(org|com)"),
}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if SKIPPED_FOLDERS.fullmatch(path.name):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.suffix in TEXT_SUFFIXES or path.name in TEXT_NAMES:
            yield path


@cache
def _python_files() -> list[Path]:
    return [path for path in _files(ROOT) if path.suffix == ".py"]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def long_functions(source: str, limit: int = FUNCTION_LINES) -> dict[str, int]:
    """Functions whose lines, without those of the docstring, are more than `limit`."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if lines > limit:
                found[node.name] = lines
    return found


@pytest.mark.parametrize("path", _python_files(), ids=_name)
def test_python_file_is_short_and_so_are_its_functions(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    assert lines <= MODULE_LINES or _name(path) in LONGER_MODULES, f"{_name(path)} has {lines} lines: split it."
    for function, length in long_functions(source).items():
        exempt = f"{_name(path)}::{function}" in LONGER_FUNCTIONS
        assert exempt, f"{function} in {_name(path)} has {length} lines: split it."


def test_a_long_function_is_found_without_its_docstring() -> None:
    body = "    x = 1\n"
    docstring = '    """One.\n\n    Two.\n    """\n'
    assert long_functions("def f():\n" + body * 69) == {}
    assert long_functions("def f():\n" + docstring + body * 69) == {}
    assert long_functions("class C:\n  def f(self):\n" + body * 70) == {"f": 71}


def test_exempt_files_exist() -> None:
    """An exemption that is not needed any more is struck off."""
    for name in {*LONGER_MODULES, *(function.partition("::")[0] for function in LONGER_FUNCTIONS)}:
        assert (ROOT / name).is_file(), f"{name} is exempt and gone: strike it off the list."


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_file_holds(kind: str) -> None:
    for path in _files(ROOT):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not FORBIDDEN[kind].search(line), f"{_name(path)}:{number} holds {kind}: {line.strip()[:100]}"


@pytest.mark.parametrize(
    ("kind", "line", "holds"),
    [
        ("a note to do it later", "# TO" + "DO: later", True),
        ("a note to do it later", "the to" + "do list", False),
        ("a path of one machine", "open('/wo" + "rk/main/x')", True),
        ("a path of one machine", "https://example.org/ho" + "me/x/", False),
        ("a path of one machine", "$(ROOT)/wo" + "rk/x", False),
        ("the host of a package registry", "https://py" + "pi.org/simple", True),
    ],
)
def test_what_no_file_may_hold_is_recognised(kind: str, line: str, holds: bool) -> None:
    assert bool(FORBIDDEN[kind].search(line)) is holds


def test_constraints_name_packages_and_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), f"constraints.txt: {line}"
