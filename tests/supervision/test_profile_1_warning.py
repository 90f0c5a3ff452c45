"""Security profile 1 is for trusted networks only, and whoever chooses it is told so."""

from __future__ import annotations

from typing import Any

import pytest

from forecourt.ocpp.security_profiles import PROFILE_1_WARNING
from tests.supervision_peers import play, running

KEY = "00" * 16


@pytest.mark.requirement("WP-A00.FR.201")
def test_operator_who_chooses_profile_1_is_told_and_who_chooses_another_is_not() -> None:
    assert "for trusted networks only" in PROFILE_1_WARNING

    async def scenario() -> None:
        async with running() as ours:
            for profile, warned in ((1, True), (0, False), (None, False)):
                rule: dict[str, Any] = {"authorizationKey": KEY, "securityProfile": profile}
                answer = await ours.http.put("/api/stations/EVD-1", json=rule)
                assert (PROFILE_1_WARNING in answer.headers.get("warning", "")) is warned
                security = await ours.get("/api/stations/EVD-1/security")
                assert security["warning"] == (PROFILE_1_WARNING if warned else None)
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": ""})
            async with ours.station() as peer:
                answer = await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 1})
                assert (answer.status_code, answer.json()["warning"]) == (202, PROFILE_1_WARNING)
                assert (await ours.get(answer.headers["location"]))["warning"] == PROFILE_1_WARNING
                await peer.answer({"status": "Rejected"})

    play(scenario())
