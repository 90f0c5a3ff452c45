"""The worked example of docs/prices.md, played."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from tests.supervision_peers import Peer, clock_from, play, running

PAGE = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The blocks of the page that are marked as `kind`."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


async def take_costs(station: Peer) -> None:
    """Accept every cost."""
    while True:
        await station.answer({"status": "Accepted"})


def test_receipt_of_the_page_is_what_its_session_costs_by_its_tariff() -> None:
    tariff, session = blocks("json")
    (receipt,) = blocks("text")
    start, stop, status = (json.loads(line) for line in session.splitlines())

    async def scenario() -> None:
        async with running(clock=clock_from("2026-11-22T12:00:00+00:00")) as ours, ours.station() as station:
            taking = asyncio.create_task(take_costs(station))
            put = await ours.http.put("/api/tariffs/street", json=json.loads(tariff))
            assert put.status_code == 200
            assigned = await ours.http.put("/api/tariff-assignment", json={"tariff": "street"})
            assert assigned.status_code == 200
            assert (await station.ask("StartTransaction", start))["transactionId"] == stop["transactionId"]
            await station.ask("StopTransaction", stop)
            await station.ask("StatusNotification", status)
            printed = await ours.http.get("/api/transactions/1/receipt", headers={"accept": "text/plain"})
            assert printed.text == receipt
            taking.cancel()

    play(scenario())


def test_table_of_the_page_has_every_field_of_a_tariff_and_its_default() -> None:
    async def scenario() -> None:
        async with running() as ours:
            fields = (await ours.get("/schema"))["components"]["schemas"]["TariffRule"]["properties"]
            rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", PAGE, re.MULTILINE)
            assert {name for name, _ in rows} == set(fields)
            for name, default in rows:
                if "default" in fields[name]:
                    assert str(fields[name]["default"]).lower() == default

    play(scenario())
