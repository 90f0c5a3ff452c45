"""The connectors and what they report: the status matrix of OCPP 1.6 §4.9 (errata 3.20) and StatusNotification.

Theory of operation. `Connectors` owns the status of connector 0 and of each gun; nobody else assigns one. Others say
what became of a connector (`move`, `fault`, `clear`), and the table `ALLOWED` checks every move. The table says what
may happen, not why: the reasons are with the callers.

The *actual* status changes at once; the *reported* one follows. A status is reported once it has been stable for
MinimumStatusDuration, with the moment of its change as timestamp, and a shorter one is left out. Reports after a boot,
into and out of Faulted, of warnings, for a remote start and of an EV side disconnect do not wait. While nothing can be
sent nothing is reported; after the reconnect the errors that came and went are, in order, and then the present status
of what differs from the last report.

Faults are kept beside the status. While a blocking one is there a connector is Faulted, and `before_fault` moves as if
it were not, so that clearing the fault leads to the state that the gun is really in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.evlink.faults import Fault, Severity
from forecourt.ocpp.core import ChargePointErrorCode, ChargePointStatus, StatusNotificationRequest
from forecourt.station.boot import VENDOR
from forecourt.station.calls import LOST
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forecourt.station.calls import Answer, Calls
    from forecourt.station.clock import Clock
    from forecourt.station.configuration import Configuration

A = ChargePointStatus.Available
B = ChargePointStatus.Preparing
C = ChargePointStatus.Charging
D = ChargePointStatus.SuspendedEV
E = ChargePointStatus.SuspendedEVSE
F = ChargePointStatus.Finishing
G = ChargePointStatus.Reserved
H = ChargePointStatus.Unavailable
I = ChargePointStatus.Faulted  # noqa: E741  the document's letter

ALLOWED: dict[ChargePointStatus, frozenset[ChargePointStatus]] = {
    A: frozenset({B, C, D, E, G, H, I}),
    B: frozenset({A, C, D, E, F, I}),
    C: frozenset({A, D, E, F, H, I}),
    D: frozenset({A, C, E, F, H, I}),
    E: frozenset({A, C, D, F, H, I}),
    F: frozenset({A, B, H, I}),
    G: frozenset({A, B, H, I}),
    H: frozenset({A, B, C, D, E, I}),
    I: frozenset({A, B, C, D, E, F, G, H}),
}
"""From each status the ones it may become, as printed in §4.9 (rows A to I)."""

ALLOWED_FOR_STATION: dict[ChargePointStatus, frozenset[ChargePointStatus]] = {
    A: frozenset({H, I}),
    H: frozenset({A, I}),
    I: frozenset({A, H}),
}
"""Connector 0 knows three statuses only."""

MISSED_LIMIT = 50
"""Errors kept to be reported after a reconnect; the oldest is dropped first."""

EV_SIDE_DISCONNECTED = "EV side disconnected"


class Report(msgspec.Struct, frozen=True, gc=False):
    """What was last reported of a connector."""

    status: ChargePointStatus
    dtc: str
    info: str


class Missed(msgspec.Struct, frozen=True, gc=False):
    """An error that could not be reported when it came."""

    report: Report
    request: StatusNotificationRequest


class Connector:
    """One connector's status and faults. Only `Connectors` changes it."""

    __slots__ = ("before_fault", "changed_at", "faults", "info", "number", "reported", "status")

    def __init__(self, number: int) -> None:
        self.number = number
        self.status = A
        self.before_fault = A
        self.changed_at = 0.0
        self.info = ""
        self.faults: tuple[Fault, ...] = ()
        self.reported: Report | None = None

    @property
    def worst(self) -> Fault | None:
        """The fault to report: the latest blocking one, else the latest warning."""
        for fault in reversed(self.faults):
            if fault.severity is Severity.ERROR:
                return fault
        return self.faults[-1] if self.faults else None

    @property
    def is_blocked(self) -> bool:
        """Whether a blocking fault is there."""
        return any(fault.severity is Severity.ERROR for fault in self.faults)

    @property
    def present(self) -> Report:
        """What a report would say now."""
        worst = self.worst
        return Report(self.status, "" if worst is None else worst.dtc, self.info)


