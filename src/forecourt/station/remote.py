"""RemoteStartTransaction and RemoteStopTransaction (guide, "Remote Authentication"; OCPP 1.6 §5.11, §5.12; A28, A29).

Theory of operation. The answer says only whether the station will try. What it then tries is a `Pending`: a tag that
waits for a decision (AuthorizeRemoteTxRequests) and perhaps for a cable, on one connector or, when the request named
none and nothing was plugged, on whichever is plugged first (connector 0 until then). It ends when the transaction
starts, when the tag is refused, or when ConnectionTimeOut has passed without a cable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.errors import ForecourtError
from forecourt.ocpp.core import (
    ChargePointStatus,
    RemoteStartStopStatus,
    RemoteStartTransactionRequest,
    RemoteStartTransactionResponse,
    RemoteStopTransactionRequest,
    RemoteStopTransactionResponse,
    StopReason,
)
from forecourt.ocpp.smart_charging import ChargingProfile
from forecourt.station.authorization import is_id_tag
from forecourt.station.calls import Reply
from forecourt.station.effects import Effect, LogEvent
from forecourt.station.reservations import FREE
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from forecourt.station.authorization import Attempt, Authorization, Decision
    from forecourt.station.boot import Boot
    from forecourt.station.configuration import Configuration
    from forecourt.station.connector import Connectors
    from forecourt.station.reservations import Reservations
    from forecourt.station.sessions import Sessions
    from forecourt.station.smart_charging import SmartCharging
    from forecourt.station.transactions import Transactions

ENABLING_KEYS = ("QrCodeEnabled", "PosEnabled", "AppEnabled")
"""Remote start works while one of these is true (reading A29)."""

ACCEPTED = RemoteStartTransactionResponse(status=RemoteStartStopStatus.Accepted)
REJECTED = RemoteStartTransactionResponse(status=RemoteStartStopStatus.Rejected)


class StartRefused(ForecourtError):  # noqa: N818  the word of the domain
    """The station does not try to start; the text says what was expected and what came."""


class Pending:
    """A remote start that was accepted and has not begun."""

    __slots__ = ("asked_for", "connector", "id_tag", "is_authorized", "parent_id_tag", "waits_for_plug")

    def __init__(self, connector: int, id_tag: str, *, waits_for_plug: bool) -> None:
        self.connector = connector
        """0 while any gun will do."""
        self.asked_for = connector
        """The connector under which its tag is being decided, which stays 0 when a gun was found meanwhile."""
        self.id_tag = id_tag
        self.waits_for_plug = waits_for_plug
        self.is_authorized = False
        self.parent_id_tag: str | None = None


class Remote:
    """What the supervision wants started and stopped."""

    __slots__ = (
        "_authorization",
        "_boot",
        "_configuration",
        "_connectors",
        "_effects",
        "_pending",
        "_reservations",
        "_sessions",
        "_smart_charging",
        "_timers",
        "_transactions",
    )

    def __init__(
        self,
        configuration: Configuration,
        connectors: Connectors,
        authorization: Authorization,
        sessions: Sessions,
        transactions: Transactions,
        boot: Boot,
        timers: Timers,
        smart_charging: SmartCharging,
        reservations: Reservations,
        effects: list[Effect],
    ) -> None:
        self._reservations = reservations
        self._effects = effects
        self._smart_charging = smart_charging
        self._configuration = configuration
        self._connectors = connectors
        self._authorization = authorization
        self._sessions = sessions
        self._transactions = transactions
        self._boot = boot
        self._timers = timers
        self._pending: Pending | None = None

    # RemoteStartTransaction.

    def start(self, request: RemoteStartTransactionRequest, now: float) -> RemoteStartTransactionResponse | Reply:
        """Answer whether the station will try, and try."""
        try:
            self._check_that_starts_are_enabled(request)
            named = request.connectorId if isinstance(request.connectorId, int) else None
            pending = self._without(request.idTag) if named is None else self._with_connector(named, request.idTag)
        except StartRefused as refused:
            self._effects.append(LogEvent("RemoteStartTransaction refused", str(refused)))
            return REJECTED
        if not self._promises(request.chargingProfile, pending.connector):
            return REJECTED
        self._pending = pending
        return Reply(ACCEPTED, self._begin)

    def _check_that_starts_are_enabled(self, request: RemoteStartTransactionRequest) -> None:
        if not self._boot.is_accepted:
            raise StartRefused("expected a station that the supervision has accepted, and its boot is not accepted yet")
        if not is_id_tag(request.idTag):
            raise StartRefused(f"expected an idTag of 1 to 20 printable characters, came {request.idTag!r}")
        if self._sessions.is_closed:
            raise StartRefused("expected a station that may start sessions, and it is about to reset or can not save")
        if self._configuration.boolean("FreeCharging"):
            raise StartRefused("expected FreeCharging false, it is true")
        if not any(self._configuration.boolean(key) for key in ENABLING_KEYS):
            raise StartRefused(f"expected one of {', '.join(ENABLING_KEYS)} true, all are false")
        if self._pending is not None:
            raise StartRefused(f"expected no other remote start, and the one for {self._pending.id_tag} still waits")

    def _promises(self, profile: object, connector: int) -> bool:
        """Whether the profile of the request, if it brings one, will be obeyed; one for CHAdeMO is ignored."""
        return not isinstance(profile, ChargingProfile) or self._smart_charging.promise(connector, profile)

    def _with_connector(self, connector: int, id_tag: str) -> Pending:
        """The first remote table of the guide."""
        if not self._connectors.exists(connector):
            raise StartRefused(f"expected connectorId 1 to {len(self._connectors.guns)}, came {connector}")
        if self._authorization.is_deciding(connector):
            raise StartRefused(f"expected a connector that nobody waits at, and a tag is being decided at {connector}")
        if not self._is_welcome(connector, id_tag):
            raise StartRefused(f"expected a connector that {id_tag} may use, and {connector} is reserved")
        if self._sessions.is_startable(connector):
            return Pending(connector, id_tag, waits_for_plug=False)
        if not self._is_free(connector):
            status = self._connectors[connector].status
            raise StartRefused(f"expected a connector that is plugged or free, and {connector} is {status}")
        self._check_that_waits_are_allowed()
        return Pending(connector, id_tag, waits_for_plug=True)

    def _without(self, id_tag: str) -> Pending:
        """The second remote table of the guide: connector 1 before 2, or the one that is reserved for the tag."""
        numbers = [row.number for row in self._connectors.guns if self._is_welcome(row.number, id_tag)]
        numbers.sort(key=lambda number: not self._reservations.is_expected(number, id_tag))
        for number in numbers:
            if self._sessions.is_startable(number) and not self._authorization.is_deciding(number):
                return Pending(number, id_tag, waits_for_plug=False)
        if not any(self._is_free(number) for number in numbers):
            raise StartRefused(f"expected a connector that is plugged or free and that {id_tag} may use, there is none")
        self._check_that_waits_are_allowed()
        return Pending(0, id_tag, waits_for_plug=True)

    def _check_that_waits_are_allowed(self) -> None:
        if not self._configuration.boolean("EnableRemoteStartNoConnectedEV"):
            raise StartRefused("expected a plugged connector while EnableRemoteStartNoConnectedEV is false, none is")

    def _is_free(self, connector: int) -> bool:
        return self._connectors[connector].status in FREE

    def _is_welcome(self, connector: int, id_tag: str) -> bool:
        """Whether no reservation is in the way, as far as can be said before the tag is decided."""
        if self._configuration.boolean("AuthorizeRemoteTxRequests"):
            return self._reservations.may_admit(connector, id_tag)
        return self._reservations.admits(connector, id_tag, None)

    def _begin(self, now: float) -> None:
        pending = self._pending
        assert pending is not None, "a remote start was accepted"
        if pending.waits_for_plug:
            self._timers.set(Timer.REMOTE_START, now + self._configuration.integer("ConnectionTimeOut"))
            if pending.connector and not self._is_reserved(pending.connector):
                self._prepare(pending.connector, now)  # one that is Reserved shows it when it is known who comes
        if self._configuration.boolean("AuthorizeRemoteTxRequests"):
            self._authorization.ask(pending.connector, pending.id_tag, self._decided, now)
        else:
            self._authorized(pending, now)

    def _is_reserved(self, connector: int) -> bool:
        return self._connectors[connector].status is ChargePointStatus.Reserved

    def _prepare(self, connector: int, now: float) -> None:
        self._connectors.move(connector, ChargePointStatus.Preparing, now, at_once=True)

    def _decided(self, attempt: Attempt, decision: Decision, now: float) -> None:
        pending = self._pending
        assert pending is not None, "who drops a remote start has its tag forgotten"
        pending.parent_id_tag = decision.parentIdTag
        if not decision.is_accepted:
            self._drop("it was not authorized", now)
        elif self._is_admitted(pending):
            self._authorized(pending, now)
        else:
            self._drop("the connector is reserved for somebody else", now)

    def _is_admitted(self, pending: Pending) -> bool:
        connector = pending.connector
        return connector == 0 or self._reservations.admits(connector, pending.id_tag, pending.parent_id_tag)

    def _authorized(self, pending: Pending, now: float) -> None:
        pending.is_authorized = True
        if pending.waits_for_plug and pending.connector and self._is_free(pending.connector):
            self._prepare(pending.connector, now)
        self._proceed(now)

    def plugged(self, connector: int, now: float) -> bool:
        """A cable was plugged; return whether a remote start waited for it."""
        pending = self._pending
        if pending is None or not pending.waits_for_plug or pending.connector not in (0, connector):
            return False
        if not self._sessions.is_startable(connector) or not self._is_welcome(connector, pending.id_tag):
            return False
        pending.connector = connector
        pending.waits_for_plug = False
        self._timers.stop(Timer.REMOTE_START)
        self._proceed(now)
        return True

    def _proceed(self, now: float) -> None:
        pending = self._pending
        if pending is not None and pending.is_authorized and not pending.waits_for_plug:
            self._pending = None
            self._smart_charging.keep_promise(pending.connector)
            self._sessions.start(pending.connector, pending.id_tag, pending.parent_id_tag, now)
            self._smart_charging.forget_promise()

    @property
    def pending(self) -> Pending | None:
        """The remote start that was accepted and has not begun."""
        return self._pending

    def timed_out(self, now: float) -> None:
        """ConnectionTimeOut has passed and nobody plugged in: the request is dropped."""
        self._drop("nobody plugged in within ConnectionTimeOut", now)

    def gone(self, connector: int, now: float) -> None:
        """The gun was unplugged, failed or was put out of service: a request for it is dropped."""
        if self._pending is not None and self._pending.connector == connector:
            self._drop(f"connector {connector} was unplugged, failed or put out of service", now)

    def _drop(self, why: str, now: float) -> None:
        pending, self._pending = self._pending, None
        assert pending is not None, "there is a remote start to drop"
        self._effects.append(LogEvent("Remote start dropped", f"{pending.id_tag}: {why}"))
        self._timers.stop(Timer.REMOTE_START)
        self._smart_charging.forget_promise()
        self._authorization.forget(pending.asked_for)
        connector = pending.connector
        if (
            pending.waits_for_plug
            and connector
            and not (self._sessions.is_plugged(connector) or self._is_free(connector))
        ):
            self._sessions.vacate(connector, now)

    # RemoteStopTransaction.

    def stop(self, request: RemoteStopTransactionRequest, now: float) -> RemoteStopTransactionResponse | Reply:
        """Accepted if and only if a running transaction has this id."""
        transaction = self._transactions.with_id(request.transactionId) if self._boot.is_accepted else None
        if transaction is None:
            wrong = f"expected the transactionId of a running transaction, came {request.transactionId}"
            self._effects.append(LogEvent("RemoteStopTransaction refused", wrong))
            return RemoteStopTransactionResponse(status=RemoteStartStopStatus.Rejected)

        def end(at: float) -> None:
            self._sessions.stop(transaction.connector, StopReason.Remote, transaction.idTag, at)

        return Reply(RemoteStopTransactionResponse(status=RemoteStartStopStatus.Accepted), end)
