"""Who may charge: badges, free charging, AutoCharge and the tags of remote starts (facts §5.1; readings A27 to A33).

Theory of operation. Whoever wants to start or stop leaves an `Attempt`, one a connector at most (0: a remote start that
names none). Online it is decided by Authorize, unless LocalPreAuthorize lets a tag in that is known here; without an
answer, or offline, by the offline strategy that the keys select. What an attempt is for says who hears the decision:
the callback given with it. Free charging sends Authorize as well, and starts whatever comes back (A32).

What is known here of a tag is its entry in the local list or, for a tag that is not listed, in the cache; `_judge` is
the one place that weighs them. What the supervision says of a tag, in whatever answer, goes through `_heard`: into the
cache, or for a listed tag into a comparison with its entry, since nothing but SendLocalList changes the list.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import (
    AuthorizationStatus,
    AuthorizeRequest,
    AuthorizeResponse,
    ChargePointErrorCode,
    IdTagInfo,
    StartTransactionResponse,
    StopTransactionResponse,
)
from forecourt.ocpp.types import same_text
from forecourt.station.calls import LOST, TIMED_OUT, Answer
from forecourt.station.effects import Effect, LogEvent
from forecourt.station.known_tags import folded, known_of

if TYPE_CHECKING:
    from forecourt.station.boot import Boot
    from forecourt.station.cache import Cache
    from forecourt.station.calls import Calls
    from forecourt.station.clock import Clock
    from forecourt.station.configuration import Configuration
    from forecourt.station.connector import Connectors
    from forecourt.station.local_list import LocalList
    from forecourt.station.queue import Entry
    from forecourt.station.transactions import Transaction

ID_TAG_MAX_LENGTH = 20

VALID_IN_LIST = frozenset({AuthorizationStatus.Accepted, AuthorizationStatus.ConcurrentTx})
"""Statuses of list entries that allow charging (§3.5.2): a list can not know of concurrent transactions."""


class Refusal(StrEnum):
    """Why somebody may not charge, or may not stop, in a driver's words."""

    UNKNOWN = "unknown"
    """The supervision does not know the badge."""
    BLOCKED = "blocked"
    EXPIRED = "expired"
    IN_USE = "in use"
    """It charges elsewhere at the same time."""
    OFFLINE = "offline"
    """The supervision cannot be asked, and the station may not decide by itself."""
    NO_ANSWER = "no answer"
    """The supervision could not say."""
    RESERVED = "reserved"
    """The gun is kept for somebody else."""
    NOT_ENABLED = "not enabled"
    """This way of authentication is switched off."""
    UNREADABLE = "unreadable"
    NOT_READY = "not ready"
    """No session can start on the gun now."""
    OTHER_BADGE = "other badge"
    """Somebody else's session is stopped with their badge, or one of their group."""


REFUSED_AS = {
    AuthorizationStatus.Invalid: Refusal.UNKNOWN,
    AuthorizationStatus.Blocked: Refusal.BLOCKED,
    AuthorizationStatus.Expired: Refusal.EXPIRED,
    AuthorizationStatus.ConcurrentTx: Refusal.IN_USE,
}
"""What a status of an idTag comes to for its driver."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What came of an attempt."""

    is_accepted: bool
    parentIdTag: str | None = None
    refusal: Refusal | None = None
    """Why not; None when it was accepted."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """Somebody waits for a decision."""

    connector: int
    idTag: str
    decided: Callable[[Attempt, Decision, float], None]


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What is known here of an idTag."""

    is_valid: bool
    status: AuthorizationStatus
    parentIdTag: str | None


class _OfTag(msgspec.Struct, frozen=True, gc=False):
    """The part of a StartTransaction or StopTransaction that says whose it is."""

    idTag: str | None = None


_tag_decoder = msgspec.json.Decoder(_OfTag)


_NO_ATTEMPTS: dict[int, Attempt] = {}
"""The attempts at every station that never had one; never changed."""


def is_id_tag(text: str) -> bool:
    """Whether a text can be an idTag: 1 to 20 printable ASCII characters."""
    return 0 < len(text) <= ID_TAG_MAX_LENGTH and text.isascii() and text.isprintable()


def is_same_group(transaction: Transaction, decision: Decision) -> bool:
    """Whether a tag may stop a transaction that another tag started: both have the same parentIdTag (§3.10)."""
    parent = transaction.parentIdTag
    return bool(parent) and decision.parentIdTag is not None and same_text(str(parent), decision.parentIdTag)


