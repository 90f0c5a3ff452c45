"""The block that has idTags decided, by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.evlink.firmware import DEFAULT_FIRMWARE_VERSION
from forecourt.ocpp.core import AuthorizationStatus, IdTagInfo, RegistrationStatus
from forecourt.ocpp.local_auth_list_management import AuthorizationData, SendLocalListRequest, UpdateStatus, UpdateType
from forecourt.station.authorization import Attempt, Authorization, Decision, Refusal, is_id_tag, is_same_group
from forecourt.station.boot import Boot, BootState
from forecourt.station.cache import Cache
from forecourt.station.calls import CALL_TIMEOUT_S
from forecourt.station.commissioning import Commissioning
from forecourt.station.connector import Connectors
from forecourt.station.known_tags import Known
from forecourt.station.local_list import LocalList
from forecourt.station.transactions import Transaction
from tests.station_bench import Bench

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMISSIONING = Commissioning("CP-1", "ws://csms", "EVD1S180TBB", "1", DEFAULT_FIRMWARE_VERSION)


class Asked:
    """The block on a bench, and what it decided."""

    def __init__(self, *, was_accepted: bool = True, is_accepted: bool = True) -> None:
        self.bench = bench = Bench()
        records: Mapping[tuple[str, str], bytes] = {}
        if was_accepted:
            records = {("boot", "accepted"): b"ws://supervision.example/ocpp CP-1"}
        boot = Boot(
            COMMISSIONING, bench.configuration, records, bench.calls, bench.clock, 1.0, bench.timers, bench.effects
        )
        if is_accepted:
            boot.state = BootState(RegistrationStatus.Accepted.value)
        self.connectors = Connectors(2, bench.configuration, bench.calls, bench.clock, bench.timers, False)
        self.block = Authorization(
            bench.configuration,
            bench.calls,
            boot,
            bench.clock,
            self.connectors,
            LocalList(bench.configuration, {}, bench.effects),
            Cache(bench.configuration, {}, bench.effects),
            bench.effects,
        )
        self.decided: list[tuple[int, str, Decision, float]] = []

    def ask(self, id_tag: str = "TAG1", connector: int = 1, now: float = 0.0) -> None:
        self.block.ask(connector, id_tag, self._note, now)

    def _note(self, attempt: Attempt, decision: Decision, now: float) -> None:
        self.decided.append((attempt.connector, attempt.idTag, decision, now))

    @property
    def decisions(self) -> list[Decision]:
        return [decision for _, _, decision, _ in self.decided]


def answered(info: dict[str, str]) -> dict[str, object]:
    return {"idTagInfo": info}


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("A", True), ("A" * 20, True), (" ~", True), ("", False), ("A" * 21, False), ("\x00", False), ("é", False)],
)
def test_idtag_is_1_to_20_printable_ascii_characters(text: str, is_one: bool) -> None:
    assert is_id_tag(text) is is_one


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [("A", "A", True), ("A", "a", True), ("A", "B", False), (None, None, False), ("A", None, False), ("", "", False)],
)
def test_group_is_the_same_when_both_have_the_same_parent(first: str | None, second: str | None, same: bool) -> None:
    transaction = Transaction("1", 1, "TAG1", 0, 0.0, 0.0, parentIdTag=first)
    assert is_same_group(transaction, Decision(is_accepted=True, parentIdTag=second)) is same


@pytest.mark.parametrize(
    ("info", "decision"),
    [
        ({"status": "Accepted"}, Decision(is_accepted=True)),
        ({"status": "Accepted", "parentIdTag": "P"}, Decision(is_accepted=True, parentIdTag="P")),
        ({"status": "Blocked"}, Decision(is_accepted=False, refusal=Refusal.BLOCKED)),
        ({"status": "Expired", "parentIdTag": "P"}, Decision(False, "P", Refusal.EXPIRED)),
        ({"status": "Invalid"}, Decision(is_accepted=False, refusal=Refusal.UNKNOWN)),
        ({"status": "ConcurrentTx"}, Decision(is_accepted=False, refusal=Refusal.IN_USE)),
    ],
)
def test_answer_decides_online(info: dict[str, str], decision: Decision) -> None:
    asked = Asked()
    asked.ask(now=3.0)
    assert asked.bench.frames("Authorize") == [{"idTag": "TAG1"}]
    assert asked.block.is_deciding(1)
    assert asked.decided == []
    asked.bench.answer(answered(info), 4.0)
    assert asked.decided == [(1, "TAG1", decision, 4.0)]
    assert not asked.block.is_deciding(1)


def test_error_of_the_supervision_is_no_consent() -> None:
    asked = Asked()
    asked.ask()
    frame = [4, "1-1", "InternalError", "", {}]
    asked.bench.calls.receive(msgspec.json.encode(frame), 1.0)
    assert asked.decisions == [Decision(is_accepted=False, refusal=Refusal.NO_ANSWER)]


@pytest.mark.parametrize("allowed", ["true", "false"])
@pytest.mark.parametrize("how", ["lost", "timed out", "offline", "not accepted"])
def test_without_an_answer_the_offline_strategy_decides(how: str, allowed: str) -> None:
    asked = Asked(is_accepted=how != "not accepted")
    asked.bench.set_key("AllowOfflineTxForUnknownId", allowed)
    if how == "offline":
        asked.bench.calls.closed(0.0)
    asked.ask()
    if how == "lost":
        asked.bench.calls.closed(1.0)
    elif how == "timed out":
        asked.bench.calls.timed_out(CALL_TIMEOUT_S)
    refused = Decision(is_accepted=False, refusal=Refusal.OFFLINE)
    assert asked.decisions == [Decision(is_accepted=True) if allowed == "true" else refused]
    assert len(asked.bench.frames("Authorize")) == (how in ("lost", "timed out"))


def test_station_that_was_never_accepted_consents_to_nobody_offline() -> None:
    asked = Asked(was_accepted=False)
    asked.bench.calls.closed(0.0)
    asked.ask()
    assert asked.decisions == [Decision(is_accepted=False, refusal=Refusal.OFFLINE)]


def test_second_attempt_on_a_connector_is_ignored_and_another_connector_asks_too() -> None:
    asked = Asked()
    asked.ask("FIRST", 1)
    asked.ask("SECOND", 1)
    asked.ask("THIRD", 2)
    asked.bench.answer(answered({"status": "Accepted"}))
    asked.bench.answer(answered({"status": "Accepted"}))
    assert asked.bench.frames("Authorize") == [{"idTag": "FIRST"}, {"idTag": "THIRD"}]
    assert [(connector, id_tag) for connector, id_tag, _, _ in asked.decided] == [(1, "FIRST"), (2, "THIRD")]


def test_forgotten_attempt_is_not_decided_and_its_answer_not_taken_for_the_next_one() -> None:
    asked = Asked()
    asked.ask("FIRST")
    asked.block.forget(1)
    assert not asked.block.is_deciding(1)
    asked.ask("SECOND")
    asked.bench.answer(answered({"status": "Blocked"}))  # for the first
    assert asked.decided == []
    asked.bench.answer(answered({"status": "Accepted"}))
    assert [id_tag for _, id_tag, _, _ in asked.decided] == ["SECOND"]
    asked.block.forget(2)  # nobody waits there


# What list and cache know.


def teach(asked: Asked, listed: AuthorizationStatus | None, cached: AuthorizationStatus | None) -> None:
    """Have the tag TAG1 listed and cached so; None: not there."""
    asked.bench.set_key("LocalAuthListEnabled", "true")
    asked.bench.set_key("AuthorizationCacheEnabled", "true")
    if cached is not None:
        asked.block.cache.update("TAG1", Known(cached, None, "FROM CACHE"), 0.0)
    if listed is not None:
        entry = AuthorizationData(idTag="TAG1", idTagInfo=IdTagInfo(status=listed, parentIdTag="FROM LIST"))
        request = SendLocalListRequest(listVersion=1, updateType=UpdateType.Full, localAuthorizationList=(entry,))
        assert asked.block.local_list.update(request).status is UpdateStatus.Accepted


A, B, E, I, C = AuthorizationStatus  # noqa: E741  Accepted, Blocked, Expired, Invalid, ConcurrentTx
UNKNOWN = None
# Listed, cached; does it start offline with LocalAuthorizeOffline / AllowOfflineTxForUnknownId
# true/true, true/false, false/true, false/false; and does LocalPreAuthorize let it in?
ROWS = [
    (A, UNKNOWN, "yyyn", True),
    (C, UNKNOWN, "yyyn", True),
    (B, UNKNOWN, "nnnn", False),
    (E, UNKNOWN, "nnnn", False),
    (I, UNKNOWN, "nnnn", False),
    (UNKNOWN, A, "yyyn", True),
    (UNKNOWN, C, "ynyn", False),
    (UNKNOWN, B, "nnnn", False),
    (UNKNOWN, E, "nnnn", False),
    (UNKNOWN, I, "nnnn", False),
    (A, B, "yyyn", True),
    (B, A, "nnnn", False),
    (UNKNOWN, UNKNOWN, "ynyn", False),
]


@pytest.mark.parametrize(("listed", "cached", "offline", "in_advance"), ROWS)
def test_list_then_cache_then_the_keys_decide(
    listed: AuthorizationStatus | None, cached: AuthorizationStatus | None, offline: str, in_advance: bool
) -> None:
    for index, (local, unknown) in enumerate([("true", "true"), ("true", "false"), ("false", "true"), ("false",) * 2]):
        asked = Asked()
        teach(asked, listed, cached)
        asked.bench.set_key("LocalAuthorizeOffline", local)
        asked.bench.set_key("AllowOfflineTxForUnknownId", unknown)
        asked.bench.calls.closed(0.0)
        asked.ask("tag1")
        (decision,) = asked.decisions
        assert decision.is_accepted is (offline[index] == "y"), (local, unknown)
    asked = Asked()
    teach(asked, listed, cached)
    asked.bench.set_key("LocalPreAuthorize", "true")
    asked.ask("tag1")
    assert (len(asked.decisions) == 1) is in_advance
    assert (asked.bench.frames("Authorize") == []) is in_advance


@pytest.mark.parametrize(
    ("listed", "cached", "parent"),
    [(A, UNKNOWN, "FROM LIST"), (UNKNOWN, A, "FROM CACHE"), (A, A, "FROM LIST"), (UNKNOWN, UNKNOWN, None)],
)
def test_parent_comes_from_the_list_else_from_the_cache(
    listed: AuthorizationStatus | None, cached: AuthorizationStatus | None, parent: str | None
) -> None:
    asked = Asked()
    teach(asked, listed, cached)
    assert asked.block.parent_of("tag1") == parent
    asked.bench.calls.closed(0.0)
    asked.ask("tag1")
    assert asked.decisions == [Decision(is_accepted=True, parentIdTag=parent)]


def test_conflict_is_reported_once_for_a_tag_until_the_list_changes() -> None:
    asked = Asked()
    asked.connectors.release(0.0, all_of_them=False)
    teach(asked, A, UNKNOWN)
    for _ in range(3):
        asked.ask("TAG1")
        asked.bench.answer(answered({"status": "Blocked"}))
        while asked.bench.calls.is_open and not asked.bench.calls.is_free:
            asked.bench.answer()
    codes = [payload["errorCode"] for payload in asked.bench.frames("StatusNotification")]
    assert codes.count("LocalListConflict") == 1
    asked.block.list_changed(1.0)
    asked.block.list_changed(1.0)
    codes = [payload["errorCode"] for payload in asked.bench.frames("StatusNotification")]
    assert codes[-2:] == ["LocalListConflict", "NoError"]
