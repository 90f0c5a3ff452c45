"""SetChargingProfile: what the station takes, what it refuses and why, and the keys that say so (guide; facts §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.cabinet.archetypes import CHADEMO_CAR
from forecourt.ocpp.smart_charging import (
    ChargingProfile,
)
from tests.charging_profiles import (
    charge,
    composite,
    daily,
    default,
    install,
    installed,
    moment,
    of_transaction,
)

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World
    from tests.charging_profiles import Profile


def why(station: SimulatedStation) -> str:
    """The last refusal in the log."""
    return [event.detail for event in station.log if event.name.endswith("refused")][-1]


def key(central: ScriptedSupervision, name: str) -> dict[str, Any]:
    (entry,) = central.ask("GetConfiguration", {"key": [name]})["configurationKey"]
    return dict(entry)


# What is taken.


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(default(), id="TxDefaultProfile", marks=pytest.mark.requirement("GUIDE-CHG-08")),
        pytest.param(of_transaction(), id="TxProfile", marks=pytest.mark.requirement("GUIDE-CHG-08")),
        pytest.param(of_transaction(transactionId=1), id="TxProfile with its transactionId"),
        pytest.param(daily(), id="Recurring", marks=pytest.mark.requirement("GUIDE-CHG-11")),
        pytest.param(daily(recurrencyKind="Weekly"), id="Weekly"),
        pytest.param(default(chargingRateUnit="W"), id="watts", marks=pytest.mark.requirement("GUIDE-CHG-15")),
        pytest.param(default(1, (0, 1000)), id="1000 W", marks=pytest.mark.requirement("GUIDE-CHG-07")),
        pytest.param(default(1, (0, 0)), id="0 W", marks=pytest.mark.requirement("GUIDE-CHG-07")),
        pytest.param(default(1, (0, 21_400.7)), id="one decimal"),
        pytest.param(default(level=20), id="the highest level"),
        pytest.param(default(validFrom=moment(-100), validTo=moment(100)), id="validity"),
        pytest.param(default(transactionId=77), id="a default with a transactionId"),
    ],
)
def test_station_takes_what_the_guide_lists(
    world: World, central: ScriptedSupervision, station: SimulatedStation, profile: Profile
) -> None:
    charge(world, station)
    assert install(central, profile) == "Accepted"
    (kept,) = station.snapshot().chargingProfiles
    assert kept.connectorId == 1
    assert kept.chargingProfile == msgspec.convert(profile, ChargingProfile)


@pytest.mark.requirement("GUIDE-CHG-18")
def test_minimum_rate_is_taken_and_changes_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, default(1, (0, 20_000), minChargingRate=50_000)) == "Accepted"
    charge(world, station)
    assert station.reading().power_w == pytest.approx(20_000)
    assert composite(central, 1, 60) == [(0, 20_000)]


@pytest.mark.requirement("GUIDE-CHG-19")
def test_number_of_phases_is_taken_and_changes_nothing(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    profile = default(1, (0, 20_000))
    profile["chargingSchedule"]["chargingSchedulePeriod"][0]["numberPhases"] = 1
    assert install(central, profile) == "Accepted"
    charge(world, station)
    assert station.reading().power_w == pytest.approx(20_000)
    assert composite(central, 1, 60) == [(0, 20_000)]


# What is refused.

FIFTY_ONE = [(60 * place, 20_000.0) for place in range(51)]


@pytest.mark.parametrize(
    ("profile", "connector", "status", "reason"),
    [
        pytest.param(
            default(chargingProfilePurpose="ChargePointMaxProfile"),
            0,
            "NotSupported",
            "ChargePointMaxProfile",
            marks=pytest.mark.requirement("GUIDE-CHG-09"),
        ),
        pytest.param(
            default(chargingProfilePurpose="ChargePointMaxProfile"), 1, "NotSupported", "ChargePointMaxProfile"
        ),
        pytest.param(
            of_transaction(), 0, "Rejected", "came connector 0", marks=pytest.mark.requirement("OCPP-3.13.1-7")
        ),
        pytest.param(
            of_transaction(transactionId=2),
            1,
            "Rejected",
            "expected transactionId 1, came 2",
            marks=pytest.mark.requirement("OCPP-5.16-5"),
        ),
        pytest.param(default(level=-1), 1, "Rejected", "came -1", marks=pytest.mark.requirement("OCPP-7-4")),
        pytest.param(default(level=21), 1, "Rejected", "0 to 20, came 21", marks=pytest.mark.requirement("OCPP-7-4")),
        pytest.param(default(1, *FIFTY_ONE), 1, "Rejected", "50 periods, came 51"),
        pytest.param(
            default(1, (10, 20_000)),
            1,
            "Rejected",
            "first startPeriod of 0, came 10",
            marks=pytest.mark.requirement("OCPP-5.16-16"),
        ),
        pytest.param(
            default(1, (0, 20_000), (60, 9000), (60, 8000)),
            1,
            "Rejected",
            "came 60 after 60",
            marks=pytest.mark.requirement("OCPP-5.16-6"),
        ),
        pytest.param(
            default(1, (0, 20_000), (60, 9000), (30, 8000)),
            1,
            "Rejected",
            "came 30 after 60",
            marks=pytest.mark.requirement("OCPP-5.16-6"),
        ),
        pytest.param(
            default(startSchedule=None),
            1,
            "Rejected",
            "startSchedule in the Absolute",
            marks=pytest.mark.requirement("OCPP-5.16-6"),
        ),
        pytest.param(
            daily(startSchedule=None),
            1,
            "Rejected",
            "startSchedule in the Recurring",
            marks=pytest.mark.requirement("OCPP-5.16-6"),
        ),
        pytest.param(daily(recurrencyKind=None), 1, "Rejected", "expected a recurrencyKind"),
        pytest.param(
            default(recurrencyKind="Daily"),
            1,
            "Rejected",
            "no recurrencyKind in the Absolute",
            marks=pytest.mark.requirement("OCPP-7-5"),
        ),
        pytest.param(
            of_transaction(recurrencyKind="Weekly"),
            1,
            "Rejected",
            "no recurrencyKind in the Relative",
            marks=pytest.mark.requirement("OCPP-7-5"),
        ),
        pytest.param(
            default(1, (0, 20_000), (60, 999.9)),
            1,
            "Rejected",
            "at least 1000 W, came 999.9",
            marks=pytest.mark.requirement("GUIDE-CHG-06"),
        ),
        pytest.param(default(1, (0, 0.1)), 1, "Rejected", "came 0.1", marks=pytest.mark.requirement("GUIDE-CHG-06")),
        pytest.param(default(1, (0, -1)), 1, "Rejected", "no limit below 0"),
        pytest.param(default(duration=0), 1, "Rejected", "duration above 0"),
        pytest.param(default(duration=-60), 1, "Rejected", "duration above 0"),
        pytest.param(default(validFrom=moment(9), validTo=moment(9)), 1, "Rejected", "validFrom before validTo"),
        pytest.param(default(chargingRateUnit="A"), 1, "Rejected", "came A"),
    ],
)
def test_station_refuses_says_why_and_installs_nothing(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    profile: Profile,
    connector: int,
    status: str,
    reason: str,
) -> None:
    """A transaction runs on connector 1; its id is 1."""
    charge(world, station)
    power_w = station.reading().power_w
    assert install(central, profile, connector) == status
    assert reason in why(station)
    assert installed(station) == []
    assert not [key for key in station.records if key[0] == "profile"]
    assert station.reading().power_w == pytest.approx(power_w, rel=0.05)


def test_recurrency_is_taken_with_recurring_only(central: ScriptedSupervision, station: SimulatedStation) -> None:
    for kind in ("Absolute", "Relative"):
        assert install(central, default(chargingProfileKind=kind, recurrencyKind="Daily")) == "Rejected"
    assert install(central, default(chargingProfileKind="Recurring", recurrencyKind="Daily")) == "Accepted"


@pytest.mark.requirement("OCPP-3.13.1-6")
def test_profile_of_a_transaction_that_does_not_run_is_discarded(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, of_transaction()) == "Rejected"
    charge(world, station, 2)
    assert install(central, of_transaction()) == "Rejected"
    assert install(central, of_transaction(transactionId=1)) == "Rejected"
    assert "connector with a transaction" in why(station)
    assert installed(station) == []


@pytest.mark.requirement("OCPP-5.16-2")
@pytest.mark.parametrize("connector", [3, -1, 2**40])
def test_unknown_connector_is_an_error(central: ScriptedSupervision, station: SimulatedStation, connector: int) -> None:
    answer = central.call("SetChargingProfile", {"connectorId": connector, "csChargingProfiles": default()})
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "PropertyConstraintViolation")
    assert f"expected connectorId 0 to 2, came {connector}" in answer.payload["description"]
    assert f"came {connector}" in why(station)
    assert installed(station) == []


@pytest.mark.requirement("OCPP-5.16-3")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chargingProfilePurpose", "TxProfil"),
        ("chargingProfileKind", "absolute"),
        ("recurrencyKind", "Monthly"),
        ("chargingRateUnit", "kW"),
    ],
)
def test_bad_enum_value_is_an_error(
    central: ScriptedSupervision, station: SimulatedStation, field: str, value: str
) -> None:
    changed: dict[str, Any] = {field: value}
    profile = daily(1, **changed)
    answer = central.call("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "PropertyConstraintViolation")
    assert installed(station) == []


def test_schedule_without_periods_and_a_limit_with_two_decimals_are_errors(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    empty = default()
    empty["chargingSchedule"]["chargingSchedulePeriod"] = []
    for profile, code in ((empty, "OccurenceConstraintViolation"), (default(1, (0, 8000.15)), "PropertyConstraint")):
        answer = central.call("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
        assert answer.kind == "CALLERROR"
        assert answer.payload["code"].startswith(code)
    assert installed(station) == []


@pytest.mark.requirement("GUIDE-CHG-01")
def test_chademo_connector_takes_no_profile_at_all(world: World, central: ScriptedSupervision) -> None:
    station = world.add_station(model="EVD1S180THB")
    world.run(5)
    charge(world, station, 2, CHADEMO_CAR)
    for profile in (
        default(),
        daily(),
        of_transaction(),
        of_transaction(transactionId=1),
        default(chargingProfilePurpose="ChargePointMaxProfile"),
        default(level=99),
    ):
        assert install(central, profile, 2) == "NotSupported"
    assert installed(station) == []
    assert station.reading(2).power_w > 30_000


# The limits that the keys tell.


@pytest.mark.requirement("OCPP-3.13.5-1")
def test_supervision_can_read_the_four_keys(central: ScriptedSupervision, station: SimulatedStation) -> None:
    names = ["ChargeProfileMaxStackLevel", "ChargingScheduleAllowedChargingRateUnit"]
    names += ["ChargingScheduleMaxPeriods", "MaxChargingProfilesInstalled"]
    answer = central.ask("GetConfiguration", {"key": names})
    assert [(row["key"], row["value"]) for row in answer["configurationKey"]] == list(
        zip(names, ("20", "Current,Power", "50", "40"), strict=True)
    )


def is_read_only(central: ScriptedSupervision, name: str, value: str) -> bool:
    refused = central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Rejected"}
    return refused and bool(key(central, name)["readonly"])


@pytest.mark.requirement("GUIDE-KEY-34")
def test_stack_level_goes_up_to_its_key(central: ScriptedSupervision, station: SimulatedStation) -> None:
    assert key(central, "ChargeProfileMaxStackLevel")["value"] == "20"
    assert is_read_only(central, "ChargeProfileMaxStackLevel", "30")
    assert [install(central, default(level, level=level)) for level in (20, 21)] == ["Accepted", "Rejected"]
    station.set_key("ChargeProfileMaxStackLevel", "3")
    assert [install(central, default(level, level=level)) for level in (3, 4)] == ["Accepted", "Rejected"]


@pytest.mark.requirement("GUIDE-KEY-35", "OCPP-9.4-2")
def test_schedule_has_no_more_periods_than_its_key_allows(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert key(central, "ChargingScheduleMaxPeriods")["value"] == "50"
    assert is_read_only(central, "ChargingScheduleMaxPeriods", "60")
    assert install(central, default(1, *FIFTY_ONE)) == "Rejected"
    assert install(central, default(1, *FIFTY_ONE[:50])) == "Accepted"
    station.set_key("ChargingScheduleMaxPeriods", "2")
    assert install(central, default(2, *FIFTY_ONE[:3], level=1)) == "Rejected"
    assert install(central, default(2, *FIFTY_ONE[:2], level=1)) == "Accepted"


@pytest.mark.requirement("GUIDE-KEY-37", "OCPP-9.4-3")
def test_station_is_full_with_as_many_profiles_as_its_key_says(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert key(central, "MaxChargingProfilesInstalled")["value"] == "40"
    assert is_read_only(central, "MaxChargingProfilesInstalled", "60")
    for number in range(40):
        connector, level = divmod(number, 20)
        assert install(central, default(number, level=level), connector) == "Accepted"
    assert install(central, default(40), 2) == "Rejected"
    assert "at most 40 profiles" in why(station)
    assert install(central, default(39, (0, 5000)), 2) == "Accepted", "the same id replaces one"
    assert install(central, default(41, (0, 5000)), 1) == "Accepted", "the same level replaces one"
    assert len(installed(station)) == 40


@pytest.mark.requirement("GUIDE-KEY-38", "GUIDE-CHG-17")
def test_unit_key_reads_as_printed_although_only_watts_are_taken(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    entry = key(central, "ChargingScheduleAllowedChargingRateUnit")
    assert (entry["value"], entry["readonly"]) == ("Current,Power", True)
    assert is_read_only(central, "ChargingScheduleAllowedChargingRateUnit", "Power")
    charge(world, station)
    assert install(central, default(chargingRateUnit="A")) == "Rejected"
    assert install(central, default(chargingRateUnit="W")) == "Accepted"
    asked = {"connectorId": 1, "duration": 60, "chargingRateUnit": "A"}
    assert central.ask("GetCompositeSchedule", asked) == {"status": "Rejected"}
    assert central.ask("GetCompositeSchedule", {**asked, "chargingRateUnit": "W"})["status"] == "Accepted"
