"""DataTransfer: which vendors' messages this station understands (OCPP 1.6 §4.3; guide, "DataTransfer"; A36 to A38).

The table at the end has a row a message. Names are compared without regard to case. An unknown vendor is answered
without data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from forecourt.evlink.price_messages import COST_UPDATED, COST_VENDOR, TARIFF_DOWNLOAD, TARIFF_VENDOR
from forecourt.ocpp.core import DataTransferRequest, DataTransferResponse, DataTransferStatus
from forecourt.ocpp.types import given
from forecourt.station.effects import Effect, LogEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.station.calls import Later
    from forecourt.station.cost import Costs
    from forecourt.station.tariff import Tariff

Answer: TypeAlias = "DataTransferResponse | Later"


class DataTransfers:
    """Brings a vendor's message to the block that it is for. It keeps nothing."""

    __slots__ = ("_effects", "costs", "tariff")

    def __init__(self, costs: Costs, tariff: Tariff, effects: list[Effect]) -> None:
        self.costs = costs
        self.tariff = tariff
        self._effects = effects

    def asked(self, request: DataTransferRequest, now: float) -> Answer:
        """Answer a DataTransfer of the supervision."""
        messages = VENDORS.get(request.vendorId.casefold())
        if messages is None:
            return self._unknown("vendorId", request.vendorId, DataTransferStatus.UnknownVendorId)
        message_id = given(request.messageId)
        handler = None if message_id is None else messages.get(message_id.casefold())
        if handler is None:
            return self._unknown("messageId", message_id, DataTransferStatus.UnknownMessageId)
        return handler(self, given(request.data) or "", now)

    def _unknown(self, what: str, came: str | None, status: DataTransferStatus) -> DataTransferResponse:
        wrong = f"expected a {what} that this station knows, came {'none' if came is None else repr(came)}"
        self._effects.append(LogEvent("DataTransfer refused", wrong))
        return DataTransferResponse(status=status)


def with_data_as_text(action: str, payload: msgspec.Raw) -> msgspec.Raw:
    """By option: `data` of a DataTransfer that is JSON where the standard wants text, as that text (A38)."""
    if action != "DataTransfer":
        return payload
    try:
        fields = _fields(payload)
    except msgspec.DecodeError:
        return payload
    data = fields.get("data")
    if data is None or not bytes(data).lstrip().startswith((b"{", b"[")):
        return payload
    fields["data"] = msgspec.Raw(msgspec.json.encode(bytes(data).decode()))
    return msgspec.Raw(msgspec.json.encode(fields))


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

VENDORS: dict[str, dict[str, Callable[[DataTransfers, str, float], Answer]]] = {
    COST_VENDOR.casefold(): {
        COST_UPDATED.casefold(): lambda all_, data, now: all_.costs.updated(data, now),
    },
    TARIFF_VENDOR.casefold(): {
        TARIFF_DOWNLOAD.casefold(): lambda all_, data, now: all_.tariff.asked(data, now),
    },
}
"""By vendorId and messageId, in lower case: who answers, given the text of `data`, or an empty one without it."""
