"""The supervision through its doors: links, frames and who may say what when."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from forecourt.ocpp.core import ResetRequest, ResetType
from forecourt.supervision.effects import CloseLink, SendFrame, Store
from forecourt.supervision.events import FrameReceived, LinkClosed, StoreFailed, StoreRecovered
from forecourt.supervision.facts import (
    UNGATED,
    FrameDiscarded,
    MessageLogged,
    Policy,
    PolicySet,
    StationConnected,
    StationDeleted,
    StationDisconnected,
    StationSet,
)
from forecourt.supervision.outcomes import ConnectionLost
from forecourt.supervision.tabletop import IDENTITY, Tabletop

START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": "2025-06-15T15:00:00Z"}


@pytest.fixture
def table() -> Tabletop:
    """A supervision with no station."""
    return Tabletop()


@pytest.mark.requirement("J-3-2")
def test_core_closes_the_older_connection_when_an_identity_connects_again(table: Tabletop) -> None:
    first, second = table.boot(), table.connect()
    assert list(table.closed) == [first]
    assert table.core.view(IDENTITY).connected  # type: ignore[union-attr]
    assert table.result("Heartbeat", {}, second)
    assert table.receive('[2,"late","Heartbeat",{}]', first) == []


def test_core_ignores_the_end_of_a_connection_that_was_replaced(table: Tabletop) -> None:
    first, second = table.boot(), table.connect()
    assert table.handle(LinkClosed(first, 1000, "replaced")) == []
    assert table.result("Heartbeat", {}, second)
    assert len(table.kept(StationDisconnected)) == 1


def test_core_ends_what_was_under_way_when_a_connection_is_replaced(table: Tabletop) -> None:
    table.boot()
    command_id = table.command(ResetRequest(type=ResetType.Soft))
    table.connect()
    assert isinstance(table.outcomes[command_id], ConnectionLost)


def test_core_keeps_when_stations_came_and_went(table: Tabletop) -> None:
    table.boot()
    table.wait(50)
    table.result("Heartbeat", {})
    table.wait(10)
    table.disconnect()
    connected, disconnected = table.kept(StationConnected)[0], table.kept(StationDisconnected)[0]
    assert (connected.identity, connected.remote) == (IDENTITY, "127.0.0.1:50000")
    assert disconnected.last_seen_s == connected.at_s + 50
    assert disconnected.at_s == connected.at_s + 60
    assert not table.core.view(IDENTITY).connected  # type: ignore[union-attr]


@pytest.mark.requirement("OCPP-4.6-4")
@pytest.mark.parametrize(
    "text",
    ['[2,"1","StatusNotification",{}]', '[2,"1","Heartbeat",{}]', '[3,"unknown",{}]', "no JSON at all", '[9,"x"]'],
)
def test_core_takes_any_message_as_a_sign_of_life(table: Tabletop, text: str) -> None:
    table.boot()
    table.wait(77)
    table.receive(text)
    assert table.core.view(IDENTITY).last_seen_s == table.now  # type: ignore[union-attr]


@pytest.mark.requirement("J-5.6-1")
@pytest.mark.parametrize("status", [None, "Pending", "Rejected"])
def test_core_refuses_calls_with_security_error_before_acceptance(table: Tabletop, status: str | None) -> None:
    if status is None:
        table.connect()
    else:
        table.edit(PolicySet(Policy(boot_status=status)))
        table.boot()
    before = len(table.store.started)
    for action, payload in [("Heartbeat", {}), ("StartTransaction", START), ("Authorize", {"idTag": "TAG"})]:
        answer = table.call(action, payload)
        assert (answer[0], answer[2]) == (4, "SecurityError")
    assert len(table.store.started) == before


def test_core_lets_a_pending_station_send_what_it_was_asked_for(table: Tabletop) -> None:
    from forecourt.ocpp.remote_trigger import TriggerMessageRequest

    table.edit(PolicySet(Policy(boot_status="Pending")))
    table.boot()
    status = {"connectorId": 0, "errorCode": "NoError", "status": "Available"}
    assert table.call("StatusNotification", status)[2] == "SecurityError"
    table.command(TriggerMessageRequest(requestedMessage="StatusNotification"))
    table.answer({"status": "Accepted"})
    assert table.result("StatusNotification", status) == {}
    assert table.call("Heartbeat", {})[2] == "SecurityError"


def test_core_asks_a_station_it_has_forgotten_to_boot_again_once(table: Tabletop) -> None:
    table.connect()
    table.call("Heartbeat", {})
    table.call("Heartbeat", {})
    assert [call[2:] for call in table.calls()] == [["TriggerMessage", {"requestedMessage": "BootNotification"}]]
    table.answer({"status": "Accepted"})
    assert table.outcomes == {}


def test_core_knows_an_accepted_station_after_its_own_restart(table: Tabletop) -> None:
    """A station that only reconnects sends no BootNotification (OCPP-J 5.4)."""
    table.boot()
    table.restart()
    link = table.connect()
    assert "currentTime" in table.result("Heartbeat", {}, link)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[2,"id-1","Heartbeat"]', "FormationViolation"),
        ('[2,"id-1","Heartbeat",{}', "FormationViolation"),
        ('[2,"id-1","Nonsense",{}]', "NotImplemented"),
        ('[2,"id-1","heartbeat",{}]', "NotImplemented"),
        ('[2,"id-1","Reset",{"type":"Hard"}]', "NotSupported"),
        ('[2,"id-1","Authorize",{}]', "ProtocolError"),
        ('[2,"id-1","Authorize",{"idTag":"T","more":1}]', "FormationViolation"),
        ('[2,"id-1","Authorize",{"idTag":5}]', "TypeConstraintViolation"),
        ('[2,"id-1","Authorize",{"idTag":"123456789012345678901"}]', "PropertyConstraintViolation"),
        ('[2,"id-1","MeterValues",{"connectorId":1,"meterValue":[]}]', "OccurenceConstraintViolation"),
    ],
)
def test_core_answers_a_bad_call_with_the_right_error_and_goes_on(table: Tabletop, text: str, code: str) -> None:
    table.boot()
    sent = table.receive(text)
    assert [frame[:3] for frame in sent] == [[4, "id-1", code]]
    assert len(sent[0]) == 5
    assert isinstance(sent[0][4], dict)
    assert table.closed == {}
    assert "currentTime" in table.result("Heartbeat", {})


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", "{}", "[2]", '[5,"id-1",{}]', '[3,"nobody",{}]', '[4,"nobody","GenericError","",{}]', b"\xff"],
)
def test_core_keeps_but_does_not_answer_what_it_cannot_place(table: Tabletop, text: str | bytes) -> None:
    table.boot()
    assert table.receive(text) == []
    discarded = table.kept(FrameDiscarded)
    assert len(discarded) == 1
    assert discarded[0].reason
    assert table.closed == {}
    assert "currentTime" in table.result("Heartbeat", {})


def test_core_answers_internal_error_and_stays_connected_while_nothing_can_be_stored(table: Tabletop) -> None:
    table.boot()
    table.handle(StoreFailed("the disk is full"))
    answer = table.call("StartTransaction", START)
    assert (answer[0], answer[2]) == (4, "InternalError")
    assert "the disk is full" in answer[3]
    assert table.closed == {}
    assert table.store.started == {}
    table.handle(StoreRecovered())
    assert table.result("StartTransaction", START)["transactionId"] == 1


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", START),
        ("StopTransaction", {"transactionId": -1, "meterStop": 5, "timestamp": "2025-06-15T15:00:00Z"}),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}),
        (
            "MeterValues",
            {"connectorId": 1, "meterValue": [{"timestamp": "2025-06-15T15:00:00Z", "sampledValue": [{"value": "1"}]}]},
        ),
        ("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"}),
    ],
)
def test_core_gives_the_fact_before_the_answer(table: Tabletop, action: str, payload: dict[str, Any]) -> None:
    """Save before send: the driver holds the frame back until the facts before it are durable."""
    link = table.boot()
    effects = table.handle(FrameReceived(link, msgspec.json.encode([2, "x", action, payload])))
    kinds = [type(effect) for effect in effects]
    assert kinds == [Store, SendFrame]
    assert isinstance(effects[0], Store)
    assert type(effects[0].fact) not in UNGATED


def test_core_logs_every_frame_of_the_wire_when_asked() -> None:
    table = Tabletop(wire_log=True)
    table.boot()
    table.call("Heartbeat", {})
    logged = [(fact.sent, msgspec.json.decode(fact.frame)[0]) for fact in table.kept(MessageLogged)]
    assert logged == [(False, 2), (True, 3), (False, 2), (True, 3)]


def test_core_logs_no_frame_unless_asked(table: Tabletop) -> None:
    table.boot()
    assert table.kept(MessageLogged) == []


def test_core_admits_only_known_stations_when_enrolment_is_closed(table: Tabletop) -> None:
    assert table.core.admits("anybody")
    table.edit(PolicySet(Policy(open_enrolment=False)))
    assert not table.core.admits("anybody")
    table.edit(StationSet("anybody"))
    assert table.core.admits("anybody")
    table.restart()
    assert table.core.admits("anybody")
    table.edit(StationDeleted("anybody"))
    assert not table.core.admits("anybody")


def test_core_closes_nothing_but_replaced_links(table: Tabletop) -> None:
    table.edit(PolicySet(Policy(boot_status="Rejected")))
    table.boot()
    table.receive("rubbish")
    assert not [effect for effect in table.effects if isinstance(effect, CloseLink)]


def test_core_ignores_frames_of_links_it_never_saw(table: Tabletop) -> None:
    assert table.handle(FrameReceived(99, b'[2,"1","Heartbeat",{}]')) == []


def test_core_shows_all_stations_it_heard_of(table: Tabletop) -> None:
    table.boot("A")
    table.connect("B")
    table.result("StartTransaction", START)
    views = list(table.core.views())
    assert [(view.identity, view.boot_status, view.open_transactions) for view in views] == [
        ("A", "Accepted", (1,)),
        ("B", None, ()),
    ]
    assert table.core.view("C") is None
