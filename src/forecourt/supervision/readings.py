"""What the API asks the database: queries on the store's connection in, views out. The caller bounds the lists."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from sqlalchemy import and_, func, or_, select, text

from forecourt.evlink.faults import Fault, UnknownFault, find_fault
from forecourt.ocpp.core import BootNotificationRequest, ChargePointErrorCode, Measurand, SampledValue
from forecourt.ocpp.types import from_epoch
from forecourt.supervision import readings_prices
from forecourt.supervision.consequences import state_of
from forecourt.supervision.registry import tag_key
from forecourt.supervision.schema import (
    COMMAND_FOLLOW_UPS,
    COMMANDS,
    ID_TAGS,
    MESSAGES,
    METER_VALUES,
    NOTICES,
    ORPHAN_STOPS,
    STATIONS,
    STATUSES,
    TRANSACTIONS,
    UPLOADS,
)
from forecourt.supervision.tariffs import register_wh
from forecourt.supervision.views import (
    BootView,
    CommandView,
    ConnectorView,
    ErrorView,
    FollowUpView,
    IdTagView,
    MessageView,
    MeterValueView,
    NoticeView,
    OrphanStopView,
    RegistrationView,
    SampledValueView,
    StationView,
    TransactionDetail,
    TransactionView,
    UploadView,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from sqlalchemy import ColumnElement, Connection, Row

    from forecourt.supervision.stations import StationView as LiveStation

HERTZ = "Hz"
STATUSES_SEARCHED = 2000
"""So many of the latest statuses of a station are searched for errors."""
LATEST_VALUES = 8
"""So many of the latest values of an open transaction are searched for one of the energy register."""

_sampled_values = msgspec.json.Decoder(tuple[SampledValue, ...])


class TransactionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which transactions are wanted; None for any."""

    identity: str | None = None
    connector_id: int | None = None
    id_tag: str | None = None
    is_open: bool | None = None
    since: datetime | None = None
    """Started then or later."""
    until: datetime | None = None
    """Started before."""
    before: int | None = None
    """With a transactionId below this one."""


def station(connection: Connection, identity: str, live: LiveStation | None) -> StationView | None:
    """One station; None when it was neither registered nor ever connected."""
    row = connection.execute(select(STATIONS).where(STATIONS.c.identity == identity)).one_or_none()
    return None if row is None else _station_views(connection, [row], {} if live is None else {identity: live})[0]


def stations(
    connection: Connection, live: dict[str, LiveStation], *, after: str, limit: int, connected: bool | None = None
) -> list[StationView]:
    """Stations in the order of their identities, those behind `after`."""
    query = select(STATIONS).where(STATIONS.c.identity > after).order_by(STATIONS.c.identity)
    if connected is None:
        return _station_views(connection, connection.execute(query.limit(limit)).all(), live)
    wanted = [
        row for row in connection.execute(query) if (row.identity in live and live[row.identity].connected) is connected
    ]
    return _station_views(connection, wanted[:limit], live)


def _station_views(connection: Connection, rows: Sequence[Row[Any]], live: dict[str, LiveStation]) -> list[StationView]:
    latest = _latest_statuses(connection, [row.identity for row in rows])
    numbers = [number for row in rows if row.identity in live for number in live[row.identity].open_transactions]
    transactions = _open_transactions(connection, numbers)
    return [
        _station_view(
            row,
            live.get(row.identity),
            latest.get(row.identity, []),
            _present_errors(connection, row.identity, latest.get(row.identity, [])),
            transactions.get(row.identity, []),
        )
        for row in rows
    ]


