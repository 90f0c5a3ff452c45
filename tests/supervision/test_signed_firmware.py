"""Signed firmware, logs and root certificates by one call each: by a peer, and with our own station over HTTPS."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.evlink.keys import require_key
from forecourt.runtime.clock import Clock
from forecourt.runtime.files import Files
from forecourt.runtime.host import Host
from forecourt.runtime.keys import Keys
from forecourt.runtime.link import Links
from forecourt.runtime.records import RecordStore
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.supervision.server_security import TlsOptions
from tests.firmware_signing import CODE_SIGNING, Manufacturer, Signer
from tests.hosted_rig import NoChance
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.supervision_peers import Peer, Running

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
VALID = (NOW - DAY, NOW + DAY)
WORKS, STRANGERS = Manufacturer("Works", until=NOW + 30 * DAY), Manufacturer("Strangers", until=NOW + 30 * DAY)
SIGNER = WORKS.issue(valid=VALID)
IMAGE = encode_image(Product.PRO_DC_180, "3.6.0", b"what is installed" * 50)


def roots_in(folder: Path) -> Path:
    file = folder / "works.pem"
    file.write_text(WORKS.pem)
    return file


def signature(signer: Signer = SIGNER, data: bytes = IMAGE) -> dict[str, str]:
    return {"signature": signer.sign(data), "signingCertificate": signer.pem}


def of_operator(ours: Running, folder: Path) -> Signer:
    """What the root of the supervision itself would certify."""
    assert ours.supervision.security is not None
    root = x509.load_pem_x509_certificate(ours.supervision.security.authority.root_pem.encode())
    root_key: Any = serialization.load_pem_private_key((folder / "authority" / "root.key").read_bytes(), None)
    key = SIGNER.key
    built = x509.CertificateBuilder().subject_name(SIGNER.certificate.subject).issuer_name(root.subject)
    built = built.public_key(key.public_key()).serial_number(x509.random_serial_number())
    built = built.not_valid_before(VALID[0]).not_valid_after(VALID[1])
    for extension, is_critical in CODE_SIGNING:
        built = built.add_extension(extension, critical=is_critical)
    certificate = built.sign(root_key, hashes.SHA256())
    certificate.verify_directly_issued_by(root)
    return Signer(key, certificate)


async def ordered(ours: Running, peer: Peer, **order: Any) -> Any:
    """SignedUpdateFirmware as a station gets it for this order."""
    told = asyncio.create_task(peer.answer({"status": "Accepted"}))
    response = await ours.http.post("/api/stations/EVD-1/firmware", json={"file": "new.bin", "signed": True} | order)
    assert response.status_code == 202, response.text
    call = await told
    assert call[2] == "SignedUpdateFirmware"
    return call[3]


@pytest.mark.requirement("WP-L01.FR.08")
def test_signed_firmware_is_sent_with_what_is_kept_beside_it_and_over_https(tmp_path: Path) -> None:
    async def scenario() -> None:
        options: dict[str, Any] = {"tls": TlsOptions(), "files_port": 0, "ftp_port": 0, "files_tls_port": 0}
        async with running(manufacturer=roots_in(tmp_path), **options) as ours, ours.station() as peer:
            put = (await ours.http.put("/api/files/new.bin", content=IMAGE)).json()
            assert put["signed"] is False
            refused = await ours.http.post("/api/stations/EVD-1/firmware", json={"file": "new.bin", "signed": True})
            assert (refused.status_code, "has no signature here" in refused.json()["error"]) == (409, True)
            beside = signature()
            kept = await ours.http.put("/api/files/new.bin/signature", json=beside)
            assert (kept.status_code, kept.json()["signed"]) == (201, True)
            asked = await ordered(ours, peer)
            assert asked["firmware"]["signature"] == beside["signature"]
            assert asked["firmware"]["signingCertificate"] == SIGNER.pem
            assert asked["firmware"]["location"].startswith("https://localhost:")
            assert asked["firmware"]["location"].endswith("/files/new.bin")
            again = await ordered(ours, peer, protocol="http", installDate="2027-01-01T00:00:00Z")
            assert again["firmware"]["location"].startswith("http://127.0.0.1:")
            assert again["firmware"]["installDateTime"] == "2027-01-01T00:00:00Z"
            assert again["requestId"] != asked["requestId"]
            plain = await ours.http.post(
                "/api/stations/EVD-1/firmware", json={"file": "new.bin", "installDate": "2027-01-01T00:00:00Z"}
            )
            assert plain.status_code == 400
            await ours.http.delete("/api/files/new.bin")
            await ours.http.put("/api/files/new.bin", content=IMAGE)
            assert [file["signed"] for file in await ours.get("/api/files")] == [False]
            assert peer.calls.empty()
        async with (
            running(manufacturer=tmp_path / "works.pem", files_port=0, ftp_port=0) as ours,
            ours.station() as peer,
        ):
            await ours.http.put("/api/files/new.bin", content=IMAGE)
            await ours.http.put("/api/files/new.bin/signature", json=signature())
            assert (await ordered(ours, peer))["firmware"]["location"].startswith("http://")

    play(scenario())


@pytest.mark.requirement("WP-A00.FR.706", "WP-A00.FR.603")
def test_nothing_is_sent_whose_signature_or_certificate_is_not_the_manufacturers(tmp_path: Path) -> None:
    """Also not what the operator's own root has certified, which stations trust for another purpose."""

    async def scenario() -> None:
        options: dict[str, Any] = {"tls": TlsOptions(), "files_port": 0}
        async with running(manufacturer=roots_in(tmp_path), data=tmp_path, **options) as ours, ours.station() as peer:
            await ours.http.put("/api/files/new.bin", content=IMAGE)
            past = WORKS.issue("past", valid=(NOW - 9 * DAY, NOW - DAY))
            wrong = {
                "issued by one of 1 installed": signature(STRANGERS.issue(valid=VALID)),
                "over the whole file": signature(data=IMAGE[:-1]),
                "that is valid now": signature(past),
                "in base64": signature() | {"signature": "no!"},
                "ManufacturerRootCertificates, came another": signature(of_operator(ours, tmp_path)),
            }
            path = "/api/stations/EVD-1/commands/SignedUpdateFirmware"
            (location,) = (await ours.get("/api/files"))[0]["locations"]
            for sentence, beside in wrong.items():
                response = await ours.http.put("/api/files/new.bin/signature", json=beside)
                assert (response.status_code, sentence in response.json()["error"]) == (409, True), response.text
                firmware = {"location": location, "retrieveDateTime": "2026-01-01T00:00:00Z"} | beside
                response = await ours.http.post(path, json={"requestId": 1, "firmware": firmware})
                assert (response.status_code, sentence in response.json()["error"]) == (409, True), response.text
            for elsewhere in ("https://files.example/new.bin", location + "?", f"{location}/other", "https://["):
                firmware = {"location": elsewhere, "retrieveDateTime": "2026-01-01T00:00:00Z"} | signature()
                response = await ours.http.post(path, json={"requestId": 1, "firmware": firmware})
                assert (response.status_code, "file of GET" in response.json()["error"]) == (409, True), elsewhere
            # What was right once is looked at again.
            assert (await ours.http.put("/api/files/new.bin/signature", json=signature())).status_code == 201
            (tmp_path / "files" / "new.bin").write_bytes(IMAGE + b"?")
            response = await ours.http.post("/api/stations/EVD-1/firmware", json={"file": "new.bin", "signed": True})
            assert (response.status_code, "over the whole file" in response.json()["error"]) == (409, True)
            assert peer.calls.empty()
            (tmp_path / "files" / "new.bin").write_bytes(IMAGE)
            told = asyncio.create_task(peer.answer({"status": "Accepted"}))
            firmware = {"location": location, "retrieveDateTime": "2026-01-01T00:00:00Z"} | signature()
            response = await ours.http.post(path, json={"requestId": 1, "firmware": firmware})
            assert (response.status_code, (await told)[3]["requestId"]) == (200, 1)
        async with running(files_port=0) as ours, ours.station():
            await ours.http.put("/api/files/new.bin", content=IMAGE)
            response = await ours.http.put("/api/files/new.bin/signature", json=signature())
            assert (response.status_code, "--manufacturer-authority" in response.json()["error"]) == (409, True)
            assert (await ours.http.put("/api/files/none/signature", json=signature())).status_code == 409

    play(scenario())


