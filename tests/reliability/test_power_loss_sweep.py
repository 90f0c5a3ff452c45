"""Power goes in ways that are harder: while little is left, while the station boots, installs, or writes that it went.

Each test cuts at every effect of the life in question, so that each record of it is the last one once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import EVD1S, EVD2S
from forecourt.evlink.generations import PowerLossStop as Stop
from forecourt.evlink.models import find_model
from forecourt.ocpp.core import StopReason
from forecourt.ocpp.firmware_management import UpdateFirmwareRequest
from forecourt.world.world import START
from tests.full_session import IDENTITY, KEPT, TAG, FullSession

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from forecourt.world.world import World

    Count: TypeAlias = Callable[[str, object], None]

AFTER_BOOT, BEFORE_DARK = "EVD1S180TBB", "EVD2S180TBB"
BOTH_FAMILIES = pytest.mark.parametrize("model", [AFTER_BOOT, BEFORE_DARK])
FIRMWARE = "http://files.example/firmware.bin"
NEW = "3.6.0"


def charging(model: str, *, offline: bool = False) -> FullSession:
    """In the middle of a session, 40 s after it began."""
    session = FullSession(model=model)
    world, station = session.world, session.station
    station.power_on()
    world.run(10)
    station.plug(1)
    station.badge(TAG)
    world.run(30)
    if offline:
        station.network_down()
    world.run(10)
    assert station.status(1) == "Charging"
    return session


def effects_while(session: FullSession, act: Callable[[], None]) -> int:
    before = len(session.station.effects)
    act()
    return len(session.station.effects) - before


def check(session: FullSession, where: str, *, reason: str | None = StopReason.PowerLoss) -> None:
    session.check(where, kept=KEPT | {"firmware"})
    (stop,) = session.world.supervision.stopped
    assert stop.request.reason == reason, where


def test_hold_up_time_is_data_of_the_generation() -> None:
    assert EVD1S.assumed_hold_up_s < EVD2S.assumed_hold_up_s
    assert (EVD1S.power_loss_stop, EVD2S.power_loss_stop) == (Stop.AFTER_BOOT, Stop.BEFORE_DARK)


@pytest.mark.requirement("GUIDE-PWR-01", "GUIDE-PWR-02")
@BOTH_FAMILIES
def test_station_lives_on_for_the_hold_up_time_of_its_generation(model: str) -> None:
    session = charging(model)
    generation = find_model(model).generation
    session.station.power_off()
    session.world.run(generation.assumed_hold_up_s - 0.1)
    assert session.station.has_power
    session.world.run(0.2)
    assert not session.station.has_power
    told = len(session.station.wire.payloads("StopTransaction"))
    assert told == (1 if generation.power_loss_stop is Stop.BEFORE_DARK else 0)


@pytest.mark.requirement("GUIDE-PWR-05")
@BOTH_FAMILIES
@pytest.mark.parametrize("offline", [False, True], ids=["online", "offline"])
def test_capacitor_ends_at_any_effect_of_the_last_seconds(model: str, offline: bool, record_property: Count) -> None:
    """The record that says the power went is among those that are being written then."""

    def last_seconds(session: FullSession) -> None:
        session.station.power_off()
        session.world.run(20)

    session = charging(model, offline=offline)
    count = effects_while(session, lambda: last_seconds(session))
    for number in range(1, count + 1):
        session = charging(model, offline=offline)
        session.station.cut_after = number
        last_seconds(session)
        session.station.cut_after = None
        check(session.recover(), f"dark after effect {number} of {count}")
    record_property("power cuts", count)


@pytest.mark.requirement("GUIDE-PWR-05")
@BOTH_FAMILIES
def test_power_goes_again_at_any_effect_of_the_boot_after_a_cut(model: str, record_property: Count) -> None:
    """What this life writes first says that the power went: the end of the session."""
    session = charging(model)
    session.station.cut()

    def boot(session: FullSession) -> None:
        session.station.power_on()
        session.world.run(60)

    count = effects_while(session, lambda: boot(session))
    assert count > 10
    for number in range(1, count + 1):
        for again in (None, 1, 2, 3, 5, 8):
            session = charging(model)
            session.station.cut()
            for after in (number, again):
                session.station.cut_after = after
                if not session.station.has_power:
                    boot(session)
                session.station.cut_after = None
            check(session.recover(), f"cut after effect {number} of the boot, then {again}")
    record_property("power cuts", count * 6)


def updating() -> FullSession:
    """A station that has been asked to update its firmware while a car charges."""
    session = charging(AFTER_BOOT)
    serve(session.world)
    request = UpdateFirmwareRequest(location=FIRMWARE, retrieveDate=START)
    session.world.supervision.command(IDENTITY, request)
    session.world.run(5)
    return session


def serve(world: World) -> None:
    product = find_model(AFTER_BOOT).product
    world.files.served[FIRMWARE] = encode_image(product, NEW, b"what is installed" * 20)


def finish_update(session: FullSession) -> None:
    """The driver leaves, the image is installed, and the station reboots with it, as far as power allows."""
    station = session.station
    if station.has_power:
        station.badge(TAG)
    session.world.run(5)
    if station.cabinet.plugged(1):
        station.unplug(1)
    session.world.run(400)


def test_power_goes_at_any_effect_of_a_firmware_update(record_property: Count) -> None:
    """The station runs the old version or the new one, never none, and the session is in the ledger once."""
    session = updating()
    count = effects_while(session, lambda: finish_update(session))
    versions = [payload["firmwareVersion"] for payload in session.station.wire.payloads("BootNotification")]
    old = versions[0]
    assert versions == [old, NEW]
    for number in range(1, count + 1):
        session = updating()
        session.station.cut_after = number
        finish_update(session)
        where = f"cut after effect {number} of {count} of an update"
        session.recover().world.run(600)
        session.check(where, kept=KEPT | {"firmware"})
        assert session.station.snapshot().firmware in (old, NEW), where
        assert session.station.snapshot().firmwareUpdate is None, where
        reported = [payload["firmwareVersion"] for payload in session.station.wire.payloads("BootNotification")]
        assert reported[-1] == session.station.snapshot().firmware, where
        told = [payload["status"] for payload in session.station.wire.payloads("FirmwareStatusNotification")]
        last = "Installed" if session.station.snapshot().firmware == NEW else "InstallationFailed"
        assert told[-1:] == [last], f"{where}: {told}"
    record_property("power cuts", count)
