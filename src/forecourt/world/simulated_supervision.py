"""The supervision's core in the world, with a ledger in memory: what it knows, and what an operator tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.supervision.core import CentralSystem
from forecourt.supervision.effects import CloseLink, Effect, EndCommand, SendFrame, Store
from forecourt.supervision.events import (
    CommandGiven,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    LocalListGiven,
    RegistryEdited,
    StoreFailed,
    StoreRecovered,
)
from forecourt.supervision.facts import IdTagSet, Policy, PolicySet, StationSet
from forecourt.supervision.memory import MemoryStore
from forecourt.world.chance import SeededChance

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record
    from forecourt.supervision.events import Event
    from forecourt.supervision.facts import Edit, Fact, TariffPictureSet, TransactionStarted, TransactionStopped
    from forecourt.supervision.outcomes import Outcome
    from forecourt.supervision.ports import Recollection
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


RETRY_S = 1.0
"""Between two attempts to make the same facts durable."""


class SimulatedSupervision:
    """A central system with its ledger.

    While `commit_s` is not 0 facts take up to so long to become durable, and frames wait for them; while `commit_fails`
    they do not become durable at all. `crash` ends it without a word: what is not durable is lost.
    """

    ledger_class = MemoryStore

    def __init__(self, world: World) -> None:
        self._world = world
        self.ledger = self.ledger_class()
        self.starts = 1
        self._core = self._new_core(self.ledger.recall())
        self._stations: dict[int, SimulatedStation] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._commands = 0
        self._chance = SeededChance(world.seed ^ 0x5EED)
        self.commit_s = 0.0
        self.commit_fails = False
        self.clock_error_s = 0.0
        """By how much its clock is ahead; it never goes back."""
        self._up_at = 0.0
        self._backlog: list[Effect] = []
        """Effects in their order, from the first fact that is not durable on."""
        self._batch = 0
        """How many of them the store has; 0 while it is idle."""
        self._has_failed = False

    def _new_core(self, recollection: Recollection) -> CentralSystem:
        return CentralSystem(recollection, f"s{self.starts}", wire_log=False, picture_location=self.picture_location)

    @staticmethod
    def picture_location(_identity: str, picture: TariffPictureSet) -> str:
        """Where stations fetch the picture of a tariff, if the world serves it."""
        return f"http://files.example/{picture.file}/tariff.png"

    # What an operator does.

    def register(self, *id_tags: str, status: str = "Accepted", parent: str | None = None) -> None:
        """Make idTags known."""
        for id_tag in id_tags:
            self.edit(IdTagSet(id_tag, status=status, parentIdTag=parent))

    def rule(self, identity: str, boot_status: str, interval_s: int | None = None) -> None:
        """What a station's next BootNotification is answered."""
        self.edit(StationSet(identity, boot_status=boot_status, interval_s=interval_s))

    def policy(self, policy: Policy) -> None:
        """What holds for all."""
        self.edit(PolicySet(policy))

    def edit(self, edit: Edit) -> None:
        """Change a registry."""
        self._handle(RegistryEdited(edit))

    def command(self, identity: str, request: Record) -> str:
        """Give a command; its outcome is in `outcome` once there is one."""
        self._commands += 1
        command_id = f"command-{self._commands}"
        self._handle(CommandGiven(command_id, identity, request))
        return command_id

    def give_local_list(self, identity: str) -> None:
        """Bring a station's local list up to the register."""
        self._commands += 1
        self._handle(LocalListGiven(f"command-{self._commands}", identity, None))

    def outcome(self, command_id: str) -> Outcome | None:
        """What came of a command; None while it is open."""
        return self._outcomes.get(command_id)

    def ask(self, identity: str, request: Record) -> Outcome:
        """Give a command and let time pass until there is an outcome."""
        command_id = self.command(identity, request)
        self._world.run_until(lambda: command_id in self._outcomes, within_s=60)
        return self._outcomes[command_id]

    # What it knows.

    @property
    def started(self) -> list[TransactionStarted]:
        """The transactions in the ledger, oldest first."""
        return [self.ledger.started[number] for number in sorted(self.ledger.started)]

    @property
    def stopped(self) -> list[TransactionStopped]:
        """Those of them that have ended."""
        return [self.ledger.stopped[number] for number in sorted(self.ledger.stopped)]

    def facts(self, kind: type[Fact]) -> list[Fact]:
        """What was kept, of one kind, oldest first."""
        return [fact for fact in self.ledger.facts if isinstance(fact, kind)]

    # The other end of the stations' connections.

    def admit(self, identity: str, password: bytes | None) -> int | None:
        """404 for a station that may not connect, 503 while it is down. Passwords are the server's to check."""
        if self._world.now < self._up_at:
            return 503
        return None if self._core.admits(identity) else 404

    def link_opened(self, link: int, station: SimulatedStation) -> None:
        """A station has connected."""
        self._stations[link] = station
        self._handle(LinkOpened(link, station.identity, "the world"))

    def link_closed(self, link: int, code: int, reason: str) -> None:
        """A connection has ended."""
        self._stations.pop(link, None)
        self._handle(LinkClosed(link, code, reason))

    def frame_received(self, link: int, frame: bytes) -> None:
        """A frame of a station arrived."""
        if link in self._stations:
            self._handle(FrameReceived(link, frame))

    def expire(self) -> None:
        """Fire what is due."""
        self._carry_out(self._core.expire(self._clock_s))

    def next_deadline(self) -> float:
        """When a command's answer is overdue, in seconds of the world."""
        return self._core.next_deadline() - self._clock_s + self._world.now

    @property
    def _clock_s(self) -> float:
        return self._world.clock_s + self.clock_error_s

    # The end of its process.

    def crash(self, down_s: float) -> None:
        """It ends without a word and starts again after `down_s`, with what was durable."""
        if self._batch and not self.commit_fails and self._chance.getrandbits(1):
            self._keep(self._backlog[: self._batch])
        self._begin_anew(down_s, self.ledger.recall())

    def _begin_anew(self, down_s: float, recollection: Recollection) -> None:
        self._backlog, self._batch, self._has_failed = [], 0, False
        self._up_at = self._world.now + down_s
        self.starts += 1
        self._core = self._new_core(recollection)
        links, self._stations = self._stations, {}
        for link, station in links.items():
            station.line.hang_up(link, 1006, "the supervision ended")

    # Effects.

    def _handle(self, event: Event) -> None:
        self._carry_out(self._core.handle(event, self._clock_s))

    def _carry_out(self, effects: list[Effect]) -> None:
        if self._backlog or self.commit_s or self.commit_fails:
            self._backlog.extend(effects)
            self._commit()
            return
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, Store):
            self.ledger.keep([effect.fact])
        elif isinstance(effect, SendFrame):
            if effect.link in self._stations:
                self.post(self._stations[effect.link], effect)
        elif isinstance(effect, EndCommand):
            self._outcomes[effect.command_id] = effect.outcome
        elif isinstance(effect, CloseLink):
            self._close(effect)

    def post(self, station: SimulatedStation, effect: SendFrame) -> None:
        """A frame leaves for a station."""
        station.deliver(effect.frame, effect.link)

    def _close(self, effect: CloseLink) -> None:
        station = self._stations.pop(effect.link, None)
        if station is not None:
            self._world.later(0.0, lambda: station.line.hang_up(effect.link, effect.code, effect.reason))

    # Commits.

    def _commit(self) -> None:
        """Give the store all that has come, unless it is busy."""
        if self._batch or not self._backlog:
            return
        self._batch = len(self._backlog)
        takes_s = self.commit_s * self._chance.getrandbits(16) / 65536
        start = self.starts
        self._world.later(takes_s, lambda: self._committed(start))

    def _committed(self, start: int) -> None:
        if start != self.starts:
            return
        if self.commit_fails:
            self._world.later(RETRY_S, lambda: self._committed(start))
            if not self._has_failed:
                self._has_failed = True
                self._handle(StoreFailed("the world's disk is full"))
            return
        batch, self._backlog = self._backlog[: self._batch], self._backlog[self._batch :]
        self._batch = 0
        for effect in batch:
            self._do(effect)
        if self._has_failed:
            self._has_failed = False
            self._handle(StoreRecovered())
        self._commit()

    def _keep(self, effects: list[Effect]) -> None:
        self.ledger.keep([effect.fact for effect in effects if isinstance(effect, Store)])
