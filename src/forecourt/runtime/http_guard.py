"""What an HTTP API refuses before it looks at a request, and the headers on whatever it answers.

Theory of operation. A browser lets any page send requests to any address; what protects a server on the loopback
interface is that it looks who sends them. Three things are looked at. *Host*: a name that is not ours was made to point
here by somebody else's DNS, and the pages of that somebody would share our origin (DNS rebinding). *Origin* and
*Sec-Fetch-Site*, which scripts cannot set: what changes something must come from our own pages, or from no page at all.
*Content-Type*: what comes from a page must be JSON, which no plain form can send. A program that is no browser sends
none of these headers and is not hindered. Where a token is demanded, it is demanded of everything but the login.

No header allows another origin anything (CORS), so none can read an answer.
"""

from __future__ import annotations

import ipaddress
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import quote, urlsplit

import msgspec

from forecourt.runtime.http_token import COOKIE, WAIT_S, ThrottledError, TokenGate

if TYPE_CHECKING:
    from collections.abc import Collection

    from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer browsers would send the Origin of our own forms as null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""On every answer that does not say otherwise itself."""
LOGIN, LOGOUT = "/login", "/logout"
FORMS = frozenset({LOGIN, LOGOUT})
"""Where pages send plain forms; everywhere else they send JSON."""
OPEN_PATHS = (LOGIN, "/static/")
"""What is given without a token: how to log in, and the files of that page."""


class Refusal(NamedTuple):
    """Why a request is not looked at."""

    status: int
    sentence: str
    headers: tuple[tuple[str, str], ...] = ()


class Guard:
    """Who may ask. `address` is what the server is bound to, `names` are others under which it is reached, None for
    any, which only counts where others reach it anyway."""

    def __init__(self, address: str, names: Collection[str] | None = (), gate: TokenGate | None = None) -> None:
        self._is_local = is_loopback(address)
        self._takes_any = names is None and not self._is_local
        self._names = frozenset({"localhost", address.lower(), *(name.lower().rstrip(".") for name in names or ())})
        self.gate = gate

    def refusal(self, scope: HTTPScope) -> Refusal | None:
        """Why a request is refused; None when it is not."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        return (
            self._wrong_host(headers.get("host", [])) or wrong_origin(scope, headers) or self._stranger(scope, headers)
        )

    def _wrong_host(self, hosts: list[str]) -> Refusal | None:
        if len(hosts) != 1:
            return Refusal(400, f"One Host header was expected, but {len(hosts) or 'none'} came.")
        name = host_name(hosts[0])
        if name is None or not self._is_own(name):
            known = (
                "127.0.0.1, localhost" if self._is_local else "an address, localhost or a name that --host-name gives"
            )
            return Refusal(421, f"A request for {known} was expected, but one for {hosts[0]!r} came.")
        return None

    def _is_own(self, name: str) -> bool:
        if name in self._names or self._takes_any:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._is_local  # nobody's DNS can point an address at us

    def _stranger(self, scope: HTTPScope, headers: dict[str, list[str]]) -> Refusal | None:
        path = scope["path"]
        if self.gate is None or path == LOGIN or path.startswith(OPEN_PATHS[1:]):
            return None
        if self.gate.has_session(session_of(headers.get("cookie", []))):
            return None
        scheme, _, token = headers.get("authorization", [""])[0].partition(" ")
        challenge = (("www-authenticate", 'Bearer realm="forecourt"'),)
        if scheme.lower() == "bearer":
            try:
                if self.gate.admits(token.strip(), client_of(scope)):
                    return None
            except ThrottledError as throttled:
                return Refusal(429, str(throttled), (("retry-after", f"{WAIT_S:.0f}"),))
            return Refusal(401, "The token is a wrong one.", challenge)
        accepted = headers.get("accept", [""])[0]
        if scope["method"] == "GET" and "text/html" in accepted and "text/event-stream" not in accepted:
            return Refusal(303, "Log in first.", (("location", f"{LOGIN}?next={quote(path)}"),))
        return Refusal(401, "A token was expected: Authorization: Bearer TOKEN.", challenge)


def wrong_origin(scope: HTTPScope, headers: dict[str, list[str]]) -> Refusal | None:
    """Why a request that changes something is refused: another page sent it, or a form."""
    if scope["method"] in SAFE_METHODS:
        return None
    origin = headers.get("origin", [None])[0]
    site = headers.get("sec-fetch-site", [None])[0]
    if site is not None:
        is_ours = site in ("same-origin", "none")
        is_ours &= origin is None or origin == "null" or _place_of(origin) == headers["host"][0]
    else:
        is_ours = origin is None or _place_of(origin) == headers["host"][0]
    if not is_ours:
        return Refusal(403, f"A request of our own pages was expected, but one of {origin or site} came.")
    if origin is None and site is None:
        return None
    kind = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
    has_body = headers.get("content-length", ["0"]) != ["0"] or "transfer-encoding" in headers
    if has_body and kind != "application/json" and scope["path"] not in FORMS:
        return Refusal(415, f"A body of application/json was expected, but {kind or 'one of no kind'} came.")
    return None


def _place_of(origin: str) -> str:
    """What stands behind the scheme of an Origin, host and port; whatever else came is like no Host that is ours."""
    return origin.partition("://")[2]


def guarded(app: ASGIApp, guard: Guard) -> ASGIApp:
    """The application behind a guard."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message["headers"])
                there = {name.lower() for name, _ in given}
                more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = given + [(name, value) for name, value in more if name not in there]
            await send(message)

        refusal = guard.refusal(cast("HTTPScope", scope))  # uvicorn is told to take no WebSockets, and no lifespan
        if refusal is not None:
            await _refuse(refusal, send_headed)
        else:
            await app(scope, receive, send_headed)

    return watched


async def _refuse(refusal: Refusal, send: Send) -> None:
    body = msgspec.json.encode({"error": refusal.sentence})
    headers = [("content-type", "application/json"), ("content-length", str(len(body))), *refusal.headers]
    if refusal.status != 303:
        headers.append(("connection", "close"))  # a body may come that nobody reads
    start = {"type": "http.response.start", "status": refusal.status}
    await send(start | {"headers": [(name.encode(), value.encode()) for name, value in headers]})  # type: ignore[arg-type]
    await send({"type": "http.response.body", "body": body, "more_body": False})


def host_name(host: str) -> str | None:
    """The name or address in a Host header, in lower case, without its port; None for what is none."""
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port
    except ValueError:
        return None
    name = parts.hostname
    if not name or parts.path or parts.query or parts.fragment or "@" in host or (port is None and host.endswith(":")):
        return None
    return name.rstrip(".")


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address, given as a number or as localhost."""
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def session_of(cookies: list[str]) -> str:
    """The session that a browser names; empty for none."""
    try:
        found = SimpleCookie("; ".join(cookies)).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def client_of(scope: Scope) -> str:
    """The address that a request comes from."""
    client = scope.get("client")
    return "somewhere" if client is None else str(client[0])
