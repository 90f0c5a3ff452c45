"""Calm worlds: the promise holds there too, and a ledger that is wrong is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.station import transactions
from forecourt.world.calm import play_calm

if TYPE_CHECKING:
    import pytest


def test_calm_site_has_every_session_once_to_the_watt_hour() -> None:
    days: list[float] = []
    report = play_calm(1, 2.5, 2, days.append)
    assert report.problem is None
    assert report.sessions == 2 * 2 * 15
    assert report.messages > 1000
    assert days == [1.0, 2.0, 2.5]


def test_calm_site_notices_energy_that_was_told_and_never_flowed(monkeypatch: pytest.MonkeyPatch) -> None:
    register_wh = transactions.register_wh
    monkeypatch.setattr(transactions, "register_wh", lambda energy_wh: register_wh(energy_wh * 1.01))
    problem = play_calm(1, 1.0, 1).problem
    assert problem is not None
    assert "Wh flowed at gun 1" in problem
