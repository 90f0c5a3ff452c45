"""Files that really move: one attempt to fetch or send one, over FTP, HTTP or HTTPS (OCPP 1.6 §8, facts §9.1).

Theory of operation. The scheme of the address chooses the protocol, a row of `_PROTOCOLS`. Whatever a server or an
address does ends as one event with a problem of `TransferProblem` and a sentence; the sentences are ours and name host
and port only, for an address holds credentials and a server may echo them. The time limit spans the whole attempt,
from the look-up of the name to the last answer. A file is held in memory, bounded by what the caller allows, and an
archive is made on another thread: so an upload of diagnostics works on a disk that is full.

The libraries are loaded when the first transfer needs them: most stations of most processes never move a file.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from forecourt.runtime.archive import pack
from forecourt.runtime.file_place import Place, TransferError, place_of
from forecourt.runtime.tls import client_context
from forecourt.station.events import FileFetched, FileSent, TransferFailed, TransferProblem

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from forecourt.runtime.transfers import ReadLog
    from forecourt.station.effects import FetchFile, SendFile


class _Protocol(Protocol):
    """How files move over one protocol; raises `TransferError`."""

    async def fetch(self, place: Place, most_bytes: int) -> bytes: ...

    async def send(self, folder: Place, name: str, data: bytes) -> None: ...


CONTEXTS_KEPT = 8
"""A context for each set of installed roots; stations of one supervision have the same."""


class Files:
    """Carries files for any number of stations. `certificate_authorities`: PEM, None for those of the system."""

    def __init__(self, certificate_authorities: str | None = None) -> None:
        self._authorities = certificate_authorities
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        """By the roots that are trusted besides; those used last are kept."""

    async def fetch(self, effect: FetchFile) -> FileFetched | TransferFailed:
        """Download a file."""
        place, failed = await self._attempt(effect, self._fetch)
        return failed or FileFetched(effect.id, place)

    async def send(self, effect: SendFile, read_log: ReadLog | None) -> FileSent | TransferFailed:
        """Make an archive and upload it; `read_log` is called on another thread."""

        async def send(effect: SendFile) -> None:
            folder = place_of(effect.url)
            data = await asyncio.to_thread(pack, effect, read_log)
            await (await self._protocol(folder, effect.roots)).send(folder, effect.name, data)

        _, failed = await self._attempt(effect, send)
        return failed or FileSent(effect.id)

    async def _fetch(self, effect: FetchFile) -> bytes:
        place = place_of(effect.url)
        return await (await self._protocol(place, effect.roots)).fetch(place, effect.most_bytes)

    @staticmethod
    async def _attempt(effect: Any, work: Callable[[Any], Any]) -> tuple[Any, TransferFailed | None]:
        """What came of the work, or why it failed."""
        try:
            async with asyncio.timeout(effect.timeout_s):
                return await work(effect), None
        except TransferError as error:
            return None, TransferFailed(effect.id, error.problem, str(error))
        except TimeoutError:
            reason = f"it took longer than {effect.timeout_s:g} s"
            return None, TransferFailed(effect.id, TransferProblem.STALLED, reason)
        except MemoryError:
            return None, TransferFailed(effect.id, TransferProblem.STORAGE, "there is no memory for the file")

    async def _protocol(self, place: Place, roots: tuple[str, ...]) -> _Protocol:
        if place.scheme == "ftp":
            from forecourt.runtime.files_ftp import Ftp

            return Ftp()
        from forecourt.runtime.files_http import Http

        trusted = roots if place.scheme == "https" else ()
        context = self._contexts.pop(trusted, None)
        if context is None:
            context = await asyncio.to_thread(self._new_context, trusted)
        self._contexts[trusted] = context
        while len(self._contexts) > CONTEXTS_KEPT:
            del self._contexts[next(iter(self._contexts))]
        return Http(context)

    def _new_context(self, roots: tuple[str, ...]) -> ssl.SSLContext:
        context = client_context(self._authorities)
        for root in roots:
            context.load_verify_locations(cadata=root)
        return context
