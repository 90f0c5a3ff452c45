"""What the supervision keeps: one small record a thing that happened or was decided, in the order it happened.

The core gives them as `Store(fact)`; a store makes them durable and answers questions about them. `at_s` is the
supervision's wall time in seconds since the epoch; times the station states stay in the request, as the station sent
them. Requests are the records of `forecourt.ocpp`, unchanged.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from forecourt.ocpp.core import (
    BootNotificationRequest,
    MeterValuesRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
)
from forecourt.ocpp.security_extension import SecurityEventNotificationRequest
from forecourt.supervision.tariffs import Tariff


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Something to keep."""


# What the operator decided. These are also what a `RegistryEdited` event carries.


class Policy(msgspec.Struct, frozen=True, gc=False):
    """What holds for every station that has no rule of its own."""

    open_enrolment: bool = True
    """Whether a station nobody registered may connect; else the handshake is answered 404."""
    accept_unknown_id_tags: bool = False
    """Whether an idTag nobody registered is Accepted; else it is Invalid."""
    concurrent_transactions: bool = False
    """Whether one idTag may have several transactions at once; else StartTransaction is answered ConcurrentTx."""
    boot_status: str = "Accepted"
    """What the BootNotification of a station without a rule of its own is answered: a `RegistrationStatus`."""
    heartbeat_interval_s: int = 300
    """`interval` of an Accepted BootNotification."""
    boot_retry_interval_s: int = 60
    """`interval` of a Pending or Rejected BootNotification."""
    cost_interval_s: int = 30
    """How often a station is told at most what its sessions cost so far."""


class PolicySet(Fact, frozen=True, gc=False):
    """The operator gave another policy."""

    policy: Policy


class IdTagSet(Fact, frozen=True, gc=False):
    """The operator registered an idTag, or changed it. idTags compare without regard to case."""

    idTag: str
    status: str = "Accepted"
    """Accepted, Blocked, Expired or Invalid: an `AuthorizationStatus` other than ConcurrentTx."""
    expiryDate: datetime | None = None
    """From then on the answer is Expired; None for no end."""
    parentIdTag: str | None = None


class IdTagDeleted(Fact, frozen=True, gc=False):
    """The operator forgot an idTag."""

    idTag: str


class StationSet(Fact, frozen=True, gc=False):
    """The operator registered a station, or changed its rules."""

    identity: str
    boot_status: str | None = None
    """What its next BootNotification is answered: a `RegistrationStatus`; None for the policy's."""
    interval_s: int | None = None
    """`interval` of that answer; None for the policy's."""


class StationDeleted(Fact, frozen=True, gc=False):
    """The operator forgot a station's registration. What it reported stays."""

    identity: str


class AuthorizationKeySet(Fact, frozen=True, gc=False):
    """A station has another password: the operator set it, or the station took it by ChangeConfiguration.

    The store keeps a salted hash and never the key itself.
    """

    identity: str
    authorizationKey: str | None
    """32 to 40 hex digits, or a literal password; None for no password."""

    def __repr__(self) -> str:
        """Without the key."""
        return f"AuthorizationKeySet(identity={self.identity!r})"


# Which stations are believed, and how.


class SecuritySet(Fact, frozen=True, gc=False):
    """The operator decided what a station must show at the handshake."""

    identity: str
    securityProfile: int | None = None
    """0 to 3, and no other is let in; None for any that is not below one it has proved itself with."""
    serialNumber: str | None = None
    """What its certificate must name; None for what its BootNotification says."""


class ProfileProven(Fact, frozen=True, gc=False):
    """A station has connected with a profile of 2 or 3, and from then on is not let in with a lower one (A05.FR.09)."""

    identity: str
    securityProfile: int


class CandidateKeySet(Fact, frozen=True, gc=False):
    """A password is about to be sent to a station: until it is known whether it took it, both are right."""

    identity: str
    authorizationKey: str | None
    """None: the station did not take it."""

    def __repr__(self) -> str:
        """Without the key."""
        return f"CandidateKeySet(identity={self.identity!r})"


class CandidateKeyProven(Fact, frozen=True, gc=False):
    """A station has connected with the candidate, which is its only password from then on."""

    identity: str


