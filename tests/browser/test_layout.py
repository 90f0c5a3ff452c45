"""The screen in every state, as a driver meets it: nothing jumps, nothing is cut off, and all can be hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser_site import BrowserSite

HEIGHTS = """() => Object.fromEntries([...document.querySelectorAll(".pattern")].map(
    (pattern) => [pattern.id, Math.round(pattern.querySelector(".display").getBoundingClientRect().height)]))"""
PLACES = """() => [...document.querySelectorAll(".pattern")].map((pattern) => {
    const top = pattern.querySelector(".display").getBoundingClientRect().top;
    return [...pattern.querySelectorAll(".figure-number")].map(
        (figure) => Math.round(figure.getBoundingClientRect().top - top)); }).filter((tops) => tops.length > 2)"""
CUT_OFF = """() => [...document.querySelectorAll(".display :is(p, h2, h3, dt, dd, button, span)")].filter(
    (part) => !part.closest(".only-spoken") && !part.querySelector(".only-spoken") &&
        getComputedStyle(part).textOverflow !== "ellipsis"
        && part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).display !== "inline"
    ).map((part) => part.className + ": " + part.textContent.trim())"""
TOO_SMALL = """() => [...document.querySelectorAll(".display :is(a, button)")].filter(
    (part) => part.offsetParent).map(
    (part) => [part.textContent.trim(), part.getBoundingClientRect()]).filter(
    ([, box]) => box.width < 44 || box.height < 44).map(([text]) => text)"""
TOO_HIGH = """() => {
    const frames = [...document.querySelectorAll(".pattern")].map(
        (pattern) => [pattern.id, pattern.querySelector(".display-frame")]);
    document.body.className = "station-page-alone";
    return frames.filter(([, frame]) => {
        document.body.replaceChildren(frame);
        const { scrollHeight, scrollWidth } = document.documentElement;
        return scrollHeight > innerHeight || scrollWidth > innerWidth; }).map(([name]) => name); }"""
MANY_OPTIONS = ("every-option", "every-option-but-the-code")
TWO_LINES = "cost-in-rial"
"""Its amount of seven digits does not fit beside its currency."""
HOSTILE = ("currency-of-markup", "description-of-markup", "long-words")


def patterns(site: BrowserSite, language: str = "en") -> str:
    return f"{site.url}/patterns?lang={language}"


@pytest.mark.parametrize("width", [1920, 1024, 360])
def test_the_screen_is_as_high_in_every_state_so_that_nothing_below_it_jumps(
    width: int, open_page: Callable[..., Page], site: BrowserSite
) -> None:
    page = open_page(patterns(site), viewport={"width": width, "height": 800})
    longer = HOSTILE + (MANY_OPTIONS if width == 360 else ())
    heights = {name: height for name, height in page.evaluate(HEIGHTS).items() if name not in longer}
    assert len(heights) > 60
    assert len(set(heights.values())) == 1, heights


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("viewport", [(844, 390), (1024, 768), (1366, 768), (1920, 1080)])
def test_the_screen_alone_fits_a_window_that_is_wider_than_high(
    viewport: tuple[int, int], language: str, open_page: Callable[..., Page], site: BrowserSite
) -> None:
    width, height = viewport
    page = open_page(patterns(site, language), viewport={"width": width, "height": height})
    assert set(page.evaluate(TOO_HIGH)) <= {*HOSTILE, *MANY_OPTIONS}


def test_figures_of_a_session_keep_their_places_while_it_starts_runs_pauses_and_ends(
    open_page: Callable[..., Page], site: BrowserSite
) -> None:
    page = open_page(patterns(site), viewport={"width": 1440, "height": 900})
    page.evaluate("names => names.forEach((name) => document.getElementById(name).remove())", [*HOSTILE, TWO_LINES])
    places = page.evaluate(PLACES)
    assert len(places) > 20
    assert {tuple(place[:3]) for place in places} == {tuple(places[0][:3])}


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_nothing_is_cut_off_or_too_small_for_a_finger_on_a_narrow_phone(
    language: str, open_page: Callable[..., Page], site: BrowserSite
) -> None:
    page = open_page(patterns(site, language), viewport={"width": 360, "height": 740})
    page.evaluate("names => names.forEach((name) => document.getElementById(name).remove())", list(HOSTILE))
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(TOO_SMALL) == []


@pytest.mark.parametrize("width", [1440, 360])
def test_every_state_of_the_screen_is_accessible(
    width: int, open_page: Callable[..., Page], site: BrowserSite, accessible: Callable[[Page], None]
) -> None:
    accessible(open_page(patterns(site), viewport={"width": width, "height": 800}))
