"""One station of the world: a brain, a cabinet with cars, records that outlive its lives, and a simulated link."""

from __future__ import annotations

from collections import deque
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
from forecourt.world.disk import Disk
from forecourt.world.files import failed
from forecourt.world.line import NO_LINK, Line
from forecourt.world.watch import NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from forecourt.cabinet.cabinet import Order
    from forecourt.cabinet.car import Car
    from forecourt.station.commissioning import Chance, Commissioning, StationOptions
    from forecourt.station.configuration import Configuration
    from forecourt.station.hardware import Reading
    from forecourt.station.snapshot import ConnectorSnapshot, StationSnapshot
    from forecourt.station.workings import Workings
    from forecourt.world.watch import Watcher
    from forecourt.world.wire import Wire
    from forecourt.world.world import World

KEY_S = 0.5
"""How long it takes to make a key."""


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
        self.watcher: Watcher = NOBODY
        self.log: list[do.LogEvent] = []
        self.effects: list[do.Effect] = []
        """Everything that the station ever wanted done, while `keeps_effects`."""
        self.keeps_effects = True
        self.answers_calls = True
        """False drops every answer that the station gives to the supervision's CALLs."""
        self.lives = 0
        self.clock_error_s = 0.0
        """By how much the real-time clock is wrong when a life begins."""
        self._life: Station | None = None
        self._lost_clock_s: float | None = None
        self._is_fading = False
        self.has_mains = False
        """Whether there is power; a station that reboots has it and does not live."""
        self._arisen: deque[happened.Event] = deque()
        self._is_busy = False
        self._transfers: set[str] = set()
        """The ids of the attempts under way."""
        self.keys_forgotten: list[str] = []
        """The ids of the keys that it has destroyed."""
        self.cut_after: int | None = None
        """Power is cut when so many more effects have been carried out; None for never."""
        self._chance = SeededChance(world.chance.getrandbits(64))
        self.line = Line(world, self, self._chance_of_its_own(1))
        self.disk = Disk(world, self, self._chance_of_its_own(2))

    def _chance_of_its_own(self, number: int) -> int:
        """A seed that takes nothing from the station's own chance."""
        seed = int.from_bytes(self.identity.encode(), "big") * 31 + number + self._world.seed
        return SeededChance(seed).getrandbits(64)

    @property
    def identity(self) -> str:
        """Who it is, as commissioned."""
        return self._commissioning.identity

    # Power.

    def power_on(self) -> None:
        """Mains power comes (back)."""
        assert self._life is None, f"{self.identity} has power"
        world = self._world
        self.has_mains = True
        self._life = self.build(self._chance)
        self.lives += 1
        self.watcher.began(self)
        self._handle(happened.PowerRestored(world.clock_s + self.clock_error_s, self._lost_clock_s))
        for name, value in self._keys.items():
            if self._life is not None:
                self.set_key(name, value)

    def build(self, chance: Chance) -> Station:
        """A brain made of what is durable now."""
        return Station(self._commissioning, self._options, self.cabinet, dict(self.records), chance)

    def power_off(self) -> None:
        """Mains power goes; the station goes dark when its capacitor is empty."""
        self.has_mains = False
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
        self.has_mains = False
        if self._life is not None:
            if not self._is_fading:
                self._lost_clock_s = self._world.clock_s
            self._is_fading = False
            self._end_life()
            self.line.drop(1006, "power cut")

    def _end_life(self) -> None:
        self._life = None
        self._arisen.clear()
        self.disk.end_life()
        self.cabinet.cut_power(self._world.now)
        self._transfers.clear()
        self.watcher.ended(self)

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
        self.line.set_up(False)

    def network_up(self) -> None:
        """Connections can be made again."""
        self.line.set_up(True)

    def close_link(self, code: int = 1006, reason: str = "") -> None:
        """The present connection ends."""
        self.line.drop(code, reason)

    def say(self, text: str | bytes) -> None:
        """Any text at all goes to the supervision as if the station had sent it, though no station would."""
        self.line.put(text.encode() if isinstance(text, str) else text)

    def deliver(self, frame: bytes, link: int | None = None) -> None:
        """The supervision sends a frame to this station, over its present connection unless another is named."""
        self.line.deliver(frame, self.line.link if link is None else link)

    # Looking.

    @property
    def has_power(self) -> bool:
        """Whether it lives."""
        return self._life is not None

    @property
    def is_connected(self) -> bool:
        """Whether there is a link."""
        return self.line.link != NO_LINK

    @property
    def wire(self) -> Wire:
        """The messages."""
        return self.line.wire

    @property
    def records(self) -> dict[tuple[str, str], bytes]:
        """What is durable, by kind and key."""
        return self.disk.records

    @property
    def pings(self) -> int:
        """How many were sent."""
        return self.line.pings

    @property
    def answers_pings(self) -> bool:
        """Whether anybody answers them."""
        return self.line.answers_pings

    @answers_pings.setter
    def answers_pings(self, answers: bool) -> None:
        self.line.answers_pings = answers

    @property
    def link_attempts(self) -> list[float]:
        """When it tried to connect."""
        return self.line.attempts

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
            self._settle()

    def look(self) -> None:
        """Let the cabinet know what time it is."""
        self._tell(self.cabinet.expire(self._world.now))

    def _tell(self, events: list[happened.Event]) -> None:
        for event in events:
            if self._life is not None:
                self._handle(event)

    def _handle(self, event: happened.Event) -> None:
        """Let the brain hear it: at once, or when what it wanted before is under way."""
        assert self._life is not None, f"{self.identity} has no power for {event}"
        self._arisen.append(event)
        if not self._is_busy:
            self._settle()

    def _settle(self) -> None:
        while self._arisen:
            life, event = self._life, self._arisen.popleft()
            assert life is not None, "events do not outlive a life"
            self._carry_out(life.expire(self._world.now))
            if self._life is life:
                self.watcher.heard(self, event)
                self._carry_out(life.handle(event, self._world.now))
        self.watcher.rested(self)

    def _carry_out(self, effects: list[do.Effect]) -> None:
        life = self._life
        self._is_busy = True
        for effect in effects:
            if self.keeps_effects:
                self.effects.append(effect)
            self.watcher.wanted(self, effect)
            if self.disk.must_wait(effect):
                self.disk.hold(effect)
            else:
                self._do(effect)
            if self.cut_after is not None:
                self._count_down()
            if self._life is not life:
                break
        self._is_busy = False
        if self._life is life:
            self.disk.submit()

    def carry_out_now(self, effect: do.Effect) -> None:
        """What waited for records that are durable now is done."""
        if self._life is not None:
            self._is_busy = True
            self._do(effect)
            self._is_busy = False
            self._settle()

    def _do(self, effect: do.Effect) -> None:
        self.watcher.done(self, effect)
        _CARRIERS[type(effect)](self, effect)

    def _count_down(self) -> None:
        assert self.cut_after is not None, "somebody set the counter"
        self.cut_after -= 1
        if self.cut_after <= 0:
            self.cut_after = None
            self.cut()

    def _write(self, effect: do.SaveRecord | do.DeleteRecord) -> None:
        self.disk.write(effect)

    def _move_contactor(self, effect: Order) -> None:
        if isinstance(effect, do.OpenContactor):
            self.disk.take_back_contactor(effect)
        if not self._is_fading or not isinstance(effect, do.CloseContactor):
            self._tell(self.cabinet.handle(effect, self._world.now))

    def _note(self, effect: do.LogEvent) -> None:
        if self.keeps_effects:
            self.log.append(effect)

    def _reboot(self, effect: do.Reboot) -> None:
        if not self.disk.is_durable:
            self.disk.wait_for_all(effect)
            return
        self._lost_clock_s = self._world.clock_s
        self._end_life()
        self.line.leave(1001, "reboot")
        life = self.lives

        def boot() -> None:
            if self._life is None and self.lives == life and self.has_mains:
                self.power_on()

        self._world.later(self._model.generation.assumed_boot_s, boot)

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
            if not self.line.is_up:
                self._handle(failed(effect, TransferProblem.UNREACHABLE))
            elif has_stalled:
                self._handle(failed(effect, TransferProblem.STALLED))
            else:
                self._handle(files.end(effect, attempt))

        self._world.later(min(files.delay_s, timeout_s), end)

    def _stop_transfer(self, effect: do.StopTransfer) -> None:
        self._transfers.discard(effect.id)

    # Keys.

    def _make_request(self, effect: do.MakeCertificateRequest) -> None:
        from forecourt.world.keys import make_request

        life = self._life

        def end() -> None:
            if self._life is life:
                self._handle(make_request(self.identity, effect))

        self._world.later(KEY_S, end)

    def _forget_key(self, effect: do.ForgetKey) -> None:
        self.keys_forgotten.append(effect.id)

    # The link.

    def _open_link(self, effect: do.OpenLink) -> None:
        self.line.dial(effect)

    def _close_link(self, effect: do.CloseLink) -> None:
        self.line.leave(effect.code, effect.reason)

    def _send(self, effect: do.SendFrame) -> None:
        if self.answers_calls or effect.frame.startswith(b"[2"):
            self.line.put(effect.frame)

    def _ping(self, effect: do.SendPing) -> None:
        self.line.ping()


_CARRIERS: dict[type[do.Effect], Callable[[SimulatedStation, Any], None]] = {
    do.SaveRecord: SimulatedStation._write,
    do.DeleteRecord: SimulatedStation._write,
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
    do.MakeCertificateRequest: SimulatedStation._make_request,
    do.ForgetKey: SimulatedStation._forget_key,
    do.Reboot: SimulatedStation._reboot,
    do.LogEvent: SimulatedStation._note,
}
