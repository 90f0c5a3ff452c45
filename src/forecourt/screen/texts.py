"""The words and number forms of the pages in every language: `texts/*.toml`, one file a language, English the measure.

A language is data. Whoever adds one writes one more file with the same keys, and the same {names} in each text; a file
that has others, or lacks one, is refused when it is read, with the keys named.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

import msgspec
from jinja2 import pass_context

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jinja2.runtime import Context

    from forecourt.station.display import CostShown

FOLDER = Path(__file__).parent / "texts"
REFERENCE = "en"
"""The language that has every key, and the one of those who want none that we have."""

WITHOUT_CENTS = frozenset({"CLP", "HUF", "ISK", "JPY", "KRW", "VND", "VNĐ", "₫", "¥", "₩"})
"""Currencies whose whole amounts are written without decimals."""

NO_BREAK_SPACE = "\u00a0"


class TextsError(ForecourtError):
    """A file of texts is not as the others are."""


class Texts:
    """One language. Calling it with a key gives the text; an unknown key is a mistake of ours, a `KeyError`."""

    __slots__ = ("_texts", "language", "name")

    def __init__(self, texts: Mapping[str, str | tuple[int, ...]]) -> None:
        self._texts = texts
        self.language = str(texts["language.tag"])
        self.name = str(texts["language.name"])

    def __call__(self, key: str, /, **values: object) -> str:
        text = self._texts[key]
        assert isinstance(text, str), f"{key} is no text"
        return text.format(**values) if values else text

    def of(self, group: str, value: str, **values: object) -> str:
        """The text that a group has for a wire value or an enumeration's, such as `stage` and `plug in`."""
        return self(f"{group}.{value.replace(' ', '_')}", **values)

    def number(self, value: float, decimals: int) -> str:
        """A number in the form of the language, rounded to these decimals."""
        written = f"{value:,.{decimals}f}"
        return written.translate({ord(","): self("format.group"), ord("."): self("format.decimal")})

    def kw(self, power_w: float) -> str:
        """Power, such as `149.9` (kW)."""
        return self.number(max(0.0, power_w) / 1000, 1)

    def kwh(self, energy_wh: float) -> str:
        """Energy, such as `23.10` (kWh)."""
        return self.number(max(0.0, energy_wh) / 1000, 2)

    def percent(self, share_percent: float) -> str:
        """A share in whole percent; 100 only when it is reached."""
        return self("format.percent", number=int(share_percent))

    def clock(self, elapsed_s: float) -> str:
        """A duration whose figures stay in their places: hours, minutes and seconds."""
        minutes, seconds = divmod(int(max(0.0, elapsed_s)), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"

    def duration(self, elapsed_s: float) -> str:
        """A duration in words, its largest two units."""
        minutes, seconds = divmod(int(max(0.0, elapsed_s)), 60)
        hours, minutes = divmod(minutes, 60)
        units = [("hour", hours), ("minute", minutes), ("second", seconds)]
        first = next((place for place, (_, number) in enumerate(units) if number), len(units) - 1)
        shown = units[first : first + 2]
        return " ".join(self.count(unit, number) for unit, number in shown if number or len(shown) == 1)

    def count(self, unit: str, number: int) -> str:
        """So and so many of a unit, in the singular or the plural of the language."""
        singular = self._texts["format.one"]
        assert isinstance(singular, tuple)
        return self(f"format.{unit}.{'one' if number in singular else 'other'}", number=number)

    def amount(self, cost: CostShown) -> str:
        """A cost without its currency: two decimals, none for whole amounts of money that has no cents."""
        has_no_cents = cost.currency.strip().upper() in WITHOUT_CENTS and float(cost.totalCost).is_integer()
        return self.number(cost.totalCost, 0 if has_no_cents else 2)

    def money(self, cost: CostShown) -> str:
        """A cost with its currency as it was sent."""
        return f"{self.amount(cost)}{NO_BREAK_SPACE}{cost.currency}"


def read_texts(text: str, name: str) -> dict[str, str | tuple[int, ...]]:
    """The texts of a file as `group.key`. Raises `TextsError`."""
    try:
        return dict(_flat(msgspec.toml.decode(text), "", name))
    except msgspec.DecodeError as error:
        raise TextsError(f"expected TOML in {name}, came: {error}") from None


def check_texts(texts: Mapping[str, Any], reference: Mapping[str, Any], name: str) -> None:
    """Raise `TextsError` unless a language has the keys of the reference, and in each text the same {names}."""
    missing, unknown = sorted(reference.keys() - texts.keys()), sorted(texts.keys() - reference.keys())
    if missing or unknown:
        raise TextsError(
            f"expected in {name} the keys of {REFERENCE}.toml; missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(unknown) or 'none'}"
        )
    for key, text in texts.items():
        expected, came = _names(reference[key]), _names(text)
        if came != expected:
            raise TextsError(f"expected in {name}, {key}: the names {sorted(expected)}, came: {sorted(came)}")


def load_texts(folder: Path = FOLDER) -> dict[str, Texts]:
    """Every language of a folder by its tag, the reference first. Raises `TextsError`."""
    read = {
        path.stem: read_texts(path.read_text(encoding="utf-8"), path.name) for path in sorted(folder.glob("*.toml"))
    }
    if REFERENCE not in read:
        raise TextsError(f"expected {REFERENCE}.toml among the languages, came: {', '.join(read) or 'none'}")
    for tag, texts in read.items():
        check_texts(texts, read[REFERENCE], f"{tag}.toml")
        if texts["language.tag"] != tag:
            raise TextsError(f"expected in {tag}.toml the language tag {tag}, came: {texts['language.tag']}")
    return {tag: Texts(read[tag]) for tag in sorted(read, key=lambda tag: (tag != REFERENCE, tag))}


def texts_in(language: str) -> Texts:
    """The texts of one of `LANGUAGES`."""
    return _loaded()[language]


def choose_language(wanted: str | None, accepted: str | None) -> str:
    """The language of a page: what the address asks for (`wanted`), else what the browser would like best
    (`accepted`, an Accept-Language header, RFC 9110, section 12.5.4) of what we have, else English."""
    if wanted in LANGUAGES:
        return str(wanted)
    offers = [_offer(entry) for entry in (accepted or "").split(",")]
    ranked = sorted(((weight, -place, tag) for place, (tag, weight) in enumerate(offers)), reverse=True)
    return next((tag for weight, _, tag in ranked if weight > 0 and tag in LANGUAGES), REFERENCE)


def _offer(entry: str) -> tuple[str, float]:
    """The main tag of an entry of Accept-Language with its weight; 0 for one that cannot be read."""
    tag, _, weight = entry.partition(";")
    main = tag.strip().lower().partition("-")[0]
    try:
        return main, float(weight.strip().removeprefix("q=")) if weight else 1.0
    except ValueError:
        return main, 0.0


def _flat(table: Any, path: str, name: str) -> Iterator[tuple[str, str | tuple[int, ...]]]:
    if isinstance(table, dict):
        for key, value in table.items():
            yield from _flat(value, f"{path}.{key}" if path else key, name)
    elif isinstance(table, str) and table:
        yield path, table
    elif isinstance(table, list) and all(isinstance(number, int) for number in table):
        yield path, tuple(table)
    else:
        raise TextsError(f"expected in {name}, {path}: a text, or whole numbers, came: {table!r}")


def _names(text: object) -> frozenset[str]:
    """The {names} in a text."""
    if not isinstance(text, str):
        return frozenset()
    try:
        return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)
    except ValueError as error:
        raise TextsError(f"expected a text with {{names}}, came {text!r}: {error}") from None


@cache
def _loaded() -> dict[str, Texts]:
    return load_texts()


LANGUAGES: Mapping[str, str] = {tag: texts.name for tag, texts in _loaded().items()}
"""What the languages call themselves, by tag; English first."""


def _filter(method: Callable[..., str]) -> Callable[..., str]:
    """A method of the texts as a filter that takes the language from the template's context."""

    @pass_context
    def apply(context: Context, value: object, *arguments: object) -> str:
        return method(context["texts"], value, *arguments)

    return apply


FILTERS: Mapping[str, Callable[..., Any]] = {
    name: _filter(getattr(Texts, name))
    for name in ("kw", "kwh", "percent", "clock", "duration", "amount", "money", "number")
}
"""What templates call: each takes the language of the page."""
