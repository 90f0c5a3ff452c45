"""The cabinet through its doors: what flows, what the meter says, and what the station is told."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.cabinet.archetypes import ARCHETYPES, CHADEMO_CAR, FAMILY_CAR, LONG_DISTANCE_CAR, SMALL_CAR
from forecourt.cabinet.cabinet import GunError, SimulatedCabinet
from forecourt.cabinet.car import Car, OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures
from forecourt.cabinet.phases import Stage
from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor
from forecourt.station.events import CablePlugged, CableUnplugged, VehicleDrawing, VehiclePaused
from forecourt.station.hardware import Phase

if TYPE_CHECKING:
    from forecourt.station.hardware import Hardware

CCS2 = GunFigures(output=OutputType.CCS2, limit_w=180_000, cable_current_a=500)
CHADEMO = GunFigures(output=OutputType.CHADEMO, limit_w=60_000, cable_current_a=125)
START = tuple(Stage(phase, 1.0, "") for phase in (Phase.LOCKING, Phase.INSULATION_CHECK, Phase.PRECHARGE))


def of_guns(station_limit_w: float, *guns: GunFigures) -> CabinetFigures:
    """A cabinet that begins after 3 s with its whole power, so that a charge can be worked out by hand."""
    return CabinetFigures(station_limit_w=station_limit_w, guns=guns, start=START, ramp=())


TWO_CCS2 = of_guns(180_000, CCS2, CCS2)
MIXED = of_guns(180_000, CCS2, CHADEMO)

FLAT_CAR = Car(
    battery_kwh=100.0,
    curve=((0, 120), (100, 120)),
    pack_voltage=((0, 400), (100, 400)),
    max_current_a=1000.0,
    soc_percent=0.0,
    efficiency=1.0,
)
"""A car so plain that its charge can be worked out by hand."""


GOLDEN = ["0x1.3e9746b74dbaep+14", "0x1.7f43111111110p+14"]
"""Registers of 20.4 and 24.5 kWh: what they are worth the integrator proves, here only that they never differ."""


def with_power(car: Car, power_kw: float) -> Car:
    return msgspec.structs.replace(car, curve=((0.0, power_kw), (100.0, power_kw)))


def charging(car: Car, figures: CabinetFigures = TWO_CCS2, connector: int = 1) -> SimulatedCabinet:
    """A cabinet with this car, which begins to draw at 3 s."""
    cabinet = SimulatedCabinet(figures)
    cabinet.plug(connector, car, 0.0)
    cabinet.handle(CloseContactor(connector), 0.0)
    assert cabinet.expire(3.0) == [VehicleDrawing(connector)]
    return cabinet


# A session.


def test_station_reads_the_cabinet_as_its_hardware() -> None:
    hardware: Hardware = charging(FAMILY_CAR)
    assert hardware.plugged(1)
    assert not hardware.plugged(2)
    assert hardware.vehicle_mac(1) == FAMILY_CAR.mac
    assert hardware.vehicle_mac(2) is None
    assert hardware.reading(1, 10.0).power_w > 100_000


def test_car_charges_as_worked_out_by_hand() -> None:
    """120 kW into 100 kWh without losses: 60 kWh in half an hour, full after 50 minutes."""
    cabinet = charging(FLAT_CAR)
    half = cabinet.reading(1, 1803.0)
    assert half.energy_wh == pytest.approx(60_000, abs=1e-6)
    assert half.soc_percent == pytest.approx(60, abs=1e-9)
    assert (half.power_w, half.voltage_v, half.current_a) == (120_000, 400, 300)
    assert cabinet.next_deadline() == pytest.approx(3003, abs=1e-6)
    assert cabinet.expire(3004.0) == [VehiclePaused(1)]
    assert cabinet.reading(1, 86_400.0).energy_wh == pytest.approx(100_000, abs=1e-6)


def test_gun_gives_nothing_before_the_contactor_closes() -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    assert cabinet.plug(1, FAMILY_CAR, 5.0) == [CablePlugged(1)]
    reading = cabinet.reading(1, 500.0)
    assert (reading.power_w, reading.voltage_v, reading.current_a, reading.energy_wh) == (0, 0, 0, 0)
    assert (reading.offered_w, reading.offered_a) == (0, 0)
    assert reading.soc_percent == FAMILY_CAR.soc_percent
    assert cabinet.next_deadline() == inf


def test_gun_offers_before_the_car_draws() -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    cabinet.plug(1, FAMILY_CAR, 0.0)
    assert cabinet.handle(CloseContactor(1), 0.0) == []
    assert cabinet.next_deadline() == 3.0
    reading = cabinet.reading(1, 2.0)
    assert (reading.power_w, reading.energy_wh) == (0, 0)
    assert reading.offered_w == 180_000
    assert reading.offered_a == pytest.approx(180_000 / reading.voltage_v)


def test_car_that_is_unplugged_takes_its_charge_with_it() -> None:
    cabinet = charging(FLAT_CAR)
    before = cabinet.car(1, 1803.0)
    assert cabinet.unplug(1, 1803.0) == [CableUnplugged(1)]
    assert before is not None
    assert before.soc_percent == pytest.approx(60)
    assert msgspec.structs.replace(before, soc_percent=0.0) == FLAT_CAR
    assert cabinet.car(1, 1900.0) is None
    reading = cabinet.reading(1, 1900.0)
    assert (reading.power_w, reading.voltage_v, reading.offered_w, reading.soc_percent) == (0, 0, 0, None)
    assert reading.energy_wh == pytest.approx(60_000)


def test_contactor_that_opens_ends_the_flow_and_a_second_closing_checks_again() -> None:
    cabinet = charging(FLAT_CAR)
    assert cabinet.handle(OpenContactor(1), 1803.0) == []
    assert cabinet.reading(1, 5000.0).energy_wh == pytest.approx(60_000)
    cabinet.handle(CloseContactor(1), 5000.0)
    assert cabinet.next_deadline() == 5003.0
    assert cabinet.expire(5003.0) == [VehicleDrawing(1)]
    assert cabinet.reading(1, 5033.0).energy_wh == pytest.approx(61_000)


def test_contactor_closed_twice_does_not_begin_again() -> None:
    cabinet = charging(FLAT_CAR)
    assert cabinet.handle(CloseContactor(1), 10.0) == []
    assert cabinet.reading(1, 10.0).power_w == 120_000


def test_contactor_stays_open_without_a_car() -> None:
    """The driver unplugged while the station's effect waited for its record; the next car must not be live."""
    cabinet = SimulatedCabinet(TWO_CCS2)
    assert cabinet.handle(CloseContactor(1), 0.0) == []
    cabinet.plug(1, FAMILY_CAR, 1.0)
    assert cabinet.reading(1, 100.0).voltage_v == 0
    assert cabinet.next_deadline() == inf


