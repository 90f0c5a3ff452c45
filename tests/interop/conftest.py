"""A station on a real socket for other people's central systems, as `forecourt.testing` has it, sped up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from forecourt import testing
from forecourt.testing.bench import Station

SPEED = 60.0

OpenStation: TypeAlias = Callable[..., AbstractAsyncContextManager[Station]]


@pytest.fixture
def station_at() -> OpenStation:
    """Open a station that talks to the central system at an address, with a password if it is given one."""
    return lambda url, key=None: testing.station(url, identity="CP 1", authorization_key=key, speed=SPEED)


Until: TypeAlias = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Wait until something is true, within a bound."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.02)

    return wait
