"""What the standard keys do. Their access, defaults and values are rows of `test_key_table.py`."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation


def change(central: ScriptedSupervision, name: str, value: str) -> None:
    assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}


def value_of(central: ScriptedSupervision, name: str) -> str:
    (entry,) = central.ask("GetConfiguration", {"key": [name]})["configurationKey"]
    return str(entry["value"])


def begin_session(world: World, station: SimulatedStation, connector: int = 1) -> None:
    station.plug(connector)
    world.run(1)
    station.badge("TAG1")
    world.run(1)
    assert station.connector(connector).transaction is not None


def measurands(payload: dict[str, Any]) -> list[str]:
    return [value["measurand"] for value in payload["meterValue"][0]["sampledValue"]]


def context(payload: dict[str, Any]) -> str:
    return str(payload["meterValue"][0]["sampledValue"][0]["context"])


@pytest.mark.requirement("GUIDE-KEY-03", "OCPP-5.11-2", "OCPP-5.11-3")
@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", ["Authorize", "StartTransaction"]), ("false", ["StartTransaction"])],
)
def test_remote_start_is_authorised_first_only_while_authorizeremotetxrequests_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation, value: str, expected: list[str]
) -> None:
    change(central, "AuthorizeRemoteTxRequests", value)
    station.plug()
    world.run(1)
    seen = len(station.wire.calls())
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "REMOTE"}) == {"status": "Accepted"}
    world.run(1)
    calls = [call for call in station.wire.calls()[seen:] if call.action in ("Authorize", "StartTransaction")]
    assert [call.action for call in calls] == expected
    assert all(call.payload["idTag"] == "REMOTE" for call in calls)


@pytest.mark.requirement("GUIDE-KEY-03", "OCPP-5.11-2")
def test_remote_start_with_a_refused_tag_starts_only_without_authorizeremotetxrequests(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    station.plug()
    world.run(1)
    for value, started in (("true", 0), ("false", 1)):
        change(central, "AuthorizeRemoteTxRequests", value)
        assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "BAD"}) == {"status": "Accepted"}
        world.run(1)
        assert len(station.wire.payloads("StartTransaction")) == started


@pytest.mark.requirement("GUIDE-KEY-04", "GUIDE-KEY-10")
def test_clock_aligned_samples_come_at_their_interval_with_their_measurands_and_stop_at_0(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "MeterValueSampleInterval", "0")
    change(central, "ClockAlignedDataInterval", "60")
    change(central, "MeterValuesAlignedData", "Power.Offered,SoC")
    begin_session(world, station)
    world.run(180)
    samples = station.wire.payloads("MeterValues")
    assert [payload["meterValue"][0]["timestamp"] for payload in samples] == [
        "2026-03-02T08:01:00Z",
        "2026-03-02T08:02:00Z",
        "2026-03-02T08:03:00Z",
    ]
    assert {context(payload) for payload in samples} == {"Sample.Clock"}
    assert all(measurands(payload) == ["Power.Offered", "SoC"] for payload in samples)
    change(central, "ClockAlignedDataInterval", "0")
    world.run(600)
    assert len(station.wire.payloads("MeterValues")) == 3


@pytest.mark.requirement("GUIDE-KEY-10", "GUIDE-KEY-12")
@pytest.mark.parametrize(
    ("off", "on", "last"),
    [("MeterValueSampleInterval", "ClockAlignedDataInterval", []), ("", "MeterValueSampleInterval", ["SoC"])],
)
def test_untouched_lists_of_measurands_are_sent_as_printed(
    world: World, central: ScriptedSupervision, station: SimulatedStation, off: str, on: str, last: list[str]
) -> None:
    if off:
        change(central, off, "0")
    change(central, on, "60")
    begin_session(world, station)
    world.run(120)
    assert measurands(station.wire.payloads("MeterValues")[0]) == [
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Import.Register",
        "Power.Offered",
        "Power.Active.Import",
        *last,
    ]


@pytest.mark.requirement("GUIDE-KEY-05")
def test_connectiontimeout_of_30_s_waits_so_long_for_the_plug(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "ConnectionTimeOut", "30")
    start = {"connectorId": 1, "idTag": "REMOTE"}
    assert central.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
    world.run(29.5)
    assert station.status() == "Preparing"
    world.run(1)
    assert station.status() == "Available"
    assert central.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
    world.run(29.5)
    station.plug()
    world.run(1)
    assert len(station.wire.payloads("StartTransaction")) == 1


@pytest.mark.requirement("GUIDE-KEY-06", "OCPP-5.8-3")
def test_getconfiguration_takes_200_names_and_not_one_more(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert len(central.ask("GetConfiguration", {"key": [f"K{n}" for n in range(200)]})["unknownKey"]) == 200
    answer = central.call("GetConfiguration", {"key": [f"K{n}" for n in range(201)]})
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "OccurenceConstraintViolation")


@pytest.mark.requirement("GUIDE-KEY-07")
def test_heartbeatinterval_is_60_until_the_boot_is_accepted_and_then_what_the_answer_said() -> None:
    world = World(central=ScriptedSupervision)
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    central.boot_status, central.interval_s = "Pending", 100
    station = world.add_station()
    world.run(5)
    assert value_of(central, "HeartbeatInterval") == "60"
    central.boot_status = "Accepted"
    world.run(100)
    assert value_of(central, "HeartbeatInterval") == "100"
    last = station.wire.messages[-1].at
    world.run(150)
    (heartbeat,) = station.wire.calls("Heartbeat")
    assert heartbeat.at == pytest.approx(last + 100, abs=1)


@pytest.mark.requirement("GUIDE-KEY-07")
def test_heartbeat_follows_a_written_interval_of_idle_time(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "HeartbeatInterval", "40")
    for _ in range(4):  # never idle for 40 s
        world.run(30)
        central.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
    assert not station.wire.calls("Heartbeat")
    idle_since = world.now
    world.run(100)
    assert [beat.at for beat in station.wire.calls("Heartbeat")] == [
        pytest.approx(idle_since + 40, abs=1),
        pytest.approx(idle_since + 80, abs=1),
    ]


@pytest.mark.requirement("GUIDE-KEY-12", "GUIDE-KEY-14")
def test_sampled_metervalues_come_at_their_interval_from_the_start_and_stop_at_0(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "MeterValuesSampledData", "SoC,Power.Active.Import")
    world.run(7.3)
    begin_session(world, station)
    (start,) = station.wire.calls("StartTransaction")
    world.run(150)
    samples = station.wire.calls("MeterValues")
    assert [sample.at for sample in samples] == [pytest.approx(start.at + 60), pytest.approx(start.at + 120)]
    assert {context(sample.payload) for sample in samples} == {"Sample.Periodic"}
    assert all(measurands(sample.payload) == ["SoC", "Power.Active.Import"] for sample in samples)
    change(central, "MeterValueSampleInterval", "0")
    world.run(600)
    assert len(station.wire.calls("MeterValues")) == 2
    change(central, "MeterValueSampleInterval", "20")
    world.run(60)
    assert len(station.wire.calls("MeterValues")) == 5


@pytest.mark.requirement("GUIDE-KEY-11", "GUIDE-KEY-13", "GUIDE-KEY-22", "GUIDE-KEY-23", "OCPP-3.16.1-4")
@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("MeterValuesAlignedData", 4),
        ("MeterValuesSampledData", 3),
        ("StopTxnAlignedData", 1),
        ("StopTxnSampledData", 2),
    ],
)
def test_list_longer_than_its_maxlength_key_is_rejected_and_the_old_one_stays(
    world: World, central: ScriptedSupervision, station: SimulatedStation, name: str, limit: int
) -> None:
    """The installer lowers the limits of the first two, as no list of seven measurands reaches the printed ones."""
    if name.startswith("MeterValues"):
        station.set_key(f"{name}MaxLength", str(limit))
    assert value_of(central, f"{name}MaxLength") == str(limit)
    items = ["SoC", "Voltage", "Power.Offered", "Current.Import", "Current.Offered"]
    fits, too_long = ",".join(items[:limit]), ",".join(items[: limit + 1])
    change(central, name, fits)
    assert central.ask("ChangeConfiguration", {"key": name, "value": too_long}) == {"status": "Rejected"}
    assert value_of(central, name) == fits


@pytest.mark.requirement("OCPP-3.16.4-1")
@pytest.mark.parametrize(
    "name", ["MeterValuesAlignedData", "MeterValuesSampledData", "StopTxnAlignedData", "StopTxnSampledData"]
)
@pytest.mark.parametrize("unsupported", ["Temperature", "Current.Export", "Frequency", "RPM", "Nonsense"])
def test_list_with_one_unsupported_measurand_is_rejected_whole(
    central: ScriptedSupervision, station: SimulatedStation, name: str, unsupported: str
) -> None:
    """One item is supported, and the list is within every limit but that of StopTxnAlignedData, tried with one item."""
    change(central, name, "SoC")
    value = unsupported if name == "StopTxnAlignedData" else f"Power.Offered,{unsupported}"
    assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Rejected"}
    assert value_of(central, name) == "SoC"


@pytest.mark.requirement("GUIDE-KEY-15", "OCPP-9.1-6")
def test_minimumstatusduration_reports_a_status_only_once_it_was_stable_so_long(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "MinimumStatusDuration", "10")
    reported = len(station.wire.calls("StatusNotification"))
    station.plug()
    world.run(9)
    station.unplug()
    world.run(60)
    assert len(station.wire.calls("StatusNotification")) == reported
    plugged_at = world.now
    station.plug()
    world.run(60)
    (report,) = station.wire.calls("StatusNotification")[reported:]
    assert (report.payload["connectorId"], report.payload["status"]) == (1, "Preparing")
    assert report.at == pytest.approx(plugged_at + 10)


@pytest.mark.requirement("GUIDE-KEY-16")
@pytest.mark.parametrize("model", ["EVD1S60THB", "EVD1S180TBB", "EVD2S320TBB"])
def test_numberofconnectors_is_the_number_of_guns(model: str) -> None:
    world = World(central=ScriptedSupervision)
    station = world.add_station(model=model)
    world.run(5)
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    guns = {payload["connectorId"] for payload in station.wire.payloads("StatusNotification")} - {0}
    assert guns == {1, 2}
    assert value_of(central, "NumberOfConnectors") == str(len(guns))
    assert central.ask("RemoteStartTransaction", {"connectorId": 3, "idTag": "T"}) == {"status": "Rejected"}


@pytest.mark.requirement("GUIDE-KEY-18", "GUIDE-KEY-19", "OCPP-9.1-3")
def test_connectorphaserotation_takes_rotations_with_or_without_a_connector_and_one_item(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    rotations = ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
    for value in (*rotations, *(f"{connector}.{rotation}" for connector in (0, 1, 2) for rotation in rotations)):
        change(central, "ConnectorPhaseRotation", value)
        assert value_of(central, "ConnectorPhaseRotation") == value
    change(central, "ConnectorPhaseRotation", "NotApplicable")
    for value in ("RRT", "RS", "rst", "0.", ".RST", "0-RST", "9.RST", "0.RST,1.RST", "RST;", ""):
        refused = central.ask("ChangeConfiguration", {"key": "ConnectorPhaseRotation", "value": value})
        assert refused == {"status": "Rejected"}, value
    assert value_of(central, "ConnectorPhaseRotation") == "NotApplicable"


@pytest.mark.requirement("GUIDE-KEY-20")
def test_ev_side_disconnect_ends_the_transaction_while_its_key_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    begin_session(world, station)
    station.unplug()
    world.run(1)
    (stop,) = station.wire.payloads("StopTransaction")
    assert stop["reason"] == "EVDisconnected"
    assert station.status() == "Available"


@pytest.mark.requirement("GUIDE-KEY-20")
def test_ev_side_disconnect_keeps_the_transaction_while_its_key_is_false(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "StopTransactionOnEVSideDisconnect", "false")
    begin_session(world, station)
    world.run(30)
    station.unplug()
    world.run(30)
    assert not station.wire.calls("StopTransaction")
    assert station.status() == "SuspendedEV"
    assert station.reading().power_w == 0
    station.plug()
    world.run(30)
    assert station.status() == "Charging"
    assert station.reading().power_w > 0
    assert len(station.wire.calls("StartTransaction")) == 1


@pytest.mark.requirement("GUIDE-KEY-21")
@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "ConcurrentTx"])
@pytest.mark.parametrize("value", ["true", "false"])
def test_refused_starttransaction_ends_the_transaction_while_its_key_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation, value: str, status: str
) -> None:
    change(central, "StopTransactionOnInvalidId", value)
    central.answers["StartTransaction"] = {"idTagInfo": {"status": status}, "transactionId": 8}
    station.plug()
    world.run(1)
    station.badge("TAG1")
    world.run(120)
    stops = [(stop["transactionId"], stop["reason"]) for stop in station.wire.payloads("StopTransaction")]
    assert stops == ([(8, "DeAuthorized")] if value == "true" else [])
    assert station.status() == ("Finishing" if value == "true" else "SuspendedEVSE")
    assert station.reading().power_w == 0


@pytest.mark.requirement("GUIDE-KEY-24", "GUIDE-KEY-25")
def test_supportedfeatureprofiles_are_six_and_counted(central: ScriptedSupervision, station: SimulatedStation) -> None:
    profiles = value_of(central, "SupportedFeatureProfiles").split(",")
    assert set(profiles) == {
        "Core",
        "FirmwareManagement",
        "LocalAuthListManagement",
        "RemoteTrigger",
        "Reservation",
        "SmartCharging",
    }
    assert value_of(central, "SupportedFeatureProfilesMaxLength") == str(len(profiles))


@pytest.mark.requirement("GUIDE-KEY-26")
@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_transactionmessageattempts_counts_every_transmission_of_a_message(
    world: World, central: ScriptedSupervision, station: SimulatedStation, attempts: int
) -> None:
    change(central, "TransactionMessageAttempts", str(attempts))
    central.errors["StartTransaction"] = "InternalError"
    begin_session(world, station)
    world.run(600)
    assert len(station.wire.calls("StartTransaction")) == attempts


@pytest.mark.requirement("GUIDE-KEY-27")
def test_transactionmessageretryinterval_is_waited_once_more_before_every_repeat(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "TransactionMessageAttempts", "4")
    change(central, "TransactionMessageRetryInterval", "20")
    central.errors["StartTransaction"] = "InternalError"
    begin_session(world, station)
    world.run(600)
    times = [call.at for call in station.wire.calls("StartTransaction")]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == [pytest.approx(20, abs=0.1), pytest.approx(40, abs=0.1), pytest.approx(60, abs=0.1)]


@pytest.mark.requirement("OCPP-9.1-5")
def test_cable_stays_with_the_station_whatever_is_asked_of_it(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    name = "UnlockConnectorOnEVSideDisconnect"
    for value in ("true", "TRUE", "True"):
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Rejected"}
        assert value_of(central, name) == "false"


@pytest.mark.requirement("GUIDE-KEY-29", "OCPP-9.1-8")
def test_pings_follow_websocketpinginterval_and_stop_at_0(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.run(100)
    assert station.pings == 5
    change(central, "WebSocketPingInterval", "50")
    world.run(101)
    assert station.pings == 7
    for value in ("-1", "-20"):
        asked = {"key": "WebSocketPingInterval", "value": value}
        assert central.ask("ChangeConfiguration", asked) == {"status": "Rejected"}
    assert value_of(central, "WebSocketPingInterval") == "50"
    change(central, "WebSocketPingInterval", "0")
    world.run(500)
    assert station.pings == 7


@pytest.mark.requirement("GUIDE-KEY-36")
def test_no_sample_names_a_phase(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    change(central, "EnableMeterValuesContainVoltage", "true")
    begin_session(world, station)
    world.run(130)
    sampled = [
        value for payload in station.wire.payloads("MeterValues") for value in payload["meterValue"][0]["sampledValue"]
    ]
    assert len(sampled) == 14
    assert all("phase" not in value for value in sampled)


@pytest.mark.requirement("GUIDE-KEY-39", "GUIDE-KEY-40")
@pytest.mark.parametrize(
    ("name", "interval", "expected"),
    [
        ("StopTxnAlignedData", "ClockAlignedDataInterval", ["Sample.Clock"] * 3),
        (
            "StopTxnSampledData",
            "MeterValueSampleInterval",
            ["Transaction.Begin", *["Sample.Periodic"] * 3, "Transaction.End"],
        ),
    ],
)
def test_stoptransaction_carries_the_measurands_asked_for_and_nothing_by_default(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    name: str,
    interval: str,
    expected: list[str],
) -> None:
    change(central, interval, "60")
    for value in ("", "SoC"):
        change(central, name, value)
        begin_session(world, station)
        world.run(185)
        station.badge("TAG1")
        world.run(1)
        station.unplug()
        world.run(1)
    without, with_data = station.wire.payloads("StopTransaction")
    assert "transactionData" not in without
    samples = [sample for data in with_data["transactionData"] for sample in data["sampledValue"]]
    assert {sample["measurand"] for sample in samples} == {"SoC"}
    assert [sample["context"] for sample in samples] == expected


@pytest.mark.requirement("OCPP-3.13.5-1")
def test_limits_of_smart_charging_can_be_read(central: ScriptedSupervision, station: SimulatedStation) -> None:
    names = [
        "ChargeProfileMaxStackLevel",
        "ChargingScheduleAllowedChargingRateUnit",
        "ChargingScheduleMaxPeriods",
        "MaxChargingProfilesInstalled",
    ]
    answer = central.ask("GetConfiguration", {"key": names})
    assert [(entry["key"], entry["value"]) for entry in answer["configurationKey"]] == list(
        zip(names, ["20", "Current,Power", "50", "40"], strict=True)
    )
    assert "unknownKey" not in answer
