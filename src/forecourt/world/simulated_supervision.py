"""The supervision's core in the world, with a ledger in memory: what it knows, and what an operator tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.supervision.core import CentralSystem
from forecourt.supervision.effects import CloseLink, Effect, EndCommand, SendFrame, Store
from forecourt.supervision.events import CommandGiven, FrameReceived, LinkClosed, LinkOpened, RegistryEdited
from forecourt.supervision.facts import IdTagSet, Policy, PolicySet, StationSet
from forecourt.supervision.memory import MemoryStore

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record
    from forecourt.supervision.events import Event
    from forecourt.supervision.facts import Edit, Fact, TransactionStarted, TransactionStopped
    from forecourt.supervision.outcomes import Outcome
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


class SimulatedSupervision:
    """A central system with its ledger."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.ledger = MemoryStore()
        self._core = CentralSystem(self.ledger.recall(), "s1", wire_log=False)
        self._stations: dict[int, SimulatedStation] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._commands = 0

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
        """404 for a station that may not connect. Passwords are the server's to check, not the core's."""
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
        self._handle(FrameReceived(link, frame))

    def expire(self) -> None:
        """Fire what is due."""
        self._carry_out(self._core.expire(self._world.clock_s))

    def next_deadline(self) -> float:
        """When a command's answer is overdue, in seconds of the world."""
        return self._core.next_deadline() - self._world.clock_s + self._world.now

    def _handle(self, event: Event) -> None:
        self._carry_out(self._core.handle(event, self._world.clock_s))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Store):
                self.ledger.keep([effect.fact])
            elif isinstance(effect, SendFrame):
                if effect.link in self._stations:
                    self._stations[effect.link].deliver(effect.frame)
            elif isinstance(effect, EndCommand):
                self._outcomes[effect.command_id] = effect.outcome
            elif isinstance(effect, CloseLink):
                self._close(effect)

    def _close(self, effect: CloseLink) -> None:
        station = self._stations.get(effect.link)
        if station is not None:
            self._world.later(0.0, lambda: station.close_link(effect.code, effect.reason))
