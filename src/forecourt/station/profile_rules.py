"""Which charging profiles this station takes (guide, "SetChargingProfile"; facts §7.2; readings A23 to A26).

A row of `RULES` a rule: given a profile and the station's terms it says what is wrong in a phrase, or nothing. What a
rule does not name is accepted: minChargingRate and numberPhases change nothing, a transactionId in a TxDefaultProfile
and a startSchedule in a Relative one mean nothing.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.smart_charging import ChargingProfile, ChargingProfileKind, ChargingRateUnit, RecurrencyKind

if TYPE_CHECKING:
    from collections.abc import Callable

THRESHOLD_W = 1000.0
"""The guide's minimum acceptance threshold: a limit is 0 or at least this."""


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What the keys and options of a station allow."""

    max_stack_level: int
    """ChargeProfileMaxStackLevel."""
    max_periods: int
    """ChargingScheduleMaxPeriods."""
    accepts_amperes: bool
    """Whether a schedule may be in amperes (reading A23)."""


def _stack_level(profile: ChargingProfile, terms: Terms) -> str | None:
    if 0 <= profile.stackLevel <= terms.max_stack_level:
        return None
    return f"expected a stackLevel of 0 to {terms.max_stack_level}, came {profile.stackLevel}"


def _unit(profile: ChargingProfile, terms: Terms) -> str | None:
    if terms.accepts_amperes or profile.chargingSchedule.chargingRateUnit is ChargingRateUnit.W:
        return None
    return "expected chargingRateUnit W, came A"


def _start(profile: ChargingProfile, terms: Terms) -> str | None:
    is_relative = profile.chargingProfileKind is ChargingProfileKind.Relative
    if is_relative or isinstance(profile.chargingSchedule.startSchedule, datetime):
        return None
    return f"expected startSchedule in the {profile.chargingProfileKind} profile, came none"


def _recurrency(profile: ChargingProfile, terms: Terms) -> str | None:
    recurs = profile.chargingProfileKind is ChargingProfileKind.Recurring
    if recurs is isinstance(profile.recurrencyKind, RecurrencyKind):
        return None
    return f"expected {'a' if recurs else 'no'} recurrencyKind in the {profile.chargingProfileKind} profile"


def _duration(profile: ChargingProfile, terms: Terms) -> str | None:
    duration = profile.chargingSchedule.duration
    if not isinstance(duration, int) or duration > 0:
        return None
    return f"expected a duration above 0, came {duration}"


def _validity(profile: ChargingProfile, terms: Terms) -> str | None:
    begin, end = profile.validFrom, profile.validTo
    if not isinstance(begin, datetime) or not isinstance(end, datetime) or begin < end:
        return None
    return f"expected validFrom before validTo, came {begin.isoformat()} and {end.isoformat()}"


def _count(profile: ChargingProfile, terms: Terms) -> str | None:
    count = len(profile.chargingSchedule.chargingSchedulePeriod)
    return None if count <= terms.max_periods else f"expected at most {terms.max_periods} periods, came {count}"


def _rising(profile: ChargingProfile, terms: Terms) -> str | None:
    starts = [period.startPeriod for period in profile.chargingSchedule.chargingSchedulePeriod]
    if starts[0] != 0:
        return f"expected a first startPeriod of 0, came {starts[0]}"
    for one, following in pairwise(starts):
        if one >= following:
            return f"expected rising startPeriods, came {following} after {one}"
    return None


def _limits(profile: ChargingProfile, terms: Terms) -> str | None:
    is_watts = profile.chargingSchedule.chargingRateUnit is ChargingRateUnit.W
    for period in profile.chargingSchedule.chargingSchedulePeriod:
        if period.limit < 0:
            return f"expected no limit below 0, came {period.limit}"
        if is_watts and 0 < period.limit < THRESHOLD_W:
            return f"expected limits of 0 or at least {THRESHOLD_W:.0f} W, came {period.limit}"
    return None


RULES: tuple[Callable[[ChargingProfile, Terms], str | None], ...] = (
    _stack_level,
    _unit,
    _start,
    _recurrency,
    _duration,
    _validity,
    _count,
    _rising,
    _limits,
)


def what_is_wrong(profile: ChargingProfile, terms: Terms) -> str | None:
    """The first rule that a profile breaks, as a phrase with what was expected and what came; None for a good one."""
    for rule in RULES:
        wrong = rule(profile, terms)
        if wrong is not None:
            return wrong
    return None
