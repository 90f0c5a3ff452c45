"""Files that come and go: attempts, waits between them, and who hears of the end (facts §9.1; OCPP 1.6 §8).

Theory of operation. A transfer is one file that a block wants fetched or sent; an attempt is one `FetchFile` or
`SendFile` effect, which the driver answers with exactly one event. Every attempt has an id of its own, made of the
life, the transfer and the attempt, so that an event of another life, of a transfer that was stopped or of an attempt
that is over finds nobody and is ignored. There are 1 + `retries` attempts, `retry_interval_s` of the station's time
apart. Several transfers may run at once; those that wait share one timer, which holds the earliest due time.

An address that a station does not use (another scheme than ftp, http or https, no host, blanks inside) is never tried.
Its end is told like any other, by `done` and never before `fetch` or `send` has returned: it is due at once.

Nothing here outlives a power cut: what must be fetched or sent by the next life is the business of the block that
wanted it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from forecourt.evlink.file_schemes import FILE_SCHEMES
from forecourt.station.effects import Effect, FetchFile, FilePart, LogEvent, SendFile, StopTransfer
from forecourt.station.events import TransferProblem
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from forecourt.station.events import FileFetched, FileSent, TransferFailed

LEAST_INTERVAL_S = 1.0
"""Between two attempts, whatever was asked for: a server that refuses at once is not asked in a loop."""

HOPELESS = frozenset({TransferProblem.ADDRESS, TransferProblem.SCHEME, TransferProblem.TOO_LARGE})
"""Problems that another attempt does not change."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What came of a transfer, after its last attempt."""

    data: bytes | None = None
    """The file that was fetched; None when it failed and of a file that was sent."""
    problem: TransferProblem | None = None
    """Why it failed; None when it did not."""
    reason: str = ""
    """One sentence for the log, without credentials."""
    attempts: int = 0
    """How many were made; 0 for an address that is not tried."""


Done = Callable[[Outcome, float], None]
"""Called once for each transfer that was not stopped, with `now`."""


def wrong_address(url: str) -> tuple[TransferProblem, str] | None:
    """What a station has against an address, and a sentence without its credentials; None when it may be tried."""
    if not url or not url.isprintable() or " " in url:
        return TransferProblem.ADDRESS, f"expected an address without blanks, came one of {len(url)} characters"
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:  # whose text may quote the password
        return TransferProblem.ADDRESS, "expected an address with a host and a port from 1 to 65535, came another"
    if parts.scheme not in FILE_SCHEMES:
        came = parts.scheme[:20] or "none"
        return TransferProblem.SCHEME, f"expected one of the schemes {', '.join(FILE_SCHEMES)}, came {came}"
    if not has_host:
        return TransferProblem.ADDRESS, "expected an address with a host, came one without"
    return None


class _Transfer:
    """One file on its way."""

    __slots__ = ("attempts", "done", "due", "effect", "ended", "interval_s", "retries")

    def __init__(self, effect: FetchFile | SendFile, retries: int, interval_s: float, done: Done) -> None:
        self.effect = effect
        """What an attempt asks for; `id` is that of the latest."""
        self.retries = retries
        self.interval_s = interval_s
        self.done = done
        self.attempts = 0
        self.due = inf
        """When the next attempt is made, or the end is told; inf while an attempt is under way."""
        self.ended: Outcome | None = None
        """The end of a transfer that is not tried at all."""


