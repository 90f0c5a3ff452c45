"""The driver with a brain, a cabinet, a store and a loop that do as the test tells them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, cast

import pytest

from forecourt.runtime.clock import Clock
from forecourt.runtime.driver import RETRY_S, Driver
from forecourt.runtime.linking import NETWORK_OFF
from forecourt.runtime.seat import Site
from forecourt.runtime.wire_log import WireLog
from forecourt.station.effects import (
    CloseContactor,
    CloseLink,
    DeleteRecord,
    Effect,
    LogEvent,
    OpenContactor,
    OpenLink,
    Reboot,
    SaveRecord,
    SendFrame,
    SendPing,
)
from forecourt.station.events import (
    BadgeShown,
    CablePlugged,
    Event,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    LinkRefused,
    PongReceived,
    PowerLost,
    PowerRestored,
    SaveFailed,
    SaveRecovered,
    VehicleDrawing,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from forecourt.runtime.seat import Records, Seat, Write

OPEN = OpenLink("ws://127.0.0.1:9000/A", "A", None)


class Timer:
    """One call that the loop owes."""

    def __init__(self, when: float, call: Callable[[], object]) -> None:
        self.when, self.call, self.cancelled = when, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """As much of an event loop as the driver uses; its time moves when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.timers: list[Timer] = []
        self.soon: list[Callable[[], object]] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, when: float, call: Callable[..., object], *args: Any) -> Timer:
        self.timers.append(Timer(when, lambda: call(*args)))
        return self.timers[-1]

    def call_later(self, delay: float, call: Callable[..., object], *args: Any) -> Timer:
        return self.call_at(self.now_s + delay, call, *args)

    def call_soon(self, call: Callable[..., object], *args: Any) -> None:
        self.soon.append(lambda: call(*args))

    def armed(self) -> list[float]:
        return sorted(timer.when for timer in self.timers if not timer.cancelled)

    def run(self, seconds: float) -> None:
        """Let real time pass, calling what is due at its time."""
        until = self.now_s + seconds
        self.run_soon()
        while self.armed() and self.armed()[0] <= until:
            due = min((t for t in self.timers if not t.cancelled), key=lambda t: t.when)
            self.timers.remove(due)
            self.now_s = max(self.now_s, due.when)
            due.call()
            self.run_soon()
        self.now_s = until

    def late(self, seconds: float) -> None:
        """Let the process stand still for so long, then call what is due."""
        self.now_s += seconds
        self.run(0.0)

    def run_soon(self) -> None:
        while self.soon:
            self.soon.pop(0)()


class FakeStation:
    """A brain that returns what the test scripted for an event, and writes down all that it hears."""

    def __init__(self, rig: Rig, records: Records) -> None:
        self.rig, self.records = rig, records
        self.heard: list[tuple[float, Event]] = []
        self.deadlines: list[tuple[float, list[Effect]]] = []

    def handle(self, event: Event, now: float) -> list[Effect]:
        self.heard.append((now, event))
        script = self.rig.script.get(type(event), [])
        return list(script.pop(0)) if script else []

    def expire(self, now: float) -> list[Effect]:
        due = min(self.deadlines, key=lambda deadline: deadline[0])
        assert due[0] <= now
        self.deadlines.remove(due)
        self.rig.order.append(("station", now))
        return due[1]

    def next_deadline(self) -> float:
        return min((due for due, _ in self.deadlines), default=inf)

    def events(self) -> list[Event]:
        return [event for _, event in self.heard]


