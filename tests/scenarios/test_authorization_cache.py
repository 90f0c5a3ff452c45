"""The authorization cache: what it learns, how long it remembers, and ClearCache (OCPP 1.6 3.5.1, 5.4)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import ClearCacheRequest, ClearCacheResponse, ClearCacheStatus
from forecourt.supervision.facts import IdTagSet
from forecourt.supervision.outcomes import Answered
from forecourt.world.world import START

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

CACHE_LIMIT = 1000
NOT_VALID = ("Blocked", "Expired", "Invalid")


def change(central: ScriptedSupervision, **keys: str) -> None:
    for name, value in keys.items():
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}


def say(central: ScriptedSupervision, action: str, status: str, **info: str) -> None:
    """Have an action answered with this IdTagInfo."""
    answer: dict[str, Any] = {"idTagInfo": {"status": status, **info}}
    if action == "StartTransaction":
        answer["transactionId"] = 8
    central.answers[action] = answer


def badge(world: World, station: SimulatedStation, id_tag: str) -> bool:
    """Plug, show a badge, unplug; return whether it charged."""
    station.plug()
    world.run(5)
    station.badge(id_tag)
    world.run(10)
    is_charging = station.status() == "Charging"
    station.unplug()
    world.run(5)
    return is_charging


def starts_offline(world: World, station: SimulatedStation, *tags: str) -> list[bool]:
    station.network_down()
    started = [badge(world, station, tag) for tag in tags]
    station.network_up()
    world.run_until(lambda: station.is_connected, within_s=300)
    world.run(30)
    return started


def kept(station: SimulatedStation) -> dict[str, str]:
    """The cache as it would outlive a power cut: tag and status."""
    return {key: msgspec.json.decode(data)[0] for (kind, key), data in station.records.items() if kind == "cache"}


@pytest.fixture
def caching(central: ScriptedSupervision, station: SimulatedStation) -> SimulatedStation:
    """The station with AuthorizationCacheEnabled; offline only what the cache knows starts."""
    change(central, AuthorizationCacheEnabled="true", AllowOfflineTxForUnknownId="false")
    return station


# What it learns.


@pytest.mark.requirement("OCPP-3.5.1-1", "OCPP-3.5.1-2", "OCPP-4.1-5", "GUIDE-KEY-02")
@pytest.mark.parametrize("status", ["Accepted", *NOT_VALID, "ConcurrentTx"])
def test_cache_keeps_every_tag_that_authorize_was_answered_for_valid_or_not(
    world: World, central: ScriptedSupervision, caching: SimulatedStation, status: str
) -> None:
    say(central, "Authorize", status)
    say(central, "StartTransaction", status)
    badge(world, caching, "TAG1")
    assert kept(caching) == {"tag1": status}
    assert caching.snapshot().cachedIdTags == 1
    assert starts_offline(world, caching, "tag1", "TAG2") == [status == "Accepted", False]


@pytest.mark.requirement("OCPP-3.5.1-2", "OCPP-4.8-5")
@pytest.mark.parametrize("status", ["Accepted", *NOT_VALID])
def test_cache_learns_from_the_answer_to_starttransaction(
    world: World, central: ScriptedSupervision, caching: SimulatedStation, status: str
) -> None:
    """A remote start without Authorize: nothing else ever says what the tag is."""
    change(central, AuthorizeRemoteTxRequests="false")
    say(central, "StartTransaction", status)
    caching.plug()
    world.run(5)
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "TAG1"}) == {"status": "Accepted"}
    world.run(10)
    assert not caching.wire.calls("Authorize")
    assert kept(caching) == {"tag1": status}
    caching.unplug()
    world.run(5)
    assert starts_offline(world, caching, "TAG1") == [status == "Accepted"]


@pytest.mark.requirement("OCPP-3.5.1-2", "OCPP-3.5.1-4", "OCPP-4.10-7")
@pytest.mark.parametrize("status", NOT_VALID)
def test_cache_learns_from_the_answer_to_stoptransaction(
    world: World, central: ScriptedSupervision, caching: SimulatedStation, status: str
) -> None:
    say(central, "StopTransaction", status)
    caching.plug()
    world.run(5)
    caching.badge("TAG1")
    world.run(10)
    assert kept(caching) == {"tag1": "Accepted"}
    caching.badge("TAG1")
    world.run(5)
    assert caching.wire.payloads("StopTransaction")[0]["idTag"] == "TAG1"
    assert kept(caching) == {"tag1": status}
    caching.unplug()
    world.run(5)
    assert starts_offline(world, caching, "TAG1") == [False]


@pytest.mark.requirement("OCPP-4.10-7")
def test_answer_to_stoptransaction_is_about_the_tag_that_stopped(
    world: World, central: ScriptedSupervision, caching: SimulatedStation
) -> None:
    say(central, "Authorize", "Accepted", parentIdTag="FLEET")
    caching.plug()
    world.run(5)
    caching.badge("ANNA")
    world.run(10)
    say(central, "StopTransaction", "Blocked")
    caching.badge("BEN")
    world.run(5)
    assert kept(caching) == {"anna": "Accepted", "ben": "Blocked"}


@pytest.mark.requirement("OCPP-3.5.1-4")
def test_newer_word_about_a_tag_replaces_the_older_one(
    world: World, central: ScriptedSupervision, caching: SimulatedStation
) -> None:
    later = (START + timedelta(hours=5)).isoformat()
    for status in ("Blocked", "Accepted", "Invalid"):
        say(central, "Authorize", status, expiryDate=later)
        say(central, "StartTransaction", status)
        badge(world, caching, "TAG1")
        assert kept(caching) == {"tag1": status}
        assert starts_offline(world, caching, "TAG1") == [status == "Accepted"]
    assert len(kept(caching)) == 1


@pytest.mark.requirement("OCPP-3.5.3-1", "OCPP-4.1-5", "OCPP-4.8-5", "OCPP-4.10-7")
def test_listed_tag_is_never_put_into_the_cache(
    world: World, central: ScriptedSupervision, caching: SimulatedStation
) -> None:
    change(central, LocalAuthListEnabled="true")
    listed = [{"idTag": "TAG1", "idTagInfo": {"status": "Accepted"}}]
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": listed}
    assert central.ask("SendLocalList", request) == {"status": "Accepted"}
    say(central, "StopTransaction", "Accepted")
    for tag in ("TAG1", "tag1", "TAG2"):
        caching.plug()
        world.run(5)
        for _ in range(2):  # start and stop
            caching.badge(tag)
            world.run(10)
        caching.unplug()
        world.run(5)
    assert len(caching.wire.calls("StopTransaction")) == 3
    assert kept(caching) == {"tag2": "Accepted"}


@pytest.mark.requirement("OCPP-3.5.3-2")
@pytest.mark.parametrize(("cached", "listed"), [("Accepted", "Blocked"), ("Blocked", "Accepted")])
def test_entry_of_the_list_decides_for_a_tag_in_both(
    world: World, central: ScriptedSupervision, caching: SimulatedStation, cached: str, listed: str
) -> None:
    say(central, "Authorize", cached)
    badge(world, caching, "TAG1")
    change(central, LocalAuthListEnabled="true")
    entries = [{"idTag": "TAG1", "idTagInfo": {"status": listed}}]
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries}
    assert central.ask("SendLocalList", request) == {"status": "Accepted"}
    assert kept(caching) == {"tag1": cached}
    assert starts_offline(world, caching, "TAG1") == [listed == "Accepted"]


# How long it remembers.


@pytest.mark.requirement("OCPP-3.5.1-3")
def test_entry_whose_expirydate_has_passed_counts_and_is_kept_as_expired(
    world: World, central: ScriptedSupervision, caching: SimulatedStation
) -> None:
    for action in ("Authorize", "StartTransaction"):
        say(central, action, "Accepted", expiryDate=(START + timedelta(hours=1)).isoformat())
    badge(world, caching, "TAG1")
    assert starts_offline(world, caching, "TAG1") == [True]
    world.run(3600)
    caching.network_down()
    assert not badge(world, caching, "TAG1")
    assert kept(caching) == {"tag1": "Expired"}
    assert any(event.name == "Refused offline" and "Expired" in event.detail for event in caching.log)


@pytest.mark.requirement("OCPP-7-8", "OCPP-3.5.1-3")
def test_entry_without_expirydate_does_not_end(
    world: World, central: ScriptedSupervision, caching: SimulatedStation
) -> None:
    badge(world, caching, "TAG1")
    caching.network_down()
    world.run(86_400)
    assert badge(world, caching, "TAG1")


@pytest.mark.requirement("OCPP-7-8")
def test_supervision_says_accepted_without_end_for_a_tag_without_expirydate(
    site: World, served: SimulatedStation
) -> None:
    end = START + timedelta(days=1)
    site.supervision.edit(IdTagSet("SHORT", expiryDate=end))
    for tag in ("TAG1", "SHORT"):
        assert badge(site, served, tag)
    site.run(5 * 86_400)
    assert [badge(site, served, tag) for tag in ("TAG1", "SHORT")] == [True, False]
    infos = [m.payload["idTagInfo"] for m in served.wire.messages if m.action == "Authorize" and m.kind == "CALLRESULT"]
    assert infos[0] == infos[2] == {"status": "Accepted"}
    assert infos[3]["status"] == "Expired"


@pytest.mark.requirement("OCPP-3.5.1-6")
@pytest.mark.parametrize("how", ["reboot", "Soft", "Hard", "cut"])
def test_cache_survives_reboot_reset_and_power_loss(
    world: World, central: ScriptedSupervision, caching: SimulatedStation, how: str
) -> None:
    badge(world, caching, "GOOD")
    say(central, "Authorize", "Blocked")
    badge(world, caching, "BAD")
    if how == "cut":
        caching.cut()
        caching.power_on()
    elif how == "reboot":
        caching.reboot()
    else:
        assert central.ask("Reset", {"type": how}) == {"status": "Accepted"}
    world.run(120)
    assert caching.lives == 2
    assert caching.snapshot().cachedIdTags == 2
    assert starts_offline(world, caching, "GOOD", "BAD", "NEW") == [True, False, False]


@pytest.mark.requirement("OCPP-3.5.1-5")
def test_full_cache_drops_what_is_not_valid_first_and_then_the_oldest_valid(
    world: World, central: ScriptedSupervision, caching: SimulatedStation
) -> None:
    def authorize(tag: str, status: str = "Accepted") -> None:
        say(central, "Authorize", status)
        caching.badge(tag)
        world.run(0.5)

    # Only Authorize: badges at a gun that another tag is charging on.
    caching.plug()
    world.run(5)
    authorize("DRIVER")
    for number in range(CACHE_LIMIT - 4):
        authorize(f"V{number}")
    authorize("BAD1", "Blocked")
    authorize("BAD2", "Invalid")
    authorize("V0")  # heard of again: no longer the oldest
    authorize("LAST")
    assert len(kept(caching)) == CACHE_LIMIT
    for newcomer, dropped in (("N1", "bad1"), ("N2", "bad2"), ("N3", "driver"), ("N4", "v1"), ("N5", "v2")):
        assert dropped in kept(caching)
        authorize(newcomer)
        assert dropped not in kept(caching)
        assert len(kept(caching)) == CACHE_LIMIT
    assert {"v0", "v3", "last", "n1", "n5"} <= set(kept(caching))
    assert caching.snapshot().cachedIdTags == CACHE_LIMIT


# What it is good for online.


@pytest.mark.requirement("OCPP-3.5.1-7")
@pytest.mark.parametrize("status", NOT_VALID)
@pytest.mark.parametrize("advance", ["true", "false"])
def test_tag_cached_as_not_valid_is_checked_again_online(
    world: World, central: ScriptedSupervision, caching: SimulatedStation, status: str, advance: str
) -> None:
    change(central, LocalPreAuthorize=advance)
    say(central, "Authorize", status)
    assert not badge(world, caching, "TAG1")
    say(central, "Authorize", "Accepted")
    assert badge(world, caching, "TAG1")
    assert [payload["idTag"] for payload in caching.wire.payloads("Authorize")] == ["TAG1", "TAG1"]
    assert kept(caching) == {"tag1": "Accepted"}


# ClearCache and the switch.


@pytest.mark.requirement("OCPP-5.4-1", "GUIDE-CSOP-03")
def test_clearcache_empties_the_cache_for_good(
    world: World, central: ScriptedSupervision, caching: SimulatedStation
) -> None:
    badge(world, caching, "TAG1")
    badge(world, caching, "TAG2")
    assert central.ask("ClearCache") == {"status": "Accepted"}
    assert (kept(caching), caching.snapshot().cachedIdTags) == ({}, 0)
    assert starts_offline(world, caching, "TAG1", "TAG2") == [False, False]
    caching.cut()
    caching.power_on()
    world.run(30)
    assert starts_offline(world, caching, "TAG1", "TAG2") == [False, False]
    badge(world, caching, "TAG1")
    assert starts_offline(world, caching, "TAG1", "TAG2") == [True, False]
    assert central.ask("ClearCache") == {"status": "Accepted"}
    assert central.ask("ClearCache") == {"status": "Accepted"}


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_clearcache_is_not_undone_wherever_power_is_cut(
    world: World, central: ScriptedSupervision, caching: SimulatedStation, after: int
) -> None:
    for tag in ("TAG1", "TAG2", "TAG3"):
        badge(world, caching, tag)
    caching.cut_after = after
    caching.deliver(b'[2,"m1","ClearCache",{}]')
    world.run(1)
    assert not caching.has_power
    caching.power_on()
    world.run(30)
    assert (kept(caching), caching.snapshot().cachedIdTags) == ({}, 0)
    badge(world, caching, "TAG4")
    assert kept(caching) == {"tag4": "Accepted"}


@pytest.mark.requirement("OCPP-5.4-2", "GUIDE-KEY-02", "GUIDE-CSOP-03")
def test_cache_is_not_in_use_by_default_and_clearcache_is_rejected(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, AllowOfflineTxForUnknownId="false")
    entries = central.ask("GetConfiguration", {"key": ["AuthorizationCacheEnabled", "AuthorizationCacheEnable"]})
    assert entries["configurationKey"] == [
        {"key": "AuthorizationCacheEnabled", "readonly": False, "value": "false"},
        {"key": "AuthorizationCacheEnable", "readonly": False, "value": "false"},
    ]
    badge(world, station, "TAG1")
    assert kept(station) == {}
    assert central.ask("ClearCache") == {"status": "Rejected"}
    assert station.log[-1].name == "ClearCache refused"
    assert starts_offline(world, station, "TAG1") == [False]
    change(central, AuthorizationCacheEnable="true")
    (key,) = central.ask("GetConfiguration", {"key": ["AuthorizationCacheEnabled"]})["configurationKey"]
    assert key["value"] == "true"
    assert central.ask("ChangeConfiguration", {"key": "AuthorizationCacheEnabled", "value": "yes"}) == {
        "status": "Rejected"
    }
    badge(world, station, "TAG1")
    assert starts_offline(world, station, "TAG1") == [True]


def test_cache_that_is_switched_off_forgets(
    world: World, central: ScriptedSupervision, caching: SimulatedStation
) -> None:
    """What it held would no longer be the latest that was heard."""
    badge(world, caching, "TAG1")
    change(central, AuthorizationCacheEnabled="false")
    assert kept(caching) == {}
    change(central, AuthorizationCacheEnabled="true")
    assert starts_offline(world, caching, "TAG1") == [False]


@pytest.mark.requirement("GUIDE-CSOP-03")
def test_supervision_clears_the_cache(site: World, served: SimulatedStation) -> None:
    outcome = site.supervision.ask("CP-1", ClearCacheRequest())
    assert outcome == Answered(ClearCacheResponse(status=ClearCacheStatus.Rejected))
    served.set_key("AuthorizationCacheEnabled", "true")
    served.plug()
    site.run(5)
    served.badge("TAG1")
    site.run(10)
    assert list(kept(served)) == ["tag1"]
    outcome = site.supervision.ask("CP-1", ClearCacheRequest())
    assert outcome == Answered(ClearCacheResponse(status=ClearCacheStatus.Accepted))
    assert kept(served) == {}
