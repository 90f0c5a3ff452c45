"""What each of the 43 vendor errors takes from two charging cars, read at their meters (reading A14).

An EVD1S180TBB: 180 kW in six modules, two guns of 180 kW. Both cars would take more than there is, so each has three
modules and 90 kW. `gun` rows are raised on gun 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from tests.charging_profiles import charge, composite

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

CAR = msgspec.structs.replace(FAMILY_CAR, battery_kwh=1500.0)
"""One that takes its power for hours."""

WHOLE = (90, 90)
HOT_STATION = (45, 45)
"""Half of 180 kW, shared."""
HOT_GUN = (90, 90)
"""Half of the gun's 180 kW: no less than it has beside another car."""
ONE_OUT, TWO_OUT = (90, 60), (60, 60)
"""Five modules are three and two, four are two and two."""
GUN_STOPPED = (0, 149)
"""The other car takes over what it asks for."""
ALL_STOPPED = (0, 0)

TABLE = [
    ("0x100005", WHOLE),
    ("0x100007", WHOLE),
    ("0x100009", WHOLE),
    ("0x10000C", WHOLE),
    ("0x10000F", WHOLE),
    ("0x100101", HOT_STATION),
    ("0x100102", HOT_GUN),
    ("0x100202", ALL_STOPPED),
    ("0x100205", GUN_STOPPED),
    ("0x100206", GUN_STOPPED),
    ("0x100207", GUN_STOPPED),
    ("0x100208", GUN_STOPPED),
    ("0x10020A", GUN_STOPPED),
    ("0x10020B", ALL_STOPPED),
    ("0x10020C", ALL_STOPPED),
    ("0x10020D", ALL_STOPPED),
    ("0x10020E", ALL_STOPPED),
    ("0x10020F", GUN_STOPPED),
    ("0x100210", ALL_STOPPED),
    ("0x100211", ALL_STOPPED),
    ("0x100212", ALL_STOPPED),
    ("0x100213", GUN_STOPPED),
    ("0x100214", GUN_STOPPED),
    ("0x100216", GUN_STOPPED),
    ("0x200001", ONE_OUT),
    ("0x200002", ONE_OUT),
    ("0x200003", TWO_OUT),
    ("0x200004", TWO_OUT),
    ("0x200008", WHOLE),
    ("0x200101", HOT_STATION),
    ("0x200102", HOT_STATION),
    ("0x200103", HOT_STATION),
    ("0x200104", HOT_STATION),
    ("0x200202", ALL_STOPPED),
    ("0x200203", ALL_STOPPED),
    ("0x200204", ALL_STOPPED),
    ("0x200206", ALL_STOPPED),
    ("0x200207", ALL_STOPPED),
    ("0x200208", ALL_STOPPED),
    ("0x200209", ALL_STOPPED),
    ("0x20020B", ALL_STOPPED),
    ("0x20020C", ALL_STOPPED),
    ("0xC00000", ALL_STOPPED),
]


def metered_kw(world: World, station: SimulatedStation) -> tuple[float, float]:
    """What the meters count in a minute, as power."""
    before = [station.reading(connector).energy_wh for connector in (1, 2)]
    world.run(60)
    first, second = (station.reading(connector).energy_wh - was for connector, was in zip((1, 2), before, strict=True))
    return first * 60 / 1000, second * 60 / 1000


@pytest.fixture
def both(world: World, station: SimulatedStation) -> SimulatedStation:
    """The station with a car in full flow on each gun."""
    for connector in (1, 2):
        charge(world, station, connector, CAR)
    assert metered_kw(world, station) == pytest.approx(WHOLE, rel=1e-6)
    return station


def test_table_has_every_error_once() -> None:
    assert len({dtc for dtc, _ in TABLE}) == len(TABLE) == 43


