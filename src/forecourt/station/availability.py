"""ChangeAvailability (OCPP 1.6 §5.2; facts §6.3): which connectors are in service, by the supervision's will.

Theory of operation. What is wanted is one durable set of connectors, and the only state here. A gun that is in it while
a transaction runs is what the standard calls *scheduled*: whoever frees the gun asks `is_wanted_inoperative` and takes
it to Unavailable then. That is when its cable is pulled, for until then it is Finishing (§4.9: C6, F8); a gun whose
cable is gone becomes Unavailable at once (C8). No new session starts on it in between. So Operative cancels what was
scheduled by leaving the set, and nothing else remembers it.

Connector 0 means the station and all its guns: each is put into or out of the set by itself, and may be changed by
itself afterwards.

A firmware update that waits or is installed *holds* all guns: they count as wanted out of service without being in the
set, so that what the supervision wants is kept and holds again afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import AvailabilityStatus, AvailabilityType, ChangeAvailabilityRequest
from forecourt.station.effects import Effect, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.transactions import Transactions

KIND = "availability"
KEY = "inoperative"

ALL_OPERATIVE: frozenset[int] = frozenset()

_decoder = msgspec.json.Decoder(tuple[int, ...])
_encode = msgspec.json.Encoder().encode


class Availability:
    """Which connectors of one station the supervision wants out of service."""

    __slots__ = ("_effects", "_guns", "_inoperative", "_transactions", "is_held")

    def __init__(
        self,
        guns: int,
        records: Mapping[tuple[str, str], bytes],
        transactions: Transactions,
        effects: list[Effect],
    ) -> None:
        self._guns = guns
        self._transactions = transactions
        self._effects = effects
        self._inoperative = self._restored(records.get((KIND, KEY)))
        self.is_held = False
        """Whether every gun is to be out of service for now, whatever the supervision wants."""

    def _restored(self, data: bytes | None) -> frozenset[int]:
        if data is None:
            return ALL_OPERATIVE
        try:
            return frozenset(_decoder.decode(data)) or ALL_OPERATIVE
        except ValueError as error:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: {error}"))
            return ALL_OPERATIVE

    def is_wanted_inoperative(self, connector: int) -> bool:
        """Whether a connector is out of service, or will be when its transaction is over."""
        return connector in self._inoperative or (self.is_held and connector > 0)

    @property
    def inoperative(self) -> tuple[int, ...]:
        """The connectors that the supervision wants out of service, lowest first."""
        return tuple(sorted(self._inoperative))

    def change(self, request: ChangeAvailabilityRequest) -> tuple[AvailabilityStatus, tuple[int, ...]]:
        """Want connectors in or out of service: the status to answer, and the connectors to change at once.

        Scheduled says that a connector has to end its transaction first, or that a firmware update holds it.
        """
        connector = request.connectorId
        if not 0 <= connector <= self._guns:
            wrong = f"expected connectorId 0 to {self._guns}, came {connector}"
            self._effects.append(LogEvent("ChangeAvailability refused", wrong))
            return AvailabilityStatus.Rejected, ()
        numbers = tuple(range(self._guns + 1)) if connector == 0 else (connector,)
        if request.type is AvailabilityType.Operative:
            self._keep(self._inoperative.difference(numbers))
            if not self.is_held or numbers == (0,):
                return AvailabilityStatus.Accepted, numbers
            return AvailabilityStatus.Scheduled, tuple(number for number in numbers if number == 0)
        self._keep(self._inoperative.union(numbers))
        idle = tuple(number for number in numbers if self._transactions.on(number) is None)
        return (AvailabilityStatus.Accepted if idle == numbers else AvailabilityStatus.Scheduled), idle

    def _keep(self, inoperative: frozenset[int]) -> None:
        if inoperative != self._inoperative:
            self._inoperative = inoperative or ALL_OPERATIVE
            self._effects.append(SaveRecord(KIND, KEY, _encode(sorted(inoperative))))
