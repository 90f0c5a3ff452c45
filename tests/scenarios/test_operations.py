"""Each operation of the core profile once, between our station and our supervision: who asks what, who answers what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import (
    ChangeConfigurationRequest,
    DataTransferRequest,
    DataTransferResponse,
    DataTransferStatus,
    GetConfigurationRequest,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ResetRequest,
    ResetResponse,
    ResetStatus,
    ResetType,
    UnlockConnectorRequest,
)
from forecourt.supervision.facts import (
    BootReported,
    MeterValuesReported,
    StatusReported,
    TransactionStarted,
    TransactionStopped,
)
from forecourt.supervision.outcomes import Answered, Refused
from forecourt.world.wire import RECEIVED, SENT

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record
    from forecourt.supervision.facts import Fact
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.wire import Message
    from forecourt.world.world import World


def exchanges(station: SimulatedStation, action: str, asker: str = SENT) -> list[tuple[Message, Message]]:
    """The requests of one side with their answers."""
    answers = {
        m.id: m for m in station.wire.messages if m.kind != "CALL" and m.direction != asker and m.action == action
    }
    return [(request, answers[request.id]) for request in station.wire.calls(action, asker)]


def last_exchange(station: SimulatedStation, action: str, asker: str = SENT) -> tuple[dict[str, Any], dict[str, Any]]:
    request, answer = exchanges(station, action, asker)[-1]
    assert answer.kind == "CALLRESULT"
    return request.payload, answer.payload


def charge(site: World, station: SimulatedStation, seconds: float = 70) -> None:
    station.plug(1)
    station.badge("TAG1")
    site.run(seconds)
    assert station.status(1) == "Charging"


# The station asks.


@pytest.mark.requirement("GUIDE-OP-01")
@pytest.mark.parametrize(("id_tag", "status"), [("TAG1", "Accepted"), ("NOBODY", "Invalid"), ("LOST", "Blocked")])
def test_station_asks_for_a_badge_and_the_supervision_decides(
    site: World, served: SimulatedStation, id_tag: str, status: str
) -> None:
    site.supervision.register("LOST", status="Blocked")
    served.plug(1)
    served.badge(id_tag)
    site.run(10)
    assert last_exchange(served, "Authorize") == ({"idTag": id_tag}, {"idTagInfo": {"status": status}})
    assert (served.status(1) == "Charging") == (status == "Accepted")


@pytest.mark.requirement("GUIDE-OP-02")
def test_station_reports_each_boot_and_the_supervision_accepts_it(site: World, served: SimulatedStation) -> None:
    site.supervision.rule(served.identity, "Accepted", 240)
    served.reboot()
    site.run(100)
    served.cut()
    served.power_on()
    site.run(10)
    assert len(exchanges(served, "BootNotification")) == 3
    request, answer = last_exchange(served, "BootNotification")
    assert request["chargePointVendor"] == "Schneider Electric"
    assert sorted(answer) == ["currentTime", "interval", "status"]
    assert (answer["status"], answer["interval"]) == ("Accepted", 240)
    assert answer["currentTime"].startswith("2026-03-02T08:01:")
    assert len(site.supervision.facts(BootReported)) == 3


@pytest.mark.requirement("GUIDE-OP-03")
def test_station_sends_a_heartbeat_and_the_supervision_tells_the_time(site: World, served: SimulatedStation) -> None:
    site.run(400)
    request, answer = last_exchange(served, "Heartbeat")
    assert request == {}
    assert list(answer) == ["currentTime"]
    assert answer["currentTime"].startswith("2026-03-02T08:05:")


@pytest.mark.requirement("GUIDE-OP-04")
def test_station_sends_meter_values_and_the_supervision_takes_them(site: World, served: SimulatedStation) -> None:
    charge(site, served)
    request, answer = last_exchange(served, "MeterValues")
    assert (request["connectorId"], request["transactionId"]) == (1, site.supervision.started[0].transactionId)
    assert request["meterValue"][0]["sampledValue"]
    assert answer == {}
    (fact,) = site.supervision.facts(MeterValuesReported)
    assert isinstance(fact, MeterValuesReported)
    assert fact.request.connectorId == 1


@pytest.mark.requirement("GUIDE-OP-05", "GUIDE-OP-07")
def test_station_reports_the_start_and_the_stop_and_the_supervision_answers_both(
    site: World, served: SimulatedStation
) -> None:
    charge(site, served)
    request, answer = last_exchange(served, "StartTransaction")
    assert (request["connectorId"], request["idTag"], request["meterStart"]) == (1, "TAG1", 0)
    assert answer == {"transactionId": 1, "idTagInfo": {"status": "Accepted"}}
    served.badge("TAG1")
    site.run(10)
    request, answer = last_exchange(served, "StopTransaction")
    assert (request["transactionId"], request["idTag"], request["reason"]) == (1, "TAG1", "Local")
    assert request["meterStop"] == pytest.approx(served.reading(1).energy_wh, abs=1)
    assert answer == {"idTagInfo": {"status": "Accepted"}}
    kinds: list[type[Fact]] = [TransactionStarted, TransactionStopped]
    assert [len(site.supervision.facts(kind)) for kind in kinds] == [1, 1]


@pytest.mark.requirement("GUIDE-OP-06")
def test_station_reports_its_status_and_the_supervision_takes_it(site: World, served: SimulatedStation) -> None:
    served.plug(2)
    site.run(1)
    request, answer = last_exchange(served, "StatusNotification")
    assert (request["connectorId"], request["status"], request["errorCode"]) == (2, "Preparing", "NoError")
    assert answer == {}
    told = [fact for fact in site.supervision.facts(StatusReported) if isinstance(fact, StatusReported)]
    assert (told[-1].request.connectorId, told[-1].request.status) == (2, "Preparing")


# The supervision asks.


def ask(site: World, station: SimulatedStation, request: Record) -> Any:
    """The answer to a command, as the supervision's operator gets it."""
    outcome = site.supervision.ask(station.identity, request)
    assert isinstance(outcome, Answered)
    return outcome.response


