"""How facts about tariffs and prices become rows, and rows those facts again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, delete, or_, select, update

from forecourt.supervision.facts import TariffAssigned, TariffDeleted, TariffPictureSet, TariffSet
from forecourt.supervision.rows_upsert import upsert
from forecourt.supervision.schema import (
    PRICED_TRANSACTIONS,
    TARIFF_ASSIGNMENTS,
    TARIFF_PICTURES,
    TARIFFS,
    TARIFFS_SHOWN,
    TRANSACTIONS,
)
from forecourt.supervision.tariff_book import ALWAYS_S, valid_from_s
from forecourt.supervision.tariffs import Tariff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Row

    from forecourt.supervision.facts import GunFreed, SessionPriced, TariffShown

_ALWAYS = -1.0
_encode = msgspec.json.Encoder().encode
_tariff = msgspec.json.Decoder(Tariff)


def _set_tariff(connection: Connection, edit: TariffSet) -> None:
    since_s = valid_from_s(edit.tariff)
    values = {
        "name": edit.tariff.name,
        "valid_from_s": _ALWAYS if since_s == ALWAYS_S else since_s,
        "tariff": _encode(edit.tariff).decode(),
    }
    upsert(connection, TARIFFS, ["name", "valid_from_s"], [values])


def _delete_tariff(connection: Connection, edit: TariffDeleted) -> None:
    connection.execute(delete(TARIFFS).where(TARIFFS.c.name == edit.name))
    connection.execute(delete(TARIFF_PICTURES).where(TARIFF_PICTURES.c.name == edit.name))
    connection.execute(delete(TARIFF_ASSIGNMENTS).where(TARIFF_ASSIGNMENTS.c.tariff == edit.name))


def _assign(connection: Connection, edit: TariffAssigned) -> None:
    columns = TARIFF_ASSIGNMENTS.c
    if edit.tariff is None:
        place = (columns.identity == edit.identity, columns.connector_id == edit.connectorId)
        connection.execute(delete(TARIFF_ASSIGNMENTS).where(*place))
    else:
        values = {"identity": edit.identity, "connector_id": edit.connectorId, "tariff": edit.tariff}
        upsert(connection, TARIFF_ASSIGNMENTS, ["identity", "connector_id"], [values])


def _set_picture(connection: Connection, edit: TariffPictureSet) -> None:
    upsert(connection, TARIFF_PICTURES, ["name"], [msgspec.structs.asdict(edit)])


TARIFF_EDITS: dict[type, Callable[[Connection, Any], None]] = {
    TariffSet: _set_tariff,
    TariffDeleted: _delete_tariff,
    TariffAssigned: _assign,
    TariffPictureSet: _set_picture,
}


def forget_tariffs_of(connection: Connection, identity: str) -> None:
    """What goes with the registration of a station: another one may come by its name."""
    for table in (TARIFF_ASSIGNMENTS, TARIFFS_SHOWN):
        connection.execute(delete(table).where(table.c.identity == identity))


def write_priced(connection: Connection, facts: Sequence[SessionPriced]) -> None:
    """Which tariff transactions began with."""
    rows = [
        {
            "transaction_id": fact.transactionId,
            "identity": fact.identity,
            "tariff": _encode(fact.tariff).decode(),
            "freed_s": None,
        }
        for fact in facts
    ]
    upsert(connection, PRICED_TRANSACTIONS, ["transaction_id"], rows)


def write_freed(connection: Connection, facts: Sequence[GunFreed]) -> None:
    """When their guns were free again."""
    rows = [{"freed": fact.transactionId, "freed_s": fact.freed_s} for fact in facts]
    one = PRICED_TRANSACTIONS.c.transaction_id == bindparam("freed")
    connection.execute(update(PRICED_TRANSACTIONS).where(one), rows)


def write_shown(connection: Connection, facts: Sequence[TariffShown]) -> None:
    """Which picture stations have fetched last."""
    latest = {fact.identity: {"identity": fact.identity, "digest": fact.digest} for fact in facts}
    upsert(connection, TARIFFS_SHOWN, ["identity"], [*latest.values()])


def recall_tariffs(connection: Connection) -> dict[str, Any]:
    """What a `Recollection` says of tariffs, apart from the sessions."""
    assignments = TARIFF_ASSIGNMENTS.c
    return {
        "tariffs": [TariffSet(read_tariff(row.tariff)) for row in connection.execute(select(TARIFFS))],
        "tariff_assignments": [
            TariffAssigned(row.identity, row.connector_id, row.tariff)
            for row in connection.execute(
                select(TARIFF_ASSIGNMENTS).order_by(assignments.identity, assignments.connector_id)
            )
        ],
        "tariff_pictures": [
            TariffPictureSet(row.name, row.file, row.size_bytes, row.digest)
            for row in connection.execute(select(TARIFF_PICTURES))
        ],
        "tariffs_shown": [(row.identity, row.digest) for row in connection.execute(select(TARIFFS_SHOWN))],
    }


def priced_rows(connection: Connection) -> Sequence[Row[Any]]:
    """The priced transactions whose cost is not settled, with their rows of transactions, oldest first."""
    priced = PRICED_TRANSACTIONS.c
    query = select(TRANSACTIONS, priced.tariff, priced.freed_s).join(
        PRICED_TRANSACTIONS, priced.transaction_id == TRANSACTIONS.c.transaction_id
    )
    unsettled = or_(TRANSACTIONS.c.stopped_s.is_(None), priced.freed_s.is_(None))
    return connection.execute(query.where(unsettled).order_by(priced.transaction_id)).all()


def read_tariff(text: str) -> Tariff:
    """A tariff as it was kept."""
    return _tariff.decode(text)
