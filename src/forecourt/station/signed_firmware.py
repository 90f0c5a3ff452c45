"""SignedUpdateFirmware (white paper L01; facts §9.2): what is looked at before it is answered.

Theory of operation. The signing certificate is judged first, against the installed ManufacturerRootCertificates, the
revocation lists that the installer gave and the station's clock. One that is refused is answered InvalidCertificate or
RevokedCertificate, raises its security event and changes nothing: neither does a download start nor does an update end
that goes on. A good request is Rejected while firmware is installed; otherwise it cancels the update that goes on,
signed or plain, which is told as failed with its own requestId (AcceptedCanceled), and nothing of the new file is
looked at for that. The steps that follow are the machine of `station.firmware`.

OCPP 1.6 has no message for revocation lists, and the guide names no address where a station would ask. So *revoked*
means: on a list (CRL, RFC 5280 §5) of the certificate's own issuer that the installer has put on the station. Without
a list nothing is revoked.

It holds nothing: one is made for every request, and a station without a signed update pays nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.security_extension import (
    SignedUpdateFirmwareRequest,
    SignedUpdateFirmwareResponse,
    UpdateFirmwareStatus,
)
from forecourt.ocpp.types import given, to_epoch
from forecourt.station.calls import Reply
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.firmware_record import KIND, SIGNED, SignedUpdate, Step
from forecourt.station.security_events import SecurityEvent
from forecourt.station.uploads import repeats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forecourt.station.clock import Clock
    from forecourt.station.commissioning import StationOptions
    from forecourt.station.firmware import Firmware
    from forecourt.station.security_events import Witness

LISTS_KEY = "revoked"
"""The record of the installer's revocation lists."""


class SignedFirmware:
    """What answers SignedUpdateFirmware."""

    def __init__(
        self,
        firmware: Firmware,
        roots: tuple[str, ...],
        revocation_lists: str,
        options: StationOptions,
        security: Witness,
        clock: Clock,
        effects: list[Effect],
    ) -> None:
        self._firmware = firmware
        self._roots = roots
        """The installed ManufacturerRootCertificates, PEM."""
        self._revocation_lists = revocation_lists
        self._options = options
        self._security = security
        self._clock = clock
        self._effects = effects

    def asked(self, request: SignedUpdateFirmwareRequest, now: float) -> Reply:
        """Judge the certificate, answer, and begin."""
        refused = self._refused(request, now)
        if refused is not None:
            status, why = refused
            return _reply(status, lambda at: self._raise(why, at))
        update = self._firmware.update
        if update is not None and self._firmware.is_past_cancelling:
            self._log(f"request {request.requestId}: expected none while {update.version} is installed")
            return _reply(UpdateFirmwareStatus.Rejected, _nothing)
        status = UpdateFirmwareStatus.Accepted if update is None else UpdateFirmwareStatus.AcceptedCanceled
        wanted = self._update(request)
        return _reply(status, lambda at: self._firmware.begin(wanted, at))

    def _refused(self, request: SignedUpdateFirmwareRequest, now: float) -> tuple[UpdateFirmwareStatus, str] | None:
        """The status and the reason where the certificate is not good."""
        from forecourt.station.firmware_signature import (
            SigningCertificateRefused,
            SigningCertificateRevoked,
            require_signing_certificate,
        )

        try:
            require_signing_certificate(
                request.firmware.signingCertificate,
                self._roots,
                self._revocation_lists,
                self._clock.wall(now),
            )
        except SigningCertificateRevoked as refused:
            return UpdateFirmwareStatus.RevokedCertificate, f"request {request.requestId}: {refused}"
        except SigningCertificateRefused as refused:
            return UpdateFirmwareStatus.InvalidCertificate, f"request {request.requestId}: {refused}"
        return None

    def _raise(self, why: str, now: float) -> None:
        self._log(why)
        self._security.note(SecurityEvent.InvalidFirmwareSigningCertificate, why, now)

    def _log(self, why: str) -> None:
        self._effects.append(LogEvent("SignedUpdateFirmware refused", why))

    def _update(self, request: SignedUpdateFirmwareRequest) -> SignedUpdate:
        firmware = request.firmware
        install = given(firmware.installDateTime)
        return SignedUpdate(
            Step.SCHEDULED,
            firmware.location,
            to_epoch(firmware.retrieveDateTime),
            *repeats(request.retries, request.retryInterval),
            action=SIGNED,
            requestId=request.requestId,
            signingCertificate=firmware.signingCertificate,
            signature=firmware.signature,
            install_s=None if install is None else to_epoch(install),
            accepts_pkcs1=self._options.accept_pkcs1_signatures,
            installs_in_bootloader=self._options.bootloader_installs,
        )


def _reply(status: UpdateFirmwareStatus, then: Callable[[float], None]) -> Reply:
    return Reply(SignedUpdateFirmwareResponse(status=status), then)


def _nothing(now: float) -> None:
    """Nothing follows."""


# The installer's revocation lists.


def revocation_lists_in(records: Mapping[tuple[str, str], bytes], effects: list[Effect]) -> str | None:
    """The lists that the installer gave, PEM; None without any, as nearly every station is."""
    data = records.get((KIND, LISTS_KEY))
    if data is None:
        return None
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        effects.append(LogEvent("Record ignored", f"{KIND} {LISTS_KEY}: {error}"))
        return None


def keep_revocation_lists(pem: str, effects: list[Effect]) -> str | None:
    """Keep lists in place of those that there were; an empty text is none. Returns what is kept."""
    if not pem.strip():
        effects.append(DeleteRecord(KIND, LISTS_KEY))
        return None
    effects.append(SaveRecord(KIND, LISTS_KEY, pem.encode("ascii")))
    return pem
