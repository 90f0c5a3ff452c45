"""Vendor errors that come and go, also while nobody listens: the same body in virtual time and over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.evlink.faults import UnknownFault
from forecourt.runtime.hosted import BadValueError, NotNowError, NotThereError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from forecourt.testing.bench import Site

    OnSite = Callable[[Callable[[Site], Coroutine[Any, Any, None]]], None]

TAG = "AB12CD34"
KEYS = {"MinimumStatusDuration": "0"}
LOCK, GROUND, FAN, EMERGENCY = "0x100205", "0x100206", "0x200104", "0x100202"


def test_emergency_stop_ends_the_session_and_both_guns_are_faulted_until_it_is_over(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        await site.supervision.register(TAG)
        station = await site.add_station(keys=KEYS)
        await station.connected()
        station.plug(1)
        station.badge(TAG)
        await station.status(1, "Charging")
        station.fault(EMERGENCY)
        stop = await station.message("StopTransaction")
        assert stop.payload["reason"] == "EmergencyStop"
        for connector in (0, 1, 2):
            wanted = {"connectorId": connector, "status": "Faulted", "vendorErrorCode": EMERGENCY}
            note = await told(station, wanted)
            assert (note["errorCode"], note["vendorId"]) == ("InternalError", "Schneider Electric")
        station.clear_fault(EMERGENCY)
        await station.status(0, "Available")
        await station.status(1, "Finishing", reported=True)
        await station.status(2, "Available", reported=True)

    async def told(station: Any, wanted: dict[str, Any]) -> dict[str, Any]:
        note: dict[str, Any] = (await station.message("StatusNotification", where=wanted)).payload
        return note

    on_site(scenario)


def test_errors_that_came_and_went_offline_are_told_in_order_once_somebody_listens(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await site.add_station(keys=KEYS)
        await station.connected()
        await station.status(2, "Available", reported=True)
        station.network(False)
        await station.until(lambda seen: seen.snapshot().link.state != "open", what="the link's end")
        station.fault(LOCK, 1)
        await station.elapse(5)
        station.fault(FAN)
        await station.elapse(5)
        station.clear_fault(LOCK)
        await station.elapse(5)
        station.fault(GROUND, 2)
        await station.elapse(5)
        before = len(station.wire.messages)
        station.network(True)
        await station.message(
            "StatusNotification", where={"connectorId": 2, "vendorErrorCode": GROUND, "status": "Faulted"}, within=300
        )
        notes = [
            message.payload
            for message in station.wire.messages[before:]
            if (message.kind, message.action) == ("CALL", "StatusNotification")
        ]
        errors = [note["vendorErrorCode"] for note in notes if note["errorCode"] != "NoError"]
        assert list(dict.fromkeys(errors)) == [LOCK, FAN, GROUND]
        times = [note["timestamp"] for note in notes if note["errorCode"] != "NoError"]
        assert times == sorted(times)
        await station.status(1, "Available", reported=True)

    on_site(scenario)


def test_what_is_broken_stays_broken_over_a_reboot(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await site.add_station(keys=KEYS)
        await station.connected()
        station.fault(GROUND, 2)
        await station.status(2, "Faulted", reported=True)
        station.reboot()
        await station.until(lambda seen: not seen.is_running, what="a reboot")
        with pytest.raises(NotNowError, match="boots"):
            station.badge(TAG)
        await station.connected(within=600)
        await station.status(2, "Faulted", reported=True)
        station.clear_fault(GROUND)
        await station.status(2, "Available", reported=True)

    on_site(scenario)


def test_what_cannot_be_broken_or_mended_is_refused_with_a_sentence(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        station = await site.add_station()
        with pytest.raises(UnknownFault, match="0x100205"):
            station.fault("0x100255")
        with pytest.raises(BadValueError, match="whole station"):
            station.fault(EMERGENCY, 1)
        with pytest.raises(NotThereError, match="connectors 1 to 2"):
            station.fault(LOCK, 3)
        with pytest.raises(NotThereError, match="not there"):
            station.clear_fault(LOCK)
        station.fault(LOCK, 1)
        with pytest.raises(NotNowError, match="already"):
            station.fault(LOCK)
        with pytest.raises(NotThereError, match="connector 2"):
            station.clear_fault(LOCK, 2)

    on_site(scenario)
