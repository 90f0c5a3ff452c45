"""The port to the power cabinet and the guns. The simulated cabinet implements it; real hardware may."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class Phase(StrEnum):
    """Where a gun is in a DC session, in the order of one. Energy flows from RAMP to TAPER, and a trickle in HELD."""

    IDLE = "idle"
    """The contactor is open, and nothing goes on."""
    LOCKING = "locking"
    """The plug is locked into the inlet, and station and vehicle agree on what each can do."""
    INSULATION_CHECK = "insulation check"
    """The station tests cable and plug against earth under voltage."""
    PRECHARGE = "precharge"
    """The station's voltage is brought to that of the battery."""
    RAMP = "ramp"
    """The contactors are closed and the current rises."""
    CONSTANT = "constant"
    """A limit decides: of station, gun, cable or profile, or the vehicle's current, or the rising part of its curve."""
    TAPER = "taper"
    """The battery is past its best and asks for less and less."""
    HELD = "held"
    """The station gives nothing but a residual current: a setpoint of 0, or no power module is left."""
    PAUSED = "paused"
    """The vehicle takes nothing."""
    FAILED = "failed"
    """The vehicle no longer answers; nothing flows until the contactor has been opened."""
    STOPPING = "stopping"
    """The power is off, and the output discharges."""
    WELD_CHECK = "weld check"
    """The station tests whether the contactors have opened."""
    UNLOCKING = "unlocking"
    """The plug is released."""


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What the meter and the vehicle of one gun say at one instant. All figures are at the DC outlet."""

    energy_wh: float
    """The meter's register over its whole life; never falls."""
    power_w: float
    """Power to the vehicle: what is drawn."""
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
    phase: Phase = Phase.IDLE
    """Where the session is."""
    limited_w: float = 0.0
    """What ratings and limits allow the gun, whether or not there are modules for it; never below what is offered."""


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
