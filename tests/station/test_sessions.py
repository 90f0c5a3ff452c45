"""The block of what happens at the guns, through the station's doors."""

from __future__ import annotations

import pytest

from forecourt.station import events as happened
from forecourt.station.effects import CloseContactor, OpenContactor, SaveRecord, SendFrame
from tests.station_rig import Rig

GROUND_ERROR = "0x100206"


def charging(**keys: str) -> Rig:
    rig = Rig(keys=keys)
    rig.plug()
    rig.badge("TAG1")
    rig.handle(happened.VehicleDrawing(1))
    assert (rig.status(), rig.is_energised()) == ("Charging", True)
    return rig


def test_energy_comes_after_the_records_of_the_start() -> None:
    rig = Rig()
    rig.plug()
    effects = rig.badge("TAG1")
    kinds = [type(effect) for effect in effects]
    saved = [index for index, kind in enumerate(kinds) if kind is SaveRecord]
    closed = kinds.index(CloseContactor)
    assert {effect.kind for effect in effects[:closed] if isinstance(effect, SaveRecord)} >= {"transaction", "queue"}
    assert saved[0] < closed


def test_energy_goes_before_anything_else_when_a_session_ends() -> None:
    rig = charging()
    effects = rig.badge("TAG1")
    kinds = [type(effect) for effect in effects]
    assert kinds.index(OpenContactor) < kinds.index(SaveRecord) < kinds.index(SendFrame)


def test_vehicle_that_pauses_and_resumes_moves_between_suspendedev_and_charging() -> None:
    rig = charging()
    rig.handle(happened.VehiclePaused(1))
    assert rig.status() == "SuspendedEV"
    rig.handle(happened.VehicleDrawing(1))
    assert rig.status() == "Charging"
    assert [payload["status"] for payload in rig.calls("StatusNotification")][-3:] == [
        "Charging",
        "SuspendedEV",
        "Charging",
    ]


def test_what_a_vehicle_draws_without_a_session_or_a_cable_moves_nothing() -> None:
    rig = Rig()
    rig.handle(happened.VehicleDrawing(2))
    assert rig.status(2) == "Available"
    rig.plug(2)
    rig.handle(happened.VehiclePaused(2))
    assert rig.status(2) == "Preparing"


def test_refused_session_draws_nothing_and_is_suspended_by_the_station() -> None:
    rig = Rig(keys={"StopTransactionOnInvalidId": "false"})
    rig.answers["StartTransaction"] = {"idTagInfo": {"status": "Invalid"}, "transactionId": 3}
    rig.plug()
    rig.badge("TAG1")
    assert not rig.is_energised()
    rig.handle(happened.VehiclePaused(1))
    assert rig.status() == "SuspendedEVSE"
    rig.badge("TAG1")
    assert [payload["reason"] for payload in rig.calls("StopTransaction")] == ["Local"]
    assert rig.status() == "Finishing"


def test_refused_session_gets_no_energy_back_by_plugging_again() -> None:
    rig = Rig(keys={"StopTransactionOnInvalidId": "false", "StopTransactionOnEVSideDisconnect": "false"})
    rig.answers["StartTransaction"] = {"idTagInfo": {"status": "Invalid"}, "transactionId": 3}
    rig.plug()
    rig.badge("TAG1")
    rig.unplug()
    rig.plug()
    assert not rig.is_energised()


def test_session_kept_over_a_disconnect_gets_its_energy_back_when_plugged_again() -> None:
    rig = charging(StopTransactionOnEVSideDisconnect="false")
    rig.unplug()
    assert (rig.status(), rig.is_energised()) == ("SuspendedEV", False)
    rig.plug()
    assert rig.is_energised()
    rig.handle(happened.VehicleDrawing(1))
    assert rig.status() == "Charging"
    assert not rig.calls("StopTransaction")


def test_unplugging_ends_the_session_by_default_and_frees_the_gun() -> None:
    rig = charging()
    rig.unplug()
    assert [payload["reason"] for payload in rig.calls("StopTransaction")] == ["EVDisconnected"]
    assert "idTag" not in rig.calls("StopTransaction")[0]
    assert (rig.status(), rig.is_energised()) == ("Available", False)


def test_unplugging_under_a_fault_leaves_the_gun_available_once_the_fault_is_gone() -> None:
    rig = Rig()
    rig.plug()
    rig.handle(happened.FaultRaised(GROUND_ERROR, 1))
    rig.unplug()
    assert rig.status() == "Faulted"
    rig.handle(happened.FaultCleared(GROUND_ERROR, 1))
    assert rig.status() == "Available"


