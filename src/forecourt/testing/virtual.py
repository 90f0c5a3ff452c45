"""Stations and a supervision in virtual time: the world behind the hands and eyes of a test.

Time passes only while something is awaited, for all stations of the laboratory at once, and costs next to nothing.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from forecourt.cabinet.cabinet import GunError
from forecourt.evlink.models import find_model
from forecourt.runtime.hosted import (
    NotNowError,
    NotThereError,
    Place,
    id_tag_of_badge,
    key_of_firmware,
    place_to_break,
    places_to_mend,
    shown_value,
)
from forecourt.station.commissioning import StationOptions
from forecourt.station.events import TariffHidden, TariffShown
from forecourt.testing.bench import LedgerRow, Site, Station, Supervision, car_for, checked_keys
from forecourt.world.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from forecourt.cabinet.car import Car
    from forecourt.evlink.models import Model
    from forecourt.ocpp.types import Record
    from forecourt.station.snapshot import StationSnapshot
    from forecourt.station.workings import Workings
    from forecourt.supervision.outcomes import Outcome
    from forecourt.world.simulated_station import SimulatedStation

LOOK_S = 1.0
"""So often a condition is asked at least; what changes by an event is seen at once."""
COMMAND_S = 60.0


class VirtualStation(Station):
    """A station of a laboratory."""

    def __init__(self, laboratory: Laboratory, simulated: SimulatedStation, model: Model) -> None:
        super().__init__(simulated.identity, simulated.wire)
        self.simulated = simulated
        self._laboratory = laboratory
        self._model = model
        self._mains = True
        self._broken: dict[Place, None] = {}
        self._life_broken = simulated.lives
        """The life that knows of what is broken."""

    # What people do.

    def plug(self, connector: int = 1, car: Car | str | None = None) -> None:
        """Plug a car in."""
        self._require_gun(connector)
        chosen = car_for(car, self.simulated.cabinet.figures.guns[connector - 1].output)
        self._at_the_gun(lambda: self.simulated.plug(connector, chosen))

    def unplug(self, connector: int = 1) -> None:
        """Take the gun out of its car."""
        self._require_gun(connector)
        self._at_the_gun(lambda: self.simulated.unplug(connector))

    def pause(self, connector: int = 1) -> None:
        """Let the car stop asking for energy."""
        self._require_gun(connector)
        self._at_the_gun(lambda: self.simulated.pause_car(connector))

    def resume(self, connector: int = 1) -> None:
        """Let the car ask for energy again."""
        self._require_gun(connector)
        self._at_the_gun(lambda: self.simulated.resume_car(connector))

    def badge(self, badge: str | bytes) -> None:
        """Hold a badge to the reader."""
        id_tag = id_tag_of_badge(badge)
        self._require_mains()
        self.simulated.badge(id_tag)

    def show(self, connector: int) -> None:
        """Touch the screen to see a connector."""
        self._require_gun(connector)
        self._require_mains()
        self.simulated.show(connector)

    def tariff(self, shown: bool = True) -> None:
        """Touch the Tariff button, or leave its page."""
        self._require_mains()
        self.simulated.happen(TariffShown() if shown else TariffHidden())

    def fault(self, dtc: str, connector: int | None = None) -> None:
        """Let a vendor error appear."""
        place = place_to_break(self._broken, dtc, connector)
        if place[1]:
            self._require_gun(place[1])
        self._broken[place] = None
        if self.simulated.has_power:
            self.simulated.fault(*place)

    def clear_fault(self, dtc: str, connector: int | None = None) -> None:
        """Let a vendor error go away."""
        for place in places_to_mend(self._broken, dtc, connector):
            del self._broken[place]
            if self.simulated.has_power:
                self.simulated.clear(*place)

    def power(self, on: bool) -> None:
        """Switch the mains. While the station reboots they stay on: `NotNowError`."""
        if on == self._mains:
            return
        if on:
            self.simulated.cut()
            self.simulated.power_on()
        else:
            self._require_life()
            self.simulated.power_off()
        self._mains = on
        self.wake()

    def network(self, up: bool) -> None:
        """Switch the network."""
        if up:
            self.simulated.network_up()
        else:
            self.simulated.network_down()

    def reboot(self) -> None:
        """Ask the station to reboot."""
        self._require_mains()
        self.simulated.reboot()

    def set_key(self, name: str, value: str) -> None:
        """Set a key."""
        self._require_mains()
        key = key_of_firmware(name, self.snapshot().firmware, self._model.product)
        self.simulated.set_key(key.name, self.simulated.configuration.check(key, value))

    # What can be seen.

    def key(self, name: str) -> str | None:
        """The value of a key."""
        key = key_of_firmware(name, self.snapshot().firmware, self._model.product)
        return shown_value(key, self.simulated.configuration.text(key.name))

    def snapshot(self) -> StationSnapshot:
        """What the station knows of itself."""
        self._require_life()
        return self.simulated.snapshot()

    def workings(self) -> Workings:
        """What goes on inside."""
        self._require_life()
        return self.simulated.workings()

    def meter_wh(self, connector: int = 1) -> float:
        """The register of a gun."""
        self._require_gun(connector)
        return self.simulated.reading(connector).energy_wh

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self.simulated.has_power

    def now(self) -> float:
        """Seconds of the world."""
        return self._laboratory.world.now

    async def elapse(self, seconds: float) -> None:
        """Let time pass for the whole laboratory."""
        self._laboratory.elapse(seconds)

    # Within.

    def wake(self) -> None:
        """A new life finds broken what was broken before."""
        if self.simulated.has_power and self.simulated.lives != self._life_broken:
            self._life_broken = self.simulated.lives
            for place in list(self._broken):
                self.simulated.fault(*place)

    async def _hold(self, condition: Callable[[], bool], within: float) -> bool:
        return self._laboratory.hold(condition, within)

    def _at_the_gun(self, act: Callable[[], None]) -> None:
        try:
            act()
        except GunError as error:
            raise NotNowError(str(error)) from error

    def _require_connector(self, connector: int) -> None:
        if connector != 0:
            self._require_gun(connector)

    def _require_gun(self, connector: int) -> None:
        guns = len(self._model.outputs)
        if not 1 <= connector <= guns:
            raise NotThereError(f"{self.identity} has the connectors 1 to {guns}, no {connector}.")

    def _require_life(self) -> None:
        if not self.simulated.has_power:
            if self._mains:
                raise NotNowError(f"{self.identity} boots; try again when it is up.")
            raise NotNowError(f"The power of {self.identity} is off; switch it on first.")

    def _require_mains(self) -> None:
        self._require_life()
        if not self._mains:
            raise NotNowError(f"The power of {self.identity} is off; switch it on first.")


class VirtualSupervision(Supervision):
    """The supervision of a laboratory."""

    url = "ws://supervision.example/ocpp"

    def __init__(self, world: World) -> None:
        self._world = world

    async def register(self, *id_tags: str, status: str = "Accepted", parent: str | None = None) -> None:
        """Make idTags known."""
        self._world.supervision.register(*id_tags, status=status, parent=parent)

    async def transactions(self, identity: str | None = None) -> list[LedgerRow]:
        """The ledger."""
        stopped = {fact.transactionId: fact.request for fact in self._world.supervision.stopped}
        rows = []
        for fact in self._world.supervision.started:
            stop, start = stopped.get(fact.transactionId), fact.request
            rows.append(
                LedgerRow(
                    transactionId=fact.transactionId,
                    identity=fact.identity,
                    connectorId=start.connectorId,
                    idTag=start.idTag,
                    meterStart=start.meterStart,
                    meterStop=None if stop is None else stop.meterStop,
                    reason=None if stop is None or not isinstance(stop.reason, str) else str(stop.reason),
                )
            )
        return [row for row in rows if identity in (None, row.identity)]

    async def _command(self, identity: str, request: Record) -> Outcome:
        supervision = self._world.supervision
        command_id = supervision.command(identity, request)
        self._world.run_until(lambda: supervision.outcome(command_id) is not None, within_s=COMMAND_S)
        outcome = supervision.outcome(command_id)
        assert outcome is not None, "run_until saw it"
        return outcome


class Laboratory(Site):
    """A world of stations and a supervision."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed=seed)
        self.supervision = VirtualSupervision(self.world)
        self.stations: list[VirtualStation] = []

    async def add_station(
        self,
        identity: str = "FORECOURT-1",
        model: str = "EVD1S180THB",
        *,
        keys: Mapping[str, str] | None = None,
        options: StationOptions | None = None,
    ) -> Station:
        """A station with power."""
        row = find_model(model)
        chosen = options or StationOptions()
        checked = {key.name: value for key, value in checked_keys(keys)}
        simulated = self.world.add_station(identity, row.reference, options=chosen, keys=checked)
        station = VirtualStation(self, simulated, row)
        self.stations.append(station)
        return station

    def elapse(self, seconds: float) -> None:
        """Let time pass."""
        end = self.world.now + seconds
        self.hold(lambda: self.world.now >= end, seconds, look_s=seconds)

    def hold(self, condition: Callable[[], bool], within: float, look_s: float = LOOK_S) -> bool:
        """Let time pass until the condition holds, for so long at most; whether it does."""
        end = self.world.now + within

        def look() -> bool:
            for station in self.stations:
                station.wake()
            return condition()

        while not look() and self.world.now < end:
            self.world.run_until(look, within_s=min(look_s, end - self.world.now), must=False)
        return condition()


@asynccontextmanager
async def open_laboratory(seed: int) -> AsyncIterator[Site]:
    """A laboratory of its own."""
    yield Laboratory(seed)
