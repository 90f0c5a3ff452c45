"""MeterValues: what is sampled, when, and in which words (OCPP 1.6 §3.16, §4.7; readings A17 to A20, A22).

Theory of operation. Each running transaction has a timer that fires every MeterValueSampleInterval seconds from its
start, or every disconnectedMeterValueSampleInterval while there is no link. One timer of the station fires at the
multiples of ClockAlignedDataInterval after midnight UTC and samples every running transaction. A sample is one
`MeterValue`: all its values are read at one instant. Samples go to the transaction queue; those that StopTransaction
is to carry (`StopTxn...Data`) are collected here and leave with it.
"""

from __future__ import annotations

from collections.abc import Callable
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

VOLTAGE = Measurand.Voltage.value


class Metering:
    """The samples of one station."""

    __slots__ = (
        "_aligned_names",
        "_calls",
        "_clock",
        "_collected",
        "_configuration",
        "_hardware",
        "_names_version",
        "_queue",
        "_sampled_names",
        "_timers",
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
        self._collected: dict[str, list[MeterValue]] = {}
        self._names_version = -1
        self._sampled_names: tuple[str, ...] = ()
        self._aligned_names: tuple[str, ...] = ()

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
        names = self._configuration.items("StopTxnSampledData")
        value = self._sample(transaction.connector, names, context, now)
        return value if value.sampledValue else None

    def rearm(self, running: tuple[Transaction, ...], now: float) -> None:
        """An interval, the clock or the link changed: find the next sampling times anew."""
        for transaction in running:
            self._arm(transaction, now)
        self.align(now)

    def _arm(self, transaction: Transaction, now: float) -> None:
        timer = Timer.SAMPLE_1 + transaction.connector - 1
        interval_s = self._interval_s()
        if interval_s <= 0:
            self._timers.stop(timer)
            return
        elapsed_s = now - transaction.started_at
        passed = floor(elapsed_s / interval_s + 1e-9)
        self._timers.set(timer, now + (passed + 1) * interval_s - elapsed_s)

    def _interval_s(self) -> int:
        online_s = self._configuration.integer("MeterValueSampleInterval")
        if self._calls.is_open:
            return online_s
        return self._configuration.integer("disconnectedMeterValueSampleInterval") or online_s

    def sample(self, transaction: Transaction, due: float) -> None:
        """The sampling timer of a transaction fired."""
        self._timers.set(Timer.SAMPLE_1 + transaction.connector - 1, due + self._interval_s())
        names = self._names(aligned=False)
        if names:
            self._send(
                transaction, self._sample(transaction.connector, names, ReadingContext.Sample_Periodic, due), due
            )
        collected = self._configuration.items("StopTxnSampledData")
        if collected:
            values = self._sample(transaction.connector, collected, ReadingContext.Sample_Periodic, due)
            self._collect(transaction, values)

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
        names = self._names(aligned=True)
        collected = self._configuration.items("StopTxnAlignedData")
        for transaction in running:
            if names:
                self._send(
                    transaction, self._sample(transaction.connector, names, ReadingContext.Sample_Clock, due), due
                )
            if collected:
                values = self._sample(transaction.connector, collected, ReadingContext.Sample_Clock, due)
                self._collect(transaction, values)
        self.align(due)

    # One sample.

    def present(self, connector: int, transaction: Transaction | None, now: float) -> MeterValuesRequest:
        """The present values of a connector, for a trigger (§5.17)."""
        names = self._names(aligned=False)
        value = self._sample(connector, names, ReadingContext.Trigger, now)
        if transaction is None or transaction.transactionId is None:
            return MeterValuesRequest(connectorId=connector, meterValue=(value,))
        return MeterValuesRequest(connectorId=connector, transactionId=transaction.transactionId, meterValue=(value,))

    def _names(self, *, aligned: bool) -> tuple[str, ...]:
        """The measurands of a sample: those of the key, and Voltage only and always as its switch says (A18)."""
        if self._names_version != self._configuration.version:
            self._names_version = self._configuration.version
            has_voltage = self._configuration.boolean("EnableMeterValuesContainVoltage")
            self._sampled_names = self._with_voltage("MeterValuesSampledData", has_voltage)
            self._aligned_names = self._with_voltage("MeterValuesAlignedData", has_voltage)
        return self._aligned_names if aligned else self._sampled_names

    def _with_voltage(self, key: str, has_voltage: bool) -> tuple[str, ...]:
        names = tuple(name for name in self._configuration.items(key) if name != VOLTAGE)
        return (*names, VOLTAGE) if names and has_voltage else names

    def _sample(self, connector: int, names: tuple[str, ...], context: ReadingContext, now: float) -> MeterValue:
        reading = self._hardware.reading(connector, now)
        values = tuple(
            SampledValue(
                value=row.text(reading),
                context=context,
                format=ValueFormat.Raw,
                measurand=row.measurand,
                unit=row.unit,
                location=row.location,
            )
            for row in (ROWS[name] for name in names)
            if reading.soc_percent is not None or row.measurand is not Measurand.SoC
        )
        return MeterValue(timestamp=self._instant(context, now), sampledValue=values)

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
        self._queue.add(request, "MeterValues", transaction.local, number is not None, gates=False)
        self._queue.advance(now)

    def _collect(self, transaction: Transaction, value: MeterValue) -> None:
        if not value.sampledValue:
            return
        values = self._collected.setdefault(transaction.local, [])
        values.append(value)
        if len(values) > COLLECTED_LIMIT:
            del values[len(values) // 2]
