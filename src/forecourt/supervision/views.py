"""What the API shows: plain records, spelled as OCPP spells its fields, absent values null.

Times are UTC in whole milliseconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from forecourt.ocpp.core import BootNotificationRequest
from forecourt.ocpp.security_extension import CertificateUse, HashAlgorithm
from forecourt.supervision.consequences import CommandState


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Something the API shows."""


class ConnectorView(View, frozen=True):
    """The latest status of a connector, or one of its past ones; connector 0 is the station itself."""

    id: int
    connectorId: int
    status: str
    errorCode: str
    dtc: str | None
    """The station's own error, from vendorErrorCode, such as 0x100205."""
    description: str | None
    """What it means: the station's info or, where it sends none, the guide's description of the error."""
    severity: str | None
    """error, which makes connectors Faulted, or warning; null for what is no error of the guide's table."""
    advice: str | None
    """What an operator does about it."""
    info: str | None
    vendorId: str | None
    vendorErrorCode: str | None
    timestamp: datetime | None
    """As the station stated it."""
    receivedAt: datetime


class ErrorView(View, frozen=True):
    """An error that a station reported, from its first report to the next one of this connector without it."""

    connectorId: int
    errorCode: str
    dtc: str | None
    description: str | None
    severity: str | None
    """error, which makes connectors Faulted, or warning; null for what is no error of the guide's table."""
    advice: str | None
    """What an operator does about it."""
    since: datetime
    """As the station stated it; where it stated none, when the report came."""
    until: datetime | None
    """Null while it is there."""


class TransactionView(View, frozen=True):
    """A charging session as far as it is known."""

    transactionId: int
    identity: str
    connectorId: int
    idTag: str
    idTagStatus: str
    """What StartTransaction was answered."""
    reservationId: int | None
    open: bool
    meterStart: int
    """Register in Wh."""
    startedAt: datetime
    meterStop: int | None
    stoppedAt: datetime | None
    reason: str | None
    stopIdTag: str | None
    energyWh: float | None
    """meterStop - meterStart; while open, what the latest energy register says; null when there is none."""


class CostLineView(View, frozen=True):
    """One thing that is charged for. Amounts, prices and quantities are decimals, as texts."""

    what: str
    """energy, time, session, or idle: the time at the gun after the end."""
    quantity: str
    unit: str
    """Of the quantity: Wh, s, or empty."""
    price: str
    priceUnit: str
    """What the price is for: kWh, min or session."""
    amount: str


class CostView(View, frozen=True):
    """What a session costs. The lines add up to gross where prices hold VAT, else to net; net and vat to gross."""

    tariff: str
    currency: str
    lines: list[CostLineView]
    pricesIncludeVat: bool
    vatPercent: str
    net: str
    vat: str
    gross: str
    """What the driver pays."""
    final: bool
    """Whether it can change no more."""


class ReceiptView(View, frozen=True):
    """What a driver gets for a session."""

    transactionId: int
    identity: str
    connectorId: int
    idTag: str
    startedAt: datetime
    stoppedAt: datetime | None
    meterStart: int
    """Register in Wh."""
    meterStop: int | None
    energyWh: float | None
    cost: CostView


class TariffVersionView(View, frozen=True):
    """A tariff from a moment on. Prices are decimals, as texts; those without a fee are 0."""

    currency: str
    decimals: int
    pricePerKWh: str
    pricePerMinute: str
    sessionFee: str
    idleFeePerMinute: str
    idleGraceMinutes: int
    vatPercent: str
    pricesIncludeVat: bool
    validFrom: datetime | None
    """For sessions that begin then or later; null for all."""


class TariffPictureView(View, frozen=True):
    """The picture that stations show of a tariff."""

    file: str
    """Its name in `GET /api/files`."""
    size: int
    """Bytes."""
    digest: str
    """SHA-256, as hex digits."""


class TariffPlaceView(View, frozen=True):
    """Where a tariff holds."""

    identity: str | None
    """Null for all stations that have none of their own."""
    connectorId: int
    """0 for all guns that have none of their own."""
    tariff: str


class TariffView(View, frozen=True):
    """A tariff in all its versions."""

    name: str
    versions: list[TariffVersionView]
    """The one that holds last comes last."""
    picture: TariffPictureView | None
    assigned: list[TariffPlaceView]


class TransactionDetail(TransactionView, frozen=True):
    """A transaction with what its StopTransaction carried."""

    transactionData: list[dict[str, Any]] | None
    cost: CostView | None
    """What it costs; while it is open, at this moment."""
    noCost: str | None
    """Why it costs nothing, where it has no cost."""


class OrphanStopView(View, frozen=True):
    """A StopTransaction for a transaction that the supervision never gave out, such as -1."""

    identity: str
    transactionId: int
    idTag: str | None
    meterStop: int
    stoppedAt: datetime
    reason: str | None
    transactionData: list[dict[str, Any]] | None
    receivedAt: datetime
    noCost: str
    """Why it has no cost."""


class SampledValueView(View, frozen=True, omit_defaults=True):
    """A figure of a meter as it was sent. Absent: Sample.Periodic, Raw, Energy.Active.Import.Register, Outlet, Wh."""

    value: str
    context: str | None = None
    format: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    unit: str | None = None
    """A Frequency, for which OCPP 1.6 has no unit, is in Hz."""


class MeterValueView(View, frozen=True):
    """One MeterValue: what was sampled at one moment."""

    timestamp: datetime
    connectorId: int
    transactionId: int | None
    sampledValue: tuple[SampledValueView, ...]
    receivedAt: datetime


