"""SendLocalList and GetLocalListVersion on the wire, and what the list means for who may charge (OCPP 1.6 3.5.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import AuthorizationStatus, IdTagInfo
from forecourt.ocpp.local_auth_list_management import (
    AuthorizationData,
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
    UpdateStatus,
    UpdateType,
)
from forecourt.supervision.outcomes import Answered
from forecourt.world.world import START

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

STATUSES = ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")


def change(central: ScriptedSupervision, **keys: str) -> None:
    for name, value in keys.items():
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}


def entry(id_tag: str, status: str | None = "Accepted", **info: str) -> dict[str, Any]:
    """An entry of a message; with None as status one that deletes."""
    return {"idTag": id_tag} if status is None else {"idTag": id_tag, "idTagInfo": {"status": status, **info}}


def send(central: ScriptedSupervision, version: int, kind: str, entries: Iterable[dict[str, Any]] | None) -> str:
    request: dict[str, Any] = {"listVersion": version, "updateType": kind}
    if entries is not None:
        request["localAuthorizationList"] = list(entries)
    answer = central.ask("SendLocalList", request)
    assert list(answer) == ["status"]
    return str(answer["status"])


def version(central: ScriptedSupervision) -> int:
    answer = central.ask("GetLocalListVersion")
    assert list(answer) == ["listVersion"]
    return int(answer["listVersion"])


def starts(world: World, station: SimulatedStation, id_tag: str) -> bool:
    """Whether a badge starts a session here and now; the gun is free again afterwards."""
    station.plug()
    world.run(5)
    station.badge(id_tag)
    world.run(40)
    is_charging = station.status() == "Charging"
    station.unplug()
    world.run(5)
    return is_charging


@pytest.fixture
def listing(world: World, central: ScriptedSupervision, station: SimulatedStation) -> SimulatedStation:
    """The station with LocalAuthListEnabled, which refuses every tag offline that it does not know."""
    change(central, LocalAuthListEnabled="true", AllowOfflineTxForUnknownId="false")
    return station


# What is kept, seen offline: only a listed tag starts.


@pytest.mark.requirement("OCPP-7-1", "OCPP-5.15-2", "OCPP-5.10-1", "GUIDE-KEY-30")
def test_differential_adds_updates_and_deletes_and_the_version_follows(
    world: World, central: ScriptedSupervision, listing: SimulatedStation
) -> None:
    assert version(central) == 0
    assert send(central, 4, "Full", [entry("KEEP"), entry("LOSE"), entry("DROP")]) == "Accepted"
    assert version(central) == 4
    update = [entry("NEW"), entry("LOSE", "Blocked"), entry("DROP", None), entry("NOBODY", None)]
    assert send(central, 7, "Differential", update) == "Accepted"
    assert version(central) == 7
    listing.network_down()
    verdicts = {tag: starts(world, listing, tag) for tag in ("KEEP", "NEW", "LOSE", "DROP", "NOBODY", "new", "kEEP")}
    assert verdicts == {
        "KEEP": True,
        "NEW": True,
        "LOSE": False,
        "DROP": False,
        "NOBODY": False,
        "new": True,
        "kEEP": True,
    }


@pytest.mark.requirement("OCPP-5.15-2")
def test_full_list_replaces_everything_also_with_a_lower_version(
    world: World, central: ScriptedSupervision, listing: SimulatedStation
) -> None:
    assert send(central, 9, "Full", [entry("OLD")]) == "Accepted"
    assert send(central, 2, "Full", [entry("YOUNG")]) == "Accepted"
    assert version(central) == 2
    listing.network_down()
    assert [starts(world, listing, tag) for tag in ("OLD", "YOUNG")] == [False, True]


@pytest.mark.requirement("OCPP-6-6", "OCPP-5.10-1")
@pytest.mark.parametrize("entries", [None, []])
def test_full_list_without_entries_empties_the_list(
    world: World, central: ScriptedSupervision, listing: SimulatedStation, entries: list[dict[str, Any]] | None
) -> None:
    assert send(central, 3, "Full", [entry("TAG1")]) == "Accepted"
    assert send(central, 4, "Full", entries) == "Accepted"
    assert version(central) == 0
    assert listing.snapshot().localList.entries == 0
    listing.network_down()
    assert not starts(world, listing, "TAG1")
    listing.network_up()
    world.run(300)
    assert send(central, 1, "Differential", [entry("TAG1")]) == "Accepted"
    assert version(central) == 1


@pytest.mark.requirement("OCPP-6-7")
@pytest.mark.parametrize("entries", [None, []])
def test_differential_without_entries_changes_no_entry(
    world: World, central: ScriptedSupervision, listing: SimulatedStation, entries: list[dict[str, Any]] | None
) -> None:
    assert send(central, 3, "Full", [entry("TAG1"), entry("BAD", "Blocked")]) == "Accepted"
    assert send(central, 4, "Differential", entries) == "Accepted"
    assert version(central) == 4
    listing.network_down()
    assert [starts(world, listing, tag) for tag in ("TAG1", "BAD")] == [True, False]


@pytest.mark.requirement("OCPP-7-13")
@pytest.mark.parametrize("number", [1, 4, 5])
def test_differential_whose_version_is_not_above_the_present_one_is_a_versionmismatch(
    world: World, central: ScriptedSupervision, listing: SimulatedStation, number: int
) -> None:
    assert send(central, 5, "Full", [entry("TAG1")]) == "Accepted"
    assert send(central, number, "Differential", [entry("TAG2")]) == "VersionMismatch"
    assert version(central) == 5
    assert f"above 5, came {number}" in listing.log[-1].detail
    listing.network_down()
    assert [starts(world, listing, tag) for tag in ("TAG1", "TAG2")] == [True, False]
    listing.network_up()
    world.run(300)
    assert send(central, 6, "Differential", [entry("TAG2")]) == "Accepted"


# What is refused leaves no trace but a line in the log.


@pytest.mark.parametrize(
    ("number", "kind", "entries", "why"),
    [
        (0, "Full", [entry("NEW")], "listVersion above 0, came 0"),
        (-1, "Full", [entry("NEW")], "listVersion above 0, came -1"),
        (-7, "Differential", [entry("NEW")], "listVersion above 0, came -7"),
        (8, "Full", [entry("NEW"), entry("OTHER"), entry("NEW")], "each idTag once"),
        (8, "Differential", [entry("NEW"), entry("new", "Blocked")], "each idTag once"),
        (8, "Differential", [entry("NEW"), entry("NEW", None)], "each idTag once"),
        (8, "Full", [entry("NEW"), entry("OTHER", None)], "idTagInfo with every entry"),
        (8, "Differential", [entry("NEW"), entry("")], "came an empty one"),
        (8, "Full", [entry(f"N{n}") for n in range(401)], "at most 400 entries in one message, came 401"),
        (8, "Differential", [entry(f"N{n}", None) for n in range(401)], "at most 400 entries in one message"),
    ],
)
def test_update_with_a_mistake_is_failed_and_changes_nothing(
    world: World,
    central: ScriptedSupervision,
    listing: SimulatedStation,
    number: int,
    kind: str,
    entries: list[dict[str, Any]],
    why: str,
) -> None:
    assert send(central, 5, "Full", [entry("TAG1")]) == "Accepted"
    records = dict(listing.records)
    assert send(central, number, kind, entries) == "Failed"
    assert listing.log[-1].name == "SendLocalList refused"
    assert why in listing.log[-1].detail
    assert version(central) == 5
    assert listing.snapshot().localList.entries == 1
    assert listing.records == records
    listing.network_down()
    assert [starts(world, listing, tag) for tag in ("TAG1", "NEW")] == [True, False]


@pytest.mark.parametrize(
    "request_",
    [
        {"updateType": "Full"},
        {"listVersion": 1},
        {"listVersion": 1, "updateType": "Partial"},
        {"listVersion": "one", "updateType": "Full"},
        {"listVersion": 1, "updateType": "Full", "localAuthorizationList": {}},
        {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{}]},
        {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry("x" * 21)]},
        {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry("A", "Good")]},
        {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry("A", expiryDate="tomorrow")]},
        {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{"idTag": "A", "idTagInfo": {}}]},
    ],
)
def test_message_against_the_schema_is_a_callerror_and_changes_nothing(
    central: ScriptedSupervision, listing: SimulatedStation, request_: dict[str, Any]
) -> None:
    assert send(central, 5, "Full", [entry("TAG1")]) == "Accepted"
    assert central.call("SendLocalList", request_).kind == "CALLERROR"
    assert version(central) == 5


@pytest.mark.requirement("OCPP-9.2-1", "GUIDE-KEY-31", "GUIDE-KEY-32")
def test_list_takes_100000_entries_in_messages_of_400_and_not_one_more(
    world: World, central: ScriptedSupervision, listing: SimulatedStation
) -> None:
    keys = central.ask("GetConfiguration", {"key": ["LocalAuthListMaxLength", "SendLocalListMaxLength"]})
    assert keys["configurationKey"] == [
        {"key": "LocalAuthListMaxLength", "readonly": True, "value": "100000"},
        {"key": "SendLocalListMaxLength", "readonly": True, "value": "400"},
    ]
    for name in ("LocalAuthListMaxLength", "SendLocalListMaxLength"):
        assert central.ask("ChangeConfiguration", {"key": name, "value": "10"}) == {"status": "Rejected"}
    assert send(central, 1, "Full", [entry(f"T{n}") for n in range(401)]) == "Failed"
    assert send(central, 1, "Full", [entry(f"T{n}") for n in range(400)]) == "Accepted"
    for number in range(2, 251):
        first = (number - 1) * 400
        assert send(central, number, "Differential", [entry(f"T{n}") for n in range(first, first + 400)]) == "Accepted"
    assert (version(central), listing.snapshot().localList.entries) == (250, 100_000)
    assert send(central, 251, "Differential", [entry("ONE-MORE")]) == "Failed"
    assert send(central, 251, "Differential", [entry("T5", None), entry("A"), entry("B")]) == "Failed"
    assert (version(central), listing.snapshot().localList.entries) == (250, 100_000)
    listing.network_down()
    assert [starts(world, listing, tag) for tag in ("T0", "T5", "T99999", "A", "ONE-MORE")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    listing.network_up()
    world.run(300)
    assert send(central, 251, "Differential", [entry("T5", None), entry("A"), entry("T7", "Blocked")]) == "Accepted"
    assert (version(central), listing.snapshot().localList.entries) == (251, 100_000)


@pytest.mark.requirement("OCPP-9.2-1")
def test_list_that_the_installer_made_too_long_may_shrink_but_not_grow(
    central: ScriptedSupervision, listing: SimulatedStation
) -> None:
    assert send(central, 1, "Full", [entry(f"T{n}") for n in range(10)]) == "Accepted"
    listing.set_key("LocalAuthListMaxLength", "5")
    assert send(central, 2, "Differential", [entry("MORE")]) == "Failed"
    assert send(central, 2, "Full", [entry(f"N{n}") for n in range(6)]) == "Failed"
    assert send(central, 2, "Differential", [entry("T0", None), entry("T1", None)]) == "Accepted"
    assert listing.snapshot().localList.entries == 8


# The switch.


@pytest.mark.requirement("OCPP-5.10-2", "GUIDE-KEY-30", "OCPP-5.10-1")
def test_list_is_not_supported_until_it_is_enabled(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The default is false; a list that was there before comes back as it was."""
    (key,) = central.ask("GetConfiguration", {"key": ["LocalAuthListEnabled"]})["configurationKey"]
    assert key == {"key": "LocalAuthListEnabled", "readonly": False, "value": "false"}
    change(central, AllowOfflineTxForUnknownId="false")
    assert version(central) == -1
    for kind in ("Full", "Differential"):
        assert send(central, 1, kind, [entry("TAG1")]) == "NotSupported"
    change(central, LocalAuthListEnabled="true")
    assert version(central) == 0
    assert send(central, 6, "Full", [entry("TAG1")]) == "Accepted"
    change(central, LocalAuthListEnabled="false")
    assert version(central) == -1
    assert send(central, 7, "Differential", [entry("TAG2")]) == "NotSupported"
    station.network_down()
    assert not starts(world, station, "TAG1")
    station.network_up()
    world.run(300)
    change(central, LocalAuthListEnabled="true")
    assert version(central) == 6
    station.network_down()
    assert [starts(world, station, tag) for tag in ("TAG1", "TAG2")] == [True, False]


