"""The checker for which all of this exists: every session stands once in the ledger, in order, with its energy.

Theory of operation. What is true is read off each station's durable records: a StartTransaction or StopTransaction
belongs to the truth from the moment it is durable, under the station's own name for the transaction. It leaves the
records in two ways. Either the supervision took it, and then the ledger must have it; or the station gave it up because
TransactionMessageAttempts transmissions had failed, and then, and only then, the ledger may lack it: the station's own
list of what was given up must have it, durably, for people to read. When a play is over and everything has settled, the
truth is reckoned against the ledger and the meters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import StartTransactionRequest, StopTransactionRequest
from forecourt.station import effects as do
from forecourt.station.given_up import LIMIT as GIVEN_UP_LIMIT
from forecourt.station.transactions import register_wh
from forecourt.supervision.facts import OrphanStopped, TransactionStarted, TransactionStopped
from forecourt.world.checkers import Checker

if TYPE_CHECKING:
    from forecourt.station.effects import DeleteRecord, SaveRecord
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

OF_TRANSACTIONS = {"StartTransaction": StartTransactionRequest, "StopTransaction": StopTransactionRequest}


class Kept(msgspec.Struct):
    """One transaction message that was durable once."""

    action: str
    local: str
    request: StartTransactionRequest | StopTransactionRequest
    is_given_up: bool = False
    """Whether the station says durably that it gave it up."""
    is_gone: bool = False


class ExactlyOnce(Checker):
    """Every transaction stands once in the ledger, started before stopped, in order, with the energy that flowed."""

    rule = "exactly once"

    def __init__(self, world: World, may_double: bool = False) -> None:
        """`may_double`: the supervision may lose its memory, and then it cannot tell what it had before."""
        super().__init__(world)
        self.may_double = may_double
        self.kept: dict[str, list[Kept]] = {}
        """By identity, in the order in which they became durable."""
        self._queued: dict[tuple[str, str], Kept] = {}
        self._by_name: dict[tuple[str, str, str], Kept] = {}
        """By identity, the station's name of the transaction, and action."""
        self._rows: dict[tuple[str, str], Kept] = {}
        """By identity and key of the row that says so: what was given up."""
        self.sessions = 0

    @property
    def given_up(self) -> int:
        """How many messages the stations gave up."""
        return sum(one.is_given_up for kept in self.kept.values() for one in kept)

    # The truth.

    def stored(self, station: SimulatedStation, write: SaveRecord | DeleteRecord) -> None:
        place = (station.identity, write.key)
        if write.kind == "queue":
            if isinstance(write, do.SaveRecord):
                self._queue(station, place, write.data)
            elif (kept := self._queued.pop(place, None)) is not None:
                kept.is_gone = True
        elif write.kind == "given-up":
            if isinstance(write, do.SaveRecord):
                row = msgspec.json.decode(write.data)
                named = self._by_name.get((station.identity, row["transaction"], row["action"]))
                if named is not None:
                    named.is_given_up = True
                    self._rows[place] = named
            elif place in self._rows and self._has_room(station):
                self._rows.pop(place).is_given_up = False  # it was delivered after all

    @staticmethod
    def _has_room(station: SimulatedStation) -> bool:
        """Whether no row had to go for another."""
        return sum(kind == "given-up" for kind, _ in station.records) < GIVEN_UP_LIMIT - 1

    def _queue(self, station: SimulatedStation, place: tuple[str, str], data: bytes) -> None:
        action, payload, local = msgspec.json.decode(data)[:3]
        if action in OF_TRANSACTIONS and place not in self._queued:
            kept = Kept(action, local, msgspec.convert(payload, OF_TRANSACTIONS[action], strict=False))
            self._queued[place] = self._by_name[(station.identity, local, action)] = kept
            self.kept.setdefault(station.identity, []).append(kept)
            self.sessions += action == "StartTransaction"

    # The reckoning.

    def settle(self, station: SimulatedStation) -> None:
        """Everything has settled: compare."""
        kept = self.kept.get(station.identity, [])
        starts = [one for one in kept if one.action == "StartTransaction"]
        stops = {one.local: one for one in kept if one.action == "StopTransaction"}
        if len(stops) != len(kept) - len(starts) or len({one.local for one in starts}) != len(starts):
            raise self.broken(station, "a transaction has two starts or two stops in the records")
        for one in kept:
            if not one.is_gone:
                raise self.broken(station, f"{one.action} of {one.local} never left the records")
        self._check_ledger(station, starts, stops)
        self._check_order(station, kept)
        self._check_meters(station, starts, stops)

    def _check_ledger(self, station: SimulatedStation, starts: list[Kept], stops: dict[str, Kept]) -> None:
        ledger = self.world.supervision
        told = [one for one in ledger.started if one.identity == station.identity]
        for one in starts:
            same = [fact for fact in told if is_start(fact, one.request)]
            if not (len(same) == 1 or (one.is_given_up and not same) or (self.may_double and same)):
                raise self.broken(station, f"the ledger has {len(same)} starts of {one.local}, {one.request}")
            stop = stops.get(one.local)
            if stop is None:
                raise self.broken(station, f"{one.local} has no StopTransaction")
            stopped = [ledger.ledger.stopped[fact.transactionId] for fact in same if self._has_stop(fact)]
            is_there = any(is_stop(fact, stop.request) for fact in stopped)
            is_orphan = self._is_orphan(station, stop.request)
            is_excused = stop.is_given_up or (one.is_given_up and is_orphan) or (self.may_double and is_orphan)
            if not is_there and not is_excused:
                raise self.broken(station, f"the ledger has not the stop of {one.local}, {stop.request}, but {stopped}")
        if len(told) > len(starts) and not self.may_double:
            raise self.broken(station, f"the ledger has {len(told)} starts, {len(starts)} were durable")

    def _has_stop(self, fact: TransactionStarted) -> bool:
        return fact.transactionId in self.world.supervision.ledger.stopped

    def _is_orphan(self, station: SimulatedStation, stop: StartTransactionRequest | StopTransactionRequest) -> bool:
        orphans = self.world.supervision.ledger.orphans
        return any(one.identity == station.identity and is_stop(one, stop) for one in orphans)

    def _check_order(self, station: SimulatedStation, kept: list[Kept]) -> None:
        """The ledger's facts are in the order in which the messages were made."""
        if self.may_double:
            return
        last = -1
        for fact in self.world.supervision.ledger.facts:
            if not isinstance(fact, TransactionStarted | TransactionStopped) or fact.identity != station.identity:
                continue
            same = is_start if isinstance(fact, TransactionStarted) else is_stop
            places = [at for at, one in enumerate(kept) if same(fact, one.request)]
            if not places:
                raise self.broken(station, f"the ledger has what was never durable: {fact}")
            last = next((at for at in places if at > last), -1)  # two guns may end alike when power goes
            if last < 0:
                raise self.broken(
                    station, f"the ledger has {kept[places[0]].action} of {kept[places[0]].local} too late"
                )

    def _check_meters(self, station: SimulatedStation, starts: list[Kept], stops: dict[str, Kept]) -> None:
        for gun in range(1, len(station.cabinet.figures.guns) + 1):
            told_wh = 0
            for one in starts:
                start, stop = one.request, stops[one.local].request
                assert isinstance(start, StartTransactionRequest), "sorted by action above"
                assert isinstance(stop, StopTransactionRequest), "sorted by action above"
                if start.connectorId == gun:
                    told_wh += stop.meterStop - start.meterStart
            flowed_wh = register_wh(station.reading(gun).energy_wh)
            if abs(told_wh - flowed_wh) > 1:
                raise self.broken(station, f"{flowed_wh} Wh flowed at gun {gun}, and {told_wh} Wh were told of")


def is_start(fact: object, request: object) -> bool:
    """Whether this fact of the ledger is this StartTransaction."""
    if not isinstance(fact, TransactionStarted) or not isinstance(request, StartTransactionRequest):
        return False
    return fact.request == request


def is_stop(fact: object, request: object) -> bool:
    """Whether this fact of the ledger is this StopTransaction; its transactionId may have come later."""
    if not isinstance(fact, TransactionStopped | OrphanStopped) or not isinstance(request, StopTransactionRequest):
        return False
    told = fact.request
    return (told.meterStop, told.timestamp, told.reason) == (request.meterStop, request.timestamp, request.reason)
