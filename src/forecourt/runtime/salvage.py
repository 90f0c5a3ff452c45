"""A damaged record file: found when it is opened, put aside under another name, and what can be read of it kept.

Theory of operation. SQLite writes whole transactions, so neither a killed process nor a power cut damages a file; a
failing disk, a bad copy or somebody's editor does. The file is checked as a whole before it is used. When it is found
damaged its readable rows are copied into a new file beside it, the old one is renamed with the time and stays for
whoever wants to look, and the new one takes its name. A crash in between is finished by the next start.

Rows are read from the front to the first page that cannot be read, then from the back. Where only the header of the
file is broken, which is always the same but for a few numbers that SQLite can do without, a good one takes its place.
A row whose checksum is wrong is none. A write-ahead log whose own header is broken means that SQLite reads none of it:
it is put aside as well, and the file stands as it was when it was last folded in.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Row: TypeAlias = tuple[str, str, str, bytes, int]
    """Station, kind, key, data and checksum."""

DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says of a file that is damaged; anything else, such as a full disk, is no damage."""

MAGIC = b"SQLite format 3\0"
HEADER_LENGTH = 100
WAL_HEADER_LENGTH = 32
_WAL_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_VERSION_VALID_FOR = slice(92, 96)
"""Where this differs from the change counter SQLite asks the system how long the file is."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is damaged."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in DAMAGED


def find_damage(path: Path) -> str | None:
    """What is wrong with the file or its write-ahead log; None when nothing is, or there is no file.

    Raises `sqlite3.Error` for trouble that is no damage.
    """
    if not path.exists() or not path.stat().st_size:
        return None
    if (size := path.stat().st_size) < HEADER_LENGTH:
        return f"it ends after {size} bytes"  # SQLite takes it for an empty one
    if (wrong := _wrong_with_log(wal_of(path))) is not None:
        return wrong
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return str(error)
    return None if said == "ok" else str(said)


def _wrong_with_log(wal: Path) -> str | None:
    """A log that a power cut left short is none of ours to judge: SQLite takes what is whole of it."""
    try:
        with wal.open("rb") as file:
            header = file.read(WAL_HEADER_LENGTH)
    except FileNotFoundError:
        return None
    if len(header) < WAL_HEADER_LENGTH or header[:4] in _WAL_MAGIC:
        return None
    return f"its write-ahead log begins with {header[:4].hex()}"


def wal_of(path: Path) -> Path:
    """The write-ahead log beside a database."""
    return path.with_name(f"{path.name}-wal")


def finish(path: Path) -> None:
    """End what a crash left unfinished: a new file without its name takes it, a half-made one goes."""
    new = _new_of(path)
    if not path.exists() and new.exists():
        _take_name(new, path, path.with_name(f"{path.stem}.damaged{path.suffix}-wal"))
    for leftover in (new, _copy_of(path)):
        _remove(leftover)


def put_aside(path: Path, make: Callable[[sqlite3.Connection], None], wall_s: float) -> tuple[Path, int]:
    """Save what can be read of a damaged file in a new one of the same name; where the old one is, and how many rows.

    `make` makes the table of the new file. Raises `sqlite3.Error` and `OSError` when the new one cannot be written.
    """
    new, copy = _new_of(path), _copy_of(path)
    for leftover in (new, copy):
        _remove(leftover)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    shutil.copyfile(path, copy)
    if wal_of(path).exists():
        shutil.copyfile(wal_of(path), wal_of(copy))
    _mend_header(copy)
    with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        make(connection)
        rows = list(_readable(copy))
        connection.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    _remove(copy)
    aside = path.with_name(f"{path.stem}.damaged-{datetime.fromtimestamp(wall_s, UTC):%Y%m%dT%H%M%S}{path.suffix}")
    path.replace(aside)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    _take_name(new, path, wal_of(aside))
    return aside, len(rows)


def _take_name(new: Path, path: Path, old_log: Path) -> None:
    """Give the new file its name, once the log of the old one is out of the way: SQLite would read it."""
    with contextlib.suppress(FileNotFoundError):
        wal_of(path).replace(old_log)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _mend_header(path: Path) -> None:
    """Put a good header where the magic is broken; SQLite's own numbers in it are those of an empty file."""
    with path.open("r+b") as file:
        header = file.read(HEADER_LENGTH)
        if header.startswith(MAGIC) or len(header) < HEADER_LENGTH:
            return
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as blank:
            blank.execute("CREATE TABLE empty (empty)")
            good = bytearray(blank.serialize()[:HEADER_LENGTH])
        good[18:20] = b"\2\2"  # written with a write-ahead log
        good[_VERSION_VALID_FOR] = b"\xff\xff\xff\xff"
        file.seek(0)
        file.write(good)


def _readable(path: Path) -> Iterator[Row]:
    """The rows that can be read, each once; those of the first form of the file get their checksums here."""
    found: dict[tuple[str, str, str], Row] = {}
    for order in ("", " DESC"):
        try:
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
                columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(record)")}
                what = "sum" if "sum" in columns else "NULL"
                keys = ", ".join(f"{name}{order}" for name in ("station", "kind", "key"))
                # Both parts are words of this function and nothing that the file says.
                query = f"SELECT station, kind, key, data, {what} FROM record ORDER BY {keys}"  # nosec B608
                for row in connection.execute(query):
                    if _is_row(row):
                        found.setdefault(row[:3], row)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            continue  # as far as it goes
    for station, kind, key, data, written in found.values():
        true = checksum(station, kind, key, data)
        if written in (None, true):
            yield station, kind, key, data, true


def _is_row(row: tuple[object, ...]) -> bool:
    station, kind, key, data, written = row
    texts = isinstance(station, str) and isinstance(kind, str) and isinstance(key, str)
    return texts and isinstance(data, bytes) and isinstance(written, int | None)


def checksum(station: str, kind: str, key: str, data: bytes) -> int:
    """What tells a row from one that something has changed."""
    return zlib.crc32(data, zlib.crc32(f"{station}\0{kind}\0{key}\0".encode()))


def _new_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _copy_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.copy")


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)
