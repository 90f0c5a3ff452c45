"""The rules that a configuration key's value may have beyond its type: small functions, named in a column of the table.

Each takes the normalised text and returns None, or what was expected as the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

KeyRule = Callable[[str], str | None]

_PHASE_ROTATION = re.compile(r"(?:[0-2]\.)?(?:NotApplicable|Unknown|RST|RTS|SRT|STR|TRS|TSR)")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_EVSE_ID = re.compile(r"[A-Za-z]{2}\*?[A-Za-z0-9]{3}\*?[Ee][A-Za-z0-9*]{1,30}")


def only_false(value: str) -> str | None:
    """The cable is fixed: it cannot be let go (OCPP 9.1)."""
    return None if value == "false" else "false, as the cable is fixed to the station"


def nought_or_from_5(value: str) -> str | None:
    """The sampling interval while disconnected: 0 means as online (A20). The upper bound is the column's."""
    return None if int(value) == 0 or int(value) >= 5 else "0, or 5 to 3600 seconds"


def phase_rotation(value: str) -> str | None:
    """Every item is a rotation, with or without a connector in front (OCPP 9.1)."""
    if all(_PHASE_ROTATION.fullmatch(item) for item in value.split(",")):
        return None
    return "NotApplicable, Unknown or an order of R, S and T, with or without a connector such as 0. in front"


def websocket_url(value: str) -> str | None:
    """The supervision's address, to which the station appends a slash and its identity."""
    expected = "a ws:// or wss:// address with a host, and without user, query or fragment"
    if not value.isascii() or not value.isprintable() or " " in value:
        return expected
    try:
        url: SplitResult = urlsplit(value)
        _ = url.port
    except ValueError:
        return expected
    has_more = url.username is not None or url.query or url.fragment
    return None if url.scheme in ("ws", "wss") and url.hostname and not has_more else expected


def identity(value: str) -> str | None:
    """The user name of Basic authentication, in which a colon ends the name. Empty means not set."""
    return None if _printable_ascii(value) and ":" not in value else "printable ASCII without a colon"


def id_tag(value: str) -> str | None:
    """An idTag that is not empty."""
    return None if value and _printable_ascii(value) else "1 to 20 printable ASCII characters"


def printable_ascii(value: str) -> str | None:
    """Nothing that a screen or an idTag could not show."""
    return None if _printable_ascii(value) else "printable ASCII characters"


def printable(value: str) -> str | None:
    """Text in any language, without control characters."""
    return None if value.isprintable() else "text without control characters"


def password_hex(value: str) -> str | None:
    """The password of Basic authentication: 16 to 20 bytes, two hex digits each."""
    if _HEX.fullmatch(value) and len(value) % 2 == 0 and 32 <= len(value) <= 40:
        return None
    return "32 to 40 hex digits, an even number of them"


def country(value: str) -> str | None:
    """A country in a certificate's subject, or empty."""
    return None if not value or re.fullmatch(r"[A-Z]{2}", value) else "two capital letters such as FR, or nothing"


def evse_ids(value: str) -> str | None:
    """EVSE ids in connector order, with or without the stars between their parts."""
    if not value or all(_EVSE_ID.fullmatch(item) for item in value.split(",")):
        return None
    return "EVSE ids such as FR*ABC*E123*1 in connector order"


def _printable_ascii(value: str) -> bool:
    return value.isascii() and value.isprintable()
