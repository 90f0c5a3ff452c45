"""Ports that take one security profile each, legacy TLS where it is asked for, and first certificates of stations."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from forecourt.supervision.server import NoTls, Supervision
from forecourt.supervision.server_security import TlsOptions
from tests.authorities import Authority
from tests.supervision_peers import BOOT, Peer, play, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.supervision_peers import Running

KEY = "0001020304050607FFFFFFFFFFFFFFFF"
SERIAL = "3N000001"
PASSWORD = {"Authorization": "Basic " + b64encode(b"EVD-1:" + bytes.fromhex(KEY)).decode()}
NOW = datetime.now(UTC)
VALID = (NOW - timedelta(days=1), NOW + timedelta(days=30))


class Factory:
    """A station's key, and the certificate that its manufacturer or the operator gave it, in files."""

    def __init__(self, folder: Path, serial_number: str = SERIAL) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.serial_number = serial_number
        self.key_file, self.file = folder / f"{serial_number}.key", folder / f"{serial_number}.pem"
        form = serialization.PrivateFormat.PKCS8
        pem = serialization.Encoding.PEM
        self.key_file.write_bytes(self.key.private_bytes(pem, form, serialization.NoEncryption()))

    def certified(self, by: Authority, organization: str = "Makers") -> Factory:
        leaf = by.issue(self.key.public_key(), common_name=self.serial_number, organization=organization, valid=VALID)
        self.file.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        return self

    def csr(self) -> str:
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, self.serial_number),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Forecourt"),
            ]
        )
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode()


def trusting(ours: Running, shown: Factory | None = None) -> ssl.SSLContext:
    assert ours.supervision.security is not None
    context = ssl.create_default_context(cadata=ours.supervision.security.authority.root_pem)
    if shown is not None:
        context.load_cert_chain(shown.file, shown.key_file)
    return context


@contextlib.asynccontextmanager
async def at(
    ours: Running, port: int, context: ssl.SSLContext | None = None, headers: dict[str, str] | None = None
) -> AsyncIterator[Peer]:
    """A station that is let in at a port."""
    url = f"{'ws' if context is None else 'wss'}://localhost:{port}/EVD-1"
    subprotocols = [Subprotocol("ocpp1.6")]
    peer = Peer(await connect(url, subprotocols=subprotocols, additional_headers=headers, ssl=context))
    try:
        yield peer
    finally:
        with contextlib.suppress(Exception):
            await peer.close()


async def status(*how: Any) -> int:
    """What the handshake is answered; 0 where it does not come to that."""
    try:
        async with at(*how):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code
    except (InvalidHandshake, ssl.SSLError, OSError, EOFError):
        return 0


@pytest.mark.requirement("WP-A00.FR.006")
def test_each_door_takes_its_own_security_profile_and_no_other(tmp_path: Path) -> None:
    works = Authority("Works", valid=VALID)
    roots = tmp_path / "works.pem"
    roots.write_text(works.pem)

    async def scenario() -> None:
        doors = [(0, profile) for profile in range(4)]
        async with running(tls=TlsOptions(), doors=doors, manufacturer=roots) as ours:
            rule = {"authorizationKey": KEY, "serialNumber": SERIAL, "securityProfile": None}
            station = Factory(tmp_path).certified(works)
            ways: dict[int, tuple[ssl.SSLContext | None, dict[str, str] | None]] = {
                0: (None, None),
                1: (None, PASSWORD),
                2: (trusting(ours), PASSWORD),
                3: (trusting(ours, station), None),
            }
            assert len({port for port, _ in ours.supervision.door_ports}) == 4
            for port, door in ours.supervision.door_ports:
                for profile, way in ways.items():
                    assert (
                        await ours.http.put("/api/stations/EVD-1", json=rule | {"securityProfile": profile})
                    ).status_code == 200
                    found = await status(ours, port, *way)
                    assert (found == 101) is (profile == door), (door, profile, found)
                # Expected of this station or not, the door decides.
                await ours.http.put("/api/stations/EVD-1", json=rule | {"securityProfile": door})
                assert await status(ours, port, *ways[(door + 1) % 4]) != 101
            found = await ours.get("/api/security-events?type=FailedToAuthenticateAtCentralSystem")
            assert any("This port takes security profile" in event["techInfo"] for event in found)

    play(scenario(), within_s=25)


