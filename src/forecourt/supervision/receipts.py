"""Receipts: what a driver gets for a session, as a record and as text for a printer of 48 characters a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.supervision.views import ReceiptView

if TYPE_CHECKING:
    from datetime import datetime

    from forecourt.supervision.views import CostLineView, CostView, TransactionDetail

WIDTH = 48

_TITLES = {"energy": "Energy", "time": "Charging time", "session": "Session fee", "idle": "Time after the end"}


def receipt_of(transaction: TransactionDetail, cost: CostView) -> ReceiptView:
    """The receipt of a transaction that has a cost."""
    return ReceiptView(
        transactionId=transaction.transactionId,
        identity=transaction.identity,
        connectorId=transaction.connectorId,
        idTag=transaction.idTag,
        startedAt=transaction.startedAt,
        stoppedAt=transaction.stoppedAt,
        meterStart=transaction.meterStart,
        meterStop=transaction.meterStop,
        energyWh=transaction.energyWh,
        cost=cost,
    )


def receipt_text(receipt: ReceiptView) -> str:
    """The receipt for a printer. One that can still change says so."""
    cost = receipt.cost
    rows = [
        "RECEIPT" if cost.final else "SO FAR - NO RECEIPT YET",
        _row("Transaction", str(receipt.transactionId)),
        _row("Station, gun", f"{receipt.identity}, {receipt.connectorId}"),
        _row("Badge", receipt.idTag),
        _row("From", _moment(receipt.startedAt)),
        _row("To", _moment(receipt.stoppedAt)),
        _row("Meter", _meter(receipt)),
        _row("Tariff", cost.tariff),
        "-" * WIDTH,
    ]
    for line in cost.lines:
        rows.append(_row(_TITLES[line.what], line.amount))
        rows.append(f"  {_quantity(line)} at {line.price} a {line.priceUnit}")
    rows += [
        "-" * WIDTH,
        _row("Net", cost.net),
        _row(f"VAT {cost.vatPercent} %", cost.vat),
        _row(f"Total {cost.currency}", cost.gross),
    ]
    rows.append("Prices include VAT." if cost.pricesIncludeVat else "Prices do not include VAT.")
    return "\n".join(rows) + "\n"


def _row(left: str, right: str) -> str:
    return f"{left} {right.rjust(WIDTH - len(left) - 1)}"


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _meter(receipt: ReceiptView) -> str:
    stop = "-" if receipt.meterStop is None else f"{receipt.meterStop}"
    return f"{receipt.meterStart} to {stop} Wh"


def _quantity(line: CostLineView) -> str:
    if line.unit == "s":
        seconds = int(line.quantity)
        return f"{seconds // 60}:{seconds % 60:02d} min"
    return f"{line.quantity} {line.unit}".strip()
