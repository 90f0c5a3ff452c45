"""What comes from the wire, from badges and from addresses is text on the page, whatever it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser_looks import CHARGING, CHOOSE, display, expect_title, hold_badge
from tests.browser_site import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Guard
    from tests.browser_site import BrowserSite

BADGE = "<b id=x>'&\"{{7*7}}"
CURRENCY = "<i id=y>&amp;</i>"
STRANGE = "A<u id=z>'&B"


def test_markup_in_a_badge_and_a_currency_is_shown_as_it_is(open_page: Callable[..., Page], site: BrowserSite) -> None:
    page = open_page(site.add_station())
    site.supervise("PUT", "/id-tags/%3Cb%20id%3Dx%3E'%26%22%7B%7B7*7%7D%7D", {"status": "Accepted"})
    site.post("/connectors/1/plug")
    expect_title(page, CHOOSE)
    hold_badge(page, BADGE)
    expect_title(page, CHARGING)
    cost = {"connectorId": 1, "currency": CURRENCY, "totalCost": 1.0}
    site.supervise("POST", f"/stations/{IDENTITY}/cost", cost)
    expect(display(page).locator(".figure-cost bdi")).to_have_text(CURRENCY)
    page.get_by_role("tab", name="Facts").click()
    expect(page.locator("#bench-panel-facts")).to_contain_text(BADGE)
    page.get_by_role("tab", name="Wire log").click()
    line = page.locator("[data-wire-rows] li", has_text="StartTransaction").first
    line.locator("summary, button").first.click()
    expect(page.locator("[data-wire-rows]")).to_contain_text("<b id=x>")
    expect(page.locator("#x, #y")).to_have_count(0)


def test_markup_in_an_identity_is_shown_as_it_is(open_page: Callable[..., Page], site: BrowserSite) -> None:
    site.add_station()
    url = site.add_station(STRANGE, network=False)
    page = open_page(site.url)
    page.get_by_role("link", name=STRANGE).click()
    expect(page).to_have_url(url)
    expect(page.get_by_role("heading", level=1)).to_have_text(STRANGE)
    page.get_by_role("button", name="Plug in").first.click()
    expect(page.locator("[data-gun='1']")).to_have_attribute("data-plugged", "true")
    expect(page.locator("#z")).to_have_count(0)


def test_an_unknown_station_has_a_page_that_says_so(
    open_page: Callable[..., Page], site: BrowserSite, guard: Guard
) -> None:
    guard.expect("status of 404")
    site.add_station()
    page = open_page(f"{site.url}/stations/%3Cscript%20id%3Dx%3Ealert(1)%3C%2Fscript%3E")
    expect(page.get_by_text("There is no station '<script id=x>alert(1)</script>' here.")).to_be_visible()
    expect(page.locator("#x")).to_have_count(0)
