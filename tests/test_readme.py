"""The README's test runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_readme_s_test_passes() -> None:
    """The block is executed and its test function called."""
    [block] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, str(README), "exec"), names)
    test = names["test_a_badge_starts_a_charge"]
    assert callable(test)
    test()
