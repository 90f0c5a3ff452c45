"""Tariffs over the API: what charging costs, where each tariff holds, its picture, and receipts."""

import hashlib
import re
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from forecourt.evlink.picture import PictureRefused, check_picture
from forecourt.evlink.price_messages import TARIFF_MOST_BYTES
from forecourt.ocpp.types import DateTime, Record, from_epoch, given, keep_utc
from forecourt.supervision.api_errors import ApiError, read_body, require_length
from forecourt.supervision.api_readings import find_transaction
from forecourt.supervision.api_registries import IDENTITY_LENGTH
from forecourt.supervision.api_requests import supervision_of
from forecourt.supervision.facts import TariffAssigned, TariffDeleted, TariffPictureSet, TariffSet
from forecourt.supervision.files_http import body_pieces
from forecourt.supervision.receipts import receipt_of, receipt_text
from forecourt.supervision.tariff_book import EVERYWHERE, TariffBook
from forecourt.supervision.tariffs import MOST_DECIMALS, Tariff, amount_text
from forecourt.supervision.views import (
    ReceiptView,
    TariffPictureView,
    TariffPlaceView,
    TariffVersionView,
    TariffView,
)

NAME_LENGTH = 40
LARGEST_VAT = Decimal(100)
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", re.ASCII)
_DECIMAL_EXPECTED = 'a decimal as text such as "0.49": up to 9 digits before the point and 6 behind it'

Text = Annotated[str, Meta(max_length=20)]
Minutes = Annotated[int, Meta(ge=0, le=10_000)]
Places = Annotated[int, Meta(ge=0, le=MOST_DECIMALS)]


class TariffRule(Record, frozen=True, gc=False):
    """What charging costs. Prices are decimals, as texts; what is left out costs nothing."""

    currency: Annotated[str, Meta(min_length=1, max_length=20)]
    """As it is to be shown, such as EUR."""
    decimals: Places = 2
    """Decimal places of the currency's smallest unit: 2 for EUR, 0 for JPY. Each line is rounded to it, half up."""
    pricePerKWh: Text = "0"
    pricePerMinute: Text = "0"
    """Of the time from the start to the end of a transaction."""
    sessionFee: Text = "0"
    idleFeePerMinute: Text = "0"
    """Of the time that a car stays plugged after the end, beyond idleGraceMinutes."""
    idleGraceMinutes: Minutes = 0
    vatPercent: Text = "0"
    pricesIncludeVat: bool = True
    """Whether the prices hold VAT; else it is put on them."""
    validFrom: DateTime | UnsetType = UNSET
    """For sessions that begin then or later. Without it: a new tariff for all, another version of one from now on."""

    def __post_init__(self) -> None:
        keep_utc(self, "validFrom")


class TariffAssignment(Record, frozen=True, gc=False):
    """Which tariff holds."""

    tariff: str | None
    """Its name; null for none of its own: what holds for the whole station, or for all, holds again."""
    connectorId: Annotated[int, Meta(ge=0, le=1000)] = 0
    """The gun; 0 for all that have none of their own."""


@get("/api/tariffs")
async def list_tariffs(request: Request[Any, Any, Any]) -> list[TariffView]:
    """The tariffs in the order of their names."""
    book = supervision_of(request).tariffs
    return [_view(book, name) for name in book.names()]


@get("/api/tariffs/{name:str}")
async def get_tariff(request: Request[Any, Any, Any], name: FromPath[str]) -> TariffView:
    """One tariff."""
    return _known(supervision_of(request).tariffs, unquote(name))


@put("/api/tariffs/{name:str}")
async def put_tariff(request: Request[Any, Any, Any], name: FromPath[str]) -> TariffView:
    """Give a tariff, or another version of one. Sessions that have begun keep the version they began with."""
    name = unquote(name)
    require_length("name", name, NAME_LENGTH)
    rule = await read_body(request, TariffRule)
    _require_shown("name", name)
    _require_shown("currency", rule.currency)
    supervision = supervision_of(request)
    valid_from = given(rule.validFrom)
    if valid_from is None and supervision.tariffs.versions(name):
        valid_from = from_epoch(supervision.now())
    tariff = Tariff(
        name=name,
        currency=rule.currency,
        decimals=rule.decimals,
        pricePerKWh=_decimal("pricePerKWh", rule.pricePerKWh),
        pricePerMinute=_decimal("pricePerMinute", rule.pricePerMinute),
        sessionFee=_decimal("sessionFee", rule.sessionFee),
        idleFeePerMinute=_decimal("idleFeePerMinute", rule.idleFeePerMinute),
        idleGraceMinutes=rule.idleGraceMinutes,
        vatPercent=_decimal("vatPercent", rule.vatPercent),
        pricesIncludeVat=rule.pricesIncludeVat,
        validFrom=valid_from,
    )
    if tariff.vatPercent > LARGEST_VAT:
        raise _refused("vatPercent", "a percentage up to 100", rule.vatPercent)
    await supervision.edit(TariffSet(tariff))
    return _known(supervision.tariffs, name)


