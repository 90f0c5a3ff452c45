"""What must hold whatever happens, each rule by itself and outside of what it checks.

A checker hears what a `Watcher` hears. It raises `Violation` as soon as its rule is broken. It believes only what can
be seen from outside: frames, durable records, contactors, meters, and the supervision's ledger (`reckoning`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.errors import ForecourtError
from forecourt.ocpp.types import same_text
from forecourt.station import effects as do
from forecourt.station import events as happened
from forecourt.station.calls import CALL_TIMEOUT_S
from forecourt.world.watch import Watcher

if TYPE_CHECKING:
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


class Violation(ForecourtError):  # noqa: N818
    """A rule was broken: which one, and a sentence."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(f"{rule}: {sentence}")
        self.rule = rule


class Checker(Watcher):
    """One rule."""

    rule = ""

    def __init__(self, world: World) -> None:
        self.world = world

    def look(self, station: SimulatedStation) -> None:
        """Nothing is going on at this moment: is all well?"""

    def broken(self, station: SimulatedStation, sentence: str) -> Violation:
        """The rule was broken at this station."""
        return Violation(self.rule, f"{station.identity} at {self.world.now:.3f} s: {sentence}")


def decoded(data: bytes) -> Any:
    """JSON of the station's own making."""
    return msgspec.json.decode(data)


class OneCallAtATime(Checker):
    """While CallMsgInOrder is true no CALL is begun before the one before it has ended (OCPP-J 4.1.1)."""

    rule = "one CALL at a time"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._open: dict[str, tuple[str, float]] = {}

    def wanted(self, station: SimulatedStation, effect: Effect) -> None:
        if not isinstance(effect, do.SendFrame) or not effect.frame.startswith(b"[2"):
            return
        if not station.configuration.boolean("CallMsgInOrder"):
            return
        before = self._open.get(station.identity)
        if before is not None and self.world.now < before[1] + CALL_TIMEOUT_S:
            raise self.broken(station, f"{effect.frame[:60]!r} while {before[0]} is open")
        self._open[station.identity] = (decoded(effect.frame)[1], self.world.now)

    def heard(self, station: SimulatedStation, event: Event) -> None:
        before = self._open.get(station.identity)
        if before is None:
            return
        if isinstance(event, happened.LinkClosed) or (
            isinstance(event, happened.FrameReceived) and before[0].encode() in event.frame[:60]
        ):
            del self._open[station.identity]

    def ended(self, station: SimulatedStation) -> None:
        self._open.pop(station.identity, None)


class SavedFirst(Checker):
    """A StartTransaction or StopTransaction leaves when it is durable, and energy flows when its start is."""

    rule = "durable before it leaves"

    def done(self, station: SimulatedStation, effect: Effect) -> None:
        if isinstance(effect, do.SendFrame) and effect.frame.startswith(b"[2"):
            _, _, action, payload = decoded(effect.frame)
            if action in ("StartTransaction", "StopTransaction") and not self._is_kept(station, action, payload):
                raise self.broken(station, f"{action} was sent and is not in the records")
        elif isinstance(effect, do.CloseContactor) and running(station, effect.connector) is None:
            raise self.broken(station, f"contactor {effect.connector} closes without a transaction in the records")

    @staticmethod
    def _is_kept(station: SimulatedStation, action: str, payload: dict[str, Any]) -> bool:
        wanted = {name: value for name, value in payload.items() if name != "transactionId"}
        for (kind, _), data in station.records.items():
            if kind == "queue":
                entry = decoded(data)
                if entry[0] == action and {**entry[1], "transactionId": 0} == {**wanted, "transactionId": 0}:
                    return True
        return False


def running(station: SimulatedStation, connector: int) -> dict[str, Any] | None:
    """The transaction that the records know as running on a gun."""
    for (kind, _), data in station.records.items():
        if kind == "transaction":
            record: dict[str, Any] = decoded(data)
            if record["connector"] == connector and not record["is_stopped"]:
                return record
    return None


