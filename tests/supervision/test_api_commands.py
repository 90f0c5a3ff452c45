"""How far commands have come, as their resources tell."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from forecourt.supervision.consequences import state_of
from tests.supervision_peers import play, running


def test_commands_to_a_station_are_listed_the_latest_first_with_what_came_of_each() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as station:
            assert await ours.get("/api/stations/EVD-1/commands") == []
            for action, answer in (("ClearCache", {"status": "Rejected"}), ("GetLocalListVersion", {"listVersion": 0})):
                told = asyncio.create_task(station.answer(answer))
                await ours.command(action)
                await told
            found = await ours.get("/api/stations/EVD-1/commands")
            shown = [(each["action"], each["state"]) for each in found]
            assert shown == [("GetLocalListVersion", "done"), ("ClearCache", "failed")]
            assert await ours.get("/api/stations/EVD-1/commands", limit=1) == found[:1]
            assert (await ours.http.get("/api/stations/nobody/commands")).status_code == 404

    play(scenario())


@pytest.mark.parametrize(
    ("action", "outcome", "response", "statuses", "elapsed_s", "state"),
    [
        ("Reset", None, {}, [], 0.0, "awaited"),
        ("Reset", "TimedOut", {}, [], 0.0, "failed"),
        ("Reset", "Answered", {"status": "Rejected"}, [], 0.0, "failed"),
        ("Reset", "Answered", {"status": "Accepted"}, [], 1e9, "running"),
        ("Reset", "Answered", {"status": "Accepted"}, [None], 0.0, "done"),
        ("ChangeAvailability", "Answered", {"status": "Scheduled"}, [], 0.0, "done"),
        ("ChangeConfiguration", "Answered", {"status": "RebootRequired"}, [], 0.0, "done"),
        ("UnlockConnector", "Answered", {"status": "NotSupported"}, [], 0.0, "failed"),
        ("GetConfiguration", "Answered", {}, [], 0.0, "done"),
        ("RemoteStartTransaction", "Answered", {"status": "Accepted"}, [], 3600.0, "running"),
        ("RemoteStartTransaction", "Answered", {"status": "Accepted"}, [], 3601.0, "failed"),
        ("GetDiagnostics", "Answered", {}, [], 0.0, "done"),
        ("GetDiagnostics", "Answered", {"fileName": "a"}, ["Uploading", "Idle"], 0.0, "running"),
        ("GetDiagnostics", "Answered", {"fileName": "a"}, ["Uploading", "UploadFailed"], 0.0, "failed"),
        ("GetDiagnostics", "Answered", {"fileName": "a"}, ["Uploading", "Uploaded"], 0.0, "done"),
        ("UpdateFirmware", "Answered", {}, ["Downloading", "Downloaded", "Installing"], 1e9, "running"),
        ("UpdateFirmware", "Answered", {}, ["Downloading", "DownloadFailed"], 0.0, "failed"),
        ("UpdateFirmware", "Answered", {}, ["Installing", "Installed"], 0.0, "done"),
        ("GetLog", "Answered", {"status": "AcceptedCanceled"}, ["UploadFailure"], 0.0, "failed"),
        ("SignedUpdateFirmware", "Answered", {"status": "Accepted"}, ["InvalidSignature"], 0.0, "failed"),
    ],
)
def test_state_of_a_command_follows_from_its_outcome_and_what_came_after(
    action: str, outcome: str | None, response: dict[str, Any], statuses: list[str | None], elapsed_s: float, state: str
) -> None:
    assert state_of(action, outcome, response, statuses, elapsed_s) == state
