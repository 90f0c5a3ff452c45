"""What sessions cost, against calculations by hand."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import msgspec
import pytest

from forecourt.ocpp.core import SampledValue
from forecourt.supervision.tariffs import Cost, SessionFacts, Tariff, amount_text, cost_of, register_wh

START_S = 1_750_000_000.0


def tariff(currency: str = "EUR", decimals: int = 2, **prices: Any) -> Tariff:
    """A tariff whose prices are given as texts."""
    fields: dict[str, Any] = {
        name: Decimal(price) if isinstance(price, str) else price for name, price in prices.items()
    }
    return Tariff(name="hand", currency=currency, decimals=decimals, **fields)


def ended(energy_wh: int = 0, charging_s: float = 0.0, idle_s: float | None = 0.0, **changes: Any) -> SessionFacts:
    """A session that has ended, and whose gun is free unless `idle_s` is None."""
    stopped_s = START_S + charging_s
    facts = SessionFacts(
        started_s=START_S,
        start_told_s=START_S,
        meter_start_wh=1000,
        stopped_s=stopped_s,
        stop_told_s=stopped_s,
        meter_stop_wh=1000 + energy_wh,
        freed_s=None if idle_s is None else stopped_s + idle_s,
    )
    return msgspec.structs.replace(facts, **changes)


def running(register: str | None, **changes: Any) -> SessionFacts:
    """A session that runs."""
    reading = None if register is None else Decimal(register)
    facts = SessionFacts(started_s=START_S, start_told_s=START_S, meter_start_wh=1000, register_wh=reading)
    return msgspec.structs.replace(facts, **changes)


def amounts(cost: Cost) -> dict[str, str]:
    """The amounts of a cost, as texts."""
    texts = {line.what: amount_text(line.amount) for line in cost.lines}
    return texts | {name: amount_text(getattr(cost, name)) for name in ("net", "vat", "gross")}


LATER_S = START_S + 1_000_000.0

HAND = {
    # 12.345 x 0.49 = 6.04905; 61.5 min x 0.03 = 1.845; 10 min at the gun, 5 of them free: 5 x 0.10.
    # 6.05 + 1.85 + 0.50 + 0.50 = 8.90, of which 19/119 = 1.42101 is VAT.
    "everything, prices with VAT": (
        tariff(
            pricePerKWh="0.49",
            pricePerMinute="0.03",
            sessionFee="0.50",
            idleFeePerMinute="0.10",
            idleGraceMinutes=5,
            vatPercent="19",
        ),
        ended(energy_wh=12_345, charging_s=3690, idle_s=600),
        {
            "energy": "6.05",
            "time": "1.85",
            "session": "0.50",
            "idle": "0.50",
            "net": "7.48",
            "vat": "1.42",
            "gross": "8.90",
        },
    ),
    # 10 x 0.35 = 3.50; 20 % of it is 0.70.
    "prices without VAT": (
        tariff(pricePerKWh="0.35", vatPercent="20", pricesIncludeVat=False),
        ended(energy_wh=10_000),
        {"energy": "3.50", "net": "3.50", "vat": "0.70", "gross": "4.20"},
    ),
    # 6 s are 0.1 min; x 0.05 = 0.005, half a cent, goes up. 9 Wh x 0.50 = 0.0045 goes down.
    "half a cent goes up, less goes down": (
        tariff(pricePerKWh="0.50", pricePerMinute="0.05"),
        ended(energy_wh=9, charging_s=6),
        {"energy": "0.00", "time": "0.01", "net": "0.01", "vat": "0.00", "gross": "0.01"},
    ),
    # 7 % of 0.50 = 0.035: VAT is rounded half up too.
    "half a cent of VAT goes up": (
        tariff(sessionFee="0.50", vatPercent="7", pricesIncludeVat=False),
        ended(),
        {"session": "0.50", "net": "0.50", "vat": "0.04", "gross": "0.54"},
    ),
    # Each line is rounded: 0.335 -> 0.34 twice is 0.68, although 0.67 is what both come to together.
    "lines are rounded one by one": (
        tariff(pricePerKWh="0.335", pricePerMinute="0.335"),
        ended(energy_wh=1000, charging_s=60),
        {"energy": "0.34", "time": "0.34", "net": "0.68", "vat": "0.00", "gross": "0.68"},
    ),
    # 12.345 x 55 = 678.975; 679 x 10/110 = 61.727.
    "a currency without decimals": (
        tariff("JPY", 0, pricePerKWh="55", vatPercent="10"),
        ended(energy_wh=12_345),
        {"energy": "679", "net": "617", "vat": "62", "gross": "679"},
    ),
    # 4.35 x 3858.5 = 16784.475.
    "a price with decimals in a currency without": (
        tariff("VNĐ", 0, pricePerKWh="3858.5"),
        ended(energy_wh=4350),
        {"energy": "16784", "net": "16784", "vat": "0", "gross": "16784"},
    ),
    # 12.345 x 0.012 = 0.14814.
    "a currency with three decimals": (
        tariff("KWD", 3, pricePerKWh="0.012"),
        ended(energy_wh=12_345),
        {"energy": "0.148", "net": "0.148", "vat": "0.000", "gross": "0.148"},
    ),
}


@pytest.mark.parametrize("case", HAND)
def test_cost_is_what_a_calculation_by_hand_gives(case: str) -> None:
    prices, session, by_hand = HAND[case]
    cost = cost_of(prices, session, LATER_S)
    assert amounts(cost) == by_hand
    assert cost.final


def half_up(amount: Fraction, decimals: int) -> Fraction:
    unit = 10**decimals
    return Fraction(floor(amount * unit + Fraction(1, 2)), unit)


@pytest.mark.parametrize("decimals", range(5))
@pytest.mark.parametrize("vat", ["0", "0.000001", "7.7", "19", "99.999999", "100"])
@pytest.mark.parametrize("includes", [True, False])
def test_cost_agrees_with_fractions_to_the_smallest_unit_up_to_the_largest_amount(
    decimals: int, vat: str, includes: bool
) -> None:
    """Of the dearest tariff that the API takes, at the highest register."""
    for price, wh in itertools.product(("999999999.999999", "0.000001", "0.49"), (10**15 - 1, 123_456_789_012_345, 1)):
        prices = tariff(decimals=decimals, pricePerKWh=price, vatPercent=vat, pricesIncludeVat=includes)
        cost = cost_of(prices, ended(energy_wh=wh), LATER_S)
        total = half_up(Fraction(wh, 1000) * Fraction(price), decimals)
        rate = Fraction(vat) / 100
        tax = half_up(total * rate / (1 + rate) if includes else total * rate, decimals)
        net, gross = (total - tax, total) if includes else (total, total + tax)
        assert [Fraction(one) for one in (cost.net, cost.vat, cost.gross)] == [net, tax, gross]


def test_running_session_costs_what_its_register_and_the_clock_say() -> None:
    prices = tariff(pricePerKWh="0.40", pricePerMinute="0.06", sessionFee="1")
    nothing_yet = cost_of(prices, running(None), START_S)
    assert (amounts(nothing_yet), nothing_yet.final) == (
        {"energy": "0.00", "time": "0.00", "session": "1.00", "net": "1.00", "vat": "0.00", "gross": "1.00"},
        False,
    )
    assert amount_text(cost_of(prices, running("3500"), START_S + 90.9).gross) == "2.09"


@pytest.mark.parametrize(
    ("seconds", "gross"), [(0.999, "0.00"), (1.0, "1.00"), (89.9999996, "90.00"), (90.999, "90.00")]
)
def test_second_that_has_only_begun_costs_nothing(seconds: float, gross: str) -> None:
    prices = tariff(pricePerMinute="60")
    assert amount_text(cost_of(prices, running(None), START_S + seconds).gross) == gross


def test_session_whose_gun_is_free_but_whose_end_is_not_known_costs_no_more_time() -> None:
    prices = tariff(pricePerMinute="60")
    assert amount_text(cost_of(prices, running(None, freed_s=START_S + 60), LATER_S).gross) == "60.00"


def test_running_cost_never_falls_while_register_and_clock_rise() -> None:
    prices = tariff(pricePerKWh="0.333", pricePerMinute="0.017", vatPercent="19")
    costs = [cost_of(prices, running(str(1000 + 7 * step)), START_S + step).gross for step in range(2000)]
    assert costs == sorted(costs)
    assert costs[-1] > costs[0]


def test_idle_fee_runs_from_the_end_of_the_grace_until_the_gun_is_free() -> None:
    prices = tariff(idleFeePerMinute="0.50", idleGraceMinutes=10)
    still_plugged = ended(idle_s=None)
    assert [
        amount_text(cost_of(prices, still_plugged, START_S + minutes * 60).gross) for minutes in (0, 10, 11, 20)
    ] == ["0.00", "0.00", "0.50", "5.00"]
    assert not cost_of(prices, still_plugged, START_S).final
    freed = cost_of(prices, ended(idle_s=12 * 60.0), LATER_S)
    assert (amount_text(freed.gross), freed.final) == ("1.00", True)


def test_ended_session_without_idle_fee_is_final_while_the_car_is_plugged() -> None:
    assert cost_of(tariff(pricePerKWh="0.4"), ended(idle_s=None), LATER_S).final


@pytest.mark.parametrize(
    "session",
    [
        ended(energy_wh=-500),
        running("400"),
        ended(stopped_s=START_S - 3600),
        ended(freed_s=START_S - 3600),
    ],
    ids=["meterStop below meterStart", "register below meterStart", "stop before start", "free before the end"],
)
def test_nothing_costs_less_than_nothing(session: SessionFacts) -> None:
    prices = tariff(pricePerKWh="0.4", pricePerMinute="0.1", idleFeePerMinute="0.1")
    assert amount_text(cost_of(prices, session, START_S).gross) == "0.00"


def test_late_offline_session_costs_what_its_own_times_say() -> None:
    """It was told 2 days after it took place."""
    prices = tariff(pricePerMinute="0.10")
    told_s = START_S + 2 * 86_400
    session = ended(charging_s=1800, start_told_s=told_s, stop_told_s=told_s)
    assert amount_text(cost_of(prices, session, told_s + 10).gross) == "3.00"


def test_station_whose_clock_was_never_set_is_not_charged_for_years() -> None:
    prices = tariff(pricePerMinute="0.10")
    never_set = ended(started_s=0.0, stopped_s=START_S + 600, stop_told_s=START_S + 600)
    assert amount_text(cost_of(prices, never_set, LATER_S).gross) == "1.00"


def test_times_in_the_future_count_as_when_they_were_told() -> None:
    prices = tariff(pricePerMinute="0.10")
    ahead = ended(charging_s=600)
    ahead = msgspec.structs.replace(ahead, stopped_s=START_S + 99_999)
    assert amount_text(cost_of(prices, ahead, LATER_S).gross) == "1.00"


@pytest.mark.parametrize(
    ("value", "unit", "reading"),
    [
        ("12.345", "kWh", "12345"),
        ("0.1", "kWh", "100"),
        ("12345", "Wh", "12345"),
        ("12345.6", None, "12345.6"),
        ("NaN", "Wh", None),
        ("1e400", "Wh", None),
        ("Infinity", "kWh", None),
        ("much", "Wh", None),
    ],
)
def test_register_is_read_to_the_watt_hour(value: str, unit: str | None, reading: str | None) -> None:
    fields = {"value": value} if unit is None else {"value": value, "unit": unit}
    found = register_wh([msgspec.convert(fields, SampledValue)])
    assert found == (None if reading is None else Decimal(reading))


def test_values_of_other_measurands_are_no_register() -> None:
    other = [
        {"value": "5", "measurand": "Power.Active.Import", "unit": "kW"},
        {"value": "9", "measurand": "Energy.Active.Import.Register", "phase": "L1"},
        {"value": "123", "format": "SignedData"},
    ]
    assert register_wh(msgspec.convert(other, list[SampledValue])) is None