class UpgradeNoted(Fact, frozen=True, gc=False):
    """How far a station has been led to another security profile. One a station: a new one takes its place."""

    identity: str
    at_s: float
    target: int
    former: int
    """The profile it had."""
    state: str
    """running, done or failed."""
    step: str
    """What is being done, or was done last."""
    sentence: str | None = None
    """Why it failed."""


class CertificateRequested(Fact, frozen=True, gc=False):
    """SignCertificate. The same request sent again is the same one."""

    identity: str
    at_s: float
    requestId: str
    csr: str
    refusal: str | None
    """Why it was answered Rejected; None for Accepted."""


class CertificateIssued(Fact, frozen=True, gc=False):
    """The authority has signed a request."""

    identity: str
    requestId: str
    serialNumber: str
    """Of the certificate, as hex digits."""
    certificateChain: str
    """PEM, the leaf first."""
    not_after_s: float
    """Until when it is valid, epoch seconds."""


class CertificateSettled(Fact, frozen=True, gc=False):
    """What came of a certificate, or of the request for it, in the end."""

    identity: str
    at_s: float
    requestId: str
    state: str
    """installed, refused, failed or revoked."""
    sentence: str | None = None
    """Why, where it is not installed."""
    serialNumber: str = ""
    """Of a revoked certificate, as hex digits."""


# What charging costs.


class TariffSet(Fact, frozen=True, gc=False):
    """The operator gave a tariff, or another version of it. Sessions that began before keep what they began with."""

    tariff: Tariff


class TariffDeleted(Fact, frozen=True, gc=False):
    """The operator forgot a tariff, its picture and all its versions."""

    name: str


class TariffAssigned(Fact, frozen=True, gc=False):
    """The operator decided which tariff holds at a gun."""

    identity: str
    """Empty for all stations that have no tariff of their own."""
    connectorId: int
    """0 for all guns of the station that have none of their own."""
    tariff: str | None
    """Its name; None for none of its own."""


class TariffPictureSet(Fact, frozen=True, gc=False):
    """The operator gave the picture that stations show of a tariff."""

    name: str
    """Of the tariff."""
    file: str
    """Of what stations fetch."""
    size_bytes: int
    digest: str
    """Other pictures have others."""


Edit = (
    PolicySet
    | IdTagSet
    | IdTagDeleted
    | StationSet
    | StationDeleted
    | AuthorizationKeySet
    | SecuritySet
    | ProfileProven
    | CandidateKeySet
    | CandidateKeyProven
    | UpgradeNoted
    | CertificateIssued
    | CertificateSettled
    | TariffSet
    | TariffDeleted
    | TariffAssigned
    | TariffPictureSet
)


class SecurityNoted(Fact, frozen=True, gc=False):
    """A security event of the supervision itself, such as a refused handshake. Does not gate."""

    identity: str
    """The station it is about; empty where that is not known."""
    at_s: float
    type: str
    """As the white paper names it, section 8."""
    techInfo: str
    times: int = 1
    """How often it happened since it was last told of."""


# What stations did.


class StationConnected(Fact, frozen=True, gc=False):
    """A station opened a connection; with open enrolment perhaps for the first time ever. Does not gate."""

    identity: str
    at_s: float
    remote: str
    """Address of the peer, for people."""


class StationDisconnected(Fact, frozen=True, gc=False):
    """A station's connection ended. Does not gate."""

    identity: str
    at_s: float
    last_seen_s: float
    """When its last message came; any message is a sign of life."""
    code: int
    reason: str


class BootReported(Fact, frozen=True, gc=False):
    """BootNotification, and what it was answered."""

    identity: str
    at_s: float
    status: str
    """The `RegistrationStatus` answered; it holds over reconnects, until the next BootNotification."""
    request: BootNotificationRequest


class StatusReported(Fact, frozen=True, gc=False):
    """StatusNotification."""

    identity: str
    at_s: float
    request: StatusNotificationRequest


class TransactionStarted(Fact, frozen=True, gc=False):
    """The first StartTransaction of its kind: a new transaction."""

    identity: str
    at_s: float
    transactionId: int
    """Unique over all stations, positive."""
    status: str
    """The `AuthorizationStatus` answered."""
    request: StartTransactionRequest


class TransactionStopped(Fact, frozen=True, gc=False):
    """The first StopTransaction for a transaction of this station."""

    identity: str
    at_s: float
    transactionId: int
    request: StopTransactionRequest