class Connectors:
    """Connector 0 and the guns of one station."""

    __slots__ = ("_calls", "_clock", "_configuration", "_is_released", "_missed", "_rows", "_timers", "_timestamp_only")

    def __init__(
        self,
        count: int,
        configuration: Configuration,
        calls: Calls,
        clock: Clock,
        timers: Timers,
        timestamp_only: bool,
    ) -> None:
        self._rows = tuple(Connector(number) for number in range(count + 1))
        self._configuration = configuration
        self._calls = calls
        self._clock = clock
        self._timers = timers
        self._timestamp_only = timestamp_only
        self._is_released = False
        self._missed: tuple[Missed, ...] = ()

    def __getitem__(self, number: int) -> Connector:
        return self._rows[number]

    @property
    def guns(self) -> tuple[Connector, ...]:
        """The connectors that a cable hangs on, without connector 0."""
        return self._rows[1:]

    def exists(self, number: int) -> bool:
        """Whether the station has this gun."""
        return 1 <= number < len(self._rows)

    # Moves.

    def begin(self, number: int, status: ChargePointStatus, now: float) -> None:
        """The status in which a life begins; nothing is reported yet."""
        row = self._rows[number]
        row.status = row.before_fault = status
        row.changed_at = now

    def move(
        self, number: int, status: ChargePointStatus, now: float, *, info: str = "", at_once: bool = False
    ) -> None:
        """Take a connector to a status; `at_once` reports it without MinimumStatusDuration."""
        row = self._rows[number]
        if row.status is I and row.is_blocked:
            if row.before_fault is not status:
                assert status in ALLOWED[row.before_fault], f"connector {number}: {row.before_fault} -> {status}"
                row.before_fault = status
            return
        if row.status is status and row.info == info:
            return
        self._set(row, status, info, now)
        self._report_when_stable(row, now, at_once)

    def _set(self, row: Connector, status: ChargePointStatus, info: str, now: float) -> None:
        if row.status is not status:
            allowed = ALLOWED if row.number else ALLOWED_FOR_STATION
            assert status in allowed[row.status], f"connector {row.number}: {row.status} -> {status}"
        row.status = status
        row.info = info
        row.changed_at = now

    def fault(self, number: int, fault: Fault, now: float) -> None:
        """A vendor error appeared on a connector."""
        row = self._rows[number]
        if fault in row.faults:
            return
        row.faults = (*row.faults, fault)
        row.changed_at = now
        if fault.severity is Severity.ERROR and row.status is not I:
            row.before_fault = row.status
            self._set(row, I, "", now)
        if self._is_released:
            self._report(row, now)
        else:
            self._miss(row, row.present, self._notification(row))

    def clear(self, number: int, fault: Fault, now: float) -> None:
        """A vendor error went away; with the last blocking one the connector returns to where it is without it."""
        row = self._rows[number]
        if fault not in row.faults:
            return
        row.faults = tuple(other for other in row.faults if other is not fault)
        row.changed_at = now
        if row.status is I and not row.is_blocked:
            self._set(row, row.before_fault, "", now)
        self._report(row, now)

    # Reports.

    def release(self, now: float, *, all_of_them: bool) -> None:
        """Reports can be sent: after a boot all of them, after a reconnect what was missed and what has changed."""
        self._is_released = True
        missed, self._missed = self._missed, ()
        if not all_of_them:
            for error in missed:
                self._send(self._rows[error.request.connectorId], error.report, error.request, now)
        for row in self._rows:
            if all_of_them or (row.reported != row.present and not self._is_settling(row)):
                self._report(row, now)

    def hold(self) -> None:
        """Reports can not be sent until `release`."""
        self._is_released = False

    def report(self, numbers: Iterable[int], now: float) -> None:
        """Report the present status of these connectors at once, changed or not."""
        for number in numbers:
            self._report(self._rows[number], now)

    def tell(self, numbers: Iterable[int], now: float) -> None:
        """As `report`, accepted or not: the supervision has triggered it."""
        for number in numbers:
            row = self._rows[number]
            self._timers.stop(Timer.STATUS_SETTLES_0 + number)
            self._send(row, row.present, self._notification(row), now)

    def mention(self, number: int, error_code: ChargePointErrorCode, info: str, now: float) -> None:
        """Report something that happened beside the status, such as LocalListConflict; the next report is without it.

        One that the connection lost is told after the reconnect.
        """
        row = self._rows[number]
        optional = {} if self._timestamp_only else {"info": info}
        request = StatusNotificationRequest(
            connectorId=number,
            errorCode=error_code,
            status=row.status,
            timestamp=self._clock.timestamp(now),
            **optional,
        )
        report = Report(row.status, error_code.value, info)
        if self._is_released:
            self._send(row, report, request, now)
        else:
            self._miss(row, report, request)

    def settled(self, number: int, now: float) -> None:
        """MinimumStatusDuration has passed since the status changed."""
        row = self._rows[number]
        if row.reported != row.present:
            self._report(row, now)

    def _is_settling(self, row: Connector) -> bool:
        return self._timers.is_set(Timer.STATUS_SETTLES_0 + row.number)

    def _report_when_stable(self, row: Connector, now: float, at_once: bool) -> None:
        duration_s = 0 if at_once else self._configuration.integer("MinimumStatusDuration")
        if duration_s == 0:
            self._report(row, now)
        elif row.reported == row.present:
            self._timers.stop(Timer.STATUS_SETTLES_0 + row.number)
        else:
            self._timers.set(Timer.STATUS_SETTLES_0 + row.number, now + duration_s)

    def _report(self, row: Connector, now: float) -> None:
        self._timers.stop(Timer.STATUS_SETTLES_0 + row.number)
        if self._is_released:
            self._send(row, row.present, self._notification(row), now)

    def _send(self, row: Connector, report: Report, request: StatusNotificationRequest, now: float) -> None:
        row.reported = report

        def answered(answer: Answer, at: float) -> None:
            # The answer is empty, and an error in its place changes nothing. A report that was lost counts as none.
            if answer is LOST:
                row.reported = None
                self._miss(row, report, request)

        self._calls.request(request, answered, now)

    def _miss(self, row: Connector, report: Report, request: StatusNotificationRequest) -> None:
        self._timers.stop(Timer.STATUS_SETTLES_0 + row.number)
        if report.dtc:
            self._missed = (*self._missed, Missed(report, request))[-MISSED_LIMIT:]

    def _notification(self, row: Connector) -> StatusNotificationRequest:
        worst = row.worst
        if worst is None:
            optional = {"info": row.info} if row.info and not self._timestamp_only else {}
        elif self._timestamp_only:
            optional = {}
        else:
            optional = {"info": worst.description, "vendorId": VENDOR, "vendorErrorCode": worst.dtc}
        error_code = ChargePointErrorCode.NoError if worst is None else ChargePointErrorCode(worst.error_code)
        return StatusNotificationRequest(
            connectorId=row.number,
            errorCode=error_code,
            status=row.status,
            timestamp=self._clock.timestamp(row.changed_at),
            **optional,
        )
