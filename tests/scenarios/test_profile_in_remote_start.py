"""A charging profile in RemoteStartTransaction (OCPP 1.6 §5.11, §5.16.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.station.effects import CloseContactor, LimitPower
from tests.charging_profiles import (
    charge,
    default,
    install,
    installed,
    of_transaction,
)

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

FREE_W = 140_000
"""More than this the car takes while nothing limits it."""

BIG_CAR = msgspec.structs.replace(FAMILY_CAR, battery_kwh=1500.0)
"""One that takes its power for hours."""


def drawn(station: SimulatedStation, connector: int = 1) -> float:
    return station.reading(connector).power_w


def is_free(station: SimulatedStation, connector: int = 1) -> bool:
    return drawn(station, connector) > FREE_W


@pytest.fixture
def free(world: World, station: SimulatedStation) -> SimulatedStation:
    """A station with a car plugged on gun 1."""
    station.plug(1, BIG_CAR)
    world.run(5)
    return station


def remote_start(central: ScriptedSupervision, profile: dict[str, Any], **fields: Any) -> str:
    asked = {"idTag": "REMOTE", "chargingProfile": profile, **fields}
    return str(central.ask("RemoteStartTransaction", asked)["status"])


@pytest.mark.requirement("OCPP-5.11-5")
@pytest.mark.parametrize("fields", [{"connectorId": 1}, {}])
def test_profile_of_a_remote_start_is_that_of_its_transaction(
    world: World, central: ScriptedSupervision, free: SimulatedStation, fields: dict[str, int]
) -> None:
    assert remote_start(central, of_transaction(7, (0, 20_000)), **fields) == "Accepted"
    world.run(20)
    assert drawn(free) == pytest.approx(20_000)
    assert installed(free) == [(1, 7)]
    told = [effect for effect in free.effects if isinstance(effect, (LimitPower, CloseContactor))]
    assert told == [LimitPower(1, 20_000), CloseContactor(1)]
    free.badge("REMOTE")
    world.run(5)
    assert installed(free) == []


@pytest.mark.requirement("OCPP-5.16-9")
def test_later_profile_replaces_that_of_the_remote_start_or_is_stacked_on_it(
    world: World, central: ScriptedSupervision, free: SimulatedStation
) -> None:
    assert remote_start(central, of_transaction(7, (0, 20_000), level=1), connectorId=1) == "Accepted"
    world.run(20)
    assert install(central, of_transaction(8, (0, 40_000), level=2, duration=600)) == "Accepted"
    assert installed(free) == [(1, 7), (1, 8)]
    assert drawn(free) == pytest.approx(40_000)
    assert install(central, of_transaction(9, (0, 30_000), level=1)) == "Accepted"
    assert installed(free) == [(1, 8), (1, 9)]
    world.run(600)
    assert drawn(free) == pytest.approx(30_000)


def test_profile_of_a_remote_start_waits_for_the_plug_with_it(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert remote_start(central, of_transaction(7, (0, 20_000))) == "Accepted"
    world.run(30)
    assert installed(station) == []
    station.plug(2, BIG_CAR)
    world.run(20)
    assert installed(station) == [(2, 7)]
    assert drawn(station, 2) == pytest.approx(20_000)


def test_profile_of_a_remote_start_that_came_to_nothing_is_forgotten(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert remote_start(central, of_transaction(7, (0, 20_000)), connectorId=1) == "Accepted"
    world.run(300)
    charge(world, station, car=BIG_CAR)
    assert is_free(station)
    assert installed(station) == []


def test_profile_of_a_remote_start_for_one_gun_is_not_for_the_other(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert remote_start(central, of_transaction(7, (0, 20_000)), connectorId=1) == "Accepted"
    charge(world, station, 2, BIG_CAR)
    assert is_free(station, 2)
    station.plug(1, BIG_CAR)
    world.run(20)
    assert installed(station) == [(1, 7)]


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (default(), "expected a TxProfile, came TxDefaultProfile"),
        (of_transaction(transactionId=1), "expected no transactionId, came 1"),
        (of_transaction(1, (0, 500)), "at least 1000 W"),
        (of_transaction(level=21), "stackLevel of 0 to 20"),
    ],
)
def test_remote_start_with_a_profile_that_can_not_be_obeyed_is_rejected(
    world: World, central: ScriptedSupervision, free: SimulatedStation, profile: dict[str, Any], reason: str
) -> None:
    assert remote_start(central, profile, connectorId=1) == "Rejected"
    assert reason in free.log[-1].detail
    world.run(20)
    assert free.connector().transaction is None


def test_promised_profile_holds_a_place(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    for number in range(39):
        connector, level = divmod(number, 20)
        assert install(central, default(number, level=level), connector) == "Accepted"
    assert remote_start(central, of_transaction(50), connectorId=2) == "Accepted"
    assert install(central, default(39), 2) == "Rejected"
    station.plug(2)
    world.run(20)
    assert (2, 50) in installed(station)
    assert len(installed(station)) == 40
