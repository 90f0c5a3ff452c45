"""The phases of a session as they show from outside, with the durations of the tables."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.car import Car, CarError, OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures
from forecourt.cabinet.phases import ASSUMED_END, ASSUMED_START
from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor
from forecourt.station.events import CableUnplugged, VehicleDrawing, VehicleFailed, VehiclePaused
from forecourt.station.hardware import Phase

GUN = GunFigures(output=OutputType.CCS2, limit_w=180_000, cable_current_a=500)
FIGURES = CabinetFigures(station_limit_w=180_000, guns=(GUN, GUN))
HUNGRY = Car(
    battery_kwh=100.0,
    curve=((0, 150), (100, 150)),
    pack_voltage=((0, 400), (100, 400)),
    max_current_a=1000.0,
    soc_percent=0.0,
    efficiency=1.0,
)


def begun(car: Car = HUNGRY) -> SimulatedCabinet:
    """A cabinet whose first contactor was ordered closed at 0."""
    cabinet = SimulatedCabinet(FIGURES)
    cabinet.plug(1, car, 0.0)
    assert cabinet.reading(1, 0.0).phase is Phase.IDLE
    assert cabinet.handle(CloseContactor(1), 0.0) == []
    return cabinet


def phases(cabinet: SimulatedCabinet, since_s: float, until_s: float) -> list[tuple[str, float]]:
    """Each phase with the moment at which it is first seen, looking every tenth of a second."""
    seen: list[tuple[str, float]] = []
    for tenth in range(round(since_s * 10), round(until_s * 10) + 1):
        phase = cabinet.reading(1, tenth / 10).phase.value
        if not seen or seen[-1][0] != phase:
            seen.append((phase, tenth / 10))
    return seen


def test_session_goes_through_all_phases_in_their_order() -> None:
    cabinet = begun()
    assert phases(cabinet, 0, 20) == [
        ("locking", 0.0),
        ("insulation check", 0.5),
        ("precharge", 3.0),
        ("ramp", 4.5),
        ("constant", 8.5),
    ]
    cabinet.handle(OpenContactor(1), 20.0)
    assert phases(cabinet, 20, 30) == [("stopping", 20.0), ("weld check", 20.5), ("unlocking", 22.0), ("idle", 23.0)]


def test_every_duration_says_where_it_is_from() -> None:
    assert all(stage.why and stage.duration_s > 0 for stage in (*ASSUMED_START, *ASSUMED_END))


def test_nothing_flows_before_the_ramp_or_after_the_stop_and_the_station_hears_at_the_first_energy() -> None:
    cabinet = begun()
    assert cabinet.next_deadline() == 4.5
    before = cabinet.reading(1, 4.499)
    assert (before.power_w, before.energy_wh, before.offered_w) == (0, 0, 180_000)
    assert cabinet.expire(4.5) == [VehicleDrawing(1)]
    assert cabinet.reading(1, 4.5).power_w > 0
    cabinet.handle(OpenContactor(1), 20.0)
    energy_wh = cabinet.reading(1, 20.0).energy_wh
    after = cabinet.reading(1, 90.0)
    assert (after.energy_wh, after.power_w, after.voltage_v, after.offered_w) == (energy_wh, 0, 0, 0)


def test_power_rises_in_steps_and_the_energy_of_the_ramp_counts() -> None:
    """36, 72, 108 and 144 kW for a second each, then the 150 kW that the car asks for."""
    cabinet = begun()
    powers = [cabinet.reading(1, 4.5 + second).power_w for second in range(6)]
    assert powers == pytest.approx([36_000, 72_000, 108_000, 144_000, 150_000, 150_000])
    energy_wh = cabinet.reading(1, 10.5).energy_wh
    assert energy_wh == pytest.approx((36_000 + 72_000 + 108_000 + 144_000 + 2 * 150_000) / 3600, abs=1e-9)
    assert cabinet.reading(1, 10.5).soc_percent == pytest.approx(energy_wh / 1000)


def test_ramp_rises_no_further_than_the_car_or_a_limit_wants() -> None:
    cabinet = begun()
    cabinet.handle(LimitPower(1, 50_000.0), 1.0)
    powers = [cabinet.reading(1, 4.5 + half / 2).power_w for half in range(12)]
    assert powers[0] == pytest.approx(36_000)
    assert powers[2:] == pytest.approx([50_000] * 10)


def test_battery_past_its_best_tapers_unless_a_limit_decides() -> None:
    """The family car is at its best at 30 %; at 60 % it asks for 100 kW."""
    cabinet = begun(msgspec.structs.replace(FAMILY_CAR, soc_percent=5.0))
    assert cabinet.reading(1, 20.0).phase is Phase.CONSTANT
    assert cabinet.reading(1, 60.0).phase is Phase.CONSTANT
    now = 1200.0
    reading = cabinet.reading(1, now)
    assert reading.soc_percent is not None
    assert reading.soc_percent > 50
    assert reading.phase is Phase.TAPER
    cabinet.handle(LimitPower(1, 30_000.0), now)
    assert cabinet.reading(1, now).phase is Phase.CONSTANT
    cabinet.handle(LimitPower(1, 0.0), now)
    assert cabinet.reading(1, now).phase is Phase.HELD
    cabinet.handle(LimitPower(1, None), now)
    cabinet.pause(1, now)
    assert cabinet.reading(1, now).phase is Phase.PAUSED


def test_car_that_resumes_rises_again() -> None:
    cabinet = begun()
    cabinet.pause(1, 100.0)
    assert cabinet.resume(1, 200.0) == [VehicleDrawing(1)]
    assert phases(cabinet, 200, 210) == [("ramp", 200.0), ("constant", 204.0)]


def test_drawn_offered_and_limited_are_three_figures() -> None:
    """The second car takes modules away, which no limit says; the profile of the first then does."""
    cabinet = begun(msgspec.structs.replace(HUNGRY, curve=((0, 80), (100, 80))))
    cabinet.plug(2, HUNGRY, 0.0)
    cabinet.handle(CloseContactor(2), 0.0)
    first, second = cabinet.reading(1, 20.0), cabinet.reading(2, 20.0)
    assert [round(watts) for watts in (first.power_w, first.offered_w, first.limited_w)] == [80_000, 90_000, 180_000]
    assert [round(watts) for watts in (second.power_w, second.offered_w, second.limited_w)] == [90_000, 90_000, 180_000]
    cabinet.handle(LimitPower(1, 100_000.0), 20.0)
    assert cabinet.reading(1, 20.0).limited_w == 100_000
    cabinet.handle(LimitPower(0, 70_000.0), 20.0)
    assert [cabinet.reading(number, 20.0).limited_w for number in (1, 2)] == [70_000, 70_000]


# Cut short.


def test_gun_that_is_closed_again_while_it_ends_begins_at_the_lock() -> None:
    cabinet = begun()
    cabinet.handle(OpenContactor(1), 20.0)
    cabinet.handle(OpenContactor(1), 20.3)
    assert cabinet.reading(1, 20.6).phase is Phase.WELD_CHECK
    cabinet.handle(CloseContactor(1), 21.0)
    assert cabinet.reading(1, 21.0).phase is Phase.LOCKING
    assert cabinet.expire(25.5) == [VehicleDrawing(1)]


@pytest.mark.parametrize("at_s", [0.0, 0.4, 2.0, 4.0, 5.0, 30.0])
def test_session_may_end_in_any_phase(at_s: float) -> None:
    for end in ("unplug", "cut", "open"):
        cabinet = begun()
        cabinet.expire(at_s)
        match end:
            case "unplug":
                assert cabinet.unplug(1, at_s) == [CableUnplugged(1)]
            case "cut":
                cabinet.cut_power(at_s)
            case _:
                cabinet.handle(OpenContactor(1), at_s)
        reading = cabinet.reading(1, at_s)
        assert (reading.power_w, reading.voltage_v, reading.offered_w) == (0, 0, 0)
        assert reading.phase is (Phase.STOPPING if end == "open" else Phase.IDLE)
        assert cabinet.next_deadline() == inf
        assert cabinet.reading(1, 1000.0).energy_wh == reading.energy_wh


# Cars that do as they like.


@pytest.mark.parametrize(("phase", "at_s"), [(Phase.INSULATION_CHECK, 3.0), (Phase.PRECHARGE, 4.5), (Phase.RAMP, 5.5)])
def test_car_that_no_longer_answers_is_told_once_and_gets_nothing_more(phase: Phase, at_s: float) -> None:
    cabinet = begun(msgspec.structs.replace(HUNGRY, fails_in=phase))
    drew = [VehicleDrawing(1)] if phase is Phase.RAMP else []
    assert cabinet.expire(at_s - 0.1) == drew
    assert cabinet.next_deadline() == at_s
    assert cabinet.expire(at_s) == [VehicleFailed(1)]
    energy_wh = cabinet.reading(1, at_s).energy_wh
    later = cabinet.reading(1, 500.0)
    assert (later.phase, later.energy_wh, later.power_w) == (Phase.FAILED, energy_wh, 0)
    assert cabinet.resume(1, 500.0) == []
    assert cabinet.next_deadline() == inf
    cabinet.handle(OpenContactor(1), 500.0)
    assert cabinet.reading(1, 500.0).phase is Phase.STOPPING


@pytest.mark.parametrize("phase", [Phase.LOCKING, Phase.TAPER, Phase.IDLE])
def test_car_cannot_fail_where_it_is_not_asked(phase: Phase) -> None:
    with pytest.raises(CarError, match="insulation check, precharge or ramp"):
        msgspec.structs.replace(HUNGRY, fails_in=phase)


def test_car_with_pauses_of_its_own_rests_and_goes_on() -> None:
    cabinet = begun(msgspec.structs.replace(HUNGRY, pauses=((10.0, 60.0), (20.5, 30.0)), stop_at_soc_percent=25.0))
    told = []
    while (due_s := cabinet.next_deadline()) < inf:
        told += [(due_s, event) for event in cabinet.expire(due_s)]
    assert [event for _, event in told] == [
        VehicleDrawing(1),
        *([VehiclePaused(1), VehicleDrawing(1)] * 2),
        VehiclePaused(1),
    ]
    moments = [at_s for at_s, _ in told]
    rests = [round(after - before, 9) for before, after in pairwise(moments)]
    assert rests[1::2] == [60.0, 30.0]
    assert cabinet.reading(1, moments[-1]).energy_wh == pytest.approx(25_000)


def test_car_that_arrives_past_the_point_of_its_pause_does_not_make_it() -> None:
    cabinet = begun(msgspec.structs.replace(HUNGRY, pauses=((10.0, 60.0),), soc_percent=10.0, stop_at_soc_percent=20.0))
    assert cabinet.expire(5.0) == [VehicleDrawing(1)]
    assert cabinet.expire(cabinet.next_deadline()) == [VehiclePaused(1)]
    assert cabinet.next_deadline() == inf