def test_plugging_under_a_fault_leaves_the_gun_preparing_once_the_fault_is_gone() -> None:
    rig = Rig()
    rig.handle(happened.FaultRaised(GROUND_ERROR, 1))
    rig.plug()
    rig.badge("TAG1")
    assert any("connector 1 is Faulted" in line for line in rig.log())
    rig.handle(happened.FaultCleared(GROUND_ERROR, 1))
    assert rig.status() == "Preparing"
    rig.badge("TAG1")
    assert rig.is_energised()


@pytest.mark.parametrize(
    ("badge", "plugged", "line"),
    [
        ("", True, "expected 1 to 20 printable characters"),
        ("TAG1", False, "no cable is plugged"),
    ],
)
def test_ignored_badge_is_logged_with_the_reason(badge: str, plugged: bool, line: str) -> None:
    rig = Rig()
    if plugged:
        rig.plug()
    rig.badge(badge)
    assert any(line in entry for entry in rig.log())
    assert not rig.calls("Authorize")


def test_badge_with_both_plugged_goes_to_the_gun_on_the_screen() -> None:
    rig = Rig()
    rig.plug(1)
    rig.plug(2)
    rig.handle(happened.ConnectorShown(2))
    rig.handle(happened.ConnectorShown(3))  # there is none
    rig.badge("TAG1")
    assert (rig.is_energised(1), rig.is_energised(2)) == (False, True)


def test_refused_badge_is_logged_and_starts_nothing() -> None:
    rig = Rig()
    rig.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    rig.plug()
    rig.badge("TAG1")
    assert "TAG1 on connector 1: blocked" in rig.log()
    assert not rig.is_energised()


def test_second_session_on_a_plugged_gun_passes_through_preparing() -> None:
    rig = charging()
    rig.badge("TAG1")
    assert rig.status() == "Finishing"
    rig.badge("TAG2")
    assert [payload["idTag"] for payload in rig.calls("StartTransaction")] == ["TAG1", "TAG2"]
    assert [payload["status"] for payload in rig.calls("StatusNotification")][-2:] == ["Finishing", "Preparing"]


def test_free_charging_and_autocharge_start_at_the_plug() -> None:
    rig = Rig(keys={"AutoCharge": "true", "MacAddressPrefix": "VID:"})
    rig.plug(1)  # this vehicle tells no MAC address
    rig.hardware.mac = "92D50A693F80"
    rig.plug(2)
    rig.unplug(2)
    rig.handle(happened.KeySet("FreeCharging", "true"))
    rig.plug(2)
    assert [payload["idTag"] for payload in rig.calls("StartTransaction")] == ["VID:92D50A693F80", "SIMTAG"]


def test_nothing_starts_while_records_can_not_be_kept() -> None:
    rig = Rig(keys={"FreeCharging": "true"})
    rig.handle(happened.SaveFailed("disk full"))
    rig.plug()
    assert not rig.is_energised()
    assert not rig.calls("Authorize")


def test_every_session_ends_when_the_station_reboots() -> None:
    rig = charging()
    rig.plug(2)
    rig.handle(happened.ConnectorShown(2))
    rig.badge("TAG2")
    rig.handle(happened.RebootRequested())
    assert [payload["reason"] for payload in rig.calls("StopTransaction")] == ["Reboot", "Reboot"]
    assert not rig.is_energised(1)
    assert not rig.is_energised(2)


def test_session_that_ended_is_known_until_its_cable_is_pulled_or_the_next_one_begins() -> None:
    rig = charging()
    shown = rig.station.snapshot(rig.now).screen.gun
    assert shown is not None
    assert shown.session is not None
    assert shown.session.ended is None
    rig.badge("TAG1")
    ended = rig.station.snapshot(rig.now).screen.gun
    assert ended is not None
    assert ended.session is not None
    assert (ended.session.transactionId, ended.session.ended) == (1, "Local")
    rig.unplug()
    rig.plug()
    empty = rig.station.snapshot(rig.now).screen.gun
    assert empty is not None
    assert empty.session is None


def test_touch_counts_only_while_both_guns_are_plugged_and_gun_a_comes_first_again() -> None:
    rig = Rig()
    seen = []
    for happen in (None, rig.plug, None, lambda: rig.plug(2), None, rig.unplug, rig.plug):
        if happen is None:
            rig.handle(happened.ConnectorShown(2))
        else:
            happen()
        seen.append(rig.station.snapshot(rig.now).shownConnector)
    assert seen == [1, 1, 1, 1, 2, 2, 1]
