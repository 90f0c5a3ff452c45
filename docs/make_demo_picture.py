"""Make `docs/demo.svg`, the README's picture, from a demo that really runs: python docs/make_demo_picture.py"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from rich.console import Console

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cli.demo_site import DemoPlan, DemoSite
from forecourt.cli.demo_story import Story
from forecourt.cli.live_view import picture
from forecourt.runtime.loop import run

SPEED = 60.0
CHARGED_WH = 4_000
TARGET = Path(__file__).parent / "demo.svg"


async def draw() -> None:
    """Charge a car for some minutes of the station's time and draw what the terminal shows."""
    site = DemoSite(DemoPlan(model="EVD1S180THB", speed=SPEED))
    await site.start()
    story = Story(site)
    visit = asyncio.create_task(story.charge(1, FAMILY_CAR))
    try:
        await story.until(lambda: story.connector(1).meter_wh > CHARGED_WH)
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            console = Console(record=True, width=104, file=nowhere, force_terminal=True, highlight=False, markup=False)
            console.print(picture(site))
            drawn = console.export_svg(title="forecourt demo")
            TARGET.write_text(re.sub(r"@font-face {.*?}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")
    finally:
        visit.cancel()
        story.close()
        await site.stop()


if __name__ == "__main__":
    run(draw())
