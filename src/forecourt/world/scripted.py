"""A supervision that does what a scenario says: for everything a proper one would never do, and for exact answers.

It answers every request of a station as a friendly supervision would, until the scenario says otherwise: `answers` puts
another payload in place (or a function of the request's payload), `errors` a CALLERROR, `silent` nothing at all.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.wire import Message
    from forecourt.world.world import World

Payload: TypeAlias = dict[str, Any]
ACCEPTED: Payload = {"idTagInfo": {"status": "Accepted"}}


class ScriptedSupervision:
    """The other end of every station's connection."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stations: dict[int, SimulatedStation] = {}
        self._sequence = 0
        self._transactions = 0
        self.answers: dict[str, Payload | Callable[[Payload], Payload]] = {}
        """By action: what is answered instead of the friendly payload."""
        self.errors: dict[str, str] = {}
        """By action: the errorCode of the CALLERROR that is answered."""
        self.silent: set[str] = set()
        """Actions that get no answer."""
        self.refuses: int | None = None
        """The HTTP status with which handshakes are refused."""
        self.passwords: list[bytes | None] = []
        """What each handshake carried as password."""
        self.interval_s = 300
        self.boot_status = "Accepted"

    @property
    def station(self) -> SimulatedStation:
        """The station connected last."""
        return next(reversed(self._stations.values()))

    # What a scenario sends.

    def call(self, action: str, payload: Payload | None = None) -> Message:
        """Ask a station for something; return its CALLRESULT or CALLERROR, which must come at once."""
        self._sequence += 1
        message_id = f"c{self._sequence}"
        station = self.station
        station.deliver(msgspec.json.encode([2, message_id, action, payload or {}]))
        self._world.run_until(lambda: self._answer(station, message_id) is not None, within_s=5)
        answer = self._answer(station, message_id)
        assert answer is not None, "run_until saw it"
        return answer

    def ask(self, action: str, payload: Payload | None = None) -> Payload:
        """Like `call`, for the payload of a CALLRESULT."""
        answer = self.call(action, payload)
        assert answer.kind == "CALLRESULT", f"{action} was answered {answer.text}"
        return answer.payload

    def send(self, text: str | bytes) -> None:
        """Send any text at all."""
        self.station.deliver(text.encode() if isinstance(text, str) else text)

    @staticmethod
    def _answer(station: SimulatedStation, message_id: str) -> Message | None:
        for message in reversed(station.wire.messages):
            if message.direction == ">" and message.kind != "CALL" and message.id == message_id:
                return message
        return None

    # The other end of the stations' connections.

    def admit(self, identity: str, password: bytes | None) -> int | None:
        """Refuse every handshake while `refuses` is set."""
        self.passwords.append(password)
        return self.refuses

    def link_opened(self, link: int, station: SimulatedStation) -> None:
        """A station has connected."""
        self._stations[link] = station

    def link_closed(self, link: int, code: int, reason: str) -> None:
        """A connection has ended."""
        self._stations.pop(link, None)

    def frame_received(self, link: int, frame: bytes) -> None:
        """Answer a request."""
        parts = msgspec.json.decode(frame)
        if parts[0] != 2 or parts[2] in self.silent:
            return
        _, message_id, action, payload = parts
        if action in self.errors:
            answer: list[Any] = [4, message_id, self.errors[action], "", {}]
        else:
            answer = [3, message_id, self._payload(action, payload)]
        self._stations[link].deliver(msgspec.json.encode(answer))

    def _payload(self, action: str, payload: Payload) -> Payload:
        scripted = self.answers.get(action)
        if scripted is not None:
            return scripted(payload) if callable(scripted) else scripted
        if action == "StartTransaction":
            self._transactions += 1
            return {**ACCEPTED, "transactionId": self._transactions}
        return self._friendly(action)

    def _friendly(self, action: str) -> Payload:
        now = datetime.fromtimestamp(self._world.clock_s, UTC).isoformat()
        friendly: dict[str, Payload] = {
            "BootNotification": {"status": self.boot_status, "currentTime": now, "interval": self.interval_s},
            "Heartbeat": {"currentTime": now},
            "Authorize": ACCEPTED,
        }
        return friendly.get(action, {})

    def expire(self) -> None:
        """A scripted supervision does nothing by itself."""

    def next_deadline(self) -> float:
        """Never."""
        return inf
