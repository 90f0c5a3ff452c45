"""What the HTTP APIs have in common: how they read a path, say no, and describe themselves in OpenAPI.

A refusal is `{"error": "<sentence>"}`. The description is JSON at `SCHEMA_PATH`; nothing is loaded from elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotFoundException, ValidationException

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litestar.types import ASGIApp, Receive, Scope, Send

MAX_BODY = 2**20
"""Bytes of the largest body taken; a full local list (400 entries) is about 70 KB."""
SCHEMA_PATH = "/schema"

_REFERENCES = "#/components/schemas/{name}"


async def body_of(request: Request[Any, Any, Any]) -> bytes:
    """The body's bytes; an empty body is an empty object."""
    body = await request.body()
    return body if body.strip() else b"{}"


def refuse_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, str]]:
    """The framework's refusals, in our form."""
    sentence = f"{error.detail.rstrip('.')}."
    if isinstance(error, NotFoundException):
        sentence = f"There is nothing at {request.url.path}; GET {SCHEMA_PATH} lists what there is."
    elif isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first: dict[str, Any] = error.extra[0]
        sentence = f"{first.get('key', 'the request')}: {first.get('message')}."
    return Response({"error": sentence}, status_code=error.status_code, headers=error.headers or {})


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


def add_records(schema: dict[str, Any], records: Iterable[type[msgspec.Struct]]) -> None:
    """Put the schemas of these records among the components of an OpenAPI description."""
    _, components = msgspec.json.schema_components(records, ref_template=_REFERENCES)
    schema.setdefault("components", {}).setdefault("schemas", {}).update(components)


def record_content(record: type[msgspec.Struct]) -> dict[str, Any]:
    """The `content` of a body or answer that is such a record as JSON."""
    return _json_content({"$ref": _REFERENCES.format(name=record.__name__)})


def body_described(record: type[msgspec.Struct]) -> dict[str, Any]:
    """A `requestBody`; it may be left out where every field of the record may."""
    required = any(field.required for field in msgspec.structs.fields(record))
    return record_content(record) | {"required": required}


def refusals_described(sentences: dict[str, str]) -> dict[str, Any]:
    """The `responses` of refusals: what each status means."""
    error = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    return {status: {"description": sentence} | _json_content(error) for status, sentence in sentences.items()}


def _json_content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