class FakeCabinet:
    """A cabinet that writes down what it was told."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.told: list[tuple[str, float, Effect | None]] = []
        self.answers: dict[Effect, list[Event]] = {}
        self.deadlines: list[tuple[float, list[Event]]] = []

    def handle(self, effect: Effect, now: float) -> list[Event]:
        self.told.append(("handle", now, effect))
        return self.answers.pop(effect, [])

    def expire(self, now: float) -> list[Event]:
        due = self.deadlines.pop(0)
        self.rig.order.append(("cabinet", now))
        return due[1]

    def next_deadline(self) -> float:
        return self.deadlines[0][0] if self.deadlines else inf

    def cut_power(self, now: float) -> None:
        self.told.append(("cut", now, None))


class FakeLink:
    """A link that writes down what it was told."""

    problem = None
    root = ""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def send(self, frame: bytes) -> None:
        self.told.append(("send", frame))

    def ping(self) -> None:
        self.told.append(("ping",))

    def close(self, code: int, reason: str) -> None:
        self.told.append(("close", code, reason))

    def abort(self, reason: str = "") -> None:
        self.told.append(("abort",))


class FakeStore:
    """A store that commits when the test says so."""

    def __init__(self) -> None:
        self.kept: Records = {}
        self.batches: list[tuple[list[Write], Callable[[str | None], None]]] = []
        self.commits = 0

    def load(self, station: str) -> Records:
        assert station == "A"
        return dict(self.kept)

    def commit(self, station: str, writes: list[Write], done: Callable[[str | None], None]) -> None:
        assert station == "A"
        self.batches.append((list(writes), done))

    def finish(self, failure: str | None = None) -> list[Write]:
        """Answer the batch that is in the store's hands."""
        writes, done = self.batches.pop(0)
        assert not self.batches, "one batch of a station at a time"
        if failure is None:
            self.commits += 1
            for write in writes:
                self.kept.pop((write.kind, write.key), None)
                if isinstance(write, SaveRecord):
                    self.kept[write.kind, write.key] = write.data
        done(failure)
        return writes


class Rig:
    """A driver with one station on a fake loop at a speed."""

    def __init__(
        self, speed: float = 1.0, store: FakeStore | None = None, boot_s: float = 0.0, hold_up_s: float = 0.0
    ) -> None:
        self.loop = Loop()
        self.clock = Clock(speed, wall_origin=1_000_000.0, monotonic=self.loop.time)
        self.store = store
        self.script: dict[type[Event], list[list[Effect]]] = {}
        self.order: list[tuple[str, float]] = []
        self.lives: list[FakeStation] = []
        self.links: list[FakeLink] = []
        self.driver = Driver(cast("asyncio.AbstractEventLoop", self.loop), self.clock, self, store)
        self.cabinet = FakeCabinet(self)
        self.seat = self.driver.add("A", Site(self.build, boot_s, hold_up_s), self.cabinet, wire=WireLog(speed=speed))

    def build(self, records: Records) -> FakeStation:
        self.lives.append(FakeStation(self, records))
        return self.lives[-1]

    def connect(self, url: str, owner: Seat, *, identity: str, password: bytes | None, context: Any = None) -> FakeLink:
        assert (url, identity, password, owner) == (OPEN.url, "A", None, self.seat)
        self.links.append(FakeLink())
        return self.links[-1]

    @property
    def station(self) -> FakeStation:
        return self.lives[-1]

    def when(self, event: type[Event], *effects: Effect) -> None:
        """Let the brain answer the next such event with these effects."""
        self.script.setdefault(event, []).append(list(effects))

    def open(self) -> FakeLink:
        """Wake the station and let its link open."""
        self.when(PowerRestored, OPEN)
        self.driver.power(self.seat, True)
        return self.opens()

    def opens(self) -> FakeLink:
        """The connection that was dialled last comes about."""
        self.seat.link_opened(self.links[-1])
        return self.links[-1]

    def badge(self, *effects: Effect) -> None:
        """Something happens to which the brain answers so."""
        self.when(BadgeShown, *effects)
        self.driver.happen(self.seat, BadgeShown("TAG"))


def save(key: str, data: bytes = b"1", *, gates: bool = True) -> SaveRecord:
    return SaveRecord("queue", key, data, gates)


def test_a_life_begins_with_power_restored_and_the_lost_clock() -> None:
    rig = Rig()
    rig.seat.lost_clock_s = 5.0
    rig.driver.power(rig.seat, True)
    assert rig.station.heard == [(0.0, PowerRestored(1_000_000.0, 5.0))]


