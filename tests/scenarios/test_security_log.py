"""The security log: what it keeps, for how long, and that no power cut takes it away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.station import events as happened
from forecourt.station.security_log import LOG_LIMIT
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.simulated_station import SimulatedStation

FOLDER = "http://files.example/logs"
KEY = "0123456789abcdef0123456789abcdef"
DOOR = "0x10020C"


def log_of(world: World) -> list[dict[str, Any]]:
    """The security log as the station uploads it now."""
    assert isinstance(world.central, ScriptedSupervision)
    world.files.uploads.clear()
    answer = world.central.ask("GetLog", {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": FOLDER}})
    if "filename" not in answer:
        return []
    world.run(10)
    (part,) = world.files.uploads[f"{FOLDER}/{answer['filename']}"]
    return [msgspec.json.decode(line) for line in part.data.splitlines()]


def types(world: World) -> list[str]:
    return [line["type"] for line in log_of(world)]


def replay(station: SimulatedStation, central: ScriptedSupervision) -> None:
    for _ in range(2):
        central.send('[2,"r","ClearCache",{}]')


HAPPENINGS: dict[str, Callable[[SimulatedStation, ScriptedSupervision], object]] = {
    "SettingSystemTime": lambda station, central: central.answers.update(
        Heartbeat={"currentTime": "2026-03-02T09:00:00Z"}
    ),
    "MemoryExhaustion": lambda station, central: station.happen(happened.SaveFailed("disk full")),
    "TamperDetectionActivated": lambda station, central: station.fault(DOOR, 0),
    "SecurityLogWasCleared": lambda station, central: station.happen(happened.SecurityLogCleared()),
    "ReconfigurationOfSecurityParameters": lambda station, central: station.set_key("AuthorizationKey", KEY),
    "InvalidMessages": lambda station, central: central.send("[]"),
    "AttemptedReplayAttacks": replay,
    "ResetOrReboot": lambda station, central: station.reboot(),
}


@pytest.mark.requirement("WP-A04.FR.04")
@pytest.mark.parametrize("kind", HAPPENINGS)
def test_event_is_in_the_log_when_it_has_happened_with_its_time(
    world: World, central: ScriptedSupervision, kind: str
) -> None:
    """StartupOfTheDevice is in it from the start; the events of firmware and of certificates are proved with those."""
    central.interval_s = 20
    station = world.add_station(keys={"MinimumStatusDuration": "0"})
    world.run(5)
    assert types(world) == ["StartupOfTheDevice"]
    HAPPENINGS[kind](station, central)
    world.run(60)
    entries = [line for line in log_of(world) if line["type"] == kind]
    assert entries
    assert entries[0]["timestamp"].startswith("2026-03-02T0")
    assert set(entries[0]) == {"sequence", "timestamp", "type", "techInfo"}


@pytest.mark.requirement("WP-8-8", "WP-A04.FR.04")
def test_refused_credentials_are_in_the_log_as_often_as_they_were_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.refuses = 401
    station.close_link()
    world.run(100)
    tried = len(station.link_attempts)
    central.refuses = None
    world.run_until(lambda: station.is_connected)
    world.run(5)
    entries = [line for line in log_of(world) if line["type"] == "FailedToAuthenticateAtCentralSystem"]
    assert len(entries) == tried - 1 >= 3
    central.refuses = 503
    station.close_link()
    world.run(100)
    central.refuses = None
    world.run_until(lambda: station.is_connected)
    world.run(5)
    assert len([line for line in log_of(world) if line["type"] == "FailedToAuthenticateAtCentralSystem"]) == tried - 1


@pytest.mark.requirement("WP-A04.FR.04")
def test_log_outlives_power_cuts_and_is_numbered_over_all_lives(world: World, station: SimulatedStation) -> None:
    station.fault(DOOR, 0)
    for _ in range(3):
        station.cut()
        world.run(5)
        station.power_on()
        world.run(10)
    log = log_of(world)
    assert [line["sequence"] for line in log] == [1, 2, 3, 4, 5]
    assert [line["type"] for line in log] == [
        "StartupOfTheDevice",
        "TamperDetectionActivated",
        *["StartupOfTheDevice"] * 3,
    ]


@pytest.mark.requirement("WP-A04.FR.04")
def test_log_rolls_and_keeps_the_latest_entries(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for number in range(LOG_LIMIT + 30):
        central.send(f"nonsense {number}")
        world.run(0.1)
    before = log_of(world)
    assert [line["sequence"] for line in before] == list(range(32, LOG_LIMIT + 32))
    assert len([key for key in station.records if key[0] == "security"]) == LOG_LIMIT
    station.cut()
    station.power_on()
    world.run(10)
    after = log_of(world)
    assert after[:-1] == before[1:]
    assert after[-1]["type"] == "StartupOfTheDevice"


@pytest.mark.requirement("WP-A04.FR.02")
def test_event_that_is_still_to_be_told_is_not_lost_when_the_log_rolls_on(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add("SecurityEventNotification")
    station.fault(DOOR, 0)
    for number in range(LOG_LIMIT + 5):
        central.send(f"nonsense {number}")
        world.run(0.1)
    assert "TamperDetectionActivated" not in types(world)
    station.cut()
    central.silent.clear()
    station.power_on()
    world.run(60)
    told = [payload["type"] for payload in station.wire.payloads("SecurityEventNotification")]
    assert told[-2:] == ["TamperDetectionActivated", "StartupOfTheDevice"]
    assert len([key for key in station.records if key[0] == "security"]) == LOG_LIMIT
    assert len(log_of(world)) == LOG_LIMIT


@pytest.mark.requirement("WP-8-5")
def test_cleared_log_stays_cleared_and_what_was_to_be_told_still_is(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.network_down()
    station.fault(DOOR, 0)
    station.happen(happened.SecurityLogCleared())
    station.cut()
    station.power_on()
    station.network_up()
    world.run(120)
    told = [payload["type"] for payload in station.wire.payloads("SecurityEventNotification")]
    assert told[1:] == ["TamperDetectionActivated", "SecurityLogWasCleared", "StartupOfTheDevice"]
    assert types(world) == ["SecurityLogWasCleared", "StartupOfTheDevice"]
    assert len([key for key in station.records if key[0] == "security"]) == 2


def test_power_cut_after_any_effect_loses_no_entry_that_was_saved_and_tells_none_never() -> None:
    """A door is opened and the station rebooted, and power is cut at each effect: what was saved is told in the end."""

    def begin() -> tuple[World, SimulatedStation]:
        world = World(1, central=ScriptedSupervision)
        return world, world.add_station(keys={"MinimumStatusDuration": "0"}, powered=False)

    def live(world: World, station: SimulatedStation) -> None:
        station.power_on()
        steps: list[Callable[[], None]] = [
            lambda: world.run(10),
            lambda: station.fault(DOOR, 0),
            lambda: world.run(10),
            station.reboot,
        ]
        for step in steps:
            if station.has_power:
                step()
        world.run(100)

    world, station = begin()
    live(world, station)
    for number in range(1, len(station.effects) + 1):
        world, station = begin()
        station.cut_after = number
        live(world, station)
        station.cut_after = None
        if station.has_power:
            station.cut()
        saved = [msgspec.json.decode(data) for (kind, _), data in sorted(station.records.items()) if kind == "security"]
        world.run(1)
        station.power_on()
        world.run(100)
        told = [payload["timestamp"] for payload in station.wire.payloads("SecurityEventNotification")]
        assert {entry["timestamp"] for entry in saved} <= set(told), f"cut after effect {number}"
        assert [line["sequence"] for line in log_of(world)][: len(saved)] == [entry["sequence"] for entry in saved]
