"""How the API says no: a status and `{"error": "<sentence>", ...}`, and how it reads bodies."""

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response

from forecourt.ocpp.errors import PayloadFault
from forecourt.ocpp.faults import payload_fault
from forecourt.ocpp.types import Record
from forecourt.runtime.http_api import body_of

R = TypeVar("R", bound=Record)


class ApiError(Exception):
    """A request that is not done."""

    def __init__(self, status: int, sentence: str, **more: Any) -> None:
        super().__init__(sentence)
        self.status = status
        self.body = {"error": sentence} | more


def bad_request(fault: PayloadFault) -> ApiError:
    """400 with what was expected and what came."""
    return ApiError(400, f"{fault.description}.", **fault.details)


async def read_body(request: Request[Any, Any, Any], kind: type[R]) -> R:
    """The body as a record of ours; an empty body is an empty object. Raises `ApiError` 400."""
    body = await body_of(request)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise bad_request(payload_fault(body, kind, refusal)) from refusal


def answer_api_error(_request: Request[Any, Any, Any], error: ApiError) -> Response[Any]:
    """Our own refusals."""
    return Response(error.body, status_code=error.status)


def require_length(name: str, value: str, longest: int) -> None:
    """Raise `ApiError` 400 unless a text of the address has 1 to `longest` characters."""
    if not 1 <= len(value) <= longest:
        raise ApiError(
            400,
            f"{name}: expected 1 to {longest} characters, came {len(value)}.",
            path=name,
            expected=f"1 to {longest} characters",
            came=f"{len(value)} characters",
        )
