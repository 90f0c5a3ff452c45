"""The event loop that everything of the runtime runs on."""

from __future__ import annotations

import asyncio
import gc
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

GARBAGE_BEFORE_LOOK = 50_000
"""Containers made and not yet gone before the collector looks at the young ones; Python itself says 700."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end on uvloop where it exists, else on asyncio's own loop, and return what it returns.

    Ctrl-C cancels `main` and comes out as `KeyboardInterrupt` once it has tidied up.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


def collect_seldom() -> None:
    """Let the cycle collector look seldom. Call it once, when the many stations of a process have been built.

    Records are never looked at, but a message in flight holds a few containers, so that with a thousand of them the
    collector would wake several hundred times a second to find nothing. Nothing is frozen: the brain of a station that
    reboots is a cycle and must still be found.
    """
    gc.collect()
    gc.set_threshold(GARBAGE_BEFORE_LOOK, 20, 50)
