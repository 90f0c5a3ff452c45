"""`POST /api/stations/{identity}/commands/{Action}`: OCPP's own request in, OCPP's own response out."""

from typing import Any
from urllib.parse import unquote

from litestar import Request, Response, get, post
from litestar.params import FromPath

from forecourt.ocpp.actions import ACTIONS, Action, Sender
from forecourt.ocpp.errors import PayloadFault
from forecourt.ocpp.security_extension import SignedUpdateFirmwareRequest
from forecourt.runtime.http_api import body_of
from forecourt.supervision import readings
from forecourt.supervision.api_errors import ApiError, bad_request
from forecourt.supervision.api_registries import LIST_LIMIT, Limit
from forecourt.supervision.api_requests import read, require_known, supervision_of
from forecourt.supervision.outcomes import (
    Answered,
    BadlyAnswered,
    ConnectionLost,
    ErrorAnswered,
    NotConnected,
    Outcome,
    Refused,
    TimedOut,
)
from forecourt.supervision.server_signed_firmware import require_valid_request
from forecourt.supervision.views import CommandView

COMMANDS: dict[str, Action] = {name: action for name, action in ACTIONS.items() if action.sender is not Sender.STATION}
"""What a station can be told to do, in the guide's order."""

_STATUS_OF = {BadlyAnswered: 502, Refused: 409, NotConnected: 409, ConnectionLost: 504, TimedOut: 504}


@post("/api/stations/{identity:str}/commands/{action:str}", status_code=200)
async def give_command(
    request: Request[Any, Any, Any], identity: FromPath[str], action: FromPath[str]
) -> Response[Any]:
    """Have a station do something. `Location` is the command's own resource, which goes on to tell what came of it."""
    identity = unquote(identity)
    command = COMMANDS.get(unquote(action))
    if command is None:
        known = ", ".join(COMMANDS)
        raise ApiError(404, f"{unquote(action)} is nothing a station can be told to do; these are: {known}.")
    supervision = supervision_of(request)
    await require_known(request, identity)
    try:
        payload = command.decode_request(await body_of(request))
    except PayloadFault as fault:
        raise bad_request(fault) from fault
    if isinstance(payload, SignedUpdateFirmwareRequest):
        await require_valid_request(supervision, payload)
    command_id = supervision.new_command_id()
    outcome = await supervision.command(identity, payload, command_id)
    return outcome_response(outcome, command_id)


def outcome_response(outcome: Outcome, command_id: str) -> Response[Any]:
    """What came of a command at first, with `Location` for what comes of it later."""
    status, body = _answer(outcome)
    return Response(body, status_code=status, headers={"Location": location_of(command_id)})


def location_of(command_id: str) -> str:
    """The path of a command's own resource."""
    return f"/api/commands/{command_id}"


@get("/api/stations/{identity:str}/commands")
async def list_commands(
    request: Request[Any, Any, Any], identity: FromPath[str], limit: Limit = LIST_LIMIT
) -> list[CommandView]:
    """The commands to a station and what came of each, the latest first."""
    identity = unquote(identity)
    await require_known(request, identity)
    now = supervision_of(request).now()
    return await read(request, lambda connection: readings.commands(connection, identity, limit, now))


@get("/api/commands/{command_id:str}")
async def get_command(request: Request[Any, Any, Any], command_id: FromPath[str]) -> CommandView:
    """A command and what came of it, such as the transactionId of a remote start."""
    return await read_command(request, command_id)


async def read_command(request: Request[Any, Any, Any], command_id: str) -> CommandView:
    """The command's own resource. Raises `ApiError` (404)."""
    now = supervision_of(request).now()
    found = await read(request, lambda connection: readings.command(connection, command_id, now))
    if found is None:
        raise ApiError(404, f"There is no command {command_id}.")
    return found


def _answer(outcome: Outcome) -> tuple[int, Any]:
    if isinstance(outcome, Answered):
        return 200, outcome.response
    if isinstance(outcome, ErrorAnswered):
        sentence = f"The station answered with CALLERROR {outcome.code}: {outcome.description or 'no description'}."
        return 502, {"error": sentence, "code": outcome.code, "description": outcome.description}
    return _STATUS_OF[type(outcome)], {"error": outcome.sentence, "outcome": type(outcome).__name__}
