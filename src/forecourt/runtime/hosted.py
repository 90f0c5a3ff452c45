"""A station of this process as people and tests handle it: plug, show a badge, break something, switch the power.

What cannot be done now raises `NotNowError`, what is not there `NotThereError`, a value that cannot be another
`ForecourtError`; each with a sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from forecourt.cabinet.cabinet import GunError
from forecourt.cabinet.car import Car
from forecourt.cabinet.reader import id_tag_of_uid
from forecourt.errors import ForecourtError
from forecourt.evlink.faults import Scope, find_fault
from forecourt.evlink.keys import UnknownKey, Visibility, keys_of, require_key
from forecourt.station.effects import LogEvent
from forecourt.station.events import (
    BadgeShown,
    ConnectorShown,
    FaultCleared,
    FaultRaised,
    KeySet,
    PowerRestored,
    RebootRequested,
    RevocationListsSet,
    SecurityLogCleared,
    TariffHidden,
    TariffShown,
)
from forecourt.station.smart_charging import COMPOSITE_LIMIT_S
from forecourt.station.station import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from forecourt.cabinet.cabinet import SimulatedCabinet
    from forecourt.evlink.generations import Product
    from forecourt.evlink.keys import Key
    from forecourt.evlink.models import Model
    from forecourt.ocpp.smart_charging import ChargingSchedulePeriod
    from forecourt.runtime.seat import Seat
    from forecourt.station.commissioning import Commissioning
    from forecourt.station.configuration import Configuration
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event
    from forecourt.station.snapshot import StationSnapshot
    from forecourt.station.workings import KnownTags, Workings

ID_TAG_MAX_LENGTH = 20
REFUSED = frozenset(
    {"Badge ignored", "Tag ignored", "Charging refused", "Stop refused", "Touch ignored", "Reboot refused"}
)
"""What the station logs when nothing comes of what somebody does at it. What the supervision decides, comes later."""

Place: TypeAlias = tuple[str, int]
"""A vendor error where it is: DTC and connector, 0 for the station."""


class NotNowError(ForecourtError):
    """It can be done, but not in the state that the station is in."""


class NotThereError(ForecourtError):
    """There is no such thing here."""


class BadValueError(ForecourtError):
    """Something else was expected."""


def place_to_break(broken: Collection[Place], dtc: str, connector: int | None) -> Place:
    """Where an error appears; one of a gun is on connector 1 unless said otherwise.

    Raises `UnknownFault`, `BadValueError` for a connector where none is expected, `NotNowError` when it is there.
    """
    fault = find_fault(dtc)
    if fault.scope is not Scope.CONNECTOR and connector not in (None, 0):
        raise BadValueError(f"{fault.dtc} concerns the whole station; no connector was expected, {connector} came.")
    place = (fault.dtc, (connector or 1) if fault.scope is Scope.CONNECTOR else 0)
    if place in broken:
        raise NotNowError(f"{fault.dtc} is there already; clear it first.")
    return place


def places_to_mend(broken: Collection[Place], dtc: str, connector: int | None) -> list[Place]:
    """Where an error goes away: on one connector or wherever it is. Raises `UnknownFault` and `NotThereError`."""
    fault = find_fault(dtc)
    present = [place for place in broken if place[0] == fault.dtc and connector in (None, place[1])]
    if not present:
        where = "" if connector is None else f" on connector {connector}"
        raise NotThereError(f"{fault.dtc} is not there{where}.")
    return present


def id_tag_of_badge(badge: str | bytes) -> str:
    """The idTag that the reader tells: text as it is, a UID as hex. Raises `BadValueError` and `UidError`."""
    id_tag = id_tag_of_uid(badge) if isinstance(badge, bytes) else badge
    if not 1 <= len(id_tag) <= ID_TAG_MAX_LENGTH:
        raise BadValueError(f"An idTag has 1 to {ID_TAG_MAX_LENGTH} characters; this one has {len(id_tag)}.")
    return id_tag


def key_of_firmware(name: str, firmware_version: str, product: Product) -> Key:
    """A key by its name, hidden ones included. Raises `NotThereError`, for a name that is none with near misses."""
    try:
        key = require_key(name)
    except UnknownKey as error:
        raise NotThereError(str(error)) from error
    if key not in keys_of(firmware_version, plug_and_charge=True, product=product):
        raise NotThereError(f"{key.name} does not exist in firmware {firmware_version}.")
    return key


def shown_value(key: Key, value: str) -> str | None:
    """The value as a person may see it: None for one that is not set or never read."""
    return value if value and key.visibility is not Visibility.NEVER_READ else None


class HostedKey(NamedTuple):
    """A configuration key of a station as the installer sees it."""

    key: Key
    value: str | None
    """None for what is not set and for what is never shown."""
    default: str | None
    """What it is while nobody has set it; None as for the value."""
    differs: bool
    """The value is another one, also where neither is shown."""


class HostedConnector(msgspec.Struct, frozen=True):
    """What the simulation knows of one gun, with power or without."""

    connectorId: int
    plugged: bool
    meter_wh: float
    vehicle: Car | None
    """The car on the gun with its present state of charge."""


class HostedStation:
    """One station with its cabinet. `seat.station` is its brain, while it has one."""

    __slots__ = ("_hear_no_more", "cabinet", "commissioning", "faults", "model", "seat")

    def __init__(self, seat: Seat, cabinet: SimulatedCabinet, commissioning: Commissioning, model: Model) -> None:
        self.seat = seat
        self.cabinet = cabinet
        self.commissioning = commissioning
        self.model = model
        self.faults: tuple[Place, ...] = ()
        """What is broken and where. It stays broken over reboots."""
        self._hear_no_more: Callable[[], None] | None = None

    @property
    def identity(self) -> str:
        """Its name in this process, which is that of its commissioning."""
        return self.seat.identity

    # Reading

    def brain(self) -> Station | None:
        """The station of the present life; None while it is dark or boots."""
        station = self.seat.station
        assert station is None or isinstance(station, Station), "the host builds stations"
        return station

    def snapshot(self) -> StationSnapshot | None:
        """What the station knows of itself now; None while it is dark or boots."""
        now = self.seat.driver.observe(self.seat)
        station = self.brain()
        return None if station is None else station.snapshot(now)

    def workings(self) -> Workings | None:
        """What goes on inside it now; None while it is dark or boots."""
        self.seat.driver.observe(self.seat)
        station = self.brain()
        return None if station is None else station.workings()

    def known_tags(self) -> KnownTags:
        """The local list and the cache. Raises `NotNowError` while it is dark or boots."""
        now = self.seat.driver.observe(self.seat)
        return self._require_brain().known_tags(now)

    def tariff_picture(self) -> bytes | None:
        """The PNG that the station keeps; None without one, and while it is dark or boots."""
        self.seat.driver.observe(self.seat)
        brain = self.brain()
        picture = None if brain is None else brain.tariff_picture
        return None if picture is None else picture.data

    def connectors(self) -> tuple[HostedConnector, ...]:
        """The guns, their meters and the cars on them."""
        now = self.seat.driver.observe(self.seat)
        registers = self.cabinet.registers(now)
        return tuple(
            HostedConnector(number, self.cabinet.plugged(number), register_wh, self.cabinet.car(number, now))
            for number, register_wh in enumerate(registers, start=1)
        )

    def schedule(self, connector: int, duration_s: int) -> tuple[float, tuple[ChargingSchedulePeriod, ...]]:
        """What a gun, or with 0 the station, will give at most: the station's clock, and from then on limits in W.

        Raises `NotThereError`, `BadValueError`, and `NotNowError` while it is dark or boots.
        """
        if connector:
            self._require_connector(connector)
        if not 1 <= duration_s <= COMPOSITE_LIMIT_S:
            raise BadValueError(f"A duration is 1 to {COMPOSITE_LIMIT_S} seconds, but {duration_s} came.")
        now = self.seat.driver.observe(self.seat)
        brain = self._require_brain()
        return brain.clock_s(now), brain.schedule(connector, duration_s, now)

    # What people do

    def plug(self, connector: int, car: Car) -> None:
        """Plug a car in, with or without power."""
        self._require_connector(connector)
        self._act(lambda now: self.cabinet.plug(connector, car, now))

    def unplug(self, connector: int) -> None:
        """Take the gun out of its car."""
        self._require_connector(connector)
        self._act(lambda now: self.cabinet.unplug(connector, now))

    def pause(self, connector: int) -> None:
        """Let the car on a gun stop asking for energy."""
        self._require_connector(connector)
        self._act(lambda now: self.cabinet.pause(connector, now))

    def resume(self, connector: int) -> None:
        """Let the car on a gun ask for energy again."""
        self._require_connector(connector)
        self._act(lambda now: self.cabinet.resume(connector, now))

    def show_badge(self, badge: str | bytes) -> str | None:
        """Hold a badge to the reader: an idTag, or the bytes of its UID as they come over the air.

        Returns why nothing came of it, as the station logs it at once; None when something did.
        """
        return self._tried(BadgeShown(id_tag_of_badge(badge)))

    def show(self, connector: int) -> str | None:
        """Touch the screen to see a connector; returns why nothing came of it, as `show_badge`."""
        self._require_connector(connector)
        return self._tried(ConnectorShown(connector))

    def show_tariff(self, is_shown: bool) -> str | None:
        """Touch the Tariff button, or leave its page; returns why nothing came of it, as `show_badge`."""
        return self._tried(TariffShown() if is_shown else TariffHidden())

    def clear_security_log(self) -> None:
        """Empty the security log at the station."""
        self._happen(SecurityLogCleared())

    def set_revocation_lists(self, lists: str) -> None:
        """Give the station lists of revoked certificates, PEM. Raises `RevocationListRefused` for what is none."""
        from forecourt.station.firmware_signature import RevocationListRefused, read_revocation_lists

        try:
            read_revocation_lists(lists)
        except RevocationListRefused as refused:
            raise RevocationListRefused(f"lists: {refused}.") from refused
        self._happen(RevocationListsSet(lists))

    def raise_fault(self, dtc: str, connector: int | None = None) -> None:
        """Break something; a fault of a gun is on connector 1 unless said otherwise."""
        place = place_to_break(self.faults, dtc, connector)
        if place[1]:
            self._require_connector(place[1])
        self.faults = (*self.faults, place)
        if self._hear_no_more is None:
            self._hear_no_more = self.seat.listen(self._hear)
        self.seat.driver.happen(self.seat, FaultRaised(*place))

    def clear_fault(self, dtc: str, connector: int | None = None) -> None:
        """Mend it, on one connector or wherever it is."""
        for key in places_to_mend(self.faults, dtc, connector):
            self.faults = tuple(other for other in self.faults if other != key)
            self.seat.driver.happen(self.seat, FaultCleared(*key))
        if not self.faults and self._hear_no_more is not None:
            self._hear_no_more()
            self._hear_no_more = None

    def power(self, on: bool) -> None:
        """Switch the mains."""
        self.seat.driver.power(self.seat, on)

    def network(self, up: bool) -> None:
        """Switch the network."""
        self.seat.driver.network(self.seat, up)

    def reboot(self) -> str | None:
        """Ask the station to reboot; returns why it does not, as `show_badge`."""
        return self._tried(RebootRequested())

    # The installer's access

    def list_keys(self) -> list[HostedKey]:
        """Every key of this firmware."""
        brain = self._require_brain()
        keys = keys_of(brain.firmware_version, plug_and_charge=True, product=self.model.product)
        return [_hosted_key(key, brain.configuration) for key in keys]

    def key(self, name: str) -> HostedKey:
        """One key. Raises `NotThereError`, with near misses."""
        brain = self._require_brain()
        key = key_of_firmware(name, brain.firmware_version, self.model.product)
        return _hosted_key(key, brain.configuration)

    def set_key(self, name: str, value: str) -> None:
        """Set a key, also a read-only one. Raises `ValueRefused` for what it does not take."""
        key = self.key(name).key
        checked = self._require_brain().configuration.check(key, value)
        self._happen(KeySet(key.name, checked))

    # Within

    def _require_connector(self, connector: int) -> None:
        if not 1 <= connector <= len(self.model.outputs):
            raise NotThereError(f"{self.identity} has the connectors 1 to {len(self.model.outputs)}, no {connector}.")

    def _require_brain(self) -> Station:
        station = self.brain()
        if station is None:
            if self.seat.power_on:
                raise NotNowError(f"{self.identity} boots; try again when it is up.")
            raise NotNowError(f"The power of {self.identity} is off; switch it on first.")
        return station

    def _happen(self, event: Event) -> None:
        self._require_brain()
        if not self.seat.power_on:
            raise NotNowError(f"The power of {self.identity} is off; switch it on first.")
        self.seat.driver.happen(self.seat, event)

    def _tried(self, event: Event) -> str | None:
        """Let an event happen; why nothing came of it, as the station logs it at once."""
        said: list[str] = []

        def hear(what: Event | Effect, _now: float) -> None:
            if isinstance(what, LogEvent) and what.name in REFUSED:
                said.append(f"{what.name}: {what.detail}.")

        leave = self.seat.listen(hear)
        try:
            self._happen(event)
        finally:
            leave()
        return said[0] if said else None

    def _act(self, action: Callable[[float], list[Event]]) -> None:
        try:
            self.seat.driver.act(self.seat, action)
        except GunError as error:
            raise NotNowError(str(error)) from error

    def _hear(self, what: Event | Effect, now: float) -> None:
        """A new life finds broken what was broken before. Heard only while something is, for it costs every event."""
        del now
        if type(what) is PowerRestored and self.faults:
            self.seat.driver.loop.call_soon(self._find_broken, self.seat.life)

    def _find_broken(self, life: int) -> None:
        for key in self.faults:
            if self.seat.life == life:
                self.seat.driver.happen(self.seat, FaultRaised(*key))


def _hosted_key(key: Key, configuration: Configuration) -> HostedKey:
    default, value = configuration.default(key.name) or "", configuration.text(key.name)
    return HostedKey(key, shown_value(key, value), shown_value(key, default), value != default)
