"""The reconciliation of the chaos harness finds whatever a ledger can have wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chaos.ledger import Books, Witness, repeated, set_back, violations

if TYPE_CHECKING:
    from collections.abc import Callable

METERS = {"CP": [2500.7, 0.0]}


def row(number: int, tag: str, start: int, stop: int | None) -> dict[str, Any]:
    return {
        "identity": "CP",
        "transactionId": number,
        "idTag": tag,
        "connectorId": 1,
        "meterStart": start,
        "meterStop": stop,
        "open": stop is None,
        "startedAt": f"2026-01-01T0{number}:00:00Z",
        "stoppedAt": None if stop is None else f"2026-01-01T0{number}:30:00Z",
    }


def message(sent: bool, frame: list[Any]) -> dict[str, Any]:
    return {"sent": sent, "frame": msgspec.json.encode(frame).decode()}


def sound_books() -> Books:
    wire = []
    for number, tag in ((1, "A"), (2, "B")):
        wire += [
            message(False, [2, f"s{number}", "StartTransaction", {"idTag": tag}]),
            message(True, [3, f"s{number}", {"transactionId": number, "idTagInfo": {"status": "Accepted"}}]),
            message(False, [2, f"m{number}", "MeterValues", {"transactionId": number}]),
            message(False, [2, f"e{number}", "StopTransaction", {"transactionId": number}]),
            message(True, [3, f"e{number}", {}]),
        ]
    rows = [row(1, "A", 0, 1000), row(2, "B", 1000, 2500)]
    return Books(rows, [], {1: [[0.0], [500.0, 1000.0]], 2: [[1200.0]]}, {"CP": wire})


def seen() -> Witness:
    witness = Witness()
    for tag, number, start in (("A", 1, 0), ("B", None, 1000)):
        running = {"idTag": tag, "transactionId": number, "meterStart": start}
        witness.look("CP", {"connectors": [{"connectorId": 1, "transaction": running, "meter_wh": start + 200.0}]})
    return witness


def test_sound_books_have_nothing_wrong() -> None:
    assert violations(sound_books(), seen(), METERS) == []


def lose(books: Books) -> None:
    del books.transactions[1]


def double(books: Books) -> None:
    books.transactions.append(row(3, "B", 2500, 2500))


def forget_the_stop(books: Books) -> None:
    books.transactions[1] |= {"meterStop": None, "open": True, "stoppedAt": None}


def lose_energy(books: Books) -> None:
    books.transactions[0]["meterStop"] = 999


def end_early(books: Books) -> None:
    books.transactions[1]["meterStop"] = 2499


def run_backwards(books: Books) -> None:
    books.transactions[0]["meterStart"] = 2000


def read_too_much(books: Books) -> None:
    books.registers[2] = [[1200.0], [2600.0]]


def read_backwards(books: Books) -> None:
    books.registers[1] = [[500.0], [400.0]]


def give_another_number(books: Books) -> None:
    books.transactions[0]["transactionId"] = 9


def change_the_gun(books: Books) -> None:
    books.transactions[1]["connectorId"] = 2


def stop_what_never_started(books: Books) -> None:
    books.orphan_stops.append({"transactionId": -1})


def stop_before_the_start(books: Books) -> None:
    books.wire["CP"].insert(0, message(False, [2, "x", "StopTransaction", {"transactionId": 2}]))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lose, "is in no ledger"),
        (double, "2 transactions for one session"),
        (forget_the_stop, "never stopped"),
        (lose_energy, "after 999 Wh transaction 2 starts at 1000"),
        (end_early, "the ledger ends at 2499 Wh, the meter at 2500.7"),
        (run_backwards, "ran backwards"),
        (read_too_much, "read [1200.0, 2600.0]"),
        (read_backwards, "read [500.0, 400.0]"),
        (give_another_number, "was told 1, the ledger says 9"),
        (change_the_gun, "in the ledger at 2"),
        (stop_what_never_started, "belongs to no start"),
        (stop_before_the_start, "before its StartTransaction was answered"),
    ],
)
def test_every_way_to_be_wrong_is_told(damage: Callable[[Books], None], said: str) -> None:
    books = sound_books()
    damage(books)
    assert any(said in sentence for sentence in violations(books, seen(), METERS))


def test_a_session_that_nobody_saw_draw_may_be_gone() -> None:
    """Between the badge and the durable record the power may go: then there was no session and no energy."""
    witness = seen()
    running = {"idTag": "C", "transactionId": None, "meterStart": 2500}
    witness.look("CP", {"connectors": [{"connectorId": 1, "transaction": running, "meter_wh": 2500.7}]})
    assert violations(sound_books(), witness, METERS) == []


def test_messages_that_came_again_are_counted_whatever_their_ids() -> None:
    books = sound_books()
    books.wire["CP"].append(message(False, [2, "again", "StartTransaction", {"idTag": "A"}]))
    assert repeated(books) == {"StartTransaction": 1, "StopTransaction": 0, "MeterValues": 0}


def test_a_clock_that_was_set_back_is_counted() -> None:
    books = sound_books()
    books.transactions[0]["stoppedAt"] = "2025-12-31T00:00:00Z"
    assert set_back(books) == 1
