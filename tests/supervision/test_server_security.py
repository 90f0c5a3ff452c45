"""Our own station and our own supervision together over real TLS: from profile 0 to 3 by one call of the API."""

from __future__ import annotations

import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from forecourt.evlink.keys import require_key
from forecourt.runtime.clock import Clock
from forecourt.runtime.host import Host
from forecourt.runtime.keys import Keys
from forecourt.runtime.link import Links
from forecourt.runtime.records import RecordStore
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.supervision.schema import CERTIFICATES
from forecourt.supervision.server_security import TlsOptions
from forecourt.supervision.signing_requests import SigningRefused, judge_request
from tests.both_sides import led_to
from tests.hosted_rig import NoChance
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from forecourt.runtime.hosted import HostedStation
    from tests.supervision_peers import Running

SERIAL = "3N000001"
ROOT_USE = "CentralSystemRootCertificate"


@asynccontextmanager
async def hosted(
    ours: Running, folder: Path, identity: str = "EVD-1", serial_number: str = SERIAL
) -> AsyncIterator[HostedStation]:
    """A station of the product at profile 0, as delivered: without password, root and certificate."""
    links = Links(close_timeout_s=0.5)
    records = RecordStore(folder / f"{identity}.sqlite")
    host = Host(Clock(1.0), links, records, chance=NoChance(), keys=Keys(folder / f"{identity}-keys"))
    url = f"ws://localhost:{ours.supervision.ocpp_port}"
    commissioning = Commissioning(identity, url, "EVD1S180THB", serial_number, "3.5.8803", "")
    settings = [(require_key("SecurityProfile"), "0"), (require_key("CpoName"), "Forecourt")]
    station = await host.add(commissioning, StationOptions(), settings)
    station.power(True)
    try:
        await ours.until("/api/stations", lambda found: any(one["identity"] == identity for one in found))
        await ours.until(f"/api/stations/{identity}", lambda found: found["connected"] and found["boot"])
        yield station
    finally:
        await host.stop()
        records.close()
        await links.close()


async def certificate_rows(ours: Running) -> Any:
    """What the supervision keeps of requests and certificates."""
    return await ours.supervision.store.read(lambda connection: connection.execute(CERTIFICATES.select()).all())


@pytest.mark.requirement("WP-A00.FR.001", "WP-A00.FR.301", "WP-A00.FR.303", "WP-A00.FR.415", "WP-A00.FR.401")
@pytest.mark.requirement("WP-A00.FR.402", "WP-A02.FR.01", "WP-A02.FR.04", "WP-A02.FR.11", "WP-A02.FR.13")
@pytest.mark.requirement("WP-A00.FR.506", "WP-A00.FR.507", "WP-A00.FR.509")
def test_our_station_is_led_from_profile_0_to_2_and_on_to_3_and_never_down_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path / "supervision", tls=TlsOptions()) as ours, hosted(ours, tmp_path):
            seen = []
            decide = ours.supervision._decide

            def watched(handshake: Any) -> Any:
                seen.append(handshake)
                return decide(handshake)

            assert ours.supervision.security is not None
            for listener in ours.supervision.security._listeners:
                listener._decide = watched
            security = await led_to(ours, 2)
            assert (security["connectedProfile"], security["authorizationKeySet"]) == (2, True)
            assert (seen[-1].secured, seen[-1].certificate) == (True, None)
            assert (seen[-1].credentials.user, len(seen[-1].credentials.password)) == ("EVD-1", 20)
            security = await led_to(ours, 3)
            assert (security["connectedProfile"], security["provenProfile"]) == (3, 3)
            assert (seen[-1].secured, seen[-1].credentials) == (True, None)
            leaf = x509.load_der_x509_certificate(seen[-1].certificate)
            assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == SERIAL
            assert leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Forecourt"
            (row,) = await ours.supervision.store.read(
                lambda connection: connection.execute(CERTIFICATES.select()).all()
            )
            assert f"{leaf.serial_number:X}" == row.serial
            assert row.csr.startswith("-----BEGIN CERTIFICATE REQUEST-----")
            request = x509.load_pem_x509_csr(row.csr.encode())
            assert isinstance(request.signature_hash_algorithm, hashes.SHA256)
            assert isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
            down = await ours.command("ChangeConfiguration", {"key": "SecurityProfile", "value": "2"})
            assert down.json() == {"status": "Rejected"}
            assert (await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 2})).status_code == 409

    play(scenario(), within_s=25)


