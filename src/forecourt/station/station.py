"""A charging station's brain: events in, effects out.

One object is one life, from the power's return to the next cut or reboot; what outlives it is in the records it saved.
It knows neither sockets nor clocks nor threads: `now` comes in, effects go out, and the hardware is read through a
port. This file only routes what comes in to the blocks, which `station.blocks` puts together, and joins them where
one's end is another's beginning. Each block owns its state; see the head of its file.

The doors: `handle(event, now)`, `expire(now)`, `next_deadline()`. The caller sees to it that `now` never goes back and
that `expire(now)` is called before `handle(event, now)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecourt.evlink.faults import find_fault
from forecourt.evlink.generations import PowerLossStop
from forecourt.evlink.keys import Access, Key, find_key
from forecourt.evlink.keys import Effect as KeyEffect
from forecourt.ocpp.actions import ACTIONS, FeatureProfile
from forecourt.ocpp.core import (
    AvailabilityType,
    ChangeAvailabilityRequest,
    ChangeAvailabilityResponse,
    ChangeConfigurationRequest,
    ChangeConfigurationResponse,
    ChargePointErrorCode,
    GetConfigurationRequest,
    GetConfigurationResponse,
    ResetRequest,
    ResetResponse,
    ResetStatus,
    ResetType,
    StopReason,
    UnlockConnectorRequest,
    UnlockConnectorResponse,
    UnlockStatus,
)
from forecourt.ocpp.errors import ErrorCode, RemoteError
from forecourt.ocpp.local_auth_list_management import SendLocalListRequest, SendLocalListResponse, UpdateStatus
from forecourt.ocpp.security_extension import CertificateUse
from forecourt.station import events
from forecourt.station.blocks import Blocks
from forecourt.station.calls import Reply
from forecourt.station.clock import timestamp
from forecourt.station.data_transfer import DataTransfers
from forecourt.station.diagnostics import Diagnostics
from forecourt.station.display import offers_tariff
from forecourt.station.effects import Effect, LogEvent
from forecourt.station.log_upload import LogUpload
from forecourt.station.power import RATING_KEYS
from forecourt.station.security_events import SECURITY_KEYS, TAMPER_DTCS, TLS_EVENTS, SecurityEvent
from forecourt.station.security_profile import ProfileTrial, go_back, require_rise, warn_of
from forecourt.station.seen import Seen, snapshot_of
from forecourt.station.signed_firmware import SignedFirmware, keep_revocation_lists
from forecourt.station.timers import Timer
from forecourt.station.triggers import Triggers
from forecourt.station.workings import KnownTags, Workings, known_tags_of, workings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forecourt.evlink.picture import Picture
    from forecourt.ocpp.core import MeterValue
    from forecourt.ocpp.firmware_management import UpdateFirmwareRequest
    from forecourt.ocpp.smart_charging import ChargingSchedulePeriod
    from forecourt.station.calls import Answer, Handler
    from forecourt.station.commissioning import Chance, Commissioning, StationOptions
    from forecourt.station.configuration import Configuration
    from forecourt.station.credentials import Credentials
    from forecourt.station.hardware import Hardware
    from forecourt.station.queue import Entry
    from forecourt.station.snapshot import StationSnapshot
    from forecourt.station.transactions import Transaction

HTTP_UNAUTHORIZED = 401


class Station(Blocks):
    """One life of one station."""

    __slots__ = ()

    def __init__(
        self,
        commissioning: Commissioning,
        options: StationOptions,
        hardware: Hardware,
        records: Mapping[tuple[str, str], bytes],
        chance: Chance,
    ) -> None:
        """Build a life on what earlier ones left: `records` as (kind, key) -> data. Raises `UnknownModel`."""
        super().__init__(commissioning, options, hardware, records, chance)
        self._join()

    def _join(self) -> None:
        """Tell blocks who hears of what they bring about."""
        self._calls.connect(self, self._security)
        self._boot.connect(self)
        self._reservations.connect(self._sessions)
        self._queue.connect(self, self._security)
        self._transactions.connect(self)
        self._smart_charging.connect(self._sessions)

    def feed(self, now: float) -> None:
        """Nothing waits to be sent: transaction messages go first, then security events."""
        self._queue.feed(now)
        if self._security.queue and self._calls.is_free:  # not `waiting`: this is asked twice a message
            self._security.feed(now)

    def handler_of(self, action: str) -> Handler | None:
        """Who answers this action of the supervision; None for one that this station does not know."""
        handler = _REQUESTS.get(action)
        if handler is None or (action in _SECURITY_REQUESTS and not self._configuration.has("SecurityEventsEnabled")):
            return None
        return handler(self)

    # The doors.

    def handle(self, event: events.Event, now: float) -> list[Effect]:
        """Take one event; return what must be done, in order."""
        _HANDLERS[event.__class__](self, event, now)
        if self._firmware.is_waiting or self._reservations.is_active:
            self._settle(now)
        return self._take()

    def expire(self, now: float) -> list[Effect]:
        """Fire every timer that is due, each at its own time; calling early does nothing."""
        while (due := self._timers.next()) <= now:
            _EXPIRIES[self._timers.pop(due)](self, due)
            if self._firmware.is_waiting or self._reservations.is_active:
                self._settle(due)
        return self._take()

    def _settle(self, now: float) -> None:
        """What waits for anything to happen looks whether it was that."""
        if self._firmware.is_waiting and self._firmware.settle(now):
            self._end_life(StopReason.Reboot, False, now)
        if self._reservations.is_active:
            self._reservations.settle(now)

    def next_deadline(self) -> float:
        """When `expire` has something to do next; inf when no timer is armed."""
        return self._timers.next()

    def _take(self) -> list[Effect]:
        effects = self._effects[:]
        self._effects.clear()
        return effects

    # Power.

    def _power_restored(self, event: events.PowerRestored, now: float) -> None:
        self._clock.start(event.clock_s, now)
        lost_clock_s = event.clock_s if event.lost_clock_s is None else event.lost_clock_s
        for row in self._connectors.guns:
            self._connectors.begin(row.number, row.status, now)
        self._connectors.begin(0, self._connectors[0].status, now)
        self._power.begin()
        updated_to = self._firmware.restore(now)
        self._sessions.restore(lost_clock_s, now)
        self._reservations.expire(now)
        self._metering.align(now)
        self._security.note(SecurityEvent.StartupOfTheDevice, f"firmware {self._commissioning.firmware_version}", now)
        if updated_to is not None:
            self._security.note(SecurityEvent.FirmwareUpdated, f"to {updated_to}", now)
        if self._credentials is not None:
            self._credentials.requests.woken(now)
        self._warn_of_profile()
        self._open_link(now)

    def _power_lost(self, event: events.PowerLost, now: float) -> None:
        stop = self._options.power_loss or self._model.generation.power_loss_stop
        self._sessions.is_closed = True
        if stop is PowerLossStop.BEFORE_DARK:
            self._sessions.stop_all(StopReason.PowerLoss, now)

    # The link.

    def _open_link(self, now: float) -> None:
        if self._credentials is None:
            self._link.open()
        else:
            self._credentials.open_link(now)

    def _link_opened(self, event: events.LinkOpened, now: float) -> None:
        if self._link.leave_other_profile():
            return
        if self._credentials is not None:
            self._credentials.link_opened(event, now)
        if self._trial is not None:
            self._trial.end()
            self._trial = None
        self._link.opened(now)
        self._calls.opened()
        self._boot.link_opened(now)
        if self._boot.is_accepted:
            self._resume(now, after_boot=False)

    def judged(self, now: float) -> None:
        """The boot was accepted, or is not any longer: the supervision triggered another BootNotification."""
        if self._boot.is_accepted:
            self._resume(now, after_boot=True)
        else:
            self._connectors.hold()
            self._queue.pause()
            self._security.hold()

    def _resume(self, now: float, *, after_boot: bool) -> None:
        """The supervision listens: statuses first, then what waited."""
        self._connectors.release(now, all_of_them=after_boot)
        self._reports.resume(now)
        self._boot.resumed(now)
        self._metering.rearm(self._transactions.running, now)
        self._queue.release(now)
        self._security.release(now)
        if self._credentials is not None:
            self._credentials.requests.resume(now)

    def _link_refused(self, event: events.LinkRefused, now: float) -> None:
        if event.http_status == HTTP_UNAUTHORIZED:
            self._security.note(SecurityEvent.FailedToAuthenticateAtCentralSystem, event.reason, now)
        if event.problem is not None:
            for noted in TLS_EVENTS[event.problem]:
                self._security.note(noted, event.reason, now)
        if self._credentials is not None and self._credentials.link_refused(event, now):
            return
        self._link.refused(event.reason, event.http_status, now)
        if self._trial is not None and self._trial.refused():
            self._fall_back(self._trial, now)

    def _fall_back(self, trial: ProfileTrial, now: float) -> None:
        """The new profile does not connect (white paper A05.FR.08)."""
        given_up = self._configuration.text("SecurityProfile")
        go_back(self._configuration, trial.former)
        trial.end()
        self._trial = None
        why = f"SecurityProfile={trial.former} by the station, as {given_up} did not connect"
        self._effects.append(LogEvent("SecurityProfile given up", why))
        self._security.note(SecurityEvent.ReconfigurationOfSecurityParameters, why, now)

    def _link_closed(self, event: events.LinkClosed, now: float) -> None:
        self._connectors.hold()
        self._queue.hold()
        self._security.hold()
        if self._credentials is not None:
            self._credentials.trust.closed()
        self._link.closed(event.code, event.reason, now)
        self._calls.closed(now)
        self._metering.rearm(self._transactions.running, now)

    def _frame_received(self, event: events.FrameReceived, now: float) -> None:
        self._boot.exchanged(now)
        self._calls.receive(event.frame, now)
        self._reset_attempted(self._reset.proceed(now), now)

    def _pong_received(self, event: events.PongReceived, now: float) -> None:
        self._link.pong()

    # The guns.

    def _cable_plugged(self, event: events.CablePlugged, now: float) -> None:
        self._sessions.plug(event.connector, now)
        if not self._remote.plugged(event.connector, now):
            self._sessions.offer_unasked(event.connector, now)

    def _cable_unplugged(self, event: events.CableUnplugged, now: float) -> None:
        self._tariff.is_open = False
        self._remote.gone(event.connector, now)
        self._sessions.unplug(event.connector, now)

    def _badge_shown(self, event: events.BadgeShown, now: float) -> None:
        self._tariff.is_open = False
        self._sessions.badge(event.idTag, now)

    def _connector_shown(self, event: events.ConnectorShown, now: float) -> None:
        self._tariff.is_open = False
        self._sessions.touch(event.connector)

    def _tariff_shown(self, event: events.TariffShown, now: float) -> None:
        self._tariff.is_open = offers_tariff(self._seen(), now)
        if not self._tariff.is_open:
            self._effects.append(LogEvent("Touch ignored", "the screen has no Tariff button"))

    def _tariff_hidden(self, event: events.TariffHidden, now: float) -> None:
        self._tariff.is_open = False

    def _vehicle_drawing(self, event: events.VehicleDrawing, now: float) -> None:
        self._sessions.draw(event.connector, True, now)

    def _vehicle_paused(self, event: events.VehiclePaused, now: float) -> None:
        self._sessions.draw(event.connector, False, now)

    def _vehicle_failed(self, event: events.VehicleFailed, now: float) -> None:
        self._sessions.fail(event.connector, now)

    def _power_withheld(self, event: events.PowerWithheld, now: float) -> None:
        self._sessions.withhold(event.connector, True, now)

    def _power_granted(self, event: events.PowerGranted, now: float) -> None:
        self._sessions.withhold(event.connector, False, now)

    def _fault_raised(self, event: events.FaultRaised, now: float) -> None:
        fault = find_fault(event.dtc)
        if fault.dtc in TAMPER_DTCS and fault not in self._connectors[0].faults:
            self._security.note(SecurityEvent.TamperDetectionActivated, f"{fault.dtc} {fault.description}", now)
        self._error_history.raised(event.dtc, event.connector, now)
        self._errors.raise_(event.dtc, event.connector, now)

    def _fault_cleared(self, event: events.FaultCleared, now: float) -> None:
        self._error_history.cleared(event.dtc, event.connector, now)
        self._errors.clear(event.dtc, event.connector, now)

    # What the blocks tell, and ask for; see the protocols at them.

    def refused(self, transaction: Transaction, now: float) -> None:
        """The supervision refused an idTag."""
        self._sessions.refused(transaction, now)

    def transaction_id(self, local: str) -> int:
        """The id for a queued message."""
        return self._transactions.transaction_id(local)

    def begun(self, transaction: Transaction, now: float) -> MeterValue | None:
        """A session begins."""
        self._tariff.is_open = False
        self._smart_charging.begun(transaction, now)
        return self._metering.begun(transaction, now)

    def ended(self, transaction: Transaction, clock_s: float, now: float) -> tuple[MeterValue, ...]:
        """A session has ended."""
        values = self._metering.ended(transaction, clock_s, now)
        self._smart_charging.ended(transaction)
        return values

    # The installer and the storage.

    def _key_set(self, event: events.KeySet, now: float) -> None:
        key = find_key(event.key)
        assert key is not None, f"{event.key} is no key; the installer's tool checks that first"
        version = self._configuration.version
        self._configuration.store(key, self._configuration.check(key, event.value))
        if key.name == "SecurityProfile" and self._trial is not None:
            self._trial.end()
            self._trial = None
        if self._configuration.version != version:
            self._reconfigured(key, "the installer", now)
        self._key_changed(key, now)

    def _reconfigured(self, key: Key, by: str, now: float) -> None:
        """A key has another value. That of AuthorizationKey is nobody's business (white paper A01.FR.12)."""
        if key.name in SECURITY_KEYS:
            value = "" if key.access is Access.W else f"={self._configuration.text(key.name)}"
            self._security.note(SecurityEvent.ReconfigurationOfSecurityParameters, f"{key.name}{value} by {by}", now)

    def _security_log_cleared(self, event: events.SecurityLogCleared, now: float) -> None:
        self._security.clear(now)

    def _reboot_requested(self, event: events.RebootRequested, now: float) -> None:
        if self._firmware.is_installing:
            self._effects.append(LogEvent("Reboot refused", "expected no reboot while firmware is installed, came one"))
            return
        self._end_life(StopReason.Reboot, False, now)

    def _save_failed(self, event: events.SaveFailed, now: float) -> None:
        if not self._sessions.is_closed:
            self._security.note(SecurityEvent.MemoryExhaustion, f"records can not be saved: {event.reason}", now)
        self._sessions.is_closed = True
        self._calls.hold()
        self._effects.append(LogEvent("Records can not be saved", event.reason))

    def _save_recovered(self, event: events.SaveRecovered, now: float) -> None:
        self._sessions.is_closed = self._reset.is_pending
        self._calls.resume(now)

    # Requests of the supervision that concern more than one block.

    def _get_configuration(self, request: GetConfigurationRequest, now: float) -> GetConfigurationResponse:
        return self._configuration.get(request)

    def _change_configuration(
        self, request: ChangeConfigurationRequest, now: float
    ) -> ChangeConfigurationResponse | Reply:
        version = self._configuration.version
        status, key = self._configuration.change(request, lambda key, value: self._prepare_change(key, value, now))
        response = ChangeConfigurationResponse(status=status)
        if key is None:
            return response
        if self._configuration.version != version:
            self._reconfigured(key, "the supervision", now)
        changed = key
        return Reply(response, lambda at: self._key_changed(changed, at))

    def _prepare_change(self, key: Key, value: str, now: float) -> None:
        """Raise `ValueRefused` for what the certificates do not allow; else the value is about to be set."""
        certificates = None if self._credentials is None else self._credentials.certificates
        if key.name == "SecurityProfile":
            require_rise(int(value), self._configuration, certificates, self._clock.wall(now))
            self._trial = ProfileTrial.begin(self._configuration.text(key.name), self._effects)
        elif key.name == "AdditionalRootCertificateCheck" and value == "true" and certificates is not None:
            certificates.require_one_root()

    def _need_credentials(self) -> Credentials:
        return self._make_credentials({}) if self._credentials is None else self._credentials

    def _send_local_list(self, request: SendLocalListRequest, now: float) -> SendLocalListResponse | Reply:
        response = self._authorization.local_list.update(request)
        if response.status is not UpdateStatus.Accepted:
            return response
        return Reply(response, self._authorization.list_changed)

    def _key_changed(self, key: Key, now: float) -> None:
        if (act := _WHEN_CHANGED.get(key.name)) is not None:
            act(self, now)
        elif key.effect is KeyEffect.RECONNECT and self._link.uses_credentials:
            self._link.reconnect(f"{key.name} changed")

    def _sampling_changed(self, now: float) -> None:
        self._metering.rearm(self._transactions.running, now)

    def _profile_changed(self, now: float) -> None:
        self._warn_of_profile()
        self._link.reconnect("SecurityProfile changed")

    def _warn_of_profile(self) -> None:
        warn_of(self._configuration.integer("SecurityProfile"), self._effects)

    def _order_changed(self, now: float) -> None:
        self._calls.is_in_order = self._configuration.boolean("CallMsgInOrder")

    def _reset_asked(self, request: ResetRequest, now: float) -> ResetResponse | Reply:
        if self._reset.is_pending:
            self._effects.append(LogEvent("Reset refused", f"expected no other reset, came {request.type} during one"))
            return ResetResponse(status=ResetStatus.Rejected)
        if self._firmware.is_installing:
            wrong = f"expected no reset while firmware is installed, came {request.type}"
            self._effects.append(LogEvent("Reset refused", wrong))
            return ResetResponse(status=ResetStatus.Rejected)
        hard = request.type is ResetType.Hard
        reason = StopReason.HardReset if hard else StopReason.SoftReset
        return Reply(ResetResponse(status=ResetStatus.Accepted), lambda at: self._end_life(reason, hard, at))

    def _update_firmware(self, request: UpdateFirmwareRequest, now: float) -> Reply:
        if self._options.strict_l01:
            wrong = "expected SignedUpdateFirmware, which this station takes, came UpdateFirmware"
            raise RemoteError(ErrorCode.NotSupported, wrong)
        return self._firmware.asked(request, now)

    def _signed_firmware(self) -> SignedFirmware:
        store = None if self._credentials is None else self._credentials.certificates
        return SignedFirmware(
            self._firmware,
            () if store is None else store.pem(CertificateUse.ManufacturerRootCertificate),
            self._revocation_lists or "",
            self._options,
            self._security,
            self._clock,
            self._effects,
        )

    def _revocation_lists_set(self, event: events.RevocationListsSet, now: float) -> None:
        self._revocation_lists = keep_revocation_lists(event.lists, self._effects)

    def _firmware_due(self, now: float) -> None:
        if self._firmware.due(now):
            self._end_life(StopReason.Reboot, False, now)

    def _end_life(self, reason: StopReason, hard: bool, now: float) -> None:
        self._sessions.is_closed = True
        self._sessions.stop_all(reason, now)
        self._reset.begin(hard, now)
        self._reset_attempted(self._reset.proceed(now), now)

    def _reset_attempted(self, was_given_up: bool, now: float) -> None:
        """After the last attempt that ResetRetries allows this life goes on (§9.1.17)."""
        if was_given_up:
            self._sessions.is_closed = False
            self._connectors.mention(0, ChargePointErrorCode.ResetFailure, "The station could not be reset.", now)

    def _change_availability(
        self, request: ChangeAvailabilityRequest, now: float
    ) -> ChangeAvailabilityResponse | Reply:
        status, numbers = self._availability.change(request)
        change = self._withdraw if request.type is AvailabilityType.Inoperative else self._sessions.restore_service

        def carry_out(at: float) -> None:
            for number in numbers:
                change(number, at)

        return Reply(ChangeAvailabilityResponse(status=status), carry_out)

    def _withdraw(self, connector: int, now: float) -> None:
        self._remote.gone(connector, now)
        self._sessions.withdraw(connector, now)

    def _triggers(self) -> Triggers:
        return Triggers(
            self._boot,
            self._calls,
            self._connectors,
            self._metering,
            self._transactions,
            self._uploads,
            self._firmware,
            self._need_credentials,
            self._effects,
        )

    def _log_upload(self) -> LogUpload:
        return LogUpload(self._diagnostics(), self._security, self._uploads, self._clock, self._effects)

    def _diagnostics(self) -> Diagnostics:
        return Diagnostics(self._seen(), self._error_history, self._uploads, self._effects)

    def _data_transfers(self) -> DataTransfers:
        return DataTransfers(self._costs, self._tariff, self._effects)

    def _unlock_connector(self, request: UnlockConnectorRequest, now: float) -> UnlockConnectorResponse:
        """Fixed cables: nothing to unlock, and a transaction goes on (reading A7)."""
        wrong = f"expected nothing to unlock, as cables are fixed, came connectorId {request.connectorId}"
        self._effects.append(LogEvent("UnlockConnector refused", wrong))
        return UnlockConnectorResponse(status=UnlockStatus.NotSupported)

    def settled(self, entry: Entry, answer: Answer, now: float) -> None:
        """The queue is done with a StartTransaction or StopTransaction, whose answer may tell of its idTag."""
        self._transactions.settled(entry, answer, now)
        self._authorization.settled(entry, answer, now)

    def clock_moved(self, before_s: float, now: float) -> None:
        """The clock was moved."""
        moved = f"from {timestamp(before_s).isoformat()} by {self._clock.wall(now) - before_s:+.3f} s"
        self._security.note(SecurityEvent.SettingSystemTime, moved, now)
        self._metering.align(now)
        self._smart_charging.apply_all(now)
        self._firmware.clock_moved(now)
        self._reservations.expire(now)
        if self._credentials is not None:
            self._credentials.due(now)

    # Timers.

    def _sample(self, connector: int, due: float) -> None:
        transaction = self._transactions.on(connector)
        assert transaction is not None, f"connector {connector} samples without a transaction"
        self._metering.sample(transaction, due)

    # What others may see.

    @property
    def firmware_version(self) -> str:
        """The version that runs, which is another than the commissioned one after an update."""
        return self._commissioning.firmware_version

    @property
    def configuration(self) -> Configuration:
        """The keys, for the installer's tools."""
        return self._configuration

    @property
    def tariff_picture(self) -> Picture | None:
        """The picture of the tariff, for the screen; None while none was received."""
        return self._tariff.picture

    def schedule(self, connector: int, duration_s: int, now: float) -> tuple[ChargingSchedulePeriod, ...]:
        """What a gun, or with 0 the station, will give at most, in W from `now` on: as GetCompositeSchedule has it."""
        return self._smart_charging.expected(connector, duration_s, now)

    def snapshot(self, now: float) -> StationSnapshot:
        """Everything worth showing at `now`."""
        return snapshot_of(self._seen(), now)

    def workings(self) -> Workings:
        """What it waits for and holds back at the time of its last event."""
        return workings_of(self._seen())

    def known_tags(self, now: float) -> KnownTags:
        """What it can decide about idTags by itself."""
        return known_tags_of(self._seen(), now)

    def clock_s(self, now: float) -> float:
        """What its own clock shows at `now`, in seconds since the epoch."""
        return self._clock.wall(now)

    def _seen(self) -> Seen:
        return Seen(
            commissioning=self._commissioning,
            model=self._model,
            configuration=self._configuration,
            clock=self._clock,
            link=self._link,
            boot=self._boot,
            queue=self._queue,
            connectors=self._connectors,
            sessions=self._sessions,
            transactions=self._transactions,
            hardware=self._hardware,
            power=self._power,
            smart_charging=self._smart_charging,
            availability=self._availability,
            reservations=self._reservations,
            authorization=self._authorization,
            costs=self._costs,
            tariff=self._tariff,
            firmware=self._firmware,
            calls=self._calls,
            remote=self._remote,
            reset=self._reset,
            uploads=self._uploads,
            timers=self._timers,
        )


