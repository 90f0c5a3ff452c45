"""Files over HTTP: `GET /files/{name}` for what stations fetch, `PUT` and `POST` to `/uploads/{token}` for uploads.

`PUT /uploads/{token}/{name}` has the file as its body. A `POST` is a form (multipart/form-data) whose first file
counts. Bodies are written as they come and never held in memory.
"""

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from litestar import Litestar, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import File
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from forecourt.runtime.http_api import refuse_http, segments_kept_apart
from forecourt.supervision.files_store import FileRefused, FileStore, Incoming, require_safe_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litestar.types import ASGIApp

FORM_BYTES = 8192
"""What a form may add to the length of its file."""
UNREAD_BYTES = 2**20
"""So much of the body of a refused request is read still."""


def create_files_app(store: FileStore) -> "ASGIApp":
    """The application of the file server, on a port of its own."""
    app = Litestar(
        route_handlers=[get_file, get_renamed_file, put_upload, post_upload, post_named_upload],
        state=State({"store": store}),
        exception_handlers={FileRefused: answer_file_refused, HTTPException: refuse_http},
        openapi_config=None,
        request_max_body_size=None,
        logging_config=None,
    )
    return segments_kept_apart(app)


def answer_file_refused(_request: Request[Any, Any, Any], error: FileRefused) -> Response[dict[str, str]]:
    """Our own refusals, also those of the API."""
    # What is left of the body is not read: the connection cannot be used again.
    return Response({"error": str(error)}, status_code=error.status, headers={"Connection": "close"})


@get("/files/{name:str}")
async def get_file(request: Request[Any, Any, Any], name: FromPath[str]) -> File:
    """A file that stations may fetch."""
    path = _store(request).find(unquote(name))
    return File(path=path, filename=path.name, media_type="application/octet-stream")


@get("/files/{name:str}/{shown_name:str}")
async def get_renamed_file(request: Request[Any, Any, Any], name: FromPath[str], shown_name: FromPath[str]) -> File:
    """The same under another name: stations look at the end of a tariff's address."""
    path = _store(request).find(unquote(name))
    return File(path=path, filename=require_safe_name(unquote(shown_name)), media_type="application/octet-stream")


@asynccontextmanager
async def body_pieces(request: Request[Any, Any, Any]) -> "AsyncIterator[AsyncIterator[bytes]]":
    """The body in pieces. A refusal meanwhile reads on a while, as many a client hears nothing while it speaks."""
    pieces = request.stream()
    try:
        yield pieces
    except FileRefused:
        left = UNREAD_BYTES
        async for piece in pieces:
            left -= len(piece)
            if left < 0:
                break
        raise


@put("/uploads/{token:str}/{name:str}", status_code=201)
async def put_upload(request: Request[Any, Any, Any], token: FromPath[str], name: FromPath[str]) -> Response[None]:
    """The file that a command asked for, as the body."""
    store = _store(request)
    async with body_pieces(request) as pieces:
        ticket = store.ticket(unquote(token))
        name = require_safe_name(unquote(name))
        async with store.receive(ticket, _announced(request)) as incoming:
            async for piece in pieces:
                await incoming.write(piece)
            await store.keep_upload(incoming, ticket, name)
    return Response(None, status_code=201)


@post("/uploads/{token:str}", status_code=201)
async def post_upload(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[None]:
    """The file that a command asked for, as the first file of a form."""
    return await _post(request, token, None)


@post("/uploads/{token:str}/{name:str}", status_code=201)
async def post_named_upload(
    request: Request[Any, Any, Any], token: FromPath[str], name: FromPath[str]
) -> Response[None]:
    """The same, with the name in the address, which is the one that counts."""
    return await _post(request, token, unquote(name))


async def _post(request: Request[Any, Any, Any], token: str, name: str | None) -> Response[None]:
    store = _store(request)
    async with body_pieces(request) as pieces:
        ticket = store.ticket(unquote(token))
        boundary = _boundary(request)
        announced = _announced(request)
        async with store.receive(ticket, None if announced is None else max(0, announced - FORM_BYTES)) as incoming:
            found = await _first_file(pieces, boundary, incoming)
            if found is None:
                raise FileRefused(400, "A form with a file was expected; none of its parts has a filename.")
            await store.keep_upload(incoming, ticket, name or found)
    return Response(None, status_code=201)


def _boundary(request: Request[Any, Any, Any]) -> str:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary: str = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise FileRefused(415, f"A POST must be multipart/form-data with a boundary; {kind or 'no Content-Type'} came.")
    return boundary


async def _first_file(pieces: "AsyncIterator[bytes]", boundary: str, incoming: Incoming) -> str | None:
    """Write the first file of a form; its name, or None for a form without a file."""
    found: str | None = None
    wanted = False
    try:
        with PushMultipartParser(boundary) as parser:
            async for piece in pieces:
                for part in parser.parse(piece):
                    if isinstance(part, MultipartSegment):
                        wanted = found is None and bool(part.filename)
                        found = part.filename if wanted else found
                    elif part is None:
                        wanted = False
                    elif wanted:
                        await incoming.write(bytes(part))
    except MultipartError as fault:
        raise FileRefused(400, f"The form cannot be read: {fault}.") from fault
    return found


def _announced(request: Request[Any, Any, Any]) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _store(request: Request[Any, Any, Any]) -> FileStore:
    store = request.app.state.store
    assert isinstance(store, FileStore)
    return store