# What the list means.


@pytest.mark.requirement("OCPP-3.5.2-1")
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("key", ["LocalPreAuthorize", "LocalAuthorizeOffline"])
def test_accepted_and_concurrenttx_allow_charging_and_the_others_do_not(
    world: World, central: ScriptedSupervision, listing: SimulatedStation, status: str, key: str
) -> None:
    """Online with LocalPreAuthorize and offline alike; the supervision itself would refuse the tag."""
    change(central, **{key: "true"})
    assert send(central, 1, "Full", [entry("TAG1", status)]) == "Accepted"
    central.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    if key == "LocalAuthorizeOffline":
        listing.network_down()
    assert starts(world, listing, "TAG1") is (status in ("Accepted", "ConcurrentTx"))


@pytest.mark.requirement("OCPP-7-8")
def test_entry_without_expirydate_has_no_end_and_one_with_it_has(
    world: World, central: ScriptedSupervision, listing: SimulatedStation
) -> None:
    soon = (START + timedelta(hours=1)).isoformat()
    offset = (START + timedelta(hours=3)).isoformat().replace("+00:00", "+02:00")  # the same moment
    assert send(central, 1, "Full", [entry("EVER"), entry("SOON", expiryDate=soon)]) == "Accepted"
    assert send(central, 2, "Differential", [entry("ALSO", expiryDate=offset)]) == "Accepted"
    listing.network_down()
    assert [starts(world, listing, tag) for tag in ("EVER", "SOON", "ALSO")] == [True, True, True]
    world.run(3600)
    assert [starts(world, listing, tag) for tag in ("EVER", "SOON", "ALSO")] == [True, False, False]
    world.run(3 * 86_400)
    assert starts(world, listing, "EVER")


