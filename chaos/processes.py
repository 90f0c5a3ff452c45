"""The command `forecourt` as processes of their own, which may be killed and started again on the same data."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

COMMAND = (sys.executable, "-m", "forecourt")
START_WITHIN_S = 60.0
PAGE = 100


class ChaosError(Exception):
    """A process that did what nobody asked of it."""


class Process:
    """One of them. Its first line of JSON says where it is."""

    def __init__(self, name: str, http: httpx2.AsyncClient, log: Path, *arguments: str) -> None:
        self.name = name
        self._http = http
        self._log = log
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.told: dict[str, Any] = {}
        """Its first line."""
        self.starts = 0

    async def start(self) -> None:
        """Start it and wait until it says where it is. Raises `ChaosError` when it ends instead."""
        self.starts += 1
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(*COMMAND, *self._arguments, "--json"),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        assert self._process.stdout is not None, "it was asked for"
        async with asyncio.timeout(START_WITHIN_S):
            line = await self._process.stdout.readline()
        if not line:
            raise ChaosError(f"{self.name} ended with {await self._process.wait()} as it started: {self.said()}")
        self.told = json.loads(line)
        self._reader = asyncio.create_task(self._drain(self._process.stdout))

    async def _drain(self, stream: asyncio.StreamReader) -> None:
        while await stream.readline():
            pass

    def said(self) -> str:
        """The end of what came to stderr."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def require_alive(self) -> None:
        """Raises `ChaosError` when it has ended by itself."""
        if self._process is not None and self._process.returncode is not None:
            raise ChaosError(f"{self.name} ended by itself with {self._process.returncode}: {self.said()}")

    async def kill(self) -> None:
        """SIGKILL, which no process can prepare for. Raises `ChaosError` when it had ended before."""
        self.require_alive()
        assert self._process is not None, "it was started"
        self._process.send_signal(signal.SIGKILL)
        await self.gone()

    async def gone(self) -> None:
        """Wait for its end."""
        if self._process is not None:
            await self._process.wait()
            self._process = None
        if self._reader is not None:
            await self._reader
            self._reader = None

    async def close(self) -> None:
        """Kill what may still run."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self.gone()

    async def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a reading."""
        answer = await self._http.get(f"{self.told['httpUrl']}{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()

    async def post(self, path: str, body: dict[str, Any]) -> int:
        """Ask for something; the HTTP status, which is 409 when it cannot be done at present."""
        return (await self._http.post(f"{self.told['httpUrl']}{path}", json=body)).status_code


class SupervisionProcess(Process):
    """`forecourt supervision`."""

    def __init__(self, http: httpx2.AsyncClient, folder: Path) -> None:
        ports = ("--ocpp-port", "0", "--http-port", "0", "--files-http", "none", "--ftp", "none")
        data = ("--data", str(folder / "supervision"), "--accept-unknown-tags")
        super().__init__("supervision", http, folder / "supervision.log", "supervision", *ports, *data)

    async def all_of(self, path: str, key: str, **parameters: Any) -> list[dict[str, Any]]:
        """Every row of a list that comes in pages, the oldest first."""
        rows: list[dict[str, Any]] = []
        while True:
            before = {"before": rows[-1][key]} if rows else {}
            page = await self.get(path, limit=PAGE, **parameters, **before)
            rows.extend(page)
            if len(page) < PAGE:
                return rows[::-1]


class StationProcess(Process):
    """`forecourt station`, as seen from its control API."""

    def __init__(self, http: httpx2.AsyncClient, folder: Path, identity: str, model: str, speed: float) -> None:
        self.identity = identity
        self.path = f"/api/stations/{quote(identity)}"
        data = ("--data", str(folder / identity), "--id", identity, "--model", model, "--http", "0")
        keys = ("--set", "WebSocketPingInterval=2", "--set", "MinimumStatusDuration=0")
        pace = ("--speed", f"{speed:g}")
        super().__init__(identity, http, folder / f"{identity}.log", "station", *data, *keys, *pace)

    def connect_to(self, port: int) -> None:
        """Where its supervision is: the proxy."""
        self._arguments = (*self._arguments, "--url", f"ws://127.0.0.1:{port}/ocpp")

    async def look(self) -> dict[str, Any]:
        """Its snapshot."""
        snapshot: dict[str, Any] = await self.get(self.path)
        return snapshot

    async def act(self, what: str, body: dict[str, Any] | None = None) -> int:
        """Do something at the station."""
        return await self.post(f"{self.path}/{what}", body or {})
