"""The network goes while a car charges and comes back later: the same body in virtual time and over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from forecourt.testing.bench import Site

    OnSite = Callable[[Callable[[Site], Coroutine[Any, Any, None]]], None]

TAG = "AB12CD34"
KEYS = {"MinimumStatusDuration": "0", "MeterValueSampleInterval": "30"}


@pytest.mark.requirement("OCPP-3.7-5")
def test_session_that_ends_offline_is_told_once_the_network_is_back(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        await site.supervision.register(TAG)
        station = await site.add_station(keys=KEYS)
        await station.connected()
        station.plug(1)
        station.badge(TAG)
        await station.status(1, "Charging")
        number = (await station.answer("StartTransaction"))["transactionId"]
        await station.elapse(60)
        station.network(False)
        await station.until(lambda seen: seen.snapshot().link.state != "open", what="the link's end")
        await station.elapse(60)
        station.unplug(1)
        await station.status(1, "Available")
        meter_wh = station.meter_wh(1)
        assert not station.wire.payloads("StopTransaction")
        assert station.snapshot().queuedMessages > 0
        [row] = await site.supervision.transactions()
        assert row.meterStop is None
        station.network(True)
        stop = await station.message("StopTransaction", within=300)
        await station.answer("StopTransaction")
        assert (stop.payload["transactionId"], stop.payload["reason"]) == (number, "EVDisconnected")
        assert stop.payload["meterStop"] == pytest.approx(meter_wh, abs=1)
        [row] = await site.supervision.transactions()
        assert row.meterStop == stop.payload["meterStop"]
        await station.until(lambda seen: seen.snapshot().queuedMessages == 0, what="an empty queue")
        assert len(station.wire.payloads("StopTransaction")) == 1

    on_site(scenario)


@pytest.mark.requirement("GUIDE-PWR-05")
def test_power_goes_and_comes_back_and_the_session_is_ended_once(on_site: OnSite) -> None:
    async def scenario(site: Site) -> None:
        await site.supervision.register(TAG)
        station = await site.add_station(keys=KEYS)
        await station.connected()
        station.plug(1)
        station.badge(TAG)
        await station.status(1, "Charging")
        await station.answer("StartTransaction")
        await station.elapse(60)
        station.power(False)
        await station.until(lambda seen: not seen.is_running, what="darkness")
        meter_wh = station.meter_wh(1)
        station.power(True)
        await station.connected(within=300)
        await station.until(lambda seen: seen.snapshot().queuedMessages == 0, what="an empty queue")
        [row] = await site.supervision.transactions()
        assert len(station.wire.payloads("StopTransaction")) == 1
        assert row.reason == "PowerLoss"
        assert row.meterStop == pytest.approx(meter_wh, abs=1)

    on_site(scenario)
