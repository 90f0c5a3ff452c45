"""Other versions of OCPP, and OCPP over SOAP, find nobody to talk to at either side."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from forecourt.ocpp.actions import ACTIONS
from forecourt.runtime.clock import Clock
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.station.commissioning import Commissioning, StationOptions
from tests.link_peers import TEXT, Raw, accepted, raw_supervision
from tests.supervision_peers import BOOT, play, running

SOAP = """<?xml version="1.0"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Body>
<bootNotificationRequest xmlns="urn://Ocpp/Cs/2015/10/"><chargePointVendor>x</chargePointVendor>
<chargePointModel>y</chargePointModel></bootNotificationRequest></soap:Body></soap:Envelope>"""
OTHERS = ("ocpp1.2", "ocpp1.5", "ocpp2.0", "ocpp2.0.1", "ocpp2.1", "OCPP1.6")


@pytest.mark.requirement("GUIDE-GEN-04")
def test_a_supervision_speaks_ocpp_1_6_json_and_neither_another_version_nor_soap() -> None:
    async def scenario() -> None:
        async with running() as ours:
            url = f"127.0.0.1:{ours.supervision.ocpp_port}/CP"
            for other in OTHERS:
                async with connect(f"ws://{url}", subprotocols=[Subprotocol(other)]) as socket:
                    with pytest.raises(ConnectionClosed):
                        await socket.recv()
                    assert (socket.subprotocol, socket.close_code) == (None, 1002)
            async with httpx2.AsyncClient() as http:
                with pytest.raises(httpx2.RemoteProtocolError):  # it is closed, as whatever is no GET
                    await http.post(f"http://{url}", content=SOAP, headers={"Content-Type": "application/soap+xml"})
            offered = [Subprotocol(name) for name in (*OTHERS, "ocpp1.6")]
            async with connect(f"ws://{url}", subprotocols=offered) as socket:
                assert socket.subprotocol == "ocpp1.6"
                await socket.send(json.dumps([2, "1", "BootNotification", BOOT]))
                kind, message_id, payload = json.loads(await socket.recv())
                assert (kind, message_id, payload["status"]) == (3, "1", "Accepted")

    play(scenario())


@pytest.mark.requirement("GUIDE-GEN-04")
def test_a_station_offers_ocpp_1_6_alone_leaves_who_answers_otherwise_and_speaks_json() -> None:
    async def scenario() -> None:
        heads: list[str] = []
        said: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

        async def behave(raw: Raw) -> None:
            heads.append(await raw.head())
            if len(heads) == 1:
                raw.write(accepted(heads[0], "ocpp2.0.1"))
                assert b"BootNotification" not in await raw.rest()
                return
            raw.write(accepted(heads[1]))
            first, payload = await raw.frame()
            assert first == 0x80 | TEXT
            said.set_result(json.loads(payload))

        async with raw_supervision(behave) as url:
            links = Links(close_timeout_s=0.5)
            host = Host(Clock(3600.0), links)
            commissioning = Commissioning("CP", url, "EVD1S180THB", "1", "3.5.8803")
            station = await host.add(commissioning, StationOptions(speed=3600.0))
            station.power(True)
            kind, _, action, payload = await said
            assert (kind, action) == (2, "BootNotification")
            ACTIONS["BootNotification"].decode_request(json.dumps(payload).encode())
            await host.stop()
            await links.close(within_s=0.5)
        for head in heads:
            offers = [line for line in head.splitlines() if line.lower().startswith("sec-websocket-protocol")]
            assert [offer.split(": ")[1] for offer in offers] == ["ocpp1.6"]

    play(scenario(), within_s=40.0)
