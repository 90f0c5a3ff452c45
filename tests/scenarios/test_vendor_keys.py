"""What the non-standard keys do. Their access, defaults and values are rows of `test_key_table.py`.

The authentication modes are in `test_authentication_modes.py`, sampling offline in `test_offline.py`, remote starts in
`test_remote_start.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.cabinet.archetypes import CHADEMO_CAR, LONG_DISTANCE_CAR
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from forecourt.cabinet.car import Car
    from forecourt.world.simulated_station import SimulatedStation

HUNGRY = msgspec.structs.replace(
    LONG_DISTANCE_CAR, curve=((0, 400), (100, 400)), max_current_a=500.0, soc_percent=5.0, battery_kwh=500.0
)
"""A car that takes more than any gun gives."""
HUNGRY_CHADEMO = msgspec.structs.replace(
    CHADEMO_CAR, curve=((0, 200), (100, 200)), max_current_a=500.0, soc_percent=5.0, battery_kwh=500.0
)


def change(central: ScriptedSupervision, name: str, value: str) -> str:
    return str(central.ask("ChangeConfiguration", {"key": name, "value": value})["status"])


def value_of(central: ScriptedSupervision, name: str) -> str:
    (entry,) = central.ask("GetConfiguration", {"key": [name]})["configurationKey"]
    return str(entry["value"])


def charge(world: World, station: SimulatedStation, connector: int, car: Car) -> None:
    station.plug(connector, car)
    world.run(1)
    station.show(connector)
    station.badge(f"TAG{connector}")
    world.run(60)
    assert station.status(connector) == "Charging"


def settled(model: str) -> tuple[World, ScriptedSupervision, SimulatedStation]:
    """A booted station of a model."""
    world = World(central=ScriptedSupervision)
    station = world.add_station(model=model, keys={"MinimumStatusDuration": "0"})
    world.run(5)
    assert isinstance(world.central, ScriptedSupervision)
    return world, world.central, station


def sampled(payload: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {value["measurand"]: value for value in payload["meterValue"][0]["sampledValue"]}


@pytest.mark.requirement("GUIDE-VKEY-05")
@pytest.mark.parametrize("model", ["EVD1S60TBB", "EVD1S120TBB", "EVD1S180TBBC", "EVD2S320TBB"])
def test_two_hungry_cars_share_chargelimitedpower_and_get_no_more(model: str) -> None:
    world, central, station = settled(model)
    limit_w = int(value_of(central, "ChargeLimitedPower")) * 1000
    for connector in (1, 2):
        charge(world, station, connector, HUNGRY)
    drawn_w = station.reading(1).power_w + station.reading(2).power_w
    assert drawn_w <= limit_w + 1
    assert drawn_w == pytest.approx(limit_w, rel=0.01)


@pytest.mark.requirement("GUIDE-VKEY-06", "GUIDE-VKEY-07")
@pytest.mark.parametrize(
    ("model", "connector", "key", "car"),
    [
        ("EVD1S60TBB", 1, "ConnectorALimitedPower", HUNGRY),
        ("EVD2S320TBB", 1, "ConnectorALimitedPower", HUNGRY),
        ("EVD1S60TBB", 2, "ConnectorBLimitedPower", HUNGRY),
        ("EVD2S320TBB", 2, "ConnectorBLimitedPower", HUNGRY),
        ("EVD1S180THB", 2, "ConnectorBLimitedPower", HUNGRY_CHADEMO),
    ],
)
def test_one_hungry_car_gets_the_connectors_limited_power_and_no_more(
    model: str, connector: int, key: str, car: Car
) -> None:
    """To a few percent, as a CHAdeMO gun's amperes at this battery's volts may end below its whole kilowatts."""
    world, central, station = settled(model)
    limit_w = int(value_of(central, key)) * 1000
    charge(world, station, connector, car)
    drawn_w = station.reading(connector).power_w
    assert drawn_w <= limit_w + 1
    assert drawn_w >= 0.6 * limit_w if car is HUNGRY_CHADEMO else drawn_w == pytest.approx(limit_w, rel=0.01)
    (entry,) = central.ask("GetConfiguration", {"key": [key]})["configurationKey"]
    assert entry["readonly"] is True


@pytest.mark.requirement("GUIDE-VKEY-08", "GUIDE-VKEY-09")
@pytest.mark.parametrize(
    ("model", "types"), [("EVD1S60THB", ["CCS2", "CHAdeMO"]), ("EVD2S320TBBC1-G", ["CCS2", "CCS2"])]
)
def test_connector_types_are_those_of_the_guns(model: str, types: list[str]) -> None:
    world, central, station = settled(model)
    assert [value_of(central, f"Connector{gun}Type") for gun in "AB"] == types
    charge(world, station, 1, HUNGRY)
    charge(world, station, 2, HUNGRY_CHADEMO if types[1] == "CHAdeMO" else HUNGRY)
    assert [station.connector(number).type for number in (1, 2)] == types


@pytest.mark.requirement("GUIDE-VKEY-12")
def test_voltage_is_in_metervalues_only_while_its_switch_is_on(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Even when a list names it (reading A18)."""
    assert change(central, "ClockAlignedDataInterval", "60") == "Accepted"
    assert change(central, "MeterValuesSampledData", "SoC,Voltage") == "Accepted"
    charge(world, station, 1, HUNGRY)
    world.run(120)
    before = station.wire.payloads("MeterValues")
    assert len(before) >= 4
    assert not any("Voltage" in sampled(payload) for payload in before)
    assert change(central, "EnableMeterValuesContainVoltage", "true") == "Accepted"
    world.run(120)
    after = station.wire.payloads("MeterValues")[len(before) :]
    assert len(after) >= 4
    volts = station.reading(1).voltage_v
    for payload in after:
        voltage = sampled(payload)["Voltage"]
        assert voltage["unit"] == "V"
        assert float(voltage["value"]) == pytest.approx(volts, rel=0.05)
    assert volts > 400


