"""How a snapshot is taken: what each block lets others see, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forecourt.ocpp.types import from_epoch
from forecourt.station.display import screen_of
from forecourt.station.snapshot import (
    ConnectorSnapshot,
    FirmwareUpdateSnapshot,
    LinkSnapshot,
    LocalListSnapshot,
    ProfileSnapshot,
    ReservationSnapshot,
    StationSnapshot,
    TransactionSnapshot,
)
from forecourt.station.transactions import register_wh

if TYPE_CHECKING:
    from forecourt.evlink.models import Model
    from forecourt.station.authorization import Authorization
    from forecourt.station.availability import Availability
    from forecourt.station.boot import Boot
    from forecourt.station.calls import Calls
    from forecourt.station.clock import Clock
    from forecourt.station.commissioning import Commissioning
    from forecourt.station.configuration import Configuration
    from forecourt.station.connector import Connectors
    from forecourt.station.cost import Costs
    from forecourt.station.firmware import Firmware
    from forecourt.station.firmware_record import Update
    from forecourt.station.hardware import Hardware
    from forecourt.station.link import Link
    from forecourt.station.power import Power
    from forecourt.station.queue import Queue
    from forecourt.station.remote import Remote
    from forecourt.station.reservations import Reservations
    from forecourt.station.reset import Reset
    from forecourt.station.sessions import Sessions
    from forecourt.station.smart_charging import SmartCharging
    from forecourt.station.tariff import Tariff
    from forecourt.station.timers import Timers
    from forecourt.station.transactions import Transaction, Transactions
    from forecourt.station.uploads import Uploads


class Seen(NamedTuple):
    """The blocks of a station that have something to show. They are read, never changed."""

    commissioning: Commissioning
    model: Model
    configuration: Configuration
    clock: Clock
    link: Link
    boot: Boot
    queue: Queue
    connectors: Connectors
    sessions: Sessions
    transactions: Transactions
    hardware: Hardware
    power: Power
    smart_charging: SmartCharging
    availability: Availability
    reservations: Reservations
    authorization: Authorization
    costs: Costs
    tariff: Tariff
    firmware: Firmware
    calls: Calls
    remote: Remote
    reset: Reset
    uploads: Uploads
    timers: Timers


def snapshot_of(seen: Seen, now: float) -> StationSnapshot:
    """Everything worth showing at `now`."""
    local_list = seen.authorization.local_list
    return StationSnapshot(
        identity=seen.configuration.identity,
        model=seen.model.reference,
        serial=seen.commissioning.serial_number,
        firmware=seen.commissioning.firmware_version,
        firmwareUpdate=_update(seen.firmware.update),
        clock=seen.clock.timestamp(now),
        link=LinkSnapshot(seen.link.state, seen.link.url, seen.link.problem),
        boot=seen.boot.state.value,
        status=seen.connectors[0].status.value,
        shownConnector=seen.sessions.meant or seen.sessions.shown,
        screen=screen_of(seen, now),
        queuedMessages=len(seen.queue),
        connectors=tuple(_connector(seen, row.number, now) for row in seen.connectors.guns),
        keysChanged=seen.configuration.changed(),
        chargingProfiles=tuple(ProfileSnapshot(one.connector, one.profile) for one in seen.smart_charging.installed),
        inoperative=seen.availability.inoperative,
        reservations=tuple(
            ReservationSnapshot(
                one.reservationId, one.connectorId, one.idTag, one.parentIdTag, from_epoch(one.expires_s)
            )
            for one in seen.reservations.all
        ),
        localList=LocalListSnapshot(local_list.is_enabled, local_list.version, len(local_list)),
        cachedIdTags=len(seen.authorization.cache),
        givenUp=seen.queue.given_up.all,
    )


def _connector(seen: Seen, number: int, now: float) -> ConnectorSnapshot:
    row = seen.connectors[number]
    reading = seen.hardware.reading(number, now)
    return ConnectorSnapshot(
        connectorId=number,
        type=seen.model.outputs[number - 1].value,
        status=row.status.value,
        reportedStatus=None if row.reported is None else row.reported.status.value,
        dtcs=tuple(fault.dtc for fault in row.faults),
        plugged=seen.sessions.is_plugged(number),
        soc_percent=reading.soc_percent,
        transaction=_transaction(seen.clock, seen.transactions.on(number)),
        meter_wh=register_wh(reading.energy_wh),
        power_w=reading.power_w,
        voltage_v=reading.voltage_v,
        current_a=reading.current_a,
        offered_w=reading.offered_w,
        limit_w=seen.power.profile_w(number),
        limited_w=reading.limited_w,
        phase=reading.phase.value,
    )


def _transaction(clock: Clock, transaction: Transaction | None) -> TransactionSnapshot | None:
    if transaction is None:
        return None
    return TransactionSnapshot(
        transactionId=transaction.transactionId,
        idTag=transaction.idTag,
        meterStart=transaction.meter_start,
        startedAt=clock.timestamp(transaction.started_at),
    )


def _update(update: Update | None) -> FirmwareUpdateSnapshot | None:
    if update is None:
        return None
    return FirmwareUpdateSnapshot(update.step.value, from_epoch(update.retrieve_s), update.version or None)
