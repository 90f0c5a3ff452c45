"""What can happen on a site: what drivers and operators do, and what goes wrong. A row each, drawn by weight."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from forecourt.cabinet.archetypes import ARCHETYPES, NAMES
from forecourt.evlink.faults import FAULTS
from forecourt.ocpp.core import (
    AvailabilityType,
    ChangeAvailabilityRequest,
    ChangeConfigurationRequest,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ResetRequest,
    ResetType,
)
from forecourt.ocpp.remote_trigger import MessageTrigger, TriggerMessageRequest
from forecourt.ocpp.reservation import CancelReservationRequest, ReserveNowRequest
from forecourt.ocpp.smart_charging import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    ClearChargingProfileRequest,
    SetChargingProfileRequest,
)
from forecourt.ocpp.types import from_epoch
from forecourt.supervision.facts import IdTagSet
from forecourt.world.moods import Mood

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.ocpp.types import Record
    from forecourt.world.play import Play
    from forecourt.world.simulated_station import SimulatedStation

GOOD_TAGS = ("ANN", "BOB", "CLEO", "DAVE")
"""CLEO and DAVE are of one group."""
BAD_TAGS = ("BLOCKED", "EXPIRED", "NOBODY")
CHANGEABLE = (
    ("MeterValueSampleInterval", ("30", "300", "0")),
    ("HeartbeatInterval", ("60", "3600")),
    ("WebSocketPingInterval", ("0", "30")),
    ("ClockAlignedDataInterval", ("0", "900")),
    ("StopTransactionOnEVSideDisconnect", ("true", "true", "false")),
)


def register_tags(play: Play) -> None:
    """The operator's register."""
    supervision = play.world.supervision
    supervision.register("ANN", "BOB")
    supervision.register("CLEO", "DAVE", parent="FAMILY")
    supervision.register("BLOCKED", status="Blocked")
    supervision.edit(IdTagSet("EXPIRED", expiryDate=from_epoch(play.world.clock_s - 86_400)))


def happen(play: Play, name: str, station: SimulatedStation) -> None:
    """Let this happen at this station, if it can now."""
    if name in _OF_THE_WORLD:
        _OF_THE_WORLD[name](play, station)
    elif station.has_power:
        _HAPPENINGS[name](play, station)


# Drivers.


def _gun(play: Play, station: SimulatedStation) -> int:
    return 1 + play.dice.below(len(station.cabinet.figures.guns))


def _plug(play: Play, station: SimulatedStation) -> None:
    gun = _gun(play, station)
    car = ARCHETYPES[play.dice.one_of(NAMES)]
    if not station.cabinet.plugged(gun) and station.cabinet.figures.guns[gun - 1].output in car.inlets:
        station.plug(gun, car.charged_to(float(10 + play.dice.below(60))))


def _unplug(play: Play, station: SimulatedStation) -> None:
    gun = _gun(play, station)
    if station.cabinet.plugged(gun):
        station.unplug(gun)


def _badge(play: Play, station: SimulatedStation) -> None:
    station.show(_gun(play, station))
    if station.has_power:
        station.badge(play.dice.one_of(GOOD_TAGS))


def _bad_badge(play: Play, station: SimulatedStation) -> None:
    station.badge(play.dice.one_of(BAD_TAGS))


def _pause(play: Play, station: SimulatedStation) -> None:
    gun = _gun(play, station)
    if station.cabinet.plugged(gun):
        (station.pause_car if play.dice.chance(50) else station.resume_car)(gun)


# The operator.


def _command(play: Play, station: SimulatedStation, request: Record) -> None:
    play.world.supervision.command(station.identity, request)


def _remote_start(play: Play, station: SimulatedStation) -> None:
    tag = play.dice.one_of(GOOD_TAGS if play.dice.chance(80) else BAD_TAGS)
    _command(play, station, RemoteStartTransactionRequest(idTag=tag, connectorId=_gun(play, station)))


def _remote_stop(play: Play, station: SimulatedStation) -> None:
    known = [gun.transaction.transactionId for gun in station.snapshot().connectors if gun.transaction is not None]
    number = play.dice.one_of(known) if known else None
    if number is not None:
        _command(play, station, RemoteStopTransactionRequest(transactionId=number))


