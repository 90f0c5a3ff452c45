"""transactionData: the samples that a StopTransaction carries (OCPP 1.6 section 3.16)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.world.world import START

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

ENERGY, POWER, SOC = "Energy.Active.Import.Register", "Power.Active.Import", "SoC"


def contexts(value: dict[str, Any]) -> set[str]:
    """The contexts of one MeterValue."""
    return {sampled["context"] for sampled in value["sampledValue"]}


def measurands(value: dict[str, Any]) -> list[str]:
    """The measurands of one MeterValue, in order."""
    return [sampled["measurand"] for sampled in value["sampledValue"]]


def moment(value: dict[str, Any]) -> float:
    """The timestamp of one MeterValue in seconds of the world."""
    return (datetime.fromisoformat(value["timestamp"]) - START).total_seconds()


def session(world: World, station: SimulatedStation, seconds: float) -> dict[str, Any]:
    """A session of so many seconds; its StopTransaction."""
    station.plug(1)
    station.badge("TAG")
    world.run_until(lambda: bool(station.wire.payloads("StartTransaction")))
    world.run(seconds)
    station.badge("TAG")
    world.run(5)
    (stop,) = station.wire.payloads("StopTransaction")
    assert isinstance(stop, dict)
    return stop


@pytest.mark.requirement("OCPP-3.16.5-1")
def test_stop_carries_no_data_when_both_keys_are_empty(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    names = ["StopTxnAlignedData", "StopTxnSampledData"]
    for entry in central.ask("GetConfiguration", {"key": names})["configurationKey"]:
        assert entry["value"] == ""
    station.set_key("ClockAlignedDataInterval", "30")
    stop = session(world, station, 200)
    assert len(station.wire.payloads("MeterValues")) > 5
    assert "transactionData" not in stop


@pytest.mark.requirement("OCPP-3.16.6-1", "OCPP-3.16.1-3")
def test_stop_carries_begin_samples_and_end_of_stoptxnsampleddata(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    accepted = central.ask("ChangeConfiguration", {"key": "StopTxnSampledData", "value": f"{ENERGY},{SOC}"})
    assert accepted == {"status": "Accepted"}
    central.ask("ChangeConfiguration", {"key": "MeterValuesSampledData", "value": POWER})
    stop = session(world, station, 200)
    data = stop["transactionData"]
    assert [contexts(value) for value in data] == [
        {"Transaction.Begin"},
        {"Sample.Periodic"},
        {"Sample.Periodic"},
        {"Sample.Periodic"},
        {"Transaction.End"},
    ]
    assert all(measurands(value) == [ENERGY, SOC] for value in data)
    (start,) = station.wire.payloads("StartTransaction")
    assert data[0]["timestamp"] == start["timestamp"]
    assert data[-1]["timestamp"] == stop["timestamp"]
    assert data[0]["sampledValue"][0]["value"] == str(start["meterStart"])
    assert data[-1]["sampledValue"][0]["value"] == str(stop["meterStop"])
    assert [round(moment(value) - moment(data[0])) for value in data[1:-1]] == [60, 120, 180]
    for message in station.wire.payloads("MeterValues"):
        assert measurands(message["meterValue"][0]) == [POWER]


@pytest.mark.requirement("OCPP-3.16.2-3")
def test_stop_carries_the_clock_aligned_samples_of_stoptxnaligneddata(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for key, value in (
        ("ClockAlignedDataInterval", "60"),
        ("StopTxnAlignedData", POWER),
        ("MeterValuesAlignedData", ENERGY),
    ):
        assert central.ask("ChangeConfiguration", {"key": key, "value": value}) == {"status": "Accepted"}
    stop = session(world, station, 200)
    data = stop["transactionData"]
    assert [contexts(value) for value in data] == [{"Sample.Clock"}] * 3
    assert all(measurands(value) == [POWER] for value in data)
    assert [moment(value) for value in data] == [60, 120, 180]
    aligned = [
        message["meterValue"][0]
        for message in station.wire.payloads("MeterValues")
        if contexts(message["meterValue"][0]) == {"Sample.Clock"}
    ]
    assert [measurands(value) for value in aligned] == [[ENERGY]] * 3


@pytest.mark.requirement("OCPP-3.16.6-2", "OCPP-3.16.6-1")
def test_stop_of_a_long_session_drops_samples_but_neither_begin_nor_end(
    world: World, station: SimulatedStation
) -> None:
    station.set_key("StopTxnSampledData", ENERGY)
    station.set_key("MeterValueSampleInterval", "1")
    stop = session(world, station, 900)
    data = stop["transactionData"]
    assert len(data) < 300
    assert contexts(data[0]) == {"Transaction.Begin"}
    assert contexts(data[-1]) == {"Transaction.End"}
    assert all(contexts(value) == {"Sample.Periodic"} for value in data[1:-1])
    assert data[0]["sampledValue"][0]["value"] == "0"
    assert data[-1]["sampledValue"][0]["value"] == str(stop["meterStop"])
    moments = [moment(value) for value in data]
    assert moments == sorted(moments)


@pytest.mark.requirement("OCPP-3.16.6-2", "OCPP-3.16.6-1")
@pytest.mark.parametrize("model", ["EVD1S180TBB", "EVD2S180TBB"])
def test_stop_after_a_power_cut_still_carries_begin_and_end(world: World, model: str) -> None:
    """The samples between them died with the power."""
    station = world.add_station(model=model, keys={"StopTxnSampledData": f"{ENERGY},{SOC}"})
    world.run(5)
    station.plug(1)
    station.badge("TAG")
    world.run(200)
    station.cut()
    cut_at, register = world.now, station.reading(1).energy_wh
    world.run(500)
    station.power_on()
    world.run(60)
    (stop,) = station.wire.payloads("StopTransaction")
    first, last = stop["transactionData"]
    assert (contexts(first), contexts(last)) == ({"Transaction.Begin"}, {"Transaction.End"})
    assert (measurands(first), measurands(last)) == ([ENERGY, SOC], [ENERGY, SOC])
    (start,) = station.wire.payloads("StartTransaction")
    assert first["timestamp"] == start["timestamp"]
    assert moment(last) == pytest.approx(cut_at, abs=0.01)
    assert last["sampledValue"][0]["value"] == str(int(register)) == str(stop["meterStop"])


def test_key_that_is_set_during_a_session_collects_from_then_on(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    station.badge("TAG")
    world.run(90)
    station.set_key("StopTxnSampledData", SOC)
    world.run(60)
    station.badge("TAG")
    world.run(5)
    (stop,) = station.wire.payloads("StopTransaction")
    assert [contexts(value) for value in stop["transactionData"]] == [{"Sample.Periodic"}, {"Transaction.End"}]


def test_session_whose_car_is_gone_ends_without_an_empty_sample(world: World, station: SimulatedStation) -> None:
    """When the car is gone nobody tells its state of charge."""
    station.set_key("StopTxnSampledData", SOC)
    station.plug(1)
    station.badge("TAG")
    world.run(90)
    station.unplug(1)
    world.run(5)
    (stop,) = station.wire.payloads("StopTransaction")
    assert [contexts(value) for value in stop["transactionData"]] == [{"Transaction.Begin"}, {"Sample.Periodic"}]
    assert all(value["sampledValue"] for value in stop["transactionData"])


def test_sessions_of_both_guns_carry_their_own_samples(world: World, station: SimulatedStation) -> None:
    station.set_key("StopTxnSampledData", ENERGY)
    station.plug(1)
    station.badge("TAG")
    world.run(70)
    station.plug(2)
    station.show(2)
    station.badge("TAG")
    world.run(130)
    station.badge("TAG")
    station.show(1)
    station.badge("TAG")
    world.run(5)
    second, first = station.wire.payloads("StopTransaction")
    assert (len(first["transactionData"]), len(second["transactionData"])) == (5, 4)
    assert first["transactionData"][-1]["sampledValue"][0]["value"] == str(first["meterStop"])
    assert second["transactionData"][-1]["sampledValue"][0]["value"] == str(second["meterStop"])
