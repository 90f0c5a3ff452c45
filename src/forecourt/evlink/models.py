"""The 58 commercial references of the section "BootNotification", in the guide's order (left column, then right).

A reference reads EVD, generation, S, rated kW, T, outputs (BB or HB), and a suffix. The guide does not explain the
suffixes C, C1, C5, C7, -AN and -G; they change nothing here, but that -G marks a candidate for Eichrecht (A15).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from forecourt.errors import ForecourtError
from forecourt.evlink.generations import EVD1S, EVD2S, Generation, Product, ProductLine, line_of
from forecourt.evlink.nearest import hint, nearest


class ConnectorType(StrEnum):
    """The kinds of guns, as `ConnectorAType` and `ConnectorBType` report them."""

    CCS2 = "CCS2"
    CHADEMO = "CHAdeMO"


class Gun(msgspec.Struct, frozen=True, gc=False):
    """What a gun and its cable can carry. All figures are assumed: the guide gives none."""

    limited_kw: int
    """Most power through one gun, in kW."""
    max_current_a: int
    max_voltage_v: int


ASSUMED_GUNS: dict[ConnectorType, Gun] = {
    ConnectorType.CCS2: Gun(limited_kw=180, max_current_a=500, max_voltage_v=1000),
    ConnectorType.CHADEMO: Gun(limited_kw=62, max_current_a=125, max_voltage_v=500),
}
"""A CHAdeMO gun of the common class carries 125 A at 500 V, 62.5 kW; the key is a whole number, so 62."""


class Model(msgspec.Struct, frozen=True, gc=False):
    """One commercial reference."""

    reference: str
    """The chargePointModel of BootNotification, at most 20 characters."""
    power_kw: int
    """Rated power of the station in kW, `ChargeLimitedPower`."""
    outputs: tuple[ConnectorType, ConnectorType]
    """Connector 1 (gun A) and connector 2 (gun B), A44."""

    @property
    def generation(self) -> Generation:
        """The family that the beginning of the reference names."""
        return EVD2S if self.reference.startswith(EVD2S.prefix) else EVD1S

    @property
    def line(self) -> ProductLine:
        """The row of the product that the model belongs to."""
        return line_of(self.generation, self.power_kw)

    @property
    def product(self) -> Product:
        """The product's name; partly assumed, see `ProductLine.rated_kw`."""
        return self.line.product

    @property
    def connector_limited_kw(self) -> tuple[int, int]:
        """ConnectorALimitedPower and ConnectorBLimitedPower in kW.

        Assumed: the guide names the keys and gives no value, so the smaller of the rated power and `ASSUMED_GUNS`.
        """
        first, second = (min(self.power_kw, ASSUMED_GUNS[output].limited_kw) for output in self.outputs)
        return first, second

    @property
    def assumed_modules(self) -> int:
        """How many power modules the cabinet holds, from the assumed size of one (A26)."""
        return -(-self.power_kw * 1000 // self.generation.assumed_module_w)

    @property
    def eichrecht_candidate(self) -> bool:
        """Whether the reference ends in -G; the Eichrecht option is off nevertheless (A15)."""
        return self.reference.endswith("-G")


class UnknownModel(ForecourtError):  # noqa: N818
    """A commercial reference that is not in the catalogue."""

    def __init__(self, reference: str, near: tuple[str, ...]) -> None:
        self.reference = reference
        self.near = near
        wanted = hint(near, "`forecourt guide models` lists all 58")
        super().__init__(f"{reference!r} is no commercial reference of the guide; {wanted}.")


def find_model(reference: str) -> Model:
    """The row of a commercial reference, without regard to case; raises `UnknownModel` with near misses."""
    wanted = reference.strip().upper()
    if (model := _BY_REFERENCE.get(wanted)) is None:
        raise UnknownModel(reference, tuple(nearest(wanted, list(_BY_REFERENCE))))
    return model


_BB = (ConnectorType.CCS2, ConnectorType.CCS2)
_HB = (ConnectorType.CCS2, ConnectorType.CHADEMO)

MODELS: tuple[Model, ...] = (
    # left column
    Model("EVD1S120TBB", 120, _BB),
    Model("EVD1S120THB", 120, _HB),
    Model("EVD1S150TBB", 150, _BB),
    Model("EVD1S150THB", 150, _HB),
    Model("EVD1S180TBB", 180, _BB),
    Model("EVD1S180THB", 180, _HB),
    Model("EVD1S180TBBC", 180, _BB),
    Model("EVD1S180THBC", 180, _HB),
    Model("EVD1S150TBBC", 150, _BB),
    Model("EVD1S150THBC", 150, _HB),
    Model("EVD1S120TBBC", 120, _BB),
    Model("EVD1S120THBC", 120, _HB),
    Model("EVD1S180TBBC-G", 180, _BB),
    Model("EVD1S150TBBC-G", 150, _BB),
    Model("EVD1S120TBBC-G", 120, _BB),
    Model("EVD1S180TBBC7", 180, _BB),
    Model("EVD1S150TBBC7", 150, _BB),
    Model("EVD1S120TBBC7", 120, _BB),
    Model("EVD1S180TBBC7-G", 180, _BB),
    Model("EVD1S150TBBC7-G", 150, _BB),
    Model("EVD1S120TBBC7-G", 120, _BB),
    Model("EVD1S120TBB-AN", 120, _BB),
    Model("EVD1S120THB-AN", 120, _HB),
    Model("EVD1S150TBB-AN", 150, _BB),
    Model("EVD1S150THB-AN", 150, _HB),
    Model("EVD1S180TBB-AN", 180, _BB),
    Model("EVD1S180THB-AN", 180, _HB),
    Model("EVD1S180TBBC7-AN", 180, _BB),
    Model("EVD1S150TBBC7-AN", 150, _BB),
    Model("EVD1S120TBBC7-AN", 120, _BB),
    Model("EVD1S60TBB", 60, _BB),
    Model("EVD1S60THB", 60, _HB),
    Model("EVD1S60TBBC5", 60, _BB),
    Model("EVD1S60THBC5", 60, _HB),
    Model("EVD1S60TBBC7", 60, _BB),
    # right column
    Model("EVD2S320TBB", 320, _BB),
    Model("EVD2S320TBBC", 320, _BB),
    Model("EVD2S320TBBC7", 320, _BB),
    Model("EVD2S240TBB", 240, _BB),
    Model("EVD2S180TBB", 180, _BB),
    Model("EVD2S180TBBC", 180, _BB),
    Model("EVD2S180TBBC7", 180, _BB),
    Model("EVD2S120TBB", 120, _BB),
    Model("EVD2S60TBB", 60, _BB),
    Model("EVD2S60TBBC", 60, _BB),
    Model("EVD2S60TBBC7", 60, _BB),
    Model("EVD2S320TBBC1", 320, _BB),
    Model("EVD2S180TBBC1", 180, _BB),
    Model("EVD2S320TBB-G", 320, _BB),
    Model("EVD2S240TBB-G", 240, _BB),
    Model("EVD2S180TBB-G", 180, _BB),
    Model("EVD2S120TBB-G", 120, _BB),
    Model("EVD2S320TBBC-G", 320, _BB),
    Model("EVD2S180TBBC-G", 180, _BB),
    Model("EVD2S320TBBC1-G", 320, _BB),
    Model("EVD2S180TBBC1-G", 180, _BB),
    Model("EVD2S320TBBC7-G", 320, _BB),
    Model("EVD2S180TBBC7-G", 180, _BB),
)
"""All models in the guide's order."""

_BY_REFERENCE = {model.reference.upper(): model for model in MODELS}
