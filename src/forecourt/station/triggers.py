"""TriggerMessage and ExtendedTriggerMessage (OCPP 1.6 §5.17, white paper §6.16): a message is wanted now (facts §6.5).

The answer goes out first. What is asked for is sent whatever the boot's state: while Pending this is the only way to
make a station talk (§4.2). There is one row a message; the ones of a connector say whether connector 0 counts as one.
The two requests have a table each: the extended one is about the messages of the security extension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forecourt.errors import ForecourtError
from forecourt.ocpp.actions import ACTION_OF
from forecourt.ocpp.remote_trigger import (
    MessageTrigger,
    TriggerMessageRequest,
    TriggerMessageResponse,
    TriggerMessageStatus,
)
from forecourt.ocpp.security_extension import (
    ExtendedMessageTrigger,
    ExtendedTriggerMessageRequest,
    ExtendedTriggerMessageResponse,
)
from forecourt.station.calls import Reply
from forecourt.station.certificate_requests import NoRequest
from forecourt.station.effects import Effect, LogEvent
from forecourt.station.reports import Report, message_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.ocpp.core import MeterValuesRequest
    from forecourt.station.boot import Boot
    from forecourt.station.calls import Answer, Calls
    from forecourt.station.connector import Connectors
    from forecourt.station.credentials import Credentials
    from forecourt.station.firmware import Firmware
    from forecourt.station.metering import Metering
    from forecourt.station.transactions import Transactions
    from forecourt.station.uploads import Uploads


class TriggerRefused(ForecourtError):  # noqa: N818  the word of the domain
    """The station does not send what was asked for; the text says what was expected and what came."""


class Triggers:
    """What the supervision may have sent. It holds nothing: one is made for every request."""

    def __init__(
        self,
        boot: Boot,
        calls: Calls,
        connectors: Connectors,
        metering: Metering,
        transactions: Transactions,
        uploads: Uploads,
        firmware: Firmware,
        need_credentials: Callable[[], Credentials],
        effects: list[Effect],
    ) -> None:
        self._boot = boot
        self._calls = calls
        self._connectors = connectors
        self._metering = metering
        self._transactions = transactions
        self._uploads = uploads
        self._firmware = firmware
        self._need_credentials = need_credentials
        self._effects = effects

    def asked(self, request: TriggerMessageRequest, now: float) -> TriggerMessageResponse | Reply:
        """Send what is asked for after the answer, or say why not."""
        status, then = self._judged(ROWS, request, now)
        response = TriggerMessageResponse(status=status)
        return response if then is None else Reply(response, then)

    def asked_extended(
        self, request: ExtendedTriggerMessageRequest, now: float
    ) -> ExtendedTriggerMessageResponse | Reply:
        """As `asked`, for ExtendedTriggerMessage."""
        status, then = self._judged(EXTENDED_ROWS, request, now)
        response = ExtendedTriggerMessageResponse(status=status)
        return response if then is None else Reply(response, then)

    def _judged(
        self, rows: dict[str, Row], request: TriggerMessageRequest | ExtendedTriggerMessageRequest, now: float
    ) -> tuple[TriggerMessageStatus, Callable[[float], None] | None]:
        """The answer, and what follows it."""
        row = rows.get(request.requestedMessage)
        if row is None:
            self._log(request, f"expected one of {', '.join(rows)}, came {request.requestedMessage[:50]}")
            return TriggerMessageStatus.NotImplemented, None
        try:
            then = row.prepare(self, self._meant(row, request.connectorId), now)
        except TriggerRefused as refused:
            self._log(request, f"{request.requestedMessage}: {refused}")
            return TriggerMessageStatus.Rejected, None
        return TriggerMessageStatus.Accepted, then

    def _log(self, request: TriggerMessageRequest | ExtendedTriggerMessageRequest, why: str) -> None:
        self._effects.append(LogEvent(f"{ACTION_OF[type(request)].name} refused", why))

    def _meant(self, row: Row, connector: object) -> tuple[int, ...]:
        """The connectors for which to send; a connectorId that does not matter is ignored."""
        if row.lowest is None:
            return ()
        allowed = (*range(row.lowest, len(self._connectors.guns) + 1),)
        if not isinstance(connector, int):
            return allowed
        if connector not in allowed:
            raise TriggerRefused(f"expected connectorId {allowed[0]} to {allowed[-1]}, came {connector}")
        return (connector,)

    # A row's message: what to check before the answer, and what to do after it.

    def _boot_notification(self, _: tuple[int, ...], now: float) -> Callable[[float], None]:
        if not self._boot.may_be_triggered:
            raise TriggerRefused("expected a station that waits to be accepted, and it was accepted on this connection")
        return self._boot.ask

    def _heartbeat(self, _: tuple[int, ...], now: float) -> Callable[[float], None]:
        return self._boot.send_heartbeat

    def _status_notification(self, numbers: tuple[int, ...], now: float) -> Callable[[float], None]:
        return lambda at: self._connectors.tell(numbers, at)

    def _meter_values(self, numbers: tuple[int, ...], now: float) -> Callable[[float], None]:
        if not any(self._values(number, now).meterValue[0].sampledValue for number in numbers):
            raise TriggerRefused("expected a measurand in MeterValuesSampledData that has a value now")
        return lambda at: self._send_values(numbers, at)

    def _values(self, number: int, now: float) -> MeterValuesRequest:
        return self._metering.present(number, self._transactions.on(number), now)

    def _send_values(self, numbers: tuple[int, ...], now: float) -> None:
        for number in numbers:
            values = self._values(number, now)
            if values.meterValue[0].sampledValue:
                self._calls.request(values, _unheeded, now)

    def _diagnostics_status(self, _: tuple[int, ...], now: float) -> Callable[[float], None]:
        """The present status, Idle while nothing is uploaded."""
        action = MessageTrigger.DiagnosticsStatusNotification.value
        return lambda at: self._send(Report(action, self._uploads.status(action)), at)

    def _firmware_status(self, _: tuple[int, ...], now: float) -> Callable[[float], None]:
        """The present status, Idle while no update runs."""
        action = MessageTrigger.FirmwareStatusNotification.value
        return lambda at: self._send(Report(action, self._firmware.status), at)

    def _log_status(self, _: tuple[int, ...], now: float) -> Callable[[float], None]:
        """The present status with the requestId of its GetLog, Idle without one while nothing is uploaded."""
        action = ExtendedMessageTrigger.LogStatusNotification.value

        def tell(at: float) -> None:
            under_way = self._uploads.is_under_way(action)
            request_id = None if under_way is None else under_way.requestId
            self._send(Report(action, self._uploads.status(action), request_id), at)

        return tell

    def _signed_firmware_status(self, _: tuple[int, ...], now: float) -> Callable[[float], None]:
        """The last status with its requestId, Idle without one when that was Installed or there is none."""
        return lambda at: self._send(self._firmware.signed_report, at)

    def _sign_certificate(self, _: tuple[int, ...], now: float) -> Callable[[float], None]:
        requests = self._need_credentials().requests
        try:
            requests.require_possible()
        except NoRequest as refused:
            raise TriggerRefused(str(refused)) from refused
        return requests.begin

    def _send(self, report: Report, now: float) -> None:
        self._calls.request(message_of(report), _unheeded, now)


class Row(NamedTuple):
    """A message that can be triggered."""

    prepare: Callable[[Triggers, tuple[int, ...], float], Callable[[float], None]]
    lowest: int | None
    """The lowest connector it can be about; None: connectors do not matter for it."""


ROWS: dict[str, Row] = {
    MessageTrigger.BootNotification.value: Row(Triggers._boot_notification, None),
    MessageTrigger.DiagnosticsStatusNotification.value: Row(Triggers._diagnostics_status, None),
    MessageTrigger.FirmwareStatusNotification.value: Row(Triggers._firmware_status, None),
    MessageTrigger.Heartbeat.value: Row(Triggers._heartbeat, None),
    MessageTrigger.MeterValues.value: Row(Triggers._meter_values, 1),
    MessageTrigger.StatusNotification.value: Row(Triggers._status_notification, 0),
}
"""There is no meter for the whole station, so MeterValues is about guns only."""

EXTENDED_ROWS: dict[str, Row] = {
    ExtendedMessageTrigger.BootNotification.value: Row(Triggers._boot_notification, None),
    ExtendedMessageTrigger.LogStatusNotification.value: Row(Triggers._log_status, None),
    ExtendedMessageTrigger.FirmwareStatusNotification.value: Row(Triggers._signed_firmware_status, None),
    ExtendedMessageTrigger.Heartbeat.value: Row(Triggers._heartbeat, None),
    ExtendedMessageTrigger.MeterValues.value: Row(Triggers._meter_values, 1),
    ExtendedMessageTrigger.SignChargePointCertificate.value: Row(Triggers._sign_certificate, None),
    ExtendedMessageTrigger.StatusNotification.value: Row(Triggers._status_notification, 0),
}


def _unheeded(answer: Answer, now: float) -> None:
    """The answers are empty, and one that does not come changes nothing."""
