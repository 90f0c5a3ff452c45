"""Security events: what brings each about, what of it the supervision is told, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.station import events as happened
from forecourt.station.commissioning import StationOptions
from forecourt.supervision.facts import SecurityEventReported
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import START, World

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

ACTION = "SecurityEventNotification"
KEY = "0123456789abcdef0123456789abcdef"
TERMINAL_DOOR, CABINET_DOOR = "0x10020C", "0x200204"


def told(station: SimulatedStation) -> list[str]:
    """The types of the events that the supervision was told."""
    return [payload["type"] for payload in station.wire.payloads(ACTION)]


def logged(station: SimulatedStation) -> list[dict[str, Any]]:
    """The records of the security log, oldest first."""
    return [msgspec.json.decode(data) for (kind, _), data in sorted(station.records.items()) if kind == "security"]


def types(station: SimulatedStation) -> list[str]:
    return [entry["type"] for entry in logged(station)]


def change(central: ScriptedSupervision, key: str, value: str) -> None:
    assert central.ask("ChangeConfiguration", {"key": key, "value": value}) == {"status": "Accepted"}


# Critical events.


@pytest.mark.requirement("GUIDE-OP-11", "WP-8-3", "WP-A04.FR.01")
def test_station_tells_in_each_life_that_it_has_started(world: World, station: SimulatedStation) -> None:
    assert station.wire.payloads(ACTION) == [
        {
            "type": "StartupOfTheDevice",
            "timestamp": START.isoformat().replace("+00:00", "Z"),
            "techInfo": "firmware 3.5.8803",
        }
    ]
    (answer,) = [
        message for message in station.wire.messages if message.kind == "CALLRESULT" and message.action == ACTION
    ]
    assert answer.payload == {}
    station.cut()
    world.run(5)
    station.power_on()
    world.run(5)
    assert told(station) == ["StartupOfTheDevice"] * 2
    assert station.wire.actions().index("BootNotification") < station.wire.actions().index(ACTION)


@pytest.mark.requirement("GUIDE-OP-11", "WP-A04.FR.03")
def test_real_supervision_answers_with_nothing_and_keeps_what_it_was_told(
    site: World, served: SimulatedStation
) -> None:
    (fact,) = site.supervision.facts(SecurityEventReported)
    assert isinstance(fact, SecurityEventReported)
    assert (fact.identity, fact.request.type) == ("CP-1", "StartupOfTheDevice")
    (answer,) = [message for message in served.wire.messages if message.kind != "CALL" and message.action == ACTION]
    assert (answer.kind, answer.payload) == ("CALLRESULT", {})


@pytest.mark.requirement("WP-8-4", "WP-A04.FR.01")
@pytest.mark.parametrize("how", ["Hard", "Soft", "at the station"])
def test_next_life_tells_that_the_station_was_reset(
    world: World, central: ScriptedSupervision, station: SimulatedStation, how: str
) -> None:
    if how == "at the station":
        station.reboot()
    else:
        central.ask("Reset", {"type": how})
    world.run_until(lambda: station.lives == 2)
    assert told(station) == ["StartupOfTheDevice"]
    world.run(60)
    assert told(station) == ["StartupOfTheDevice", "ResetOrReboot", "StartupOfTheDevice"]
    reset = station.wire.payloads(ACTION)[1]
    assert reset["techInfo"] == ("hard" if how == "Hard" else "soft")


@pytest.mark.requirement("WP-8-1", "WP-A04.FR.01")
def test_first_life_of_a_new_firmware_tells_the_update(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    address = "http://files.example/firmware.bin"
    world.files.served[address] = encode_image(Product.PRO_DC_180, "3.6.0", b"new" * 100)
    assert central.ask("UpdateFirmware", {"location": address, "retrieveDate": START.isoformat()}) == {}
    world.run(600)
    events = station.wire.payloads(ACTION)
    assert [event["type"] for event in events] == [
        "StartupOfTheDevice",
        "ResetOrReboot",
        "StartupOfTheDevice",
        "FirmwareUpdated",
    ]
    assert events[3]["techInfo"] == "to 3.6.0"
    assert events[2]["techInfo"] == "firmware 3.6.0"
    station.cut()
    station.power_on()
    world.run(60)
    assert told(station).count("FirmwareUpdated") == 1


def test_power_cut_is_no_reset(world: World, station: SimulatedStation) -> None:
    station.cut()
    station.power_on()
    world.run(10)
    assert "ResetOrReboot" not in types(station)


@pytest.mark.requirement("WP-8-2", "WP-A04.FR.01")
@pytest.mark.parametrize("by", ["BootNotification", "Heartbeat"])
def test_clock_that_is_really_moved_is_told_once(world: World, central: ScriptedSupervision, by: str) -> None:
    moved = timedelta(seconds=90)

    def now(payload: dict[str, Any]) -> dict[str, Any]:
        clock = (datetime.fromtimestamp(world.clock_s, UTC) + moved).isoformat()
        return (
            {"currentTime": clock, "status": "Accepted", "interval": 60}
            if by == "BootNotification"
            else {"currentTime": clock}
        )

    central.interval_s = 60
    station = world.add_station()
    if by == "Heartbeat":
        world.run(5)
    central.answers[by] = now
    if by == "BootNotification":
        central.answers["Heartbeat"] = lambda payload: {
            "currentTime": (datetime.fromtimestamp(world.clock_s, UTC) + moved).isoformat()
        }
    world.run(600)
    assert len(station.wire.calls("Heartbeat")) >= 5
    (event,) = [payload for payload in station.wire.payloads(ACTION) if payload["type"] == "SettingSystemTime"]
    assert "from 2026-03-02T08:0" in event["techInfo"]
    assert "by +90.0" in event["techInfo"] or "by +89.9" in event["techInfo"]
    at = datetime.fromisoformat(event["timestamp"])
    assert START + moved <= at <= START + moved + timedelta(seconds=400)


@pytest.mark.requirement("WP-8-2")
def test_heartbeat_that_confirms_the_clock_raises_nothing(world: World, central: ScriptedSupervision) -> None:
    central.interval_s = 10
    central.answers["Heartbeat"] = lambda payload: {
        "currentTime": datetime.fromtimestamp(world.clock_s + 0.6, UTC).isoformat()
    }
    station = world.add_station()
    world.run(300)
    assert len(station.wire.calls("Heartbeat")) >= 20
    assert types(station) == ["StartupOfTheDevice"]


@pytest.mark.requirement("WP-8-7", "WP-A04.FR.01")
@pytest.mark.parametrize("dtc", [TERMINAL_DOOR, CABINET_DOOR])
def test_opened_door_is_told_once_each_time_it_opens(world: World, station: SimulatedStation, dtc: str) -> None:
    station.fault("0x100206", 1)
    assert "TamperDetectionActivated" not in types(station)
    for times in (1, 2):
        station.fault(dtc, 0)
        station.fault(dtc, 0)
        world.run(5)
        told_of = [p for p in station.wire.payloads(ACTION) if p["type"] == "TamperDetectionActivated"]
        assert len(told_of) == times
        assert told_of[-1]["techInfo"].startswith(dtc)
        station.clear(dtc, 0)
        world.run(5)


@pytest.mark.requirement("WP-8-5", "WP-A04.FR.01")
def test_cleared_log_begins_with_the_clearing(world: World, station: SimulatedStation) -> None:
    station.happen(happened.SecurityLogCleared())
    world.run(5)
    assert types(station) == ["SecurityLogWasCleared"]
    assert told(station) == ["StartupOfTheDevice", "SecurityLogWasCleared"]


@pytest.mark.requirement("WP-8-6", "WP-A04.FR.01")
def test_records_that_can_not_be_saved_are_memory_exhaustion_once(world: World, station: SimulatedStation) -> None:
    station.happen(happened.SaveFailed("disk full"))
    station.happen(happened.SaveFailed("disk full"))
    world.run(5)
    assert told(station) == ["StartupOfTheDevice", "MemoryExhaustion"]
    assert "disk full" in station.wire.payloads(ACTION)[-1]["techInfo"]
    station.happen(happened.SaveRecovered())
    station.happen(happened.SaveFailed("disk full"))
    world.run(5)
    assert told(station).count("MemoryExhaustion") == 2


@pytest.mark.requirement("WP-8-6")
def test_queue_that_is_full_is_memory_exhaustion_once(world: World) -> None:
    station = world.add_station(
        model="EVD1S180TBB", options=StationOptions(queue_limit=10), keys={"MinimumStatusDuration": "0"}
    )
    world.run(5)
    station.set_key("LocalAuthorizeOffline", "true")
    station.set_key("AllowOfflineTxForUnknownId", "true")
    station.set_key("disconnectedMeterValueSampleInterval", "20")
    station.network_down()
    station.plug(1)
    station.badge("TAG")
    world.run(3600)
    assert len([line for line in station.log if line.name == "MeterValues discarded"]) > 5
    assert types(station).count("MemoryExhaustion") == 1
    station.network_up()
    world.run(300)
    assert told(station).count("MemoryExhaustion") == 1


# Events that are logged and not told.


@pytest.mark.requirement("WP-8-10", "WP-A01.FR.11")
def test_changed_password_is_logged_without_its_value(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "AuthorizationKey", KEY)
    entry = logged(station)[-1]
    assert entry["type"] == "ReconfigurationOfSecurityParameters"
    assert entry["techInfo"] == "AuthorizationKey by the supervision"
    assert KEY not in str(logged(station))
    world.run(60)
    assert told(station) == ["StartupOfTheDevice"]


@pytest.mark.requirement("WP-8-10")
@pytest.mark.parametrize("by", ["the supervision", "the installer"])
def test_changed_security_profile_is_logged_and_the_same_again_is_not(
    world: World, central: ScriptedSupervision, station: SimulatedStation, by: str
) -> None:
    station.set_key("AuthorizationKey", KEY)
    before = len(logged(station))
    if by == "the supervision":
        change(central, "SecurityProfile", "1")
    else:
        station.set_key("SecurityProfile", "1")
        station.set_key("SecurityProfile", "1")
    (entry,) = logged(station)[before:]
    assert (entry["type"], entry["techInfo"]) == ("ReconfigurationOfSecurityParameters", f"SecurityProfile=1 by {by}")


def test_refused_and_harmless_changes_are_no_reconfiguration(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "MeterValueSampleInterval", "30")
    refused = central.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "3"})
    assert refused == {"status": "Rejected"}
    assert types(station) == ["StartupOfTheDevice"]


@pytest.mark.requirement("WP-8-11")
@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "[2]",
        '[2,"i-1","Reset",{"type":"Gentle"}]',
        '[2,"i-1","ChangeConfiguration",{"key":"HeartbeatInterval"}]',
        '[9,"i-1",{}]',
    ],
)
def test_message_that_is_none_is_logged_and_not_told(
    world: World, central: ScriptedSupervision, station: SimulatedStation, text: str
) -> None:
    central.send(text)
    world.run(5)
    entry = logged(station)[-1]
    assert entry["type"] == "InvalidMessages"
    assert "expected" in entry["techInfo"]
    assert len(logged(station)) == 2
    assert told(station) == ["StartupOfTheDevice"]


@pytest.mark.requirement("WP-8-11")
def test_answer_that_is_none_is_logged(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    central.answers["Authorize"] = {"idTagInfo": {"status": "Perhaps"}}
    station.plug(1)
    station.badge("TAG")
    world.run(5)
    assert [entry["techInfo"][:10] for entry in logged(station)[1:]] == ["Authorize:"]
    assert types(station)[1:] == ["InvalidMessages"]


@pytest.mark.requirement("WP-8-12")
def test_request_that_comes_again_after_its_answer_is_logged_as_a_replay(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    request = '[2,"r-1","GetLocalListVersion",{}]'
    central.send(request)
    world.run(1)
    assert types(station) == ["StartupOfTheDevice"]
    central.send(request)
    world.run(1)
    assert types(station) == ["StartupOfTheDevice", "AttemptedReplayAttacks"]
    assert "r-1" in logged(station)[-1]["techInfo"]
    assert told(station) == ["StartupOfTheDevice"]


@pytest.mark.requirement("WP-8-12")
def test_request_that_is_sent_again_after_a_reconnect_is_no_replay(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    request = '[2,"r-1","GetLocalListVersion",{}]'
    central.send(request)
    world.run(1)
    station.close_link()
    world.run_until(lambda: station.is_connected)
    central.send(request)
    world.run(1)
    assert types(station) == ["StartupOfTheDevice"]


@pytest.mark.requirement("WP-8-8")
def test_supervision_that_refuses_the_password_is_logged(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.refuses = 401
    station.close_link()
    world.run(20)
    central.refuses = None
    world.run(60)
    assert set(types(station)[1:]) == {"FailedToAuthenticateAtCentralSystem"}
    assert told(station) == ["StartupOfTheDevice"]


# The queue.


@pytest.mark.requirement("WP-A04.FR.02")
def test_events_of_an_outage_are_told_in_order_after_a_power_cut(world: World, station: SimulatedStation) -> None:
    station.network_down()
    station.fault(TERMINAL_DOOR, 0)
    world.run(100)
    station.cut()
    world.run(50)
    station.power_on()
    world.run(100)
    assert told(station) == ["StartupOfTheDevice"]
    station.network_up()
    world.run(200)
    waited = station.wire.payloads(ACTION)[1:]
    assert [payload["type"] for payload in waited] == ["TamperDetectionActivated", "StartupOfTheDevice"]
    at = [datetime.fromisoformat(payload["timestamp"]) - START for payload in waited]
    assert [round(moment.total_seconds()) for moment in at] == [5, 155]
    station.cut()
    station.power_on()
    world.run(60)
    assert told(station)[3:] == ["StartupOfTheDevice"], "what was told is not told again"


@pytest.mark.requirement("WP-A04.FR.02")
def test_event_whose_answer_was_lost_with_the_connection_is_told_again(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add(ACTION)
    station.fault(CABINET_DOOR, 0)
    world.run(2)
    station.close_link()
    central.silent.clear()
    world.run(60)
    assert told(station) == ["StartupOfTheDevice", "TamperDetectionActivated", "TamperDetectionActivated"]


def test_nothing_is_told_before_the_boot_is_accepted(world: World, central: ScriptedSupervision) -> None:
    central.boot_status, central.interval_s = "Pending", 30
    station = world.add_station()
    world.run(25)
    assert told(station) == []
    central.boot_status = "Accepted"
    world.run(20)
    assert told(station) == ["StartupOfTheDevice"]


@pytest.mark.requirement("WP-A04.FR.02")
@pytest.mark.parametrize("obstacle", ["silence", "InternalError"])
def test_event_that_was_not_taken_is_told_again_ever_more_rarely(world: World, obstacle: str) -> None:
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    if obstacle == "silence":
        central.silent.add(ACTION)
    else:
        central.errors[ACTION] = obstacle
    station = world.add_station(keys={"MinimumStatusDuration": "0"})
    world.run(8 * 3600)
    at = [message.at for message in station.wire.calls(ACTION)]
    waits = [round(later - earlier, -1) for earlier, later in pairwise(at)]
    answer_s = 30 if obstacle == "silence" else 0
    assert waits[:4] == [60 + answer_s, 120 + answer_s, 240 + answer_s, 480 + answer_s]
    assert max(waits) == 3600 + answer_s
    central.silent.clear()
    central.errors.clear()
    world.run(3700)
    count = len(told(station))
    world.run(8000)
    assert len(told(station)) == count


@pytest.mark.parametrize("code", ["NotImplemented", "NotSupported", "SecurityError"])
def test_supervision_that_wants_no_such_message_gets_it_once(
    world: World, central: ScriptedSupervision, code: str
) -> None:
    central.errors[ACTION] = code
    station = world.add_station()
    world.run(7200)
    assert told(station) == ["StartupOfTheDevice"]
    assert [line.detail for line in station.log if line.name == f"{ACTION} discarded"] == [
        f"StartupOfTheDevice: {code}"
    ]


def test_transaction_messages_go_before_security_events(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("LocalAuthorizeOffline", "true")
    station.set_key("AllowOfflineTxForUnknownId", "true")
    station.set_key("disconnectedMeterValueSampleInterval", "20")
    station.network_down()
    station.plug(1)
    station.badge("TAG")
    world.run(300)
    station.fault(TERMINAL_DOOR, 0)
    before = len(station.wire.calls())
    station.network_up()
    world.run(120)
    sent = [message.action for message in station.wire.calls()[before:]]
    assert {"StartTransaction", "MeterValues", "StopTransaction"} <= set(sent[: sent.index(ACTION)])
    assert "StopTransaction" not in sent[sent.index(ACTION) :]
    assert sent.count("StopTransaction") == 1


@pytest.mark.parametrize("order", ["true", "false"])
def test_events_are_told_whether_or_not_messages_wait_for_each_other(
    world: World, central: ScriptedSupervision, order: str
) -> None:
    station = world.add_station(keys={"CallMsgInOrder": order})
    station.fault(TERMINAL_DOOR, 0)
    world.run(30)
    assert told(station) == ["StartupOfTheDevice", "TamperDetectionActivated"]


# SecurityEventsEnabled.


@pytest.mark.requirement("GUIDE-VRULE-05", "GUIDE-VKEY-11", "WP-A04.FR.01")
def test_events_are_only_logged_while_securityeventsenabled_is_false(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    (entry,) = central.ask("GetConfiguration", {"key": ["SecurityEventsEnabled"]})["configurationKey"]
    assert entry == {"key": "SecurityEventsEnabled", "readonly": False, "value": "true"}
    change(central, "SecurityEventsEnabled", "false")
    station.fault(TERMINAL_DOOR, 0)
    station.reboot()
    world.run(200)
    assert told(station) == ["StartupOfTheDevice"]
    assert types(station)[1:] == ["TamperDetectionActivated", "ResetOrReboot", "StartupOfTheDevice"]
    change(central, "SecurityEventsEnabled", "true")
    world.run(60)
    assert told(station) == ["StartupOfTheDevice"], "what happened meanwhile is not told late"
    station.clear(TERMINAL_DOOR, 0)
    station.fault(TERMINAL_DOOR, 0)
    world.run(5)
    assert told(station) == ["StartupOfTheDevice", "TamperDetectionActivated"]


@pytest.mark.requirement("GUIDE-VRULE-05")
def test_what_is_queued_is_not_told_once_securityeventsenabled_is_false(
    world: World, station: SimulatedStation
) -> None:
    station.network_down()
    station.fault(TERMINAL_DOOR, 0)
    station.set_key("SecurityEventsEnabled", "false")
    station.network_up()
    world.run(100)
    assert told(station) == ["StartupOfTheDevice"]
    assert types(station) == ["StartupOfTheDevice", "TamperDetectionActivated"]


def test_firmware_from_before_the_security_extension_knows_no_events(
    world: World, central: ScriptedSupervision
) -> None:
    station = world.add_station(firmware="2.6.05")
    station.fault(TERMINAL_DOOR, 0)
    central.refuses = None
    world.run(60)
    assert (told(station), logged(station)) == ([], [])
    asked: dict[str, dict[str, Any]] = {
        "GetLog": {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "ftp://files.example"}},
        "ExtendedTriggerMessage": {"requestedMessage": "Heartbeat"},
    }
    for action, payload in asked.items():
        assert central.call(action, payload).payload["code"] == "NotSupported"
