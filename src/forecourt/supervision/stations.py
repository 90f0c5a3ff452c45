"""What the core remembers of one station, over its connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from forecourt.ocpp.types import Record

if TYPE_CHECKING:
    from collections import deque
    from datetime import datetime

    from forecourt.ocpp.core import StartTransactionRequest
    from forecourt.ocpp.smart_charging import SetChargingProfileRequest
    from forecourt.supervision.effects import Effect
    from forecourt.supervision.outcomes import Outcome

    StartKey = tuple[int, str, datetime, int]

NO_LINK = -1


class Transaction:
    """One transaction of a station, as long as it is open or one of its latest."""

    __slots__ = ("at_s", "meter_stop", "request", "start_key", "status", "stopped_s", "transaction_id")

    def __init__(
        self, transaction_id: int, at_s: float, status: str, request: StartTransactionRequest, start_key: StartKey
    ) -> None:
        self.transaction_id = transaction_id
        self.at_s = at_s
        self.status = status
        self.request = request
        self.start_key = start_key
        self.stopped_s: float | None = None
        self.meter_stop: int | None = None


class Job(Protocol):
    """A duty of the supervision that takes several requests."""

    def ended(self, request: Record, outcome: Outcome, now: float, effects: list[Effect]) -> None:
        """One of its requests has come to this."""
        ...


Giver = str | Job | None
"""Who wanted a request: a command, by its id; a job of the supervision; None for nobody who wants to know more."""


class Awaited(msgspec.Struct, frozen=True, gc=False):
    """A CALL to a station that is not answered yet."""

    message_id: str
    giver: Giver
    request: Record
    deadline_s: float


class Expectation(msgspec.Struct, frozen=True, gc=False):
    """A message that an answered command is to lead to."""

    command_id: str
    message: type[Record]
    """The request record of the station that is waited for."""
    matches: Callable[[Record], bool]
    """Whether such a request belongs to the command."""
    final: frozenset[str] | None
    """The statuses that end it; None: the first match does."""
    until_s: float
    """A later message is no consequence any more."""


class Station:
    """One station: its link if it has one, its boot status, its transactions, its commands."""

    __slots__ = (
        "awaited",
        "boot_status",
        "boot_triggered",
        "connected_s",
        "expectations",
        "identity",
        "last_seen_s",
        "limits",
        "link",
        "meter_values",
        "orphan_stops",
        "profiles",
        "provisional",
        "remote",
        "transactions",
        "triggered",
        "waiting",
    )

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.link = NO_LINK
        self.remote = ""
        self.connected_s = 0.0
        self.last_seen_s = 0.0
        self.boot_status: str | None = None
        self.provisional = False
        """Whether it is kept Pending on this link, whatever the registry says."""
        self.boot_triggered = False
        """Whether this link was asked for a BootNotification because none is known."""
        self.triggered: frozenset[type[Record]] = frozenset()
        """Messages a station that is not Accepted may send, because the supervision asked for them."""
        self.transactions: dict[int, Transaction] = {}
        """Oldest first."""
        self.orphan_stops: tuple[tuple[int, datetime, int], ...] = ()
        self.meter_values: dict[int, bytes] = {}
        """Hashes of the latest MeterValues payloads by connector, one behind the other, to know what comes again."""
        self.awaited: Awaited | None = None
        self.waiting: deque[tuple[Giver, Record]] | None = None
        """Requests that wait for their turn, with whoever wanted them."""
        self.expectations: tuple[Expectation, ...] = ()
        self.limits: dict[str, str] | None = None
        """Values of the keys that limit what may be sent, by lower-case name; empty where the station gave none."""
        self.profiles: dict[int, SetChargingProfileRequest] = {}
        """Charging profiles it accepted and still holds, as far as known, by chargingProfileId."""

    @property
    def connected(self) -> bool:
        """Whether it has a link."""
        return self.link != NO_LINK


class StationView(msgspec.Struct, frozen=True, gc=False):
    """What is known of a station at this moment and in no store."""

    identity: str
    connected: bool
    remote: str
    """Address of the peer; empty when it never connected since the start."""
    connected_s: float | None
    """Since when it is connected, epoch seconds."""
    last_seen_s: float | None
    """When the last message came, epoch seconds; None when none did since the start."""
    boot_status: str | None
    """What its last BootNotification was answered; None when there was none."""
    open_transactions: tuple[int, ...]
    """Their transactionIds."""
    waiting_commands: int
    """Commands not answered yet, the one under way included."""
    cost_refusal: str | None = None
    """Why it is told no costs until it boots again; None where it is."""


def view(station: Station, cost_refusal: str | None = None) -> StationView:
    """The station as it is now."""
    waiting = len(station.waiting) if station.waiting else 0
    return StationView(
        identity=station.identity,
        connected=station.connected,
        remote=station.remote,
        connected_s=station.connected_s if station.connected else None,
        last_seen_s=station.last_seen_s or None,
        boot_status=station.boot_status,
        open_transactions=tuple(t.transaction_id for t in station.transactions.values() if t.stopped_s is None),
        waiting_commands=waiting + (station.awaited is not None),
        cost_refusal=cost_refusal,
    )
