"""What the page does when the network, the mains, the station or the whole process goes away, and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser_looks import CHARGING, CHOOSE, WELCOME, display, expect_more, expect_title, figure, number
from tests.browser_site import BADGE, IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.browser.conftest import Guard
    from tests.browser_site import BrowserSite

UNREACHED = "ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|sse:error|Failed to fetch|network error"
"""What Chromium and htmx write when nobody answers."""


def test_an_offline_spell_is_told_and_the_session_goes_on(open_page: Callable[..., Page], site: BrowserSite) -> None:
    url = site.add_station()
    site.post("/connectors/1/plug", archetype="truck")
    site.post("/badge", idTag=BADGE)
    page = open_page(url)
    expect_title(page, CHARGING)
    offline = display(page).locator(".display-offline.is-offline")
    expect(offline).to_have_count(0)
    page.get_by_role("button", name="Network down").click()
    expect(offline).to_contain_text("Offline")
    energy = number(figure(page, "Energy").inner_text())
    expect_more(figure(page, "Energy"), energy)
    expect_title(page, CHARGING)
    page.get_by_role("button", name="Network up").click()
    expect(offline).to_have_count(0)
    expect_title(page, CHARGING)


def test_a_power_cut_darkens_the_screen_and_the_station_starts_again(
    open_page: Callable[..., Page], site: BrowserSite
) -> None:
    url = site.add_station()
    site.post("/connectors/1/plug")
    site.post("/badge", idTag=BADGE)
    page = open_page(url)
    expect_title(page, CHARGING)
    page.get_by_role("button", name="Mains off").click()
    expect(display(page).locator(".page-dark")).to_be_visible()
    expect(page.locator("#schematic .is-dark")).to_have_count(1)
    expect(page.get_by_label("The station now")).to_contain_text("dark")
    page.get_by_role("button", name="Mains on").click()
    expect(display(page).locator(".page-dark")).to_have_count(0)
    expect(display(page).locator(".gun-page, .welcome")).to_be_visible()


@pytest.mark.parametrize("site", [10.0], indirect=True)
def test_a_reboot_is_seen_and_the_page_lives_on(open_page: Callable[..., Page], site: BrowserSite) -> None:
    page = open_page(site.add_station())
    expect_title(page, WELCOME)
    page.get_by_role("button", name="Reboot").click()
    expect(display(page).locator(".page-starting")).to_contain_text("Starting")
    expect_title(page, WELCOME)
    site.post("/connectors/1/plug")
    expect_title(page, CHOOSE)


def test_the_pages_server_stops_for_a_while_and_open_pages_say_so_and_live_on(
    open_page: Callable[..., Page], site: BrowserSite, guard: Guard
) -> None:
    guard.expect(UNREACHED)
    page = open_page(site.add_station())
    expect_title(page, WELCOME)
    cut_off = page.get_by_role("alert")
    expect(cut_off).to_be_hidden()
    site.stop_api()
    expect(cut_off).to_be_visible()
    expect(cut_off).to_contain_text("Cut off")
    site.start_api()
    expect(cut_off).to_be_hidden()
    site.post("/connectors/1/plug")
    expect_title(page, CHOOSE)


class StationProcess:
    """`forecourt station` as a process of its own."""

    def __init__(self, url: str, data: Path) -> None:
        self._url, self._data = url, data
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> None:
        """Start it, on the port of the time before."""
        command = [sys.executable, "-m", "forecourt", "station", "--json", "--speed", "60", "--data", str(self._data)]
        command += ["--http", str(self.port), "--url", self._url, "--id", IDENTITY]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if (said := json.loads(line))["event"] == "started":
                self.port = int(said["httpUrl"].rpartition(":")[2])
                return
        raise AssertionError("it ended without an address")

    def kill(self) -> None:
        """Kill it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=10)
            self._process = None


@pytest.fixture
def process(site: BrowserSite, tmp_path: Path) -> Iterator[StationProcess]:
    """A station in a process, at the site's supervision."""
    running = StationProcess(f"ws://127.0.0.1:{site.supervision.ocpp_port}", tmp_path)
    running.start()
    yield running
    running.kill()


def test_the_process_is_killed_and_started_again_and_the_page_says_so_and_lives_on(
    process: StationProcess, open_page: Callable[..., Page], guard: Guard
) -> None:
    guard.expect(UNREACHED)
    page = open_page(f"http://127.0.0.1:{process.port}/")
    expect_title(page, WELCOME)
    page.get_by_role("button", name="Plug in").first.click()
    expect_title(page, CHOOSE)
    process.kill()
    expect(page.get_by_role("alert")).to_contain_text("Cut off")
    expect(page.get_by_role("alert")).to_be_visible()
    process.start()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect_title(page, WELCOME)
    page.get_by_role("button", name="Plug in").first.click()
    expect_title(page, CHOOSE)


def test_a_page_whose_scripts_come_slowly_lives_all_the_same(open_page: Callable[..., Page], site: BrowserSite) -> None:
    """Once htmx began before its extension for streams had come, and the page never changed."""
    url = site.add_station()
    page = open_page()

    def late(route: Route) -> None:
        time.sleep(0.4)  # a slow network
        route.continue_()

    page.route("**/hx-sse.min.js*", late)
    page.goto(url)
    site.post("/connectors/1/plug")
    expect_title(page, CHOOSE)
