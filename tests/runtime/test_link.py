"""The opening of links on real sockets: with our own other side, with the library's peers, and with raw bytes.

Every test runs on asyncio's loop and, where it exists, on uvloop.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest
from websockets import Subprotocol
from websockets.asyncio.client import connect as library_connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as library_serve

from forecourt.ocpp.address import authorization_password, station_url
from forecourt.runtime.link import Handshake, Links, Refuse, Welcome
from forecourt.runtime.ports import PortUnavailableError
from tests.link_peers import (
    CLOSE,
    OFFER,
    TEXT,
    UPGRADE,
    Owner,
    Raw,
    accepted,
    echo,
    frame,
    raw_station,
    raw_supervision,
    welcome_into,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"


# Opening.


@pytest.mark.requirement("J-3.1.1-2")
def test_station_asks_for_the_endpoint_a_slash_and_its_encoded_identity(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        request_line = ""

        async def behave(raw: Raw) -> None:
            nonlocal request_line
            request_line = (await raw.head()).splitlines()[0]

        async with raw_supervision(behave) as endpoint:
            owner = Owner()
            Links().connect(station_url(endpoint + "/ocppj", "RDAM 123"), owner, identity="RDAM 123")
            await owner.refusal()
        assert request_line == "GET /ocppj/RDAM%20123 HTTP/1.1"

    play(scenario())


@pytest.mark.requirement("J-3.1.1-3")
def test_supervision_decodes_the_last_segment_of_the_path(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        seen: list[Handshake] = []

        def decide(handshake: Handshake) -> Refuse:
            seen.append(handshake)
            return Refuse(503, "Not now.")

        links = Links()
        listener = await links.serve("127.0.0.1", 0, decide)
        for path in ("/RDAM%20123", "/ocppj/v16/RDAM%20123", "/a%2Fb%3F%C3%A9", "/CP1?token=x"):
            async with raw_station(listener.port, path, upgraded=False) as raw:
                assert (await raw.head()).startswith("HTTP/1.1 503 ")
        assert [handshake.identity for handshake in seen] == ["RDAM 123", "RDAM 123", "a/b?é", "CP1"]
        assert seen[3].path == "/CP1?token=x"
        await links.close()

    play(scenario())


@pytest.mark.requirement("J-3.1.2-1")
def test_both_sides_ask_for_and_agree_on_ocpp16(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        requests: list[str] = []

        async def behave(raw: Raw) -> None:
            requests.append(await raw.head())
            raw.write(accepted(requests[0]))
            await raw.rest()

        links = Links()
        async with raw_supervision(behave) as endpoint:
            owner = Owner()
            links.connect(endpoint + "/CP1", owner, identity="CP1")
            await owner.opened()
            await links.close(within_s=0.1)
        assert "Sec-WebSocket-Protocol: ocpp1.6\r\n" in requests[0]
        assert "Sec-WebSocket-Extensions" not in requests[0]

        listener = await links.serve("127.0.0.1", 0, welcome_into([]))
        offer = "Sec-WebSocket-Protocol: ocpp2.0.1, ocpp1.6\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
        async with raw_station(listener.port, more=offer, upgraded=False) as raw:
            head = await raw.head()
        assert head.startswith("HTTP/1.1 101 ")
        assert "Sec-WebSocket-Protocol: ocpp1.6\r\n" in head
        assert "Sec-WebSocket-Extensions" not in head
        await links.close()

    play(scenario())


@pytest.mark.requirement("J-3.2-2")
@pytest.mark.parametrize("offered", ["", "ocpp2.0.1", "ocpp1.5, x"])
def test_supervision_opens_without_a_common_subprotocol_and_closes_at_once(
    play: Callable[..., None], offered: str
) -> None:
    async def scenario() -> None:
        links = Links()
        owners: list[Owner] = []
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        offer = f"Sec-WebSocket-Protocol: {offered}\r\n" if offered else ""
        async with raw_station(listener.port, more=offer, upgraded=False) as raw:
            head = await raw.head()
            assert head.startswith("HTTP/1.1 101 ")
            assert "Sec-WebSocket-Protocol" not in head
            raw.write(frame(TEXT, b"[2]"))
            assert await raw.close_code() == 1002
            raw.write(frame(CLOSE, struct.pack("!H", 1002)))
            assert await raw.rest() == b""
        assert owners[0].link is None
        await links.close()

    play(scenario())


@pytest.mark.requirement("J-3.2-3")
@pytest.mark.parametrize("chosen", [None, "ocpp2.0.1"])
def test_station_closes_when_the_answer_is_without_ocpp16(play: Callable[..., None], chosen: str | None) -> None:
    async def scenario() -> None:
        after: list[bytes] = []

        async def behave(raw: Raw) -> None:
            raw.write(accepted(await raw.head(), chosen))
            if chosen is None:
                assert await raw.close_code() == 1002
                raw.write(frame(CLOSE, struct.pack("!H", 1002), masked=False))
                raw.writer.write_eof()
            after.append(await raw.rest())

        links = Links()
        async with raw_supervision(behave) as endpoint:
            owner = Owner()
            links.connect(endpoint + "/CP1", owner, identity="CP1")
            reason, status = await owner.refusal()
            while not after or len(links):
                await asyncio.sleep(0.001)
        assert after == [b""]
        assert f"ocpp1.6 (it chose {chosen or 'none'})" in reason
        assert status is None
        assert owner.link is None

    play(scenario())


@pytest.mark.requirement("J-3.2-1")
def test_supervision_answers_404_before_the_upgrade_when_it_does_not_know_the_identity(
    play: Callable[..., None],
) -> None:
    async def scenario() -> None:
        links = Links()
        listener = await links.serve("127.0.0.1", 0, lambda _: Refuse(404, "No such station."))
        async with raw_station(listener.port, upgraded=False) as raw:
            answer = (await raw.rest()).decode()
        assert answer.startswith("HTTP/1.1 404 Not Found\r\n")
        assert answer.endswith("No such station.\n")
        assert "Upgrade" not in answer
        owner = Owner()
        links.connect(f"ws://127.0.0.1:{listener.port}/CP1", owner, identity="CP1")
        reason, status = await owner.refusal()
        assert status == 404
        assert "'CP1' (HTTP 404)" in reason
        await links.close()

    play(scenario())


def test_supervision_answers_401_with_a_challenge_when_credentials_are_missing(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        def decide(handshake: Handshake) -> Welcome | Refuse:
            good = handshake.credentials is not None and handshake.credentials.password == bytes.fromhex(KEY)
            return Welcome(Owner()) if good else Refuse(401, "Say who you are.")

        links = Links()
        listener = await links.serve("127.0.0.1", 0, decide)
        async with raw_station(listener.port, upgraded=False) as raw:
            head = await raw.head()
        assert head.startswith("HTTP/1.1 401 Unauthorized\r\n")
        assert "WWW-Authenticate: Basic realm=" in head
        url = f"ws://127.0.0.1:{listener.port}/CP1"
        owner = Owner()
        links.connect(url, owner, identity="CP1", password=b"wrong")
        assert (await owner.refusal())[1] == 401
        owner = Owner()
        links.connect(url, owner, identity="CP1", password=authorization_password(KEY))
        await owner.opened()
        await links.close()

    play(scenario())


@pytest.mark.requirement("J-6.2.2-1", "WP-A00.FR.204", "WP-A00.FR.205")
def test_station_sends_the_decoded_key_with_its_plain_identity_as_user(play: Callable[..., None]) -> None:
    """The header of OCPP-J 6.2.2 to the letter, and an identity that the path has to encode."""

    async def scenario() -> None:
        headers: list[str] = []
        seen: list[Handshake] = []

        async def behave(raw: Raw) -> None:
            head = await raw.head()
            headers.extend(line for line in head.splitlines() if line.startswith("Authorization"))

        links = Links()
        async with raw_supervision(behave) as endpoint:
            for identity in ("AL1000", "RDAM 123"):
                owner = Owner()
                url = station_url(endpoint, identity)
                links.connect(url, owner, identity=identity, password=authorization_password(KEY))
                await owner.refusal()
        assert headers[0] == "Authorization: Basic QUwxMDAwOgABAgMEBQYH////////////////"
        assert b64decode(headers[1].split()[-1]) == b"RDAM 123:" + bytes.fromhex(KEY)

        def decide(handshake: Handshake) -> Refuse:
            seen.append(handshake)
            return Refuse(404, "No.")

        listener = await links.serve("127.0.0.1", 0, decide)
        async with raw_station(listener.port, "/AL1000", OFFER + headers[0] + "\r\n", upgraded=False) as raw:
            await raw.head()
        credentials = seen[0].credentials
        assert credentials is not None
        assert (credentials.user, credentials.password) == ("AL1000", bytes.fromhex(KEY))
        await links.close()

    play(scenario())


def test_station_sends_no_authorization_without_a_password(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        seen: list[Handshake] = []

        def decide(handshake: Handshake) -> Refuse:
            seen.append(handshake)
            return Refuse(404, "No.")

        links = Links()
        listener = await links.serve("127.0.0.1", 0, decide)
        owner = Owner()
        links.connect(f"ws://127.0.0.1:{listener.port}/CP1", owner, identity="CP1")
        await owner.refusal()
        assert seen[0].credentials is None
        assert seen[0].subprotocols == ("ocpp1.6",)
        assert seen[0].remote.startswith("127.0.0.1:")
        await links.close()

    play(scenario())


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("/", OFFER, 404),
        ("/ocpp/", OFFER, 404),
        ("/%FF", OFFER, 400),
        ("/CP1", "X: " + "y" * 9000 + "\r\n", 431),
        ("/CP1", "Sec-WebSocket-Protocol: ,;,\r\n", 400),
    ],
)
def test_supervision_refuses_an_upgrade_that_is_wrong_in_itself(
    play: Callable[..., None], path: str, more: str, status: int
) -> None:
    async def scenario() -> None:
        links = Links()
        owners: list[Owner] = []
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port, path, more, upgraded=False) as raw:
            assert (await raw.head()).startswith(f"HTTP/1.1 {status} ")
        assert not owners
        await links.close()

    play(scenario())


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET /CP1 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 426 "),
        ("POST /CP1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"HTTP/1.1 405 "),
        ("\x16\x03\x01\x02\x00\r\n\r\n", b""),
    ],
    ids=["browser", "post", "tls"],
)
def test_supervision_turns_away_what_is_no_station(play: Callable[..., None], request_text: str, status: bytes) -> None:
    async def scenario() -> None:
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into([]))
        raw = Raw(*await asyncio.open_connection("127.0.0.1", listener.port))
        raw.write(request_text.encode("latin-1"))
        assert (await raw.rest()).startswith(status)
        raw.writer.close()
        await links.close()

    play(scenario())


def test_supervision_drops_a_peer_that_does_not_finish_its_request(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        links = Links(open_timeout_s=0.05)
        listener = await links.serve("127.0.0.1", 0, welcome_into([]))
        raw = Raw(*await asyncio.open_connection("127.0.0.1", listener.port))
        raw.write(b"GET /CP1 HTTP/1.1\r\n")
        assert await raw.rest() == b""
        raw.writer.close()
        while len(links):
            await asyncio.sleep(0.001)
        listener.close()

    play(scenario())


def test_supervision_drops_a_station_that_closes_before_it_was_let_in(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        links = Links()
        owners: list[Owner] = []
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        raw = Raw(*await asyncio.open_connection("127.0.0.1", listener.port))
        raw.write(UPGRADE.format(path="/CP1", more=OFFER).encode() + frame(CLOSE, b""))
        assert await raw.rest() == b""
        assert not owners
        raw.writer.close()
        await links.close()

    play(scenario())


async def refusal_of(url: str, **options: float) -> tuple[str, int | None]:
    links = Links(**options)  # type: ignore[arg-type]
    owner = Owner()
    link = links.connect(url, owner, identity="CP1")
    told = await owner.refusal()
    assert not link.is_open
    while len(links):
        await asyncio.sleep(0.001)
    return told


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ws://name.invalid/CP1", "The host name name.invalid was not found"),
        ("ws://a..b/CP1", "The host name a..b was not found"),
        ("http://127.0.0.1/CP1", "The address 'http://127.0.0.1/CP1' cannot be used"),
        ("ws://127.0.0.1:99999/CP1", "The address 'ws://127.0.0.1:99999/CP1' cannot be used"),
    ],
)
def test_station_says_what_is_wrong_with_an_address(play: Callable[..., None], url: str, sentence: str) -> None:
    async def scenario() -> None:
        reason, status = await refusal_of(url)
        assert reason.startswith(sentence)
        assert reason.endswith(".")
        assert status is None

    play(scenario())


def test_station_says_when_nothing_listens(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            for host in ("127.0.0.1", "localhost"):
                reason, _ = await refusal_of(f"ws://{host}:{port}/CP1")
                assert reason.startswith(f"Nothing listens at {host}:{port} (connection refused)")

    play(scenario())


@pytest.mark.parametrize(
    ("answer", "sentence", "status"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "did not accept the credentials of 'CP1'", 401),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://other/\r\nContent-Length: 0\r\n\r\n", "ws://other/", 302),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "refused the connection (HTTP 503 Busy)", 503),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "does not answer as a WebSocket server does", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer as a WebSocket server does", None),
        (b"", "ended the connection before the WebSocket was open", None),
    ],
)
def test_station_says_what_the_supervision_answered(
    play: Callable[..., None], answer: bytes, sentence: str, status: int | None
) -> None:
    async def scenario() -> None:
        async def behave(raw: Raw) -> None:
            await raw.head()
            raw.write(answer)

        async with raw_supervision(behave) as endpoint:
            reason, told = await refusal_of(endpoint + "/CP1")
        assert sentence in reason
        assert endpoint.removeprefix("ws://") in reason
        assert told == status

    play(scenario())


def test_station_gives_up_a_supervision_that_never_answers(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        async def behave(raw: Raw) -> None:
            await raw.head()
            assert await raw.rest() == b""

        async with raw_supervision(behave) as endpoint:
            reason, status = await refusal_of(endpoint + "/CP1", open_timeout_s=0.05)
        assert reason.startswith("The connection did not open within 0.05 s")
        assert status is None

    play(scenario())


def test_station_that_aborts_while_connecting_is_told_so(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into([]))
        for turns in range(6):  # from before the socket to after the request
            owner = Owner()
            link = links.connect(f"ws://127.0.0.1:{listener.port}/CP1", owner, identity="CP1")
            for _ in range(turns):
                await asyncio.sleep(0)
            if owner.link is None:
                link.abort("The network was switched off.")
                assert await owner.refusal() == ("The network was switched off.", None)
        await links.close()
        assert len(links) == 0

    play(scenario())


def test_supervision_says_which_port_is_in_use(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into([]))
        with pytest.raises(PortUnavailableError, match=f"Port {listener.port} of 127.0.0.1 is already in use"):
            await links.serve("127.0.0.1", listener.port, welcome_into([]))
        await links.close()

    play(scenario())


# The library's own peers.


@pytest.mark.requirement("J-3-1")
def test_station_is_a_client_and_supervision_a_server_for_peers_of_another_make(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        async def behave(peer: ServerConnection) -> None:
            async for message in peer:
                await peer.send(message)

        links = Links()
        async with library_serve(behave, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            station = Owner()
            link = links.connect(f"ws://127.0.0.1:{port}/CP1", station, identity="CP1")
            await station.opened()
            link.send("[é]".encode())
            await station.until(lambda owner: owner.frames == ["[é]".encode()])
            link.close(1000, "Done.")
            assert await station.end() == (1000, "Done.")

        owners: list[Owner] = []
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners, echo))
        url = f"ws://127.0.0.1:{listener.port}/CP1"
        async with library_connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as peer:
            assert peer.subprotocol == "ocpp1.6"
            await peer.send("[é]")
            assert await peer.recv() == "[é]"
        assert await owners[0].end() == (1000, "")
        await links.close()

    play(scenario())
