"""A ledger in memory: for the world and for tests. It recalls what a durable one would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.types import to_epoch
from forecourt.supervision.facts import (
    AuthorizationKeySet,
    BootReported,
    CandidateKeySet,
    CommandEnded,
    CommandFollowed,
    GunFreed,
    IdTagDeleted,
    IdTagSet,
    MeterValuesReported,
    OrphanStopped,
    Policy,
    PolicySet,
    SessionPriced,
    StationDeleted,
    StationSet,
    StatusReported,
    TariffSet,
    TariffShown,
    TransactionStarted,
    TransactionStopped,
)
from forecourt.supervision.ports import RECENT_TRANSACTIONS, Recollection, SessionRecalled, TransactionRecalled
from forecourt.supervision.registry import tag_key
from forecourt.supervision.tariff_book import TariffBook
from forecourt.supervision.tariffs import register_wh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from forecourt.ocpp.core import MeterValue
    from forecourt.supervision.facts import Fact


class MemoryStore:
    """Keeps every fact, in order, and what they amount to. `Ledger` in memory."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.policy = Policy()
        self.id_tags: dict[str, IdTagSet] = {}
        self.stations: dict[str, StationSet] = {}
        self.boots: dict[str, BootReported] = {}
        """The latest of each station."""
        self.statuses: dict[tuple[str, int], StatusReported] = {}
        """The latest by identity and connectorId."""
        self.started: dict[int, TransactionStarted] = {}
        self.stopped: dict[int, TransactionStopped] = {}
        self.orphans: list[OrphanStopped] = []
        self.outcomes: dict[str, CommandEnded] = {}
        self.followed: dict[str, list[CommandFollowed]] = {}
        """What came of each command, in order."""
        self.priced: dict[int, SessionPriced] = {}
        self.freed: dict[int, float | None] = {}
        self.tariffs = TariffBook(Recollection())
        self._meter_values: dict[int, list[MeterValue]] = {}
        self._unnamed_values: dict[tuple[str, int], list[MeterValue]] = {}
        self._keepers: dict[type, Callable[..., object]] = {
            PolicySet: self._set_policy,
            IdTagSet: lambda fact: self.id_tags.__setitem__(tag_key(fact.idTag), fact),
            IdTagDeleted: lambda fact: self.id_tags.pop(tag_key(fact.idTag), None),
            StationSet: lambda fact: self.stations.__setitem__(fact.identity, fact),
            StationDeleted: lambda fact: self.stations.pop(fact.identity, None),
            BootReported: lambda fact: self.boots.__setitem__(fact.identity, fact),
            StatusReported: lambda fact: self.statuses.__setitem__((fact.identity, fact.request.connectorId), fact),
            TransactionStarted: lambda fact: self.started.__setitem__(fact.transactionId, fact),
            TransactionStopped: self._stop,
            OrphanStopped: self.orphans.append,
            SessionPriced: lambda fact: self.priced.__setitem__(fact.transactionId, fact),
            GunFreed: lambda fact: self.freed.__setitem__(fact.transactionId, fact.freed_s),
            TariffShown: lambda fact: self.tariffs.shown.__setitem__(fact.identity, fact.digest),
            MeterValuesReported: self._add_meter_values,
            CommandEnded: lambda fact: self.outcomes.__setitem__(fact.command_id, fact),
            CommandFollowed: lambda fact: self.followed.setdefault(fact.command_id, []).append(fact),
        }

    def keep(self, facts: Sequence[Fact]) -> None:
        """Take these facts, in order. A password is not kept, as there is nobody here to check it."""
        for fact in facts:
            if isinstance(fact, AuthorizationKeySet | CandidateKeySet):
                continue
            self.facts.append(fact)
            self.tariffs.apply(fact)
            keeper = self._keepers.get(type(fact))
            if keeper is not None:
                keeper(fact)

    def recall(self) -> Recollection:
        """What a supervision that starts now must know."""
        return Recollection(
            policy=self.policy,
            next_transaction_id=max(self.started, default=0) + 1,
            id_tags=tuple(self.id_tags.values()),
            stations=tuple(self.stations.values()),
            boot_statuses=tuple((boot.identity, boot.status) for boot in self.boots.values()),
            transactions=self._transactions_recalled(),
            tariffs=tuple(TariffSet(each) for name in self.tariffs.names() for each in self.tariffs.versions(name)),
            tariff_assignments=tuple(self.tariffs.assignments()),
            tariff_pictures=tuple(self.tariffs.pictures.values()),
            tariffs_shown=tuple(self.tariffs.shown.items()),
            priced=tuple(self._priced_recalled()),
        )

    def _priced_recalled(self) -> Iterator[SessionRecalled]:
        for number, fact in sorted(self.priced.items()):
            stop, freed_s = self.stopped.get(number), self.freed.get(number)
            if stop is not None and freed_s is not None:
                continue
            readings = [register_wh(value.sampledValue) for value in self.meter_values(number)]
            highest = max((reading for reading in readings if reading is not None), default=None)
            stop_told_s = None if stop is None else stop.at_s
            yield SessionRecalled(fact.identity, number, fact.tariff, highest, stop_told_s, freed_s)

    def meter_values(self, transaction_id: int) -> list[MeterValue]:
        """The values of a transaction in the order they were measured; late ones are in their place."""
        found = [*self._meter_values.get(transaction_id, ()), *self._meanwhile(transaction_id)]
        return sorted(found, key=lambda value: value.timestamp)

    def _meanwhile(self, transaction_id: int) -> Iterator[MeterValue]:
        """The values that name no transaction, of the gun and the time of this one (A21)."""
        start, stop = self.started.get(transaction_id), self.stopped.get(transaction_id)
        if start is None:
            return
        for value in self._unnamed_values.get((start.identity, start.request.connectorId), ()):
            if start.request.timestamp <= value.timestamp and (
                stop is None or value.timestamp <= stop.request.timestamp
            ):
                yield value

    def forget_meter_values(self) -> None:
        """Drop the values of all transactions, for runs of years."""
        self._meter_values.clear()
        self._unnamed_values.clear()

    def energy_wh(self, transaction_id: int) -> int | None:
        """The energy of a transaction that has ended, in Wh; None for another."""
        stop = self.stopped.get(transaction_id)
        return None if stop is None else stop.request.meterStop - self.started[transaction_id].request.meterStart

    def _transactions_recalled(self) -> tuple[TransactionRecalled, ...]:
        recent: dict[str, list[int]] = {}
        for number, start in self.started.items():
            recent.setdefault(start.identity, []).append(number)
        wanted = {number for numbers in recent.values() for number in numbers[-RECENT_TRANSACTIONS:]}
        recalled = []
        for number, start in self.started.items():
            stop = self.stopped.get(number)
            if stop is not None and number not in wanted:
                continue
            stopped_s = None if stop is None else to_epoch(stop.request.timestamp)
            meter_stop = None if stop is None else stop.request.meterStop
            recalled.append(
                TransactionRecalled(
                    start.identity, number, start.at_s, start.status, start.request, stopped_s, meter_stop
                )
            )
        return tuple(recalled)

    def _set_policy(self, fact: PolicySet) -> None:
        self.policy = fact.policy

    def _stop(self, fact: TransactionStopped) -> None:
        self.stopped[fact.transactionId] = fact
        if fact.request.transactionData:
            self._meter_values.setdefault(fact.transactionId, []).extend(fact.request.transactionData)

    def _add_meter_values(self, fact: MeterValuesReported) -> None:
        number = fact.request.transactionId
        if isinstance(number, int):
            self._meter_values.setdefault(number, []).extend(fact.request.meterValue)
        else:
            place = (fact.identity, fact.request.connectorId)
            self._unnamed_values.setdefault(place, []).extend(fact.request.meterValue)
