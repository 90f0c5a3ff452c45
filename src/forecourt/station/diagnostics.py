"""GetDiagnostics (OCPP 1.6 §5.9; facts §9.1) and the archive that it uploads.

Theory of operation. The archive is a zip of JSON files that a person can read, taken at the moment of the request, and
the log of messages and events, which whoever keeps that log adds while packing. `startTime` and `stopTime` say which
part of the log and which past errors are in it; what is true now has no time and is always in it. AuthorizationKey and
private keys are in none of it. There is nothing to upload, and then no fileName in the answer, when the time asked for
ends before it begins or has not begun yet.

One upload of diagnostics goes on at a time: a further request stops it, which is told as UploadFailed, and begins
another. Nothing is held here: a `Diagnostics` is made for every request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.ocpp.core import GetConfigurationRequest
from forecourt.ocpp.firmware_management import GetDiagnosticsRequest, GetDiagnosticsResponse
from forecourt.ocpp.types import to_epoch
from forecourt.station.calls import Reply
from forecourt.station.clock import timestamp
from forecourt.station.effects import Effect, FilePart, LogEvent
from forecourt.station.seen import Seen, snapshot_of
from forecourt.station.uploads import Upload, Uploads, repeats

if TYPE_CHECKING:
    from forecourt.station.error_history import ErrorHistory, PastError
    from forecourt.station.snapshot import StationSnapshot

ACTION = "DiagnosticsStatusNotification"

SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
"""What a file name is made of on every server; any other character of an identity becomes a minus sign."""

WHOLE_S = 0.0
"""The beginning of a log that is asked for as a whole."""


class Diagnostics:
    """What one station can say about itself."""

    __slots__ = ("_effects", "_errors", "_seen", "_uploads")

    def __init__(self, seen: Seen, errors: ErrorHistory, uploads: Uploads, effects: list[Effect]) -> None:
        self._seen = seen
        self._errors = errors
        self._uploads = uploads
        self._effects = effects

    def asked(self, request: GetDiagnosticsRequest, now: float) -> GetDiagnosticsResponse | Reply:
        """Answer what will be uploaded, and upload it; or that there is nothing."""
        clock_s = self._seen.clock.wall(now)
        start = request.startTime if request.startTime else None
        stop = request.stopTime if request.stopTime else None
        from_s = to_epoch(start) if start else WHOLE_S
        until_s = min(to_epoch(stop), clock_s) if stop else clock_s
        if from_s > until_s:
            wrong = f"expected a startTime before stopTime and not in the future, came {start} and {stop or 'none'}"
            self._effects.append(LogEvent("GetDiagnostics has nothing to upload", wrong))
            return GetDiagnosticsResponse()
        retries, retry_interval_s = repeats(request.retries, request.retryInterval)
        upload = Upload(
            url=request.location,
            name=self.name(now),
            parts=self.archive(from_s, until_s, now),
            log_from_s=from_s,
            log_until_s=until_s,
            retries=retries,
            retry_interval_s=retry_interval_s,
        )
        return Reply(GetDiagnosticsResponse(fileName=upload.name), lambda at: self._uploads.begin(ACTION, upload, at))

    def name(self, now: float, what: str = "diagnostics", ending: str = "zip") -> str:
        """The name of a file made now: identity, content and time, at most 255 characters, safe everywhere."""
        identity = "".join(char if char in SAFE else "-" for char in self._seen.configuration.identity)
        return f"{identity[:100]}_{what}_{self._seen.clock.timestamp(now):%Y%m%dT%H%M%SZ}.{ending}"

    def archive(self, from_s: float, until_s: float, now: float) -> tuple[FilePart, ...]:
        """The JSON files of an archive about the time between two moments, in seconds since the epoch."""
        snapshot = snapshot_of(self._seen, now)
        window = {"from": timestamp(from_s), "until": timestamp(until_s)}
        return (
            _part("station", {"takenAt": snapshot.clock, **window, **_station(snapshot)}),
            _part("connectors", self._connectors(snapshot)),
            _part("errors", {**window, **self._faults(from_s, until_s)}),
            _part("transactions", _transactions(snapshot)),
            _part("given-up", snapshot.givenUp),
            _part("configuration", self._configuration()),
            _part("profiles", snapshot.chargingProfiles),
            _part("reservations", snapshot.reservations),
        )

    def _connectors(self, snapshot: StationSnapshot) -> list[dict[str, Any]]:
        numbers = range(len(self._seen.connectors.guns) + 1)
        rows = [self._seen.connectors[number] for number in numbers]
        seen: list[dict[str, Any]] = [
            {
                "connectorId": row.number,
                "status": row.status,
                "since": self._seen.clock.timestamp(row.changed_at),
                "reportedStatus": None if row.reported is None else row.reported.status,
                "dtcs": [fault.dtc for fault in row.faults],
            }
            for row in rows
        ]
        for entry, gun in zip(seen[1:], snapshot.connectors, strict=True):
            entry |= {
                "type": gun.type,
                "plugged": gun.plugged,
                "soc_percent": gun.soc_percent,
                "meter_wh": gun.meter_wh,
                "power_w": gun.power_w,
                "voltage_v": gun.voltage_v,
                "current_a": gun.current_a,
                "offered_w": gun.offered_w,
                "limit_w": gun.limit_w,
            }
        return seen

    def _faults(self, from_s: float, until_s: float) -> dict[str, Any]:
        rows = [self._seen.connectors[number] for number in range(len(self._seen.connectors.guns) + 1)]
        present = [
            {"connectorId": row.number, "dtc": fault.dtc, "description": fault.description}
            for row in rows
            for fault in row.faults
        ]
        return {"present": present, "history": [_past(one) for one in self._errors.within(from_s, until_s)]}

    def _configuration(self) -> dict[str, Any]:
        """Every key that GetConfiguration lists, so never AuthorizationKey."""
        listed = self._seen.configuration.get(GetConfigurationRequest()).configurationKey
        return {
            entry.key: {"value": entry.value if isinstance(entry.value, str) else None, "readonly": entry.readonly}
            for entry in (listed if isinstance(listed, tuple) else ())
        }


def _station(snapshot: StationSnapshot) -> dict[str, Any]:
    return {
        "identity": snapshot.identity,
        "chargePointModel": snapshot.model,
        "chargePointSerialNumber": snapshot.serial,
        "firmwareVersion": snapshot.firmware,
        "boot": snapshot.boot,
        "status": snapshot.status,
        "link": snapshot.link,
        "queuedMessages": snapshot.queuedMessages,
        "localList": snapshot.localList,
        "cachedIdTags": snapshot.cachedIdTags,
        "chargingProfiles": len(snapshot.chargingProfiles),
        "inoperative": snapshot.inoperative,
    }


def _transactions(snapshot: StationSnapshot) -> list[dict[str, Any]]:
    running = [(gun.connectorId, gun.meter_wh, gun.transaction) for gun in snapshot.connectors]
    return [
        {"connectorId": number, "meter_wh": meter_wh, **msgspec.structs.asdict(transaction)}
        for number, meter_wh, transaction in running
        if transaction is not None
    ]


def _past(error: PastError) -> dict[str, Any]:
    return {
        "connectorId": error.connector,
        "dtc": error.dtc,
        "raisedAt": timestamp(error.raised_s),
        "clearedAt": None if error.cleared_s is None else timestamp(error.cleared_s),
    }


def _part(name: str, content: Any) -> FilePart:
    return FilePart(f"{name}.json", msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
