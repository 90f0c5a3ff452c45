"""A station in a storm: random events in random order, through many lives. Certain things hold at every step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.faults import FAULTS
from forecourt.evlink.models import find_model
from forecourt.station import effects as do
from forecourt.station import events as happened
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MODEL = find_model("EVD1S180TBB")
COMMISSIONING = Commissioning("CP-1", "ws://supervision.example", MODEL.reference, "S-1", "3.5.8803")
CLOCK_S = 1_772_000_000.0
CALL_TIMEOUT_S = 30.0
OF_TRANSACTIONS = ("StartTransaction", "MeterValues", "StopTransaction")

# The status matrix of OCPP 1.6 section 4.9, row by row as printed (errata 3.20).
MATRIX = {
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

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
REFUSED = {"idTagInfo": {"status": "Blocked"}}
OF_FAMILY = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "Authorize": [ACCEPTED, OF_FAMILY, REFUSED],
    "StartTransaction": [{**ACCEPTED, "transactionId": 7}, {**REFUSED, "transactionId": 8}],
    "Heartbeat": [{"currentTime": "2026-02-25T08:00:00Z"}],
}
BOOT = {"currentTime": "2026-02-25T06:13:20Z", "interval": 50}
FOR_ONE = {"idTag": "ONE", "expiryDate": "2026-02-25T09:00:00Z"}
FOR_FAMILY = {"idTag": "REMOTE", "parentIdTag": "FAMILY", "expiryDate": "2026-02-25T08:00:30Z"}
COST = '{"currency":"EUR","method":"CostUpdated","connectID":%d,"totalCost":1.5,"transactionId":7}'
REQUESTS: Sequence[tuple[str, dict[str, Any]]] = [
    ("RemoteStartTransaction", {"idTag": "REMOTE"}),
    ("RemoteStartTransaction", {"idTag": "REMOTE", "connectorId": 2}),
    ("RemoteStopTransaction", {"transactionId": 7}),
    ("GetConfiguration", {}),
    ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "7"}),
    ("ChangeConfiguration", {"key": "StopTransactionOnInvalidId", "value": "false"}),
    ("ChangeConfiguration", {"key": "StopTransactionOnEVSideDisconnect", "value": "false"}),
    ("ChangeConfiguration", {"key": "FreeCharging", "value": "true"}),
    ("ChangeConfiguration", {"key": "AutoCharge", "value": "true"}),
    ("UnlockConnector", {"connectorId": 1}),
    *(("DataTransfer", {"vendorId": "com.se.cost", "messageId": "CostUpdated", "data": COST % gun}) for gun in (1, 2)),
    ("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}),
    ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}),
    ("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"}),
    *(("ChangeAvailability", {"connectorId": number, "type": "Operative"}) for number in (0, 0, 1, 2)),
    *(("ReserveNow", {"connectorId": number, "reservationId": number, **FOR_ONE}) for number in (0, 1, 2)),
    *(("ReserveNow", {"connectorId": number, "reservationId": 3, **FOR_FAMILY}) for number in (0, 1, 2)),
    *(("CancelReservation", {"reservationId": number}) for number in (0, 1, 2, 3)),
    *(
        ("TriggerMessage", {"requestedMessage": message})
        for message in ("BootNotification", "Heartbeat", "MeterValues")
    ),
    *(("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": number}) for number in (0, 1)),
    ("Reset", {"type": "Soft"}),
    ("DoMagic", {}),
    ("Reset", {"type": 3}),
]
OF_GUNS = ("RemoteStartTransaction", "ReserveNow", "CancelReservation", "ChangeAvailability", "TriggerMessage")
GARBAGE = ["", "[]", "[2", '[2,"x"]', '[5,"x",{}]', '[3,"x",{}]', '[4,"x","e","",{}]', "\x00"]


class Walk:
    """Whatever is around a station, moved by chance."""

    requests = REQUESTS

    def __init__(self, seed: int) -> None:
        self.chance = SeededChance(seed)
        self.cabinet = SimulatedCabinet(figures_of(MODEL))
        self.records: dict[tuple[str, str], bytes] = {}
        self.now = 0.0
        self.ids: set[str] = set()
        self.actions: dict[str, int] = {}
        self.lives = 0
        self.reservations_used = 0
        self.faults: list[tuple[str, int]] = []
        self.begin()

    def below(self, limit: int) -> int:
        return self.chance.getrandbits(32) % limit

    def one_of(self, choices: Sequence[Any]) -> Any:
        return choices[self.below(len(choices))]

    # Lives.

    def begin(self) -> None:
        self.lives += 1
        self.link = "closed"
        self.open: tuple[str, str, float] | None = None
        self.told: dict[int, str] = {}
        self.faults.clear()
        self.ends = False
        self.station = Station(COMMISSIONING, StationOptions(), self.cabinet, dict(self.records), self.chance)
        self.handle(happened.PowerRestored(CLOCK_S + self.now, CLOCK_S + self.now - 1))
        for key, value in (("MinimumStatusDuration", "0"), ("MeterValueSampleInterval", "20")):
            self.handle(happened.KeySet(key, value))

    def cut(self) -> None:
        self.cabinet.cut_power(self.now)
        self.now += 5
        self.begin()

    def handle(self, event: happened.Event) -> None:
        self.carry_out(self.station.expire(self.now))
        self.carry_out(self.station.handle(event, self.now))
        self.check_guns()

    def carry_out(self, effects: list[do.Effect]) -> None:
        for effect in effects:
            self.carry_out_one(effect)
        if self.ends:
            self.cut()

    def carry_out_one(self, effect: do.Effect) -> None:
        match effect:
            case do.SaveRecord(kind, key, data):
                self.records[(kind, key)] = data
            case do.DeleteRecord(kind, key):
                self.records.pop((kind, key), None)
            case do.SendFrame(frame):
                self.check_frame(json.loads(frame))
            case do.OpenLink():
                assert self.link == "closed"
                self.link = "opening"
            case do.CloseContactor(connector):
                running = [r for r in self.saved("transaction") if r["connector"] == connector and not r["is_stopped"]]
                assert len(running) == 1, "energy only for a transaction that is saved"
                self.cabinet.handle(effect, self.now)
            case do.OpenContactor() | do.LimitPower():
                self.cabinet.handle(effect, self.now)
            case do.Reboot():
                self.ends = True

    # What must hold.

    def saved(self, kind: str) -> list[Any]:
        return [json.loads(data) for (of, _), data in self.records.items() if of == kind]

    def check_frame(self, frame: list[Any]) -> None:
        assert self.link == "open", "nothing is sent without a connection"
        if frame[0] != 2:
            return
        _, message_id, action, payload = frame
        assert message_id not in self.ids, "an id is used once"
        self.ids.add(message_id)
        assert self.open is None or self.now >= self.open[2] + CALL_TIMEOUT_S, "one CALL at a time"
        self.open = (message_id, action, self.now)
        self.actions[action] = self.actions.get(action, 0) + 1
        self.reservations_used += "reservationId" in payload and action == "StartTransaction"
        if action in OF_TRANSACTIONS and not is_triggered(payload):
            self.check_saved(action, payload)
        elif action == "BootNotification":
            self.told.clear()  # whoever is not accepted any longer says later how things stand by then
        elif action == "StatusNotification":
            self.check_status(payload["connectorId"], payload["status"], payload["errorCode"])

    def check_guns(self) -> None:
        """What guns show is what reservations and the wish of the supervision come to."""
        snapshot = self.station.snapshot(self.now)
        reserved = {one.connectorId for one in snapshot.reservations}
        assert len(snapshot.reservations) <= 2
        for gun in snapshot.connectors:
            is_out = gun.connectorId in snapshot.inoperative
            if gun.status == "Available":
                assert not is_out
                assert gun.connectorId not in reserved
                assert not gun.plugged
            elif gun.status == "Reserved":
                assert not is_out
                assert reserved & {0, gun.connectorId}
            elif gun.status == "Unavailable":
                assert is_out
                assert gun.transaction is None
            elif is_out and gun.status != "Faulted":
                assert gun.transaction is not None or gun.status == "Finishing"
            if gun.connectorId in reserved:
                assert gun.status in ("Reserved", "Preparing")

    def check_saved(self, action: str, payload: dict[str, Any]) -> None:
        """A transaction message is in the records before it is sent; only its transactionId may be newer."""

        def without_id(fields: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in fields.items() if name != "transactionId"}

        kept = [without_id(entry[1]) for entry in self.saved("queue") if entry[0] == action]
        assert without_id(payload) in kept

    def check_status(self, connector: int, status: str, error_code: str) -> None:
        """Moves that are reported obey the matrix. Errors that came and went offline are told later, without moves."""
        if error_code != "NoError":
            self.told.pop(connector, None)
            return
        before = self.told.get(connector)
        if before is not None and before != status:
            assert status in MATRIX[before].split(), f"connector {connector}: {before} -> {status}"
        self.told[connector] = status

    # What may happen.

    def step(self) -> None:
        self.pass_time(self.now + self.one_of((0.0, 0.01, 1.0, 7.0, 31.0)))
        happenings: tuple[Callable[[], None], ...] = (
            *(self.plug, self.badge, self.badge, self.answer, self.answer, self.answer, self.link_changes, self.ask),
            *(self.plug, self.answer, self.answer, self.answer, self.fault, self.show, self.pong, self.rarely),
        )
        self.one_of(happenings)()

    def pass_time(self, until: float) -> None:
        """From deadline to deadline, as a driver does."""
        while (due := min(self.station.next_deadline(), self.cabinet.next_deadline())) <= until:
            self.now = max(self.now, due)
            for event in self.cabinet.expire(self.now):
                self.handle(event)
            self.carry_out(self.station.expire(self.now))
        self.now = max(self.now, until)  # a reboot takes time of its own

    def plug(self) -> None:
        connector = self.one_of((1, 2))
        if self.cabinet.plugged(connector):
            if self.below(3) == 0:
                for event in self.cabinet.unplug(connector, self.now):
                    self.handle(event)
        else:
            for event in self.cabinet.plug(connector, FAMILY_CAR, self.now):
                self.handle(event)

    def badge(self) -> None:
        self.handle(happened.BadgeShown(self.one_of(("ONE", "TWO", "one", "", "x" * 30))))

    def show(self) -> None:
        touches = (*(happened.ConnectorShown(number) for number in (1, 2, 3)), happened.TariffShown())
        self.handle(self.one_of((*touches, happened.TariffHidden())))
        screen = self.station.snapshot(self.now).screen
        assert (screen.gun is None) == screen.isLocked == (not any(self.cabinet.plugged(gun) for gun in (1, 2)))

    def pong(self) -> None:
        if self.link == "open":
            self.handle(happened.PongReceived())

    def fault(self) -> None:
        if self.faults and self.below(3):
            dtc, connector = self.faults.pop(self.below(len(self.faults)))
            self.handle(happened.FaultCleared(dtc, connector))
        else:
            dtc, connector = self.one_of(FAULTS).dtc, self.one_of((0, 1, 2))
            self.faults.append((dtc, connector))
            self.handle(happened.FaultRaised(dtc, connector))

    def link_changes(self) -> None:
        if self.link == "opening" and self.below(3):
            self.link = "open"
            self.handle(happened.LinkOpened())
        elif self.link == "opening":
            self.link = "closed"
            self.handle(happened.LinkRefused("nobody there", self.one_of((None, 401, 404))))
        elif self.link == "open" and self.below(4) == 0:
            self.link, self.open = "closed", None
            self.told.clear()
            self.handle(happened.LinkClosed(1006, "gone"))

    def answer(self) -> None:
        if self.link == "opening":
            self.link_changes()
        if self.link != "open" or self.open is None:
            return
        message_id, action, _ = self.open
        self.open = None
        luck = self.below(12)
        if action == "BootNotification":
            self.receive(
                [3, message_id, {"status": self.one_of(("Accepted", "Accepted", "Pending", "Rejected")), **BOOT}]
            )
        elif luck == 0:
            self.receive([4, message_id, "InternalError", "", {}])
        elif luck == 1:
            self.receive([3, message_id, {"nonsense": 1}])
        else:
            self.receive([3, message_id, self.one_of(ANSWERS.get(action, [{}]))])

    def ask(self) -> None:
        if self.link != "open":
            return
        if self.below(3) == 0:
            self.handle(happened.FrameReceived(self.one_of(GARBAGE).encode()))
        else:
            action, payload = self.one_of(self.requests)
            self.receive([2, f"c{self.below(1000)}", action, payload])

    def receive(self, frame: list[Any]) -> None:
        self.handle(happened.FrameReceived(json.dumps(frame).encode()))

    def rarely(self) -> None:
        if self.below(8):
            return
        kind = self.below(5)
        if kind == 0:
            self.cut()
        elif kind == 1:
            self.handle(happened.RebootRequested())
        elif kind == 2:
            self.handle(happened.SaveFailed("disk full"))
            self.handle(happened.SaveRecovered())
        elif kind == 3:
            self.handle(happened.PowerLost())
            self.cut()
        else:
            self.handle(happened.KeySet("FreeCharging", "false"))


class CalmWalk(Walk):
    """Few faults and power cuts, and a supervision that does nothing but reserve, change availability and trigger."""

    requests = (
        *(request for request in REQUESTS if request[0] in OF_GUNS),
        *(3 * [request for request in REQUESTS if request[0] == "ReserveNow"]),
        *(3 * [request for request in REQUESTS if request[1].get("type") == "Operative"]),
    )

    def fault(self) -> None:
        if self.faults or self.below(6) == 0:
            super().fault()
        else:
            self.ask()

    def rarely(self) -> None:
        if self.below(20) == 0:
            self.cut()


def is_triggered(payload: dict[str, Any]) -> bool:
    """Whether these are the MeterValues that a trigger asked for: they are of this moment and not kept."""
    values = payload.get("meterValue", ())
    return any(sample["context"] == "Trigger" for value in values for sample in value["sampledValue"])


@pytest.mark.parametrize("seed", range(40))
def test_station_stays_sound_whatever_happens_to_it(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(600):
        walk.step()
    assert walk.actions["BootNotification"]


@pytest.mark.parametrize("seed", range(20))
def test_reservations_and_availability_stay_sound_on_calm_days(seed: int) -> None:
    walk = CalmWalk(seed)
    for _ in range(600):
        walk.step()


def test_calm_walks_lead_to_reservations_that_are_used_and_guns_out_of_service() -> None:
    shown: dict[str, int] = {}
    used = 0
    for seed in range(10):
        walk = CalmWalk(seed)
        for _ in range(600):
            walk.step()
            for gun in walk.station.snapshot(walk.now).connectors:
                shown[gun.status] = shown.get(gun.status, 0) + 1
        used += walk.reservations_used
    assert min(shown[status] for status in ("Available", "Reserved", "Unavailable", "Charging")) > 500, shown
    assert used > 5


def test_walks_lead_everywhere() -> None:
    """The walks above are worth something: together they send every message of the core profile many times."""
    actions: dict[str, int] = {}
    lives = 0
    for seed in range(10):
        walk = Walk(seed)
        for _ in range(600):
            walk.step()
        lives += walk.lives
        for action, count in walk.actions.items():
            actions[action] = actions.get(action, 0) + count
    assert all(actions.get(action, 0) >= 10 for action in (*OF_TRANSACTIONS, "Heartbeat", "Authorize")), actions
    assert lives > 30
