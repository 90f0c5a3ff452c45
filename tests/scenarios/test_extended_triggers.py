"""ExtendedTriggerMessage: each of its messages on demand, after the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forecourt.ocpp.remote_trigger import TriggerMessageStatus
from forecourt.ocpp.security_extension import ExtendedTriggerMessageRequest
from forecourt.supervision.outcomes import Answered

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

SENT = {
    "BootNotification": "BootNotification",
    "LogStatusNotification": "LogStatusNotification",
    "FirmwareStatusNotification": "SignedFirmwareStatusNotification",
    "Heartbeat": "Heartbeat",
    "MeterValues": "MeterValues",
    "StatusNotification": "StatusNotification",
}
"""What is asked for, and what is sent."""


def trigger(central: ScriptedSupervision, message: str, connector: int | None = None) -> str:
    payload: dict[str, Any] = {"requestedMessage": message}
    if connector is not None:
        payload["connectorId"] = connector
    return str(central.ask("ExtendedTriggerMessage", payload)["status"])


def sent_for(
    world: World, central: ScriptedSupervision, station: SimulatedStation, message: str, connector: int | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """What an accepted trigger made the station send, after its answer."""
    seen = len(station.wire.messages)
    assert trigger(central, message, connector) == "Accepted"
    world.run(1)
    answer, *calls = [sent for sent in station.wire.messages[seen:] if sent.direction == ">"]
    assert (answer.kind, answer.action) == ("CALLRESULT", "ExtendedTriggerMessage")
    assert {call.kind for call in calls} == {"CALL"}
    return [(call.action, call.payload) for call in calls]


@pytest.mark.parametrize("message", SENT)
def test_each_message_is_sent_after_the_answer(world: World, central: ScriptedSupervision, message: str) -> None:
    """A pending station obeys for each; the request for a certificate has a test of its own."""
    central.boot_status = "Pending"
    station = world.add_station(model="EVD1S180TBB", keys={"MinimumStatusDuration": "0"})
    world.run(5)
    sent = sent_for(world, central, station, message)
    assert {action for action, _ in sent} == {SENT[message]}


@pytest.mark.requirement("GUIDE-CSOP-24")
def test_our_supervision_can_send_each_and_gets_all_three_answers(site: World, served: SimulatedStation) -> None:
    def ask(message: str) -> TriggerMessageStatus:
        asked = ExtendedTriggerMessageRequest(requestedMessage=message)
        outcome = site.supervision.ask(served.identity, asked)
        assert isinstance(outcome, Answered)
        status = getattr(outcome.response, "status", None)
        assert isinstance(status, TriggerMessageStatus)
        return status

    obeyed = [message for message in SENT if message != "BootNotification"]
    assert [ask(message).value for message in obeyed] == ["Accepted"] * len(obeyed)
    assert ask("SignChargePointCertificate") is TriggerMessageStatus.Rejected
    assert ask("DiagnosticsStatusNotification") is TriggerMessageStatus.NotImplemented
    site.run(5)
    for action in {*SENT.values()}:
        assert served.wire.calls(action), action


@pytest.mark.requirement("WP-6-7")
def test_firmware_status_is_the_signed_one_and_that_of_the_plain_trigger_the_plain_one(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.run(600)
    assert station.wire.calls("SignedFirmwareStatusNotification") == []
    sent = sent_for(world, central, station, "FirmwareStatusNotification")
    assert sent == [("SignedFirmwareStatusNotification", {"status": "Idle"})]
    seen = len(station.wire.calls())
    assert central.ask("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}) == {"status": "Accepted"}
    world.run(1)
    (call,) = station.wire.calls()[seen:]
    assert (call.action, call.payload) == ("FirmwareStatusNotification", {"status": "Idle"})


@pytest.mark.parametrize(("connector", "told"), [(None, [0, 1, 2]), (0, [0]), (1, [1]), (2, [2])])
def test_status_is_told_of_the_connectors_that_are_meant(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int | None, told: list[int]
) -> None:
    station.plug(2)
    world.run(5)
    sent = sent_for(world, central, station, "StatusNotification", connector)
    assert [payload["connectorId"] for _, payload in sent] == told
    statuses = {payload["connectorId"]: payload["status"] for _, payload in sent}
    assert statuses.get(2, "Preparing") == "Preparing"


def test_meter_values_are_those_of_now_with_their_transaction(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.badge("TAG")
    world.run(100)
    ((_, values),) = sent_for(world, central, station, "MeterValues", 1)
    assert (values["connectorId"], values["transactionId"]) == (1, 1)
    assert {value["context"] for value in values["meterValue"][0]["sampledValue"]} == {"Trigger"}


@pytest.mark.parametrize(
    ("message", "connector", "answer", "why"),
    [
        ("StatusNotification", 3, "Rejected", "connectorId 0 to 2, came 3"),
        ("MeterValues", 0, "Rejected", "connectorId 1 to 2, came 0"),
        ("BootNotification", None, "Rejected", "it was accepted on this connection"),
        ("SignChargePointCertificate", None, "Rejected", "a CpoName"),
        ("DiagnosticsStatusNotification", None, "NotImplemented", "came DiagnosticsStatusNotification"),
        ("Weather", None, "NotImplemented", "came Weather"),
    ],
)
def test_what_is_not_sent_is_refused_with_its_reason(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    message: str,
    connector: int | None,
    answer: str,
    why: str,
) -> None:
    seen = len(station.wire.calls())
    assert trigger(central, message, connector) == answer
    world.run(10)
    assert station.wire.calls()[seen:] == []
    (line,) = [line.detail for line in station.log if line.name == "ExtendedTriggerMessage refused"]
    assert why in line


def test_request_that_is_malformed_sends_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    seen = len(station.wire.calls())
    assert central.call("ExtendedTriggerMessage", {"connectorId": 1}).payload["code"] == "ProtocolError"
    world.run(10)
    assert station.wire.calls()[seen:] == []
