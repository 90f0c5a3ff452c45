"""Awkward wire modes as the supervision sees them: late values, several CALLs in flight, ids that come twice (A21)."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from forecourt.ocpp.types import from_epoch
from forecourt.supervision.events import FrameReceived
from forecourt.supervision.facts import MeterValuesReported, TransactionStarted
from forecourt.supervision.rows import write_facts
from forecourt.supervision.store import Store
from forecourt.supervision.tabletop import Tabletop
from tests.supervision_peers import BOOT, play, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from forecourt.supervision.facts import Fact
    from tests.supervision_peers import Running


def at(minute: int) -> str:
    """A time of the morning of all these tests; the transaction starts at minute 30."""
    return f"2026-11-22T08:{minute:02}:00Z"


def values(minute: int, wh: int, number: int | None = None, connector: int = 1) -> dict[str, Any]:
    """MeterValues with one reading of the energy register."""
    sampled = [{"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}]
    payload: dict[str, Any] = {
        "connectorId": connector,
        "meterValue": [{"timestamp": at(minute), "sampledValue": sampled}],
    }
    return payload if number is None else payload | {"transactionId": number}


async def readings(ours: Running, number: int) -> list[tuple[str, str]]:
    """The minutes and registers of a transaction, in the order the API gives them."""
    found = await ours.get(f"/api/transactions/{number}/meter-values")
    return [(value["timestamp"][14:16], value["sampledValue"][0]["value"]) for value in found]


def test_late_values_stand_among_live_ones_by_their_own_time_and_do_not_turn_the_register_back() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            number = await station.start()
            for minute, wh in ((40, 4000), (32, 1200), (41, 4100), (33, 1300), (31, 1100)):
                assert await station.ask("MeterValues", values(minute, wh, number)) == {}
            in_order = [("31", "1100"), ("32", "1200"), ("33", "1300"), ("40", "4000"), ("41", "4100")]
            assert await readings(ours, number) == in_order
            assert (await ours.get(f"/api/transactions/{number}"))["energyWh"] == 3100

    play(scenario())


def test_values_that_come_after_the_stop_are_kept_and_do_not_reopen_the_transaction() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            number = await station.start()
            await station.ask("MeterValues", values(45, 4500, number))
            stop = {"transactionId": number, "meterStop": 5000, "timestamp": at(50)}
            await station.ask("StopTransaction", stop)
            assert await station.ask("MeterValues", values(35, 2000, number)) == {}
            assert await readings(ours, number) == [("35", "2000"), ("45", "4500")]
            found = await ours.get(f"/api/transactions/{number}")
            assert (found["open"], found["energyWh"], found["meterStop"]) == (False, 4000, 5000)
            assert (await ours.get("/api/stations/EVD-1"))["openTransactions"] == []
            assert await station.start(timestamp=at(55), meterStart=5000) != number

    play(scenario())


def test_values_without_a_transaction_belong_to_the_one_that_ran_on_that_gun_then() -> None:
    """A station that knows no transactionId yet sends them before its StartTransaction is answered, or even sent."""

    async def scenario() -> None:
        async with running() as ours, ours.station() as station, ours.station("EVD-2") as other:
            for minute, wh, connector in ((29, 900, 1), (31, 1100, 1), (31, 7777, 2), (51, 5100, 1)):
                await station.ask("MeterValues", values(minute, wh, connector=connector))
            await other.ask("MeterValues", values(32, 8888))
            number = await station.start()
            await other.ask("MeterValues", values(33, 9999, number))
            assert await readings(ours, number) == [("31", "1100"), ("51", "5100")]
            assert (await ours.get(f"/api/transactions/{number}"))["energyWh"] == 4100
            await station.ask("StopTransaction", {"transactionId": number, "meterStop": 5000, "timestamp": at(50)})
            assert await readings(ours, number) == [("31", "1100")]

    play(scenario())


def test_ledger_in_memory_puts_late_values_at_the_same_places() -> None:
    table = Tabletop()
    table.boot()
    start = {"connectorId": 1, "idTag": "A", "meterStart": 1000, "timestamp": at(30)}
    table.result("MeterValues", values(29, 900))
    table.result("MeterValues", values(31, 1100))
    number = table.result("StartTransaction", start)["transactionId"]
    table.result("MeterValues", values(40, 4000, number))
    table.result("MeterValues", values(35, 2000, number))
    table.result("MeterValues", values(36, 2100, connector=2))
    table.result("StopTransaction", {"transactionId": number, "meterStop": 5000, "timestamp": at(50)})
    table.result("MeterValues", values(45, 4500, number))
    table.result("MeterValues", values(51, 5100))
    minutes = [value.timestamp.minute for value in table.store.meter_values(number)]
    assert minutes == [31, 35, 40, 45]


def test_values_sent_again_among_others_are_kept_once() -> None:
    table = Tabletop()
    table.boot()
    for minute in (31, 40, 32, 41, 31, 40, 32, 41, 33):
        table.result("MeterValues", values(minute, minute * 100, 7))
    kept = [fact.request.meterValue[0].timestamp.minute for fact in table.kept(MeterValuesReported)]
    assert kept == [31, 40, 32, 41, 33]


def test_station_that_does_not_wait_for_answers_gets_each_under_its_own_id() -> None:
    """CallMsgInOrder=false: everything at once, and each answer says which it answers."""

    async def scenario() -> None:
        async with running() as ours:
            url = f"ws://127.0.0.1:{ours.supervision.ocpp_port}/EVD-1"
            async with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as socket:
                await socket.send(json.dumps([2, "boot", "BootNotification", BOOT]))
                await socket.recv()
                status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
                calls = [
                    [
                        2,
                        "start",
                        "StartTransaction",
                        {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": at(30)},
                    ],
                    *([2, f"values-{n}", "MeterValues", values(31 + n, n)] for n in range(20)),
                    [2, "beat", "Heartbeat", {}],
                    [2, "status", "StatusNotification", status],
                    [2, "odd", "Explode", {}],
                    [2, "badge", "Authorize", {"idTag": "A"}],
                ]
                for call in calls:
                    await socket.send(json.dumps(call))
                answers = [json.loads(await socket.recv()) for _ in calls]
            by_id = {answer[1]: answer for answer in answers}
            assert len(by_id) == len(calls)
            assert by_id["start"][2]["idTagInfo"] == {"status": "Accepted"}
            assert by_id["badge"][2] == {"idTagInfo": {"status": "Accepted"}}
            assert list(by_id["beat"][2]) == ["currentTime"]
            assert by_id["status"][2] == by_id["values-7"][2] == {}
            assert (by_id["odd"][0], by_id["odd"][2]) == (4, "NotImplemented")
            number = by_id["start"][2]["transactionId"]
            assert [minute for minute, _ in await readings(ours, number)] == [str(31 + n) for n in range(20)]

    play(scenario())


@pytest.mark.requirement("J-4.2.3-9")
def test_id_that_comes_again_while_its_call_waits_for_the_disk_gets_a_callerror(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def slow_disk(connection: Connection, facts: Sequence[Fact]) -> None:
        if any(isinstance(fact, TransactionStarted) for fact in facts):
            reached.set()
            assert go_on.wait(15), "nobody let the disk go on"
        write_facts(connection, facts)

    class SlowStore(Store):
        def __init__(self, folder: Path | None, on_trouble: Callable[[str | None], None]) -> None:
            super().__init__(folder, slow_disk, on_trouble)

    async def scenario() -> None:
        monkeypatch.setattr("forecourt.supervision.server.FactStore", SlowStore)
        start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": at(30)}
        async with running() as ours:
            url = f"ws://127.0.0.1:{ours.supervision.ocpp_port}/EVD-1"
            async with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as socket:
                await socket.send(json.dumps([2, "boot", "BootNotification", BOOT]))
                await socket.recv()
                await socket.send(json.dumps([2, "same", "StartTransaction", start]))
                await asyncio.to_thread(reached.wait, 15)
                await socket.send(json.dumps([2, "same", "Heartbeat", {}]))
                await socket.send(json.dumps([2, "other", "Heartbeat", {}]))
                session = next(iter(ours.supervision.sessions.values()))
                while len(session.in_process) < 2:
                    await asyncio.sleep(0.005)
                go_on.set()
                first, second, third = [json.loads(await socket.recv()) for _ in range(3)]
                assert (first[:2], first[2]["transactionId"]) == ([3, "same"], 1)
                assert (second[:3], "still at work" in second[3]) == ([4, "same", "ProtocolError"], True)
                assert (third[:2], list(third[2])) == ([3, "other"], ["currentTime"])
                await socket.send(json.dumps([2, "same", "Heartbeat", {}]))
                assert json.loads(await socket.recv())[:2] == [3, "same"], "answered, the id is no longer in process"
                assert not session.in_process

    play(scenario())


def test_core_refuses_an_id_that_its_driver_holds_an_answer_for() -> None:
    table = Tabletop()
    link = table.boot()
    beat = b'[2,"1","Heartbeat",{}]'
    table.handle(FrameReceived(link, beat, {"2"}))
    assert table.frames[link][-1] == [3, "1", {"currentTime": from_epoch(table.now).strftime("%Y-%m-%dT%H:%M:%SZ")}]
    table.handle(FrameReceived(link, beat, {"1"}))
    assert table.frames[link][-1][:3] == [4, "1", "ProtocolError"]