def _station_view(
    row: Row[Any],
    live: LiveStation | None,
    statuses: list[Row[Any]],
    errors: list[ErrorView],
    transactions: list[TransactionView],
) -> StationView:
    connected_s = None if live is None else live.connected_s
    last_seen_s = row.last_seen_s if live is None or live.last_seen_s is None else live.last_seen_s
    return StationView(
        identity=row.identity,
        registration=RegistrationView(bootStatus=row.boot_policy, interval=row.interval_s) if row.registered else None,
        authorizationKeySet=row.key_text_digest is not None,
        connected=live is not None and live.connected,
        connectedSince=_moment(connected_s),
        lastSeen=_moment(last_seen_s),
        remote=row.remote,
        boot=None if row.boot is None else _boot_view(row),
        connectors=[_connector_view(status) for status in statuses],
        errors=errors,
        openTransactions=transactions,
        waitingCommands=0 if live is None else live.waiting_commands,
        costRefusal=None if live is None else live.cost_refusal,
    )


def _boot_view(row: Row[Any]) -> BootView:
    request = msgspec.json.decode(row.boot, type=BootNotificationRequest)
    return BootView(status=row.boot_status, at=from_epoch(row.booted_s), request=request)


def _latest_statuses(connection: Connection, identities: list[str]) -> dict[str, list[Row[Any]]]:
    latest = (
        select(func.max(STATUSES.c.id))
        .where(STATUSES.c.identity.in_(identities))
        .group_by(STATUSES.c.identity, STATUSES.c.connector_id)
    )
    found: dict[str, list[Row[Any]]] = {}
    query = select(STATUSES).where(STATUSES.c.id.in_(latest)).order_by(STATUSES.c.identity, STATUSES.c.connector_id)
    for row in connection.execute(query):
        found.setdefault(row.identity, []).append(row)
    return found


def statuses(
    connection: Connection, identity: str, *, connector_id: int | None, before: int | None, limit: int
) -> list[ConnectorView]:
    """What a station reported of its connectors, the latest first; `before` counts from the latest."""
    query = select(STATUSES).where(STATUSES.c.identity == identity).order_by(STATUSES.c.id.desc())
    if connector_id is not None:
        query = query.where(STATUSES.c.connector_id == connector_id)
    if before is not None:
        query = query.where(STATUSES.c.id < before)
    return [_connector_view(row) for row in connection.execute(query.limit(limit))]


def errors(connection: Connection, identity: str, limit: int) -> list[ErrorView]:
    """The errors of a station, those that are there and those that came and went, the latest first."""
    latest = select(STATUSES).where(STATUSES.c.identity == identity).order_by(STATUSES.c.id.desc())
    present: dict[int, ErrorView] = {}
    found: list[ErrorView] = []
    for row in reversed(connection.execute(latest.limit(STATUSES_SEARCHED)).all()):
        before, error = present.pop(row.connector_id, None), _error_view(row)
        if before is not None and error is not None and (before.dtc, before.errorCode) == (error.dtc, error.errorCode):
            error = before
        elif before is not None:
            found.append(msgspec.structs.replace(before, until=_stated(row)))
        if error is not None:
            present[row.connector_id] = error
    found.extend(present.values())
    return sorted(found, key=lambda error: error.since, reverse=True)[:limit]


def _present_errors(connection: Connection, identity: str, latest: list[Row[Any]]) -> list[ErrorView]:
    """The errors that are there, by connector; `latest` are the latest statuses."""
    if all(_error_view(row) is None for row in latest):
        return []
    there = [error for error in errors(connection, identity, STATUSES_SEARCHED) if error.until is None]
    return sorted(there, key=lambda error: error.connectorId)


def _error_view(row: Row[Any]) -> ErrorView | None:
    """The error that a status reports; None where it reports none."""
    view = _connector_view(row)
    if view.errorCode == ChargePointErrorCode.NoError and view.dtc is None:
        return None
    return ErrorView(
        connectorId=view.connectorId,
        errorCode=view.errorCode,
        dtc=view.dtc,
        description=view.description,
        severity=view.severity,
        advice=view.advice,
        since=_stated(row),
        until=None,
    )


def _stated(row: Row[Any]) -> datetime:
    return from_epoch(row.received_s if row.stated_s is None else row.stated_s)


