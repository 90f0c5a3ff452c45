"""BootNotification: what it says, and what the station does until and after it is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.evlink.models import find_model
from forecourt.runtime.data_folder import CommissioningError, Wishes, commission
from forecourt.supervision.facts import BootReported, StationDisconnected
from forecourt.world.world import World

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation

NO_DELAY = {"MinimumStatusDuration": "0"}
FREE = {**NO_DELAY, "FreeCharging": "true"}


def boots(station: SimulatedStation) -> list[float]:
    return [message.at for message in station.wire.calls("BootNotification")]


def sent(station: SimulatedStation) -> list[str]:
    """The kinds of frames that the station sent, with their actions."""
    return [f"{message.kind} {message.action}" for message in station.wire.messages if message.direction == ">"]


# What it says.


@pytest.mark.requirement("GUIDE-BOOT-01", "GUIDE-BOOT-02", "GUIDE-BOOT-03")
@pytest.mark.parametrize("model", ["EVD1S60THB", "EVD1S180TBBC7-AN", "EVD2S320TBBC1-G", "EVD2S60TBBC"])
def test_station_names_vendor_model_serial_and_firmware_and_nothing_else(world: World, model: str) -> None:
    station = world.add_station(model=model, serial="1S-0042", firmware="3.6.1")
    world.run(1)
    assert station.wire.payloads("BootNotification") == [
        {
            "chargePointVendor": "Schneider Electric",
            "chargePointModel": model,
            "chargePointSerialNumber": "1S-0042",
            "firmwareVersion": "3.6.1",
        }
    ]


@pytest.mark.requirement("GUIDE-BOOT-04")
def test_station_tells_its_serial_number_of_at_most_25_characters(world: World) -> None:
    longest = "S" * 25
    assert commission(Wishes(serial_number=longest)).serial_number == longest
    with pytest.raises(CommissioningError, match="serial number has 1 to 25"):
        commission(Wishes(serial_number=longest + "S"))
    station = world.add_station(serial=longest)
    world.run(1)
    assert station.wire.payloads("BootNotification")[0]["chargePointSerialNumber"] == longest


@pytest.mark.requirement("GUIDE-GEN-01")
@pytest.mark.parametrize(
    ("model", "product", "power_kw", "generation"),
    [
        ("EVD1S60TBB", "EVlink Pro DC 60", 60, "EVD1S"),
        ("EVD1S180THB", "EVlink Pro DC 180", 180, "EVD1S"),
        ("EVD2S320TBB", "EVlink Pro DC 320", 320, "EVD2S"),
        ("EVD2S60TBB", "EVlink Pro DC 60 V2", 60, "EVD2S"),
        ("EVD2S180TBB", "EVlink Pro DC 180 V2", 180, "EVD2S"),
    ],
)
def test_station_of_each_product_boots_and_charges(
    world: World, central: ScriptedSupervision, model: str, product: str, power_kw: int, generation: str
) -> None:
    station = world.add_station(model=model, keys=NO_DELAY)
    world.run(2)
    found = find_model(station.snapshot().model)
    assert (found.product.value, found.generation.prefix) == (product, generation)
    assert station.wire.payloads("BootNotification")[0]["chargePointModel"] == model
    (limit,) = central.ask("GetConfiguration", {"key": ["ChargeLimitedPower"]})["configurationKey"]
    assert limit["value"] == str(power_kw)
    station.plug(1)
    station.badge("TAG")
    world.run(120)
    assert station.status(1) == "Charging"
    assert 0 < station.reading(1).power_w <= power_kw * 1000
    assert station.reading(1).energy_wh > 0


@pytest.mark.requirement("GUIDE-GEN-02")
def test_station_runs_a_firmware_with_the_new_authentication_keys_unless_told_otherwise(
    world: World, central: ScriptedSupervision
) -> None:
    new_keys = ["RFIDEnabled", "QrCodeEnabled", "PosEnabled", "AppEnabled", "AutoCharge", "FreeCharging"]
    station = world.add_station()
    world.run(2)
    version = station.wire.payloads("BootNotification")[0]["firmwareVersion"]
    assert [int(part) for part in version.split(".")] >= [3, 5, 8803]
    assert [
        entry["key"] for entry in central.ask("GetConfiguration", {"key": new_keys})["configurationKey"]
    ] == new_keys

    world.add_station("CP-2", firmware="3.4.8821")
    world.run(2)
    assert central.ask("GetConfiguration", {"key": new_keys})["unknownKey"] == new_keys


@pytest.mark.requirement("GUIDE-BOOT-11")
@pytest.mark.parametrize(
    ("plain", "suffix"),
    [
        *(("EVD1S180TBB", suffix) for suffix in ("C", "C7", "C7-AN", "-AN", "C-G", "C7-G")),
        ("EVD1S60TBB", "C5"),
        *(("EVD2S320TBB", suffix) for suffix in ("C1", "-G", "C1-G")),
    ],
)
def test_station_behaves_alike_whatever_the_suffix_of_its_reference(plain: str, suffix: str) -> None:
    """Every byte on the wire is the same but the reference itself, and no value is signed."""

    def a_session(model: str) -> str:
        world = World()
        world.supervision.register("TAG1")
        station = world.add_station(model=model)
        world.run(30)
        station.plug(1)
        station.badge("TAG1")
        world.run(200)
        station.badge("TAG1")
        world.run(30)
        return "\n".join(message.text for message in station.wire.messages)

    told = a_session(plain + suffix)
    assert "StopTransaction" in told
    assert "SignedData" not in told
    assert told.replace(plain + suffix, plain) == a_session(plain)
    assert find_model(plain + suffix).eichrecht_candidate == suffix.endswith("-G")


# When it is sent.


@pytest.mark.requirement("OCPP-4.2-1")
def test_station_sends_boot_notification_first_after_every_start(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert sent(station)[0] == "CALL BootNotification"

    def first_of_this_life(seconds: float) -> str:
        before = len(sent(station))
        world.run(seconds)
        return sent(station)[before]

    station.plug(1)
    station.badge("TAG")
    world.run(30)
    station.cut()
    world.run(5)
    station.power_on()
    assert first_of_this_life(10) == "CALL BootNotification"
    station.reboot()
    world.run(1)
    assert first_of_this_life(100) == "CALL BootNotification"
    for kind in ("Soft", "Hard"):
        central.ask("Reset", {"type": kind})
        assert first_of_this_life(100) == "CALL BootNotification"


@pytest.mark.requirement("J-5.4-1")
def test_station_sends_no_boot_notification_when_it_only_reconnects(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for _ in range(3):
        station.network_down()
        world.run(20)
        station.network_up()
        world.run_until(lambda: station.is_connected)
        world.run(60)
        assert station.is_connected
    assert len(boots(station)) == 1
    station.reboot()
    world.run(100)
    assert len(boots(station)) == 2


@pytest.mark.requirement("OCPP-4.2-2")
@pytest.mark.parametrize("obstacle", ["silence", "error", "Rejected"])
def test_station_sends_nothing_else_before_the_boot_was_answered(
    world: World, central: ScriptedSupervision, station: SimulatedStation, obstacle: str
) -> None:
    """There is a StopTransaction in the queue, a badge at the reader and a cable to report."""
    station.plug(1)
    station.badge("TAG")
    world.run(30)
    if obstacle == "silence":
        central.silent.add("BootNotification")
    elif obstacle == "error":
        central.errors["BootNotification"] = "InternalError"
    else:
        central.boot_status = "Rejected"
    station.cut()
    world.run(5)
    before = len(sent(station))
    station.power_on()
    world.run(20)
    station.plug(2)
    station.show(2)
    station.badge("OTHER")
    world.run(1000)
    assert set(sent(station)[before:]) == {"CALL BootNotification"}
    central.silent.clear()
    central.errors.clear()
    central.boot_status = "Accepted"
    world.run(400)
    assert {"CALL StopTransaction", "CALL StatusNotification"} <= set(sent(station)[before:])


@pytest.mark.requirement("OCPP-4.2-3")
def test_station_takes_interval_and_time_from_the_accepted_boot(world: World, central: ScriptedSupervision) -> None:
    central.answers["BootNotification"] = {
        "status": "Accepted",
        "currentTime": "2031-01-02T03:04:05Z",
        "interval": 77,
    }
    station = world.add_station()
    world.run(1)
    (entry,) = central.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})["configurationKey"]
    assert entry["value"] == "77"
    assert station.snapshot().clock.isoformat()[:16] == "2031-01-02T03:04"
    last = station.wire.messages[-1].at
    world.run(80)
    (beat,) = station.wire.calls("Heartbeat")
    assert beat.at == pytest.approx(last + 77, abs=0.1)


def test_station_keeps_its_heartbeat_interval_when_the_accepted_boot_names_none(
    world: World, central: ScriptedSupervision
) -> None:
    central.interval_s = 0
    world.add_station(keys={"HeartbeatInterval": "90"})
    world.run(1)
    (entry,) = central.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})["configurationKey"]
    assert entry["value"] == "90"


@pytest.mark.requirement("OCPP-4.2-4")
@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_station_waits_the_interval_before_it_asks_again(
    world: World, central: ScriptedSupervision, status: str
) -> None:
    central.boot_status, central.interval_s = status, 45
    station = world.add_station(keys=NO_DELAY)
    world.run(200)
    waits = [later - earlier for earlier, later in zip(boots(station), boots(station)[1:], strict=False)]
    assert len(waits) == 4
    assert all(45 <= wait < 46 for wait in waits)
    # A reconnect is no reason to ask earlier.
    station.close_link()
    asked = len(boots(station))
    world.run_until(lambda: station.is_connected)
    world.run(0.5)
    assert len(boots(station)) == asked
    central.boot_status = "Accepted"
    world.run(60)
    assert len(boots(station)) == asked + 1
    assert station.snapshot().boot == "Accepted"


@pytest.mark.requirement("OCPP-4.2-5")
@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_station_picks_its_own_wait_when_the_interval_is_nought(
    world: World, central: ScriptedSupervision, status: str
) -> None:
    central.boot_status, central.interval_s = status, 0
    station = world.add_station()
    world.run(600)
    assert 2 <= len(boots(station)) <= 12
    assert min(later - earlier for earlier, later in zip(boots(station), boots(station)[1:], strict=False)) >= 30


@pytest.mark.parametrize("obstacle", ["silence", "error", "nonsense"])
def test_station_asks_again_by_itself_when_the_boot_got_no_proper_answer(
    world: World, central: ScriptedSupervision, obstacle: str
) -> None:
    if obstacle == "silence":
        central.silent.add("BootNotification")
    elif obstacle == "error":
        central.errors["BootNotification"] = "InternalError"
    else:
        central.answers["BootNotification"] = {"status": "Perhaps"}
    station = world.add_station()
    world.run(400)
    assert 4 <= len(boots(station)) <= 8
    central.silent.clear()
    central.errors.clear()
    central.answers.clear()
    world.run(100)
    assert station.snapshot().boot == "Accepted"


# Rejected and Pending.


@pytest.mark.requirement("OCPP-4.2-6", "OCPP-4.2-7")
def test_station_sends_and_answers_nothing_while_it_is_rejected(world: World, central: ScriptedSupervision) -> None:
    central.boot_status, central.interval_s = "Rejected", 1000
    station = world.add_station(keys=FREE)
    world.run(10)
    before = len(sent(station))
    station.plug(1)
    for number, action in enumerate(("GetConfiguration", "Reset", "DoMagic")):
        central.send(f'[2,"r-{number}","{action}",{{}}]')
    world.run(980)
    assert len(sent(station)) == before
    world.run(20)
    assert sent(station)[before:] == ["CALL BootNotification"]


@pytest.mark.requirement("OCPP-4.2-10", "OCPP-4.2-13")
def test_station_answers_requests_while_it_is_pending_and_refuses_remote_starts_and_stops(
    world: World, central: ScriptedSupervision
) -> None:
    central.boot_status, central.interval_s = "Pending", 1000
    station = world.add_station(keys=NO_DELAY)
    world.run(10)
    assert central.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})["configurationKey"]
    assert central.ask("ChangeConfiguration", {"key": "ResetRetries", "value": "3"}) == {"status": "Accepted"}
    assert central.ask("UnlockConnector", {"connectorId": 1}) == {"status": "NotSupported"}
    assert central.call("DoMagic").payload["code"] == "NotImplemented"
    station.plug(1)
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "TAG"}) == {"status": "Rejected"}
    assert central.ask("RemoteStartTransaction", {"idTag": "TAG"}) == {"status": "Rejected"}
    assert central.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Rejected"}
    world.run(500)
    assert station.wire.actions() == ["BootNotification"]


def test_station_refuses_to_stop_a_running_transaction_remotely_while_it_is_pending(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """It began offline, in a life in which the station was not accepted yet."""
    station.cut()
    station.network_down()
    central.boot_status, central.interval_s = "Pending", 1000
    station.power_on()
    station.plug(1)
    station.badge("TAG")
    world.run(60)
    assert station.status(1) == "Charging"
    station.network_up()
    world.run_until(lambda: station.is_connected)
    world.run(5)
    assert central.ask("RemoteStopTransaction", {"transactionId": -1}) == {"status": "Rejected"}
    assert central.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Rejected"}
    assert station.status(1) == "Charging"


@pytest.mark.requirement("OCPP-4.2-9")
def test_neither_side_closes_the_connection_while_the_boot_is_pending(site: World) -> None:
    site.supervision.rule("CP-1", "Pending", 120)
    station = site.add_station()
    site.run(3600)
    answered = [fact.status for fact in site.supervision.facts(BootReported) if isinstance(fact, BootReported)]
    assert set(answered) == {"Pending"}
    assert len(answered) > 20
    assert station.is_connected
    assert site.supervision.facts(StationDisconnected) == []
    assert len(station.link_attempts) == 1


@pytest.mark.requirement("OCPP-4.2-15")
def test_station_reports_every_connector_after_it_was_accepted(world: World, central: ScriptedSupervision) -> None:
    """MinimumStatusDuration does not hold these reports back, nor does it matter that nothing changed."""
    station = world.add_station(model="EVD1S180TBB", keys={"MinimumStatusDuration": "600"}, powered=False)
    central.boot_status, central.interval_s = "Pending", 30
    station.power_on()
    station.plug(2)
    world.run(20)
    assert station.wire.payloads("StatusNotification") == []
    central.boot_status = "Accepted"
    world.run(20)
    told = [(p["connectorId"], p["status"], p["errorCode"]) for p in station.wire.payloads("StatusNotification")]
    assert told == [(0, "Available", "NoError"), (1, "Available", "NoError"), (2, "Preparing", "NoError")]


# Who may charge.


@pytest.mark.requirement("OCPP-4.2.1-1")
def test_station_gives_no_energy_before_the_supervision_at_its_address_accepted_it_once(
    world: World, central: ScriptedSupervision
) -> None:
    central.boot_status, central.interval_s = "Rejected", 60

    def charges() -> bool:
        """Free charging, a badge and nobody who could refuse it: only the missing acceptance is in the way."""
        station.network_down()
        station.plug(1)
        station.badge("TAG")
        world.run(60)
        began = station.connector(1).transaction is not None
        station.unplug(1)
        station.network_up()
        world.run_until(lambda: station.is_connected)
        world.run(130)
        return began

    station = world.add_station(keys=NO_DELAY)
    world.run(5)
    assert not charges()
    central.boot_status = "Pending"
    world.run(120)
    assert not charges()
    central.boot_status = "Accepted"
    world.run(120)
    assert charges()
    station.cut()
    station.power_on()
    assert charges(), "accepted in an earlier life"
    station.set_key("SupervisionUrl", "ws://elsewhere.example/ocpp")
    assert charges(), "the other address is for the next life"
    central.boot_status = "Rejected"
    station.cut()
    station.power_on()
    world.run(5)
    assert not charges(), "another supervision, which never accepted it"
    assert station.reading(1).energy_wh > 0
