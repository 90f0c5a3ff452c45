"""Vendor errors of the guide as they reach the connectors, the sessions and the power (readings A13, A14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.evlink.faults import Consequence, Fault, Scope, Severity, find_fault
from forecourt.ocpp.core import StopReason

if TYPE_CHECKING:
    from forecourt.evlink.models import Model
    from forecourt.station.connector import Connectors
    from forecourt.station.power import Power
    from forecourt.station.remote import Remote
    from forecourt.station.sessions import Sessions
    from forecourt.station.transactions import Transactions


class VendorErrors:
    """Brings an error to every connector that it concerns."""

    __slots__ = ("_connectors", "_model", "_power", "_remote", "_sessions", "_transactions")

    def __init__(
        self,
        model: Model,
        connectors: Connectors,
        sessions: Sessions,
        remote: Remote,
        transactions: Transactions,
        power: Power,
    ) -> None:
        self._model = model
        self._power = power
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
            self._lower_power(number, fault)

    def clear(self, dtc: str, connector: int, now: float) -> None:
        """An error went away."""
        fault = find_fault(dtc)
        for number in self._concerned(fault, connector):
            self._connectors.clear(number, fault, now)
            self._lower_power(number, fault)

    def _lower_power(self, number: int, fault: Fault) -> None:
        """Heat and fans: less power for the gun or the station while one such error is there. Modules: each its own."""
        faults = self._connectors[number].faults
        if fault.consequence is Consequence.DERATE:
            self._power.derate(number, any(other.consequence is Consequence.DERATE for other in faults))
        elif fault.consequence is Consequence.MODULES_OUT:
            self._power.take_out(sum(other.assumed_modules_out for other in faults))

    def _concerned(self, fault: Fault, connector: int) -> tuple[int, ...]:
        if fault.scope is Scope.CONNECTOR:
            return (connector if self._connectors.exists(connector) else 1,)
        if fault.severity is Severity.WARNING:
            return (0,)
        return (0, *(row.number for row in self._connectors.guns))
