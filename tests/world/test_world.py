from __future__ import annotations

from datetime import UTC, datetime
from math import inf

import pytest

from forecourt.evlink.models import UnknownModel
from forecourt.ocpp.core import GetConfigurationRequest, ResetRequest, ResetType
from forecourt.station.effects import CloseContactor
from forecourt.supervision.facts import Policy
from forecourt.supervision.outcomes import Answered, ConnectionLost, NotConnected
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.simulated_station import SimulatedStation
from forecourt.world.wire import RECEIVED, Wire
from forecourt.world.world import World, WorldError


def a_day(seed: int) -> list[str]:
    """A day with losses of network and power, badges and a reset; every frame with its moment."""
    world = World(seed)
    world.supervision.register("TAG1", "TAG2")
    stations = [world.add_station(f"CP-{number}", model="EVD1S180TBB") for number in (1, 2)]
    world.run(60)
    for station in stations:
        station.plug(1)
        station.badge("TAG1")
        world.run(300)
        station.network_down()
        world.run(400)
        station.plug(2)
        station.show(2)
        station.badge("TAG2")
        world.run(200)
        station.network_up()
        world.run(600)
        station.cut()
        world.run(60)
        station.power_on()
        world.run(600)
        world.supervision.ask(station.identity, ResetRequest(type=ResetType.Soft))
    world.run(20_000)
    return [f"{message.at!r} {message.direction} {message.text}" for s in stations for message in s.wire.messages]


def test_world_does_the_same_byte_for_byte_when_it_has_the_same_seed() -> None:
    first = a_day(5)
    assert len(first) > 400
    assert a_day(5) == first
    assert a_day(6) != first


def test_world_jumps_from_deadline_to_deadline_and_passes_none() -> None:
    world = World(central=ScriptedSupervision)
    happened: list[tuple[float, str]] = []
    world.later(3.0, lambda: happened.append((world.now, "third")))
    world.later(1.0, lambda: happened.append((world.now, "first")))
    world.later(1.0, lambda: happened.append((world.now, "second")))
    world.later(1.0, lambda: world.later(0.5, lambda: happened.append((world.now, "within"))))
    world.later(5.0, lambda: happened.append((world.now, "too late")))
    world.run(4)
    assert happened == [(1.0, "first"), (1.0, "second"), (1.5, "within"), (3.0, "third")]
    assert world.now == 4.0
    world.run(1)
    assert happened[-1] == (5.0, "too late")


def test_world_takes_a_month_in_a_moment_when_nothing_happens() -> None:
    world = World()
    world.run(30 * 86_400)
    assert world.clock_s == datetime(2026, 4, 1, 8, tzinfo=UTC).timestamp()


def test_world_stops_as_soon_as_what_is_waited_for_is_true() -> None:
    world = World()
    world.later(7.0, lambda: None)
    world.later(9.0, lambda: None)
    world.run_until(lambda: world.now >= 7.0)
    assert world.now == 7.0


def test_world_complains_when_what_is_waited_for_does_not_happen() -> None:
    world = World()
    with pytest.raises(WorldError, match="did not happen within 20"):
        world.run_until(lambda: False, within_s=20)
    assert world.now == 20.0


def test_world_complains_when_time_does_not_get_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecourt.world.world.STEPS_LIMIT", 100)
    world = World()

    def again() -> None:
        world.later(0.0, again)

    again()
    with pytest.raises(WorldError, match="100 deadlines passed"):
        world.run(10)


def test_world_refuses_a_station_of_a_model_that_does_not_exist() -> None:
    with pytest.raises(UnknownModel):
        World().add_station(model="EVD9")


def test_frames_take_their_time_and_stay_in_order() -> None:
    world = World(latency_s=0.5, central=ScriptedSupervision)
    station = world.add_station()
    world.run(20)
    boot = station.wire.calls("BootNotification")[0]
    answer = next(m for m in station.wire.messages if m.id == boot.id and m.direction == RECEIVED)
    first_status = station.wire.calls("StatusNotification")[0]
    assert boot.at == 0.5
    assert answer.at == 1.0, "half a second there"
    assert first_status.at == 1.5, "and half a second back"
    assert [message.at for message in station.wire.messages] == sorted(message.at for message in station.wire.messages)


