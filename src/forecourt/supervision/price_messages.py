"""The vendor messages with which a supervision sends prices (com.se.cost, com.se.tariff; readings A36, A37)."""

from __future__ import annotations

from forecourt.evlink.price_messages import (
    COST_UPDATED,
    COST_VENDOR,
    TARIFF_DOWNLOAD,
    TARIFF_VENDOR,
    CostUpdated,
    TariffDownload,
    cost_text,
    tariff_text,
)
from forecourt.ocpp.core import DataTransferRequest


def cost_updated(connector_id: int, transaction_id: int, currency: str, total_cost: float) -> DataTransferRequest:
    """What a transaction costs so far, `total_cost` in the currency's main unit."""
    cost = CostUpdated(currency, connector_id, total_cost, transaction_id)
    return DataTransferRequest(vendorId=COST_VENDOR, messageId=COST_UPDATED, data=cost_text(cost))


def tariff_download(location: str, size_bytes: int) -> DataTransferRequest:
    """Where the picture of the tariff is; the last part of the address is `tariff.png`."""
    tariff = TariffDownload(location, size_bytes)
    return DataTransferRequest(vendorId=TARIFF_VENDOR, messageId=TARIFF_DOWNLOAD, data=tariff_text(tariff))