class SessionPriced(Fact, frozen=True, gc=False):
    """A transaction began where a tariff holds, and keeps this version of it to its end."""

    identity: str
    transactionId: int
    tariff: Tariff


class GunFreed(Fact, frozen=True, gc=False):
    """The cable of a priced transaction is out of the gun, or the next transaction has begun there."""

    identity: str
    transactionId: int
    freed_s: float | None
    """Epoch seconds; None: it is not so after all."""


class TariffShown(Fact, frozen=True, gc=False):
    """A station has fetched the picture of its tariff."""

    identity: str
    digest: str
    """Of the picture."""


class OrphanStopped(Fact, frozen=True, gc=False):
    """A StopTransaction with -1 or an id this station has no transaction for; kept so that no kWh is lost.

    A store that holds the same identity, transactionId, timestamp and meterStop already keeps it once.
    """

    identity: str
    at_s: float
    request: StopTransactionRequest


class MeterValuesReported(Fact, frozen=True, gc=False):
    """MeterValues. Late ones are in order by their own timestamps, not by arrival."""

    identity: str
    at_s: float
    request: MeterValuesRequest


class SecurityEventReported(Fact, frozen=True, gc=False):
    """SecurityEventNotification."""

    identity: str
    at_s: float
    request: SecurityEventNotificationRequest


class ProgressReported(Fact, frozen=True, gc=False):
    """Diagnostics-, Firmware-, Log- or SignedFirmwareStatusNotification."""

    identity: str
    at_s: float
    action: str
    """Which of the four."""
    status: str
    requestId: int | None
    """Which GetLog or SignedUpdateFirmware it is about, where it says so."""


class DataReceived(Fact, frozen=True, gc=False):
    """DataTransfer from a station, and what it was answered."""

    identity: str
    at_s: float
    vendorId: str
    messageId: str | None
    data: str | None
    status: str
    """The `DataTransferStatus` answered."""


# What the operator's commands came to.


class CommandRecorded(Fact, frozen=True, gc=False):
    """A command was given."""

    command_id: str
    identity: str
    at_s: float
    action: str
    payload: bytes
    """The request as JSON; a password in it, or in an address in it, is replaced by asterisks."""


class CommandEnded(Fact, frozen=True, gc=False):
    """A command was answered, or will not be."""

    command_id: str
    identity: str
    at_s: float
    outcome: str
    """The outcome's class, such as Answered, ErrorAnswered, NotConnected, Refused, TimedOut, ConnectionLost."""
    detail: bytes
    """The outcome as JSON: the response payload of Answered; code, description of ErrorAnswered; sentence of others."""


class CommandFollowed(Fact, frozen=True, gc=False):
    """Something a command led to after its answer; a command may have several, in order."""

    command_id: str
    identity: str
    at_s: float
    action: str
    """The station's message, such as StartTransaction after RemoteStartTransaction."""
    status: str | None = None
    """The status that message carried, such as Uploaded; None where it carries none."""
    transactionId: int | None = None
    """The transaction that began or ended; None where it is about none."""


class FileReceived(Fact, frozen=True, gc=False):
    """A station put the file that a command asked it for; it lies in the folder of uploads."""

    command_id: str
    identity: str
    at_s: float
    name: str
    """Under which it is kept; unique among the uploads of this station."""
    size_bytes: int


class UploadDeleted(Fact, frozen=True, gc=False):
    """The operator deleted an upload."""

    identity: str
    name: str


# The wire.


class MessageLogged(Fact, frozen=True, gc=False):
    """One frame as it went over the wire. Does not gate."""

    identity: str
    at_s: float
    sent: bool
    """True from the supervision to the station."""
    frame: bytes
    """The text; a password in it is replaced by asterisks."""


class FrameDiscarded(Fact, frozen=True, gc=False):
    """A frame that was ignored or could not be read, and why. Does not gate."""

    identity: str
    at_s: float
    reason: str
    frame: bytes
    """At most its first 1,000 bytes."""


UNGATED = frozenset({StationConnected, StationDisconnected, MessageLogged, FrameDiscarded, SecurityNoted})
"""Facts that nobody waits for. Every other one is durable before the frames and outcomes that come after it go out."""
