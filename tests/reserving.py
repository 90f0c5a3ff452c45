"""Reservations as scenarios ask for them: drivers with badges, and what a supervision is answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


def moment(world: World, after_s: float) -> str:
    """The wall time so many seconds from now, as a supervision writes it."""
    return datetime.fromtimestamp(world.clock_s + after_s, UTC).isoformat().replace("+00:00", "Z")


def reserve(
    world: World,
    central: ScriptedSupervision,
    connector: int = 1,
    id_tag: str = "MINE",
    *,
    number: int = 7,
    after_s: float = 3600,
    parent: str | None = None,
) -> str:
    """Ask for a reservation; the status of the answer."""
    payload: dict[str, Any] = {
        "connectorId": connector,
        "idTag": id_tag,
        "reservationId": number,
        "expiryDate": moment(world, after_s),
    }
    if parent is not None:
        payload["parentIdTag"] = parent
    return str(central.ask("ReserveNow", payload)["status"])


def cancel(central: ScriptedSupervision, number: int = 7) -> str:
    """Cancel one; the status of the answer."""
    return str(central.ask("CancelReservation", {"reservationId": number})["status"])


def come(world: World, station: SimulatedStation, id_tag: str, connector: int = 1) -> None:
    """A driver plugs in and shows a badge."""
    station.plug(connector)
    station.show(connector)
    station.badge(id_tag)
    world.run(30)


def statuses(station: SimulatedStation) -> list[str]:
    """What the guns are."""
    return [station.status(number) for number in (1, 2)]


def reserved(station: SimulatedStation) -> list[int]:
    """The ids of the reservations that wait."""
    return [one.reservationId for one in station.snapshot().reservations]


def why(station: SimulatedStation, name: str) -> list[str]:
    """What the log says under a name."""
    return [line.detail for line in station.log if line.name == name]
