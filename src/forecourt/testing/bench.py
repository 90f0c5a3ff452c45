"""What a test does with stations and a supervision, in real time and in virtual time alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from forecourt.cabinet.archetypes import ARCHETYPES, find_car
from forecourt.evlink.keys import require_key
from forecourt.evlink.nearest import nearest
from forecourt.ocpp.actions import ACTIONS, Sender
from forecourt.ocpp.errors import PayloadFault
from forecourt.runtime.hosted import BadValueError
from forecourt.runtime.wire_log import without_secrets
from forecourt.testing import CommandError, NotInTimeError
from forecourt.world.wire import RECEIVED, SENT

if TYPE_CHECKING:
    from forecourt.cabinet.car import Car, OutputType
    from forecourt.evlink.keys import Key
    from forecourt.ocpp.types import Record
    from forecourt.station.commissioning import StationOptions
    from forecourt.station.display import Screen
    from forecourt.station.snapshot import StationSnapshot
    from forecourt.station.workings import Workings
    from forecourt.supervision.outcomes import Outcome
    from forecourt.world.wire import Message, Wire

Where: TypeAlias = Mapping[str, Any] | Callable[[dict[str, Any]], object]
"""Which payloads count: those that hold these fields, or those for which the function says so."""

WITHIN_S = 60.0
LAST_MESSAGES = 12
MESSAGE_LENGTH = 300


class Station(ABC):
    """One charging station. Connectors are 1 for gun A and 2 for gun B; times are seconds of the station.

    What cannot be done now raises `NotNowError`, what is not there `NotThereError`, a value that cannot be another
    `ForecourtError`, each with a sentence.
    """

    identity: str
    wire: Wire
    """Every message since the start, oldest first, as records with direction, kind, action and payload."""

    def __init__(self, identity: str, wire: Wire) -> None:
        self.identity = identity
        self.wire = wire
        self._given: dict[tuple[str, str, str], int] = {}

    # What people do: it happens at once.

    @abstractmethod
    def plug(self, connector: int = 1, car: Car | str | None = None) -> None:
        """Plug a car in: a `Car`, the name of an archetype, or an everyday car that fits the gun."""

    @abstractmethod
    def unplug(self, connector: int = 1) -> None:
        """Take the gun out of its car."""

    @abstractmethod
    def pause(self, connector: int = 1) -> None:
        """Let the car stop asking for energy."""

    @abstractmethod
    def resume(self, connector: int = 1) -> None:
        """Let the car ask for energy again."""

    @abstractmethod
    def badge(self, badge: str | bytes) -> None:
        """Hold a badge to the reader: its idTag, or the bytes of its UID."""

    @abstractmethod
    def show(self, connector: int) -> None:
        """Touch the screen to see a connector."""

    @abstractmethod
    def tariff(self, shown: bool = True) -> None:
        """Touch the Tariff button, or leave its page; nothing changes where the screen has none."""

    @abstractmethod
    def fault(self, dtc: str, connector: int | None = None) -> None:
        """Let a vendor error appear; one of a gun is on connector 1 unless said otherwise. It outlives reboots."""

    @abstractmethod
    def clear_fault(self, dtc: str, connector: int | None = None) -> None:
        """Let a vendor error go away, on one connector or wherever it is."""

    @abstractmethod
    def power(self, on: bool) -> None:
        """Switch the mains."""

    @abstractmethod
    def network(self, up: bool) -> None:
        """Switch the network."""

    @abstractmethod
    def reboot(self) -> None:
        """Ask the station to reboot."""

    @abstractmethod
    def set_key(self, name: str, value: str) -> None:
        """Set a configuration key with the installer's access, read-only or not."""

    # What can be seen now.

    @abstractmethod
    def key(self, name: str) -> str | None:
        """The value of a configuration key; None when it is not set, and for AuthorizationKey."""

    @abstractmethod
    def snapshot(self) -> StationSnapshot:
        """Everything that the station knows of itself. Raises `NotNowError` while it is dark or boots."""

    @abstractmethod
    def workings(self) -> Workings:
        """What goes on inside the station: what it waits for and holds back. Raises `NotNowError` as `snapshot`."""

    @property
    def screen(self) -> Screen:
        """What the driver sees. Raises `NotNowError` while the station is dark or boots."""
        return self.snapshot().screen

    @abstractmethod
    def meter_wh(self, connector: int = 1) -> float:
        """The register of a gun's meter over its whole life, with power or without."""

    @property
    @abstractmethod
    def is_running(self) -> bool:
        """Whether it has power and has woken up."""

    @abstractmethod
    def now(self) -> float:
        """Seconds of the station since the test began, the times of `wire`."""

    # Waiting.

    async def connected(self, *, within: float = WITHIN_S) -> None:
        """Wait until the supervision has accepted the station's BootNotification over an open connection."""
        await self._await(
            lambda: (seen := self._seen()) is not None and seen.link.state == "open" and seen.boot == "Accepted",
            within,
            lambda: f"{self.identity} was to be connected and accepted, and is {self._standing()}",
        )

    async def status(self, connector: int, wanted: str, *, reported: bool = False, within: float = WITHIN_S) -> None:
        """Wait until a connector, or with 0 the station, is in a status; with `reported`, until the supervision knows.

        `reported` is what was sent last, for a connector from 1 on.
        """

        def present() -> str | None:
            seen = self._seen()
            if seen is None or connector == 0:
                return None if seen is None else seen.status
            row = seen.connectors[connector - 1]
            return row.reportedStatus if reported else row.status

        self._require_connector(connector)
        told = "be reported as" if reported else "be"
        await self._await(
            lambda: present() == wanted,
            within,
            lambda: f"connector {connector} of {self.identity} was to {told} {wanted}, and is {present()}",
        )

    async def message(
        self,
        action: str,
        *,
        sent: bool = True,
        where: Where | None = None,
        kind: str = "CALL",
        within: float = WITHIN_S,
    ) -> Message:
        """The next message of an action, be it there already or yet to come.

        Each is given once, in order: a later call begins after the one that was given last. `sent` is by the station,
        else by the supervision; `kind` is CALL, CALLRESULT or CALLERROR, the latter two with the action of their CALL.
        """
        direction = SENT if sent else RECEIVED
        place = (direction, kind, action)
        found: list[tuple[int, Message]] = []
        looked_at = self._given.get(place, 0)

        def look() -> bool:
            nonlocal looked_at
            while not found and looked_at < len(self.wire.messages):
                message = self.wire.messages[looked_at]
                looked_at += 1
                if (message.direction, message.kind, message.action) == place and _counts(message.payload, where):
                    found.append((looked_at, message))
            return bool(found)

        which = "" if where is None else f" with {where}" if isinstance(where, Mapping) else " that the test accepts"
        by = f"{self.identity} was to {'send' if sent else 'receive'} a {action} {kind}{which}"
        await self._await(look, within, lambda: by)
        self._given[place], message = found[0]
        return message

    async def answer(self, action: str, *, within: float = WITHIN_S) -> dict[str, Any]:
        """The payload of the supervision's next CALLRESULT to a CALL of the station, given once as by `message`."""
        return (await self.message(action, sent=False, kind="CALLRESULT", within=within)).payload

    async def until(
        self, condition: Callable[[Station], object], *, what: str = "something", within: float = WITHIN_S
    ) -> None:
        """Wait until a condition holds. It is asked after each event and once a second of the station."""
        await self._await(
            lambda: bool(condition(self)), within, lambda: f"{what} was to be true at {self.identity}, and is not"
        )

    @abstractmethod
    async def elapse(self, seconds: float) -> None:
        """Let time pass."""

    # Within.

    @abstractmethod
    async def _hold(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait until the condition holds, for so long at most; whether it does."""

    @abstractmethod
    def _require_connector(self, connector: int) -> None:
        """Raise `NotThereError` for a connector that the station has not; 0 is itself."""

    def _seen(self) -> StationSnapshot | None:
        return self.snapshot() if self.is_running else None

    def _standing(self) -> str:
        seen = self._seen()
        if seen is None:
            return "without power or booting"
        return f"{seen.link.state} with boot status {seen.boot}{f' ({seen.link.problem})' if seen.link.problem else ''}"

    async def _await(self, condition: Callable[[], bool], within: float, said: Callable[[], str]) -> None:
        if not await self._hold(condition, within):
            raise NotInTimeError(f"Within {within:g} s {said()}. {last_messages(self.wire)}")


class Supervision(ABC):
    """A Forecourt supervision."""

    url: str
    """Where stations connect, without the identity."""

    @abstractmethod
    async def register(self, *id_tags: str, status: str = "Accepted", parent: str | None = None) -> None:
        """Make idTags known."""

    async def command(self, identity: str, action: str, payload: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Have a station do something: OCPP's request in, OCPP's response out. Raises `CommandError`."""
        outcome = await self._command(identity, _request(action, payload or {}))
        if (response := getattr(outcome, "response", None)) is None:
            said = getattr(outcome, "sentence", None) or f"{outcome.code}: {outcome.description}"  # type: ignore[union-attr]
            raise CommandError(f"{action} to {identity} was not answered with a CALLRESULT: {said}")
        answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(response))
        return answer

    @abstractmethod
    async def transactions(self, identity: str | None = None) -> list[LedgerRow]:
        """The transactions in the ledger, oldest first."""

    @abstractmethod
    async def _command(self, identity: str, request: Record) -> Outcome: ...


