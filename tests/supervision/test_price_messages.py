"""Prices as the supervision sends them: to a station on somebody else's WebSocket, by its API."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from forecourt.ocpp.core import DataTransferRequest
from forecourt.supervision.price_messages import cost_updated
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from tests.supervision_peers import Running

SERVED = {"files_port": 0, "ftp_port": 0}
PICTURE = b"\x89PNG\r\n\x1a\n" + b"pixels" * 100


async def post(ours: Running, what: str, order: Any) -> httpx2.Response:
    """The response of the API to an order for EVD-1."""
    return await ours.http.post(f"/api/stations/EVD-1/{what}", json=order)


@pytest.mark.requirement("GUIDE-COST-01", "GUIDE-COST-02", "GUIDE-COST-03", "GUIDE-COST-04", "GUIDE-CSOP-04")
def test_cost_goes_out_as_the_guide_has_it_and_its_answer_comes_back() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            told = asyncio.create_task(station.answer({"status": "Accepted"}))
            order = {"connectorId": 1, "transactionId": 358, "currency": "VND", "totalCost": 16780}
            response = await post(ours, "cost", order)
            assert (response.status_code, response.json()) == (200, {"status": "Accepted"})
            _, _, action, payload = await told
            data = payload.pop("data")
            assert (action, payload) == ("DataTransfer", {"vendorId": "com.se.cost", "messageId": "CostUpdated"})
            assert isinstance(data, str)
            assert json.loads(data) == {
                "currency": "VND",
                "method": "CostUpdated",
                "connectID": 1,
                "totalCost": 16780,
                "transactionId": 358,
            }
            command = await ours.get(response.headers["location"])
            assert (command["action"], command["state"]) == ("DataTransfer", "done")

    play(scenario())


@pytest.mark.parametrize("status", ["Rejected", "UnknownVendorId", "UnknownMessageId"])
def test_station_that_takes_no_cost_is_heard(status: str) -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            told = asyncio.create_task(station.answer({"status": status}))
            order = {"connectorId": 1, "transactionId": 358, "currency": "VNĐ", "totalCost": 0.35}
            response = await post(ours, "cost", order)
            assert (response.status_code, response.json()) == (200, {"status": status})
            data = json.loads((await told)[3]["data"])
            assert (data["currency"], data["totalCost"]) == ("VNĐ", 0.35)
            assert (await ours.get(response.headers["location"]))["state"] == "failed"

    play(scenario())


def test_cost_without_a_transaction_is_that_of_the_one_that_runs_on_the_connector() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            order = {"connectorId": 2, "currency": "EUR", "totalCost": 1.5}
            nothing = await post(ours, "cost", order)
            assert (nothing.status_code, "connector 2" in nothing.json()["error"]) == (409, True)
            await station.start(connectorId=1, idTag="A")
            number = await station.start(connectorId=2, idTag="B")
            told = asyncio.create_task(station.answer({"status": "Accepted"}))
            assert (await post(ours, "cost", order)).status_code == 200
            assert json.loads((await told)[3]["data"])["transactionId"] == number

    play(scenario())


@pytest.mark.parametrize(
    ("what", "order", "path"),
    [
        ("cost", {}, "connectorId"),
        ("cost", {"connectorId": 1, "currency": "EUR", "totalCost": -1}, "totalCost"),
        ("cost", {"connectorId": 1, "currency": "EUR", "totalCost": "1"}, "totalCost"),
        ("cost", {"connectorId": 0, "currency": "EUR", "totalCost": 1}, "connectorId"),
        ("cost", {"connectorId": 1, "currency": "", "totalCost": 1}, "currency"),
        ("cost", {"connectorId": 1, "currency": "EUR", "totalCost": 1, "tax": 2}, "tax"),
        ("tariff", {}, "file"),
        ("tariff", {"file": "empty.png"}, "file"),
        ("tariff", {"file": "large.png"}, "file"),
        ("tariff", {"file": "summer.png", "protocol": "ftp"}, "file"),
    ],
)
def test_prices_that_are_none_are_refused_before_the_station_hears_of_them(what: str, order: Any, path: str) -> None:
    async def scenario() -> None:
        async with running(**SERVED) as ours, ours.station() as station:
            for name, content in (("empty.png", b""), ("large.png", b"x" * 2097153), ("summer.png", PICTURE)):
                await ours.http.put(f"/api/files/{name}", content=content)
            response = await post(ours, what, order)
            assert response.status_code == 400, response.text
            assert path in response.text
            assert station.calls.empty()

    play(scenario())


@pytest.mark.requirement("GUIDE-TARIFF-01", "GUIDE-TARIFF-02")
@pytest.mark.parametrize(("name", "protocol"), [("tariff.png", "http"), ("tariff.png", "ftp"), ("summer.png", "http")])
def test_tariff_names_a_picture_that_the_supervision_serves_and_its_size(name: str, protocol: str) -> None:
    downloaded = {"status": "Accepted", "data": '{"downloadStatus":"Downloaded"}'}

    async def scenario() -> None:
        async with running(**SERVED) as ours, ours.station() as station, httpx2.AsyncClient() as http:
            await ours.http.put(f"/api/files/{name}", content=PICTURE)
            told = asyncio.create_task(station.answer(downloaded))
            response = await post(ours, "tariff", {"file": name, "protocol": protocol})
            assert (response.status_code, response.json()) == (200, downloaded)
            _, _, action, payload = await told
            data = json.loads(payload.pop("data"))
            assert (action, payload) == ("DataTransfer", {"vendorId": "com.se.tariff", "messageId": "TariffDownload"})
            location = data.pop("location")
            assert data == {"fileType": "Tariff", "type": "file", "size": len(PICTURE)}
            assert location.startswith(f"{protocol}://127.0.0.1:")
            assert location.endswith("/tariff.png")
            if protocol == "http":
                assert (await http.get(location)).content == PICTURE

    play(scenario())


def test_whole_amounts_are_written_without_a_fraction() -> None:
    request = cost_updated(2, 7, "EUR", 3.0)
    assert isinstance(request, DataTransferRequest)
    assert request.data == '{"currency":"EUR","method":"CostUpdated","connectID":2,"totalCost":3,"transactionId":7}'
