"""The file servers of a world: what can be downloaded where, what was uploaded where, and what goes wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from forecourt.station.effects import FetchFile
from forecourt.station.events import Event, FileFetched, FileSent, TransferFailed, TransferProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.station.effects import FilePart, SendFile

Served: TypeAlias = "bytes | TransferProblem | Callable[[int], bytes | TransferProblem]"
"""A file, a problem with it, or what the n-th attempt (from 1) meets."""

Taken: TypeAlias = "TransferProblem | Callable[[int], TransferProblem | None] | None"
"""What an upload meets; None for nothing."""


class Files:
    """Every file server there is, for all stations."""

    def __init__(self) -> None:
        self.delay_s = 1.0
        """How long a transfer takes; longer than its time-out is a server that stalls."""
        self.served: dict[str, Served] = {}
        """By address: what is there to be downloaded. Any other address is not found."""
        self.takes: dict[str, Taken] = {}
        """By address of the folder: what uploads meet. Any other address takes them."""
        self.uploads: dict[str, tuple[FilePart, ...]] = {}
        """By address, folder and name with one slash between: what was uploaded last."""
        self.asked: list[FetchFile | SendFile] = []
        """Every attempt of every station, oldest first."""
        self._attempts: dict[str, int] = {}

    def begin(self, effect: FetchFile | SendFile) -> int:
        """An attempt reaches a server: how many there were at this address, with this one."""
        self.asked.append(effect)
        self._attempts[effect.url] = self._attempts.get(effect.url, 0) + 1
        return self._attempts[effect.url]

    def end(self, effect: FetchFile | SendFile, attempt: int) -> Event:
        """What becomes of an attempt once its time is over."""
        if isinstance(effect, FetchFile):
            return self._fetched(effect, attempt)
        meets = self.takes.get(effect.url)
        problem = meets(attempt) if callable(meets) else meets
        if problem is not None:
            return failed(effect, problem)
        self.uploads[f"{effect.url.rstrip('/')}/{effect.name}"] = effect.parts
        return FileSent(effect.id)

    def _fetched(self, effect: FetchFile, attempt: int) -> Event:
        served = self.served.get(effect.url, TransferProblem.NOT_FOUND)
        data = served(attempt) if callable(served) else served
        if isinstance(data, TransferProblem):
            return failed(effect, data)
        if len(data) > effect.most_bytes:
            return failed(effect, TransferProblem.TOO_LARGE)
        return FileFetched(effect.id, data)


def failed(effect: FetchFile | SendFile, problem: TransferProblem) -> TransferFailed:
    """The end of an attempt that came to nothing."""
    return TransferFailed(effect.id, problem, f"the world says so: {problem}")
