"""The latest cost at each gun, asked for at the station's doors."""

from __future__ import annotations

import json

from forecourt.station.display import CostShown
from tests.station_rig import Rig


def told(rig: Rig, connector: int, transaction: int, amount: float) -> str:
    fields = {
        "currency": "EUR",
        "method": "CostUpdated",
        "connectID": connector,
        "totalCost": amount,
        "transactionId": transaction,
    }
    payload = {"vendorId": "com.se.cost", "messageId": "CostUpdated", "data": json.dumps(fields)}
    status: str = rig.ask("DataTransfer", payload)["status"]
    return status


def shown(rig: Rig) -> CostShown | None:
    gun = rig.station.snapshot(rig.now).screen.gun
    assert gun is not None, "a gun is plugged"
    return None if gun.session is None else gun.session.cost


def test_cost_is_of_one_transaction_and_goes_with_it() -> None:
    rig = Rig()
    rig.plug()
    assert told(rig, 1, 1, 2) == "Rejected"
    rig.badge("TAG1")
    assert shown(rig) is None
    assert told(rig, 1, 1, 2) == "Accepted"
    assert told(rig, 2, 1, 3) == "Rejected"
    assert shown(rig) == CostShown("EUR", 2)
    rig.badge("TAG1")
    assert told(rig, 1, 1, 4) == "Accepted"
    assert shown(rig) == CostShown("EUR", 4)
    rig.badge("TAG2")
    assert shown(rig) is None
    assert told(rig, 1, 1, 5) == "Rejected"
    assert shown(rig) is None


def test_costs_of_two_guns_are_kept_apart() -> None:
    rig = Rig(keys={"FreeCharging": "true"})
    rig.plug(1)
    rig.plug(2)
    assert (told(rig, 1, 1, 1), told(rig, 2, 2, 2)) == ("Accepted", "Accepted")
    assert shown(rig) == CostShown("EUR", 1)
    rig.unplug(1)
    assert shown(rig) == CostShown("EUR", 2)


def test_cost_stays_while_a_session_goes_on_without_its_cable() -> None:
    rig = Rig(keys={"StopTransactionOnEVSideDisconnect": "false"})
    rig.plug()
    rig.badge("TAG1")
    assert told(rig, 1, 1, 2) == "Accepted"
    rig.unplug()
    assert told(rig, 1, 1, 3) == "Accepted"
    rig.plug()
    assert shown(rig) == CostShown("EUR", 3)
