"""The 80 configuration keys of the chapter "Configuration Keys" and the rules for their values.

The rows are in the guide's order, table after table (`key_table.py`); a key of two tables stands in the first. What a
row says holds for the value alone: that SecurityProfile may only rise, that AuthenticationOCPPMode reads as the
opposite of FreeCharging, and that FreeCharging excludes the other modes, is the station's business.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from forecourt.errors import ForecourtError
from forecourt.evlink.firmware import DEFAULT_FIRMWARE_VERSION
from forecourt.evlink.key import Access, Effect, Key, KeyType, Section, ValueRefused, Visibility
from forecourt.evlink.key_table import KEYS
from forecourt.evlink.nearest import hint, nearest

if TYPE_CHECKING:
    from forecourt.evlink.generations import Product
    from forecourt.evlink.models import Model

__all__ = [
    "KEYS",
    "Access",
    "Effect",
    "Key",
    "KeyType",
    "Section",
    "UnknownKey",
    "ValueRefused",
    "Visibility",
    "default_of",
    "find_key",
    "keys_of",
    "listed_keys",
    "require_key",
]

_BY_NAME: dict[str, Key] = {name.lower(): key for key in KEYS for name in (key.name, *key.aliases)}


def find_key(name: str) -> Key | None:
    """The row of a key by its name in any case, or by one of the three misspellings of the guide (A3)."""
    return _BY_NAME.get(name.lower())


class UnknownKey(ForecourtError):  # noqa: N818
    """A name that is no configuration key of the guide."""

    def __init__(self, name: str) -> None:
        self.name = name
        names = dict.fromkeys(_BY_NAME[near].name for near in nearest(name.lower(), list(_BY_NAME)))
        wanted = hint(names, "`forecourt guide keys` lists all 80")
        super().__init__(f"{name!r} is no configuration key of the guide; {wanted}.")


def require_key(name: str) -> Key:
    """As `find_key`, but raises `UnknownKey` with near misses."""
    if (key := find_key(name)) is None:
        raise UnknownKey(name)
    return key


def default_of(key: Key, model: Model, plug_and_charge: bool = False, provisioned: bool = False) -> str | None:
    """The value of a key that nobody has changed, or None when it has none.

    `provisioned` says that the station was delivered with an AuthorizationKey (A5); `plug_and_charge` that
    ISO15118PnCEnabled is true.
    """
    if key.default_from_model is not None:
        return key.default_from_model(model)
    if plug_and_charge and key.default_with_plug_and_charge is not None:
        return key.default_with_plug_and_charge
    if provisioned and key.default_when_provisioned is not None:
        return key.default_when_provisioned
    return key.default


@lru_cache(maxsize=64)
def keys_of(
    firmware_version: str = DEFAULT_FIRMWARE_VERSION, plug_and_charge: bool = False, product: Product | None = None
) -> tuple[Key, ...]:
    """The keys that a station with this firmware knows, in the guide's order, AuthorizationKey included.

    `plug_and_charge` is the value of ISO15118PnCEnabled: while it is false its table is hidden (A6).
    """
    return tuple(
        key
        for key in KEYS
        if (plug_and_charge or key.visibility is not Visibility.WITH_PLUG_AND_CHARGE)
        and (key.since is None or key.since.reached_by(firmware_version, product))
    )


def listed_keys(
    firmware_version: str = DEFAULT_FIRMWARE_VERSION, plug_and_charge: bool = False, product: Product | None = None
) -> tuple[Key, ...]:
    """What a GetConfiguration without names shows: `keys_of` without what can only be written."""
    return tuple(
        key
        for key in keys_of(firmware_version, plug_and_charge, product)
        if key.visibility is not Visibility.NEVER_READ
    )
