"""One station of the world: a brain, a cabinet with cars, records that outlive its lives, and a simulated link."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.keys import find_key
from forecourt.evlink.models import find_model
from forecourt.station import effects as do
from forecourt.station import events as happened
from forecourt.station.events import TransferProblem
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance
from forecourt.world.files import failed
from forecourt.world.wire import RECEIVED, SENT, Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from forecourt.cabinet.cabinet import Order
    from forecourt.cabinet.car import Car
    from forecourt.station.commissioning import Commissioning, StationOptions
    from forecourt.station.configuration import Configuration
    from forecourt.station.hardware import Reading
    from forecourt.station.snapshot import ConnectorSnapshot, StationSnapshot
    from forecourt.station.workings import Workings
    from forecourt.world.world import World

NO_LINK = 0


class SimulatedStation:
    """What a person in front of the station, its driver and its network can do and see."""

    def __init__(
        self, world: World, commissioning: Commissioning, options: StationOptions, keys: dict[str, str]
    ) -> None:
        self._world = world
        self._commissioning = commissioning
        self._options = options
        self._keys = keys
        self._model = find_model(commissioning.model)
        self.cabinet = SimulatedCabinet(figures_of(self._model))
        self.records: dict[tuple[str, str], bytes] = {}
        self.wire = Wire()
        self.log: list[do.LogEvent] = []
        self.effects: list[do.Effect] = []
        """Everything that the station ever wanted done."""
        self.pings = 0
        self.link_attempts: list[float] = []
        """When it tried to connect."""
        self.answers_pings = True
        self.answers_calls = True
        """False drops every answer that the station gives to the supervision's CALLs."""
        self.lives = 0
        self._life: Station | None = None
        self._lost_clock_s: float | None = None
        self._is_fading = False
        self._network_is_up = True
        self._link = NO_LINK
        self._closing: set[int] = set()
        """Links that the station has closed and the supervision does not know of yet."""
        self._transfers: set[str] = set()
        """The ids of the attempts under way."""
        self.cut_after: int | None = None
        """Power is cut when so many more effects have been carried out; None for never."""
        self._chance = SeededChance(world.chance.getrandbits(64))

    @property
    def identity(self) -> str:
        """Who it is, as commissioned."""
        return self._commissioning.identity

    # Power.

    def power_on(self) -> None:
        """Mains power comes (back)."""
        assert self._life is None, f"{self.identity} has power"
        world = self._world
        self._life = Station(self._commissioning, self._options, self.cabinet, dict(self.records), self._chance)
        self.lives += 1
        self._handle(happened.PowerRestored(world.clock_s, self._lost_clock_s))
        for name, value in self._keys.items():
            if self._life is not None:
                self.set_key(name, value)

    def power_off(self) -> None:
        """Mains power goes; the station goes dark when its capacitor is empty."""
        self._is_fading = True
        self._lost_clock_s = self._world.clock_s
        self._tell(self.cabinet.cut_power(self._world.now))
        self._handle(happened.PowerLost())
        life = self._life
        self._world.later(self._model.generation.assumed_hold_up_s, lambda: self._fade(life))

    def _fade(self, life: Station | None) -> None:
        if self._life is life:
            self.cut()

    def cut(self) -> None:
        """Power is gone at this moment, for whatever was going on."""
        if self._life is not None:
            self._life = None
            if not self._is_fading:
                self._lost_clock_s = self._world.clock_s
            self._is_fading = False
            self.cabinet.cut_power(self._world.now)
            self._transfers.clear()
            self._drop_link(1006, "power cut")

    def reboot(self) -> None:
        """Somebody at the station asks for a reboot."""
        self._handle(happened.RebootRequested())

    # The driver in front of it.

    def plug(self, connector: int = 1, car: Car = FAMILY_CAR) -> None:
        """Plug a car in."""
        self._tell(self.cabinet.plug(connector, car, self._world.now))

    def unplug(self, connector: int = 1) -> None:
        """Pull the plug."""
        self._tell(self.cabinet.unplug(connector, self._world.now))

    def pause_car(self, connector: int = 1) -> None:
        """The car stops asking for energy."""
        self._tell(self.cabinet.pause(connector, self._world.now))

    def resume_car(self, connector: int = 1) -> None:
        """The car asks for energy again."""
        self._tell(self.cabinet.resume(connector, self._world.now))

    def badge(self, id_tag: str) -> None:
        """Hold a badge to the reader."""
        self._handle(happened.BadgeShown(id_tag))

    def show(self, connector: int) -> None:
        """Touch the screen to see a connector."""
        self._handle(happened.ConnectorShown(connector))

    def fault(self, dtc: str, connector: int = 1) -> None:
        """A vendor error appears."""
        self._handle(happened.FaultRaised(dtc, connector))

    def clear(self, dtc: str, connector: int = 1) -> None:
        """A vendor error goes away."""
        self._handle(happened.FaultCleared(dtc, connector))

    def set_key(self, name: str, value: str) -> None:
        """The installer sets a key, read-only or not."""
        key = find_key(name)
        assert key is not None, f"{name} is no key"
        self._handle(happened.KeySet(key.name, value))

    def happen(self, event: happened.Event) -> None:
        """Tell the brain of anything at all, whether or not the cabinet would."""
        self._handle(event)

    # The network.

    def network_down(self) -> None:
        """The connection is lost and none can be made."""
        self._network_is_up = False
        self._drop_link(1006, "network down")

    def network_up(self) -> None:
        """Connections can be made again."""
        self._network_is_up = True

    def close_link(self, code: int = 1006, reason: str = "") -> None:
        """The present connection ends."""
        self._drop_link(code, reason)

    def say(self, text: str | bytes) -> None:
        """Any text at all goes to the supervision as if the station had sent it, though no station would."""
        self._put(text.encode() if isinstance(text, str) else text)

    def deliver(self, frame: bytes) -> None:
        """The supervision sends a frame to this station."""
        self.wire.note(self._world.now, RECEIVED, frame)
        link = self._link
        self._world.later(self._world.latency_s, lambda: self._arrived(link, frame))

    def _arrived(self, link: int, frame: bytes) -> None:
        if link == self._link != NO_LINK:
            self._handle(happened.FrameReceived(frame))

    # Looking.

    @property
    def has_power(self) -> bool:
        """Whether it lives."""
        return self._life is not None

    @property
    def is_connected(self) -> bool:
        """Whether there is a link."""
        return self._link != NO_LINK

    @property
    def configuration(self) -> Configuration:
        """The keys, for the installer's tools."""
        assert self._life is not None, f"{self.identity} has no power"
        return self._life.configuration

    def snapshot(self) -> StationSnapshot:
        """What the station knows."""
        assert self._life is not None, f"{self.identity} has no power"
        return self._life.snapshot(self._world.now)

    def workings(self) -> Workings:
        """What goes on inside it."""
        assert self._life is not None, f"{self.identity} has no power"
        return self._life.workings()

    def connector(self, number: int = 1) -> ConnectorSnapshot:
        """What the station knows of a gun."""
        return self.snapshot().connectors[number - 1]

    def status(self, number: int = 1) -> str:
        """The actual status of a gun, or with 0 of the station."""
        return self.snapshot().status if number == 0 else self.connector(number).status

    def reading(self, number: int = 1) -> Reading:
        """What the meter of a gun says."""
        return self.cabinet.reading(number, self._world.now)

    def reported(self, number: int = 1) -> list[str]:
        """The statuses that were reported of a connector, oldest first."""
        return [p["status"] for p in self.wire.payloads("StatusNotification") if p["connectorId"] == number]

    # The world's side.

    def next_deadline(self) -> float:
        """When the station or its cabinet has something to do."""
        life = inf if self._life is None else self._life.next_deadline()
        return min(life, self.cabinet.next_deadline())

    def expire(self) -> None:
        """Fire what is due now."""
        now = self._world.now
        if self.cabinet.next_deadline() <= now:
            self._tell(self.cabinet.expire(now))
        if self._life is not None and self._life.next_deadline() <= now:
            self._carry_out(self._life.expire(now))

    def look(self) -> None:
        """Let the cabinet know what time it is."""
        self._tell(self.cabinet.expire(self._world.now))

    def _tell(self, events: list[happened.Event]) -> None:
        for event in events:
            if self._life is not None:
                self._handle(event)

    def _handle(self, event: happened.Event) -> None:
        life = self._life
        assert life is not None, f"{self.identity} has no power for {event}"
        self._carry_out(life.expire(self._world.now))
        if self._life is life:
            self._carry_out(life.handle(event, self._world.now))

    def _carry_out(self, effects: list[do.Effect]) -> None:
        life = self._life
        for effect in effects:
            if self._life is not life:
                return
            self.effects.append(effect)
            _CARRIERS[type(effect)](self, effect)
            if self.cut_after is not None:
                self._count_down()

    def _count_down(self) -> None:
        assert self.cut_after is not None, "somebody set the counter"
        self.cut_after -= 1
        if self.cut_after <= 0:
            self.cut_after = None
            self.cut()

    def _save(self, effect: do.SaveRecord) -> None:
        self.records[(effect.kind, effect.key)] = effect.data

    def _delete(self, effect: do.DeleteRecord) -> None:
        self.records.pop((effect.kind, effect.key), None)

    def _move_contactor(self, effect: Order) -> None:
        self._tell(self.cabinet.handle(effect, self._world.now))

    def _note(self, effect: do.LogEvent) -> None:
        self.log.append(effect)

    def _reboot(self, effect: do.Reboot) -> None:
        self._life = None
        self._lost_clock_s = self._world.clock_s
        self.cabinet.cut_power(self._world.now)
        self._transfers.clear()
        self._leave(1001, "reboot")
        self._world.later(self._model.generation.assumed_boot_s, self.power_on)

    # Files.

    def _begin_transfer(self, effect: do.FetchFile | do.SendFile) -> None:
        """An attempt: it ends after the world's delay or its own time-out, unless the station is dark by then."""
        files = self._world.files
        attempt = files.begin(effect)
        self._transfers.add(effect.id)
        timeout_s = effect.timeout_s * self._options.speed
        has_stalled = files.delay_s > timeout_s

        def end() -> None:
            if effect.id not in self._transfers:
                return
            self._transfers.remove(effect.id)
            if not self._network_is_up:
                self._handle(failed(effect, TransferProblem.UNREACHABLE))
            elif has_stalled:
                self._handle(failed(effect, TransferProblem.STALLED))
            else:
                self._handle(files.end(effect, attempt))

        self._world.later(min(files.delay_s, timeout_s), end)

    def _stop_transfer(self, effect: do.StopTransfer) -> None:
        self._transfers.discard(effect.id)

    # The link.

    def _open_link(self, effect: do.OpenLink) -> None:
        self.link_attempts.append(self._world.now)
        life = self._life
        self._world.later(self._world.latency_s, lambda: self._connect(effect, life))

    def _connect(self, effect: do.OpenLink, life: Station | None) -> None:
        if self._life is None or self._life is not life:
            return
        if not self._network_is_up:
            self._handle(happened.LinkRefused("the network is down"))
            return
        status = self._world.central.admit(effect.identity, effect.password)
        if status is not None:
            self._handle(happened.LinkRefused(f"the supervision answered HTTP {status}", status))
            return
        self._link = self._world.next_link()
        self._world.central.link_opened(self._link, self)
        self._handle(happened.LinkOpened())

    def _close_link(self, effect: do.CloseLink) -> None:
        self._leave(effect.code, effect.reason)

    def _leave(self, code: int, reason: str) -> None:
        """The station closes its link: what it sent before still arrives."""
        if self._link == NO_LINK:
            return
        link, self._link = self._link, NO_LINK
        self._closing.add(link)
        self._world.later(self._world.latency_s, lambda: self._left(link, code, reason))
        if self._life is not None:
            self._handle(happened.LinkClosed(code, reason))

    def _left(self, link: int, code: int, reason: str) -> None:
        self._closing.remove(link)
        self._world.central.link_closed(link, code, reason)

    def _drop_link(self, code: int, reason: str) -> None:
        """The link ends for both at this moment, and what is under way is lost."""
        if self._link == NO_LINK:
            return
        link, self._link = self._link, NO_LINK
        self._world.central.link_closed(link, code, reason)
        if self._life is not None:
            self._handle(happened.LinkClosed(code, reason))

    def _send(self, effect: do.SendFrame) -> None:
        if self.answers_calls or effect.frame.startswith(b"[2"):
            self._put(effect.frame)

    def _put(self, frame: bytes) -> None:
        if self._link == NO_LINK:
            return
        self.wire.note(self._world.now, SENT, frame)
        link = self._link
        self._world.later(self._world.latency_s, lambda: self._reached(link, frame))

    def _reached(self, link: int, frame: bytes) -> None:
        if link == self._link or link in self._closing:
            self._world.central.frame_received(link, frame)

    def _ping(self, effect: do.SendPing) -> None:
        self.pings += 1
        if self.answers_pings:
            link = self._link
            self._world.later(self._world.latency_s * 2, lambda: self._pong(link))

    def _pong(self, link: int) -> None:
        if link == self._link != NO_LINK:
            self._handle(happened.PongReceived())


_CARRIERS: dict[type[do.Effect], Callable[[SimulatedStation, Any], None]] = {
    do.SaveRecord: SimulatedStation._save,
    do.DeleteRecord: SimulatedStation._delete,
    do.OpenLink: SimulatedStation._open_link,
    do.CloseLink: SimulatedStation._close_link,
    do.SendFrame: SimulatedStation._send,
    do.SendPing: SimulatedStation._ping,
    do.CloseContactor: SimulatedStation._move_contactor,
    do.OpenContactor: SimulatedStation._move_contactor,
    do.LimitPower: SimulatedStation._move_contactor,
    do.TakeModulesOut: SimulatedStation._move_contactor,
    do.FetchFile: SimulatedStation._begin_transfer,
    do.SendFile: SimulatedStation._begin_transfer,
    do.StopTransfer: SimulatedStation._stop_transfer,
    do.Reboot: SimulatedStation._reboot,
    do.LogEvent: SimulatedStation._note,
}