class LedgerRow(msgspec.Struct, frozen=True):
    """A transaction as the supervision knows it."""

    transactionId: int
    identity: str
    connectorId: int
    idTag: str
    meterStart: int
    """Wh."""
    meterStop: int | None
    """None while it runs."""
    reason: str | None
    """As StopTransaction said; None when it said nothing, which is Local."""


class Site(ABC):
    """A supervision and the stations that connect to it."""

    supervision: Supervision

    @abstractmethod
    async def add_station(
        self,
        identity: str = "FORECOURT-1",
        model: str = "EVD1S180THB",
        *,
        keys: Mapping[str, str] | None = None,
        options: StationOptions | None = None,
    ) -> Station:
        """A station with power; wait for it with `connected`."""


def checked_keys(keys: Mapping[str, str] | None) -> list[tuple[Key, str]]:
    """Rows of the key table with checked values. Raises `UnknownKey` and `ValueRefused`."""
    return [((key := require_key(name)), key.check(value)) for name, value in (keys or {}).items()]


def car_for(car: Car | str | None, output: OutputType) -> Car:
    """The car that is meant; without one the first archetype that fits the gun. Raises `BadValueError`."""
    if car is None:
        return next(one for one in ARCHETYPES.values() if output in one.inlets)
    found = find_car(car, {}) if isinstance(car, str) else car
    if found is None:
        raise BadValueError(f"A car is a Car or one of {', '.join(ARCHETYPES)}, but {car!r} came.")
    return found


