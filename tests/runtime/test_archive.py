"""What an upload sends."""

from __future__ import annotations

import io
import zipfile

import pytest

from forecourt.runtime.archive import pack
from forecourt.station.effects import FilePart, SendFile


def effect(name: str, *parts: FilePart, until_s: float = 1_700_000_000.0) -> SendFile:
    return SendFile("s1", "ftp://host/", name, parts, 0.0, until_s, 5.0)


def test_a_zip_holds_every_part_and_the_log_and_is_the_same_bytes_again() -> None:
    wanted = effect("A.ZIP", FilePart("a.json", b"{}"), FilePart("b.json", b"[]" * 1000))
    data = pack(wanted, lambda: b"line\n")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == {
            "a.json": b"{}",
            "b.json": b"[]" * 1000,
            "log.jsonl": b"line\n",
        }
        assert {info.date_time for info in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    assert len(data) < 1000
    assert pack(wanted, lambda: b"line\n") == data


def test_a_zip_of_a_clock_that_was_never_set_is_of_the_earliest_time_of_zips() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(effect("a.zip", FilePart("a", b""), until_s=0.0), None))) as archive:
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_any_other_name_is_one_part_or_the_log_as_it_is() -> None:
    assert pack(effect("a.json", FilePart("x", b"{}")), None) == b"{}"
    assert pack(effect("a.log"), lambda: b"line\n") == b"line\n"
    with pytest.raises(AssertionError, match="one part"):
        pack(effect("a.log"), None)
