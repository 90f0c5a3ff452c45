"""Make the pictures of `docs/screens.md` from pages that really run: python -m docs.make_screenshots

The states are those of the page `/patterns`, the whole pages are of a station that charges at a supervision.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser_looks import png
from tests.browser_site import BADGE, IDENTITY, BrowserSite
from tests.chromium import find_chromium, open_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parent / "screens"
STATES = {
    "welcome": "welcome",
    "options": "every option",
    "refused": "refusal unknown",
    "finished": "ended Local",
    "reserved": "stage reserved",
    "faulted": "stage faulted",
    "out-of-service": "stage out of service",
    "starting": "booting",
    "tariff": "tariff",
}
"""File name -> the pattern's name."""
SPEED = 30.0


def main() -> None:
    """Take them all."""
    program = find_chromium()
    if program is None:
        raise SystemExit("Chromium is needed: install it, or name it by FORECOURT_CHROMIUM.")
    FOLDER.mkdir(exist_ok=True)
    with BrowserSite(SPEED) as site, open_chromium(program) as browser:
        take_patterns(browser, site)
        take_sessions(browser, site)
    for path in sorted(FOLDER.glob("*.png")):
        print(f"{path.stat().st_size / 1024:6.0f} KB  {path.name}")


def opened(browser: Browser, url: str, width: int, height: int = 900) -> Page:
    """A page without movement."""
    page = browser.new_page(
        viewport={"width": width, "height": height}, locale="en-GB", reduced_motion="reduce", color_scheme="light"
    )
    page.goto(url)
    return page


def take_patterns(browser: Browser, site: BrowserSite) -> None:
    """The driver's screen alone, in a state each."""
    page = opened(browser, f"{site.url}/patterns", width=1500)
    for name, pattern in STATES.items():
        article = page.locator("article.pattern", has=page.get_by_role("heading", name=pattern, exact=True)).first
        article.locator(".pattern-screen").screenshot(path=FOLDER / f"{name}.png")
    page.close()


def take_sessions(browser: Browser, site: BrowserSite) -> None:
    """Whole pages of a station with two cars."""
    url = site.add_station(model="EVD1S180TBB")
    site.supervise("PUT", "/id-tags/CAFE0002", {"status": "Accepted"})
    site.put_file("Tariff.png", png(987, 546))
    page = opened(browser, url, width=1340, height=1000)
    site.post("/connectors/1/plug", archetype="long-range", soc_percent=38)
    site.post("/badge", idTag=BADGE)
    site.await_view(lambda view: view["connectors"][0]["power_w"] > 50_000)
    cost = {"connectorId": 1, "currency": "EUR", "totalCost": 7.35}
    site.supervise("POST", f"/stations/{IDENTITY}/cost", cost)
    site.await_view(lambda view: view["connectors"][0]["meter_wh"] > 8_000)
    page.locator(".figure-cost", has_text="7.35").wait_for()
    page.screenshot(path=FOLDER / "charging.png")

    site.post("/connectors/2/plug", archetype="family", soc_percent=61)
    site.post("/show", connector=2)
    site.post("/badge", idTag="CAFE0002")
    site.await_view(lambda view: view["connectors"][1]["power_w"] > 20_000)
    page.locator(".gun-sign.is-shown .gun-letter", has_text="B").wait_for()
    page.locator("#schematic").screenshot(path=FOLDER / "two-cars.png")
    for tab in ("Keys", "Power", "Wire log", "Facts"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(2_500)  # the chart has points, and the log lines
        page.locator("[data-bench]").screenshot(path=FOLDER / f"bench-{tab.lower().replace(' ', '-')}.png")
    page.close()

    phone = opened(browser, f"{url}/screen", width=390, height=844)
    phone.locator(".figure-power").wait_for()
    phone.screenshot(path=FOLDER / "phone.png")
    phone.close()

    for number in range(2, 13):
        site.add_station(f"GARAGE-{number:02}", network=number % 4 != 0)
    listed = opened(browser, site.url, width=1000, height=620)
    listed.screenshot(path=FOLDER / "stations.png")
    listed.close()


if __name__ == "__main__":
    main()
