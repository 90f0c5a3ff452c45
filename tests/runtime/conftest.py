"""Fixtures for tests that run on an event loop."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.runtime.loop import new_event_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

LOOPS = list(dict.fromkeys([asyncio.new_event_loop, new_event_loop]))


@pytest.fixture(params=LOOPS, ids=lambda factory: factory.__module__.partition(".")[0])
def play(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Plays a scenario on asyncio's loop and, where it exists, on uvloop; for 20 seconds at most."""

    def run(scenario: Coroutine[Any, Any, None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20):
                await scenario

        with warnings.catch_warnings():
            if request.param is not asyncio.new_event_loop:
                # uvloop never ends its close() when its warning of what a failed test left open becomes an error.
                warnings.simplefilter("ignore", ResourceWarning)
            with asyncio.Runner(loop_factory=request.param) as runner:
                runner.run(bounded())

    return run
