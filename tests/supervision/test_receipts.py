"""Receipts as text: every line fits the printer, whatever stands in it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from forecourt.supervision.readings_prices import cost_view
from forecourt.supervision.receipts import WIDTH, receipt_text
from forecourt.supervision.tariffs import SessionFacts, Tariff, cost_of
from forecourt.supervision.views import ReceiptView

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
START_S = START.timestamp()


def receipt(tariff: Tariff, *, stopped: bool = True, identity: str = "CP-1") -> ReceiptView:
    """Of a session of 20 kWh and 30 minutes."""
    session = SessionFacts(
        started_s=START_S,
        start_told_s=START_S,
        meter_start_wh=0,
        register_wh=Decimal(20_000),
        stopped_s=START_S + 1800 if stopped else None,
        stop_told_s=START_S + 1800 if stopped else None,
        meter_stop_wh=20_000 if stopped else None,
    )
    return ReceiptView(
        transactionId=2_147_483_647,
        identity=identity,
        connectorId=2,
        idTag="A" * 20,
        startedAt=START,
        stoppedAt=START if stopped else None,
        meterStart=0,
        meterStop=20_000 if stopped else None,
        energyWh=20_000,
        cost=cost_view(cost_of(tariff, session, START_S + 1800)),
    )


ALL = Tariff(
    name="everything",
    currency="VNĐ",
    decimals=4,
    pricePerKWh=Decimal("123456789.123456"),
    pricePerMinute=Decimal("0.000001"),
    sessionFee=Decimal("999999999.999999"),
    vatPercent=Decimal("12.345678"),
)


@pytest.mark.parametrize("stopped", [True, False])
def test_every_line_fits_the_printer(stopped: bool) -> None:
    lines = receipt_text(receipt(ALL, stopped=stopped)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert all(line.isprintable() for line in lines)


def test_total_and_lines_stand_at_the_right() -> None:
    tariff = Tariff(name="day", currency="EUR", pricePerKWh=Decimal("0.50"), vatPercent=Decimal(25))
    lines = receipt_text(receipt(tariff)).splitlines()
    assert lines[0] == "RECEIPT"
    assert lines[-4:] == [
        "Net" + "8.00".rjust(WIDTH - 3),
        "VAT 25 %" + "2.00".rjust(WIDTH - 8),
        "Total EUR" + "10.00".rjust(WIDTH - 9),
        "Prices include VAT.",
    ]


def test_session_that_goes_on_has_no_receipt_yet() -> None:
    lines = receipt_text(receipt(ALL, stopped=False)).splitlines()
    assert lines[0] == "SO FAR - NO RECEIPT YET"
    assert lines[5].split() == ["To", "-"]


def test_long_identity_is_not_cut() -> None:
    """It has a line of its own length: nobody is to read half a name."""
    identity = "STATION-" * 12
    assert identity in receipt_text(receipt(ALL, identity=identity))
