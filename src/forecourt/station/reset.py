"""Reset and reboot (OCPP 1.6 §5.14): sessions end properly, their StopTransactions get a chance, then the life ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.station.calls import CALL_TIMEOUT_S
from forecourt.station.effects import Effect, Reboot
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from forecourt.station.queue import Queue


class Reset:
    """The end of this life, once it was asked for."""

    __slots__ = ("_effects", "_hard", "_queue", "_speed", "_timers", "is_pending")

    def __init__(self, queue: Queue, speed: float, timers: Timers, effects: list[Effect]) -> None:
        self._queue = queue
        self._speed = speed
        self._timers = timers
        self._effects = effects
        self._hard = False
        self.is_pending = False

    def begin(self, hard: bool, now: float) -> None:
        """All sessions have been ended: reboot as soon as the queue is empty, or after one answer's time."""
        self.is_pending = True
        self._hard = hard
        self._timers.set(Timer.RESET, now + CALL_TIMEOUT_S * self._speed)

    def proceed(self) -> None:
        """Something was answered: reboot if nothing is left to send."""
        if self.is_pending and not len(self._queue):
            self.carry_out()

    def carry_out(self) -> None:
        """Reboot now; what is still in the queue is durable and will be sent by the next life."""
        if self.is_pending:
            self.is_pending = False
            self._timers.stop(Timer.RESET)
            self._effects.append(Reboot(self._hard))