class EnergyIsAuthorized(Checker):
    """A contactor closes only for an idTag that was ever good, or an unknown one where the keys allow that offline."""

    rule = "no energy without authorization"

    def __init__(self, world: World, good_tags: tuple[str, ...]) -> None:
        super().__init__(world)
        self.good_tags = good_tags
        self._contactors: dict[tuple[str, int], None] = {}

    def done(self, station: SimulatedStation, effect: Effect) -> None:
        if isinstance(effect, do.OpenContactor):
            self._contactors.pop((station.identity, effect.connector), None)
        if not isinstance(effect, do.CloseContactor):
            return
        self._contactors[(station.identity, effect.connector)] = None
        transaction = running(station, effect.connector)
        tag = "" if transaction is None else transaction["idTag"]
        is_good = any(same_text(tag, good) for good in self.good_tags)
        if not is_good and not station.configuration.boolean("AllowOfflineTxForUnknownId"):
            raise self.broken(station, f"contactor {effect.connector} closes for the idTag {tag!r}")

    def ended(self, station: SimulatedStation) -> None:
        self._contactors = {entry: None for entry in self._contactors if entry[0] != station.identity}

    def look(self, station: SimulatedStation) -> None:
        for gun in range(1, len(station.cabinet.figures.guns) + 1):
            may_flow = (station.identity, gun) in self._contactors
            if station.reading(gun).power_w > 0 and not may_flow:
                raise self.broken(station, f"gun {gun} gives {station.reading(gun).power_w:.0f} W, ordered off")
            if station.has_power and may_flow and running(station, gun) is None and station.disk.is_idle:
                raise self.broken(station, f"contactor {gun} is closed and no transaction runs")


MATRIX: dict[str, str] = {
    "Available": "Preparing Charging SuspendedEV SuspendedEVSE Reserved Unavailable Faulted",
    "Preparing": "Available Charging SuspendedEV SuspendedEVSE Finishing Faulted",
    "Charging": "Available SuspendedEV SuspendedEVSE Finishing Unavailable Faulted",
    "SuspendedEV": "Available Charging SuspendedEVSE Finishing Unavailable Faulted",
    "SuspendedEVSE": "Available Charging SuspendedEV Finishing Unavailable Faulted",
    "Finishing": "Available Preparing Unavailable Faulted",
    "Reserved": "Available Preparing Unavailable Faulted",
    "Unavailable": "Available Preparing Charging SuspendedEV SuspendedEVSE Faulted",
    "Faulted": "Available Preparing Charging SuspendedEV SuspendedEVSE Finishing Reserved Unavailable",
}
"""OCPP 1.6 §4.9: which status may be reported after which."""


class StatusesByTheMatrix(Checker):
    """Of what is reported over one connection each status follows from the one before it, or over one left out.

    Statuses that lasted less than MinimumStatusDuration are not reported. What vendor errors hid is told without moves.
    A station that is not accepted yet tells a status only when triggered: the answer to its boot begins anew.
    """

    rule = "statuses by the matrix"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._told: dict[tuple[str, int], str] = {}
        self._boots: dict[str, str] = {}
        """By station the message id of its boot."""

    def done(self, station: SimulatedStation, effect: Effect) -> None:
        if not isinstance(effect, do.SendFrame) or not effect.frame.startswith(b"[2"):
            return
        _, message_id, action, payload = decoded(effect.frame)
        if action == "BootNotification":
            self._boots[station.identity] = message_id
            self._forget(station)
        elif action == "StatusNotification":
            self._told_status(station, payload)

    def _told_status(self, station: SimulatedStation, payload: dict[str, Any]) -> None:
        place, status = (station.identity, payload["connectorId"]), payload["status"]
        if payload["errorCode"] != "NoError":
            self._told.pop(place, None)
            return
        before = self._told.get(place)
        if before not in (None, status) and not self._may_follow(station, str(before), status):
            raise self.broken(station, f"connector {place[1]} went from {before} to {status}")
        self._told[place] = status

    @staticmethod
    def _may_follow(station: SimulatedStation, before: str, status: str) -> bool:
        nexts = MATRIX[before].split()
        if status in nexts:
            return True
        hides = station.configuration.integer("MinimumStatusDuration") > 0
        return hides and any(status in MATRIX[hidden].split() for hidden in nexts)

    def _forget(self, station: SimulatedStation) -> None:
        for place in [place for place in self._told if place[0] == station.identity]:
            del self._told[place]

    def heard(self, station: SimulatedStation, event: Event) -> None:
        if isinstance(event, happened.LinkOpened | happened.LinkClosed) or self._answers_boot(station, event):
            self._forget(station)

    def _answers_boot(self, station: SimulatedStation, event: Event) -> bool:
        boot = self._boots.get(station.identity)
        if boot is None or not isinstance(event, happened.FrameReceived):
            return False
        return event.frame.startswith(f'[3,"{boot}"'.encode())

    def ended(self, station: SimulatedStation) -> None:
        self._boots.pop(station.identity, None)
        self._forget(station)
