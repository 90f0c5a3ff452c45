"""`POST /api/stations/{identity}/local-list`: make a station's local list the registry, or a given list."""

from typing import Annotated, Any
from urllib.parse import unquote

from litestar import Request, Response, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from forecourt.ocpp.local_auth_list_management import AuthorizationData
from forecourt.ocpp.types import Record, given
from forecourt.runtime.http_api import MAX_BODY
from forecourt.supervision.api_commands import location_of, read_command
from forecourt.supervision.api_errors import ApiError, read_body
from forecourt.supervision.api_requests import require_known, supervision_of
from forecourt.supervision.events import LocalListGiven
from forecourt.supervision.registry import tag_key

MOST_ENTRIES = 100_000
"""LocalAuthListMaxLength of the product."""


class LocalListOrder(Record, frozen=True, gc=False):
    """Which list; everything may be left out."""

    entries: Annotated[tuple[AuthorizationData, ...], Meta(max_length=MOST_ENTRIES)] | UnsetType = UNSET
    """Without it, all idTags of the registry."""


@post("/api/stations/{identity:str}/local-list", status_code=202, request_max_body_size=32 * MAX_BODY)
async def send_local_list(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """Make this the station's local list, in as many updates as it takes. `Location` tells how far it has come."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    await require_known(request, identity)
    entries = given((await read_body(request, LocalListOrder)).entries)
    seen: set[str] = set()
    for entry in entries or ():
        if entry.idTagInfo is UNSET:
            raise ApiError(400, f"entries: {entry.idTag} has no idTagInfo; a whole list says what each idTag is.")
        if tag_key(entry.idTag) in seen:
            raise ApiError(400, f"entries: a list names an idTag only once; {entry.idTag} came again.")
        seen.add(tag_key(entry.idTag))
    command_id = supervision.new_command_id()
    supervision.handle(LocalListGiven(command_id, identity, entries))
    await supervision.store.settled()
    found = await read_command(request, command_id)
    status = 409 if found.outcome in ("NotConnected", "Refused") else 202
    return Response(found, status_code=status, headers={"Location": location_of(command_id)})
