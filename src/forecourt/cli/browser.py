"""Opening a page in the user's browser, from a process of its own that neither blocks nor writes into the terminal."""

from __future__ import annotations

import asyncio
import sys

OPEN_S = 10.0
"""Real seconds after which it is taken for open: some browsers stay in the foreground."""
_OPEN = "import sys, webbrowser; sys.exit(0 if webbrowser.open(sys.argv[1]) else 1)"


async def open_browser(url: str) -> str | None:
    """Open a page; a sentence when no browser took it, None when one did."""
    nothing = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _OPEN, url), stdin=nothing, stdout=nothing, stderr=nothing
    )
    try:
        async with asyncio.timeout(OPEN_S):
            code = await process.wait()
    except TimeoutError:
        return None
    return None if code == 0 else f"No browser could be opened here: open {url} yourself."
