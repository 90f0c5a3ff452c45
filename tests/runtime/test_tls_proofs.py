"""Profiles 2 and 3 of a station over real TLS: what it says, what it offers, what it checks, by what library."""

from __future__ import annotations

import ast
import asyncio
import ssl
import time
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import forecourt
from forecourt.runtime.keys import Keys
from forecourt.runtime.loop import run
from forecourt.runtime.tls import client_context, only_trusting
from forecourt.station.effects import OpenLink, SaveRecord
from forecourt.supervision.server_authority import Authority
from forecourt.supervision.server_tls import server_context
from tests.file_peers import scripted
from tests.hosted_rig import until
from tests.tls_rig import (
    KEY,
    ROOT,
    TlsRig,
    connected,
    give_certificate,
    openssl_server,
    openssl_serving,
    server_chain,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from forecourt.runtime.hosted import HostedStation

IDENTITY = "STATION 1"
PASSWORD = bytes.fromhex(KEY)
ECDSA_PAIR = {0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384"}
UNSUITABLE = {0x0001, 0x0002, 0x003B, 0x0004, 0x0005, 0x000A, 0x0016, 0xC007, 0xC008, 0xC011, 0xC012, 0x002F, 0x0035}
"""NULL, RC4 and 3DES suites, and those with SHA-1 and RSA key exchange."""
SUPPORTED_VERSIONS = 43


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stations come back after moments."""
    monkeypatch.setattr("forecourt.station.link.BACK_OFF_LEAST_S", 0.02)


def play(scenario: Coroutine[Any, Any, None], within_s: float = 25.0) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(within_s):
            await scenario

    run(bounded())


def problem(station: HostedStation) -> str:
    snapshot = station.snapshot()
    assert snapshot is not None
    return snapshot.link.problem


# What it says.


@pytest.mark.requirement("WP-A00.FR.302", "WP-A00.FR.004")
def test_station_of_profile_2_names_user_and_password_in_every_connection_request(tmp_path: Path) -> None:
    """From the first one on, which the installer's profile holds for already: after a close, a refusal, a power cut."""
    rig = TlsRig(server_chain(tmp_path, ROOT), tmp_path)

    async def scenario() -> None:
        async with rig:
            station = await rig.add(SecurityProfile="2")
            await until(lambda: rig.strict.links)
            rig.strict.links[-1].close(1001, "Restart.")
            await until(lambda: len(rig.strict.handshakes) == 2)
            rig.strict.refuses = 503
            await until(lambda: rig.strict.links)
            rig.strict.links[-1].close(1001, "Restart.")
            await until(lambda: len(rig.strict.handshakes) >= 5)
            rig.strict.refuses = None
            station.power(False)
            await until(lambda: station.seat.station is None)
            seen = len(rig.strict.handshakes)
            station.power(True)
            await until(lambda: len(rig.strict.handshakes) > seen)
        said = [(one.secured, one.certificate, one.credentials) for one in rig.strict.handshakes]
        assert len(said) >= 6
        for secured, certificate, credentials in said:
            assert (secured, certificate) == (True, None)
            assert credentials is not None
            assert (credentials.user, credentials.password) == (IDENTITY, PASSWORD)

    play(scenario())


@pytest.mark.requirement("WP-A00.FR.004")
@pytest.mark.parametrize("profile", ["0", "1"])
def test_first_connection_of_a_station_is_made_with_the_profile_the_installer_has_set(
    tmp_path: Path, profile: str
) -> None:
    """Though it was delivered with a key, which makes 1 of it where nobody says otherwise."""
    rig = TlsRig(server_chain(tmp_path, ROOT))

    async def scenario() -> None:
        async with rig:
            plain = await rig.links.serve("127.0.0.1", 0, rig.strict.decide)
            rig.url = f"ws://127.0.0.1:{plain.port}"
            await rig.add(SecurityProfile=profile)
            await until(lambda: rig.strict.handshakes)
            first = rig.strict.handshakes[0]
            assert not first.secured
            assert (first.credentials is None) == (profile == "0")

    play(scenario())


# What it offers.


class Hello(NamedTuple):
    """What a ClientHello offers."""

    suites: list[int]
    compressions: bytes
    versions: list[int]


def read_hello(record: bytes) -> Hello:
    """RFC 8446, 4.1.2 and 4.2.1."""
    assert record[0] == 0x16
    assert record[5] == 1
    at = 5 + 4 + 2 + 32
    at += 1 + record[at]
    length = int.from_bytes(record[at : at + 2], "big")
    suites = record[at + 2 : at + 2 + length]
    at += 2 + length
    compressions = record[at + 1 : at + 1 + record[at]]
    at += 1 + record[at] + 2
    versions: list[int] = []
    while at < len(record):
        kind, size = int.from_bytes(record[at : at + 2], "big"), int.from_bytes(record[at + 2 : at + 4], "big")
        if kind == SUPPORTED_VERSIONS:
            body = record[at + 5 : at + 4 + size]
            versions = [int.from_bytes(body[place : place + 2], "big") for place in range(0, len(body), 2)]
        at += 4 + size
    return Hello(
        [int.from_bytes(suites[place : place + 2], "big") for place in range(0, length, 2)], compressions, versions
    )


@pytest.mark.requirement("WP-A00.FR.318", "WP-A00.FR.422", "WP-A00.FR.320", "WP-A00.FR.424")
@pytest.mark.parametrize("profile", ["2", "3"])
def test_station_offers_both_ecdsa_suites_no_compression_and_no_version_below_1_2(tmp_path: Path, profile: str) -> None:
    """As the bytes of its ClientHello say; under profile 3 with the certificate and the root that it was given."""
    hellos: list[Hello] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        hellos.append(read_hello(head + await reader.readexactly(int.from_bytes(head[3:5], "big"))))

    async def scenario() -> None:
        rig = TlsRig(server_chain(tmp_path, ROOT), tmp_path)
        async with scripted(listen) as port, connected(rig):
            if profile == "3":
                await give_certificate(rig)
            await rig.host.stop()
            rig.host = rig.make_host()
            rig.url = f"wss://127.0.0.1:{port}"
            await rig.add(SecurityProfile=profile)
            await until(lambda: hellos)

    play(scenario())
    hello = hellos[0]
    assert set(ECDSA_PAIR) <= set(hello.suites)
    assert not UNSUITABLE & set(hello.suites)
    assert hello.compressions == b"\0"
    assert set(hello.versions) == {0x0303, 0x0304}


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-A00.FR.318", "WP-A00.FR.422")
@pytest.mark.parametrize("profile", ["2", "3"])
@pytest.mark.parametrize("suite", ECDSA_PAIR.values())
def test_openssl_with_only_one_of_the_two_suites_is_asked_for_a_websocket(
    tmp_path: Path, suite: str, profile: str
) -> None:
    """The request comes through, with a password under profile 2 only."""

    async def scenario() -> None:
        options = ("-tls1_2", "-cipher", suite)
        rig = TlsRig(server_chain(tmp_path, ROOT))
        async with openssl_serving(server_chain(tmp_path, ROOT), *options) as server, rig:
            rig.url = f"wss://127.0.0.1:{server.port}"
            await rig.add(SecurityProfile=profile)
            said = await server.until(b"Sec-WebSocket-Protocol: ocpp1.6")
            assert f"CIPHER is {suite}".encode() in said
            await server.until(b"\r\n\r\n")
            assert (b"Authorization: Basic " in server.said) == (profile == "2")

    play(scenario())


# What it checks.


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("GUIDE-SEC-06", "WP-A00.FR.309", "WP-A00.FR.413")
@pytest.mark.parametrize("profile", ["2", "3"])
def test_openssl_with_a_self_signed_certificate_gets_no_request_and_the_event_is_noted(
    tmp_path: Path, profile: str
) -> None:
    async def scenario() -> None:
        file = tmp_path / "self.pem"
        await _made_by_openssl(file)
        rig = TlsRig(server_chain(tmp_path, ROOT))
        async with openssl_serving(file, "-tls1_3") as server, rig:
            rig.url = f"wss://127.0.0.1:{server.port}"
            saved: list[bytes] = []
            station = await rig.add(SecurityProfile=profile)
            station.seat.listen(lambda what, at: saved.append(what.data) if isinstance(what, SaveRecord) else None)
            await until(lambda: any(b"InvalidCentralSystemCertificate" in data for data in saved))
            assert "self-signed" in problem(station)
            assert b"GET " not in await server.end()

    play(scenario())


async def _made_by_openssl(file: Path) -> None:
    """A self-signed certificate for 127.0.0.1 and its key."""
    made = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *(
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(file),
            "-out",
            f"{file}.c",
        ),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    file.write_bytes(file.read_bytes() + Path(f"{file}.c").read_bytes())


@pytest.mark.usefixtures("openssl")
def test_server_that_wants_to_negotiate_anew_is_not_followed(tmp_path: Path) -> None:
    async def scenario() -> None:
        rig = TlsRig(server_chain(tmp_path, ROOT))
        async with openssl_serving(server_chain(tmp_path, ROOT), "-tls1_2") as server, rig:
            rig.url = f"wss://127.0.0.1:{server.port}"
            await rig.add(SecurityProfile="2")
            said = await server.until(b"Sec-WebSocket-Version: 13\r\n")
            assert b"Secure Renegotiation IS supported" in said
            server.type(b"r\n")
            await server.until(b"no renegotiation")

    play(scenario())


# By what.


@pytest.mark.requirement("WP-A00.FR.316", "WP-A00.FR.420")
def test_tls_of_both_sides_is_that_of_the_standard_library_and_nothing_of_it_is_changed(tmp_path: Path) -> None:
    """No other implementation is installed with the product, and no class of `ssl` is derived from or assigned to."""
    authority = Authority(tmp_path, ("localhost",), "Forecourt", time.time)
    of_supervision = server_context([authority.root_pem], authority.server_files())
    opened = OpenLink("wss://there/CP", "CP", None, (ROOT.pem,))
    of_station = Keys().context("CP", opened)
    for context in (client_context(), only_trusting((ROOT.pem,)), of_station, of_supervision):
        assert type(context) is ssl.SSLContext
        assert context.sslobject_class is ssl.SSLObject
        assert context.sslsocket_class is ssl.SSLSocket
        assert context.options & ssl.OP_NO_COMPRESSION
    others = {"pyopenssl", "tlslite-ng", "tlslite", "m2crypto", "python-mbedtls", "wolfssl", "pywolfssl"}
    assert not others & {name.split(">")[0].split("=")[0].strip().lower() for name in requires("forecourt") or ()}
    for file in Path(forecourt.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            bases = node.bases if isinstance(node, ast.ClassDef) else []
            targets = node.targets if isinstance(node, ast.Assign) else []
            for expression in (*bases, *targets):
                assert not ast.unparse(expression).startswith("ssl."), f"{file}: {ast.unparse(expression)}"


@pytest.mark.usefixtures("openssl")
def test_rig_of_these_tests_tells_an_untrusted_server(tmp_path: Path) -> None:
    """The control: with a certificate of nobody the request does not come."""

    async def scenario() -> None:
        rig = TlsRig(server_chain(tmp_path, ROOT))
        async with openssl_server(tmp_path) as port, rig:
            rig.url = f"wss://127.0.0.1:{port}"
            station = await rig.add(SecurityProfile="2")
            await until(lambda: "certificate" in problem(station))

    play(scenario())
