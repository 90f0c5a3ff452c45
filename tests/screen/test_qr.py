"""QR codes are read back by a decoder that has nothing to do with who made them."""

from __future__ import annotations

import re

import pytest
import zxingcpp

from forecourt.screen.fragments import fragments_of, render_fragment
from forecourt.screen.patterns import station
from forecourt.screen.qr import QUIET_ZONE, qr_code
from forecourt.station.display import Option, Stage

MODULE_PX = 5
RUN = re.compile(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z")


def scan(size: int, path: str) -> list[str]:
    """What a phone would read from the drawn code."""
    side = size * MODULE_PX
    pixels = bytearray(b"\xff" * side * side)
    assert RUN.sub("", path) == ""
    for left, top, length, back in RUN.findall(path):
        assert length == back
        for row in range(int(top) * MODULE_PX, (int(top) + 1) * MODULE_PX):
            start = row * side + int(left) * MODULE_PX
            pixels[start : start + int(length) * MODULE_PX] = bytes(int(length) * MODULE_PX)
    picture = memoryview(bytes(pixels)).cast("B", shape=[side, side])
    return [found.text for found in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize(
    "address",
    [
        "https://pay.example/EVlink/A",
        "HTTPS://PAY.EXAMPLE/1",
        "1234567890",
        "https://pay.example/?a=1&b=<script>\"'",
        "https://pay.example/café/充电",
        "https://pay.example/" + "x" * 100,
    ],
)
def test_a_code_is_read_as_the_address_it_was_made_of(address: str) -> None:
    code = qr_code(address)
    assert scan(code.size, code.path) == [address]


def test_a_code_has_its_quiet_zone() -> None:
    code = qr_code("https://pay.example/EVlink/A")
    for left, top, length, _ in RUN.findall(code.path):
        assert QUIET_ZONE <= int(left) <= int(left) + int(length) <= code.size - QUIET_ZONE
        assert QUIET_ZONE <= int(top) < code.size - QUIET_ZONE


@pytest.mark.parametrize("shown", [1, 2])
def test_a_phone_reads_from_the_page_of_each_gun_the_address_of_that_gun(shown: int) -> None:
    view = station(Stage.AUTHENTICATE, second=Stage.AUTHENTICATE, shown=shown, options=(Option.QR_CODE,))
    (screen,) = fragments_of(("screen",), None)
    html = render_fragment(screen, view, "en")
    size = re.search(r'class="qr" viewBox="0 0 (\d+) (\d+)"', html)
    ink = re.findall(r'class="qr-ink" d="([^"]*)"', html)
    assert size
    assert size[1] == size[2]
    assert view.screen is not None
    assert view.screen.gun is not None
    assert [scan(int(size[1]), path) for path in ink] == [[view.screen.gun.qrCode]]
    assert f"EVlink/{'AB'[shown - 1]}?" in str(view.screen.gun.qrCode)
