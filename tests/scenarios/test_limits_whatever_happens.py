"""Charging profiles amid everything else that happens: what the snapshot says is what the car gets."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.ocpp.smart_charging import ChargingProfilePurpose
from forecourt.station.effects import LimitPower
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World
from tests.charging_profiles import default, moment, of_transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.simulated_station import SimulatedStation

WATTS = (0, 0, 1000, 20_000, 60_000.5, 150_000, 400_000)


def random_profile(random: Random, now: float) -> dict[str, Any]:
    """Around now, so that things change while one looks."""
    rows = [(0, random.choice(WATTS))]
    while random.random() < 0.7:
        rows.append((rows[-1][0] + random.randint(1, 120), random.choice(WATTS)))
    make = random.choice([default, of_transaction])
    fields: dict[str, Any] = {"level": random.randint(0, 3)}
    if make is default:
        fields["start_s"] = now + random.uniform(-200, 100)
        if random.random() < 0.3:
            fields |= {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}
    if random.random() < 0.5:
        fields["duration"] = random.randint(1, 300)
    if random.random() < 0.3:
        fields["validTo"] = moment(now + random.uniform(1, 200))
    return make(random.randint(1, 8), *rows, **fields)


def acts(random: Random, world: World, station: SimulatedStation) -> dict[str, Callable[[], object]]:
    """What can happen now."""
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    connector = random.choice([1, 2])
    gun = station.connector(connector)

    def set_profile() -> None:
        at = random.choice([0, connector])
        central.call("SetChargingProfile", {"connectorId": at, "csChargingProfiles": random_profile(random, world.now)})

    def car() -> None:
        if not gun.plugged:
            station.plug(connector)
        elif random.random() < 0.3:
            station.unplug(connector)

    def badge() -> None:
        station.show(connector)
        if gun.transaction is None or random.random() < 0.2:
            station.badge("TAG")

    def stop() -> None:
        if random.random() < 0.3 and gun.transaction is not None:
            central.ask("RemoteStopTransaction", {"transactionId": gun.transaction.transactionId or 0})

    def reboot() -> None:
        station.reboot()
        world.run_until(lambda: station.has_power and station.is_connected and station.lives > lives)
        world.run(10)

    lives = station.lives
    return {
        "profile": set_profile,
        "another": set_profile,
        "clear": lambda: central.ask("ClearChargingProfile", {"stackLevel": random.randint(0, 3)}),
        "car": car,
        "badge": badge,
        "pause": lambda: station.pause_car(connector) if gun.plugged else None,
        "resume": lambda: station.resume_car(connector) if gun.plugged else None,
        "hot": lambda: station.fault("0x100102", connector),
        "cool": lambda: station.clear("0x100102", connector),
        "stop": stop,
        "reboot": reboot if random.random() < 0.2 else lambda: None,
    }


def look(station: SimulatedStation) -> None:
    """What must be true of each gun at any time."""
    snapshot = station.snapshot()
    for gun in snapshot.connectors:
        reading = station.reading(gun.connectorId)
        runs = gun.transaction is not None
        assert runs or gun.limit_w is None
        if gun.limit_w:
            assert reading.power_w <= gun.limit_w + 1e-6
            assert reading.offered_w <= gun.limit_w + 1e-6
        if gun.limit_w == 0:
            assert reading.offered_w == 0
            assert reading.current_a <= 1.5 + 1e-9
        held = runs and gun.plugged and gun.limit_w == 0
        assert (gun.status == "SuspendedEVSE") == held, gun
    of_guns = [gun.connectorId for gun in snapshot.connectors if gun.transaction is not None]
    for one in snapshot.chargingProfiles:
        is_of_transaction = one.chargingProfile.chargingProfilePurpose is ChargingProfilePurpose.TxProfile
        assert not is_of_transaction or one.connectorId in of_guns
    ids = {str(one.chargingProfile.chargingProfileId) for one in snapshot.chargingProfiles}
    assert ids == {key for kind, key in station.records if kind == "profile"}


@pytest.mark.parametrize("seed", range(12))
def test_limits_hold_whatever_happens(seed: int) -> None:
    random = Random(seed)
    world = World(seed, central=ScriptedSupervision)
    station = world.add_station(model="EVD1S180TBB", keys={"MinimumStatusDuration": "0"})
    world.run(5)
    for _ in range(200):
        happen = acts(random, world, station)
        happen[random.choice(list(happen))]()
        look(station)
        world.run(random.choice([0.1, 1, 7.3, 30, 61]))
        look(station)
    told = {effect.limit_w for effect in station.effects if isinstance(effect, LimitPower)}
    assert {0, None} < told
    assert len(told) > 4
    assert "SuspendedEVSE" in {report["status"] for report in station.wire.payloads("StatusNotification")}
