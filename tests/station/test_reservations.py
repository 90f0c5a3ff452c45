"""The block of the reservations: the list, who is admitted, and which guns are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import Any

import msgspec
import pytest

from forecourt.evlink.faults import find_fault
from forecourt.ocpp.core import ChargePointStatus as Status
from forecourt.ocpp.reservation import CancelReservationRequest, ReserveNowRequest
from forecourt.station import events as happened
from forecourt.station.availability import KEY as AVAILABILITY_KEY
from forecourt.station.availability import KIND as AVAILABILITY_KIND
from forecourt.station.availability import Availability
from forecourt.station.connector import Connectors
from forecourt.station.effects import LogEvent, SaveRecord, SendFrame
from forecourt.station.reservations import KEY, KIND, NO_RESERVATIONS, Reservation, Reservations
from forecourt.station.transactions import Transactions
from tests.station_bench import EPOCH_S, Bench
from tests.station_rig import Rig

GROUND_ERROR = find_fault("0x100206")


class Guns:
    """Cables as the test says; a gun given back is Available, or Preparing with a cable."""

    def __init__(self, connectors: Connectors) -> None:
        self.connectors = connectors
        self.plugged: set[int] = set()

    def is_plugged(self, connector: int) -> bool:
        return connector in self.plugged

    def reopen(self, connector: int, now: float) -> None:
        self.connectors.move(connector, Status.Available, now)
        if connector in self.plugged:
            self.connectors.move(connector, Status.Preparing, now)


class Parents:
    """What list and cache know."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def parent_of(self, id_tag: str) -> str | None:
        return self.known.get(id_tag)


class Site(Bench):
    """The block with two guns at rest."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None) -> None:
        super().__init__(records)
        self.set_key("MinimumStatusDuration", "0")
        self.connectors = Connectors(2, self.configuration, self.calls, self.clock, self.timers, False)
        transactions = Transactions("1", {}, self.queue, self.clock, self.hardware, self.effects)
        self.parents = Parents()
        self.block = Reservations(
            self.configuration,
            self.records,
            self.connectors,
            Availability(2, self.records, transactions, self.effects),
            self.parents,
            self.clock,
            self.timers,
            self.effects,
        )
        self.guns = Guns(self.connectors)
        self.block.connect(self.guns)

    def reserve(
        self, connector: int, number: int = 1, id_tag: str = "MINE", at_s: float = 600.0, **optional: Any
    ) -> str:
        request = ReserveNowRequest(
            connectorId=connector,
            expiryDate=datetime.fromtimestamp(EPOCH_S + at_s, UTC),
            idTag=id_tag,
            reservationId=number,
            **optional,
        )
        status = self.block.reserve(request, 0.0).status
        self.block.settle(0.0)
        return status.value

    def statuses(self) -> str:
        """The letters that the guns' statuses begin with."""
        return "".join(row.status.value[0] for row in self.connectors.guns)

    def numbers(self) -> list[int]:
        return [one.reservationId for one in self.block.all]


def reservation(number: int, connector: int, **optional: Any) -> Reservation:
    return Reservation(number, connector, "MINE", EPOCH_S + 600, **optional)


# The list.


def test_reservation_is_kept_as_it_was_made_and_read_again() -> None:
    site = Site()
    assert site.reserve(2, 5, parentIdTag="FAMILY") == "Accepted"
    expected = (Reservation(5, 2, "MINE", EPOCH_S + 600, "FAMILY"),)
    assert site.block.all == expected
    assert Site(site.kept()).block.all == expected
    assert site.timers.next() == 600.0


@pytest.mark.parametrize("data", [b"", b"[1]", b"{}", b"\xff", b'[{"reservationId":"x"}]'])
def test_record_that_can_not_be_read_is_put_aside(data: bytes) -> None:
    site = Site({(KIND, KEY): data})
    assert site.block.all == ()
    assert not site.block.is_active
    assert [e.name for e in site.effects if isinstance(e, LogEvent)] == ["Record ignored"]


def test_reservation_for_a_gun_that_another_model_had_is_dropped() -> None:
    records = {(KIND, KEY): msgspec.json.encode([reservation(1, 3), reservation(2, 2)])}
    assert Site(records).numbers() == [2]


def test_empty_parent_counts_as_none() -> None:
    site = Site()
    site.reserve(1, parentIdTag="")
    assert site.block.all[0].parentIdTag is None
    site.parents.known["OTHER"] = ""
    assert not site.block.admits(1, "OTHER", "")


