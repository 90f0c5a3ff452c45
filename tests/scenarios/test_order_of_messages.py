"""CallMsgInOrder and OfflineTxMsgQueueEnable: what waits for what (reading A21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.wire import Message
    from forecourt.world.world import World


def change(central: ScriptedSupervision, name: str, value: str) -> None:
    assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}


def most_open(messages: list[Message]) -> int:
    """The most CALLs of the station that were open at a time."""
    opened: set[str] = set()
    most = 0
    for message in messages:
        if message.kind == "CALL" and message.direction == ">":
            opened.add(message.id)
        elif message.direction == "<":
            opened.discard(message.id)
        most = max(most, len(opened))
    return most


def begin_session(world: World, station: SimulatedStation, connector: int = 1, badge: str = "TAG1") -> None:
    station.plug(connector)
    world.run(5)
    station.show(connector)
    station.badge(badge)
    world.run(5)


# CallMsgInOrder.


@pytest.mark.requirement("GUIDE-VRULE-09", "GUIDE-VKEY-23")
def test_station_waits_for_each_answer_while_callmsginorder_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    begin_session(world, station)
    central.silent.add("MeterValues")
    world.run_until(lambda: bool(station.wire.calls("MeterValues")))
    asked_at = world.now
    station.plug(2)
    world.run(29)
    assert station.wire.calls()[-1].action == "MeterValues"
    world.run(5)
    report = station.wire.calls("StatusNotification")[-1]
    assert (report.payload["connectorId"], report.payload["status"]) == (2, "Preparing")
    assert report.at == pytest.approx(asked_at + 30, abs=1)  # the answer is overdue after 30 s


@pytest.mark.requirement("GUIDE-VRULE-09", "GUIDE-VKEY-23")
def test_station_never_has_two_calls_open_while_callmsginorder_is_true(site: World, served: SimulatedStation) -> None:
    site.latency_s = 3.0
    served.set_key("HeartbeatInterval", "7")
    for connector in (1, 2):
        begin_session(site, served, connector, f"TAG{connector}")
    site.run(600)
    served.unplug(1)
    served.unplug(2)
    site.run(60)
    assert most_open(served.wire.messages) == 1
    assert len(site.supervision.stopped) == 2


@pytest.mark.requirement("GUIDE-VRULE-10", "GUIDE-VKEY-23")
def test_status_and_heartbeat_go_out_beside_an_open_call_while_callmsginorder_is_false(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "CallMsgInOrder", "false")
    change(central, "HeartbeatInterval", "10")
    begin_session(world, station)
    central.silent.add("MeterValues")
    world.run_until(lambda: bool(station.wire.calls("MeterValues")))
    station.plug(2)
    world.run(15)
    sent = [call.action for call in station.wire.calls()]
    after = sent[sent.index("MeterValues") + 1 :]
    assert after == ["StatusNotification", "Heartbeat"]
    ids = {message.id for message in station.wire.messages if message.direction == "<"}
    assert all(call.id in ids for call in station.wire.calls()[-2:])


@pytest.mark.requirement("GUIDE-VRULE-10")
def test_supervision_answers_each_of_several_open_calls_by_its_id(site: World, served: SimulatedStation) -> None:
    served.set_key("CallMsgInOrder", "false")
    served.set_key("HeartbeatInterval", "7")
    site.latency_s = 3.0
    for connector in (1, 2):
        begin_session(site, served, connector, f"TAG{connector}")
    site.run(600)
    served.unplug(1)
    served.unplug(2)
    served.set_key("HeartbeatInterval", "3600")
    site.run(60)
    messages = served.wire.messages
    assert most_open(messages) > 1
    asked = [message for message in messages if message.kind == "CALL" and message.direction == ">"]
    answered = [(message.id, message.kind) for message in messages if message.direction == "<"]
    assert sorted(answered) == sorted((message.id, "CALLRESULT") for message in asked)
    assert not [event for event in served.log if event.name == "Answer ignored"]
    assert len(site.supervision.stopped) == 2


@pytest.mark.requirement("GUIDE-VKEY-23")
def test_transaction_messages_still_wait_for_each_other_while_callmsginorder_is_false(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "CallMsgInOrder", "false")
    central.silent.add("StartTransaction")
    station.plug(1)
    station.plug(2)
    world.run(5)
    for connector in (1, 2):
        station.show(connector)
        station.badge(f"TAG{connector}")
        world.run(2)
    assert [payload["idTag"] for payload in station.wire.payloads("StartTransaction")] == ["TAG1"]
    assert [payload["idTag"] for payload in station.wire.payloads("Authorize")] == ["TAG1", "TAG2"]


def test_answers_out_of_order_reach_the_calls_they_belong_to(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "CallMsgInOrder", "false")
    central.silent.add("Authorize")
    station.plug(1)
    station.plug(2)
    world.run(5)
    for connector in (1, 2):
        station.show(connector)
        station.badge(f"TAG{connector}")
        world.run(1)
    first, second = station.wire.calls("Authorize")
    central.send(f'[3,"{second.id}",{{"idTagInfo":{{"status":"Accepted"}}}}]')
    world.run(10)
    assert (station.status(1), station.status(2)) == ("Preparing", "Charging")
    central.send(f'[4,"{first.id}","InternalError","",{{}}]')
    world.run(60)
    assert (station.status(1), station.status(2)) == ("Preparing", "Charging")


def test_call_sent_beside_others_is_overdue_after_30_s_and_lost_with_the_connection(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "CallMsgInOrder", "false")
    central.silent.add("Authorize")
    station.plug(1)
    station.plug(2)
    world.run(5)
    station.badge("TAG1")
    world.run(10)
    station.show(2)
    station.badge("TAG2")
    world.run(28)
    assert (station.status(1), station.status(2)) == ("Charging", "Preparing")
    station.network_down()
    world.run(10)
    assert (station.status(1), station.status(2)) == ("Charging", "Charging")


def test_flood_of_unanswered_calls_is_bounded(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "CallMsgInOrder", "false")
    central.silent.add("StatusNotification")
    before = len(station.wire.calls())
    for _ in range(40):
        station.plug()
        station.unplug()
    world.run(1)
    assert len(station.wire.calls()) - before == 21
    central.silent.clear()
    world.run(60)
    assert len(station.wire.calls()) - before == 80


def test_setting_callmsginorder_true_waits_for_what_is_still_open(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "CallMsgInOrder", "false")
    central.silent.add("Authorize")
    station.plug(1)
    world.run(5)
    station.badge("TAG1")
    world.run(1)
    change(central, "CallMsgInOrder", "true")
    calls = len(station.wire.calls())
    station.plug(2)
    world.run(20)
    assert len(station.wire.calls()) == calls
    world.run(20)
    assert [call.action for call in station.wire.calls()[calls:]] == [
        "StatusNotification",
        "StartTransaction",
        "StatusNotification",
    ]


# OfflineTxMsgQueueEnable.


def transaction_messages(station: SimulatedStation, since: float) -> list[tuple[str, str]]:
    """Action and moment of every transaction message sent since then, in the order of sending."""
    moments: list[tuple[str, str]] = []
    for call in station.wire.calls():
        if call.at >= since and call.action in ("StartTransaction", "StopTransaction", "MeterValues"):
            moment = call.payload["meterValue"][0]["timestamp"] if call.action == "MeterValues" else None
            moments.append((call.action, moment or call.payload["timestamp"]))
    return moments


def two_sessions_offline(world: World, central: ScriptedSupervision, station: SimulatedStation) -> float:
    """One session ends offline and another goes on over the reconnect; return when that was."""
    for name, value in (("MeterValueSampleInterval", "10"), ("disconnectedMeterValueSampleInterval", "30")):
        change(central, name, value)
    station.network_down()
    begin_session(world, station, 1, "TAG1")
    world.run(600)
    station.unplug(1)
    world.run(60)
    begin_session(world, station, 2, "TAG2")
    world.run(1200)
    station.network_up()
    world.run_until(lambda: station.is_connected)
    return world.now


@pytest.mark.requirement("GUIDE-VRULE-11", "GUIDE-VKEY-24")
def test_stored_metervalues_go_in_time_order_before_live_messages_while_offlinetxmsgqueueenable_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.latency_s = 1.0
    back_at = two_sessions_offline(world, central, station)
    world.run(600)
    sent = transaction_messages(station, back_at)
    assert [moment for _, moment in sent] == sorted(moment for _, moment in sent)
    starts_and_stops = [action for action, _ in sent if action != "MeterValues"]
    assert starts_and_stops == ["StartTransaction", "StopTransaction", "StartTransaction"]


@pytest.mark.requirement("GUIDE-VRULE-12", "GUIDE-VKEY-24")
def test_stored_metervalues_go_alongside_live_ones_while_offlinetxmsgqueueenable_is_false(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.latency_s = 1.0
    change(central, "OfflineTxMsgQueueEnable", "false")
    back_at = two_sessions_offline(world, central, station)
    world.run(600)
    sent = transaction_messages(station, back_at)
    starts_and_stops = [entry for entry in sent if entry[0] != "MeterValues"]
    assert [action for action, _ in starts_and_stops] == ["StartTransaction", "StopTransaction", "StartTransaction"]
    assert starts_and_stops == sorted(starts_and_stops, key=lambda entry: entry[1])
    samples = [moment for action, moment in sent if action == "MeterValues"]
    assert samples != sorted(samples)  # live ones did not wait for the last stored one
    stored = sorted(samples)[:59]
    assert [moment for moment in samples if moment in stored] == stored  # among themselves in time order
    assert len(set(samples)) == len(samples)
    assert {call.payload["transactionId"] for call in station.wire.calls("MeterValues")} == {1, 2}
    assert not station.log
    for (kind, _), data in station.records.items():
        assert kind in ("boot", "key", "security", "transaction"), data


def test_metervalues_set_aside_keep_their_transaction_over_its_end_and_a_power_cut(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.latency_s = 1.0
    change(central, "OfflineTxMsgQueueEnable", "false")
    back_at = two_sessions_offline(world, central, station)
    world.run_until(lambda: len(transaction_messages(station, back_at)) > 12)
    station.cut()
    world.run(30)
    station.power_on()
    world.run(600)
    samples = [call.payload for call in station.wire.calls("MeterValues") if call.at >= back_at]
    by_transaction = {1: 0, 2: 0}
    for moment, number in {(sample["meterValue"][0]["timestamp"], sample["transactionId"]) for sample in samples}:
        assert moment
        by_transaction[number] += 1
    assert by_transaction[1] == 20
    assert by_transaction[2] >= 40
    assert not [key for key in station.records if key[0] not in ("boot", "key", "security")]


def test_failing_metervalues_that_was_set_aside_is_repeated_and_given_up(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "OfflineTxMsgQueueEnable", "false")
    central.errors["MeterValues"] = "InternalError"
    change(central, "disconnectedMeterValueSampleInterval", "60")
    change(central, "MeterValueSampleInterval", "0")
    station.network_down()
    begin_session(world, station)
    world.run(130)
    station.network_up()
    world.run(300)
    stamps = [payload["meterValue"][0]["timestamp"] for payload in station.wire.payloads("MeterValues")]
    assert len(stamps) == 4
    assert len(set(stamps)) == 2
    assert [event.name for event in station.log].count("MeterValues discarded") == 2
