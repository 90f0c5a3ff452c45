"""Charging profiles in amperes, which the product refuses and an option converts (reading A23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.station.commissioning import StationOptions
from tests.charging_profiles import (
    charge,
    default,
    install,
)

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

FREE_W = 140_000
"""More than this the car takes while nothing limits it."""


def drawn(station: SimulatedStation, connector: int = 1) -> float:
    return station.reading(connector).power_w


def is_free(station: SimulatedStation, connector: int = 1) -> bool:
    return drawn(station, connector) > FREE_W


@pytest.fixture
def amperes(world: World) -> SimulatedStation:
    """A station that takes profiles in amperes."""
    station = world.add_station(
        model="EVD1S180TBB", keys={"MinimumStatusDuration": "0"}, options=StationOptions(accept_amperes=True)
    )
    world.run(5)
    return station


@pytest.mark.requirement("GUIDE-CHG-16")
def test_amperes_are_rejected_by_default(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    charge(world, station)
    assert install(central, default(1, (0, 100), chargingRateUnit="A")) == "Rejected"
    assert is_free(station)


@pytest.mark.requirement("GUIDE-CHG-16", "OCPP-9.4-1")
def test_amperes_count_with_the_present_voltage_by_option(
    world: World, central: ScriptedSupervision, amperes: SimulatedStation
) -> None:
    """The voltage rises while the car charges, and the limit in watts with it."""
    (entry,) = central.ask("GetConfiguration", {"key": ["ChargingScheduleAllowedChargingRateUnit"]})["configurationKey"]
    assert entry["value"] == "Current,Power"
    assert install(central, default(1, (0, 100), chargingRateUnit="A")) == "Accepted"
    charge(world, amperes)
    first = amperes.reading()
    world.run(1800)
    second = amperes.reading()
    assert second.voltage_v > first.voltage_v + 2
    for reading in (first, second):
        assert reading.current_a == pytest.approx(100, abs=0.2)
        assert reading.current_a <= 100
    assert install(central, default(1, (0, 20_000), chargingRateUnit="W")) == "Accepted"
    assert drawn(amperes) == pytest.approx(20_000)
    asked = {"connectorId": 1, "duration": 60, "chargingRateUnit": "A"}
    schedule = central.ask("GetCompositeSchedule", asked)["chargingSchedule"]
    assert schedule["chargingRateUnit"] == "A"
    (row,) = schedule["chargingSchedulePeriod"]
    assert row["limit"] == pytest.approx(20_000 / amperes.reading().voltage_v, abs=0.1)


def test_composite_in_amperes_needs_a_voltage(
    world: World, central: ScriptedSupervision, amperes: SimulatedStation
) -> None:
    for connector in (0, 1):
        asked = {"connectorId": connector, "duration": 60, "chargingRateUnit": "A"}
        assert central.ask("GetCompositeSchedule", asked) == {"status": "Rejected"}
        assert f"connector {connector} has no DC voltage" in amperes.log[-1].detail