def test_frames_go_out_and_come_in_and_are_in_the_wire_log_with_action_and_latency() -> None:
    rig = Rig(speed=10.0)
    link = rig.open()
    rig.badge(SendFrame(b'[2,"1","Heartbeat",{}]'), SendPing())
    rig.loop.run(0.25)
    rig.seat.frame_received(link, b'[3,"1",{"currentTime":"x"}]')
    rig.seat.pong_received(link)
    assert link.told == [("send", b'[2,"1","Heartbeat",{}]'), ("ping",)]
    assert rig.station.events()[-2:] == [FrameReceived(b'[3,"1",{"currentTime":"x"}]'), PongReceived()]
    assert rig.seat.wire is not None
    log = list(rig.seat.wire.messages())
    assert [(each.direction, each.action) for each in log] == [(">", "Heartbeat"), ("<", "Heartbeat")]
    assert log[1].latency_ms == pytest.approx(250.0)
    assert [each.time for each in log] == [1_000_000.0, 1_000_002.5]


def test_a_frame_and_a_contactor_wait_for_the_gating_save_before_them() -> None:
    rig = Rig(store=FakeStore())
    assert rig.store is not None
    link = rig.open()
    rig.badge(save("1"), SendFrame(b"one"), CloseContactor(1), SendPing(), LogEvent("x", "y"))
    assert link.told == [("ping",)]
    assert rig.cabinet.told == []
    assert rig.store.finish() == [save("1")]
    assert link.told == [("ping",), ("send", b"one")]
    assert rig.cabinet.told == [("handle", 0.0, CloseContactor(1))]


def test_a_sample_does_not_gate_and_events_flow_while_saves_wait() -> None:
    rig = Rig(store=FakeStore())
    assert rig.store is not None
    link = rig.open()
    rig.badge(save("sample", gates=False), SendFrame(b"sample"))
    rig.badge(save("1"), SendFrame(b"one"))
    rig.badge(SendFrame(b"two"))
    assert link.told == [("send", b"sample")]
    assert rig.store.finish() == [save("sample", gates=False)]
    assert link.told == [("send", b"sample")]
    assert rig.store.finish() == [save("1")]
    assert link.told == [("send", b"sample"), ("send", b"one"), ("send", b"two")]


def test_without_a_store_nothing_waits_and_a_reboot_finds_the_records() -> None:
    rig = Rig(boot_s=30.0)
    link = rig.open()
    rig.badge(save("1", b"kept"), save("2"), SendFrame(b"one"), DeleteRecord("queue", "2"), Reboot(hard=False))
    assert link.told[0] == ("send", b"one")
    rig.loop.run(30.0)
    assert rig.station.records == {("queue", "1"): b"kept"}
    assert len(rig.lives) == 2


def test_a_failed_commit_is_told_once_and_tried_again_every_second_until_durable() -> None:
    rig = Rig(speed=60.0, store=FakeStore())
    assert rig.store is not None
    link = rig.open()
    rig.badge(save("1", b"old"), SendFrame(b"one"))
    rig.store.finish("disk full")
    assert rig.station.events()[-1] == SaveFailed("disk full")
    rig.badge(save("1", b"new"), save("2"), SendFrame(b"two"))
    assert rig.store.batches == []
    rig.loop.run(RETRY_S)
    rig.store.finish("disk full")
    assert link.told == []
    rig.loop.run(RETRY_S)
    assert rig.store.finish() == [save("1", b"new"), save("2")]
    assert link.told == [("send", b"one"), ("send", b"two")]
    told = [event for event in rig.station.events() if isinstance(event, SaveFailed | SaveRecovered)]
    assert told == [SaveFailed("disk full"), SaveRecovered()]


def test_opening_a_contactor_overtakes_the_closing_that_waits() -> None:
    rig = Rig(store=FakeStore())
    assert rig.store is not None
    rig.open()
    rig.badge(save("1"), CloseContactor(1), CloseContactor(2))
    rig.badge(OpenContactor(1))
    rig.store.finish()
    assert [told[2] for told in rig.cabinet.told] == [OpenContactor(1), CloseContactor(2)]


