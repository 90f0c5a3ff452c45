"""Power is cut after every single effect of a whole session: no kWh is lost, and none is told twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.station.effects import CloseContactor
from forecourt.supervision.facts import OrphanStopped, TransactionStarted, TransactionStopped
from forecourt.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.simulated_station import SimulatedStation

KEYS = {"MinimumStatusDuration": "0", "MeterValueSampleInterval": "20", "StopTxnSampledData": "SoC"}
KEPT = {"boot", "key", "security"}
"""Kinds of records that outlive a session."""


def begin(seed: int) -> tuple[World, SimulatedStation]:
    world = World(seed)
    world.supervision.register("TAG1")
    return world, world.add_station(keys=KEYS, powered=False)


def live(world: World, station: SimulatedStation, *, offline: bool) -> None:
    """One session from the first start of the station on, as far as it gets before the lights go out."""
    station.power_on()
    world.run(10)
    steps: list[Callable[[], None]] = [
        lambda: station.plug(1),
        station.network_down if offline else station.network_up,
        lambda: station.badge("TAG1"),
        lambda: world.run(50),
        lambda: station.badge("TAG1"),
        lambda: world.run(5),
        lambda: station.unplug(1),
        lambda: world.run(1),
        station.network_up,
        lambda: world.run(200),
    ]
    for step in steps:
        if station.has_power:
            step()
            world.run(2)


def recover(world: World, station: SimulatedStation) -> None:
    """Power and network come back for long enough to send whatever is left."""
    station.network_up()
    world.run(30)
    if not station.has_power:
        station.power_on()
    world.run(400)


def effects_of_a_session(*, offline: bool) -> int:
    world, station = begin(1)
    live(world, station, offline=offline)
    assert len(world.supervision.stopped) == 1
    assert station.reading(1).energy_wh > 100
    return len(station.effects)


def check(world: World, station: SimulatedStation, where: str) -> None:
    ledger = world.supervision
    facts = [fact for fact in ledger.ledger.facts if isinstance(fact, TransactionStarted | TransactionStopped)]
    assert ledger.facts(OrphanStopped) == [], where
    energized = any(isinstance(effect, CloseContactor) for effect in station.effects)
    assert len(ledger.started) <= 1, where
    assert len(ledger.started) == 1 or not energized, where
    assert [type(fact) for fact in facts] == [TransactionStarted, TransactionStopped] * len(ledger.started), where
    told_wh = sum(
        stop.request.meterStop - start.request.meterStart
        for start, stop in zip(ledger.started, ledger.stopped, strict=True)
    )
    assert abs(told_wh - station.reading(1).energy_wh) <= 1.0, where
    assert {kind for kind, _ in station.records} <= KEPT, where
    assert station.snapshot().queuedMessages == 0, where


@pytest.mark.parametrize("offline", [False, True], ids=["online", "offline"])
def test_ledger_holds_each_session_once_when_power_is_cut_after_any_effect(offline: bool) -> None:
    count = effects_of_a_session(offline=offline)
    for number in range(1, count + 1):
        world, station = begin(1)
        station.cut_after = number
        live(world, station, offline=offline)
        recover(world, station)
        check(world, station, f"cut after effect {number}, {station.effects[number - 1]}")


@pytest.mark.parametrize("offline", [False, True], ids=["online", "offline"])
def test_ledger_holds_each_session_once_when_power_is_cut_again_while_the_station_recovers(offline: bool) -> None:
    """The second cut comes after each effect of the life that cleans up behind the first."""
    count = effects_of_a_session(offline=offline)
    for number in range(count // 3, count + 1, 3):
        for again in range(1, 30, 2):
            world, station = begin(1)
            station.cut_after = number
            live(world, station, offline=offline)
            station.cut_after = again
            recover(world, station)
            station.cut_after = None
            recover(world, station)
            check(world, station, f"cut after effect {number} and {again} more, {station.effects[number - 1]}")