@pytest.mark.requirement("GUIDE-CSOP-02")
@pytest.mark.parametrize(
    ("key", "value", "status", "after"),
    [
        ("MeterValueSampleInterval", "15", "Accepted", "15"),
        ("MeterValueSampleInterval", "often", "Rejected", "60"),
        ("NumberOfConnectors", "1", "Rejected", "2"),
        ("BoxIdentifier", "CP-NEW", "RebootRequired", "CP-NEW"),
        ("Colour", "red", "NotSupported", None),
    ],
)
def test_supervision_changes_a_key_and_the_station_says_what_came_of_it(
    site: World, served: SimulatedStation, key: str, value: str, status: str, after: str | None
) -> None:
    assert ask(site, served, ChangeConfigurationRequest(key=key, value=value)).status == status
    read = ask(site, served, GetConfigurationRequest(key=(key,)))
    assert ([entry.value for entry in read.configurationKey] if after is not None else None) == (
        [after] if after is not None else None
    )
    assert (read.unknownKey == (key,)) == (after is None)


@pytest.mark.requirement("GUIDE-CSOP-05")
def test_supervision_reads_known_and_unknown_keys(site: World, served: SimulatedStation) -> None:
    names = ("HeartbeatInterval", "NumberOfConnectors", "Colour")
    answer = ask(site, served, GetConfigurationRequest(key=names))
    known = [(entry.key, entry.readonly, entry.value) for entry in answer.configurationKey]
    assert known == [("HeartbeatInterval", False, "300"), ("NumberOfConnectors", True, "2")]
    assert answer.unknownKey == ("Colour",)
    everything = ask(site, served, GetConfigurationRequest())
    assert len(everything.configurationKey) > 60


@pytest.mark.requirement("GUIDE-CSOP-06")
def test_supervision_starts_remotely_and_the_station_accepts_or_rejects(site: World, served: SimulatedStation) -> None:
    served.plug(1)
    request = RemoteStartTransactionRequest(connectorId=1, idTag="TAG1")
    assert ask(site, served, request).status == "Accepted"
    site.run(10)
    assert served.status(1) == "Charging"
    assert [started.request.idTag for started in site.supervision.started] == ["TAG1"]
    assert ask(site, served, request).status == "Rejected"
    assert ask(site, served, RemoteStartTransactionRequest(connectorId=3, idTag="TAG1")).status == "Rejected"


@pytest.mark.requirement("GUIDE-CSOP-07")
def test_supervision_stops_remotely_and_the_station_accepts_or_rejects(site: World, served: SimulatedStation) -> None:
    charge(site, served)
    assert ask(site, served, RemoteStopTransactionRequest(transactionId=99)).status == "Rejected"
    assert served.status(1) == "Charging"
    assert ask(site, served, RemoteStopTransactionRequest(transactionId=1)).status == "Accepted"
    site.run(5)
    assert [stopped.request.reason for stopped in site.supervision.stopped] == ["Remote"]
    assert ask(site, served, RemoteStopTransactionRequest(transactionId=1)).status == "Rejected"


@pytest.mark.requirement("GUIDE-CSOP-08")
@pytest.mark.parametrize("kind", list(ResetType))
def test_supervision_resets_and_the_station_accepts_or_rejects(
    site: World, served: SimulatedStation, kind: ResetType
) -> None:
    assert ask(site, served, ResetRequest(type=kind)).status == "Accepted"
    site.run(100)
    assert served.lives == 2
    # The next one does not end at once: the answer to a StopTransaction is waited for.
    site.latency_s = 2.0
    served.plug(1)
    served.badge("TAG1")
    site.run(30)
    first = site.supervision.command(served.identity, ResetRequest(type=kind))
    second = site.supervision.command(served.identity, ResetRequest(type=kind))
    site.run(12)
    accepted = Answered(ResetResponse(status=ResetStatus.Accepted))
    rejected = Answered(ResetResponse(status=ResetStatus.Rejected))
    assert [site.supervision.outcome(each) for each in (first, second)] == [accepted, rejected]


