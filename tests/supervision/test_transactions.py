"""Transactions: once in the ledger, however often they are told, and answered whatever they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.supervision.facts import (
    IdTagSet,
    OrphanStopped,
    Policy,
    PolicySet,
    TransactionStarted,
    TransactionStopped,
)
from forecourt.supervision.ports import RECENT_TRANSACTIONS
from forecourt.supervision.tabletop import Tabletop

AT = "2025-06-15T15:00:00Z"


@pytest.fixture
def table() -> Tabletop:
    """A supervision with one accepted station on link 1, and a good tag."""
    table = Tabletop()
    table.boot()
    table.edit(IdTagSet("TAG", parentIdTag="FLEET"))
    return table


def start(connector: int = 1, tag: str = "TAG", meter: int = 100, at: str = AT) -> dict[str, Any]:
    return {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": at}


def stop(number: int, meter: int = 500, at: str = "2025-06-15T16:00:00Z", **more: Any) -> dict[str, Any]:
    return {"transactionId": number, "meterStop": meter, "timestamp": at, **more}


@pytest.mark.requirement("OCPP-4.8-3")
def test_start_is_answered_with_an_id_and_a_status(table: Tabletop) -> None:
    answer = table.result("StartTransaction", start())
    assert answer == {"transactionId": 1, "idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET"}}
    fact = table.kept(TransactionStarted)[0]
    assert (fact.identity, fact.transactionId, fact.status, fact.request.meterStart) == ("EVD-1", 1, "Accepted", 100)


@pytest.mark.requirement("OCPP-4.8-4")
def test_start_checks_the_tag_although_the_station_may_have(table: Tabletop) -> None:
    table.edit(IdTagSet("BLOCKED", status="Blocked"))
    for tag, status in (("BLOCKED", "Blocked"), ("NOBODY", "Invalid")):
        answer = table.result("StartTransaction", start(tag=tag))
        assert answer["idTagInfo"] == {"status": status}
        assert table.kept(TransactionStarted)[-1].status == status


@pytest.mark.requirement("OCPP-4.8-6")
@pytest.mark.parametrize(
    "payload",
    [
        start(connector=0),
        start(connector=-1),
        start(connector=4711),
        start(meter=-5),
        start(meter=2**62),
        start(tag=""),
        start(at="1970-01-01T00:00:00Z"),
        start(at="0001-01-01T00:00:00Z"),
        start(at="9999-12-31T23:59:59Z"),
        {**start(), "reservationId": -7},
    ],
)
def test_start_is_answered_even_when_its_data_look_wrong(table: Tabletop, payload: dict[str, Any]) -> None:
    answer = table.result("StartTransaction", payload)
    assert answer["transactionId"] > 0
    assert answer["idTagInfo"]["status"]
    assert len(table.kept(TransactionStarted)) == 1


@pytest.mark.requirement("OCPP-4.8-7")
@pytest.mark.parametrize("meanwhile", ["nothing", "reconnect", "restart", "stop"])
def test_start_repeated_gets_the_same_id_and_opens_no_second_transaction(table: Tabletop, meanwhile: str) -> None:
    first = table.result("StartTransaction", start())
    link = 1
    if meanwhile == "reconnect":
        table.disconnect()
        link = table.connect()
    elif meanwhile == "restart":
        table.restart()
        link = table.connect()
    elif meanwhile == "stop":
        table.result("StopTransaction", stop(first["transactionId"]))
    assert table.result("StartTransaction", start(at="2025-06-15T17:00:00+02:00"), link) == first
    assert len(table.kept(TransactionStarted)) == 1


@pytest.mark.parametrize(
    "other", [start(connector=2), start(tag="OTHER"), start(meter=101), start(at="2025-06-15T15:00:01Z")]
)
def test_start_that_differs_is_another_transaction(table: Tabletop, other: dict[str, Any]) -> None:
    first = table.result("StartTransaction", start())
    assert table.result("StartTransaction", other)["transactionId"] != first["transactionId"]
    assert len(table.kept(TransactionStarted)) == 2


def test_the_same_start_of_another_station_is_another_transaction(table: Tabletop) -> None:
    table.boot("EVD-2")
    numbers = [table.result("StartTransaction", start(), link)["transactionId"] for link in (1, 2)]
    assert numbers == [1, 2]


@pytest.mark.requirement("OCPP-7-14")
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["start", "stop", "restart"])), max_size=40))
def test_transaction_ids_are_unique_and_positive(steps: list[tuple[int, str]]) -> None:
    """Over stations, stops and restarts of the supervision in any order."""
    table = Tabletop()
    links = {number: table.boot(f"EVD-{number}") for number in (1, 2, 3)}
    given_out: list[int] = []
    for count, (number, step) in enumerate(steps):
        if step == "restart":
            table.restart()
            links = {other: table.connect(f"EVD-{other}") for other in links}
        elif step == "start":
            payload = start(connector=1 + count % 2, meter=count)
            given_out.append(table.result("StartTransaction", payload, links[number])["transactionId"])
        elif given_out:
            table.result("StopTransaction", stop(given_out[-1]), links[number])
    assert len(set(given_out)) == len(given_out)
    assert all(number > 0 for number in given_out)


def test_concurrent_tx_ends_with_the_transaction(table: Tabletop) -> None:
    table.result("StartTransaction", start())
    refused = table.result("StartTransaction", start(connector=2))
    assert refused["idTagInfo"] == {"status": "ConcurrentTx", "parentIdTag": "FLEET"}
    assert table.result("StartTransaction", start(connector=2)) == refused
    table.result("StopTransaction", stop(1))
    table.result("StopTransaction", stop(2))
    assert table.result("StartTransaction", start(meter=7))["idTagInfo"]["status"] == "Accepted"


def test_concurrent_tx_holds_over_stations_and_restarts(table: Tabletop) -> None:
    table.result("StartTransaction", start())
    table.restart()
    link = table.boot("EVD-2")
    assert table.result("StartTransaction", start(tag="tag"), link)["idTagInfo"]["status"] == "ConcurrentTx"


def test_concurrent_tx_is_not_answered_when_the_policy_allows_several(table: Tabletop) -> None:
    table.edit(PolicySet(Policy(concurrent_transactions=True)))
    for connector in (1, 2):
        assert table.result("StartTransaction", start(connector))["idTagInfo"]["status"] == "Accepted"


def test_a_start_on_the_same_connector_shows_that_the_one_before_is_over(table: Tabletop) -> None:
    """A station that gave up its StopTransaction must not lock the driver's tag for ever; the stop may still come."""
    table.result("StartTransaction", start())
    second = table.result("StartTransaction", start(meter=300, at="2025-06-15T18:00:00Z"))
    assert second["idTagInfo"]["status"] == "Accepted"
    table.result("StopTransaction", stop(1))
    assert table.store.energy_wh(1) == 400


