"""The rules of SendLocalList, by the block alone."""

from __future__ import annotations

import pytest

from forecourt.ocpp.core import AuthorizationStatus as Status
from forecourt.ocpp.core import IdTagInfo
from forecourt.ocpp.local_auth_list_management import (
    AuthorizationData,
    GetLocalListVersionRequest,
    SendLocalListRequest,
    UpdateStatus,
    UpdateType,
)
from forecourt.station.effects import DeleteRecord, LogEvent, SaveRecord
from forecourt.station.local_list import LocalList
from tests.station_bench import Bench

FULL, DIFFERENTIAL = UpdateType.Full, UpdateType.Differential


def block(bench: Bench, *, enabled: bool = True) -> LocalList:
    """The list of a station whose records are those of the bench so far."""
    bench.set_key("LocalAuthListEnabled", "true" if enabled else "false")
    return LocalList(bench.configuration, bench.kept(), bench.effects)


def add(id_tag: str, status: Status = Status.Accepted) -> AuthorizationData:
    return AuthorizationData(idTag=id_tag, idTagInfo=IdTagInfo(status=status))


def drop(id_tag: str) -> AuthorizationData:
    return AuthorizationData(idTag=id_tag)


def send(local_list: LocalList, version: int, kind: UpdateType, *entries: AuthorizationData) -> UpdateStatus:
    request = SendLocalListRequest(listVersion=version, updateType=kind, localAuthorizationList=entries)
    return local_list.update(request).status


def told(local_list: LocalList) -> int:
    return local_list.tell_version(GetLocalListVersionRequest(), 0.0).listVersion


def test_list_that_nobody_ever_sent_is_empty_and_knows_nobody() -> None:
    local_list = block(Bench())
    assert (len(local_list), local_list.version, told(local_list)) == (0, 0, 0)
    assert local_list.find("TAG1") is None


def test_entry_is_found_in_any_case_while_the_list_is_enabled() -> None:
    bench = Bench()
    local_list = block(bench)
    assert send(local_list, 1, FULL, add("Tag1", Status.Blocked)) is UpdateStatus.Accepted
    found = local_list.find("tAG1")
    assert found is not None
    assert found.status is Status.Blocked
    bench.set_key("LocalAuthListEnabled", "false")
    assert local_list.find("Tag1") is None
    assert (len(local_list), local_list.version, told(local_list)) == (1, 1, -1)


@pytest.mark.parametrize(
    ("version", "kind", "entries", "status", "why"),
    [
        (0, FULL, (), UpdateStatus.Failed, "above 0"),
        (-1, DIFFERENTIAL, (), UpdateStatus.Failed, "above 0"),
        (3, DIFFERENTIAL, (), UpdateStatus.VersionMismatch, "above 3"),
        (2, DIFFERENTIAL, (add("A"), add("A")), UpdateStatus.VersionMismatch, "above 3"),
        (4, DIFFERENTIAL, (add("A"), drop("a")), UpdateStatus.Failed, "once"),
        (4, FULL, (add("A"), add("B"), add("A")), UpdateStatus.Failed, "once"),
        (4, FULL, (add("A"), drop("B")), UpdateStatus.Failed, "idTagInfo"),
        (4, FULL, (add(""),), UpdateStatus.Failed, "empty"),
        (4, DIFFERENTIAL, tuple(add(f"N{n}") for n in range(401)), UpdateStatus.Failed, "400"),
        (4, DIFFERENTIAL, (add("C"), add("D"), add("E")), UpdateStatus.Failed, "at most 4"),
        (4, DIFFERENTIAL, (drop("A"), add("C"), add("D"), add("E"), drop("Z")), UpdateStatus.Accepted, ""),
        (4, DIFFERENTIAL, (add("A"), add("B", Status.Invalid), add("C")), UpdateStatus.Accepted, ""),
        (1, FULL, tuple(add(f"N{n}") for n in range(4)), UpdateStatus.Accepted, ""),
        (4, FULL, tuple(add(f"N{n}") for n in range(5)), UpdateStatus.Failed, "at most 4"),
    ],
)
def test_update_is_done_as_a_whole_or_not_at_all(
    version: int, kind: UpdateType, entries: tuple[AuthorizationData, ...], status: UpdateStatus, why: str
) -> None:
    """Two entries are there with version 3, and there is room for four."""
    bench = Bench()
    local_list = block(bench)
    bench.set_key("LocalAuthListMaxLength", "4")
    assert send(local_list, 3, FULL, add("A"), add("B")) is UpdateStatus.Accepted
    bench.effects.clear()
    assert send(local_list, version, kind, *entries) is status
    if status is UpdateStatus.Accepted:
        assert isinstance(bench.effects[0], SaveRecord)
        assert local_list.version == version
    else:
        (event,) = bench.effects
        assert isinstance(event, LogEvent)
        assert (event.name, why in event.detail) == ("SendLocalList refused", True)
        assert (local_list.version, len(local_list)) == (3, 2)


def test_disabled_list_takes_no_update() -> None:
    bench = Bench()
    local_list = block(bench, enabled=False)
    assert send(local_list, 1, FULL, add("A")) is UpdateStatus.NotSupported
    assert told(local_list) == -1
    assert not [effect for effect in bench.effects if isinstance(effect, SaveRecord) and effect.kind == "list"]


def test_list_emptied_by_a_differential_has_version_0_and_begins_anew() -> None:
    local_list = block(Bench())
    send(local_list, 7, FULL, add("A"))
    assert send(local_list, 8, DIFFERENTIAL, drop("A")) is UpdateStatus.Accepted
    assert told(local_list) == 0
    assert send(local_list, 1, DIFFERENTIAL, add("B")) is UpdateStatus.Accepted
    assert told(local_list) == 1


def test_next_life_finds_the_list_as_it_was() -> None:
    bench = Bench()
    local_list = block(bench)
    send(local_list, 1, FULL, add("A"), add("B", Status.Blocked))
    send(local_list, 2, DIFFERENTIAL, drop("A"), add("C"))
    again = block(bench)
    assert (len(again), again.version) == (2, 2)
    assert again.find("A") is None
    found = again.find("b")
    assert found is not None
    assert found.status is Status.Blocked


@pytest.mark.parametrize("data", [b"", b"[]", b'[1,true,{"a":["Good"]}]', b'[1,true,{"a":[]}]', b"\xff"])
def test_record_that_can_not_be_read_drops_the_list_and_says_so(data: bytes) -> None:
    bench = Bench({("list", "000000000001"): data})
    local_list = block(bench)
    assert (len(local_list), local_list.version) == (0, 0)
    assert any(isinstance(effect, LogEvent) and effect.name == "Local list dropped" for effect in bench.effects)
    assert DeleteRecord("list", "000000000001") in bench.effects
    assert send(local_list, 1, FULL, add("A")) is UpdateStatus.Accepted
    assert len(block(bench)) == 1


def test_record_with_a_key_that_is_no_number_drops_the_list() -> None:
    bench = Bench({("list", "one"): b"[1,true,{}]"})
    assert len(block(bench)) == 0
    assert bench.kept() == {("key", "LocalAuthListEnabled"): b"true"}
