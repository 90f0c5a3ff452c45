"""The badge reader: what it tells of the bytes that a badge sends over the air."""

from __future__ import annotations

from forecourt.errors import ForecourtError

UID_LENGTHS = (4, 7, 10)
"""A badge has a single, double or triple UID (ISO 14443-3)."""


class UidError(ForecourtError):
    """Bytes that no badge has."""


def id_tag_of_uid(uid: bytes) -> str:
    """The idTag of a badge: its UID as upper-case hex text, byte 0 first (OCPP 1.6 §3.9). Raises `UidError`."""
    if len(uid) not in UID_LENGTHS:
        raise UidError(f"The UID of a badge has 4, 7 or 10 bytes, but {len(uid)} came.")
    return uid.hex().upper()
