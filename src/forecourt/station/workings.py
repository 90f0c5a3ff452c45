"""What goes on inside a station, for people who ask why it does what it does: what it waits for and what it holds back.

Nothing is decided here. The screen shows what a driver sees, the snapshot what a supervision could know; this is the
rest of what the station decides by.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.types import from_epoch
from forecourt.station.timers import Timer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.known_tags import Known
    from forecourt.station.seen import Seen


class RemoteStartSnapshot(msgspec.Struct, frozen=True, gc=False):
    """A remote start that was accepted and has not begun."""

    connectorId: int
    """0 while any gun will do."""
    idTag: str
    waitsForPlug: bool
    isAuthorized: bool


class Workings(msgspec.Struct, frozen=True, gc=False):
    """The inside of a station."""

    securityProfile: int
    failedConnections: int
    """Attempts since the last open connection."""
    callsAwaited: tuple[str, ...]
    """Actions of the CALLs that wait for an answer."""
    callsWaiting: tuple[str, ...]
    """Actions of the CALLs that wait for their turn, without the queue."""
    queue: dict[str, int]
    """Messages of transactions that the supervision has not confirmed, by action."""
    remoteStart: RemoteStartSnapshot | None
    takesSessions: bool
    """False during a reset, when power goes, and while records can not be saved."""
    isResetting: bool
    deratedConnectors: tuple[int, ...]
    """Connectors with less power because of heat or a fan; 0 for the station."""
    modulesOut: int
    """Power modules that an error has taken out."""
    diagnostics: str
    """What a trigger for DiagnosticsStatusNotification would be told."""
    log: str
    """Likewise for LogStatusNotification."""
    firmware: str
    """Likewise for FirmwareStatusNotification."""
    deadlines: dict[str, datetime]
    """What the station does next by itself, and when by its own clock."""


class KnownTag(msgspec.Struct, frozen=True, gc=False):
    """An idTag that the station can decide about by itself."""

    idTag: str
    """In lower case, as it is looked up."""
    status: str
    """At this moment: past its expiryDate every tag is Expired."""
    expiryDate: datetime | None
    parentIdTag: str | None


class KnownTags(msgspec.Struct, frozen=True, gc=False):
    """What a station knows of idTags without asking."""

    localList: tuple[KnownTag, ...]
    cache: tuple[KnownTag, ...]
    """The one heard of longest ago first."""


def known_tags_of(seen: Seen, now: float) -> KnownTags:
    """The local list and the cache at `now`."""
    clock_s = seen.clock.wall(now)
    return KnownTags(
        _tags(seen.authorization.local_list.known(), clock_s), _tags(seen.authorization.cache.known(), clock_s)
    )


def _tags(known: Mapping[str, Known], clock_s: float) -> tuple[KnownTag, ...]:
    return tuple(
        KnownTag(
            id_tag,
            each.status_at(clock_s).value,
            None if each.expires_s is None else from_epoch(each.expires_s),
            each.parentIdTag,
        )
        for id_tag, each in known.items()
    )


def workings_of(seen: Seen) -> Workings:
    """The inside at this moment."""
    pending = seen.remote.pending
    return Workings(
        securityProfile=seen.configuration.integer("SecurityProfile"),
        failedConnections=seen.link.refusals,
        callsAwaited=seen.calls.awaited,
        callsWaiting=seen.calls.waiting,
        queue=seen.queue.counts(),
        remoteStart=None
        if pending is None
        else RemoteStartSnapshot(pending.connector, pending.id_tag, pending.waits_for_plug, pending.is_authorized),
        takesSessions=not seen.sessions.is_closed,
        isResetting=seen.reset.is_pending,
        deratedConnectors=seen.power.derated,
        modulesOut=seen.power.modules_out,
        diagnostics=seen.uploads.status("DiagnosticsStatusNotification"),
        log=seen.uploads.status("LogStatusNotification"),
        firmware=seen.firmware.status,
        deadlines={Timer(timer).name: seen.clock.timestamp(due) for timer, due in seen.timers.armed()},
    )
