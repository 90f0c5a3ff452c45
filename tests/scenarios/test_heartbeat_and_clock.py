"""Heartbeats, the clock they set, and the timestamps that come from it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.supervision.facts import StatusReported, TransactionStarted
from forecourt.world.world import START

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

DAY_S = 86_400
BOOTED_S = 1.0
"""By then the boot is accepted in these worlds."""
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
TIME_FIELDS = {"timestamp", "currentTime", "expiryDate", "startSchedule", "validFrom", "validTo"}


def moments(payload: Any) -> Iterator[str]:
    """Every field of a payload that holds a time."""
    if isinstance(payload, dict):
        for name, value in payload.items():
            if name in TIME_FIELDS:
                yield value
            else:
                yield from moments(value)
    elif isinstance(payload, list):
        for item in payload:
            yield from moments(item)


def heartbeats(station: SimulatedStation) -> list[float]:
    return [message.at for message in station.wire.calls("Heartbeat")]


@pytest.mark.requirement("OCPP-4.6-1")
def test_station_sends_heartbeat_when_nothing_was_exchanged_for_the_interval(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "100"})
    quiet_since = world.now
    world.run(50)
    assert heartbeats(station) == []
    central.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
    exchanged_at = world.now
    world.run(99)
    assert heartbeats(station) == [], "the exchange stands in for a Heartbeat"
    world.run(2)
    assert len(heartbeats(station)) == 1
    assert heartbeats(station)[0] == pytest.approx(exchanged_at + 100, abs=0.1)
    assert heartbeats(station)[0] > quiet_since + 100
    world.run(100)
    assert heartbeats(station)[1] - heartbeats(station)[0] == pytest.approx(100, abs=0.1)


def test_station_goes_on_with_heartbeats_when_one_gets_no_answer(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "100"})
    central.silent.add("Heartbeat")
    world.run(450)
    assert len(heartbeats(station)) == 4


def test_station_has_one_heartbeat_under_way_when_the_interval_is_shorter_than_the_answer(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "1"})
    central.silent.add("Heartbeat")
    world.run(29)
    central.silent.clear()
    world.run(1.5)
    assert len(heartbeats(station)) == 1


@pytest.mark.requirement("OCPP-4.6-5")
def test_station_sends_heartbeat_once_a_day_when_other_messages_never_leave_room_for_one(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": str(7 * DAY_S)})
    for _ in range(3 * 24):
        world.run(3600)
        central.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
    sent = heartbeats(station)
    assert len(sent) == 3
    assert all(later - earlier <= DAY_S for earlier, later in zip([BOOTED_S, *sent], sent, strict=False))


def test_station_makes_up_for_the_daily_heartbeat_when_it_fell_due_offline(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": str(7 * DAY_S)})
    world.run(DAY_S - 600)
    station.network_down()
    world.run(1200)
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(1)
    assert len(heartbeats(station)) == 1
    world.run(DAY_S)
    assert len(heartbeats(station)) == 2


@pytest.mark.requirement("OCPP-4.6-3")
def test_station_takes_the_time_of_the_heartbeat_answer(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert station.snapshot().clock == START + timedelta(seconds=world.now)
    hour_later = timedelta(hours=1)
    central.answers["Heartbeat"] = lambda _: {
        "currentTime": (START + timedelta(seconds=world.now) + hour_later).isoformat()
    }
    world.run(400)
    assert len(heartbeats(station)) == 1
    assert abs(station.snapshot().clock - (START + timedelta(seconds=world.now) + hour_later)) < timedelta(seconds=0.1)
    station.plug(1)
    told = datetime.fromisoformat(station.wire.payloads("StatusNotification")[-1]["timestamp"])
    assert abs(told - (START + timedelta(seconds=world.now) + hour_later)) < timedelta(seconds=0.1)


@pytest.mark.parametrize("nonsense", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
def test_station_keeps_its_clock_when_the_supervision_tells_a_nonsensical_time(
    world: World, central: ScriptedSupervision, station: SimulatedStation, nonsense: str
) -> None:
    central.answers["Heartbeat"] = {"currentTime": nonsense}
    world.run(400)
    station.plug(1)
    assert abs(station.snapshot().clock - (START + timedelta(seconds=world.now))) < timedelta(seconds=0.1)


@pytest.mark.requirement("OCPP-3.15-1")
def test_both_sides_write_every_timestamp_in_utc_with_z(site: World, served: SimulatedStation) -> None:
    served.set_key("StopTxnSampledData", "SoC")
    served.plug(1)
    served.badge("TAG1")
    site.run(200)
    served.badge("TAG1")
    site.run(3600)
    seen: dict[tuple[str, str], list[str]] = {}
    for message in served.wire.messages:
        seen.setdefault((message.kind, message.action), []).extend(moments(message.payload))
    for expected in (
        ("CALL", "StatusNotification"),
        ("CALL", "StartTransaction"),
        ("CALL", "MeterValues"),
        ("CALL", "StopTransaction"),
        ("CALLRESULT", "BootNotification"),
        ("CALLRESULT", "Heartbeat"),
    ):
        assert seen[expected], expected
    for where, texts in seen.items():
        assert [text for text in texts if not TIMESTAMP.fullmatch(text)] == [], where


@pytest.mark.requirement("OCPP-3.15-2")
@pytest.mark.parametrize(
    ("text", "fraction_ms"),
    [
        ("2027-05-04T10:20:30Z", 0),
        ("2027-05-04T10:20:30.5Z", 500),
        ("2027-05-04T10:20:30.250000Z", 250),
        ("2027-05-04T12:20:30+02:00", 0),
        ("2027-05-04T04:50:30.125-05:30", 125),
        ("2027-05-04T10:20:30.000000100+00:00", 0),
    ],
)
def test_both_sides_understand_a_timestamp_with_fraction_or_zone_as_the_same_instant(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    site: World,
    served: SimulatedStation,
    text: str,
    fraction_ms: int,
) -> None:
    instant = datetime(2027, 5, 4, 10, 20, 30, fraction_ms * 1000, tzinfo=UTC)
    central.answers["Heartbeat"] = {"currentTime": text}
    world.run_until(lambda: len(heartbeats(station)) == 1)
    world.run_until(lambda: station.snapshot().clock.year == 2027, within_s=1)
    assert abs(station.snapshot().clock - instant) < timedelta(milliseconds=2)

    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": text}
    served.say(msgspec.json.encode([2, "t-1", "StatusNotification", status]))
    start = {"connectorId": 2, "idTag": "TAG1", "meterStart": 0, "timestamp": text}
    served.say(msgspec.json.encode([2, "t-2", "StartTransaction", start]))
    site.run(1)
    told = [
        fact.request.timestamp for fact in site.supervision.facts(StatusReported) if isinstance(fact, StatusReported)
    ]
    assert told[-1] == instant
    (started,) = site.supervision.facts(TransactionStarted)
    assert isinstance(started, TransactionStarted)
    assert started.request.timestamp == instant


def test_station_measures_a_day_for_clock_aligned_values_anew_when_its_clock_was_moved(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """08:00 becomes 09:07:30: the next quarter of an hour is 09:15."""
    central.ask("ChangeConfiguration", {"key": "ClockAlignedDataInterval", "value": "900"})
    central.ask("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "0"})
    station.plug(1)
    station.badge("TAG")
    jump = timedelta(hours=1, minutes=5)
    central.answers["Heartbeat"] = lambda _: {"currentTime": (START + timedelta(seconds=world.now) + jump).isoformat()}
    central.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"})
    world.run(900)
    (values,) = station.wire.payloads("MeterValues")
    assert values["meterValue"][0]["timestamp"] == "2026-03-02T09:15:00Z"
