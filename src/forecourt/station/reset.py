"""Reset and reboot (OCPP 1.6 §5.14): sessions end properly, their StopTransactions get a chance, then the life ends.

An attempt may fail, which only a tester's option brings about here; ResetRetries says how often it is repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.station.calls import CALL_TIMEOUT_S
from forecourt.station.effects import Effect, LogEvent, Reboot
from forecourt.station.security_events import SecurityEvent
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from forecourt.station.configuration import Configuration
    from forecourt.station.queue import Queue
    from forecourt.station.security_log import SecurityLog

RETRY_S = 10.0
"""Assumed: from an attempt that failed to the next."""


class Reset:
    """The end of this life, once it was asked for."""

    __slots__ = (
        "_attempts",
        "_configuration",
        "_effects",
        "_failing",
        "_hard",
        "_queue",
        "_security",
        "_speed",
        "_timers",
        "is_pending",
    )

    def __init__(
        self,
        configuration: Configuration,
        queue: Queue,
        security: SecurityLog,
        failing: int,
        speed: float,
        timers: Timers,
        effects: list[Effect],
    ) -> None:
        self._configuration = configuration
        self._queue = queue
        self._security = security
        self._failing = failing
        """How many attempts still fail."""
        self._speed = speed
        self._timers = timers
        self._effects = effects
        self._hard = False
        self._attempts = 0
        """How many have failed since the reset was asked for."""
        self.is_pending = False

    def begin(self, hard: bool, now: float) -> None:
        """All sessions have been ended: reboot as soon as the queue is empty, or after one answer's time."""
        self.is_pending = True
        self._hard = hard
        self._attempts = 0
        self._timers.set(Timer.RESET, now + CALL_TIMEOUT_S * self._speed)

    def proceed(self, now: float) -> bool:
        """Something was answered: reboot if nothing is left to send. Return whether the reset was given up."""
        if self.is_pending and not self._attempts and not len(self._queue):
            return self.carry_out(now)
        return False

    def carry_out(self, now: float) -> bool:
        """Reboot now; what is still in the queue is durable and will be sent by the next life."""
        if not self.is_pending:
            return False
        self._timers.stop(Timer.RESET)
        if self._failing > 0:
            return self._fail(now)
        self.is_pending = False
        self._security.hold()  # the next life tells it: an answer would not find this one
        self._security.note(SecurityEvent.ResetOrReboot, "hard" if self._hard else "soft", now)
        self._effects.append(Reboot(self._hard))
        return False

    def _fail(self, now: float) -> bool:
        self._failing -= 1
        self._attempts += 1
        most = 1 + self._configuration.integer("ResetRetries")
        self._effects.append(LogEvent("Reset failed", f"attempt {self._attempts} of {most}"))
        self.is_pending = self._attempts < most
        if self.is_pending:
            self._timers.set(Timer.RESET, now + RETRY_S)
        return not self.is_pending