def last_messages(wire: Wire) -> str:
    """The last messages for a person to read, a line each, without secrets."""
    if not wire.messages:
        return "No message went over the wire."
    lines = []
    for message in wire.messages[-LAST_MESSAGES:]:
        text = without_secrets(message.text)
        cut = text if len(text) <= MESSAGE_LENGTH else f"{text[:MESSAGE_LENGTH]}..."
        lines.append(f"  {message.at:9.3f} {message.direction} {cut}")
    return "\n".join(["The last messages (> from the station):", *lines])


def _request(action: str, payload: Mapping[str, Any]) -> Record:
    """The request record. Raises `CommandError` for what no supervision may ask."""
    row = ACTIONS.get(action)
    if row is None or row.sender is Sender.STATION:
        names = [name for name, one in ACTIONS.items() if one.sender is not Sender.STATION]
        near = nearest(action, names)
        raise CommandError(
            f"{action!r} is nothing that a station can be told to do; expected {' or '.join(near or names)}."
        )
    try:
        return row.decode_request(msgspec.json.encode(payload))
    except PayloadFault as fault:
        raise CommandError(f"{action} cannot be asked with this payload: {fault}") from fault


def _counts(payload: dict[str, Any], where: Where | None) -> bool:
    if where is None:
        return True
    if isinstance(where, Mapping):
        return all(name in payload and payload[name] == value for name, value in where.items())
    return bool(where(payload))
