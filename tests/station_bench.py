"""The blocks of a station on a bench, joined as the station joins them as far as a test needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.evlink.firmware import DEFAULT_FIRMWARE_VERSION
from forecourt.evlink.keys import find_key
from forecourt.evlink.models import find_model
from forecourt.station.calls import CALL_TIMEOUT_S, Calls
from forecourt.station.clock import Clock
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.configuration import Configuration
from forecourt.station.effects import DeleteRecord, Effect, SaveRecord, SendFrame
from forecourt.station.given_up import GivenUps
from forecourt.station.hardware import Reading
from forecourt.station.queue import Queue
from forecourt.station.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH_S = 1_772_438_400.0
"""2026-03-02T08:00:00Z, the wall time at which the bench's `now` is 0."""

QUEUE_LIMIT = 1000


class BenchHardware:
    """A cabinet that says what the test wants it to say."""

    def __init__(self) -> None:
        self.readings = {1: NOTHING, 2: NOTHING}
        self.cables = {1: False, 2: False}
        self.mac: str | None = None

    def reading(self, connector: int, now: float) -> Reading:
        """What was put there for the connector."""
        return self.readings[connector]

    def plugged(self, connector: int) -> bool:
        """Whether the test said so."""
        return self.cables[connector]

    def vehicle_mac(self, connector: int) -> str | None:
        """The same for both guns."""
        return self.mac


NOTHING = Reading(
    energy_wh=0.0, power_w=0.0, voltage_v=0.0, current_a=0.0, offered_w=0.0, offered_a=0.0, soc_percent=None
)


class Feeder:
    """In the place of the station: it knows no requests, and has something to send."""

    def __init__(self, feed: Callable[[float], None]) -> None:
        self._feed = feed

    def handler_of(self, action: str) -> None:
        """Nobody."""

    def feed(self, now: float) -> None:
        """Send it."""
        self._feed(now)


class Bench:
    """Configuration, clock, timers, calls and queue of one station, connected and with nothing else to do."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None) -> None:
        self.effects: list[Effect] = []
        self.records = dict(records or {})
        self.hardware = BenchHardware()
        self.model = find_model("EVD1S180TBB")
        commissioning = Commissioning(
            identity="CP-1",
            supervision_url="ws://supervision.example/ocpp",
            model=self.model.reference,
            serial_number="1",
            firmware_version=DEFAULT_FIRMWARE_VERSION,
        )
        self.timers = Timers()
        self.clock = Clock()
        self.clock.start(EPOCH_S, 0.0)
        self.configuration = Configuration(commissioning, StationOptions(), self.model, self.records, self.effects)
        self.calls = Calls("1", CALL_TIMEOUT_S, self.timers, self.effects)
        given_up = GivenUps(self.records, self.clock, self.effects)
        self.queue = Queue(
            self.configuration, self.records, self.calls, self.timers, given_up, QUEUE_LIMIT, self.effects
        )
        self.calls.connect(Feeder(self.queue.feed))
        self.calls.opened()

    def set_key(self, name: str, value: str) -> None:
        """Give a key a value."""
        key = find_key(name)
        assert key is not None, f"{name} is no key"
        self.configuration.store(key, key.check(value))

    def frames(self, action: str) -> list[dict[str, Any]]:
        """The payloads of the CALLs of this action that were sent."""
        frames = [msgspec.json.decode(effect.frame) for effect in self.effects if isinstance(effect, SendFrame)]
        return [frame[3] for frame in frames if frame[0] == 2 and frame[2] == action]

    def answer(self, payload: dict[str, Any] | None = None, now: float = 0.0) -> None:
        """Answer the CALL that was sent last."""
        last = [effect for effect in self.effects if isinstance(effect, SendFrame)][-1]
        message_id = msgspec.json.decode(last.frame)[1]
        self.calls.receive(msgspec.json.encode([3, message_id, payload or {}]), now)

    def kept(self) -> dict[tuple[str, str], bytes]:
        """The records as they are after all effects so far."""
        kept = dict(self.records)
        for effect in self.effects:
            if isinstance(effect, SaveRecord):
                kept[(effect.kind, effect.key)] = effect.data
            elif isinstance(effect, DeleteRecord):
                kept.pop((effect.kind, effect.key), None)
        return kept
