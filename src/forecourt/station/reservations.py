"""ReserveNow and CancelReservation (OCPP 1.6 §5.1, §5.13; facts §6.2; reading A46).

Theory of operation. `Reservations` owns the list, one durable record, and says who may start on a gun. Which guns show
Reserved follows from the list and from what the guns are doing, and is worked out anew by `settle` after every event
while there is anything to work out:

- A reservation for a gun keeps that gun.
- One for connector 0 keeps no gun in particular, but one must be left for it. As long as more guns are free than there
  are such reservations all stay Available; the last ones that are needed show Reserved. A free gun without a cable is
  kept before one with a car that waits at it.

A gun that is no longer kept is given back to `Guns`. A reservation ends with the transaction that uses it, at its
expiryDate by the station's clock, by CancelReservation, and when it can not be honoured any more: its gun is Faulted or
out of service or, for connector 0, the station is, or not enough guns are left. A gun in a transaction comes free again
and counts as left.

A reservation lets its own idTag start and, when it names a parentIdTag, everyone whose parent that is. The parent of a
tag comes from the local list or the cache, or else with the answer to Authorize.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from forecourt.ocpp.core import ChargePointStatus
from forecourt.ocpp.reservation import (
    CancelReservationRequest,
    CancelReservationResponse,
    CancelReservationStatus,
    ReservationStatus,
    ReserveNowRequest,
    ReserveNowResponse,
)
from forecourt.ocpp.types import same_text, to_epoch
from forecourt.station.authorization import is_id_tag
from forecourt.station.clock import Moment
from forecourt.station.effects import Effect, LogEvent, SaveRecord
from forecourt.station.queue import KIND as QUEUE_KIND
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.availability import Availability
    from forecourt.station.clock import Clock
    from forecourt.station.configuration import Configuration
    from forecourt.station.connector import Connector, Connectors

KIND = "reservation"
KEY = "all"

ROUNDING_S = 0.001
"""A deadline reckoned on the station's time line may fall short of the wall time it stands for by so much."""

FREE = frozenset({ChargePointStatus.Available, ChargePointStatus.Reserved})


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """A gun, or with connector 0 any gun, that is kept for somebody."""

    reservationId: int
    connectorId: int
    idTag: str
    expires_s: Moment
    """Seconds since the epoch."""
    parentIdTag: str | None = None

    def is_for(self, id_tag: str, parent_id_tag: str | None) -> bool:
        """Whether a tag may use it, given the tag's parent as far as it is known."""
        if same_text(self.idTag, id_tag):
            return True
        return self.parentIdTag is not None and parent_id_tag is not None and same_text(self.parentIdTag, parent_id_tag)


class Parents(Protocol):
    """Who knows groups of tags without asking."""

    def parent_of(self, id_tag: str) -> str | None:
        """The parentIdTag of a tag; None when it is not known to have one."""
        ...


class Guns(Protocol):
    """Who knows what goes on at the guns."""

    def is_plugged(self, connector: int) -> bool:
        """Whether a cable is plugged."""
        ...

    def reopen(self, connector: int, now: float) -> None:
        """A gun is no longer reserved: it is there for everyone."""
        ...


NO_RESERVATIONS: tuple[Reservation, ...] = ()

_decoder = msgspec.json.Decoder(tuple[Reservation, ...])
_encode = msgspec.json.Encoder().encode


