"""What the control API tells of a station: what the station knows, and what the simulation knows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.evlink.faults import find_fault
from forecourt.station.display import Screen
from forecourt.station.snapshot import FirmwareUpdateSnapshot, LocalListSnapshot, ProfileSnapshot, ReservationSnapshot
from forecourt.station.workings import Workings

if TYPE_CHECKING:
    from forecourt.cabinet.car import Car
    from forecourt.evlink.faults import Fault
    from forecourt.runtime.hosted import HostedConnector, HostedKey, HostedStation
    from forecourt.runtime.wire_log import WireMessage
    from forecourt.station.snapshot import ConnectorSnapshot


class VehicleView(msgspec.Struct, frozen=True):
    """The car on a gun."""

    battery_kwh: float
    soc_percent: float
    stop_at_soc_percent: float
    mac: str | None


class ErrorView(msgspec.Struct, frozen=True):
    """A vendor error."""

    dtc: str
    connector: int
    """0 for the station."""
    errorCode: str
    description: str


class ConnectorView(msgspec.Struct, frozen=True):
    """One gun. What only a running station knows is null while it is dark or boots."""

    connectorId: int
    type: str
    status: str | None
    """As it is."""
    reportedStatus: str | None
    """As the supervision was told last."""
    error: ErrorView | None
    """The latest one."""
    plugged: bool
    vehicle: VehicleView | None
    transaction: dict[str, Any] | None
    """transactionId, idTag, meterStart and startedAt of the session."""
    meter_wh: float
    """The register over the meter's whole life."""
    power_w: float
    voltage_v: float
    current_a: float
    offered_w: float
    limit_w: float | None
    """What charging profiles allow now; null while none gives a limit."""
    limited_w: float
    """What all limits together allow; the modules may give less, which is `offered_w`."""
    phase: str | None
    """Where the session is, such as precharge or taper; idle without one."""
    soc_percent: float | None


class LinkView(msgspec.Struct, frozen=True):
    """The connection to the supervision."""

    state: str
    url: str
    problem: str


class StationView(msgspec.Struct, frozen=True):
    """One station."""

    identity: str
    """Its name in this API; BoxIdentifier, by which the supervision knows it, may have been changed."""
    boxIdentifier: str | None
    model: str
    product: str
    serial: str
    firmware: str | None
    """The version that runs."""
    firmwareUpdate: FirmwareUpdateSnapshot | None
    """One that is not over."""
    power: bool
    network: bool
    state: str
    """running, booting, going dark or dark."""
    clock: datetime
    clockOffset_s: float
    """The station's clock less the clock of this process."""
    link: LinkView | None
    boot: str | None
    status: str | None
    """Of connector 0: the station itself."""
    shownConnector: int | None
    """The gun that the screen shows, or would show first."""
    screen: Screen | None
    """What the driver sees."""
    queuedMessages: int | None
    errors: tuple[ErrorView, ...]
    connectors: tuple[ConnectorView, ...]
    keysChanged: dict[str, str] | None
    chargingProfiles: tuple[ProfileSnapshot, ...] | None
    """In the order of their installation."""
    inoperative: tuple[int, ...] | None
    """Connectors that the supervision wants out of service, also while a transaction still runs on them."""
    reservations: tuple[ReservationSnapshot, ...] | None
    """In the order in which they were made."""
    localList: LocalListSnapshot | None
    cachedIdTags: int | None
    """Entries of the authorization cache."""
    workings: Workings | None
    """What it waits for and holds back."""


class KeyView(msgspec.Struct, frozen=True):
    """A configuration key as the installer sees it."""

    key: str
    value: str | None
    """Null when it is not set, and for AuthorizationKey, which nobody is told."""
    access: str
    type: str
    unit: str | None
    effect: str
    default: str | None
    """What it is while nobody has set it; null as for the value."""
    differs: bool
    """The value is another than the default, also where neither is told."""


class MessageView(msgspec.Struct, frozen=True):
    """A message of the wire log."""

    time: datetime
    direction: str
    """`<` to the station, `>` from it."""
    action: str | None
    latency_ms: float | None
    """For an answer: real time since its call."""
    text: str
    number: int
    """Counts the messages of this process, from 1: a page asks for what came after the last one that it has."""
    messageId: str | None
    """Of a CALL and its answer."""


class CarView(msgspec.Struct, frozen=True):
    """A car that can be plugged in by its name."""

    name: str
    title: str | None
    """What kind of car it is; null for one of the user's own."""
    battery_kwh: float
    soc_percent: float
    """On arrival, unless said otherwise."""
    stop_at_soc_percent: float
    peak_kw: float
    """The most that it ever asks for."""
    inlets: tuple[str, ...]
    """The guns that fit."""


class FaultView(msgspec.Struct, frozen=True):
    """A vendor error that can be raised."""

    dtc: str
    errorCode: str
    description: str
    scope: str
    """connector or station: what it concerns."""
    severity: str
    consequence: str
    advice: str


