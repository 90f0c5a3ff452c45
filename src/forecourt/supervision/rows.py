"""How facts become rows. What the core starts with is read from them again in `recall.py`.

A group of facts is written class by class, in the order of `WRITERS`, so that a transaction's start stands before its
stop and a command before its outcome. What comes in thousands (meter values, statuses, the wire log) goes in as
many-row statements: one step of the database a statement, in which the event loop runs on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from forecourt.ocpp.types import given
from forecourt.supervision.facts import (
    AuthorizationKeySet,
    BootReported,
    CertificateRequested,
    CommandEnded,
    CommandFollowed,
    CommandRecorded,
    DataReceived,
    FileReceived,
    FrameDiscarded,
    GunFreed,
    IdTagDeleted,
    IdTagSet,
    MessageLogged,
    MeterValuesReported,
    OrphanStopped,
    PolicySet,
    ProgressReported,
    SecurityEventReported,
    SecurityNoted,
    SessionPriced,
    StationConnected,
    StationDeleted,
    StationDisconnected,
    StationSet,
    StatusReported,
    TariffShown,
    TransactionStarted,
    TransactionStopped,
    UploadDeleted,
)
from forecourt.supervision.registry import tag_key
from forecourt.supervision.rows_security import (
    FORGOTTEN_SECURITY,
    SECURITY_EDITS,
    key_columns,
    write_certificate_requests,
    write_own_security_events,
    write_reported_security_events,
)
from forecourt.supervision.rows_tariffs import (
    TARIFF_EDITS,
    forget_tariffs_of,
    write_freed,
    write_priced,
    write_shown,
)
from forecourt.supervision.rows_upsert import upsert
from forecourt.supervision.schema import (
    COMMAND_FOLLOW_UPS,
    COMMANDS,
    ID_TAGS,
    MESSAGES,
    METER_VALUES,
    NOTICES,
    ORPHAN_STOPS,
    SETTINGS,
    STATIONS,
    STATUSES,
    TRANSACTIONS,
    UPLOADS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Table

    from forecourt.ocpp.core import MeterValue
    from forecourt.supervision.facts import Fact

ROWS_A_STATEMENT = 256
MESSAGES_KEPT = 200_000
"""The wire log holds the latest frames of all stations together, no more than these."""
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1

_encode = msgspec.json.Encoder().encode


def as_text(value: object) -> str:
    """A value as JSON text."""
    return _encode(value).decode()


def integer(value: int) -> int:
    """The number, or the nearest that a database holds: a station may send any."""
    return min(max(value, INTEGER_MIN), INTEGER_MAX)


def seconds(moment: datetime | None) -> float | None:
    """Seconds since the epoch of an aware moment."""
    return None if moment is None else moment.timestamp()


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert tuples in the order of `columns`, a power of two of them a statement, so that few texts are prepared."""
    start, size = 0, ROWS_A_STATEMENT
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        values = tuple(value for row in rows[start : start + size] for value in row)
        connection.exec_driver_sql(_insert_text(table, tuple(columns), size), values)
        start += size


_insert_texts: dict[tuple[str, int], str] = {}


def _insert_text(table: Table, columns: tuple[str, ...], size: int) -> str:
    text = _insert_texts.get((table.name, size))
    if text is None:
        row = "(" + ",".join("?" * len(columns)) + ")"
        # The names are those of our own schema; values go as parameters.
        text = f"INSERT INTO {table.name} ({','.join(columns)}) VALUES {','.join([row] * size)}"  # nosec B608
        _insert_texts[table.name, size] = text
    return text


# What the operator decided: seldom, one by one, in order.


def _write_edits(connection: Connection, edits: Iterable[Fact]) -> None:
    for edit in edits:
        _EDITS[type(edit)](connection, edit)


def _set_policy(connection: Connection, edit: PolicySet) -> None:
    values = {"name": "policy", "value": as_text(edit.policy)}
    upsert(connection, SETTINGS, ["name"], [values])


def _set_id_tag(connection: Connection, edit: IdTagSet) -> None:
    values = {
        "folded": tag_key(edit.idTag),
        "id_tag": edit.idTag,
        "status": edit.status,
        "expiry_s": seconds(edit.expiryDate),
        "parent_id_tag": edit.parentIdTag,
    }
    upsert(connection, ID_TAGS, ["folded"], [values])


