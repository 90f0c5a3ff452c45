"""The requirement index: which requirements the tests of this run prove.

A test names what it proves with `@pytest.mark.requirement("GUIDE-BOOT-06")`. The ids travel in the test's
`user_properties`, so that they reach the controller of pytest-xdist with the reports. A requirement is proved when
every test that names it passed; one that failed, was skipped or was expected to fail un-proves it.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.house_conformance import load_requirements

if TYPE_CHECKING:
    from collections.abc import Iterable

TESTS = Path(__file__).parent
PROPERTY = "requirement"
UNCERTAIN_MARKS = ("skip", "skipif", "xfail")


class RequirementIndex:
    """Collects what the marked tests of a run proved. Lives on the process that prints the summary."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)
        self.passed: dict[str, set[str]] = defaultdict(set)
        """requirement id -> tests (file::name without parameters) that passed"""
        self.broken: dict[str, set[str]] = defaultdict(set)
        """requirement id -> tests that name it and did not pass"""

    def proved(self) -> dict[str, list[str]]:
        """The proved requirements, each with the tests that prove it, in order of their names."""
        return {key: sorted(tests) for key, tests in self.passed.items() if not self.broken.get(key)}

    def attach(self, item: pytest.Item) -> str | None:
        """Put the ids that `item` names into its properties; a sentence when that cannot be right."""
        marks = list(item.iter_markers(PROPERTY))
        if not marks:
            return None
        ids = [name for mark in marks for name in mark.args]
        if not ids or any(mark.kwargs for mark in marks):
            return f"{item.nodeid}: a requirement mark takes one or more ids and nothing else."
        unknown = [name for name in ids if name not in self.known]
        if unknown:
            return f"{item.nodeid} names {unknown[0]!r}, which is no id of tests/requirements.toml."
        for uncertain in UNCERTAIN_MARKS:
            if item.get_closest_marker(uncertain):
                return f"{item.nodeid} may be skipped or fail ({uncertain}), so it cannot prove {ids[0]}."
        item.user_properties.extend((PROPERTY, name) for name in dict.fromkeys(ids))
        return None

    def count(self, report: pytest.TestReport) -> None:
        """Take in one phase of one test."""
        ids = [value for name, value in report.user_properties if name == PROPERTY]
        passed = report.outcome == "passed" and not hasattr(report, "wasxfail")
        test = report.nodeid.partition("[")[0]
        for name in ids:
            if not passed:
                self.broken[str(name)].add(test)
            elif report.when == "call":
                self.passed[str(name)].add(test)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        complaints = [complaint for item in items if (complaint := self.attach(item))]
        if complaints:
            raise pytest.UsageError(*complaints)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.count(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"requirements: {len(self.proved())} of {len(self.known)} proved")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{PROPERTY}(*ids): the requirements of tests/requirements.toml it proves")
    known = (entry.id for entry in load_requirements(TESTS / "requirements.toml"))
    config.pluginmanager.register(RequirementIndex(known), "requirement_index")
