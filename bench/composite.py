"""GetCompositeSchedule through the station's doors: 24 hours, with up to 40 charging profiles of 50 periods each.

Half of the profiles are TxProfiles of a running transaction, half TxDefaultProfiles for its gun, all recur daily. The
higher a level the shorter its part of the day, so that each shows through somewhere, with all its periods in that part.
The figure is the CPU time of one request, from its frame to the frame of its answer.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.firmware import DEFAULT_FIRMWARE_VERSION
from forecourt.evlink.models import find_model
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.effects import SendFrame
from forecourt.station.events import BadgeShown, CablePlugged, FrameReceived, LinkOpened, PowerRestored
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance

if TYPE_CHECKING:
    from forecourt.station.effects import Effect

MODEL = "EVD1S180TBB"
EPOCH_S = 1_772_438_400.0
DAY_S = 86_400
PERIODS = 50
FRIENDLY = {
    "BootNotification": {"status": "Accepted", "currentTime": "2026-03-02T08:00:01Z", "interval": 300},
    "Authorize": {"idTagInfo": {"status": "Accepted"}},
    "StartTransaction": {"idTagInfo": {"status": "Accepted"}, "transactionId": 1},
}


def measure(quick: bool) -> dict[str, Any]:
    """Milliseconds a request with 20 and with 40 profiles, for a gun and for the whole station, and their ratio."""
    rounds = 2 if quick else 20
    results: dict[str, Any] = {}
    for count in (20, 40):
        station = _charging()
        for number in range(count):
            request = {"connectorId": 1, "csChargingProfiles": _profile(number, count // 2)}
            assert _ask(station, "SetChargingProfile", request) == {"status": "Accepted"}
        of_gun, of_station = ({"connectorId": connector, "duration": DAY_S} for connector in (1, 0))
        schedule = _ask(station, "GetCompositeSchedule", of_gun)["chargingSchedule"]
        results[f"gun_ms_{count}_profiles"] = _milliseconds(station, of_gun, rounds)
        results[f"station_ms_{count}_profiles"] = _milliseconds(station, of_station, rounds)
        results[f"periods_{count}_profiles"] = len(schedule["chargingSchedulePeriod"])
    results["gun_40_to_20"] = round(results["gun_ms_40_profiles"] / results["gun_ms_20_profiles"], 2)
    return results


def _profile(number: int, levels: int) -> dict[str, Any]:
    """Fifty periods over the part of the day that belongs to its level."""
    place, level = divmod(number, levels)
    duration_s = DAY_S * (levels - level) // levels
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH_S - DAY_S + 61 * number))
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": ("TxDefaultProfile", "TxProfile")[place],
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "chargingSchedule": {
            "startSchedule": start,
            "duration": duration_s,
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [
                {"startPeriod": row * (duration_s // PERIODS), "limit": 1000.0 * (1 + (row * 7 + number) % 100)}
                for row in range(PERIODS)
            ],
        },
    }


def _charging() -> Station:
    """A station with a transaction on connector 1."""
    commissioning = Commissioning("CP-1", "ws://supervision.example/ocpp", MODEL, "1", DEFAULT_FIRMWARE_VERSION)
    cabinet = SimulatedCabinet(figures_of(find_model(MODEL)))
    station = Station(commissioning, StationOptions(), cabinet, {}, SeededChance(1))
    for event in (PowerRestored(EPOCH_S), LinkOpened(), CablePlugged(1), BadgeShown("TAG")):
        if isinstance(event, CablePlugged):
            cabinet.plug(1, FAMILY_CAR, 1.0)
        _befriend(station, station.handle(event, 1.0))
    return station


def _befriend(station: Station, effects: list[Effect]) -> None:
    """Answer what the station asks."""
    for effect in effects:
        if isinstance(effect, SendFrame):
            _, message_id, action, _ = msgspec.json.decode(effect.frame)
            answer = FrameReceived(msgspec.json.encode([3, message_id, FRIENDLY.get(action, {})]))
            _befriend(station, station.handle(answer, 1.0))


def _ask(station: Station, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    effects = station.handle(FrameReceived(msgspec.json.encode([2, "b", action, payload])), 1.0)
    answers = [msgspec.json.decode(effect.frame) for effect in effects if isinstance(effect, SendFrame)]
    answer: dict[str, Any] = next(frame[2] for frame in answers if frame[0] == 3)
    return answer


def _milliseconds(station: Station, payload: dict[str, Any], rounds: int) -> float:
    event = FrameReceived(msgspec.json.encode([2, "b", "GetCompositeSchedule", payload]))
    times = []
    for _ in range(rounds):
        began = time.process_time()
        station.handle(event, 1.0)
        times.append(time.process_time() - began)
    return round(min(times) * 1000, 3)


if __name__ == "__main__":
    print(measure(quick=False))