def _delete_id_tag(connection: Connection, edit: IdTagDeleted) -> None:
    connection.execute(delete(ID_TAGS).where(ID_TAGS.c.folded == tag_key(edit.idTag)))


def _set_station(connection: Connection, edit: StationSet) -> None:
    values = {
        "identity": edit.identity,
        "registered": True,
        "boot_policy": edit.boot_status,
        "interval_s": edit.interval_s,
    }
    upsert(connection, STATIONS, ["identity"], [values])


def _delete_station(connection: Connection, edit: StationDeleted) -> None:
    forgotten = {
        "registered": False,
        "boot_policy": None,
        "interval_s": None,
        "key_salt": None,
        "key_digest": None,
        "key_text_digest": None,
        **FORGOTTEN_SECURITY,
    }
    one = STATIONS.c.identity == edit.identity
    connection.execute(delete(STATIONS).where(one, STATIONS.c.first_seen_s.is_(None)))
    connection.execute(update(STATIONS).where(one).values(forgotten))
    forget_tariffs_of(connection, edit.identity)


def _set_key(connection: Connection, edit: AuthorizationKeySet) -> None:
    """A password that is settled leaves no candidate beside it."""
    values = {"identity": edit.identity, **key_columns("key", edit.authorizationKey), **key_columns("candidate", None)}
    upsert(connection, STATIONS, ["identity"], [values])


_EDITS: dict[type, Callable[[Connection, Any], None]] = {
    PolicySet: _set_policy,
    IdTagSet: _set_id_tag,
    IdTagDeleted: _delete_id_tag,
    StationSet: _set_station,
    StationDeleted: _delete_station,
    AuthorizationKeySet: _set_key,
    **SECURITY_EDITS,
    **TARIFF_EDITS,
}


# What stations did.


def _write_connections(connection: Connection, facts: Sequence[StationConnected]) -> None:
    rows = [
        {"identity": fact.identity, "first_seen_s": fact.at_s, "last_seen_s": fact.at_s, "remote": fact.remote}
        for fact in facts
    ]
    statement = insert(STATIONS)
    excluded = statement.excluded
    changed = {
        "first_seen_s": func.coalesce(STATIONS.c.first_seen_s, excluded.first_seen_s),
        "last_seen_s": excluded.last_seen_s,
        "remote": excluded.remote,
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["identity"], set_=changed), rows)


def _write_disconnections(connection: Connection, facts: Sequence[StationDisconnected]) -> None:
    rows = [{"identity": fact.identity, "last_seen_s": fact.last_seen_s} for fact in facts]
    upsert(connection, STATIONS, ["identity"], rows)


def _write_boots(connection: Connection, facts: Sequence[BootReported]) -> None:
    rows = [
        {
            "identity": fact.identity,
            "booted_s": fact.at_s,
            "boot_status": str(fact.status),
            "boot": as_text(fact.request),
        }
        for fact in facts
    ]
    upsert(connection, STATIONS, ["identity"], rows)


def _write_starts(connection: Connection, facts: Sequence[TransactionStarted]) -> None:
    columns = (
        "transaction_id",
        "identity",
        "connector_id",
        "id_tag",
        "meter_start_wh",
        "started_s",
        "reservation_id",
        "id_tag_status",
        "received_s",
    )
    rows = [
        (
            fact.transactionId,
            fact.identity,
            integer(request.connectorId),
            request.idTag,
            integer(request.meterStart),
            request.timestamp.timestamp(),
            _given_integer(request.reservationId),
            str(fact.status),
            fact.at_s,
        )
        for fact in facts
        for request in (fact.request,)
    ]
    insert_rows(connection, TRANSACTIONS, columns, rows)


