"""The cabinet alone, without a station's brain: two cars charge one session after the other, and are read.

As in a station each session begins with a plug and the order to close the contactor, and ends with an unplug when the
car has had enough; the other gun goes on meanwhile. Both guns are read every 60 s. What is told is how many hours of
that go into a second of CPU time: when cars change at the next reading, and when somebody asks, as a driver does,
for the moment at which a car will have had enough, which takes another walk along its curve.

The second figure is what one reading costs by the time since the one before. A gun steps by whole percents of its
battery, so a day costs the hundred steps of a charge and not the 86,400 seconds; within a step nothing is done at all.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.cabinet.archetypes import FAMILY_CAR, LONG_DISTANCE_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.models import find_model
from forecourt.station.effects import CloseContactor, LimitPower, OpenContactor
from forecourt.station.events import VehiclePaused

if TYPE_CHECKING:
    from forecourt.cabinet.car import Car
    from forecourt.station.events import Event

MODEL = "EVD1S180TBB"
READ_S, HOUR_S = 60.0, 3600.0
CARS: tuple[Car, ...] = tuple(
    msgspec.structs.replace(car, soc_percent=15.0, stop_at_soc_percent=80.0) for car in (FAMILY_CAR, LONG_DISTANCE_CAR)
)
"""The car that comes to each gun, again and again."""
SPANS = {"1 s": 1.0, "1 min": 60.0, "1 h": HOUR_S, "1 day": 24 * HOUR_S}
TRICKLE_W = 10.0
"""At 10 W a car of 77 kWh needs more than three days for a percent."""


def measure(quick: bool) -> dict[str, Any]:
    """Hours of charging a second of CPU, and microseconds a reading after spans of time."""
    rounds, hours = (1, 5) if quick else (5, 400)
    runs = [_back_to_back(hours, asks_ahead=False) for _ in range(rounds)]
    asking = [_back_to_back(hours, asks_ahead=True) for _ in range(rounds)]
    results: dict[str, Any] = {
        "hours_per_cpu_s": round(median(hours / run["cpu_s"] for run in runs)),
        "hours_per_cpu_s_asking_ahead": round(median(hours / run["cpu_s"] for run in asking)),
        "sessions_an_hour": round(runs[0]["sessions"] / hours, 2),
        "kwh_an_hour": round(runs[0]["kwh"] / hours, 1),
        "us_a_reading_all_in": round(median(run["cpu_s"] / run["readings"] for run in runs) * 1e6, 2),
    }
    times = 20 if quick else 400
    for kind, limit_w in (("within_a_step", TRICKLE_W), ("charging", None)):
        for name, span_s in SPANS.items():
            results[f"{kind}_us_after_{name.replace(' ', '_')}"] = _after(span_s, limit_w, times)
    return results


def _cabinet() -> SimulatedCabinet:
    return SimulatedCabinet(figures_of(find_model(MODEL)))


def _back_to_back(hours: int, *, asks_ahead: bool) -> dict[str, float]:
    """Charge, one car after the other, for so many hours."""
    cabinet = _cabinet()
    began = time.process_time()
    readings, sessions, given_wh, next_read_s = 0, 0, 0.0, 0.0
    for gun, car in enumerate(CARS, start=1):
        cabinet.plug(gun, car, 0.0)
        cabinet.handle(CloseContactor(gun), 0.0)
    while next_read_s < hours * HOUR_S:
        now = min(next_read_s, cabinet.next_deadline()) if asks_ahead else next_read_s
        for event in cabinet.expire(now):
            sessions += _exchange(cabinet, event, now)
        if now == next_read_s:
            next_read_s += READ_S
            readings += len(CARS)
            given_wh = sum(cabinet.reading(gun, now).energy_wh for gun in range(1, len(CARS) + 1))
    cpu_s = time.process_time() - began
    return {"cpu_s": cpu_s, "readings": readings, "sessions": sessions, "kwh": given_wh / 1000}


def _exchange(cabinet: SimulatedCabinet, event: Event, now: float) -> int:
    """When a car has had enough, let the next one come; how many sessions ended."""
    if type(event) is not VehiclePaused:
        return 0
    gun = event.connector
    cabinet.handle(OpenContactor(gun), now)
    cabinet.unplug(gun, now)
    cabinet.plug(gun, CARS[gun - 1], now)
    cabinet.handle(CloseContactor(gun), now)
    return 1


def _after(span_s: float, limit_w: float | None, times: int) -> float:
    """Microseconds of one reading so long after the last, with a car on each gun that draws since 30 s."""
    took = []
    for _ in range(times):
        cabinet = _cabinet()
        for gun, car in enumerate(CARS, start=1):
            cabinet.plug(gun, car, 0.0)
            cabinet.handle(CloseContactor(gun), 0.0)
            cabinet.handle(LimitPower(gun, limit_w), 0.0)
        cabinet.reading(1, 30.0)
        began = time.perf_counter()
        cabinet.reading(1, 30.0 + span_s)
        took.append(time.perf_counter() - began)
    return round(median(took) * 1e6, 1)


if __name__ == "__main__":
    print(measure(quick=False))
