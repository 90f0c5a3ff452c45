"""What a link tells whoever it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from forecourt.runtime.link import Link


class LinkOwner(Protocol):
    """Who a link tells what happens. No method may block; an exception closes the link and goes to the loop."""

    def link_opened(self, link: Link) -> None:
        """The WebSocket is open and has agreed on ocpp1.6."""

    def frame_received(self, link: Link, frame: bytes) -> None:
        """One whole text message came; `frame` is UTF-8."""

    def pong_received(self, link: Link) -> None:
        """The answer to the latest `ping()` came."""

    def link_closed(self, link: Link, code: int, reason: str) -> None:
        """The open link has ended. `code` is of whoever closed first, or 1006 and a sentence when nobody did."""


class ConnectingOwner(LinkOwner, Protocol):
    """The owner of a link that `Links.connect` opens."""

    def link_refused(self, link: Link, reason: str, http_status: int | None) -> None:
        """The link did not open. `reason` is a sentence for a person; `http_status` is that of a refusal by HTTP."""
