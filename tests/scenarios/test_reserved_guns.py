"""Who may start on a reserved gun: badges, groups, free charging, AutoCharge and remote starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.reserving import cancel, come, reserve, reserved, statuses, why

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

GROUND_ERROR = "0x100206"


# Who may start.


@pytest.mark.requirement("OCPP-4.9-13", "OCPP-4.8-2")
@pytest.mark.parametrize("badge", ["MINE", "mine"])
def test_reserved_tag_takes_reserved_to_preparing_and_starts_with_the_reservationid(
    world: World, central: ScriptedSupervision, station: SimulatedStation, badge: str
) -> None:
    reserve(world, central)
    station.plug(1)
    world.run(5)
    assert station.reported(1)[-1] == "Reserved"
    station.badge(badge)
    world.run(30)
    assert station.reported(1) == ["Available", "Reserved", "Preparing", "Charging"]
    (start,) = station.wire.payloads("StartTransaction")
    assert (start["connectorId"], start["idTag"], start["reservationId"]) == (1, badge, 7)


@pytest.mark.requirement("OCPP-5.13-6")
def test_reserved_gun_refuses_every_other_badge_without_asking(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central)
    station.plug(1)
    for badge in ("OTHER", "MINE2", "MIN"):
        station.badge(badge)
        world.run(10)
    assert station.status(1) == "Reserved"
    assert not station.wire.payloads("Authorize")
    assert not station.wire.payloads("StartTransaction")
    assert station.reading(1).power_w == 0
    assert why(station, "Charging refused")[0] == "connector 1 is not reserved for OTHER"
    come(world, station, "OTHER", 2)
    assert station.status(2) == "Charging", "the other gun is free for everyone"


@pytest.mark.requirement("OCPP-5.13-6", "OCPP-5.13-8")
@pytest.mark.parametrize(
    ("parent", "starts"), [("FAMILY", True), ("family", True), ("STRANGERS", False), (None, False)]
)
def test_tag_that_is_not_known_here_is_asked_for_and_its_parent_decides(
    world: World, central: ScriptedSupervision, station: SimulatedStation, parent: str | None, starts: bool
) -> None:
    info = {"status": "Accepted"} | ({} if parent is None else {"parentIdTag": parent})
    central.answers["Authorize"] = {"idTagInfo": info}
    reserve(world, central, parent="FAMILY")
    come(world, station, "CHILD")
    assert [asked["idTag"] for asked in station.wire.payloads("Authorize")] == ["CHILD"]
    assert station.status(1) == ("Charging" if starts else "Reserved")
    assert [start["reservationId"] for start in station.wire.payloads("StartTransaction")] == [7] * starts
    assert reserved(station) == ([] if starts else [7])


@pytest.mark.requirement("OCPP-5.13-8")
@pytest.mark.parametrize(("parent", "starts"), [("FAMILY", True), ("STRANGERS", False)])
@pytest.mark.parametrize("known_from", ["list", "cache"])
def test_parent_that_list_or_cache_know_needs_no_authorize(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    parent: str,
    starts: bool,
    known_from: str,
) -> None:
    info = {"status": "Accepted", "parentIdTag": parent}
    station.set_key("LocalPreAuthorize", "true")
    if known_from == "list":
        station.set_key("LocalAuthListEnabled", "true")
        entry = {"idTag": "CHILD", "idTagInfo": info}
        request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]}
        assert central.ask("SendLocalList", request) == {"status": "Accepted"}
    else:
        station.set_key("AuthorizationCacheEnabled", "true")
        central.answers["Authorize"] = {"idTagInfo": info}
        central.answers["StartTransaction"] = {"idTagInfo": info, "transactionId": 1}
        station.plug(2)
        station.show(2)
        station.badge("CHILD")
        world.run(5)
        station.unplug(2)
        world.run(5)
        station.show(1)
    asked, begun = len(station.wire.payloads("Authorize")), len(station.wire.payloads("StartTransaction"))
    reserve(world, central, parent="FAMILY")
    come(world, station, "CHILD")
    assert len(station.wire.payloads("Authorize")) == asked
    assert station.status(1) == ("Charging" if starts else "Reserved")
    assert [s.get("reservationId") for s in station.wire.payloads("StartTransaction")[begun:]] == [7] * starts


def test_reserved_tag_that_is_refused_starts_nothing_and_keeps_its_reservation(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    reserve(world, central)
    come(world, station, "MINE")
    assert (station.status(1), reserved(station)) == ("Reserved", [7])


def test_reservation_that_ends_while_its_tag_is_being_decided_leaves_a_start_without_it(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add("Authorize")
    reserve(world, central)
    station.plug(1)
    station.badge("MINE")
    world.run(1)
    cancel(central)
    (asked,) = station.wire.calls("Authorize")
    station.deliver(f'[3,"{asked.id}",{{"idTagInfo":{{"status":"Accepted"}}}}]'.encode())
    world.run(30)
    (start,) = station.wire.payloads("StartTransaction")
    assert "reservationId" not in start


@pytest.mark.parametrize(("id_tag", "starts"), [("FREE", True), ("MINE", False)])
def test_free_charging_on_a_reserved_gun_needs_the_reservation(
    world: World, central: ScriptedSupervision, station: SimulatedStation, id_tag: str, starts: bool
) -> None:
    station.set_key("FreeCharging", "true")
    station.set_key("DefaultIdTag", "FREE")
    reserve(world, central, 1, id_tag)
    station.plug(1)
    world.run(30)
    assert station.status(1) == ("Charging" if starts else "Reserved")
    cancel(central)
    world.run(30)
    assert station.status(1) == "Charging", "it starts when the gun is free for everyone"


@pytest.mark.parametrize(("prefix", "starts"), [("VID:", True), ("MAC:", False)])
def test_autocharge_on_a_reserved_gun_needs_the_reservation(
    world: World, central: ScriptedSupervision, station: SimulatedStation, prefix: str, starts: bool
) -> None:
    station.set_key("AutoCharge", "true")
    station.set_key("MacAddressPrefix", prefix)
    station.plug(2)
    mac = station.cabinet.vehicle_mac(2)
    station.unplug(2)
    world.run(5)
    begun = len(station.wire.payloads("StartTransaction"))
    reserve(world, central, 1, f"VID:{mac}")
    station.plug(1)
    world.run(30)
    assert station.status(1) == ("Charging" if starts else "Reserved")
    assert [s.get("reservationId") for s in station.wire.payloads("StartTransaction")[begun:]] == [7] * starts


@pytest.mark.requirement("OCPP-5.13-6")
def test_offline_the_reserved_gun_is_still_only_for_its_tag(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("AllowOfflineTxForUnknownId", "true")
    reserve(world, central)
    station.network_down()
    station.plug(1)
    station.badge("OTHER")
    world.run(10)
    assert station.status(1) == "Reserved"
    station.badge("MINE")
    world.run(10)
    assert station.status(1) == "Charging"
    station.network_up()
    world.run(200)
    assert station.wire.payloads("StartTransaction")[0]["reservationId"] == 7


# Remote starts.


def remote_start(central: ScriptedSupervision, id_tag: str, connector: int | None = 1) -> str:
    payload: dict[str, Any] = {"idTag": id_tag}
    if connector is not None:
        payload["connectorId"] = connector
    return str(central.ask("RemoteStartTransaction", payload)["status"])


@pytest.mark.parametrize("authorize", ["true", "false"])
@pytest.mark.parametrize("plugged", [False, True])
def test_remote_start_on_a_reserved_gun_is_for_its_tag_only(
    world: World, central: ScriptedSupervision, station: SimulatedStation, authorize: str, plugged: bool
) -> None:
    station.set_key("AuthorizeRemoteTxRequests", authorize)
    reserve(world, central)
    if plugged:
        station.plug(1)
    assert remote_start(central, "OTHER") == "Rejected"
    world.run(5)
    assert station.status(1) == "Reserved"
    assert remote_start(central, "MINE") == "Accepted"
    if not plugged:
        world.run(5)
        assert station.reported(1)[-2:] == ["Reserved", "Preparing"]
        station.plug(1)
    world.run(30)
    assert station.reported(1)[-3:] == ["Reserved", "Preparing", "Charging"]
    assert station.wire.payloads("StartTransaction")[0]["reservationId"] == 7


@pytest.mark.requirement("OCPP-5.11-7")
@pytest.mark.parametrize("state", ["Unavailable", "Faulted", "in a transaction", "reserved for another"])
@pytest.mark.parametrize("plugged", [False, True])
def test_remote_start_is_rejected_for_a_gun_that_is_not_to_be_had(
    world: World, central: ScriptedSupervision, station: SimulatedStation, state: str, plugged: bool
) -> None:
    if state == "in a transaction":
        station.set_key("StopTransactionOnEVSideDisconnect", "false")
        come(world, station, "OTHER")
        if not plugged:
            station.unplug(1)
    else:
        if state == "reserved for another":
            assert reserve(world, central, 1, "OTHER") == "Accepted"
        if plugged:
            station.plug(1)
    if state == "Unavailable":
        central.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    elif state == "Faulted":
        station.fault(GROUND_ERROR, 1)
    world.run(5)
    before, begun = station.status(1), len(station.wire.payloads("StartTransaction"))
    assert remote_start(central, "MINE") == "Rejected"
    world.run(30)
    assert station.status(1) == before
    assert len(station.wire.payloads("StartTransaction")) == begun
    assert remote_start(central, "MINE", 2) == "Accepted", "the other gun is to be had"


@pytest.mark.parametrize(("parent", "starts"), [("FAMILY", True), ("STRANGERS", False)])
@pytest.mark.parametrize("plugged", [False, True])
def test_remote_start_for_a_group_is_decided_by_authorize(
    world: World, central: ScriptedSupervision, station: SimulatedStation, parent: str, starts: bool, plugged: bool
) -> None:
    station.set_key("AuthorizeRemoteTxRequests", "true")
    central.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "parentIdTag": parent}}
    reserve(world, central, parent="FAMILY")
    if plugged:
        station.plug(1)
    assert remote_start(central, "CHILD") == "Accepted"
    world.run(5)
    if starts and not plugged:
        assert station.status(1) == "Preparing"
        station.plug(1)
        world.run(30)
    assert station.status(1) == ("Charging" if starts else "Reserved")
    assert reserved(station) == ([] if starts else [7])


def test_remote_start_for_a_group_is_rejected_when_nobody_may_be_asked(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("AuthorizeRemoteTxRequests", "false")
    reserve(world, central, parent="FAMILY")
    assert remote_start(central, "CHILD") == "Rejected"


def test_remote_start_without_a_connector_takes_the_gun_reserved_for_its_tag(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 2)
    station.plug(1)
    station.plug(2)
    assert remote_start(central, "MINE", None) == "Accepted"
    world.run(30)
    assert statuses(station) == ["Preparing", "Charging"]
    assert station.wire.payloads("StartTransaction")[0]["reservationId"] == 7


def test_remote_start_without_a_connector_passes_by_a_gun_reserved_for_others(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    reserve(world, central, 1, "OTHER")
    assert remote_start(central, "MINE", None) == "Accepted"
    station.plug(1)
    world.run(10)
    assert station.status(1) == "Reserved"
    station.plug(2)
    world.run(30)
    assert statuses(station) == ["Reserved", "Charging"]
    assert "reservationId" not in station.wire.payloads("StartTransaction")[0]


def test_remote_start_nobody_comes_for_leaves_the_gun_reserved(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("ConnectionTimeOut", "60")
    reserve(world, central)
    remote_start(central, "MINE")
    world.run(70)
    assert station.reported(1) == ["Available", "Reserved", "Preparing", "Available", "Reserved"]
    assert reserved(station) == [7]
