"""MeterValues: what is sampled, when, and in which words (OCPP 1.6 §3.16, §4.7; readings A17 to A20, A22).

Theory of operation. Each running transaction has a timer that fires every MeterValueSampleInterval seconds from its
start, or every disconnectedMeterValueSampleInterval while there is no link. One timer of the station fires at the
multiples of ClockAlignedDataInterval after midnight UTC and samples every running transaction. A sample is one
`MeterValue`: all its values are read at one instant. Samples go to the transaction queue; those that StopTransaction
is to carry (`StopTxn...Data`) are collected here and leave with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import floor
from typing import TYPE_CHECKING

import msgspec

from forecourt.ocpp.core import (
    Location,
    Measurand,
    MeterValue,
    MeterValuesRequest,
    ReadingContext,
    SampledValue,
    UnitOfMeasure,
    ValueFormat,
)
from forecourt.station.clock import timestamp
from forecourt.station.hardware import Reading
from forecourt.station.timers import Timer, Timers
from forecourt.station.transactions import register_wh

if TYPE_CHECKING:
    from datetime import datetime

    from forecourt.station.calls import Calls
    from forecourt.station.clock import Clock
    from forecourt.station.configuration import Configuration
    from forecourt.station.hardware import Hardware
    from forecourt.station.queue import Queue
    from forecourt.station.transactions import Transaction

DAY_S = 86_400.0

COLLECTED_LIMIT = 200
"""Samples kept for one StopTransaction between its begin and its end; the middle ones go first (§3.16.6)."""


_NOTHING_COLLECTED: dict[str, list[MeterValue]] = {}
"""The samples of every station that has collected none; never changed."""


def _tenths(value: float) -> str:
    return f"{value:.1f}"


class Row(msgspec.Struct, frozen=True, gc=False):
    """How one measurand is read off the meter and written down."""

    measurand: Measurand
    text: Callable[[Reading], str]
    unit: UnitOfMeasure
    location: Location | msgspec.UnsetType = msgspec.UNSET


ROWS: dict[str, Row] = {
    row.measurand.value: row
    for row in (
        Row(Measurand.Energy_Active_Import_Register, lambda r: str(register_wh(r.energy_wh)), UnitOfMeasure.Wh),
        Row(Measurand.Power_Active_Import, lambda r: str(round(r.power_w)), UnitOfMeasure.W),
        Row(Measurand.Power_Offered, lambda r: str(round(r.offered_w)), UnitOfMeasure.W),
        Row(Measurand.Current_Import, lambda r: _tenths(r.current_a), UnitOfMeasure.A),
        Row(Measurand.Current_Offered, lambda r: _tenths(r.offered_a), UnitOfMeasure.A),
        Row(Measurand.Voltage, lambda r: _tenths(r.voltage_v), UnitOfMeasure.V),
        Row(Measurand.SoC, lambda r: str(round(r.soc_percent or 0.0)), UnitOfMeasure.Percent, Location.EV),
    )
}
"""The measurands this station knows (reading A17). Whole Wh, W and percent; tenths of A and V."""

VOLTAGE = ROWS[Measurand.Voltage.value]
SOC = ROWS[Measurand.SoC.value]


@lru_cache(maxsize=256)
def _rows(names: str) -> tuple[Row, ...]:
    """The rows of a list of measurands, once for all stations."""
    return tuple(ROWS[name] for name in names.split(",") if name)


@lru_cache(maxsize=256)
def _rows_with_voltage(names: str, has_voltage: bool) -> tuple[Row, ...]:
    """The same, and Voltage only and always as its switch says (A18)."""
    rows = tuple(row for row in _rows(names) if row is not VOLTAGE)
    return (*rows, VOLTAGE) if rows and has_voltage else rows


class Metering:
    """The samples of one station."""

    __slots__ = (
        "_aligned",
        "_calls",
        "_clock",
        "_collected",
        "_configuration",
        "_disconnected_interval_s",
        "_hardware",
        "_interval_s",
        "_kept",
        "_queue",
        "_sampled",
        "_timers",
        "_version",
    )

    def __init__(
        self,
        configuration: Configuration,
        calls: Calls,
        queue: Queue,
        clock: Clock,
        hardware: Hardware,
        timers: Timers,
    ) -> None:
        self._configuration = configuration
        self._calls = calls
        self._queue = queue
        self._clock = clock
        self._hardware = hardware
        self._timers = timers
        self._collected = _NOTHING_COLLECTED
        """By the station's own name for a transaction."""
        # What the keys say, as of a version of the configuration: a sample needs five of them.
        self._version = -1
        self._interval_s = self._disconnected_interval_s = 0
        self._sampled: tuple[Row, ...] = ()
        self._aligned: tuple[Row, ...] = ()
        self._kept: tuple[Row, ...] = ()

    # The course of a transaction.

    def begun(self, transaction: Transaction, now: float) -> MeterValue | None:
        """A transaction started: its sampling begins; its first values, if they are asked for."""
        self._arm(transaction, now)
        return self._limit(transaction, ReadingContext.Transaction_Begin, now)

    def ended(self, transaction: Transaction, clock_s: float, now: float) -> tuple[MeterValue, ...]:
        """A transaction ended at the wall time `clock_s`: what its StopTransaction is to carry."""
        self._timers.stop(Timer.SAMPLE_1 + transaction.connector - 1)
        first = transaction.first_values
        last = self._limit(transaction, ReadingContext.Transaction_End, now)
        return (
            *(() if first is None else (first,)),
            *self._collected.pop(transaction.local, ()),
            *(() if last is None else (msgspec.structs.replace(last, timestamp=timestamp(clock_s)),)),
        )

    def _limit(self, transaction: Transaction, context: ReadingContext, now: float) -> MeterValue | None:
        """The values at the beginning or the end of a transaction."""
        self._read_keys()
        value = self._sample(transaction.connector, self._kept, context, now)
        return value if value.sampledValue else None

    def rearm(self, running: tuple[Transaction, ...], now: float) -> None:
        """An interval, the clock or the link changed: find the next sampling times anew."""
        for transaction in running:
            self._arm(transaction, now)
        self.align(now)

    def _arm(self, transaction: Transaction, now: float) -> None:
        timer = Timer.SAMPLE_1 + transaction.connector - 1
        interval_s = self._present_interval_s()
        if interval_s <= 0:
            self._timers.stop(timer)
            return
        elapsed_s = now - transaction.started_at
        passed = floor(elapsed_s / interval_s + 1e-9)
        self._timers.set(timer, now + (passed + 1) * interval_s - elapsed_s)

    def _present_interval_s(self) -> int:
        if self._version != self._configuration.version:
            self._read_keys()
        return self._interval_s if self._calls.is_open else self._disconnected_interval_s

    def sample(self, transaction: Transaction, due: float) -> None:
        """The sampling timer of a transaction fired."""
        self._timers.set(Timer.SAMPLE_1 + transaction.connector - 1, due + self._present_interval_s())
        self._take(transaction, self._sampled, self._kept, ReadingContext.Sample_Periodic, due)

    # The clock.

    def align(self, now: float) -> None:
        """Arm the timer of the clock-aligned samples for the next slot; at midnight the count begins anew."""
        interval_s = self._configuration.integer("ClockAlignedDataInterval")
        if interval_s <= 0:
            self._timers.stop(Timer.CLOCK_ALIGNED)
            return
        since_midnight_s = self._clock.wall(now) % DAY_S
        slot = floor(since_midnight_s / interval_s + 1e-6) + 1
        self._timers.set(Timer.CLOCK_ALIGNED, now + min(slot * interval_s, DAY_S) - since_midnight_s)

    def sample_aligned(self, running: tuple[Transaction, ...], due: float) -> None:
        """A slot has come: sample every running transaction, on the exact second."""
        self._read_keys()
        kept = _rows(self._configuration.text("StopTxnAlignedData"))
        for transaction in running:
            self._take(transaction, self._aligned, kept, ReadingContext.Sample_Clock, due)
        self.align(due)

    # One sample.

    def present(self, connector: int, transaction: Transaction | None, now: float) -> MeterValuesRequest:
        """The present values of a connector, for a trigger (§5.17)."""
        self._read_keys()
        value = self._sample(connector, self._sampled, ReadingContext.Trigger, now)
        if transaction is None or transaction.transactionId is None:
            return MeterValuesRequest(connectorId=connector, meterValue=(value,))
        return MeterValuesRequest(connectorId=connector, transactionId=transaction.transactionId, meterValue=(value,))

    def _read_keys(self) -> None:
        if self._version == self._configuration.version:
            return
        configuration = self._configuration
        self._version = configuration.version
        self._interval_s = configuration.integer("MeterValueSampleInterval")
        disconnected_s = configuration.integer("disconnectedMeterValueSampleInterval")
        self._disconnected_interval_s = disconnected_s or self._interval_s
        has_voltage = configuration.boolean("EnableMeterValuesContainVoltage")
        self._sampled = _rows_with_voltage(configuration.text("MeterValuesSampledData"), has_voltage)
        self._aligned = _rows_with_voltage(configuration.text("MeterValuesAlignedData"), has_voltage)
        self._kept = _rows(configuration.text("StopTxnSampledData"))

    def _take(
        self,
        transaction: Transaction,
        sent: tuple[Row, ...],
        kept: tuple[Row, ...],
        context: ReadingContext,
        due: float,
    ) -> None:
        """Sample for a MeterValues, and for the StopTransaction that will come."""
        if sent:
            self._send(transaction, self._sample(transaction.connector, sent, context, due), due)
        if kept:
            self._collect(transaction, self._sample(transaction.connector, kept, context, due))

    def _sample(self, connector: int, rows: tuple[Row, ...], context: ReadingContext, now: float) -> MeterValue:
        reading = self._hardware.reading(connector, now)
        values = [
            SampledValue(
                value=row.text(reading),
                context=context,
                format=ValueFormat.Raw,
                measurand=row.measurand,
                unit=row.unit,
                location=row.location,
            )
            for row in rows
            if row is not SOC or reading.soc_percent is not None
        ]
        return MeterValue(timestamp=self._instant(context, now), sampledValue=tuple(values))

    def _instant(self, context: ReadingContext, now: float) -> datetime:
        if context is ReadingContext.Sample_Clock:
            return self._clock.whole_second(now)
        return self._clock.timestamp(now)

    def _send(self, transaction: Transaction, value: MeterValue, now: float) -> None:
        if not value.sampledValue:
            return
        number = transaction.transactionId
        if number is None:
            request = MeterValuesRequest(connectorId=transaction.connector, meterValue=(value,))
        else:
            request = MeterValuesRequest(connectorId=transaction.connector, transactionId=number, meterValue=(value,))
        self._queue.add(request, "MeterValues", transaction.local, number is not None, gates=False, now=now)
        self._queue.advance(now)

    def _collect(self, transaction: Transaction, value: MeterValue) -> None:
        if not value.sampledValue:
            return
        if not self._collected:
            self._collected = {}
        values = self._collected.setdefault(transaction.local, [])
        values.append(value)
        if len(values) > COLLECTED_LIMIT:
            del values[len(values) // 2]