class Authorization:
    """The attempts of one station, and what it knows of idTags."""

    __slots__ = (
        "_attempts",
        "_boot",
        "_calls",
        "_clock",
        "_configuration",
        "_conflict",
        "_connectors",
        "_effects",
        "cache",
        "local_list",
    )

    def __init__(
        self,
        configuration: Configuration,
        calls: Calls,
        boot: Boot,
        clock: Clock,
        connectors: Connectors,
        local_list: LocalList,
        cache: Cache,
        effects: list[Effect],
    ) -> None:
        self._configuration = configuration
        self._calls = calls
        self._boot = boot
        self._clock = clock
        self._connectors = connectors
        self._effects = effects
        self.local_list = local_list
        self.cache = cache
        self._attempts = _NO_ATTEMPTS
        self._conflict = ""
        """The idTag of the conflict with the list that was reported last; empty when the list changed since."""

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
            wrong = f"{id_tag}: {self._attempts[connector].idTag} is being decided on connector {connector} already"
            self._effects.append(LogEvent("Tag ignored", wrong))
            return
        attempt = Attempt(connector, id_tag, decided)
        if self._attempts is _NO_ATTEMPTS:
            self._attempts = {}
        self._attempts[connector] = attempt
        if not (self._calls.is_open and self._boot.is_accepted):
            self._decide(attempt, self._offline(id_tag, now), now)
        elif (known := self._known_in_advance(id_tag, now)) is not None:
            self._decide(attempt, known, now)
        else:
            self._calls.request(
                AuthorizeRequest(idTag=id_tag), lambda answer, at: self._answered(attempt, answer, at), now
            )

    def _answered(self, attempt: Attempt, answer: Answer, now: float) -> None:
        if isinstance(answer, AuthorizeResponse):
            info = answer.idTagInfo
            self._heard(attempt.idTag, info, now)
            parent = info.parentIdTag if isinstance(info.parentIdTag, str) else None
            decision = Decision(info.status is AuthorizationStatus.Accepted, parent, REFUSED_AS.get(info.status))
        elif answer is LOST or answer is TIMED_OUT:
            decision = self._offline(attempt.idTag, now)
        else:
            decision = Decision(is_accepted=False, refusal=Refusal.NO_ANSWER)
        self._decide(attempt, decision, now)

    def _known_in_advance(self, id_tag: str, now: float) -> Decision | None:
        """Online: a tag that is valid here needs no Authorize while LocalPreAuthorize is true (§3.5)."""
        if not self._configuration.boolean("LocalPreAuthorize"):
            return None
        judgement = self._judge(id_tag, now)
        if judgement is None or not judgement.is_valid:
            return None
        return Decision(is_accepted=True, parentIdTag=judgement.parentIdTag)

    def _offline(self, id_tag: str, now: float) -> Decision:
        """The offline strategy (guide, "Offline Strategies"; reading A33; §3.5.4). A station that was never accepted
        starts nothing (§4.2.1)."""
        judgement = self._judge(id_tag, now)
        if judgement is not None and not judgement.is_valid:
            self._effects.append(LogEvent("Refused offline", f"{id_tag} is known as {judgement.status}"))
            return Decision(is_accepted=False, refusal=REFUSED_AS.get(judgement.status))
        is_allowed = self._boot.was_ever_accepted and (
            self._configuration.boolean("AllowOfflineTxForUnknownId")
            or (judgement is not None and self._configuration.boolean("LocalAuthorizeOffline"))
        )
        parent = None if judgement is None else judgement.parentIdTag
        return Decision(is_allowed, parent, None if is_allowed else Refusal.OFFLINE)

    def _decide(self, attempt: Attempt, decision: Decision, now: float) -> None:
        if self._attempts.get(attempt.connector) is attempt:
            del self._attempts[attempt.connector]
            attempt.decided(attempt, decision, now)

    # What is known of tags.

    def parent_of(self, id_tag: str) -> str | None:
        """The parentIdTag that list or cache have for a tag."""
        known = self.local_list.find(id_tag) or self.cache.find(id_tag, 0.0)
        return None if known is None else known.parentIdTag

    def _judge(self, id_tag: str, now: float) -> Judgement | None:
        """What list and cache know of a tag; None for nothing. The list decides for every tag that is in it (§3.5.3).

        ConcurrentTx in the cache was an answer about a moment that has passed: it says nothing about the next.
        """
        clock_s = self._clock.wall(now)
        listed = self.local_list.find(id_tag)
        if listed is not None:
            status = listed.status_at(clock_s)
            return Judgement(status in VALID_IN_LIST, status, listed.parentIdTag)
        cached = self.cache.find(id_tag, clock_s)
        if cached is None or cached.status is AuthorizationStatus.ConcurrentTx:
            return None
        return Judgement(cached.status is AuthorizationStatus.Accepted, cached.status, cached.parentIdTag)

    def settled(self, entry: Entry, answer: Answer, now: float) -> None:
        """A StartTransaction or StopTransaction has left the queue: its answer may say something about its idTag."""
        if isinstance(answer, StartTransactionResponse | StopTransactionResponse):
            info = answer.idTagInfo
            id_tag = _tag_decoder.decode(entry.payload).idTag
            if isinstance(info, IdTagInfo) and id_tag:
                self._heard(id_tag, info, now)

    def _heard(self, id_tag: str, info: IdTagInfo, now: float) -> None:
        """The supervision said something about a tag (§3.5.1 to §3.5.3)."""
        clock_s = self._clock.wall(now)
        listed = self.local_list.find(id_tag)
        if listed is None:
            self.cache.update(id_tag, known_of(info), clock_s)
        elif (listed.status_at(clock_s) in VALID_IN_LIST) is not (info.status in VALID_IN_LIST):
            self._report_conflict(id_tag, info.status, now)

    def _report_conflict(self, id_tag: str, status: AuthorizationStatus, now: float) -> None:
        """Once for a session: Authorize, StartTransaction and StopTransaction may all say the same."""
        if folded(id_tag) != self._conflict:
            self._conflict = folded(id_tag)
            info = f"{id_tag}: {status}, not as listed"
            self._connectors.mention(0, ChargePointErrorCode.LocalListConflict, info, now)

    def list_changed(self, now: float) -> None:
        """The supervision has updated the list, which ends a conflict that was reported."""
        if self._conflict:
            self._conflict = ""
            self._connectors.report((0,), now)
