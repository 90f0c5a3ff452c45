"""What the API and the provisioning ask the database about security: queries in, views and rows out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from forecourt.ocpp.security_profiles import PROFILE_1_WARNING
from forecourt.ocpp.types import from_epoch
from forecourt.supervision.schema import CERTIFICATES, SECURITY_EVENTS, SECURITY_UPGRADES
from forecourt.supervision.views import CertificateView, SecurityEventView, UpgradeView

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Connection, Row

CERTIFICATES_SHOWN = 20


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which security events are wanted; None for any."""

    identity: str | None = None
    type: str | None = None
    since_s: float | None = None
    """Received then or later, epoch seconds."""
    before: int | None = None
    """With an id below this one."""


def security_events(connection: Connection, wanted: EventFilter, limit: int) -> list[SecurityEventView]:
    """Security events of stations and of the supervision itself, the latest first."""
    columns = SECURITY_EVENTS.c
    query = select(SECURITY_EVENTS).order_by(columns.id.desc()).limit(limit)
    if wanted.identity is not None:
        query = query.where(columns.identity == wanted.identity)
    if wanted.type is not None:
        query = query.where(columns.type == wanted.type)
    if wanted.since_s is not None:
        query = query.where(columns.received_s >= wanted.since_s)
    if wanted.before is not None:
        query = query.where(columns.id < wanted.before)
    return [_event_view(row) for row in connection.execute(query)]


def _event_view(row: Row[Any]) -> SecurityEventView:
    return SecurityEventView(
        id=row.id,
        identity=row.identity or None,
        source="supervision" if row.own else "station",
        type=row.type,
        techInfo=row.tech_info,
        times=row.times,
        timestamp=None if row.stated_s is None else from_epoch(row.stated_s),
        receivedAt=from_epoch(row.received_s),
    )


def certificates(connection: Connection, identity: str) -> list[CertificateView]:
    """What came of the latest signing requests of a station, the latest first."""
    return [_certificate_view(row) for row in certificate_rows(connection, identity)]


def certificate_rows(connection: Connection, identity: str) -> list[Row[Any]]:
    """The same as the rows that they are."""
    columns = CERTIFICATES.c
    query = select(CERTIFICATES).where(columns.identity == identity).order_by(columns.requested_s.desc())
    return list(connection.execute(query.limit(CERTIFICATES_SHOWN)))


def _certificate_view(row: Row[Any]) -> CertificateView:
    return CertificateView(
        requestId=row.request_id,
        requestedAt=from_epoch(row.requested_s),
        state=row.state,
        reason=row.sentence,
        serialNumber=row.serial,
        validUntil=None if row.not_after_s is None else from_epoch(row.not_after_s),
    )


def certificate_row(connection: Connection, request_id: str) -> Row[Any] | None:
    """One signing request and what came of it."""
    return connection.execute(select(CERTIFICATES).where(CERTIFICATES.c.request_id == request_id)).one_or_none()


def unsettled_certificates(connection: Connection) -> list[Row[Any]]:
    """Requests that were Accepted and have come to no end yet."""
    return list(connection.execute(select(CERTIFICATES).where(CERTIFICATES.c.state.in_(("requested", "issued")))))


def running_upgrades(connection: Connection) -> list[Row[Any]]:
    """Stations that are being led to another security profile."""
    return list(connection.execute(select(SECURITY_UPGRADES).where(SECURITY_UPGRADES.c.state == "running")))


def upgrade(connection: Connection, identity: str) -> UpgradeView | None:
    """How far a station has been led to another security profile; None when it never was."""
    row = connection.execute(select(SECURITY_UPGRADES).where(SECURITY_UPGRADES.c.identity == identity)).one_or_none()
    return None if row is None else _upgrade_view(row)


def warning_of(*profiles: int | None) -> str | None:
    """What the operator should know who chooses one of these profiles (A00.FR.201)."""
    return PROFILE_1_WARNING if 1 in profiles else None


def _upgrade_view(row: Row[Any]) -> UpgradeView:
    return UpgradeView(
        profile=row.target,
        formerProfile=row.former,
        state=row.state,
        step=row.step,
        reason=row.sentence,
        at=from_epoch(row.noted_s),
        warning=warning_of(row.target),
    )
