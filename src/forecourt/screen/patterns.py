"""Every state of every widget, without a station: what the page `/patterns` shows and what its tests and pictures use.

The records are made by hand. A table for each enumeration of the screen makes sure that none of its values is left out;
a few rows more show what goes together, such as two guns at once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from forecourt.ocpp.core import StopReason
from forecourt.screen.views import ConnectorView, ErrorView, LinkView, StationView, VehicleView
from forecourt.station.authorization import Refusal
from forecourt.station.display import (
    BEFORE_CHARGING,
    CHOOSING,
    LETTERS,
    UNASKED,
    CostShown,
    ErrorShown,
    GunPage,
    GunSign,
    Option,
    Page,
    Screen,
    SessionShown,
    Stage,
    Start,
    Stop,
    TariffPage,
)
from forecourt.station.workings import Workings

NOW = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
BADGE_AND_QR = (Option.BADGE, Option.QR_CODE)
EVERY_OPTION = tuple(option for option in Option if option is not Option.FREE)
ADDRESS = "https://pay.example/EVlink/{letter}?station=FORECOURT"
ERROR = ErrorShown("0x100202", "Terminal emergency stop is pressed")
COST = CostShown("EUR", 12.4)
RUNNING = SessionShown(1001, datetime(2026, 3, 14, 9, 3, tzinfo=UTC), 1381.0, 23_140, 149_870.0, 57.3, COST, None)
ENDED = msgspec.structs.replace(
    RUNNING,
    elapsed_s=2112.0,
    energy_wh=38_420,
    power_w=0.0,
    soc_percent=80.0,
    cost=CostShown("EUR", 20.35),
    ended=StopReason.Local,
)

STAGE_SESSIONS = {
    Stage.STARTING: msgspec.structs.replace(
        RUNNING, elapsed_s=9.0, energy_wh=0, power_w=0.0, soc_percent=21.0, cost=None
    ),
    Stage.CHARGING: RUNNING,
    Stage.PAUSED_BY_VEHICLE: msgspec.structs.replace(RUNNING, power_w=0.0),
    Stage.PAUSED_BY_STATION: msgspec.structs.replace(RUNNING, power_w=0.0),
    Stage.FINISHED: ENDED,
}
"""The session on the page of a stage that has one."""

MODULES_OUT = Workings(
    securityProfile=2,
    failedConnections=0,
    callsAwaited=(),
    callsWaiting=(),
    queue={},
    remoteStart=None,
    takesSessions=True,
    isResetting=False,
    deratedConnectors=(),
    modulesOut=2,
    diagnostics="Idle",
    log="Idle",
    firmware="Idle",
    deadlines={},
)
"""Inside a station that has lost two power modules."""

PLUGGED = frozenset(Stage) - {Stage.FREE, Stage.PLUG_IN, Stage.OUT_OF_SERVICE}
"""Stages whose pattern has a car."""


class Pattern(msgspec.Struct, frozen=True):
    """A state with its name."""

    name: str
    station: StationView
    tells: str = ""
    """What is to be seen, where the name does not say it."""

    @property
    def anchor(self) -> str:
        """Its name as an id."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name.lower())


class Family(msgspec.Struct, frozen=True):
    """Patterns of a kind."""

    title: str
    patterns: tuple[Pattern, ...]


def families() -> tuple[Family, ...]:
    """All patterns in the order of the page."""
    return (
        Family("Without a gun", _without_gun()),
        Family("Stages of a gun", tuple(Pattern(f"stage {stage.value}", station(stage)) for stage in Stage)),
        Family("Ways to begin", _options()),
        Family(
            "Refusals",
            tuple(Pattern(f"refusal {refusal.value}", station(Stage.REFUSED, refusal=refusal)) for refusal in Refusal),
        ),
        Family("Ends of a session", tuple(_ended(reason) for reason in StopReason)),
        Family("Cost", _costs()),
        Family("Tariff", _tariffs()),
        Family("Two guns", _two_guns()),
        Family("The cabinet", _cabinets()),
        Family("What comes from the wire is text", _hostile()),
    )


def station(stage: Stage, *, second: Stage = Stage.FREE, shown: int = 1, **changes: Any) -> StationView:
    """A station whose first gun is in a stage and whose second is in another.

    `changes` are fields of the gun's page, of the screen (`isOffline`, `tariff`, `hasTariffButton`) and of the view.
    """
    stages = (stage, second)
    fields = {name: changes.pop(name) for name in GunPage.__struct_fields__ if name in changes}
    screen_fields = {name: changes.pop(name) for name in Screen.__struct_fields__ if name in changes}
    gun = gun_page(shown, stages[shown - 1], **fields)
    both = all(one in PLUGGED for one in stages)
    page = Page.TARIFF if screen_fields.get("tariff") else Page.GUN
    screen = Screen(
        page=page,
        isLocked=False,
        isOffline=False,
        connectorId=shown,
        touchShows=3 - shown if both else None,
        gun=gun,
        hasTariffButton=False,
        tariff=None,
        guns=signs(*stages),
    )
    return view(msgspec.structs.replace(screen, **screen_fields), stages, gun, **changes)


