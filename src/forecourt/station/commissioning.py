"""What an installer decides about a station before its first connection, and the options that are no OCPP key."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from forecourt.evlink.generations import PowerLossStop


class Chance(Protocol):
    """A source of random bits that comes in from outside, so that one seed is the whole run."""

    def getrandbits(self, count: int, /) -> int:
        """A whole number of `count` random bits."""
        ...


class Commissioning(msgspec.Struct, frozen=True, gc=False):
    """Who a station is and whom it talks to."""

    identity: str
    """The first BoxIdentifier: the last part of the connection address and the user name of Basic authentication."""
    supervision_url: str
    """The first SupervisionUrl: the endpoint without the identity, ws:// or wss://."""
    model: str
    """A commercial reference of the guide."""
    serial_number: str
    """At most 25 characters, for BootNotification."""
    firmware_version: str
    """At most 50 characters, for BootNotification; keys of later versions do not exist."""
    authorization_key: str | None = None
    """The first AuthorizationKey: 32 to 40 hex digits; None for no Basic authentication."""


class StationOptions(msgspec.Struct, frozen=True, gc=False):
    """What the guide leaves open or a tester wants otherwise. No OCPP key reaches these."""

    power_loss: PowerLossStop | None = None
    """When StopTransaction is sent after a loss of power; None follows the product generation (reading A11)."""
    status_timestamp_only: bool = False
    """StatusNotification carries timestamp as its only optional field, errors or not (reading A13)."""
    literal_authorization_key: bool = False
    """AuthorizationKey may also be 16 to 40 printable characters that are used as they are."""
    accept_amperes: bool = False
    """Charging profiles may be in amperes, and count with the present DC voltage (reading A23)."""
    strict_l01: bool = False
    """UpdateFirmware is answered CALLERROR NotSupported, as the white paper wants it (L01.FR.20, reading A9)."""
    accept_pkcs1_signatures: bool = False
    """The signature of a signed firmware may be one with RSA PKCS #1 v1.5, which the white paper does not have."""
    bootloader_installs: bool = False
    """The bootloader installs signed firmware: the station reboots for it and does not tell Installing."""
    key_update_after_installation: bool = False
    """The station asks for its first certificate by itself once it has CpoName and a root (white paper A03.FR.01)."""
    list_file_transfer_protocols: bool = False
    """The key SupportedFileTransferProtocols is listed, which the guide does not have (reading A12)."""
    tolerant_data_transfer: bool = False
    """`data` of a DataTransfer may be JSON on the wire where the standard wants text (reading A38)."""
    failing_resets: int = 0
    """So many attempts to reset fail in every life, for ResetRetries to repeat."""
    queue_limit: Literal[10, 100, 1_000, 10_000, 100_000] = 100_000
    """So many messages of transactions wait for the supervision before MeterValues between others make room."""
    speed: float = 1.0
    """How many seconds of the station pass in a real one. Answers, back-off and pings stay in real seconds."""
