from __future__ import annotations

import pytest

from forecourt.station.commissioning import Commissioning
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.firmware_record import (
    KEY,
    KIND,
    SIGNED,
    Kept,
    SignedUpdate,
    Step,
    Update,
    as_updated,
    kept_in,
    save,
)

COMMISSIONING = Commissioning("CP-1", "ws://supervision.example", "EVD1S180THB", "1", "3.5.8803")
UPDATE = Update(Step.WAITING, "http://h/f", 9.0, 3, 10.0, version="3.6.0")


@pytest.mark.parametrize(
    "kept", [Kept("3.5.8803", "3.6.0"), Kept("3.5.8803", "3.5.8803", UPDATE), Kept("3.5.8803", "3.6.0", UPDATE)]
)
def test_record_is_found_as_it_was_kept(kept: Kept) -> None:
    effects: list[Effect] = []
    assert save(kept, effects) is kept
    (saved,) = effects
    assert isinstance(saved, SaveRecord)
    assert saved.gates
    assert kept_in({(saved.kind, saved.key): saved.data}, COMMISSIONING, effects) == kept
    assert as_updated(COMMISSIONING, kept).firmware_version == kept.version


def test_record_of_a_signed_update_is_found_as_it_was_kept() -> None:
    effects: list[Effect] = []
    update = SignedUpdate(
        Step.READY,
        "http://h/f",
        9.0,
        3,
        10.0,
        "3.6.0",
        SIGNED,
        7,
        signingCertificate="PEM",
        signature="AAAA",
        install_s=99.5,
        failed_attempts=2,
        status="InstallScheduled",
        accepts_pkcs1=True,
    )
    save(Kept("3.5.8803", "3.5.8803", update), effects)
    (saved,) = effects
    assert isinstance(saved, SaveRecord)
    kept = kept_in({(KIND, KEY): saved.data}, COMMISSIONING, effects)
    assert kept == Kept("3.5.8803", "3.5.8803", update)
    for before, after in ((b"InstallScheduled", b"Nothing"), (SIGNED.encode(), b"Nothing")):
        effects.clear()
        assert kept_in({(KIND, KEY): saved.data.replace(before, after)}, COMMISSIONING, effects) is None
        assert [line.name for line in effects if isinstance(line, LogEvent)] == ["Record ignored"]


def test_record_that_says_no_more_than_the_commissioning_is_forgotten() -> None:
    effects: list[Effect] = []
    assert save(Kept("3.5.8803", "3.5.8803"), effects) is None
    assert effects == [DeleteRecord(KIND, KEY)]


def test_station_without_a_record_keeps_its_commissioning_as_it_is() -> None:
    effects: list[Effect] = []
    assert kept_in({}, COMMISSIONING, effects) is None
    assert as_updated(COMMISSIONING, None) is COMMISSIONING
    assert effects == []


def test_commissioning_with_another_version_makes_the_record_void() -> None:
    """Whoever does so has put that version on the station, and an update of the old one is over."""
    effects: list[Effect] = []
    save(Kept("3.4.0", "3.6.0", UPDATE), effects)
    (saved,) = effects
    assert isinstance(saved, SaveRecord)
    effects.clear()
    assert kept_in({(KIND, KEY): saved.data}, COMMISSIONING, effects) is None
    assert effects == [DeleteRecord(KIND, KEY)]


@pytest.mark.parametrize("data", [b"", b"nonsense", b"{}", b'{"commissioned":"3.5.8803","version":"3","update":{}}'])
def test_record_that_can_not_be_read_is_put_aside(data: bytes) -> None:
    effects: list[Effect] = []
    assert kept_in({(KIND, KEY): data}, COMMISSIONING, effects) is None
    assert [line.name for line in effects if isinstance(line, LogEvent)] == ["Record ignored"]
