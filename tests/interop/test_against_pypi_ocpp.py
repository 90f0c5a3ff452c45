"""Our halves against the halves of the PyPI package `ocpp`, over real sockets and its own schema validation."""

# The package has no types.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus
from websockets.typing import Subprotocol

from forecourt.ocpp.core import GetConfigurationRequest, RemoteStartTransactionRequest, RemoteStopTransactionRequest
from forecourt.supervision.facts import IdTagSet
from forecourt.supervision.outcomes import Answered
from forecourt.supervision.server import Supervision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.server import ServerConnection


class PackageCentral(ChargePoint):  # type: ignore[misc]
    """The package has one class for both ends; this is its central system's."""

    def __init__(self, identity: str, connection: ServerConnection) -> None:
        super().__init__(identity, connection)
        self.seen: list[tuple[str, dict[str, Any]]] = []

    @on(Action.boot_notification)
    def boot(self, **payload: Any) -> call_result.BootNotification:
        self.seen.append(("BootNotification", payload))
        return call_result.BootNotification(_now(), 300, RegistrationStatus.accepted)

    @on(Action.status_notification)
    def status(self, **payload: Any) -> call_result.StatusNotification:
        self.seen.append(("StatusNotification", payload))
        return call_result.StatusNotification()

    @on(Action.heartbeat)
    def heartbeat(self, **payload: Any) -> call_result.Heartbeat:
        self.seen.append(("Heartbeat", payload))
        return call_result.Heartbeat(_now())

    @on(Action.authorize)
    def authorize(self, **payload: Any) -> call_result.Authorize:
        self.seen.append(("Authorize", payload))
        return call_result.Authorize({"status": AuthorizationStatus.accepted})

    @on(Action.start_transaction)
    def start_transaction(self, **payload: Any) -> call_result.StartTransaction:
        self.seen.append(("StartTransaction", payload))
        return call_result.StartTransaction(77, {"status": AuthorizationStatus.accepted})

    @on(Action.meter_values)
    def meter(self, **payload: Any) -> call_result.MeterValues:
        self.seen.append(("MeterValues", payload))
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    def stop_transaction(self, **payload: Any) -> call_result.StopTransaction:
        self.seen.append(("StopTransaction", payload))
        return call_result.StopTransaction()

    def payloads(self, action: str) -> list[dict[str, Any]]:
        return [payload for name, payload in self.seen if name == action]


def _now() -> str:
    return datetime.now(UTC).isoformat()


def test_our_station_charges_at_a_central_system_of_the_package(
    station_at: Callable[[str], Any], until: Callable[[Callable[[], object]], Awaitable[None]]
) -> None:
    """Boot, badge, charge, a look at the keys, remote stop: the package validates every frame of ours."""
    centrals: list[PackageCentral] = []
    answers: dict[str, Any] = {}

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        central = PackageCentral(connection.request.path, connection)
        centrals.append(central)
        await central.start()

    async def charge() -> None:
        async with (
            websockets.serve(handle, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]) as server,
            station_at(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/steve") as station,
        ):
            await until(lambda: centrals and len(centrals[0].payloads("StatusNotification")) >= 3)
            central = centrals[0]
            station.plug()
            station.badge("AB12")
            await until(lambda: len(central.payloads("MeterValues")) >= 2)
            answers["keys"] = await central.call(call.GetConfiguration())
            answers["one"] = await central.call(call.ChangeConfiguration("MeterValueSampleInterval", "30"))
            answers["stop"] = await central.call(call.RemoteStopTransaction(77))
            await until(lambda: central.payloads("StopTransaction"))
            answers["reset"] = await central.call(call.Reset("Soft"))

    asyncio.run(charge())
    central = centrals[0]
    assert central.id == "/steve/CP%201"
    assert central.payloads("BootNotification")[0]["charge_point_model"] == "EVD1S180THB"
    started, stopped = central.payloads("StartTransaction")[0], central.payloads("StopTransaction")[0]
    assert started["id_tag"] == "AB12"
    assert stopped["transaction_id"] == 77
    assert stopped["reason"] == "Remote"
    assert stopped["meter_stop"] > started["meter_start"]
    assert len(answers["keys"].configuration_key) == 68
    assert answers["one"].status == "Accepted"
    assert answers["stop"].status == "Accepted"
    assert answers["reset"].status == "Accepted"


