"""Local lists that the supervision keeps on stations: one Full update, then Differential ones (OCPP 5.15; A43).

Theory of operation. The station is asked for its version first, and for the most entries that it takes at once. The
list is cut into parts with rising versions above that one: the first is a Full update, the others are Differential. A
part goes out when the one before it was Accepted. When a Differential one is answered Failed or VersionMismatch,
somebody else has changed the list meanwhile, or it is damaged: the whole of it is sent again, from a Full update on,
with versions above those that the station has then. So the list that a station ends with is the one that was meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.core import GetConfigurationRequest
from forecourt.ocpp.local_auth_list_management import (
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
    UpdateStatus,
    UpdateType,
)
from forecourt.ocpp.types import Record
from forecourt.supervision.effects import Store
from forecourt.supervision.facts import CommandFollowed
from forecourt.supervision.limits import LIST_KEYS, asked_for, number_limit
from forecourt.supervision.outcomes import Answered, ConnectionLost, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forecourt.ocpp.local_auth_list_management import AuthorizationData
    from forecourt.supervision.commands import Commands
    from forecourt.supervision.effects import Effect
    from forecourt.supervision.outcomes import Outcome
    from forecourt.supervision.stations import Station

ACTION = "LocalList"
"""The action of the command's own resource; on the wire it is several SendLocalList."""
USUAL_MAX_LENGTH = 400
"""SendLocalListMaxLength of the product, for a station that does not name its own."""
FULL_UPDATES = 3
"""So often the whole list is begun at most."""


class LocalListSent(Record, frozen=True, gc=False, kw_only=True):
    """What came of a local list."""

    status: UpdateStatus
    """Accepted when the station holds all of it; else what it answered last."""
    listVersion: int
    """The version of the part that was answered last."""
    entries: int
    """Of the whole list."""
    updates: int
    """SendLocalList requests that were answered."""


class LocalListWanted(Record, frozen=True, gc=False, kw_only=True):
    """The request of the command's own resource."""

    entries: int


def parts(entries: Sequence[AuthorizationData], above: int, most: int) -> list[SendLocalListRequest]:
    """The updates that make a station's list these entries, at most `most` each, with versions above `above`."""
    most = max(1, most)
    pieces = [tuple(entries[start : start + most]) for start in range(0, len(entries), most)] or [()]
    return [
        SendLocalListRequest(
            listVersion=above + number,
            updateType=UpdateType.Full if number == 1 else UpdateType.Differential,
            localAuthorizationList=piece,
        )
        for number, piece in enumerate(pieces, start=1)
    ]


class LocalListJob:
    """One list on its way to one station."""

    def __init__(
        self,
        commands: Commands,
        station: Station,
        command_id: str,
        entries: Sequence[AuthorizationData],
        over: Callable[[Station], None],
    ) -> None:
        self._commands = commands
        self._station = station
        self._command_id = command_id
        self._entries = entries
        self._over = over
        self._left: list[SendLocalListRequest] = []
        self._begun = 0
        self._answered = 0

    def begin(self, now: float, effects: list[Effect]) -> None:
        """Ask for the version that the station has."""
        self._begun += 1
        self._commands.enqueue(self._station, self, GetLocalListVersionRequest(), now, effects)

    def ended(self, request: Record, outcome: Outcome, now: float, effects: list[Effect]) -> None:
        """One of the job's requests has come to this."""
        if isinstance(request, GetConfigurationRequest) and not isinstance(outcome, ConnectionLost):
            self._cut(now, effects)  # answer or none: where it names no limit, the usual one holds
        elif not isinstance(outcome, Answered):
            self._end(outcome, now, effects)
        elif isinstance(outcome.response, GetLocalListVersionResponse):
            self._version_known(outcome.response.listVersion, now, effects)
        else:
            assert isinstance(request, SendLocalListRequest)
            assert isinstance(outcome.response, SendLocalListResponse)
            self._part_answered(request, outcome.response.status, now, effects)

    def _version_known(self, version: int, now: float, effects: list[Effect]) -> None:
        if version < 0:
            sentence = f"{self._station.identity} keeps no local list: it answered version {version}."
            self._end(Refused(sentence), now, effects)
            return
        self._version = version
        if LIST_KEYS[0].casefold() in (self._station.limits or {}):
            self._cut(now, effects)
        else:
            asked_for(self._station, LIST_KEYS)
            self._commands.enqueue(self._station, self, GetConfigurationRequest(key=LIST_KEYS), now, effects)

    def _cut(self, now: float, effects: list[Effect]) -> None:
        most = number_limit(self._station, LIST_KEYS[0]) or USUAL_MAX_LENGTH
        self._left = parts(self._entries, self._version, most)
        self._next_part(now, effects)

    def _next_part(self, now: float, effects: list[Effect]) -> None:
        self._commands.enqueue(self._station, self, self._left[0], now, effects)

    def _part_answered(
        self, request: SendLocalListRequest, status: UpdateStatus, now: float, effects: list[Effect]
    ) -> None:
        self._answered += 1
        name = f"SendLocalList {request.updateType}"
        fact = CommandFollowed(self._command_id, self._station.identity, now, name, status)
        effects.append(Store(fact))
        if status is UpdateStatus.Accepted:
            self._left.pop(0)
            if self._left:
                self._next_part(now, effects)
                return
        elif (
            request.updateType is UpdateType.Differential
            and status is not UpdateStatus.NotSupported
            and self._begun < FULL_UPDATES
        ):
            self.begin(now, effects)
            return
        response = LocalListSent(
            status=status, listVersion=request.listVersion, entries=len(self._entries), updates=self._answered
        )
        self._end(Answered(response), now, effects)

    def _end(self, outcome: Outcome, now: float, effects: list[Effect]) -> None:
        self._over(self._station)
        self._commands.end(self._station, self._command_id, outcome, now, effects)


class LocalLists:
    """The lists on their way, one at a time to a station."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._under_way: set[str] = set()

    def give(
        self, station: Station, command_id: str, entries: Sequence[AuthorizationData], now: float, effects: list[Effect]
    ) -> None:
        """Begin to send a list; it ends as any command does."""
        self._commands.record(station, command_id, ACTION, LocalListWanted(entries=len(entries)), now, effects)
        if station.identity in self._under_way:
            sentence = f"Another local list is on its way to {station.identity}; try again later."
            self._commands.end(station, command_id, Refused(sentence), now, effects)
        elif self._commands.is_open(station, command_id, now, effects):
            self._under_way.add(station.identity)
            LocalListJob(self._commands, station, command_id, entries, self._over).begin(now, effects)

    def _over(self, station: Station) -> None:
        self._under_way.discard(station.identity)
