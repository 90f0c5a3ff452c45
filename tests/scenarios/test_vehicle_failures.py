"""A vehicle that no longer answers the station: EVCommunicationError, and the end of the session (§4.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.station.hardware import Phase
from tests.charging_profiles import default, install

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

COMMUNICATING = ("Preparing", "SuspendedEV", "SuspendedEVSE", "Finishing")


def failed(station: SimulatedStation) -> list[dict[str, Any]]:
    """The reports with EVCommunicationError."""
    return [note for note in station.wire.payloads("StatusNotification") if note["errorCode"] == "EVCommunicationError"]


def charge_failing(world: World, station: SimulatedStation, phase: Phase) -> None:
    """A car that fails in this phase is plugged and a badge shown; then a minute passes."""
    station.plug(1, msgspec.structs.replace(FAMILY_CAR, fails_in=phase))
    station.badge("TAG1")
    world.run(60)


@pytest.mark.requirement("OCPP-4.9-20")
@pytest.mark.parametrize(
    ("phase", "status"),
    [(Phase.INSULATION_CHECK, "Preparing"), (Phase.PRECHARGE, "Preparing"), (Phase.RAMP, "Finishing")],
)
def test_vehicle_that_no_longer_answers_is_reported_with_a_status_that_allows_it(
    world: World, station: SimulatedStation, phase: Phase, status: str
) -> None:
    """Before the first energy the gun is still Preparing; one that charges is taken to Finishing first."""
    charge_failing(world, station, phase)
    (note,) = failed(station)
    assert (note["connectorId"], note["status"]) == (1, status)
    assert note["status"] in COMMUNICATING
    assert note["info"] == "The vehicle no longer answers."
    (stop,) = station.wire.payloads("StopTransaction")
    assert stop["reason"] == "Other"
    energy_wh = stop["meterStop"] - station.wire.payloads("StartTransaction")[0]["meterStart"]
    assert (energy_wh > 0) == (phase is Phase.RAMP)
    assert (station.status(), station.reading().power_w) == ("Finishing", 0)


@pytest.mark.requirement("OCPP-4.9-20")
def test_vehicle_that_fails_while_the_station_holds_it_is_reported_with_suspendedevse(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert install(central, default(1, (0, 0))) == "Accepted"
    charge_failing(world, station, Phase.PRECHARGE)
    assert [note["status"] for note in failed(station)] == ["SuspendedEVSE"]
    assert station.reported()[-1] == "Finishing"


def test_gun_is_there_for_the_next_vehicle_after_one_that_failed(world: World, station: SimulatedStation) -> None:
    charge_failing(world, station, Phase.PRECHARGE)
    station.unplug(1)
    world.run(5)
    assert (station.status(), station.reported()[-1]) == ("Available", "Available")
    station.plug(1)
    station.badge("TAG1")
    world.run(60)
    assert station.status() == "Charging"
    assert station.reading().power_w > 100_000
    assert len(failed(station)) == 1
    assert station.wire.payloads("StatusNotification")[-1]["errorCode"] == "NoError"
