"""The block of the meter values: sampling times, measurands and what a StopTransaction is given."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import MeterValue, ReadingContext
from forecourt.station.hardware import Reading
from forecourt.station.metering import COLLECTED_LIMIT, ROWS, Metering
from forecourt.station.timers import Timer
from forecourt.station.transactions import Transaction
from tests.station_bench import EPOCH_S, Bench

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forecourt.station.calls import Answer
    from forecourt.station.queue import Entry

READING = Reading(
    energy_wh=1234.99,
    power_w=60_000.4,
    voltage_v=400.04,
    current_a=150.06,
    offered_w=90_000.6,
    offered_a=224.98,
    soc_percent=41.6,
)


class Sevens:
    """In the place of the transactions."""

    def transaction_id(self, local: str) -> int:
        return 7

    def settled(self, entry: Entry, answer: Answer, now: float) -> None:
        """Nothing follows."""


@pytest.fixture
def bench() -> Bench:
    """A bench whose meters show `READING`, whose queue may send, and whose every transaction has id 7."""
    bench = Bench()
    bench.hardware.readings = {1: READING, 2: READING}
    bench.queue.connect(Sevens())
    bench.queue.release(0.0)
    return bench


@pytest.fixture
def metering(bench: Bench) -> Metering:
    """The block on the bench."""
    return Metering(bench.configuration, bench.calls, bench.queue, bench.clock, bench.hardware, bench.timers)


def transaction(started_at: float = 0.0, connector: int = 1, transaction_id: int | None = 7) -> Transaction:
    """A session that began at `started_at`."""
    return Transaction(f"1-{connector}", connector, "TAG", 0, EPOCH_S + started_at, started_at, transaction_id)


def sent(bench: Bench) -> list[dict[str, Any]]:
    """Answer until nothing waits; the MeterValues that were sent."""
    while not bench.calls.is_free:
        bench.answer()
    return bench.frames("MeterValues")


def contexts(values: Iterable[MeterValue]) -> list[ReadingContext]:
    """The context of each."""
    return [value.sampledValue[0].context for value in values]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("measurand", "text", "unit", "location"),
    [
        ("Energy.Active.Import.Register", "1234", "Wh", None),
        ("Power.Active.Import", "60000", "W", None),
        ("Power.Offered", "90001", "W", None),
        ("Current.Import", "150.1", "A", None),
        ("Current.Offered", "225.0", "A", None),
        ("SoC", "42", "Percent", "EV"),
    ],
)
def test_measurand_is_read_off_the_meter_in_its_unit(
    bench: Bench, metering: Metering, measurand: str, text: str, unit: str, location: str | None
) -> None:
    bench.set_key("MeterValuesSampledData", measurand)
    metering.sample(transaction(), 60.0)
    (message,) = sent(bench)
    (value,) = message["meterValue"]
    assert value["timestamp"] == "2026-03-02T08:01:00Z"
    expected = {"value": text, "context": "Sample.Periodic", "format": "Raw", "measurand": measurand, "unit": unit}
    assert value["sampledValue"] == [expected if location is None else {**expected, "location": location}]


def test_rows_are_the_seven_measurands() -> None:
    assert sorted(ROWS) == [
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Power.Offered",
        "SoC",
        "Voltage",
    ]


def test_voltage_comes_last_and_once_by_its_switch_alone(bench: Bench, metering: Metering) -> None:
    bench.set_key("MeterValuesSampledData", "Voltage,Power.Offered")
    metering.sample(transaction(), 60.0)
    bench.set_key("EnableMeterValuesContainVoltage", "true")
    metering.sample(transaction(), 120.0)
    without, with_it = ([s["measurand"] for s in m["meterValue"][0]["sampledValue"]] for m in sent(bench))
    assert (without, with_it) == (["Power.Offered"], ["Power.Offered", "Voltage"])


def test_empty_list_sends_nothing_even_with_the_voltage_switch(bench: Bench, metering: Metering) -> None:
    bench.set_key("EnableMeterValuesContainVoltage", "true")
    bench.set_key("MeterValuesSampledData", "")
    metering.sample(transaction(), 60.0)
    assert sent(bench) == []


def test_car_that_tells_no_soc_leaves_it_out(bench: Bench, metering: Metering) -> None:
    bench.hardware.readings[1] = msgspec.structs.replace(READING, soc_percent=None)
    bench.set_key("MeterValuesSampledData", "SoC,Power.Offered")
    metering.sample(transaction(), 60.0)
    bench.set_key("MeterValuesSampledData", "SoC")
    metering.sample(transaction(), 120.0)
    (message,) = sent(bench)
    assert [s["measurand"] for s in message["meterValue"][0]["sampledValue"]] == ["Power.Offered"]


# When.


def test_first_sample_is_due_one_interval_after_the_start(bench: Bench, metering: Metering) -> None:
    metering.begun(transaction(13.0), 13.0)
    assert bench.timers.next() == 73.0
    metering.sample(transaction(13.0), 73.0)
    assert bench.timers.is_set(Timer.SAMPLE_1)
    assert not bench.timers.is_set(Timer.SAMPLE_2)


@pytest.mark.parametrize(("now", "due"), [(13.0, 73.0), (72.9, 73.0), (73.0, 133.0), (200.0, 253.0)])
def test_interval_is_counted_from_the_start_whenever_it_is_armed(
    bench: Bench, metering: Metering, now: float, due: float
) -> None:
    metering.rearm((transaction(13.0),), now)
    assert bench.timers.next() == pytest.approx(due)


@pytest.mark.parametrize(("online", "offline", "due"), [("60", "900", 900.0), ("60", "0", 60.0), ("0", "900", 900.0)])
def test_disconnected_interval_holds_without_a_link_unless_it_is_0(
    bench: Bench, metering: Metering, online: str, offline: str, due: float
) -> None:
    bench.set_key("MeterValueSampleInterval", online)
    bench.set_key("disconnectedMeterValueSampleInterval", offline)
    bench.calls.closed(0.0)
    metering.rearm((transaction(),), 1.0)
    assert bench.timers.next() == pytest.approx(due)


def test_interval_of_0_arms_nothing_and_disarms(bench: Bench, metering: Metering) -> None:
    metering.begun(transaction(), 0.0)
    bench.set_key("MeterValueSampleInterval", "0")
    metering.rearm((transaction(),), 1.0)
    assert bench.timers.next() == inf


@pytest.mark.parametrize(
    ("interval", "now", "due"),
    [
        ("900", 0.0, 900.0),
        ("900", 899.0, 900.0),
        ("900", 900.0, 1800.0),
        ("7000", 0.0, 6200.0),
        ("86400", 0.0, 57_600.0),
    ],
)
def test_slots_are_multiples_of_the_interval_after_midnight(
    bench: Bench, metering: Metering, interval: str, now: float, due: float
) -> None:
    """The bench begins at 08:00 UTC: 28,800 s after midnight."""
    bench.set_key("ClockAlignedDataInterval", interval)
    metering.align(now)
    assert bench.timers.next() == pytest.approx(due)


def test_slot_of_an_interval_that_does_not_divide_the_day_ends_at_midnight(bench: Bench, metering: Metering) -> None:
    bench.set_key("ClockAlignedDataInterval", "50000")
    metering.align(30_000.0)
    assert bench.timers.next() == pytest.approx(57_600.0)


def test_aligned_interval_of_0_disarms(bench: Bench, metering: Metering) -> None:
    bench.set_key("ClockAlignedDataInterval", "900")
    metering.align(0.0)
    bench.set_key("ClockAlignedDataInterval", "0")
    metering.align(1.0)
    assert not bench.timers.is_set(Timer.CLOCK_ALIGNED)


def test_aligned_samples_carry_the_exact_second_and_come_from_each_running_session(
    bench: Bench, metering: Metering
) -> None:
    bench.set_key("ClockAlignedDataInterval", "900")
    metering.sample_aligned((transaction(), transaction(connector=2)), 900.0000004)
    messages = sent(bench)
    assert [message["connectorId"] for message in messages] == [1, 2]
    assert {message["meterValue"][0]["timestamp"] for message in messages} == {"2026-03-02T08:15:00Z"}
    assert bench.timers.next() == pytest.approx(1800.0)


def test_sample_of_a_session_without_id_gets_it_from_the_queue(bench: Bench, metering: Metering) -> None:
    metering.sample(transaction(transaction_id=None), 60.0)
    assert sent(bench)[0]["transactionId"] == 7


# What a StopTransaction is given.


def test_begin_and_end_are_measured_only_if_they_are_asked_for(bench: Bench, metering: Metering) -> None:
    session = transaction()
    assert metering.begun(session, 0.0) is None
    assert metering.ended(session, EPOCH_S + 9.0, 9.0) == ()
    bench.set_key("StopTxnSampledData", "SoC")
    session.first_values = metering.begun(session, 0.0)
    first, last = metering.ended(session, EPOCH_S + 9.0, 100.0)
    assert contexts((first, last)) == [ReadingContext.Transaction_Begin, ReadingContext.Transaction_End]
    assert (last.timestamp - first.timestamp).total_seconds() == 9.0
    assert not bench.timers.is_set(Timer.SAMPLE_1)


def test_periodic_and_aligned_samples_are_collected_in_order_and_given_once(bench: Bench, metering: Metering) -> None:
    for key in ("StopTxnSampledData", "StopTxnAlignedData"):
        bench.set_key(key, "SoC")
    session = transaction()
    session.first_values = metering.begun(session, 0.0)
    metering.sample(session, 60.0)
    metering.sample_aligned((session,), 90.0)
    metering.sample(session, 120.0)
    assert contexts(metering.ended(session, EPOCH_S + 130.0, 130.0)) == [
        ReadingContext.Transaction_Begin,
        ReadingContext.Sample_Periodic,
        ReadingContext.Sample_Clock,
        ReadingContext.Sample_Periodic,
        ReadingContext.Transaction_End,
    ]
    session.first_values = None
    bench.set_key("StopTxnSampledData", "")
    assert metering.ended(session, EPOCH_S + 131.0, 131.0) == ()


def test_samples_beyond_the_limit_drop_the_middle(bench: Bench, metering: Metering) -> None:
    bench.set_key("StopTxnSampledData", "SoC")
    session = transaction()
    session.first_values = metering.begun(session, 0.0)
    for number in range(1, 3 * COLLECTED_LIMIT):
        metering.sample(session, number * 60.0)
    values = metering.ended(session, EPOCH_S + 1e6, 1e6)
    assert len(values) == COLLECTED_LIMIT + 2
    minutes = [(value.timestamp - values[0].timestamp).total_seconds() / 60 for value in values[:-1]]
    assert minutes[:4] == [0, 1, 2, 3]
    assert minutes[-1] == 3 * COLLECTED_LIMIT - 1


# For a trigger.


@pytest.mark.parametrize(
    ("session", "expected"), [(None, None), (transaction(transaction_id=None), None), (transaction(), 7)]
)
def test_present_values_name_the_session_if_it_has_an_id(
    bench: Bench, metering: Metering, session: Transaction | None, expected: int | None
) -> None:
    request = msgspec.to_builtins(metering.present(1, session, 5.0))
    assert request.get("transactionId") == expected
    assert {sampled["context"] for sampled in request["meterValue"][0]["sampledValue"]} == {"Trigger"}
    assert len(request["meterValue"][0]["sampledValue"]) == 6
