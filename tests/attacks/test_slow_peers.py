"""Slow-loris: peers that begin a handshake or a request and never finish it, at every port that there is.

All time limits are cut down for the tests. While the slow ones hold their connections the real station comes in and the
API answers; when their time is up they are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx2
import pytest

from forecourt.supervision.server_security import TlsOptions
from tests.both_sides import connected, standing
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PEERS = 50
SHORT_S = 0.6
TLS = TlsOptions(port=0)
HELLO = bytes.fromhex("1603010200010001fc0303")
"""The beginning of a TLS handshake."""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecourt.supervision.server_tls.HANDSHAKE_S", SHORT_S)
    monkeypatch.setattr("forecourt.runtime.http_server.REQUEST_S", SHORT_S)
    monkeypatch.setattr("forecourt.station.link.BACK_OFF_LEAST_S", 0.05)


class Slow:
    """Connections that have said something and say no more, or say it very slowly."""

    def __init__(self) -> None:
        self.readers: list[asyncio.StreamReader] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def begin(self, port: int, said: bytes) -> None:
        for _ in range(PEERS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            self.readers.append(reader)
            self.writers.append(writer)

    async def trickle(self) -> None:
        """A byte now and then for ever, as it is done so that no idle time-out helps."""
        while True:
            for writer in self.writers:
                writer.write(b"x")
            await asyncio.sleep(SHORT_S / 5)

    async def all_gone(self) -> None:
        """Return when the other side has ended every connection."""
        for reader in self.readers:
            with contextlib.suppress(ConnectionError):
                await reader.read()

    def close(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def slow_peers(port: int, said: bytes, *, trickling: bool = False) -> AsyncIterator[Slow]:
    slow = Slow()
    await slow.begin(port, said)
    task = asyncio.get_running_loop().create_task(slow.trickle()) if trickling else None
    try:
        yield slow
    finally:
        if task is not None:
            task.cancel()
        slow.close()


@pytest.mark.parametrize(
    ("kind", "said"),
    [("both", b""), ("both", b"GET /EVD-1 HTT"), ("both", HELLO), ("tls", b""), ("tls", HELLO)],
)
def test_handshakes_that_are_never_finished_let_the_real_station_in_and_end_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: bytes
) -> None:
    """At the port for ws and wss, and at that for wss only."""
    from forecourt.runtime.link import Links

    made = Links.__init__
    monkeypatch.setattr(Links, "__init__", lambda self, **more: made(self, **({"open_timeout_s": SHORT_S} | more)))

    async def scenario() -> None:
        async with running(data=tmp_path / "supervision", tls=TLS) as ours:
            security = ours.supervision.security
            assert security is not None
            port = ours.supervision.ocpp_port if kind == "both" else security.tls_port
            assert port is not None
            scheme = "ws" if kind == "both" else "wss"
            async with slow_peers(port, said) as slow:
                url = f"{scheme}://localhost:{port}"
                root = security.authority.root_pem
                async with standing(ours, tmp_path / "a", url=url, authorities=root, SecurityProfile="0"):
                    await connected(ours)
                    await slow.all_gone()
                    assert (await ours.get("/api/stations/EVD-1"))["connected"]

    play(scenario())


HEAD = b"POST /api/stations/EVD-1/badge HTTP/1.1\r\nHost: localhost\r\n"
REQUESTS = {
    "nothing": (b"", False),
    "half a head": (HEAD, True),
    "half a body": (HEAD + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{", True),
    "half a second request": (
        b"GET /schema HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEAD + b"Content-Length: 9999\r\n\r\n{",
        False,
    ),
}
"""What is sent at once, and whether a byte comes now and then."""


@pytest.mark.parametrize("side", ["station", "supervision"])
@pytest.mark.parametrize("said", REQUESTS)
def test_requests_that_are_never_finished_are_cut_off_and_others_are_answered_meanwhile(
    tmp_path: Path, said: str, side: str
) -> None:
    """At the control API of a station and at the API of the supervision."""

    async def scenario() -> None:
        async with running() as ours, standing(ours, tmp_path / "a") as here:
            await connected(ours)
            sent, trickling = REQUESTS[said]
            port = here.api_port if side == "station" else ours.supervision.http_port
            async with (
                slow_peers(port, sent, trickling=trickling) as slow,
                httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
            ):
                assert (await http.get("/api/stations/EVD-1")).status_code == 200
                await slow.all_gone()
                assert (await http.get("/api/stations/EVD-1")).status_code == 200

    play(scenario())


def test_request_whose_body_comes_slowly_but_surely_is_answered(tmp_path: Path) -> None:
    """A large one over a poor line is no attack."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(15):
            yield b" " * 1024
            await asyncio.sleep(SHORT_S / 10)
        yield b'{"idTag": "TAG"}'

    async def scenario() -> None:
        async with running() as ours, standing(ours, tmp_path / "a") as here:
            await connected(ours)
            async with httpx2.AsyncClient(base_url=here.api) as http:
                response = await http.post("/api/stations/EVD-1/badge", content=body())
                assert response.status_code in (200, 409), response.text

    play(scenario())


def test_event_stream_that_is_read_for_long_is_not_cut_off(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as ours, standing(ours, tmp_path / "a") as here:
            await connected(ours)
            async with (
                httpx2.AsyncClient(base_url=here.api) as http,
                http.stream("GET", "/api/stations/EVD-1/events", timeout=30) as stream,
            ):
                loop = asyncio.get_running_loop()
                until = loop.time() + 3 * SHORT_S
                async for _ in stream.aiter_lines():
                    if loop.time() > until:
                        break
                    await http.post("/api/stations/EVD-1/show", json={"connector": 1})
                    here.station.show_badge("TAG")
                    await asyncio.sleep(SHORT_S / 4)

    play(scenario())
