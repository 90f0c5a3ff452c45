"""Kinds of cars to plug in. The figures are our own assumptions, of the size that such cars are known for.

Each curve has the shape that fast charging has in common: a short rise on a nearly empty battery, the peak, a fall from
about the middle, and a trickle near full. Nothing here is a measurement of any car on sale.
"""

from __future__ import annotations

from forecourt.cabinet.car import Car, OutputType

FAMILY_CAR = Car(
    battery_kwh=77.0,
    curve=((0, 90), (5, 145), (30, 150), (50, 120), (70, 80), (80, 60), (90, 32), (100, 6)),
    pack_voltage=((0, 350), (10, 362), (80, 390), (100, 400)),
    max_current_a=430.0,
    mac="02F0C0000077",
)
"""About 77 kWh on a 400 V pack (96 cells at 3.65 V to 4.17 V in series); the car of the demo."""

LONG_DISTANCE_CAR = Car(
    battery_kwh=93.0,
    curve=((0, 150), (5, 225), (50, 230), (60, 180), (80, 130), (90, 60), (100, 8)),
    pack_voltage=((0, 640), (10, 670), (80, 730), (100, 750)),
    max_current_a=360.0,
    mac="02F0C0000093",
)
"""An 800 V pack: twice the voltage, so that a cable of 360 A carries well over 200 kW."""

SMALL_CAR = Car(
    battery_kwh=38.0,
    curve=((0, 45), (5, 66), (40, 66), (60, 48), (80, 28), (90, 15), (100, 4)),
    pack_voltage=((0, 300), (10, 312), (80, 345), (100, 355)),
    max_current_a=220.0,
    mac="02F0C0000038",
)
"""A town car: few cells, little power, and a taper that begins early."""

CHADEMO_CAR = Car(
    battery_kwh=39.0,
    curve=((0, 35), (5, 44), (55, 46), (70, 32), (80, 22), (90, 12), (100, 3)),
    pack_voltage=((0, 330), (10, 345), (80, 385), (100, 400)),
    max_current_a=125.0,
    inlets=(OutputType.CHADEMO,),
)
"""An older car with the Japanese inlet: 125 A at most, and no EVCCID to tell."""

ARCHETYPES: dict[str, Car] = {
    "family": FAMILY_CAR,
    "long-distance": LONG_DISTANCE_CAR,
    "small": SMALL_CAR,
    "chademo": CHADEMO_CAR,
}
"""By the name that a command or a request uses."""
