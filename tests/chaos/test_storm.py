"""A short storm over real processes: what `make chaos` does at length."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chaos.__main__ import run
from chaos.report import as_text
from chaos.storm import Plan

if TYPE_CHECKING:
    from pathlib import Path


def test_six_kills_of_real_processes_lose_no_session_and_no_energy(tmp_path: Path) -> None:
    report = asyncio.run(run(Plan(seed=5, kills=6, stations=1, settle_s=120.0, limit_s=120.0), tmp_path))
    text = as_text(report)
    assert report["violations"] == [], text
    assert report["kills"] == 6
    assert report["sessions"]["inTheLedger"] >= 2, text
    assert report["energy"]["ledgerWh"] > 0, text
    assert "0 violations." in text
