"""One heap and one loop timer for everything that may only take so long.

What has its end before its time stays in the heap until then, without being kept alive: else whoever comes and goes
fast enough, as strangers at the door may, would fill the memory with what is left of them.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

T = TypeVar("T")


class Patience:
    """Calls back when a time is up. Nothing is ever taken back: a callback looks whether it still matters."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, ref[Any], Callable[[Any], None]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    def after(self, delay_s: float, one: T, call: Callable[[T], None]) -> None:
        """Call once with `one`, when `delay_s` real seconds have passed, if it is still there then."""
        entry = (self._loop.time() + delay_s, next(self._order), ref(one), call)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._arm()

    def stop(self) -> None:
        """Forget all that was asked for."""
        self._heap.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._heap[0][0], self._expire) if self._heap else None

    def _expire(self) -> None:
        now = self._loop.time()
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap))
        self._arm()
        for _, _, reference, call in due:
            one = reference()
            if one is not None:
                call(one)
