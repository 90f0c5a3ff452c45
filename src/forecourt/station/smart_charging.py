"""Charging profiles: what is installed, what they allow now, and what they will (OCPP 1.6 §3.13, §5.5, §5.7, §5.16).

Theory of operation. `SmartCharging` owns the installed profiles, each a durable record. Whenever something changes
them, or a transaction begins or ends, or the next moment of change comes, `apply` works out the present limit of a gun
with a transaction, tells `Power`, and arms the gun's timer for the next change. `composite` does the arithmetic; this
file decides which profiles count for which gun:

- the TxProfiles of the transaction that runs on it; they go when it ends;
- the TxDefaultProfiles for it, and those for connector 0 where none of the same stackLevel stands on the gun itself;
- none at all for a CHAdeMO gun.

What a profile must be is in `profile_rules`. A profile in RemoteStartTransaction is *promised*: it holds a place from
the moment the request was accepted, and becomes a TxProfile of the transaction that comes of it.

A schedule in amperes (by option only) counts with the present DC voltage, and is worked out anew every few seconds.
While there is none the lowest voltage of a DC charger counts, so that the current is never exceeded.
"""

from __future__ import annotations

from math import floor, inf
from typing import TYPE_CHECKING, Protocol

import msgspec

from forecourt.evlink.models import ConnectorType
from forecourt.ocpp.errors import ErrorCode, RemoteError
from forecourt.ocpp.smart_charging import (
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingProfileStatus,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    ClearChargingProfileRequest,
    ClearChargingProfileResponse,
    ClearChargingProfileStatus,
    GetCompositeScheduleRequest,
    GetCompositeScheduleResponse,
    GetCompositeScheduleStatus,
    SetChargingProfileRequest,
    SetChargingProfileResponse,
)
from forecourt.station.calls import Reply
from forecourt.station.composite import Limit, capped, limits, milliseconds, periods, total
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.profile_rules import Terms, what_is_wrong
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from forecourt.evlink.models import Model
    from forecourt.station.clock import Clock
    from forecourt.station.configuration import Configuration
    from forecourt.station.hardware import Hardware
    from forecourt.station.power import Power
    from forecourt.station.transactions import Transaction, Transactions

KIND = "profile"

HORIZON_MS = 3_600_000
"""How far ahead the next change of a limit is looked for; without one it is looked for again then."""

AMPERES_HORIZON_MS = 5_000
"""The same while a schedule is in amperes, because the voltage changes."""

LEAST_VOLTAGE_V = 150.0
"""Assumed lowest voltage at which a DC charger gives energy."""

COMPOSITE_LIMIT_S = 7 * 86_400
"""The longest composite schedule; a longer one is answered for this long, and its duration says so. A week holds every
recurrence, and with 40 profiles of 50 periods its frame stays below the 1 MB that peers take at most."""

TX = ChargingProfilePurpose.TxProfile


class Installed(msgspec.Struct, frozen=True, gc=False):
    """A profile, where it was installed, and for what."""

    number: int
    """They are counted as they come: of two that can not stand together the later one counts."""
    connector: int
    profile: ChargingProfile
    local: str = ""
    """The station's name of the transaction that a TxProfile is for."""

    def yields_to(self, other: Installed) -> bool:
        """Whether another one takes the place of this: same id, or same connector, purpose and stackLevel."""
        mine, new = self.profile, other.profile
        return mine.chargingProfileId == new.chargingProfileId or (
            self.connector == other.connector
            and mine.chargingProfilePurpose is new.chargingProfilePurpose
            and mine.stackLevel == new.stackLevel
        )


_decoder = msgspec.json.Decoder(Installed)
_encode = msgspec.json.Encoder().encode


class Suspends(Protocol):
    """Who moves a gun to SuspendedEVSE and back. A method of it would weigh 64 bytes a station."""

    def held_changed(self, connector: int, now: float) -> None:
        """Whether `Power` holds the gun has changed."""
        ...


