"""When the seats of a driver are due: one heap and one timer of the loop for all of them.

Theory of operation. The heap holds entries (due, order, seat); an entry counts only while `due` equals the seat's
`queued_due`, so nothing is ever removed from the middle. A deadline that moves later leaves its entry where it is: when
that pops, the seat is queued again for the later time. So a seat that re-arms a time-out with every message costs no
entry a message. The loop's timer stands at the head of the heap.
"""

from __future__ import annotations

import heapq
from itertools import count
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from forecourt.runtime.clock import Clock
    from forecourt.runtime.seat import Seat

TICK_S = 1e-6
"""The shortest real delay: a timer that came early by a rounding error is not set to the very same instant again."""


class Timeline:
    """Calls `advance(seat, now)` for every seat whose `deadline` has come."""

    __slots__ = ("_advance", "_clock", "_due", "_heap", "_order", "_timer", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock, advance: Callable[[Seat, float], None]) -> None:
        self.loop = loop
        """Whose time and timer are used."""
        self._clock = clock
        self._advance = advance
        self._heap: list[tuple[float, int, Seat]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf

    def __len__(self) -> int:
        """How many entries there are, those included that count no more."""
        return len(self._heap)

    def queue(self, seat: Seat, due: float) -> None:
        """Let the seat be advanced at `due`, in station time, or when it is queued for already if that is earlier."""
        seat.deadline = due
        if due < seat.queued_due:
            seat.queued_due = due
            heapq.heappush(self._heap, (due, next(self._order), seat))
            if due < self._due:
                self._arm(due)

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        delay_s = max(self._clock.real_delay_s(due), TICK_S)
        self._timer = self.loop.call_at(self.loop.time() + delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._due = inf
        now = self._clock.now()
        heap = self._heap
        while heap and heap[0][0] <= now:
            due, _, seat = heapq.heappop(heap)
            if due != seat.queued_due:
                continue
            seat.queued_due = inf
            if seat.deadline <= now:
                self._advance(seat, now)
            else:
                self.queue(seat, seat.deadline)
        if heap and heap[0][0] < self._due:
            self._arm(heap[0][0])