def _write_stops(connection: Connection, facts: Sequence[TransactionStopped]) -> None:
    rows = [
        {
            "stopped": fact.transactionId,
            "meter_stop_wh": integer(fact.request.meterStop),
            "stopped_s": fact.request.timestamp.timestamp(),
            "reason": str(given(fact.request.reason) or "Local"),
            "stop_id_tag": given(fact.request.idTag),
            "transaction_data": _transaction_data(fact.request.transactionData),
            "stop_received_s": fact.at_s,
        }
        for fact in facts
    ]
    connection.execute(update(TRANSACTIONS).where(TRANSACTIONS.c.transaction_id == bindparam("stopped")), rows)


def _write_orphans(connection: Connection, facts: Sequence[OrphanStopped]) -> None:
    rows = [
        {
            "identity": fact.identity,
            "transaction_id": integer(fact.request.transactionId),
            "meter_stop_wh": integer(fact.request.meterStop),
            "stopped_s": fact.request.timestamp.timestamp(),
            "reason": str(given(fact.request.reason) or "Local"),
            "stop_id_tag": given(fact.request.idTag),
            "transaction_data": _transaction_data(fact.request.transactionData),
            "received_s": fact.at_s,
        }
        for fact in facts
    ]
    connection.execute(insert(ORPHAN_STOPS).on_conflict_do_nothing(), rows)


def _transaction_data(values: tuple[MeterValue, ...] | UnsetType) -> str | None:
    return None if values is UNSET else as_text(values)


def _given_integer(value: int | UnsetType) -> int | None:
    return None if value is UNSET else integer(value)


def _write_meter_values(connection: Connection, facts: Sequence[MeterValuesReported]) -> None:
    columns = ("identity", "connector_id", "transaction_id", "taken_s", "sampled_value", "received_s")
    rows = [
        (
            fact.identity,
            integer(request.connectorId),
            _given_integer(request.transactionId),
            value.timestamp.timestamp(),
            as_text(value.sampledValue),
            fact.at_s,
        )
        for fact in facts
        for request in (fact.request,)
        for value in request.meterValue
    ]
    insert_rows(connection, METER_VALUES, columns, rows)


def _write_statuses(connection: Connection, facts: Sequence[StatusReported]) -> None:
    columns = (
        "identity",
        "connector_id",
        "status",
        "error_code",
        "info",
        "vendor_id",
        "vendor_error_code",
        "stated_s",
        "received_s",
    )
    rows = [
        (
            fact.identity,
            integer(request.connectorId),
            str(request.status),
            str(request.errorCode),
            given(request.info),
            given(request.vendorId),
            given(request.vendorErrorCode),
            seconds(given(request.timestamp)),
            fact.at_s,
        )
        for fact in facts
        for request in (fact.request,)
    ]
    insert_rows(connection, STATUSES, columns, rows)


_NOTICE_COLUMNS = ("identity", "action", "payload", "received_s")


def _write_security_events(connection: Connection, facts: Sequence[SecurityEventReported]) -> None:
    rows = [(fact.identity, "SecurityEventNotification", as_text(fact.request), fact.at_s) for fact in facts]
    insert_rows(connection, NOTICES, _NOTICE_COLUMNS, rows)
    write_reported_security_events(connection, facts)


def _write_progress(connection: Connection, facts: Sequence[ProgressReported]) -> None:
    rows = []
    for fact in facts:
        payload: dict[str, Any] = {"status": str(fact.status)}
        if fact.requestId is not None:
            payload["requestId"] = fact.requestId
        rows.append((fact.identity, fact.action, as_text(payload), fact.at_s))
    insert_rows(connection, NOTICES, _NOTICE_COLUMNS, rows)


def _write_data_transfers(connection: Connection, facts: Sequence[DataReceived]) -> None:
    rows = []
    for fact in facts:
        payload = {
            "vendorId": fact.vendorId,
            "messageId": fact.messageId,
            "data": fact.data,
            "status": str(fact.status),
        }
        kept = {name: value for name, value in payload.items() if value is not None}
        rows.append((fact.identity, "DataTransfer", as_text(kept), fact.at_s))
    insert_rows(connection, NOTICES, _NOTICE_COLUMNS, rows)


# Commands and the wire.


def _write_commands(connection: Connection, facts: Sequence[CommandRecorded]) -> None:
    columns = ("command_id", "identity", "action", "request", "given_s")
    rows = [(fact.command_id, fact.identity, fact.action, fact.payload.decode(), fact.at_s) for fact in facts]
    insert_rows(connection, COMMANDS, columns, rows)


