"""The token of an HTTP API: a secret of a file, sessions for browsers that have shown it, and a limit to guessing.

A browser shows the token once and gets a session, a random name in a cookie, never the token itself. Wrong tokens are
counted by the address they come from; after a few of them that address waits, whatever it sends.
"""

from __future__ import annotations

import hmac
import secrets
import stat
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN_LEAST = 16
"""Characters; fewer could be guessed."""
TOKEN_MOST = 4096
SESSION_S = 12 * 3600.0
SESSIONS_MOST = 1000
TRIES = 10
"""Wrong tokens an address may send in a row within `WAIT_S`."""
WAIT_S = 60.0
ADDRESSES_MOST = 1000
COOKIE = "forecourt_session"


class TokenError(ForecourtError):
    """A file that holds no token, or lets others read it."""


class ThrottledError(ForecourtError):
    """Too many wrong tokens came from an address."""


def read_token(path: Path) -> str:
    """The token in a file: one line of at least 16 characters that only its owner may read. Raises `TokenError`."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise TokenError(f"The token could not be read from {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise TokenError(f"A token of ASCII characters was expected in {path}, but others came.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        allowed = stat.S_IMODE(mode)
        raise TokenError(f"Only its owner may read {path}, but its mode is {allowed:04o}: chmod 600 {path}.")
    if not TOKEN_LEAST <= len(text) <= TOKEN_MOST:
        raise TokenError(f"A token of at least {TOKEN_LEAST} characters was expected in {path}, but {len(text)} came.")
    if not (text.isprintable() and " " not in text):
        raise TokenError(f"A token of one line without spaces was expected in {path}.")
    return text


class TokenGate:
    """Who may come in. `clock` is seconds that never go back."""

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token.encode()
        self._clock = clock
        self._sessions: OrderedDict[str, float] = OrderedDict()
        """When each began, the oldest first."""
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """How many wrong tokens an address has sent, and when it sent the latest."""

    def admits(self, token: str, address: str) -> bool:
        """Whether this is the token. Raises `ThrottledError`, and counts what is wrong."""
        tries, latest = self._wrong.get(address, (0, 0.0))
        now = self._clock()
        if now - latest > WAIT_S:
            tries = 0
        if tries >= TRIES:
            raise ThrottledError(f"Too many wrong tokens came from {address}; try again in {WAIT_S:.0f} seconds.")
        if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token):
            self._wrong.pop(address, None)
            return True
        self._wrong[address] = (tries + 1, now)
        self._wrong.move_to_end(address)
        while len(self._wrong) > ADDRESSES_MOST:
            self._wrong.popitem(last=False)
        return False

    def open_session(self) -> str:
        """A session for somebody who has shown the token; its name is for a cookie."""
        name = secrets.token_urlsafe(32)
        self._sessions[name] = self._clock()
        while len(self._sessions) > SESSIONS_MOST:
            self._sessions.popitem(last=False)
        return name

    def has_session(self, name: str) -> bool:
        """Whether a session of this name is open. A random name needs no comparison in constant time."""
        began = self._sessions.get(name)
        return began is not None and self._clock() - began < SESSION_S

    def close_session(self, name: str) -> None:
        """End a session, if it is one."""
        self._sessions.pop(name, None)