def _connector_view(row: Row[Any]) -> ConnectorView:
    dtc = row.vendor_error_code or None
    fault = _fault(dtc)
    return ConnectorView(
        id=row.id,
        connectorId=row.connector_id,
        status=row.status,
        errorCode=row.error_code,
        dtc=dtc,
        description=row.info or (None if fault is None else fault.description),
        severity=None if fault is None else str(fault.severity),
        advice=None if fault is None else fault.advice,
        info=row.info,
        vendorId=row.vendor_id,
        vendorErrorCode=row.vendor_error_code,
        timestamp=_moment(row.stated_s),
        receivedAt=from_epoch(row.received_s),
    )


def _fault(dtc: str | None) -> Fault | None:
    """The guide's row of a DTC; None for one that is not in its table."""
    try:
        return None if dtc is None else find_fault(dtc)
    except UnknownFault:
        return None


def transactions(connection: Connection, wanted: TransactionFilter, limit: int) -> list[TransactionView]:
    """Transactions, the latest first."""
    columns = TRANSACTIONS.c
    conditions: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "identity": lambda value: columns.identity == value,
        "connector_id": lambda value: columns.connector_id == value,
        "id_tag": lambda value: func.casefold(columns.id_tag) == tag_key(value),
        "is_open": lambda value: columns.stopped_s.is_(None) if value else columns.stopped_s.is_not(None),
        "since": lambda value: columns.started_s >= value.timestamp(),
        "until": lambda value: columns.started_s < value.timestamp(),
        "before": lambda value: columns.transaction_id < value,
    }
    query = select(TRANSACTIONS).order_by(columns.transaction_id.desc()).limit(limit)
    for name, condition in conditions.items():
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(condition(value))
    return [_transaction_view(connection, row) for row in connection.execute(query).all()]


