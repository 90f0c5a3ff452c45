"""GetDiagnostics: what is answered, uploaded and told, in virtual time with file servers of the world."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.firmware_management import GetDiagnosticsRequest
from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import SendFile
from forecourt.station.events import TransferProblem
from forecourt.supervision.outcomes import Answered
from forecourt.world.wire import RECEIVED
from forecourt.world.world import START, World

if TYPE_CHECKING:
    from forecourt.station.effects import FilePart
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation

FOLDER = "http://files.example/up"
ACTION = "DiagnosticsStatusNotification"


def at(seconds: float) -> str:
    """A moment of the world as text."""
    return (START + timedelta(seconds=seconds)).isoformat()


def told(station: SimulatedStation) -> list[str]:
    return [payload["status"] for payload in station.wire.payloads(ACTION)]


def attempts(station: SimulatedStation) -> list[SendFile]:
    return [effect for effect in station.effects if isinstance(effect, SendFile)]


def contents(world: World) -> dict[str, Any]:
    """The JSON files of the only archive that was uploaded, decoded."""
    ((_, parts),) = world.files.uploads.items()
    return opened(parts)


def opened(parts: tuple[FilePart, ...]) -> dict[str, Any]:
    return {part.name: msgspec.json.decode(part.data) for part in parts}


def get(central: ScriptedSupervision, location: str = FOLDER, **fields: object) -> dict[str, Any]:
    return central.ask("GetDiagnostics", {"location": location, **fields})


def lines(station: SimulatedStation, name: str) -> list[str]:
    return [line.detail for line in station.log if line.name == name]


# What is answered, told and uploaded.


@pytest.mark.requirement("OCPP-5.9-1", "OCPP-5.9-2", "OCPP-5.9-3", "OCPP-4.4-1")
@pytest.mark.parametrize(
    "location", [FOLDER, f"{FOLDER}/", "ftp://user:word@files.example/in", "https://files.example"]
)
def test_one_archive_lands_in_the_folder_under_the_name_that_was_answered(
    world: World, central: ScriptedSupervision, station: SimulatedStation, location: str
) -> None:
    name = get(central, location)["fileName"]
    assert re.fullmatch(r"CP-1_diagnostics_20260302T08000\dZ\.zip", name)
    world.run(10)
    assert list(world.files.uploads) == [f"{location.rstrip('/')}/{name}"]
    assert told(station) == ["Uploading", "Uploaded"]
    assert len(attempts(station)) == 1


def test_answer_goes_out_before_the_upload_begins(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    get(central)
    world.run(10)
    order = [(m.kind, m.action) for m in station.wire.messages if m.action in ("GetDiagnostics", ACTION)]
    assert order[:3] == [("CALL", "GetDiagnostics"), ("CALLRESULT", "GetDiagnostics"), ("CALL", ACTION)]


@pytest.mark.requirement("GUIDE-CSOP-11", "GUIDE-OP-08")
def test_our_supervision_asks_for_diagnostics_and_answers_every_status_with_an_empty_payload(
    site: World, served: SimulatedStation
) -> None:
    outcome = site.supervision.ask(served.identity, GetDiagnosticsRequest(location=FOLDER))
    assert isinstance(outcome, Answered)
    name = getattr(outcome.response, "fileName", None)
    site.run(10)
    assert list(site.files.uploads) == [f"{FOLDER}/{name}"]
    assert told(served) == ["Uploading", "Uploaded"]
    answers = [m for m in served.wire.messages if m.direction == RECEIVED and m.action == ACTION]
    assert [(m.kind, m.payload) for m in answers] == [("CALLRESULT", {}), ("CALLRESULT", {})]


@pytest.mark.requirement("OCPP-5.9-1")
@pytest.mark.parametrize(
    "window",
    [
        {"startTime": at(7200)},
        {"startTime": at(-60), "stopTime": at(-3600)},
        {"stopTime": at(3), "startTime": at(4)},
        {"startTime": at(600), "stopTime": at(900)},
    ],
)
def test_nothing_is_uploaded_for_a_time_that_is_none(
    world: World, central: ScriptedSupervision, station: SimulatedStation, window: dict[str, str]
) -> None:
    assert get(central, **window) == {}
    world.run(60)
    assert (attempts(station), told(station), world.files.uploads) == ([], [], {})
    (line,) = lines(station, "GetDiagnostics has nothing to upload")
    assert "expected a startTime before stopTime and not in the future" in line


# Attempts.


@pytest.mark.requirement("OCPP-5.9-4", "OCPP-4.4-1", "OCPP-5.9-3")
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_upload_that_always_fails_is_tried_once_more_than_the_retries_and_told_once(
    world: World, central: ScriptedSupervision, station: SimulatedStation, retries: int
) -> None:
    world.files.takes[FOLDER] = TransferProblem.UNREACHABLE
    get(central, retries=retries, retryInterval=20)
    world.run(20 * retries + 30)
    assert len(attempts(station)) == 1 + retries
    assert told(station) == ["Uploading", "UploadFailed"]
    world.run(600)
    assert len(attempts(station)) == 1 + retries


@pytest.mark.requirement("OCPP-5.9-4")
def test_upload_that_works_at_the_second_try_is_told_as_uploaded(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.takes[FOLDER] = lambda attempt: TransferProblem.INTERRUPTED if attempt == 1 else None
    get(central, retries=1, retryInterval=60)
    world.run(50)
    assert told(station) == ["Uploading"]
    world.run(30)
    assert told(station) == ["Uploading", "Uploaded"]
    assert len(world.files.uploads) == 1


def test_station_chooses_retries_and_interval_where_the_request_leaves_them_open(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.takes[FOLDER] = TransferProblem.SERVER
    get(central)
    world.run(120)
    assert len(attempts(station)) == 4
    assert told(station) == ["Uploading", "UploadFailed"]


def test_server_that_stalls_ends_the_attempt_when_its_time_is_over(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 3600.0
    get(central, retries=0)
    world.run(290)
    assert told(station) == ["Uploading"]
    world.run(20)
    assert told(station) == ["Uploading", "UploadFailed"]


@pytest.mark.requirement("GUIDE-FILE-03")
@pytest.mark.parametrize("scheme", ["ftps", "sftp", "file", "gopher", "FTPS", "ws"])
def test_upload_over_another_scheme_is_not_tried_and_told_as_failed(
    world: World, central: ScriptedSupervision, station: SimulatedStation, scheme: str
) -> None:
    get(central, f"{scheme}://user:word@files.example/up", retries=5)
    world.run(120)
    assert world.files.asked == []
    assert told(station) == ["UploadFailed"]
    (line,) = lines(station, "Transfer not tried")
    assert line == f"expected one of the schemes ftp, http, https, came {scheme.lower()}"


@pytest.mark.parametrize("location", ["", "up", "http://", "http://files.example:notaport/", "http://a b/", "//h/up"])
def test_address_that_is_none_is_not_tried_and_told_as_failed(
    world: World, central: ScriptedSupervision, station: SimulatedStation, location: str
) -> None:
    get(central, location)
    world.run(120)
    assert world.files.asked == []
    assert told(station) == ["UploadFailed"]
    assert len(lines(station, "Transfer not tried")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"startTime": "yesterday"},
        {"startTime": "2026-03-02T08:00:00"},
        {"stopTime": 1772438400},
        {"retries": "three"},
        {"retryInterval": 1.5},
        {"location": None},
    ],
)
def test_request_that_is_malformed_uploads_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation, fields: dict[str, object]
) -> None:
    answer = central.call("GetDiagnostics", {"location": FOLDER, **fields})
    assert answer.kind == "CALLERROR"
    world.run(60)
    assert (world.files.asked, told(station)) == ([], [])
    assert any(line.name == "GetDiagnostics refused" for line in station.log)


# One at a time, power cuts and lost links.


def test_second_request_stops_the_first_upload_and_says_so(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 30.0
    first = get(central)["fileName"]
    world.run(5)
    second = get(central, f"{FOLDER}/2")["fileName"]
    world.run(60)
    assert told(station) == ["Uploading", "UploadFailed", "Uploading", "Uploaded"]
    assert list(world.files.uploads) == [f"{FOLDER}/2/{second}"]
    assert lines(station, "Upload stopped") == [f"{first}: another was asked for"]


@pytest.mark.requirement("OCPP-4.4-2")
def test_idle_is_told_for_a_trigger_only_and_not_while_something_is_uploaded(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    def triggered() -> str:
        assert central.ask("TriggerMessage", {"requestedMessage": ACTION}) == {"status": "Accepted"}
        world.run(1)
        return told(station)[-1]

    world.files.delay_s = 30.0
    assert triggered() == "Idle"
    get(central)
    world.run(1)
    assert triggered() == "Uploading"
    world.run(60)
    assert told(station) == ["Idle", "Uploading", "Uploading", "Uploaded"]
    assert triggered() == "Idle"
    world.run(3600)
    assert told(station).count("Idle") == 2


def test_end_that_came_while_the_link_was_down_is_told_after_the_reconnect(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    world.files.delay_s = 5.0
    get(central)
    world.run(1)
    station.close_link()
    central.refuses = 503
    world.run(30)
    assert told(station) == ["Uploading"]
    assert len(world.files.uploads) == 1
    central.refuses = None
    world.run(120)
    assert told(station) == ["Uploading", "Uploaded"]


def test_upload_without_a_network_fails(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    get(central, retries=0)
    station.network_down()
    world.run(30)
    station.network_up()
    world.run(120)
    assert told(station)[-1] == "UploadFailed"
    assert world.files.uploads == {}


@pytest.mark.requirement("OCPP-4.4-1")
@pytest.mark.parametrize("how", ["power cut", "Hard", "Soft"])
def test_upload_that_the_end_of_a_life_cut_off_is_told_as_failed_after_the_boot(
    world: World, central: ScriptedSupervision, station: SimulatedStation, how: str
) -> None:
    world.files.delay_s = 200.0
    get(central)
    world.run(1)
    if how == "power cut":
        station.cut()
        world.run(10)
        station.power_on()
    else:
        central.ask("Reset", {"type": how})
    world.run(190)
    assert told(station) == ["Uploading", "UploadFailed"]
    actions = [m.action for m in station.wire.calls()]
    assert actions.index(ACTION) < len(actions) - 1 - actions[::-1].index("BootNotification")
    assert actions.count(ACTION) == 2
    world.run(300)
    assert (told(station), world.files.uploads) == (["Uploading", "UploadFailed"], {})


# What is in the archive.


def test_archive_tells_what_the_station_is_and_does(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    station.badge("TAG1")
    world.run(120)
    transaction = station.connector(1).transaction
    assert transaction is not None
    get(central)
    world.run(10)
    files = contents(world)
    assert sorted(files) == [
        "configuration.json",
        "connectors.json",
        "errors.json",
        "given-up.json",
        "profiles.json",
        "reservations.json",
        "station.json",
        "transactions.json",
    ]
    about = files["station.json"]
    assert (about["identity"], about["chargePointModel"], about["firmwareVersion"]) == (
        "CP-1",
        "EVD1S180TBB",
        "3.5.8803",
    )
    assert (about["boot"], about["queuedMessages"], about["localList"]["listVersion"]) == ("Accepted", 0, 0)
    station_row, gun_a, gun_b = files["connectors.json"]
    assert [row["connectorId"] for row in (station_row, gun_a, gun_b)] == [0, 1, 2]
    assert (gun_a["status"], gun_b["status"], gun_a["plugged"]) == ("Charging", "Available", True)
    reported = [p for p in station.wire.payloads("StatusNotification") if p["connectorId"] == 1][-1]
    assert gun_a["since"][:19] == reported["timestamp"][:19]
    (running,) = files["transactions.json"]
    assert (running["transactionId"], running["idTag"], running["connectorId"]) == (1, "TAG1", 1)
    assert running["meterStart"] <= running["meter_wh"]


def test_archive_holds_installed_profiles_and_reservations(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20000.0}]}
    profile = {
        "chargingProfileId": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    central.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
    reservation = {"connectorId": 2, "reservationId": 9, "idTag": "TAG9", "expiryDate": at(3600)}
    central.ask("ReserveNow", reservation)
    get(central)
    world.run(10)
    files = contents(world)
    assert [row["chargingProfile"]["chargingProfileId"] for row in files["profiles.json"]] == [7]
    assert [(row["reservationId"], row["idTag"]) for row in files["reservations.json"]] == [(9, "TAG9")]


def test_archive_holds_every_key_and_never_the_password(world: World, central: ScriptedSupervision) -> None:
    first, second = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
    station = world.add_station(authorization_key=first, keys={"SecurityProfile": "1"})
    world.run(5)
    assert central.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": second})["status"] == "Accepted"
    world.run(60)
    listed = {entry["key"] for entry in central.ask("GetConfiguration")["configurationKey"]}
    get(central)
    world.run(10)
    ((_, parts),) = world.files.uploads.items()
    keys = opened(parts)["configuration.json"]
    assert set(keys) == listed
    assert "AuthorizationKey" not in keys
    assert keys["HeartbeatInterval"] == {"value": "300", "readonly": False}
    everything = b"".join(part.data for part in parts).lower()
    assert first.encode() not in everything
    assert second.encode() not in everything
    assert station.identity.encode().lower() in everything


def test_archive_holds_the_errors_of_the_time_that_was_asked_for(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """One that came and went before, one that came and went within, and one that is still there."""
    station.fault("0x100205", 1)
    world.run(100)
    station.clear("0x100205", 1)
    world.run(895)
    station.fault("0x100206", 2)
    world.run(50)
    station.clear("0x100206", 2)
    station.fault("0x100102", 1)
    world.run(10)
    get(central, startTime=at(900))
    world.run(10)
    errors = contents(world)["errors.json"]
    assert [(row["connectorId"], row["dtc"]) for row in errors["present"]] == [(1, "0x100102")]
    history = [(row["dtc"], row["raisedAt"], row["clearedAt"]) for row in errors["history"]]
    assert [dtc for dtc, _, _ in history] == ["0x100206", "0x100102"]
    raised, cleared = history[0][1], history[0][2]
    assert datetime.fromisoformat(raised) == START + timedelta(seconds=1000)
    assert datetime.fromisoformat(cleared) == START + timedelta(seconds=1050)
    assert history[1][2] is None


def test_errors_of_an_earlier_life_are_in_the_archive(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.fault("0x100205", 1)
    world.run(10)
    station.clear("0x100205", 1)
    station.cut()
    station.power_on()
    world.run(10)
    get(central)
    world.run(10)
    assert [row["dtc"] for row in contents(world)["errors.json"]["history"]] == ["0x100205"]


@pytest.mark.parametrize(
    ("window", "from_s", "until_s"),
    [
        ({}, None, 5.0),
        ({"startTime": at(-600)}, -600.0, 5.0),
        ({"startTime": at(-600), "stopTime": at(-300)}, -600.0, -300.0),
        ({"stopTime": at(7200)}, None, 5.0),
    ],
)
def test_log_is_asked_for_between_the_times_of_the_request(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    window: dict[str, str],
    from_s: float | None,
    until_s: float,
) -> None:
    """Whoever keeps the log adds it while packing; a whole one begins with the epoch and ends now."""
    get(central, **window)
    world.run(10)
    (attempt,) = attempts(station)
    assert attempt.log_from_s == (0.0 if from_s is None else START.timestamp() + from_s)
    assert attempt.log_until_s == pytest.approx(START.timestamp() + until_s, abs=1.0)


def test_name_of_the_archive_is_safe_on_every_server(world: World, central: ScriptedSupervision) -> None:
    station = world.add_station(identity="höf/../CP 1*", options=StationOptions())
    world.run(5)
    name = get(central)["fileName"]
    assert re.fullmatch(r"h-f----CP-1-_diagnostics_\d{8}T\d{6}Z\.zip", name)
    assert datetime.strptime(name[-20:-4], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) >= START
    world.run(10)
    assert told(station) == ["Uploading", "Uploaded"]
