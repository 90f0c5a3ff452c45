"""Make `docs/two-guns.svg`, two cars at one cabinet, from the real cabinet code: python docs/make_two_guns_picture.py

A family car charges alone; four minutes later a long-distance car of 800 V comes to the other gun. The upper panel
shows what each draws and what it is offered, the lower one who has how many of the six power modules.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec

from forecourt.cabinet.archetypes import ARCHETYPES
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.models import find_model
from forecourt.station.effects import CloseContactor

TARGET = Path(__file__).parent / "two-guns.svg"
MODEL = "EVD1S180TBB"
FIRST = msgspec.structs.replace(ARCHETYPES["family"], soc_percent=12.0, pauses=())
SECOND = msgspec.structs.replace(ARCHETYPES["800-volt"], soc_percent=8.0, pauses=())
SECOND_COMES_S, END_S, STEP_S = 240, 3600, 2

WIDTH, HEIGHT, LEFT, RIGHT = 1040, 560, 70.0, 1010.0
POWER_TOP, POWER_BOTTOM, POWER_MOST_KW = 60.0, 350.0, 190.0
MODULES_TOP, MODULES_BOTTOM = 410.0, 510.0
COLOURS = ("#009e73", "#0072b2")
TINTS = ("#a6dccb", "#a6cfe6")
NAMES = ("gun 1: family car", "gun 2: 800 V car, from minute 4")


class Sample(msgspec.Struct, frozen=True):
    """Both guns at one moment."""

    at_s: float
    drawn_kw: tuple[float, float]
    offered_kw: tuple[float, float]
    modules: tuple[int, int]
    soc_percent: tuple[float, float]


def charge() -> tuple[list[Sample], int]:
    """The story, sampled, and how many modules the cabinet has."""
    cabinet = SimulatedCabinet(figures_of(find_model(MODEL)))
    cabinet.plug(1, FIRST, 0.0)
    cabinet.handle(CloseContactor(1), 0.0)
    samples = []
    for second in range(0, END_S + 1, STEP_S):
        if second == SECOND_COMES_S:
            cabinet.plug(2, SECOND, float(second))
            cabinet.handle(CloseContactor(2), float(second))
        first, second_gun = (cabinet.reading(connector, float(second)) for connector in (1, 2))
        samples.append(
            Sample(
                at_s=float(second),
                drawn_kw=(first.power_w / 1000, second_gun.power_w / 1000),
                offered_kw=(first.offered_w / 1000, second_gun.offered_w / 1000),
                modules=(cabinet.modules(1, float(second)), cabinet.modules(2, float(second))),
                soc_percent=(first.soc_percent or 0.0, second_gun.soc_percent or 0.0),
            )
        )
    return samples, cabinet.figures.modules


def draw() -> str:
    """The picture."""
    samples, modules = charge()
    parts = [*_power_axes(), *_modules_axes(modules), *_module_bands(samples, modules)]
    total = [(one.at_s, sum(one.drawn_kw)) for one in samples]
    parts.append(_steps(total, "#555555", 'stroke-width="1.5"'))
    for gun in (0, 1):
        offered = [(one.at_s, one.offered_kw[gun]) for one in samples]
        parts.append(_steps(offered, COLOURS[gun], 'stroke-width="1.2" stroke-dasharray="2 4"'))
    for gun in (0, 1):
        drawn = [(one.at_s, one.drawn_kw[gun]) for one in samples]
        if gun:
            drawn = [point for point in drawn if point[0] >= SECOND_COMES_S]
        parts.append(_steps(drawn, COLOURS[gun], f'stroke-width="{4.5 - 2.5 * gun}"'))
    parts += _charges(samples)
    parts += _key()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *parts, "</svg>", ""])


def _x(at_s: float) -> float:
    return LEFT + (RIGHT - LEFT) * at_s / END_S


def _y(power_kw: float) -> float:
    return POWER_BOTTOM - (POWER_BOTTOM - POWER_TOP) * power_kw / POWER_MOST_KW


def _power_axes() -> list[str]:
    parts = [_text(LEFT, 26, f"Two cars at an {MODEL}: drawn and offered power in kW", "#000000", size=16)]
    for power_kw in range(0, 181, 30):
        parts.append(_rule(_y(power_kw), "#dddddd" if power_kw < 180 else "#d55e00"))
        parts.append(_text(LEFT - 8, _y(power_kw) + 4, str(power_kw), "#555555", anchor="end"))
    parts.append(_text(LEFT + 8, _y(180) - 5, "the station's limit", "#d55e00"))
    return parts


def _modules_axes(modules: int) -> list[str]:
    parts = [_text(LEFT, MODULES_TOP - 12, "Whole power modules of 30 kW, and who has them", "#000000", size=14)]
    for count in range(0, modules + 1, 2):
        y = MODULES_BOTTOM - (MODULES_BOTTOM - MODULES_TOP) * count / modules
        parts.append(_text(LEFT - 8, y + 4, str(count), "#555555", anchor="end"))
    for minute in range(0, END_S // 60 + 1, 10):
        parts.append(_text(_x(minute * 60), MODULES_BOTTOM + 20, str(minute), "#555555", anchor="middle"))
    parts.append(_text((LEFT + RIGHT) / 2, MODULES_BOTTOM + 40, "minutes", "#555555", anchor="middle"))
    return parts


def _module_bands(samples: list[Sample], modules: int) -> list[str]:
    """A rectangle for each gun for each span of time in which it has as many modules."""
    each = (MODULES_BOTTOM - MODULES_TOP) / modules
    parts, began = [], samples[0]
    for before, after in pairwise([*samples, samples[-1]]):
        if after.modules == began.modules and after is not before:
            continue
        x, width = _x(began.at_s), _x(after.at_s) - _x(began.at_s)
        first, second = began.modules
        for gun, count, above in ((0, first, 0), (1, second, first)):
            y = MODULES_BOTTOM - each * (above + count)
            if count and width:
                parts.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{each * count:.1f}" '
                    f'fill="{TINTS[gun]}" stroke="{COLOURS[gun]}" stroke-width="0.5"/>'
                )
        began = after
    return parts


def _charges(samples: list[Sample]) -> list[str]:
    """The state of charge beside the curves, every ten minutes."""
    parts = []
    for one in samples:
        if one.at_s % 600 == 300:
            for gun in (0, 1):
                if one.drawn_kw[gun]:
                    x, y = _x(one.at_s), _y(one.drawn_kw[gun])
                    parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[gun]}"/>')
                    parts.append(_text(x + 6, y + (17 if gun else -9), f"{one.soc_percent[gun]:.0f} %", COLOURS[gun]))
    return parts


def _key() -> list[str]:
    parts, x = [], LEFT
    entries = [
        (NAMES[0], COLOURS[0], ""),
        (NAMES[1], COLOURS[1], ""),
        ("offered", "#333333", "2 4"),
        ("both", "#555555", ""),
    ]
    for name, colour, dashes in entries:
        parts.append(
            f'<line x1="{x:.1f}" y1="42" x2="{x + 22:.1f}" y2="42" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dashes or "none"}"/>'
        )
        parts.append(_text(x + 28, 46, name, "#333333"))
        x += 46 + 7.2 * len(name)
    return parts


def _steps(points: list[tuple[float, float]], colour: str, style: str) -> str:
    """A line that keeps its height until the next point, with no more corners than it needs."""
    corners = [points[0]]
    for (_, before), (at_s, after) in pairwise(points):
        if before != after:
            corners += [(at_s, before), (at_s, after)]
    corners.append(points[-1])
    path = " ".join(f"{_x(at_s):.1f},{_y(power_kw):.1f}" for at_s, power_kw in corners)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" {style}/>'


def _rule(y: float, colour: str) -> str:
    return f'<line x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start", size: int = 13) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}">{text}</text>'


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
