"""StatusNotification on the wire: when it is sent, with which moment, and with which optional fields."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.station.commissioning import StationOptions
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import START, World

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

GROUND_ERROR = "0x100206"
INSULATION_WARNING = "0x100007"
READER_ALARM = "0x100005"
EMERGENCY_STOP = "0x100202"


def reports(station: SimulatedStation, connector: int = 1) -> list[dict[str, Any]]:
    """The StatusNotifications of one connector, oldest first."""
    return [note for note in station.wire.payloads("StatusNotification") if note["connectorId"] == connector]


def moment(note: dict[str, Any]) -> float:
    """The timestamp of a report in seconds of the world."""
    return (datetime.fromisoformat(note["timestamp"]) - START).total_seconds()


def sent_at(station: SimulatedStation) -> list[float]:
    """When each StatusNotification went out."""
    return [message.at for message in station.wire.calls("StatusNotification")]


def whole_session(world: World, station: SimulatedStation) -> None:
    """A session with a warning, a pause, a blocking fault of the gun and one of the station."""
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    station.fault(INSULATION_WARNING, 1)
    station.pause_car(1)
    world.run(30)
    station.fault(READER_ALARM, 0)
    station.fault(GROUND_ERROR, 1)
    world.run(30)
    station.clear(GROUND_ERROR, 1)
    station.fault(EMERGENCY_STOP, 0)
    world.run(30)
    station.clear(EMERGENCY_STOP, 0)
    station.clear(READER_ALARM, 0)
    station.clear(INSULATION_WARNING, 1)
    station.unplug(1)
    world.run(30)


@pytest.mark.requirement("GUIDE-STAT-01")
def test_station_puts_a_timestamp_into_every_statusnotification(world: World, station: SimulatedStation) -> None:
    whole_session(world, station)
    notes = station.wire.payloads("StatusNotification")
    assert {note["connectorId"] for note in notes} == {0, 1, 2}
    assert len(notes) > 15
    assert all(datetime.fromisoformat(note["timestamp"]).tzinfo is not None for note in notes)


@pytest.mark.requirement("GUIDE-STAT-03")
def test_station_adds_no_vendor_fields_to_noerror_and_info_only_for_an_ev_side_disconnect(
    world: World, station: SimulatedStation
) -> None:
    whole_session(world, station)
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    station.unplug(1)
    world.run(30)
    fine = [note for note in station.wire.payloads("StatusNotification") if note["errorCode"] == "NoError"]
    assert len(fine) > 10
    assert not any("vendorId" in note or "vendorErrorCode" in note for note in fine)
    assert [note.get("info") for note in fine if "info" in note] == ["EV side disconnected"]


@pytest.mark.requirement("GUIDE-STAT-04")
def test_station_names_dtc_description_and_vendor_with_every_error(world: World, station: SimulatedStation) -> None:
    whole_session(world, station)
    described = {
        INSULATION_WARNING: "Insulation warning",
        READER_ALARM: "Card reader communication failure alarm",
        GROUND_ERROR: "Ground error",
        EMERGENCY_STOP: "Terminal emergency stop is pressed",
    }
    errors = [note for note in station.wire.payloads("StatusNotification") if note["errorCode"] != "NoError"]
    assert {note["vendorErrorCode"] for note in errors} == set(described)
    for note in errors:
        assert note["info"] == described[note["vendorErrorCode"]]
        assert note["vendorId"] == "Schneider Electric"


@pytest.mark.requirement("GUIDE-STAT-05")
def test_station_with_the_option_sends_timestamp_only_even_with_an_error(world: World) -> None:
    station = world.add_station(options=StationOptions(status_timestamp_only=True), keys={"MinimumStatusDuration": "0"})
    world.run(5)
    whole_session(world, station)
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    station.unplug(1)
    world.run(30)
    notes = station.wire.payloads("StatusNotification")
    assert {"GroundFailure", "ReaderFailure", "InternalError", "OtherError", "NoError"} == {
        note["errorCode"] for note in notes
    }
    assert {tuple(sorted(note)) for note in notes} == {("connectorId", "errorCode", "status", "timestamp")}


# Moments.


@pytest.mark.requirement("GUIDE-STAT-02", "OCPP-9.1-6", "OCPP-4.9-17")
def test_station_reports_a_status_that_lasts_late_but_with_the_moment_of_the_change(world: World) -> None:
    station = world.add_station(keys={"MinimumStatusDuration": "25"})
    world.run(60)
    before = len(reports(station))
    station.plug(1)
    world.run(24.9)
    assert len(reports(station)) == before
    world.run(0.2)
    assert reports(station)[-1]["status"] == "Preparing"
    assert len(reports(station)) == before + 1
    assert moment(reports(station)[-1]) == pytest.approx(60, abs=0.01)
    assert sent_at(station)[-1] == pytest.approx(85, abs=0.01)


@pytest.mark.requirement("OCPP-4.9-17")
def test_station_leaves_out_a_status_shorter_than_minimumstatusduration(world: World) -> None:
    station = world.add_station(keys={"MinimumStatusDuration": "10"})
    world.run(60)
    before = len(reports(station))
    station.plug(1)
    world.run(3)
    assert station.status(1) == "Preparing"
    station.badge("TAG")
    world.run(8)
    assert station.status(1) == "Charging"
    world.run(30)
    assert [note["status"] for note in reports(station)[before:]] == ["Charging"]


def test_station_reports_nothing_when_a_gun_is_back_where_it_was_in_time(world: World) -> None:
    station = world.add_station(keys={"MinimumStatusDuration": "10"})
    world.run(60)
    before = len(reports(station))
    station.plug(1)
    world.run(5)
    station.unplug(1)
    world.run(100)
    assert len(reports(station)) == before


@pytest.mark.requirement("GUIDE-STAT-02")
def test_station_reports_a_status_of_an_offline_time_with_the_moment_of_the_change(
    world: World, station: SimulatedStation
) -> None:
    station.network_down()
    world.run(10)
    station.plug(2)
    plugged_at = world.now
    world.run(300)
    station.network_up()
    world.run(120)
    assert reports(station, 2)[-1]["status"] == "Preparing"
    assert moment(reports(station, 2)[-1]) == pytest.approx(plugged_at, abs=0.01)


@pytest.mark.requirement("GUIDE-STAT-02")
def test_station_dates_the_end_of_a_warning_with_the_moment_it_ended(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    world.run(50)
    station.fault(INSULATION_WARNING, 1)
    raised_at = world.now
    world.run(50)
    station.clear(INSULATION_WARNING, 1)
    cleared_at = world.now
    world.run(1)
    warning, fine = reports(station)[-2:]
    assert (warning["errorCode"], fine["errorCode"]) == ("OtherError", "NoError")
    assert moment(warning) == pytest.approx(raised_at, abs=0.01)
    assert moment(fine) == pytest.approx(cleared_at, abs=0.01)


@pytest.mark.requirement("GUIDE-STAT-02")
def test_station_dates_a_late_status_under_a_warning_with_the_moment_of_the_change(world: World) -> None:
    station = world.add_station(keys={"MinimumStatusDuration": "10"})
    world.run(60)
    station.fault(INSULATION_WARNING, 1)
    world.run(60)
    station.plug(1)
    world.run(30)
    assert reports(station)[-1]["status"] == "Preparing"
    assert reports(station)[-1]["errorCode"] == "OtherError"
    assert moment(reports(station)[-1]) == pytest.approx(120, abs=0.01)


def test_station_reports_faults_and_their_end_without_waiting(world: World) -> None:
    station = world.add_station(keys={"MinimumStatusDuration": "600"})
    world.run(60)
    station.fault(GROUND_ERROR, 2)
    world.run(0.1)
    assert (reports(station, 2)[-1]["status"], moment(reports(station, 2)[-1])) == ("Faulted", 60)
    world.run(9.9)
    station.clear(GROUND_ERROR, 2)
    world.run(0.1)
    assert (reports(station, 2)[-1]["status"], moment(reports(station, 2)[-1])) == ("Available", 70)


# Every change, in order, and only what is.


@pytest.mark.requirement("OCPP-4.9-1")
def test_station_reports_each_change_of_a_session_when_nothing_is_to_be_left_out(
    world: World, station: SimulatedStation
) -> None:
    station.plug(1)
    world.run(20)
    station.badge("TAG")
    world.run(20)
    station.pause_car(1)
    world.run(20)
    station.resume_car(1)
    world.run(20)
    station.fault(INSULATION_WARNING, 1)
    world.run(20)
    station.clear(INSULATION_WARNING, 1)
    station.badge("TAG")
    world.run(20)
    station.fault(GROUND_ERROR, 1)
    world.run(20)
    station.clear(GROUND_ERROR, 1)
    world.run(20)
    station.unplug(1)
    world.run(20)
    assert [(note["status"], note["errorCode"]) for note in reports(station)] == [
        ("Available", "NoError"),
        ("Preparing", "NoError"),
        ("Charging", "NoError"),
        ("SuspendedEV", "NoError"),
        ("Charging", "NoError"),
        ("Charging", "OtherError"),
        ("Charging", "NoError"),
        ("Finishing", "NoError"),
        ("Faulted", "GroundFailure"),
        ("Finishing", "NoError"),
        ("Available", "NoError"),
    ]
    assert station.reported(2) == ["Available"]


@pytest.mark.requirement("OCPP-4.9-24")
def test_station_sends_reports_in_the_order_of_their_events_though_answers_are_slow(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.latency_s = 2.0
    happened: list[tuple[int, str]] = []
    for dtc, connector in ((GROUND_ERROR, 1), (GROUND_ERROR, 2), (INSULATION_WARNING, 2)):
        station.fault(dtc, connector)
        happened.append((connector, "Faulted"))
        world.run(0.1)
    station.clear(GROUND_ERROR, 1)
    happened.append((1, "Available"))
    station.plug(1)
    happened.append((1, "Preparing"))
    station.clear(GROUND_ERROR, 2)
    happened.append((2, "Available"))
    world.run(60)
    notes = station.wire.payloads("StatusNotification")[3:]
    assert [(note["connectorId"], note["status"]) for note in notes] == happened
    moments = [moment(note) for note in notes]
    assert moments == sorted(moments)


@pytest.mark.requirement("OCPP-4.9-23")
def test_station_reports_what_is_after_an_offline_time_and_nothing_outdated(
    world: World, station: SimulatedStation
) -> None:
    station.network_down()
    station.plug(1)
    world.run(30)
    station.badge("TAG")
    world.run(60)
    station.pause_car(1)
    station.plug(2)
    world.run(10)
    station.unplug(2)
    world.run(30)
    before = len(station.wire.payloads("StatusNotification"))
    station.network_up()
    world.run(120)
    notes = station.wire.payloads("StatusNotification")[before:]
    assert [(note["connectorId"], note["status"]) for note in notes] == [(1, "SuspendedEV")]


def test_station_reports_nothing_after_an_offline_time_without_changes(world: World, station: SimulatedStation) -> None:
    before = len(station.wire.payloads("StatusNotification"))
    station.network_down()
    world.run(60)
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(60)
    assert len(station.wire.payloads("StatusNotification")) == before


def test_station_reports_errors_that_came_and_went_offline_and_that_they_are_over(
    world: World, station: SimulatedStation
) -> None:
    """A supervision told of the error alone would hold the gun for faulted for ever."""
    station.network_down()
    station.fault(GROUND_ERROR, 1)
    world.run(30)
    station.fault(INSULATION_WARNING, 2)
    world.run(30)
    station.clear(GROUND_ERROR, 1)
    station.plug(2)
    world.run(30)
    before = len(station.wire.payloads("StatusNotification"))
    station.network_up()
    world.run(120)
    notes = station.wire.payloads("StatusNotification")[before:]
    assert [(note["connectorId"], note["status"], note["errorCode"]) for note in notes] == [
        (1, "Faulted", "GroundFailure"),
        (2, "Available", "OtherError"),
        (1, "Available", "NoError"),
        (2, "Preparing", "OtherError"),
    ]


def test_station_reports_an_error_that_stays_once_after_the_reconnect(world: World, station: SimulatedStation) -> None:
    station.network_down()
    station.fault(GROUND_ERROR, 1)
    world.run(30)
    before = len(station.wire.payloads("StatusNotification"))
    station.network_up()
    world.run(120)
    notes = station.wire.payloads("StatusNotification")[before:]
    assert [(note["connectorId"], note["status"]) for note in notes] == [(1, "Faulted")]


def test_station_repeats_a_report_that_was_lost_with_its_connection(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Nobody knows whether it arrived, so the present status is told again."""
    central.silent.add("StatusNotification")
    station.plug(1)
    world.run(5)
    station.fault(INSULATION_WARNING, 2)
    station.clear(INSULATION_WARNING, 2)
    world.run(5)
    assert station.reported(1)[-1] == "Preparing"
    before = len(station.wire.payloads("StatusNotification"))
    central.silent.clear()
    station.close_link()
    world.run(60)
    notes = station.wire.payloads("StatusNotification")[before:]
    assert [(note["connectorId"], note["status"], note["errorCode"]) for note in notes] == [
        (2, "Available", "OtherError"),
        (1, "Preparing", "NoError"),
        (2, "Available", "NoError"),
    ]


