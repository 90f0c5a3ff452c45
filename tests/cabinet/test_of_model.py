"""What the cabinet of a commercial reference can give, and what a limit of the whole cabinet leaves of it."""

from __future__ import annotations

import pytest

from forecourt.cabinet.archetypes import CHADEMO_CAR, LONG_DISTANCE_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.car import OutputType
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.models import MODELS, find_model
from forecourt.station.effects import CloseContactor, LimitPower

CCS2, CHADEMO = OutputType.CCS2, OutputType.CHADEMO
FULL_S = 10.0
"""Seconds after closing the contactor: checks and ramp are over."""


@pytest.mark.parametrize(
    ("reference", "station_kw", "outputs", "limits_kw", "amperes"),
    [
        ("EVD1S60THB", 60, (CCS2, CHADEMO), (60, 60), (500, 125)),
        ("EVD1S180THB", 180, (CCS2, CHADEMO), (180, 62), (500, 125)),
        ("EVD1S150TBBC7-G", 150, (CCS2, CCS2), (150, 150), (500, 500)),
        ("EVD2S320TBB", 320, (CCS2, CCS2), (180, 180), (500, 500)),
    ],
)
def test_cabinet_of_a_model_has_its_power_and_its_guns(
    reference: str,
    station_kw: int,
    outputs: tuple[OutputType, OutputType],
    limits_kw: tuple[int, int],
    amperes: tuple[int, int],
) -> None:
    figures = figures_of(find_model(reference))
    assert figures.station_limit_w == station_kw * 1000
    assert tuple(gun.output for gun in figures.guns) == outputs
    assert tuple(gun.limit_w for gun in figures.guns) == tuple(kw * 1000 for kw in limits_kw)
    assert tuple(gun.cable_current_a for gun in figures.guns) == amperes


def test_every_reference_has_a_cabinet_whose_guns_stay_within_its_power() -> None:
    for model in MODELS:
        figures = figures_of(model)
        assert len(figures.guns) == 2
        assert all(gun.limit_w <= figures.station_limit_w for gun in figures.guns)
        assert figures.guns[0].output is CCS2
        assert (figures.guns[1].output is CHADEMO) == ("THB" in model.reference)


@pytest.fixture
def charging() -> SimulatedCabinet:
    """An EVD1S180THB with a car of far over 180 kW on gun 1 and a CHAdeMO car on gun 2, in full flow at `FULL_S`."""
    cabinet = SimulatedCabinet(figures_of(find_model("EVD1S180THB")))
    cabinet.plug(1, LONG_DISTANCE_CAR, 0.0)
    cabinet.plug(2, CHADEMO_CAR, 0.0)
    for connector in (1, 2):
        cabinet.handle(CloseContactor(connector), 0.0)
    assert len(cabinet.expire(FULL_S)) == 2
    return cabinet


def powers_w(cabinet: SimulatedCabinet, now: float) -> tuple[float, float]:
    """What both guns give."""
    return cabinet.reading(1, now).power_w, cabinet.reading(2, now).power_w


def test_limit_of_the_whole_cabinet_is_shared_and_lifted(charging: SimulatedCabinet) -> None:
    assert powers_w(charging, FULL_S) == pytest.approx((120_000, 43_875))
    charging.handle(LimitPower(0, 50_000.0), FULL_S)
    assert powers_w(charging, FULL_S) == pytest.approx((25_000, 25_000))
    assert charging.reading(1, FULL_S).offered_w == pytest.approx(25_000)
    charging.handle(LimitPower(0, 900_000.0), 14.0)
    assert powers_w(charging, 14.0) == pytest.approx((120_000, 43_875))
    charging.handle(LimitPower(0, 50_000.0), 15.0)
    charging.handle(LimitPower(0, None), 16.0)
    assert powers_w(charging, 16.0) == pytest.approx((120_000, 43_875))


def test_power_cut_lifts_the_limit_of_the_whole_cabinet(charging: SimulatedCabinet) -> None:
    charging.handle(LimitPower(0, 50_000.0), FULL_S)
    charging.cut_power(14.0)
    for connector in (1, 2):
        charging.handle(CloseContactor(connector), 15.0)
    charging.expire(30.0)
    assert powers_w(charging, 30.0) == pytest.approx((120_000, 43_875))


def test_limit_of_the_whole_cabinet_to_nothing_is_our_own_mistake(charging: SimulatedCabinet) -> None:
    with pytest.raises(AssertionError, match="no such limit of the whole cabinet"):
        charging.handle(LimitPower(0, 0.0), 14.0)