class SmartCharging:
    """The charging profiles of one station."""

    __slots__ = (
        "_accepts_amperes",
        "_clock",
        "_configuration",
        "_effects",
        "_hardware",
        "_installed",
        "_model",
        "_power",
        "_promised",
        "_promised_to",
        "_sessions",
        "_timers",
        "_transactions",
    )

    def __init__(
        self,
        configuration: Configuration,
        records: Mapping[tuple[str, str], bytes],
        accepts_amperes: bool,
        transactions: Transactions,
        power: Power,
        clock: Clock,
        hardware: Hardware,
        model: Model,
        timers: Timers,
        effects: list[Effect],
    ) -> None:
        self._configuration = configuration
        self._accepts_amperes = accepts_amperes
        self._transactions = transactions
        self._power = power
        self._clock = clock
        self._hardware = hardware
        self._model = model
        self._timers = timers
        self._effects = effects
        self._installed: tuple[Installed, ...] = ()
        self._promised: ChargingProfile | None = None
        self._promised_to = 0
        self._sessions: Suspends | None = None
        self._restore(records)

    def connect(self, sessions: Suspends) -> None:
        """Name who hears that a gun with a transaction may no longer give anything, or may again."""
        self._sessions = sessions

    def _restore(self, records: Mapping[tuple[str, str], bytes]) -> None:
        found: list[Installed] = []
        for (kind, key), data in records.items():
            if kind == KIND:
                try:
                    found.append(_decoder.decode(data))
                except ValueError as error:
                    self._effects.append(LogEvent("Record ignored", f"{KIND} {key}: {error}"))
        for one in sorted(found, key=lambda one: one.number):
            if one.local and not self._is_running(one):
                self._effects.append(DeleteRecord(KIND, _key(one)))
            else:
                self._take_place(one)

    def _is_running(self, one: Installed) -> bool:
        transaction = self._transactions.on(one.connector)
        return transaction is not None and transaction.local == one.local

    # Reading.

    @property
    def installed(self) -> tuple[Installed, ...]:
        """All profiles, in the order of their installation."""
        return self._installed

    def _has_profiles(self, connector: int) -> bool:
        """CHAdeMO has no smart charging (guide)."""
        return self._model.outputs[connector - 1] is not ConnectorType.CHADEMO

    def _for(self, connector: int, local: str | None) -> list[ChargingProfile]:
        """The profiles that count for a gun and the transaction on it (None: there is none)."""
        if not self._installed or not self._has_profiles(connector):
            return []
        defaults: dict[int, Installed] = {}
        own: list[ChargingProfile] = []
        for one in self._installed:
            if one.local:
                if one.local == local:
                    own.append(one.profile)
            elif one.connector == connector or (one.connector == 0 and one.profile.stackLevel not in defaults):
                defaults[one.profile.stackLevel] = one
        return own + [one.profile for one in defaults.values()]

    # SetChargingProfile.

    def set_profile(self, request: SetChargingProfileRequest, now: float) -> SetChargingProfileResponse | Reply:
        """Install a profile, or say why not (§5.16). An unknown connector raises PropertyConstraintViolation."""
        connector, profile = request.connectorId, request.csChargingProfiles
        if not 0 <= connector <= len(self._model.outputs):
            wrong = f"expected connectorId 0 to {len(self._model.outputs)}, came {connector}"
            raise RemoteError(ErrorCode.PropertyConstraintViolation, wrong)
        if profile.chargingProfilePurpose is ChargingProfilePurpose.ChargePointMaxProfile:
            self._refuse("SetChargingProfile", "expected TxDefaultProfile or TxProfile, came ChargePointMaxProfile")
            return SetChargingProfileResponse(status=ChargingProfileStatus.NotSupported)
        if connector and not self._has_profiles(connector):
            self._refuse("SetChargingProfile", f"expected a CCS2 connector, came {connector}, which is CHAdeMO")
            return SetChargingProfileResponse(status=ChargingProfileStatus.NotSupported)
        transaction = self._transactions.on(connector) if profile.chargingProfilePurpose is TX else None
        one = self._numbered(connector, profile, transaction)
        wrong_place = self._no_such_transaction(connector, profile, transaction)
        wrong_profile = wrong_place or what_is_wrong(profile, self._terms()) or self._is_full(one)
        if wrong_profile is not None:
            self._refuse("SetChargingProfile", wrong_profile)
            return SetChargingProfileResponse(status=ChargingProfileStatus.Rejected)
        self._install(one)
        return Reply(SetChargingProfileResponse(status=ChargingProfileStatus.Accepted), self.apply_all)

    def _refuse(self, what: str, why: str) -> None:
        self._effects.append(LogEvent(f"{what} refused", why))

    def _terms(self) -> Terms:
        return Terms(
            max_stack_level=self._configuration.integer("ChargeProfileMaxStackLevel"),
            max_periods=self._configuration.integer("ChargingScheduleMaxPeriods"),
            accepts_amperes=self._accepts_amperes,
        )

    @staticmethod
    def _no_such_transaction(connector: int, profile: ChargingProfile, transaction: Transaction | None) -> str | None:
        """A TxProfile belongs to the transaction that runs on its connector (§3.13.1)."""
        if profile.chargingProfilePurpose is not TX:
            return None
        if transaction is None:
            return f"expected a TxProfile for a connector with a transaction, came connector {connector}"
        if isinstance(profile.transactionId, int) and profile.transactionId != transaction.transactionId:
            return f"expected transactionId {transaction.transactionId}, came {profile.transactionId}"
        return None

    def _is_full(self, one: Installed) -> str | None:
        most = self._configuration.integer("MaxChargingProfilesInstalled")
        stay = sum(not other.yields_to(one) for other in self._installed)
        if stay + (self._promised is not None and self._promised is not one.profile) < most:
            return None
        return f"expected at most {most} profiles, came one more"

    def _numbered(self, connector: int, profile: ChargingProfile, transaction: Transaction | None) -> Installed:
        number = self._installed[-1].number + 1 if self._installed else 1
        return Installed(number, connector, profile, "" if transaction is None else transaction.local)

    def _install(self, one: Installed) -> None:
        """Save first: if power goes in between, both are found and the later one counts."""
        self._effects.append(SaveRecord(KIND, _key(one), _encode(one)))
        self._take_place(one)

    def _take_place(self, one: Installed) -> None:
        stay = tuple(other for other in self._installed if not other.yields_to(one))
        self._delete(other for other in self._installed if other.yields_to(one) and _key(other) != _key(one))
        self._installed = (*stay, one)

    def _delete(self, gone: Iterable[Installed]) -> None:
        self._effects.extend(DeleteRecord(KIND, _key(one)) for one in gone)

    # ClearChargingProfile.

    def clear(self, request: ClearChargingProfileRequest, now: float) -> ClearChargingProfileResponse | Reply:
        """Remove the profile of an id, or all that match every other criterion (§5.5, errata 3.25, 3.26)."""
        gone = tuple(one for one in self._installed if _matches(one, request))
        if not gone:
            self._refuse("ClearChargingProfile", f"none of {len(self._installed)} profiles matches {request}")
            return ClearChargingProfileResponse(status=ClearChargingProfileStatus.Unknown)
        self._remove(gone)
        return Reply(ClearChargingProfileResponse(status=ClearChargingProfileStatus.Accepted), self.apply_all)

    def _remove(self, gone: tuple[Installed, ...]) -> None:
        self._delete(gone)
        self._installed = tuple(one for one in self._installed if one not in gone)

    # A profile in RemoteStartTransaction.

    def promise(self, connector: int, profile: ChargingProfile) -> bool:
        """A remote start brings a profile for a gun (0: not yet known); return whether it can be kept (§5.11)."""
        if connector and not self._has_profiles(connector):
            return True  # CHAdeMO: the profile is ignored
        wrong = self._not_for_a_remote_start(profile) or what_is_wrong(profile, self._terms())
        wrong = wrong or self._is_full(self._numbered(connector, profile, None))
        if wrong is not None:
            self._refuse("RemoteStartTransaction", f"chargingProfile: {wrong}")
            return False
        self._promised, self._promised_to = profile, 0
        return True

    @staticmethod
    def _not_for_a_remote_start(profile: ChargingProfile) -> str | None:
        if profile.chargingProfilePurpose is not TX:
            return f"expected a TxProfile, came {profile.chargingProfilePurpose}"
        if isinstance(profile.transactionId, int):
            return f"expected no transactionId, came {profile.transactionId}"
        return None

    def keep_promise(self, connector: int) -> None:
        """The remote start begins its transaction on this gun now."""
        self._promised_to = connector

    def forget_promise(self) -> None:
        """The remote start is over, whatever came of it."""
        self._promised = None
        self._promised_to = 0

    # The course of a transaction.

    def begun(self, transaction: Transaction, now: float) -> None:
        """A transaction begins: its limit holds before any energy flows."""
        connector = transaction.connector
        if self._promised is not None and self._promised_to == connector:
            if self._has_profiles(connector):
                self._install(self._numbered(connector, self._promised, transaction))
            self.forget_promise()
        self._apply(connector, now)

    def ended(self, transaction: Transaction) -> None:
        """A transaction ended, and its profiles with it (§3.13.1)."""
        self._remove(tuple(one for one in self._installed if one.local == transaction.local))
        self._timers.stop(Timer.LIMIT_1 + transaction.connector - 1)
        self._power.allow(transaction.connector, None)

    def apply_all(self, now: float) -> None:
        """The profiles or the clock have changed: see what every gun may give now."""
        for transaction in self._transactions.running:
            self.apply(transaction.connector, now)

    def apply(self, connector: int, now: float) -> None:
        """See what a gun with a transaction may give now, and when that changes next."""
        was_held = self._power.is_held(connector)
        self._apply(connector, now)
        if self._power.is_held(connector) is not was_held:
            assert self._sessions is not None, "the station joins its blocks first"
            self._sessions.held_changed(connector, now)

    def _apply(self, connector: int, now: float) -> None:
        transaction = self._transactions.on(connector)
        assert transaction is not None, f"a limit on connector {connector} needs a transaction"
        profiles = self._for(connector, transaction.local)
        limit_w, next_change = None, inf
        if profiles:
            begin_s = self._clock.wall(now)
            begin_ms = milliseconds(begin_s)
            horizon_ms = begin_ms + (AMPERES_HORIZON_MS if any(map(_is_in_amperes, profiles)) else HORIZON_MS)
            found = limits(
                self._in_watts(profiles, connector, now), self._started_ms(transaction), begin_ms, horizon_ms
            )
            limit_w = found[0].limit_w
            next_change = now + ((found[1].at_ms if len(found) > 1 else horizon_ms) / 1000 - begin_s)
        self._power.allow(connector, limit_w)
        self._timers.set(Timer.LIMIT_1 + connector - 1, next_change)

    def _started_ms(self, transaction: Transaction) -> int:
        """By the present clock: one that was corrected since does not move Relative profiles."""
        return milliseconds(self._clock.wall(transaction.started_at))

    # Amperes, by option (reading A23).

    def _in_watts(self, profiles: list[ChargingProfile], connector: int, now: float) -> list[ChargingProfile]:
        if not any(map(_is_in_amperes, profiles)):
            return profiles
        voltage_v = self._hardware.reading(connector, now).voltage_v or LEAST_VOLTAGE_V
        return [_times(profile, voltage_v) if _is_in_amperes(profile) else profile for profile in profiles]

    # GetCompositeSchedule.

    def composite(self, request: GetCompositeScheduleRequest, now: float) -> GetCompositeScheduleResponse:
        """What a gun, or with connector 0 the station, is expected to give at most from now on (§5.7)."""
        connector = request.connectorId
        unit = (
            request.chargingRateUnit if isinstance(request.chargingRateUnit, ChargingRateUnit) else ChargingRateUnit.W
        )
        wrong = self._no_composite(connector, request.duration, unit, now)
        if wrong is not None:
            self._refuse("GetCompositeSchedule", wrong)
            return GetCompositeScheduleResponse(status=GetCompositeScheduleStatus.Rejected)
        duration_s = min(request.duration, COMPOSITE_LIMIT_S)
        found = self._expected(connector, max(duration_s, 1), now)
        if unit is ChargingRateUnit.A:
            voltage_v = self._hardware.reading(connector, now).voltage_v
            found = [Limit(one.at_ms, _tenths((one.limit_w or 0.0) / voltage_v)) for one in found]
        return GetCompositeScheduleResponse(
            status=GetCompositeScheduleStatus.Accepted,
            connectorId=connector,
            scheduleStart=self._clock.timestamp(now),
            chargingSchedule=ChargingSchedule(
                duration=duration_s,
                chargingRateUnit=unit,
                chargingSchedulePeriod=periods(found, max(duration_s, 1)),
            ),
        )

    def expected(self, connector: int, duration_s: int, now: float) -> tuple[ChargingSchedulePeriod, ...]:
        """The same in W for people: of a gun or, with 0, of the station, for 1 to `COMPOSITE_LIMIT_S` seconds."""
        return periods(self._expected(connector, duration_s, now), duration_s)

    def _no_composite(self, connector: int, duration_s: int, unit: ChargingRateUnit, now: float) -> str | None:
        if not 0 <= connector <= len(self._model.outputs):
            return f"expected connectorId 0 to {len(self._model.outputs)}, came {connector}"
        if duration_s < 0:
            return f"expected a duration of 0 or more, came {duration_s}"
        if unit is ChargingRateUnit.W:
            return None
        if not self._accepts_amperes:
            return "expected chargingRateUnit W, came A"
        if connector == 0 or self._hardware.reading(connector, now).voltage_v <= 0.0:
            return f"expected chargingRateUnit W, came A, but connector {connector} has no DC voltage now"
        return None

    def _expected(self, connector: int, duration_s: int, now: float) -> list[Limit]:
        if connector == 0:
            guns = [self._expected(number, duration_s, now) for number in range(1, len(self._model.outputs) + 1)]
            return capped(total(guns), self._power.most_w(0))
        begin_ms = milliseconds(self._clock.wall(now))
        transaction = self._transactions.on(connector)
        if transaction is None:
            profiles, started_ms = self._for(connector, None), begin_ms
        else:
            profiles, started_ms = self._for(connector, transaction.local), self._started_ms(transaction)
        found = limits(self._in_watts(profiles, connector, now), started_ms, begin_ms, begin_ms + duration_s * 1000)
        return capped(found, self._power.most_w(connector))


