"""The event loop that everything of the runtime runs on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

try:
    import uvloop
except ImportError:  # uvloop does not exist for this platform
    new_event_loop = asyncio.new_event_loop
else:
    new_event_loop = uvloop.new_event_loop

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end on uvloop where it exists, else on asyncio's own loop, and return what it returns.

    Ctrl-C cancels `main` and comes out as `KeyboardInterrupt` once it has tidied up.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)
