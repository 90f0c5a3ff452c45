"""What a driver does at a gun, and what becomes of it: plug, badge, energy, stop, unplug ("Local Authentication").

Theory of operation. A session goes through three owners: `Authorization` decides, `Transactions` keeps, `Connectors`
reports. This block joins them for the things that happen at a gun, and owns only what none of those knows: whether a
cable is plugged, whether the vehicle draws, and which connector the screen shows. Everything that starts a session ends
up in `start`, everything that ends one in `stop`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.core import ChargePointErrorCode, ChargePointStatus, StopReason
from forecourt.ocpp.types import same_text
from forecourt.station.authorization import Attempt, Authorization, Decision, Refusal, is_id_tag, is_same_group
from forecourt.station.connector import EV_SIDE_DISCONNECTED
from forecourt.station.effects import CloseContactor, Effect, LogEvent, OpenContactor

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.station.availability import Availability
    from forecourt.station.boot import Boot
    from forecourt.station.configuration import Configuration
    from forecourt.station.connector import Connectors
    from forecourt.station.hardware import Hardware
    from forecourt.station.power import Power
    from forecourt.station.reservations import Reservations
    from forecourt.station.transactions import Ended, Transaction, Transactions

STARTABLE = frozenset({ChargePointStatus.Preparing, ChargePointStatus.Finishing, ChargePointStatus.Reserved})
"""Statuses of a plugged gun in which a session may start (B3, F2, G2)."""

OCCUPIED = frozenset({ChargePointStatus.Preparing, ChargePointStatus.Finishing})
"""Statuses of a gun without a session that end when the cable is pulled (B1, F1)."""

COMMUNICATING = frozenset(
    {
        ChargePointStatus.Preparing,
        ChargePointStatus.SuspendedEV,
        ChargePointStatus.SuspendedEVSE,
        ChargePointStatus.Finishing,
    }
)
"""The statuses with which EVCommunicationError may be reported (§4.9)."""

LOCKED = "no cable is plugged: the screen is locked"

VEHICLE_SILENT = "The vehicle no longer answers."


class Gun:
    """What the station knows of a cable."""

    __slots__ = ("is_drawing", "is_plugged", "is_withheld", "last", "refused", "takes_badges")

    def __init__(self) -> None:
        self.is_plugged = False
        self.is_drawing: bool | None = None
        """Whether the vehicle takes energy; None until it is known of this session."""
        self.is_withheld = False
        """Whether the cabinet has no power module for the gun."""
        self.takes_badges = False
        """Whether badges were enabled when the running session began: a change holds for the next one (A40)."""
        self.last: Ended | None = None
        """The session that ended with this cable still plugged, until it is unplugged or the next one begins."""
        self.refused: tuple[Refusal, float] | None = None
        """Why somebody was refused here last, and when; None when something else has happened since."""


class Sessions:
    """The guns of one station and what goes on at them."""

    __slots__ = (
        "_authorization",
        "_availability",
        "_boot",
        "_configuration",
        "_connectors",
        "_effects",
        "_guns",
        "_hardware",
        "_power",
        "_reservations",
        "_transactions",
        "is_closed",
        "shown",
    )

    def __init__(
        self,
        configuration: Configuration,
        connectors: Connectors,
        authorization: Authorization,
        transactions: Transactions,
        boot: Boot,
        hardware: Hardware,
        power: Power,
        availability: Availability,
        reservations: Reservations,
        effects: list[Effect],
    ) -> None:
        self._power = power
        self._availability = availability
        self._reservations = reservations
        self._configuration = configuration
        self._connectors = connectors
        self._authorization = authorization
        self._transactions = transactions
        self._boot = boot
        self._hardware = hardware
        self._effects = effects
        self._guns = tuple(Gun() for _ in connectors.guns)
        self.shown = 1
        """The connector that the screen shows; connector 1 first (reading A27)."""
        self.is_closed = False
        """No session may start: a reset is coming, or records can not be kept."""

    # Reading.

    def _gun(self, connector: int) -> Gun:
        assert connector > 0, "connector 0 is no gun"
        return self._guns[connector - 1]

    def is_plugged(self, connector: int) -> bool:
        """Whether a cable is plugged."""
        return self._gun(connector).is_plugged

    def is_startable(self, connector: int) -> bool:
        """Whether a session could start on this plugged gun now."""
        return (
            self._gun(connector).is_plugged
            and self._connectors[connector].status in STARTABLE
            and self._transactions.on(connector) is None
            and not self.is_closed
            and not self._availability.is_wanted_inoperative(connector)
            and self._boot.was_ever_accepted
        )

    @property
    def plugged(self) -> tuple[int, ...]:
        """The guns with a cable, lowest first."""
        return tuple(number for number, gun in enumerate(self._guns, start=1) if gun.is_plugged)

    def last(self, connector: int) -> Ended | None:
        """The session that ended on a gun whose cable is still plugged, unless another one runs."""
        return self._gun(connector).last

    def of_cable(self, connector: int) -> Transaction | None:
        """The transaction that runs on a gun, or that ended there with the cable still plugged."""
        running = self._transactions.on(connector)
        if running is not None:
            return running
        last = self._gun(connector).last
        return None if last is None else last.transaction

    def refused_at(self, connector: int) -> tuple[Refusal, float] | None:
        """Why somebody was refused at a gun, and when, unless something else has happened there since."""
        return self._gun(connector).refused

    def takes_badges(self, connector: int | None) -> bool:
        """Whether a badge counts: at a gun with a session if it did when that began, else if it does now (A40)."""
        if connector is not None and self._transactions.on(connector) is not None:
            return self._gun(connector).takes_badges
        return self._configuration.boolean("RFIDEnabled") and not self._configuration.boolean("FreeCharging")

    # The beginning of a life.

    def restore(self, lost_clock_s: float, now: float) -> None:
        """Find the cables as they are, and end the sessions that a power cut interrupted."""
        ended: dict[int, Ended] = {}
        for transaction in self._transactions.running:
            lost = self._transactions.end_lost(transaction.connector, lost_clock_s, now)
            if lost is not None:
                ended[transaction.connector] = lost
        for number, gun in enumerate(self._guns, start=1):
            gun.is_plugged = self._hardware.plugged(number)
            gun.last = ended.get(number) if gun.is_plugged else None
            self._connectors.begin(number, self._first_status(number, number in ended), now)
        if self._availability.is_wanted_inoperative(0):
            self._connectors.begin(0, ChargePointStatus.Unavailable, now)

    def _first_status(self, connector: int, has_ended: bool) -> ChargePointStatus:
        if self._availability.is_wanted_inoperative(connector):
            return ChargePointStatus.Unavailable
        if has_ended and self._gun(connector).is_plugged:
            return ChargePointStatus.Finishing
        if self._reservations.is_for_gun(connector):
            return ChargePointStatus.Reserved
        return ChargePointStatus.Preparing if self._gun(connector).is_plugged else ChargePointStatus.Available

    # Cables.

    def plug(self, connector: int, now: float) -> None:
        """A vehicle was connected."""
        self._gun(connector).is_plugged = True
        transaction = self._transactions.on(connector)
        if transaction is not None:
            if not transaction.is_deauthorized:
                self._effects.append(CloseContactor(connector))
        elif self._state(connector) is ChargePointStatus.Available:
            self._connectors.move(connector, ChargePointStatus.Preparing, now)

    def unplug(self, connector: int, now: float) -> None:
        """The vehicle was disconnected (§4.9: B1, F1, and the EV side disconnect)."""
        gun = self._gun(connector)
        gun.is_plugged = gun.is_withheld = False
        gun.is_drawing = gun.last = gun.refused = None
        self.shown = 1
        self._authorization.forget(connector)
        transaction = self._transactions.on(connector)
        if transaction is None:
            if self._state(connector) in OCCUPIED:
                self.vacate(connector, now)
        elif self._configuration.boolean("StopTransactionOnEVSideDisconnect"):
            self._end(connector, StopReason.EVDisconnected, None, now)
            self._connectors.move(connector, ChargePointStatus.Finishing, now, info=EV_SIDE_DISCONNECTED, at_once=True)
            self.vacate(connector, now)
        else:
            self._effects.append(OpenContactor(connector))
            self._connectors.move(
                connector, self._energy_status(transaction), now, info=EV_SIDE_DISCONNECTED, at_once=True
            )

    def vacate(self, connector: int, now: float) -> None:
        """Nobody is at a gun any longer: it is there for the next, or out of service if that was wanted (C8, F8)."""
        is_wanted_inoperative = self._availability.is_wanted_inoperative(connector)
        if not is_wanted_inoperative or self._state(connector) is ChargePointStatus.Preparing:
            self._connectors.move(connector, ChargePointStatus.Available, now)
        if is_wanted_inoperative:
            self._connectors.move(connector, ChargePointStatus.Unavailable, now)

    def withdraw(self, connector: int, now: float) -> None:
        """A connector without a transaction goes out of service at once, whoever is there (facts §3.1)."""
        self._authorization.forget(connector)
        self.vacate(connector, now)

    def restore_service(self, connector: int, now: float) -> None:
        """A connector is wanted in service (again)."""
        if self._state(connector) is ChargePointStatus.Unavailable:
            self.reopen(connector, now)

    def reopen(self, connector: int, now: float) -> None:
        """A connector is no longer Reserved or Unavailable: it is there for everyone, first of all for a car at it."""
        was_reserved = self._state(connector) is ChargePointStatus.Reserved
        if connector == 0 or was_reserved or not self._gun(connector).is_plugged:
            self._connectors.move(connector, ChargePointStatus.Available, now)
        if connector and self._gun(connector).is_plugged:
            self._connectors.move(connector, ChargePointStatus.Preparing, now)
            self.offer_unasked(connector, now)

    def _state(self, connector: int) -> ChargePointStatus:
        """The status, or under a fault the one it hides."""
        row = self._connectors[connector]
        return row.before_fault if row.is_blocked else row.status

    def draw(self, connector: int, is_drawing: bool, now: float) -> None:
        """The vehicle began or ceased to take energy."""
        gun, transaction = self._gun(connector), self._transactions.on(connector)
        gun.is_drawing, gun.is_withheld = is_drawing, False
        if transaction is not None and gun.is_plugged:
            self._connectors.move(connector, self._energy_status(transaction), now)

    def withhold(self, connector: int, is_withheld: bool, now: float) -> None:
        """The cabinet has no power module for a gun, or has one again."""
        gun, transaction = self._gun(connector), self._transactions.on(connector)
        if transaction is not None and gun.is_plugged:
            gun.is_withheld = is_withheld
            self._connectors.move(connector, self._energy_status(transaction), now)

    def fail(self, connector: int, now: float) -> None:
        """The vehicle no longer answers: the session is over. The error goes with a status that allows it (§4.9)."""
        if self._transactions.on(connector) is None or self._connectors[connector].is_blocked:
            return
        told_before = self._connectors[connector].status in COMMUNICATING
        if told_before:
            self._tell_of_failure(connector, now)
        self.stop(connector, StopReason.Other, None, now)
        if not told_before:
            self._tell_of_failure(connector, now)

    def _tell_of_failure(self, connector: int, now: float) -> None:
        self._connectors.mention(connector, ChargePointErrorCode.EVCommunicationError, VEHICLE_SILENT, now)

    def held_changed(self, connector: int, now: float) -> None:
        """Charging profiles no longer let a gun give anything, or do so again (reading A26)."""
        gun, transaction = self._gun(connector), self._transactions.on(connector)
        if transaction is None or not gun.is_plugged:
            return
        if self._power.is_held(connector) or gun.is_drawing is not None:
            self._connectors.move(connector, self._energy_status(transaction), now)

    def _energy_status(self, transaction: Transaction) -> ChargePointStatus:
        gun = self._gun(transaction.connector)
        is_held = gun.is_withheld or self._power.is_held(transaction.connector)
        if transaction.is_deauthorized or (gun.is_plugged and is_held):
            return ChargePointStatus.SuspendedEVSE
        if gun.is_drawing:
            return ChargePointStatus.Charging
        return ChargePointStatus.SuspendedEV

    # Who wants to charge.

    def touch(self, connector: int) -> None:
        """The screen was touched to see a gun, which has an effect while both are plugged (reading A27)."""
        if connector not in self.plugged:
            why = f"no cable is plugged at connector {connector}" if self.plugged else LOCKED
            self._effects.append(LogEvent("Touch ignored", why))
        elif len(self.plugged) > 1:
            self.shown = connector

    def badge(self, id_tag: str, now: float) -> None:
        """A badge was held to the reader: it starts, or it stops (reading A27)."""
        connector = self.meant
        if not self.takes_badges(connector):
            self._ignore_badge(connector, Refusal.NOT_ENABLED, "badges are not enabled", now)
        elif not is_id_tag(id_tag):
            wrong = f"expected 1 to 20 printable characters, came {id_tag!r}"
            self._ignore_badge(connector, Refusal.UNREADABLE, wrong, now)
        elif connector is None:
            self._ignore_badge(None, Refusal.NOT_READY, LOCKED, now)
        elif (transaction := self._transactions.on(connector)) is not None:
            self._stop_by_badge(transaction, id_tag, now)
        elif self.is_startable(connector):
            self._ask(connector, id_tag, self._decided, now)
        else:
            self._ignore_badge(connector, Refusal.NOT_READY, self._why_none_starts(connector), now)

    def _why_none_starts(self, connector: int) -> str:
        """Why no session may start on a gun with a cable and without a session."""
        if not self._boot.was_ever_accepted:
            return "the supervision has not accepted the station yet"
        if self.is_closed:
            return "the station is about to restart, or cannot keep records"
        if self._availability.is_wanted_inoperative(connector):
            return f"connector {connector} is out of service"
        return f"connector {connector} is {self._connectors[connector].status}"

    def _ignore_badge(self, connector: int | None, refusal: Refusal, why: str, now: float) -> None:
        self._effects.append(LogEvent("Badge ignored", why))
        if connector is not None:
            self._gun(connector).refused = (refusal, now)

    def _ask(
        self, connector: int, id_tag: str, decided: Callable[[Attempt, Decision, float], None], now: float
    ) -> None:
        """Have a tag decided, unless the gun is reserved for somebody else anyway."""
        gun = self._gun(connector)
        if self._reservations.may_admit(connector, id_tag):
            gun.refused = None
            self._authorization.ask(connector, id_tag, decided, now)
        else:
            gun.refused = (Refusal.RESERVED, now)

    @property
    def meant(self) -> int | None:
        """The gun that the screen shows, and that a badge is for: the plugged one, of two the one touched (A27)."""
        plugged = self.plugged
        if len(plugged) == 1:
            return plugged[0]
        return self.shown if self.shown in plugged else None

    def _stop_by_badge(self, transaction: Transaction, id_tag: str, now: float) -> None:
        if same_text(transaction.idTag, id_tag):
            self.stop(transaction.connector, StopReason.Local, id_tag, now)
        else:
            self._gun(transaction.connector).refused = None
            self._authorization.ask(transaction.connector, id_tag, self._stop_decided, now)

    def _stop_decided(self, attempt: Attempt, decision: Decision, now: float) -> None:
        transaction = self._transactions.on(attempt.connector)
        if transaction is None:
            return
        if decision.is_accepted and is_same_group(transaction, decision):
            self.stop(attempt.connector, StopReason.Local, attempt.idTag, now)
        else:
            wrong = f"connector {attempt.connector}: expected a tag of the group of {transaction.idTag}"
            self._effects.append(LogEvent("Stop refused", f"{wrong}, came {attempt.idTag}"))
            self._gun(attempt.connector).refused = (decision.refusal or Refusal.OTHER_BADGE, now)

    def offer_unasked(self, connector: int, now: float) -> None:
        """A cable was plugged: free charging starts by itself, and AutoCharge asks for the vehicle."""
        if not self.is_startable(connector):
            return
        if self._configuration.boolean("FreeCharging"):
            id_tag = self._configuration.text("DefaultIdTag")
            self._ask(connector, id_tag, self._free_decided, now)
        elif self._configuration.boolean("AutoCharge"):
            mac = self._hardware.vehicle_mac(connector)
            if mac is not None:
                id_tag = self._configuration.text("MacAddressPrefix") + mac
                self._ask(connector, id_tag, self._decided, now)

    def _free_decided(self, attempt: Attempt, decision: Decision, now: float) -> None:
        self.start(attempt.connector, attempt.idTag, decision.parentIdTag, now)

    def _decided(self, attempt: Attempt, decision: Decision, now: float) -> None:
        if decision.is_accepted:
            self.start(attempt.connector, attempt.idTag, decision.parentIdTag, now)
        else:
            refusal = decision.refusal or Refusal.NO_ANSWER
            refused = f"{attempt.idTag} on connector {attempt.connector}: {refusal}"
            self._effects.append(LogEvent("Charging refused", refused))
            self._gun(attempt.connector).refused = (refusal, now)

    # The session.

    def start(self, connector: int, id_tag: str, parent_id_tag: str | None, now: float) -> None:
        """Begin a transaction if the gun is still ready for one and not reserved for others."""
        if not self.is_startable(connector):
            return
        gun = self._gun(connector)
        if not self._reservations.admits(connector, id_tag, parent_id_tag):
            gun.refused = (Refusal.RESERVED, now)
            return
        gun.last = gun.refused = None
        reservation_id = self._reservations.used_by(connector, id_tag, parent_id_tag)
        if self._connectors[connector].status is not ChargePointStatus.Preparing:
            self._connectors.move(connector, ChargePointStatus.Preparing, now)
        gun.takes_badges = self.takes_badges(None)
        self._transactions.begin(connector, id_tag, parent_id_tag, now, reservation_id, self._reservations.use)
        self.held_changed(connector, now)

    def refused(self, transaction: Transaction, now: float) -> None:
        """StartTransaction was answered with a status other than Accepted (§3.5.4)."""
        if self._configuration.boolean("StopTransactionOnInvalidId"):
            self.stop(transaction.connector, StopReason.DeAuthorized, None, now)
        else:
            self._transactions.deauthorize(transaction)
            self._connectors.move(transaction.connector, ChargePointStatus.SuspendedEVSE, now)

    def stop(self, connector: int, reason: StopReason, id_tag: str | None, now: float) -> None:
        """End the transaction on a gun."""
        self._end(connector, reason, id_tag, now)
        if self._gun(connector).is_plugged:
            self._connectors.move(connector, ChargePointStatus.Finishing, now)
        else:
            self.vacate(connector, now)

    def _end(self, connector: int, reason: StopReason, id_tag: str | None, now: float) -> None:
        self._authorization.forget(connector)
        gun = self._gun(connector)
        gun.is_drawing, gun.is_withheld = None, False
        ended = self._transactions.end(connector, reason, id_tag, now)
        gun = self._gun(connector)
        gun.last = ended if gun.is_plugged else None
        gun.refused = None

    def stop_all(self, reason: StopReason, now: float) -> None:
        """End every transaction."""
        for transaction in self._transactions.running:
            self.stop(transaction.connector, reason, None, now)
