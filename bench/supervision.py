"""Our own supervision: the product's, with a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.role import Role
from forecourt.supervision.server import Supervision
from forecourt.supervision.server_security import TlsOptions


class SupervisionRole(Role):
    """The product's supervision on a data folder, as fleets run it: every fact durable, no wire log."""

    def __init__(self, folder: str, secured: bool = False) -> None:
        tls = TlsOptions() if secured else None
        self._supervision = Supervision(
            ocpp_port=0, http_port=0, data=Path(folder), accept_unknown_tags=True, wire_log=False, tls=tls
        )
        self.messages = 0

    async def start(self) -> dict[str, Any]:
        """Open both ports."""
        await self._supervision.start()
        security = self._supervision.security
        return {
            "url": f"{'ws' if security is None else 'wss'}://127.0.0.1:{self._supervision.ocpp_port}",
            "root": None if security is None else security.authority.root_pem,
        }

    async def pause(self) -> dict[str, Any]:
        """Wait until all that came is durable."""
        await self._supervision.store.settled()
        return {}

    async def stop(self) -> dict[str, Any]:
        """End it."""
        await self._supervision.stop()
        return {}
