"""Each vendor error of the guide, raised and cleared over the control API, at a station that tells a supervision."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from forecourt import testing
from forecourt.runtime.loop import run
from forecourt.screen.api import ControlApi
from forecourt.testing.live import LiveSite
from tests.vendor_error_rows import MILD, TABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from forecourt.testing.bench import Site, Station
    from forecourt.world.wire import Message

SPEED = 300.0
BOUND_REAL_S = 100.0
WARNINGS = [row for row in TABLE if row[3] in MILD]
ERRORS = [row for row in TABLE if row not in WARNINGS]


class Bench:
    """A station with two CCS2 guns, the supervision it talks to, and a client of its control API."""

    def __init__(self, site: Site, station: Station, client: httpx2.AsyncClient) -> None:
        self.site, self.station, self._client = site, station, client

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self._client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def begin(self) -> dict[str, Any]:
        """A session on gun 1 with a fresh car; the snapshot once it has its full power."""
        await self.ask("POST", "/connectors/1/plug", {"archetype": "family", "soc_percent": 20})
        await self.ask("POST", "/show", {"connector": 1})
        await self.ask("POST", "/badge", {"idTag": "TAG"})
        await self.station.status(1, "Charging", reported=True)
        await self.station.elapse(30)
        view: dict[str, Any] = await self.ask("GET", "")
        assert view["connectors"][0]["power_w"] > 100_000
        return view


@asynccontextmanager
async def open_bench() -> AsyncIterator[Bench]:
    async with testing.site(speed=SPEED) as site:
        assert isinstance(site, LiveSite)
        await site.supervision.register("TAG")
        station = await site.add_station("CP-1", "EVD1S180TBB", keys={"MinimumStatusDuration": "0"})
        api = ControlApi(site.stand.host, port=0)
        await api.start()
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{api.port}/api/stations/CP-1") as client:
                await station.connected()
                await station.status(2, "Available", reported=True)
                yield Bench(site, station, client)
        finally:
            await api.stop()


def play(scenario: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(BOUND_REAL_S), open_bench() as bench:
            await scenario(bench)

    run(bounded())


async def told(bench: Bench, connector: int, error_code: str) -> dict[str, Any]:
    """The next StatusNotification of a connector with this error code."""
    wanted = {"connectorId": connector, "errorCode": error_code}
    note: Message = await bench.station.message("StatusNotification", where=wanted)
    return note.payload


def concerned(scope: str, does: str) -> tuple[int, ...]:
    """The connectors whose status tells of an error on gun 2, or of the station."""
    if scope == "gun":
        return (2,)
    return (0,) if does in MILD else (0, 1, 2)


def test_each_error_is_shown_and_told_when_it_is_raised_and_when_it_is_cleared() -> None:
    async def scenario(bench: Bench) -> None:
        for dtc, error_code, scope, does, description in TABLE:
            body = {"dtc": dtc} | ({"connector": 2} if scope == "gun" else {})
            view = await bench.ask("POST", "/faults", body)
            number = 2 if scope == "gun" else 0
            error = {"dtc": dtc, "connector": number, "errorCode": error_code, "description": description}
            assert [{name: row[name] for name in error} for row in view["errors"]] == [error]
            assert [row["error"] is not None for row in view["connectors"]] == [scope == "all", True]
            is_blocking = does not in MILD
            for connector in concerned(scope, does):
                note = await told(bench, connector, error_code)
                assert note["status"] == ("Faulted" if is_blocking else "Available")
                assert (note["vendorErrorCode"], note["info"]) == (dtc, description)
                assert note["vendorId"] == "Schneider Electric"
            statuses = [view["status"], *(row["status"] for row in view["connectors"])]
            stopped = concerned(scope, does) if is_blocking else ()
            assert statuses == ["Faulted" if at in stopped else "Available" for at in (0, 1, 2)]
            view = await bench.ask("DELETE", f"/faults/{dtc}")
            assert view["errors"] == []
            assert {view["status"], *(row["status"] for row in view["connectors"])} == {"Available"}
            for connector in concerned(scope, does):
                assert (await told(bench, connector, "NoError"))["status"] == "Available"

    play(scenario)


def test_warnings_let_a_car_charge_on_and_heat_or_missing_modules_give_it_less() -> None:
    async def scenario(bench: Bench) -> None:
        before = await bench.begin()
        offered_w = before["connectors"][0]["offered_w"]
        for dtc, _, _, does, _ in WARNINGS:
            await bench.ask("POST", "/faults", {"dtc": dtc})
            await bench.station.elapse(1)
            gun = (await bench.ask("GET", ""))["connectors"][0]
            assert gun["status"] == "Charging"
            assert 0 < gun["power_w"] <= gun["offered_w"] * 1.001
            assert gun["offered_w"] <= offered_w * 1.001
            if does == "derates":
                assert gun["offered_w"] < 0.7 * offered_w
            await bench.ask("DELETE", f"/faults/{dtc}")
        assert not bench.station.wire.payloads("StopTransaction")

    play(scenario)


@pytest.mark.parametrize("scope", ["gun", "all"])
def test_errors_that_block_end_the_session_and_open_the_contactor(scope: str) -> None:
    async def scenario(bench: Bench) -> None:
        rows = [row for row in ERRORS if row[2] == scope]
        for dtc, _, _, reason, _ in rows:
            await bench.begin()
            view = await bench.ask("POST", "/faults", {"dtc": dtc} | ({"connector": 1} if scope == "gun" else {}))
            gun = view["connectors"][0]
            assert (gun["status"], gun["power_w"], gun["offered_w"]) == ("Faulted", 0, 0)
            assert (await bench.station.message("StopTransaction")).payload["reason"] == reason
            await bench.station.answer("StopTransaction")
            await bench.ask("DELETE", f"/faults/{dtc}")
            await bench.ask("POST", "/connectors/1/unplug")
            await bench.station.status(1, "Available", reported=True)
        ledger = await bench.site.supervision.transactions()
        assert [row.reason for row in ledger] == [row[3] for row in rows]

    play(scenario)


def test_an_error_that_is_not_in_the_table_is_refused_with_those_that_resemble_it() -> None:
    async def scenario(bench: Bench) -> None:
        for method, path, body, status in (
            ("POST", "/faults", {"dtc": "0x100255"}, 400),
            ("DELETE", "/faults/0x100255", None, 404),
        ):
            said = (await bench.ask(method, path, body, status))["error"]
            assert "'0x100255' is no vendor error code" in said
            assert "0x100205" in said
        assert (await bench.ask("GET", ""))["errors"] == []

    play(scenario)
