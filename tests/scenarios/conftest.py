"""A booted station in a world of its own, with a supervision that does what the scenario says, or with the real one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.supervision.store import Store
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.simulated_station import SimulatedStation

if TYPE_CHECKING:
    from sqlalchemy import Connection

BOOT_S = 5.0
"""By then a simulated station has booted, reported its connectors and fallen silent."""


@pytest.fixture
def world() -> World:
    """A world whose supervision is scripted."""
    return World(central=ScriptedSupervision)


@pytest.fixture
def central(world: World) -> ScriptedSupervision:
    """The scripted supervision of `world`."""
    assert isinstance(world.central, ScriptedSupervision)
    return world.central


@pytest.fixture
def station(world: World) -> SimulatedStation:
    """A station in `world` with two CCS2 guns that has booted and reports statuses without delay."""
    station = world.add_station(model="EVD1S180TBB", keys={"MinimumStatusDuration": "0"})
    world.run(BOOT_S)
    return station


@pytest.fixture
def site() -> World:
    """A world with the real supervision core and its ledger, which knows the idTags TAG1 and TAG2."""
    site = World()
    site.supervision.register("TAG1", "TAG2")
    return site


@pytest.fixture
def served(site: World) -> SimulatedStation:
    """A station in `site`, like `station`."""
    served = site.add_station(model="EVD1S180TBB", keys={"MinimumStatusDuration": "0"})
    site.run(BOOT_S)
    return served


@pytest.fixture
def read_ledger() -> Callable[[World, Callable[[Connection], Any]], Any]:
    """Read what the supervision's API would show of everything that a world's ledger holds."""

    async def keep_and_read(site: World, read: Callable[[Connection], Any]) -> Any:
        store = Store(None)
        await store.open()
        try:
            durable = asyncio.Event()
            store.commit(site.supervision.ledger.facts, durable.set)
            await asyncio.wait_for(durable.wait(), 10)
            return await store.read(read)
        finally:
            await store.close()

    return lambda site, read: asyncio.run(keep_and_read(site, read))
