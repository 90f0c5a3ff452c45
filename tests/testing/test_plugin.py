"""The plugin of pytest as another team has it: pytest in a process of its own, in a folder without any of ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from forecourt import testing
from forecourt.runtime.loop import run

if TYPE_CHECKING:
    from pathlib import Path

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:looptime_plugin", "-q"]
BOUND_REAL_S = 90.0

THEIR_TESTS = """
import pytest


@pytest.mark.forecourt
async def test_a_station_charges(forecourt_station):
    async with forecourt_station(model="EVD1S60THB", identity="CP-1", speed=60) as station:
        await station.connected()
        station.plug(1)
        station.badge("TAG")
        await station.status(1, "Charging", reported=True)


@pytest.mark.forecourt
async def test_three_stations_connect(forecourt_stations):
    async with forecourt_stations(3, identity="SITE-{}") as stations:
        assert [station.identity for station in stations] == ["SITE-1", "SITE-2", "SITE-3"]
        for station in stations:
            await station.connected()


@pytest.mark.forecourt(within=20)
async def test_a_station_of_ours_connects_to_their_supervision(forecourt_supervision, forecourt_site):
    async with forecourt_supervision() as supervision:
        assert supervision.url.startswith("ws://127.0.0.1:")
    async with forecourt_site(speed=60) as site:
        await (await site.add_station()).connected()


@pytest.mark.anyio
async def test_a_day_passes(forecourt_laboratory, anyio_backend_name):
    async with forecourt_laboratory() as site:
        station = await site.add_station()
        await station.connected()
        await station.elapse(86_400)
        assert station.now() > 86_400


@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


def test_fixtures_run_against_the_address_that_pytest_is_given(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIR_TESTS, encoding="utf-8")

    async def play() -> None:
        async with asyncio.timeout(BOUND_REAL_S), testing.supervision(accept_unknown_tags=True, speed=60) as ours:
            child = await asyncio.create_subprocess_exec(
                *PYTEST,
                f"--forecourt-url={ours.url}",
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await child.communicate()
            assert child.returncode == 0, said.decode()
            assert "4 passed" in said.decode()
            [row] = await ours.transactions()
            assert (row.identity, row.idTag) == ("CP-1", "TAG")

    run(play())


def test_without_an_address_a_station_says_how_to_give_one_and_a_slow_test_is_ended(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(
        "import asyncio, pytest\n\n"
        "@pytest.mark.forecourt\n"
        "async def test_nowhere(forecourt_station): ...\n\n"
        "@pytest.mark.forecourt(within=0.01)\n"
        "async def test_never_ending(): await asyncio.Event().wait()\n",
        encoding="utf-8",
    )
    child = subprocess.run(PYTEST, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=BOUND_REAL_S)
    assert child.returncode == 1
    assert "--forecourt-url=ws://" in child.stdout
    assert "TimeoutError" in child.stdout
    assert "1 failed, 1 error" in child.stdout


def test_an_address_of_their_conftest_needs_no_option(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(scope='session')\ndef forecourt_url(): return 'ws://127.0.0.1:9'\n",
        encoding="utf-8",
    )
    (tmp_path / "test_theirs.py").write_text(
        "import forecourt.testing, pytest\n\n"
        "@pytest.mark.forecourt\n"
        "async def test_nobody_there(forecourt_station):\n"
        "    async with forecourt_station() as station:\n"
        "        with pytest.raises(forecourt.testing.NotInTimeError, match='No message went'):\n"
        "            await station.connected(within=0.2)\n",
        encoding="utf-8",
    )
    child = subprocess.run(PYTEST, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=BOUND_REAL_S)
    assert child.returncode == 0, child.stdout


def test_a_run_without_stations_imports_nothing_of_them() -> None:
    child = subprocess.run(
        [sys.executable, "-c", "import sys, forecourt.testing.plugin as _\nprint(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [name for name in child.stdout.split() if name.partition(".")[0] == "forecourt"]
    assert ours == ["forecourt", "forecourt.errors", "forecourt.testing", "forecourt.testing.plugin"]
