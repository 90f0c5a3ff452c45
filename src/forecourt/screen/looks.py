"""How a stage looks: its tone, a colour in `forecourt.css`, and its icon, which says the same without colour."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from forecourt.station.display import Option, Stage


class Tone(StrEnum):
    """The colour of a gun's light and of its page."""

    READY = "ready"
    INVITING = "inviting"
    RESERVED = "reserved"
    BUSY = "busy"
    REFUSED = "refused"
    CHARGING = "charging"
    PAUSED = "paused"
    DONE = "done"
    CLOSED = "closed"
    FAULT = "fault"


class Look(msgspec.Struct, frozen=True, gc=False):
    """The look of a stage."""

    tone: Tone
    icon: str
    """A name of `templates/screen/icons.html`."""
    invites: bool = False
    """A driver who comes now may begin here."""


STAGE_LOOKS = {
    Stage.FREE: Look(Tone.READY, "plug", invites=True),
    Stage.PLUG_IN: Look(Tone.INVITING, "plug", invites=True),
    Stage.RESERVED: Look(Tone.RESERVED, "calendar", invites=True),
    Stage.AUTHENTICATE: Look(Tone.INVITING, "badge"),
    Stage.AUTHORIZING: Look(Tone.BUSY, "hourglass"),
    Stage.REFUSED: Look(Tone.REFUSED, "stop"),
    Stage.STARTING: Look(Tone.BUSY, "hourglass"),
    Stage.CHARGING: Look(Tone.CHARGING, "bolt"),
    Stage.PAUSED_BY_VEHICLE: Look(Tone.PAUSED, "pause"),
    Stage.PAUSED_BY_STATION: Look(Tone.PAUSED, "pause"),
    Stage.FINISHED: Look(Tone.DONE, "check"),
    Stage.NOT_READY: Look(Tone.CLOSED, "hourglass"),
    Stage.OUT_OF_SERVICE: Look(Tone.CLOSED, "closed"),
    Stage.FAULTED: Look(Tone.FAULT, "warning"),
}

OPTION_ICONS = {
    Option.FREE: "bolt",
    Option.BADGE: "badge",
    Option.QR_CODE: "phone",
    Option.APP: "phone",
    Option.PAYMENT_TERMINAL: "card",
    Option.AUTO_CHARGE: "car",
    Option.PLUG_AND_CHARGE: "contract",
}


def look(stage: Stage) -> Look:
    """How a stage looks."""
    return STAGE_LOOKS[stage]


def option_icon(option: Option) -> str:
    """The icon of a way to begin."""
    return OPTION_ICONS[option]
