"""The port between the core and its store.

The core keeps in memory what it needs to decide and is the only one to change it; whatever changes goes to the store as
a fact. At its start it is given a `Recollection`: what the facts so far amount to. So no decision ever waits for a
question to a database, and a store needs two things only: keep facts, and recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import msgspec

from forecourt.ocpp.core import StartTransactionRequest
from forecourt.supervision.facts import IdTagSet, Policy, StationSet, TariffAssigned, TariffPictureSet, TariffSet
from forecourt.supervision.tariffs import Tariff

if TYPE_CHECKING:
    from forecourt.supervision.facts import Fact

RECENT_TRANSACTIONS = 16
"""How many transactions a station, the latest, are recalled and remembered to recognise a repeated message.

A station sends its transaction messages in order and repeats only the one it has no answer for, so this is ample.
"""


class TransactionRecalled(msgspec.Struct, frozen=True, gc=False):
    """A transaction: every open one, and the latest `RECENT_TRANSACTIONS` of each station."""

    identity: str
    transactionId: int
    at_s: float
    """When its StartTransaction came."""
    status: str
    """The `AuthorizationStatus` its StartTransaction was answered."""
    request: StartTransactionRequest
    stopped_s: float | None
    """The timestamp of its StopTransaction in seconds since the epoch; None while it is open."""
    meterStop: int | None
    """Of that StopTransaction; None while it is open."""


class SessionRecalled(msgspec.Struct, frozen=True, gc=False):
    """A priced transaction whose gun is not known to be free, or that is open."""

    identity: str
    transactionId: int
    tariff: Tariff
    register_wh: Decimal | None
    """The highest reading of the energy register so far."""
    stop_told_s: float | None
    """When its StopTransaction came; None while it is open."""
    freed_s: float | None


class Recollection(msgspec.Struct, frozen=True, gc=False):
    """What the core starts with. An empty one is a supervision that has never seen a station."""

    policy: Policy = Policy()
    next_transaction_id: int = 1
    """Above every transactionId ever given out."""
    id_tags: Sequence[IdTagSet] = ()
    stations: Sequence[StationSet] = ()
    """Those the operator registered."""
    boot_statuses: Sequence[tuple[str, str]] = ()
    """Identity and `RegistrationStatus` last answered, of every station that ever sent BootNotification."""
    transactions: Sequence[TransactionRecalled] = ()
    """In the order of their transactionIds."""
    tariffs: Sequence[TariffSet] = ()
    """All versions."""
    tariff_assignments: Sequence[TariffAssigned] = ()
    tariff_pictures: Sequence[TariffPictureSet] = ()
    tariffs_shown: Sequence[tuple[str, str]] = ()
    """Identity, and digest of the picture it has fetched last."""
    priced: Sequence[SessionRecalled] = ()
    """In the order of their transactionIds."""


class Ledger(Protocol):
    """What a store offers the core's driver."""

    def recall(self) -> Recollection:
        """Everything the core needs, once, at the start."""
        ...

    def keep(self, facts: Sequence[Fact]) -> None:
        """Make these facts durable, in order, all or none."""
        ...
