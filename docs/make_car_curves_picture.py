"""Compare the family car with published measurements: python docs/make_car_curves_picture.py

Writes `docs/car-curves.svg` and the table of deviations in `docs/cars.md`. Ours are figures of the real cabinet: a car
is plugged in, the contactor is closed, and the gun is read every second. The measurements are the files in
`tests/cabinet/measured`; each names its source.
"""

from __future__ import annotations

import re
from itertools import pairwise
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from forecourt.cabinet.archetypes import ARCHETYPES, FAMILY_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.models import find_model
from forecourt.station.effects import CloseContactor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forecourt.cabinet.car import Car

HERE = Path(__file__).parent
MEASURED = HERE.parent / "tests" / "cabinet" / "measured"
PICTURE, PAGE = HERE / "car-curves.svg", HERE / "cars.md"
BEGIN, END = "<!-- made by make_car_curves_picture.py -->", "<!-- to here -->"
MODEL = "EVD1S180THB"
LONGEST_S = 7200
FROM_PERCENT, TO_PERCENT = 10.0, 80.0


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A published charge of a real car."""

    car: str
    label: str
    source: str
    how: str
    start_percent: float
    minutes: tuple[tuple[float, float], ...]
    """Points of SoC in percent and minutes since the start."""
    power: tuple[tuple[float, float], ...]
    """Points of SoC in percent and kW."""


class Deviation(msgspec.Struct, frozen=True):
    """What our car does otherwise; positive where ours is more."""

    mean_kw: float
    """Mean of the differences, whatever their sign, over the measured points."""
    worst_kw: float
    """The largest difference, with its sign, and where it is."""
    worst_percent: float
    peak_kw: float
    """Of the measurement, for shares of it."""
    ours_minutes: float
    """From 10 % to 80 %."""
    measured_minutes: float


def measurements() -> list[Measurement]:
    """The files, in the order of their names."""
    paths = sorted(MEASURED.glob("*.toml"))
    return [msgspec.toml.decode(path.read_bytes(), type=Measurement) for path in paths]


def charge(car: Car, start_percent: float) -> list[tuple[float, float, float]]:
    """The charge of a car alone at a station: minutes, SoC in percent and kW, every second up to its end."""
    cabinet = SimulatedCabinet(figures_of(find_model(MODEL)))
    cabinet.plug(1, msgspec.structs.replace(car, soc_percent=start_percent), 0.0)
    cabinet.handle(CloseContactor(1), 0.0)
    rows = []
    for second in range(LONGEST_S):
        reading = cabinet.reading(1, float(second))
        assert reading.soc_percent is not None, "the car is there"
        rows.append((second / 60, reading.soc_percent, reading.power_w / 1000))
        if reading.soc_percent >= car.stop_at_soc_percent:
            break
    return rows


def compare(measured: Measurement) -> Deviation:
    """Our family car against a measurement, from the same start."""
    rows = charge(FAMILY_CAR, measured.start_percent)

    def reached(soc_percent: float) -> tuple[float, float]:
        return next((minutes, power_kw) for minutes, soc, power_kw in rows if soc >= soc_percent)

    off = [(reached(soc_percent)[1] - power_kw, soc_percent) for soc_percent, power_kw in measured.power]
    worst_kw, worst_percent = max(off, key=lambda pair: abs(pair[0]))
    times = dict(measured.minutes)
    return Deviation(
        mean_kw=fsum(abs(difference_kw) for difference_kw, _ in off) / len(off),
        worst_kw=worst_kw,
        worst_percent=worst_percent,
        peak_kw=max(power_kw for _, power_kw in measured.power),
        ours_minutes=reached(TO_PERCENT)[0] - reached(FROM_PERCENT)[0],
        measured_minutes=times[TO_PERCENT] - times[FROM_PERCENT],
    )


def table() -> str:
    """The deviations, as they stand in the page."""
    lines = [
        "| measurement | power, mean deviation | power, worst deviation | 10 % to 80 %, ours | measured |",
        "|---|---|---|---|---|",
    ]
    for measured in measurements():
        off = compare(measured)
        mean = f"{off.mean_kw:.1f} kW, {off.mean_kw / off.peak_kw:.1%} of its peak"
        worst = f"{off.worst_kw:+.1f} kW at {off.worst_percent:g} %, {off.worst_kw / off.peak_kw:+.1%}"
        times = f"{off.ours_minutes:.1f} min | {off.measured_minutes:.1f} min"
        lines.append(f"| {measured.label} | {mean} | {worst} | {times} |")
    return "\n".join(lines)


# The picture

WIDTH, HEIGHT = 1040, 430
TOP, BOTTOM = 56, 380
TOP_KW = 280
PANELS = (70.0, 590.0)
PANEL_WIDTH = 410.0
COLOURS = {
    "truck": "#444444",
    "800-volt": "#0072b2",
    "long-range": "#d55e00",
    "family": "#009e73",
    "van": "#cc79a7",
    "city": "#7a5195",
    "chademo": "#b8860b",
}
LABELS = {
    "truck": (24, 8),
    "800-volt": (14, -17),
    "long-range": (12, 8),
    "family": (24, -17),
    "van": (12, 7),
    "city": (12, 7),
    "chademo": (12, -17),
}
"""Where a name stands: at which SoC, and how far above the line in px."""
DOTS = ("#d55e00", "#0072b2")


def draw() -> str:
    """The picture: all cars on the left, one beside its measurements on the right."""
    left, right = PANELS
    parts = [*_axes(left, "What the seven cars ask for"), *_axes(right, "The family car and what was measured")]
    for name, car in ARCHETYPES.items():
        curve = [(step + 0.5, car.asked_w(step) / 1000) for step in range(100)]
        parts.append(_line(left, curve, COLOURS[name]))
        at, above = LABELS[name]
        parts.append(_text(_x(left, at), _y(curve[at][1]) - above, name, COLOURS[name]))
    ours = [(soc_percent, power_kw) for _, soc_percent, power_kw in charge(FAMILY_CAR, 2.0) if power_kw]
    parts.append(_line(right, _thinned(ours), COLOURS["family"]))
    parts.append(f'<rect x="{right + PANEL_WIDTH - 222:.1f}" y="{TOP}" width="222" height="66" fill="#ffffff"/>')
    parts += _key(right, 0, COLOURS["family"], "ours, from 2 %", is_line=True)
    for place, measured in enumerate(measurements(), start=1):
        colour = DOTS[place - 1]
        parts += [_dot(_x(right, soc_percent), _y(power_kw), colour) for soc_percent, power_kw in measured.power]
        parts += _key(right, place, colour, measured.label, is_line=False)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *parts, "</svg>", ""])


def _x(panel: float, soc_percent: float) -> float:
    return panel + PANEL_WIDTH * soc_percent / 100


def _y(power_kw: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * power_kw / TOP_KW


def _axes(panel: float, title: str) -> list[str]:
    parts = [_text(panel, 30, title, "#000000", size=16)]
    for power_kw in range(0, TOP_KW, 50):
        y = _y(power_kw)
        parts.append(
            f'<line x1="{panel:.1f}" y1="{y:.1f}" x2="{panel + PANEL_WIDTH:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        )
        parts.append(_text(panel - 8, y + 4, f"{power_kw}", "#555555", anchor="end"))
    parts += [
        _text(_x(panel, soc_percent), BOTTOM + 20, f"{soc_percent}", "#555555", anchor="middle")
        for soc_percent in range(0, 101, 20)
    ]
    parts.append(_text(panel - 8, TOP - 2, "kW", "#555555", anchor="end"))
    parts.append(_text(panel + PANEL_WIDTH / 2, BOTTOM + 40, "state of charge, %", "#555555", anchor="middle"))
    return parts


def _key(panel: float, place: int, colour: str, label: str, *, is_line: bool) -> list[str]:
    x, y = panel + PANEL_WIDTH - 190, TOP + 14 + 20 * place
    if is_line:
        mark = (
            f'<line x1="{x - 26:.1f}" y1="{y - 4}" x2="{x - 8:.1f}" y2="{y - 4}" stroke="{colour}" stroke-width="2"/>'
        )
    else:
        mark = _dot(x - 17, y - 4, colour)
    return [mark, _text(x, y, label, "#000000")]


def _line(panel: float, points: Iterable[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{_x(panel, soc_percent):.1f},{_y(power_kw):.1f}" for soc_percent, power_kw in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start", size: int = 13) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}">{text}</text>'


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where the power changes, the points before and after; between them a straight line is the same."""
    kept = [points[0]]
    for before, after in pairwise(points):
        if before[1] != after[1]:
            kept += [before, after]
    return [*kept, points[-1]]


def page(text: str) -> str:
    """The page with the table as it is now."""
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:begin]}\n{table()}\n{text[end:]}"


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(re.sub(r"^\|---.*\n", "", table(), flags=re.MULTILINE))
