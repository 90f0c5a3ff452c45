"""The authentication modes and the keys that switch them (guide, "OCPP Keys for Authentication modes"; A29 to A34)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.ocpp.core import (
    RemoteStartStopStatus,
    RemoteStartTransactionRequest,
    RemoteStartTransactionResponse,
    RemoteStopTransactionRequest,
)
from forecourt.supervision.outcomes import Answered

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

MODES = ("QrCodeEnabled", "RFIDEnabled", "PosEnabled", "AppEnabled", "AutoCharge", "ISO15118PnCEnabled")
"""Every mode but FreeCharging."""
CAR = msgspec.structs.replace(FAMILY_CAR, mac="92D50A693F80")


def change(central: ScriptedSupervision, name: str, value: str, status: str = "Accepted") -> None:
    assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": status}


def read(central: ScriptedSupervision, *names: str) -> dict[str, str]:
    entries = central.ask("GetConfiguration", {"key": list(names)})["configurationKey"]
    return {entry["key"]: entry["value"] for entry in entries}


def session_calls(station: SimulatedStation) -> list[tuple[str, str]]:
    """What the station asked for about sessions, each with its idTag."""
    actions = ("Authorize", "StartTransaction")
    return [(call.action, call.payload["idTag"]) for call in station.wire.calls() if call.action in actions]


# With the real supervision: who authenticates.


@pytest.mark.requirement("GUIDE-AUTH-01")
def test_supervision_starts_a_transaction_by_remote_request(site: World, served: SimulatedStation) -> None:
    served.plug()
    site.run(1)
    answer = site.supervision.ask("CP-1", RemoteStartTransactionRequest(connectorId=1, idTag="TAG1"))
    assert answer == Answered(RemoteStartTransactionResponse(status=RemoteStartStopStatus.Accepted))
    site.run(1)
    (started,) = site.supervision.started
    assert (started.request.idTag, started.request.connectorId) == ("TAG1", 1)
    site.run(30)
    assert served.status() == "Charging"


@pytest.mark.requirement("GUIDE-AUTH-02", "GUIDE-MODE-01", "GUIDE-MODE-09")
def test_badge_is_authenticated_by_the_supervision(site: World, served: SimulatedStation) -> None:
    served.plug()
    site.run(30)
    served.badge("NOBODY")
    site.run(30)
    assert not site.supervision.started
    served.badge("TAG1")
    site.run(30)
    assert session_calls(served) == [("Authorize", "NOBODY"), ("Authorize", "TAG1"), ("StartTransaction", "TAG1")]
    answers = [
        message.payload["idTagInfo"]["status"]
        for message in served.wire.messages
        if message.kind == "CALLRESULT" and message.action in ("Authorize", "StartTransaction")
    ]
    assert answers == ["Invalid", "Accepted", "Accepted"]
    assert [started.request.idTag for started in site.supervision.started] == ["TAG1"]


@pytest.mark.requirement("GUIDE-AUTH-03", "GUIDE-MODE-21", "GUIDE-VKEY-21")
def test_vehicle_is_authenticated_by_its_mac_address(site: World, served: SimulatedStation) -> None:
    served.set_key("AutoCharge", "true")
    served.plug(1, CAR)
    site.run(10)
    assert session_calls(served) == [("Authorize", "92D50A693F80")]
    assert not site.supervision.started
    served.unplug()
    site.run(1)
    site.supervision.register("92D50A693F80")
    served.plug(1, CAR)
    site.run(10)
    assert [started.request.idTag for started in site.supervision.started] == ["92D50A693F80"]


# The legacy key.


@pytest.mark.requirement("GUIDE-MODE-01", "GUIDE-VKEY-01")
@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired", "ConcurrentTx"])
def test_no_transaction_starts_without_the_supervisions_consent_while_authenticationocppmode_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation, status: str
) -> None:
    change(central, "AuthenticationOCPPMode", "true")
    station.plug()
    world.run(60)
    assert session_calls(station) == []
    central.answers["Authorize"] = {"idTagInfo": {"status": status}}
    station.badge("TAG1")
    world.run(60)
    assert session_calls(station) == [("Authorize", "TAG1")]
    assert station.status() == "Preparing"


@pytest.mark.requirement("GUIDE-MODE-03", "GUIDE-VKEY-01", "GUIDE-VRULE-01", "GUIDE-AUTH-06", "GUIDE-VKEY-02")
@pytest.mark.parametrize("id_tag", ["SIMTAG", "FREE-OF-CHARGE"])
def test_authenticationocppmode_false_charges_for_free_with_defaultidtag(
    world: World, central: ScriptedSupervision, station: SimulatedStation, id_tag: str
) -> None:
    if id_tag != "SIMTAG":
        change(central, "DefaultIdTag", id_tag)
    change(central, "AuthenticationOCPPMode", "false")
    station.plug()
    world.run(30)
    assert session_calls(station) == [("Authorize", id_tag), ("StartTransaction", id_tag)]
    assert station.status() == "Charging"


@pytest.mark.requirement("GUIDE-MODE-04", "GUIDE-VKEY-01")
def test_writing_authenticationocppmode_true_sets_three_keys(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "RFIDEnabled", "false")
    change(central, "QrCodeEnabled", "false")
    change(central, "FreeCharging", "true")
    change(central, "AuthenticationOCPPMode", "true")
    assert read(central, "FreeCharging", "RFIDEnabled", "QrCodeEnabled") == {
        "FreeCharging": "false",
        "RFIDEnabled": "true",
        "QrCodeEnabled": "true",
    }


@pytest.mark.requirement("GUIDE-MODE-05", "GUIDE-VKEY-01")
def test_writing_authenticationocppmode_false_sets_freecharging(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    before = read(central, "RFIDEnabled", "QrCodeEnabled", "AppEnabled")
    change(central, "AuthenticationOCPPMode", "false")
    assert read(central, "FreeCharging") == {"FreeCharging": "true"}
    assert read(central, "RFIDEnabled", "QrCodeEnabled", "AppEnabled") == before


@pytest.mark.requirement("GUIDE-MODE-06", "GUIDE-VKEY-01")
def test_authenticationocppmode_reads_as_the_opposite_of_freecharging(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    both = ("FreeCharging", "AuthenticationOCPPMode")
    for name, value in (
        ("FreeCharging", "true"),
        ("FreeCharging", "false"),
        ("AuthenticationOCPPMode", "false"),
        ("AuthenticationOCPPMode", "true"),
        ("FreeCharging", "true"),
    ):
        change(central, name, value)
        free, mode = read(central, *both).values()
        assert {free, mode} == {"true", "false"}
        assert read(central, name) == {name: value}
    station.reboot()
    world.run(120)
    assert read(central, *both) == {"FreeCharging": "true", "AuthenticationOCPPMode": "false"}


# Free charging.


@pytest.mark.requirement("GUIDE-AUTH-05", "GUIDE-AUTH-06", "GUIDE-MODE-07", "GUIDE-VKEY-22")
def test_plugging_in_starts_without_a_badge_while_freecharging_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1)
    world.run(30)
    assert station.connector(1).transaction is None
    change(central, "DefaultIdTag", "HOUSE")
    change(central, "FreeCharging", "true")
    station.plug(2)
    world.run(30)
    transaction = station.connector(2).transaction
    assert transaction is not None
    assert transaction.idTag == "HOUSE"
    assert station.status(2) == "Charging"


@pytest.mark.requirement("GUIDE-MODE-08", "GUIDE-VRULE-01")
@pytest.mark.parametrize("answer", ["Accepted", "Invalid", "Blocked", "Expired", "ConcurrentTx", "error", "silence"])
def test_free_charging_asks_and_starts_whatever_the_answer_is(
    world: World, central: ScriptedSupervision, station: SimulatedStation, answer: str
) -> None:
    if answer == "error":
        central.errors["Authorize"] = "InternalError"
    elif answer == "silence":
        central.silent.add("Authorize")
    else:
        central.answers["Authorize"] = {"idTagInfo": {"status": answer}}
    change(central, "FreeCharging", "true")
    change(central, "AllowOfflineTxForUnknownId", "false")
    station.plug()
    world.run(60)
    assert session_calls(station) == [("Authorize", "SIMTAG"), ("StartTransaction", "SIMTAG")]
    assert station.status() == "Charging"


@pytest.mark.requirement("GUIDE-MODE-08")
@pytest.mark.parametrize("unknown_allowed", ["true", "false"])
def test_free_charging_starts_offline_too(
    world: World, central: ScriptedSupervision, station: SimulatedStation, unknown_allowed: str
) -> None:
    change(central, "FreeCharging", "true")
    change(central, "AllowOfflineTxForUnknownId", unknown_allowed)
    station.network_down()
    station.plug()
    world.run(60)
    assert station.status() == "Charging"
    station.network_up()
    world.run(120)
    assert session_calls(station) == [("StartTransaction", "SIMTAG")]


@pytest.mark.requirement("GUIDE-MODE-25", "GUIDE-VKEY-22")
@pytest.mark.parametrize("mode", MODES)
def test_no_other_mode_can_be_enabled_while_freecharging_is_true(
    central: ScriptedSupervision, station: SimulatedStation, mode: str
) -> None:
    change(central, mode, "false")
    change(central, "FreeCharging", "true")
    change(central, mode, "true", "Rejected")
    assert read(central, mode) == {mode: "false"}
    change(central, "FreeCharging", "false")
    change(central, mode, "true")
    assert read(central, mode) == {mode: "true"}


@pytest.mark.requirement("GUIDE-MODE-26", "GUIDE-VKEY-22")
def test_freecharging_overrides_the_other_modes_and_keeps_their_values(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for mode in MODES:
        change(central, mode, "true")
    change(central, "FreeCharging", "true")
    assert read(central, *MODES) == dict.fromkeys(MODES, "true")
    station.plug(1, CAR)
    world.run(1)
    assert session_calls(station) == [("Authorize", "SIMTAG"), ("StartTransaction", "SIMTAG")]  # no AutoCharge
    station.badge("TAG1")  # no badge
    assert central.ask("RemoteStartTransaction", {"connectorId": 2, "idTag": "T"}) == {"status": "Rejected"}
    world.run(10)
    assert len(session_calls(station)) == 2
    change(central, "FreeCharging", "false")
    assert read(central, *MODES) == dict.fromkeys(MODES, "true")


@pytest.mark.requirement("GUIDE-MODE-32", "GUIDE-VKEY-22")
def test_remote_start_is_rejected_while_freecharging_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for free, answer in (("true", "Rejected"), ("false", "Accepted")):
        change(central, "FreeCharging", free)
        assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "T"}) == {"status": answer}


# Badges.


@pytest.mark.requirement("GUIDE-MODE-09", "GUIDE-MODE-11", "GUIDE-VKEY-18")
def test_reader_takes_badges_only_while_rfidenabled_is_true(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug()
    world.run(1)
    change(central, "RFIDEnabled", "false")
    for badge in ("TAG1", "TAG2", "TAG1"):
        station.badge(badge)
        world.run(10)
    assert session_calls(station) == []
    change(central, "RFIDEnabled", "true")
    station.badge("TAG1")
    world.run(10)
    assert session_calls(station) == [("Authorize", "TAG1"), ("StartTransaction", "TAG1")]


@pytest.mark.requirement("GUIDE-PNC-16")
@pytest.mark.parametrize(("name", "value"), [("RFIDEnabled", "false"), ("FreeCharging", "true")])
def test_driver_stops_by_badge_what_began_by_badge_though_badges_were_switched_off_meanwhile(
    world: World, central: ScriptedSupervision, station: SimulatedStation, name: str, value: str
) -> None:
    """A change of mode takes effect for the next session (A40), which ignores badges then."""
    station.plug()
    world.run(1)
    station.badge("TAG1")
    world.run(10)
    change(central, name, value)
    world.run(10)
    assert not station.wire.calls("StopTransaction")
    station.badge("TAG1")
    world.run(1)
    (stop,) = station.wire.payloads("StopTransaction")
    assert (stop["reason"], stop["idTag"]) == ("Local", "TAG1")
    calls = len(session_calls(station))
    station.badge("TAG1")
    world.run(10)
    assert len(session_calls(station)) == calls


@pytest.mark.requirement("GUIDE-PNC-16")
@pytest.mark.parametrize("mode", [*MODES, "FreeCharging", "AuthenticationOCPPMode"])
def test_change_of_a_mode_is_accepted_in_a_session_and_leaves_the_session_alone(
    world: World, central: ScriptedSupervision, station: SimulatedStation, mode: str
) -> None:
    station.plug()
    world.run(1)
    station.badge("TAG1")
    world.run(10)
    old = read(central, mode)[mode]
    change(central, mode, {"true": "false", "false": "true"}[old])
    assert read(central, mode)[mode] != old
    world.run(10)
    transaction = station.connector().transaction
    assert transaction is not None
    assert (transaction.idTag, station.status()) == ("TAG1", "Charging")
    assert not station.wire.calls("StopTransaction")


# Remote start.


@pytest.mark.requirement("GUIDE-MODE-31")
@pytest.mark.parametrize("plugged", [True, False])
def test_remote_start_is_rejected_while_qr_code_app_and_terminal_are_all_off(
    world: World, central: ScriptedSupervision, station: SimulatedStation, plugged: bool
) -> None:
    if plugged:
        station.plug()
        world.run(1)
    for name in ("QrCodeEnabled", "PosEnabled", "AppEnabled"):
        change(central, name, "false")
    for asked in ({"connectorId": 1, "idTag": "T"}, {"idTag": "T"}):
        assert central.ask("RemoteStartTransaction", asked) == {"status": "Rejected"}
    world.run(10)
    assert session_calls(station) == []


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        pytest.param("QrCodeEnabled", "", marks=pytest.mark.requirement("GUIDE-MODE-12", "GUIDE-VKEY-17")),
        pytest.param(
            "QrCodeEnabled", "https://pay.example/", marks=pytest.mark.requirement("GUIDE-MODE-14", "GUIDE-VKEY-17")
        ),
        pytest.param("AppEnabled", "", marks=pytest.mark.requirement("GUIDE-MODE-17", "GUIDE-VKEY-20")),
        pytest.param("PosEnabled", "", marks=pytest.mark.requirement("GUIDE-MODE-19", "GUIDE-VKEY-19")),
    ],
)
def test_one_of_the_three_keys_allows_remote_start(
    world: World, central: ScriptedSupervision, station: SimulatedStation, name: str, codes: str
) -> None:
    for key in ("QrCodeEnabled", "PosEnabled", "AppEnabled"):
        change(central, key, "true" if key == name else "false")
    for number in (1, 2):
        change(central, f"QRcode{number}", codes and f"{codes}{number}")
    assert read(central, "FreeCharging") == {"FreeCharging": "false"}
    station.plug()
    world.run(1)
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "T"}) == {"status": "Accepted"}
    world.run(30)
    assert station.status() == "Charging"


# AutoCharge.


@pytest.mark.requirement("GUIDE-MODE-21", "GUIDE-VKEY-21", "GUIDE-MODE-29")
@pytest.mark.parametrize("plug_and_charge", ["false", "true"])
@pytest.mark.parametrize(("status", "starts"), [("Accepted", True), ("Invalid", False), ("Blocked", False)])
def test_vehicle_without_a_contract_starts_only_when_the_supervision_accepts_its_mac_address(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    plug_and_charge: str,
    status: str,
    starts: bool,
) -> None:
    change(central, "ISO15118PnCEnabled", plug_and_charge)
    change(central, "AutoCharge", "true")
    central.answers["Authorize"] = {"idTagInfo": {"status": status}}
    station.plug(1, CAR)
    world.run(30)
    expected = [("Authorize", "92D50A693F80"), ("StartTransaction", "92D50A693F80")]
    assert session_calls(station) == (expected if starts else expected[:1])


@pytest.mark.requirement("GUIDE-VKEY-21")
def test_vehicle_is_not_asked_for_while_autocharge_is_false_or_when_it_tells_no_mac_address(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.plug(1, CAR)
    world.run(10)
    change(central, "AutoCharge", "true")
    station.plug(2, msgspec.structs.replace(CAR, mac=None))
    world.run(10)
    assert session_calls(station) == []
    station.badge("TAG1")  # other ways stay possible
    world.run(10)
    assert session_calls(station) == [("Authorize", "TAG1"), ("StartTransaction", "TAG1")]


@pytest.mark.requirement("GUIDE-VRULE-06", "GUIDE-VKEY-14")
def test_macaddressprefix_stands_before_the_mac_address_in_the_idtag(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, "AutoCharge", "true")
    for connector, prefix, id_tag in ((1, "VID:", "VID:92D50A693F80"), (2, "12345678", "1234567892D50A693F80")):
        change(central, "MacAddressPrefix", prefix)
        station.plug(connector, CAR)
        world.run(10)
        assert session_calls(station)[-2:] == [("Authorize", id_tag), ("StartTransaction", id_tag)]
    assert len(id_tag) == 20


# All together.


@pytest.mark.requirement("GUIDE-MODE-27")
def test_all_modes_but_freecharging_work_side_by_side(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for mode in MODES:
        change(central, mode, "true")
    assert read(central, *MODES) == dict.fromkeys(MODES, "true")
    station.plug(1, CAR)
    world.run(10)
    station.unplug(1)
    world.run(10)
    central.answers["Authorize"] = lambda asked: {
        "idTagInfo": {"status": "Invalid" if asked["idTag"] == CAR.mac else "Accepted"}
    }
    station.plug(1, CAR)
    world.run(10)
    station.badge("TAG1")
    world.run(10)
    assert central.ask("RemoteStartTransaction", {"connectorId": 2, "idTag": "REMOTE"}) == {"status": "Accepted"}
    central.answers["Authorize"] = {"idTagInfo": {"status": "Accepted"}}
    station.plug(2, msgspec.structs.replace(CAR, mac=None))
    world.run(10)
    started = [payload["idTag"] for payload in station.wire.payloads("StartTransaction")]
    assert started == [CAR.mac, "TAG1", "REMOTE"]


def test_real_supervision_stops_by_remote(site: World, served: SimulatedStation) -> None:
    served.plug()
    served.badge("TAG1")
    site.run(10)
    (started,) = site.supervision.started
    site.supervision.ask("CP-1", RemoteStopTransactionRequest(transactionId=started.transactionId))
    site.run(10)
    (stopped,) = site.supervision.stopped
    assert (stopped.transactionId, stopped.request.reason) == (started.transactionId, "Remote")
