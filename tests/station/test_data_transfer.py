"""Which vendor's messages reach whom, and the option that mends `data`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from forecourt.ocpp.core import DataTransferRequest, DataTransferResponse, DataTransferStatus
from forecourt.station.data_transfer import VENDORS, DataTransfers, with_data_as_text
from forecourt.station.effects import Effect, LogEvent

if TYPE_CHECKING:
    from forecourt.station.cost import Costs
    from forecourt.station.tariff import Tariff

REJECTED = DataTransferResponse(status=DataTransferStatus.Rejected)


class Taker:
    """A block that writes down what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, float]] = []

    def take(self, data: str, now: float) -> DataTransferResponse:
        self.given.append((data, now))
        return REJECTED

    updated = asked = take


def test_each_message_reaches_its_block_with_its_data() -> None:
    costs, tariff, effects = Taker(), Taker(), list[Effect]()
    block = DataTransfers(cast("Costs", costs), cast("Tariff", tariff), effects)
    cost = DataTransferRequest(vendorId="com.SE.cost", messageId="costUPDATED", data="a")
    picture = DataTransferRequest(vendorId="com.se.tariff", messageId="TariffDownload")
    assert block.asked(cost, 1.0) is REJECTED
    assert block.asked(picture, 2.0) is REJECTED
    assert (costs.given, tariff.given, effects) == ([("a", 1.0)], [("", 2.0)], [])


@pytest.mark.parametrize(
    ("vendor", "message", "status", "line"),
    [
        ("com.se", "CostUpdated", "UnknownVendorId", "a vendorId that this station knows, came 'com.se'"),
        ("com.se.cost", "TariffDownload", "UnknownMessageId", "a messageId that this station knows, came 'Tariff"),
        ("com.se.cost", None, "UnknownMessageId", "a messageId that this station knows, came none"),
    ],
)
def test_what_is_unknown_is_said_and_logged(vendor: str, message: str | None, status: str, line: str) -> None:
    taker, effects = Taker(), list[Effect]()
    block = DataTransfers(cast("Costs", taker), cast("Tariff", taker), effects)
    request = DataTransferRequest(vendorId=vendor, messageId=msgspec.UNSET if message is None else message, data="x")
    assert block.asked(request, 0.0) == DataTransferResponse(status=DataTransferStatus(status))
    (event,) = effects
    assert isinstance(event, LogEvent)
    assert line in event.detail
    assert taker.given == []


def test_names_in_the_table_can_be_found() -> None:
    for vendor, messages in VENDORS.items():
        assert vendor == vendor.casefold()
        assert list(messages) == [name.casefold() for name in messages]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('{"a": 1, "b": "VNĐ"}', '{"a": 1, "b": "VNĐ"}'),
        ("[1, 2]", "[1, 2]"),
        ('"{}"', "{}"),
        ("7", 7),
        ("null", None),
    ],
)
def test_data_that_is_an_object_or_array_becomes_its_text(data: str, text: object) -> None:
    payload = f'{{"vendorId":"v","data":{data},"messageId":"m"}}'.encode()
    mended = with_data_as_text("DataTransfer", msgspec.Raw(payload))
    assert json.loads(bytes(mended)) == {"vendorId": "v", "data": text, "messageId": "m"}


@pytest.mark.parametrize("payload", [b"[]", b"7", b"null", b'{"vendorId":"v"}'])
def test_payload_without_data_stays_as_it_is(payload: bytes) -> None:
    assert bytes(with_data_as_text("DataTransfer", msgspec.Raw(payload))) == payload


def test_other_actions_are_left_alone() -> None:
    payload = msgspec.Raw(b'{"data":{}}')
    assert with_data_as_text("Reset", payload) is payload
