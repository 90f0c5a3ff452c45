"""What is known of an idTag without asking: the common part of the local list and the cache (OCPP 1.6 §3.5, §7.27)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import AuthorizationStatus
from forecourt.ocpp.types import to_epoch
from forecourt.station.clock import Moment

if TYPE_CHECKING:
    from forecourt.ocpp.core import IdTagInfo


class Known(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An IdTagInfo as it is kept."""

    status: AuthorizationStatus
    expires_s: Moment | None = None
    """Seconds since the epoch; None: the status has no end (§7.27)."""
    parentIdTag: str | None = None

    def status_at(self, clock_s: float) -> AuthorizationStatus:
        """The status at a wall time: past its expiryDate every tag is Expired."""
        if self.expires_s is not None and clock_s >= self.expires_s:
            return AuthorizationStatus.Expired
        return self.status


def known_of(info: IdTagInfo) -> Known:
    """What is to be kept of an IdTagInfo."""
    expiry = info.expiryDate
    parent = info.parentIdTag
    return Known(
        info.status,
        to_epoch(expiry) if expiry else None,
        parent if isinstance(parent, str) else None,
    )


def folded(id_tag: str) -> str:
    """An idTag as it is looked up: upper and lower case are the same (§2.2)."""
    return id_tag.casefold()
