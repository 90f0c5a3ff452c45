"""What a session costs, as the supervision says it: CostUpdated of com.se.cost (reading A36).

A cost belongs to one transaction. It is taken while that runs, and after it until its cable is unplugged, so that the
final one, with a fee for what the car stood on, can be shown too. The latest counts, and nothing has to be cleared: a
cost that is not of the transaction at hand is not shown any more. It is not kept over a power cut, which ends the
transaction; the supervision may send it again while the cable is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.evlink.price_messages import CostUpdated, PriceMessageRefused, read_cost
from forecourt.ocpp.core import DataTransferResponse, DataTransferStatus
from forecourt.station.effects import Effect, LogEvent
from forecourt.station.transactions import GIVEN_UP

if TYPE_CHECKING:
    from forecourt.station.connector import Connectors
    from forecourt.station.sessions import Sessions
    from forecourt.station.transactions import Transaction

_NO_COSTS: dict[int, tuple[Transaction | None, CostUpdated | None]] = {}
"""The costs at every station that never had one; never changed."""


class Costs:
    """The latest cost at each gun of one station."""

    __slots__ = ("_connectors", "_costs", "_effects", "_sessions")

    def __init__(self, connectors: Connectors, sessions: Sessions, effects: list[Effect]) -> None:
        self._connectors = connectors
        self._sessions = sessions
        self._effects = effects
        self._costs = _NO_COSTS
        """By connector: a transaction, and what it costs."""

    def on(self, connector: int) -> CostUpdated | None:
        """What the transaction on a gun costs, or the one that ended there with the cable still plugged."""
        transaction, cost = self._costs.get(connector, (None, None))
        return cost if self._sessions.of_cable(connector) is transaction else None

    def updated(self, data: str, now: float) -> DataTransferResponse:
        """Answer a CostUpdated, without data."""
        try:
            cost = read_cost(data)
            transaction = self._meant(cost)
        except PriceMessageRefused as refused:
            self._effects.append(LogEvent("CostUpdated refused", str(refused)))
            return DataTransferResponse(status=DataTransferStatus.Rejected)
        if self._costs is _NO_COSTS:
            self._costs = {}
        self._costs[cost.connectID] = (transaction, cost)
        return DataTransferResponse(status=DataTransferStatus.Accepted)

    def _meant(self, cost: CostUpdated) -> Transaction:
        """The transaction that a cost is of. Raises `PriceMessageRefused`."""
        connector = cost.connectID
        if not self._connectors.exists(connector):
            raise PriceMessageRefused(f"expected connectID 1 to {len(self._connectors.guns)}, came {connector}")
        transaction = self._sessions.of_cable(connector)
        if transaction is None or transaction.transactionId in (None, GIVEN_UP):
            came = f"came {cost.transactionId} while there is none with an id"
        elif transaction.transactionId != cost.transactionId:
            came = f"came {cost.transactionId} while it is {transaction.transactionId}"
        else:
            return transaction
        wanted = f"expected the transaction that runs on connector {connector} or ended there with the cable still in"
        raise PriceMessageRefused(f"{wanted}, {came}")
