"""The supervision's HTTP API: its application, over everything in the `api_*` files beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig

from forecourt.supervision.api_commands import get_command, give_command
from forecourt.supervision.api_errors import MAX_BODY, ApiError, answer_api_error, answer_http_error
from forecourt.supervision.api_events import follow_events
from forecourt.supervision.api_readings import (
    get_station,
    get_transaction,
    list_messages,
    list_meter_values,
    list_notices,
    list_orphan_stops,
    list_stations,
    list_statuses,
    list_transactions,
)
from forecourt.supervision.api_registries import (
    delete_id_tag,
    delete_station,
    get_id_tag,
    get_policy,
    list_id_tags,
    put_id_tag,
    put_policy,
    put_station,
)
from forecourt.supervision.api_schema import SCHEMA_PATH, SchemaPlugin

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

    from forecourt.supervision.server import Supervision


def create_app(supervision: Supervision) -> ASGIApp:
    """The application for a supervision that runs on the same loop."""
    app = Litestar(
        route_handlers=[
            give_command,
            get_command,
            list_stations,
            get_station,
            put_station,
            delete_station,
            list_statuses,
            list_messages,
            list_notices,
            list_transactions,
            get_transaction,
            list_meter_values,
            list_orphan_stops,
            list_id_tags,
            get_id_tag,
            put_id_tag,
            delete_id_tag,
            get_policy,
            put_policy,
            follow_events,
        ],
        state=State({"supervision": supervision}),
        exception_handlers={ApiError: answer_api_error, HTTPException: answer_http_error},
        openapi_config=OpenAPIConfig(
            title="Forecourt supervision",
            version="1",
            path=SCHEMA_PATH,
            render_plugins=[SchemaPlugin(path="/")],
        ),
        request_max_body_size=MAX_BODY,
        logging_config=None,
    )
    return segments_kept_apart(app)


def segments_kept_apart(app: ASGIApp) -> ASGIApp:
    """Route by the segments as they were sent: an identity or idTag may hold a slash, as %2F.

    Servers decode the whole path before it is split. Here each segment is decoded by itself, and what would split it
    again is left encoded; handlers decode that rest.
    """

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        raw: Any = scope.get("raw_path")
        if raw and b"%" in raw:
            path = raw.split(b"?", 1)[0]
            segments = [unquote_to_bytes(segment).decode(errors="replace") for segment in path.split(b"/")]
            scope["path"] = "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)
        await app(scope, receive, send)

    return routed
