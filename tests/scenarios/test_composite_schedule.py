"""GetCompositeSchedule: what it answers, and that the station then does so (OCPP 1.6 §5.7; facts §7.3, §7.4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.world.world import START
from tests.charging_profiles import (
    DAY_S,
    WEEK_S,
    charge,
    composite,
    daily,
    default,
    install,
    moment,
    of_transaction,
    run_to,
)

if TYPE_CHECKING:
    from forecourt.station.effects import LogEvent
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World
    from tests.charging_profiles import Profile

HARDWARE_W = 180_000.0
"""Of a gun and of the whole station of the fixture."""


def begin(world: World) -> float:
    """The second of the world at which the next request will be read, if nothing else happens."""
    return world.now + world.latency_s


def rows(answer: dict[str, Any]) -> list[tuple[int, float]]:
    return [(row["startPeriod"], row["limit"]) for row in answer["chargingSchedule"]["chargingSchedulePeriod"]]


def last_refusal(station: SimulatedStation) -> LogEvent:
    return [event for event in station.log if event.name == "GetCompositeSchedule refused"][-1]


# The answer.


@pytest.mark.requirement("OCPP-5.7-1", "OCPP-6-2")
def test_answer_covers_the_time_from_reception_for_the_duration(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    run_to(world, 100)
    assert install(central, default(1, (0, 30_000), (3600, 20_000), start_s=0)) == "Accepted"
    received = START + timedelta(seconds=begin(world))
    answer = central.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 7200})
    assert set(answer) == {"status", "connectorId", "scheduleStart", "chargingSchedule"}
    assert set(answer["chargingSchedule"]) == {"duration", "chargingRateUnit", "chargingSchedulePeriod"}
    assert (answer["status"], answer["connectorId"]) == ("Accepted", 1)
    assert abs(datetime.fromisoformat(answer["scheduleStart"]) - received) < timedelta(seconds=0.005)
    assert answer["chargingSchedule"]["duration"] == 7200
    assert answer["chargingSchedule"]["chargingRateUnit"] == "W"
    change_s = 3600 - (received - START).total_seconds()
    assert rows(answer) == [(0, 30_000), (int(change_s) + 1, 20_000)]
    assert composite(central, 1, int(change_s) - 60) == [(0, 30_000)]


@pytest.mark.requirement("OCPP-5.7-3")
@pytest.mark.parametrize("connector", [3, -1, 2**40])
def test_unknown_connector_is_rejected(central: ScriptedSupervision, station: SimulatedStation, connector: int) -> None:
    answer = central.ask("GetCompositeSchedule", {"connectorId": connector, "duration": 60})
    assert answer == {"status": "Rejected"}
    assert last_refusal(station).detail == f"expected connectorId 0 to 2, came {connector}"


@pytest.mark.requirement("OCPP-5.7-4")
def test_unit_that_does_not_exist_is_an_error(central: ScriptedSupervision, station: SimulatedStation) -> None:
    answer = central.call("GetCompositeSchedule", {"connectorId": 1, "duration": 60, "chargingRateUnit": "kW"})
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "PropertyConstraintViolation")


def test_negative_duration_is_rejected(central: ScriptedSupervision, station: SimulatedStation) -> None:
    assert central.ask("GetCompositeSchedule", {"connectorId": 1, "duration": -1}) == {"status": "Rejected"}
    assert "duration of 0 or more, came -1" in last_refusal(station).detail


def test_duration_of_0_gives_what_holds_now(central: ScriptedSupervision, station: SimulatedStation) -> None:
    assert install(central, default(1, (0, 30_000))) == "Accepted"
    answer = central.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 0})
    assert answer["chargingSchedule"]["duration"] == 0
    assert rows(answer) == [(0, 30_000)]


def test_schedule_is_a_week_at_most_and_says_so(central: ScriptedSupervision, station: SimulatedStation) -> None:
    assert install(central, daily(1, (0, 30_000), (43_200, 20_000))) == "Accepted"
    answer = central.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 2**62})
    assert answer["chargingSchedule"]["duration"] == WEEK_S
    assert len(rows(answer)) == 15


# The figures.


@pytest.mark.requirement("OCPP-3.13.3-1")
def test_schedule_takes_the_lowest_of_profile_and_hardware_at_each_time(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert composite(central, 1, 600) == [(0, HARDWARE_W)]
    run_to(world, 10 - world.latency_s)
    assert install(central, default(1, (0, 500_000), (110, 60_000), (210, 120_000), (310, 400_000))) == "Accepted"
    run_to(world, 10 - world.latency_s + 0.1)
    assert composite(central, 1, 600) == [(0, HARDWARE_W), (100, 60_000), (200, 120_000), (300, HARDWARE_W)]
    station.fault("0x100102", 1)
    assert [limit for _, limit in composite(central, 1, 600)] == [90_000, 60_000, 90_000]
    station.fault("0x200101", 0)
    station.clear("0x100102", 1)
    assert [limit for _, limit in composite(central, 1, 600)] == [90_000, 60_000, 90_000]


@pytest.mark.requirement("OCPP-3.13.3-2")
def test_schedule_is_never_above_what_it_was_merged_from(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The prevailing profile of each second, by hand: level 2 from 100 to 200, level 1 otherwise; and the hardware."""
    low = [(0, 50_000.0), (150, 200_000.0), (400, 20_000.0)]
    high = [(0, 70_000.0), (50, 300_000.0)]
    run_to(world, 20 - 3 * world.latency_s)
    assert install(central, default(1, *low, level=1, start_s=20)) == "Accepted"
    assert install(central, default(2, *high, level=2, start_s=120, duration=100)) == "Accepted"
    answer = central.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 600})
    offset_s = (datetime.fromisoformat(answer["scheduleStart"]) - START).total_seconds()
    for second in range(600):
        at_s = offset_s + second
        written = [limit for start, limit in rows(answer) if start <= second][-1]
        stack, since = (high, 120) if 120 <= at_s < 220 else (low, 20)
        prevailing = [limit for start, limit in stack if start <= at_s - since]
        assert written == min(*prevailing[-1:], HARDWARE_W)


