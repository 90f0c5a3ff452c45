"""What both sides make of frames, good and bad: facts §1.1 and §1.2."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.ocpp.core import ChangeConfigurationRequest, GetConfigurationRequest
from forecourt.supervision.facts import FrameDiscarded
from forecourt.supervision.outcomes import Answered, TimedOut
from forecourt.world.wire import RECEIVED, SENT, Message

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

LONG_ID = "i" * 37


def station_says(world: World, station: SimulatedStation, text: str | bytes) -> list[Message]:
    """What the station sends when its supervision has sent this."""
    before = len(station.wire.messages)
    station.deliver(text.encode() if isinstance(text, str) else text)
    world.run(1)
    return [message for message in station.wire.messages[before:] if message.direction == SENT]


def supervision_says(site: World, served: SimulatedStation, text: str | bytes) -> list[Message]:
    """What the supervision sends when a station has sent this."""
    before = len(served.wire.messages)
    served.say(text)
    site.run(1)
    return [message for message in served.wire.messages[before:] if message.direction == RECEIVED]


def discarded(site: World) -> list[FrameDiscarded]:
    return [fact for fact in site.supervision.facts(FrameDiscarded) if isinstance(fact, FrameDiscarded)]


def assert_refused(messages: list[Message], message_id: str, code: str) -> None:
    """Exactly one CALLERROR of five elements, the last an object."""
    (message,) = messages
    error = json.loads(message.text)
    assert error[:3] == [4, message_id, code]
    assert isinstance(error[3], str)
    assert isinstance(error[4], dict)
    assert len(error) == 5


def call(action: str, payload: Any, message_id: str = "m-1") -> str:
    return json.dumps([2, message_id, action, payload])


def assert_station_goes_on(world: World, station: SimulatedStation) -> None:
    assert station.is_connected
    (answer,) = station_says(world, station, call("GetConfiguration", {"key": ["HeartbeatInterval"]}, "after"))
    assert (answer.kind, answer.id) == ("CALLRESULT", "after")


def assert_supervision_goes_on(site: World, served: SimulatedStation) -> None:
    assert served.is_connected
    (answer,) = supervision_says(site, served, call("Heartbeat", {}, "after"))
    assert (answer.kind, answer.id) == ("CALLRESULT", "after")


# What is wrong with a request.

START = {"connectorId": 1, "idTag": "TAG1", "meterStart": 0, "timestamp": "2026-03-02T08:00:00Z"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
SCHEDULE = {"chargingRateUnit": "W", "chargingSchedulePeriod": []}
PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": SCHEDULE,
}
TYPE, PROPERTY = "TypeConstraintViolation", "PropertyConstraintViolation"
OCCURENCE = "OccurenceConstraintViolation"

TO_STATION = [
    ("DoMagic", {}, "NotImplemented"),
    ("BootNotification", {}, "NotSupported"),
    ("getconfiguration", {}, "NotImplemented"),
    ("ChangeConfiguration", {"key": "HeartbeatInterval"}, "ProtocolError"),
    ("Reset", {}, "ProtocolError"),
    ("Reset", {"type": "Soft", "now": True}, "FormationViolation"),
    ("GetConfiguration", {"keys": []}, "FormationViolation"),
    ("GetConfiguration", [], "FormationViolation"),
    ("RemoteStopTransaction", {"transactionId": "1"}, TYPE),
    ("RemoteStopTransaction", {"transactionId": 1.5}, TYPE),
    ("RemoteStopTransaction", {"transactionId": None}, TYPE),
    ("GetConfiguration", {"key": "HeartbeatInterval"}, TYPE),
    ("Reset", {"type": "Gentle"}, PROPERTY),
    ("RemoteStopTransaction", {"transactionId": 2**63}, PROPERTY),
    ("RemoteStartTransaction", {"idTag": "T" * 21}, PROPERTY),
    ("ChangeConfiguration", {"key": "k" * 51, "value": ""}, PROPERTY),
    ("RemoteStartTransaction", {"idTag": "T", "chargingProfile": PROFILE}, OCCURENCE),
    ("GetConfiguration", {"key": ["k"] * 201}, OCCURENCE),
]


@pytest.mark.parametrize(("action", "payload", "code"), TO_STATION)
def test_station_refuses_what_is_wrong_with_a_request(
    world: World, station: SimulatedStation, action: str, payload: Any, code: str
) -> None:
    assert_refused(station_says(world, station, call(action, payload)), "m-1", code)
    assert_station_goes_on(world, station)


BOTH: dict[str, list[tuple[tuple[str, Any], tuple[str, Any]]]] = {
    "ProtocolError": [
        (("ChangeConfiguration", {"key": "HeartbeatInterval"}), ("StartTransaction", {"connectorId": 1})),
        (("Reset", {}), ("Authorize", {})),
    ],
    "FormationViolation": [
        (("Reset", {"type": "Soft", "now": True}), ("Heartbeat", {"now": True})),
        (("GetConfiguration", []), ("StatusNotification", {**STATUS, "colour": "red"})),
    ],
    "TypeConstraintViolation": [
        (("RemoteStopTransaction", {"transactionId": "1"}), ("StartTransaction", {**START, "meterStart": "0"})),
        (("RemoteStopTransaction", {"transactionId": None}), ("Authorize", {"idTag": None})),
        (("GetConfiguration", {"key": "k"}), ("MeterValues", {"connectorId": 1, "meterValue": {}})),
    ],
    "PropertyConstraintViolation": [
        (("Reset", {"type": "Gentle"}), ("StatusNotification", {**STATUS, "status": "Broken"})),
        (("RemoteStopTransaction", {"transactionId": 2**63}), ("StartTransaction", {**START, "meterStart": 2**63})),
        (("RemoteStartTransaction", {"idTag": "T" * 21}), ("Authorize", {"idTag": "T" * 21})),
    ],
    "OccurenceConstraintViolation": [
        (
            ("RemoteStartTransaction", {"idTag": "T", "chargingProfile": PROFILE}),
            ("MeterValues", {"connectorId": 1, "meterValue": []}),
        ),
    ],
}


def assert_both_refuse(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation, code: str
) -> None:
    for to_station, to_supervision in BOTH[code]:
        assert_refused(station_says(world, station, call(*to_station)), "m-1", code)
        assert_refused(supervision_says(site, served, call(*to_supervision)), "m-1", code)
    assert_station_goes_on(world, station)
    assert_supervision_goes_on(site, served)


@pytest.mark.requirement("J-4.2.3-3")
def test_both_sides_answer_protocol_error_when_a_required_field_is_missing(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    assert_both_refuse(world, station, site, served, "ProtocolError")


@pytest.mark.requirement("J-4.2.3-4")
def test_both_sides_answer_formation_violation_when_a_field_is_none_of_the_message(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    assert_both_refuse(world, station, site, served, "FormationViolation")


@pytest.mark.requirement("J-4.2.3-5")
def test_both_sides_answer_type_constraint_violation_when_a_type_is_wrong(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    assert_both_refuse(world, station, site, served, "TypeConstraintViolation")


@pytest.mark.requirement("J-4.2.3-6")
def test_both_sides_answer_property_constraint_violation_when_a_value_is_bad(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    assert_both_refuse(world, station, site, served, "PropertyConstraintViolation")


@pytest.mark.requirement("J-4.2.3-7")
def test_both_sides_answer_occurence_constraint_violation_when_a_list_is_too_short_or_too_long(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    """No list of a station's request has an upper limit."""
    assert_both_refuse(world, station, site, served, "OccurenceConstraintViolation")
    too_many = call("GetConfiguration", {"key": ["k"] * 201})
    assert_refused(station_says(world, station, too_many), "m-1", "OccurenceConstraintViolation")


