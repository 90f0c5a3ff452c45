"""Prices while everything goes wrong: what stations were told, against the bills worked out apart from the ledger."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor, inf
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.supervision.facts import SessionPriced, TariffAssigned, TariffSet
from forecourt.supervision.tariffs import Tariff
from forecourt.world.options import draw_options
from forecourt.world.play import Play
from forecourt.world.wire import RECEIVED, SENT

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

ENERGY = Tariff(name="energy", currency="EUR", pricePerKWh=Decimal("0.49"), sessionFee=Decimal("0.35"))


def told_costs(station: SimulatedStation) -> list[tuple[float, dict[str, Any]]]:
    """When a station was told a cost, and the data."""
    calls = station.wire.calls("DataTransfer", direction=RECEIVED)
    return [(message.at, msgspec.json.decode(message.payload["data"])) for message in calls]


def ended_at(station: SimulatedStation) -> dict[int, float]:
    """When the supervision answered the StopTransaction of each transaction first."""
    numbers = {call.id: call.payload["transactionId"] for call in station.wire.calls("StopTransaction", direction=SENT)}
    ends: dict[int, float] = {}
    for message in station.wire.messages:
        if (message.direction, message.kind, message.action) == (RECEIVED, "CALLRESULT", "StopTransaction"):
            ends.setdefault(numbers[message.id], message.at)
    return ends


def bill_cents(play: Play, number: int) -> int:
    """The bill of `ENERGY` for a transaction that has ended."""
    start, stop = play.supervision.ledger.started[number].request, play.supervision.ledger.stopped[number].request
    energy_wh = max(0, stop.meterStop - start.meterStart)
    return floor(Fraction(energy_wh * 49, 1000) + Fraction(1, 2)) + 35


@pytest.mark.parametrize("seed", [3, 11, 29, 47])
def test_costs_only_rise_while_a_session_runs_and_end_with_its_bill(seed: int) -> None:
    """With power cuts, lost links, full ledgers and crashes, but for a supervision that forgets what was durable."""
    play = Play(draw_options(seed, days=0.5, stations=2, without=("supervision forgets",)))
    play.supervision.edit(TariffSet(ENERGY))
    play.supervision.edit(TariffAssigned("", 0, ENERGY.name))
    verdict = play.perform()
    assert verdict.rule is None, verdict.sentence
    ledger = play.supervision.ledger
    priced = {fact.transactionId for fact in ledger.facts if isinstance(fact, SessionPriced)}
    assert priced == set(ledger.started)
    bills_told = 0
    for station in play.stations:
        latest: dict[int, float] = {}
        ends = ended_at(station)
        for at_s, data in told_costs(station):
            number, total = data["transactionId"], data["totalCost"]
            if number in ledger.stopped and round(total * 100) == bill_cents(play, number):
                bills_told += 1
                continue
            assert at_s < ends.get(number, inf), f"transaction {number} was told {total} after its end"
            assert total >= latest.get(number, 0.0), f"transaction {number} fell to {total} at {at_s}"
            latest[number] = total
    assert bills_told > 0
