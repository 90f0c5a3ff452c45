"""What is drawn from a seed: numbers, choices and weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from forecourt.world.chance import SeededChance

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Dice(SeededChance):
    """Chance in the shapes in which a play needs it. The same on every Python: whole numbers, divided once."""

    __slots__ = ()

    def below(self, limit: int) -> int:
        """A whole number from 0 up to `limit`, which is not reached."""
        return self.getrandbits(48) % limit

    def one_of(self, choices: Sequence[T]) -> T:
        """One of these."""
        return choices[self.below(len(choices))]

    def between(self, least: float, most: float) -> float:
        """Seconds or anything else, in thousandths."""
        return least + self.below(int((most - least) * 1000) + 1) / 1000

    def chance(self, percent: int) -> bool:
        """True so often."""
        return self.below(100) < percent

    def weighted(self, choices: Sequence[T], weights: Sequence[int]) -> T:
        """One of these; one with a weight of 0 never."""
        left = self.below(sum(weights))
        for choice, weight in zip(choices, weights, strict=True):
            left -= weight
            if left < 0:
                return choice
        raise AssertionError("the weights were summed up above")
