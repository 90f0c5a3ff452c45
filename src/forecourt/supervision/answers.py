"""What a station's requests are answered: a row a request. An answer comes after the facts it depends on."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

from msgspec import UNSET

from forecourt.ocpp.actions import ACTION_OF
from forecourt.ocpp.core import (
    AuthorizationStatus,
    AuthorizeRequest,
    AuthorizeResponse,
    BootNotificationRequest,
    BootNotificationResponse,
    DataTransferRequest,
    DataTransferResponse,
    DataTransferStatus,
    HeartbeatRequest,
    HeartbeatResponse,
    MeterValuesRequest,
    MeterValuesResponse,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
    StatusNotificationResponse,
    StopTransactionRequest,
    StopTransactionResponse,
)
from forecourt.ocpp.firmware_management import (
    DiagnosticsStatusNotificationRequest,
    DiagnosticsStatusNotificationResponse,
    FirmwareStatusNotificationRequest,
    FirmwareStatusNotificationResponse,
)
from forecourt.ocpp.security_extension import (
    GenericStatus,
    LogStatusNotificationRequest,
    LogStatusNotificationResponse,
    SecurityEventNotificationRequest,
    SecurityEventNotificationResponse,
    SignCertificateRequest,
    SignCertificateResponse,
    SignedFirmwareStatusNotificationRequest,
    SignedFirmwareStatusNotificationResponse,
)
from forecourt.ocpp.types import from_epoch, given
from forecourt.supervision.consequences import follow
from forecourt.supervision.effects import PassOnRequest, Store
from forecourt.supervision.facts import (
    BootReported,
    CertificateRequested,
    DataReceived,
    MeterValuesReported,
    ProgressReported,
    SecurityEventReported,
    StatusReported,
    TransactionStopped,
)
from forecourt.supervision.limits import forget_profiles_of
from forecourt.supervision.transactions import started_fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.ocpp.types import Record
    from forecourt.supervision.effects import Effect
    from forecourt.supervision.pricing import Prices
    from forecourt.supervision.registry import Registry
    from forecourt.supervision.stations import Station
    from forecourt.supervision.transactions import Transactions

ObjectionToRequest: TypeAlias = "Callable[[str, str], str | None]"
"""Given an identity and its signing request: why it is Rejected, as a sentence; None when it can be signed."""

REMEMBERED_CONNECTORS = 16
"""So many connector numbers of a station at most have their latest MeterValues remembered."""
REMEMBERED_VALUES = 8
"""So many of the latest MeterValues of a connector are recognised when they come again; late ones come among them."""
DIGEST_BYTES = 8
REQUEST_ID_BYTES = 16

_METER_VALUES_RESPONSE = MeterValuesResponse()
_STATUS_NOTIFICATION_RESPONSE = StatusNotificationResponse()
_PROGRESS_RESPONSES: dict[type, Record] = {
    DiagnosticsStatusNotificationRequest: DiagnosticsStatusNotificationResponse(),
    FirmwareStatusNotificationRequest: FirmwareStatusNotificationResponse(),
    LogStatusNotificationRequest: LogStatusNotificationResponse(),
    SignedFirmwareStatusNotificationRequest: SignedFirmwareStatusNotificationResponse(),
}


class Answers:
    """Answers the requests that a station may send."""

    def __init__(
        self,
        registry: Registry,
        transactions: Transactions,
        prices: Prices,
        objection_to: ObjectionToRequest | None = None,
    ) -> None:
        self._registry = registry
        self._prices = prices
        self._objection_to = objection_to
        self._transactions = transactions
        self._answers: dict[type, Callable[..., Record]] = {
            MeterValuesRequest: self._meter_values,
            HeartbeatRequest: self._heartbeat,
            StatusNotificationRequest: self._status,
            AuthorizeRequest: self._authorize,
            StartTransactionRequest: self._start,
            StopTransactionRequest: self._stop,
            BootNotificationRequest: self._boot,
            DataTransferRequest: self._data,
            SecurityEventNotificationRequest: self._security_event,
            SignCertificateRequest: self._sign,
            **dict.fromkeys(_PROGRESS_RESPONSES, self._progress),
        }

    def answer(self, station: Station, request: Record, payload: bytes, now: float, effects: list[Effect]) -> Record:
        """The response to a request; its facts are appended to `effects`. `payload` is the request as it came."""
        return self._answers[type(request)](station, request, payload, now, effects)

    def _boot(
        self, station: Station, request: BootNotificationRequest, _: bytes, now: float, effects: list[Effect]
    ) -> Record:
        status, interval_s = self._registry.boot_answer(station.identity, station.provisional)
        station.boot_status = status
        station.triggered = frozenset()
        station.limits = None
        effects.append(Store(BootReported(station.identity, now, status, request)))
        self._prices.booted(station, now)
        _follow(station, request, None, now, effects)
        return BootNotificationResponse(status=status, currentTime=from_epoch(now), interval=interval_s)

    def _heartbeat(
        self, station: Station, request: HeartbeatRequest, _: bytes, now: float, effects: list[Effect]
    ) -> Record:
        _follow(station, request, None, now, effects)
        return HeartbeatResponse(currentTime=from_epoch(now))

    def _authorize(
        self, _station: Station, request: AuthorizeRequest, _: bytes, now: float, _effects: list[Effect]
    ) -> Record:
        return AuthorizeResponse(idTagInfo=self._registry.id_tag_info(request.idTag, now))

    def _start(
        self, station: Station, request: StartTransactionRequest, _: bytes, now: float, effects: list[Effect]
    ) -> Record:
        transaction, new = self._transactions.started(station, request, now)
        if new:
            effects.append(Store(started_fact(station, transaction)))
            self._prices.started(station, transaction, now, effects)
            _follow(station, request, transaction.transaction_id, now, effects)
        concurrent = transaction.status == AuthorizationStatus.ConcurrentTx
        info = self._registry.id_tag_info(request.idTag, now, concurrent=concurrent)
        return StartTransactionResponse(transactionId=transaction.transaction_id, idTagInfo=info)

    def _stop(
        self, station: Station, request: StopTransactionRequest, _: bytes, now: float, effects: list[Effect]
    ) -> Record:
        fact = self._transactions.stopped(station, request, now)
        if fact is not None:
            effects.append(Store(fact))
            if type(fact) is TransactionStopped:
                self._prices.stopped(station, request, now, effects)
            _follow(station, request, request.transactionId, now, effects)
        forget_profiles_of(station, request.transactionId)
        if request.idTag is UNSET:
            return StopTransactionResponse()
        return StopTransactionResponse(idTagInfo=self._registry.id_tag_info(request.idTag, now))

    def _meter_values(
        self, station: Station, request: MeterValuesRequest, payload: bytes, now: float, effects: list[Effect]
    ) -> Record:
        known, seen = station.meter_values, blake2b(payload, digest_size=DIGEST_BYTES).digest()
        latest = known.get(request.connectorId, b"")
        if all(latest[at : at + DIGEST_BYTES] != seen for at in range(0, len(latest), DIGEST_BYTES)):
            if len(known) >= REMEMBERED_CONNECTORS:
                known.clear()
            known[request.connectorId] = latest[(1 - REMEMBERED_VALUES) * DIGEST_BYTES :] + seen
            effects.append(Store(MeterValuesReported(station.identity, now, request)))
            self._prices.metered(station, request)
            _follow(station, request, None, now, effects)
        return _METER_VALUES_RESPONSE

    def _status(
        self, station: Station, request: StatusNotificationRequest, _: bytes, now: float, effects: list[Effect]
    ) -> Record:
        effects.append(Store(StatusReported(station.identity, now, request)))
        self._prices.status(station, request, now, effects)
        _follow(station, request, None, now, effects)
        return _STATUS_NOTIFICATION_RESPONSE

    def _data(
        self, station: Station, request: DataTransferRequest, _: bytes, now: float, effects: list[Effect]
    ) -> Record:
        """Section 4.3: no vendor's data is understood yet, so every vendor is unknown, and the answer has no data."""
        status = DataTransferStatus.UnknownVendorId
        message_id, data = given(request.messageId), given(request.data)
        effects.append(Store(DataReceived(station.identity, now, request.vendorId, message_id, data, status)))
        return DataTransferResponse(status=status)

    def _security_event(
        self, station: Station, request: SecurityEventNotificationRequest, _: bytes, now: float, effects: list[Effect]
    ) -> Record:
        effects.append(Store(SecurityEventReported(station.identity, now, request)))
        return SecurityEventNotificationResponse()

    def _sign(
        self, station: Station, request: SignCertificateRequest, _: bytes, now: float, effects: list[Effect]
    ) -> Record:
        """Accepted is what the authority, if there is one, can sign; it is asked only after the answer (A02.FR.04)."""
        _follow(station, request, None, now, effects)
        if self._objection_to is None:
            return SignCertificateResponse(status=GenericStatus.Rejected)
        refusal = self._objection_to(station.identity, request.csr)
        asked = f"{station.identity} {request.csr}".encode()
        number = blake2b(asked, digest_size=REQUEST_ID_BYTES).hexdigest()
        effects.append(Store(CertificateRequested(station.identity, now, number, request.csr, refusal)))
        if refusal is not None:
            return SignCertificateResponse(status=GenericStatus.Rejected)
        effects.append(PassOnRequest(station.identity, number, request.csr))
        return SignCertificateResponse(status=GenericStatus.Accepted)

    def _progress(
        self,
        station: Station,
        request: LogStatusNotificationRequest | SignedFirmwareStatusNotificationRequest,
        _: bytes,
        now: float,
        effects: list[Effect],
    ) -> Record:
        request_id = given(getattr(request, "requestId", UNSET))
        name = ACTION_OF[type(request)].name
        fact = ProgressReported(station.identity, now, name, request.status, request_id)
        effects.append(Store(fact))
        _follow(station, request, None, now, effects)
        return _PROGRESS_RESPONSES[type(request)]


def _follow(station: Station, request: Record, transaction_id: int | None, now: float, effects: list[Effect]) -> None:
    if station.expectations:
        follow(station, request, transaction_id, now, effects)
