"""What can happen to a station, in the order of a session. Every event enters through `Station.handle(event, now)`.

`now` is the station's own time in seconds: monotonic, from any origin. Wall time is `clock_s`, seconds since the epoch.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something that happened outside the station's brain."""


class PowerRestored(Event, frozen=True, gc=False):
    """The station wakes: the first event of every life, after a power cut as after a reset."""

    clock_s: float
    """What the real-time clock shows at this moment, in seconds since the epoch."""
    lost_clock_s: float | None = None
    """When power was last known to be there; None on the first start ever."""


class PowerLost(Event, frozen=True, gc=False):
    """Mains power has gone; what little time is left comes from a capacitor."""


class LinkOpened(Event, frozen=True, gc=False):
    """The WebSocket asked for by `OpenLink` is open and has agreed on ocpp1.6."""

    root: str = ""
    """Over TLS, SHA-256 over the DER of the root that the server's certificate hangs on, as hex digits, if known."""


class LinkProblem(StrEnum):
    """Why no TLS connection came about."""

    CERTIFICATE = "certificate"
    """The server's certificate is not trusted, or is for another host."""
    TLS_VERSION = "TLS version"
    """The server only speaks versions that are no longer safe."""
    CIPHER_SUITE = "cipher suite"
    """The server only offers cipher suites that are not safe."""


class LinkRefused(Event, frozen=True, gc=False):
    """The WebSocket asked for by `OpenLink` could not be opened."""

    reason: str
    """One sentence for the log and the snapshot."""
    http_status: int | None = None
    """The HTTP status of a refused upgrade, such as 401 or 404; None when there was no HTTP answer."""
    problem: LinkProblem | None = None
    """What was wrong with TLS, if that was it."""


class LinkClosed(Event, frozen=True, gc=False):
    """An open WebSocket has ended, by whomever, also after `CloseLink`."""

    code: int
    """The close code; 1006 when there was none."""
    reason: str


class FrameReceived(Event, frozen=True, gc=False):
    """One whole text message arrived."""

    frame: bytes
    """The text as UTF-8."""


class PongReceived(Event, frozen=True, gc=False):
    """The answer to the latest `SendPing`."""


class CablePlugged(Event, frozen=True, gc=False):
    """A vehicle is connected to a gun."""

    connector: int
    """1 for gun A, 2 for gun B."""


class CableUnplugged(Event, frozen=True, gc=False):
    """The vehicle was disconnected from a gun."""

    connector: int


class BadgeShown(Event, frozen=True, gc=False):
    """A badge was held to the reader."""

    idTag: str


class ConnectorShown(Event, frozen=True, gc=False):
    """The driver touched the screen to see this connector."""

    connector: int


class TariffShown(Event, frozen=True, gc=False):
    """The driver touched the Tariff button."""


class TariffHidden(Event, frozen=True, gc=False):
    """The driver touched the picture of the tariff, to be back where the button is."""


class VehicleDrawing(Event, frozen=True, gc=False):
    """With the contactor closed, the vehicle takes energy."""

    connector: int


class VehiclePaused(Event, frozen=True, gc=False):
    """With the contactor closed, the vehicle takes no energy although it may."""

    connector: int


class VehicleFailed(Event, frozen=True, gc=False):
    """With the contactor ordered closed, the vehicle no longer answers the station."""

    connector: int


class PowerWithheld(Event, frozen=True, gc=False):
    """With the contactor closed, the cabinet has no power module left for the gun."""

    connector: int


class PowerGranted(Event, frozen=True, gc=False):
    """The cabinet has power modules for the gun again."""

    connector: int


class FaultRaised(Event, frozen=True, gc=False):
    """A vendor error of the guide appeared."""

    dtc: str
    """As printed, such as 0x100205."""
    connector: int
    """The gun concerned; 0 for an error of the station."""


class FaultCleared(Event, frozen=True, gc=False):
    """A vendor error went away."""

    dtc: str
    connector: int


class KeySet(Event, frozen=True, gc=False):
    """The installer set a configuration key at the station, read-only or not. The value has been checked before."""

    key: str
    value: str


class SecurityLogCleared(Event, frozen=True, gc=False):
    """The installer emptied the security log at the station."""


class RevocationListsSet(Event, frozen=True, gc=False):
    """The installer gave the station revocation lists, in place of those it had. They have been read before."""

    lists: str
    """X.509 CRLs in PEM, one after the other; empty for none."""


class RebootRequested(Event, frozen=True, gc=False):
    """Somebody at the station asked for a reboot (StopTransaction reason Reboot)."""


class TransferProblem(StrEnum):
    """Why a file did not come or go."""

    ADDRESS = "address"
    """The address cannot be understood, or leads to where a station does not go."""
    SCHEME = "scheme"
    """Neither FTP nor HTTP nor HTTPS, at once or after a redirect."""
    UNREACHABLE = "unreachable"
    """No server answered."""
    CERTIFICATE = "certificate"
    """The server's certificate is not trusted."""
    REFUSED = "refused"
    """The server wants other credentials, or forbids it."""
    NOT_FOUND = "not found"
    SERVER = "server"
    """The server answered with another error."""
    TOO_LARGE = "too large"
    INTERRUPTED = "interrupted"
    """The connection ended before the file did."""
    STALLED = "stalled"
    """It took longer than it may."""
    STORAGE = "storage"
    """The station cannot keep it, as when the disk is full."""


class FileFetched(Event, frozen=True, gc=False):
    """A `FetchFile` is done."""

    id: str
    data: bytes


class FileSent(Event, frozen=True, gc=False):
    """A `SendFile` is done: the server has the whole file."""

    id: str


class TransferFailed(Event, frozen=True, gc=False):
    """A `FetchFile` or `SendFile` has failed. Whether to try again is the station's matter."""

    id: str
    problem: TransferProblem
    reason: str
    """One sentence for the log, without credentials."""


class CertificateRequestMade(Event, frozen=True, gc=False):
    """A `MakeCertificateRequest` is done: the key is durable."""

    id: str
    csr: str
    """PKCS#10 in PEM."""
    public_key: bytes
    """DER (SubjectPublicKeyInfo)."""


class CertificateRequestFailed(Event, frozen=True, gc=False):
    """A `MakeCertificateRequest` has failed, as when the disk is full."""

    id: str
    reason: str


class SaveFailed(Event, frozen=True, gc=False):
    """Records could not be made durable. What waits for them goes on waiting while the driver tries again."""

    reason: str


class SaveRecovered(Event, frozen=True, gc=False):
    """Records are durable again after `SaveFailed`."""
