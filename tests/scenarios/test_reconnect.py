"""The connection: how it is tried again, how it is watched, and what happens once it is back."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


@pytest.mark.requirement("J-3.2-4")
@pytest.mark.parametrize("status", [401, 404, 503, None])
def test_station_tries_for_ever_with_growing_waits_when_it_is_refused(
    world: World, central: ScriptedSupervision, status: int | None
) -> None:
    """None is a network without anybody. Each wait is 3 s and a chance of 10 s more, doubled three times at most."""
    station = world.add_station(powered=False)
    if status is None:
        station.network_down()
    central.refuses = status
    station.power_on()
    world.run(7 * 86_400)
    waits = gaps(station.link_attempts)
    assert len(waits) > 5_000
    for number, wait in enumerate(waits):
        doubled = 2 ** min(number, 3)
        assert 3 * doubled <= wait <= 13.1 * doubled
    assert len({round(wait, 3) for wait in waits}) > 1_000, "chance has a part in it"
    assert station.snapshot().link.state == "waiting"
    assert station.snapshot().link.problem
    central.refuses = None
    station.network_up()
    world.run(130)
    assert station.snapshot().boot == "Accepted"
    assert station.snapshot().link.problem == ""


def test_stations_do_not_come_back_all_at_once_when_the_supervision_was_away(
    world: World, central: ScriptedSupervision
) -> None:
    stations = [world.add_station(f"CP-{number}") for number in range(30)]
    world.run(5)
    for station in stations:
        station.close_link(1001, "the supervision ends")
    world.run(20)
    back = sorted(station.link_attempts[-1] for station in stations)
    assert back[-1] - back[0] > 5
    assert len({round(at, 2) for at in back}) > 20


def test_station_starts_with_short_waits_again_when_a_connection_had_come_about(
    world: World, station: SimulatedStation
) -> None:
    station.network_down()
    world.run(600)
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(10)
    lost = world.now
    station.close_link()
    world.run_until(lambda: station.is_connected)
    assert world.now - lost <= 13.1


@pytest.mark.requirement("J-5.3-2")
def test_station_pings_in_its_interval_and_closes_when_no_pong_comes(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    before = station.pings
    assert central.ask("ChangeConfiguration", {"key": "WebSocketPingInterval", "value": "50"})["status"] == "Accepted"
    world.run(49)
    assert station.pings == before
    world.run(450)
    assert station.pings == before + 9
    assert station.is_connected
    assert len(station.link_attempts) == 1

    station.answers_pings = False
    world.run_until(lambda: not station.is_connected, within_s=50 + 20 + 1)
    assert "no pong" in station.snapshot().link.problem
    station.answers_pings = True
    world.run(20)
    assert station.is_connected
    pings = station.pings
    world.run(500)
    assert station.pings in (pings + 9, pings + 10)
    assert len(station.link_attempts) == 2


def test_station_sends_no_ping_when_the_interval_is_nought(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.answers_pings = False
    central.ask("ChangeConfiguration", {"key": "WebSocketPingInterval", "value": "0"})
    pings = station.pings
    world.run(3600)
    assert station.pings == pings
    assert station.is_connected


def test_station_tolerates_a_late_pong_when_pings_are_more_frequent_than_patience(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.answers_pings = False
    central.ask("ChangeConfiguration", {"key": "WebSocketPingInterval", "value": "5"})
    world.run(5.5)
    world.run(14)
    assert station.is_connected
    world.run(10)
    assert not station.is_connected


@pytest.mark.requirement("OCPP-3.5.4-3")
def test_station_sends_the_start_of_every_transaction_begun_offline_after_it_reconnected(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.network_down()
    station.plug(1)
    station.badge("ONE")
    world.run(60)
    station.badge("ONE")
    station.unplug(1)
    world.run(20)
    station.plug(1)
    station.badge("TWO")
    station.plug(2)
    station.show(2)
    station.badge("THREE")
    world.run(60)
    assert station.wire.payloads("StartTransaction") == []
    station.network_up()
    world.run(200)
    starts = station.wire.payloads("StartTransaction")
    assert [(start["connectorId"], start["idTag"]) for start in starts] == [(1, "ONE"), (1, "TWO"), (2, "THREE")]
    assert [start["timestamp"] for start in starts] == sorted(start["timestamp"] for start in starts)
    assert starts[0]["meterStart"] == 0
    assert starts[1]["meterStart"] > 0


def test_station_ignores_what_comes_from_a_connection_that_has_ended(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The answer to a StartTransaction is under way when the connection is lost: the message is sent again."""
    station.plug(1)
    station.badge("TAG")
    world.run_until(lambda: bool(station.wire.calls("StartTransaction")))
    station.network_down()
    world.run(1)
    assert station.connector(1).transaction is not None
    station.network_up()
    world.run(30)
    first, second = station.wire.calls("StartTransaction")
    assert first.payload == second.payload
    assert first.id != second.id
