"""The block that keeps which connectors are wanted out of service."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from forecourt.ocpp.core import AvailabilityStatus, AvailabilityType, ChangeAvailabilityRequest
from forecourt.station.availability import ALL_OPERATIVE, KEY, KIND, Availability
from forecourt.station.effects import Effect, LogEvent, SaveRecord, SendFrame
from tests.station_rig import Rig

if TYPE_CHECKING:
    from forecourt.station.transactions import Transactions

OUT, IN = AvailabilityType.Inoperative, AvailabilityType.Operative


class Busy:
    """Transactions on some guns."""

    def __init__(self, *guns: int) -> None:
        self.guns = guns

    def on(self, connector: int) -> object | None:
        return self if connector in self.guns else None


class Bench:
    """The block with two guns."""

    def __init__(self, *busy: int, records: dict[tuple[str, str], bytes] | None = None) -> None:
        self.effects: list[Effect] = []
        self.block = Availability(2, records or {}, cast("Transactions", Busy(*busy)), self.effects)

    def change(self, connector: int, kind: AvailabilityType) -> tuple[AvailabilityStatus, tuple[int, ...]]:
        return self.block.change(ChangeAvailabilityRequest(connectorId=connector, type=kind))

    def wanted(self) -> list[int]:
        return [number for number in (0, 1, 2) if self.block.is_wanted_inoperative(number)]

    def kept(self) -> dict[tuple[str, str], bytes]:
        return {(e.kind, e.key): e.data for e in self.effects if isinstance(e, SaveRecord)}


@pytest.mark.parametrize(
    ("busy", "connector", "status", "at_once", "wanted"),
    [
        ((), 1, AvailabilityStatus.Accepted, (1,), [1]),
        ((), 0, AvailabilityStatus.Accepted, (0, 1, 2), [0, 1, 2]),
        ((1,), 1, AvailabilityStatus.Scheduled, (), [1]),
        ((1,), 2, AvailabilityStatus.Accepted, (2,), [2]),
        ((1,), 0, AvailabilityStatus.Scheduled, (0, 2), [0, 1, 2]),
        ((1, 2), 0, AvailabilityStatus.Scheduled, (0,), [0, 1, 2]),
    ],
)
def test_what_is_wanted_is_kept_and_what_is_idle_is_changed_at_once(
    busy: tuple[int, ...],
    connector: int,
    status: AvailabilityStatus,
    at_once: tuple[int, ...],
    wanted: list[int],
) -> None:
    bench = Bench(*busy)
    assert bench.change(connector, OUT) == (status, at_once)
    assert bench.wanted() == wanted
    assert Bench(records=bench.kept()).wanted() == wanted
    assert bench.change(connector, IN) == (AvailabilityStatus.Accepted, (0, 1, 2) if connector == 0 else (connector,))
    assert bench.wanted() == []
    assert Bench(records=bench.kept()).wanted() == []


def test_nothing_is_saved_when_nothing_changes() -> None:
    bench = Bench()
    bench.change(1, IN)
    assert bench.effects == []
    bench.change(1, OUT)
    bench.change(1, OUT)
    assert bench.effects == [SaveRecord(KIND, KEY, b"[1]")]


def test_unknown_connector_is_rejected_with_a_line_that_says_what_was_expected() -> None:
    bench = Bench()
    assert bench.change(3, OUT) == (AvailabilityStatus.Rejected, ())
    assert bench.effects == [LogEvent("ChangeAvailability refused", "expected connectorId 0 to 2, came 3")]


@pytest.mark.parametrize("data", [b"", b"nonsense", b'{"1":true}', b'["1"]', b"\xff"])
def test_record_that_can_not_be_read_is_put_aside(data: bytes) -> None:
    bench = Bench(records={(KIND, KEY): data})
    assert bench.wanted() == []
    (line,) = bench.effects
    assert isinstance(line, LogEvent)
    assert (line.name, line.detail[:24]) == ("Record ignored", "availability inoperative")


def test_stations_without_a_wish_share_one_empty_set() -> None:
    bench = Bench()
    bench.change(1, OUT)
    bench.change(1, IN)
    assert bench.block._inoperative is ALL_OPERATIVE
    assert Bench(records=bench.kept()).block._inoperative is ALL_OPERATIVE


def test_wish_is_saved_before_it_is_answered_and_answered_before_it_is_done() -> None:
    rig = Rig()
    seen = len(rig.effects)
    assert rig.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}) == {"status": "Accepted"}
    save, answer, report = rig.effects[seen : seen + 3]
    assert isinstance(save, SaveRecord)
    assert save.gates
    assert isinstance(answer, SendFrame)
    assert answer.frame == b'[3,"ask",{"status":"Accepted"}]'
    assert isinstance(report, SendFrame)
    assert b'"StatusNotification"' in report.frame
