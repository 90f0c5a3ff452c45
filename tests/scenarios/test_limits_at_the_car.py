"""What charging profiles do to car, meter, status and messages (guide, "SetChargingProfile"; facts §7)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.cabinet.archetypes import CHADEMO_CAR, FAMILY_CAR
from forecourt.evlink.models import MODELS
from tests.charging_profiles import (
    charge,
    clear,
    composite,
    daily,
    default,
    install,
    installed,
    moment,
    of_transaction,
    run_to,
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


def meter(station: SimulatedStation, measurand: str) -> float:
    """The last value of a measurand in the MeterValues of the station."""
    values = station.wire.payloads("MeterValues")[-1]["meterValue"][0]["sampledValue"]
    return float(next(value["value"] for value in values if value["measurand"] == measurand))


# The limit reaches the car.


@pytest.mark.requirement("GUIDE-CHG-10")
def test_absolute_profile_counts_from_its_start(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, default(1, (0, 50_000), (300, 20_000), (600, 0), start_s=600)) == "Accepted"
    charge(world, station, car=BIG_CAR)
    for at_s, power_w in ((600, 50_000), (900, 20_000)):
        run_to(world, at_s - 0.01)
        assert drawn(station) > power_w + 10_000
        run_to(world, at_s + 0.01)
        assert drawn(station) == pytest.approx(power_w)
        assert station.connector().limit_w == power_w


@pytest.mark.requirement("GUIDE-CHG-12")
def test_relative_profile_counts_from_the_start_of_the_transaction(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    profile = default(1, (0, 50_000), (300, 20_000), chargingProfileKind="Relative", startSchedule=None)
    assert install(central, profile, 0) == "Accepted"
    for connector, at_s in ((1, 1000), (2, 1500)):
        run_to(world, at_s)
        charge(world, station, connector, BIG_CAR)
        assert drawn(station, connector) == pytest.approx(50_000)
        run_to(world, at_s + 300.9)
        assert drawn(station, connector) == pytest.approx(50_000)
        run_to(world, at_s + 301.2)
        assert drawn(station, connector) == pytest.approx(20_000)


def test_relative_profile_is_not_moved_by_a_correction_of_the_clock(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    profile = default(1, (0, 50_000), (300, 20_000), chargingProfileKind="Relative", startSchedule=None)
    assert install(central, profile, 0) == "Accepted"
    charge(world, station, car=BIG_CAR)
    central.answers["Heartbeat"] = lambda _: {"currentTime": moment(world.now + 5000)}
    station.set_key("HeartbeatInterval", "1")
    world.run(250)
    assert station.snapshot().clock.hour == 9
    assert drawn(station) == pytest.approx(50_000)
    world.run(60)
    assert drawn(station) == pytest.approx(20_000)


def test_absolute_profile_follows_a_correction_of_the_clock(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, default(1, (0, 50_000), (4000, 20_000))) == "Accepted"
    charge(world, station, car=BIG_CAR)
    assert drawn(station) == pytest.approx(50_000)
    central.answers["Heartbeat"] = {"currentTime": moment(world.now + 5000)}
    station.set_key("HeartbeatInterval", "1")
    world.run(5)
    assert drawn(station) == pytest.approx(20_000)


@pytest.mark.requirement("OCPP-3.13.1-2")
def test_default_for_connector_0_holds_for_every_gun_and_one_for_a_gun_for_that_one(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for connector in (1, 2):
        charge(world, station, connector, BIG_CAR)
    assert install(central, default(1, (0, 30_000)), 0) == "Accepted"
    assert [drawn(station, connector) for connector in (1, 2)] == pytest.approx([30_000, 30_000])
    assert clear(central) == "Accepted"
    assert install(central, default(1, (0, 30_000)), 2) == "Accepted"
    assert drawn(station, 1) > FREE_W
    assert drawn(station, 2) == pytest.approx(30_000)


@pytest.mark.requirement("OCPP-3.13.1-3")
def test_default_for_a_gun_displaces_that_of_its_level_for_connector_0(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The displaced one does not come back in the gaps of the other; one of another level does."""
    for connector in (1, 2):
        charge(world, station, connector, BIG_CAR)
    start_s = round(world.now)
    assert install(central, default(1, (0, 30_000), level=2), 0) == "Accepted"
    assert install(central, default(2, (0, 50_000), level=2, start_s=start_s, duration=600), 1) == "Accepted"
    assert install(central, default(3, (0, 20_000), level=1), 0) == "Accepted"
    assert [drawn(station, connector) for connector in (1, 2)] == pytest.approx([50_000, 30_000])
    run_to(world, start_s + 601)
    assert [drawn(station, connector) for connector in (1, 2)] == pytest.approx([20_000, 30_000])


