"""Every deadline that a station can hold, in one table.

A deadline is a float on the station's own time line; `inf` means off. Timers fire at their own time, earliest first,
so that a driver that comes late changes nothing. Intervals of the network (answers, back-off, pings) are real seconds
and are multiplied by the speed of the station's clock before they are set here.
"""

from __future__ import annotations

from enum import IntEnum
from math import inf


class Timer(IntEnum):
    """A slot of the table. Those with a number belong to the connector of that number."""

    BOOT_RETRY = 0
    """The next BootNotification after Pending, Rejected or no answer (OCPP 1.6 §4.2)."""
    HEARTBEAT = 1
    """HeartbeatInterval since the last exchange (§4.6)."""
    DAILY_HEARTBEAT = 2
    """24 hours since the last Heartbeat, whatever else was sent (OCPP-J §5.3)."""
    CALL_TIMEOUT = 3
    """The answer to the outstanding CALL is overdue."""
    QUEUE_RETRY = 4
    """A transaction message that failed is due again (§3.7.1)."""
    RECONNECT = 5
    """The back-off after a refused or lost connection is over."""
    PING = 6
    """WebSocketPingInterval since the last ping."""
    PONG_TIMEOUT = 7
    """The pong to the last ping is overdue."""
    REMOTE_START = 8
    """ConnectionTimeOut of a remote start that waits for a plug."""
    RESET = 9
    """A reset no longer waits for its StopTransactions to be answered."""
    CLOCK_ALIGNED = 10
    """The next multiple of ClockAlignedDataInterval after midnight UTC."""
    STATUS_SETTLES_0 = 11
    """MinimumStatusDuration since the status of connector 0 changed."""
    STATUS_SETTLES_1 = 12
    STATUS_SETTLES_2 = 13
    SAMPLE_1 = 14
    """The next sampled MeterValues of the transaction on connector 1."""
    SAMPLE_2 = 15
    BESIDE_TIMEOUT = 16
    """The answer to the oldest CALL sent beside another is overdue (CallMsgInOrder false)."""
    LIMIT_1 = 17
    """Charging profiles change the limit of the transaction on connector 1."""
    LIMIT_2 = 18
    RESERVATION = 19
    """The expiryDate of the reservation that expires first."""
    TRANSFER = 20
    """The next attempt of the transfer that has waited longest."""
    SECURITY_RETRY = 21
    """A SecurityEventNotification that was not taken is due again."""
    FIRMWARE = 22
    """retrieveDate or installDateTime of a firmware update, or the end of its pause, installation or last notice."""
    CERTIFICATE_REQUEST = 23
    """SignCertificate is to be sent again, as no CertificateSigned came."""
    CERTIFICATES = 24
    """A certificate of the station becomes valid, is to be renewed, or may go."""


class Timers:
    """The armed deadlines of one station."""

    __slots__ = ("_deadlines", "_next")

    def __init__(self) -> None:
        self._deadlines = [inf] * len(Timer)
        self._next = inf  # the earliest of them, asked for far more often than it changes; -inf: not known

    def set(self, timer: int, at: float) -> None:
        """Arm a timer, in place of what it held."""
        if at <= self._next:
            self._next = at
        elif self._deadlines[timer] == self._next:
            self._next = -inf
        self._deadlines[timer] = at

    def stop(self, timer: int) -> None:
        """Disarm a timer."""
        if self._deadlines[timer] == self._next:
            self._next = -inf
        self._deadlines[timer] = inf

    def is_set(self, timer: int) -> bool:
        """Whether a timer is armed."""
        return self._deadlines[timer] != inf

    def armed(self) -> list[tuple[int, float]]:
        """Every armed timer with its deadline, the earliest first."""
        return sorted(((at, due) for at, due in enumerate(self._deadlines) if due != inf), key=lambda row: row[1])

    def next(self) -> float:
        """The earliest deadline; inf when none is armed."""
        if self._next == -inf:
            self._next = min(self._deadlines)
        return self._next

    def pop(self, due: float) -> int:
        """Disarm and return the timer whose deadline is `due`, as `next` gave it."""
        timer = self._deadlines.index(due)
        self._deadlines[timer] = inf
        self._next = -inf
        return timer
