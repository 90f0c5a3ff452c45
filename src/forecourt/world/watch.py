"""What a checker is told while a world runs. One that watches nothing costs one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecourt.station.effects import DeleteRecord, Effect, SaveRecord
    from forecourt.station.events import Event
    from forecourt.world.simulated_station import SimulatedStation


class Watcher:
    """Stands outside of stations and is told what they hear, what they want and what becomes of it."""

    def began(self, station: SimulatedStation) -> None:
        """A life begins: the brain is built and has heard nothing yet."""

    def ended(self, station: SimulatedStation) -> None:
        """A life is over."""

    def heard(self, station: SimulatedStation, event: Event) -> None:
        """The brain is about to hear this."""

    def wanted(self, station: SimulatedStation, effect: Effect) -> None:
        """The brain wants this done, now or when its records are durable."""

    def done(self, station: SimulatedStation, effect: Effect) -> None:
        """This is carried out at this moment."""

    def stored(self, station: SimulatedStation, write: SaveRecord | DeleteRecord) -> None:
        """This is durable from now on."""

    def rested(self, station: SimulatedStation) -> None:
        """All that came of the latest event is on its way: a moment to look."""


NOBODY = Watcher()
