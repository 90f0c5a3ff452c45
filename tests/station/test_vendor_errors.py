"""The block of the vendor errors: which connectors an error concerns, and how much power it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.faults import FAULTS, Severity, UnknownFault
from forecourt.evlink.models import find_model
from forecourt.station import events
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.effects import LimitPower, SaveRecord
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance

if TYPE_CHECKING:
    from forecourt.station.effects import Effect

HOT_TERMINAL, HOT_PLUG, HOT_MODULES = "0x100101", "0x100102", "0x200101"


@pytest.fixture
def station() -> Station:
    """An EVD1S180THB (180 kW; guns of 180 and 62 kW) that has just woken."""
    model = find_model("EVD1S180THB")
    commissioning = Commissioning(
        identity="CP-1",
        supervision_url="ws://supervision.example",
        model=model.reference,
        serial_number="1",
        firmware_version="3.5.8821",
    )
    station = Station(commissioning, StationOptions(), SimulatedCabinet(figures_of(model)), {}, SeededChance(1))
    station.handle(events.PowerRestored(0.0), 0.0)
    return station


def raised(station: Station, dtc: str, connector: int) -> list[Effect]:
    """What the station wants done about an error, besides remembering it."""
    effects = station.handle(events.FaultRaised(dtc, connector), 1.0)
    return [effect for effect in effects if not isinstance(effect, SaveRecord)]


def cleared(station: Station, dtc: str, connector: int) -> list[Effect]:
    """What the station wants done about its end, besides remembering it."""
    effects = station.handle(events.FaultCleared(dtc, connector), 2.0)
    return [effect for effect in effects if not isinstance(effect, SaveRecord)]


def dtcs(station: Station) -> list[tuple[str, ...]]:
    """The errors of both guns."""
    return [connector.dtcs for connector in station.snapshot(3.0).connectors]


@pytest.mark.parametrize(("connector", "guns"), [(1, [1]), (2, [2]), (0, [1]), (3, [1]), (-1, [1])])
def test_error_of_a_gun_concerns_that_gun_and_the_first_if_there_is_no_such(
    station: Station, connector: int, guns: list[int]
) -> None:
    raised(station, "0x100206", connector)
    assert [number for number, found in enumerate(dtcs(station), start=1) if found] == guns
    assert station.snapshot(3.0).status == "Available"
    cleared(station, "0x100206", connector)
    assert dtcs(station) == [(), ()]


@pytest.mark.parametrize("connector", [0, 1, 2])
def test_blocking_error_of_the_station_concerns_every_gun_and_a_warning_none(station: Station, connector: int) -> None:
    raised(station, "0x200204", connector)
    assert dtcs(station) == [("0x200204",), ("0x200204",)]
    assert station.snapshot(3.0).status == "Faulted"
    cleared(station, "0x200204", 0)
    raised(station, "0x100005", connector)
    assert dtcs(station) == [(), ()]
    assert station.snapshot(3.0).status == "Available"


@pytest.mark.parametrize("spelling", ["0x10020a", "10020A", "0X10020A"])
def test_dtc_is_taken_in_any_spelling_and_told_as_printed(station: Station, spelling: str) -> None:
    raised(station, spelling, 1)
    assert dtcs(station)[0] == ("0x10020A",)


def test_error_that_the_guide_does_not_have_is_refused(station: Station) -> None:
    with pytest.raises(UnknownFault):
        raised(station, "0x10020X", 1)


@pytest.mark.parametrize(
    ("dtc", "connector", "limit"),
    [
        (HOT_TERMINAL, 0, LimitPower(0, 90_000.0)),
        (HOT_MODULES, 2, LimitPower(0, 90_000.0)),
        (HOT_PLUG, 1, LimitPower(1, 90_000.0)),
        (HOT_PLUG, 2, LimitPower(2, 31_000.0)),
    ],
)
def test_derating_error_halves_the_rated_power_of_what_it_concerns(
    station: Station, dtc: str, connector: int, limit: LimitPower
) -> None:
    assert raised(station, dtc, connector) == [limit]
    assert cleared(station, dtc, connector) == [LimitPower(limit.connector, None)]


def test_power_is_back_only_when_the_last_derating_error_is_gone(station: Station) -> None:
    raised(station, HOT_TERMINAL, 0)
    raised(station, HOT_MODULES, 0)
    assert cleared(station, HOT_TERMINAL, 0) == []
    assert cleared(station, HOT_MODULES, 0) == [LimitPower(0, None)]


@pytest.mark.parametrize("dtc", [fault.dtc for fault in FAULTS if fault.dtc[4:6] != "01"])
def test_other_errors_leave_the_power_alone(station: Station, dtc: str) -> None:
    assert not any(isinstance(effect, LimitPower) for effect in raised(station, dtc, 1))
    assert not any(isinstance(effect, LimitPower) for effect in cleared(station, dtc, 1))


def test_every_error_comes_and_goes_and_leaves_the_gun_as_it_was(station: Station) -> None:
    for fault in FAULTS:
        raised(station, fault.dtc, 1)
        expected = "Faulted" if fault.severity is Severity.ERROR else "Available"
        assert station.snapshot(3.0).connectors[0].status == expected
        cleared(station, fault.dtc, 1)
        assert station.snapshot(3.0).connectors[0].status == "Available"
