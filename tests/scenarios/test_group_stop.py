"""Who else may stop a transaction: tags with the same parentIdTag (OCPP 1.6 3.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World


def answer_parents(central: ScriptedSupervision, parents: dict[str, str | None], status: str = "Accepted") -> None:
    """Have Authorize answer each idTag with its parent, if it has one."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        parent = parents[asked["idTag"]]
        info = {"status": status} if parent is None else {"status": status, "parentIdTag": parent}
        return {"idTagInfo": info}

    central.answers["Authorize"] = answer


def begin(world: World, station: SimulatedStation, badge: str) -> None:
    station.plug()
    world.run(5)
    station.badge(badge)
    world.run(30)
    assert station.status() == "Charging"


@pytest.mark.requirement("OCPP-3.10-1")
@pytest.mark.parametrize("spelling", ["FLEET", "fleet"])
def test_colleague_with_the_same_parentidtag_stops_the_transaction(
    world: World, central: ScriptedSupervision, station: SimulatedStation, spelling: str
) -> None:
    answer_parents(central, {"ANNA": "FLEET", "BEN": spelling})
    begin(world, station, "ANNA")
    station.badge("BEN")
    world.run(5)
    assert [payload["idTag"] for payload in station.wire.payloads("Authorize")] == ["ANNA", "BEN"]
    (stop,) = station.wire.payloads("StopTransaction")
    assert (stop["idTag"], stop["reason"]) == ("BEN", "Local")
    assert station.status() == "Finishing"


@pytest.mark.requirement("OCPP-3.10-1")
def test_parentidtag_of_a_remote_start_comes_with_the_answer_to_starttransaction(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    answer_parents(central, {"BEN": "FLEET"})
    central.answers["StartTransaction"] = {
        "transactionId": 9,
        "idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET"},
    }
    changed = {"key": "AuthorizeRemoteTxRequests", "value": "false"}
    assert central.ask("ChangeConfiguration", changed) == {"status": "Accepted"}
    station.plug()
    world.run(5)
    assert central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "ANNA"}) == {"status": "Accepted"}
    world.run(30)
    station.badge("BEN")
    world.run(5)
    (stop,) = station.wire.payloads("StopTransaction")
    assert (stop["transactionId"], stop["idTag"]) == (9, "BEN")


@pytest.mark.requirement("OCPP-3.10-2")
@pytest.mark.parametrize(
    ("starter", "stopper"), [(None, None), ("FLEET", None), (None, "FLEET"), ("FLEET", "OTHER"), ("", "")]
)
def test_stranger_does_not_stop_the_transaction(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    starter: str | None,
    stopper: str | None,
) -> None:
    answer_parents(central, {"ANNA": starter, "BEN": stopper})
    begin(world, station, "ANNA")
    station.badge("BEN")
    world.run(60)
    assert not station.wire.calls("StopTransaction")
    assert station.status() == "Charging"
    station.badge("ANNA")
    world.run(5)
    assert len(station.wire.calls("StopTransaction")) == 1


@pytest.mark.requirement("OCPP-3.10-3")
@pytest.mark.parametrize(
    ("starter", "parents"),
    [
        ("ANNA", {"ANNA": "FLEET", "FLEET": None}),
        ("FLEET", {"FLEET": None, "ANNA": "FLEET"}),
        ("ANNA", {"ANNA": "FLEET", "FLEET": "HOLDING"}),
    ],
)
def test_parentidtag_is_not_a_tag_that_stops_or_is_stopped(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    starter: str,
    parents: dict[str, str | None],
) -> None:
    answer_parents(central, parents)
    begin(world, station, starter)
    (other,) = set(parents) - {starter}
    station.badge(other)
    world.run(60)
    assert not station.wire.calls("StopTransaction")
    assert station.status() == "Charging"


def test_colleague_whose_tag_is_blocked_does_not_stop_the_transaction(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    answer_parents(central, {"ANNA": "FLEET"})
    begin(world, station, "ANNA")
    answer_parents(central, {"BEN": "FLEET"}, "Blocked")
    station.badge("BEN")
    world.run(60)
    assert station.status() == "Charging"


def test_colleague_does_not_stop_offline_where_nobody_tells_the_parent(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    answer_parents(central, {"ANNA": "FLEET"})
    begin(world, station, "ANNA")
    station.network_down()
    station.badge("BEN")
    world.run(60)
    assert station.status() == "Charging"


@pytest.mark.requirement("OCPP-3.10-1", "OCPP-3.10-2")
def test_real_supervision_tells_the_parents(site: World, served: SimulatedStation) -> None:
    site.supervision.register("ANNA", "BEN", parent="FLEET")
    served.plug()
    served.badge("ANNA")
    site.run(30)
    served.badge("TAG1")
    site.run(30)
    assert not site.supervision.stopped
    served.badge("BEN")
    site.run(30)
    (stopped,) = site.supervision.stopped
    assert stopped.request.idTag == "BEN"
