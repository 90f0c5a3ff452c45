"""The security events of the white paper (§8; facts §10.4), how each is treated, and what brings some about."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

from forecourt.station.events import LinkProblem


class SecurityEvent(StrEnum):
    """The events of the white paper's list, as spelled there."""

    FirmwareUpdated = "FirmwareUpdated"
    FailedToAuthenticateAtCentralSystem = "FailedToAuthenticateAtCentralSystem"
    CentralSystemFailedToAuthenticate = "CentralSystemFailedToAuthenticate"
    SettingSystemTime = "SettingSystemTime"
    StartupOfTheDevice = "StartupOfTheDevice"
    ResetOrReboot = "ResetOrReboot"
    SecurityLogWasCleared = "SecurityLogWasCleared"
    ReconfigurationOfSecurityParameters = "ReconfigurationOfSecurityParameters"
    MemoryExhaustion = "MemoryExhaustion"
    InvalidMessages = "InvalidMessages"
    AttemptedReplayAttacks = "AttemptedReplayAttacks"
    TamperDetectionActivated = "TamperDetectionActivated"
    InvalidFirmwareSignature = "InvalidFirmwareSignature"
    InvalidFirmwareSigningCertificate = "InvalidFirmwareSigningCertificate"
    InvalidCentralSystemCertificate = "InvalidCentralSystemCertificate"
    InvalidChargePointCertificate = "InvalidChargePointCertificate"
    InvalidTLSVersion = "InvalidTLSVersion"
    InvalidTLSCipherSuite = "InvalidTLSCipherSuite"


class Row(NamedTuple):
    """How an event is treated."""

    is_critical: bool
    is_told: bool
    """Whether it is sent to the supervision: what is critical, and what a use case of the white paper wants sent."""


CRITICAL, TOLD, LOGGED = Row(True, True), Row(False, True), Row(False, False)

EVENTS: dict[SecurityEvent, Row] = {
    SecurityEvent.FirmwareUpdated: CRITICAL,
    SecurityEvent.FailedToAuthenticateAtCentralSystem: LOGGED,
    SecurityEvent.CentralSystemFailedToAuthenticate: LOGGED,
    SecurityEvent.SettingSystemTime: CRITICAL,
    SecurityEvent.StartupOfTheDevice: CRITICAL,
    SecurityEvent.ResetOrReboot: CRITICAL,
    SecurityEvent.SecurityLogWasCleared: CRITICAL,
    SecurityEvent.ReconfigurationOfSecurityParameters: LOGGED,
    SecurityEvent.MemoryExhaustion: CRITICAL,
    SecurityEvent.InvalidMessages: LOGGED,
    SecurityEvent.AttemptedReplayAttacks: LOGGED,
    SecurityEvent.TamperDetectionActivated: CRITICAL,
    SecurityEvent.InvalidFirmwareSignature: TOLD,
    SecurityEvent.InvalidFirmwareSigningCertificate: TOLD,
    SecurityEvent.InvalidCentralSystemCertificate: TOLD,
    SecurityEvent.InvalidChargePointCertificate: TOLD,
    SecurityEvent.InvalidTLSVersion: TOLD,
    SecurityEvent.InvalidTLSCipherSuite: TOLD,
}

SECURITY_KEYS = frozenset({"AdditionalRootCertificateCheck", "AuthorizationKey", "CpoName", "SecurityProfile"})
"""Keys whose change is a ReconfigurationOfSecurityParameters."""

TAMPER_DTCS = frozenset({"0x10020C", "0x200204"})
"""Vendor errors that say that a door is open: of the terminal, of the power cabinet."""


TLS_EVENTS = {
    LinkProblem.CERTIFICATE: (
        SecurityEvent.CentralSystemFailedToAuthenticate,
        SecurityEvent.InvalidCentralSystemCertificate,
    ),
    LinkProblem.TLS_VERSION: (SecurityEvent.InvalidTLSVersion,),
    LinkProblem.CIPHER_SUITE: (SecurityEvent.InvalidTLSCipherSuite,),
}
"""What was wrong with TLS when no connection came about (A00.FR.309, 314, 315, 411, 416, 417)."""


class Witness(Protocol):
    """Who is told of security events."""

    def note(self, event: SecurityEvent, tech_info: str, now: float) -> None:
        """Something happened; `tech_info` says in a few words what, without secrets."""
        ...


class Nobody:
    """Stands in for a witness until one is named."""

    __slots__ = ()

    def note(self, event: SecurityEvent, tech_info: str, now: float) -> None:
        """Forget it."""


NOBODY = Nobody()
