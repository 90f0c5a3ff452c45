"""BootNotification, Heartbeat and the clock they set (OCPP 1.6 §4.2, §4.6; errata 3.22).

Theory of operation. A life begins unaccepted. As soon as there is a link a BootNotification goes out, before anything
else. *Accepted* ends the matter for this life: a later reconnect sends none. *Pending* and *Rejected* mean waiting for
`interval` before the next; while Pending the supervision's requests are answered, while Rejected they are not. No
answer, or an error, means waiting for `OWN_RETRY_S`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from forecourt.evlink.keys import find_key
from forecourt.ocpp.core import (
    BootNotificationRequest,
    BootNotificationResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    RegistrationStatus,
)
from forecourt.station.calls import LOST, Answer
from forecourt.station.effects import Effect, SaveRecord
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from forecourt.station.calls import Calls
    from forecourt.station.clock import Clock
    from forecourt.station.commissioning import Commissioning
    from forecourt.station.configuration import Configuration

VENDOR = "Schneider Electric"

OWN_RETRY_S = 60.0
"""Real seconds until the next BootNotification when the supervision names none or does not answer."""

DAY_S = 86_400.0

KIND = "boot"


class BootState(StrEnum):
    """Where this life stands with the supervision."""

    Waiting = "Waiting"
    """No answer yet."""
    Accepted = "Accepted"
    Pending = "Pending"
    Rejected = "Rejected"


class BootListener(Protocol):
    """Who is told what the boot brings about."""

    def judged(self, now: float) -> None:
        """The boot was accepted, or no longer is."""
        ...

    def clock_moved(self, before_s: float, now: float) -> None:
        """The clock was moved; it showed `before_s`, in seconds since the epoch."""
        ...


class Boot:
    """How the supervision regards this station, and the heartbeat that follows from it."""

    __slots__ = (
        "_calls",
        "_clock",
        "_commissioning",
        "_configuration",
        "_effects",
        "_heartbeat_s",
        "_is_asking",
        "_is_beating",
        "_is_confirmed",
        "_listener",
        "_speed",
        "_strange_address",
        "_timers",
        "state",
    )

    def __init__(
        self,
        commissioning: Commissioning,
        configuration: Configuration,
        records: Mapping[tuple[str, str], bytes],
        calls: Calls,
        clock: Clock,
        speed: float,
        timers: Timers,
        effects: list[Effect],
    ) -> None:
        self._commissioning = commissioning
        self._configuration = configuration
        self._calls = calls
        self._clock = clock
        self._speed = speed
        self._timers = timers
        self._effects = effects
        self._is_asking = False
        self._is_beating = False
        self._is_confirmed = False
        self._heartbeat_s = 0
        # A change of these two keys is used from the next boot on (reading A40).
        address = f"{configuration.text('SupervisionUrl')} {configuration.identity}"
        was_accepted = records.get((KIND, "accepted")) == address.encode()
        self._strange_address = None if was_accepted else address
        """Where the supervision never accepted this station; None when it did."""
        self._listener: BootListener
        self.state = BootState.Waiting

    def connect(self, listener: BootListener) -> None:
        """Name who is told."""
        self._listener = listener

    @property
    def is_accepted(self) -> bool:
        """Whether this life was accepted."""
        return self.state is BootState.Accepted

    @property
    def may_be_triggered(self) -> bool:
        """Whether a trigger for BootNotification is obeyed: not after Accepted until the link is another (§4.2)."""
        return not self._is_confirmed

    @property
    def was_ever_accepted(self) -> bool:
        """Whether the supervision at the present address ever accepted this station (§4.2.1)."""
        return self._strange_address is None

    # BootNotification.

    def link_opened(self, now: float) -> None:
        """Ask, unless this life was accepted already or its waiting time still runs."""
        self._is_confirmed = False
        if not self.is_accepted and not self._timers.is_set(Timer.BOOT_RETRY):
            self.ask(now)

    def ask(self, now: float) -> None:
        """Send BootNotification."""
        if self._is_asking or not self._calls.is_open:
            return
        self._is_asking = True
        self._timers.stop(Timer.BOOT_RETRY)
        request = BootNotificationRequest(
            chargePointVendor=VENDOR,
            chargePointModel=self._commissioning.model,
            chargePointSerialNumber=self._commissioning.serial_number,
            firmwareVersion=self._commissioning.firmware_version,
        )
        self._calls.request(request, self._answered, now)

    def _answered(self, answer: Answer, now: float) -> None:
        self._is_asking = False
        if answer is LOST:
            return
        if not isinstance(answer, BootNotificationResponse):
            self._timers.set(Timer.BOOT_RETRY, now + OWN_RETRY_S * self._speed)
            return
        self._set_clock(answer.currentTime, now)
        was_accepted = self.is_accepted
        self.state = BootState(answer.status.value)
        self._calls.is_answering = self.state is not BootState.Rejected
        if answer.status is RegistrationStatus.Accepted:
            self._accept(answer.interval, now)
        else:
            wait_s = float(answer.interval) if answer.interval > 0 else OWN_RETRY_S * self._speed
            self._timers.set(Timer.BOOT_RETRY, now + wait_s)
            if was_accepted:
                self._listener.judged(now)

    def _accept(self, interval_s: int, now: float) -> None:
        self._is_confirmed = True
        if interval_s > 0:
            key = find_key("HeartbeatInterval")
            assert key is not None, "HeartbeatInterval is a key of the guide"
            self._configuration.store(key, str(min(interval_s, key.maximum or interval_s)))
        if self._strange_address is not None:
            self._effects.append(SaveRecord(KIND, "accepted", self._strange_address.encode()))
            self._strange_address = None
        self._timers.set(Timer.DAILY_HEARTBEAT, now + DAY_S)
        self.heartbeat_interval_changed(now)
        self._listener.judged(now)

    # Heartbeat.

    def exchanged(self, now: float) -> None:
        """Something was heard from the supervision: the next Heartbeat is not needed before HeartbeatInterval."""
        if self._heartbeat_s > 0 and self.state is BootState.Accepted:
            self._timers.set(Timer.HEARTBEAT, now + self._heartbeat_s)

    def heartbeat_interval_changed(self, now: float) -> None:
        """HeartbeatInterval has a new value, which holds at once; 0 leaves the daily Heartbeat only."""
        self._heartbeat_s = self._configuration.integer("HeartbeatInterval")
        self._timers.stop(Timer.HEARTBEAT)
        self.exchanged(now)

    def heartbeat(self, now: float) -> None:
        """Send Heartbeat if there is a link; a daily one that is missed is sent as soon as there is (`resumed`)."""
        if not self.is_accepted or not self._calls.is_open:
            return
        self._timers.set(Timer.DAILY_HEARTBEAT, now + DAY_S)
        self.exchanged(now)
        if not self._is_beating:
            self._is_beating = True
            self._calls.request(HeartbeatRequest(), self._heartbeat_answered, now)

    def send_heartbeat(self, now: float) -> None:
        """Send Heartbeat because the supervision has triggered it, accepted or not."""
        self._is_beating = True
        self._calls.request(HeartbeatRequest(), self._heartbeat_answered, now)
        if self.is_accepted:
            self._timers.set(Timer.DAILY_HEARTBEAT, now + DAY_S)

    def resumed(self, now: float) -> None:
        """The supervision listens (again)."""
        self.exchanged(now)
        if not self._timers.is_set(Timer.DAILY_HEARTBEAT):
            self.heartbeat(now)

    def _heartbeat_answered(self, answer: Answer, now: float) -> None:
        self._is_beating = False
        # At another speed the supervision's clock does not run like ours; only the boot sets it then.
        if isinstance(answer, HeartbeatResponse) and self._speed == 1.0:
            self._set_clock(answer.currentTime, now)

    def _set_clock(self, current_time: datetime, now: float) -> None:
        before_s = self._clock.wall(now)
        if self._clock.correct(current_time, now):
            self._listener.clock_moved(before_s, now)