def welcome(*stages: Stage, **changes: Any) -> StationView:
    """A station with no cable plugged."""
    screen = Screen(
        Page.WELCOME, True, bool(changes.pop("isOffline", False)), None, None, None, False, None, signs(*stages)
    )
    return view(screen, stages, None, **changes)


def signs(*stages: Stage) -> tuple[GunSign, ...]:
    """The signs of the guns."""
    return tuple(
        GunSign(number, LETTERS[number - 1], stage, ERROR if stage is Stage.FAULTED else None)
        for number, stage in enumerate(stages, 1)
    )


def gun_page(number: int, stage: Stage, **changes: Any) -> GunPage:
    """The page of a gun in a stage, with what belongs to it."""
    letter = LETTERS[number - 1]
    chooses = stage in CHOOSING
    options = changes.pop("options", BADGE_AND_QR if chooses else ())
    made = GunPage(
        connectorId=number,
        letter=letter,
        stage=stage,
        error=ERROR if stage is Stage.FAULTED else None,
        options=options,
        qrCode=ADDRESS.format(letter=letter) if Option.QR_CODE in options else None,
        start=None,
        stop=Stop.BADGE if stage is Stage.CHARGING else None,
        isAuthorizing=stage is Stage.AUTHORIZING,
        refusal=Refusal.UNKNOWN if stage is Stage.REFUSED else None,
        session=STAGE_SESSIONS.get(stage),
    )
    return msgspec.structs.replace(made, **changes)


def view(screen: Screen | None, stages: tuple[Stage, ...], gun: GunPage | None, **changes: Any) -> StationView:
    """The whole record around a screen."""
    made = StationView(
        identity="FORECOURT",
        boxIdentifier="FORECOURT",
        model="EVD2S180THB",
        product="EVlink Pro DC 180 V2",
        serial="0123456789",
        firmware="3.5.8803",
        firmwareUpdate=None,
        power=True,
        network=True,
        state="running",
        clock=NOW,
        clockOffset_s=0.0,
        link=LinkView("open", "wss://supervision.example/FORECOURT", ""),
        boot="Accepted",
        status="Available",
        shownConnector=None if gun is None else gun.connectorId,
        screen=screen,
        queuedMessages=0,
        errors=(),
        connectors=tuple(
            connector(number, stage, gun, plugged=gun is not None and stage in PLUGGED)
            for number, stage in enumerate(stages, 1)
        ),
        keysChanged={},
        chargingProfiles=(),
        inoperative=(),
        reservations=(),
        localList=None,
        cachedIdTags=0,
        workings=None,
    )
    return msgspec.structs.replace(made, **changes)


def connector(number: int, stage: Stage, gun: GunPage | None, *, plugged: bool) -> ConnectorView:
    """A gun as the schematic draws it."""
    own = gun.session if gun is not None and gun.connectorId == number else STAGE_SESSIONS.get(stage)
    session = own if stage in STAGE_SESSIONS else None
    soc_percent = session.soc_percent if session else 21.0 if plugged else None
    power_w = session.power_w if session else 0.0
    runs = session is not None and session.ended is None
    return ConnectorView(
        connectorId=number,
        type=("CCS2", "CHAdeMO")[number - 1],
        status=None,
        reportedStatus=None,
        error=None,
        plugged=plugged,
        vehicle=VehicleView(77.0, soc_percent or 21.0, 100.0, None) if plugged else None,
        transaction=None,
        meter_wh=1_204_000.0,
        power_w=power_w,
        voltage_v=412.0 if power_w else 0.0,
        current_a=power_w / 412.0,
        offered_w=180_000.0,
        limit_w=None,
        limited_w=180_000.0,
        phase="constant" if power_w else "held" if runs else "idle",
        soc_percent=soc_percent,
    )


def _without_gun() -> tuple[Pattern, ...]:
    both = (Stage.FREE, Stage.FREE)
    return (
        Pattern("welcome", welcome(*both), "No cable is plugged: the screen is locked."),
        Pattern("welcome offline", welcome(*both, isOffline=True)),
        Pattern(
            "welcome reserved", welcome(Stage.RESERVED, Stage.PLUG_IN), "Gun A is kept, gun B waits for its cable."
        ),
        Pattern("welcome closed", welcome(Stage.OUT_OF_SERVICE, Stage.FAULTED), "No gun can charge."),
        Pattern("booting", view(None, both, None, state="booting", firmware=None, link=None)),
        Pattern("dark", view(None, both, None, state="dark", power=False, firmware=None, link=None)),
    )