@pytest.mark.requirement("J-4.2.4-4")
def test_stop_without_reason_and_tag_is_answered_and_kept(table: Tabletop) -> None:
    number = table.result("StartTransaction", start())["transactionId"]
    assert table.result("StopTransaction", stop(number)) == {}
    assert table.store.energy_wh(number) == 400
    assert table.kept(TransactionStopped)[0].request.transactionId == number


def test_stop_with_a_tag_is_answered_about_the_tag(table: Tabletop) -> None:
    number = table.result("StartTransaction", start())["transactionId"]
    answer = table.result("StopTransaction", stop(number, idTag="tag", reason="Local"))
    assert answer == {"idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET"}}


@pytest.mark.requirement("OCPP-4.8-9")
def test_minus_one_is_answered_like_any_other_id(table: Tabletop) -> None:
    value = {"timestamp": AT, "sampledValue": [{"value": "1"}]}
    assert table.result("MeterValues", {"connectorId": 1, "transactionId": -1, "meterValue": [value]}) == {}
    assert table.result("StopTransaction", stop(-1, idTag="TAG"))["idTagInfo"]["status"] == "Accepted"
    assert table.result("StopTransaction", stop(-1, meter=900)) == {}
    assert [orphan.request.meterStop for orphan in table.kept(OrphanStopped)] == [500, 900]


@pytest.mark.requirement("OCPP-4.10-2")
@pytest.mark.parametrize(
    "payload",
    [
        stop(1, meter=-3),
        stop(1, meter=5),
        stop(1, at="1970-01-01T00:00:00Z"),
        stop(1, idTag="NOBODY"),
        stop(4711),
        stop(0),
        stop(-9),
    ],
)
def test_stop_is_answered_and_kept_even_when_its_data_look_wrong(table: Tabletop, payload: dict[str, Any]) -> None:
    table.result("StartTransaction", start())
    table.result("StopTransaction", payload)
    assert len(table.kept(TransactionStopped)) + len(table.kept(OrphanStopped)) == 1


@pytest.mark.parametrize("restart", [False, True])
def test_stop_repeated_is_answered_and_kept_once(table: Tabletop, restart: bool) -> None:
    number = table.result("StartTransaction", start())["transactionId"]
    first = table.result("StopTransaction", stop(number, idTag="TAG"))
    link = 1
    if restart:
        table.restart()
        link = table.connect()
    assert table.result("StopTransaction", stop(number, idTag="TAG"), link) == first
    assert len(table.kept(TransactionStopped)) == 1
    assert table.kept(OrphanStopped) == []


def test_a_second_stop_that_says_something_else_is_kept_too(table: Tabletop) -> None:
    number = table.result("StartTransaction", start())["transactionId"]
    for meter in (500, 700, 700):
        table.result("StopTransaction", stop(number, meter=meter))
    assert table.store.energy_wh(number) == 400
    assert [orphan.request.meterStop for orphan in table.kept(OrphanStopped)] == [700]


def test_an_orphan_repeated_is_kept_once(table: Tabletop) -> None:
    for _ in range(3):
        table.result("StopTransaction", stop(-1))
    assert len(table.kept(OrphanStopped)) == 1


def test_a_station_cannot_stop_the_transaction_of_another(table: Tabletop) -> None:
    number = table.result("StartTransaction", start())["transactionId"]
    link = table.boot("EVD-2")
    table.result("StopTransaction", stop(number), link)
    assert table.kept(TransactionStopped) == []
    assert table.core.view("EVD-1").open_transactions == (number,)  # type: ignore[union-attr]


def test_what_is_remembered_of_a_station_is_bounded(table: Tabletop) -> None:
    for meter in range(200):
        number = table.result("StartTransaction", start(meter=meter))["transactionId"]
        if meter % 3:
            table.result("StopTransaction", stop(number, meter=meter + 1))
    remembered = table.core._stations["EVD-1"].transactions
    assert RECENT_TRANSACTIONS <= len(remembered) <= 64 + 1
    assert max(remembered) == 200
