"""Firmware versions, and what appeared with which (the history of versions, and the authentication modes)."""

from __future__ import annotations

import re

import msgspec

from forecourt.evlink.generations import Product

DEFAULT_FIRMWARE_VERSION = "3.5.8803"
"""What a station runs when nobody says otherwise: the first version with the new authentication modes (A16)."""

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


class Since(msgspec.Struct, frozen=True, gc=False):
    """The first firmware that has a feature."""

    firmware: str
    """The version for every product that `by_product` does not name."""
    by_product: tuple[tuple[Product, str], ...] = ()
    """Products for which the guide prints another version."""

    def version_for(self, product: Product | None) -> str:
        """The first version on this product; None stands for any product."""
        return dict(self.by_product).get(product, self.firmware) if product is not None else self.firmware

    def reached_by(self, firmware_version: str, product: Product | None = None) -> bool:
        """Whether this firmware has the feature. A version without a number in front counts as new enough."""
        version = version_numbers(firmware_version)
        return version is None or version >= (version_numbers(self.version_for(product)) or ())


def version_numbers(firmware_version: str) -> tuple[int, ...] | None:
    """The dotted numbers in front of a version, such as (3, 5, 8803), or None when there are none."""
    found = _NUMBERS.match(firmware_version.strip().lstrip("vV"))
    return tuple(int(number) for number in found[0].split(".")) if found else None


SECURITY_EXTENSION = Since("2.6.11", ((Product.PRO_DC_180, "2.7.06"),))
"""Version 01 of the guide: messages and keys of the security white paper, and the tariff messages."""

AUTHENTICATION_MODES = Since("3.5.8803")
"""The "New Authentication modes" and the keys that serve only them."""
