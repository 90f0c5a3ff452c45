"""SignedUpdateFirmware: from the request to the first boot of the new version, in virtual time."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from forecourt.ocpp.actions import ACTIONS
from forecourt.ocpp.errors import PayloadFault
from forecourt.ocpp.security_extension import (
    CertificateUse,
    Firmware,
    InstallCertificateRequest,
    SignedUpdateFirmwareRequest,
    SignedUpdateFirmwareResponse,
    UpdateFirmwareStatus,
)
from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import LogEvent, Reboot
from forecourt.station.events import RevocationListsSet, TransferProblem
from forecourt.station.firmware import ASSUMED_NOTICE_S
from forecourt.station.uploads import DEFAULT_RETRIES
from forecourt.supervision.outcomes import Answered
from forecourt.world.wire import RECEIVED
from forecourt.world.world import START, World
from tests.firmware_signing import Manufacturer, Signer
from tests.signed_updates import (
    ACTION,
    IMAGE,
    NEW,
    OLD,
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
    signed,
    statuses,
    told,
    told_of,
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


@pytest.mark.requirement("GUIDE-CSOP-27", "GUIDE-OP-13", "WP-L01.FR.11")
def test_our_supervision_asks_gets_each_of_the_five_answers_and_answers_every_status_with_nothing(
    site: World, served: SimulatedStation
) -> None:
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
    served.happen(RevocationListsSet(WORKS.revoke(revoked)))
    assert ask(1, Manufacturer("Others").issue()) is UpdateFirmwareStatus.InvalidCertificate
    assert ask(2, revoked) is UpdateFirmwareStatus.RevokedCertificate
    assert ask(3, SIGNER, 3600) is UpdateFirmwareStatus.Accepted
    assert ask(4, SIGNER) is UpdateFirmwareStatus.AcceptedCanceled
    site.run(20)
    assert ask(5, SIGNER) is UpdateFirmwareStatus.Rejected
    site.run(UPDATE_S)
    asked = [m.payload for m in served.wire.messages if m.kind == "CALL" and m.action == "SignedUpdateFirmware"]
    assert [one["firmware"]["signingCertificate"] for one in asked[2:]] == [SIGNER.pem] * 3
    del asked[0]["firmware"]["signingCertificate"]
    with pytest.raises(PayloadFault, match="signingCertificate"):
        ACTIONS["SignedUpdateFirmware"].decode_request(json.dumps(asked[0]).encode())
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