def test_car_that_is_full_enough_on_arrival_tells_so_after_the_checks() -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    cabinet.plug(1, msgspec.structs.replace(FAMILY_CAR, soc_percent=85.0, stop_at_soc_percent=80.0), 0.0)
    cabinet.handle(CloseContactor(1), 0.0)
    assert cabinet.expire(3.0) == [VehiclePaused(1)]
    reading = cabinet.reading(1, 1e6)
    assert (reading.energy_wh, reading.soc_percent) == (0, 85.0)
    assert reading.voltage_v > 340


def test_car_stops_at_the_state_of_charge_that_its_driver_wished() -> None:
    cabinet = charging(msgspec.structs.replace(FLAT_CAR, stop_at_soc_percent=79.5))
    due = cabinet.next_deadline()
    assert due == pytest.approx(3 + 79.5 / 100 * 3000)
    assert cabinet.expire(due) == [VehiclePaused(1)]
    assert cabinet.reading(1, due).soc_percent == 79.5
    assert cabinet.reading(1, due).energy_wh == pytest.approx(79_500)
    assert cabinet.next_deadline() == inf


def test_car_pauses_and_resumes() -> None:
    cabinet = charging(FLAT_CAR)
    assert cabinet.pause(1, 903.0) == [VehiclePaused(1)]
    assert cabinet.pause(1, 904.0) == []
    paused = cabinet.reading(1, 2000.0)
    assert (paused.power_w, paused.current_a, paused.voltage_v) == (0, 0, 400)
    assert paused.offered_w == 180_000
    assert cabinet.resume(1, 2000.0) == [VehicleDrawing(1)]
    assert cabinet.reading(1, 2900.0).energy_wh == pytest.approx(60_000)


def test_car_paused_before_the_contactor_closes_tells_so_after_the_checks() -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    cabinet.plug(1, FLAT_CAR, 0.0)
    assert cabinet.pause(1, 0.0) == []
    cabinet.handle(CloseContactor(1), 0.0)
    assert cabinet.expire(3.0) == [VehiclePaused(1)]


