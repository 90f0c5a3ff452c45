"""Local lists that the supervision keeps on stations: whole, in parts, and anew when a part is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from forecourt.ocpp.core import AuthorizationStatus, IdTagInfo
from forecourt.ocpp.local_auth_list_management import AuthorizationData
from forecourt.supervision.events import LocalListGiven
from forecourt.supervision.facts import CommandFollowed, IdTagSet
from forecourt.supervision.local_lists import LocalListSent, parts
from forecourt.supervision.outcomes import Answered, ConnectionLost, NotConnected, Refused, TimedOut
from forecourt.supervision.tabletop import IDENTITY, Tabletop
from tests.supervision_peers import play, running

BLOCKED = {"status": "Blocked"}
ACCEPTED = IdTagInfo(status=AuthorizationStatus.Accepted)


def entries(count: int) -> tuple[AuthorizationData, ...]:
    """So many idTags."""
    return tuple(AuthorizationData(idTag=f"TAG-{number}", idTagInfo=ACCEPTED) for number in range(count))


class ListStation:
    """A station that keeps a local list by OCPP's rules, and refuses the versions it is told to."""

    def __init__(self, table: Tabletop, most: int | None = 3, version: int = 0) -> None:
        self.table = table
        self.most = most
        self.version = version
        self.held: dict[str, Any] = {}
        self.refusals: dict[int, str] = {}
        """What an update of this version is answered, once."""
        self.always_refused = ""
        """Updates of this type are answered Failed."""
        self.updates: list[tuple[str, int, int]] = []
        """Each SendLocalList: its type, version and number of entries."""

    def answer_all(self) -> None:
        """Answer the supervision until it asks nothing more."""
        answered = 0
        while len(calls := self.table.calls()) > answered:
            answered = len(calls)
            _, _, action, payload = calls[-1]
            self.table.answer(getattr(self, f"_{action}")(payload))

    def _GetLocalListVersion(self, _payload: Any) -> Any:  # noqa: N802
        return {"listVersion": self.version}

    def _GetConfiguration(self, payload: Any) -> Any:  # noqa: N802
        if self.most is None:
            return {"unknownKey": payload["key"]}
        [name] = payload["key"]
        return {"configurationKey": [{"key": name, "readonly": True, "value": str(self.most)}]}

    def _SendLocalList(self, payload: Any) -> Any:  # noqa: N802
        came, version = payload["localAuthorizationList"], payload["listVersion"]
        self.updates.append((payload["updateType"], version, len(came)))
        if version in self.refusals:
            return {"status": self.refusals.pop(version)}
        if payload["updateType"] == self.always_refused:
            return {"status": "Failed"}
        if payload["updateType"] == "Full":
            self.held = {}
        elif version <= self.version:
            return {"status": "VersionMismatch"}
        self.held |= {entry["idTag"]: entry["idTagInfo"] for entry in came}
        self.version = version
        return {"status": "Accepted"}


def give(table: Tabletop, wanted: tuple[AuthorizationData, ...] | None, command_id: str = "list") -> None:
    """Tell the supervision to make the station's list this one."""
    table.handle(LocalListGiven(command_id, IDENTITY, wanted))


def came_of_it(table: Tabletop) -> tuple[str, int, int]:
    """Status, version and number of updates of the list that was sent."""
    outcome = table.outcomes["list"]
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.response, LocalListSent)
    return outcome.response.status, outcome.response.listVersion, outcome.response.updates


@pytest.mark.requirement("OCPP-5.15-3")
@pytest.mark.parametrize(
    ("count", "updates"),
    [
        (0, [("Full", 8, 0)]),
        (3, [("Full", 8, 3)]),
        (4, [("Full", 8, 3), ("Differential", 9, 1)]),
        (7, [("Full", 8, 3), ("Differential", 9, 3), ("Differential", 10, 1)]),
    ],
)
def test_long_list_goes_out_as_a_full_part_and_differential_ones_with_rising_versions(
    count: int, updates: list[tuple[str, int, int]]
) -> None:
    table = Tabletop()
    table.boot()
    station = ListStation(table, most=3, version=7)
    station.held = {"OLD": {"status": "Accepted"}}
    give(table, entries(count))
    station.answer_all()
    assert station.updates == updates
    assert list(station.held) == [f"TAG-{number}" for number in range(count)]
    assert came_of_it(table) == ("Accepted", updates[-1][1], len(updates))
    followed = [(fact.action, fact.status) for fact in table.kept(CommandFollowed)]
    assert followed == [(f"SendLocalList {kind}", "Accepted") for kind, _, _ in updates]


@pytest.mark.requirement("OCPP-5.15-1")
@pytest.mark.parametrize("refusal", ["Failed", "VersionMismatch"])
def test_refused_differential_update_is_followed_by_a_full_one(refusal: str) -> None:
    table = Tabletop()
    table.boot()
    station = ListStation(table, most=3, version=7)
    station.refusals = {9: refusal}
    give(table, entries(7))
    station.answer_all()
    assert station.updates == [
        ("Full", 8, 3),
        ("Differential", 9, 3),
        ("Full", 9, 3),
        ("Differential", 10, 3),
        ("Differential", 11, 1),
    ]
    assert list(station.held) == [f"TAG-{number}" for number in range(7)]
    assert came_of_it(table) == ("Accepted", 11, 5)


