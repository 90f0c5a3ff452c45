"""The price end to end: a tariff in the supervision, the amount on the station's screen, the bill (A36, A37).

The amounts are worked out here once more, in cents and with fractions, from what stands in the messages.
"""

from __future__ import annotations

import struct
import zlib
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import floor
from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.ocpp.types import to_epoch
from forecourt.supervision.facts import GunFreed, TariffAssigned, TariffPictureSet, TariffSet
from forecourt.supervision.tariffs import SessionFacts, Tariff, amount_text, cost_of
from forecourt.world.wire import RECEIVED

if TYPE_CHECKING:
    from forecourt.station.display import CostShown
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

DAY = Tariff(
    name="day",
    currency="EUR",
    pricePerKWh=Decimal("0.49"),
    pricePerMinute=Decimal("0.03"),
    sessionFee=Decimal("0.35"),
    vatPercent=Decimal(19),
)


def assign(site: World, tariff: Tariff, identity: str = "", connector: int = 0) -> None:
    """Let a tariff hold."""
    site.supervision.edit(TariffSet(tariff))
    site.supervision.edit(TariffAssigned(identity, connector, tariff.name))


def shown(station: SimulatedStation, connector: int = 1) -> CostShown | None:
    """What stands in the cost area of a gun's page."""
    station.show(connector)
    gun = station.snapshot().screen.gun
    assert gun is not None, "a gun is shown"
    return None if gun.session is None else gun.session.cost


def half_up(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))


def bill_cents(site: World, number: int) -> int:
    """The bill of `DAY` for a session that has ended, worked out from its StartTransaction and StopTransaction."""
    start, stop = site.supervision.ledger.started[number].request, site.supervision.ledger.stopped[number].request
    energy = half_up(Fraction(stop.meterStop - start.meterStart, 1000) * 49)
    time = half_up(Fraction(int((stop.timestamp - start.timestamp).total_seconds()), 60) * 3)
    return energy + time + 35


def ledger_cost(site: World, number: int) -> str:
    """What the supervision has for the session in its ledger, worked out as its API does."""
    ledger = site.supervision.ledger
    start, stop = ledger.started[number], ledger.stopped[number]
    facts = SessionFacts(
        started_s=to_epoch(start.request.timestamp),
        start_told_s=start.at_s,
        meter_start_wh=start.request.meterStart,
        stopped_s=to_epoch(stop.request.timestamp),
        stop_told_s=stop.at_s,
        meter_stop_wh=stop.request.meterStop,
        freed_s=ledger.freed.get(number),
    )
    return amount_text(cost_of(ledger.priced[number].tariff, facts, site.clock_s).gross)


def charge(site: World, station: SimulatedStation, seconds: float, connector: int = 1, badge: str = "TAG1") -> int:
    """Charge for a while, and end; the transactionId. The car stays plugged."""
    station.plug(connector)
    station.show(connector)
    station.badge(badge)
    site.run(seconds)
    number = site.supervision.started[-1].transactionId
    station.show(connector)
    station.badge(badge)
    site.run_until(lambda: number in site.supervision.ledger.stopped)
    site.run(1)
    return number


@pytest.mark.requirement("GUIDE-COST-01", "GUIDE-COST-11", "GUIDE-COST-12")
def test_amount_on_the_screen_rises_as_the_supervision_repeats_it(site: World, served: SimulatedStation) -> None:
    assign(site, DAY)
    served.plug(1)
    served.badge("TAG1")
    site.run(2)
    amounts = []
    for _ in range(10):
        site.run(30)
        cost = shown(served)
        assert cost is not None
        amounts.append(cost.totalCost)
    assert amounts == sorted(amounts)
    assert len(set(amounts)) == len(amounts)
    told = [message.payload for message in served.wire.calls("DataTransfer", direction=RECEIVED)]
    assert {(each["vendorId"], each["messageId"]) for each in told} == {("com.se.cost", "CostUpdated")}
    assert len(told) >= 10


@pytest.mark.parametrize("seconds", [61.0, 600.0, 1234.5])
def test_screen_bill_and_a_calculation_apart_agree_to_the_cent(
    site: World, served: SimulatedStation, seconds: float
) -> None:
    assign(site, DAY)
    number = charge(site, served, seconds)
    cents = bill_cents(site, number)
    cost = shown(served)
    assert cost is not None
    assert cents > 35
    assert (cost.currency, half_up(Fraction(str(cost.totalCost)) * 100)) == ("EUR", cents)
    assert Decimal(ledger_cost(site, number)) * 100 == cents


def test_each_gun_shows_the_cost_by_its_own_tariff(site: World, served: SimulatedStation) -> None:
    assign(site, DAY)
    assign(site, Tariff(name="night", currency="VNĐ", decimals=0, pricePerKWh=Decimal(3858)), "CP-1", 2)
    first = charge(site, served, 200, 1, "TAG1")
    second = charge(site, served, 200, 2, "TAG2")
    stop = site.supervision.ledger.stopped[second].request.meterStop
    energy_wh = stop - site.supervision.ledger.started[second].request.meterStart
    one, two = shown(served, 1), shown(served, 2)
    assert one is not None
    assert two is not None
    assert (one.currency, round(one.totalCost * 100)) == ("EUR", bill_cents(site, first))
    assert (two.currency, two.totalCost) == ("VNĐ", half_up(Fraction(energy_wh * 3858, 1000)))


