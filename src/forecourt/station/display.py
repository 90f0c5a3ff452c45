"""What the driver sees: the station's screen as one record, worked out when somebody looks (guide, "OCPP Keys for
Authentication modes", "Local Authentication", "DataTransfer"; readings A27, A29, A36, A37, A44, A46).

Theory of operation. The screen has no state but what others own: the sessions know which gun it shows and who was
refused there, the tariff whether its page is open. While nothing is plugged there is the Welcome page, and it is
locked. Else there is the page of one gun: the plugged one, and of two the one that the driver touched, first of all gun
A. Signs of all guns stand at the edge of every page. Words are not here: every enumeration names a text in whatever
language.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import ChargePointStatus, StopReason
from forecourt.station.authorization import Refusal
from forecourt.station.clock import timestamp
from forecourt.station.remote import ENABLING_KEYS
from forecourt.station.transactions import register_wh

if TYPE_CHECKING:
    from forecourt.station.configuration import Configuration
    from forecourt.station.seen import Seen

REFUSAL_SHOWN_S = 10.0
"""Assumed: how long the screen says why somebody was refused."""

LETTERS = "AB"
"""What the product calls its guns, connector 1 first (reading A44)."""


class Page(StrEnum):
    """What fills the screen."""

    WELCOME = "welcome"
    GUN = "gun"
    TARIFF = "tariff"
    """The picture of the tariff, full screen."""


class Option(StrEnum):
    """A way to begin, in the order in which they are shown."""

    FREE = "free"
    """No badge is needed. It excludes all others."""
    BADGE = "badge"
    QR_CODE = "qr code"
    APP = "app"
    PAYMENT_TERMINAL = "payment terminal"
    AUTO_CHARGE = "autocharge"
    """The vehicle is recognised; the driver does nothing."""
    PLUG_AND_CHARGE = "plug and charge"
    """The vehicle's contract counts; the driver does nothing."""


class Stage(StrEnum):
    """Where a gun is, for its driver."""

    FREE = "free"
    PLUG_IN = "plug in"
    """A remote start waits for the cable."""
    RESERVED = "reserved"
    AUTHENTICATE = "authenticate"
    """The cable is plugged, and who charges must be said."""
    AUTHORIZING = "authorizing"
    """The supervision, or the station itself, is deciding."""
    REFUSED = "refused"
    STARTING = "starting"
    """A session has begun, and no energy flows yet."""
    CHARGING = "charging"
    PAUSED_BY_VEHICLE = "paused by vehicle"
    PAUSED_BY_STATION = "paused by station"
    FINISHED = "finished"
    """The session is over, and the cable is still plugged."""
    NOT_READY = "not ready"
    """The cable is plugged, and no session may start: the station has not been accepted yet, or is about to reset."""
    OUT_OF_SERVICE = "out of service"
    FAULTED = "faulted"


class Start(StrEnum):
    """How a session begins where the driver has nothing to choose, while somebody must still say who charges."""

    BY_ITSELF = "by itself"
    """Charging is free, or the vehicle says who it is."""
    NO_WAY = "no way"
    """No key allows any way; the operator may still start."""


class Stop(StrEnum):
    """What ends a running session beside the vehicle."""

    BADGE = "stop by badge"
    APP = "stop by app"
    """Or by whatever else asked the supervision to start."""
    BADGE_OR_APP = "stop by badge or app"


BEFORE_CHARGING = frozenset({Stage.RESERVED, Stage.AUTHENTICATE, Stage.AUTHORIZING, Stage.REFUSED})
"""When the Tariff button is there."""

CHOOSING = frozenset({Stage.RESERVED, Stage.AUTHENTICATE, Stage.REFUSED})
"""When the options are there."""

IN_SESSION = {
    ChargePointStatus.Charging: Stage.CHARGING,
    ChargePointStatus.SuspendedEV: Stage.PAUSED_BY_VEHICLE,
    ChargePointStatus.SuspendedEVSE: Stage.PAUSED_BY_STATION,
}
"""What a status is for the driver while a transaction runs."""

OPTION_KEYS = (
    (Option.BADGE, "RFIDEnabled"),
    (Option.QR_CODE, "QrCodeEnabled"),
    (Option.APP, "AppEnabled"),
    (Option.PAYMENT_TERMINAL, "PosEnabled"),
    (Option.AUTO_CHARGE, "AutoCharge"),
    (Option.PLUG_AND_CHARGE, "ISO15118PnCEnabled"),
)
"""The key that shows each option while FreeCharging is false; a QR code also needs its address."""

