"""What a session costs: CostUpdated of com.se.cost, from the supervision to the screen (A36, A38)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.ocpp.core import DataTransferResponse, DataTransferStatus
from forecourt.station.commissioning import StationOptions
from forecourt.station.display import CostShown
from forecourt.supervision.outcomes import Answered
from forecourt.supervision.price_messages import cost_updated
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.wire import Message

PRINTED = '{currency:"VNĐ","method":"CostUpdated","connectID":1,"totalCost":16780,"transactionId":1}'
"""The guide's example, with an id that runs here."""


def data(**changes: object) -> str:
    """The text of a good CostUpdated for transaction 1 on connector 1, but for some fields; None leaves one out."""
    fields = {"currency": "EUR", "method": "CostUpdated", "connectID": 1, "totalCost": 3.5, "transactionId": 1}
    return msgspec.json.encode({k: v for k, v in (fields | changes).items() if v is not None}).decode()


def tell(
    central: ScriptedSupervision, text: object, vendor: str = "com.se.cost", message: str = "CostUpdated"
) -> Message:
    """Send a DataTransfer; its answer."""
    return central.call("DataTransfer", {"vendorId": vendor, "messageId": message, "data": text})


def cost(station: SimulatedStation) -> CostShown | None:
    """The cost area of the page that is shown."""
    gun = station.snapshot().screen.gun
    assert gun is not None, "a gun is shown"
    return None if gun.session is None else gun.session.cost


@pytest.fixture
def charging(world: World, station: SimulatedStation) -> SimulatedStation:
    """A station with transaction 1 on connector 1."""
    station.plug(1)
    station.badge("TAG1")
    world.run(30)
    assert station.connector().transaction is not None
    return station


def assert_refused(station: SimulatedStation, answer: Message, why: str) -> None:
    assert (answer.kind, answer.payload) == ("CALLRESULT", {"status": "Rejected"})
    line = station.log[-1]
    assert line.name == "CostUpdated refused"
    assert why in line.detail


# From one to the other.


@pytest.mark.requirement(
    "GUIDE-COST-01", "GUIDE-COST-02", "GUIDE-COST-03", "GUIDE-COST-04", "GUIDE-COST-10", "GUIDE-CSOP-04"
)
def test_supervision_sends_the_cost_and_the_station_takes_it(site: World, served: SimulatedStation) -> None:
    served.plug()
    served.badge("TAG1")
    site.run(30)
    number = site.supervision.started[0].transactionId
    outcome = site.supervision.ask(served.identity, cost_updated(1, number, "VND", 16780))
    assert outcome == Answered(DataTransferResponse(status=DataTransferStatus.Accepted))
    call, answer = served.wire.messages[-2:]
    assert (call.action, call.payload["vendorId"], call.payload["messageId"]) == (
        "DataTransfer",
        "com.se.cost",
        "CostUpdated",
    )
    assert msgspec.json.decode(call.payload["data"]) == {
        "currency": "VND",
        "method": "CostUpdated",
        "connectID": 1,
        "totalCost": 16780,
        "transactionId": number,
    }
    assert answer.payload == {"status": "Accepted"}
    assert cost(served) == CostShown("VND", 16780)


