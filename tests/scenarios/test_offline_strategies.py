"""Who may charge: a row for each row of the guide's "Offline Strategies", and the standard's rules beside it (A33)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.world.world import START

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

CAR = msgspec.structs.replace(FAMILY_CAR, mac="92D50A693F80")

PAST = (START + timedelta(minutes=30)).isoformat()
"""An expiryDate that has passed before anybody goes offline."""


def change(central: ScriptedSupervision, **keys: str) -> None:
    for name, value in keys.items():
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}


def info(status: str) -> dict[str, str]:
    """An IdTagInfo; "Past" is Accepted until half an hour after the world began, FLEET has a parent."""
    if status == "Past":
        return {"status": "Accepted", "expiryDate": PAST}
    return {"status": status, "parentIdTag": "FLEET"}


LISTED = {"L-OK": "Accepted", "L-CTX": "ConcurrentTx", "L-BLOCKED": "Blocked", "L-EXPIRED": "Expired",
          "L-INVALID": "Invalid", "L-PAST": "Past", "BOTH-LIST-OK": "Accepted", "BOTH-LIST-BAD": "Blocked"}  # fmt: skip
CACHED = {"C-OK": "Accepted", "C-BLOCKED": "Blocked", "C-EXPIRED": "Expired", "C-INVALID": "Invalid",
          "C-PAST": "Past", "BOTH-LIST-OK": "Blocked", "BOTH-LIST-BAD": "Accepted"}  # fmt: skip
UNKNOWN = "NEVER-SEEN"
EVERY_TAG = sorted({*LISTED, *CACHED, UNKNOWN})


def teach(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    """Fill the cache by badges online, then the list; half an hour later the one is past."""
    change(central, AuthorizationCacheEnabled="true", LocalAuthListEnabled="true", AllowOfflineTxForUnknownId="false")
    for tag, status in CACHED.items():
        central.answers["Authorize"] = {"idTagInfo": info(status)}
        central.answers["StartTransaction"] = {"transactionId": 1, "idTagInfo": info(status)}
        charges(world, station, tag)
    central.answers.clear()
    assert station.snapshot().cachedIdTags == len(CACHED)
    entries = [{"idTag": tag, "idTagInfo": info(status)} for tag, status in LISTED.items()]
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries}
    assert central.ask("SendLocalList", request) == {"status": "Accepted"}
    world.run(1800)


def charges(world: World, station: SimulatedStation, tag: str) -> bool:
    station.plug()
    world.run(5)
    station.badge(tag)
    world.run(10)
    is_charging = station.status() == "Charging"
    assert (station.reading().power_w > 0) == is_charging
    station.unplug()
    world.run(2)
    return is_charging


def accepted_offline(world: World, station: SimulatedStation, tags: list[str] = EVERY_TAG) -> set[str]:
    """The tags that start offline; each also reaches the supervision as a StartTransaction after the reconnect."""
    before = len(station.wire.calls("StartTransaction"))
    authorized = len(station.wire.calls("Authorize"))
    station.network_down()
    accepted = [tag for tag in tags if charges(world, station, tag)]
    station.network_up()
    world.run(600)
    assert [payload["idTag"] for payload in station.wire.payloads("StartTransaction")[before:]] == accepted
    assert len(station.wire.calls("Authorize")) == authorized
    return set(accepted)


# The rows of the guide. Which badges start offline:

LIST_SAYS_YES = {"L-OK", "L-CTX", "BOTH-LIST-OK"}
CACHE_SAYS_YES = {"C-OK"}
BAD_IN_LIST = {"L-BLOCKED", "L-EXPIRED", "L-INVALID", "L-PAST", "BOTH-LIST-BAD"}
BAD_IN_CACHE = {"C-BLOCKED", "C-EXPIRED", "C-INVALID", "C-PAST"}


def test_the_tags_of_the_rows_are_all_there() -> None:
    assert {*EVERY_TAG} == LIST_SAYS_YES | CACHE_SAYS_YES | BAD_IN_LIST | BAD_IN_CACHE | {UNKNOWN}


@pytest.mark.requirement("GUIDE-OFF-01", "GUIDE-MODE-33", "OCPP-3.5.4-1", "OCPP-3.5.4-2", "GUIDE-KEY-08")
@pytest.mark.parametrize("local", ["true", "false"])
def test_accept_all_takes_every_badge_that_is_not_known_to_be_bad(
    world: World, central: ScriptedSupervision, station: SimulatedStation, local: str
) -> None:
    teach(world, central, station)
    change(central, AllowOfflineTxForUnknownId="true", LocalAuthorizeOffline=local)
    assert accepted_offline(world, station) == LIST_SAYS_YES | CACHE_SAYS_YES | {UNKNOWN}


@pytest.mark.requirement("GUIDE-OFF-02", "GUIDE-MODE-34", "GUIDE-KEY-08", "GUIDE-KEY-02")
def test_cache_only_takes_what_the_cache_holds_as_accepted_and_unexpired(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    teach(world, central, station)
    change(central, LocalAuthorizeOffline="true", LocalAuthListEnabled="false")
    assert accepted_offline(world, station) == CACHE_SAYS_YES | {"BOTH-LIST-BAD"}


@pytest.mark.requirement("GUIDE-OFF-03", "GUIDE-MODE-35", "GUIDE-KEY-08", "GUIDE-KEY-30", "OCPP-3.5.2-1")
def test_list_only_takes_what_the_list_holds_as_valid_and_unexpired(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    teach(world, central, station)
    change(central, LocalAuthorizeOffline="true", AuthorizationCacheEnabled="false")
    assert accepted_offline(world, station) == LIST_SAYS_YES


@pytest.mark.requirement("GUIDE-MODE-36", "OCPP-3.5.3-2")
def test_with_list_and_cache_the_list_decides_and_the_cache_for_the_rest(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    teach(world, central, station)
    change(central, LocalAuthorizeOffline="true")
    assert accepted_offline(world, station) == LIST_SAYS_YES | CACHE_SAYS_YES


@pytest.mark.requirement("GUIDE-OFF-04", "GUIDE-MODE-37", "GUIDE-KEY-08")
def test_reject_all_takes_no_badge_not_even_a_listed_one(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    teach(world, central, station)
    change(central, LocalAuthorizeOffline="false")
    assert accepted_offline(world, station) == set()


@pytest.mark.requirement("GUIDE-KEY-08")
def test_localauthorizeoffline_is_true_by_default_and_may_be_written(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    def read() -> dict[str, Any]:
        (key,) = central.ask("GetConfiguration", {"key": ["LocalAuthorizeOffline"]})["configurationKey"]
        return dict(key)

    assert read() == {"key": "LocalAuthorizeOffline", "readonly": False, "value": "true"}
    change(central, LocalAuthorizeOffline="false")
    assert read()["value"] == "false"
    answer = central.ask("ChangeConfiguration", {"key": "LocalAuthorizeOffline", "value": "maybe"})
    assert answer == {"status": "Rejected"}


# Rules of the standard.


@pytest.mark.requirement("OCPP-3.5.4-1", "OCPP-3.5.4-2", "GUIDE-OFF-01")
@pytest.mark.parametrize("tag", sorted(BAD_IN_LIST | BAD_IN_CACHE))
def test_bad_badge_is_refused_when_its_authorize_gets_no_answer(
    world: World, central: ScriptedSupervision, station: SimulatedStation, tag: str
) -> None:
    """No answer counts as offline; AllowOfflineTxForUnknownId has its default."""
    teach(world, central, station)
    change(central, AllowOfflineTxForUnknownId="true")
    central.silent.add("Authorize")
    station.plug()
    world.run(5)
    station.badge(tag)
    world.run(60)
    assert station.status() == "Preparing"
    assert station.log[-2].name == "Refused offline"
    station.badge(UNKNOWN)
    world.run(60)
    assert station.status() == "Charging"


@pytest.mark.parametrize("allowed", ["true", "false"])
def test_concurrenttx_in_the_cache_says_nothing_about_the_next_session(
    world: World, central: ScriptedSupervision, station: SimulatedStation, allowed: str
) -> None:
    change(central, AuthorizationCacheEnabled="true", AllowOfflineTxForUnknownId=allowed)
    central.answers["Authorize"] = {"idTagInfo": {"status": "ConcurrentTx"}}
    assert not charges(world, station, "TAG1")
    assert station.snapshot().cachedIdTags == 1
    assert accepted_offline(world, station, ["TAG1"]) == ({"TAG1"} if allowed == "true" else set())


# Online.


@pytest.mark.requirement("GUIDE-KEY-09")
def test_localpreauthorize_lets_a_badge_that_is_valid_here_start_at_once_without_authorize(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    teach(world, central, station)
    (key,) = central.ask("GetConfiguration", {"key": ["LocalPreAuthorize"]})["configurationKey"]
    assert key == {"key": "LocalPreAuthorize", "readonly": False, "value": "false"}
    asked = len(station.wire.calls("Authorize"))
    for tag in EVERY_TAG:
        charges(world, station, tag)
    assert [payload["idTag"] for payload in station.wire.payloads("Authorize")[asked:]] == EVERY_TAG
    central.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    for value in ("true", "false"):
        change(central, LocalPreAuthorize=value)
        asked = len(station.wire.calls("Authorize"))
        started = {tag for tag in LIST_SAYS_YES if charges(world, station, tag)}
        assert started == (LIST_SAYS_YES if value == "true" else set())
        assert len(station.wire.calls("Authorize")) - asked == (0 if value == "true" else len(LIST_SAYS_YES))


@pytest.mark.requirement("GUIDE-KEY-09", "OCPP-3.5.1-7", "OCPP-4.1-3")
def test_localpreauthorize_asks_for_every_badge_that_is_not_valid_here(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    teach(world, central, station)
    change(central, LocalPreAuthorize="true")
    central.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    asked = len(station.wire.calls("Authorize"))
    started = {tag for tag in EVERY_TAG if charges(world, station, tag)}
    assert started == LIST_SAYS_YES | CACHE_SAYS_YES
    others = [tag for tag in EVERY_TAG if tag not in started]
    assert [payload["idTag"] for payload in station.wire.payloads("Authorize")[asked:]] == others


@pytest.mark.parametrize("how", ["remote", "AutoCharge", "free"])
def test_remote_start_autocharge_and_free_charging_are_decided_the_same_way(
    world: World, central: ScriptedSupervision, station: SimulatedStation, how: str
) -> None:
    tag = {"remote": "TAG1", "AutoCharge": "92D50A693F80", "free": "SIMTAG"}[how]
    change(central, LocalAuthListEnabled="true", LocalPreAuthorize="true")
    entries = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}}]
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries}
    assert central.ask("SendLocalList", request) == {"status": "Accepted"}
    if how == "free":
        change(central, DefaultIdTag="SIMTAG", FreeCharging="true")
    elif how == "AutoCharge":
        change(central, AutoCharge="true")
    station.plug(1, CAR)
    world.run(5)
    if how == "remote":
        assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": tag}) == {"status": "Accepted"}
    world.run(20)
    assert station.status() == "Charging"
    assert not station.wire.calls("Authorize")
    assert [payload["idTag"] for payload in station.wire.payloads("StartTransaction")] == [tag]


@pytest.mark.parametrize(("listed", "starts"), [("Accepted", True), ("Blocked", False)])
def test_vehicle_is_let_in_offline_as_its_entry_says(
    world: World, central: ScriptedSupervision, station: SimulatedStation, listed: str, starts: bool
) -> None:
    change(central, LocalAuthListEnabled="true", AutoCharge="true")
    entries = [{"idTag": "92D50A693F80", "idTagInfo": {"status": listed}}]
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries}
    assert central.ask("SendLocalList", request) == {"status": "Accepted"}
    station.network_down()
    station.plug(1, CAR)
    world.run(30)
    assert (station.status() == "Charging") is starts


# Group stop by what is known here.


@pytest.mark.requirement("OCPP-3.10-1")
@pytest.mark.parametrize("known_from", ["list", "cache"])
@pytest.mark.parametrize(
    ("stopper", "stops"),
    [("COLLEAGUE", True), ("STRANGER", False), ("BLOCKED", False), ("UNKNOWN", False)],
)
def test_colleague_stops_offline_when_list_or_cache_knows_the_group(
    world: World, central: ScriptedSupervision, station: SimulatedStation, known_from: str, stopper: str, stops: bool
) -> None:
    group: dict[str, dict[str, str]] = {
        "STARTER": {"status": "Accepted", "parentIdTag": "FLEET"},
        "COLLEAGUE": {"status": "Accepted", "parentIdTag": "fleet"},
        "STRANGER": {"status": "Accepted", "parentIdTag": "OTHER"},
        "BLOCKED": {"status": "Blocked", "parentIdTag": "FLEET"},
    }
    if known_from == "list":
        change(central, LocalAuthListEnabled="true")
        entries = [{"idTag": tag, "idTagInfo": each} for tag, each in group.items()]
        request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries}
        assert central.ask("SendLocalList", request) == {"status": "Accepted"}
    else:
        change(central, AuthorizationCacheEnabled="true")
        for tag, each in group.items():
            central.answers["Authorize"] = {"idTagInfo": each}
            central.answers["StartTransaction"] = {"transactionId": 1, "idTagInfo": each}
            charges(world, station, tag)
            central.answers.clear()
    station.network_down()
    station.plug()
    world.run(5)
    station.badge("STARTER")
    world.run(30)
    assert station.status() == "Charging"
    station.badge(stopper)
    world.run(5)
    assert station.status() == ("Finishing" if stops else "Charging")
