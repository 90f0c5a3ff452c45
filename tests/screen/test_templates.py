"""What the driver's screen and the schematic say, from records alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest

from forecourt.ocpp.core import StopReason
from forecourt.screen.fragments import FRAGMENTS, render_fragment
from forecourt.screen.looks import STAGE_LOOKS
from forecourt.screen.patterns import ENDED, EVERY_OPTION, MODULES_OUT, RUNNING, Pattern, families, station, welcome
from forecourt.screen.texts import LANGUAGES, texts_in
from forecourt.screen.views import ErrorView, StationView
from forecourt.station.authorization import Refusal
from forecourt.station.display import CostShown, ErrorShown, Option, Stage, Start, Stop, TariffPage

ROWS = {row.name: row for row in FRAGMENTS}
EN = texts_in("en")
PATTERNS = tuple(pattern for family in families() for pattern in family.patterns)
VOID = {"input", "img", "meta", "link", "br"}
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


class Element:
    """An element with what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        joined = "".join(child if isinstance(child, str) else child.text for child in self.children)
        return re.sub(r"[ \n]+", " ", joined).strip()

    def all(self, name: str) -> list[Element]:
        """The elements in it with this tag, or with this class when it begins with a dot."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                has = name[1:] in child.attributes.get("class", "").split() if name[0] == "." else child.tag == name
                found += [child, *child.all(name)] if has else child.all(name)
        return found

    def one(self, name: str) -> Element:
        (found,) = self.all(name)
        return found


class Reader(HTMLParser):
    """Reads a fragment; one whose elements are not closed as they were opened fails."""

    def __init__(self) -> None:
        super().__init__()
        self.here = self.root = Element("root", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.here.children.append(Element(tag, {name: value or "" for name, value in attrs}, self.here))

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"</{tag}> within <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def read(view: StationView, language: str = "en", fragment: str = "screen") -> Element:
    reader = Reader()
    reader.feed(render_fragment(ROWS[fragment], view, language))
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is left open"
    return reader.root


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", Stage)
def test_each_stage_says_what_is_going_on_and_what_to_do_in_each_language(stage: Stage, language: str) -> None:
    texts, page = texts_in(language), read(station(stage), language)
    assert texts.of("title", stage) in page.one("h2").text
    assert page.one(".stage-hint").text == texts.of("hint", Stop.BADGE if stage is Stage.CHARGING else stage)
    assert texts.of("title", stage) in page.all("p")[0].text
    assert page.all("p")[0].attributes["role"] == "status"
    first, second = page.all(".gun-sign")
    assert texts.of("stage", stage) in first.text
    assert texts.of("stage", Stage.FREE) in second.text
    assert f"tone-{STAGE_LOOKS[stage].tone}" in first.attributes["class"].split()


@pytest.mark.parametrize("stop", [None, *Stop])
def test_charging_says_what_stops_it(stop: Stop | None) -> None:
    assert read(station(Stage.CHARGING, stop=stop)).one(".stage-hint").text == EN.of("hint", stop or Stage.CHARGING)


@pytest.mark.parametrize("start", Start)
def test_driver_with_nothing_to_choose_is_not_asked_how_to_start(start: Start) -> None:
    page = read(station(Stage.AUTHENTICATE, start=start))
    assert EN.of("title", start) in page.one("h2").text
    assert EN.of("title", start) in page.all("p")[0].text
    assert page.one(".stage-hint").text == EN.of("hint", start)


@pytest.mark.parametrize("fragment", ["screen", "schematic"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_each_pattern_is_well_formed_and_without_styles_and_scripts(pattern: Pattern, fragment: str) -> None:
    root = read(pattern.station, fragment=fragment)
    assert root.all("script") == root.all("style") == []
    stack = [root]
    while stack:
        element = stack.pop()
        stack += [child for child in element.children if isinstance(child, Element)]
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")], element.tag


def test_without_a_cable_the_screen_welcomes_and_is_locked() -> None:
    page = read(welcome(Stage.FREE, Stage.FREE))
    assert page.one("h2").text == EN("welcome.title")
    assert page.one(".welcome-hint").text == EN("welcome.hint")
    assert page.one(".welcome-lock").text == EN("welcome.locked")
    assert (page.all("button"), page.all("form")) == ([], [])


def test_a_welcome_that_nobody_can_follow_says_so() -> None:
    page = read(welcome(Stage.OUT_OF_SERVICE, Stage.FAULTED))
    assert page.one(".welcome-hint").text == EN("welcome.closed")


@pytest.mark.parametrize("stage", [Stage.AUTHENTICATE, Stage.RESERVED, Stage.REFUSED])
@pytest.mark.parametrize("options", [(), *((option,) for option in Option), EVERY_OPTION, EVERY_OPTION[::2]], ids=str)
def test_the_page_has_the_options_of_the_record_in_its_order_and_no_others(
    options: tuple[Option, ...], stage: Stage
) -> None:
    page = read(station(stage, options=options))
    assert [row.text for row in page.all(".option-name")] == [EN.of("option", option) for option in options]
    assert len(page.all(".qr")) == (Option.QR_CODE in options)


def test_the_code_says_for_which_gun_it_is() -> None:
    page = read(station(Stage.CHARGING, second=Stage.AUTHENTICATE, shown=2))
    assert page.one(".qr").attributes["aria-label"] == "QR code for gun B"


@pytest.mark.parametrize("refusal", Refusal)
def test_who_is_refused_is_told_why(refusal: Refusal) -> None:
    for stage in (Stage.REFUSED, Stage.CHARGING):
        page = read(station(stage, refusal=refusal))
        assert page.one(".stage-note").text == EN.of("refusal", refusal)
        assert EN.of("refusal", refusal) in page.all("p")[0].text


def test_who_holds_a_badge_while_a_session_runs_sees_that_it_is_checked() -> None:
    assert read(station(Stage.CHARGING, isAuthorizing=True)).one(".stage-note").text == EN("session.authorizing")
    assert read(station(Stage.CHARGING)).one(".stage-note").text == ""


def test_a_session_shows_power_energy_charge_time_and_cost() -> None:
    page = read(station(Stage.CHARGING))
    figures = [figure.text for figure in page.all(".figure")]
    assert figures == ["Power149.9 kW", "Energy23.14 kWh", "Time0:23:01", "Cost12.40 EUR"]
    assert "57%" in page.one(".battery-figure").text
    assert page.one(".ring-level").attributes["stroke-dasharray"] == "57.3 100"


def test_the_place_of_the_cost_is_there_and_completely_empty_until_a_cost_came() -> None:
    page = read(station(Stage.CHARGING, session=msgspec.structs.replace(RUNNING, cost=None)))
    assert page.one(".figure-cost").children == []
    assert len(page.all(".figure")) == 4


def test_a_charge_that_nobody_knows_is_not_drawn() -> None:
    page = read(station(Stage.CHARGING, session=msgspec.structs.replace(RUNNING, soc_percent=None)))
    assert page.all(".ring-level") == []
    assert "%" not in page.one(".battery-figure").text


@pytest.mark.parametrize("reason", StopReason)
def test_the_summary_says_why_a_session_ended_and_what_it_came_to(reason: StopReason) -> None:
    page = read(station(Stage.FINISHED, session=msgspec.structs.replace(ENDED, ended=reason)))
    assert page.one(".stage-note").text == EN.of("ended", reason)
    assert page.one(".session").attributes["aria-label"] == EN("session.summary")
    assert "35 minutes 12 seconds, 38.42 kWh" in page.all("p")[0].text
    assert page.one(".figure-cost").text == "Cost20.35 EUR"


def test_a_fault_shows_its_code_on_the_page_and_on_the_sign() -> None:
    page = read(station(Stage.FAULTED))
    assert page.one(".fault-code").text == "Code 0x100202"
    assert page.one(".fault-description").text == "Terminal emergency stop is pressed"
    assert "0x100202" in page.all(".gun-sign")[0].text


def test_the_sign_that_the_operator_cannot_be_reached_is_there_only_then() -> None:
    assert "Offline" in read(station(Stage.AUTHENTICATE, isOffline=True)).one(".display-offline").text
    assert read(station(Stage.AUTHENTICATE)).one(".display-offline").children == []


def test_a_touch_shows_the_other_plugged_gun_and_no_free_one() -> None:
    page = read(station(Stage.CHARGING, second=Stage.AUTHENTICATE))
    form = page.one("form")
    assert form.attributes["hx-post"] == "/api/stations/FORECOURT/show"
    assert [(row.attributes["name"], row.attributes["value"]) for row in form.all("input")] == [("connector", "2")]
    assert "Show gun B" in form.one("button").text
    assert read(station(Stage.CHARGING)).all("form") == []


def test_the_tariff_button_is_there_only_when_the_record_has_it() -> None:
    form = read(station(Stage.AUTHENTICATE, hasTariffButton=True)).one("form")
    assert form.one("button").text == "Tariff"
    assert form.attributes["hx-post"] == "/api/stations/FORECOURT/tariff"
    assert form.one("input").attributes["value"] == "true"
    assert read(station(Stage.AUTHENTICATE)).all("button") == []


def test_the_tariff_page_is_the_picture_and_a_way_back() -> None:
    page = read(station(Stage.AUTHENTICATE, hasTariffButton=True, tariff=TariffPage(987, 546)))
    picture = page.one("img").attributes
    assert (picture["src"], picture["width"], picture["height"]) == ("/stations/FORECOURT/tariff.png", "987", "546")
    assert picture["alt"] == EN("tariff.picture")
    assert page.one("form").one("input").attributes["value"] == "false"
    assert page.one("button").text == "Close the tariff"
    assert page.all("h2") == []


@pytest.mark.parametrize(("state", "power", "says"), [("booting", True, "Starting"), ("dark", False, "")])
def test_a_station_that_boots_says_so_and_a_dark_one_shows_nothing(state: str, power: bool, says: str) -> None:
    page = read(station(Stage.FREE, state=state, power=power))
    dark = read(msgspec.structs.replace(station(Stage.FREE), state=state, power=power, screen=None))
    assert page.all("h2")
    assert [title.text for title in dark.all(".boot-title")] == ([says] if says else [])
    assert (dark.all("h2"), dark.all("button"), dark.all(".gun-sign")) == ([], [], [])


def test_what_comes_from_the_wire_is_text() -> None:
    session = msgspec.structs.replace(RUNNING, cost=CostShown(MARKUP, 1.0))
    assert MARKUP in read(station(Stage.CHARGING, session=session)).one(".figure-cost").text
    fault = read(station(Stage.FAULTED, error=ErrorShown(MARKUP, MARKUP), product=MARKUP, identity=MARKUP))
    assert fault.one(".fault-description").text == MARKUP
    assert fault.one(".display-product").text == MARKUP
    error = ErrorView(MARKUP, 0, MARKUP, MARKUP)
    plan = read(station(Stage.CHARGING, errors=(error,)), fragment="schematic")
    assert MARKUP in plan.one(".plan-warning").text
    assert plan.all("script") == fault.all("script") == fault.all("img") == []


def test_an_identity_with_signs_of_addresses_is_one_part_of_the_address() -> None:
    page = read(station(Stage.CHARGING, second=Stage.AUTHENTICATE, identity="A/B ?#&"))
    assert page.one("form").attributes["hx-post"] == "/api/stations/A%2FB%20%3F%23%26/show"


def test_energy_flows_in_the_drawing_while_there_is_power() -> None:
    def flows(stage: Stage, second: Stage) -> list[int]:
        plan = read(station(stage, second=second), fragment="schematic")
        return [len(gun.all(".cable-flow")) for gun in plan.all(".plan-gun")]

    assert flows(Stage.CHARGING, Stage.FREE) == [1, 0]
    assert flows(Stage.PAUSED_BY_VEHICLE, Stage.CHARGING) == [0, 1]
    assert flows(Stage.CHARGING, Stage.CHARGING) == [1, 1]


def test_the_drawing_shows_cars_charge_power_and_locks_of_each_gun() -> None:
    plan = read(station(Stage.CHARGING, second=Stage.FREE), fragment="schematic")
    words, empty = plan.all(".plan-words")
    assert words.one(".plan-power").text == "149.9kW"
    assert words.one(".soc-figure").text == "57%"
    assert words.one(".soc-level").attributes["width"] == "99.7"
    assert (empty.one(".plan-empty").text, empty.one(".plan-type").text) == ("No vehicle", "CHAdeMO")
    guns = plan.all(".plan-gun")
    assert [len(gun.all(".plan-lock")) for gun in guns] == [1, 0]
    assert [len(gun.all(".car-body")) for gun in guns] == [1, 0]
    assert [gun.attributes["class"].split()[-1] for gun in guns] == ["tone-charging", "tone-ready"]


def test_the_drawing_says_all_that_it_shows() -> None:
    plan = read(station(Stage.CHARGING, second=Stage.FREE, network=False), fragment="schematic")
    label = plan.one("svg").attributes["aria-label"]
    assert label == (
        "The station, its guns and the vehicles. Network cut. Gun A: Charging, 149.9 kW. Gun B: Available, No vehicle."
    )


def test_a_cut_network_a_fault_and_a_power_cut_are_signs_in_the_drawing() -> None:
    fault = ErrorView("0x200002", 0, "OtherError", "Power module fault alarm")
    plan = read(station(Stage.CHARGING, network=False, errors=(fault,)), fragment="schematic")
    assert [text.text for text in plan.all(".plan-alarm")] == ["Network cut", "0x200002"]
    assert plan.all(".is-cut")
    dark = read(msgspec.structs.replace(station(Stage.CHARGING), power=False, screen=None), fragment="schematic")
    assert [text.text for text in dark.all(".plan-alarm")] == ["No power"]
    assert [gun.attributes["class"].split()[-1] for gun in dark.all(".plan-gun")] == ["tone-dark", "tone-dark"]
    weak = read(station(Stage.CHARGING, workings=MODULES_OUT), fragment="schematic")
    assert [text.text for text in weak.all(".plan-alarm")] == ["Power modules out: 2"]
    calm = read(station(Stage.CHARGING), fragment="schematic")
    assert calm.all(".plan-alarm") == []
