from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from forecourt.runtime.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

CLOCK_STEP_S = 0.001
"""uvloop's clock tells whole milliseconds."""


class Waiter:
    """Who waits for its time to be up."""

    def __init__(self, name: str, called: list[str]) -> None:
        self.name = name
        self._called = called
        self.done = asyncio.Event()

    def call(self) -> None:
        self._called.append(self.name)
        self.done.set()


def test_callbacks_come_in_the_order_of_their_times_and_not_before(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        patience = Patience(loop)
        called: list[str] = []
        first, second, third, last = (Waiter(name, called) for name in ("first", "second", "third", "last"))
        begin = loop.time()
        patience.after(0.03, last, Waiter.call)
        patience.after(0.02, second, Waiter.call)
        patience.after(0.01, first, Waiter.call)
        patience.after(0.02, third, Waiter.call)
        assert called == []
        await last.done.wait()
        assert called == ["first", "second", "third", "last"]
        assert loop.time() - begin >= 0.03 - CLOCK_STEP_S

    play(scenario())


def test_callback_may_ask_for_another_and_a_stopped_patience_calls_no_more(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        patience = Patience(loop)
        called: list[str] = []
        asked, never, last = (Waiter(name, called) for name in ("asked", "never", "last"))
        patience.after(0.001, asked, lambda waiter: patience.after(0.001, waiter, Waiter.call))
        await asked.done.wait()
        patience.after(0.001, never, Waiter.call)
        patience.stop()
        other = Patience(loop)
        other.after(0.005, last, Waiter.call)
        await last.done.wait()
        assert called == ["asked", "last"]

    play(scenario())


def test_who_is_gone_before_its_time_is_not_kept_for_it(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        patience = Patience(asyncio.get_running_loop())
        called: list[str] = []
        patience.after(0.001, Waiter("gone", called), Waiter.call)
        gc.collect()
        assert not [one for one in gc.get_objects() if isinstance(one, Waiter)]
        last = Waiter("last", called)
        patience.after(0.002, last, Waiter.call)
        await last.done.wait()
        assert called == ["last"]

    play(scenario())
