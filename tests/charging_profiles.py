"""Charging profiles as a supervision writes them, and what a station shows of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from forecourt.world.world import START

if TYPE_CHECKING:
    from forecourt.cabinet.car import Car
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

Profile: TypeAlias = dict[str, Any]

DAY_S, WEEK_S = 86_400, 604_800


def moment(seconds: float) -> str:
    """A timestamp, in seconds since the world began."""
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def default(number: int = 1, *rows: tuple[int, float], level: int = 0, start_s: float = 0, **fields: Any) -> Profile:
    """An Absolute TxDefaultProfile; `fields` of it or its schedule change or, with None, drop what is there."""
    profile = {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": moment(start_s),
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [
                {"startPeriod": start, "limit": limit} for start, limit in (rows or ((0, 30_000),))
            ],
        },
    }
    for name, value in fields.items():
        of_schedule = name in ("startSchedule", "duration", "chargingRateUnit", "minChargingRate")
        target = profile["chargingSchedule"] if of_schedule else profile
        assert isinstance(target, dict)
        if value is None:
            target.pop(name, None)
        else:
            target[name] = value
    return profile


def of_transaction(number: int = 1, *rows: tuple[int, float], level: int = 0, **fields: Any) -> Profile:
    """A Relative TxProfile."""
    return default(
        number,
        *rows,
        level=level,
        chargingProfilePurpose="TxProfile",
        chargingProfileKind="Relative",
        startSchedule=None,
        **fields,
    )


def daily(number: int = 1, *rows: tuple[int, float], **fields: Any) -> Profile:
    """A Recurring TxDefaultProfile that recurs every day."""
    return default(number, *rows, **{"chargingProfileKind": "Recurring", "recurrencyKind": "Daily", **fields})


def install(central: ScriptedSupervision, profile: Profile, connector: int = 1) -> str:
    """SetChargingProfile; the status of its answer."""
    answer = central.ask("SetChargingProfile", {"connectorId": connector, "csChargingProfiles": profile})
    assert set(answer) == {"status"}
    return str(answer["status"])


def clear(central: ScriptedSupervision, **criteria: Any) -> str:
    """ClearChargingProfile; the status of its answer."""
    return str(central.ask("ClearChargingProfile", criteria)["status"])


def installed(station: SimulatedStation) -> list[tuple[int, int]]:
    """The connector and the id of each installed profile, lowest first."""
    return sorted(
        (one.connectorId, one.chargingProfile.chargingProfileId) for one in station.snapshot().chargingProfiles
    )


def composite(central: ScriptedSupervision, connector: int, duration_s: int) -> list[tuple[int, float]]:
    """GetCompositeSchedule; the periods of its answer."""
    answer = central.ask("GetCompositeSchedule", {"connectorId": connector, "duration": duration_s})
    assert answer["status"] == "Accepted"
    return [(row["startPeriod"], row["limit"]) for row in answer["chargingSchedule"]["chargingSchedulePeriod"]]


def charge(world: World, station: SimulatedStation, connector: int = 1, car: Car | None = None) -> None:
    """Plug a car in, show a badge, and let it charge for a while."""
    if car is None:
        station.plug(connector)
    else:
        station.plug(connector, car)
    station.show(connector)
    world.run(1)
    station.badge("TAG1")
    world.run(20)
    assert station.connector(connector).transaction is not None


def run_to(world: World, seconds: float) -> None:
    """Let time pass until so many seconds since the world began."""
    world.run(seconds - world.now)