def _reserve(play: Play, station: SimulatedStation) -> None:
    expires = from_epoch(play.world.clock_s) + timedelta(seconds=300 + play.dice.below(7200))
    number = 1 + play.dice.below(6)
    tag = play.dice.one_of(GOOD_TAGS)
    request = ReserveNowRequest(
        connectorId=_gun(play, station), expiryDate=expires.replace(microsecond=0), idTag=tag, reservationId=number
    )
    _command(play, station, request)


def _cancel(play: Play, station: SimulatedStation) -> None:
    _command(play, station, CancelReservationRequest(reservationId=1 + play.dice.below(6)))


def _limit(play: Play, station: SimulatedStation) -> None:
    limit_w = float(play.dice.one_of((1000, 7_000, 20_000, 60_000, 100_000)))
    schedule = ChargingSchedule(
        chargingRateUnit=ChargingRateUnit.W,
        chargingSchedulePeriod=(ChargingSchedulePeriod(startPeriod=0, limit=limit_w),),
        startSchedule=from_epoch(play.start_s),
    )
    profile = ChargingProfile(
        chargingProfileId=1,
        stackLevel=0,
        chargingProfilePurpose=ChargingProfilePurpose.TxDefaultProfile,
        chargingProfileKind=ChargingProfileKind.Absolute,
        chargingSchedule=schedule,
    )
    _command(play, station, SetChargingProfileRequest(connectorId=0, csChargingProfiles=profile))


def _no_limit(play: Play, station: SimulatedStation) -> None:
    _command(play, station, ClearChargingProfileRequest())


def _availability(play: Play, station: SimulatedStation) -> None:
    kind = AvailabilityType.Inoperative if play.dice.chance(30) else AvailabilityType.Operative
    number = play.dice.below(len(station.cabinet.figures.guns) + 1)
    _command(play, station, ChangeAvailabilityRequest(connectorId=number, type=kind))


def _key(play: Play, station: SimulatedStation) -> None:
    name, values = play.dice.one_of(CHANGEABLE)
    _command(play, station, ChangeConfigurationRequest(key=name, value=play.dice.one_of(values)))


def _reset(play: Play, station: SimulatedStation) -> None:
    kind = ResetType.Soft if play.dice.chance(60) else ResetType.Hard
    _command(play, station, ResetRequest(type=kind))


def _trigger(play: Play, station: SimulatedStation) -> None:
    message = play.dice.one_of(
        (MessageTrigger.Heartbeat, MessageTrigger.MeterValues, MessageTrigger.StatusNotification)
    )
    _command(play, station, TriggerMessageRequest(requestedMessage=message))


def _list(play: Play, station: SimulatedStation) -> None:
    _command(play, station, ChangeConfigurationRequest(key="LocalAuthListEnabled", value="true"))
    play.world.supervision.give_local_list(station.identity)


# What goes wrong at a station.


def _spell_s(play: Play) -> float:
    return play.dice.one_of((5.0, 60.0, 600.0, 3600.0))


