"""What the handlers of the API ask of the supervision behind a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from forecourt.supervision import readings
from forecourt.supervision.api_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar import Request
    from sqlalchemy import Connection

    from forecourt.supervision.server import Supervision

T = TypeVar("T")


def supervision_of(request: Request[Any, Any, Any]) -> Supervision:
    """The supervision that serves this API."""
    return cast("Supervision", request.app.state.supervision)


async def read(request: Request[Any, Any, Any], query: Callable[[Connection], T]) -> T:
    """What a query finds in the store."""
    return await supervision_of(request).store.read(query)


async def require_known(request: Request[Any, Any, Any], identity: str) -> None:
    """Raise `ApiError` 404 for a station that was neither registered nor ever here."""
    if supervision_of(request).live(identity) is not None:
        return
    if await read(request, lambda connection: readings.station(connection, identity, None)) is None:
        raise unknown_station(identity)


def unknown_station(identity: str) -> ApiError:
    """404 with the sentence for it."""
    return ApiError(404, f"There is no station {identity}: it was neither registered nor has it ever connected.")