def test_stations_without_reservations_share_one_empty_list() -> None:
    site = Site()
    site.reserve(1)
    site.block.cancel(CancelReservationRequest(reservationId=1), 0.0)
    site.block.settle(0.0)
    assert site.block.all is NO_RESERVATIONS
    assert not site.block.is_active
    assert site.timers.next() == inf


def test_first_expirydate_of_several_arms_the_timer_and_ends_only_its_own() -> None:
    site = Site()
    site.reserve(1, 1, at_s=600)
    site.reserve(2, 2, at_s=300)
    assert site.timers.next() == 300.0
    site.timers.pop(300.0)
    site.block.expire(300.0)
    site.block.settle(300.0)
    assert (site.numbers(), site.statuses()) == ([1], "RA")
    assert site.timers.next() == 600.0


# Who is admitted.


@pytest.mark.parametrize(
    ("id_tag", "parent", "known", "admitted", "worth_asking"),
    [
        ("MINE", None, None, True, True),
        ("mine", "X", None, True, True),
        ("OTHER", None, None, False, True),
        ("OTHER", "FAMILY", None, True, True),
        ("OTHER", "family", None, True, True),
        ("OTHER", "X", None, False, True),
        ("OTHER", None, "FAMILY", True, True),
        ("OTHER", None, "X", False, False),
        ("FAMILY", None, None, False, True),
    ],
)
def test_tag_or_its_parent_admits_to_a_reserved_gun(
    id_tag: str, parent: str | None, known: str | None, admitted: bool, worth_asking: bool
) -> None:
    """The parentIdTag itself is no tag that could start (last row)."""
    site = Site()
    site.reserve(1, parentIdTag="FAMILY")
    if known is not None:
        site.parents.known[id_tag] = known
    assert site.block.admits(1, id_tag, parent) is admitted
    assert site.block.may_admit(1, id_tag) is worth_asking
    assert site.block.admits(2, id_tag, parent), "the other gun is free"


def test_refusal_says_which_gun_and_tag() -> None:
    site = Site()
    site.reserve(1)
    assert not site.block.may_admit(1, "OTHER")
    assert LogEvent("Charging refused", "connector 1 is not reserved for OTHER") in site.effects


def test_use_prefers_the_reservation_of_the_gun_itself() -> None:
    site = Site()
    site.reserve(0, 1)
    site.reserve(2, 2)
    assert site.block.used_by(2, "MINE", None) == 2
    assert site.block.used_by(2, "OTHER", None) is None
    site.block.use(2, 0.0)
    assert site.block.used_by(1, "MINE", None) == 1
    site.block.use(1, 0.0)
    assert site.block.used_by(1, "MINE", None) is None


def test_gun_is_expected_by_the_tag_it_is_reserved_for() -> None:
    site = Site()
    assert not site.block.is_expected(1, "MINE")
    site.reserve(1, parentIdTag="FAMILY")
    site.parents.known["CHILD"] = "FAMILY"
    expected = {tag: site.block.is_expected(1, tag) for tag in ("MINE", "CHILD", "OTHER")}
    assert expected == {"MINE": True, "CHILD": True, "OTHER": False}
    assert not site.block.is_expected(2, "MINE")


# Which guns are kept.

ROWS = [
    # reservations (connector of each), plugged guns, what the guns show before (A, R, P, C, F, U) and after
    ((1,), (), "AA", "RA"),
    ((2,), (), "AA", "AR"),
    ((1, 2), (), "AA", "RR"),
    ((0,), (), "AA", "AA"),
    ((0, 0), (), "AA", "RR"),
    ((0, 1), (), "AA", "RR"),
    ((0,), (1,), "PA", "PR"),
    ((0,), (1, 2), "PR", "PR"),
    ((0,), (2,), "AR", "RP"),
    ((0,), (1,), "CA", "CR"),
    ((0,), (1, 2), "CP", "CP"),
    ((1,), (1,), "RA", "RA"),
    ((1,), (), "PA", "PA"),
    ((), (), "RR", "AA"),
    ((), (1,), "RA", "PA"),
]


@pytest.mark.parametrize(("connectors", "plugged", "before", "after"), ROWS)
def test_guns_show_what_is_kept(connectors: tuple[int, ...], plugged: tuple[int, ...], before: str, after: str) -> None:
    kept = [reservation(number, connector) for number, connector in enumerate(connectors)]
    site = Site({(KIND, KEY): msgspec.json.encode(kept)})
    site.guns.plugged = set(plugged)
    letters = {status.value[0]: status for status in (Status.Available, Status.Preparing, Status.Reserved)}
    letters["C"] = Status.Charging
    for number, letter in enumerate(before, 1):
        site.connectors.begin(number, letters[letter], 0.0)
    site.block.settle(1.0)
    assert site.statuses() == after
    assert site.block.is_active is ("R" in after or bool(connectors))
    site.block.settle(2.0)
    assert site.statuses() == after, "settled is settled"


