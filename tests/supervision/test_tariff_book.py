"""Which tariff holds where, and from when on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from forecourt.supervision.facts import StationDeleted, TariffAssigned, TariffDeleted, TariffPictureSet, TariffSet
from forecourt.supervision.ports import Recollection
from forecourt.supervision.tariff_book import TariffBook
from forecourt.supervision.tariffs import Tariff

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AT_S = NOON.timestamp()


@pytest.fixture
def book() -> TariffBook:
    """A book with the tariffs a, b and c."""
    book = TariffBook(Recollection())
    for name in "abc":
        assert book.apply(TariffSet(Tariff(name=name, currency="EUR")))
    return book


def held(book: TariffBook, identity: str, connector: int, at_s: float = AT_S) -> str | None:
    """The name of the tariff for a session that begins then."""
    tariff = book.tariff_of(identity, connector, at_s)
    return None if tariff is None else tariff.name


def test_nothing_holds_where_nothing_is_assigned(book: TariffBook) -> None:
    assert held(book, "CP-1", 1) is None


def test_gun_goes_before_station_and_station_before_all(book: TariffBook) -> None:
    book.apply(TariffAssigned("", 0, "a"))
    book.apply(TariffAssigned("CP-1", 0, "b"))
    book.apply(TariffAssigned("CP-1", 2, "c"))
    assert [held(book, *place) for place in (("CP-1", 1), ("CP-1", 2), ("CP-2", 2))] == ["b", "c", "a"]
    book.apply(TariffAssigned("CP-1", 2, None))
    assert held(book, "CP-1", 2) == "b"
    book.apply(StationDeleted("CP-1"))
    assert held(book, "CP-1", 2) == "a"


def test_version_holds_for_sessions_that_begin_from_its_moment_on(book: TariffBook) -> None:
    book.apply(TariffAssigned("", 0, "a"))
    book.apply(TariffSet(Tariff(name="a", currency="CHF", validFrom=NOON)))
    before, after = book.tariff_of("CP-1", 1, AT_S - 0.001), book.tariff_of("CP-1", 1, AT_S)
    assert before is not None
    assert after is not None
    assert (before.currency, after.currency) == ("EUR", "CHF")


def test_tariff_that_begins_later_costs_nothing_before(book: TariffBook) -> None:
    book.apply(TariffSet(Tariff(name="d", currency="EUR", validFrom=NOON)))
    book.apply(TariffAssigned("", 0, "d"))
    assert (held(book, "CP-1", 1, AT_S - 1), held(book, "CP-1", 1, AT_S + 1)) == (None, "d")


def test_deleted_tariff_holds_nowhere(book: TariffBook) -> None:
    book.apply(TariffAssigned("", 0, "a"))
    book.apply(TariffPictureSet("a", "a.png", 100, "digest"))
    book.apply(TariffDeleted("a"))
    assert (held(book, "CP-1", 1), book.picture_of("CP-1"), book.assignments()) == (None, None, [])
    assert book.names() == ["b", "c"]


def test_picture_of_a_station_is_that_of_its_own_tariff_not_of_a_gun(book: TariffBook) -> None:
    for name in "ab":
        book.apply(TariffPictureSet(name, f"{name}.png", 100, name))
    book.apply(TariffAssigned("CP-1", 0, "a"))
    book.apply(TariffAssigned("CP-1", 1, "b"))
    picture = book.picture_of("CP-1")
    assert picture is not None
    assert picture.file == "a.png"
