"""What can happen to the supervision. Every event enters through `CentralSystem.handle(event, now)`.

`now` is the supervision's wall time in seconds since the epoch; it never goes back. A link is one WebSocket connection:
the driver gives each a number it never uses again, so that a late word of a replaced connection harms nobody.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec

from forecourt.ocpp.local_auth_list_management import AuthorizationData
from forecourt.ocpp.types import Record
from forecourt.supervision.facts import Edit


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something that happened outside the supervision's core."""


class LinkOpened(Event, frozen=True, gc=False):
    """A station's WebSocket is open: admitted (`CentralSystem.admits`), its password checked, ocpp1.6 agreed."""

    link: int
    identity: str
    """Percent-decoded."""
    remote: str
    """Address of the peer, for people."""
    provisional: bool = False
    """Whether it is kept Pending, as the certificate it came with is to be replaced first (white paper A00.FR.406)."""


class LinkClosed(Event, frozen=True, gc=False):
    """An open WebSocket has ended, by whomever, also after `CloseLink`."""

    link: int
    code: int
    """The close code; 1006 when there was none."""
    reason: str


class FrameReceived(Event, frozen=True, gc=False):
    """One whole text message arrived."""

    link: int
    frame: bytes
    """The text as UTF-8."""
    in_process: AbstractSet[str] = frozenset()
    """Ids of the link's CALLs whose answers are held back still: they wait until their facts are durable."""


class CommandGiven(Event, frozen=True, gc=False):
    """The operator wants a station to do something. Comes back as exactly one `EndCommand` of the same id."""

    command_id: str
    """Never used before; the command's own resource."""
    identity: str
    request: Record
    """One of the 26 request records of the central system, such as `RemoteStartTransactionRequest`."""


class LocalListGiven(Event, frozen=True, gc=False):
    """The operator wants a station's local list to be this one. Comes back as exactly one `EndCommand` of the id."""

    command_id: str
    identity: str
    entries: tuple[AuthorizationData, ...] | None
    """None: all of the registry."""


class RegistryEdited(Event, frozen=True, gc=False):
    """The operator changed a registry. Holds from this moment on."""

    edit: Edit


class FileArrived(Event, frozen=True, gc=False):
    """A station has put the whole file that a command asked it for, and it is on the disk."""

    command_id: str
    identity: str
    name: str
    """Under which it is kept."""
    size_bytes: int


class UploadRemoved(Event, frozen=True, gc=False):
    """The operator deleted an upload; it is gone from the disk."""

    identity: str
    name: str


class StoreFailed(Event, frozen=True, gc=False):
    """Facts cannot be made durable: stations are answered InternalError until `StoreRecovered`. The driver tries on."""

    reason: str


class StoreRecovered(Event, frozen=True, gc=False):
    """Facts are durable again after `StoreFailed`."""
