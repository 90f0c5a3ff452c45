"""A station's data folder: what was commissioned, the station's records, the registers of its meters, its log."""

from __future__ import annotations

import os
import time
import zlib
from typing import TYPE_CHECKING

import msgspec

from forecourt.errors import ForecourtError
from forecourt.evlink.firmware import DEFAULT_FIRMWARE_VERSION
from forecourt.evlink.models import find_model
from forecourt.runtime.keys import Keys
from forecourt.runtime.meters import load_meter
from forecourt.runtime.ports import HOST, OCPP_PORT
from forecourt.runtime.records import RecordStore
from forecourt.runtime.station_log import StationLog
from forecourt.station.commissioning import Commissioning
from forecourt.station.configuration import COMMISSIONED, KIND
from forecourt.station.effects import DeleteRecord, SaveRecord

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_IDENTITY = "FORECOURT-1"
DEFAULT_URL = f"ws://{HOST}:{OCPP_PORT}"
DEFAULT_MODEL = "EVD1S180THB"
DAMAGE = "Records damaged"
"""The kind of the log's lines that name what was found damaged."""
SERIAL_MAX_LENGTH = 25
FIRMWARE_MAX_LENGTH = 50


class CommissioningError(ForecourtError):
    """What was asked for cannot be commissioned, or contradicts what the folder holds."""


class Wishes(msgspec.Struct, frozen=True):
    """What the command line says of a station; None where it says nothing."""

    identity: str | None = None
    supervision_url: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None
    authorization_key: str | None = None

    def given(self) -> dict[str, str]:
        """What is said, by the name of the field."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in fields.items() if value is not None}


FLAGS = {
    "identity": "--id",
    "supervision_url": "--url",
    "model": "--model",
    "serial_number": "--serial",
    "firmware_version": "--firmware",
}


def commission(wishes: Wishes) -> Commissioning:
    """A new station, with defaults for what is not said. Raises `UnknownModel` and `CommissioningError`."""
    model = find_model(wishes.model or DEFAULT_MODEL)
    fields = {
        "identity": DEFAULT_IDENTITY,
        "supervision_url": DEFAULT_URL,
        "serial_number": _serial_number(model.generation.assumed_serial_example, wishes.identity),
        "firmware_version": DEFAULT_FIRMWARE_VERSION,
    } | wishes.given()
    return _checked(Commissioning(**(fields | {"model": model.reference})))


def _serial_number(example: str, identity: str | None) -> str:
    """One of its own for each identity, as client certificates need it (white paper A00.FR.429).

    All ten digits of a CRC-32: identities that differ in up to four characters in a row never have the same, so that a
    numbered fleet has no two alike.
    """
    if identity in (None, DEFAULT_IDENTITY):
        return example
    return f"{example[:-6]}{zlib.crc32(identity.encode()):010d}"


def settle(kept: Commissioning | None, wishes: Wishes, recommission: bool) -> Commissioning:
    """What a station is to be, from what its folder holds and what is asked for. Raises `CommissioningError`."""
    if kept is None:
        return commission(wishes)
    wanted = wishes.given()
    if "model" in wanted:
        wanted["model"] = find_model(wanted["model"]).reference
    if not recommission:
        for name, flag in FLAGS.items():
            if wanted.get(name, getattr(kept, name)) != getattr(kept, name):
                raise CommissioningError(
                    f"The data folder holds a station with {flag} {getattr(kept, name)!r}, and {wanted[name]!r} was "
                    "asked for: leave the option out, choose another folder, or give --recommission to change it."
                )
        return kept
    return _checked(msgspec.structs.replace(kept, **wanted))


def _checked(commissioning: Commissioning) -> Commissioning:
    for name, text, longest in (
        ("identity", commissioning.identity, 50),
        ("address of the supervision", commissioning.supervision_url, 255),
        ("serial number", commissioning.serial_number, SERIAL_MAX_LENGTH),
        ("firmware version", commissioning.firmware_version, FIRMWARE_MAX_LENGTH),
    ):
        if not 1 <= len(text) <= longest or not text.isprintable():
            raise CommissioningError(f"The {name} has 1 to {longest} printable characters; this one has not: {text!r}.")
    if ":" in commissioning.identity:
        raise CommissioningError(
            f"The identity has no colon, which would end the user name of a password; this one has: "
            f"{commissioning.identity!r}."
        )
    if not commissioning.supervision_url.startswith(("ws://", "wss://")):
        raise CommissioningError(
            f"The address of the supervision begins with ws:// or wss://; {commissioning.supervision_url!r} does not."
        )
    return commissioning


class DataFolder:
    """The files of one station. Open it once; another process is refused."""

    def __init__(self, path: Path) -> None:
        """Open or make the folder. Raises `ForecourtError` with a sentence."""
        self._file = path / "commissioning.json"
        self.keys = Keys(path / "keys")
        self.log = StationLog(path / "log.jsonl")
        self.damage: list[str] = []
        """What was found damaged, a sentence each; the log has them too."""
        self.records = RecordStore(path / "records.sqlite", self._note_damage)
        try:
            self.meters = RecordStore(path / "meters.sqlite", self._note_damage)
            self.kept = self._load()
        except BaseException:
            self.close()
            raise

    def _note_damage(self, sentence: str) -> None:
        self.damage.append(sentence)
        self.log.add(time.time(), DAMAGE, sentence)

    @property
    def last_wall_s(self) -> float:
        """The latest wall time that the meter wrote down; 0 for none. A sped-up past may lie in the future."""
        meter = None if self.kept is None else load_meter(self.meters, self.kept.identity)
        return 0.0 if meter is None else meter.wall_s

    async def keep(self, commissioning: Commissioning) -> None:
        """Commission the folder, once what hangs on an earlier commissioning is in order."""
        kept = self.kept
        if kept == commissioning:
            return
        if kept is not None:
            for store in (self.records, self.meters):
                await _rename(store, kept.identity, commissioning.identity)
            self.keys.rename(kept.identity, commissioning.identity)
            overridden = [
                DeleteRecord(KIND, key)
                for key, value_of in COMMISSIONED.items()
                if value_of(kept) != value_of(commissioning)
            ]
            await self.records.keep(commissioning.identity, overridden)
        self._write(commissioning)
        self.kept = commissioning

    def close(self) -> None:
        """Finish what was committed and let go of the files."""
        self.log.close()
        self.records.close()
        if hasattr(self, "meters"):
            self.meters.close()

    def _load(self) -> Commissioning | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Commissioning)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise CommissioningError(f"{self._file} does not say what was commissioned: {error}.") from error

    def _write(self, commissioning: Commissioning) -> None:
        """Replace the file as a whole, readable by its owner only."""
        new = self._file.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(commissioning), indent=2))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)


async def _rename(store: RecordStore, old: str, new: str) -> None:
    """Move the records of a station to its new name."""
    if old == new:
        return
    records = store.load(old)
    await store.keep(new, [SaveRecord(kind, key, data) for (kind, key), data in records.items()])
    await store.keep(old, [DeleteRecord(kind, key) for kind, key in records])