@pytest.mark.parametrize(
    ("refused", "updates"),
    [
        ("Full", ["Full"]),
        ("Differential", ["Full", "Differential", "Full", "Differential", "Full", "Differential"]),
    ],
)
def test_station_that_goes_on_refusing_is_given_up(refused: str, updates: list[str]) -> None:
    table = Tabletop()
    table.boot()
    station = ListStation(table, most=1)
    station.always_refused = refused
    give(table, entries(2))
    station.answer_all()
    assert [kind for kind, _, _ in station.updates] == updates
    assert came_of_it(table)[0] == "Failed"


@pytest.mark.parametrize(("most", "updates"), [(None, [400, 101]), (500, [500, 1])])
def test_station_without_a_limit_gets_the_usual_one(most: int | None, updates: list[int]) -> None:
    table = Tabletop()
    table.boot()
    station = ListStation(table, most=most)
    give(table, entries(501))
    station.answer_all()
    assert [count for _, _, count in station.updates] == updates


def test_registry_is_the_list_where_none_is_given() -> None:
    table = Tabletop()
    table.boot()
    table.edit(IdTagSet("b-tag", status="Blocked"))
    table.edit(IdTagSet("A-tag", parentIdTag="GROUP"))
    station = ListStation(table)
    give(table, None)
    station.answer_all()
    assert station.held == {
        "A-tag": {"status": "Accepted", "parentIdTag": "GROUP"},
        "b-tag": {"status": "Blocked"},
    }


def test_station_without_local_lists_is_sent_none() -> None:
    table = Tabletop()
    table.boot()
    station = ListStation(table, version=-1)
    give(table, entries(1))
    station.answer_all()
    assert station.updates == []
    outcome = table.outcomes["list"]
    assert isinstance(outcome, Refused)
    assert "-1" in outcome.sentence


def test_list_ends_with_the_connection_with_silence_and_with_another_on_its_way() -> None:
    table = Tabletop(answer_timeout_s=30)
    give(table, entries(1), "early")
    assert isinstance(table.outcomes["early"], NotConnected)
    table.boot()
    give(table, entries(1), "lost")
    give(table, entries(1), "second")
    assert isinstance(table.outcomes["second"], Refused)
    table.disconnect()
    assert isinstance(table.outcomes["lost"], ConnectionLost)
    table.boot()
    give(table, entries(1), "silent")
    table.wait(31)
    assert isinstance(table.outcomes["silent"], TimedOut)


def test_list_that_lost_its_connection_while_it_asked_for_the_limit_asks_nothing_more() -> None:
    table = Tabletop()
    table.boot()
    give(table, entries(1))
    table.answer({"listVersion": 0})
    assert table.calls()[-1][2] == "GetConfiguration"
    table.disconnect()
    assert isinstance(table.outcomes["list"], ConnectionLost)
    assert table.calls()[-1][2] == "GetConfiguration"


def test_parts_hold_at_least_one_entry_each() -> None:
    assert [part.listVersion for part in parts(entries(2), above=4, most=0)] == [5, 6]


def test_api_sends_the_registry_and_tells_how_far_it_has_come() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            await ours.http.put("/api/id-tags/ANNA", json={})
            response = await ours.http.post("/api/stations/EVD-1/local-list")
            assert (response.status_code, response.json()["state"]) == (202, "awaited")
            again = await ours.http.post("/api/stations/EVD-1/local-list")
            assert (again.status_code, "on its way" in again.json()["error"]["sentence"]) == (409, True)
            assert (await station.answer({"listVersion": 4}))[2] == "GetLocalListVersion"
            _, _, action, payload = await station.answer({"status": "Accepted"})
            assert (action, payload["listVersion"], payload["updateType"]) == ("SendLocalList", 5, "Full")
            assert payload["localAuthorizationList"] == [{"idTag": "ANNA", "idTagInfo": {"status": "Accepted"}}]
            found = await ours.until(response.headers["location"], lambda found: found["state"] == "done")
            assert found["response"] == {"status": "Accepted", "listVersion": 5, "entries": 1, "updates": 1}
            assert [follow_up["action"] for follow_up in found["followUps"]] == ["SendLocalList Full"]

    play(scenario())


@pytest.mark.parametrize(
    ("order", "word"),
    [
        ({"entries": [{"idTag": "A"}]}, "idTagInfo"),
        ({"entries": [{"idTag": "A", "idTagInfo": BLOCKED}, {"idTag": "a", "idTagInfo": BLOCKED}]}, "only once"),
        ({"entries": {"idTag": "A"}}, "entries"),
        ({"list": []}, "list"),
    ],
)
def test_list_that_cannot_be_meant_is_refused_before_the_station_hears_of_it(order: Any, word: str) -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            response = await ours.http.post("/api/stations/EVD-1/local-list", json=order)
            assert (response.status_code, word in response.json()["error"]) == (400, True)
            await asyncio.sleep(0)
            assert station.calls.empty()

    play(scenario())
