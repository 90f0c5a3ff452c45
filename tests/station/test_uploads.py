"""The machine of uploads in a whole station between its doors; the words of the diagnostics stand for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord, SendFile, StopTransfer
from forecourt.station.events import FileSent, TransferFailed, TransferProblem
from forecourt.station.reports import MESSAGES, Report, message_of
from forecourt.station.timers import Timer, Timers
from forecourt.station.transfers import Transfers
from forecourt.station.uploads import KIND, VOCABULARIES, Upload, Uploads

if TYPE_CHECKING:
    from forecourt.station.reports import Reports

DIAGNOSTICS, LOG = "DiagnosticsStatusNotification", "LogStatusNotification"


class Told:
    """Reports that are written down."""

    def __init__(self) -> None:
        self.all: list[Report] = []

    def tell(self, report: Report, now: float) -> None:
        message_of(report)
        self.all.append(report)


class Bench:
    """Uploads without retries, and what was told of them."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None) -> None:
        self.effects: list[Effect] = []
        self.told = Told()
        self.timers = Timers()
        self.transfers = Transfers("1", self.timers, self.effects)
        self.uploads = Uploads(self.transfers, cast("Reports", self.told), records or {}, self.effects)

    def begin(self, action: str = DIAGNOSTICS, url: str = "http://h/d", request_id: int | None = None) -> str:
        upload = Upload(url, "a.zip", (), None, 9.0, retries=0, request_id=request_id)
        self.uploads.begin(action, upload, 0.0)
        return [effect for effect in self.effects if isinstance(effect, SendFile)][-1].id

    def statuses(self) -> list[str]:
        return [report.status for report in self.told.all]

    def kept(self) -> dict[tuple[str, str], bytes]:
        kept: dict[tuple[str, str], bytes] = {}
        for effect in self.effects:
            if isinstance(effect, SaveRecord):
                kept[(effect.kind, effect.key)] = effect.data
            elif isinstance(effect, DeleteRecord):
                kept.pop((effect.kind, effect.key), None)
        return kept


@pytest.mark.parametrize("action", VOCABULARIES)
def test_upload_is_told_of_until_it_is_done(action: str) -> None:
    bench = Bench()
    attempt = bench.begin(action, request_id=3)
    assert bench.uploads.status(action) == "Uploading"
    bench.transfers.sent(FileSent(attempt), 1.0)
    assert bench.told.all == [Report(action, "Uploading", 3), Report(action, "Uploaded", 3)]
    assert bench.uploads.status(action) == "Idle"
    assert bench.kept() == {}


@pytest.mark.parametrize(
    ("action", "problem", "status"),
    [
        *((DIAGNOSTICS, problem, "UploadFailed") for problem in TransferProblem),
        (LOG, TransferProblem.SCHEME, "NotSupportedOperation"),
        (LOG, TransferProblem.ADDRESS, "BadMessage"),
        (LOG, TransferProblem.REFUSED, "PermissionDenied"),
        (LOG, TransferProblem.STALLED, "UploadFailure"),
        (LOG, TransferProblem.UNREACHABLE, "UploadFailure"),
    ],
)
def test_every_problem_has_a_word(action: str, problem: TransferProblem, status: str) -> None:
    bench = Bench()
    bench.transfers.failed(TransferFailed(bench.begin(action), problem, "why"), 1.0)
    assert bench.statuses() == ["Uploading", status]
    assert bench.effects[-2] == LogEvent("Upload failed", f"a.zip: {problem}: why")


def test_upload_to_an_address_that_is_not_tried_is_told_as_failed_and_nothing_else() -> None:
    bench = Bench()
    bench.uploads.begin(DIAGNOSTICS, Upload("sftp://h/d", "a.zip", (), None, 9.0), 0.0)
    assert bench.statuses() == []
    assert bench.timers.pop(0.0) == Timer.TRANSFER
    bench.transfers.due(0.0)
    assert bench.statuses() == ["UploadFailed"]
    assert not any(isinstance(effect, SendFile) for effect in bench.effects)


def test_another_upload_of_a_kind_takes_the_place_of_the_first() -> None:
    bench = Bench()
    first = bench.begin()
    second = bench.begin()
    assert StopTransfer(first) in bench.effects
    assert bench.statuses() == ["Uploading", "UploadFailed", "Uploading"]
    bench.transfers.sent(FileSent(first), 1.0)
    assert bench.uploads.status(DIAGNOSTICS) == "Uploading"
    bench.transfers.sent(FileSent(second), 1.0)
    assert bench.statuses()[3:] == ["Uploaded"]


def test_uploads_of_two_kinds_do_not_know_of_each_other() -> None:
    bench = Bench()
    first, second = bench.begin(DIAGNOSTICS), bench.begin(LOG, request_id=5)
    bench.transfers.sent(FileSent(first), 1.0)
    assert (bench.uploads.status(DIAGNOSTICS), bench.uploads.status(LOG)) == ("Idle", "Uploading")
    bench.transfers.sent(FileSent(second), 1.0)
    assert [report.action for report in bench.told.all] == [DIAGNOSTICS, LOG, DIAGNOSTICS, LOG]


def test_upload_can_be_stopped_without_a_word() -> None:
    bench = Bench()
    attempt = bench.begin(LOG, request_id=5)
    assert bench.uploads.cancel(LOG, 1.0, why="another log is wanted", silently=True)
    assert StopTransfer(attempt) in bench.effects
    assert bench.statuses() == ["Uploading"]
    assert not bench.uploads.cancel(LOG, 1.0, why="again", silently=True)
    assert bench.kept() == {}


@pytest.mark.parametrize(("action", "status"), [(DIAGNOSTICS, "UploadFailed"), (LOG, "UploadFailure")])
def test_upload_that_a_power_cut_ended_is_told_as_failed_by_the_next_life(action: str, status: str) -> None:
    bench = Bench()
    bench.begin(action, request_id=6)
    next_life = Bench(bench.kept())
    assert next_life.told.all == [Report(action, status, 6)]
    assert next_life.effects[-1] == DeleteRecord(KIND, action)
    assert next_life.uploads.status(action) == "Idle"


def test_record_that_can_not_be_read_is_put_aside() -> None:
    bench = Bench({(KIND, DIAGNOSTICS): b"nonsense"})
    assert bench.statuses() == []
    assert [effect.name for effect in bench.effects if isinstance(effect, LogEvent)] == ["Record ignored"]


def test_every_vocabulary_can_be_said() -> None:
    assert set(VOCABULARIES) <= set(MESSAGES)
    for action, words in VOCABULARIES.items():
        for status in (words.failed, *words.by_problem.values()):
            message_of(Report(action, status, 1))
