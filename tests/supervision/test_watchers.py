"""Followers of what happens: each hears everything in order, and one that is too slow is let go."""

from __future__ import annotations

from forecourt.supervision.facts import IdTagDeleted
from forecourt.supervision.watchers import WATCHER_LIMIT, Watcher, Watchers
from tests.supervision_peers import play

FACTS = [IdTagDeleted(str(number)) for number in range(3)]


async def heard(watcher: Watcher) -> list[object]:
    """Everything up to the end."""
    found: list[object] = []
    while (fact := await watcher.next()) is not None:
        found.append(fact)
    return found


def test_each_follower_hears_what_comes_after_it_came_in_order() -> None:
    async def scenario() -> None:
        watchers = Watchers()
        first = watchers.add()
        watchers.tell(FACTS[:1])
        second = watchers.add()
        watchers.tell(FACTS[1:])
        watchers.remove(second)
        watchers.tell(FACTS)
        watchers.close()
        second.end()
        assert await heard(first) == [*FACTS, *FACTS]
        assert await heard(second) == FACTS[1:]
        assert len(watchers) == 0

    play(scenario())


def test_follower_that_falls_too_far_behind_is_let_go_after_what_it_has() -> None:
    async def scenario() -> None:
        watchers = Watchers()
        slow = watchers.add()
        watchers.tell(FACTS[:1] * WATCHER_LIMIT)
        assert len(watchers) == 1
        watchers.tell(FACTS[:1])
        assert len(watchers) == 0
        assert len(await heard(slow)) == WATCHER_LIMIT

    play(scenario())


def test_follower_that_comes_after_the_end_hears_the_end() -> None:
    async def scenario() -> None:
        watchers = Watchers()
        watchers.close()
        assert await heard(watchers.add()) == []

    play(scenario())
