"""The workbench over real HTTP: what its templates say of a station, and where every control leads."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from forecourt.evlink.faults import FAULTS
from forecourt.ocpp.core import ChargePointStatus
from forecourt.screen.fragments import FRAGMENTS, render_fragment
from forecourt.screen.patterns import station
from forecourt.screen.views import ErrorView, StationView, station_view
from forecourt.station.display import Stage
from forecourt.station.events import FrameReceived
from tests.page_rig import PageRig, play, until

(BENCH,) = (row for row in FRAGMENTS if row.name == "bench")
EMERGENCY_STOP = "0x100202"
HOSTILE = '<script>alert("1")</script>'


class Controls(HTMLParser):
    """The elements of a page by kind, and every address that a control asks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def asked(self, method: str) -> dict[str, str | None]:
        """Addresses asked by a method, with what they are sent."""
        name = f"hx-{method}"
        return {str(row[name]): row.get("hx-vals") for _, row in self.elements if name in row}


def words_of(html: str) -> str:
    """The text of a piece of HTML, spaces as one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()


def live(view: StationView) -> str:
    """The pushed part of the workbench."""
    return render_fragment(BENCH, view, "en")


def test_every_control_of_the_workbench_leads_to_the_control_api_of_its_station() -> None:
    async def scenario(rig: PageRig) -> None:
        html = await rig.html("/stations/GARAGE%201%2FA")
        workbench = html[html.index('<section class="workbench"') :]
        controls = Controls(workbench)
        api = "/api/stations/GARAGE%201%2FA"
        assert set(controls.asked("post")) == {
            *(f"{api}/connectors/{number}/{act}" for number in (1, 2) for act in ("plug", "unplug", "pause", "resume")),
            *(f"{api}/{act}" for act in ("badge", "faults", "power", "network", "reboot")),
        }
        assert set(controls.asked("delete")) == {f"{api}/faults/{EMERGENCY_STOP}"}
        for _, row in controls.elements:
            for method in ("post", "delete"):
                if path := row.get(f"hx-{method}"):
                    body = (row.get("hx-vals") or "{}").encode()
                    answer = await rig.client.request(method.upper(), path, content=body if method == "post" else b"")
                    assert answer.status_code != 405, path
                    assert "There is nothing at" not in answer.text, path

    play(scenario, "GARAGE 1/A")


def test_the_emergency_stop_of_the_workbench_is_the_terminals() -> None:
    (fault,) = (fault for fault in FAULTS if fault.dtc == EMERGENCY_STOP)
    assert fault.description == "Terminal emergency stop is pressed"


def test_the_workbench_has_no_script_style_or_handler_written_into_it_and_a_label_for_every_field() -> None:
    async def scenario(rig: PageRig) -> None:
        html = await rig.html("/stations/A1")
        workbench = html[html.index('<section class="workbench"') :]
        for tag, row in Controls(workbench).elements:
            assert tag != "style"
            assert tag != "script" or "src" in row
            assert not [name for name in row if name == "style" or name.startswith("on")], row
        for field in re.finditer(r"<(?:input|select)\b", workbench):
            before = workbench[: field.start()]
            assert before.rfind("<label") > before.rfind("</label>"), workbench[field.start() : field.start() + 80]

    play(scenario)


def test_each_tab_has_its_panel() -> None:
    async def scenario(rig: PageRig) -> None:
        elements = Controls(await rig.html("/stations/A1")).elements
        tabs = {row["aria-controls"]: row["id"] for _, row in elements if row.get("role") == "tab"}
        panels = {row["id"]: row["aria-labelledby"] for _, row in elements if row.get("role") == "tabpanel"}
        assert tabs == panels
        assert len(tabs) == 5

    play(scenario)


def test_facts_of_a_running_station_are_those_of_its_view() -> None:
    async def scenario(rig: PageRig) -> None:
        (hosted,) = rig.host.stations.values()
        view = station_view(hosted)
        words = words_of(live(view))
        assert view.workings is not None
        assert view.link is not None
        for said in (
            view.serial,
            view.link.url,
            view.model,
            "180.0 kW",
            f"Security profile {view.workings.securityProfile}",
        ):
            assert str(said) in words, said
        assert "Local list disabled, version 0, 0 entries" in words

    play(scenario)


def test_a_reservation_and_a_gun_out_of_service_are_among_the_facts() -> None:
    async def scenario(rig: PageRig) -> None:
        (hosted,) = rig.host.stations.values()
        brain = hosted.brain()
        assert brain is not None
        for frame in (
            b'[2,"a","ReserveNow",{"reservationId":5,"connectorId":2,"idTag":"TAG","expiryDate":"2190-01-01T00:00:00Z"}]',
            b'[2,"b","ChangeAvailability",{"connectorId":1,"type":"Inoperative"}]',
        ):
            brain.handle(FrameReceived(frame), hosted.seat.at)
        words = words_of(live(station_view(hosted)))
        assert "5 on 2 TAG until 2190-01-01 00:00" in words
        assert "Unavailable inoperative" in words

    play(scenario)


def test_a_dark_station_has_a_workbench_that_says_so() -> None:
    async def scenario(rig: PageRig) -> None:
        (hosted,) = rig.host.stations.values()
        hosted.power(False)
        await until(lambda: hosted.brain() is None)
        words = words_of(live(station_view(hosted)))
        assert words.startswith("Station dark Link — Boot — Queued — Mains off")
        assert "A CCS2 dark 0.0 kW" in words
        assert "Waits for" not in words

    play(scenario)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"boxIdentifier": HOSTILE}, HOSTILE),
        ({"errors": (ErrorView(HOSTILE, 1, "OtherError", HOSTILE),)}, HOSTILE),
        ({"firmware": HOSTILE}, HOSTILE),
    ],
)
def test_what_comes_from_the_wire_is_text_on_the_workbench(changes: dict[str, Any], said: str) -> None:
    html = live(msgspec.structs.replace(station(Stage.CHARGING), **changes))
    assert "<script" not in html
    assert said.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;") in html


def test_a_badge_of_a_transaction_is_text_on_the_workbench() -> None:
    view = station(Stage.CHARGING)
    transaction = {"transactionId": None, "idTag": HOSTILE, "meterStart": 5, "startedAt": view.clock}
    guns = (msgspec.structs.replace(view.connectors[0], transaction=transaction), *view.connectors[1:])
    html = live(msgspec.structs.replace(view, connectors=guns))
    assert "<script" not in html
    assert "id not known yet of &lt;script&gt;" in re.sub(r"<span[^>]*>", "", html).replace("\n", " ")


@pytest.mark.parametrize("status", list(ChargePointStatus))
def test_the_strip_names_every_status_and_what_was_reported_where_that_differs(status: ChargePointStatus) -> None:
    view = station(Stage.CHARGING)
    gun = msgspec.structs.replace(view.connectors[0], status=status, reportedStatus="Available")
    html = live(msgspec.structs.replace(view, connectors=(gun, *view.connectors[1:])))
    assert f"A {gun.type} {status} 149.9 kW" in words_of(html)
    assert ('<td class="bad">Available</td>' in html) is (status is not ChargePointStatus.Available)


def test_each_error_has_a_control_that_clears_that_very_one() -> None:
    errors = (ErrorView("0x100205", 2, "OtherError", "One"), ErrorView("0x200001", 0, "OtherError", "Another"))
    view = msgspec.structs.replace(station(Stage.FREE), errors=errors, identity="GARAGE 1/A")
    cleared = Controls(live(view)).asked("delete")
    api = "/api/stations/GARAGE%201%2FA"
    assert set(cleared) == {f"{api}/faults/0x100205?connector=2", f"{api}/faults/0x200001"}
