"""What the demo shows, drawn for a terminal of 80 columns."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from rich.console import Console

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cli.demo_site import DemoPlan, DemoSite
from forecourt.cli.demo_story import Story
from forecourt.cli.live_view import gist, introduction, message_line, picture, plain_line
from forecourt.runtime.loop import run
from forecourt.runtime.wire_log import WireMessage
from forecourt.screen.views import station_view

if TYPE_CHECKING:
    import pytest


def drawn(site: DemoSite) -> list[str]:
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(picture(site))
    return captured.get().splitlines()


def test_both_guns_and_the_last_messages_fit_a_terminal_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        site = DemoSite(DemoPlan("EVD1S180THB", 60.0, default_ports=False))
        await site.start()
        try:
            story = Story(site)
            await story.until(lambda: story.connector(2).reportedStatus == "Available")
            before = drawn(site)
            site.station.plug(1, FAMILY_CAR)
            await story.stays(1, lambda row: row.reportedStatus == "Preparing")
            site.station.show_badge("DEMO-BADGE")
            await story.stays(1, lambda row: row.power_w > 0)
            charging = drawn(site)
            view = station_view(site.station)
            print(plain_line(view, view.connectors[0]))
            print(introduction(site, None))
            story.close()
        finally:
            await site.stop()
        assert all(len(line) <= 80 for line in before + charging)
        assert [line.split()[:3] for line in before[3:5]] == [["1", "CCS2", "Available"], ["2", "CHAdeMO", "Available"]]
        assert charging[3].split()[2] == "Charging"
        kilowatts, volts, amperes = map(float, charging[3].split()[3:6])
        assert abs(kilowatts * 1000 - volts * amperes) < 1000
        drew, offered, limited = (float(figure) for figure in re.findall(r"\d+\.\d", charging[6]))
        assert charging[6].startswith(("gun 1 ramp: drawn", "gun 1 constant: drawn"))
        assert charging[7] == "gun 2 idle: drawn 0.0, offered 0.0, limited to 62.0 kW"
        assert abs(drew - kilowatts) < 0.1
        assert 0 < drew <= offered <= limited <= 180
        assert any("StartTransaction" in line for line in charging[9:])

    run(scenario())
    told = capsys.readouterr().out
    assert "gun 1 CCS2: Charging" in told
    assert told.count("http://127.0.0.1:") == 3
    assert re.search(r"^Forecourt demo: open http://127\.0\.0\.1:\d+/ in a browser\.$", told, re.MULTILINE)


def test_a_message_of_a_peer_cannot_move_the_cursor() -> None:
    line = message_line(WireMessage(0.0, "<", '[2,"1","x\x1b[2J",{}]', None, 1.5))
    assert line == '00:00:00 < ? 2 ms [2,"1","x\\x1b[2J",{}]'


def test_a_message_is_told_by_what_it_says() -> None:
    """The envelope is left out, and of meter values everything but values and units."""
    sampled = '{"connectorId":1,"meterValue":[{"sampledValue":[{"value":"7","unit":"Wh"},{"value":"9"}]}]}'
    assert gist(f'[2,"1","MeterValues",{sampled}]') == "7 Wh, 9"
    assert gist('[2,"1","Authorize",{"idTag":"AB12"}]') == "idTag AB12"
    cost = r'{"method":"CostUpdated","totalCost":3.5,"currency":"EUR"}'.replace('"', r"\"")
    vendor = f'{{"vendorId":"com.se.cost","messageId":"CostUpdated","data":"{cost}"}}'
    assert gist(f'[2,"1","DataTransfer",{vendor}]') == "CostUpdated totalCost 3.5, currency EUR"
    assert gist('[2,"1","DataTransfer",{"vendorId":"x","messageId":"Y","data":"no JSON"}]') == "Y no JSON"
    assert gist('[3,"1",{"idTagInfo":{"status":"Accepted"}}]') == 'idTagInfo {"status":"Accepted"}'
    assert gist('[4,"1","InternalError","",{}]') == '[4,"1","InternalError","",{}]'
    assert gist("no\nframe") == "no frame"