@pytest.mark.requirement("OCPP-5.7-2")
def test_connector_0_gives_the_expected_total_of_the_station(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert composite(central, 0, 600) == [(0, HARDWARE_W)]
    charge(world, station, 1)
    assert install(central, default(1, (0, 50_000)), 1) == "Accepted"
    assert install(central, default(2, (0, 20_000), (3600, 40_000.5), (7200, 150_000)), 2) == "Accepted"
    assert [limit for _, limit in composite(central, 0, 9000)] == [70_000, 90_000.5, HARDWARE_W]
    assert install(central, of_transaction(3, (0, 10_000)), 1) == "Accepted"
    assert [limit for _, limit in composite(central, 0, 9000)] == [30_000, 50_000.5, 160_000]


def test_chademo_gun_counts_with_its_hardware(world: World, central: ScriptedSupervision) -> None:
    world.add_station(model="EVD1S180THB")
    world.run(5)
    assert install(central, default(1, (0, 50_000)), 0) == "Accepted"
    assert [composite(central, connector, 60) for connector in (1, 2, 0)] == [
        [(0, 50_000)],
        [(0, 62_000)],
        [(0, 112_000)],
    ]


def test_gun_without_transaction_counts_relative_profiles_from_now(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    profile = default(1, (0, 50_000), (60, 20_000), chargingProfileKind="Relative", startSchedule=None)
    assert install(central, profile) == "Accepted"
    assert composite(central, 1, 600) == [(0, 50_000), (60, 20_000)]
    charge(world, station)
    world.run(10)
    assert composite(central, 1, 600)[1][0] in range(60 - 35, 60 - 25)


@pytest.mark.requirement("OCPP-5.16-12", "OCPP-5.16-13")
def test_duration_ends_a_schedule_and_its_last_period_lasts_until_then(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    run_to(world, 10 - world.latency_s)
    assert install(central, default(1, (0, 50_000), (100, 20_000), (300, 8000), start_s=10, duration=200)) == "Accepted"
    assert composite(central, 1, 600) == [(0, 50_000), (100, 20_000), (200, HARDWARE_W)]
    assert install(central, default(1, (0, 50_000), (100, 20_000), start_s=10, duration=500)) == "Accepted"
    assert composite(central, 1, 600) == [(0, 50_000), (100, 20_000), (500, HARDWARE_W)]


@pytest.mark.requirement("OCPP-3.13.2-5")
def test_highest_level_without_duration_never_gives_way(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, default(1, (0, 50_000), (100, 20_000), level=5)) == "Accepted"
    assert install(central, default(2, (0, 10_000), level=4)) == "Accepted"
    run_to(world, 200)
    assert composite(central, 1, WEEK_S) == [(0, 20_000)]
    run_to(world, 8 * DAY_S)
    assert composite(central, 1, 600) == [(0, 20_000)]


@pytest.mark.requirement("OCPP-5.16-15", "OCPP-7-12")
@pytest.mark.parametrize(("lower", "between"), [(None, HARDWARE_W), (default(2, (0, 90_000), level=1), 90_000)])
@pytest.mark.parametrize(
    ("recurrency", "recurrence_s"),
    [
        pytest.param("Daily", DAY_S, marks=pytest.mark.requirement("GUIDE-CHG-13")),
        pytest.param("Weekly", WEEK_S, marks=pytest.mark.requirement("GUIDE-CHG-14")),
    ],
)
def test_recurring_schedule_comes_again_and_between_the_next_level_holds(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    recurrency: str,
    recurrence_s: int,
    lower: Profile | None,
    between: float,
) -> None:
    """It starts on a Monday at 10:00, two recurrences before the world, which begins on a Monday at 8:00."""
    start_s = 7200 - 2 * recurrence_s
    recurring = daily(1, (0, 50_000), (600, 20_000), start_s=start_s, duration=1200, recurrencyKind=recurrency, level=3)
    for profile in (recurring, lower):
        assert profile is None or install(central, profile) == "Accepted"
    for recurrence in (0, 1, 2):
        run_to(world, recurrence * recurrence_s + 7140 - world.latency_s)
        found = composite(central, 1, recurrence_s - 7200)
        assert found == [(0, between), (60, 50_000), (660, 20_000), (1260, between)]


@pytest.mark.requirement("OCPP-5.16-14")
def test_recurring_schedule_never_runs_past_its_recurrence(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    long = daily(1, (0, 50_000), (DAY_S - 60, 20_000), (DAY_S + 60, 8000), start_s=-7200, duration=3 * DAY_S)
    assert install(central, long) == "Accepted"
    run_to(world, DAY_S - 7200 - 120 - world.latency_s)
    assert composite(central, 1, DAY_S) == [(0, 50_000), (60, 20_000), (120, 50_000)]


# What it says comes true.


def test_station_does_at_each_change_what_its_schedule_said(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    relative = of_transaction(9, (0, 70_000), (700, 11_000), level=2, duration=1400, validFrom=moment(333.25))
    for profile in (
        daily(1, (0, 40_000.5), (600, 0), (900, 35_000), start_s=-DAY_S + 200.6, duration=1500, level=1),
        default(2, (0, 60_000), (1111, 25_000), level=4, start_s=100, validTo=moment(1600.5)),
        default(3, (0, 90_000), level=0, start_s=50),
    ):
        assert install(central, profile, profile["stackLevel"] % 2) == "Accepted"
    assert install(central, relative) == "Accepted"
    answer = central.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 3600})
    start_s = (datetime.fromisoformat(answer["scheduleStart"]) - START).total_seconds()
    said = rows(answer)
    assert len(said) >= 6
    for (start, limit), (following, _) in pairwise([*said, (3600, 0.0)]):
        run_to(world, start_s + start + 0.001)
        assert allowed_w(station) == limit
        run_to(world, start_s + following - 1.001)
        assert allowed_w(station) == limit


def allowed_w(station: SimulatedStation) -> float:
    limit_w = station.connector(1).limit_w
    return HARDWARE_W if limit_w is None else limit_w
