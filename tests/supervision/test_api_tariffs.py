"""Tariffs, costs and receipts over the API, with stations on sockets of their own."""

from __future__ import annotations

import asyncio
import ftplib
import io
import json
import struct
import zlib
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from forecourt import testing
from forecourt.runtime.tls import client_context
from forecourt.supervision.server_security import TlsOptions
from forecourt.testing.live import LiveSite
from tests.supervision_peers import Peer, clock_from, play, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.supervision_peers import Running

DAY = {
    "currency": "EUR",
    "pricePerKWh": "0.49",
    "pricePerMinute": "0.03",
    "sessionFee": "0.50",
    "idleFeePerMinute": "0.10",
    "idleGraceMinutes": 5,
    "vatPercent": "19",
}
ACCEPTED = {"status": "Accepted"}
NOON = "2026-11-22T12:00:00+00:00"
DOWNLOADED = {"status": "Accepted", "data": '{"downloadStatus":"Downloaded"}'}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(of_bytes: int = 3000) -> bytes:
    """A picture of greys, filled up with a comment to a size."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 94, 52, 8, 0, 0, 0, 0))
    tail = chunk(b"IDAT", zlib.compress(bytes(95 * 52))) + chunk(b"IEND", b"")
    return head + chunk(b"tEXt", bytes(of_bytes - len(head) - len(tail) - 12)) + tail


async def put(ours: Running, path: str, body: Any) -> Any:
    """The JSON of a PUT that is taken."""
    response = await ours.http.put(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def give(ours: Running, tariff: dict[str, Any], name: str = "day") -> None:
    """Let a tariff hold everywhere."""
    await put(ours, f"/api/tariffs/{name}", tariff)
    await put(ours, "/api/tariff-assignment", {"tariff": name})


async def next_cost(station: Peer) -> dict[str, Any]:
    """Take the next CostUpdated; its data."""
    call = await station.answer(ACCEPTED)
    assert (call[2], call[3]["messageId"]) == ("DataTransfer", "CostUpdated")
    data: dict[str, Any] = json.loads(call[3]["data"])
    return data


async def whole_session(station: Peer) -> int:
    """From 1000 to 13345 Wh in 61.5 minutes, and 10 minutes more at the gun; the transactionId."""
    number = await station.start()
    assert (await next_cost(station))["transactionId"] == number
    await station.ask(
        "StopTransaction", {"transactionId": number, "meterStop": 13_345, "timestamp": "2026-11-22T09:31:30Z"}
    )
    status = {"connectorId": 1, "errorCode": "NoError", "timestamp": "2026-11-22T09:41:30Z"}
    await station.ask("StatusNotification", status | {"status": "Available"})
    return number


BILL = {
    "tariff": "day",
    "currency": "EUR",
    "lines": [
        {
            "what": "energy",
            "quantity": "12345",
            "unit": "Wh",
            "price": "0.49",
            "priceUnit": "kWh",
            "amount": "6.05",
        },
        {"what": "time", "quantity": "3690", "unit": "s", "price": "0.03", "priceUnit": "min", "amount": "1.85"},
        {"what": "session", "quantity": "1", "unit": "", "price": "0.50", "priceUnit": "session", "amount": "0.50"},
        {"what": "idle", "quantity": "300", "unit": "s", "price": "0.10", "priceUnit": "min", "amount": "0.50"},
    ],
    "pricesIncludeVat": True,
    "vatPercent": "19",
    "net": "7.48",
    "vat": "1.42",
    "gross": "8.90",
    "final": True,
}
"""Of `whole_session` by `DAY`, by hand: 12.345 x 0.49 = 6.04905; 61.5 x 0.03 = 1.845; 8.90 x 19/119 = 1.42101."""

RECEIPT = """\
RECEIPT
Transaction                                    1
Station, gun                            EVD-1, 1
Badge                                      BADGE
From                     2026-11-22 08:30:00 UTC
To                       2026-11-22 09:31:30 UTC
Meter                           1000 to 13345 Wh
Tariff                                       day
------------------------------------------------
Energy                                      6.05
  12345 Wh at 0.49 a kWh
Charging time                               1.85
  61:30 min at 0.03 a min
Session fee                                 0.50
  1 at 0.50 a session
Time after the end                          0.50
  5:00 min at 0.10 a min
