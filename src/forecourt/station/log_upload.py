"""GetLog (white paper N01; facts §9.3, reading A42): the security log or the diagnostics go to a file server.

Theory of operation. What GetLog uploads goes the way of the diagnostics (`station.uploads`), with the words of
LogStatusNotification and the requestId of the request. One log is uploaded at a time: a further GetLog ends the upload
that goes on, of which nothing more is told, and is answered AcceptedCanceled. Without a fileName in the answer there is
nothing to upload: the time asked for ends before it begins, has not begun yet, or nothing happened in it. Nothing is
uploaded then, and nothing told; a running upload goes on.

The security log is a file of JSON lines, the diagnostics are the archive of GetDiagnostics. Nothing is held here: a
`LogUpload` is made for every request.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from forecourt.ocpp.security_extension import GetLogRequest, GetLogResponse, LogStatus, LogType
from forecourt.ocpp.types import to_epoch
from forecourt.station.calls import Reply
from forecourt.station.clock import timestamp
from forecourt.station.diagnostics import WHOLE_S
from forecourt.station.effects import Effect, FilePart, LogEvent
from forecourt.station.uploads import Upload, Uploads, repeats

if TYPE_CHECKING:
    from forecourt.station.clock import Clock
    from forecourt.station.diagnostics import Diagnostics
    from forecourt.station.security_log import SecurityLog

ACTION = "LogStatusNotification"


class LogUpload:
    """The logs of one station for the supervision."""

    __slots__ = ("_clock", "_diagnostics", "_effects", "_security", "_uploads")

    def __init__(
        self, diagnostics: Diagnostics, security: SecurityLog, uploads: Uploads, clock: Clock, effects: list[Effect]
    ) -> None:
        self._diagnostics = diagnostics
        self._security = security
        self._uploads = uploads
        self._clock = clock
        self._effects = effects

    def asked(self, request: GetLogRequest, now: float) -> GetLogResponse | Reply:
        """Answer what will be uploaded, and upload it; or that there is nothing."""
        clock_s = self._clock.wall(now)
        oldest, latest = request.log.oldestTimestamp, request.log.latestTimestamp
        from_s = to_epoch(oldest) if isinstance(oldest, datetime) else WHOLE_S
        until_s = min(to_epoch(latest), clock_s) if isinstance(latest, datetime) else clock_s
        if from_s > until_s:
            return self._nothing(f"oldestTimestamp before latestTimestamp and not in the future, came {oldest}")
        if request.logType is LogType.DiagnosticsLog:
            name = self._diagnostics.name(now)
            archive = self._diagnostics.archive(from_s, until_s, now)
            upload = Upload(request.log.remoteLocation, name, archive, from_s, until_s)
        else:
            lines = self._security.between(timestamp(from_s), timestamp(until_s))
            if not lines:
                return self._nothing(f"a time in which something happened, came {oldest} to {latest}")
            name = self._diagnostics.name(now, "security", "jsonl")
            upload = Upload(request.log.remoteLocation, name, (FilePart(name, lines),), None, until_s)
        return self._begin(request, upload)

    def _nothing(self, expected: str) -> GetLogResponse:
        self._effects.append(LogEvent("GetLog has nothing to upload", f"expected {expected}"))
        return GetLogResponse(status=LogStatus.Accepted)

    def _begin(self, request: GetLogRequest, upload: Upload) -> Reply:
        retries, retry_interval_s = repeats(request.retries, request.retryInterval)
        upload = upload._replace(request_id=request.requestId, retries=retries, retry_interval_s=retry_interval_s)
        status = LogStatus.Accepted if self._uploads.is_under_way(ACTION) is None else LogStatus.AcceptedCanceled

        def then(at: float) -> None:
            self._uploads.cancel(ACTION, at, why=f"GetLog {request.requestId} came", silently=True)
            self._uploads.begin(ACTION, upload, at)

        return Reply(GetLogResponse(status=status, filename=upload.name), then)
