"""The configuration keys of one station: values, GetConfiguration and ChangeConfiguration (OCPP 1.6 §5.3, §5.8).

What a key is (access, type, range, visibility, when it takes effect) is its row in `evlink.keys`. This block owns the
values that differ from the defaults, and the few rules that need more than the value: FreeCharging excludes the other
modes, AuthenticationOCPPMode mirrors FreeCharging. What a change sets in motion is the station's to route, and so are
rules that need more than keys, such as those for SecurityProfile.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from msgspec import UNSET

from forecourt.evlink.key_table import FILE_TRANSFER_PROTOCOLS
from forecourt.evlink.keys import KEYS, Access, Key, ValueRefused, Visibility, default_of, find_key, keys_of
from forecourt.evlink.keys import Effect as KeyEffect
from forecourt.evlink.models import find_model
from forecourt.ocpp.core import (
    ChangeConfigurationRequest,
    ConfigurationStatus,
    GetConfigurationRequest,
    GetConfigurationResponse,
    KeyValue,
)
from forecourt.ocpp.errors import ErrorCode, RemoteError
from forecourt.station.effects import LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forecourt.evlink.models import Model
    from forecourt.station.commissioning import Commissioning, StationOptions
    from forecourt.station.effects import Effect

KIND = "key"
"""The kind of the records that hold values differing from the default."""

TRUE, FALSE = "true", "false"


class Configuration:
    """The keys of one station. Values are text as on the wire; the typed readers are for the other blocks."""

    __slots__ = ("_commissioning", "_effects", "_literal_key", "_model", "_protocols", "_values", "_version")

    def __init__(
        self,
        commissioning: Commissioning,
        options: StationOptions,
        model: Model,
        records: Mapping[tuple[str, str], bytes],
        effects: list[Effect],
    ) -> None:
        self._commissioning = commissioning
        self._literal_key = options.literal_authorization_key
        self._protocols = options.list_file_transfer_protocols
        self._model = model
        self._effects = effects
        self._values: dict[str, str] = {}
        self._version = 0
        for (kind, name), data in sorted(records.items()):
            if kind == KIND:
                self._restore(name, data)

    def _restore(self, name: str, data: bytes) -> None:
        key = find_key(name)
        try:
            if key is None:
                raise ValueRefused(f"There is no key {name[:50]}.")
            self._values[key.name] = _shared(key.name, self.check(key, data.decode()))
        except (UnicodeDecodeError, ValueRefused) as error:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {name}: {error}"))

    # Reading, for the other blocks.

    @property
    def version(self) -> int:
        """Rises with every change, so that what is derived from keys can be kept."""
        return self._version

    def text(self, name: str) -> str:
        """The present value of a key in its canonical spelling; empty when it is not set."""
        return self._value_of(name) or ""

    def has(self, name: str) -> bool:
        """Whether this station, with this firmware and these features, has a key of this name."""
        return self._find(name) is not None

    def integer(self, name: str) -> int:
        """The present value of an integer key."""
        return int(self._value_of(name) or 0)

    def boolean(self, name: str) -> bool:
        """The present value of a boolean key."""
        return self._value_of(name) == TRUE

    def items(self, name: str) -> tuple[str, ...]:
        """The present items of a list key."""
        value = self._value_of(name)
        return tuple(value.split(",")) if value else ()

    @property
    def identity(self) -> str:
        """Who the station is: BoxIdentifier, or as commissioned while that is empty."""
        return self.text("BoxIdentifier") or self._commissioning.identity

    def default(self, name: str) -> str | None:
        """What a key is while nobody has set it, by the commissioning or the guide; also of the secret one."""
        commissioned = COMMISSIONED.get(name)
        if commissioned is not None:
            return commissioned(self._commissioning)
        provisioned = self._commissioning.authorization_key is not None
        return _defaults(self._model.reference, self._plug_and_charge(), provisioned)[name]

    def changed(self) -> dict[str, str]:
        """The keys that differ from their defaults, without the one that may not be read."""
        return {name: value for name, value in self._values.items() if name != "AuthorizationKey"}

    # The operations.

    def get(self, request: GetConfigurationRequest) -> GetConfigurationResponse:
        """GetConfiguration (§5.8). More names than GetConfigurationMaxKeys raise OccurenceConstraintViolation."""
        names = request.key if isinstance(request.key, tuple) else ()
        most = self.integer("GetConfigurationMaxKeys")
        if len(names) > most:
            raise RemoteError(
                ErrorCode.OccurenceConstraintViolation, f"key: expected at most {most}, came {len(names)}"
            )
        if not names:
            listed = (key for key in self._keys() if key.visibility is not Visibility.NEVER_READ)
            return GetConfigurationResponse(configurationKey=tuple(self._entry(key, key.name) for key in listed))
        found = [(name, self._find(name)) for name in names]
        known = tuple(self._entry(key, _spelling(key, name)) for name, key in found if key is not None)
        unknown = tuple(name for name, key in found if key is None)
        return GetConfigurationResponse(
            configurationKey=known or UNSET,
            unknownKey=unknown or UNSET,
        )

    def change(
        self, request: ChangeConfigurationRequest, prepare: Callable[[Key, str], None] | None = None
    ) -> tuple[ConfigurationStatus, Key | None]:
        """ChangeConfiguration (§5.3): the status, and the key if its value was set.

        `prepare` is told of a value before it is set, and raises `ValueRefused` if another block does not allow it.
        """
        key = self._find(request.key)
        if key is None:
            self._refuse(f"expected a key that this station has now, came {request.key!r}")
            return ConfigurationStatus.NotSupported, None
        try:
            value = self._acceptable(key, request.value)
            if prepare is not None:
                prepare(key, value)
            self.store(key, value)
        except ValueRefused as refused:
            self._refuse(str(refused))
            return ConfigurationStatus.Rejected, None
        if key.effect is KeyEffect.AT_REBOOT:
            return ConfigurationStatus.RebootRequired, key
        return ConfigurationStatus.Accepted, key

    def _refuse(self, why: str) -> None:
        self._effects.append(LogEvent("ChangeConfiguration refused", why))

    def _acceptable(self, key: Key, text: str) -> str:
        """The value as it is stored, if the supervision may set it now; else `ValueRefused`."""
        if key.access is Access.RO:
            raise ValueRefused(f"expected a key that may be written, came {key.name}, which is read-only")
        value = self.check(key, text)
        if key.max_items_key is not None and _count(value) > (most := self.integer(key.max_items_key)):
            # The installer may have lowered the limit.
            raise ValueRefused(f"expected at most {most} items ({key.max_items_key}), came {_count(value)}")
        if key.authentication_mode and value == TRUE and self.boolean("FreeCharging"):
            raise ValueRefused(f"expected FreeCharging false before {key.name} is true, it is true")
        return value

    def check(self, key: Key, value: str) -> str:
        """The value as it is stored, or `ValueRefused`. By option AuthorizationKey may be a literal password."""
        if key.name == "AuthorizationKey" and self._literal_key and 16 <= len(value) <= 40 and value.isprintable():
            return value
        return key.check(value)

    def store(self, key: Key, value: str) -> None:
        """Keep a value that has been checked, and what it means for keys that mirror each other (reading A30)."""
        if key.name == "AuthenticationOCPPMode":
            self._keep("FreeCharging", FALSE if value == TRUE else TRUE)
            if value == TRUE:
                self._keep("RFIDEnabled", TRUE)
                self._keep("QrCodeEnabled", TRUE)
            return
        self._keep(key.name, value)

    def _keep(self, name: str, value: str) -> None:
        if self._values.get(name) == value:
            return
        self._values[name] = _shared(name, value)
        self._version += 1
        self._effects.append(SaveRecord(KIND, name, value.encode()))

    # What a name stands for.

    def _keys(self) -> tuple[Key, ...]:
        keys = keys_of(self._commissioning.firmware_version, self._plug_and_charge(), self._model.product)
        return (*keys, FILE_TRANSFER_PROTOCOLS) if self._protocols else keys

    def _find(self, name: str) -> Key | None:
        """The key of this name if this station, with this firmware and these features, has it."""
        if self._protocols and name.lower() == FILE_TRANSFER_PROTOCOLS.name.lower():
            return FILE_TRANSFER_PROTOCOLS
        key = find_key(name)
        if key is None or not any(key is known for known in self._keys()):
            return None
        return key

    def _entry(self, key: Key, spelling: str) -> KeyValue:
        readonly = key.access is Access.RO
        value = None if key.access is Access.W else self._value_of(key.name)
        if value is None:
            return KeyValue(key=spelling, readonly=readonly)
        return KeyValue(key=spelling, readonly=readonly, value=value)

    def _plug_and_charge(self) -> bool:
        return self._values.get("ISO15118PnCEnabled") == TRUE

    def _value_of(self, name: str) -> str | None:
        if name == "AuthenticationOCPPMode":
            return FALSE if self._value_of("FreeCharging") == TRUE else TRUE
        value = self._values.get(name)
        return self.default(name) if value is None else value


def _shared(name: str, value: str) -> str:
    """The same text, once for all stations that lately had this value: most have the same few. No secret is kept so."""
    return value if name == "AuthorizationKey" else _once(value)


@lru_cache(maxsize=256)
def _once(value: str) -> str:
    return value


@cache
def _defaults(reference: str, plug_and_charge: bool, provisioned: bool) -> dict[str, str | None]:
    """The defaults of all keys, once for all stations that are alike."""
    model = find_model(reference)
    keys = (*KEYS, FILE_TRANSFER_PROTOCOLS)
    return {key.name: default_of(key, model, plug_and_charge, provisioned) for key in keys}


COMMISSIONED: dict[str, Callable[[Commissioning], str | None]] = {
    "BoxIdentifier": lambda commissioning: commissioning.identity,
    "SupervisionUrl": lambda commissioning: commissioning.supervision_url or None,
    "AuthorizationKey": lambda commissioning: commissioning.authorization_key,
}
"""Keys whose first value comes from the commissioning and not from the guide."""


def _count(items: str) -> int:
    return items.count(",") + 1 if items else 0


def _spelling(key: Key, name: str) -> str:
    """A misspelling of the guide is answered as it was asked; any other name in its canonical spelling (A3)."""
    return name if name.lower() != key.name.lower() else key.name
