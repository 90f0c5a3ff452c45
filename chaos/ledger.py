"""Whether the supervision's ledger says what happened: each session once, from start to stop, with the energy it took.

What is known from outside: what drivers saw at the station (`Witness`), the meters at the end, and what the supervision
tells. Pure: nothing here asks anybody.
"""

from __future__ import annotations

from typing import Any

import msgspec

Row = dict[str, Any]


class Seen(msgspec.Struct):
    """A session that somebody saw at a station."""

    connector: int
    transaction_id: int | None = None
    """What the supervision had answered, if the station knew it by then."""
    has_drawn: bool = False
    """Whether energy had flowed, which it may not before the session is durable."""


class Witness:
    """What was seen at the stations. Every session has an idTag of its own."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], Seen] = {}
        """By identity and idTag."""

    def look(self, identity: str, snapshot: Row) -> None:
        """Note the sessions that a station shows."""
        for gun in snapshot["connectors"]:
            running = gun["transaction"]
            if running is not None:
                seen = self.seen.setdefault((identity, running["idTag"]), Seen(gun["connectorId"]))
                seen.transaction_id = running["transactionId"] or seen.transaction_id
                seen.has_drawn = seen.has_drawn or gun["meter_wh"] > running["meterStart"] + 1


class Books(msgspec.Struct):
    """What the supervision tells at the end."""

    transactions: list[Row]
    orphan_stops: list[Row]
    registers: dict[int, list[list[float]]]
    """By transactionId: the energy registers of its MeterValues in Wh by their timestamps, first to last."""
    wire: dict[str, list[Row]]
    """By identity: the messages, oldest first."""


def violations(books: Books, witness: Witness, meters: dict[str, list[float]]) -> list[str]:
    """Every way in which the books and the meters (by identity, gun by gun) disagree; empty when nothing was lost."""
    return [
        *_each_once(books, witness),
        *_each_ended(books),
        *_energy(books, meters),
        *_readings(books),
        *_order_on_the_wire(books),
    ]


def _each_once(books: Books, witness: Witness) -> list[str]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in books.transactions:
        found.setdefault((row["identity"], row["idTag"]), []).append(row)
    wrong = [f"{who}: {len(rows)} transactions for one session" for who, rows in found.items() if len(rows) > 1]
    for who, seen in witness.seen.items():
        rows = found.get(who, [])
        if not rows and (seen.has_drawn or seen.transaction_id is not None):
            wrong.append(f"{who}: a session that was seen is in no ledger: {seen}")
        if rows and rows[0]["connectorId"] != seen.connector:
            wrong.append(f"{who}: seen at gun {seen.connector}, in the ledger at {rows[0]['connectorId']}")
        if rows and seen.transaction_id not in (None, rows[0]["transactionId"]):
            wrong.append(f"{who}: was told {seen.transaction_id}, the ledger says {rows[0]['transactionId']}")
    return wrong


def _each_ended(books: Books) -> list[str]:
    wrong = [f"transaction {row['transactionId']} never stopped" for row in books.transactions if row["open"]]
    return wrong + [f"a stop that belongs to no start: {row}" for row in books.orphan_stops]


def _energy(books: Books, meters: dict[str, list[float]]) -> list[str]:
    """At each gun one session begins where the one before it ended, and the last ends where the meter stands."""
    wrong = []
    for identity, registers in meters.items():
        for connector, register in enumerate(registers, 1):
            gun = f"{identity} gun {connector}"
            stands = 0
            for row in books.transactions:  # by their numbers, which a station gets in the order of its starts
                if (row["identity"], row["connectorId"]) != (identity, connector):
                    continue
                number, begin = row["transactionId"], row["meterStart"]
                if begin != stands:
                    wrong.append(f"{gun}: after {stands} Wh transaction {number} starts at {begin}")
                stands = begin if row["meterStop"] is None else row["meterStop"]
                if stands < begin:
                    wrong.append(f"{gun}: transaction {number} ran backwards, from {begin} to {stands} Wh")
            if int(register) != stands:
                wrong.append(f"{gun}: the ledger ends at {stands} Wh, the meter at {register}")
    return wrong


def _readings(books: Books) -> list[str]:
    wrong = []
    for row in books.transactions:
        values = [value for moment in books.registers.get(row["transactionId"], []) for value in moment]
        stop = row["meterStop"] if row["meterStop"] is not None else float("inf")
        if values != sorted(values) or any(not row["meterStart"] - 1 <= value <= stop + 1 for value in values):
            wrong.append(f"transaction {row['transactionId']} from {row['meterStart']} to {stop} Wh read {values}")
    return wrong


def _order_on_the_wire(books: Books) -> list[str]:
    """No message of a transaction comes before the supervision has given it its number."""
    wrong = []
    for identity, messages in books.wire.items():
        given: set[int] = set()
        for message in messages:
            frame = _frame(message)
            if message["sent"] and frame[0] == 3 and "transactionId" in frame[2]:
                given.add(frame[2]["transactionId"])
            elif not message["sent"] and frame[0] == 2 and frame[2] in ("StopTransaction", "MeterValues"):
                number = frame[3].get("transactionId")
                if number is not None and number not in given:
                    wrong.append(f"{identity}: {frame[2]} of {number} before its StartTransaction was answered")
    return wrong


def set_back(books: Books) -> int:
    """How many transactions stopped earlier than they started, by their own timestamps.

    None is lost or out of order: the answer to BootNotification sets a clock that ran ahead, because it is sped up,
    while a session runs that was begun offline.
    """
    return sum(not row["open"] and row["stoppedAt"] < row["startedAt"] for row in books.transactions)


def repeated(books: Books) -> dict[str, int]:
    """How many messages of each kind came more than once, with another message id or the same."""
    counts = {"StartTransaction": 0, "StopTransaction": 0, "MeterValues": 0}
    for messages in books.wire.values():
        known: set[bytes] = set()
        for message in messages:
            frame = _frame(message)
            if not message["sent"] and frame[0] == 2 and frame[2] in counts:
                said = msgspec.json.encode(frame[2:], order="deterministic")
                counts[frame[2]] += said in known
                known.add(said)
    return counts


def _frame(message: Row) -> list[Any]:
    frame: list[Any] = msgspec.json.decode(message["frame"])
    return frame
