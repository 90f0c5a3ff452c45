"""The page of patterns leaves no state out."""

from __future__ import annotations

from collections import Counter

import pytest

from forecourt.ocpp.core import StopReason
from forecourt.screen.fragments import assets_hash, render
from forecourt.screen.looks import OPTION_ICONS, STAGE_LOOKS, Tone
from forecourt.screen.patterns import families
from forecourt.screen.texts import LANGUAGES, texts_in
from forecourt.station.authorization import Refusal
from forecourt.station.display import Option, Page, Stage

PATTERNS = tuple(pattern for family in families() for pattern in family.patterns)
SCREENS = tuple(pattern.station.screen for pattern in PATTERNS if pattern.station.screen is not None)
GUNS = tuple(screen.gun for screen in SCREENS if screen.gun is not None)


def test_every_page_stage_option_refusal_and_end_stands_on_the_page() -> None:
    assert {screen.page for screen in SCREENS} == set(Page)
    assert {gun.stage for gun in GUNS} == set(Stage)
    assert {option for gun in GUNS for option in gun.options} == set(Option)
    assert {gun.refusal for gun in GUNS} - {None} == set(Refusal)
    assert {gun.session.ended for gun in GUNS if gun.session} - {None} == set(StopReason)
    assert {sign.stage for screen in SCREENS for sign in screen.guns} == set(Stage)


def test_both_sides_of_every_fact_stand_on_the_page() -> None:
    assert {screen.isLocked for screen in SCREENS} == {True, False}
    assert {screen.isOffline for screen in SCREENS} == {True, False}
    assert {screen.hasTariffButton for screen in SCREENS} == {True, False}
    assert {screen.touchShows for screen in SCREENS} == {None, 1, 2}
    assert {gun.session.cost is None for gun in GUNS if gun.session} == {True, False}
    assert {pattern.station.state for pattern in PATTERNS} == {"running", "booting", "dark"}
    assert {pattern.station.network for pattern in PATTERNS} == {True, False}


def test_every_stage_has_a_look_and_every_option_an_icon() -> None:
    assert set(STAGE_LOOKS) == set(Stage)
    assert set(OPTION_ICONS) == set(Option)
    assert {look.tone for look in STAGE_LOOKS.values()} == set(Tone)


def test_every_pattern_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(pattern.anchor for pattern in PATTERNS).items() if times > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_every_pattern_in_the_chosen_language(language: str) -> None:
    texts = texts_in(language)
    html = render("patterns.html", {"texts": texts, "families": families(), "assets": assets_hash()})
    for pattern in PATTERNS:
        assert f'id="{pattern.anchor}"' in html
    assert html.count('class="display-frame"') == html.count('class="site-plan-drawing"') == len(PATTERNS)
    assert html.count(texts("welcome.title")) >= 4
    assert " style=" not in html
    assert "<script>" not in html
