"""The workbench in the browser: what an engineer does there, and what is seen of the station."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser_site import BADGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Guard
    from tests.browser_site import BrowserSite

HOSTILE = "<img src=x onerror=x"
SECRET = "00112233445566778899AABBCCDDEEFF"
PHONE = {"width": 390, "height": 844}
PROFILE = {
    "chargingProfileId": 7,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "W",
        "startSchedule": "2020-01-01T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 50000.0}],
    },
}


def open_tab(page: Page, name: str) -> Locator:
    """A tab of the workbench; its panel."""
    page.get_by_role("tab", name=name, exact=True).click()
    panel = page.get_by_role("tabpanel", name=name)
    expect(panel).to_be_visible()
    return panel


def gun(page: Page, number: int) -> Locator:
    """What the strip says of a gun."""
    return page.locator(f"#bench [data-gun='{number}']")


def card(page: Page, name: str) -> Locator:
    """A card of actions."""
    return page.get_by_role("region", name=name)


def test_car_chosen_on_the_workbench_is_plugged_and_the_buttons_follow(
    site: BrowserSite, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.add_station())
    actions = card(page, "Gun A CCS2")
    expect(actions.get_by_role("button", name="Unplug")).to_be_disabled()
    actions.get_by_label("Car").select_option("truck")
    actions.get_by_label("Arrives with").fill("31.5")
    actions.get_by_label("Stops at").fill("90")
    actions.get_by_role("button", name="Plug in").click()
    expect(gun(page, 1)).to_contain_text("Preparing")
    expect(actions.get_by_role("button", name="Plug in")).to_be_disabled()
    (truck,) = [car for car in listed(page, "/api/cars") if car["name"] == "truck"]
    vehicle = site.view()["connectors"][0]["vehicle"]
    assert vehicle["battery_kwh"] == truck["battery_kwh"]
    assert (vehicle["soc_percent"], vehicle["stop_at_soc_percent"]) == (31.5, 90)
    card(page, "Badge").get_by_label("idTag").fill(BADGE)
    card(page, "Badge").get_by_role("button", name="Hold to the reader").click()
    expect(gun(page, 1)).to_contain_text("Charging")
    actions.get_by_role("button", name="Pause").click()
    expect(gun(page, 1)).to_contain_text("SuspendedEV")
    actions.get_by_role("button", name="Resume").click()
    expect(gun(page, 1)).to_contain_text("Charging")
    actions.get_by_role("button", name="Unplug").click()
    expect(gun(page, 1)).to_contain_text("Available")
    expect(actions.get_by_role("button", name="Plug in")).to_be_enabled()


def listed(page: Page, path: str) -> Any:
    """What the control API lists."""
    return page.request.get(f"{page.url.split('/stations')[0]}{path}").json()


def test_refusal_stands_beside_its_control_until_the_action_succeeds(
    site: BrowserSite, open_page: Callable[..., Page], guard: Guard
) -> None:
    guard.expect("409")
    page = open_page(site.add_station())
    actions = card(page, "Gun B CHAdeMO")
    actions.get_by_role("button", name="Pause").click()
    note = actions.locator("[data-act] [role=status]")
    expect(note).to_contain_text(re.compile(r"\w+.*\.$"))
    expect(card(page, "Gun A CCS2").locator("[data-act] [role=status]")).to_have_text("")
    badge = card(page, "Badge")
    badge.get_by_label("idTag").fill(BADGE)
    badge.get_by_role("button", name="Hold to the reader").click()
    expect(badge.get_by_role("status")).to_contain_text("locked")
    site.post("/connectors/2/plug")
    badge.get_by_role("button", name=BADGE).click()
    expect(badge.get_by_role("status")).to_have_text("")
    expect(gun(page, 2)).to_contain_text("Charging")


def test_emergency_stop_and_errors_are_raised_and_cleared(
    site: BrowserSite, open_page: Callable[..., Page], guard: Guard
) -> None:
    guard.expect("404")
    page = open_page(site.add_station())
    station = card(page, "Station")
    station.get_by_role("button", name="Release emergency stop").click()
    expect(station.get_by_role("status")).to_contain_text("0x100202 is not there")
    station.get_by_role("button", name="Press emergency stop").click()
    errors = page.get_by_role("list", name="Errors present")
    expect(errors).to_contain_text("Terminal emergency stop is pressed")
    expect(gun(page, 1)).to_contain_text("Faulted")
    errors.get_by_role("button", name="Clear 0x100202").click()
    expect(errors).to_have_count(0)
    expect(gun(page, 1)).to_contain_text("Available")
    form = card(page, "Vendor error")
    faults = listed(page, "/api/faults")
    assert form.get_by_label("Error").locator("option").count() == len(faults) == 43
    of_gun = next(fault for fault in faults if fault["scope"] == "connector")
    form.get_by_label("Error").select_option(of_gun["dtc"])
    form.get_by_label("Gun").select_option("2")
    form.get_by_role("button", name="Raise").click()
    expect(errors).to_contain_text(f"{of_gun['description']} (gun B)")
    assert [(error["dtc"], error["connector"]) for error in site.view()["errors"]] == [(of_gun["dtc"], 2)]
    of_station = next(fault for fault in faults if fault["scope"] == "station")
    form.get_by_label("Error").select_option(of_station["dtc"])
    expect(form.get_by_label("Gun")).to_be_hidden()
    form.get_by_role("button", name="Raise").click()
    expect(errors.get_by_role("listitem")).to_have_count(2)


def test_switches_of_mains_and_network_and_the_reboot_are_seen_in_the_strip(
    site: BrowserSite, open_page: Callable[..., Page], guard: Guard
) -> None:
    guard.expect("409")
    page = open_page(site.add_station())
    station, strip = card(page, "Station"), page.locator("#bench .strip")
    station.get_by_role("button", name="Network down").click()
    expect(strip).to_contain_text("cut")
    expect(strip.locator("div", has_text="Link")).not_to_contain_text("open")
    station.get_by_role("button", name="Network up").click()
    expect(strip.locator("div", has_text="Network")).to_contain_text("up")
    station.get_by_role("button", name="Mains off").click()
    expect(strip).to_contain_text("dark")
    expect(gun(page, 1)).to_contain_text("dark")
    station.get_by_role("button", name="Reboot").click()
    expect(station.get_by_role("status")).to_contain_text("switch it on first")
    station.get_by_role("button", name="Mains on").click()
    expect(strip).to_contain_text("Accepted")


def test_a_page_with_every_tab_opened_holds_one_stream(site: BrowserSite, open_page: Callable[..., Page]) -> None:
    page = open_page()
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/stream" in request.url else None)
    page.on("request", lambda request: streams.append(request.url) if "/events" in request.url else None)
    page.goto(site.add_station())
    keys = open_tab(page, "Keys")
    row = keys.get_by_role("row", name=re.compile("^MeterValueSampleInterval"))
    expect(row).to_be_visible()
    site.command("ChangeConfiguration", key="MeterValueSampleInterval", value="17")
    expect(row.get_by_role("cell").nth(0)).to_contain_text("17")
    open_tab(page, "Power")
    wire = open_tab(page, "Wire log")
    expect(wire.locator("[data-wire-rows]")).to_contain_text("ChangeConfiguration")
    site.command("ClearCache")
    expect(wire.locator("[data-wire-rows]")).to_contain_text("ClearCache")
    assert len(streams) == 1, streams


def test_facts_tell_what_the_station_waits_for_and_who_charges(
    site: BrowserSite, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.add_station())
    facts = open_tab(page, "Facts")
    site.post("/connectors/1/plug")
    site.post("/badge", idTag=BADGE)
    site.await_view(lambda view: view["connectors"][0]["power_w"] > 0)
    expect(facts.get_by_role("row", name=re.compile("^Transaction"))).to_contain_text(BADGE)
    expect(facts.get_by_role("row", name=re.compile("^Status reported"))).to_contain_text("Charging")
    expect(facts).to_contain_text("Heartbeat")
    expect(facts).to_contain_text("Sample 1")


def test_keys_show_what_differs_and_are_set_in_place_or_refused(
    site: BrowserSite, open_page: Callable[..., Page], guard: Guard
) -> None:
    guard.expect("400")
    page = open_page(site.add_station(MeterValueSampleInterval="30"))
    keys = open_tab(page, "Keys")
    expect(keys.get_by_role("status")).to_contain_text("changed")
    row = keys.get_by_role("row", name=re.compile("^MeterValueSampleInterval"))
    expect(row.get_by_role("cell").nth(0)).to_contain_text("30")
    expect(row.get_by_role("cell").nth(1)).to_have_text("60")
    expect(row).to_contain_text("changed")
    keys.get_by_label("only changed").check()
    expect(keys.get_by_role("row", name=re.compile("^LocalPreAuthorize"))).to_be_hidden()
    keys.get_by_label("only changed").uncheck()
    keys.get_by_label("Find").fill("valuesampleinterval")
    found = [key for key in site.ask("GET", "/keys") if "valuesampleinterval" in f"{key['key']} {key['value']}".lower()]
    expect(keys.locator("tbody tr:visible")).to_have_count(len(found))
    row.get_by_role("button", name="Edit MeterValueSampleInterval").click()
    row.get_by_label("New value of MeterValueSampleInterval").fill("soon")
    row.get_by_role("button", name="Set").click()
    expect(row.get_by_role("status")).to_contain_text("'soon'")
    row.get_by_label("New value of MeterValueSampleInterval").fill("60")
    row.get_by_role("button", name="Set").click()
    expect(row).not_to_contain_text("changed")
    expect(row.get_by_role("button", name="Edit MeterValueSampleInterval")).to_be_focused()
    assert site.ask("GET", "/keys/MeterValueSampleInterval")["value"] == "60"


def test_key_changed_by_the_supervision_is_seen_and_an_edit_is_not_lost(
    site: BrowserSite, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.add_station())
    keys = open_tab(page, "Keys")
    row = keys.get_by_role("row", name=re.compile("^WebSocketPingInterval"))
    edited = keys.get_by_role("row", name=re.compile("^ConnectionTimeOut"))
    edited.get_by_role("button", name="Edit ConnectionTimeOut").click()
    field = edited.get_by_label("New value of ConnectionTimeOut")
    field.fill("99")
    assert site.command("ChangeConfiguration", key="WebSocketPingInterval", value="123") == {"status": "Accepted"}
    expect(row.get_by_role("cell").nth(0)).to_contain_text("123")
    expect(field).to_have_value("99")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(edited.get_by_role("cell").nth(0)).to_contain_text("120")


def colours(chart: Locator, name: str, left: float, right: float) -> list[float]:
    """How high, as shares of the plot's height, a colour of the theme stands between two shares of its width."""
    script = """(figure, [name, left, right]) => {
      const canvas = figure.querySelector("canvas");
      if (!canvas) return [];
      const probe = document.createElement("i");
      probe.style.color = `var(${name})`;
      figure.append(probe);
      const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
      probe.remove();
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data, width, height } = copy.getImageData(0, 0, canvas.width, canvas.height);
      const rows = [];
      for (let y = 0; y < height; y += 1) {
        for (let x = Math.floor(left * width); x < right * width; x += 1) {
          const at = 4 * (y * width + x);
          const is = [r, g, b].every((part, index) => Math.abs(data[at + index] - part) < 24) && data[at + 3] > 200;
          if (is) { rows.push(1 - y / height); break; }
        }
      }
      return rows;
    }"""
    found: list[float] = chart.evaluate(script, [name, left, right])
    return found


