"""When stations are told what their sessions cost: on a table, with virtual time."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import AvailabilityType, ChangeAvailabilityRequest, ClearCacheRequest
from forecourt.supervision.facts import (
    GunFreed,
    Policy,
    PolicySet,
    SessionPriced,
    TariffAssigned,
    TariffPictureSet,
    TariffSet,
    TariffShown,
)
from forecourt.supervision.pricing import SESSIONS
from forecourt.supervision.tabletop import IDENTITY, Tabletop
from forecourt.supervision.tariffs import Tariff

if TYPE_CHECKING:
    from collections.abc import Iterator

ENERGY = Tariff(name="energy", currency="EUR", pricePerKWh=Decimal("0.50"))
IDLE = Tariff(name="idle", currency="EUR", pricePerKWh=Decimal("0.50"), idleFeePerMinute=Decimal("0.60"))
ACCEPTED = {"status": "Accepted"}
INTERVAL_S = 30.0


class Site:
    """A supervision whose stations answer CostUpdated with `reply`, or not at all."""

    def __init__(self, tariff: Tariff | None = ENERGY) -> None:
        self.table = Tabletop()
        self.table.edit(PolicySet(Policy(accept_unknown_id_tags=True, concurrent_transactions=True)))
        if tariff is not None:
            self.table.edit(TariffSet(tariff))
            self.table.edit(TariffAssigned("", 0, tariff.name))
        self.reply: dict[str, Any] | None = ACCEPTED
        self.told: list[tuple[float, str, dict[str, Any]]] = []
        """When, which station, and the data."""
        self._answered: dict[int, int] = {}
        self._identities: dict[int, str] = {}

    def boot(self, identity: str = IDENTITY) -> int:
        link = self.table.boot(identity)
        self._identities[link] = identity
        return link

    def connect(self, identity: str = IDENTITY) -> int:
        link = self.table.connect(identity)
        self._identities[link] = identity
        return link

    def wait(self, seconds: float) -> None:
        """Let time pass from deadline to deadline, and stations answer what they are sent."""
        until = self.table.now + seconds
        while True:
            self._answer()
            deadline = self.table.core.next_deadline()
            if deadline > until:
                break
            self.table.wait(max(0.0, deadline - self.table.now))
        self.table.wait(max(0.0, until - self.table.now))
        self._answer()

    def _answer(self) -> None:
        while new := [*self._new_calls()]:
            for link, call in new:
                self._answered[link] = self._answered.get(link, 0) + 1
                if call[2] == "DataTransfer" and call[3]["messageId"] == "CostUpdated":
                    data = msgspec.json.decode(call[3]["data"])
                    self.told.append((self.table.now, self._identities[link], data))
                    reply = self.reply
                else:
                    reply = ACCEPTED
                if reply is not None:
                    self.table.receive(msgspec.json.encode([3, call[1], reply]), link)
            self.table.wait(0.0)

    def _new_calls(self) -> Iterator[tuple[int, list[Any]]]:
        for link in self._identities:
            if link not in self.table.closed:
                for call in self.table.calls(link)[self._answered.get(link, 0) :]:
                    yield link, call

    @property
    def costs(self) -> list[float]:
        """What was told, in order."""
        return [data["totalCost"] for _, _, data in self.told]

    def start(self, link: int = 1, connector: int = 1, meter_wh: int = 0) -> int:
        request = {"connectorId": connector, "idTag": "BADGE", "meterStart": meter_wh, "timestamp": self.stamp()}
        number = self.table.result("StartTransaction", request, link)["transactionId"]
        assert isinstance(number, int)
        self.wait(0.0)
        return number

    def meter(self, number: int, wh: int, link: int = 1, connector: int = 1) -> None:
        values = [{"timestamp": self.stamp(), "sampledValue": [{"value": str(wh)}]}]
        request = {"connectorId": connector, "transactionId": number, "meterValue": values}
        self.table.result("MeterValues", request, link)

    def stop(self, number: int, wh: int, link: int = 1, reason: str = "Local") -> None:
        request = {"transactionId": number, "meterStop": wh, "timestamp": self.stamp(), "reason": reason}
        self.table.result("StopTransaction", request, link)
        self.wait(0.0)

    def status(self, status: str, link: int = 1, connector: int = 1) -> None:
        request = {"connectorId": connector, "status": status, "errorCode": "NoError", "timestamp": self.stamp()}
        self.table.result("StatusNotification", request, link)
        self.wait(0.0)

    def stamp(self) -> str:
        return datetime.fromtimestamp(self.table.now, UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def site() -> Site:
    """A site with one booted station and a price of 0.50 EUR a kWh everywhere."""
    site = Site()
    site.boot()
    return site


@pytest.mark.requirement("GUIDE-COST-12")
def test_cost_is_told_again_whenever_it_has_changed(site: Site) -> None:
    number = site.start()
    for wh in (1000, 2000, 3000):
        site.meter(number, wh)
        site.wait(INTERVAL_S)
    assert site.costs == [0, 0.5, 1, 1.5]
    assert site.told[-1][2] == {
        "currency": "EUR",
        "method": "CostUpdated",
        "connectID": 1,
        "totalCost": 1.5,
        "transactionId": number,
    }


@pytest.mark.requirement("GUIDE-COST-12")
def test_cost_that_has_not_changed_is_not_told_again(site: Site) -> None:
    number = site.start()
    site.meter(number, 1000)
    site.wait(20 * INTERVAL_S)
    assert site.costs == [0, 0.5]


def test_many_values_within_an_interval_are_told_as_one_the_latest(site: Site) -> None:
    number = site.start()
    site.wait(INTERVAL_S)
    begun = site.table.now
    for wh in range(100, 3100, 100):
        site.meter(number, wh)
        site.wait(1.0)
    site.wait(INTERVAL_S)
    since = [cost for at_s, _, cost in site.told if at_s > begun]
    assert len(since) == 2
    assert since[-1]["totalCost"] == 1.5


def test_register_that_falls_lowers_no_running_cost(site: Site) -> None:
    number = site.start()
    for wh in (3000, 1000):
        site.meter(number, wh)
        site.wait(INTERVAL_S)
    site.meter(number, 4000)
    site.wait(INTERVAL_S)
    assert site.costs == [0, 1.5, 2]


def test_interval_is_the_policy_s(site: Site) -> None:
    policy = Policy(accept_unknown_id_tags=True, cost_interval_s=300)
    site.table.edit(PolicySet(policy))
    number = site.start()
    for second in range(600):
        site.meter(number, 1000 + second * 10)
        site.wait(1.0)
    assert 2 <= len(site.told) <= 4


def test_final_cost_is_told_at_once(site: Site) -> None:
    number = site.start()
    site.meter(number, 1000)
    site.wait(INTERVAL_S)
    site.stop(number, 1234)
    assert (site.told[-1][0], site.costs[-1]) == (site.table.now, 0.62)


def test_idle_fee_is_told_until_the_gun_is_free() -> None:
    site = Site(IDLE)
    site.boot()
    number = site.start()
    site.stop(number, 1000)
    site.status("Finishing")
    site.wait(10 * 60)
    assert site.costs[-1] >= 0.5 + 9.5 * 0.6
    site.status("Available")
    assert site.costs[-1] == 0.5 + 10 * 0.6
    told = len(site.told)
    site.wait(3600)
    assert len(site.told) == told
    assert site.table.kept(GunFreed) == [GunFreed(IDENTITY, number, site.table.now - 3600)]


def test_car_that_is_unplugged_to_end_pays_no_idle_fee() -> None:
    site = Site(IDLE)
    site.boot()
    number = site.start()
    site.stop(number, 1000, reason="EVDisconnected")
    site.wait(3600)
    assert site.costs[-1] == 0.5


def test_next_session_on_a_gun_ends_the_idle_fee_of_the_one_before() -> None:
    site = Site(IDLE)
    site.boot()
    first = site.start()
    site.stop(first, 1000)
    site.wait(60.0)
    second = site.start(meter_wh=1000)
    site.wait(120.0)
    freed = [fact for fact in site.table.kept(GunFreed) if fact.transactionId == first]
    assert [fact.freed_s for fact in freed] == [site.table.now - 120.0]
    last = {data["transactionId"]: data["totalCost"] for _, _, data in site.told}
    assert last == {first: 1.1, second: 0}


def test_gun_that_says_it_is_free_in_mid_session_and_then_goes_on_is_told_its_cost_again(site: Site) -> None:
    number = site.start()
    site.status("Available")
    site.meter(number, 1000)
    site.wait(INTERVAL_S)
    assert site.costs == [0]
    site.status("Charging")
    site.wait(INTERVAL_S)
    assert site.costs == [0, 0.5]
    freed = [fact.freed_s for fact in site.table.kept(GunFreed)]
    assert (len(freed), freed[-1]) == (2, None)


def test_gun_is_free_after_the_end_at_the_earliest_whatever_its_station_states() -> None:
    site = Site(IDLE)
    site.boot()
    number = site.start()
    earlier = site.stamp()
    site.wait(60.0)
    site.stop(number, 1000)
    request = {"connectorId": 1, "status": "Available", "errorCode": "NoError", "timestamp": earlier}
    site.table.result("StatusNotification", request)
    assert site.table.kept(GunFreed) == [GunFreed(IDENTITY, number, site.table.now)]


def test_both_guns_are_told_each_its_own_cost_one_after_the_other(site: Site) -> None:
    first, second = site.start(connector=1), site.start(connector=2)
    site.meter(first, 2000, connector=1)
    site.meter(second, 4000, connector=2)
    site.reply = None
    site.wait(INTERVAL_S - 1)
    assert len([call for call in site.table.calls() if call[2] == "DataTransfer"]) == 3
    site.reply = ACCEPTED
    site.wait(60.0)
    last = {data["connectID"]: data["totalCost"] for _, _, data in site.told}
    assert last == {1: 1, 2: 2}


def test_station_without_a_tariff_costs_nothing_to_keep() -> None:
    site = Site(None)
    site.boot()
    number = site.start()
    site.meter(number, 1000)
    site.stop(number, 1000)
    site.wait(3600)
    assert (site.told, site.table.kept(SessionPriced), site.table.core.next_deadline()) == ([], [], float("inf"))


def test_station_that_is_free_again_costs_nothing_to_keep(site: Site) -> None:
    number = site.start()
    site.stop(number, 1000)
    site.status("Available")
    assert site.costs == [0, 0.5]
    assert site.table.core.next_deadline() == float("inf")


def test_nothing_is_told_while_the_station_is_offline_and_the_present_cost_after(site: Site) -> None:
    number = site.start()
    site.wait(INTERVAL_S)
    site.table.disconnect(1)
    site.table.closed[1] = (1006, "gone")
    told = len(site.told)
    site.wait(3600)
    assert len(site.told) == told
    link = site.connect()
    site.meter(number, 5000, link)
    site.wait(INTERVAL_S)
    assert site.costs[told:] == [2.5]


def test_cost_the_station_was_told_before_is_told_again_over_a_new_connection(site: Site) -> None:
    number = site.start()
    site.meter(number, 1000)
    site.wait(INTERVAL_S)
    site.table.disconnect(1)
    site.table.closed[1] = (1006, "gone")
    site.connect()
    site.wait(INTERVAL_S)
    assert site.costs == [0, 0.5, 0.5]


@pytest.mark.parametrize("status", ["UnknownVendorId", "UnknownMessageId"])
def test_station_that_knows_no_costs_is_left_alone_until_it_boots_again(site: Site, status: str) -> None:
    site.reply = {"status": status}
    number = site.start()
    site.meter(number, 1000)
    site.wait(600)
    assert len(site.told) == 1
    live = site.table.core.view(IDENTITY)
    assert live is not None
    assert status in (live.cost_refusal or "")
    site.reply = ACCEPTED
    site.table.result("BootNotification", {"chargePointVendor": "S", "chargePointModel": "M"})
    site.wait(INTERVAL_S)
    assert site.costs[1:] == [0.5]
    live = site.table.core.view(IDENTITY)
    assert live is not None
    assert live.cost_refusal is None


def test_refused_session_is_left_alone_and_the_next_one_is_told(site: Site) -> None:
    site.reply = {"status": "Rejected"}
    first = site.start()
    site.meter(first, 1000)
    site.wait(600)
    assert len(site.told) == 1
    site.stop(first, 1000)
    site.reply = ACCEPTED
    second = site.start(meter_wh=1000)
    assert [data["transactionId"] for _, _, data in site.told] == [first, second]


def test_station_that_leaves_costs_unanswered_is_left_alone_until_it_connects_again(site: Site) -> None:
    site.reply = None
    number = site.start()
    site.meter(number, 1000)
    site.wait(3600)
    assert len(site.told) == 3
    site.table.disconnect(1)
    site.table.closed[1] = (1006, "gone")
    site.reply = ACCEPTED
    site.connect()
    site.wait(INTERVAL_S)
    assert site.costs[3:] == [0.5]


def test_final_cost_that_was_not_answered_is_told_again(site: Site) -> None:
    number = site.start()
    site.reply = None
    site.stop(number, 1000)
    assert site.costs == [0, 0.5]
    site.wait(30.0)
    site.reply = ACCEPTED
    site.wait(2 * INTERVAL_S)
    assert site.costs == [0, 0.5, 0.5]
    assert site.table.core.next_deadline() == float("inf")


def test_slow_station_has_one_cost_under_way_and_then_gets_the_latest(site: Site) -> None:
    number = site.start()
    site.reply = None
    site.meter(number, 1000)
    site.wait(INTERVAL_S)
    under_way = len(site.told)
    for wh in range(2000, 6000, 1000):
        site.meter(number, wh)
        site.wait(5.0)
    assert len(site.told) == under_way
    site.reply = ACCEPTED
    site.table.answer(ACCEPTED)
    site.wait(INTERVAL_S)
    assert site.costs[under_way:] == [2.5]


def test_cost_that_changes_every_second_is_told_at_the_interval_however_slow_the_answers() -> None:
    site = Site(Tariff(name="time", currency="EUR", pricePerMinute=Decimal("6")))
    site.boot()
    site.start(connector=1)
    site.start(connector=2)
    site.reply = None
    told = len(site.told)
    for _ in range(150):
        before = len(site.told)
        site.wait(2.0)
        if len(site.told) > before:
            site.table.wait(1.5)
            site.table.answer(ACCEPTED)
    by_gun = [data["connectID"] for _, _, data in site.told[told:]]
    assert 2 * 8 <= len(by_gun) <= 2 * 14
    assert abs(by_gun.count(1) - by_gun.count(2)) <= 1


def test_commands_of_the_operator_go_first(site: Site) -> None:
    """Also one that is given after the cost was due, which waits for an answer to the one before."""
    number = site.start()
    commands = [site.table.command(ClearCacheRequest())]
    site.meter(number, 1000)
    site.table.wait(INTERVAL_S - 1.0)
    commands.append(site.table.command(ChangeAvailabilityRequest(connectorId=0, type=AvailabilityType.Operative)))
    assert [call[2] for call in site.table.calls()] == ["DataTransfer", "ClearCache"]
    site.wait(INTERVAL_S)
    assert [call[2] for call in site.table.calls()] == [
        "DataTransfer",
        "ClearCache",
        "ChangeAvailability",
        "DataTransfer",
    ]
    assert set(commands) == set(site.table.outcomes)


def test_station_is_told_nothing_before_its_boot_is_accepted() -> None:
    site = Site()
    site.boot()
    number = site.start()
    site.meter(number, 1000)
    site.table.disconnect(1)
    site.table.closed[1] = (1006, "gone")
    site.table.edit(PolicySet(Policy(accept_unknown_id_tags=True, boot_status="Pending")))
    site.boot()
    told = len(site.told)
    site.wait(600)
    assert len(site.told) == told
    site.table.edit(PolicySet(Policy(accept_unknown_id_tags=True)))
    site.table.result("BootNotification", {"chargePointVendor": "S", "chargePointModel": "M"}, link=2)
    site.wait(INTERVAL_S)
    assert site.costs[told:] == [0.5]


def test_restart_in_mid_session_goes_on_with_the_cost(site: Site) -> None:
    """Another tariff from now on changes nothing for the session that began with the old one."""
    number = site.start()
    site.meter(number, 3000)
    site.wait(INTERVAL_S)
    site.table.edit(TariffSet(msgspec.structs.replace(ENERGY, pricePerKWh=Decimal(9))))
    site.table.closed[1] = (1006, "the supervision ended")
    site.table.restart()
    link = site.connect()
    site.wait(INTERVAL_S)
    assert site.costs == [0, 1.5, 1.5]
    site.meter(number, 4000, link)
    site.wait(INTERVAL_S)
    site.stop(number, 5000, link)
    assert site.costs[3:] == [2, 2.5]
    assert site.start(link, meter_wh=5000) == number + 1
    site.meter(number + 1, 6000, link)
    site.wait(INTERVAL_S)
    assert site.costs[-1] == 9


def test_restart_while_an_idle_fee_runs_goes_on_with_it() -> None:
    site = Site(IDLE)
    site.boot()
    number = site.start()
    site.stop(number, 1000)
    site.wait(60.0)
    site.table.closed[1] = (1006, "the supervision ended")
    site.table.restart()
    link = site.connect()
    site.wait(60.0)
    site.status("Available", link)
    assert site.costs[-1] == pytest.approx(0.5 + 2 * 0.6)


def test_hundred_stations_are_told_one_after_the_other_over_the_interval() -> None:
    site = Site()
    links = {number: site.boot(f"CP-{number}") for number in range(100)}
    sessions = {number: site.start(link) for number, link in links.items()}
    site.wait(INTERVAL_S)
    begun, told = site.table.now, len(site.told)
    for number, link in links.items():
        site.meter(sessions[number], 1000, link)
    site.wait(INTERVAL_S)
    moments = sorted(at_s - begun for at_s, _, _ in site.told[told:])
    assert len(moments) == 100
    assert len({identity for _, identity, _ in site.told[told:]}) == 100
    for begin in range(0, 30, 5):
        within = [moment for moment in moments if begin <= moment < begin + 5]
        assert 5 <= len(within) <= 35, f"{len(within)} were told from {begin} s on"


def test_hundred_stations_that_come_back_at_once_are_told_over_the_interval() -> None:
    site = Site()
    links = [site.boot(f"CP-{number}") for number in range(100)]
    for link in links:
        site.start(link)
    site.wait(INTERVAL_S)
    for link in links:
        site.table.closed[link] = (1006, "the supervision ended")
    site.table.restart()
    begun, told = site.table.now, len(site.told)
    for number in range(100):
        site.connect(f"CP-{number}")
    site.wait(INTERVAL_S)
    moments = [at_s - begun for at_s, _, _ in site.told[told:]]
    assert len(moments) == 100
    assert max(sum(begin <= moment < begin + 5 for moment in moments) for begin in range(0, 30, 5)) <= 35


def test_values_without_a_transaction_count_for_the_one_of_their_gun(site: Site) -> None:
    site.start()
    values = [{"timestamp": site.stamp(), "sampledValue": [{"value": "2", "unit": "kWh"}]}]
    site.table.result("MeterValues", {"connectorId": 2, "meterValue": values})
    site.wait(INTERVAL_S)
    assert site.costs == [0]
    site.table.result("MeterValues", {"connectorId": 1, "meterValue": values})
    site.wait(INTERVAL_S)
    assert site.costs == [0, 1]
    of_before = datetime.fromtimestamp(site.table.now - 7200, UTC).isoformat().replace("+00:00", "Z")
    values = [{"timestamp": of_before, "sampledValue": [{"value": "9", "unit": "kWh"}]}]
    site.table.result("MeterValues", {"connectorId": 1, "meterValue": values})
    site.wait(INTERVAL_S)
    assert site.costs == [0, 1]


def test_only_the_latest_sessions_of_a_station_are_followed(site: Site) -> None:
    numbers = [site.start(connector=connector) for connector in range(1, SESSIONS + 2)]
    for number, connector in ((numbers[0], 1), (numbers[-1], SESSIONS + 1)):
        site.meter(number, 1000, connector=connector)
    site.wait(2 * INTERVAL_S)
    assert {data["transactionId"] for _, _, data in site.told if data["totalCost"] == 0.5} == {numbers[-1]}


def test_late_offline_session_takes_the_version_that_held_when_it_began() -> None:
    site = Site()
    site.boot()
    now = datetime.fromtimestamp(site.table.now, UTC)
    site.table.edit(TariffSet(msgspec.structs.replace(ENERGY, pricePerKWh=Decimal(2), validFrom=now)))
    an_hour_ago = datetime.fromtimestamp(site.table.now - 3600, UTC).isoformat().replace("+00:00", "Z")
    request = {"connectorId": 1, "idTag": "BADGE", "meterStart": 0, "timestamp": an_hour_ago}
    site.table.result("StartTransaction", request)
    site.start(connector=2)
    assert [fact.tariff.pricePerKWh for fact in site.table.kept(SessionPriced)] == [Decimal("0.50"), Decimal(2)]


def picture(digest: str = "d1") -> TariffPictureSet:
    """A picture of the tariff."""
    return TariffPictureSet(ENERGY.name, f"{digest}.png", 4096, digest)


def downloads(site: Site, link: int) -> list[dict[str, Any]]:
    """The data of the TariffDownloads over a link."""
    return [
        msgspec.json.decode(call[3]["data"])
        for call in site.table.calls(link)
        if call[2] == "DataTransfer" and call[3]["messageId"] == "TariffDownload"
    ]


@pytest.mark.requirement("GUIDE-TARIFF-01", "GUIDE-TARIFF-02")
def test_picture_is_sent_once_to_connected_stations_and_to_others_when_they_come(site: Site) -> None:
    site.table.edit(picture())
    site.wait(INTERVAL_S)
    assert downloads(site, 1) == [
        {
            "fileType": "Tariff",
            "type": "file",
            "location": f"http://files.example/{IDENTITY}/d1.png/tariff.png",
            "size": 4096,
        }
    ]
    later = site.boot("LATER")
    site.wait(INTERVAL_S)
    assert len(downloads(site, later)) == 1
    assert site.table.kept(TariffShown) == [TariffShown(IDENTITY, "d1"), TariffShown("LATER", "d1")]
    site.table.closed[later] = (1006, "gone")
    again = site.boot("LATER")
    site.wait(600)
    assert downloads(site, again) == []


def test_another_picture_is_sent_and_another_tariff_s_picture_is_sent(site: Site) -> None:
    site.table.edit(picture())
    site.wait(INTERVAL_S)
    site.table.edit(picture("d2"))
    site.wait(INTERVAL_S)
    site.table.edit(TariffSet(IDLE))
    site.table.edit(TariffPictureSet(IDLE.name, "idle.png", 100, "d3"))
    site.wait(INTERVAL_S)
    assert len(downloads(site, 1)) == 2
    site.table.edit(TariffAssigned(IDENTITY, 0, IDLE.name))
    site.wait(INTERVAL_S)
    assert [data["location"].rsplit("/", 2)[1] for data in downloads(site, 1)] == ["d1.png", "d2.png", "idle.png"]


def test_picture_that_is_not_taken_is_offered_again_after_the_next_boot(site: Site) -> None:
    site.table.edit(picture())
    site.table.wait(INTERVAL_S)
    site.table.answer({"status": "Rejected", "data": '{"downloadStatus":"DownloadFailed"}'})
    site.table.wait(600)
    assert len(downloads(site, 1)) == 1
    site.table.closed[1] = (1006, "gone")
    link = site.connect()
    site.table.wait(600)
    assert downloads(site, link) == []
    site.table.result("BootNotification", {"chargePointVendor": "S", "chargePointModel": "M"}, link)
    site.table.wait(INTERVAL_S)
    assert len(downloads(site, link)) == 1


def test_picture_that_is_replaced_while_it_is_fetched_is_sent_after_it(site: Site) -> None:
    """The station takes its time over the first, so that the turn of the second passes meanwhile."""
    site.table.edit(PolicySet(Policy(accept_unknown_id_tags=True, cost_interval_s=1)))
    site.table.edit(picture())
    site.table.wait(2.0)
    site.table.edit(picture("d2"))
    site.table.wait(5.0)
    assert len(downloads(site, 1)) == 1
    site.table.answer(ACCEPTED)
    site.table.wait(2.0)
    assert [data["location"].rsplit("/", 2)[1] for data in downloads(site, 1)] == ["d1.png", "d2.png"]
    site.table.answer(ACCEPTED)
    assert site.table.core.next_deadline() == float("inf")
    assert site.table.kept(TariffShown)[-1] == TariffShown(IDENTITY, "d2")


def test_picture_a_station_has_is_not_sent_again_after_a_restart(site: Site) -> None:
    site.table.edit(picture())
    site.wait(INTERVAL_S)
    site.table.closed[1] = (1006, "the supervision ended")
    site.table.restart()
    link = site.boot()
    site.wait(600)
    assert downloads(site, link) == []
