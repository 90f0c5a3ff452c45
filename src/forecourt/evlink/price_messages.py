"""The data of the vendor messages com.se.cost and com.se.tariff (guide, "DataTransfer"; readings A36, A37).

The guide prints examples and no schema, and its example of CostUpdated is no JSON: a name stands there without quotes.
So what is written is strict, and what is read is not: names without quotes are given them, upper and lower case of
names count as the same, `connectorId` is taken for `connectID`, and fields that nobody knows are passed over. Values
are not guessed: a number in quotes is refused.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from forecourt.errors import ForecourtError
from forecourt.evlink.file_schemes import FILE_SCHEMES
from forecourt.ocpp.types import Integer, same_text

COST_VENDOR = "com.se.cost"
COST_UPDATED = "CostUpdated"
"""The messageId of a cost, and the text of its field `method`."""

TARIFF_VENDOR = "com.se.tariff"
TARIFF_DOWNLOAD = "TariffDownload"

TARIFF_FILE_TYPE = "Tariff"
TARIFF_TYPE = "file"
TARIFF_FILE_NAME = "tariff.png"
"""The last part of the path of a tariff picture."""
TARIFF_MOST_BYTES = 2048 * 1024
"""A picture of exactly this size is taken."""
TARIFF_RATIO = (47, 26)
"""Width to height of a picture that fills the screen; advice, as are the resolutions."""

_CURRENCY_MOST_CHARACTERS = 20
"""Ours: the guide sets no limit, and the screen has to have one."""
_SHOWN_CHARACTERS = 80
"""Of what came, in a refusal."""


class PriceMessageRefused(ForecourtError):  # noqa: N818  the word of the domain
    """The data of a vendor message cannot be used; the text says what was expected and what came."""


class CostUpdated(msgspec.Struct, frozen=True, gc=False):
    """What a running transaction has cost so far."""

    currency: Annotated[str, Meta(min_length=1, max_length=_CURRENCY_MOST_CHARACTERS)]
    """As it is to be shown, of any script."""
    connectID: Integer
    totalCost: Annotated[float, Meta(ge=0)]
    """In the currency's main unit."""
    transactionId: Integer
    method: str = COST_UPDATED


class TariffDownload(msgspec.Struct, frozen=True, gc=False):
    """Where the picture of the tariff is."""

    location: str
    """An address whose last part is tariff.png."""
    size: Annotated[int, Meta(ge=1, le=TARIFF_MOST_BYTES)]
    """Bytes, as announced."""
    fileType: str = TARIFF_FILE_TYPE
    type: str = TARIFF_TYPE


class DownloadStatus(StrEnum):
    """What came of a TariffDownload. The guide prints the first only."""

    Downloaded = "Downloaded"
    DownloadFailed = "DownloadFailed"


class TariffDownloaded(msgspec.Struct, frozen=True, gc=False):
    """The data of the answer to a TariffDownload."""

    downloadStatus: DownloadStatus


_Data = TypeVar("_Data", bound=msgspec.Struct)


# Writing.


class _CostText(msgspec.Struct, frozen=True, gc=False):
    """A cost in the order of the printed example."""

    currency: str
    method: str
    connectID: int
    totalCost: int | float
    transactionId: int


class _TariffText(msgspec.Struct, frozen=True, gc=False):
    """A tariff in the order of the printed example."""

    fileType: str
    type: str
    location: str
    size: int


def cost_text(cost: CostUpdated) -> str:
    """The data of a CostUpdated, as valid JSON."""
    amount = int(cost.totalCost) if float(cost.totalCost).is_integer() else cost.totalCost
    return _text(_CostText(cost.currency, cost.method, cost.connectID, amount, cost.transactionId))


def tariff_text(tariff: TariffDownload) -> str:
    """The data of a TariffDownload, as valid JSON."""
    return _text(_TariffText(tariff.fileType, tariff.type, tariff.location, tariff.size))


def downloaded_text(status: DownloadStatus) -> str:
    """The data of the answer to a TariffDownload, as valid JSON."""
    return _text(TariffDownloaded(status))


def _text(record: msgspec.Struct) -> str:
    return msgspec.json.encode(record).decode()


# Reading.