def _write_command_ends(connection: Connection, facts: Sequence[CommandEnded]) -> None:
    rows = [
        {"ended": fact.command_id, "outcome": fact.outcome, "detail": fact.detail.decode(), "ended_s": fact.at_s}
        for fact in facts
    ]
    connection.execute(update(COMMANDS).where(COMMANDS.c.command_id == bindparam("ended")), rows)


def _write_follow_ups(connection: Connection, facts: Sequence[CommandFollowed]) -> None:
    columns = ("command_id", "action", "status", "transaction_id", "at_s")
    rows = [
        (fact.command_id, fact.action, fact.status and str(fact.status), fact.transactionId, fact.at_s)
        for fact in facts
    ]
    insert_rows(connection, COMMAND_FOLLOW_UPS, columns, rows)


def _write_uploads(connection: Connection, facts: Sequence[FileReceived | UploadDeleted]) -> None:
    for fact in facts:
        if isinstance(fact, UploadDeleted):
            one = UPLOADS.c.identity == fact.identity
            connection.execute(delete(UPLOADS).where(one, UPLOADS.c.name == fact.name))
            continue
        values = {
            "command_id": fact.command_id,
            "identity": fact.identity,
            "name": fact.name,
            "size_bytes": fact.size_bytes,
            "received_s": fact.at_s,
        }
        upsert(connection, UPLOADS, ["identity", "name"], [values])


_MESSAGE_COLUMNS = ("identity", "sent", "frame", "discarded", "logged_s")


def _write_messages(connection: Connection, facts: Sequence[MessageLogged]) -> None:
    rows = [(fact.identity, fact.sent, fact.frame.decode(errors="replace"), None, fact.at_s) for fact in facts]
    insert_rows(connection, MESSAGES, _MESSAGE_COLUMNS, rows)
    newest = connection.scalar(select(func.max(MESSAGES.c.id)))
    connection.execute(delete(MESSAGES).where(MESSAGES.c.id <= newest - MESSAGES_KEPT))


def _write_discarded(connection: Connection, facts: Sequence[FrameDiscarded]) -> None:
    rows = [(fact.identity, False, fact.frame.decode(errors="replace"), fact.reason, fact.at_s) for fact in facts]
    insert_rows(connection, MESSAGES, _MESSAGE_COLUMNS, rows)


WRITERS: dict[Callable[[Connection, Any], None], tuple[type, ...]] = {
    write_certificate_requests: (CertificateRequested,),
    write_shown: (TariffShown,),  # before a deletion of its station; a picture too many does no harm
    _write_edits: tuple(_EDITS),
    _write_connections: (StationConnected,),
    _write_boots: (BootReported,),
    _write_disconnections: (StationDisconnected,),
    _write_statuses: (StatusReported,),
    _write_starts: (TransactionStarted,),
    _write_stops: (TransactionStopped,),
    write_priced: (SessionPriced,),
    write_freed: (GunFreed,),
    _write_orphans: (OrphanStopped,),
    _write_meter_values: (MeterValuesReported,),
    _write_security_events: (SecurityEventReported,),
    write_own_security_events: (SecurityNoted,),
    _write_progress: (ProgressReported,),
    _write_data_transfers: (DataReceived,),
    _write_commands: (CommandRecorded,),
    _write_command_ends: (CommandEnded,),
    _write_follow_ups: (CommandFollowed,),
    _write_uploads: (FileReceived, UploadDeleted),
    _write_messages: (MessageLogged,),
    _write_discarded: (FrameDiscarded,),
}
"""What writes each class of fact, in the order of writing."""

_WRITER_OF = {kind: writer for writer, kinds in WRITERS.items() for kind in kinds}


def write_facts(connection: Connection, facts: Iterable[Fact]) -> None:
    """Write one group of facts, in the caller's transaction."""
    piles: dict[Callable[[Connection, Any], None], list[Fact]] = {}
    for fact in facts:
        piles.setdefault(_WRITER_OF[type(fact)], []).append(fact)
    for writer in WRITERS:
        if writer in piles:
            writer(connection, piles[writer])
