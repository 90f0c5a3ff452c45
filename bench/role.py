"""What a process of a benchmark does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Role(ABC):
    """Every coroutine answers with what the parent is to know. A role that says nothing else works while it is open."""

    messages: int
    """Messages that came so far."""

    @abstractmethod
    async def start(self) -> dict[str, Any]:
        """Begin, and be ready."""

    async def run(self) -> dict[str, Any]:
        """Work."""
        return {}

    async def pause(self) -> dict[str, Any]:
        """Answer when nothing is under way any more."""
        return {}

    async def charge(self) -> dict[str, Any]:
        """Let the cars charge, where there are any."""
        return {}

    @abstractmethod
    async def stop(self) -> dict[str, Any]:
        """End it."""
