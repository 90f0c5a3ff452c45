"""The catalogue against the table of the section "BootNotification", copied here from the guide row by row."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from forecourt.errors import ForecourtError
from forecourt.evlink.generations import GENERATIONS, PRODUCT_LINES, PowerLossStop, Product
from forecourt.evlink.models import MODELS, ConnectorType, Model, UnknownModel, find_model
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.station import Station

if TYPE_CHECKING:
    from forecourt.station.hardware import Reading


class NoHardware:
    """Guns with nothing plugged in."""

    def reading(self, connector: int, now: float) -> Reading:
        raise AssertionError(f"nobody reads gun {connector} at {now}")

    def plugged(self, connector: int) -> bool:
        return connector > 2

    def vehicle_mac(self, connector: int) -> str | None:
        raise AssertionError(f"nobody asks gun {connector}")


GUIDE = """
EVD1S120TBB 120kW 1x CCS2 + 1x CCS2
EVD1S120THB 120kW 1x CCS2 + 1x CHAdeMO
EVD1S150TBB 150kW 1x CCS2 + 1x CCS2
EVD1S150THB 150kW 1x CCS2 + 1x CHAdeMO
EVD1S180TBB 180kW 1x CCS2 + 1x CCS2
EVD1S180THB 180kW 1x CCS2 + 1x CHAdeMO
EVD1S180TBBC 180kW 1x CCS2 + 1x CCS2
EVD1S180THBC 180kW 1x CCS2 + 1x CHAdeMO
EVD1S150TBBC 150kW 1x CCS2 + 1x CCS2
EVD1S150THBC 150kW 1x CCS2 + 1x CHAdeMO
EVD1S120TBBC 120kW 1x CCS2 + 1x CCS2
EVD1S120THBC 120kW 1x CCS2 + 1x CHAdeMO
EVD1S180TBBC-G 180kW 1x CCS2 + 1x CCS2
EVD1S150TBBC-G 150kW 1x CCS2 + 1x CCS2
EVD1S120TBBC-G 120kW 1x CCS2 + 1x CCS2
EVD1S180TBBC7 180kW 1x CCS2 + 1x CCS2
EVD1S150TBBC7 150kW 1x CCS2 + 1x CCS2
EVD1S120TBBC7 120kW 1x CCS2 + 1x CCS2
EVD1S180TBBC7-G 180kW 1x CCS2 + 1x CCS2
EVD1S150TBBC7-G 150kW 1x CCS2 + 1x CCS2
EVD1S120TBBC7-G 120kW 1x CCS2 + 1x CCS2
EVD1S120TBB-AN 120kW 1x CCS2 + 1x CCS2
EVD1S120THB-AN 120kW 1x CCS2 + 1x CHAdeMO
EVD1S150TBB-AN 150kW 1x CCS2 + 1x CCS2
EVD1S150THB-AN 150kW 1x CCS2 + 1x CHAdeMO
EVD1S180TBB-AN 180kW 1x CCS2 + 1x CCS2
EVD1S180THB-AN 180kW 1x CCS2 + 1x CHAdeMO
EVD1S180TBBC7-AN 180kW 1x CCS2 + 1x CCS2
EVD1S150TBBC7-AN 150kW 1x CCS2 + 1x CCS2
EVD1S120TBBC7-AN 120kW 1x CCS2 + 1x CCS2
EVD1S60TBB 60kW 1x CCS2 + 1x CCS2
EVD1S60THB 60kW 1x CCS2 + 1x CHAdeMO
EVD1S60TBBC5 60kW 1x CCS2 + 1x CCS2
EVD1S60THBC5 60kW 1x CCS2 + 1x CHAdeMO
EVD1S60TBBC7 60kW 1x CCS2 + 1x CCS2
EVD2S320TBB 320kW 1x CCS2 + 1x CCS2
EVD2S320TBBC 320kW 1x CCS2 + 1x CCS2
EVD2S320TBBC7 320kW 1x CCS2 + 1x CCS2
EVD2S240TBB 240kW 1x CCS2 + 1x CCS2
EVD2S180TBB 180kW 1x CCS2 + 1x CCS2
EVD2S180TBBC 180kW 1x CCS2 + 1x CCS2
EVD2S180TBBC7 180kW 1x CCS2 + 1x CCS2
EVD2S120TBB 120kW 1x CCS2 + 1x CCS2
EVD2S60TBB 60kW 1x CCS2 + 1x CCS2
EVD2S60TBBC 60kW 1x CCS2 + 1x CCS2
EVD2S60TBBC7 60kW 1x CCS2 + 1x CCS2
EVD2S320TBBC1 320kW 1x CCS2 + 1x CCS2
EVD2S180TBBC1 180kW 1x CCS2 + 1x CCS2
EVD2S320TBB-G 320kW 1x CCS2 + 1x CCS2
EVD2S240TBB-G 240kW 1x CCS2 + 1x CCS2
EVD2S180TBB-G 180kW 1x CCS2 + 1x CCS2
EVD2S120TBB-G 120kW 1x CCS2 + 1x CCS2
EVD2S320TBBC-G 320kW 1x CCS2 + 1x CCS2
EVD2S180TBBC-G 180kW 1x CCS2 + 1x CCS2
EVD2S320TBBC1-G 320kW 1x CCS2 + 1x CCS2
EVD2S180TBBC1-G 180kW 1x CCS2 + 1x CCS2
EVD2S320TBBC7-G 320kW 1x CCS2 + 1x CCS2
EVD2S180TBBC7-G 180kW 1x CCS2 + 1x CCS2
"""
PRINTED = [line.split(" ", 2) for line in GUIDE.strip().splitlines()]


@pytest.mark.requirement("GUIDE-BOOT-06")
def test_catalogue_holds_the_printed_references_in_order_with_power_and_outputs() -> None:
    assert len(PRINTED) == len(MODELS) == 58
    for model, (reference, power, outputs) in zip(MODELS, PRINTED, strict=True):
        assert model.reference == reference
        assert f"{model.power_kw}kW" == power
        assert " + ".join(f"1x {output.value}" for output in model.outputs) == outputs


@pytest.mark.requirement("GUIDE-BOOT-06")
@pytest.mark.parametrize("reference", ["", "EVD1S180", "EVD1S180TXB", "EVD3S180TBB", "EVD1S240TBB", "EVD2S60THB"])
def test_station_maker_is_refused_a_reference_that_is_not_printed(reference: str) -> None:
    with pytest.raises(UnknownModel, match="no commercial reference") as refused:
        find_model(reference)
    assert isinstance(refused.value, ForecourtError)
    assert repr(reference) in str(refused.value)


@pytest.mark.requirement("GUIDE-BOOT-06")
def test_station_cannot_be_configured_with_an_unknown_reference() -> None:
    def configured(reference: str) -> Station:
        commissioning = Commissioning("CP1", "ws://127.0.0.1:9000", reference, "1S2447000017", "3.5.8803")
        return Station(commissioning, StationOptions(), NoHardware(), {}, random.Random(1))

    assert isinstance(configured("EVD1S180THB"), Station)
    with pytest.raises(UnknownModel, match="'EVD1S180THX' is no commercial reference"):
        configured("EVD1S180THX")


def test_refusal_names_the_nearest_references() -> None:
    with pytest.raises(UnknownModel) as refused:
        find_model("EVD1S180TH")
    assert "EVD1S180THB" in refused.value.near
    assert "EVD1S180THB" in str(refused.value)


def test_reference_is_found_in_any_case_and_with_blanks_around_it() -> None:
    assert find_model(" evd1s180thbc ").reference == "EVD1S180THBC"


@pytest.mark.requirement("GUIDE-BOOT-07")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.reference)
def test_figure_between_s_and_t_is_the_rated_power(model: Model) -> None:
    found = re.match(r"EVD[12]S(\d+)T", model.reference)
    assert found is not None
    assert int(found[1]) == model.power_kw
    assert model.power_kw in (60, 120, 150, 180, 240, 320)


@pytest.mark.requirement("GUIDE-BOOT-08")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.reference)
def test_letters_after_t_tell_the_outputs_of_connector_1_and_2(model: Model) -> None:
    second = {"TBB": "CCS2", "THB": "CHAdeMO"}[re.sub(r".*\d(T[BH]B).*", r"\1", model.reference)]
    assert model.outputs == ("CCS2", second)


@pytest.mark.requirement("GUIDE-BOOT-09")
def test_no_station_of_the_second_generation_has_a_chademo_output() -> None:
    second = [model for model in MODELS if model.reference.startswith("EVD2S")]
    assert len(second) == 23
    assert all("TBB" in model.reference and ConnectorType.CHADEMO not in model.outputs for model in second)


@pytest.mark.requirement("GUIDE-BOOT-10")
def test_only_the_second_generation_reaches_240_or_320_kw() -> None:
    strong = [model.reference for model in MODELS if model.power_kw in (240, 320)]
    assert len(strong) == 10
    assert all(reference.startswith("EVD2S") for reference in strong)


@pytest.mark.requirement("GUIDE-BOOT-12")
def test_every_reference_fits_chargepointmodel() -> None:
    assert max(len(model.reference) for model in MODELS) <= 20


@pytest.mark.parametrize(
    ("reference", "product"),
    [
        ("EVD1S60THBC5", "EVlink Pro DC 60"),
        ("EVD1S180TBB-AN", "EVlink Pro DC 180"),
        ("EVD1S120THB", "EVlink Pro DC 180"),
        ("EVD2S320TBBC1-G", "EVlink Pro DC 320"),
        ("EVD2S180TBB", "EVlink Pro DC 180 V2"),
        ("EVD2S240TBB", "EVlink Pro DC 180 V2"),
        ("EVD2S60TBBC7", "EVlink Pro DC 60 V2"),
    ],
)
def test_model_belongs_to_the_product_of_its_generation_and_power(reference: str, product: str) -> None:
    assert find_model(reference).product == product


def test_every_product_of_the_family_has_models_and_every_model_a_product() -> None:
    assert {model.product for model in MODELS} == set(Product)
    assert [line.product for line in PRODUCT_LINES] == list(Product)


def test_generations_tell_when_the_stop_of_a_power_cut_is_sent() -> None:
    """Reading A11: the first generation after the boot, the second before it goes dark."""
    assert find_model("EVD1S60TBB").generation.power_loss_stop is PowerLossStop.AFTER_BOOT
    assert find_model("EVD2S60TBB").generation.power_loss_stop is PowerLossStop.BEFORE_DARK


def test_assumed_serial_example_fits_its_pattern_and_chargepointserialnumber() -> None:
    for generation in GENERATIONS:
        assert re.fullmatch(generation.assumed_serial_pattern, generation.assumed_serial_example)
        assert len(generation.assumed_serial_example) <= 25


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.reference)
def test_gun_is_never_given_more_than_the_station_has(model: Model) -> None:
    assert all(0 < limited <= model.power_kw for limited in model.connector_limited_kw)


def test_chademo_gun_is_limited_by_its_cable() -> None:
    assert find_model("EVD1S180THB").connector_limited_kw == (180, 62)
    assert find_model("EVD1S60THB").connector_limited_kw == (60, 60)


def test_modules_of_the_assumed_size_add_up_to_the_rated_power() -> None:
    assert [find_model(f"EVD1S{power}TBB").assumed_modules for power in (60, 120, 150, 180)] == [2, 4, 5, 6]
    assert find_model("EVD2S320TBB").assumed_modules == 11


def test_only_g_marks_a_candidate_for_eichrecht() -> None:
    marked = [model.reference for model in MODELS if model.eichrecht_candidate]
    assert marked == [reference for reference, _, _ in PRINTED if reference.endswith("-G")]
    assert len(marked) == 16