@pytest.mark.requirement("OCPP-3.5.2-2")
@pytest.mark.parametrize("how", ["reboot", "cut", "reset"])
def test_list_survives_reboot_reset_and_power_loss(
    world: World, central: ScriptedSupervision, listing: SimulatedStation, how: str
) -> None:
    assert send(central, 3, "Full", [entry("TAG1"), entry("TAG2"), entry("BAD", "Blocked")]) == "Accepted"
    assert send(central, 5, "Differential", [entry("TAG2", None), entry("TAG3")]) == "Accepted"
    if how == "reboot":
        listing.reboot()
    elif how == "reset":
        assert central.ask("Reset", {"type": "Hard"}) == {"status": "Accepted"}
    else:
        listing.cut()
        listing.power_on()
    world.run(100)
    assert listing.lives == 2
    assert version(central) == 5
    listing.network_down()
    change_nothing = {tag: starts(world, listing, tag) for tag in ("TAG1", "TAG2", "TAG3", "BAD")}
    assert change_nothing == {"TAG1": True, "TAG2": False, "TAG3": True, "BAD": False}


@pytest.mark.parametrize("after", range(1, 9))
def test_list_is_the_old_or_the_new_one_wherever_power_is_cut(
    world: World, central: ScriptedSupervision, listing: SimulatedStation, after: int
) -> None:
    assert send(central, 1, "Full", [entry(f"OLD{n}") for n in range(400)]) == "Accepted"
    for number in (2, 3):
        entries = [entry(f"OLD{number}-{n}") for n in range(400)]
        assert send(central, number, "Differential", entries) == "Accepted"
    listing.cut_after = after
    full = {"listVersion": 9, "updateType": "Full", "localAuthorizationList": [entry("NEW1"), entry("NEW2")]}
    listing.deliver(msgspec.json.encode([2, "m1", "SendLocalList", full]))
    world.run(5)
    listing.cut_after = None
    if listing.has_power:
        listing.cut()
    listing.power_on()
    world.run(30)
    list_ = listing.snapshot().localList
    assert (list_.listVersion, list_.entries) == (9, 2)  # the save is the first effect
    assert len([kind for kind, _ in listing.records if kind == "list"]) == 1


