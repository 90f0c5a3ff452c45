"""Frames that are made to cost the other side its memory or its life, at a real supervision and at a real station."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest

from forecourt.runtime.link import MAX_SIZE
from forecourt.supervision.facts import Policy
from tests.both_sides import connected, standing
from tests.hosted_rig import until
from tests.link_peers import CLOSE, CONTINUATION, PING, TEXT, accepted, frame, raw_station, raw_supervision
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.link_peers import Raw

COMPRESSED = 0x40
"""The bit of permessage-deflate, which nobody has agreed on."""
BOMB = zlib.compress(b" " * 100_000_000, 9)[2:-4]


def oversize(masked: bool) -> bytes:
    return frame(TEXT, b"[" + b" " * (MAX_SIZE + 1), masked=masked)


def announced(masked: bool) -> bytes:
    """Only the head of a frame of 2^62 bytes."""
    return frame(TEXT, b" " * 70_000, masked=masked)[:2] + (2**62).to_bytes(8, "big") + bytes(4)


def fragments(masked: bool) -> bytes:
    """None of them is large, all together are; with pings between them, as is allowed."""
    parts = [frame(TEXT, b"[", fin=False, masked=masked)]
    for _ in range(20):
        parts.append(frame(CONTINUATION, b" " * 65_000, fin=False, masked=masked))
        parts.append(frame(PING, b"still there", masked=masked))
    return b"".join(parts)


def compressed(masked: bool) -> bytes:
    """100 MB in 100 KB."""
    return frame(TEXT, BOMB, masked=masked, reserved=COMPRESSED)


def control(masked: bool) -> bytes:
    """A ping may hold 125 bytes."""
    return frame(PING, b"x" * 126, masked=masked)


BOMBS: dict[str, tuple[Callable[[bool], bytes], int]] = {
    "an oversize frame": (oversize, 1009),
    "an announced frame": (announced, 1009),
    "many fragments": (fragments, 1009),
    "a compressed bomb": (compressed, 1002),
    "a control frame too large": (control, 1002),
}
"""Each with the code that it is closed with (RFC 6455, 7.4.1)."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecourt.station.link.BACK_OFF_LEAST_S", 0.05)


@pytest.mark.parametrize("what", BOMBS)
def test_supervision_closes_a_bomber_and_its_memory_and_its_stations_stay(tmp_path: Path, what: str) -> None:
    make, code = BOMBS[what]

    async def scenario() -> None:
        async with running() as ours, standing(ours, tmp_path / "real"):
            since = (await connected(ours))["connectedSince"]
            bomb = make(True)
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
                async with raw_station(ours.supervision.ocpp_port, "/BOMBER") as raw:
                    raw.write(bomb)
                    assert await raw.close_code() == code
                peak = tracemalloc.get_traced_memory()[1] - before
            finally:
                tracemalloc.stop()
            assert peak < 6 * MAX_SIZE
            view = await ours.get("/api/stations/EVD-1")
            assert (view["connected"], view["connectedSince"]) == (True, since)
            assert (await ours.command("GetLocalListVersion")).status_code == 200

    play(scenario())


@pytest.mark.parametrize("what", BOMBS)
def test_station_leaves_a_supervision_that_throws_bombs_and_comes_back(tmp_path: Path, what: str) -> None:
    make, code = BOMBS[what]
    codes: list[int] = []

    async def throw(raw: Raw) -> None:
        raw.write(accepted(await raw.head()))
        raw.write(make(False))
        while True:
            first, payload = await raw.frame()
            if first == 0x80 | CLOSE:
                codes.append(int.from_bytes(payload[:2], "big"))
                return

    async def scenario() -> None:
        async with running() as ours, raw_supervision(throw) as url:
            async with standing(ours, tmp_path / "a", url=url) as here:
                await until(lambda: len(codes) >= 2)
                assert here.station.snapshot() is not None
            assert set(codes) == {code}
            async with standing(ours, tmp_path / "a"):
                await connected(ours)

    play(scenario())


def test_hundreds_of_stations_that_nobody_knows_are_turned_away_and_leave_nothing() -> None:
    """Enrolment is closed: each is answered 404, and nothing of it is kept until some limit of time."""

    async def knock(port: int, number: int) -> None:
        async with raw_station(port, f"/NOBODY-{number}", upgraded=False) as raw:
            assert (await raw.head()).startswith("HTTP/1.1 404 ")

    async def scenario() -> None:
        async with running(policy=Policy(open_enrolment=False)) as ours:
            await asyncio.gather(*(knock(ours.supervision.ocpp_port, number) for number in range(50)))
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                for begun in range(50, 350, 50):
                    await asyncio.gather(*(knock(ours.supervision.ocpp_port, begun + number) for number in range(50)))
                await until(lambda: gc.collect() >= 0 and tracemalloc.get_traced_memory()[0] - before < 200_000, 5.0)
            finally:
                tracemalloc.stop()
            assert await ours.get("/api/stations") == []

    play(scenario(), within_s=30)
