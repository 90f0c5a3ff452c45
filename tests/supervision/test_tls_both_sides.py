"""Our own station and our own supervision over real TLS: what both check, renewals, and where secrets stay."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from forecourt.ocpp.actions import ACTIONS
from forecourt.station.security_events import EVENTS
from forecourt.supervision.schema import CERTIFICATES
from forecourt.supervision.server_security import TlsOptions
from tests.both_sides import connected, found, led_to, openssl_client, standing, whole_api
from tests.hosted_rig import until
from tests.supervision_peers import play, running
from tests.tls_rig import openssl_server

if TYPE_CHECKING:
    from pathlib import Path

    from forecourt.runtime.hosted import HostedStation
    from tests.supervision_peers import Running

KEY = "0123456789abcdef0123456789abcdef01234567"
OTHER = "99" * 20
TLS = TlsOptions(port=0)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stations come back after moments."""
    monkeypatch.setattr("forecourt.station.link.BACK_OFF_LEAST_S", 0.05)


def secure(ours: Running) -> str:
    """The address of the port for TLS only."""
    assert ours.supervision.security is not None
    return f"wss://localhost:{ours.supervision.security.tls_port}"


def root_of(ours: Running) -> str:
    assert ours.supervision.security is not None
    return ours.supervision.security.authority.root_pem


def problem(station: HostedStation) -> str:
    snapshot = station.snapshot()
    assert snapshot is not None
    return snapshot.link.problem


async def messages(ours: Running) -> Any:
    """The latest frames of the station."""
    return await ours.get("/api/stations/EVD-1/messages", limit=500)


