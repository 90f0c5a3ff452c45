"""What the control API takes, and how it says what was expected instead."""

from __future__ import annotations

from string import hexdigits
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from forecourt.cabinet.archetypes import ALIASES, ARCHETYPES, find_car
from forecourt.cabinet.car import Car, OutputType
from forecourt.runtime.hosted import BadValueError
from forecourt.runtime.http_api import body_of
from forecourt.station.hardware import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar import Request

    from forecourt.cabinet.figures import CabinetFigures

B = TypeVar("B", bound=msgspec.Struct)


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON object without fields of others."""


class Vehicle(Body, frozen=True):
    """A car. What is left out is as in the archetype; without one, an everyday car that fits the gun."""

    archetype: str | UnsetType = UNSET
    """family, city, long-range, 800-volt, van, truck or chademo, or a car of the folder that --cars names."""
    battery_kwh: float | UnsetType = UNSET
    """Usable capacity."""
    soc_percent: float | UnsetType = UNSET
    """State of charge on arrival."""
    stop_at_soc_percent: float | UnsetType = UNSET
    """At this state of charge the car stops asking."""
    curve: tuple[tuple[float, float], ...] | UnsetType = UNSET
    """The power asked for: points of SoC in percent and kW, from 0 % to 100 %."""
    pack_voltage: tuple[tuple[float, float], ...] | UnsetType = UNSET
    """Battery voltage: points of SoC in percent and V, from 0 % to 100 %."""
    max_current_a: float | UnsetType = UNSET
    mac: str | UnsetType | None = UNSET
    """EVCCID as 12 upper-case hex digits; null for a car that tells none."""
    efficiency: float | UnsetType = UNSET
    """The share of the energy at the gun that ends up in the battery."""
    inlets: tuple[OutputType, ...] | UnsetType = UNSET
    """CCS2, CHAdeMO, or both."""
    battery_temperature_c: float | UnsetType = UNSET
    """The battery's temperature on arrival."""
    temperature_shares: tuple[tuple[float, float], ...] | UnsetType = UNSET
    """Which share of the curve a battery takes: points of temperature in °C and share, 1 at the best."""
    warming_c_per_percent: float | UnsetType = UNSET
    """How much warmer a cold battery gets with each percent that is charged."""
    pauses: tuple[tuple[float, float], ...] | UnsetType = UNSET
    """Where the car stops asking of its own accord: points of SoC in percent and how long in s."""
    fails_in: Phase | UnsetType | None = UNSET
    """The phase at whose end the car no longer answers: insulation check, precharge or ramp."""


CAR_VALUES = tuple(name for name in Vehicle.__struct_fields__ if name != "archetype")


class Plug(Vehicle, frozen=True):
    """A car to plug in: its fields here, or under `vehicle`, which may also be the name of an archetype."""

    vehicle: Vehicle | str | UnsetType = UNSET


class Badge(Body, frozen=True):
    """A badge to hold to the reader: what it is read as, or the bytes that it sends."""

    idTag: str | UnsetType = UNSET
    """1 to 20 characters."""
    uid: tuple[str, ...] | UnsetType = UNSET
    """The 4, 7 or 10 bytes of its UID, two hex digits each, byte 0 first."""


class Show(Body, frozen=True):
    """A connector to see on the screen."""

    connector: int


class Tariff(Body, frozen=True):
    """The tariff's page on the screen."""

    shown: bool


class Fault(Body, frozen=True):
    """A vendor error to raise."""

    dtc: str
    """As in `forecourt guide faults`, such as 0x100205."""
    connector: int | UnsetType = UNSET
    """The gun concerned, 1 unless said otherwise; not for an error of the whole station."""


class Power(Body, frozen=True):
    """The mains switch."""

    on: bool


class Network(Body, frozen=True):
    """The network switch."""

    up: bool


class RevocationLists(Body, frozen=True):
    """Which certificates for signing firmware the manufacturer has revoked."""

    lists: str
    """X.509 CRLs in PEM, one after the other; empty for none."""


class KeyBody(Body, frozen=True):
    """A value for a configuration key."""

    value: str


class Nothing(Body, frozen=True):
    """An empty object, or no body."""


async def read_body(request: Request[Any, Any, Any], kind: type[B]) -> B:
    """The body as a record; no body is an empty object. Raises `BadValueError`."""
    body = await body_of(request)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise BadValueError(_why(kind, refusal)) from refusal


def _why(kind: type[msgspec.Struct], refusal: Exception) -> str:
    said = str(refusal).rstrip(".").replace("`", "'")
    if "unknown field" in said:
        fields = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        return f"{said}; expected {f'one of {fields}' if fields else 'no fields'}."
    if isinstance(refusal, msgspec.ValidationError):
        return f"{said}."
    return f"A JSON object was expected, but the body is none: {said}."


def badge_of(badge: Badge) -> str | bytes:
    """What is held to the reader. Raises `BadValueError`."""
    if (badge.idTag is UNSET) == (badge.uid is UNSET):
        raise BadValueError(f"An idTag or a uid was expected, but {'none' if badge.uid is UNSET else 'both'} came.")
    if badge.uid is UNSET:
        return badge.idTag if badge.idTag is not UNSET else ""
    for byte in badge.uid:
        if len(byte) != 2 or not set(byte) <= set(hexdigits):
            raise BadValueError(f"Each byte of a uid is two hex digits, such as '0A', but {byte!r} came.")
    return bytes.fromhex("".join(badge.uid))


def car_of(plug: Plug, connector: int, figures: CabinetFigures, cars: Mapping[str, Car]) -> Car:
    """The car that a request describes; `cars` are the user's own. Raises `CarError` and `BadValueError`."""
    fields = {name: getattr(plug, name) for name in Vehicle.__struct_fields__ if getattr(plug, name) is not UNSET}
    vehicle = plug.vehicle
    if vehicle is UNSET:
        vehicle = Vehicle(**fields)
    elif fields:
        raise BadValueError(f"A vehicle or its fields were expected, but both came: vehicle and {', '.join(fields)}.")
    if isinstance(vehicle, str):
        vehicle = Vehicle(archetype=vehicle)
    base = _default_car(connector, figures)
    if vehicle.archetype is not UNSET:
        found = find_car(vehicle.archetype, cars)
        if found is None:
            known = f"{', '.join([*ARCHETYPES, *cars])} (also {', '.join(ALIASES)})"
            raise BadValueError(f"An archetype is one of {known}, but {vehicle.archetype!r} came.")
        base = found
    given = {name: getattr(vehicle, name) for name in CAR_VALUES if getattr(vehicle, name) is not UNSET}
    return msgspec.structs.replace(base, **given)


def _default_car(connector: int, figures: CabinetFigures) -> Car:
    cars = list(ARCHETYPES.values())
    if not 1 <= connector <= len(figures.guns):
        return cars[0]
    return next(car for car in cars if figures.guns[connector - 1].output in car.inlets)
