"""The supervision over TLS, on real sockets: certificates made here, and `openssl s_client` as somebody else's peer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from forecourt.runtime.tls import client_context
from forecourt.supervision.server_authority import Authority
from forecourt.supervision.server_security import TlsOptions
from forecourt.supervision.server_tls import CIPHERS, server_context
from tests.both_sides import openssl_client
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.supervision_peers import Running

KEY = "0001020304050607FFFFFFFFFFFFFFFF"
SERIAL = "3N000001"
TLS = TlsOptions(port=0)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    """The authority of the supervision that keeps its data in this folder."""
    made = Authority(tmp_path, ("localhost", "127.0.0.1"), "Forecourt", time.time)
    yield made
    made.close()


class Identity:
    """A key of a station and its certificate, in files."""

    def __init__(self, folder: Path, common_name: str = SERIAL, organization: str = "Forecourt") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_file = folder / f"{common_name}-{organization}.key"
        form = serialization.PrivateFormat.PKCS8
        self.key_file.write_bytes(
            self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        )
        self.file = folder / f"{common_name}-{organization}.pem"
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            ]
        )
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.key, hashes.SHA256())
        self.csr = request.public_bytes(serialization.Encoding.PEM).decode()

    def signed(self, chain: str) -> Identity:
        self.file.write_text(chain)
        return self


def client(ours: Running, identity: Identity | None = None) -> ssl.SSLContext:
    """What a station checks the supervision with, and shows."""
    assert ours.supervision.security is not None
    context = ssl.create_default_context(cadata=ours.supervision.security.authority.root_pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if identity is not None:
        context.load_cert_chain(identity.file, identity.key_file)
    return context


def basic(user: str, password: bytes) -> dict[str, str]:
    from base64 import b64encode

    return {"Authorization": "Basic " + b64encode(user.encode() + b":" + password).decode()}


PASSWORD = basic("EVD-1", bytes.fromhex(KEY))


async def knock(
    ours: Running,
    context: ssl.SSLContext | None = None,
    headers: dict[str, str] | None = None,
    *,
    identity: str = "EVD-1",
    port: int | None = None,
    host: str = "localhost",
) -> int:
    """The HTTP status of a handshake."""
    scheme = "ws" if context is None else "wss"
    url = f"{scheme}://{host}:{port or ours.supervision.ocpp_port}/{identity}"
    try:
        async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=headers, ssl=context):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


def tls_port(ours: Running) -> int:
    assert ours.supervision.security is not None
    assert ours.supervision.security.tls_port is not None
    return ours.supervision.security.tls_port


async def events(ours: Running, kind: str) -> list[dict[str, Any]]:
    """The security events of a kind, as soon as there is one."""

    def there(found: Any) -> bool:
        return bool(found)

    found = await ours.until("/api/security-events", there, type=kind)
    assert isinstance(found, list)
    return found


@pytest.mark.requirement("WP-A00.FR.305", "WP-A00.FR.306", "WP-A00.FR.409", "WP-A00.FR.410")
def test_one_port_takes_ws_and_wss_and_the_other_only_wss(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            root = await ours.http.get("/api/authority")
            assert root.text.startswith("-----BEGIN CERTIFICATE-----")
            trusting = ssl.create_default_context(cadata=root.text)
            trusting.verify_flags |= ssl.VERIFY_X509_STRICT
            assert await knock(ours) == 101
            assert await knock(ours, trusting) == 101
            assert await knock(ours, trusting, port=tls_port(ours)) == 101
            assert await knock(ours, trusting, port=tls_port(ours), host="127.0.0.1") == 101
            with pytest.raises(Exception, match=r"did not receive a valid HTTP response|connection"):
                await knock(ours, port=tls_port(ours))

    play(scenario())


def test_station_that_trusts_somebody_else_opens_no_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            for context, host in (
                (ssl.create_default_context(), "localhost"),
                (client(ours), "127.0.0.2"),
            ):
                with pytest.raises((ssl.SSLCertVerificationError, OSError)):
                    await knock(ours, context, host=host)
            assert await ours.get("/api/stations") == []

    play(scenario())


@pytest.mark.requirement("WP-A00.FR.002", "WP-A00.FR.311", "WP-A00.FR.323")
def test_station_of_profile_2_is_refused_without_tls_or_password_and_that_is_logged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            rule = {"authorizationKey": KEY, "securityProfile": 2}
            assert (await ours.http.put("/api/stations/EVD-1", json=rule)).status_code == 200
            assert await knock(ours, client(ours), PASSWORD, port=tls_port(ours)) == 101
            assert await knock(ours, None, PASSWORD) == 403
            assert await knock(ours, client(ours)) == 401
            assert await knock(ours, client(ours), basic("EVD-1", b"wrong")) == 401
            found = await events(ours, "FailedToAuthenticateAtCentralSystem")
            assert {(event["identity"], event["source"]) for event in found} == {("EVD-1", "supervision")}
            security = await ours.get("/api/stations/EVD-1/security")
            assert (security["securityProfile"], security["provenProfile"]) == (2, 2)

    play(scenario())


@pytest.mark.requirement("WP-A05.FR.09")
def test_station_that_has_come_with_profile_2_is_refused_with_a_lower_one_also_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": KEY})
            assert await knock(ours, None, PASSWORD) == 101
            assert await knock(ours, client(ours), PASSWORD) == 101
            assert await knock(ours, None, PASSWORD) == 403
        async with running(data=tmp_path, tls=TLS) as ours:
            assert await knock(ours, None, PASSWORD) == 403
            assert await knock(ours, client(ours), PASSWORD) == 101

    play(scenario())


@pytest.mark.requirement("WP-A00.FR.403", "WP-A00.FR.404", "WP-A00.FR.405", "WP-A00.FR.407", "WP-A00.FR.408")
def test_station_of_profile_3_must_show_a_certificate_of_the_authority_with_its_name_in_it(
    tmp_path: Path, authority: Authority
) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            rule = {"securityProfile": 3, "serialNumber": SERIAL, "authorizationKey": KEY}
            await ours.http.put("/api/stations/EVD-1", json=rule)

            def shown(*names: str) -> ssl.SSLContext:
                identity = Identity(tmp_path, *names)
                return client(ours, identity.signed(authority.issue(identity.csr).chain))

            assert await knock(ours, shown()) == 101
            assert await knock(ours, client(ours)) == 403, "no certificate"
            assert await knock(ours, client(ours), PASSWORD) == 403, "a password in its place"
            assert await knock(ours, shown("3N000002")) == 403, "another station's"
            assert await knock(ours, shown("EVD-1")) == 403, "the identity in place of the serial number"
            assert await knock(ours, shown(SERIAL, "Other")) == 403, "another operator's"
            refused = await events(ours, "InvalidChargePointCertificate")
            assert {event["identity"] for event in refused} == {"EVD-1"}
            assert any("3N000001" in event["techInfo"] for event in refused)
            found = await ours.get("/api/stations/EVD-1/security")
            assert (found["provenProfile"], found["serialNumber"]) == (3, SERIAL)

    play(scenario())


@pytest.mark.requirement("WP-A00.FR.403", "WP-A00.FR.407", "WP-A00.FR.408")
@pytest.mark.parametrize("kind", ["foreign", "self-signed", "expired", "not yet valid"])
def test_client_certificate_that_hangs_on_no_trusted_authority_or_has_expired_ends_the_handshake(
    tmp_path: Path, authority: Authority, kind: str
) -> None:
    identity = Identity(tmp_path)
    if kind == "foreign":
        stranger = Authority(tmp_path / "stranger", ("localhost",), "Forecourt", time.time)
        identity.signed(stranger.issue(identity.csr).chain)
    elif kind in ("expired", "not yet valid"):
        days = -400 if kind == "expired" else 2
        then = Authority(tmp_path, ("localhost",), "Forecourt", lambda: time.time() + days * 86400)
        identity.signed(then.issue(identity.csr).chain)
    else:
        alone = Authority(tmp_path / "alone", ("localhost",), "Forecourt", time.time)
        alone._key = identity.key
        identity.signed(alone._make_root(identity.key).public_bytes(serialization.Encoding.PEM).decode())

    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            await ours.http.put("/api/stations/EVD-1", json={"securityProfile": 3, "serialNumber": SERIAL})
            with pytest.raises(Exception, match=r"(?i)certificate|alert|closed|valid HTTP|reset|eof"):
                await knock(ours, client(ours, identity))
            found = await events(ours, "InvalidChargePointCertificate")
            assert "The TLS handshake of 127.0.0.1:" in found[0]["techInfo"]
            assert not (await ours.get("/api/stations/EVD-1"))["connected"]

    play(scenario())


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-A00.FR.314", "WP-A00.FR.418")
@pytest.mark.requirement("WP-A00.FR.428")
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_peer_that_offers_only_an_old_tls_version_is_refused_and_that_is_logged(tmp_path: Path, version: str) -> None:
    """Also with the one suite the white paper leaves to legacy stations, which nobody has asked for here."""

    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            for suites in ("ALL:@SECLEVEL=0", "AES128-SHA:@SECLEVEL=0"):
                code, said = await openssl_client(tls_port(ours), version, "-cipher", suites)
                assert code != 0, said
                assert "Cipher is (NONE)" in said
                assert "alert protocol version" in said
            code, said = await openssl_client(tls_port(ours), "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")
            assert code != 0, said
            assert "Cipher is (NONE)" in said
            assert "alert handshake failure" in said
            found = await events(ours, "InvalidTLSVersion")
            assert found[0]["source"] == "supervision"

    play(scenario())


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-A00.FR.317", "WP-A00.FR.421")
def test_openssl_gets_each_of_the_four_suites_with_the_certificate_of_its_key_type(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            assert ours.supervision.security is not None
            root = tmp_path / "root.pem"
            root.write_text(ours.supervision.security.authority.root_pem)
            for suite in CIPHERS.split(":"):
                options = ("-tls1_2", "-cipher", suite, "-CAfile", str(root), "-x509_strict")
                code, said = await openssl_client(
                    tls_port(ours), *options, "-verify_return_error", "-verify_hostname", "localhost"
                )
                assert code == 0, said
                assert f"Cipher    : {suite}" in said
                assert "Verify return code: 0 (ok)" in said
                assert f"Server public key is {256 if 'ECDSA' in suite else 2048} bit" in said
            code, said = await openssl_client(tls_port(ours), "-tls1_3", "-CAfile", str(root), "-verify_return_error")
            assert code == 0, said
            assert "New, TLSv1.3" in said

    play(scenario())


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-A00.FR.321", "WP-A00.FR.425")
def test_peer_that_offers_only_other_suites_is_refused_and_that_is_logged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            weak = "NULL:aNULL:CAMELLIA:AES128-SHA:AES256-SHA256:DHE:ECDHE-RSA-AES128-SHA:PSK:@SECLEVEL=0"
            code, said = await openssl_client(tls_port(ours), "-tls1_2", "-cipher", weak)
            assert code != 0, said
            assert "Cipher is (NONE)" in said
            assert "alert handshake failure" in said
            found = await events(ours, "InvalidTLSCipherSuite")
            assert found[0]["identity"] is None

    play(scenario())


@pytest.mark.usefixtures("openssl")
def test_in_a_crowd_peers_are_refused_as_ever_but_not_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert takes a second descriptor, of which there may be none left."""
    monkeypatch.setattr("forecourt.supervision.server_tls.ALERTED_AT_ONCE", 0)

    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            code, said = await openssl_client(tls_port(ours), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
            assert code != 0, said
            assert "Cipher is (NONE)" in said
            assert "alert" not in said
            assert await events(ours, "InvalidTLSVersion")

    play(scenario())


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-A00.FR.320", "WP-A00.FR.424")
def test_tls_compression_is_off_also_for_a_peer_that_offers_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            code, said = await openssl_client(tls_port(ours), "-tls1_2", "-comp")
            assert code == 0
            assert "Compression: NONE" in said
            assert ours.supervision.security is not None
            for context in (ours.supervision.security.context, client_context()):
                assert context.options & ssl.OP_NO_COMPRESSION

    play(scenario())


@pytest.mark.requirement("WP-A00.FR.701")
def test_renewed_server_certificate_is_shown_to_the_next_station_while_others_stay(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            assert ours.supervision.security is not None
            context = client(ours)
            url = f"wss://localhost:{tls_port(ours)}/EVD-1"
            async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], ssl=context) as station:
                before = shown_to(station)
                assert lifetime_s(before) < 24 * 3600
                ours.supervision.security.authority._now = lambda: time.time() - 2 * 3600
                await ours.supervision.security.renew()
                ours.supervision.security.authority._now = time.time
                url = f"wss://localhost:{tls_port(ours)}/EVD-2"
                async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], ssl=context) as other:
                    assert shown_to(other) != before
                    assert lifetime_s(shown_to(other)) < 24 * 3600
                await station.send(json.dumps([2, "1", "Heartbeat", {}]))
                assert json.loads(await station.recv())[1] == "1"

    play(scenario())


