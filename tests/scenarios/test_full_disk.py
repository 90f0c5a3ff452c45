"""A station whose records can not be saved for a while: nothing leaves, and nothing is taken for lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


def test_station_gives_up_no_message_that_could_not_leave_while_the_disk_was_full(
    site: World, served: SimulatedStation
) -> None:
    """The StopTransaction waits for its record for ten minutes. That is no failed transmission."""
    served.plug(1)
    served.badge("TAG1")
    site.run(120)
    served.disk.fails = True
    served.badge("TAG1")
    site.run(600)
    assert served.wire.calls("StopTransaction") == []
    assert served.reading(1).power_w == 0
    served.disk.fails = False
    site.run(10)
    assert len(served.wire.calls("StopTransaction")) == 1
    assert len(site.supervision.stopped) == 1
    assert not [line for line in served.log if line.name.endswith("discarded")]


def test_station_waits_its_time_for_an_answer_again_once_records_can_be_saved(
    site: World, served: SimulatedStation
) -> None:
    served.set_key("CallMsgInOrder", "false")
    served.disk.fails = True
    served.plug(1)
    site.run(100)
    served.disk.fails = False
    site.run(5)
    served.badge("TAG1")
    site.run(5)
    assert [start.request.idTag for start in site.supervision.started] == ["TAG1"]
    assert served.status(1) in ("Charging", "Preparing", "SuspendedEVSE")


def test_power_cut_while_records_wait_leaves_the_session_as_it_was_last_durable(
    site: World, served: SimulatedStation
) -> None:
    """The stop of the session is lost with the power, and the next life ends it."""
    served.plug(1)
    served.badge("TAG1")
    site.run(120)
    served.disk.fails = True
    served.badge("TAG1")
    site.run(5)
    told_wh = served.reading(1).energy_wh
    served.cut()
    served.disk.fails = False
    served.power_on()
    site.run(60)
    (stopped,) = site.supervision.stopped
    assert stopped.request.reason == "PowerLoss"
    assert abs(stopped.request.meterStop - told_wh) <= 1
