"""The two product generations and the five products of the guide ("Product Family"), and what differs between them.

Columns that begin with `assumed_` are not in the guide: they are plausible figures that a simulation needs.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Product(StrEnum):
    """The product names as the guide prints them."""

    PRO_DC_60 = "EVlink Pro DC 60"
    PRO_DC_180 = "EVlink Pro DC 180"
    PRO_DC_320 = "EVlink Pro DC 320"
    PRO_DC_180_V2 = "EVlink Pro DC 180 V2"
    PRO_DC_60_V2 = "EVlink Pro DC 60 V2"


class PowerLossStop(StrEnum):
    """When the StopTransaction of a session that a power cut ended is sent (note under "Supported messages")."""

    AFTER_BOOT = "after boot"
    """Queued, and sent once power is back and the boot was accepted."""
    BEFORE_DARK = "before dark"
    """Sent with the energy that is left before the station shuts down."""


class Generation(msgspec.Struct, frozen=True, gc=False):
    """A family of stations whose references share a beginning."""

    prefix: str
    """How the commercial references begin."""
    power_loss_stop: PowerLossStop
    """The guide names the families otherwise than the references do; this is reading A11."""
    assumed_module_w: int
    """Size of one power module in W (A26)."""
    assumed_boot_s: float
    """From power or reset to the first connection attempt, in seconds."""
    assumed_hold_up_s: float
    """How long the electronics live on after the mains went, in seconds."""
    assumed_serial_pattern: str
    """A regular expression for serial numbers; OCPP allows 25 characters at most."""
    assumed_serial_example: str


EVD1S = Generation(
    prefix="EVD1S",
    power_loss_stop=PowerLossStop.AFTER_BOOT,
    assumed_module_w=30_000,
    assumed_boot_s=45.0,
    assumed_hold_up_s=1.0,
    assumed_serial_pattern=r"[0-9A-Za-z-]{1,25}",
    assumed_serial_example="1S2447000017",
)
EVD2S = Generation(
    prefix="EVD2S",
    power_loss_stop=PowerLossStop.BEFORE_DARK,
    assumed_module_w=30_000,
    assumed_boot_s=30.0,
    assumed_hold_up_s=10.0,
    assumed_serial_pattern=r"[0-9A-Za-z-]{1,25}",
    assumed_serial_example="2S2604000017",
)
GENERATIONS: tuple[Generation, ...] = (EVD1S, EVD2S)


class ProductLine(msgspec.Struct, frozen=True, gc=False):
    """One product of the family."""

    product: Product
    generation: Generation
    rated_kw: tuple[int, ...]
    """Rated powers of its models. Which product a reference belongs to is not printed: 60 kW is a 60, 320 kW the 320,
    what lies between a 180 of its generation. Assumed where the power is not in the product's name."""
    tariff_picture_px: tuple[int, int]
    """Best width and height of tariff.png. Printed for Pro DC 180 and Pro DC 60, assumed alike for the others."""


PRODUCT_LINES: tuple[ProductLine, ...] = (
    ProductLine(Product.PRO_DC_60, EVD1S, (60,), (564, 312)),
    ProductLine(Product.PRO_DC_180, EVD1S, (120, 150, 180), (987, 546)),
    ProductLine(Product.PRO_DC_320, EVD2S, (320,), (987, 546)),
    ProductLine(Product.PRO_DC_180_V2, EVD2S, (120, 180, 240), (987, 546)),
    ProductLine(Product.PRO_DC_60_V2, EVD2S, (60,), (564, 312)),
)


def line_of(generation: Generation, power_kw: int) -> ProductLine:
    """The product line to which a model of this generation and rated power in kW belongs."""
    found = [line for line in PRODUCT_LINES if line.generation is generation and power_kw in line.rated_kw]
    assert len(found) == 1, f"{generation.prefix} with {power_kw} kW belongs to {len(found)} products"
    return found[0]
