"""The messages of transactions: their order, their repeats, and what they wait for."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import SaveRecord
from forecourt.station.given_up import Cause
from forecourt.supervision.facts import MeterValuesReported

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.wire import Message
    from forecourt.world.world import World

OF_TRANSACTIONS = ("StartTransaction", "MeterValues", "StopTransaction")


def of_transactions(station: SimulatedStation) -> list[Message]:
    return [message for message in station.wire.calls() if message.action in OF_TRANSACTIONS]


def moment(payload: dict[str, Any]) -> str:
    """When a transaction message arose."""
    values = payload.get("meterValue")
    return str(payload["timestamp"] if values is None else values[0]["timestamp"])


def times(messages: list[Message]) -> list[float]:
    return [message.at for message in messages]


def gaps(messages: list[Message]) -> list[float]:
    return [round(later - earlier, 1) for earlier, later in pairwise(times(messages))]


def set_keys(central: ScriptedSupervision, **keys: int | str) -> None:
    for key, value in keys.items():
        assert central.ask("ChangeConfiguration", {"key": key, "value": str(value)}) == {"status": "Accepted"}


def come_back(world: World, station: SimulatedStation) -> None:
    station.network_up()
    world.run_until(lambda: station.is_connected)


# Order.


@pytest.mark.requirement("OCPP-3.7-1")
@pytest.mark.parametrize("offline", [False, True], ids=["online", "offline"])
def test_station_delivers_transaction_messages_in_the_order_in_which_they_arose(
    world: World, central: ScriptedSupervision, station: SimulatedStation, offline: bool
) -> None:
    """Two guns, with periodic samples every 45 s and clock-aligned ones every 60 s."""
    set_keys(central, MeterValueSampleInterval=45, ClockAlignedDataInterval=60, disconnectedMeterValueSampleInterval=0)
    if offline:
        station.network_down()
    station.plug(1)
    station.badge("ONE")
    world.run(20)
    station.plug(2)
    station.show(2)
    station.badge("TWO")
    world.run(200)
    station.show(1)
    station.badge("ONE")
    world.run(100)
    station.unplug(2)
    if offline:
        assert of_transactions(station) == []
        come_back(world, station)
    world.run(60)
    messages = of_transactions(station)
    contexts = {
        value["context"]
        for message in messages
        if message.action == "MeterValues"
        for value in message.payload["meterValue"][0]["sampledValue"]
    }
    assert contexts == {"Sample.Periodic", "Sample.Clock"}
    assert [message.action for message in messages].count("StartTransaction") == 2
    assert [message.action for message in messages].count("StopTransaction") == 2
    moments = [moment(message.payload) for message in messages]
    assert len(moments) > 15
    assert moments == sorted(moments)


@pytest.mark.requirement("OCPP-3.7-2")
def test_station_queues_every_transaction_message_while_it_is_offline(site: World, served: SimulatedStation) -> None:
    """Nothing is sent, and nothing is missing when the connection is back."""
    served.set_key("disconnectedMeterValueSampleInterval", "30")
    served.network_down()
    served.plug(1)
    served.badge("TAG1")
    site.run(305)
    served.badge("TAG1")
    site.run(10)
    assert of_transactions(served) == []
    assert served.snapshot().queuedMessages == 1 + 10 + 1
    come_back(site, served)
    site.run(10)
    assert served.snapshot().queuedMessages == 0
    (started,), (stopped,) = site.supervision.started, site.supervision.stopped
    reported = [fact for fact in site.supervision.facts(MeterValuesReported) if isinstance(fact, MeterValuesReported)]
    assert {fact.request.transactionId for fact in reported} == {started.transactionId}
    assert len(reported) == 10
    assert stopped.transactionId == started.transactionId
    assert stopped.request.meterStop - started.request.meterStart == pytest.approx(served.reading(1).energy_wh, abs=1)


@pytest.mark.requirement("OCPP-3.7-3")
def test_station_lets_a_new_transaction_message_wait_until_the_queue_is_empty(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.badge("ONE")
    world.run(10)
    central.errors["StopTransaction"] = "InternalError"
    set_keys(central, TransactionMessageAttempts=3, TransactionMessageRetryInterval=40)
    station.badge("ONE")
    station.unplug(1)
    world.run(5)
    station.plug(2)
    station.badge("TWO")
    world.run(30)
    assert station.status(2) == "Charging", "it charges, the message waits"
    assert [m.action for m in of_transactions(station)] == ["StartTransaction", "StopTransaction"]
    central.errors.clear()
    world.run(10)
    assert [m.action for m in of_transactions(station)][1:4] == [
        "StopTransaction",
        "StopTransaction",
        "StartTransaction",
    ]


@pytest.mark.requirement("OCPP-3.7-4")
def test_other_messages_overtake_a_filled_queue(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    set_keys(central, TransactionMessageAttempts=5, TransactionMessageRetryInterval=600, HeartbeatInterval=50)
    central.errors["StartTransaction"] = "InternalError"
    station.plug(1)
    station.badge("ONE")
    world.run(130)
    queued = station.snapshot().queuedMessages
    assert queued >= 3
    before = len(station.wire.calls())
    station.plug(2)
    station.show(2)
    station.badge("TWO")
    world.run(60)
    assert {"Authorize", "StatusNotification", "Heartbeat"} <= set(station.wire.actions()[before:])
    assert station.wire.actions()[before] == "StatusNotification"
    assert not set(station.wire.actions()[before:]) & set(OF_TRANSACTIONS)
    assert station.snapshot().queuedMessages > queued


@pytest.mark.requirement("GUIDE-VRULE-11")
def test_station_delivers_stored_meter_values_in_time_order_before_live_messages(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    (entry,) = central.ask("GetConfiguration", {"key": ["OfflineTxMsgQueueEnable"]})["configurationKey"]
    assert entry["value"] == "true"
    set_keys(central, MeterValueSampleInterval=10, disconnectedMeterValueSampleInterval=20)
    station.plug(1)
    station.badge("ONE")
    world.run(15)
    station.network_down()
    world.run(300)
    offline = len(of_transactions(station))
    come_back(world, station)
    stored = station.snapshot().queuedMessages
    assert stored >= 15
    # A live message arises while the stored ones are still under way.
    station.badge("ONE")
    world.run(60)
    delivered = of_transactions(station)[offline:]
    moments = [moment(message.payload) for message in delivered]
    assert moments == sorted(moments)
    assert [message.action for message in delivered[:stored]] == ["MeterValues"] * stored
    assert delivered[-1].action == "StopTransaction"


# Sampling while offline.


@pytest.mark.requirement("GUIDE-VRULE-02")
def test_station_samples_offline_in_the_interval_for_it_and_delivers_the_samples_afterwards(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert offline_sample_gaps(world, central, station, "45") == [45.0] * 5


@pytest.mark.requirement("GUIDE-VRULE-03")
def test_station_samples_offline_as_online_when_the_interval_for_it_is_nought(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert offline_sample_gaps(world, central, station, "0") == [30.0] * 8


def offline_sample_gaps(
    world: World, central: ScriptedSupervision, station: SimulatedStation, interval: str
) -> list[float]:
    """The seconds between the samples of 300 s offline, counted from the start of the transaction."""
    set_keys(central, MeterValueSampleInterval=30, disconnectedMeterValueSampleInterval=interval)
    station.plug(1)
    station.badge("ONE")
    station.network_down()
    lost = world.clock_s
    world.run(299)
    assert station.wire.payloads("MeterValues") == []
    station.network_up()
    restored = world.clock_s
    world.run_until(lambda: station.is_connected)
    world.run(5)
    stamps = [epoch(moment(payload)) for payload in station.wire.payloads("MeterValues")]
    offline = [stamp for stamp in stamps if lost <= stamp <= restored]
    return [round(later - earlier, 1) for earlier, later in pairwise(offline)]


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# Repeats.


@pytest.mark.requirement("OCPP-3.7.1-1", "OCPP-3.7.1-2")
@pytest.mark.parametrize(
    ("attempts", "interval_s", "waits_s"),
    [(None, None, [10.0]), (1, 10, []), (2, 10, [10.0]), (3, 60, [60.0, 120.0]), (4, 5, [5.0, 10.0, 15.0])],
)
@pytest.mark.parametrize("failure", ["CALLERROR", "silence"])
def test_station_repeats_a_failing_transaction_message_so_often_and_waits_longer_each_time(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    attempts: int | None,
    interval_s: int | None,
    waits_s: list[float],
    failure: str,
) -> None:
    """The row without numbers is the guide's default: 2 transmissions, 10 s apart. Silence takes 30 s to notice."""
    if attempts is not None and interval_s is not None:
        set_keys(central, TransactionMessageAttempts=attempts, TransactionMessageRetryInterval=interval_s)
    set_keys(central, MeterValueSampleInterval=0)
    noticed_s = 0.0
    if failure == "CALLERROR":
        central.errors["StopTransaction"] = "GenericError"
    else:
        central.silent.add("StopTransaction")
        noticed_s = 30.0
    station.plug(1)
    station.badge("ONE")
    world.run(10)
    station.badge("ONE")
    world.run(1000)
    assert gaps(station.wire.calls("StopTransaction")) == [wait_s + noticed_s for wait_s in waits_s]
    assert len({message.text.partition("{")[2] for message in station.wire.calls("StopTransaction")}) == 1
    assert station.snapshot().queuedMessages == 0
    assert "StopTransaction discarded" in [event.name for event in station.log]


