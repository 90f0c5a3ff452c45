"""One station's records: what is durable, what is on its way to be, and what waits for it.

Theory of operation. It does what the driver and the record store do together. An instant disk has every write at once.
A slow one takes batches: one is with the store at a time, what comes meanwhile is the next. A gating write raises
`_made`; a gated effect waits until `_durable` has reached what it saw, and effects that concern the link queue behind
it. An OpenContactor never waits and takes back a CloseContactor that does. A batch that fails is tried again every
second with whatever has come since; the station hears SaveFailed once, then SaveRecovered. When power goes, what is not
with the store is lost, and what is with it is kept or lost as a whole, by chance.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from forecourt.station.effects import (
    GATED,
    CloseContactor,
    CloseLink,
    DeleteRecord,
    OpenContactor,
    OpenLink,
    Reboot,
    SaveRecord,
    SendFrame,
    SendPing,
)
from forecourt.station.events import SaveFailed, SaveRecovered
from forecourt.world.chance import SeededChance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecourt.station.effects import Effect
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

Write: TypeAlias = "SaveRecord | DeleteRecord"

RETRY_S = 1.0
OF_THE_LINK = frozenset({OpenLink, CloseLink, SendFrame, SendPing})
QUEUED_BEHIND = GATED | {OpenLink, CloseLink}


class Disk:
    """The records of one station, over all its lives."""

    def __init__(self, world: World, station: SimulatedStation, seed: int) -> None:
        self._world = world
        self._station = station
        self._chance = SeededChance(seed)
        self.records: dict[tuple[str, str], bytes] = {}
        """What is durable, by kind and key."""
        self.delay_s = 0.0
        """A commit takes up to so long; 0 makes every write durable at once."""
        self.fails = False
        """Whether commits fail."""
        self._backlog: list[Write] = []
        self._with_store: list[Write] | None = None
        self._has_failed = False
        self._made = self._submitted = self._durable = 0
        self._waiting: deque[tuple[int, Effect]] = deque()

    @property
    def is_durable(self) -> bool:
        """Whether everything that was written is durable."""
        return not self._backlog and self._with_store is None

    @property
    def is_idle(self) -> bool:
        """Whether, beside that, no effect waits."""
        return self.is_durable and not self._waiting

    # What the station's life does.

    def must_wait(self, effect: Effect) -> bool:
        """Whether this effect is held back for now."""
        if self._waiting:
            return type(effect) in QUEUED_BEHIND
        return self._made != self._durable and type(effect) in GATED

    def hold(self, effect: Effect) -> None:
        """Carry this effect out later."""
        self._waiting.append((self._made, effect))

    def wait_for_all(self, effect: Reboot) -> None:
        """Carry this effect out, and nothing else any more, when everything is durable."""
        self._waiting = deque([(self._made, effect)])

    def write(self, effect: Write) -> None:
        """Keep or forget a record."""
        if not self.delay_s and not self.fails and self.is_durable:
            self._apply((effect,))
            return
        self._backlog.append(effect)
        if isinstance(effect, SaveRecord) and effect.gates:
            self._made += 1

    def take_back_contactor(self, effect: OpenContactor) -> None:
        """What is opened is not to be closed afterwards by an order that was given before."""
        overtaken = CloseContactor(effect.connector)
        self._waiting = deque(entry for entry in self._waiting if entry[1] != overtaken)

    def forget_link(self) -> None:
        """The link is gone: what waited to be sent over it is dropped."""
        self._waiting = deque(entry for entry in self._waiting if type(entry[1]) not in OF_THE_LINK)

    def submit(self) -> None:
        """Give the store what has come together, unless it is busy."""
        if self._backlog and self._with_store is None:
            self._try()

    def _apply(self, writes: Sequence[Write]) -> None:
        for write in writes:
            if isinstance(write, SaveRecord):
                self.records[(write.kind, write.key)] = write.data
            else:
                self.records.pop((write.kind, write.key), None)
            self._station.watcher.stored(self._station, write)

    def _try(self) -> None:
        self._with_store = [*(self._with_store or ()), *self._backlog]
        self._backlog = []
        self._submitted = self._made
        takes_s = self.delay_s * self._chance.getrandbits(16) / 65536
        life = self._station.lives
        self._world.later(takes_s, lambda: self._committed(life))

    def _committed(self, life: int) -> None:
        if life != self._station.lives or self._with_store is None:
            return  # the power was cut meanwhile
        if self.fails:
            self._world.later(RETRY_S, lambda: self._again(life))
            if not self._has_failed:
                self._has_failed = True
                self._station.happen(SaveFailed("the world's disk is full"))
            return
        writes, self._with_store = self._with_store, None
        self._apply(writes)
        self._durable = self._submitted
        if self._has_failed:
            self._has_failed = False
            self._station.happen(SaveRecovered())
        if life == self._station.lives:
            self._release()
            self.submit()

    def _again(self, life: int) -> None:
        if life == self._station.lives and self._with_store is not None:
            self._try()

    def _release(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._durable:
            effect = self._waiting[0][1]
            if isinstance(effect, Reboot) and not self.is_durable:
                break
            self._waiting.popleft()
            self._station.carry_out_now(effect)

    # The end of a life.

    def end_life(self) -> None:
        """Power is gone: what is with the store lands whole or not at all, and the rest is lost."""
        if self._with_store is not None and not self.fails and self._chance.getrandbits(1):
            self._apply(self._with_store)
        self._with_store = None
        self._backlog = []
        self._waiting.clear()
        self._has_failed = False
        self._durable = self._submitted = self._made
