"""What cars are made of shows at the meter: their kinds, their pauses and their temperature."""

from __future__ import annotations

import msgspec
import pytest

from forecourt.cabinet.archetypes import ARCHETYPES, FAMILY_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.car import Car, OutputType
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.models import find_model
from forecourt.station.effects import CloseContactor
from forecourt.station.events import VehicleDrawing, VehiclePaused

DAY_S = 86_400.0
COLD = msgspec.structs.replace(FAMILY_CAR, battery_temperature_c=0.0)


def charging(car: Car) -> tuple[SimulatedCabinet, int]:
    """A cabinet that has been told at 0 s to charge the car, and the gun that fits."""
    gun = 1 if OutputType.CCS2 in car.inlets else 2
    cabinet = SimulatedCabinet(figures_of(find_model("EVD1S180THB")))
    assert cabinet.figures.guns[gun - 1].output in car.inlets
    cabinet.plug(gun, car, 0.0)
    cabinet.handle(CloseContactor(gun), 0.0)
    return cabinet, gun


@pytest.mark.parametrize("name", ARCHETYPES)
def test_every_kind_of_car_charges_to_its_wish_and_the_meter_has_what_went_in(name: str) -> None:
    car = ARCHETYPES[name]
    cabinet, gun = charging(car)
    events = cabinet.expire(DAY_S)
    reading = cabinet.reading(gun, DAY_S)
    assert events == [VehicleDrawing(gun), VehiclePaused(gun)]
    assert reading.soc_percent == car.stop_at_soc_percent
    assert reading.energy_wh == pytest.approx(car.inlet_wh(car.stop_at_soc_percent - car.soc_percent), abs=0.01)
    assert reading.power_w == 0.0


def test_car_that_pauses_by_itself_is_told_and_the_meter_stands_until_it_goes_on() -> None:
    cabinet, gun = charging(msgspec.structs.replace(FAMILY_CAR, pauses=((40.0, 45.0), (60.5, 20.0))))
    moments = []
    for at_percent, pause_s in ((40.0, 45.0), (60.5, 20.0)):
        cabinet.expire(cabinet.next_deadline())  # it begins to draw
        began_s = cabinet.next_deadline()
        assert cabinet.expire(began_s) == [VehiclePaused(gun)]
        stands = cabinet.reading(gun, began_s)
        assert stands.soc_percent == pytest.approx(at_percent)
        assert cabinet.reading(gun, began_s + pause_s - 0.001).energy_wh == stands.energy_wh
        assert cabinet.next_deadline() == pytest.approx(began_s + pause_s)
        moments.append(began_s)
    assert cabinet.expire(DAY_S) == [VehicleDrawing(gun), VehiclePaused(gun)]
    assert cabinet.reading(gun, DAY_S).soc_percent == 100.0
    assert moments == sorted(moments)


def test_car_that_arrives_past_its_pause_does_not_make_it() -> None:
    cabinet, gun = charging(msgspec.structs.replace(FAMILY_CAR, soc_percent=50.0, pauses=((40.0, 45.0),)))
    assert cabinet.expire(DAY_S) == [VehicleDrawing(gun), VehiclePaused(gun)]
    assert cabinet.reading(gun, DAY_S).soc_percent == 100.0


def test_cold_car_gets_a_third_at_first_and_takes_longer_to_the_same_energy() -> None:
    cold, gun = charging(COLD)
    warm, _ = charging(FAMILY_CAR)
    assert cold.reading(gun, 60.0).power_w == pytest.approx(0.3 * FAMILY_CAR.asked_w(20), rel=0.02)
    assert warm.reading(gun, 60.0).power_w == pytest.approx(FAMILY_CAR.asked_w(21), rel=0.02)
    for cabinet in (cold, warm):
        cabinet.expire(DAY_S)
    assert cold.reading(gun, DAY_S).energy_wh == pytest.approx(warm.reading(gun, DAY_S).energy_wh, abs=0.01)


def test_cold_car_that_is_plugged_in_again_half_way_is_as_warm_as_it_was() -> None:
    cabinet, gun = charging(COLD)
    half_s = 1800.0
    before = cabinet.reading(gun, half_s)
    car = cabinet.car(gun, half_s)
    assert car is not None
    assert car.battery_temperature_c == pytest.approx(0.4 * (car.soc_percent - 20))
    cabinet.unplug(gun, half_s)
    cabinet.plug(gun, car, half_s)
    cabinet.handle(CloseContactor(gun), half_s)
    again = cabinet.reading(gun, half_s + 30.0)
    assert again.power_w == pytest.approx(before.power_w, rel=0.02)
