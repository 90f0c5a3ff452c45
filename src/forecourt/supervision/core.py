"""The supervision's brain: what a central system decides, for all its stations. Events in, effects out.

Theory of operation. One object for any number of stations, without input or output of its own. What it must know to
decide it keeps in memory (`registry`, `transactions`, a `Station` each) and learns at its start from a `Recollection`;
every change leaves as a fact, and an answer stands in the list of effects after the fact it depends on. So whoever
carries the effects out, in order and with facts durable before frames, never answers what could still be lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.actions import ACTIONS, Sender
from forecourt.ocpp.core import RegistrationStatus
from forecourt.ocpp.errors import ErrorCode, FrameFault, PayloadFault
from forecourt.ocpp.frames import Call, decode_frame, encode_call_error, encode_call_result
from forecourt.ocpp.remote_trigger import MessageTrigger, TriggerMessageRequest
from forecourt.supervision.answers import Answers
from forecourt.supervision.commands import Commands, discarded
from forecourt.supervision.effects import CloseLink, SendFrame, Store
from forecourt.supervision.events import (
    CommandGiven,
    FileArrived,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    LocalListGiven,
    RegistryEdited,
    StoreFailed,
    StoreRecovered,
    UploadRemoved,
)
from forecourt.supervision.facts import (
    FileReceived,
    MessageLogged,
    StationConnected,
    StationDisconnected,
    UploadDeleted,
)
from forecourt.supervision.local_lists import LocalLists
from forecourt.supervision.pricing import Prices
from forecourt.supervision.registry import Registry
from forecourt.supervision.stations import NO_LINK, Station, Transaction, view
from forecourt.supervision.transactions import Transactions, start_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forecourt.ocpp.actions import Action
    from forecourt.supervision.answers import ObjectionToRequest
    from forecourt.supervision.effects import Effect
    from forecourt.supervision.events import Event
    from forecourt.supervision.ports import Recollection
    from forecourt.supervision.pricing import PictureLocation
    from forecourt.supervision.stations import StationView

ANSWER_TIMEOUT_S = 30.0
REPLACED = 1000
"""Close code of a connection that a newer one of the same identity replaces."""


class CentralSystem:
    """The whole supervision.

    `message_id_prefix` makes ids unique over all starts: give another one, at most 20 characters, at every start.
    `answer_timeout_s` is in the seconds of `now`. `wire_log` gives every frame as a fact; leave it off in fleets.
    `objection_to_request` judges the signing requests of stations; without an authority they are all Rejected.
    `picture_location` tells where stations fetch the picture of a tariff; without it none is sent.
    """

    def __init__(
        self,
        recollection: Recollection,
        message_id_prefix: str,
        *,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        wire_log: bool = False,
        objection_to_request: ObjectionToRequest | None = None,
        picture_location: PictureLocation | None = None,
    ) -> None:
        assert len(message_id_prefix) <= 20, f"message_id_prefix {message_id_prefix!r} leaves no room for the counter"
        self._registry = Registry(recollection)
        self._transactions = Transactions(self._registry, recollection.next_transaction_id)
        self._commands = Commands(message_id_prefix, answer_timeout_s, wire_log)
        self._stations: dict[str, Station] = {}
        self.prices = Prices(self._registry, self._commands, self._stations, recollection, picture_location)
        """The tariffs and what is told of them; read by the API."""
        self._answers = Answers(self._registry, self._transactions, self.prices, objection_to_request)
        self._local_lists = LocalLists(self._commands)
        self._wire_log = wire_log
        self._links: dict[int, Station] = {}
        self._store_failure: str | None = None
        self._handlers: dict[type, Callable[..., list[Effect]]] = {
            FrameReceived: self._frame_received,
            LinkOpened: self._link_opened,
            LinkClosed: self._link_closed,
            CommandGiven: self._command_given,
            LocalListGiven: self._local_list_given,
            RegistryEdited: self._registry_edited,
            FileArrived: self._file_arrived,
            UploadRemoved: self._upload_removed,
            StoreFailed: self._store_failed,
            StoreRecovered: self._store_recovered,
        }
        self._recall(recollection)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What is to be done about an event. `now` is wall time in epoch seconds and never goes back."""
        return self._handlers[type(event)](event, now)

    def expire(self, now: float) -> list[Effect]:
        """What is to be done because time has passed."""
        effects: list[Effect] = []
        self._commands.expire(now, effects)
        self.prices.expire(now, effects)
        return effects

    def next_deadline(self) -> float:
        """When `expire` has something to do next, in epoch seconds; infinity for never."""
        return min(self._commands.next_deadline(), self.prices.next_deadline())

    def admits(self, identity: str) -> bool:
        """Whether a station of this identity may connect; otherwise the handshake is answered 404."""
        return self._registry.admits(identity)

    def view(self, identity: str) -> StationView | None:
        """What is known of a station now; None for one never heard of."""
        station = self._stations.get(identity)
        return None if station is None else view(station, self.prices.unwilling(identity))

    def link_of(self, identity: str) -> int:
        """The number of a station's link; `NO_LINK` for one that has none."""
        station = self._stations.get(identity)
        return NO_LINK if station is None else station.link

    def views(self) -> Iterator[StationView]:
        """All stations heard of, in the order they were first heard of."""
        return (view(station, self.prices.unwilling(station.identity)) for station in self._stations.values())

    def _recall(self, recollection: Recollection) -> None:
        for identity, status in recollection.boot_statuses:
            self._station(identity).boot_status = status
        for told in recollection.transactions:
            key = start_key(told.request)
            transaction = Transaction(told.transactionId, told.at_s, told.status, told.request, key)
            transaction.stopped_s, transaction.meter_stop = told.stopped_s, told.meterStop
            self._transactions.remember(self._station(told.identity), transaction)
        self.prices.recall(recollection)

    def _station(self, identity: str) -> Station:
        station = self._stations.get(identity)
        if station is None:
            station = self._stations[identity] = Station(identity)
        return station

    # Links.

    def _link_opened(self, event: LinkOpened, now: float) -> list[Effect]:
        """A second connection of an identity is accepted and the older one closed."""
        effects: list[Effect] = []
        station = self._station(event.identity)
        if station.connected:
            reason = "replaced by a newer connection"
            link = station.link
            self._lose_link(station, REPLACED, reason, now, effects)
            effects.append(CloseLink(link, station.identity, REPLACED, reason))
        station.link = event.link
        station.remote = event.remote
        station.connected_s = now
        station.boot_triggered = False
        station.provisional = event.provisional
        if event.provisional:
            station.boot_status = None  # an Accepted of an earlier link does not count
        self._links[event.link] = station
        self.prices.connected(station, now)
        effects.append(Store(StationConnected(event.identity, now, event.remote)))
        return effects

    def _link_closed(self, event: LinkClosed, now: float) -> list[Effect]:
        effects: list[Effect] = []
        station = self._links.get(event.link)
        if station is not None:
            self._lose_link(station, event.code, event.reason, now, effects)
        return effects

    def _lose_link(self, station: Station, code: int, reason: str, now: float, effects: list[Effect]) -> None:
        del self._links[station.link]
        station.link = NO_LINK
        last_seen_s = max(station.last_seen_s, station.connected_s)
        effects.append(Store(StationDisconnected(station.identity, now, last_seen_s, code, reason)))
        self._commands.link_lost(station, now, effects)

    # Frames.

    def _frame_received(self, event: FrameReceived, now: float) -> list[Effect]:
        effects: list[Effect] = []
        station = self._links.get(event.link)
        if station is None:
            return effects
        station.last_seen_s = now
        if self._wire_log:
            effects.append(Store(MessageLogged(station.identity, now, False, event.frame)))
        try:
            frame = decode_frame(event.frame)
        except FrameFault as fault:
            self._refuse_frame(station, event.frame, fault, now, effects)
            return effects
        if isinstance(frame, Call):
            if frame.messageId in event.in_process:
                self._refuse_repeated(station, frame, now, effects)
            else:
                self._call(station, frame, now, effects)
        elif not self._commands.answered(station, frame, now, effects):
            reason = f"answer to {frame.messageId[:36]}, which nobody waits for"
            effects.append(discarded(station, reason, event.frame, now))
        return effects

    def _refuse_frame(
        self, station: Station, frame: bytes, fault: FrameFault, now: float, effects: list[Effect]
    ) -> None:
        """OCPP-J 4.2.3: a CALLERROR for a CALL whose id can be read; otherwise it is only logged."""
        effects.append(discarded(station, str(fault), frame, now))
        if fault.answerable and fault.message_id is not None:
            error = encode_call_error(fault.message_id, fault.code, fault.description)
            self._send(station, error, now, effects, fault.message_id)

    def _refuse_repeated(self, station: Station, call: Call, now: float, effects: list[Effect]) -> None:
        """OCPP-J 4.2.3: an id comes again before its CALL is answered."""
        description = "expected a new message id, came that of a CALL still at work"
        error = encode_call_error(call.messageId, ErrorCode.ProtocolError, description)
        self._send(station, error, now, effects, call.messageId)

    def _call(self, station: Station, call: Call, now: float, effects: list[Effect]) -> None:
        action = ACTIONS.get(call.action)
        refusal = self._refusal(station, call, action)
        if refusal is not None:
            self._send(station, encode_call_error(call.messageId, *refusal), now, effects, call.messageId)
            if refusal[0] is ErrorCode.SecurityError:
                self._ask_for_boot(station, now, effects)
            return
        assert action is not None, "an unknown action is refused"
        try:
            request = action.decode_request(call.payload)
        except PayloadFault as fault:
            error = encode_call_error(call.messageId, fault.code, fault.description, fault.details)
            self._send(station, error, now, effects, call.messageId)
            return
        response = self._answers.answer(station, request, bytes(call.payload), now, effects)
        self._send(station, encode_call_result(call.messageId, response), now, effects, call.messageId)

    def _refusal(self, station: Station, call: Call, action: Action | None) -> tuple[ErrorCode, str] | None:
        """Why this CALL is not even looked into: code and description; None when it is."""
        if (
            station.boot_status != RegistrationStatus.Accepted
            and call.action != "BootNotification"
            and not (action is not None and action.request in station.triggered)
        ):
            return ErrorCode.SecurityError, f"{call.action[:50]} before BootNotification was Accepted."
        if action is None:
            return ErrorCode.NotImplemented, f"There is no action {call.action[:50]} in OCPP 1.6."
        if action.sender is Sender.CENTRAL_SYSTEM:
            return ErrorCode.NotSupported, f"{call.action} is sent by a central system, not to it."
        if self._store_failure is not None:
            return ErrorCode.InternalError, f"Nothing can be stored at the moment: {self._store_failure}"
        return None

    def _ask_for_boot(self, station: Station, now: float, effects: list[Effect]) -> None:
        """A station that was accepted by a supervision which has forgotten it must boot again: ask, once a link."""
        if station.boot_status is None and not station.boot_triggered:
            station.boot_triggered = True
            request = TriggerMessageRequest(requestedMessage=MessageTrigger.BootNotification)
            self._commands.enqueue(station, None, request, now, effects)

    def _send(self, station: Station, frame: bytes, now: float, effects: list[Effect], answers: str) -> None:
        if self._wire_log:
            effects.append(Store(MessageLogged(station.identity, now, True, frame)))
        effects.append(SendFrame(station.link, station.identity, frame, answers))

    # The operator and the store.

    def _command_given(self, event: CommandGiven, now: float) -> list[Effect]:
        effects: list[Effect] = []
        station = self._stations.get(event.identity) or Station(event.identity)
        self._commands.give(station, event.command_id, event.request, now, effects)
        return effects

    def _local_list_given(self, event: LocalListGiven, now: float) -> list[Effect]:
        effects: list[Effect] = []
        station = self._stations.get(event.identity) or Station(event.identity)
        entries = self._registry.local_list(now) if event.entries is None else event.entries
        self._local_lists.give(station, event.command_id, entries, now, effects)
        return effects

    def _registry_edited(self, event: RegistryEdited, now: float) -> list[Effect]:
        self._registry.apply(event.edit)
        self.prices.edited(event.edit, now)
        return [Store(event.edit)]

    def _file_arrived(self, event: FileArrived, now: float) -> list[Effect]:
        return [Store(FileReceived(event.command_id, event.identity, now, event.name, event.size_bytes))]

    def _upload_removed(self, event: UploadRemoved, _now: float) -> list[Effect]:
        return [Store(UploadDeleted(event.identity, event.name))]

    def _store_failed(self, event: StoreFailed, _now: float) -> list[Effect]:
        self._store_failure = event.reason
        return []

    def _store_recovered(self, _event: StoreRecovered, _now: float) -> list[Effect]:
        self._store_failure = None
        return []
