from __future__ import annotations

from typing import Any

import msgspec
import pytest

from forecourt.ocpp.smart_charging import ChargingProfile
from forecourt.station.profile_rules import Terms, what_is_wrong
from tests.charging_profiles import daily, default, moment, of_transaction

TERMS = Terms(max_stack_level=20, max_periods=3, accepts_amperes=False)


def wrong(profile: dict[str, Any], terms: Terms = TERMS) -> str | None:
    return what_is_wrong(msgspec.convert(profile, ChargingProfile), terms)


@pytest.mark.parametrize(
    "profile",
    [
        default(),
        default(level=20),
        default(1, (0, 0), (1, 1000), (2, 180_000.5)),
        default(duration=1),
        default(validFrom=moment(0)),
        default(validFrom=moment(0), validTo=moment(0.001)),
        daily(),
        daily(recurrencyKind="Weekly"),
        of_transaction(),
        default(chargingProfileKind="Relative"),
    ],
)
def test_good_profile_breaks_no_rule(profile: dict[str, Any]) -> None:
    assert wrong(profile) is None


@pytest.mark.parametrize(
    ("profile", "phrase"),
    [
        (default(level=21), "expected a stackLevel of 0 to 20, came 21"),
        (default(chargingRateUnit="A"), "expected chargingRateUnit W, came A"),
        (default(startSchedule=None), "expected startSchedule in the Absolute profile, came none"),
        (daily(recurrencyKind=None), "expected a recurrencyKind in the Recurring profile"),
        (default(recurrencyKind="Daily"), "expected no recurrencyKind in the Absolute profile"),
        (default(duration=0), "expected a duration above 0, came 0"),
        (default(validFrom=moment(1), validTo=moment(0)), "expected validFrom before validTo"),
        (default(1, (0, 0), (1, 0), (2, 0), (3, 0)), "expected at most 3 periods, came 4"),
        (default(1, (1, 0)), "expected a first startPeriod of 0, came 1"),
        (default(1, (0, 0), (2, 0), (2, 0)), "expected rising startPeriods, came 2 after 2"),
        (default(1, (0, -0.1)), "expected no limit below 0, came -0.1"),
        (default(1, (0, 999.9)), "expected limits of 0 or at least 1000 W, came 999.9"),
    ],
)
def test_broken_rule_is_named_with_what_was_expected_and_what_came(profile: dict[str, Any], phrase: str) -> None:
    assert (wrong(profile) or "").startswith(phrase)


def test_amperes_by_option_have_no_threshold_but_stay_above_0() -> None:
    """The threshold is one of watts: 10 A are 4 kW."""
    terms = msgspec.structs.replace(TERMS, accepts_amperes=True)
    assert wrong(default(1, (0, 10), chargingRateUnit="A"), terms) is None
    assert wrong(default(1, (0, -10), chargingRateUnit="A"), terms) == "expected no limit below 0, came -10.0"