@pytest.mark.requirement("GUIDE-CSOP-09", "OCPP-5.18-1")
def test_supervision_unlocks_and_the_station_has_nothing_to_unlock(site: World, served: SimulatedStation) -> None:
    """Fixed cables: a result and no error, for guns that there are and for others."""
    for connector in (1, 2, 0, 3, 99):
        assert ask(site, served, UnlockConnectorRequest(connectorId=connector)).status == "NotSupported"
        assert exchanges(served, "UnlockConnector", RECEIVED)[-1][1].kind == "CALLRESULT"


@pytest.mark.requirement("GUIDE-CSOP-10")
def test_station_lets_a_transaction_run_when_it_is_asked_to_unlock_the_gun(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Our own supervision would not even ask."""
    charge(world, station)
    energy_wh = station.reading(1).energy_wh
    assert central.ask("UnlockConnector", {"connectorId": 1}) == {"status": "NotSupported"}
    world.run(30)
    assert station.status(1) == "Charging"
    assert station.connector(1).transaction is not None
    assert station.reading(1).energy_wh > energy_wh
    assert station.wire.payloads("StopTransaction") == []


@pytest.mark.requirement("OCPP-6-3")
@pytest.mark.parametrize("connector", [0, -1])
def test_remote_start_names_a_gun_or_none_on_both_sides(
    site: World, served: SimulatedStation, world: World, central: ScriptedSupervision, connector: int
) -> None:
    """Our supervision does not send another connectorId, and our station refuses it of a supervision that does."""
    asked = len(served.wire.messages)
    request = RemoteStartTransactionRequest(connectorId=connector, idTag="TAG1")
    outcome = site.supervision.ask(served.identity, request)
    assert isinstance(outcome, Refused)
    assert f"above 0, or absent; {connector} came" in outcome.sentence
    assert served.wire.calls("RemoteStartTransaction", RECEIVED) == []
    assert len(served.wire.messages) == asked
    station = world.add_station(model="EVD1S180TBB")
    station.plug(1)
    world.run(5)
    answer = central.ask("RemoteStartTransaction", {"connectorId": connector, "idTag": "TAG1"})
    assert answer == {"status": "Rejected"}
    world.run(60)
    assert station.status(1) == "Preparing"
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "TAG1"}) == {"status": "Accepted"}


# Data of vendors.

VENDORS = ("com.example", "org.openchargealliance.costmsg", "com.se.costs", "com.se", "Schneider Electric", "")


@pytest.mark.requirement("GUIDE-DT-01", "OCPP-4.3-1")
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("message", [None, "CostUpdated", "Hello"])
def test_data_of_an_unknown_vendor_is_answered_so_by_both_sides(
    site: World, served: SimulatedStation, vendor: str, message: str | None
) -> None:
    fields = {"vendorId": vendor, "data": "any"} | ({} if message is None else {"messageId": message})
    request = DataTransferRequest(**fields)
    unknown = DataTransferResponse(status=DataTransferStatus.UnknownVendorId)
    assert site.supervision.ask(served.identity, request) == Answered(unknown)
    assert last_exchange(served, "DataTransfer", RECEIVED) == (fields, {"status": "UnknownVendorId"})
    assert repr(vendor) in served.log[-1].detail
    served.say(msgspec.json.encode([2, "d-1", "DataTransfer", fields]))
    site.run(1)
    answer = served.wire.messages[-1]
    assert (answer.kind, answer.id, answer.payload) == ("CALLRESULT", "d-1", {"status": "UnknownVendorId"})


# All of the core profile.


@pytest.mark.requirement("OCPP-3.3-1")
def test_every_message_of_the_core_profile_works(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    asked: dict[str, tuple[dict[str, Any], str]] = {
        "ChangeAvailability": ({"connectorId": 2, "type": "Inoperative"}, "Accepted"),
        "ChangeConfiguration": ({"key": "AuthorizationCacheEnabled", "value": "true"}, "Accepted"),
        "ClearCache": ({}, "Accepted"),
        "DataTransfer": ({"vendorId": "com.example"}, "UnknownVendorId"),
        "RemoteStartTransaction": ({"connectorId": 1, "idTag": "TAG1"}, "Accepted"),
        "RemoteStopTransaction": ({"transactionId": 1}, "Accepted"),
        "UnlockConnector": ({"connectorId": 1}, "NotSupported"),
        "Reset": ({"type": "Soft"}, "Accepted"),
    }
    station.plug(1)
    world.run(5)
    for action, (payload, status) in asked.items():
        assert central.ask(action, payload) == {"status": status}, action
        world.run(130)
    assert len(central.ask("GetConfiguration")["configurationKey"]) == 68
    world.run(400)
    assert station.lives == 2
    assert {*station.wire.actions()} == {
        "Authorize",
        "BootNotification",
        "Heartbeat",
        "MeterValues",
        "SecurityEventNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
    assert not [message for message in station.wire.messages if message.kind == "CALLERROR"]