def test_a_close_goes_out_behind_the_frames_before_it() -> None:
    rig = Rig(store=FakeStore())
    assert rig.store is not None
    link = rig.open()
    rig.badge(save("1"), SendFrame(b"one"), CloseLink(1000, "done"))
    assert link.told == []
    rig.store.finish()
    assert link.told == [("send", b"one"), ("close", 1000, "done")]


def test_what_waits_for_a_link_that_is_gone_is_not_sent_on_the_next() -> None:
    rig = Rig(store=FakeStore())
    assert rig.store is not None
    first = rig.open()
    rig.badge(save("1"), SendFrame(b"one"), CloseContactor(1))
    rig.when(LinkClosed, OPEN)
    rig.seat.link_closed(first, 1006, "")
    rig.store.finish()
    second = rig.opens()
    assert first.told == second.told == []
    assert rig.cabinet.told == [("handle", 0.0, CloseContactor(1))]


def test_frames_of_an_old_link_are_not_heard() -> None:
    rig = Rig()
    first = rig.open()
    rig.when(LinkClosed, OPEN)
    rig.seat.link_closed(first, 1001, "going away")
    rig.opens()
    rig.seat.frame_received(first, b"late")
    rig.seat.link_closed(first, 1006, "again")
    rig.seat.pong_received(first)
    assert rig.station.events()[-2:] == [LinkClosed(1001, "going away"), LinkOpened()]


def test_events_of_the_cabinet_reach_the_station_after_the_whole_list_of_effects() -> None:
    rig = Rig()
    link = rig.open()
    rig.cabinet.answers[CloseContactor(1)] = [VehicleDrawing(1)]
    rig.when(VehicleDrawing, SendFrame(b"charging"))
    rig.badge(CloseContactor(1), SendFrame(b"preparing"))
    assert link.told == [("send", b"preparing"), ("send", b"charging")]


def test_deadlines_fire_at_their_own_time_however_late_the_loop_is() -> None:
    rig = Rig(speed=10.0)
    rig.open()
    rig.station.deadlines += [(5.0, [SendFrame(b"five")]), (15.0, [CloseContactor(1)])]
    rig.cabinet.deadlines += [(5.0, [VehicleDrawing(1)]), (10.0, [])]
    rig.driver.happen(rig.seat, BadgeShown("TAG"))
    rig.loop.late(3.0)
    assert rig.order == [("cabinet", 5.0), ("station", 5.0), ("cabinet", 10.0), ("station", 15.0)]
    assert (5.0, VehicleDrawing(1)) in rig.station.heard
    assert rig.cabinet.told == [("handle", 15.0, CloseContactor(1))]


def test_an_event_finds_all_that_is_due_before_it_done() -> None:
    rig = Rig()
    link = rig.open()
    rig.station.deadlines.append((2.0, [SendFrame(b"due")]))
    rig.driver.happen(rig.seat, BadgeShown("ONE"))
    rig.when(BadgeShown, SendFrame(b"badge"))
    rig.loop.now_s += 3.0
    rig.driver.happen(rig.seat, BadgeShown("TWO"))
    assert link.told == [("send", b"due"), ("send", b"badge")]
    assert rig.station.heard[-1] == (3.0, BadgeShown("TWO"))


def test_one_loop_timer_serves_a_thousand_stations() -> None:
    rig = Rig()
    stations = []
    for number in range(1000):
        seat = rig.driver.add(f"B{number}", Site(rig.build), FakeCabinet(rig))
        rig.driver.power(seat, True)
        rig.station.deadlines.append((1.0 + number * 0.001, []))
        stations.append(rig.station)
        rig.driver.happen(seat, BadgeShown("TAG"))
    assert rig.loop.armed() == [101.0]
    rig.loop.run(3.0)
    assert all(station.deadlines == [] for station in stations)
    assert rig.loop.armed() == []


def test_a_time_out_that_moves_with_every_message_costs_no_heap_entry_a_message() -> None:
    rig = Rig()
    link = rig.open()
    for number in range(500):
        rig.station.deadlines[:] = [(30.0 + number, [])]
        rig.seat.frame_received(link, b"[]")
    assert len(rig.driver.timeline) == 1
    rig.loop.run(528.0)
    assert rig.order == []
    rig.loop.run(2.0)
    assert rig.order == [("station", 529.0)]