@pytest.mark.requirement("OCPP-3.5.2-3")
def test_no_answer_changes_the_list(world: World, central: ScriptedSupervision, listing: SimulatedStation) -> None:
    """Authorize, StartTransaction and StopTransaction say otherwise for GOOD and BAD, and STRANGER is unknown."""
    change(central, AuthorizationCacheEnabled="true", StopTransactionOnInvalidId="false")
    assert send(central, 1, "Full", [entry("GOOD"), entry("BAD", "Blocked")]) == "Accepted"
    for tag, status in (("BAD", "Accepted"), ("STRANGER", "Accepted"), ("GOOD", "Blocked")):
        for action in ("Authorize", "StartTransaction", "StopTransaction"):
            central.answers[action] = {"idTagInfo": {"status": status}}
        central.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": status}}
        starts(world, listing, tag)
    assert central.ask("ClearCache") == {"status": "Accepted"}
    assert (version(central), listing.snapshot().localList.entries) == (1, 2)
    listing.network_down()
    assert [starts(world, listing, tag) for tag in ("GOOD", "BAD", "STRANGER")] == [True, False, False]


# LocalListConflict.


def conflicts(station: SimulatedStation) -> list[dict[str, Any]]:
    return [p for p in station.wire.payloads("StatusNotification") if p["errorCode"] == "LocalListConflict"]


