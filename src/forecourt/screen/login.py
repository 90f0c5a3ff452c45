"""How a browser shows the token: a form, and a session in a cookie that no script can read."""

from typing import Annotated, Any
from urllib.parse import parse_qs

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import QueryParameter
from litestar.response import Redirect

from forecourt.runtime.http_guard import LOGIN, LOGOUT, client_of
from forecourt.runtime.http_token import COOKIE, SESSION_S, ThrottledError, TokenGate
from forecourt.screen.pages import login_page_of

_Request = Request[Any, Any, Any]
_Next = Annotated[str, QueryParameter(name="next")]


@get(LOGIN, include_in_schema=False)
async def login_page(request: _Request, after: _Next = "/") -> Response[str]:
    """The form; there is none where no token is demanded."""
    _gate(request)
    return login_page_of(_own_path(after), "", 200)


@post(LOGIN, include_in_schema=False)
async def log_in(request: _Request) -> Response[Any]:
    """Open a session for who shows the token."""
    gate = _gate(request)
    fields = parse_qs((await request.body()).decode("utf-8", "replace"))
    token, after = fields.get("token", [""])[0], _own_path(fields.get("next", ["/"])[0])
    try:
        if not gate.admits(token.strip(), client_of(request.scope)):
            return login_page_of(after, "That is not the token.", 401)
    except ThrottledError as throttled:
        return login_page_of(after, str(throttled), 429)
    answer = Redirect(after, status_code=303)
    answer.set_cookie(
        key=COOKIE,
        value=gate.open_session(),
        max_age=int(SESSION_S),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@post(LOGOUT, include_in_schema=False)
async def log_out(request: _Request) -> Response[Any]:
    """End the session; the browser forgets its name too."""
    _gate(request).close_session(request.cookies.get(COOKIE, ""))
    answer = Redirect(LOGIN, status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


def _gate(request: _Request) -> TokenGate:
    gate: TokenGate | None = request.app.state.gate
    if gate is None:
        raise NotFoundException
    return gate


def _own_path(path: str) -> str:
    """Where to go afterwards: a path of ours, else the first page. `//host` would be somebody else's."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"