@pytest.mark.requirement("GUIDE-COST-06", "GUIDE-COST-11")
def test_printed_example_is_accepted_and_shown_as_it_is(
    central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    assert tell(central, PRINTED).payload == {"status": "Accepted"}
    assert cost(charging) == CostShown("VNĐ", 16780)


@pytest.mark.requirement("GUIDE-COST-07")
@pytest.mark.parametrize(
    "text",
    [
        '{"CURRENCY":"EUR","METHOD":"CostUpdated","CONNECTID":1,"TOTALCOST":3.5,"TransactionId":1}',
        '{"Currency":"EUR","Method":"CostUpdated","connectorId":1,"TotalCost":3.5,"TRANSACTIONID":1}',
        '{"currency":"EUR","method":"CostUpdated","ConnectorID":1,"totalcost":3.5,"transactionid":1}',
    ],
)
def test_field_names_are_matched_in_any_case_and_connectorid_is_taken(
    central: ScriptedSupervision, charging: SimulatedStation, text: str
) -> None:
    assert tell(central, text).payload == {"status": "Accepted"}
    assert cost(charging) == CostShown("EUR", 3.5)


@pytest.mark.requirement("GUIDE-DT-03")
@pytest.mark.parametrize(
    ("vendor", "message"),
    [("COM.SE.COST", "CostUpdated"), ("com.se.cost", "COSTUPDATED"), ("Com.Se.Cost", "costupdated")],
)
def test_vendor_and_message_are_compared_without_regard_to_case(
    central: ScriptedSupervision, charging: SimulatedStation, vendor: str, message: str
) -> None:
    assert tell(central, data(), vendor, message).payload == {"status": "Accepted"}
    assert cost(charging) == CostShown("EUR", 3.5)


@pytest.mark.requirement("GUIDE-DT-02", "OCPP-4.3-2")
@pytest.mark.parametrize("vendor", ["com.se.cost", "com.se.tariff", "COM.SE.TARIFF"])
@pytest.mark.parametrize("message", ["CostUpdate", "Tariff", "", None])
def test_unknown_message_of_a_known_vendor_is_said_to_be_unknown(
    central: ScriptedSupervision, charging: SimulatedStation, vendor: str, message: str | None
) -> None:
    payload = {"vendorId": vendor, "data": data()} | ({} if message is None else {"messageId": message})
    assert central.ask("DataTransfer", payload) == {"status": "UnknownMessageId"}
    assert charging.log[-1].name == "DataTransfer refused"
    assert "messageId" in charging.log[-1].detail
    assert cost(charging) is None


@pytest.mark.requirement("GUIDE-DT-01", "OCPP-4.3-1")
@pytest.mark.parametrize("vendor", ["com.se", "com.se.costs", "org.openchargealliance.costmsg"])
def test_other_vendors_are_unknown_and_answered_without_data(
    central: ScriptedSupervision, charging: SimulatedStation, vendor: str
) -> None:
    assert tell(central, data(), vendor).payload == {"status": "UnknownVendorId"}
    assert repr(vendor) in charging.log[-1].detail


# What is refused.


@pytest.mark.requirement("GUIDE-COST-08")
@pytest.mark.parametrize("connector", [0, 3, -1, 99])
def test_cost_for_a_connector_that_does_not_exist_is_refused(
    central: ScriptedSupervision, charging: SimulatedStation, connector: int
) -> None:
    assert_refused(charging, tell(central, data(connectID=connector)), f"connectID 1 to 2, came {connector}")
    assert cost(charging) is None


@pytest.mark.requirement("GUIDE-COST-08")
@pytest.mark.parametrize(("connector", "number"), [(2, 1), (1, 2), (1, -1), (1, 0)])
def test_cost_of_a_transaction_that_is_not_on_the_connector_is_refused(
    central: ScriptedSupervision, charging: SimulatedStation, connector: int, number: int
) -> None:
    answer = tell(central, data(connectID=connector, transactionId=number))
    assert_refused(charging, answer, f"on connector {connector} or ended there with the cable still in, came {number}")
    assert cost(charging) is None


@pytest.mark.requirement("GUIDE-COST-08")
def test_cost_is_taken_after_the_end_until_the_cable_is_unplugged_and_refused_from_then_on(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    charging.badge("TAG1")
    world.run(600)
    assert charging.status() == "Finishing"
    assert tell(central, data(totalCost=9)).payload == {"status": "Accepted"}
    assert cost(charging) == CostShown("EUR", 9)
    charging.unplug()
    assert_refused(charging, tell(central, data(totalCost=10)), "came 1 while there is none")
    charging.plug()
    assert_refused(charging, tell(central, data(totalCost=10)), "came 1 while there is none")


@pytest.mark.requirement("GUIDE-COST-08")
def test_cost_of_the_former_transaction_is_refused_once_the_next_one_runs(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    for badge in ("TAG1", "TAG2"):
        charging.badge(badge)
        world.run(30)
    assert_refused(charging, tell(central, data()), "came 1 while it is 2")
    assert tell(central, data(transactionId=2)).payload == {"status": "Accepted"}


@pytest.mark.requirement("GUIDE-COST-08")
def test_cost_of_a_transaction_that_has_no_id_yet_is_refused(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    central.silent.add("StartTransaction")
    station.plug()
    station.badge("TAG1")
    world.run(10)
    for number in (1, -1):
        assert_refused(station, tell(central, data(transactionId=number)), "none with an id")


@pytest.mark.requirement("GUIDE-COST-09")
@pytest.mark.parametrize("amount", ["3.5", True, [], {}, -1, -0.01, "", None])
def test_total_cost_that_is_missing_no_number_or_negative_is_refused(
    central: ScriptedSupervision, charging: SimulatedStation, amount: object
) -> None:
    assert tell(central, data(totalCost=2)).payload == {"status": "Accepted"}
    assert_refused(charging, tell(central, data(totalCost=amount)), "totalCost")
    assert_refused(charging, tell(central, data().replace("3.5", "null")), "totalCost")
    assert cost(charging) == CostShown("EUR", 2)


@pytest.mark.parametrize("text", ["", "cost", "[]", "{", "{}", data(method="Cost"), data(currency="x" * 21)])
def test_data_that_is_no_cost_is_refused_and_says_why(
    central: ScriptedSupervision, charging: SimulatedStation, text: str
) -> None:
    assert_refused(charging, tell(central, text), "xpected")
    assert cost(charging) is None


def test_cost_without_data_is_refused(central: ScriptedSupervision, charging: SimulatedStation) -> None:
    answer = central.call("DataTransfer", {"vendorId": "com.se.cost", "messageId": "CostUpdated"})
    assert_refused(charging, answer, "JSON")


# The type of `data`.


@pytest.mark.requirement("GUIDE-COST-05")
@pytest.mark.parametrize("text", [msgspec.Raw(data().encode()), [1], 3.5, None])
def test_data_that_is_no_text_breaks_the_schema(
    central: ScriptedSupervision, charging: SimulatedStation, text: object
) -> None:
    answer = tell(central, text)
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "TypeConstraintViolation")
    assert cost(charging) is None


@pytest.mark.requirement("GUIDE-COST-05")
def test_supervision_sends_data_as_text_and_an_object_is_taken_only_with_the_tolerant_option() -> None:
    """The same object on two stations; the text of the supervision on both."""
    for is_tolerant in (False, True):
        world = World()
        world.supervision.register("TAG1")
        station = world.add_station(options=StationOptions(tolerant_data_transfer=is_tolerant))
        world.run(5)
        station.plug()
        station.badge("TAG1")
        world.run(30)
        number = world.supervision.started[0].transactionId
        world.supervision.ask(station.identity, cost_updated(1, number, "EUR", 1))
        assert isinstance(station.wire.calls("DataTransfer", "<")[-1].payload["data"], str)
        assert cost(station) == CostShown("EUR", 1)
        fields = msgspec.json.decode(data(transactionId=number))
        payload = {"vendorId": "com.se.cost", "messageId": "CostUpdated", "data": fields}
        station.deliver(msgspec.json.encode([2, "object", "DataTransfer", payload]))
        world.run(1)
        answer = station.wire.messages[-1]
        if is_tolerant:
            assert (answer.kind, answer.payload) == ("CALLRESULT", {"status": "Accepted"})
            assert cost(station) == CostShown("EUR", 3.5)
        else:
            assert (answer.kind, answer.payload["code"]) == ("CALLERROR", "TypeConstraintViolation")
            assert cost(station) == CostShown("EUR", 1)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"vendorId": 7, "data": {}}, "TypeConstraintViolation"),
        ({"vendorId": "com.se.cost", "data": 7}, "TypeConstraintViolation"),
        ({"data": {}}, "ProtocolError"),
        ({"vendorId": "com.se.cost", "colour": {}}, "FormationViolation"),
        ([], "FormationViolation"),
    ],
)
def test_tolerant_option_mends_nothing_else(payload: Any, code: str) -> None:
    world = World(central=ScriptedSupervision)
    station = world.add_station(options=StationOptions(tolerant_data_transfer=True))
    world.run(5)
    station.deliver(msgspec.json.encode([2, "odd", "DataTransfer", payload]))
    world.run(1)
    answer = station.wire.messages[-1]
    assert (answer.kind, answer.payload["code"]) == ("CALLERROR", code)