# Which connectors, and which statuses of the station itself.


@pytest.mark.requirement("OCPP-4.9-3")
def test_station_reports_of_connector_0_available_or_faulted_only(world: World, station: SimulatedStation) -> None:
    whole_session(world, station)
    assert station.reported(0) == ["Available", "Available", "Faulted", "Available", "Available"]
    assert set(station.reported(1)) >= {"Preparing", "Charging", "SuspendedEV", "Finishing", "Faulted"}


@pytest.mark.requirement("OCPP-3.8-1")
@pytest.mark.parametrize("model", ["EVD1S180THB", "EVD1S60TBB", "EVD2S320TBBC1-G"])
def test_station_numbers_its_guns_1_and_2_in_every_message(model: str) -> None:
    world = World(central=ScriptedSupervision)
    station = world.add_station(model=model, keys={"MinimumStatusDuration": "0"})
    world.run(10)
    assert sorted(note["connectorId"] for note in station.wire.payloads("StatusNotification")) == [0, 1, 2]
    for dtc in (GROUND_ERROR, EMERGENCY_STOP):
        for connector in (0, 1, 2, 3, 7):
            station.fault(dtc, connector)
            station.clear(dtc, connector)
    station.plug(1)
    station.badge("TAG")
    world.run(200)
    named = {
        payload["connectorId"] for message in station.wire.calls() if "connectorId" in (payload := message.payload)
    }
    assert named == {0, 1, 2}
    assert isinstance(world.central, ScriptedSupervision)
    refused = world.central.ask("RemoteStartTransaction", {"connectorId": 3, "idTag": "TAG"})
    assert refused == {"status": "Rejected"}
