"""The demo's site panel: what the page shows of the supervision, from its ledger and its doors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from forecourt.cli.words import printable
from forecourt.screen.site import SiteAddress, SiteMessage, SiteStation, SiteTransaction, SiteView
from forecourt.supervision import readings, store_security

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from forecourt.screen.site import SiteStep
    from forecourt.supervision.server import Supervision
    from forecourt.supervision.views import MessageView, TransactionDetail

TRANSACTIONS_SHOWN = 5
CALLS_SHOWN = 8
MESSAGES_READ = 4 * CALLS_SHOWN
ANSWER_LENGTH = 60
ADDRESS_NAMES = {
    "supervisionUrl": "API of the supervision",
    "stationUrl": "API of the station",
    "ocppUrl": "OCPP 1.6-J",
}


class DemoPanel:
    """Tells of a demo's supervision; a `screen.site.Site`."""

    def __init__(
        self,
        identity: str,
        supervision: Supervision,
        addresses: Callable[[], dict[str, str]],
        steps: Callable[[], Sequence[SiteStep]] = lambda: (),
    ) -> None:
        """`addresses` by what they are; `steps` of the change of the security profile so far."""
        self._identity = identity
        self._supervision = supervision
        self._addresses = addresses
        self._steps = steps

    async def view(self) -> SiteView:
        """What is so now; one reading of the store."""
        now = self._supervision.now()
        transactions, messages, serial = await self._supervision.store.read(partial(self._read, now))
        addresses = self._addresses()
        return SiteView(
            stations=tuple(self._station(identity, serial) for identity in sorted(self._supervision.all_live())),
            transactions=tuple(_transaction(one) for one in transactions),
            messages=calls(self._identity, messages),
            addresses=tuple(
                SiteAddress(title, self._address(addresses[name])) for name, title in ADDRESS_NAMES.items()
            ),
            steps=tuple(self._steps()),
        )

    def _station(self, identity: str, serial: str | None) -> SiteStation:
        live = self._supervision.live(identity)
        return SiteStation(
            identity=identity,
            connected=live is not None and live.connected,
            securityProfile=self._supervision.profile_of(identity),
            certificateSerial=serial if identity == self._identity else None,
        )

    def _address(self, url: str) -> str:
        return url + ("/api/stations" if url.startswith("http") else f"/{self._identity}")

    def _read(
        self, now: float, connection: Connection
    ) -> tuple[list[TransactionDetail], list[MessageView], str | None]:
        certificates = store_security.certificates(connection, self._identity)
        installed = [one.serialNumber for one in certificates if one.state == "installed"]
        latest = readings.transactions(connection, readings.TransactionFilter(), TRANSACTIONS_SHOWN)
        details = (readings.transaction(connection, one.transactionId, now) for one in latest)
        return (
            [detail for detail in details if detail is not None],
            readings.messages(connection, self._identity, before=None, limit=MESSAGES_READ),
            installed[0] if installed else None,
        )


def _transaction(one: TransactionDetail) -> SiteTransaction:
    return SiteTransaction(
        transactionId=one.transactionId,
        identity=one.identity,
        connectorId=one.connectorId,
        idTag=one.idTag,
        state="running" if one.open else f"ended: {one.reason or 'Local'}",
        startedAt=one.startedAt,
        energy_wh=one.energyWh,
        cost=None if one.cost is None else f"{one.cost.gross} {printable(one.cost.currency)}",
    )


def calls(identity: str, messages: Sequence[MessageView]) -> tuple[SiteMessage, ...]:
    """The latest calls among frames, each with what it was answered; frames with the latest first."""
    answers: dict[tuple[bool, str], str] = {}
    found: list[SiteMessage] = []
    for message in messages:
        try:
            frame = msgspec.json.decode(message.frame)
        except msgspec.DecodeError:
            continue
        match frame:
            case [3, str(number), payload]:
                answers[message.sent, number] = _gist(payload)
            case [4, str(number), str(code), *_]:
                answers[message.sent, number] = printable(code)
            case [2, str(number), str(action), *payload]:
                answer = answers.get((not message.sent, number))
                direction = "<" if message.sent else ">"
                found.append(SiteMessage(message.at, identity, direction, _named(action, payload), answer))
    return tuple(found[:CALLS_SHOWN])


def _named(action: str, payload: list[object]) -> str:
    """An action, with its message's name where the vendor gave it one."""
    match payload:
        case [{"messageId": str(name)}]:
            return printable(f"{action} {name}")
        case _:
            return printable(action)


def _gist(payload: object) -> str:
    """An answer in a few words: its status, or what it says."""
    if isinstance(payload, dict):
        told = payload.get("idTagInfo", payload)
        if isinstance(told, dict) and isinstance(told.get("status"), str):
            return printable(told["status"])
        if not payload:
            return "answered"
    text = printable(msgspec.json.encode(payload).decode())
    return text if len(text) <= ANSWER_LENGTH else text[: ANSWER_LENGTH - 3] + "..."
