"""SignedUpdateFirmware: from the certificate to the first boot of the new version, in virtual time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.ocpp.security_extension import (
    Firmware,
    SignedUpdateFirmwareRequest,
    SignedUpdateFirmwareResponse,
    UpdateFirmwareStatus,
)
from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import FetchFile, LogEvent, Reboot
from forecourt.station.events import TransferProblem
from forecourt.station.firmware import ASSUMED_INSTALL_S, ASSUMED_NOTICE_S
from forecourt.station.uploads import DEFAULT_RETRIES
from forecourt.supervision.outcomes import Answered
from forecourt.world.wire import RECEIVED
from forecourt.world.world import START, World
from tests.firmware_signing import DAY, Manufacturer, Signer

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation

URL = "https://files.example/firmware.bin"
ACTION = "SignedFirmwareStatusNotification"
SECURITY = "SecurityEventNotification"
OLD, NEW = "3.5.8803", "3.6.0"
IMAGE = encode_image(Product.PRO_DC_180, NEW, b"what is installed" * 50)
WORKS = Manufacturer()
SIGNER = WORKS.issue()
TO_VERIFIED = ["Downloading", "Downloaded", "SignatureVerified"]
WHOLE = [*TO_VERIFIED, "Installing", "InstallRebooting", "Installed"]
UPDATE_S = ASSUMED_INSTALL_S + ASSUMED_NOTICE_S + 120.0
"""A whole update of an idle station, reboot included."""


def at(seconds: float) -> str:
    """A moment of the world as text."""
    return (START + timedelta(seconds=seconds)).isoformat()


def install_root(central: ScriptedSupervision, root: Manufacturer = WORKS) -> None:
    request = {"certificateType": "ManufacturerRootCertificate", "certificate": root.pem}
    assert central.ask("InstallCertificate", request) == {"status": "Accepted"}


@pytest.fixture(autouse=True)
def _ready(request: pytest.FixtureRequest) -> None:
    """There is an image to be had in whichever world the test uses, and `station` trusts the manufacturer."""
    for name in ("world", "site"):
        if name in request.fixturenames:
            request.getfixturevalue(name).files.served[URL] = IMAGE
    if {"station", "central"} <= set(request.fixturenames):
        request.getfixturevalue("station")
        install_root(request.getfixturevalue("central"))


def signed(
    data: bytes = IMAGE, signer: Signer = SIGNER, *, url: str = URL, when: str = at(0), request: int = 7, **fields: Any
) -> dict[str, Any]:
    """A request; `install` is its installDateTime, `signature` another than that of the data, the rest is besides."""
    firmware = {
        "location": url,
        "retrieveDateTime": when,
        "signingCertificate": signer.pem,
        "signature": fields.pop("signature", None) or signer.sign(data),
    }
    if "install" in fields:
        firmware["installDateTime"] = fields.pop("install")
    return {"requestId": request, "firmware": firmware, **fields}


def update(central: ScriptedSupervision, *args: Any, **fields: Any) -> str:
    return str(central.ask("SignedUpdateFirmware", signed(*args, **fields))["status"])


def told(station: SimulatedStation) -> list[str]:
    return [payload["status"] for payload in station.wire.payloads(ACTION)]


def told_of(station: SimulatedStation, request: int) -> list[str]:
    return [payload["status"] for payload in station.wire.payloads(ACTION) if payload.get("requestId") == request]


def versions(station: SimulatedStation) -> list[str]:
    return [payload["firmwareVersion"] for payload in station.wire.payloads("BootNotification")]


def fetches(station: SimulatedStation) -> list[FetchFile]:
    return [effect for effect in station.effects if isinstance(effect, FetchFile)]


def events(station: SimulatedStation, kind: str) -> list[str]:
    return [payload["techInfo"] for payload in station.wire.payloads(SECURITY) if payload["type"] == kind]


def statuses(station: SimulatedStation) -> tuple[str, ...]:
    return tuple(station.status(number) for number in (0, 1, 2))


def lines(station: SimulatedStation, name: str) -> list[str]:
    return [line.detail for line in station.log if line.name == name]


def triggered(world: World, central: ScriptedSupervision, station: SimulatedStation) -> dict[str, Any]:
    """What is told for ExtendedTriggerMessage, and nothing besides."""
    seen = len(station.wire.payloads(ACTION))
    asked = central.ask("ExtendedTriggerMessage", {"requestedMessage": "FirmwareStatusNotification"})
    assert asked == {"status": "Accepted"}
    world.run(0.5)
    (payload,) = station.wire.payloads(ACTION)[seen:]
    return payload


# From the request to the new version.


@pytest.mark.requirement("WP-L01.FR.01", "WP-L01.FR.05", "WP-L01.FR.10", "WP-L01.FR.21")
@pytest.mark.parametrize("url", [URL, "http://files.example/f?version=3", "ftp://user:word@files.example:2121/f"])
def test_every_step_is_told_with_the_request_id_and_the_next_boot_reports_the_new_version(
    world: World, central: ScriptedSupervision, station: SimulatedStation, url: str
) -> None:
    world.files.served[url] = IMAGE
    assert update(central, url=url, request=4711) == "Accepted"
    world.run(world.files.delay_s + 1.0)
    assert told(station) == [*TO_VERIFIED, "Installing"]
    world.run(UPDATE_S)
    assert station.wire.payloads(ACTION) == [{"status": status, "requestId": 4711} for status in WHOLE]
    assert versions(station) == [OLD, NEW]
    assert events(station, "FirmwareUpdated") == [f"to {NEW}"]
    assert station.snapshot().firmware == NEW
    assert station.snapshot().firmwareUpdate is None
    assert statuses(station) == ("Available", "Available", "Available")
    world.run(86_400)
    assert told(station) == WHOLE
    assert station.wire.payloads("FirmwareStatusNotification") == []


@pytest.mark.requirement("WP-L01.FR.04", "WP-L01.FR.09")
@pytest.mark.parametrize("kind", ["ec", "rsa2048", "rsa3072"])
@pytest.mark.parametrize("root", ["ec", "rsa2048"])
def test_keys_of_both_kinds_are_taken_from_roots_of_both_kinds(
    world: World, central: ScriptedSupervision, station: SimulatedStation, kind: str, root: str
) -> None:
    works = Manufacturer(f"Works {root}", root)
    install_root(central, works)
    signer = works.issue(kind, kind)
    assert update(central, signer=signer) == "Accepted"
    world.run(UPDATE_S)
    assert told(station) == WHOLE
    world.files.served[URL] = IMAGE.replace(b"what is installed", b"what was foisted!", 1)
    assert update(central, signer=signer) == "Accepted"
    world.run(UPDATE_S)
    assert told(station)[len(WHOLE) :] == ["Downloading", "Downloaded", "InvalidSignature"]


@pytest.mark.requirement("GUIDE-CSOP-27", "GUIDE-OP-13")
def test_our_supervision_asks_gets_each_of_the_five_answers_and_answers_every_status_with_nothing(
    site: World, served: SimulatedStation
) -> None:
    from forecourt.ocpp.security_extension import CertificateUse, InstallCertificateRequest

    def ask(request: int, signer: Signer, when: float = 0.0) -> UpdateFirmwareStatus:
        firmware = Firmware(
            location=URL,
            retrieveDateTime=START + timedelta(seconds=when),
            signingCertificate=signer.pem,
            signature=signer.sign(IMAGE),
        )
        outcome = site.supervision.ask(
            served.identity, SignedUpdateFirmwareRequest(requestId=request, firmware=firmware)
        )
        assert isinstance(outcome, Answered)
        assert isinstance(outcome.response, SignedUpdateFirmwareResponse)
        return outcome.response.status

    root = InstallCertificateRequest(certificateType=CertificateUse.ManufacturerRootCertificate, certificate=WORKS.pem)
    site.supervision.ask(served.identity, root)
    revoked = WORKS.issue()
    served.set_revocation_lists(WORKS.revoke(revoked))
    assert ask(1, Manufacturer("Others").issue()) is UpdateFirmwareStatus.InvalidCertificate
    assert ask(2, revoked) is UpdateFirmwareStatus.RevokedCertificate
    assert ask(3, SIGNER, 3600) is UpdateFirmwareStatus.Accepted
    assert ask(4, SIGNER) is UpdateFirmwareStatus.AcceptedCanceled
    site.run(20)
    assert ask(5, SIGNER) is UpdateFirmwareStatus.Rejected
    site.run(UPDATE_S)
    assert [told_of(served, request) for request in (1, 2, 5)] == [[], [], []]
    assert told_of(served, 3) == ["DownloadScheduled", "DownloadFailed"]
    assert told_of(served, 4) == WHOLE
    assert versions(served) == [OLD, NEW]
    answers = [m for m in served.wire.messages if m.direction == RECEIVED and m.action == ACTION]
    assert [(m.kind, m.payload) for m in answers] == [("CALLRESULT", {})] * (2 + len(WHOLE))


@pytest.mark.requirement("WP-L01.FR.15")
@pytest.mark.parametrize("is_silent", [False, True])
def test_reboot_is_told_before_it_happens_and_waits_only_so_long_for_a_silent_supervision(
    world: World, central: ScriptedSupervision, station: SimulatedStation, is_silent: bool
) -> None:
    def has_rebooted() -> bool:
        return any(isinstance(effect, Reboot) for effect in station.effects)

    update(central)
    world.run_until(lambda: told(station)[-1:] == ["Installing"])
    world.run(1)
    central.silent = {ACTION} if is_silent else set()
    world.run_until(lambda: told(station)[-1] == "InstallRebooting")
    assert not has_rebooted()
    heard_at = world.now
    world.run_until(has_rebooted)
    assert world.now - heard_at == pytest.approx(ASSUMED_NOTICE_S if is_silent else 0.04, abs=0.1)
    assert versions(station) == [OLD]
    central.silent = set()
    world.run(UPDATE_S)
    assert told(station)[-1] == "Installed"
    assert versions(station) == [OLD, NEW]
    assert len([effect for effect in station.effects if isinstance(effect, Reboot)]) == 1


@pytest.mark.requirement("WP-L01.FR.15", "WP-L01.FR.22")
def test_bootloader_that_installs_is_told_as_a_reboot_and_nothing_is_told_of_installing(
    world: World, central: ScriptedSupervision
) -> None:
    station = world.add_station(options=StationOptions(bootloader_installs=True))
    world.run(5)
    install_root(central)
    assert update(central) == "Accepted"
    world.run(UPDATE_S)
    assert told(station) == [*TO_VERIFIED, "InstallRebooting", "Installed"]
    assert versions(station) == [OLD, NEW]
    order = [
        (m.action, m.payload.get("status")) for m in station.wire.calls() if m.action in ("BootNotification", ACTION)
    ]
    assert order[-3:] == [(ACTION, "InstallRebooting"), ("BootNotification", None), (ACTION, "Installed")]


# The certificate.

REFUSED = {
    "text that is none": Signer(SIGNER.key, SIGNER.certificate),
    "of another manufacturer": Manufacturer("Others").issue(),
    "of one with the same name": Manufacturer("Works", key_name="thief").issue(),
    "expired": WORKS.issue(valid=(START - 9 * DAY, START - DAY)),
    "of tomorrow": WORKS.issue(valid=(START + DAY, START + 9 * DAY)),
    "with a weak key": WORKS.issue("weak", "rsa1024"),
    "of the root itself": WORKS,
}


@pytest.mark.requirement("WP-L01.FR.02", "WP-L01.FR.12", "WP-L01.FR.23", "WP-L01.FR.24")
@pytest.mark.parametrize("what", REFUSED)
def test_certificate_that_is_not_good_is_answered_so_raises_its_event_and_starts_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation, what: str
) -> None:
    request = signed(signer=REFUSED[what])
    if what == "text that is none":
        request["firmware"]["signingCertificate"] = "no certificate"
    seen = len(station.wire.messages)
    assert central.ask("SignedUpdateFirmware", request) == {"status": "InvalidCertificate"}
    world.run(UPDATE_S)
    sent = [m for m in station.wire.messages[seen:] if m.direction != RECEIVED]
    assert [(m.kind, m.action) for m in sent[:2]] == [("CALLRESULT", "SignedUpdateFirmware"), ("CALL", SECURITY)]
    (info,) = events(station, "InvalidFirmwareSigningCertificate")
    assert info.startswith("request 7: expected ")
    assert len(lines(station, "SignedUpdateFirmware refused")) == 1
    assert (world.files.asked, told(station), versions(station)) == ([], [], [OLD])


@pytest.mark.requirement("WP-L01.FR.12", "WP-L01.FR.24")
def test_without_an_installed_root_nobody_is_trusted_and_one_of_the_supervision_is_none(
    world: World, central: ScriptedSupervision
) -> None:
    station = world.add_station()
    world.run(5)
    assert update(central) == "InvalidCertificate"
    root = {"certificateType": "CentralSystemRootCertificate", "certificate": WORKS.pem}
    assert central.ask("InstallCertificate", root) == {"status": "Accepted"}
    assert update(central) == "InvalidCertificate"
    world.run(60)
    assert world.files.asked == []
    install_root(central)
    assert update(central) == "Accepted"
    world.run(UPDATE_S)
    assert told(station) == WHOLE


@pytest.mark.requirement("WP-L01.FR.25", "WP-L01.FR.02")
def test_certificate_on_the_installers_revocation_list_is_answered_revoked_in_every_life(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    revoked = WORKS.issue()
    station.set_revocation_lists(WORKS.revoke(revoked))
    assert update(central, signer=revoked) == "RevokedCertificate"
    world.run(60)
    station.cut()
    world.run(5)
    station.power_on()
    world.run(60)
    assert update(central, signer=revoked) == "RevokedCertificate"
    world.run(UPDATE_S)
    assert (world.files.asked, told(station)) == ([], [])
    infos = events(station, "InvalidFirmwareSigningCertificate")
    assert len(infos) == 2
    assert all("revoked since 2026-03-01" in info for info in infos)
    station.set_revocation_lists("")
    assert update(central, signer=revoked) == "Accepted"


def test_refused_certificate_does_not_disturb_the_update_that_goes_on(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 20.0
    update(central)
    world.run(5)
    assert update(central, signer=Manufacturer("Others").issue(), request=8) == "InvalidCertificate"
    world.run(UPDATE_S)
    assert told_of(station, 7) == WHOLE
    assert told_of(station, 8) == []


def test_no_event_is_told_while_security_events_are_off(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.ask("ChangeConfiguration", {"key": "SecurityEventsEnabled", "value": "false"})
    assert update(central, signer=Manufacturer("Others").issue()) == "InvalidCertificate"
    world.run(60)
    assert events(station, "InvalidFirmwareSigningCertificate") == []


# The signature and the image.


@pytest.mark.requirement("WP-L01.FR.03", "WP-L01.FR.04", "WP-L01.FR.09", "WP-L01.FR.12")
@pytest.mark.parametrize("kind", ["ec", "rsa2048"])
@pytest.mark.parametrize("wrong", ["another file", "one byte less", "another key", "PKCS #1", "no base64"])
def test_wrong_signature_ends_the_update_with_its_event_and_nothing_is_installed(
    world: World, central: ScriptedSupervision, station: SimulatedStation, kind: str, wrong: str
) -> None:
    signer = WORKS.issue(kind, kind)
    signatures = {
        "another file": signer.sign(b"another file"),
        "one byte less": signer.sign(IMAGE[:-1]),
        "another key": WORKS.issue(f"other {kind}", kind).sign(IMAGE),
        "PKCS #1": signer.sign(IMAGE, pkcs1=True) if kind != "ec" else "AAAA",
        "no base64": "?",
    }
    assert update(central, signer=signer, signature=signatures[wrong]) == "Accepted"
    world.run(UPDATE_S)
    assert told(station) == ["Downloading", "Downloaded", "InvalidSignature"]
    (info,) = events(station, "InvalidFirmwareSignature")
    assert info.startswith("request 7: expected a signature")
    assert (versions(station), statuses(station)) == ([OLD], ("Available", "Available", "Available"))
    world.run(86_400)
    assert versions(station) == [OLD]
    assert len(fetches(station)) == 1


def test_pkcs1_signature_is_taken_by_option(world: World, central: ScriptedSupervision) -> None:
    station = world.add_station(options=StationOptions(accept_pkcs1_signatures=True))
    world.run(5)
    install_root(central)
    signer = WORKS.issue("rsa2048", "rsa2048")
    update(central, signer=signer, signature=signer.sign(IMAGE, pkcs1=True))
    world.run(UPDATE_S)
    assert told(station) == WHOLE


@pytest.mark.parametrize(
    "image", [IMAGE[:-10], b"#!/bin/sh\n", b"", encode_image(Product.PRO_DC_60, NEW, b"for another product")]
)
def test_signed_file_that_is_damaged_or_foreign_fails_its_verification(
    world: World, central: ScriptedSupervision, station: SimulatedStation, image: bytes
) -> None:
    world.files.served[URL] = image
    update(central, image)
    world.run(UPDATE_S)
    assert told(station) == [*TO_VERIFIED, "InstallVerificationFailed"]
    assert events(station, "InvalidFirmwareSignature") == []
    assert versions(station) == [OLD]


# When it is fetched and installed.


@pytest.mark.requirement("WP-L01.FR.13")
def test_download_of_later_is_told_as_scheduled_once_and_begins_at_its_time_also_after_a_power_cut(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert update(central, when=at(3600)) == "Accepted"
    world.run(600)
    assert told(station) == ["DownloadScheduled"]
    assert fetches(station) == []
    station.cut()
    world.run(600)
    station.power_on()
    world.run(600)
    assert told(station) == ["DownloadScheduled"]
    world.run_until(lambda: bool(fetches(station)), within_s=7200)
    assert world.now == pytest.approx(3600, abs=1)
    world.run(UPDATE_S)
    assert told(station) == ["DownloadScheduled", *WHOLE]
    assert versions(station)[-1] == NEW


@pytest.mark.requirement("WP-L01.FR.14", "WP-L01.FR.01")
def test_download_between_two_attempts_is_told_as_paused(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = lambda attempt: IMAGE if attempt == 3 else TransferProblem.INTERRUPTED
    update(central, retries=5, retryInterval=100)
    world.run(50)
    assert told(station) == ["Downloading", "DownloadPaused"]
    snapshot = station.snapshot().firmwareUpdate
    assert snapshot is not None
    assert snapshot.step == "paused"
    begun = world.now
    world.run_until(lambda: len(fetches(station)) == 2)
    assert world.now - begun == pytest.approx(100 - 50 + 1, abs=1)
    world.run(300 + UPDATE_S)
    assert told(station) == ["Downloading", "DownloadPaused"] * 2 + WHOLE
    assert len(fetches(station)) == 3


@pytest.mark.requirement("WP-5-7")
@pytest.mark.parametrize(("fields", "attempts"), [({}, 1 + DEFAULT_RETRIES), ({"retries": 0}, 1), ({"retries": 2}, 3)])
def test_download_that_fails_ends_after_its_attempts_also_when_nothing_is_said_of_them(
    world: World, central: ScriptedSupervision, station: SimulatedStation, fields: dict[str, int], attempts: int
) -> None:
    world.files.served[URL] = TransferProblem.NOT_FOUND
    update(central, **fields)
    world.run(86_400)
    assert told(station) == ["Downloading", "DownloadPaused"] * (attempts - 1) + ["Downloading", "DownloadFailed"]
    assert len(fetches(station)) == attempts
    assert versions(station) == [OLD]
    world.files.takes["http://files.example/logs"] = TransferProblem.SERVER
    log = {"logType": "SecurityLog", "requestId": 9, "log": {"remoteLocation": "http://files.example/logs"}, **fields}
    assert central.ask("GetLog", log)["status"] == "Accepted"
    world.run(86_400)
    assert len(world.files.asked) == 2 * attempts
    assert station.wire.payloads("LogStatusNotification")[-1] == {"status": "UploadFailure", "requestId": 9}


@pytest.mark.parametrize("retries", [-1, -1000])
def test_negative_retries_are_one_attempt(
    world: World, central: ScriptedSupervision, station: SimulatedStation, retries: int
) -> None:
    world.files.served[URL] = TransferProblem.SERVER
    update(central, retries=retries, retryInterval=-5)
    world.run(3600)
    assert told(station) == ["Downloading", "DownloadFailed"]


def test_attempts_that_nothing_changes_are_not_repeated(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = TransferProblem.TOO_LARGE
    update(central, retries=5)
    world.run(3600)
    assert told(station) == ["Downloading", "DownloadFailed"]


def test_address_that_is_not_used_is_told_as_failed_and_not_tried(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert update(central, url="sftp://user:word@files.example/f") == "Accepted"
    world.run(60)
    assert (world.files.asked, told(station)) == ([], ["DownloadFailed"])
    assert not any("word" in line.detail for line in station.log)


@pytest.mark.requirement("WP-L01.FR.16", "WP-L01.FR.17")
def test_installation_of_later_is_told_as_scheduled_and_happens_at_its_time_also_after_a_power_cut(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, install=at(7200))
    world.run(600)
    assert told(station) == [*TO_VERIFIED, "InstallScheduled"]
    assert statuses(station) == ("Available", "Available", "Available")
    station.plug(1)
    station.badge("TAG1")
    world.run(600)
    assert station.status(1) == "Charging"
    station.unplug(1)
    station.cut()
    world.run(60)
    station.power_on()
    world.run(60)
    assert told(station) == [*TO_VERIFIED, "InstallScheduled"]
    world.run_until(lambda: told(station)[-1] == "Installing", within_s=86_400)
    assert world.now == pytest.approx(7200, abs=1)
    world.run(UPDATE_S)
    assert told(station) == [*TO_VERIFIED, "InstallScheduled", *WHOLE[3:]]
    assert len(fetches(station)) == 1
    assert versions(station)[-1] == NEW


@pytest.mark.requirement("WP-L01.FR.17")
def test_time_of_the_installation_counts_by_the_clock_that_the_supervision_sets(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, install=at(7200))
    world.run(600)
    central.answers["Heartbeat"] = lambda payload: {"currentTime": at(world.now + 1000)}
    central.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    world.run_until(lambda: told(station)[-1] == "Installing", within_s=86_400)
    assert world.now == pytest.approx(6200, abs=2)


def test_time_of_the_installation_that_has_passed_is_now(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, install=at(-60))
    world.run(UPDATE_S)
    assert told(station) == WHOLE


@pytest.mark.requirement("WP-L01.FR.06", "WP-L01.FR.07")
def test_installation_waits_for_running_transactions_and_free_guns_are_unavailable_meanwhile(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for connector in (1, 2):
        station.plug(connector)
        station.show(connector)
        station.badge(f"TAG{connector}")
        world.run(30)
    update(central)
    world.run(600)
    assert told(station) == TO_VERIFIED
    assert statuses(station) == ("Available", "Charging", "Charging")
    station.unplug(1)
    world.run(600)
    assert told(station) == TO_VERIFIED
    assert statuses(station) == ("Available", "Unavailable", "Charging")
    assert station.reported(1)[-1] == "Unavailable"
    station.unplug(2)
    world.run(5)
    assert told(station) == [*TO_VERIFIED, "Installing"]
    assert statuses(station)[1:] == ("Unavailable", "Unavailable")
    world.run(UPDATE_S)
    assert told(station) == WHOLE
    assert statuses(station) == ("Available", "Available", "Available")
    assert [stop["reason"] for stop in station.wire.payloads("StopTransaction")] == ["EVDisconnected"] * 2


@pytest.mark.requirement("WP-L01.FR.18", "WP-L01.FR.19")
def test_scheduled_installation_waits_for_the_running_transaction_too(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, install=at(3600))
    world.run(3000)
    station.plug(1)
    station.badge("TAG1")
    world.run(500)
    assert statuses(station) == ("Available", "Charging", "Available")
    world.run(300)
    assert told(station) == [*TO_VERIFIED, "InstallScheduled"]
    assert statuses(station) == ("Available", "Charging", "Unavailable")
    assert station.reported(2)[-1] == "Unavailable"
    station.unplug(1)
    world.run(UPDATE_S)
    assert told(station) == [*TO_VERIFIED, "InstallScheduled", *WHOLE[3:]]
    assert statuses(station) == ("Available", "Available", "Available")


# Another request.


@pytest.mark.requirement("WP-L01.FR.26", "WP-L01.FR.10")
@pytest.mark.parametrize("until", ["DownloadScheduled", "Downloading", "DownloadPaused", "InstallScheduled", "waiting"])
def test_newer_request_cancels_the_update_wherever_it_is_without_looking_at_the_new_file(
    world: World, central: ScriptedSupervision, station: SimulatedStation, until: str
) -> None:
    """The new file is not there: that is how a supervision cancels."""
    fields: dict[str, dict[str, Any]] = {
        "DownloadScheduled": {"when": at(7200)},
        "InstallScheduled": {"install": at(7200)},
    }
    if until == "DownloadPaused":
        world.files.served[URL] = TransferProblem.SERVER
    if until == "waiting":
        station.plug(1)
        station.badge("TAG1")
        world.run(30)
    world.files.delay_s = 100.0 if until == "Downloading" else 1.0
    update(central, retryInterval=1000, **fields.get(until, {}))
    world.run(20)
    assert told(station)[-1] == ("SignatureVerified" if until == "waiting" else until)
    asked = len(world.files.asked)
    request = signed(request=8, url="https://files.example/none", retries=0)
    assert central.ask("SignedUpdateFirmware", request) == {"status": "AcceptedCanceled"}
    assert len(world.files.asked) - asked <= 1
    world.run(7200 + UPDATE_S)
    failed = "InstallationFailed" if until in ("InstallScheduled", "waiting") else "DownloadFailed"
    assert told_of(station, 7)[-1] == failed
    assert told_of(station, 8) == ["Downloading", "DownloadFailed"]
    assert versions(station) == [OLD]
    assert statuses(station)[2] == "Available"


def test_address_that_is_none_cancels_too(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, when=at(3600))
    assert update(central, url="none", request=8) == "AcceptedCanceled"
    world.run(3600 + UPDATE_S)
    assert told_of(station, 7) == ["DownloadScheduled", "DownloadFailed"]
    assert told_of(station, 8) == ["DownloadFailed"]
    assert world.files.asked == []


def test_plain_update_is_cancelled_as_well_and_ends_in_its_own_words(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 20.0
    central.ask("UpdateFirmware", {"location": URL, "retrieveDate": at(0)})
    world.run(5)
    assert update(central) == "AcceptedCanceled"
    world.run(UPDATE_S + 30)
    plain = [payload["status"] for payload in station.wire.payloads("FirmwareStatusNotification")]
    assert plain == ["Downloading", "DownloadFailed"]
    assert told(station) == WHOLE


@pytest.mark.requirement("WP-L01.FR.27")
def test_newer_request_is_rejected_while_firmware_is_installed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central)
    world.run(20)
    assert told(station)[-1] == "Installing"
    assert update(central, request=8) == "Rejected"
    world.run(UPDATE_S)
    assert (told_of(station, 7), told_of(station, 8)) == (WHOLE, [])
    assert len(fetches(station)) == 1
    assert lines(station, "SignedUpdateFirmware refused") == ["request 8: expected none while 3.6.0 is installed"]


# Triggers.


@pytest.mark.requirement("WP-L01.FR.28", "WP-6-3", "WP-6-7")
def test_idle_is_told_for_a_trigger_only_before_any_update_and_after_one_that_was_installed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert triggered(world, central, station) == {"status": "Idle"}
    update(central)
    world.run(UPDATE_S)
    assert told(station)[-1] == "Installed"
    assert triggered(world, central, station) == {"status": "Idle"}
    world.run(86_400)
    assert told(station).count("Idle") == 2


@pytest.mark.requirement("WP-L01.FR.29", "WP-L01.FR.21", "WP-6-7")
def test_trigger_repeats_the_last_status_during_an_update(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    def repeats(status: str) -> bool:
        return triggered(world, central, station) == {"status": status, "requestId": 7}

    world.files.served[URL] = lambda attempt: IMAGE if attempt == 2 else TransferProblem.SERVER
    world.files.delay_s = 50.0
    update(central, when=at(100), retryInterval=100, install=at(1000))
    world.run(50)
    assert repeats("DownloadScheduled")
    world.run(80)
    assert repeats("Downloading")
    world.run(50)
    assert repeats("DownloadPaused")
    plain = {"requestedMessage": "FirmwareStatusNotification"}
    assert central.ask("TriggerMessage", plain) == {"status": "Accepted"}
    world.run(200)
    assert repeats("InstallScheduled")
    central.ask("TriggerMessage", plain)
    world.run_until(lambda: told(station)[-1] == "Installing", within_s=1000)
    assert repeats("Installing")
    world.run(UPDATE_S)
    words = [payload["status"] for payload in station.wire.payloads("FirmwareStatusNotification")]
    assert words == ["Downloading", "Downloaded"]


@pytest.mark.requirement("WP-L01.FR.29")
@pytest.mark.parametrize("end", ["DownloadFailed", "InvalidSignature", "InstallVerificationFailed"])
def test_trigger_repeats_how_an_update_has_failed_also_in_the_next_life(
    world: World, central: ScriptedSupervision, station: SimulatedStation, end: str
) -> None:
    image = IMAGE[:-1] if end == "InstallVerificationFailed" else IMAGE
    world.files.served[URL] = TransferProblem.TOO_LARGE if end == "DownloadFailed" else image
    update(central, image, signature="AAAA" if end == "InvalidSignature" else None)
    world.run(60)
    repeated = {"status": end, "requestId": 7}
    assert triggered(world, central, station) == repeated
    station.cut()
    world.run(5)
    station.power_on()
    world.run(60)
    assert triggered(world, central, station) == repeated
    assert told(station).count(end) == 3
    assert not any(b"BEGIN CERTIFICATE" in data for (kind, _), data in station.records.items() if kind == "firmware")
    world.files.served[URL] = IMAGE
    assert update(central) == "Accepted"
    world.run(UPDATE_S)
    assert triggered(world, central, station) == {"status": "Idle"}


# Power cuts, lost links, options.


@pytest.mark.parametrize("cut_after", range(1, 40))
def test_power_cut_between_any_two_effects_leaves_one_version_and_says_how_it_ended(
    world: World, central: ScriptedSupervision, station: SimulatedStation, cut_after: int
) -> None:
    """Counted from the moment at which the image has come. What is told last is what is true."""
    world.run(10)
    update(central)
    world.run_until(lambda: told(station) == ["Downloading"], within_s=5)
    station.cut_after = cut_after
    world.run(UPDATE_S)
    if not station.has_power:
        station.power_on()
    world.run(2 * UPDATE_S)
    last = told(station)[-1]
    assert last in ("Installed", "InstallationFailed")
    assert versions(station)[-1] == (NEW if last == "Installed" else OLD)
    assert station.snapshot().firmware == versions(station)[-1]
    assert statuses(station) == ("Available", "Available", "Available")
    assert station.snapshot().firmwareUpdate is None


@pytest.mark.requirement("WP-L01.FR.09")
@pytest.mark.parametrize("cut_after", range(1, 16))
def test_power_cut_anywhere_helps_no_unsigned_firmware(
    world: World, central: ScriptedSupervision, station: SimulatedStation, cut_after: int
) -> None:
    update(central, signature=SIGNER.sign(b"another file"))
    world.run_until(lambda: told(station) == ["Downloading"], within_s=5)
    station.cut_after = cut_after
    world.run(60)
    if not station.has_power:
        station.power_on()
    world.run(2 * UPDATE_S)
    assert told(station)[-1] == "InvalidSignature"
    assert set(versions(station)) == {OLD}


def test_statuses_that_arose_offline_are_told_in_order_after_the_reconnect(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, when=at(60))
    world.run(10)
    central.refuses = 503
    station.close_link()
    world.run(UPDATE_S + 120)
    assert told(station) == ["DownloadScheduled"]
    assert station.snapshot().firmware == NEW
    central.refuses = None
    world.run(300)
    assert told(station) == ["DownloadScheduled", *WHOLE]


@pytest.mark.requirement("GUIDE-CSOP-28")
def test_plain_update_is_taken_beside_the_signed_one_and_strict_l01_leaves_the_signed_one_alone(
    world: World, central: ScriptedSupervision
) -> None:
    usual = world.add_station()
    world.run(5)
    install_root(central)
    assert central.ask("UpdateFirmware", {"location": URL, "retrieveDate": at(0)}) == {}
    world.run(UPDATE_S)
    assert update(central) == "Accepted"
    world.run(UPDATE_S)
    assert told(usual) == WHOLE
    strict = world.add_station("CP-2", options=StationOptions(strict_l01=True))
    world.run(5)
    answer = central.call("UpdateFirmware", {"location": URL, "retrieveDate": at(0)})
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "NotSupported")
    install_root(central)
    assert update(central) == "Accepted"
    world.run(UPDATE_S)
    assert (told(strict), versions(strict)) == (WHOLE, [OLD, NEW])


def test_firmware_from_before_the_security_extension_does_not_know_the_request(
    world: World, central: ScriptedSupervision
) -> None:
    world.add_station(firmware="2.7.05")
    world.run(5)
    answer = central.call("SignedUpdateFirmware", signed())
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "NotSupported")


def test_neither_the_address_nor_the_signature_is_in_any_line_of_the_log(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    url = "https://user:word@files.example/f"
    world.files.served[url] = IMAGE
    update(central, url=url, signature="c2VjcmV0")
    world.run(60)
    details = [effect.detail for effect in station.effects if isinstance(effect, LogEvent)]
    assert details
    assert not any("word" in detail or "c2VjcmV0" in detail for detail in details)
