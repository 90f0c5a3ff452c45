"""The ban list of the pure rings: nothing ambient comes in, and nothing depends on the order of a set.

The rules are tables: what may not be imported, called or read, and what to use in its place. `complaints` walks the
syntax tree of one module and says a sentence for every place that breaks a rule.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PURE_RINGS = ("ocpp", "evlink", "station", "cabinet", "world", "supervision")
OUTER_RINGS = ("runtime", "screen", "cli", "testing")

IMPURE_MODULES = (
    "supervision/watchers.py",
    "supervision/readings.py",
    "supervision/readings_prices.py",
    "supervision/store*.py",
    "supervision/recall.py",
    "supervision/rows*.py",
    "supervision/schema*.py",
    "supervision/server*.py",
    "supervision/api*.py",
    "supervision/files*.py",
    "supervision/migrations/*",
)
"""What lives beside the supervision's pure core."""

_CLOCK = "take `now` as an argument"
_LUCK = "take a `Chance` as an argument"
_COUNT = "take a counter or the id itself as an argument"
_WAIT = "return an effect and name the next deadline"
_DRIVE = "return an effect, and let the runtime carry it out"
_FILE = "return a `SaveRecord` or `FetchFile` effect, and take the bytes as an argument"
_SETTING = "take the value as an argument"
_LOG = "return what happened as an effect; the driver logs"

BANNED_IMPORTS = {
    "asyncio": _WAIT,
    "anyio": _WAIT,
    "concurrent": _WAIT,
    "multiprocessing": _DRIVE,
    "queue": _WAIT,
    "sched": _WAIT,
    "select": _DRIVE,
    "selectors": _DRIVE,
    "signal": _DRIVE,
    "socket": _DRIVE,
    "socketserver": _DRIVE,
    "ssl": _DRIVE,
    "subprocess": _DRIVE,
    "threading": _WAIT,
    "time": _CLOCK,
    "zoneinfo": "use UTC; zones are files of the machine",
    "locale": _SETTING,
    "pkgutil": _FILE,
    "random": _LUCK,
    "secrets": _LUCK,
    "uuid": _COUNT,
    "tempfile": _FILE,
    "glob": _FILE,
    "io": _FILE,
    "os": _SETTING,
    "pathlib": _FILE,
    "shutil": _FILE,
    "sqlite3": _FILE,
    "sys": _SETTING,
    "platform": _SETTING,
    "getpass": _SETTING,
    "importlib": _FILE,
    "ctypes": _DRIVE,
    "gc": _DRIVE,
    "http": _DRIVE,
    "urllib.request": _DRIVE,
    "logging": _LOG,
    "structlog": _LOG,
    "warnings": _LOG,
    "alembic": _FILE,
    "httpx2": _DRIVE,
    "litestar": _DRIVE,
    "rich": _LOG,
    "sqlalchemy": _FILE,
    "typer": _DRIVE,
    "uvicorn": _DRIVE,
    "uvloop": _DRIVE,
    "websockets": _DRIVE,
}

ALLOWED_IMPORTS = {
    "cabinet/archetypes.py": {"pkgutil": "the cars are data of the package: the same bytes wherever it is installed"},
}
"""What one module may import all the same, and why."""

BANNED_CALLS = {
    "open": _FILE,
    "print": _LOG,
    "input": "take an event",
    "breakpoint": "write a test",
    "exec": "write it out",
    "eval": "write it out",
    "__import__": "import at the top",
    "hash": "compare the values: the hash of a text differs from process to process",
    "id": "name the thing: an address differs from process to process",
}

CLOCK_READERS = frozenset({"now", "utcnow", "today"})
CLOCK_CLASSES = frozenset({"datetime", "date"})
ORDER_TAKERS = frozenset({"list", "tuple", "enumerate", "iter", "zip", "map", "filter"})
SET_TYPES = frozenset({"set", "frozenset", "AbstractSet", "MutableSet"})

_ORDER = "iterate over a list, a dict or sorted(...): the order of a set differs from process to process"


def is_pure(path: str) -> bool:
    """Whether a module, named relative to `src/forecourt` with slashes, belongs to a pure ring."""
    ring, slash, _ = path.partition("/")
    return bool(slash) and ring in PURE_RINGS and not any(fnmatch(path, pattern) for pattern in IMPURE_MODULES)


