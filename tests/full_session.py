"""A whole session in a world of its own, for the sweeps: remote start, values, an offline spell, stop, and the ledger.

The same at every call, so that effects and writes can be counted in one run and power cut at each in others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.core import RemoteStartTransactionRequest, RemoteStopTransactionRequest
from forecourt.station.effects import CloseContactor, SaveRecord
from forecourt.supervision.facts import (
    Fact,
    MeterValuesReported,
    OrphanStopped,
    TransactionStarted,
    TransactionStopped,
)
from forecourt.world.watch import Watcher
from forecourt.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from forecourt.station.effects import DeleteRecord
    from forecourt.world.simulated_station import SimulatedStation

    Records: TypeAlias = dict[tuple[str, str], bytes]
    Write: TypeAlias = SaveRecord | DeleteRecord

TAG = "TAG1"
IDENTITY = "CP-1"
KEYS = {
    "MinimumStatusDuration": "0",
    "MeterValueSampleInterval": "20",
    "disconnectedMeterValueSampleInterval": "15",
    "StopTxnSampledData": "SoC",
}
KEPT = {"boot", "key", "security"}
"""Kinds of records that outlive a session."""


class Batch:
    """What one event had written: a unit that the store takes whole or not at all."""

    def __init__(self, before: Records) -> None:
        self.before = before
        self.writes: list[Write] = []
        self.effects = 0
        """How many effects were carried out when the last of it was given to the store."""

    @property
    def after(self) -> Records:
        """The records when all of it is kept."""
        return replayed(self.before, self.writes)


def replayed(records: Records, writes: list[Write]) -> Records:
    """What these writes make of some records."""
    found = dict(records)
    for write in writes:
        if isinstance(write, SaveRecord):
            found[write.kind, write.key] = write.data
        else:
            found.pop((write.kind, write.key), None)
    return found


class Batches(Watcher):
    """Listens for the writes of a station, event by event."""

    def __init__(self) -> None:
        self.all: list[Batch] = []
        self._open: Batch | None = None
        self._now: Records = {}

    def stored(self, station: SimulatedStation, write: Write) -> None:
        """One more write of the present event."""
        if self._open is None:
            self._open = Batch(dict(self._now))
            self.all.append(self._open)
        self._open.writes.append(write)
        self._open.effects = len(station.effects)
        self._now = replayed(self._now, [write])

    def rested(self, station: SimulatedStation) -> None:
        """The event is over."""
        self._open = None


class FullSession:
    """One run. `stops_offline`: the driver's badge ends it without a link; else the supervision does."""

    def __init__(self, *, stops_offline: bool = False, model: str = "EVD1S180TBB") -> None:
        self.world = World(1)
        self.world.supervision.register(TAG)
        self.station = self.world.add_station(IDENTITY, model, keys=KEYS, powered=False)
        self._stops_offline = stops_offline

    def live(self) -> FullSession:
        """From the first start of the station on, as far as it gets before the lights go out."""
        world, station = self.world, self.station
        station.power_on()
        world.run(10)
        steps: list[Callable[[], object]] = [
            lambda: station.plug(1),
            lambda: self._command(RemoteStartTransactionRequest(idTag=TAG, connectorId=1)),
            lambda: world.run(45),
            station.network_down,
            lambda: world.run(40),
            station.network_up,
            lambda: world.run(40),
            self._stop,
            lambda: world.run(5),
            lambda: station.unplug(1),
            station.network_up,
            lambda: world.run(200),
        ]
        for step in steps:
            if station.has_power:
                step()
                world.run(2)
        return self

    def _command(self, request: RemoteStartTransactionRequest | RemoteStopTransactionRequest) -> None:
        if self.station.is_connected:
            self.world.supervision.command(IDENTITY, request)

    def _stop(self) -> None:
        started = self.world.supervision.started
        if self._stops_offline or not started:
            self.station.network_down()
            self.station.badge(TAG)
        else:
            self._command(RemoteStopTransactionRequest(transactionId=started[-1].transactionId))

    def recover(self, records: Records | None = None) -> FullSession:
        """Power and network come back for long enough to send whatever is left; `records` are what the store has."""
        world, station = self.world, self.station
        if records is not None:
            assert not station.has_power, "the records change in the dark only"
            station.disk.records.clear()
            station.disk.records.update(records)
        station.network_up()
        world.run(30)
        if not station.has_power:
            station.power_on()
        world.run(400)
        return self

    def check(self, where: str, *, kept: set[str] = KEPT) -> None:
        """The promise: every transaction that gave energy stands once in the ledger, with all that flowed."""
        ledger, station = self.world.supervision, self.station
        kinds = TransactionStarted | TransactionStopped
        facts = [fact for fact in ledger.ledger.facts if isinstance(fact, kinds)]
        assert self._facts(OrphanStopped) == [], where
        energized = any(isinstance(effect, CloseContactor) for effect in station.effects)
        assert len(ledger.started) <= 1, where
        assert len(ledger.started) == 1 or not energized, where
        assert [type(fact) for fact in facts] == [TransactionStarted, TransactionStopped] * len(ledger.started), where
        told_wh = sum(
            stop.request.meterStop - start.request.meterStart
            for start, stop in zip(ledger.started, ledger.stopped, strict=True)
        )
        assert abs(told_wh - station.reading(1).energy_wh) <= 1.0, where
        names = {start.transactionId for start in ledger.started}
        values = [fact for fact in self._facts(MeterValuesReported) if isinstance(fact, MeterValuesReported)]
        assert {fact.request.transactionId for fact in values} <= names, where
        assert {kind for kind, _ in station.records} <= kept, where
        snapshot = station.snapshot()
        assert snapshot.queuedMessages == 0, where
        assert {row.action for row in snapshot.givenUp} <= ({"queue", "transaction"} if "given-up" in kept else set())

    def _facts(self, kind: type[Fact]) -> list[Fact]:
        return self.world.supervision.facts(kind)


def batches_of(*, stops_offline: bool = False) -> list[Batch]:
    """The batches of an uncut session."""
    session = FullSession(stops_offline=stops_offline)
    watcher = Batches()
    session.station.watcher = watcher
    session.live().check("uncut")
    return watcher.all
