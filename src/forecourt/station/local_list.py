"""SendLocalList and GetLocalListVersion (OCPP 1.6 §3.5.2, §5.10, §5.15; facts §5.3; reading A43).

Each update is checked as a whole before any of it is done. What is refused leaves a line in the log. While
LocalAuthListEnabled is false the list is kept but nobody sees it: the version is -1, and updates are NotSupported.
An empty list has version 0, whatever update emptied it; so the next Differential may begin at 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from msgspec import UNSET

from forecourt.errors import ForecourtError
from forecourt.ocpp.local_auth_list_management import (
    GetLocalListVersionResponse,
    SendLocalListResponse,
    UpdateStatus,
    UpdateType,
)
from forecourt.station.effects import Effect, LogEvent
from forecourt.station.known_tags import folded, known_of
from forecourt.station.list_pages import KIND, ListPages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.ocpp.local_auth_list_management import (
        AuthorizationData,
        GetLocalListVersionRequest,
        SendLocalListRequest,
    )
    from forecourt.station.configuration import Configuration
    from forecourt.station.known_tags import Known
    from forecourt.station.list_pages import Changes

NOT_SUPPORTED = -1
"""The version while lists are not supported."""


class ListRefused(ForecourtError):  # noqa: N818
    """An update that is not made."""

    def __init__(self, status: UpdateStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class LocalList:
    """The local authorization list of one station."""

    __slots__ = ("_configuration", "_effects", "_pages")

    def __init__(
        self, configuration: Configuration, records: Mapping[tuple[str, str], bytes], effects: list[Effect]
    ) -> None:
        self._configuration = configuration
        self._effects = effects
        self._pages: ListPages | None = None
        """None until there is something to keep."""
        kept = sorted((key, data) for (kind, key), data in records.items() if kind == KIND)
        if kept:
            self._pages = ListPages(effects)
            self._pages.restore(kept)

    @property
    def is_enabled(self) -> bool:
        """LocalAuthListEnabled."""
        return self._configuration.boolean("LocalAuthListEnabled")

    @property
    def version(self) -> int:
        """The listVersion of the latest update; 0 while the list is empty."""
        return self._pages.version if self._pages is not None and self._pages.entries else 0

    def __len__(self) -> int:
        return 0 if self._pages is None else len(self._pages.entries)

    def known(self) -> Mapping[str, Known]:
        """The entries by their idTags in lower case, whether the list is in use or not."""
        return {} if self._pages is None else self._pages.entries

    def find(self, id_tag: str) -> Known | None:
        """The entry of an idTag, if it is listed and the list is in use."""
        if self._pages is None or not self.is_enabled:
            return None
        return self._pages.entries.get(folded(id_tag))

    # The operations.

    def tell_version(self, request: GetLocalListVersionRequest, now: float) -> GetLocalListVersionResponse:
        """GetLocalListVersion (§5.10)."""
        return GetLocalListVersionResponse(listVersion=self.version if self.is_enabled else NOT_SUPPORTED)

    def update(self, request: SendLocalListRequest) -> SendLocalListResponse:
        """SendLocalList (§5.15): all of it or nothing."""
        try:
            self._update(request)
        except ListRefused as refused:
            self._effects.append(LogEvent("SendLocalList refused", f"{refused.status}: {refused}"))
            return SendLocalListResponse(status=refused.status)
        return SendLocalListResponse(status=UpdateStatus.Accepted)

    def _update(self, request: SendLocalListRequest) -> None:
        is_full = request.updateType is UpdateType.Full
        self._check_version(request, is_full)
        entries = request.localAuthorizationList or ()
        most = self._configuration.integer("SendLocalListMaxLength")
        if len(entries) > most:
            _fail(f"expected at most {most} entries in one message, came {len(entries)}")
        changes = _changes(entries, is_full)
        self._check_room(changes, is_full)
        if self._pages is None:
            self._pages = ListPages(self._effects)
        if is_full:
            self._pages.replace(request.listVersion, changes)
        else:
            self._pages.change(request.listVersion, changes)

    def _check_version(self, request: SendLocalListRequest, is_full: bool) -> None:
        if not self.is_enabled:
            raise ListRefused(UpdateStatus.NotSupported, "expected LocalAuthListEnabled true, it is false")
        if request.listVersion < 1:
            _fail(f"expected a listVersion above 0, came {request.listVersion}")
        if not is_full and request.listVersion <= self.version:
            raise ListRefused(
                UpdateStatus.VersionMismatch, f"expected a version above {self.version}, came {request.listVersion}"
            )

    def _check_room(self, changes: Changes, is_full: bool) -> None:
        most = self._configuration.integer("LocalAuthListMaxLength")
        before = 0 if is_full else len(self)
        held = self._pages.entries if self._pages is not None and not is_full else {}
        after = before + sum((known is not None) - (id_tag in held) for id_tag, known in changes.items())
        if after > most and after > before:
            _fail(f"expected at most {most} entries in the list, it would have {after}")


def _changes(entries: tuple[AuthorizationData, ...], is_full: bool) -> Changes:
    """The entries of a message by folded idTag. Raises `ListRefused`."""
    changes: Changes = {}
    for entry in entries:
        id_tag = folded(entry.idTag)
        if not id_tag:
            _fail("expected an idTag of 1 to 20 characters, came an empty one")
        if id_tag in changes:
            _fail(f"expected each idTag once, {entry.idTag} came again")
        if entry.idTagInfo is UNSET:
            if is_full:
                _fail(f"expected idTagInfo with every entry of a Full list, {entry.idTag} has none")
            changes[id_tag] = None
        else:
            changes[id_tag] = known_of(entry.idTagInfo)
    return changes


def _fail(why: str) -> NoReturn:
    raise ListRefused(UpdateStatus.Failed, why)