def answer_start(central: ScriptedSupervision, status: str) -> None:
    central.answers["StartTransaction"] = {"transactionId": 3, "idTagInfo": {"status": status}}


@pytest.mark.requirement("OCPP-3.5.2-4")
@pytest.mark.parametrize("answered", STATUSES)
@pytest.mark.parametrize("listed", STATUSES)
def test_answer_that_contradicts_an_entry_is_reported_as_locallistconflict(
    world: World, central: ScriptedSupervision, listing: SimulatedStation, listed: str, answered: str
) -> None:
    """The start of a tag that was let in elsewhere: by remote start without Authorize."""
    change(central, AuthorizeRemoteTxRequests="false")
    assert send(central, 1, "Full", [entry("TAG1", listed)]) == "Accepted"
    answer_start(central, answered)
    listing.plug()
    world.run(5)
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "tag1"}) == {"status": "Accepted"}
    world.run(30)
    allowing = ("Accepted", "ConcurrentTx")
    if (listed in allowing) == (answered in allowing):
        assert conflicts(listing) == []
    else:
        (conflict,) = conflicts(listing)
        assert (conflict["connectorId"], conflict["status"]) == (0, "Available")
        assert conflict["info"] == f"tag1: {answered}, not as listed"


@pytest.mark.requirement("OCPP-3.5.2-4")
def test_conflict_of_a_start_made_offline_is_reported_once_and_over_when_the_list_is_mended(
    world: World, central: ScriptedSupervision, listing: SimulatedStation
) -> None:
    assert send(central, 1, "Full", [entry("TAG1")]) == "Accepted"
    listing.network_down()
    listing.plug()
    world.run(5)
    listing.badge("TAG1")
    world.run(60)
    assert listing.status() == "Charging"
    answer_start(central, "Blocked")
    central.answers["StopTransaction"] = {"idTagInfo": {"status": "Blocked"}}
    listing.network_up()
    world.run(300)
    assert [stop["reason"] for stop in listing.wire.payloads("StopTransaction")] == ["DeAuthorized"]
    assert len(conflicts(listing)) == 1
    assert send(central, 1, "Differential", [entry("TAG1", "Blocked")]) == "VersionMismatch"
    assert [p["errorCode"] for p in listing.wire.payloads("StatusNotification") if p["connectorId"] == 0] == [
        "NoError",
        "LocalListConflict",
    ]
    assert send(central, 2, "Differential", [entry("TAG1", "Blocked")]) == "Accepted"
    world.run(5)
    assert [p["errorCode"] for p in listing.wire.payloads("StatusNotification") if p["connectorId"] == 0] == [
        "NoError",
        "LocalListConflict",
        "NoError",
    ]


