"""The connector's status matrix of OCPP 1.6 section 4.9, driven through the doors and read off the wire."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from forecourt.station import events
from forecourt.station.effects import LogEvent
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.simulated_station import SimulatedStation
from forecourt.world.world import World

if TYPE_CHECKING:
    from forecourt.station.effects import Effect

MATRIX = """
Available      Preparing Charging SuspendedEV SuspendedEVSE Reserved Unavailable Faulted
Preparing      Available Charging SuspendedEV SuspendedEVSE Finishing Faulted
Charging       Available SuspendedEV SuspendedEVSE Finishing Unavailable Faulted
SuspendedEV    Available Charging SuspendedEVSE Finishing Unavailable Faulted
SuspendedEVSE  Available Charging SuspendedEV Finishing Unavailable Faulted
Finishing      Available Preparing Unavailable Faulted
Reserved       Available Preparing Unavailable Faulted
Unavailable    Available Preparing Charging SuspendedEV SuspendedEVSE Faulted
Faulted        Available Preparing Charging SuspendedEV SuspendedEVSE Finishing Reserved Unavailable
"""
"""From the first status of a line to the others, as the table of section 4.9 prints it (errata 3.20)."""
ALLOWED = {words[0]: set(words[1:]) for words in map(str.split, MATRIX.strip().splitlines())}

GROUND_ERROR, EMERGENCY_STOP, WARNING = "0x100206", "0x200202", "0x100007"

LATER = "2026-03-02T20:00:00Z"
FOR_ANOTHER = f'{{"reservationId":9,"connectorId":1,"idTag":"OTHER","expiryDate":"{LATER}"}}'

Act = Callable[[World, SimulatedStation], None]


def scripted(world: World) -> ScriptedSupervision:
    """The supervision that does what it is told."""
    assert isinstance(world.central, ScriptedSupervision)
    return world.central


# Ways into each status.


def available(world: World, station: SimulatedStation) -> None:
    """Nothing is plugged."""


def preparing(world: World, station: SimulatedStation) -> None:
    station.plug(1)


def charging(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    station.badge("TAG")
    world.run(10)


def paused(world: World, station: SimulatedStation) -> None:
    charging(world, station)
    station.pause_car(1)


def disconnected(world: World, station: SimulatedStation) -> None:
    station.set_key("StopTransactionOnEVSideDisconnect", "false")
    charging(world, station)
    station.unplug(1)


def withheld(world: World, station: SimulatedStation) -> None:
    station.set_key("StopTransactionOnInvalidId", "false")
    scripted(world).answers["StartTransaction"] = {"transactionId": 1, "idTagInfo": {"status": "Invalid"}}
    charging(world, station)
    scripted(world).answers.clear()


def finishing(world: World, station: SimulatedStation) -> None:
    charging(world, station)
    station.badge("TAG")


def faulted(world: World, station: SimulatedStation) -> None:
    station.fault(GROUND_ERROR, 1)


def faulted_with_cable(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    station.fault(GROUND_ERROR, 1)


def reserved(world: World, station: SimulatedStation) -> None:
    scripted(world).ask("ReserveNow", {"reservationId": 5, "connectorId": 1, "idTag": "TAG", "expiryDate": LATER})


def unavailable(world: World, station: SimulatedStation) -> None:
    scripted(world).ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})


WAYS: dict[Act, str] = {
    available: "Available",
    preparing: "Preparing",
    charging: "Charging",
    paused: "SuspendedEV",
    disconnected: "SuspendedEV",
    withheld: "SuspendedEVSE",
    finishing: "Finishing",
    faulted: "Faulted",
    faulted_with_cable: "Faulted",
    reserved: "Reserved",
    unavailable: "Unavailable",
}


# What may happen then.


def call(action: str, payload: str) -> Act:
    """The supervision asks for something."""

    def act(world: World, station: SimulatedStation) -> None:
        station.deliver(f'[2,"{action}","{action}",{payload}]'.encode())

    return act


def change_availability(kind: str) -> Act:
    """The supervision wants gun 1 in or out of service."""
    return call("ChangeAvailability", f'{{"connectorId":1,"type":"{kind}"}}')


def happen(event: events.Event) -> Act:
    """An event at the door, whether the cabinet agrees or not."""
    return lambda world, station: station.happen(event)


def plug(world: World, station: SimulatedStation) -> None:
    if station.cabinet.plugged(1):
        station.happen(events.CablePlugged(1))
    else:
        station.plug(1)


def unplug(world: World, station: SimulatedStation) -> None:
    if station.cabinet.plugged(1):
        station.unplug(1)
    else:
        station.happen(events.CableUnplugged(1))


def reboot(world: World, station: SimulatedStation) -> None:
    station.reboot()
    world.run(120)


def cut(world: World, station: SimulatedStation) -> None:
    station.cut()
    world.run(120)
    station.power_on()


def lose_link(world: World, station: SimulatedStation) -> None:
    station.network_down()
    world.run(30)
    station.network_up()
    world.run_until(lambda: station.is_connected)


A, B, C, D, E, F, G, H, I = (  # noqa: E741  the document's letters
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEV",
    "SuspendedEVSE",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
)
HAPPENINGS: dict[str, tuple[Act, str]] = {
    # in the order of WAYS: Available, Preparing, Charging, paused, disconnected, withheld, Finishing, Faulted (2),
    # Reserved, Unavailable
    "plug": (plug, "B B C D C E F I I G H"),
    "unplug": (unplug, "A A A A D A A I I G H"),
    "badge": (lambda world, station: station.badge("TAG"), "A C F F D F C I I G H"),
    "another badge": (lambda world, station: station.badge("OTHER"), "A C C D D E C I I G H"),
    "empty badge": (lambda world, station: station.badge(""), "A B C D D E F I I G H"),
    "vehicle draws": (happen(events.VehicleDrawing(1)), "A B C C D E F I I G H"),
    "vehicle pauses": (happen(events.VehiclePaused(1)), "A B D D D E F I I G H"),
    "other gun": (lambda world, station: station.plug(2), "A B C D D E F I I G H"),
    "screen touched": (happen(events.ConnectorShown(2)), "A B C D D E F I I G H"),
    "no such gun shown": (happen(events.ConnectorShown(9)), "A B C D D E F I I G H"),
    "fault of the gun": (lambda world, station: station.fault(GROUND_ERROR, 1), "I I I I I I I I I I I"),
    "fault of the other gun": (lambda world, station: station.fault(GROUND_ERROR, 2), "A B C D D E F I I G H"),
    "fault of the station": (lambda world, station: station.fault(EMERGENCY_STOP, 0), "I I I I I I I I I I I"),
    "warning": (lambda world, station: station.fault(WARNING, 1), "A B C D D E F I I G H"),
    "fault cleared": (lambda world, station: station.clear(GROUND_ERROR, 1), "A B C D D E F A B G H"),
    "remote start": (call("RemoteStartTransaction", '{"connectorId":1,"idTag":"TAG"}'), "B C C D D E C I I B H"),
    "remote start anywhere": (call("RemoteStartTransaction", '{"idTag":"TAG"}'), "A C C D D E C I I G H"),
    "remote stop": (call("RemoteStopTransaction", '{"transactionId":1}'), "A B F F A F F I I G H"),
    "remote stop of none": (call("RemoteStopTransaction", '{"transactionId":9}'), "A B C D D E F I I G H"),
    "unlock": (call("UnlockConnector", '{"connectorId":1}'), "A B C D D E F I I G H"),
    "link lost": (lose_link, "A B C D D E F I I G H"),
    "records fail": (happen(events.SaveFailed("disk full")), "A B C D D E F I I G H"),
    "records are back": (happen(events.SaveRecovered()), "A B C D D E F I I G H"),
    "key set": (happen(events.KeySet("MeterValueSampleInterval", "5")), "A B C D D E F I I G H"),
    "reboot": (reboot, "A B B B A B B A B G H"),
    "power cut": (cut, "A B F F A F B A B G H"),
    "reserved": (call("ReserveNow", FOR_ANOTHER), "G B C D D E F I I G H"),
    "cancelled": (call("CancelReservation", '{"reservationId":5}'), "A B C D D E F I I A H"),
    "taken out of service": (change_availability("Inoperative"), "H H C D D E H I I H H"),
    "put into service": (change_availability("Operative"), "A B C D D E F I I G A"),
}
LETTERS = {"A": A, "B": B, "C": C, "D": D, "E": E, "F": F, "G": G, "H": H, "I": I}


@pytest.mark.requirement("OCPP-4.9-2")
@pytest.mark.parametrize("happening", HAPPENINGS)
@pytest.mark.parametrize("way", WAYS)
def test_gun_takes_only_transitions_of_the_table_whatever_happens(
    world: World, station: SimulatedStation, way: Act, happening: str
) -> None:
    way(world, station)
    world.run(10)
    assert station.status(1) == WAYS[way]
    act, expected = HAPPENINGS[happening]
    act(world, station)
    world.run(30)
    assert station.status(1) == LETTERS[expected.split()[list(WAYS).index(way)]]
    lives = split_at_boots(station)
    assert len(lives) == station.lives
    for reported in lives:
        for before, after in pairwise(reported):
            assert after == before or after in ALLOWED[before]


def split_at_boots(station: SimulatedStation) -> list[list[str]]:
    """The statuses reported of gun 1, life by life: a reboot starts from nothing."""
    lives: list[list[str]] = []
    for message in station.wire.calls():
        if message.action == "BootNotification":
            lives.append([])
        elif message.action == "StatusNotification" and message.payload["connectorId"] == 1:
            lives[-1].append(message.payload["status"])
    return lives


@pytest.mark.requirement("OCPP-4.9-2")
@pytest.mark.parametrize("seed", range(40))
def test_guns_take_only_transitions_of_the_table_on_a_random_walk(seed: int) -> None:
    world = World(seed, central=ScriptedSupervision)
    station = world.add_station(keys={"MinimumStatusDuration": "0"})
    world.run(5)
    doors: list[events.Event] = [
        *(kind(number) for kind in (events.CablePlugged, events.CableUnplugged) for number in (1, 2)),
        *(kind(number) for kind in (events.VehicleDrawing, events.VehiclePaused) for number in (1, 2)),
        *(events.ConnectorShown(number) for number in (1, 2)),
        *(events.BadgeShown(id_tag) for id_tag in ("TAG", "OTHER")),
        *(kind(GROUND_ERROR, number) for kind in (events.FaultRaised, events.FaultCleared) for number in (1, 2)),
        *(kind(EMERGENCY_STOP, 0) for kind in (events.FaultRaised, events.FaultCleared)),
        events.FaultCleared(EMERGENCY_STOP, 0),
        *(events.KeySet("StopTransactionOnEVSideDisconnect", value) for value in ("true", "false")),
        *(events.KeySet("StopTransactionOnInvalidId", value) for value in ("true", "false")),
        *(
            events.FrameReceived(f'[2,"r","RemoteStartTransaction",{{"connectorId":{number},"idTag":"TAG"}}]'.encode())
            for number in (1, 2)
        ),
        events.FrameReceived(f'[2,"r","ReserveNow",{FOR_ANOTHER}]'.encode()),
        events.FrameReceived(b'[2,"r","CancelReservation",{"reservationId":9}]'),
        *(
            events.FrameReceived(f'[2,"r","ChangeAvailability",{{"connectorId":{number},"type":"{kind}"}}]'.encode())
            for number in (0, 1, 2)
            for kind in ("Inoperative", "Operative")
        ),
    ]
    statuses = ["Accepted", "Accepted", "Invalid"]
    for _ in range(200):
        scripted(world).answers["StartTransaction"] = {
            "transactionId": 1,
            "idTagInfo": {"status": statuses[world.chance.getrandbits(16) % 3]},
        }
        station.happen(doors[world.chance.getrandbits(16) % len(doors)])
        world.run(world.chance.getrandbits(4))
    walked = [station.reported(1), station.reported(2)]
    for reported in walked:
        for before, after in pairwise(reported):
            assert after == before or after in ALLOWED[before]
    assert len(set(walked[0]) | set(walked[1])) > 3


# Single rows of the section.


@pytest.mark.requirement("OCPP-4.9-4")
def test_cable_or_remote_start_prepares_a_gun_and_a_badge_alone_does_not(
    world: World, station: SimulatedStation
) -> None:
    station.badge("TAG")
    world.run(60)
    assert station.reported(1) == [A]
    assert not station.wire.payloads("Authorize")
    station.plug(1)
    world.run(1)
    assert station.reported(1) == [A, B]
    assert scripted(world).ask("RemoteStartTransaction", {"connectorId": 2, "idTag": "TAG"}) == {"status": "Accepted"}
    world.run(1)
    assert station.reported(2) == [A, B]


@pytest.mark.requirement("OCPP-4.9-5")
def test_unplugging_or_connectiontimeout_frees_a_preparing_gun(world: World, station: SimulatedStation) -> None:
    """A badge takes no gun to Preparing (A27), so a second one takes none back, whatever made it so."""
    station.plug(1)
    world.run(5)
    station.unplug(1)
    world.run(5)
    assert station.reported(1) == [A, B, A]
    station.set_key("ConnectionTimeOut", "40")
    scripted(world).ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "TAG"})
    world.run(20)
    for _ in range(2):
        station.badge("TAG")
        world.run(9.5)
    assert station.reported(1) == [A, B, A, B]
    world.run(2)
    assert station.reported(1) == [A, B, A, B, A]


@pytest.mark.requirement("OCPP-4.9-6")
@pytest.mark.parametrize(("is_paused", "status"), [(False, C), (True, D)])
def test_preparing_becomes_charging_or_suspendedev_as_the_vehicle_takes_or_not(
    world: World, station: SimulatedStation, is_paused: bool, status: str
) -> None:
    station.plug(1)
    if is_paused:
        station.pause_car(1)
    station.badge("TAG")
    world.run(60)
    assert station.reported(1) == [A, B, status]
    assert (station.reading(1).power_w > 0) != is_paused


@pytest.mark.requirement("OCPP-4.9-7", "OCPP-7-3")
def test_vehicle_that_stops_taking_suspends_though_the_station_offers_and_returns(
    world: World, station: SimulatedStation
) -> None:
    charging(world, station)
    for _ in range(2):
        station.pause_car(1)
        world.run(30)
        assert station.reported(1)[-1] == D
        assert station.reading(1).power_w == 0
        assert station.reading(1).offered_w > 50_000
        station.resume_car(1)
        world.run(30)
        assert station.reported(1)[-1] == C
        assert station.reading(1).power_w > 50_000
    assert not station.wire.payloads("StopTransaction")


@pytest.mark.requirement("OCPP-4.9-9", "OCPP-4.9-11")
def test_session_that_ends_with_the_plug_in_finishes_and_a_new_start_opens_another(
    world: World, station: SimulatedStation
) -> None:
    charging(world, station)
    station.badge("TAG")
    world.run(60)
    assert station.reported(1) == [A, B, C, F]
    station.badge("NEXT")
    world.run(60)
    assert station.reported(1) == [A, B, C, F, B, C]
    assert [start["idTag"] for start in station.wire.payloads("StartTransaction")] == ["TAG", "NEXT"]
    scripted(world).ask("RemoteStopTransaction", {"transactionId": 2})
    world.run(5)
    scripted(world).ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "THIRD"})
    world.run(60)
    assert station.reported(1) == [A, B, C, F, B, C, F, B, C]
    assert [stop["transactionId"] for stop in station.wire.payloads("StopTransaction")] == [1, 2]
    assert len(station.wire.payloads("StartTransaction")) == 3


@pytest.mark.requirement("OCPP-4.9-14")
@pytest.mark.parametrize(
    ("way", "after"),
    [(available, A), (preparing, B), (finishing, F), (charging, F), (paused, F), (withheld, F), (disconnected, A)],
)
@pytest.mark.parametrize("dtc", [GROUND_ERROR, EMERGENCY_STOP])
def test_blocking_fault_takes_any_state_to_faulted_and_its_end_back(
    world: World, station: SimulatedStation, way: Act, after: str, dtc: str
) -> None:
    """A session ends with the fault, so the state before it is then that of an ended session."""
    way(world, station)
    world.run(10)
    station.fault(dtc, 1)
    world.run(30)
    *_, before, reported = station.reported(1)
    assert (before, reported) == (after, I)
    station.clear(dtc, 1)
    world.run(30)
    assert station.reported(1)[-1] == after


def test_gun_of_a_free_station_is_unmoved_by_what_has_no_gun(world: World, station: SimulatedStation) -> None:
    before: list[Effect] = list(station.effects)
    station.happen(events.ConnectorShown(3))
    station.happen(events.ConnectorShown(0))
    assert station.snapshot().shownConnector == 1
    ignored = LogEvent("Touch ignored", "no cable is plugged: the screen is locked")
    assert station.effects == [*before, ignored, ignored]
