"""What a station keeps when its power is cut, a test a kind of record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import StopReason
from forecourt.world.chance import SeededChance
from forecourt.world.scripted import ScriptedSupervision
from tests.authorities import Authority

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from forecourt.station.workings import KnownTags
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

    Rich: TypeAlias = Callable[[], tuple[World, SimulatedStation]]
    Place: TypeAlias = tuple[World, SimulatedStation]


@pytest.fixture
def place(rich: Rich) -> Place:
    """A world and a station in it that has lost its power, with something of every kind kept."""
    world, station = rich()
    station.cut()
    return world, station


def restarted(place: Place, *, connected: bool = False) -> SimulatedStation:
    """Its next life, which boots without a link unless told otherwise."""
    world, station = place
    if connected:
        station.network_up()
    station.power_on()
    world.run(60)
    return station


def central_of(world: World) -> ScriptedSupervision:
    assert isinstance(world.central, ScriptedSupervision)
    return world.central


def known_tags(place: Place) -> KnownTags:
    """What a life on these records knows of tags."""
    world, station = place
    return station.build(SeededChance(1)).known_tags(world.now)


@pytest.mark.requirement("GUIDE-PWR-05")
def test_running_transaction_is_ended_with_the_loss_of_power(place: Place) -> None:
    station = restarted(place, connected=True)
    stops = [p for p in station.wire.payloads("StopTransaction") if p.get("reason") == StopReason.PowerLoss]
    (stop,) = stops
    starts = station.wire.payloads("StartTransaction")
    assert stop["meterStop"] > starts[-1]["meterStart"]
    assert stop["meterStop"] == pytest.approx(station.reading(1).energy_wh, abs=1)


def test_queue_is_sent_by_the_next_life_in_its_order(place: Place) -> None:
    world, station = place
    queued = [json.loads(data)[0] for (kind, _), data in sorted(station.records.items()) if kind == "queue"]
    assert queued[0] == "StartTransaction"
    assert queued.count("MeterValues") >= 2
    before = len(station.wire.messages)
    restarted(place, connected=True)
    world.run(60)
    of_transactions = ("StartTransaction", "MeterValues", "StopTransaction")
    sent = [m.action for m in station.wire.messages[before:] if m.kind == "CALL" and m.action in of_transactions]
    assert sent == [*queued, "StopTransaction"]


def test_keys_have_the_values_that_they_were_given(place: Place) -> None:
    station = restarted(place)
    configuration = station.configuration
    assert configuration.integer("disconnectedMeterValueSampleInterval") == 10
    assert configuration.boolean("LocalAuthListEnabled")
    assert configuration.boolean("AuthorizationCacheEnabled")


@pytest.mark.requirement("OCPP-3.5.2-2")
def test_local_list_has_its_entries_and_its_version(place: Place) -> None:
    assert {tag.idTag for tag in known_tags(place).localList} == {"listed0", "listed1", "listed2"}
    station = restarted(place, connected=True)
    assert central_of(place[0]).ask("GetLocalListVersion") == {"listVersion": 7}
    assert station.snapshot().localList.entries == 3


@pytest.mark.requirement("OCPP-3.5.1-6")
def test_cache_has_what_was_heard_since_it_was_cleared(place: Place) -> None:
    assert {tag.idTag for tag in known_tags(place).cache} == {"driver"}


@pytest.mark.requirement("OCPP-5.16-4")
def test_charging_profile_is_installed(place: Place) -> None:
    (one,) = restarted(place).snapshot().chargingProfiles
    assert (one.connectorId, one.chargingProfile.chargingProfileId) == (0, 5)


def test_reservation_waits_for_its_driver(place: Place) -> None:
    (one,) = restarted(place).snapshot().reservations
    assert (one.reservationId, one.connectorId, one.idTag) == (9, 2, "GUEST")


@pytest.mark.requirement("OCPP-5.2-6")
def test_connector_that_was_taken_out_of_service_is_still(place: Place) -> None:
    station = restarted(place)
    assert station.snapshot().inoperative == (1,)
    assert station.status(1) == "Unavailable"


def test_firmware_update_is_still_scheduled(place: Place) -> None:
    update = restarted(place).snapshot().firmwareUpdate
    assert update is not None
    assert update.step == "scheduled"
    assert (update.retrieveDate.hour, update.retrieveDate.minute) == (8, 0)


def test_upload_that_was_cut_off_is_told_as_failed(place: Place) -> None:
    station = restarted(place, connected=True)
    statuses = [payload["status"] for payload in station.wire.payloads("LogStatusNotification")]
    assert statuses == ["Uploading", "UploadFailure"]


def test_status_that_was_not_told_yet_is_told(place: Place) -> None:
    """The diagnostics failed while there was no link."""
    _, station = place
    assert station.wire.payloads("DiagnosticsStatusNotification") == []
    restarted(place, connected=True)
    statuses = [payload["status"] for payload in station.wire.payloads("DiagnosticsStatusNotification")]
    assert statuses[-1:] == ["UploadFailed"]


def test_security_log_goes_on(place: Place) -> None:
    def entries(station: SimulatedStation) -> list[dict[str, Any]]:
        return [msgspec.json.decode(data) for (kind, _), data in sorted(station.records.items()) if kind == "security"]

    before = entries(place[1])
    assert before
    after = entries(restarted(place))
    assert after[: len(before)] == before
    assert [entry["sequence"] for entry in after] == list(range(1, len(after) + 1))
    assert len(after) > len(before)


def test_errors_of_the_past_are_in_the_diagnostics(place: Place) -> None:
    world, station = place
    restarted(place, connected=True)
    world.files.delay_s = 1.0
    world.files.uploads.clear()
    central_of(world).ask("GetDiagnostics", {"location": "http://files.example/late"})
    world.run(10)
    (parts,) = [parts for name, parts in world.files.uploads.items() if name.startswith("http://files.example/late")]
    files = {part.name: msgspec.json.decode(part.data) for part in parts}
    assert "0x100101" in {error["dtc"] for error in files["errors.json"]["history"]}
    assert [row["action"] for row in files["given-up.json"]] == ["StopTransaction"]
    assert station.has_power


def test_picture_of_the_tariff_is_shown_again(place: Place) -> None:
    _, station = place
    picture = station.build(SeededChance(1)).tariff_picture
    assert picture is not None
    assert (picture.width, picture.height) == (94, 52)


def test_ledger_of_what_was_given_up_is_there(place: Place) -> None:
    (row,) = restarted(place).snapshot().givenUp
    assert (row.number, row.action, row.said["idTag"]) == (1, "StopTransaction", "FORGOTTEN")


def test_ids_of_messages_and_transactions_never_come_again(place: Place) -> None:
    world, station = place
    for _ in range(3):
        restarted(place, connected=True)
        world.run(30)
        station.cut()
    ids = [message.id for message in station.wire.calls()]
    assert len(ids) > 20
    assert len(set(ids)) == len({(m.id, m.action) for m in station.wire.calls()}) == len(ids)


def test_life_whose_count_was_lost_draws_a_number_that_no_earlier_one_had(place: Place) -> None:
    world, station = place
    station.records["boot", "count"] = b"\xff"
    before = {message.id for message in station.wire.calls()}
    restarted(place, connected=True)
    world.run(30)
    after = [message.id for message in station.wire.calls() if message.id not in before]
    assert len(after) + len(before) == len(station.wire.calls())


def test_meter_goes_on_from_the_register_that_it_had(place: Place) -> None:
    _, station = place
    register_wh = station.reading(1).energy_wh
    assert register_wh > 100
    assert restarted(place).snapshot().connectors[0].meter_wh == int(register_wh + 1e-6)


def test_certificates_are_kept_and_the_request_under_way_goes_on(place: Place) -> None:
    world, station = place
    shown = [bytes(data) for (kind, _), data in sorted(station.records.items()) if kind in ("certificate", "root")]
    assert len(shown) == 2
    restarted(place, connected=True)
    kept = [bytes(data) for (kind, _), data in sorted(station.records.items()) if kind in ("certificate", "root")]
    assert kept == shown
    central = central_of(world)
    told = central.ask("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"})
    assert (told["status"], len(told["certificateHashData"])) == ("Accepted", 1)
    csr = station.wire.payloads("SignCertificate")[-1]["csr"]
    answer = central.ask("CertificateSigned", {"certificateChain": Authority().sign(csr)})
    assert answer == {"status": "Accepted"}


def test_profile_on_trial_is_kept_once_it_has_connected(place: Place) -> None:
    _, station = place
    assert ("security-profile", "former") in station.records
    restarted(place, connected=True)
    assert station.is_connected
    assert station.snapshot().keysChanged["SecurityProfile"] == "2"
    assert ("security-profile", "former") not in station.records
