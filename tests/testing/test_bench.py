"""What a test of a central system can do and await, in virtual time and over real sockets alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cabinet.reader import UidError
from forecourt.evlink.keys import UnknownKey, ValueRefused
from forecourt.runtime.hosted import BadValueError, NotNowError, NotThereError
from forecourt.testing import CommandError, NotInTimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from forecourt.errors import ForecourtError
    from forecourt.testing.bench import Site, Station

    OnSite = Callable[[Callable[[Site], Coroutine[Any, Any, None]]], None]

TAG = "AB12CD34"
KEYS = {"MinimumStatusDuration": "0"}
SECRET = "00112233445566778899AABBCCDDEEFF"


async def booted(site: Site, **more: Any) -> Station:
    """A station with two CCS2 guns that has told of both."""
    await site.supervision.register(TAG)
    station = await site.add_station(model="EVD1S180TBB", keys=KEYS, **more)
    await station.connected()
    await station.status(2, "Available", reported=True)
    return station


def test_each_message_is_given_once_in_order_whether_it_was_there_or_is_to_come(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        notes = [(await station.message("StatusNotification")).payload["connectorId"] for _ in range(3)]
        assert notes == [0, 1, 2]
        station.plug(1)
        station.plug(2)
        second = await station.message("StatusNotification", where=lambda payload: payload["connectorId"] == 2)
        assert second.payload["status"] == "Preparing"
        with pytest.raises(NotInTimeError, match="'connectorId': 1"):
            await station.message("StatusNotification", where={"connectorId": 1}, within=0.5)
        boot = await station.message("BootNotification")
        assert (boot.direction, boot.kind, boot.at <= second.at) == (">", "CALL", True)
        assert (await station.answer("BootNotification"))["status"] == "Accepted"

    on_site(scenario)


def test_what_did_not_come_is_told_with_how_it_stands_and_the_last_messages_without_secrets(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        asked = {"key": "AuthorizationKey", "value": SECRET}
        await site.supervision.command(station.identity, "ChangeConfiguration", asked)
        with pytest.raises(NotInTimeError) as refused:
            await station.status(1, "Charging", within=0.5)
        said = str(refused.value)
        assert "Within 0.5 s connector 1 of FORECOURT-1 was to be Charging, and is Available." in said
        assert "StatusNotification" in said
        assert "ChangeConfiguration" in said
        assert SECRET not in said
        with pytest.raises(NotInTimeError, match="the end of the world was to be true at FORECOURT-1"):
            await station.until(lambda seen: False, what="the end of the world", within=0.5)

    on_site(scenario)


def test_a_condition_that_breaks_is_the_test_s_own_error(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        asked = 0

        def breaks(_: Station) -> bool:
            nonlocal asked
            asked += 1
            if asked == 2:
                raise ZeroDivisionError
            return False

        with pytest.raises(ZeroDivisionError):
            await station.until(breaks)

    on_site(scenario)


def test_several_things_are_awaited_at_once(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        other = await site.add_station("OTHER")
        station.plug(1)
        station.plug(2)
        await asyncio.gather(
            station.status(1, "Preparing", reported=True),
            station.status(2, "Preparing", reported=True),
            other.connected(),
        )
        assert (station.identity, other.identity) == ("FORECOURT-1", "OTHER")

    on_site(scenario)


def test_a_car_pauses_and_goes_on(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        station.plug(2, FAMILY_CAR)
        station.show(2)
        assert station.snapshot().shownConnector == 2
        assert (station.screen.page, station.screen.isLocked) == ("gun", False)
        station.tariff()
        station.tariff(shown=False)
        station.badge(TAG)
        await station.status(2, "Charging")
        station.pause(2)
        await station.status(2, "SuspendedEV", reported=True)
        station.resume(2)
        await station.status(2, "Charging", reported=True)
        station.unplug(2)
        stop = await station.message("StopTransaction")
        assert stop.payload["reason"] == "EVDisconnected"

    on_site(scenario)


def test_a_badge_of_bytes_is_asked_for_as_hex_text(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        station.plug(1, "family")
        station.badge(bytes([0x04, 0xA2, 0x00, 0x0F]))
        asked = await station.message("Authorize")
        assert asked.payload == {"idTag": "04A2000F"}
        assert await station.answer("Authorize") == {"idTagInfo": {"status": "Invalid"}}

    on_site(scenario)


def test_the_installer_reads_and_sets_keys_also_read_only_ones(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        assert station.key("minimumstatusduration") == "0"
        station.set_key("ChargeLimitedPower", "0150")
        assert station.key("ChargeLimitedPower") == "150"
        station.set_key("AuthorizationKey", SECRET)
        assert station.key("AuthorizationKey") is None
        with pytest.raises(NotThereError, match="HeartbeatInterval"):
            station.set_key("HeartbeatIntervall", "60")
        with pytest.raises(NotThereError, match="HeartbeatInterval"):
            station.key("HeartbeatIntervall")
        with pytest.raises(ValueRefused):
            station.set_key("HeartbeatInterval", "soon")
        with pytest.raises(UnknownKey, match="HeartbeatInterval"):
            await site.add_station("OTHER", keys={"HeartbeatIntervall": "60"})

    on_site(scenario)


def test_what_cannot_be_done_is_refused_with_a_sentence(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        refused: tuple[tuple[type[ForecourtError], str, Callable[[], object]], ...] = (
            (NotThereError, "connectors 1 to 2", lambda: station.plug(3)),
            (NotThereError, "connectors 1 to 2", lambda: station.meter_wh(0)),
            (NotThereError, "connectors 1 to 2", lambda: station.show(0)),
            (BadValueError, "family", lambda: station.plug(1, "tank")),
            (NotNowError, "no car", lambda: station.unplug(1)),
            (NotNowError, "no car", lambda: station.pause(1)),
            (NotNowError, "no car", lambda: station.resume(2)),
            (NotNowError, "CCS2", lambda: station.plug(1, "chademo")),
            (BadValueError, "1 to 20", lambda: station.badge("x" * 21)),
            (UidError, "4, 7 or 10", lambda: station.badge(b"\x04")),
        )
        for kind, said, act in refused:
            with pytest.raises(kind, match=said):
                act()
        with pytest.raises(NotThereError, match="connectors 1 to 2"):
            await station.status(3, "Available")

    on_site(scenario)


def test_without_power_a_station_hears_nothing_but_its_cars_and_its_meter_are_there(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        station.power(False)
        station.power(False)
        with pytest.raises(NotNowError, match="switch it on"):
            station.badge(TAG)
        await station.until(lambda seen: not seen.is_running, what="darkness")
        acts: tuple[Callable[[], object], ...] = (
            station.snapshot,
            station.reboot,
            lambda: station.badge(TAG),
            lambda: station.show(1),
            lambda: station.set_key("HeartbeatInterval", "60"),
            lambda: station.key("HeartbeatInterval"),
        )
        for act in acts:
            with pytest.raises(NotNowError, match="power"):
                act()
        station.plug(1)
        assert station.meter_wh(1) == 0
        with pytest.raises(NotInTimeError, match="without power or booting"):
            await station.connected(within=0.5)
        station.power(True)
        await station.status(1, "Preparing", reported=True, within=120)

    on_site(scenario)


def test_the_supervision_s_commands_come_back_as_ocpp_answers_or_as_a_sentence(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        ask = site.supervision.command
        assert await ask(station.identity, "UnlockConnector", {"connectorId": 1}) == {"status": "NotSupported"}
        assert await ask(station.identity, "ClearCache") == {"status": "Rejected"}
        asked = await station.message("ClearCache", sent=False)
        assert asked.payload == {}
        for identity, action, payload, said in (
            (station.identity, "ClearCach", None, "ClearCache"),
            (station.identity, "Heartbeat", None, "Reset"),
            (station.identity, "UnlockConnector", {}, "connectorId"),
            ("NOBODY", "ClearCache", None, "not connected"),
        ):
            with pytest.raises(CommandError, match=said):
                await ask(identity, action, payload)

    on_site(scenario)


def test_time_that_is_let_pass_passes_for_the_station(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await booted(site)
        assert "HEARTBEAT" in station.workings().deadlines
        before = station.now()
        await station.elapse(12)
        assert 12 <= station.now() - before < 120

    on_site(scenario)
