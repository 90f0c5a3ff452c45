"""UpdateFirmware: from the request to the first boot of the new version, in virtual time with the world's files."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.ocpp.firmware_management import UpdateFirmwareRequest
from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import FetchFile
from forecourt.station.events import TransferProblem
from forecourt.station.firmware import ASSUMED_INSTALL_S, MOST_BYTES
from forecourt.supervision.outcomes import Answered
from forecourt.world.wire import RECEIVED
from forecourt.world.world import START, World

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation

URL = "http://files.example/firmware.bin"
ACTION = "FirmwareStatusNotification"
OLD, NEW = "3.5.8803", "3.6.0"
IMAGE = encode_image(Product.PRO_DC_180, NEW, b"what is installed" * 50)
WHOLE = ["Downloading", "Downloaded", "Installing", "Installed"]
UPDATE_S = ASSUMED_INSTALL_S + 120.0
"""A whole update of an idle station, reboot included."""


@pytest.fixture(autouse=True)
def _served(request: pytest.FixtureRequest) -> None:
    """There is an image to be had in whichever world the test uses."""
    for name in ("world", "site"):
        if name in request.fixturenames:
            request.getfixturevalue(name).files.served[URL] = IMAGE


def at(seconds: float) -> str:
    """A moment of the world as text."""
    return (START + timedelta(seconds=seconds)).isoformat()


def told(station: SimulatedStation) -> list[str]:
    return [payload["status"] for payload in station.wire.payloads(ACTION)]


def versions(station: SimulatedStation) -> list[str]:
    return [payload["firmwareVersion"] for payload in station.wire.payloads("BootNotification")]


def fetches(station: SimulatedStation) -> list[FetchFile]:
    return [effect for effect in station.effects if isinstance(effect, FetchFile)]


def update(central: ScriptedSupervision, location: str = URL, when: str = at(0), **fields: object) -> dict[str, Any]:
    return central.ask("UpdateFirmware", {"location": location, "retrieveDate": when, **fields})


def lines(station: SimulatedStation, name: str = "Firmware update failed") -> list[str]:
    return [line.detail for line in station.log if line.name == name]


def statuses(station: SimulatedStation) -> tuple[str, ...]:
    return tuple(station.status(number) for number in (0, 1, 2))


# From the request to the new version.


@pytest.mark.requirement("OCPP-4.5-1", "OCPP-5.19-2", "GUIDE-BOOT-05")
@pytest.mark.parametrize(
    "location", [URL, "ftp://user:word@files.example:2121/a/firmware.bin", "https://files.example/f?version=3"]
)
def test_every_step_is_told_and_the_next_boot_reports_the_new_version(
    world: World, central: ScriptedSupervision, station: SimulatedStation, location: str
) -> None:
    world.files.served[location] = IMAGE
    assert update(central, location) == {}
    world.run(UPDATE_S)
    assert told(station) == WHOLE
    assert versions(station) == [OLD, NEW]
    assert station.snapshot().firmware == NEW
    assert station.snapshot().firmwareUpdate is None
    assert statuses(station) == ("Available", "Available", "Available")
    world.run(86_400)
    assert told(station) == WHOLE
    station.cut()
    world.run(10)
    station.power_on()
    world.run(60)
    assert versions(station) == [OLD, NEW, NEW]


def test_installed_is_told_after_the_boot_of_the_new_version_was_accepted(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central)
    world.run(UPDATE_S)
    order = [
        (m.action, m.payload.get("status")) for m in station.wire.calls() if m.action in ("BootNotification", ACTION)
    ]
    assert order == [
        ("BootNotification", None),
        (ACTION, "Downloading"),
        (ACTION, "Downloaded"),
        (ACTION, "Installing"),
        ("BootNotification", None),
        (ACTION, "Installed"),
    ]


@pytest.mark.requirement("GUIDE-CSOP-12", "GUIDE-OP-09")
def test_our_supervision_asks_for_an_update_and_answers_every_status_with_an_empty_payload(
    site: World, served: SimulatedStation
) -> None:
    outcome = site.supervision.ask(served.identity, UpdateFirmwareRequest(location=URL, retrieveDate=START))
    assert isinstance(outcome, Answered)
    answer = next(m for m in served.wire.messages if m.kind == "CALLRESULT" and m.action == "UpdateFirmware")
    assert answer.payload == {}
    site.run(UPDATE_S)
    assert told(served) == WHOLE
    assert versions(served) == [OLD, NEW]
    answers = [m for m in served.wire.messages if m.direction == RECEIVED and m.action == ACTION]
    assert [(m.kind, m.payload) for m in answers] == [("CALLRESULT", {})] * 4


@pytest.mark.requirement("GUIDE-BOOT-05")
def test_keys_of_the_new_version_exist_once_it_runs_and_not_before(world: World, central: ScriptedSupervision) -> None:
    """FreeCharging came with the authentication modes of 3.5.8803."""

    def known() -> bool:
        return "unknownKey" not in central.ask("GetConfiguration", {"key": ["FreeCharging"]})

    station = world.add_station(firmware="3.4.0")
    world.run(5)
    assert not known()
    update(central)
    world.run(ASSUMED_INSTALL_S - 5)
    assert not known()
    world.run(UPDATE_S)
    assert versions(station) == ["3.4.0", NEW]
    assert known()


@pytest.mark.requirement("WP-8-1")
def test_update_that_was_installed_is_a_security_event_and_one_that_failed_is_none(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    def events() -> list[str]:
        payloads = station.wire.payloads("SecurityEventNotification")
        return [payload["techInfo"] for payload in payloads if payload["type"] == "FirmwareUpdated"]

    world.files.served["http://files.example/damaged.bin"] = IMAGE[:-1]
    update(central, "http://files.example/damaged.bin")
    world.run(UPDATE_S)
    assert events() == []
    update(central)
    world.run(UPDATE_S)
    assert events() == [f"to {NEW}"]
    station.cut()
    station.power_on()
    world.run(60)
    assert events() == [f"to {NEW}"]


def test_same_version_can_be_installed_again_and_an_older_one_too(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for version in (OLD, NEW, OLD, "1.0"):
        world.files.served[URL] = encode_image(Product.PRO_DC_180, version, b"")
        update(central)
        world.run(UPDATE_S)
    assert versions(station) == [OLD, OLD, NEW, OLD, "1.0"]
    assert told(station) == WHOLE * 4


# When it begins.


@pytest.mark.requirement("OCPP-5.19-1")
def test_download_starts_at_the_retrieve_date_and_not_before(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, when=at(3600))
    world.run(3590)
    assert (fetches(station), told(station)) == ([], [])
    snapshot = station.snapshot().firmwareUpdate
    assert snapshot is not None
    assert (snapshot.step, snapshot.retrieveDate, snapshot.version) == ("scheduled", START + timedelta(hours=1), None)
    world.run_until(lambda: bool(fetches(station)), within_s=30)
    assert world.now == pytest.approx(3600, abs=0.01)
    world.run(UPDATE_S)
    assert told(station) == WHOLE


@pytest.mark.requirement("OCPP-5.19-1")
def test_retrieve_date_counts_by_the_clock_that_the_supervision_sets(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """After the request the clock is put forward by 1000 seconds."""
    update(central, when=at(3600))
    world.run(100)
    central.answers["Heartbeat"] = lambda payload: {"currentTime": at(world.now + 1000)}
    central.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    world.run_until(lambda: bool(fetches(station)), within_s=7200)
    assert world.now == pytest.approx(2600, abs=1.5)


def test_scheduled_update_outlives_a_power_cut(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, when=at(3600))
    world.run(100)
    station.cut()
    world.run(500)
    station.power_on()
    world.run(1000)
    assert told(station) == []
    world.run(3600)
    assert told(station) == WHOLE


# Running transactions.


@pytest.mark.requirement("OCPP-5.19-3")
def test_installation_waits_for_the_running_session_and_free_guns_are_unavailable_meanwhile(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.badge("TAG1")
    world.run(30)
    update(central)
    world.run(600)
    assert told(station) == ["Downloading", "Downloaded"]
    assert statuses(station) == ("Available", "Charging", "Unavailable")
    assert station.reported(2)[-1] == "Unavailable"
    snapshot = station.snapshot().firmwareUpdate
    assert snapshot is not None
    assert (snapshot.step, snapshot.version) == ("waiting", NEW)
    assert station.snapshot().inoperative == ()
    station.badge("TAG1")
    world.run(5)
    assert told(station) == ["Downloading", "Downloaded", "Installing"]
    assert station.reported(1)[-1] == "Unavailable"
    world.run(UPDATE_S)
    assert told(station) == WHOLE
    stop = station.wire.payloads("StopTransaction")
    assert [one["reason"] for one in stop] == ["Local"]
    assert statuses(station) == ("Available", "Preparing", "Available")


@pytest.mark.requirement("OCPP-5.19-3")
def test_guns_that_become_free_while_another_charges_are_unavailable_too(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for connector in (1, 2):
        station.plug(connector)
        station.show(connector)
        station.badge(f"TAG{connector}")
        world.run(30)
    update(central)
    world.run(60)
    assert statuses(station) == ("Available", "Charging", "Charging")
    station.show(1)
    station.badge("TAG1")
    world.run(5)
    assert statuses(station) == ("Available", "Unavailable", "Charging")
    station.unplug(1)
    station.plug(1)
    station.badge("TAG3")
    world.run(60)
    assert statuses(station) == ("Available", "Unavailable", "Charging")
    assert len(station.wire.payloads("StartTransaction")) == 2
    assert told(station) == ["Downloading", "Downloaded"]
    station.unplug(2)
    world.run(UPDATE_S)
    assert told(station) == WHOLE


def test_remote_start_that_waits_for_its_plug_is_dropped_when_the_update_takes_its_gun(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.badge("TAG1")
    world.run(30)
    remote = {"idTag": "TAG2", "connectorId": 2}
    assert central.ask("RemoteStartTransaction", remote) == {"status": "Accepted"}
    assert station.workings().remoteStart is not None
    update(central)
    world.run(5)
    assert station.workings().remoteStart is None
    assert statuses(station) == ("Available", "Charging", "Unavailable")
    station.plug(2)
    world.run(60)
    assert [start["idTag"] for start in station.wire.payloads("StartTransaction")] == ["TAG1"]


def test_nobody_can_start_while_the_station_waits_or_installs(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central)
    world.run(5)
    assert told(station)[-1] == "Installing"
    station.plug(1)
    station.badge("TAG1")
    remote = central.ask("RemoteStartTransaction", {"idTag": "TAG1", "connectorId": 2})
    reserve = {"connectorId": 2, "reservationId": 1, "idTag": "TAG1", "expiryDate": at(7200)}
    world.run(10)
    assert remote == {"status": "Rejected"}
    assert central.ask("ReserveNow", reserve) == {"status": "Unavailable"}
    assert station.wire.payloads("StartTransaction") == []
    world.run(UPDATE_S)
    assert statuses(station) == ("Available", "Preparing", "Available")


@pytest.mark.parametrize("wanted", [(1,), (2,), (0,)])
def test_what_changeavailability_wanted_before_the_update_holds_after_it(
    world: World, central: ScriptedSupervision, station: SimulatedStation, wanted: tuple[int, ...]
) -> None:
    for connector in wanted:
        central.ask("ChangeAvailability", {"connectorId": connector, "type": "Inoperative"})
    before = statuses(station)
    update(central)
    world.run(5)
    assert statuses(station)[1:] == ("Unavailable", "Unavailable")
    world.run(UPDATE_S)
    assert told(station) == WHOLE
    assert statuses(station) == before


def test_what_changeavailability_wants_during_the_update_holds_after_it(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    update(central)
    world.run(5)
    assert told(station)[-1] == "Installing"
    assert central.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"}) == {"status": "Scheduled"}
    assert central.ask("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"}) == {"status": "Accepted"}
    world.run(5)
    assert statuses(station)[1:] == ("Unavailable", "Unavailable")
    world.run(UPDATE_S)
    assert statuses(station) == ("Available", "Available", "Unavailable")


# What fails.


@pytest.mark.requirement("OCPP-5.19-4", "OCPP-4.5-1")
@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize(
    "problem", [TransferProblem.NOT_FOUND, TransferProblem.INTERRUPTED, TransferProblem.CERTIFICATE]
)
def test_download_that_fails_ends_with_download_failed_after_its_attempts(
    world: World, central: ScriptedSupervision, station: SimulatedStation, retries: int, problem: TransferProblem
) -> None:
    world.files.served[URL] = problem
    update(central, retries=retries, retryInterval=30)
    world.run(30 * retries + 20)
    assert told(station) == ["Downloading", "DownloadFailed"]
    assert len(fetches(station)) == 1 + retries
    assert lines(station) == [f"while downloading: {problem}: the world says so: {problem}"]
    world.run(UPDATE_S)
    assert (told(station)[2:], versions(station)) == ([], [OLD])
    assert statuses(station) == ("Available", "Available", "Available")


def test_download_that_works_at_a_later_attempt_is_installed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = lambda attempt: IMAGE if attempt == 3 else TransferProblem.STALLED
    update(central)
    world.run(UPDATE_S)
    assert told(station) == WHOLE
    assert len(fetches(station)) == 3


@pytest.mark.requirement("GUIDE-FILE-03")
@pytest.mark.parametrize("scheme", ["ftps", "sftp", "file", "FILE", "data"])
def test_download_over_another_scheme_is_not_tried_and_told_as_failed(
    world: World, central: ScriptedSupervision, station: SimulatedStation, scheme: str
) -> None:
    assert update(central, f"{scheme}://user:word@files.example/firmware.bin", retries=4) == {}
    world.run(UPDATE_S)
    assert world.files.asked == []
    assert told(station) == ["DownloadFailed"]
    assert lines(station) == [f"expected one of the schemes ftp, http, https, came {scheme.lower()}"]
    assert (versions(station), statuses(station)) == ([OLD], ("Available", "Available", "Available"))


@pytest.mark.parametrize("location", ["", "firmware.bin", "http://", "http://files.example:x/f", "http://a b/f"])
def test_address_that_is_none_is_not_tried_and_told_as_failed(
    world: World, central: ScriptedSupervision, station: SimulatedStation, location: str
) -> None:
    update(central, location)
    world.run(UPDATE_S)
    assert (world.files.asked, told(station)) == ([], ["DownloadFailed"])
    assert len(lines(station)) == 1


DAMAGED = IMAGE[:-1] + b"?"
TOO_LONG = IMAGE.replace(b'"3.6.0"', b'"' + b"x" * 51 + b'"')


@pytest.mark.requirement("OCPP-5.19-4", "OCPP-4.5-1")
@pytest.mark.parametrize(
    ("image", "why"),
    [
        (DAMAGED, "the image is damaged"),
        (IMAGE[:-10], "it is damaged"),
        (b"", "came another file"),
        (b"#!/bin/sh\nreboot\n", "came another file"),
        (
            encode_image(Product.PRO_DC_60, NEW, b""),
            "expected a firmware image for EVlink Pro DC 180, came one for EVlink",
        ),
        (encode_image(Product.PRO_DC_180_V2, NEW, b""), "came one for EVlink Pro DC 180 V2"),
        (TOO_LONG, "expected a version of 1 to 50 printable characters"),
    ],
)
def test_image_that_is_damaged_or_foreign_fails_the_installation_and_changes_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation, image: bytes, why: str
) -> None:
    world.files.served[URL] = image
    station.plug(1)
    station.badge("TAG1")
    world.run(30)
    update(central)
    world.run(UPDATE_S)
    assert told(station) == ["Downloading", "Downloaded", "InstallationFailed"]
    (line,) = lines(station)
    assert line.startswith("while checking: expected")
    assert why in line
    assert versions(station) == [OLD]
    assert statuses(station) == ("Available", "Charging", "Available")
    assert len(fetches(station)) == 1


def test_file_that_is_too_large_is_not_taken(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.served[URL] = bytes(MOST_BYTES + 1)
    update(central)
    world.run(UPDATE_S)
    assert told(station) == ["Downloading", "DownloadFailed"]
    assert len(fetches(station)) == 1


@pytest.mark.parametrize(
    "payload",
    [
        {"location": URL},
        {"location": URL, "retrieveDate": "2026-03-02T08:00:00"},
        {"location": URL, "retrieveDate": "soon"},
        {"location": URL, "retrieveDate": 0},
        {"retrieveDate": at(0)},
        {"location": URL, "retrieveDate": at(0), "retries": "3"},
        {"location": 7, "retrieveDate": at(0)},
    ],
)
def test_request_that_is_malformed_updates_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation, payload: dict[str, object]
) -> None:
    assert central.call("UpdateFirmware", payload).kind == "CALLERROR"
    world.run(UPDATE_S)
    assert (world.files.asked, told(station), versions(station)) == ([], [], [OLD])
    assert len(lines(station, "UpdateFirmware refused")) == 1


# Power cuts, resets and lost links.


def test_power_cut_during_the_download_begins_it_again(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 30.0
    update(central)
    world.run(10)
    station.cut()
    world.run(10)
    station.power_on()
    world.run(UPDATE_S + 60)
    assert told(station) == ["Downloading", *WHOLE]
    assert versions(station) == [OLD, OLD, NEW]


def test_power_cut_while_the_update_waits_for_a_session_goes_on_with_the_installation(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.badge("TAG1")
    world.run(30)
    update(central)
    world.run(60)
    station.cut()
    world.run(10)
    station.power_on()
    world.run(UPDATE_S + 60)
    assert told(station) == WHOLE
    assert len(fetches(station)) == 1
    assert [stop["reason"] for stop in station.wire.payloads("StopTransaction")] == ["PowerLoss"]
    assert versions(station)[-1] == NEW


@pytest.mark.requirement("OCPP-5.19-4")
def test_power_cut_during_the_installation_leaves_the_old_version_and_is_told_as_failed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central)
    world.run(ASSUMED_INSTALL_S / 2)
    assert told(station)[-1] == "Installing"
    station.cut()
    world.run(10)
    station.power_on()
    world.run(UPDATE_S)
    assert told(station) == ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
    assert versions(station) == [OLD, OLD]
    assert statuses(station) == ("Available", "Available", "Available")
    update(central)
    world.run(UPDATE_S)
    assert versions(station) == [OLD, OLD, NEW]


@pytest.mark.parametrize("kind", ["Hard", "Soft"])
def test_reset_during_the_installation_is_rejected_and_before_it_is_not(
    world: World, central: ScriptedSupervision, station: SimulatedStation, kind: str
) -> None:
    station.plug(1)
    station.badge("TAG1")
    world.run(30)
    update(central)
    world.run(30)
    assert central.ask("Reset", {"type": kind}) == {"status": "Accepted"}
    world.run(60)
    assert told(station)[-1] == "Installing"
    assert central.ask("Reset", {"type": kind}) == {"status": "Rejected"}
    station.reboot()
    world.run(UPDATE_S)
    assert told(station) == WHOLE
    assert versions(station) == [OLD, OLD, NEW]
    assert [line.name for line in station.log if "firmware is installed" in line.detail] == [
        "Reset refused",
        "Reboot refused",
    ]


def test_statuses_that_arose_offline_are_told_in_order_after_the_reconnect(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, when=at(60))
    world.run(10)
    central.refuses = 503
    station.close_link()
    world.run(UPDATE_S + 120)
    assert told(station) == []
    assert station.snapshot().firmware == NEW
    central.refuses = None
    world.run(300)
    assert told(station) == WHOLE


@pytest.mark.parametrize("cut_after", range(1, 26))
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


# Another request, triggers and options.


def test_another_request_takes_the_place_of_one_that_is_scheduled_without_a_word(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, "http://files.example/other.bin", at(3600))
    world.run(10)
    update(central)
    world.run(7200)
    assert [fetch.url for fetch in fetches(station)] == [URL]
    assert told(station) == WHOLE


def test_another_request_ends_a_download_and_a_wait_as_failed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.badge("TAG1")
    world.run(30)
    world.files.delay_s = 20.0
    update(central)
    world.run(10)
    update(central)
    world.run(30)
    assert told(station) == ["Downloading", "DownloadFailed", "Downloading", "Downloaded"]
    assert statuses(station)[1:] == ("Charging", "Unavailable")
    update(central, when=at(7200))
    world.run(5)
    assert told(station)[-1] == "InstallationFailed"
    assert statuses(station)[1:] == ("Charging", "Available")


def test_another_request_during_the_installation_is_refused_and_changes_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central)
    world.run(20)
    answer = central.call("UpdateFirmware", {"location": URL, "retrieveDate": at(0)})
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "GenericError")
    world.run(UPDATE_S)
    assert told(station) == WHOLE
    assert len(fetches(station)) == 1


def test_request_with_a_bad_address_does_not_disturb_the_update_that_goes_on(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    update(central, when=at(600))
    update(central, "sftp://files.example/f")
    world.run(600 + UPDATE_S)
    assert told(station) == ["DownloadFailed", *WHOLE]


@pytest.mark.requirement("OCPP-4.5-2")
def test_idle_is_told_for_a_trigger_only_and_not_while_an_update_runs(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    def triggered() -> str:
        assert central.ask("TriggerMessage", {"requestedMessage": ACTION}) == {"status": "Accepted"}
        world.run(1)
        return told(station)[-1]

    station.plug(1)
    station.badge("TAG1")
    world.run(30)
    world.files.delay_s = 10.0
    assert triggered() == "Idle"
    update(central)
    world.run(5)
    assert triggered() == "Downloading"
    world.run(10)
    assert triggered() == "Downloaded"
    station.unplug(1)
    world.run(5)
    assert triggered() == "Installing"
    world.run(UPDATE_S)
    assert triggered() == "Idle"
    assert told(station).count("Idle") == 2
    world.run(3600)
    assert told(station).count("Idle") == 2


@pytest.mark.requirement("GUIDE-CSOP-28", "WP-L01.FR.20")
def test_only_the_option_strict_l01_refuses_the_plain_update(world: World, central: ScriptedSupervision) -> None:
    strict = world.add_station(options=StationOptions(strict_l01=True))
    world.run(5)
    answer = central.call("UpdateFirmware", {"location": URL, "retrieveDate": at(0)})
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "NotSupported")
    world.run(UPDATE_S)
    assert (world.files.asked, told(strict), versions(strict)) == ([], [], [OLD])
    usual = world.add_station("CP-2")
    world.run(5)
    assert update(central) == {}
    world.run(UPDATE_S)
    assert (told(usual), versions(usual)) == (WHOLE, [OLD, NEW])


@pytest.mark.requirement("GUIDE-FILE-05")
def test_only_an_option_lists_the_transfer_protocols(world: World, central: ScriptedSupervision) -> None:
    name = "SupportedFileTransferProtocols"

    def listed() -> list[dict[str, Any]]:
        keys = central.ask("GetConfiguration")["configurationKey"]
        return [entry for entry in keys if entry["key"] == name]

    world.add_station()
    world.run(5)
    assert listed() == []
    assert central.ask("GetConfiguration", {"key": [name]}) == {"unknownKey": [name]}
    assert central.ask("ChangeConfiguration", {"key": name, "value": "FTP"}) == {"status": "NotSupported"}
    world.add_station("CP-2", options=StationOptions(list_file_transfer_protocols=True))
    world.run(5)
    entry = {"key": name, "readonly": True, "value": "FTP,HTTP,HTTPS"}
    assert listed() == [entry]
    assert central.ask("GetConfiguration", {"key": [name.upper()]}) == {"configurationKey": [entry]}
    assert central.ask("ChangeConfiguration", {"key": name, "value": "FTP"}) == {"status": "Rejected"}


@pytest.mark.requirement("OCPP-3.3-2")
def test_every_message_of_the_profiles_that_are_named_is_taken(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """By profile: what the supervision may send with a payload that means something, and what a trigger brings."""
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 50_000.0}],
        },
    }
    reserve = {"connectorId": 2, "reservationId": 1, "idTag": "TAG9", "expiryDate": at(3600)}
    asked: dict[str, dict[str, dict[str, Any]]] = {
        "Core": {
            "ChangeAvailability": {"connectorId": 1, "type": "Operative"},
            "ChangeConfiguration": {"key": "HeartbeatInterval", "value": "600"},
            "ClearCache": {},
            "DataTransfer": {"vendorId": "nobody"},
            "GetConfiguration": {},
            "RemoteStartTransaction": {"idTag": "TAG1"},
            "RemoteStopTransaction": {"transactionId": 9},
            "UnlockConnector": {"connectorId": 1},
            "Reset": {"type": "Soft"},
        },
        "FirmwareManagement": {
            "GetDiagnostics": {"location": "http://files.example/up"},
            "UpdateFirmware": {"location": URL, "retrieveDate": at(0)},
        },
        "LocalAuthListManagement": {
            "SendLocalList": {"listVersion": 1, "updateType": "Full"},
            "GetLocalListVersion": {},
        },
        "Reservation": {"ReserveNow": reserve, "CancelReservation": {"reservationId": 1}},
        "SmartCharging": {
            "SetChargingProfile": {"connectorId": 1, "csChargingProfiles": profile},
            "GetCompositeSchedule": {"connectorId": 1, "duration": 60},
            "ClearChargingProfile": {"id": 1},
        },
        "RemoteTrigger": {"TriggerMessage": {"requestedMessage": "Heartbeat"}},
    }
    named = central.ask("GetConfiguration", {"key": ["SupportedFeatureProfiles"]})["configurationKey"][0]["value"]
    assert set(named.split(",")) == set(asked)
    order = [name for name in asked if name != "Core"] + ["Core"]
    for name in order:
        for action, payload in asked[name].items():
            assert central.call(action, payload).kind == "CALLRESULT", action
            if action == "UpdateFirmware":
                world.run(UPDATE_S)
    world.run(60)
    station.plug(1)
    station.badge("TAG1")
    world.run(120)
    station.unplug(1)
    world.run(60)
    own = {
        "Authorize",
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
    assert own <= set(station.wire.actions())
    assert told(station) == WHOLE
