"""Who follows what happens as it happens: bounded queues of facts, each told once it is durable."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecourt.supervision.facts import Fact

WATCHER_LIMIT = 2000
"""A watcher that is so many facts behind is let go."""


class Watcher:
    """One follower."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Fact | None] = asyncio.Queue()

    def tell(self, facts: Sequence[Fact]) -> bool:
        """Pass facts on; False when the follower is too far behind."""
        if self._queue.qsize() + len(facts) > WATCHER_LIMIT:
            self.end()
            return False
        for fact in facts:
            self._queue.put_nowait(fact)
        return True

    def end(self) -> None:
        """Tell that nothing more comes."""
        self._queue.put_nowait(None)

    async def next(self) -> Fact | None:
        """The next fact; None at the end."""
        return await self._queue.get()


class Watchers:
    """All followers of a supervision."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._closed = False

    def __len__(self) -> int:
        """How many there are."""
        return len(self._watchers)

    def add(self) -> Watcher:
        """A new follower; it is told everything from now on."""
        watcher = Watcher()
        if self._closed:
            watcher.end()
        else:
            self._watchers.add(watcher)
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """Forget a follower."""
        self._watchers.discard(watcher)

    def tell(self, facts: Sequence[Fact]) -> None:
        """Pass facts on to everyone."""
        for watcher in tuple(self._watchers):
            if not watcher.tell(facts):
                self.remove(watcher)

    def close(self) -> None:
        """End every follower, so that no open stream holds up the end."""
        self._closed = True
        for watcher in self._watchers:
            watcher.end()
        self._watchers.clear()
