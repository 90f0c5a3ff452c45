"""The entries of the local list, in memory and in durable records (OCPP 1.6 §3.5.2).

Theory of operation. The list is a log of changes, cut into *pages*; a page is one record. A message's changes always
stand in one page, so that saving it is one step: whenever power goes, the list is as before the message or as after
it. Small messages share the newest page, which is saved anew, until it holds `PAGE_LIMIT` changes. A Full list begins
with a page marked `is_first`: what stands in earlier pages is void from that save on, and they are deleted after it.

Looking up goes to one dict of everything that holds now. An entry there names the page that its change stands in; a
change in a page to which no entry points any more is dead. When more than half of all older changes are dead, each
message takes up to `CLEANED_AT_ONCE` of the oldest pages apart: what is alive in them is written again into the newest
page, and only then they are deleted. So a message costs what it carries and a bounded rest, however long the list is,
and the records stay within about three times what the list needs.

Entries of one page that say the same are one object, and a page remembers its idTags only: 100,000 entries take about
11 MB.
"""

from __future__ import annotations

import msgspec

from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.known_tags import Known

KIND = "list"

PAGE_LIMIT = 400
"""Changes in a page; no message of the guide carries more (SendLocalListMaxLength)."""

CLEANED_AT_ONCE = 4
"""Pages taken apart with one message. Two neighbours hold more than 400 changes, so this outpaces what comes in."""

Changes = dict[str, Known | None]
"""By folded idTag: what holds from now on, or None for a tag that is taken from the list."""


class Entry(Known, frozen=True, gc=False, array_like=True):
    """An entry of the list."""

    page: int = 0
    """The page that its change stands in."""


class Page(msgspec.Struct, frozen=True, array_like=True):
    """A record: the list's version after it, whether earlier pages are void, and the changes."""

    version: int
    is_first: bool
    changes: Changes


_decoder = msgspec.json.Decoder(Page)
_encode = msgspec.json.Encoder().encode


class ListPages:
    """The local list as it is kept."""

    __slots__ = ("_effects", "_is_first", "_logged", "_newest", "_number", "_older", "entries", "version")

    def __init__(self, effects: list[Effect]) -> None:
        self._effects = effects
        self.entries: dict[str, Entry] = {}
        """What holds now, by folded idTag."""
        self.version = 0
        """The listVersion of the latest update."""
        self._older: dict[int, tuple[str, ...]] = {}
        """The idTags of every page but the newest, oldest page first."""
        self._logged = 0
        """Changes in the older pages."""
        self._newest: Changes = {}
        self._number = 0
        """Of the newest page."""
        self._is_first = True

    # Changing.

    def replace(self, version: int, changes: Changes) -> None:
        """A Full list: nothing but these entries holds."""
        void = [*self._older, self._number] if self._number else []
        self._begin_anew()
        self._number += 1
        self.version = version
        self._write(changes)
        self._effects.extend(DeleteRecord(KIND, _key(number)) for number in void)

    def change(self, version: int, changes: Changes) -> None:
        """A Differential update: these entries are added, replaced or taken away."""
        self.version = version
        self._append(changes)
        self._clean()

    def _begin_anew(self) -> None:
        self.entries = {}
        self._older = {}
        self._logged = 0
        self._newest = {}
        self._is_first = True

    def _append(self, changes: Changes) -> None:
        if self._number == 0 or len(self._newest) + len(changes) > PAGE_LIMIT:
            self._turn_page(self._number + 1)
        self._write(changes)

    def _turn_page(self, number: int) -> None:
        if self._number:
            self._older[self._number] = tuple(self._newest)
            self._logged += len(self._newest)
            self._is_first = False
        self._newest = {}
        self._number = number

    def _write(self, changes: Changes) -> None:
        """Put changes into the newest page, and save that."""
        self._newest.update(changes)
        self._apply(changes)
        page = Page(self.version, self._is_first, self._newest)
        self._effects.append(SaveRecord(KIND, _key(self._number), _encode(page)))

    def _apply(self, changes: Changes) -> None:
        alike: dict[Known, Entry] = {}
        for id_tag, known in changes.items():
            if known is None:
                self.entries.pop(id_tag, None)
                continue
            entry = alike.get(known)
            if entry is None:
                entry = Entry(known.status, known.expires_s, known.parentIdTag, self._number)
                alike[known] = entry
            self.entries[id_tag] = entry

    def _clean(self) -> None:
        """Take the oldest pages apart while more than half of what stands in the older ones is dead."""
        for _ in range(CLEANED_AT_ONCE):
            if self._logged <= 2 * len(self.entries) + PAGE_LIMIT:
                return
            number = next(iter(self._older))
            tags = self._older.pop(number)
            self._logged -= len(tags)
            alive: Changes = {}
            for id_tag in tags:
                entry = self.entries.get(id_tag)
                if entry is not None and entry.page == number:
                    alive[id_tag] = Known(entry.status, entry.expires_s, entry.parentIdTag)
            if alive:
                self._append(alive)
            self._effects.append(DeleteRecord(KIND, _key(number)))

    # The beginning of a life.

    def restore(self, records: list[tuple[str, bytes]]) -> None:
        """Read the pages, oldest first. A list with a hole is no list: if one can not be read, all are dropped."""
        read: list[tuple[int, Page]] = []
        for key, data in records:
            try:
                read.append((int(key), _decoder.decode(data)))
            except ValueError as error:
                self._effects.append(LogEvent("Local list dropped", f"{KIND} {key}: {error}"))
                self._effects.extend(DeleteRecord(KIND, each) for each, _ in records)
                return
        for number, page in read:
            self._restore_page(number, page)

    def _restore_page(self, number: int, page: Page) -> None:
        if page.is_first:
            void = [*self._older, self._number] if self._number else []
            self._effects.extend(DeleteRecord(KIND, _key(each)) for each in void)
            self._begin_anew()
            self._number = number
        else:
            self._turn_page(number)
            self._is_first = False
        self.version = page.version
        self._newest = page.changes
        self._apply(page.changes)


def _key(number: int) -> str:
    return f"{number:012d}"
