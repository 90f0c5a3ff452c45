"""Firmware updates (OCPP 1.6 §5.19, §4.5; facts §9.1): from the request to the first boot of the new version.

Theory of operation. An update goes through the steps of `ROWS`, one row a step: what is told when it begins, what a
trigger is told during it, how it is told when it fails there, and where the next life goes on after a power cut. An
`Update` is a record and every step is saved, so the machine has no other state than the transfer under way.

*Scheduled* waits for retrieveDate by the station's clock; *downloading* is a transfer; *checking* looks at the image,
so that one that is damaged or foreign fails before anybody is kept from charging; *waiting* takes the guns that are
free out of service, and those that become free (`Availability.hold`), until no transaction runs. What the supervision
wants of a connector by ChangeAvailability in the meantime is kept and holds afterwards. *Installing* takes
`ASSUMED_INSTALL_S`, refuses resets, and ends in a reboot; *installed* is where the next life finds the update, runs the
new version and tells so once its boot was accepted.

After a power cut a download begins again, a wait goes on, and an installation has failed: the old version runs. A new
request takes the place of an update that is not over, which is told as failed if it was told of at all, but not of an
installation: then it is refused with CALLERROR. An address that is not used is told as DownloadFailed and touches
nothing.

SignedUpdateFirmware is to be a second vocabulary and more rows (`Update.action`, `Update.requestId`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from forecourt.evlink.firmware_image import ImageError, image_for
from forecourt.ocpp.core import ChargePointStatus
from forecourt.ocpp.errors import ErrorCode, RemoteError
from forecourt.ocpp.firmware_management import FirmwareStatus, UpdateFirmwareRequest, UpdateFirmwareResponse
from forecourt.ocpp.types import to_epoch
from forecourt.station.calls import Reply
from forecourt.station.effects import Effect, LogEvent
from forecourt.station.firmware_record import Kept, Step, Update, save
from forecourt.station.reports import IDLE, Report
from forecourt.station.timers import Timer, Timers
from forecourt.station.transfers import wrong_address
from forecourt.station.uploads import DEFAULT_RETRIES, DEFAULT_RETRY_INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.evlink.generations import Product
    from forecourt.station.availability import Availability
    from forecourt.station.clock import Clock
    from forecourt.station.connector import Connectors
    from forecourt.station.remote import Remote
    from forecourt.station.reports import Reports
    from forecourt.station.sessions import Sessions
    from forecourt.station.transactions import Transactions
    from forecourt.station.transfers import Outcome, Transfers

ASSUMED_INSTALL_S = 60.0
"""Assumed: from Installing to the reboot."""

MOST_BYTES = 32 * 1024 * 1024
"""Assumed: a larger file is no firmware of this station."""

TIMEOUT_S = 900.0
"""Assumed: real seconds that one attempt to download may take."""

ROUNDING_S = 0.001
"""A timer set for retrieveDate may come this much early by the clock."""


class Firmware:
    """The update of one station, if there is one."""

    __slots__ = (
        "_availability",
        "_clock",
        "_connectors",
        "_effects",
        "_is_strict",
        "_kept",
        "_product",
        "_remote",
        "_reports",
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
        is_strict: bool,
        product: Product,
        transfers: Transfers,
        reports: Reports,
        availability: Availability,
        connectors: Connectors,
        sessions: Sessions,
        remote: Remote,
        transactions: Transactions,
        clock: Clock,
        timers: Timers,
        effects: list[Effect],
    ) -> None:
        self._kept = kept
        self._version = commissioned
        self._is_strict = is_strict
        self._product = product
        self._transfers = transfers
        self._reports = reports
        self._availability = availability
        self._connectors = connectors
        self._sessions = sessions
        self._remote = remote
        self._transactions = transactions
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
        return None if self._kept is None else self._kept.update

    @property
    def is_installing(self) -> bool:
        """Whether the station must not be disturbed."""
        return self.update is not None and self.update.step is Step.INSTALLING

    @property
    def status(self) -> str:
        """What a trigger is told."""
        return IDLE if self.update is None else ROWS[self.update.step].present

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

    # UpdateFirmware.

    def asked(self, request: UpdateFirmwareRequest, now: float) -> Reply:
        """Answer, and begin. Raises `RemoteError` where no update is possible."""
        if self._is_strict:
            raise RemoteError(
                ErrorCode.NotSupported, "expected SignedUpdateFirmware, which this station takes, came UpdateFirmware"
            )
        if self.update is not None and self.update.step in (Step.INSTALLING, Step.INSTALLED):
            raise RemoteError(
                ErrorCode.GenericError, f"expected no request while {self.update.version} is installed, came one"
            )
        update = Update(
            Step.SCHEDULED,
            request.location,
            to_epoch(request.retrieveDate),
            request.retries if isinstance(request.retries, int) else DEFAULT_RETRIES,
            float(request.retryInterval) if isinstance(request.retryInterval, int) else DEFAULT_RETRY_INTERVAL_S,
        )
        return Reply(UpdateFirmwareResponse(), lambda at: self._begin(update, at))

    def _begin(self, update: Update, now: float) -> None:
        wrong = wrong_address(update.location)
        if wrong is not None:
            self._effects.append(LogEvent("Firmware update failed", wrong[1]))
            self._tell(update, ROWS[Step.DOWNLOADING].fails_as, now)
            return
        if self.update is not None:
            self._fail("another update was asked for", now)
        self._keep(update)
        self._enter(Step.SCHEDULED, now)

    # The steps.

    def _enter(self, step: Step, now: float) -> None:
        assert self.update is not None, f"nothing can be {step} without an update"
        update = msgspec.structs.replace(self.update, step=step)
        self._keep(update)
        row = ROWS[step]
        if row.says:
            self._tell(update, row.says, now)
        row.enter(self, now)

    def _schedule(self, now: float) -> None:
        """Wait for retrieveDate, or go on if it has come."""
        assert self.update is not None, "an update is scheduled"
        wait_s = self.update.retrieve_s - self._clock.wall(now)
        if wait_s > ROUNDING_S:
            self._timers.set(Timer.FIRMWARE, now + wait_s)
        else:
            self._timers.stop(Timer.FIRMWARE)
            self._enter(Step.DOWNLOADING, now)

    def _download(self, now: float) -> None:
        assert self.update is not None, "an update is downloaded"
        update = self.update
        self._transfer = self._transfers.fetch(
            update.location,
            MOST_BYTES,
            TIMEOUT_S,
            update.retries,
            update.retry_interval_s,
            self._downloaded,
            now,
        )

    def _downloaded(self, outcome: Outcome, now: float) -> None:
        self._transfer = None
        if outcome.data is None:
            self._fail(f"{outcome.problem}: {outcome.reason}", now)
            return
        self._enter(Step.CHECKING, now)
        assert self.update is not None, "an update is checked"
        try:
            image = image_for(self._product, outcome.data)
        except ImageError as error:
            self._fail(str(error), now)
            return
        self._keep(msgspec.structs.replace(self.update, version=image.version))
        self._enter(Step.WAITING, now)

    def _stay(self, now: float) -> None:
        """Nothing more begins with this step: who enters it goes on."""

    def _wait(self, now: float) -> None:
        self._availability.is_held = True
        self.is_waiting = True

    def settle(self, now: float) -> None:
        """Something has happened: take free guns out of service, and install once no transaction runs."""
        if self._sessions.is_closed:
            return  # this life ends, or can not save; the next one goes on
        for row in self._connectors.guns:
            status = row.before_fault if row.is_blocked else row.status
            if self._transactions.on(row.number) is None and status is not ChargePointStatus.Unavailable:
                self._remote.gone(row.number, now)
                self._sessions.withdraw(row.number, now)
        if not self._transactions.running:
            self._enter(Step.INSTALLING, now)

    def _install(self, now: float) -> None:
        self._availability.is_held = True
        self.is_waiting = False
        self._timers.set(Timer.FIRMWARE, now + ASSUMED_INSTALL_S)

    def due(self, now: float) -> bool:
        """The timer has come; return whether the station is to reboot into another version."""
        if not self.is_installing:
            self._schedule(now)
            return False
        assert self._kept is not None, "an update is installed"
        assert self._kept.update is not None, "an update is installed"
        installed = msgspec.structs.replace(self._kept.update, step=Step.INSTALLED)
        self._kept = save(
            msgspec.structs.replace(self._kept, version=installed.version, update=installed), self._effects
        )
        return True

    def clock_moved(self, now: float) -> None:
        """retrieveDate is another moment now."""
        if self.update is not None and self.update.step is Step.SCHEDULED:
            self._schedule(now)

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
        if update.step is not Step.SCHEDULED:
            self._tell(update, ROWS[update.step].fails_as, now)
        self._keep(None)
        self.is_waiting = False
        if self._availability.is_held:
            self._availability.is_held = False
            for row in self._connectors.guns:
                if not self._availability.is_wanted_inoperative(row.number):
                    self._sessions.restore_service(row.number, now)

    def _tell(self, update: Update, status: str, now: float) -> None:
        self._reports.tell(Report(update.action, status, update.requestId), now)

    def _keep(self, update: Update | None) -> None:
        kept = Kept(self._version, self._version) if self._kept is None else self._kept
        self._kept = save(msgspec.structs.replace(kept, update=update), self._effects)


class Row(NamedTuple):
    """A step of an update."""

    enter: Callable[[Firmware, float], None]
    says: str
    """The status that is told when it begins; empty for none."""
    present: str
    """The status that a trigger is told during it."""
    fails_as: str
    """The status that is told when the update ends here."""
    resumes_at: Step | None
    """Where the next life goes on after a power cut; None: the update has failed."""


_DOWNLOAD_FAILED, _FAILED = FirmwareStatus.DownloadFailed.value, FirmwareStatus.InstallationFailed.value
_DOWNLOADING, _DOWNLOADED = FirmwareStatus.Downloading.value, FirmwareStatus.Downloaded.value
_INSTALLING = FirmwareStatus.Installing.value

ROWS: dict[Step, Row] = {
    Step.SCHEDULED: Row(Firmware._schedule, "", IDLE, _DOWNLOAD_FAILED, Step.SCHEDULED),
    Step.DOWNLOADING: Row(Firmware._download, _DOWNLOADING, _DOWNLOADING, _DOWNLOAD_FAILED, Step.DOWNLOADING),
    Step.CHECKING: Row(Firmware._stay, _DOWNLOADED, _DOWNLOADED, _FAILED, Step.DOWNLOADING),
    Step.WAITING: Row(Firmware._wait, "", _DOWNLOADED, _FAILED, Step.WAITING),
    Step.INSTALLING: Row(Firmware._install, _INSTALLING, _INSTALLING, _FAILED, None),
    Step.INSTALLED: Row(Firmware._stay, "", _INSTALLING, _FAILED, None),
}
"""The plain update; `restore` treats Installed itself."""
