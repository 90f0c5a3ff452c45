"""GetLog: what is answered, uploaded and told, for both kinds of logs, with the file servers of a world."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.security_extension import GetLogRequest, LogParameters, LogStatus, LogType
from forecourt.station.effects import SendFile
from forecourt.station.events import TransferProblem
from forecourt.supervision.outcomes import Answered
from forecourt.world.wire import RECEIVED
from forecourt.world.world import START, World

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation

FOLDER = "http://files.example/logs"
ACTION = "LogStatusNotification"
KEY = "0123456789abcdef0123456789abcdef"
DOOR = "0x10020C"


def at(seconds: float) -> str:
    """A moment of the world as text."""
    return (START + timedelta(seconds=seconds)).isoformat()


def told(station: SimulatedStation) -> list[tuple[str, int | None]]:
    """The statuses that were told, each with its requestId."""
    return [(payload["status"], payload.get("requestId")) for payload in station.wire.payloads(ACTION)]


def request(
    kind: str = "SecurityLog", location: str = FOLDER, request_id: int = 7, window: dict[str, str] | None = None
) -> dict[str, Any]:
    return {"logType": kind, "requestId": request_id, "log": {"remoteLocation": location, **(window or {})}}


def get(central: ScriptedSupervision, *args: Any, **fields: object) -> dict[str, Any]:
    return central.ask("GetLog", {**request(*args), **fields})


def uploaded(world: World) -> list[dict[str, Any]]:
    """The lines of the only security log that was uploaded."""
    ((_, parts),) = world.files.uploads.items()
    (part,) = parts
    return [msgspec.json.decode(line) for line in part.data.splitlines()]


def types(world: World) -> list[str]:
    return [line["type"] for line in uploaded(world)]


# What is answered, told and uploaded.


@pytest.mark.requirement(
    "WP-N01.FR.01", "WP-N01.FR.02", "WP-N01.FR.03", "WP-N01.FR.07", "WP-N01.FR.08", "WP-N01.FR.09", "GUIDE-FILE-04"
)
@pytest.mark.parametrize(
    "location", [FOLDER, "ftp://user:word@files.example:2121/in", "https://files.example", "http://files.example/a/"]
)
def test_security_log_lands_in_the_folder_under_the_name_that_was_answered(
    world: World, central: ScriptedSupervision, station: SimulatedStation, location: str
) -> None:
    station.fault(DOOR, 0)
    answer = get(central, "SecurityLog", location)
    assert answer["status"] == "Accepted"
    assert re.fullmatch(r"CP-1_security_20260302T08000\dZ\.jsonl", answer["filename"])
    world.run(10)
    assert list(world.files.uploads) == [f"{location.rstrip('/')}/{answer['filename']}"]
    assert told(station) == [("Uploading", 7), ("Uploaded", 7)]
    first, second = uploaded(world)
    assert first == {
        "sequence": 1,
        "timestamp": "2026-03-02T08:00:00Z",
        "type": "StartupOfTheDevice",
        "techInfo": "firmware 3.5.8803",
    }
    assert (second["sequence"], second["type"]) == (2, "TamperDetectionActivated")


@pytest.mark.requirement("WP-N01.FR.04", "WP-N01.FR.01", "WP-N01.FR.02")
def test_diagnostics_log_is_the_archive_of_the_diagnostics(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    answer = get(central, "DiagnosticsLog")
    assert answer["status"] == "Accepted"
    world.run(10)
    assert list(world.files.uploads) == [f"{FOLDER}/{answer['filename']}"]
    assert answer["filename"].endswith(".zip")
    assert central.ask("GetDiagnostics", {"location": "http://files.example/other"})["fileName"].endswith(".zip")
    world.run(10)
    of_get_log, of_get_diagnostics = world.files.uploads.values()
    assert [part.name for part in of_get_log] == [part.name for part in of_get_diagnostics]
    assert "configuration.json" in [part.name for part in of_get_log]
    assert told(station) == [("Uploading", 7), ("Uploaded", 7)]


@pytest.mark.requirement("WP-N01.FR.04")
def test_diagnostics_log_has_the_messages_of_the_time_that_was_asked_for(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.run(600)
    get(central, "DiagnosticsLog", FOLDER, 1, {"oldestTimestamp": at(60), "latestTimestamp": at(120)})
    get(central, "SecurityLog", FOLDER, 2)
    world.run(10)
    diagnostics, security = [effect for effect in station.effects if isinstance(effect, SendFile)]
    start = START.timestamp()
    assert (diagnostics.log_from_s, diagnostics.log_until_s) == (start + 60, start + 120)
    assert security.log_from_s is None


@pytest.mark.requirement("GUIDE-CSOP-25", "GUIDE-OP-10")
def test_our_supervision_asks_for_a_log_and_answers_every_status_with_an_empty_payload(
    site: World, served: SimulatedStation
) -> None:
    asked = GetLogRequest(logType=LogType.SecurityLog, requestId=3, log=LogParameters(remoteLocation=FOLDER))
    outcome = site.supervision.ask(served.identity, asked)
    assert isinstance(outcome, Answered)
    assert getattr(outcome.response, "status", None) is LogStatus.Accepted
    site.run(10)
    assert len(site.files.uploads) == 1
    assert told(served) == [("Uploading", 3), ("Uploaded", 3)]
    answers = [m for m in served.wire.messages if m.direction == RECEIVED and m.action == ACTION]
    assert [(m.kind, m.payload) for m in answers] == [("CALLRESULT", {}), ("CALLRESULT", {})]


def test_answer_goes_out_before_the_upload_is_told(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    get(central)
    world.run(10)
    order = [(m.kind, m.action) for m in station.wire.messages if m.action in ("GetLog", ACTION)]
    assert order[:3] == [("CALL", "GetLog"), ("CALLRESULT", "GetLog"), ("CALL", ACTION)]


@pytest.mark.requirement("WP-N01.FR.03")
def test_only_events_between_oldest_and_latest_timestamp_are_uploaded(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for _ in range(4):
        world.run(95)
        station.fault(DOOR, 0)
        world.run(5)
        station.clear(DOOR, 0)
    get(central, "SecurityLog", FOLDER, 1, {"oldestTimestamp": at(150), "latestTimestamp": at(350)})
    world.run(10)
    assert [line["timestamp"] for line in uploaded(world)] == ["2026-03-02T08:03:20Z", "2026-03-02T08:05:00Z"]
    world.files.uploads.clear()
    get(central, "SecurityLog", FOLDER, 2, {"oldestTimestamp": at(300)})
    world.run(10)
    assert len(uploaded(world)) == 2
    world.files.uploads.clear()
    get(central, "SecurityLog", FOLDER, 3, {"latestTimestamp": at(300)})
    world.run(10)
    assert [line["sequence"] for line in uploaded(world)] == [1, 2, 3, 4]


@pytest.mark.requirement("WP-5-6")
@pytest.mark.parametrize("kind", ["SecurityLog", "DiagnosticsLog"])
@pytest.mark.parametrize(
    "window",
    [
        {"oldestTimestamp": at(7200)},
        {"oldestTimestamp": at(4), "latestTimestamp": at(3)},
        {"oldestTimestamp": at(600), "latestTimestamp": at(900)},
    ],
)
def test_answer_has_no_filename_and_nothing_is_told_when_there_is_no_log(
    world: World, central: ScriptedSupervision, station: SimulatedStation, kind: str, window: dict[str, str]
) -> None:
    assert get(central, kind, FOLDER, 1, window) == {"status": "Accepted"}
    world.run(60)
    assert (world.files.asked, told(station)) == ([], [])
    assert [line.name for line in station.log] == ["GetLog has nothing to upload"]


@pytest.mark.requirement("WP-5-6")
def test_answer_has_no_filename_when_nothing_happened_in_the_time_asked_for(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.run(600)
    assert get(central, "SecurityLog", FOLDER, 1, {"oldestTimestamp": at(60)}) == {"status": "Accepted"}
    world.run(60)
    assert (world.files.asked, told(station)) == ([], [])


@pytest.mark.requirement("WP-A01.FR.12")
def test_neither_log_has_the_password_that_was_changed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert central.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": KEY}) == {"status": "Accepted"}
    get(central)
    world.run(10)
    assert "ReconfigurationOfSecurityParameters" in types(world)
    get(central, "DiagnosticsLog")
    world.run(10)
    assert len(world.files.uploads) == 2
    for parts in world.files.uploads.values():
        for part in parts:
            assert KEY.encode() not in part.data.lower()


# Failures.


@pytest.mark.requirement("WP-N01.FR.10", "WP-N01.FR.07")
@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (TransferProblem.REFUSED, "PermissionDenied"),
        (TransferProblem.UNREACHABLE, "UploadFailure"),
        (TransferProblem.INTERRUPTED, "UploadFailure"),
        (TransferProblem.CERTIFICATE, "UploadFailure"),
        (TransferProblem.SERVER, "UploadFailure"),
    ],
)
def test_failed_upload_is_told_with_the_status_that_fits(
    world: World, central: ScriptedSupervision, station: SimulatedStation, problem: TransferProblem, status: str
) -> None:
    world.files.takes[FOLDER] = problem
    get(central, retries=0)
    world.run(60)
    assert told(station) == [("Uploading", 7), (status, 7)]
    assert world.files.uploads == {}


@pytest.mark.requirement("GUIDE-FILE-04", "WP-N01.FR.10")
@pytest.mark.parametrize("kind", ["SecurityLog", "DiagnosticsLog"])
@pytest.mark.parametrize("scheme", ["ftps", "sftp", "file"])
def test_upload_over_another_scheme_is_not_tried_and_told_as_not_supported(
    world: World, central: ScriptedSupervision, station: SimulatedStation, kind: str, scheme: str
) -> None:
    get(central, kind, f"{scheme}://files.example/logs", retries=5)
    world.run(120)
    assert world.files.asked == []
    assert told(station) == [("NotSupportedOperation", 7)]


@pytest.mark.requirement("WP-N01.FR.10")
@pytest.mark.parametrize("location", ["", "http://", "http://a b/", "ftp://files.example:notaport/"])
def test_address_that_is_none_is_told_as_a_bad_message(
    world: World, central: ScriptedSupervision, station: SimulatedStation, location: str
) -> None:
    get(central, "SecurityLog", location)
    world.run(120)
    assert world.files.asked == []
    assert told(station) == [("BadMessage", 7)]


@pytest.mark.parametrize(
    "fields",
    [
        {"logType": "WireLog"},
        {"requestId": "seven"},
        {"log": {}},
        {"log": {"remoteLocation": FOLDER, "oldestTimestamp": "yesterday"}},
        {"log": {"remoteLocation": "h" * 513}},
        {"retries": 1.5},
    ],
)
def test_request_that_is_malformed_uploads_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation, fields: dict[str, object]
) -> None:
    assert central.call("GetLog", {**request(), **fields}).kind == "CALLERROR"
    world.run(60)
    assert (world.files.asked, told(station)) == ([], [])


@pytest.mark.parametrize("retries", [0, 2])
def test_upload_is_tried_once_more_than_the_retries(
    world: World, central: ScriptedSupervision, station: SimulatedStation, retries: int
) -> None:
    world.files.takes[FOLDER] = TransferProblem.UNREACHABLE
    get(central, retries=retries, retryInterval=30)
    world.run(30 * retries + 30)
    asked_at = len(world.files.asked)
    assert asked_at == 1 + retries
    world.run(600)
    assert len(world.files.asked) == asked_at
    assert told(station) == [("Uploading", 7), ("UploadFailure", 7)]


def test_station_chooses_retries_and_interval_and_ends_where_the_request_leaves_them_open(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """So does it for SignedUpdateFirmware, by the same constants."""
    world.files.takes[FOLDER] = TransferProblem.SERVER
    get(central)
    world.run(600)
    assert len(world.files.asked) == 4
    assert told(station) == [("Uploading", 7), ("UploadFailure", 7)]


# One at a time.


@pytest.mark.requirement("WP-N01.FR.11", "WP-N01.FR.07", "GUIDE-CSOP-25")
def test_second_request_cancels_the_first_of_which_nothing_more_is_told(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 30.0
    first = get(central, "SecurityLog", FOLDER, 1)
    world.run(5)
    second = get(central, "DiagnosticsLog", f"{FOLDER}/2", 2)
    assert (first["status"], second["status"]) == ("Accepted", "AcceptedCanceled")
    world.run(120)
    assert told(station) == [("Uploading", 1), ("Uploading", 2), ("Uploaded", 2)]
    assert list(world.files.uploads) == [f"{FOLDER}/2/{second['filename']}"]
    assert get(central, "SecurityLog", FOLDER, 3)["status"] == "Accepted"


def test_request_for_nothing_cancels_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 30.0
    get(central, "SecurityLog", FOLDER, 1)
    assert get(central, "SecurityLog", FOLDER, 2, {"oldestTimestamp": at(9999)}) == {"status": "Accepted"}
    world.run(60)
    assert told(station) == [("Uploading", 1), ("Uploaded", 1)]


def test_diagnostics_and_a_log_are_uploaded_beside_each_other(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 30.0
    central.ask("GetDiagnostics", {"location": "http://files.example/diagnostics"})
    assert get(central)["status"] == "Accepted"
    world.run(60)
    assert len(world.files.uploads) == 2
    assert station.wire.payloads("DiagnosticsStatusNotification")[-1] == {"status": "Uploaded"}
    assert told(station)[-1] == ("Uploaded", 7)


@pytest.mark.requirement("WP-N01.FR.12", "WP-6-4")
def test_idle_is_told_for_a_trigger_only_and_has_no_request_id(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    def triggered() -> tuple[str, int | None]:
        assert central.ask("ExtendedTriggerMessage", {"requestedMessage": ACTION}) == {"status": "Accepted"}
        world.run(1)
        return told(station)[-1]

    world.files.delay_s = 30.0
    assert triggered() == ("Idle", None)
    get(central)
    world.run(1)
    assert triggered() == ("Uploading", 7)
    world.run(60)
    assert told(station) == [("Idle", None), ("Uploading", 7), ("Uploading", 7), ("Uploaded", 7)]
    assert triggered() == ("Idle", None)
    world.run(3600)
    assert [status for status, _ in told(station)].count("Idle") == 2


@pytest.mark.requirement("WP-N01.FR.07", "WP-N01.FR.10")
def test_upload_that_a_power_cut_ended_is_told_as_failed_with_its_request_id(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 100.0
    get(central, "SecurityLog", FOLDER, 41)
    world.run(1)
    station.cut()
    station.power_on()
    world.run(60)
    assert told(station) == [("Uploading", 41), ("UploadFailure", 41)]
