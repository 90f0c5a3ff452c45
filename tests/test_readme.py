"""The README's test runs as it is printed, in a pytest of its own against a central system with an address."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from forecourt import testing
from forecourt.runtime.loop import run

README = Path(__file__).parent.parent / "README.md"
BOUND_REAL_S = 90.0


def test_the_readme_s_test_passes(tmp_path: Path) -> None:
    [block] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "test_readme.py").write_text(block, encoding="utf-8")

    async def play() -> None:
        async with asyncio.timeout(BOUND_REAL_S), testing.supervision() as central:
            await central.register("AB12CD34")
            options = [
                "-q",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:looptime_plugin",
                f"--forecourt-url={central.url}/ocpp",
            ]
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "pytest", *options),
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await child.communicate()
            assert child.returncode == 0, said.decode()
            assert "1 passed" in said.decode()
            [row] = await central.transactions("CP-1")
            assert (row.idTag, row.reason) == ("AB12CD34", "Other")

    run(play())
