"""What the page of the demo shows of the supervision, and what charging costs there."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import httpx2
import msgspec

from forecourt.cabinet.archetypes import ARCHETYPES
from forecourt.cli.demo_panel import calls
from forecourt.cli.demo_site import DemoPlan, DemoSite
from forecourt.cli.demo_story import Story
from forecourt.cli.demo_tariff import PICTURE, TARIFF
from forecourt.evlink.picture import check_picture
from forecourt.runtime.loop import run
from forecourt.supervision.views import MessageView

LIMIT_S = 40.0
CAR = msgspec.structs.replace(ARCHETYPES["family"], soc_percent=20.0, stop_at_soc_percent=24.0)


def test_page_shows_the_supervision_s_side_of_a_session_with_its_cost_and_takes_the_proposed_badge() -> None:
    async def scenario() -> None:
        site = DemoSite(DemoPlan("EVD1S180THB", 120.0, default_ports=False))
        await site.start()
        story = Story(site)
        try:
            async with asyncio.timeout(LIMIT_S), httpx2.AsyncClient(follow_redirects=True) as http:
                await story.charge(1, CAR)
                api = site.addresses["supervisionUrl"]
                receipt = (await http.get(f"{api}/api/transactions/1/receipt")).json()
                answered = await http.get(site.page)
                assert answered.status_code == 200
                panel = answered.text[answered.text.index('<div class="site">') :]
                row = re.search(r'<th scope="row">1</th>(.*?)</tr>', panel, re.DOTALL)
                assert row is not None
                cells = re.findall(r"<td[^>]*>(.*?)</td>", row[1])
                assert cells[:2] == ["1", "DEMO-DRIVER"]
                assert cells[2].startswith("ended: ")
                assert cells[3:] == [f"{receipt['energyWh'] / 1000:.3f}", f"{receipt['cost']['gross']} EUR"]
                assert "connected" in panel
                assert "security profile 0" in panel
                assert api in panel
                proposed = re.search(r'id="reader-badge"[^>]* value="([^"]+)"', answered.text)
                assert proposed is not None
                known = (await http.get(f"{api}/api/id-tags/{proposed[1]}")).json()
                assert known["status"] == "Accepted"
                tariff = await http.get(f"{site.page}stations/DEMO-1/tariff.png")
                assert tariff.content == PICTURE.read_bytes()
        finally:
            story.close()
            await site.stop()

    run(scenario())


def test_picture_of_the_tariff_fits_the_screen_and_the_package() -> None:
    data = PICTURE.read_bytes()
    check_picture(data)
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    assert (width, height) == (987, 546)
    assert len(data) < 60_000
    assert TARIFF.vatPercent > 0


def test_calls_stand_with_their_answers_the_latest_first() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    frames = [
        (False, '[2,"a","Heartbeat",{}]'),
        (True, '[3,"a",{"currentTime":"2026-01-01T00:00:00Z"}]'),
        (True, '[2,"a","Reset",{"type":"Soft"}]'),
        (False, '[4,"a","InternalError","\\u001b[2J",{}]'),
        (False, "no frame"),
        (False, '[2,"b","Authorize",{"idTag":"X"}]'),
        (True, '[3,"b",{"idTagInfo":{"status":"Invalid"}}]'),
        (False, '[2,"c","StatusNotification",{}]'),
        (True, '[3,"c",{}]'),
        (True, '[2,"e","DataTransfer",{"vendorId":"com.se.cost","messageId":"CostUpdated"}]'),
        (False, '[2,"d","\\u001bBoot",{}]'),
    ]
    messages = [
        MessageView(id=number, at=at, sent=sent, frame=frame, discarded=None)
        for number, (sent, frame) in enumerate(frames)
    ]
    found = [(one.direction, one.action, one.answer) for one in calls("S", messages[::-1])]
    assert found == [
        (">", "\\x1bBoot", None),
        ("<", "DataTransfer CostUpdated", None),
        (">", "StatusNotification", "answered"),
        (">", "Authorize", "Invalid"),
        ("<", "Reset", "InternalError"),
        (">", "Heartbeat", '{"currentTime":"2026-01-01T00:00:00Z"}'),
    ]