def test_a_station_that_never_comes_forward_is_our_mistake() -> None:
    rig = Rig()
    rig.open()
    rig.cabinet.deadlines += [(1.0, [])] * 20_000
    rig.driver.happen(rig.seat, BadgeShown("TAG"))
    rig.loop.now_s += 2.0
    with pytest.raises(AssertionError, match="stays due"):
        rig.driver.observe(rig.seat)


def test_a_reboot_waits_for_every_record_closes_the_link_and_begins_another_life() -> None:
    rig = Rig(speed=10.0, store=FakeStore(), boot_s=40.0)
    assert rig.store is not None
    link = rig.open()
    rig.loop.run(1.0)
    rig.badge(SendFrame(b"conf"), save("1", gates=False), Reboot(hard=True), SendFrame(b"never"))
    assert link.told == [("send", b"conf")]
    rig.store.finish()
    assert link.told[1][:2] == ("close", 1000)
    assert rig.seat.station is None
    assert rig.cabinet.told[-1] == ("cut", 10.0, None)
    rig.seat.frame_received(link, b"late")
    rig.seat.link_closed(link, 1000, "")
    rig.loop.run(4.0)
    assert len(rig.lives) == 2
    assert rig.station.heard == [(50.0, PowerRestored(1_000_050.0, 1_000_010.0))]
    assert rig.station.records == {("queue", "1"): b"1"}
    assert FrameReceived(b"late") not in rig.lives[0].events()


def test_the_switched_off_network_cuts_the_link_and_refuses_attempts_until_it_is_up() -> None:
    rig = Rig()
    link = rig.open()
    rig.when(LinkClosed, OPEN)
    rig.driver.network(rig.seat, False)
    assert link.told == [("abort",)]
    rig.loop.run_soon()
    assert rig.station.events()[-1] == LinkRefused(NETWORK_OFF)
    assert len(rig.links) == 1
    rig.driver.network(rig.seat, True)
    rig.badge(OPEN)
    assert len(rig.links) == 2


def test_an_attempt_on_its_way_is_cancelled_when_the_network_goes_down() -> None:
    rig = Rig()
    rig.when(PowerRestored, OPEN)
    rig.driver.power(rig.seat, True)
    rig.driver.network(rig.seat, False)
    rig.seat.link_refused(rig.links[0], "given up", None)
    rig.seat.link_opened(rig.links[0])
    assert rig.links[0].told == [("abort",), ("abort",)]
    assert [type(event) for event in rig.station.events()] == [PowerRestored, LinkRefused]
    assert rig.station.events()[-1] == LinkRefused(NETWORK_OFF)


def test_a_refused_connection_is_told_with_its_sentence() -> None:
    rig = Rig()
    rig.when(PowerRestored, OPEN)
    rig.driver.power(rig.seat, True)
    rig.seat.link_refused(rig.links[0], "No.", 404)
    assert rig.station.events()[-1] == LinkRefused("No.", 404)


def test_a_power_cut_lets_the_station_save_and_then_it_is_dark() -> None:
    rig = Rig(store=FakeStore(), hold_up_s=1.0)
    assert rig.store is not None
    link = rig.open()
    rig.when(PowerLost, save("stop"))
    rig.loop.run(2.0)
    rig.driver.power(rig.seat, False)
    assert rig.cabinet.told[-1] == ("cut", 2.0, None)
    assert rig.seat.station is not None
    rig.store.finish()
    assert rig.seat.station is None
    assert link.told == [("abort",)]
    rig.driver.happen(rig.seat, BadgeShown("TAG"))
    rig.loop.run(3.0)
    rig.driver.power(rig.seat, True)
    assert rig.station.heard == [(5.0, PowerRestored(1_000_005.0, 1_000_002.0))]
    assert rig.station.records == {("queue", "stop"): b"1"}


