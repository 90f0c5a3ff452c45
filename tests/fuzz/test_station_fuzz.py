"""Whatever arrives, a station answers or closes; nothing else.

A station in a world gets frames made from the records of the messages, right and wrong, and wrong answers to its own
requests, while people use it. Nothing raises, every CALL gets one answer, what the station sends is always sound, and
afterwards somebody can charge.
"""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.evlink.keys import KEYS
from forecourt.ocpp.actions import ACTIONS, Sender
from forecourt.ocpp.errors import ErrorCode
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World
from tests.fuzz.frames import BOMBS, URLS, WORDS, Frames

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

ACTIONS_OF_CENTRAL = [name for name, action in ACTIONS.items() if action.sender is not Sender.STATION]
ACTIONS_OF_STATION = [name for name, action in ACTIONS.items() if action.sender is Sender.STATION]
LINK_KEYS = {"SupervisionUrl", "SecurityProfile", "BoxIdentifier", "AuthorizationKey"}
"""With another value of these the station would rightly go elsewhere; they have tests of their own."""
KNOWN: dict[str, Any] = {
    "connectorId": (0, 1, 2, 3, -1),
    "idTag": ("TAG", "ONE", "tag", ""),
    "transactionId": (1, 2, 3, -1),
    "reservationId": (1, 2, 3),
    "chargingProfileId": (1, 2, 3),
    "listVersion": (0, 1, 2, 3, -1),
    "vendorId": ("com.se.cost", "com.se.tariff", "Schneider Electric", "x"),
    "messageId": ("CostUpdated", "TariffDownload", "x"),
    "key": ("", *(name for key in KEYS if (name := key.name) not in LINK_KEYS), "Nonsense"),
    "value": ("true", "false", "0", "1", "10", "-1", "", "Energy.Active.Import.Register", "A,B", *WORDS),
    "location": URLS,
    "remoteLocation": URLS,
    "duration": (0, 1, 60, 3600, 86400, 2**63 - 1),
    "startPeriod": (0, 0, 60, 3600),
    "limit": (0, 0.1, 16, 9000, 1e6),
    "stackLevel": (0, 1, 2, 10),
}


ANSWERED_WITHIN_S = 700.0
"""The longest that an answer may wait for something: a file that does not come."""


