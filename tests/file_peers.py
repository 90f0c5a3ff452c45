"""Servers of files of another make, each in a thread of its own, and one made of bytes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import warnings
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it stands on asyncore
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

USER, PASSWORD = "fleet", "p@ss/w:rd ü"
"""What the FTP server takes; a password that has to be percent-encoded."""
ENCODED = "fleet:p%40ss%2Fw%3Ard%20%C3%BC"
HOLD_S = 30.0
"""A handler that is never let go ends after so long."""


class Request(NamedTuple):
    """What a server of HTTP was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Hands every request to the route of its path."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    timeout = HOLD_S

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        self.server.requests.append(request)
        route = self.server.routes.get(self.path) or self.server.routes.get("*")
        if route is None:
            self.answer(404)
        else:
            route(self, request)

    do_GET = do_PUT = do_POST = _handle

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        """A client that goes away in the middle is part of the tests."""
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
        """Say nothing."""


Route = Callable[[Handler, Request], object]


class HttpServer(ThreadingHTTPServer):
    """A server of HTTP, over TLS with a context."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.routes: dict[str, Route] = {}
        self.released = threading.Event()
        """Set at the end; what stalls waits for it."""
        self.context = context

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake is made on the thread of the request."""
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with contextlib.suppress(OSError), self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""

    def serve(self, path: str, body: bytes) -> None:
        """Let a file be there."""
        self.routes[path] = lambda handler, _: handler.answer(200, body)

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        """Let a path lead elsewhere."""
        self.routes[path] = lambda handler, _: handler.answer(status, Location=location)

    def stall(self, handler: Handler, request: Request) -> None:
        """A route that begins an answer and does not go on."""
        del request
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"12345")
        self.released.wait(HOLD_S)

    def hold(self, handler: Handler, request: Request) -> None:
        """A route that does not answer."""
        del handler, request
        self.released.wait(HOLD_S)


@contextlib.contextmanager
def http_server(context: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    """A server of HTTP or HTTPS, until the end of the block."""
    with HttpServer(context) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def ftp_server(folder: Path, permissions: str = "elradfmw", handler: type[FTPHandler] = FTPHandler) -> Iterator[str]:
    """pyftpdlib with a folder; gives `127.0.0.1:port`."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(folder), perm=permissions)
    authorizer.add_anonymous(str(folder), perm="elr")
    kind = type("Handler", (handler,), {"authorizer": authorizer, "auth_failed_timeout": 0})
    loop = IOLoop()
    server = FTPServer(("127.0.0.1", 0), kind, ioloop=loop)
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            server.serve_forever(timeout=0.01, blocking=False, handle_exit=False)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
        server.close_all()


def hearing(heard: list[tuple[str, str]]) -> type[FTPHandler]:
    """A handler that writes down each command and what comes with it."""

    class Hears(FTPHandler):  # type: ignore[misc]
        def pre_process_command(self, line: str, command: str, argument: str) -> None:
            heard.append((command, argument))
            super().pre_process_command(line, command, argument)

    return Hears


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@contextlib.asynccontextmanager
async def scripted(script: Script, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """A server that does with a connection what the script does; gives its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await script(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(talk, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class FtpScript:
    """A server of FTP that answers each verb as the table says; what it hears is in `heard`."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = {"USER": "230 in", "TYPE": "200 ok", "SIZE": "550 no", "EPSV": "502 no", "QUIT": "221 bye"}
        self.answers |= answers
        self.heard: list[str] = []
        self.last_verb: str | None = None
        """After the answer to this one it closes."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            text = line.decode().strip()
            self.heard.append(text)
            answer = self.answers.get(text.partition(" ")[0], "500 what")
            if not answer:
                return
            writer.write(answer.encode("latin-1") + b"\r\n")
            if text.partition(" ")[0] == self.last_verb:
                return


def form_file(request: Request) -> tuple[str, str, bytes]:
    """The one file of a form: name of the field, name of the file, content."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body).get_payload()
    assert isinstance(parts, list)
    (part,) = parts
    assert isinstance(part, Message)
    field = re.search(r' name="([^"]*)"', str(part["Content-Disposition"]))
    assert field is not None
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return field[1], part.get_filename() or "", content


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port
