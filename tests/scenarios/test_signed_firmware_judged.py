"""SignedUpdateFirmware: what is refused, what is cancelled, and what a trigger is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.station.commissioning import StationOptions
from forecourt.station.events import RevocationListsSet, TransferProblem
from forecourt.world.wire import RECEIVED
from forecourt.world.world import START, World
from tests.firmware_signing import DAY, Manufacturer, Signer
from tests.signed_updates import (
    IMAGE,
    NEW,
    OLD,
    SECURITY,
    SIGNER,
    TO_VERIFIED,
    UPDATE_S,
    URL,
    WHOLE,
    WORKS,
    at,
    events,
    fetches,
    install_root,
    lines,
    logged,
    signed,
    statuses,
    told,
    told_of,
    triggered,
    update,
    versions,
)

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation


@pytest.fixture(autouse=True)
def _ready(request: pytest.FixtureRequest) -> None:
    """There is an image to be had in whichever world the test uses, and `station` trusts the manufacturer."""
    for name in ("world", "site"):
        if name in request.fixturenames:
            request.getfixturevalue(name).files.served[URL] = IMAGE
    if {"station", "central"} <= set(request.fixturenames):
        request.getfixturevalue("station")
        install_root(request.getfixturevalue("central"))


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
    assert logged(station).count("InvalidFirmwareSigningCertificate") == 1
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


@pytest.mark.requirement("WP-A00.FR.603")
def test_roots_of_operator_and_manufacturer_vouch_each_for_its_own_and_not_for_the_other(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Both are installed; who one of them has certified is nobody where the other one counts."""
    operator = Manufacturer("Operator")
    request = {"certificateType": "CentralSystemRootCertificate", "certificate": operator.pem}
    assert central.ask("InstallCertificate", request) == {"status": "Accepted"}
    ids = [
        central.ask("GetInstalledCertificateIds", {"certificateType": f"{whose}RootCertificate"})["certificateHashData"]
        for whose in ("CentralSystem", "Manufacturer")
    ]
    assert [len(data) for data in ids] == [1, 1]
    assert ids[0] != ids[1]
    assert update(central, signer=operator.issue()) == "InvalidCertificate"
    central.answers["SignCertificate"] = {"status": "Accepted"}
    station.set_key("CpoName", "Makers")
    assert central.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
    world.run(5)
    csr = x509.load_pem_x509_csr(station.wire.payloads("SignCertificate")[-1]["csr"].encode())
    for root, status in ((WORKS, "Rejected"), (operator, "Accepted")):
        assert central.ask("CertificateSigned", {"certificateChain": root.certify(csr)}) == {"status": status}
    assert update(central) == "Accepted"
    world.run(UPDATE_S)
    assert told(station) == WHOLE


@pytest.mark.requirement("WP-L01.FR.25", "WP-L01.FR.02")
def test_certificate_on_the_installers_revocation_list_is_answered_revoked_in_every_life(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    revoked = WORKS.issue()
    station.happen(RevocationListsSet(WORKS.revoke(revoked)))
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
    station.happen(RevocationListsSet(""))
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
    assert logged(station)[-1] == "InvalidFirmwareSigningCertificate"


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
    assert logged(station).count("InvalidFirmwareSignature") == 1
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
