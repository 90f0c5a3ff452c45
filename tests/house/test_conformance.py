"""The conformance page says of each requirement what is true, whatever the tests proved."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.house_conformance import Conformance, Difference, Missing, Notes, Reading, Requirement, missing_note, render
from tests.house_conformance import load_conformance as load

TESTS = Path(__file__).parents[1]

SMALL = Conformance(
    requirements=(
        Requirement("X-1", "guide: Boot", "station", "It boots | it runs."),
        Requirement("X-2", "guide: Boot", "station", "It stops.", "A1,A2"),
        Requirement("Y-1", "OCPP 1.6 ed. 2: 1", "both", "It talks."),
    ),
    readings=(Reading("A1", "Cells", "They are blank.", "They inherit."),),
    notes=Notes((Missing(("X-*",), "No boot yet."), Missing(("*",), "Nothing yet.")), (Difference("X-2", "Because."),)),
)


def test_page_begins_with_the_count() -> None:
    assert render(SMALL, {}).splitlines()[0] == "0 of 3 requirements proved"
    assert render(SMALL, {"X-1": ["t.py::a"]}).splitlines()[0] == "1 of 3 requirements proved"


def test_page_says_what_is_missing_where_nothing_proves() -> None:
    page = render(SMALL, {})
    assert r"| X-1 | not done | It boots \| it runs. |  | No boot yet. |" in page
    assert "| X-2 | not done | It stops. | A1, A2 | No boot yet. |" in page
    assert "| Y-1 | not done | It talks. |  | Nothing yet. |" in page


def test_page_names_the_tests_that_prove_and_counts_the_rest() -> None:
    page = render(SMALL, {"Y-1": [f"tests/t.py::test_{letter}" for letter in "fedcba"]})
    tests = "<br>".join(f"`tests/t.py::test_{letter}`" for letter in "abcd")
    assert f"| Y-1 | proved | It talks. |  | {tests}<br>and 2 more |" in page


def test_page_gives_the_reason_where_something_is_done_differently() -> None:
    page = render(SMALL, {"X-2": ["t.py::a"]})
    assert "| X-2 | done differently | It stops. | A1, A2 | Because.<br>`t.py::a` |" in page


def test_page_counts_by_document_and_tells_the_readings() -> None:
    page = render(SMALL, {"X-2": ["t.py::a"]})
    assert "| guide | 1 | 2 |" in page
    assert "| OCPP 1.6 ed. 2 | 0 | 1 |" in page
    assert "| A1 | Cells | They are blank. | They inherit. |" in page


def test_a_requirement_without_a_note_is_refused_by_name() -> None:
    with pytest.raises(LookupError, match="X-1"):
        missing_note(Notes((), ()), "X-1")


def test_there_are_947_requirements_of_different_ids() -> None:
    ids = [requirement.id for requirement in load(TESTS).requirements]
    assert len(ids) == len(set(ids)) == 947


def test_every_requirement_has_a_note_and_every_pattern_a_requirement() -> None:
    """A pattern that matches nothing, or only what an earlier one took, says nothing to anybody."""
    conformance = load(TESTS)
    left = [requirement.id for requirement in conformance.requirements]
    for note in conformance.notes.missing:
        for pattern in note.ids:
            taken = [each for each in left if fnmatchcase(each, pattern)]
            assert taken, f"{pattern} matches no requirement that is left."
        left = [each for each in left if not any(fnmatchcase(each, pattern) for pattern in note.ids)]
    assert left == []


def test_every_difference_is_about_a_requirement() -> None:
    conformance = load(TESTS)
    ids = {requirement.id for requirement in conformance.requirements}
    assert {difference.id for difference in conformance.notes.differently} <= ids


def test_the_readings_are_a1_to_a46_and_cover_what_requirements_name() -> None:
    conformance = load(TESTS)
    ids = [reading.id for reading in conformance.readings]
    assert ids == [f"A{number}" for number in range(1, 47)]
    named = {name for each in conformance.requirements if each.reading for name in each.reading.split(",")}
    assert named <= set(ids)


def test_not_done_names_what_is_missing_and_never_shrugs() -> None:
    page = render(load(TESTS), {})
    assert not re.search("out of" + " scope", page, re.IGNORECASE)
    assert page.count("| not done |") == 947
