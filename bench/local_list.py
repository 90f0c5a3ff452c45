"""SendLocalList through the station's doors: 100,000 entries in 250 messages, and what a list costs afterwards.

Times are of the CPU, from the frame of a request to the frame of its answer, with every record as an effect but without
a disk. `python -c "from bench.local_list import run; print(measure(quick=False))"` runs it alone.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.cabinet.cabinet import SimulatedCabinet
from forecourt.cabinet.of_model import figures_of
from forecourt.evlink.firmware import DEFAULT_FIRMWARE_VERSION
from forecourt.evlink.models import find_model
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.effects import DeleteRecord, SaveRecord, SendFrame
from forecourt.station.events import CablePlugged, CableUnplugged, FrameReceived, KeySet, LinkOpened, PowerRestored
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance

if TYPE_CHECKING:
    from forecourt.station.effects import Effect

MODEL = "EVD1S180TBB"
EPOCH_S = 1_772_438_400.0
A_MESSAGE = 400
BOOTED = {"status": "Accepted", "currentTime": "2026-03-02T08:00:01Z", "interval": 300}
COMMISSIONING = Commissioning("CP-1", "ws://127.0.0.1:9000", MODEL, "S-1", DEFAULT_FIRMWARE_VERSION)


class Listed:
    """A booted station with LocalAuthListEnabled, and its records."""

    def __init__(self, records: dict[tuple[str, str], bytes] | None = None) -> None:
        self.records = dict(records or {})
        self.saves = 0
        cabinet = SimulatedCabinet(figures_of(find_model(MODEL)))
        self.station = Station(COMMISSIONING, StationOptions(), cabinet, self.records, SeededChance(1))

    def boot(self) -> None:
        """Connect and be accepted."""
        self.keep(self.station.handle(PowerRestored(EPOCH_S), 0.0))
        self.settle(self.station.handle(LinkOpened(), 1.0))
        self.settle(self.station.handle(KeySet("MinimumStatusDuration", "0"), 1.0))
        self.settle(self.station.handle(KeySet("LocalAuthListEnabled", "true"), 1.0))

    def keep(self, effects: list[Effect]) -> None:
        """Keep the records as a store would."""
        for effect in effects:
            if isinstance(effect, SaveRecord):
                self.saves += 1
                self.records[(effect.kind, effect.key)] = effect.data
            elif isinstance(effect, DeleteRecord):
                self.records.pop((effect.kind, effect.key), None)

    def settle(self, effects: list[Effect]) -> None:
        """Answer every CALL until nothing is open."""
        self.keep(effects)
        for effect in effects:
            if isinstance(effect, SendFrame) and effect.frame.startswith(b"[2"):
                _, message_id, action, _ = msgspec.json.decode(effect.frame)
                answer = msgspec.json.encode([3, message_id, BOOTED if action == "BootNotification" else {}])
                self.settle(self.station.handle(FrameReceived(answer), 1.0))

    def send(self, frame: bytes) -> float:
        """One SendLocalList, which must be accepted; returns its seconds."""
        began = time.process_time()
        effects = self.station.handle(FrameReceived(frame), 2.0)
        took_s = time.process_time() - began
        answers = [effect.frame for effect in effects if isinstance(effect, SendFrame)]
        assert any(b'"Accepted"' in answer for answer in answers), answers
        self.keep(effects)
        return took_s

    def status_change_us(self, rounds: int) -> float:
        """Microseconds a status change, from the plug to its answered StatusNotification."""
        began = time.process_time()
        for _ in range(rounds):
            self.settle(self.station.handle(CablePlugged(1), 3.0))
            self.settle(self.station.handle(CableUnplugged(1), 3.0))
        return (time.process_time() - began) / (2 * rounds) * 1e6

    def lookup_us(self, tags: list[str]) -> float:
        """Microseconds to find the entry of a tag."""
        find = self.station._authorization.local_list.find
        began = time.process_time()
        found = sum(find(tag) is not None for tag in tags)
        took_s = time.process_time() - began
        assert found == len(tags), f"{found} of {len(tags)} tags were found"
        return took_s / len(tags) * 1e6


def measure(quick: bool) -> dict[str, Any]:
    """Figures of a list of 100,000 entries, and of a hundredth of it where that should make no difference."""
    entries = 4_000 if quick else 100_000
    messages = [_message(number, entries) for number in range(1, entries // A_MESSAGE + 1)]
    empty, small, full = Listed(), Listed(), Listed()
    for station in (empty, small, full):
        station.boot()
    for frame in messages[: max(1, len(messages) // 100)]:
        small.send(frame)
    took_s = [full.send(frame) for frame in messages]
    last = len(messages)
    changes = [_message(last + number, entries, number, "Blocked") for number in range(1, 51)]
    small_changes = [_message(last + number, A_MESSAGE, 1, "Blocked") for number in range(1, 51)]
    tags = [_tag(number) for number in range(0, entries, 7)]
    return {
        "entries": entries,
        "messages": last,
        "all_s": round(sum(took_s), 3),
        "message_ms": round(sum(took_s) / last * 1000, 3),
        "message_at_end_to_begin": round(sum(took_s[-last // 5 :]) / sum(took_s[: last // 5]), 2),
        "update_ms": round(sum(map(full.send, changes)) / len(changes) * 1000, 3),
        "update_of_small_list_ms": round(sum(map(small.send, small_changes)) / len(small_changes) * 1000, 3),
        "lookup_us": round(full.lookup_us(tags), 3),
        "lookup_in_small_list_us": round(small.lookup_us(tags[: A_MESSAGE // 7]), 3),
        "status_change_us": round(full.status_change_us(500), 1),
        "status_change_without_list_us": round(empty.status_change_us(500), 1),
        "records": sum(kind == "list" for kind, _ in full.records),
        "record_bytes_an_entry": round(
            sum(len(data) for (kind, _), data in full.records.items() if kind == "list") / entries, 1
        ),
        "load_s": round(_load_s(full.records), 3),
        "memory_mb": round(_memory_b(messages) / 1e6, 1),
    }


def _tag(number: int) -> str:
    """Fourteen hex digits, as a badge of seven bytes has."""
    return f"{number * 2_654_435_761 % 2**56:014X}"


def _message(version: int, entries: int, part: int | None = None, status: str = "Accepted") -> bytes:
    first = ((version if part is None else part) - 1) * A_MESSAGE % entries
    tags = [_tag(number) for number in range(first, first + A_MESSAGE)]
    payload = {
        "listVersion": version,
        "updateType": "Full" if version == 1 else "Differential",
        "localAuthorizationList": [{"idTag": tag, "idTagInfo": {"status": status}} for tag in tags],
    }
    return msgspec.json.encode([2, f"m{version}", "SendLocalList", payload])


def _load_s(records: dict[tuple[str, str], bytes]) -> float:
    """Seconds that a boot with this list takes."""
    began = time.process_time()
    Listed(records)
    return time.process_time() - began


def _memory_b(messages: list[bytes]) -> int:
    """Bytes that the list takes in a station, without its records."""
    station = Listed()
    station.boot()
    gc.collect()
    tracemalloc.start()
    for frame in messages:
        station.station.handle(FrameReceived(frame), 2.0)
    gc.collect()
    held_b, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held_b
