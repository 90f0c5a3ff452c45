"""Fixtures that several folders of tests share. The requirement index is `tests/house_plugin.py`."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from forecourt import testing
from forecourt.runtime.loop import run

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeAlias

    from forecourt.testing.bench import Site

    SiteScenario: TypeAlias = Callable[[Site], Coroutine[Any, Any, None]]

SPEED = 60.0
BOUND_REAL_S = 40.0


@pytest.fixture(params=["virtual time", "real sockets"])
def on_site(request: pytest.FixtureRequest) -> Callable[[SiteScenario], None]:
    """Plays a scenario with a supervision and stations: once in virtual time, once over real sockets, sped up."""

    async def play(scenario: SiteScenario) -> None:
        opened = testing.laboratory() if request.param == "virtual time" else testing.site(speed=SPEED)
        async with asyncio.timeout(BOUND_REAL_S), opened as site:
            await scenario(site)

    return lambda scenario: run(play(scenario))


@pytest.fixture
def openssl() -> None:
    """For tests in which the program openssl is the other side or the judge."""
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl is not installed")
