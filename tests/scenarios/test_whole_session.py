"""A driver comes, charges and goes: the same body in virtual time and over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from forecourt.testing.bench import Site

    OnSite = Callable[[Callable[[Site], Coroutine[Any, Any, None]]], None]

TAG = "AB12CD34"
KEYS = {"MeterValueSampleInterval": "30", "MinimumStatusDuration": "0"}


@pytest.mark.requirement("OCPP-4.8-1", "OCPP-4.10-1")
def test_session_from_badge_to_badge_stands_in_the_ledger_as_the_meter_says(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        await site.supervision.register(TAG)
        station = await site.add_station(keys=KEYS)
        await station.connected()
        station.plug(1, FAMILY_CAR)
        await station.status(1, "Preparing")
        station.badge(TAG)
        start = await station.message("StartTransaction", where={"connectorId": 1, "idTag": TAG})
        number = (await station.answer("StartTransaction"))["transactionId"]
        await station.status(1, "Charging", reported=True)
        for _ in range(3):
            values = await station.message("MeterValues", where={"transactionId": number}, within=120)
            assert values.payload["connectorId"] == 1
        await station.until(lambda seen: seen.meter_wh(1) > start.payload["meterStart"] + 5_000, within=600)
        station.badge(TAG)
        stop = await station.message("StopTransaction", where={"transactionId": number})
        await station.answer("StopTransaction")
        await station.status(1, "Finishing", reported=True)
        assert stop.payload["meterStop"] == pytest.approx(station.meter_wh(1), abs=1)
        [row] = await site.supervision.transactions(station.identity)
        assert (row.transactionId, row.connectorId, row.idTag) == (number, 1, TAG)
        assert (row.meterStart, row.meterStop) == (start.payload["meterStart"], stop.payload["meterStop"])
        station.unplug(1)
        await station.status(1, "Available", reported=True)

    on_site(scenario)


def test_supervision_starts_and_stops_a_session_and_one_gun_leaves_the_other_alone(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        await site.supervision.register(TAG)
        station = await site.add_station(model="EVD1S180TBB", keys=KEYS)
        await station.connected()
        station.plug(1)
        station.plug(2)
        asked = {"connectorId": 2, "idTag": TAG}
        assert await site.supervision.command(station.identity, "RemoteStartTransaction", asked) == {
            "status": "Accepted"
        }
        await station.status(2, "Charging")
        number = (await station.answer("StartTransaction"))["transactionId"]
        await station.until(lambda seen: seen.meter_wh(2) > 500)
        assert (station.meter_wh(1), station.snapshot().connectors[0].status) == (0, "Preparing")
        ended = await site.supervision.command(station.identity, "RemoteStopTransaction", {"transactionId": number})
        assert ended == {"status": "Accepted"}
        await station.status(2, "Finishing")
        stop = await station.message("StopTransaction")
        assert stop.payload["reason"] == "Remote"

    on_site(scenario)
