"""The durable store: what it keeps, how it groups, what it does with a disk or a folder that refuses."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select

from forecourt.ocpp import core
from forecourt.runtime.lock import FolderRefused
from forecourt.supervision import facts, rows
from forecourt.supervision.readings import TransactionFilter, transactions
from forecourt.supervision.recall import recall
from forecourt.supervision.schema import METADATA, METER_VALUES, ORPHAN_STOPS, STATIONS, STATUSES, TRANSACTIONS
from forecourt.supervision.server_doors import recall_doors
from forecourt.supervision.store import FILE_NAME, Store, StoreRefused, migrate, open_engine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

T = TypeVar("T")
STARTED = datetime(2026, 11, 22, 8, 30, 0, 125_000, tzinfo=UTC)


def start(transaction_id: int = 1, identity: str = "EVD-1", **changes: Any) -> facts.TransactionStarted:
    request: dict[str, Any] = {"connectorId": 1, "idTag": "Badge", "meterStart": 1000, "timestamp": STARTED} | changes
    return facts.TransactionStarted(
        identity, 1_700_000_000.5, transaction_id, "Accepted", core.StartTransactionRequest(**request)
    )


def stop(transaction_id: int = 1, identity: str = "EVD-1", **changes: Any) -> facts.TransactionStopped:
    request: dict[str, Any] = {"transactionId": transaction_id, "meterStop": 8000, "timestamp": STARTED} | changes
    return facts.TransactionStopped(identity, 1_700_000_100.5, transaction_id, core.StopTransactionRequest(**request))


def meter_values(*moments: datetime, identity: str = "EVD-1", transaction_id: int = 1) -> facts.MeterValuesReported:
    sampled = (core.SampledValue(value="1500"),)
    values = tuple(core.MeterValue(timestamp=moment, sampledValue=sampled) for moment in moments)
    request = core.MeterValuesRequest(connectorId=1, transactionId=transaction_id, meterValue=values)
    return facts.MeterValuesReported(identity, 1_700_000_050.5, request)


def with_store(folder: Path | None, use: Callable[[Store], Awaitable[T]]) -> T:
    """Run `use` with a store open over `folder`, and close it."""

    async def main() -> T:
        store = Store(folder)
        await store.open()
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(main())


async def keep(store: Store, *given: facts.Fact) -> None:
    """Commit facts and wait until they are durable."""
    durable = asyncio.Event()
    store.commit(given, durable.set)
    await asyncio.wait_for(durable.wait(), 10)


def test_migrations_make_exactly_the_tables_that_the_code_describes() -> None:
    engine = open_engine(None)
    with engine.connect() as connection:
        migrate(connection)
        difference = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert difference == []


def test_store_opened_again_recalls_what_was_kept(tmp_path: Path) -> None:
    given: list[facts.Fact] = [
        facts.PolicySet(facts.Policy(open_enrolment=False, heartbeat_interval_s=77)),
        facts.IdTagSet("Badge", "Blocked", STARTED, "Group"),
        facts.IdTagSet("Gone"),
        facts.IdTagDeleted("GONE"),
        facts.StationSet("EVD-1", "Pending", 20),
        facts.BootReported(
            "EVD-1", 5.0, "Pending", core.BootNotificationRequest(chargePointVendor="S", chargePointModel="M")
        ),
        start(41, meterStart=10),
        start(42, identity="EVD-2"),
        stop(42, identity="EVD-2"),
    ]
    with_store(tmp_path, lambda store: keep(store, *given))
    recollection = with_store(tmp_path, lambda store: store.read(recall))
    assert recollection.policy == facts.Policy(open_enrolment=False, heartbeat_interval_s=77)
    assert recollection.id_tags == [facts.IdTagSet("Badge", "Blocked", STARTED, "Group")]
    assert recollection.stations == [facts.StationSet("EVD-1", "Pending", 20)]
    assert recollection.boot_statuses == [("EVD-1", "Pending")]
    assert recollection.next_transaction_id == 43
    running, ended = recollection.transactions
    assert (running.transactionId, running.identity, running.stopped_s) == (41, "EVD-1", None)
    assert running.request == core.StartTransactionRequest(
        connectorId=1, idTag="Badge", meterStart=10, timestamp=STARTED
    )
    assert (ended.transactionId, ended.stopped_s, ended.meterStop) == (42, STARTED.timestamp(), 8000)


def test_recollection_holds_every_open_transaction_and_the_latest_closed_ones_only() -> None:
    given: list[facts.Fact] = [start(number) for number in range(1, 41)]
    given += [stop(number) for number in range(2, 41)]

    async def use(store: Store) -> list[int]:
        await keep(store, *given)
        return [found.transactionId for found in (await store.read(recall)).transactions]

    assert with_store(None, use) == [1, *range(25, 41)]


def test_timestamp_to_the_microsecond_comes_back_equal() -> None:
    exact = datetime(2026, 11, 22, 8, 30, 0, 123_457, tzinfo=UTC)

    async def use(store: Store) -> datetime:
        await keep(store, start(timestamp=exact))
        return (await store.read(recall)).transactions[0].request.timestamp

    assert with_store(None, use) == exact


def test_start_and_stop_in_one_group_make_one_closed_transaction() -> None:
    async def use(store: Store) -> Any:
        await keep(store, stop(7), start(7))
        return await store.read(lambda connection: connection.execute(select(TRANSACTIONS)).one())

    row = with_store(None, use)
    assert (row.meter_start_wh, row.meter_stop_wh, row.reason) == (1000, 8000, "Local")


def test_orphan_stop_sent_again_is_kept_once() -> None:
    request = core.StopTransactionRequest(transactionId=-1, meterStop=5, timestamp=STARTED)

    async def use(store: Store) -> int | None:
        await keep(store, facts.OrphanStopped("EVD-1", 1.0, request), facts.OrphanStopped("EVD-1", 2.0, request))
        return await store.read(lambda connection: connection.scalar(select(func.count()).select_from(ORPHAN_STOPS)))

    assert with_store(None, use) == 1


def test_many_meter_values_are_all_kept_whatever_their_number() -> None:
    given = [meter_values(STARTED, identity=f"EVD-{number}", transaction_id=number) for number in range(1111)]

    async def use(store: Store) -> Sequence[int | None]:
        await keep(store, *given)
        return await store.read(lambda connection: connection.scalars(select(METER_VALUES.c.transaction_id)).all())

    assert sorted(number for number in with_store(None, use) if number is not None) == list(range(1111))


def test_signed_value_is_kept_unchanged() -> None:
    signed = 'OCMF|{"FV":"1.0","é":"\\u0000 \\" \\\\"}|{"SD":"3046"}'
    sampled = core.SampledValue(value=signed, format=core.ValueFormat.SignedData)
    request = core.MeterValuesRequest(
        connectorId=1, meterValue=(core.MeterValue(timestamp=STARTED, sampledValue=(sampled,)),)
    )

    async def use(store: Store) -> str | None:
        await keep(store, facts.MeterValuesReported("EVD-1", 1.0, request))
        return await store.read(lambda connection: connection.scalar(select(METER_VALUES.c.sampled_value)))

    kept = with_store(None, use)
    assert kept is not None
    assert msgspec.json.decode(kept, type=list[core.SampledValue]) == [sampled]


def test_facts_given_while_a_group_is_written_share_the_next_one() -> None:
    """Five hundred stations at once are two transactions, not five hundred."""
    groups: list[int] = []
    order: list[int] = []

    def counting(connection: Connection, group: Sequence[facts.Fact]) -> None:
        groups.append(len(group))
        rows.write_facts(connection, group)

    async def main() -> None:
        store = Store(None, counting)
        await store.open()
        all_done = asyncio.Event()
        store.commit([start(1)], lambda: order.append(0))
        await asyncio.sleep(0)
        for number in range(1, 500):
            store.commit([start(1 + number)], lambda number=number: order.append(number))  # type: ignore[misc]
        store.commit([], all_done.set)
        await asyncio.wait_for(all_done.wait(), 10)
        await store.close()

    asyncio.run(main())
    assert [size for size in groups if size] == [1, 499]
    assert order == list(range(500))


def test_group_that_cannot_be_written_waits_and_is_written_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, made by the database's own page limit: nobody is told it is durable until it is."""
    monkeypatch.setattr("forecourt.supervision.store.RETRY_S", 0.01)
    troubles: list[str | None] = []

    async def main() -> list[str]:
        trouble = asyncio.Event()

        def noted(sentence: str | None) -> None:
            troubles.append(sentence)
            trouble.set()

        store = Store(tmp_path, on_trouble=noted)
        await store.open()
        done: list[str] = []
        pages = await store.read(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())
        await store.read(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
        many = [start(number) for number in range(1, 2000)]
        store.commit(many, lambda: done.append("first"))
        store.commit([start(2000)], lambda: done.append("second"))
        await asyncio.wait_for(trouble.wait(), 10)
        assert done == []
        assert await store.read(lambda connection: connection.execute(select(TRANSACTIONS)).all()) == []
        await store.read(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1000000"))
        await asyncio.wait_for(store.settled(), 10)
        count = await store.read(lambda connection: connection.scalar(select(func.count()).select_from(TRANSACTIONS)))
        assert count == 2000
        await store.close()
        return done

    assert asyncio.run(main()) == ["first", "second"]
    assert troubles[0] is not None
    assert "full" in troubles[0]
    assert troubles[-1] is None


def test_mistake_of_ours_in_a_group_is_handed_to_the_owner_of_the_process() -> None:
    async def main() -> None:
        store = Store(None)
        await store.open()
        store.commit([start(1), start(1)])
        with pytest.raises(sqlalchemy.exc.IntegrityError):
            await asyncio.wait_for(store.crash, 10)
        await store.close(patience_s=0)

    asyncio.run(main())


def test_second_supervision_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async def use(_store: Store) -> str:
        second = Store(tmp_path)
        with pytest.raises(FolderRefused) as refusal:
            await second.open()
        return str(refusal.value)

    assert "in use by another process" in with_store(tmp_path, use)


def test_database_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """It holds digests of passwords, and every message."""
    with_store(tmp_path, lambda store: keep(store, start()))
    assert [path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077] == []


def test_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is a text " * 100)

    async def main() -> str:
        with pytest.raises(StoreRefused) as refusal:
            await Store(tmp_path).open()
        return str(refusal.value)

    assert str(tmp_path / FILE_NAME) in asyncio.run(main())


def test_file_of_a_newer_forecourt_is_refused(tmp_path: Path) -> None:
    with_store(tmp_path, lambda store: keep(store, start()))
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE alembic_version SET version_num='9999'")
    connection.close()

    async def main() -> str:
        with pytest.raises(StoreRefused) as refusal:
            await Store(tmp_path).open()
        return str(refusal.value)

    assert "newer Forecourt" in asyncio.run(main())


@pytest.mark.requirement("WP-A01.FR.08")
def test_password_is_nowhere_in_the_files_of_the_folder(tmp_path: Path) -> None:
    key = "00112233445566778899AABBCCDDEEFF"

    async def use(store: Store) -> list[bool]:
        await keep(store, facts.AuthorizationKeySet("EVD-1", key), facts.AuthorizationKeySet("EVD-2", key))
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"EVD-1" in files
        assert key.encode() not in files
        assert key.lower().encode() not in files
        assert bytes.fromhex(key) not in files
        digests = await store.read(lambda connection: connection.execute(select(STATIONS.c.key_digest)).all())
        assert len(set(digests)) == 2, "each key has a salt of its own"
        known = (await store.read(recall_doors)).expectations["EVD-1"].key
        assert known is not None
        return [known.matches(password) for password in (bytes.fromhex(key), key.encode(), b"", b"other")]

    assert with_store(tmp_path, use) == [True, True, False, False]


def test_password_removed_is_asked_for_no_more() -> None:
    async def use(store: Store) -> set[str]:
        await keep(store, facts.AuthorizationKeySet("A", "f" * 32), facts.AuthorizationKeySet("B", "literal password"))
        await keep(store, facts.AuthorizationKeySet("A", None))
        return set((await store.read(recall_doors)).expectations)

    assert with_store(None, use) == {"B"}


KILLED = """
import asyncio, sys
from pathlib import Path
from forecourt.ocpp import core
from forecourt.supervision import facts
from forecourt.supervision.store import Store

async def main():
    store = Store(Path(sys.argv[1]))
    await store.open()
    number = 0
    def report(number):
        print(number, flush=True)
        give(number + 1)
    def give(number):
        request = core.StatusNotificationRequest(connectorId=number, errorCode="NoError", status="Available")
        store.commit([facts.StatusReported("EVD-1", 1.0, request)], lambda: report(number))
    give(1)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_process_killed_at_any_moment_loses_nothing_it_was_told_is_durable(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = 0
        while told < 25:
            told = int(process.stdout.readline())
        process.kill()
        told = max([told, *map(int, process.stdout.read().split())])

    def kept(connection: Connection) -> set[int]:
        return set(connection.scalars(select(STATUSES.c.connector_id)))

    assert with_store(tmp_path, lambda store: store.read(kept)) >= set(range(1, told + 1))


def test_transactions_of_an_id_tag_are_found_in_any_case_also_beyond_ascii() -> None:
    async def use(store: Store) -> list[int]:
        await keep(store, start(1, idTag="Jürgen"), start(2, idTag="JÜRGEN"), start(3, idTag="Jurgen"))
        wanted = TransactionFilter(id_tag="jÜRGEN")
        found = await store.read(lambda connection: transactions(connection, wanted, 10))
        return [transaction.transactionId for transaction in found]

    assert with_store(None, use) == [2, 1]
