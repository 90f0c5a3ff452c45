"""Nothing flickers: what ticks changes its words, and nothing else moves or is made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser_looks import CHARGING, CHOOSE, WELCOME, display, expect_more, expect_title, figure
from tests.browser_site import BADGE, IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser_site import BrowserSite

MARKED = "#screen > *, .display, .figure-number, .gun-sign, #schematic svg, #schematic .cabinet, #bench .strip"
OBSERVE = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifts.push([entry.value, entry.sources.map((s) => String(s.node))]);
  }).observe({type: "layout-shift", buffered: false});
}"""
MARK = "(marked) => { for (const node of document.querySelectorAll(marked)) node.wasThere = true; }"
STILL = "(marked) => [...document.querySelectorAll(marked)].filter((n) => !n.wasThere).map((n) => n.outerHTML)"


def test_while_a_car_charges_nodes_stay_and_nothing_shifts(open_page: Callable[..., Page], site: BrowserSite) -> None:
    url = site.add_station()
    site.post("/connectors/1/plug")
    site.post("/badge", idTag=BADGE)
    page = open_page(url)
    expect_title(page, CHARGING)
    energy = expect_more(figure(page, "Energy"), 0.0)
    page.evaluate(OBSERVE)
    page.evaluate(MARK, MARKED)
    for _ in range(4):
        energy = expect_more(figure(page, "Energy"), energy)
    site.supervise("POST", f"/stations/{IDENTITY}/cost", {"connectorId": 1, "currency": "EUR", "totalCost": 9.99})
    expect(display(page).locator(".figure-cost .figure-number")).to_have_text("9.99")
    fresh = [html for html in page.evaluate(STILL, MARKED) if "9.99" not in html]
    assert fresh == []
    assert page.evaluate("window.shifts") == []


def test_the_layout_does_not_shift_from_the_welcome_to_the_session(
    open_page: Callable[..., Page], site: BrowserSite
) -> None:
    page = open_page(site.add_station())
    expect_title(page, WELCOME)
    below = page.locator("#schematic")
    before = below.bounding_box()
    site.post("/connectors/1/plug")
    expect_title(page, CHOOSE)
    assert below.bounding_box() == before
    site.post("/badge", idTag=BADGE)
    expect_title(page, CHARGING)
    assert below.bounding_box() == before
