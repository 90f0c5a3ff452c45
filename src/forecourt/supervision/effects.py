"""What the supervision wants done, in order. `CentralSystem.handle` and `.expire` return lists of these.

In one list every `Store` stands before what depends on it. The driver carries effects out in order and holds `GATED`
ones back until every gating fact (all but `facts.UNGATED`) given before them for the same identity, in this list or an
earlier one, is durable. Waiting for the facts of all stations, as one group commit does, satisfies this too.
"""

from __future__ import annotations

import msgspec

from forecourt.supervision.facts import Fact
from forecourt.supervision.outcomes import Outcome


class Effect(msgspec.Struct, frozen=True, gc=False):
    """Something the driver is to do."""


class Store(Effect, frozen=True, gc=False):
    """Keep this fact."""

    fact: Fact


class SendFrame(Effect, frozen=True, gc=False):
    """Send one text message. A link that has ended meanwhile: drop it."""

    link: int
    identity: str
    frame: bytes
    answers: str | None = None
    """The id of the station's CALL that it answers; None for a CALL."""


class CloseLink(Effect, frozen=True, gc=False):
    """Close the WebSocket; comes back as `LinkClosed`. Frames already sent go out first."""

    link: int
    identity: str
    code: int
    reason: str


class EndCommand(Effect, frozen=True, gc=False):
    """Tell whoever gave the command what came of it."""

    command_id: str
    identity: str
    outcome: Outcome


class PassOnRequest(Effect, frozen=True, gc=False):
    """Pass a station's certificate signing request, which was answered Accepted, on to the authority."""

    identity: str
    requestId: str
    csr: str


GATED = frozenset({SendFrame, EndCommand, PassOnRequest})
"""Effects that wait for the gating facts before them."""
