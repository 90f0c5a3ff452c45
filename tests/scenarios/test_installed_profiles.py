"""Profiles that are installed: replaced, cleared, kept over power cuts, and as the supervision sees them (facts §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.smart_charging import (
    ChargingProfile,
    ClearChargingProfileRequest,
    GetCompositeScheduleRequest,
    SetChargingProfileRequest,
)
from forecourt.station.effects import LimitPower
from forecourt.supervision.outcomes import Answered
from tests.charging_profiles import (
    charge,
    clear,
    composite,
    daily,
    default,
    install,
    installed,
    of_transaction,
)

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World
    from tests.charging_profiles import Profile


def why(station: SimulatedStation) -> str:
    """The last refusal in the log."""
    return [event.detail for event in station.log if event.name.endswith("refused")][-1]


# Replacing.


@pytest.mark.requirement("OCPP-3.13.2-3", "OCPP-5.16-10")
def test_profile_replaces_one_of_its_id_or_of_its_level_and_purpose(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    assert install(central, default(1, (0, 30_000))) == "Accepted"
    assert install(central, default(2, (0, 20_000), level=1)) == "Accepted"
    assert installed(station) == [(1, 1), (1, 2)]
    assert install(central, default(3, (0, 12_000), level=1)) == "Accepted"
    assert installed(station) == [(1, 1), (1, 3)]
    assert composite(central, 1, 60) == [(0, 12_000)]
    assert install(central, default(3, (0, 50_000), level=5), 2) == "Accepted"
    assert installed(station) == [(1, 1), (2, 3)]
    assert composite(central, 1, 60) == [(0, 30_000)]
    assert install(central, of_transaction(4, (0, 9000))) == "Accepted"
    assert install(central, default(5, (0, 40_000)), 0) == "Accepted"
    assert installed(station) == [(0, 5), (1, 1), (1, 4), (2, 3)]


@pytest.mark.requirement("OCPP-5.16-11")
def test_old_profile_holds_until_its_replacement_is_installed(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, default(1, (0, 30_000))) == "Accepted"
    charge(world, station)
    assert install(central, default(1, (0, 500))) == "Rejected"
    world.run(5)
    assert station.reading().power_w == pytest.approx(30_000)
    assert install(central, default(1, (0, 20_000))) == "Accepted"
    assert station.reading().power_w == pytest.approx(20_000)
    assert min(limits_told(station)) == 20_000
    assert None not in limits_told(station)


def limits_told(station: SimulatedStation) -> list[Any]:
    return [effect.limit_w for effect in station.effects if isinstance(effect, LimitPower)]


# ClearChargingProfile.


@pytest.fixture
def stacked(world: World, central: ScriptedSupervision, station: SimulatedStation) -> SimulatedStation:
    """Six profiles on 0, 1 and 2, the last one of the transaction on 1."""
    charge(world, station)
    for number, connector, level in ((1, 0, 0), (2, 0, 1), (3, 1, 0), (4, 1, 1), (5, 2, 1)):
        assert install(central, default(number, level=level), connector) == "Accepted"
    assert install(central, of_transaction(6, level=1)) == "Accepted"
    return station


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        pytest.param({}, [], marks=pytest.mark.requirement("OCPP-5.5-1", "OCPP-5.5-4")),
        ({"connectorId": 0}, [3, 4, 5, 6]),
        ({"connectorId": 1}, [1, 2, 5]),
        ({"stackLevel": 1}, [1, 3]),
        ({"chargingProfilePurpose": "TxProfile"}, [1, 2, 3, 4, 5]),
        pytest.param({"connectorId": 1, "stackLevel": 1}, [1, 2, 3, 5], marks=pytest.mark.requirement("OCPP-5.5-2")),
        pytest.param(
            {"connectorId": 1, "stackLevel": 1, "chargingProfilePurpose": "TxDefaultProfile"},
            [1, 2, 3, 5, 6],
            marks=pytest.mark.requirement("OCPP-5.5-2"),
        ),
        pytest.param({"id": 3}, [1, 2, 4, 5, 6], marks=pytest.mark.requirement("OCPP-5.5-3")),
        pytest.param(
            {"id": 3, "connectorId": 2, "stackLevel": 7, "chargingProfilePurpose": "TxProfile"},
            [1, 2, 4, 5, 6],
            marks=pytest.mark.requirement("OCPP-5.5-3"),
        ),
    ],
)
def test_clearing_removes_what_matches_and_nothing_else(
    central: ScriptedSupervision, stacked: SimulatedStation, criteria: dict[str, Any], left: list[int]
) -> None:
    assert clear(central, **criteria) == "Accepted"
    assert sorted(number for _, number in installed(stacked)) == left
    assert len([key for key in stacked.records if key[0] == "profile"]) == len(left)


@pytest.mark.requirement("OCPP-5.5-4")
@pytest.mark.parametrize(
    "criteria",
    [
        {"id": 7},
        {"id": 7, "connectorId": 1},
        {"connectorId": 3},
        {"connectorId": 2, "stackLevel": 0},
        {"chargingProfilePurpose": "ChargePointMaxProfile"},
    ],
)
def test_clearing_what_is_not_there_is_unknown(
    central: ScriptedSupervision, stacked: SimulatedStation, criteria: dict[str, Any]
) -> None:
    assert clear(central, **criteria) == "Unknown"
    assert len(installed(stacked)) == 6
    assert "none of 6 profiles matches" in why(stacked)


def test_clearing_an_empty_station_is_unknown(central: ScriptedSupervision, station: SimulatedStation) -> None:
    assert clear(central) == "Unknown"


# Keeping.


@pytest.mark.requirement("OCPP-5.16-4")
@pytest.mark.parametrize("how", ["reboot", "power cycle", "sudden cut"])
def test_profiles_survive(world: World, central: ScriptedSupervision, station: SimulatedStation, how: str) -> None:
    assert install(central, default(1, (0, 30_000)), 0) == "Accepted"
    assert install(central, daily(2, (0, 20_000), level=3)) == "Accepted"
    before = station.snapshot().chargingProfiles
    if how == "reboot":
        station.reboot()
    else:
        station.power_off() if how == "power cycle" else station.cut()
        world.run(60)
        station.power_on()
    world.run(120)
    assert station.lives == 2
    assert station.snapshot().chargingProfiles == before
    charge(world, station)
    assert station.reading().power_w == pytest.approx(20_000)


def test_profiles_of_a_transaction_die_with_it_in_a_power_cut(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    charge(world, station)
    assert install(central, of_transaction(1)) == "Accepted"
    assert install(central, default(2, level=1)) == "Accepted"
    station.cut()
    world.run(60)
    station.power_on()
    world.run(60)
    assert installed(station) == [(1, 2)]
    assert [key for key in station.records if key[0] == "profile"] == [("profile", "2")]


@pytest.mark.parametrize("after", range(1, 6))
def test_power_cut_amid_a_replacement_leaves_the_old_or_the_new(
    world: World, central: ScriptedSupervision, station: SimulatedStation, after: int
) -> None:
    """The new one has another id, so two records change."""
    assert install(central, default(1, (0, 30_000))) == "Accepted"
    station.cut_after = after
    central.send(
        msgspec.json.encode([2, "x", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": default(2)}])
    )
    world.run(1)
    station.cut_after = None
    station.cut()
    station.power_on()
    world.run(60)
    assert installed(station) in ([(1, 1)], [(1, 2)])
    assert [key for key in station.records if key[0] == "profile"] == [("profile", str(installed(station)[0][1]))]


# Both sides.


@pytest.mark.requirement("GUIDE-CSOP-19")
@pytest.mark.parametrize(
    ("connector", "profile", "status"),
    [(0, default(), "Accepted"), (1, default(1, (0, 500)), "Rejected"), (2, default(), "NotSupported")],
)
def test_supervision_sets_a_profile_and_learns_what_became_of_it(
    site: World, connector: int, profile: Profile, status: str
) -> None:
    station = site.add_station(model="EVD1S180THB")
    site.run(5)
    request = SetChargingProfileRequest(
        connectorId=connector, csChargingProfiles=msgspec.convert(profile, ChargingProfile)
    )
    assert answered(site, station, request) == {"status": status}
    assert len(installed(station)) == (status == "Accepted")


@pytest.mark.requirement("GUIDE-CSOP-18")
def test_supervision_clears_profiles_and_learns_whether_there_were_any(site: World, served: SimulatedStation) -> None:
    request = SetChargingProfileRequest(connectorId=0, csChargingProfiles=msgspec.convert(default(), ChargingProfile))
    assert answered(site, served, request) == {"status": "Accepted"}
    assert answered(site, served, ClearChargingProfileRequest()) == {"status": "Accepted"}
    assert installed(served) == []
    assert answered(site, served, ClearChargingProfileRequest()) == {"status": "Unknown"}


@pytest.mark.requirement("GUIDE-CSOP-17")
def test_supervision_asks_for_a_composite_schedule(site: World, served: SimulatedStation) -> None:
    answer = answered(site, served, GetCompositeScheduleRequest(connectorId=1, duration=600))
    assert answer["status"] == "Accepted"
    assert answer["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 180_000.0}]
    rejected = answered(site, served, GetCompositeScheduleRequest(connectorId=3, duration=600))
    assert rejected == {"status": "Rejected"}


def answered(site: World, station: SimulatedStation, request: Record) -> dict[str, Any]:
    outcome = site.supervision.ask(station.identity, request)
    assert isinstance(outcome, Answered), outcome
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(outcome.response))
    return answer
