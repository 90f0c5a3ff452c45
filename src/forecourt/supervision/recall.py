"""What the supervision starts with: the rows of earlier starts, as the core and the handshake want them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET
from sqlalchemy import func, or_, select

from forecourt.ocpp.core import StartTransactionRequest
from forecourt.supervision.facts import IdTagSet, Policy, StationSet
from forecourt.supervision.ports import RECENT_TRANSACTIONS, Recollection, SessionRecalled, TransactionRecalled
from forecourt.supervision.readings import highest_register_wh
from forecourt.supervision.rows_tariffs import priced_rows, read_tariff, recall_tariffs
from forecourt.supervision.schema import ID_TAGS, SETTINGS, STATIONS, TRANSACTIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection


def recall(connection: Connection) -> Recollection:
    """Everything the core needs to know of what was before."""
    policy = connection.scalar(select(SETTINGS.c.value).where(SETTINGS.c.name == "policy"))
    tags = connection.execute(select(ID_TAGS).order_by(ID_TAGS.c.folded))
    stations = connection.execute(select(STATIONS).where(STATIONS.c.registered).order_by(STATIONS.c.identity))
    boots = connection.execute(
        select(STATIONS.c.identity, STATIONS.c.boot_status).where(STATIONS.c.boot_status.is_not(None))
    )
    return Recollection(
        policy=Policy() if policy is None else msgspec.json.decode(policy, type=Policy),
        next_transaction_id=1 + (connection.scalar(select(func.max(TRANSACTIONS.c.transaction_id))) or 0),
        id_tags=[
            IdTagSet(
                idTag=tag.id_tag,
                status=tag.status,
                expiryDate=None if tag.expiry_s is None else _moment(tag.expiry_s),
                parentIdTag=tag.parent_id_tag,
            )
            for tag in tags
        ],
        stations=[StationSet(row.identity, row.boot_policy, row.interval_s) for row in stations],
        boot_statuses=[(row.identity, row.boot_status) for row in boots],
        transactions=_recall_transactions(connection),
        priced=[
            SessionRecalled(
                identity=row.identity,
                transactionId=row.transaction_id,
                tariff=read_tariff(row.tariff),
                register_wh=highest_register_wh(connection, row),
                stop_told_s=row.stop_received_s,
                freed_s=row.freed_s,
            )
            for row in priced_rows(connection)
        ],
        **recall_tariffs(connection),
    )


def _recall_transactions(connection: Connection) -> list[TransactionRecalled]:
    latest_first = func.row_number().over(
        partition_by=TRANSACTIONS.c.identity, order_by=TRANSACTIONS.c.transaction_id.desc()
    )
    ranked = select(TRANSACTIONS, latest_first.label("rank")).subquery()
    wanted = or_(ranked.c.stopped_s.is_(None), ranked.c.rank <= RECENT_TRANSACTIONS)
    return [
        TransactionRecalled(
            identity=row.identity,
            transactionId=row.transaction_id,
            at_s=row.received_s,
            status=row.id_tag_status,
            request=StartTransactionRequest(
                connectorId=row.connector_id,
                idTag=row.id_tag,
                meterStart=row.meter_start_wh,
                timestamp=_moment(row.started_s),
                reservationId=UNSET if row.reservation_id is None else row.reservation_id,
            ),
            stopped_s=row.stopped_s,
            meterStop=row.meter_stop_wh,
        )
        for row in connection.execute(select(ranked).where(wanted).order_by(ranked.c.transaction_id))
    ]


def _moment(at_s: float) -> datetime:
    """The moment, in UTC, to the microsecond: a time that was written comes back equal."""
    return datetime.fromtimestamp(at_s, UTC)
