"""What a station tells of its inside: what it waits for and holds back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.station.events import (
    ConnectorShown,
    FaultRaised,
    LinkClosed,
    LinkRefused,
    RebootRequested,
    SaveFailed,
    SaveRecovered,
)
from forecourt.station.workings import RemoteStartSnapshot
from tests.station_bench import NOTHING
from tests.station_rig import Rig

if TYPE_CHECKING:
    from forecourt.station.workings import Workings


def inside(rig: Rig) -> Workings:
    return rig.station.workings()


def test_an_idle_station_waits_for_nothing_but_its_heartbeat() -> None:
    rig = Rig()
    workings = inside(rig)
    assert (workings.securityProfile, workings.failedConnections) == (0, 0)
    assert (workings.callsAwaited, workings.callsWaiting, workings.queue) == ((), (), {})
    assert (workings.remoteStart, workings.takesSessions, workings.isResetting) == (None, True, False)
    assert (workings.deratedConnectors, workings.modulesOut) == ((), 0)
    assert (workings.diagnostics, workings.log, workings.firmware) == ("Idle", "Idle", "Idle")
    assert "HEARTBEAT" in workings.deadlines
    assert list(workings.deadlines.values()) == sorted(workings.deadlines.values())
    assert min(workings.deadlines.values()) == rig.station.snapshot(rig.station.next_deadline()).clock


def test_calls_without_an_answer_are_told_and_what_waits_behind_them() -> None:
    rig = Rig()
    rig.silent = True
    rig.plug(1)
    rig.plug(2)
    rig.badge("TAG")
    assert inside(rig).callsAwaited == ("StatusNotification",)
    assert inside(rig).callsWaiting == ("StatusNotification", "Authorize")
    rig.handle(LinkClosed(1006, ""))
    assert (inside(rig).callsAwaited, inside(rig).callsWaiting) == ((), ())


def test_several_calls_may_be_awaited_when_the_order_is_free() -> None:
    rig = Rig(keys={"CallMsgInOrder": "false"})
    rig.silent = True
    rig.plug(1)
    rig.plug(2)
    assert inside(rig).callsAwaited == ("StatusNotification", "StatusNotification")


def test_the_queue_is_told_by_action_and_grows_offline() -> None:
    rig = Rig(keys={"MeterValueSampleInterval": "30", "disconnectedMeterValueSampleInterval": "30"})
    rig.plug(1)
    rig.hardware.readings[1] = NOTHING
    rig.badge("TAG")
    rig.handle(LinkClosed(1006, ""))
    rig.wait(95)
    rig.unplug(1)
    queue = inside(rig).queue
    assert queue.pop("MeterValues") >= 3
    assert queue == {"StopTransaction": 1}
    assert sum(inside(rig).queue.values()) == rig.station.snapshot(rig.now).queuedMessages


def test_failed_connections_are_counted_and_the_next_attempt_is_told() -> None:
    rig = Rig()
    rig.silent = True
    rig.handle(LinkClosed(1006, ""))
    rig.handle(LinkRefused("nobody there"))
    assert inside(rig).failedConnections == 2
    assert "RECONNECT" in inside(rig).deadlines


def test_a_remote_start_is_told_until_the_cable_is_plugged() -> None:
    rig = Rig(keys={"QrCodeEnabled": "true", "QRcode1": "https://example.org"})
    assert rig.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "TAG"}) == {"status": "Accepted"}
    pending = inside(rig).remoteStart
    assert isinstance(pending, RemoteStartSnapshot)
    assert (pending.connectorId, pending.idTag, pending.waitsForPlug) == (1, "TAG", True)
    assert "REMOTE_START" in inside(rig).deadlines
    rig.plug(1)
    assert inside(rig).remoteStart is None


def test_heat_missing_modules_trouble_with_records_and_a_reset_are_told() -> None:
    rig = Rig()
    rig.handle(FaultRaised("0x100101", 0))
    rig.handle(FaultRaised("0x100102", 2))
    rig.handle(FaultRaised("0x200001", 0))
    assert sorted(inside(rig).deratedConnectors) == [0, 2]
    assert inside(rig).modulesOut == 1
    rig.handle(SaveFailed("the disk is full"))
    assert not inside(rig).takesSessions
    rig.handle(SaveRecovered())
    assert inside(rig).takesSessions
    rig.silent = True
    rig.plug(1)
    rig.handle(RebootRequested())
    assert not inside(rig).takesSessions


def test_tags_that_were_heard_of_are_told_the_oldest_first() -> None:
    rig = Rig(keys={"AuthorizationCacheEnabled": "true"})
    rig.plug(1)
    rig.badge("FIRST")
    rig.plug(2)
    rig.station.handle(ConnectorShown(2), rig.now)
    rig.badge("SECOND")
    known = rig.station.known_tags(rig.now)
    assert [(tag.idTag, tag.status) for tag in known.cache] == [("first", "Accepted"), ("second", "Accepted")]
    assert known.localList == ()
