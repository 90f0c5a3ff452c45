"""Firmware updates (OCPP 1.6 §5.19, §4.5, white paper L01; facts §9): from the request to the new version's first boot.

Theory of operation. An update goes through the steps of `ROWS`, one row a step: what begins with it, what its timer
brings about, where the next life goes on after a power cut, and in two vocabularies, that of UpdateFirmware and that of
SignedUpdateFirmware, what is told when it begins and when the update fails there. An `Update` is a record and every
step is saved, so the machine has no other state than the transfer under way.

*Scheduled* waits for retrieveDate by the station's clock; *downloading* is a transfer; *checking* looks at the image,
so that one that is damaged or foreign fails before anybody is kept from charging; *waiting* takes the guns that are
free out of service, and those that become free (`Availability.hold`), until no transaction runs. What the supervision
wants of a connector by ChangeAvailability in the meantime is kept and holds afterwards. *Installing* takes
`ASSUMED_INSTALL_S`, refuses resets, and ends in a reboot; *installed* is where the next life finds the update, runs the
new version and tells so once its boot was accepted.

A signed update (`SignedUpdate`) is *paused* between two attempts to download it, is *verified* when its signature is
good, before anybody looks into the file, and *ready* until its installDateTime; free guns stay in service until then.
Its reboot waits until the supervision has heard of it, or `ASSUMED_NOTICE_S`. When it has failed, it is *over*, and its
last status is kept for who asks. How one is asked for and judged: `station.signed_firmware`.

After a power cut a download begins again, a wait goes on, and an installation has failed: the old version runs. A new
request takes the place of an update that is not over, which is told as failed if it was told of at all, but not of an
installation: then it is refused. An address that is not used is told as DownloadFailed; that of a plain update touches
nothing, while that of a signed one still cancels what goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from forecourt.evlink.firmware_image import ImageError, image_for
from forecourt.ocpp.core import ChargePointStatus
from forecourt.ocpp.errors import ErrorCode, RemoteError
from forecourt.ocpp.firmware_management import FirmwareStatus, UpdateFirmwareRequest, UpdateFirmwareResponse
from forecourt.ocpp.security_extension import SignedFirmwareStatus
from forecourt.ocpp.types import to_epoch
from forecourt.station.calls import Reply
from forecourt.station.effects import Effect, LogEvent
from forecourt.station.firmware_record import SIGNED, Kept, SignedUpdate, Step, Update, save
from forecourt.station.reports import IDLE, Report
from forecourt.station.security_events import SecurityEvent
from forecourt.station.timers import Timer, Timers
from forecourt.station.transfers import HOPELESS, LEAST_INTERVAL_S, wrong_address
from forecourt.station.uploads import repeats

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.evlink.generations import Product
    from forecourt.station.availability import Availability
    from forecourt.station.clock import Clock
    from forecourt.station.connector import Connectors
    from forecourt.station.remote import Remote
    from forecourt.station.reports import Reports
    from forecourt.station.security_events import Witness
    from forecourt.station.sessions import Sessions
    from forecourt.station.transactions import Transactions
    from forecourt.station.transfers import Outcome, Transfers

ASSUMED_INSTALL_S = 60.0
"""Assumed: from Installing to the reboot."""

ASSUMED_NOTICE_S = 30.0
"""Assumed: from InstallRebooting to the reboot at most, while the supervision does not say that it has heard."""

MOST_BYTES = 32 * 1024 * 1024
"""Assumed: a larger file is no firmware of this station."""

TIMEOUT_S = 900.0
"""Assumed: real seconds that one attempt to download may take."""

ROUNDING_S = 0.001
"""A timer set for retrieveDate or installDateTime may come this much early by the clock."""


class Firmware:
    """The update of one station, if there is one."""

    __slots__ = (
        "_availability",
        "_clock",
        "_connectors",
        "_effects",
        "_kept",
        "_product",
        "_remote",
        "_reports",
        "_security",
        "_sessions",
        "_timers",
        "_transactions",
        "_transfer",
        "_transfers",
        "_version",
        "is_waiting",
    )

    def __init__(
        self,
        kept: Kept | None,
        commissioned: str,
        product: Product,
        transfers: Transfers,
        reports: Reports,
        availability: Availability,
        connectors: Connectors,
        sessions: Sessions,
        remote: Remote,
        transactions: Transactions,
        security: Witness,
        clock: Clock,
        timers: Timers,
        effects: list[Effect],
    ) -> None:
        self._kept = kept
        self._version = commissioned
        self._product = product
        self._transfers = transfers
        self._reports = reports
        self._availability = availability
        self._connectors = connectors
        self._sessions = sessions
        self._remote = remote
        self._transactions = transactions
        self._security = security
        self._clock = clock
        self._timers = timers
        self._effects = effects
        self._transfer: str | None = None
        self.is_waiting = False
        """Whether `settle` has anything to do."""

    # Reading.

    @property
    def update(self) -> Update | None:
        """The update that is not over."""
        kept = None if self._kept is None else self._kept.update
        return None if kept is None or kept.step is Step.OVER else kept

    @property
    def is_installing(self) -> bool:
        """Whether the station must not be disturbed."""
        return self.update is not None and self.update.step is Step.INSTALLING

    @property
    def is_past_cancelling(self) -> bool:
        """Whether the update under way can not be given up for another."""
        return self.update is not None and self.update.step in (Step.INSTALLING, Step.INSTALLED)

    @property
    def status(self) -> str:
        """What a trigger is told in the words of UpdateFirmware."""
        return IDLE if self.update is None else ROWS[self.update.step].plain.present

    @property
    def signed_report(self) -> Report:
        """What a trigger is told in those of SignedUpdateFirmware: the last status unless that was Installed."""
        kept = None if self._kept is None else self._kept.update
        if isinstance(kept, SignedUpdate) and kept.status:
            return Report(SIGNED, kept.status, kept.requestId)
        return Report(SIGNED, IDLE)

    # The beginning of a life.

    def restore(self, now: float) -> str | None:
        """Go on with what the life before this one left; return the version if this is the first life that runs it."""
        update = self.update
        if update is None:
            return None
        if update.step is Step.INSTALLED:
            self._tell(update, FirmwareStatus.Installed, now)
            self._keep(None)
            return update.version
        resumes_at = ROWS[update.step].resumes_at
        if resumes_at is None:
            self._fail("the power went during the installation", now)
        else:
            self._enter(resumes_at, now)
        return None

    # Requests.

    def asked(self, request: UpdateFirmwareRequest, now: float) -> Reply:
        """Answer UpdateFirmware, and begin. Raises `RemoteError` where no update is possible."""
        if self.update is not None and self.is_past_cancelling:
            raise RemoteError(
                ErrorCode.GenericError, f"expected no request while {self.update.version} is installed, came one"
            )
        update = Update(
            Step.SCHEDULED,
            request.location,
            to_epoch(request.retrieveDate),
            *repeats(request.retries, request.retryInterval),
        )
        return Reply(UpdateFirmwareResponse(), lambda at: self.begin(update, at))

    def begin(self, update: Update, now: float) -> None:
        """Begin an update in place of the one that goes on."""
        wrong = wrong_address(update.location)
        if self.update is not None and (wrong is None or isinstance(update, SignedUpdate)):
            self._fail("another update was asked for", now)
        if wrong is None:
            self._keep(update)
            self._enter(Step.SCHEDULED if self._is_ahead(update.retrieve_s, now) else Step.DOWNLOADING, now)
            return
        self._effects.append(LogEvent("Firmware update failed", wrong[1]))
        self._end(update, _words(update, Step.DOWNLOADING).fails_as, now)

    # The steps.

    def _enter(self, step: Step, now: float) -> None:
        """Go on with a step: keep it, and tell its status unless that of a signed update was told already."""
        assert self.update is not None, f"nothing can be {step} without an update"
        update = msgspec.structs.replace(self.update, step=step)
        says = _words(update, step).says
        if isinstance(update, SignedUpdate):
            says, update = ("", update) if says == update.status else (says, _with_status(update, says))
        self._keep(update)
        if says:
            self._tell(update, says, now)
        ROWS[step].enter(self, now)

    def _is_ahead(self, clock_s: float, now: float) -> bool:
        return clock_s - self._clock.wall(now) > ROUNDING_S

    def _schedule(self, now: float) -> None:
        """Wait for retrieveDate, or go on if it has come."""
        assert self.update is not None, "an update is scheduled"
        self._wait_for(self.update.retrieve_s, Step.DOWNLOADING, now)

    def _prepare(self, now: float) -> None:
        """Wait for installDateTime, or go on if it has come."""
        at_s = self.update.install_s if isinstance(self.update, SignedUpdate) else None
        self._wait_for(self._clock.wall(now) if at_s is None else at_s, Step.WAITING, now)

    def _wait_for(self, clock_s: float, then: Step, now: float) -> None:
        if self._is_ahead(clock_s, now):
            self._timers.set(Timer.FIRMWARE, now + clock_s - self._clock.wall(now))
        else:
            self._timers.stop(Timer.FIRMWARE)
            self._enter(then, now)

    def _download(self, now: float) -> None:
        assert self.update is not None, "an update is downloaded"
        update = self.update
        self._transfer = self._transfers.fetch(
            update.location,
            MOST_BYTES,
            TIMEOUT_S,
            0 if isinstance(update, SignedUpdate) else update.retries,  # its pauses are told, so they are steps
            update.retry_interval_s,
            self._downloaded,
            now,
        )

    def _downloaded(self, outcome: Outcome, now: float) -> None:
        self._transfer = None
        if outcome.data is None:
            self._not_downloaded(outcome, now)
            return
        self._enter(Step.CHECKING, now)
        assert self.update is not None, "an update is checked"
        if isinstance(self.update, SignedUpdate) and not self._is_genuine(self.update, outcome.data, now):
            return
        try:
            image = image_for(self._product, outcome.data)
        except ImageError as error:
            self._fail(str(error), now)
            return
        update = msgspec.structs.replace(self.update, version=image.version)
        self._keep(update)
        at_s = update.install_s if isinstance(update, SignedUpdate) else None
        self._enter(Step.WAITING if at_s is None or not self._is_ahead(at_s, now) else Step.READY, now)

    def _not_downloaded(self, outcome: Outcome, now: float) -> None:
        why, update = f"{outcome.problem}: {outcome.reason}", self.update
        if not isinstance(update, SignedUpdate) or outcome.problem in HOPELESS:
            self._fail(why, now)
            return
        attempts = update.failed_attempts + 1
        if attempts > update.retries:
            self._fail(why, now)
            return
        self._keep(msgspec.structs.replace(update, failed_attempts=attempts))
        self._enter(Step.PAUSED, now)

    def _pause(self, now: float) -> None:
        assert self.update is not None, "a download pauses"
        self._timers.set(Timer.FIRMWARE, now + max(LEAST_INTERVAL_S, self.update.retry_interval_s))

    def _is_genuine(self, update: SignedUpdate, data: bytes, now: float) -> bool:
        """Whether the signature is that of the file; if not, the update is over."""
        from forecourt.station.firmware_signature import SignatureRefused, require_signature

        try:
            require_signature(update.signingCertificate, data, update.signature, accepts_pkcs1=update.accepts_pkcs1)
        except SignatureRefused as refused:
            self._fail(str(refused), now)
            self._security.note(SecurityEvent.InvalidFirmwareSignature, f"request {update.requestId}: {refused}", now)
            return False
        self._enter(Step.VERIFIED, now)
        return True

    def _stay(self, now: float) -> None:
        """Nothing more begins with this step: who enters it goes on."""

    def _wait(self, now: float) -> None:
        self._availability.is_held = True
        self.is_waiting = True

    def settle(self, now: float) -> bool:
        """Something has happened: go on if nothing is waited for any more; return whether the station is to reboot.

        While transactions are waited for, free guns are taken out of service.
        """
        if self._sessions.is_closed:
            return False  # this life ends, or can not save; the next one goes on
        assert self.update is not None, "an update waits"
        if self.update.step is Step.INSTALLED:
            return self._reports.is_quiet and self._reboot()
        for row in self._connectors.guns:
            status = row.before_fault if row.is_blocked else row.status
            if self._transactions.on(row.number) is None and status is not ChargePointStatus.Unavailable:
                self._remote.gone(row.number, now)
                self._sessions.withdraw(row.number, now)
        if not self._transactions.running:
            by_bootloader = isinstance(self.update, SignedUpdate) and self.update.installs_in_bootloader
            self._enter(Step.INSTALLED if by_bootloader else Step.INSTALLING, now)
        return False

    def _install(self, now: float) -> None:
        self._availability.is_held = True
        self.is_waiting = False
        self._timers.set(Timer.FIRMWARE, now + ASSUMED_INSTALL_S)

    def _give_notice(self, now: float) -> None:
        """The next life runs the new version: let the supervision hear that of a signed update."""
        self.is_waiting = isinstance(self.update, SignedUpdate)
        if self.is_waiting:
            self._timers.set(Timer.FIRMWARE, now + ASSUMED_NOTICE_S)

    def due(self, now: float) -> bool:
        """The timer has come; return whether the station is to reboot into another version."""
        before = self.update
        assert before is not None, "the timer is that of an update"
        if before.step is not Step.INSTALLED:
            ROWS[before.step].due(self, now)
            after = self.update
            return after is not None and after.step is Step.INSTALLED and not self.is_waiting
        if self._sessions.is_closed:
            self._timers.set(Timer.FIRMWARE, now + ASSUMED_NOTICE_S)
            return False
        return self._reboot()

    def _reboot(self) -> bool:
        self._timers.stop(Timer.FIRMWARE)
        self.is_waiting = False
        return True

    def clock_moved(self, now: float) -> None:
        """retrieveDate or installDateTime is another moment now."""
        if self.update is not None and self.update.step in (Step.SCHEDULED, Step.READY):
            ROWS[self.update.step].enter(self, now)

    # Ends.

    def _fail(self, why: str, now: float) -> None:
        """The update is over: tell it, unless nobody has heard of it, and put the guns back into service."""
        update = self.update
        assert update is not None, "an update fails"
        self._effects.append(LogEvent("Firmware update failed", f"while {update.step}: {why}"))
        if self._transfer is not None:
            self._transfers.stop(self._transfer)
            self._transfer = None
        self._timers.stop(Timer.FIRMWARE)
        self._end(update, _words(update, update.step).fails_as, now)
        self.is_waiting = False
        if self._availability.is_held:
            self._availability.is_held = False
            for row in self._connectors.guns:
                if not self._availability.is_wanted_inoperative(row.number):
                    self._sessions.restore_service(row.number, now)

    def _end(self, update: Update, status: str, now: float) -> None:
        """Tell how it ended; of a signed update that is kept, of a plain one that is the end."""
        if status:
            self._tell(update, status, now)
        if isinstance(update, SignedUpdate):
            self._keep(SignedUpdate(Step.OVER, "", 0.0, 0, 0.0, "", update.action, update.requestId, status=status))
        elif self.update is update:
            self._keep(None)

    def _tell(self, update: Update, status: str, now: float) -> None:
        self._reports.tell(Report(update.action, status, update.requestId), now)

    def _keep(self, update: Update | None) -> None:
        """Keep how far the update is, and with it that its version is the one that runs from the next life on."""
        kept = Kept(self._version, self._version) if self._kept is None else self._kept
        version = update.version if update is not None and update.step is Step.INSTALLED else kept.version
        self._kept = save(msgspec.structs.replace(kept, version=version, update=update), self._effects)


class Words(NamedTuple):
    """How a step is told of."""

    says: str
    """The status that is told when it begins; empty for none."""
    fails_as: str
    """The status that is told when the update ends here; empty for none, as nobody has heard of it."""
    present: str = ""
    """The status that TriggerMessage is told during it; ExtendedTriggerMessage is told the last one."""


class Row(NamedTuple):
    """A step of an update."""

    enter: Callable[[Firmware, float], None]
    due: Callable[[Firmware, float], None]
    """What its timer brings about."""
    resumes_at: Step | None
    """Where the next life goes on after a power cut; None: the update has failed."""
    plain: Words
    signed: Words


def _words(update: Update, step: Step) -> Words:
    return ROWS[step].signed if isinstance(update, SignedUpdate) else ROWS[step].plain


def _with_status(update: SignedUpdate, status: str) -> SignedUpdate:
    return msgspec.structs.replace(update, status=status) if status else update


def _then(step: Step) -> Callable[[Firmware, float], None]:
    return lambda firmware, now: firmware._enter(step, now)


_LOADING, _LOADED = FirmwareStatus.Downloading.value, FirmwareStatus.Downloaded.value
_NOT_LOADED, _NOT_INSTALLED = FirmwareStatus.DownloadFailed.value, FirmwareStatus.InstallationFailed.value
_INSTALLING = FirmwareStatus.Installing.value
_LATER, _PAUSED = SignedFirmwareStatus.DownloadScheduled.value, SignedFirmwareStatus.DownloadPaused.value
_VERIFIED, _UNSIGNED = SignedFirmwareStatus.SignatureVerified.value, SignedFirmwareStatus.InvalidSignature.value
_READY, _UNFIT = SignedFirmwareStatus.InstallScheduled.value, SignedFirmwareStatus.InstallVerificationFailed.value
_REBOOTING = SignedFirmwareStatus.InstallRebooting.value

ROWS: dict[Step, Row] = {
    Step.SCHEDULED: Row(
        Firmware._schedule,
        Firmware._schedule,
        Step.SCHEDULED,
        Words("", "", IDLE),
        Words(_LATER, _NOT_LOADED),
    ),
    Step.DOWNLOADING: Row(
        Firmware._download,
        Firmware._stay,
        Step.DOWNLOADING,
        Words(_LOADING, _NOT_LOADED, _LOADING),
        Words(_LOADING, _NOT_LOADED),
    ),
    Step.PAUSED: Row(
        Firmware._pause,
        _then(Step.DOWNLOADING),
        Step.DOWNLOADING,
        Words("", _NOT_LOADED, _LOADING),
        Words(_PAUSED, _NOT_LOADED),
    ),
    Step.CHECKING: Row(
        Firmware._stay,
        Firmware._stay,
        Step.DOWNLOADING,
        Words(_LOADED, _NOT_INSTALLED, _LOADED),
        Words(_LOADED, _UNSIGNED),
    ),
    Step.VERIFIED: Row(
        Firmware._stay,
        Firmware._stay,
        Step.DOWNLOADING,
        Words("", _NOT_INSTALLED, _LOADED),
        Words(_VERIFIED, _UNFIT),
    ),
    Step.READY: Row(
        Firmware._prepare,
        Firmware._prepare,
        Step.READY,
        Words("", _NOT_INSTALLED, _LOADED),
        Words(_READY, _NOT_INSTALLED),
    ),
    Step.WAITING: Row(
        Firmware._wait,
        Firmware._stay,
        Step.WAITING,
        Words("", _NOT_INSTALLED, _LOADED),
        Words("", _NOT_INSTALLED),
    ),
    Step.INSTALLING: Row(
        Firmware._install,
        _then(Step.INSTALLED),
        None,
        Words(_INSTALLING, _NOT_INSTALLED, _INSTALLING),
        Words(_INSTALLING, _NOT_INSTALLED),
    ),
    Step.INSTALLED: Row(
        Firmware._give_notice,
        Firmware._stay,
        None,
        Words("", _NOT_INSTALLED, _INSTALLING),
        Words(_REBOOTING, _NOT_INSTALLED),
    ),
}
"""Every step but the end; `restore` treats Installed itself."""