def test_full_car_that_is_resumed_takes_nothing() -> None:
    cabinet = charging(FLAT_CAR)
    cabinet.expire(4000.0)
    assert cabinet.pause(1, 4000.0) == []
    assert cabinet.resume(1, 4001.0) == []
    assert cabinet.reading(1, 5000.0).power_w == 0


def test_events_that_a_reading_passed_are_told_by_the_next_expire() -> None:
    """Whoever watches must not make the station miss what happened."""
    cabinet = charging(FLAT_CAR)
    full_s = cabinet.next_deadline()
    cabinet.reading(1, 5000.0)
    assert cabinet.next_deadline() == full_s
    assert cabinet.expire(5000.0) == [VehiclePaused(1)]
    assert cabinet.expire(5000.0) == []


def test_events_of_two_cars_come_in_their_order() -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    cabinet.plug(1, FLAT_CAR, 0.0)
    cabinet.plug(2, FLAT_CAR, 0.0)
    cabinet.handle(CloseContactor(2), 0.0)
    cabinet.handle(CloseContactor(1), 1.0)
    assert cabinet.unplug(2, 10.0) == [VehicleDrawing(2), VehicleDrawing(1), CableUnplugged(2)]


# Limits.


def test_every_reading_of_a_whole_charge_is_dc_and_tapers() -> None:
    """No 230 V on a DC gun: voltage is the battery's, rises with it, and U times I is P."""
    for car in ARCHETYPES.values():
        connector = 1 if OutputType.CCS2 in car.inlets else 2
        cabinet = charging(msgspec.structs.replace(car, pauses=()), MIXED, connector)
        end_s = cabinet.next_deadline()
        readings = [cabinet.reading(connector, 3 + (end_s - 3) * part / 400) for part in range(400)]
        volts = [reading.voltage_v for reading in readings]
        assert volts == sorted(volts)
        assert 290 < volts[0] < volts[-1] <= car.pack_voltage[-1][1]
        assert all(reading.voltage_v * reading.current_a == reading.power_w for reading in readings)
        assert all(reading.current_a <= car.max_current_a * (1 + 1e-12) for reading in readings)
        late = [round(reading.power_w, 6) for reading in readings if (reading.soc_percent or 0) > 80]
        assert late == sorted(late, reverse=True)
        assert late[-1] < 0.5 * max(reading.power_w for reading in readings)


def test_fast_charge_of_the_family_car_takes_about_half_an_hour() -> None:
    cabinet = charging(msgspec.structs.replace(FAMILY_CAR, soc_percent=10.0, stop_at_soc_percent=80.0))
    assert 24 * 60 < cabinet.next_deadline() < 36 * 60


@pytest.mark.parametrize(
    ("figures", "car", "power_w"),
    [
        (of_guns(50_000, CCS2), FLAT_CAR, 50_000),
        (of_guns(180_000, msgspec.structs.replace(CCS2, limit_w=60_000)), FLAT_CAR, 60_000),
        (of_guns(180_000, msgspec.structs.replace(CCS2, cable_current_a=200)), FLAT_CAR, 80_000),
        (TWO_CCS2, msgspec.structs.replace(FLAT_CAR, max_current_a=100.0), 40_000),
        (TWO_CCS2, FLAT_CAR, 120_000),
    ],
    ids=["station", "connector", "cable", "car's current", "car's curve"],
)
def test_smallest_limit_decides(figures: CabinetFigures, car: Car, power_w: float) -> None:
    reading = charging(car, figures).reading(1, 10.0)
    assert reading.power_w == pytest.approx(power_w)
    assert reading.current_a == pytest.approx(power_w / 400)
    assert reading.offered_w >= reading.power_w


def test_limit_holds_at_once_and_is_lifted_at_once() -> None:
    cabinet = charging(FLAT_CAR)
    cabinet.handle(LimitPower(1, 30_000.0), 1803.0)
    limited = cabinet.reading(1, 1803.0)
    assert (limited.power_w, limited.offered_w, limited.offered_a) == (30_000, 30_000, 75)
    assert cabinet.reading(1, 3603.0).energy_wh == pytest.approx(75_000)
    cabinet.handle(LimitPower(1, None), 3603.0)
    assert cabinet.reading(1, 3603.0).power_w == 120_000


