"""Pages in Chromium, with guards: each test fails on an error or warning in the console, an exception
of a script, and a request to another host.

Playwright's loop runs in the thread of its tests as long as the browser is open. So all of them are one group of
pytest-xdist, the browser is open for this folder only (by a hook: a fixture for a folder needs an `__init__.py` in it),
and the servers have a thread or a process of their own.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser_site import BrowserSite
from tests.chromium import find_chromium, open_chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

HERE = Path(__file__).parent
ARTEFACTS = HERE.parent.parent / "build" / "browser"
DESKTOP = {"width": 1440, "height": 1000}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 15_000
SPEED = 60.0
FAILED = pytest.StashKey[bool]()
OPENED: pytest.StashKey[tuple[ExitStack, Browser]] = pytest.StashKey()

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker has all of them."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember what failed, for the picture of it."""
    report: Any = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report  # type: ignore[no-any-return]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Close the browser after the last test of this folder: other tests need the thread without a loop."""
    yield
    if nextitem is None or HERE not in nextitem.path.parents:
        opened = item.config.stash.get(OPENED, None)
        if opened is not None:
            del item.config.stash[OPENED]
            opened[0].close()


@pytest.fixture
def browser(pytestconfig: pytest.Config) -> Browser:
    """One Chromium for this folder."""
    if OPENED not in pytestconfig.stash:
        program = find_chromium()
        if program is None:
            if os.environ.get("CI") == "true":
                pytest.fail("Chromium is not installed, and CI is to test the pages: .ci/run installs it.")
            pytest.skip("Chromium is not installed: apt-get install chromium, or name it by FORECOURT_CHROMIUM")
        stack = ExitStack()
        pytestconfig.add_cleanup(stack.close)  # should the run be broken off
        pytestconfig.stash[OPENED] = (stack, stack.enter_context(open_chromium(program)))
    return pytestconfig.stash[OPENED][1]


class Guard:
    """What a page must not do."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self.console: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Let the console complain with words that match, as Chromium does about any refused request."""
        self._expected.append(pattern)

    def watch(self, context: BrowserContext) -> None:
        """Look at all that its pages do."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._trouble(f"a script failed: {error.error}"))
        context.on("request", self._request)

    def left(self) -> list[str]:
        """What nobody expected."""
        return [trouble for trouble in self.troubles if not any(re.search(one, trouble) for one in self._expected)]

    def check(self) -> None:
        """Fail with what happened."""
        assert self.left() == []

    def _trouble(self, words: str) -> None:
        self.troubles.append(words)

    def _console(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")
        if message.type in {"error", "warning", "assert"}:
            self._trouble(f"the console said {message.type}: {message.text} ({message.location['url']})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.hostname != "127.0.0.1":
            self._trouble(f"another host was asked: {request.url}")


@pytest.fixture
def guard() -> Iterator[Guard]:
    """What went wrong on the pages of this test, checked at its end."""
    guard = Guard()
    yield guard
    guard.check()


@pytest.fixture
def open_page(browser: Browser, guard: Guard, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a context of its own: `open_page(url, viewport=PHONE, locale="fr-FR")`."""
    if "site" in request.fixturenames:
        request.getfixturevalue("site")  # it ends after the pages
    pages: list[Page] = []

    def open_one(url: str | None = None, **options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-GB", "viewport": DESKTOP, "reduced_motion": "reduce"} | options)
        context.set_default_timeout(PATIENCE_MS)
        guard.watch(context)
        page = context.new_page()
        pages.append(page)
        if url is not None:
            page.goto(url)
        return page

    yield open_one
    failed = request.node.stash.get(FAILED, False) or bool(guard.left())
    for number, page in enumerate(pages):
        if failed and not page.is_closed():
            _keep_artefacts(page, guard, f"{request.node.name}-{number}")
        page.context.close()


def _keep_artefacts(page: Page, guard: Guard, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    stem = ARTEFACTS / re.sub(r"[^\w.-]+", "_", name)
    page.screenshot(path=f"{stem}.png", full_page=True)
    said = [page.url, *guard.troubles, *guard.console, page.content()]
    Path(f"{stem}.txt").write_text("\n".join(said), encoding="utf-8")


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[BrowserSite]:
    """A supervision, and stations to add to it, sixty times as fast as real ones unless a parameter says another."""
    with BrowserSite(getattr(request, "param", SPEED)) as site:
        yield site


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The text of axe-core."""
    file = HERE / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("axe-core is not installed: make pytest does it, with npm.")
        pytest.skip("axe-core is not installed: make pytest does it, with npm")
    return file.read_text(encoding="utf-8")


@pytest.fixture
def accessible(axe_source: str) -> Callable[[Page], None]:
    """Fails when axe-core finds a serious violation on a page."""

    def check(page: Page) -> None:
        page.evaluate(axe_source)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            f"{rule['id']}: {rule['help']}: {[node['html'] for node in rule['nodes']][:5]}"
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"}
        ]
        assert serious == [], page.url
        assert found["passes"], "axe-core looked at nothing"

    return check
