"""A driver and an engineer without a pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser_looks import CHARGING, CHOOSE, FINISHED, display, expect_more, expect_title, figure
from tests.browser_site import BADGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.browser_site import BrowserSite


def walk_to(page: Page, goal: Locator) -> None:
    """Press Tab until something has the focus."""
    for _ in range(60):
        if goal.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {goal}")


def test_a_whole_session_goes_by_keyboard_alone(open_page: Callable[..., Page], site: BrowserSite) -> None:
    page = open_page(site.add_station())
    walk_to(page, page.get_by_role("button", name="Plug in").first)
    page.keyboard.press("Enter")
    expect_title(page, CHOOSE)
    reader = page.get_by_label("Badge number")
    page.keyboard.press("Control+Home")
    page.evaluate("document.activeElement.blur()")
    walk_to(page, reader)
    page.keyboard.press("Control+a")
    page.keyboard.type(BADGE)
    page.keyboard.press("Enter")
    expect_title(page, CHARGING)
    expect_more(figure(page, "Power"), 1.0)
    expect(reader).to_be_focused()
    page.keyboard.press("Enter")
    expect_title(page, FINISHED)


def test_the_focus_stays_on_the_touched_gun_while_figures_tick(
    open_page: Callable[..., Page], site: BrowserSite
) -> None:
    url = site.add_station()
    for connector in (1, 2):
        site.post(f"/connectors/{connector}/plug")
    site.post("/badge", idTag=BADGE)
    page = open_page(url)
    expect_title(page, CHARGING)
    touch = display(page).get_by_role("button", name="Show gun B")
    walk_to(page, touch)
    energy = expect_more(figure(page, "Energy"), 0.0)
    expect_more(figure(page, "Energy"), energy)
    expect(touch).to_be_focused()
    page.keyboard.press("Enter")
    expect(display(page).locator(".gun-sign.is-shown .gun-letter")).to_have_text("B")
