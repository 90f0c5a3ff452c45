"""Running costs: which tariff each session has, and when its station is told what it costs so far (A36, A37).

Theory of operation. A session takes its tariff with it when it begins (`SessionPriced`), so no later decision changes
its price. From then on its station has a *visit*: due at moments that are spread over the interval, a phase for each
identity, so that a fleet's stations are told one after the other, whatever brought them up together. When a visit is
due, one session whose cost is not what the station was told last gets a CostUpdated; the next one goes out after its
answer. While a command of the operator is under way or waits, the visit waits too. A session leaves when its gun is
free and the station knows, or can no longer be told.

The start and the end of a session make the visit due at once, as do the unplugging and a refusal that leaves others to
be told. A new connection or boot makes what the station was told unknown, and so tells it again. A station that knows
no such messages is left alone until it boots again, and so is a session that it refuses; one that leaves them
unanswered, until it connects again.

Pictures of tariffs are wanted by the same visits, before costs: a station fetches one once, for it keeps it.
"""

from __future__ import annotations

import heapq
import zlib
from math import floor, inf
from typing import TYPE_CHECKING, TypeAlias

from forecourt.ocpp.core import (
    DataTransferRequest,
    DataTransferResponse,
    DataTransferStatus,
    RegistrationStatus,
)
from forecourt.ocpp.errors import ErrorCode
from forecourt.ocpp.types import given, to_epoch
from forecourt.supervision.duties import LATE_START_S
from forecourt.supervision.effects import Store
from forecourt.supervision.facts import GunFreed, SessionPriced, TariffShown
from forecourt.supervision.outcomes import Answered, ErrorAnswered, TimedOut
from forecourt.supervision.price_messages import cost_updated, tariff_download
from forecourt.supervision.tariff_book import TariffBook
from forecourt.supervision.tariffs import BELIEVED_S, SessionFacts, cost_of, is_final, register_wh

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from forecourt.ocpp.core import MeterValuesRequest, StatusNotificationRequest, StopTransactionRequest
    from forecourt.ocpp.types import Record
    from forecourt.supervision.commands import Commands
    from forecourt.supervision.effects import Effect
    from forecourt.supervision.facts import TariffPictureSet
    from forecourt.supervision.outcomes import Outcome
    from forecourt.supervision.ports import Recollection
    from forecourt.supervision.registry import Registry
    from forecourt.supervision.stations import Station, Transaction
    from forecourt.supervision.tariffs import Cost, Tariff

PictureLocation: TypeAlias = "Callable[[str, TariffPictureSet], str | None]"
"""Given an identity and a picture: the address the station fetches it from; None where no file server runs."""

BUSY_S = 1.0
"""How long a visit waits while other requests to the station are under way."""
SILENCES = 3
"""So many costs in a row may be left unanswered: each keeps the operator's commands waiting."""
SESSIONS = 64
"""So many priced sessions of a station are followed; it has two guns."""
FREE = frozenset({"Available", "Reserved", "Unavailable"})
"""Statuses of a gun whose cable is out."""
_SLACK_S = 0.001
_UNKNOWING = frozenset({DataTransferStatus.UnknownVendorId, DataTransferStatus.UnknownMessageId})
_UNABLE = frozenset({ErrorCode.NotImplemented, ErrorCode.NotSupported})


class PricedSession:
    """A transaction with its tariff, from its start until its gun is free."""

    __slots__ = ("freed_s", "register_wh", "stop_told_s", "tariff", "told", "told_s", "transaction", "unwilling")

    def __init__(self, transaction: Transaction, tariff: Tariff) -> None:
        self.transaction = transaction
        self.tariff = tariff
        self.register_wh: Decimal | None = None
        self.stop_told_s: float | None = None
        self.freed_s: float | None = None
        self.told: Decimal | None = None
        """What the station shows; None while that is not known."""
        self.told_s = -inf
        """When it was sent that; a running cost is sent once a turn."""
        self.unwilling = False
        """Whether the station refused it."""

    @property
    def connector(self) -> int:
        """The gun."""
        return self.transaction.request.connectorId

    @property
    def facts(self) -> SessionFacts:
        """What its cost depends on."""
        transaction = self.transaction
        return SessionFacts(
            started_s=to_epoch(transaction.request.timestamp),
            start_told_s=transaction.at_s,
            meter_start_wh=transaction.request.meterStart,
            register_wh=self.register_wh,
            stopped_s=transaction.stopped_s,
            stop_told_s=self.stop_told_s,
            meter_stop_wh=transaction.meter_stop,
            freed_s=self.freed_s,
        )

    def cost(self, now: float) -> Cost:
        """What it costs now."""
        return cost_of(self.tariff, self.facts, now)

    @property
    def is_running(self) -> bool:
        """Whether its cost may change by itself."""
        return self.freed_s is None and not is_final(self.tariff, self.facts)