@pytest.mark.requirement("GUIDE-SEC-04")
def test_station_and_supervision_of_profile_2_each_check_the_other(tmp_path: Path) -> None:
    """TLS with a trusted certificate and the right password: without either of both nobody gets in."""

    async def scenario() -> None:
        async with running(data=tmp_path / "supervision", tls=TLS) as ours:
            rule = {"authorizationKey": KEY, "securityProfile": 2}
            assert (await ours.http.put("/api/stations/EVD-1", json=rule)).status_code == 200
            stranger = trustme.CA().cert_pem.bytes().decode()
            options: dict[str, Any] = {"url": secure(ours), "SecurityProfile": "2"}
            async with standing(ours, tmp_path / "a", key=KEY, authorities=stranger, **options) as here:
                await until(lambda: "certificate" in problem(here.station))
                assert not here.is_connected
            async with standing(ours, tmp_path / "b", key=OTHER, authorities=root_of(ours), **options) as here:
                await until(lambda: "HTTP 401" in problem(here.station))
                assert not here.is_connected
            async with standing(ours, tmp_path / "c", key=KEY, authorities=root_of(ours), **options):
                await connected(ours)
                security = await ours.get("/api/stations/EVD-1/security")
                assert (security["connectedProfile"], security["provenProfile"]) == (2, 2)

    play(scenario(), within_s=40)


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-A00.FR.313", "WP-A00.FR.417")
@pytest.mark.parametrize("profile", [2, 3])
def test_station_and_supervision_each_refuse_a_peer_with_an_older_tls_version_and_go_on_with_each_other(
    tmp_path: Path, profile: int
) -> None:
    async def scenario() -> None:
        async with (
            running(data=tmp_path / "supervision", tls=TLS) as ours,
            openssl_server(tmp_path, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0") as old,
        ):
            assert ours.supervision.security is not None
            port = ours.supervision.security.tls_port
            assert port is not None
            async with standing(ours, tmp_path / "a", SecurityProfile="0"):
                await connected(ours)
                assert (await led_to(ours, profile))["connectedProfile"] == profile
            async with standing(ours, tmp_path / "a", url=f"wss://localhost:{old}") as here:
                await until(lambda: "No TLS connection" in problem(here.station))
            code, said = await openssl_client(port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
            assert code != 0
            assert "Cipher is (NONE)" in said
            (event,) = await found(ours, "/api/security-events", type="InvalidTLSVersion")
            assert event["source"] == "supervision"
            async with standing(ours, tmp_path / "a"):
                await connected(ours)
                told = await found(ours, "/api/security-events", type="InvalidTLSVersion", station="EVD-1")
                assert told[0]["source"] == "station"
                assert (await ours.get("/api/stations/EVD-1/security"))["connectedProfile"] == profile

    play(scenario(), within_s=40)


@pytest.mark.requirement("WP-A03.FR.04", "WP-A03.FR.11")
def test_renewal_that_the_station_begins_is_accepted_and_signed_by_the_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first certificate has less than a month to live; nobody triggers the second."""

    monkeypatch.setattr("forecourt.supervision.server_authority.STATION_DAYS", 20)

    async def scenario() -> None:
        async with running(data=tmp_path / "supervision", tls=TLS) as ours:
            async with standing(ours, tmp_path / "a", SecurityProfile="0"):
                await connected(ours)
                await led_to(ours, 3)
                await ours.until(
                    "/api/stations/EVD-1/security",
                    lambda found: [one["state"] for one in found["certificates"]] == ["installed", "installed"],
                )
            frames = [json.loads(one["frame"]) for one in await messages(ours)]
            asked = [frame[1] for frame in frames if frame[0] == 2 and frame[2] == "SignCertificate"]
            assert len(asked) == 2
            assert [frame[2] for frame in frames if frame[0] == 3 and frame[1] in asked] == [{"status": "Accepted"}] * 2
            commands = await ours.get("/api/stations/EVD-1/commands")
            assert [one["action"] for one in commands].count("ExtendedTriggerMessage") == 1
            rows = await ours.supervision.store.read(lambda connection: connection.execute(CERTIFICATES.select()).all())
            assert len(rows) == 2
            leaves = [x509.load_pem_x509_certificate(row.chain.encode()) for row in rows]
            root = x509.load_pem_x509_certificate(root_of(ours).encode())
            for row, leaf in zip(rows, leaves, strict=True):
                leaf.verify_directly_issued_by(root)
                assert x509.load_pem_x509_csr(row.csr.encode()).public_key() == leaf.public_key()
            assert leaves[0].public_key() != leaves[1].public_key()

    play(scenario(), within_s=40)


@pytest.mark.requirement("WP-A00.FR.602")
def test_root_key_of_the_supervision_is_its_owners_only_and_shows_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in what it logs, shows, keeps besides or says to a station while that gets a root and a certificate."""

    async def scenario() -> None:
        async with (
            running(data=tmp_path / "supervision", tls=TLS) as ours,
            standing(ours, tmp_path / "station", SecurityProfile="0"),
        ):
            await connected(ours)
            await led_to(ours, 3)
            shown = await whole_api(ours)
        said = capfd.readouterr()
        file = tmp_path / "supervision" / "authority" / "root.key"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        for secret in forms_of(file.read_bytes()):
            for place in (shown, said.out, said.err):
                assert secret not in place.encode()
            others = [one for one in tmp_path.rglob("*") if one.is_file() and one != file]
            assert len(others) > 8
            for other in others:
                assert secret not in other.read_bytes(), other
        assert "CERTIFICATE" in shown

    play(scenario(), within_s=40)


def forms_of(pem: bytes) -> list[bytes]:
    """How a private key may show: a line of its PEM, its DER, the bare number in bytes and in hex digits."""
    key: Any = serialization.load_pem_private_key(pem, None)
    number = key.private_numbers().private_value
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return [pem.split(b"\n")[1], der, number.to_bytes(32, "big"), f"{number:064x}".encode(), f"{number:064X}".encode()]


@pytest.mark.requirement("WP-A01.FR.10", "WP-A01.FR.01")
def test_password_of_the_station_is_in_files_of_its_owner_only_and_outlives_the_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path / "supervision", tls=TLS) as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": KEY, "securityProfile": 2})
            options: dict[str, Any] = {"url": secure(ours), "authorities": root_of(ours)}
            async with standing(ours, tmp_path / "station", key=KEY, SecurityProfile="2", **options):
                since = (await connected(ours))["connectedSince"]
                change = {"key": "AuthorizationKey", "value": OTHER}
                assert (await ours.command("ChangeConfiguration", change)).json() == {"status": "Accepted"}
                await ours.until(
                    "/api/stations/EVD-1", lambda found: found["connected"] and found["connectedSince"] != since
                )
            async with standing(ours, tmp_path / "station", key=KEY, **options):
                await connected(ours)
            files = [file for file in (tmp_path / "station").rglob("*") if file.is_file()]
            holding = [file for file in files if OTHER.encode() in file.read_bytes()]
            assert {file.name.partition("-")[0].partition(".")[0] for file in holding} == {"records"}
            for file in files:
                assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file

    play(scenario(), within_s=40)


WHITE_PAPER = {
    "CertificateSigned": "supervision",
    "DeleteCertificate": "supervision",
    "ExtendedTriggerMessage": "supervision",
    "GetInstalledCertificateIds": "supervision",
    "GetLog": "supervision",
    "InstallCertificate": "supervision",
    "SignedUpdateFirmware": "supervision",
    "LogStatusNotification": "station",
    "SecurityEventNotification": "station",
    "SignCertificate": "station",
    "SignedFirmwareStatusNotification": "station",
}
"""The messages of the white paper, by who sends them."""


@pytest.mark.requirement("GUIDE-CYB-01")
def test_station_and_supervision_do_for_security_what_the_white_paper_has(tmp_path: Path) -> None:
    """Each of its messages is understood by the side that gets it, its profiles are gone through, its events are known.

    Of the station's own messages those that a session without firmware brings about are seen answered.
    """
    asked: dict[str, dict[str, Any]] = {
        "GetInstalledCertificateIds": {"certificateType": "ManufacturerRootCertificate"},
        "GetLog": {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "http://127.0.0.1:9/"}},
        "CertificateSigned": {"certificateChain": "none"},
        "DeleteCertificate": {
            "certificateHashData": {
                "hashAlgorithm": "SHA256",
                "issuerNameHash": "0" * 64,
                "issuerKeyHash": "0" * 64,
                "serialNumber": "1",
            }
        },
        "InstallCertificate": {"certificateType": "ManufacturerRootCertificate", "certificate": "none"},
        "ExtendedTriggerMessage": {"requestedMessage": "FirmwareStatusNotification"},
        "SignedUpdateFirmware": {
            "requestId": 2,
            "firmware": {
                "location": "http://127.0.0.1:9/x",
                "retrieveDateTime": "2026-01-01T00:00:00Z",
                "signingCertificate": "none",
                "signature": "none",
            },
        },
    }
    statuses = {
        "GetInstalledCertificateIds": "NotFound",
        "GetLog": "Accepted",
        "CertificateSigned": "Rejected",
        "DeleteCertificate": "NotFound",
        "InstallCertificate": "Rejected",
        "ExtendedTriggerMessage": "Accepted",
        "SignedUpdateFirmware": "InvalidCertificate",
    }
    assert set(asked) == {name for name, sender in WHITE_PAPER.items() if sender == "supervision"}
    assert set(WHITE_PAPER) <= set(ACTIONS)
    assert len(EVENTS) == 18

    async def scenario() -> None:
        async with (
            running(data=tmp_path / "supervision", tls=TLS) as ours,
            standing(ours, tmp_path / "station", SecurityProfile="0"),
        ):
            await connected(ours)
            for profile in (1, 2, 3):
                assert (await led_to(ours, profile))["connectedProfile"] == profile
            for action, payload in asked.items():
                answer = await ours.command(action, payload)
                assert answer.json()["status"] == statuses[action], (action, answer.text)
            said: set[str] = set()
            while not {name for name, sender in WHITE_PAPER.items() if sender == "station"} <= said:
                frames = [json.loads(one["frame"]) for one in await messages(ours)]
                answered = {frame[1] for frame in frames if frame[0] == 3}
                said = {frame[2] for frame in frames if frame[0] == 2 and frame[1] in answered}

    play(scenario(), within_s=40)
