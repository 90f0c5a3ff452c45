"""The block of the connectors: moves by the table, reports, and what is kept while nothing can be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forecourt.evlink.faults import find_fault
from forecourt.ocpp.core import ChargePointErrorCode
from forecourt.ocpp.core import ChargePointStatus as Status
from forecourt.station.connector import ALLOWED, ALLOWED_FOR_STATION, MISSED_LIMIT, Connectors
from forecourt.station.timers import Timer
from tests.station_bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUND_ERROR, WARNING, LOCK_ERROR = find_fault("0x100206"), find_fault("0x100007"), find_fault("0x100205")

MATRIX = """
    A BCDEGHI
    B ACDEFI
    C ADEFHI
    D ACEFHI
    E ACDFHI
    F ABHI
    G ABHI
    H ABCDEI
    I ABCDEFGH
"""
"""The letters of section 4.9: from the first of a line to the others."""
LETTER = dict(
    zip(
        "ABCDEFGHI",
        (
            Status.Available,
            Status.Preparing,
            Status.Charging,
            Status.SuspendedEV,
            Status.SuspendedEVSE,
            Status.Finishing,
            Status.Reserved,
            Status.Unavailable,
            Status.Faulted,
        ),
        strict=True,
    )
)


@pytest.fixture
def bench() -> Bench:
    """A bench whose statuses are reported without delay."""
    bench = Bench()
    bench.set_key("MinimumStatusDuration", "0")
    return bench


def made(bench: Bench, *, released: bool = True, timestamp_only: bool = False) -> Connectors:
    """Two guns at the beginning of a life, with the boot accepted when `released`."""
    connectors = Connectors(2, bench.configuration, bench.calls, bench.clock, bench.timers, timestamp_only)
    for number in (0, 1, 2):
        connectors.begin(number, Status.Available, 0.0)
    if released:
        connectors.release(0.0, all_of_them=True)
        told(bench)
    return connectors


def told(bench: Bench) -> list[dict[str, Any]]:
    """Answer until nothing waits, and forget what was sent; the StatusNotifications."""
    while not bench.calls.is_free:
        bench.answer()
    notes = bench.frames("StatusNotification")
    bench.effects.clear()
    return notes


def brief(notes: Iterable[dict[str, Any]]) -> list[tuple[int, str, str]]:
    """Connector, status and error of each."""
    return [(note["connectorId"], note["status"], note["errorCode"]) for note in notes]


def test_table_is_that_of_the_document() -> None:
    for row in MATRIX.split("\n"):
        if row.strip():
            letter, others = row.split()
            assert ALLOWED[LETTER[letter]] == {LETTER[other] for other in others}
    assert set(ALLOWED) == set(Status)
    assert set(ALLOWED_FOR_STATION) == {Status.Available, Status.Unavailable, Status.Faulted}


@pytest.mark.parametrize("before", list(Status))
@pytest.mark.parametrize("after", list(Status))
def test_move_outside_the_table_is_our_own_mistake(bench: Bench, before: Status, after: Status) -> None:
    connectors = made(bench)
    connectors.begin(1, before, 0.0)
    if after is before or after in ALLOWED[before]:
        connectors.move(1, after, 5.0)
        assert connectors[1].status is after
    else:
        with pytest.raises(AssertionError, match=f"connector 1: {before} -> {after}"):
            connectors.move(1, after, 5.0)


def test_station_itself_never_charges(bench: Bench) -> None:
    with pytest.raises(AssertionError, match="connector 0: Available -> Charging"):
        made(bench).move(0, Status.Charging, 5.0)


def test_hidden_move_under_a_fault_obeys_the_table_too(bench: Bench) -> None:
    connectors = made(bench)
    connectors.fault(1, GROUND_ERROR, 1.0)
    connectors.move(1, Status.Preparing, 2.0)
    assert (connectors[1].status, connectors[1].before_fault) == (Status.Faulted, Status.Preparing)
    with pytest.raises(AssertionError, match="Preparing -> Reserved"):
        connectors.move(1, Status.Reserved, 3.0)


def test_release_after_boot_reports_all_of_them_and_nothing_missed(bench: Bench) -> None:
    connectors = made(bench, released=False)
    connectors.fault(1, GROUND_ERROR, 1.0)
    connectors.clear(1, GROUND_ERROR, 2.0)
    connectors.move(2, Status.Preparing, 3.0)
    assert not told(bench)
    connectors.release(4.0, all_of_them=True)
    assert brief(told(bench)) == [(0, "Available", "NoError"), (1, "Available", "NoError"), (2, "Preparing", "NoError")]


def test_move_to_where_a_gun_is_says_nothing(bench: Bench) -> None:
    connectors = made(bench)
    connectors.move(1, Status.Available, 1.0)
    assert told(bench) == []


def test_report_of_named_connectors_tells_them_unchanged(bench: Bench) -> None:
    connectors = made(bench)
    connectors.report((2, 0), 1.0)
    assert brief(told(bench)) == [(2, "Available", "NoError"), (0, "Available", "NoError")]


def test_status_settles_after_minimumstatusduration(bench: Bench) -> None:
    bench.set_key("MinimumStatusDuration", "10")
    connectors = made(bench)
    connectors.move(1, Status.Preparing, 5.0)
    assert bench.timers.next() == 15.0
    connectors.move(1, Status.Charging, 7.0)
    assert bench.timers.next() == 17.0
    assert told(bench) == []
    connectors.settled(1, 17.0)
    (note,) = told(bench)
    assert (note["status"], note["timestamp"]) == ("Charging", "2026-03-02T08:00:07Z")
    connectors.settled(1, 18.0)
    assert told(bench) == []


def test_move_that_is_taken_back_in_time_is_not_awaited_any_longer(bench: Bench) -> None:
    bench.set_key("MinimumStatusDuration", "10")
    connectors = made(bench)
    connectors.move(1, Status.Preparing, 5.0)
    connectors.move(1, Status.Available, 6.0)
    assert not bench.timers.is_set(Timer.STATUS_SETTLES_1)


def test_move_at_once_does_not_wait(bench: Bench) -> None:
    bench.set_key("MinimumStatusDuration", "10")
    connectors = made(bench)
    connectors.move(2, Status.Preparing, 5.0, at_once=True)
    assert brief(told(bench)) == [(2, "Preparing", "NoError")]


def test_status_that_has_not_settled_waits_over_a_reconnect(bench: Bench) -> None:
    bench.set_key("MinimumStatusDuration", "10")
    connectors = made(bench)
    connectors.move(1, Status.Preparing, 5.0)
    connectors.hold()
    connectors.release(8.0, all_of_them=False)
    assert told(bench) == []
    connectors.settled(1, 15.0)
    assert brief(told(bench)) == [(1, "Preparing", "NoError")]


def test_errors_missed_beyond_the_limit_drop_the_oldest(bench: Bench) -> None:
    connectors = made(bench)
    connectors.hold()
    for turn in range(MISSED_LIMIT):
        connectors.fault(1, LOCK_ERROR if turn == 0 else GROUND_ERROR, float(turn))
        connectors.clear(1, LOCK_ERROR if turn == 0 else GROUND_ERROR, turn + 0.5)
    connectors.fault(2, WARNING, 99.0)
    connectors.release(100.0, all_of_them=False)
    notes = told(bench)
    assert len(notes) == MISSED_LIMIT + 1
    assert {note["errorCode"] for note in notes[:-2]} == {"GroundFailure"}
    assert brief(notes[-2:]) == [(2, "Available", "OtherError"), (1, "Available", "NoError")]


def test_blocking_error_is_told_before_a_later_warning(bench: Bench) -> None:
    connectors = made(bench)
    connectors.fault(1, GROUND_ERROR, 1.0)
    connectors.fault(1, WARNING, 2.0)
    connectors.fault(1, LOCK_ERROR, 3.0)
    assert connectors[1].worst is LOCK_ERROR
    connectors.clear(1, LOCK_ERROR, 4.0)
    assert connectors[1].worst is GROUND_ERROR
    connectors.clear(1, GROUND_ERROR, 5.0)
    assert (connectors[1].worst, connectors[1].is_blocked) == (WARNING, False)
    connectors.clear(1, WARNING, 6.0)
    assert connectors[1].worst is None
    assert [note.get("vendorErrorCode") for note in told(bench)] == [
        "0x100206",
        "0x100206",
        "0x100205",
        "0x100206",
        "0x100007",
        None,
    ]


def test_fault_that_is_there_or_gone_already_changes_nothing(bench: Bench) -> None:
    connectors = made(bench)
    connectors.clear(1, GROUND_ERROR, 1.0)
    connectors.fault(1, GROUND_ERROR, 2.0)
    connectors.fault(1, GROUND_ERROR, 3.0)
    assert len(told(bench)) == 1
    assert connectors[1].changed_at == 2.0


def test_timestamp_is_the_only_optional_field_if_the_option_says_so(bench: Bench) -> None:
    connectors = made(bench, timestamp_only=True)
    connectors.move(1, Status.Preparing, 1.0, info="a reason")
    connectors.fault(1, GROUND_ERROR, 2.0)
    for note in told(bench):
        assert set(note) == {"connectorId", "errorCode", "status", "timestamp"}


def test_report_that_was_lost_is_told_again_and_one_that_timed_out_is_not(bench: Bench) -> None:
    connectors = made(bench)
    connectors.move(1, Status.Preparing, 1.0)
    bench.calls.timed_out(31.0)
    connectors.move(2, Status.Preparing, 40.0)
    connectors.hold()
    bench.calls.closed(41.0)
    bench.effects.clear()
    bench.calls.opened()
    connectors.release(50.0, all_of_them=False)
    (note,) = told(bench)
    assert (note["connectorId"], note["timestamp"]) == (2, "2026-03-02T08:00:40Z")


def test_guns_exist_from_1_to_their_count(bench: Bench) -> None:
    connectors = made(bench)
    assert [connectors.exists(number) for number in (-1, 0, 1, 2, 3)] == [False, False, True, True, False]
    assert [gun.number for gun in connectors.guns] == [1, 2]


@pytest.mark.parametrize("timestamp_only", [False, True])
def test_what_is_mentioned_is_reported_once_beside_the_status(bench: Bench, timestamp_only: bool) -> None:
    connectors = made(bench, timestamp_only=timestamp_only)
    connectors.mention(0, ChargePointErrorCode.LocalListConflict, "TAG1: Blocked, not as listed", 5.0)
    (note,) = told(bench)
    assert brief([note]) == [(0, "Available", "LocalListConflict")]
    assert ("info" in note) is not timestamp_only
    assert connectors[0].status is Status.Available
    connectors.report((0,), 6.0)
    assert brief(told(bench)) == [(0, "Available", "NoError")]


def test_what_is_mentioned_while_nothing_can_be_sent_is_told_after_the_reconnect(bench: Bench) -> None:
    connectors = made(bench)
    connectors.hold()
    connectors.mention(0, ChargePointErrorCode.ResetFailure, "The station could not be reset.", 5.0)
    assert told(bench) == []
    connectors.release(60.0, all_of_them=False)
    note, present = told(bench)
    assert brief([note, present]) == [(0, "Available", "ResetFailure"), (0, "Available", "NoError")]
    assert note["timestamp"].startswith("2026-03-02T08:00:05")
