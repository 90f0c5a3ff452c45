"""What a row of the table of configuration keys says, and how a value is checked against it."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

import msgspec

from forecourt.errors import ForecourtError
from forecourt.evlink.firmware import Since
from forecourt.evlink.key_rules import KeyRule
from forecourt.evlink.models import Model

VALUE_MAX_LENGTH = 500
"""Most characters of the value in ChangeConfiguration."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


class Section(StrEnum):
    """Which table of the guide a key stands in; one that stands in two is listed with the first."""

    STANDARD = "Standard Keys"
    NON_STANDARD = "Non-Standard Keys"
    PLUG_AND_CHARGE = "OCPP 1.6 keys for ISO15118 Plug & Charge and security extension"


class Access(StrEnum):
    """Who may do what over OCPP. The guide's `R` is `RO` (A1)."""

    RO = "RO"
    RW = "RW"
    W = "W"


class KeyType(StrEnum):
    """What the text of a value stands for. A list is separated by commas, without spaces (A2)."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    STRING = "string"
    LIST = "list"


class Visibility(StrEnum):
    """When a key can be read over OCPP."""

    ALWAYS = "always"
    WITH_PLUG_AND_CHARGE = "with Plug & Charge"
    """Unknown while ISO15118PnCEnabled is false; its value is kept (A6)."""
    NEVER_READ = "never read"


class Effect(StrEnum):
    """When a changed value is used (A40)."""

    AT_ONCE = "at once"
    AT_REBOOT = "at reboot"
    NEXT_SESSION = "next session"
    RECONNECT = "reconnect"


class ValueRefused(ForecourtError):  # noqa: N818
    """A value that a key does not take; says what was expected."""


class Key(msgspec.Struct, frozen=True, gc=False):
    """One configuration key."""

    section: Section
    name: str
    """The canonical spelling; names are compared without regard to case."""
    access: Access
    type: KeyType
    default: str | None
    """The value as reported; None when the key is not set, or comes from the model."""
    unit: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    """Bounds of an integer, inclusive. The upper ones are ours where the guide prints none: see `key_table.py`."""
    max_length: int = VALUE_MAX_LENGTH
    """Most characters of a text."""
    choices: tuple[str, ...] = ()
    """What a text, or every item of a list, may be; empty for anything that `rule` lets pass."""
    max_items: int | None = None
    """Most items of a list: the value of `max_items_key`, which is read-only."""
    max_items_key: str | None = None
    rule: KeyRule | None = None
    """A further rule for the normalised text."""
    visibility: Visibility = Visibility.ALWAYS
    effect: Effect = Effect.AT_ONCE
    authentication_mode: bool = False
    """Whether it switches on a mode that FreeCharging excludes (A31)."""
    default_from_model: Callable[[Model], str] | None = None
    default_with_plug_and_charge: str | None = None
    """The default of the second table in which the key stands, in force while ISO15118PnCEnabled is true (A5)."""
    default_when_provisioned: str | None = None
    """The default of a station that was delivered with an AuthorizationKey (A5)."""
    since: Since | None = None
    """The first firmware that knows the key; None when the guide does not say, so for every firmware."""
    aliases: tuple[str, ...] = ()
    """Misspellings of the guide: understood and answered, never listed (A3)."""
    reading: str = ""
    """The readings of the guide that the row follows, such as `A1 A3`."""

    def check(self, value: str) -> str:
        """The value as it is stored and reported; raises `ValueRefused`.

        Booleans become lower case, integers lose sign and leading zeros, lists their spaces. Access is not looked at:
        the installer may set what is read-only over OCPP.
        """
        if len(value) > VALUE_MAX_LENGTH:
            raise self._refused(f"at most {VALUE_MAX_LENGTH} characters", f"{len(value)} characters")
        text = _NORMALISED[self.type](self, value)
        if self.rule is not None and (expected := self.rule(text)) is not None:
            raise self._refused(expected, value)
        return text

    def _refused(self, expected: str, came: str) -> ValueRefused:
        if self.visibility is Visibility.NEVER_READ:
            return ValueRefused(f"{self.name} takes {expected}.")  # a secret is not repeated
        return ValueRefused(f"{self.name} takes {expected}, not {came[:60]!r}.")

    def _boolean(self, value: str) -> str:
        if (text := value.strip().lower()) not in ("true", "false"):
            raise self._refused("true or false", value)
        return text

    def _integer(self, value: str) -> str:
        if not _INTEGER.fullmatch(value.strip()):
            raise self._refused("a whole number", value)
        number = int(value)
        too_low = self.minimum is not None and number < self.minimum
        if too_low or (self.maximum is not None and number > self.maximum):
            raise self._refused(f"a whole number {self._range()}", value)
        return str(number)

    def _range(self) -> str:
        if self.maximum is None:
            return f"from {self.minimum}"
        return f"from {self.minimum} to {self.maximum}" + (f" ({self.unit})" if self.unit else "")

    def _string(self, value: str) -> str:
        if len(value) > self.max_length:
            raise self._refused(f"at most {self.max_length} characters", f"{len(value)} characters")
        if self.choices and value not in self.choices:
            raise self._refused(f"one of {', '.join(self.choices)}", value)
        return value

    def _list(self, value: str) -> str:
        text = "".join(value.split())
        items = text.split(",") if text else []
        if self.max_items is not None and len(items) > self.max_items:
            raise self._refused(f"at most {self.max_items} items ({self.max_items_key})", f"{len(items)} items")
        if self.choices and not all(item in self.choices for item in items):
            raise self._refused(f"items out of {', '.join(self.choices)}, separated by commas", value)
        if "" in items or len(set(items)) < len(items):
            raise self._refused("items separated by commas, none empty and none twice", value)
        return text


_NORMALISED: dict[KeyType, Callable[[Key, str], str]] = {
    KeyType.BOOLEAN: Key._boolean,
    KeyType.INTEGER: Key._integer,
    KeyType.STRING: Key._string,
    KeyType.LIST: Key._list,
}
