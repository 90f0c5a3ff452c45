"""The phases of a DC session as data: what comes in which order, and how long it takes.

The guide gives no durations, so all of them are assumed. From the order to the first energy stations of this class take
some seconds up to half a minute, by the vehicle; we are at the quick end, and within what the standards of DC charging
allow. Whoever needs others gives `CabinetFigures` other tables.
"""

from __future__ import annotations

import msgspec

from forecourt.station.hardware import Phase


class Stage(msgspec.Struct, frozen=True, gc=False):
    """A phase that ends by itself. Nothing flows in it."""

    phase: Phase
    duration_s: float
    why: str
    """Where the duration comes from."""


class RampStep(msgspec.Struct, frozen=True, gc=False):
    """A part of the rise of the power: constant, as everything between two moments of change."""

    share: float
    """Of the gun's rated power, at most."""
    duration_s: float


ASSUMED_START: tuple[Stage, ...] = (
    Stage(Phase.LOCKING, 0.5, "a motor turns for half a second, and the exchange of parameters with it"),
    Stage(Phase.INSULATION_CHECK, 2.5, "voltage up, one measuring period of an insulation monitor, voltage down"),
    Stage(Phase.PRECHARGE, 1.5, "seven seconds are allowed; a module reaches the battery's voltage in one or two"),
)
"""From closing the contactor, as the station orders it, to the first energy."""

ASSUMED_RAMP: tuple[RampStep, ...] = (
    RampStep(0.2, 1.0),
    RampStep(0.4, 1.0),
    RampStep(0.6, 1.0),
    RampStep(0.8, 1.0),
)
"""The rise of the current after precharge and after a pause of the vehicle, then the whole power. A straight line of
five seconds in four steps of its height; vehicles ask for 20 to 100 A more each second."""

ASSUMED_END: tuple[Stage, ...] = (
    Stage(Phase.STOPPING, 0.5, "the output's capacitors discharge to a voltage that may be touched within a second"),
    Stage(Phase.WELD_CHECK, 1.5, "two contactors, one after the other, each with a look at the voltage"),
    Stage(Phase.UNLOCKING, 1.0, "a motor turns back"),
)
"""From opening the contactor to a free plug. The power is off at its beginning: what a real station still gives while
it shuts down (up to some 50 Wh at 180 kW and 1 to 2 s) is left out, so that a session's last reading is its last."""