def test_a_station_that_sends_before_it_is_dark_stays_for_the_answer() -> None:
    rig = Rig(speed=100.0, hold_up_s=2.0)
    link = rig.open()
    rig.when(PowerLost, SendFrame(b"stop"), CloseContactor(1))
    rig.driver.power(rig.seat, False)
    assert rig.seat.station is not None
    assert ("handle", 0.0, CloseContactor(1)) not in rig.cabinet.told
    rig.seat.frame_received(link, b"conf")
    assert rig.seat.station is None
    assert link.told == [("send", b"stop"), ("abort",)]


def test_a_station_without_an_answer_is_dark_when_its_capacitor_is_empty() -> None:
    rig = Rig(speed=100.0, hold_up_s=2.0)
    link = rig.open()
    rig.when(PowerLost, SendFrame(b"stop"))
    rig.driver.power(rig.seat, False)
    rig.loop.run(1.9)
    assert rig.seat.station is not None
    rig.loop.run(0.2)
    assert rig.seat.station is None
    assert link.told[-1] == ("abort",)


def test_a_cut_without_hold_up_loses_what_the_store_has_not_got() -> None:
    rig = Rig(store=FakeStore())
    assert rig.store is not None
    rig.open()
    rig.badge(save("1"))
    rig.badge(save("2"))
    rig.driver.power(rig.seat, False)
    rig.driver.power(rig.seat, True)
    assert len(rig.lives) == 1, "a new life waits for the batch that is with the store"
    rig.store.finish()
    assert rig.station.records == {("queue", "1"): b"1"}


def test_a_cut_during_failing_saves_does_not_hold_up_the_next_life() -> None:
    rig = Rig(store=FakeStore())
    assert rig.store is not None
    rig.open()
    rig.badge(save("1"))
    rig.store.finish("disk full")
    rig.driver.power(rig.seat, False)
    rig.driver.power(rig.seat, True)
    assert len(rig.lives) == 2
    assert rig.station.records == {}


def test_a_cut_while_booting_and_power_again_boots_once() -> None:
    rig = Rig(boot_s=30.0)
    rig.open()
    rig.badge(Reboot(hard=False))
    rig.loop.run(10.0)
    rig.driver.power(rig.seat, False)
    rig.loop.run(60.0)
    assert len(rig.lives) == 1
    rig.driver.power(rig.seat, True)
    assert len(rig.lives) == 2


def test_what_is_done_to_the_cabinet_is_told_to_the_station() -> None:
    rig = Rig()
    rig.open()
    rig.loop.run(1.5)
    times: list[float] = []

    def plug(now: float) -> list[Event]:
        times.append(now)
        return [CablePlugged(1)]

    rig.driver.act(rig.seat, plug)
    assert times == [1.5]
    assert rig.station.heard[-1] == (1.5, CablePlugged(1))


def test_a_listener_hears_events_and_effects_until_it_leaves() -> None:
    rig = Rig()
    rig.open()
    heard: list[tuple[Event | Effect, float]] = []
    leave = rig.seat.listen(lambda what, now: heard.append((what, now)))
    rig.badge(LogEvent("a", "b"))
    leave()
    rig.badge(LogEvent("c", "d"))
    assert heard == [(BadgeShown("TAG"), 0.0), (LogEvent("a", "b"), 0.0)]
    assert rig.seat.listeners is None


def test_a_listener_may_leave_twice() -> None:
    """One that was let go for being behind leaves again when its stream ends."""
    rig = Rig()
    rig.open()
    heard: list[str] = []
    stay = rig.seat.listen(lambda what, now: heard.append("staying"))
    leave = rig.seat.listen(lambda what, now: heard.append("gone"))
    leave()
    leave()
    rig.badge()
    assert heard == ["staying"]
    stay()
    stay()
    assert rig.seat.listeners is None


def test_a_removed_station_is_not_driven_any_more() -> None:
    rig = Rig()
    link = rig.open()
    rig.station.deadlines.append((5.0, []))
    rig.driver.happen(rig.seat, BadgeShown("TAG"))
    rig.driver.remove(rig.seat)
    rig.loop.run(10.0)
    assert rig.order == []
    assert link.told == [("abort",)]
    assert rig.driver.seats == {}