def _options() -> tuple[Pattern, ...]:
    return (
        *(
            Pattern(
                f"option {option.value}",
                station(Stage.AUTHENTICATE, options=(option,), start=Start.BY_ITSELF if option in UNASKED else None),
            )
            for option in Option
        ),
        Pattern("every option", station(Stage.AUTHENTICATE, options=EVERY_OPTION)),
        Pattern(
            "every option but the code",
            station(
                Stage.AUTHENTICATE, options=tuple(option for option in EVERY_OPTION if option is not Option.QR_CODE)
            ),
        ),
        Pattern(
            "no option",
            station(Stage.AUTHENTICATE, options=(), start=Start.NO_WAY),
            "Remote start without an option on the screen.",
        ),
        Pattern("stopped by the vehicle alone", station(Stage.CHARGING, stop=None)),
        *(Pattern(stop.value, station(Stage.CHARGING, stop=stop)) for stop in Stop),
    )


def _ended(reason: StopReason) -> Pattern:
    session = msgspec.structs.replace(ENDED, ended=reason)
    return Pattern(f"ended {reason.value}", station(Stage.FINISHED, session=session))


def _costs() -> tuple[Pattern, ...]:
    def charging(cost: CostShown | None) -> StationView:
        return station(Stage.CHARGING, session=msgspec.structs.replace(RUNNING, cost=cost))

    return (
        Pattern("no cost", charging(None), "The area is empty."),
        Pattern("cost in dong", charging(CostShown("VNĐ", 16780))),
        Pattern("cost in rial", charging(CostShown("ریال", 1_250_000.5)), "A currency of another script."),
        Pattern(
            "state of charge unknown",
            station(Stage.CHARGING, session=msgspec.structs.replace(RUNNING, soc_percent=None)),
        ),
        Pattern("badge while charging", station(Stage.CHARGING, isAuthorizing=True)),
        Pattern("refused while charging", station(Stage.CHARGING, refusal=Refusal.OTHER_BADGE)),
    )


def _tariffs() -> tuple[Pattern, ...]:
    picture = TariffPage(987, 546)
    before = (stage for stage in Stage if stage in BEFORE_CHARGING)
    return (
        *(Pattern(f"tariff button {stage.value}", station(stage, hasTariffButton=True)) for stage in before),
        Pattern("tariff", station(Stage.AUTHENTICATE, hasTariffButton=True, tariff=picture), "The picture at 47:26."),
    )


def _two_guns() -> tuple[Pattern, ...]:
    return (
        Pattern("two guns, A shown", station(Stage.CHARGING, second=Stage.AUTHENTICATE)),
        Pattern("two guns, B shown", station(Stage.CHARGING, second=Stage.AUTHENTICATE, shown=2)),
        Pattern("two guns charging", station(Stage.CHARGING, second=Stage.CHARGING)),
        Pattern("one charges, one is faulted", station(Stage.CHARGING, second=Stage.FAULTED)),
    )


def _cabinets() -> tuple[Pattern, ...]:
    error = ErrorView("0x200002", 0, "OtherError", "Power module fault alarm")
    warning = ErrorView("0x200101", 0, "InternalError", "Power module over-temperature alarm")
    return (
        Pattern("network cut", station(Stage.CHARGING, isOffline=True, network=False)),
        Pattern("warning of the station", station(Stage.CHARGING, errors=(warning,)), "Heat: less power."),
        Pattern("power modules out", station(Stage.CHARGING, errors=(error,), workings=MODULES_OUT)),
        Pattern("offline while choosing", station(Stage.AUTHENTICATE, isOffline=True)),
    )


def _hostile() -> tuple[Pattern, ...]:
    markup = "<script>alert(1)</script>\"'><img src=x>"
    cost = CostShown(markup, 1.0)
    return (
        Pattern("currency of markup", station(Stage.CHARGING, session=msgspec.structs.replace(RUNNING, cost=cost))),
        Pattern("description of markup", station(Stage.FAULTED, error=ErrorShown(markup, markup))),
        Pattern(
            "long words",
            station(
                Stage.CHARGING,
                product="W" * 60,
                session=msgspec.structs.replace(
                    RUNNING,
                    elapsed_s=360_000.0,
                    energy_wh=9_999_999_999,
                    power_w=999_999_999.0,
                    cost=CostShown("W" * 40, 1e12),
                ),
            ),
        ),
    )
