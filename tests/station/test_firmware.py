"""The block of firmware updates, in a whole station between its doors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.station import events as happened
from forecourt.station.effects import FetchFile, LogEvent, Reboot, SaveRecord, SendFrame
from forecourt.station.firmware import ASSUMED_INSTALL_S, MOST_BYTES, ROWS
from forecourt.station.firmware_record import KIND, Step
from forecourt.station.reports import Report, message_of
from tests.station_bench import EPOCH_S
from tests.station_rig import Rig

IMAGE = encode_image(Product.PRO_DC_180, "3.6.0", b"")


def begin(rig: Rig, url: str = "http://h/f") -> FetchFile:
    """Ask for an update that is to begin at once; the attempt to download it."""
    when = datetime.fromtimestamp(EPOCH_S, UTC).isoformat()
    assert rig.ask("UpdateFirmware", {"location": url, "retrieveDate": when}) == {}
    fetch = rig.effects[-1] if isinstance(rig.effects[-1], FetchFile) else None
    fetch = fetch or next(effect for effect in reversed(rig.effects) if isinstance(effect, FetchFile))
    assert fetch.most_bytes == MOST_BYTES
    return fetch


def told(rig: Rig) -> list[str]:
    return [payload["status"] for payload in rig.calls("FirmwareStatusNotification")]


def test_every_step_but_the_end_has_a_row_whose_statuses_can_be_said() -> None:
    assert [*ROWS, Step.OVER] == list(Step)
    for row in ROWS.values():
        for status in (row.plain.says or "Idle", row.plain.present, row.plain.fails_as or "Idle"):
            message_of(Report("FirmwareStatusNotification", status))
        for status in (row.signed.says or "Idle", row.signed.fails_as):
            message_of(Report("SignedFirmwareStatusNotification", status, 1))


def test_idle_station_installs_as_soon_as_the_image_is_there_and_reboots_once() -> None:
    rig = Rig()
    fetch = begin(rig)
    rig.handle(happened.FileFetched(fetch.id, IMAGE))
    assert told(rig) == ["Downloading", "Downloaded", "Installing"]
    rig.wait(ASSUMED_INSTALL_S - 0.1)
    assert not any(isinstance(effect, Reboot) for effect in rig.effects)
    rig.wait(0.2)
    assert [effect for effect in rig.effects if isinstance(effect, Reboot)] == [Reboot(False)]


def test_new_version_and_the_end_of_the_installation_are_one_record_before_the_reboot() -> None:
    """A power cut finds either the old version being installed or the new one installed."""
    rig = Rig()
    rig.handle(happened.FileFetched(begin(rig).id, IMAGE))
    end = rig.wait(ASSUMED_INSTALL_S + 1)
    saves = [effect for effect in end if isinstance(effect, SaveRecord) and effect.kind == KIND]
    (save,) = saves
    assert save.gates
    assert b'"version":"3.6.0"' in save.data
    assert b'"step":"installed"' in save.data
    assert end.index(save) < end.index(Reboot(False))


def test_each_step_is_kept_before_it_is_told() -> None:
    rig = Rig()
    fetch = begin(rig)
    effects = rig.handle(happened.FileFetched(fetch.id, IMAGE))
    kept = [i for i, effect in enumerate(effects) if isinstance(effect, SaveRecord) and effect.kind == KIND]
    sent = [i for i, effect in enumerate(effects) if isinstance(effect, SendFrame)]
    assert min(kept) < min(sent)


def test_failing_save_holds_the_installation_up_until_records_are_durable_again() -> None:
    rig = Rig()
    fetch = begin(rig)
    rig.handle(happened.SaveFailed("the disk is full"))
    rig.handle(happened.FileFetched(fetch.id, IMAGE))
    assert told(rig) == ["Downloading", "Downloaded"]
    rig.handle(happened.SaveRecovered())
    assert told(rig) == ["Downloading", "Downloaded", "Installing"]


def test_gun_under_an_error_is_taken_out_and_given_back_too() -> None:
    rig = Rig()
    rig.handle(happened.FaultRaised("0x100206", 2))
    rig.plug(1)
    rig.badge("TAG1")
    fetch = begin(rig)
    rig.handle(happened.FileFetched(fetch.id, IMAGE))
    rig.handle(happened.FaultCleared("0x100206", 2))
    assert rig.status(2) == "Unavailable"
    begin(rig, "http://h/other")
    assert rig.status(2) == "Available"
    assert told(rig)[-2:] == ["InstallationFailed", "Downloading"]


@pytest.mark.parametrize("retries", [-1, -1000])
def test_negative_retries_are_one_attempt(retries: int) -> None:
    rig = Rig()
    when = datetime.fromtimestamp(EPOCH_S, UTC).isoformat()
    rig.ask("UpdateFirmware", {"location": "http://h/f", "retrieveDate": when, "retries": retries})
    fetch = next(effect for effect in rig.effects if isinstance(effect, FetchFile))
    rig.handle(happened.TransferFailed(fetch.id, happened.TransferProblem.NOT_FOUND, "no"))
    assert told(rig) == ["Downloading", "DownloadFailed"]


def test_location_is_in_no_line_of_the_log() -> None:
    """It may hold a password."""
    rig = Rig()
    for url in ("http://user:word@h/f", "sftp://user:word@h/f", "http://user:word@h:x/f", "http://user:word@/f"):
        when = datetime.fromtimestamp(EPOCH_S, UTC).isoformat()
        rig.ask("UpdateFirmware", {"location": url, "retrieveDate": when})
    lines = [effect for effect in rig.effects if isinstance(effect, LogEvent)]
    assert len(lines) >= 3
    assert not any("word" in line.detail for line in lines)
