"""The block of remote starts and stops, through the station's doors. The guide's tables are in `tests/scenarios`."""

from __future__ import annotations

import pytest

from forecourt.station import events as happened
from tests.station_rig import Rig

GROUND_ERROR = "0x100206"


def start(rig: Rig, connector: int | None = None, id_tag: str = "REMOTE") -> str:
    asked = {"idTag": id_tag} if connector is None else {"idTag": id_tag, "connectorId": connector}
    return str(rig.ask("RemoteStartTransaction", asked)["status"])


def test_remote_start_ends_in_energy_and_in_a_transaction_of_its_tag() -> None:
    rig = Rig()
    rig.plug(2)
    assert start(rig, 2) == "Accepted"
    assert rig.is_energised(2)
    assert [payload["idTag"] for payload in rig.calls("StartTransaction")] == ["REMOTE"]


def test_parent_of_a_remote_starts_tag_counts_for_the_stop_by_badge() -> None:
    rig = Rig()
    rig.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET"}}
    rig.plug()
    assert start(rig, 1) == "Accepted"
    rig.badge("COLLEAGUE")
    assert [payload["idTag"] for payload in rig.calls("StopTransaction")] == ["COLLEAGUE"]


def test_refused_tag_drops_what_waits_for_a_plug() -> None:
    rig = Rig()
    rig.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    assert start(rig, 1) == "Accepted"
    assert rig.status(1) == "Available"
    assert [payload["status"] for payload in rig.calls("StatusNotification")][-2:] == ["Preparing", "Available"]
    rig.answers.clear()
    assert start(rig, 1) == "Accepted"  # nothing waits any more


@pytest.mark.parametrize("connector", [None, 1])
def test_decision_may_come_before_or_after_the_plug(connector: int | None) -> None:
    for plug_first in (True, False):
        rig = Rig()
        rig.silent = plug_first
        assert start(rig, connector) == "Accepted"
        rig.plug(1)
        assert rig.is_energised() is not plug_first
        rig.wait(100)  # an overdue answer counts as offline, where every tag starts
        assert rig.is_energised()


def test_waiting_start_is_not_begun_while_records_can_not_be_kept_and_its_gun_stays_preparing_when_plugged() -> None:
    rig = Rig()
    assert start(rig, 1) == "Accepted"
    rig.handle(happened.SaveFailed("disk full"))
    rig.plug(1)
    rig.wait(130)
    assert not rig.is_energised()
    assert rig.status(1) == "Preparing"
    rig.handle(happened.SaveRecovered())
    rig.badge("TAG1")
    assert rig.is_energised()


def test_waiting_start_whose_gun_was_plugged_in_vain_is_over_when_it_is_unplugged() -> None:
    rig = Rig()
    assert start(rig, 1) == "Accepted"
    rig.handle(happened.SaveFailed("disk full"))
    rig.plug(1)
    rig.unplug(1)
    assert rig.status(1) == "Available"
    rig.handle(happened.SaveRecovered())
    assert start(rig, 2) == "Accepted"


@pytest.mark.parametrize("reset", ["Soft", "Hard"])
def test_remote_start_is_rejected_while_a_reset_is_coming(reset: str) -> None:
    rig = Rig()
    rig.plug()
    rig.badge("TAG1")
    rig.silent = True  # so that the reset waits for its StopTransaction
    assert rig.ask("Reset", {"type": reset}) == {"status": "Accepted"}
    rig.plug(2)
    assert start(rig, 2) == "Rejected"


def test_error_on_the_awaited_gun_drops_the_start_and_one_on_the_other_does_not() -> None:
    rig = Rig()
    assert start(rig, 1) == "Accepted"
    rig.handle(happened.FaultRaised(GROUND_ERROR, 2))
    assert rig.status(1) == "Preparing"
    rig.handle(happened.FaultRaised(GROUND_ERROR, 1))
    rig.handle(happened.FaultCleared(GROUND_ERROR, 1))
    assert rig.status(1) == "Available"
    rig.plug(1)
    assert not rig.is_energised()


def test_badge_that_is_decided_before_the_remote_start_keeps_the_gun() -> None:
    rig = Rig(keys={"CallMsgInOrder": "false"})
    rig.silent = True
    assert start(rig) == "Accepted"
    rig.silent = False
    rig.plug(1)
    rig.badge("TAG1")
    assert rig.is_energised()
    rig.wait(31)
    assert [payload["idTag"] for payload in rig.calls("StartTransaction")] == ["TAG1"]
    assert start(rig, 2) == "Accepted"


def test_remote_stop_works_without_a_cable_and_only_while_it_runs() -> None:
    rig = Rig(keys={"StopTransactionOnEVSideDisconnect": "false"})
    rig.plug()
    assert start(rig, 1) == "Accepted"
    rig.unplug()
    assert rig.status() == "SuspendedEV"
    assert rig.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Accepted"}
    assert rig.status() == "Available"
    assert rig.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Rejected"}


def test_transaction_without_an_id_yet_can_not_be_stopped_by_one() -> None:
    rig = Rig(keys={"AuthorizeRemoteTxRequests": "false"})
    rig.plug()
    rig.silent = True
    assert start(rig, 1) == "Accepted"
    assert rig.is_energised()
    for number in (-1, 0, 1):
        assert rig.ask("RemoteStopTransaction", {"transactionId": number}) == {"status": "Rejected"}


# What became of one that was accepted stands in the log.


def test_remote_start_that_comes_to_nothing_says_why() -> None:
    rig = Rig(keys={"ConnectionTimeOut": "30"})
    rig.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    rig.plug(1)
    assert start(rig, 1, "BAD") == "Accepted"
    rig.answers.clear()
    assert start(rig, 2, "LATE") == "Accepted"
    rig.wait(31)
    assert start(rig, 2, "FAILED") == "Accepted"
    rig.handle(happened.FaultRaised(GROUND_ERROR, 2))
    assert rig.log() == [
        "BAD: it was not authorized",
        "LATE: nobody plugged in within ConnectionTimeOut",
        "FAILED: connector 2 was unplugged, failed or put out of service",
    ]
    assert rig.calls("StartTransaction") == []


def test_tag_that_comes_while_another_is_decided_or_that_may_not_stop_says_why() -> None:
    rig = Rig()
    rig.plug(1)
    rig.silent = True
    rig.badge("FIRST")
    rig.badge("SECOND")
    assert rig.log() == ["SECOND: FIRST is being decided on connector 1 already"]
    rig.silent = False
    rig.wait(31)
    assert rig.is_energised(1), "without an answer it was decided as offline"
    rig.badge("STRANGER")
    assert rig.log()[-1] == "connector 1: expected a tag of the group of FIRST, came STRANGER"
    assert rig.is_energised(1)