class Fuzz:
    """One storm on one station."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.frames = Frames(self.chance, KNOWN)
        self.world = World(seed, central=ScriptedSupervision)
        self.station: SimulatedStation = self.world.add_station(
            model="EVD1S180TBB", keys={"MinimumStatusDuration": "0", "WebSocketPingInterval": "0"}
        )
        central = self.world.central
        assert isinstance(central, ScriptedSupervision)
        self.central = central
        self.asked: set[str] = set()
        """The ids of all CALLs."""
        self.owed: dict[str, tuple[str, int, float]] = {}
        """By its id, a CALL that must be answered: its action, on which link and when it came."""
        self.answers: Counter[str] = Counter()
        self.told = 0
        self.world.run(5)

    def step(self) -> None:
        """One thing happens."""
        draw = self.chance.random()
        if draw < 0.55:
            self.call()
        elif draw < 0.65:
            self.station.deliver(self.frames.no_frame())
        elif draw < 0.7:
            self.station.deliver(self.chance.choice(list(BOMBS.values())[15:]))
        elif draw < 0.8:
            self.spoil_an_answer()
        elif draw < 0.93:
            self.use_it()
        elif draw < 0.95:
            self.station.close_link()
        self.world.run(self.chance.choice((0.05, 0.05, 0.05, 0.5, 5, 40)))
        self.check()

    def call(self) -> None:
        sent = self.frames.call(ACTIONS_OF_CENTRAL if self.chance.random() < 0.95 else ACTIONS_OF_STATION)
        if self.station.is_connected:
            self.asked.add(sent.call_id)
            if self.station.snapshot().boot != "Rejected":  # one that is rejected answers nothing
                self.owed[sent.call_id] = (sent.action, self.station.line.link, self.world.now)
            self.station.deliver(sent.data)

    def spoil_an_answer(self) -> None:
        """The next answers to one action are as the draw wants; or one comes that nobody waits for."""
        action = self.chance.choice([*ACTIONS_OF_STATION, "DataTransfer"])
        self.central.answers.clear()
        self.central.errors.clear()
        if self.chance.random() < 0.2:
            self.station.deliver(self.frames.answer("nobody", action))
        elif self.chance.random() < 0.2:
            self.central.errors[action] = self.chance.choice(("InternalError", "x" * 500, ""))
        else:
            payload: Any = self.frames.payload(ACTIONS[action].response)
            self.central.answers[action] = self.frames.mutated(payload) if self.chance.random() < 0.5 else payload

    def use_it(self) -> None:
        gun = self.chance.choice((1, 2))
        if not self.station.has_power:
            return
        match self.chance.randrange(4):
            case 0 if not self.station.cabinet.plugged(gun):
                self.station.plug(gun)
            case 1 if self.station.cabinet.plugged(gun):
                self.station.unplug(gun)
            case _:
                self.station.badge(self.chance.choice(("TAG", "ONE")))

    def check(self) -> None:
        """What the station sent since the last look is sound, and no answer is one too many."""
        messages = self.station.wire.messages
        for message in messages[self.told :]:
            if message.direction != ">":
                continue
            kind, message_id, *rest = json.loads(message.text)
            if kind == 2:
                ACTIONS[rest[0]].decode_request(json.dumps(rest[1]).encode())
                continue
            self.answers[message_id] += 1
            assert self.answers[message_id] == 1 or message_id not in self.asked, f"answered again: {message.text}"
            if kind == 3:
                ACTIONS[message.action].decode_response(json.dumps(rest[0]).encode())
            else:
                assert kind == 4, message.text
                ErrorCode(rest[0])  # raises for what is none
        self.told = len(messages)
        self.settle()

    def settle(self) -> None:
        """Whoever has an answer is owed none; neither is whoever's connection has ended. Transfers take their time."""
        for call_id, (action, link, at) in list(self.owed.items()):
            if self.answers[call_id] or link != self.station.line.link:
                del self.owed[call_id]
            else:
                assert self.world.now < at + ANSWERED_WITHIN_S, f"{action} {call_id} was never answered"

    def calm_down(self) -> None:
        """Whoever sent nonsense has gone, and the installer puts every key back."""
        self.central.answers.clear()
        self.central.errors.clear()
        for gun in (1, 2):
            if self.station.cabinet.plugged(gun):
                self.station.unplug(gun)
        self.world.run(600)
        for key in KEYS:
            if key.name not in LINK_KEYS and key.default and key.name in self.known_keys():
                self.station.set_key(key.name, key.default)
        if self.station.snapshot().boot != "Accepted":
            self.station.reboot()
            self.world.run(60)
        self.world.run_until(lambda: self.station.is_connected, within_s=600)
        for number in (0, 1, 2):
            self.central.ask("ChangeAvailability", {"connectorId": number, "type": "Operative"})
        for number in {one.reservationId for one in self.station.snapshot().reservations}:
            self.central.ask("CancelReservation", {"reservationId": number})
        self.central.ask("ClearChargingProfile")
        self.world.run(60)

    def known_keys(self) -> set[str]:
        return {key.name for key in KEYS if self.station.configuration.has(key.name)}

    def charge(self) -> None:
        """Somebody charges, as if nothing had been."""
        before = len(self.station.wire.payloads("StopTransaction"))
        meter_wh = self.station.connector(1).meter_wh
        self.station.plug(1)
        self.world.run(2)
        self.station.show(1)
        self.station.badge("AFTER")
        self.world.run_until(lambda: self.station.connector(1).meter_wh > meter_wh + 500, within_s=600)
        self.station.badge("AFTER")
        self.world.run_until(lambda: len(self.station.wire.payloads("StopTransaction")) > before, within_s=600)
        stop = self.station.wire.payloads("StopTransaction")[-1]
        start = self.station.wire.payloads("StartTransaction")[-1]
        assert start["idTag"] == stop["idTag"] == "AFTER"
        assert stop["meterStop"] - start["meterStart"] >= 500


@pytest.mark.parametrize("seed", [*range(5), 171])
def test_a_station_survives_a_storm_of_frames_and_charges_afterwards(seed: int) -> None:
    """In 171 the last answer to a BootNotification is Pending, for as good as ever."""
    fuzz = Fuzz(seed)
    for _ in range(250):
        fuzz.step()
    fuzz.calm_down()
    fuzz.check()
    fuzz.charge()


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_station_takes_a_bomb_and_answers_the_next_call(bomb: str) -> None:
    fuzz = Fuzz(1)
    before = len(fuzz.station.wire.messages)
    fuzz.station.deliver(BOMBS[bomb])
    fuzz.world.run(1)
    sent = [message for message in fuzz.station.wire.messages[before:] if message.direction == ">"]
    assert len([message for message in sent if message.kind != "CALL"]) <= 1
    assert fuzz.central.ask("ChangeAvailability", {"connectorId": 0, "type": "Operative"})


def test_a_station_grows_no_further_however_much_nonsense_comes() -> None:
    """The third thousand frames of each kind need no more memory than the second, and no more records."""
    fuzz = Fuzz(2)
    sizes, records = [], []
    fuzz.station.wire.keeps_messages = fuzz.station.keeps_effects = False
    for _ in range(3):
        for _ in range(1000):
            fuzz.station.deliver(fuzz.frames.call(ACTIONS_OF_STATION).data)
            fuzz.station.deliver(fuzz.frames.no_frame())
            fuzz.station.deliver(fuzz.frames.answer("nobody", "Heartbeat"))
            fuzz.world.run(0.05)
            fuzz.station.log.clear()
        if not tracemalloc.is_tracing():
            tracemalloc.start()
        sizes.append(tracemalloc.get_traced_memory()[0])
        records.append(sum(map(len, fuzz.station.records.values())))
    tracemalloc.stop()
    assert sizes[2] - sizes[1] < 200_000, sizes
    assert records[2] < records[0] + 50_000, records
