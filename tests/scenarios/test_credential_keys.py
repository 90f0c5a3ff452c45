"""AuthorizationKey and SecurityProfile (security white paper 7, A01, A05; readings A4, A5, A40)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

KEY = "00112233445566778899aabbccddeeff"
OTHER = "ffeeddccbbaa99887766554433221100ABCDEF01"


def change(central: ScriptedSupervision, name: str, value: str) -> str:
    return str(central.ask("ChangeConfiguration", {"key": name, "value": value})["status"])


def entry(central: ScriptedSupervision, name: str) -> dict[str, Any]:
    (found,) = central.ask("GetConfiguration", {"key": [name]})["configurationKey"]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def provisioned(world: World) -> SimulatedStation:
    """A station in `world` that was delivered with an AuthorizationKey."""
    station = world.add_station(authorization_key=KEY)
    world.run(5)
    return station


@pytest.mark.requirement("GUIDE-KEY-41", "WP-7-2")
def test_authorizationkey_is_never_reported(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    def texts() -> str:
        central.ask("GetConfiguration")
        central.ask("GetConfiguration", {"key": ["AuthorizationKey", "authorizationkey"]})
        return "".join(message.text for message in station.wire.messages if message.direction == ">").lower()

    assert entry(central, "AuthorizationKey") == {"key": "AuthorizationKey", "readonly": False}
    assert change(central, "AuthorizationKey", OTHER) == "Accepted"
    assert OTHER.lower() not in texts()
    assert entry(central, "AuthorizationKey") == {"key": "AuthorizationKey", "readonly": False}
    listed = [found["key"] for found in central.ask("GetConfiguration")["configurationKey"]]
    assert "AuthorizationKey" not in listed


@pytest.mark.requirement("GUIDE-KEY-41", "WP-7-4")
@pytest.mark.parametrize(
    ("digits", "status"),
    [(0, "Rejected"), (30, "Rejected"), (32, "Accepted"), (36, "Accepted"), (40, "Accepted"), (42, "Rejected")],
)
def test_authorizationkey_holds_16_to_20_bytes(
    world: World, central: ScriptedSupervision, provisioned: SimulatedStation, digits: int, status: str
) -> None:
    value = "5A" * (digits // 2)
    assert change(central, "AuthorizationKey", value) == status
    world.run(60)
    expected = bytes.fromhex(value) if status == "Accepted" else bytes.fromhex(KEY)
    assert central.passwords[-1] == expected


@pytest.mark.requirement("GUIDE-KEY-41")
@pytest.mark.parametrize("value", ["g" * 32, "0x" + "1" * 32, "correct horse battery staple, no?"])
def test_authorizationkey_is_hex(central: ScriptedSupervision, provisioned: SimulatedStation, value: str) -> None:
    assert change(central, "AuthorizationKey", value) == "Rejected"


@pytest.mark.requirement("GUIDE-KEY-41")
def test_authorizationkey_is_the_password_of_the_next_connection(
    world: World, central: ScriptedSupervision, provisioned: SimulatedStation
) -> None:
    assert central.passwords == [bytes.fromhex(KEY)]
    assert change(central, "AuthorizationKey", OTHER) == "Accepted"
    world.run(60)
    assert central.passwords == [bytes.fromhex(KEY), bytes.fromhex(OTHER)]
    assert provisioned.is_connected


@pytest.mark.requirement("WP-7-3", "GUIDE-KEY-42", "GUIDE-PNC-12")
@pytest.mark.parametrize("plug_and_charge", ["false", "true"])
def test_securityprofile_is_0_when_nothing_was_configured(
    world: World, central: ScriptedSupervision, station: SimulatedStation, plug_and_charge: str
) -> None:
    assert change(central, "ISO15118PnCEnabled", plug_and_charge) == "Accepted"
    assert entry(central, "SecurityProfile") == {"key": "SecurityProfile", "readonly": False, "value": "0"}
    assert central.passwords == [None]


@pytest.mark.requirement("GUIDE-KEY-42")
def test_securityprofile_is_1_when_delivered_with_a_key(
    central: ScriptedSupervision, provisioned: SimulatedStation
) -> None:
    assert entry(central, "SecurityProfile") == {"key": "SecurityProfile", "readonly": False, "value": "1"}
    assert central.passwords == [bytes.fromhex(KEY)]


@pytest.mark.requirement("GUIDE-KEY-42")
def test_securityprofile_rises_to_1_once_there_is_a_key_and_is_used_then(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert change(central, "SecurityProfile", "1") == "Rejected"
    assert change(central, "AuthorizationKey", KEY) == "Accepted"
    world.run(60)
    assert central.passwords[-1] is None
    assert change(central, "SecurityProfile", "1") == "Accepted"
    world.run(60)
    assert entry(central, "SecurityProfile")["value"] == "1"
    assert central.passwords[-1] == bytes.fromhex(KEY)
    for value in ("0", "1", "4", "-1", "", "one"):
        assert change(central, "SecurityProfile", value) == "Rejected", value
    assert entry(central, "SecurityProfile")["value"] == "1"


@pytest.mark.requirement("GUIDE-KEY-42")
@pytest.mark.parametrize(
    ("profile", "scheme", "password"), [("0", "ws", None), ("1", "ws", KEY), ("2", "wss", KEY), ("3", "wss", None)]
)
def test_securityprofile_set_by_the_installer_is_in_use(profile: str, scheme: str, password: str | None) -> None:
    world = World(central=ScriptedSupervision)
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    station = world.add_station(authorization_key=KEY, keys={"SecurityProfile": profile})
    world.run(5)
    station.close_link()
    world.run(60)
    assert entry(central, "SecurityProfile")["value"] == profile
    assert station.snapshot().link.url == f"{scheme}://supervision.example/ocpp"
    assert central.passwords[-1] == (None if password is None else bytes.fromhex(password))


@pytest.mark.requirement("GUIDE-PNC-12")
def test_securityprofile_of_both_tables_is_one_value(
    world: World, central: ScriptedSupervision, provisioned: SimulatedStation
) -> None:
    for plug_and_charge in ("true", "false"):
        assert change(central, "ISO15118PnCEnabled", plug_and_charge) == "Accepted"
        assert entry(central, "SecurityProfile")["value"] == "1"
        listed = [found["key"] for found in central.ask("GetConfiguration")["configurationKey"]]
        assert listed.count("SecurityProfile") == 1


@pytest.mark.requirement("GUIDE-PNC-12")
def test_securityprofile_raised_with_plug_and_charge_on_stays_raised_without(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert change(central, "ISO15118PnCEnabled", "true") == "Accepted"
    assert change(central, "AuthorizationKey", KEY) == "Accepted"
    assert change(central, "SecurityProfile", "1") == "Accepted"
    world.run(60)
    assert change(central, "ISO15118PnCEnabled", "false") == "Accepted"
    assert entry(central, "SecurityProfile")["value"] == "1"


@pytest.mark.requirement("WP-A00.FR.005")
def test_only_the_installer_lowers_the_security_profile(
    world: World, central: ScriptedSupervision, provisioned: SimulatedStation
) -> None:
    for name in ("SecurityProfile", "securityprofile", "SECURITYPROFILE"):
        assert change(central, name, "0") == "Rejected"
    for vendor in ("Schneider Electric", "com.se.cost", "com.se.tariff", "org.openchargealliance"):
        central.call(
            "DataTransfer",
            {"vendorId": vendor, "messageId": "ChangeConfiguration", "data": '{"key":"SecurityProfile","value":"0"}'},
        )
    world.run(60)
    provisioned.close_link()
    world.run(60)
    assert entry(central, "SecurityProfile")["value"] == "1"
    assert central.passwords[-1] == bytes.fromhex(KEY)
    provisioned.set_key("SecurityProfile", "0")
    provisioned.close_link()
    world.run(60)
    assert entry(central, "SecurityProfile")["value"] == "0"
    assert central.passwords[-1] is None