@pytest.mark.requirement("J-4.2.3-2", "J-4.2.1-2")
def test_both_sides_tell_an_unknown_action_from_one_they_do_not_support(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    """Names are matched with regard to case, so another case is another, unknown action."""
    for unknown in ("DoMagic", "getConfiguration", "GETCONFIGURATION", "heartbeat"):
        assert_refused(station_says(world, station, call(unknown, {})), "m-1", "NotImplemented")
        assert_refused(supervision_says(site, served, call(unknown, {})), "m-1", "NotImplemented")
    assert_refused(station_says(world, station, call("Heartbeat", {})), "m-1", "NotSupported")
    assert_refused(supervision_says(site, served, call("Reset", {"type": "Soft"})), "m-1", "NotSupported")
    (answer,) = station_says(world, station, call("GetConfiguration", {}))
    assert answer.kind == "CALLRESULT"
    (answer,) = supervision_says(site, served, call("Heartbeat", {}))
    assert answer.kind == "CALLRESULT"


@pytest.mark.requirement("J-4.2.2-2")
def test_both_sides_answer_an_unwanted_outcome_with_a_result(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    for action, payload, status in (
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "soon"}, "Rejected"),
        ("ChangeConfiguration", {"key": "Colour", "value": "red"}, "NotSupported"),
        ("RemoteStopTransaction", {"transactionId": 4711}, "Rejected"),
        ("RemoteStartTransaction", {"connectorId": 3, "idTag": "TAG"}, "Rejected"),
        ("UnlockConnector", {"connectorId": 9}, "NotSupported"),
    ):
        (answer,) = station_says(world, station, call(action, payload))
        assert (answer.kind, answer.payload) == ("CALLRESULT", {"status": status})
    (answer,) = supervision_says(site, served, call("Authorize", {"idTag": "NOBODY"}))
    assert (answer.kind, answer.payload) == ("CALLRESULT", {"idTagInfo": {"status": "Invalid"}})
    (answer,) = supervision_says(site, served, call("DataTransfer", {"vendorId": "nobody"}))
    assert (answer.kind, answer.payload) == ("CALLRESULT", {"status": "UnknownVendorId"})