def test_limit_above_what_the_car_asks_changes_only_the_offer() -> None:
    cabinet = charging(FLAT_CAR)
    cabinet.handle(LimitPower(1, 150_000.0), 10.0)
    reading = cabinet.reading(1, 10.0)
    assert (reading.power_w, reading.offered_w) == (120_000, 150_000)


def test_limit_of_nothing_leaves_half_an_ampere_a_module() -> None:
    """180 kW are 6 modules, 3 a gun: 1.5 A at 400 V are 600 W, and the meter sees them."""
    cabinet = charging(FLAT_CAR)
    assert cabinet.handle(LimitPower(1, 0.0), 1803.0) == []
    reading = cabinet.reading(1, 5403.0)
    assert (reading.current_a, reading.power_w) == (1.5, 600)
    assert (reading.offered_w, reading.offered_a) == (0, 0)
    assert reading.energy_wh == pytest.approx(60_600)


def test_paused_car_takes_no_residual_current() -> None:
    cabinet = charging(FLAT_CAR)
    cabinet.pause(1, 10.0)
    cabinet.handle(LimitPower(1, 0.0), 10.0)
    assert cabinet.reading(1, 20.0).current_a == 0


def test_limit_below_zero_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="no such limit"):
        charging(FLAT_CAR).handle(LimitPower(1, -1.0), 10.0)


# Two guns: 180 kW in six modules, so three for each, and what one leaves the other may take.


@pytest.mark.parametrize(
    ("asked_kw", "given_kw", "offered_kw"),
    [
        ((150, 150), (90, 90), (90, 90)),
        ((150, 40), (120, 40), (120, 60)),
        ((40, 150), (40, 120), (60, 120)),
        ((90, 90), (90, 90), (90, 90)),
        ((50, 60), (50, 60), (90, 90)),
        ((91, 89), (90, 89), (90, 90)),
        ((150, 30), (150, 30), (150, 30)),
        ((20, 20), (20, 20), (90, 90)),
    ],
)
def test_two_guns_share_the_station(
    asked_kw: tuple[float, float], given_kw: tuple[float, float], offered_kw: tuple[float, float]
) -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    for connector, power_kw in enumerate(asked_kw, start=1):
        cabinet.plug(connector, with_power(FLAT_CAR, power_kw), 0.0)
        cabinet.handle(CloseContactor(connector), 0.0)
    readings = [cabinet.reading(connector, 5.0) for connector in (1, 2)]
    assert [reading.power_w / 1000 for reading in readings] == pytest.approx(given_kw)
    assert [reading.offered_w / 1000 for reading in readings] == pytest.approx(offered_kw)


def test_second_car_takes_over_while_the_first_tapers() -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    cabinet.plug(1, msgspec.structs.replace(FAMILY_CAR, soc_percent=40.0), 0.0)
    cabinet.plug(2, msgspec.structs.replace(LONG_DISTANCE_CAR, battery_kwh=400.0), 0.0)
    for connector in (1, 2):
        cabinet.handle(CloseContactor(connector), 0.0)
    pairs = [tuple(cabinet.reading(connector, now).power_w for connector in (1, 2)) for now in range(3, 5000, 50)]
    assert pairs[0] == pytest.approx((90_000, 90_000))
    assert all(first + second <= 180_000 + 1e-6 for first, second in pairs)
    taken_over = [second for first, second in pairs if first < 80_000]
    assert len(taken_over) > 20
    assert taken_over[:20] == sorted(taken_over[:20])
    assert 120_000 in {round(second) for second in taken_over}


def test_gun_that_is_freed_gives_its_share_to_the_other_at_once() -> None:
    cabinet = charging(with_power(FLAT_CAR, 150))
    cabinet.plug(2, with_power(FLAT_CAR, 150), 10.0)
    assert cabinet.reading(1, 10.0).power_w == 150_000
    assert cabinet.modules(1, 10.0) == 6
    cabinet.handle(CloseContactor(2), 10.0)
    assert cabinet.reading(1, 12.9).power_w == 150_000
    assert cabinet.reading(1, 13.0).power_w == 90_000
    cabinet.unplug(2, 100.0)
    assert cabinet.reading(1, 100.0).power_w == 150_000


def test_guns_keep_their_meters_apart() -> None:
    cabinet = charging(FLAT_CAR)
    assert cabinet.registers(1803.0) == pytest.approx((60_000, 0))
    assert cabinet.reading(2, 1803.0).energy_wh == 0


