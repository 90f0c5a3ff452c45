"""The tariffs, in all their versions, and where they hold: at a gun, else at its station, else everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecourt.ocpp.types import to_epoch
from forecourt.supervision.facts import StationDeleted, TariffAssigned, TariffDeleted, TariffPictureSet, TariffSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.supervision.ports import Recollection
    from forecourt.supervision.tariffs import Tariff

EVERYWHERE = ""
"""The identity of an assignment for all stations."""
ALWAYS_S = float("-inf")


def valid_from_s(tariff: Tariff) -> float:
    """From when on a version of a tariff holds, epoch seconds."""
    return ALWAYS_S if tariff.validFrom is None else to_epoch(tariff.validFrom)


class TariffBook:
    """What the operator decided about tariffs."""

    def __init__(self, recollection: Recollection) -> None:
        self._versions: dict[str, dict[float, Tariff]] = {}
        self._assigned: dict[tuple[str, int], str] = {}
        self.pictures: dict[str, TariffPictureSet] = {}
        """By the name of the tariff."""
        self.shown = dict(recollection.tariffs_shown)
        """By identity: the digest of the picture that a station has fetched last."""
        self._appliers: dict[type, Callable[[Any], object]] = {
            TariffSet: self._set,
            TariffDeleted: self._delete,
            TariffAssigned: self._assign,
            TariffPictureSet: lambda edit: self.pictures.__setitem__(edit.name, edit),
            StationDeleted: self._forget_station,
        }
        for edit in (*recollection.tariffs, *recollection.tariff_assignments, *recollection.tariff_pictures):
            self.apply(edit)

    def apply(self, edit: object) -> bool:
        """Take over what the operator decided; whether it was about tariffs."""
        applier = self._appliers.get(type(edit))
        if applier is not None:
            applier(edit)
        return applier is not None

    def tariff_of(self, identity: str, connector: int, at_s: float) -> Tariff | None:
        """The version of the tariff that holds for a session that begins then at this gun; None for no price."""
        name = self.name_of(identity, connector)
        held = {since: tariff for since, tariff in self._versions.get(name or "", {}).items() if since <= at_s}
        return held[max(held)] if held else None

    def name_of(self, identity: str, connector: int = 0) -> str | None:
        """The name of the tariff that holds at a gun; of the station itself for connector 0."""
        for place in ((identity, connector), (identity, 0), (EVERYWHERE, connector), (EVERYWHERE, 0)):
            name = self._assigned.get(place)
            if name is not None:
                return name
        return None

    def picture_of(self, identity: str) -> TariffPictureSet | None:
        """What a station is to show: it has one screen, so the picture is that of the station's own tariff."""
        return self.pictures.get(self.name_of(identity) or "")

    def names(self) -> list[str]:
        """The tariffs there are."""
        return sorted(self._versions)

    def versions(self, name: str) -> list[Tariff]:
        """All versions of a tariff, the first that holds first; none of an unknown one."""
        return [tariff for _, tariff in sorted(self._versions.get(name, {}).items())]

    def assignments(self) -> list[TariffAssigned]:
        """What holds where, in the order of identities and guns."""
        return [TariffAssigned(*place, name) for place, name in sorted(self._assigned.items())]

    def _set(self, edit: TariffSet) -> None:
        self._versions.setdefault(edit.tariff.name, {})[valid_from_s(edit.tariff)] = edit.tariff

    def _delete(self, edit: TariffDeleted) -> None:
        self._versions.pop(edit.name, None)
        self.pictures.pop(edit.name, None)
        for place in [place for place, name in self._assigned.items() if name == edit.name]:
            del self._assigned[place]

    def _assign(self, edit: TariffAssigned) -> None:
        if edit.tariff is None:
            self._assigned.pop((edit.identity, edit.connectorId), None)
        else:
            self._assigned[edit.identity, edit.connectorId] = edit.tariff

    def _forget_station(self, edit: StationDeleted) -> None:
        self.shown.pop(edit.identity, None)
        for place in [place for place in self._assigned if place[0] == edit.identity]:
            del self._assigned[place]
