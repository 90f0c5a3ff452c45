"""What charging costs: tariffs as data, and the calculation of a session's cost from them. Pure and exact.

How it is computed. Amounts are decimals, never binary fractions. Every line of a cost (energy, charging time, session
fee, time at the gun after the end) is its quantity times its price, rounded half up to the smallest unit of the
currency; the lines are then only added. VAT is worked out once, from their sum, and rounded the same way: where prices
hold VAT the sum is the gross amount and VAT is taken out of it, else the sum is net and VAT is put on it. So the lines
of a receipt always add up to what stands below them, and net and VAT to gross.

Energy is to the watt-hour: the highest register reading while a session runs, meterStop once it has ended. Time counts
in whole seconds; a second that has only begun does not. Times of the station are believed within reason: nothing can
have happened after it was told, no end lies before its start, and a start that claims to lie more than `BELIEVED_S`
before it was told, as from a clock that was never set, counts from when it was told. While a session runs its cost
never falls, because neither does its register nor the supervision's clock; once it has ended what the station stated is
the bill, even if it is less.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecourt.ocpp.core import SampledValue

BELIEVED_S = 30 * 86_400.0
"""So long at most a session's start may have waited to be told."""
MOST_DECIMALS = 4
ENERGY_REGISTER = "Energy.Active.Import.Register"
_MOST_WH = Decimal(10**15)
"""A register that shows more is no register."""

_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_ZERO = Decimal(0)
_WH_A_KWH = Decimal(1000)
_SECONDS_A_MINUTE = Decimal(60)
_PERCENT = Decimal(100)