_WHEN_CHANGED: dict[str, Callable[[Station, float], None]] = {
    "AuthorizationCacheEnabled": lambda station, now: station._authorization.cache.switched(),
    "CallMsgInOrder": Station._order_changed,
    "ClockAlignedDataInterval": Station._sampling_changed,
    "HeartbeatInterval": lambda station, now: station._boot.heartbeat_interval_changed(now),
    "MeterValueSampleInterval": Station._sampling_changed,
    "SecurityEventsEnabled": lambda station, now: station._security.switched(),
    "SecurityProfile": Station._profile_changed,
    "WebSocketPingInterval": lambda station, now: station._link.ping_interval_changed(now),
    "disconnectedMeterValueSampleInterval": Station._sampling_changed,
    **dict.fromkeys(RATING_KEYS, lambda station, now: station._power.rating_changed()),
}
"""What to do at once when a key was set; the other keys are read whenever they are needed."""

_HANDLERS: dict[type[events.Event], Callable[[Station, Any, float], None]] = {
    events.PowerRestored: Station._power_restored,
    events.PowerLost: Station._power_lost,
    events.LinkOpened: Station._link_opened,
    events.LinkRefused: Station._link_refused,
    events.LinkClosed: Station._link_closed,
    events.FrameReceived: Station._frame_received,
    events.PongReceived: Station._pong_received,
    events.CablePlugged: Station._cable_plugged,
    events.CableUnplugged: Station._cable_unplugged,
    events.BadgeShown: Station._badge_shown,
    events.ConnectorShown: Station._connector_shown,
    events.TariffShown: Station._tariff_shown,
    events.TariffHidden: Station._tariff_hidden,
    events.VehicleDrawing: Station._vehicle_drawing,
    events.VehiclePaused: Station._vehicle_paused,
    events.VehicleFailed: Station._vehicle_failed,
    events.PowerWithheld: Station._power_withheld,
    events.PowerGranted: Station._power_granted,
    events.FaultRaised: Station._fault_raised,
    events.FaultCleared: Station._fault_cleared,
    events.KeySet: Station._key_set,
    events.SecurityLogCleared: Station._security_log_cleared,
    events.RevocationListsSet: Station._revocation_lists_set,
    events.RebootRequested: Station._reboot_requested,
    events.FileFetched: lambda station, event, now: station._transfers.fetched(event, now),
    events.FileSent: lambda station, event, now: station._transfers.sent(event, now),
    events.TransferFailed: lambda station, event, now: station._transfers.failed(event, now),
    events.CertificateRequestMade: lambda station, *event: station._need_credentials().requests.made(*event),
    events.CertificateRequestFailed: lambda station, *event: station._need_credentials().requests.failed(*event),
    events.SaveFailed: Station._save_failed,
    events.SaveRecovered: Station._save_recovered,
}

