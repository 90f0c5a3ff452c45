"""The resident memory of the station process, a connected station: idle, and with a running session.

The empty process has everything imported, but no station, link or loop work yet; what it holds is subtracted. So what
is left holds everything a station costs, also its share of buffers, of the interpreter's free lists and of what the
allocator has torn. Wire logs are off, as in fleets; records are kept in memory.
"""

from __future__ import annotations

import tempfile
from typing import Any

from bench.parent import STATION_CORE, SUPERVISION_CORE, start

SETTLE_ROUNDS = 3
"""Sampling intervals that a session runs before it is measured, besides those of its beginning."""


def measure(quick: bool) -> dict[str, Any]:
    """KB a connected station, idle and with a session, for each number of stations."""
    return {str(count): _of(count) for count in ((20,) if quick else (1000, 5000))}


def _of(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, start("supervision", SUPERVISION_CORE, folder=folder) as supervision:
        url = supervision.ready["url"]
        supervision_kb = supervision.tell("usage")["resident_kb"]
        with start("stations", STATION_CORE, url=url, count=count, paced=False, interval_s=60) as stations:
            empty_kb = stations.ready["empty_kb"]
            idle_kb = stations.tell("settle")["resident_kb"]
            supervision_idle_kb = supervision.tell("usage")["resident_kb"]
            stations.tell("charge")
            session_kb = stations.tell("settle")["resident_kb"]
            stations.tell("stop")
        supervision.tell("stop")
    return {
        "empty_process_kb": empty_kb,
        "idle_kb": round((idle_kb - empty_kb) / count, 2),
        "session_kb": round((session_kb - empty_kb) / count, 2),
        "supervision_idle_kb": round((supervision_idle_kb - supervision_kb) / count, 2),
    }
