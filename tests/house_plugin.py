"""The requirement index: which requirements the tests of this run prove.

A test names what it proves with `@pytest.mark.requirement("GUIDE-BOOT-06")`. The ids travel in the test's
`user_properties`, so that they reach the controller of pytest-xdist with the reports. A requirement is proved when
every test that names it passed; one that failed, was skipped or was expected to fail un-proves it.

With `--conformance=FILE` a complete run (nothing left out, nothing failed, no test skipped that names a requirement)
writes the conformance page anew, and the run fails when the file was another one before.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.house_conformance import load_conformance, load_requirements, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TESTS = Path(__file__).parent
PROPERTY = "requirement"
UNCERTAIN_MARKS = ("skip", "skipif", "xfail")
NARROWING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "failedfirst", "stepwise")


class RequirementIndex:
    """Collects what the marked tests of a run proved."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)
        self.passed: dict[str, set[str]] = defaultdict(set)
        """requirement id -> tests (file::name without parameters) that passed"""
        self.broken: dict[str, set[str]] = defaultdict(set)
        """requirement id -> tests that name it and did not pass"""
        self.skipped: dict[str, str] = {}
        """tests that name requirements and were skipped -> why"""

    def proved(self) -> dict[str, list[str]]:
        """The proved requirements, each with the tests that prove it, in order of their names."""
        return {key: sorted(tests) for key, tests in sorted(self.passed.items()) if not self.broken.get(key)}

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
        ids = [str(value) for name, value in report.user_properties if name == PROPERTY]
        passed = report.outcome == "passed" and not hasattr(report, "wasxfail")
        test = report.nodeid.partition("[")[0].partition("@")[0]  # pytest-xdist writes @group behind
        if ids and report.outcome == "skipped":
            self.skipped[test] = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        for name in ids:
            if not passed:
                self.broken[name].add(test)
            elif report.when == "call":
                self.passed[name].add(test)


class HousePlugin:
    """Feeds the index from pytest's hooks, on the controller and on the workers of pytest-xdist alike."""

    def __init__(self, config: pytest.Config, index: RequirementIndex) -> None:
        self.config = config
        self.index = index
        self.complaints: list[str] = []
        self.collected = 0
        self.deselected = 0
        self.finished = 0
        self.page_says = ""
        self.worker_output: dict[str, object] | None = getattr(config, "workeroutput", None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.collected = len(items)
        self.complaints = [complaint for item in items if (complaint := self.index.attach(item))]
        if not self.complaints:
            return
        if self.worker_output is None:
            raise pytest.UsageError(*self.complaints)
        # A worker that raises ends in a stack of internals: it runs nothing, and the controller says why.
        self.worker_output["complaints"] = self.complaints
        items.clear()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self.deselected += len(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.index.count(report)
        self.finished += report.when == "teardown"

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self.collected = len(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        output: dict[str, object] = getattr(node, "workeroutput", {})
        complaints = output.get("complaints", [])
        assert isinstance(complaints, list)
        self.complaints = complaints or self.complaints
        deselected = output.get("deselected", 0)
        assert isinstance(deselected, int)
        self.deselected += deselected

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.worker_output is not None:
            self.worker_output["deselected"] = self.deselected
            return
        if self.complaints:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return
        page = self.config.getoption("conformance")
        if page is not None:
            self._write_page(Path(page), session)

    def _write_page(self, page: Path, session: pytest.Session) -> None:
        reason = self.why_incomplete(session)
        if reason:
            self.page_says = f"{page} was left as it is, because {reason}."
            return
        new = render(load_conformance(TESTS), self.index.proved())
        old = page.read_text(encoding="utf-8") if page.exists() else None
        if new == old:
            return
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(new, encoding="utf-8")
        if self.config.getoption("conformance_accept"):
            self.page_says = f"{page} has been written anew."
            return
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        was = "out of date" if old is not None else "missing"
        self.page_says = f"{page} was {was} and has been written anew: read it and commit it."

    def why_incomplete(self, session: pytest.Session) -> str:
        """Why this run says nothing about the whole project; empty when it does."""
        if session.exitstatus != pytest.ExitCode.OK or session.testsfailed:
            return "not every test passed"
        narrowed = [name for name in NARROWING if self.config.getoption(name, None)]
        if narrowed or self.config.args_source is not pytest.Config.ArgsSource.TESTPATHS or self.deselected:
            return "tests were left out"
        if self.index.skipped:
            test, why = next(iter(self.index.skipped.items()))
            return f"a test that names a requirement was skipped ({test}: {why})"
        if self.finished != self.collected:
            return f"only {self.finished} of {self.collected} tests ran"
        return ""

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for complaint in self.complaints:
            terminalreporter.write_line(complaint, red=True)
        if self.page_says:
            terminalreporter.write_line(self.page_says, yellow=True)
        proved = len(self.index.proved())
        terminalreporter.write_line(f"requirements: {proved} of {len(self.index.known)} proved")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("requirements")
    group.addoption("--conformance", metavar="FILE", help="after a complete run write the conformance page there")
    group.addoption("--conformance-accept", action="store_true", help="and do not fail when it was another one")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{PROPERTY}(*ids): the requirements of tests/requirements.toml it proves")
    known = (entry.id for entry in load_requirements(TESTS / "requirements.toml"))
    config.pluginmanager.register(HousePlugin(config, RequirementIndex(known)), "house")
