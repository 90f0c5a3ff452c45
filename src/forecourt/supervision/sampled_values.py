"""How a sampled value reads once the defaults that the station may leave out are filled in (OCPP 1.6 section 7.43)."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from forecourt.ocpp.core import Location, Measurand, ReadingContext, UnitOfMeasure, ValueFormat

if TYPE_CHECKING:
    from forecourt.ocpp.core import SampledValue

_DEFAULT_UNITS = {
    Measurand.Energy_Active_Import_Register: UnitOfMeasure.Wh,
    Measurand.Energy_Active_Export_Register: UnitOfMeasure.Wh,
    Measurand.Energy_Active_Import_Interval: UnitOfMeasure.Wh,
    Measurand.Energy_Active_Export_Interval: UnitOfMeasure.Wh,
    Measurand.Frequency: UnitOfMeasure.Hertz,
}
"""The unit of a value that states none; OCPP has no name for hertz, and no default for the rest."""


class Figure(msgspec.Struct, frozen=True, gc=False):
    """One sampled value with nothing left to guess."""

    measurand: str
    value: str
    """As the station sent it, signed data included."""
    number: float | None
    """The value as a number in `unit`; None for signed data and for what is no number."""
    unit: str | None
    context: str
    format: str
    location: str
    phase: str | None


def figure(sampled: SampledValue) -> Figure:
    """A sampled value with its defaults: Energy.Active.Import.Register, Wh, Sample.Periodic, Raw, Outlet, no phase."""
    measurand = Measurand.Energy_Active_Import_Register if sampled.measurand is UNSET else sampled.measurand
    form = ValueFormat.Raw if sampled.format is UNSET else sampled.format
    return Figure(
        measurand=measurand,
        value=sampled.value,
        number=_number(sampled.value) if form is ValueFormat.Raw else None,
        unit=_DEFAULT_UNITS.get(measurand) if sampled.unit is UNSET else sampled.unit,
        context=ReadingContext.Sample_Periodic if sampled.context is UNSET else sampled.context,
        format=form,
        location=Location.Outlet if sampled.location is UNSET else sampled.location,
        phase=None if sampled.phase is UNSET else sampled.phase,
    )


def _number(text: str) -> float | None:
    try:
        number = msgspec.convert(text.strip(), float, strict=False)
    except msgspec.ValidationError:
        return None
    return number if isfinite(number) else None