def test_composite_schedule_is_drawn_over_the_measured_power(site: BrowserSite, open_page: Callable[..., Page]) -> None:
    page = open_page(site.add_station())
    site.post("/connectors/1/plug", archetype="800-volt", soc_percent=10)
    site.post("/badge", idTag=BADGE)
    site.await_view(lambda view: view["connectors"][0]["power_w"] > 100_000)
    power = open_tab(page, "Power")
    expect(power).to_contain_text("No profile is installed.")
    chart = power.get_by_role("figure").filter(has_text="Gun A")
    page.wait_for_function("document.querySelectorAll('.chart canvas').length === 2")
    assert site.command("SetChargingProfile", connectorId=1, csChargingProfiles=PROFILE) == {"status": "Accepted"}
    expect(power.get_by_role("row", name=re.compile("^7 "))).to_contain_text("TxDefaultProfile")
    expect(chart).to_contain_text("50.0 of 50.0 kW")
    drawn, limit = wait_for_drawing(page, chart)
    assert max(drawn) > max(limit), "what was drawn before the profile was more than it allows"
    assert max(limit) - min(limit) < 0.05, "one limit, half an hour long"


def wait_for_drawing(page: Page, chart: Locator) -> tuple[list[float], list[float]]:
    """Measured power left of the present, and the limit far right of it, once both are there."""
    for _ in range(100):
        drawn = colours(chart, "--bench-drawn", 0.1, 0.32)
        limit = colours(chart, "--bench-limit", 0.6, 0.9)
        if drawn and limit:
            return drawn, limit
        page.wait_for_timeout(50)
    pytest.fail(f"the chart shows no power or no limit: {len(drawn)} and {len(limit)} rows")


