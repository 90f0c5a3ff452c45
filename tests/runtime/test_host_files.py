"""Hosted stations that move files: from the request of a supervision to the bytes, over real sockets."""

from __future__ import annotations

import io
import ssl
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trustme

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.models import find_model
from forecourt.runtime.files import Files
from forecourt.runtime.station_log import StationLog
from tests.file_peers import ENCODED, PASSWORD, USER, ftp_server, hearing, http_server
from tests.hosted_rig import Rig, until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from forecourt.runtime.hosted import HostedStation
    from tests.file_peers import HttpServer

    Play = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def carrier(authority: trustme.CA) -> Files:
    """Trusts the authority of the servers."""
    return Files(authority.cert_pem.bytes().decode())


@pytest.fixture
def secured(authority: trustme.CA) -> Iterator[HttpServer]:
    """A server of HTTPS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with http_server(context) as server:
        yield server


@pytest.fixture
def plain() -> Iterator[HttpServer]:
    """A server of HTTP."""
    with http_server() as server:
        yield server


def statuses(rig: Rig, kind: str) -> list[str]:
    return [payload["status"] for payload in rig.supervision.payloads(f"{kind}StatusNotification")]


def clock_s(station: HostedStation) -> float:
    snapshot = station.snapshot()
    assert snapshot is not None
    return snapshot.clock.timestamp()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.requirement("GUIDE-FILE-01", "OCPP-5.9-2", "OCPP-5.9-3", "OCPP-4.4-1", "OCPP-8-1", "OCPP-8-2")
def test_diagnostics_are_uploaded_by_the_scheme_of_the_address(
    play: Play, tmp_path: Path, carrier: Files, plain: HttpServer, secured: HttpServer
) -> None:
    """The same archive goes to a server of FTP (user, password and port in the address), of HTTP and of HTTPS."""

    async def scenario() -> None:
        for server in (plain, secured):
            server.routes["*"] = lambda handler, _: handler.answer(201)
        with ftp_server(tmp_path) as ftp:
            for folder in (f"ftp://{ENCODED}@{ftp}/", f"{plain.address}/in/", f"{secured.address}/in"):
                async with Rig(files=carrier, log=StationLog()) as rig:
                    await rig.station()
                    answer = await rig.supervision.call("GetDiagnostics", {"location": folder})
                    await until(lambda rig=rig: statuses(rig, "Diagnostics")[1:])  # type: ignore[misc]
                    assert statuses(rig, "Diagnostics") == ["Uploading", "Uploaded"]
                if folder.startswith("ftp"):
                    sent = [(each.name, each.read_bytes()) for each in tmp_path.iterdir()]
                else:
                    requests = (plain if folder.startswith("http:") else secured).requests
                    assert [each.method for each in requests] == ["PUT"]
                    sent = [(each.path.removeprefix("/in/"), each.body) for each in requests]
                ((name, data),) = sent
                assert answer == {"fileName": name}
                assert {"station.json", "configuration.json", "connectors.json", "log.jsonl"} <= set(members(data))

    play(scenario())


@pytest.mark.requirement("WP-N01-note-1")
def test_logs_go_over_passive_ftp_with_user_password_and_port_of_the_location(
    play: Play, tmp_path: Path, carrier: Files
) -> None:
    """As the server of another make hears it: who logs in at its port, and no PORT or EPRT among all commands."""
    heard: list[tuple[str, str]] = []

    async def scenario() -> None:
        with ftp_server(tmp_path, handler=hearing(heard)) as ftp:
            async with Rig(files=carrier, log=StationLog()) as rig:
                await rig.station()
                for number, kind in enumerate(("SecurityLog", "DiagnosticsLog")):
                    heard.clear()
                    log = {"remoteLocation": f"ftp://{ENCODED}@{ftp}/"}
                    asked = {"logType": kind, "requestId": number, "log": log}
                    answer = await rig.supervision.call("GetLog", asked)
                    await until(lambda number=number: statuses(rig, "Log").count("Uploaded") > number)  # type: ignore[misc]
                    assert (tmp_path / answer["filename"]).stat().st_size > 0
                    assert ("USER", USER) in heard
                    assert ("PASS", PASSWORD) in heard
                    commands = {command for command, _ in heard}
                    assert commands & {"PASV", "EPSV"}
                    assert not commands & {"PORT", "EPRT"}
                log = {"remoteLocation": f"ftp://{ENCODED.replace('%40', '')}@{ftp}/"}
                await rig.supervision.call("GetLog", {"logType": "SecurityLog", "requestId": 9, "log": log})
                await until(lambda: statuses(rig, "Log")[-1] == "PermissionDenied")

    play(scenario())


def test_the_archive_holds_the_log_of_the_time_asked_for_and_no_secret(
    play: Play, tmp_path: Path, carrier: Files
) -> None:
    """Half of the session lies before startTime; the address of the upload itself has user and password in it."""

    async def scenario() -> None:
        key = "0123456789abcdef0123456789abcdef01234567"
        with ftp_server(tmp_path) as ftp:
            async with Rig(files=carrier, log=StationLog(tmp_path / "log.jsonl")) as rig:
                station = await rig.station()
                await rig.supervision.call("ChangeConfiguration", {"key": "AuthorizationKey", "value": key})
                station.show_badge("EARLY")
                start_s = clock_s(station) + 1.0
                await until(lambda: clock_s(station) > start_s)
                await rig.charge(station)
                folder = f"ftp://{ENCODED}@{ftp}/"
                start = datetime.fromtimestamp(start_s, UTC).isoformat()
                answer = await rig.supervision.call("GetDiagnostics", {"location": folder, "startTime": start})
                await until(lambda: "Uploaded" in statuses(rig, "Diagnostics"))
        parts = members((tmp_path / answer["fileName"]).read_bytes())
        log = [msgspec.json.decode(line) for line in parts["log.jsonl"].splitlines()]
        assert ("BadgeShown", '{"idTag":"TAG"}') in {(line["kind"], line["text"]) for line in log}
        assert "EARLY" not in parts["log.jsonl"].decode()
        assert any("GetDiagnostics" in line["text"] for line in log)
        assert [line["time"] for line in log] == sorted(line["time"] for line in log)
        whole = b"".join(parts.values()).decode() + (tmp_path / "log.jsonl").read_text()
        assert key not in whole
        assert PASSWORD not in whole
        assert ENCODED not in whole

    play(scenario())


@pytest.mark.requirement("OCPP-5.9-3", "OCPP-5.9-4", "OCPP-4.4-1")
def test_an_upload_that_is_refused_is_tried_again_as_often_as_asked_and_then_told_as_failed(
    play: Play, carrier: Files, plain: HttpServer
) -> None:
    async def scenario() -> None:
        plain.routes["*"] = lambda handler, _: handler.answer(401)
        async with Rig(files=carrier) as rig:
            station = await rig.station()
            lines: list[str] = []
            station.seat.listen(lambda what, now: lines.append(repr(what)))
            request = {"location": f"{plain.address.replace('//', '//bob:s3cret@')}/", "retries": 2, "retryInterval": 5}
            await rig.supervision.call("GetDiagnostics", request)
            await until(lambda: "UploadFailed" in statuses(rig, "Diagnostics"))
            assert statuses(rig, "Diagnostics") == ["Uploading", "UploadFailed"]
            assert len(plain.requests) == 3
            told = [line for line in lines if line.startswith("LogEvent")]
            assert any("answers with status 401" in line for line in told)
            assert not any("s3cret" in line for line in told)

    play(scenario())


def test_a_station_that_loses_power_in_an_upload_comes_back_and_tells_that_it_failed(
    play: Play, carrier: Files, plain: HttpServer
) -> None:
    async def scenario() -> None:
        plain.routes["*"] = plain.hold
        async with Rig(speed=600.0, files=carrier) as rig:
            station = await rig.station()
            await rig.supervision.call("GetDiagnostics", {"location": plain.address})
            await until(lambda: plain.requests)
            station.power(False)
            await until(lambda: station.brain() is None)
            assert station.seat.transfers is None
            station.power(True)
            await until(lambda: "UploadFailed" in statuses(rig, "Diagnostics"))
            assert statuses(rig, "Diagnostics") == ["Uploading", "UploadFailed"]

    play(scenario())


@pytest.mark.requirement("GUIDE-FILE-02", "OCPP-8-1", "OCPP-8-2")
def test_firmware_is_downloaded_by_the_scheme_of_the_address_and_installed(
    play: Play, tmp_path: Path, carrier: Files, plain: HttpServer, secured: HttpServer
) -> None:
    """Each server has a version of its own, and the station that rebooted shows which one came."""
    product = find_model("EVD1S180THB").product

    async def scenario() -> None:
        (tmp_path / "3.6.1").write_bytes(encode_image(product, "3.6.1", bytes(100_000)))
        plain.serve("/fw/3.6.2", encode_image(product, "3.6.2", bytes(100_000)))
        secured.serve("/fw/3.6.3", encode_image(product, "3.6.3", bytes(100_000)))
        with ftp_server(tmp_path) as ftp:
            for folder, version in (
                (f"ftp://{ENCODED}@{ftp}", "3.6.1"),
                (f"{plain.address}/fw", "3.6.2"),
                (f"{secured.address}/fw", "3.6.3"),
            ):
                async with Rig(speed=600.0, files=carrier) as rig:
                    await rig.station()
                    request = {"location": f"{folder}/{version}", "retrieveDate": "2020-01-01T00:00:00Z"}
                    assert await rig.supervision.call("UpdateFirmware", request) == {}
                    await until(lambda rig=rig: "Installed" in statuses(rig, "Firmware"))  # type: ignore[misc]
                    expected = ["Downloading", "Downloaded", "Installing", "Installed"]
                    assert statuses(rig, "Firmware") == expected
                    boots = rig.supervision.payloads("BootNotification")
                    assert [boot["firmwareVersion"] for boot in boots] == ["3.5.8803", version]

    play(scenario())


def test_firmware_from_a_server_whose_certificate_is_not_trusted_is_not_downloaded(
    play: Play, secured: HttpServer
) -> None:
    async def scenario() -> None:
        async with Rig(speed=600.0) as rig:
            station = await rig.station()
            lines: list[str] = []
            station.seat.listen(lambda what, now: lines.append(repr(what)))
            request = {"location": f"{secured.address}/fw", "retrieveDate": "2020-01-01T00:00:00Z", "retries": 0}
            await rig.supervision.call("UpdateFirmware", request)
            await until(lambda: "DownloadFailed" in statuses(rig, "Firmware"))
            assert any("is not trusted" in line for line in lines if line.startswith("LogEvent"))
            assert secured.requests == []
            assert station.commissioning.firmware_version == "3.5.8803"

    play(scenario())
