"""What a data folder holds, and what may be said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.evlink.models import UnknownModel
from forecourt.runtime.data_folder import DEFAULT_IDENTITY, CommissioningError, DataFolder, Wishes, commission, settle
from forecourt.runtime.lock import FolderRefused
from forecourt.runtime.loop import run
from forecourt.runtime.meters import KEY as METER_KEY
from forecourt.runtime.meters import KIND as METER_KIND
from forecourt.runtime.meters import MeterState, load_meter
from forecourt.station.commissioning import Commissioning
from forecourt.station.effects import SaveRecord

if TYPE_CHECKING:
    from pathlib import Path

ONE = Commissioning("ONE", "ws://127.0.0.1:9000", "EVD1S180THB", "S1", "3.5.8803")


def test_a_new_station_gets_defaults_of_its_generation() -> None:
    made = commission(Wishes(model="evd2s320tbb", identity="TWO"))
    assert (made.model, made.identity, made.supervision_url) == ("EVD2S320TBB", "TWO", "ws://127.0.0.1:9000")
    assert made.serial_number.startswith("2S")


@pytest.mark.requirement("WP-A00.FR.429")
def test_each_new_station_gets_a_serial_number_of_its_own_that_stays() -> None:
    """Its certificate is about that number, so that no other station of a large fleet can be taken for it."""
    forms = ("CP-{}", "CP-{:05}", "FORECOURT-{}")
    identities = [form.format(number) for form in forms for number in range(10_000)]
    made = [commission(Wishes(identity=identity)) for identity in identities]
    numbers = [one.serial_number for one in made]
    assert len(set(numbers)) == len(numbers)
    assert max(map(len, numbers)) <= 25
    assert commission(Wishes(identity="CP-7")).serial_number == numbers[7]
    assert commission(Wishes()).serial_number == commission(Wishes(identity=DEFAULT_IDENTITY)).serial_number
    chosen = commission(Wishes(identity="CP-7", serial_number="S-1"))
    assert chosen.serial_number == "S-1"


def test_a_model_that_is_not_in_the_catalogue_is_not_commissioned() -> None:
    with pytest.raises(UnknownModel, match="EVD1S999"):
        commission(Wishes(model="EVD1S999THB"))


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(identity=""),
        Wishes(identity="x" * 51),
        Wishes(identity="A:B"),
        Wishes(supervision_url="http://there"),
        Wishes(serial_number="x" * 26),
        Wishes(firmware_version="x" * 51),
        Wishes(serial_number="line\nbreak"),
    ],
)
def test_what_does_not_fit_the_wire_is_not_commissioned(wishes: Wishes) -> None:
    with pytest.raises(CommissioningError):
        commission(wishes)


def test_what_is_kept_holds_unless_it_is_recommissioned() -> None:
    assert settle(ONE, Wishes(), recommission=False) == ONE
    assert settle(ONE, Wishes(identity="ONE", model="evd1s180thb"), recommission=False) == ONE
    for wishes in (Wishes(identity="TWO"), Wishes(model="EVD1S60THB"), Wishes(firmware_version="3.4.8821")):
        with pytest.raises(CommissioningError, match="--recommission"):
            settle(ONE, wishes, recommission=False)
    changed = settle(ONE, Wishes(identity="TWO", serial_number="S2"), recommission=True)
    assert (changed.identity, changed.serial_number, changed.model) == ("TWO", "S2", ONE.model)


def test_the_log_of_a_folder_goes_on_when_it_is_opened_again(tmp_path: Path) -> None:
    for number in range(2):
        folder = DataFolder(tmp_path)
        folder.log.add(float(number), "tick", str(number))
        folder.close()
    folder = DataFolder(tmp_path)
    lines = folder.log.extract(0.0, 10.0, 0.0).splitlines()
    folder.close()
    assert [b'"text":"%d"' % number in line for number, line in enumerate(lines)] == [True, True]


def test_a_recommissioned_folder_keeps_its_records_but_for_what_was_recommissioned(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = DataFolder(tmp_path)
        await folder.keep(ONE)
        saves = [
            SaveRecord("key", name, value)
            for name, value in (("SupervisionUrl", b"ws://old"), ("BoxIdentifier", b"OLD"), ("CpoName", b"Ours"))
        ]
        folder.records.commit("ONE", saves, lambda failure: None)
        await folder.keep(Commissioning("TWO", "ws://127.0.0.1:9", ONE.model, "S1", "3.5.8803"))
        assert folder.records.load("ONE") == {}
        assert folder.records.load("TWO") == {("key", "CpoName"): b"Ours"}
        folder.close()
        again = DataFolder(tmp_path)
        assert again.kept is not None
        assert again.kept.identity == "TWO"
        again.close()

    run(scenario())


def test_what_was_commissioned_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = DataFolder(tmp_path)
        await folder.keep(ONE)
        folder.close()

    run(scenario())
    assert (tmp_path / "commissioning.json").stat().st_mode & 0o077 == 0


def test_a_folder_whose_commissioning_cannot_be_read_is_refused_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "commissioning.json").write_text("{}")
    for _ in range(2):
        with pytest.raises(CommissioningError, match=r"commissioning\.json"):
            DataFolder(tmp_path)


def test_a_folder_serves_one_process_at_a_time(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with pytest.raises(FolderRefused, match="another process"):
        DataFolder(tmp_path)
    folder.close()
    DataFolder(tmp_path).close()


def test_damage_is_named_in_the_log_and_the_folder_opens(tmp_path: Path) -> None:
    """Both files have lost their headers. The registers of the meter are among what can still be read."""
    folder = DataFolder(tmp_path)
    run(folder.keep(ONE))
    run(folder.records.keep("ONE", [SaveRecord("queue", "1", b"kept")]))
    meter = MeterState((7.5, 0.0), 10.0, 10.0)
    run(folder.meters.keep("ONE", [SaveRecord(METER_KIND, METER_KEY, msgspec.json.encode(meter))]))
    folder.close()
    for name in ("records.sqlite", "meters.sqlite"):
        with (tmp_path / name).open("r+b") as file:
            file.write(b"\0" * 16)
    folder = DataFolder(tmp_path)
    assert folder.records.load("ONE")["queue", "1"] == b"kept"
    assert load_meter(folder.meters, "ONE") == meter
    assert len(folder.damage) == 2
    log = folder.log.extract(0.0, 1e11, 0.0).decode()
    folder.close()
    for sentence in folder.damage:
        assert sentence in log
    assert len(list(tmp_path.glob("*.damaged-*"))) == 2


def test_meter_whose_record_is_damaged_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    run(folder.keep(ONE))
    data = msgspec.json.encode(MeterState((7.5, 0.0), 10.0, 10.0))
    run(folder.meters.keep("ONE", [SaveRecord(METER_KIND, METER_KEY, data)]))
    folder.close()
    path = tmp_path / "meters.sqlite"
    path.write_bytes(path.read_bytes().replace(b"7.5", b"9.5"))
    folder = DataFolder(tmp_path)
    assert load_meter(folder.meters, "ONE") is None
    assert folder.last_wall_s == 0.0
    folder.close()
    assert "The record meter registers of ONE" in folder.damage[0]
