"""Secrets are searched for wherever something of them could show, after a session in which each of them was used."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization

from forecourt.cli.station_process import Teller
from forecourt.supervision.server_security import TlsOptions
from tests.both_sides import connected, led_to, standing, whole_api
from tests.file_peers import http_server
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.both_sides import Standing
    from tests.file_peers import HttpServer
    from tests.supervision_peers import Running

FIRST, SECOND = "0123456789abcdef0123456789abcdef01234567", "fedcba9876543210fedcba9876543210fedcba98"
PASSWORD, ENCODED = "s3cret/of:the files", "s3cret%2Fof%3Athe%20files"
MARK = b"SignCertificate"
"""Something that is in most of the places, so that a search of empty places is noticed."""


def of_key(key: str) -> dict[str, bytes]:
    """How a station's key may show."""
    raw = bytes.fromhex(key)
    return {
        f"{key[:4]} in digits": key.encode(),
        f"{key[:4]} in capitals": key.upper().encode(),
        f"{key[:4]} in bytes": raw,
        f"{key[:4]} in base64": b64encode(raw)[:24],
        f"{key[:4]} in a header": b64encode(b"EVD-1:" + raw)[:28],
    }


def of_private_key(name: str, pem: bytes) -> dict[str, bytes]:
    """How a private key may show."""
    lines = pem.split(b"\n")
    body = b"".join(line for line in lines if line and not line.startswith(b"-----"))
    key: Any = serialization.load_pem_private_key(pem[pem.index(b"-----BEGIN") :], None)
    numbers = key.private_numbers()
    number = getattr(numbers, "private_value", None) or numbers.d
    size = (number.bit_length() + 7) // 8
    return {
        f"{name} in PEM": lines[1],
        f"{name} in DER": b64decode(body)[:60],
        f"{name} as a number": number.to_bytes(size, "big"),
        f"{name} in digits": f"{number:x}".encode(),
    }


class Search:
    """What was looked through, and for what."""

    def __init__(self) -> None:
        self.places: dict[str, bytes] = {}

    def add(self, place: str, said: str | bytes) -> None:
        self.places[place] = said.encode(errors="replace") if isinstance(said, str) else said

    def hits(self, secrets: dict[str, bytes]) -> list[tuple[str, str]]:
        """Which secret shows where."""
        return [
            (place, name)
            for place, said in self.places.items()
            for name, secret in secrets.items()
            if secret in said or secret.replace(b"/", b"\\/") in said
        ]


async def use_passwords_in_addresses(ours: Running, server: HttpServer) -> None:
    """Each operation that takes an address gets one with a user and a password, and succeeds or fails with it."""
    server.routes["*"] = lambda handler, _: handler.answer(201)
    for scheme, host in (("http", server.address.removeprefix("http://")), ("ftp", "127.0.0.1:9")):
        folder = f"{scheme}://bob:{ENCODED}@{host}/in"
        orders: dict[str, dict[str, Any]] = {
            "GetDiagnostics": {"location": folder, "retries": 0},
            "GetLog": {"logType": "DiagnosticsLog", "requestId": 1, "log": {"remoteLocation": folder}, "retries": 0},
            "UpdateFirmware": {"location": f"{folder}/f", "retrieveDate": "2026-01-01T00:00:00Z", "retries": 0},
            "SignedUpdateFirmware": {
                "requestId": 2,
                "firmware": {
                    "location": f"{folder}/f",
                    "retrieveDateTime": "2026-01-01T00:00:00Z",
                    "signingCertificate": "none",
                    "signature": "none",
                },
            },
            "DataTransfer": {
                "vendorId": "com.se.tariff",
                "messageId": "TariffDownload",
                "data": f'{{"fileType":"Tariff","type":"file","location":"{folder}/tariff.png","size":10000}}',
            },
        }
        for action, payload in orders.items():
            response = await ours.command(action, payload)
            assert response.status_code == 200, (action, response.text)


