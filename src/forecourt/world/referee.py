"""Tells every checker what it wants to hear, and nothing else, so that a rule costs only where it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecourt.station import effects as do
from forecourt.station import events as happened
from forecourt.world.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forecourt.station.effects import DeleteRecord, Effect, SaveRecord
    from forecourt.station.events import Event
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


class Referee(Watcher):
    """All checkers as one watcher, and a trace of what they hear."""

    def __init__(self, watchers: Sequence[Watcher], tell: Callable[[float, str], None] | None, world: World) -> None:
        self._tell = tell
        self._world = world
        self._began = _hearers(watchers, "began")
        self._ended = _hearers(watchers, "ended")
        self._heard = _hearers(watchers, "heard")
        self._wanted = _hearers(watchers, "wanted")
        self._done = _hearers(watchers, "done")
        self._stored = _hearers(watchers, "stored")

    def _trace(self, station: SimulatedStation, sign: str, what: object) -> None:
        if self._tell is not None:
            self._tell(self._world.now, f"{station.identity} {sign} {what}")

    def began(self, station: SimulatedStation) -> None:
        self._trace(station, "*", f"life {station.lives} begins")
        for hear in self._began:
            hear(station)

    def ended(self, station: SimulatedStation) -> None:
        self._trace(station, "*", f"life {station.lives} ends")
        for hear in self._ended:
            hear(station)

    def heard(self, station: SimulatedStation, event: Event) -> None:
        if self._tell is not None:
            shown = event.frame.decode("utf-8", "replace") if isinstance(event, happened.FrameReceived) else event
            self._trace(station, "<", shown)
        for hear in self._heard:
            hear(station, event)

    def wanted(self, station: SimulatedStation, effect: Effect) -> None:
        for hear in self._wanted:
            hear(station, effect)

    def done(self, station: SimulatedStation, effect: Effect) -> None:
        if self._tell is not None:
            self._trace(station, ">", effect.frame.decode() if isinstance(effect, do.SendFrame) else effect)
        for hear in self._done:
            hear(station, effect)

    def stored(self, station: SimulatedStation, write: SaveRecord | DeleteRecord) -> None:
        for hear in self._stored:
            hear(station, write)


def _hearers(watchers: Sequence[Watcher], name: str) -> list[Callable[..., Any]]:
    """Those that do something when they are told so."""
    return [getattr(one, name) for one in watchers if getattr(type(one), name) is not getattr(Watcher, name)]
