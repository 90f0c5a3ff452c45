from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from forecourt.runtime.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

CLOCK_STEP_S = 0.001
"""uvloop's clock tells whole milliseconds."""


def test_callbacks_come_in_the_order_of_their_times_and_not_before(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        patience = Patience(loop)
        called: list[str] = []
        done = asyncio.Event()
        begin = loop.time()
        patience.after(0.03, done.set)
        patience.after(0.02, partial(called.append, "second"))
        patience.after(0.01, partial(called.append, "first"))
        patience.after(0.02, partial(called.append, "third"))
        assert called == []
        await done.wait()
        assert called == ["first", "second", "third"]
        assert loop.time() - begin >= 0.03 - CLOCK_STEP_S

    play(scenario())


def test_callback_may_ask_for_another_and_a_stopped_patience_calls_no_more(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        patience = Patience(loop)
        called: list[str] = []
        done = asyncio.Event()
        patience.after(0.001, lambda: patience.after(0.001, done.set))
        await done.wait()
        patience.after(0.001, partial(called.append, "never"))
        patience.stop()
        other = Patience(loop)
        done.clear()
        other.after(0.005, done.set)
        await done.wait()
        assert called == []

    play(scenario())