def test_conflict_whose_report_was_lost_is_reported_after_the_reconnect(
    world: World, central: ScriptedSupervision, listing: SimulatedStation
) -> None:
    assert send(central, 1, "Full", [entry("TAG1")]) == "Accepted"
    central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    central.silent.add("StatusNotification")
    listing.plug()
    world.run(31)
    listing.badge("TAG1")
    world.run(2)
    assert len(conflicts(listing)) == 1
    listing.network_down()
    central.silent.clear()
    listing.network_up()
    world.run(300)
    assert len(conflicts(listing)) == 2


# Between our station and our supervision.


def data(id_tag: str, status: str | None = "Accepted") -> AuthorizationData:
    if status is None:
        return AuthorizationData(idTag=id_tag)
    return AuthorizationData(idTag=id_tag, idTagInfo=IdTagInfo(status=AuthorizationStatus(status)))


@pytest.mark.requirement("GUIDE-CSOP-13", "GUIDE-CSOP-14")
def test_supervision_sends_lists_and_asks_for_the_version(site: World, served: SimulatedStation) -> None:
    def ask(number: int, kind: UpdateType, *entries: AuthorizationData) -> str:
        request = SendLocalListRequest(listVersion=number, updateType=kind, localAuthorizationList=entries)
        outcome = site.supervision.ask("CP-1", request)
        assert isinstance(outcome, Answered)
        assert isinstance(outcome.response, SendLocalListResponse)
        return outcome.response.status

    def tell() -> int:
        outcome = site.supervision.ask("CP-1", GetLocalListVersionRequest())
        assert isinstance(outcome, Answered)
        assert isinstance(outcome.response, GetLocalListVersionResponse)
        return outcome.response.listVersion

    assert ask(1, UpdateType.Full, data("TAG1")) == UpdateStatus.NotSupported
    assert tell() == -1
    served.set_key("LocalAuthListEnabled", "true")
    assert tell() == 0
    assert ask(2, UpdateType.Full, data("TAG1"), data("TAG2", "Blocked")) == UpdateStatus.Accepted
    assert tell() == 2
    assert ask(2, UpdateType.Differential, data("TAG1", None)) == UpdateStatus.VersionMismatch
    served.set_key("LocalAuthListMaxLength", "2")
    assert ask(3, UpdateType.Differential, data("TAG3")) == UpdateStatus.Failed
    assert tell() == 2


@pytest.mark.requirement("OCPP-6-8")
def test_supervision_sends_no_idtag_twice_and_the_station_would_fail_it(
    world: World, central: ScriptedSupervision, listing: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    served.set_key("LocalAuthListEnabled", "true")
    request = SendLocalListRequest(
        listVersion=1, updateType=UpdateType.Full, localAuthorizationList=(data("TAG1"), data("tag1", "Blocked"))
    )
    assert not isinstance(site.supervision.ask("CP-1", request), Answered)
    assert not served.wire.calls("SendLocalList", "<")
    assert send(central, 1, "Full", [entry("TAG1"), entry("TAG1")]) == "Failed"
    assert send(central, 1, "Differential", [entry("TAG1"), entry("tag1", "Blocked")]) == "Failed"
    assert listing.snapshot().localList.entries == 0


@pytest.mark.requirement("OCPP-6-9")
@pytest.mark.parametrize("number", [0, -1])
def test_supervision_sends_no_version_0_or_minus_1_and_the_station_would_fail_it(
    world: World,
    central: ScriptedSupervision,
    listing: SimulatedStation,
    site: World,
    served: SimulatedStation,
    number: int,
) -> None:
    served.set_key("LocalAuthListEnabled", "true")
    for kind in UpdateType:
        request = SendLocalListRequest(listVersion=number, updateType=kind, localAuthorizationList=(data("TAG1"),))
        assert not isinstance(site.supervision.ask("CP-1", request), Answered)
        assert send(central, number, kind.value, [entry("TAG1")]) == "Failed"
    assert not served.wire.calls("SendLocalList", "<")
    assert listing.snapshot().localList.entries == 0
