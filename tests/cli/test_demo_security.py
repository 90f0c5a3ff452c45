"""The change of the security profile in the demo where it does not go straight on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from forecourt.cli.demo_security import SecurityShow, SecurityShowError
from forecourt.cli.demo_site import IDENTITY, DemoPlan, DemoSite
from forecourt.runtime.loop import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIMIT_S = 45.0


@asynccontextmanager
async def show_of(security: int, data: Path | None = None) -> AsyncIterator[tuple[DemoSite, SecurityShow]]:
    site = DemoSite(DemoPlan("EVD1S180THB", 60.0, data, default_ports=False, security=security))
    await site.start()
    show = SecurityShow(site, lambda _step: None)
    try:
        async with asyncio.timeout(LIMIT_S):
            yield site, show
    finally:
        await show.close()
        await site.stop()


async def seen(site: DemoSite, words: str) -> None:
    while not any(words in step.sentence for step in site.steps):
        await asyncio.sleep(0.02)


def test_station_of_another_operator_gets_no_certificate_and_a_sentence_says_why() -> None:
    async def scenario() -> None:
        async with show_of(3) as (site, show):
            await seen(site, "lets DEMO-1 in with security profile 1")
            site.station.set_key("CpoName", "Somebody else")
            with pytest.raises(SecurityShowError, match="certificate of DEMO-1 is rejected"):
                await show.lead(3)
            told = [step.sentence for step in site.steps if step.side == "supervision"]
            assert [one for one in told if one.startswith("refuses the signing request of DEMO-1: ")]
            assert site.supervision.profile_of(IDENTITY) == 2
            result = await show.result()
            assert (result["stationProfile"], result["certificateSerial"]) == (2, None)

    run(scenario())


def test_demo_goes_on_with_a_change_that_its_end_broke_off(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with show_of(2, tmp_path) as (site, show):
            await seen(site, "lets DEMO-1 in with security profile 1")
            leading = asyncio.create_task(show.lead(2))
            await seen(site, "begins to lead DEMO-1 from security profile 1 to 2")
            leading.cancel()
        assert not any("is done" in step.sentence for step in site.steps)
        async with show_of(2, tmp_path) as (site, show):
            await show.lead(2)
            assert (await show.result())["connectedProfile"] == 2
            assert not any("begins to lead" in step.sentence for step in site.steps)

    run(scenario())
