from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from forecourt.station.effects import DeleteRecord, LogEvent, SaveRecord, SendFrame
from forecourt.station.security_events import EVENTS, SecurityEvent
from forecourt.station.security_log import KIND, LOG_LIMIT, QUEUE_LIMIT, RETRY_S, SecurityLog
from tests.station_bench import EPOCH_S, Bench, Feeder

ACTION = "SecurityEventNotification"
DOOR, NONSENSE = SecurityEvent.TamperDetectionActivated, SecurityEvent.InvalidMessages

PUSHED = {
    "FirmwareUpdated",
    "SettingSystemTime",
    "StartupOfTheDevice",
    "ResetOrReboot",
    "SecurityLogWasCleared",
    "MemoryExhaustion",
    "TamperDetectionActivated",
    "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate",
    "InvalidCentralSystemCertificate",
    "InvalidChargePointCertificate",
    "InvalidTLSVersion",
    "InvalidTLSCipherSuite",
}
"""The seven critical ones, and the six that use cases of the white paper want told."""


class Log(Bench):
    """A security log on the bench, released, that feeds itself when the calls are free."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None) -> None:
        super().__init__(records)
        self.log = SecurityLog(self.configuration, self.records, self.calls, self.clock, 1.0, self.timers, self.effects)
        self.calls.connect(Feeder(self.log.feed))

    def again(self) -> Log:
        """The log of the next life."""
        return Log(self.kept())

    def types(self) -> list[str]:
        return [entry.type for entry in self.log.entries()]

    def told(self) -> list[str]:
        return [payload["type"] for payload in self.frames(ACTION)]

    def stored(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(data) for (kind, _), data in sorted(self.kept().items()) if kind == KIND]


@pytest.mark.requirement("WP-A04.FR.04")
@pytest.mark.parametrize("event", SecurityEvent)
def test_every_event_is_stored_and_outlives_the_life_and_the_right_ones_are_told(event: SecurityEvent) -> None:
    bench = Log()
    bench.log.release(0.0)
    bench.log.note(event, "what happened", 3.0)
    (stored,) = bench.stored()
    assert (stored["type"], stored["techInfo"], stored["timestamp"]) == (event, "what happened", "2026-03-02T08:00:03Z")
    assert bench.again().types() == [event.value]
    assert bench.told() == ([event.value] if event.value in PUSHED else [])


def test_the_table_knows_every_event_and_tells_all_that_are_critical() -> None:
    assert set(EVENTS) == set(SecurityEvent)
    assert {event.value for event, row in EVENTS.items() if row.is_critical} == {*sorted(PUSHED)} - {
        event.value for event in SecurityEvent if event.value.startswith("Invalid")
    }
    assert all(row.is_told for row in EVENTS.values() if row.is_critical)


def test_notification_says_what_when_and_how_and_no_more_than_255_characters() -> None:
    bench = Log()
    bench.log.release(0.0)
    bench.log.note(DOOR, "x" * 300, 3.0)
    assert bench.frames(ACTION) == [{"type": DOOR, "timestamp": "2026-03-02T08:00:03Z", "techInfo": "x" * 255}]


def test_notification_without_more_to_say_has_no_techinfo() -> None:
    bench = Log()
    bench.log.release(0.0)
    bench.log.note(DOOR, "", 3.0)
    assert bench.frames(ACTION) == [{"type": DOOR, "timestamp": "2026-03-02T08:00:03Z"}]


def test_events_wait_until_released_and_are_told_one_at_a_time() -> None:
    bench = Log()
    for _ in range(3):
        bench.log.note(DOOR, "", 0.0)
    assert (bench.told(), bench.log.waiting) == ([], 3)
    bench.log.release(1.0)
    assert len(bench.told()) == 1
    bench.answer()
    assert (len(bench.told()), bench.log.waiting) == (2, 2)
    bench.log.hold()
    bench.answer()
    assert (len(bench.told()), bench.log.waiting) == (2, 1)
    bench.log.release(2.0)
    bench.answer()
    assert (len(bench.told()), bench.log.waiting) == (3, 0)
    assert bench.again().log.waiting == 0


def test_nothing_waits_for_an_entry_to_be_durable() -> None:
    bench = Log()
    bench.log.note(DOOR, "", 0.0)
    assert [effect.gates for effect in bench.effects if isinstance(effect, SaveRecord)] == [False]


def test_time_out_is_tried_again_and_a_lost_connection_at_the_next_one() -> None:
    bench = Log()
    bench.log.release(0.0)
    bench.log.note(DOOR, "", 0.0)
    bench.calls.timed_out(30.0)
    assert bench.timers.next() == 30.0 + RETRY_S
    bench.log.feed(40.0)
    assert len(bench.told()) == 1
    bench.timers.pop(bench.timers.next())
    bench.calls.advance(90.0)
    assert len(bench.told()) == 2
    bench.log.hold()
    bench.calls.closed(91.0)
    bench.calls.opened()
    bench.log.release(95.0)
    assert len(bench.told()) == 3
    assert bench.log.waiting == 1


def test_oldest_event_makes_room_when_too_many_wait_and_stays_in_the_log() -> None:
    bench = Log()
    for _ in range(QUEUE_LIMIT + 1):
        bench.log.note(DOOR, "", 0.0)
    assert bench.log.waiting == QUEUE_LIMIT
    (line,) = [effect for effect in bench.effects if isinstance(effect, LogEvent)]
    assert line.name == f"{ACTION} discarded"
    assert bench.again().log.waiting == QUEUE_LIMIT
    assert len(bench.stored()) == LOG_LIMIT


def test_log_holds_no_more_than_its_limit_in_memory_and_in_records() -> None:
    bench = Log()
    for number in range(LOG_LIMIT + 50):
        bench.log.note(NONSENSE, str(number), 0.0)
    assert [entry.techInfo for entry in bench.log.entries()] == [str(number) for number in range(50, LOG_LIMIT + 50)]
    assert len(bench.stored()) == LOG_LIMIT
    assert bench.again().log.entries() == bench.log.entries()


def test_clearing_leaves_the_clearing_alone_and_what_waits_to_be_told() -> None:
    bench = Log()
    bench.log.note(NONSENSE, "", 0.0)
    bench.log.note(DOOR, "", 0.0)
    bench.log.clear(5.0)
    assert bench.types() == ["SecurityLogWasCleared"]
    again = bench.again()
    assert again.types() == ["SecurityLogWasCleared"]
    assert again.log.waiting == 2
    again.log.release(6.0)
    again.answer()
    again.answer()
    assert again.told() == [DOOR, "SecurityLogWasCleared"]
    assert [entry["type"] for entry in again.stored()] == ["SecurityLogWasCleared"]


def test_event_that_was_sent_before_the_clearing_is_not_told_twice() -> None:
    bench = Log()
    bench.log.release(0.0)
    bench.log.note(DOOR, "", 0.0)
    bench.log.clear(1.0)
    bench.answer()
    bench.answer()
    assert bench.told() == [DOOR, "SecurityLogWasCleared"]
    assert bench.log.waiting == 0


def test_switching_off_empties_the_queue_and_an_answer_that_comes_then_harms_nothing() -> None:
    bench = Log()
    bench.log.release(0.0)
    bench.log.note(DOOR, "", 0.0)
    bench.log.note(DOOR, "", 0.0)
    bench.set_key("SecurityEventsEnabled", "false")
    bench.log.switched()
    assert bench.log.waiting == 0
    bench.answer()
    assert len(bench.told()) == 1
    assert [entry.get("isQueued", False) for entry in bench.stored()] == [False, False]
    bench.log.note(DOOR, "", 0.0)
    assert (len(bench.told()), len(bench.types())) == (1, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"\xff",
        b"[]",
        b'{"sequence":1}',
        b'{"sequence":9,"timestamp":"2026-03-02T08:00:00Z","type":"X"}',
        b'{"sequence":1,"timestamp":"2026-03-02T08:00:00","type":"X"}',
    ],
)
def test_record_that_can_not_be_read_is_put_aside_and_said(data: bytes) -> None:
    bench = Log({(KIND, "0000000001"): data})
    (line,) = [effect for effect in bench.effects if isinstance(effect, LogEvent)]
    assert (line.name, line.detail.startswith("security 0000000001: ")) == ("Record ignored", True)
    assert bench.types() == []


def test_lines_are_chosen_by_their_time() -> None:
    bench = Log()
    for second in range(5):
        bench.log.note(NONSENSE, str(second), float(second))
    start = datetime.fromtimestamp(EPOCH_S, UTC)
    moment = [start + timedelta(seconds=second) for second in range(5)]

    def chosen(oldest: datetime | None, latest: datetime | None) -> str:
        return "".join(msgspec.json.decode(line)["techInfo"] for line in bench.log.between(oldest, latest).splitlines())

    assert chosen(None, None) == "01234"
    assert chosen(moment[1], moment[3]) == "123"
    assert chosen(moment[4], None) == "4"
    assert chosen(None, moment[0]) == "0"
    assert chosen(moment[3], moment[1]) == ""


def test_log_that_has_nothing_to_tell_weighs_little() -> None:
    """What a station has in memory in an ordinary life: its own start, which was told."""
    bench = Log()
    bench.log.release(0.0)
    bench.log.note(SecurityEvent.StartupOfTheDevice, "firmware 3.5.8803", 0.0)
    bench.answer()
    assert bench.log.between(None, None).count(b"\n") == 1
    assert len(bench.log.between(None, None)) < 150
    assert not [effect for effect in bench.effects if isinstance(effect, DeleteRecord)]
    assert len([effect for effect in bench.effects if isinstance(effect, SendFrame)]) == 1
