"""The codec alone: one process, one core, no socket. Ours against the PyPI package `ocpp`, both synchronous.

Ours: a frame's bytes to a frozen record, checked, and a record to a frame's bytes. The package: what its `ChargePoint`
does with a message, without its thread pool, its tasks and its route table: unpack, check against the JSON schema, turn
the names, build the dataclass; and back.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

import ocpp.charge_point as package
import ocpp.messages as package_messages
from ocpp.v16 import call as package_call
from ocpp.v16 import call_result as package_result

from forecourt.ocpp.actions import ACTIONS
from forecourt.ocpp.frames import CallResult, decode_frame, encode_call, encode_call_result

if TYPE_CHECKING:
    from collections.abc import Callable

Operation = tuple[str, "Callable[[], Any]", "Callable[[], Any]", int]
"""Name, ours, the package's, how many times slower the package is about (so that rounds take about the same)."""

METER_VALUES = (
    b'[2,"1f-204","MeterValues",{"connectorId":1,"transactionId":4711,"meterValue":[{"timestamp":'
    b'"2026-11-22T13:37:00.250Z","sampledValue":['
    b'{"value":"18204","context":"Sample.Periodic","format":"Raw","measurand":"Energy.Active.Import.Register",'
    b'"unit":"Wh"},'
    b'{"value":"117300","context":"Sample.Periodic","format":"Raw","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"301.6","context":"Sample.Periodic","format":"Raw","measurand":"Current.Import","unit":"A"},'
    b'{"value":"47","context":"Sample.Periodic","format":"Raw","measurand":"SoC","unit":"Percent","location":"EV"}'
    b"]}]}]"
)
BOOT = (
    b'[2,"1f-1","BootNotification",{"chargePointVendor":"Schneider Electric","chargePointModel":"EVD1S180THB",'
    b'"chargePointSerialNumber":"3N264500017","firmwareVersion":"3.5.8803"}]'
)
START_CONF = (
    b'[3,"1f-203",{"transactionId":4711,"idTagInfo":{"status":"Accepted","expiryDate":"2026-12-31T23:59:59Z",'
    b'"parentIdTag":"FLEET-07"}}]'
)


def measure(quick: bool) -> dict[str, Any]:
    """Microseconds a message, ours and the package's, and the ratio, by operation."""
    operations = _operations()
    rounds, ours_a_round = (3, 500) if quick else (9, 20_000)
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name, *_ in operations}
    for _ in range(rounds):
        for name, ours, theirs, slower in operations:
            times[name][0].append(_microseconds(ours, ours_a_round))
            times[name][1].append(_microseconds(theirs, max(1, ours_a_round // slower)))
    return {name: _compared(*of_one) for name, of_one in times.items()}


def _compared(ours: list[float], theirs: list[float]) -> dict[str, float]:
    ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
    return {
        "ours_us": round(median(ours), 3),
        "package_us": round(median(theirs), 1),
        "ratio": round(median(ratios), 1),
        "ratio_least": round(min(ratios), 1),
        "ratio_most": round(max(ratios), 1),
    }


def _microseconds(operation: Callable[[], Any], times: int) -> float:
    operation()
    began = time.process_time_ns()
    for _ in range(times):
        operation()
    return (time.process_time_ns() - began) / times / 1000


def _operations() -> list[Operation]:
    meter_values, boot = _request(METER_VALUES), _request(BOOT)
    start_conf = _result(START_CONF, "StartTransaction")
    their_meter_values = _package_request(METER_VALUES, package_call.MeterValues)
    their_boot = _package_request(BOOT, package_call.BootNotification)
    their_start_conf = _package_result(START_CONF, "StartTransaction")
    return [
        (
            "MeterValues decode+validate",
            lambda: _request(METER_VALUES),
            lambda: _package_request(METER_VALUES, package_call.MeterValues),
            120,
        ),
        ("BootNotification decode+validate", lambda: _request(BOOT), lambda: _boot_by_package(BOOT), 60),
        (
            "StartTransaction.conf decode+validate",
            lambda: _result(START_CONF, "StartTransaction"),
            lambda: _package_result(START_CONF, "StartTransaction"),
            60,
        ),
        (
            "MeterValues encode",
            lambda: encode_call("1f-204", meter_values),
            lambda: _package_encode_call("1f-204", their_meter_values),
            150,
        ),
        (
            "BootNotification encode",
            lambda: encode_call("1f-1", boot),
            lambda: _package_encode_call("1f-1", their_boot),
            100,
        ),
        (
            "StartTransaction.conf encode",
            lambda: encode_call_result("1f-203", start_conf),
            lambda: _package_encode_result("1f-203", "StartTransaction", their_start_conf),
            100,
        ),
    ]


# Ours.


def _request(frame: bytes) -> Any:
    message: Any = decode_frame(frame)
    return ACTIONS[message.action].decode_request(message.payload)


def _result(frame: bytes, action: str) -> Any:
    message = decode_frame(frame)
    assert isinstance(message, CallResult), "the frame is an answer"
    return ACTIONS[action].decode_response(message.payload)


# The package's, in the order of its `ChargePoint._handle_call` and `ChargePoint.call`.


def _package_request(frame: bytes, record: Callable[..., Any]) -> Any:
    message: Any = package_messages.unpack(frame)
    package_messages._validate_payload(message, "1.6")
    return record(**package.camel_to_snake_case(message.payload))


def _boot_by_package(frame: bytes) -> Any:
    return _package_request(frame, package_call.BootNotification)


def _package_result(frame: bytes, action: str) -> Any:
    message: Any = package_messages.unpack(frame)
    message.action = action
    package_messages._validate_payload(message, "1.6")
    return getattr(package_result, action)(**package.camel_to_snake_case(message.payload))


def _package_encode_call(message_id: str, record: Any) -> str:
    payload: Any = package.remove_nones(package.snake_to_camel_case(package.serialize_as_dict(record)))
    message: Any = package_messages.Call(message_id, type(record).__name__, payload)
    package_messages._validate_payload(message, "1.6")
    return str(message.to_json())


def _package_encode_result(message_id: str, action: str, record: Any) -> str:
    payload: Any = package.snake_to_camel_case(package.remove_nones(package.serialize_as_dict(record)))
    message: Any = package_messages.CallResult(message_id, payload, action)
    package_messages._validate_payload(message, "1.6")
    return str(message.to_json())
