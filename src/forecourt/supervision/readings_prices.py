"""What transactions cost, as the API shows it: worked out when somebody asks, from what is in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from forecourt.supervision.rows_tariffs import read_tariff
from forecourt.supervision.schema import PRICED_TRANSACTIONS
from forecourt.supervision.tariffs import SessionFacts, amount_text, cost_of
from forecourt.supervision.views import CostLineView, CostView

if TYPE_CHECKING:
    from decimal import Decimal

    from sqlalchemy import Connection, Row

    from forecourt.supervision.tariffs import Cost

NO_TARIFF = "No tariff held at this gun when the transaction began."
NO_START = "No transaction with this id began at this station, so neither its energy nor its time is known."


def cost(connection: Connection, row: Row[Any], register_wh: Decimal | None, now: float) -> CostView | None:
    """What the transaction of this row costs; None where no tariff held. `register_wh`: its highest reading."""
    one = PRICED_TRANSACTIONS.c.transaction_id == row.transaction_id
    priced = connection.execute(select(PRICED_TRANSACTIONS).where(one)).one_or_none()
    if priced is None:
        return None
    facts = SessionFacts(
        started_s=row.started_s,
        start_told_s=row.received_s,
        meter_start_wh=row.meter_start_wh,
        register_wh=register_wh,
        stopped_s=row.stopped_s,
        stop_told_s=row.stop_received_s,
        meter_stop_wh=row.meter_stop_wh,
        freed_s=priced.freed_s,
    )
    return cost_view(cost_of(read_tariff(priced.tariff), facts, now))


def cost_view(worked_out: Cost) -> CostView:
    """A cost as the API shows it."""
    return CostView(
        tariff=worked_out.tariff,
        currency=worked_out.currency,
        lines=[
            CostLineView(
                what=line.what,
                quantity=amount_text(line.quantity.normalize()),
                unit=line.unit,
                price=amount_text(line.price),
                priceUnit=line.priceUnit,
                amount=amount_text(line.amount),
            )
            for line in worked_out.lines
        ],
        pricesIncludeVat=worked_out.pricesIncludeVat,
        vatPercent=amount_text(worked_out.vatPercent),
        net=amount_text(worked_out.net),
        vat=amount_text(worked_out.vat),
        gross=amount_text(worked_out.gross),
        final=worked_out.final,
    )