ROOTS = {
    "CentralSystemRootCertificate": [
        {"hashAlgorithm": "SHA384", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "0A1b"}
    ],
    "ManufacturerRootCertificate": [
        {"hashAlgorithm": "SHA512", "issuerNameHash": "cc", "issuerKeyHash": "dd", "serialNumber": "17"},
        {"hashAlgorithm": "SHA256", "issuerNameHash": "ee", "issuerKeyHash": "ff", "serialNumber": "18"},
        {"hashAlgorithm": "SHA256", "issuerNameHash": "ee", "issuerKeyHash": "00", "serialNumber": "18"},
    ],
}


def installed(action: str, payload: dict[str, Any]) -> dict[str, Any]:
    assert action == "GetInstalledCertificateIds"
    return {"status": "Accepted", "certificateHashData": ROOTS[payload["certificateType"]]}


@pytest.mark.requirement("WP-M04.FR.07")
@pytest.mark.parametrize(
    ("serial", "named"),
    [("a1B", ROOTS["CentralSystemRootCertificate"][0]), ("017", ROOTS["ManufacturerRootCertificate"][0])],
)
def test_root_is_deleted_by_the_hashes_and_the_algorithm_it_was_named_with(serial: str, named: dict[str, str]) -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as peer:
            listing = asyncio.create_task(ours.http.get("/api/stations/EVD-1/installed-certificates"))
            for _ in ROOTS:
                await peer.answer_by(installed)
            found = (await listing).json()
            assert [one["hashAlgorithm"] for one in found] == ["SHA384", "SHA512", "SHA256", "SHA256"]
            deleting = asyncio.create_task(ours.http.delete(f"/api/stations/EVD-1/installed-certificates/{serial}"))
            for _ in ROOTS:
                await peer.answer_by(installed)
            call = await peer.answer({"status": "Accepted"})
            assert call[2:] == ["DeleteCertificate", {"certificateHashData": named}]
            assert (await deleting).json() == {"status": "Accepted"}

    play(scenario())