def shown_to(station: Any) -> bytes:
    """The server's certificate that a peer was shown."""
    certificate = station.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert isinstance(certificate, bytes)
    return certificate


def lifetime_s(certificate: bytes) -> float:
    read = x509.load_der_x509_certificate(certificate)
    return (read.not_valid_after_utc - read.not_valid_before_utc).total_seconds()


def test_peers_that_say_nothing_or_go_away_before_they_are_greeted_harm_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TLS) as ours:
            writers = []
            for port in (ours.supervision.ocpp_port, tls_port(ours)):
                for _ in range(20):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writers.append(writer)
                for writer in writers[::2]:
                    writer.transport.abort()
            assert await knock(ours) == 101
            assert await knock(ours, client(ours), port=tls_port(ours)) == 101
            for writer in writers:
                writer.close()

    play(scenario())


def test_port_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    from forecourt.runtime.ports import PortUnavailableError
    from forecourt.supervision.server import Supervision

    async def scenario() -> None:
        async with running(data=tmp_path / "a", tls=TLS) as ours:
            options = TlsOptions(port=tls_port(ours))
            second = Supervision(ocpp_port=0, http_port=0, data=tmp_path / "b", tls=options)
            with pytest.raises(PortUnavailableError, match="already in use"):
                await second.start()

    play(scenario())


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    """A handshake in memory: the client's side of it. Raises `SSLError`."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    ours = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    for side in (ours, theirs) * 4:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return ours


@pytest.mark.requirement("WP-A00.FR.312", "WP-A00.FR.416", "WP-A00.FR.319", "WP-A00.FR.423")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize("suites", ["ALL:@SECLEVEL=0", "aNULL:NULL:@SECLEVEL=0"])
def test_neither_station_nor_supervision_agrees_on_an_old_version_or_a_weak_suite(
    authority: Authority, suites: str
) -> None:
    """The contexts that both really use, each against a peer that offers only that, and against each other."""
    station = client_context(authority.root_pem)
    supervision = server_context([authority.root_pem], authority.server_files())
    weak_server, weak_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    weak_server.load_cert_chain(*authority.server_files()[1])
    weak_client.check_hostname, weak_client.verify_mode = False, ssl.CERT_NONE
    old = suites.startswith("ALL")
    for context in (weak_server, weak_client):
        context.set_ciphers(suites)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1 if old else ssl.TLSVersion.TLSv1_2
    assert shake_hands(weak_client, weak_server).version() == ("TLSv1.1" if old else "TLSv1.2")
    with pytest.raises(ssl.SSLError):
        shake_hands(weak_client, supervision)
    with pytest.raises(ssl.SSLError):
        shake_hands(station, weak_server)
    assert shake_hands(station, supervision).version() == "TLSv1.3"