def test_no_tariff_no_cost_on_the_screen(site: World, served: SimulatedStation) -> None:
    charge(site, served, 200)
    assert shown(served) is None
    assert served.wire.calls("DataTransfer", direction=RECEIVED) == []


def test_idle_fee_goes_on_on_the_screen_until_the_car_is_unplugged(site: World, served: SimulatedStation) -> None:
    """Two minutes are free; then 0.10 EUR a minute, which the screen shows 30 s later at the latest."""
    assign(
        site,
        Tariff(
            name="idle",
            currency="EUR",
            pricePerKWh=Decimal("0.49"),
            idleFeePerMinute=Decimal("0.10"),
            idleGraceMinutes=2,
        ),
    )
    number = charge(site, served, 300)
    ended_s = to_epoch(site.supervision.ledger.stopped[number].request.timestamp)
    energy = shown(served)
    assert energy is not None
    site.run(100)
    assert shown(served) == energy
    site.run(620)
    idle = shown(served)
    assert idle is not None
    assert 0.95 <= idle.totalCost - energy.totalCost <= 1.0
    served.unplug(1)
    site.run(60)
    freed = site.supervision.facts(GunFreed)
    assert [fact.transactionId for fact in freed if isinstance(fact, GunFreed)] == [number]
    idle_s = floor(round((site.supervision.ledger.freed[number] or 0.0) - ended_s, 3))
    cents = round(energy.totalCost * 100) + half_up(Fraction(idle_s - 120, 60) * 10)
    assert Decimal(ledger_cost(site, number)) * 100 == cents


def test_supervision_that_ends_in_mid_session_goes_on_with_the_cost(site: World, served: SimulatedStation) -> None:
    assign(site, DAY)
    served.plug(1)
    served.badge("TAG1")
    site.run(120)
    site.supervision.crash(down_s=20.0)
    site.run(300)
    running = shown(served)
    assert running is not None
    assert running.totalCost > 2
    number = site.supervision.started[-1].transactionId
    served.badge("TAG1")
    site.run_until(lambda: number in site.supervision.ledger.stopped)
    site.run(1)
    final = shown(served)
    assert final is not None
    assert round(final.totalCost * 100) == bill_cents(site, number)


def test_session_that_ended_offline_is_priced_and_shown_when_the_station_is_back(
    site: World, served: SimulatedStation
) -> None:
    assign(site, DAY)
    served.plug(1)
    served.badge("TAG1")
    site.run(120)
    served.network_down()
    site.run(300)
    served.badge("TAG1")
    site.run(600)
    told = len(served.wire.calls("DataTransfer", direction=RECEIVED))
    served.network_up()
    site.run(300)
    number = site.supervision.started[-1].transactionId
    cost = shown(served)
    assert cost is not None
    assert round(cost.totalCost * 100) == bill_cents(site, number)
    assert len(served.wire.calls("DataTransfer", direction=RECEIVED)) > told


def test_final_cost_is_told_again_after_a_power_cut_with_the_car_still_plugged(
    site: World, served: SimulatedStation
) -> None:
    """The cut ends the session, and the station's screen forgets what it showed."""
    assign(site, DAY)
    served.plug(1)
    served.badge("TAG1")
    site.run(120)
    served.cut()
    site.run(30)
    served.power_on()
    site.run(300)
    number = site.supervision.started[-1].transactionId
    told = served.wire.calls("DataTransfer", direction=RECEIVED)
    last = msgspec.json.decode(told[-1].payload["data"])
    assert (last["transactionId"], round(last["totalCost"] * 100)) == (number, bill_cents(site, number))


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(grey: int) -> bytes:
    """A small picture."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 94, 52, 8, 0, 0, 0, 0))
    rows = (b"\x00" + bytes([grey]) * 94) * 52
    return head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.requirement("GUIDE-TARIFF-13", "GUIDE-TARIFF-16")
def test_picture_of_a_tariff_reaches_the_screen_and_another_one_replaces_it(
    site: World, served: SimulatedStation
) -> None:
    """It outlives a power cut, and is not sent again after it."""
    assign(site, DAY)
    served.plug(1)
    site.run(5)
    assert not served.snapshot().screen.hasTariffButton
    served.unplug(1)
    for grey in (10, 200):
        data = png(grey)
        picture = TariffPictureSet("day", f"{grey}.png", len(data), sha256(data).hexdigest())
        site.files.served[site.supervision.picture_location("CP-1", picture)] = data
        site.supervision.edit(picture)
        site.run(60)
        assert served.records[("tariff", "picture")] == data
    offers = len(served.wire.calls("DataTransfer", direction=RECEIVED))
    assert offers == 2
    served.cut()
    served.power_on()
    site.run(300)
    assert served.is_connected
    assert len(served.wire.calls("DataTransfer", direction=RECEIVED)) == offers
    served.plug(1)
    site.run(5)
    assert served.snapshot().screen.hasTariffButton
