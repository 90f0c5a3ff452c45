"""What the scenarios do not see: records, timers and effects of the block."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from forecourt.ocpp.errors import RemoteError
from forecourt.ocpp.smart_charging import (
    ChargingProfile,
    ClearChargingProfileRequest,
    GetCompositeScheduleRequest,
    SetChargingProfileRequest,
)
from forecourt.station.calls import Reply
from forecourt.station.effects import DeleteRecord, LimitPower, LogEvent, SaveRecord
from forecourt.station.power import Power
from forecourt.station.smart_charging import HORIZON_MS, KIND, Installed, SmartCharging
from forecourt.station.timers import Timer
from forecourt.station.transactions import Transaction, Transactions
from tests.charging_profiles import Profile, default, of_transaction
from tests.station_bench import Bench


class Rig(Bench):
    """The block with the blocks it stands on."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None, *, accepts_amperes: bool = False) -> None:
        super().__init__(records)
        self.transactions = Transactions("1", self.records, self.queue, self.clock, self.hardware, self.effects)
        self.power = Power(self.configuration, self.model, self.effects)
        self.charging = SmartCharging(
            self.configuration,
            self.records,
            accepts_amperes,
            self.transactions,
            self.power,
            self.clock,
            self.hardware,
            self.model,
            self.timers,
            self.effects,
        )
        self.charging.connect(self)
        self.held: list[tuple[int, float]] = []
        self.transactions.connect(self)

    def held_changed(self, connector: int, now: float) -> None:
        """In the place of the sessions."""
        self.held.append((connector, now))

    def refused(self, transaction: Transaction, now: float) -> None:
        """Nobody is."""

    def begun(self, transaction: Transaction, now: float) -> None:
        """In the place of the station."""
        self.charging.begun(transaction, now)

    def ended(self, transaction: Transaction, clock_s: float, now: float) -> tuple[()]:
        """In the place of the station."""
        self.charging.ended(transaction)
        return ()

    def set_profile(self, profile: Profile, connector: int = 1, now: float = 0.0) -> str:
        """SetChargingProfile, with what follows the answer."""
        request = {"connectorId": connector, "csChargingProfiles": profile}
        reply = self.charging.set_profile(msgspec.convert(request, SetChargingProfileRequest), now)
        return self.follow(reply, now)

    @staticmethod
    def follow(reply: Any, now: float) -> str:
        """Do what follows an answer; its status."""
        if isinstance(reply, Reply):
            reply.then(now)
            reply = reply.response
        return str(reply.status)

    def begin(self, connector: int = 1, now: float = 0.0) -> Transaction:
        """A transaction."""
        return self.transactions.begin(connector, "TAG", None, now)

    def ids(self) -> list[int]:
        """What is installed."""
        return [one.profile.chargingProfileId for one in self.charging.installed]


@pytest.fixture
def rig() -> Rig:
    """A station without profiles."""
    return Rig()


def stored(number: int, connector: int, profile: Profile, local: str = "") -> bytes:
    return msgspec.json.encode(Installed(number, connector, msgspec.convert(profile, ChargingProfile), local))


def test_profile_is_saved_before_it_is_answered_and_applied_after(rig: Rig) -> None:
    rig.begin()
    rig.effects.clear()
    request = {"connectorId": 1, "csChargingProfiles": default(7)}
    reply = rig.charging.set_profile(msgspec.convert(request, SetChargingProfileRequest), 0.0)
    assert [(type(effect), getattr(effect, "key", "")) for effect in rig.effects] == [(SaveRecord, "7")]
    rig.follow(reply, 0.0)
    assert rig.effects[1:] == [LimitPower(1, 30_000.0)]


def test_replacing_saves_the_new_one_before_it_deletes_the_old(rig: Rig) -> None:
    rig.set_profile(default(1))
    rig.effects.clear()
    rig.set_profile(default(2))
    assert [(type(effect), getattr(effect, "key", "")) for effect in rig.effects] == [
        (SaveRecord, "2"),
        (DeleteRecord, "1"),
    ]


def test_replacing_by_id_overwrites_the_record(rig: Rig) -> None:
    rig.set_profile(default(1))
    rig.effects.clear()
    rig.set_profile(default(1, level=5), 2)
    assert [type(effect) for effect in rig.effects] == [SaveRecord]


def test_of_two_records_that_can_not_stand_together_the_later_one_counts() -> None:
    records = {(KIND, "1"): stored(4, 1, default(1)), (KIND, "2"): stored(3, 1, default(2))}
    rig = Rig(records)
    assert rig.ids() == [1]
    assert rig.effects == [DeleteRecord(KIND, "2")]
    rig.set_profile(default(3, level=1))
    assert max(one.number for one in rig.charging.installed) == 5


