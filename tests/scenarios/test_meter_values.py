"""MeterValues on the wire: what is sampled, when, in which units, and to which transaction it belongs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.cabinet.archetypes import CHADEMO_CAR
from forecourt.world.world import START

if TYPE_CHECKING:
    from forecourt.station.hardware import Reading
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

UNITS = {
    "Energy.Active.Import.Register": "Wh",
    "Power.Active.Import": "W",
    "Power.Offered": "W",
    "Current.Import": "A",
    "Current.Offered": "A",
    "SoC": "Percent",
}
"""The six measurands of the key defaults, with the units of the section "MeterValues"."""

OTHERS = """
    Current.Export Energy.Active.Export.Register Energy.Active.Export.Interval Energy.Active.Import.Interval
    Energy.Reactive.Export.Register Energy.Reactive.Import.Register Energy.Reactive.Export.Interval
    Energy.Reactive.Import.Interval Frequency Power.Active.Export Power.Factor Power.Reactive.Export
    Power.Reactive.Import RPM Temperature
"""
LIST_KEYS = ["MeterValuesSampledData", "MeterValuesAlignedData", "StopTxnSampledData", "StopTxnAlignedData"]


def samples(station: SimulatedStation, context: str = "Sample.Periodic", connector: int = 1) -> list[dict[str, Any]]:
    """The MeterValue elements of one context that were sent for a connector, oldest first."""
    return [
        value
        for message in station.wire.payloads("MeterValues")
        for value in message["meterValue"]
        if message["connectorId"] == connector and value["sampledValue"][0]["context"] == context
    ]


def moment(value: dict[str, Any]) -> float:
    """The timestamp of one MeterValue in seconds of the world."""
    return (datetime.fromisoformat(value["timestamp"]) - START).total_seconds()


def figures(value: dict[str, Any]) -> dict[str, str]:
    """Measurand -> value."""
    return {sampled["measurand"]: sampled["value"] for sampled in value["sampledValue"]}


def begin(world: World, station: SimulatedStation, connector: int = 1) -> float:
    """Plug, show, badge; when the session began."""
    station.plug(connector)
    station.show(connector)
    station.badge("TAG")
    world.run(1)
    started: str = station.wire.payloads("StartTransaction")[-1]["timestamp"]
    return (datetime.fromisoformat(started) - START).total_seconds()


# Contexts, units and measurands.


@pytest.mark.requirement("GUIDE-MV-01", "GUIDE-MV-02", "GUIDE-MV-03", "GUIDE-MV-10")
def test_station_with_default_lists_sends_periodic_samples_with_soc_and_aligned_ones_without(
    world: World, station: SimulatedStation
) -> None:
    station.set_key("ClockAlignedDataInterval", "90")
    begin(world, station)
    world.run(200)
    periodic, aligned = samples(station), samples(station, "Sample.Clock")
    assert (len(periodic), len(aligned)) == (3, 2)
    assert len(station.wire.payloads("MeterValues")) == 5
    for values, context in ((periodic, "Sample.Periodic"), (aligned, "Sample.Clock")):
        for sampled in (sampled for value in values for sampled in value["sampledValue"]):
            assert sampled["context"] == context
            assert sampled["format"] == "Raw"
    assert all("SoC" in figures(value) for value in periodic)
    assert not any("SoC" in figures(value) for value in aligned)


@pytest.mark.requirement("GUIDE-MV-04", "GUIDE-MV-05", "GUIDE-MV-06", "GUIDE-MV-07", "GUIDE-MV-08", "OCPP-3.16.3-1")
def test_station_reports_each_measurand_of_its_key_once_with_its_unit_and_without_phase(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("ClockAlignedDataInterval", "90")
    begin(world, station)
    world.run(100)
    (periodic,), (aligned,) = samples(station), samples(station, "Sample.Clock")
    assert {s["measurand"]: s["unit"] for s in periodic["sampledValue"]} == UNITS
    assert len(periodic["sampledValue"]) == 6
    assert {s["measurand"]: s["unit"] for s in aligned["sampledValue"]} == {
        name: unit for name, unit in UNITS.items() if name != "SoC"
    }
    assert len(aligned["sampledValue"]) == 5
    assert not any("phase" in sampled for sampled in (*periodic["sampledValue"], *aligned["sampledValue"]))
    for key, names in (("MeterValuesSampledData", "Power.Offered,SoC"), ("MeterValuesAlignedData", "Current.Import")):
        assert central.ask("ChangeConfiguration", {"key": key, "value": names}) == {"status": "Accepted"}
    world.run(100)
    assert list(figures(samples(station)[-1])) == ["Power.Offered", "SoC"]
    assert list(figures(samples(station, "Sample.Clock")[-1])) == ["Current.Import"]


def test_station_writes_whole_watts_watt_hours_and_percent_and_tenths_of_an_ampere(
    world: World, station: SimulatedStation
) -> None:
    station.set_key("EnableMeterValuesContainVoltage", "true")
    begin(world, station)
    world.run(600)
    for value in samples(station):
        for sampled in value["sampledValue"]:
            whole, dot, decimals = sampled["value"].partition(".")
            assert whole.isdigit()
            assert (dot, len(decimals)) == ((".", 1) if sampled["unit"] in ("A", "V") else ("", 0))


@pytest.mark.requirement("OCPP-4.7-5", "GUIDE-MV-04", "GUIDE-MV-05", "GUIDE-MV-06", "GUIDE-MV-07")
def test_sample_is_what_the_meter_and_the_car_say_at_its_timestamp(world: World, station: SimulatedStation) -> None:
    station.set_key("EnableMeterValuesContainVoltage", "true")
    station.set_key("MeterValueSampleInterval", "7")
    begin(world, station)
    for number in range(1, 30):
        world.run_until(lambda expected=number: len(samples(station)) == expected)  # type: ignore[misc]
        meter: Reading = station.reading(1)
        value = samples(station)[-1]
        assert moment(value) == pytest.approx(world.now, abs=0.001)
        told = {name: float(text) for name, text in figures(value).items()}
        assert told["Energy.Active.Import.Register"] == int(meter.energy_wh + 1e-6)
        assert told["Power.Active.Import"] == pytest.approx(meter.power_w, abs=0.5)
        assert told["Power.Offered"] == pytest.approx(meter.offered_w, abs=0.5)
        assert told["Current.Import"] == pytest.approx(meter.current_a, abs=0.05)
        assert told["Current.Offered"] == pytest.approx(meter.offered_a, abs=0.05)
        assert told["Voltage"] == pytest.approx(meter.voltage_v, abs=0.05)
        assert meter.soc_percent is not None
        assert told["SoC"] == pytest.approx(meter.soc_percent, abs=0.5)
        assert meter.power_w > 50_000


@pytest.mark.requirement("GUIDE-MV-09")
@pytest.mark.parametrize("key", LIST_KEYS)
def test_station_takes_the_seven_measurands_it_knows_and_refuses_every_other(
    central: ScriptedSupervision, station: SimulatedStation, key: str
) -> None:
    assert len(OTHERS.split()) + len(UNITS) + 1 == 22
    for name in (*UNITS, "Voltage"):
        assert central.ask("ChangeConfiguration", {"key": key, "value": name}) == {"status": "Accepted"}
    for name in OTHERS.split():
        assert central.ask("ChangeConfiguration", {"key": key, "value": name}) == {"status": "Rejected"}
    (entry,) = central.ask("GetConfiguration", {"key": [key]})["configurationKey"]
    assert entry["value"] == "Voltage"


@pytest.mark.requirement("GUIDE-MV-09")
def test_station_can_measure_each_of_the_seven(world: World, station: SimulatedStation) -> None:
    station.set_key("EnableMeterValuesContainVoltage", "true")
    begin(world, station)
    for name in UNITS:
        station.set_key("MeterValuesSampledData", name)
        world.run(60)
        assert list(figures(samples(station)[-1])) == [name, "Voltage"]


@pytest.mark.requirement("GUIDE-MV-12")
def test_voltage_switch_adds_the_dc_voltage_to_every_sample(world: World, station: SimulatedStation) -> None:
    station.set_key("ClockAlignedDataInterval", "90")
    station.set_key("EnableMeterValuesContainVoltage", "true")
    begin(world, station)
    world.run(600)
    values = samples(station) + samples(station, "Sample.Clock")
    assert len(values) > 12
    for value in values:
        (voltage,) = [sampled for sampled in value["sampledValue"] if sampled["measurand"] == "Voltage"]
        assert voltage["unit"] == "V"
        assert 350 < float(voltage["value"]) < 400
        told = {name: float(text) for name, text in figures(value).items()}
        assert told["Voltage"] * told["Current.Import"] == pytest.approx(told["Power.Active.Import"], rel=0.001)


@pytest.mark.requirement("GUIDE-MV-13")
def test_without_its_switch_voltage_is_not_sent_even_when_it_is_listed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for key in ("MeterValuesSampledData", "MeterValuesAlignedData"):
        assert central.ask("ChangeConfiguration", {"key": key, "value": "Voltage,SoC"}) == {"status": "Accepted"}
    station.set_key("ClockAlignedDataInterval", "90")
    begin(world, station)
    world.run(200)
    assert list(figures(samples(station)[-1])) == ["SoC"]
    assert list(figures(samples(station, "Sample.Clock")[-1])) == ["SoC"]
    central.ask("ChangeConfiguration", {"key": "EnableMeterValuesContainVoltage", "value": "true"})
    world.run(60)
    assert list(figures(samples(station)[-1])) == ["SoC", "Voltage"]
    central.ask("ChangeConfiguration", {"key": "EnableMeterValuesContainVoltage", "value": "false"})
    world.run(60)
    assert list(figures(samples(station)[-1])) == ["SoC"]


def test_list_of_nothing_that_can_be_sent_sends_no_empty_message(world: World, station: SimulatedStation) -> None:
    station.set_key("MeterValuesSampledData", "Voltage")
    begin(world, station)
    world.run(200)
    assert not station.wire.payloads("MeterValues")


# When.


@pytest.mark.requirement("OCPP-3.16.1-1")
def test_periodic_samples_are_counted_from_the_start_of_the_transaction(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.run(13)
    started_at = begin(world, station)
    world.run(200)
    assert [moment(value) - started_at for value in samples(station)] == pytest.approx([60, 120, 180], abs=0.01)
    central.ask("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "50"})
    world.run(120)
    assert [moment(value) - started_at for value in samples(station)[3:]] == pytest.approx([250, 300], abs=0.01)
    station.close_link()
    world.run_until(lambda: station.is_connected)
    world.run(100)
    assert [(moment(value) - started_at) % 50 for value in samples(station)[5:]] == pytest.approx([0, 0], abs=0.01)


@pytest.mark.requirement("OCPP-3.16.1-1")
def test_each_gun_counts_from_its_own_start(world: World, station: SimulatedStation) -> None:
    first = begin(world, station, 1)
    world.run(24)
    second = begin(world, station, 2)
    world.run(130)
    assert second - first > 20
    assert [moment(value) - first for value in samples(station)] == pytest.approx([60, 120], abs=0.01)
    assert [moment(value) - second for value in samples(station, connector=2)] == pytest.approx([60, 120], abs=0.01)


@pytest.mark.requirement("OCPP-3.16.1-2", "OCPP-3.16.2-2")
def test_intervals_of_0_send_nothing(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    begin(world, station)
    world.run(70)
    assert len(samples(station)) == 1
    assert not samples(station, "Sample.Clock")
    central.ask("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "0"})
    central.ask("ChangeConfiguration", {"key": "ClockAlignedDataInterval", "value": "30"})
    world.run(120)
    assert len(samples(station)) == 1
    assert len(samples(station, "Sample.Clock")) == 4
    central.ask("ChangeConfiguration", {"key": "ClockAlignedDataInterval", "value": "0"})
    world.run(600)
    assert len(station.wire.payloads("MeterValues")) == 5
    assert station.status(1) == "Charging"


@pytest.mark.requirement("OCPP-3.16.2-1")
def test_clock_aligned_samples_of_900_s_are_96_a_day_at_the_quarters_after_midnight(
    world: World, station: SimulatedStation
) -> None:
    for key, value in (
        ("ClockAlignedDataInterval", "900"),
        ("MeterValueSampleInterval", "0"),
        ("WebSocketPingInterval", "0"),
    ):
        station.set_key(key, value)
    world.run(77)
    begin(world, station)
    world.run(41 * 3600)
    day = [value for value in samples(station, "Sample.Clock") if value["timestamp"].startswith("2026-03-03")]
    assert len(day) == 96
    of_day = [(moment(value) + 8 * 3600) % 86_400 for value in day]
    assert of_day == [900.0 * number for number in range(96)]


@pytest.mark.requirement("OCPP-3.16.2-1")
def test_interval_that_does_not_divide_the_day_begins_anew_at_midnight(world: World, station: SimulatedStation) -> None:
    station.set_key("ClockAlignedDataInterval", "25000")
    begin(world, station)
    world.run(39 * 3600)
    times = [value["timestamp"][8:19] for value in samples(station, "Sample.Clock")]
    assert times == ["02T13:53:20", "02T20:50:00", "03T00:00:00", "03T06:56:40", "03T13:53:20", "03T20:50:00"]


def test_clock_aligned_samples_follow_a_clock_that_the_supervision_sets(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("ClockAlignedDataInterval", "60")
    station.set_key("HeartbeatInterval", "40")
    begin(world, station)
    world.run(70)
    central.answers["Heartbeat"] = lambda _: {"currentTime": "2026-03-02T11:00:30Z"}
    heartbeats = len(station.wire.calls("Heartbeat"))
    world.run_until(lambda: len(station.wire.calls("Heartbeat")) > heartbeats)
    world.run(35)
    later = [value["timestamp"] for value in samples(station, "Sample.Clock") if "T11" in value["timestamp"]]
    assert later == ["2026-03-02T11:01:00Z"]


@pytest.mark.requirement("GUIDE-MV-11")
def test_clock_aligned_samples_come_from_guns_with_a_session_only(world: World, station: SimulatedStation) -> None:
    station.set_key("ClockAlignedDataInterval", "30")
    station.set_key("MeterValueSampleInterval", "0")
    station.plug(2)
    world.run(100)
    assert not station.wire.payloads("MeterValues")
    begin(world, station, 1)
    world.run(100)
    station.badge("TAG")
    world.run(1)
    count = len(station.wire.payloads("MeterValues"))
    world.run(100)
    messages = station.wire.payloads("MeterValues")
    assert len(messages) == count >= 3
    assert {message["connectorId"] for message in messages} == {1}


def test_offline_samples_are_taken_at_the_disconnected_interval_and_sent_later(
    world: World, station: SimulatedStation
) -> None:
    station.set_key("disconnectedMeterValueSampleInterval", "300")
    started_at = begin(world, station)
    world.run(65)
    station.network_down()
    world.run(900)
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(5)
    elapsed = [round(moment(value) - started_at) for value in samples(station)]
    assert elapsed[:4] == [60, 300, 600, 900]


# To which transaction.


@pytest.mark.requirement("OCPP-4.7-1", "OCPP-4.7-2", "OCPP-4.7-3")
def test_samples_belong_to_the_session_that_ran_when_they_were_taken_also_when_sent_late(
    world: World, station: SimulatedStation
) -> None:
    """Sessions on both guns, before, in and after an offline time, whose samples wait in the queue."""
    station.set_key("disconnectedMeterValueSampleInterval", "20")
    station.set_key("MeterValueSampleInterval", "20")
    station.set_key("ClockAlignedDataInterval", "45")
    begin(world, station, 1)
    world.run(50)
    station.network_down()
    station.plug(2)
    station.show(2)
    station.badge("TAG")
    world.run(70)
    station.show(1)
    station.badge("TAG")
    world.run(10)
    station.badge("NEXT")
    world.run(70)
    station.show(2)
    station.badge("TAG")
    station.network_up()
    world.run(200)
    starts = station.wire.payloads("StartTransaction")
    assert [start["connectorId"] for start in starts] == [1, 2, 1]
    begun = dict(enumerate(starts, start=1))
    ended = {stop["transactionId"]: stop["timestamp"] for stop in station.wire.payloads("StopTransaction")}
    assert set(ended) == {1, 2}
    messages = station.wire.payloads("MeterValues")
    assert {message["transactionId"] for message in messages} == {1, 2, 3}
    for message in messages:
        start = begun[message["transactionId"]]
        assert message["connectorId"] == start["connectorId"]
        assert len(message["meterValue"]) >= 1
        for value in message["meterValue"]:
            assert value["sampledValue"]
            assert start["timestamp"] <= value["timestamp"] <= ended.get(message["transactionId"], "3000")


@pytest.mark.requirement("OCPP-7-9")
def test_registers_never_fall_and_go_on_from_session_to_session_and_over_a_power_cut(
    world: World, station: SimulatedStation
) -> None:
    for _ in range(3):
        begin(world, station)
        world.run(200)
        station.badge("TAG")
        world.run(5)
        station.unplug(1)
        world.run(5)
    begin(world, station)
    world.run(200)
    station.cut()
    world.run(60)
    station.power_on()
    world.run(60)
    starts = [start["meterStart"] for start in station.wire.payloads("StartTransaction")]
    stops = [stop["meterStop"] for stop in station.wire.payloads("StopTransaction")]
    assert starts == [0, *stops[:3]]
    assert all(stop > start + 3000 for start, stop in zip(starts, stops, strict=True))
    registers = [int(figures(value)["Energy.Active.Import.Register"]) for value in samples(station)]
    assert len(registers) == 12
    assert registers == sorted(registers)


def test_registers_of_the_guns_are_their_own(world: World) -> None:
    station = world.add_station(model="EVD1S180THB")
    world.run(5)
    station.plug(2, CHADEMO_CAR)
    station.badge("TAG")
    world.run(300)
    station.badge("TAG")
    world.run(5)
    station.plug(1)
    station.show(1)
    station.badge("TAG")
    world.run(5)
    assert [start["meterStart"] for start in station.wire.payloads("StartTransaction")] == [0, 0]
    (stop,) = station.wire.payloads("StopTransaction")
    assert stop["meterStop"] > 2000
