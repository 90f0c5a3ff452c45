"""Random bits out of one seed, the same on every Python."""

from __future__ import annotations

MASK = (1 << 64) - 1


class SeededChance:
    """`Chance` by the SplitMix64 recurrence: small, quick and without state but one number."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & MASK

    def getrandbits(self, count: int, /) -> int:
        """A whole number of `count` random bits, at most 64."""
        assert 0 < count <= 64, f"1 to 64 bits, not {count}"
        self._state = (self._state + 0x9E3779B97F4A7C15) & MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return (mixed ^ (mixed >> 31)) >> (64 - count)
