"""Near misses: which names somebody may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEAREST = 3
"""So many are named at most."""
SIMILARITY = 0.7
"""How alike two names must be, from 0 to 1; below it what comes up surprises more than it helps."""
FRAGMENT_MIN_LENGTH = 4
"""A part of a name says something from so many characters on."""


def nearest(wanted: str, names: Sequence[str]) -> list[str]:
    """The names that resemble what was wanted, best first, then those that hold it; all in the same case."""
    alike = difflib.get_close_matches(wanted, names, n=NEAREST, cutoff=SIMILARITY)
    holding = [name for name in names if wanted in name] if len(wanted) >= FRAGMENT_MIN_LENGTH else []
    return list(dict.fromkeys([*alike, *holding]))[:NEAREST]


def hint(near: Iterable[str], otherwise: str) -> str:
    """The half of a sentence that names near misses, or `otherwise` when there are none."""
    names = tuple(near)
    if not names:
        return otherwise
    return f"nearest {'is' if len(names) == 1 else 'are'} {', '.join(names)}"
