"""The page that `forecourt demo` opens: the driver, the workbench and the supervision's side, of one process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser_looks import CHARGING, CHOOSE, expect_title, plug, unplug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page


@pytest.fixture
def site() -> Iterator[str]:
    """A demo without cars, by the address of its page. It ends after the pages, as `open_page` knows its name."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "forecourt",
        "demo",
        "--by-hand",
        "--json",
        "--security",
        "2",
        "--speed",
        "60",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["pageUrl"]
        finally:
            process.kill()


def test_person_sees_the_station_led_to_profile_2_then_charges_and_finds_the_session_in_the_ledger(
    open_page: Callable[..., Page], site: str, accessible: Callable[[Page], None]
) -> None:
    page = open_page(site)
    panel = page.get_by_role("complementary", name="Supervision")
    expect(panel.locator(".site-profile")).to_have_text("security profile 2")
    expect(panel.locator(".site-steps")).to_contain_text("sent ChangeConfiguration SecurityProfile=2: Accepted")
    plug(page, "A")
    expect_title(page, CHOOSE)
    page.get_by_role("button", name="Hold badge").click()
    expect_title(page, CHARGING)
    row = panel.get_by_role("row").nth(1)
    expect(row).to_contain_text("DEMO-BADGE")
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("EUR")
    accessible(page)
    unplug(page, "A")
    expect(row).to_contain_text("ended: ")
