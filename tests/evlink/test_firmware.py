"""Versions, and what appeared with which."""

from __future__ import annotations

import pytest

from forecourt.evlink.firmware import (
    AUTHENTICATION_MODES,
    DEFAULT_FIRMWARE_VERSION,
    SECURITY_EXTENSION,
    version_numbers,
)
from forecourt.evlink.generations import Product


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("3.5.8803", (3, 5, 8803)), ("v2.7.06-rc1", (2, 7, 6)), (" 3 ", (3,)), ("unknown", None), ("", None)],
)
def test_version_is_the_dotted_numbers_in_front(text: str, numbers: tuple[int, ...] | None) -> None:
    assert version_numbers(text) == numbers


@pytest.mark.parametrize(
    ("version", "reached"),
    [("3.4.8821", False), ("3.5.8802", False), ("3.5.8803", True), ("3.5.10000", True), ("10.0", True)],
)
def test_new_authentication_modes_come_with_3_5_8803(version: str, reached: bool) -> None:
    assert AUTHENTICATION_MODES.reached_by(version) is reached


def test_default_firmware_has_the_new_authentication_modes() -> None:
    assert AUTHENTICATION_MODES.reached_by(DEFAULT_FIRMWARE_VERSION)


def test_security_extension_came_with_another_version_on_the_pro_dc_180() -> None:
    assert SECURITY_EXTENSION.reached_by("2.6.11", Product.PRO_DC_60)
    assert not SECURITY_EXTENSION.reached_by("2.6.11", Product.PRO_DC_180)
    assert not SECURITY_EXTENSION.reached_by("2.7.05", Product.PRO_DC_180)
    assert SECURITY_EXTENSION.reached_by("2.7.06", Product.PRO_DC_180)
    assert not SECURITY_EXTENSION.reached_by("2.6.10")


def test_version_without_numbers_counts_as_new() -> None:
    assert AUTHENTICATION_MODES.reached_by("nightly")
