"""What a station wants done, in order. `Station.handle` and `Station.expire` return lists of these.

In one list every `SaveRecord` and `DeleteRecord` stands before what depends on it. The driver carries effects out in
order and holds `GATED` ones back until every gating save before them is durable.
"""

from __future__ import annotations

import msgspec


class Effect(msgspec.Struct, frozen=True, gc=False):
    """Something the driver is to do."""


class SaveRecord(Effect, frozen=True, gc=False):
    """Keep this record over power cuts, in place of one of the same kind and key."""

    kind: str
    """What it is, such as `queue` or `transaction`."""
    key: str
    """Which one of its kind; keys of a kind sort as text in the order they are to be read."""
    data: bytes
    gates: bool = True
    """Whether later frames and contactors wait until it is durable; a sampled MeterValues does not gate."""


class DeleteRecord(Effect, frozen=True, gc=False):
    """Forget a record. Never gates."""

    kind: str
    key: str


class OpenLink(Effect, frozen=True, gc=False):
    """Connect to the supervision; comes back as `LinkOpened` or `LinkRefused`."""

    url: str
    """Whole address: the endpoint, a slash and the percent-encoded identity."""
    identity: str
    """User name for Basic authentication, not percent-encoded."""
    password: bytes | None
    """Password bytes for Basic authentication, or None for no Authorization header."""
    roots: tuple[str, ...] | None = None
    """Over TLS, the only certificates to trust, in PEM; None: those that the driver was given."""
    chain: str = ""
    """Over TLS, the client certificate to show and those between it and its root, in PEM; empty for none."""
    key: str = ""
    """The id under which the private key of that certificate was made."""


class CloseLink(Effect, frozen=True, gc=False):
    """Close the WebSocket; comes back as `LinkClosed`. Frames already sent go out first."""

    code: int
    reason: str


class SendFrame(Effect, frozen=True, gc=False):
    """Send one text message."""

    frame: bytes


class SendPing(Effect, frozen=True, gc=False):
    """Send a WebSocket ping; its answer comes back as `PongReceived`."""


class CloseContactor(Effect, frozen=True, gc=False):
    """Let energy flow to a gun."""

    connector: int


class OpenContactor(Effect, frozen=True, gc=False):
    """Cut energy to a gun, at once."""

    connector: int


class LimitPower(Effect, frozen=True, gc=False):
    """Give a gun no more than this, in W, from now on; None for no limit but the hardware's."""

    connector: int
    """0 for all guns together, which takes a limit above 0."""
    limit_w: float | None


class TakeModulesOut(Effect, frozen=True, gc=False):
    """From now on let so many power modules deliver nothing, whichever; 0 puts all of them into service."""

    modules: int


class FilePart(msgspec.Struct, frozen=True, gc=False):
    """One file of an archive."""

    name: str
    data: bytes


class FetchFile(Effect, frozen=True, gc=False):
    """Download a whole file; comes back as `FileFetched` or `TransferFailed` with this id. One attempt."""

    id: str
    url: str
    """As the supervision wrote it, credentials included."""
    most_bytes: int
    """A file with more is not taken, whatever its server announced."""
    timeout_s: float
    """Real seconds for the whole transfer."""
    roots: tuple[str, ...] = ()
    """Over HTTPS, certificates in PEM to trust besides those that the driver was given."""


class SendFile(Effect, frozen=True):
    """Upload one archive; comes back as `FileSent` or `TransferFailed` with this id. One attempt."""

    id: str
    url: str
    """The folder, as the supervision wrote it, credentials included."""
    name: str
    """The file's name in that folder; how it ends says how the parts are packed."""
    parts: tuple[FilePart, ...]
    log_from_s: float | None
    """Add the log of messages and events since then, in seconds since the epoch by the station's clock; None: none."""
    log_until_s: float
    """The end of that log."""
    timeout_s: float
    """Real seconds for the whole transfer."""
    roots: tuple[str, ...] = ()
    """Over HTTPS, certificates in PEM to trust besides those that the driver was given."""


class StopTransfer(Effect, frozen=True, gc=False):
    """End a transfer; nothing comes back of it. One that is over already is no error."""

    id: str


class MakeCertificateRequest(Effect, frozen=True, gc=False):
    """Make a key pair, keep it under this id and sign a request for its certificate.

    Comes back as `CertificateRequestMade` or `CertificateRequestFailed`. The private key never comes in here.
    """

    id: str
    """Of letters, digits and dashes; none is ever used twice by a station."""
    common_name: str
    organization: str


class ForgetKey(Effect, frozen=True, gc=False):
    """Destroy the key that was made under this id; one that is not there is no error."""

    id: str


class Reboot(Effect, frozen=True, gc=False):
    """End this life after every effect before this one is done, and begin another with `PowerRestored`."""

    hard: bool


class LogEvent(Effect, frozen=True, gc=False):
    """One line for the log."""

    name: str
    """What it is, such as `InvalidMessages` or `StatusNotification discarded`."""
    detail: str


GATED = frozenset({SendFrame, CloseContactor, MakeCertificateRequest, Reboot})
"""Effects that wait for the gating saves before them."""
