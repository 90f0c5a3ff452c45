"""Transactions on the wire and in the ledger: how they start, how they end, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import RemoteStopTransactionRequest, ResetRequest, ResetType
from forecourt.station.effects import CloseContactor, LimitPower
from forecourt.supervision import readings
from forecourt.world.simulated_station import SimulatedStation
from forecourt.world.world import World

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from forecourt.world.scripted import ScriptedSupervision

ReadLedger = Callable[[World, Callable[["Connection"], Any]], Any]
Happening = Callable[[World, SimulatedStation], None]


def begin(world: World, station: SimulatedStation, id_tag: str = "TAG1", connector: int = 1) -> None:
    """A session that charges on a gun."""
    station.plug(connector)
    station.show(connector)
    station.badge(id_tag)
    world.run_until(lambda: station.status(connector) == "Charging", within_s=30)


# How a session starts.


def by_badge(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    station.badge("TAG")


def by_badge_offline(world: World, station: SimulatedStation) -> None:
    station.network_down()
    by_badge(world, station)
    world.run(60)
    station.network_up()
    world.run_until(lambda: station.is_connected)


def by_remote_start(world: World, station: SimulatedStation) -> None:
    station.plug(1)
    station.deliver(b'[2,"r1","RemoteStartTransaction",{"connectorId":1,"idTag":"TAG"}]')


def by_remote_start_before_the_cable(world: World, station: SimulatedStation) -> None:
    station.deliver(b'[2,"r1","RemoteStartTransaction",{"connectorId":1,"idTag":"TAG"}]')
    world.run(30)
    station.plug(1)


def by_free_charging(world: World, station: SimulatedStation) -> None:
    station.set_key("DefaultIdTag", "TAG")
    station.set_key("FreeCharging", "true")
    station.plug(1)


def by_autocharge(world: World, station: SimulatedStation) -> None:
    station.set_key("AutoCharge", "true")
    station.plug(1)


STARTS = [
    by_badge,
    by_badge_offline,
    by_remote_start,
    by_remote_start_before_the_cable,
    by_free_charging,
    by_autocharge,
]


@pytest.mark.requirement("OCPP-4.8-1", "OCPP-4.10-1", "OCPP-6-4", "OCPP-6-5")
@pytest.mark.parametrize("start", STARTS)
def test_session_is_reported_from_its_start_to_its_stop(
    world: World, station: SimulatedStation, start: Happening
) -> None:
    for _ in range(2):
        start(world, station)
        world.run(125)
        station.unplug(1)
        world.run(10)
    starts, stops = station.wire.payloads("StartTransaction"), station.wire.payloads("StopTransaction")
    assert sum(isinstance(effect, CloseContactor) for effect in station.effects) == 2
    assert len(starts) == len(stops) == 2
    id_tag = "02F0C0000077" if start is by_autocharge else "TAG"
    for number, (begun, ended) in enumerate(zip(starts, stops, strict=True), start=1):
        assert (begun["connectorId"], begun["idTag"]) == (1, id_tag)
        assert type(begun["meterStart"]) is type(ended["meterStop"]) is int
        assert ended["transactionId"] == number
        assert ended["meterStop"] > begun["meterStart"] + 3000
        assert ended["timestamp"] > begun["timestamp"]
    assert starts[1]["meterStart"] == stops[0]["meterStop"]
    assert stops[1]["meterStop"] == int(station.reading(1).energy_wh)


@pytest.mark.requirement("OCPP-4.1-1", "OCPP-4.1-3")
@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_energy_flows_only_after_the_supervision_accepted_the_tag(
    world: World, central: ScriptedSupervision, station: SimulatedStation, status: str
) -> None:
    station.plug(1)
    world.run(60)
    assert not station.wire.payloads("Authorize")
    central.answers["Authorize"] = {"idTagInfo": {"status": status}}
    station.badge("NEVERSEEN")
    world.run(60)
    assert station.wire.payloads("Authorize") == [{"idTag": "NEVERSEEN"}]
    assert not any(isinstance(effect, CloseContactor) for effect in station.effects)
    assert not station.wire.payloads("StartTransaction")
    assert station.status(1) == "Preparing"
    central.answers.clear()
    station.badge("NEVERSEEN")
    assert not any(isinstance(effect, CloseContactor) for effect in station.effects)
    world.run(60)
    assert station.reading(1).energy_wh > 1000
    actions = station.wire.actions()
    assert actions.index("StartTransaction") > actions.index("Authorize")


@pytest.mark.requirement("OCPP-4.1-1")
def test_energy_waits_for_the_answer_to_authorize(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("AllowOfflineTxForUnknownId", "false")
    central.silent.add("Authorize")
    station.plug(1)
    station.badge("TAG")
    world.run(120)
    assert len(station.wire.payloads("Authorize")) == 1
    assert not any(isinstance(effect, CloseContactor) for effect in station.effects)
    assert station.reading(1).energy_wh == 0


@pytest.mark.requirement("OCPP-4.1-2")
def test_authorize_is_sent_to_stop_only_for_another_tag_than_the_starting_one(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    begin(world, station, "TAG")
    central.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    station.badge("OTHER")
    world.run(5)
    assert station.wire.payloads("Authorize") == [{"idTag": "TAG"}, {"idTag": "OTHER"}]
    assert station.status(1) == "Charging"
    station.badge("tag")
    world.run(5)
    assert len(station.wire.payloads("Authorize")) == 2
    (stop,) = station.wire.payloads("StopTransaction")
    assert (stop["idTag"], stop["reason"]) == ("tag", "Local")


@pytest.mark.requirement("OCPP-4.1-6")
def test_authorize_is_sent_for_nothing_but_charging(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.badge("NOCABLE")
    station.plug(1)
    station.fault("0x100206", 1)
    station.badge("FAULTED")
    world.run(10)
    station.clear("0x100206", 1)
    station.set_key("RFIDEnabled", "false")
    station.badge("DISABLED")
    station.set_key("RFIDEnabled", "true")
    station.badge("much too long for an idTag")
    station.unplug(1)
    central.ask("UnlockConnector", {"connectorId": 1})
    central.ask("RemoteStartTransaction", {"connectorId": 9, "idTag": "NOGUN"})
    world.run(300)
    assert not station.wire.payloads("Authorize")
    begin(world, station, "TAG")
    central.ask("RemoteStopTransaction", {"transactionId": 1})
    world.run(10)
    assert station.status(1) == "Finishing"
    central.ask("Reset", {"type": "Soft"})
    world.run(200)
    assert station.lives == 2
    assert station.wire.payloads("Authorize") == [{"idTag": "TAG"}]


@pytest.mark.requirement("OCPP-3.13.6-3")
def test_session_offline_is_offered_all_that_the_station_has(world: World, station: SimulatedStation) -> None:
    begin(world, station)
    world.run(30)
    online_w, offered_w = station.reading(1).power_w, station.reading(1).offered_w
    station.unplug(1)
    world.run(30)
    station.network_down()
    begin(world, station)
    world.run(30)
    assert not station.is_connected
    assert (station.reading(1).power_w, station.reading(1).offered_w) == (online_w, offered_w)
    assert online_w > 140_000
    assert not any(isinstance(effect, LimitPower) for effect in station.effects)


# How a session ends.


def end_by_badge(site: World, station: SimulatedStation) -> None:
    station.badge("TAG1")


def end_by_remote_stop(site: World, station: SimulatedStation) -> None:
    site.supervision.ask(station.identity, RemoteStopTransactionRequest(transactionId=1))


def end_by_unplugging(site: World, station: SimulatedStation) -> None:
    station.unplug(1)


def end_by_emergency_stop(site: World, station: SimulatedStation) -> None:
    station.fault("0x100202", 0)


def end_by_fault(site: World, station: SimulatedStation) -> None:
    station.fault("0x100206", 1)


def end_by_soft_reset(site: World, station: SimulatedStation) -> None:
    site.supervision.ask(station.identity, ResetRequest(type=ResetType.Soft))


def end_by_hard_reset(site: World, station: SimulatedStation) -> None:
    site.supervision.ask(station.identity, ResetRequest(type=ResetType.Hard))


def end_by_reboot(site: World, station: SimulatedStation) -> None:
    station.reboot()


def end_by_power_cut(site: World, station: SimulatedStation) -> None:
    station.cut()
    site.run(30)
    station.power_on()


ENDINGS = [
    (end_by_badge, "Local", "TAG1"),
    (end_by_remote_stop, "Remote", "TAG1"),
    (end_by_unplugging, "EVDisconnected", None),
    (end_by_emergency_stop, "EmergencyStop", None),
    (end_by_fault, "Other", None),
    (end_by_soft_reset, "SoftReset", None),
    (end_by_hard_reset, "HardReset", None),
    (end_by_reboot, "Reboot", None),
    (end_by_power_cut, "PowerLoss", None),
]


@pytest.mark.requirement("OCPP-4.10-1", "OCPP-4.10-3", "OCPP-7-11")
@pytest.mark.parametrize(("end", "reason", "id_tag"), ENDINGS)
def test_session_ends_with_the_reason_of_its_cause_and_a_tag_only_if_somebody_ended_it(
    site: World, served: SimulatedStation, end: Happening, reason: str, id_tag: str | None
) -> None:
    begin(site, served)
    site.run(60)
    end(site, served)
    site.run(200)
    (stop,) = served.wire.payloads("StopTransaction")
    assert (stop["reason"], stop.get("idTag")) == (reason, id_tag)
    (kept,) = site.supervision.stopped
    assert msgspec.to_builtins(kept.request) == stop


@pytest.mark.requirement("OCPP-4.10-1", "OCPP-4.10-3", "OCPP-7-11")
def test_session_of_a_tag_that_charges_already_ends_deauthorized(site: World, served: SimulatedStation) -> None:
    begin(site, served, connector=2)
    served.plug(1)
    served.show(1)
    served.badge("TAG1")
    site.run(60)
    (stop,) = served.wire.payloads("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (2, "DeAuthorized")
    assert "idTag" not in stop
    (kept,) = site.supervision.stopped
    assert kept.request.reason == "DeAuthorized"


def foreign_session(station: SimulatedStation, site: World, number: int, **optional: str) -> list[Any]:
    """Have somebody else's station start and stop on the link of ours; the supervision's answer to the stop."""
    start = {"connectorId": 1, "idTag": "TAG1", "meterStart": number, "timestamp": "2026-03-02T08:00:00Z"}
    stop = {"transactionId": number, "meterStop": 5 + number, "timestamp": "2026-03-02T08:01:00Z", **optional}
    for action, payload in (("StartTransaction", start), ("StopTransaction", stop)):
        frame = msgspec.json.encode([2, f"foreign-{action}-{number}", action, payload])
        site.supervision.frame_received(1, frame)
    answer: list[Any] = msgspec.json.decode(station.wire.messages[-1].text)
    return answer


def shown_reason(number: int) -> Callable[[Connection], str | None]:
    """What the supervision's API shows as the reason of a transaction."""

    def read(connection: Connection) -> str | None:
        transaction = readings.transaction(connection, number, 0.0)
        assert transaction is not None
        return transaction.reason

    return read


