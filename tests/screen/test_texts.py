"""The languages of the pages: complete, and each in its own form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.ocpp.core import StopReason
from forecourt.screen.texts import FOLDER, LANGUAGES, TextsError, choose_language, load_texts, texts_in
from forecourt.station.authorization import Refusal
from forecourt.station.display import CostShown, Option, Stage, Start, Stop

if TYPE_CHECKING:
    from pathlib import Path

NARROW, WIDE = "\u202f", "\u00a0"


def written(folder: Path, tag: str, old: str, new: str) -> None:
    """English, and a language that is English but for one change."""
    english = (FOLDER / "en.toml").read_text(encoding="utf-8")
    changed = english.replace('tag = "en"', f'tag = "{tag}"').replace(old, new, 1)
    assert changed != english
    (folder / "en.toml").write_text(english, encoding="utf-8")
    (folder / f"{tag}.toml").write_text(changed, encoding="utf-8")


def test_english_french_and_german_are_there_and_english_comes_first() -> None:
    assert dict(LANGUAGES) == {"en": "English", "de": "Deutsch", "fr": "Français"}
    assert next(iter(LANGUAGES)) == "en"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_words_for_every_value_that_a_screen_can_have(language: str) -> None:
    texts = texts_in(language)
    for stage in Stage:
        assert texts.of("stage", stage)
        assert texts.of("title", stage)
        assert texts.of("hint", stage)
    for start in Start:
        assert texts.of("title", start)
    hints = [texts.of("hint", one) for one in (Stage.CHARGING, *Stop, Stage.AUTHENTICATE, *Start)]
    assert len(set(hints)) == len(hints), "two hints that a driver could not tell apart"
    for option in Option:
        assert texts.of("option", option)
        assert "{" not in texts.of("option_hint", option, letter="B")
    told = [texts.of("refusal", refusal) for refusal in Refusal]
    assert len(set(told)) == len(told), "two refusals that a driver could not tell apart"
    assert all(texts.of("ended", reason).endswith(".") for reason in StopReason)


def test_the_languages_differ_in_what_they_say() -> None:
    """Nobody forgot to translate: of the sentences none is the same in two languages."""
    for group, values in (
        ("hint", (*Stage, *Start, *Stop)),
        ("refusal", Refusal),
        ("ended", StopReason),
        ("option_hint", Option),
    ):
        for value in values:
            said = {texts_in(language).of(group, value) for language in LANGUAGES}
            assert len(said) == len(LANGUAGES), (group, value)


def test_numbers_are_written_in_the_form_of_the_language() -> None:
    def figures(language: str) -> tuple[str, str, str]:
        texts = texts_in(language)
        return texts.kw(1_234_560), texts.kwh(23_140), texts.percent(57.9)

    assert figures("en") == ("1,234.6", "23.14", "57%")
    assert figures("de") == ("1.234,6", "23,14", f"57{WIDE}%")
    assert figures("fr") == (f"1{NARROW}234,6", "23,14", f"57{WIDE}%")


def test_a_charge_is_full_only_when_it_is() -> None:
    assert (texts_in("en").percent(99.99), texts_in("en").percent(100)) == ("99%", "100%")


def test_a_trickle_against_the_direction_is_shown_as_none() -> None:
    assert (texts_in("en").kw(-3.0), texts_in("en").kwh(-0.4)) == ("0.0", "0.00")


@pytest.mark.parametrize(
    ("elapsed_s", "clock", "words"),
    [
        (0, "0:00:00", "0 seconds"),
        (1.9, "0:00:01", "1 second"),
        (60, "0:01:00", "1 minute"),
        (754, "0:12:34", "12 minutes 34 seconds"),
        (3600, "1:00:00", "1 hour"),
        (7_261, "2:01:01", "2 hours 1 minute"),
        (-5, "0:00:00", "0 seconds"),
    ],
)
def test_durations_stand_as_figures_and_are_said_in_words(elapsed_s: float, clock: str, words: str) -> None:
    texts = texts_in("en")
    assert (texts.clock(elapsed_s), texts.duration(elapsed_s)) == (clock, words)


def test_french_says_zero_in_the_singular_and_german_does_not() -> None:
    assert texts_in("fr").duration(0) == "0 seconde"
    assert texts_in("de").duration(0) == "0 Sekunden"


@pytest.mark.parametrize(
    ("cost", "english", "german"),
    [
        (CostShown("EUR", 12.4), "12.40", "12,40"),
        (CostShown("VNĐ", 16780), "16,780", "16.780"),
        (CostShown("vnd", 16780.5), "16,780.50", "16.780,50"),
        (CostShown("€", 0.1 + 0.2), "0.30", "0,30"),
    ],
)
def test_money_has_two_decimals_unless_its_kind_has_no_cents(cost: CostShown, english: str, german: str) -> None:
    assert texts_in("en").money(cost) == f"{english}{WIDE}{cost.currency}"
    assert texts_in("de").amount(cost) == german


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        (None, None, "en"),
        ("fr", "de", "fr"),
        ("xx", "de", "de"),
        (None, "fr-CH, de;q=0.9, en;q=0.8", "fr"),
        (None, "it, de;q=0.2, fr;q=0.7", "fr"),
        (None, "de;q=0, en;q=0.1", "en"),
        (None, "de;q=soon, fr;q=0.1", "fr"),
        (None, "*", "en"),
        (None, ",;=,", "en"),
    ],
)
def test_a_page_speaks_what_its_address_asks_for_else_what_the_browser_likes_best(
    wanted: str | None, accepted: str | None, language: str
) -> None:
    assert choose_language(wanted, accepted) == language


def test_a_new_language_is_one_more_file(tmp_path: Path) -> None:
    written(tmp_path, "nl", 'title = "Welcome"', 'title = "Welkom"')
    assert load_texts(tmp_path)["nl"]("welcome.title") == "Welkom"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('code = "Code {dtc}"\n', "", "missing: fault.code; unknown: none"),
        ('code = "Code', 'other = "x"\ncode = "Code', "missing: none; unknown: fault.other"),
        ('"Code {dtc}"', '"Code {code}"', "fault.code: the names ['dtc'], came: ['code']"),
        ('"Code {dtc}"', '"Code {dtc"', "expected a text with {names}"),
        ('"Code {dtc}"', "12", "fault.code: a text, or whole numbers, came: 12"),
        ('"Code {dtc}"', '""', "fault.code: a text, or whole numbers, came: ''"),
        ('"Code {dtc}"', "Code", "expected TOML in nl.toml"),
        ('tag = "nl"', 'tag = "be"', "expected in nl.toml the language tag nl, came: be"),
    ],
)
def test_a_language_that_is_not_as_the_others_is_refused_with_the_key(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    written(tmp_path, "nl", old, new)
    with pytest.raises(TextsError) as refused:
        load_texts(tmp_path)
    assert sentence in str(refused.value)


def test_a_folder_without_the_language_of_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TextsError, match=r"expected en\.toml among the languages, came: none"):
        load_texts(tmp_path)


def test_a_key_that_no_language_has_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        texts_in("en")("no.such")
