"""What a station knows, as one record: for the control API, the screen, the live view and tests."""

from __future__ import annotations

from datetime import datetime

import msgspec

from forecourt.ocpp.smart_charging import ChargingProfile
from forecourt.station.display import Screen
from forecourt.station.given_up import GivenUp


class LinkSnapshot(msgspec.Struct, frozen=True):
    """The connection to the supervision."""

    state: str
    """closed, opening, open, or waiting for the next attempt."""
    url: str
    problem: str
    """Why the last connection ended or was not made; empty while it is open."""


class TransactionSnapshot(msgspec.Struct, frozen=True):
    """A running transaction."""

    transactionId: int | None
    """None until the supervision has answered StartTransaction."""
    idTag: str
    meterStart: int
    """Wh."""
    startedAt: datetime


class ConnectorSnapshot(msgspec.Struct, frozen=True):
    """One gun."""

    connectorId: int
    type: str
    status: str
    """As it is."""
    reportedStatus: str | None
    """As the supervision was told last; None before the first report."""
    dtcs: tuple[str, ...]
    plugged: bool
    soc_percent: float | None
    transaction: TransactionSnapshot | None
    meter_wh: int
    power_w: float
    voltage_v: float
    current_a: float
    offered_w: float
    """What the gun could give now; `power_w` is what the vehicle draws of it."""
    limit_w: float | None
    """What charging profiles allow now; None while none gives a limit."""
    limited_w: float
    """What all limits together allow: ratings, cable, heat and profiles; the modules may give less."""
    phase: str
    """Where the session is, such as precharge or taper; idle without one."""


class ProfileSnapshot(msgspec.Struct, frozen=True):
    """An installed charging profile."""

    connectorId: int
    chargingProfile: ChargingProfile


class ReservationSnapshot(msgspec.Struct, frozen=True):
    """A reservation that waits for its driver."""

    reservationId: int
    connectorId: int
    """0 for whichever gun is free."""
    idTag: str
    parentIdTag: str | None
    expiryDate: datetime


class LocalListSnapshot(msgspec.Struct, frozen=True):
    """The local authorization list."""

    isEnabled: bool
    listVersion: int
    """Of the list that is kept, whether it is enabled or not; 0 while it is empty."""
    entries: int


class FirmwareUpdateSnapshot(msgspec.Struct, frozen=True):
    """A firmware update that is not over."""

    step: str
    """scheduled, downloading, paused, checking, verified, ready until installDateTime, waiting for transactions,
    installing, or installed by the next boot.
    """
    retrieveDate: datetime
    version: str | None
    """Of the image; None until it was looked at."""


class StationSnapshot(msgspec.Struct, frozen=True):
    """One station."""

    identity: str
    model: str
    serial: str
    firmware: str
    """The version that runs."""
    firmwareUpdate: FirmwareUpdateSnapshot | None
    clock: datetime
    link: LinkSnapshot
    boot: str
    status: str
    """Of connector 0: the station itself."""
    shownConnector: int
    """The gun that the screen shows, or would show first while nothing is plugged."""
    screen: Screen
    """What the driver sees."""
    queuedMessages: int
    connectors: tuple[ConnectorSnapshot, ...]
    keysChanged: dict[str, str]
    """Keys that differ from their defaults; AuthorizationKey is never among them."""
    localList: LocalListSnapshot
    cachedIdTags: int
    """Entries of the authorization cache."""
    chargingProfiles: tuple[ProfileSnapshot, ...]
    """In the order of their installation."""
    inoperative: tuple[int, ...]
    """Connectors that the supervision wants out of service, also while a transaction still runs on them."""
    reservations: tuple[ReservationSnapshot, ...]
    """In the order in which they were made."""
    givenUp: tuple[GivenUp, ...]
    """Messages of transactions that the supervision will never get, and why."""
