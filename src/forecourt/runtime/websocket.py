"""One WebSocket as asyncio sees it, with the library's parser inside. The theory of operation is in `link.py`."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from types import GeneratorType
from typing import TYPE_CHECKING, cast
from uuid import UUID

from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, State
from websockets.streams import StreamReader

from forecourt.runtime.ports import host_and_port

if TYPE_CHECKING:
    from websockets.http11 import Request, Response

    from forecourt.runtime.link import Links
    from forecourt.runtime.link_owner import LinkOwner
    from forecourt.station.events import LinkProblem

_NO_ID = UUID(int=0)
"""Only the library's own log would tell the id of a connection, and one for each weighs 110 bytes."""

CONGESTED = 2**16
"""Bytes that wait in the transport before a link says that its peer reads too slowly."""


class Stage(IntEnum):
    """Where a link is; it never goes back."""

    OPENING = 0
    OPEN = 1
    CLOSING = 2
    ENDED = 3


OPENING, OPEN, CLOSING, ENDED = Stage


class Link(asyncio.BufferedProtocol):
    """One WebSocket. Made by `Links`; the two sides are in `link_sides.py`."""

    __slots__ = (
        "__weakref__",
        "_links",
        "_owner",
        "_partial",
        "_pings",
        "_pong_due",
        "_protocol",
        "_stage",
        "_transport",
        "_why",
        "is_congested",
    )

    def __init__(self, links: Links, protocol: Protocol, owner: LinkOwner | None) -> None:
        self._links = links
        self._protocol = protocol
        self._owner = owner  # None before a server has decided and after the end was told
        self._transport: asyncio.Transport | None = None
        self._stage = OPENING
        self._partial: bytearray | None = None
        self._pings = 0
        self._pong_due = False
        self._why = ""  # of an abort
        self.is_congested = False

    # What the owner calls.

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent: it has opened, and neither side has begun to close."""
        return self._stage is OPEN and self._protocol.state is State.OPEN

    @property
    def problem(self) -> LinkProblem | None:
        """What was wrong with TLS, when the link was refused; None for anything else."""
        return None

    @property
    def root(self) -> str:
        """What the server's certificate hangs on, as in `LinkOpened`; empty if there is none."""
        return ""

    @property
    def remote(self) -> str:
        """The peer's `address:port`; empty when there is no connection."""
        return _address(self._transport)

    @property
    def unread(self) -> int:
        """How many bytes wait here for the peer to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, frame: bytes) -> None:
        """Send one text message, given as UTF-8. On a link that is not open it is lost; `link_closed` tells."""
        if self._stage is OPEN and self._protocol.state is State.OPEN:
            self._protocol.send_text(frame)
            self._flush()

    def ping(self) -> None:
        """Send a ping; `pong_received` tells when it is answered. Only the latest ping counts."""
        if self.is_open:
            self._pings = (self._pings + 1) & 0xFFFFFFFF
            self._pong_due = True
            self._protocol.send_ping(self._pings.to_bytes(4, "big"))
            self._flush()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close after what was sent before. Ends by itself, at the latest when `close_timeout_s` has passed.

        `code` is one that RFC 6455 lets be sent; of `reason` up to 123 bytes are sent. While opening, this is `abort`.
        """
        if self._stage is OPENING:
            self.abort(reason)
        elif self._stage is OPEN:
            self._begin_closing()
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(code, _short(reason))
                self._flush()

    def abort(self, reason: str = "") -> None:
        """Drop the connection at once, without a close frame and without what still waits to be sent.

        `reason` is the sentence that comes back with `link_closed` (1006) or `link_refused`.
        """
        if self._stage is not ENDED and not self._why:
            self._why = reason or "The connection was given up on this side."
            if self._stage is OPEN:
                self._stage = CLOSING
            self._drop()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(CONGESTED)
        if self._why:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._links.buffer

    def buffer_updated(self, nbytes: int) -> None:
        protocol = self._protocol
        protocol.receive_data(bytes(self._links.buffer[:nbytes]))
        events = protocol.events_received()
        if protocol.writes:
            self._flush()
        for event in events:
            if type(event) is Frame:
                self._take(event)
            else:
                self._shake_hands(cast("Request | Response", event))
        if protocol.parser_exc is not None:
            self._give_up(protocol.parser_exc)
        elif protocol.handshake_exc is not None and self._stage is OPENING:
            self._not_opened(None)

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        protocol = self._protocol
        protocol.receive_eof()
        protocol.parser.close()  # its frame refers to the protocol that refers to it
        was_opening = self._stage is OPENING
        self._stage = ENDED
        self._transport = None
        self._links.forget(self)
        if was_opening:
            self._not_opened(exc)
        elif self._why:
            self._tell_closed(1006, self._why)
        elif exc is not None:
            self._tell_closed(1006, f"The connection broke: {exc}.")
        else:
            self._tell_closed(1006, "The peer ended the connection without closing.")

    def pause_writing(self) -> None:
        self.is_congested = True

    def resume_writing(self) -> None:
        self.is_congested = False

    # What the two sides do in their own way.

    def _shake_hands(self, event: Request | Response) -> None:
        """Go on after the peer's half of the handshake."""
        raise NotImplementedError

    def _not_opened(self, error: Exception | None) -> None:
        """The handshake has failed for lack of a half that can be read."""
        raise NotImplementedError

    def _drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # Within.

    def _take(self, frame: Frame) -> None:
        opcode = frame.opcode
        if self._stage is not OPEN and opcode is not Opcode.CLOSE:
            return
        if opcode is Opcode.TEXT and frame.fin:
            self._deliver(bytes(frame.data))
        elif opcode is Opcode.TEXT:
            self._partial = bytearray(frame.data)
        elif opcode is Opcode.CONT:
            assert self._partial is not None, "the library lets no continuation through without a beginning"
            self._partial += frame.data
            if frame.fin:
                whole, self._partial = bytes(self._partial), None
                self._deliver(whole)
        elif opcode is Opcode.BINARY:
            self._fail(1003, "OCPP messages are text, and a binary message came.")
        elif opcode is Opcode.PONG:
            if self._pong_due and frame.data == self._pings.to_bytes(4, "big"):
                self._pong_due = False
                assert self._owner is not None, "an open link has an owner"
                self._owner.pong_received(self)
        elif opcode is Opcode.CLOSE:
            self._peer_closes()

    def _deliver(self, frame: bytes) -> None:
        if not frame.isascii():
            try:
                frame.decode()
            except UnicodeDecodeError as error:
                self._fail(1007, f"A text message is UTF-8, and one came that is not at byte {error.start}.")
                return
        assert self._owner is not None, "an open link has an owner"
        self._owner.frame_received(self, frame)

    def _peer_closes(self) -> None:
        protocol = self._protocol
        first = protocol.close_rcvd if protocol.close_rcvd_then_sent else protocol.close_sent
        assert first is not None, "a close frame was received, and perhaps one sent before"
        self._begin_closing()
        self._tell_closed(first.code, first.reason)

    def _fail(self, code: int, reason: str) -> None:
        """Close because of what the peer sent, and listen to it no longer."""
        self._begin_closing()
        self._protocol.fail(code, _short(reason))
        self._flush()
        self._tell_closed(code, reason)

    def _give_up(self, error: Exception) -> None:
        """The library has failed the connection, and sent the close frame for it."""
        sent = self._protocol.close_sent
        if self._stage is OPEN and sent is not None:
            self._begin_closing()
            reason = f"A message has at most {self._links.max_size} bytes, and a longer one came."
            self._tell_closed(sent.code, reason if isinstance(error, PayloadTooBig) else sent.reason)

    def _open(self) -> None:
        assert self._owner is not None, "a link opens for an owner"
        if _between_messages(self._protocol):
            shaken, self._protocol = self._protocol, self._bare_protocol()
            shaken.parser.close()  # as in connection_lost()
        self._stage = OPEN
        self._owner.link_opened(self)

    def _bare_protocol(self) -> Protocol:
        protocol = Protocol(self._protocol.side, state=State.OPEN, max_size=self._links.max_size)
        protocol.id = _NO_ID
        return protocol

    def _begin_closing(self) -> None:
        if self._stage < CLOSING:
            self._stage = CLOSING
            self._links.patience.after(self._links.close_timeout_s, self, Link._closing_took_too_long)

    def _closing_took_too_long(self) -> None:
        self.abort(f"The peer did not finish closing within {self._links.close_timeout_s:g} s.")

    def _opening_took_too_long(self) -> None:
        if self._stage is OPENING:
            limit_s = self._links.open_timeout_s
            self.abort(f"The connection did not open within {limit_s:g} s: check the address and the network.")

    def _tell_closed(self, code: int, reason: str) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.link_closed(self, code, reason)

    def _flush(self) -> None:
        """Hand to the transport what the library wants sent, within bounds."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self.is_congested and transport.get_write_buffer_size() > self._links.max_unread:
            self.abort(f"The peer does not read: more than {self._links.max_unread} bytes waited for it.")
            return
        for data in self._protocol.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()
            else:
                transport.close()


def _between_messages(protocol: Protocol) -> bool:
    """Whether the library's parser waits for the first byte of a message, so that another can take its place.

    It is a chain of generators. Should a newer library wait elsewhere, the answer is no and only memory is lost.
    """
    if protocol.state is not State.OPEN or protocol.current_size is not None:
        return False
    waiting = protocol.parser
    while isinstance(inner := getattr(waiting, "gi_yieldfrom", None), GeneratorType):
        waiting = inner
    return isinstance(waiting, GeneratorType) and waiting.gi_code is StreamReader.at_eof.__code__


def _short(reason: str) -> str:
    """As much of a reason as a close frame holds."""
    return reason.encode()[:123].decode(errors="ignore")


def _address(transport: asyncio.Transport | None) -> str:
    peer = None if transport is None else transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return ""
    return host_and_port(*peer[:2])
