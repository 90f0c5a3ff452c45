"""How a station tells of what takes its time: uploads and firmware updates (OCPP 1.6 §4.4, §4.5; facts §9).

Theory of operation. These statuses are no transaction messages, but a supervision that has asked for an upload waits to
hear of its end, and an update ends in another life than it began in. So each status is kept until the supervision has
answered it, and they are told one after the other, in the order in which they arose: at once while the supervision
listens, else after the next reconnect or boot. The list is durable; the usual one is empty and weighs nothing. An
answer that is an error, or does not come in time, counts as told: another try would say nothing new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.firmware_management import (
    DiagnosticsStatus,
    DiagnosticsStatusNotificationRequest,
    FirmwareStatus,
    FirmwareStatusNotificationRequest,
)
from forecourt.ocpp.security_extension import (
    LogStatusNotificationRequest,
    SignedFirmwareStatus,
    SignedFirmwareStatusNotificationRequest,
    UploadLogStatus,
)
from forecourt.station.calls import LOST
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forecourt.ocpp.types import Record
    from forecourt.station.boot import Boot
    from forecourt.station.calls import Answer, Calls

KIND = "report"
KEY = "untold"

UNTOLD_LIMIT = 50
"""Statuses kept while the supervision does not listen; the oldest is dropped first."""

IDLE = "Idle"
"""Said for a trigger only, while nothing is going on."""


class Report(msgspec.Struct, frozen=True, gc=False):
    """One status to be told."""

    action: str
    """The message that carries it, such as `DiagnosticsStatusNotification`."""
    status: str
    """As on the wire."""
    requestId: int | None = None
    """Of the request that it answers to; None in the messages of OCPP 1.6 itself."""


def _log_status(report: Report) -> Record:
    status = UploadLogStatus(report.status)
    if report.requestId is None:
        return LogStatusNotificationRequest(status=status)
    return LogStatusNotificationRequest(status=status, requestId=report.requestId)


def _signed_firmware_status(report: Report) -> Record:
    status = SignedFirmwareStatus(report.status)
    if report.requestId is None:
        return SignedFirmwareStatusNotificationRequest(status=status)
    return SignedFirmwareStatusNotificationRequest(status=status, requestId=report.requestId)


MESSAGES: dict[str, Callable[[Report], Record]] = {
    "DiagnosticsStatusNotification": lambda report: DiagnosticsStatusNotificationRequest(
        status=DiagnosticsStatus(report.status)
    ),
    "FirmwareStatusNotification": lambda report: FirmwareStatusNotificationRequest(
        status=FirmwareStatus(report.status)
    ),
    "LogStatusNotification": _log_status,
    "SignedFirmwareStatusNotification": _signed_firmware_status,
}
"""How each action says a status."""

NOTHING: tuple[Report, ...] = ()

_decoder = msgspec.json.Decoder(tuple[Report, ...])
_encode = msgspec.json.Encoder().encode


class Reports:
    """What the supervision has yet to hear of one station."""

    __slots__ = ("_boot", "_calls", "_effects", "_is_telling", "_untold")

    def __init__(
        self, records: Mapping[tuple[str, str], bytes], boot: Boot, calls: Calls, effects: list[Effect]
    ) -> None:
        self._boot = boot
        self._calls = calls
        self._effects = effects
        self._is_telling = False
        self._untold = self._restored(records.get((KIND, KEY)))

    def _restored(self, data: bytes | None) -> tuple[Report, ...]:
        if data is None:
            return NOTHING
        try:
            found = _decoder.decode(data)
            for report in found:
                message_of(report)
        except (msgspec.MsgspecError, KeyError, ValueError) as error:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: {error}"))
            return NOTHING
        return found

    @property
    def is_quiet(self) -> bool:
        """Whether the supervision has heard everything."""
        return not self._untold

    def tell(self, report: Report, now: float) -> None:
        """Have the supervision told, after everything that it has yet to hear."""
        self._keep((*self._untold, report)[-UNTOLD_LIMIT:])
        self.resume(now)

    def resume(self, now: float) -> None:
        """The supervision listens (again): tell what is next."""
        if self._untold and not self._is_telling and self._boot.is_accepted and self._calls.is_open:
            self._is_telling = True
            first = self._untold[0]

            def answered(answer: Answer, at: float) -> None:
                self._is_telling = False
                if answer is not LOST:
                    self._keep(tuple(report for report in self._untold if report is not first))
                    self.resume(at)

            self._calls.request(message_of(first), answered, now)

    def _keep(self, untold: tuple[Report, ...]) -> None:
        self._untold = untold or NOTHING
        self._effects.append(SaveRecord(KIND, KEY, _encode(untold), gates=False) if untold else DeleteRecord(KIND, KEY))


def message_of(report: Report) -> Record:
    """The message that says a status. Raises `KeyError` or `ValueError` for one that no message says."""
    return MESSAGES[report.action](report)
