"""What the supervision knows: stations, transactions, meter values, statuses, notices, the wire log."""

from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

from litestar import Request, get
from litestar.params import FromPath, FromQuery, QueryParameter

from forecourt.supervision import readings
from forecourt.supervision.api_errors import ApiError
from forecourt.supervision.api_registries import LIST_LIMIT, Limit
from forecourt.supervision.api_requests import read, require_known, supervision_of, unknown_station
from forecourt.supervision.readings import TransactionFilter
from forecourt.supervision.views import (
    ConnectorView,
    ErrorView,
    MessageView,
    MeterValueView,
    NoticeView,
    OrphanStopView,
    StationView,
    TransactionDetail,
    TransactionView,
)

T = TypeVar("T")

VALUES_LIMIT = 1000
LONGEST_VALUES = 10_000

Before = FromQuery[int | None]
ConnectorId = Annotated[int | None, QueryParameter(name="connectorId")]


@get("/api/stations")
async def list_stations(
    request: Request[Any, Any, Any],
    connected: FromQuery[bool | None] = None,
    after: FromQuery[str] = "",
    limit: Limit = LIST_LIMIT,
) -> list[StationView]:
    """Every station registered or ever connected, in the order of identities, those behind `after`."""
    supervision = supervision_of(request)
    return await read(
        request,
        lambda connection: readings.stations(
            connection, supervision.all_live(), after=after, limit=limit, connected=connected
        ),
    )


@get("/api/stations/{identity:str}")
async def get_station(request: Request[Any, Any, Any], identity: FromPath[str]) -> StationView:
    """One station: as registered, as it booted, its connectors, its open transactions."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    live = supervision.live(identity)
    if live is not None and live.connected:
        await supervision.store.settled()  # its first connection may be this moment's
    found = await read(request, lambda connection: readings.station(connection, identity, live))
    if found is None:
        raise unknown_station(identity)
    return found


@get("/api/stations/{identity:str}/statuses")
async def list_statuses(
    request: Request[Any, Any, Any],
    identity: FromPath[str],
    connector_id: ConnectorId = None,
    before: Before = None,
    limit: Limit = LIST_LIMIT,
) -> list[ConnectorView]:
    """What a station reported of its connectors, the latest first; page on with `before` the last id."""
    identity = unquote(identity)
    found = await read(
        request,
        lambda connection: readings.statuses(
            connection, identity, connector_id=connector_id, before=before, limit=limit
        ),
    )
    return await _or_unknown(request, identity, found)


@get("/api/stations/{identity:str}/errors")
async def list_errors(
    request: Request[Any, Any, Any], identity: FromPath[str], limit: Limit = LIST_LIMIT
) -> list[ErrorView]:
    """The errors that a station reported, those that came and went as well, the latest first, with what to do."""
    identity = unquote(identity)
    found = await read(request, lambda connection: readings.errors(connection, identity, limit))
    return await _or_unknown(request, identity, found)


@get("/api/stations/{identity:str}/messages")
async def list_messages(
    request: Request[Any, Any, Any], identity: FromPath[str], before: Before = None, limit: Limit = LIST_LIMIT
) -> list[MessageView]:
    """The wire log of a station, the latest frame first; page on with `before` the last id."""
    identity = unquote(identity)
    found = await read(request, lambda connection: readings.messages(connection, identity, before=before, limit=limit))
    return await _or_unknown(request, identity, found)


@get("/api/stations/{identity:str}/notices")
async def list_notices(
    request: Request[Any, Any, Any], identity: FromPath[str], before: Before = None, limit: Limit = LIST_LIMIT
) -> list[NoticeView]:
    """Firmware, diagnostics, log, security and data messages of a station, the latest first."""
    identity = unquote(identity)
    found = await read(request, lambda connection: readings.notices(connection, identity, before=before, limit=limit))
    return await _or_unknown(request, identity, found)


@get("/api/transactions")
async def list_transactions(
    request: Request[Any, Any, Any],
    identity: FromQuery[str | None] = None,
    connector_id: ConnectorId = None,
    id_tag: Annotated[str | None, QueryParameter(name="idTag")] = None,
    is_open: Annotated[bool | None, QueryParameter(name="open")] = None,
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    before: Before = None,
    limit: Limit = LIST_LIMIT,
) -> list[TransactionView]:
    """Transactions, the latest first; page on with `before` the last transactionId."""
    wanted = TransactionFilter(
        identity=identity,
        connector_id=connector_id,
        id_tag=id_tag,
        is_open=is_open,
        since=_aware("since", since),
        until=_aware("until", until),
        before=before,
    )
    return await read(request, lambda connection: readings.transactions(connection, wanted, limit))


@get("/api/transactions/{transaction_id:int}")
async def get_transaction(request: Request[Any, Any, Any], transaction_id: FromPath[int]) -> TransactionDetail:
    """One transaction with the data its StopTransaction carried."""
    return await find_transaction(request, transaction_id)


@get("/api/transactions/{transaction_id:int}/meter-values")
async def list_meter_values(
    request: Request[Any, Any, Any],
    transaction_id: FromPath[int],
    offset: Annotated[int, QueryParameter(ge=0)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=LONGEST_VALUES)] = VALUES_LIMIT,
) -> list[MeterValueView]:
    """The meter values of a transaction in the order of their own timestamps, whenever they arrived."""
    await find_transaction(request, transaction_id)
    return await read(
        request, lambda connection: readings.meter_values(connection, transaction_id, offset=offset, limit=limit)
    )


@get("/api/orphan-stops")
async def list_orphan_stops(
    request: Request[Any, Any, Any], identity: FromQuery[str | None] = None, limit: Limit = LIST_LIMIT
) -> list[OrphanStopView]:
    """StopTransactions for transactions that were never given out, such as -1, the latest first."""
    return await read(request, lambda connection: readings.orphan_stops(connection, identity=identity, limit=limit))


async def find_transaction(request: Request[Any, Any, Any], transaction_id: int) -> TransactionDetail:
    """One transaction. Raises `ApiError` 404."""
    supervision = supervision_of(request)
    now = supervision.now()
    found = await read(request, lambda connection: readings.transaction(connection, transaction_id, now))
    if found is None:
        raise ApiError(404, f"There is no transaction {transaction_id}.")
    return found


async def _or_unknown(request: Request[Any, Any, Any], identity: str, found: list[T]) -> list[T]:
    """An empty list only of a station that exists."""
    if not found:
        await require_known(request, identity)
    return found


def _aware(name: str, moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise ApiError(400, f"{name}: expected a time with a zone such as 2026-01-31T12:00:00Z, came one without.")
    return moment