# What is no request at all.

UNREADABLE = ["", "hello", "{}", "42", "null", "[]", "[2", '{"2":"m-1"}', "[2]", '[2,7,"Heartbeat",{}]', b"\xff\xfe[2]"]


@pytest.mark.requirement("J-4.2.3-10")
@pytest.mark.parametrize("text", UNREADABLE)
def test_both_sides_log_text_that_is_no_frame_and_answer_nothing(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation, text: str | bytes
) -> None:
    assert station_says(world, station, text) == []
    assert [event.name for event in station.log] == ["InvalidMessages"]
    assert_station_goes_on(world, station)
    assert supervision_says(site, served, text) == []
    assert [fact.frame for fact in discarded(site)] == [text.encode() if isinstance(text, str) else text]
    assert_supervision_goes_on(site, served)


@pytest.mark.parametrize("text", ['[2,"m-7","Heartbeat"', '[2,"m-7","Heartbeat",{}] ,', '[2,"m-7"]', '[2,"m-7",3,{}]'])
def test_both_sides_refuse_a_broken_request_whose_id_can_be_read(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation, text: str
) -> None:
    assert_refused(station_says(world, station, text), "m-7", "FormationViolation")
    assert_refused(supervision_says(site, served, text), "m-7", "FormationViolation")


@pytest.mark.requirement("J-4.1.3-2")
@pytest.mark.parametrize("number", [0, 1, 5, 6, 42, -2])
def test_both_sides_ignore_a_frame_of_another_type_number(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation, number: int
) -> None:
    text = json.dumps([number, "m-1", "Heartbeat", {}])
    assert station_says(world, station, text) == []
    assert_station_goes_on(world, station)
    assert supervision_says(site, served, text) == []
    assert_supervision_goes_on(site, served)


