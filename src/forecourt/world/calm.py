"""A site on which nothing goes wrong, for as long as one likes: what a world costs when it only has to be quick.

Six sessions a gun and day, MeterValues every 300 s, a Heartbeat a day, no pings. Every message is encoded, decoded and
validated on both sides as on the wire. Messages are counted and not kept, and the ledger keeps what it must to decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.cabinet.archetypes import ARCHETYPES, NAMES
from forecourt.station.transactions import register_wh
from forecourt.supervision.facts import Policy
from forecourt.supervision.memory import MemoryStore
from forecourt.world.dice import Dice
from forecourt.world.simulated_supervision import SimulatedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forecourt.supervision.facts import Fact
    from forecourt.world.simulated_station import SimulatedStation

DAY_S = 86_400.0
SESSIONS_A_DAY = 6
LATEST_S = 3600
"""A session begins up to so long after its slot of four hours does."""
LONGEST_S = 5400
KEYS = {"MeterValueSampleInterval": "300", "WebSocketPingInterval": "0", "ClockAlignedDataInterval": "0"}


class LeanLedger(MemoryStore):
    """Keeps what the facts amount to, and neither the facts nor the meter values."""

    def keep(self, facts: Sequence[Fact]) -> None:
        """Take these facts, in order."""
        super().keep(facts)
        self.facts.clear()
        self.forget_meter_values()


class LeanSupervision(SimulatedSupervision):
    """A supervision for years."""

    ledger_class = LeanLedger


class CalmReport(msgspec.Struct, frozen=True):
    """What a calm site came to."""

    seed: int
    stations: int
    days: float
    sessions: int
    messages: int
    energy_kwh: float
    problem: str | None
    """What is wrong with the ledger; None for nothing."""


def play_calm(seed: int, days: float, stations: int, progress: Callable[[float], None] | None = None) -> CalmReport:
    """Let so many days pass; `progress` hears how many have."""
    world = World(seed, supervision=LeanSupervision)
    world.supervision.policy(Policy(heartbeat_interval_s=int(DAY_S)))
    dice = Dice(seed)
    site = [_Guns(world, dice, number) for number in range(1, stations + 1)]
    day = 0.0
    while day < days:
        step = min(1.0, days - day)
        world.run(step * DAY_S)
        day += step
        if progress is not None:
            progress(day)
    for one in site:
        one.go_home()
    world.run(600.0)
    return CalmReport(
        seed,
        stations,
        days,
        len(world.supervision.ledger.stopped),
        sum(one.station.wire.count for one in site),
        sum(one.station.reading(gun).energy_wh for one in site for gun in (1, 2)) / 1000,
        next((problem for one in site if (problem := one.problem()) is not None), None),
    )


class _Guns:
    """The drivers of one station."""

    def __init__(self, world: World, dice: Dice, number: int) -> None:
        self._world = world
        self._dice = dice
        self._is_open = True
        self.begun = 0
        self.station: SimulatedStation = world.add_station(f"CP-{number}", "EVD1S180TBB", keys=KEYS, powered=False)
        self.station.keeps_effects = False
        self.station.wire.keeps_messages = False
        self.station.power_on()
        for gun in (1, 2):
            world.supervision.register(self._tag(gun))
            self._next_slot(gun)

    def _tag(self, gun: int) -> str:
        return f"{self.station.identity}-{gun}"

    def _next_slot(self, gun: int) -> None:
        self._world.later(self._dice.below(LATEST_S), lambda: self._arrive(gun))
        self._world.later(DAY_S / SESSIONS_A_DAY, lambda: self._next_slot(gun) if self._is_open else None)

    def _arrive(self, gun: int) -> None:
        if not self._is_open:
            return
        car = ARCHETYPES[NAMES[self._dice.below(4)]]
        self.station.plug(gun, car.charged_to(float(10 + self._dice.below(50))))
        self._badge(gun)
        self.begun += 1
        self._world.later(1200 + self._dice.below(LONGEST_S - 1200), lambda: self._leave(gun))

    def _badge(self, gun: int) -> None:
        self.station.show(gun)
        self.station.badge(self._tag(gun))

    def _leave(self, gun: int) -> None:
        if self.station.cabinet.plugged(gun):
            self._badge(gun)
            self._world.later(20.0, lambda: self._unplug(gun))

    def _unplug(self, gun: int) -> None:
        if self.station.cabinet.plugged(gun):
            self.station.unplug(gun)

    def go_home(self) -> None:
        """Nobody comes any more, and who is there leaves."""
        self._is_open = False
        for gun in (1, 2):
            self._unplug(gun)

    def problem(self) -> str | None:
        """What the ledger has wrong of this station."""
        ledger, identity = self._world.supervision.ledger, self.station.identity
        told = [number for number, start in ledger.started.items() if start.identity == identity]
        if len(told) != self.begun:
            return f"{identity}: {self.begun} sessions began, the ledger has {len(told)}"
        for gun in (1, 2):
            energies = [
                ledger.energy_wh(number) for number in told if ledger.started[number].request.connectorId == gun
            ]
            if None in energies:
                return f"{identity}: {energies.count(None)} sessions at gun {gun} never ended"
            told_wh = sum(energy for energy in energies if energy is not None)
            flowed_wh = register_wh(self.station.reading(gun).energy_wh)
            if abs(told_wh - flowed_wh) > 1:
                return f"{identity}: {flowed_wh} Wh flowed at gun {gun}, the ledger has {told_wh} Wh"
        return None