class PackageStation(ChargePoint):  # type: ignore[misc]
    """The package's charge point."""

    def __init__(self, identity: str, connection: Any) -> None:
        super().__init__(identity, connection)
        self.asked: list[str] = []

    @on(Action.remote_start_transaction)
    def remote_start(self, **payload: Any) -> call_result.RemoteStartTransaction:
        self.asked.append(payload["id_tag"])
        return call_result.RemoteStartTransaction("Accepted")

    @on(Action.remote_stop_transaction)
    def remote_stop(self, **payload: Any) -> call_result.RemoteStopTransaction:
        return call_result.RemoteStopTransaction("Rejected")

    @on(Action.get_configuration)
    def get_configuration(self, **payload: Any) -> call_result.GetConfiguration:
        return call_result.GetConfiguration(configuration_key=[{"key": "X", "readonly": True, "value": "1"}])


def test_a_charge_point_of_the_package_charges_at_our_supervision() -> None:
    """Boot, authorise, charge, stop, and three commands of ours: the package validates every answer of ours."""
    found: dict[str, Any] = {}

    async def charge() -> None:
        supervision = Supervision(ocpp_port=0, http_port=0)
        await supervision.start()
        try:
            await supervision.edit(IdTagSet("AB12", parentIdTag="FLEET"))
            url = f"ws://127.0.0.1:{supervision.ocpp_port}/CP%202"
            async with websockets.connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as connection:
                station = PackageStation("CP 2", connection)
                reading = asyncio.create_task(station.start())
                found.update(await _session_of(station))
                found["commands"] = [
                    await supervision.command("CP 2", request, supervision.new_command_id())
                    for request in (
                        RemoteStartTransactionRequest(idTag="AB12", connectorId=1),
                        RemoteStopTransactionRequest(transactionId=found["start"].transaction_id),
                        GetConfigurationRequest(),
                    )
                ]
                found["asked"] = station.asked
                reading.cancel()
        finally:
            await supervision.stop()

    asyncio.run(charge())
    assert found["boot"].status == "Accepted"
    assert found["authorize"].id_tag_info == {"status": "Accepted", "parent_id_tag": "FLEET"}
    assert found["unknown"].id_tag_info["status"] == "Invalid"
    assert found["start"].transaction_id > 0
    assert found["again"].transaction_id == found["start"].transaction_id
    assert found["stop"].id_tag_info["status"] == "Accepted"
    assert found["asked"] == ["AB12"]
    assert all(isinstance(outcome, Answered) for outcome in found["commands"])


async def _session_of(station: PackageStation) -> dict[str, Any]:
    start = call.StartTransaction(connector_id=1, id_tag="AB12", meter_start=10, timestamp="2026-03-02T08:00:00Z")
    found: dict[str, Any] = {
        "boot": await station.call(call.BootNotification("EVD1S180THB", "Schneider Electric")),
        "status": await station.call(call.StatusNotification(1, "NoError", "Available")),
        "authorize": await station.call(call.Authorize("AB12")),
        "unknown": await station.call(call.Authorize("NOBODY")),
        "start": await station.call(start),
        "again": await station.call(start),
    }
    transaction_id = found["start"].transaction_id
    value = {"timestamp": "2026-03-02T08:01:00Z", "sampled_value": [{"value": "1200", "unit": "Wh"}]}
    await station.call(call.MeterValues(1, [value], transaction_id))
    found["heartbeat"] = await station.call(call.Heartbeat())
    found["stop"] = await station.call(
        call.StopTransaction(
            meter_stop=1500, timestamp="2026-03-02T08:02:00Z", transaction_id=transaction_id, id_tag="AB12"
        )
    )
    return found