@pytest.mark.requirement("WP-A00.FR.427", "WP-A00.FR.801", "WP-A00.FR.803")
def test_two_stations_get_certificates_of_their_own_and_neither_key_leaves_its_station(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running(data=tmp_path / "supervision", tls=TlsOptions()) as ours,
            hosted(ours, tmp_path),
            hosted(ours, tmp_path, "EVD-2", "3N000002"),
        ):
            await led_to(ours, 3)
            await led_to(ours, 3, "EVD-2")
            rows = await certificate_rows(ours)
            leaves = [x509.load_pem_x509_certificate(row.chain.encode()) for row in rows]
            assert len({leaf.public_key().public_bytes(*SPKI) for leaf in leaves}) == 2
            assert {row.identity for row in rows} == {"EVD-1", "EVD-2"}
            secrets = [
                serialization.load_pem_private_key(file.read_bytes(), None).private_bytes(*RAW)
                for name in ("EVD-1-keys", "EVD-2-keys")
                for file in (tmp_path / name).rglob("*")
                if file.is_file()
            ]
            assert len(secrets) == 2
        kept = b"".join(file.read_bytes() for file in (tmp_path / "supervision").iterdir() if file.is_file())
        for secret in secrets:
            body = secret.split(b"\n")[1]
            assert body not in kept
            assert b"BEGIN CERTIFICATE" in kept

    play(scenario(), within_s=25)


SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
RAW = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.requirement("WP-A00.FR.304", "WP-A00.FR.805", "WP-A01.FR.06")
def test_password_of_our_station_is_changed_by_one_call_and_it_comes_back_with_the_new_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path / "supervision", tls=TlsOptions()) as ours, hosted(ours, tmp_path):
            await led_to(ours, 2)
            before = ours.supervision.doors.expected("EVD-1").key
            since = (await ours.get("/api/stations/EVD-1"))["connectedSince"]
            assert (await ours.http.put("/api/stations/EVD-1/password")).json() == {"status": "Accepted"}
            await ours.until(
                "/api/stations/EVD-1", lambda found: found["connected"] and found["connectedSince"] != since
            )
            assert ours.supervision.doors.expected("EVD-1").key != before
            security = await ours.get("/api/stations/EVD-1/security")
            assert (security["connectedProfile"], security["passwordChanging"]) == (2, False)
            for value, status in (("AB" * 15, "Rejected"), ("AB" * 21, "Rejected"), ("xy" * 16, "Rejected")):
                response = await ours.command("ChangeConfiguration", {"key": "AuthorizationKey", "value": value})
                assert response.json() == {"status": status}

    play(scenario(), within_s=25)


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-A00.FR.501", "WP-A00.FR.502", "WP-A00.FR.503", "WP-A00.FR.504")
def test_weak_keys_and_sha1_are_refused_by_the_station_and_by_the_authority(tmp_path: Path) -> None:
    """Made by openssl: our own library does not even sign with SHA-1."""

    def made(*options: str) -> str:
        subject = ("-subj", f"/O=Forecourt/CN={SERIAL}", "-nodes", "-keyout", str(tmp_path / "weak.key"))
        done = subprocess.run(["openssl", "req", *options, *subject], capture_output=True, text=True, check=True)
        return done.stdout

    weak = {
        "2048 bits": ("-newkey", "rsa:1024", "-sha256"),
        "224 bits": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime192v1", "-sha256"),
        "SHA-256 or better": ("-newkey", "rsa:2048", "-sha1"),
    }
    for why, options in weak.items():
        with pytest.raises(SigningRefused, match=why):
            judge_request(made("-new", *options), SERIAL, "Forecourt")

    async def scenario() -> None:
        async with running() as ours, hosted(ours, tmp_path):
            for options in weak.values():
                root = {"certificateType": ROOT_USE, "certificate": made("-x509", *options)}
                assert (await ours.command("InstallCertificate", root)).json() == {"status": "Rejected"}, options
            good = {"certificateType": ROOT_USE, "certificate": made("-x509", "-newkey", "rsa:2048", "-sha256")}
            assert (await ours.command("InstallCertificate", good)).json() == {"status": "Accepted"}

    play(scenario(), within_s=25)
