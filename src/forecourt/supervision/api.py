"""The supervision's HTTP API: its application, over everything in the `api_*` files beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig

from forecourt.runtime.http_api import MAX_BODY, SCHEMA_PATH, refuse_http, segments_kept_apart
from forecourt.supervision.api_certificates import delete_root, install_root, list_installed
from forecourt.supervision.api_commands import get_command, give_command, list_commands
from forecourt.supervision.api_errors import ApiError, answer_api_error
from forecourt.supervision.api_events import follow_events
from forecourt.supervision.api_files import (
    delete_file,
    delete_upload,
    get_upload,
    list_files,
    list_uploads,
    order_diagnostics,
    order_firmware,
    order_log,
    put_file,
    put_signature,
)
from forecourt.supervision.api_lists import send_local_list
from forecourt.supervision.api_prices import send_cost, send_tariff
from forecourt.supervision.api_readings import (
    get_station,
    get_transaction,
    list_errors,
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
from forecourt.supervision.api_schema import SchemaPlugin
from forecourt.supervision.api_security import (
    get_authority,
    get_profile,
    get_security,
    list_security_events,
    put_password,
    put_profile,
    revoke_certificate,
)
from forecourt.supervision.api_tariffs import (
    delete_tariff,
    get_receipt,
    get_tariff,
    list_assignments,
    list_tariffs,
    put_assignment,
    put_station_assignment,
    put_tariff,
    put_tariff_picture,
)
from forecourt.supervision.files_http import answer_file_refused
from forecourt.supervision.files_store import FileRefused

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from forecourt.supervision.server import Supervision


HANDLERS = [
    give_command,
    get_command,
    list_commands,
    order_diagnostics,
    order_firmware,
    order_log,
    send_cost,
    send_tariff,
    send_local_list,
    list_files,
    put_file,
    put_signature,
    delete_file,
    list_uploads,
    get_upload,
    delete_upload,
    list_stations,
    get_station,
    put_station,
    delete_station,
    list_statuses,
    list_errors,
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
    get_authority,
    get_security,
    put_password,
    put_profile,
    get_profile,
    revoke_certificate,
    list_installed,
    install_root,
    delete_root,
    list_security_events,
    list_tariffs,
    get_tariff,
    put_tariff,
    delete_tariff,
    put_tariff_picture,
    list_assignments,
    put_assignment,
    put_station_assignment,
    get_receipt,
]
"""Everything that is served."""


def create_app(supervision: Supervision) -> ASGIApp:
    """The application for a supervision that runs on the same loop."""
    app = Litestar(
        route_handlers=HANDLERS,
        state=State({"supervision": supervision}),
        exception_handlers={
            ApiError: answer_api_error,
            FileRefused: answer_file_refused,
            HTTPException: refuse_http,
        },
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