async def set_keys(ours: Running, http: httpx2.AsyncClient, search: Search) -> None:
    """By the supervision's API, by ChangeConfiguration, also with the key's name spelled oddly, by the installer."""
    assert (await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": FIRST})).is_success
    for name, value in (("AuthorizationKey", FIRST), ("authorizationKEY", FIRST[:-2])):
        response = await ours.command("ChangeConfiguration", {"key": name, "value": value})
        assert response.json()["status"] == "Accepted"
    response = await http.put("/api/stations/EVD-1/keys/AuthorizationKey", json={"value": SECOND})
    assert response.status_code == 200, response.text
    search.add("station answers the installer", response.text)


async def upload_the_security_log(ours: Running, server: HttpServer) -> None:
    asked = {"logType": "SecurityLog", "requestId": 3, "log": {"remoteLocation": f"{server.address}/log"}}
    await ours.command("GetLog", asked)
    await ours.until(
        "/api/stations/EVD-1/notices",
        lambda found: (
            any(one["payload"].get("requestId") == 3 for one in found)
            and any(one["payload"].get("status") == "Uploaded" for one in found)
        ),
    )


async def follow(http: httpx2.AsyncClient, path: str, into: bytearray) -> None:
    """Read an event stream until cancelled."""
    with suppress(httpx2.HTTPError):
        async with http.stream("GET", path, timeout=None) as stream:
            async for block in stream.aiter_raw():
                into += block


async def look_at_station(here: Standing, search: Search) -> None:
    """Everything the control API shows, pages included."""
    async with httpx2.AsyncClient(base_url=here.api, follow_redirects=True) as http:
        one = "/api/stations/EVD-1"
        for path in ("/", "/api/stations", one, f"{one}/messages", f"{one}/keys", f"{one}/keys/AuthorizationKey"):
            response = await http.get(path)
            assert response.status_code == 200, (path, response.text)
            search.add(f"station {path}", response.text)


def unpacked(server: HttpServer) -> dict[str, bytes]:
    """What was uploaded, archives unpacked."""
    found: dict[str, bytes] = {}
    for request in server.requests:
        if request.body.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(request.body)) as archive:
                found |= {f"upload {request.path} {name}": archive.read(name) for name in archive.namelist()}
        elif request.body:
            found[f"upload {request.path}"] = request.body
    return found


@pytest.mark.requirement("WP-A01.FR.12", "WP-A01.FR.09")
def test_no_secret_shows_in_any_log_list_stream_archive_or_file_but_its_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys set by the API, by ChangeConfiguration and by the installer, passwords in addresses, and private keys."""
    monkeypatch.setattr("forecourt.station.link.BACK_OFF_LEAST_S", 0.05)
    search = Search()

    async def scenario() -> None:
        with http_server() as server:
            async with (
                running(data=tmp_path / "supervision", tls=TlsOptions(port=0)) as ours,
                standing(ours, tmp_path / "station", SecurityProfile="0") as here,
                httpx2.AsyncClient(base_url=here.api) as http,
            ):
                streams = bytearray(), bytearray()
                followers = [
                    asyncio.create_task(follow(ours.http, "/api/events", streams[0])),
                    asyncio.create_task(follow(http, "/api/stations/EVD-1/events", streams[1])),
                ]
                tellers = Teller(as_json=False), Teller(as_json=True)
                for teller in tellers:
                    here.station.seat.listen(teller.hear)
                await connected(ours)
                await led_to(ours, 3)
                await set_keys(ours, http, search)
                await use_passwords_in_addresses(ours, server)
                await upload_the_security_log(ours, server)
                await look_at_station(here, search)
                search.add("supervision's API", await whole_api(ours))
                for place, stream in zip(("supervision", "station"), streams, strict=True):
                    search.add(f"events of the {place}", bytes(stream))
                for follower in followers:
                    follower.cancel()
            for place, content in unpacked(server).items():
                search.add(place, content)

    play(scenario(), within_s=50)
    said = capfd.readouterr()
    search.add("standard output", said.out)
    search.add("standard error", said.err)

    secrets = of_key(FIRST) | of_key(SECOND) | {"prefix of the first": FIRST[:-2].encode()}
    secrets |= {"a password": PASSWORD.encode(), "a password as encoded": ENCODED.encode()}
    files = {file for file in tmp_path.rglob("*") if file.is_file()}
    private = {file for file in files if file.suffix == ".key" or file.parent.name == "keys"}
    assert len(private) >= 4
    for file in private:
        secrets |= of_private_key(file.name, file.read_bytes())
    assert search.hits(secrets) == []

    kept = Search()
    of_station = {file for file in files if file.name.startswith("records.sqlite")}
    for file in files - private - of_station:
        kept.add(str(file.relative_to(tmp_path)), file.read_bytes())
    assert kept.hits(secrets) == []

    places = search.places
    assert sum(MARK in said for said in places.values()) >= 4, sorted(places)
    assert all(place in places for place in ("station /api/stations/EVD-1/messages", "standard output"))
    for place, change in {
        "station /api/stations/EVD-1/messages": b"ChangeConfiguration",
        "supervision's API": b"AuthorizationKey",
        "_diagnostics_.*log.jsonl": b"ChangeConfiguration",
        "_diagnostics_.*configuration.json": b"SecurityProfile",
        "_security_.*jsonl": b"ReconfigurationOfSecurityParameters",
    }.items():
        assert any(re.search(place, one) and change in said for one, said in places.items()), (place, sorted(places))
    assert len(places["events of the supervision"]) > 500
    assert len(places["events of the station"]) > 500
