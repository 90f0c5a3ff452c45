"""The port to the power cabinet and the guns. The simulated cabinet implements it; real hardware may."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What the meter and the vehicle of one gun say at one instant. All figures are at the DC outlet."""

    energy_wh: float
    """The meter's register over its whole life; never falls."""
    power_w: float
    """Power to the vehicle."""
    voltage_v: float
    """DC voltage at the outlet; 0 while the contactor is open."""
    current_a: float
    """DC current to the vehicle; voltage times current is power."""
    offered_w: float
    """The power that the station would give at most; 0 while the contactor is open."""
    offered_a: float
    """The current that belongs to the power offered at the present voltage."""
    soc_percent: float | None
    """The state of charge that the vehicle tells; None while it tells none."""


class Hardware(Protocol):
    """What a station reads synchronously. `connector` is 1 or 2; `now` never goes back."""

    def reading(self, connector: int, now: float) -> Reading:
        """The meter at `now`, in closed form."""
        ...

    def plugged(self, connector: int) -> bool:
        """Whether a vehicle is connected."""
        ...

    def vehicle_mac(self, connector: int) -> str | None:
        """The EVCCID of the connected vehicle as 12 upper-case hex digits, if it tells one."""
        ...