@pytest.mark.requirement("OCPP-3.7.1-3")
def test_station_goes_on_with_the_next_message_when_one_was_discarded(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    set_keys(central, MeterValueSampleInterval=60)
    station.plug(1)
    station.badge("ONE")
    world.run(50)
    central.errors["MeterValues"] = "InternalError"
    world.run(15)
    station.badge("ONE")
    world.run(30)
    assert [m.action for m in of_transactions(station)] == [
        "StartTransaction",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
    ]
    assert station.snapshot().queuedMessages == 0


@pytest.mark.requirement("OCPP-3.7.1-4")
def test_a_lost_connection_is_no_failure_of_a_message(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The message is sent with each new connection, and still has all its attempts."""
    set_keys(central, MeterValueSampleInterval=0)
    station.plug(1)
    station.badge("ONE")
    world.run(10)
    central.silent.add("StopTransaction")
    station.badge("ONE")
    for number in range(1, 8):
        world.run(3)
        assert len(station.wire.calls("StopTransaction")) == number
        station.close_link()
        world.run_until(lambda: station.is_connected)
    assert station.snapshot().queuedMessages == 1
    world.run(300)
    sent = times(station.wire.calls("StopTransaction"))
    assert len(sent) == 7 + 2, "two failures after seven losses"
    assert station.snapshot().queuedMessages == 0


def test_station_remembers_failed_attempts_over_a_power_cut(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    set_keys(central, MeterValueSampleInterval=0, TransactionMessageRetryInterval=600)
    central.errors["StopTransaction"] = "GenericError"
    station.plug(1)
    station.badge("ONE")
    world.run(10)
    station.badge("ONE")
    world.run(5)
    station.cut()
    world.run(5)
    station.power_on()
    world.run(60)
    assert len(station.wire.calls("StopTransaction")) == 2
    assert station.snapshot().queuedMessages == 0


def offline_session(world: World, station: SimulatedStation, lasts_s: float) -> list[str]:
    """A session without a connection that samples every 10 s; the moments of all its samples."""
    station.network_down()
    station.set_key("disconnectedMeterValueSampleInterval", "10")
    station.plug(1)
    station.badge("ONE")
    world.run(lasts_s)
    station.badge("ONE")
    queued = [effect for effect in station.effects if isinstance(effect, SaveRecord) and effect.kind == "queue"]
    payloads = [json.loads(effect.data)[1] for effect in queued if json.loads(effect.data)[0] == "MeterValues"]
    return [moment(payload) for payload in payloads]


@pytest.mark.requirement("OCPP-3.7-1")
def test_station_thins_out_the_middle_of_the_meter_values_when_the_queue_is_full(world: World) -> None:
    """Start, stop, first and last value are told, in order, and the ledger says how many values are not."""
    station = world.add_station(options=StationOptions(queue_limit=10), keys={"MinimumStatusDuration": "0"})
    world.run(5)
    sampled = offline_session(world, station, 1005)
    assert len(sampled) == 100
    queued = station.snapshot().queuedMessages
    assert 3 < queued <= 11
    assert "MeterValues discarded" in [event.name for event in station.log]
    (row,) = station.snapshot().givenUp
    assert (row.action, row.cause) == ("MeterValues", Cause.ROOM)
    assert row.count + queued - 2 == len(sampled)
    come_back(world, station)
    world.run(10)
    messages = of_transactions(station)
    assert [m.action for m in messages] == ["StartTransaction", *["MeterValues"] * (queued - 2), "StopTransaction"]
    told = [moment(message.payload) for message in messages[1:-1]]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (sampled[0], sampled[-1])


def test_station_keeps_every_start_and_stop_however_full_the_queue_is(world: World) -> None:
    station = world.add_station(options=StationOptions(queue_limit=10), keys={"MinimumStatusDuration": "0"})
    world.run(5)
    for _ in range(8):
        offline_session(world, station, 65)
        station.unplug(1)
        world.run(10)
    assert station.snapshot().queuedMessages >= 16
    come_back(world, station)
    world.run(30)
    actions = [message.action for message in of_transactions(station) if message.action != "MeterValues"]
    assert actions == ["StartTransaction", "StopTransaction"] * 8
    assert {row.action for row in station.snapshot().givenUp} == {"MeterValues"}


# What is given up stands in a ledger.


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction"])
def test_ledger_says_what_the_supervision_will_never_hear_of(
    world: World, central: ScriptedSupervision, station: SimulatedStation, action: str
) -> None:
    """It outlives a power cut, and holds what the message would have said."""
    set_keys(central, MeterValueSampleInterval=0)
    central.errors[action] = "InternalError"
    station.plug(1)
    station.badge("ONE")
    world.run(60)
    station.badge("ONE")
    world.run(60)
    stop = action == "StopTransaction"
    (payload,) = station.wire.payloads(action)[:1]
    for _ in range(2):
        (row,) = station.snapshot().givenUp
        assert (row.number, row.action, row.cause, row.count) == (1, action, Cause.ATTEMPTS, 1)
        assert row.detail == "2 transmissions failed, the last with InternalError"
        assert row.said["timestamp"] == payload["timestamp"]
        assert row.said["meterStop" if stop else "meterStart"] == payload["meterStop" if stop else "meterStart"]
        assert row.givenUpAt is not None
        station.cut()
        world.run(5)
        station.power_on()
        world.run(60)


def test_ledger_counts_the_meter_values_of_a_transaction_that_were_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    set_keys(central, MeterValueSampleInterval=60)
    central.errors["MeterValues"] = "InternalError"
    station.plug(1)
    station.badge("ONE")
    world.run(315)
    (row,) = station.snapshot().givenUp
    assert (row.action, row.cause, row.count) == ("MeterValues", Cause.ATTEMPTS, 5)
    assert row.said["transactionId"] == 1
    assert row.said["timestamp"] == moment(station.wire.payloads("MeterValues")[-1])


@pytest.mark.parametrize("number", range(1, 12))
def test_ledger_and_wire_agree_when_power_is_cut_while_a_message_is_given_up(
    world: World, central: ScriptedSupervision, station: SimulatedStation, number: int
) -> None:
    """Whatever effect it is cut after: what was delivered in the end is not in the ledger, and the rest is."""
    set_keys(central, MeterValueSampleInterval=0, TransactionMessageAttempts=1)
    station.plug(1)
    station.badge("ONE")
    world.run(30)
    central.errors["StopTransaction"] = "InternalError"
    station.cut_after = number
    station.badge("ONE")
    world.run(30)
    central.errors.clear()
    if not station.has_power:
        station.power_on()
        world.run(30)
    given_up = [row.action for row in station.snapshot().givenUp]
    answers = [m for m in station.wire.messages if m.action == "StopTransaction" and m.kind == "CALLRESULT"]
    assert len(given_up) + len(answers) == 1
    assert station.snapshot().queuedMessages == 0


# A start that was never delivered.


@pytest.mark.requirement("OCPP-4.8-8")
@pytest.mark.parametrize("failure", ["CALLERROR", "silence", "nonsense"])
def test_later_messages_carry_minus_one_when_the_start_could_never_be_delivered(
    world: World, central: ScriptedSupervision, station: SimulatedStation, failure: str
) -> None:
    set_keys(central, MeterValueSampleInterval=60)
    if failure == "CALLERROR":
        central.errors["StartTransaction"] = "InternalError"
    elif failure == "silence":
        central.silent.add("StartTransaction")
    else:
        central.answers["StartTransaction"] = {"transactionId": "many"}
    station.plug(1)
    station.badge("ONE")
    world.run(200)
    assert station.status(1) == "Charging"
    station.badge("ONE")
    world.run(30)
    assert len(station.wire.calls("StartTransaction")) == 2
    assert [payload["transactionId"] for payload in station.wire.payloads("MeterValues")] == [-1, -1, -1]
    assert [payload["transactionId"] for payload in station.wire.payloads("StopTransaction")] == [-1]
    assert station.snapshot().queuedMessages == 0
