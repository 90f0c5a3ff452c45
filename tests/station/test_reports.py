"""The block that tells statuses, with the CALLs of a bench and a boot that the test accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from forecourt.station.calls import CALL_TIMEOUT_S
from forecourt.station.effects import LogEvent
from forecourt.station.reports import KEY, KIND, MESSAGES, NOTHING, UNTOLD_LIMIT, Report, Reports, message_of
from tests.station_bench import Bench

if TYPE_CHECKING:
    from forecourt.station.boot import Boot

DIAGNOSTICS, FIRMWARE = "DiagnosticsStatusNotification", "FirmwareStatusNotification"


class Judge:
    """A boot that was accepted or not."""

    is_accepted = True


class Teller(Bench):
    """Reports on a bench."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None, accepted: bool = True) -> None:
        super().__init__(records)
        self.boot = Judge()
        self.boot.is_accepted = accepted
        self.reports = Reports(self.records, cast("Boot", self.boot), self.calls, self.effects)

    def said(self, action: str = DIAGNOSTICS) -> list[str]:
        return [payload["status"] for payload in self.frames(action)]


def test_statuses_are_told_one_after_the_other() -> None:
    teller = Teller()
    teller.reports.tell(Report(DIAGNOSTICS, "Uploading"), 0.0)
    teller.reports.tell(Report(FIRMWARE, "Downloading"), 0.0)
    teller.reports.tell(Report(DIAGNOSTICS, "Uploaded"), 0.0)
    assert (teller.said(), teller.said(FIRMWARE)) == (["Uploading"], [])
    teller.answer()
    teller.answer()
    assert (teller.said(), teller.said(FIRMWARE)) == (["Uploading", "Uploaded"], ["Downloading"])
    assert (KIND, KEY) in teller.kept()
    teller.answer()
    assert (KIND, KEY) not in teller.kept()


def test_nothing_is_told_before_the_boot_is_accepted() -> None:
    teller = Teller(accepted=False)
    teller.reports.tell(Report(FIRMWARE, "Installed"), 0.0)
    assert teller.said(FIRMWARE) == []
    teller.boot.is_accepted = True
    teller.reports.resume(1.0)
    assert teller.said(FIRMWARE) == ["Installed"]


def test_status_that_the_connection_lost_is_told_after_the_reconnect() -> None:
    teller = Teller()
    teller.reports.tell(Report(DIAGNOSTICS, "Uploaded"), 0.0)
    teller.calls.closed(1.0)
    teller.reports.tell(Report(DIAGNOSTICS, "Uploading"), 2.0)
    assert teller.said() == ["Uploaded"]
    teller.calls.opened()
    teller.reports.resume(3.0)
    teller.answer(now=4.0)
    assert teller.said() == ["Uploaded", "Uploaded", "Uploading"]


def test_what_was_not_told_is_told_by_the_next_life() -> None:
    teller = Teller(accepted=False)
    teller.reports.tell(Report("LogStatusNotification", "Uploaded", 7), 0.0)
    next_life = Teller(teller.kept())
    next_life.reports.resume(0.0)
    assert next_life.frames("LogStatusNotification") == [{"status": "Uploaded", "requestId": 7}]


def test_error_in_place_of_an_answer_counts_as_told() -> None:
    teller = Teller()
    teller.reports.tell(Report(DIAGNOSTICS, "Uploading"), 0.0)
    teller.reports.tell(Report(DIAGNOSTICS, "Uploaded"), 0.0)
    teller.calls.timed_out(CALL_TIMEOUT_S)
    assert teller.said() == ["Uploading", "Uploaded"]


def test_same_status_twice_is_told_twice() -> None:
    teller = Teller()
    teller.reports.tell(Report(DIAGNOSTICS, "UploadFailed"), 0.0)
    teller.reports.tell(Report(DIAGNOSTICS, "UploadFailed"), 0.0)
    teller.answer()
    teller.answer()
    assert teller.said() == ["UploadFailed", "UploadFailed"]


def test_only_the_latest_are_kept_while_nobody_listens() -> None:
    teller = Teller(accepted=False)
    for number in range(UNTOLD_LIMIT + 2):
        teller.reports.tell(Report("LogStatusNotification", "Uploading", number), 0.0)
    teller.boot.is_accepted = True
    teller.reports.resume(0.0)
    assert teller.frames("LogStatusNotification") == [{"status": "Uploading", "requestId": 2}]


@pytest.mark.parametrize("data", [b"", b"nonsense", b'[{"action":"Reset","status":"x"}]', b'[{"action":"%s"}]'])
def test_record_that_can_not_be_read_is_put_aside(data: bytes) -> None:
    teller = Teller({(KIND, KEY): data})
    assert teller.reports._untold is NOTHING
    assert [line.name for line in teller.effects if isinstance(line, LogEvent)] == ["Record ignored"]


@pytest.mark.parametrize("action", MESSAGES)
@pytest.mark.parametrize("request_id", [None, 4])
def test_every_action_can_say_that_nothing_goes_on(action: str, request_id: int | None) -> None:
    assert str(getattr(message_of(Report(action, "Idle", request_id)), "status", "")) == "Idle"