# Power cuts and meters.


def test_power_cut_opens_the_contactors_and_keeps_meters_and_cars() -> None:
    cabinet = charging(FLAT_CAR)
    cabinet.handle(LimitPower(1, 60_000.0), 3.0)
    assert cabinet.cut_power(603.0) == []
    reading = cabinet.reading(1, 1000.0)
    assert (reading.power_w, reading.voltage_v, reading.offered_w) == (0, 0, 0)
    assert reading.energy_wh == pytest.approx(10_000)
    assert reading.soc_percent == pytest.approx(10)
    assert cabinet.plugged(1)
    cabinet.handle(CloseContactor(1), 1000.0)
    assert cabinet.reading(1, 1003.0).power_w == 120_000


def test_power_cut_hands_over_what_happened_before_it() -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    cabinet.plug(1, FLAT_CAR, 0.0)
    cabinet.handle(CloseContactor(1), 0.0)
    assert cabinet.cut_power(50.0) == [VehicleDrawing(1)]
    assert cabinet.next_deadline() == inf


def test_meters_go_on_from_the_registers_of_the_cabinet_before() -> None:
    before = charging(FLAT_CAR)
    after = SimulatedCabinet(TWO_CCS2, before.registers(1803.0))
    assert after.registers(0.0) == before.registers(1803.0)
    after.plug(1, FLAT_CAR, 0.0)
    after.handle(CloseContactor(1), 0.0)
    assert after.reading(1, 33.0).energy_wh == pytest.approx(61_000)


@pytest.mark.parametrize("registers", [(1.0,), (1.0, 2.0, 3.0), (1.0, -2.0), (nan, 0.0), (inf, 0.0)])
def test_registers_that_no_meter_shows_are_refused(registers: tuple[float, ...]) -> None:
    with pytest.raises(GunError, match="Expected 2 registers in Wh, none below 0"):
        SimulatedCabinet(TWO_CCS2, registers)


def test_same_story_gives_the_same_bytes_on_every_python() -> None:
    """Two cars, a limit and a cut: the figures to the last bit, whatever interpreter and machine."""
    cabinet = charging(FAMILY_CAR)
    cabinet.plug(2, LONG_DISTANCE_CAR, 61.7)
    cabinet.handle(CloseContactor(2), 63.1)
    cabinet.handle(LimitPower(2, 71_300.0), 333.3)
    cabinet.pause(1, 777.7)
    cabinet.cut_power(1234.5)
    assert [register.hex() for register in cabinet.registers(1234.5)] == GOLDEN


# Misuse.


def test_second_car_on_a_gun_is_refused() -> None:
    cabinet = charging(FAMILY_CAR)
    with pytest.raises(GunError, match="Gun 1 is in a car already"):
        cabinet.plug(1, SMALL_CAR, 10.0)
    assert cabinet.vehicle_mac(1) == FAMILY_CAR.mac


def test_car_whose_inlet_does_not_fit_is_refused() -> None:
    cabinet = SimulatedCabinet(MIXED)
    with pytest.raises(GunError, match=r"Gun 1 is CCS2, but the car takes CHAdeMO\."):
        cabinet.plug(1, CHADEMO_CAR, 0.0)
    with pytest.raises(GunError, match=r"Gun 2 is CHAdeMO, but the car takes CCS2\."):
        cabinet.plug(2, FAMILY_CAR, 0.0)
    assert not cabinet.plugged(1)
    assert not cabinet.plugged(2)


def test_gun_in_no_car_can_be_neither_unplugged_nor_paused() -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    for act in (cabinet.unplug, cabinet.pause, cabinet.resume):
        with pytest.raises(GunError, match="Gun 2 is in no car"):
            act(2, 0.0)


@pytest.mark.parametrize("connector", [-1, 0, 3])
def test_gun_that_is_not_there_is_refused(connector: int) -> None:
    cabinet = SimulatedCabinet(TWO_CCS2)
    with pytest.raises(GunError, match=f"There is no gun {connector}: this cabinet has 1 to 2"):
        cabinet.plug(connector, FAMILY_CAR, 0.0)


def test_time_that_goes_back_is_our_own_mistake() -> None:
    cabinet = charging(FAMILY_CAR)
    with pytest.raises(AssertionError, match="time went back"):
        cabinet.reading(1, 2.0)
