"""Our station against the npm package `ocpp-rpc` in strict mode, which checks every frame against its own schemas."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HERE = Path(__file__).parent


def _missing() -> str | None:
    if shutil.which("node") is None:
        return "Node is missing: install nodejs to run the interoperability test against ocpp-rpc"
    if not (HERE / "node_modules" / "ocpp-rpc").is_dir():
        return "ocpp-rpc is missing: run `npm install --no-package-lock` in tests/interop"
    return None


@pytest.mark.skipif(_missing() is not None, reason=str(_missing()))
def test_our_station_charges_at_a_strict_central_system_of_ocpp_rpc(
    station_at: Callable[[str], Any], until: Callable[[Callable[[], object]], Awaitable[None]]
) -> None:
    """Boot, badge, charge, GetConfiguration and a remote stop: not one frame is refused."""
    lines: list[dict[str, Any]] = []

    def calls(action: str) -> list[dict[str, Any]]:
        return [line["payload"] for line in lines if line["event"] == "call" and line["action"] == action]

    async def read(output: asyncio.StreamReader) -> None:
        while line := await output.readline():
            lines.append(json.loads(line))

    async def charge() -> None:
        node = await asyncio.create_subprocess_exec(
            "node", "ocpp_rpc_central.mjs", cwd=HERE, stdout=asyncio.subprocess.PIPE
        )
        assert node.stdout is not None
        reading = asyncio.create_task(read(node.stdout))
        try:
            await until(lambda: lines)
            async with station_at(f"ws://127.0.0.1:{lines[0]['port']}") as station:
                await until(lambda: len(calls("StatusNotification")) >= 3)
                station.plug()
                station.badge("AB12")
                await until(lambda: calls("StopTransaction"))
                station.unplug()
                await until(lambda: calls("StatusNotification")[-1]["status"] == "Available")
        finally:
            node.kill()
            await node.wait()
            await reading

    asyncio.run(charge())
    assert [line for line in lines if line["event"] in ("refused", "error")] == []
    assert lines[1] == {"event": "connected", "identity": "CP 1", "protocol": "ocpp1.6"}
    started, stopped = calls("StartTransaction")[0], calls("StopTransaction")[0]
    assert calls("MeterValues")
    assert stopped["reason"] == "Remote"
    assert stopped["meterStop"] > started["meterStart"]
    answers = {line["action"]: line["payload"] for line in lines if line["event"] == "answer"}
    assert len(answers["GetConfiguration"]["configurationKey"]) == 68
    assert answers["RemoteStopTransaction"] == {"status": "Accepted"}
