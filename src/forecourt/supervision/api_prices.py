"""Prices over the API: what a session costs so far, and the picture of the tariff, as DataTransfer of com.se.*."""

from typing import Annotated, Any
from urllib.parse import unquote

from litestar import Request, Response, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from forecourt.evlink.price_messages import TARIFF_FILE_NAME, TARIFF_MOST_BYTES
from forecourt.ocpp.types import Integer, Record, given
from forecourt.supervision import readings
from forecourt.supervision.api_commands import outcome_response
from forecourt.supervision.api_errors import ApiError, read_body
from forecourt.supervision.api_files import Protocol
from forecourt.supervision.api_requests import read, require_known, supervision_of
from forecourt.supervision.price_messages import cost_updated, tariff_download
from forecourt.supervision.readings import TransactionFilter


class CostOrder(Record, frozen=True, gc=False):
    """What a session costs so far."""

    connectorId: Annotated[int, Meta(ge=1)]
    currency: Annotated[str, Meta(min_length=1, max_length=20)]
    """As it is to be shown, such as EUR."""
    totalCost: Annotated[float, Meta(ge=0)]
    """In the currency's main unit."""
    transactionId: Integer | UnsetType = UNSET
    """Without it, the transaction that runs on the connector."""


class TariffOrder(Record, frozen=True, gc=False):
    """Which picture a station is to show as its tariff."""

    file: str
    """A name in `GET /api/files`; a PNG of at most 2,097,152 bytes."""
    protocol: Protocol | UnsetType = UNSET
    """http, https or ftp: over which the station is to fetch it; without it, what is served."""


@post("/api/stations/{identity:str}/cost", status_code=200)
async def send_cost(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """Show what a session costs so far (CostUpdated); answered like a command, with what the station answered."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    await require_known(request, identity)
    order = await read_body(request, CostOrder)
    number = given(order.transactionId)
    if number is None:
        number = await _running(request, identity, order.connectorId)
    command_id = supervision.new_command_id()
    wanted = cost_updated(order.connectorId, number, order.currency, order.totalCost)
    return outcome_response(await supervision.command(identity, wanted, command_id), command_id)


@post("/api/stations/{identity:str}/tariff", status_code=200)
async def send_tariff(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """Have a station fetch the picture of its tariff (TariffDownload); answered when it has, like a command."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    await require_known(request, identity)
    order = await read_body(request, TariffOrder)
    files = supervision.files
    size_bytes = files.store.find(order.file).stat().st_size
    if not 1 <= size_bytes <= TARIFF_MOST_BYTES:
        raise ApiError(
            400, f"file: expected a picture of 1 to {TARIFF_MOST_BYTES} bytes; {order.file} has {size_bytes}."
        )
    protocol = files.protocol(given(order.protocol))
    if protocol == "ftp" and order.file != TARIFF_FILE_NAME:
        raise ApiError(400, f"file: over FTP stations take a tariff only by the name {TARIFF_FILE_NAME}; put it so.")
    command_id = supervision.new_command_id()
    wanted = tariff_download(files.file_url(order.file, protocol, TARIFF_FILE_NAME), size_bytes)
    return outcome_response(await supervision.command(identity, wanted, command_id), command_id)


async def _running(request: Request[Any, Any, Any], identity: str, connector_id: int) -> int:
    """The transaction that runs on a connector. Raises `ApiError` (409)."""
    wanted = TransactionFilter(identity=identity, connector_id=connector_id, is_open=True)
    found = await read(request, lambda connection: readings.transactions(connection, wanted, 1))
    if not found:
        raise ApiError(409, f"No transaction runs on connector {connector_id} of {identity}: give its transactionId.")
    return found[0].transactionId
