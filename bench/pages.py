"""What open pages cost the process that serves them.

A process with stations has its control API open; this one holds event streams on it, as open pages do, and counts the
CPU seconds of the other: for 100 pages on one charging station, and for one page that lists 1,000 stations.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import shutil
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx2

from bench.parent import Child, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGES = 100
PAINTS = 5
STATIONS = 1000


def measure(quick: bool) -> dict[str, Any]:
    """The figures by name."""
    seconds = 2.0 if quick else 10.0
    with start("pages", 0, stations=1, charging=not quick) as child:
        figures = _page_size(child.ready["url"])
        idle = _cpu_share(child, seconds)
        pages, stream = 10 if quick else PAGES, "/stations/BENCH-1/stream?lang=en"
        watched = asyncio.run(_watched(child, stream, pages, seconds, meanwhile=_first_paint))
        figures |= {
            "CPU s a second, one charging station, no page": idle,
            f"CPU s a second with {pages} pages open on it": watched["cpu"],
            "events a second to each page": watched["events"],
            "KB of memory an open page": watched["kb"],
        }
        if watched["meanwhile"] is not None:
            figures[f"ms to the first paint of another, median of {PAINTS}"] = watched["meanwhile"]
    with start("pages", 0, stations=50 if quick else STATIONS, charging=False) as child:
        listed = asyncio.run(_watched(child, "/stream?find=&page=1", 1, seconds))
        figures[f"CPU s a second, {child.ready['stations']} stations, no page"] = _cpu_share(child, seconds)
        figures[f"CPU s a second, {child.ready['stations']} stations, one list open"] = listed["cpu"]
    return figures


def _cpu_share(child: Child, seconds: float) -> float:
    before = child.tell("usage")
    time.sleep(seconds)
    after = child.tell("usage")
    return _share(before, after)


def _share(before: dict[str, Any], after: dict[str, Any]) -> float:
    return round(float((after["cpu_s"] - before["cpu_s"]) / (after["at_s"] - before["at_s"])), 4)


async def _watched(
    child: Child, path: str, pages: int, seconds: float, meanwhile: Callable[[str], object] | None = None
) -> dict[str, Any]:
    empty = child.tell("usage")
    events = 0
    opened = asyncio.Event()
    first = 0

    async def watch(client: httpx2.AsyncClient) -> None:
        nonlocal events, first
        async with client.stream("GET", child.ready["url"] + path) as answer:
            is_first = True
            async for chunk in answer.aiter_bytes():
                if is_first:
                    is_first = False
                    first += 1
                    if first == pages:
                        opened.set()
                events += chunk.count(b"event: ")

    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(timeout=None, limits=limits) as client:
        watchers = [asyncio.create_task(watch(client)) for _ in range(pages)]
        async with asyncio.timeout(60):
            await opened.wait()
        await asyncio.sleep(1)
        before, events_before = await asyncio.to_thread(child.tell, "usage"), events
        await asyncio.sleep(seconds)
        after = await asyncio.to_thread(child.tell, "usage")
        told = events - events_before
        came_of_it = None if meanwhile is None else await asyncio.to_thread(meanwhile, child.ready["url"])
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
    return {
        "cpu": _share(before, after),
        "events": round(told / pages / seconds, 2),
        "kb": round((after["resident_kb"] - empty["resident_kb"]) / pages, 1),
        "meanwhile": came_of_it,
    }


def _assets(html: str) -> Iterator[str]:
    yield from sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html)))


def _imported(files: dict[str, bytes]) -> list[str]:
    """What the modules among the files import."""
    names = {name for file in files.values() for name in re.findall(rb'(?:from|import) ?"\./(bench\w*\.js)"', file)}
    return [f"/static/{name.decode()}" for name in sorted(names)]


def _page_size(url: str) -> dict[str, Any]:
    with httpx2.Client(base_url=url) as client:
        page = client.get("/stations/BENCH-1").text
        files = {path: client.get(path).content for path in _assets(page)}
        for path in _imported(files):
            files[path] = client.get(path).content
    sizes = {"page": [page.encode()], "page with its scripts and styles": [page.encode(), *files.values()]}
    figures = {}
    for name, parts in sizes.items():
        figures[f"KB of the {name}"] = round(sum(map(len, parts)) / 1000, 1)
        figures[f"KB of the {name}, gzipped"] = round(sum(len(gzip.compress(part, 6)) for part in parts) / 1000, 1)
    return figures


def _first_paint(url: str) -> float | None:
    """Milliseconds; None where there is no browser."""
    program = shutil.which("chromium")
    if program is None:
        return None
    from tests.chromium import open_chromium

    paints: list[float] = []
    with open_chromium(program) as browser:
        for _ in range(PAINTS):
            page = browser.new_page()
            page.goto(f"{url}/stations/BENCH-1")
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            page.close()
    return round(median(paints), 1)
