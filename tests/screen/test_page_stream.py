"""Pushed fragments: over real HTTP with a station, and from a source of our own where it is about counting."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.runtime.loop import run
from forecourt.screen import page_stream
from forecourt.screen.fragments import assets_hash
from forecourt.screen.page_stream import GAP_S, PageStreams, message
from tests.page_rig import PageRig, play, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from forecourt.screen.page_stream import Rendered
    from forecourt.screen.site import SiteView


async def read_until(events: AsyncIterator[tuple[str, str]], name: str, holds: str = "") -> str:
    """The next event of this name that has this in it."""
    async for come, data in events:
        if come == name and holds in data:
            return data
    raise AssertionError(f"the stream ended before {name} with {holds!r}")


def is_idle(rig: PageRig) -> bool:
    return len(rig.api._streams) == 0 and rig.station.seat.listeners is None


def test_a_page_is_greeted_and_given_every_fragment_and_then_what_changes() -> None:
    async def scenario(rig: PageRig) -> None:
        async with rig.stream("/stations/A1/stream?lang=de") as events:
            assert await anext(events) == ("hello", assets_hash())
            first = [await anext(events) for _ in range(5)]
            assert [name for name, _ in first] == ["screen", "schematic", "bench", "news", "sample"]
            await rig.act("/connectors/1/plug")
            assert await read_until(events, "screen") not in dict(first)["screen"]
            await read_until(events, "bench", "Preparing")
        await until(lambda: is_idle(rig))

    play(scenario)


def test_workbench_is_told_of_what_it_reads_elsewhere_by_the_same_stream() -> None:
    """A browser opens six connections to a host: a page that held two streams would leave none to a third page."""

    async def scenario(rig: PageRig) -> None:
        async with rig.stream("/stations/A1/stream") as events:
            before = msgspec.json.decode(await read_until(events, "news"))
            sample = msgspec.json.decode(await read_until(events, "sample"))
            assert [row["connectorId"] for row in sample["connectors"]] == [1, 2]
            assert sample["connectors"][0]["power_w"] == 0
            key = "/api/stations/A1/keys/MeterValueSampleInterval"
            assert (await rig.client.put(key, json={"value": "17"})).status_code == 200
            after = msgspec.json.decode(await read_until(events, "news"))
            assert after == before | {"keys": after["keys"]}
            assert after["keys"] != before["keys"]
            wire = rig.station.seat.wire
            assert wire is not None
            wire.add(0.0, ">", b'[2,"1","Heartbeat",{}]')
            later = msgspec.json.decode(await read_until(events, "news"))
            assert later == after | {"messages": before["messages"] + 1}
            await rig.act("/power", {"on": False})
            await read_until(events, "news", '"keys":null')

    play(scenario)


class Unasked:
    """Another side that nobody may ask."""

    async def view(self) -> SiteView:
        raise AssertionError("the screen alone shows nothing of the other side")


def test_the_screen_alone_is_pushed_nothing_else_and_the_other_side_is_not_asked() -> None:
    async def scenario(rig: PageRig) -> None:
        async with rig.stream("/stations/A1/stream?only=screen") as events:
            seen = {(await anext(events))[0] for _ in range(2)}
            await rig.act("/connectors/1/plug")
            seen.add((await anext(events))[0])
            assert seen == {"hello", "screen"}

    play(scenario, site=Unasked())


def test_watchers_of_two_languages_share_what_has_none() -> None:
    async def scenario(rig: PageRig) -> None:
        async with rig.stream("/stations/A1/stream?lang=de") as one, rig.stream("/stations/A1/stream?lang=fr") as other:
            german, french = await read_until(one, "screen"), await read_until(other, "screen")
            assert german != french
            assert len(rig.api._streams) == 2
            assert len(rig.station.seat.listeners or ()) == 1

    play(scenario)


def test_a_page_sees_the_station_go_dark_and_come_back() -> None:
    async def scenario(rig: PageRig) -> None:
        async with rig.stream("/stations/A1/stream") as events:
            await read_until(events, "bench", "running")
            await rig.act("/power", {"on": False})
            await read_until(events, "bench", "dark")
            await rig.act("/power", {"on": True})
            await read_until(events, "bench", "running")
            await rig.act("/reboot")
            await read_until(events, "bench", "booting")
            await read_until(events, "bench", "running")

    play(scenario)


def test_a_page_of_a_station_that_is_removed_is_told_and_ends() -> None:
    async def scenario(rig: PageRig) -> None:
        station = rig.station
        async with rig.stream("/stations/A1/stream") as events:
            await read_until(events, "bench")
            del rig.host.stations["A1"]
            await read_until(events, "gone")
            assert [name async for name, _ in events] == []
        await until(lambda: len(rig.api._streams) == 0 and station.seat.listeners is None)
        rig.host.stations["A1"] = station

    play(scenario)


def test_the_end_of_the_server_ends_every_page_within_a_second() -> None:
    async def scenario(rig: PageRig) -> None:
        async with AsyncExitStack() as opened:
            streams = [await opened.enter_async_context(rig.stream("/stations/A1/stream")) for _ in range(5)]
            for events in streams:
                await read_until(events, "bench")
            began = time.monotonic()
            await rig.api.stop()
            assert time.monotonic() - began < 1.0
        assert is_idle(rig)

    play(scenario)


def test_of_the_list_only_the_rows_that_changed_are_pushed() -> None:
    async def scenario(rig: PageRig) -> None:
        async with rig.stream("/stream?find=&page=1") as events:
            seen = [(await anext(events))[0] for _ in range(4)]
            assert seen == ["hello", "row-0", "row-1", "row-2"]
            rig.host.stations["A2"].power(False)
            name, data = await anext(events)
            assert (name, "dark" in data) == ("row-1", True)
        async with rig.stream("/stream?find=A3&page=1") as events:
            assert "A3" in await read_until(events, "row-0")
        await until(lambda: len(rig.api._streams) == 0)

    play(scenario, "A1", "A2", "A3")


class Counter:
    """A source whose one fragment is a number, which is told by hand that it has changed."""

    def __init__(self) -> None:
        self.renders = 0
        self.languages: list[set[str]] = []
        self.value = "0"
        self.changed: list[Callable[[], None]] = []
        self.fails = False

    async def render(self, languages: Collection[str]) -> Rendered | None:
        self.renders += 1
        self.languages.append(set(languages))
        if self.fails:
            raise KeyError("no such text")
        return {("number", None): self.value, ("still", None): "always"}

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.changed.append(changed)
        return lambda: self.changed.remove(changed)

    def set(self, value: int) -> None:
        self.value = str(value)
        for changed in self.changed:
            changed()


def bounded(scenario: Callable[[], object]) -> None:
    async def wrapped() -> None:
        async with asyncio.timeout(20):
            await scenario()  # type: ignore[misc]

    run(wrapped())


def test_many_changes_at_once_are_one_message_with_the_last() -> None:
    async def scenario() -> None:
        source, streams = Counter(), PageStreams()
        stream = streams.watch("key", source, "en")
        await anext(stream)
        assert await anext(stream) == message("number", "0") + message("still", "always")
        began = time.monotonic()
        for value in range(1, 1001):
            source.set(value)
        assert await anext(stream) == message("number", "1000")
        for value in range(1001, 2001):
            source.set(value)
        assert await anext(stream) == message("number", "2000")
        assert time.monotonic() - began >= 1.5 * GAP_S
        assert source.renders <= 4
        await stream.aclose()  # type: ignore[attr-defined]
        await until(lambda: not source.changed)

    bounded(scenario)


def test_a_hundred_watchers_cost_one_rendering_a_change() -> None:
    async def scenario() -> None:
        source, streams = Counter(), PageStreams()
        watchers = [streams.watch("key", source, language) for language in ["en", "de"] * 50]
        for stream in watchers:
            await anext(stream)
        firsts = await asyncio.gather(*(anext(stream) for stream in watchers))
        assert len(set(firsts)) == 1
        before = source.renders
        source.set(1)
        assert set(await asyncio.gather(*(anext(stream) for stream in watchers))) == {message("number", "1")}
        assert source.renders - before <= 2
        assert source.languages[-1] == {"en", "de"}
        for stream in watchers:
            await stream.aclose()  # type: ignore[attr-defined]
        assert len(streams) == 0
        await until(lambda: not source.changed)
        assert not streams._broadcasts

    bounded(scenario)


def test_who_takes_nothing_for_long_is_let_go_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_stream, "SLOW_S", 0.5)

    async def scenario() -> None:
        source, streams = Counter(), PageStreams()
        slow, quick = streams.watch("key", source, "en"), streams.watch("key", source, "en")
        for stream in (slow, quick):
            await anext(stream)
            await anext(stream)
        assert len(streams) == 2
        for value in range(1, 100):
            source.set(value)
            await anext(quick)
            if len(streams) == 1:
                break
        assert len(streams) == 1
        held = [one async for one in slow]
        assert len(held) == 1
        assert held[0].count(b"event: number") == 1

    bounded(scenario)


def test_who_is_told_nothing_for_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_stream, "ALIVE_S", 0.05)

    async def scenario() -> None:
        stream = PageStreams().watch("key", Counter(), "en")
        await anext(stream)
        await anext(stream)
        assert await anext(stream) == message("alive", "")

    bounded(scenario)


def test_a_fragment_that_cannot_be_rendered_ends_its_streams_with_what_went_wrong() -> None:
    async def scenario() -> None:
        source, streams = Counter(), PageStreams()
        stream = streams.watch("key", source, "en")
        await anext(stream)
        await anext(stream)
        source.fails = True
        source.set(1)
        with pytest.raises(RuntimeError, match="rendered") as broken:
            await anext(stream)
        assert isinstance(broken.value.__cause__, KeyError)
        await until(lambda: not source.changed and not streams._broadcasts)

    bounded(scenario)


def test_after_the_end_nobody_joins() -> None:
    async def scenario() -> None:
        streams = PageStreams()
        streams.close()
        assert [one async for one in streams.watch("key", Counter(), "en")] == [message("hello", assets_hash())]

    bounded(scenario)


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        ("one", "data: one\n"),
        ("one\ntwo", "data: one\ndata: two\n"),
        ("one\r\ntwo\rthree", "data: one\ndata: two\ndata: three\n"),
        ("one\n\nevent: gone", "data: one\ndata: \ndata: event: gone\n"),
        ("", "data: \n"),
    ],
)
def test_no_text_can_end_its_event_or_begin_another(data: str, sent: str) -> None:
    assert message("screen", data).decode() == f"event: screen\n{sent}\n"
