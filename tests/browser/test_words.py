"""What the driver is told when something is not as it should be, in the driver's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser_looks import CHARGING, CHOOSE, WELCOME, bench_card, display, expect_title, hold_badge
from tests.browser_site import BADGE, IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Guard
    from tests.browser_site import BrowserSite

UNHURRIED = pytest.mark.parametrize("site", [5.0], indirect=True)
"""A refusal is shown for ten seconds of the station."""
REFUSED = {
    "en": ("Not accepted", "This badge is not known here."),
    "fr": ("Non accepté", "Ce badge n\u2019est pas connu ici."),
    "de": ("Nicht angenommen", "Diese Karte ist hier nicht bekannt."),
}


@UNHURRIED
@pytest.mark.parametrize("language", REFUSED)
def test_driver_with_an_unknown_badge_is_told_so_in_the_language_of_the_browser(
    language: str, open_page: Callable[..., Page], site: BrowserSite
) -> None:
    url = site.add_station()
    site.post("/connectors/1/plug")
    page = open_page(url, locale=f"{language}-{language.upper()}")
    expect(page.locator("html")).to_have_attribute("lang", language)
    site.post("/badge", idTag="NOBODY")
    title, why = REFUSED[language]
    expect(display(page).locator(".stage-title")).to_contain_text(title)
    expect(display(page).locator(".stage-note.is-refusal")).to_have_text(why)


def test_driver_changes_the_language_on_the_screen_and_it_stays(
    open_page: Callable[..., Page], site: BrowserSite
) -> None:
    page = open_page(site.add_station())
    expect_title(page, WELCOME)
    display(page).get_by_role("link", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect_title(page, "Bienvenue")
    site.post("/connectors/1/plug")
    expect(display(page).locator(".stage-title")).to_contain_text("Comment")
    display(page).get_by_role("link", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(display(page).locator(".stage-title")).to_contain_text("Wie")


def test_a_badge_while_locked_is_refused_beside_the_reader_with_the_reason(
    open_page: Callable[..., Page], site: BrowserSite, guard: Guard
) -> None:
    page = open_page(site.add_station())
    expect_title(page, WELCOME)
    guard.expect("status of 409")
    hold_badge(page, BADGE)
    notice = page.locator("form", has=page.get_by_label("Badge number")).get_by_role("status")
    expect(notice).to_contain_text("plug")
    bench = bench_card(page, "Badge")
    bench.get_by_label("idTag").fill(BADGE)
    bench.get_by_role("button", name="Hold to the reader").click()
    expect(bench.get_by_role("status")).to_contain_text("plug")


def test_a_fault_is_shown_with_its_dtc_and_goes_away(open_page: Callable[..., Page], site: BrowserSite) -> None:
    url = site.add_station()
    site.post("/connectors/1/plug")
    site.post("/badge", idTag=BADGE)
    page = open_page(url)
    expect_title(page, CHARGING)
    page.get_by_role("button", name="Press emergency stop").click()
    expect(display(page).locator(".fault-code")).to_have_text("Code 0x100202")
    expect(display(page).locator(".gun-detail")).to_contain_text(["0x100202", "0x100202"])
    expect(page.locator("#schematic")).to_contain_text("0x100202")
    page.get_by_role("button", name="Release emergency stop").click()
    expect(display(page).locator(".fault-code")).to_have_count(0)
    expect(page.locator("#schematic")).not_to_contain_text("0x100202")


@UNHURRIED
def test_a_reserved_gun_and_one_out_of_service_are_shown(
    open_page: Callable[..., Page], site: BrowserSite, guard: Guard
) -> None:
    guard.expect("status of 409")
    page = open_page(site.add_station())
    stages = display(page).locator(".gun-stage")
    expect(stages).to_have_text(["Available", "Available"])
    until = "2190-01-01T00:00:00Z"
    reserved = site.command("ReserveNow", connectorId=1, expiryDate=until, idTag=BADGE, reservationId=7)
    assert reserved == {"status": "Accepted"}
    site.command("ChangeAvailability", connectorId=2, type="Inoperative")
    expect(stages).to_have_text(["Reserved", "Out of service"])
    site.post("/connectors/1/plug")
    expect_title(page, "This gun is reserved")
    site.supervise("PUT", "/id-tags/OTHER", {"status": "Accepted"})
    hold_badge(page, "OTHER")
    expect(display(page).locator(".stage-note")).to_have_text("This gun is reserved for somebody else.")
    expect(page.locator(".reader-notice")).to_have_text("Charging refused: connector 1 is not reserved for OTHER.")
    hold_badge(page, BADGE)
    expect_title(page, CHARGING)


def test_a_remote_start_asks_for_the_cable(open_page: Callable[..., Page], site: BrowserSite) -> None:
    page = open_page(site.add_station())
    expect_title(page, WELCOME)
    assert site.command("RemoteStartTransaction", idTag=BADGE, connectorId=1) == {"status": "Accepted"}
    expect(display(page).locator(".gun-stage").first).to_have_text("Plug in")
    site.post("/connectors/1/plug")
    expect_title(page, CHARGING)
    (running,) = site.supervise("GET", f"/transactions?identity={IDENTITY}")
    site.command("RemoteStopTransaction", transactionId=running["transactionId"])
    expect(display(page).locator(".stage-note")).to_have_text("Stopped by app or operator.")


def test_driver_at_a_station_that_was_never_accepted_is_asked_to_wait(
    open_page: Callable[..., Page], site: BrowserSite
) -> None:
    page = open_page(site.add_station(network=False))
    expect(display(page).locator(".display-offline")).to_contain_text("Offline")
    site.post("/connectors/1/plug")
    expect(display(page).locator(".gun-stage").first).not_to_have_text("Available")
    expect(display(page).locator(".stage-title")).not_to_contain_text(CHOOSE)
