"""A supervision on a table: the core with a ledger in memory and links that are lists. No sockets, no clock.

Effects are carried out at once, in order; time passes only by `wait`. For tests and for trying things out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.supervision.core import CentralSystem
from forecourt.supervision.effects import CloseLink, EndCommand, SendFrame, Store
from forecourt.supervision.events import CommandGiven, FrameReceived, LinkClosed, LinkOpened, RegistryEdited
from forecourt.supervision.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.ocpp.types import Record
    from forecourt.supervision.effects import Effect
    from forecourt.supervision.events import Event
    from forecourt.supervision.facts import Edit, Fact
    from forecourt.supervision.outcomes import Outcome

IDENTITY = "EVD-1"


class Tabletop:
    """One supervision. Links are numbered from 1; `link` is 1 unless said otherwise."""

    def __init__(self, now: float = 1_750_000_000.0, *, wire_log: bool = False, answer_timeout_s: float = 30.0) -> None:
        self.now = now
        self.store = MemoryStore()
        self.effects: list[Effect] = []
        """All of them, in order."""
        self.frames: dict[int, list[list[Any]]] = {}
        """What was sent over each link, decoded."""
        self.closed: dict[int, tuple[int, str]] = {}
        """Links the supervision closed: code and reason."""
        self.outcomes: dict[str, Outcome] = {}
        """By command id."""
        self._wire_log = wire_log
        self._answer_timeout_s = answer_timeout_s
        self._links = 0
        self._calls = 0
        self._commands = 0
        self._starts = 0
        self.restart()

    def restart(self) -> None:
        """End the supervision without a word, as a power cut does, and start another on the same ledger."""
        self._starts += 1
        self.core = CentralSystem(
            self.store.recall(),
            f"s{self._starts}-",
            answer_timeout_s=self._answer_timeout_s,
            wire_log=self._wire_log,
            picture_location=lambda identity, picture: f"http://files.example/{identity}/{picture.file}/tariff.png",
        )

    def handle(self, event: Event) -> list[Effect]:
        """Let something happen now and carry out what comes of it."""
        return self._carry_out(self.core.handle(event, self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass, from deadline to deadline."""
        until = self.now + seconds
        while (deadline := self.core.next_deadline()) <= until:
            self.now = max(self.now, deadline)
            self._carry_out(self.core.expire(self.now))
        self.now = until

    def edit(self, edit: Edit) -> None:
        """Change a registry."""
        self.handle(RegistryEdited(edit))

    def connect(self, identity: str = IDENTITY) -> int:
        """Open a link; its number."""
        self._links += 1
        self.frames[self._links] = []
        self.handle(LinkOpened(self._links, identity, "127.0.0.1:50000"))
        return self._links

    def disconnect(self, link: int = 1) -> None:
        """Lose a link."""
        self.handle(LinkClosed(link, 1006, "gone"))

    def receive(self, text: str | bytes, link: int = 1) -> list[list[Any]]:
        """Let a text message arrive; the frames sent over this link because of it."""
        before = len(self.frames[link])
        self.handle(FrameReceived(link, text.encode() if isinstance(text, str) else text))
        return self.frames[link][before:]

    def call(self, action: str, payload: Any, link: int = 1) -> list[Any]:
        """Let a CALL with a new id arrive; the frame that answers it."""
        self._calls += 1
        message_id = f"call-{self._calls}"
        sent = self.receive(msgspec.json.encode([2, message_id, action, payload]), link)
        answers = [frame for frame in sent if frame[0] in (3, 4) and frame[1] == message_id]
        if len(answers) != 1:
            raise AssertionError(f"{action} got {len(answers)} answers")
        return answers[0]

    def result(self, action: str, payload: Any, link: int = 1) -> Any:
        """As `call`, for one that is to be answered with a CALLRESULT: its payload."""
        answer = self.call(action, payload, link)
        if answer[0] != 3:
            raise AssertionError(f"{action} was answered {answer}")
        return answer[2]

    def boot(self, identity: str = IDENTITY) -> int:
        """Connect a station and send its BootNotification; the link."""
        link = self.connect(identity)
        self.result(
            "BootNotification",
            {"chargePointVendor": "Schneider Electric", "chargePointModel": "EVD1S180THB"},
            link,
        )
        return link

    def command(self, request: Record, identity: str = IDENTITY) -> str:
        """Give a command; its id."""
        self._commands += 1
        command_id = f"command-{self._commands}"
        self.handle(CommandGiven(command_id, identity, request))
        return command_id

    def calls(self, link: int = 1) -> list[list[Any]]:
        """The CALLs sent over a link."""
        return [frame for frame in self.frames[link] if frame[0] == 2]

    def answer(self, payload: Any, link: int = 1) -> None:
        """Let the station answer the latest CALL with a CALLRESULT."""
        self.receive(msgspec.json.encode([3, self.calls(link)[-1][1], payload]), link)

    def tell(self, values: Mapping[str, str] | None = None, link: int = 1) -> list[list[str]]:
        """Let the station answer the supervision's own questions for keys, as long as there are any; their names."""
        asked: list[list[str]] = []
        told = values or {}
        while (calls := self.calls(link)) and calls[-1][2] == "GetConfiguration" and "key" in calls[-1][3]:
            names = calls[-1][3]["key"]
            asked.append(names)
            known = [{"key": name, "readonly": True, "value": told[name]} for name in names if name in told]
            unknown = [name for name in names if name not in told]
            self.answer({"configurationKey": known, "unknownKey": unknown}, link)
            if len(self.calls(link)) == len(calls):
                break
        return asked

    def kept(self, kind: type[Fact]) -> list[Any]:
        """The facts of a class, in order."""
        return [fact for fact in self.store.facts if type(fact) is kind]

    def _carry_out(self, effects: list[Effect]) -> list[Effect]:
        self.effects.extend(effects)
        for effect in effects:
            if isinstance(effect, Store):
                self.store.keep([effect.fact])
            elif isinstance(effect, SendFrame):
                self.frames[effect.link].append(msgspec.json.decode(effect.frame))
            elif isinstance(effect, CloseLink):
                self.closed[effect.link] = (effect.code, effect.reason)
            elif isinstance(effect, EndCommand):
                if effect.command_id in self.outcomes:
                    raise AssertionError(f"{effect.command_id} ended twice")
                self.outcomes[effect.command_id] = effect.outcome
        return effects
