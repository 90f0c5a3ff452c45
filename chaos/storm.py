"""Drivers who charge, a network with weather, and a hand at the power switch: all drawn from one seed.

Theory of operation. Each station has one driver, who looks at it and does something that makes sense there: plug,
badge, wait, badge again, unplug, at both guns. Any of these steps may be struck: while it is under way the process of
the station or of the supervision gets SIGKILL, after a time drawn from the seed or with the next message that passes
the proxy, and is started again on the same data. Stations are connected through a proxy each, whose weather changes as
often. When the kills are used up every station is killed once more, so that only what was durable is left, and then all
must settle.

The seed fixes what is drawn, not what happens: processes take their own time.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec

from chaos.ledger import Books, Witness
from chaos.processes import ChaosError, StationProcess, SupervisionProcess
from chaos.proxy import ChaosProxy, Way, Weather

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODELS = ("EVD1S180THB", "EVD2S180TBB", "EVD1S60THB")
KILLS_OF_A_STATION = 0.12
"""How likely a step is struck, and by what."""
KILLS_OF_THE_SUPERVISION = 0.04
WEATHER_CHANGES = 0.15
HALF_OPENS = 0.1
"""Of the changes of weather: few, since a station needs some 20 s to find out."""
DELAYS_S = ((0.0, 0.02), (0.0, 0.3), (0.3, 1.2))
"""From the step to the kill: within a commit, within a message's way, at any time."""
MESSAGES = 0.5
"""How many kills wait instead for a message to pass, and come within `MESSAGE_DELAYS_S` of it."""
MESSAGE_DELAYS_S = (0.0, 0.015)
MESSAGE_WITHIN_S = 2.0
PAUSES_S = (0.03, 0.4)
AFTER_STEP, THE_END = "after the step", "the end"
ENERGY = "Energy.Active.Import.Register"


class Plan(msgspec.Struct, frozen=True):
    """How long and how hard."""

    seed: int
    kills: int
    """Of all processes together, the last one of each station included."""
    stations: int
    speed: float = 60.0
    settle_s: float = 150.0
    """Real seconds within which all must be quiet after the storm; a station's longest back-off is 104 s."""
    limit_s: float = 900.0
    """Real seconds for the storm itself."""


class Kill(msgspec.Struct, frozen=True):
    """One SIGKILL."""

    at_s: float
    """Real seconds since the storm began."""
    process: str
    """station or supervision."""
    step: str
    """What the driver was doing."""
    link: str
    """How the station of that driver was connected."""
    charging: bool
    """Whether a gun of it had a session."""
    moment: str
    """After the step, or with a message that passed the proxy."""
    lost_wh: float | None = None
    """What the meters had shown and did not show after the restart; None where nobody had looked."""
    lost_s: float | None = None
    """Real seconds in which that much had flowed."""


class Driver:
    """One station and who charges there."""

    def __init__(self, station: StationProcess, proxy: ChaosProxy, chance: Random) -> None:
        self.station = station
        self.proxy = proxy
        self.chance = chance
        self.sessions = 0
        self.steps: dict[str, int] = {}
        self.snapshot: dict[str, Any] = {}

    def choose(self) -> tuple[str, Callable[[], Any]]:
        """The next step: what it is called, and what does it."""
        station = self.station
        if self.snapshot["screen"] is None:
            return "boot", lambda: asyncio.sleep(0.1)
        gun = self.chance.choice(self.snapshot["connectors"])
        number, running = gun["connectorId"], gun["transaction"]
        if not gun["plugged"]:
            return "plug", lambda: station.act(f"connectors/{number}/plug")
        if running is not None and (running["meterStart"] + 1 > gun["meter_wh"] or self.chance.random() < 0.6):
            return "charge", lambda: asyncio.sleep(self.chance.uniform(0.05, 0.8))
        if running is not None and self.chance.random() < 0.2:
            return "unplug in session", lambda: station.act(f"connectors/{number}/unplug")
        if running is not None:
            return "badge to stop", lambda: self._badge(number, running["idTag"])
        if gun["status"] == "Preparing":
            self.sessions += 1
            return "badge to start", lambda: self._badge(number, f"{station.identity}-{self.sessions}")
        return "unplug", lambda: station.act(f"connectors/{number}/unplug")

    async def _badge(self, number: int, id_tag: str) -> None:
        await self.station.act("show", {"connector": number})
        await self.station.act("badge", {"idTag": id_tag})

    @property
    def is_charging(self) -> bool:
        return any(gun["transaction"] is not None for gun in self.snapshot["connectors"])


