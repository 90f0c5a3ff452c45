"""The guards of the tests of the pages see what they are to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Guard


def test_the_guards_see_errors_warnings_exceptions_and_other_hosts(
    open_page: Callable[..., Page], guard: Guard
) -> None:
    page = open_page("about:blank")
    page.evaluate("console.error('one'); console.warn('two'); console.log('fine')")
    page.evaluate("setTimeout(() => { throw new Error('three') })")
    page.evaluate("fetch('http://localhost:1/four').catch(() => 0)")
    page.wait_for_function("true")
    seen = "\n".join(guard.troubles)
    for word in ("one", "two", "three", "four"):
        assert word in seen
    assert "fine" not in seen
    guard.expect("one|two|three|four")
    guard.check()
