"""What the driver sees at each step, and what the keys make of it (guide, "OCPP Keys for Authentication modes").

The keys are set through ChangeConfiguration, the screen is read from the snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.ocpp.core import StopReason
from forecourt.station.authorization import Refusal
from forecourt.station.display import ErrorShown, Option, Page, Screen, Stage, Start, Stop
from forecourt.station.events import BadgeShown, ConnectorShown
from forecourt.world.scripted import ScriptedSupervision

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.station.display import GunPage, SessionShown
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

MODES = ("RFIDEnabled", "QrCodeEnabled", "AppEnabled", "PosEnabled", "AutoCharge", "ISO15118PnCEnabled")
URL_A, URL_B = "https://pay.example/A", "https://pay.example/B"


def change(central: ScriptedSupervision, **values: object) -> None:
    """Set keys; all of them are Accepted."""
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        assert central.ask("ChangeConfiguration", {"key": name, "value": text}) == {"status": "Accepted"}, name


def only(central: ScriptedSupervision, *names: str) -> None:
    """Switch these modes on and all others off."""
    change(central, FreeCharging=False)
    change(central, **{name: name in names for name in MODES})


def screen(station: SimulatedStation) -> Screen:
    return station.snapshot().screen


def page(station: SimulatedStation) -> GunPage:
    gun = screen(station).gun
    assert gun is not None, "a gun is shown"
    return gun


def session(station: SimulatedStation) -> SessionShown:
    shown = page(station).session
    assert shown is not None, "there is a session"
    return shown


@pytest.fixture
def plugged(world: World, station: SimulatedStation) -> SimulatedStation:
    """A station with a car on gun A, and a minute passed."""
    station.plug(1)
    world.run(60)
    return station


# Which page.


@pytest.mark.requirement("GUIDE-LOCAL-04")
def test_screen_is_locked_on_the_welcome_page_while_nothing_is_plugged(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """Whatever is touched, held to the reader or reported to the supervision."""
    before = screen(station)
    assert (before.page, before.isLocked, before.connectorId, before.touchShows, before.gun) == (
        Page.WELCOME,
        True,
        None,
        None,
        None,
    )
    for event in (ConnectorShown(2), BadgeShown("TAG1"), ConnectorShown(1)):
        station.happen(event)
        world.run(10)
        assert screen(station) == before
    station.plug(2)
    assert (screen(station).page, screen(station).isLocked) == (Page.GUN, False)
    station.unplug(2)
    world.run(5)
    assert screen(station) == before


@pytest.mark.requirement("GUIDE-LOCAL-03")
def test_with_both_plugged_gun_a_is_shown_first_and_touching_changes_that(
    world: World, station: SimulatedStation
) -> None:
    station.show(2)  # on the locked page
    station.plug(2)
    station.plug(1)
    world.run(5)
    assert (screen(station).connectorId, screen(station).touchShows) == (1, 2)
    for shown, other in ((2, 1), (1, 2), (2, 1)):
        station.show(shown)
        assert (screen(station).connectorId, screen(station).touchShows) == (shown, other)
        assert (page(station).connectorId, page(station).letter) == (shown, "AB"[shown - 1])
    station.show(3)
    assert screen(station).connectorId == 2
    station.unplug(1)
    assert (screen(station).connectorId, screen(station).touchShows) == (2, None)
    station.plug(1)
    assert screen(station).connectorId == 1


@pytest.mark.parametrize("connector", [1, 2])
def test_only_plugged_gun_is_shown_and_a_touch_changes_nothing(station: SimulatedStation, connector: int) -> None:
    station.plug(connector)
    for touched in (1, 2):
        station.show(touched)
        assert (screen(station).connectorId, screen(station).touchShows) == (connector, None)
        assert station.snapshot().shownConnector == connector


# Options.


@pytest.mark.requirement("GUIDE-MODE-02")
def test_authenticationocppmode_true_shows_the_badge_and_qr_code_options(
    central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    change(central, QRcode1=URL_A, AppEnabled=False, RFIDEnabled=False, QrCodeEnabled=False)
    assert page(plugged).options == ()
    change(central, AuthenticationOCPPMode=True)
    assert (page(plugged).options, page(plugged).qrCode) == ((Option.BADGE, Option.QR_CODE), URL_A)


def test_authenticationocppmode_false_shows_free_charging_alone(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add("Authorize")
    change(central, AuthenticationOCPPMode=False, QRcode1=URL_A)
    station.fault("0x100205")
    station.plug()
    station.clear("0x100205")
    assert page(station).options == (Option.FREE,)
    assert page(station).qrCode is None


@pytest.mark.parametrize(
    ("key", "option"),
    [
        pytest.param("RFIDEnabled", Option.BADGE, marks=pytest.mark.requirement("GUIDE-MODE-10", "GUIDE-VKEY-18")),
        pytest.param("AppEnabled", Option.APP, marks=pytest.mark.requirement("GUIDE-MODE-18", "GUIDE-VKEY-20")),
        pytest.param(
            "PosEnabled", Option.PAYMENT_TERMINAL, marks=pytest.mark.requirement("GUIDE-MODE-20", "GUIDE-VKEY-19")
        ),
        pytest.param("AutoCharge", Option.AUTO_CHARGE, marks=pytest.mark.requirement("GUIDE-MODE-22")),
        pytest.param("ISO15118PnCEnabled", Option.PLUG_AND_CHARGE, marks=pytest.mark.requirement("GUIDE-MODE-24")),
    ],
)
def test_key_shows_its_option_and_no_other(
    central: ScriptedSupervision, plugged: SimulatedStation, key: str, option: Option
) -> None:
    only(central)
    assert page(plugged).options == ()
    only(central, key)
    assert page(plugged).options == (option,)
    change(central, **{key: False})
    assert page(plugged).options == ()


@pytest.mark.requirement("GUIDE-MODE-13")
def test_qr_code_mode_without_codes_shows_nothing(
    world: World, central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    plugged.plug(2)
    only(central, "QrCodeEnabled")
    for connector in (1, 2):
        plugged.show(connector)
        assert (page(plugged).options, page(plugged).qrCode) == ((), None)


@pytest.mark.requirement("GUIDE-MODE-15", "GUIDE-VKEY-15", "GUIDE-VKEY-16", "GUIDE-VKEY-17")
def test_each_qr_code_is_on_the_page_of_its_gun_while_the_mode_is_on(
    central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    plugged.plug(2)
    change(central, QRcode1=URL_A, QRcode2=URL_B)
    only(central, "QrCodeEnabled")
    for connector, url in ((1, URL_A), (2, URL_B)):
        plugged.show(connector)
        assert (page(plugged).options, page(plugged).qrCode) == ((Option.QR_CODE,), url)
    change(central, QRcode2="https://pay.example/new")
    assert page(plugged).qrCode == "https://pay.example/new"
    for spelling, is_on in (("QrCodeEnabled", False), ("QRcodeEnabled", True), ("QRcodeEnabled", False)):
        change(central, **{spelling: is_on})
        assert (Option.QR_CODE in page(plugged).options, page(plugged).qrCode is not None) == (is_on, is_on)


@pytest.mark.requirement("GUIDE-MODE-16")
@pytest.mark.parametrize(("key", "connector", "other"), [("QRcode1", 1, 2), ("QRcode2", 2, 1)])
def test_qr_code_is_shown_only_for_the_gun_whose_key_is_set(
    central: ScriptedSupervision, plugged: SimulatedStation, key: str, connector: int, other: int
) -> None:
    plugged.plug(2)
    only(central, "QrCodeEnabled", "RFIDEnabled")
    change(central, **{key: URL_A})
    plugged.show(connector)
    assert (page(plugged).options, page(plugged).qrCode) == ((Option.BADGE, Option.QR_CODE), URL_A)
    plugged.show(other)
    assert (page(plugged).options, page(plugged).qrCode) == ((Option.BADGE,), None)


@pytest.mark.requirement("GUIDE-VKEY-20")
def test_printed_spelling_of_appenabled_shows_and_hides_the_app(
    central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    assert Option.APP in page(plugged).options  # by default
    for is_on in (False, True):
        change(central, APPEEnabled=is_on)
        assert (Option.APP in page(plugged).options) is is_on


@pytest.mark.requirement("GUIDE-VKEY-19")
def test_payment_terminal_is_no_option_by_default(plugged: SimulatedStation) -> None:
    assert page(plugged).options == (Option.BADGE, Option.APP)


def test_all_options_stand_in_one_order_whatever_order_they_were_enabled_in(
    central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    only(central)
    change(central, QRcode1=URL_A)
    for name in reversed(MODES):
        change(central, **{name: True})
    assert page(plugged).options == (
        Option.BADGE,
        Option.QR_CODE,
        Option.APP,
        Option.PAYMENT_TERMINAL,
        Option.AUTO_CHARGE,
        Option.PLUG_AND_CHARGE,
    )


@pytest.mark.parametrize(
    ("modes", "start", "stop"),
    [
        (("RFIDEnabled",), None, Stop.BADGE),
        (("AppEnabled",), None, Stop.APP),
        (("RFIDEnabled", "PosEnabled", "AutoCharge"), None, Stop.BADGE_OR_APP),
        (("AutoCharge",), Start.BY_ITSELF, None),
        (("ISO15118PnCEnabled",), Start.BY_ITSELF, None),
        ((), Start.NO_WAY, None),
    ],
)
def test_screen_says_whether_there_is_a_choice_and_what_stops_a_session(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    modes: tuple[str, ...],
    start: Start | None,
    stop: Stop | None,
) -> None:
    only(central, *modes)
    station.plug(1, msgspec.structs.replace(FAMILY_CAR, mac=None))
    world.run(60)
    assert (page(station).stage, page(station).start, page(station).stop) == (Stage.AUTHENTICATE, start, None)
    change(central, AppEnabled=True)
    assert central.ask("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 1}) == {"status": "Accepted"}
    world.run(120)
    only(central, *modes)
    assert (page(station).stage, page(station).start, page(station).stop) == (Stage.CHARGING, None, stop)


def test_badges_that_were_enabled_when_a_session_began_stop_it(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    only(central, "RFIDEnabled")
    station.plug(1)
    station.badge("TAG")
    world.run(120)
    change(central, FreeCharging=True)
    assert page(station).stop is Stop.BADGE
    station.badge("TAG")
    assert (page(station).stage, page(station).stop) == (Stage.FINISHED, None)


def test_free_session_is_stopped_by_the_vehicle_alone(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, FreeCharging=True)
    station.plug(1)
    world.run(120)
    assert (page(station).stage, page(station).stop) == (Stage.CHARGING, None)


def test_firmware_without_the_new_keys_shows_badges_only(world: World, central: ScriptedSupervision) -> None:
    station = world.add_station(firmware="3.4.0")
    world.run(5)
    station.plug()
    assert page(station).options == (Option.BADGE,)


# The course of a session.


def test_session_goes_through_its_stages(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    station.plug()
    assert (page(station).stage, page(station).session) == (Stage.AUTHENTICATE, None)
    central.silent.add("Authorize")
    station.badge("TAG1")
    world.run(1)
    assert (page(station).stage, page(station).isAuthorizing, page(station).options) == (Stage.AUTHORIZING, True, ())
    central.silent.clear()
    world.run(30)  # the answer is overdue, and offline everybody may charge
    assert page(station).stage in (Stage.STARTING, Stage.CHARGING)
    world.run(600)
    shown = session(station)
    assert (page(station).stage, page(station).options) == (Stage.CHARGING, ())
    assert shown.ended is None
    assert shown.transactionId == 1
    assert shown.power_w == station.reading().power_w > 0
    assert shown.soc_percent == station.reading().soc_percent
    assert shown.energy_wh == station.connector().meter_wh
    assert 590 < shown.elapsed_s < 632
    station.pause_car()
    world.run(60)
    assert page(station).stage is Stage.PAUSED_BY_VEHICLE
    station.resume_car()
    world.run(60)
    assert page(station).stage is Stage.CHARGING


def test_second_session_counts_its_own_energy_and_time(
    world: World, central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    for _ in range(2):
        plugged.badge("TAG1")
        world.run(300)
        plugged.badge("TAG1")
        world.run(300)
    start = plugged.wire.payloads("StartTransaction")[1]["meterStart"]
    stop = plugged.wire.payloads("StopTransaction")[1]["meterStop"]
    shown = session(plugged)
    assert 0 < shown.energy_wh == stop - start < stop
    assert shown.elapsed_s == pytest.approx(300, abs=1)
    assert shown.transactionId == 2


def test_summary_of_the_session_stays_as_it_was_until_the_cable_is_unplugged(
    world: World, plugged: SimulatedStation
) -> None:
    plugged.badge("TAG1")
    world.run(300)
    plugged.badge("TAG1")
    world.run(30)
    summary = session(plugged)
    assert (page(plugged).stage, summary.ended, summary.power_w) == (Stage.FINISHED, StopReason.Local, 0)
    (stop,) = plugged.wire.payloads("StopTransaction")
    assert summary.energy_wh == stop["meterStop"] > 0
    world.run(3_600)
    assert session(plugged) == summary
    plugged.unplug()
    assert screen(plugged).page is Page.WELCOME
    plugged.plug()
    assert (page(plugged).stage, page(plugged).session) == (Stage.AUTHENTICATE, None)


def test_limit_of_nothing_shows_that_the_station_pauses(
    world: World, central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    plugged.badge("TAG1")
    world.run(60)
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 0}]},
    }
    assert central.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}) == {
        "status": "Accepted"
    }
    world.run(30)
    assert page(plugged).stage is Stage.PAUSED_BY_STATION


def test_session_that_a_power_cut_ended_has_its_summary_when_power_is_back(
    world: World, plugged: SimulatedStation
) -> None:
    plugged.badge("TAG1")
    world.run(300)
    energy_wh = session(plugged).energy_wh
    plugged.cut()
    world.run(60)
    plugged.power_on()
    world.run(60)
    assert page(plugged).stage is Stage.FINISHED
    assert session(plugged).ended is StopReason.PowerLoss
    assert session(plugged).energy_wh == energy_wh
    assert session(plugged).elapsed_s == pytest.approx(300, abs=1)


# Refusals.


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        ("Invalid", Refusal.UNKNOWN),
        ("Blocked", Refusal.BLOCKED),
        ("Expired", Refusal.EXPIRED),
        ("ConcurrentTx", Refusal.IN_USE),
    ],
)
def test_refused_badge_is_told_why_for_a_moment(
    world: World, central: ScriptedSupervision, plugged: SimulatedStation, status: str, refusal: Refusal
) -> None:
    central.answers["Authorize"] = {"idTagInfo": {"status": status}}
    plugged.badge("TAG1")
    world.run(1)
    assert (page(plugged).stage, page(plugged).refusal) == (Stage.REFUSED, refusal)
    assert page(plugged).options == (Option.BADGE, Option.APP)
    world.run(10)
    assert (page(plugged).stage, page(plugged).refusal) == (Stage.AUTHENTICATE, None)


def offline(central: ScriptedSupervision, station: SimulatedStation) -> None:
    change(central, AllowOfflineTxForUnknownId=False)
    station.network_down()


def error(central: ScriptedSupervision, station: SimulatedStation) -> None:
    central.errors["Authorize"] = "InternalError"


def reserved(central: ScriptedSupervision, station: SimulatedStation) -> None:
    request = {"connectorId": 1, "reservationId": 1, "idTag": "OTHER", "expiryDate": "2026-03-03T08:00:00Z"}
    station.unplug()
    assert central.ask("ReserveNow", request) == {"status": "Accepted"}
    central.answers["Authorize"] = {"idTagInfo": {"status": "Accepted"}}
    station.plug()


def disabled(central: ScriptedSupervision, station: SimulatedStation) -> None:
    change(central, RFIDEnabled=False)


@pytest.mark.parametrize(
    ("arrange", "badge", "refusal"),
    [
        (offline, "TAG1", Refusal.OFFLINE),
        (error, "TAG1", Refusal.NO_ANSWER),
        (reserved, "TAG1", Refusal.RESERVED),
        (disabled, "TAG1", Refusal.NOT_ENABLED),
        (lambda central, station: None, "T" * 21, Refusal.UNREADABLE),
    ],
)
def test_badge_that_starts_nothing_is_told_why(
    world: World,
    central: ScriptedSupervision,
    plugged: SimulatedStation,
    arrange: Callable[[ScriptedSupervision, SimulatedStation], None],
    badge: str,
    refusal: Refusal,
) -> None:
    arrange(central, plugged)
    plugged.badge(badge)
    world.run(1)
    assert (page(plugged).stage, page(plugged).refusal) == (Stage.REFUSED, refusal)
    assert plugged.wire.payloads("StartTransaction") == []


def test_other_badge_that_may_not_stop_a_session_is_told_so_and_charging_goes_on(
    world: World, plugged: SimulatedStation
) -> None:
    plugged.badge("TAG1")
    world.run(30)
    plugged.badge("TAG2")
    world.run(1)
    assert (page(plugged).stage, page(plugged).refusal) == (Stage.CHARGING, Refusal.OTHER_BADGE)
    plugged.badge("TAG1")
    world.run(30)
    assert (page(plugged).stage, page(plugged).refusal) == (Stage.FINISHED, None)


def test_next_badge_takes_the_refusal_of_the_last_one_away(
    world: World, central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    central.answers["Authorize"] = lambda payload: {
        "idTagInfo": {"status": "Accepted" if payload["idTag"] == "GOOD" else "Blocked"}
    }
    plugged.badge("BAD")
    world.run(1)
    plugged.badge("GOOD")
    assert (page(plugged).stage, page(plugged).refusal) == (Stage.AUTHORIZING, None)
    world.run(30)
    assert (page(plugged).stage, page(plugged).refusal) == (Stage.CHARGING, None)


def test_vehicle_that_autocharge_does_not_know_is_refused_and_other_ways_stay(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    change(central, AutoCharge=True)
    central.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    station.plug(1, msgspec.structs.replace(FAMILY_CAR, mac="92D50A693F80"))
    world.run(5)
    assert (page(station).stage, page(station).refusal) == (Stage.REFUSED, Refusal.UNKNOWN)
    assert page(station).options == (Option.BADGE, Option.APP, Option.AUTO_CHARGE)


def test_one_guns_refusal_is_not_on_the_other_ones_page(
    world: World, central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    plugged.plug(2)
    central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    plugged.badge("TAG1")
    world.run(1)
    assert page(plugged).refusal is Refusal.BLOCKED
    plugged.show(2)
    assert (page(plugged).stage, page(plugged).refusal) == (Stage.AUTHENTICATE, None)


# What else may be.


def stages(station: SimulatedStation) -> list[Stage]:
    return [sign.stage for sign in screen(station).guns]


def test_signs_of_both_guns_are_on_every_page(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert [(sign.connectorId, sign.letter) for sign in screen(station).guns] == [(1, "A"), (2, "B")]
    assert stages(station) == [Stage.FREE, Stage.FREE]
    request = {"connectorId": 2, "reservationId": 1, "idTag": "TAG2", "expiryDate": "2026-03-03T08:00:00Z"}
    assert central.ask("ReserveNow", request) == {"status": "Accepted"}
    assert stages(station) == [Stage.FREE, Stage.RESERVED]
    assert screen(station).page is Page.WELCOME
    assert central.ask("RemoteStartTransaction", {"idTag": "TAG1", "connectorId": 1}) == {"status": "Accepted"}
    world.run(1)
    assert stages(station) == [Stage.PLUG_IN, Stage.RESERVED]
    station.plug(1)
    world.run(30)
    assert stages(station) == [Stage.CHARGING, Stage.RESERVED]
    assert page(station).connectorId == 1
    station.plug(2)
    station.show(2)
    assert (page(station).stage, page(station).options) == (Stage.RESERVED, (Option.BADGE, Option.APP))


def test_gun_out_of_service_says_so_plugged_or_not(
    world: World, central: ScriptedSupervision, plugged: SimulatedStation
) -> None:
    for connector in (1, 2):
        request = {"connectorId": connector, "type": "Inoperative"}
        assert central.ask("ChangeAvailability", request) == {"status": "Accepted"}
    assert stages(plugged) == [Stage.OUT_OF_SERVICE, Stage.OUT_OF_SERVICE]
    assert (page(plugged).stage, page(plugged).options) == (Stage.OUT_OF_SERVICE, ())
    plugged.unplug()
    assert (screen(plugged).page, stages(plugged)[0]) == (Page.WELCOME, Stage.OUT_OF_SERVICE)


def test_faulted_gun_shows_its_error_and_the_other_one_goes_on(world: World, plugged: SimulatedStation) -> None:
    plugged.badge("TAG1")
    world.run(60)
    plugged.plug(2)
    plugged.fault("0x100205", 1)
    shown = ErrorShown("0x100205", "Vehicle connector lock control error")
    assert (page(plugged).stage, page(plugged).error, page(plugged).options) == (Stage.FAULTED, shown, ())
    assert session(plugged).ended is StopReason.Other
    assert [sign.error for sign in screen(plugged).guns] == [shown, None]
    plugged.show(2)
    assert (page(plugged).stage, page(plugged).error) == (Stage.AUTHENTICATE, None)
    plugged.clear("0x100205", 1)
    plugged.show(1)
    assert (page(plugged).stage, page(plugged).error) == (Stage.FINISHED, None)


def test_warning_is_no_business_of_the_driver(plugged: SimulatedStation) -> None:
    plugged.fault("0x100007", 1)
    assert (page(plugged).stage, page(plugged).error) == (Stage.AUTHENTICATE, None)


def test_offline_sign_is_there_until_the_supervision_has_accepted_the_station_again(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert not screen(station).isOffline
    station.network_down()
    assert screen(station).isOffline
    station.network_up()
    world.run(60)
    assert not screen(station).isOffline
    central.boot_status = "Pending"
    station.cut()
    station.power_on()
    assert screen(station).isOffline
    world.run(30)
    assert station.is_connected
    assert screen(station).isOffline


def test_plugged_gun_of_a_station_that_was_never_accepted_is_not_ready(world: World) -> None:
    assert isinstance(world.central, ScriptedSupervision)
    world.central.boot_status = "Pending"
    station = world.add_station()
    world.run(5)
    station.plug()
    assert (page(station).stage, page(station).options) == (Stage.NOT_READY, ())
    station.badge("TAG1")
    assert page(station).refusal is Refusal.NOT_READY


def test_screen_survives_json(world: World, plugged: SimulatedStation) -> None:
    plugged.badge("TAG1")
    world.run(60)
    assert msgspec.json.decode(msgspec.json.encode(screen(plugged)), type=Screen) == screen(plugged)