def test_reservation_ends_with_the_fault_of_its_gun_and_the_gun_is_free_after_it() -> None:
    site = Site()
    site.reserve(1)
    site.connectors.fault(1, GROUND_ERROR, 1.0)
    site.block.settle(1.0)
    assert site.numbers() == []
    assert LogEvent("Reservation ended", "reservation 1: its connector is Faulted or Unavailable") in site.effects
    site.connectors.clear(1, GROUND_ERROR, 2.0)
    assert site.statuses() == "AA"


def test_reservation_ends_when_its_gun_is_wanted_out_of_service() -> None:
    records = {
        (KIND, KEY): msgspec.json.encode([reservation(1, 1), reservation(2, 2)]),
        (AVAILABILITY_KIND, AVAILABILITY_KEY): b"[1]",
    }
    site = Site(records)
    site.connectors.begin(1, Status.Unavailable, 0.0)
    site.block.settle(0.0)
    assert (site.numbers(), site.statuses()) == ([2], "UR")


# In a whole station.


def ask_for_one(rig: Rig, **other: Any) -> Any:
    request = {"connectorId": 1, "idTag": "MINE", "reservationId": 1, "expiryDate": "2026-03-02T09:00:00Z"}
    return rig.ask("ReserveNow", request | other)


def test_promise_is_saved_before_it_is_answered() -> None:
    rig = Rig()
    seen = len(rig.effects)
    assert ask_for_one(rig) == {"status": "Accepted"}
    save, answer, report = rig.effects[seen : seen + 3]
    assert isinstance(save, SaveRecord)
    assert (save.kind, save.gates) == (KIND, True)
    assert isinstance(answer, SendFrame)
    assert answer.frame.startswith(b"[3")
    assert isinstance(report, SendFrame)
    assert b'"Reserved"' in report.frame


def test_reservation_outlives_a_power_cut_before_its_transaction_is_kept() -> None:
    """Neither is the reservation lost before there is a transaction, nor is it there again once there is one."""
    rig = Rig()
    ask_for_one(rig)
    seen = len(rig.effects)
    rig.plug(1)
    rig.badge("MINE")
    saves = [effect for effect in rig.effects[seen:] if isinstance(effect, SaveRecord)]
    places = [save.kind for save in saves]
    assert places.index("queue") < places.index(KIND)
    kept = {(save.kind, save.key): save.data for save in saves[: places.index("queue") + 1]}
    reserved = next(
        effect.data for effect in rig.effects[:seen] if isinstance(effect, SaveRecord) and effect.kind == KIND
    )
    for records, left in (({(KIND, "all"): reserved}, [1]), ({(KIND, "all"): reserved, **kept}, [])):
        site = Site(records)
        assert [one.reservationId for one in site.block.all] == left
        ends = [effect for effect in site.effects if isinstance(effect, SaveRecord) and effect.kind == KIND]
        assert [save.data for save in ends] == ([] if left else [b"[]"]), "nor once that is told and forgotten"


def test_use_of_a_reservation_is_saved_before_its_transaction_is_told() -> None:
    rig = Rig()
    ask_for_one(rig)
    seen = len(rig.effects)
    rig.plug(1)
    rig.badge("MINE")
    kinds = [
        effect.kind if isinstance(effect, SaveRecord) else "told"
        for effect in rig.effects[seen:]
        if isinstance(effect, SaveRecord) or (isinstance(effect, SendFrame) and b"StartTransaction" in effect.frame)
    ]
    assert kinds[:4] == ["transaction", "queue", KIND, "told"]
    assert rig.calls("StartTransaction")[0]["reservationId"] == 1


def test_station_without_reservations_does_not_look_for_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event costs the same as before there were reservations."""

    def never(self: Reservations, now: float) -> None:
        raise AssertionError(f"settled at {now}")

    monkeypatch.setattr(Reservations, "settle", never)
    rig = Rig()
    rig.plug(1)
    rig.badge("TAG")
    rig.handle(happened.VehicleDrawing(1))
    rig.wait(100)
    rig.unplug(1)
    assert rig.status(1) == "Available"
