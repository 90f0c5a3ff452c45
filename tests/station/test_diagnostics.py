"""The archive of the diagnostics, from a whole station between its doors."""

from __future__ import annotations

import msgspec
import pytest

from forecourt.station.effects import LogEvent, SendFile
from tests.station_bench import EPOCH_S
from tests.station_rig import Rig


def test_archive_is_taken_at_the_moment_of_the_request() -> None:
    rig = Rig()
    name = rig.ask("GetDiagnostics", {"location": "http://h/d"})["fileName"]
    rig.plug(1)
    (effect,) = [effect for effect in rig.effects if isinstance(effect, SendFile)]
    parts = {part.name: msgspec.json.decode(part.data) for part in effect.parts}
    assert effect.name == name
    assert [row["status"] for row in parts["connectors.json"]] == ["Available"] * 3
    assert parts["station.json"]["takenAt"].startswith("2026-03-02T08:00:00")
    assert (effect.log_from_s, effect.log_until_s) == (0.0, EPOCH_S)


def test_parts_can_be_read_by_people() -> None:
    rig = Rig()
    rig.ask("GetDiagnostics", {"location": "http://h/d"})
    (effect,) = [effect for effect in rig.effects if isinstance(effect, SendFile)]
    for part in effect.parts:
        assert part.data.endswith(b"\n")
        assert part.data.startswith((b"{", b"["))
    assert b'\n  "identity": "CP-1"' in effect.parts[0].data


@pytest.mark.parametrize("identity", ["x" * 50, "../../etc/passwd", "a/b\\c*d?e", "a b%2e%2e"])
def test_name_holds_safe_characters_only(identity: str) -> None:
    rig = Rig(keys={"BoxIdentifier": identity})
    name = rig.ask("GetDiagnostics", {"location": "http://h/d"})["fileName"]
    assert len(name) <= 255
    assert name.isascii()
    assert not set(name) & set("/\\:*?% ")
    assert ".." not in name


def test_request_for_nothing_leaves_a_line_and_no_effect() -> None:
    rig = Rig()
    before = len(rig.effects)
    window = {"startTime": "2026-03-02T07:00:00Z", "stopTime": "2026-03-02T06:00:00Z"}
    assert rig.ask("GetDiagnostics", {"location": "http://h/d", **window}) == {}
    lines = [effect for effect in rig.effects[before:] if isinstance(effect, LogEvent)]
    assert [line.name for line in lines] == ["GetDiagnostics has nothing to upload"]
    assert len(rig.effects) == before + 2