class _Visit:
    """What there is to tell one station; also the job that waits for its answers."""

    __slots__ = ("due_s", "prices", "sessions", "silences", "station", "telling", "unwilling")

    def __init__(self, prices: Prices, station: Station) -> None:
        self.prices = prices
        self.station = station
        self.sessions: dict[int, PricedSession] = {}
        self.due_s = inf
        self.silences = 0
        """How many costs in a row were left unanswered."""
        self.telling: tuple[PricedSession, Decimal] | TariffPictureSet | None = None
        """What is under way."""
        self.unwilling: str | None = None
        """Why the station is left alone until it boots again."""

    @property
    def is_running(self) -> bool:
        """Whether there will be something to tell without anything happening."""
        return self.unwilling is None and any(session.is_running for session in self.sessions.values())

    def ended(self, request: Record, outcome: Outcome, now: float, effects: list[Effect]) -> None:
        """What was under way has come to this."""
        telling, self.telling = self.telling, None
        if isinstance(telling, tuple):
            self._cost_ended(*telling, outcome)
        elif telling is not None:
            self._picture_ended(telling, outcome, effects)
        self.prices.answered(self, now, isinstance(outcome, Answered))

    def _cost_ended(self, session: PricedSession, told: Decimal, outcome: Outcome) -> None:
        status = _status(outcome)
        self.silences = self.silences + 1 if isinstance(outcome, TimedOut) else 0
        if status is DataTransferStatus.Accepted:
            session.told = told
        elif status is DataTransferStatus.Rejected:
            session.unwilling = True
        else:
            self.unwilling = _why_unwilling("CostUpdated", outcome)
            if self.silences >= SILENCES:
                self.unwilling = f"It left CostUpdated unanswered {SILENCES} times."

    def _picture_ended(self, picture: TariffPictureSet, outcome: Outcome, effects: list[Effect]) -> None:
        """A picture that was not taken is offered again after the next boot."""
        if _status(outcome) is DataTransferStatus.Accepted:
            self.prices.book.shown[self.station.identity] = picture.digest
            effects.append(Store(TariffShown(self.station.identity, picture.digest)))
        elif isinstance(outcome, Answered | ErrorAnswered | TimedOut):
            self.prices.refused_pictures[self.station.identity] = picture.digest