------------------------------------------------
Net                                         7.48
VAT 19 %                                    1.42
Total EUR                                   8.90
Prices include VAT.
"""


def test_transaction_receipt_and_station_agree_with_a_bill_by_hand() -> None:
    async def scenario() -> None:
        async with running(clock=clock_from(NOON)) as ours, ours.station() as station:
            await give(ours, DAY)
            number = await whole_session(station)
            final = await next_cost(station)
            if final["totalCost"] != 8.9:  # the end may be told before the gun is free
                final = await next_cost(station)
            assert (final["currency"], final["totalCost"], final["connectID"]) == ("EUR", 8.9, 1)
            transaction = await ours.get(f"/api/transactions/{number}")
            assert (transaction["cost"], transaction["noCost"]) == (BILL, None)
            receipt = await ours.get(f"/api/transactions/{number}/receipt")
            assert receipt["cost"] == BILL
            assert (receipt["meterStart"], receipt["meterStop"], receipt["energyWh"]) == (1000, 13_345, 12_345)
            text = await ours.http.get(f"/api/transactions/{number}/receipt", headers={"accept": "text/plain"})
            assert (text.status_code, text.text) == (200, RECEIPT)
            assert text.headers["content-type"].startswith("text/plain")

    play(scenario())


def test_running_transaction_costs_what_its_register_shows_and_its_receipt_says_that_it_is_none() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            await give(ours, {"currency": "EUR", "pricePerKWh": "0.49"})
            number = await station.start()
            assert (await next_cost(station))["totalCost"] == 0
            values = [{"timestamp": "2026-11-22T08:40:00Z", "sampledValue": [{"value": "5.5", "unit": "kWh"}]}]
            request = {"connectorId": 1, "transactionId": number, "meterValue": values}
            await station.ask("MeterValues", request)
            cost = (await ours.get(f"/api/transactions/{number}"))["cost"]
            assert (cost["gross"], cost["final"]) == ("2.21", False)  # 4.5 x 0.49 = 2.205
            text = await ours.http.get(f"/api/transactions/{number}/receipt", headers={"accept": "text/plain"})
            assert text.text.startswith("SO FAR - NO RECEIPT YET\n")

    play(scenario())


def test_transaction_without_a_tariff_and_orphan_stop_say_why_they_cost_nothing() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            number = await station.start()
            await give(ours, DAY)
            found = await ours.get(f"/api/transactions/{number}")
            assert (found["cost"], found["noCost"]) == (None, "No tariff held at this gun when the transaction began.")
            receipt = await ours.http.get(f"/api/transactions/{number}/receipt")
            assert (receipt.status_code, "No tariff held" in receipt.json()["error"]) == (404, True)
            stop = {"transactionId": -1, "meterStop": 5000, "timestamp": "2026-11-22T09:00:00Z"}
            await station.ask("StopTransaction", stop)
            (orphan,) = await ours.get("/api/orphan-stops")
            assert "neither its energy nor its time is known" in orphan["noCost"]
            assert (await ours.http.get("/api/transactions/77/receipt")).status_code == 404
            assert station.calls.empty()

    play(scenario())


def test_late_session_that_was_made_offline_has_a_price_by_its_own_times() -> None:
    async def scenario() -> None:
        async with running(clock=clock_from(NOON)) as ours, ours.station() as station:
            await give(ours, {"currency": "EUR", "pricePerMinute": "0.10"})
            number = await station.start(timestamp="2026-11-20T08:00:00Z")
            stop = {"transactionId": number, "meterStop": 2000, "timestamp": "2026-11-20T08:30:00Z"}
            await station.ask("StopTransaction", stop)
            cost = (await ours.get(f"/api/transactions/{number}"))["cost"]
            assert (cost["gross"], cost["final"]) == ("3.00", True)

    play(scenario())


def test_tariffs_are_given_shown_changed_and_forgotten() -> None:
    async def scenario() -> None:
        async with running() as ours:
            name = "T%C3%A4glich%2Fnachts"
            given = await put(ours, f"/api/tariffs/{name}", {"currency": "VNĐ", "decimals": 0, "pricePerKWh": "3858"})
            (version,) = given["versions"]
            assert (given["name"], version["validFrom"]) == ("Täglich/nachts", None)
            assert version == {
                "currency": "VNĐ",
                "decimals": 0,
                "pricePerKWh": "3858",
                "pricePerMinute": "0",
                "sessionFee": "0",
                "idleFeePerMinute": "0",
                "idleGraceMinutes": 0,
                "vatPercent": "0",
                "pricesIncludeVat": True,
                "validFrom": None,
            }
            later = {"currency": "VNĐ", "decimals": 0, "pricePerKWh": "4000", "validFrom": "2027-01-01T00:00:00+01:00"}
            changed = await put(ours, f"/api/tariffs/{name}", later)
            assert [each["pricePerKWh"] for each in changed["versions"]] == ["3858", "4000"]
            assert changed["versions"][1]["validFrom"] == "2026-12-31T23:00:00Z"
            assert await ours.get("/api/tariffs") == [changed]
            assert (await ours.http.delete(f"/api/tariffs/{name}")).status_code == 204
            assert await ours.get("/api/tariffs") == []
            for response in (
                await ours.http.get(f"/api/tariffs/{name}"),
                await ours.http.delete(f"/api/tariffs/{name}"),
            ):
                assert (response.status_code, response.json()) == (404, {"error": "There is no tariff Täglich/nachts."})

    play(scenario())


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "currency"),
        ({"currency": ""}, "currency"),
        ({"currency": "E\u0007R"}, "currency"),
        ({"currency": "EUR", "pricePerKWh": 0.49}, "pricePerKWh"),
        ({"currency": "EUR", "pricePerKWh": "-0.49"}, "pricePerKWh"),
        ({"currency": "EUR", "pricePerKWh": "0,49"}, "pricePerKWh"),
        ({"currency": "EUR", "pricePerMinute": "1e3"}, "pricePerMinute"),
        ({"currency": "EUR", "sessionFee": "NaN"}, "sessionFee"),
        ({"currency": "EUR", "sessionFee": "٣"}, "sessionFee"),
        ({"currency": "EUR", "idleFeePerMinute": ""}, "idleFeePerMinute"),
        ({"currency": "EUR", "idleGraceMinutes": -1}, "idleGraceMinutes"),
        ({"currency": "EUR", "vatPercent": "101"}, "vatPercent"),
        ({"currency": "EUR", "decimals": 5}, "decimals"),
        ({"currency": "EUR", "validFrom": "2026-01-01T00:00:00"}, "validFrom"),
        ({"currency": "EUR", "weekend": "0.3"}, "weekend"),
    ],
)
def test_tariff_that_is_none_is_refused_with_what_was_expected(body: Any, path: str) -> None:
    async def scenario() -> None:
        async with running() as ours:
            response = await ours.http.put("/api/tariffs/day", json=body)
            assert response.status_code == 400
            assert path in response.json()["error"]
            assert "expected" in response.json()["error"].lower()
            assert await ours.get("/api/tariffs") == []

    play(scenario())


def test_tariffs_hold_at_guns_before_stations_before_everywhere() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            for name in ("a", "b", "c"):
                await put(ours, f"/api/tariffs/{name}", {"currency": name.upper(), "sessionFee": "1"})
            await put(ours, "/api/tariff-assignment", {"tariff": "a"})
            await put(ours, "/api/stations/EVD-1/tariff-assignment", {"tariff": "b"})
            await put(ours, "/api/stations/EVD-1/tariff-assignment", {"tariff": "c", "connectorId": 2})
            assert await ours.get("/api/tariff-assignments") == [
                {"identity": None, "connectorId": 0, "tariff": "a"},
                {"identity": "EVD-1", "connectorId": 0, "tariff": "b"},
                {"identity": "EVD-1", "connectorId": 2, "tariff": "c"},
            ]
            await station.start(connectorId=1, idTag="A")
            assert (await next_cost(station))["currency"] == "B"
            await station.start(connectorId=2, idTag="B")
            assert (await next_cost(station))["currency"] == "C"
            await put(ours, "/api/stations/EVD-1/tariff-assignment", {"tariff": None})
            await station.start(connectorId=1, idTag="C", timestamp="2026-11-22T10:00:00Z")
            assert (await next_cost(station))["currency"] == "A"
            nobody = await ours.http.put("/api/tariff-assignment", json={"tariff": "z"})
            assert (nobody.status_code, nobody.json()["error"]) == (404, "There is no tariff z.")
            wrong = await ours.http.put("/api/stations/EVD-1/tariff-assignment", json={"connectorId": 1})
            assert (wrong.status_code, "tariff" in wrong.json()["error"]) == (400, True)

    play(scenario())


def test_tariffs_and_costs_outlive_the_supervision(tmp_path: Path) -> None:
    """The session that began before goes on with the price it began with, though there is another one now."""

    async def scenario() -> None:
        async with running(data=tmp_path) as ours, ours.station() as station:
            await give(ours, {"currency": "EUR", "pricePerKWh": "0.50"})
            await put(ours, "/api/policy", {"costInterval": 1})
            number = await station.start()
            assert (await next_cost(station))["totalCost"] == 0
            values = [{"timestamp": "2026-11-22T08:40:00Z", "sampledValue": [{"value": "3000"}]}]
            await station.ask("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": values})
            assert (await next_cost(station))["totalCost"] == 1
            await put(ours, "/api/tariffs/day", {"currency": "EUR", "pricePerKWh": "9"})
            before = await ours.get("/api/tariffs")
        async with running(data=tmp_path, policy=None) as ours, ours.station(booted=False) as station:
            assert await ours.get("/api/tariffs") == before
            assert (await ours.get("/api/policy"))["costInterval"] == 1
            again = await next_cost(station)
            assert (again["totalCost"], again["transactionId"]) == (1, number)
            stop = {"transactionId": number, "meterStop": 5000, "timestamp": "2026-11-22T09:00:00Z"}
            await station.ask("StopTransaction", stop)
            assert (await next_cost(station))["totalCost"] == 2
            assert (await ours.get(f"/api/transactions/{number}"))["cost"]["gross"] == "2.00"

    play(scenario())


def test_station_that_knows_no_costs_is_noted() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            await give(ours, DAY)
            await put(ours, "/api/policy", {"costInterval": 1})
            assert (await ours.get("/api/stations/EVD-1"))["costRefusal"] is None
            await station.start()
            await station.answer({"status": "UnknownVendorId"})
            found = await ours.until("/api/stations/EVD-1", lambda seen: seen["costRefusal"] is not None)
            assert found["costRefusal"] == "It answered CostUpdated with UnknownVendorId."
            await station.boot()
            assert (await ours.get("/api/stations/EVD-1"))["costRefusal"] is None
            await next_cost(station)

    play(scenario())


async def offered(ours: Running, station: Peer, data: bytes) -> dict[str, Any]:
    """Give a tariff and its picture; the data of the TariffDownload that the station gets."""
    await give(ours, DAY)
    await put(ours, "/api/policy", {"costInterval": 1})
    told = asyncio.create_task(station.answer(DOWNLOADED))
    response = await ours.http.put("/api/tariffs/day/picture", content=data)
    assert response.status_code == 200, response.text
    assert response.json()["picture"]["digest"] == sha256(data).hexdigest()
    payload = (await told)[3]
    assert (payload["vendorId"], payload["messageId"]) == ("com.se.tariff", "TariffDownload")
    offer: dict[str, Any] = json.loads(payload["data"])
    assert offer["location"].endswith("/tariff.png")
    assert offer["size"] == len(data)
    return offer


@pytest.mark.requirement("GUIDE-TARIFF-01", "GUIDE-TARIFF-02")
def test_picture_of_a_tariff_is_hosted_over_http() -> None:
    async def scenario() -> None:
        async with running(files_port=0) as ours, ours.station() as station, httpx2.AsyncClient() as http:
            offer = await offered(ours, station, png())
            assert offer["location"].startswith("http://127.0.0.1:")
            assert (await http.get(offer["location"])).content == png()

    play(scenario())


def test_picture_of_a_tariff_is_hosted_over_ftp() -> None:
    def fetch(location: str) -> bytes:
        at, into = urlsplit(location), io.BytesIO()
        with ftplib.FTP() as ftp:
            ftp.connect("127.0.0.1", at.port or 0, timeout=10)
            ftp.login()
            ftp.retrbinary(f"RETR {at.path}", into.write)
        return into.getvalue()

    async def scenario() -> None:
        async with running(ftp_port=0) as ours, ours.station() as station:
            offer = await offered(ours, station, png())
            assert offer["location"].startswith("ftp://127.0.0.1:")
            assert await asyncio.to_thread(fetch, offer["location"]) == png()

    play(scenario())


def test_picture_of_a_tariff_is_hosted_over_https(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, files_tls_port=0, tls=TlsOptions()) as ours, ours.station() as station:
            offer = await offered(ours, station, png())
            assert offer["location"].startswith("https://localhost:")
            assert ours.supervision.security is not None
            context = client_context(ours.supervision.security.authority.root_pem)
            async with httpx2.AsyncClient(verify=context) as http:
                assert (await http.get(offer["location"])).content == png()

    play(scenario())


def test_station_over_tls_is_sent_to_https_and_one_without_to_http(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running(data=tmp_path, files_port=0, files_tls_port=0, tls=TlsOptions()) as ours,
            ours.station("PLAIN") as plain,
        ):
            context = client_context((await ours.http.get("/api/authority")).text)
            url = f"wss://localhost:{ours.supervision.ocpp_port}/ocpp/EVD-1"
            password = b64encode(b"EVD-1:0123456789abcdef").decode()
            headers = {"Authorization": f"Basic {password}"}
            subprotocols = [Subprotocol("ocpp1.6")]
            secured = Peer(await connect(url, ssl=context, additional_headers=headers, subprotocols=subprotocols))
            try:
                await secured.boot()
                offer = await offered(ours, secured, png())
                assert offer["location"].startswith("https://localhost:")
                other = json.loads((await plain.answer(DOWNLOADED))[3]["data"])
                assert other["location"].startswith("http://127.0.0.1:")
            finally:
                await secured.close()

    play(scenario())


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"", 400), (b"GIF89a" + bytes(100), 400), (png()[:-5], 400), (png(2_097_153), 413)],
    ids=["nothing", "no PNG", "cut off", "too large"],
)
def test_picture_that_stations_would_not_take_is_refused(data: bytes, status: int) -> None:
    async def scenario() -> None:
        async with running(files_port=0) as ours:
            await give(ours, DAY)
            response = await ours.http.put("/api/tariffs/day/picture", content=data)
            assert response.status_code == status
            assert "expected" in response.json()["error"]
            assert (await ours.get("/api/tariffs/day"))["picture"] is None
            assert await ours.get("/api/files") == []
            nobody = await ours.http.put("/api/tariffs/night/picture", content=png())
            assert nobody.status_code == 404

    play(scenario())


def test_api_describes_its_tariffs() -> None:
    async def scenario() -> None:
        async with running() as ours:
            schema = await ours.get("/schema")
            body = schema["paths"]["/api/tariffs/{name}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
            assert body == {"$ref": "#/components/schemas/TariffRule"}
            assert schema["components"]["schemas"]["TariffRule"]["required"] == ["currency"]
            for path in ("/api/tariff-assignment", "/api/stations/{identity}/tariff-assignment"):
                assert "requestBody" in schema["paths"][path]["put"]
            assert "get" in schema["paths"]["/api/transactions/{transaction_id}/receipt"]

    play(scenario())


@pytest.mark.requirement("GUIDE-COST-01", "GUIDE-COST-11", "GUIDE-COST-12")
def test_screen_of_a_real_station_transaction_and_receipt_agree_to_the_cent() -> None:
    """Our own station over sockets, with a car that takes energy, 60 times as fast."""

    async def scenario() -> None:
        async with testing.site(speed=60.0) as site:
            assert isinstance(site, LiveSite)
            served = site.supervision.running  # type: ignore[attr-defined]
            await site.supervision.register("TAG1")
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{served.http_port}") as http:
                prices = {"currency": "EUR", "pricePerKWh": "0.49", "pricePerMinute": "0.03", "vatPercent": "19"}
                assert (await http.put("/api/tariffs/day", json=prices)).status_code == 200
                assert (await http.put("/api/tariff-assignment", json={"tariff": "day"})).status_code == 200
                station = await site.add_station()
                await station.connected()

                def shown() -> float:
                    gun = station.screen.gun
                    session = None if gun is None else gun.session
                    cost = None if session is None else session.cost
                    if cost is None:
                        return -1.0
                    assert cost.currency == "EUR"
                    return cost.totalCost

                station.plug(1)
                station.badge("TAG1")
                await station.until(lambda _: shown() > 1.0, within=1200)
                earlier = shown()
                await station.until(lambda _: shown() > earlier, within=1200)
                station.badge("TAG1")
                await station.message("StopTransaction", within=120)
                (row,) = await site.supervision.transactions()
                while True:
                    cost = (await http.get(f"/api/transactions/{row.transactionId}")).json()["cost"]
                    if cost["final"] and shown() == float(cost["gross"]):
                        break
                    await asyncio.sleep(0.01)
                receipt = (await http.get(f"/api/transactions/{row.transactionId}/receipt")).json()
                assert receipt["cost"] == cost
                cents = (receipt["energyWh"] * 49 + 500) // 1000 + (int(cost["lines"][1]["quantity"]) * 3 + 30) // 60
                assert round(shown() * 100) == cents

    play(scenario(), within_s=60.0)
