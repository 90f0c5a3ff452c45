"""Who may charge: badges, free charging, AutoCharge and the tags of remote starts (facts §5.1; readings A27 to A33).

Theory of operation. Whoever wants to start or stop leaves an `Attempt`, one a connector at most (0: a remote start that
names none). Online it is decided by Authorize; without an answer, or offline, by the offline strategy that the keys
select. What an attempt is for says who hears the decision: the callback given with it. Free charging sends Authorize as
well, and starts whatever comes back (A32). The local list and the cache are a later issue: no tag is known locally yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import AuthorizationStatus, AuthorizeRequest, AuthorizeResponse
from forecourt.ocpp.types import same_text
from forecourt.station.calls import LOST, TIMED_OUT, Answer

if TYPE_CHECKING:
    from forecourt.station.boot import Boot
    from forecourt.station.calls import Calls
    from forecourt.station.configuration import Configuration
    from forecourt.station.transactions import Transaction

ID_TAG_MAX_LENGTH = 20


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What came of an attempt."""

    is_accepted: bool
    parentIdTag: str | None = None


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """Somebody waits for a decision."""

    connector: int
    idTag: str
    decided: Callable[[Attempt, Decision, float], None]


def is_id_tag(text: str) -> bool:
    """Whether a text can be an idTag: 1 to 20 printable ASCII characters."""
    return 0 < len(text) <= ID_TAG_MAX_LENGTH and text.isascii() and text.isprintable()


def is_same_group(transaction: Transaction, decision: Decision) -> bool:
    """Whether a tag may stop a transaction that another tag started: both have the same parentIdTag (§3.10)."""
    parent = transaction.parentIdTag
    return bool(parent) and decision.parentIdTag is not None and same_text(str(parent), decision.parentIdTag)


class Authorization:
    """The attempts of one station."""

    __slots__ = ("_attempts", "_boot", "_calls", "_configuration")

    def __init__(self, configuration: Configuration, calls: Calls, boot: Boot) -> None:
        self._configuration = configuration
        self._calls = calls
        self._boot = boot
        self._attempts: dict[int, Attempt] = {}

    def is_deciding(self, connector: int) -> bool:
        """Whether somebody waits for a decision about this connector."""
        return connector in self._attempts

    def forget(self, connector: int) -> None:
        """Nobody waits any longer: the cable was pulled, or the request was dropped."""
        self._attempts.pop(connector, None)

    def ask(
        self,
        connector: int,
        id_tag: str,
        decided: Callable[[Attempt, Decision, float], None],
        now: float,
    ) -> None:
        """Have a tag decided; a second attempt on the same connector is ignored while the first is undecided."""
        if connector in self._attempts:
            return
        attempt = Attempt(connector, id_tag, decided)
        self._attempts[connector] = attempt
        if self._calls.is_open and self._boot.is_accepted:
            self._calls.request(
                AuthorizeRequest(idTag=id_tag), lambda answer, at: self._answered(attempt, answer, at), now
            )
        else:
            self._decide(attempt, self._offline(), now)

    def _answered(self, attempt: Attempt, answer: Answer, now: float) -> None:
        if isinstance(answer, AuthorizeResponse):
            info = answer.idTagInfo
            parent = info.parentIdTag if isinstance(info.parentIdTag, str) else None
            decision = Decision(info.status is AuthorizationStatus.Accepted, parent)
        elif answer is LOST or answer is TIMED_OUT:
            decision = self._offline()
        else:
            decision = Decision(is_accepted=False)
        self._decide(attempt, decision, now)

    def _offline(self) -> Decision:
        """The offline strategy for a tag that nobody here knows (guide, "Offline Strategies"; §4.2.1)."""
        allowed = self._configuration.boolean("AllowOfflineTxForUnknownId")
        return Decision(allowed and self._boot.was_ever_accepted)

    def _decide(self, attempt: Attempt, decision: Decision, now: float) -> None:
        if self._attempts.get(attempt.connector) is attempt:
            del self._attempts[attempt.connector]
            attempt.decided(attempt, decision, now)