def _for_a_while(play: Play, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Begin it now, and end it after a while unless the faults have ended by then."""
    begin()
    play.world.later(_spell_s(play), end)


def _link_drops(play: Play, station: SimulatedStation) -> None:
    station.line.drop(1006, "the world cut it")


def _network_down(play: Play, station: SimulatedStation) -> None:
    _for_a_while(play, station.network_down, station.network_up)


def _link_falls_silent(play: Play, station: SimulatedStation) -> None:
    station.line.fall_silent()


def _jitter(play: Play, station: SimulatedStation) -> None:
    line = station.line
    line.jitter_s = play.dice.one_of((0.5, 5.0, 40.0))
    play.world.later(_spell_s(play), lambda: setattr(line, "jitter_s", 0.0))


def _late_notice(play: Play, station: SimulatedStation) -> None:
    line = station.line
    line.notice_s = play.dice.one_of((1.0, 30.0, 300.0))
    play.world.later(_spell_s(play), lambda: setattr(line, "notice_s", 0.0))


def _power_comes_back(play: Play, station: SimulatedStation) -> None:
    dark_s = play.dice.one_of((1.0, 20.0, 400.0))
    play.world.later(dark_s, lambda: play.power_up(station))


def _power_cut(play: Play, station: SimulatedStation) -> None:
    station.cut()
    _power_comes_back(play, station)


def _cut_after_effects(play: Play, station: SimulatedStation) -> None:
    """The cut comes between two effects; `Play.tick` sees to the power's return."""
    if station.cut_after is None:
        station.cut_after = 1 + play.dice.below(12)


def _power_fades(play: Play, station: SimulatedStation) -> None:
    station.power_off()
    play.world.later(30.0 + play.dice.below(300), lambda: play.power_up(station))


def _slow_disk(play: Play, station: SimulatedStation) -> None:
    disk = station.disk
    disk.delay_s = play.dice.one_of((0.05, 2.0, 20.0))
    play.world.later(_spell_s(play), lambda: setattr(disk, "delay_s", 0.0))


def _full_disk(play: Play, station: SimulatedStation) -> None:
    disk = station.disk
    disk.fails = True
    play.world.later(_spell_s(play), lambda: setattr(disk, "fails", False))


def _clock(play: Play, station: SimulatedStation) -> None:
    station.clock_error_s = play.dice.between(-120.0, 120.0)


def _vendor_error(play: Play, station: SimulatedStation) -> None:
    dtc, gun = play.dice.one_of(FAULTS).dtc, _gun(play, station)
    station.fault(dtc, gun)

    def clear() -> None:
        if station.has_power:
            station.clear(dtc, gun)

    play.world.later(_spell_s(play), clear)


# What goes wrong at the supervision.


def _mood(play: Play, station: SimulatedStation) -> None:
    supervision = play.supervision
    supervision.mood = play.dice.one_of(list(Mood))
    supervision.percent = play.dice.one_of((5, 30, 100))
    play.world.later(_spell_s(play), lambda: setattr(supervision, "mood", Mood.FRIENDLY))


def _supervision_crashes(play: Play, station: SimulatedStation) -> None:
    play.supervision.crash(play.dice.one_of((0.0, 5.0, 120.0)))


def _supervision_forgets(play: Play, station: SimulatedStation) -> None:
    play.supervision.lose_memory()


def _slow_ledger(play: Play, station: SimulatedStation) -> None:
    supervision = play.supervision
    supervision.commit_s = play.dice.one_of((0.1, 5.0, 35.0))
    play.world.later(_spell_s(play), lambda: setattr(supervision, "commit_s", 0.0))


def _full_ledger(play: Play, station: SimulatedStation) -> None:
    supervision = play.supervision
    supervision.commit_fails = True
    play.world.later(_spell_s(play), lambda: setattr(supervision, "commit_fails", False))


_HAPPENINGS: dict[str, Callable[[Play, SimulatedStation], None]] = {
    "plug": _plug,
    "badge": _badge,
    "bad badge": _bad_badge,
    "unplug": _unplug,
    "pause": _pause,
    "remote start": _remote_start,
    "remote stop": _remote_stop,
    "reserve": _reserve,
    "cancel": _cancel,
    "limit": _limit,
    "no limit": _no_limit,
    "availability": _availability,
    "key": _key,
    "reset": _reset,
    "trigger": _trigger,
    "list": _list,
    "link drops": _link_drops,
    "network down": _network_down,
    "link falls silent": _link_falls_silent,
    "jitter": _jitter,
    "late notice": _late_notice,
    "power cut": _power_cut,
    "cut after effects": _cut_after_effects,
    "power fades": _power_fades,
    "slow disk": _slow_disk,
    "full disk": _full_disk,
    "clock": _clock,
    "vendor error": _vendor_error,
}
"""At a station that lives."""

_OF_THE_WORLD: dict[str, Callable[[Play, SimulatedStation], None]] = {
    "mood": _mood,
    "supervision crashes": _supervision_crashes,
    "supervision forgets": _supervision_forgets,
    "slow ledger": _slow_ledger,
    "full ledger": _full_ledger,
}
"""At the supervision, whether stations live or not."""