class ScheduleStep(msgspec.Struct, frozen=True):
    """A limit from a moment on, until the next one."""

    start_s: int
    """After the schedule's start."""
    limit_w: float


class ScheduleView(msgspec.Struct, frozen=True):
    """What a gun or the station will give at most, as it answers GetCompositeSchedule."""

    connectorId: int
    start: datetime
    """By the station's clock."""
    duration_s: int
    periods: tuple[ScheduleStep, ...]


AS_TOLD = (
    "firmwareUpdate",
    "boot",
    "status",
    "shownConnector",
    "screen",
    "queuedMessages",
    "keysChanged",
    "chargingProfiles",
    "inoperative",
    "reservations",
    "localList",
    "cachedIdTags",
)
"""What a view tells in the words of the snapshot; null while the station is dark or boots."""


def station_view(station: HostedStation) -> StationView:
    """Everything about a station at this moment."""
    snapshot = station.snapshot()
    seat = station.seat
    told = {} if snapshot is None else {row.connectorId: row for row in snapshot.connectors}
    return StationView(
        identity=station.identity,
        boxIdentifier=None if snapshot is None else snapshot.identity,
        model=station.model.reference,
        product=station.model.product,
        serial=station.commissioning.serial_number,
        firmware=None if snapshot is None else snapshot.firmware,
        power=seat.power_on,
        network=seat.network_up,
        state=_state(station),
        clock=datetime.fromtimestamp(seat.driver.clock_s(seat, seat.at), UTC),
        clockOffset_s=seat.clock_offset_s,
        link=None if snapshot is None else LinkView(snapshot.link.state, snapshot.link.url, snapshot.link.problem),
        workings=station.workings(),
        **{name: None if snapshot is None else getattr(snapshot, name) for name in AS_TOLD},
        errors=tuple(_error(dtc, connector) for dtc, connector in station.faults),
        connectors=tuple(_connector(station, gun, told.get(gun.connectorId)) for gun in station.connectors()),
    )


def key_view(hosted: HostedKey) -> KeyView:
    """A key as JSON."""
    key, value, default, differs = hosted
    return KeyView(key.name, value, key.access, key.type, key.unit, key.effect, default, differs)


def car_view(name: str, title: str | None, car: Car) -> CarView:
    """A car as JSON."""
    peak_kw = max(power_kw for _, power_kw in car.curve)
    return CarView(name, title, car.battery_kwh, car.soc_percent, car.stop_at_soc_percent, peak_kw, car.inlets)


def fault_view(fault: Fault) -> FaultView:
    """A vendor error of the guide as JSON."""
    said = (fault.scope, fault.severity, fault.consequence, fault.advice)
    return FaultView(fault.dtc, fault.error_code, fault.description, *said)


def schedule_view(station: HostedStation, connector: int, duration_s: int) -> ScheduleView:
    """What will be given at most from now on. Raises as `HostedStation.schedule`."""
    clock_s, periods = station.schedule(connector, duration_s)
    steps = tuple(ScheduleStep(period.startPeriod, period.limit) for period in periods)
    return ScheduleView(connector, datetime.fromtimestamp(clock_s, UTC), duration_s, steps)


def message_view(message: WireMessage) -> MessageView:
    """A message as JSON."""
    time = datetime.fromtimestamp(message.time, UTC)
    said = (message.direction, message.action, message.latency_ms, message.text)
    return MessageView(time, *said, message.number, message.unique_id)


def _state(station: HostedStation) -> str:
    if station.seat.power_on:
        return "booting" if station.brain() is None else "running"
    return "dark" if station.brain() is None else "going dark"


def _connector(station: HostedStation, gun: HostedConnector, told: ConnectorSnapshot | None) -> ConnectorView:
    number = gun.connectorId
    dtcs = [dtc for dtc, connector in station.faults if connector in (number, 0)]
    return ConnectorView(
        connectorId=number,
        type=station.model.outputs[number - 1],
        status=None if told is None else told.status,
        reportedStatus=None if told is None else told.reportedStatus,
        error=_error(dtcs[-1], number) if dtcs else None,
        plugged=gun.plugged,
        vehicle=None if gun.vehicle is None else _vehicle(gun.vehicle),
        transaction=None if told is None else msgspec.to_builtins(told.transaction, builtin_types=(datetime,)),
        meter_wh=gun.meter_wh,
        power_w=0.0 if told is None else told.power_w,
        voltage_v=0.0 if told is None else told.voltage_v,
        current_a=0.0 if told is None else told.current_a,
        offered_w=0.0 if told is None else told.offered_w,
        limit_w=None if told is None else told.limit_w,
        limited_w=0.0 if told is None else told.limited_w,
        phase=None if told is None else told.phase,
        soc_percent=None if told is None else told.soc_percent,
    )


def _vehicle(car: Car) -> VehicleView:
    return VehicleView(car.battery_kwh, car.soc_percent, car.stop_at_soc_percent, car.mac)


def _error(dtc: str, connector: int) -> ErrorView:
    fault = find_fault(dtc)
    return ErrorView(fault.dtc, connector, fault.error_code, fault.description)