_REQUESTS: dict[str, Callable[[Station], Handler]] = {
    "CancelReservation": lambda station: station._reservations.cancel,
    "CertificateSigned": lambda station: station._need_credentials().signed,
    "ChangeAvailability": lambda station: station._change_availability,
    "ChangeConfiguration": lambda station: station._change_configuration,
    "ClearCache": lambda station: station._authorization.cache.clear_asked,
    "ClearChargingProfile": lambda station: station._smart_charging.clear,
    "DataTransfer": lambda station: station._data_transfers().asked,
    "DeleteCertificate": lambda station: station._need_credentials().delete,
    "GetCompositeSchedule": lambda station: station._smart_charging.composite,
    "GetConfiguration": lambda station: station._get_configuration,
    "ExtendedTriggerMessage": lambda station: station._triggers().asked_extended,
    "GetDiagnostics": lambda station: station._diagnostics().asked,
    "GetInstalledCertificateIds": lambda station: station._need_credentials().certificates.tell_ids,
    "GetLog": lambda station: station._log_upload().asked,
    "GetLocalListVersion": lambda station: station._authorization.local_list.tell_version,
    "InstallCertificate": lambda station: station._need_credentials().install,
    "RemoteStartTransaction": lambda station: station._remote.start,
    "RemoteStopTransaction": lambda station: station._remote.stop,
    "ReserveNow": lambda station: station._reservations.reserve,
    "Reset": lambda station: station._reset_asked,
    "SendLocalList": lambda station: station._send_local_list,
    "SetChargingProfile": lambda station: station._smart_charging.set_profile,
    "SignedUpdateFirmware": lambda station: station._signed_firmware().asked,
    "TriggerMessage": lambda station: station._triggers().asked,
    "UpdateFirmware": lambda station: station._update_firmware,
    "UnlockConnector": lambda station: station._unlock_connector,
}
"""The requests of the supervision. Here and not in each station: a bound method weighs 64 bytes."""