# On the screen.


@pytest.mark.requirement("GUIDE-COST-11")
def test_latest_cost_is_on_the_page_of_its_gun_as_soon_as_it_is_accepted(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    charging.plug(2)
    charging.show(2)
    charging.badge("TAG2")
    world.run(30)
    for amount in (1, 2.25, 2.5):
        assert tell(central, data(totalCost=amount, currency="€")).payload == {"status": "Accepted"}
        charging.show(1)
        assert cost(charging) == CostShown("€", amount)
        charging.show(2)
        assert cost(charging) is None
    assert tell(central, data(connectID=2, transactionId=2, totalCost=7)).payload == {"status": "Accepted"}
    assert cost(charging) == CostShown("EUR", 7)
    charging.show(1)
    assert cost(charging) == CostShown("€", 2.5)


@pytest.mark.requirement("GUIDE-COST-13")
def test_cost_area_is_empty_until_a_cost_of_the_running_transaction_came(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    for _ in range(3):
        assert cost(charging) is None
        world.run(600)
    tell(central, data(transactionId=2))  # of another transaction
    assert cost(charging) is None
    tell(central, data())
    assert cost(charging) == CostShown("EUR", 3.5)


@pytest.mark.requirement("GUIDE-COST-14", "GUIDE-COST-13")
@pytest.mark.parametrize("unplugs", [True, False])
def test_last_cost_stays_until_the_cable_is_unplugged_and_the_next_transaction_begins_without(
    world: World, central: ScriptedSupervision, charging: SimulatedStation, unplugs: bool
) -> None:
    tell(central, data(totalCost=12.3))
    charging.badge("TAG1")
    for _ in range(3):
        world.run(1_200)
        assert charging.status() == "Finishing"
        assert cost(charging) == CostShown("EUR", 12.3)
    if unplugs:
        charging.unplug()
        assert charging.snapshot().screen.gun is None
        charging.plug()
        assert cost(charging) is None
    charging.badge("TAG2")
    world.run(60)
    assert charging.status() == "Charging"
    assert cost(charging) is None
    tell(central, data(transactionId=2, totalCost=0))
    assert cost(charging) == CostShown("EUR", 0)


def test_cost_outlives_the_link_and_a_fault_but_not_a_power_cut(
    world: World, central: ScriptedSupervision, charging: SimulatedStation
) -> None:
    """After the cut the session is over; with the cable still in, its cost can be told again."""
    tell(central, data(totalCost=4))
    charging.network_down()
    world.run(60)
    assert cost(charging) == CostShown("EUR", 4)
    charging.network_up()
    world.run(60)
    charging.fault("0x100205")
    world.run(5)
    assert cost(charging) == CostShown("EUR", 4)
    charging.clear("0x100205")
    charging.badge("TAG2")
    world.run(30)
    tell(central, data(transactionId=2, totalCost=5))
    charging.cut()
    charging.power_on()
    world.run(60)
    assert (charging.status(), cost(charging)) == ("Finishing", None)
    assert tell(central, data(transactionId=2, totalCost=6)).payload == {"status": "Accepted"}
    assert cost(charging) == CostShown("EUR", 6)
