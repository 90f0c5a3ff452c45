"""Defaults of sampled values."""

from __future__ import annotations

import msgspec
import pytest

from forecourt.ocpp.core import Measurand, SampledValue, UnitOfMeasure, ValueFormat
from forecourt.supervision.facts import MeterValuesReported
from forecourt.supervision.sampled_values import figure
from forecourt.supervision.tabletop import Tabletop


@pytest.mark.requirement("OCPP-4.7-6")
def test_a_bare_value_is_active_import_energy_in_watt_hours() -> None:
    """From the wire to the figure."""
    table = Tabletop()
    table.boot()
    value = {"timestamp": "2025-06-15T15:00:00Z", "sampledValue": [{"value": "1234"}]}
    table.result("MeterValues", {"connectorId": 1, "meterValue": [value]})
    sampled = table.kept(MeterValuesReported)[0].request.meterValue[0].sampledValue[0]
    assert msgspec.structs.asdict(figure(sampled)) == {
        "measurand": "Energy.Active.Import.Register",
        "value": "1234",
        "number": 1234.0,
        "unit": "Wh",
        "context": "Sample.Periodic",
        "format": "Raw",
        "location": "Outlet",
        "phase": None,
    }


@pytest.mark.requirement("OCPP-7-10")
def test_a_frequency_is_in_hertz_although_it_states_no_unit() -> None:
    read = figure(SampledValue(value="49.98", measurand=Measurand.Frequency))
    assert (read.number, read.unit) == (49.98, "Hertz")


def test_a_stated_unit_is_kept() -> None:
    assert figure(SampledValue(value="5", unit=UnitOfMeasure.kWh)).unit == "kWh"


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "1e999", "12,5"])
def test_what_is_no_number_is_kept_as_text_only(text: str) -> None:
    read = figure(SampledValue(value=text))
    assert (read.value, read.number) == (text, None)


def test_signed_data_is_no_number_even_if_it_looks_like_one() -> None:
    assert figure(SampledValue(value="1234", format=ValueFormat.SignedData)).number is None