def test_record_of_a_transaction_that_is_gone_is_deleted() -> None:
    rig = Rig({(KIND, "1"): stored(1, 1, of_transaction(1), "f-1-0")})
    assert rig.ids() == []
    assert rig.effects == [DeleteRecord(KIND, "1")]


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"number":1,"connector":1,"profile":{}}'])
def test_record_that_is_none_is_ignored_and_logged(data: bytes) -> None:
    rig = Rig({(KIND, "1"): data, (KIND, "2"): stored(1, 0, default(2))})
    assert rig.ids() == [2]
    (event,) = rig.effects
    assert isinstance(event, LogEvent)
    assert event.name == "Record ignored"
    assert event.detail.startswith("profile 1: ")


def test_timer_of_a_gun_is_armed_for_the_next_change_and_then_for_the_horizon(rig: Rig) -> None:
    rig.set_profile(default(1, (0, 30_000), (600, 20_000)))
    assert not rig.timers.is_set(Timer.LIMIT_1), "without a transaction there is nothing to limit"
    rig.begin()
    assert rig.timers.next() == pytest.approx(600.0, abs=1e-6)
    due = rig.timers.next()
    assert rig.timers.pop(due) == Timer.LIMIT_1
    rig.charging.apply(1, due)
    assert rig.power.profile_w(1) == 20_000
    assert rig.timers.next() == pytest.approx(600.0 + HORIZON_MS / 1000)
    rig.charging.clear(ClearChargingProfileRequest(), due)
    rig.charging.apply_all(due)
    assert not rig.timers.is_set(Timer.LIMIT_1)


def test_timer_of_the_other_gun_is_its_own(rig: Rig) -> None:
    rig.set_profile(default(1, (0, 30_000), (600, 20_000)), 2)
    rig.begin(2)
    assert rig.timers.is_set(Timer.LIMIT_2)
    assert not rig.timers.is_set(Timer.LIMIT_1)


def test_timer_stops_and_the_limit_goes_with_the_transaction(rig: Rig) -> None:
    rig.set_profile(default(1, (0, 30_000), (600, 20_000)))
    rig.begin()
    rig.set_profile(of_transaction(2, (0, 10_000)))
    rig.effects.clear()
    transaction = rig.transactions.on(1)
    assert transaction is not None
    rig.charging.ended(transaction)
    assert rig.effects == [DeleteRecord(KIND, "2"), LimitPower(1, None)]
    assert not rig.timers.is_set(Timer.LIMIT_1)


def test_sessions_hear_only_of_held_and_no_longer_held(rig: Rig) -> None:
    rig.begin()
    for now, limit_w in enumerate((30_000, 0, 0, 20_000, 10_000)):
        rig.set_profile(default(1, (0, limit_w)), now=float(now))
    assert rig.held == [(1, 1.0), (1, 3.0)]


def test_beginning_at_0_is_the_sessions_own_to_see(rig: Rig) -> None:
    rig.set_profile(default(1, (0, 0)))
    rig.begin()
    assert rig.power.is_held(1)
    assert rig.held == []


def test_promise_is_kept_for_the_gun_that_was_named_only(rig: Rig) -> None:
    profile = msgspec.convert(of_transaction(7), ChargingProfile)
    assert rig.charging.promise(0, profile)
    rig.begin(2)
    assert rig.ids() == []
    rig.charging.keep_promise(1)
    rig.begin(1)
    assert rig.ids() == [7]
    assert rig.charging.installed[0].local == "1-1-0"


def test_promise_that_is_forgotten_is_not_kept(rig: Rig) -> None:
    assert rig.charging.promise(1, msgspec.convert(of_transaction(7), ChargingProfile))
    rig.charging.keep_promise(1)
    rig.charging.forget_promise()
    rig.begin(1)
    assert rig.ids() == []


def test_unknown_connector_leaves_a_line_in_the_log(rig: Rig) -> None:
    with pytest.raises(RemoteError, match="expected connectorId 0 to 2, came 3"):
        rig.set_profile(default(), 3)
    assert rig.effects == []


def test_amperes_without_a_voltage_count_with_the_lowest() -> None:
    rig = Rig(accepts_amperes=True)
    rig.set_profile(default(1, (0, 100), chargingRateUnit="A"))
    rig.begin()
    assert rig.power.profile_w(1) == 15_000
    assert rig.timers.next() == pytest.approx(5.0)
    rig.hardware.readings[1] = msgspec.structs.replace(rig.hardware.readings[1], voltage_v=400.04)
    rig.charging.apply(1, 5.0)
    assert rig.power.profile_w(1) == 40_004
    asked = GetCompositeScheduleRequest(connectorId=1, duration=60)
    answer = msgspec.to_builtins(rig.charging.composite(asked, 5.0))
    assert [row["limit"] for row in answer["chargingSchedule"]["chargingSchedulePeriod"]] == [40_004]
