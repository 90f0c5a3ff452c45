"""The authorization cache (OCPP 1.6 §3.5.1; facts §5.2): the latest IdTagInfo of every idTag that was asked for.

Theory of operation. Entries stand in the order in which they were last heard of, oldest first. Each is a durable record
of its own with its place in that order; its saves do not gate, since an entry that a power cut takes away costs one
Authorize. ClearCache must not come undone: one gating record says up to which place entries are void, and only then
they are deleted. While AuthorizationCacheEnabled is false there is no cache: switching it off clears it, because what
it holds would no longer be the latest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import AuthorizationStatus, ClearCacheResponse, ClearCacheStatus
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.known_tags import Known, folded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.ocpp.core import ClearCacheRequest
    from forecourt.station.configuration import Configuration

KIND = "cache"
CLEARED_KIND = "cache_cleared"

CACHE_LIMIT = 1_000
"""Entries in the cache. The guide names no figure; this is a month of drivers at a busy station, in 250 KB."""


class Cached(Known, frozen=True, gc=False, array_like=True):
    """An entry of the cache."""

    place: int = 0
    """Rises with every entry that is heard of."""


_decoder = msgspec.json.Decoder(Cached)
_encode = msgspec.json.Encoder().encode

_EMPTY: dict[str, Cached] = {}
"""The entries of every station that has none; never changed."""


class Cache:
    """The authorization cache of one station."""

    __slots__ = ("_configuration", "_effects", "_entries", "_place")

    def __init__(
        self, configuration: Configuration, records: Mapping[tuple[str, str], bytes], effects: list[Effect]
    ) -> None:
        self._configuration = configuration
        self._effects = effects
        self._entries = _EMPTY
        """By folded idTag, the one heard of longest ago first."""
        self._place = cleared = self._cleared_place(records)
        read = [self._read(key, data) for (kind, key), data in records.items() if kind == KIND]
        for id_tag, entry in sorted(filter(None, read), key=lambda each: each[1].place):
            self._restore(id_tag, entry, cleared)

    def _cleared_place(self, records: Mapping[tuple[str, str], bytes]) -> int:
        data = records.get((CLEARED_KIND, "place"), b"0")
        if data.isdigit():
            return int(data)
        self._effects.append(LogEvent("Record ignored", f"{CLEARED_KIND}: expected a whole number, came {data[:40]!r}"))
        return 0

    def _read(self, key: str, data: bytes) -> tuple[str, Cached] | None:
        try:
            return key, _decoder.decode(data)
        except ValueError as error:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {key}: {error}"))
            return None

    def _restore(self, id_tag: str, entry: Cached, cleared: int) -> None:
        if entry.place <= cleared:
            self._effects.append(DeleteRecord(KIND, id_tag))  # power went while ClearCache was at work
            return
        if self._entries is _EMPTY:
            self._entries = {}
        self._entries[id_tag] = entry
        self._place = entry.place

    @property
    def is_enabled(self) -> bool:
        """AuthorizationCacheEnabled."""
        return self._configuration.boolean("AuthorizationCacheEnabled")

    def __len__(self) -> int:
        return len(self._entries)

    def known(self) -> Mapping[str, Known]:
        """The entries by their idTags in lower case, the one heard of longest ago first."""
        return self._entries

    def find(self, id_tag: str, clock_s: float) -> Known | None:
        """The entry of an idTag, if the cache is in use. One whose expiryDate has passed becomes Expired for good."""
        if not self._entries or not self.is_enabled:
            return None
        name = folded(id_tag)
        entry = self._entries.get(name)
        if entry is not None and entry.status is not entry.status_at(clock_s):
            entry = msgspec.structs.replace(entry, status=AuthorizationStatus.Expired)
            self._keep(name, entry)
        return entry

    def update(self, id_tag: str, known: Known, clock_s: float) -> None:
        """Something was heard of an idTag. A full cache drops an entry that is not valid, else the oldest."""
        if not self.is_enabled:
            return
        name = folded(id_tag)
        if self._entries is _EMPTY:
            self._entries = {}
        if self._entries.pop(name, None) is None and len(self._entries) >= CACHE_LIMIT:
            self._evict(clock_s)
        self._place += 1
        self._keep(name, Cached(known.status, known.expires_s, known.parentIdTag, self._place))

    def _keep(self, name: str, entry: Cached) -> None:
        self._entries[name] = entry
        self._effects.append(SaveRecord(KIND, name, _encode(entry), gates=False))

    def _evict(self, clock_s: float) -> None:
        victim = next(iter(self._entries))
        for name, entry in self._entries.items():
            if entry.status_at(clock_s) is not AuthorizationStatus.Accepted:
                victim = name
                break
        del self._entries[victim]
        self._effects.append(DeleteRecord(KIND, victim))

    # Clearing.

    def clear_asked(self, request: ClearCacheRequest, now: float) -> ClearCacheResponse:
        """ClearCache (§5.4)."""
        if not self.is_enabled:
            self._effects.append(LogEvent("ClearCache refused", "expected AuthorizationCacheEnabled true, it is false"))
            return ClearCacheResponse(status=ClearCacheStatus.Rejected)
        self.clear()
        return ClearCacheResponse(status=ClearCacheStatus.Accepted)

    def switched(self) -> None:
        """AuthorizationCacheEnabled has a value anew."""
        if not self.is_enabled:
            self.clear()

    def clear(self) -> None:
        """Forget everything, so that no power cut brings it back."""
        if not self._entries:
            return
        entries, self._entries = self._entries, _EMPTY
        self._effects.append(SaveRecord(CLEARED_KIND, "place", str(self._place).encode()))
        self._effects.extend(DeleteRecord(KIND, name) for name in entries)
