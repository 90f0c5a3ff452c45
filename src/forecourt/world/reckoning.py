"""The checker for which all of this exists: every session stands once in the ledger, in order, with its energy.

Theory of operation. What is true is read off each station's durable records: a StartTransaction or StopTransaction
belongs to the truth from the moment it is durable, under the station's own name for the transaction. It leaves the
records in two ways. Either the supervision took it, and then the ledger must have it; or the station gave it up because
TransactionMessageAttempts transmissions had failed, and then it said so in its log, and the ledger may lack it. When a
play is over and everything has settled, the truth is reckoned against the ledger and the meters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import StartTransactionRequest, StopTransactionRequest
from forecourt.station import effects as do
from forecourt.station.transactions import register_wh
from forecourt.supervision.facts import OrphanStopped, TransactionStarted, TransactionStopped
from forecourt.world.checkers import Checker

if TYPE_CHECKING:
    from forecourt.station.effects import DeleteRecord, Effect, SaveRecord
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

OF_TRANSACTIONS = {"StartTransaction": StartTransactionRequest, "StopTransaction": StopTransactionRequest}


class Kept(msgspec.Struct):
    """One transaction message that was durable once."""

    action: str
    local: str
    request: StartTransactionRequest | StopTransactionRequest
    is_given_up: bool = False
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
        self._giving_up: dict[str, str] = {}
        self.sessions = 0
        self.given_up = 0

    # The truth.

    def stored(self, station: SimulatedStation, write: SaveRecord | DeleteRecord) -> None:
        if write.kind != "queue":
            return
        place = (station.identity, write.key)
        if not isinstance(write, do.SaveRecord):
            kept = self._queued.pop(place, None)
            if kept is not None:
                kept.is_gone = True
                self.given_up += kept.is_given_up
            return
        action, payload, local = msgspec.json.decode(write.data)[:3]
        if action in OF_TRANSACTIONS and place not in self._queued:
            kept = Kept(action, local, msgspec.convert(payload, OF_TRANSACTIONS[action], strict=False))
            self._queued[place] = kept
            self.kept.setdefault(station.identity, []).append(kept)
            self.sessions += action == "StartTransaction"

    def wanted(self, station: SimulatedStation, effect: Effect) -> None:
        if isinstance(effect, do.LogEvent) and effect.name.endswith("Transaction discarded"):
            self._giving_up[station.identity] = effect.name.split()[0]
        elif isinstance(effect, do.DeleteRecord) and effect.kind == "queue" and station.identity in self._giving_up:
            kept = self._queued.get((station.identity, effect.key))
            if kept is not None and kept.action == self._giving_up.pop(station.identity):
                kept.is_given_up = True

    def ended(self, station: SimulatedStation) -> None:
        self._giving_up.pop(station.identity, None)
        for place, kept in self._queued.items():
            if place[0] == station.identity:
                kept.is_given_up = False  # it is still there, so it will be sent again

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
