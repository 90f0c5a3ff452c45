"""The site panel: what a page shows of the other side, told by whoever runs a supervision in the same process.

The screen knows no supervision. A command that runs both gives the control API a `Site`, which is asked at most once
a second, and only while somebody looks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec


class SiteStation(msgspec.Struct, frozen=True):
    """A station as the supervision sees it."""

    identity: str
    connected: bool
    securityProfile: int | None
    """The one it is connected with; null while it is not."""
    certificateSerial: str | None = None
    """Of its newest client certificate, as hex digits; null without one."""


class SiteTransaction(msgspec.Struct, frozen=True):
    """A session in the supervision's ledger."""

    transactionId: int
    identity: str
    connectorId: int
    idTag: str
    state: str
    """In words for people: running, or how it ended."""
    startedAt: datetime
    energy_wh: float | None
    """Null while no register has come."""
    cost: str | None = None
    """The total with its currency, as text; null without a tariff."""


class SiteMessage(msgspec.Struct, frozen=True):
    """A CALL that the supervision received or sent."""

    at: datetime
    identity: str
    direction: str
    """`<` to the station, `>` from it, as in the wire log of the station."""
    action: str
    answer: str | None
    """What was answered, in short; null while nothing was."""


class SiteStep(msgspec.Struct, frozen=True):
    """Something about security that was seen to happen."""

    at: datetime
    side: str
    """station or supervision: who saw it."""
    sentence: str


class SiteAddress(msgspec.Struct, frozen=True):
    """Where something of the site is reached."""

    name: str
    url: str


class SiteView(msgspec.Struct, frozen=True):
    """The other side at a glance."""

    stations: tuple[SiteStation, ...]
    transactions: tuple[SiteTransaction, ...]
    """The latest first."""
    messages: tuple[SiteMessage, ...]
    """The latest first."""
    addresses: tuple[SiteAddress, ...]
    steps: tuple[SiteStep, ...] = ()
    """Of the change of the security profile, the first first."""


class Site(Protocol):
    """Who tells."""

    async def view(self) -> SiteView:
        """What is so now."""
        ...
