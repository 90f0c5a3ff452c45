"""The distribution's Chromium, driven by Playwright: for the tests of the pages, their pictures and their bench."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)
"""Without most of them it calls home at every start."""
NAMES = ("chromium", "chromium-browser")


def find_chromium() -> str | None:
    """The program: what FORECOURT_CHROMIUM says, else what is installed; None where there is none."""
    asked = os.environ.get("FORECOURT_CHROMIUM")
    return asked or next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def open_chromium(program: str) -> Iterator[Browser]:
    """A browser without a window. An asyncio loop runs in this thread until it is closed."""
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()