def transaction(connection: Connection, transaction_id: int, now: float) -> TransactionDetail | None:
    """One transaction, with its cost at this moment; None for an id that was never given out."""
    query = select(TRANSACTIONS).where(TRANSACTIONS.c.transaction_id == transaction_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    view = msgspec.structs.asdict(_transaction_view(connection, row))
    reading = None if row.stopped_s is not None else highest_register_wh(connection, row)
    cost = readings_prices.cost(connection, row, reading, now)
    return TransactionDetail(
        transactionData=_json(row.transaction_data),
        cost=cost,
        noCost=readings_prices.NO_TARIFF if cost is None else None,
        **view,
    )


def _open_transactions(connection: Connection, numbers: list[int]) -> dict[str, list[TransactionView]]:
    query = select(TRANSACTIONS).where(TRANSACTIONS.c.transaction_id.in_(numbers), TRANSACTIONS.c.stopped_s.is_(None))
    found: dict[str, list[TransactionView]] = {}
    for row in connection.execute(query.order_by(TRANSACTIONS.c.transaction_id)).all():
        found.setdefault(row.identity, []).append(_transaction_view(connection, row))
    return found


def _transaction_view(connection: Connection, row: Row[Any]) -> TransactionView:
    energy_wh: float | None
    if row.meter_stop_wh is not None:
        energy_wh = row.meter_stop_wh - row.meter_start_wh
    else:
        reading = highest_register_wh(connection, row)
        energy_wh = None if reading is None else float(reading) - row.meter_start_wh
    return TransactionView(
        transactionId=row.transaction_id,
        identity=row.identity,
        connectorId=row.connector_id,
        idTag=row.id_tag,
        idTagStatus=row.id_tag_status,
        reservationId=row.reservation_id,
        open=row.stopped_s is None,
        meterStart=row.meter_start_wh,
        startedAt=from_epoch(row.started_s),
        meterStop=row.meter_stop_wh,
        stoppedAt=_moment(row.stopped_s),
        reason=row.reason,
        stopIdTag=row.stop_id_tag,
        energyWh=energy_wh,
    )


def highest_register_wh(connection: Connection, row: Row[Any]) -> Decimal | None:
    """The highest that the energy register shows in the latest values of a transaction; None where it shows nothing."""
    values = METER_VALUES.c
    latest = [
        value
        for those in _values_of(row)  # apart, so that an index gives the latest of each
        for value in connection.execute(
            select(values.taken_s, values.id, values.sampled_value)
            .where(those)
            .order_by(values.taken_s.desc(), values.id.desc())
            .limit(LATEST_VALUES)
        )
    ]
    readings = (register_wh(_sampled_values.decode(value.sampled_value)) for value in latest)
    return max((reading for reading in readings if reading is not None), default=None)


def _values_of(row: Row[Any]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Which values are of a transaction: those that name it, and those that name none, of its gun and its time.

    The latter come from a station that had no transactionId yet (A21).
    """
    values = METER_VALUES.c
    named = and_(values.transaction_id == row.transaction_id, values.identity == row.identity)
    meanwhile = and_(
        values.transaction_id.is_(None),
        values.identity == row.identity,
        values.connector_id == row.connector_id,
        values.taken_s >= row.started_s,
        values.taken_s <= (math.inf if row.stopped_s is None else row.stopped_s),
    )
    return named, meanwhile


def orphan_stops(connection: Connection, *, identity: str | None, limit: int) -> list[OrphanStopView]:
    """Stops without a transaction, the latest first."""
    query = select(ORPHAN_STOPS).order_by(ORPHAN_STOPS.c.id.desc()).limit(limit)
    if identity is not None:
        query = query.where(ORPHAN_STOPS.c.identity == identity)
    return [
        OrphanStopView(
            identity=row.identity,
            transactionId=row.transaction_id,
            idTag=row.stop_id_tag,
            meterStop=row.meter_stop_wh,
            stoppedAt=from_epoch(row.stopped_s),
            reason=row.reason,
            transactionData=_json(row.transaction_data),
            receivedAt=from_epoch(row.received_s),
            noCost=readings_prices.NO_START,
        )
        for row in connection.execute(query)
    ]


def meter_values(connection: Connection, transaction_id: int, *, offset: int, limit: int) -> list[MeterValueView]:
    """The values of a transaction in the order of their own timestamps, whenever they came; none of an unknown one."""
    values = METER_VALUES.c
    query = select(TRANSACTIONS).where(TRANSACTIONS.c.transaction_id == transaction_id)
    transaction_row = connection.execute(query).one_or_none()
    if transaction_row is None:
        return []
    those = or_(*_values_of(transaction_row))
    query = select(METER_VALUES).where(those).order_by(values.taken_s, values.id).offset(offset).limit(limit)
    return [
        MeterValueView(
            timestamp=from_epoch(row.taken_s),
            connectorId=row.connector_id,
            transactionId=row.transaction_id,
            sampledValue=tuple(map(_sampled_value_view, _sampled_values.decode(row.sampled_value))),
            receivedAt=from_epoch(row.received_s),
        )
        for row in connection.execute(query)
    ]


def _sampled_value_view(sampled: SampledValue) -> SampledValueView:
    view = msgspec.convert(msgspec.to_builtins(sampled), SampledValueView)
    if sampled.measurand == Measurand.Frequency:
        view = msgspec.structs.replace(view, unit=HERTZ)
    return view


def messages(connection: Connection, identity: str, *, before: int | None, limit: int) -> list[MessageView]:
    """The wire log of a station, the latest frame first."""
    query = select(MESSAGES).where(MESSAGES.c.identity == identity).order_by(MESSAGES.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(MESSAGES.c.id < before)
    return [
        MessageView(id=row.id, at=from_epoch(row.logged_s), sent=row.sent, frame=row.frame, discarded=row.discarded)
        for row in connection.execute(query)
    ]


def notices(connection: Connection, identity: str, *, before: int | None, limit: int) -> list[NoticeView]:
    """Firmware, diagnostics, log, security and data messages of a station, the latest first."""
    query = select(NOTICES).where(NOTICES.c.identity == identity).order_by(NOTICES.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(NOTICES.c.id < before)
    return [
        NoticeView(id=row.id, at=from_epoch(row.received_s), action=row.action, payload=_json(row.payload))
        for row in connection.execute(query)
    ]


def command(connection: Connection, command_id: str, now: float) -> CommandView | None:
    """A command and what came of it; None for an id that was never given out."""
    row = connection.execute(select(COMMANDS).where(COMMANDS.c.command_id == command_id)).one_or_none()
    return None if row is None else _command_view(connection, row, now)


def commands(connection: Connection, identity: str, limit: int, now: float) -> list[CommandView]:
    """The commands to a station, the latest first."""
    query = select(COMMANDS).where(COMMANDS.c.identity == identity)
    latest_first = query.order_by(COMMANDS.c.given_s.desc(), text("rowid DESC")).limit(limit)
    return [_command_view(connection, row, now) for row in connection.execute(latest_first).all()]


def _command_view(connection: Connection, row: Row[Any], now: float) -> CommandView:
    follow_ups = COMMAND_FOLLOW_UPS.c
    query = select(COMMAND_FOLLOW_UPS).where(follow_ups.command_id == row.command_id).order_by(follow_ups.id)
    came = [
        FollowUpView(
            at=from_epoch(follow_up.at_s),
            action=follow_up.action,
            status=follow_up.status,
            transactionId=follow_up.transaction_id,
        )
        for follow_up in connection.execute(query)
    ]
    detail = _json(row.detail)
    answered = row.outcome == "Answered"
    statuses = [found.status for found in came]
    elapsed_s = 0.0 if row.ended_s is None else now - row.ended_s
    upload = connection.execute(select(UPLOADS).where(UPLOADS.c.command_id == row.command_id)).first()
    return CommandView(
        id=row.command_id,
        identity=row.identity,
        action=row.action,
        request=_json(row.request),
        givenAt=from_epoch(row.given_s),
        state=state_of(row.action, row.outcome, detail or {}, statuses, elapsed_s),
        outcome=row.outcome,
        endedAt=_moment(row.ended_s),
        response=detail if answered else None,
        error=None if answered else detail,
        followUps=came,
        upload=None if upload is None else _upload_view(upload),
        transactionId=next((found.transactionId for found in came if found.transactionId is not None), None),
    )


def uploads(connection: Connection, *, identity: str | None, before: int | None, limit: int) -> list[UploadView]:
    """What stations uploaded, the latest first."""
    query = select(UPLOADS).order_by(UPLOADS.c.id.desc()).limit(limit)
    if identity is not None:
        query = query.where(UPLOADS.c.identity == identity)
    if before is not None:
        query = query.where(UPLOADS.c.id < before)
    return [_upload_view(row) for row in connection.execute(query)]


def _upload_view(row: Row[Any]) -> UploadView:
    return UploadView(
        id=row.id,
        identity=row.identity,
        name=row.name,
        size=row.size_bytes,
        receivedAt=from_epoch(row.received_s),
        path=f"/api/uploads/{quote(row.identity, safe='')}/{quote(row.name, safe='')}",
        command=f"/api/commands/{row.command_id}",
    )


def id_tags(connection: Connection, *, after: str, limit: int) -> list[IdTagView]:
    """The idTag registry in its order without regard to case, entries behind `after`."""
    query = select(ID_TAGS).where(ID_TAGS.c.folded > tag_key(after)).order_by(ID_TAGS.c.folded).limit(limit)
    return [_id_tag_view(row) for row in connection.execute(query)]


def id_tag(connection: Connection, name: str) -> IdTagView | None:
    """One entry of the idTag registry; None when there is none."""
    row = connection.execute(select(ID_TAGS).where(ID_TAGS.c.folded == tag_key(name))).one_or_none()
    return None if row is None else _id_tag_view(row)


def is_registered(connection: Connection, identity: str) -> bool:
    """Whether an operator registered this station."""
    wanted = and_(STATIONS.c.identity == identity, STATIONS.c.registered)
    return connection.execute(select(STATIONS.c.identity).where(wanted)).one_or_none() is not None


def _id_tag_view(row: Row[Any]) -> IdTagView:
    return IdTagView(
        idTag=row.id_tag, status=row.status, expiryDate=_moment(row.expiry_s), parentIdTag=row.parent_id_tag
    )


def _moment(at_s: float | None) -> datetime | None:
    return None if at_s is None else from_epoch(at_s)


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
