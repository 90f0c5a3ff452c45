"""A supervision in bad moods: slow, silent, full of errors or garbage, forgetful. Its ledger is always honest."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.errors import ErrorCode
from forecourt.supervision.ports import Recollection
from forecourt.world.simulated_supervision import SimulatedSupervision

if TYPE_CHECKING:
    from forecourt.supervision.effects import SendFrame
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

SLOW_S = 45.0
"""An answer of a slow supervision takes up to so long: longer than a station waits."""

GARBAGE = (b"", b"[]", b"[3", b'[3,"{id}"]', b'[3,"{id}",{"nonsense":[]}]', b'[7,"{id}",{}]', b"\xff\xfe", b"[3,5,{}]")


class Mood(StrEnum):
    """What the supervision does to the CALLs of stations."""

    FRIENDLY = "friendly"
    SLOW = "slow"
    """Answers late, some too late."""
    SILENT = "silent"
    """Takes no notice of them."""
    ABSENT_MINDED = "absent-minded"
    """Does what they say and forgets to answer."""
    REFUSING = "refusing"
    """Answers CALLERROR and does nothing."""
    CONFUSED = "confused"
    """Does what they say and answers CALLERROR."""
    BABBLING = "babbling"
    """Does what they say and answers garbage."""


class MoodySupervision(SimulatedSupervision):
    """The supervision's core behind a mood. Booting always goes well, so that a mood meets what matters."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.mood = Mood.FRIENDLY
        self.percent = 50
        """How often a mood shows."""
        self.has_forgotten = False
        """Whether it ever lost its memory of transactions."""
        self._last_at = 0.0

    def lose_memory(self) -> None:
        """Start again with the registries and the next transactionId, but no memory of transactions and boots."""
        known = self.ledger.recall()
        self.has_forgotten = True
        self._begin_anew(
            5.0, Recollection(known.policy, known.next_transaction_id, id_tags=known.id_tags, stations=known.stations)
        )

    def _shows(self) -> bool:
        return self._chance.getrandbits(16) % 100 < self.percent

    def frame_received(self, link: int, frame: bytes) -> None:
        """A frame arrived: a CALL may be ignored or refused before the core sees it."""
        if self.mood in (Mood.SILENT, Mood.REFUSING) and frame.startswith(b"[2") and b'"Boot' not in frame:
            if not self._shows():
                super().frame_received(link, frame)
            elif self.mood is Mood.REFUSING and link in self._stations:
                self._stations[link].deliver(_error(msgspec.json.decode(frame)[1]), link)
            return
        super().frame_received(link, frame)

    def post(self, station: SimulatedStation, effect: SendFrame) -> None:
        """A frame leaves: an answer may come late, be another one, or not leave at all."""
        if effect.answers is None or b'"interval"' in effect.frame or not self._shows():
            super().post(station, effect)
        elif self.mood is Mood.SLOW:
            self._post_late(station, effect)
        elif self.mood is Mood.CONFUSED:
            station.deliver(_error(effect.answers), effect.link)
        elif self.mood is Mood.BABBLING:
            garbage = GARBAGE[self._chance.getrandbits(16) % len(GARBAGE)]
            station.deliver(garbage.replace(b"{id}", effect.answers.encode()), effect.link)
        elif self.mood is not Mood.ABSENT_MINDED:
            super().post(station, effect)

    def _post_late(self, station: SimulatedStation, effect: SendFrame) -> None:
        takes_s = SLOW_S * self._chance.getrandbits(16) / 65536
        self._world.later(takes_s, lambda: station.deliver(effect.frame, effect.link))


def _error(message_id: str) -> bytes:
    return msgspec.json.encode([4, message_id, ErrorCode.InternalError, "a bad day", {}])
