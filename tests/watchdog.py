"""An end for commands that a test reads from: who waits for a line that never comes reads the end instead."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

LIMIT_S = 180.0
"""Longer than any of these tests takes on a busy machine."""


@contextmanager
def killed_at_last(process: subprocess.Popen[str], within_s: float = LIMIT_S) -> Iterator[None]:
    """Kill a process at the end, or when its time is over."""
    watchdog = threading.Timer(within_s, process.kill)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        process.kill()
