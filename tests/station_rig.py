"""A whole station between its doors: connected, accepted, and driven event by event without a world."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.station import events as happened
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.effects import CloseContactor, LogEvent, OpenContactor, SendFrame
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance
from tests.station_bench import EPOCH_S, BenchHardware

if TYPE_CHECKING:
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event


class Rig:
    """One life of one station. Its own CALLs are answered by the test, or at once with `friendly` payloads."""

    def __init__(self, model: str = "EVD1S180TBB", keys: dict[str, str] | None = None) -> None:
        commissioning = Commissioning("CP-1", "ws://supervision.example/ocpp", model, "1", "3.5.8803")
        self.hardware = BenchHardware()
        self.station = Station(commissioning, StationOptions(), self.hardware, {}, SeededChance(1))
        self.now = 0.0
        self.effects: list[Effect] = []
        self.silent = False
        self.answers: dict[str, dict[str, Any]] = {}
        self.transactions = 0
        self.handle(happened.PowerRestored(EPOCH_S))
        for name, value in {"MinimumStatusDuration": "0", **(keys or {})}.items():
            self.handle(happened.KeySet(name, value))
        self.handle(happened.LinkOpened())

    def handle(self, event: Event) -> list[Effect]:
        """Let something happen now; return what the station wanted done, answers' consequences included."""
        seen = len(self.effects)
        self._take(self.station.expire(self.now))
        self._take(self.station.handle(event, self.now))
        return self.effects[seen:]

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass."""
        seen = len(self.effects)
        end = self.now + seconds
        while (due := self.station.next_deadline()) <= end:
            self.now = max(self.now, due)
            self._take(self.station.expire(self.now))
        self.now = end
        return self.effects[seen:]

    def _take(self, effects: list[Effect]) -> None:
        self.effects.extend(effects)
        if self.silent:
            return
        for effect in effects:
            if isinstance(effect, SendFrame) and (frame := msgspec.json.decode(effect.frame))[0] == 2:
                self._take(self.station.handle(happened.FrameReceived(self._answer(frame)), self.now))

    def _answer(self, frame: list[Any]) -> bytes:
        _, message_id, action, _ = frame
        now = datetime.fromtimestamp(EPOCH_S + self.now, UTC).isoformat()
        if action == "StartTransaction":
            self.transactions += 1
        friendly: dict[str, dict[str, Any]] = {
            "BootNotification": {"status": "Accepted", "currentTime": now, "interval": 86_400},
            "Heartbeat": {"currentTime": now},
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "StartTransaction": {"idTagInfo": {"status": "Accepted"}, "transactionId": self.transactions},
        }
        return msgspec.json.encode([3, message_id, self.answers.get(action, friendly.get(action, {}))])

    # What a driver and a supervision do.

    def plug(self, connector: int = 1) -> list[Effect]:
        """Connect a vehicle."""
        self.hardware.cables[connector] = True
        return self.handle(happened.CablePlugged(connector))

    def unplug(self, connector: int = 1) -> list[Effect]:
        """Disconnect it."""
        self.hardware.cables[connector] = False
        return self.handle(happened.CableUnplugged(connector))

    def badge(self, id_tag: str) -> list[Effect]:
        """Show a badge."""
        return self.handle(happened.BadgeShown(id_tag))

    def ask(self, action: str, payload: dict[str, Any]) -> Any:
        """Send the station a request; return the payload of its CALLRESULT."""
        frame = msgspec.json.encode([2, "ask", action, payload])
        for effect in self.handle(happened.FrameReceived(frame)):
            if isinstance(effect, SendFrame) and (answer := msgspec.json.decode(effect.frame))[:2] == [3, "ask"]:
                return answer[2]
        raise AssertionError(f"{action} was not answered with a CALLRESULT: {self.effects[-3:]}")

    # What can be seen.

    def calls(self, action: str) -> list[dict[str, Any]]:
        """The payloads of the station's requests of this action, oldest first."""
        frames = [msgspec.json.decode(effect.frame) for effect in self.effects if isinstance(effect, SendFrame)]
        return [frame[3] for frame in frames if frame[0] == 2 and frame[2] == action]

    def status(self, connector: int = 1) -> str:
        """The actual status of a gun."""
        return self.station.snapshot(self.now).connectors[connector - 1].status

    def is_energised(self, connector: int = 1) -> bool:
        """Whether the last thing done to the contactor of a gun was to close it."""
        moves = [e for e in self.effects if isinstance(e, CloseContactor | OpenContactor) and e.connector == connector]
        return bool(moves) and isinstance(moves[-1], CloseContactor)

    def log(self) -> list[str]:
        """The details of the log's lines."""
        return [effect.detail for effect in self.effects if isinstance(effect, LogEvent)]