UNASKED = frozenset({Option.FREE, Option.AUTO_CHARGE, Option.PLUG_AND_CHARGE})
"""The driver does nothing for these."""

STOPS = {(True, True): Stop.BADGE_OR_APP, (True, False): Stop.BADGE, (False, True): Stop.APP}
"""By whether badges are taken, and whether the supervision may start from afar."""


class CostShown(msgspec.Struct, frozen=True, gc=False):
    """The cost area, when it is not empty."""

    currency: str
    """As the supervision wrote it, of any script."""
    totalCost: float


class SessionShown(msgspec.Struct, frozen=True, gc=False):
    """A running session, or the summary of the one that ended."""

    transactionId: int | None
    startedAt: datetime
    elapsed_s: float
    """Until now, or until its end."""
    energy_wh: int
    power_w: float
    soc_percent: float | None
    cost: CostShown | None
    """None: the area is empty, since no CostUpdated came for this session."""
    ended: StopReason | None
    """Why it ended; None while it runs."""


class ErrorShown(msgspec.Struct, frozen=True, gc=False):
    """What put a gun out of order."""

    dtc: str
    description: str
    """As the guide prints it."""


class GunSign(msgspec.Struct, frozen=True, gc=False):
    """What every page says of a gun."""

    connectorId: int
    letter: str
    stage: Stage
    error: ErrorShown | None
    """While it is faulted."""


class GunPage(msgspec.Struct, frozen=True, gc=False):
    """The page of the gun that is shown."""

    connectorId: int
    letter: str
    stage: Stage
    error: ErrorShown | None
    options: tuple[Option, ...]
    """What the keys allow, and nothing else; empty when there is nothing to choose."""
    qrCode: str | None
    """The address in the QR code; None when that is no option."""
    start: Start | None
    """While who charges must be said: why there is nothing to choose; None where there is."""
    stop: Stop | None
    """While the vehicle charges: what stops it beside the vehicle itself; None for nothing."""
    isAuthorizing: bool
    """Somebody waits for a decision, also while a session runs: it is about stopping then."""
    refusal: Refusal | None
    """Why somebody was refused a moment ago, also while a session runs."""
    session: SessionShown | None


class TariffPage(msgspec.Struct, frozen=True, gc=False):
    """The tariff's page; the picture itself is not part of the record."""

    width: int
    height: int


class Screen(msgspec.Struct, frozen=True, gc=False):
    """Everything on the screen."""

    page: Page
    isLocked: bool
    """Nothing that is touched changes anything."""
    isOffline: bool
    """The sign that the supervision cannot be reached."""
    connectorId: int | None
    """The gun that is shown; None on the Welcome page."""
    touchShows: int | None
    """The gun to which a touch changes; None when there is no other to show."""
    gun: GunPage | None
    hasTariffButton: bool
    tariff: TariffPage | None
    """The picture that fills the screen."""
    guns: tuple[GunSign, ...]


def screen_of(seen: Seen, now: float) -> Screen:
    """What the driver sees at `now`."""
    shown = seen.sessions.meant
    others = [number for number in seen.sessions.plugged if number != shown]
    gun = None if shown is None else _page(seen, shown, now)
    picture = seen.tariff.picture
    has_button = offers_tariff(seen, now)
    tariff = TariffPage(picture.width, picture.height) if picture and has_button and seen.tariff.is_open else None
    return Screen(
        page=Page.WELCOME if gun is None else Page.GUN if tariff is None else Page.TARIFF,
        isLocked=gun is None,
        isOffline=seen.link.state != "open" or not seen.boot.is_accepted,
        connectorId=shown,
        touchShows=others[0] if others and shown is not None else None,
        gun=gun,
        hasTariffButton=has_button,
        tariff=tariff,
        guns=tuple(_sign(seen, row.number, now) for row in seen.connectors.guns),
    )


def offers_tariff(seen: Seen, now: float) -> bool:
    """Whether the Tariff button is there: a picture came, and the gun that is shown does not charge yet."""
    shown = seen.sessions.meant
    return shown is not None and seen.tariff.picture is not None and _stage(seen, shown, now) in BEFORE_CHARGING


def _sign(seen: Seen, number: int, now: float) -> GunSign:
    return GunSign(number, LETTERS[number - 1], _stage(seen, number, now), _error(seen, number))


