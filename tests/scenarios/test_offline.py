"""Starting and sampling without the supervision (guide, "Offline Strategies"; readings A20, A33)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


def change(central: ScriptedSupervision, name: str, value: str) -> None:
    assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}


def come_back(world: World, station: SimulatedStation) -> None:
    station.network_up()
    world.run_until(lambda: station.is_connected, within_s=300)
    world.run(5)


def started(station: SimulatedStation) -> list[str]:
    return [payload["idTag"] for payload in station.wire.payloads("StartTransaction")]


@pytest.mark.requirement("GUIDE-OFF-01", "GUIDE-MODE-33", "GUIDE-KEY-01")
@pytest.mark.parametrize("local", ["true", "false"])
def test_every_badge_starts_offline_by_default(
    world: World, central: ScriptedSupervision, station: SimulatedStation, local: str
) -> None:
    """Nobody has touched AllowOfflineTxForUnknownId, and no badge is known here at all."""
    change(central, "LocalAuthorizeOffline", local)
    station.network_down()
    world.run(30)
    for badge in ("NEVER-SEEN", "04E91C5A2F6B80", "x"):
        station.plug()
        world.run(5)
        station.badge(badge)
        world.run(30)
        assert station.status() == "Charging", badge
        station.unplug()
        world.run(5)
    come_back(world, station)
    assert started(station) == ["NEVER-SEEN", "04E91C5A2F6B80", "x"]
    assert not station.wire.calls("Authorize")


@pytest.mark.requirement("GUIDE-MODE-33", "GUIDE-KEY-01")
def test_every_badge_starts_offline_after_the_key_was_set_true_again(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for value, status in (("false", "Preparing"), ("true", "Charging")):
        change(central, "AllowOfflineTxForUnknownId", value)
        station.network_down()
        station.plug()
        world.run(5)
        station.badge("NEVER-SEEN")
        world.run(30)
        assert station.status() == status
        station.unplug()
        come_back(world, station)


@pytest.mark.requirement("GUIDE-MODE-37", "GUIDE-KEY-01")
@pytest.mark.parametrize("lists", ["true", "false"])
def test_no_badge_starts_offline_with_reject_all(
    world: World, central: ScriptedSupervision, station: SimulatedStation, lists: str
) -> None:
    """Not even one that the supervision accepted a minute ago, whatever else is enabled."""
    change(central, "AuthorizationCacheEnabled", lists)
    change(central, "LocalAuthListEnabled", lists)
    change(central, "AllowOfflineTxForUnknownId", "false")
    change(central, "LocalAuthorizeOffline", "false")
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(30)
    station.badge("TAG1")
    world.run(5)
    station.unplug()
    world.run(5)
    assert started(station) == ["TAG1"]
    station.network_down()
    station.plug()
    for badge in ("TAG1", "NEVER-SEEN"):
        world.run(5)
        station.badge(badge)
        world.run(30)
        assert station.status() == "Preparing"
        assert station.reading().power_w == 0
    come_back(world, station)
    world.run(60)
    assert started(station) == ["TAG1"]


@pytest.mark.requirement("GUIDE-KEY-01", "OCPP-9.1-4")
@pytest.mark.parametrize(("value", "status"), [("true", "Charging"), ("false", "Preparing")])
def test_authorize_without_an_answer_is_decided_as_offline_after_30_s(
    world: World, central: ScriptedSupervision, station: SimulatedStation, value: str, status: str
) -> None:
    change(central, "AllowOfflineTxForUnknownId", value)
    central.silent.add("Authorize")
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(29)
    assert station.status() == "Preparing"
    world.run(30)
    assert station.status() == status


@pytest.mark.parametrize(("value", "status"), [("true", "Charging"), ("false", "Preparing")])
def test_authorize_whose_connection_is_lost_is_decided_as_offline_at_once(
    world: World, central: ScriptedSupervision, station: SimulatedStation, value: str, status: str
) -> None:
    change(central, "AllowOfflineTxForUnknownId", value)
    central.silent.add("Authorize")
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(2)
    station.network_down()
    world.run(10)
    assert station.status() == status


def test_station_that_was_never_accepted_starts_nothing(world: World, central: ScriptedSupervision) -> None:
    """4.2.1: whom it belongs to is not known yet."""
    central.refuses = 404
    station = world.add_station()
    world.run(30)
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(30)
    assert station.status() == "Preparing"


@pytest.mark.requirement("GUIDE-VRULE-02", "GUIDE-VKEY-10")
@pytest.mark.parametrize("interval", [5, 300, None])
def test_samples_are_taken_every_disconnected_interval_and_delivered_after_the_reconnect(
    world: World, central: ScriptedSupervision, station: SimulatedStation, interval: int | None
) -> None:
    """None: the key's default of 900 s."""
    if interval is not None:
        change(central, "disconnectedMeterValueSampleInterval", str(interval))
    seconds = interval or 900
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(1)
    (start,) = station.wire.calls("StartTransaction")
    station.network_down()
    world.run(seconds * 3)
    assert not station.wire.calls("MeterValues")
    back_at = world.now
    come_back(world, station)
    world.run(5)
    offline = [call for call in station.wire.calls("MeterValues") if taken_at(call.payload) < back_at]
    assert all(call.at >= back_at for call in offline)
    assert [taken_at(call.payload) for call in offline] == [
        pytest.approx(start.at + seconds * count, abs=0.01) for count in (1, 2, 3)
    ]
    assert {call.payload["transactionId"] for call in offline} == {1}


@pytest.mark.requirement("GUIDE-VRULE-03", "GUIDE-VKEY-10")
@pytest.mark.parametrize(("online", "count"), [("45", 4), ("0", 0)])
def test_disconnected_interval_0_keeps_the_online_one(
    world: World, central: ScriptedSupervision, station: SimulatedStation, online: str, count: int
) -> None:
    change(central, "disconnectedMeterValueSampleInterval", "0")
    change(central, "MeterValueSampleInterval", online)
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(1)
    (start,) = station.wire.calls("StartTransaction")
    station.network_down()
    world.run(190)
    back_at = world.now
    come_back(world, station)
    taken = [taken_at(payload) for payload in station.wire.payloads("MeterValues")]
    assert [at for at in taken if at < back_at] == [
        pytest.approx(start.at + 45 * number, abs=0.01) for number in range(1, count + 1)
    ]


@pytest.mark.requirement("GUIDE-VRULE-04")
def test_disconnected_interval_takes_0_and_5_to_3600(central: ScriptedSupervision, station: SimulatedStation) -> None:
    name = "disconnectedMeterValueSampleInterval"
    for value in ("0", "5", "3600"):
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}
    for value in ("1", "4", "3601", "-1", "-5"):
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Rejected"}


def taken_at(payload: dict[str, object]) -> float:
    """Seconds of the world at which a sample was taken; the world begins at 08:00."""
    values = payload["meterValue"]
    assert isinstance(values, list)
    clock = str(values[0]["timestamp"]).partition("T")[2].rstrip("Z")
    hours, minutes, seconds = clock.split(":")
    return (int(hours) - 8) * 3600 + int(minutes) * 60 + float(seconds)
