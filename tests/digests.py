"""The digest of one seed's wire, which must be the same on every Python. `python -m tests.digests` writes it anew."""

from __future__ import annotations

from pathlib import Path

from forecourt.world.options import draw_options
from forecourt.world.play import Play

FILE = Path(__file__).parent / "world" / "digest.txt"
SEED = 11


def digest(seed: int) -> str:
    """Of two stations through two days."""
    verdict = Play(draw_options(seed, 2.0, 2)).perform()
    assert verdict.rule is None, verdict.sentence
    return verdict.digest


if __name__ == "__main__":
    FILE.write_text(digest(SEED) + "\n")
