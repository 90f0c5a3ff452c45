"""The story of the demo beside a person who uses the station."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cli.demo_site import DemoPlan, DemoSite
from forecourt.cli.demo_story import Story
from forecourt.runtime.loop import run
from forecourt.station.events import BadgeShown, CablePlugged, ConnectorShown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from forecourt.station.effects import Effect
    from forecourt.station.events import Event

ALONE_S = 0.3
SPEED = 300.0
LIMIT_S = 40.0
SHORT_STAY = msgspec.structs.replace(FAMILY_CAR, soc_percent=20.0, stop_at_soc_percent=40.0)


@asynccontextmanager
async def story_on(site: DemoSite) -> AsyncIterator[Story]:
    """A story that has found the station ready, on a site that is closed afterwards."""
    await site.start()
    story = Story(site, ALONE_S)
    try:
        async with asyncio.timeout(LIMIT_S):
            await story.until(lambda: story.connector(1).reportedStatus == "Available")
            yield story
    finally:
        story.close()
        await site.stop()


def new_site() -> DemoSite:
    return DemoSite(DemoPlan("EVD1S180TBB", SPEED, default_ports=False))


def test_story_leaves_the_station_to_a_person_until_the_car_is_gone_and_a_while_has_passed() -> None:
    async def scenario() -> None:
        site = new_site()
        async with story_on(site) as story:
            loop = asyncio.get_running_loop()
            acts: list[tuple[float, Event | Effect]] = []
            site.station.plug(2, FAMILY_CAR)
            assert not story.is_alone
            site.station.seat.listen(
                lambda what, _now: (
                    acts.append((loop.time(), what)) if type(what) in (CablePlugged, BadgeShown) else None
                )
            )
            coming = asyncio.create_task(story.cars_come_and_go())
            await story.stays(2, lambda row: row.reportedStatus == "Preparing")
            site.station.show(2)
            site.station.show_badge("DEMO-BADGE")
            await story.stays(2, lambda row: row.reportedStatus == "Charging")
            await story.stays(2, lambda row: row.power_w > 0)
            site.station.show_badge("DEMO-BADGE")
            await story.stays(2, lambda row: row.transaction is None)
            site.station.unplug(2)
            left_s = loop.time()
            await story.until(lambda: site.station.cabinet.plugged(1))
            came_s, came = acts[-1]
            assert came == CablePlugged(1)
            assert came_s - left_s >= ALONE_S
            assert [what for _, what in acts[:-1]] == [BadgeShown("DEMO-BADGE"), BadgeShown("DEMO-BADGE")]
            coming.cancel()

    run(scenario())


def test_car_of_the_story_goes_on_charging_while_a_person_uses_the_other_gun() -> None:
    async def scenario() -> None:
        site = new_site()
        async with story_on(site) as story:
            visit = asyncio.create_task(story.charge(1, SHORT_STAY))
            await story.until(lambda: story.connector(1).reportedStatus == "Charging")
            assert story.is_alone, "its own doing is nobody else's"
            site.station.show(2)
            site.station.plug(2, FAMILY_CAR)
            heard: list[Event | Effect] = []
            site.station.seat.listen(lambda what, _now: heard.append(what))
            await story.stays(2, lambda row: row.reportedStatus == "Preparing")
            await story.stays(1, lambda row: row.reportedStatus == "SuspendedEV")
            await story.pause(3 * 2.0)
            assert not [what for what in heard if type(what) in (ConnectorShown, BadgeShown)]
            assert story.connector(1).transaction is not None
            site.station.unplug(2)
            await visit
            assert story.connector(1).reportedStatus == "Available"

    run(scenario())