def test_wire_log_is_live_filtered_paused_and_opened_as_a_tree(
    site: BrowserSite, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.add_station())
    wire = open_tab(page, "Wire log")
    rows = wire.get_by_role("region", name=re.compile("^Messages")).locator("li:visible > details")
    expect(rows.first).to_contain_text("BootNotification")
    site.command("TriggerMessage", requestedMessage="Heartbeat")
    expect(rows.filter(has_text="TriggerMessage")).to_have_count(2)
    wire.get_by_label("Action").select_option("Heartbeat")
    wire.get_by_label("Direction").select_option("in")
    expect(rows.first).to_contain_text(re.compile("in.*Heartbeat.*result.*ms.*B", re.DOTALL))
    expect(wire.locator("li:visible", has_text="TriggerMessage")).to_have_count(0)
    rows.first.locator("summary").first.click()
    expect(rows.first).to_contain_text("currentTime")
    wire.get_by_label("Direction").select_option("both")
    wire.get_by_label("Action").select_option("all")
    wire.get_by_label("Text").fill("firmwareversion")
    expect(rows).to_have_count(1)
    wire.get_by_label("Text").fill("")
    wire.get_by_role("button", name="Pause").click()
    expect(wire.get_by_role("status").last).to_contain_text("paused")
    site.command("GetLocalListVersion")
    expect(wire.locator("li", has_text="GetLocalListVersion")).to_have_count(0)
    wire.get_by_role("button", name="Pause").click()
    expect(wire.locator("li > details", has_text="GetLocalListVersion")).to_have_count(2)