ELEVEN = (
    "EmergencyStop EVDisconnected HardReset Local Other PowerLoss Reboot Remote SoftReset UnlockCommand DeAuthorized"
)


@pytest.mark.requirement("OCPP-7-11")
def test_supervision_takes_the_eleven_reasons_and_refuses_another(
    site: World, served: SimulatedStation, read_ledger: ReadLedger
) -> None:
    reasons = ELEVEN.split()
    for number, reason in enumerate(reasons, start=1):
        assert foreign_session(served, site, number, reason=reason)[0] == 3
    assert [read_ledger(site, shown_reason(number)) for number in range(1, 12)] == reasons
    refused = foreign_session(served, site, 12, reason="Bored")
    assert (refused[0], refused[2]) == (4, "PropertyConstraintViolation")
    assert 12 not in site.supervision.ledger.stopped


@pytest.mark.requirement("OCPP-4.10-4")
def test_missing_reason_is_local_to_the_supervision(
    site: World, served: SimulatedStation, read_ledger: ReadLedger
) -> None:
    assert foreign_session(served, site, 1)[0] == 3
    assert "reason" not in msgspec.to_builtins(site.supervision.ledger.stopped[1].request)
    assert read_ledger(site, shown_reason(1)) == "Local"


@pytest.mark.requirement("OCPP-4.10-4")
def test_station_states_the_reason_of_every_ending_that_is_not_local(
    site: World, served: SimulatedStation, read_ledger: ReadLedger
) -> None:
    for end, reason, _ in ENDINGS[1:]:
        served.clear("0x100202", 0)
        served.clear("0x100206", 1)
        if served.connector(1).plugged:
            served.unplug(1)
        begin(site, served)
        end(site, served)
        site.run(200)
        assert served.wire.payloads("StopTransaction")[-1]["reason"] == reason
        assert read_ledger(site, shown_reason(len(site.supervision.started))) == reason
    assert len(served.wire.payloads("StopTransaction")) == len(ENDINGS) - 1
