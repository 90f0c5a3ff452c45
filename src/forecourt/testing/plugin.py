"""Fixtures of pytest for tests of a central system. pytest finds them by itself once Forecourt is installed.

`forecourt_station`, `forecourt_stations`, `forecourt_supervision`, `forecourt_site` and `forecourt_laboratory` are the
functions of `forecourt.testing`; the first two need no address, for it is that of the fixture `forecourt_url`: what
`--forecourt-url` says, or what a fixture of that name in your own conftest.py gives.

A test that is a coroutine runs by whatever runs such tests for you (pytest-asyncio, anyio), or by this plugin when it
is marked `@pytest.mark.forecourt`, for `within` seconds at most (60 unless said otherwise).

This module is imported in every run of pytest, so it imports nothing but pytest before a fixture is used.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from forecourt.testing.bench import Site, Station, Supervision

MARK = "forecourt"
WITHIN_S = 60.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the address of the central system."""
    group = parser.getgroup("forecourt")
    group.addoption(
        "--forecourt-url",
        metavar="URL",
        help="the central system to which stations connect, without the identity: ws://HOST:PORT/PATH",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Explain the mark."""
    config.addinivalue_line("markers", f"{MARK}(within=60): run this coroutine on a loop, for so many seconds at most")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked coroutine; leave every other test to others."""
    mark = pyfuncitem.get_closest_marker(MARK)
    if mark is None or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: value for name, value in pyfuncitem.funcargs.items() if name in names}
    asyncio.run(_bounded(pyfuncitem.obj(**arguments), mark.kwargs.get("within", WITHIN_S)))
    return True


async def _bounded(test: Coroutine[Any, Any, object], within: float) -> None:
    async with asyncio.timeout(within):
        await test


@pytest.fixture(scope="session")
def forecourt_url(pytestconfig: pytest.Config) -> str:
    """The central system: of --forecourt-url, unless a conftest.py has a fixture of this name."""
    url: str | None = pytestconfig.getoption("--forecourt-url")
    if url is None:
        raise pytest.UsageError(
            "A station needs the address of a central system: give pytest --forecourt-url=ws://HOST:PORT/PATH, "
            "or write a fixture forecourt_url in conftest.py."
        )
    return url


@pytest.fixture
def forecourt_station(forecourt_url: str) -> Callable[..., AbstractAsyncContextManager[Station]]:
    """`async with forecourt_station(model=..., identity=...) as station`: see `forecourt.testing.station`."""
    from forecourt.testing import station

    return functools.partial(station, forecourt_url)


@pytest.fixture
def forecourt_stations(forecourt_url: str) -> Callable[..., AbstractAsyncContextManager[list[Station]]]:
    """`async with forecourt_stations(3) as stations`: see `forecourt.testing.stations`."""
    from forecourt.testing import stations

    return functools.partial(stations, forecourt_url)


@pytest.fixture
def forecourt_supervision() -> Callable[..., AbstractAsyncContextManager[Supervision]]:
    """`async with forecourt_supervision() as supervision`: see `forecourt.testing.supervision`."""
    from forecourt.testing import supervision

    return supervision


@pytest.fixture
def forecourt_site() -> Callable[..., AbstractAsyncContextManager[Site]]:
    """`async with forecourt_site(speed=60) as site`: see `forecourt.testing.site`."""
    from forecourt.testing import site

    return site


@pytest.fixture
def forecourt_laboratory() -> Callable[..., AbstractAsyncContextManager[Site]]:
    """`async with forecourt_laboratory() as site`: see `forecourt.testing.laboratory`."""
    from forecourt.testing import laboratory

    return laboratory
