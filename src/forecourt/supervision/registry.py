"""What the operator decided: the policy, the idTags and the registered stations. Decides on idTags and on boots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from forecourt.ocpp.core import AuthorizationStatus, IdTagInfo, RegistrationStatus
from forecourt.ocpp.local_auth_list_management import AuthorizationData
from forecourt.ocpp.types import from_epoch
from forecourt.supervision.facts import (
    IdTagDeleted,
    IdTagSet,
    PolicySet,
    StationDeleted,
    StationSet,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.supervision.facts import Edit
    from forecourt.supervision.ports import Recollection


def tag_key(id_tag: str) -> str:
    """An idTag as it compares: CiString, without regard to case."""
    return id_tag.casefold()


class Registry:
    """The operator's registries, in memory."""

    def __init__(self, recollection: Recollection) -> None:
        self.policy = recollection.policy
        self._id_tags = {tag_key(entry.idTag): entry for entry in recollection.id_tags}
        self._stations = {entry.identity: entry for entry in recollection.stations}
        self._appliers: dict[type, Callable[[Edit], object]] = {
            PolicySet: self._set_policy,
            IdTagSet: self._set_id_tag,
            IdTagDeleted: self._delete_id_tag,
            StationSet: self._set_station,
            StationDeleted: self._delete_station,
        }

    def apply(self, edit: Edit) -> None:
        """Take over an operator's change. What the doors judge by, such as passwords, nothing here knows."""
        applier = self._appliers.get(type(edit))
        if applier is not None:
            applier(edit)

    def admits(self, identity: str) -> bool:
        """Whether this station may connect at all."""
        return self.policy.open_enrolment or identity in self._stations

    def boot_answer(self, identity: str, provisional: bool = False) -> tuple[RegistrationStatus, int]:
        """Status and interval in s for a BootNotification of this station; a provisional one is Pending at best."""
        rule = self._stations.get(identity)
        status = RegistrationStatus((rule.boot_status if rule else None) or self.policy.boot_status)
        if provisional and status is RegistrationStatus.Accepted:
            return RegistrationStatus.Pending, self.policy.boot_retry_interval_s
        if rule is not None and rule.interval_s is not None:
            return status, rule.interval_s
        if status is RegistrationStatus.Accepted:
            return status, self.policy.heartbeat_interval_s
        return status, self.policy.boot_retry_interval_s

    def id_tag_info(self, id_tag: str, now: float, *, concurrent: bool = False) -> IdTagInfo:
        """The answer about an idTag. `concurrent`: it has a transaction already and may have only one."""
        entry = self._id_tags.get(tag_key(id_tag))
        if entry is None:
            status = AuthorizationStatus.Accepted if self.policy.accept_unknown_id_tags else AuthorizationStatus.Invalid
            return IdTagInfo(status=_concurrent(status, concurrent))
        status = AuthorizationStatus(entry.status)
        if (
            status is AuthorizationStatus.Accepted
            and entry.expiryDate is not None
            and entry.expiryDate <= from_epoch(now)
        ):
            status = AuthorizationStatus.Expired
        return IdTagInfo(
            status=_concurrent(status, concurrent),
            expiryDate=UNSET if entry.expiryDate is None else entry.expiryDate,
            parentIdTag=UNSET if entry.parentIdTag is None else entry.parentIdTag,
        )

    def local_list(self, now: float) -> tuple[AuthorizationData, ...]:
        """All idTags as the entries of a local list, in the order of their names."""
        return tuple(
            AuthorizationData(idTag=entry.idTag, idTagInfo=self.id_tag_info(entry.idTag, now))
            for _, entry in sorted(self._id_tags.items())
        )

    def _set_policy(self, edit: Edit) -> None:
        assert isinstance(edit, PolicySet)
        self.policy = edit.policy

    def _set_id_tag(self, edit: Edit) -> None:
        assert isinstance(edit, IdTagSet)
        self._id_tags[tag_key(edit.idTag)] = edit

    def _delete_id_tag(self, edit: Edit) -> None:
        assert isinstance(edit, IdTagDeleted)
        self._id_tags.pop(tag_key(edit.idTag), None)

    def _set_station(self, edit: Edit) -> None:
        assert isinstance(edit, StationSet)
        self._stations[edit.identity] = edit

    def _delete_station(self, edit: Edit) -> None:
        assert isinstance(edit, StationDeleted)
        self._stations.pop(edit.identity, None)


def _concurrent(status: AuthorizationStatus, concurrent: bool) -> AuthorizationStatus:
    return AuthorizationStatus.ConcurrentTx if concurrent and status is AuthorizationStatus.Accepted else status
