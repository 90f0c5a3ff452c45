"""What docs/security.md says that must be so, and the tests that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


@pytest.mark.requirement("WP-A00.FR.206")
def test_page_says_that_profile_1_sends_the_password_readable_and_needs_a_connection_secured_separately() -> None:
    flat = " ".join(PAGE.split())
    assert "**Profile 1 is for trusted networks only.** It sends the password readable" in flat
    assert "It needs a connection that is secured separately, such as a VPN between station and supervision." in flat
    assert "(docs/security.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 15
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), (file, name)


def test_every_option_that_the_page_names_is_one_of_a_command() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/forecourt/cli").glob("*.py"))
    for option in set(re.findall(r"(?<![-|])--[a-z][a-z-]+", PAGE)) - {"--json"}:
        parameter = option.removeprefix("--").replace("-", "_")
        assert f'"{option}"' in source or f" {parameter}: " in source, option