def test_frames_under_way_are_lost_when_the_connection_breaks() -> None:
    world = World(central=ScriptedSupervision)
    station = world.add_station(keys={"MinimumStatusDuration": "0"})
    world.run(5)
    station.plug(1)
    sent = station.wire.calls()[-1]
    station.close_link()
    world.run(1)
    assert not [m for m in station.wire.messages if m.id == sent.id and m.direction == RECEIVED]


def test_frames_under_way_arrive_when_the_station_itself_closes() -> None:
    """A reset without a transaction reboots at once after its answer, which reaches the operator."""
    world = World()
    station = world.add_station()
    world.run(5)
    outcome = world.supervision.ask(station.identity, ResetRequest(type=ResetType.Hard))
    assert isinstance(outcome, Answered)
    assert not station.is_connected


def test_supervision_tells_the_operator_that_a_station_is_away_or_went_away() -> None:
    world = World(latency_s=1.0)
    station = world.add_station()
    assert isinstance(world.supervision.ask("CP-1", GetConfigurationRequest()), NotConnected)
    world.run(20)
    command = world.supervision.command("CP-1", GetConfigurationRequest())
    station.network_down()
    assert isinstance(world.supervision.outcome(command), ConnectionLost)


def test_supervision_with_closed_enrolment_refuses_whom_it_does_not_know() -> None:
    world = World()
    world.supervision.policy(Policy(open_enrolment=False))
    station = world.add_station()
    world.run(60)
    assert not station.is_connected
    assert "404" in station.snapshot().link.problem
    world.supervision.rule("CP-1", "Accepted")
    world.run(120)
    assert station.is_connected


def test_station_without_power_hears_and_does_nothing() -> None:
    world = World()
    station = world.add_station(powered=False)
    station.plug(1)
    world.run(60)
    assert station.wire.messages == []
    assert station.next_deadline() == inf
    station.power_on()
    world.run(60)
    assert station.connector(1).plugged


def test_station_dies_after_the_effect_that_was_counted_out() -> None:
    world = World(central=ScriptedSupervision)
    station = world.add_station(powered=False)
    station.cut_after = 2
    station.power_on()
    assert not station.has_power
    assert len(station.effects) == 2
    station.power_on()
    assert station.has_power, "once is enough"


def test_power_that_returns_at_once_is_no_second_connection() -> None:
    world = World(central=ScriptedSupervision)
    station = world.add_station()
    station.cut()
    station.power_on()
    world.run(5)
    assert len(station.wire.calls("BootNotification")) == 1


def test_energy_flows_only_while_power_is_there() -> None:
    world = World()
    world.supervision.register("TAG1")
    station = world.add_station(model="EVD1S180TBB")
    world.run(20)
    station.plug(1)
    station.badge("TAG1")
    world.run(60)
    assert any(isinstance(effect, CloseContactor) for effect in station.effects)
    station.power_off()
    energy_wh = station.reading(1).energy_wh
    assert energy_wh > 0
    assert station.has_power
    world.run(60)
    assert not station.has_power
    assert station.reading(1).energy_wh == energy_wh


# The wire.


def test_wire_names_an_answer_by_what_it_answers() -> None:
    wire = Wire()
    wire.note(1.0, ">", b'[2,"1","Heartbeat",{}]')
    wire.note(1.0, "<", b'[2,"1","Reset",{"type":"Soft"}]')
    assert wire.note(2.0, "<", b'[3,"1",{"currentTime":"x"}]').action == "Heartbeat"
    error = wire.note(2.0, ">", b'[4,"1","InternalError","why",{}]')
    assert (error.kind, error.action) == ("CALLERROR", "Reset")
    assert error.payload == {"code": "InternalError", "description": "why", "details": {}}
    assert wire.actions() == ["Heartbeat"]
    assert [message.action for message in wire.calls(direction="<")] == ["Reset"]


@pytest.mark.parametrize("text", [b"", b"[", b"{}", b"[2]", b'[9,"1","x"]', b"\xff"])
def test_wire_notes_what_is_no_message_as_text(text: bytes) -> None:
    message = Wire().note(1.0, ">", text)
    assert (message.kind, message.action, message.payload) == ("text", "", {})


def test_simulated_station_is_what_the_world_gives() -> None:
    assert isinstance(World().add_station(), SimulatedStation)
