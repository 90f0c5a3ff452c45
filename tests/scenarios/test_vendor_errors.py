"""The 43 vendor errors of the guide on the wire, and what each does to statuses, sessions and power.

The rows are typed from the section "OCPP Vendor Error Codes" (a blank error code from the row above) and from reading
A14: scope `gun` or `all`, then what it does: `warns`, `derates`, `1-out` or `2-out` (so many power modules deliver
nothing), or the reason of the transactions that it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from msgspec import UNSET

from forecourt.evlink.faults import FAULTS, UnknownFault
from forecourt.supervision import readings
from tests.vendor_error_rows import MILD, TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from forecourt.supervision.views import ConnectorView
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

ReadLedger: TypeAlias = "Callable[[World, Callable[[Connection], Any]], Any]"

WARNINGS = [(dtc, does) for dtc, _, _, does, _ in TABLE if does in MILD]
ERRORS = [(dtc, scope, does) for dtc, _, scope, does, _ in TABLE if does not in MILD]


def numbered() -> list[Any]:
    """Every row with the requirement of its own."""
    return [
        pytest.param(*row, id=row[0], marks=pytest.mark.requirement(f"GUIDE-DTC-{number:02d}"))
        for number, row in enumerate(TABLE, start=1)
    ]


@pytest.fixture
def busy(world: World, station: SimulatedStation) -> SimulatedStation:
    """A station that charges on gun 1 and has a cable plugged on gun 2."""
    station.plug(1)
    station.badge("TAG")
    world.run(60)
    station.plug(2)
    world.run(5)
    assert (station.status(1), station.status(2)) == ("Charging", "Preparing")
    return station


def told(station: SimulatedStation, since: int) -> dict[int, dict[str, Any]]:
    """The last StatusNotification of each connector among those after the first `since`."""
    return {note["connectorId"]: note for note in station.wire.payloads("StatusNotification")[since:]}


@pytest.mark.parametrize(("dtc", "error_code", "scope", "does", "description"), numbered())
def test_station_reports_an_error_and_does_what_it_says(
    world: World, busy: SimulatedStation, dtc: str, error_code: str, scope: str, does: str, description: str
) -> None:
    before = len(busy.wire.payloads("StatusNotification"))
    power_w, offered_w = busy.reading(1).power_w, busy.reading(1).offered_w
    busy.fault(dtc, 1 if scope == "gun" else 0)
    world.run(5)
    notes = told(busy, before)
    for note in notes.values():
        assert note["errorCode"] == error_code
        assert note["vendorErrorCode"] == dtc
        assert note["info"] == description
        assert note["vendorId"] == "Schneider Electric"
    statuses = {connector: note["status"] for connector, note in notes.items()}
    if does in MILD:
        assert statuses == ({1: "Charging"} if scope == "gun" else {0: "Available"})
        assert (busy.status(0), busy.status(1), busy.status(2)) == ("Available", "Charging", "Preparing")
        assert not busy.wire.payloads("StopTransaction")
    else:
        assert statuses == ({1: "Faulted"} if scope == "gun" else {0: "Faulted", 1: "Faulted", 2: "Faulted"})
        assert busy.status(2) == ("Preparing" if scope == "gun" else "Faulted")
        assert busy.reading(1).power_w == 0
    if does == "derates":
        assert 0 < busy.reading(1).power_w < 0.7 * power_w
        assert 0 < busy.reading(1).offered_w < 0.7 * offered_w
    elif does in ("1-out", "2-out"):
        assert busy.reading(1).power_w == pytest.approx(min(power_w, 180_000 - int(does[0]) * 30_000), rel=0.05)
        assert busy.reading(1).offered_w == 180_000 - int(does[0]) * 30_000
    elif does == "warns":
        assert busy.reading(1).power_w == pytest.approx(power_w, rel=0.05)
        assert busy.reading(1).offered_w == pytest.approx(offered_w, rel=0.05)


@pytest.mark.requirement("GUIDE-DTCR-02")
@pytest.mark.parametrize(("dtc", "does"), WARNINGS)
def test_warning_stops_no_session_and_keeps_none_from_starting(
    world: World, busy: SimulatedStation, dtc: str, does: str
) -> None:
    assert dtc[4:6] in ("00", "01")
    assert (dtc[4:6] == "01") == (does == "derates")
    for connector in (0, 1, 2):
        busy.fault(dtc, connector)
    energy_wh = busy.reading(1).energy_wh
    world.run(60)
    assert busy.reading(1).energy_wh > energy_wh + 500
    busy.show(2)
    busy.badge("OTHER")
    world.run(60)
    assert (busy.status(1), busy.status(2)) == ("Charging", "Charging")
    assert not busy.wire.payloads("StopTransaction")
    assert len(busy.wire.payloads("StartTransaction")) == 2


@pytest.mark.requirement("GUIDE-DTCR-03", "GUIDE-DTCR-04")
@pytest.mark.parametrize(("dtc", "scope", "reason"), ERRORS)
def test_blocking_error_ends_the_sessions_that_it_concerns_and_lets_none_start(
    world: World,
    central: ScriptedSupervision,
    busy: SimulatedStation,
    dtc: str,
    scope: str,
    reason: str,
) -> None:
    assert dtc[4:6] == "02" or dtc == "0xC00000"
    busy.show(2)
    busy.badge("OTHER")
    world.run(60)
    busy.fault(dtc, 1 if scope == "gun" else 0)
    world.run(5)
    stops = busy.wire.payloads("StopTransaction")
    assert [(stop["transactionId"], stop["reason"]) for stop in stops] == (
        [(1, reason)] if scope == "gun" else [(1, reason), (2, reason)]
    )
    assert busy.status(2) == ("Charging" if scope == "gun" else "Faulted")
    authorizations = len(busy.wire.payloads("Authorize"))
    busy.show(1)
    busy.badge("TAG")
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "TAG"}) == {"status": "Rejected"}
    world.run(60)
    assert len(busy.wire.payloads("StartTransaction")) == 2
    assert len(busy.wire.payloads("Authorize")) == authorizations
    assert busy.reading(1).power_w == 0


@pytest.mark.requirement("GUIDE-DTCR-04")
@pytest.mark.parametrize(
    ("dtc", "reason"),
    [("0x100202", "EmergencyStop"), ("0x200202", "EmergencyStop"), ("0x100211", "PowerLoss"), ("0xC00000", "Other")],
)
def test_supervision_keeps_why_an_error_ended_a_session(
    site: World, served: SimulatedStation, dtc: str, reason: str
) -> None:
    served.plug(1)
    served.badge("TAG1")
    site.run(60)
    served.fault(dtc, 0)
    site.run(5)
    (stopped,) = site.supervision.stopped
    assert stopped.request.reason == reason
    assert stopped.request.idTag is UNSET


@pytest.mark.requirement("GUIDE-DTCR-05")
@pytest.mark.parametrize(("dtc", "scope", "reason"), ERRORS)
def test_gun_is_where_it_was_when_the_error_clears_and_says_noerror(
    world: World, station: SimulatedStation, dtc: str, scope: str, reason: str
) -> None:
    for connector, before in ((1, "Available"), (1, "Preparing"), (1, "Finishing")):
        if before == "Preparing":
            station.plug(1)
        elif before == "Finishing":
            station.badge("TAG")
            world.run(30)
            station.badge("TAG")
        world.run(5)
        assert station.status(connector) == before
        station.fault(dtc, 1 if scope == "gun" else 0)
        world.run(30)
        assert station.status(connector) == "Faulted"
        sent = len(station.wire.payloads("StatusNotification"))
        station.clear(dtc, 1 if scope == "gun" else 0)
        world.run(5)
        notes = told(station, sent)
        assert set(notes) == ({1} if scope == "gun" else {0, 1, 2})
        assert {note["errorCode"] for note in notes.values()} == {"NoError"}
        assert notes[1]["status"] == before
        assert notes.get(0, {}).get("status") in (None, "Available")


def test_gun_of_an_ended_session_waits_in_finishing_when_the_error_clears(world: World, busy: SimulatedStation) -> None:
    """The session itself is over: nobody charges unasked because a fault went away."""
    busy.fault("0x100213", 1)
    world.run(60)
    busy.clear("0x100213", 1)
    world.run(60)
    assert busy.status(1) == "Finishing"
    assert busy.reading(1).power_w == 0
    busy.show(1)
    busy.badge("TAG")
    world.run(60)
    assert busy.status(1) == "Charging"


def test_gun_is_where_the_cable_is_when_the_error_clears(world: World, busy: SimulatedStation) -> None:
    busy.fault("0x200204", 0)
    world.run(10)
    busy.unplug(1)
    busy.unplug(2)
    busy.plug(2)
    world.run(10)
    assert (busy.status(1), busy.status(2)) == ("Faulted", "Faulted")
    busy.clear("0x200204", 0)
    world.run(5)
    assert (busy.status(0), busy.status(1), busy.status(2)) == ("Available", "Available", "Preparing")


def test_gun_stays_faulted_until_the_last_blocking_error_clears(world: World, station: SimulatedStation) -> None:
    station.fault("0x100206", 1)
    station.fault("0x100007", 1)
    station.fault("0x200209", 0)
    world.run(5)
    assert told(station, 0)[1]["vendorErrorCode"] == "0x200209"
    station.clear("0x200209", 0)
    world.run(5)
    assert (station.status(0), station.status(1), station.status(2)) == ("Available", "Faulted", "Available")
    assert told(station, 0)[1]["vendorErrorCode"] == "0x100206"
    station.clear("0x100206", 1)
    world.run(5)
    assert station.status(1) == "Available"
    assert told(station, 0)[1]["vendorErrorCode"] == "0x100007"
    station.clear("0x100007", 1)
    world.run(5)
    assert told(station, 0)[1]["errorCode"] == "NoError"


def test_error_that_is_there_already_or_not_there_says_nothing_new(world: World, station: SimulatedStation) -> None:
    station.fault("0x100206", 1)
    world.run(5)
    before = len(station.wire.messages)
    station.fault("0x100206", 1)
    station.clear("0x100207", 1)
    world.run(5)
    assert len(station.wire.messages) == before


@pytest.mark.requirement("OCPP-4.9-19")
def test_gun_with_a_warning_reports_each_status_with_the_error_and_charges(
    world: World, station: SimulatedStation
) -> None:
    station.fault("0x100007", 1)
    before = len(station.wire.payloads("StatusNotification"))
    station.plug(1)
    station.badge("TAG")
    world.run(60)
    assert station.reading(1).power_w > 0
    station.badge("TAG")
    world.run(5)
    station.unplug(1)
    world.run(5)
    notes = station.wire.payloads("StatusNotification")[before:]
    assert [note["status"] for note in notes] == ["Preparing", "Charging", "Finishing", "Available"]
    assert {note["errorCode"] for note in notes} == {"OtherError"}


# Derating.


@pytest.mark.parametrize(("dtc", "does"), [row for row in WARNINGS if row[1] == "derates"])
def test_power_comes_back_when_the_last_derating_error_clears(
    world: World, busy: SimulatedStation, dtc: str, does: str
) -> None:
    offered_w = busy.reading(1).offered_w
    busy.fault(dtc, 1)
    busy.fault("0x100102", 1)
    busy.clear(dtc, 1)
    world.run(5)
    if dtc == "0x100102":
        assert busy.reading(1).offered_w == pytest.approx(offered_w, rel=0.05)
        return
    assert busy.reading(1).offered_w < 0.7 * offered_w
    busy.clear("0x100102", 1)
    world.run(5)
    assert busy.reading(1).offered_w == pytest.approx(offered_w, rel=0.05)


def test_hot_gun_derates_itself_alone(world: World, busy: SimulatedStation) -> None:
    busy.fault("0x100102", 1)
    busy.show(2)
    busy.badge("OTHER")
    world.run(30)
    assert busy.reading(1).power_w == pytest.approx(90_000, rel=0.01)
    busy.badge("OTHER")
    busy.clear("0x100102", 1)
    busy.fault("0x100102", 2)
    world.run(30)
    assert busy.reading(1).power_w > 100_000


def test_hot_cabinet_halves_what_both_guns_have_together(world: World, busy: SimulatedStation) -> None:
    busy.show(2)
    busy.badge("OTHER")
    world.run(30)
    assert busy.reading(1).power_w + busy.reading(2).power_w == pytest.approx(180_000, rel=0.01)
    busy.fault("0x200101", 0)
    world.run(1)
    assert busy.reading(1).power_w + busy.reading(2).power_w == pytest.approx(90_000, rel=0.01)
    energy_wh = [busy.reading(1).energy_wh, busy.reading(2).energy_wh]
    world.run(60)
    given_wh = busy.reading(1).energy_wh + busy.reading(2).energy_wh - sum(energy_wh)
    assert given_wh == pytest.approx(90_000 / 60, rel=0.01)


# What the supervision makes of it.


@pytest.mark.requirement("GUIDE-DTCR-06")
def test_supervision_shows_the_dtc_and_its_description(
    site: World, served: SimulatedStation, read_ledger: ReadLedger
) -> None:
    for dtc, _, scope, _, _ in TABLE:
        number = 2 if scope == "gun" else 0
        served.fault(dtc, number)
        site.run(5)
        served.clear(dtc, number)
        site.run(5)
    shown: list[ConnectorView] = read_ledger(
        site,
        lambda connection: readings.statuses(connection, served.identity, connector_id=None, before=None, limit=500),
    )
    errors = {(view.dtc, view.errorCode, view.description) for view in shown if view.errorCode != "NoError"}
    assert errors == {(dtc, error_code, description) for dtc, error_code, _, _, description in TABLE}
    assert {(view.dtc, view.description) for view in shown if view.errorCode == "NoError"} == {(None, None)}


@pytest.mark.requirement("GUIDE-DTCR-01")
def test_station_knows_the_43_printed_errors_and_no_other(station: SimulatedStation) -> None:
    assert len(TABLE) == 43
    assert [(fault.dtc, fault.error_code.value, fault.description) for fault in FAULTS] == [
        (dtc, error_code, description) for dtc, error_code, _, _, description in TABLE
    ]
    for number in (*range(0x100000, 0x100300), *range(0x200000, 0x200300), 0xC00001):
        dtc = f"0x{number:06X}"
        if dtc not in {row[0] for row in TABLE}:
            with pytest.raises(UnknownFault, match="no vendor error code"):
                station.fault(dtc, 1)