class BootView(View, frozen=True):
    """The latest BootNotification."""

    status: str
    """What it was answered."""
    at: datetime
    request: BootNotificationRequest


class RegistrationView(View, frozen=True):
    """What the operator decided about a station."""

    bootStatus: str | None
    """What its next BootNotification is answered; null for the policy's answer."""
    interval: int | None
    """`interval` of that answer in s; null for the policy's."""


class StationView(View, frozen=True):
    """A station, as registered, as seen, as it is now."""

    identity: str
    registration: RegistrationView | None
    """Null for a station that nobody registered and that open enrolment let in."""
    authorizationKeySet: bool
    """Whether it must give a password; the password itself is never shown."""
    connected: bool
    connectedSince: datetime | None
    lastSeen: datetime | None
    remote: str | None
    boot: BootView | None
    connectors: list[ConnectorView]
    errors: list[ErrorView]
    """Those that are there, by connector; 0 is the station itself."""
    openTransactions: list[TransactionView]
    waitingCommands: int
    """Commands given and not yet answered."""
    costRefusal: str | None
    """Why it is told no costs until it boots again; null where it is."""


class MessageView(View, frozen=True):
    """One frame of the wire log."""

    id: int
    at: datetime
    sent: bool
    """True from the supervision to the station."""
    frame: str
    discarded: str | None
    """Why it was ignored or could not be read; null when it was understood."""


class NoticeView(View, frozen=True):
    """One firmware, diagnostics, log, security or data message of a station."""

    id: int
    at: datetime
    action: str
    payload: dict[str, Any]


class FollowUpView(View, frozen=True):
    """Something a command led to after its answer."""

    at: datetime
    action: str
    status: str | None
    transactionId: int | None


class UploadView(View, frozen=True):
    """A file that a station uploaded."""

    id: int
    identity: str
    name: str
    size: int
    """Bytes."""
    receivedAt: datetime
    path: str
    """Where this API gives the file itself."""
    command: str
    """The command that asked for it."""


class FileView(View, frozen=True):
    """A file that stations may fetch."""

    name: str
    size: int
    """Bytes."""
    modifiedAt: datetime
    signed: bool
    """Whether it is firmware whose signature of the manufacturer is kept here."""
    locations: list[str]
    """Where stations fetch it, an address a protocol."""


class CommandView(View, frozen=True):
    """A command and what came of it."""

    id: str
    identity: str
    action: str
    request: dict[str, Any]
    givenAt: datetime
    state: CommandState
    """awaited; running while what it leads to goes on, such as an upload; in the end done or failed."""
    outcome: str | None
    """Answered, ErrorAnswered, BadlyAnswered, Refused, NotConnected, ConnectionLost or TimedOut; null while awaited."""
    endedAt: datetime | None
    response: dict[str, Any] | None
    """The station's answer, when it was Answered."""
    error: dict[str, Any] | None
    """Why there is none, otherwise."""
    followUps: list[FollowUpView]
    upload: UploadView | None
    """The file that it brought."""
    transactionId: int | None
    """The transaction that the command began or ended, as soon as that is known."""


class IdTagView(View, frozen=True):
    """An entry of the idTag registry."""

    idTag: str
    status: str
    expiryDate: datetime | None
    parentIdTag: str | None


class SecurityEventView(View, frozen=True):
    """A security event that a station reported or the supervision saw."""

    id: int
    identity: str | None
    """The station; null where it is about none in particular."""
    source: str
    """station or supervision."""
    type: str
    techInfo: str | None
    times: int
    """How often it happened since it was last told of."""
    timestamp: datetime | None
    """As the station stated it; null for what the supervision saw."""
    receivedAt: datetime


class CertificateView(View, frozen=True):
    """A signing request of a station and what came of it."""

    requestId: str
    requestedAt: datetime
    state: str
    """rejected, requested, issued, installed, refused (by the station), failed or revoked."""
    reason: str | None
    serialNumber: str | None
    """Of the certificate, as hex digits."""
    validUntil: datetime | None


class InstalledCertificateView(View, frozen=True):
    """A root that a station has installed, named as the station names it."""

    certificateType: CertificateUse
    hashAlgorithm: HashAlgorithm
    issuerNameHash: str
    issuerKeyHash: str
    serialNumber: str
    """Hex digits."""


class UpgradeView(View, frozen=True):
    """How far a station has been led to another security profile."""

    profile: int
    formerProfile: int
    state: str
    """running, done or failed."""
    step: str
    """What is being done, or was done last: begin, password, root, certificate, profile, reconnect."""
    reason: str | None
    """Why it failed."""
    at: datetime
    warning: str | None
    """What the operator should know of this profile."""


class SecurityView(View, frozen=True):
    """What is known of a station's security. Passwords are never shown."""

    identity: str
    securityProfile: int | None
    """The only one it is let in with; null for any that is not below the proven one."""
    provenProfile: int | None
    """The highest one, of 2 and 3, that it has connected with."""
    connectedProfile: int | None
    """The one it is connected with now."""
    serialNumber: str | None
    """What its certificates must name."""
    authorizationKeySet: bool
    passwordChanging: bool
    """Whether a new password was sent, and it is not known yet which one it has."""
    upgrade: UpgradeView | None
    certificates: list[CertificateView]
    warning: str | None
    """What the operator should know of the profile in use or expected."""
