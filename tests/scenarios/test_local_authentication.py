"""Badges at the station, plug first (guide, "Local Authentication"; reading A27)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

GROUND_ERROR = "0x100206"


def started(station: SimulatedStation) -> list[tuple[int, str]]:
    return [(payload["connectorId"], payload["idTag"]) for payload in station.wire.payloads("StartTransaction")]


def authorized(station: SimulatedStation) -> list[str]:
    return [payload["idTag"] for payload in station.wire.payloads("Authorize")]


@pytest.mark.requirement("GUIDE-LOCAL-01")
@pytest.mark.parametrize("connector", [1, 2])
@pytest.mark.parametrize("shown", [1, 2])
def test_badge_starts_the_only_plugged_connector_whichever_is_shown(
    world: World, station: SimulatedStation, connector: int, shown: int
) -> None:
    station.show(shown)
    station.plug(connector)
    world.run(5)
    station.badge("TAG1")
    world.run(30)
    assert started(station) == [(connector, "TAG1")]
    assert station.status(connector) == "Charging"
    assert station.reading(connector).power_w > 0


@pytest.mark.requirement("GUIDE-LOCAL-01")
def test_refused_badge_starts_nothing(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(30)
    assert started(station) == []
    assert station.status() == "Preparing"
    assert station.reading().power_w == 0


@pytest.mark.requirement("GUIDE-LOCAL-02")
def test_badge_with_both_plugged_starts_the_connector_on_the_display(world: World, station: SimulatedStation) -> None:
    station.plug(2)
    station.plug(1)
    world.run(5)
    assert station.snapshot().shownConnector == 1
    station.badge("FIRST")
    world.run(5)
    station.show(2)
    station.badge("SECOND")
    world.run(30)
    assert started(station) == [(1, "FIRST"), (2, "SECOND")]
    assert (station.status(1), station.status(2)) == ("Charging", "Charging")


@pytest.mark.requirement("GUIDE-LOCAL-02")
def test_badge_goes_to_connector_2_alone_when_the_driver_chose_it(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    station.plug(2)
    world.run(5)
    station.show(2)
    station.badge("TAG1")
    world.run(30)
    assert started(station) == [(2, "TAG1")]
    assert station.status(1) == "Preparing"


@pytest.mark.requirement("GUIDE-LOCAL-05")
def test_badge_without_a_plug_is_ignored_and_causes_no_authorize(world: World, station: SimulatedStation) -> None:
    calls = len(station.wire.calls())
    for shown in (1, 2):
        station.show(shown)
        station.badge("TAG1")
        world.run(20)
    station.plug()
    world.run(20)
    assert authorized(station) == []
    assert started(station) == []
    assert [call.action for call in station.wire.calls()[calls:]] == ["StatusNotification"]  # of the plug


@pytest.mark.requirement("GUIDE-LOCAL-06")
def test_plugged_connector_stays_preparing_for_a_day_and_a_badge_still_starts_it(
    world: World, station: SimulatedStation
) -> None:
    station.plug()
    world.run(86_400)
    assert station.status() == "Preparing"
    assert station.reported() == ["Available", "Preparing"]
    station.badge("TAG1")
    world.run(5)
    assert started(station) == [(1, "TAG1")]


@pytest.mark.requirement("GUIDE-LOCAL-06")
def test_plugged_connector_stays_preparing_after_a_badge_was_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    station.plug()
    world.run(5)
    station.badge("BAD")
    world.run(3600)
    assert station.status() == "Preparing"
    central.answers.clear()
    station.badge("TAG1")
    world.run(5)
    assert started(station) == [(1, "TAG1")]


@pytest.mark.requirement("GUIDE-LOCAL-07", "OCPP-3.4-1")
@pytest.mark.parametrize("badge", ["TAG-a1", "tag-A1"])
def test_same_badge_stops_the_transaction_without_authorize(
    world: World, station: SimulatedStation, badge: str
) -> None:
    """idTags are compared without regard to case (OCPP 1.6 2.2)."""
    station.plug()
    world.run(5)
    station.badge("TAG-a1")
    world.run(60)
    assert authorized(station) == ["TAG-a1"]
    station.badge(badge)
    world.run(5)
    assert authorized(station) == ["TAG-a1"]
    (stop,) = station.wire.payloads("StopTransaction")
    assert (stop["reason"], stop["idTag"]) == ("Local", badge)
    assert station.status() == "Finishing"
    assert station.reading().power_w == 0


@pytest.mark.requirement("GUIDE-LOCAL-07")
def test_badge_stops_the_connector_on_the_display_and_leaves_the_other(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    station.plug(2)
    world.run(5)
    for shown in (1, 2):
        station.show(shown)
        station.badge("TAG1")
        world.run(5)
    station.badge("TAG1")  # connector 2 is shown
    world.run(30)
    assert (station.status(1), station.status(2)) == ("Charging", "Finishing")


@pytest.mark.requirement("OCPP-3.4-1")
def test_same_badge_stops_the_transaction_offline(world: World, station: SimulatedStation) -> None:
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(60)
    station.network_down()
    station.badge("TAG1")
    world.run(5)
    assert station.status() == "Finishing"
    assert station.reading().power_w == 0
    station.network_up()
    world.run(60)
    assert authorized(station) == ["TAG1"]
    assert [stop["reason"] for stop in station.wire.payloads("StopTransaction")] == ["Local"]


@pytest.mark.requirement("OCPP-3.9-1")
@pytest.mark.parametrize(
    "id_tag",
    ["7", "ABC", "04E91C5A2F6B80", "VID:92D50A693F80", "0 1-2/3~4", "x" * 19, "Z" * 20, "#!$%&'()*+,-./:;<=>?"[:20]],
)
def test_idtag_of_1_to_20_printable_characters_starts_by_badge_and_by_remote(
    world: World, central: ScriptedSupervision, station: SimulatedStation, id_tag: str
) -> None:
    station.plug(1)
    world.run(5)
    station.badge(id_tag)
    world.run(5)
    station.plug(2)
    assert central.ask("RemoteStartTransaction", {"connectorId": 2, "idTag": id_tag}) == {"status": "Accepted"}
    world.run(5)
    assert started(station) == [(1, id_tag), (2, id_tag)]
    assert authorized(station) == [id_tag, id_tag]


@pytest.mark.parametrize("id_tag", ["", "x" * 21, "t\x00g", "\u00fcber"])
def test_badge_that_can_be_no_idtag_is_ignored(world: World, station: SimulatedStation, id_tag: str) -> None:
    station.plug()
    world.run(5)
    station.badge(id_tag)
    world.run(5)
    assert authorized(station) == []
    assert [event.name for event in station.log] == ["Badge ignored"]


def test_badge_on_a_faulted_connector_is_ignored(world: World, station: SimulatedStation) -> None:
    station.plug()
    station.fault(GROUND_ERROR)
    world.run(5)
    station.badge("TAG1")
    world.run(5)
    assert authorized(station) == []
    station.clear(GROUND_ERROR)
    station.badge("TAG1")
    world.run(5)
    assert started(station) == [(1, "TAG1")]


def test_second_badge_is_ignored_while_the_first_is_undecided(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add("Authorize")
    station.plug()
    world.run(5)
    station.badge("FIRST")
    world.run(5)
    station.badge("SECOND")
    world.run(60)
    assert authorized(station) == ["FIRST"]
    assert started(station) == [(1, "FIRST")]  # no answer in 30 s counts as offline


def test_cable_pulled_while_a_badge_is_undecided_starts_nothing_at_the_next_plug(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add("Authorize")
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(5)
    station.unplug()
    station.plug()
    world.run(60)
    assert started(station) == []
    assert station.status() == "Preparing"