_SECURITY_REQUESTS = frozenset(
    name for name, action in ACTIONS.items() if action.profile is FeatureProfile.SecurityExtension
)
"""What firmware from before the security extension does not know."""

_EXPIRIES: dict[int, Callable[[Station, float], None]] = {
    Timer.BOOT_RETRY: lambda station, due: station._boot.ask(due),
    Timer.HEARTBEAT: lambda station, due: station._boot.heartbeat(due),
    Timer.DAILY_HEARTBEAT: lambda station, due: station._boot.heartbeat(due),
    Timer.CALL_TIMEOUT: lambda station, due: station._calls.timed_out(due),
    Timer.QUEUE_RETRY: lambda station, due: station._calls.advance(due),
    Timer.RECONNECT: lambda station, due: station._open_link(due),
    Timer.PING: lambda station, due: station._link.ping(due),
    Timer.PONG_TIMEOUT: lambda station, due: station._link.pong_missing(),
    Timer.REMOTE_START: lambda station, due: station._remote.timed_out(due),
    Timer.RESET: lambda station, due: station._reset_attempted(station._reset.carry_out(due), due),
    Timer.CLOCK_ALIGNED: lambda station, due: station._metering.sample_aligned(station._transactions.running, due),
    Timer.STATUS_SETTLES_0: lambda station, due: station._connectors.settled(0, due),
    Timer.STATUS_SETTLES_1: lambda station, due: station._connectors.settled(1, due),
    Timer.STATUS_SETTLES_2: lambda station, due: station._connectors.settled(2, due),
    Timer.SAMPLE_1: lambda station, due: station._sample(1, due),
    Timer.SAMPLE_2: lambda station, due: station._sample(2, due),
    Timer.BESIDE_TIMEOUT: lambda station, due: station._calls.beside_timed_out(due),
    Timer.LIMIT_1: lambda station, due: station._smart_charging.apply(1, due),
    Timer.LIMIT_2: lambda station, due: station._smart_charging.apply(2, due),
    Timer.RESERVATION: lambda station, due: station._reservations.expire(due),
    Timer.TRANSFER: lambda station, due: station._transfers.due(due),
    Timer.FIRMWARE: lambda station, due: station._firmware_due(due),
    Timer.SECURITY_RETRY: lambda station, due: station._calls.advance(due),
    Timer.CERTIFICATE_REQUEST: lambda station, due: station._need_credentials().repeat(due),
    Timer.CERTIFICATES: lambda station, due: station._need_credentials().due(due),
}
