"""What charging costs in the demo, and the picture of it that the station shows."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from forecourt.supervision.facts import TariffAssigned, TariffPictureSet, TariffSet
from forecourt.supervision.tariff_book import EVERYWHERE
from forecourt.supervision.tariffs import Tariff

if TYPE_CHECKING:
    from forecourt.supervision.server import Supervision

TARIFF = Tariff(
    name="demo",
    currency="EUR",
    pricePerKWh=Decimal("0.49"),
    pricePerMinute=Decimal("0.05"),
    idleFeePerMinute=Decimal("0.20"),
    idleGraceMinutes=10,
    vatPercent=Decimal(20),
    pricesIncludeVat=True,
)
PICTURE = Path(__file__).parent / "demo_tariff.png"
"""Drawn from the tariff by docs/make_tariff_picture.py."""


async def set_tariff(supervision: Supervision) -> None:
    """Let charging cost something everywhere, and stations show what; a folder that knows the tariff keeps its own."""
    if supervision.tariffs.versions(TARIFF.name):
        return
    picture = PICTURE.read_bytes()
    digest = hashlib.sha256(picture).hexdigest()
    file = f"tariff-{digest[:16]}.png"
    store = supervision.files.store
    async with store.put() as incoming:
        await incoming.write(picture)
        await incoming.keep(store.files, file, replace=True)
    await supervision.edit(TariffSet(TARIFF))
    await supervision.edit(TariffPictureSet(TARIFF.name, file, len(picture), digest))
    await supervision.edit(TariffAssigned(EVERYWHERE, 0, TARIFF.name))
