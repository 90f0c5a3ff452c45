"""The block that answers TriggerMessage, in a whole station between its doors."""

from __future__ import annotations

import pytest

from forecourt.ocpp.remote_trigger import MessageTrigger
from forecourt.station import events as happened
from forecourt.station.effects import SendFrame
from forecourt.station.triggers import ROWS
from tests.station_rig import Rig


def test_every_message_of_the_standard_has_a_row() -> None:
    assert set(ROWS) == {message.value for message in MessageTrigger}


@pytest.mark.parametrize(
    ("payload", "status", "sent"),
    [
        ({"requestedMessage": "Heartbeat"}, "Accepted", 1),
        ({"requestedMessage": "Heartbeat", "connectorId": 9}, "Accepted", 1),
        ({"requestedMessage": "StatusNotification"}, "Accepted", 3),
        ({"requestedMessage": "StatusNotification", "connectorId": 0}, "Accepted", 1),
        ({"requestedMessage": "StatusNotification", "connectorId": 3}, "Rejected", 0),
        ({"requestedMessage": "MeterValues"}, "Accepted", 2),
        ({"requestedMessage": "MeterValues", "connectorId": 2}, "Accepted", 1),
        ({"requestedMessage": "MeterValues", "connectorId": 0}, "Rejected", 0),
        ({"requestedMessage": "BootNotification"}, "Rejected", 0),
        ({"requestedMessage": "DiagnosticsStatusNotification"}, "Accepted", 1),
        ({"requestedMessage": "FirmwareStatusNotification"}, "Accepted", 1),
        ({"requestedMessage": "Reset"}, "NotImplemented", 0),
    ],
)
def test_trigger_is_answered_and_obeyed(payload: dict[str, object], status: str, sent: int) -> None:
    rig = Rig()
    action = str(payload["requestedMessage"])
    before, seen = len(rig.calls(action)), len(rig.effects)
    assert rig.ask("TriggerMessage", payload) == {"status": status}
    assert len(rig.calls(action)) - before == sent
    frames = [effect for effect in rig.effects[seen:] if isinstance(effect, SendFrame)]
    assert len(frames) == 1 + sent
    assert len([line for line in rig.log() if "expected" in line]) == (0 if status == "Accepted" else 1)


def test_trigger_costs_no_memory_while_nobody_asks() -> None:
    """Nothing is kept between two triggers."""
    rig = Rig()
    assert rig.station._triggers() is not rig.station._triggers()


def test_second_heartbeat_is_sent_though_the_first_is_not_answered_yet() -> None:
    rig = Rig()
    rig.silent = True
    rig.handle(happened.FrameReceived(b'[2,"a","TriggerMessage",{"requestedMessage":"Heartbeat"}]'))
    rig.handle(happened.FrameReceived(b'[2,"b","TriggerMessage",{"requestedMessage":"Heartbeat"}]'))
    assert len(rig.calls("Heartbeat")) == 1
    rig.wait(31)
    assert len(rig.calls("Heartbeat")) == 2