def test_root_that_is_not_there_or_not_the_only_one_of_its_number_is_not_deleted() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as peer:
            for serial, status in (("99", 404), ("18", 409), ("none", 404)):
                deleting = asyncio.create_task(ours.http.delete(f"/api/stations/EVD-1/installed-certificates/{serial}"))
                for _ in ROOTS:
                    await peer.answer_by(installed)
                assert (await deleting).status_code == status
            deleting = asyncio.create_task(ours.http.delete("/api/stations/EVD-1/installed-certificates/17"))
            await peer.answer(error=("NotSupported", "no"))
            assert (await deleting).status_code == 502
            assert peer.calls.empty()
            for path in ("installed-certificates", "log"):
                assert (await ours.http.post(f"/api/stations/EVD-2/{path}")).status_code == 404

    play(scenario())


def test_roots_of_the_supervision_and_of_the_manufacturer_are_installed_by_one_call(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = "/api/stations/EVD-1/installed-certificates"
        async with running(tls=TlsOptions(), manufacturer=roots_in(tmp_path)) as ours, ours.station() as peer:
            root = (await ours.http.get("/api/authority")).text
            for use, pem in (("CentralSystemRootCertificate", root), ("ManufacturerRootCertificate", WORKS.pem)):
                told = asyncio.create_task(peer.answer({"status": "Accepted"}))
                response = await ours.http.post(path, json={"certificateType": use})
                assert response.json() == {"status": "Accepted"}
                assert (await told)[3] == {"certificateType": use, "certificate": pem}
        async with running() as ours, ours.station() as peer:
            for use in ROOTS:
                assert (await ours.http.post(path, json={"certificateType": use})).status_code == 409
            told = asyncio.create_task(peer.answer({"status": "Rejected"}))
            given = {"certificateType": "ManufacturerRootCertificate", "certificate": "PEM"}
            assert (await ours.http.post(path, json=given)).json() == {"status": "Rejected"}
            assert (await told)[3] == given

    play(scenario())


def test_log_that_is_refused_leaves_no_permission_to_upload_and_one_accepted_lands_here(tmp_path: Path) -> None:
    import httpx2

    async def scenario() -> None:
        async with running(data=tmp_path, files_port=0) as ours, ours.station() as peer, httpx2.AsyncClient() as http:
            path, order = "/api/stations/EVD-1/log", {"logType": "SecurityLog", "retries": 2}
            assert (await ours.http.post(path, json={"logType": "None"})).status_code == 400
            told = asyncio.create_task(peer.answer({"status": "Rejected"}))
            assert (await ours.http.post(path, json=order)).json()["state"] == "failed"
            location = (await told)[3]["log"]["remoteLocation"]
            assert (await http.put(f"{location}/log.zip", content=b"log")).status_code == 404
            told = asyncio.create_task(peer.answer({"status": "Accepted", "filename": "log.zip"}))
            response = await ours.http.post(path, json=order | {"oldestTimestamp": "2026-01-01T00:00:00Z"})
            asked = (await told)[3]
            assert (asked["logType"], asked["retries"]) == ("SecurityLog", 2)
            assert asked["log"]["oldestTimestamp"] == "2026-01-01T00:00:00Z"
            assert (await http.put(f"{asked['log']['remoteLocation']}/log.zip", content=b"log")).status_code == 201
            status = {"status": "Uploaded", "requestId": asked["requestId"]}
            assert await peer.ask("LogStatusNotification", status) == {}
            found = await ours.until(response.headers["location"], lambda found: found["state"] == "done")
            assert found["upload"]["path"] == "/api/uploads/EVD-1/log.zip"

    play(scenario())


@pytest.mark.requirement("WP-L01.FR.08")
def test_our_station_fetches_signed_firmware_over_https_and_judges_it_as_the_supervision_did(tmp_path: Path) -> None:
    async def scenario() -> None:
        links = Links(close_timeout_s=0.5)
        records = RecordStore(tmp_path / "records.sqlite")
        host = Host(Clock(60.0), links, records, chance=NoChance(), keys=Keys(tmp_path / "keys"), files=Files())
        options: dict[str, Any] = {"tls": TlsOptions(), "files_port": 0, "files_tls_port": 0}
        async with running(data=tmp_path / "data", manufacturer=roots_in(tmp_path), **options) as ours:
            url = f"ws://localhost:{ours.supervision.ocpp_port}"
            commissioning = Commissioning("EVD-1", url, "EVD1S180THB", "3N000001", "3.5.8803", "")
            station = await host.add(commissioning, StationOptions(), [(require_key("SecurityProfile"), "0")])
            station.power(True)
            try:
                await ours.until("/api/stations", lambda found: found and found[0]["connected"])
                await ours.until("/api/stations/EVD-1", lambda found: found["boot"])
                for use in ROOTS:
                    path = "/api/stations/EVD-1/installed-certificates"
                    response = await ours.http.post(path, json={"certificateType": use})
                    assert response.json() == {"status": "Accepted"}
                await ours.http.put("/api/files/new.bin", content=IMAGE)
                assert (await ours.http.put("/api/files/new.bin/signature", json=signature())).status_code == 201
                order = {"file": "new.bin", "signed": True}
                response = await ours.http.post("/api/stations/EVD-1/firmware", json=order)
                assert response.json()["request"]["firmware"]["location"].startswith("https://localhost:")
                found = await ours.until(
                    response.headers["location"],
                    lambda found: any(one["status"] == "SignatureVerified" for one in found["followUps"]),
                )
                assert [one["status"] for one in found["followUps"]][:3] == [
                    "Downloading",
                    "Downloaded",
                    "SignatureVerified",
                ]
                found = (await ours.http.get("/api/stations/EVD-1/security")).json()
                assert found["warning"] is None
            finally:
                await host.stop()
                records.close()
                await links.close()

    play(scenario(), within_s=25)
