"""Checkers of what a station promised by an answer, reservations and limits, and of what its records know."""

from __future__ import annotations

from datetime import datetime
from math import fsum, inf
from typing import TYPE_CHECKING, Any

from forecourt.cabinet.car import OutputType
from forecourt.ocpp.types import to_epoch
from forecourt.station import effects as do
from forecourt.station import events as happened
from forecourt.world.chance import SeededChance
from forecourt.world.checkers import Checker, decoded

if TYPE_CHECKING:
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event
    from forecourt.station.snapshot import StationSnapshot
    from forecourt.station.station import Station
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


class Promises(Checker):
    """Puts the answers that a station gives to what they answer.

    A station makes up its mind when it *decides*, and has *promised* when the answer leaves, which may be later.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._asked: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}

    def heard(self, station: SimulatedStation, event: Event) -> None:
        if isinstance(event, happened.FrameReceived) and event.frame.startswith(b"[2"):
            _, message_id, action, payload = decoded(event.frame)
            self._asked[(station.identity, message_id)] = (action, payload)

    def wanted(self, station: SimulatedStation, effect: Effect) -> None:
        if isinstance(effect, do.SendFrame) and effect.frame.startswith(b"[3"):
            _, message_id, response = decoded(effect.frame)
            request = self._asked.get((station.identity, message_id))
            if request is not None:
                self.decided(station, *request, response)

    def done(self, station: SimulatedStation, effect: Effect) -> None:
        if isinstance(effect, do.SendFrame) and effect.frame.startswith(b"[3"):
            _, message_id, response = decoded(effect.frame)
            request = self._asked.pop((station.identity, message_id), None)
            if request is not None:
                self.promised(station, *request, response)

    def ended(self, station: SimulatedStation) -> None:
        for place in [place for place in self._asked if place[0] == station.identity]:
            self.unanswered(station, *self._asked.pop(place))

    def pending(self, station: SimulatedStation) -> list[tuple[str, dict[str, Any]]]:
        """What was asked of a station and is not answered yet."""
        return [request for place, request in self._asked.items() if place[0] == station.identity]

    def unanswered(self, station: SimulatedStation, action: str, payload: dict[str, Any]) -> None:
        """The power went before an answer left: it may have been done or not."""

    def decided(
        self, station: SimulatedStation, action: str, payload: dict[str, Any], response: dict[str, Any]
    ) -> None:
        """The station answers a CALL of the supervision with a CALLRESULT, as soon as it may."""

    def promised(
        self, station: SimulatedStation, action: str, payload: dict[str, Any], response: dict[str, Any]
    ) -> None:
        """This answer leaves."""


class ReservationsLast(Promises):
    """A reservation that was accepted lasts until it is used, cancelled, replaced, over, or given up in the log."""

    rule = "no lost reservation"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._made: dict[str, dict[int, float]] = {}
        """By identity: reservationId -> expiry in seconds since the epoch, of those that the station decided on."""
        self._held: dict[str, dict[int, float]] = {}
        """Of those that it promised."""

    def decided(
        self, station: SimulatedStation, action: str, payload: dict[str, Any], response: dict[str, Any]
    ) -> None:
        if action == "ReserveNow" and response["status"] == "Accepted":
            expires_s = datetime.fromisoformat(payload["expiryDate"]).timestamp()
            self._over(station, payload["reservationId"])
            self._made.setdefault(station.identity, {})[payload["reservationId"]] = expires_s
        elif action == "CancelReservation" and response["status"] == "Accepted":
            self._over(station, payload["reservationId"])

    def promised(
        self, station: SimulatedStation, action: str, payload: dict[str, Any], response: dict[str, Any]
    ) -> None:
        if action == "ReserveNow" and response["status"] == "Accepted":
            expires_s = self._made.get(station.identity, {}).pop(payload["reservationId"], None)
            if expires_s is not None:
                self._held.setdefault(station.identity, {})[payload["reservationId"]] = expires_s

    def _over(self, station: SimulatedStation, number: int) -> None:
        for reservations in (self._made, self._held):
            reservations.get(station.identity, {}).pop(number, None)

    def ended(self, station: SimulatedStation) -> None:
        super().ended(station)
        self._made.pop(station.identity, None)

    def unanswered(self, station: SimulatedStation, action: str, payload: dict[str, Any]) -> None:
        if action in ("ReserveNow", "CancelReservation"):
            self._over(station, payload["reservationId"])

    def wanted(self, station: SimulatedStation, effect: Effect) -> None:
        super().wanted(station, effect)
        if isinstance(effect, do.LogEvent) and effect.name == "Reservation ended":
            self._over(station, int(effect.detail.split()[1].rstrip(":")))
        elif isinstance(effect, do.SaveRecord) and effect.kind == "queue":
            action, payload = decoded(effect.data)[:2]
            if action == "StartTransaction":
                self._over(station, payload.get("reservationId", 0))

    def look(self, station: SimulatedStation) -> None:
        held = self._held.get(station.identity)
        if not held or not station.has_power or not station.disk.is_idle:
            return
        snapshot = station.snapshot()
        there = {one.reservationId for one in snapshot.reservations}
        clock_s = max(to_epoch(snapshot.clock), self.world.clock_s)
        for number in [number for number, expires_s in held.items() if expires_s <= clock_s + 600]:
            del held[number]  # its time is over, or nearly, and clocks may differ
        for number in held:
            if number not in there:
                raise self.broken(station, f"reservation {number} is gone and nothing says why")


class LimitsHold(Promises):
    """What a TxDefaultProfile for all guns allows is not exceeded at any, nor the rating of the station at all.

    CHAdeMO guns know no profiles (guide, smart charging).
    """

    rule = "limits kept"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._promised_w: dict[str, float] = {}

    def promised(
        self, station: SimulatedStation, action: str, payload: dict[str, Any], response: dict[str, Any]
    ) -> None:
        if action in _LIMITING and response["status"] == "Accepted":
            self._promised_w[station.identity] = _limit_of(payload)

    def unanswered(self, station: SimulatedStation, action: str, payload: dict[str, Any]) -> None:
        if action in _LIMITING:
            before_w = self._promised_w.get(station.identity, inf)
            self._promised_w[station.identity] = max(before_w, _limit_of(payload))

    def look(self, station: SimulatedStation) -> None:
        guns = range(1, len(station.cabinet.figures.guns) + 1)
        powers_w = [station.reading(gun).power_w for gun in guns]
        pending = [_limit_of(payload) for action, payload in self.pending(station) if action in _LIMITING]
        limit_w = max([self._promised_w.get(station.identity, inf), *pending])
        for gun, power_w in zip(guns, powers_w, strict=True):
            obeys = station.cabinet.figures.guns[gun - 1].output is not OutputType.CHADEMO
            if obeys and power_w > limit_w + 1e-6:
                raise self.broken(station, f"gun {gun} gives {power_w:.1f} W of {limit_w:.0f} W")
        most_w = station.cabinet.figures.station_limit_w
        if fsum(powers_w) > most_w + 1e-6:
            raise self.broken(station, f"all guns give {fsum(powers_w):.1f} W of {most_w:.0f} W")


_LIMITING = ("SetChargingProfile", "ClearChargingProfile")


def _limit_of(payload: dict[str, Any]) -> float:
    if "csChargingProfiles" not in payload:
        return inf
    limit: float = payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
    return limit


class RecordsSayAll(Checker):
    """A brain that is built from the records at a quiet moment knows what the living one does."""

    rule = "records equal after a restart"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._looks = 0

    def look(self, station: SimulatedStation) -> None:
        self._looks += 1
        if self._looks % 8 or not station.has_power or not station.disk.is_idle:
            return
        living, twin = station.snapshot(), self._twin(station).snapshot(self.world.now)
        runs = sum(gun.transaction is not None for gun in living.connectors)
        for what, one, other in _compared(living, twin):
            if one != other:
                raise self.broken(station, f"{what} is {one}, after a restart {other}")
        if not living.queuedMessages <= twin.queuedMessages <= living.queuedMessages + runs:
            raise self.broken(
                station, f"{living.queuedMessages} messages queued, after a restart {twin.queuedMessages}"
            )

    def _twin(self, station: SimulatedStation) -> Station:
        twin = station.build(SeededChance(1))
        clock_s = to_epoch(station.snapshot().clock)
        twin.handle(happened.PowerRestored(clock_s, clock_s), self.world.now)
        return twin


def _compared(living: StationSnapshot, twin: StationSnapshot) -> list[tuple[str, object, object]]:
    def lasting(snapshot: StationSnapshot) -> list[str]:
        return sorted(
            repr(one.chargingProfile)
            for one in snapshot.chargingProfiles
            if one.chargingProfile.chargingProfilePurpose != "TxProfile"
        )

    return [
        ("keys", living.keysChanged, twin.keysChanged),
        ("local list", living.localList, twin.localList),
        ("cache", living.cachedIdTags, twin.cachedIdTags),
        ("profiles", lasting(living), lasting(twin)),
        ("inoperative", living.inoperative, twin.inoperative),
        ("reservations", living.reservations, twin.reservations),
        ("firmware", living.firmware, twin.firmware),
    ]