def _page(seen: Seen, number: int, now: float) -> GunPage:
    stage = _stage(seen, number, now)
    options = _options(seen.configuration, number) if stage in CHOOSING else ()
    return GunPage(
        connectorId=number,
        letter=LETTERS[number - 1],
        stage=stage,
        error=_error(seen, number),
        options=options,
        qrCode=_qr_code(seen.configuration, number) if Option.QR_CODE in options else None,
        start=_start(options) if stage is Stage.AUTHENTICATE else None,
        stop=_stop(seen, number) if stage is Stage.CHARGING else None,
        isAuthorizing=seen.authorization.is_deciding(number),
        refusal=_refusal(seen, number, now),
        session=_session(seen, number, now),
    )


def _stage(seen: Seen, number: int, now: float) -> Stage:
    status = seen.connectors[number].status
    if status is ChargePointStatus.Faulted:
        return Stage.FAULTED
    if status is ChargePointStatus.Unavailable:
        return Stage.OUT_OF_SERVICE
    if seen.transactions.on(number) is not None:
        return IN_SESSION.get(status, Stage.STARTING)
    if not seen.sessions.is_plugged(number):
        return _WITHOUT_CABLE.get(status, Stage.FREE)
    if seen.authorization.is_deciding(number):
        return Stage.AUTHORIZING
    if _refusal(seen, number, now) is not None:
        return Stage.REFUSED
    if status is ChargePointStatus.Finishing:
        return Stage.FINISHED
    if not seen.sessions.is_startable(number):
        return Stage.NOT_READY
    return Stage.RESERVED if status is ChargePointStatus.Reserved else Stage.AUTHENTICATE


_WITHOUT_CABLE = {ChargePointStatus.Reserved: Stage.RESERVED, ChargePointStatus.Preparing: Stage.PLUG_IN}


def _error(seen: Seen, number: int) -> ErrorShown | None:
    row = seen.connectors[number]
    fault = row.worst if row.status is ChargePointStatus.Faulted else None
    return None if fault is None else ErrorShown(fault.dtc, fault.description)


def _refusal(seen: Seen, number: int, now: float) -> Refusal | None:
    refused = seen.sessions.refused_at(number)
    return refused[0] if refused is not None and now - refused[1] < REFUSAL_SHOWN_S else None


def _options(configuration: Configuration, number: int) -> tuple[Option, ...]:
    """What may be chosen at a gun. A firmware that does not have a key does not have its option either."""
    if configuration.boolean("FreeCharging"):
        return (Option.FREE,)
    return tuple(
        option
        for option, key in OPTION_KEYS
        if configuration.boolean(key)
        and (option is Option.BADGE or configuration.has(key))
        and (option is not Option.QR_CODE or _qr_code(configuration, number))
    )


def _start(options: tuple[Option, ...]) -> Start | None:
    if not options:
        return Start.NO_WAY
    return Start.BY_ITSELF if UNASKED.issuperset(options) else None


def _stop(seen: Seen, number: int) -> Stop | None:
    keys = seen.configuration
    by_supervision = not keys.boolean("FreeCharging") and any(keys.boolean(key) for key in ENABLING_KEYS)
    return STOPS.get((seen.sessions.takes_badges(number), by_supervision))


def _qr_code(configuration: Configuration, number: int) -> str | None:
    """The address that the installer or the supervision has given to a gun's QR code."""
    return configuration.text(f"QRcode{number}") or None


def _session(seen: Seen, number: int, now: float) -> SessionShown | None:
    transaction = seen.sessions.of_cable(number)
    if transaction is None:
        return None
    reading = seen.hardware.reading(number, now)
    last = seen.sessions.last(number) if seen.transactions.on(number) is None else None
    stopped_s = seen.clock.wall(now) if last is None else last.clock_s
    meter_wh = register_wh(reading.energy_wh) if last is None else last.meter_stop
    cost = seen.costs.on(number)
    return SessionShown(
        transactionId=transaction.transactionId,
        startedAt=timestamp(transaction.started_clock_s),
        elapsed_s=max(0.0, stopped_s - transaction.started_clock_s),
        energy_wh=max(0, meter_wh - transaction.meter_start),
        power_w=reading.power_w,
        soc_percent=reading.soc_percent,
        cost=None if cost is None else CostShown(cost.currency, cost.totalCost),
        ended=None if last is None else last.reason,
    )
