"""What tests of the pages look at and touch, by what a person sees: names, labels and words."""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

WELCOME = "Welcome"
CHOOSE = "How would you like to start?"
CHARGING = "Charging"
FINISHED = "Charging finished"


def display(page: Page) -> Locator:
    """The driver's screen."""
    return page.locator("#screen")


def expect_title(page: Page, words: str) -> None:
    """Wait until the driver's screen has a title."""
    expect(display(page).get_by_role("heading", level=2)).to_have_text(re.compile(rf"(^|: ){re.escape(words)}$"))


def figure(page: Page, name: str) -> Locator:
    """A figure of the running session, such as Power."""
    return display(page).locator(".figure", has=page.locator(f"dt:text-is('{name}')")).locator(".figure-number")


def number(text: str) -> float:
    """The number in a text."""
    found = re.search(r"\d+(?:\.\d+)?", text.replace(",", ""))
    assert found, text
    return float(found[0])


def clock_s(text: str) -> int:
    """Seconds of h:mm:ss."""
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def expect_more(locator: Locator, than: float, of: str = "number") -> float:
    """Wait until a figure has risen above a value; what it is then."""
    read = {"number": number, "clock": clock_s}[of]
    for _ in range(200):
        value = read(locator.inner_text())
        if value > than:
            return value
        locator.page.wait_for_timeout(50)  # the next look
    raise AssertionError(f"the figure never rose above {than}: {locator.inner_text()}")


def bench_card(page: Page, name: str) -> Locator:
    """A card of the workbench's actions, such as Gun A."""
    return page.get_by_role("region", name=re.compile(f"^{name}"))


def plug(page: Page, letter: str) -> None:
    """Plug a car in at the workbench."""
    bench_card(page, f"Gun {letter}").get_by_role("button", name="Plug in").click()


def unplug(page: Page, letter: str) -> None:
    """Take the gun out of its car at the workbench."""
    bench_card(page, f"Gun {letter}").get_by_role("button", name="Unplug").click()


def hold_badge(page: Page, badge: str) -> None:
    """Hold a badge to the drawn reader."""
    page.get_by_label("Badge number").fill(badge)
    page.get_by_role("button", name="Hold badge").click()


def png(width: int, height: int) -> bytes:
    """A picture in which rows differ."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((row % 256, 120, 200)) * width for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
