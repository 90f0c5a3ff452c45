"""TriggerMessage: every message on demand, after the answer, also while the boot is pending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forecourt.ocpp.remote_trigger import TriggerMessageRequest, TriggerMessageResponse
from forecourt.supervision.outcomes import Answered
from forecourt.world.scripted import ScriptedSupervision

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.wire import Message
    from forecourt.world.world import World

MESSAGES = (
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
)
GROUND_ERROR = "0x100206"


def trigger(central: ScriptedSupervision, message: str, connector: int | None = None) -> str:
    payload: dict[str, Any] = {"requestedMessage": message}
    if connector is not None:
        payload["connectorId"] = connector
    return str(central.ask("TriggerMessage", payload)["status"])


def sent_since(station: SimulatedStation, seen: int) -> list[Message]:
    """What the station sent, after so many messages."""
    return [message for message in station.wire.messages[seen:] if message.direction == ">"]


def triggered(
    world: World, station: SimulatedStation, message: str, connector: int | None = None
) -> list[dict[str, Any]]:
    """Trigger a message that the station must agree to; what it sent of it."""
    assert isinstance(world.central, ScriptedSupervision)
    seen = len(station.wire.messages)
    assert trigger(world.central, message, connector) == "Accepted"
    world.run(1)
    answer, *calls = sent_since(station, seen)
    assert answer.kind == "CALLRESULT", "the answer goes out first"
    assert {call.action for call in calls} == {message}
    return [call.payload for call in calls]


def pending_station(world: World, central: ScriptedSupervision) -> SimulatedStation:
    central.boot_status = "Pending"
    station = world.add_station(model="EVD1S180TBB", keys={"MinimumStatusDuration": "0"})
    world.run(5)
    return station


def why(station: SimulatedStation) -> list[str]:
    return [line.detail for line in station.log if line.name == "TriggerMessage refused"]


@pytest.mark.requirement("OCPP-5.17-1")
@pytest.mark.parametrize("message", MESSAGES)
def test_trigger_is_answered_before_its_message_is_sent(
    world: World, central: ScriptedSupervision, message: str
) -> None:
    """A pending station obeys for each of the six messages."""
    station = pending_station(world, central)
    seen = len(station.wire.messages)
    assert trigger(central, message) == "Accepted"
    world.run(1)
    answer, *calls = sent_since(station, seen)
    assert (answer.kind, answer.action) == ("CALLRESULT", "TriggerMessage")
    assert calls
    assert {(call.kind, call.action) for call in calls} == {("CALL", message)}


@pytest.mark.requirement("OCPP-4.2-11")
def test_pending_station_says_nothing_but_what_is_triggered(world: World, central: ScriptedSupervision) -> None:
    central.interval_s = 1000
    station = pending_station(world, central)
    station.plug(1)
    station.badge("TAG")
    station.fault(GROUND_ERROR, 2)
    world.run(900)
    assert station.wire.actions() == ["BootNotification"]
    for message in ("Heartbeat", "StatusNotification", "MeterValues"):
        trigger(central, message, 1)
        world.run(1)
    world.run(50)
    assert station.wire.actions() == ["BootNotification", "Heartbeat", "StatusNotification", "MeterValues"]
    assert station.wire.payloads("StatusNotification")[0]["status"] == "Preparing"


# BootNotification.


@pytest.mark.requirement("OCPP-4.2-14")
def test_bootnotification_comes_before_its_interval_only_for_a_trigger(
    world: World, central: ScriptedSupervision
) -> None:
    central.interval_s = 500
    station = pending_station(world, central)
    station.plug(1)
    station.close_link()
    world.run(400)
    assert station.is_connected, "neither a cable nor a new connection hastens it"
    assert len(station.wire.calls("BootNotification")) == 1
    assert trigger(central, "BootNotification") == "Accepted"
    world.run(1)
    assert len(station.wire.calls("BootNotification")) == 2
    world.run(499)
    assert len(station.wire.calls("BootNotification")) == 2, "the interval begins anew"
    world.run(10)
    assert len(station.wire.calls("BootNotification")) == 3
    central.boot_status = "Accepted"
    trigger(central, "BootNotification")
    world.run(1)
    assert station.snapshot().boot == "Accepted"


@pytest.mark.requirement("OCPP-4.2-17")
@pytest.mark.parametrize("change", ["reset", "reboot", "reconnect"])
def test_boot_can_not_be_triggered_after_accepted_until_something_begins_anew(
    world: World, central: ScriptedSupervision, station: SimulatedStation, change: str
) -> None:
    for _ in range(2):
        assert trigger(central, "BootNotification") == "Rejected"
    world.run(100)
    assert len(station.wire.calls("BootNotification")) == 1
    assert why(station) == [
        "BootNotification: expected a station that waits to be accepted, and it was accepted on this connection"
    ] * len(why(station))
    if change == "reconnect":
        station.close_link()
        world.run(100)
        assert station.is_connected
        assert len(station.wire.calls("BootNotification")) == 1, "a reconnect is no boot"
    else:
        central.boot_status = "Pending"
        if change == "reset":
            central.ask("Reset", {"type": "Soft"})
        else:
            station.reboot()
        world.run(100)
        central.boot_status = "Accepted"
    boots = len(station.wire.calls("BootNotification"))
    assert trigger(central, "BootNotification") == "Accepted"
    world.run(5)
    assert len(station.wire.calls("BootNotification")) == boots + 1
    assert trigger(central, "BootNotification") == "Rejected", "it was accepted again"


def test_station_that_is_told_pending_after_all_falls_silent_until_it_is_accepted_again(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """A trigger after a reconnect is the one way to lose an acceptance without a reboot."""
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    station.close_link()
    world.run(60)
    assert station.is_connected
    central.boot_status, central.interval_s = "Pending", 200
    trigger(central, "BootNotification")
    world.run(1)
    seen = len(station.wire.messages)
    station.plug(2)
    world.run(130)
    station.badge("TAG")
    world.run(20)
    assert sent_since(station, seen) == [], "no MeterValues, no statuses, no stop"
    assert station.status(1) == "Finishing"
    central.boot_status = "Accepted"
    world.run(100)
    actions = [message.action for message in sent_since(station, seen)]
    assert actions[:4] == ["BootNotification", "StatusNotification", "StatusNotification", "StatusNotification"]
    assert "MeterValues" in actions
    assert actions[-1] == "StopTransaction"
    assert [station.reported(number)[-1] for number in (1, 2)] == ["Finishing", "Preparing"]
    assert station.snapshot().queuedMessages == 0


# The others.


def test_triggered_heartbeat_is_one_more(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    assert triggered(world, station, "Heartbeat") == [{}]
    world.run(250)
    assert len(station.wire.payloads("Heartbeat")) == 1
    world.run(100)
    assert len(station.wire.payloads("Heartbeat")) == 2, "the interval begins anew"


@pytest.mark.requirement("OCPP-5.17-3")
def test_trigger_without_a_connector_means_all_of_them(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(2)
    world.run(5)
    reports = triggered(world, station, "StatusNotification")
    assert [(report["connectorId"], report["status"]) for report in reports] == [
        (0, "Available"),
        (1, "Available"),
        (2, "Preparing"),
    ]
    assert [values["connectorId"] for values in triggered(world, station, "MeterValues")] == [1, 2]


@pytest.mark.parametrize("connector", [0, 1, 2])
def test_triggered_status_is_that_of_its_connector(
    world: World, central: ScriptedSupervision, station: SimulatedStation, connector: int
) -> None:
    station.fault(GROUND_ERROR, 2)
    world.run(5)
    (report,) = triggered(world, station, "StatusNotification", connector)
    assert report["connectorId"] == connector
    assert (report["status"], report["errorCode"]) == (
        ("Faulted", "GroundFailure") if connector == 2 else ("Available", "NoError")
    )


@pytest.mark.requirement("OCPP-4.9-18")
def test_triggered_status_does_not_wait_for_minimumstatusduration(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Nor do reports after a boot and those into and out of Faulted."""
    station.set_key("MinimumStatusDuration", "60")
    changed = world.now
    station.plug(1)
    (report,) = triggered(world, station, "StatusNotification", 1)
    assert report["status"] == "Preparing"
    assert report["timestamp"].startswith("2026-03-02T08:00:05")
    assert world.now - changed < 2
    world.run(120)
    assert station.reported(1) == ["Available", "Preparing"], "it is not told twice"
    station.fault(GROUND_ERROR, 1)
    world.run(0.1)
    assert station.reported(1)[-1] == "Faulted"
    station.clear(GROUND_ERROR, 1)
    world.run(0.1)
    assert station.reported(1)[-1] == "Preparing"
    station.reboot()
    world.run_until(lambda: station.lives == 2 and station.snapshot().boot == "Accepted")
    world.run(0.5)
    assert len(station.reported(1)) == 5


