"""QR codes as SVG geometry: what the driver scans to start (guide, "QRcode1", "QRcode2")."""

from __future__ import annotations

from functools import lru_cache

import msgspec
import segno

QUIET_ZONE = 4
"""Empty modules around the code, which readers need (ISO/IEC 18004)."""


class QrCode(msgspec.Struct, frozen=True, gc=False):
    """A code as a template draws it."""

    size: int
    """Modules a side, with the quiet zone."""
    path: str
    """The dark modules as the data of one SVG path, a module a unit."""


@lru_cache(maxsize=64)
def qr_code(address: str) -> QrCode:
    """The code of an address, in UTF-8. With the middle level of correction a code is read with 15 % of it damaged."""
    matrix = segno.make_qr(address, error="m", encoding="utf-8").matrix
    runs = [
        f"M{start + QUIET_ZONE} {row + QUIET_ZONE}h{length}v1h-{length}z"
        for row, modules in enumerate(matrix)
        for start, length in _runs(modules)
    ]
    return QrCode(len(matrix) + 2 * QUIET_ZONE, "".join(runs))


def _runs(modules: bytearray) -> list[tuple[int, int]]:
    """Where dark modules follow each other: first column and number."""
    found: list[tuple[int, int]] = []
    for column, is_dark in enumerate(modules):
        if not is_dark:
            continue
        if found and sum(found[-1]) == column:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((column, 1))
    return found