class Reservations:
    """The reservations of one station."""

    __slots__ = (
        "_all",
        "_availability",
        "_clock",
        "_configuration",
        "_connectors",
        "_effects",
        "_guns",
        "_parents",
        "_timers",
        "is_active",
    )

    def __init__(
        self,
        configuration: Configuration,
        records: Mapping[tuple[str, str], bytes],
        connectors: Connectors,
        availability: Availability,
        parents: Parents,
        clock: Clock,
        timers: Timers,
        effects: list[Effect],
    ) -> None:
        self._configuration = configuration
        self._connectors = connectors
        self._availability = availability
        self._parents = parents
        self._clock = clock
        self._timers = timers
        self._effects = effects
        self._all = self._restored(records.get((KIND, KEY)))
        used = _used_last(records) if self._all else None  # power may have gone before the record of its end
        if any(one.reservationId == used for one in self._all):
            self._all = tuple(one for one in self._all if one.reservationId != used)
            effects.append(SaveRecord(KIND, KEY, _encode(self._all)))
        self.is_active = bool(self._all)
        """Whether `settle` has anything to do."""
        self._guns: Guns | None = None

    def _restored(self, data: bytes | None) -> tuple[Reservation, ...]:
        if data is None:
            return NO_RESERVATIONS
        try:
            found = _decoder.decode(data)
        except ValueError as error:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: {error}"))
            return NO_RESERVATIONS
        return tuple(one for one in found if one.connectorId <= len(self._connectors.guns))

    def connect(self, guns: Guns) -> None:
        """Name who knows of cables, and takes a gun back that is no longer Reserved."""
        self._guns = guns

    # Reading.

    @property
    def all(self) -> tuple[Reservation, ...]:
        """The reservations, oldest first."""
        return self._all

    def is_for_gun(self, connector: int) -> bool:
        """Whether this very gun is reserved."""
        return any(one.connectorId == connector for one in self._all)

    def _holding(self, connector: int) -> tuple[Reservation, ...]:
        """The reservations for which a gun is kept; it is free for everyone when there is none."""
        own = tuple(one for one in self._all if one.connectorId == connector)
        if not own and self._connectors[connector].status is ChargePointStatus.Reserved:
            return tuple(one for one in self._all if one.connectorId == 0)
        return own

    def admits(self, connector: int, id_tag: str, parent_id_tag: str | None) -> bool:
        """Whether a tag with this parent, None if it has none, may start on a gun."""
        holding = self._holding(connector) if self.is_active else ()
        if not holding:
            return True
        parent = parent_id_tag or self._parents.parent_of(id_tag)
        if any(one.is_for(id_tag, parent) for one in holding):
            return True
        self._effects.append(LogEvent("Charging refused", f"connector {connector} is not reserved for {id_tag}"))
        return False

    def may_admit(self, connector: int, id_tag: str) -> bool:
        """Whether an Authorize may lead to `admits`: the tag's parent is not known yet, and would count."""
        if not self.is_active or self._parents.parent_of(id_tag) is not None:
            return self.admits(connector, id_tag, None)
        hopes = any(one.parentIdTag is not None for one in self._holding(connector))
        return hopes or self.admits(connector, id_tag, None)

    def is_expected(self, connector: int, id_tag: str) -> bool:
        """Whether list and cache say that a gun is reserved for this tag."""
        parent = self._parents.parent_of(id_tag) if self._all else None
        return any(one.connectorId == connector and one.is_for(id_tag, parent) for one in self._all)

    # ReserveNow.

    def reserve(self, request: ReserveNowRequest, now: float) -> ReserveNowResponse:
        """Keep a gun for a tag, in place of the reservation of the same id, or say why not."""
        parent = request.parentIdTag if isinstance(request.parentIdTag, str) and request.parentIdTag else None
        one = Reservation(
            request.reservationId, request.connectorId, request.idTag, to_epoch(request.expiryDate), parent
        )
        others = tuple(other for other in self._all if other.reservationId != one.reservationId)
        wrong = self._what_is_wrong(one, now)
        status = ReservationStatus.Rejected if wrong is not None else self._status_for(one, others)
        if status is not ReservationStatus.Accepted:
            why = wrong or f"expected a free gun for connectorId {one.connectorId}, came {status}"
            self._effects.append(LogEvent("ReserveNow refused", f"reservation {one.reservationId}: {why}"))
            return ReserveNowResponse(status=status)
        self._keep((*others, one), now)
        return ReserveNowResponse(status=ReservationStatus.Accepted)

    def _what_is_wrong(self, one: Reservation, now: float) -> str | None:
        last = len(self._connectors.guns)
        if not 0 <= one.connectorId <= last:
            return f"expected connectorId 0 to {last}, came {one.connectorId}"
        if one.connectorId == 0 and not self._configuration.boolean("ReserveConnectorZeroSupported"):
            return f"expected connectorId 1 to {last}, came 0, and ReserveConnectorZeroSupported is false"
        if one.expires_s <= self._clock.wall(now):
            return "expected an expiryDate in the future, came one that has passed"
        if not is_id_tag(one.idTag):
            return f"expected an idTag of 1 to 20 printable characters, came {one.idTag!r}"
        return None

    def _status_for(self, one: Reservation, others: tuple[Reservation, ...]) -> ReservationStatus:
        """What becomes of a request beside the reservations that stay (§5.13)."""
        if (hindered := self._hindered(one.connectorId)) is not None:
            return hindered
        taken = {other.connectorId for other in others if other.connectorId}
        free = {row.number for row in self._connectors.guns if self._is_free(row)} - taken
        replaced = next((old.connectorId for old in self._all if old.reservationId == one.reservationId), 0)
        if replaced and self._connectors[replaced].status is ChargePointStatus.Reserved:
            free.add(replaced)  # with a cable it is not free for others, but this driver's car may be there already
        for_any = sum(other.connectorId == 0 for other in others)
        is_there = one.connectorId in free or one.connectorId == 0
        return ReservationStatus.Accepted if is_there and len(free) > for_any else ReservationStatus.Occupied

    def _hindered(self, connector: int) -> ReservationStatus | None:
        """Faulted or Unavailable, if the gun is that or, for connector 0, the station or every gun is."""
        own = _BARRED.get(self._connectors[connector].status)
        if own is not None or connector:
            return own
        guns = [_BARRED.get(row.status) for row in self._connectors.guns]
        if None in guns:
            return None
        return ReservationStatus.Unavailable if ReservationStatus.Unavailable in guns else ReservationStatus.Faulted

    def _is_free(self, row: Connector) -> bool:
        assert self._guns is not None, "nobody knows of cables"
        return row.status in FREE and not self._guns.is_plugged(row.number)

    # How reservations end.

    def cancel(self, request: CancelReservationRequest, now: float) -> CancelReservationResponse:
        """Forget a reservation."""
        stay = tuple(one for one in self._all if one.reservationId != request.reservationId)
        if stay == self._all:
            known = ", ".join(str(one.reservationId) for one in self._all) or "none"
            wrong = f"expected the id of a reservation ({known}), came {request.reservationId}"
            self._effects.append(LogEvent("CancelReservation refused", wrong))
            return CancelReservationResponse(status=CancelReservationStatus.Rejected)
        self._keep(stay, now)
        return CancelReservationResponse(status=CancelReservationStatus.Accepted)

    def used_by(self, connector: int, id_tag: str, parent_id_tag: str | None) -> int | None:
        """The id of the reservation that a transaction of this tag would be the use of."""
        if not self._all:
            return None
        parent = parent_id_tag or self._parents.parent_of(id_tag)
        own = (one for one in self._all if one.connectorId in (connector, 0) and one.is_for(id_tag, parent))
        used = max(own, key=lambda one: one.connectorId, default=None)
        return None if used is None else used.reservationId

    def use(self, reservation_id: int, now: float) -> None:
        """The StartTransaction that uses it is kept, and not told yet."""
        self._keep(tuple(one for one in self._all if one.reservationId != reservation_id), now)

    def expire(self, now: float) -> None:
        """The expiryDate of a reservation has come, or the clock was moved."""
        clock_s = self._clock.wall(now) + ROUNDING_S
        self._end(tuple(one for one in self._all if one.expires_s <= clock_s), "its expiryDate has passed", now)
        self._arm(now)

    def _end(self, ended: tuple[Reservation, ...], why: str, now: float) -> None:
        if ended:
            for one in ended:
                self._effects.append(LogEvent("Reservation ended", f"reservation {one.reservationId}: {why}"))
            self._keep(tuple(one for one in self._all if one not in ended), now)

    def _keep(self, reservations: tuple[Reservation, ...], now: float) -> None:
        self._all = reservations or NO_RESERVATIONS
        self.is_active = True
        self._effects.append(SaveRecord(KIND, KEY, _encode(reservations)))
        self._arm(now)

    def _arm(self, now: float) -> None:
        if self._all:
            first_s = min(one.expires_s for one in self._all)
            self._timers.set(Timer.RESERVATION, now + (first_s - self._clock.wall(now)))
        else:
            self._timers.stop(Timer.RESERVATION)

    # What the guns show.

    def settle(self, now: float) -> None:
        """Let the guns show what the reservations come to, now that something has happened."""
        self._end_what_can_not_be_honoured(now)
        for _ in self._connectors.guns:  # giving a gun back may start a session that uses a reservation
            if not self._move(self._kept(), now):
                break
        self.is_active = bool(self._all) or any(
            _state(row) is ChargePointStatus.Reserved for row in self._connectors.guns
        )

    def _move(self, kept: frozenset[int], now: float) -> bool:
        """Give back what is no longer kept, then show what is; return whether anything was given back."""
        given_back = [
            row.number
            for row in self._connectors.guns
            if _state(row) is ChargePointStatus.Reserved and row.number not in kept
        ]
        assert self._guns is not None, "nobody takes guns back"
        for number in given_back:
            self._guns.reopen(number, now)
        for number in sorted(kept):
            if self._connectors[number].status is ChargePointStatus.Available:
                self._connectors.move(number, ChargePointStatus.Reserved, now)
        return bool(given_back)

    def _kept(self) -> frozenset[int]:
        """The guns that show Reserved if nobody uses them."""
        own = frozenset(one.connectorId for one in self._all if one.connectorId)
        for_any = len(self._all) - len(own)
        pool = [row for row in self._connectors.guns if row.status in FREE and row.number not in own]
        empty = [row.number for row in pool if self._is_free(row)]
        waiting = [row.number for row in pool if not self._is_free(row)]
        if for_any == 0 or len(empty) > for_any:
            return own
        return own.union(empty, waiting[: for_any - len(empty)])

    def _end_what_can_not_be_honoured(self, now: float) -> None:
        left = [row.number for row in self._connectors.guns if self._is_in_service(row)]
        lost = tuple(one for one in self._all if one.connectorId and one.connectorId not in left)
        self._end(lost, "its connector is Faulted or Unavailable", now)
        for_any = tuple(one for one in self._all if one.connectorId == 0)
        most = 0
        if self._is_in_service(self._connectors[0]):
            most = sum(not self.is_for_gun(number) for number in left)
        self._end(for_any[most:], "no connector is left for it", now)

    def _is_in_service(self, row: Connector) -> bool:
        return row.status not in _BARRED and not self._availability.is_wanted_inoperative(row.number)


def _used_last(records: Mapping[tuple[str, str], bytes]) -> int | None:
    """The reservationId of the StartTransaction that was queued last, if it is not answered yet."""
    for (kind, _), data in sorted(records.items(), reverse=True):
        if kind == QUEUE_KIND and data.startswith(b'["StartTransaction"'):
            try:
                number = msgspec.json.decode(data)[1].get("reservationId")
            except (ValueError, LookupError, AttributeError):
                return None  # the queue says in the log what it can not read
            return number if isinstance(number, int) else None
    return None


_BARRED = {
    ChargePointStatus.Faulted: ReservationStatus.Faulted,
    ChargePointStatus.Unavailable: ReservationStatus.Unavailable,
}
"""Statuses in which nothing can be reserved, and how ReserveNow says so."""


def _state(row: Connector) -> ChargePointStatus:
    """The status, or under a fault the one it hides."""
    return row.before_fault if row.is_blocked else row.status