@pytest.mark.requirement("OCPP-5.17-6")
def test_triggered_meter_values_hold_all_sampled_measurands_of_this_moment(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    names = ["Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "SoC"]
    station.set_key("MeterValuesSampledData", ",".join(names))
    station.set_key("EnableMeterValuesContainVoltage", "false")
    station.set_key("MeterValueSampleInterval", "0")
    station.plug(1)
    station.badge("TAG")
    world.run(100)
    (values,) = triggered(world, station, "MeterValues", 1)
    assert (values["connectorId"], values["transactionId"]) == (1, 1)
    (taken,) = values["meterValue"]
    assert [sample["measurand"] for sample in taken["sampledValue"]] == names
    assert {sample["context"] for sample in taken["sampledValue"]} == {"Trigger"}
    now = station.reading(1)
    given = {sample["measurand"]: float(sample["value"]) for sample in taken["sampledValue"]}
    assert given["Power.Active.Import"] == pytest.approx(now.power_w, rel=0.01)
    assert given["Current.Import"] == pytest.approx(now.current_a, rel=0.01)
    assert given["Energy.Active.Import.Register"] == pytest.approx(now.energy_wh, abs=60)
    assert given["SoC"] == pytest.approx(now.soc_percent, abs=1)
    assert given["Power.Active.Import"] > 10_000
    station.set_key("MeterValuesSampledData", "SoC")
    (values,) = triggered(world, station, "MeterValues", 1)
    assert [sample["measurand"] for sample in values["meterValue"][0]["sampledValue"]] == ["SoC"]


def test_triggered_meter_values_of_a_gun_without_a_transaction_name_none(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    (values,) = triggered(world, station, "MeterValues", 2)
    assert values["connectorId"] == 2
    assert "transactionId" not in values
    assert "SoC" not in [sample["measurand"] for sample in values["meterValue"][0]["sampledValue"]]
    assert station.snapshot().queuedMessages == 0


def test_gun_that_has_nothing_to_measure_is_left_out_or_the_trigger_rejected(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("EnableMeterValuesContainVoltage", "false")
    station.set_key("MeterValuesSampledData", "SoC")
    station.set_key("MeterValueSampleInterval", "0")
    station.plug(2)
    station.show(2)
    station.badge("TAG")
    world.run(60)
    assert [values["connectorId"] for values in triggered(world, station, "MeterValues")] == [2]
    assert trigger(central, "MeterValues", 1) == "Rejected"
    station.set_key("MeterValuesSampledData", "")
    sent = len(station.wire.payloads("MeterValues"))
    assert trigger(central, "MeterValues") == "Rejected"
    world.run(5)
    assert len(station.wire.payloads("MeterValues")) == sent
    assert why(station) == ["MeterValues: expected a measurand in MeterValuesSampledData that has a value now"] * 2


def test_diagnostics_status_is_idle_for_a_trigger_and_comes_for_nothing_else(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.badge("TAG")
    world.run(3605)
    assert not station.wire.payloads("DiagnosticsStatusNotification")
    assert triggered(world, station, "DiagnosticsStatusNotification") == [{"status": "Idle"}]
    world.run(3600)
    assert len(station.wire.payloads("DiagnosticsStatusNotification")) == 1


def test_firmware_status_is_idle_for_a_trigger_and_comes_for_nothing_else(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.reboot()
    world.run(3600)
    assert not station.wire.payloads("FirmwareStatusNotification")
    assert triggered(world, station, "FirmwareStatusNotification") == [{"status": "Idle"}]
    world.run(3600)
    assert len(station.wire.payloads("FirmwareStatusNotification")) == 1


# What is ignored and what is refused.


@pytest.mark.requirement("OCPP-5.17-2")
@pytest.mark.parametrize(
    "message", ["Heartbeat", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "BootNotification"]
)
@pytest.mark.parametrize("connector", [0, 1, 9, -4])
def test_connector_that_does_not_matter_is_ignored(
    world: World, central: ScriptedSupervision, message: str, connector: int
) -> None:
    station = pending_station(world, central)
    assert len(triggered(world, station, message, connector)) == 1


@pytest.mark.requirement("OCPP-5.17-4")
@pytest.mark.parametrize("message", ["DoMagic", "Authorize", "StartTransaction", "heartbeat", "", "x" * 300])
@pytest.mark.parametrize("connector", [None, 1, 9])
def test_message_that_can_not_be_triggered_is_not_implemented_and_no_error(
    world: World, central: ScriptedSupervision, station: SimulatedStation, message: str, connector: int | None
) -> None:
    seen = len(station.wire.messages)
    assert trigger(central, message, connector) == "NotImplemented"
    world.run(5)
    assert len(sent_since(station, seen)) == 1
    assert why(station) == [f"expected one of {', '.join(MESSAGES)}, came {message[:50]}"]


@pytest.mark.requirement("OCPP-5.17-4")
def test_other_enums_keep_to_the_rule_that_a_bad_value_is_an_error(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """What TriggerMessage does with an unknown value is the one exception."""
    for action, payload in (
        ("Reset", {"type": "DoMagic"}),
        ("ChangeAvailability", {"connectorId": 1, "type": "DoMagic"}),
        ("SendLocalList", {"listVersion": 1, "updateType": "DoMagic"}),
        ("ClearChargingProfile", {"chargingProfilePurpose": "DoMagic"}),
        ("GetCompositeSchedule", {"connectorId": 1, "duration": 1, "chargingRateUnit": "DoMagic"}),
    ):
        answer = central.call(action, payload)
        assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "PropertyConstraintViolation")
    assert trigger(central, "DoMagic") == "NotImplemented"


@pytest.mark.requirement("OCPP-5.17-5")
@pytest.mark.parametrize(
    ("message", "connector", "allowed"),
    [
        ("StatusNotification", 3, "0 to 2"),
        ("StatusNotification", -1, "0 to 2"),
        ("StatusNotification", 2**40, "0 to 2"),
        ("MeterValues", 3, "1 to 2"),
        ("MeterValues", -1, "1 to 2"),
        ("MeterValues", 0, "1 to 2"),
    ],
)
def test_connector_that_is_not_there_is_rejected(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    message: str,
    connector: int,
    allowed: str,
) -> None:
    """There is no meter for the station as a whole, so connector 0 has no values."""
    seen = len(station.wire.messages)
    assert trigger(central, message, connector) == "Rejected"
    world.run(5)
    assert len(sent_since(station, seen)) == 1
    assert why(station) == [f"{message}: expected connectorId {allowed}, came {connector}"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [({}, "ProtocolError"), ({"requestedMessage": 3}, "TypeConstraintViolation")],
)
def test_malformed_trigger_is_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation, payload: dict[str, Any], code: str
) -> None:
    answer = central.call("TriggerMessage", payload)
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", code)


@pytest.mark.parametrize("message", ["Heartbeat", "StatusNotification", "MeterValues"])
def test_triggered_message_that_is_not_answered_holds_nothing_up_for_long(
    world: World, central: ScriptedSupervision, station: SimulatedStation, message: str
) -> None:
    central.silent.add(message)
    trigger(central, message, 1)
    world.run(100)
    station.plug(1)
    station.badge("TAG")
    world.run(60)
    assert station.status(1) == "Charging"


# Both sides.


@pytest.mark.requirement("GUIDE-CSOP-20")
def test_supervision_triggers_messages_and_hears_every_answer(site: World, served: SimulatedStation) -> None:
    def ask(message: str, connector: int | None = None) -> str:
        request = (
            TriggerMessageRequest(requestedMessage=message)
            if connector is None
            else TriggerMessageRequest(requestedMessage=message, connectorId=connector)
        )
        outcome = site.supervision.ask(served.identity, request)
        assert isinstance(outcome, Answered), outcome
        assert isinstance(outcome.response, TriggerMessageResponse)
        return outcome.response.status.value

    assert ask("StatusNotification", 2) == "Accepted"
    assert ask("MeterValues") == "Accepted"
    assert ask("StatusNotification", 8) == "Rejected"
    assert ask("DoMagic") == "NotImplemented"
    site.run(5)
    assert served.reported(2) == ["Available", "Available"]
    assert [values["connectorId"] for values in served.wire.payloads("MeterValues")] == [1, 2]
