"""What is kept of an IdTagInfo, and what it says at a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from forecourt.ocpp.core import AuthorizationStatus as Status
from forecourt.ocpp.core import IdTagInfo
from forecourt.station.known_tags import Known, folded, known_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOON_S = 1_772_452_800.0


def test_known_of_keeps_status_expiry_and_parent() -> None:
    info = IdTagInfo(status=Status.Blocked, expiryDate=NOON, parentIdTag="Fleet")
    assert known_of(info) == Known(Status.Blocked, NOON_S, "Fleet")
    assert known_of(IdTagInfo(status=Status.Accepted)) == Known(Status.Accepted, None, None)


@pytest.mark.parametrize("status", list(Status))
def test_status_holds_until_the_expiry_date_and_is_expired_from_it_on(status: Status) -> None:
    known = Known(status, NOON_S)
    assert known.status_at(NOON_S - 0.001) is status
    assert known.status_at(NOON_S) is Status.Expired
    assert Known(status).status_at(9e12) is status


def test_tags_are_looked_up_without_regard_to_case() -> None:
    assert folded("TAG-a1") == folded("tag-A1") != folded("TAG-A2")
