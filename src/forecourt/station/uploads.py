"""Uploads that the supervision asks for, and how it hears of them: one machine, a vocabulary each (facts §9.1, §9.3).

Theory of operation. For each action that tells of uploads there is at most one upload at a time. It is told of with
the words of its row in `VOCABULARIES`: that it goes on, and then how it ended. An address that a station does not use
is not tried, so only its end is told. What goes on is in the records, and a life that finds an upload there tells that
it has failed: the power went, or the station was reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from forecourt.station.effects import DeleteRecord, Effect, FilePart, LogEvent, SaveRecord
from forecourt.station.events import TransferProblem
from forecourt.station.reports import IDLE, Report
from forecourt.station.transfers import wrong_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import UnsetType

    from forecourt.station.reports import Reports
    from forecourt.station.transfers import Outcome, Transfers

KIND = "upload"

UPLOADING = "Uploading"
UPLOADED = "Uploaded"

DEFAULT_RETRIES = 3
DEFAULT_RETRY_INTERVAL_S = 10.0
"""The station's own choice where the request leaves it open (facts §9.1)."""

TIMEOUT_S = 300.0
"""Assumed: real seconds that one attempt may take."""


def repeats(retries: int | UnsetType, interval_s: int | UnsetType) -> tuple[int, float]:
    """How often a transfer is repeated and how many seconds apart: as its request says, else as the station chooses."""
    return (
        retries if isinstance(retries, int) else DEFAULT_RETRIES,
        float(interval_s) if isinstance(interval_s, int) else DEFAULT_RETRY_INTERVAL_S,
    )


class Vocabulary(NamedTuple):
    """How one action tells of the end of an upload that has failed."""

    failed: str
    """The status for every problem that `by_problem` does not name."""
    by_problem: dict[TransferProblem, str]


VOCABULARIES: dict[str, Vocabulary] = {
    "DiagnosticsStatusNotification": Vocabulary("UploadFailed", {}),
    "LogStatusNotification": Vocabulary(
        "UploadFailure",
        {
            TransferProblem.SCHEME: "NotSupportedOperation",
            TransferProblem.ADDRESS: "BadMessage",
            TransferProblem.REFUSED: "PermissionDenied",
        },
    ),
}


class Upload(NamedTuple):
    """What is to be uploaded."""

    url: str
    """The folder, as the supervision wrote it."""
    name: str
    parts: tuple[FilePart, ...]
    log_from_s: float | None
    """Seconds since the epoch; None: without the log of messages and events."""
    log_until_s: float
    retries: int = DEFAULT_RETRIES
    retry_interval_s: float = DEFAULT_RETRY_INTERVAL_S
    request_id: int | None = None


class UnderWay(msgspec.Struct, frozen=True, gc=False):
    """An upload that goes on, as it is kept."""

    name: str
    requestId: int | None = None


_decoder = msgspec.json.Decoder(UnderWay)
_encode = msgspec.json.Encoder().encode


class Uploads:
    """The uploads of one life of a station."""

    __slots__ = ("_effects", "_reports", "_transfers", "_under_way")

    def __init__(
        self,
        transfers: Transfers,
        reports: Reports,
        records: Mapping[tuple[str, str], bytes],
        effects: list[Effect],
    ) -> None:
        self._transfers = transfers
        self._reports = reports
        self._effects = effects
        self._under_way: dict[str, tuple[str, UnderWay]] | None = None
        """By action: the id of the transfer and what is kept of it; None while there is none."""
        self._end_what_was_cut_off(records)

    def _end_what_was_cut_off(self, records: Mapping[tuple[str, str], bytes]) -> None:
        """The life before this one ended in the middle of an upload: that is told as soon as somebody listens."""
        for action, vocabulary in VOCABULARIES.items():
            data = records.get((KIND, action))
            if data is None:
                continue
            try:
                cut_off = _decoder.decode(data)
            except ValueError as error:
                self._effects.append(LogEvent("Record ignored", f"{KIND} {action}: {error}"))
                continue
            self._effects.append(LogEvent("Upload failed", f"{cut_off.name}: the station was started anew"))
            self._close(action, vocabulary.failed, cut_off, 0.0)  # no time matters before the first link

    def status(self, action: str) -> str:
        """What a trigger of this action is told."""
        return IDLE if self.is_under_way(action) is None else UPLOADING

    def is_under_way(self, action: str) -> UnderWay | None:
        """The upload of this kind that goes on."""
        return self._under_way[action][1] if self._under_way is not None and action in self._under_way else None

    def begin(self, action: str, upload: Upload, now: float) -> None:
        """Upload, in place of what is still under way and ends with this, which is told as failed."""
        self.cancel(action, now, why="another was asked for")
        under_way = UnderWay(upload.name, upload.request_id)
        self._effects.append(SaveRecord(KIND, action, _encode(under_way)))
        if wrong_address(upload.url) is None:
            self._reports.tell(Report(action, UPLOADING, upload.request_id), now)
        transfer_id = self._transfers.send(
            upload.url,
            upload.name,
            upload.parts,
            upload.log_from_s,
            upload.log_until_s,
            TIMEOUT_S,
            upload.retries,
            upload.retry_interval_s,
            lambda outcome, at: self._ended(action, outcome, at),
            now,
        )
        if self._under_way is None:
            self._under_way = {}
        self._under_way[action] = (transfer_id, under_way)

    def cancel(self, action: str, now: float, *, why: str, silently: bool = False) -> bool:
        """Stop the upload of this kind, if there is one; `silently` tells the supervision nothing of it."""
        if self.is_under_way(action) is None:
            return False
        assert self._under_way is not None, "there is one"
        transfer_id, under_way = self._under_way[action]
        self._transfers.stop(transfer_id)
        self._effects.append(LogEvent("Upload stopped", f"{under_way.name}: {why}"))
        self._close(action, None if silently else VOCABULARIES[action].failed, under_way, now)
        return True

    def _ended(self, action: str, outcome: Outcome, now: float) -> None:
        under_way = self.is_under_way(action)
        assert under_way is not None, f"{action} tells of an upload"
        status = UPLOADED
        if outcome.problem is not None:
            vocabulary = VOCABULARIES[action]
            status = vocabulary.by_problem.get(outcome.problem, vocabulary.failed)
            self._effects.append(LogEvent("Upload failed", f"{under_way.name}: {outcome.problem}: {outcome.reason}"))
        self._close(action, status, under_way, now)

    def _close(self, action: str, status: str | None, under_way: UnderWay, now: float) -> None:
        if self._under_way is not None:
            self._under_way.pop(action, None)
            self._under_way = self._under_way or None
        self._effects.append(DeleteRecord(KIND, action))
        if status is not None:
            self._reports.tell(Report(action, status, under_way.requestId), now)
