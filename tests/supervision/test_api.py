"""The supervision's HTTP API, over HTTP, with stations on real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from forecourt.ocpp.actions import ACTIONS, Sender
from forecourt.supervision.facts import Policy
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    import httpx2

    from tests.supervision_peers import Running

HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a1", "issuerKeyHash": "b2", "serialNumber": "c3"}
WHEN = "2026-11-22T08:30:00Z"
PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 21.4}],
    },
}
OPERATIONS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}, {"status": "Scheduled"}),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}, {"status": "RebootRequired"}),
    ("ClearCache", {}, {"status": "Accepted"}),
    ("DataTransfer", {"vendorId": "com.se", "data": "é"}, {"status": "UnknownMessageId", "data": "no"}),
    (
        "GetConfiguration",
        {"key": ["HeartbeatInterval", "Nonsense"]},
        {
            "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}],
            "unknownKey": ["Nonsense"],
        },
    ),
    ("RemoteStartTransaction", {"idTag": "BADGE", "connectorId": 1}, {"status": "Rejected"}),
    ("RemoteStopTransaction", {"transactionId": 7}, {"status": "Rejected"}),
    ("Reset", {"type": "Hard"}, {"status": "Accepted"}),
    ("UnlockConnector", {"connectorId": 2}, {"status": "NotSupported"}),
    ("GetDiagnostics", {"location": "ftp://127.0.0.1/"}, {"fileName": "diagnostics.zip"}),
    ("UpdateFirmware", {"location": "ftp://127.0.0.1/f", "retrieveDate": WHEN}, {}),
    ("GetLocalListVersion", {}, {"listVersion": -1}),
    ("SendLocalList", {"listVersion": 3, "updateType": "Full"}, {"status": "VersionMismatch"}),
    ("CancelReservation", {"reservationId": 5}, {"status": "Rejected"}),
    (
        "ReserveNow",
        {"connectorId": 1, "expiryDate": WHEN, "idTag": "BADGE", "reservationId": 5},
        {"status": "Occupied"},
    ),
    (
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 60},
        {
            "status": "Accepted",
            "connectorId": 1,
            "scheduleStart": WHEN,
            "chargingSchedule": PROFILE["chargingSchedule"],
        },
    ),
    ("ClearChargingProfile", {}, {"status": "Unknown"}),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE}, {"status": "NotSupported"}),
    ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}, {"status": "NotImplemented"}),
    ("CertificateSigned", {"certificateChain": "PEM"}, {"status": "Rejected"}),
    ("DeleteCertificate", {"certificateHashData": HASH}, {"status": "NotFound"}),
    (
        "GetInstalledCertificateIds",
        {"certificateType": "CentralSystemRootCertificate"},
        {"status": "Accepted", "certificateHashData": [HASH]},
    ),
    ("ExtendedTriggerMessage", {"requestedMessage": "LogStatusNotification"}, {"status": "NotImplemented"}),
    (
        "GetLog",
        {"logType": "SecurityLog", "requestId": 9, "log": {"remoteLocation": "ftp://127.0.0.1/"}},
        {"status": "AcceptedCanceled", "filename": "security.log"},
    ),
    (
        "InstallCertificate",
        {"certificateType": "ManufacturerRootCertificate", "certificate": "PEM"},
        {"status": "Failed"},
    ),
    (
        "SignedUpdateFirmware",
        {
            "requestId": 4,
            "firmware": {
                "location": "https://127.0.0.1/f",
                "retrieveDateTime": WHEN,
                "signingCertificate": "PEM",
                "signature": "MEQ=",
            },
        },
        {"status": "InvalidCertificate"},
    ),
)


def test_every_operation_of_the_central_system_goes_out_and_its_answer_comes_back_unchanged() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            for action, request, answer in OPERATIONS:
                told = asyncio.create_task(station.answer(answer))
                response = await ours.command(action, request)
                call = await told
                assert call[2:] == [action, request]
                assert response.status_code == 200, (action, response.text)
                assert response.json() == answer
                command = await ours.get(response.headers["location"])
                assert (command["action"], command["request"], command["response"]) == (action, request, answer)
                assert (command["identity"], command["outcome"]) == ("EVD-1", "Answered")

    assert [name for name, _, _ in OPERATIONS] == [
        name for name, action in ACTIONS.items() if action.sender is not Sender.STATION
    ]
    play(scenario(), within_s=60)


def test_command_without_a_body_is_one_with_an_empty_payload() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            told = asyncio.create_task(station.answer({"status": "Accepted"}))
            response = await ours.http.post("/api/stations/EVD-1/commands/ClearCache")
            assert (response.status_code, response.json()) == (200, {"status": "Accepted"})
            assert (await told)[3] == {}

    play(scenario())


@pytest.mark.parametrize(
    ("action", "payload", "path", "expected", "came"),
    [
        ("Reset", {"type": "Warm"}, "type", "Hard", "Warm"),
        ("Reset", {}, "type", "", "nothing"),
        ("Reset", {"type": "Hard", "now": True}, "now", "no such field", ""),
        ("UnlockConnector", {"connectorId": "1"}, "connectorId", "integer", "text"),
        ("RemoteStartTransaction", {"idTag": "x" * 21}, "idTag", "20", "21"),
        ("GetConfiguration", [], "payload", "object", "array"),
    ],
)
def test_payload_that_is_not_ocpp_gets_400_with_path_expected_and_came(
    action: str, payload: Any, path: str, expected: str, came: str
) -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            response = await ours.command(action, payload)
            body = response.json()
            assert response.status_code == 400
            assert body["path"] == path
            assert expected in body["expected"]
            assert came in body["came"]
            assert body["error"].endswith(".")
            assert station.calls.empty()

    play(scenario())


def test_body_that_is_no_json_gets_400() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station():
            for body in (b"{", b"\xff", b"[" * 100_000):
                response = await ours.http.post("/api/stations/EVD-1/commands/Reset", content=body)
                assert response.status_code == 400, body[:10]
                assert "JSON" in response.json()["error"]

    play(scenario())


def test_unknown_station_and_unknown_action_get_404() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station():
            response = await ours.command("ClearCache", identity="nobody")
            assert (response.status_code, "nobody" in response.json()["error"]) == (404, True)
            for action in ("Authorize", "clearcache", "Explode"):
                response = await ours.command(action)
                assert response.status_code == 404
                assert "ClearCache" in response.json()["error"]

    play(scenario())


def test_station_that_is_known_and_not_connected_gets_409() -> None:
    async def scenario() -> None:
        async with running() as ours:
            await ours.http.put("/api/stations/EVD-1", json={})
            response = await ours.command("ClearCache")
            assert response.status_code == 409
            assert response.json()["outcome"] == "NotConnected"
            async with ours.station("EVD-2"):
                pass
            await ours.until("/api/stations/EVD-2", lambda found: not found["connected"])
            assert (await ours.command("ClearCache", identity="EVD-2")).status_code == 409

    play(scenario())


def test_command_against_the_supervisions_duty_gets_409_with_the_sentence_and_is_not_sent() -> None:
    async def scenario() -> None:
        async with running(policy=Policy(boot_status="Pending")) as ours, ours.station() as station:
            response = await ours.command("RemoteStartTransaction", {"idTag": "BADGE"})
            assert response.status_code == 409
            assert response.json()["outcome"] == "Refused"
            assert "Pending" in response.json()["error"]
            assert station.calls.empty()

    play(scenario())


def test_callerror_of_the_station_gets_502_with_code_and_description() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            told = asyncio.create_task(station.answer(error=("NotImplemented", "no such thing")))
            response = await ours.command("ClearCache")
            await told
            body = response.json()
            assert (response.status_code, body["code"], body["description"]) == (502, "NotImplemented", "no such thing")
            command = await ours.get(response.headers["location"])
            assert command["outcome"] == "ErrorAnswered"
            assert command["error"] == {"code": "NotImplemented", "description": "no such thing"}

    play(scenario())


def test_answer_that_is_none_gets_502() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            told = asyncio.create_task(station.answer({"status": "Perhaps"}))
            response = await ours.command("ClearCache")
            await told
            assert (response.status_code, response.json()["outcome"]) == (502, "BadlyAnswered")

    play(scenario())


def test_connection_that_ends_before_the_answer_gets_504() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            waiting = asyncio.create_task(ours.command("ClearCache"))
            await station.calls.get()
            await station.close()
            response = await waiting
            assert (response.status_code, response.json()["outcome"]) == (504, "ConnectionLost")

    play(scenario())


def test_command_resource_tells_the_transaction_that_a_remote_start_began() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            told = asyncio.create_task(station.answer({"status": "Accepted"}))
            response = await ours.command("RemoteStartTransaction", {"idTag": "Badge", "connectorId": 1})
            await told
            location = response.headers["location"]
            assert (await ours.get(location))["transactionId"] is None
            number = await station.start(connectorId=1)
            command = await ours.get(location)
            assert command["transactionId"] == number
            assert [(each["action"], each["transactionId"]) for each in command["followUps"]] == [
                ("StartTransaction", number)
            ]

    play(scenario())


def test_command_that_was_never_given_gets_404() -> None:
    async def scenario() -> None:
        async with running() as ours:
            assert (await ours.http.get("/api/commands/none")).status_code == 404

    play(scenario())


@pytest.mark.requirement("GUIDE-DTCR-06")
def test_station_shows_the_latest_status_of_each_connector_with_dtc_and_description() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            for connector, status, error, more in (
                (0, "Available", "NoError", {}),
                (1, "Preparing", "NoError", {}),
                (1, "Faulted", "OtherError", {"vendorErrorCode": "0x100205", "info": "Lock does not close"}),
                (2, "Faulted", "GroundFailure", {"vendorErrorCode": "0x100205", "timestamp": WHEN}),
                (2, "Faulted", "OtherError", {"vendorErrorCode": "0xABCDEF"}),
            ):
                payload = {"connectorId": connector, "status": status, "errorCode": error} | more
                await station.ask("StatusNotification", payload)
            found = await ours.get("/api/stations/EVD-1")
            shown = [
                (each["connectorId"], each["status"], each["dtc"], each["description"]) for each in found["connectors"]
            ]
            assert shown == [
                (0, "Available", None, None),
                (1, "Faulted", "0x100205", "Lock does not close"),
                (2, "Faulted", "0xABCDEF", None),
            ]
            past = await ours.get("/api/stations/EVD-1/statuses", connectorId=2)
            assert [(each["errorCode"], each["timestamp"], each["description"]) for each in past] == [
                ("OtherError", None, None),
                ("GroundFailure", WHEN, "Vehicle connector lock control error"),
            ]

    play(scenario())


def test_station_shows_each_error_with_what_to_do_and_which_came_and_went() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            for minute, connector, status, error, dtc in (
                (10, 1, "Available", "NoError", None),
                (11, 2, "Faulted", "GroundFailure", "0x100206"),
                (12, 1, "Charging", "HighTemperature", "0x100101"),
                (13, 1, "Finishing", "HighTemperature", "0x100101"),
                (14, 2, "Available", "NoError", None),
                (15, 0, "Available", "ReaderFailure", "0x100005"),
                (16, 2, "Faulted", "OtherError", None),
                (17, 2, "Faulted", "OtherError", "0xABCDEF"),
            ):
                payload: dict[str, Any] = {"connectorId": connector, "status": status, "errorCode": error}
                payload["timestamp"] = f"2026-11-22T08:{minute}:00Z"
                if dtc is not None:
                    payload["vendorErrorCode"] = dtc
                await station.ask("StatusNotification", payload)
            found = await ours.get("/api/stations/EVD-1")
            shown = [(each["connectorId"], each["dtc"], each["since"][14:16]) for each in found["errors"]]
            assert shown == [(0, "0x100005", "15"), (1, "0x100101", "12"), (2, "0xABCDEF", "17")]
            assert all(each["until"] is None for each in found["errors"])
            past = await ours.get("/api/stations/EVD-1/errors")
            spans = [(each["dtc"], each["since"][14:16], (each["until"] or "")[14:16]) for each in past]
            assert spans == [
                ("0xABCDEF", "17", ""),
                (None, "16", "17"),
                ("0x100005", "15", ""),
                ("0x100101", "12", ""),
                ("0x100206", "11", "14"),
            ]
            ground, heat = past[4], past[3]
            assert (ground["description"], ground["severity"]) == ("Ground error", "error")
            assert "electrician" in ground["advice"]
            assert (heat["severity"], heat["errorCode"]) == ("warning", "HighTemperature")
            assert past[0]["advice"] is None, "the guide does not know it"
            statuses = await ours.get("/api/stations/EVD-1/statuses", connectorId=2)
            assert [each["advice"] == ground["advice"] for each in statuses] == [False, False, False, True]

    play(scenario())


@pytest.mark.requirement("OCPP-7-10")
def test_frequency_is_shown_in_hertz_although_it_comes_without_a_unit() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            number = await station.start()
            sampled = [{"value": "50.02", "measurand": "Frequency"}, {"value": "1200"}]
            meter_value = [{"timestamp": "2026-11-22T08:31:00Z", "sampledValue": sampled}]
            await station.ask("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": meter_value})
            [found] = await ours.get(f"/api/transactions/{number}/meter-values")
            assert found["sampledValue"] == [
                {"value": "50.02", "measurand": "Frequency", "unit": "Hz"},
                {"value": "1200"},
            ]

    play(scenario())


def test_station_shows_how_it_booted_and_its_open_transactions() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            first, second = await station.start(), await station.start(connectorId=2, meterStart=500)
            await station.ask("StopTransaction", {"transactionId": first, "meterStop": 9000, "timestamp": WHEN})
            found = await ours.get("/api/stations/EVD-1")
            assert found["boot"]["status"] == "Accepted"
            assert found["boot"]["request"]["chargePointModel"] == "EVD1S180THB"
            assert [each["transactionId"] for each in found["openTransactions"]] == [second]
            assert found["registration"] is None
            assert found["remote"].startswith("127.0.0.1:")

    play(scenario())


def test_list_of_stations_pages_and_filters() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station("EVD-2"), ours.station("EVD-4"):
            for identity in ("EVD-1", "EVD-3"):
                await ours.http.put(f"/api/stations/{identity}", json={})

            async def identities(**parameters: Any) -> list[str]:
                return [each["identity"] for each in await ours.get("/api/stations", **parameters)]

            assert await identities() == ["EVD-1", "EVD-2", "EVD-3", "EVD-4"]
            assert await identities(limit=2) == ["EVD-1", "EVD-2"]
            assert await identities(limit=2, after="EVD-2") == ["EVD-3", "EVD-4"]
            assert await identities(connected="true") == ["EVD-2", "EVD-4"]
            assert await identities(connected="false", after="EVD-1") == ["EVD-3"]

    play(scenario())


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "before=1.5", "connected=perhaps"])
def test_query_that_cannot_be_meant_gets_400_naming_the_parameter(query: str) -> None:
    async def scenario() -> None:
        async with running() as ours:
            path = "/api/stations" if "before" not in query else "/api/transactions"
            response = await ours.http.get(f"{path}?{query}")
            assert response.status_code == 400
            assert query.partition("=")[0] in response.json()["error"]

    play(scenario())


def test_transactions_are_filtered_and_told_with_their_energy() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station("EVD-1") as one, ours.station("EVD-2") as two:
            first = await one.start(idTag="Alice", meterStart=100, timestamp="2026-11-20T10:00:00+01:00")
            stop = {
                "transactionId": first,
                "meterStop": 5_100,
                "timestamp": WHEN,
                "reason": "EVDisconnected",
                "idTag": "bob",
            }
            await one.ask("StopTransaction", stop)
            second = await one.start(connectorId=2, idTag="Bob", timestamp="2026-11-21T10:00:00Z")
            third = await two.start(idTag="ALICE", timestamp="2026-11-22T10:00:00Z")

            async def numbers(**parameters: Any) -> list[int]:
                return [each["transactionId"] for each in await ours.get("/api/transactions", **parameters)]

            assert await numbers() == [third, second, first]
            assert await numbers(identity="EVD-1") == [second, first]
            assert await numbers(connectorId=2) == [second]
            assert await numbers(idTag="alice") == [third, first]
            assert await numbers(open="true") == [third, second]
            assert await numbers(open="false") == [first]
            assert await numbers(since="2026-11-21T10:00:00Z") == [third, second]
            assert await numbers(until="2026-11-21T10:00:00Z") == [first]
            assert await numbers(limit=1) == [third]
            assert await numbers(before=third, limit=1) == [second]
            told = await ours.get(f"/api/transactions/{first}")
            expected = {
                "transactionId": first,
                "identity": "EVD-1",
                "connectorId": 1,
                "idTag": "Alice",
                "idTagStatus": "Accepted",
                "open": False,
                "meterStart": 100,
                "meterStop": 5100,
                "energyWh": 5000,
                "startedAt": "2026-11-20T09:00:00Z",
                "stoppedAt": WHEN,
                "reason": "EVDisconnected",
                "stopIdTag": "bob",
            }
            assert told == told | expected
            assert (await ours.get(f"/api/transactions/{second}"))["energyWh"] is None
            assert (await ours.http.get("/api/transactions/999")).status_code == 404
            assert (await ours.http.get("/api/transactions/999/meter-values")).status_code == 404
            assert (await ours.http.get("/api/transactions?since=2026-11-21T10:00:00")).status_code == 400

    play(scenario())


@pytest.mark.requirement("GUIDE-VRULE-13")
def test_late_meter_values_are_told_in_the_order_of_their_own_timestamps() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            number = await station.start(meterStart=1000)
            for minute, value, unit in ((10, "3", "kWh"), (30, "9500", "Wh"), (20, "5000", "Wh")):
                sampled = [
                    {"value": "400", "measurand": "Voltage", "unit": "V"},
                    {"value": value, "unit": unit, "context": "Sample.Periodic"},
                ]
                meter_value = [{"timestamp": f"2026-11-22T08:{minute}:00Z", "sampledValue": sampled}]
                payload = {"connectorId": 1, "transactionId": number, "meterValue": meter_value}
                await station.ask("MeterValues", payload)
            found = await ours.get(f"/api/transactions/{number}/meter-values")
            assert [(each["timestamp"], each["sampledValue"][1]["value"]) for each in found] == [
                ("2026-11-22T08:10:00Z", "3"),
                ("2026-11-22T08:20:00Z", "5000"),
                ("2026-11-22T08:30:00Z", "9500"),
            ]
            assert found[0]["sampledValue"][0] == {"value": "400", "measurand": "Voltage", "unit": "V"}
            assert (await ours.get(f"/api/transactions/{number}"))["energyWh"] == 8500
            page = await ours.get(f"/api/transactions/{number}/meter-values", offset=1, limit=1)
            assert [each["timestamp"] for each in page] == ["2026-11-22T08:20:00Z"]

    play(scenario())


@pytest.mark.requirement("GUIDE-EICH-04")
def test_signed_values_of_three_encodings_are_told_as_they_came() -> None:
    record = 'OCMF|{"FV":"1.0","GI":"meter","PG":"T1"}|{"SD":"3046022100"}'
    encodings = [json.dumps({"signedMeterData": record, "encodingMethod": "OCMF"}), record, record.encode().hex()]

    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            number = await station.start()
            for minute, value in enumerate(encodings):
                sampled = [{"value": value, "format": "SignedData", "context": "Transaction.Begin"}]
                meter_value = [{"timestamp": f"2026-11-22T08:3{minute}:00Z", "sampledValue": sampled}]
                payload = {"connectorId": 1, "transactionId": number, "meterValue": meter_value}
                assert await station.ask("MeterValues", payload) == {}
            stop = {"transactionId": number, "meterStop": 2000, "timestamp": WHEN, "transactionData": meter_value}
            await station.ask("StopTransaction", stop)
            found = await ours.get(f"/api/transactions/{number}/meter-values")
            assert [each["sampledValue"][0]["value"] for each in found] == encodings
            assert (await ours.get(f"/api/transactions/{number}"))["transactionData"] == meter_value

    play(scenario())


@pytest.mark.requirement("OCPP-4.7-6")
def test_value_without_optional_fields_counts_as_the_energy_register_in_wh() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            number = await station.start(meterStart=1000)
            sampled = [{"value": "77", "measurand": "SoC", "unit": "Percent"}, {"value": "3500"}]
            values = {
                "connectorId": 1,
                "transactionId": number,
                "meterValue": [{"timestamp": WHEN, "sampledValue": sampled}],
            }
            await station.ask("MeterValues", values)
            assert (await ours.get(f"/api/transactions/{number}"))["energyWh"] == 2500

    play(scenario())


@pytest.mark.requirement("OCPP-4.8-9")
def test_stop_without_a_transaction_is_answered_and_kept() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            data = [{"timestamp": WHEN, "sampledValue": [{"value": "7"}]}]
            stop = {"transactionId": -1, "meterStop": 7, "timestamp": WHEN, "transactionData": data}
            assert (await station.call("StopTransaction", stop))[0] == 3
            values = {"connectorId": 1, "transactionId": -1, "meterValue": data}
            assert await station.ask("MeterValues", values) == {}
            (found,) = await ours.get("/api/orphan-stops", identity="EVD-1")
            assert (found["transactionId"], found["meterStop"], found["transactionData"]) == (-1, 7, data)
            assert await ours.get("/api/orphan-stops", identity="EVD-2") == []

    play(scenario())


def test_wire_log_tells_every_frame_of_a_station_the_latest_first() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station, ours.station("EVD-2"):
            await station.ask("Heartbeat", {})
            await station.socket.send("no json")
            found = await ours.until("/api/stations/EVD-1/messages", lambda rows: rows[0]["discarded"] is not None)
            assert found[0]["frame"] == "no json"
            kinds = [json.loads(each["frame"])[0] for each in reversed(found) if each["frame"] != "no json"]
            assert kinds == [2, 3, 2, 3]
            assert [each["sent"] for each in reversed(found[-4:])] == [False, True, False, True]
            page = await ours.get("/api/stations/EVD-1/messages", before=found[-2]["id"], limit=5)
            assert page == [found[-1]]
            assert (await ours.http.get("/api/stations/nobody/messages")).status_code == 404

    play(scenario())


def test_notices_tell_security_events_progress_and_data() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            await station.ask("SecurityEventNotification", {"type": "InvalidMessages", "timestamp": WHEN})
            await station.ask("LogStatusNotification", {"status": "Uploading", "requestId": 3})
            await station.ask("DataTransfer", {"vendorId": "com.example", "data": "x"})
            found = await ours.get("/api/stations/EVD-1/notices")
            assert [(each["action"], each["payload"]) for each in found] == [
                ("DataTransfer", {"vendorId": "com.example", "data": "x", "status": "UnknownVendorId"}),
                ("LogStatusNotification", {"status": "Uploading", "requestId": 3}),
                ("SecurityEventNotification", {"type": "InvalidMessages", "timestamp": WHEN}),
            ]

    play(scenario())


@pytest.mark.requirement("OCPP-4.1-4")
def test_id_tag_registry_decides_what_authorize_is_answered() -> None:
    async def scenario() -> None:
        async with running(policy=Policy()) as ours, ours.station() as station:
            registry: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
                ("plain", {}, {"status": "Accepted"}),
                ("in group", {"parentIdTag": "GROUP"}, {"status": "Accepted", "parentIdTag": "GROUP"}),
                ("stolen", {"status": "Blocked"}, {"status": "Blocked"}),
                (
                    "old",
                    {"expiryDate": "2020-01-01T01:00:00+01:00"},
                    {"status": "Expired", "expiryDate": "2020-01-01T00:00:00Z"},
                ),
                ("a/b%c", {"status": "Invalid"}, {"status": "Invalid"}),
            )
            for id_tag, rule, _ in registry:
                response = await ours.http.put(
                    "/api/id-tags/" + id_tag.replace("%", "%25").replace("/", "%2F"), json=rule
                )
                assert response.json()["idTag"] == id_tag, response.text
            for id_tag, _, answer in registry:
                assert await station.ask("Authorize", {"idTag": id_tag.upper()}) == {"idTagInfo": answer}
            assert await station.ask("Authorize", {"idTag": "unknown"}) == {"idTagInfo": {"status": "Invalid"}}
            assert (await ours.http.delete("/api/id-tags/PLAIN")).status_code == 204
            assert await station.ask("Authorize", {"idTag": "plain"}) == {"idTagInfo": {"status": "Invalid"}}
            assert (await ours.http.delete("/api/id-tags/plain")).status_code == 404
            assert (await ours.http.get("/api/id-tags/plain")).status_code == 404
            listed = [each["idTag"] for each in await ours.get("/api/id-tags")]
            assert listed == ["a/b%c", "in group", "old", "stolen"]
            assert [each["idTag"] for each in await ours.get("/api/id-tags", after="IN GROUP", limit=1)] == ["old"]
            await ours.http.put("/api/policy", json={"acceptUnknownIdTags": True})
            assert await station.ask("Authorize", {"idTag": "unknown"}) == {"idTagInfo": {"status": "Accepted"}}

    play(scenario())


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/api/id-tags/x", {"status": "ConcurrentTx"}, "status"),
        ("/api/id-tags/x", {"status": "Fine"}, "status"),
        ("/api/id-tags/x", {"expiryDate": "2026-01-01T00:00:00"}, "expiryDate"),
        ("/api/id-tags/x", {"parent": "y"}, "parent"),
        ("/api/id-tags/" + "x" * 21, {}, "idTag"),
        ("/api/stations/" + "x" * 256, {}, "identity"),
        ("/api/stations/x", {"bootStatus": "Fine"}, "bootStatus"),
        ("/api/stations/x", {"interval": 0}, "interval"),
        ("/api/stations/x", {"authorizationKey": "short"}, "authorizationKey"),
        ("/api/stations/x", {"authorizationKey": None}, "authorizationKey"),
        ("/api/policy", {"openEnrolment": "no"}, "openEnrolment"),
        ("/api/policy", {"heartbeatInterval": 10**30}, "heartbeatInterval"),
    ],
)
def test_rule_that_cannot_be_meant_gets_400_with_path_and_changes_nothing(
    path: str, body: dict[str, Any], where: str
) -> None:
    async def scenario() -> None:
        async with running() as ours:
            before = await ours.get("/api/policy")
            response = await ours.http.put(path, json=body)
            assert response.status_code == 400
            told = response.json()
            assert told["path"] == where
            assert told["error"].startswith(where)
            assert await ours.get("/api/stations") == []
            assert await ours.get("/api/id-tags") == []
            assert await ours.get("/api/policy") == before

    play(scenario())


def test_refused_password_is_not_repeated() -> None:
    async def scenario() -> None:
        async with running() as ours:
            response = await ours.http.put("/api/stations/x", json={"authorizationKey": "secret-ü"})
            assert response.status_code == 400
            assert "secret" not in response.text

    play(scenario())


def test_station_registry_decides_what_boot_notification_is_answered() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station(booted=False) as station:
            await ours.http.put("/api/stations/EVD-1", json={"bootStatus": "Rejected", "interval": 33})
            answer = await station.boot()
            assert (answer["status"], answer["interval"]) == ("Rejected", 33)
            found = await ours.get("/api/stations/EVD-1")
            assert found["registration"] == {"bootStatus": "Rejected", "interval": 33}
            assert (await ours.http.delete("/api/stations/EVD-1")).status_code == 204
            assert (await station.boot())["status"] == "Accepted"
            assert (await ours.http.delete("/api/stations/EVD-1")).status_code == 404

    play(scenario())


def test_registered_station_that_never_came_is_gone_when_it_is_deleted() -> None:
    async def scenario() -> None:
        async with running() as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": "ab" * 16})
            assert (await ours.get("/api/stations/EVD-1"))["authorizationKeySet"]
            await ours.http.delete("/api/stations/EVD-1")
            assert (await ours.http.get("/api/stations/EVD-1")).status_code == 404

    play(scenario())


async def next_event(lines: Any) -> tuple[str, dict[str, Any]]:
    """The next server-sent event and its data."""
    kind = ""
    async for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            return kind, json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


def test_events_tell_what_happens_as_it_happens() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.http.stream("GET", "/api/events?identity=EVD-1") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = response.aiter_lines()
            assert await anext(lines) == ": following"
            async with ours.station("EVD-2"), ours.station() as station:
                number = await station.start()
                told = [await next_event(lines) for _ in range(3)]
                assert [kind for kind, _ in told] == ["StationConnected", "BootReported", "TransactionStarted"]
                data = told[2][1]
                assert (data["identity"], data["transactionId"], data["status"]) == ("EVD-1", number, "Accepted")
                assert data["request"]["idTag"] == "BADGE"
                assert data["at"].endswith("Z")
            kind, data = await next_event(lines)
            assert (kind, data["code"]) == ("StationDisconnected", 1000)

    play(scenario())


def test_description_is_valid_and_types_every_command_with_ocpps_records() -> None:
    async def scenario() -> None:
        async with running() as ours:
            response = await ours.http.get("/schema")
            assert response.headers["content-type"].startswith("application/")
            schema = response.json()
            for name, request, answer in OPERATIONS:
                command = schema["paths"][f"/api/stations/{{identity}}/commands/{name}"]["post"]
                for part, instance in (
                    (command["requestBody"], request),
                    (command["responses"]["200"], answer),
                ):
                    reference = part["content"]["application/json"]["schema"]["$ref"]
                    jsonschema.validate(instance, {"$ref": reference, "components": schema["components"]})
                    wrong = instance | {"notAField": 1}
                    with pytest.raises(jsonschema.ValidationError):
                        jsonschema.validate(wrong, {"$ref": reference, "components": schema["components"]})
                assert [each["name"] for each in command["parameters"]] == ["identity"]
            assert "/api/stations/{identity}/commands/{action}" not in schema["paths"]
            for reference in set(_references(schema)):
                assert reference.removeprefix("#/components/schemas/") in schema["components"]["schemas"]

    play(scenario())


def _references(node: Any) -> list[str]:
    """Every `$ref` in a JSON document."""
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    return [found for value in node for found in _references(value)] if isinstance(node, list) else []


def test_nothing_at_an_address_gets_404_in_our_form() -> None:
    async def scenario() -> None:
        async with running() as ours:
            await _expect(ours, "/api/nothing", 404)
            await _expect(ours, "/api/transactions/one", 404)
            await _expect(ours, "/api/stations/nobody", 404)
            response = await ours.http.delete("/api/transactions")
            assert response.status_code == 405
            assert response.json()["error"]

    async def _expect(ours: Running, path: str, status: int) -> None:
        response: httpx2.Response = await ours.http.get(path)
        assert response.status_code == status
        assert set(response.json()) == {"error"}

    play(scenario())
