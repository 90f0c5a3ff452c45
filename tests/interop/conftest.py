"""A station on a real socket for other people's central systems: our brain, cabinet, driver and link, sped up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.models import find_model
from forecourt.runtime.clock import Clock
from forecourt.runtime.driver import Driver
from forecourt.runtime.link import Links
from forecourt.runtime.seat import Records, Seat, Site
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.events import BadgeShown
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance

MODEL = "EVD1S180THB"
SPEED = 60.0


class StationOnSocket:
    """One station, and what a driver in front of it does."""

    def __init__(self, driver: Driver, seat: Seat, cabinet: SimulatedCabinet) -> None:
        self._driver = driver
        self._seat = seat
        self._cabinet = cabinet

    def plug(self) -> None:
        self._driver.act(self._seat, lambda now: self._cabinet.plug(1, FAMILY_CAR, now))

    def unplug(self) -> None:
        self._driver.act(self._seat, lambda now: self._cabinet.unplug(1, now))

    def badge(self, id_tag: str) -> None:
        self._driver.happen(self._seat, BadgeShown(id_tag))

    @property
    def problem(self) -> str:
        """Why it is not connected, as it sees it."""
        now = self._driver.observe(self._seat)
        brain = self._seat.station
        assert isinstance(brain, Station)
        return brain.snapshot(now).link.problem or ""


OpenStation: TypeAlias = Callable[..., AbstractAsyncContextManager[StationOnSocket]]


@asynccontextmanager
async def _station_at(url: str, authorization_key: str | None = None) -> AsyncIterator[StationOnSocket]:
    commissioning = Commissioning(
        identity="CP 1",
        supervision_url=url,
        model=MODEL,
        serial_number="1S2447000017",
        firmware_version="3.5.8803",
        authorization_key=authorization_key,
    )
    links = Links()
    driver = Driver(asyncio.get_running_loop(), Clock(SPEED), links)
    cabinet = SimulatedCabinet(figures_of(find_model(MODEL)))

    def build(records: Records) -> Station:
        return Station(commissioning, StationOptions(speed=SPEED), cabinet, records, SeededChance(7))

    seat = driver.add("CP 1", Site(build), cabinet)
    driver.power(seat, True)
    try:
        yield StationOnSocket(driver, seat, cabinet)
    finally:
        driver.remove(seat)
        await links.close()


@pytest.fixture
def station_at() -> OpenStation:
    """Open a station that talks to the central system at an address, with a password if it is given one."""
    return _station_at


Until: TypeAlias = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Wait until something is true, within a bound."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.02)

    return wait
