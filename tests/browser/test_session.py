"""A driver in front of the page: whole sessions on one gun and on both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser_looks import (
    CHARGING,
    CHOOSE,
    FINISHED,
    WELCOME,
    bench_card,
    clock_s,
    display,
    expect_more,
    expect_title,
    figure,
    hold_badge,
    number,
    plug,
    png,
    unplug,
)
from tests.browser_site import BADGE, IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser_site import BrowserSite


@pytest.mark.requirement("GUIDE-LOCAL-04", "GUIDE-COST-11", "GUIDE-COST-13", "GUIDE-COST-14")
def test_driver_plugs_charges_sees_the_cost_stops_and_drives_away(
    open_page: Callable[..., Page], site: BrowserSite
) -> None:
    page = open_page(site.add_station())
    expect_title(page, WELCOME)
    expect(display(page).locator(".welcome-lock")).to_contain_text("Screen locked")

    plug(page, "A")
    expect_title(page, CHOOSE)
    hold_badge(page, BADGE)
    expect_title(page, CHARGING)
    power = figure(page, "Power")
    expect_more(power, 1.0)
    energy = expect_more(figure(page, "Energy"), 0.0)
    expect_more(figure(page, "Energy"), energy)
    seconds = clock_s(figure(page, "Time").inner_text())
    expect_more(figure(page, "Time"), seconds, of="clock")
    battery = display(page).locator(".battery-figure dd")
    expect_more(battery, number(battery.inner_text()))

    cost = display(page).locator(".figure-cost")
    expect(cost).to_have_count(1)
    expect(cost).to_have_text("")
    site.supervise("POST", f"/stations/{IDENTITY}/cost", {"connectorId": 1, "currency": "EUR", "totalCost": 3.21})
    expect(cost).to_have_text(re.compile(r"^Cost\s*3\.21\s*EUR$"))
    site.supervise("POST", f"/stations/{IDENTITY}/cost", {"connectorId": 1, "currency": "EUR", "totalCost": 4.5})
    expect(cost).to_have_text(re.compile(r"^Cost\s*4\.50\s*EUR$"))

    hold_badge(page, BADGE)
    expect_title(page, FINISHED)
    expect(display(page).get_by_role("group", name="Summary")).to_be_visible()
    expect(cost).to_have_text(re.compile(r"4\.50\s*EUR"))
    (bill,) = site.supervise("GET", "/transactions")
    shown_kwh = number(figure(page, "Energy").inner_text())
    assert shown_kwh == pytest.approx((bill["meterStop"] - bill["meterStart"]) / 1000, abs=0.006)

    unplug(page, "A")
    expect_title(page, WELCOME)
    plug(page, "A")
    expect_title(page, CHOOSE)
    hold_badge(page, BADGE)
    expect_title(page, CHARGING)
    expect(cost).to_have_text("")


@pytest.mark.requirement("GUIDE-TARIFF-13", "GUIDE-TARIFF-14", "GUIDE-TARIFF-15")
def test_driver_reads_the_tariff_full_screen_once_it_came(open_page: Callable[..., Page], site: BrowserSite) -> None:
    page = open_page(site.add_station())
    plug(page, "A")
    expect_title(page, CHOOSE)
    button = display(page).get_by_role("button", name="Tariff")
    expect(button).to_have_count(0)
    assert page.request.get(f"{page.url}/tariff.png").status == 404

    site.put_file("Tariff.png", png(470, 260))
    site.supervise("POST", f"/stations/{IDENTITY}/tariff", {"file": "Tariff.png"})
    button.click()
    picture = display(page).get_by_role("img", name="tariff")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 470)
    box = picture.bounding_box()
    around = display(page).get_by_role("region", name="Driver's screen").bounding_box()
    assert box
    assert around
    assert box["width"] / box["height"] == pytest.approx(47 / 26, rel=0.01)
    assert max(box["width"] / around["width"], box["height"] / around["height"]) > 0.85

    display(page).get_by_role("button", name="Close the tariff").click()
    expect_title(page, CHOOSE)
    expect(button).to_be_visible()
    hold_badge(page, BADGE)
    expect_title(page, CHARGING)
    expect(button).to_have_count(0)


@pytest.mark.requirement("GUIDE-LOCAL-03")
def test_two_drivers_charge_at_once_and_touch_to_see_their_gun(
    open_page: Callable[..., Page], site: BrowserSite
) -> None:
    site.supervise("PUT", "/id-tags/CAFE0002", {"status": "Accepted"})
    page = open_page(site.add_station(model="EVD1S180TBB"))
    shown = display(page).locator(".gun-sign.is-shown .gun-letter")
    touch = {letter: display(page).get_by_role("button", name=f"Show gun {letter}") for letter in "AB"}

    plug(page, "A")
    expect(shown).to_have_text("A")
    expect(touch["B"]).to_have_count(0)
    hold_badge(page, BADGE)
    expect_title(page, CHARGING)
    plug(page, "B")
    touch["B"].click()
    expect(shown).to_have_text("B")
    expect_title(page, CHOOSE)
    hold_badge(page, "CAFE0002")
    expect_title(page, CHARGING)
    signs = display(page).locator(".gun-stage")
    expect(signs).to_have_text([CHARGING, CHARGING])
    second = expect_more(figure(page, "Energy"), 0.0)
    touch["A"].click()
    expect(shown).to_have_text("A")
    assert number(figure(page, "Energy").inner_text()) > second, "the first gun began earlier"
    running = {row["connectorId"]: row["idTag"] for row in site.supervise("GET", "/transactions")}
    assert running == {1: BADGE, 2: "CAFE0002"}

    unplug_refused = bench_card(page, "Gun A")
    expect(unplug_refused.get_by_role("button", name="Plug in")).to_be_disabled()


@pytest.mark.requirement("GUIDE-LOCAL-03")
def test_with_both_guns_plugged_the_screen_shows_gun_a_first(open_page: Callable[..., Page], site: BrowserSite) -> None:
    url = site.add_station()
    site.post("/connectors/2/plug")
    site.post("/connectors/1/plug")
    page = open_page(url)
    expect(display(page).locator(".gun-sign.is-shown .gun-letter")).to_have_text("A")
    display(page).get_by_role("button", name="Show gun B").click()
    expect(display(page).locator(".gun-sign.is-shown .gun-letter")).to_have_text("B")
