"""Tariffs and prices in the database: what a supervision that starts again is told of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp import core
from forecourt.supervision import facts
from forecourt.supervision.memory import MemoryStore
from forecourt.supervision.recall import recall
from forecourt.supervision.store import Store
from forecourt.supervision.tariffs import Tariff

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from forecourt.supervision.ports import Recollection

STARTED = datetime(2026, 11, 22, 8, 30, 0, 125_000, tzinfo=UTC)
DAY = Tariff(name="day", currency="VNĐ", decimals=0, pricePerKWh=Decimal("3858.50"), vatPercent=Decimal("8"))
LATER = msgspec.structs.replace(DAY, pricePerKWh=Decimal(4000), validFrom=STARTED)


def recalled(folder: Path, given: Sequence[facts.Fact]) -> Recollection:
    """What the database recalls after these facts, by a store that is opened anew."""

    async def main() -> Recollection:
        store = Store(folder)
        await store.open()
        store.commit(given)
        await store.settled()
        await store.close()
        again = Store(folder)
        await again.open()
        try:
            return await again.read(recall)
        finally:
            await again.close()

    return asyncio.run(main())


def both(folder: Path, *given: facts.Fact) -> Recollection:
    """What the database recalls, which must be what the ledger in memory recalls."""
    memory = MemoryStore()
    memory.keep(given)
    found, wanted = recalled(folder, given), memory.recall()
    for name in ("tariffs", "tariff_assignments", "tariff_pictures", "tariffs_shown", "priced"):
        assert sorted(getattr(found, name), key=repr) == sorted(getattr(wanted, name), key=repr), name
    return found


def start(number: int, connector: int = 1) -> facts.TransactionStarted:
    request = core.StartTransactionRequest(
        connectorId=connector, idTag=f"T{number}", meterStart=1000, timestamp=STARTED
    )
    return facts.TransactionStarted("CP-1", 1_700_000_000.5, number, "Accepted", request)


def stop(number: int) -> facts.TransactionStopped:
    request = core.StopTransactionRequest(transactionId=number, meterStop=9000, timestamp=STARTED)
    return facts.TransactionStopped("CP-1", 1_700_000_900.25, number, request)


def values(number: int, *readings: str) -> facts.MeterValuesReported:
    sampled = [core.SampledValue(value=reading, unit=core.UnitOfMeasure.kWh) for reading in readings]
    meter = tuple(core.MeterValue(timestamp=STARTED, sampledValue=(value,)) for value in sampled)
    request = core.MeterValuesRequest(connectorId=1, transactionId=number, meterValue=meter)
    return facts.MeterValuesReported("CP-1", 1_700_000_100.0, request)


def test_tariffs_assignments_and_pictures_are_there_again(tmp_path: Path) -> None:
    found = both(
        tmp_path,
        facts.TariffSet(DAY),
        facts.TariffSet(LATER),
        facts.TariffAssigned("", 0, "day"),
        facts.TariffAssigned("CP-1", 2, "day"),
        facts.TariffAssigned("CP-2", 0, "day"),
        facts.TariffAssigned("CP-2", 0, None),
        facts.TariffPictureSet("day", "a.png", 100, "d1"),
        facts.TariffPictureSet("day", "b.png", 200, "d2"),
        facts.TariffShown("CP-1", "d1"),
        facts.TariffShown("CP-1", "d2"),
    )
    assert [(each.tariff.pricePerKWh, each.tariff.validFrom) for each in found.tariffs] == [
        (Decimal("3858.50"), None),
        (Decimal(4000), STARTED),
    ]
    assert [(each.identity, each.connectorId) for each in found.tariff_assignments] == [("", 0), ("CP-1", 2)]
    assert [each.file for each in found.tariff_pictures] == ["b.png"]
    assert found.tariffs_shown == [("CP-1", "d2")]


def test_version_from_the_same_moment_replaces_the_one_before(tmp_path: Path) -> None:
    found = both(tmp_path, facts.TariffSet(DAY), facts.TariffSet(msgspec.structs.replace(DAY, currency="EUR")))
    assert [each.tariff.currency for each in found.tariffs] == ["EUR"]


def test_deleted_tariff_leaves_its_sessions_what_they_have(tmp_path: Path) -> None:
    found = both(
        tmp_path,
        facts.TariffSet(DAY),
        facts.TariffAssigned("", 0, "day"),
        facts.TariffPictureSet("day", "a.png", 100, "d1"),
        start(1),
        facts.SessionPriced("CP-1", 1, DAY),
        facts.TariffDeleted("day"),
    )
    assert (found.tariffs, found.tariff_assignments, found.tariff_pictures) == ([], [], [])
    assert [each.tariff for each in found.priced] == [DAY]


def test_assignments_and_the_picture_of_a_station_go_with_its_registration(tmp_path: Path) -> None:
    found = both(
        tmp_path,
        facts.StationSet("CP-1"),
        facts.TariffSet(DAY),
        facts.TariffAssigned("CP-1", 1, "day"),
        facts.TariffAssigned("CP-2", 1, "day"),
        facts.TariffShown("CP-1", "d1"),
        facts.TariffShown("CP-2", "d1"),
        facts.StationDeleted("CP-1"),
    )
    assert [each.identity for each in found.tariff_assignments] == ["CP-2"]
    assert [*found.tariffs_shown] == [("CP-2", "d1")]


def test_sessions_are_recalled_until_they_are_over_and_their_gun_is_free(tmp_path: Path) -> None:
    """1 runs, 2 has ended with the car plugged, 3 is over, 4 never had a price, 5 is free but was not stopped."""
    priced = [facts.SessionPriced("CP-1", number, DAY) for number in (1, 2, 3, 5)]
    found = both(
        tmp_path,
        *(start(number) for number in range(1, 6)),
        *priced,
        values(1, "1.5", "2.345", "2.1"),
        stop(2),
        stop(3),
        facts.GunFreed("CP-1", 2, 1_700_000_950.0),
        facts.GunFreed("CP-1", 2, None),
        facts.GunFreed("CP-1", 3, 1_700_000_950.0),
        facts.GunFreed("CP-1", 5, 1_700_000_960.0),
    )
    assert [(each.transactionId, each.register_wh, each.stop_told_s, each.freed_s) for each in found.priced] == [
        (1, Decimal(2345), None, None),
        (2, None, 1_700_000_900.25, None),
        (5, None, None, 1_700_000_960.0),
    ]