class Prices:
    """The running costs of all stations."""

    def __init__(
        self,
        registry: Registry,
        commands: Commands,
        stations: Mapping[str, Station],
        recollection: Recollection,
        picture_location: PictureLocation | None = None,
    ) -> None:
        self._registry = registry
        self._commands = commands
        self._stations = stations
        self._location = picture_location
        self.book = TariffBook(recollection)
        """The tariffs, and where they hold."""
        self._visits: dict[str, _Visit] = {}
        self._line: list[tuple[float, str]] = []
        self.refused_pictures: dict[str, str] = {}
        """By identity: the picture that a station did not take since it booted."""

    # What the core tells.

    def recall(self, recollection: Recollection) -> None:
        """Go on with the sessions that were under way when the supervision ended."""
        for told in recollection.priced:
            station = self._stations.get(told.identity)
            transaction = None if station is None else station.transactions.get(told.transactionId)
            if station is None or transaction is None:
                continue
            session = PricedSession(transaction, told.tariff)
            session.register_wh, session.stop_told_s = told.register_wh, told.stop_told_s
            session.freed_s = told.freed_s
            self._visit(station).sessions[told.transactionId] = session

    def edited(self, edit: object, now: float) -> None:
        """The operator decided something about tariffs, perhaps: pictures may have to be sent."""
        if self.book.apply(edit):
            for station in self._stations.values():
                self._want_picture(station, now)

    def connected(self, station: Station, now: float) -> None:
        """What it shows is not known any more."""
        self._want_picture(station, now)
        visit = self._visits.get(station.identity)
        if visit is not None:
            if visit.silences:
                visit.silences, visit.unwilling = 0, None
            for session in visit.sessions.values():
                session.told, session.told_s = None, -inf
            self._schedule(visit, self._turn(station, now))

    def booted(self, station: Station, now: float) -> None:
        """It may know by now what it did not."""
        self.refused_pictures.pop(station.identity, None)
        visit = self._visits.get(station.identity)
        if visit is not None:
            visit.unwilling = None
            for session in visit.sessions.values():
                session.unwilling = False
        self.connected(station, now)

    def started(self, station: Station, transaction: Transaction, now: float, effects: list[Effect]) -> None:
        """A transaction has begun: it takes its tariff with it, if there is one."""
        visit = self._visits.get(station.identity)
        connector, started_s = transaction.request.connectorId, to_epoch(transaction.request.timestamp)
        if visit is not None:
            for session in (*visit.sessions.values(),):
                if session.connector == connector and session.freed_s is None:
                    self._free(visit, session, min(started_s, now), now, effects)
        # A station whose clock is a little or far behind means this moment; only an offline one means another.
        late = LATE_START_S < now - started_s <= BELIEVED_S
        tariff = self.book.tariff_of(station.identity, connector, started_s if late else now)
        if tariff is None:
            return
        visit = self._visit(station)
        while len(visit.sessions) >= SESSIONS:
            del visit.sessions[next(iter(visit.sessions))]
        visit.sessions[transaction.transaction_id] = PricedSession(transaction, tariff)
        effects.append(Store(SessionPriced(station.identity, transaction.transaction_id, tariff)))
        self._schedule(visit, now)

    def metered(self, station: Station, request: MeterValuesRequest) -> None:
        """A station read its meters."""
        visit = self._visits.get(station.identity)
        if visit is None:
            return
        number = given(request.transactionId)
        for session in visit.sessions.values():
            transaction = session.transaction
            if transaction.transaction_id != number and (
                number is not None or session.connector != request.connectorId
            ):
                continue
            for value in request.meterValue:
                if number is None and value.timestamp < transaction.request.timestamp:
                    continue
                reading = register_wh(value.sampledValue)
                if reading is not None and (session.register_wh is None or reading > session.register_wh):
                    session.register_wh = reading

    def stopped(self, station: Station, request: StopTransactionRequest, now: float, effects: list[Effect]) -> None:
        """The first StopTransaction of a transaction."""
        visit = self._visits.get(station.identity)
        session = None if visit is None else visit.sessions.get(request.transactionId)
        if visit is None or session is None:
            return
        session.stop_told_s, session.told_s = now, -inf
        stopped_s = min(to_epoch(request.timestamp), now)
        if request.reason == "EVDisconnected" or (session.freed_s is not None and session.freed_s < stopped_s):
            self._free(visit, session, stopped_s, now, effects)
        self._schedule(visit, now)

    def status(self, station: Station, request: StatusNotificationRequest, now: float, effects: list[Effect]) -> None:
        """A gun has another status: perhaps its cable is out."""
        visit = self._visits.get(station.identity)
        if visit is None:
            return
        free = request.status in FREE
        for session in (*visit.sessions.values(),):
            if session.connector != request.connectorId or free is (session.freed_s is not None):
                continue
            if free:
                stated = given(request.timestamp)
                freed_s = now if stated is None else min(to_epoch(stated), now)
                self._free(visit, session, max(freed_s, session.transaction.stopped_s or 0.0), now, effects)
            elif session.transaction.stopped_s is None:
                session.freed_s = None
                effects.append(Store(GunFreed(station.identity, session.transaction.transaction_id, None)))
                self._schedule(visit, self._turn(station, now))

    def unwilling(self, identity: str) -> str | None:
        """Why a station is told no costs until it boots again; None where it is."""
        visit = self._visits.get(identity)
        return None if visit is None else visit.unwilling

    # Time.

    def next_deadline(self) -> float:
        """When the next visit is due; infinity for never."""
        while self._line:
            due_s, identity = self._line[0]
            visit = self._visits.get(identity)
            if visit is not None and visit.due_s == due_s:
                return due_s
            heapq.heappop(self._line)
        return inf

    def expire(self, now: float, effects: list[Effect]) -> None:
        """Visit the stations whose turn it is."""
        while self.next_deadline() <= now + _SLACK_S:
            _, identity = heapq.heappop(self._line)
            visit = self._visits[identity]
            visit.due_s = inf
            self._tell(visit, now, effects)

    def answered(self, visit: _Visit, now: float, at_once: bool) -> None:
        """A station has answered, or will not: what else it has to be told follows, in its turn at the latest."""
        if visit.station.connected:
            wanted = self._picture_request(visit) is not None or self._to_tell(visit, now) is not None
            if at_once and wanted:
                self._schedule(visit, now)
            elif wanted or self._is_behind(visit, now):
                self._schedule(visit, self._turn(visit.station, now))
        self._drop_over(visit, now)

    # Inside.

    def _visit(self, station: Station) -> _Visit:
        visit = self._visits.get(station.identity)
        if visit is None:
            visit = self._visits[station.identity] = _Visit(self, station)
        return visit

    def _schedule(self, visit: _Visit, due_s: float) -> None:
        if due_s < visit.due_s:
            visit.due_s = due_s
            heapq.heappush(self._line, (due_s, visit.station.identity))

    def _turn(self, station: Station, now: float) -> float:
        """The next moment that is this station's."""
        interval_s = float(self._registry.policy.cost_interval_s)
        phase_s = zlib.crc32(station.identity.encode()) % 1000 / 1000 * interval_s
        return phase_s + interval_s * (floor((now - phase_s + _SLACK_S) / interval_s) + 1)

    def _free(self, visit: _Visit, session: PricedSession, freed_s: float, now: float, effects: list[Effect]) -> None:
        session.freed_s, session.told_s = freed_s, -inf
        effects.append(Store(GunFreed(visit.station.identity, session.transaction.transaction_id, freed_s)))
        if visit.telling is None or not visit.station.connected:
            self._drop_over(visit, now)
        if visit.sessions:
            self._schedule(visit, now)

    def _tell(self, visit: _Visit, now: float, effects: list[Effect]) -> None:
        station = visit.station
        if not station.connected or station.boot_status != RegistrationStatus.Accepted or visit.telling is not None:
            self._drop_over(visit, now)
            return  # a connection, a boot, an answer: each makes it due again
        if station.awaited is not None or station.waiting:
            self._schedule(visit, now + BUSY_S)
            return
        request: DataTransferRequest | None
        picture = self._picture_request(visit)
        if picture is not None:
            visit.telling, request = picture
        else:
            request = self._cost_request(visit, now)
        if request is not None:
            self._commands.enqueue(station, visit, request, now, effects)
            return
        self._drop_over(visit, now)
        if self._is_behind(visit, now):
            self._schedule(visit, self._turn(station, now))

    def _cost_request(self, visit: _Visit, now: float) -> DataTransferRequest | None:
        found = self._to_tell(visit, now)
        if found is None:
            return None
        session, cost = found
        visit.telling = (session, cost.gross)
        session.told_s = now
        number = session.transaction.transaction_id
        return cost_updated(session.connector, number, cost.currency, float(cost.gross))

    def _is_behind(self, visit: _Visit, now: float) -> bool:
        """Whether there will be something to tell, though nothing more happens."""
        return visit.is_running or self._to_tell(visit, now, in_turn=False) is not None

    def _to_tell(self, visit: _Visit, now: float, *, in_turn: bool = True) -> tuple[PricedSession, Cost] | None:
        """The first session whose cost the station does not show; in this turn, unless it was sent in it already."""
        if visit.unwilling is None:
            turn_s = self._turn(visit.station, now) - self._registry.policy.cost_interval_s
            for session in visit.sessions.values():
                if in_turn and session.told_s > turn_s - 2 * _SLACK_S:
                    continue
                if not session.unwilling and (session.freed_s is None or session.transaction.stopped_s is not None):
                    cost = session.cost(now)
                    if cost.gross != session.told:
                        return session, cost
        return None

    def _drop_over(self, visit: _Visit, now: float) -> None:
        """Forget sessions that are over and of which the station knows, or can no longer be told."""
        for number, session in (*visit.sessions.items(),):
            if session.freed_s is None or (session.transaction.stopped_s is None and visit.station.connected):
                continue
            if (
                not visit.station.connected
                or visit.unwilling is not None
                or session.unwilling
                or session.told == session.cost(now).gross
            ):
                del visit.sessions[number]
        if not visit.sessions and visit.telling is None and visit.unwilling is None and visit.due_s == inf:
            self._visits.pop(visit.station.identity, None)

    # Pictures.

    def _want_picture(self, station: Station, now: float) -> None:
        if station.connected and self._picture_for(station.identity) is not None:
            self._schedule(self._visit(station), self._turn(station, now))

    def _picture_for(self, identity: str) -> TariffPictureSet | None:
        """The picture that a station is to show and, as far as is known, does not."""
        picture = self.book.picture_of(identity)
        known = (self.book.shown.get(identity), self.refused_pictures.get(identity))
        return None if picture is None or picture.digest in known else picture

    def _picture_request(self, visit: _Visit) -> tuple[TariffPictureSet, DataTransferRequest] | None:
        picture = self._picture_for(visit.station.identity)
        location = (
            None if picture is None or self._location is None else self._location(visit.station.identity, picture)
        )
        if picture is None or location is None:
            return None
        return picture, tariff_download(location, picture.size_bytes)


def _status(outcome: Outcome) -> DataTransferStatus | None:
    if isinstance(outcome, Answered) and isinstance(outcome.response, DataTransferResponse):
        return outcome.response.status
    return None


def _why_unwilling(name: str, outcome: Outcome) -> str | None:
    """Why a station is to be left alone, by what came of a message; None where it may be told again."""
    status = _status(outcome)
    if status in _UNKNOWING:
        return f"It answered {name} with {status}."
    if isinstance(outcome, ErrorAnswered) and outcome.code in _UNABLE:
        return f"It answered {name} with the error {outcome.code}."
    return None
