"""A play: one seed from its options to its verdict.

First the options are drawn from the seed. Then comes the safety phase: drivers, operators and faults, while nothing
forbidden may happen. Then the liveness phase: the faults end, everybody goes home, and everything must settle within
`Options.settle_s`. Last comes the reckoning. A play stops at the first violation, and the same seed finds it again.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from forecourt.world.checkers import (
    EnergyIsAuthorized,
    OneCallAtATime,
    SavedFirst,
    StatusesByTheMatrix,
    Violation,
)
from forecourt.world.dice import Dice
from forecourt.world.happenings import GOOD_TAGS, happen, register_tags
from forecourt.world.moods import Mood, MoodySupervision
from forecourt.world.options import Options
from forecourt.world.promises import LimitsHold, RecordsSayAll, ReservationsLast
from forecourt.world.reckoning import ExactlyOnce
from forecourt.world.referee import Referee
from forecourt.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.checkers import Checker
    from forecourt.world.simulated_station import SimulatedStation

DAY_S = 86_400.0


class Verdict(msgspec.Struct, frozen=True):
    """What became of a seed."""

    options: Options
    rule: str | None
    """Which was broken; None for none."""
    sentence: str
    """What happened then."""
    at_s: float
    """When the play was over, in seconds of the world."""
    sessions: int
    given_up: int
    """Transaction messages that the stations gave up, as TransactionMessageAttempts says, and wrote in their logs."""
    lives: int
    messages: int
    digest: str
    """Of every frame and its moment: the same seed has the same."""
    happened: dict[str, int]
    """How often what happened."""


class Play:
    """A site with everything that happens on it."""

    def __init__(self, options: Options, tell: Callable[[float, str], None] | None = None) -> None:
        """`tell(at_s, what)` hears of everything that happens, for a trace."""
        self.options = options
        self._schedule = Dice(options.seed * 2 + 1)
        self._fortune = Dice(options.seed * 2 + 2)
        self.dice = Dice(0)
        """Of what happens at the moment: each happening has its own, so that leaving one out changes no other."""
        self.world = World(options.seed, supervision=MoodySupervision)
        supervision = self.world.supervision
        assert isinstance(supervision, MoodySupervision), "as ordered"
        self.supervision = supervision
        self.start_s = self.world.clock_s
        self.tell = tell
        self.happened: dict[str, int] = {}
        register_tags(self)
        self.reckoning = ExactlyOnce(self.world, may_double=options.may("supervision forgets"))
        self.checkers: list[Checker] = [
            OneCallAtATime(self.world),
            SavedFirst(self.world),
            EnergyIsAuthorized(self.world, GOOD_TAGS),
            StatusesByTheMatrix(self.world),
            ReservationsLast(self.world),
            LimitsHold(self.world),
            RecordsSayAll(self.world),
            self.reckoning,
        ]
        self.referee = Referee(self.checkers, tell, self.world)
        self.stations: list[SimulatedStation] = []
        for number, model in enumerate(options.models, start=1):
            station = self.world.add_station(f"CP-{number}", model, keys=options.keys, powered=False)
            station.keeps_effects = False
            station.watcher = self.referee
            self.stations.append(station)

    # The phases.

    def perform(self, progress: Callable[[float], None] | None = None) -> Verdict:
        """Play it to its end; `progress` hears how many days have passed."""
        rule, sentence = None, ""
        try:
            self._be_unsafe(progress)
            self._come_to_rest()
            for station in self.stations:
                self.reckoning.settle(station)
        except Violation as violation:
            rule, sentence = violation.rule, str(violation)
        except Exception as error:  # whatever breaks, breaks for this seed, and must be reported with it
            rule, sentence = "nothing breaks", f"{type(error).__name__}: {error}"
            if self.tell is not None:
                raise
        return self._verdict(rule, sentence)

    def _be_unsafe(self, progress: Callable[[float], None] | None) -> None:
        for station in self.stations:
            station.power_on()
        end = self.options.days * DAY_S
        names, weights = list(self.options.weights), list(self.options.weights.values())
        while self.world.now < end:
            self.world.run(self._schedule.between(0.0, self.options.gap_s))
            self._look()
            self.dice = Dice(self._schedule.getrandbits(64))
            self._happen(self._schedule.weighted(names, weights), self.dice.one_of(self.stations))
            if progress is not None:
                progress(min(self.world.now, end) / DAY_S)

    def _happen(self, name: str, station: SimulatedStation) -> None:
        if name in self.options.without:
            return
        self.happened[name] = self.happened.get(name, 0) + 1
        if self.tell is not None:
            self.tell(self.world.now, f"{station.identity} ! {name}")
        happen(self, name, station)

    def _look(self) -> None:
        for station in self.stations:
            if not station.has_mains and not station.has_power and self._fortune.chance(20):
                self.power_up(station)  # after a cut between effects nobody else does
            for checker in self.checkers:
                checker.look(station)

    def power_up(self, station: SimulatedStation) -> None:
        """The mains come back, if they were gone."""
        if not station.has_mains:
            station.cut()  # what a capacitor keeps alive ends first
            station.power_on()

    def _come_to_rest(self) -> None:
        """The faults end, everybody goes home, and everything settles."""
        self.supervision.mood = Mood.FRIENDLY
        self.supervision.commit_s, self.supervision.commit_fails = 0.0, False
        for station in self.stations:
            station.cut_after = None
            station.line.set_up(True)
            station.line.jitter_s = station.line.notice_s = 0.0
            station.disk.delay_s, station.disk.fails = 0.0, False
            self.power_up(station)
        self.world.run(60.0)
        for station in self.stations:
            for gun in range(1, len(station.cabinet.figures.guns) + 1):
                if station.cabinet.plugged(gun):
                    station.unplug(gun)
        self.world.run(60.0)
        for station in self.stations:
            if station.has_power and any(gun.transaction is not None for gun in station.snapshot().connectors):
                station.reboot()  # sessions that the keys let last although the car is gone
        end = self.world.now + self.options.settle_s
        while self.world.now < end and not all(map(self._is_settled, self.stations)):
            self.world.run(30.0)
        for station in self.stations:
            if not self._is_settled(station):
                raise Violation("everything settles", f"{station.identity} has not: {self._state(station)}")
        self._look()

    @staticmethod
    def _is_settled(station: SimulatedStation) -> bool:
        if not station.has_power or not station.line.is_sound or not station.disk.is_idle:
            return False
        snapshot = station.snapshot()
        runs = any(gun.transaction is not None for gun in snapshot.connectors)
        return snapshot.boot == "Accepted" and snapshot.queuedMessages == 0 and not runs

    @staticmethod
    def _state(station: SimulatedStation) -> str:
        if not station.has_power:
            return "it is dark"
        snapshot = station.snapshot()
        runs = [gun.connectorId for gun in snapshot.connectors if gun.transaction is not None]
        return (
            f"boot {snapshot.boot}, link {snapshot.link.state}, {snapshot.queuedMessages} messages queued, "
            f"transactions on {runs}, disk idle {station.disk.is_idle}"
        )

    def _verdict(self, rule: str | None, sentence: str) -> Verdict:
        return Verdict(
            self.options,
            rule,
            sentence,
            self.world.now,
            self.reckoning.sessions,
            self.reckoning.given_up,
            sum(station.lives for station in self.stations),
            sum(len(station.wire.messages) for station in self.stations),
            digest_of(self.stations),
            dict(sorted(self.happened.items())),
        )


def digest_of(stations: list[SimulatedStation]) -> str:
    """One figure for everything that went over the wire, and when."""
    digest = sha256()
    for station in stations:
        for message in station.wire.messages:
            digest.update(f"{message.at!r} {message.direction} {message.text}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
