"""Vendor errors of the guide as they reach the connectors, the sessions and the power (readings A13, A14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.evlink.faults import ASSUMED_DERATED_SHARE, Consequence, Fault, Scope, Severity, find_fault
from forecourt.ocpp.core import StopReason
from forecourt.station.effects import Effect, LimitPower

if TYPE_CHECKING:
    from forecourt.evlink.models import Model
    from forecourt.station.connector import Connectors
    from forecourt.station.remote import Remote
    from forecourt.station.sessions import Sessions
    from forecourt.station.transactions import Transactions


class VendorErrors:
    """Brings an error to every connector that it concerns."""

    __slots__ = ("_connectors", "_effects", "_model", "_remote", "_sessions", "_transactions")

    def __init__(
        self,
        model: Model,
        connectors: Connectors,
        sessions: Sessions,
        remote: Remote,
        transactions: Transactions,
        effects: list[Effect],
    ) -> None:
        self._model = model
        self._effects = effects
        self._connectors = connectors
        self._sessions = sessions
        self._remote = remote
        self._transactions = transactions

    def raise_(self, dtc: str, connector: int, now: float) -> None:
        """An error appeared: a blocking one ends the sessions it concerns, then is reported."""
        fault = find_fault(dtc)
        for number in self._concerned(fault, connector):
            if number and fault.severity is Severity.ERROR:
                self._remote.gone(number, now)
                if self._transactions.on(number) is not None:
                    self._sessions.stop(number, StopReason(fault.stop_reason or StopReason.Other), None, now)
            self._connectors.fault(number, fault, now)
            self._derate(number, fault)

    def clear(self, dtc: str, connector: int, now: float) -> None:
        """An error went away."""
        fault = find_fault(dtc)
        for number in self._concerned(fault, connector):
            self._connectors.clear(number, fault, now)
            self._derate(number, fault)

    def _derate(self, number: int, fault: Fault) -> None:
        """Heat and fans: less power for the gun, or for the station, as long as one such error is there."""
        if fault.consequence is not Consequence.DERATE:
            return
        is_derated = any(other.consequence is Consequence.DERATE for other in self._connectors[number].faults)
        rated_kw = self._model.connector_limited_kw[number - 1] if number else self._model.power_kw
        self._effects.append(LimitPower(number, rated_kw * 1000 * ASSUMED_DERATED_SHARE if is_derated else None))

    def _concerned(self, fault: Fault, connector: int) -> tuple[int, ...]:
        if fault.scope is Scope.CONNECTOR:
            return (connector if self._connectors.exists(connector) else 1,)
        if fault.severity is Severity.WARNING:
            return (0,)
        return (0, *(row.number for row in self._connectors.guns))