@pytest.mark.parametrize(("dtc", "left_kw"), TABLE, ids=[dtc for dtc, _ in TABLE])
def test_error_takes_from_both_meters_what_its_consequence_says_and_gives_it_back(
    world: World, both: SimulatedStation, dtc: str, left_kw: tuple[float, float]
) -> None:
    """A session that an error has ended does not go on by itself; the power is there for the next."""
    both.fault(dtc, 1)
    assert metered_kw(world, both) == pytest.approx(left_kw, rel=0.01)
    both.clear(dtc, 1)
    for connector, kept_kw in enumerate(left_kw, start=1):
        if kept_kw == 0:
            assert metered_kw(world, both)[connector - 1] == 0
            both.unplug(connector)
            charge(world, both, connector, CAR)
    assert metered_kw(world, both) == pytest.approx(WHOLE, rel=1e-6)


def test_hot_gun_gives_half_of_its_power_where_it_is_alone(world: World, both: SimulatedStation) -> None:
    both.unplug(2)
    assert metered_kw(world, both)[0] > 140
    both.fault("0x100102", 1)
    assert metered_kw(world, both)[0] == pytest.approx(90)
    both.fault("0x100102", 2)
    both.clear("0x100102", 1)
    assert metered_kw(world, both)[0] > 140


def test_errors_of_modules_add_up_and_go_one_by_one(world: World, both: SimulatedStation) -> None:
    for dtc, left_kw in (("0x200001", (90, 60)), ("0x200002", (60, 60)), ("0x200003", (30, 30))):
        both.fault(dtc, 0)
        assert metered_kw(world, both) == pytest.approx(left_kw)
    both.clear("0x200002", 0)
    assert metered_kw(world, both) == pytest.approx((60, 30))
    assert both.connector(2).offered_w == 30_000


def test_composite_schedule_knows_of_missing_modules(
    world: World, central: ScriptedSupervision, both: SimulatedStation
) -> None:
    both.fault("0x200004", 0)
    world.run(1)
    assert [composite(central, connector, 60) for connector in (0, 1)] == [[(0, 120_000)], [(0, 120_000)]]


@pytest.mark.requirement("OCPP-4.9-8")
def test_gun_without_a_module_is_suspended_by_the_station_until_it_has_one(world: World) -> None:
    """A station of two modules with one of them out: the second gun waits for the first."""
    station = world.add_station(model="EVD1S60TBB", keys={"MinimumStatusDuration": "0"})
    world.run(5)
    for connector in (1, 2):
        charge(world, station, connector, CAR)
    assert metered_kw(world, station) == pytest.approx((30, 30))
    station.fault("0x200002", 0)
    assert metered_kw(world, station) == pytest.approx((30, 0))
    assert (station.status(1), station.status(2), station.reported(2)[-1]) == (
        "Charging",
        "SuspendedEVSE",
        "SuspendedEVSE",
    )
    assert station.connector(2).phase == "held"
    assert station.connector(2).transaction is not None
    station.pause_car(1)
    world.run(1)
    assert (station.reported(1)[-1], station.reported(2)[-1]) == ("SuspendedEV", "Charging")
    world.run(10)
    assert metered_kw(world, station) == pytest.approx((0, 30))
    station.fault("0x200001", 0)
    world.run(1)
    assert station.reported(2)[-1] == "SuspendedEVSE"
    station.clear("0x200001", 0)
    station.clear("0x200002", 0)
    world.run(1)
    assert station.reported(2)[-1] == "Charging"
    assert not station.wire.payloads("StopTransaction")


@pytest.mark.requirement("OCPP-4.9-6")
def test_session_that_begins_without_a_module_is_suspended_by_the_station(world: World) -> None:
    station = world.add_station(model="EVD1S60TBB", keys={"MinimumStatusDuration": "0"})
    world.run(5)
    station.fault("0x200002", 0)
    charge(world, station, 1, CAR)
    charge(world, station, 2, CAR)
    assert station.reported(2)[-1] == "SuspendedEVSE"
    station.unplug(1)
    world.run(10)
    assert station.reported(2)[-1] == "Charging"
    assert metered_kw(world, station)[1] == pytest.approx(30)