def complaints(source: str, module: str = "") -> list[str]:
    """Every break of the rules in a module's source: `line 3: imports time; take `now` as an argument`.

    `module` is named as in `ALLOWED_IMPORTS`.
    """
    tree = ast.parse(source)
    sets = frozenset(_names_of_sets(tree))
    allowed = [f"imports {name}; {BANNED_IMPORTS[name]}" for name in ALLOWED_IMPORTS.get(module, ())]
    found = [(node, text) for node in ast.walk(tree) for text in _judge(node, sets) if text not in allowed]
    return [f"line {getattr(node, 'lineno', 1)}: {text}" for node, text in found]


def imported_modules(source: str) -> list[str]:
    """The modules of forecourt that a source imports, as paths: `forecourt.ocpp.core` -> `ocpp/core.py`.

    What stands under TYPE_CHECKING counts as well: a type of the outside is knowledge of the outside.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), names=names):
                found += [f"{module}.{alias.name}" for alias in names]
    return [name.removeprefix("forecourt.").replace(".", "/") for name in found if name.startswith("forecourt.")]


def _judge(node: ast.AST, sets: frozenset[str]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield from _judge_import(alias.name)
        case ast.ImportFrom(module=str(module), level=0, names=names):
            for alias in names:
                yield from _judge_import(module, alias.name)
        case ast.Call():
            yield from _judge_call(node, sets)
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated) if _is_set(iterated, sets):
            yield f"iterates over a set; {_ORDER}"
        case ast.Starred(value=value) if _is_set(value, sets):
            yield f"unpacks a set; {_ORDER}"
        case ast.AsyncFunctionDef(name=name):
            yield f"has the coroutine {name}; {_WAIT}"


def _judge_import(module: str, name: str = "") -> Iterator[str]:
    whole = f"{module}.{name}" if name else module
    for banned, instead in BANNED_IMPORTS.items():
        if whole == banned or whole.startswith(f"{banned}."):
            yield f"imports {banned}; {instead}"


def _judge_call(call: ast.Call, sets: frozenset[str]) -> Iterator[str]:
    match call.func:
        case ast.Name(id=name) if name in BANNED_CALLS:
            yield f"calls {name}(); {BANNED_CALLS[name]}"
        case ast.Name(id=name) if name in ORDER_TAKERS and any(_is_set(each, sets) for each in call.args):
            yield f"calls {name}() on a set; {_ORDER}"
        case ast.Attribute(attr="join") if any(_is_set(each, sets) for each in call.args):
            yield f"joins a set; {_ORDER}"
        case ast.Attribute(attr="pop", value=value) if _is_set(value, sets):
            yield f"pops from a set; {_ORDER}"
        case ast.Attribute(attr=reader, value=value) if reader in CLOCK_READERS and _last_name(value) in CLOCK_CLASSES:
            yield f"calls {_last_name(value)}.{reader}(); {_CLOCK}"
        case ast.Attribute(attr="fromtimestamp") if len(call.args) + len(call.keywords) < 2:
            yield "calls fromtimestamp() without a zone, which takes the machine's; pass UTC"
        case ast.Attribute(attr="astimezone") if not call.args and not call.keywords:
            yield "calls astimezone() without a zone, which takes the machine's; pass UTC"


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""


def _dotted(node: ast.expr) -> str:
    """`name`, or `self.name`; nothing else is followed."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return f"self.{name}"
    return ""


def _is_set(node: ast.expr, sets: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
    return _dotted(node) in sets


def _names_of_sets(tree: ast.AST) -> Iterator[str]:
    """Names and attributes of self that are annotated as sets, or constants of the module that are given one.

    A name that another function of the module uses for something else is found as well: give it another name.
    """
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=target, annotation=annotation) if _says_set(annotation):
                yield _dotted(target)
                if isinstance(target, ast.Name):
                    yield f"self.{target.id}"
            case ast.arg(arg=name, annotation=ast.expr() as annotation) if _says_set(annotation):
                yield name
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_set(value, frozenset()):
                yield name


def _says_set(annotation: ast.expr) -> bool:
    inner = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return _last_name(inner) in SET_TYPES
