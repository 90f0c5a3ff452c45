"""How the API says no: a status and `{"error": "<sentence>", ...}`, and how it reads bodies."""

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotFoundException, ValidationException

from forecourt.ocpp.errors import PayloadFault
from forecourt.ocpp.faults import payload_fault
from forecourt.ocpp.types import Record

R = TypeVar("R", bound=Record)

MAX_BODY = 2**20
"""Bytes of the largest body taken."""


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


async def body_of(request: Request[Any, Any, Any]) -> bytes:
    """The body's bytes; an empty body is an empty object."""
    body = await request.body()
    return body if body.strip() else b"{}"


def answer_api_error(_request: Request[Any, Any, Any], error: ApiError) -> Response[Any]:
    """Our own refusals."""
    return Response(error.body, status_code=error.status)


def answer_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """The framework's refusals, in our form."""
    headers = error.headers or {}
    if isinstance(error, NotFoundException):
        sentence = f"There is nothing at {request.url.path}; GET /schema lists what there is."
        return Response({"error": sentence}, status_code=404)
    if isinstance(error, ValidationException) and error.extra:
        first: dict[str, Any] = next(iter(error.extra)) if isinstance(error.extra, list) else error.extra
        where = first.get("key", "the request")
        return Response({"error": f"{where}: {first.get('message')}."}, status_code=400)
    return Response({"error": f"{error.detail}."}, status_code=error.status_code, headers=headers)


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