@pytest.mark.requirement("OCPP-3.13.1-4", "OCPP-3.13.1-5")
def test_profile_of_a_transaction_overrules_the_default_until_that_transaction_ends(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, default(1, (0, 30_000), level=9), 0) == "Accepted"
    for connector in (1, 2):
        charge(world, station, connector, BIG_CAR)
    assert install(central, of_transaction(2, (0, 50_000), transactionId=1)) == "Accepted"
    assert [drawn(station, connector) for connector in (1, 2)] == pytest.approx([50_000, 30_000])
    assert central.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Accepted"}
    world.run(10)
    assert installed(station) == [(0, 1)]
    assert [key for key in station.records if key[0] == "profile"] == [("profile", "1")]
    station.unplug(1)
    world.run(10)
    charge(world, station, 1, BIG_CAR)
    assert drawn(station) == pytest.approx(30_000)


@pytest.mark.requirement("OCPP-3.13.1-8", "OCPP-3.13.1-9")
def test_default_holds_at_once_for_a_running_transaction_and_lets_it_go_at_once(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for connector in (1, 2):
        charge(world, station, connector, BIG_CAR)
    assert install(central, of_transaction(9, (0, 25_000)), 2) == "Accepted"
    assert is_free(station)
    for limit_w in (50_000, 20_000):
        assert install(central, default(1, (0, limit_w)), 0) == "Accepted"
        assert [drawn(station, connector) for connector in (1, 2)] == pytest.approx([limit_w, 25_000])
    assert clear(central, id=1) == "Accepted"
    assert is_free(station)
    assert station.connector().limit_w is None
    assert station.connector().transaction is not None


@pytest.mark.requirement("OCPP-3.13.2-1")
def test_highest_level_of_those_valid_now_prevails(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station, car=BIG_CAR)
    assert install(central, default(1, (0, 20_000), level=1)) == "Accepted"
    assert install(central, default(2, (0, 50_000), level=3, start_s=300, duration=300)) == "Accepted"
    assert install(central, default(3, (0, 30_000), level=2, start_s=300, duration=600)) == "Accepted"
    for at_s, power_w in ((290, 20_000), (301, 50_000), (601, 30_000), (901, 20_000)):
        run_to(world, at_s)
        assert drawn(station) == pytest.approx(power_w)


@pytest.mark.requirement("OCPP-3.13.2-2", "OCPP-7-6")
def test_validity_bounds_profiles_of_both_purposes(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station, car=BIG_CAR)
    valid: dict[str, Any] = {"validFrom": moment(300), "validTo": moment(600)}
    assert install(central, default(1, (0, 50_000), validFrom=moment(200), validTo=moment(700))) == "Accepted"
    assert install(central, of_transaction(2, (0, 20_000), **valid)) == "Accepted"
    for at_s, power_w in ((201, 50_000), (299, 50_000), (301, 20_000), (599, 20_000), (601, 50_000), (699, 50_000)):
        run_to(world, at_s)
        assert drawn(station) == pytest.approx(power_w), at_s
    run_to(world, 701)
    assert is_free(station)


@pytest.mark.requirement("OCPP-3.13.2-4")
def test_replacement_that_is_valid_later_leaves_default_behaviour_until_then(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station, car=BIG_CAR)
    assert install(central, default(1, (0, 20_000), level=1)) == "Accepted"
    assert install(central, default(2, (0, 50_000), level=2)) == "Accepted"
    assert install(central, default(3, (0, 30_000), level=2, validFrom=moment(600))) == "Accepted"
    assert installed(station) == [(1, 1), (1, 3)]
    assert drawn(station) == pytest.approx(20_000)
    run_to(world, 601)
    assert drawn(station) == pytest.approx(30_000)


def test_meter_values_say_what_is_offered(world: World, central: ScriptedSupervision) -> None:
    station = world.add_station(model="EVD1S180TBB", keys={"MeterValueSampleInterval": "10"})
    world.run(5)
    charge(world, station, car=BIG_CAR)
    for limit_w in (60_000, 20_000):
        assert install(central, default(1, (0, limit_w))) == "Accepted"
        world.run(11)
        assert meter(station, "Power.Offered") == limit_w
        assert meter(station, "Power.Active.Import") == limit_w
        assert meter(station, "Current.Offered") == pytest.approx(limit_w / station.reading().voltage_v, abs=0.06)


# Offline.


@pytest.mark.requirement("OCPP-3.13.6-1", "OCPP-3.13.6-2")
def test_profiles_hold_offline_for_what_runs_and_for_what_starts(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station, 1, BIG_CAR)
    assert install(central, of_transaction(1, (0, 50_000), (600, 20_000))) == "Accepted"
    assert install(central, default(2, (0, 30_000)), 0) == "Accepted"
    station.network_down()
    world.run(5)
    charge(world, station, 2, BIG_CAR)
    assert [drawn(station, connector) for connector in (1, 2)] == pytest.approx([50_000, 30_000])
    world.run(700)
    assert not station.is_connected
    assert [drawn(station, connector) for connector in (1, 2)] == pytest.approx([20_000, 30_000])


@pytest.mark.requirement("OCPP-3.13.6-3")
def test_offline_and_without_profiles_nothing_limits(world: World, station: SimulatedStation) -> None:
    station.network_down()
    world.run(5)
    charge(world, station, car=BIG_CAR)
    assert is_free(station)
    assert station.connector().limit_w is None


# A setpoint of 0.


@pytest.mark.requirement("GUIDE-CHG-04")
@pytest.mark.parametrize(("model", "modules"), [("EVD1S180TBB", 3), ("EVD1S60TBB", 1), ("EVD1S120TBB", 2)])
def test_setpoint_of_0_leaves_half_an_ampere_a_module(
    world: World, central: ScriptedSupervision, model: str, modules: int
) -> None:
    """Modules of 30 kW, shared evenly between the guns (reading A26)."""
    assert model in {row.reference for row in MODELS}
    station = world.add_station(model=model, keys={"MeterValueSampleInterval": "10"})
    world.run(5)
    charge(world, station)
    assert install(central, default(1, (0, 0))) == "Accepted"
    world.run(20)
    reading = station.reading()
    assert reading.current_a == pytest.approx(0.5 * modules)
    assert reading.power_w == pytest.approx(0.5 * modules * reading.voltage_v)
    assert meter(station, "Current.Import") == 0.5 * modules
    assert meter(station, "Power.Offered") == 0
    assert meter(station, "Power.Active.Import") > 100


@pytest.mark.requirement("GUIDE-CHG-05", "OCPP-4.9-8")
def test_gun_at_0_is_suspended_by_the_station_and_its_transaction_goes_on(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    assert install(central, default(1, (0, 0))) == "Accepted"
    world.run(60)
    assert (station.status(), station.reported()[-1]) == ("SuspendedEVSE", "SuspendedEVSE")
    assert station.connector().transaction is not None
    assert not station.wire.calls("StopTransaction")
    assert install(central, default(1, (0, 20_000))) == "Accepted"
    world.run(1)
    assert (station.status(), station.reported()[-1]) == ("Charging", "Charging")
    assert drawn(station) == pytest.approx(20_000)


def test_session_that_begins_at_0_is_suspended_until_its_profile_lets_it_go(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, default(1, (0, 0), (120, 20_000))) == "Accepted"
    charge(world, station)
    assert station.reported()[-2:] == ["Preparing", "SuspendedEVSE"]
    actions = [m.action for m in station.wire.calls() if m.payload.get("status") != "Preparing"]
    assert actions[-2:] == ["StartTransaction", "StatusNotification"]
    assert drawn(station) < 1000
    run_to(world, 121)
    assert station.reported()[-1] == "Charging"
    assert drawn(station) == pytest.approx(20_000)


def test_car_that_pauses_at_0_is_found_paused_afterwards(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    assert install(central, default(1, (0, 0))) == "Accepted"
    station.pause_car()
    world.run(1)
    assert station.status() == "SuspendedEVSE"
    assert clear(central) == "Accepted"
    world.run(1)
    assert station.reported()[-1] == "SuspendedEV"


def test_session_stops_from_0_as_from_anywhere(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    assert install(central, of_transaction(1, (0, 0))) == "Accepted"
    station.badge("TAG1")
    world.run(10)
    assert station.reported()[-2:] == ["SuspendedEVSE", "Finishing"]
    station.unplug()
    world.run(5)
    charge(world, station)
    assert station.status() == "Charging"
    assert is_free(station)


def test_cable_pulled_at_0_without_a_stop_is_the_cars_doing_until_it_is_back(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("StopTransactionOnEVSideDisconnect", "false")
    charge(world, station)
    assert install(central, default(1, (0, 0))) == "Accepted"
    world.run(1)
    station.unplug()
    assert station.status() == "SuspendedEV"
    station.plug()
    world.run(10)
    assert station.status() == "SuspendedEVSE"
    assert clear(central) == "Accepted"
    assert station.status() == "Charging"


# CHAdeMO.


@pytest.mark.requirement("GUIDE-CHG-02", "GUIDE-CHG-03")
def test_default_for_connector_0_limits_the_ccs2_gun_and_not_the_chademo_gun(
    world: World, central: ScriptedSupervision
) -> None:
    station = world.add_station(model="EVD1S180THB")
    world.run(5)
    assert install(central, default(1, (0, 5000)), 0) == "Accepted"
    charge(world, station, 1, BIG_CAR)
    charge(world, station, 2, CHADEMO_CAR)
    assert drawn(station, 1) == pytest.approx(5000)
    assert drawn(station, 2) > 40_000
    assert station.connector(2).limit_w is None


# Beside other limits.


def test_lower_of_heat_and_profile_counts(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station, car=BIG_CAR)
    station.fault("0x100102", 1)
    world.run(1)
    assert drawn(station) == pytest.approx(90_000)
    assert install(central, default(1, (0, 120_000))) == "Accepted"
    assert drawn(station) == pytest.approx(90_000)
    assert install(central, default(1, (0, 20_000))) == "Accepted"
    station.clear("0x100102", 1)
    assert drawn(station) == pytest.approx(20_000)
    station.fault("0x100102", 1)
    assert clear(central) == "Accepted"
    assert drawn(station) == pytest.approx(90_000)


def test_installer_may_rate_a_gun_and_the_station_lower(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station, car=BIG_CAR)
    station.set_key("ConnectorALimitedPower", "50")
    assert drawn(station) == pytest.approx(50_000)
    assert composite(central, 1, 60) == [(0, 50_000)]
    station.set_key("ChargeLimitedPower", "40")
    assert drawn(station) == pytest.approx(40_000)
    assert [composite(central, connector, 60) for connector in (0, 1)] == [[(0, 40_000)], [(0, 40_000)]]
    station.reboot()
    world.run(100)
    station.unplug()
    charge(world, station, car=BIG_CAR)
    assert drawn(station) == pytest.approx(40_000)
    station.set_key("ChargeLimitedPower", "180")
    station.set_key("ConnectorALimitedPower", "180")
    assert is_free(station)


@pytest.mark.requirement("OCPP-3.13.3-3")
def test_both_guns_never_take_more_than_the_station_has(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Whatever each may take by its own profile, and while that changes every minute."""
    for connector in (1, 2):
        charge(world, station, connector, BIG_CAR)
    first = [(60 * place, (150_000, 0, 100_000, 60_000)[place % 4]) for place in range(20)]
    second = [(60 * place, (180_000, 120_000, 1000)[place % 3]) for place in range(20)]
    assert install(central, default(1, *first), 1) == "Accepted"
    assert install(central, default(2, *second), 2) == "Accepted"
    totals = []
    for _ in range(115):
        world.run(10)
        totals.append(drawn(station, 1) + drawn(station, 2))
    assert max(totals) == pytest.approx(180_000)
    assert max(totals) <= 180_000.001
    assert len({round(total) for total in totals}) > 5


# Daily, at the car.


@pytest.mark.requirement("GUIDE-CHG-13")
def test_daily_profile_limits_at_the_same_time_each_day(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Its first day was yesterday; the car stays for two."""
    assert install(central, daily(1, (0, 0), (7200, 2000), start_s=-86_400 + 600, duration=10_800)) == "Accepted"
    charge(world, station, car=msgspec.structs.replace(BIG_CAR, battery_kwh=2000.0, curve=((0, 20), (100, 20))))
    for day in (0, 1):
        for after_s, power_w in ((590, 20_000), (610, 0), (7790, 0), (7810, 2000), (11_390, 2000), (11_410, 20_000)):
            run_to(world, day * 86_400 + after_s)
            assert station.connector().limit_w == (None if power_w == 20_000 else power_w)
            assert drawn(station) == pytest.approx(power_w, abs=1000)
            assert (station.status() == "SuspendedEVSE") == (power_w == 0)


# At the meter: what the supervision is told of the energy.


def register_wh(station: SimulatedStation) -> list[float]:
    """The register of each MeterValues of the transaction on connector 1, oldest first."""
    return [
        float(value["value"])
        for request in station.wire.payloads("MeterValues")
        for value in request["meterValue"][0]["sampledValue"]
        if value["measurand"] == "Energy.Active.Import.Register"
    ]


@pytest.mark.requirement("GUIDE-CHG-10", "GUIDE-CHG-04")
def test_meter_counts_what_each_period_of_an_absolute_profile_allows(
    world: World, central: ScriptedSupervision
) -> None:
    """Samples on the periods' bounds: 50 kW, 20 kW, 1.5 A of three modules, and 120 kW for five minutes each."""
    station = world.add_station(model="EVD1S180TBB", keys={"MeterValueSampleInterval": "0"})
    station.set_key("ClockAlignedDataInterval", "300")
    world.run(5)
    periods = ((0, 50_000), (300, 20_000), (600, 0), (900, 120_000))
    assert install(central, default(1, *periods, start_s=600, duration=1200)) == "Accepted"
    charge(world, station, car=msgspec.structs.replace(BIG_CAR, pack_voltage=((0, 400), (100, 400))))
    run_to(world, 1801)
    samples = register_wh(station)[-5:]
    given_wh = [later - earlier for earlier, later in pairwise(samples)]
    assert given_wh == pytest.approx([50_000 / 12, 20_000 / 12, 1.5 * 400 / 12, 120_000 / 12], abs=1.0)


@pytest.mark.requirement("GUIDE-CHG-12")
def test_stop_carries_what_a_relative_profile_allowed_since_the_start(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    profile = default(1, (0, 60_000), (360, 6_000), chargingProfileKind="Relative", startSchedule=None)
    assert install(central, profile) == "Accepted"
    charge(world, station, car=BIG_CAR)
    world.run(3600 - 20)
    station.badge("TAG1")
    world.run(5)
    (stop,) = station.wire.payloads("StopTransaction")
    energy_wh = stop["meterStop"] - station.wire.payloads("StartTransaction")[0]["meterStart"]
    begun_late_wh = 60_000 / 3600 * 4.5 + (60_000 - 36_000) / 3600
    assert energy_wh == pytest.approx(6000 + 6000 * 0.9 - begun_late_wh, abs=1.5)


@pytest.mark.requirement("GUIDE-CHG-02", "GUIDE-CHG-03")
def test_meters_of_both_guns_tell_that_only_the_ccs2_gun_is_limited(world: World, central: ScriptedSupervision) -> None:
    station = world.add_station(model="EVD1S180THB")
    world.run(5)
    assert install(central, default(1, (0, 12_000)), 0) == "Accepted"
    charge(world, station, 1, BIG_CAR)
    charge(world, station, 2, msgspec.structs.replace(CHADEMO_CAR, battery_kwh=500.0))
    before = [station.reading(connector).energy_wh for connector in (1, 2)]
    world.run(600)
    given_wh = [station.reading(connector).energy_wh - was for connector, was in zip((1, 2), before, strict=True)]
    assert given_wh[0] == pytest.approx(2000)
    assert given_wh[1] > 40_000 / 6
    for connector, wh in zip((1, 2), given_wh, strict=True):
        power_wh = station.connector(connector).meter_wh - int(before[connector - 1])
        assert power_wh == pytest.approx(wh, abs=1.0)
