"""What the station says of itself when it asks for a connection: user name and password, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import CloseLink, OpenLink

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

OLD_KEY = "00112233445566778899AABBCCDDEEFF"
NEW_KEY = "FFEEDDCCBBAA99887766554433221100A5A5A5A5"
OLD, NEW = bytes.fromhex(OLD_KEY), bytes.fromhex(NEW_KEY)


def requests(station: SimulatedStation) -> list[OpenLink]:
    return [effect for effect in station.effects if isinstance(effect, OpenLink)]


def change_key(central: ScriptedSupervision, value: str = NEW_KEY) -> str:
    status: str = central.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": value})["status"]
    return status


def test_station_connects_over_ws_without_password_when_no_key_was_given(world: World) -> None:
    station = world.add_station()
    world.run(2)
    (request,) = requests(station)
    assert request.url == "ws://supervision.example/ocpp/CP-1"
    assert request.password is None


@pytest.mark.requirement("WP-A00.FR.203")
def test_station_names_user_and_password_with_every_connection_request_in_profile_1(
    world: World, central: ScriptedSupervision
) -> None:
    station = world.add_station(authorization_key=OLD_KEY)
    world.run(2)
    (profile,) = central.ask("GetConfiguration", {"key": ["SecurityProfile"]})["configurationKey"]
    assert profile["value"] == "1"
    station.close_link()
    world.run(30)
    station.network_down()
    world.run(60)
    station.network_up()
    central.refuses = 503
    world.run(200)
    central.refuses = None
    world.run(200)
    central.ask("Reset", {"type": "Hard"})
    world.run(100)
    assert len(requests(station)) > 6
    assert {(request.identity, request.password) for request in requests(station)} == {("CP-1", OLD)}


def test_station_names_itself_unencoded_as_user_and_encoded_in_the_address(world: World) -> None:
    station = world.add_station("Süd 1/2", authorization_key=OLD_KEY)
    world.run(2)
    (request,) = requests(station)
    assert request.identity == "Süd 1/2"
    assert request.url == "ws://supervision.example/ocpp/S%C3%BCd%201%2F2"


@pytest.mark.parametrize(
    ("profile", "scheme", "password"), [("0", "ws", None), ("1", "ws", OLD), ("2", "wss", OLD), ("3", "wss", None)]
)
def test_station_follows_its_security_profile_in_scheme_and_password(
    world: World, profile: str, scheme: str, password: bytes | None
) -> None:
    station = world.add_station(authorization_key=OLD_KEY, keys={"SecurityProfile": profile})
    world.run(2)
    station.reboot()
    world.run(100)
    assert requests(station)[-1].url.partition("://")[0] == scheme
    assert requests(station)[-1].password == password


@pytest.mark.requirement("WP-A00.FR.003")
@pytest.mark.parametrize(("former", "present"), [("1", "2"), ("1", "3"), ("0", "1"), ("2", "1")])
def test_station_closes_a_connection_that_was_accepted_with_another_profile_than_its_own(
    world: World, former: str, present: str
) -> None:
    """The installer changes the profile while a connection is on its way: not one message goes over that one."""
    station = world.add_station(authorization_key=OLD_KEY, keys={"SecurityProfile": former})
    world.run(30)
    station.close_link()
    attempts = len(requests(station))
    world.run_until(lambda: len(requests(station)) > attempts)
    sent = len(station.wire.messages)
    assert not station.is_connected
    station.set_key("SecurityProfile", present)
    seen = len(station.effects)
    world.run_until(lambda: any(isinstance(effect, CloseLink) for effect in station.effects[seen:]))
    assert len(station.wire.messages) == sent
    closed = next(effect for effect in station.effects[seen:] if isinstance(effect, CloseLink))
    assert closed.reason == f"accepted with security profile {former}, which is {present} now"
    world.run(60)
    assert station.is_connected
    assert requests(station)[-1].url.startswith("wss:" if present in "23" else "ws:")
    assert requests(station)[-1].password == (OLD if present in "12" else None)


@pytest.mark.requirement("WP-A01.FR.01")
def test_station_keeps_its_password_in_the_key_authorizationkey(world: World, central: ScriptedSupervision) -> None:
    """The record of that key is the only place that it has it from: with another value there it sends another."""
    station = world.add_station(authorization_key=OLD_KEY)
    world.run(5)
    assert change_key(central) == "Accepted"
    world.run(60)
    assert requests(station)[-1].password == NEW
    holding = [name for name, data in station.records.items() if NEW_KEY.encode() in data.upper()]
    assert holding == [("key", "AuthorizationKey")]
    station.cut()
    station.records["key", "AuthorizationKey"] = OLD_KEY.encode()
    station.power_on()
    world.run(5)
    assert requests(station)[-1].password == OLD


def test_station_keeps_wss_as_written_in_profile_0(world: World) -> None:
    station = world.add_station(keys={"SupervisionUrl": "wss://secure.example/ocpp"})
    world.run(2)
    station.reboot()
    world.run(100)
    assert requests(station)[-1].url == "wss://secure.example/ocpp/CP-1"
    assert requests(station)[-1].password is None


@pytest.mark.requirement("WP-A01-flow-1")
@pytest.mark.parametrize("profile", ["1", "2"])
def test_station_reconnects_with_its_new_password_and_keeps_its_queue(
    world: World, central: ScriptedSupervision, profile: str
) -> None:
    keys = {"MinimumStatusDuration": "0", "SecurityProfile": profile}
    station = world.add_station(authorization_key=OLD_KEY, keys=keys)
    world.run(30)
    station.plug(1)
    station.badge("TAG")
    world.run(10)
    central.silent.add("StopTransaction")
    station.badge("TAG")
    world.run(5)
    assert station.snapshot().queuedMessages == 1

    assert change_key(central) == "Accepted"
    answer = station.wire.messages[-1]
    assert (answer.kind, answer.action) == ("CALLRESULT", "ChangeConfiguration")
    assert not station.is_connected
    assert station.snapshot().queuedMessages == 1
    central.silent.clear()
    world.run(30)
    assert station.is_connected
    assert central.passwords[-1] == NEW
    stops = [message for message in station.wire.calls("StopTransaction") if message.at > answer.at]
    assert len(stops) == 1
    assert station.snapshot().queuedMessages == 0


def test_station_refuses_a_password_that_is_no_key_and_stays_connected(
    world: World, central: ScriptedSupervision
) -> None:
    station = world.add_station(authorization_key=OLD_KEY)
    world.run(2)
    for value in ("", "secret", "0" * 30, "0" * 33, "0" * 42, "my-literal-password"):
        assert change_key(central, value) == "Rejected"
    world.run(60)
    assert len(requests(station)) == 1


@pytest.mark.parametrize("profile", ["0", "3"])
def test_station_stays_connected_when_its_profile_uses_no_password(
    world: World, central: ScriptedSupervision, profile: str
) -> None:
    station = world.add_station(keys={"SecurityProfile": profile})
    world.run(30)
    before = len(requests(station))
    assert change_key(central) == "Accepted"
    world.run(60)
    assert len(requests(station)) == before


def test_station_uses_a_literal_password_when_the_option_allows_it(world: World, central: ScriptedSupervision) -> None:
    options = StationOptions(literal_authorization_key=True)
    station = world.add_station(authorization_key=OLD_KEY, options=options)
    world.run(2)
    assert change_key(central, "my-literal-password") == "Accepted"
    world.run(30)
    assert central.passwords == [OLD, b"my-literal-password"]
    station.reboot()
    world.run(100)
    assert central.passwords[-1] == b"my-literal-password"


@pytest.mark.requirement("J-6.2.2-2")
@pytest.mark.parametrize("end", ["cut", "reboot", "Soft", "Hard"])
def test_station_keeps_its_credentials_over_reboot_reset_and_power_cut(
    world: World, central: ScriptedSupervision, end: str
) -> None:
    station = world.add_station(authorization_key=OLD_KEY)
    world.run(2)
    assert change_key(central) == "Accepted"
    world.run(60)
    if end == "cut":
        station.cut()
        world.run(10)
        station.power_on()
    elif end == "reboot":
        station.reboot()
    else:
        central.ask("Reset", {"type": end})
    world.run(100)
    assert station.lives == 2
    assert (requests(station)[-1].identity, requests(station)[-1].password) == ("CP-1", NEW)
    assert station.is_connected


@pytest.mark.requirement("WP-8-8")
def test_station_logs_that_the_supervision_refused_its_credentials(world: World, central: ScriptedSupervision) -> None:
    central.refuses = 404
    station = world.add_station(authorization_key=OLD_KEY)
    world.run(10)
    assert [event for event in station.log if event.name == "FailedToAuthenticateAtCentralSystem"] == []
    central.refuses = 401
    world.run(200)
    events = [event for event in station.log if event.name == "FailedToAuthenticateAtCentralSystem"]
    assert len(events) >= 2
    assert "401" in events[0].detail
    assert OLD_KEY not in repr(station.log)
