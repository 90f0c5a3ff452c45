"""`GET /api/events`: what happens, as server-sent events, each once it is durable."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from forecourt.ocpp.types import from_epoch
from forecourt.supervision.facts import AuthorizationKeySet, CandidateKeySet, Fact, FrameDiscarded, MessageLogged
from forecourt.supervision.watchers import Watcher, Watchers

KEEP_ALIVE_S = 15.0
"""After so long without an event a comment is sent, so that nothing between takes the stream for dead."""


@get("/api/events")
async def follow_events(
    request: Request[Any, Any, Any],
    identity: FromQuery[str | None] = None,
    messages: Annotated[bool, QueryParameter(description="Also every frame of the wire log.")] = False,
) -> Stream:
    """What happens from now on: `event` is the kind, such as TransactionStarted, `data` the same as JSON."""
    watchers: Watchers = request.app.state.supervision.watchers
    watcher = watchers.add()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_stream(watchers, watcher, identity, messages), media_type="text/event-stream", headers=headers)


async def _stream(watchers: Watchers, watcher: Watcher, identity: str | None, messages: bool) -> AsyncIterator[bytes]:
    try:
        yield b": following\n\n"
        while True:
            try:
                fact = await asyncio.wait_for(watcher.next(), KEEP_ALIVE_S)
            except TimeoutError:
                yield b": nothing new\n\n"
                continue
            if fact is None:
                return
            if identity is not None and getattr(fact, "identity", None) != identity:
                continue
            if messages or not isinstance(fact, MessageLogged | FrameDiscarded):
                yield b"event: %b\ndata: %b\n\n" % (type(fact).__name__.encode(), msgspec.json.encode(event_data(fact)))
    finally:
        watchers.remove(watcher)


def event_data(fact: Fact) -> dict[str, Any]:
    """A fact as the API spells it: `at` as a time, frames as text, no password."""
    data: dict[str, Any] = {}
    for name in fact.__struct_fields__:
        value = getattr(fact, name)
        if isinstance(fact, AuthorizationKeySet | CandidateKeySet) and name == "authorizationKey":
            continue
        if name.endswith("_s") and isinstance(value, float):
            name, value = name.removesuffix("_s"), from_epoch(value)
        elif isinstance(value, bytes):
            value = msgspec.Raw(value) if name in ("payload", "detail") else value.decode(errors="replace")
        head, *tail = name.split("_")
        data[head + "".join(word.capitalize() for word in tail)] = value
    return data
