"""What a station is made of: the blocks, each built on those that it needs.

A block owns its state and says at the head of its file what it does. Here they are only put together; who hears of what
another brings about is told in `station.station`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.evlink.models import find_model
from forecourt.station.authorization import Authorization
from forecourt.station.availability import Availability
from forecourt.station.boot import KIND as BOOT_KIND
from forecourt.station.boot import Boot
from forecourt.station.cache import Cache
from forecourt.station.calls import CALL_TIMEOUT_S, Calls
from forecourt.station.clock import Clock
from forecourt.station.configuration import Configuration
from forecourt.station.connector import Connectors
from forecourt.station.cost import Costs
from forecourt.station.credentials import Credentials, need_credentials
from forecourt.station.data_transfer import with_data_as_text
from forecourt.station.effects import Effect, LogEvent, SaveRecord
from forecourt.station.error_history import ErrorHistory
from forecourt.station.firmware import Firmware
from forecourt.station.firmware_record import Kept, as_updated, kept_in
from forecourt.station.given_up import GivenUps
from forecourt.station.link import Link
from forecourt.station.local_list import LocalList
from forecourt.station.metering import Metering
from forecourt.station.power import Power
from forecourt.station.queue import Queue
from forecourt.station.remote import Remote
from forecourt.station.reports import Reports
from forecourt.station.reservations import Reservations
from forecourt.station.reset import Reset
from forecourt.station.security_log import SecurityLog
from forecourt.station.security_profile import ProfileTrial, trial_in
from forecourt.station.sessions import Sessions
from forecourt.station.signed_firmware import revocation_lists_in
from forecourt.station.smart_charging import SmartCharging
from forecourt.station.tariff import Tariff
from forecourt.station.timers import Timers
from forecourt.station.transactions import Transactions
from forecourt.station.transfers import Transfers
from forecourt.station.uploads import Uploads
from forecourt.station.vendor_errors import VendorErrors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.commissioning import Chance, Commissioning, StationOptions
    from forecourt.station.hardware import Hardware


class Blocks:
    """The blocks of one life of one station."""

    __slots__ = (
        "_authorization",
        "_availability",
        "_boot",
        "_calls",
        "_clock",
        "_commissioning",
        "_configuration",
        "_connectors",
        "_costs",
        "_credentials",
        "_effects",
        "_error_history",
        "_errors",
        "_firmware",
        "_hardware",
        "_link",
        "_metering",
        "_model",
        "_options",
        "_power",
        "_queue",
        "_remote",
        "_reports",
        "_reservations",
        "_reset",
        "_revocation_lists",
        "_security",
        "_sessions",
        "_smart_charging",
        "_tariff",
        "_timers",
        "_transactions",
        "_transfers",
        "_trial",
        "_uploads",
    )

    def __init__(
        self,
        commissioning: Commissioning,
        options: StationOptions,
        hardware: Hardware,
        records: Mapping[tuple[str, str], bytes],
        chance: Chance,
    ) -> None:
        """Build a life on what earlier ones left: `records` as (kind, key) -> data. Raises `UnknownModel`."""
        self._options = options
        self._hardware = hardware
        self._model = model = find_model(commissioning.model)
        self._effects: list[Effect] = []
        effects, speed = self._effects, options.speed
        commissioned, kept = commissioning.firmware_version, kept_in(records, commissioning, effects)
        commissioning = self._commissioning = as_updated(commissioning, kept)
        timers = self._timers = Timers()
        life = _boot_count(records, chance, effects) + 1
        effects.append(SaveRecord(BOOT_KIND, "count", str(life).encode()))
        prefix = f"{life:x}"  # one for all: a short text weighs 50 bytes
        clock = self._clock = Clock()
        configuration = self._configuration = Configuration(commissioning, options, model, records, effects)
        calls = self._calls = Calls(prefix, CALL_TIMEOUT_S * speed, timers, effects)
        calls.is_in_order = configuration.boolean("CallMsgInOrder")
        calls.mend = with_data_as_text if options.tolerant_data_transfer else None
        security = self._security = SecurityLog(configuration, records, calls, clock, speed, timers, effects)
        given_up = GivenUps(records, clock, effects)
        queue = self._queue = Queue(configuration, records, calls, timers, given_up, options.queue_limit, effects)
        self._link = Link(configuration, chance, speed, timers, effects)
        self._boot = Boot(commissioning, configuration, records, calls, clock, speed, timers, effects)
        self._connectors = Connectors(
            len(model.outputs), configuration, calls, clock, timers, options.status_timestamp_only
        )
        self._transactions = Transactions(prefix, records, queue, clock, hardware, effects)
        self._transfers = Transfers(prefix, timers, effects)
        self._tariff = Tariff(records, self._transfers, effects)
        self._reports = Reports(records, self._boot, calls, effects)
        self._uploads = Uploads(self._transfers, self._reports, records, effects)
        self._error_history = ErrorHistory(records, clock, effects)
        self._metering = Metering(configuration, calls, queue, clock, hardware, timers)
        self._reset = Reset(configuration, queue, security, options.failing_resets, speed, timers, effects)
        self._trial: ProfileTrial | None = trial_in(records, effects)
        self._credentials: Credentials | None = None
        if need_credentials(records) or options.key_update_after_installation:
            self._make_credentials(records)
        self._revocation_lists = revocation_lists_in(records, effects)
        self._add_guns(records)
        self._add_firmware(kept, commissioned)

    def _make_credentials(self, records: Mapping[tuple[str, str], bytes]) -> Credentials:
        """Build what deals with certificates, which hardly a station has."""
        self._credentials = Credentials(
            records,
            self._configuration,
            self._commissioning.serial_number,
            self._calls,
            self._clock,
            self._boot,
            self._link,
            self._security,
            self._timers,
            self._effects,
            asks_unasked=self._options.key_update_after_installation,
        )
        self._transfers.trusted = self._credentials.certificates.of_supervision
        return self._credentials

    def _add_guns(self, records: Mapping[tuple[str, str], bytes]) -> None:
        """Build the blocks of what goes on at the guns, on those of the station as a whole."""
        configuration, model, hardware = self._configuration, self._model, self._hardware
        boot, clock, timers, effects = self._boot, self._clock, self._timers, self._effects
        self._authorization = Authorization(
            configuration,
            self._calls,
            boot,
            clock,
            self._connectors,
            LocalList(configuration, records, effects),
            Cache(configuration, records, effects),
            effects,
        )
        power = self._power = Power(configuration, model, effects)
        self._smart_charging = SmartCharging(
            configuration,
            records,
            self._options.accept_amperes,
            self._transactions,
            power,
            clock,
            hardware,
            model,
            timers,
            effects,
        )
        self._availability = Availability(len(model.outputs), records, self._transactions, effects)
        self._reservations = Reservations(
            configuration,
            records,
            self._connectors,
            self._availability,
            self._authorization,
            clock,
            timers,
            effects,
        )
        self._sessions = Sessions(
            configuration,
            self._connectors,
            self._authorization,
            self._transactions,
            boot,
            hardware,
            power,
            self._availability,
            self._reservations,
            effects,
        )
        self._costs = Costs(self._connectors, self._sessions, effects)
        self._remote = Remote(
            configuration,
            self._connectors,
            self._authorization,
            self._sessions,
            self._transactions,
            boot,
            timers,
            self._smart_charging,
            self._reservations,
            effects,
        )
        self._errors = VendorErrors(model, self._connectors, self._sessions, self._remote, self._transactions, power)

    def _add_firmware(self, kept: Kept | None, commissioned: str) -> None:
        """Build what touches all of the others."""
        self._firmware = Firmware(
            kept,
            commissioned,
            self._model.product,
            self._transfers,
            self._reports,
            self._availability,
            self._connectors,
            self._sessions,
            self._remote,
            self._transactions,
            self._security,
            self._clock,
            self._timers,
            self._effects,
        )


def _boot_count(records: Mapping[tuple[str, str], bytes], chance: Chance, effects: list[Effect]) -> int:
    """How many lives there were. If that can not be read a random number takes its place: ids must not come again."""
    saved = records.get((BOOT_KIND, "count"), b"0")
    if saved.isdigit():
        return int(saved)
    effects.append(LogEvent("Record ignored", f"{BOOT_KIND} count: expected a whole number, came {len(saved)} bytes"))
    return chance.getrandbits(48)