def test_door_for_tls_needs_tls() -> None:
    async def scenario() -> None:
        with pytest.raises(NoTls, match="needs TLS"):
            await Supervision(ocpp_port=0, http_port=0, doors=[(0, 2)]).start()
        async with running(doors=[(0, 1)]) as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": KEY})
            ((port, _),) = ours.supervision.door_ports
            assert await status(ours, port, None, PASSWORD) == 101
            assert await status(ours, port) == 401

    play(scenario())


async def s_client(port: int, *options: str) -> str:
    """What `openssl s_client` says of a port."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode(errors="replace")


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-A00.FR.324")
def test_legacy_tls_is_off_until_asked_for_and_then_has_one_suite_that_newer_versions_do_not_get() -> None:
    async def scenario() -> None:
        old = ("-cipher", "ALL:@SECLEVEL=0")
        async with running(tls=TlsOptions(port=0)) as ours:
            for version in ("-tls1", "-tls1_1"):
                assert ours.supervision.security is not None
                for port in (ours.supervision.ocpp_port, ours.supervision.security.tls_port or 0):
                    assert "Cipher is (NONE)" in await s_client(port, version, *old)
        async with running(tls=TlsOptions(port=0, legacy=True)) as ours:
            security = ours.supervision.security
            assert security is not None
            for port in (ours.supervision.ocpp_port, security.tls_port or 0):
                for version, name in (("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1")):
                    said = await s_client(port, version, *old)
                    assert "Cipher is AES128-SHA\n" in said, said
                    assert f"Protocol  : {name}\n" in said, said
                    others = "ALL:!AES128-SHA:@SECLEVEL=0"
                    assert "Cipher is (NONE)" in await s_client(port, version, "-cipher", others)
                # A peer that knows TLS 1.2 does not get that suite, and one that knows both gets a new version.
                assert "Cipher is (NONE)" in await s_client(port, "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")
                assert "Protocol  : TLSv1.2\n" in await s_client(port, "-tls1_2")
                assert "New, TLSv1.3" in await s_client(port, *old)
                assert await status(ours, port, trusting(ours)) == 101
            assert await status(ours, ours.supervision.ocpp_port) == 101
            await security.renew()
            assert "Cipher is AES128-SHA\n" in await s_client(security.tls_port or 0, "-tls1", *old)

    play(scenario(), within_s=30)


@pytest.mark.requirement("WP-A00.FR.804", "WP-A00.FR.406")
def test_station_with_its_manufacturers_certificate_gets_the_operators_before_anything_else(tmp_path: Path) -> None:
    works = Authority("Works", valid=VALID)
    roots = tmp_path / "works.pem"
    roots.write_text(works.pem)

    async def scenario() -> None:
        async with running(data=tmp_path / "data", tls=TlsOptions(), manufacturer=roots) as ours:
            rule = {"securityProfile": 3, "serialNumber": SERIAL}
            await ours.http.put("/api/stations/EVD-1", json=rule)
            port = ours.supervision.ocpp_port
            # O is the operator's name: what counts is who has signed it.
            station = Factory(tmp_path).certified(works, "Forecourt")
            async with at(ours, port, trusting(ours, station)) as peer:
                boot = await peer.ask("BootNotification", BOOT | {"chargePointSerialNumber": SERIAL})
                assert boot["status"] == "Pending"
                refused = await peer.call("Authorize", {"idTag": "BADGE"})
                assert refused[2] == "SecurityError"
                call = await peer.answer({"status": "Accepted"})
                assert (call[2], call[3]["key"]) == ("ChangeConfiguration", "CpoName")
                call = await peer.answer({"status": "Accepted"})
                assert call[2:] == ["ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}]
                assert await peer.ask("SignCertificate", {"csr": station.csr()}) == {"status": "Accepted"}
                call = await peer.answer({"status": "Accepted"})
                assert call[2] == "CertificateSigned"
                await peer.socket.wait_closed()
                assert peer.socket.close_reason == "come with the new certificate"
            station.file.write_text(call[3]["certificateChain"])
            async with at(ours, port, trusting(ours, station)) as peer:
                boot = await peer.ask("BootNotification", BOOT | {"chargePointSerialNumber": SERIAL})
                assert boot["status"] == "Accepted"
                assert "idTagInfo" in await peer.ask("Authorize", {"idTag": "BADGE"})
                found = await ours.get("/api/stations/EVD-1/security-profile")
                assert (found["state"], found["step"]) == ("done", "certificate")
            # With the old one again it is Pending again, though it was Accepted before.
            async with at(ours, port, trusting(ours, station.certified(works))) as peer:
                refused = await peer.call("Authorize", {"idTag": "BADGE"})
                assert refused[2] == "SecurityError"
                await peer.answer({"status": "Accepted"})
                boot = await peer.ask("BootNotification", BOOT | {"chargePointSerialNumber": SERIAL})
                assert boot["status"] == "Pending"

    play(scenario(), within_s=25)


@pytest.mark.requirement("WP-A00.FR.804")
def test_manufacturers_certificate_is_refused_of_a_stranger_for_another_station_and_without_the_option(
    tmp_path: Path,
) -> None:
    works, strangers = Authority("Works", valid=VALID), Authority("Strangers", valid=VALID)
    roots = tmp_path / "works.pem"
    roots.write_text(works.pem)

    async def scenario() -> None:
        station, other = Factory(tmp_path).certified(works), Factory(tmp_path, "3N000002").certified(works)
        async with running(tls=TlsOptions(), manufacturer=roots) as ours:
            port = ours.supervision.ocpp_port
            assert await status(ours, port, trusting(ours, station)) == 403, "its serial number is not known"
            await ours.http.put("/api/stations/EVD-1", json={"serialNumber": SERIAL})
            assert await status(ours, port, trusting(ours, other)) == 403
            assert await status(ours, port, trusting(ours, station)) == 101
            assert await status(ours, port, trusting(ours, other.certified(strangers))) == 0
            found = await ours.get("/api/security-events?type=InvalidChargePointCertificate")
            assert any("a station whose serial number is known was expected" in event["techInfo"] for event in found)
        async with running(tls=TlsOptions()) as ours:
            await ours.http.put("/api/stations/EVD-1", json={"serialNumber": SERIAL})
            assert await status(ours, ours.supervision.ocpp_port, trusting(ours, station)) == 0

    play(scenario())


def test_first_certificate_that_the_station_refuses_to_replace_leaves_it_pending_with_a_reason(tmp_path: Path) -> None:
    works = Authority("Works", valid=VALID)
    roots = tmp_path / "works.pem"
    roots.write_text(works.pem)

    async def scenario() -> None:
        async with running(tls=TlsOptions(), manufacturer=roots) as ours:
            await ours.http.put("/api/stations/EVD-1", json={"serialNumber": SERIAL})
            station = Factory(tmp_path).certified(works)
            async with at(ours, ours.supervision.ocpp_port, trusting(ours, station)) as peer:
                assert (await peer.boot())["status"] == "Pending"
                await peer.answer({"status": "Rejected"})
                await peer.answer({"status": "Rejected"})
                found = await ours.until(
                    "/api/stations/EVD-1/security", lambda found: found["upgrade"] and found["upgrade"]["reason"]
                )
                assert "makes no signing request" in found["upgrade"]["reason"]
                assert (await peer.boot())["status"] == "Pending"

    play(scenario())