class Tariff(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is charged for. A price of 0 is none: there is no line for it."""

    name: str
    currency: str
    """As it is shown to the driver, such as EUR or VNĐ."""
    decimals: int = 2
    """Decimal places of the currency's smallest unit: 2 for EUR, 0 for JPY and VND."""
    pricePerKWh: Decimal = _ZERO
    pricePerMinute: Decimal = _ZERO
    """Of the time from the start to the end of the transaction."""
    sessionFee: Decimal = _ZERO
    idleFeePerMinute: Decimal = _ZERO
    """Of the time that the car stays plugged after the end, beyond idleGraceMinutes."""
    idleGraceMinutes: int = 0
    vatPercent: Decimal = _ZERO
    pricesIncludeVat: bool = True
    validFrom: datetime | None = None
    """For sessions that begin then or later; None for all."""


class SessionFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is known of a session, as far as it costs something. Times are epoch seconds."""

    started_s: float
    """As the station stated it."""
    start_told_s: float
    """When the supervision heard of it."""
    meter_start_wh: int
    register_wh: Decimal | None = None
    """The highest reading of the energy register so far."""
    stopped_s: float | None = None
    """As the station stated it; None while it is not over."""
    stop_told_s: float | None = None
    meter_stop_wh: int | None = None
    freed_s: float | None = None
    """When the cable was out of the gun, or the next session began there; None while that is not known."""


class CostLine(msgspec.Struct, frozen=True, gc=False):
    """One thing that is charged for."""

    what: str
    """energy, time, session or idle."""
    quantity: Decimal
    unit: str
    """Of the quantity: Wh, s, or empty."""
    price: Decimal
    priceUnit: str
    """What the price is for: kWh, min, or session."""
    amount: Decimal


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What a session costs. Amounts have as many decimals as the currency."""

    tariff: str
    currency: str
    lines: tuple[CostLine, ...]
    """Without VAT where the prices are, with it where they hold it."""
    pricesIncludeVat: bool
    vatPercent: Decimal
    net: Decimal
    vat: Decimal
    gross: Decimal
    """What the driver pays."""
    final: bool
    """Whether nothing can change it any more."""


def cost_of(tariff: Tariff, session: SessionFacts, now: float) -> Cost:
    """What a session costs at the moment `now`, in epoch seconds of the supervision."""
    lines = tuple(
        CostLine(what, quantity, unit, price, price_unit, _rounded(_times(quantity, price, divisor), tariff))
        for what, quantity, unit, price, price_unit, divisor in (
            ("energy", energy_wh(session), "Wh", tariff.pricePerKWh, "kWh", _WH_A_KWH),
            ("time", Decimal(charging_s(session, now)), "s", tariff.pricePerMinute, "min", _SECONDS_A_MINUTE),
            ("session", Decimal(1), "", tariff.sessionFee, "session", Decimal(1)),
            ("idle", Decimal(idle_s(tariff, session, now)), "s", tariff.idleFeePerMinute, "min", _SECONDS_A_MINUTE),
        )
        if price
    )
    total = _rounded(sum((line.amount for line in lines), _ZERO), tariff)
    if tariff.pricesIncludeVat:
        gross = total
        vat = _rounded(_times(gross, tariff.vatPercent, _PERCENT + tariff.vatPercent), tariff)
        net = gross - vat
    else:
        net = total
        vat = _rounded(_times(net, tariff.vatPercent, _PERCENT), tariff)
        gross = net + vat
    return Cost(
        tariff=tariff.name,
        currency=tariff.currency,
        lines=lines,
        pricesIncludeVat=tariff.pricesIncludeVat,
        vatPercent=tariff.vatPercent,
        net=net,
        vat=vat,
        gross=gross,
        final=is_final(tariff, session),
    )


def energy_wh(session: SessionFacts) -> Decimal:
    """The energy to be paid, in Wh: never below 0, whatever the meter says."""
    register = session.register_wh if session.meter_stop_wh is None else Decimal(session.meter_stop_wh)
    return _ZERO if register is None else max(_ZERO, register - session.meter_start_wh)


def charging_s(session: SessionFacts, now: float) -> int:
    """Whole seconds from the start to the end, or to `now`; never below 0."""
    end = _stopped(session)
    if end is None:
        end = now if session.freed_s is None else session.freed_s
    return _whole_seconds(_started(session), end)


def idle_s(tariff: Tariff, session: SessionFacts, now: float) -> int:
    """Whole seconds between the end and the unplugging that are to be paid: those after the grace."""
    end = _stopped(session)
    if end is None:
        return 0
    freed = now if session.freed_s is None else session.freed_s
    return max(0, _whole_seconds(end, freed) - 60 * tariff.idleGraceMinutes)


def is_final(tariff: Tariff, session: SessionFacts) -> bool:
    """Whether the cost can change no more: the session has ended, and no idle fee runs."""
    return session.stopped_s is not None and (session.freed_s is not None or not tariff.idleFeePerMinute)


def register_wh(sampled_values: Sequence[SampledValue]) -> Decimal | None:
    """The energy register among sampled values, in Wh: the measurand that a value without measurand is (OCPP 4.7)."""
    for sampled in sampled_values:
        if (sampled.measurand or ENERGY_REGISTER) != ENERGY_REGISTER or sampled.phase or sampled.format == "SignedData":
            continue
        try:
            value = Decimal(sampled.value)
            value = value * _WH_A_KWH if sampled.unit == "kWh" else value
        except DecimalException:
            continue
        if value.is_finite() and abs(value) <= _MOST_WH:
            return value
    return None


def amount_text(amount: Decimal) -> str:
    """An amount or a price with all its decimals and no exponent."""
    return f"{amount:f}"


def _times(quantity: Decimal, price: Decimal, divisor: Decimal) -> Decimal:
    """The product over the divisor, with more digits than a rounded amount has."""
    return _EXACT.divide(_EXACT.multiply(quantity, price), divisor)


def _rounded(amount: Decimal, tariff: Tariff) -> Decimal:
    return _EXACT.quantize(amount, Decimal(1).scaleb(-tariff.decimals))


def _started(session: SessionFacts) -> float:
    stated, told = session.started_s, session.start_told_s
    return told if told - stated > BELIEVED_S else min(stated, told)


def _stopped(session: SessionFacts) -> float | None:
    if session.stopped_s is None:
        return None
    told = session.stopped_s if session.stop_told_s is None else session.stop_told_s
    return max(_started(session), min(session.stopped_s, told))


def _whole_seconds(since: float, until: float) -> int:
    return max(0, int(round(until - since, 3)))