@delete("/api/tariffs/{name:str}")
async def delete_tariff(request: Request[Any, Any, Any], name: FromPath[str]) -> None:
    """Forget a tariff, its picture and where it holds. Sessions that have begun with it keep it to their end."""
    supervision = supervision_of(request)
    found = _known(supervision.tariffs, unquote(name))
    await supervision.edit(TariffDeleted(found.name))


@put("/api/tariffs/{name:str}/picture", request_max_body_size=None)
async def put_tariff_picture(request: Request[Any, Any, Any], name: FromPath[str]) -> TariffView:
    """Give the picture that stations show of a tariff; the body is a PNG. Each fetches it as soon as it can."""
    supervision = supervision_of(request)
    found = _known(supervision.tariffs, unquote(name))
    store = supervision.files.store
    async with body_pieces(request) as pieces, store.put() as incoming:
        data = bytearray()
        async for piece in pieces:
            data += piece
            if len(data) > TARIFF_MOST_BYTES:
                expected = f"a picture of at most {TARIFF_MOST_BYTES} bytes"
                raise ApiError(413, f"body: expected {expected}, came more.", path="body", expected=expected)
        try:
            check_picture(bytes(data))
        except PictureRefused as refusal:
            raise ApiError(400, f"body: {refusal}.", path="body", expected="a PNG picture") from refusal
        digest = hashlib.sha256(data).hexdigest()
        file = f"tariff-{digest[:16]}.png"
        await incoming.write(bytes(data))
        await incoming.keep(store.files, file, replace=True)
    await supervision.edit(TariffPictureSet(found.name, file, len(data), digest))
    return _known(supervision.tariffs, found.name)


@get("/api/tariff-assignments")
async def list_assignments(request: Request[Any, Any, Any]) -> list[TariffPlaceView]:
    """Where tariffs hold: everywhere, at stations, at guns."""
    return [_place(fact) for fact in supervision_of(request).tariffs.assignments()]


@put("/api/tariff-assignment")
async def put_assignment(request: Request[Any, Any, Any]) -> list[TariffPlaceView]:
    """Decide which tariff holds at all stations that have none of their own."""
    return await _assign(request, EVERYWHERE)


@put("/api/stations/{identity:str}/tariff-assignment")
async def put_station_assignment(request: Request[Any, Any, Any], identity: FromPath[str]) -> list[TariffPlaceView]:
    """Decide which tariff holds at a station, or at one of its guns; it need not have connected yet."""
    identity = unquote(identity)
    require_length("identity", identity, IDENTITY_LENGTH)
    return await _assign(request, identity)


@get("/api/transactions/{transaction_id:int}/receipt", media_type="application/json")
async def get_receipt(request: Request[Any, Any, Any], transaction_id: FromPath[int]) -> Response[Any]:
    """What a transaction costs, for its driver; as text to be printed where the request accepts text/plain first."""
    found = await find_transaction(request, transaction_id)
    if found.cost is None:
        raise ApiError(404, f"Transaction {transaction_id} has no receipt: {found.noCost}")
    receipt: ReceiptView = receipt_of(found, found.cost)
    if request.headers.get("accept", "").strip().startswith("text/plain"):
        return Response(receipt_text(receipt), media_type="text/plain; charset=utf-8")
    return Response(receipt)


async def _assign(request: Request[Any, Any, Any], identity: str) -> list[TariffPlaceView]:
    order = await read_body(request, TariffAssignment)
    supervision = supervision_of(request)
    if order.tariff is not None:
        _known(supervision.tariffs, order.tariff)
    await supervision.edit(TariffAssigned(identity, order.connectorId, order.tariff))
    return [_place(fact) for fact in supervision.tariffs.assignments() if fact.identity == identity]


def _decimal(path: str, text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise _refused(path, _DECIMAL_EXPECTED, text)
    return Decimal(text)


def _require_shown(path: str, text: str) -> None:
    if not text.isprintable() or text.isspace():
        raise _refused(path, "printable characters", text)


def _refused(path: str, expected: str, came: str) -> ApiError:
    return ApiError(400, f"{path}: expected {expected}, came {came!r}.", path=path, expected=expected, came=came)


def _known(book: TariffBook, name: str) -> TariffView:
    if not book.versions(name):
        raise ApiError(404, f"There is no tariff {name}.")
    return _view(book, name)


def _view(book: TariffBook, name: str) -> TariffView:
    picture = book.pictures.get(name)
    return TariffView(
        name=name,
        versions=[_version(tariff) for tariff in book.versions(name)],
        picture=None
        if picture is None
        else TariffPictureView(file=picture.file, size=picture.size_bytes, digest=picture.digest),
        assigned=[_place(fact) for fact in book.assignments() if fact.tariff == name],
    )


def _version(tariff: Tariff) -> TariffVersionView:
    fields = msgspec.structs.asdict(tariff)
    del fields["name"]
    texts = {name: amount_text(value) for name, value in fields.items() if isinstance(value, Decimal)}
    return TariffVersionView(**fields | texts)


def _place(fact: TariffAssigned) -> TariffPlaceView:
    assert fact.tariff is not None, "only what is assigned is listed"
    return TariffPlaceView(identity=fact.identity or None, connectorId=fact.connectorId, tariff=fact.tariff)
