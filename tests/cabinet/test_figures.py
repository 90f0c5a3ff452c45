"""What a cabinet may be made of."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from forecourt.cabinet.car import OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures
from forecourt.cabinet.phases import RampStep, Stage
from forecourt.station.hardware import Phase

GUN = GunFigures(output=OutputType.CCS2, limit_w=150_000, cable_current_a=500)


@pytest.mark.parametrize(
    ("station_limit_w", "modules"),
    [(20_000, 2), (60_000, 2), (120_000, 4), (150_000, 5), (180_000, 6), (240_000, 8), (320_000, 11)],
)
def test_modules_make_up_the_power_of_the_station_and_each_gun_has_one(station_limit_w: float, modules: int) -> None:
    assert CabinetFigures(station_limit_w=station_limit_w, guns=(GUN, GUN)).modules == modules


def test_modules_of_a_single_gun_may_be_one() -> None:
    assert CabinetFigures(station_limit_w=20_000, guns=(GUN,)).modules == 1


def test_durations_of_phases_add_up() -> None:
    figures = CabinetFigures(
        station_limit_w=90_000,
        guns=(GUN,),
        start=(Stage(Phase.LOCKING, 0.1, ""), Stage(Phase.PRECHARGE, 0.2, "")),
        ramp=(RampStep(0.5, 3.0), RampStep(0.6, 4.0)),
    )
    assert figures.start_s == pytest.approx(0.3)
    assert figures.ramp_s == 7.0


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"guns": ()}, "one gun or two"),
        ({"guns": (GUN, GUN, GUN)}, "one gun or two"),
        ({"station_limit_w": 0}, "above 0"),
        ({"module_w": -1.0}, "above 0"),
        ({"start": ()}, "begins and ends with a phase"),
        ({"end": ()}, "begins and ends with a phase"),
        ({"end": (Stage(Phase.STOPPING, -1.0, ""),)}, "no negative time"),
        ({"ramp": (RampStep(0.0, 1.0),)}, "shares up to 1"),
        ({"ramp": (RampStep(1.1, 1.0),)}, "shares up to 1"),
        ({"ramp": (RampStep(0.5, 0.0),)}, "shares up to 1"),
        ({"ramp": (RampStep(0.5, 1.0), RampStep(0.4, 1.0))}, "a ramp rises"),
        ({"module_efficiency": 1.01}, "no more than they take"),
    ],
)
def test_cabinet_that_cannot_be_is_our_own_mistake(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        msgspec.structs.replace(CabinetFigures(station_limit_w=90_000, guns=(GUN,)), **fields)