def _key(one: Installed) -> str:
    return str(one.profile.chargingProfileId)


def _matches(one: Installed, request: ClearChargingProfileRequest) -> bool:
    """An id stands alone; otherwise everything that is given must fit."""
    profile = one.profile
    if isinstance(request.id, int):
        return profile.chargingProfileId == request.id
    wanted = (
        (request.connectorId, one.connector),
        (request.chargingProfilePurpose, profile.chargingProfilePurpose),
        (request.stackLevel, profile.stackLevel),
    )
    return all(criterion is msgspec.UNSET or criterion == value for criterion, value in wanted)


def _is_in_amperes(profile: ChargingProfile) -> bool:
    return profile.chargingSchedule.chargingRateUnit is ChargingRateUnit.A


def _times(profile: ChargingProfile, voltage_v: float) -> ChargingProfile:
    """A profile in amperes as one in watts."""
    schedule = profile.chargingSchedule
    rows = tuple(
        msgspec.structs.replace(period, limit=_tenths(period.limit * voltage_v))
        for period in schedule.chargingSchedulePeriod
    )
    watts = msgspec.structs.replace(schedule, chargingRateUnit=ChargingRateUnit.W, chargingSchedulePeriod=rows)
    return msgspec.structs.replace(profile, chargingSchedule=watts)


def _tenths(value: float) -> float:
    """One decimal, never more than it was."""
    return floor(value * 10.0) / 10.0
