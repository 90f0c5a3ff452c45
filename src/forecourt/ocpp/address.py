"""Where a station finds its supervision and how it names itself there (OCPP-J sections 3.1 and 6.2.2)."""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import quote, unquote

from forecourt.errors import ForecourtError

SUBPROTOCOL = "ocpp1.6"
"""The WebSocket subprotocol of OCPP 1.6 JSON."""

_HEX_KEY = re.compile(r"([0-9A-Fa-f]{2}){16,20}")


class AddressError(ForecourtError):
    """An address, an identity or a key that cannot be used on the wire."""


def station_url(endpoint: str, identity: str) -> str:
    """The address that a station connects to: the endpoint, a slash and the percent-encoded identity (3.1.1).

    A slash at the end of the endpoint is not doubled, and a query stays behind the identity.
    Raises `AddressError` for an endpoint that is not ws or wss and for an empty identity.
    """
    if not endpoint.startswith(("ws://", "wss://")):
        raise AddressError(
            f"The address of the supervision begins with ws:// or wss://; this one does not: {endpoint!r}."
        )
    if not identity:
        raise AddressError("The identity of a station has at least one character; this one is empty.")
    base, question, query = endpoint.partition("?")
    return f"{base.rstrip('/')}/{quote(identity, safe='')}{question}{query}"


def identity_of(path: str) -> str:
    """The identity in a request's path: its last segment, percent-decoded; empty when there is none (3.1.1).

    Raises `AddressError` when what is encoded is not UTF-8.
    """
    segment = path.partition("?")[0].rpartition("/")[2]
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise AddressError(
            f"The last part of the path is an identity in percent-encoded UTF-8, not {segment!r}."
        ) from None


def authorization_password(key: str) -> bytes:
    """The password that an AuthorizationKey stands for: 32 to 40 hexadecimal digits are 16 to 20 bytes (6.2.2).

    Raises `AddressError` for any other text, without repeating it.
    """
    if not _HEX_KEY.fullmatch(key):
        raise AddressError(
            f"An AuthorizationKey is 32 to 40 hexadecimal digits, an even number; this one of {len(key)} is not."
        )
    return bytes.fromhex(key)


def basic_authorization(identity: str, password: bytes) -> str:
    """The value of the Authorization header: `Basic` and base64 of identity, colon and the password's bytes (6.2.2)."""
    return "Basic " + b64encode(identity.encode() + b":" + password).decode("ascii")