@pytest.mark.requirement("GUIDE-VKEY-13")
def test_remote_start_waits_for_a_car_only_while_enableremotestartnoconnectedev_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for value, status in (("false", "Rejected"), ("true", "Accepted")):
        assert change(central, "EnableRemoteStartNoConnectedEV", value) == "Accepted"
        assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "T"}) == {"status": status}
    station.plug()
    world.run(5)
    assert len(station.wire.calls("StartTransaction")) == 1


@pytest.mark.requirement("GUIDE-VRULE-07", "GUIDE-VKEY-14")
@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("", "Accepted"),
        ("VID:", "Accepted"),
        ("x" * 8, "Accepted"),
        (" ~!", "Accepted"),
        ("x" * 9, "Rejected"),
        ("V\x00", "Rejected"),
        ("V\n", "Rejected"),
        ("\x7f", "Rejected"),
        ("\u00e9", "Rejected"),
    ],
)
def test_macaddressprefix_is_at_most_8_printable_characters(
    central: ScriptedSupervision, station: SimulatedStation, value: str, status: str
) -> None:
    before = value_of(central, "MacAddressPrefix")
    assert change(central, "MacAddressPrefix", value) == status
    assert value_of(central, "MacAddressPrefix") == (value if status == "Accepted" else before)


@pytest.mark.requirement("GUIDE-VRULE-08")
@pytest.mark.parametrize("name", ["QRcode1", "QRcode2"])
def test_qrcode_url_has_at_most_120_characters(
    central: ScriptedSupervision, station: SimulatedStation, name: str
) -> None:
    longest = "https://pay.example/?gun=1&".ljust(120, "x")
    assert change(central, name, longest) == "Accepted"
    assert change(central, name, longest + "x") == "Rejected"
    assert value_of(central, name) == longest


@pytest.mark.requirement("GUIDE-VKEY-02")
def test_defaultidtag_takes_1_to_20_characters(central: ScriptedSupervision, station: SimulatedStation) -> None:
    for length, status in ((0, "Rejected"), (1, "Accepted"), (20, "Accepted"), (21, "Rejected")):
        assert change(central, "DefaultIdTag", "D" * length) == status
    assert value_of(central, "DefaultIdTag") == "D" * 20


@pytest.mark.requirement("GUIDE-VKEY-18")
@pytest.mark.parametrize(("value", "authorized"), [("true", ["TAG1"]), ("false", [])])
def test_rfidenabled_decides_whether_badges_are_authorised(
    world: World, central: ScriptedSupervision, station: SimulatedStation, value: str, authorized: list[str]
) -> None:
    assert change(central, "RFIDEnabled", value) == "Accepted"
    station.plug()
    world.run(5)
    station.badge("TAG1")
    world.run(5)
    assert [payload["idTag"] for payload in station.wire.payloads("Authorize")] == authorized
    assert len(station.wire.calls("StartTransaction")) == len(authorized)
