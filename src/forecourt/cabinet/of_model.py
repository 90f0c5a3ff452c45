"""The cabinet of a commercial reference, from the columns of the catalogue."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from forecourt.cabinet.car import OutputType
from forecourt.cabinet.figures import CabinetFigures, GunFigures
from forecourt.evlink.models import ASSUMED_GUNS

if TYPE_CHECKING:
    from forecourt.evlink.models import Model


@cache
def figures_of(model: Model) -> CabinetFigures:
    """What every cabinet of this model can give; limits of guns and cables are assumed (see `evlink.models`)."""
    guns = tuple(
        GunFigures(
            output=OutputType(output.value),
            limit_w=limited_kw * 1000.0,
            cable_current_a=float(ASSUMED_GUNS[output].max_current_a),
        )
        for output, limited_kw in zip(model.outputs, model.connector_limited_kw, strict=True)
    )
    return CabinetFigures(
        station_limit_w=model.power_kw * 1000.0,
        guns=guns,
        module_w=float(model.generation.assumed_module_w),
    )