def test_frame_is_copied_and_the_log_downloaded_as_json_lines(
    site: BrowserSite, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(site.add_station(), permissions=["clipboard-read", "clipboard-write"])
    wire = open_tab(page, "Wire log")
    row = wire.locator("li", has_text="BootNotification").first
    row.locator("summary").first.click()
    row.get_by_role("button", name="Copy frame").click()
    expect(row.get_by_role("status")).to_have_text("Copied.")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied[2] == "BootNotification"
    with page.expect_download() as download:
        wire.get_by_role("link", name="Download").click()
    file = tmp_path / "messages.jsonl"
    download.value.save_as(file)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert json.loads(lines[0]["text"]) == copied


def test_secrets_and_hostile_words_on_the_wire_stay_hidden_and_text(
    site: BrowserSite, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.add_station())
    wire = open_tab(page, "Wire log")
    site.post("/connectors/1/plug")
    site.post("/badge", idTag=HOSTILE)
    assert site.command("ChangeConfiguration", key="AuthorizationKey", value=SECRET) == {"status": "Accepted"}
    row = wire.locator("li", has_text="ChangeConfiguration").first
    row.locator("summary").first.click()
    expect(row).to_contain_text("(not shown)")
    assert SECRET not in page.content()
    hostile = wire.locator("li > details", has_text="Authorize").filter(has_text="call").first
    hostile.locator("summary").first.click()
    expect(hostile).to_contain_text("<img src=x")
    assert page.locator("img[src=x]").count() == 0


def test_tabs_are_worked_by_the_keyboard_and_the_open_one_is_in_the_address(
    site: BrowserSite, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.add_station())
    page.get_by_role("tab", name="Actions").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Facts")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Facts")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Actions")).to_be_hidden()
    page.keyboard.press("End")
    expect(page.get_by_role("tabpanel", name="Wire log")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Actions")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.reload()
    expect(page.get_by_role("tabpanel", name="Wire log")).to_be_visible()


def test_what_is_typed_outlives_what_is_pushed(site: BrowserSite, open_page: Callable[..., Page]) -> None:
    page = open_page(site.add_station())
    field = card(page, "Badge").get_by_label("idTag")
    field.fill("HALF A BA")
    clock = page.locator("#bench .strip")
    before = clock.text_content()
    expect(clock).not_to_have_text(before or "")
    expect(field).to_have_value("HALF A BA")
    expect(field).to_be_focused()


@pytest.mark.parametrize(
    ("scheme", "viewport"), [("light", {"width": 1280, "height": 800}), ("dark", PHONE)], ids=["desktop", "phone"]
)
def test_every_tab_is_accessible_and_fits_its_width(
    site: BrowserSite,
    open_page: Callable[..., Page],
    accessible: Callable[[Page], None],
    scheme: str,
    viewport: dict[str, int],
) -> None:
    page = open_page(site.add_station(), color_scheme=scheme, viewport=viewport)
    site.post("/connectors/1/plug")
    site.post("/badge", idTag=BADGE)
    site.post("/faults", dtc="0x200001")
    for name in ("Actions", "Facts", "Keys", "Power", "Wire log"):
        panel = open_tab(page, name)
        if name == "Keys":
            expect(panel.get_by_role("status")).to_contain_text("80 of 80 keys")
        if name == "Wire log":
            panel.locator("li summary").last.click()
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
