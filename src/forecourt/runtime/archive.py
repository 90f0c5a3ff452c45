"""What an upload sends: the parts that the station made and its log, packed as the file's name says.

`.zip` is an archive of all of them. Any other name is a single part, sent as it is.
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from forecourt.station.effects import SendFile

LOG_NAME = "log.jsonl"
ARCHIVE = ".zip"
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""What a zip can say at the earliest."""


def pack(effect: SendFile, read_log: Callable[[], bytes] | None) -> bytes:
    """The bytes to send. Reads the log and compresses, so not for a loop's thread."""
    parts = [(part.name, part.data) for part in effect.parts]
    if read_log is not None:
        parts.append((LOG_NAME, read_log()))
    if effect.name.lower().endswith(ARCHIVE):
        return _zip(parts, effect.log_until_s)
    assert len(parts) == 1, f"{effect.name} can hold one part, not {len(parts)}"
    return parts[0][1]


def _zip(parts: Iterable[tuple[str, bytes]], time_s: float) -> bytes:
    packed = io.BytesIO()
    written = max(_OLDEST, datetime.fromtimestamp(time_s, UTC).timetuple()[:6])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts:
            archive.writestr(zipfile.ZipInfo(name, written), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