class Storm:
    """All of it. `run` it once."""

    def __init__(self, plan: Plan, folder: Path, http: httpx2.AsyncClient, tell: Callable[[str], None]) -> None:
        self.plan = plan
        self.chance = Random(plan.seed)
        self.witness = Witness()
        self.kills: list[Kill] = []
        self.supervision = SupervisionProcess(http, folder)
        self.drivers = [
            Driver(
                StationProcess(http, folder, f"CP{number}", MODELS[number % len(MODELS)], plan.speed),
                ChaosProxy(Random(self.chance.random())),
                Random(self.chance.random()),
            )
            for number in range(plan.stations)
        ]
        self._tell = tell
        self._began_s = time.monotonic()
        self._taken = 0
        self._supervision_falls = asyncio.Lock()

    async def run(self) -> tuple[Books, dict[str, list[float]]]:
        """Storm, then calm: the books and the meters at the end. Raises `ChaosError`, alone or in a group."""
        try:
            await self._start()
            async with asyncio.timeout(self.plan.limit_s), asyncio.TaskGroup() as group:
                for driver in self.drivers:
                    group.create_task(self._drive(driver))
            await self._calm()
            return await self._books(), {
                driver.station.identity: [gun["meter_wh"] for gun in driver.snapshot["connectors"]]
                for driver in self.drivers
            }
        finally:
            for driver in self.drivers:
                await driver.station.close()
                await driver.proxy.stop()
            await self.supervision.close()

    async def _start(self) -> None:
        await self.supervision.start()
        for driver in self.drivers:
            await driver.proxy.start()
            driver.proxy.target_port = self.supervision.told["ocppPort"]
            driver.station.connect_to(driver.proxy.port)
            await driver.station.start()

    # The storm.

    async def _drive(self, driver: Driver) -> None:
        chance = driver.chance
        while self._taken < self.plan.kills - len(self.drivers):
            await self._look(driver)
            step, do = driver.choose()
            driver.steps[step] = driver.steps.get(step, 0) + 1
            if chance.random() < WEATHER_CHANGES:
                half_open = chance.random() < HALF_OPENS
                others = (Weather.CLEAR, Weather.CLEAR, Weather.DELAY, Weather.TRICKLE, Weather.CUT)
                driver.proxy.set_weather(Weather.HALF_OPEN if half_open else chance.choice(others))
            strike = chance.random()
            if strike < KILLS_OF_A_STATION:
                self._taken += 1
                await asyncio.gather(_perhaps(do), self._kill_station(driver, step))
            elif strike < KILLS_OF_A_STATION + KILLS_OF_THE_SUPERVISION and not self._supervision_falls.locked():
                self._taken += 1
                await asyncio.gather(_perhaps(do), self._kill_supervision(driver, step))
            else:
                await do()
            await asyncio.sleep(chance.uniform(*PAUSES_S))

    async def _look(self, driver: Driver) -> None:
        driver.station.require_alive()
        driver.snapshot = await driver.station.look()
        self.witness.look(driver.station.identity, driver.snapshot)

    async def _wait(self, driver: Driver) -> str:
        """Until a moment to kill; says which."""
        chance = driver.chance
        if chance.random() >= MESSAGES:
            await asyncio.sleep(chance.uniform(*chance.choice(DELAYS_S)))
            return AFTER_STEP
        way, delay_s = chance.choice(tuple(Way)), chance.uniform(*MESSAGE_DELAYS_S)
        try:
            await asyncio.wait_for(driver.proxy.passing(way), MESSAGE_WITHIN_S)
        except TimeoutError:
            return AFTER_STEP
        await asyncio.sleep(delay_s)
        return way

    async def _kill_station(self, driver: Driver, step: str) -> None:
        moment = await self._wait(driver)
        looks = moment == AFTER_STEP and driver.chance.random() < 0.7
        if looks:
            await self._look(driver)
        before = driver.snapshot
        charging, link = driver.is_charging, before["link"]["state"]
        at_s = time.monotonic() - self._began_s
        await driver.station.kill()
        if driver.chance.random() < 0.3:
            await asyncio.sleep(driver.chance.uniform(0.0, 1.0))
        await driver.station.start()
        await self._look(driver)
        lost_wh, lost_s = _lost(before, driver.snapshot, self.plan.speed) if looks else (None, None)
        self._note(Kill(at_s, "station", step, link, charging, moment, lost_wh, lost_s))

    async def _kill_supervision(self, driver: Driver, step: str) -> None:
        async with self._supervision_falls:
            moment = await self._wait(driver)
            at_s = time.monotonic() - self._began_s
            await self.supervision.kill()
            if driver.chance.random() < 0.3:
                await asyncio.sleep(driver.chance.uniform(0.0, 2.0))
            await self.supervision.start()
            for other in self.drivers:
                other.proxy.target_port = self.supervision.told["ocppPort"]
        link = driver.snapshot["link"]["state"]
        self._note(Kill(at_s, "supervision", step, link, driver.is_charging, moment))

    def _note(self, kill: Kill) -> None:
        self.kills.append(kill)
        self._tell(f"{len(self.kills)} of {self.plan.kills} kills, {len(self.witness.seen)} sessions seen")

    # The calm.

    async def _calm(self) -> None:
        """The network heals, every station is killed once more, every car leaves, and all that waits is delivered."""
        for driver in self.drivers:
            driver.proxy.set_weather(Weather.CUT)
        await asyncio.gather(*(self._kill_station(driver, THE_END) for driver in self.drivers))
        self._tell("all must settle")
        end_s = time.monotonic() + self.plan.settle_s
        for driver in self.drivers:
            await self._look(driver)
            while not is_settled(driver.snapshot):
                if time.monotonic() > end_s:
                    raise ChaosError(f"{driver.station.name} did not settle: {driver.snapshot}")
                await asyncio.sleep(0.05)
                await self._look(driver)
        self.supervision.require_alive()

    async def _books(self) -> Books:
        supervision = self.supervision
        transactions = await supervision.all_of("/api/transactions", "transactionId")
        registers = {row["transactionId"]: await self._registers(row["transactionId"]) for row in transactions}
        wire = {}
        for driver in self.drivers:
            wire[driver.station.identity] = await supervision.all_of(f"{driver.station.path}/messages", "id")
        return Books(transactions, await supervision.get("/api/orphan-stops"), registers, wire)

    async def _registers(self, transaction_id: int) -> list[list[float]]:
        values = await self.supervision.get(f"/api/transactions/{transaction_id}/meter-values")
        return [
            [float(sample["value"]) for sample in value["sampledValue"] if sample.get("measurand", ENERGY) == ENERGY]
            for value in values
        ]


def is_settled(snapshot: dict[str, Any]) -> bool:
    """Whether a station has told everything and has nothing to do."""
    return (
        snapshot["screen"] is not None
        and snapshot["link"]["state"] == "open"
        and snapshot["queuedMessages"] == 0
        and all(gun["transaction"] is None and gun["reportedStatus"] == "Available" for gun in snapshot["connectors"])
    )


def _lost(before: dict[str, Any], after: dict[str, Any], speed: float) -> tuple[float, float]:
    """What the meters forgot, in Wh and in the real seconds of the gun that forgot most time."""
    lost_wh = lost_s = 0.0
    for gun, again in zip(before["connectors"], after["connectors"], strict=True):
        wh = max(0.0, gun["meter_wh"] - again["meter_wh"])
        lost_wh += wh
        if gun["power_w"] > 0:
            lost_s = max(lost_s, wh * 3600 / gun["power_w"] / speed)
    return round(lost_wh, 3), round(lost_s, 3)


async def _perhaps(do: Callable[[], Any]) -> None:
    """A step that may be cut off by the end of the process."""
    with suppress(httpx2.TransportError):
        await do()