def read_cost(text: str) -> CostUpdated:
    """The cost in the data of a CostUpdated. Raises `PriceMessageRefused`."""
    cost = _read(text, CostUpdated, ("currency", "method", "connectID", "totalCost", "transactionId"))
    if not same_text(cost.method, COST_UPDATED):
        raise PriceMessageRefused(f"expected method {COST_UPDATED}, came {_shown(cost.method)}")
    if not cost.currency.isprintable() or cost.currency.isspace():
        raise PriceMessageRefused(f"expected a currency of printable characters, came {_shown(cost.currency)}")
    return msgspec.structs.replace(cost, method=COST_UPDATED)


def read_tariff(text: str) -> TariffDownload:
    """The tariff in the data of a TariffDownload. Raises `PriceMessageRefused` for anything that is not fetched."""
    tariff = _read(text, TariffDownload, ("fileType", "type", "location", "size"))
    if tariff.fileType != TARIFF_FILE_TYPE:
        raise PriceMessageRefused(f"expected fileType {TARIFF_FILE_TYPE}, came {_shown(tariff.fileType)}")
    if tariff.type != TARIFF_TYPE:
        raise PriceMessageRefused(f"expected type {TARIFF_TYPE}, came {_shown(tariff.type)}")
    _check_location(tariff.location)
    return tariff


def _check_location(location: str) -> None:
    """Addresses may hold credentials, so none is repeated."""
    try:
        parts = urlsplit(location)
        host = parts.hostname
    except ValueError as error:
        raise PriceMessageRefused(f"expected location to be an address, came something else: {error}") from error
    if parts.scheme not in FILE_SCHEMES:
        schemes = ", ".join(FILE_SCHEMES)
        raise PriceMessageRefused(f"expected a location of one of {schemes}, came scheme {_shown(parts.scheme)}")
    if not host:
        raise PriceMessageRefused("expected a location with a host, came one without")
    name = parts.path.rpartition("/")[2]
    if name != TARIFF_FILE_NAME:
        raise PriceMessageRefused(f"expected a location that ends in {TARIFF_FILE_NAME}, came {_shown(name)}")


def read_downloaded(text: str) -> DownloadStatus:
    """What came of a TariffDownload, from the data of its answer. Raises `PriceMessageRefused`."""
    return _read(text, TariffDownloaded, ("downloadStatus",)).downloadStatus


def _read(text: str, record: type[_Data], names: tuple[str, ...]) -> _Data:
    """The record in a JSON text, with its names matched without regard to case; `names` must all be there."""
    found: dict[str, Any] = {}
    for came, value in _object(text).items():
        name = _NAMES.get(came.casefold(), came)
        if name in found:
            raise PriceMessageRefused(f"expected {name} once, came twice")
        found[name] = value
    for name in names:
        if name not in found:
            raise PriceMessageRefused(f"expected {', '.join(names)}, came no {name}")
    try:
        return msgspec.convert(found, record)
    except msgspec.ValidationError as refusal:
        raise PriceMessageRefused(str(refusal)) from refusal


def _object(text: str) -> dict[str, Any]:
    try:
        value = _decode(text)
    except msgspec.DecodeError:
        value = _decode_or_refuse(_BARE_NAME.sub(_quoted, text), text)
    if not isinstance(value, dict):
        raise PriceMessageRefused(f"expected a JSON object as data, came {_shown(text)}")
    return value


def _decode_or_refuse(mended: str, text: str) -> Any:
    try:
        return _decode(mended)
    except msgspec.DecodeError as refusal:
        raise PriceMessageRefused(f"expected JSON as data, came {_shown(text)}: {refusal}") from refusal


def _decode(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except RecursionError as refusal:
        raise msgspec.DecodeError("it is nested too deeply") from refusal


def _quoted(match: re.Match[str]) -> str:
    """A name with quotes; a text that was passed over stays as it is."""
    return match.group() if match["name"] is None else f'{match["before"]}"{match["name"]}"{match["after"]}'


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}...")


_BARE_NAME = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<before>[{,]\s*)(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<after>\s*:)')
"""A text, which is passed over, or a name without quotes in front of a colon."""

_NAMES = {
    name.casefold(): name
    for record in (CostUpdated, TariffDownload, TariffDownloaded)
    for name in record.__struct_fields__
} | {"connectorid": "connectID"}
"""The fields of all the records as they may come, and as they are spelled."""
