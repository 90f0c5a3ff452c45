"""What several commands say alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def kept_in(data: Path | None) -> str:
    """One sentence: whether anything outlives the process, and where it is."""
    return "Nothing is kept after the end; --data DIR keeps it." if data is None else f"Everything is kept in {data}."


def printable(text: str) -> str:
    """Text without control characters, which a peer may have put there."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)
