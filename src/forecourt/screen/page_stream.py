"""What is pushed to open pages: fragments that have changed, as server-sent events named after them.

Theory of operation. Whoever looks at the same thing shares one *broadcast*: it renders each fragment once in each
language that is watched, at most five times a second and at least once, and hands on what differs from what it handed
on before. A watcher holds the latest of each fragment that it has not taken yet, so one that is slow misses what is
overtaken, costs bounded memory, and is let go when it takes nothing for a while. Without watchers there is no
broadcast: no task, no listener, no memory.

The first event of a stream is `hello` with a name of the assets, so that a page older than those can load itself anew;
`alive` comes when there has been nothing else for a while; `gone` says that there is no such station any more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeAlias

from forecourt.screen.fragments import assets_hash

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Hashable

GAP_S = 0.2
"""Real seconds between two renderings, at least."""
SAMPLE_S = 1.0
"""Real seconds between two renderings, at most: power and clock change without an event."""
ALIVE_S = 4.0
"""A watcher that was told nothing for so long is told that this is so."""
SLOW_S = 10.0
"""A watcher that takes nothing for so long is let go."""

Rendered: TypeAlias = dict[tuple[str, str | None], str]
"""HTML, or JSON for scripts, by the name of the fragment and its language, None where that does not matter."""


class Source(Protocol):
    """What can be looked at."""

    async def render(self, languages: Collection[str]) -> Rendered | None:
        """Every fragment as it is now, in these languages; None when the thing is gone."""
        ...

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called whenever something may have changed; returns what ends that."""
        ...


class Watcher:
    """One open page."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._pending: dict[str, bytes] = {}
        self._pending_since = self._loop.time()
        self._is_over = False
        self._failure: BaseException | None = None
        self.is_new = True
        """It has been given nothing yet."""

    def give(self, name: str, message: bytes) -> None:
        """The latest of a fragment."""
        if not self._pending:
            self._pending_since = self._loop.time()
        self._pending.pop(name, None)
        self._pending[name] = message
        self._ready.set()

    def is_slow(self) -> bool:
        """Whether it has left what it was given for too long."""
        return bool(self._pending) and self._loop.time() - self._pending_since > SLOW_S

    def end(self, failure: BaseException | None = None) -> None:
        """Nothing more comes."""
        self._is_over = True
        self._failure = failure
        self._ready.set()

    async def take(self) -> bytes:
        """What has come since, or that nothing has; empty at the end."""
        try:
            async with asyncio.timeout(ALIVE_S):
                await self._ready.wait()
        except TimeoutError:
            return message("alive", "")
        if not self._is_over:
            self._ready.clear()
        taken = b"".join(self._pending.values())
        self._pending.clear()
        if not taken and self._failure is not None:
            raise RuntimeError("A page could not be rendered.") from self._failure
        return taken


class Broadcast:
    """One thing that is looked at, and who looks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._latest: dict[tuple[str, str | None], str] = {}
        self._changed = asyncio.Event()
        self.watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, watcher: Watcher) -> None:
        """Give this watcher everything soon, and then what changes."""
        self.watchers.add(watcher)
        self._changed.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._task.add_done_callback(self._ended)

    def leave(self, watcher: Watcher) -> None:
        """Nobody is there any more, or somebody less."""
        self.watchers.discard(watcher)
        if not self.watchers and self._task is not None:
            self._task.cancel()

    def end(self, failure: BaseException | None = None) -> None:
        """End every stream."""
        for watcher in self.watchers:
            watcher.end(failure)

    async def _run(self) -> None:
        leave = self._source.listen(self._changed.set)
        loop = asyncio.get_running_loop()
        try:
            while self.watchers:
                began = loop.time()
                self._changed.clear()
                rendered = await self._source.render({watcher.language for watcher in self.watchers})
                if rendered is None:
                    for watcher in self.watchers:
                        watcher.give("gone", message("gone", ""))
                    return
                self._hand_on(rendered)
                await asyncio.sleep(max(0.0, began + GAP_S - loop.time()))
                try:
                    async with asyncio.timeout_at(began + SAMPLE_S):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            leave()

    def _hand_on(self, rendered: Rendered) -> None:
        changed = {key for key, html in rendered.items() if self._latest.get(key) != html}
        self._latest = rendered
        messages: dict[tuple[str, str | None], bytes] = {}
        for watcher in list(self.watchers):
            if watcher.is_slow():
                watcher.end()
                self.watchers.discard(watcher)
                continue
            for key in rendered if watcher.is_new else changed:
                if key[1] in (None, watcher.language):
                    if key not in messages:
                        messages[key] = message(key[0], rendered[key])
                    watcher.give(key[0], messages[key])
            watcher.is_new = False

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            self.end(task.exception())


class PageStreams:
    """All open pages of a process."""

    def __init__(self) -> None:
        self._broadcasts: dict[Hashable, Broadcast] = {}
        self._is_closed = False

    def __len__(self) -> int:
        """How many pages are open."""
        return sum(len(broadcast.watchers) for broadcast in self._broadcasts.values())

    def close(self) -> None:
        """End every stream, so that none holds up the end."""
        self._is_closed = True
        for broadcast in self._broadcasts.values():
            broadcast.end()

    async def watch(self, key: Hashable, source: Source, language: str) -> AsyncIterator[bytes]:
        """The stream of one page. Those with the same `key` look at the same thing and share a source."""
        yield message("hello", assets_hash())
        if self._is_closed:
            return
        broadcast = self._broadcasts.setdefault(key, Broadcast(source))
        watcher = Watcher(language)
        broadcast.join(watcher)
        try:
            while taken := await watcher.take():
                yield taken
        finally:
            broadcast.leave(watcher)
            if not broadcast.watchers and self._broadcasts.get(key) is broadcast:
                del self._broadcasts[key]


def message(name: str, data: str) -> bytes:
    """One server-sent event. A carriage return would end a line of it, so it becomes a new line."""
    lines = data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "".join([f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n"]).encode()