@pytest.mark.requirement("J-4.1.4-4")
def test_both_sides_ignore_and_log_an_answer_that_nobody_waits_for(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    closed_id = station.wire.calls("BootNotification")[-1].id
    for message_id in ("never", closed_id):
        for text in (json.dumps([3, message_id, {}]), json.dumps([4, message_id, "GenericError", "", {}])):
            assert station_says(world, station, text) == []
    assert [event.name for event in station.log] == ["Answer ignored"] * 4
    assert_station_goes_on(world, station)

    site.supervision.ask(served.identity, GetConfigurationRequest(key=("HeartbeatInterval",)))
    closed_id = served.wire.calls("GetConfiguration", RECEIVED)[-1].id
    for message_id in ("never", closed_id):
        for text in (json.dumps([3, message_id, {}]), json.dumps([4, message_id, "GenericError", "", {}])):
            assert supervision_says(site, served, text) == []
    assert len(discarded(site)) == 4
    assert_supervision_goes_on(site, served)


# Message ids.


@pytest.mark.requirement("J-4.1.4-2")
@pytest.mark.parametrize("message_id", ["1", "ä-ö \u4e2d", "i" * 36, 'quote" and \\', "", "00017"])
def test_both_sides_repeat_the_id_of_a_request_exactly(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation, message_id: str
) -> None:
    for good, bad in (("GetConfiguration", "DoMagic"),):
        (result,) = station_says(world, station, call(good, {}, message_id))
        assert json.loads(result.text)[:2] == [3, message_id]
        assert_refused(station_says(world, station, call(bad, {}, message_id)), message_id, "NotImplemented")
    (result,) = supervision_says(site, served, call("Heartbeat", {}, message_id))
    assert json.loads(result.text)[:2] == [3, message_id]
    assert_refused(supervision_says(site, served, call("DoMagic", {}, message_id)), message_id, "NotImplemented")


@pytest.mark.requirement("J-4.1.4-3")
def test_both_sides_send_short_ids_and_refuse_long_ones(
    world: World, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    assert_refused(station_says(world, station, call("GetConfiguration", {}, LONG_ID)), LONG_ID, "FormationViolation")
    assert_refused(supervision_says(site, served, call("Heartbeat", {}, LONG_ID)), LONG_ID, "FormationViolation")
    site.supervision.ask(served.identity, GetConfigurationRequest())
    served.plug(1)
    served.badge("TAG1")
    site.run(600)
    for direction in (SENT, RECEIVED):
        ids = [message.id for message in served.wire.calls(direction=direction) if message.id != LONG_ID]
        assert ids
        assert all(0 < len(message_id) <= 36 for message_id in ids)


@pytest.mark.requirement("J-4.1.4-1")
def test_both_sides_never_use_an_id_again(site: World, served: SimulatedStation) -> None:
    """Not in a connection, not over a reconnect, a reboot or a power cut."""

    def exchange() -> None:
        site.run_until(lambda: served.is_connected)
        site.run(5)
        site.supervision.ask(served.identity, GetConfigurationRequest(key=("HeartbeatInterval",)))
        served.plug(1)
        served.badge("TAG1")
        site.run(130)
        served.unplug(1)
        site.run(5)

    exchange()
    served.network_down()
    site.run(30)
    served.network_up()
    exchange()
    served.reboot()
    site.run(100)
    exchange()
    served.cut()
    site.run(10)
    served.power_on()
    exchange()
    for direction, least in ((SENT, 40), (RECEIVED, 4)):
        ids = [message.id for message in served.wire.calls(direction=direction)]
        assert len(ids) >= least
        assert len(set(ids)) == len(ids)


# Whose turn it is.


@pytest.mark.requirement("J-4.1.1-1")
def test_each_side_has_one_request_open_when_more_are_wanted(
    world: World, central: ScriptedSupervision, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    before = len(station.wire.calls())
    central.silent.add("StatusNotification")
    station.plug(1)
    station.plug(2)
    station.badge("TAG")
    world.run(20)
    assert [message.action for message in station.wire.calls()[before:]] == ["StatusNotification"]
    world.run(600)
    assert "StartTransaction" in station.wire.actions()
    assert most_open(station, SENT) == 1

    for _ in range(5):
        site.supervision.command(served.identity, GetConfigurationRequest())
    site.run(10)
    assert len(served.wire.calls("GetConfiguration", RECEIVED)) == 5
    assert most_open(served, RECEIVED) == 1


def most_open(station: SimulatedStation, direction: str) -> int:
    """How many requests of one side were unanswered at once, each counted for 30 s at most."""
    other = SENT if direction == RECEIVED else RECEIVED
    opened: dict[str, float] = {}
    most = 0
    for message in station.wire.messages:
        opened = {message_id: at for message_id, at in opened.items() if message.at < at + 30}
        if message.direction == direction and message.kind == "CALL":
            opened[message.id] = message.at
        elif message.direction == other and message.kind != "CALL":
            opened.pop(message.id, None)
        most = max(most, len(opened))
    return most


@pytest.mark.requirement("GUIDE-VRULE-09")
def test_station_sends_one_request_after_the_other_when_call_msg_in_order_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    (entry,) = central.ask("GetConfiguration", {"key": ["CallMsgInOrder"]})["configurationKey"]
    assert entry["value"] == "true"
    central.silent.update(("StatusNotification", "Heartbeat"))
    station.plug(1)
    first = world.now
    station.plug(2)
    world.run(65)
    sent = [message.at for message in station.wire.calls("StatusNotification") if message.at >= first]
    assert sent == [first, first + 30], "the second when the first was given up, and then no third"
    central.silent.clear()
    station.unplug(1)
    station.unplug(2)
    world.run(1)
    last = station.wire.calls("StatusNotification")[-2:]
    answers = [
        message for message in station.wire.messages if message.kind == "CALLRESULT" and message.id == last[0].id
    ]
    assert answers[0].at <= last[1].at, "the second when the first was answered"


@pytest.mark.requirement("J-4.1.1-2", "OCPP-9.1-4")
def test_a_request_is_over_when_it_was_answered_or_its_time_is_up(
    world: World, central: ScriptedSupervision, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    central.silent.add("StatusNotification")
    station.plug(1)
    plugged = world.now
    unanswered = station.wire.calls()[-1]
    station.badge("TAG")
    world.run(29.9)
    assert station.wire.calls()[-1] is unanswered
    world.run(0.2)
    after = [message for message in station.wire.calls() if message.at > plugged]
    assert after[0].action == "Authorize", "its time is up and the next goes out"
    assert after[0].at == plugged + 30
    assert station_says(world, station, json.dumps([3, unanswered.id, {}])) == []
    assert "Answer ignored" in [event.name for event in station.log]

    served.answers_calls = False
    first = site.supervision.command(served.identity, GetConfigurationRequest())
    second = site.supervision.command(served.identity, ChangeConfigurationRequest(key="Colour", value="red"))
    site.run(29)
    assert served.wire.calls("ChangeConfiguration", RECEIVED) == []
    served.answers_calls = True
    site.run(2)
    assert isinstance(site.supervision.outcome(first), TimedOut)
    assert isinstance(site.supervision.outcome(second), Answered)
    late = json.dumps([3, served.wire.calls("GetConfiguration", RECEIVED)[0].id, {}])
    assert supervision_says(site, served, late) == []
    assert isinstance(site.supervision.outcome(first), TimedOut)


@pytest.mark.requirement("J-4.1.1-3")
def test_both_sides_answer_a_request_while_one_of_theirs_is_open(
    world: World, central: ScriptedSupervision, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    central.silent.add("StatusNotification")
    station.plug(1)
    world.run(1)
    opened = station.wire.calls("StatusNotification")[-1]
    assert central.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})["configurationKey"]
    assert not [m for m in station.wire.messages if m.id == opened.id and m.direction == RECEIVED]

    served.answers_calls = False
    command = site.supervision.command(served.identity, GetConfigurationRequest())
    site.run(1)
    (answer,) = supervision_says(site, served, call("Heartbeat", {}))
    assert answer.kind == "CALLRESULT"
    assert site.supervision.outcome(command) is None


# Text and case.


@pytest.mark.requirement("OCPP-2.2-1")
def test_both_sides_take_ci_strings_without_regard_to_case_and_by_their_length(
    world: World, central: ScriptedSupervision, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    for name in ("heartbeatinterval", "HEARTBEATINTERVAL"):
        (entry,) = central.ask("GetConfiguration", {"key": [name]})["configurationKey"]
        assert entry["key"] == "HeartbeatInterval"
    longest = "a" * 50
    assert central.ask("GetConfiguration", {"key": [longest]})["unknownKey"] == [longest]
    too_long = call("GetConfiguration", {"key": [longest + "a"]})
    assert_refused(station_says(world, station, too_long), "m-1", PROPERTY)
    station.plug(1)
    station.badge("tAg")
    world.run(1)
    station.badge("TaG")
    world.run(1)
    assert "StopTransaction" in station.wire.actions(), "the same tag in another case stops without Authorize"
    assert station.wire.actions().count("Authorize") == 1
    station.badge("täg")
    world.run(1)
    assert station.wire.actions().count("Authorize") == 1, "no idTag is other than printable ASCII"
    assert central.ask("RemoteStartTransaction", {"idTag": "täg"}) == {"status": "Rejected"}

    (answer,) = supervision_says(site, served, call("Authorize", {"idTag": "tag1"}))
    assert answer.payload["idTagInfo"]["status"] == "Accepted"
    (answer,) = supervision_says(site, served, call("Authorize", {"idTag": "t" * 20}))
    assert answer.kind == "CALLRESULT"
    assert_refused(supervision_says(site, served, call("Authorize", {"idTag": "t" * 21})), "m-1", PROPERTY)


@pytest.mark.requirement("OCPP-2.2-2")
def test_both_sides_take_other_text_and_enum_values_with_regard_to_case(
    world: World, central: ScriptedSupervision, station: SimulatedStation, site: World, served: SimulatedStation
) -> None:
    assert_refused(station_says(world, station, call("Reset", {"type": "soft"})), "m-1", PROPERTY)
    assert_refused(
        supervision_says(site, served, call("StatusNotification", {**STATUS, "status": "available"})), "m-1", PROPERTY
    )
    # A message id is such a text: an answer under the same id in another case answers nothing.
    central.silent.add("Authorize")
    station.plug(1)
    station.badge("TAG")
    world.run(1)
    opened = station.wire.calls("Authorize")[-1]
    accepted = {"idTagInfo": {"status": "Accepted"}}
    mixed = opened.id.replace("-", "-A")
    assert station_says(world, station, json.dumps([3, mixed, accepted])) == []
    (start,) = station_says(world, station, json.dumps([3, opened.id, accepted]))
    assert start.action == "StartTransaction"
    served.answers_calls = False
    command = site.supervision.command(served.identity, GetConfigurationRequest())
    asked = served.wire.calls(direction=RECEIVED)[-1]
    assert asked.id.upper() != asked.id
    supervision_says(site, served, json.dumps([3, asked.id.upper(), {}]))
    assert site.supervision.outcome(command) is None
    supervision_says(site, served, json.dumps([3, asked.id, {}]))
    assert isinstance(site.supervision.outcome(command), Answered)
