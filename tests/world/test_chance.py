from __future__ import annotations

import pytest

from forecourt.world.chance import SeededChance


def test_chance_gives_the_published_numbers_of_splitmix64() -> None:
    """The first outputs for the seed 1234567, as the recurrence's reference implementation prints them."""
    chance = SeededChance(1234567)
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [chance.getrandbits(64) for _ in expected] == expected


def test_chance_gives_the_upper_bits_when_fewer_are_asked_for() -> None:
    whole, part = SeededChance(7), SeededChance(7)
    for count in (1, 8, 16, 63, 64):
        assert part.getrandbits(count) == whole.getrandbits(64) >> (64 - count)


def test_chance_of_another_seed_is_another() -> None:
    assert [SeededChance(seed).getrandbits(64) for seed in range(100)] == [
        SeededChance(seed).getrandbits(64) for seed in range(100)
    ]
    assert len({SeededChance(seed).getrandbits(64) for seed in range(100)}) == 100


@pytest.mark.parametrize("count", [0, -1, 65])
def test_chance_refuses_counts_that_it_can_not_give(count: int) -> None:
    with pytest.raises(AssertionError):
        SeededChance(1).getrandbits(count)