class Transfers:
    """The transfers of one life of a station."""

    __slots__ = ("_effects", "_life", "_sequence", "_timers", "_transfers", "trusted")

    def __init__(self, life: str, timers: Timers, effects: list[Effect]) -> None:
        self._life = life
        self._timers = timers
        self._effects = effects
        self._sequence = 0
        self._transfers: dict[str, _Transfer] | None = None
        """By id, oldest first; None while there is none."""
        self.trusted: Callable[[], tuple[str, ...]] | None = None
        """The installed roots of the supervision, whose servers of files may hang on them; None without any."""

    # What blocks want.

    def fetch(
        self,
        url: str,
        most_bytes: int,
        timeout_s: float,
        retries: int,
        retry_interval_s: float,
        done: Done,
        now: float,
    ) -> str:
        """Download a file of at most `most_bytes`; `timeout_s` is real seconds for each attempt. Returns its id."""
        return self._begin(FetchFile("", url, most_bytes, timeout_s), retries, retry_interval_s, done, now)

    def send(
        self,
        url: str,
        name: str,
        parts: tuple[FilePart, ...],
        log_from_s: float | None,
        log_until_s: float,
        timeout_s: float,
        retries: int,
        retry_interval_s: float,
        done: Done,
        now: float,
    ) -> str:
        """Upload an archive into the folder `url`, see `SendFile` for its fields. Returns its id."""
        effect = SendFile("", url, name, parts, log_from_s, log_until_s, timeout_s)
        return self._begin(effect, retries, retry_interval_s, done, now)

    def stop(self, transfer_id: str) -> None:
        """End a transfer without a word; one that is over already is no error."""
        transfer = self._forget(transfer_id)
        if transfer is not None:
            if transfer.due == inf:
                self._effects.append(StopTransfer(transfer.effect.id))
            self._arm()

    # What happens to them.

    def fetched(self, event: FileFetched, now: float) -> None:
        """An attempt has brought a file."""
        self._succeeded(event.id, FetchFile, event.data, now)

    def sent(self, event: FileSent, now: float) -> None:
        """An attempt has left a file with its server."""
        self._succeeded(event.id, SendFile, None, now)

    def failed(self, event: TransferFailed, now: float) -> None:
        """An attempt has failed: wait for the next, or that was it."""
        transfer = self._awaited(event.id)
        if transfer is None:
            return
        most = 1 + transfer.retries
        self._effects.append(
            LogEvent("Transfer failed", f"attempt {transfer.attempts} of {most}: {event.problem}: {event.reason}")
        )
        if transfer.attempts < most and event.problem not in HOPELESS:
            transfer.due = now + transfer.interval_s
            self._arm()
        else:
            self._end(event.id, Outcome(None, event.problem, event.reason, transfer.attempts), now)

    def due(self, now: float) -> None:
        """The next attempt of a transfer is due, or the end of one that is not tried."""
        for transfer_id, transfer in tuple((self._transfers or {}).items()):
            if transfer.due > now or transfer_id not in (self._transfers or {}):
                continue  # the second: another's end has stopped it
            if transfer.ended is None:
                self._attempt(transfer_id, transfer)
            else:
                self._end(transfer_id, transfer.ended, now)
        self._arm()

    def _begin(self, effect: FetchFile | SendFile, retries: int, interval_s: float, done: Done, now: float) -> str:
        self._sequence += 1
        transfer_id = f"{self._life}-{self._sequence}"
        transfer = _Transfer(effect, max(0, retries), max(LEAST_INTERVAL_S, interval_s), done)
        if self._transfers is None:
            self._transfers = {}
        self._transfers[transfer_id] = transfer
        wrong = wrong_address(effect.url)
        if wrong is None:
            self._attempt(transfer_id, transfer)
        else:
            problem, reason = wrong
            self._effects.append(LogEvent("Transfer not tried", reason))
            transfer.ended = Outcome(None, problem, reason)
            transfer.due = now
            self._arm()
        return transfer_id

    def _attempt(self, transfer_id: str, transfer: _Transfer) -> None:
        transfer.attempts += 1
        transfer.due = inf
        roots = () if self.trusted is None else self.trusted()
        transfer.effect = msgspec.structs.replace(transfer.effect, id=f"{transfer_id}/{transfer.attempts}", roots=roots)
        self._effects.append(transfer.effect)

    def _awaited(self, attempt_id: str) -> _Transfer | None:
        """The transfer whose latest attempt this is, while it is under way."""
        transfer = (self._transfers or {}).get(attempt_id.partition("/")[0])
        return transfer if transfer is not None and transfer.effect.id == attempt_id and transfer.due == inf else None

    def _succeeded(
        self, attempt_id: str, kind: type[FetchFile] | type[SendFile], data: bytes | None, now: float
    ) -> None:
        transfer = self._awaited(attempt_id)
        if transfer is not None and type(transfer.effect) is kind:
            self._end(attempt_id, Outcome(data, attempts=transfer.attempts), now)

    def _end(self, some_id: str, outcome: Outcome, now: float) -> None:
        transfer = self._forget(some_id)
        assert transfer is not None, f"{some_id} was found before"
        transfer.done(outcome, now)

    def _forget(self, some_id: str) -> _Transfer | None:
        if self._transfers is None:
            return None
        transfer = self._transfers.pop(some_id.partition("/")[0], None)
        if not self._transfers:
            self._transfers = None
        return transfer

    def _arm(self) -> None:
        due = min((transfer.due for transfer in (self._transfers or {}).values()), default=inf)
        if due == inf:
            self._timers.stop(Timer.TRANSFER)
        else:
            self._timers.set(Timer.TRANSFER, due)
